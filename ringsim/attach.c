/* SPDX-License-Identifier: MIT */
/*
 * The attach protocol's server; see ringsim/attach.h.
 *
 * Everything that arrives is hostile: messages are bounded, connections are few, nothing is ever
 * waited for.
 */
#include <ringsim/attach.h>

#include "internal.h"
#include "standin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNS	(RINGSIM_ATTACH_FDS - 2)
#define MSG_MAX 128

struct ringsim_attach {
	struct ringsim_uio *uio;
	struct ringsim_standin io;
	struct ringsim_attach_info info;
	char name[512];
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int listen_fd;
	int conn[CONNS];
	pid_t pid;
	uint32_t refused;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int listen_on(struct ringsim_attach *a)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	a->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->listen_fd < 0)
		return -errno; /* GCOVR_EXCL_LINE */
	memcpy(addr.sun_path, a->path, sizeof(a->path));
	if (bind(a->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(a->listen_fd, 4))
		return -errno;
	return 0;
}

int ringsim_attach_create(struct ringsim_attach **out, struct ringsim_uio *uio, const char *path,
			  const struct ringsim_attach_info *info, char *err, size_t err_len)
{
	struct ringsim_attach *a = calloc(1, sizeof(*a));
	int rc = -ENAMETOOLONG, i;

	*out = NULL;
	if (!a)
		return -ENOMEM; /* GCOVR_EXCL_LINE */
	a->listen_fd = -1;
	a->io = (struct ringsim_standin){ .uio = uio, .fd = -1 };
	for (i = 0; i < CONNS; i++)
		a->conn[i] = -1;
	a->uio = uio;
	a->info = *info;
	snprintf(a->name, sizeof(a->name), "%s", info->name);
	a->info.name = a->name;
	if (strlen(path) < sizeof(a->path)) {
		snprintf(a->path, sizeof(a->path), "%s", path);
		rc = listen_on(a);
	}
	if (rc) {
		if (err)
			snprintf(err, err_len, "attach socket %s: %s", path, strerror(-rc));
		a->path[0] = 0; /* not ours to unlink */
		ringsim_attach_destroy(a);
		return rc;
	}
	*out = a;
	return 0;
}

void ringsim_attach_destroy(struct ringsim_attach *a)
{
	int i;

	if (!a)
		return;
	for (i = 0; i < CONNS; i++)
		close_fd(&a->conn[i]);
	ringsim_standin_hangup(&a->io);
	close_fd(&a->listen_fd);
	if (a->path[0])
		unlink(a->path);
	free(a);
}

uint32_t ringsim_attach_pollfds(const struct ringsim_attach *a,
				struct pollfd fds[RINGSIM_ATTACH_FDS])
{
	uint32_t n = 0;
	int i;

	fds[n++] = (struct pollfd){ .fd = a->listen_fd, .events = POLLIN };
	if (a->io.fd >= 0)
		fds[n++] = (struct pollfd){ .fd = a->io.fd, .events = POLLIN };
	for (i = 0; i < CONNS; i++)
		if (a->conn[i] >= 0)
			fds[n++] = (struct pollfd){ .fd = a->conn[i], .events = POLLIN };
	return n;
}

static void accept_all(struct ringsim_attach *a)
{
	int i, fd;

	while ((fd = accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		for (i = 0; i < CONNS && a->conn[i] >= 0; i++)
			;
		if (i == CONNS) {
			a->refused++;
			close(fd);
		} else {
			a->conn[i] = fd;
		}
	}
}

/* Sends one line; a peer that does not take it is not worth waiting for. */
static int answer(int fd, const char *text, const int *fds, uint32_t n)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(2 * sizeof(int))];
	} ctl = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (n) {
		msg.msg_control = ctl.buf;
		msg.msg_controllen = sizeof(ctl.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void answer_error(struct ringsim_attach *a, int fd, int err, const char *text)
{
	char line[MSG_MAX];

	a->refused++;
	snprintf(line, sizeof(line), "ERR %d %s", err, text);
	answer(fd, line, NULL, 0);
}

static void serve_attach(struct ringsim_attach *a, int fd)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	char line[sizeof(a->name) + 128];
	int far, rc = ringsim_standin_open(&a->io, &far);

	if (rc) {
		answer_error(a, fd, -rc,
			     rc == -EBUSY ? "the device is held by another process"
					  : "the device is gone");
		return;
	}
	snprintf(line, sizeof(line), "OK 1 map0=%llu block_size=%u size=%llu name=%s",
		 (unsigned long long)a->uio->dev->lay.region_size, a->info.block_size,
		 (unsigned long long)a->info.size_bytes, a->name);
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		a->pid = cred.pid;
	/* If it cannot be told, closing our only copy of its end is seen as a hangup at once. */
	answer(fd, line, (int[]){ far, a->uio->dev->fd }, 2);
	close(far);
}

static void serve_action(struct ringsim_attach *a, int fd, const char *args)
{
	char action[32], extra;
	long long value;
	int rc = -EINVAL;

	if (sscanf(args, "%31s %lld%c", action, &value, &extra) != 2 || value < 0 ||
	    value > RINGSIM_ID_MAX) {
		answer_error(a, fd, EINVAL, "expected ACTION name number");
		return;
	}
	if (!strcmp(action, "block_dev") && value <= 1) {
		ringsim_block(a->uio->dev, value != 0);
		rc = 0;
	} else if (!strcmp(action, "reset_ring")) {
		rc = ringsim_reset(a->uio->dev, (unsigned int)value);
	} else if (!strcmp(action, "free_kept_buf")) {
		rc = ringsim_free_kept(a->uio->dev, (uint32_t)value);
	}
	if (rc)
		answer_error(a, fd, -rc, "no such action, or value out of range");
	else
		answer(fd, "OK", NULL, 0);
}

/* One message from a connection; false when it is over. */
static bool serve(struct ringsim_attach *a, int fd)
{
	char msg[MSG_MAX + 1];
	ssize_t n = recv(fd, msg, MSG_MAX, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if (n > MSG_MAX)
		n = 0; /* longer than any request */
	while (n && (msg[n - 1] == '\n' || msg[n - 1] == '\0'))
		n--;
	msg[n] = 0;
	if (!strcmp(msg, "TCMU-ATTACH 1")) {
		serve_attach(a, fd);
	} else if (!strncmp(msg, "ACTION ", 7)) {
		serve_action(a, fd, msg + 7);
	} else {
		answer_error(a, fd, EPROTO, "expected TCMU-ATTACH 1 or ACTION");
		return false;
	}
	return true;
}

uint32_t ringsim_attach_service(struct ringsim_attach *a)
{
	uint32_t rings;
	int i;

	rings = ringsim_standin_service(&a->io);
	accept_all(a);
	for (i = 0; i < CONNS; i++)
		if (a->conn[i] >= 0 && !serve(a, a->conn[i]))
			close_fd(&a->conn[i]);
	return rings;
}

void ringsim_attach_event(struct ringsim_attach *a)
{
	ringsim_standin_event(&a->io);
}

void ringsim_attach_hangup(struct ringsim_attach *a)
{
	ringsim_standin_hangup(&a->io);
}

pid_t ringsim_attach_pid(const struct ringsim_attach *a)
{
	return a->pid;
}

uint32_t ringsim_attach_refused(const struct ringsim_attach *a)
{
	return a->refused;
}
