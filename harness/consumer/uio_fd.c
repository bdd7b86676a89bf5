/* SPDX-License-Identifier: MIT */
/* A UIO node behind file descriptors: /dev/uioN, or what the attach protocol hands out. */
#include "consumer.h"

#include <sys/mman.h>
#include <unistd.h>

static void *fd_map(void *ctx, size_t len, off_t offset)
{
	const struct consumer_fds *fds = ctx;
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fds->mem, offset);

	return p == MAP_FAILED ? NULL : p;
}

static void fd_unmap(void *ctx, void *region, size_t len)
{
	(void)ctx;
	munmap(region, len);
}

static ssize_t fd_read(void *ctx, void *buf, size_t len)
{
	return read(((const struct consumer_fds *)ctx)->io, buf, len);
}

static ssize_t fd_write(void *ctx, const void *buf, size_t len)
{
	return write(((const struct consumer_fds *)ctx)->io, buf, len);
}

void consumer_uio_fd(struct consumer_uio *uio, struct consumer_fds *fds)
{
	*uio = (struct consumer_uio){
		.map = fd_map, .unmap = fd_unmap, .read = fd_read, .write = fd_write, .ctx = fds
	};
}
