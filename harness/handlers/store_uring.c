/* SPDX-License-Identifier: MIT */
/*
 * The io_uring engine: many operations in flight, submitted in batches.
 *
 * An operation has at most one entry queued or in the kernel, so queues of the store's depth never
 * overflow. The ring's own descriptor polls readable while completions wait, which needs no
 * eventfd, no clearing read and cannot lose a wakeup. A request is free again before done() is
 * called: done() may submit, and may not return.
 *
 * The first read of a batch is answered at once if the page cache has all of it, which takes one
 * plain system call: a command that comes alone has no use for a ring. What it has not goes through
 * the ring as the others do.
 *
 * The file is registered, where the kernel has that. The data area never is, although it could be:
 * registering holds on to the pages that are there now, and TCMU replaces pages of idle blocks. A
 * fixed read would then succeed and fill a page that nobody looks at any more.
 */
#include "store_engine.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define KICK_RETRIES  100
#define KICK_RETRY_MS 1

struct uring_req {
	struct store_plan plan;
	struct uring_req *next; /* free list */
};

struct uring_engine {
	struct io_uring ring;
	struct uring_req *reqs, *free;
	uint32_t in_kernel; /* submitted or queued entries */
	uint32_t finished;  /* running count */
	bool fixed_file;
	bool at_once; /* reads may be; @tried: one was since the last kick */
	bool tried;
};

/*
 * Completions may wait until we enter the kernel anyway, or see in the ring's flags that they do:
 * without, each interrupts whoever polls for it. Kernels before 5.19 do not know that.
 */
static int set_up(struct uring_engine *e, const struct store_config *cfg)
{
	int rc;

	if (cfg->sqpoll)
		return io_uring_queue_init(cfg->depth, &e->ring, IORING_SETUP_SQPOLL);
	rc = io_uring_queue_init(cfg->depth, &e->ring,
				 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
	return rc == -EINVAL ? io_uring_queue_init(cfg->depth, &e->ring, 0) : rc;
}

static int uring_open(struct store *s, const struct store_config *cfg, char *err, size_t err_len)
{
	struct uring_engine *e = calloc(1, sizeof(*e));
	int rc;

	if (e == NULL)
		return store_fail(err, err_len, -ENOMEM, "store '%s': out of memory", cfg->spec);
	e->reqs = calloc(s->depth, sizeof(*e->reqs));
	if (e->reqs == NULL) {
		rc = store_fail(err, err_len, -ENOMEM, "store '%s': out of memory", cfg->spec);
		goto fail;
	}
	rc = set_up(e, cfg);
	if (rc < 0) {
		store_fail(err, err_len, rc, "store '%s': io_uring_setup of %u entries refused: %s",
			   cfg->spec, s->depth, strerror(-rc));
		goto fail;
	}
	for (uint32_t i = 0; i < s->depth; i++) {
		e->reqs[i].next = e->free;
		e->free = &e->reqs[i];
	}
	e->at_once = s->dio_align == 0 && !cfg->sqpoll;
	e->fixed_file = io_uring_register_files(&e->ring, &s->fd, 1) == 0;
	s->engine = e;
	s->poll_fd = e->ring.ring_fd;
	return 0;
fail:
	free(e->reqs);
	free(e);
	return rc;
}

/* Wait for whatever the kernel holds: it may still write to the caller's memory. */
static void uring_close(struct store *s)
{
	struct uring_engine *e = s->engine;
	struct io_uring_cqe *cqe;

	io_uring_submit(&e->ring);
	if (!(e->ring.flags & IORING_SETUP_SQPOLL))
		e->in_kernel -= io_uring_sq_ready(&e->ring); /* refused to the end: never started */
	while (e->in_kernel != 0) {
		int rc = io_uring_wait_cqe(&e->ring, &cqe);

		if (rc == -EINTR)
			continue;
		if (rc < 0)
			break;
		io_uring_cqe_seen(&e->ring, cqe);
		e->in_kernel--;
	}
	io_uring_queue_exit(&e->ring);
	for (uint32_t i = 0; i < s->depth; i++)
		store_plan_drop(&e->reqs[i].plan);
	free(e->reqs);
	free(e);
	s->poll_fd = -1;
	s->engine = NULL;
}

/* One iov, as most have, costs the kernel less as a plain transfer. */
static void prepare_transfer(struct io_uring_sqe *sqe, int fd, const struct store_plan *p)
{
	const struct iovec *v = p->iov;

	if (p->call == STORE_CALL_READV && p->iov_cnt == 1 && v->iov_len <= UINT32_MAX)
		io_uring_prep_read(sqe, fd, v->iov_base, (unsigned int)v->iov_len, p->off_bytes);
	else if (p->call == STORE_CALL_READV)
		io_uring_prep_readv(sqe, fd, v, p->iov_cnt, p->off_bytes);
	else if (p->iov_cnt == 1 && v->iov_len <= UINT32_MAX)
		io_uring_prep_write(sqe, fd, v->iov_base, (unsigned int)v->iov_len, p->off_bytes);
	else
		io_uring_prep_writev(sqe, fd, v, p->iov_cnt, p->off_bytes);
	sqe->rw_flags = p->flags;
}

static void prepare(struct store *s, struct uring_req *r)
{
	struct uring_engine *e = s->engine;
	struct store_plan *p = &r->plan;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&e->ring);
	int fd = e->fixed_file ? 0 : s->fd;

	switch (p->call) {
	case STORE_CALL_READV:
	case STORE_CALL_WRITEV:
		prepare_transfer(sqe, fd, p);
		break;
	case STORE_CALL_SYNC:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	case STORE_CALL_FALLOCATE:
		io_uring_prep_fallocate(sqe, fd, p->flags, (off_t)p->off_bytes,
					(off_t)p->left_bytes);
		break;
	}
	if (e->fixed_file)
		sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, r);
	e->in_kernel++;
}

