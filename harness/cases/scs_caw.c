/* SPDX-License-Identifier: MIT */
/*
 * COMPARE AND WRITE, for handlers that have it.
 *
 * Data-Out is what to compare with, then what to write, in one direction. A difference is reported
 * with its offset and writes nothing; nothing comes between compare and write.
 * Clauses: SCS-030, SCS-031, SCS-040, SCS-041.
 */
#include "scs.h"

#define FIRST  16
#define RIVALS 24

/*
 * The most blocks that this handler takes, at most 64 for what follows. 0: the case is over;
 * without the command that is right as long as page B0 does not claim it.
 */
static uint32_t most(struct scs *s)
{
	struct scs_limits lim;

	scs_limits(s, &lim);
	cdb_none(&s->io, OP_CAW);
	be_put(s->io.cdb + 2, 8, FIRST);
	if (!scs_supported(s, "SCS-030")) {
		if (lim.max_caw)
			tc_fail(s->tc, "SCS-031", "page B0 says %u blocks, but there is no opcode",
				lim.max_caw);
		return 0;
	}
	if (s->io.status != 0)
		tc_fail(s->tc, "SCS-030", "0 blocks: expected GOOD, found status 0x%02x",
			s->io.status);
	if (lim.b0 && !lim.max_caw)
		tc_fail(s->tc, "SCS-031", "the opcode exists, but page B0 says 0 blocks");
	if (s->tc->failed)
		return 0;
	if (!lim.b0)
		return 1;
	return lim.max_caw < 64 ? lim.max_caw : 64;
}

/* Data-Out for @n blocks: @old to compare with, @new to write. */
static uint8_t *halves(struct scs *s, uint32_t n, const uint8_t *old, const uint8_t *new)
{
	uint8_t *data = tc_alloc(s->tc, scs_bytes(s, 2 * n));

	memcpy(data, old, scs_bytes(s, n));
	memcpy(data + scs_bytes(s, n), new, scs_bytes(s, n));
	return data;
}

static void caw_io(struct scs *s, uint32_t n, const uint8_t *data)
{
	cdb_caw(&s->io, FIRST, (uint8_t)n, data, scs_bytes(s, 2 * n));
}

/* @n blocks between two that stay; then again, with what is no longer there. */
static void one_swap(struct scs *s, uint32_t n, uint8_t byte1)
{
	uint8_t *medium = scs_pattern(s, n + 2, 1), *new = scs_pattern(s, n, 2);
	uint8_t *data = halves(s, n, medium + s->cap.block_size, new);

	scs_write(s, FIRST - 1, n + 2, medium);
	caw_io(s, n, data);
	s->io.cdb[1] = byte1;
	EXPECT_GOOD(s->tc, "SCS-030", &s->io);
	memcpy(medium + s->cap.block_size, new, scs_bytes(s, n));
	scs_expect_medium(s, "SCS-030", "medium after COMPARE AND WRITE", FIRST - 1, n + 2, medium);
	caw_io(s, n, data);
	s->io.cdb[1] = byte1;
	scs_expect_sense(s, "SCS-030", MISCOMPARE);
	scs_expect_medium(s, "SCS-041", "medium after MISCOMPARE", FIRST - 1, n + 2, medium);
}

static void swaps(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, FIRST + 300);
	uint32_t max = s ? most(s) : 0;
	bool dpofua;

	if (!max)
		return;
	dpofua = scs_mode_sense(s, OP_MODE_SENSE_6, CDB1_DBD, 0x3f) && s->full[2] & 0x10;
	one_swap(s, 1, 0);
	one_swap(s, max, 0);
	one_swap(s, (max + 1) / 2, 0);
	if (dpofua) {
		one_swap(s, 1, CDB1_FUA);
		one_swap(s, 1, CDB1_DPO);
	}
}

