/* SPDX-License-Identifier: MIT */
/* Completing in another order, or not: one writer, slots, ids. Clauses HND-049 to HND-053. */
#include "work.h"

#include "cdb.h"

#include <ringsim/shm.h>

#define ALL_FLAGS                                                                                  \
	(TCMU_MAILBOX_FLAG_CAP_OOOC | TCMU_MAILBOX_FLAG_CAP_READ_LEN | TCMU_MAILBOX_FLAG_CAP_TMR | \
	 TCMU_MAILBOX_FLAG_CAP_KEEP_BUF)

/* The handler wants another order, the mailbox says @flags. */
static struct target_opts order_opts(struct tc *tc, uint16_t flags)
{
	struct target_opts o = work_opts(8 * 1021, 64);

	o.dev.set_flags = true;
	o.dev.flags = flags;
	o.handler.reorder_seed = tc->seed | 1;
	return o;
}

/* A batch of fast and slow commands; true if they ended in the order of their submission. */
static bool ended_in_order(struct tc *tc, const char *clause, uint32_t n, bool *strict)
{
	struct target_io *ios = tc_alloc(tc, n * sizeof(*ios));
	uint8_t *buf = tc_alloc(tc, 65536);
	struct target_capacity cap;
	uint32_t i;

	if (target_capacity(tc->t, &cap))
		return false;
	target_plug(tc->t);
	for (i = 0; i < n; i++) {
		if (i % 3)
			work_tur(&ios[i]);
		else
			target_io_rw(&ios[i], false, 10, i * 64, 16384 / cap.block_size,
				     cap.block_size, buf);
		target_submit(tc->t, &ios[i]);
	}
	target_unplug(tc->t);
	if (!work_wait_all(tc, clause, ios, n))
		return false;
	*strict = true;
	for (i = 1; i < n; i++)
		*strict = *strict && ios[i - 1].order < ios[i].order;
	return true;
}

static void strict_with(struct tc *tc, uint16_t flags)
{
	struct target_opts o = order_opts(tc, flags);
	uint32_t round;
	bool strict;

	if (target_start(tc->t, &o))
		return;
	for (round = 0; round < 6; round++) {
		if (!ended_in_order(tc, "HND-050", 14, &strict))
			return;
		EXPECT(tc, "HND-050", strict,
		       "mailbox flags 0x%04x without CAP_OOOC: commands ended out of order", flags);
	}
}

static void without_ooo(struct tc *tc)
{
	strict_with(tc, ALL_FLAGS & ~TCMU_MAILBOX_FLAG_CAP_OOOC);
}

static void without_any(struct tc *tc)
{
	strict_with(tc, 0);
}

/* Every flag alone, so that testing the wrong one shows. */
static void each_alone(struct tc *tc)
{
	uint16_t flag;

	for (flag = 2; flag <= 8 && !tc->failed; flag = (uint16_t)(flag * 2))
		strict_with(tc, flag);
}

static void unknown_flags(struct tc *tc)
{
	strict_with(tc, 0xfff0);
	if (!tc->failed)
		strict_with(tc, 0xfffe);
}

/* With the flag any order will do, and unknown bits are nobody's business. */
static void with_ooo(struct tc *tc)
{
	static const uint16_t flags[] = { TCMU_MAILBOX_FLAG_CAP_OOOC, ALL_FLAGS, 0xffff, 0xfff1 };
	struct work_cfg cfg = { .clause = "HND-051", .lanes = 16 };
	struct target_opts o;
	struct work w;
	unsigned int i;

	for (i = 0; i < 4 && !tc->failed; i++) {
		o = order_opts(tc, flags[i]);
		if (!target_start(tc->t, &o) && work_start(&w, tc, &cfg))
			work_run(&w, 120);
	}
}

/* Every answer is in another command's slot. */
static void reorders(struct tc *tc)
{
	struct target_opts o = order_opts(tc, ALL_FLAGS);
	bool strict, all_strict = true;
	uint32_t round;

	if (target_start(tc->t, &o))
		return;
	for (round = 0; round < 10; round++) {
		if (!ended_in_order(tc, "HND-051", 14, &strict))
			return;
		all_strict = all_strict && strict;
	}
	if (all_strict)
		tc_skip(tc, "the handler completes in order even when it may choose");
}

/* Slots of different lengths are swapped; each step is the slot's own. */
static void slot_lengths(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-051", .lanes = 24, .plug = 2, .raw = 5 };
	struct target_opts o = order_opts(tc, ALL_FLAGS);
	struct work w;

	o.dev.geo.cmdr_size = 8 * 1499;
	o.dev.geo.data_blocks = 200;
	if (target_start(tc->t, &o) || !work_fragment_every(tc, 96))
		return;
	if (work_start(&w, tc, &cfg))
		work_run(&w, 600);
}

