/* SPDX-License-Identifier: MIT */
/*
 * Death with commands completed out of order, and death of a whole process. The case plays the
 * supervisor: block, reset, start, unblock. Clauses HND-061, HND-064, HND-070, HND-071.
 */
#include "work.h"

#include "cdb.h"

/* The order that HND-064 recommends. Everything in flight comes back BUSY and is tried again. */
static bool reset_and_restart(struct tc *tc, unsigned int level)
{
	bool ok;

	target_block_dev(tc->t, true);
	if (target_reset_ring(tc->t, level)) {
		tc_fail(tc, "HND-064", "reset_ring %u was refused", level);
		return false;
	}
	ok = work_restart(tc);
	target_block_dev(tc->t, false);
	return ok && !tc->failed;
}

/* Stolen slots everywhere; after every possible step. */
static void reordered_every_step(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-071", .lanes = 8, .max_blocks = 32 };
	struct target_opts o = work_opts(8 * 601, 60);
	uint32_t step, unkilled = 0;
	struct work w;

	o.handler.reorder_seed = tc->seed | 1;
	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg))
		return;
	for (step = 1; step < 1000 && unkilled < 4; step++) {
		target_settle(tc->t);
		work_issue(&w, 8);
		target_kill_after(tc->t, step);
		target_settle(tc->t);
		if (!target_was_killed(tc->t))
			unkilled++;
		else if (!reset_and_restart(tc, 1 + step % 2))
			return;
		target_kill_after(tc->t, 0);
		if (!work_finish(&w))
			return;
	}
	EXPECT(tc, "HND-071", w.retried > 20, "only %llu commands had to be tried again",
	       (unsigned long long)w.retried);
	work_read_back(&w);
}

/* A, B issued; B answered in A's slot; then death. A comes back BUSY and is executed after all. */
static void stolen_slot(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 251, 8);
	struct target_capacity cap;
	struct target_io a, b;
	uint8_t out[4096], in[4096];
	struct seat_entry e, second;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	target_settle(tc->t);
	target_kill(tc->t);
	tc_fill(tc, out, sizeof(out), 3);
	target_io_rw(&a, true, 10, 9, 4096 / cap.block_size, cap.block_size, out);
	target_submit(tc->t, &a);
	work_tur(&b);
	target_submit(tc->t, &b);
	seat_entry(tc->t, seat_tail(tc->t), &e);
	seat_entry(tc->t, seat_next(tc->t, &e), &second);
	seat_answer(tc->t, e.off, second.id, 0, 0, 0, NULL);
	seat_set_tail(tc->t, seat_next(tc->t, &e));
	seat_ring(tc->t);
	EXPECT(tc, "HND-071", !target_wait(tc->t, &b) && !a.done,
	       "the predecessor's answer was not taken");
	if (!reset_and_restart(tc, 1))
		return;
	EXPECT(tc, "HND-071", !target_wait(tc->t, &a) && a.status == 8, "the reset lost a command");
	EXPECT(tc, "HND-071", a.outcome == RINGSIM_RESET || !target_simulated(tc->t),
	       "the command was not ended by the reset");
	EXPECT_GOOD(tc, "HND-071", &a);
	target_io_rw(&a, false, 10, 9, 4096 / cap.block_size, cap.block_size, in);
	EXPECT_GOOD(tc, "HND-071", &a);
	EXPECT_MEM(tc, "HND-071", "data of the command that was tried again", out, in, 4096);
}

/* A reset moves the indices to 0, wherever they were; nothing of before is remembered. */
static void reset_between(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-064", .lanes = 10, .max_blocks = 32 };
	struct target_opts o = work_opts(8 * 509, 60);
	struct ringsim_stats st;
	struct target_io io;
	struct work w;
	uint32_t round;

	o.dev.start = 8 * 300;
	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg))
		return;
	for (round = 0; round < 6; round++) {
		if (!work_run(&w, 15))
			return;
		target_freeze(tc->t);
		work_issue(&w, 1 + tc_below(tc, 10));
		target_kill(tc->t);
		target_thaw(tc->t);
		work_forget(&w);
		target_block_dev(tc->t, true);
		work_tur(&io);
		target_submit(tc->t, &io);
		EXPECT(tc, "HND-064", !target_wait(tc->t, &io) && io.status == 0x08,
		       "a command to a blocked device: expected BUSY, found 0x%02x", io.status);
		if (!reset_and_restart(tc, 1 + round % 2))
			return;
		target_stats(tc->t, &st);
		EXPECT_EQ(tc, "HND-064", "commands in flight after the reset", 0, st.inflight);
		if (!work_finish(&w))
			return;
		work_tur(&io);
		EXPECT_GOOD(tc, "HND-064", &io);
	}
	work_read_back(&w);
}

