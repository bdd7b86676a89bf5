/* SPDX-License-Identifier: MIT */
/*
 * The preloaded library and its owner's side, with an owner that knows one UIO node, one SCSI node
 * and one kind of socket. The test starts itself again as the program, with the library.
 */
#include "../internal.h"
#include "../preload/protocol.h"
#include "../program.h"
#include "../../tests/rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 30000
#define SG_IO	 0x2285
#define SG_NEVER 0x2201 /* is not answered */
#define SG_FLIP	 0x2202 /* all bytes of a struct span are inverted */
#define SG_GIVES 0x2203 /* how many calls were answered */
#define BIG	 (3 * PRELOAD_PART + 17)

struct span {
	void *addr;
	size_t len;
};

/* --- the program -------------------------------------------------------------------------------
 */

static int wrong(int line, const char *what)
{
	fprintf(stderr, "# line %d: expected %s; errno %d\n", line, what, errno);
	return 1;
}
#define NEED(cond)                                     \
	do {                                           \
		if (!(cond))                           \
			return wrong(__LINE__, #cond); \
	} while (0)

static int child_open(void)
{
	char buf[64];
	struct stat st;
	int fd, other;

	closefrom(3); /* whatever was inherited */
	close(0);
	fd = open("/dev/uio3", O_RDWR | O_CLOEXEC);
	NEED(fd == 0); /* the lowest that is free, as it must be */
	NEED(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	NEED(write(fd, "ring", 4) == 4);
	NEED(!fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == UIO_RDEV(3));
	other = openat(AT_FDCWD, "/dev/../dev//./sg3", O_RDONLY);
	NEED(other == 3 && fcntl(other, F_GETFD) == 0);
	NEED(!stat("/dev/sg3", &st) && S_ISCHR(st.st_mode) && st.st_rdev == SG_RDEV(3));
	NEED(!stat("/dev/uio3", &st) && S_ISCHR(st.st_mode) && st.st_rdev == UIO_RDEV(3));
	NEED(open("/dev/uio4", O_RDWR) == -1 && errno == ENOENT);
	NEED(open("/dev/sg9", O_RDWR | O_CREAT, 0600) == -1 && errno == ENXIO);
	NEED(!chdir("/dev") && open("uio3", O_RDONLY) == 4);
	NEED(getcwd(buf, sizeof(buf)) && !strcmp(buf, "/dev"));
	/* a limit of descriptors is the program's own error, and no other's */
	NEED(!setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 6, 6 }));
	NEED(open("/dev/uio3", O_RDONLY) == -1 && errno == EMFILE);
	NEED(!close(4) && open("/dev/uio3", O_RDONLY) == 4);
	return 0;
}

static int child_map(void)
{
	int fd = open("/dev/uio3", O_RDWR), copy = dup(fd), status;
	char *a, *b;
	pid_t pid;

	a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(a != MAP_FAILED && !strcmp(a, "region"));
	a[100] = 'x';
	b = mmap(NULL, 4096, PROT_READ, MAP_SHARED, copy, 0);
	NEED(b != MAP_FAILED && b != a && b[100] == 'x');
	NEED(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096) == MAP_FAILED && errno == EINVAL);
	/* a file is no concern of the owner's */
	fd = open("/proc/self/exe", O_RDONLY);
	NEED(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	pid = fork();
	if (!pid) {
		b = mmap(NULL, 4096, PROT_READ, MAP_SHARED, copy, 0);
		_exit(b == MAP_FAILED || b[100] != 'x');
	}
	NEED(waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}

static bool inverted(const unsigned char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != (unsigned char)~i)
			return false;
	return true;
}

static int child_memory(void)
{
	int fd = open("/dev/sg3", O_RDWR);
	unsigned char *p = malloc(BIG);
	struct span span = { p, BIG };
	size_t i;

	for (i = 0; i < BIG; i++)
		p[i] = (unsigned char)i;
	NEED(ioctl(fd, SG_FLIP, &span) == BIG && inverted(p, BIG));
	span.addr = (void *)16;
	NEED(ioctl(fd, SG_FLIP, &span) == -1 && errno == EFAULT);
	/* readable, but not to be written to */
	span = (struct span){ (void *)(uintptr_t) "const", 5 };
	NEED(ioctl(fd, SG_FLIP, &span) == -1 && errno == EFAULT);
	/* a mapping of one page, asked for two */
	span.addr = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	span.len = 8192;
	munmap((char *)span.addr + 4096, 4096);
	NEED(ioctl(fd, SG_FLIP, &span) == -1 && errno == EFAULT);
	NEED(ioctl(fd, SG_FLIP, 0) == -1 && errno == EFAULT);
	NEED(ioctl(fd, 0x2299, 0) == -1 && errno == ENOTTY);
	/* still well */
	span = (struct span){ p, BIG };
	NEED(ioctl(fd, SG_FLIP, &span) == BIG && p[255] == 255);
	free(p);
	return 0;
}

