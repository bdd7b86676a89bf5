/* SPDX-License-Identifier: MIT */
/*
 * A call put to the owner of the world; see protocol.h.
 *
 * System calls are made by syscall(), which no cancellation of the thread can end in the middle.
 * Memory is copied by the kernel, straight from and to the message: a bad address is an error
 * and no crash.
 */
#include "next.h"

#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>

void complain(const char *what, const char *why)
{
	int saved = errno;
	struct stat st = { 0 };
	struct iovec iov[] = { { .iov_base = (void *)(uintptr_t) "tcmu-world: ", .iov_len = 12 },
			       { .iov_base = (void *)(uintptr_t)what, .iov_len = strlen(what) },
			       { .iov_base = (void *)(uintptr_t) ": ", .iov_len = 2 },
			       { .iov_base = (void *)(uintptr_t)why, .iov_len = strlen(why) },
			       { .iov_base = (void *)(uintptr_t) "\n", .iov_len = 1 } };

	/* By now it may be a disk, or one of our nodes. */
	if (!NEXT(fstat)(STDERR_FILENO, &st) && st.st_dev == preload_state()->err_dev &&
	    st.st_ino == preload_state()->err_ino)
		syscall(SYS_writev, STDERR_FILENO, iov, 5);
	errno = saved;
}

/* close() would be a cancellation point. */
static void shut(int fd)
{
	syscall(SYS_close, fd);
}

uint64_t ask_socket(int fd)
{
	int saved = errno;
	struct stat st = { 0 };
	bool is_socket = fd >= 0 && !NEXT(fstat)(fd, &st) && S_ISSOCK(st.st_mode);

	errno = saved;
	return is_socket ? st.st_ino : 0;
}

