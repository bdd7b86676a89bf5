/* SPDX-License-Identifier: MIT */
/*
 * Commands that a predecessor executed, in part or in full, and did not live to answer. The handler
 * is killed at each of its steps; its successor executes what it finds once more, and neither the
 * medium nor the initiator may notice.
 * Clauses: HND-061, HND-062, HND-070.
 */
#include "scs.h"
#include "work.h"

#define FIRST 16
#define STEPS 400

static struct scs *start(struct tc *tc, uint32_t block_size)
{
	struct target_opts o = scs_opts(tc);

	o.handler.in_order = true;
	o.handler.wce = false;
	o.handler.block_size = block_size;
	return scs_start(tc, &o, 256);
}

/* Run @n commands and kill the handler at step @step of them. False: it took fewer steps. */
static bool killed_at(struct scs *s, struct target_io *ios, uint32_t n, uint32_t step)
{
	uint32_t i;
	bool killed;

	target_freeze(s->t);
	for (i = 0; i < n; i++)
		target_submit(s->t, &ios[i]);
	target_thaw(s->t);
	target_kill_after(s->t, step);
	for (i = 0; i < n; i++)
		target_wait(s->t, &ios[i]);
	killed = target_was_killed(s->t);
	if (killed)
		target_restart(s->t);
	else
		target_kill_after(s->t, 0);
	work_wait_all(s->tc, "HND-062", ios, n);
	return killed;
}

static void caw_one(struct scs *s, struct target_io *io, uint32_t n, const uint8_t *old,
		    const uint8_t *new)
{
	uint8_t *data = tc_alloc(s->tc, scs_bytes(s, 2 * n));

	memcpy(data, old, scs_bytes(s, n));
	memcpy(data + scs_bytes(s, n), new, scs_bytes(s, n));
	cdb_caw(io, FIRST, (uint8_t)n, data, scs_bytes(s, 2 * n));
}

/* One that matches: GOOD, and the blocks are the new ones. */
static void match(struct scs *s, uint32_t n)
{
	uint8_t *old = scs_pattern(s, n, 1), *new = scs_pattern(s, n, 2);
	struct tc *tc = s->tc;
	uint32_t step;
	bool killed = true;

	for (step = 1; killed; step++) {
		EXPECT(tc, "HND-062", step < STEPS, "no end of steps");
		scs_write(s, FIRST, n, old);
		caw_one(s, &s->io, n, old, new);
		killed = killed_at(s, &s->io, 1, step);
		EXPECT(tc, "HND-062", s->io.status == 0,
		       "killed after step %u: expected GOOD, found status 0x%02x sense %x/%04x",
		       step, s->io.status, sense_key(s->io.sense), sense_asc(s->io.sense));
		scs_expect_medium(s, "HND-062", "medium after a replay", FIRST, n, new);
	}
	EXPECT(tc, "HND-062", step > 3, "the handler made no steps");
}

static void caw_match(struct tc *tc)
{
	struct scs *s = start(tc, 512);

	if (!s)
		return;
	match(s, 1);
	match(s, 9);
}

/* The same where old and new share blocks, and where nothing changes at all. */
static void caw_partly_same(struct tc *tc)
{
	const uint32_t n = 4;
	struct scs *s = start(tc, 512);
	uint8_t *old, *new;
	uint32_t step, k;
	bool killed;

	if (!s)
		return;
	for (k = 0; k < 3; k++) {
		old = scs_pattern(s, n, 1);
		new = scs_pattern(s, n, 2);
		memcpy(new + scs_bytes(s, k), old + scs_bytes(s, k),
		       k == 2 ? scs_bytes(s, 2) : scs_bytes(s, 1));
		if (k == 1)
			memcpy(new, old, scs_bytes(s, n));
		for (step = 1, killed = true; killed; step++) {
			EXPECT(tc, "HND-062", step < STEPS, "no end of steps");
			scs_write(s, FIRST, n, old);
			caw_one(s, &s->io, n, old, new);
			killed = killed_at(s, &s->io, 1, step);
			EXPECT(tc, "HND-062", s->io.status == 0,
			       "killed after step %u: status 0x%02x", step, s->io.status);
			scs_expect_medium(s, "HND-062", "medium after a replay", FIRST, n, new);
		}
	}
}

/*
 * A predecessor that got as far as some of the blocks: for its successor the medium is half old,
 * half new. The iovs lie apart, so that each block is compared with its own.
 */
