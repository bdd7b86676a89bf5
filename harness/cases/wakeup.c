/* SPDX-License-Identifier: MIT */
/*
 * Starting and waiting: where the index comes from, when to look at the ring, when to sleep.
 * Clauses HND-041 to HND-043, HND-048 and HND-063.
 */
#include "work.h"

#define BATCH 24

static void submit_batch(struct tc *tc, struct target_io *ios, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		work_tur(&ios[i]);
		target_submit(tc->t, &ios[i]);
	}
}

/* The commands are there before anybody opens the device; no event comes for them. */
static void queued_before_open(struct tc *tc)
{
	struct target_opts o = work_in_order(8 * 509, 8);
	struct target_io *ios = tc_alloc(tc, 5 * sizeof(*ios));

	if (target_start(tc->t, &o))
		return;
	target_kill(tc->t);
	submit_batch(tc, ios, 5);
	if (target_restart(tc->t))
		return;
	work_wait_all(tc, "HND-041", ios, 5);
}

/* The ring is full and more wait for it: a handler that waits for an event waits for ever. */
static void full_before_open(struct tc *tc)
{
	struct target_opts o = work_in_order(1024, 2);
	struct target_io *ios = tc_alloc(tc, 40 * sizeof(*ios));
	struct ringsim_stats st;
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	target_kill(tc->t);
	submit_batch(tc, ios, 40);
	if (target_stats(tc->t, &st))
		EXPECT(tc, "HND-041", st.queued > 20, "only %u commands wait for the ring",
		       st.queued);
	if (target_restart(tc->t) || !work_wait_all(tc, "HND-041", ios, 40))
		return;
	for (i = 0; i < 40; i++)
		EXPECT_EQ(tc, "HND-041", "status", 0, ios[i].status);
}

/* The predecessor finished everything and died before it rang. */
static void died_before_doorbell(struct tc *tc)
{
	struct target_opts o = work_opts(1024, 2);
	struct target_io *ios = tc_alloc(tc, 20 * sizeof(*ios));
	uint32_t tail, head;
	struct seat_entry e;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	target_kill(tc->t);
	submit_batch(tc, ios, 20);
	head = seat_head(tc->t);
	for (tail = seat_tail(tc->t); tail != head; tail = seat_next(tc->t, &e)) {
		seat_entry(tc->t, tail, &e);
		if (e.op == TCMU_OP_CMD)
			seat_answer(tc->t, tail, 0, 0, 0, 0, NULL);
	}
	seat_set_tail(tc->t, head);
	if (target_restart(tc->t))
		return;
	work_wait_all(tc, "HND-063", ios, 20);
}

static void no_spin(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 8);
	struct target_io io;
	uint64_t wakeups;
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	for (i = 0; i < 4; i++) {
		wakeups = target_wakeups(tc->t);
		if (i % 2) {
			work_tur(&io);
			EXPECT_GOOD(tc, "HND-042", &io);
		} else {
			ringsim_spurious_event(target_device(tc->t));
		}
		target_settle(tc->t);
		wakeups = target_wakeups(tc->t) - wakeups;
		EXPECT(tc, "HND-042", wakeups <= 4, "one event woke the handler %llu times",
		       (unsigned long long)wakeups);
	}
}

/* After the look at the head that found nothing more, before the wait; again and again. */
struct window {
	struct target_io *ios;
	uint32_t n, next, heads;
};

static void window_submit(struct target *t, struct window *w)
{
	w->heads = 0;
	target_submit(t, &w->ios[w->next++]);
}

static void submit_at_empty(struct target *t, void *ctx, enum consumer_step step)
{
	struct window *w = ctx;

	/* the first look after a submission finds it, the second finds nothing */
	if (step == CONSUMER_STEP_HEAD && ++w->heads >= 2 && w->next < w->n)
		window_submit(t, w);
}

static void window(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 8);
	struct target_io *ios = tc_alloc(tc, BATCH * sizeof(*ios));
	struct window w = { .ios = ios, .n = BATCH };
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	for (i = 0; i < BATCH; i++)
		work_tur(&ios[i]);
	target_on_step(tc->t, submit_at_empty, &w);
	for (i = 0; i < BATCH; i++) {
		if (w.next == i)
			window_submit(tc->t, &w);
		EXPECT(tc, "HND-042", !target_wait(tc->t, &ios[i]),
		       "a command that came between the last look at the head and the wait never "
		       "ended");
	}
}

/* Pairs of commands, the second a little later each time: for handlers that run on their own. */
static void race(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 8);
	struct target_io ios[2];
	uint32_t i, spin;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 250; i++) {
		work_tur(&ios[0]);
		target_submit(tc->t, &ios[0]);
		for (spin = 40 * i + tc_below(tc, 40); spin; spin--)
			__asm__ volatile("" ::: "memory");
		work_tur(&ios[1]);
		target_submit(tc->t, &ios[1]);
		if (!work_wait_all(tc, "HND-042", ios, 2))
			return;
	}
}

