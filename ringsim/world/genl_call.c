/* SPDX-License-Identifier: MIT */
/*
 * System calls on a program's netlink socket: see genl.c for why they come to us.
 *
 * For the time of a call we have a descriptor of the same socket, and do with it what the caller
 * wants; what the kernel would have done otherwise is put right on the way: messages of ours come
 * from port 0, memberships are in our books. A receive that has to wait is kept and tried again
 * when we send something; now and then we look whether its time is over, a signal has come or
 * somebody else has sent.
 *
 * All that the caller passes is hostile: addresses may be wrong, lengths absurd.
 */
#include "genl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#define RECEIVE_MAX (1 << 20)
#define CONTROL_MAX 256
#define TICK_NS	    20000000
#define ERESTARTSYS 512 /* the kernel's own: to be interrupted as the signal's handler wants it */

/* struct transfer - what a send or a receive is about, wherever the call's arguments are */
struct transfer {
	struct iovec iov[IOV_MAX];
	size_t n_iov, len;
	uint64_t name, name_len_at; /* where the length of a received name goes, 0: into @msg */
	uint32_t name_len;
	uint64_t msg;	   /* the caller's struct msghdr, or 0 */
	uint64_t count_at; /* of sendmmsg and recvmmsg: where the length goes */
	struct msghdr header;
	int flags;
};

/* --- arguments ---------------------------------------------------------------------------------
 */

static int read_iov(const struct world_call *c, struct transfer *t, uint64_t addr, uint64_t n)
{
	size_t i;

	if (n > IOV_MAX)
		return c->nr == SYS_readv || c->nr == SYS_writev ? -EINVAL : -EMSGSIZE;
	if (n && call_peek(c, addr, t->iov, n * sizeof(t->iov[0])))
		return -EFAULT;
	t->n_iov = n;
	for (i = 0; i < n; i++) {
		if (t->iov[i].iov_len > INT_MAX - t->len)
			return -EINVAL;
		t->len += t->iov[i].iov_len;
	}
	return 0;
}

static int read_msghdr(const struct world_call *c, struct transfer *t, uint64_t addr)
{
	if (call_peek(c, addr, &t->header, sizeof(t->header)))
		return -EFAULT;
	t->msg = addr;
	t->name = (uintptr_t)t->header.msg_name;
	t->name_len = t->name ? t->header.msg_namelen : 0;
	if ((int)t->name_len < 0)
		return -EINVAL;
	return read_iov(c, t, (uintptr_t)t->header.msg_iov, t->header.msg_iovlen);
}

static void one_buffer(const struct world_call *c, struct transfer *t)
{
	t->n_iov = 1;
	t->len = c->arg[2] < INT_MAX ? c->arg[2] : INT_MAX;
	t->iov[0] = (struct iovec){ (void *)(uintptr_t)c->arg[1], t->len };
}

/* 0, or what to answer; 1: there is nothing to do */
static int arguments(const struct world_call *c, struct transfer *t)
{
	memset(&t->n_iov, 0, sizeof(*t) - offsetof(struct transfer, n_iov));
	switch (c->nr) {
	case SYS_sendto:
	case SYS_recvfrom:
		one_buffer(c, t);
		t->flags = (int)c->arg[3];
		t->name = c->arg[4];
		t->name_len = (uint32_t)c->arg[5];
		t->name_len_at = c->nr == SYS_recvfrom ? c->arg[5] : 0;
		return 0;
	case SYS_sendmsg:
	case SYS_recvmsg:
		t->flags = (int)c->arg[2];
		return read_msghdr(c, t, c->arg[1]);
	case SYS_sendmmsg:
	case SYS_recvmmsg:
		t->flags = (int)c->arg[3];
		t->count_at = c->arg[1] + offsetof(struct mmsghdr, msg_len);
		return (unsigned int)c->arg[2] ? read_msghdr(c, t, c->arg[1]) : 1;
	case SYS_readv:
	case SYS_writev:
		return read_iov(c, t, c->arg[1], c->arg[2]);
	default:
		one_buffer(c, t);
		return 0;
	}
}