static void half_done(struct tc *tc, uint32_t block_size, uint32_t n)
{
	struct scs *s = start(tc, block_size);
	uint8_t *old, *new, *medium;
	uint32_t done, i;

	if (!s)
		return;
	old = scs_pattern(s, n, 1);
	new = scs_pattern(s, n, 2);
	for (done = 0; done < 1u << n; done += 1 + done / 4) {
		medium = tc_alloc(tc, scs_bytes(s, n));
		for (i = 0; i < n; i++)
			memcpy(medium + scs_bytes(s, i),
			       (done >> i & 1 ? new : old) + scs_bytes(s, i), s->cap.block_size);
		if (!work_fragment_every(tc, 24))
			return;
		scs_write(s, FIRST, n, medium);
		caw_one(s, &s->io, n, old, new);
		target_freeze(s->t);
		target_submit(s->t, &s->io);
		target_kill(s->t);
		target_restart(s->t);
		target_thaw(s->t);
		EXPECT(tc, "HND-062", target_wait(s->t, &s->io) == 0, "no end");
		EXPECT(tc, "HND-062", s->io.status == 0,
		       "blocks 0x%x written before: status 0x%02x sense %x/%04x", done,
		       s->io.status, sense_key(s->io.sense), sense_asc(s->io.sense));
		scs_expect_medium(s, "HND-062", "medium after a replay", FIRST, n, new);
	}
}

static void caw_half_done(struct tc *tc)
{
	half_done(tc, 4096, 5);
	if (!tc->failed)
		half_done(tc, 520, 11);
}

/* A block that is neither old nor new was no predecessor's work. */
static void caw_half_strange(struct tc *tc)
{
	const uint32_t n = 5;
	struct scs *s = start(tc, 4096);
	uint8_t *old, *new, *medium;
	uint32_t i;

	if (!s)
		return;
	old = scs_pattern(s, n, 1);
	new = scs_pattern(s, n, 2);
	for (i = 0; i < n; i++) {
		medium = tc_alloc(tc, scs_bytes(s, n));
		memcpy(medium, i % 2 ? new : old, scs_bytes(s, n));
		medium[scs_bytes(s, i) + 77] ^= 1;
		if (!work_fragment_every(tc, 24))
			return;
		scs_write(s, FIRST, n, medium);
		caw_one(s, &s->io, n, old, new);
		target_freeze(s->t);
		target_submit(s->t, &s->io);
		target_kill(s->t);
		target_restart(s->t);
		target_thaw(s->t);
		EXPECT(tc, "HND-062", target_wait(s->t, &s->io) == 0, "no end");
		EXPECT(tc, "HND-062", scs_is(s, MISCOMPARE),
		       "block %u is neither: status 0x%02x sense %x/%04x", i, s->io.status,
		       sense_key(s->io.sense), sense_asc(s->io.sense));
		scs_expect_medium(s, "HND-062", "medium after a replay", FIRST, n, medium);
	}
}

/* One that does not match: MISCOMPARE at the same place, and nothing is written. */
static void caw_mismatch(struct tc *tc)
{
	const uint32_t n = 3;
	struct scs *s = start(tc, 512);
	uint8_t *old, *new, *medium;
	uint32_t step, at;
	bool killed = true;

	if (!s)
		return;
	old = scs_pattern(s, n, 1);
	new = scs_pattern(s, n, 2);
	medium = tc_alloc(tc, scs_bytes(s, n));
	memcpy(medium, old, scs_bytes(s, n));
	at = scs_bytes(s, 1) + 7;
	medium[at] ^= 0x40;
	for (step = 1; killed; step++) {
		EXPECT(tc, "HND-062", step < STEPS, "no end of steps");
		scs_write(s, FIRST, n, medium);
		caw_one(s, &s->io, n, old, new);
		killed = killed_at(s, &s->io, 1, step);
		EXPECT(tc, "HND-062", scs_is(s, MISCOMPARE),
		       "killed after step %u: expected MISCOMPARE, found status 0x%02x sense "
		       "%x/%04x",
		       step, s->io.status, sense_key(s->io.sense), sense_asc(s->io.sense));
		/* an answer that a successor finished may have lost it */
		if (s->io.sense[0] == 0xf0)
			EXPECT_EQ(tc, "HND-062", "INFORMATION", at, be_get(s->io.sense + 3, 4));
		scs_expect_medium(s, "HND-062", "medium after a replay", FIRST, n, medium);
	}
}

/*
 * Three in a row, each of which needs the one before. Whatever a handler makes of their order, what
 * it reports is what happened: the medium is where the chain of those with GOOD leads.
 */
