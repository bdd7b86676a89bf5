/* SPDX-License-Identifier: MIT */
/*
 * Task management on small rings, with lists that target core does not send over iSCSI.
 * Clauses: KRN-100 to KRN-104; TRP-37 to TRP-40, TRP-56.
 */
#include "krn.h"

#include "cdb.h"

#define SIM (NEEDS_SEAT | NEEDS_SIM)

static struct target_opts with_tmr(uint32_t cmdr_size, bool on)
{
	struct target_opts o = work_opts(cmdr_size, 8);

	o.dev.tmr_notification = on;
	return o;
}

/* What target core sends: one or no task aborted, all of a LUN, those of a preempted key. */
static void callers(struct tc *tc)
{
	struct target_opts o = with_tmr(4072, true);
	struct target_io io[4], *list[4];
	struct seat_entry e;
	uint32_t i, at;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 4);
	for (i = 0; i < 4; i++)
		list[i] = &io[i];
	at = seat_head(tc->t);
	EXPECT(tc, "KRN-103", !target_tmr(tc->t, TCMU_TMR_ABORT_TASK, &list[2], 1),
	       "answered before the command ended");
	seat_entry(tc->t, at, &e);
	EXPECT(tc, "KRN-100", e.op == TCMU_OP_TMR && e.tmr_type == 1, "ABORT TASK");
	EXPECT(tc, "KRN-100", e.cmd_cnt == 1 && e.cmd_ids[0] == 3, "its one command");
	at = seat_next(tc->t, &e);
	EXPECT(tc, "KRN-100", target_tmr(tc->t, TCMU_TMR_ABORT_TASK, NULL, 0),
	       "nothing to wait for, and no answer");
	seat_entry(tc->t, at, &e);
	EXPECT(tc, "KRN-100", e.tmr_type == 1 && e.cmd_cnt == 0 && e.len == 32, "no task matched");
	at = seat_next(tc->t, &e);
	list[2] = &io[3];
	EXPECT(tc, "KRN-103", !target_tmr(tc->t, TCMU_TMR_LUN_RESET, list, 3), "answered early");
	seat_entry(tc->t, at, &e);
	EXPECT(tc, "KRN-100", e.tmr_type == 5 && e.cmd_cnt == 3, "LOGICAL UNIT RESET");
	EXPECT(tc, "KRN-102", e.cmd_ids[0] == 1 && e.cmd_ids[1] == 2 && e.cmd_ids[2] == 4, "ids");
	at = seat_next(tc->t, &e);
	target_tmr(tc->t, TCMU_TMR_LUN_RESET_PRO, NULL, 0);
	seat_entry(tc->t, at, &e);
	EXPECT_EQ(tc, "KRN-100", "PREEMPT AND ABORT", 128, e.tmr_type);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 2, target_tmr_done(tc->t));
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 4, target_tmr_done(tc->t));
}

/* Aborted while waiting: gone at once, notification or not; those between stay in order. */
static void aborted_waiting(struct tc *tc, bool on)
{
	struct target_opts o = with_tmr(512, on);
	struct target_io io[9], *list[3] = { &io[8], &io[4], &io[6] };
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 9);
	EXPECT_EQ(tc, "KRN-101", "commands that wait", 5, krn_stats(tc).queued);
	EXPECT(tc, "KRN-101", target_tmr(tc->t, 5, list, 3), "the TMR waits for what is not there");
	for (i = 0; i < 3; i++)
		EXPECT_ENDED(tc, "KRN-101", list[i], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-101", "commands that wait", 2, krn_stats(tc).queued);
	EXPECT_EQ(tc, "KRN-101", "commands on the ring", 4, krn_stats(tc).inflight);
	EXPECT_EQ(tc, "KRN-102", "TMRs that wait", on, krn_stats(tc).tmrs);
	EXPECT_EQ(tc, "KRN-102", "TMR entries", 0, krn_stats(tc).tmr_entries);
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-102", "TMR entries", on, krn_stats(tc).tmr_entries);
	seat_finish_all(tc->t, 0);
	EXPECT(tc, "KRN-101", io[5].done && io[7].done, "those between never ended");
	EXPECT(tc, "KRN-101", io[5].order < io[7].order, "those between changed places");
	EXPECT_EQ(tc, "KRN-091", "timer", UINT64_MAX, ringsim_next_timer(target_device(tc->t)));
}

