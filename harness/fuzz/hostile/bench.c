/* SPDX-License-Identifier: MIT */
/*
 * Carrying out hostile programs, one operation at a time, and looking at everything after each.
 *
 * A program's "at N" makes the store that follows it happen right before the device's N-th access
 * to the region from then on, whichever call that is in. Everything happens to a twin as well, if
 * there is one.
 */
#include "bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hostile_wrong(struct bench *b, const char *fmt, ...)
{
	va_list ap;

	if (b->r->what[0])
		return;
	va_start(ap, fmt);
	vsnprintf(b->r->what, sizeof(b->r->what), fmt, ap);
	va_end(ap);
}

/* --- up and down -------------------------------------------------------------------------------
 */

static void on_event(void *ctx)
{
	((struct side *)ctx)->events++;
}

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	struct side *s = ctx;

	if (!strcmp(v->clause, "KRN-001"))
		hostile_wrong(s->b, "KRN-001: %s", v->what);
}

/* Violations are told, with a dump of the ring, in some programs only: it costs much. */
static const struct ringsim_ops quiet = { .event = on_event,
					  .complete = side_complete,
					  .tmr_done = side_tmr_done };
static const struct ringsim_ops loud = { .event = on_event,
					 .complete = side_complete,
					 .tmr_done = side_tmr_done,
					 .violation = on_violation };

static void config(struct ringsim_config *cfg, const struct hostile_run *r)
{
	const struct fuzz_setup *p = &r->p->setup;

	*cfg = (struct ringsim_config){
		.geo = { .ring_mb = 1,
			 .cmdr_off = p->ring_off,
			 .cmdr_size = p->ring,
			 .data_area_mb = p->blocks ? 0 : 16,
			 .data_blocks = p->blocks,
			 .pages_per_blk = p->pages_per_blk },
		.cmd_time_out_s = p->cmd_s,
		.qfull_time_out_s = (int32_t)p->qfull - 1,
		.tmr_notification = p->tmr != 0,
		.start = p->ring_start,
		.first_event = p->first_event,
		.sanitize = r->sanitize,
		.poison_seed = p->poison,
	};
}

static int side_up(struct bench *b, uint32_t i, const struct ringsim_config *cfg)
{
	struct side *s = &b->side[i];
	char err[160];
	int rc = ringsim_device_create(&s->dev, cfg, b->r->p->setup.poison ? &loud : &quiet, s, err,
				       sizeof(err));

	if (rc) {
		snprintf(b->r->what, sizeof(b->r->what), "%s", err);
		return rc;
	}
	s->b = b;
	s->uio.dev = s->dev;
	s->mem = ringsim_region(s->dev);
	s->lay = ringsim_layout(s->dev);
	s->next = UINT64_MAX;
	s->m.time_out_ns = cfg->cmd_time_out_s * RINGSIM_NSEC_PER_SEC;
	b->sides = i + 1;
	rc = model_init(s);
	if (rc)
		return rc;
	ringsim_set_tap(s->dev, model_tap, s);
	hostile_watch(i, s);
	return ringsim_uio_open(&s->uio);
}

int bench_up(struct bench *b, struct hostile_run *r)
{
	const struct fuzz_setup *p = &r->p->setup;
	struct ringsim_config cfg;
	uint32_t i;
	int rc = 0;

	memset(b, 0, sizeof(*b));
	b->r = r;
	config(&cfg, r);
	if (p->pool || p->twin) {
		b->pool = ringsim_pool_create(p->pool ? p->pool : 1u << 19);
		if (!b->pool)
			return -ENOMEM;
		cfg.pool = b->pool;
	}
	for (i = 0; !rc && i < 1 + (p->twin != 0); i++)
		rc = side_up(b, i, &cfg);
	if (!rc && r->race)
		vandal_start(b);
	return rc;
}

