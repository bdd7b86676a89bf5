/* SPDX-License-Identifier: MIT */
/*
 * Generic netlink of a world: what sockets answer is what Linux 6.12 was recorded to answer, byte
 * for byte; events, replies and waits are the driver's. The test is its own program in the world:
 * its system calls are handed to the family, and made where that says so.
 */
#include "../genl.h"
#include "genl_expected.h"
#include "genl_script.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <fcntl.h>
#include <ringsim/abi.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- a world of nothing but netlink --------------------------------------------------------------
 */

/* One call, in this process. */
struct fake {
	bool answered, proceeds, gone, unprivileged;
	int64_t rc;
};

static struct {
	struct world w;
	struct fake fake, waiting;
	char said[512];
	bool unprivileged;
	int give_fails;
	pid_t tid; /* whose signals are looked at; 0: ours */
} rig;

int world_watch(struct world *w, struct world_watch *watch, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch };

	return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, watch->fd, &ev) ? -errno : 0;
}

void world_unwatch(struct world *w, struct world_watch *watch)
{
	epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
}

void world_say(struct world *w, const char *fmt, ...)
{
	va_list ap;

	(void)w;
	va_start(ap, fmt);
	vsnprintf(rig.said, sizeof(rig.said), fmt, ap);
	va_end(ap);
}

uint64_t world_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int world_file_add(struct world *w, struct world_file *f, enum world_file_kind kind, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	f->kind = kind;
	f->ino = st.st_ino;
	f->next = w->files;
	w->files = f;
	return 0;
}

void world_file_drop(struct world *w, struct world_file *f)
{
	struct world_file **p = &w->files;

	while (*p && *p != f)
		p = &(*p)->next;
	if (*p)
		*p = f->next;
}

/* Page 0 is nobody's; that is how these tests make a bad address. */
int call_peek(const struct world_call *c, uint64_t addr, void *buf, size_t len)
{
	(void)c;
	if (addr < 4096)
		return -EFAULT;
	memcpy(buf, (const void *)(uintptr_t)addr, len);
	return 0;
}

int call_poke(const struct world_call *c, uint64_t addr, const void *buf, size_t len)
{
	(void)c;
	if (addr < 4096)
		return -EFAULT;
	memcpy((void *)(uintptr_t)addr, buf, len);
	return 0;
}

void call_answer(const struct world_call *c, int64_t rc)
{
	struct fake *f = c->via;

	CU_ASSERT_FALSE(f->answered);
	f->answered = true;
	f->rc = rc;
}

void call_proceed(const struct world_call *c)
{
	struct fake *f = c->via;

	CU_ASSERT_FALSE(f->answered);
	f->answered = f->proceeds = true;
}

int call_give(const struct world_call *c, int fd, bool cloexec, int at)
{
	int rc;

	if (rig.give_fails && rig.give_fails--)
		return -EBADF;
	rc = dup3(fd, at, cloexec ? O_CLOEXEC : 0);
	CU_ASSERT_EQUAL_FATAL(rc, at);
	call_answer(c, rc);
	return rc;
}

int call_take(const struct world_call *c, int fd)
{
	int rc = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	(void)c;
	return rc < 0 ? -errno : rc;
}

bool call_waiting(const struct world_call *c)
{
	const struct fake *f = c->via;

	return !f->answered && !f->gone;
}

bool call_capable(const struct world_call *c, int cap)
{
	(void)c;
	(void)cap;
	return !rig.unprivileged;
}

pid_t call_tgid(const struct world_call *c)
{
	return c->tid;
}

void device_uio_name(const struct world_device *d, char *buf, size_t len)
{
	snprintf(buf, len, "tcm-user/%u/%s%s%s", d->hba, d->name, d->config[0] ? "/" : "",
		 d->config);
}

/* A call whose answer may come later; false: not yet. */
static bool call(struct fake *f, int nr, const uint64_t arg[6])
{
	struct world_call c = {
		.w = &rig.w, .via = f, .tid = rig.tid ? rig.tid : getpid(), .nr = nr
	};
	struct world_file *file;
	struct stat st;

	*f = (struct fake){ 0 };
	memcpy(c.arg, arg, sizeof(c.arg));
	if (nr == SYS_socket) {
		genl_socket(&c);
	} else {
		st.st_ino = 0;
		fstat((int)arg[0], &st);
		for (file = rig.w.files; file && file->ino != st.st_ino; file = file->next)
			;
		if (file)
			genl_call(&c, file);
		else
			call_proceed(&c);
	}
	if (f->proceeds) {
		f->rc = syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
		if (f->rc < 0)
			f->rc = -errno;
	}
	return f->answered;
}