static void from_the_queue(struct tc *tc)
{
	aborted_waiting(tc, false);
	aborted_waiting(tc, true);
}

/* The list holds those with an id alone, in target core's order, not that of the ring. */
static void listed(struct tc *tc)
{
	struct target_opts o = with_tmr(1000, true);
	struct target_io io[12], *list[12];
	static const uint16_t want[] = { 7, 2, 6, 1 };
	struct seat_entry e;
	uint32_t at;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 7); /* 840; then 128 are left for a command that does not come */
	at = seat_head(tc->t);
	cdb_none(&io[7], 0x7f);
	io[7].cdb[7] = 100; /* 224 bytes */
	target_submit(tc->t, &io[7]);
	krn_turs(tc, &io[8], 1);
	EXPECT_EQ(tc, "KRN-102", "commands that wait", 2, krn_stats(tc).queued);
	list[0] = &io[6];
	list[1] = &io[8]; /* waits */
	list[2] = &io[1];
	list[3] = &io[5];
	list[4] = &io[7]; /* waits */
	list[5] = &io[0];
	target_tmr(tc->t, 5, list, 6);
	seat_entry(tc->t, at, &e);
	EXPECT_EQ(tc, "KRN-102", "opcode", TCMU_OP_TMR, e.op);
	EXPECT_EQ(tc, "KRN-102", "length", 40, e.len);
	EXPECT_EQ(tc, "KRN-102", "cmd_id", 0, e.id);
	EXPECT_EQ(tc, "KRN-102", "cmd_cnt", 4, e.cmd_cnt);
	EXPECT_MEM(tc, "KRN-102", "cmd_ids", want, e.cmd_ids, sizeof(want));
	EXPECT_EQ(tc, "KRN-102", "cmd_head", at + 40, seat_head(tc->t));
	EXPECT_EQ(tc, "KRN-102", "TMRs answered", 0, target_tmr_done(tc->t));
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 1, target_tmr_done(tc->t));
}

/* PAD, flush wrap and space by the rules of a command, with TMRs of 32 and 40 bytes. */
static void space(struct tc *tc)
{
	struct target_opts o = with_tmr(1000, true);
	struct target_io io[8], *one[1] = { &io[0] };
	uint32_t left, len;

	for (left = 8; left <= 48; left += 8) {
		for (len = 32; len <= 40; len += 8) {
			o.dev.start = 1000 - left - 120;
			if (target_start(tc->t, &o))
				return;
			krn_turs(tc, io, 1);
			target_tmr(tc->t, 5, one, len == 40);
			EXPECT_EQ(tc, "KRN-102", "PADs", left < len, krn_stats(tc).pads);
			EXPECT_EQ(tc, "KRN-102", "cmd_head",
				  left < len ? len : (1000 - left + len) % 1000, seat_head(tc->t));
			EXPECT_EQ(tc, "KRN-031", "events", 2, krn_stats(tc).events);
			seat_finish_all(tc->t, 0);
			EXPECT(tc, "KRN-104", io[0].done, "the command before it never ended");
			EXPECT_EQ(tc, "KRN-104", "reclaim pointer", seat_head(tc->t),
				  krn_stats(tc).reclaim);
		}
	}
	/* 39 bytes are free: 32 go in, 40 do not */
	o = with_tmr(8 * 95, true);
	for (len = 32; len <= 40; len += 8) {
		o.dev.start = 0;
		if (target_start(tc->t, &o))
			return;
		krn_turs(tc, io, 6); /* 720 of 760 */
		target_tmr(tc->t, 5, one, len == 40);
		EXPECT_EQ(tc, "KRN-102", "TMRs that wait", len == 40, krn_stats(tc).tmrs);
		seat_finish_all(tc->t, 0);
		EXPECT_EQ(tc, "KRN-102", "TMR entries", 1, krn_stats(tc).tmr_entries);
		seat_finish_all(tc->t, 0);
	}
}

