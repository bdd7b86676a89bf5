/* SPDX-License-Identifier: MIT */
/*
 * The queue-full list and both timers as both targets show them: commands wait for data blocks, and
 * time is real on a kernel. Lower bounds are exact, upper ones leave room for a slow machine.
 * Clauses: KRN-080 to KRN-082, KRN-090 to KRN-094, DIS-08 to DIS-10; TRP-26 to TRP-29.
 */
#include "krn.h"

#include "cdb.h"

#define SLOW_MS 5000u /* for rounding up to a second, and a machine that has others to serve */

/* A device whose blocks are all held by one command in flight, io[0]. */
static bool start_full(struct tc *tc, uint32_t cmd_s, int32_t qfull_s, struct target_io *io)
{
	struct target_opts o = krn_opts();

	o.dev.cmd_time_out_s = cmd_s;
	o.dev.qfull_time_out_s = qfull_s;
	if (tc->failed || target_start(tc->t, &o))
		return false;
	krn_take_all(tc, io);
	return true;
}

/* One that wants a block, and has to wait. */
static void wait_for_block(struct tc *tc, struct target_io *io)
{
	krn_in(io, NULL, 1);
	krn_submit(tc, io);
}

/* Lets time pass until @io ends, for @ms at most; returns when that was, in the target's time. */
static uint64_t end_of(struct tc *tc, struct target_io *io, uint64_t ms)
{
	uint64_t start = krn_now_ms(tc);

	while (!io->done && krn_now_ms(tc) - start < ms)
		target_advance(tc->t, 50);
	return krn_now_ms(tc);
}

/* @io ends between @tmo_ms and a bit after, counted from @since. */
static void in_time(struct tc *tc, const char *clause, struct target_io *io, uint64_t since,
		    uint32_t tmo_ms)
{
	uint64_t end = end_of(tc, io, tmo_ms + SLOW_MS) - since;

	EXPECT(tc, clause, io->done, "not expired after %llu ms", (unsigned long long)end);
	EXPECT(tc, clause, end >= tmo_ms, "expired after %llu ms, before its %u",
	       (unsigned long long)end, tmo_ms);
}

/* What makes a command wait, and that it owns nothing then. */
static void entry_conditions(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 4 * sizeof(*io));
	uint32_t head, events;
	struct seat_entry e;
	uint8_t ring[512];

	if (!start_full(tc, 30, -1, &io[0]))
		return;
	head = seat_head(tc->t);
	events = target_events(tc->t);
	memcpy(ring, seat_region(tc->t) + 128, sizeof(ring));
	wait_for_block(tc, &io[1]);
	krn_turs(tc, &io[2], 1); /* everything is there, but somebody waits */
	EXPECT(tc, "KRN-080", krn_pending(tc, &io[1]) && krn_pending(tc, &io[2]), "nobody waits");
	EXPECT_EQ(tc, "KRN-082", "cmd_head", head, seat_head(tc->t));
	EXPECT_EQ(tc, "KRN-082", "events", events, target_events(tc->t));
	EXPECT_MEM(tc, "KRN-082", "the ring", ring, seat_region(tc->t) + 128, sizeof(ring));
	SIM_EQ(tc, "KRN-080", "commands that wait", 2, queued);
	SIM_EQ(tc, "KRN-082", "ids", 1, inflight);
	seat_ring(tc->t); /* reclaims nothing, so nothing is tried */
	EXPECT_EQ(tc, "KRN-072", "cmd_head", head, seat_head(tc->t));
	seat_finish(tc->t, 8);
	if (!krn_cmd(tc, 0, &e))
		return;
	EXPECT_EQ(tc, "KRN-082", "id", 1, e.id);
	EXPECT_EQ(tc, "KRN-081", "opcode of the first", 0x28, e.cdb[0]);
	if (!krn_cmd(tc, 1, &e))
		return;
	EXPECT_EQ(tc, "KRN-082", "id", 2, e.id);
	EXPECT_EQ(tc, "KRN-081", "opcode of the second", 0, e.cdb[0]);
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-080", krn_ended(tc, &io[1]) && krn_ended(tc, &io[2]), "no end");
	/* not allowed to wait */
	if (!start_full(tc, 30, 0, &io[0]))
		return;
	wait_for_block(tc, &io[1]);
	EXPECT_ENDED(tc, "KRN-080", &io[1], RINGSIM_REFUSED, 0x28, 0, 0, 0);
	krn_turs(tc, &io[2], 1); /* and nobody waits */
	EXPECT(tc, "KRN-080", krn_pending(tc, &io[2]), "refused although there is room");
	seat_finish_all(tc->t, 8);
}