static void side_down(struct side *s)
{
	while (s->cmds) {
		s->ended = s->submitted; /* nothing is checked any more */
		s->m.clean = false;
		s->order[0]->c.outcome = RINGSIM_RESET;
		side_complete(s, &s->order[0]->c);
	}
	ringsim_device_destroy(s->dev);
	model_free(s);
}

void bench_down(struct bench *b)
{
	uint32_t i;

	vandal_stop(b);
	for (i = 0; i < b->sides; i++) {
		hostile_watch(i, NULL);
		b->r->tally.looks += b->side[i].step;
		if (b->side[i].dev)
			side_down(&b->side[i]);
	}
	ringsim_pool_destroy(b->pool);
}

/* --- the handler's side ------------------------------------------------------------------------
 */

static uint32_t tail_of(const struct side *s)
{
	return __atomic_load_n((const uint32_t *)(const void *)(s->mem + RINGSIM_OFF_TAIL),
			       __ATOMIC_RELAXED);
}

/* Answers the entry at the tail as it should be; false if none begins there. */
static bool answer_one(struct side *s)
{
	static const uint8_t good[RINGSIM_RSP_END - RINGSIM_OFF_STATUS];
	uint32_t tail = tail_of(s), i;
	struct ringsim_entry e;
	uint8_t *entry;

	for (i = 0; ringsim_entry_at(s->dev, i, &e) && e.off != tail; i++)
		;
	if (!ringsim_entry_at(s->dev, i, &e))
		return false;
	entry = s->mem + s->lay->cmdr_off + tail;
	if (e.op == TCMU_OP_CMD)
		memcpy(entry + RINGSIM_OFF_STATUS, good, sizeof(good));
	tail = (e.off + e.len) % s->lay->cmdr_size;
	__atomic_store_n((uint32_t *)(void *)(s->mem + RINGSIM_OFF_TAIL), tail, __ATOMIC_RELEASE);
	return true;
}

static void node_write(struct side *s, uint64_t len)
{
	ssize_t n = ringsim_uio_write(&s->uio, "\0\0\0\0\0\0\0", (size_t)len);

	if (n != (len == 4 && !s->uio.gone ? 4 : -EINVAL))
		hostile_wrong(s->b, "KRN-123: a write of %llu bytes gave %zd",
			      (unsigned long long)len, n);
}

static void node_read(struct side *s, uint64_t len)
{
	uint8_t buf[4];
	short ready = ringsim_uio_poll(&s->uio);
	ssize_t n = ringsim_uio_read(&s->uio, buf, (size_t)len);
	ssize_t want = s->uio.gone ? -EIO : len != 4 ? -EINVAL : ready ? 4 : -EAGAIN;

	if (n != want)
		hostile_wrong(s->b, "KRN-122: a read of %llu bytes gave %zd, expected %zd",
			      (unsigned long long)len, n, want);
}

static void node_map(struct side *s, uint64_t len, uint64_t off)
{
	uint64_t size = s->lay->region_size;
	bool good = !off && !s->uio.gone && len <= size && len > size - s->lay->page_size;

	if ((ringsim_uio_mmap(&s->uio, len, off) == 0) != good)
		hostile_wrong(s->b, "KRN-126: mmap of %llu bytes at %llu", (unsigned long long)len,
			      (unsigned long long)off);
}

/* --- operations ---------------------------------------------------------------------------------
 */

static void advance(struct side *s)
{
	struct bench *b = s->b;

	ringsim_advance(s->dev, b->now_ns);
	if (b->pool && s == &b->side[b->sides - 1] && ringsim_pool_due(b->pool) <= b->now_ns)
		ringsim_pool_run(b->pool, b->now_ns);
}

static void raw(struct side *s, const struct fuzz_op *op)
{
	s->m.raw = true;
	ringsim_put_raw(s->dev, (unsigned int)op->n[0] & 15, (uint32_t)op->n[1], (uint8_t)op->n[2]);
	s->m.raw = false;
}

