/* SPDX-License-Identifier: MIT */
/*
 * Handlers with odd ways: odd WAY uioN [MIB]
 *
 * Each serves a small disk in memory properly, but gets to it, waits or ends in a way that few do.
 * What is particular about WAY is checked here; whoever finds it wrong says so and exits with 9.
 */
#include "../../consumer/consumer.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 512

struct odd {
	const char *way, *name;
	char node[64];
	uint64_t blocks;
	unsigned char *data;
	struct consumer_fds fds;
	size_t map_len;
	void *region; /* of who maps by itself */
	bool at_read; /* the client waits in a READ */
	int (*wait)(struct odd *o);
	struct io_uring uring;
};

static __attribute__((noreturn)) void wrong(const char *what)
{
	fprintf(stderr, "odd: expected %s; errno %d (%s)\n", what, errno, strerror(errno));
	_exit(9);
}
#define NEED(cond)                    \
	do {                          \
		if (!(cond))          \
			wrong(#cond); \
	} while (0)

/* --- a disk ------------------------------------------------------------------------------------
 */

static uint64_t get_be(const uint8_t *p, int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static void put_be(uint8_t *p, int n, uint64_t v)
{
	for (; n--; v >>= 8)
		p[n] = (uint8_t)v;
}

static void sense(struct consumer_cmd *cmd, uint8_t asc)
{
	cmd->status = 2;
	memset(cmd->sense, 0, sizeof(cmd->sense));
	cmd->sense[0] = 0x70;
	cmd->sense[2] = 5;
	cmd->sense[7] = 10;
	cmd->sense[12] = asc;
}

static void answer(struct consumer *c, struct consumer_cmd *cmd, const void *data, size_t len)
{
	consumer_iov_put(c, cmd->iov, cmd->iov_cnt, 0, data, len);
	consumer_iov_zero(c, cmd->iov, cmd->iov_cnt, len);
}

static void transfer(struct odd *o, struct consumer *c, struct consumer_cmd *cmd, bool write)
{
	uint64_t lba = get_be(cmd->cdb + 2, 4), n = get_be(cmd->cdb + 7, 2);

	if (lba > o->blocks || n > o->blocks - lba || n * BLOCK != cmd->len)
		sense(cmd, 0x21);
	else if (write)
		consumer_iov_get(cmd->iov, cmd->iov_cnt, 0, o->data + lba * BLOCK, n * BLOCK);
	else
		answer(c, cmd, o->data + lba * BLOCK, n * BLOCK);
}

static void execute(struct odd *o, struct consumer *c, struct consumer_cmd *cmd)
{
	uint8_t data[36] = { 0, 0, 6, 2, 31, 0, 0, 2 };

	switch (cmd->cdb[0]) {
	case 0x00:
		answer(c, cmd, "", 0);
		return;
	case 0x12:
		if (cmd->cdb[1] & 1)
			break;
		memcpy(data + 8, "ODD     handler         0001", 28);
		answer(c, cmd, data, cmd->cdb[4] < 36 ? cmd->cdb[4] : 36);
		return;
	case 0x25:
		put_be(data, 4, o->blocks - 1);
		put_be(data + 4, 4, BLOCK);
		answer(c, cmd, data, 8);
		return;
	case 0x28:
		o->at_read = true;
		transfer(o, c, cmd, false);
		return;
	case 0x2a:
		transfer(o, c, cmd, true);
		return;
	default:
		break;
	}
	consumer_iov_zero(c, cmd->iov, cmd->iov_cnt, 0);
	sense(cmd, cmd->cdb[0] == 0x12 ? 0x24 : 0x20);
}

/* --- the usual way of doing things -------------------------------------------------------------
 */

static size_t map_size(const char *name)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/class/uio/%s/maps/map0/size", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	NEED(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoul(text, NULL, 0);
}

static int wait_poll(struct odd *o)
{
	struct pollfd pfd = { .fd = o->fds.io, .events = POLLIN };

	while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
		;
	return pfd.revents & POLLIN ? 0 : -EIO;
}

static void *map_given(void *ctx, size_t len, off_t offset)
{
	const struct odd *o = (const struct odd *)((const char *)ctx - offsetof(struct odd, fds));

	(void)len;
	(void)offset;
	return o->region;
}

/* Until the device goes: 0. @stop_at_read: until a READ has come, which gets no answer. */
static int serve(struct odd *o, bool stop_at_read)
{
	struct consumer_uio uio;
	struct consumer_cmd cmd;
	struct consumer c;
	int rc;

	consumer_uio_fd(&uio, &o->fds);
	if (o->region)
		uio.map = map_given;
	rc = consumer_attach(&c, &uio, o->map_len, NULL, false);
	if (rc) {
		fprintf(stderr, "odd: attach: %s\n", strerror(-rc));
		return 2;
	}
	for (;;) {
		while (consumer_fetch(&c, &cmd) == CONSUMER_CMD) {
			execute(o, &c, &cmd);
			if (o->at_read && stop_at_read)
				return 0;
			consumer_complete(&c, &cmd);
		}
		if (consumer_flush(&c) < 0 || o->wait(o) || consumer_read_event(&c) < 0)
			return 0;
	}
}

static void open_node(struct odd *o)
{
	o->fds.io = o->fds.mem = open(o->node, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (o->fds.io < 0) {
		fprintf(stderr, "odd: %s: %s\n", o->node, strerror(errno));
		exit(2);
	}
	o->map_len = map_size(o->name);
}

static void *map(struct odd *o, int fd)
{
	return mmap(NULL, o->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/* --- odd ways ----------------------------------------------------------------------------------
 */

static int plain(struct odd *o)
{
	open_node(o);
	return serve(o, false);
}

static int twice(struct odd *o)
{
	open_node(o);
	NEED(open(o->node, O_RDWR) == -1 && errno == EBUSY);
	return serve(o, false);
}

static int reopened(struct odd *o)
{
	void *region;
	int i;

	for (i = 0; i < 20; i++) {
		open_node(o);
		region = map(o, o->fds.mem);
		NEED(region != MAP_FAILED && !munmap(region, o->map_len) && !close(o->fds.io));
	}
	return plain(o);
}

/* While its parent waits. */
static int child_serves(struct odd *o)
{
	int status;
	pid_t pid;

	if (!o->region)
		open_node(o);
	pid = fork();
	if (!pid)
		_exit(serve(o, false));
	close(o->fds.io);
	NEED(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 9;
}

static int mapped_before_fork(struct odd *o)
{
	open_node(o);
	o->region = map(o, o->fds.mem);
	NEED(o->region != MAP_FAILED);
	return child_serves(o);
}

/* The number of the descriptor in the environment of the next image. */
static int execs(struct odd *o)
{
	const char *number = getenv("ODD_FD");
	char text[16];

	if (!number) {
		open_node(o);
		NEED(!fcntl(o->fds.io, F_SETFD, 0));
		snprintf(text, sizeof(text), "%d", o->fds.io);
		setenv("ODD_FD", text, 1);
		execl("/proc/self/exe", "odd", o->way, o->name, (char *)NULL);
		wrong("exec");
	}
	o->fds.io = o->fds.mem = atoi(number);
	o->map_len = map_size(o->name);
	return serve(o, false);
}

static int vforks(struct odd *o)
{
	int status, i;
	pid_t pid;

	open_node(o);
	for (i = 0; i < 3; i++) {
		pid = vfork();
		if (!pid) {
			execl("/bin/sh", "sh", "-c", "test -c /dev/uio0", (char *)NULL);
			_exit(8);
		}
		NEED(waitpid(pid, &status, 0) == pid && status == 0);
	}
	return serve(o, false);
}

static int drops(struct odd *o)
{
	open_node(o);
	if (!geteuid()) {
		setgroups(0, NULL);
		/* in a user namespace of one user there is nobody else to become */
		if (!setresgid(65534, 65534, 65534))
			NEED(!setresuid(65534, 65534, 65534));
	}
	NEED(map_size(o->name) == o->map_len);
	return serve(o, false);
}

static int drops_first(struct odd *o)
{
	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)) {
		fprintf(stderr, "odd: /dev/uio0: nobody else to become: Permission denied\n");
		return 2;
	}
	return plain(o);
}

/* Everything but what it serves with. */
static int closes_all(struct odd *o)
{
	struct stat st;
	int fd;

	open_node(o);
	for (fd = 0; fd < 1024; fd++)
		if (fd != o->fds.io)
			close(fd);
	NEED(!fstat(o->fds.io, &st) && S_ISCHR(st.st_mode) && minor(st.st_rdev) == 0);
	return serve(o, false);
}

static int wait_select(struct odd *o)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(o->fds.io, &set);
	return select(o->fds.io + 1, &set, NULL, NULL, NULL) == 1 ? 0 : -EIO;
}

static int selects(struct odd *o)
{
	o->wait = wait_select;
	return plain(o);
}

/* Poll by io_uring; the read that follows is the consumer's own. */
static int wait_uring_poll(struct odd *o)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&o->uring);
	struct io_uring_cqe *cqe;
	int rc;

	io_uring_prep_poll_add(sqe, o->fds.io, POLLIN);
	NEED(io_uring_submit(&o->uring) == 1);
	do
		rc = io_uring_wait_cqe(&o->uring, &cqe);
	while (rc == -EINTR);
	NEED(!rc);
	rc = cqe->res > 0 && cqe->res & POLLIN ? 0 : -EIO;
	io_uring_cqe_seen(&o->uring, cqe);
	return rc;
}

