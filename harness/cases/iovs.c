/* SPDX-License-Identifier: MIT */
/*
 * Iovs of every shape: the free data blocks lie apart, so that each is an iov of its own.
 * Clauses: HND-018, HND-020, HND-035.
 */
#include "scs.h"
#include "work.h"

#define FIRST 8

/* A start with every second of the first @n data blocks taken; the others are @n / 2 iovs. */
static struct scs *start(struct tc *tc, const struct target_opts *o, uint64_t min_blocks,
			 uint32_t n)
{
	struct scs *s = scs_start(tc, o, min_blocks);

	if (!s || !work_fragment_every(tc, n))
		return NULL;
	return s;
}

/* Data-Out and Data-In of @n blocks, compared; and nothing beside them on the medium. */
static void there_and_back(struct scs *s, uint32_t cdb_len, uint32_t n)
{
	uint8_t *all = scs_pattern(s, n + 2, n), *got = tc_alloc(s->tc, scs_bytes(s, n));
	uint8_t *data = scs_pattern(s, n, n ^ 0x100);

	scs_write(s, FIRST - 1, n + 2, all);
	target_io_rw(&s->io, true, cdb_len, FIRST, n, s->cap.block_size, data);
	EXPECT_GOOD(s->tc, "HND-020", &s->io);
	memcpy(all + s->cap.block_size, data, scs_bytes(s, n));
	scs_expect_medium(s, "HND-020", "medium", FIRST - 1, n + 2, all);
	target_io_rw(&s->io, false, cdb_len, FIRST, n, s->cap.block_size, got);
	EXPECT_GOOD(s->tc, "HND-020", &s->io);
	EXPECT_MEM(s->tc, "HND-020", "data read", data, got, scs_bytes(s, n));
}

/* From one iov to more than an entry has room for in its first 112 bytes, and more than 20. */
static void read_write(struct tc *tc)
{
	static const uint32_t iovs[] = { 1, 2, 3, 4, 5, 6, 15, 16, 19, 20, 21, 22, 40 };
	struct target_opts o = scs_opts(tc);
	uint32_t i, per_iov;
	struct scs *s;

	o.dev.geo.pages_per_blk = 1;
	s = start(tc, &o, 512, 128);
	if (!s)
		return;
	for (i = 0; i < sizeof(iovs) / sizeof(iovs[0]) && !tc->failed; i++) {
		per_iov = 4096 / s->cap.block_size;
		if (!per_iov)
			per_iov = 1;
		there_and_back(s, i % 2 ? 10 : 16, iovs[i] * per_iov);
		/* the last one short */
		if (per_iov > 1)
			there_and_back(s, i % 2 ? 12 : 6, (iovs[i] * per_iov - 3) & 0xff);
	}
}

/* Logical blocks that cross from one iov to the next. */
static void odd_blocks(struct tc *tc)
{
	static const uint32_t sizes[] = { 520, 1024, 4160, 8192, 12288, 65536 };
	uint32_t i, n;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !tc->failed; i++) {
		struct target_opts o = scs_opts(tc);
		struct scs *s;

		o.dev.geo.pages_per_blk = 1;
		o.handler.block_size = sizes[i];
		o.size_bytes = 128ull * sizes[i];
		s = start(tc, &o, 64, 64);
		if (!s)
			return;
		for (n = 1; n <= 2 || (n < 24 && n * sizes[i] < 200000); n += 1 + n / 3)
			there_and_back(s, n % 2 ? 10 : 16, n);
	}
}

