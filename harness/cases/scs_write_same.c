/* SPDX-License-Identifier: MIT */
/*
 * WRITE SAME(10) and (16), for handlers that have them.
 * Clauses: SCS-030, SCS-031, SCS-040, SCS-041, SCS-042.
 */
#include "scs.h"

static const uint8_t ops[] = { OP_WRITE_SAME_10, OP_WRITE_SAME_16 };

static void same_io(struct scs *s, uint8_t op, uint8_t byte1, uint64_t lba, uint32_t n,
		    const void *block)
{
	if (block)
		cdb_out(&s->io, op, block, s->cap.block_size);
	else
		cdb_none(&s->io, op);
	cdb_range(&s->io, lba, n);
	s->io.cdb[1] = byte1;
}

/* Whether the handler has @op; a block at LBA 0 is written to find out. */
static bool there(struct scs *s, uint8_t op)
{
	same_io(s, op, 0, 0, 1, scs_pattern(s, 1, 9));
	return scs_supported(s, "SCS-030") && !s->tc->failed;
}

/* @n blocks from @lba between two that stay. */
static void one_same(struct scs *s, uint8_t op, uint8_t byte1, uint64_t lba, uint32_t n,
		     const uint8_t *block)
{
	uint8_t *medium = scs_pattern(s, n + 2, lba + n), *zeros = scs_pattern(s, 1, 0);
	uint32_t i;

	memset(zeros, 0, s->cap.block_size);
	scs_write(s, lba - 1, n + 2, medium);
	same_io(s, op, byte1, lba, n, block);
	EXPECT_GOOD(s->tc, "SCS-030", &s->io);
	for (i = 1; i <= n; i++)
		memcpy(medium + scs_bytes(s, i), block ? block : zeros, s->cap.block_size);
	scs_expect_medium(s, "SCS-030", "medium after WRITE SAME", lba - 1, n + 2, medium);
}

static void same(struct tc *tc)
{
	static const uint32_t counts[] = { 1, 2, 17, 300 };
	struct scs *s = scs_start(tc, NULL, 1024);
	uint8_t *zeros, *almost;
	uint32_t i, k;

	if (!s)
		return;
	zeros = tc_alloc(tc, s->cap.block_size);
	almost = tc_alloc(tc, s->cap.block_size);
	almost[s->cap.block_size - 1] = 1;
	for (k = 0; k < 2 && !tc->failed; k++) {
		if (!there(s, ops[k]))
			continue;
		for (i = 0; i < 4 && counts[i] * (uint64_t)s->cap.block_size <= 4u << 20; i++) {
			one_same(s, ops[k], 0, 0x103 + i, counts[i], scs_pattern(s, 1, i));
			one_same(s, ops[k], 0, 0x103 + i, counts[i], zeros);
			one_same(s, ops[k], 0, 0x103 + i, counts[i], almost);
		}
	}
}

/* Blocks that look like zeros, or like one byte repeated, to who looks hastily. */
static void patterns(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 256);
	uint32_t i, k, len;
	uint8_t *block;

	if (!s)
		return;
	len = s->cap.block_size;
	block = tc_alloc(tc, len);
	for (k = 0; k < 2 && !tc->failed; k++) {
		if (!there(s, ops[k]))
			continue;
		for (i = 0; i < 8; i++) {
			memset(block, i < 2 ? 0xff - i * 0xfe : 0, len);
			if (i == 2)
				block[0] = 1;
			else if (i == 3)
				block[1] = 1;
			else if (i == 4)
				block[len / 2] = 0x80;
			else if (i == 5)
				block[len - 2] = 1;
			else if (i > 5)
				memset(block + len / 2, 0xa5, i == 6 ? len / 2 : 1);
			one_same(s, ops[k], 0, 9, 20, block);
		}
		for (i = 0; i < len; i++)
			block[i] = i % 2 ? 0x77 : 0;
		one_same(s, ops[k], 0, 9, 20, block);
	}
}

/* More than a handler is likely to write in one go. */
static void long_run(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 1024);
	struct scs_limits lim;
	uint32_t n;

	if (!s)
		return;
	n = (uint32_t)((2u << 20) / s->cap.block_size + 3);
	scs_limits(s, &lim);
	if (s->cap.blocks < n + 8 || (lim.max_write_same && lim.max_write_same < n) ||
	    (lim.max_transfer && lim.max_transfer < n + 2)) {
		tc_skip(tc, "2 MiB are too much for this unit");
		return;
	}
	if (there(s, OP_WRITE_SAME_16))
		one_same(s, OP_WRITE_SAME_16, 0, 3, n, scs_pattern(s, 1, 4));
}