static int child_closed(void)
{
	unsigned char p[4] = { 0, 1, 2, 3 };
	struct span span = { p, 4 };
	int fd = open("/dev/sg3", O_RDWR);

	NEED(dup2(fd, 100) == 100);
	syscall(SYS_close_range, 0, 99, 0);
	NEED(ioctl(100, SG_FLIP, &span) == 4 && inverted(p, 4));
	NEED(open("/dev/uio3", O_RDWR) == 0);
	return 0;
}

static volatile sig_atomic_t alarms;

/* Calls from within a handler, while the same thread waits in one. */
static void on_alarm(int sig)
{
	(void)sig;
	if (ioctl(100, SG_GIVES, 0) >= 0 && ++alarms == 2)
		signal(SIGALRM, SIG_DFL);
}

static int child_signal(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval once = { .it_value = { 0, 30000 } },
			 often = { { 0, 30000 }, { 0, 30000 } };
	int fd = open("/dev/sg3", O_RDWR);

	NEED(dup2(fd, 100) == 100);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &once, NULL);
	NEED(ioctl(fd, SG_NEVER, 0) == -1 && errno == EINTR && alarms == 1);
	/* and with SA_RESTART it goes on, until the second alarm of the second kind kills */
	sa.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	ioctl(fd, SG_NEVER, 0);
	return wrong(__LINE__, "no return");
}

static void *call_often(void *arg)
{
	unsigned char p[256];
	struct span span = { p, sizeof(p) };
	int i, j;

	for (i = 0; i < 200; i++) {
		for (j = 0; j < 256; j++)
			p[j] = (unsigned char)j;
		if (ioctl(*(int *)arg, SG_FLIP, &span) != sizeof(p) || !inverted(p, sizeof(p)))
			return arg;
	}
	return NULL;
}

static int child_threads(void)
{
	int fd = open("/dev/sg3", O_RDWR), i, status;
	pthread_t t[8];
	void *bad;
	pid_t pid;

	for (i = 0; i < 8; i++)
		NEED(!pthread_create(&t[i], NULL, call_often, &fd));
	for (i = 0; i < 20; i++) {
		pid = fork();
		if (!pid)
			_exit(ioctl(fd, SG_GIVES, 0) < 0);
		NEED(waitpid(pid, &status, 0) == pid && status == 0);
	}
	for (i = 0; i < 8; i++)
		NEED(!pthread_join(t[i], &bad) && !bad);
	return 0;
}

static int child_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 16), level = 7;
	socklen_t len = sizeof(level);
	char buf[8] = "";

	NEED(fd == RESERVED_FD_FIRST);
	NEED(send(fd, "word", 4, 0) == 4); /* the owner takes the socket and sends it back */
	NEED(recv(fd, buf, sizeof(buf), 0) == 4 && !strcmp(buf, "word"));
	NEED(getsockopt(fd, SOL_SOCKET, SO_TYPE, &level, &len) == -1 && errno == EPROTO);
	fd = socket(AF_NETLINK, SOCK_RAW, 0); /* NETLINK_ROUTE is the kernel's */
	NEED(fd >= 0 && fd < RESERVED_FD_FIRST);
	NEED(getsockopt(fd, SOL_SOCKET, SO_TYPE, &level, &len) == 0 && level == SOCK_RAW);
	NEED(socket(AF_NETLINK, SOCK_RAW, 16) == -1 && errno == EBUSY);
	NEED(!close(RESERVED_FD_FIRST));
	NEED(!setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 64, 64 }));
	NEED(socket(AF_NETLINK, SOCK_RAW, 16) == -1 && errno == EBADF);
	return 0;
}