static void spurious(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 8);
	struct ringsim_stats st;
	struct target_io io;
	uint32_t i, tail;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	for (i = 0; i < 6; i++) {
		tail = seat_tail(tc->t);
		ringsim_spurious_event(target_device(tc->t));
		if (i % 2)
			ringsim_spurious_event(target_device(tc->t));
		target_settle(tc->t);
		EXPECT_EQ(tc, "HND-043", "cmd_tail after an event for nothing", tail,
			  seat_tail(tc->t));
		work_tur(&io);
		EXPECT_GOOD(tc, "HND-043", &io);
	}
	target_settle(tc->t);
	ringsim_stats(target_device(tc->t), &st);
	EXPECT(tc, "HND-043", !st.broken, "the ring is broken");
}

static void coalesced(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 1021, 8);
	struct target_io *ios = tc_alloc(tc, BATCH * sizeof(*ios));
	struct ringsim_stats before, after;
	uint32_t round;

	if (target_start(tc->t, &o))
		return;
	for (round = 0; round < 4; round++) {
		target_settle(tc->t);
		target_stats(tc->t, &before);
		target_plug(tc->t);
		submit_batch(tc, ios, BATCH);
		target_unplug(tc->t);
		if (target_stats(tc->t, &after))
			EXPECT_EQ(tc, "HND-043", "events for a batch", 1,
				  after.events - before.events);
		if (!work_wait_all(tc, "HND-043", ios, BATCH))
			return;
	}
}

/* Events are counted in 32 bits: negative as s32, then 0. */
static void count_wraps(struct tc *tc)
{
	static const uint32_t firsts[] = { 0x7ffffffd, 0xfffffffd };
	struct target_opts o = work_opts(8 * 509, 8);
	struct target_io io;
	uint32_t i, k;

	for (i = 0; i < 2; i++) {
		o.dev.first_event = firsts[i];
		if (target_start(tc->t, &o))
			return;
		for (k = 0; k < 6; k++) {
			work_tur(&io);
			EXPECT_GOOD(tc, "HND-043", &io);
			target_settle(tc->t);
		}
	}
}

/* Head and tail are somewhere, and commands wait there. */
static void tail_not_zero(struct tc *tc)
{
	struct target_opts o = work_in_order(8 * 1021, 8);
	struct target_io *ios = tc_alloc(tc, 4 * sizeof(*ios));
	uint32_t i;

	for (i = 0; i < 6; i++) {
		o.dev.start = i ? 8 * (1 + tc_below(tc, 1020)) : 8 * 1020;
		if (target_start(tc->t, &o))
			return;
		target_settle(tc->t);
		EXPECT_EQ(tc, "HND-048", "cmd_tail", o.dev.start, seat_tail(tc->t));
		target_kill(tc->t);
		submit_batch(tc, ios, 4);
		if (target_restart(tc->t) || !work_wait_all(tc, "HND-048", ios, 4))
			return;
		submit_batch(tc, ios, 4);
		if (!work_wait_all(tc, "HND-048", ios, 4))
			return;
	}
}

/* One command, and the tail is 0 again before the new handler has stored it once. */
static void tail_to_zero(struct tc *tc)
{
	struct target_opts o = work_in_order(8 * 509, 8);
	struct target_io io;

	o.dev.start = 8 * 509 - 120;
	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	target_kill(tc->t);
	work_tur(&io);
	target_submit(tc->t, &io);
	if (target_restart(tc->t))
		return;
	EXPECT(tc, "HND-048", !target_wait(tc->t, &io),
	       "the only command of a new handler, which ends flush with the ring, never ended");
	EXPECT_EQ(tc, "HND-048", "cmd_tail", 0, seat_tail(tc->t));
}

static const struct case_def rows[] = {
	{ "hnd.041.queued-before-open", "HND-041 DIS-21", CLAUSE_MUST, NEEDS_RESTART,
	  "commands queued before open are drained without an event", queued_before_open },
	{ "hnd.041.full-before-open", "HND-041 DIS-10", CLAUSE_MUST, NEEDS_RESTART,
	  "a handler that attaches late finds ring and queue full", full_before_open },
	{ "hnd.042.window", "HND-042 HND-010", CLAUSE_MUST, NEEDS_INPROC,
	  "a command between the last look and the wait", window },
	{ "hnd.042.race", "HND-042 HND-010", CLAUSE_MUST, 0,
	  "pairs of commands at growing distances", race },
	{ "hnd.042.no-spin", "HND-042 HND-043", CLAUSE_MUST, NEEDS_INPROC,
	  "an event is consumed, not polled for ever", no_spin },
	{ "hnd.043.spurious", "HND-043", CLAUSE_MUST, 0, "events for nothing", spurious },
	{ "hnd.043.coalesced", "HND-043", CLAUSE_MUST, 0, "one event for many commands",
	  coalesced },
	{ "hnd.043.count-wraps", "HND-043 HND-046", CLAUSE_MUST, 0,
	  "an event count that is negative or 0", count_wraps },
	{ "hnd.048.tail-not-zero", "HND-048", CLAUSE_MUST, NEEDS_RESTART,
	  "the index comes from the mailbox", tail_not_zero },
	{ "hnd.048.tail-to-zero", "HND-048 HND-014", CLAUSE_MUST, NEEDS_RESTART,
	  "the first tail that is stored is 0", tail_to_zero },
	{ "hnd.063.died-before-doorbell", "HND-063", CLAUSE_SHOULD, NEEDS_RESTART,
	  "the predecessor died between tail and doorbell", died_before_doorbell },
};
CASE_TABLE(cases_wakeup);
