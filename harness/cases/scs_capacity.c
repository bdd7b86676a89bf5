/* SPDX-License-Identifier: MIT */
/*
 * READ CAPACITY: what it says, and whether the medium ends there.
 * Clauses: SCS-030, SCS-031, SCS-040, SCS-042.
 */
#include "scs.h"

static void capacity_10(struct scs *s, uint64_t *last, uint32_t *block_size)
{
	cdb_in(&s->io, OP_READ_CAPACITY_10, s->room, 8);
	EXPECT_GOOD(s->tc, "SCS-030", &s->io);
	*last = be_get(s->room, 4);
	*block_size = (uint32_t)be_get(s->room + 4, 4);
}

/* Both commands agree, and the rest of the long answer makes sense. */
static void agree(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint64_t last = 0;
	uint32_t block_size = 0, i;

	if (!s)
		return;
	capacity_10(s, &last, &block_size);
	scs_capacity_16(s);
	EXPECT_EQ(tc, "SCS-030", "last LBA of READ CAPACITY(10)",
		  s->cap.blocks - 1 < 0xffffffff ? s->cap.blocks - 1 : 0xffffffff, last);
	EXPECT_EQ(tc, "SCS-030", "block length of READ CAPACITY(10)", s->cap.block_size,
		  block_size);
	EXPECT_EQ(tc, "SCS-031", "protection enabled", 0, s->full[12] & 1);
	EXPECT(tc, "SCS-030", (s->full[14] & 0x80) || !(s->full[14] & 0x40), "LBPRZ without LBPME");
	for (i = 16; i < 32; i++)
		EXPECT_EQ(tc, "SCS-030", "reserved bytes of READ CAPACITY(16)", 0, s->full[i]);
}

/* The last block can be read, the one after it cannot: to the block. */
static void last_block(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint8_t *buf;

	if (!s)
		return;
	buf = scs_pattern(s, 1, 1);
	scs_write(s, s->cap.blocks - 1, 1, buf);
	scs_expect_medium(s, "SCS-030", "last block", s->cap.blocks - 1, 1, buf);
	target_io_rw(&s->io, false, 16, s->cap.blocks, 1, s->cap.block_size, buf);
	scs_expect_sense(s, "SCS-042", BAD_LBA);
}

/* Without PMI an LBA has no meaning, in none of its bytes. */
static void lba_without_pmi(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t at;

	if (!s)
		return;
	for (at = 2; at < 10; at++) {
		if (at < 6) {
			cdb_in(&s->io, OP_READ_CAPACITY_10, s->room, 8);
			s->io.cdb[at] = 1;
			scs_expect_sense(s, "SCS-040", BAD_CDB);
		}
		cdb_read_capacity_16(&s->io, 32, s->room, 32);
		s->io.cdb[at] = 1;
		scs_expect_sense(s, "SCS-040", BAD_CDB);
	}
}

/*
 * Every other service action of SERVICE ACTION IN(16). T10 gave 11h to 17h to other commands, which
 * a handler may have; the answer of READ CAPACITY(16) is none of theirs.
 */
static void other_actions(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint8_t action;

	if (!s)
		return;
	scs_capacity_16(s);
	for (action = 0; action < 0x20; action++) {
		if (action == 0x10)
			continue;
		memset(s->room, 0, 32);
		cdb_read_capacity_16(&s->io, 32, s->room, 32);
		s->io.cdb[1] = action;
		EXPECT(tc, "SCS-030", scs_exec(s, "SCS-030"), "no end");
		if (action > 0x10 && action <= 0x17 && s->io.status == 0) {
			EXPECT(tc, "SCS-030", memcmp(s->full, s->room, 12) != 0,
			       "service action 0x%02x is answered with the capacity", action);
			continue;
		}
		EXPECT(tc, "SCS-040", scs_is(s, BAD_CDB) || scs_is(s, BAD_OPCODE),
		       "service action 0x%02x: expected 5/2400 or 5/2000, found status 0x%02x "
		       "sense %x/%04x",
		       action, s->io.status, sense_key(s->io.sense), sense_asc(s->io.sense));
		scs_judge_sense(s, "SCS-040");
	}
}

