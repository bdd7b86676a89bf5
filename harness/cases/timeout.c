/* SPDX-License-Identifier: MIT */
/*
 * Being late, and being short of memory: each slot is given back all the same. Clauses HND-060 and
 * HND-067 with DIS-08 to DIS-10.
 */
#include "work.h"

#include "cdb.h"

#define BLK  4096u
#define LATE 31000u /* ms, more than the timeout of 30 s */

static void expect_expired(struct tc *tc, struct target_io *io)
{
	EXPECT(tc, "HND-060",
	       !target_wait(tc->t, io) &&
		       (io->outcome == RINGSIM_EXPIRED || !target_simulated(tc->t)),
	       "a command that is late did not expire (outcome %d)", (int)io->outcome);
	EXPECT(tc, "DIS-09",
	       io->status == 2 && sense_key(io->sense) == 2 && sense_asc(io->sense) == 0x0800,
	       "a command that is late: expected 02/08/00, found status 0x%02x sense %x/%04x",
	       io->status, sense_key(io->sense), sense_asc(io->sense));
}

/* Slots, ids and blocks of commands that nobody waits for any more. */
static void expect_released(struct tc *tc)
{
	struct ringsim_stats st;

	target_settle(tc->t);
	if (!target_stats(tc->t, &st))
		return;
	EXPECT_EQ(tc, "HND-060", "expired commands that still hold an id", 0, st.expired);
	EXPECT_EQ(tc, "HND-060", "commands in flight", 0, st.inflight);
	EXPECT_EQ(tc, "HND-060", "data blocks in use", 0, st.blocks_used);
	EXPECT_EQ(tc, "HND-060", "reclaim pointer", st.head, st.reclaim);
	EXPECT(tc, "HND-060", !st.broken, "the ring is broken");
}

/* @n commands, of which every third is a READ into @in. */
static void submit_some(struct tc *tc, const struct target_capacity *cap, struct target_io *ios,
			uint32_t n, uint8_t *in)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (i % 3 == 0)
			target_io_rw(&ios[i], false, 10, i, 1, cap->block_size, in + i * BLK);
		else if (i % 3 == 1)
			work_tur(&ios[i]);
		else
			cdb_none(&ios[i], 0xc0);
		target_submit(tc->t, &ios[i]);
	}
}

/* The handler sleeps through the timeout @rounds times, and then does its work. */
static void late(struct tc *tc, uint32_t rounds, uint32_t timeout_s, bool reorder)
{
	struct target_opts o = work_opts(8 * 509, 40);
	struct target_io *ios = tc_alloc(tc, 12 * sizeof(*ios)), io;
	uint8_t *in = tc_alloc(tc, 12 * BLK), *want = tc_alloc(tc, 12 * BLK);
	struct target_capacity cap;
	uint32_t round, i, n;

	o.dev.cmd_time_out_s = timeout_s;
	o.handler.reorder_seed = reorder ? tc->seed | 1 : 0;
	memset(want, 0xee, 12 * BLK);
	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	for (round = 0; round < rounds; round++) {
		target_settle(tc->t);
		n = 1 + round % 12;
		memset(in, 0xee, 12 * BLK);
		target_freeze(tc->t);
		submit_some(tc, &cap, ios, n, in);
		target_advance(tc->t, timeout_s * 1000ull + 1500);
		for (i = 0; i < n && !tc->failed; i++)
			expect_expired(tc, &ios[i]);
		target_thaw(tc->t);
		if (tc->failed)
			return;
		expect_released(tc);
		EXPECT_MEM(tc, "HND-060", "buffers of commands that had expired", want, in,
			   12 * BLK);
		work_tur(&io);
		EXPECT_GOOD(tc, "HND-060", &io);
	}
}

static void late_few(struct tc *tc)
{
	late(tc, 6, 30, false);
}