/* SIGKILL while commands are somewhere on their way; the next process goes on at the tail. */
static void process_in_order(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-070", .lanes = 16 };
	struct target_opts o = work_in_order(8 * 509, 60);
	struct work w;
	uint32_t round, i;

	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg))
		return;
	for (round = 0; round < 6; round++) {
		work_issue(&w, 16);
		for (i = 0; i < cfg.lanes && !w.lanes[i].busy; i++)
			;
		if (round % 2 && target_wait(tc->t, &w.lanes[i].io))
			tc_fail(tc, "HND-070", "a command never ended after a restart");
		if (tc->failed)
			return;
		target_kill(tc->t);
		work_forget(&w);
		if (target_restart(tc->t) || !work_run(&w, 20))
			return;
	}
	work_read_back(&w);
}

static void process_reset(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-071", .lanes = 16 };
	struct target_opts o = work_opts(8 * 509, 60);
	struct work w;
	uint32_t round;

	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg))
		return;
	for (round = 0; round < 5; round++) {
		work_issue(&w, 16);
		if (round % 2 && target_wait(tc->t, &w.lanes[tc_below(tc, 16)].io))
			tc_fail(tc, "HND-071", "a command never ended after a restart");
		if (tc->failed)
			return;
		target_kill(tc->t);
		work_forget(&w);
		if (!reset_and_restart(tc, 1) || !work_run(&w, 20))
			return;
	}
	work_read_back(&w);
}

/* Stopped and continued, as a debugger does; for the ring that is a slow handler. */
static void frozen(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-060", .lanes = 10 };
	struct target_opts o = work_opts(8 * 509, 40);
	struct work w;
	uint32_t round;

	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg))
		return;
	for (round = 0; round < 8; round++) {
		work_issue(&w, 5);
		target_freeze(tc->t);
		work_issue(&w, 5);
		target_thaw(tc->t);
		if (!work_finish(&w))
			return;
	}
	work_read_back(&w);
}

/* What was flushed is there after a death, whatever the handler kept to itself. */
static void flushed(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 64);
	struct target_capacity cap;
	uint8_t *out = tc_alloc(tc, 6 * 4096), *in = tc_alloc(tc, 4096);
	struct target_io ios[6], io;
	uint32_t i, n;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	if (!target_persistent(tc->t)) {
		tc_skip(tc, "nothing that this handler stores survives its death");
		return;
	}
	n = 4096 / cap.block_size;
	tc_fill(tc, out, 6 * 4096, 54);
	for (i = 0; i < 6; i++) {
		target_io_rw(&ios[i], true, 10, i * 999, n, cap.block_size, out + i * 4096);
		target_submit(tc->t, &ios[i]);
	}
	if (!work_wait_all(tc, "HND-054", ios, 6))
		return;
	cdb_none(&io, OP_SYNC_10);
	EXPECT_GOOD(tc, "HND-054", &io);
	target_kill(tc->t);
	if (!work_restart(tc))
		return;
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(tc, "HND-054", "status of a WRITE", 0, ios[i].status);
		target_io_rw(&io, false, 10, i * 999, n, cap.block_size, in);
		EXPECT_GOOD(tc, "HND-054", &io);
		EXPECT_MEM(tc, "HND-054", "data flushed before the death", out + i * 4096, in,
			   (size_t)n * cap.block_size);
	}
}

static const struct case_def rows[] = {
	{ "hnd.054.flushed", "HND-054", CLAUSE_SHOULD, NEEDS_RESTART,
	  "flushed data survives the handler's death", flushed },
	{ "hnd.054.flushed-process", "HND-054", CLAUSE_SHOULD, NEEDS_PROCESS | NEEDS_RESTART,
	  "flushed data survives the death of the process", flushed },
	{ "hnd.071.every-step", "HND-071 HND-061 HND-064 DIS-11", CLAUSE_MUST,
	  NEEDS_INPROC | NEEDS_RESTART, "killed after every step while completing out of order",
	  reordered_every_step },
	{ "hnd.071.stolen-slot", "HND-071 DIS-11", CLAUSE_MUST, NEEDS_RESTART,
	  "a command whose slot was used by another survives death and reset", stolen_slot },
	{ "hnd.064.reset", "HND-064 HND-071", CLAUSE_MUST, NEEDS_RESTART,
	  "death, block, reset, start, unblock, over and over", reset_between },
	{ "hnd.061.process-in-order", "HND-061 HND-070 DIS-11", CLAUSE_MUST,
	  NEEDS_PROCESS | NEEDS_RESTART, "SIGKILL under load, without a reset", process_in_order },
	{ "hnd.061.process-reset", "HND-061 HND-064 HND-071 DIS-11", CLAUSE_MUST,
	  NEEDS_PROCESS | NEEDS_RESTART, "SIGKILL under load, with a reset", process_reset },
	{ "hnd.060.frozen", "HND-060", CLAUSE_MUST, 0, "SIGSTOP and SIGCONT", frozen },
	{ "hnd.060.frozen-process", "HND-060", CLAUSE_MUST, NEEDS_PROCESS,
	  "SIGSTOP and SIGCONT of a process", frozen },
};
CASE_TABLE(cases_crash);