static long sys(void *ctx, int nr, const uint64_t arg[6])
{
	(void)ctx;
	CU_ASSERT_FATAL(call(&rig.fake, nr, arg));
	return rig.fake.rc;
}

#define SYS(nr, ...) sys(NULL, nr, (const uint64_t[6]){ __VA_ARGS__ })
#define PTR(p)	     ((uintptr_t)(p))

static void setup(void)
{
	char err[160];

	memset(&rig, 0, sizeof(rig));
	rig.w.mechanism = WORLD_SECCOMP;
	rig.w.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	CU_ASSERT_EQUAL_FATAL(genl_start(&rig.w, err, sizeof(err)), 0);
}

static void teardown(void)
{
	int fd;

	genl_stop(&rig.w);
	CU_ASSERT_PTR_NULL(rig.w.files);
	close(rig.w.epoll_fd);
	for (fd = RESERVED_FD_FIRST; fd <= RESERVED_FD_LAST; fd++)
		close(fd);
}

static void service(int ms)
{
	struct epoll_event ev;

	if (epoll_wait(rig.w.epoll_fd, &ev, 1, ms) == 1)
		((struct world_watch *)ev.data.ptr)->fn(ev.data.ptr, ev.events);
}

/* --- a program ---------------------------------------------------------------------------------
 */

static int open_socket(int flags)
{
	int fd = (int)SYS(SYS_socket, AF_NETLINK, SOCK_RAW | (unsigned)flags, NETLINK_GENERIC);

	CU_ASSERT_FATAL(fd >= RESERVED_FD_FIRST && fd <= RESERVED_FD_LAST);
	return fd;
}

static int bind_socket(int fd, uint32_t port, uint32_t groups)
{
	const struct sockaddr_nl a = { AF_NETLINK, 0, port, groups };

	return (int)SYS(SYS_bind, (unsigned)fd, PTR(&a), sizeof(a));
}

static int listener(uint32_t port)
{
	int fd = open_socket(SOCK_NONBLOCK);

	CU_ASSERT_EQUAL(bind_socket(fd, port, 1u << (GENL_GROUP_TCMU - 1)), 0);
	return fd;
}

/* The next event on @fd as text: "ADDED name minor id", with what a RECONFIG says. */
static const char *event(int fd)
{
	static char text[512];
	_Alignas(4) uint8_t buf[4096];
	struct sockaddr_nl from = { 0 };
	const struct nlmsghdr *h = (void *)buf;
	const struct nlattr *a;
	unsigned long long value;
	socklen_t len = sizeof(from);
	long n = SYS(SYS_recvfrom, (unsigned)fd, PTR(buf), sizeof(buf), MSG_DONTWAIT, PTR(&from),
		     PTR(&len));
	size_t at;

	if (n < 0)
		return strerror((int)-n);
	CU_ASSERT_EQUAL(from.nl_pid, 0);
	CU_ASSERT_EQUAL(from.nl_groups, 1u << (GENL_GROUP_TCMU - 1));
	CU_ASSERT_EQUAL(h->nlmsg_len, n);
	CU_ASSERT_EQUAL(h->nlmsg_type, GENL_ID_TCMU);
	CU_ASSERT_EQUAL(h->nlmsg_flags | h->nlmsg_seq | h->nlmsg_pid, 0);
	CU_ASSERT_EQUAL(buf[17], 2);
	snprintf(text, sizeof(text), "%d", buf[16]);
	for (at = 20; at < (size_t)n; at += (a->nla_len + 3u) & ~3u) {
		a = (void *)(buf + at);
		value = 0;
		memcpy(&value, genl_value(a), a->nla_len <= 12 ? a->nla_len - 4u : 0);
		len = (socklen_t)strlen(text);
		if (a->nla_type == TCMU_ATTR_DEVICE || a->nla_type == TCMU_ATTR_DEV_CFG)
			snprintf(text + len, sizeof(text) - len, " %d=%s", a->nla_type,
				 (const char *)genl_value(a));
		else
			snprintf(text + len, sizeof(text) - len, " %d=%llx/%d", a->nla_type, value,
				 a->nla_len - 4);
	}
	return text;
}

