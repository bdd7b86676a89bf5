/* SPDX-License-Identifier: MIT */
/*
 * READ and WRITE in all four forms: what was written is what is read, and nothing beside it moved.
 * Clauses: SCS-003, SCS-021, SCS-030, SCS-040, SCS-041.
 */
#include "scs.h"

static const uint32_t lens[] = { 6, 10, 12, 16 };

#define FORMS 4

/* Blocks [@lba, @lba + @blocks) by the form @form; @blocks 256 becomes 0 in 6 bytes. */
static void rw_io(struct scs *s, bool write, uint32_t form, uint64_t lba, uint32_t blocks,
		  void *data)
{
	target_io_rw(&s->io, write, lens[form], lba, blocks, s->cap.block_size, data);
}

/*
 * Write @blocks at @lba in the form @w between blocks that must stay, read them in the form @r.
 * There must be room for a block on either side, or the medium must end there.
 */
static void one_transfer(struct scs *s, uint32_t w, uint32_t r, uint64_t lba, uint32_t blocks)
{
	uint64_t first = lba ? lba - 1 : 0, end = lba + blocks;
	uint32_t before = (uint32_t)(lba - first), all;
	uint8_t *old, *data, *got;

	if (end < s->cap.blocks)
		end++;
	all = (uint32_t)(end - first);
	old = scs_pattern(s, all, lba ^ w ^ 0x5555);
	data = scs_pattern(s, blocks, lba ^ blocks ^ r);
	got = tc_alloc(s->tc, scs_bytes(s, blocks) + 1);
	scs_write(s, first, all, old);
	rw_io(s, true, w, lba, blocks, data);
	EXPECT_GOOD(s->tc, "SCS-030", &s->io);
	memcpy(old + scs_bytes(s, before), data, scs_bytes(s, blocks));
	scs_expect_medium(s, "SCS-030", "medium after a write", first, all, old);
	rw_io(s, false, r, lba, blocks, got);
	EXPECT_GOOD(s->tc, "SCS-030", &s->io);
	EXPECT_MEM(s->tc, "SCS-030", "data read", data, got, scs_bytes(s, blocks));
	EXPECT_EQ(s->tc, "SCS-030", "residual of a full read", 0, s->io.residual);
}

/* Every form writes, every form reads: first, last and some LBAs between, 1 to many blocks. */
static void forms(struct tc *tc)
{
	static const uint32_t counts[] = { 1, 2, 3, 8, 9, 17 };
	struct scs *s = scs_start(tc, NULL, 64);
	uint32_t w, r, i;

	if (!s)
		return;
	for (w = 0; w < FORMS; w++) {
		for (r = 0; r < FORMS && !tc->failed; r++) {
			uint64_t reach = s->cap.blocks < 0x200000 ? s->cap.blocks : 0x200000;
			uint32_t n = counts[(w + r) % 6];

			i = 1 + tc_below(tc, (uint32_t)reach - n - 1);
			one_transfer(s, w, r, i, n);
			one_transfer(s, w, r, 0, counts[(w + 2 * r) % 6]);
			if (reach == s->cap.blocks)
				one_transfer(s, w, r, s->cap.blocks - n, n);
		}
	}
}

/* LBAs and counts whose bytes differ, so that a misplaced or missing byte goes elsewhere. */
static void field_bytes(struct tc *tc)
{
	static const uint64_t lbas[] = { 0x00000001, 0x00000100, 0x00000201, 0x00010203,
					 0x0001ff00, 0x00010000, 0x001f0102, 0x01020304 };
	struct scs *s = scs_start(tc, NULL, 1024);
	const uint32_t n = sizeof(lbas) / sizeof(lbas[0]);
	uint32_t form, i;
	uint8_t *buf, *got;

	if (!s)
		return;
	buf = scs_pattern(s, n, 11);
	got = tc_alloc(tc, s->cap.block_size);
	for (form = 0; form < FORMS; form++) {
		for (i = 0; i < n; i++) {
			if (lbas[i] >= s->cap.blocks || (form == 0 && lbas[i] > 0x1fffff))
				continue;
			rw_io(s, true, form, lbas[i], 1, buf + scs_bytes(s, (i + form) % n));
			EXPECT_GOOD(tc, "SCS-030", &s->io);
		}
		for (i = 0; i < n; i++) {
			if (lbas[i] >= s->cap.blocks || (form == 0 && lbas[i] > 0x1fffff))
				continue;
			rw_io(s, false, form, lbas[i], 1, got);
			EXPECT_GOOD(tc, "SCS-030", &s->io);
			EXPECT_MEM(tc, "SCS-030", "block", buf + scs_bytes(s, (i + form) % n), got,
				   s->cap.block_size);
		}
	}
}

