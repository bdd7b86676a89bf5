/* SPDX-License-Identifier: MIT */
/*
 * Cases: block_dev, reset_ring, free_kept_buf. Clauses: KRN-110 to KRN-113.
 */
#include "krn.h"

#define DATA_BLOCKS 4

static bool start(struct tc *tc, struct target_opts *o)
{
	*o = TARGET_OPTS;
	o->dev.geo.data_blocks = DATA_BLOCKS;
	o->exact = true; /* nobody fills the Data-In here */
	return !target_start(tc->t, o);
}

/* TRP-33: the flag, then completions, then the queue fails with BUSY; in-flight goes on. */
static void block_dev(struct tc *tc)
{
	struct target_io done, flying, waits, refused;
	struct target_opts o;

	if (!start(tc, &o))
		return;
	krn_in(&done, NULL, 8192);
	target_submit(tc->t, &done);
	krn_in(&flying, NULL, 8192);
	target_submit(tc->t, &flying);
	krn_in(&waits, NULL, 8192);
	target_submit(tc->t, &waits);
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 128); /* answered, not rung */
	ringsim_block(target_device(tc->t), true);
	EXPECT_ENDED(tc, "KRN-110", &done, RINGSIM_ANSWERED, 0, 0, 0, 0);
	EXPECT_ENDED(tc, "KRN-110", &waits, RINGSIM_REFUSED, 0x08, 0, 0, 0);
	EXPECT(tc, "KRN-110", done.order < waits.order, "completions come before the queue fails");
	EXPECT(tc, "KRN-110", !flying.done, "in-flight commands go on");
	krn_in(&refused, NULL, 512);
	target_submit(tc->t, &refused);
	EXPECT_ENDED(tc, "KRN-110", &refused, RINGSIM_REFUSED, 0x08, 0, 0, 0);
	seat_finish(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-110", &flying, RINGSIM_ANSWERED, 0, 0, 0, 0);
	ringsim_block(target_device(tc->t), false);
	krn_in(&refused, NULL, 512);
	target_submit(tc->t, &refused);
	EXPECT(tc, "KRN-110", !refused.done && refused.cmd.id == 1, "unblocked, commands go in");
}

/* A reset ends what is in flight by level, frees expired and kept ones silently, and starts over.
 */
static void reset_level(struct tc *tc, unsigned int level, uint8_t status)
{
	struct target_io kept, expired, flying[2], waits;
	struct ringsim_stats st;
	struct target_opts o;

	if (!start(tc, &o))
		return;
	krn_in(&kept, NULL, 4096);
	target_submit(tc->t, &kept);
	krn_keep(tc);
	krn_in(&expired, NULL, 4096);
	target_submit(tc->t, &expired);
	target_advance(tc->t, 31000);
	EXPECT_ENDED(tc, "KRN-090", &expired, RINGSIM_EXPIRED, 2, 2, 8, 0);
	krn_in(&flying[0], NULL, 4096);
	target_submit(tc->t, &flying[0]);
	krn_turs(tc, &flying[1], 1);
	krn_in(&waits, NULL, 4 * 4096);
	target_submit(tc->t, &waits);
	expired.done = kept.done = false;
	EXPECT_EQ(tc, "KRN-111", "reset_ring", 0, ringsim_reset(target_device(tc->t), level));
	EXPECT_ENDED(tc, "KRN-111", &flying[0], RINGSIM_RESET, status, 2, 8, 0);
	EXPECT_ENDED(tc, "KRN-111", &flying[1], RINGSIM_RESET, status, 2, 8, 0);
	EXPECT(tc, "KRN-111", !expired.done && !kept.done,
	       "expired and kept ones are freed silently");
	st = krn_stats(tc);
	EXPECT_EQ(tc, "KRN-111", "in flight: the one that waited", 1, st.inflight);
	EXPECT_EQ(tc, "KRN-111", "its id", 1, waits.cmd.id);
	EXPECT_EQ(tc, "KRN-111", "expired, kept, queued", 0, st.expired + st.kept + st.queued);
	EXPECT_EQ(tc, "KRN-111", "blocks", 4, st.blocks_used);
	EXPECT_EQ(tc, "KRN-111", "reclaim pointer", 0, st.reclaim);
	EXPECT_EQ(tc, "KRN-111", "cmd_tail", 0, seat_tail(tc->t));
	EXPECT_EQ(tc, "KRN-111", "cmd_head", 128, seat_head(tc->t));
}

static void reset_busy(struct tc *tc)
{
	reset_level(tc, 1, 0x08);
}

static void reset_hard(struct tc *tc)
{
	reset_level(tc, 2, 0x02);
}