/* A unit of @blocks blocks of @block_size says so, and ends there. */
static void sized(struct tc *tc, uint32_t block_size, uint64_t blocks)
{
	struct target_opts o = scs_opts(tc);
	uint64_t last = 0, end = blocks - 1;
	uint32_t len = 0;
	struct scs *s;
	uint8_t *buf;

	o.size_bytes = blocks * block_size;
	o.handler.block_size = block_size;
	s = scs_start(tc, &o, 0);
	if (!s)
		return;
	EXPECT_EQ(tc, "SCS-030", "blocks", blocks, s->cap.blocks);
	EXPECT_EQ(tc, "SCS-030", "block length", block_size, s->cap.block_size);
	capacity_10(s, &last, &len);
	EXPECT_EQ(tc, "SCS-030", "last LBA of READ CAPACITY(10)",
		  end < 0xffffffff ? end : 0xffffffff, last);
	EXPECT_EQ(tc, "SCS-030", "block length of READ CAPACITY(10)", block_size, len);
	buf = scs_pattern(s, 2, blocks);
	scs_write(s, end - 1, 2, buf);
	scs_expect_medium(s, "SCS-030", "last blocks", end - 1, 2, buf);
	target_io_rw(&s->io, true, 16, end, 2, block_size, buf);
	scs_expect_sense(s, "SCS-042", BAD_LBA);
	scs_expect_medium(s, "SCS-041", "last blocks", end - 1, 2, buf);
}

static void block_sizes(struct tc *tc)
{
	static const uint32_t sizes[] = { 512, 520, 1024, 4096, 4160, 8192, 65536 };
	uint32_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !tc->failed; i++)
		sized(tc, sizes[i], 64 + 3 * i);
}

/* Around the largest LBA that 32 bits hold. */
static void two_tib(struct tc *tc)
{
	sized(tc, 512, 0xffffffffull);
	if (!tc->failed)
		sized(tc, 512, 0x100000000ull);
	if (!tc->failed)
		sized(tc, 512, 0x100000001ull);
	if (!tc->failed)
		sized(tc, 512, 0x100012345ull);
}

/* LBAs whose every byte counts, on a unit of more than 2^32 blocks: no two may be the same place.
 */
static void large_lbas(struct tc *tc)
{
	static const uint64_t lbas[] = { 0x0,	      0x4,	   0x304,	0x20304,
					 0x1020304,   0x100000000, 0x100000004, 0x101020304,
					 0x101020300, 0x1000000 };
	const uint32_t n = sizeof(lbas) / sizeof(lbas[0]);
	struct target_opts o = scs_opts(tc);
	struct scs *s;
	uint8_t *buf;
	uint32_t i;

	o.size_bytes = 0x102000000ull * 512;
	s = scs_start(tc, &o, 0x102000000ull);
	if (!s)
		return;
	buf = scs_pattern(s, n, 7);
	for (i = 0; i < n; i++)
		scs_write(s, lbas[i], 1, buf + scs_bytes(s, i));
	for (i = 0; i < n; i++)
		scs_expect_medium(s, "SCS-030", "block at a large LBA", lbas[i], 1,
				  buf + scs_bytes(s, i));
	for (i = 0; i < n; i++) {
		if (lbas[i] > 0xffffffff)
			continue;
		target_io_rw(&s->io, false, 10, lbas[i], 1, s->cap.block_size, s->room);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		EXPECT_MEM(tc, "SCS-030", "READ(10) at a large LBA", buf + scs_bytes(s, i), s->room,
			   s->cap.block_size);
		target_io_rw(&s->io, false, 12, lbas[i], 1, s->cap.block_size, s->room);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		EXPECT_MEM(tc, "SCS-030", "READ(12) at a large LBA", buf + scs_bytes(s, i), s->room,
			   s->cap.block_size);
	}
}

static const struct case_def rows[] = {
	{ "scs.030.capacity-agrees", "SCS-030 SCS-031", CLAUSE_MUST, 0,
	  "READ CAPACITY(10) and (16) agree", agree },
	{ "scs.030.capacity-last-block", "SCS-030 SCS-042 SCS-040", CLAUSE_MUST, 0,
	  "the last LBA is the last one", last_block },
	{ "scs.040.capacity-lba-without-pmi", "SCS-040 SCS-030", CLAUSE_SHOULD, 0,
	  "READ CAPACITY with an LBA but without PMI is an invalid field", lba_without_pmi },
	{ "scs.030.service-action", "SCS-030 SCS-040 SCS-003", CLAUSE_MUST, 0,
	  "other service actions of opcode 9E are refused, or something else", other_actions },
	{ "scs.030.capacity-block-sizes", "SCS-030 SCS-041 SCS-042 HND-020", CLAUSE_MUST,
	  NEEDS_INPROC, "logical blocks of 512 to 65536 bytes", block_sizes },
	{ "scs.030.capacity-2-tib", "SCS-030 SCS-041 SCS-042", CLAUSE_MUST, NEEDS_INPROC,
	  "capacities around 2^32 blocks: 0xFFFFFFFF in READ CAPACITY(10)", two_tib },
	{ "scs.030.large-lbas", "SCS-030", CLAUSE_MUST, NEEDS_INPROC,
	  "every byte of a long LBA counts", large_lbas },
};

CASE_TABLE(cases_scs_capacity);