/* Files have moved; what leads to them does not show it. */
static int child_paths(void)
{
	char buf[PATH_MAX];
	struct dirent *e;
	struct stat st;
	bool seen = false;
	int fd;
	FILE *f;
	DIR *d;

	f = fopen("/sys/class/uio/uio3/name", "r");
	NEED(f && fgets(buf, sizeof(buf), f) && !strcmp(buf, "tcm-user\n") && !fclose(f));
	NEED(!access("/sys/module/target_core_user", F_OK));
	NEED(access("/sys/module/target_core_user/none", F_OK) == -1 && errno == ENOENT);
	NEED(access("/sys/class/scsi_generic", F_OK) == -1); /* not even if the host has it */
	NEED(realpath("/sys/class/uio/uio3", buf) && !strcmp(buf, "/sys/class/uio/uio3"));
	NEED(readlink("/sys/class/uio/link", buf, sizeof(buf)) == 4 && !memcmp(buf, "uio3", 4));
	d = opendir("/sys/class/uio");
	NEED(d);
	while ((e = readdir(d)) != NULL)
		seen = seen || !strcmp(e->d_name, "uio3");
	closedir(d);
	NEED(seen);
	fd = open("/sys/class", O_RDONLY | O_DIRECTORY);
	NEED(fd >= 0 && !fstatat(fd, "uio/uio3", &st, 0) && S_ISDIR(st.st_mode));
	NEED(faccessat(fd, "uio/uio3/name", R_OK, 0) == 0);
	NEED(!access("/dev/null", W_OK) && !stat("/dev/null", &st) && S_ISCHR(st.st_mode));
	NEED(!mkdir("/sys/kernel/config/target", 0755));
	NEED(mkdir("/sys/kernel/config/other", 0755) == -1 && errno == ENOENT);
	NEED(!rmdir("/sys/kernel/config/target"));
	NEED(mkdir("/dev", 0755) == -1 && errno == EEXIST);
	NEED(unlink("/sys/class/uio/uio3/name") == -1 && errno == EPERM);
	NEED(symlink("a", "/sys/class/uio/b") == -1 && errno == EPERM);
	/* what is written replaces what was there; nothing new comes up */
	f = fopen("/sys/class/uio/uio3/name", "w");
	NEED(f && fputs("x", f) >= 0 && !fclose(f));
	NEED(!stat("/sys/class/uio/uio3/name", &st) && st.st_size == 1);
	f = fopen("/sys/class/uio/new", "w");
	NEED(!f && errno == ENOENT);
	snprintf(buf, sizeof(buf), "/tmp/test_preload.%d", (int)getpid());
	NEED(!mkdir(buf, 0700) && !rmdir(buf)); /* elsewhere all is as ever */
	return 0;
}

static int child_exec(void)
{
	char *none[] = { NULL }, *one[] = { (char *)(uintptr_t) "A=b", NULL };
	char *argv[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
			 (char *)(uintptr_t) "exec test -c /dev/uio3", NULL };
	volatile int i;
	int status;
	pid_t pid;

	clearenv();
	for (i = 0; i < 4; i++) {
		pid = i & 1 ? vfork() : fork();
		if (!pid) {
			if (i < 2)
				execve("/bin/sh", argv, i ? one : none);
			else
				execlp("sh", "sh", "-c", "test -c /dev/uio3", (char *)NULL);
			_exit(99);
		}
		NEED(waitpid(pid, &status, 0) == pid && status == 0);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(void);
} programs[] = {
	{ "open", child_open },	    { "map", child_map },	{ "memory", child_memory },
	{ "closed", child_closed }, { "signal", child_signal }, { "threads", child_threads },
	{ "socket", child_socket }, { "paths", child_paths },	{ "exec", child_exec },
};

/* --- the owner ---------------------------------------------------------------------------------
 */

static struct world world = { .epoll_fd = -1 };
static struct world_file uio, sg, genl;
static struct epoll_event *batch;
static int batch_len, region, answered_calls;
static struct world_call last_call;
static const char *self; /* under valgrind, /proc/self/exe is something else */
static char dir[] = "/tmp/test_preload.XXXXXX";

int world_watch(struct world *w, struct world_watch *watch, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch };

	return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, watch->fd, &ev) ? -errno : 0;
}

void world_unwatch(struct world *w, struct world_watch *watch)
{
	int i;

	epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	for (i = 0; i < batch_len; i++)
		if (batch[i].data.ptr == watch)
			batch[i].data.ptr = NULL;
}

