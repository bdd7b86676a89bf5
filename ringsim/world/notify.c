/* SPDX-License-Identifier: MIT */
/*
 * System calls by seccomp user notification.
 *
 * The filter knows numbers and arguments, no paths and no kinds of descriptors: it stops what might
 * concern us, and call.c lets most of it run on. It is kept away from whatever a handler does
 * often: reads and writes of 4 bytes, polling, futexes. Where the kernel can (5.19), a call that we
 * have received is not interrupted by signals: an open is not begun twice because Go's scheduler or
 * a timer sent one.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

#define SG_IO_HDR_LEN 88 /* sizeof(struct sg_io_hdr): an asynchronous read or write */

struct listener {
	struct world_watch watch;
	struct notify *n;
	struct listener *next;
};

struct notify {
	struct world *w;
	struct listener *listeners;
};

/* The filter is put together from pieces; a jump is relative, so each piece is complete in itself.
 */
struct program {
	struct sock_filter insn[224];
	unsigned short n;
};

static void add(struct program *p, struct sock_filter insn)
{
	if (p->n < sizeof(p->insn) / sizeof(p->insn[0]))
		p->insn[p->n++] = insn;
}

#define LOAD(p, off)	     add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off))
#define RETURN(p, what)	     add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what))
#define JUMP(p, op, k, t, f) add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | (op) | BPF_K, k, t, f))
#define NR		     offsetof(struct seccomp_data, nr)
#define LOW(i)		     (offsetof(struct seccomp_data, args) + 8 * (i))
#define HIGH(i)		     (LOW(i) + 4)

/* Whatever the arguments are. */
static void trap(struct program *p, unsigned int nr)
{
	JUMP(p, BPF_JEQ, nr, 0, 1);
	RETURN(p, SECCOMP_RET_USER_NOTIF);
}

/* If argument @i is @value. The accumulator holds the number before and after. */
static void trap_equal(struct program *p, unsigned int nr, unsigned int i, unsigned int value)
{
	JUMP(p, BPF_JEQ, nr, 0, 4);
	LOAD(p, LOW(i));
	JUMP(p, BPF_JEQ, value, 0, 1);
	RETURN(p, SECCOMP_RET_USER_NOTIF);
	LOAD(p, NR);
}

/* If argument @i has one of @bits. */
static void trap_bits(struct program *p, unsigned int nr, unsigned int i, unsigned int bits)
{
	JUMP(p, BPF_JEQ, nr, 0, 4);
	LOAD(p, LOW(i));
	JUMP(p, BPF_JSET, bits, 0, 1);
	RETURN(p, SECCOMP_RET_USER_NOTIF);
	LOAD(p, NR);
}

/* If the first argument is a descriptor that we chose the number of. */
static void trap_reserved(struct program *p, unsigned int nr)
{
	JUMP(p, BPF_JEQ, nr, 0, 5);
	LOAD(p, LOW(0));
	JUMP(p, BPF_JGE, RESERVED_FD_FIRST, 0, 2);
	JUMP(p, BPF_JGT, RESERVED_FD_LAST, 1, 0);
	RETURN(p, SECCOMP_RET_USER_NOTIF);
	LOAD(p, NR);
}

/* socket(AF_NETLINK, any type, NETLINK_GENERIC) */
static void trap_netlink(struct program *p)
{
	JUMP(p, BPF_JEQ, SYS_socket, 0, 6);
	LOAD(p, LOW(0));
	JUMP(p, BPF_JEQ, 16, 0, 3);
	LOAD(p, LOW(2));
	JUMP(p, BPF_JEQ, 16, 0, 1);
	RETURN(p, SECCOMP_RET_USER_NOTIF);
	LOAD(p, NR);
}

/* Any mapping of a descriptor; the one that remap.c makes carries a mark that the kernel ignores.
 */
static void trap_mmap(struct program *p)
{
	JUMP(p, BPF_JEQ, SYS_mmap, 0, 6);
	LOAD(p, HIGH(4));
	JUMP(p, BPF_JEQ, REMAP_MARK, 3, 0);
	LOAD(p, LOW(4));
	JUMP(p, BPF_JEQ, 0xffffffff, 1, 0);
	RETURN(p, SECCOMP_RET_USER_NOTIF);
	LOAD(p, NR);
}

/*
 * SG_*, SCSI_IOCTL_* and BLK*: 0x22xx, 0x53xx and 0x12xx, with or without a size above, and what
 * the oldest of them are, 1 to 7.
 */