/* TMRs keep their order: one that would fit waits behind one that does not. */
static void in_order(struct tc *tc)
{
	struct target_opts o = with_tmr(8 * 95, true);
	struct target_io io[6], *one[1] = { &io[0] };
	struct seat_entry e;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 6);
	target_tmr(tc->t, 5, one, 1);  /* 40 of 39 */
	target_tmr(tc->t, 1, NULL, 0); /* 32 */
	EXPECT_EQ(tc, "KRN-102", "TMRs that wait", 2, krn_stats(tc).tmrs);
	EXPECT_EQ(tc, "KRN-102", "TMR entries", 0, krn_stats(tc).tmr_entries);
	seat_finish(tc->t, 0);
	EXPECT_EQ(tc, "KRN-102", "TMRs that wait", 0, krn_stats(tc).tmrs);
	seat_entry(tc->t, 720, &e);
	EXPECT_EQ(tc, "KRN-102", "type of the first", 5, e.tmr_type);
	seat_entry(tc->t, seat_next(tc->t, &e), &e);
	EXPECT_EQ(tc, "KRN-102", "type of the second", 1, e.tmr_type);
	seat_finish_all(tc->t, 0);
}

/* As many ids as there can be: 32 + 131070 bytes, rounded up. */
static void longest(struct tc *tc)
{
	struct ringsim_config cfg = { .qfull_time_out_s = -1, .tmr_notification = true };
	struct ringsim_cmd *cmd = tc_alloc(tc, 65535 * sizeof(*cmd));
	struct ringsim_cmd **list = tc_alloc(tc, 65535 * sizeof(*list));
	struct ringsim_tmr tmr = { .type = TCMU_TMR_LUN_RESET };
	uint32_t head = 65535 * 120, len_op, cnt, i, wrong = 0;
	static const uint8_t tur[8];
	struct ringsim_device *dev;
	struct ringsim_stats st;
	uint8_t *entry;

	if (ringsim_device_create(&dev, &cfg, NULL, NULL, NULL, 0)) {
		tc_fail(tc, NULL, "cannot make the device");
		return;
	}
	for (i = 0; i < 65535; i++) {
		cmd[i] = (struct ringsim_cmd){ .cdb = tur, .cdb_room = 8 };
		ringsim_submit(dev, &cmd[i]);
		list[65534 - i] = &cmd[i];
	}
	ringsim_tmr(dev, &tmr, list, 65535);
	ringsim_stats(dev, &st);
	entry = (uint8_t *)ringsim_region(dev) + 128 + head;
	memcpy(&len_op, entry, 4);
	memcpy(&cnt, entry + 12, 4);
	for (i = 0; i < 65535; i++)
		wrong += entry[32 + 2 * i] != (uint8_t)(65535 - i) ||
			 entry[33 + 2 * i] != (uint8_t)((65535 - i) >> 8);
	ringsim_device_destroy(dev);
	EXPECT_EQ(tc, "KRN-102", "TMR entries", 1, st.tmr_entries);
	EXPECT_EQ(tc, "KRN-102", "len_op", 131104 | 2, len_op);
	EXPECT_EQ(tc, "KRN-102", "cmd_cnt", 65535, cnt);
	EXPECT_EQ(tc, "KRN-102", "wrong ids", 0, wrong);
	EXPECT_EQ(tc, "KRN-102", "cmd_head", head + 131104, st.head);
	EXPECT_EQ(tc, "KRN-103", "commands that it waits for", 65535, tmr.pending);
}