/* The event itself by io_uring. */
static int wait_uring_read(struct odd *o)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&o->uring);
	struct io_uring_cqe *cqe;
	uint32_t count;
	int rc;

	io_uring_prep_read(sqe, o->fds.io, &count, sizeof(count), -1);
	NEED(io_uring_submit(&o->uring) == 1);
	do
		rc = io_uring_wait_cqe(&o->uring, &cqe);
	while (rc == -EINTR);
	NEED(!rc);
	rc = cqe->res;
	io_uring_cqe_seen(&o->uring, cqe);
	if (rc == -EAGAIN) /* not before 5.19, if the file does not block */
		return wait_poll(o);
	return rc == sizeof(count) ? 0 : -EIO;
}

static int uring(struct odd *o)
{
	NEED(!io_uring_queue_init(4, &o->uring, 0));
	o->wait = !strcmp(o->way, "uring-read") ? wait_uring_read : wait_uring_poll;
	return plain(o);
}

/* Behind everybody's back: what it gets is no device. */
static int uring_open(struct odd *o)
{
	struct io_uring_cqe *cqe;

	NEED(!io_uring_queue_init(4, &o->uring, 0));
	io_uring_prep_openat(io_uring_get_sqe(&o->uring), AT_FDCWD, o->node, O_RDWR, 0);
	NEED(io_uring_submit(&o->uring) == 1 && !io_uring_wait_cqe(&o->uring, &cqe));
	if (cqe->res < 0) {
		fprintf(stderr, "odd: %s by io_uring: %s\n", o->node, strerror(-cqe->res));
		return 2;
	}
	o->fds.io = o->fds.mem = cqe->res;
	o->map_len = map_size(o->name);
	return serve(o, false);
}