/* The result of one message; of several at once, one was done. */
static int64_t result(const struct world_call *c, const struct transfer *t, int64_t n)
{
	const uint32_t len = (uint32_t)n;

	if (n < 0 || !t->count_at)
		return n;
	return call_poke(c, t->count_at, &len, sizeof(len)) ? -EFAULT : 1;
}

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) ? 0 : value;
}

/* --- ports -------------------------------------------------------------------------------------
 */

static int bind_port(int fd, uint32_t port)
{
	const struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = port };

	return bind(fd, (const struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
}

/* As the kernel does it unasked: the process's id, and if that is taken, something negative. */
static int autobind(struct genl *g, struct genl_socket *s, const struct world_call *c, int fd)
{
	uint32_t port = (uint32_t)call_tgid(c);
	int rc, i;

	if (s->port)
		return 0;
	rc = bind_port(fd, port);
	for (i = 1; rc == -EADDRINUSE && i < 4096; i++) {
		port = (uint32_t)(-4096 - i);
		rc = bind_port(fd, port);
	}
	if (!rc)
		genl_bound(g, s, port);
	return rc;
}

/* Bound without our knowing, through a duplicate. */
static void look_up_port(struct genl *g, struct genl_socket *s, int fd)
{
	struct sockaddr_nl me = { 0 };
	socklen_t len = sizeof(me);

	if (!s->port && !getsockname(fd, (struct sockaddr *)&me, &len) && me.nl_pid)
		genl_bound(g, s, me.nl_pid);
}

static int read_address(const struct world_call *c, uint64_t addr, uint64_t len,
			struct sockaddr_nl *a)
{
	if ((int)len < (int)sizeof(*a))
		return -EINVAL;
	return call_peek(c, addr, a, sizeof(*a));
}

static int do_bind(struct genl *g, struct genl_socket *s, const struct world_call *c, int fd)
{
	struct sockaddr_nl a;
	int rc = read_address(c, c->arg[1], c->arg[2], &a);

	if (rc)
		return rc;
	if (a.nl_family != AF_NETLINK || (s->port && a.nl_pid != s->port))
		return -EINVAL;
	if (!s->port && a.nl_pid) {
		rc = bind_port(fd, a.nl_pid);
		if (!rc)
			genl_bound(g, s, a.nl_pid);
	} else {
		rc = autobind(g, s, c, fd);
	}
	if (!rc)
		s->groups = (s->groups & ~0xffffffffull) | a.nl_groups;
	return rc;
}

/* Connected to port 0 it would refuse what we send. 1: the kernel may do it. */
static int do_connect(struct genl *g, struct genl_socket *s, const struct world_call *c, int fd)
{
	struct sockaddr_nl a = { 0 };
	uint64_t len = c->arg[2] < sizeof(a) ? c->arg[2] : sizeof(a);

	if (len < sizeof(a.nl_family) || call_peek(c, c->arg[1], &a, len))
		return 1;
	if (a.nl_family == AF_UNSPEC || a.nl_family != AF_NETLINK || len < sizeof(a) || a.nl_pid ||
	    a.nl_groups)
		return 1;
	return autobind(g, s, c, fd);
}

static int poke_address(const struct world_call *c, uint64_t addr, uint64_t len_at,
			const struct sockaddr_nl *a)
{
	const uint32_t whole = sizeof(*a);
	int len;

	if (call_peek(c, len_at, &len, sizeof(len)))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (call_poke(c, addr, a, len < (int)whole ? (size_t)len : whole))
		return -EFAULT;
	return call_poke(c, len_at, &whole, sizeof(whole));
}

static int do_getsockname(struct genl_socket *s, const struct world_call *c)
{
	const struct sockaddr_nl me = { .nl_family = AF_NETLINK,
					.nl_pid = s->port,
					.nl_groups = (uint32_t)s->groups };

	return poke_address(c, c->arg[1], c->arg[2], &me);
}

/* --- options; 1: the kernel's ------------------------------------------------------------------
 */

static int do_setsockopt(struct genl_socket *s, const struct world_call *c)
{
	uint32_t group = 0;

	if ((int)c->arg[1] != SOL_NETLINK ||
	    ((int)c->arg[2] != NETLINK_ADD_MEMBERSHIP && (int)c->arg[2] != NETLINK_DROP_MEMBERSHIP))
		return 1;
	if ((int)c->arg[4] >= 4 && call_peek(c, c->arg[3], &group, sizeof(group)))
		return -EFAULT;
	if (!group || group > GENL_GROUPS)
		return -EINVAL;
	if ((int)c->arg[2] == NETLINK_ADD_MEMBERSHIP)
		s->groups |= 1ull << (group - 1);
	else
		s->groups &= ~(1ull << (group - 1));
	return 0;
}

static int do_getsockopt(const struct genl_socket *s, const struct world_call *c)
{
	const int protocol = NETLINK_GENERIC;
	const void *value = &protocol;
	int len, whole = sizeof(protocol);

	if ((int)c->arg[1] == SOL_NETLINK && (int)c->arg[2] == NETLINK_LIST_MEMBERSHIPS) {
		value = &s->groups;
		whole = sizeof(s->groups);
	} else if ((int)c->arg[1] != SOL_SOCKET || (int)c->arg[2] != SO_PROTOCOL) {
		return 1;
	}
	if (call_peek(c, c->arg[4], &len, sizeof(len)))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (call_poke(c, c->arg[3], value, (size_t)(len < whole ? len : whole)))
		return -EFAULT;
	return call_poke(c, c->arg[4], &whole, sizeof(whole));
}

/* --- sending -----------------------------------------------------------------------------------
 */

/* Where a message goes: 0, a failure, or 1: not to the kernel, so the caller sends it himself. */
static int destination(const struct world_call *c, const struct transfer *t, int fd)
{
	struct sockaddr_nl to = { 0 };
	socklen_t len = sizeof(to);
	int rc;

	if (!t->name || !t->name_len) {
		if (getpeername(fd, (struct sockaddr *)&to, &len))
			return 0;
		return to.nl_pid != 0;
	}
	rc = read_address(c, t->name, t->name_len, &to);
	if (!rc && to.nl_family != AF_NETLINK)
		rc = -EINVAL;
	if (!rc && (to.nl_pid || to.nl_groups) && !call_capable(c, CAP_NET_ADMIN))
		rc = -EPERM;
	return rc ? rc : to.nl_pid != 0;
}

static int gather(const struct world_call *c, const struct transfer *t, uint8_t *buf)
{
	size_t i, done = 0;

	for (i = 0; i < t->n_iov; done += t->iov[i++].iov_len)
		if (call_peek(c, (uintptr_t)t->iov[i].iov_base, buf + done, t->iov[i].iov_len))
			return -EFAULT;
	return 0;
}

static int64_t send_message(struct genl *g, struct genl_socket *s, const struct world_call *c,
			    const struct transfer *t, int fd)
{
	struct genl_request r = { .g = g, .s = s };
	uint8_t *data;
	int rc;

	if (t->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!t->len)
		return -ENODATA;
	rc = autobind(g, s, c, fd);
	if (rc)
		return rc;
	if (t->len > (size_t)option(fd, SOL_SOCKET, SO_SNDBUF) - 32)
		return -EMSGSIZE;
	data = malloc(t->len);
	if (!data)
		return -ENOBUFS;
	rc = gather(c, t, data);
	if (!rc) {
		r.pid = call_tgid(c);
		r.admin = call_capable(c, CAP_NET_ADMIN);
		r.cap_ack = option(fd, SOL_NETLINK, NETLINK_CAP_ACK);
		r.ext_ack = option(fd, SOL_NETLINK, NETLINK_EXT_ACK);
		genl_requests(&r, data, t->len);
	}
	free(data);
	return rc ? rc : (int64_t)t->len;
}

static void do_send(struct genl *g, struct genl_socket *s, struct world_call *c, int fd)
{
	struct transfer t;
	int rc = arguments(c, &t);

	if (rc) {
		call_answer(c, rc == 1 ? 0 : rc);
		return;
	}
	rc = destination(c, &t, fd);
	if (rc > 0)
		call_proceed(c);
	else
		call_answer(c, result(c, &t, rc ? rc : send_message(g, s, c, &t, fd)));
}

/* --- receiving ---------------------------------------------------------------------------------
 */

static int scatter(const struct world_call *c, const struct transfer *t, const uint8_t *buf,
		   size_t len)
{
	size_t i, n;

	for (i = 0; i < t->n_iov && len; i++, buf += n, len -= n) {
		n = t->iov[i].iov_len < len ? t->iov[i].iov_len : len;
		if (call_poke(c, (uintptr_t)t->iov[i].iov_base, buf, n))
			return -EFAULT;
	}
	return 0;
}

/* What comes from us comes from the kernel. Returns the group it was sent to, or 0. */
static uint32_t from_kernel(const struct genl *g, struct sockaddr_nl *from, struct msghdr *m)
{
	const struct ucred kernel = { 0 };
	struct cmsghdr *cm;
	uint32_t group;

	if (from->nl_pid != g->port[GENL_ANSWER] && from->nl_pid != g->port[GENL_EVENT])
		return 0;
	group = from->nl_pid == g->port[GENL_EVENT] ? GENL_GROUP_TCMU : 0;
	from->nl_pid = 0;
	from->nl_groups = group ? 1u << (group - 1) : 0;
	for (cm = CMSG_FIRSTHDR(m); cm; cm = CMSG_NXTHDR(m, cm)) {
		if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_CREDENTIALS)
			memcpy(CMSG_DATA(cm), &kernel, sizeof(kernel));
		if (cm->cmsg_level == SOL_NETLINK && cm->cmsg_type == NETLINK_PKTINFO)
			memcpy(CMSG_DATA(cm), &group, sizeof(group));
	}
	return group;
}