static uint64_t inode(int fd)
{
	struct stat st = { 0 };

	fstat(fd, &st);
	return st.st_ino;
}

static void give(const struct world_call *c, struct world_file *f, bool cloexec, int at)
{
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		abort();
	f->ino = inode(pair[1]);
	rc = c->ops->give(c, pair[1], cloexec, at);
	if (rc < 0)
		c->ops->answer(c, rc);
	close(pair[1]);
	if (f->minor)
		close((int)f->minor);
	f->minor = (unsigned int)pair[0]; /* kept open: what is written must not fail */
}

static void flip(const struct world_call *c)
{
	struct span span;
	unsigned char *p = NULL;
	size_t i;
	int rc = c->ops->peek(c, c->arg[2], &span, sizeof(span));

	if (!rc) {
		p = malloc(span.len);
		rc = c->ops->peek(c, (uintptr_t)span.addr, p, span.len);
	}
	for (i = 0; !rc && i < span.len; i++)
		p[i] = (unsigned char)~p[i];
	if (!rc)
		rc = c->ops->poke(c, (uintptr_t)span.addr, p, span.len);
	c->ops->answer(c, rc ? rc : (int64_t)span.len);
	free(p);
}

static void send_back(const struct world_call *c)
{
	char buf[8];
	int fd = c->ops->take(c, (int)c->arg[0]);

	if (fd < 0 || inode(fd) != genl.ino || c->arg[2] > sizeof(buf) ||
	    c->ops->peek(c, c->arg[1], buf, c->arg[2])) {
		c->ops->answer(c, -EPROTO);
	} else {
		(void)!send((int)genl.minor, buf, c->arg[2], MSG_DONTWAIT);
		c->ops->answer(c, (int64_t)c->arg[2]);
	}
	if (fd >= 0)
		close(fd);
}

static void do_ioctl(const struct world_call *c)
{
	if (c->ops->file_ino(c, (int)c->arg[0]) != sg.ino)
		c->ops->proceed(c);
	else if (c->arg[1] == SG_FLIP)
		flip(c);
	else if (c->arg[1] == SG_GIVES)
		c->ops->answer(c, answered_calls);
	else if (c->arg[1] == SG_NEVER)
		last_call = *c;
	else
		c->ops->answer(c, -ENOTTY);
}

static void do_open(const struct world_call *c)
{
	char path[64] = "";

	c->ops->peek(c, c->arg[1], path, sizeof(path) - 1);
	if (!strcmp(path, "/dev/uio3"))
		give(c, &uio, c->arg[2] & O_CLOEXEC, -1);
	else if (!strcmp(path, "/dev/sg3"))
		give(c, &sg, c->arg[2] & O_CLOEXEC, -1);
	else if (!strcmp(path, "/dev/sg9"))
		c->ops->answer(c, -ENXIO);
	else
		c->ops->proceed(c);
}

static void do_fstat(const struct world_call *c)
{
	struct stat st = { .st_mode = S_IFCHR, .st_rdev = UIO_RDEV(3) };

	if (c->ops->file_ino(c, (int)c->arg[0]) != uio.ino)
		c->ops->proceed(c);
	else
		c->ops->answer(c, c->ops->poke(c, c->arg[1], &st, sizeof(st)));
}

void preload_tree(const struct world_call *c)
{
	char path[64] = "";
	bool ours = !c->ops->peek(c, c->arg[1], path, sizeof(path) - 1) &&
		    !strcmp(path, "/sys/kernel/config/target");

	if (c->nr == SYS_mkdirat || (c->nr == SYS_unlinkat && c->arg[2] & AT_REMOVEDIR))
		c->ops->answer(c, ours ? 0 : -ENOENT);
	else
		c->ops->answer(c, -EPERM);
}

void call_dispatch(struct world_call *c)
{
	CU_ASSERT(c->ops->waiting(c));
	CU_ASSERT(c->tid > 0);
	answered_calls++;
	if (c->nr == SYS_openat)
		do_open(c);
	else if (c->nr == SYS_fstat)
		do_fstat(c);
	else if (c->nr == SYS_ioctl)
		do_ioctl(c);
	else if (c->nr == SYS_socket)
		give(c, &genl, c->arg[1] & SOCK_CLOEXEC, RESERVED_FD_FIRST);
	else if (c->nr == SYS_sendto)
		send_back(c);
	else if (c->nr == SYS_getsockopt && c->ops->file_ino(c, (int)c->arg[0]) == genl.ino)
		c->ops->answer(c, -EPROTO);
	else if (c->nr == SYS_mmap && c->arg[5])
		c->ops->answer(c, -EINVAL);
	else if (c->nr == SYS_mmap && c->ops->file_ino(c, (int)c->arg[4]) == uio.ino)
		c->ops->remap(c, region);
	else
		c->ops->proceed(c);
}