/* A command with an acknowledgement; what that says. */
static int command(int fd, uint8_t cmd, const struct nlattr *attrs, size_t len)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	_Alignas(4) uint8_t buf[4096];
	struct nlmsghdr h = { .nlmsg_len = (uint32_t)(20 + len),
			      .nlmsg_type = GENL_ID_TCMU,
			      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
			      .nlmsg_seq = 7 };
	int error;
	long n;

	memcpy(buf, &h, sizeof(h));
	memset(buf + 16, 0, 4);
	buf[16] = cmd;
	memcpy(buf + 20, attrs, len);
	n = SYS(SYS_sendto, (unsigned)fd, PTR(buf), 20 + len, 0, PTR(&to), sizeof(to));
	if (n < 0)
		return (int)n;
	n = SYS(SYS_recvfrom, (unsigned)fd, PTR(buf), sizeof(buf), MSG_DONTWAIT, 0, 0);
	CU_ASSERT_FATAL(n >= 36);
	memcpy(&error, buf + 16, sizeof(error));
	return error;
}

static int set_replies(int fd, uint8_t on)
{
	const struct {
		struct nlattr a;
		uint8_t value[4];
	} m = { { 5, TCMU_ATTR_SUPP_KERN_CMD_REPLY }, { on } };

	return command(fd, TCMU_CMD_SET_FEATURES, &m.a, sizeof(m));
}

static int reply(int fd, uint8_t cmd, uint32_t id, int32_t status)
{
	const struct {
		struct nlattr a;
		uint32_t id;
		struct nlattr b;
		int32_t status;
	} m = { { 8, TCMU_ATTR_DEVICE_ID }, id, { 8, TCMU_ATTR_CMD_STATUS }, status };

	return command(fd, cmd, &m.a, sizeof(m));
}

/* --- devices -----------------------------------------------------------------------------------
 */

struct ended {
	int calls, rc;
};

static void ended(void *ctx, int rc)
{
	struct ended *e = ctx;

	e->calls++;
	e->rc = rc;
}

static struct world_device device(const char *name, unsigned int minor, uint32_t id)
{
	struct world_device d = { .w = &rig.w, .minor = minor, .id = id };

	snprintf(d.name, sizeof(d.name), "%s", name);
	d.nl_reply_supported = genl_replies(&rig.w); /* as enabling does */
	return d;
}

static struct ended send_event(struct world_device *d, int cmd)
{
	struct ended *e = calloc(1, sizeof(*e)), copy;

	genl_event(d, cmd, 0, NULL, 0, ended, e);
	copy = *e;
	if (e->calls)
		free(e);
	return copy;
}

/* --- tests -------------------------------------------------------------------------------------
 */

static void test_recorded(void)
{
	static char out[1 << 17];
	const char *want = genl_expected, *got = out;
	size_t n, line = 1;

	setup();
	genl_script(open_socket(0), sys, NULL, out, sizeof(out));
	/* one differing line is enough to read */
	for (; *want || *got; line++) {
		n = strcspn(want, "\n");
		if (n != strcspn(got, "\n") || memcmp(want, got, n)) {
			printf("\nline %zu, expected:\n%.*s\nfound:\n%.*s\n", line, (int)n, want,
			       (int)strcspn(got, "\n"), got);
			CU_FAIL("the world answers as Linux 6.12 was recorded to");
			break;
		}
		want += n + (want[n] == '\n');
		got += n + (got[n] == '\n');
	}
	CU_ASSERT_TRUE(line > 100);
	teardown();
}

static void test_events(void)
{
	struct world_device d;
	struct ended e = { 0 };
	int a, b, c;

	setup();
	d = device("disk", 3, 9);
	snprintf(d.config, sizeof(d.config), "file/x");
	e = send_event(&d, TCMU_CMD_ADDED_DEVICE); /* nobody listens */
	CU_ASSERT_TRUE(e.calls == 1 && e.rc == 0);
	e = send_event(&d, TCMU_CMD_REMOVED_DEVICE);
	CU_ASSERT_TRUE(e.calls == 1 && e.rc == -ESRCH);
	a = listener(0);
	b = listener(0);
	c = open_socket(0); /* no member */
	CU_ASSERT_EQUAL(bind_socket(c, 0, 0), 0);
	e = send_event(&d, TCMU_CMD_ADDED_DEVICE);
	CU_ASSERT_TRUE(e.calls == 1 && e.rc == 0);
	CU_ASSERT_STRING_EQUAL(event(a), "1 1=tcm-user/0/disk/file/x 2=3/4 8=9/4");
	CU_ASSERT_STRING_EQUAL(event(b), "1 1=tcm-user/0/disk/file/x 2=3/4 8=9/4");
	CU_ASSERT_STRING_EQUAL(event(c), strerror(EAGAIN));
	genl_event(&d, TCMU_CMD_RECONFIG_DEVICE, WORLD_DEV_SIZE, NULL, 0x123456789ab, ended, &e);
	CU_ASSERT_STRING_EQUAL(event(a), "3 1=tcm-user/0/disk/file/x 2=3/4 8=9/4 5=123456789ab/8");
	genl_event(&d, TCMU_CMD_RECONFIG_DEVICE, WORLD_DEV_CONFIG, "file/y", 0, ended, &e);
	CU_ASSERT_STRING_EQUAL(event(a), "3 1=tcm-user/0/disk/file/x 2=3/4 8=9/4 4=file/y");
	genl_event(&d, TCMU_CMD_RECONFIG_DEVICE, WORLD_WRITE_CACHE, NULL, 1, ended, &e);
	CU_ASSERT_STRING_EQUAL(event(a), "3 1=tcm-user/0/disk/file/x 2=3/4 8=9/4 6=1/1");
	CU_ASSERT_EQUAL(e.calls, 4);
	close(a);
	close(b);
	e = send_event(&d, TCMU_CMD_REMOVED_DEVICE); /* they are gone, we did not keep them */
	CU_ASSERT_EQUAL(e.rc, -ESRCH);
	teardown();
}