/* Many wait, of all lengths; they come out in the order in which they came. */
static void fifo(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 41 * sizeof(*io));
	uint32_t i, n = 0, rounds = 0;
	struct seat_entry e;

	if (!start_full(tc, 30, -1, &io[0]))
		return;
	for (i = 1; i <= 40; i++) {
		krn_in(&io[i], NULL, 4096 * tc_below(tc, i % 8 ? 100 : KRN_BLOCKS + 1));
		be_put(io[i].cdb + 2, 4, i);
		krn_submit(tc, &io[i]);
		EXPECT(tc, "KRN-080", krn_pending(tc, &io[i]), "command %u does not wait", i);
	}
	while (n < 41 && rounds++ < 60) {
		for (; n < 41 && seat_tail(tc->t) != seat_head(tc->t); n++) {
			if (!krn_cmd(tc, 0, &e))
				return;
			EXPECT_EQ(tc, "KRN-081", "place in the queue", n, be_get(e.cdb + 2, 4));
			seat_answer(tc->t, e.off, 0, 8, 0, 0, NULL);
			seat_set_tail(tc->t, seat_next(tc->t, &e));
		}
		seat_ring(tc->t);
	}
	for (i = 0; i <= 40; i++) {
		EXPECT(tc, "KRN-081", krn_ended(tc, &io[i]), "command %u never ended", i);
		if (krn_sim(tc))
			EXPECT_EQ(tc, "KRN-081", "place in the order of ends", i + 1, io[i].order);
	}
}

/*
 * A drain that fails gives the front command a new deadline, and that one alone; a doorbell that
 * reclaims nothing tries nothing, and gives none.
 */
static void restarted(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 8 * sizeof(*io));
	uint64_t front, second, tried;

	if (!start_full(tc, 0, 4, &io[0]))
		return;
	krn_turs(tc, &io[1], 1);
	front = krn_now_ms(tc);
	wait_for_block(tc, &io[2]);
	wait_for_block(tc, &io[3]);
	second = krn_now_ms(tc);
	target_advance(tc->t, 2000);
	seat_answer(tc->t, 0, 2, 0, 0, 0, NULL); /* the TUR, by way of the first slot */
	tried = krn_now_ms(tc);
	seat_set_tail(tc->t, 128);
	seat_ring(tc->t); /* no block gets free */
	EXPECT(tc, "KRN-061", krn_ended(tc, &io[1]), "no end");
	in_time(tc, "KRN-091", &io[3], second, 4000);
	EXPECT(tc, "KRN-081",
	       tried - front >= 4000 || krn_now_ms(tc) - tried >= 4000 || !io[2].done,
	       "the front expired by its first deadline");
	in_time(tc, "KRN-081", &io[2], tried, 4000);
	EXPECT_ENDED(tc, "KRN-081", &io[2], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	EXPECT_ENDED(tc, "KRN-091", &io[3], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	/* the same with a doorbell for nothing */
	front = krn_now_ms(tc);
	wait_for_block(tc, &io[4]);
	target_advance(tc->t, 2000);
	seat_ring(tc->t);
	in_time(tc, "KRN-072", &io[4], front, 4000);
	if (krn_sim(tc))
		EXPECT(tc, "KRN-072", krn_now_ms(tc) - front < 6000,
		       "a doorbell for nothing counted");
	seat_answer(tc->t, 128, 1, 8, 0, 0, NULL);
	seat_set_tail(tc->t, 248);
	seat_ring(tc->t);
}

/* Never early, and not much later. */
static void in_flight(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 6 * sizeof(*io));
	struct target_opts o = krn_opts();
	uint64_t start[3];
	uint32_t tmo, i;

	for (tmo = 1; tmo <= 3; tmo += 2) {
		o.dev.cmd_time_out_s = tmo;
		if (target_start(tc->t, &o))
			return;
		for (i = 0; i < 3; i++) { /* each at its own time */
			start[i] = krn_now_ms(tc);
			krn_turs(tc, &io[i], 1);
			if (i < 2)
				target_advance(tc->t, 400);
		}
		for (i = 0; i < 3; i++) {
			in_time(tc, "KRN-090", &io[i], start[i], tmo * 1000);
			EXPECT_ENDED(tc, "KRN-090", &io[i], RINGSIM_EXPIRED, 2, 2, 8, 0);
		}
	}
}