static int poke_msghdr(const struct world_call *c, const struct transfer *t,
		       const struct sockaddr_nl *from, const struct msghdr *m)
{
	struct msghdr h = t->header;
	size_t len = t->name_len < sizeof(*from) ? t->name_len : sizeof(*from);

	if (t->name) {
		if (call_poke(c, t->name, from, len))
			return -EFAULT;
		h.msg_namelen = sizeof(*from);
	}
	h.msg_flags = m->msg_flags;
	if (m->msg_controllen > h.msg_controllen) {
		h.msg_flags |= MSG_CTRUNC;
		h.msg_controllen = 0;
	} else {
		h.msg_controllen = m->msg_controllen;
	}
	if (h.msg_controllen &&
	    call_poke(c, (uintptr_t)h.msg_control, m->msg_control, h.msg_controllen))
		return -EFAULT;
	return call_poke(c, t->msg, &h, sizeof(h));
}

static int64_t receive(const struct genl *g, const struct world_call *c, const struct transfer *t,
		       int fd)
{
	_Alignas(struct cmsghdr) char control[CONTROL_MAX];
	struct sockaddr_nl from = { 0 };
	size_t room = t->len < RECEIVE_MAX ? t->len : RECEIVE_MAX;
	uint8_t *buf = malloc(room ? room : 1);
	struct iovec iov = { buf, room };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n;
	int rc;

	if (!buf)
		return -ENOBUFS;
	n = recvmsg(fd, &m, (t->flags & (MSG_PEEK | MSG_TRUNC | MSG_OOB)) | MSG_DONTWAIT);
	if (n < 0) {
		n = -errno;
		free(buf);
		return n;
	}
	from_kernel(g, &from, &m);
	rc = scatter(c, t, buf, (size_t)n < room ? (size_t)n : room);
	if (!rc && t->msg)
		rc = poke_msghdr(c, t, &from, &m);
	else if (!rc && t->name)
		rc = poke_address(c, t->name, t->name_len_at, &from);
	free(buf);
	return rc ? rc : n;
}

