/* SPDX-License-Identifier: MIT */
/*
 * Netlink sockets of programs in a world, by their own system calls. Each test starts this program
 * again to try one thing, while a device comes and goes; its exit status is 0, or tells the line of
 * what was wrong.
 */
#include "../internal.h"
#include "genl_expected.h"
#include "genl_script.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 30000
#define EVENT_MS 100
#define GROUP	 5 /* of TCM-USER in a world; real programs ask */

#define WANT(cond)                                \
	do {                                      \
		if (!(cond))                      \
			exit(__LINE__ % 255 + 1); \
	} while (0)

/* --- the programs -------------------------------------------------------------------------------
 */

static int open_socket(uint32_t groups)
{
	const struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	WANT(fd >= 0);
	WANT(!bind(fd, (const struct sockaddr *)&a, sizeof(a)));
	return fd;
}

static void ask_for_family(int fd)
{
	struct {
		struct nlmsghdr h;
		struct genlmsghdr g;
		struct nlattr a;
		char name[12];
	} m = { { .nlmsg_len = 33 + 3, .nlmsg_type = GENL_ID_CTRL, .nlmsg_flags = NLM_F_REQUEST },
		{ .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
		{ .nla_len = 13, .nla_type = CTRL_ATTR_FAMILY_NAME },
		"TCM-USER" };

	WANT(send(fd, &m, m.h.nlmsg_len, 0) == (ssize_t)m.h.nlmsg_len);
}

static void receive_family(int fd)
{
	struct sockaddr_nl from = { .nl_pid = 1 };
	socklen_t len = sizeof(from);
	char buf[4096];
	ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

	WANT(n > 100 && from.nl_pid == 0 && memmem(buf, (size_t)n, "TCM-USER", 9));
}

static long direct(void *ctx, int nr, const uint64_t arg[6])
{
	long rc = syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);

	(void)ctx;
	return rc < 0 ? -errno : rc;
}

static void is_answered_as_recorded(void)
{
	static char out[1 << 17];

	genl_script(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), direct, NULL, out, sizeof(out));
	WANT(!strcmp(out, genl_expected));
}

static void waits_for_an_event(void)
{
	struct sockaddr_nl from = { .nl_pid = 1 };
	struct iovec iov;
	struct msghdr m = { &from, sizeof(from), &iov, 1, NULL, 0, 0 };
	char buf[512];
	ssize_t n;

	iov = (struct iovec){ buf, sizeof(buf) };
	n = recvmsg(open_socket(1u << (GROUP - 1)), &m, 0);
	WANT(n > 0 && memmem(buf, (size_t)n, "tcm-user/0/tick", 15));
	WANT(from.nl_pid == 0 && from.nl_groups == 1u << (GROUP - 1));
}

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static void start_timer(int flags, suseconds_t us)
{
	const struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };
	const struct itimerval t = { .it_value = { 0, us }, .it_interval = { 0, 0 } };

	WANT(!sigaction(SIGALRM, &sa, NULL) && !setitimer(ITIMER_REAL, &t, NULL));
}

static void is_interrupted(void)
{
	char buf[64];

	start_timer(0, 150000);
	WANT(recv(open_socket(0), buf, sizeof(buf), 0) == -1 && errno == EINTR && signals == 1);
}