/* UNMAP bit: what is read afterwards is the block that came along, all zeros or not. */
static void unmap_bit(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 256);
	struct scs_limits lim;
	uint8_t *zeros, *block;
	uint32_t k;

	if (!s)
		return;
	scs_limits(s, &lim);
	zeros = tc_alloc(tc, s->cap.block_size);
	block = scs_pattern(s, 1, 5);
	for (k = 0; k < 2 && !tc->failed; k++) {
		bool claimed = k ? lim.lbpws : lim.lbpws10, have = there(s, ops[k]);

		EXPECT(tc, "SCS-031", have || !claimed,
		       "page B2 promises to unmap with opcode 0x%02x, which does not exist",
		       ops[k]);
		if (!have)
			continue;
		if (claimed) {
			one_same(s, ops[k], CDB1_UNMAP, 9, 20, zeros);
			one_same(s, ops[k], CDB1_UNMAP, 9, 20, block);
			continue;
		}
		same_io(s, ops[k], CDB1_UNMAP, 9, 20, zeros);
		scs_expect_sense(s, "SCS-031", BAD_CDB);
	}
}

/* NDOB: no data, zeros are written. A bit of its own in 16 bytes, obsolete in 10. */
static void ndob(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 256);
	uint8_t *old;

	if (!s)
		return;
	old = scs_pattern(s, 4, 1);
	scs_write(s, 20, 4, old);
	if (there(s, OP_WRITE_SAME_10)) {
		same_io(s, OP_WRITE_SAME_10, CDB1_NDOB, 21, 2, NULL);
		scs_expect_check(s, "SCS-040");
		scs_expect_medium(s, "SCS-041", "medium", 20, 4, old);
	}
	if (!there(s, OP_WRITE_SAME_16))
		return;
	same_io(s, OP_WRITE_SAME_16, CDB1_NDOB, 21, 2, NULL);
	EXPECT(tc, "SCS-030", scs_exec(s, "SCS-030"), "no end");
	if (s->io.status == 0) {
		one_same(s, OP_WRITE_SAME_16, CDB1_NDOB, 21, 2, NULL);
		return;
	}
	EXPECT(tc, "SCS-040", scs_is(s, BAD_CDB), "NDOB: expected GOOD or 5/2400, found %x/%04x",
	       sense_key(s->io.sense), sense_asc(s->io.sense));
	scs_expect_medium(s, "SCS-041", "medium", 20, 4, old);
}

/* Bits that nobody may set, and one that goes with what page B2 says. */
static void bad_bits(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 256);
	uint8_t *old, *block;
	uint32_t k, bits;
	bool anc_sup;

	if (!s)
		return;
	scs_inquiry(s);
	if (s->full[5] & 1) {
		tc_skip(tc, "the handler reports PROTECT");
		return;
	}
	anc_sup = scs_vpd(s, 0xb2) && s->full[5] & 0x02;
	old = scs_pattern(s, 4, 1);
	block = scs_pattern(s, 1, 2);
	scs_write(s, 20, 4, old);
	for (k = 0; k < 2; k++) {
		if (!there(s, ops[k]))
			continue;
		for (bits = 0x20; bits < 0x100; bits += 0x20) {
			same_io(s, ops[k], (uint8_t)bits, 21, 2, block);
			scs_expect_sense(s, "SCS-040", BAD_CDB);
		}
		if (!anc_sup) {
			same_io(s, ops[k], CDB1_ANCHOR, 21, 2, block);
			scs_expect_sense(s, "SCS-040", BAD_CDB);
			same_io(s, ops[k], CDB1_ANCHOR | CDB1_UNMAP, 21, 2, block);
			scs_expect_sense(s, "SCS-040", BAD_CDB);
		}
		/* PBDATA and LBDATA would write something else into each block */
		same_io(s, ops[k], 0x04, 21, 2, block);
		scs_expect_check(s, "SCS-040");
		same_io(s, ops[k], 0x02, 21, 2, block);
		scs_expect_check(s, "SCS-040");
	}
	scs_expect_medium(s, "SCS-041", "medium after refusals", 20, 4, old);
}

/* 0 blocks: an error with WSNZ, else up to the end. */
static void zero_blocks(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 256);
	struct scs_limits lim;
	uint8_t *old, *block;
	uint32_t k, i;

	if (!s)
		return;
	scs_limits(s, &lim);
	block = scs_pattern(s, 1, 2);
	for (k = 0; k < 2; k++) {
		if (!there(s, ops[k]))
			continue;
		old = scs_pattern(s, 4, k);
		scs_write(s, s->cap.blocks - 4, 4, old);
		same_io(s, ops[k], 0, s->cap.blocks - 3, 0, block);
		if (lim.wsnz) {
			scs_expect_sense(s, "SCS-030", BAD_CDB);
		} else {
			EXPECT_GOOD(tc, "SCS-030", &s->io);
			for (i = 1; i < 4; i++)
				memcpy(old + scs_bytes(s, i), block, s->cap.block_size);
		}
		scs_expect_medium(s, "SCS-041", "end of the medium", s->cap.blocks - 4, 4, old);
	}
}