/* qfull_time_out above 0, then cmd_time_out. */
static void of_the_queue(struct tc *tc)
{
	static const struct {
		uint32_t cmd_s;
		int32_t qfull_s;
		uint32_t want_s;
	} rows[] = { { 60, 1, 1 }, { 2, -1, 2 }, { 0, 2, 2 }, { 1, 4, 4 } };
	struct target_io *io = tc_alloc(tc, 2 * sizeof(*io));
	uint64_t start;
	uint32_t i;

	for (i = 0; i < 4; i++) {
		if (!start_full(tc, rows[i].cmd_s, rows[i].qfull_s, &io[0]))
			return;
		start = krn_now_ms(tc);
		wait_for_block(tc, &io[1]);
		in_time(tc, "KRN-091", &io[1], start, rows[i].want_s * 1000);
		EXPECT_ENDED(tc, "KRN-091", &io[1], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	}
}

/* cmd_time_out 0: nothing on the ring expires; what waits does. A reset ends the rest. */
static void never(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 4 * sizeof(*io));
	uint32_t i;

	if (!start_full(tc, 0, 2, &io[0]))
		return;
	krn_turs(tc, &io[1], 2);
	wait_for_block(tc, &io[3]);
	target_advance(tc->t, 6000);
	EXPECT_ENDED(tc, "KRN-091", &io[3], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	for (i = 0; i < 3; i++)
		EXPECT(tc, "KRN-092", krn_pending(tc, &io[i]), "command %u expired", i);
	EXPECT_EQ(tc, "KRN-111", "reset_ring", 0, target_reset_ring(tc->t, 2));
	for (i = 0; i < 3; i++)
		EXPECT_ENDED(tc, "KRN-092", &io[i], RINGSIM_RESET, 2, 2, 8, 0);
}

/* What has expired keeps id, blocks and slot, is answered once, and the handler is not told. */
static void still_owns(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 6 * sizeof(*io));
	struct seat_entry e;
	uint8_t ring[512];
	uint32_t events, head, i;

	if (!start_full(tc, 2, -1, &io[0]))
		return;
	krn_turs(tc, &io[1], 3);
	memcpy(ring, seat_region(tc->t) + 128, sizeof(ring));
	events = target_events(tc->t);
	head = seat_head(tc->t);
	target_advance(tc->t, 4000);
	for (i = 0; i < 4; i++)
		EXPECT_ENDED(tc, "KRN-090", &io[i], RINGSIM_EXPIRED, 2, 2, 8, 0);
	EXPECT_MEM(tc, "DIS-09", "the ring", ring, seat_region(tc->t) + 128, sizeof(ring));
	EXPECT_EQ(tc, "KRN-090", "events", events, target_events(tc->t));
	SIM_EQ(tc, "DIS-09", "expired", 4, expired);
	/* a dead handler: what comes now waits for the blocks, and times out with 0x28 */
	wait_for_block(tc, &io[4]);
	EXPECT(tc, "DIS-10", krn_pending(tc, &io[4]), "it does not wait");
	EXPECT_EQ(tc, "DIS-09", "cmd_head", head, seat_head(tc->t));
	target_advance(tc->t, 4000);
	EXPECT_ENDED(tc, "DIS-10", &io[4], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	/* it comes back: each is released once, nobody hears of it again */
	seat_finish_all(tc->t, 0);
	SIM_EQ(tc, "DIS-09", "expired", 0, expired);
	SIM_EQ(tc, "DIS-09", "blocks in use", 0, blocks_used);
	for (i = 0; i < 4 && krn_sim(tc); i++)
		EXPECT_EQ(tc, "DIS-09", "order", i + 1, io[i].order);
	wait_for_block(tc, &io[5]);
	if (!krn_cmd(tc, 0, &e))
		return;
	EXPECT_EQ(tc, "KRN-050", "id", 1, e.id);
	EXPECT_EQ(tc, "KRN-040", "iov_base", KRN_DATA, (uintptr_t)e.iov[0].iov_base);
	seat_finish(tc->t, 8);
	EXPECT(tc, "DIS-09", krn_ended(tc, &io[5]) && io[5].status == 8, "no end");
}

/* From the queue to the ring: the whole time-out again. */
static void promotion(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 2 * sizeof(*io));
	uint64_t promoted;

	if (!start_full(tc, 4, 60, &io[0]))
		return;
	wait_for_block(tc, &io[1]);
	target_advance(tc->t, 2500);
	promoted = krn_now_ms(tc);
	seat_finish_all(tc->t, 8);
	EXPECT_EQ(tc, "KRN-094", "cmd_head", 256, seat_head(tc->t));
	in_time(tc, "KRN-094", &io[1], promoted, 4000);
	EXPECT_ENDED(tc, "KRN-094", &io[1], RINGSIM_EXPIRED, 2, 2, 8, 0);
}