/* --- receives that wait ------------------------------------------------------------------------
 */

static void set_tick(struct genl *g, bool on)
{
	const struct itimerspec t = { { 0, on ? TICK_NS : 0 }, { 0, on ? TICK_NS : 0 } };

	if (g->tick.fd >= 0)
		timerfd_settime(g->tick.fd, 0, &t, NULL);
}

static void end_receive(struct genl *g, struct genl_receive *r)
{
	struct genl_receive **p = &g->receives;

	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	free(r);
	if (!g->receives)
		set_tick(g, false);
}

/* 0, or the failure with which the wait ends now. */
static int64_t attempt(struct genl *g, struct genl_receive *r)
{
	struct transfer t;
	struct stat st;
	int64_t n = -EBADF;
	int fd = call_take(&r->c, (int)r->c.arg[0]), rc;

	if (fd < 0)
		return fd;
	rc = arguments(&r->c, &t);
	if (rc)
		n = rc;
	else if (!fstat(fd, &st) && st.st_ino == r->s->file.ino)
		n = result(&r->c, &t, receive(g, &r->c, &t, fd));
	close(fd);
	return n;
}

static bool signal_pending(const struct world_call *c)
{
	uint64_t own = 0, shared = 0, blocked = ~0ull;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)c->tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "SigPnd:", 7))
			own = strtoull(line + 7, NULL, 16);
		else if (!strncmp(line, "ShdPnd:", 7))
			shared = strtoull(line + 7, NULL, 16);
		else if (!strncmp(line, "SigBlk:", 7))
			blocked = strtoull(line + 7, NULL, 16);
	}
	if (f)
		fclose(f);
	return (own | shared) & ~blocked;
}