/* Transfers of more than 255 blocks: the count has more than one byte. */
static void many_blocks(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 1024);
	struct scs_limits lim;
	uint32_t form;

	if (!s)
		return;
	scs_limits(s, &lim);
	if ((lim.max_transfer && lim.max_transfer < 0x104) ||
	    0x104ull * s->cap.block_size > 8u << 20) {
		tc_skip(tc, "a transfer of 260 blocks is too long here");
		return;
	}
	for (form = 1; form < FORMS; form++)
		one_transfer(s, form, 4 - form, 3 + form, 0x102);
}

static void six_zero(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 1024);
	uint8_t *old, *data, *got;

	if (!s)
		return;
	if (256ull * s->cap.block_size > 8u << 20) {
		tc_skip(tc, "256 blocks are too long here");
		return;
	}
	old = scs_pattern(s, 258, 1);
	data = scs_pattern(s, 256, 2);
	got = tc_alloc(tc, scs_bytes(s, 256));
	scs_write(s, 0x100, 258, old);
	rw_io(s, true, 0, 0x101, 256, data);
	EXPECT_EQ(tc, "SCS-021", "transfer length in the CDB", 0, s->io.cdb[4]);
	EXPECT_GOOD(tc, "SCS-021", &s->io);
	memcpy(old + s->cap.block_size, data, scs_bytes(s, 256));
	scs_expect_medium(s, "SCS-021", "medium after WRITE(6) of length 0", 0x100, 258, old);
	rw_io(s, false, 0, 0x101, 256, got);
	EXPECT_GOOD(tc, "SCS-021", &s->io);
	EXPECT_MEM(tc, "SCS-021", "READ(6) of length 0", data, got, scs_bytes(s, 256));
}

/* 256 blocks from where only 255 are left. */
static void six_zero_range(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 1024);
	uint8_t *data;
	uint32_t write;

	if (!s)
		return;
	if (s->cap.blocks > 0x1fffff || 256ull * s->cap.block_size > 8u << 20) {
		tc_skip(tc, "the end is out of reach of 6-byte CDBs");
		return;
	}
	data = scs_pattern(s, 256, 2);
	scs_write(s, s->cap.blocks - 256, 256, data);
	for (write = 0; write < 2; write++) {
		rw_io(s, write, 0, s->cap.blocks - 255, 256, scs_pattern(s, 256, 3));
		scs_expect_sense(s, "SCS-021", BAD_LBA);
	}
	scs_expect_medium(s, "SCS-041", "end of the medium", s->cap.blocks - 256, 256, data);
	rw_io(s, true, 0, s->cap.blocks - 256, 256, data);
	EXPECT_GOOD(tc, "SCS-021", &s->io);
}

/* In the longer forms 0 is nothing at all. */
static void zero_length(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 64);
	uint32_t form;
	uint8_t *old;

	if (!s)
		return;
	old = scs_pattern(s, 8, 1);
	scs_write(s, 8, 8, old);
	for (form = 1; form < FORMS; form++) {
		rw_io(s, false, form, 10, 0, NULL);
		EXPECT_GOOD(tc, "SCS-021", &s->io);
		rw_io(s, true, form, 10, 0, NULL);
		EXPECT_GOOD(tc, "SCS-021", &s->io);
		rw_io(s, false, form, 0, 0, NULL);
		EXPECT_GOOD(tc, "SCS-021", &s->io);
		/* the LBA counts all the same */
		rw_io(s, false, form, s->cap.blocks + 1, 0, NULL);
		scs_expect_sense(s, "SCS-021", BAD_LBA);
		rw_io(s, true, form, s->cap.blocks + 1, 0, NULL);
		scs_expect_sense(s, "SCS-021", BAD_LBA);
	}
	scs_expect_medium(s, "SCS-021", "medium after transfers of nothing", 8, 8, old);
}

/* RDPROTECT and WRPROTECT without protection information. */
static void protect_bits(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 64);
	uint32_t form, protect;
	uint8_t *old, *new;

	if (!s)
		return;
	scs_inquiry(s);
	if (s->full[5] & 1) {
		tc_skip(tc, "the handler reports PROTECT");
		return;
	}
	old = scs_pattern(s, 4, 1);
	new = scs_pattern(s, 2, 2);
	scs_write(s, 4, 4, old);
	for (form = 1; form < FORMS; form++) {
		for (protect = 1; protect < 8; protect++) {
			rw_io(s, false, form, 5, 2, s->room);
			s->io.data = NULL;
			s->io.cdb[1] = (uint8_t)(protect << 5);
			scs_expect_sense(s, "SCS-040", BAD_CDB);
			rw_io(s, true, form, 5, 2, new);
			s->io.cdb[1] = (uint8_t)(protect << 5);
			scs_expect_sense(s, "SCS-040", BAD_CDB);
		}
	}
	scs_expect_medium(s, "SCS-041", "medium after refused writes", 4, 4, old);
}