/* Another thread waits for events and tells by a pipe. */
struct sleeper {
	int node, pipe;
};

static void *wait_and_tell(void *arg)
{
	const struct sleeper *s = arg;
	struct pollfd pfd = { .fd = s->node, .events = POLLIN };

	while (poll(&pfd, 1, -1) >= 0 && !(pfd.revents & ~POLLIN))
		if (write(s->pipe, "", 1) != 1 || usleep(100))
			break;
	close(s->pipe);
	return NULL;
}

static int pipe_fd;

static int wait_pipe(struct odd *o)
{
	char byte[64];

	(void)o;
	return read(pipe_fd, byte, sizeof(byte)) > 0 ? 0 : -EIO;
}

static int threads(struct odd *o)
{
	struct sleeper s;
	pthread_t t;
	int fds[2];

	open_node(o);
	NEED(!pipe(fds));
	s = (struct sleeper){ o->fds.io, fds[1] };
	pipe_fd = fds[0];
	o->wait = wait_pipe;
	NEED(!pthread_create(&t, NULL, wait_and_tell, &s));
	return serve(o, false);
}

/* Over numbers that the world may want for itself, before and after. */
static int dups(struct odd *o)
{
	int null = open("/dev/null", O_RDWR), fd, netlink;

	for (fd = 950; fd < 1010; fd++)
		NEED(dup2(null, fd) == fd);
	open_node(o);
	NEED(dup2(o->fds.io, 970) == 970);
	close(o->fds.io);
	o->fds.io = o->fds.mem = 970;
	netlink = socket(AF_NETLINK, SOCK_RAW, 16);
	NEED(netlink < 0 || netlink != 970);
	NEED(write(980, "x", 1) == 1); /* still what it was */
	return serve(o, false);
}