/* A single byte of the first half that differs, wherever it is. */
static void one_miscompare(struct scs *s, uint32_t n, uint8_t *data, uint32_t at)
{
	const uint8_t *p = s->io.sense;

	data[at] ^= 0x80;
	caw_io(s, n, data);
	scs_expect_sense(s, "SCS-030", MISCOMPARE);
	if ((p[0] & 0x7f) == 0x70) {
		EXPECT_EQ(s->tc, "SCS-030", "VALID", 0x80, p[0] & 0x80);
		EXPECT_EQ(s->tc, "SCS-030", "INFORMATION", at, be_get(p + 3, 4));
	} else {
		EXPECT(s->tc, "SCS-030", p[7] >= 12 && p[8] == 0 && p[10] & 0x80,
		       "no INFORMATION descriptor");
		EXPECT_EQ(s->tc, "SCS-030", "INFORMATION", at, be_get(p + 12, 8));
	}
	data[at] ^= 0x80;
}

static void miscompares(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, FIRST + 300);
	uint32_t max = s ? most(s) : 0, i, all;
	uint8_t *old, *data;

	if (!max)
		return;
	all = scs_bytes(s, max);
	old = scs_pattern(s, max, 1);
	data = halves(s, max, old, scs_pattern(s, max, 2));
	scs_write(s, FIRST, max, old);
	one_miscompare(s, max, data, 0);
	one_miscompare(s, max, data, 1);
	one_miscompare(s, max, data, s->cap.block_size - 1);
	one_miscompare(s, max, data, all - 1);
	if (max > 1)
		one_miscompare(s, max, data, s->cap.block_size);
	for (i = 0; i < 6; i++)
		one_miscompare(s, max, data, tc_below(tc, all));
	scs_expect_medium(s, "SCS-041", "medium after MISCOMPARE", FIRST, max, old);
	/* the second half does not take part in the compare */
	for (i = 0; i < 3; i++)
		data[all + tc_below(tc, all)] ^= 1;
	caw_io(s, max, data);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	scs_expect_medium(s, "SCS-030", "medium", FIRST, max, data + all);
}

/* The first of several differences is the one reported. */
static void first_difference(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, FIRST + 300);
	uint32_t max = s ? most(s) : 0, all, at;
	uint8_t *old, *data;

	if (!max)
		return;
	all = scs_bytes(s, max);
	old = scs_pattern(s, max, 1);
	data = halves(s, max, old, scs_pattern(s, max, 2));
	scs_write(s, FIRST, max, old);
	at = 1 + tc_below(tc, all - 2);
	data[all - 1] ^= 1;
	one_miscompare(s, max, data, at);
	one_miscompare(s, max, data, 0);
}

static void zero_blocks(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, FIRST + 300);
	uint8_t *old;

	if (!s || !most(s))
		return;
	old = scs_pattern(s, 2, 1);
	scs_write(s, FIRST, 2, old);
	cdb_none(&s->io, OP_CAW);
	be_put(s->io.cdb + 2, 8, FIRST);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	scs_expect_medium(s, "SCS-041", "medium", FIRST, 2, old);
}

/* As many blocks as page B0 says, and one more. */
static void limit(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, FIRST + 300);
	struct scs_limits lim;
	uint8_t *old, *new;

	if (!s || !most(s))
		return;
	scs_limits(s, &lim);
	if (!lim.b0) {
		tc_skip(tc, "no page B0 says how many blocks may be compared");
		return;
	}
	old = scs_pattern(s, 256, 1);
	new = scs_pattern(s, 256, 2);
	scs_write(s, FIRST, 256, old);
	if (lim.max_caw < 255) {
		caw_io(s, lim.max_caw + 1, halves(s, lim.max_caw + 1, old, new));
		scs_expect_sense(s, "SCS-030", BAD_CDB);
		caw_io(s, 255, halves(s, 255, old, new));
		scs_expect_sense(s, "SCS-030", BAD_CDB);
		scs_expect_medium(s, "SCS-041", "medium", FIRST, 256, old);
	}
	caw_io(s, lim.max_caw, halves(s, lim.max_caw, old, new));
	EXPECT_GOOD(tc, "SCS-031", &s->io);
	memcpy(old, new, scs_bytes(s, lim.max_caw));
	scs_expect_medium(s, "SCS-031", "medium", FIRST, 256, old);
}

