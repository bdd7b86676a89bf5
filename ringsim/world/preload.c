/* SPDX-License-Identifier: MIT */
/*
 * System calls by messages of the preloaded library; the protocol is in preload/protocol.h.
 *
 * A connection is a call. Between the call and its answer the library does what it is asked at once
 * and nothing else, so a reply is waited for; but only so long, since a program may have been
 * stopped, or may be no library's at all. Such a connection is cut and the call never answered.
 */
#include "internal.h"
#include "preload/protocol.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef WORLD_LIBDIR
#define WORLD_LIBDIR "/usr/local/lib"
#endif

#define LIBRARY	    "tcmu-world.so"
#define CONNECTIONS 512
#define REPLY_MS    1000

/**
 * struct connection - @id: of the call, 0 before it came; @ino: of the descriptor it is about
 * @broken: the other side does not keep to the protocol; closed as soon as nobody uses it
 */
struct connection {
	struct world_watch watch;
	struct preload *p;
	struct connection *next;
	uint64_t id, ino;
	int fd_arg;
	bool broken;
};

/** struct preload - @paused: as many connections as may be, the others wait to be accepted */
struct preload {
	struct world *w;
	struct world_watch watch;
	struct connection *connections;
	unsigned int count;
	bool paused;
	uint64_t last_id;
	char library[PATH_MAX];
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static void drop(struct connection *k)
{
	struct preload *p = k->p;
	struct connection **q = &p->connections;

	while (*q != k)
		q = &(*q)->next;
	*q = k->next;
	world_unwatch(p->w, &k->watch);
	close(k->watch.fd);
	free(k);
	p->count--;
	if (p->paused && !world_watch(p->w, &p->watch, EPOLLIN))
		p->paused = false;
}

/* The call's connection, if it has not gone. */
static struct connection *find(const struct world_call *c)
{
	struct preload *p = c->w->preload;
	struct connection *k;

	for (k = p ? p->connections : NULL; k; k = k->next)
		if (k->id == c->id)
			return k->broken ? NULL : k;
	return NULL;
}

static int tell(struct connection *k, const struct preload_order *order, int pass)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)order, .iov_len = sizeof(*order) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *h;

	if (pass >= 0) {
		msg.msg_control = ctl.buf;
		msg.msg_controllen = sizeof(ctl.buf);
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &pass, sizeof(int));
	}
	if (sendmsg(k->watch.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*order))
		return 0;
	k->broken = true;
	return -EFAULT;
}

