/* SPDX-License-Identifier: MIT */
/*
 * The queue-full list of a small ring, and both timers to the millisecond. Clauses: KRN-080 to
 * KRN-083, KRN-090 to KRN-094, DIS-08 to DIS-10; TRP-26 to TRP-29.
 */
#include "krn.h"

#include "cdb.h"

#define SIM (NEEDS_SEAT | NEEDS_SIM)

/* A device of four entries of 120 bytes. */
static struct target_opts four(uint32_t cmd_time_out_s, int32_t qfull_time_out_s)
{
	struct target_opts o = work_opts(512, 8);

	o.dev.cmd_time_out_s = cmd_time_out_s;
	o.dev.qfull_time_out_s = qfull_time_out_s;
	return o;
}

/* What makes a command wait, and that it owns nothing then. */
static void entry_conditions(struct tc *tc)
{
	struct target_opts o = work_opts(520, 4);
	struct target_io io[9];
	struct ringsim_stats st;
	uint8_t ring[520];

	if (target_start(tc->t, &o))
		return;
	krn_out(&io[0], NULL, 4 * 4096);
	target_submit(tc->t, &io[0]);
	memcpy(ring, seat_region(tc->t) + 128, 520);
	krn_in(&io[1], NULL, 1); /* no blocks; there would be ring */
	target_submit(tc->t, &io[1]);
	krn_turs(tc, &io[2], 1); /* everything is there, but somebody waits */
	st = krn_stats(tc);
	EXPECT_EQ(tc, "KRN-080", "commands that wait", 2, st.queued);
	EXPECT_EQ(tc, "KRN-082", "ids", 1, st.inflight);
	EXPECT_EQ(tc, "KRN-082", "blocks", 4, st.blocks_used);
	EXPECT_EQ(tc, "KRN-082", "cmd_head", 128, st.head);
	EXPECT_EQ(tc, "KRN-082", "events", 1, st.events);
	EXPECT_EQ(tc, "KRN-082", "id of a waiting command", 0, io[1].cmd.id);
	EXPECT_MEM(tc, "KRN-082", "the ring", ring, seat_region(tc->t) + 128, 520);
	seat_finish(tc->t, 0);
	EXPECT_EQ(tc, "KRN-080", "commands that wait", 0, krn_stats(tc).queued);
	krn_turs(tc, &io[3], 2); /* 128 + 128 + 3 * 120: none are left */
	krn_turs(tc, &io[5], 1);
	EXPECT_EQ(tc, "KRN-080", "commands that wait for the ring", 1, krn_stats(tc).queued);
	EXPECT_EQ(tc, "KRN-082", "ids", 4, krn_stats(tc).inflight);
	seat_finish_all(tc->t, 8);
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-080", io[5].done, "no end");
	/* not allowed to wait */
	o.dev.qfull_time_out_s = 0;
	if (target_start(tc->t, &o))
		return;
	krn_out(&io[0], NULL, 4 * 4096);
	target_submit(tc->t, &io[0]);
	krn_in(&io[1], NULL, 1);
	target_submit(tc->t, &io[1]);
	EXPECT_ENDED(tc, "KRN-080", &io[1], RINGSIM_REFUSED, 0x28, 0, 0, 0);
	krn_turs(tc, &io[2], 4);
	EXPECT_ENDED(tc, "KRN-080", &io[5], RINGSIM_REFUSED, 0x28, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-080", "commands on the ring", 4, krn_stats(tc).inflight);
}

/* Many wait, of all lengths; they come out in the order in which they came. */
static void fifo(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 127, 8);
	struct target_io *io = tc_alloc(tc, 60 * sizeof(*io));
	uint32_t i, rounds = 0;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 60; i++) {
		cdb_out(&io[i], tc_below(tc, 2) ? 0x7f : 0x2a, NULL, tc_below(tc, 3 * 4096));
		io[i].cdb[7] = (uint8_t)(tc_below(tc, 100) * 2);
		target_submit(tc->t, &io[i]);
	}
	EXPECT(tc, "KRN-080", krn_stats(tc).queued > 40, "only %u wait", krn_stats(tc).queued);
	while (krn_stats(tc).inflight && rounds++ < 100)
		seat_finish(tc->t, 0);
	for (i = 0; i < 60; i++) {
		EXPECT(tc, "KRN-081", io[i].done, "command %u never ended", i);
		EXPECT_EQ(tc, "KRN-081", "place in the order of ends", i + 1, io[i].order);
	}
}

