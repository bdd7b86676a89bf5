/* SPDX-License-Identifier: MIT */
/*
 * Task management as both targets show it: ABORT TASK and LOGICAL UNIT RESET.
 * Clauses: KRN-100 to KRN-104, LAY-040; TRP-39, TRP-56.
 */
#include "krn.h"

#include "cdb.h"

static bool start(struct tc *tc, bool on, uint32_t cmd_s)
{
	struct target_opts o = krn_opts();

	o.dev.tmr_notification = on;
	o.dev.cmd_time_out_s = cmd_s;
	return !tc->failed && !target_start(tc->t, &o);
}

/* The TMR entry at ring offset @off: type, and these ids in any order. */
static void tmr_is(struct tc *tc, const char *clause, uint32_t off, uint8_t type,
		   const uint16_t *ids, uint32_t n)
{
	uint32_t len = 32 + (2 * n + 7) / 8 * 8, i, k;
	uint8_t want[32] = { 0 };
	struct seat_entry e;

	if (tc->failed)
		return;
	want[0] = (uint8_t)(len | TCMU_OP_TMR);
	want[8] = type;
	want[12] = (uint8_t)n;
	EXPECT_MEM(tc, clause, "TMR entry", want, seat_region(tc->t) + 128 + off, 32);
	seat_entry(tc->t, off, &e);
	for (i = 0; i < n; i++) {
		for (k = 0; k < n && e.cmd_ids[k] != ids[i]; k++)
			;
		EXPECT(tc, clause, k < n, "id %u is not listed", ids[i]);
	}
	for (k = 32 + 2 * n; k < len; k++)
		EXPECT_EQ(tc, "LAY-040", "byte behind the ids", 0,
			  seat_region(tc->t)[128 + off + k]);
	EXPECT_EQ(tc, clause, "cmd_head", off + len, seat_head(tc->t));
}

/* All that is in flight, and entries of every length that 0 to 9 ids make. */
static void lun_reset(struct tc *tc)
{
	static const uint32_t counts[] = { 0, 1, 4, 5, 9 };
	struct target_io *io = tc_alloc(tc, 9 * sizeof(*io)), *list[9];
	uint16_t ids[9];
	uint32_t r, n, i, events;

	for (i = 0; i < 9; i++) {
		list[i] = &io[i];
		ids[i] = (uint16_t)(i + 1);
	}
	for (r = 0; r < 5; r++) {
		if (!start(tc, true, 30))
			return;
		n = counts[r];
		krn_turs(tc, io, n);
		events = target_events(tc->t);
		EXPECT(tc, "KRN-103", target_tmr(tc->t, TCMU_TMR_LUN_RESET, list, n) == !n,
		       "%u in flight: answered %s", n, n ? "before they ended" : "never");
		tmr_is(tc, "KRN-102", 120 * n, TCMU_TMR_LUN_RESET, ids, n);
		EXPECT_EQ(tc, "KRN-073", "events", events + 1, target_events(tc->t));
		for (i = 0; i < n; i++)
			EXPECT(tc, "KRN-103", !io[i].done, "command %u ended by itself", i);
		seat_finish_all(tc->t, 0);
		for (i = 0; i < n; i++)
			EXPECT_ENDED(tc, "KRN-103", &io[i], RINGSIM_ABORTED, 0x40, 0, 0, 0);
		EXPECT_EQ(tc, "KRN-103", "TMRs answered", 1, target_tmr_done(tc->t));
		krn_turs(tc, io, 1); /* and the entry was passed */
		seat_finish_all(tc->t, 0);
		EXPECT_ENDED(tc, "KRN-104", &io[0], RINGSIM_ANSWERED, 0, 0, 0, 0);
	}
}

/* One of three; the others are not touched, and the answer comes when the handler has answered. */
static void abort_task(struct tc *tc)
{
	static const uint8_t statuses[] = { 0, 2, 0x40 };
	struct target_io *io = tc_alloc(tc, 3 * sizeof(*io)), *list[1] = { &io[1] };
	uint8_t *data = tc_alloc(tc, 4096);
	uint32_t i;

	for (i = 0; i < 3; i++) {
		if (!start(tc, true, 30))
			return;
		krn_turs(tc, &io[0], 1);
		krn_in(&io[1], data, 4096);
		krn_submit(tc, &io[1]);
		krn_turs(tc, &io[2], 1);
		EXPECT(tc, "KRN-103", !target_tmr(tc->t, TCMU_TMR_ABORT_TASK, list, 1),
		       "answered before the command ended");
		tmr_is(tc, "KRN-100", 368, TCMU_TMR_ABORT_TASK, (uint16_t[]){ 2 }, 1);
		seat_finish(tc->t, 0);
		EXPECT_ENDED(tc, "KRN-103", &io[0], RINGSIM_ANSWERED, 0, 0, 0, 0);
		EXPECT_EQ(tc, "KRN-103", "TMRs answered", 0, target_tmr_done(tc->t));
		memset(seat_region(tc->t) + KRN_DATA, 0x21, 4096);
		seat_finish(tc->t, statuses[i]);
		EXPECT_ENDED(tc, "KRN-103", &io[1], RINGSIM_ABORTED, 0x40, 0, 0, 0);
		EXPECT_EQ(tc, "KRN-103", "TMRs answered", 1, target_tmr_done(tc->t));
		EXPECT(tc, "KRN-103", krn_pending(tc, &io[2]),
		       "a command that was not aborted ended");
		seat_finish_all(tc->t, 0);
		EXPECT_ENDED(tc, "KRN-103", &io[2], RINGSIM_ANSWERED, 0, 0, 0, 0);
	}
}