static void service(int wait_ms)
{
	struct epoll_event events[16];
	struct world_watch *watch;
	int i;

	batch = events;
	batch_len = epoll_wait(world.epoll_fd, events, 16, wait_ms);
	for (i = 0; i < batch_len; i++) {
		watch = events[i].data.ptr;
		if (watch)
			watch->fn(watch, events[i].events);
	}
	batch_len = 0;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Wait status of the program; its limit kills it. */
static int run_program(const char *name)
{
	uint64_t end = now_ms() + LIMIT_MS;
	pid_t pid = fork();
	int status;

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		preload_env(&world);
		setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
		execl(self, self, name, (char *)NULL);
		_exit(98);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		service(5);
		if (now_ms() > end)
			kill(pid, SIGKILL);
	}
	return status;
}

static void put(const char *name, const char *text)
{
	char path[PATH_MAX], *p;
	FILE *f;

	snprintf(path, sizeof(path), "%s/" PRELOAD_FILES "%s", dir, name);
	for (p = path + strlen(dir) + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = 0;
		mkdir(path, 0755);
	}
	f = text ? fopen(path, "w") : NULL;
	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void make_files(void)
{
	char path[PATH_MAX];

	put("/sysfs/class/uio/uio3/name", "tcm-user\n");
	put("/sysfs/module/target_core_user/", NULL);
	put("/configfs/", NULL);
	put("/devtmpfs/uio3", "");
	put("/devtmpfs/sg3", "");
	snprintf(path, sizeof(path), "%s/" PRELOAD_FILES "/sysfs/class/uio/link", dir);
	CU_ASSERT_EQUAL(symlink("uio3", path), 0);
}

static void up(void)
{
	char err[256] = "";

	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	memset(&world, 0, sizeof(world));
	strcpy(world.dir, dir);
	world.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	region = memfd_create("region", MFD_CLOEXEC);
	CU_ASSERT_EQUAL(ftruncate(region, 4096), 0);
	CU_ASSERT_EQUAL(pwrite(region, "region", 7, 0), 7);
	make_files();
	CU_ASSERT_EQUAL_FATAL(preload_start(&world, err, sizeof(err)), 0);
}

static void down(void)
{
	char command[PATH_MAX];

	preload_stop(&world);
	snprintf(command, sizeof(command), "%s/" PRELOAD_SOCKET, dir);
	CU_ASSERT_EQUAL(access(command, F_OK), -1);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	CU_ASSERT_EQUAL(system(command), 0);
	close(region);
	close(world.epoll_fd);
}

static void test_programs(void)
{
	size_t i;
	int status;

	up();
	for (i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
#ifdef __SANITIZE_THREAD__
		if (!strcmp(programs[i].name, "signal"))
			continue; /* handlers run late there, when the call has ended */
#endif
		status = run_program(programs[i].name);
		if (!strcmp(programs[i].name, "signal")) {
			CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
		} else {
			CU_ASSERT_EQUAL(status, 0);
		}
		if (WIFEXITED(status) && WEXITSTATUS(status))
			fprintf(stderr, "# program %s\n", programs[i].name);
	}
	down();
}

static int reach(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/" PRELOAD_SOCKET, dir);
	CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static bool hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };
	int i;

	for (i = 0; i < 10; i++)
		service(1);
	return poll(&pfd, 1, 0) == 1;
}