/* Four hours of virtual time. */
static void late_hundreds(struct tc *tc)
{
	late(tc, 450, 30, false);
}

static void late_reordered(struct tc *tc)
{
	late(tc, 120, 30, true);
}

static void late_other(struct tc *tc)
{
	late(tc, 3, 1, false);
	if (!tc->failed)
		late(tc, 3, 3600, false);
}

/* One expires, the other does not, and both are still to be completed. */
static void late_partly(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 40);
	struct target_capacity cap;
	struct target_io old, young;
	uint8_t *buf = tc_alloc(tc, BLK), *in = tc_alloc(tc, BLK);

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	tc_fill(tc, buf, BLK, 5);
	target_io_rw(&young, true, 10, 2, 1, cap.block_size, buf);
	EXPECT_GOOD(tc, "HND-060", &young);
	target_settle(tc->t);
	target_freeze(tc->t);
	work_tur(&old);
	target_submit(tc->t, &old);
	target_advance(tc->t, 20000);
	target_io_rw(&young, false, 10, 2, 1, cap.block_size, in);
	target_submit(tc->t, &young);
	target_advance(tc->t, 12000);
	expect_expired(tc, &old);
	EXPECT(tc, "HND-060", !young.done, "a command expired before its time");
	target_thaw(tc->t);
	EXPECT(tc, "HND-060", !target_wait(tc->t, &young), "the younger command never ended");
	EXPECT_EQ(tc, "HND-060", "status of the younger command", 0, young.status);
	EXPECT_MEM(tc, "HND-060", "data of the younger command", buf, in, cap.block_size);
	expect_released(tc);
}

/* cmd_time_out 0: eleven days are not too long. */
static void never_late(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 40);
	struct target_io *ios = tc_alloc(tc, 4 * sizeof(*ios));
	uint32_t i;

	o.dev.cmd_time_out_s = 0;
	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	target_freeze(tc->t);
	for (i = 0; i < 4; i++) {
		work_tur(&ios[i]);
		target_submit(tc->t, &ios[i]);
	}
	target_advance(tc->t, 1000000000ull);
	for (i = 0; i < 4; i++)
		EXPECT(tc, "DIS-08", !ios[i].done, "a command expired although nothing expires");
	target_thaw(tc->t);
	if (!work_wait_all(tc, "HND-060", ios, 4))
		return;
	for (i = 0; i < 4; i++)
		EXPECT_EQ(tc, "HND-060", "status", 0, ios[i].status);
}

/* Ring full of expired commands, the rest timed out in the queue; then a handler attaches. */
static void attach_too_late(struct tc *tc)
{
	struct target_opts o = work_opts(1024, 4);
	struct target_io *ios = tc_alloc(tc, 30 * sizeof(*ios));
	struct ringsim_stats st;
	uint32_t i, expired = 0;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	target_kill(tc->t);
	for (i = 0; i < 30; i++) {
		work_tur(&ios[i]);
		target_submit(tc->t, &ios[i]);
	}
	target_advance(tc->t, LATE);
	for (i = 0; i < 30; i++) {
		EXPECT(tc, "DIS-10", !target_wait(tc->t, &ios[i]),
		       "command %u did not run out of time", i);
		if (ios[i].outcome == RINGSIM_EXPIRED)
			expired++;
		else
			EXPECT_EQ(tc, "DIS-10", "status after waiting for the ring", 0x28,
				  ios[i].status);
	}
	if (!target_stats(tc->t, &st))
		st.expired = expired;
	EXPECT_EQ(tc, "DIS-10", "expired commands that hold the ring", expired, st.expired);
	EXPECT(tc, "DIS-10", expired >= 6 && expired < 10, "%u commands were on the ring", expired);
	if (target_restart(tc->t))
		return;
	expect_released(tc);
	for (i = 0; i < 30; i++) {
		work_tur(&ios[i]);
		target_submit(tc->t, &ios[i]);
	}
	if (!work_wait_all(tc, "HND-041", ios, 30))
		return;
	for (i = 0; i < 30; i++)
		EXPECT_EQ(tc, "HND-060", "status", 0, ios[i].status);
}