static void proceed(struct store *s, struct uring_req *r, bool more)
{
	struct uring_engine *e = s->engine;
	struct store_io *io = r->plan.io;

	if (more) {
		prepare(s, r);
		return;
	}
	r->next = e->free;
	e->free = r;
	e->finished++;
	store_finish(s, io);
}

/* Returns true if there is a call left to make, as store_plan_next() does. */
static bool read_at_once(struct store *s, struct store_plan *p)
{
	struct uring_engine *e = s->engine;
	ssize_t n;

	if (!e->at_once || e->tried || e->in_kernel != 0 || p->call != STORE_CALL_READV)
		return true;
	e->tried = true;
	n = preadv2(s->fd, p->iov, (int)p->iov_cnt, (off_t)p->off_bytes, RWF_NOWAIT);
	if (n > 0)
		return store_plan_next(p, n);
	if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
		e->at_once = false;
	return true;
}

static int uring_submit(struct store *s, struct store_io *io)
{
	struct uring_engine *e = s->engine;
	struct uring_req *r = e->free;

	if (r == NULL)
		return -EAGAIN;
	e->free = r->next;
	proceed(s, r, store_plan_begin(&r->plan, s, io) && read_at_once(s, &r->plan));
	return 0;
}

/* Refusals for lack of memory pass; entries that stay queued go along with the next kick. */
static void uring_kick(struct store *s)
{
	struct uring_engine *e = s->engine;
	int retries = 0;

	e->tried = false;
	if (e->ring.flags & IORING_SETUP_SQPOLL) { /* its thread takes them when it gets to them */
		io_uring_submit(&e->ring);
		return;
	}
	while (io_uring_sq_ready(&e->ring) != 0) {
		int n = io_uring_submit(&e->ring);

		if (n > 0 || n == -EINTR)
			continue;
		if (retries++ >= KICK_RETRIES)
			return;
		poll(NULL, 0, KICK_RETRY_MS);
	}
}

static uint32_t uring_reap(struct store *s)
{
	struct uring_engine *e = s->engine;
	uint32_t before = e->finished;
	struct io_uring_cqe *cqe;

	while (e->in_kernel != 0 && io_uring_peek_cqe(&e->ring, &cqe) == 0) {
		struct uring_req *r = io_uring_cqe_get_data(cqe);
		int32_t result = cqe->res;

		io_uring_cqe_seen(&e->ring, cqe);
		e->in_kernel--;
		proceed(s, r, store_plan_next(&r->plan, result));
	}
	uring_kick(s); /* next calls of operations that were continued */
	return e->finished - before;
}

const struct store_ops store_uring_ops = {
	.name = "io_uring",
	.open = uring_open,
	.close = uring_close,
	.submit = uring_submit,
	.kick = uring_kick,
	.reap = uring_reap,
};