static void test_leave(void)
{
	struct world_device d;
	const int group = GENL_GROUP_TCMU;
	int fd;

	setup();
	d = device("disk", 0, 1);
	fd = open_socket(0);
	/* joined before it is bound, as libraries do it either way */
	CU_ASSERT_EQUAL(SYS(SYS_setsockopt, (unsigned)fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			    PTR(&group), sizeof(group)),
			0);
	CU_ASSERT_EQUAL(bind_socket(fd, 0, 0), 0); /* which drops the first 32 */
	CU_ASSERT_EQUAL(send_event(&d, TCMU_CMD_REMOVED_DEVICE).rc, -ESRCH);
	SYS(SYS_setsockopt, (unsigned)fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, PTR(&group),
	    sizeof(group));
	CU_ASSERT_EQUAL(send_event(&d, TCMU_CMD_REMOVED_DEVICE).rc, 0);
	SYS(SYS_setsockopt, (unsigned)fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, PTR(&group),
	    sizeof(group));
	CU_ASSERT_EQUAL(send_event(&d, TCMU_CMD_REMOVED_DEVICE).rc, -ESRCH);
	teardown();
}

static void test_replies(void)
{
	struct world_device d, other;
	struct ended e = { 0 }, f = { 0 };
	int fd;

	setup();
	fd = open_socket(0);
	CU_ASSERT_EQUAL(set_replies(fd, 1), 0);
	CU_ASSERT_EQUAL(genl_replies(&rig.w), 1);
	d = device("disk", 0, 1);
	other = device("other", 1, 2);
	/* ADDED waits though nobody listens; the other events do not */
	genl_event(&d, TCMU_CMD_ADDED_DEVICE, 0, NULL, 0, ended, &e);
	genl_event(&other, TCMU_CMD_REMOVED_DEVICE, 0, NULL, 0, ended, &f);
	CU_ASSERT_TRUE(e.calls == 0 && f.calls == 1 && f.rc == -ESRCH);
	CU_ASSERT_EQUAL(reply(fd, TCMU_CMD_ADDED_DEVICE_DONE, 2, 0), -ENODEV);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig.said, "device id 2"));
	CU_ASSERT_EQUAL(reply(fd, TCMU_CMD_ADDED_DEVICE_DONE, 1, -ENOENT), 0);
	CU_ASSERT_TRUE(e.calls == 1 && e.rc == -ENOENT);
	CU_ASSERT_EQUAL(reply(fd, TCMU_CMD_ADDED_DEVICE_DONE, 1, 0), -ENODEV); /* the second */
	/* one event at a time, others' devices do not mind */
	close(listener(4711));
	fd = listener(4711);
	genl_event(&d, TCMU_CMD_RECONFIG_DEVICE, WORLD_WRITE_CACHE, NULL, 1, ended, &e);
	genl_event(&other, TCMU_CMD_REMOVED_DEVICE, 0, NULL, 0, ended, &f);
	CU_ASSERT_TRUE(e.calls == 1 && f.calls == 1);
	genl_event(&d, TCMU_CMD_RECONFIG_DEVICE, WORLD_WRITE_CACHE, NULL, 0, ended, &e);
	CU_ASSERT_TRUE(e.calls == 2 && e.rc == -EBUSY);
	event(fd);
	event(fd);
	CU_ASSERT_EQUAL(reply(fd, TCMU_CMD_REMOVED_DEVICE_DONE, 2, 5), 0);
	CU_ASSERT_EQUAL(reply(fd, TCMU_CMD_RECONFIG_DEVICE_DONE, 1, 0), 0);
	CU_ASSERT_TRUE(e.calls == 3 && e.rc == 0 && f.calls == 2);
	/* TRP-48: the flag is looked at again for each event */
	CU_ASSERT_EQUAL(set_replies(fd, 0), 0);
	CU_ASSERT_EQUAL(send_event(&d, TCMU_CMD_REMOVED_DEVICE).calls, 1);
	teardown();
}

