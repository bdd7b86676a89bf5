/* SPDX-License-Identifier: MIT */
/* The client's half of the attach protocol; see attach.h. Needs nothing but the C library. */
#include "attach.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MS 5000

/* Sends @line and receives one answer, with up to two descriptors. */
static int transact(int fd, const char *line, char *answer, size_t len, int fds[2])
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(2 * sizeof(int))];
	} ctl;
	struct iovec iov = { .iov_base = answer, .iov_len = len - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = ctl.buf,
			      .msg_controllen = sizeof(ctl.buf) };
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct cmsghdr *c;
	ssize_t n;
	int rc;

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		return -errno;
	do {
		rc = poll(&pfd, 1, ANSWER_MS);
	} while (rc < 0 && errno == EINTR);
	if (rc <= 0)
		return rc ? -errno : -ETIMEDOUT;
	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return n ? -errno : -ECONNRESET;
	answer[n] = 0;
	c = CMSG_FIRSTHDR(&msg);
	if (fds && c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(2 * sizeof(int)))
		memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
	return 0;
}

/* "ERR 16 text" becomes -16; anything that is not "OK..." is -EPROTO. */
static int answer_status(const char *answer)
{
	int err;

	if (!strncmp(answer, "OK", 2))
		return 0;
	return sscanf(answer, "ERR %d", &err) == 1 && err > 0 ? -err : -EPROTO;
}

static int dial(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int parse_ok(const char *answer, struct tcmu_attachment *att)
{
	unsigned long long map0, size;
	int n = 0;

	if (sscanf(answer, "OK 1 map0=%llu block_size=%u size=%llu name=%n", &map0,
		   &att->block_size, &size, &n) != 3 ||
	    !n || att->io_fd < 0 || att->mem_fd < 0)
		return -EPROTO;
	att->map0_len = map0;
	att->size_bytes = size;
	snprintf(att->name, sizeof(att->name), "%s", answer + n);
	return 0;
}

int tcmu_attach(const char *socket_path, struct tcmu_attachment *out, char *err, size_t err_len)
{
	char answer[1024] = "no connection";
	int fds[2] = { -1, -1 }, rc;

	memset(out, 0, sizeof(*out));
	out->io_fd = out->mem_fd = -1;
	out->ctl_fd = dial(socket_path);
	rc = out->ctl_fd < 0 ? out->ctl_fd
			     : transact(out->ctl_fd, "TCMU-ATTACH 1", answer, sizeof(answer), fds);
	out->io_fd = fds[0];
	out->mem_fd = fds[1];
	if (!rc)
		rc = answer_status(answer);
	if (!rc)
		rc = parse_ok(answer, out);
	if (rc) {
		snprintf(err, err_len, "attach %s: %s (%s)", socket_path, strerror(-rc), answer);
		tcmu_attach_close(out);
	}
	return rc;
}

int tcmu_attach_action(struct tcmu_attachment *att, const char *action, unsigned int value)
{
	char line[64], answer[256];
	int rc;

	snprintf(line, sizeof(line), "ACTION %s %u", action, value);
	rc = transact(att->ctl_fd, line, answer, sizeof(answer), NULL);
	return rc ? rc : answer_status(answer);
}

void tcmu_attach_close(struct tcmu_attachment *att)
{
	int *fds[] = { &att->io_fd, &att->mem_fd, &att->ctl_fd };
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
