/* SPDX-License-Identifier: MIT */
/* Entries that are no commands: unknown opcodes and TMRs. Clauses HND-015 and HND-016. */
#include "work.h"

#include "cdb.h"

#include <ringsim/shm.h>

#define FLAG_OF_SOMEONE_ELSE 0x80

/* One unknown entry with a command in front and one behind. */
static void unknown(struct tc *tc, unsigned int op, uint32_t len, uint8_t fill)
{
	uint64_t at = target_layout(tc->t)->cmdr_off;
	uint8_t *region = seat_region(tc->t), *want = tc_alloc(tc, len);
	struct target_io before, behind;
	struct ringsim_entry e;
	uint32_t i = 0;

	target_freeze(tc->t);
	work_tur(&before);
	target_submit(tc->t, &before);
	EXPECT_EQ(tc, "HND-015", "room for the entry", 0,
		  ringsim_put_raw(target_device(tc->t), op, len, fill));
	work_tur(&behind);
	target_submit(tc->t, &behind);
	while (ringsim_entry_at(target_device(tc->t), i, &e) && e.op != op)
		i++;
	at += e.off;
	/* a bit that is set already stays: the flag is or-ed in */
	shm_store8(region, at + RINGSIM_OFF_UFLAGS, FLAG_OF_SOMEONE_ELSE);
	memcpy(want, region + at, len);
	want[RINGSIM_OFF_UFLAGS] |= TCMU_UFLAG_UNKNOWN_OP;
	target_thaw(tc->t);
	EXPECT(tc, "HND-015", !target_wait(tc->t, &before) && !target_wait(tc->t, &behind),
	       "a command around an entry with opcode %u of %u bytes never ended", op, len);
	EXPECT_EQ(tc, "HND-015", "status of the command behind it", 0, behind.status);
	EXPECT(tc, "HND-015", region[at + RINGSIM_OFF_UFLAGS] & TCMU_UFLAG_UNKNOWN_OP,
	       "opcode %u: UNKNOWN_OP is not set in uflags", op);
	EXPECT_MEM(tc, "HND-015", "entry of unknown opcode", want, region + at, len);
}

static void unknown_each(struct tc *tc)
{
	static const uint32_t lens[] = { 8, 16, 40, 112, 120, 128, 1000, 4088 };
	struct target_opts o = work_opts(8 * 2039, 8);
	unsigned int op, i;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	for (op = 3; op <= 7; op++)
		for (i = 0; i < 8 && !tc->failed; i++)
			unknown(tc, op, lens[i], (uint8_t)(0x81 + 0x7e * (i & 1)));
}

/* Flush with the end, and behind a PAD. */
static void unknown_at_end(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	uint32_t len;

	for (len = 8; len <= 128 && !tc->failed; len += 24) {
		o.dev.start = (1u << 20) - 128 - 120 - len;
		if (target_start(tc->t, &o))
			return;
		target_settle(tc->t);
		unknown(tc, 3 + len / 24 % 5, len, 0xff);
		if (!tc->failed)
			EXPECT_EQ(tc, "HND-015", "cmd_tail", 120, seat_tail(tc->t));
		o.dev.start = (1u << 20) - 128 - 120 - 8;
		if (target_start(tc->t, &o))
			return;
		target_settle(tc->t);
		unknown(tc, 7, len + 8, 0x5a);
	}
}

static void unknown_only(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 151, 8);
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 40; i++) {
		target_settle(tc->t);
		EXPECT_EQ(tc, "HND-044", "room for another entry (reclaimed?)", 0,
			  ringsim_put_raw(target_device(tc->t), 3 + i % 5, 8 * (1 + i % 17),
					  (uint8_t)i));
	}
	target_settle(tc->t);
	EXPECT_EQ(tc, "HND-044", "cmd_tail", seat_head(tc->t), seat_tail(tc->t));
}