static void test_never_waits(void)
{
	struct world_device d;
	int fd;

	setup();
	fd = listener(0);
	d = device("before", 0, 1);
	CU_ASSERT_EQUAL(set_replies(fd, 1), 0);
	CU_ASSERT_EQUAL(send_event(&d, TCMU_CMD_ADDED_DEVICE).calls, 1);
	d = device("never", 0, 2);
	d.nl_reply_supported = -1;
	CU_ASSERT_EQUAL(send_event(&d, TCMU_CMD_ADDED_DEVICE).calls, 1);
	teardown();
}

/* As both kernels do, not as KRN-147 has it. */
static void test_wrong_kind(void)
{
	struct world_device d;
	struct ended e = { 0 };
	int fd;

	setup();
	fd = listener(0);
	set_replies(fd, 1);
	d = device("disk", 0, 1);
	genl_event(&d, TCMU_CMD_ADDED_DEVICE, 0, NULL, 0, ended, &e);
	event(fd);
	CU_ASSERT_EQUAL(reply(fd, TCMU_CMD_REMOVED_DEVICE_DONE, 1, 0), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig.said, "KRN-147"));
	CU_ASSERT_EQUAL(reply(fd, TCMU_CMD_ADDED_DEVICE_DONE, 1, 0), -ENODEV);
	genl_block_netlink(&rig.w, true);
	CU_ASSERT_EQUAL(genl_reset_netlink(&rig.w), 0);
	CU_ASSERT_EQUAL(e.calls, 0);
	genl_forget(&d);
	CU_ASSERT_TRUE(e.calls == 1 && e.rc == -EINTR);
	teardown();
}

static void test_escape(void)
{
	struct world_device d;
	struct ended e = { 0 };
	int fd;

	setup();
	fd = listener(0);
	set_replies(fd, 1);
	d = device("disk", 0, 1);
	CU_ASSERT_EQUAL(genl_reset_netlink(&rig.w), 0); /* nothing to reset */
	genl_event(&d, TCMU_CMD_ADDED_DEVICE, 0, NULL, 0, ended, &e);
	CU_ASSERT_EQUAL(genl_reset_netlink(&rig.w), -EBUSY);
	CU_ASSERT_FALSE(genl_is_blocked(&rig.w));
	genl_block_netlink(&rig.w, true);
	CU_ASSERT_TRUE(genl_is_blocked(&rig.w));
	CU_ASSERT_EQUAL(genl_reset_netlink(&rig.w), 0);
	CU_ASSERT_TRUE(e.calls == 1 && e.rc == -EINTR);
	event(fd);
	genl_event(&d, TCMU_CMD_REMOVED_DEVICE, 0, NULL, 0, ended, &e);
	CU_ASSERT_TRUE(e.calls == 2 && e.rc == -EAGAIN);
	CU_ASSERT_STRING_EQUAL(event(fd), strerror(EAGAIN)); /* nothing was sent */
	d.nl_reply_supported = 0;			     /* who does not wait is not blocked */
	genl_event(&d, TCMU_CMD_REMOVED_DEVICE, 0, NULL, 0, ended, &e);
	CU_ASSERT_TRUE(e.calls == 3 && e.rc == 0);
	teardown();
}

static void test_privilege(void)
{
	int fd;

	setup();
	rig.unprivileged = true;
	fd = listener(0); /* anybody may listen */
	CU_ASSERT_EQUAL(set_replies(fd, 1), -EPERM);
	CU_ASSERT_EQUAL(reply(fd, TCMU_CMD_ADDED_DEVICE_DONE, 1, 0), -EPERM);
	CU_ASSERT_EQUAL(genl_replies(&rig.w), 0);
	teardown();
}

