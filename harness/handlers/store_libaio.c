/* SPDX-License-Identifier: MIT */
/*
 * The libaio engine: many operations in flight, one eventfd for all completions.
 *
 * The kernel executes linux-aio asynchronously for direct I/O and for fdatasync; buffered transfers
 * mostly finish inside io_submit(). There is no asynchronous fallocate, so discard and zero are
 * done on the spot. A request is free again before done() is called: done() may submit, and may not
 * return.
 *
 * Completions are taken from the ring that the kernel shares with us, without a system call. Each
 * was signalled, or soon will be; as many signals are read away, so that none wakes us in vain, and
 * after each read the ring is looked at again, so that none is slept through.
 */
#include "store_engine.h"

#include <errno.h>
#include <libaio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define REAP_BATCH    64
#define KICK_RETRIES  100
#define KICK_RETRY_MS 1

struct aio_req {
	struct store_plan plan;
	struct iocb iocb;
	struct aio_req *next; /* free list */
};

/* What a context is, if the kernel says so: the ABI that libaio's own headers do not show. */
struct aio_ring {
	uint32_t id, nr, head, tail, magic, compat_features, incompat_features, header_length;
	struct io_event events[];
};
#define RING_MAGIC 0xa10a10a1u

struct aio_engine {
	io_context_t ctx;
	struct aio_req *reqs, *free;
	struct iocb **queue; /* prepared, not submitted yet */
	uint32_t queued;
	uint32_t finished;   /* running count */
	int64_t unsignalled; /* completions taken, less signals read: those are yet to come */
	struct io_event ev[REAP_BATCH];
	uint32_t ev_next, ev_cnt; /* fetched, not looked at yet */
};

static void aio_close(struct store *s);

static int aio_open(struct store *s, const struct store_config *cfg, char *err, size_t err_len)
{
	struct aio_engine *e = calloc(1, sizeof(*e));
	int rc;

	if (e == NULL)
		return store_fail(err, err_len, -ENOMEM, "store '%s': out of memory", cfg->spec);
	s->engine = e;
	e->reqs = calloc(s->depth, sizeof(*e->reqs));
	e->queue = calloc(s->depth, sizeof(*e->queue));
	if (e->reqs == NULL || e->queue == NULL) {
		rc = store_fail(err, err_len, -ENOMEM, "store '%s': out of memory", cfg->spec);
		goto fail;
	}
	s->poll_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->poll_fd < 0) {
		rc = store_fail(err, err_len, -errno, "store '%s': eventfd: %s", cfg->spec,
				strerror(errno));
		goto fail;
	}
	rc = io_setup((int)s->depth, &e->ctx);
	if (rc < 0) {
		store_fail(err, err_len, rc,
			   "store '%s': io_setup for %u operations: %s (see fs.aio-max-nr)",
			   cfg->spec, s->depth, strerror(-rc));
		e->ctx = NULL;
		goto fail;
	}
	for (uint32_t i = 0; i < s->depth; i++) {
		e->reqs[i].next = e->free;
		e->free = &e->reqs[i];
	}
	return 0;
fail:
	aio_close(s);
	return rc;
}

/* io_destroy() waits for what the kernel still holds; what was only queued is dropped. */
static void aio_close(struct store *s)
{
	struct aio_engine *e = s->engine;

	if (e->ctx != NULL)
		io_destroy(e->ctx);
	if (s->poll_fd >= 0)
		close(s->poll_fd);
	if (e->reqs != NULL) {
		for (uint32_t i = 0; i < s->depth; i++)
			store_plan_drop(&e->reqs[i].plan);
	}
	free(e->reqs);
	free(e->queue);
	free(e);
	s->poll_fd = -1;
	s->engine = NULL;
}

static void prepare(struct store *s, struct aio_req *r)
{
	struct store_plan *p = &r->plan;
	struct aio_engine *e = s->engine;

	memset(&r->iocb, 0, sizeof(r->iocb));
	switch (p->call) {
	case STORE_CALL_READV:
		io_prep_preadv(&r->iocb, s->fd, p->iov, (int)p->iov_cnt, (long long)p->off_bytes);
		break;
	case STORE_CALL_WRITEV:
		io_prep_pwritev(&r->iocb, s->fd, p->iov, (int)p->iov_cnt, (long long)p->off_bytes);
		r->iocb.aio_rw_flags = p->flags;
		break;
	case STORE_CALL_SYNC:
		io_prep_fdsync(&r->iocb, s->fd);
		break;
	case STORE_CALL_FALLOCATE:
		return;
	}
	io_set_eventfd(&r->iocb, s->poll_fd);
	r->iocb.data = r;
	e->queue[e->queued++] = &r->iocb;
}