/* As many blocks as page B0 allows, and one more. */
static void limit(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 256);
	struct scs_limits lim;
	uint8_t *old, *zeros;

	if (!s)
		return;
	scs_limits(s, &lim);
	if (lim.max_write_same == 0 || lim.max_write_same >= s->cap.blocks) {
		tc_skip(tc, "page B0 sets no limit that this unit could exceed");
		return;
	}
	old = scs_pattern(s, 4, 1);
	zeros = tc_alloc(tc, scs_bytes(s, 4));
	scs_write(s, 0, 4, old);
	if (!there(s, OP_WRITE_SAME_16))
		return;
	memcpy(old, scs_pattern(s, 1, 9), s->cap.block_size);
	same_io(s, OP_WRITE_SAME_16, 0, 0, (uint32_t)lim.max_write_same + 1, zeros);
	scs_expect_sense(s, "SCS-031", BAD_CDB);
	scs_expect_medium(s, "SCS-041", "medium", 0, 4, old);
	same_io(s, OP_WRITE_SAME_16, 0, 1, (uint32_t)lim.max_write_same, zeros);
	EXPECT_GOOD(tc, "SCS-031", &s->io);
	memset(old + scs_bytes(s, 1), 0, scs_bytes(s, 3));
	scs_expect_medium(s, "SCS-031", "medium", 0, 4, old);
}

/* LBA and count, in all their bytes. */
static void ranges(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 256);
	uint8_t *head, *tail, *block;
	uint32_t i, k;

	if (!s)
		return;
	const uint64_t cap = s->cap.blocks;
	const struct {
		uint64_t lba;
		uint32_t n;
	} bad[] = { { cap, 1 },		 { cap - 1, 2 },	{ cap + 1, 1 },
		    { UINT64_MAX, 1 },	 { UINT64_MAX, 2 },	{ UINT64_MAX - 1, 3 },
		    { 1ull << 32, 1 },	 { 1ull << 56, 1 },	{ 0xffffffff, 1 },
		    { 0xff000000, 1 },	 { 0, 0x01000001 },	{ 1, 0xffffffff },
		    { cap - 1, 0x0101 }, { 0xffffffff, 0xffff } };

	head = scs_pattern(s, 4, 1);
	tail = scs_pattern(s, 4, 2);
	block = scs_pattern(s, 1, 3);
	scs_write(s, cap - 4, 4, tail);
	for (k = 0; k < 2; k++) {
		if (!there(s, ops[k]))
			continue;
		scs_write(s, 0, 4, head);
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			if (bad[i].lba < cap && bad[i].n <= cap - bad[i].lba)
				continue;
			if (k == 0 && (bad[i].lba > 0xffffffff || bad[i].n > 0xffff))
				continue;
			same_io(s, ops[k], 0, bad[i].lba, bad[i].n, block);
			scs_expect_check(s, "SCS-042");
			EXPECT(tc, "SCS-042",
			       scs_is(s, BAD_LBA) || (bad[i].n > 3 && scs_is(s, BAD_CDB)),
			       "WRITE SAME of %u blocks at 0x%llx: found %x/%04x", bad[i].n,
			       (unsigned long long)bad[i].lba, sense_key(s->io.sense),
			       sense_asc(s->io.sense));
		}
		scs_expect_medium(s, "SCS-041", "first blocks", 0, 4, head);
		scs_expect_medium(s, "SCS-041", "last blocks", cap - 4, 4, tail);
	}
}

static const struct case_def rows[] = {
	{ "scs.030.write-same", "SCS-030 SCS-041", CLAUSE_MUST, 0,
	  "WRITE SAME writes one block many times, and nothing beside", same },
	{ "scs.030.write-same-patterns", "SCS-030", CLAUSE_MUST, 0,
	  "WRITE SAME of blocks that are nearly uniform", patterns },
	{ "scs.030.write-same-long", "SCS-030 SCS-041", CLAUSE_MUST, 0,
	  "WRITE SAME over more than 2 MiB", long_run },
	{ "scs.031.write-same-unmap", "SCS-031 SCS-030 SCS-040", CLAUSE_MUST, 0,
	  "WRITE SAME with UNMAP as page B2 says, and data as sent", unmap_bit },
	{ "scs.030.write-same-ndob", "SCS-030 SCS-040 SCS-041 HND-021", CLAUSE_MUST, 0,
	  "WRITE SAME(16) without data writes zeros or is refused", ndob },
	{ "scs.040.write-same-bits", "SCS-040 SCS-041 SCS-030 SCS-003", CLAUSE_MUST, 0,
	  "WRITE SAME with WRPROTECT, ANCHOR, PBDATA or LBDATA", bad_bits },
	{ "scs.030.write-same-zero", "SCS-030 SCS-031 SCS-040 SCS-041", CLAUSE_MUST, 0,
	  "WRITE SAME of 0 blocks as WSNZ says", zero_blocks },
	{ "scs.031.write-same-limit", "SCS-031 SCS-030 SCS-040 SCS-041", CLAUSE_MUST, 0,
	  "WRITE SAME: as many blocks as page B0 says and no more", limit },
	{ "scs.042.write-same", "SCS-042 SCS-041 SCS-040 SCS-030 SCS-003", CLAUSE_MUST, 0,
	  "WRITE SAME outside the medium", ranges },
};

CASE_TABLE(cases_scs_write_same);
