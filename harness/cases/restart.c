/* SPDX-License-Identifier: MIT */
/*
 * The handler dies at every boundary between two of its stores, and another one takes over. Clauses
 * HND-061, HND-062, HND-070 and DIS-11 for handlers that complete in order.
 */
#include "work.h"

#include "cdb.h"

#define BLK 4096u

/* Where the commands of the mix work, in units of 64 blocks. */
enum { AT_WRITE, AT_READ, AT_CAW, AT_SHORT, AT_IOVS, AT_END };

enum { M_WRITE, M_READ, M_OPCODE, M_CAW, M_EMPTY, M_SHORT, M_INQUIRY, M_RANGE, M_IOVS, M_COUNT };

/**
 * struct mix - commands of all kinds, whose results are known whoever executes them how often
 * @gen:     generation: what is written differs in each
 * @has_caw: COMPARE AND WRITE is implemented
 */
struct mix {
	struct tc *tc;
	struct target_capacity cap;
	struct target_io ios[M_COUNT];
	uint8_t *buf[M_COUNT], *inquiry, *want;
	uint32_t gen;
	bool has_caw;
};

static uint64_t lba_of(const struct mix *m, unsigned int at)
{
	return 64ull * (BLK / 512) * at % (m->cap.blocks / 2);
}

static uint32_t mix_blocks(const struct mix *m, uint32_t bytes)
{
	return bytes / m->cap.block_size;
}

static void mix_fill(struct mix *m, unsigned int at, uint32_t gen, void *buf, uint32_t len)
{
	tc_fill(m->tc, buf, len, gen * 16ull + at);
}

static bool mix_exec(struct mix *m, struct target_io *io)
{
	if (!target_exec(m->tc->t, io) && !io->status)
		return true;
	tc_fail(m->tc, "HND-061", "preparing: command 0x%02x ended with 0x%02x", io->cdb[0],
		io->status);
	return false;
}

/* What the mix reads and compares with. */
static bool mix_start(struct mix *m, struct tc *tc)
{
	struct target_io io;
	uint32_t i, bs;

	*m = (struct mix){ .tc = tc };
	if (target_capacity(tc->t, &m->cap))
		return false;
	bs = m->cap.block_size;
	for (i = 0; i < M_COUNT; i++)
		m->buf[i] = tc_alloc(tc, 16 * BLK);
	m->inquiry = tc_alloc(tc, 96);
	m->want = tc_alloc(tc, 16 * BLK);
	mix_fill(m, AT_READ, 0, m->want, 2 * BLK);
	target_io_rw(&io, true, 10, lba_of(m, AT_READ), mix_blocks(m, 2 * BLK), bs, m->want);
	if (!mix_exec(m, &io))
		return false;
	mix_fill(m, AT_CAW, 0, m->want, bs);
	target_io_rw(&io, true, 10, lba_of(m, AT_CAW), 1, bs, m->want);
	if (!mix_exec(m, &io))
		return false;
	memcpy(m->want + bs, m->want, bs);
	cdb_caw(&io, lba_of(m, AT_CAW), 1, m->want, 2 * bs);
	m->has_caw = !target_exec(tc->t, &io) && !io.status;
	cdb_inquiry(&io, 0, 0, 96, m->inquiry, 96);
	return mix_exec(m, &io);
}

/* D_SENSE in the control mode page; a handler that starts has forgotten it. */
static void ask_for_descriptors(struct mix *m)
{
	uint8_t page[24] = { 0 };
	struct target_io io;

	cdb_mode_sense(&io, OP_MODE_SENSE_6, CDB1_DBD, 0x0a, sizeof(page), page, sizeof(page));
	if (target_exec(m->tc->t, &io) || io.status)
		return;
	page[0] = page[1] = page[2] = page[3] = 0;
	page[4] &= 0x3f;
	page[6] |= 0x04;
	cdb_mode_select(&io, OP_MODE_SELECT_6, CDB1_PF, 4u + 2 + page[5], page, 4u + 2 + page[5]);
	target_exec(m->tc->t, &io);
}