static void protect_bits(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, FIRST + 300);
	uint8_t *old, *data;
	uint32_t bits;

	if (!s || !most(s))
		return;
	scs_inquiry(s);
	if (s->full[5] & 1) {
		tc_skip(tc, "the handler reports PROTECT");
		return;
	}
	old = scs_pattern(s, 1, 1);
	data = halves(s, 1, old, scs_pattern(s, 1, 2));
	scs_write(s, FIRST, 1, old);
	for (bits = 0x20; bits < 0x100; bits += 0x20) {
		caw_io(s, 1, data);
		s->io.cdb[1] = (uint8_t)bits;
		scs_expect_sense(s, "SCS-040", BAD_CDB);
	}
	scs_expect_medium(s, "SCS-041", "medium", FIRST, 1, old);
}

/* Many at once that expect the same: exactly one gets it, all others see that they did not. */
static void rivals(struct scs *s, uint32_t n)
{
	struct target_io *ios = tc_alloc(s->tc, RIVALS * sizeof(*ios));
	uint8_t *old = scs_pattern(s, n, 1), *new[RIVALS];
	uint32_t i, winner = RIVALS;

	scs_write(s, FIRST, n, old);
	target_freeze(s->t);
	for (i = 0; i < RIVALS; i++) {
		new[i] = scs_pattern(s, n, 100 + i);
		cdb_caw(&ios[i], FIRST, (uint8_t)n, halves(s, n, old, new[i]), scs_bytes(s, 2 * n));
		target_submit(s->t, &ios[i]);
	}
	target_thaw(s->t);
	for (i = 0; i < RIVALS; i++) {
		EXPECT(s->tc, "SCS-030", target_wait(s->t, &ios[i]) == 0, "number %u never ended",
		       i);
		if (ios[i].status == 0) {
			EXPECT(s->tc, "SCS-030", winner == RIVALS, "both %u and %u won", winner, i);
			winner = i;
			continue;
		}
		EXPECT(s->tc, "SCS-030",
		       ios[i].status == SAM_CHECK && sense_key(ios[i].sense) == 0xe,
		       "number %u: status 0x%02x", i, ios[i].status);
	}
	EXPECT(s->tc, "SCS-030", winner < RIVALS, "nobody won");
	scs_expect_medium(s, "SCS-030", "the winner's blocks", FIRST, n, new[winner]);
}

static void atomic(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, FIRST + 300);
	uint32_t max = s ? most(s) : 0;

	if (!max)
		return;
	rivals(s, 1);
	rivals(s, max);
}

/* The same with a handler that finishes in any order. */
static void atomic_reordered(struct tc *tc)
{
	struct target_opts o = scs_opts(tc);
	struct scs *s;
	uint32_t max;

	o.handler.reorder_seed = 1 + tc_below(tc, 1000);
	o.handler.depth = 7;
	s = scs_start(tc, &o, FIRST + 300);
	max = s ? most(s) : 0;
	if (!max)
		return;
	rivals(s, 1);
	rivals(s, max);
}

/* The same over a medium whose operations overlap. */
static void atomic_slow(struct tc *tc)
{
	struct target_opts o = scs_opts(tc);
	struct scs *s;
	uint32_t round, max;

	o.medium = MEDIUM_SLOW;
	s = scs_start(tc, &o, FIRST + 300);
	max = s ? most(s) : 0;
	for (round = 0; max && round < 4 && !tc->failed; round++) {
		rivals(s, 1);
		rivals(s, max);
	}
}

#define WAYS 7u

/*
 * Four blocks from FIRST, changed in one of five ways, or the first or last of them alone; returns
 * what is there afterwards: @n blocks from @first on.
 */
static const uint8_t *writer_io(struct scs *s, struct target_io *io, uint32_t kind, uint32_t *first,
				uint32_t *n)
{
	static const uint8_t lists[2][40] = {
		{ 0, 38, 0, 32, [15] = FIRST + 2, [19] = 2, [31] = FIRST, [35] = 2 },
		{ 0, 38, 0, 32, [15] = FIRST, [19] = 2, [31] = FIRST + 2, [35] = 2 },
	};
	uint8_t *data = scs_pattern(s, 4, 3);
	uint32_t i, one = scs_bytes(s, 1);

	*first = kind == 6 ? FIRST + 3 : FIRST;
	*n = kind < 5 ? 4 : 1;
	if (kind == 0 || kind >= 5) {
		target_io_rw(io, true, 16, *first, *n, one, data);
	} else if (kind == 1) {
		cdb_out(io, ops_write_verify[2], data, 4 * one);
		cdb_range(io, FIRST, 4);
	} else if (kind == 2) {
		cdb_out(io, OP_WRITE_SAME_16, data, one);
		cdb_range(io, FIRST, 4);
		for (i = 1; i < 4; i++)
			memcpy(data + i * one, data, one);
	} else {
		cdb_unmap(io, sizeof(lists[0]), lists[kind % 2], sizeof(lists[0]));
		memset(data, 0, 4 * one);
	}
	return data;
}

