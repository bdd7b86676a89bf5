/* SPDX-License-Identifier: MIT */
/* Lengths: of the CDB by opcode, of the data by what the fabric expects. Clauses: KRN-012, KRN-013.
 */
#include "krn.h"

#include "cdb.h"

#include <ringsim/core.h>

#define SIM   (NEEDS_SEAT | NEEDS_SIM)
#define PROBE (NEEDS_SEAT | NEEDS_PROBE)

/* Each opcode with a CDB of arbitrary bytes: as many arrive as its group has. */
static void cdb_lengths(struct tc *tc)
{
	struct ringsim_core_attrs attrs = RINGSIM_CORE_ATTRS_DEFAULT;
	struct target_opts o = krn_opts();
	uint8_t zero[8] = { 0 };
	struct target_io io;
	struct seat_entry e;
	uint32_t op, len, i;

	if (target_start(tc->t, &o))
		return;
	for (op = 0; op < 256; op++) {
		io.cdb[0] = (uint8_t)op;
		if (op == 0x7f || ringsim_route(io.cdb, &attrs) != RINGSIM_ROUTE_HANDLER)
			continue; /* the latter never get here */
		cdb_none(&io, (uint8_t)op);
		for (i = 1; i < sizeof(io.cdb); i++)
			io.cdb[i] = (uint8_t)(i * 7 + 1) | 0x80;
		len = krn_cdb_len(io.cdb);
		krn_submit(tc, &io);
		if (!krn_cmd(tc, 0, &e))
			return;
		EXPECT_EQ(tc, "KRN-012", "entry length", 112 + (len + 7) / 8 * 8, e.len);
		EXPECT_MEM(tc, "KRN-012", "CDB", io.cdb, e.cdb, len);
		EXPECT_MEM(tc, "KRN-012", "bytes behind the CDB", zero, e.cdb + len,
			   e.len - 112 - len);
		seat_finish(tc->t, 0);
		EXPECT(tc, "KRN-012", krn_ended(tc, &io) && !io.status, "opcode %02x: no end", op);
	}
}

/* Target core refuses what is longer than a CDB may be; the simulator cuts it. */
static void variable_length(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io;
	struct seat_entry e;
	uint32_t len, i, len7;

	if (target_start(tc->t, &o))
		return;
	cdb_none(&io, 0x7f);
	for (i = 1; i < sizeof(io.cdb); i++)
		io.cdb[i] = (uint8_t)(i * 7 + 1) | 0x80;
	for (len7 = 0; len7 < 256; len7++) {
		io.cdb[7] = (uint8_t)len7;
		len = len7 + 8 > 260 ? 260 : len7 + 8;
		krn_submit(tc, &io);
		if (len7 > 252 && !krn_sim(tc)) {
			EXPECT_ENDED(tc, "KRN-012", &io, RINGSIM_REFUSED, 2, 5, 0x24, 0);
			continue;
		}
		if (!krn_cmd(tc, 0, &e))
			return;
		EXPECT_EQ(tc, "KRN-012", "entry length of 7F", 112 + (len + 7) / 8 * 8, e.len);
		EXPECT_MEM(tc, "KRN-012", "CDB of 7F", io.cdb, e.cdb, len);
		seat_finish(tc->t, 0);
		EXPECT(tc, "KRN-012", krn_ended(tc, &io) && !io.status, "7F: no end");
	}
}

/* What was sent with an opcode of a shorter group is cut; KRN-012's own examples. */
static void vendor_cdb(struct tc *tc)
{
	struct target_opts o = krn_opts();
	uint8_t cdb[16] = { 0xc1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	uint8_t want[16] = { 0xc1, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	target_io_init(&io, cdb, 16, RINGSIM_NONE, NULL, 0);
	krn_submit(tc, &io);
	EXPECT_MEM(tc, "KRN-012", "CDB C1 of 16 bytes", want, seat_region(tc->t) + 240, 16);
	EXPECT_EQ(tc, "KRN-012", "cmd_head", 128, seat_head(tc->t));
	seat_finish(tc->t, 0);
}

/* How many blocks are taken: a command of a byte gets the next one. */
static uint32_t blocks_taken(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, sizeof(*io));
	struct seat_entry e;
	uint64_t base;

	krn_in(io, NULL, 1);
	krn_submit(tc, io);
	if (!krn_cmd(tc, 1, &e))
		return 0;
	base = (uintptr_t)e.iov[0].iov_base;
	return (uint32_t)((base - KRN_DATA) / 8192);
}

/* Blocks follow from the expected length, whatever the CDB says. */
static void data_lengths(struct tc *tc)
{
	static const struct {
		uint32_t len, blocks;
	} want[] = { { 0, 0 },	  { 1, 1 },	{ 8191, 1 },  { 8192, 1 },
		     { 8193, 2 }, { 65536, 8 }, { 65537, 9 }, { 127 * 8192, 127 } };
	struct target_opts o = krn_opts();
	struct target_io io;
	struct seat_entry e;
	uint32_t i;

	o.dev.geo.pages_per_blk = 2;
	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		krn_in(&io, NULL, want[i].len);
		memset(io.cdb + 1, 0xff, 9);
		krn_submit(tc, &io);
		EXPECT(tc, "KRN-013", !io.done, "%u bytes were refused", want[i].len);
		if (!krn_cmd(tc, 0, &e))
			return;
		EXPECT_EQ(tc, "KRN-043", "iov_len", want[i].len, e.iov_cnt ? e.iov[0].iov_len : 0);
		EXPECT_EQ(tc, "KRN-013", "data blocks", want[i].blocks, blocks_taken(tc));
		seat_finish_all(tc->t, 8);
		EXPECT(tc, "KRN-013", krn_ended(tc, &io), "no end");
	}
	krn_in(&io, NULL, 128 * 8192);
	krn_submit(tc, &io);
	EXPECT(tc, "KRN-013", krn_pending(tc, &io), "all blocks were refused");
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-013", krn_ended(tc, &io), "no end");
	krn_in(&io, NULL, 128 * 8192 + 1);
	krn_submit(tc, &io);
	EXPECT_ENDED(tc, "KRN-010", &io, RINGSIM_REFUSED, 2, 5, 0x24, 0);
}