/* The store behind the unit keeps what it has through many overlapping transfers. */
static void random_transfers(struct tc *tc)
{
	const uint32_t area = 96, max = 40;
	struct scs *s = scs_start(tc, NULL, 256);
	uint8_t *model, *data;
	uint64_t base;
	uint32_t i;

	if (!s)
		return;
	base = tc_below(tc, (uint32_t)(s->cap.blocks < 0x1fff00 ? s->cap.blocks : 0x1fff00) - area);
	model = scs_pattern(s, area, 1);
	data = tc_alloc(tc, scs_bytes(s, max));
	scs_write(s, base, area, model);
	for (i = 0; i < 60 && !tc->failed; i++) {
		uint32_t n = 1 + tc_below(tc, max), at = tc_below(tc, area - n);
		bool write = tc_below(tc, 2);

		tc_fill(tc, data, scs_bytes(s, n), 1000 + i);
		rw_io(s, write, tc_below(tc, FORMS), base + at, n, data);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		if (write)
			memcpy(model + scs_bytes(s, at), data, scs_bytes(s, n));
		else
			EXPECT_MEM(tc, "SCS-030", "random read", model + scs_bytes(s, at), data,
				   scs_bytes(s, n));
	}
	scs_expect_medium(s, "SCS-030", "medium after random transfers", base, area, model);
}

/* WRITE AND VERIFY writes, with and without comparing bytes. */
static void write_verify(struct tc *tc)
{
	static const uint32_t counts[] = { 1, 2, 5 };
	struct scs *s = scs_start(tc, NULL, 64);
	uint32_t i, n;

	if (!s)
		return;
	for (i = 0; i < 18; i++) {
		uint8_t *old = scs_pattern(s, 7, i), *new = scs_pattern(s, 5, 100 + i);

		n = counts[i / 6];
		scs_write(s, 20, 7, old);
		cdb_out(&s->io, ops_write_verify[i / 2 % 3], new, scs_bytes(s, n));
		cdb_range(&s->io, 21, n);
		s->io.cdb[1] = i % 2 ? CDB1_BYTCHK : 0;
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		memcpy(old + s->cap.block_size, new, scs_bytes(s, n));
		scs_expect_medium(s, "SCS-030", "medium after WRITE AND VERIFY", 20, 7, old);
	}
	for (i = 0; i < 3; i++) {
		cdb_none(&s->io, ops_write_verify[i]);
		cdb_range(&s->io, 20, 0);
		EXPECT_GOOD(tc, "SCS-021", &s->io);
	}
}

static const struct case_def rows[] = {
	{ "scs.030.read-write", "SCS-030 SCS-041", CLAUSE_MUST, 0,
	  "READ and WRITE of 6, 10, 12 and 16 bytes agree with each other", forms },
	{ "scs.030.read-write-fields", "SCS-030", CLAUSE_MUST, 0, "every byte of LBA fields counts",
	  field_bytes },
	{ "scs.030.read-write-many", "SCS-030", CLAUSE_MUST, 0,
	  "transfer lengths of more than a byte", many_blocks },
	{ "scs.021.six-zero", "SCS-021 SCS-030", CLAUSE_MUST, 0,
	  "READ(6) and WRITE(6) of length 0 transfer 256 blocks", six_zero },
	{ "scs.021.six-zero-range", "SCS-021 SCS-030 SCS-040 SCS-041 SCS-042", CLAUSE_MUST, 0,
	  "READ(6) and WRITE(6) of length 0 need 256 blocks", six_zero_range },
	{ "scs.021.zero-length", "SCS-021 SCS-030 SCS-040 SCS-042 HND-021", CLAUSE_MUST, 0,
	  "length 0 transfers nothing but has its LBA checked", zero_length },
	{ "scs.040.protect", "SCS-040 SCS-030 SCS-041 SCS-003 SCS-031", CLAUSE_MUST, 0,
	  "RDPROTECT and WRPROTECT without PROTECT are invalid fields", protect_bits },
	{ "scs.030.random-transfers", "SCS-030 SCS-041", CLAUSE_MUST, 0,
	  "many overlapping transfers against a model", random_transfers },
	{ "scs.030.write-and-verify", "SCS-030 SCS-021 HND-021", CLAUSE_SHOULD, 0,
	  "WRITE AND VERIFY writes", write_verify },
};

CASE_TABLE(cases_scs_read_write);