/* The reply's rc, with @len bytes behind it if that is 0, and a descriptor if @taken is there. */
static int64_t hear(struct connection *k, void *buf, size_t len, int *taken)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct preload_reply reply = { 0 };
	struct iovec iov[2] = { { .iov_base = &reply, .iov_len = sizeof(reply) },
				{ .iov_base = buf, .iov_len = len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	struct pollfd pfd = { .fd = k->watch.fd, .events = POLLIN };
	struct cmsghdr *h;
	ssize_t n = -1;
	int ready;

	if (taken) {
		*taken = -1;
		msg.msg_control = ctl.buf;
		msg.msg_controllen = sizeof(ctl.buf);
	}
	do
		ready = poll(&pfd, 1, REPLY_MS);
	while (ready < 0 && errno == EINTR);
	if (ready > 0)
		n = recvmsg(k->watch.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	h = taken && n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
		memcpy(taken, CMSG_DATA(h), sizeof(*taken));
	if (n >= (ssize_t)sizeof(reply) && !(msg.msg_flags & MSG_TRUNC) &&
	    (reply.rc || (size_t)n == sizeof(reply) + len))
		return reply.rc;
	k->broken = true;
	return -EFAULT;
}

static int preload_peek(const struct world_call *c, uint64_t addr, void *buf, size_t len)
{
	struct connection *k = find(c);
	struct preload_order order = { .op = PRELOAD_PEEK, .addr = addr };
	char *to = buf;
	int64_t rc = k ? 0 : -EFAULT;

	for (; !rc && len; len -= order.len, order.addr += order.len, to += order.len) {
		order.len = len < PRELOAD_PART ? len : PRELOAD_PART;
		rc = tell(k, &order, -1);
		if (!rc)
			rc = hear(k, to, order.len, NULL);
	}
	return rc ? -EFAULT : 0;
}

static int preload_poke(const struct world_call *c, uint64_t addr, const void *buf, size_t len)
{
	struct connection *k = find(c);
	struct preload_order order = { .op = PRELOAD_POKE, .addr = addr };
	const char *from = buf;
	int64_t rc = k ? 0 : -EFAULT;

	for (; !rc && len; len -= order.len, order.addr += order.len, from += order.len) {
		order.len = len < PRELOAD_PART ? len : PRELOAD_PART;
		rc = tell(k, &order, -1);
		if (!rc && send(k->watch.fd, from, order.len, MSG_NOSIGNAL | MSG_DONTWAIT) !=
				   (ssize_t)order.len) {
			k->broken = true;
			rc = -EFAULT;
		}
		if (!rc)
			rc = hear(k, NULL, 0, NULL);
	}
	return rc ? -EFAULT : 0;
}

static void end(const struct world_call *c, const struct preload_order *order, int pass)
{
	struct connection *k = find(c);

	if (!k)
		return;
	tell(k, order, pass);
	drop(k);
}

static void preload_answer(const struct world_call *c, int64_t rc)
{
	end(c, &(struct preload_order){ .op = PRELOAD_ANSWER, .rc = rc }, -1);
}

static void preload_proceed(const struct world_call *c)
{
	end(c, &(struct preload_order){ .op = PRELOAD_PROCEED }, -1);
}

static void preload_remap(const struct world_call *c, int fd)
{
	end(c, &(struct preload_order){ .op = PRELOAD_REMAP }, fd);
}

/* A caller that has gone needs no answer either: that is no failure. */
static int preload_give(const struct world_call *c, int fd, bool cloexec, int at)
{
	struct connection *k = find(c);
	struct preload_order order = { .op = PRELOAD_GIVE, .flag = cloexec, .rc = at };
	int64_t rc;

	if (!k || tell(k, &order, fd))
		return 0;
	rc = hear(k, NULL, 0, NULL);
	/* what is positive comes as an rc, too */
	if (k->broken)
		return 0;
	if (rc < 0)
		return rc < -4095 ? -EBADF : (int)rc;
	drop(k);
	return rc > INT_MAX ? 0 : (int)rc;
}

static uint64_t preload_file_ino(const struct world_call *c, int fd)
{
	struct connection *k = find(c);

	return k && fd == k->fd_arg ? k->ino : 0;
}

static int preload_take(const struct world_call *c, int fd)
{
	struct connection *k = find(c);
	int taken = -1;
	int64_t rc;

	if (!k || tell(k, &(struct preload_order){ .op = PRELOAD_TAKE, .rc = fd }, -1))
		return -EBADF;
	rc = hear(k, NULL, 0, &taken);
	if (!rc && taken >= 0)
		return taken;
	if (taken >= 0)
		close(taken);
	return -EBADF;
}

static bool preload_waiting(const struct world_call *c)
{
	struct connection *k = find(c);
	struct pollfd pfd = { .fd = k ? k->watch.fd : -1, .events = POLLRDHUP };

	return k && poll(&pfd, 1, 0) == 0;
}

static const struct call_ops preload_ops = {
	.peek = preload_peek,
	.poke = preload_poke,
	.answer = preload_answer,
	.proceed = preload_proceed,
	.give = preload_give,
	.remap = preload_remap,
	.file_ino = preload_file_ino,
	.take = preload_take,
	.waiting = preload_waiting,
};

/* --- connections -------------------------------------------------------------------------------
 */

static void dispatch(struct connection *k, const struct preload_call *call)
{
	struct preload *p = k->p;
	struct world_call c = { .w = p->w, .ops = &preload_ops, .nr = call->nr };
	struct connection *still;
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	int i;

	getsockopt(k->watch.fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	c.id = k->id = ++p->last_id;
	c.tid = cred.pid;
	for (i = 0; i < 6; i++)
		c.arg[i] = call->arg[i];
	k->ino = call->ino;
	k->fd_arg = (int)call->arg[call->nr == SYS_mmap ? 4 : 0];
	if (call->nr == PRELOAD_SYNC)
		preload_answer(&c, 0); /* what was there before the connection, the loop has seen */
	else if (call->nr == SYS_mkdirat || call->nr == SYS_unlinkat || call->nr == SYS_symlinkat)
		preload_tree(&c);
	else
		call_dispatch(&c);
	for (still = p->connections; still && still->id != c.id; still = still->next)
		;
	if (still && still->broken)
		drop(still);
}

static void serve(struct world_watch *watch, uint32_t events)
{
	struct connection *k = (struct connection *)watch;
	struct preload_call call;
	ssize_t n;

	if (k->id || k->broken) {
		drop(k); /* the caller has gone, or says what it was not asked */
		return;
	}
	n = events & EPOLLIN ? recv(watch->fd, &call, sizeof(call), MSG_DONTWAIT | MSG_TRUNC) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(call) || call.magic != PRELOAD_MAGIC)
		drop(k);
	else
		dispatch(k, &call);
}

static void pause_accepting(struct preload *p)
{
	world_unwatch(p->w, &p->watch);
	p->paused = true;
}

static void welcome(struct world_watch *watch, uint32_t events)
{
	struct preload *p = (struct preload *)((char *)watch - offsetof(struct preload, watch));
	struct connection *k;
	int fd = -1;

	(void)events;
	if (p->count < CONNECTIONS)
		fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (p->count && (p->count >= CONNECTIONS || errno == EMFILE || errno == ENFILE))
			pause_accepting(p);
		return;
	}
	k = calloc(1, sizeof(*k));
	if (!k) {
		close(fd);
		return;
	}
	k->p = p;
	k->watch.fd = fd;
	k->watch.fn = serve;
	k->next = p->connections;
	p->connections = k;
	p->count++;
	if (world_watch(p->w, &k->watch, EPOLLIN | EPOLLRDHUP))
		drop(k);
}

/* --- /dev --------------------------------------------------------------------------------------
 */

/* Whoever lists the directory finds the host's files beside the nodes; only for that. */
static void show_host(struct world *w, bool show)
{
	char dir[PATH_MAX], from[PATH_MAX];
	const struct dirent *e;
	DIR *d = opendir("/dev");
	int to;

	snprintf(dir, sizeof(dir), "%s/" PRELOAD_FILES "/devtmpfs", w->dir);
	to = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (d && to >= 0 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || !fnmatch("uio[0-9]*", e->d_name, 0) ||
		    !fnmatch("sg[0-9]*", e->d_name, 0))
			continue;
		snprintf(from, sizeof(from), "/dev/%s", e->d_name);
		if (show)
			(void)!symlinkat(from, to, e->d_name);
		else
			unlinkat(to, e->d_name, 0);
	}
	if (to >= 0)
		close(to);
	if (d)
		closedir(d);
}