/*
 * Compare and write beside another that writes: whichever is first, what the other wrote is what
 * remains. The commands in between have nothing to do with it, though one is for blocks as well.
 */
static void beside_writes(struct tc *tc)
{
	const uint32_t n = 4;
	struct target_opts o = scs_opts(tc);
	struct target_io ios[4];
	uint32_t round, i, first, written;
	uint8_t *old, *other;
	const uint8_t *want;
	struct scs *s;

	o.medium = MEDIUM_SLOW;
	s = scs_start(tc, &o, FIRST + 300);
	if (!s || most(s) < n)
		return;
	old = scs_pattern(s, n, 1);
	other = tc_alloc(tc, scs_bytes(s, 1));
	for (round = 0; round < 16 * WAYS; round++) {
		uint32_t w = round % 2 ? 0 : 3;

		scs_write(s, FIRST, n, old);
		scs_write(s, FIRST + 100, 1, old);
		cdb_caw(&ios[3 - w], FIRST, n, halves(s, n, old, scs_pattern(s, n, 2)),
			scs_bytes(s, 2 * n));
		target_io_rw(&ios[1], false, 16, FIRST + 100, 1, scs_bytes(s, 1), other);
		cdb_none(&ios[2], OP_TEST_UNIT_READY);
		want = writer_io(s, &ios[w], round / 2 % WAYS, &first, &written);
		target_freeze(s->t);
		for (i = 0; i < 4; i++)
			target_submit(s->t, &ios[i]);
		target_thaw(s->t);
		for (i = 0; i < 4; i++)
			EXPECT(tc, "SCS-030", target_wait(s->t, &ios[i]) == 0,
			       "number %u never ended", i);
		if (ios[w].status == SAM_CHECK && sense_asc(ios[w].sense) == 0x2000)
			continue;
		EXPECT_EQ(tc, "SCS-030", "status of what writes", 0, ios[w].status);
		scs_expect_medium(s, "SCS-030", "blocks of what writes", first, written, want);
	}
}

/* Reads and writes of the same blocks meanwhile: each read sees all of one state. */
static void beside_others(struct tc *tc)
{
	const uint32_t n = 8, sets = 12;
	struct scs *s = scs_start(tc, NULL, FIRST + 300);
	struct target_io *ios = tc_alloc(tc, 2 * sets * sizeof(*ios));
	uint8_t *state[2], *got[12];
	uint32_t i;

	if (!s || most(s) < n)
		return;
	state[0] = scs_pattern(s, n, 1);
	state[1] = scs_pattern(s, n, 2);
	scs_write(s, FIRST, n, state[0]);
	target_freeze(s->t);
	for (i = 0; i < sets; i++) {
		cdb_caw(&ios[2 * i], FIRST, n, halves(s, n, state[i % 2], state[!(i % 2)]),
			scs_bytes(s, 2 * n));
		got[i] = tc_alloc(tc, scs_bytes(s, n));
		target_io_rw(&ios[2 * i + 1], false, 16, FIRST, n, s->cap.block_size, got[i]);
		target_submit(s->t, &ios[2 * i]);
		target_submit(s->t, &ios[2 * i + 1]);
	}
	target_thaw(s->t);
	for (i = 0; i < 2 * sets; i++)
		EXPECT(tc, "SCS-030", target_wait(s->t, &ios[i]) == 0, "number %u never ended", i);
	for (i = 0; i < sets; i++) {
		EXPECT_EQ(tc, "SCS-030", "status of a READ", 0, ios[2 * i + 1].status);
		EXPECT(tc, "SCS-030",
		       !memcmp(got[i], state[0], scs_bytes(s, n)) ||
			       !memcmp(got[i], state[1], scs_bytes(s, n)),
		       "READ number %u saw a COMPARE AND WRITE half done", i);
	}
}