static void mix_prepare(struct mix *m)
{
	uint32_t bs = m->cap.block_size, gen = ++m->gen;

	mix_fill(m, AT_WRITE, gen, m->buf[M_WRITE], 3 * BLK);
	target_io_rw(&m->ios[M_WRITE], true, 10, lba_of(m, AT_WRITE), mix_blocks(m, 3 * BLK), bs,
		     m->buf[M_WRITE]);
	memset(m->buf[M_READ], 0xee, 2 * BLK);
	target_io_rw(&m->ios[M_READ], false, 16, lba_of(m, AT_READ), mix_blocks(m, 2 * BLK), bs,
		     m->buf[M_READ]);
	cdb_in(&m->ios[M_OPCODE], 0xc0, m->buf[M_OPCODE], BLK);
	mix_fill(m, AT_CAW, gen - 1, m->buf[M_CAW], bs);
	mix_fill(m, AT_CAW, gen, m->buf[M_CAW] + bs, bs);
	if (m->has_caw)
		cdb_caw(&m->ios[M_CAW], lba_of(m, AT_CAW), 1, m->buf[M_CAW], 2 * bs);
	else
		target_io_rw(&m->ios[M_CAW], true, 10, lba_of(m, AT_CAW), 1, bs,
			     m->buf[M_CAW] + bs);
	work_tur(&m->ios[M_EMPTY]);
	mix_fill(m, AT_SHORT, gen, m->buf[M_SHORT], bs);
	target_io_rw(&m->ios[M_SHORT], true, 6, lba_of(m, AT_SHORT), 1, bs, m->buf[M_SHORT]);
	cdb_inquiry(&m->ios[M_INQUIRY], 0, 0, 96, m->buf[M_INQUIRY], 96);
	target_io_rw(&m->ios[M_RANGE], false, 16, m->cap.blocks, mix_blocks(m, 2 * BLK), bs,
		     m->buf[M_RANGE]);
	mix_fill(m, AT_IOVS, gen, m->buf[M_IOVS], 9 * BLK);
	target_io_rw(&m->ios[M_IOVS], true, 12, lba_of(m, AT_IOVS), mix_blocks(m, 9 * BLK), bs,
		     m->buf[M_IOVS]);
}

/* The mix, with entries in between that are no commands. */
static void mix_submit(struct mix *m)
{
	struct target *t = m->tc->t;
	uint32_t i;

	mix_prepare(m);
	for (i = 0; i < M_COUNT; i++) {
		if (i == M_CAW)
			ringsim_put_raw(target_device(t), 3 + m->gen % 5, 24, 0x5a);
		if (i == M_INQUIRY)
			target_tmr(t, TCMU_TMR_ABORT_TASK, NULL, 0);
		target_submit(t, &m->ios[i]);
	}
}

static void mix_read_back(struct mix *m, const char *clause, unsigned int at, uint32_t len)
{
	struct tc *tc = m->tc;
	struct target_io io;

	mix_fill(m, at, m->gen, m->want, len);
	target_io_rw(&io, false, 10, lba_of(m, at), mix_blocks(m, len), m->cap.block_size,
		     m->buf[M_READ]);
	EXPECT_GOOD(tc, clause, &io);
	EXPECT_MEM(tc, clause, "what was written before and after the restart", m->want,
		   m->buf[M_READ], len);
}

static void mix_verify(struct mix *m, uint32_t step)
{
	static const uint16_t ascs[M_COUNT] = { [M_OPCODE] = 0x2000, [M_RANGE] = 0x2100 };
	struct tc *tc = m->tc;
	uint32_t i;

	for (i = 0; i < M_COUNT; i++) {
		struct target_io *io = &m->ios[i];

		EXPECT(tc, "HND-061", !target_wait(tc->t, io),
		       "killed after step %u: command 0x%02x never ended", step, io->cdb[0]);
		EXPECT(tc, i == M_CAW ? "HND-062" : "HND-070",
		       io->status == (ascs[i] ? 2 : 0) &&
			       (!ascs[i] || sense_asc(io->sense) == ascs[i]),
		       "killed after step %u: command 0x%02x (id %u): expected status %u ASC %04x, "
		       "found 0x%02x sense %x/%04x",
		       step, io->cdb[0], io->id, ascs[i] ? 2 : 0, ascs[i], io->status,
		       sense_key(io->sense), sense_asc(io->sense));
	}
	mix_fill(m, AT_READ, 0, m->want, 2 * BLK);
	EXPECT_MEM(tc, "HND-061", "data read across a restart", m->want, m->buf[M_READ], 2 * BLK);
	EXPECT_MEM(tc, "HND-061", "INQUIRY across a restart", m->inquiry, m->buf[M_INQUIRY], 36);
	if (!target_persistent(tc->t))
		return;
	mix_read_back(m, "HND-061", AT_WRITE, 3 * BLK);
	mix_read_back(m, "HND-062", AT_CAW, m->cap.block_size);
	mix_read_back(m, "HND-061", AT_SHORT, m->cap.block_size);
	mix_read_back(m, "HND-061", AT_IOVS, 9 * BLK);
}

/*
 * One run of the mix for each of its steps, killed there; the last one is not killed any more. With
 * @again the successor dies, too, at a place that moves.
 */