/* Whether the wait is over, one way or the other. @look: at more than messages */
static bool proceed(struct genl *g, struct genl_receive *r, bool look)
{
	int64_t n;

	if (!call_waiting(&r->c))
		return true;
	n = attempt(g, r);
	if (n == -EAGAIN && look && world_now_ns() >= r->deadline_ns)
		;
	else if (n == -EAGAIN && look && g->w->mechanism == WORLD_SECCOMP && signal_pending(&r->c))
		n = r->deadline_ns == UINT64_MAX ? -ERESTARTSYS : -EINTR;
	else if (n == -EAGAIN)
		return false;
	call_answer(&r->c, n);
	return true;
}

static void on_tick(struct world_watch *watch, uint32_t events)
{
	struct genl *g = (struct genl *)((char *)watch - offsetof(struct genl, tick));
	struct genl_receive *r, *next;
	uint64_t ticks;

	(void)events;
	if (read(watch->fd, &ticks, sizeof(ticks)) < 0)
		return;
	for (r = g->receives; r; r = next) {
		next = r->next;
		if (proceed(g, r, true))
			end_receive(g, r);
	}
}

void genl_retry(struct genl *g, struct genl_socket *s)
{
	struct genl_receive *r, *next;

	for (r = g->receives; r; r = next) {
		next = r->next;
		if (r->s == s && proceed(g, r, false))
			end_receive(g, r);
	}
}

void genl_receives_end(struct genl *g, const struct genl_socket *s)
{
	struct genl_receive *r, *next;

	for (r = g->receives; r; r = next) {
		next = r->next;
		if (r->s != s)
			continue;
		if (call_waiting(&r->c))
			call_answer(&r->c, -EBADF);
		end_receive(g, r);
	}
}