static int transfer(int nr, int fd, struct msghdr *msg, int flags)
{
	ssize_t n;

	do
		n = syscall(nr, fd, msg, flags);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

/* The answer to an order, with @len bytes of our memory if @rc is 0. */
static int reply(int fd, int64_t rc, uint64_t addr, uint64_t len)
{
	struct preload_reply head = { .rc = rc };
	struct iovec iov[2] = { { .iov_base = &head, .iov_len = sizeof(head) },
				{ .iov_base = (void *)(uintptr_t)addr, .iov_len = len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = len && !rc ? 2 : 1 };
	int n = transfer(SYS_sendmsg, fd, &msg, MSG_NOSIGNAL);

	if (n != -EFAULT)
		return n < 0 ? n : 0;
	head.rc = -EFAULT;
	msg.msg_iovlen = 1;
	n = transfer(SYS_sendmsg, fd, &msg, MSG_NOSIGNAL);
	return n < 0 ? n : 0;
}

static int poke(int fd, uint64_t addr, uint64_t len)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int n = transfer(SYS_recvmsg, fd, &msg, 0);

	if (n < 0 && n != -EFAULT)
		return n;
	return reply(fd, (uint64_t)n == len ? 0 : -EFAULT, 0, 0);
}

/* A descriptor of ours, for the owner. */
static int lend(int fd, int lent)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl = { 0 };
	struct preload_reply head = { 0 };
	struct iovec iov = { .iov_base = &head, .iov_len = sizeof(head) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = ctl.buf,
			      .msg_controllen = sizeof(ctl.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &lent, sizeof(int));
	n = transfer(SYS_sendmsg, fd, &msg, MSG_NOSIGNAL);
	return n < 0 ? reply(fd, n, 0, 0) : 0;
}

/* The next order, and the descriptor that came with it or -1. 0: the owner is gone. */
static int receive(int fd, struct preload_order *order, int *passed, bool interruptible)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct iovec iov = { .iov_base = order, .iov_len = sizeof(*order) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = ctl.buf,
			      .msg_controllen = sizeof(ctl.buf) };
	struct cmsghdr *c;
	ssize_t n;

	*passed = -1;
	do
		n = syscall(SYS_recvmsg, fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR && !interruptible);
	if (n < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(passed, CMSG_DATA(c), sizeof(*passed));
	return n == sizeof(*order) ? 1 : 0;
}

/*
 * A descriptor that was passed becomes the call's result. The connection had the lowest number that
 * was free, which is the one that the result must have, too. Returns the number or -errno.
 */
static int64_t take(int fd, const struct preload_order *order, int passed)
{
	int at = order->rc >= 0 ? (int)order->rc : fd;
	int64_t rc = passed < 0 ? -EMFILE : 0;

	if (!rc && order->rc >= 0 && fcntl(at, F_GETFD) >= 0)
		rc = -EBUSY;
	if (!rc && order->rc >= 0 && syscall(SYS_dup3, passed, at, order->flag ? O_CLOEXEC : 0) < 0)
		rc = -errno;
	if (!rc)
		rc = at;
	if (reply(fd, rc, 0, 0) && rc >= 0) {
		if (order->rc >= 0)
			shut(at);
		rc = -ENODEV;
	}
	if (rc >= 0 && order->rc < 0 &&
	    syscall(SYS_dup3, passed, at, order->flag ? O_CLOEXEC : 0) < 0)
		rc = -errno;
	if (passed >= 0)
		shut(passed);
	return rc;
}

static int64_t remap(const uint64_t arg[6], int passed)
{
	long rc;

	if (passed < 0)
		return -EMFILE;
	/* a driver's pages come when they are touched; a memfd's would all be made at once */
	rc = syscall(SYS_mmap, arg[0], arg[1], arg[2],
		     arg[3] & ~(uint64_t)(MAP_POPULATE | MAP_LOCKED), passed, arg[5]);
	if (rc == -1)
		rc = -errno;
	shut(passed);
	return rc;
}

/* What the owner wants, until it has told the end. True: the call is to run. *@fd may be used up.
 */
static bool serve(int *fd, const uint64_t arg[6], bool interruptible, int64_t *rc)
{
	struct preload_order order;
	int passed, n;

	for (;;) {
		n = receive(*fd, &order, &passed, interruptible);
		if (n <= 0) {
			*rc = n == -EINTR ? -EINTR : -ENODEV;
			return false;
		}
		switch (order.op) {
		case PRELOAD_PEEK:
			n = order.len > PRELOAD_PART ? -EPROTO
						     : reply(*fd, 0, order.addr, order.len);
			break;
		case PRELOAD_POKE:
			n = order.len > PRELOAD_PART ? -EPROTO : poke(*fd, order.addr, order.len);
			break;
		case PRELOAD_TAKE:
			n = lend(*fd, (int)order.rc);
			break;
		case PRELOAD_GIVE:
			*rc = take(*fd, &order, passed);
			if (*rc >= 0) {
				if (*rc == *fd)
					*fd = -1;
				return false;
			}
			passed = -1;
			n = 0;
			break;
		case PRELOAD_REMAP:
			*rc = remap(arg, passed);
			return false;
		case PRELOAD_ANSWER:
			*rc = order.rc;
			return false;
		case PRELOAD_PROCEED:
			return true;
		default:
			n = -EPROTO;
		}
		if (passed >= 0)
			shut(passed);
		if (n < 0) {
			*rc = -ENODEV;
			return false;
		}
	}
}

static int reach(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, rc;

	/* as preload_start() made it, so it fits */
	if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/" PRELOAD_SOCKET,
		     preload_state()->dir) >= (int)sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	do
		rc = (int)syscall(SYS_connect, fd, &addr, sizeof(addr));
	while (rc && errno == EINTR);
	if (!rc)
		return fd;
	rc = -errno;
	shut(fd);
	return rc;
}

enum ask_result ask(int nr, uint64_t ino, const uint64_t arg[6], bool interruptible, int64_t *rc)
{
	struct preload_call call = { .magic = PRELOAD_MAGIC, .nr = nr, .ino = ino };
	struct iovec iov = { .iov_base = &call, .iov_len = sizeof(call) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int saved = errno, fd = reach();
	bool proceed = false;

	memcpy(call.arg, arg, sizeof(call.arg));
	*rc = fd;
	if (fd < 0 && fd != -EMFILE && fd != -ENFILE) {
		complain("the simulated devices are out of reach", strerror(-fd));
		*rc = -ENODEV;
	}
	if (fd >= 0 && transfer(SYS_sendmsg, fd, &msg, MSG_NOSIGNAL) < 0)
		*rc = -ENODEV;
	else if (fd >= 0)
		proceed = serve(&fd, arg, interruptible, rc);
	if (fd >= 0)
		shut(fd);
	errno = saved;
	if (proceed)
		return ASK_PROCEED;
	if (*rc < 0 && *rc > -4096) {
		errno = (int)-*rc;
		*rc = -1;
	}
	return ASK_DONE;
}

void ask_sync(void)
{
	static const uint64_t none[6];
	int saved = errno;
	int64_t rc;

	ask(PRELOAD_SYNC, 0, none, false, &rc);
	errno = saved;
}