/* A reset drops the TMRs that wait, and those only: the next ones are made as ever. */
static void after_reset(struct tc *tc)
{
	struct target_opts o = with_tmr(8 * 95, true);
	struct target_io io[6], *one[1] = { &io[0] };
	struct seat_entry e;
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 6);
	target_tmr(tc->t, 5, one, 1);
	target_tmr(tc->t, 5, NULL, 0);
	EXPECT_EQ(tc, "KRN-102", "TMRs that wait", 2, krn_stats(tc).tmrs);
	ringsim_reset(target_device(tc->t), 1);
	EXPECT_EQ(tc, "KRN-111", "TMRs that wait", 0, krn_stats(tc).tmrs);
	EXPECT_EQ(tc, "KRN-111", "TMR entries", 0, krn_stats(tc).tmr_entries);
	for (i = 0; i < 3; i++) {
		target_tmr(tc->t, 1, NULL, 0);
		seat_entry(tc->t, 32 * i, &e);
		EXPECT(tc, "KRN-102", e.op == TCMU_OP_TMR && e.tmr_type == 1,
		       "no TMR entry after a reset");
	}
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-104", "reclaim pointer", 96, krn_stats(tc).reclaim);
}

/* BLOCKED makes no difference, BROKEN drops it, off means no entry but an answer. */
static void states(struct tc *tc)
{
	struct target_opts o = with_tmr(1000, true);
	struct target_io io[2], *one[1] = { &io[0] };

	if (target_start(tc->t, &o))
		return;
	ringsim_block(target_device(tc->t), true);
	EXPECT(tc, "KRN-102", target_tmr(tc->t, 5, NULL, 0), "no answer on a blocked device");
	EXPECT_EQ(tc, "KRN-102", "TMR entries while BLOCKED", 1, krn_stats(tc).tmr_entries);
	EXPECT_EQ(tc, "KRN-073", "events", 1, krn_stats(tc).events);
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-104", "reclaim pointer", 32, krn_stats(tc).reclaim);
	o = with_tmr(1000, false);
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 1);
	EXPECT(tc, "KRN-103", !target_tmr(tc->t, 5, one, 1), "answered before the command");
	EXPECT_EQ(tc, "KRN-102", "TMR entries with notification off", 0, krn_stats(tc).tmr_entries);
	EXPECT_EQ(tc, "KRN-102", "cmd_head", 120, seat_head(tc->t));
	seat_finish(tc->t, 0);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 1, target_tmr_done(tc->t));
}

/*
 * Aborted on the ring: each is answered by the handler once more, whatever the status; data are
 * copied, the status is not the handler's; the last of them ends the TMR.
 */
static void aborted_in_flight(struct tc *tc)
{
	static const uint8_t statuses[] = { 0x00, 0x02, 0x40, 0x00 };
	struct target_opts o = with_tmr(4072, true);
	struct target_io io[5], *list[4];
	uint8_t buf[4][64], want[64];
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	tc_fill(tc, want, 64, 1);
	for (i = 0; i < 4; i++) {
		memset(buf[i], 0, 64);
		krn_in(&io[i], buf[i], 64);
		target_submit(tc->t, &io[i]);
		list[i] = &io[i];
		memcpy(seat_region(tc->t) + 8192 + 4096 * i, want, 64);
	}
	krn_turs(tc, &io[4], 1);
	target_tmr(tc->t, 5, list, 4);
	EXPECT_EQ(tc, "KRN-103", "commands on the ring", 5, krn_stats(tc).inflight);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(tc, "KRN-103", "TMRs answered", 0, target_tmr_done(tc->t));
		EXPECT(tc, "KRN-103", !io[i].done, "command %u ended by itself", i);
		if (i == 3) { /* with a residual, which goes the way of the status */
			seat_answer(tc->t, seat_tail(tc->t), 0, 0, TCMU_UFLAG_READ_LEN, 10, NULL);
			seat_set_tail(tc->t, seat_tail(tc->t) + 128);
			seat_ring(tc->t);
		} else {
			seat_finish(tc->t, statuses[i]);
		}
		EXPECT_ENDED(tc, "KRN-103", &io[i], RINGSIM_ABORTED, 0x40, 0, 0, 0);
		EXPECT_EQ(tc, "KRN-103", "residual", 0, io[i].residual);
		EXPECT_EQ(tc, "KRN-103", "bytes copied",
			  statuses[i] == 2 ? 0
			  : i == 3	   ? 10
					   : 64,
			  io[i].data_in);
		EXPECT_MEM(tc, "KRN-103", "data", want, buf[i], io[i].data_in);
	}
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 1, target_tmr_done(tc->t));
	EXPECT(tc, "KRN-103", !io[4].done, "a command that was not aborted ended");
	seat_finish(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-103", &io[4], RINGSIM_ANSWERED, 0, 0, 0, 0);
}