/* Nobody waits for a slow receiver: it is told that it lost something. */
static void test_overrun(void)
{
	struct world_device d;
	const int small = 1, on = 1;
	int fd, n;

	setup();
	d = device("disk", 0, 1);
	fd = listener(0);
	SYS(SYS_setsockopt, (unsigned)fd, SOL_SOCKET, SO_RCVBUF, PTR(&small), sizeof(small));
	for (n = 0; n < 100 && !send_event(&d, TCMU_CMD_REMOVED_DEVICE).rc; n++)
		;
	CU_ASSERT_TRUE(n > 0 && n < 100);
	CU_ASSERT_STRING_EQUAL(event(fd), strerror(ENOBUFS));
	for (; n; n--)
		CU_ASSERT_EQUAL(event(fd)[0], '2');
	CU_ASSERT_STRING_EQUAL(event(fd), strerror(EAGAIN));
	CU_ASSERT_EQUAL(send_event(&d, TCMU_CMD_REMOVED_DEVICE).rc, 0);
	/* unless it does not want to know */
	SYS(SYS_setsockopt, (unsigned)fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, PTR(&on), sizeof(on));
	while (!send_event(&d, TCMU_CMD_REMOVED_DEVICE).rc)
		;
	CU_ASSERT_EQUAL(event(fd)[0], '2');
	teardown();
}

static bool start_receive(int fd, void *buf, size_t len)
{
	const uint64_t arg[6] = { (unsigned)fd, PTR(buf), len };

	return call(&rig.waiting, SYS_recvfrom, arg);
}

static void wait_for_answer(int tenths)
{
	uint64_t end = world_now_ns() + (uint64_t)tenths * 100000000;

	while (!rig.waiting.answered && world_now_ns() < end)
		service(50);
}

static void test_blocking(void)
{
	const struct timeval timeout = { .tv_usec = 100000 };
	struct world_device d;
	char buf[256];
	int fd;

	setup();
	d = device("disk", 0, 1);
	fd = open_socket(0);
	bind_socket(fd, 0, 1u << (GENL_GROUP_TCMU - 1));
	CU_ASSERT_FALSE(start_receive(fd, buf, sizeof(buf)));
	wait_for_answer(1);
	CU_ASSERT_FALSE(rig.waiting.answered);
	CU_ASSERT_EQUAL(send_event(&d, TCMU_CMD_REMOVED_DEVICE).rc, 0);
	CU_ASSERT_TRUE(rig.waiting.answered && rig.waiting.rc == 56);
	/* with a time limit */
	SYS(SYS_setsockopt, (unsigned)fd, SOL_SOCKET, SO_RCVTIMEO, PTR(&timeout), sizeof(timeout));
	CU_ASSERT_FALSE(start_receive(fd, buf, sizeof(buf)));
	wait_for_answer(50);
	CU_ASSERT_TRUE(rig.waiting.answered && rig.waiting.rc == -EAGAIN);
	/* the caller is killed: the message is for the next one */
	CU_ASSERT_FALSE(start_receive(fd, buf, sizeof(buf)));
	rig.waiting.gone = true;
	CU_ASSERT_EQUAL(send_event(&d, TCMU_CMD_REMOVED_DEVICE).rc, 0);
	CU_ASSERT_EQUAL(event(fd)[0], '2');
	/* the socket is closed by another thread */
	CU_ASSERT_FALSE(start_receive(fd, buf, sizeof(buf)));
	close(fd);
	wait_for_answer(50);
	CU_ASSERT_TRUE(rig.waiting.answered && rig.waiting.rc == -EBADF);
	teardown();
}

/* A caller that the kernel lets no signal through to is seen to have one; here it is stopped. */
static void test_interrupted(void)
{
	const struct timeval timeout = { .tv_sec = 100 };
	char buf[256];
	int fd, status;
	pid_t pid;

	setup();
	fd = open_socket(0);
	bind_socket(fd, 0, 0);
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	rig.tid = pid;
	CU_ASSERT_FALSE(start_receive(fd, buf, sizeof(buf)));
	wait_for_answer(2);
	CU_ASSERT_FALSE(rig.waiting.answered);
	kill(pid, SIGUSR2);
	wait_for_answer(50);
	CU_ASSERT_TRUE(rig.waiting.answered && rig.waiting.rc == -512);
	/* with a time limit it is not begun again */
	SYS(SYS_setsockopt, (unsigned)fd, SOL_SOCKET, SO_RCVTIMEO, PTR(&timeout), sizeof(timeout));
	CU_ASSERT_FALSE(start_receive(fd, buf, sizeof(buf)));
	wait_for_answer(50);
	CU_ASSERT_TRUE(rig.waiting.answered && rig.waiting.rc == -EINTR);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	teardown();
}