/* Aborted while waiting: gone at once, notification or not; those around it stay in order. */
static void abort_waiting(struct tc *tc, bool on)
{
	struct target_io *io = tc_alloc(tc, 4 * sizeof(*io)), *list[1] = { &io[2] };
	struct seat_entry e;
	uint32_t i;

	if (!start(tc, on, 30))
		return;
	krn_take_all(tc, &io[0]);
	for (i = 1; i < 4; i++) {
		krn_in(&io[i], NULL, 1);
		io[i].cdb[5] = (uint8_t)i;
		krn_submit(tc, &io[i]);
	}
	EXPECT(tc, "KRN-101", target_tmr(tc->t, TCMU_TMR_ABORT_TASK, list, 1),
	       "the TMR waits for what is not there");
	EXPECT_ENDED(tc, "KRN-101", &io[2], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	if (on)
		tmr_is(tc, "KRN-102", 128, TCMU_TMR_ABORT_TASK, NULL, 0);
	else
		EXPECT_EQ(tc, "KRN-102", "cmd_head", 128, seat_head(tc->t));
	seat_finish_all(tc->t, 8);
	for (i = 1; i < 4; i += 2) {
		if (!krn_cmd(tc, i / 2, &e))
			return;
		EXPECT_EQ(tc, "KRN-101", "which command", i, e.cdb[5]);
	}
	EXPECT_EQ(tc, "KRN-101", "what follows", seat_next(tc->t, &e), seat_head(tc->t));
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-101", krn_ended(tc, &io[1]) && krn_ended(tc, &io[3]), "no end");
}

static void from_the_queue(struct tc *tc)
{
	abort_waiting(tc, false);
	abort_waiting(tc, true);
}

/* A reset takes what waits as well, and lists only what has an id. */
static void reset_waiting(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 4 * sizeof(*io)), *list[4];
	uint32_t i;

	if (!start(tc, true, 30))
		return;
	krn_take_all(tc, &io[0]);
	for (i = 0; i < 4; i++)
		list[i] = &io[i];
	for (i = 1; i < 4; i++) {
		krn_in(&io[i], NULL, 1);
		krn_submit(tc, &io[i]);
	}
	EXPECT(tc, "KRN-103", !target_tmr(tc->t, TCMU_TMR_LUN_RESET, list, 4), "answered early");
	tmr_is(tc, "KRN-102", 128, TCMU_TMR_LUN_RESET, (uint16_t[]){ 1 }, 1);
	SIM_EQ(tc, "KRN-101", "commands that wait", 0, queued);
	seat_finish_all(tc->t, 8);
	EXPECT_EQ(tc, "KRN-101", "cmd_head: nothing came from the queue", 128 + 40,
		  seat_head(tc->t));
	for (i = 0; i < 4; i++)
		EXPECT_ENDED(tc, "KRN-101", &io[i], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 1, target_tmr_done(tc->t));
}

/* Notification off: no entry and no event, but the command is waited for all the same. */
static void off(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 2 * sizeof(*io)), *list[1] = { &io[0] };
	uint32_t events;

	if (!start(tc, false, 30))
		return;
	krn_turs(tc, io, 1);
	events = target_events(tc->t);
	EXPECT(tc, "KRN-103", !target_tmr(tc->t, TCMU_TMR_LUN_RESET, list, 1),
	       "answered before the command");
	EXPECT_EQ(tc, "KRN-102", "cmd_head", 120, seat_head(tc->t));
	EXPECT_EQ(tc, "KRN-102", "events", events, target_events(tc->t));
	seat_finish(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-103", &io[0], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 1, target_tmr_done(tc->t));
}