/* A device that nobody serves, from the first command to the last status. */
static void never_attached(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 12 * sizeof(*io));
	struct target_opts o = krn_opts();
	uint32_t i;

	o.dev.cmd_time_out_s = 2;
	if (target_start(tc->t, &o))
		return;
	target_uio_close(tc->t);
	krn_take_all(tc, &io[0]);
	krn_turs(tc, &io[1], 3);
	for (i = 4; i < 12; i++)
		wait_for_block(tc, &io[i]);
	EXPECT_EQ(tc, "DIS-10", "cmd_head", 128 + 3 * 120, seat_head(tc->t));
	target_advance(tc->t, 4500);
	for (i = 0; i < 12; i++) {
		if (i < 4)
			EXPECT_ENDED(tc, "DIS-10", &io[i], RINGSIM_EXPIRED, 2, 2, 8, 0);
		else
			EXPECT_ENDED(tc, "DIS-10", &io[i], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	}
}

static const struct case_def rows[] = {
	{ "krn.080.conditions", "KRN-080 KRN-082 KRN-011 KRN-072 DIS-10", CLAUSE_MUST, NEEDS_SEAT,
	  "no blocks, or somebody who waits; waiting takes nothing", entry_conditions },
	{ "krn.081.fifo", "KRN-081 KRN-080", CLAUSE_MUST, NEEDS_SEAT,
	  "forty that wait, of all lengths", fifo },
	{ "krn.081.restarted", "KRN-081 KRN-091 KRN-072", CLAUSE_MUST, NEEDS_SEAT,
	  "a failed drain restarts the deadline of the front alone", restarted },
	{ "krn.090.in-flight", "KRN-090 DIS-08", CLAUSE_MUST, NEEDS_SEAT,
	  "each expires after its time-out, never before", in_flight },
	{ "krn.090.still-owns", "KRN-090 KRN-066 KRN-050 DIS-09 DIS-10", CLAUSE_MUST, NEEDS_SEAT,
	  "what expired keeps id, blocks and ring until it is answered", still_owns },
	{ "krn.091.of-the-queue", "KRN-091 DIS-08", CLAUSE_MUST, NEEDS_SEAT,
	  "which time-out a waiting command has", of_the_queue },
	{ "krn.092.never", "KRN-092 KRN-091 KRN-111 DIS-08", CLAUSE_MUST, NEEDS_SEAT,
	  "without cmd_time_out nothing on the ring expires", never },
	{ "krn.094.promotion", "KRN-094 KRN-090", CLAUSE_MUST, NEEDS_SEAT,
	  "a promoted command has all its time again", promotion },
	{ "dis.10.never-attached", "DIS-10 KRN-080 KRN-090 KRN-091", CLAUSE_MUST, NEEDS_SEAT,
	  "nobody ever serves the device", never_attached },
};

CASE_TABLE(cases_krn_wait);