static void unknown_in_load(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-015", .lanes = 12, .raw = 1, .plug = 3 };
	struct target_opts o = work_opts(8 * 509, 32);
	struct work w;

	if (!target_start(tc->t, &o) && work_start(&w, tc, &cfg))
		work_run(&w, 400);
}

static struct target_opts tmr_opts(void)
{
	struct target_opts o = TARGET_OPTS;

	o.dev.tmr_notification = true;
	o.handler.wce = true;
	return o;
}

/* @n commands, a TMR that aborts them all, one more command. */
static void abort_all(struct tc *tc, uint32_t n, uint8_t type)
{
	struct target_io *ios = tc_alloc(tc, (n + 1) * sizeof(*ios)), **list;
	uint32_t i, done = target_tmr_done(tc->t);

	list = tc_alloc(tc, (n + 1) * sizeof(*list));
	target_settle(tc->t);
	target_freeze(tc->t);
	for (i = 0; i <= n; i++) {
		if (i == n)
			target_tmr(tc->t, type, list, n);
		work_tur(&ios[i]);
		list[i] = &ios[i];
		target_submit(tc->t, &ios[i]);
	}
	target_thaw(tc->t);
	if (!work_wait_all(tc, "HND-016", ios, n + 1))
		return;
	EXPECT_EQ(tc, "HND-016", "task-management functions answered", done + 1,
		  target_tmr_done(tc->t));
	EXPECT_EQ(tc, "HND-016", "status of the command behind the TMR", 0, ios[n].status);
	for (i = 0; i < n; i++)
		EXPECT_EQ(tc, "HND-016", "outcome of an aborted command", RINGSIM_ABORTED,
			  ios[i].outcome);
}

static void tmr_lengths(struct tc *tc)
{
	static const uint32_t counts[] = { 0, 1, 4, 5, 8, 9, 40, 41, 150, 0 };
	struct target_opts o = tmr_opts();
	struct ringsim_stats st;
	unsigned int i;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 10 && !tc->failed; i++)
		abort_all(tc, counts[i], TCMU_TMR_LUN_RESET);
	if (!target_stats(tc->t, &st))
		return;
	if (!tc->failed)
		EXPECT_EQ(tc, "HND-016", "TMR entries made", 10, st.tmr_entries);
}

static void tmr_types(struct tc *tc)
{
	static const uint8_t types[] = { 0, 1, 2, 3, 4, 5, 6, 7, 128, 255 };
	struct target_opts o = tmr_opts();
	unsigned int i;

	o.dev.geo.cmdr_size = 8 * 293;
	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < sizeof(types) && !tc->failed; i++)
		abort_all(tc, i % 4, types[i]);
}

/* 32 bytes and then the data area: a response would land in somebody's data. */
static void tmr_at_end(struct tc *tc)
{
	struct target_opts o = tmr_opts();
	uint32_t n;

	for (n = 0; n <= 9 && !tc->failed; n += 3) {
		o.dev.start = (1u << 20) - 128 - n * 120 - ringsim_tmr_len(n);
		if (target_start(tc->t, &o))
			return;
		abort_all(tc, n, TCMU_TMR_ABORT_TASK);
		if (!tc->failed)
			EXPECT_EQ(tc, "HND-016", "cmd_tail", 120, seat_tail(tc->t));
	}
}

/* The TMR itself needs a PAD of 8 to 24 bytes. */
static void tmr_behind_pad(struct tc *tc)
{
	struct target_opts o = tmr_opts();
	uint32_t n;

	for (n = 0; n <= 6 && !tc->failed; n += 2) {
		o.dev.start = (1u << 20) - 128 - n * 120 - 8 * (1 + n / 2 % 3);
		if (target_start(tc->t, &o))
			return;
		abort_all(tc, n, TCMU_TMR_LUN_RESET_PRO);
		if (!tc->failed)
			EXPECT_EQ(tc, "HND-016", "cmd_tail", ringsim_tmr_len(n) + 120,
				  seat_tail(tc->t));
	}
}