struct clock {
	uint32_t at;
};

static void advance_at(struct target *t, void *ctx, enum consumer_step step)
{
	struct clock *c = ctx;

	(void)step;
	if (c->at && --c->at == 0)
		target_advance(t, LATE);
}

/* The timeout strikes between any two steps: the initiator gets one answer, the slot is released.
 */
static void late_at_every_step(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 40);
	struct target_io *ios = tc_alloc(tc, 5 * sizeof(*ios));
	uint8_t *in = tc_alloc(tc, 5 * BLK);
	struct target_capacity cap;
	struct clock c;
	uint32_t k, i, expired;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	target_on_step(tc->t, advance_at, &c);
	for (k = 1; k < 500; k++) {
		target_settle(tc->t);
		c.at = k;
		submit_some(tc, &cap, ios, 5, in);
		if (!work_wait_all(tc, "HND-060", ios, 5))
			return;
		for (i = expired = 0; i < 5 && !tc->failed; i++) {
			expired += ios[i].outcome == RINGSIM_EXPIRED;
			if (ios[i].outcome == RINGSIM_EXPIRED)
				expect_expired(tc, &ios[i]);
			else
				EXPECT_EQ(tc, "HND-060", "status", i % 3 == 2 ? 2 : 0,
					  ios[i].status);
		}
		expect_released(tc);
		if (tc->failed || c.at)
			break;
	}
	EXPECT(tc, "HND-060", k > 10, "the commands took %u steps only", k);
}

static void late_under_load(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-060", .lanes = 12, .raw = 4 };
	struct target_opts o = work_opts(8 * 509, 40);
	struct work w;
	struct clock c;
	uint32_t round;

	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg))
		return;
	target_on_step(tc->t, advance_at, &c);
	for (round = 0; round < 60; round++) {
		c.at = 1 + tc_below(tc, 80);
		work_issue(&w, 1 + tc_below(tc, 12));
		/* late writes are done before their blocks are used again */
		target_settle(tc->t);
		if (!work_finish(&w))
			return;
	}
	c.at = 0;
	expect_released(tc);
	if (!tc->failed)
		work_read_back(&w);
}

/* Memory of an allocation that a case grants or not; by size, for want of a context. */
static void *no_memory(size_t size)
{
	(void)size;
	return NULL;
}

static void *some_memory(size_t size)
{
	return size / 16 % 3 ? malloc(size) : NULL;
}

/* Ended somehow, in a way that an initiator can deal with. */
static void expect_coped(struct tc *tc, struct target_io *io)
{
	EXPECT(tc, "HND-067", !target_exec(tc->t, io),
	       "out of memory: command 0x%02x of %u bytes never ended", io->cdb[0], io->len);
	EXPECT(tc, "HND-067",
	       !io->status || io->status == 0x28 || io->status == 0x08 ||
		       (io->status == 2 && sense_key(io->sense)),
	       "out of memory: command 0x%02x ended with status 0x%02x", io->cdb[0], io->status);
}