static int maps_twice(struct odd *o)
{
	volatile unsigned char *a, *b;

	open_node(o);
	a = map(o, o->fds.mem);
	b = map(o, dup(o->fds.mem));
	NEED(a != MAP_FAILED && b != MAP_FAILED && a != b);
	NEED(!memcmp((const void *)(uintptr_t)a, (const void *)(uintptr_t)b, 256));
	NEED(mmap(NULL, o->map_len + 4096, PROT_READ, MAP_SHARED, o->fds.mem, 0) == MAP_FAILED);
	NEED(mmap(NULL, o->map_len, PROT_READ, MAP_SHARED, o->fds.mem, 4096) == MAP_FAILED);
	o->region = (void *)(uintptr_t)b;
	munmap((void *)(uintptr_t)a, o->map_len);
	return serve(o, false);
}

/* A second process gets the descriptor by a message, and serves. */
static int passes(struct odd *o)
{
	char ctl[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)
	};
	int pair[2], status;
	pid_t pid;

	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	if (!pid) {
		NEED(recvmsg(pair[1], &msg, 0) == 1);
		memcpy(&o->fds.io, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
		o->fds.mem = o->fds.io;
		o->map_len = map_size(o->name);
		_exit(serve(o, false));
	}
	open_node(o);
	*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &o->fds.io, sizeof(int));
	NEED(sendmsg(pair[0], &msg, 0) == 1);
	close(o->fds.io);
	NEED(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 9;
}

static int other_namespace(struct odd *o)
{
	bool first = !strcmp(o->way, "namespace-first");

	if (!first)
		open_node(o);
	if (unshare(CLONE_NEWNS))
		fprintf(stderr, "odd: no namespace: %s\n", strerror(errno));
	else if (!first)
		NEED(!mount("odd", "/dev", "tmpfs", 0, NULL));
	if (first)
		open_node(o);
	return serve(o, false);
}

static int few_files(struct odd *o)
{
	NEED(!setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 16, 16 }));
	return plain(o);
}

static int by_number(struct odd *o)
{
	o->fds.io = o->fds.mem = (int)syscall(SYS_openat, AT_FDCWD, o->node, O_RDWR | O_NONBLOCK);
	if (o->fds.io < 0) {
		fprintf(stderr, "odd: %s by system call: %s\n", o->node, strerror(errno));
		return 2;
	}
	o->map_len = map_size(o->name);
	o->region = (void *)syscall(SYS_mmap, NULL, o->map_len, PROT_READ | PROT_WRITE, MAP_SHARED,
				    o->fds.io, 0);
	NEED(o->region != MAP_FAILED);
	return serve(o, false);
}

