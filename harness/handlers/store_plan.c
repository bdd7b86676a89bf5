/* SPDX-License-Identifier: MIT */
/*
 * The series of system calls behind one store operation.
 *
 * Invariants: a transfer is whole or an error; nothing outside [off, off + len) is touched; a
 * durable operation is not finished before its data is. No call is repeated after it succeeded.
 * Clauses: SCS-041 (no half-checked work), HND-054 (what a flush covers).
 */
#include "store_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef IOV_MAX
#define IOV_MAX 1024
#endif

/* Direct I/O takes memory on the device's boundaries only; the caller's iovs may lie anywhere. */
static bool needs_bounce(const struct store *s, const struct store_io *io)
{
	if (s->dio_align == 0)
		return false;
	for (uint32_t i = 0; i < io->iov_cnt; i++) {
		uintptr_t base = (uintptr_t)io->iov[i].iov_base;

		if ((base | io->iov[i].iov_len) & (s->dio_align - 1u))
			return true;
	}
	return false;
}

static void bounce_copy(struct store_plan *p, bool to_bounce)
{
	char *at = p->bounce;

	for (uint32_t i = 0; i < p->io->iov_cnt; i++) {
		const struct iovec *v = &p->io->iov[i];

		if (v->iov_len == 0)
			continue;
		if (to_bounce)
			memcpy(at, v->iov_base, v->iov_len);
		else
			memcpy(v->iov_base, at, v->iov_len);
		at += v->iov_len;
	}
}

static int bounce_begin(struct store_plan *p)
{
	if (posix_memalign(&p->bounce, p->store->dio_align, p->io->len_bytes) != 0) {
		p->bounce = NULL;
		return -ENOMEM;
	}
	if (p->io->op == STORE_WRITE)
		bounce_copy(p, true);
	p->cut = (struct iovec){ p->bounce, p->io->len_bytes };
	p->rest_cnt = 0;
	return 0;
}

/* Choose the iovs of the next transfer: the cut one alone, else as many whole ones as fit a call.
 */
static void aim(struct store_plan *p)
{
	if (p->cut.iov_len != 0) {
		p->iov = &p->cut;
		p->iov_cnt = 1;
		return;
	}
	p->iov = p->rest;
	p->iov_cnt = p->rest_cnt < IOV_MAX ? p->rest_cnt : IOV_MAX;
}

static void aim_zeros(struct store_plan *p)
{
	p->call = STORE_CALL_WRITEV;
	p->cut.iov_base = p->store->zeros;
	p->cut.iov_len = p->left_bytes < p->store->zeros_bytes ? p->left_bytes
							       : p->store->zeros_bytes;
	p->iov = &p->cut;
	p->iov_cnt = 1;
}

/* Account for @bytes moved: drop whole iovs, keep the remainder of a cut one. */
static void advance(struct store_plan *p, uint64_t bytes)
{
	p->off_bytes += bytes;
	p->left_bytes -= bytes;
	if (p->iov == &p->cut) {
		p->cut.iov_base = (char *)p->cut.iov_base + bytes;
		p->cut.iov_len -= bytes;
		return;
	}
	while (p->rest_cnt != 0 && bytes >= p->rest->iov_len) {
		bytes -= p->rest->iov_len;
		p->rest++;
		p->rest_cnt--;
	}
	if (bytes != 0) {
		p->cut.iov_base = (char *)p->rest->iov_base + bytes;
		p->cut.iov_len = p->rest->iov_len - bytes;
		p->rest++;
		p->rest_cnt--;
	}
}

static bool finish(struct store_plan *p, int result)
{
	p->io->result = result;
	if (p->bounce != NULL && result == 0 && p->io->op == STORE_READ)
		bounce_copy(p, false);
	store_plan_drop(p);
	return false;
}

static bool begin_sync(struct store_plan *p)
{
	p->call = STORE_CALL_SYNC;
	return true;
}

bool store_plan_begin(struct store_plan *p, struct store *s, struct store_io *io)
{
	p->store = s;
	p->io = io;
	p->off_bytes = io->off_bytes;
	p->left_bytes = io->len_bytes;
	p->flags = 0;
	p->rest = io->iov;
	p->rest_cnt = io->iov_cnt;
	p->cut.iov_len = 0;
	p->bounce = NULL;

	switch (io->op) {
	case STORE_FLUSH:
		return begin_sync(p);
	case STORE_DISCARD:
		p->call = STORE_CALL_FALLOCATE;
		p->flags = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
		return true;
	case STORE_ZERO:
		p->call = STORE_CALL_FALLOCATE;
		p->flags = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
		return true;
	case STORE_READ:
		p->call = STORE_CALL_READV;
		break;
	case STORE_WRITE:
		p->call = STORE_CALL_WRITEV;
		if (io->fua)
			p->flags = RWF_DSYNC;
		break;
	}
	if (needs_bounce(s, io) && bounce_begin(p) != 0)
		return finish(p, -ENOMEM);
	aim(p);
	return true;
}

static bool no_such_call(int64_t result)
{
	return result == -EOPNOTSUPP || result == -EINVAL || result == -ENOSYS;
}

/* A hole was punched or zeros were written: the last call of a durable one is a sync. */
static bool after_hole(struct store_plan *p)
{
	if (p->io->fua)
		return begin_sync(p);
	return finish(p, 0);
}

static bool next_zeros(struct store_plan *p, int64_t result)
{
	if (p->call == STORE_CALL_FALLOCATE) {
		if (result == 0)
			return after_hole(p);
		if (!no_such_call(result))
			return finish(p, (int)result);
		p->flags = 0;
		aim_zeros(p);
		return true;
	}
	if (result <= 0)
		return finish(p, result == 0 ? -EIO : (int)result);
	advance(p, (uint64_t)result);
	if (p->left_bytes == 0)
		return after_hole(p);
	aim_zeros(p);
	return true;
}

bool store_plan_next(struct store_plan *p, int64_t result)
{
	if (result == -EINTR)
		return true;
	if (p->call == STORE_CALL_SYNC)
		return finish(p, (int)result);
	if (p->io->op == STORE_DISCARD || p->io->op == STORE_ZERO)
		return next_zeros(p, result);
	if (result < 0)
		return finish(p, (int)result);
	if (result == 0) /* the file ends early: someone truncated it */
		return finish(p, -EIO);
	advance(p, (uint64_t)result);
	if (p->left_bytes == 0)
		return finish(p, 0);
	aim(p);
	return true;
}

void store_plan_drop(struct store_plan *p)
{
	free(p->bounce);
	p->bounce = NULL;
}

int64_t store_plan_call(const struct store_plan *p)
{
	int fd = p->store->fd;
	int64_t r = -1;

	switch (p->call) {
	case STORE_CALL_READV:
		if (p->iov_cnt == 1) /* costs the kernel less */
			r = pread(fd, p->iov->iov_base, p->iov->iov_len, (off_t)p->off_bytes);
		else
			r = preadv2(fd, p->iov, (int)p->iov_cnt, (off_t)p->off_bytes, p->flags);
		break;
	case STORE_CALL_WRITEV:
		r = pwritev2(fd, p->iov, (int)p->iov_cnt, (off_t)p->off_bytes, p->flags);
		break;
	case STORE_CALL_FALLOCATE:
		r = fallocate(fd, p->flags, (off_t)p->off_bytes, (off_t)p->left_bytes);
		break;
	case STORE_CALL_SYNC:
		r = fdatasync(fd);
		break;
	}
	return r < 0 ? -errno : r;
}
