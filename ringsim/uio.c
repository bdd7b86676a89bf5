/* SPDX-License-Identifier: MIT */
/* What a UIO node answers; see uio.h. */
#include <ringsim/uio.h>

#include "internal.h"

#include <errno.h>
#include <poll.h>

static uint32_t event_count(const struct ringsim_uio *u)
{
	return u->dev->events;
}

int ringsim_uio_open(struct ringsim_uio *u)
{
	int rc;

	if (u->gone)
		return -ENODEV;
	rc = ringsim_open(u->dev);
	if (rc)
		return rc;
	u->is_open = true;
	u->baseline = event_count(u);
	return 0;
}

void ringsim_uio_close(struct ringsim_uio *u)
{
	if (!u->is_open)
		return;
	u->is_open = false;
	/* After unregistering the release never reaches the driver (TRP-46). */
	if (!u->gone)
		ringsim_release(u->dev);
}

ssize_t ringsim_uio_read(struct ringsim_uio *u, void *buf, size_t len)
{
	uint32_t count;

	if (u->gone)
		return -EIO;
	if (len != sizeof(count)) {
		u->bad_reads++;
		ringsim_report(
			u->dev, "HND-046", 0,
			"read of %zu bytes from the UIO node: expected 4, a kernel answers EINVAL",
			len);
		return -EINVAL;
	}
	count = event_count(u);
	if (count == u->baseline)
		return -EAGAIN;
	u->baseline = count;
	u->reads++;
	memcpy(buf, &count, sizeof(count));
	return sizeof(count);
}

ssize_t ringsim_uio_write(struct ringsim_uio *u, const void *buf, size_t len)
{
	(void)buf; /* the value means nothing (KRN-123) */
	if (u->gone)
		return -EINVAL;
	if (len != 4) {
		u->bad_writes++;
		ringsim_report(
			u->dev, "HND-045", 0,
			"doorbell of %zu bytes: expected 4, a kernel answers EINVAL and does not look",
			len);
		return -EINVAL;
	}
	u->doorbells++;
	ringsim_doorbell(u->dev);
	return 4;
}

short ringsim_uio_poll(const struct ringsim_uio *u)
{
	if (u->gone)
		return POLLIN | POLLERR | POLLHUP;
	return event_count(u) == u->baseline ? 0 : POLLIN;
}

int ringsim_uio_mmap(const struct ringsim_uio *u, uint64_t len, uint64_t offset)
{
	uint64_t size = u->dev->lay.region_size, page = u->dev->lay.page_size;

	if (u->gone || offset)
		return -EINVAL;
	/* The kernel compares pages, so the last one may be asked for in part. */
	return len <= size && len > size - page ? 0 : -EINVAL;
}

void ringsim_uio_unregister(struct ringsim_uio *u)
{
	u->gone = true;
}