static void tmr_only(struct tc *tc)
{
	struct target_opts o = tmr_opts();
	struct ringsim_stats st;
	uint32_t i;

	o.dev.geo.cmdr_size = 8 * 67;
	o.near = true;
	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 50; i++) {
		target_tmr(tc->t, TCMU_TMR_ABORT_TASK, NULL, 0);
		target_settle(tc->t);
		if (target_stats(tc->t, &st))
			EXPECT_EQ(tc, "HND-044", "reclaim pointer after a TMR alone", st.head,
				  st.reclaim);
	}
}

struct late_tmr {
	struct target_io **list;
	uint32_t n;
	int at;
	bool sent;
};

static void tmr_at_step(struct target *t, void *ctx, enum consumer_step step)
{
	struct late_tmr *l = ctx;

	if (l->sent || (int)step != l->at)
		return;
	l->sent = true;
	target_tmr(t, TCMU_TMR_LUN_RESET, l->list, l->n);
}

/* The ids in the list were answered, and the kernel has not looked yet. */
static void tmr_too_late(struct tc *tc, int at)
{
	struct target_opts o = tmr_opts();
	struct target_io *ios = tc_alloc(tc, 6 * sizeof(*ios)), *list[6];
	struct late_tmr l = { .list = list, .n = 6, .at = at };
	uint32_t i, round;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	target_on_step(tc->t, tmr_at_step, &l);
	for (round = 0; round < 8; round++) {
		for (i = 0; i < 6; i++) {
			work_tur(&ios[i]);
			list[i] = &ios[i];
			target_submit(tc->t, &ios[i]);
		}
		l.sent = false;
		if (!work_wait_all(tc, "HND-016", ios, 6))
			return;
		target_settle(tc->t);
		EXPECT_EQ(tc, "HND-016", "task-management functions answered", round + 1,
			  target_tmr_done(tc->t));
	}
}

static void tmr_after_answer(struct tc *tc)
{
	tmr_too_late(tc, CONSUMER_STEP_RSP);
	if (!tc->failed)
		tmr_too_late(tc, CONSUMER_STEP_TAIL);
}

static void tmr_during_fetch(struct tc *tc)
{
	tmr_too_late(tc, CONSUMER_STEP_HEAD);
}

/* Aborted while they wait for their turn to be completed out of order. */
static void tmr_reordered(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-016", .lanes = 20, .tmr = 2 };
	struct target_opts o = tmr_opts();
	struct work w;

	o.dev.geo.cmdr_size = 8 * 1021;
	o.handler.reorder_seed = tc->seed | 1;
	if (!target_start(tc->t, &o) && work_start(&w, tc, &cfg))
		work_run(&w, 500);
}

/*
 * Commands that all want the same block, so that a handler may have them waiting when the notice
 * comes. Those that it lists may or may not be executed; the others must be.
 */
static void tmr_of_some(struct tc *tc)
{
	static const uint8_t types[] = { TCMU_TMR_ABORT_TASK, TCMU_TMR_ABORT_TASK_SET,
					 TCMU_TMR_CLEAR_TASK_SET, TCMU_TMR_LUN_RESET, 0 };
	enum { N = 9 };
	struct target_opts o = tmr_opts();
	struct target_io *ios = tc_alloc(tc, N * sizeof(*ios)), *list[2];
	struct target_capacity cap;
	struct ringsim_stats st;
	uint32_t i, round, bs;
	uint8_t *same;

	o.medium = MEDIUM_SLOW;
	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	bs = cap.block_size;
	same = tc_alloc(tc, 2 * bs);
	for (round = 0; round < 20; round++) {
		target_settle(tc->t);
		target_freeze(tc->t);
		for (i = 0; i < N; i++) {
			if (i % 4 == 3)
				target_io_rw(&ios[i], true, 10, 7, 1, bs, same);
			else
				cdb_caw(&ios[i], 7, 1, same, 2 * bs);
			target_submit(tc->t, &ios[i]);
		}
		list[0] = &ios[1 + round % 5];
		list[1] = &ios[6 + round % 3];
		target_tmr(tc->t, types[round % 5], list, round % 3);
		target_thaw(tc->t);
		if (!work_wait_all(tc, "HND-016", ios, N))
			return;
		for (i = 0; i < N; i++)
			if ((round % 3 < 1 || list[0] != &ios[i]) &&
			    (round % 3 < 2 || list[1] != &ios[i]))
				EXPECT(tc, "HND-016", ios[i].status == 0,
				       "id %u was not listed in the TMR: expected GOOD, found "
				       "0x%02x",
				       ios[i].id, ios[i].status);
		target_settle(tc->t);
		ringsim_stats(target_device(tc->t), &st);
		EXPECT_EQ(tc, "HND-016", "commands that were never completed", 0,
			  st.inflight + st.expired);
	}
}