/* BLOCKED makes no difference, BROKEN drops the entry; there is an answer either way. */
static void states(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 2 * sizeof(*io));

	if (!start(tc, true, 30))
		return;
	target_block_dev(tc->t, true);
	EXPECT(tc, "KRN-102", target_tmr(tc->t, TCMU_TMR_LUN_RESET, NULL, 0),
	       "no answer on a blocked device");
	tmr_is(tc, "KRN-102", 0, TCMU_TMR_LUN_RESET, NULL, 0);
	target_block_dev(tc->t, false);
	seat_finish_all(tc->t, 0);
	krn_turs(tc, io, 1);
	seat_answer(tc->t, 32, 99, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 152);
	tc_expect_violation(tc, "HND-053");
	seat_ring(tc->t);
	EXPECT(tc, "KRN-062", krn_broken(tc), "the ring is not broken");
	target_tmr(tc->t, TCMU_TMR_LUN_RESET, (struct target_io *[]){ &io[0] }, 1);
	EXPECT_EQ(tc, "KRN-063", "cmd_head on a broken ring", 152, seat_head(tc->t));
	EXPECT_EQ(tc, "KRN-111", "reset_ring", 0, target_reset_ring(tc->t, 1));
	EXPECT_ENDED(tc, "KRN-103", &io[0], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 2, target_tmr_done(tc->t));
}