/* Each answer carries the id of its command, whatever the slot had: results differ per command. */
static void ids_and_results(struct tc *tc)
{
	struct target_opts o = order_opts(tc, ALL_FLAGS);
	struct target_io *ios = tc_alloc(tc, 15 * sizeof(*ios));
	struct target_capacity cap;
	uint8_t *buf = tc_alloc(tc, 15 * 4096);
	uint32_t round, i;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	for (round = 0; round < 12; round++) {
		target_plug(tc->t);
		for (i = 0; i < 15; i++) {
			if (i % 3 == 0)
				work_tur(&ios[i]);
			else if (i % 3 == 1)
				cdb_none(&ios[i], 0xc0);
			else
				target_io_rw(&ios[i], false, 16, cap.blocks, 1, cap.block_size,
					     buf + i * 4096);
			target_submit(tc->t, &ios[i]);
		}
		target_unplug(tc->t);
		if (!work_wait_all(tc, "HND-051", ios, 15))
			return;
		for (i = 0; i < 15; i++) {
			EXPECT_EQ(tc, "HND-051", "status", i % 3 ? 2 : 0, ios[i].status);
			if (i % 3)
				EXPECT_EQ(tc, "HND-051", "ASC and ASCQ",
					  i % 3 == 1 ? 0x2000 : 0x2100, sense_asc(ios[i].sense));
		}
	}
}

/* Ring bytes of commands that are still being executed are used again. */
struct refill {
	struct work *w;
	uint32_t left;
};

static void refill_at(struct target *t, void *ctx, enum consumer_step step)
{
	struct refill *r = ctx;

	(void)t;
	if (step != CONSUMER_STEP_DOORBELL && step != CONSUMER_STEP_TAIL)
		return;
	if (!r->left || !work_collect(r->w))
		return;
	r->left--;
	work_issue(r->w, 3);
}

static void bytes_reused(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-052", .lanes = 12, .max_blocks = 64 };
	struct target_opts o = work_opts(8 * 257, 160);
	struct refill r = { .left = 300 };
	struct work w;

	o.reclaim = RECLAIM_ASYNC;
	o.handler.reorder_seed = tc->seed | 1;
	if (target_start(tc->t, &o) || !work_fragment_every(tc, 40) || !work_start(&w, tc, &cfg))
		return;
	r.w = &w;
	target_on_step(tc->t, refill_at, &r);
	work_run(&w, 500);
}

/* Fast failures go past slow transfers; any handler may do so if it wants. */
static void fast_past_slow(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 127, 64);
	struct target_io *ios = tc_alloc(tc, 6 * sizeof(*ios));
	struct target_capacity cap;
	uint32_t i, round, n = 32 * 1024;
	uint8_t *out = tc_alloc(tc, n), *in = tc_alloc(tc, n);

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	tc_fill(tc, out, n, 7);
	target_io_rw(&ios[0], true, 10, 5, n / cap.block_size, cap.block_size, out);
	EXPECT_GOOD(tc, "HND-052", &ios[0]);
	for (round = 0; round < 20; round++) {
		memset(in, 0, n);
		target_io_rw(&ios[0], false, 10, 5, n / cap.block_size, cap.block_size, in);
		target_submit(tc->t, &ios[0]);
		for (i = 1; i < 6; i++) {
			cdb_none(&ios[i], i % 2 ? 0xc0 : OP_TEST_UNIT_READY);
			target_submit(tc->t, &ios[i]);
		}
		if (!work_wait_all(tc, "HND-052", ios, 6))
			return;
		EXPECT_EQ(tc, "HND-052", "status of the slow command", 0, ios[0].status);
		EXPECT_MEM(tc, "HND-052", "data of the slow command", out, in, n);
	}
}

static void exactly_once(struct tc *tc, bool reorder)
{
	struct work_cfg cfg = { .clause = "HND-053", .lanes = 30, .tmr = 5, .raw = 6 };
	struct target_opts o = work_opts(8 * 1021, 64);
	struct ringsim_stats st;
	struct work w;

	o.dev.tmr_notification = true;
	if (reorder)
		o.handler.reorder_seed = tc->seed | 1;
	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg) || !work_run(&w, 500))
		return;
	target_settle(tc->t);
	if (!target_stats(tc->t, &st))
		return;
	EXPECT(tc, "HND-053", !st.broken, "an id was completed that nobody waits for");
	EXPECT_EQ(tc, "HND-053", "commands that ended", w.issued, w.ended);
	EXPECT_EQ(tc, "HND-053", "commands in flight", 0, st.inflight);
	EXPECT_EQ(tc, "HND-053", "cmd_tail", st.head, st.tail);
}

static void once_as_it_comes(struct tc *tc)
{
	exactly_once(tc, false);
}

static void once_reordered(struct tc *tc)
{
	exactly_once(tc, true);
}

