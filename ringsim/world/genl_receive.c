/* SPDX-License-Identifier: MIT */
/*
 * Receives on a program's netlink socket. What we sent comes from port 0, the kernel, as libraries
 * check.
 *
 * A receive that has to wait is kept and tried again when we send something; now and then we look
 * whether its time is over, a signal has come or somebody else has sent. We hold no descriptor
 * meanwhile: the socket ends when its program does.
 */
#include "genl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define RECEIVE_MAX (1 << 20)
#define CONTROL_MAX 256
#define TICK_NS	    20000000
#define ERESTARTSYS 512 /* the kernel's own: to be interrupted as the signal's handler wants it */

static int scatter(const struct world_call *c, const struct genl_transfer *t, const uint8_t *buf,
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

/* What comes from us comes from the kernel. */
static void from_kernel(const struct genl *g, struct sockaddr_nl *from, struct msghdr *m)
{
	const struct ucred kernel = { 0 };
	struct cmsghdr *cm;
	uint32_t group;

	if (from->nl_pid != g->port[GENL_ANSWER] && from->nl_pid != g->port[GENL_EVENT])
		return;
	group = from->nl_pid == g->port[GENL_EVENT] ? GENL_GROUP_TCMU : 0;
	from->nl_pid = 0;
	from->nl_groups = group ? 1u << (group - 1) : 0;
	for (cm = CMSG_FIRSTHDR(m); cm; cm = CMSG_NXTHDR(m, cm)) {
		if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_CREDENTIALS)
			memcpy(CMSG_DATA(cm), &kernel, sizeof(kernel));
		if (cm->cmsg_level == SOL_NETLINK && cm->cmsg_type == NETLINK_PKTINFO)
			memcpy(CMSG_DATA(cm), &group, sizeof(group));
	}
}

static int poke_msghdr(const struct world_call *c, const struct genl_transfer *t,
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

static int64_t receive(const struct genl *g, const struct world_call *c,
		       const struct genl_transfer *t, int fd)
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
		rc = genl_poke_address(c, t->name, t->name_len_at, &from);
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

static void end_receive(struct genl *g, struct genl_waiting *r)
{
	struct genl_waiting **p = &g->receives;

	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	free(r);
	if (!g->receives)
		set_tick(g, false);
}

/* 0, or the failure with which the wait ends now. */
static int64_t attempt(struct genl *g, struct genl_waiting *r)
{
	struct genl_transfer t;
	int64_t n = -EBADF;
	int fd = call_take(&r->c, (int)r->c.arg[0]), rc;

	if (fd < 0)
		return fd;
	rc = genl_arguments(&r->c, &t);
	if (rc)
		n = rc;
	else if (genl_is(r->s, fd))
		n = genl_result(&r->c, &t, receive(g, &r->c, &t, fd));
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
static bool proceed(struct genl *g, struct genl_waiting *r, bool look)
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
	struct genl_waiting *r, *next;
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
	struct genl_waiting *r, *next;

	for (r = g->receives; r; r = next) {
		next = r->next;
		if (r->s == s && proceed(g, r, false))
			end_receive(g, r);
	}
}

void genl_receives_end(struct genl *g, const struct genl_socket *s)
{
	struct genl_waiting *r, *next;

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
	struct genl_waiting *r = calloc(1, sizeof(*r));
	struct timeval timeout = { 0 };
	socklen_t len = sizeof(timeout);
	int rc = r ? start_tick(g) : -ENOMEM;

	if (rc) {
		free(r);
		return rc;
	}
	*r = (struct genl_waiting){ g->receives, *c, s, UINT64_MAX };
	if (!getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &len) &&
	    (timeout.tv_sec || timeout.tv_usec))
		r->deadline_ns = world_now_ns() + (uint64_t)timeout.tv_sec * 1000000000 +
				 (uint64_t)timeout.tv_usec * 1000;
	if (!g->receives)
		set_tick(g, true);
	g->receives = r;
	return 0;
}

void genl_receive(struct genl *g, struct genl_socket *s, struct world_call *c, int fd)
{
	struct genl_transfer t;
	int64_t n = genl_arguments(c, &t);
	bool wait;

	if (n) {
		call_answer(c, n == 1 ? 0 : n);
		return;
	}
	if (s->lost && !(t.flags & MSG_OOB)) {
		s->lost = false;
		n = genl_option(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS) ? 0 : -ENOBUFS;
	}
	if (!n)
		n = receive(g, c, &t, fd);
	wait = !(t.flags & MSG_DONTWAIT) && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
	if (n == -EAGAIN && wait) {
		n = keep(g, s, c, fd);
		if (!n)
			return;
	}
	call_answer(c, genl_result(c, &t, n));
}
