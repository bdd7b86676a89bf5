/* SPDX-License-Identifier: MIT */
/*
 * Sockets of generic netlink, the world's and those of programs: where they are made, how they get
 * to a program, what becomes of them. See genl.c.
 */
#include "genl.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP_SOCKETS 256 /* looked through for dead ones when there are more */

/* --- a network namespace of our own --------------------------------------------------------------
 */

/* Asked of a child that shares memory and descriptors with us, but not its network. */
struct in_netns {
	int netns, type, fd;
};

static int make_socket(void *arg)
{
	struct in_netns *in = arg;

	if (in->netns >= 0) {
		in->fd = setns(in->netns, CLONE_NEWNET) ? -errno : 0;
	} else {
		in->fd = unshare(CLONE_NEWNET) ? -errno : 0;
		if (!in->fd)
			in->netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	}
	if (in->fd)
		return 0;
	in->fd = socket(AF_NETLINK, in->type, NETLINK_USERSOCK);
	if (in->fd < 0)
		in->fd = -errno;
	return 0;
}

/* A socket in @*netns, which is made if it is -1. The child runs while we are stopped. */
static int socket_elsewhere(int *netns, int type)
{
	struct in_netns in = { .netns = *netns, .type = type, .fd = -EAGAIN };
	const size_t stack = 256 * 1024;
	char *mem = malloc(stack);
	pid_t pid;

	if (!mem)
		return -ENOMEM;
	pid = clone(make_socket, mem + stack, CLONE_VM | CLONE_FILES | CLONE_VFORK, &in);
	if (pid < 0)
		in.fd = -errno;
	while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	free(mem);
	*netns = in.netns;
	return in.fd;
}

int genl_own_socket(struct genl *g, int type)
{
	int fd;

	if (g->netns >= 0)
		return socket_elsewhere(&g->netns, type);
	fd = socket(AF_NETLINK, type, NETLINK_USERSOCK);
	return fd < 0 ? -errno : fd;
}

void genl_own_netns(struct genl *g)
{
	int fd = socket_elsewhere(&g->netns, SOCK_RAW | SOCK_CLOEXEC);

	if (fd >= 0)
		close(fd);
}

/* --- sockets of programs -----------------------------------------------------------------------
 */

void genl_drop(struct genl *g, struct genl_socket *s)
{
	struct genl_socket **p = &g->sockets;

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	g->sockets_kept--;
	genl_receives_end(g, s);
	world_file_drop(g->w, &s->file);
	free(s);
}

/* Whether anybody still has a socket with this port: it could not be bound a second time. */
static bool port_taken(struct genl *g, uint32_t port)
{
	const struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = port };
	int fd = genl_own_socket(g, SOCK_RAW | SOCK_CLOEXEC);
	bool taken = fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a));

	if (fd >= 0)
		close(fd);
	return taken;
}

/* One that was never bound leaves no trace when it goes; the oldest of those are forgotten. */
static void sweep(struct genl *g)
{
	struct genl_socket *s, *next;
	unsigned int unbound = 0;

	for (s = g->sockets; s; s = next) {
		next = s->next;
		if (s->port ? !port_taken(g, s->port) : ++unbound > KEEP_SOCKETS / 2)
			genl_drop(g, s);
	}
}

/* A number of the reserved range that the caller does not use, or -1. */
static int reserve(struct genl *g, const struct world_call *c)
{
	const int n = RESERVED_FD_LAST - RESERVED_FD_FIRST + 1;
	char path[64], target[8];
	int i, fd;

	for (i = 0; i < n; i++) {
		fd = RESERVED_FD_FIRST + (int)(g->sockets_made++ % (unsigned int)n);
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)c->tid, fd);
		if (readlink(path, target, sizeof(target)) < 0 && errno == ENOENT)
			return fd;
	}
	return -1;
}

/* The range must be below the caller's limit, which is raised, as nothing else would help. */
static void raise_limit(struct genl *g, const struct world_call *c)
{
	struct rlimit limit;
	pid_t pid = call_tgid(c);
	rlim_t was;

	if (prlimit(pid, RLIMIT_NOFILE, NULL, &limit) || limit.rlim_cur > RESERVED_FD_LAST)
		return;
	was = limit.rlim_max;
	limit.rlim_cur = RESERVED_FD_LAST + 1;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	if (prlimit(pid, RLIMIT_NOFILE, &limit, NULL))
		world_say(g->w,
			  "process %d may have no descriptor above %llu: its netlink socket needs "
			  "one up to %d (ulimit -n)",
			  (int)pid, (unsigned long long)was - 1, RESERVED_FD_LAST);
}

static int give(struct genl *g, struct world_call *c, int fd, bool cloexec)
{
	int at = reserve(g, c), rc;

	if (at < 0) {
		world_say(g->w, "process %d has too many netlink sockets open", (int)c->tid);
		return -EMFILE;
	}
	rc = call_give(c, fd, cloexec, at);
	if (rc != -EBADF && rc != -EMFILE)
		return rc;
	raise_limit(g, c);
	rc = call_give(c, fd, cloexec, at);
	return rc == -EBADF ? -EMFILE : rc;
}

void genl_socket(struct world_call *c)
{
	const int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
	int type = (int)c->arg[1], fd, rc;
	struct genl *g = c->w->genl;
	struct genl_socket *s;

	if ((type & ~flags) != SOCK_RAW && (type & ~flags) != SOCK_DGRAM) {
		call_proceed(c);
		return;
	}
	if (g->sockets_kept >= KEEP_SOCKETS)
		sweep(g);
	s = calloc(1, sizeof(*s));
	fd = s ? genl_own_socket(g, type | SOCK_CLOEXEC) : -ENOMEM;
	rc = fd < 0 ? fd : world_file_add(g->w, &s->file, FILE_GENL, fd);
	if (!rc) {
		s->next = g->sockets;
		g->sockets = s;
		g->sockets_kept++;
		rc = give(g, c, fd, type & SOCK_CLOEXEC);
		if (rc < 0)
			genl_drop(g, s);
	} else {
		free(s);
	}
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		call_answer(c, rc);
}

void genl_bound(struct genl *g, struct genl_socket *s, uint32_t port)
{
	struct genl_socket *other, *next;

	for (other = g->sockets; other; other = next) {
		next = other->next;
		if (other != s && other->port == port)
			genl_drop(g, other);
	}
	s->port = port;
}

int genl_deliver(struct genl *g, struct genl_socket *s, int from, const void *data, size_t len)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = s->port };
	ssize_t n = sendto(g->fd[from], data, len, MSG_DONTWAIT | MSG_NOSIGNAL,
			   (const struct sockaddr *)&to, sizeof(to));

	if (n < 0 && errno == ECONNREFUSED) {
		genl_drop(g, s);
		return -ECONNREFUSED;
	}
	if (n < 0) {
		s->lost = true;
		return -ENOBUFS;
	}
	genl_retry(g, s);
	return 0;
}
