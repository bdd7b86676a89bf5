/* SPDX-License-Identifier: MIT */
/*
 * Answers that come late: operations that the medium ends long after the drain, more commands than
 * the handler has slots, a device that goes away half-way. Clauses HND-038, HND-039, HND-043 to
 * HND-045, HND-050, HND-053 and HND-060.
 */
#include "work.h"

#include "cdb.h"

static struct target_opts slow_opts(uint32_t cmdr_size, uint32_t blocks)
{
	struct target_opts o = work_opts(cmdr_size, blocks);

	o.medium = MEDIUM_SLOW;
	return o;
}

static void load(struct tc *tc, const struct target_opts *o, const char *clause, uint32_t lanes)
{
	struct work_cfg cfg = { .clause = clause, .lanes = lanes, .max_blocks = 24, .plug = 4 };
	struct ringsim_stats st;
	struct work w;

	if (target_start(tc->t, o) || !work_start(&w, tc, &cfg) || !work_run(&w, 400) ||
	    !work_read_back(&w))
		return;
	target_settle(tc->t);
	ringsim_stats(target_device(tc->t), &st);
	EXPECT_EQ(tc, clause, "commands in flight", 0, st.inflight);
	EXPECT_EQ(tc, clause, "reclaim pointer", st.head, st.reclaim);
}

/* Nothing but the medium wakes the handler: what ends then is published and announced then. */
static void slow(struct tc *tc)
{
	struct target_opts o = slow_opts(8 * 1021, 200);

	load(tc, &o, "HND-044", 20);
}

static void slow_async(struct tc *tc)
{
	struct target_opts o = slow_opts(8 * 509, 100);

	o.reclaim = RECLAIM_ASYNC;
	load(tc, &o, "HND-038", 16);
}

static void slow_in_order(struct tc *tc)
{
	struct target_opts o = work_in_order(8 * 509, 100);

	o.medium = MEDIUM_SLOW;
	load(tc, &o, "HND-050", 16);
}

/* The medium takes fewer operations than the handler takes commands. */
static void slow_crowd(struct tc *tc)
{
	struct target_opts o = slow_opts(8 * 4001, 400);

	load(tc, &o, "HND-053", 120);
}

/* One event for @n transfers. */
static void batch(struct tc *tc, const struct target_opts *o, const char *clause, uint32_t n)
{
	struct target_io *ios = tc_alloc(tc, n * sizeof(*ios));
	struct target_capacity cap;
	uint8_t *buf;
	uint32_t i;

	if (target_start(tc->t, o) || target_capacity(tc->t, &cap))
		return;
	buf = tc_alloc(tc, (size_t)n * cap.block_size);
	target_settle(tc->t);
	target_plug(tc->t);
	for (i = 0; i < n; i++) {
		target_io_rw(&ios[i], i % 2, 10, 3 * i, 1, cap.block_size,
			     buf + (size_t)i * cap.block_size);
		target_submit(tc->t, &ios[i]);
	}
	target_unplug(tc->t);
	if (!work_wait_all(tc, clause, ios, n))
		return;
	for (i = 0; i < n; i++)
		EXPECT_EQ(tc, clause, "status", 0, ios[i].status);
}

/* As many as the handler's own store can be given at once. */
static void crowd(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 4001, 400);

	batch(tc, &o, "HND-053", 126);
	if (!tc->failed)
		load(tc, &o, "HND-053", 120);
}

/* One event, and more commands than the handler can hold at once. */
static void more_than_slots(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 2039, 60);

	o.handler.depth = 3;
	o.handler.reorder_seed = tc->seed | 1;
	batch(tc, &o, "HND-043", 50);
	o = slow_opts(8 * 2039, 60);
	o.handler.depth = 1;
	if (!tc->failed)
		batch(tc, &o, "HND-043", 50);
}

/* Time-outs pass while the medium works; the slots come back all the same. */
static void slow_expired(struct tc *tc)
{
	enum { N = 20 };
	struct target_opts o = slow_opts(8 * 1021, 200);
	struct target_io *ios = tc_alloc(tc, N * sizeof(*ios));
	uint8_t *buf = tc_alloc(tc, N * 8192);
	struct target_capacity cap;
	struct ringsim_stats st;
	uint32_t i, round;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	for (round = 0; round < 6; round++) {
		target_settle(tc->t);
		for (i = 0; i < N; i++) {
			target_io_rw(&ios[i], i % 3 == 0, 10, 16 * i, 8192 / cap.block_size,
				     cap.block_size, buf + i * 8192);
			target_submit(tc->t, &ios[i]);
		}
		for (i = 0; i < round; i++)
			target_turn(tc->t);
		target_advance(tc->t, 31000);
		memset(buf, 0xa5, N * 8192);
		target_settle(tc->t);
		for (i = 0; i < N * 8192; i++)
			EXPECT(tc, "HND-060", buf[i] == 0xa5, "late data reached the initiator");
		ringsim_stats(target_device(tc->t), &st);
		EXPECT_EQ(tc, "HND-060", "commands that were never completed", 0,
			  st.inflight + st.expired);
		EXPECT_EQ(tc, "HND-060", "data blocks in use", 0, st.blocks_used);
	}
}

/* What the handler does after the first doorbell that was refused. */
struct refused {
	bool rang;
	uint32_t reads;
};

static void go_away(struct target *t, void *ctx, enum consumer_step step)
{
	struct refused *r = ctx;

	if (step == CONSUMER_STEP_RSP)
		target_faults(t)->gone = true;
	if (step == CONSUMER_STEP_DOORBELL && target_faults(t)->gone)
		r->rang = true;
	else if (step == CONSUMER_STEP_READ && r->rang)
		r->reads++;
}

/* The device goes away with an answer half written: the doorbell is the first to hear of it. */
static void gone_mid_drain(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 8);
	struct refused r = { 0 };
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	work_tur(&io);
	target_submit(tc->t, &io);
	target_on_step(tc->t, go_away, &r);
	target_settle(tc->t);
	EXPECT(tc, "HND-045", r.rang, "no doorbell");
	EXPECT_EQ(tc, "HND-045", "the handler's verdict on EINVAL", -EIO,
		  target_step_status(tc->t));
	EXPECT_EQ(tc, "HND-045", "times that the device was read after it had refused a doorbell",
		  0, r.reads);
}

static const struct case_def rows[] = {
	{ "hnd.044.slow", "HND-044 HND-042 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "answers are announced when they come, not when an event does", slow },
	{ "hnd.038.slow", "HND-038 HND-039", CLAUSE_MUST, NEEDS_INPROC,
	  "data that comes late is there before the tail", slow_async },
	{ "hnd.050.slow", "HND-050 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "without CAP_OOOC operations may overlap, answers may not", slow_in_order },
	{ "hnd.053.slow-crowd", "HND-053 HND-060", CLAUSE_MUST, NEEDS_INPROC,
	  "more operations than the medium takes", slow_crowd },
	{ "hnd.053.crowd", "HND-053 HND-060", CLAUSE_MUST, 0, "120 commands side by side", crowd },
	{ "hnd.043.more-than-slots", "HND-043 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "one event for more commands than the handler can hold", more_than_slots },
	{ "hnd.060.slow", "HND-060 DIS-09", CLAUSE_MUST, NEEDS_INPROC,
	  "commands expire while the medium works on them", slow_expired },
	{ "hnd.045.gone-mid-drain", "HND-045 HND-047", CLAUSE_MUST, NEEDS_INPROC,
	  "a refused doorbell means that the device is gone", gone_mid_drain },
};
CASE_TABLE(cases_late);