/* What is done with the device; not the handler's own steps. */
static void call_sim(struct side *s, const struct fuzz_op *op)
{
	switch (op->verb) {
	case FUZZ_SUBMIT:
		side_submit(s, op);
		break;
	case FUZZ_TMR:
		side_tmr(s, op);
		break;
	case FUZZ_ADVANCE:
		advance(s);
		break;
	case FUZZ_EVENT:
		ringsim_spurious_event(s->dev);
		break;
	case FUZZ_PLUG:
		ringsim_plug(s->dev);
		break;
	case FUZZ_UNPLUG:
		ringsim_unplug(s->dev);
		break;
	case FUZZ_BLOCK:
		ringsim_block(s->dev, op->n[0] != 0);
		break;
	case FUZZ_RESET:
		ringsim_reset(s->dev, (unsigned int)op->n[0]);
		break;
	case FUZZ_POLL:
		ringsim_poll_tail(s->dev);
		break;
	case FUZZ_QFULL:
		ringsim_set_qfull_time_out(s->dev, (int32_t)(op->n[0] & 0xffff) - 1);
		break;
	case FUZZ_RAW:
		raw(s, op);
		break;
	case FUZZ_DECOY:
		ringsim_put_decoy(s->dev, (uint32_t)op->n[0] & 15);
		break;
	case FUZZ_FREE:
		ringsim_free_kept(s->dev, (uint32_t)op->n[0]);
		break;
	case FUZZ_SETTLE: /* the sanitizer's own calls */
		ringsim_handler_sleeps(s->dev);
		ringsim_sweep(s->dev);
		break;
	case FUZZ_TURN:
		ringsim_observe(s->dev);
		break;
	case FUZZ_REMOVE:
		ringsim_uio_unregister(&s->uio);
		break;
	default:
		break;
	}
}

static void call_node(struct side *s, const struct fuzz_op *op)
{
	uint64_t n = op->n[0];

	switch (op->verb) {
	case FUZZ_RING:
		node_write(s, op->n[0]);
		break;
	case FUZZ_READ:
		node_read(s, op->n[0]);
		break;
	case FUZZ_MAP:
		node_map(s, op->n[0], op->n[1]);
		break;
	case FUZZ_OPEN:
		ringsim_uio_open(&s->uio);
		break;
	case FUZZ_CLOSE:
		ringsim_uio_close(&s->uio);
		break;
	case FUZZ_ANSWER:
		while (n-- && answer_one(s))
			;
		if (op->n[1])
			node_write(s, 4);
		break;
	default:
		call_sim(s, op);
		break;
	}
}

/*
 * Accesses that a call may need: some for each entry that it may pass, make or compare, and for
 * each block of their data; the sanitizer's comparisons look at one byte at a time where bytes
 * differ.
 */
static uint64_t bound(const struct side *s, const struct ringsim_stats *st)
{
	uint64_t entries = 64 + st->inflight + st->expired + st->queued + s->cmds + st->tmrs;
	uint64_t looks = 64 * (entries + s->m.entries) +
			 8ull * s->lay->blocks * s->lay->pages_per_blk;

	if (s->b->r->sanitize)
		looks = 64 * looks + 64ull * s->lay->cmdr_size + 8ull * s->lay->data_size;
	return looks;
}

static void call(struct side *s, const struct fuzz_op *op)
{
	struct bench *b = s->b;
	uint64_t step = s->step, most;
	struct ringsim_stats st;
	uint32_t i;

	ringsim_stats(s->dev, &st);
	b->calls++;
	for (i = 0; i < b->sides; i++)
		model_begin(&b->side[i]);
	call_node(s, op);
	for (i = 0; i < b->sides; i++)
		model_end(&b->side[i]);
	most = bound(s, &st);
	if (s->step - step > most)
		hostile_wrong(b, "%llu accesses in one call, expected at most %llu",
			      (unsigned long long)(s->step - step), (unsigned long long)most);
}