/* Whoever ends a MISCOMPARE, the handler that found it or the next, says where it is. */
static void miscompare_killed(struct tc *tc)
{
	const uint32_t at = 7;
	struct target_opts o = scs_opts(tc);
	uint32_t step, kills = 0, unkilled = 0;
	uint8_t *old, *data;
	struct scs *s;

	o.handler.in_order = true;
	s = scs_start(tc, &o, FIRST + 300);
	if (!s || !most(s))
		return;
	old = scs_pattern(s, 1, 1);
	data = halves(s, 1, old, scs_pattern(s, 1, 2));
	data[at] ^= 1;
	for (step = 1; step < 200 && unkilled < 3; step++) {
		uint64_t info;

		scs_write(s, FIRST, 1, old);
		caw_io(s, 1, data);
		target_kill_after(tc->t, step);
		target_submit(tc->t, &s->io);
		target_settle(tc->t);
		if (!target_was_killed(tc->t))
			unkilled++;
		else if (kills++, target_restart(tc->t))
			return;
		target_kill_after(tc->t, 0);
		EXPECT(tc, "HND-061", target_wait(tc->t, &s->io) == 0, "killed at step %u: no end",
		       step);
		EXPECT(tc, "HND-061", scs_is(s, MISCOMPARE), "killed at step %u: status 0x%02x",
		       step, s->io.status);
		info = be_get(s->io.sense + 3, 4);
		EXPECT(tc, "SCS-030", s->io.sense[0] == 0xf0 && info == at,
		       "killed at step %u: byte 0 of the sense 0x%02x, INFORMATION %llu, expected "
		       "%u",
		       step, s->io.sense[0], (unsigned long long)info, at);
	}
	EXPECT(tc, "HND-061", kills > 5, "only %u kills", kills);
}

static const struct case_def rows[] = {
	{ "scs.030.caw", "SCS-030 SCS-031 SCS-041", CLAUSE_MUST, 0,
	  "COMPARE AND WRITE writes if the first half is there, once", swaps },
	{ "scs.030.caw-miscompare", "SCS-030 SCS-040 SCS-041", CLAUSE_MUST, 0,
	  "COMPARE AND WRITE reports the offset of a difference", miscompares },
	{ "scs.030.caw-first-difference", "SCS-030 SCS-040", CLAUSE_MUST, 0,
	  "COMPARE AND WRITE reports the first of several differences", first_difference },
	{ "scs.030.caw-zero", "SCS-030 SCS-041 HND-021", CLAUSE_MUST, 0,
	  "COMPARE AND WRITE of 0 blocks is GOOD", zero_blocks },
	{ "scs.030.caw-limit", "SCS-030 SCS-031 SCS-040 SCS-041", CLAUSE_MUST, 0,
	  "COMPARE AND WRITE: as many blocks as page B0 says and no more", limit },
	{ "scs.040.caw-protect", "SCS-040 SCS-030 SCS-041 SCS-003", CLAUSE_MUST, 0,
	  "COMPARE AND WRITE with WRPROTECT is an invalid field", protect_bits },
	{ "scs.030.caw-atomic", "SCS-030", CLAUSE_MUST, 0,
	  "of many COMPARE AND WRITEs that expect the same, one succeeds", atomic },
	{ "scs.030.caw-atomic-reordered", "SCS-030", CLAUSE_MUST, NEEDS_INPROC,
	  "the same, completed in any order", atomic_reordered },
	{ "scs.030.caw-atomic-slow", "SCS-030 HND-053", CLAUSE_MUST, NEEDS_INPROC,
	  "the same over a medium whose operations overlap", atomic_slow },
	{ "scs.030.caw-beside-writes", "SCS-030", CLAUSE_MUST, NEEDS_INPROC,
	  "nothing comes between compare and write", beside_writes },
	{ "scs.030.caw-beside-others", "SCS-030", CLAUSE_MUST, 0,
	  "READs see COMPARE AND WRITEs whole", beside_others },
	{ "hnd.061.caw-miscompare", "HND-061 SCS-030", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "a MISCOMPARE whose handler dies over it still says where it is", miscompare_killed },
};

CASE_TABLE(cases_scs_caw);
