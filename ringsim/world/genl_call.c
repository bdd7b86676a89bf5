/* SPDX-License-Identifier: MIT */
/*
 * System calls on a program's netlink socket: see genl.c for why they come to us.
 *
 * For the time of a call we have a descriptor of the same socket, and do with it what the caller
 * wants; what the kernel would have done otherwise is put right on the way: messages to port 0 are
 * ours, memberships are in our books.
 *
 * All that the caller passes is hostile: addresses may be wrong, lengths absurd.
 */
#include "genl.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* --- arguments ---------------------------------------------------------------------------------
 */

static int read_iov(const struct world_call *c, struct genl_transfer *t, uint64_t addr, uint64_t n)
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

static int read_msghdr(const struct world_call *c, struct genl_transfer *t, uint64_t addr)
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

static void one_buffer(const struct world_call *c, struct genl_transfer *t)
{
	t->n_iov = 1;
	t->len = c->arg[2] < INT_MAX ? c->arg[2] : INT_MAX;
	t->iov[0] = (struct iovec){ (void *)(uintptr_t)c->arg[1], t->len };
}

/* 0, or what to answer; 1: there is nothing to do */
int genl_arguments(const struct world_call *c, struct genl_transfer *t)
{
	memset(&t->n_iov, 0, sizeof(*t) - offsetof(struct genl_transfer, n_iov));
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
int64_t genl_result(const struct world_call *c, const struct genl_transfer *t, int64_t n)
{
	const uint32_t len = (uint32_t)n;

	if (n < 0 || !t->count_at)
		return n;
	return call_poke(c, t->count_at, &len, sizeof(len)) ? -EFAULT : 1;
}

int genl_option(int fd, int level, int name)
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
	struct sockaddr_nl me = { 0 };
	socklen_t len = sizeof(me);
	uint32_t port = (uint32_t)call_tgid(c);
	int rc, i;

	if (s->port)
		return 0;
	rc = bind_port(fd, port);
	for (i = 1; rc == -EADDRINUSE && i < 4096; i++) {
		port = (uint32_t)(-4096 - i);
		rc = bind_port(fd, port);
	}
	if (rc == -EINVAL && !getsockname(fd, (struct sockaddr *)&me, &len)) {
		port = me.nl_pid; /* bound without our knowing, through a duplicate */
		rc = 0;
	}
	if (!rc)
		genl_bound(g, s, port);
	return rc;
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

int genl_poke_address(const struct world_call *c, uint64_t addr, uint64_t len_at,
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

	return genl_poke_address(c, c->arg[1], c->arg[2], &me);
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
static int destination(const struct world_call *c, const struct genl_transfer *t, int fd)
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

static int gather(const struct world_call *c, const struct genl_transfer *t, uint8_t *buf)
{
	size_t i, done = 0;

	for (i = 0; i < t->n_iov; done += t->iov[i++].iov_len)
		if (call_peek(c, (uintptr_t)t->iov[i].iov_base, buf + done, t->iov[i].iov_len))
			return -EFAULT;
	return 0;
}

static int64_t send_message(struct genl *g, struct genl_socket *s, const struct world_call *c,
			    const struct genl_transfer *t, int fd)
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
	if (t->len > (size_t)genl_option(fd, SOL_SOCKET, SO_SNDBUF) - 32)
		return -EMSGSIZE;
	data = malloc(t->len);
	if (!data)
		return -ENOBUFS;
	rc = gather(c, t, data);
	if (!rc) {
		r.pid = call_tgid(c);
		r.admin = call_capable(c, CAP_NET_ADMIN);
		r.cap_ack = genl_option(fd, SOL_NETLINK, NETLINK_CAP_ACK);
		r.ext_ack = genl_option(fd, SOL_NETLINK, NETLINK_EXT_ACK);
		genl_requests(&r, data, t->len);
	}
	free(data);
	return rc ? rc : (int64_t)t->len;
}

static void do_send(struct genl *g, struct genl_socket *s, struct world_call *c, int fd)
{
	struct genl_transfer t;
	int rc = genl_arguments(c, &t);

	if (rc) {
		call_answer(c, rc == 1 ? 0 : rc);
		return;
	}
	rc = destination(c, &t, fd);
	if (rc > 0)
		call_proceed(c);
	else
		call_answer(c, genl_result(c, &t, rc ? rc : send_message(g, s, c, &t, fd)));
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
		genl_receive(g, s, c, fd);
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

/* By its link: had somebody exchanged it for a file of the trees, fstat() would wait for us. */
bool genl_is(const struct genl_socket *s, int fd)
{
	char path[64], link[64];
	unsigned long long ino;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = 0;
	return sscanf(link, "socket:[%llu]", &ino) == 1 && ino == s->file.ino;
}

void genl_call(struct world_call *c, struct world_file *f)
{
	struct genl_socket *s =
		(struct genl_socket *)((char *)f - offsetof(struct genl_socket, file));
	int fd = call_take(c, (int)c->arg[0]);

	if (fd < 0) {
		call_answer(c, fd);
		return;
	}
	if (!genl_is(s, fd)) {
		call_answer(c, -EBADF);
	} else {
		dispatch(c->w->genl, s, c, fd);
	}
	close(fd);
}
