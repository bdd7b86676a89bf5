/* SPDX-License-Identifier: MIT */
/*
 * Ranges that end, begin or wrap beyond the medium, for each command that has one. None of them may
 * do anything, least of all to the blocks at either end of the medium.
 * Clauses: SCS-003, SCS-040, SCS-041, SCS-042.
 */
#include "scs.h"

/* How a command that names a range carries data. */
enum data { NOTHING, ALL_IN, ALL_OUT, ONE_OUT, TWICE_OUT };

/* A command that names a range; @optional: 05/20/00 is as good an answer. */
struct ranged {
	uint8_t op, byte1;
	enum data data;
	bool optional;
};

static uint64_t max_lba(uint8_t op)
{
	uint8_t probe[8] = { op };

	return ringsim_cdb_len(probe) == 16 ? UINT64_MAX : 0xffffffff;
}

/* Counts above this come with fewer blocks of data: what is left without their upper bytes. */
#define FULL_DATA 4

/* Blocks of data that come with a count of @n. */
static uint32_t data_blocks(const struct ranged *r, uint64_t n)
{
	uint32_t some = (n & 0xff) < FULL_DATA ? (uint32_t)(n & 0xff) : FULL_DATA;

	switch (r->data) {
	case ALL_IN:
	case ALL_OUT:
		return some;
	case ONE_OUT:
		return 1;
	case TWICE_OUT:
		return 2 * some;
	default:
		return 0;
	}
}

static void build(struct scs *s, const struct ranged *r, uint64_t lba, uint64_t n, void *buf)
{
	uint32_t len = scs_bytes(s, data_blocks(r, n));

	if (len == 0)
		cdb_none(&s->io, r->op);
	else if (r->data == ALL_IN)
		cdb_in(&s->io, r->op, buf, len);
	else
		cdb_out(&s->io, r->op, buf, len);
	s->io.cdb[1] = r->byte1;
	if (r->op == OP_CAW) {
		be_put(s->io.cdb + 2, 8, lba);
		s->io.cdb[13] = (uint8_t)n;
	} else {
		cdb_range(&s->io, lba, n);
	}
}

/* False: the handler does not have the command. */
static bool refused(struct scs *s, const struct ranged *r, uint64_t lba, uint64_t n, void *buf)
{
	uint8_t probe[8] = { r->op };

	if (lba > max_lba(r->op) || (n > 0xffff && ringsim_cdb_len(probe) == 10))
		return true;
	if (r->op == OP_CAW && n > 0xff)
		return true;
	build(s, r, lba, n, buf);
	if (!scs_exec(s, "SCS-042"))
		return true;
	if (r->optional && scs_is(s, BAD_OPCODE)) {
		scs_judge_sense(s, "SCS-040");
		return false;
	}
	if (n > FULL_DATA && r->data != NOTHING && scs_is(s, BAD_CDB))
		return true; /* the length was looked at first (SCS-020) */
	if (!scs_is(s, BAD_LBA))
		tc_fail(s->tc, "SCS-042",
			"opcode 0x%02x, LBA 0x%llx, %llu blocks of %llu: expected 5/2100, found "
			"status 0x%02x sense %x/%04x",
			r->op, (unsigned long long)lba, (unsigned long long)n,
			(unsigned long long)s->cap.blocks, s->io.status, sense_key(s->io.sense),
			sense_asc(s->io.sense));
	scs_judge_sense(s, "SCS-040");
	return true;
}

/* Everything that lies outside, for one command. */
static void outside(struct scs *s, const struct ranged *r, void *buf)
{
	const uint64_t cap = s->cap.blocks;
	const struct {
		uint64_t lba, n;
	} bad[] = {
		{ cap, 1 },
		{ cap - 1, 2 },
		{ cap - 2, 3 },
		{ cap + 1, 1 },
		{ cap + 1, 0 },
		{ 2 * cap, 1 },
		{ UINT64_MAX, 1 },
		{ UINT64_MAX, 2 },
		{ UINT64_MAX - 1, 2 },
		{ UINT64_MAX - 1, 3 },
		{ UINT64_MAX, 0 },
		{ (uint64_t)INT64_MAX, 1 },
		{ (uint64_t)INT64_MAX + 1, 1 },
		/* would be block 0 or 1 after the multiplication by the block length */
		{ UINT64_MAX / s->cap.block_size + 1, 1 },
		{ UINT64_MAX / s->cap.block_size + 2, 1 },
		/* would be in range without the upper bytes */
		{ 1ull << 32, 1 },
		{ (1ull << 32) + 1, 1 },
		{ 1ull << 40, 1 },
		{ 1ull << 48, 1 },
		{ 1ull << 56, 1 },
		{ 1ull << 63, 1 },
		{ 0xffffffff, 1 },
		{ 0xffffffff, 2 },
		{ 0xfffffffe, 2 },
		{ 0x80000000, 1 },
		{ 0xff000000, 1 },
		/* counts that would fit without their upper bytes */
		{ 0, 0x01000001 },
		{ 0, 0x80000001 },
		{ 0, 0xffffffff },
		{ 1, 0xffffffff },
		{ cap - 1, 0xffffffff },
		{ cap - 1, 0x0101 },
	};
	uint32_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]) && !s->tc->failed; i++) {
		if (bad[i].lba < cap && bad[i].n <= cap - bad[i].lba)
			continue; /* a unit so large that this is inside */
		if (!refused(s, r, bad[i].lba, bad[i].n, buf))
			return;
	}
	/* LBA = capacity with nothing to transfer: some say it is outside, some that it is not */
	if (max_lba(r->op) < cap || s->tc->failed)
		return;
	build(s, r, cap, 0, buf);
	s->io.len = 0;
	s->io.dir = RINGSIM_NONE;
	if (scs_exec(s, "SCS-042") && s->io.status != 0 && !scs_is(s, BAD_LBA) &&
	    !scs_is(s, BAD_CDB))
		tc_fail(s->tc, "SCS-042",
			"opcode 0x%02x, LBA = capacity, 0 blocks: status 0x%02x sense %x/%04x",
			r->op, s->io.status, sense_key(s->io.sense), sense_asc(s->io.sense));
}