static void trap_ioctl(struct program *p)
{
	JUMP(p, BPF_JEQ, SYS_ioctl, 0, 10);
	LOAD(p, LOW(1));
	add(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff8));
	JUMP(p, BPF_JEQ, 0, 5, 0);
	LOAD(p, LOW(1));
	add(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00));
	JUMP(p, BPF_JEQ, 0x2200, 2, 0);
	JUMP(p, BPF_JEQ, 0x5300, 1, 0);
	JUMP(p, BPF_JEQ, 0x1200, 0, 1);
	RETURN(p, SECCOMP_RET_USER_NOTIF);
	LOAD(p, NR);
}

/* What a netlink socket cannot do by itself; see genl.c. */
static const unsigned int socket_calls[] = {
	SYS_sendto,	 SYS_sendmsg,	 SYS_sendmmsg,	 SYS_writev, SYS_recvfrom,
	SYS_recvmsg,	 SYS_recvmmsg,	 SYS_readv,	 SYS_bind,   SYS_connect,
	SYS_getsockname, SYS_getsockopt, SYS_setsockopt,
};

static void build(struct program *p)
{
	size_t i;

	p->n = 0;
	LOAD(p, offsetof(struct seccomp_data, arch));
	JUMP(p, BPF_JEQ, OUR_ARCH, 1, 0);
	RETURN(p, SECCOMP_RET_ALLOW);
	LOAD(p, NR);
	trap_equal(p, SYS_read, 2, SG_IO_HDR_LEN);
	trap_equal(p, SYS_write, 2, SG_IO_HDR_LEN);
	trap_reserved(p, SYS_read);
	trap_reserved(p, SYS_write);
	trap_mmap(p);
	trap_ioctl(p);
	for (i = 0; i < sizeof(socket_calls) / sizeof(socket_calls[0]); i++)
		trap_reserved(p, socket_calls[i]);
	trap_netlink(p);
#ifdef SYS_open
	trap(p, SYS_open);
	trap(p, SYS_creat);
#endif
	trap(p, SYS_openat);
	trap(p, SYS_openat2);
	trap(p, SYS_mlockall);
	trap(p, SYS_fstat);
	trap_bits(p, SYS_newfstatat, 3, AT_EMPTY_PATH);
	trap_bits(p, SYS_statx, 2, AT_EMPTY_PATH);
	RETURN(p, SECCOMP_RET_ALLOW);
}

static int install(const struct sock_fprog *prog)
{
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			  flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, prog);

	if (fd < 0 && errno == EINVAL)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);
	return fd < 0 ? -errno : (int)fd;
}

int notify_install(void)
{
	struct program p;
	struct sock_fprog prog;
	int fd;

	build(&p);
	prog = (struct sock_fprog){ .len = p.n, .filter = p.insn };
	fd = install(&prog);
	if (fd != -EACCES)
		return fd;
	/* Without CAP_SYS_ADMIN the price is that no setuid program works any more. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return install(&prog);
}

/* --- reaching a caller -------------------------------------------------------------------------
 */

static int transfer(const struct world_call *c, uint64_t addr, void *buf, size_t len, bool poke)
{
	struct iovec mine, theirs;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		mine = (struct iovec){ (char *)buf + done, len - done };
		theirs = (struct iovec){ (void *)(uintptr_t)(addr + done), len - done };
		n = poke ? process_vm_writev(c->tid, &mine, 1, &theirs, 1, 0)
			 : process_vm_readv(c->tid, &mine, 1, &theirs, 1, 0);
		if (n <= 0)
			return -EFAULT;
		done += (size_t)n;
	}
	return 0;
}

static int notify_peek(const struct world_call *c, uint64_t addr, void *buf, size_t len)
{
	return transfer(c, addr, buf, len, false);
}

static int notify_poke(const struct world_call *c, uint64_t addr, const void *buf, size_t len)
{
	return transfer(c, addr, (void *)(uintptr_t)buf, len, true);
}

