/* SPDX-License-Identifier: MIT */
/* The open file of a UIO node in another process; see standin.h. */
#include "standin.h"

#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include <unistd.h>

#define DOORBELLS 64 /* handled per call, so that a flood of them cannot keep the owner busy */

int ringsim_standin_open(struct ringsim_standin *s, int *far)
{
	int pair[2], rc = ringsim_uio_open(s->uio);

	if (rc)
		return rc;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		rc = -errno;		   /* GCOVR_EXCL_LINE */
		ringsim_uio_close(s->uio); /* GCOVR_EXCL_LINE */
		return rc;		   /* GCOVR_EXCL_LINE */
	}
	ringsim_standin_hangup(s);
	s->fd = pair[0];
	*far = pair[1];
	return 0;
}

/* A write of no bytes arrives as such and is no end of file. */
static bool hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd };

	return poll(&pfd, 1, 0) > 0 && pfd.revents & (POLLHUP | POLLERR);
}

uint32_t ringsim_standin_service(struct ringsim_standin *s)
{
	uint32_t rings = 0, i;
	uint8_t buf[16];
	ssize_t n;

	for (i = 0; i < DOORBELLS && s->fd >= 0; i++) {
		n = recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0 || (n == 0 && hung_up(s->fd))) {
			ringsim_standin_hangup(s);
			ringsim_uio_close(s->uio);
			break;
		}
		if (ringsim_uio_write(s->uio, buf, (size_t)n) == 4)
			rings++;
	}
	return rings;
}

void ringsim_standin_event(struct ringsim_standin *s)
{
	uint32_t msg[2] = { 0 }; /* longer than what a handler should ask for: see attach.h */
	int unread = 0;

	if (s->fd < 0)
		return;
	if (ioctl(s->fd, SIOCOUTQ, &unread) || unread)
		return;
	if (ringsim_uio_read(s->uio, msg, sizeof(msg[0])) == sizeof(msg[0]))
		(void)!send(s->fd, msg, sizeof(msg), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void ringsim_standin_hangup(struct ringsim_standin *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