static void caw_chain(struct tc *tc)
{
	enum { LINKS = 3 };
	struct scs *s = start(tc, 512);
	struct target_io *ios = tc_alloc(tc, LINKS * sizeof(*ios));
	uint8_t *state[LINKS + 1];
	uint32_t step, i;
	bool killed = true;

	if (!s)
		return;
	for (i = 0; i <= LINKS; i++)
		state[i] = scs_pattern(s, 2, 1 + i);
	for (step = 1; killed; step++) {
		uint32_t at = 0;

		EXPECT(tc, "HND-062", step < STEPS, "no end of steps");
		scs_write(s, FIRST, 2, state[0]);
		for (i = 0; i < LINKS; i++)
			caw_one(s, &ios[i], 2, state[i], state[i + 1]);
		killed = killed_at(s, ios, LINKS, step);
		for (i = 0; i < LINKS; i++) {
			EXPECT(tc, "HND-062", ios[i].status == 0 || sense_key(ios[i].sense) == 0xe,
			       "killed after step %u: number %u: status 0x%02x", step, i,
			       ios[i].status);
			EXPECT(tc, "HND-062", ios[i].status != 0 || at == i,
			       "killed after step %u: number %u is GOOD without the one before",
			       step, i);
			at += ios[i].status == 0;
		}
		EXPECT(tc, "HND-062", at == LINKS,
		       "killed after step %u: %u of %u succeeded in an in-order handler", step, at,
		       LINKS);
		scs_expect_medium(s, "HND-062", "medium after a replay", FIRST, 2, state[at]);
	}
}

/* Others that write: each is executed at least once, and reported as what it was. */
static void writers(struct tc *tc)
{
	enum { CMDS = 5 };
	uint8_t list[24] = { 0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 4 };
	struct scs *s = start(tc, 512);
	struct target_io *ios = tc_alloc(tc, CMDS * sizeof(*ios));
	uint8_t *want, *data, *same, *old;
	uint32_t step, i;
	bool killed = true;

	if (!s)
		return;
	want = tc_alloc(tc, scs_bytes(s, 32));
	data = scs_pattern(s, 8, 1);
	same = scs_pattern(s, 1, 2);
	old = scs_pattern(s, 32, 3);
	memcpy(want, old, scs_bytes(s, 32));
	memcpy(want + scs_bytes(s, 1), data, scs_bytes(s, 8));
	for (i = 12; i < 20; i++)
		memcpy(want + scs_bytes(s, i), same, s->cap.block_size);
	memset(want + scs_bytes(s, 24), 0, scs_bytes(s, 4));
	for (step = 1; killed; step++) {
		EXPECT(tc, "HND-062", step < STEPS, "no end of steps");
		scs_write(s, FIRST, 32, old);
		target_io_rw(&ios[0], true, 10, FIRST + 1, 8, s->cap.block_size, data);
		cdb_out(&ios[1], OP_WRITE_SAME_10, same, s->cap.block_size);
		cdb_range(&ios[1], FIRST + 12, 8);
		cdb_unmap(&ios[2], sizeof(list), list, sizeof(list));
		target_io_rw(&ios[3], true, 16, s->cap.blocks, 1, s->cap.block_size, same);
		cdb_none(&ios[4], OP_SYNC_10);
		killed = killed_at(s, ios, CMDS, step);
		for (i = 0; i < CMDS; i++)
			EXPECT(tc, "HND-062", (ios[i].status == 0) == (i != 3),
			       "killed after step %u: number %u: status 0x%02x sense %x/%04x", step,
			       i, ios[i].status, sense_key(ios[i].sense), sense_asc(ios[i].sense));
		EXPECT(tc, "HND-062", sense_asc(ios[3].sense) == 0x2100,
		       "killed after step %u: range error became %x/%04x", step,
		       sense_key(ios[3].sense), sense_asc(ios[3].sense));
		scs_expect_medium(s, "HND-062", "medium after a replay", FIRST, 32, want);
	}
}

static const struct case_def rows[] = {
	{ "hnd.062.caw-match", "HND-062 HND-061 HND-070 DIS-11", CLAUSE_MUST,
	  NEEDS_INPROC | NEEDS_RESTART, "a COMPARE AND WRITE that matched is GOOD when replayed",
	  caw_match },
	{ "hnd.062.caw-partly-same", "HND-062 HND-061", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "the same where old and new share blocks", caw_partly_same },
	{ "hnd.062.caw-half-done", "HND-062 HND-020", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "a COMPARE AND WRITE of which some blocks were written", caw_half_done },
	{ "hnd.062.caw-half-strange", "HND-062 HND-020", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "a block that is neither half's is a difference when replayed, too", caw_half_strange },
	{ "hnd.062.caw-mismatch", "HND-062 HND-061", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "a COMPARE AND WRITE that did not match does not when replayed", caw_mismatch },
	{ "hnd.062.caw-chain", "HND-062 HND-061", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "a chain of COMPARE AND WRITEs, replayed", caw_chain },
	{ "hnd.062.writers", "HND-062 HND-061 HND-070", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "WRITE, WRITE SAME, UNMAP and a range error, replayed", writers },
};

CASE_TABLE(cases_replay);
