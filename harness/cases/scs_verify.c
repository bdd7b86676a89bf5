/* SPDX-License-Identifier: MIT */
/*
 * VERIFY and WRITE AND VERIFY beyond writing, SYNCHRONIZE CACHE, and the limit on transfers.
 * Clauses: SCS-003, SCS-030, SCS-031, SCS-040, SCS-041.
 */
#include "scs.h"

#define BYTCHK(n) ((n) << 1)

static void verify_io(struct scs *s, uint32_t form, uint8_t byte1, uint64_t lba, uint32_t n,
		      const void *data, uint32_t len)
{
	if (len)
		cdb_out(&s->io, ops_verify[form], data, len);
	else
		cdb_none(&s->io, ops_verify[form]);
	cdb_range(&s->io, lba, n);
	s->io.cdb[1] = byte1;
}

/* BYTCHK 0: the medium can be read, that is all. */
static void no_data(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 256);
	uint32_t form;

	if (!s)
		return;
	for (form = 0; form < 3; form++) {
		verify_io(s, form, 0, 1, 9, NULL, 0);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		verify_io(s, form, 0, s->cap.blocks - 5, 5, NULL, 0);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		verify_io(s, form, 0, 4, 0, NULL, 0);
		EXPECT_GOOD(tc, "SCS-021", &s->io);
		verify_io(s, form, CDB1_DPO, 4, 1, NULL, 0);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
	}
}

/* Whether VERIFY of @n blocks finds the byte at @at, and says so. */
static void finds(struct scs *s, uint32_t form, uint32_t n, uint8_t *data, uint32_t at)
{
	data[at] ^= 0x10;
	verify_io(s, form, BYTCHK(1), 5, n, data, scs_bytes(s, n));
	scs_expect_sense(s, "SCS-030", MISCOMPARE);
	if (s->io.sense[0] == 0xf0)
		EXPECT_EQ(s->tc, "SCS-040", "INFORMATION", at, be_get(s->io.sense + 3, 4));
	data[at] ^= 0x10;
}

static void compares(struct tc *tc)
{
	const uint32_t n = 9;
	struct scs *s = scs_start(tc, NULL, 256);
	uint32_t form, i, all;
	uint8_t *data;

	if (!s)
		return;
	all = scs_bytes(s, n);
	data = scs_pattern(s, n, 1);
	scs_write(s, 5, n, data);
	for (form = 0; form < 3; form++) {
		verify_io(s, form, BYTCHK(1), 5, n, data, all);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		verify_io(s, form, BYTCHK(1), 5, 1, data, s->cap.block_size);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		verify_io(s, form, BYTCHK(1), 5, 0, NULL, 0);
		EXPECT_GOOD(tc, "SCS-021", &s->io);
		finds(s, form, n, data, 0);
		finds(s, form, n, data, all - 1);
		finds(s, form, n, data, s->cap.block_size - 1);
		finds(s, form, n, data, s->cap.block_size);
		for (i = 0; i < 4; i++)
			finds(s, form, n, data, tc_below(tc, all));
		finds(s, form, 1, data, 0);
		finds(s, form, 1, data, s->cap.block_size - 1);
	}
	scs_expect_medium(s, "SCS-041", "medium after VERIFY", 5, n, data);
}

/* More than a handler is likely to read in one go. */
static void compares_long(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 256);
	struct scs_limits lim;
	uint8_t *data;
	uint32_t n, all;

	if (!s)
		return;
	n = (uint32_t)((2u << 20) / s->cap.block_size + 3);
	scs_limits(s, &lim);
	if (s->cap.blocks < n + 8 || (lim.max_transfer && lim.max_transfer < n)) {
		tc_skip(tc, "2 MiB are too much for this unit");
		return;
	}
	data = scs_pattern(s, n, 1);
	all = scs_bytes(s, n);
	scs_write(s, 5, n, data);
	verify_io(s, 2, BYTCHK(1), 5, n, data, all);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	finds(s, 2, n, data, 0);
	finds(s, 2, n, data, all - 1);
	finds(s, 2, n, data, (1u << 20) - 1);
	finds(s, 2, n, data, 1u << 20);
	finds(s, 2, n, data, (1u << 20) + 12345);
	verify_io(s, 2, 0, 5, n, NULL, 0);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
}