static void retire(struct store *s, struct aio_req *r)
{
	struct aio_engine *e = s->engine;
	struct store_io *io = r->plan.io;

	r->next = e->free;
	e->free = r;
	e->finished++;
	store_finish(s, io);
}

/* Go on with @r while @more: calls that cannot be asynchronous are made here, the others queued. */
static void proceed(struct store *s, struct aio_req *r, bool more)
{
	while (more && r->plan.call == STORE_CALL_FALLOCATE)
		more = store_plan_next(&r->plan, store_plan_call(&r->plan));
	if (more)
		prepare(s, r);
	else
		retire(s, r);
}

static int aio_submit(struct store *s, struct store_io *io)
{
	struct aio_engine *e = s->engine;
	struct aio_req *r = e->free;

	if (r == NULL)
		return -EAGAIN;
	e->free = r->next;
	proceed(s, r, store_plan_begin(&r->plan, s, io));
	return 0;
}

/* The kernel refused the first queued iocb for good: finish it without the kernel. */
static void refuse(struct store *s, int rc)
{
	struct aio_engine *e = s->engine;
	struct aio_req *r = e->queue[0]->data;

	e->queued--;
	memmove(e->queue, e->queue + 1, e->queued * sizeof(e->queue[0]));
	if (r->plan.call == STORE_CALL_SYNC && rc == -EINVAL) /* no IOCB_CMD_FDSYNC before 4.18 */
		proceed(s, r, store_plan_next(&r->plan, store_plan_call(&r->plan)));
	else
		proceed(s, r, store_plan_next(&r->plan, rc));
}

static void aio_kick(struct store *s)
{
	struct aio_engine *e = s->engine;
	int retries = 0;

	while (e->queued != 0) {
		int n = io_submit(e->ctx, e->queued, e->queue);

		if (n > 0) {
			e->queued -= (uint32_t)n;
			memmove(e->queue, e->queue + n, e->queued * sizeof(e->queue[0]));
			continue;
		}
		if (n == -EINTR)
			continue;
		if ((n == -EAGAIN || n == 0) && retries++ < KICK_RETRIES) {
			poll(NULL, 0, KICK_RETRY_MS);
			continue;
		}
		refuse(s, n == 0 ? -EAGAIN : n);
	}
}

/* The next events, at most REAP_BATCH; returns how many. */
static uint32_t fetch(struct aio_engine *e)
{
	struct aio_ring *ring = (struct aio_ring *)e->ctx;
	struct timespec now = { 0, 0 };
	uint32_t head = ring->head, tail, n = 0;

	if (ring->magic != RING_MAGIC || ring->incompat_features != 0) {
		int got = io_getevents(e->ctx, 0, REAP_BATCH, e->ev, &now);

		return got > 0 ? (uint32_t)got : 0;
	}
	tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	while (head != tail && n < REAP_BATCH) {
		e->ev[n++] = ring->events[head];
		head = head + 1 < ring->nr ? head + 1 : 0;
	}
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
	return n;
}

/* Reads signals away; false if there are none. */
static bool clear_signals(struct store *s)
{
	struct aio_engine *e = s->engine;
	uint64_t signals;

	if (read(s->poll_fd, &signals, sizeof(signals)) != sizeof(signals))
		return false;
	e->unsignalled -= (int64_t)signals;
	return true;
}

static bool refill(struct store *s)
{
	struct aio_engine *e = s->engine;

	e->ev_next = 0;
	e->ev_cnt = fetch(e);
	while (e->ev_cnt == 0 && e->unsignalled > 0 && clear_signals(s))
		e->ev_cnt = fetch(e); /* once more: what came in between has no signal now */
	e->unsignalled += e->ev_cnt;
	return e->ev_cnt != 0;
}

static uint32_t aio_reap(struct store *s)
{
	struct aio_engine *e = s->engine;
	uint32_t before = e->finished;

	while (e->ev_next != e->ev_cnt || refill(s)) {
		struct io_event *ev = &e->ev[e->ev_next++];
		struct aio_req *r = ev->data;

		proceed(s, r, store_plan_next(&r->plan, (int64_t)ev->res));
	}
	aio_kick(s); /* next calls of operations that were continued */
	return e->finished - before;
}

const struct store_ops store_libaio_ops = {
	.name = "libaio",
	.open = aio_open,
	.close = aio_close,
	.submit = aio_submit,
	.kick = aio_kick,
	.reap = aio_reap,
};
