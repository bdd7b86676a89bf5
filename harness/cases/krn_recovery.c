/* SPDX-License-Identifier: MIT */
/*
 * Cases: block_dev, reset_ring, free_kept_buf. Clauses: KRN-110 to KRN-113.
 */
#include "krn.h"

#define HALF (KRN_BLOCKS / 2 * 4096)

static bool start(struct tc *tc, uint32_t cmd_s)
{
	struct target_opts o = krn_opts();

	o.dev.cmd_time_out_s = cmd_s;
	return !tc->failed && !target_start(tc->t, &o);
}

static void submit_in(struct tc *tc, struct target_io *io, uint32_t len)
{
	krn_in(io, NULL, len);
	krn_submit(tc, io);
}

/* TRP-33: the flag, then completions, then the queue fails with BUSY; in-flight goes on. */
static void block_dev(struct tc *tc)
{
	struct target_io done, flying, waits, refused;
	struct seat_entry e;

	if (!start(tc, 30))
		return;
	submit_in(tc, &done, HALF);
	submit_in(tc, &flying, HALF);
	submit_in(tc, &waits, HALF);
	seat_answer(tc->t, 0, 0, 0x18, 0, 0, NULL);
	seat_set_tail(tc->t, 128); /* answered, not rung: when it is walked, @waits would fit */
	EXPECT_EQ(tc, "KRN-110", "block_dev", 0, target_block_dev(tc->t, true));
	EXPECT_ENDED(tc, "KRN-110", &done, RINGSIM_ANSWERED, 0x18, 0, 0, 0);
	EXPECT_ENDED(tc, "KRN-110", &waits, RINGSIM_REFUSED, 0x08, 0, 0, 0);
	if (krn_sim(tc))
		EXPECT(tc, "KRN-110", done.order < waits.order,
		       "completions come before the queue fails");
	EXPECT(tc, "KRN-110", krn_pending(tc, &flying), "in-flight commands go on");
	submit_in(tc, &refused, 512);
	EXPECT_ENDED(tc, "KRN-110", &refused, RINGSIM_REFUSED, 0x08, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-110", "cmd_head", 256, seat_head(tc->t));
	seat_finish(tc->t, 0x18);
	EXPECT_ENDED(tc, "KRN-110", &flying, RINGSIM_ANSWERED, 0x18, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-110", "block_dev", 0, target_block_dev(tc->t, false));
	submit_in(tc, &refused, 512);
	EXPECT(tc, "KRN-110", krn_pending(tc, &refused), "unblocked, commands go in");
	if (krn_cmd(tc, 0, &e))
		EXPECT_EQ(tc, "KRN-050", "id", 1, e.id);
	seat_finish_all(tc->t, 8);
}

/* A reset ends what is in flight by level, frees expired and kept ones silently, and starts over.
 */
static void reset_level(struct tc *tc, unsigned int level, uint8_t status)
{
	struct target_io kept, expired, flying[2], waits;
	struct ringsim_stats st;
	struct seat_entry e;
	uint64_t order;

	if (!start(tc, 2))
		return;
	submit_in(tc, &kept, 4096);
	krn_keep_as(tc, 8);
	submit_in(tc, &expired, 4096);
	target_advance(tc->t, 4000);
	EXPECT_ENDED(tc, "KRN-090", &expired, RINGSIM_EXPIRED, 2, 2, 8, 0);
	submit_in(tc, &flying[0], 4096);
	krn_turs(tc, &flying[1], 1);
	submit_in(tc, &waits, KRN_BLOCKS * 4096);
	EXPECT(tc, "KRN-080", krn_pending(tc, &waits), "it does not wait");
	order = kept.order + expired.order;
	EXPECT_EQ(tc, "KRN-111", "reset_ring", 0, target_reset_ring(tc->t, level));
	EXPECT_ENDED(tc, "KRN-111", &flying[0], RINGSIM_RESET, status, 2, 8, 0);
	EXPECT_ENDED(tc, "KRN-111", &flying[1], RINGSIM_RESET, status, 2, 8, 0);
	EXPECT_EQ(tc, "KRN-111", "ends of expired and kept ones", order,
		  kept.order + expired.order);
	/* the one that waited has all blocks, and the first id again */
	EXPECT_EQ(tc, "KRN-111", "cmd_tail", 0, seat_tail(tc->t));
	EXPECT_EQ(tc, "KRN-111", "cmd_head", 128, seat_head(tc->t));
	if (!krn_cmd(tc, 0, &e))
		return;
	EXPECT_EQ(tc, "KRN-111", "id", 1, e.id);
	EXPECT_EQ(tc, "KRN-111", "iovs", 1, e.iov_cnt);
	EXPECT_EQ(tc, "KRN-111", "iov_base", KRN_DATA, (uintptr_t)e.iov[0].iov_base);
	EXPECT_EQ(tc, "KRN-111", "a kept id", -EINVAL, target_free_kept_buf(tc->t, 1));
	if (krn_sim(tc)) {
		st = krn_stats(tc);
		EXPECT_EQ(tc, "KRN-111", "in flight: the one that waited", 1, st.inflight);
		EXPECT_EQ(tc, "KRN-111", "expired, kept, queued", 0,
			  st.expired + st.kept + st.queued);
		EXPECT_EQ(tc, "KRN-111", "blocks", KRN_BLOCKS, st.blocks_used);
		EXPECT_EQ(tc, "KRN-111", "reclaim pointer", 0, st.reclaim);
	}
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-111", krn_ended(tc, &waits), "what waited never ends");
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
	struct target_io io;

	if (!start(tc, 30))
		return;
	krn_turs(tc, &io, 1);
	EXPECT_EQ(tc, "KRN-111", "level 0", (uint64_t)-EINVAL,
		  (uint64_t)target_reset_ring(tc->t, 0));
	EXPECT_EQ(tc, "KRN-111", "level 3", (uint64_t)-EINVAL,
		  (uint64_t)target_reset_ring(tc->t, 3));
	EXPECT(tc, "KRN-111", krn_pending(tc, &io), "a refused level resets nothing");
	EXPECT_EQ(tc, "KRN-111", "cmd_head", 120, seat_head(tc->t));
	seat_finish_all(tc->t, 0);
}

/* TRP-31, TRP-32: answers that were published but not walked are lost; ring bytes stay. */
static void reset_loses_answers(struct tc *tc)
{
	uint8_t before[256];
	struct target_io io, next;

	if (!start(tc, 30))
		return;
	krn_turs(tc, &io, 1);
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, KRN_TUR);
	memcpy(before, seat_region(tc->t) + 128, sizeof(before));
	target_reset_ring(tc->t, 1);
	EXPECT_ENDED(tc, "KRN-111", &io, RINGSIM_RESET, 0x08, 0, 0, 0);
	EXPECT_MEM(tc, "KRN-111", "ring bytes", before, seat_region(tc->t) + 128, sizeof(before));
	krn_turs(tc, &next, 1);
	EXPECT_EQ(tc, "KRN-111", "cmd_head", KRN_TUR, seat_head(tc->t));
	seat_finish(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-111", &next, RINGSIM_ANSWERED, 0, 0, 0, 0);
}

static void reset_mends(struct tc *tc)
{
	struct target_io io, next;

	if (!start(tc, 30))
		return;
	krn_turs(tc, &io, 1);
	tc_expect_violation(tc, "HND-053");
	seat_answer(tc->t, 0, 4321, 0, 0, 0, NULL);
	seat_set_tail(tc->t, KRN_TUR);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-062", krn_broken(tc), "not BROKEN");
	krn_turs(tc, &next, 1);
	EXPECT_ENDED(tc, "KRN-063", &next, RINGSIM_REFUSED, 2, 2, 8, 0);
	target_reset_ring(tc->t, 2);
	SIM_EQ(tc, "KRN-063", "BROKEN", 0, broken);
	EXPECT_ENDED(tc, "KRN-111", &io, RINGSIM_RESET, 2, 2, 8, 0);
	krn_turs(tc, &next, 1);
	seat_finish(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-111", &next, RINGSIM_ANSWERED, 0, 0, 0, 0);
}

/* The command timer stops with a reset: what comes in afterwards gets its own full time. */
static void reset_stops_timer(struct tc *tc)
{
	struct target_io io, next;
	uint64_t since;

	if (!start(tc, 4))
		return;
	krn_turs(tc, &io, 1);
	target_advance(tc->t, 2500);
	target_reset_ring(tc->t, 1);
	EXPECT_ENDED(tc, "KRN-111", &io, RINGSIM_RESET, 8, 0, 0, 0);
	if (krn_sim(tc))
		EXPECT_EQ(tc, "KRN-111", "next timer", UINT64_MAX,
			  ringsim_next_timer(target_device(tc->t)));
	since = krn_now_ms(tc);
	krn_turs(tc, &next, 1);
	target_advance(tc->t, 3500);
	EXPECT(tc, "KRN-111", !next.done || krn_now_ms(tc) - since >= 4000, "3.5 s are not 4 s");
	target_advance(tc->t, 2000);
	EXPECT_ENDED(tc, "KRN-090", &next, RINGSIM_EXPIRED, 2, 2, 8, 0);
}

/* Neither an event nor a byte tells the handler (KRN-113). */
static void reset_is_silent(struct tc *tc)
{
	struct target_io io;
	uint32_t events;

	if (!start(tc, 30))
		return;
	krn_turs(tc, &io, 1);
	events = target_events(tc->t);
	target_reset_ring(tc->t, 1);
	EXPECT_ENDED(tc, "KRN-111", &io, RINGSIM_RESET, 8, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-113", "events", events, target_events(tc->t));
	/* a handler that goes on where it was completes an id that is nobody's */
	tc_expect_violation(tc, "HND-011");
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, KRN_TUR);
	tc_expect_violation(tc, "HND-039");
	seat_ring(tc->t);
	EXPECT(tc, "KRN-113", krn_broken(tc), "going on after a reset corrupts the ring");
	if (krn_sim(tc))
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
	struct target_io io, flying, waits;
	struct seat_entry e;

	if (!start(tc, 30))
		return;
	submit_in(tc, &io, 200 * 4096);
	krn_keep_as(tc, 0x18);
	EXPECT_ENDED(tc, "KRN-112", &io, RINGSIM_ANSWERED, 0x18, 0, 0, 0);
	submit_in(tc, &flying, 56 * 4096);
	if (!krn_cmd(tc, 0, &e))
		return;
	EXPECT_EQ(tc, "KRN-050", "the id of a kept command is taken", 2, e.id);
	submit_in(tc, &waits, 4096);
	EXPECT(tc, "KRN-112", krn_pending(tc, &waits), "it does not wait");
	SIM_EQ(tc, "KRN-112", "queued", 1, queued);
	if (krn_sim(tc)) /* kernels take id 0 for a pointer to a command, and fall over */
		EXPECT_EQ(tc, "KRN-112", "id 0", -EINVAL, target_free_kept_buf(tc->t, 0));
	EXPECT_EQ(tc, "KRN-112", "an id in flight", -EINVAL, target_free_kept_buf(tc->t, 2));
	EXPECT_EQ(tc, "KRN-112", "an id nobody has", -EINVAL, target_free_kept_buf(tc->t, 9));
	EXPECT(tc, "KRN-112", krn_pending(tc, &waits), "what was refused freed something");
	EXPECT_EQ(tc, "KRN-112", "the kept id", 0, target_free_kept_buf(tc->t, 1));
	if (!krn_cmd(tc, 1, &e))
		return;
	EXPECT_EQ(tc, "KRN-112", "the waiting command got the freed id", 1, e.id);
	EXPECT_EQ(tc, "KRN-112", "and block", KRN_DATA, (uintptr_t)e.iov[0].iov_base);
	SIM_EQ(tc, "KRN-112", "blocks", 57, blocks_used);
	EXPECT_EQ(tc, "KRN-112", "twice", -EINVAL, target_free_kept_buf(tc->t, 1));
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-112", krn_ended(tc, &waits) && krn_ended(tc, &flying), "no end");
}

/* A number that is no u16 is no id: 65537 is not 1. */
static void free_kept_numbers(struct tc *tc)
{
	struct target_io io;

	if (!start(tc, 30))
		return;
	krn_turs(tc, &io, 1);
	krn_keep(tc);
	EXPECT(tc, "KRN-112", krn_ended(tc, &io), "no end");
	EXPECT_EQ(tc, "KRN-112", "65537", -ERANGE, target_free_kept_buf(tc->t, 65536 + 1));
	EXPECT_EQ(tc, "KRN-112", "the kept id", 0, target_free_kept_buf(tc->t, 1));
}

static const struct case_def rows[] = {
	{ "krn.110.block-dev", "KRN-110 KRN-060 DIS-19", CLAUSE_MUST, NEEDS_SEAT,
	  "block_dev: completions first, queue BUSY, in-flight goes on", block_dev },
	{ "krn.111.level-1", "KRN-111 DIS-19", CLAUSE_MUST, NEEDS_SEAT,
	  "reset_ring=1 answers BUSY and starts over", reset_busy },
	{ "krn.111.level-2", "KRN-111 SCS-044 DIS-19", CLAUSE_MUST, NEEDS_SEAT,
	  "reset_ring=2 answers 02/08/00 and starts over", reset_hard },
	{ "krn.111.levels", "KRN-111", CLAUSE_MUST, NEEDS_SEAT, "there are levels 1 and 2 only",
	  reset_levels },
	{ "krn.111.answers-lost", "KRN-111", CLAUSE_MUST, NEEDS_SEAT,
	  "answers that were not walked are lost, old bytes stay", reset_loses_answers },
	{ "krn.111.mends", "KRN-111 KRN-063", CLAUSE_MUST, NEEDS_SEAT,
	  "a reset mends a broken ring", reset_mends },
	{ "krn.111.timer", "KRN-111", CLAUSE_MUST, NEEDS_SEAT, "a reset stops the command timer",
	  reset_stops_timer },
	{ "krn.111.tmr", "KRN-111", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "a reset drops waiting TMRs", reset_drops_tmr },
	{ "krn.113.silent", "KRN-113", CLAUSE_MUST, NEEDS_SEAT,
	  "the handler is not told of a reset", reset_is_silent },
	{ "krn.112.free-kept", "KRN-112 DIS-07 DIS-19", CLAUSE_MUST, NEEDS_SEAT,
	  "free_kept_buf frees only kept ids and drains the queue", free_kept },
	{ "krn.112.numbers", "KRN-112", CLAUSE_MUST, NEEDS_SEAT, "ids have 16 bits",
	  free_kept_numbers },
};

CASE_TABLE(cases_krn_recovery);