/* BYTCHK 3: one block against all, or an invalid field. */
static void one_against_all(struct tc *tc)
{
	const uint32_t n = 7;
	struct scs *s = scs_start(tc, NULL, 256);
	uint32_t form, i;
	uint8_t *data;

	if (!s)
		return;
	data = scs_pattern(s, n, 1);
	for (i = 1; i < n; i++)
		memcpy(data + scs_bytes(s, i), data, s->cap.block_size);
	scs_write(s, 5, n, data);
	for (form = 0; form < 3; form++) {
		verify_io(s, form, BYTCHK(3), 5, n, data, s->cap.block_size);
		EXPECT(tc, "SCS-030", scs_exec(s, "SCS-030"), "no end");
		if (s->io.status) {
			EXPECT(tc, "SCS-040", scs_is(s, BAD_CDB) || scs_is(s, BAD_OPCODE),
			       "BYTCHK 3: expected GOOD or 5/2400, found %x/%04x",
			       sense_key(s->io.sense), sense_asc(s->io.sense));
			scs_judge_sense(s, "SCS-040");
			continue;
		}
		for (i = 0; i < n; i++) {
			uint8_t *other = scs_pattern(s, 1, 50 + i);

			scs_write(s, 5 + i, 1, other);
			verify_io(s, form, BYTCHK(3), 5, n, data, s->cap.block_size);
			scs_expect_sense(s, "SCS-030", MISCOMPARE);
			scs_write(s, 5 + i, 1, data);
		}
		verify_io(s, form, BYTCHK(3), 5, 0, NULL, 0);
		EXPECT_GOOD(tc, "SCS-021", &s->io);
	}
}

/* Values of BYTCHK that do not exist, and protection information that is not there. */
static void bad_bits(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 256);
	uint8_t *old, *new;
	uint32_t form, bits, n;

	if (!s)
		return;
	scs_inquiry(s);
	if (s->full[5] & 1) {
		tc_skip(tc, "the handler reports PROTECT");
		return;
	}
	old = scs_pattern(s, 4, 1);
	new = scs_pattern(s, 2, 2);
	scs_write(s, 5, 4, old);
	for (form = 0; form < 3; form++) {
		for (n = 0; n < 3; n++) { /* whatever data came along */
			verify_io(s, form, BYTCHK(2), 6, 2, old + scs_bytes(s, 1), scs_bytes(s, n));
			scs_expect_sense(s, "SCS-040", BAD_CDB);
		}
		cdb_out(&s->io, ops_write_verify[form], new, scs_bytes(s, 2));
		cdb_range(&s->io, 6, 2);
		s->io.cdb[1] = BYTCHK(2);
		scs_expect_sense(s, "SCS-040", BAD_CDB);
		for (bits = 0x20; bits < 0x100; bits += 0x20) {
			verify_io(s, form, (uint8_t)bits, 6, 2, NULL, 0);
			scs_expect_sense(s, "SCS-040", BAD_CDB);
			cdb_out(&s->io, ops_write_verify[form], new, scs_bytes(s, 2));
			cdb_range(&s->io, 6, 2);
			s->io.cdb[1] = (uint8_t)bits;
			scs_expect_sense(s, "SCS-040", BAD_CDB);
		}
	}
	scs_expect_medium(s, "SCS-041", "medium after refusals", 5, 4, old);
}

static void sync_io(struct scs *s, uint8_t op, uint8_t byte1, uint64_t lba, uint32_t n)
{
	cdb_none(&s->io, op);
	cdb_range(&s->io, lba, n);
	s->io.cdb[1] = byte1;
	EXPECT_GOOD(s->tc, "SCS-030", &s->io);
}