/*
 * A failed drain gives the front command a new deadline and leaves the rest alone; so the second
 * may be due before the first, but is still behind it.
 */
static void restarted(struct tc *tc)
{
	struct target_opts o = four(0, 20);
	struct target_io io[8];

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 4);
	cdb_none(&io[4], 0x7f);
	io[4].cdb[7] = 92; /* 216 bytes */
	target_submit(tc->t, &io[4]);
	target_advance(tc->t, 5000);
	krn_turs(tc, &io[5], 1);
	target_advance(tc->t, 5000);
	seat_finish(tc->t, 0); /* at 10 s: 151 bytes free do not help the front */
	EXPECT_EQ(tc, "KRN-081", "commands that wait", 2, krn_stats(tc).queued);
	EXPECT_EQ(tc, "KRN-081", "deadline of the front", 30 * RINGSIM_NSEC_PER_SEC,
		  io[4].cmd.deadline_ns);
	EXPECT_EQ(tc, "KRN-081", "deadline behind it", 25 * RINGSIM_NSEC_PER_SEC,
		  io[5].cmd.deadline_ns);
	target_advance(tc->t, 10500); /* 20.5 s: the front would have been due at 20 */
	EXPECT(tc, "KRN-081", !io[4].done && !io[5].done, "expired before its new deadline");
	target_advance(tc->t, 4000); /* 24.5 s */
	EXPECT(tc, "KRN-091", !io[5].done, "the second expired early");
	target_advance(tc->t, 6500); /* 31 s */
	EXPECT_ENDED(tc, "KRN-081", &io[4], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	EXPECT_ENDED(tc, "KRN-091", &io[5], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-081", "commands that wait", 0, krn_stats(tc).queued);
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-092", "commands on the ring", 0, krn_stats(tc).inflight);
}

/* A command that starves: each drain that is not enough starts its time anew. */
static void starving(struct tc *tc)
{
	struct target_opts o = four(0, 3);
	struct target_io io[4], long_io;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 4);
	cdb_none(&long_io, 0x7f);
	long_io.cdb[7] = 100; /* 224 bytes, 32 of PAD */
	target_submit(tc->t, &long_io);
	target_advance(tc->t, 2000);
	seat_finish(tc->t, 0);
	target_advance(tc->t, 2000);
	EXPECT(tc, "KRN-081", !long_io.done, "expired at 4 s although tried at 2 s");
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-081", !long_io.done && long_io.cmd.id, "it has not got on the ring");
	seat_finish_all(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-081", &long_io, RINGSIM_ANSWERED, 0, 0, 0, 0);
}

/* In milliseconds: submit at @at, and the first moment at which it has expired. */
static uint64_t expires_at(struct tc *tc, const struct target_opts *o, uint64_t at_ms, bool queued)
{
	struct target_io io[5];
	uint64_t ms = at_ms;
	uint32_t last = queued ? 4 : 0;

	if (target_start(tc->t, o))
		return 0;
	target_advance(tc->t, at_ms);
	krn_turs(tc, io, last + 1);
	while (!io[last].done && ms < 200000) {
		target_advance(tc->t, 50);
		ms += 50;
	}
	if (io[last].done && !queued &&
	    (io[last].outcome != RINGSIM_EXPIRED || !krn_is_sense(&io[last], 2, 8, 0)))
		tc_fail(tc, "KRN-090", "expired with status 0x%02x", io[last].status);
	if (io[last].done && queued &&
	    (io[last].outcome != RINGSIM_QUEUE_EXPIRED || io[last].status != 0x28))
		tc_fail(tc, "KRN-091", "expired with status 0x%02x", io[last].status);
	return ms;
}

/* Never early, never more than a second late, on whole seconds of the clock. */
static void in_flight(struct tc *tc)
{
	static const uint32_t tmo_s[] = { 1, 2, 30, 60 };
	static const uint32_t at_ms[] = { 0, 50, 500, 950, 1000, 12350 };
	uint64_t due, found;
	uint32_t i, k;

	for (i = 0; i < 4; i++)
		for (k = 0; k < 6 && !tc->failed; k++) {
			struct target_opts o = four(tmo_s[i], -1);

			due = (at_ms[k] + tmo_s[i] * 1000 + 999) / 1000 * 1000;
			found = expires_at(tc, &o, at_ms[k], false);
			EXPECT(tc, "KRN-090", found >= at_ms[k] + tmo_s[i] * 1000, "early");
			EXPECT_EQ(tc, "KRN-090", "expired at (ms)", due, found);
		}
}

/* qfull_time_out above 0, then cmd_time_out, then 30 s. */
static void of_the_queue(struct tc *tc)
{
	static const struct {
		uint32_t cmd_s;
		int32_t qfull_s;
		uint32_t want_s;
	} rows[] = { { 60, 1, 1 },  { 60, 5, 5 }, { 60, -1, 60 },
		     { 0, -1, 30 }, { 0, 7, 7 },  { 40, 50, 50 } };
	uint32_t i;

	for (i = 0; i < 6 && !tc->failed; i++) {
		struct target_opts o = four(rows[i].cmd_s, rows[i].qfull_s);

		EXPECT_EQ(tc, "KRN-091", "expired at (ms)", rows[i].want_s * 1000 + 1000,
			  expires_at(tc, &o, 950, true));
	}
}

/* cmd_time_out 0: no timer for what is on the ring, ever. */
static void never(struct tc *tc)
{
	struct target_opts o = four(0, -1);
	struct target_io io[5];
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 4);
	EXPECT_EQ(tc, "KRN-092", "timer", UINT64_MAX, ringsim_next_timer(target_device(tc->t)));
	krn_turs(tc, &io[4], 1);
	target_advance(tc->t, 1000ull * 86400 * 30);
	for (i = 0; i < 4; i++)
		EXPECT(tc, "KRN-092", !io[i].done, "command %u expired", i);
	EXPECT_ENDED(tc, "KRN-091", &io[4], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	ringsim_reset(target_device(tc->t), 2);
	for (i = 0; i < 4; i++)
		EXPECT_ENDED(tc, "KRN-092", &io[i], RINGSIM_RESET, 2, 2, 8, 0);
}

/* Commands submitted at different times expire each at its own, oldest first. */
static void one_by_one(struct tc *tc)
{
	struct target_opts o = work_opts(4072, 8);
	struct target_io io[5];
	uint32_t i;

	o.dev.cmd_time_out_s = 10;
	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 5; i++) {
		krn_turs(tc, &io[i], 1);
		target_advance(tc->t, 1500); /* 0, 1.5, 3, 4.5, 6; now 7.5 */
	}
	seat_answer(tc->t, 0, 3, 0, 0, 0, NULL); /* the third, which is due at 13 */
	seat_set_tail(tc->t, 120);
	seat_ring(tc->t);
	target_advance(tc->t, 2499); /* 9.999 */
	EXPECT(tc, "KRN-090", !io[0].done, "early");
	target_advance(tc->t, 1);
	EXPECT(tc, "KRN-090", io[0].done && !io[1].done, "at 10 s the first, and no other");
	target_advance(tc->t, 1999); /* 11.999 */
	EXPECT(tc, "KRN-090", !io[1].done, "early");
	target_advance(tc->t, 1);
	EXPECT(tc, "KRN-090", io[1].done && !io[3].done, "at 12 s the second");
	target_advance(tc->t, 3000); /* 15: the fourth was due at 14.5 */
	EXPECT(tc, "KRN-090", io[3].done && !io[4].done, "at 15 s the fourth");
	target_advance(tc->t, 1000000); /* a long step is many short ones */
	EXPECT(tc, "KRN-090", io[4].done, "the last");
	EXPECT_EQ(tc, "KRN-090", "expired", 4, krn_stats(tc).expired);
	EXPECT_EQ(tc, "KRN-090", "status of the answered", 0, io[2].status);
}