/* Many iovs and commands that need scratch memory; the handler gets none. */
static void short_of(struct tc *tc, void *(*alloc)(size_t size), uint32_t *refused)
{
	struct target_opts o = work_opts(8 * 1021, 180);
	struct target_capacity cap;
	uint8_t *out = tc_alloc(tc, 64 * BLK), *in = tc_alloc(tc, 64 * BLK);
	struct ringsim_stats before, after;
	struct target_io io;
	uint32_t n;

	o.handler.alloc = alloc;
	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap) ||
	    !work_fragment_every(tc, 120))
		return;
	tc_fill(tc, out, 64 * BLK, 9);
	ringsim_stats(target_device(tc->t), &before);
	for (n = 1; n <= 56 && !tc->failed; n++) {
		target_io_rw(&io, n % 2, 10, 0, n * BLK / cap.block_size, cap.block_size,
			     n % 2 ? out : in);
		expect_coped(tc, &io);
		*refused += io.status != 0;
		if (n % 8 == 1 && !tc->failed) {
			cdb_caw(&io, 9, 1, out, 2 * cap.block_size);
			expect_coped(tc, &io);
		}
		work_tur(&io);
		EXPECT_GOOD(tc, "HND-067", &io);
	}
	target_settle(tc->t);
	ringsim_stats(target_device(tc->t), &after);
	EXPECT_EQ(tc, "HND-067", "data blocks in use", before.blocks_used, after.blocks_used);
	EXPECT_EQ(tc, "HND-067", "commands in flight", 0, after.inflight);
}

static void memory_none(struct tc *tc)
{
	uint32_t refused = 0;

	short_of(tc, no_memory, &refused);
	if (!tc->failed && !refused)
		tc_skip(tc, "no command of this handler asks for memory");
}

static void memory_some(struct tc *tc)
{
	uint32_t refused = 0;

	short_of(tc, some_memory, &refused);
}

/* Refusals among commands that can be executed, in any order. */
static void memory_in_load(struct tc *tc)
{
	struct work_cfg cfg = {
		.clause = "HND-067", .lanes = 16, .max_blocks = 320, .shortage = true
	};
	struct target_opts o = work_opts(8 * 1021, 240);
	struct work w;

	o.handler.alloc = some_memory;
	o.handler.reorder_seed = tc->seed | 1;
	if (target_start(tc->t, &o) || !work_fragment_every(tc, 140))
		return;
	if (work_start(&w, tc, &cfg) && work_run(&w, 300))
		if (!w.refused)
			tc_skip(tc, "no command of this handler asks for memory");
}

static const struct case_def rows[] = {
	{ "hnd.060.late", "HND-060 DIS-09", CLAUSE_MUST, NEEDS_TIME,
	  "commands that expired are completed late, once, without effect on the initiator",
	  late_few },
	{ "hnd.060.hundreds", "HND-060 DIS-09", CLAUSE_MUST, NEEDS_INPROC,
	  "hundreds of timeouts of 30 s", late_hundreds },
	{ "hnd.060.reordered", "HND-060 HND-051", CLAUSE_MUST, NEEDS_INPROC,
	  "late, and in another order", late_reordered },
	{ "hnd.060.other-timeouts", "HND-060 DIS-08", CLAUSE_MUST, NEEDS_TIME,
	  "timeouts of a second and of an hour", late_other },
	{ "hnd.060.partly", "HND-060", CLAUSE_MUST, NEEDS_TIME,
	  "an expired command in front of one that is not", late_partly },
	{ "hnd.060.never", "HND-060 DIS-08", CLAUSE_MUST, NEEDS_TIME,
	  "cmd_time_out 0: eleven days later", never_late },
	{ "hnd.060.attach-too-late", "HND-060 HND-041 DIS-10", CLAUSE_MUST,
	  NEEDS_RESTART | NEEDS_SIM, "a ring full of expired commands", attach_too_late },
	{ "hnd.060.every-step", "HND-060 HND-053 DIS-09", CLAUSE_MUST, NEEDS_INPROC,
	  "the timeout strikes between any two steps", late_at_every_step },
	{ "hnd.060.under-load", "HND-060 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "timeouts in the middle of a load", late_under_load },
	{ "hnd.067.no-memory", "HND-067", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "no allocation succeeds, every command ends", memory_none },
	{ "hnd.067.some-memory", "HND-067", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "a third of the allocations fails", memory_some },
	{ "hnd.067.in-load", "HND-067 HND-053", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "refusals among other commands", memory_in_load },
};
CASE_TABLE(cases_timeout);