/* Opens what leads to the node by links: of its own, of the kernel, one after the other. */
static int links(struct odd *o)
{
	char dir[] = "/tmp/odd-links.XXXXXX", path[128], at[64];
	int i, fd = open(o->node, O_PATH);

	NEED(fd >= 0 && mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/dev", dir);
	NEED(!symlink("../../../tmp/../dev", path));
	snprintf(at, sizeof(at), "%s/node", dir);
	snprintf(path, sizeof(path), "dev/%s", o->name);
	NEED(!symlink(path, at));
	for (i = 0; i < 5; i++) {
		static const char *const forms[] = { "%s/node", "%s/dev/./uio0",
						     "/proc/self/root%s/node",
						     "%s/dev/../dev/uio0" };

		if (i < 4)
			snprintf(path, sizeof(path), forms[i], dir);
		else
			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		o->fds.io = open(path, O_RDWR | O_NONBLOCK);
		if (o->fds.io < 0 || (i < 4 && close(o->fds.io)))
			break;
	}
	if (o->fds.io >= 0)
		NEED(open(at, O_RDWR | O_NOFOLLOW) == -1 && errno == ELOOP);
	unlink(at);
	snprintf(at, sizeof(at), "%s/dev", dir);
	NEED(!unlink(at) && !rmdir(dir));
	if (o->fds.io < 0) {
		fprintf(stderr, "odd: %s: %s\n", path, strerror(errno));
		return 2;
	}
	o->fds.mem = o->fds.io;
	o->map_len = map_size(o->name);
	return serve(o, false);
}

/* Wants all that it maps in memory: a driver's region stays as it is. */
static int locks(struct odd *o)
{
	NEED(!mlockall(MCL_CURRENT | MCL_FUTURE));
	open_node(o);
	o->region = mmap(NULL, o->map_len, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE | MAP_LOCKED, o->fds.mem, 0);
	NEED(o->region != MAP_FAILED && !mlockall(MCL_CURRENT));
	NEED(mlockall(0) == -1 && errno == EINVAL);
	return serve(o, false);
}

/* As a kernel: what a file is not open for cannot be mapped; what is there cannot be made. */
static int wrong_flags(struct odd *o)
{
	int fd;

	NEED(open(o->node, O_RDWR | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST);
	NEED(open(o->node, O_RDONLY | O_DIRECTORY) == -1 && errno == ENOTDIR);
	fd = open(o->node, O_RDONLY);
	o->map_len = map_size(o->name);
	NEED(fd >= 0 && map(o, fd) == MAP_FAILED && errno == EACCES);
	NEED(mmap(NULL, o->map_len, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
	close(fd);
	return plain(o);
}

static int leaves(struct odd *o)
{
	open_node(o);
	serve(o, true);
	if (!strcmp(o->way, "killed"))
		raise(SIGKILL);
	if (!strcmp(o->way, "crashes"))
		abort();
	return 3;
}

static int another_device(struct odd *o)
{
	snprintf(o->node, sizeof(o->node), "/dev/uio77");
	return plain(o);
}

static int never_serves(struct odd *o)
{
	open_node(o);
	while (pause())
		;
	return 0;
}

static const struct {
	const char *way;
	int (*fn)(struct odd *o);
} ways[] = {
	{ "plain", plain },
	{ "twice", twice },
	{ "reopened", reopened },
	{ "fork", child_serves },
	{ "fork-mapped", mapped_before_fork },
	{ "exec", execs },
	{ "vfork", vforks },
	{ "drop", drops },
	{ "drop-first", drops_first },
	{ "close-all", closes_all },
	{ "select", selects },
	{ "uring-poll", uring },
	{ "uring-read", uring },
	{ "uring-open", uring_open },
	{ "threads", threads },
	{ "dup2", dups },
	{ "map-twice", maps_twice },
	{ "pass", passes },
	{ "namespace", other_namespace },
	{ "namespace-first", other_namespace },
	{ "few-files", few_files },
	{ "by-number", by_number },
	{ "links", links },
	{ "locks", locks },
	{ "wrong-flags", wrong_flags },
	{ "exits", leaves },
	{ "killed", leaves },
	{ "crashes", leaves },
	{ "another-device", another_device },
	{ "never-serves", never_serves },
};

int main(int argc, char **argv)
{
	struct odd o = { .wait = wait_poll };
	size_t i;

	if (argc < 3)
		return 2;
	o.way = argv[1];
	o.name = argv[2];
	snprintf(o.node, sizeof(o.node), "/dev/%s", o.name);
	o.blocks = (argc > 3 ? strtoul(argv[3], NULL, 10) : 4) << 11;
	o.data = calloc(o.blocks, BLOCK);
	for (i = 0; o.data && i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].way, o.way))
			return ways[i].fn(&o);
	fprintf(stderr, "odd: no such way: %s\n", o.way);
	return 2;
}