static void kill_everywhere_as(struct tc *tc, struct target_opts *o, uint32_t again,
			       bool descriptor)
{
	struct mix *m = tc_alloc(tc, sizeof(*m));
	uint32_t step, kills;

	o->dev.tmr_notification = true;
	if (target_start(tc->t, o) || !mix_start(m, tc))
		return;
	for (step = 1; step < 2000; step++) {
		if (descriptor)
			ask_for_descriptors(m);
		target_settle(tc->t);
		mix_submit(m);
		target_kill_after(tc->t, step);
		target_settle(tc->t);
		for (kills = 0; target_was_killed(tc->t); kills++) {
			target_kill_after(tc->t, kills < again ? 1 + (step * 7 + kills) % 31 : 0);
			if (target_restart(tc->t))
				return;
			target_settle(tc->t);
		}
		target_kill_after(tc->t, 0);
		mix_verify(m, step);
		if (tc->failed)
			return;
		if (!kills)
			break;
	}
	EXPECT(tc, "HND-061", step > 40 && step < 2000, "the mix took %u steps", step);
}

static void kill_everywhere(struct tc *tc, struct target_opts *o, uint32_t again)
{
	kill_everywhere_as(tc, o, again, false);
}

static struct target_opts in_order_opts(void)
{
	struct target_opts o = work_opts(8 * 601, 60);

	o.handler.in_order = true;
	return o;
}

static void every_step(struct tc *tc)
{
	struct target_opts o = in_order_opts();

	kill_everywhere(tc, &o, 0);
}

static void every_step_async(struct tc *tc)
{
	struct target_opts o = in_order_opts();

	o.reclaim = RECLAIM_ASYNC;
	kill_everywhere(tc, &o, 0);
}

/* Key and ASC are elsewhere in descriptor sense, and must be the same after a death. */
static void every_step_descriptor(struct tc *tc)
{
	struct target_opts o = in_order_opts();

	kill_everywhere_as(tc, &o, 0, true);
}

static void every_step_twice(struct tc *tc)
{
	struct target_opts o = in_order_opts();

	kill_everywhere(tc, &o, 3);
}

/* The handler would like another order, but was told to keep this one. */
static void every_step_held(struct tc *tc)
{
	struct target_opts o = in_order_opts();

	o.handler.reorder_seed = 71;
	kill_everywhere(tc, &o, 0);
}

/* Power cuts over a medium whose operations overlap; without a cache nothing that ended is lost. */
static void every_step_slow(struct tc *tc)
{
	struct target_opts o = in_order_opts();

	o.medium = MEDIUM_SLOW;
	o.handler.wce = false;
	kill_everywhere(tc, &o, 1);
}

enum { CHAIN = 3 };

/* Behind a VERIFY that takes its time: X to Y, Y to Z. Whoever executes it again must not fail. */
static void caw_chain(struct tc *tc)
{
	struct target_opts o = in_order_opts();
	uint8_t *halves[CHAIN], *in;
	struct target_capacity cap;
	struct target_io ios[CHAIN + 1];
	uint32_t step, i, n, bs;
	bool killed;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	bs = cap.block_size;
	n = bs * 2;
	in = tc_alloc(tc, n);
	for (i = 0; i < CHAIN; i++) {
		halves[i] = tc_alloc(tc, 2 * n);
		tc_fill(tc, halves[i], n, i);
		tc_fill(tc, halves[i] + n, n, i + 1);
	}
	for (step = 1; step < 400; step++) {
		target_settle(tc->t);
		target_io_rw(&ios[0], true, 10, 40, 2, bs, halves[0]);
		EXPECT_GOOD(tc, "HND-062", &ios[0]);
		cdb_none(&ios[CHAIN], ops_verify[0]);
		cdb_range(&ios[CHAIN], 0, 8);
		target_submit(tc->t, &ios[CHAIN]);
		for (i = 0; i < CHAIN; i++) {
			cdb_caw(&ios[i], 40, 2, halves[i], 2 * n);
			target_submit(tc->t, &ios[i]);
		}
		target_kill_after(tc->t, step);
		target_settle(tc->t);
		killed = target_was_killed(tc->t);
		target_kill_after(tc->t, 0);
		if (killed && target_restart(tc->t))
			return;
		for (i = 0; i <= CHAIN; i++)
			EXPECT(tc, "HND-062", !target_wait(tc->t, &ios[i]) && ios[i].status == 0,
			       "killed after step %u: command 0x%02x number %u: status 0x%02x",
			       step, ios[i].cdb[0], i, ios[i].status);
		target_io_rw(&ios[0], false, 10, 40, 2, bs, in);
		EXPECT_GOOD(tc, "HND-062", &ios[0]);
		EXPECT_MEM(tc, "HND-062", "what the last of them wrote", halves[CHAIN - 1] + n, in,
			   n);
		if (!killed)
			break;
	}
	EXPECT(tc, "HND-062", step > 10 && step < 400, "the chain took %u steps", step);
}