/* As work_fragment_every(), in one go: all blocks are taken before every second is given back. */
static void take_every_second(struct scs *s, uint32_t n)
{
	uint32_t blk_size = target_layout(s->t)->blk_size, i, at;
	struct target_io *ios = tc_alloc(s->tc, n * sizeof(*ios));
	struct seat_entry e;

	target_kill(s->t);
	for (i = 0; i < n; i++) {
		cdb_out(&ios[i], 0x2a, NULL, blk_size);
		target_submit(s->t, &ios[i]);
	}
	for (i = 0, at = seat_tail(s->t); at != seat_head(s->t); at = seat_next(s->t, &e)) {
		seat_entry(s->t, at, &e);
		if (e.op == TCMU_OP_CMD)
			seat_answer(s->t, at, 0, 0, i++ % 2 ? 0 : TCMU_UFLAG_KEEP_BUF, 0, NULL);
	}
	EXPECT_EQ(s->tc, NULL, "entries found while fragmenting", n, i);
	seat_set_tail(s->t, at);
	seat_ring(s->t);
	target_restart(s->t);
}

/* More iovs than a system call takes. */
static void thousand(struct tc *tc)
{
	struct target_opts o = scs_opts(tc);
	struct scs_limits lim;
	uint8_t *data, *got;
	struct scs *s;
	uint32_t n;

	o.dev.geo.pages_per_blk = 1;
	s = scs_start(tc, &o, 16384);
	if (!s)
		return;
	n = (1060u * 4096) / s->cap.block_size;
	scs_limits(s, &lim);
	if (n < 8 || (lim.max_transfer && lim.max_transfer < n)) {
		tc_skip(tc, "4 MiB are too much for this unit");
		return;
	}
	take_every_second(s, 2200);
	data = scs_pattern(s, n, 1);
	got = tc_alloc(tc, scs_bytes(s, n));
	scs_write(s, FIRST, n, data);
	scs_read(s, FIRST, n, got);
	EXPECT_MEM(tc, "HND-020", "data read", data, got, scs_bytes(s, n));
}

/* Every kind of gap: blocks are taken at random. */
static void random_gaps(struct tc *tc)
{
	enum { N = 200 };
	struct target_opts o = scs_opts(tc);
	bool taken[N];
	struct scs *s;
	uint32_t i;

	for (i = 0; i < N; i++)
		taken[i] = tc_below(tc, 5) < 2;
	o.dev.geo.pages_per_blk = 1;
	s = scs_start(tc, &o, 1024);
	if (!s || !work_fragment(tc, taken, N))
		return;
	for (i = 0; i < 16 && !tc->failed; i++)
		there_and_back(s, i % 2 ? 10 : 12, 1 + tc_below(tc, 300));
}

/* Answers shorter than the first iov: the others must not show what was there before. */
static void short_answers(struct tc *tc)
{
	const uint32_t len = 5 * 4096 + 77;
	struct target_opts o = scs_opts(tc);
	uint8_t *buf = tc_alloc(tc, len);
	struct scs *s;
	uint32_t i, k, valid;

	o.dev.geo.pages_per_blk = 1;
	s = start(tc, &o, 64, 64);
	if (!s)
		return;
	for (k = 0; k < 4; k++) {
		if (k == 0)
			cdb_inquiry(&s->io, 0, 0, 0xffff, buf, len);
		else if (k == 1)
			cdb_mode_sense(&s->io, OP_MODE_SENSE_10, 0, 0x3f, 0xffff, buf, len);
		else if (k == 2)
			cdb_read_capacity_16(&s->io, len, buf, len);
		else
			cdb_request_sense(&s->io, false, 252, buf, len);
		if (!scs_supported(s, "SCS-030"))
			continue;
		EXPECT_EQ(tc, "HND-020", "status", 0, s->io.status);
		valid = k == 0	 ? 5u + buf[4]
			: k == 1 ? 2u + (uint32_t)be_get(buf, 2)
			: k == 2 ? 32
				 : 8u + buf[7];
		for (i = valid; i < s->io.data_in; i++)
			EXPECT(tc, "HND-035", buf[i] == 0,
			       "command 0x%02x: byte %u of %u: expected 0, found 0x%02x",
			       s->io.cdb[0], i, len, buf[i]);
	}
}