void bench_do(struct bench *b, const struct fuzz_op *op)
{
	bool store = op->verb == FUZZ_STORE || op->verb == FUZZ_FILL;
	bool was_broken = b->side[0].m.broken;
	uint64_t at = b->at;
	uint32_t i;

	b->at = 0;
	if (op->verb == FUZZ_AT) {
		b->at = op->n[0];
		return;
	}
	if (op->verb == FUZZ_ADVANCE)
		b->now_ns += (op->n[0] & 0xffffff) * 1000000;
	for (i = 0; i < b->sides && !b->r->what[0]; i++) {
		if (!store)
			call(&b->side[i], op);
		else if (at)
			side_arm(&b->side[i], at, op);
		else
			side_store(&b->side[i], op);
	}
	b->r->tally.ops++;
	b->r->tally.broken += b->side[0].m.broken && !was_broken;
}

/* --- the end --------------------------------------------------------------------------------- */

static uint64_t fold(uint64_t h, const void *p, uint64_t len)
{
	const uint8_t *byte = p;
	uint64_t i, word;

	for (i = 0; i + 8 <= len; i += 8) {
		memcpy(&word, byte + i, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	return h;
}

static void digest(struct bench *b)
{
	uint64_t h = 1, n[8];
	struct ringsim_stats st;
	struct side *s;
	uint32_t i, page;

	for (i = 0; i < b->sides; i++) {
		s = &b->side[i];
		ringsim_stats(s->dev, &st);
		h = fold(h, s->mem, s->lay->data_off);
		/* the sanitizer takes away what is stored where no page is */
		for (page = 0; page < s->lay->pages; page++)
			if (ringsim_page_present(s->dev, page))
				h = fold(h,
					 s->mem + s->lay->data_off +
						 (uint64_t)page * s->lay->page_size,
					 s->lay->page_size);
		n[0] = (uint64_t)st.reclaim << 32 | st.events;
		n[1] = (uint64_t)st.inflight << 32 | st.queued;
		n[2] = (uint64_t)st.kept << 32 | st.expired;
		n[3] = (uint64_t)st.blocks_used << 32 | st.pages_used;
		n[4] = st.cmds << 32 | st.completed;
		n[5] = (uint64_t)st.dbi_thresh << 32 | st.dbi_max;
		n[6] = s->hash;
		n[7] = (uint64_t)st.broken << 32 | st.tmr_entries;
		h = fold(h, n, sizeof(n));
	}
	b->r->digest = h;
}

/* Whatever happened, a reset makes a device whole: everything has come home, and it works. */
static void come_home(struct side *s)
{
	static const struct fuzz_op block = { .verb = FUZZ_BLOCK, .n = { 1 } };
	static const struct fuzz_op reset = { .verb = FUZZ_RESET, .n = { 1 } };
	static const struct fuzz_op free_all = { .verb = FUZZ_BLOCK };
	static const struct fuzz_op nop = { .verb = FUZZ_SUBMIT, .cdb_len = 6 };
	static const struct fuzz_op answer = { .verb = FUZZ_ANSWER, .n = { 64, 1 } };
	uint32_t i;

	s->n_armed = 0;
	call(s, &block);
	call(s, &reset);
	for (i = 0; i < HOSTILE_TMRS; i++)
		if (s->tmr_busy[i])
			hostile_wrong(s->b, "KRN-103: a task management function was not answered");
	call(s, &free_all);
	s->uio.gone = false;
	call(s, &nop);
	call(s, &answer);
	if (s->cmds)
		hostile_wrong(s->b, "KRN-111: after a reset %u commands do not come back", s->cmds);
	ringsim_sweep(s->dev);
}

void bench_finish(struct bench *b)
{
	uint32_t i;

	vandal_stop(b);
	if (!b->r->what[0])
		digest(b);
	for (i = 0; i < b->sides && !b->r->what[0]; i++)
		come_home(&b->side[i]);
	b->r->tally.calls += b->calls;
	b->r->tally.programs++;
}