void genl_receives_stop(struct genl *g)
{
	if (g->tick.fd < 0)
		return;
	world_unwatch(g->w, &g->tick);
	close(g->tick.fd);
	g->tick.fd = -1;
}

static int start_tick(struct genl *g)
{
	int rc;

	if (g->tick.fd >= 0)
		return 0;
	g->tick.fn = on_tick;
	g->tick.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (g->tick.fd < 0)
		return -errno;
	rc = world_watch(g->w, &g->tick, EPOLLIN);
	if (rc) {
		close(g->tick.fd);
		g->tick.fd = -1;
	}
	return rc;
}

/* 0: kept, to be answered later */
static int keep(struct genl *g, struct genl_socket *s, const struct world_call *c, int fd)
{
	struct genl_receive *r = calloc(1, sizeof(*r));
	struct timeval timeout = { 0 };
	socklen_t len = sizeof(timeout);
	int rc = r ? start_tick(g) : -ENOMEM;

	if (rc) {
		free(r);
		return rc;
	}
	*r = (struct genl_receive){ g->receives, *c, s, UINT64_MAX };
	if (!getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &len) &&
	    (timeout.tv_sec || timeout.tv_usec))
		r->deadline_ns = world_now_ns() + (uint64_t)timeout.tv_sec * 1000000000 +
				 (uint64_t)timeout.tv_usec * 1000;
	if (!g->receives)
		set_tick(g, true);
	g->receives = r;
	return 0;
}

static void do_receive(struct genl *g, struct genl_socket *s, struct world_call *c, int fd)
{
	struct transfer t;
	int64_t n = arguments(c, &t);
	bool wait;

	if (n) {
		call_answer(c, n == 1 ? 0 : n);
		return;
	}
	if (s->lost && !(t.flags & MSG_OOB)) {
		s->lost = false;
		n = option(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS) ? 0 : -ENOBUFS;
	}
	if (!n)
		n = receive(g, c, &t, fd);
	wait = !(t.flags & MSG_DONTWAIT) && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
	if (n == -EAGAIN && wait) {
		n = keep(g, s, c, fd);
		if (!n)
			return;
	}
	call_answer(c, result(c, &t, n));
}

/* --- which call --------------------------------------------------------------------------------
 */

static void dispatch(struct genl *g, struct genl_socket *s, struct world_call *c, int fd)
{
	int rc;

	switch (c->nr) {
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_write:
	case SYS_writev:
		do_send(g, s, c, fd);
		return;
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
	case SYS_read:
	case SYS_readv:
		do_receive(g, s, c, fd);
		return;
	case SYS_bind:
		rc = do_bind(g, s, c, fd);
		break;
	case SYS_connect:
		rc = do_connect(g, s, c, fd);
		break;
	case SYS_getsockname:
		rc = do_getsockname(s, c);
		break;
	case SYS_setsockopt:
		rc = do_setsockopt(s, c);
		break;
	case SYS_getsockopt:
		rc = do_getsockopt(s, c);
		break;
	default:
		rc = 1;
	}
	if (rc > 0)
		call_proceed(c);
	else
		call_answer(c, rc);
}

void genl_call(struct world_call *c, struct world_file *f)
{
	struct genl_socket *s =
		(struct genl_socket *)((char *)f - offsetof(struct genl_socket, file));
	int fd = call_take(c, (int)c->arg[0]);
	struct stat st;

	if (fd < 0) {
		call_answer(c, fd);
		return;
	}
	if (fstat(fd, &st) || st.st_ino != f->ino) {
		call_answer(c, -EBADF);
	} else {
		look_up_port(c->w->genl, s, fd);
		dispatch(c->w->genl, s, c, fd);
	}
	close(fd);
}