/* What has expired keeps id, block and slot, is answered once, and the handler is not told. */
static void still_owns(struct tc *tc)
{
	struct target_opts o = four(5, -1);
	struct target_io io[6];
	uint8_t ring[512];
	uint32_t i, events;

	if (target_start(tc->t, &o))
		return;
	krn_in(&io[0], NULL, 4096);
	target_submit(tc->t, &io[0]); /* 128 */
	krn_turs(tc, &io[1], 3);      /* 488 */
	memcpy(ring, seat_region(tc->t) + 128, 512);
	events = krn_stats(tc).events;
	target_advance(tc->t, 5000);
	for (i = 0; i < 4; i++)
		EXPECT_ENDED(tc, "KRN-090", &io[i], RINGSIM_EXPIRED, 2, 2, 8, 0);
	EXPECT_EQ(tc, "DIS-09", "blocks in use", 1, krn_stats(tc).blocks_used);
	EXPECT_EQ(tc, "DIS-09", "expired", 4, krn_stats(tc).expired);
	EXPECT_MEM(tc, "DIS-09", "the ring", ring, seat_region(tc->t) + 128, 512);
	EXPECT_EQ(tc, "KRN-090", "events", events, krn_stats(tc).events);
	EXPECT_EQ(tc, "DIS-09", "reclaim pointer", 0, krn_stats(tc).reclaim);
	/* a dead handler: all of it expired, and what comes now waits and times out with 0x28 */
	krn_turs(tc, &io[4], 1);
	EXPECT_EQ(tc, "DIS-10", "commands that wait", 1, krn_stats(tc).queued);
	target_advance(tc->t, 5000);
	EXPECT_ENDED(tc, "DIS-10", &io[4], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	/* it comes back: each is released once, nobody hears of it again */
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "DIS-09", "expired", 0, krn_stats(tc).expired);
	EXPECT_EQ(tc, "DIS-09", "blocks in use", 0, krn_stats(tc).blocks_used);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(tc, "DIS-09", "order", i + 1, io[i].order);
	krn_turs(tc, &io[5], 1);
	EXPECT_EQ(tc, "KRN-050", "id", 1, io[5].cmd.id);
	seat_finish(tc->t, 0);
	EXPECT_EQ(tc, "DIS-09", "ends", 6, io[5].order);
}