/* Whether a VERIFY of @n blocks sees each of some differences, iov by iov. */
/* Tries what is in the unit's io; one that lacks the command cannot be asked about its iovs. */
static bool knows(struct scs *s, const char *name)
{
	if (target_exec(s->t, &s->io) || s->io.status != SAM_CHECK ||
	    sense_asc(s->io.sense) != 0x2000)
		return true;
	tc_skip(s->tc, "the unit has no %s", name);
	return false;
}

static void verify(struct tc *tc)
{
	struct target_opts o = scs_opts(tc);
	uint32_t n, i, at;
	uint8_t *data;
	struct scs *s;

	o.dev.geo.pages_per_blk = 1;
	s = start(tc, &o, 256, 64);
	if (!s)
		return;
	n = 9 * 4096 / s->cap.block_size;
	if (n == 0)
		n = 1;
	data = scs_pattern(s, n, 1);
	scs_write(s, FIRST, n, data);
	for (i = 0; i < 12; i++) {
		at = i < 9 ? i * 4096 : tc_below(tc, scs_bytes(s, n));
		if (at >= scs_bytes(s, n))
			continue;
		cdb_out(&s->io, ops_verify[i % 3], data, scs_bytes(s, n));
		cdb_range(&s->io, FIRST, n);
		s->io.cdb[1] = CDB1_BYTCHK;
		if (i == 0 && !knows(s, "VERIFY"))
			return;
		EXPECT_GOOD(tc, "HND-020", &s->io);
		data[at] ^= 1;
		scs_expect_sense(s, "HND-020", MISCOMPARE);
		data[at] ^= 1;
	}
}

/* More than one go's worth of blocks in pieces: every part is compared with its own iovs. */
static void verify_parts(struct tc *tc, uint32_t block_size)
{
	struct target_opts o = scs_opts(tc);
	struct scs_limits lim;
	uint32_t n, i;
	uint8_t *data;
	struct scs *s;

	o.dev.geo.pages_per_blk = 1;
	o.handler.block_size = block_size;
	s = scs_start(tc, &o, 4096);
	if (!s)
		return;
	n = (5u << 20) / 4 / s->cap.block_size;
	scs_limits(s, &lim);
	if (!n || s->cap.blocks < n + FIRST || (lim.max_transfer && lim.max_transfer < n)) {
		tc_skip(tc, "1.25 MiB are too much for this unit");
		return;
	}
	take_every_second(s, 640);
	data = scs_pattern(s, n, 1);
	scs_write(s, FIRST, n, data);
	for (i = 0; i < 4; i++) {
		uint32_t at = (1u << 20) + i * 4096 + tc_below(tc, 4096);

		cdb_out(&s->io, ops_verify[2], data, scs_bytes(s, n));
		cdb_range(&s->io, FIRST, n);
		s->io.cdb[1] = CDB1_BYTCHK;
		if (i == 0 && !knows(s, "VERIFY"))
			return;
		EXPECT_GOOD(tc, "HND-020", &s->io);
		data[at] ^= 1;
		scs_expect_sense(s, "HND-020", MISCOMPARE);
		data[at] ^= 1;
	}
}

static void verify_long(struct tc *tc)
{
	verify_parts(tc, 512);
}

/* Parts that end in the middle of an iov. */
static void verify_long_odd(struct tc *tc)
{
	verify_parts(tc, 520);
}