/* Nobody asked for order, but the mailbox does not allow any other. */
static void every_step_no_flag(struct tc *tc)
{
	struct target_opts o = work_in_order(8 * 601, 60);

	o.handler.read_len = true;
	o.handler.reorder_seed = 77;
	kill_everywhere(tc, &o, 1);
}

/* Random load, random deaths; the ring goes round many times. */
static void under_load(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-070", .lanes = 12, .raw = 4 };
	struct target_opts o = work_opts(8 * 509, 40);
	struct work w;
	uint32_t round;

	o.handler.in_order = true;
	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg))
		return;
	for (round = 0; round < 80; round++) {
		work_issue(&w, 1 + tc_below(tc, 12));
		target_kill_after(tc->t, 1 + tc_below(tc, 60));
		target_settle(tc->t);
		if (target_was_killed(tc->t) && target_restart(tc->t))
			return;
		target_kill_after(tc->t, 0);
		if (!work_run(&w, tc_below(tc, 6)))
			return;
	}
	work_read_back(&w);
}

/* The successor resumes where the tail is: nothing is thrown away, nothing is BUSY. */
static void resume_at_tail(struct tc *tc)
{
	struct target_opts o = work_in_order(8 * 509, 40);
	struct target_io *ios = tc_alloc(tc, 9 * sizeof(*ios));
	struct target_capacity cap;
	uint8_t *buf = tc_alloc(tc, 9 * BLK), *in = tc_alloc(tc, BLK);
	uint32_t i, round;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	for (round = 0; round < 5; round++) {
		target_settle(tc->t);
		target_freeze(tc->t);
		for (i = 0; i < 9; i++) {
			tc_fill(tc, buf + i * BLK, BLK, round * 9 + i);
			target_io_rw(&ios[i], true, 10, i * 16, BLK / cap.block_size,
				     cap.block_size, buf + i * BLK);
			target_submit(tc->t, &ios[i]);
		}
		target_kill(tc->t);
		target_thaw(tc->t);
		if (target_restart(tc->t) || !work_wait_all(tc, "HND-070", ios, 9))
			return;
		for (i = 0; i < 9; i++) {
			EXPECT_EQ(tc, "HND-070", "status of a command across a restart", 0,
				  ios[i].status);
			target_io_rw(&ios[i], false, 10, i * 16, BLK / cap.block_size,
				     cap.block_size, in);
			EXPECT_GOOD(tc, "HND-070", &ios[i]);
			EXPECT_MEM(tc, "HND-070", "data written by the successor", buf + i * BLK,
				   in, BLK);
		}
	}
}

static const struct case_def rows[] = {
	{ "hnd.061.every-step", "HND-061 HND-062 HND-070 HND-017 DIS-11", CLAUSE_MUST,
	  NEEDS_INPROC | NEEDS_RESTART, "killed after every single step, in order", every_step },
	{ "hnd.061.every-step-async", "HND-061 HND-062 HND-038", CLAUSE_MUST,
	  NEEDS_INPROC | NEEDS_RESTART, "the same while the kernel reclaims at once",
	  every_step_async },
	{ "hnd.061.every-step-descriptor", "HND-061 HND-070 HND-033", CLAUSE_MUST,
	  NEEDS_INPROC | NEEDS_RESTART, "the same with sense in descriptor format",
	  every_step_descriptor },
	{ "hnd.061.every-step-twice", "HND-061 HND-062 HND-063", CLAUSE_MUST,
	  NEEDS_INPROC | NEEDS_RESTART, "the successors are killed, too", every_step_twice },
	{ "hnd.061.every-step-no-flag", "HND-061 HND-050 HND-070", CLAUSE_MUST,
	  NEEDS_INPROC | NEEDS_RESTART, "without CAP_OOOC every handler can be restarted",
	  every_step_no_flag },
	{ "hnd.061.every-step-held", "HND-061 HND-062 HND-070", CLAUSE_MUST,
	  NEEDS_INPROC | NEEDS_RESTART, "the same while answers wait for their turn",
	  every_step_held },
	{ "hnd.061.every-step-slow", "HND-061 HND-062 HND-070 SCS-031", CLAUSE_MUST,
	  NEEDS_INPROC | NEEDS_RESTART, "power cuts over a slow medium without a cache",
	  every_step_slow },
	{ "hnd.062.caw-behind-verify", "HND-062 HND-061", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "COMPARE AND WRITEs that depend on each other, killed after every step", caw_chain },
	{ "hnd.070.under-load", "HND-070 HND-061 HND-048", CLAUSE_MUST,
	  NEEDS_INPROC | NEEDS_RESTART, "random deaths under load, no reset", under_load },
	{ "hnd.070.resume", "HND-070 HND-048 DIS-11", CLAUSE_MUST, NEEDS_RESTART,
	  "what waits at the restart is executed, not refused", resume_at_tail },
};
CASE_TABLE(cases_restart);