/* From the queue to the ring: the whole time-out again. */
static void promotion(struct tc *tc)
{
	struct target_opts o = four(10, 60);
	struct target_io io[5];

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 5);
	target_advance(tc->t, 9000);
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-094", "id of the promoted", 1, io[4].cmd.id);
	target_advance(tc->t, 9999); /* 18.999 */
	EXPECT(tc, "KRN-094", !io[4].done, "expired by the time it had waited");
	target_advance(tc->t, 1);
	EXPECT_ENDED(tc, "KRN-094", &io[4], RINGSIM_EXPIRED, 2, 2, 8, 0);
}

/* A device that nobody serves, from the first command to the last status. */
static void never_attached(struct tc *tc)
{
	struct target_opts o = four(30, -1);
	struct target_io io[12];
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	ringsim_uio_close(target_uio(tc->t));
	krn_turs(tc, io, 12);
	EXPECT_EQ(tc, "DIS-10", "commands on the ring", 4, krn_stats(tc).inflight);
	EXPECT_EQ(tc, "DIS-10", "commands that wait", 8, krn_stats(tc).queued);
	target_advance(tc->t, 30000);
	for (i = 0; i < 12; i++) {
		if (i < 4)
			EXPECT_ENDED(tc, "DIS-10", &io[i], RINGSIM_EXPIRED, 2, 2, 8, 0);
		else
			EXPECT_ENDED(tc, "DIS-10", &io[i], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	}
}

/* A new command does not wait for a TMR that waits: 120 bytes go where 128 do not. */
static void overtakes_tmr(struct tc *tc)
{
	struct target_opts o = work_opts(45 * 120 + 128, 8);
	struct target_io *io = tc_alloc(tc, 47 * sizeof(*io)), *list[45];
	struct seat_entry e;
	uint32_t i;

	o.dev.tmr_notification = true;
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 45);
	for (i = 0; i < 45; i++)
		list[i] = &io[i];
	target_tmr(tc->t, 5, list, 45); /* 32 + 90: 128 bytes, of 127 */
	EXPECT_EQ(tc, "KRN-102", "TMRs that wait", 1, krn_stats(tc).tmrs);
	krn_turs(tc, &io[45], 1);
	EXPECT_EQ(tc, "KRN-083", "commands that wait", 0, krn_stats(tc).queued);
	EXPECT_EQ(tc, "KRN-083", "commands on the ring", 46, krn_stats(tc).inflight);
	EXPECT_EQ(tc, "KRN-083", "TMRs that wait", 1, krn_stats(tc).tmrs);
	krn_turs(tc, &io[46], 1); /* now there is no room for either */
	EXPECT_EQ(tc, "KRN-083", "commands that wait", 1, krn_stats(tc).queued);
	for (i = 0; i < 2; i++)
		seat_finish(tc->t, 0); /* 247 free: PAD of 8, TMR of 128, 111 left */
	EXPECT_EQ(tc, "KRN-072", "TMRs that wait", 0, krn_stats(tc).tmrs);
	EXPECT_EQ(tc, "KRN-072", "commands that wait", 1, krn_stats(tc).queued);
	seat_entry(tc->t, 0, &e);
	EXPECT_EQ(tc, "KRN-102", "opcode at ring offset 0", TCMU_OP_TMR, e.op);
	EXPECT_EQ(tc, "KRN-102", "ids, two of them completed since", 45, e.cmd_cnt);
	seat_finish_all(tc->t, 0);
	seat_finish_all(tc->t, 0);
	EXPECT(tc, "KRN-083", io[46].done, "no end");
}