/* COMPARE AND WRITE whose halves meet inside an iov, and at the end of one. */
static void compare_and_write(struct tc *tc)
{
	static const uint32_t sizes[] = { 512, 4096, 8192, 520 };
	uint32_t i, n;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct target_opts o = scs_opts(tc);
		struct scs *s;

		o.dev.geo.pages_per_blk = 1;
		o.handler.block_size = sizes[i];
		o.size_bytes = 128ull * sizes[i];
		s = start(tc, &o, 64, 128);
		if (!s)
			return;
		for (n = 1; n <= 17; n += 4) {
			uint8_t *data = scs_pattern(s, 2 * n, n);
			uint32_t at = scs_bytes(s, n) - 1;

			scs_write(s, FIRST, n, data);
			data[at] ^= 1;
			cdb_caw(&s->io, FIRST, (uint8_t)n, data, scs_bytes(s, 2 * n));
			scs_expect_sense(s, "HND-020", MISCOMPARE);
			EXPECT_EQ(tc, "SCS-030", "INFORMATION", at, be_get(s->io.sense + 3, 4));
			data[at] ^= 1;
			cdb_caw(&s->io, FIRST, (uint8_t)n, data, scs_bytes(s, 2 * n));
			EXPECT_GOOD(tc, "HND-020", &s->io);
			scs_expect_medium(s, "HND-020", "medium after COMPARE AND WRITE", FIRST, n,
					  data + scs_bytes(s, n));
		}
	}
}

/* WRITE SAME of a block that comes in pieces. */
static void write_same(struct tc *tc)
{
	static const uint32_t sizes[] = { 8192, 12288, 65536 };
	uint32_t i, k;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct target_opts o = scs_opts(tc);
		struct scs *s;
		uint8_t *data;

		o.dev.geo.pages_per_blk = 1;
		o.handler.block_size = sizes[i];
		o.size_bytes = 128ull * sizes[i];
		s = start(tc, &o, 64, 64);
		if (!s)
			return;
		data = scs_pattern(s, 3, i);
		cdb_out(&s->io, OP_WRITE_SAME_16, data, sizes[i]);
		cdb_range(&s->io, FIRST, 3);
		EXPECT_GOOD(tc, "HND-020", &s->io);
		for (k = 1; k < 3; k++)
			memcpy(data + k * sizes[i], data, sizes[i]);
		scs_expect_medium(s, "HND-020", "medium after WRITE SAME", FIRST, 3, data);
	}
}

static const struct case_def rows[] = {
	{ "hnd.020.read-write", "HND-020 HND-018 SCS-030", CLAUSE_MUST, NEEDS_RESTART,
	  "READ and WRITE over 1 to 40 iovs, the last one short", read_write },
	{ "hnd.020.odd-blocks", "HND-020 HND-018", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "logical blocks that cross iovs", odd_blocks },
	{ "hnd.020.thousand", "HND-020", CLAUSE_MUST, NEEDS_RESTART,
	  "READ and WRITE over 1060 iovs", thousand },
	{ "hnd.020.random-gaps", "HND-020 HND-018", CLAUSE_MUST, NEEDS_RESTART,
	  "READ and WRITE over gaps of all sizes", random_gaps },
	{ "hnd.020.short-answers", "HND-020 HND-035 SCS-022", CLAUSE_MUST, NEEDS_RESTART,
	  "answers shorter than the first iov leave nothing old in the others", short_answers },
	{ "hnd.020.verify", "HND-020 SCS-030", CLAUSE_SHOULD, NEEDS_RESTART,
	  "VERIFY compares across iovs", verify },
	{ "hnd.020.verify-long", "HND-020 SCS-030", CLAUSE_SHOULD, NEEDS_RESTART,
	  "VERIFY of more than 1 MiB compares across iovs", verify_long },
	{ "hnd.020.verify-long-odd", "HND-020 SCS-030", CLAUSE_SHOULD, NEEDS_INPROC | NEEDS_RESTART,
	  "VERIFY of more than 1 MiB in blocks of 520 bytes", verify_long_odd },
	{ "hnd.020.compare-and-write", "HND-020 SCS-030", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "COMPARE AND WRITE halves that meet anywhere in an iov", compare_and_write },
	{ "hnd.020.write-same", "HND-020 SCS-030", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "WRITE SAME of a block in pieces", write_same },
};

CASE_TABLE(cases_iovs);