/* X to Y, then Y to Z: where the second has not begun when it is aborted, Y remains. */
static void tmr_cancels(struct tc *tc)
{
	struct target_opts o = tmr_opts();
	struct target_io first, second, *list = &second;
	struct target_capacity cap;
	uint8_t *data, *in;
	uint32_t round, bs;

	o.medium = MEDIUM_SLOW;
	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	bs = cap.block_size;
	data = tc_alloc(tc, 3 * bs);
	in = tc_alloc(tc, bs);
	for (round = 0; round < 10; round++) {
		tc_fill(tc, data, 3 * bs, round);
		target_io_rw(&first, true, 10, 7, 1, bs, data);
		EXPECT_GOOD(tc, "HND-016", &first);
		target_settle(tc->t);
		target_freeze(tc->t);
		cdb_caw(&first, 7, 1, data, 2 * bs);
		target_submit(tc->t, &first);
		cdb_caw(&second, 7, 1, data + bs, 2 * bs);
		target_submit(tc->t, &second);
		target_tmr(tc->t, TCMU_TMR_ABORT_TASK, &list, 1);
		target_thaw(tc->t);
		EXPECT(tc, "HND-016", !target_wait(tc->t, &first) && !target_wait(tc->t, &second),
		       "a command never ended");
		target_io_rw(&first, false, 10, 7, 1, bs, in);
		EXPECT_GOOD(tc, "HND-016", &first);
		EXPECT_MEM(tc, "HND-016", "block of a command that was aborted before it began",
			   data + bs, in, bs);
	}
}

/* After the @at-th doorbell, everything that is still under way is aborted. */
struct midway {
	struct target_io *ios;
	uint32_t n, at;
};

static void tmr_midway(struct target *t, void *ctx, enum consumer_step step)
{
	struct midway *m = ctx;
	struct target_io *list[16];
	uint32_t i, n = 0;

	if (step != CONSUMER_STEP_DOORBELL || !m->at || --m->at)
		return;
	for (i = 0; i < m->n; i++)
		if (!m->ios[i].done)
			list[n++] = &m->ios[i];
	target_tmr(t, TCMU_TMR_LUN_RESET, list, n);
}

/* Commands get their turn at the block that they wait for just when they are aborted. */
static void tmr_at_the_turn(struct tc *tc)
{
	enum { N = 8 };
	struct target_opts o = tmr_opts();
	struct target_io *ios = tc_alloc(tc, N * sizeof(*ios));
	struct midway m = { .ios = ios, .n = N };
	struct target_capacity cap;
	struct ringsim_stats st;
	uint32_t i, round;
	uint8_t *same;

	o.medium = MEDIUM_SLOW;
	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	same = tc_alloc(tc, 2 * cap.block_size);
	target_on_step(tc->t, tmr_midway, &m);
	for (round = 0; round < 30; round++) {
		target_settle(tc->t);
		target_freeze(tc->t);
		for (i = 0; i < N; i++) {
			cdb_caw(&ios[i], 7, 1, same, 2 * cap.block_size);
			target_submit(tc->t, &ios[i]);
		}
		m.at = 1 + round % 5;
		target_thaw(tc->t);
		if (!work_wait_all(tc, "HND-016", ios, N))
			return;
		target_settle(tc->t);
		ringsim_stats(target_device(tc->t), &st);
		EXPECT_EQ(tc, "HND-053", "commands that were never completed", 0,
			  st.inflight + st.expired);
	}
}

