/* SPDX-License-Identifier: MIT */
/*
 * The CDB says one length, the iovs another. Either the command fails and has done nothing, or it
 * transfers the smaller: in no case does it store a byte that nobody sent, or show one that nobody
 * wrote.
 * Clauses: SCS-003, SCS-020, SCS-041, HND-018, HND-035.
 */
#include "scs.h"

#define N     4
#define GUARD 8

static const uint32_t cdb_lens[] = { 6, 10, 12, 16 };

/* Lengths around what the CDB says, in bytes; terminated by the last one. */
static uint32_t other_len(const struct scs *s, uint32_t i)
{
	const uint32_t block = s->cap.block_size, all = N * block;
	const uint32_t lens[] = { 0,	       1,	   block - 1, block,   block + 1,
				  2 * block,   all - 1,	   all + 1,   all + 7, all + 8,
				  all + block, all + 4096, 2 * all };

	return i < sizeof(lens) / sizeof(lens[0]) ? lens[i] : UINT32_MAX;
}

/* A command that failed must say so properly; true if it was GOOD. */
static bool good(struct scs *s)
{
	struct tc *tc = s->tc;

	if (!scs_exec(s, "SCS-020"))
		return false;
	if (s->io.status == 0)
		return true;
	if (s->io.status != SAM_CHECK)
		tc_fail(tc, "SCS-020", "status 0x%02x", s->io.status);
	scs_judge_sense(s, "SCS-040");
	return false;
}

static void one_read(struct scs *s, uint32_t cdb_len, uint32_t len, const uint8_t *medium)
{
	uint32_t all = scs_bytes(s, N), valid = len < all ? len : all, i;
	uint8_t *got = tc_alloc(s->tc, len + 64);
	struct tc *tc = s->tc;

	memset(got, 0xee, len + 64);
	target_io_rw(&s->io, false, cdb_len, GUARD, N, s->cap.block_size, got);
	s->io.len = len;
	if (good(s)) {
		EXPECT_MEM(tc, "SCS-020", "data read", medium, got, valid);
		EXPECT(tc, "SCS-020",
		       s->io.data_in >= valid && s->io.residual == len - s->io.data_in,
		       "delivered %u of %u bytes, residual %u", s->io.data_in, valid,
		       s->io.residual);
		for (i = valid; i < s->io.data_in; i++)
			EXPECT(tc, "HND-035", got[i] == 0, "byte %u of %u is 0x%02x, expected 0", i,
			       len, got[i]);
	}
	for (i = s->io.data_in; i < len + 64; i++)
		EXPECT(tc, "SCS-020", got[i] == 0xee, "byte %u of %u was stored", i, len);
}

static void reads(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 64);
	uint8_t *medium;
	uint32_t i, k;

	if (!s)
		return;
	medium = scs_pattern(s, N, 1);
	scs_write(s, GUARD, N, medium);
	for (k = 0; k < 4; k++) {
		for (i = 0; other_len(s, i) != UINT32_MAX && !tc->failed; i++)
			one_read(s, cdb_lens[k], other_len(s, i), medium);
	}
}

/* Whole blocks of @new up to @valid bytes, @old after that; a cut block may be either. */
static void judge_write(struct scs *s, bool was_good, uint32_t valid, const uint8_t *old,
			const uint8_t *new)
{
	uint32_t block = s->cap.block_size, whole = valid / block * block, i;
	uint8_t *got = tc_alloc(s->tc, scs_bytes(s, 3 * N));
	struct tc *tc = s->tc;

	scs_read(s, GUARD - N, 3 * N, got);
	if (!was_good)
		valid = whole = 0;
	for (i = 0; i < scs_bytes(s, 3 * N); i++) {
		uint32_t at = i - scs_bytes(s, N); /* in the command's data; huge before it */
		bool is_new = at < scs_bytes(s, 2 * N) && got[i] == new[at];

		if (at < whole)
			EXPECT(tc, "SCS-020", is_new, "byte %u of the data was not written", at);
		else if (at < valid)
			EXPECT(tc, "SCS-020", is_new || got[i] == old[i],
			       "byte %u of the data is neither old nor new", at);
		else
			EXPECT(tc, was_good ? "SCS-020" : "SCS-041", got[i] == old[i],
			       "byte %u from the command's first was changed", at);
	}
}

static void one_write(struct scs *s, uint8_t op, uint8_t byte1, uint32_t len)
{
	uint8_t *old = scs_pattern(s, 3 * N, len), *new = scs_pattern(s, 3 * N, len + 1);
	uint32_t all = scs_bytes(s, N);

	if (len > scs_bytes(s, 3 * N))
		return;
	scs_write(s, GUARD - N, 3 * N, old);
	cdb_out(&s->io, op, new, len);
	cdb_range(&s->io, GUARD, N);
	s->io.cdb[1] |= byte1;
	judge_write(s, good(s), len < all ? len : all, old, new);
}

static void writes(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 64);
	uint32_t i, k;

	if (!s)
		return;
	for (i = 0; other_len(s, i) != UINT32_MAX && !tc->failed; i++) {
		for (k = 0; k < sizeof(ops_write); k++)
			one_write(s, ops_write[k], 0, other_len(s, i));
		for (k = 0; k < sizeof(ops_write_verify); k++)
			one_write(s, ops_write_verify[k], k ? CDB1_BYTCHK : 0, other_len(s, i));
	}
}