static void reset_levels(struct tc *tc)
{
	struct target_opts o;
	struct target_io io;

	if (!start(tc, &o))
		return;
	krn_turs(tc, &io, 1);
	EXPECT_EQ(tc, "KRN-111", "level 0", (uint64_t)-EINVAL,
		  (uint64_t)ringsim_reset(target_device(tc->t), 0));
	EXPECT_EQ(tc, "KRN-111", "level 3", (uint64_t)-EINVAL,
		  (uint64_t)ringsim_reset(target_device(tc->t), 3));
	EXPECT(tc, "KRN-111", !io.done, "a refused level resets nothing");
}

/* TRP-31, TRP-32: answers that were published but not walked are lost; ring bytes stay. */
static void reset_loses_answers(struct tc *tc)
{
	uint8_t before[256];
	struct target_opts o;
	struct target_io io, next;

	if (!start(tc, &o))
		return;
	krn_turs(tc, &io, 1);
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, KRN_TUR);
	memcpy(before, seat_region(tc->t) + 128, sizeof(before));
	ringsim_reset(target_device(tc->t), 1);
	EXPECT_ENDED(tc, "KRN-111", &io, RINGSIM_RESET, 0x08, 0, 0, 0);
	EXPECT_MEM(tc, "KRN-111", "ring bytes", before, seat_region(tc->t) + 128, sizeof(before));
	krn_turs(tc, &next, 1);
	seat_finish(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-111", &next, RINGSIM_ANSWERED, 0, 0, 0, 0);
}

static void reset_mends(struct tc *tc)
{
	struct target_opts o;
	struct target_io io, next;

	if (!start(tc, &o))
		return;
	krn_turs(tc, &io, 1);
	tc_expect_violation(tc, "HND-053");
	seat_answer(tc->t, 0, 4321, 0, 0, 0, NULL);
	seat_set_tail(tc->t, KRN_TUR);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-062", krn_stats(tc).broken, "BROKEN");
	krn_turs(tc, &next, 1);
	EXPECT_ENDED(tc, "KRN-063", &next, RINGSIM_REFUSED, 2, 2, 8, 0);
	ringsim_reset(target_device(tc->t), 2);
	EXPECT(tc, "KRN-063", !krn_stats(tc).broken, "reset_ring clears BROKEN");
	EXPECT_ENDED(tc, "KRN-111", &io, RINGSIM_RESET, 2, 2, 8, 0);
	krn_turs(tc, &next, 1);
	seat_finish(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-111", &next, RINGSIM_ANSWERED, 0, 0, 0, 0);
}

/* The command timer stops with a reset: what comes in afterwards gets its own full time. */
static void reset_stops_timer(struct tc *tc)
{
	struct target_opts o;
	struct target_io io, next;

	if (!start(tc, &o))
		return;
	krn_turs(tc, &io, 1);
	target_advance(tc->t, 25000);
	ringsim_reset(target_device(tc->t), 1);
	EXPECT_EQ(tc, "KRN-111", "next timer", UINT64_MAX,
		  ringsim_next_timer(target_device(tc->t)));
	krn_turs(tc, &next, 1);
	target_advance(tc->t, 29000);
	EXPECT(tc, "KRN-111", !next.done, "29 s are not 30 s");
	target_advance(tc->t, 2000);
	EXPECT_ENDED(tc, "KRN-090", &next, RINGSIM_EXPIRED, 2, 2, 8, 0);
}

/* Neither an event nor a byte tells the handler (KRN-113). */
static void reset_is_silent(struct tc *tc)
{
	struct target_opts o;
	struct target_io io;
	uint32_t events;

	if (!start(tc, &o))
		return;
	krn_turs(tc, &io, 1);
	events = krn_stats(tc).events;
	ringsim_reset(target_device(tc->t), 1);
	EXPECT_EQ(tc, "KRN-113", "events", events, krn_stats(tc).events);
	/* a handler that goes on where it was completes an id that is nobody's */
	tc_expect_violation(tc, "HND-011");
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, KRN_TUR);
	tc_expect_violation(tc, "HND-039");
	seat_ring(tc->t);
	EXPECT(tc, "KRN-113", krn_stats(tc).broken, "going on after a reset corrupts the ring");
	EXPECT(tc, "KRN-113", tc_violations(tc), "and is reported");
}