/* The other ways in which an aborted command can end: time and reset. */
static void aborted_otherwise(struct tc *tc)
{
	struct target_opts o = with_tmr(4072, true);
	struct target_io io[2], *list[2] = { &io[0], &io[1] };

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 2);
	target_tmr(tc->t, 5, list, 2);
	target_advance(tc->t, 30000);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered after the time-out", 1, target_tmr_done(tc->t));
	EXPECT_ENDED(tc, "KRN-103", &io[0], RINGSIM_ABORTED, 0x40, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-090", "expired", 2, krn_stats(tc).expired);
	seat_finish_all(tc->t, 0);
	krn_turs(tc, io, 2);
	target_tmr(tc->t, 5, list, 2);
	ringsim_reset(target_device(tc->t), 1);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered after reset_ring", 2, target_tmr_done(tc->t));
	EXPECT_ENDED(tc, "KRN-103", &io[1], RINGSIM_ABORTED, 0x40, 0, 0, 0);
}

/* Answered by the handler, not yet reclaimed: listed all the same. */
static void already_answered(struct tc *tc)
{
	struct target_opts o = with_tmr(4072, true);
	struct target_io io[2], *list[2] = { &io[0], &io[1] };
	struct seat_entry e;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 2);
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 120);
	target_tmr(tc->t, 5, list, 2);
	seat_entry(tc->t, 240, &e);
	EXPECT_EQ(tc, "KRN-103", "ids listed", 2, e.cmd_cnt);
	EXPECT_EQ(tc, "KRN-103", "first id", 1, e.cmd_ids[0]);
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-103", "TMRs answered", 1, target_tmr_done(tc->t));
}

static const struct case_def rows[] = {
	{ "krn.100.all-three", "KRN-100 KRN-102 KRN-103", CLAUSE_MUST, SIM,
	  "what target core's three callers put on the ring", callers },
	{ "krn.101.ring", "KRN-101 KRN-102 KRN-081", CLAUSE_MUST, SIM,
	  "waiting commands end at once, notification on or off", from_the_queue },
	{ "krn.102.order-of-ids", "KRN-102 KRN-101", CLAUSE_MUST, SIM,
	  "ids in target core's order, of those that have one", listed },
	{ "krn.102.space", "KRN-102 KRN-104 KRN-031", CLAUSE_MUST, SIM,
	  "space, PAD and head as for a command", space },
	{ "krn.102.in-order", "KRN-102", CLAUSE_MUST, SIM, "TMRs that wait keep their order",
	  in_order },
	{ "krn.102.longest", "KRN-102 LAY-040", CLAUSE_MUST, SIM, "a TMR with every id there is",
	  longest },
	{ "krn.102.after-reset", "KRN-102 KRN-111", CLAUSE_MUST, SIM,
	  "a reset drops waiting TMRs and no later one", after_reset },
	{ "krn.102.blocked-or-off", "KRN-102 KRN-104 DIS-03", CLAUSE_MUST, SIM,
	  "BLOCKED, and notification off", states },
	{ "krn.103.several", "KRN-103", CLAUSE_MUST, SIM,
	  "aborted commands on the ring are waited for", aborted_in_flight },
	{ "krn.103.expired-or-reset", "KRN-103 KRN-090 KRN-111", CLAUSE_MUST, SIM,
	  "aborted commands that expire or are reset", aborted_otherwise },
	{ "krn.103.listed", "KRN-103", CLAUSE_MUST, SIM,
	  "ids that were answered but not reclaimed are listed", already_answered },
};

CASE_TABLE(cases_krn_tmr);
