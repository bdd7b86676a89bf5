/* SPDX-License-Identifier: MIT */
/*
 * The seat's own UIO node on a real kernel: the case opens it, maps it and reads its ring.
 *
 * A closed node still shows its ring, as it is on a simulator: it is opened for a moment and
 * copied. Only mailbox and ring are; data blocks may have no page (KRN-127).
 */
#include "kernel.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define SNAPSHOT_MS 5

int kernel_uio_open(struct target *t)
{
	struct kernel *k = t->kernel;
	char path[32];
	int fd, rc;

	snprintf(path, sizeof(path), "/dev/uio%u", k->uio);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	k->map = mmap(NULL, t->region_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (k->map == MAP_FAILED) {
		rc = -errno;
		k->map = NULL;
		close(fd);
		return rc;
	}
	k->fd = fd;
	t->region = k->map;
	return 0;
}

/* Mailbox and ring stay readable: data blocks may have no page. */
static void take_snapshot(struct target *t)
{
	struct kernel *k = t->kernel;
	uint64_t len = kernel_ring_end(t);

	if (!k->snapshot) {
		k->snapshot = mmap(NULL, t->region_size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (k->snapshot == MAP_FAILED)
			abort();
	}
	memcpy(k->snapshot, k->map, len);
	k->snapshot_ms = kernel_now_ms();
}

void kernel_close_node(struct target *t)
{
	struct kernel *k = t->kernel;

	munmap(k->map, t->region_size);
	close(k->fd);
	k->map = NULL;
	k->fd = -1;
	t->region = k->snapshot;
}

void kernel_uio_close(struct target *t)
{
	if (t->kernel->fd < 0 || !t->kernel->map)
		return;
	kernel_settle_submits(t);
	take_snapshot(t);
	kernel_close_node(t);
}

/* A closed node shows what is on the ring now: it is opened for a moment. */
void kernel_refresh(struct target *t)
{
	struct kernel *k = t->kernel;

	if (!k->snapshot || k->fd >= 0 || !k->made || t->region != k->snapshot ||
	    kernel_now_ms() - k->snapshot_ms < SNAPSHOT_MS || kernel_uio_open(t))
		return;
	take_snapshot(t);
	kernel_close_node(t);
}

ssize_t kernel_uio_read(struct target *t, void *buf, size_t len)
{
	ssize_t n = read(t->kernel->fd, buf, len);

	return n < 0 ? -errno : n;
}

ssize_t kernel_uio_write(struct target *t, const void *buf, size_t len)
{
	ssize_t n;

	kernel_settle_submits(t);
	n = write(t->kernel->fd, buf, len);
	t->kernel->rang_ms = kernel_now_ms();
	return n < 0 ? -errno : n;
}

short kernel_uio_poll(struct target *t)
{
	struct pollfd pfd = { .fd = t->kernel->fd, .events = POLLIN };

	kernel_settle_submits(t);
	return poll(&pfd, 1, 0) < 0 ? 0 : pfd.revents;
}

uint32_t kernel_events(struct target *t)
{
	char path[64], text[32];

	kernel_settle_submits(t);
	snprintf(path, sizeof(path), "/sys/class/uio/uio%u/event", t->kernel->uio);
	kernel_get(path, text, sizeof(text));
	return (uint32_t)strtoul(text, NULL, 10);
}
