/* SPDX-License-Identifier: MIT */
/*
 * Giving a simulated device to another process: the attach protocol, server side.
 *
 * The handler connects to a Unix socket of type SOCK_SEQPACKET and sends one line; it is answered
 *with one line and two descriptors (SCM_RIGHTS):
 *
 *	-> TCMU-ATTACH 1
 *	<- OK 1 map0=2097152 block_size=512 size=67108864 name=tcm-user/0/disk/any/x
 *	   + descriptor 0: the UIO node's stand-in: read 4, write 4, poll, O_NONBLOCK as on
 * /dev/uioN
 *	   + descriptor 1: the region; mmap map0 bytes at offset 0, shared, read-write
 *	<- ERR 16 the device is held by another process          (or any other errno and text)
 *
 * On the same connection it may use what configfs offers under action/:
 *
 *	-> ACTION block_dev 1 | ACTION reset_ring 1 | ACTION free_kept_buf 7
 *	<- OK   or   <- ERR 22 text
 *
 * An event is a message of 8 bytes, of which a read of 4 takes the count and drops the rest, so
 *that a read of any other size does not look like success: a kernel would answer EINVAL.
 *
 * The device is held until the last copy of descriptor 0 is closed, as a real one is (KRN-120).
 *Three things differ from a real node: a doorbell is handled when the server gets to it, not before
 *write(2) returns; a write of a wrong size is not refused but reported; once the device is gone
 *read(2) returns 0.
 *
 * Nothing here blocks or starts a thread: the owner polls the descriptors and calls service.
 */
#ifndef RINGSIM_ATTACH_H
#define RINGSIM_ATTACH_H

#include <ringsim/uio.h>
#include <poll.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ringsim_attach;

/** Most descriptors that ringsim_attach_pollfds() returns. */
#define RINGSIM_ATTACH_FDS 8

/**
 * struct ringsim_attach_info - what the handler is told beside the region
 * @name:       UIO name, no newline
 * @size_bytes: capacity that the device should have (dev_size)
 * @block_size: hw_block_size in bytes
 */
struct ringsim_attach_info {
	const char *name;
	uint64_t size_bytes;
	uint32_t block_size;
};

/**
 * ringsim_attach_create() - listen on @path (a socket that does not exist yet)
 * @uio: the node that is handed out; must outlive the server
 * Returns 0 or -errno with one line in @err.
 */
int ringsim_attach_create(struct ringsim_attach **out, struct ringsim_uio *uio, const char *path,
			  const struct ringsim_attach_info *info, char *err, size_t err_len);

/** ringsim_attach_destroy() - hang up, close, unlink the socket. */
void ringsim_attach_destroy(struct ringsim_attach *a);

/** ringsim_attach_pollfds() - fill in what to poll for; returns how many. */
uint32_t ringsim_attach_pollfds(const struct ringsim_attach *a,
				struct pollfd fds[RINGSIM_ATTACH_FDS]);

/** ringsim_attach_service() - do everything that is ready; returns doorbells handled. */
uint32_t ringsim_attach_service(struct ringsim_attach *a);

/** ringsim_attach_event() - call from ops.event: wakes the handler unless it has an event unread.
 */
void ringsim_attach_event(struct ringsim_attach *a);

/** ringsim_attach_hangup() - the device is removed: the handler sees POLLHUP. */
void ringsim_attach_hangup(struct ringsim_attach *a);

/** ringsim_attach_pid() - process that attached last, 0 if none did. */
pid_t ringsim_attach_pid(const struct ringsim_attach *a);

/** ringsim_attach_refused() - connections answered with ERR or dropped for talking nonsense. */
uint32_t ringsim_attach_refused(const struct ringsim_attach *a);

#ifdef __cplusplus
}
#endif
#endif
