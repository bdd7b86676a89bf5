/* SPDX-License-Identifier: MIT */
/*
 * A disk whose power can be cut: the store that a case gives to a handler in this process to see
 * what the handler makes durable, and whether it survives operations that take their time.
 *
 * Memory behind a volatile write cache. @now is what reads return; @durable is what a power cut
 * leaves, for the pages where the two differ. FLUSH makes them equal, FUA writes both. A slow
 * medium keeps operations until it is reaped and ends them in an order of its own; data moves when
 * the operation ends, so that whatever is not kept apart collides. Clauses: HND-054, HND-062,
 * SCS-030, SCS-040.
 */
#include "medium.h"

#include "../handlers/store_engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE  4096u
#define DEPTH 16u

/**
 * struct medium - the engine behind the store
 * @is_dirty: by page: @durable holds what a power cut leaves
 * @dirty:    numbers of these pages, @dirty_cnt of them
 * @queue:    operations that did not end yet: @queued of them, the first @kicked may end
 * @fail:     by enum store_op: errno of the next one, 0 = it succeeds
 * @off:      the power is off: operations end without effect
 */
struct medium {
	uint8_t *now, *durable;
	bool *is_dirty;
	uint32_t *dirty, dirty_cnt;
	struct store_io *queue[DEPTH];
	uint32_t queued, kicked;
	uint64_t rng;
	int *fail;
	bool slow, off;
};

static void *map(uint64_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Remembers what is durable of a page that is about to be changed in the cache only. */
static void dirty(struct medium *m, uint64_t page)
{
	if (m->is_dirty[page])
		return;
	memcpy(m->durable + page * PAGE, m->now + page * PAGE, PAGE);
	m->is_dirty[page] = true;
	m->dirty[m->dirty_cnt++] = (uint32_t)page;
}

static void store_bytes(uint8_t *to, const uint8_t *src, size_t len)
{
	if (src)
		memcpy(to, src, len);
	else
		memset(to, 0, len);
}

/* @src NULL stores zeros. */
static void put(struct medium *m, uint64_t off, const uint8_t *src, uint64_t len, bool fua)
{
	size_t n;

	for (; len; off += n, len -= n) {
		n = PAGE - off % PAGE < len ? PAGE - off % PAGE : len;
		if (!fua)
			dirty(m, off / PAGE);
		else if (m->is_dirty[off / PAGE])
			store_bytes(m->durable + off, src, n);
		store_bytes(m->now + off, src, n);
		if (src)
			src += n;
	}
}

static void settle(struct medium *m, bool power_cut)
{
	uint64_t page;

	while (m->dirty_cnt) {
		page = m->dirty[--m->dirty_cnt];
		m->is_dirty[page] = false;
		if (power_cut)
			memcpy(m->now + page * PAGE, m->durable + page * PAGE, PAGE);
	}
}

static int execute(struct medium *m, const struct store_io *io)
{
	uint64_t off = io->off_bytes;
	uint32_t i;
	int rc = -m->fail[io->op];

	m->fail[io->op] = 0;
	if (rc || m->off)
		return rc;
	switch (io->op) {
	case STORE_READ:
		for (i = 0; i < io->iov_cnt; off += io->iov[i++].iov_len)
			memcpy(io->iov[i].iov_base, m->now + off, io->iov[i].iov_len);
		break;
	case STORE_WRITE:
		for (i = 0; i < io->iov_cnt; off += io->iov[i++].iov_len)
			put(m, off, io->iov[i].iov_base, io->iov[i].iov_len, io->fua);
		break;
	case STORE_DISCARD:
	case STORE_ZERO:
		put(m, off, NULL, io->len_bytes, io->fua);
		break;
	case STORE_FLUSH:
		settle(m, false);
		break;
	}
	return 0;
}

static int medium_submit(struct store *s, struct store_io *io)
{
	struct medium *m = s->engine;

	if (!m->slow) {
		io->result = execute(m, io);
		store_finish(s, io);
		return 0;
	}
	m->queue[m->queued++] = io;
	return 0;
}

static void medium_kick(struct store *s)
{
	struct medium *m = s->engine;

	if (m->kicked != m->queued)
		eventfd_write(s->poll_fd, 1);
	m->kicked = m->queued;
}

static uint32_t next_random(struct medium *m, uint32_t n)
{
	m->rng = m->rng * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(m->rng >> 33) % n;
}

/* Some of what was kicked ends, never in the order in which it came. */
static uint32_t medium_reap(struct store *s)
{
	struct medium *m = s->engine;
	uint32_t i, pick, n = next_random(m, m->kicked + 1);
	struct store_io *io;
	eventfd_t value;

	for (i = 0; i < n; i++) {
		pick = next_random(m, m->kicked);
		io = m->queue[pick];
		m->queue[pick] = m->queue[--m->kicked];
		m->queue[m->kicked] = m->queue[--m->queued];
		io->result = execute(m, io);
		store_finish(s, io);
	}
	if (m->slow && !m->kicked)
		eventfd_read(s->poll_fd, &value);
	return n;
}

static void medium_close(struct store *s)
{
	struct medium *m = s->engine;
	uint64_t len = (s->size_bytes + PAGE - 1) / PAGE * PAGE;

	if (m->now)
		munmap(m->now, len);
	if (m->durable)
		munmap(m->durable, len);
	free(m->is_dirty);
	free(m->dirty);
	free(m);
	if (s->poll_fd >= 0)
		close(s->poll_fd);
}

static const struct store_ops ops = {
	.name = "medium",
	.close = medium_close,
	.submit = medium_submit,
	.kick = medium_kick,
	.reap = medium_reap,
};

int medium_open(struct store **out, uint64_t size_bytes, bool thin, bool slow, uint64_t seed,
		int *fail)
{
	uint64_t pages = (size_bytes + PAGE - 1) / PAGE;
	struct store *s = calloc(1, sizeof(*s));
	struct medium *m = calloc(1, sizeof(*m));

	if (!s || !m) {
		free(s);
		free(m);
		return -ENOMEM;
	}
	*s = (struct store){ .ops = &ops,
			     .size_bytes = size_bytes,
			     .depth = DEPTH,
			     .fd = -1,
			     .poll_fd = slow ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1,
			     .can_punch = thin,
			     .engine = m };
	m->now = map(pages * PAGE);
	m->durable = map(pages * PAGE);
	m->is_dirty = calloc(pages, sizeof(*m->is_dirty));
	m->dirty = calloc(pages, sizeof(*m->dirty));
	m->rng = seed;
	m->fail = fail;
	m->slow = slow;
	if (!m->now || !m->durable || !m->is_dirty || !m->dirty || (slow && s->poll_fd < 0)) {
		store_close(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void medium_power(struct store *s, bool on)
{
	struct medium *m = s->engine;

	m->off = !on;
	if (!on)
		settle(m, true);
}