/* Their data is on its way to or from the medium. */
static void tmr_slow(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-016", .lanes = 20, .tmr = 2 };
	struct target_opts o = tmr_opts();
	struct work w;

	o.dev.geo.cmdr_size = 8 * 1021;
	o.medium = MEDIUM_SLOW;
	if (!target_start(tc->t, &o) && work_start(&w, tc, &cfg))
		work_run(&w, 300);
}

static void tmr_in_load(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-016", .lanes = 20, .tmr = 2, .plug = 4 };
	struct target_opts o = tmr_opts();
	struct work w;

	o.dev.geo.cmdr_size = 8 * 509;
	if (!target_start(tc->t, &o) && work_start(&w, tc, &cfg))
		work_run(&w, 400);
}

static const struct case_def rows[] = {
	{ "hnd.015.each", "HND-015 DIS-04", CLAUSE_MUST, 0,
	  "opcodes 3 to 7 of many lengths: UNKNOWN_OP or-ed in, nothing else stored",
	  unknown_each },
	{ "hnd.015.at-end", "HND-015 HND-014 DIS-04", CLAUSE_MUST, 0,
	  "unknown opcodes at the ring's end and behind a PAD", unknown_at_end },
	{ "hnd.015.only", "HND-015 HND-044", CLAUSE_SHOULD, 0,
	  "unknown opcodes alone are passed and announced", unknown_only },
	{ "hnd.015.in-load", "HND-015", CLAUSE_MUST, 0, "unknown opcodes between commands",
	  unknown_in_load },
	{ "hnd.016.lengths", "HND-016 DIS-03", CLAUSE_MUST, 0, "TMRs with 0 to 150 ids",
	  tmr_lengths },
	{ "hnd.016.types", "HND-016 DIS-03", CLAUSE_MUST, 0, "TMRs of all types, and of none",
	  tmr_types },
	{ "hnd.016.at-end", "HND-016 HND-014", CLAUSE_MUST, 0,
	  "TMRs that end flush with the ring, data area behind", tmr_at_end },
	{ "hnd.016.behind-pad", "HND-016 HND-013", CLAUSE_MUST, 0, "TMRs behind a PAD",
	  tmr_behind_pad },
	{ "hnd.016.only", "HND-016 HND-044", CLAUSE_SHOULD, 0,
	  "TMRs alone are passed and announced", tmr_only },
	{ "hnd.016.after-answer", "HND-016 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "ids that are answered but not reclaimed yet", tmr_after_answer },
	{ "hnd.016.during-fetch", "HND-016 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "a TMR that comes while its commands are being fetched", tmr_during_fetch },
	{ "hnd.016.reordered", "HND-016 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "aborted commands that are completed out of order", tmr_reordered },
	{ "hnd.016.of-some", "HND-016 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "a TMR is about the commands that it lists", tmr_of_some },
	{ "hnd.016.cancels", "HND-016", CLAUSE_SHOULD, NEEDS_INPROC,
	  "a command that has not begun when it is aborted is not executed", tmr_cancels },
	{ "hnd.016.at-the-turn", "HND-016 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "commands are aborted just when they may begin", tmr_at_the_turn },
	{ "hnd.016.slow", "HND-016 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "commands are aborted while the medium works on them", tmr_slow },
	{ "hnd.016.in-load", "HND-016 HND-053 DIS-03", CLAUSE_MUST, 0,
	  "TMRs between commands of all kinds", tmr_in_load },
};
CASE_TABLE(cases_opcode);
