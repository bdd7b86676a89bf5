/* SPDX-License-Identifier: MIT */
/*
 * The semantics of a UIO node, without a node: open, read, write, poll, mmap, unregister.
 *
 * Pure state; whoever owns real descriptors (the attach server, an emulated /dev) asks it what the
 * kernel would have answered. Clauses: KRN-120 to KRN-128, HND-045, HND-046.
 */
#ifndef RINGSIM_UIO_H
#define RINGSIM_UIO_H

#include <ringsim/device.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ringsim_uio - one UIO node of one device; zero-initialise but for @dev
 * @dev:       the device behind it
 * @gone:      unregistered (KRN-125)
 * @is_open:   somebody holds it
 * @baseline:  event count that the listener has seen (KRN-121)
 * @doorbells: writes of 4 bytes; @reads: that took an event; @bad_writes, @bad_reads: of any other
 * size
 */
struct ringsim_uio {
	struct ringsim_device *dev;
	bool gone, is_open;
	uint32_t baseline;
	uint64_t doorbells, reads, bad_writes, bad_reads;
};

/** ringsim_uio_open() - 0, -EBUSY (somebody holds it), -ENODEV (unregistered). */
int ringsim_uio_open(struct ringsim_uio *u);
/** ringsim_uio_close() - last close of the open file: the device is released. */
void ringsim_uio_close(struct ringsim_uio *u);
/**
 * ringsim_uio_read() - read @len bytes: 4 with the count in *@buf, -EINVAL (any other size),
 * -EAGAIN (nothing new: a blocking caller sleeps), -EIO (unregistered)
 */
ssize_t ringsim_uio_read(struct ringsim_uio *u, void *buf, size_t len);
/** ringsim_uio_write() - a doorbell: 4 after the walk has run, -EINVAL (size, or unregistered). */
ssize_t ringsim_uio_write(struct ringsim_uio *u, const void *buf, size_t len);
/** ringsim_uio_poll() - POLLIN while the counters differ; POLLIN|POLLERR|POLLHUP when gone. */
short ringsim_uio_poll(const struct ringsim_uio *u);
/** ringsim_uio_mmap() - 0 if the kernel would map that, -EINVAL if not, (KRN-126). */
int ringsim_uio_mmap(const struct ringsim_uio *u, uint64_t len, uint64_t offset);
/** ringsim_uio_unregister() - the device is removed; sleepers wake. */
void ringsim_uio_unregister(struct ringsim_uio *u);

#ifdef __cplusplus
}
#endif
#endif