/* More commands in flight than any small table of ids could hold, each with its own result. */
static void many_ids(struct tc *tc)
{
	enum { N = 4500 };
	struct target_opts o = work_opts(0, 16);
	struct target_io *ios = tc_alloc(tc, N * sizeof(*ios));
	struct ringsim_stats st;
	uint32_t i;

	o.dev.geo.ring_mb = 1;
	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	target_freeze(tc->t);
	for (i = 0; i < N; i++) {
		cdb_none(&ios[i], i % 3 ? OP_TEST_UNIT_READY : 0xc0);
		target_submit(tc->t, &ios[i]);
	}
	target_thaw(tc->t);
	if (!work_wait_all(tc, "HND-053", ios, N))
		return;
	for (i = 0; i < N; i++)
		EXPECT(tc, "HND-053", ios[i].status == (i % 3 ? 0 : 2),
		       "id %u: expected status %u, found 0x%02x", ios[i].id, i % 3 ? 0 : 2,
		       ios[i].status);
	target_settle(tc->t);
	if (!target_stats(tc->t, &st))
		return;
	EXPECT_EQ(tc, "HND-053", "commands in flight", 0, st.inflight);
}

/* How far the tail went in all, one way only. */
struct travel {
	struct tc *tc;
	uint32_t last;
	uint64_t bytes;
};

static void measure(struct target *t, void *ctx, enum consumer_step step)
{
	uint32_t size = target_layout(t)->cmdr_size;
	struct travel *s = ctx;
	uint32_t tail = seat_tail(t), head = seat_head(t);

	if (step != CONSUMER_STEP_TAIL)
		return;
	if ((tail + size - s->last) % size > (head + size - s->last) % size)
		tc_fail(s->tc, "HND-049", "cmd_tail went from %u back to %u", s->last, tail);
	s->bytes += (tail + size - s->last) % size;
	s->last = tail;
}

static void one_writer(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-049", .lanes = 64, .max_blocks = 32 };
	struct target_opts o = work_opts(8 * 2039, 400);
	struct travel s = { .tc = tc };
	struct work w;

	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg))
		return;
	s.last = seat_tail(tc->t);
	target_on_step(tc->t, measure, &s);
	if (!work_run(&w, 600))
		return;
	EXPECT(tc, "HND-049", s.bytes >= 600 * 120, "the tail went %llu bytes for %llu commands",
	       (unsigned long long)s.bytes, (unsigned long long)w.issued);
	EXPECT_EQ(tc, "HND-049", "cmd_tail", seat_head(tc->t), seat_tail(tc->t));
}

/* The same for handlers that can only be seen from outside. */
static void one_writer_outside(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-049", .lanes = 64, .max_blocks = 16, .plug = 2 };
	struct target_opts o = work_opts(8 * 2039, 300);
	struct work w;

	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg) || !work_run(&w, 500))
		return;
	EXPECT_EQ(tc, "HND-049", "cmd_tail", seat_head(tc->t), seat_tail(tc->t));
}

static const struct case_def rows[] = {
	{ "hnd.049.one-writer", "HND-049 HND-040", CLAUSE_MUST, NEEDS_INPROC,
	  "64 commands in flight, the tail only goes forward", one_writer },
	{ "hnd.049.outside", "HND-049 HND-053", CLAUSE_MUST, 0, "64 commands in flight",
	  one_writer_outside },
	{ "hnd.050.without", "HND-050 DIS-02 DIS-17", CLAUSE_MUST, 0,
	  "without CAP_OOOC the order is strict", without_ooo },
	{ "hnd.050.without-any", "HND-050 DIS-02", CLAUSE_MUST, 0,
	  "without any flag the order is strict", without_any },
	{ "hnd.050.each-alone", "HND-050 DIS-02", CLAUSE_MUST, 0,
	  "no other flag permits another order", each_alone },
	{ "hnd.050.unknown-flags", "HND-050 DIS-02", CLAUSE_MUST, 0, "unknown flags mean nothing",
	  unknown_flags },
	{ "hnd.050.with", "HND-050 HND-051 DIS-02 DIS-17", CLAUSE_MUST, 0,
	  "with CAP_OOOC any order is right", with_ooo },
	{ "hnd.051.reorders", "HND-051 DIS-17", CLAUSE_MUST, NEEDS_INPROC,
	  "commands do end in another order", reorders },
	{ "hnd.051.slot-lengths", "HND-051 HND-012", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "slots of all lengths change hands", slot_lengths },
	{ "hnd.051.results", "HND-051 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "each command gets its own result", ids_and_results },
	{ "hnd.052.bytes-reused", "HND-052 HND-039", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "ring bytes are used again while commands run", bytes_reused },
	{ "hnd.052.fast-past-slow", "HND-052 HND-030", CLAUSE_MUST, 0,
	  "failures overtake transfers", fast_past_slow },
	{ "hnd.053.once", "HND-053", CLAUSE_MUST, 0, "every command ends once", once_as_it_comes },
	{ "hnd.053.many-ids", "HND-053 HND-051", CLAUSE_MUST, 0, "4500 commands in flight",
	  many_ids },
	{ "hnd.053.once-reordered", "HND-053 HND-051", CLAUSE_MUST, NEEDS_INPROC,
	  "every command ends once, in any order", once_reordered },
};
CASE_TABLE(cases_order);