static void goes_on_after_a_signal(void)
{
	const struct timeval limit = { .tv_sec = 1 };
	int fd = open_socket(1u << (GROUP - 1));
	char buf[512];

	/* no event may come first: the timer runs out before anything is asked for again */
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	start_timer(SA_RESTART, 1000);
	WANT(recv(fd, buf, sizeof(buf), 0) > 0);
	/* with a time limit the kernel does not begin again */
	fd = open_socket(0);
	WANT(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	start_timer(SA_RESTART, 150000);
	WANT(recv(fd, buf, sizeof(buf), 0) == -1 && errno == EINTR);
}

static void has_a_time_limit(void)
{
	const struct timeval limit = { .tv_usec = 100000 };
	int fd = open_socket(0);
	char buf[64];

	WANT(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	WANT(recv(fd, buf, sizeof(buf), 0) == -1 && errno == EAGAIN);
}

static void shares_with_a_child(void)
{
	int fd = open_socket(0), status;
	pid_t pid = fork();

	if (!pid) {
		ask_for_family(fd);
		exit(0);
	}
	receive_family(fd);
	WANT(waitpid(pid, &status, 0) == pid && status == 0);
}

/* What a copy with another number cannot do fails, and does not hang. */
static void uses_a_copy(void)
{
	int fd = open_socket(1u << (GROUP - 1)), copy = dup(fd);
	char buf[512];

	WANT(recv(copy, buf, sizeof(buf), 0) > 0);
	WANT(send(copy, buf, 20, 0) == -1 && errno == ECONNREFUSED);
	close(fd);
	WANT(recv(copy, buf, sizeof(buf), 0) > 0);
}

static void selects(void)
{
	int fd = open_socket(1u << (GROUP - 1));
	struct timeval limit = { .tv_sec = 10 };
	char buf[512];
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	WANT(select(fd + 1, &set, NULL, NULL, &limit) == 1);
	WANT(recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0);
}

static void has_few_descriptors(void)
{
	struct rlimit limit;

	WANT(!getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 64;
	WANT(!setrlimit(RLIMIT_NOFILE, &limit));
	ask_for_family(open_socket(0));
}

static void *ask_often(void *arg)
{
	int i, fd;

	(void)arg;
	for (i = 0; i < 50; i++) {
		fd = open_socket(0);
		ask_for_family(fd);
		receive_family(fd);
		close(fd);
	}
	return NULL;
}

static void has_threads(void)
{
	pthread_t th[4];
	int i;

	for (i = 0; i < 4; i++)
		WANT(!pthread_create(&th[i], NULL, ask_often, NULL));
	for (i = 0; i < 4; i++)
		WANT(!pthread_join(th[i], NULL));
}

/* Its own file on a number of the reserved range is its own. */
static void takes_a_reserved_number(void)
{
	int p[2], fd = open_socket(0), i;
	char byte = 7;

	WANT(!pipe(p));
	for (i = RESERVED_FD_FIRST; i <= RESERVED_FD_LAST; i++)
		WANT(i == fd || dup2(p[0], i) == i);
	WANT(write(p[1], &byte, 1) == 1 && read(RESERVED_FD_LAST, &byte, 1) == 1 && byte == 7);
	WANT(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC) == -1 && errno == EMFILE);
	WANT(dup2(p[1], fd) == fd && write(fd, &byte, 1) == 1);
}

static const struct {
	const char *name;
	void (*run)(void);
} programs[] = {
	{ "is answered as recorded", is_answered_as_recorded },
	{ "waits for an event", waits_for_an_event },
	{ "is interrupted", is_interrupted },
	{ "goes on after a signal", goes_on_after_a_signal },
	{ "has a time limit", has_a_time_limit },
	{ "shares with a child", shares_with_a_child },
	{ "uses a copy", uses_a_copy },
	{ "selects", selects },
	{ "has few descriptors", has_few_descriptors },
	{ "has threads", has_threads },
	{ "takes a reserved number", takes_a_reserved_number },
};

/* --- the world ---------------------------------------------------------------------------------
 */

static void removed(void *ctx)
{
	*(struct world_device **)ctx = NULL;
}

static void created(void *ctx, struct world_device *d, int rc)
{
	(void)d;
	*(int *)ctx = rc;
}

/* A device comes and goes, again and again. */
static void tick(struct world *w, struct world_device **d, uint64_t *next)
{
	struct world_device_config cfg = WORLD_DEVICE_CONFIG;
	char err[200];
	int rc = 0;

	if (world_now_ns() < *next)
		return;
	*next = world_now_ns() + EVENT_MS * 1000000ull;
	cfg.name = "tick";
	cfg.size_bytes = 1 << 20;
	cfg.sim.geo = (struct ringsim_geometry){ .ring_mb = 1, .data_area_mb = 1 };
	if (*d)
		world_device_remove(*d, removed, d);
	else if (world_device_create(w, d, &cfg, created, &rc, err, sizeof(err)) || rc)
		CU_FAIL("the device comes");
}

static int serve_until_exit(struct world *w, pid_t pid)
{
	uint64_t end = world_now_ns() + LIMIT_MS * 1000000ull, next = 0;
	struct pollfd pfd = { .fd = world_fd(w), .events = POLLIN };
	struct world_device *d = NULL;
	int status;

	while (world_now_ns() < end) {
		poll(&pfd, 1, 10);
		world_service(w);
		tick(w, &d, &next);
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -ETIMEDOUT;
}

static int run_program(const char *name)
{
	char err[300] = "", self[256] = "", flag[] = "--program", dir[] = "/tmp/world-XXXXXX";
	char *argv[] = { self, flag, (char *)(uintptr_t)name, NULL };
	struct world_program p = { .argv = argv, .output_fd = -1 };
	struct world_config cfg = { .mechanism = WORLD_SECCOMP };
	struct world *w;
	pid_t pid;
	int rc;

	cfg.dir = mkdtemp(dir);
	rc = cfg.dir ? world_create(&w, &cfg, err, sizeof(err)) : -errno;
	if (rc) {
		printf(" no world: %s ", err);
		return rc;
	}
	rc = readlink("/proc/self/exe", self, sizeof(self) - 1) > 0 ? 0 : -errno;
	pid = rc ? rc : world_spawn(w, &p, err, sizeof(err));
	rc = pid > 0 ? serve_until_exit(w, pid) : pid;
	if (rc)
		printf(" \"%s\": status %d %s ", name, rc, err);
	world_destroy(w);
	rmdir(dir);
	return rc;
}

/* The world's owner moves into namespaces for good: a child is the owner. */
static void test_programs(void)
{
	size_t i;
	int status;
	pid_t pid;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		fflush(stdout);
		pid = fork();
		if (!pid) {
			status = run_program(programs[i].name);
			fflush(stdout);
			_exit(status != 0 || CU_get_number_of_failures());
		}
		CU_ASSERT_TRUE(waitpid(pid, &status, 0) == pid && status == 0);
	}
}

static int be_program(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (strcmp(programs[i].name, name) != 0)
			continue;
		programs[i].run();
		return 0;
	}
	return 255;
}

int main(int argc, char **argv)
{
	unsigned int failed;

	if (argc == 3 && !strcmp(argv[1], "--program"))
		return be_program(argv[2]);
	if (CU_initialize_registry() || !CU_add_suite("netlink of programs", NULL, NULL))
		return 2;
	CU_add_test(CU_get_suite("netlink of programs"), "they are answered as by a kernel",
		    test_programs);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