static void respond(const struct world_call *c, int64_t rc, uint32_t flags)
{
	struct seccomp_notif_resp resp = { .id = c->id, .flags = flags };

	if (rc < 0)
		resp.error = (int)rc;
	else
		resp.val = rc;
	/* ENOENT: the caller was killed, nobody minds */
	ioctl(c->via_fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static void notify_answer(const struct world_call *c, int64_t rc)
{
	respond(c, rc, 0);
}

static void notify_proceed(const struct world_call *c)
{
	respond(c, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

static int add_fd(const struct world_call *c, int fd, bool cloexec, int at, uint32_t flags)
{
	struct seccomp_notif_addfd a = { .id = c->id,
					 .srcfd = (uint32_t)fd,
					 .flags = flags | (at >= 0 ? SECCOMP_ADDFD_FLAG_SETFD : 0),
					 .newfd = at >= 0 ? (uint32_t)at : 0,
					 .newfd_flags = cloexec ? O_CLOEXEC : 0 };
	int rc = ioctl(c->via_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a);

	return rc < 0 ? -errno : rc;
}

static int notify_give(const struct world_call *c, int fd, bool cloexec, int at)
{
	int rc = add_fd(c, fd, cloexec, at, SECCOMP_ADDFD_FLAG_SEND);

	return rc == -ENOENT ? 0 : rc; /* nobody there to answer any more */
}

static void notify_remap(const struct world_call *c, int fd)
{
	int at = add_fd(c, fd, true, -1, 0);

	if (at < 0)
		notify_answer(c, at);
	else
		remap_mmap(c, at);
}

/* By the link's text: looking behind it would ask a file of the trees, and so ourselves. */
static uint64_t notify_file_ino(const struct world_call *c, int fd)
{
	char path[64], link[64];
	unsigned long long ino;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)c->tid, fd);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = 0;
	return sscanf(link, "socket:[%llu]", &ino) == 1 ? ino : 0;
}

static int notify_take(const struct world_call *c, int fd)
{
	/* of the thread's own table where that can be told, else of its process */
	int pid = (int)syscall(SYS_pidfd_open, c->tid, PIDFD_THREAD), rc;

	if (pid < 0)
		pid = (int)syscall(SYS_pidfd_open, call_tgid(c), 0);
	if (pid < 0)
		return -errno;
	rc = (int)syscall(SYS_pidfd_getfd, pid, fd, 0);
	rc = rc < 0 ? -errno : rc;
	close(pid);
	return rc;
}

static bool notify_waiting(const struct world_call *c)
{
	uint64_t id = c->id;

	return !ioctl(c->via_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

static const struct call_ops notify_ops = {
	.peek = notify_peek,
	.poke = notify_poke,
	.answer = notify_answer,
	.proceed = notify_proceed,
	.give = notify_give,
	.remap = notify_remap,
	.file_ino = notify_file_ino,
	.take = notify_take,
	.waiting = notify_waiting,
};

/* --- listeners ---------------------------------------------------------------------------------
 */

static void drop(struct listener *l)
{
	struct listener **p = &l->n->listeners;

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	world_unwatch(l->n->w, &l->watch);
	close(l->watch.fd);
	free(l);
}

static void receive(struct world_watch *watch, uint32_t events)
{
	struct listener *l = (struct listener *)watch;
	struct seccomp_notif req = { 0 };
	struct world_call c = { .w = l->n->w, .ops = &notify_ops, .via_fd = watch->fd };
	int i;

	if (!(events & EPOLLIN)) {
		drop(l); /* the last program under this filter has ended */
		return;
	}
	if (ioctl(watch->fd, SECCOMP_IOCTL_NOTIF_RECV, &req))
		return;
	c.id = req.id;
	c.tid = (pid_t)req.pid;
	c.nr = req.data.nr;
	for (i = 0; i < 6; i++)
		c.arg[i] = req.data.args[i];
	call_dispatch(&c);
}

int notify_add(struct world *w, int listener)
{
	struct notify *n = w->notify;
	struct listener *l = calloc(1, sizeof(*l));
	int rc;

	if (!l) {
		close(listener);
		return -ENOMEM;
	}
	/* caller and owner take turns: 6.6 and later can hand the processor over */
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	l->n = n;
	l->watch.fd = listener;
	l->watch.fn = receive;
	rc = world_watch(w, &l->watch, EPOLLIN);
	if (rc) {
		close(listener);
		free(l);
		return rc;
	}
	l->next = n->listeners;
	n->listeners = l;
	return 0;
}

int notify_start(struct world *w, char *err, size_t err_len)
{
	struct notify *n = calloc(1, sizeof(*n));

	if (!n) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	n->w = w;
	w->notify = n;
	return 0;
}

void notify_stop(struct world *w)
{
	struct notify *n = w->notify;

	if (!n)
		return;
	while (n->listeners)
		drop(n->listeners);
	free(n);
	w->notify = NULL;
}