/* Sockets that died without a word. */
static void test_many(void)
{
	const struct genl *g;
	int i, fd;

	setup();
	g = rig.w.genl;
	fd = listener(99);
	for (i = 0; i < 1000; i++)
		close(i % 2 ? listener(0) : open_socket(0));
	CU_ASSERT_TRUE(g->sockets_kept < 600);
	i = open_socket(0);
	CU_ASSERT_EQUAL(bind_socket(i, 99, 0), -EADDRINUSE); /* that one lives */
	CU_ASSERT_EQUAL(bind_socket(i, 98, 0), 0);	     /* as libraries try the next */
	CU_ASSERT_EQUAL(bind_socket(i, 97, 0), -EINVAL);
	close(fd);
	fd = open_socket(0);
	CU_ASSERT_EQUAL(bind_socket(fd, 99, 0), 0);
	teardown();
}

static void test_limits(void)
{
	const int n = RESERVED_FD_LAST - RESERVED_FD_FIRST + 1;
	int i;

	setup();
	for (i = 0; i < n; i++)
		open_socket(0);
	CU_ASSERT_EQUAL(SYS(SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), -EMFILE);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig.said, "too many"));
	teardown();
	setup();
	rig.give_fails = 1;
	open_socket(0);
	rig.give_fails = 2;
	CU_ASSERT_EQUAL(SYS(SYS_socket, AF_NETLINK, SOCK_DGRAM, NETLINK_GENERIC), -EMFILE);
	CU_ASSERT_EQUAL(SYS(SYS_socket, AF_NETLINK, SOCK_STREAM, NETLINK_GENERIC),
			-ESOCKTNOSUPPORT);
	teardown();
}

/* Two worlds know nothing of each other. The same port twice needs namespaces of their own. */
static void test_two_worlds(void)
{
	struct world_device d;
	struct world first;
	bool apart;
	int a, b;

	setup();
	apart = ((struct genl *)rig.w.genl)->netns >= 0;
	a = listener(1234);
	first = rig.w;
	setup();
	((struct genl *)rig.w.genl)->sockets_made = 20;
	b = open_socket(SOCK_NONBLOCK);
	CU_ASSERT_EQUAL(bind_socket(b, 1234, 1u << (GENL_GROUP_TCMU - 1)), apart ? 0 : -EADDRINUSE);
	if (!apart)
		CU_ASSERT_EQUAL(bind_socket(b, 0, 1u << (GENL_GROUP_TCMU - 1)), 0);
	d = device("disk", 0, 1);
	CU_ASSERT_EQUAL(send_event(&d, TCMU_CMD_REMOVED_DEVICE).rc, 0);
	CU_ASSERT_EQUAL(event(b)[0], '2');
	genl_stop(&rig.w);
	close(rig.w.epoll_fd);
	rig.w = first;
	((struct genl *)rig.w.genl)->w = &rig.w;
	CU_ASSERT_STRING_EQUAL(event(a), strerror(EAGAIN));
	teardown();
}

/* Every length and every byte of a message may be wrong. */
static void test_hostile(void)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct msghdr m = { 0 };
	struct iovec iov[2];
	uint8_t buf[512] = { 0 }, *exact, trash[8192] = { 0 };
	unsigned int seed = 1, i, j;
	size_t len;
	int fd;

	setup();
	fd = open_socket(SOCK_NONBLOCK);
	for (i = 0; i < 20000; i++) {
		len = (size_t)rand_r(&seed) % 120;
		for (j = 0; j < len; j++)
			buf[j] = (uint8_t)rand_r(&seed);
		if (i % 4 && len >= 20) { /* as a message, more or less */
			*(uint32_t *)(void *)buf =
				(uint32_t)(i % 8 ? len : len + (unsigned)rand_r(&seed) % 9 - 4);
			*(uint16_t *)(void *)(buf + 4) = i % 3 ? GENL_ID_TCMU : GENL_ID_CTRL;
			*(uint16_t *)(void *)(buf + 6) = (uint16_t)(NLM_F_REQUEST |
								    (i % 5 ? 0 : NLM_F_DUMP));
			buf[16] %= 12;
			for (j = 20; j + 4 < len; j += 4u + buf[j] % 12u) {
				buf[j] %= 16;
				buf[j + 1] = 0;
				buf[j + 2] %= 12;
				buf[j + 3] = 0;
			}
		}
		exact = malloc(len ? len : 1); /* so that a sanitizer sees a byte too many */
		memcpy(exact, buf, len);
		SYS(SYS_sendto, (unsigned)fd, PTR(exact), len, 0, PTR(&to), sizeof(to));
		free(exact);
		while (SYS(SYS_recvfrom, (unsigned)fd, PTR(trash), sizeof(trash), MSG_DONTWAIT, 0,
			   0) != -EAGAIN)
			;
	}
	/* addresses */
	CU_ASSERT_EQUAL(SYS(SYS_sendto, (unsigned)fd, 8, 20, 0, PTR(&to), sizeof(to)), -EFAULT);
	CU_ASSERT_EQUAL(SYS(SYS_sendto, (unsigned)fd, PTR(buf), 20, 0, 8, sizeof(to)), -EFAULT);
	CU_ASSERT_EQUAL(SYS(SYS_sendmsg, (unsigned)fd, 8, 0), -EFAULT);
	CU_ASSERT_EQUAL(SYS(SYS_recvmsg, (unsigned)fd, 8, 0), -EFAULT);
	CU_ASSERT_EQUAL(SYS(SYS_bind, (unsigned)fd, 8, 12), -EFAULT);
	CU_ASSERT_EQUAL(SYS(SYS_getsockname, (unsigned)fd, 8, 8), -EFAULT);
	CU_ASSERT_EQUAL(
		SYS(SYS_setsockopt, (unsigned)fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 8, 4),
		-EFAULT);
	m.msg_iov = iov;
	m.msg_iovlen = 1u << 30;
	CU_ASSERT_EQUAL(SYS(SYS_sendmsg, (unsigned)fd, PTR(&m), 0), -EMSGSIZE);
	m.msg_iovlen = 2;
	iov[0] = iov[1] = (struct iovec){ buf, SIZE_MAX / 2 };
	CU_ASSERT_EQUAL(SYS(SYS_sendmsg, (unsigned)fd, PTR(&m), 0), -EINVAL);
	iov[0].iov_len = iov[1].iov_len = 1 << 20;
	CU_ASSERT_EQUAL(SYS(SYS_sendmsg, (unsigned)fd, PTR(&m), 0), -EMSGSIZE);
	teardown();
}