/* The blocks of both directions count. */
static void bidi_lengths(struct tc *tc)
{
	static const struct {
		uint32_t main, bidi, blocks;
	} want[] = { { 1, 1, 2 },	{ 8192, 8193, 3 }, { 8193, 8193, 4 },
		     { 4096, 4096, 2 }, { 100, 65536, 9 }, { 65536, 65536, 16 } };
	const uint32_t half = 64 * 8192; /* of all blocks */
	struct target_opts o = krn_opts();
	uint8_t *out = tc_alloc(tc, half + 1), *in = tc_alloc(tc, half + 1);
	struct target_io io;
	uint32_t i;

	o.dev.geo.pages_per_blk = 2;
	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		krn_bidi(&io, out, want[i].main, in, want[i].bidi);
		memset(io.cdb + 1, 0xff, 9);
		krn_submit(tc, &io);
		EXPECT(tc, "KRN-013", !io.done, "%u + %u bytes were refused", want[i].main,
		       want[i].bidi);
		EXPECT_EQ(tc, "KRN-013", "data blocks", want[i].blocks, blocks_taken(tc));
		seat_finish_all(tc->t, 8);
		EXPECT(tc, "KRN-013", krn_ended(tc, &io), "no end");
	}
	krn_bidi(&io, out, half, in, half);
	krn_submit(tc, &io);
	EXPECT(tc, "KRN-013", krn_pending(tc, &io), "all blocks were refused");
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-013", krn_ended(tc, &io), "no end");
	krn_bidi(&io, out, half, in, half + 1); /* each fits, both do not */
	krn_submit(tc, &io);
	EXPECT_ENDED(tc, "KRN-010", &io, RINGSIM_REFUSED, 2, 5, 0x24, 0);
	krn_bidi(&io, out, half + 1, in, half);
	krn_submit(tc, &io);
	EXPECT_ENDED(tc, "KRN-010", &io, RINGSIM_REFUSED, 2, 5, 0x24, 0);
	/* blocks are counted, not bytes: 15 and 2 halves */
	krn_bidi(&io, out, 15 * 4096 + 1, in, 1);
	krn_submit(tc, &io);
	EXPECT_EQ(tc, "KRN-013", "data blocks", 9, blocks_taken(tc));
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-013", krn_ended(tc, &io), "no end");
}

/* The iovs of both directions count for the limit of half a ring. */
static void bidi_entries(struct tc *tc)
{
	static const uint32_t busy[] = { 1,  3,	 5,  7,	 9,  11, 13,	    15,
					 17, 19, 21, 23, 25, 27, UINT32_MAX };
	struct target_opts o = work_opts(512, 32);
	uint8_t *out = tc_alloc(tc, 7 * 4096), *in = tc_alloc(tc, 7 * 4096);
	struct target_io io;
	uint32_t n;

	for (n = 5; n <= 7; n++) { /* 2n iovs: 224, 256 and 288 bytes, of 256 */
		if (target_start(tc->t, &o) || !krn_busy_blocks(tc, busy))
			return;
		krn_bidi(&io, out, n * 4096, in, n * 4096);
		target_submit(tc->t, &io);
		EXPECT_EQ(tc, "KRN-020", "refused", n == 7, io.done);
		if (io.done)
			EXPECT_ENDED(tc, "KRN-010", &io, RINGSIM_REFUSED, 2, 5, 0x24, 0);
		seat_finish_all(tc->t, 8);
	}
}

static const struct case_def rows[] = {
	{ "krn.012.opcodes", "KRN-012 KRN-020 KRN-021", CLAUSE_MUST, NEEDS_SEAT,
	  "CDB length of every opcode", cdb_lengths },
	{ "krn.012.variable", "KRN-012 KRN-020", CLAUSE_MUST, PROBE,
	  "CDB length of 7F with every length byte", variable_length },
	{ "krn.012.vendor", "KRN-012", CLAUSE_MUST, NEEDS_SEAT, "a vendor CDB is cut at 10 bytes",
	  vendor_cdb },
	{ "krn.013.lengths", "KRN-013 KRN-010 KRN-043", CLAUSE_MUST, NEEDS_SEAT,
	  "data blocks by expected length", data_lengths },
	{ "krn.013.bidi", "KRN-013 KRN-010", CLAUSE_MUST, PROBE,
	  "data blocks by expected length, of both directions", bidi_lengths },
	{ "krn.020.bidi-length", "KRN-020 KRN-010", CLAUSE_MUST, SIM,
	  "iovs of both directions make an entry too long", bidi_entries },
};

CASE_TABLE(cases_krn_lengths);