/* --- life --------------------------------------------------------------------------------------
 */

int preload_find(const char *said, char *library, char *err, size_t err_len)
{
	static const char *const beside[] = { "", "../", "../lib/tcmu-harness/" };
	char self[PATH_MAX] = "", path[PATH_MAX + 64], *slash;
	size_t i;

	if (said) {
		if (realpath(said, library))
			return 0;
		snprintf(err, err_len, "preloaded library %s: %s", said, strerror(errno));
		return -ENOENT;
	}
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		self[0] = 0;
	slash = strrchr(self, '/');
	if (slash)
		slash[1] = 0;
	for (i = 0; slash && i < sizeof(beside) / sizeof(*beside); i++) {
		snprintf(path, sizeof(path), "%s%s" LIBRARY, self, beside[i]);
		if (realpath(path, library))
			return 0;
	}
	if (realpath(WORLD_LIBDIR "/tcmu-harness/" LIBRARY, library))
		return 0;
	snprintf(err, err_len,
		 LIBRARY ": expected beside the program, in %s, or in " WORLD_LIBDIR
			 "/tcmu-harness; found in neither",
		 self);
	return -ENOENT;
}

static int listen_at(struct preload *p, char *err, size_t err_len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int rc;

	if (snprintf(p->path, sizeof(p->path), "%s/" PRELOAD_SOCKET, p->w->dir) >=
	    (int)sizeof(p->path)) {
		snprintf(err, err_len, "directory %s: expected at most %zu characters, found %zu",
			 p->w->dir, sizeof(p->path) - sizeof("/" PRELOAD_SOCKET),
			 strlen(p->w->dir));
		p->path[0] = 0;
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, p->path, sizeof(p->path));
	p->watch.fn = welcome;
	p->watch.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->watch.fd < 0 || bind(p->watch.fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(p->watch.fd, CONNECTIONS)) {
		rc = -errno;
		snprintf(err, err_len, "socket %s: %s", p->path, strerror(-rc));
		return rc;
	}
	/*
	 * A program of root's may become somebody else's, and must still get here: who knows the
	 * name may come in.
	 */
	if (!geteuid() && (chmod(p->w->dir, 0711) || chmod(p->path, 0666))) {
		rc = -errno;
		snprintf(err, err_len, "%s: %s", p->w->dir, strerror(-rc));
		return rc;
	}
	return world_watch(p->w, &p->watch, EPOLLIN);
}

int preload_start(struct world *w, char *err, size_t err_len)
{
	struct preload *p = calloc(1, sizeof(*p));
	int rc = -ENOMEM;

	snprintf(err, err_len, "out of memory");
	if (!p)
		return rc;
	p->w = w;
	p->watch.fd = -1;
	w->preload = p;
	rc = preload_find(w->cfg.preload, p->library, err, err_len);
	if (!rc)
		rc = listen_at(p, err, err_len);
	if (rc)
		preload_stop(w);
	else
		show_host(w, true);
	return rc;
}

void preload_env(struct world *w)
{
	struct preload *p = w->preload;
	const char *old = getenv("LD_PRELOAD");
	char all[2 * PATH_MAX];

	/* last: a sanitizer's runtime wants to be first */
	snprintf(all, sizeof(all), "%s%s%s", old ? old : "", old && *old ? ":" : "", p->library);
	setenv("LD_PRELOAD", all, 1);
	setenv(PRELOAD_ENV, w->dir, 1);
}

void preload_stop(struct world *w)
{
	struct preload *p = w->preload;

	if (!p)
		return;
	show_host(w, false);
	p->paused = false;
	while (p->connections)
		drop(p->connections);
	if (p->watch.fd >= 0) {
		world_unwatch(w, &p->watch);
		close(p->watch.fd);
	}
	if (p->path[0])
		unlink(p->path);
	free(p);
	w->preload = NULL;
}