/* sendmmsg and recvmmsg do one message a time, which callers must cope with. */
static void test_several_at_once(void)
{
	struct nlmsghdr h = { .nlmsg_len = 16,
			      .nlmsg_type = NLMSG_NOOP,
			      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
	uint8_t buf[256];
	struct iovec out = { &h, sizeof(h) }, in = { buf, sizeof(buf) };
	struct mmsghdr m[2] = { { { .msg_iov = &out, .msg_iovlen = 1 }, 0 },
				{ { .msg_iov = &out, .msg_iovlen = 1 }, 0 } };
	int fd;

	setup();
	fd = open_socket(SOCK_NONBLOCK);
	CU_ASSERT_EQUAL(SYS(SYS_sendmmsg, (unsigned)fd, PTR(m), 2, 0), 1);
	CU_ASSERT_EQUAL(m[0].msg_len, 16);
	m[0].msg_hdr.msg_iov = &in;
	CU_ASSERT_EQUAL(SYS(SYS_recvmmsg, (unsigned)fd, PTR(m), 2, 0, 0), 1);
	CU_ASSERT_EQUAL(m[0].msg_len, 36);
	CU_ASSERT_EQUAL(SYS(SYS_recvmmsg, (unsigned)fd, PTR(m), 2, 0, 0), -EAGAIN);
	CU_ASSERT_EQUAL(SYS(SYS_recvmmsg, (unsigned)fd, PTR(m), 0, 0, 0), 0);
	CU_ASSERT_EQUAL(SYS(SYS_writev, (unsigned)fd, PTR(&out), 1), 16);
	CU_ASSERT_EQUAL(SYS(SYS_readv, (unsigned)fd, PTR(&in), 1), 36);
	CU_ASSERT_EQUAL(SYS(SYS_write, (unsigned)fd, PTR(&h), 16), 16);
	CU_ASSERT_EQUAL(SYS(SYS_read, (unsigned)fd, PTR(buf), 256), 36);
	teardown();
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "what was recorded", test_recorded },
		{ "events", test_events },
		{ "membership", test_leave },
		{ "replies", test_replies },
		{ "devices that never wait", test_never_waits },
		{ "a reply of the wrong kind", test_wrong_kind },
		{ "the escape", test_escape },
		{ "privilege", test_privilege },
		{ "a slow receiver", test_overrun },
		{ "receives that wait", test_blocking },
		{ "receives and signals", test_interrupted },
		{ "many sockets", test_many },
		{ "limits", test_limits },
		{ "two worlds", test_two_worlds },
		{ "hostile messages", test_hostile },
		{ "several messages at once", test_several_at_once },
		CU_TEST_INFO_NULL,
	};
	const CU_TestInfo *t;
	unsigned int failures;

	if (CU_initialize_registry() || !CU_add_suite("genl", NULL, NULL))
		return 2;
	for (t = tests; t->pName; t++)
		if (!CU_add_test(CU_get_suite("genl"), t->pName, t->pTestFunc))
			return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