/* Mandatory only for a volatile cache, which is what scs_opts() asks for. */
static void sync_cache(struct tc *tc)
{
	static const uint8_t ops[] = { OP_SYNC_10, OP_SYNC_16 };
	struct scs *s = scs_start(tc, NULL, 256);
	uint32_t k, at;
	uint8_t *data;
	bool wce;

	if (!s)
		return;
	EXPECT(tc, "SCS-030", scs_mode_sense(s, OP_MODE_SENSE_10, CDB1_DBD, 0x08), "no page 08");
	at = scs_mode_page(s, OP_MODE_SENSE_10, 0x08);
	wce = at && s->full[at + 2] & 4;
	data = scs_pattern(s, 8, 1);
	for (k = 0; k < 2; k++) {
		cdb_none(&s->io, ops[k]);
		if (!wce && !scs_supported(s, "SCS-040"))
			continue;
		scs_write(s, 8, 8, data);
		sync_io(s, ops[k], 0, 0, 0);
		sync_io(s, ops[k], 0, 9, 3);
		sync_io(s, ops[k], 0, s->cap.blocks - 1, 1);
		sync_io(s, ops[k], 0, s->cap.blocks - 1, 0);
		sync_io(s, ops[k], CDB1_IMMED, 0, 0);
		sync_io(s, ops[k], 0, 0, 0);
		scs_expect_medium(s, "SCS-030", "medium after SYNCHRONIZE CACHE", 8, 8, data);
	}
}

/* As many blocks as page B0 allows in one transfer, and one more. */
static void transfer_limit(struct tc *tc)
{
	static const uint8_t ops[] = { 0x88, 0xa8, 0x8a, 0x8e, 0x8f };
	struct target_opts o = scs_opts(tc);
	struct scs_limits lim;
	struct scs *s;
	uint8_t *zeros;
	uint32_t i, n;

	o.dev.geo.data_area_mb = 48;
	o.dev.sanitize = false; /* it is the length that counts, and there is a lot of it */
	s = scs_start(tc, &o, 256);
	if (!s)
		return;
	scs_limits(s, &lim);
	n = lim.max_transfer;
	if (n >= s->cap.blocks || (uint64_t)n * s->cap.block_size > 40u << 20) {
		tc_skip(tc, "page B0 sets a limit that cannot be exceeded here");
		return;
	}
	if (!n) { /* no limit is reported, so there is none */
		n = (40u << 20) / s->cap.block_size;
		n = n < s->cap.blocks ? n : (uint32_t)s->cap.blocks - 1;
	}
	target_io_rw(&s->io, false, 16, 1, n, s->cap.block_size, NULL);
	EXPECT_GOOD(tc, "SCS-031", &s->io);
	if (!lim.max_transfer)
		return;
	zeros = tc_alloc(tc, scs_bytes(s, n + 1));
	for (i = 0; i < sizeof(ops); i++) {
		if (i < 2) /* nobody looks at what is read */
			cdb_in(&s->io, ops[i], NULL, scs_bytes(s, n + 1));
		else
			cdb_out(&s->io, ops[i], zeros, scs_bytes(s, n + 1));
		cdb_range(&s->io, 0, n + 1);
		s->io.cdb[1] = ops[i] == 0x8f ? BYTCHK(1) : 0;
		if (i < 3 || scs_supported(s, "SCS-030"))
			scs_expect_sense(s, "SCS-031", BAD_CDB);
	}
}

static const struct case_def rows[] = {
	{ "scs.030.verify-no-data", "SCS-030 SCS-021 HND-021", CLAUSE_SHOULD, 0,
	  "VERIFY with BYTCHK 0 has no data", no_data },
	{ "scs.030.verify-compares", "SCS-030 SCS-040 SCS-041", CLAUSE_SHOULD, 0,
	  "VERIFY with BYTCHK 1 finds every difference", compares },
	{ "scs.030.verify-long", "SCS-030 SCS-040", CLAUSE_SHOULD, 0, "VERIFY over more than 2 MiB",
	  compares_long },
	{ "scs.030.verify-one-against-all", "SCS-030 SCS-040", CLAUSE_MUST, 0,
	  "VERIFY with BYTCHK 3 compares one block with all", one_against_all },
	{ "scs.040.verify-bits", "SCS-040 SCS-030 SCS-041 SCS-003", CLAUSE_SHOULD, 0,
	  "VERIFY, WRITE AND VERIFY: BYTCHK 2, protection are invalid fields", bad_bits },
	{ "scs.030.synchronize-cache", "SCS-030 HND-021", CLAUSE_MUST, 0,
	  "SYNCHRONIZE CACHE of all, some, the last block, 0 blocks, IMMED", sync_cache },
	{ "scs.031.transfer-limit", "SCS-031 SCS-030 SCS-040", CLAUSE_SHOULD, 0,
	  "READ: as many blocks as page B0 says and no more", transfer_limit },
};

CASE_TABLE(cases_scs_verify);