static const struct case_def rows[] = {
	{ "krn.080.ring", "KRN-080 KRN-082 KRN-011 DIS-10", CLAUSE_MUST, SIM,
	  "no blocks, no ring, or somebody who waits; waiting takes nothing", entry_conditions },
	{ "krn.081.ring-fifo", "KRN-081 KRN-080", CLAUSE_MUST, SIM,
	  "sixty that wait for ring, of all lengths", fifo },
	{ "krn.081.deadlines", "KRN-081 KRN-091", CLAUSE_MUST, SIM,
	  "a failed drain restarts the deadline of the front alone", restarted },
	{ "krn.081.starving", "KRN-081 KRN-091", CLAUSE_MUST, SIM,
	  "the front does not expire as long as it is tried", starving },
	{ "krn.083.overtakes", "KRN-083 KRN-102 KRN-072", CLAUSE_MUST, SIM,
	  "commands wait for commands, not for TMRs", overtakes_tmr },
	{ "krn.090.to-the-second", "KRN-090 DIS-08", CLAUSE_MUST, SIM,
	  "expired at the next full second after the time-out", in_flight },
	{ "krn.090.one-by-one", "KRN-090 KRN-072", CLAUSE_MUST, SIM, "each expires at its own time",
	  one_by_one },
	{ "krn.090.ring", "KRN-090 KRN-066 DIS-09 DIS-10", CLAUSE_MUST, SIM,
	  "a ring full of what expired; the next ones wait and expire", still_owns },
	{ "krn.091.to-the-second", "KRN-091 DIS-08", CLAUSE_MUST, SIM,
	  "which time-out a waiting command has", of_the_queue },
	{ "krn.092.month", "KRN-092 KRN-091 DIS-08", CLAUSE_MUST, SIM,
	  "without cmd_time_out nothing on the ring expires in a month", never },
	{ "krn.094.ring", "KRN-094 KRN-090", CLAUSE_MUST, SIM,
	  "promoted to the ring, a command has all its time again", promotion },
	{ "dis.10.ring", "DIS-10 KRN-080 KRN-090 KRN-091", CLAUSE_MUST, SIM,
	  "nobody ever serves the device: the ring, then the queue", never_attached },
};

CASE_TABLE(cases_krn_queue);