/* Who speaks otherwise than the library is cut off, and the world goes on. */
static void test_strangers(void)
{
	struct preload_call call = { .magic = PRELOAD_MAGIC, .nr = SYS_ioctl };
	struct preload_order order;
	uint64_t start;
	int fd, i;

	up();
	fd = reach();
	(void)!write(fd, "nonsense", 8);
	CU_ASSERT(hung_up(fd));
	close(fd);
	fd = reach();
	call.magic++;
	(void)!write(fd, &call, sizeof(call));
	CU_ASSERT(hung_up(fd));
	close(fd);
	call.magic--;
	/* asked for memory, it says nothing: given up after a second */
	call.ino = sg.ino = 4711;
	call.arg[1] = SG_FLIP;
	fd = reach();
	(void)!write(fd, &call, sizeof(call));
	start = now_ms();
	CU_ASSERT(hung_up(fd));
	CU_ASSERT(now_ms() - start >= 900);
	close(fd);
	/* or too much */
	fd = reach();
	(void)!write(fd, &call, sizeof(call));
	(void)!write(fd, &call, sizeof(call));
	CU_ASSERT(hung_up(fd));
	close(fd);
	/* more than may be at a time wait, and are served in the end */
	for (i = 0; i < 600; i++) {
		fd = reach();
		if (i < 599)
			(void)!write(fd, "x", 1);
		service(0);
		if (i < 599)
			close(fd);
	}
	call.nr = PRELOAD_SYNC;
	(void)!write(fd, &call, sizeof(call));
	for (i = 0; i < 100; i++)
		service(1);
	CU_ASSERT_EQUAL(recv(fd, &order, sizeof(order), MSG_DONTWAIT), sizeof(order));
	CU_ASSERT_EQUAL(order.op, PRELOAD_ANSWER);
	close(fd);
	down();
}

/* A call that was interrupted is known to be over, and its late answer goes nowhere. */
static void test_late(void)
{
	struct preload_call call = { .magic = PRELOAD_MAGIC, .nr = SYS_ioctl, .ino = 4711 };
	struct world_call c;
	char byte;
	int fd;

	up();
	sg.ino = 4711;
	call.arg[1] = SG_NEVER;
	fd = reach();
	(void)!write(fd, &call, sizeof(call));
	service(100);
	service(100);
	c = last_call;
	CU_ASSERT_FATAL(c.ops != NULL);
	CU_ASSERT(c.ops->waiting(&c));
	close(fd);
	CU_ASSERT_FALSE(c.ops->waiting(&c));
	CU_ASSERT_EQUAL(c.ops->peek(&c, (uintptr_t)&byte, &byte, 1), -EFAULT);
	service(100);
	CU_ASSERT_FALSE(c.ops->waiting(&c));
	c.ops->answer(&c, 0);
	CU_ASSERT_EQUAL(c.ops->give(&c, 1, false, -1), 0);
	CU_ASSERT_EQUAL(c.ops->take(&c, 1), -EBADF);
	CU_ASSERT_EQUAL(c.ops->file_ino(&c, 0), 0);
	down();
}

static void test_start(void)
{
	char err[256], why[80], long_dir[200];

	up();
	CU_ASSERT_EQUAL(program_preloadable(self, why, sizeof(why)), 0);
	CU_ASSERT_EQUAL(program_preloadable("/bin/sh", why, sizeof(why)), 0);
	CU_ASSERT_EQUAL(program_preloadable("/nowhere", why, sizeof(why)), 0);
	CU_ASSERT_EQUAL(program_preloadable("/dev/zero", why, sizeof(why)), 0);
	memset(long_dir, 'x', sizeof(long_dir));
	long_dir[0] = '/';
	long_dir[150] = 0;
	preload_stop(&world);
	strcpy(world.dir, long_dir);
	CU_ASSERT_EQUAL(preload_start(&world, err, sizeof(err)), -ENAMETOOLONG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "found 150"));
	strcpy(world.dir, "/nowhere/at/all");
	CU_ASSERT_EQUAL(preload_start(&world, err, sizeof(err)), -ENOENT);
	CU_ASSERT_PTR_NULL(world.preload);
	strcpy(world.dir, dir);
	world.cfg.preload = "/nowhere/lib.so";
	CU_ASSERT_EQUAL(preload_start(&world, err, sizeof(err)), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "/nowhere/lib.so"));
	world.cfg.preload = NULL;
	down();
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{ "programs with the library", test_programs },
		{ "strangers", test_strangers },
		{ "a caller that has gone", test_late },
		{ "what cannot start", test_start },
		CU_TEST_INFO_NULL,
	};
	size_t i;

	self = argv[0];
	for (i = 0; argc > 1 && i < sizeof(programs) / sizeof(*programs); i++)
		if (!strcmp(argv[1], programs[i].name))
			return programs[i].fn();
	return rig_run("preload", tests);
}