/* The other ways in which an aborted command can end: time and reset. */
static void otherwise(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 2 * sizeof(*io)), *list[2] = { &io[0], &io[1] };

	if (!start(tc, true, 2))
		return;
	krn_turs(tc, io, 2);
	target_tmr(tc->t, TCMU_TMR_LUN_RESET, list, 2);
	target_advance(tc->t, 4000);
	EXPECT_ENDED(tc, "KRN-103", &io[0], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	EXPECT_ENDED(tc, "KRN-103", &io[1], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered after the time-out", 1, target_tmr_done(tc->t));
	if (!start(tc, true, 30))
		return;
	krn_turs(tc, io, 2);
	target_tmr(tc->t, TCMU_TMR_LUN_RESET, list, 2);
	EXPECT_EQ(tc, "KRN-111", "reset_ring", 0, target_reset_ring(tc->t, 1));
	EXPECT_ENDED(tc, "KRN-103", &io[0], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	EXPECT_ENDED(tc, "KRN-103", &io[1], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered after reset_ring", 1, target_tmr_done(tc->t));
}

/* Answered by the handler, not yet reclaimed: listed all the same. */
static void already_answered(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 2 * sizeof(*io)), *list[2] = { &io[0], &io[1] };

	if (!start(tc, true, 30))
		return;
	krn_turs(tc, io, 2);
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 120);
	target_tmr(tc->t, TCMU_TMR_LUN_RESET, list, 2);
	tmr_is(tc, "KRN-103", 240, TCMU_TMR_LUN_RESET, (uint16_t[]){ 1, 2 }, 2);
	seat_finish_all(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-103", &io[0], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	EXPECT_ENDED(tc, "KRN-103", &io[1], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 1, target_tmr_done(tc->t));
}

/* An abort of what is not there, beside what is: an entry without ids, and an answer at once. */
static void abort_nothing(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 2 * sizeof(*io));
	uint32_t events;

	if (!start(tc, true, 30))
		return;
	krn_turs(tc, io, 2);
	events = target_events(tc->t);
	EXPECT(tc, "KRN-103", target_tmr(tc->t, TCMU_TMR_ABORT_TASK, NULL, 0),
	       "nothing to wait for, and no answer");
	tmr_is(tc, "KRN-100", 240, TCMU_TMR_ABORT_TASK, NULL, 0);
	EXPECT_EQ(tc, "KRN-073", "events", events + 1, target_events(tc->t));
	EXPECT(tc, "KRN-100", !io[0].done && !io[1].done, "a command ended by itself");
	EXPECT(tc, "KRN-103", target_tmr(tc->t, TCMU_TMR_ABORT_TASK, NULL, 0),
	       "no answer to a second one");
	tmr_is(tc, "KRN-102", 240 + 32, TCMU_TMR_ABORT_TASK, NULL, 0);
	seat_finish_all(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-104", &io[0], RINGSIM_ANSWERED, 0, 0, 0, 0);
	EXPECT_ENDED(tc, "KRN-104", &io[1], RINGSIM_ANSWERED, 0, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 2, target_tmr_done(tc->t));
}

/*
 * Aborted on the ring: each ends when the handler has answered it, whatever the status and the
 * flags, one by one; the last of them ends the TMR. What comes after the reset is not touched.
 */
static void one_by_one(struct tc *tc)
{
	static const uint8_t statuses[] = { 0x00, 0x02, 0x40, 0x77 };
	struct target_io *io = tc_alloc(tc, 5 * sizeof(*io)), *list[4];
	uint8_t *buf = tc_alloc(tc, 4 * 64);
	uint32_t i;

	if (!start(tc, true, 30))
		return;
	for (i = 0; i < 4; i++) {
		krn_in(&io[i], buf + 64 * i, 64);
		krn_submit(tc, &io[i]);
		list[i] = &io[i];
	}
	EXPECT(tc, "KRN-103", !target_tmr(tc->t, TCMU_TMR_LUN_RESET, list, 4), "answered early");
	krn_turs(tc, &io[4], 1);
	tc_expect_violation(tc, "HND-032");
	for (i = 0; i < 4; i++) {
		EXPECT(tc, "KRN-103", krn_pending(tc, &io[i]), "command %u ended by itself", i);
		EXPECT_EQ(tc, "KRN-103", "TMRs answered", 0, target_tmr_done(tc->t));
		memset(seat_region(tc->t) + KRN_DATA + 4096 * i, 0x21, 64);
		seat_finish(tc->t, statuses[i]);
		EXPECT_ENDED(tc, "KRN-103", &io[i], RINGSIM_ABORTED, 0x40, 0, 0, 0);
		EXPECT_EQ(tc, "KRN-103", "residual", 0, io[i].residual);
	}
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 1, target_tmr_done(tc->t));
	EXPECT(tc, "KRN-103", krn_pending(tc, &io[4]), "a command that was not aborted ended");
	seat_finish_all(tc->t, 0);
	EXPECT(tc, "KRN-103", krn_ended(tc, &io[4]), "no end");
}

/* PAD and head as for a command: 40 bytes where 32 are left. */
static void space(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 2 * sizeof(*io)), *list[1] = { &io[0] };
	struct target_opts o = krn_opts();
	struct seat_entry e;

	o.dev.tmr_notification = true;
	if (!krn_start_at(tc, &o, KRN_RING - 32 - 120))
		return;
	krn_turs(tc, io, 1);
	target_tmr(tc->t, TCMU_TMR_LUN_RESET, list, 1);
	seat_entry(tc->t, KRN_RING - 32, &e);
	EXPECT_EQ(tc, "KRN-102", "opcode at the end", TCMU_OP_PAD, e.op);
	EXPECT_EQ(tc, "KRN-102", "its length", 32, e.len);
	tmr_is(tc, "KRN-102", 0, TCMU_TMR_LUN_RESET, (uint16_t[]){ 1 }, 1);
	seat_finish_all(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-104", &io[0], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	krn_turs(tc, io, 1);
	seat_finish_all(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-104", &io[0], RINGSIM_ANSWERED, 0, 0, 0, 0);
}

static const struct case_def rows[] = {
	{ "krn.100.lun-reset", "KRN-100 KRN-102 KRN-103 KRN-104 LAY-040", CLAUSE_MUST, NEEDS_SEAT,
	  "a reset lists what is in flight, 0 to 9 ids, and waits for it", lun_reset },
	{ "krn.100.abort-task", "KRN-100 KRN-102 KRN-103", CLAUSE_MUST, NEEDS_SEAT,
	  "an abort lists one command, and waits for it", abort_task },
	{ "krn.100.abort-nothing", "KRN-100 KRN-102 KRN-103 KRN-104", CLAUSE_MUST,
	  NEEDS_SEAT | NEEDS_PROBE, "an abort of nothing lists nothing, and is answered at once",
	  abort_nothing },
	{ "krn.103.one-by-one", "KRN-103", CLAUSE_MUST, NEEDS_SEAT | NEEDS_PROBE,
	  "aborted commands on the ring end as they are answered", one_by_one },
	{ "krn.101.from-the-queue", "KRN-101 KRN-102 KRN-081", CLAUSE_MUST, NEEDS_SEAT,
	  "a waiting command ends at once, notification on or off", from_the_queue },
	{ "krn.101.reset", "KRN-101 KRN-102 KRN-103", CLAUSE_MUST, NEEDS_SEAT,
	  "a reset takes what waits, and lists only what has an id", reset_waiting },
	{ "krn.102.off", "KRN-102 KRN-103 DIS-03", CLAUSE_MUST, NEEDS_SEAT,
	  "without notification there is no entry, but an answer", off },
	{ "krn.102.states", "KRN-102 KRN-104 KRN-063", CLAUSE_MUST, NEEDS_SEAT,
	  "BLOCKED changes nothing, BROKEN drops the entry", states },
	{ "krn.102.pad", "KRN-102 KRN-104 KRN-030", CLAUSE_MUST, NEEDS_SEAT,
	  "a PAD in front of a TMR", space },
	{ "krn.103.otherwise", "KRN-103 KRN-090 KRN-111", CLAUSE_MUST, NEEDS_SEAT,
	  "aborted commands that expire or are reset", otherwise },
	{ "krn.103.answered", "KRN-103", CLAUSE_MUST, NEEDS_SEAT,
	  "ids that were answered but not reclaimed are listed", already_answered },
};

CASE_TABLE(cases_krn_abort);