/* The commands of @r against a medium whose ends are watched. */
static void ranges(struct tc *tc, const struct ranged *r, uint32_t n)
{
	struct scs *s = scs_start(tc, NULL, 64);
	uint8_t *head, *tail, *buf;
	uint32_t i;

	if (!s)
		return;
	head = scs_pattern(s, 4, 1);
	tail = scs_pattern(s, 4, 2);
	buf = scs_pattern(s, 8, 3);
	scs_write(s, 0, 4, head);
	scs_write(s, s->cap.blocks - 4, 4, tail);
	for (i = 0; i < n; i++)
		outside(s, &r[i], buf);
	scs_expect_medium(s, "SCS-041", "first blocks", 0, 4, head);
	scs_expect_medium(s, "SCS-041", "last blocks", s->cap.blocks - 4, 4, tail);
}

#define RANGE_CASE(name, ...)                                     \
	static void name(struct tc *tc)                           \
	{                                                         \
		static const struct ranged r[] = { __VA_ARGS__ }; \
                                                                  \
		ranges(tc, r, sizeof(r) / sizeof(r[0]));          \
	}

RANGE_CASE(reads, { 0x28, 0, ALL_IN, false }, { 0xa8, 0, ALL_IN, false },
	   { 0x88, 0, ALL_IN, false })
RANGE_CASE(writes, { 0x2a, 0, ALL_OUT, false }, { 0xaa, 0, ALL_OUT, false },
	   { 0x8a, 0, ALL_OUT, false }, { 0x8a, CDB1_FUA, ALL_OUT, false })
RANGE_CASE(write_verifies, { 0x2e, 0, ALL_OUT, true }, { 0xae, 0, ALL_OUT, true },
	   { 0x8e, 0, ALL_OUT, true }, { 0x8e, CDB1_BYTCHK, ALL_OUT, true })
RANGE_CASE(verifies, { 0x2f, 0, NOTHING, true }, { 0xaf, 0, NOTHING, true },
	   { 0x8f, 0, NOTHING, true }, { 0x8f, CDB1_BYTCHK, ALL_OUT, true })
RANGE_CASE(syncs, { 0x35, 0, NOTHING, true }, { 0x91, 0, NOTHING, true },
	   { 0x91, CDB1_IMMED, NOTHING, true })
RANGE_CASE(compare_and_write, { OP_CAW, 0, TWICE_OUT, true })

/* 21 bits of LBA: only a small unit has an end there. */
static void six_bytes(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 64);
	uint8_t *tail, *buf;
	uint32_t write;

	if (!s)
		return;
	if (s->cap.blocks > 0x1ffffe) {
		tc_skip(tc, "the end is out of reach of 6-byte CDBs");
		return;
	}
	tail = scs_pattern(s, 4, 2);
	buf = scs_pattern(s, 4, 3);
	scs_write(s, s->cap.blocks - 4, 4, tail);
	for (write = 0; write < 2; write++) {
		target_io_rw(&s->io, write, 6, s->cap.blocks, 1, s->cap.block_size, buf);
		scs_expect_sense(s, "SCS-042", BAD_LBA);
		target_io_rw(&s->io, write, 6, s->cap.blocks - 1, 2, s->cap.block_size, buf);
		scs_expect_sense(s, "SCS-042", BAD_LBA);
		target_io_rw(&s->io, write, 6, 0x1fffff, 1, s->cap.block_size, buf);
		scs_expect_sense(s, "SCS-042", BAD_LBA);
	}
	scs_expect_medium(s, "SCS-041", "last blocks", s->cap.blocks - 4, 4, tail);
}

#define PROVES "SCS-042 SCS-041 SCS-040 SCS-003 SCS-030"

static const struct case_def rows[] = {
	{ "scs.042.reads", PROVES, CLAUSE_MUST, 0, "READ 10/12/16 outside the medium", reads },
	{ "scs.042.writes", PROVES, CLAUSE_MUST, 0, "WRITE 10/12/16 outside the medium", writes },
	{ "scs.042.six-bytes", PROVES, CLAUSE_MUST, 0, "READ(6) and WRITE(6) outside the medium",
	  six_bytes },
	{ "scs.042.write-and-verify", PROVES, CLAUSE_MUST, 0, "WRITE AND VERIFY outside the medium",
	  write_verifies },
	{ "scs.042.verify", PROVES, CLAUSE_MUST, 0, "VERIFY outside the medium", verifies },
	{ "scs.042.synchronize-cache", PROVES, CLAUSE_MUST, 0,
	  "SYNCHRONIZE CACHE outside the medium", syncs },
	{ "scs.042.compare-and-write", PROVES, CLAUSE_MUST, 0,
	  "COMPARE AND WRITE outside the medium", compare_and_write },
};

CASE_TABLE(cases_scs_range);