static void reset_drops_tmr(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	struct target_io big[2], *none[1] = { NULL };
	struct ringsim_stats st;

	o.dev.tmr_notification = true;
	o.dev.geo.cmdr_size = 512;
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, big, 2);
	krn_turs(tc, &big[1], 0);
	while (krn_stats(tc).queued == 0) {
		struct target_io *io = tc_alloc(tc, sizeof(*io));

		krn_turs(tc, io, 1);
	}
	target_tmr(tc->t, TCMU_TMR_LUN_RESET, none, 0);
	target_tmr(tc->t, TCMU_TMR_LUN_RESET, none, 0);
	st = krn_stats(tc);
	EXPECT(tc, "KRN-102", st.tmrs >= 1, "a TMR without room waits");
	ringsim_reset(target_device(tc->t), 1);
	st = krn_stats(tc);
	EXPECT_EQ(tc, "KRN-111", "waiting TMRs after the reset", 0, st.tmrs);
	EXPECT_EQ(tc, "KRN-111", "queued commands went in", 0, st.queued);
}

static void free_kept(struct tc *tc)
{
	struct ringsim_device *dev;
	struct target_opts o;
	struct target_io io, flying, waits;

	if (!start(tc, &o))
		return;
	dev = target_device(tc->t);
	krn_in(&io, NULL, 3 * 4096);
	target_submit(tc->t, &io);
	krn_keep(tc);
	EXPECT_ENDED(tc, "KRN-112", &io, RINGSIM_ANSWERED, 0, 0, 0, 0);
	krn_in(&flying, NULL, 4096);
	target_submit(tc->t, &flying);
	EXPECT_EQ(tc, "KRN-050", "the id of a kept command is taken", 2, flying.cmd.id);
	krn_in(&waits, NULL, 4096);
	target_submit(tc->t, &waits);
	EXPECT_EQ(tc, "KRN-112", "queued", 1, krn_stats(tc).queued);
	EXPECT_EQ(tc, "KRN-112", "id 0", (uint64_t)-EINVAL, (uint64_t)ringsim_free_kept(dev, 0));
	EXPECT_EQ(tc, "KRN-112", "an id in flight", (uint64_t)-EINVAL,
		  (uint64_t)ringsim_free_kept(dev, 2));
	EXPECT_EQ(tc, "KRN-112", "an id nobody has", (uint64_t)-EINVAL,
		  (uint64_t)ringsim_free_kept(dev, 9));
	EXPECT_EQ(tc, "KRN-112", "no id at all", (uint64_t)-EINVAL,
		  (uint64_t)ringsim_free_kept(dev, 65536 + 1));
	EXPECT_EQ(tc, "KRN-112", "the kept id", 0, ringsim_free_kept(dev, 1));
	EXPECT_EQ(tc, "KRN-112", "the waiting command got the freed id", 1, waits.cmd.id);
	EXPECT_EQ(tc, "KRN-112", "blocks", 2, krn_stats(tc).blocks_used);
	EXPECT_EQ(tc, "KRN-112", "twice", (uint64_t)-EINVAL, (uint64_t)ringsim_free_kept(dev, 1));
}

#define SEAT (NEEDS_SEAT | NEEDS_SIM)

static const struct case_def rows[] = {
	{ "krn.110.block-dev", "KRN-110 KRN-060 DIS-19", CLAUSE_MUST, SEAT,
	  "block_dev: completions first, queue BUSY, in-flight goes on", block_dev },
	{ "krn.111.level-1", "KRN-111 DIS-19", CLAUSE_MUST, SEAT,
	  "reset_ring=1 answers BUSY and starts over", reset_busy },
	{ "krn.111.level-2", "KRN-111 SCS-044 DIS-19", CLAUSE_MUST, SEAT,
	  "reset_ring=2 answers 02/08/00 and starts over", reset_hard },
	{ "krn.111.levels", "KRN-111", CLAUSE_MUST, SEAT, "there are levels 1 and 2 only",
	  reset_levels },
	{ "krn.111.answers-lost", "KRN-111", CLAUSE_MUST, SEAT,
	  "answers that were not walked are lost, old bytes stay", reset_loses_answers },
	{ "krn.111.mends", "KRN-111 KRN-063", CLAUSE_MUST, SEAT, "a reset mends a broken ring",
	  reset_mends },
	{ "krn.111.timer", "KRN-111", CLAUSE_MUST, SEAT, "a reset stops the command timer",
	  reset_stops_timer },
	{ "krn.111.tmr", "KRN-111", CLAUSE_MUST, SEAT, "a reset drops waiting TMRs",
	  reset_drops_tmr },
	{ "krn.113.silent", "KRN-113", CLAUSE_MUST, SEAT, "the handler is not told of a reset",
	  reset_is_silent },
	{ "krn.112.free-kept", "KRN-112 DIS-07 DIS-19", CLAUSE_MUST, SEAT,
	  "free_kept_buf frees only kept ids and drains the queue", free_kept },
};

CASE_TABLE(cases_krn_recovery);