/* Data with a CDB that says 0 blocks. */
static void data_without_blocks(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 64);
	uint8_t *old, *new, *got;
	uint32_t k, i;

	if (!s)
		return;
	old = scs_pattern(s, 4, 1);
	new = scs_pattern(s, 2, 2);
	got = tc_alloc(tc, scs_bytes(s, 2));
	scs_write(s, 8, 4, old);
	for (k = 1; k < 4; k++) {
		target_io_rw(&s->io, true, cdb_lens[k], 9, 0, s->cap.block_size, new);
		s->io.len = scs_bytes(s, 2);
		good(s);
		target_io_rw(&s->io, false, cdb_lens[k], 9, 0, s->cap.block_size, got);
		s->io.len = scs_bytes(s, 2);
		good(s);
		for (i = 0; i < s->io.data_in; i++)
			EXPECT(tc, "HND-035", got[i] == 0, "byte %u is 0x%02x, expected 0", i,
			       got[i]);
	}
	scs_expect_medium(s, "SCS-020", "medium after writes of nothing", 8, 4, old);
}

/* Commands that take one block, or twice as many: too little is never enough. */
struct odd {
	uint8_t op, byte1;
	uint32_t per_cent; /* of N blocks */
};

static void one_odd(struct scs *s, const struct odd *o, uint32_t len)
{
	uint32_t right = scs_bytes(s, N) * o->per_cent / 100;
	uint8_t *old = scs_pattern(s, 3 * N, 77), *new = tc_alloc(s->tc, scs_bytes(s, 3 * N));
	struct tc *tc = s->tc;

	if (len == right || len > scs_bytes(s, 3 * N))
		return;
	scs_write(s, GUARD - N, 3 * N, old);
	/* what is compared is equal, what is written is new */
	memcpy(new, old + scs_bytes(s, N), scs_bytes(s, N));
	tc_fill(tc, new + scs_bytes(s, N), scs_bytes(s, 2 * N), 78);
	cdb_out(&s->io, o->op, new, len);
	cdb_range(&s->io, GUARD, N);
	if (o->op == OP_CAW) {
		be_put(s->io.cdb + 10, 4, 0);
		s->io.cdb[13] = N;
	}
	s->io.cdb[1] = o->byte1;
	if (good(s) && len < right)
		tc_fail(tc, "SCS-020", "opcode 0x%02x with %u of %u bytes: GOOD", o->op, len,
			right);
	if (s->io.status == SAM_CHECK)
		scs_expect_medium(s, "SCS-041", "medium after a refusal", GUARD - N, 3 * N, old);
}

static void odd_commands(struct tc *tc)
{
	static const struct odd odd[] = {
		{ OP_CAW, 0, 200 },
		{ OP_WRITE_SAME_10, 0, 25 },
		{ OP_WRITE_SAME_16, 0, 25 },
	};
	struct scs *s = scs_start(tc, NULL, 64);
	uint32_t i, k;

	if (!s)
		return;
	for (k = 0; k < sizeof(odd) / sizeof(odd[0]); k++) {
		for (i = 0; other_len(s, i) != UINT32_MAX && !tc->failed; i++)
			one_odd(s, &odd[k], other_len(s, i));
	}
}

/* VERIFY that compares is not satisfied by bytes that were never sent. */
static void short_verify(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 64);
	uint8_t *data;
	uint32_t i;

	if (!s)
		return;
	data = scs_pattern(s, N, 5);
	scs_write(s, GUARD, N, data);
	data[0] ^= 1;
	for (i = 0; other_len(s, i) != UINT32_MAX; i++) {
		if (other_len(s, i) == 0 || other_len(s, i) > scs_bytes(s, N))
			continue;
		cdb_out(&s->io, ops_verify[2], data, other_len(s, i));
		cdb_range(&s->io, GUARD, N);
		s->io.cdb[1] = CDB1_BYTCHK;
		if (!scs_supported(s, "SCS-030"))
			return;
		EXPECT(tc, "SCS-020", s->io.status == SAM_CHECK,
		       "VERIFY of %u bytes that differ in the first: status 0x%02x",
		       other_len(s, i), s->io.status);
		scs_judge_sense(s, "SCS-040");
	}
}

static const struct case_def rows[] = {
	{ "scs.020.reads", "SCS-020 SCS-003 HND-018 HND-035 HND-021", CLAUSE_MUST, 0,
	  "READ whose iovs are shorter or longer than the CDB says", reads },
	{ "scs.020.writes", "SCS-020 SCS-041 SCS-003 HND-018 HND-021", CLAUSE_MUST, 0,
	  "WRITE, WRITE AND VERIFY whose iovs are shorter or longer than the CDB says", writes },
	{ "scs.020.data-without-blocks", "SCS-020 SCS-021 HND-035", CLAUSE_MUST, 0,
	  "READ and WRITE of 0 blocks that came with a buffer", data_without_blocks },
	{ "scs.020.other-commands", "SCS-020 SCS-041 SCS-003 HND-018 HND-021", CLAUSE_MUST, 0,
	  "COMPARE AND WRITE and WRITE SAME with too little data or too much", odd_commands },
	{ "scs.020.short-verify", "SCS-020 SCS-040", CLAUSE_MUST, 0,
	  "VERIFY with fewer bytes than blocks does not pass what differs", short_verify },
};

CASE_TABLE(cases_scs_lengths);
