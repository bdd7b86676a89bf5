/* SPDX-License-Identifier: MIT */
/*
 * Programs in a world, and the few calls of theirs that are intercepted. Each test starts this
 * program again as a handler that tries one thing; what it found is its exit status: 0, or the line
 * number of what was wrong, modulo 256.
 */
#include "../internal.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/target_core_user.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 20000

#define WANT(cond)                                \
	do {                                      \
		if (!(cond))                      \
			exit(__LINE__ % 255 + 1); \
	} while (0)

/* --- the programs -------------------------------------------------------------------------------
 */

static size_t region_len;

static int open_node(void)
{
	int fd = open("/dev/uio0", O_RDWR | O_CLOEXEC);

	WANT(fd >= 0);
	return fd;
}

static struct tcmu_mailbox *map_node(int fd)
{
	void *p = mmap(NULL, region_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	WANT(p != MAP_FAILED);
	return p;
}

static int open_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void maps_the_region(void)
{
	int fd = open_node(), before = open_descriptors();
	struct tcmu_mailbox *mb = map_node(fd);

	WANT(mb->version == TCMU_MAILBOX_VERSION);
	WANT(mb->cmdr_off == 128 && mb->cmdr_size == (1 << 20) - 128);
	WANT(open_descriptors() == before);
	munmap(mb, region_len);
	mb = map_node(fd);
	WANT(mb->version == TCMU_MAILBOX_VERSION);
}

static void maps_through_a_copy(void)
{
	int fd = open_node(), other = dup(fd);

	close(fd);
	WANT(dup2(other, 77) == 77);
	WANT(map_node(77)->version == TCMU_MAILBOX_VERSION);
}

/* Nothing of a program that gave up may stay. */
static pid_t fork_child(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void maps_in_a_child(void)
{
	int fd = open_node(), status;
	pid_t pid = fork_child();

	if (!pid)
		exit(map_node(fd)->version != TCMU_MAILBOX_VERSION);
	WANT(waitpid(pid, &status, 0) == pid && status == 0);
}

static void maps_what_it_was_sent(void)
{
	char ctl[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)
	};
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
	int pair[2], fd, status;
	pid_t pid;

	WANT(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork_child();
	if (!pid) {
		WANT(recvmsg(pair[1], &msg, 0) == 1);
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
		WANT(map_node(fd)->version == TCMU_MAILBOX_VERSION);
		exit(0);
	}
	fd = open_node();
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	WANT(sendmsg(pair[0], &msg, 0) == 1);
	WANT(waitpid(pid, &status, 0) == pid && status == 0);
}

static void *map_thread(void *arg)
{
	return map_node(*(int *)arg);
}

static void maps_in_threads(void)
{
	int fd = open_node(), i;
	pthread_t th[8];
	void *mb;

	for (i = 0; i < 8; i++)
		WANT(!pthread_create(&th[i], NULL, map_thread, &fd));
	for (i = 0; i < 8; i++) {
		WANT(!pthread_join(th[i], &mb));
		WANT(((struct tcmu_mailbox *)mb)->version == TCMU_MAILBOX_VERSION);
	}
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

/* As a runtime does that preempts its threads by signals. */
static void maps_under_signals(void)
{
	struct itimerval often = { { 0, 200 }, { 0, 200 } };
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct tcmu_mailbox *mb;
	int fd, i;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; i < 50; i++) {
		fd = open("/dev/uio0", O_RDWR | O_CLOEXEC);
		WANT(fd >= 0 || errno == EBUSY); /* the last close is seen a moment later */
		if (fd < 0)
			continue;
		mb = map_node(fd);
		WANT(mb->version == TCMU_MAILBOX_VERSION);
		munmap(mb, region_len);
		close(fd);
	}
	WANT(alarms > 0);
}

static void is_refused_wrong_maps(void)
{
	int fd = open_node();

	WANT(mmap(NULL, 2 * region_len, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	WANT(errno == EINVAL);
	WANT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	WANT(errno == EINVAL);
	WANT(mmap(NULL, region_len, PROT_READ, MAP_SHARED, fd, 4096) == MAP_FAILED);
	WANT(errno == EINVAL);
}

static void is_refused_a_second_open(void)
{
	int fd = open_node();

	WANT(open("/dev/uio0", O_RDWR) < 0 && errno == EBUSY);
	WANT(open("/dev/../dev/uio0", O_RDWR) < 0 && errno == EBUSY);
	WANT(!chdir("/dev"));
	WANT(open("uio0", O_RDWR) < 0 && errno == EBUSY);
	close(fd);
}

static void sees_a_character_device(void)
{
	struct stat st;
	struct statx stx;
	int fd = open_node();

	WANT(!fstat(fd, &st) && S_ISCHR(st.st_mode));
	WANT(!statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &stx) && S_ISCHR(stx.stx_mode));
	WANT(!fstat(0, &st)); /* none of ours: as ever */
	WANT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	WANT(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
}

static void waits_for_an_event(void)
{
	int fd = open("/dev/uio0", O_RDWR | O_NONBLOCK);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint32_t count = 0;

	WANT(fd >= 0 && fcntl(fd, F_GETFL) & O_NONBLOCK);
	WANT(read(fd, &count, 4) < 0 && errno == EAGAIN);
	WANT(write(fd, &count, 4) == 4); /* the test answers with an event */
	WANT(poll(&pfd, 1, 10000) == 1 && pfd.revents & POLLIN);
	WANT(read(fd, &count, 4) == 4 && count > 0);
}

/* The owner, asked what this is, must not ask itself. */
static void looks_at_files(void)
{
	char name[88] = "";
	struct stat st;
	int fd = open("/sys/class/uio/uio0/name", O_RDONLY);

	WANT(fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode));
	WANT(read(fd, name, 88) > 0 && !strcmp(name, "tcm-user/0/disk/test/disk\n"));
	WANT(ioctl(fd, 0x2285, NULL) < 0 && errno == ENOTTY);
}

static void is_traced_by_another(void)
{
	int status, fd;
	pid_t pid = fork_child();

	if (!pid) {
		WANT(!ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		fd = open_node();
		WANT(mmap(NULL, region_len, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
		WANT(errno == EPERM);
		_exit(0); /* what runs at exit may not like a tracer */
	}
	WANT(waitpid(pid, &status, 0) == pid && status == 0);
	fd = open_node();
	WANT(map_node(fd)->version == TCMU_MAILBOX_VERSION);
}

static const struct program {
	const char *name;
	void (*run)(void);
} programs[] = {
	{ "maps the region", maps_the_region },
	{ "maps through a copy", maps_through_a_copy },
	{ "maps in a child", maps_in_a_child },
	{ "maps what it was sent", maps_what_it_was_sent },
	{ "maps in threads", maps_in_threads },
	{ "maps under signals", maps_under_signals },
	{ "is refused wrong maps", is_refused_wrong_maps },
	{ "is refused a second open", is_refused_a_second_open },
	{ "sees a character device", sees_a_character_device },
	{ "waits for an event", waits_for_an_event },
	{ "looks at files", looks_at_files },
	{ "is traced by another", is_traced_by_another },
};

static int be_program(const char *name, const char *len)
{
	size_t i;

	region_len = strtoul(len, NULL, 10);
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (strcmp(programs[i].name, name))
			continue;
		programs[i].run();
		return 0;
	}
	return 255;
}

/* --- the tests ----------------------------------------------------------------------------------
 */

struct rig {
	struct world *w;
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	struct world_device *d;
	int rc;
	char last[512];
};

static void on_say(void *ctx, const char *line)
{
	struct rig *r = ctx;

	snprintf(r->last, sizeof(r->last), "%s", line);
}

static void on_event(void *ctx)
{
	struct rig *r = ctx;

	world_device_event(r->d);
}

static const struct ringsim_ops ops = { .event = on_event };

static void on_done(void *ctx, struct world_device *d, int rc)
{
	struct rig *r = ctx;

	(void)d;
	r->rc = rc;
}

static void rig_start(struct rig *r, const char *dir)
{
	struct world_config cfg = {
		.dir = dir, .mechanism = WORLD_SECCOMP, .say = on_say, .ctx = r
	};
	struct world_device_config dev = WORLD_DEVICE_CONFIG;
	char err[200] = "";

	memset(r, 0, sizeof(*r));
	r->rc = 1;
	CU_ASSERT_EQUAL_FATAL(world_create(&r->w, &cfg, err, sizeof(err)), 0);
	dev.name = "disk";
	dev.config = "test/disk";
	dev.size_bytes = 1 << 20;
	dev.sim.geo.ring_mb = 1;
	dev.sim.geo.data_area_mb = 1;
	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&r->dev, &dev.sim, &ops, r, err, sizeof(err)),
			      0);
	r->uio.dev = r->dev;
	CU_ASSERT_EQUAL_FATAL(
		world_device_adopt(r->w, &r->d, &dev, &r->uio, on_done, r, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(r->rc, 0);
}

static void rig_stop(struct rig *r)
{
	world_destroy(r->w);
	ringsim_device_destroy(r->dev);
}

/* Serves the world until @pid has ended; its exit status, or -1. */
static int serve_until_exit(struct rig *r, pid_t pid)
{
	uint64_t end = world_now_ns() + LIMIT_MS * 1000000ull;
	struct pollfd pfd = { .fd = world_fd(r->w), .events = POLLIN };
	int status;

	while (world_now_ns() < end) {
		poll(&pfd, 1, 5);
		world_service(r->w);
		if (world_device_take_rings(r->d))
			ringsim_spurious_event(r->dev);
		if (waitpid(pid, &status, WNOHANG) == pid) {
			world_service(r->w);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -1;
}

static void run_program(const char *name)
{
	char len[32], err[200] = "", self[256] = "", flag[] = "--program",
		      dir[] = "/tmp/world-XXXXXX";
	char *argv[] = { self, flag, (char *)(uintptr_t)name, len, NULL };
	struct world_program p = { .argv = argv, .output_fd = -1 };
	struct rig r;
	pid_t pid;
	int rc;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	CU_ASSERT_FATAL(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	rig_start(&r, dir);
	snprintf(len, sizeof(len), "%llu", (unsigned long long)ringsim_layout(r.dev)->region_size);
	pid = world_spawn(r.w, &p, err, sizeof(err));
	if (pid < 0)
		printf(" \"%s\": %s ", name, err);
	CU_ASSERT_FATAL(pid > 0);
	rc = serve_until_exit(&r, pid);
	if (rc)
		printf(" \"%s\": status %d (%s) ", name, rc, r.last);
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_FALSE(r.uio.is_open); /* whoever held it is gone */
	rig_stop(&r);
	rmdir(dir);
}

/* The world's owner moves into namespaces for good: a child is the owner, as it will be. */
static void test_programs(void)
{
	size_t i;
	int status;
	unsigned int before;
	pid_t pid;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		fflush(stdout);
		before = CU_get_number_of_failures();
		pid = fork();
		if (!pid) {
			run_program(programs[i].name);
			fflush(stdout);
			_exit(CU_get_number_of_failures() != before);
		}
		CU_ASSERT(waitpid(pid, &status, 0) == pid && status == 0);
	}
}

int main(int argc, char **argv)
{
	CU_pSuite suite;
	unsigned int failed;
	char why[200];

	if (argc == 4 && !strcmp(argv[1], "--program"))
		return be_program(argv[2], argv[3]);
	if (world_probe(WORLD_SECCOMP, why, sizeof(why))) {
		printf("%s\n", why);
		return 77;
	}
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("calls", NULL, NULL);
	CU_add_test(suite, "programs are answered as a kernel would", test_programs);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
