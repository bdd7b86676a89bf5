/* SPDX-License-Identifier: MIT */
/*
 * The data area: only the bytes that iovs describe, whatever their shape, and none where there are
 * no iovs.
 * Clauses: HND-018 to HND-022, DIS-23, DIS-25.
 */
#include "scs.h"
#include "work.h"

#include <ringsim/shm.h>

#define FIRST 8

/* Transfers that end in the middle of data blocks, next to pages that do not exist. */
static void partial_blocks(struct tc *tc)
{
	static const uint32_t pages_per_blk[] = { 1, 2, 16 };
	uint32_t i, n;

	for (i = 0; i < 3 && !tc->failed; i++) {
		struct target_opts o = scs_opts(tc);
		uint8_t *data, *got;
		struct scs *s;

		o.dev.geo.pages_per_blk = pages_per_blk[i];
		s = scs_start(tc, &o, 128);
		if (!s)
			return;
		data = scs_pattern(s, 41, i); /* read at odd addresses, too */
		got = tc_alloc(tc, scs_bytes(s, 40));
		for (n = 1; n <= 40; n += n < 18 ? 1 : 11) {
			scs_write(s, FIRST, n, data + n);
			scs_read(s, FIRST, n, got);
			EXPECT_MEM(tc, "HND-018", "data", data + n, got, scs_bytes(s, n));
		}
		scs_inquiry(s);
		for (n = 1; n < 64; n++) {
			cdb_inquiry(&s->io, 0, 0, 255, s->room, n);
			scs_expect_data(s, "HND-018", s->full, s->full_len, 255);
		}
	}
}

/* Small Data-In between blocks that hold somebody's Data-Out. */
static void neighbours(struct tc *tc)
{
	enum { N = 12 };
	struct scs *s = scs_start(tc, NULL, 64 + N);
	struct target_io *ios = tc_alloc(tc, 2 * N * sizeof(*ios));
	uint8_t *data, *in;
	uint32_t i;

	if (!s)
		return;
	data = scs_pattern(s, N, 1);
	in = tc_alloc(tc, 100 * N);
	target_freeze(s->t);
	for (i = 0; i < N; i++) {
		cdb_inquiry(&ios[2 * i], 0, 0, 255, in + 100 * i, 1 + 7 * i);
		target_io_rw(&ios[2 * i + 1], true, 16, FIRST + i, 1, s->cap.block_size,
			     data + scs_bytes(s, i));
		target_submit(s->t, &ios[2 * i]);
		target_submit(s->t, &ios[2 * i + 1]);
	}
	target_thaw(s->t);
	if (!work_wait_all(tc, "HND-018", ios, 2 * N))
		return;
	for (i = 0; i < 2 * N; i++)
		EXPECT_EQ(tc, "HND-018", "status", 0, ios[i].status);
	scs_expect_medium(s, "HND-018", "blocks whose buffers lay between others", FIRST, N, data);
}

/* A BIDI command; the fabric's Data-Out is @out bytes of @data, its Data-In @in bytes. */
static void bidi_io(struct scs *s, uint8_t op, const void *data, uint32_t out, uint32_t in)
{
	cdb_begin(&s->io, op, RINGSIM_BIDI, (void *)(uintptr_t)data, out);
	s->io.bidi = tc_alloc(s->tc, in + 1);
	memset(s->io.bidi, 0xee, in);
	s->io.bidi_len = in;
}

/* Data-In of a command that has none: zeros, or what the initiator had there before. */
static void bidi_not_stale(struct scs *s)
{
	const uint8_t *p = s->io.bidi;
	uint32_t i;

	for (i = 0; i < s->io.bidi_len; i++)
		EXPECT(s->tc, "HND-035", p[i] == 0 || p[i] == 0xee,
		       "byte %u of the BIDI Data-In: expected 0, found 0x%02x", i, p[i]);
}

/*
 * WRITE with @out of @n blocks of Data-Out, and Data-In behind it in adjacent data blocks. If it is
 * GOOD, it has written what it was sent; nothing of the Data-In blocks may get to the medium.
 */
static void bidi_write(struct scs *s, uint8_t op, uint32_t n, uint32_t out, uint32_t in)
{
	uint8_t *old = scs_pattern(s, n + 2, op + out), *new = scs_pattern(s, n, op + in);

	scs_write(s, FIRST, n + 2, old);
	bidi_io(s, op, new, scs_bytes(s, out), in);
	cdb_range(&s->io, FIRST + 1, n);
	EXPECT(s->tc, "HND-019", scs_exec(s, "HND-019"), "no end");
	if (s->io.status == 0) {
		EXPECT_EQ(s->tc, "HND-019", "blocks of Data-Out that were enough", n, out);
		bidi_not_stale(s);
		memcpy(old + s->cap.block_size, new, scs_bytes(s, n));
	} else if (s->io.status == SAM_CHECK) {
		scs_judge_sense(s, "HND-033");
	}
	scs_expect_medium(s, "HND-019", "medium after a BIDI command", FIRST, n + 2, old);
}

static void bidi_split(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 64);
	uint32_t i;

	if (!s)
		return;
	for (i = 1; i < sizeof(ops_write); i++) {
		bidi_write(s, ops_write[i], 8, 8, 4096);
		bidi_write(s, ops_write[i], 1, 1, 8192);
		bidi_write(s, ops_write[i], 8, 8, scs_bytes(s, 8));
		/* only both together are as long as the CDB says */
		bidi_write(s, ops_write[i], 8, 4, scs_bytes(s, 4));
		bidi_write(s, ops_write[i], 8, 7, scs_bytes(s, 1));
		if (target_simulated(tc->t)) /* no data one way: a BUG() in a kernel */
			bidi_write(s, ops_write[i], 2, 0, scs_bytes(s, 2));
	}
}

/* Commands that nobody would send this way: each gets its one answer. */
static void bidi_any(struct tc *tc)
{
	static const uint8_t ops[] = { 0x00, 0x03, 0x12, 0x1a, 0x25, 0x28, 0x2f, 0x35,
				       0x41, 0x42, 0x50, 0x52, 0x53, 0x89, 0xc0 };
	struct target_opts o = scs_opts(tc);
	struct scs *s;
	uint32_t i, k;

	o.handler.read_len = true;
	s = scs_start(tc, &o, 64);
	if (!s)
		return;
	for (i = 0; i < sizeof(ops); i++) {
		for (k = !target_simulated(tc->t); k < 3; k++) {
			bidi_io(s, ops[i], scs_pattern(s, 1, i), k ? s->cap.block_size : 0,
				k == 1 ? 36 : 4096 + 100);
			EXPECT(tc, "HND-019", scs_exec(s, "HND-019"), "no end");
			EXPECT_EQ(tc, "HND-019", "outcome", RINGSIM_ANSWERED, s->io.outcome);
			if (s->io.status == SAM_CHECK)
				scs_judge_sense(s, "HND-033");
		}
	}
	cdb_none(&s->io, OP_TEST_UNIT_READY);
	EXPECT_GOOD(tc, "HND-019", &s->io);
}

/* Offset in the region of the newest entry on the ring. */
static uint64_t newest_entry(struct target *t)
{
	struct ringsim_device *dev = target_device(t);
	struct ringsim_entry e = { 0 };
	uint32_t i = 0;

	while (ringsim_entry_at(dev, i, &e))
		i++;
	return (uint64_t)ringsim_layout(dev)->cmdr_off + e.off;
}

/* Run @s->io with @dif as its iov_dif_cnt. */
static void exec_with_dif(struct scs *s, uint32_t dif)
{
	target_freeze(s->t);
	target_submit(s->t, &s->io);
	shm_store32(ringsim_region(target_device(s->t)), newest_entry(s->t) + 16, dif);
	target_thaw(s->t);
	EXPECT(s->tc, "HND-019", target_wait(s->t, &s->io) == 0, "no end");
	EXPECT_EQ(s->tc, "HND-019", "status with iov_dif_cnt", 0, s->io.status);
}

/* A kernel with protection information would count its iovs here; they are nobody's data. */
static void dif_count(struct tc *tc)
{
	const uint32_t n = 4;
	struct scs *s = scs_start(tc, NULL, 64);
	uint8_t *data, *got;
	uint32_t dif;

	if (!s)
		return;
	got = tc_alloc(tc, scs_bytes(s, n));
	for (dif = 1; dif <= 3; dif++) {
		data = scs_pattern(s, n, dif);
		target_io_rw(&s->io, true, 10, FIRST, n, s->cap.block_size, data);
		exec_with_dif(s, dif);
		target_io_rw(&s->io, false, 10, FIRST, n, s->cap.block_size, got);
		exec_with_dif(s, dif);
		EXPECT_MEM(tc, "HND-019", "data", data, got, scs_bytes(s, n));
	}
}

/* Commands that come without a single iov, whatever their CDB says. */
static void no_iovs(struct tc *tc)
{
	static const uint8_t cdbs[][16] = {
		{ 0x00 },
		{ 0x03, 0, 0, 0, 252 },
		{ 0x08, 0, 0, FIRST, 4 },
		{ 0x0a, 0, 0, FIRST, 4 },
		{ 0x12, 0, 0, 0, 255 },
		{ 0x12, 1, 0x83, 0, 255 },
		{ 0x15, 0x10, 0, 0, 24 },
		{ 0x1a, 0, 0x3f, 0, 255 },
		{ 0x1b, 0, 0, 0, 1 },
		{ 0x25 },
		{ 0x28, 0, 0, 0, 0, FIRST, 0, 0, 4 },
		{ 0x28, 0, 0, 0, 0, FIRST, 0, 0, 0 },
		{ 0x2a, 0, 0, 0, 0, FIRST, 0, 0, 4 },
		{ 0x2a, 0, 0, 0, 0, FIRST, 0, 0, 0 },
		{ 0x2e, 2, 0, 0, 0, FIRST, 0, 0, 4 },
		{ 0x2f, 2, 0, 0, 0, FIRST, 0, 0, 4 },
		{ 0x2f, 6, 0, 0, 0, FIRST, 0, 0, 4 },
		{ 0x35 },
		{ 0x41, 0, 0, 0, 0, FIRST, 0, 0, 4 },
		{ 0x42, 0, 0, 0, 0, 0, 0, 0, 24 },
		{ 0x55, 0x10, 0, 0, 0, 0, 0, 0, 24 },
		{ 0x5a, 0, 0x3f, 0, 0, 0, 0, 1, 0 },
		{ 0x88, 0, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 4 },
		{ 0x89, 0, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 2 },
		{ 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 4 },
		{ 0x8e, 2, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 4 },
		{ 0x8f, 2, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 4 },
		{ 0x93, 0, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 4 },
		{ 0x93, 8, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 4 },
		{ 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32 },
		{ 0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 1, 0 },
		{ 0xa8, 0, 0, 0, 0, FIRST, 0, 0, 0, 4 },
		{ 0xaa, 0, 0, 0, 0, FIRST, 0, 0, 0, 4 },
		{ 0xc0 },
	};
	struct scs *s = scs_start(tc, NULL, 64);
	uint8_t *old;
	uint32_t i, dir;

	if (!s)
		return;
	old = scs_pattern(s, 8, 1);
	scs_write(s, FIRST - 2, 8, old);
	for (i = 0; i < sizeof(cdbs) / sizeof(cdbs[0]); i++) {
		for (dir = RINGSIM_NONE; dir <= RINGSIM_FROM_DEVICE; dir++) {
			target_io_init(&s->io, cdbs[i], sizeof(cdbs[i]), dir, NULL, 0);
			EXPECT(tc, "HND-021", scs_exec(s, "HND-021"), "no end");
			EXPECT_EQ(tc, "HND-021", "outcome", RINGSIM_ANSWERED, s->io.outcome);
			if (s->io.status == SAM_CHECK)
				scs_judge_sense(s, "HND-033");
		}
	}
	scs_expect_medium(s, "HND-021", "medium after commands without data", FIRST - 2, 8, old);
}

/* Opcodes of every group, and every length that a variable-length CDB can claim. */
static void cdb_lengths(struct tc *tc)
{
	static const uint8_t ops[] = { 0x02, 0x22, 0x44, 0x60, 0x61, 0x7e, 0x9a,
				       0xb0, 0xc0, 0xc1, 0xdf, 0xe0, 0xff };
	struct scs *s = scs_start(tc, NULL, 64);
	struct target_io *ios = tc_alloc(tc, 256 * sizeof(*ios));
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < sizeof(ops); i++) {
		cdb_none(&s->io, ops[i]);
		memset(s->io.cdb + 1, 0xff, sizeof(s->io.cdb) - 1);
		scs_expect_check(s, "HND-022");
	}
	/* all lengths side by side, over the end of the ring */
	target_freeze(s->t);
	for (i = 0; i < 256; i++) {
		cdb_none(&ios[i], 0x7f);
		ios[i].cdb[7] = (uint8_t)i;
		target_submit(s->t, &ios[i]);
	}
	target_thaw(s->t);
	if (!work_wait_all(tc, "HND-022", ios, 256))
		return;
	for (i = 0; i < 256; i++)
		EXPECT(tc, "HND-022", ios[i].status == SAM_CHECK && sense_key(ios[i].sense) == 5,
		       "additional CDB length %u: status 0x%02x", i, ios[i].status);
	cdb_none(&s->io, OP_TEST_UNIT_READY);
	EXPECT_GOOD(tc, "HND-022", &s->io);
}

static const struct case_def rows[] = {
	{ "hnd.018.partial-blocks", "HND-018 DIS-23", CLAUSE_MUST, 0,
	  "nothing is touched behind the last byte of the last block", partial_blocks },
	{ "hnd.018.neighbours", "HND-018 HND-035", CLAUSE_MUST, 0,
	  "short answers do not reach into others' data", neighbours },
	{ "hnd.019.split", "HND-019 HND-035 SCS-020", CLAUSE_MUST, 0,
	  "the Data-In iovs of a BIDI command are no Data-Out", bidi_split },
	{ "hnd.019.any", "HND-019 HND-035", CLAUSE_MUST, 0,
	  "BIDI commands of all kinds are completed", bidi_any },
	{ "hnd.019.dif-count", "HND-019 DIS-25", CLAUSE_MUST, 0, "iov_dif_cnt is ignored",
	  dif_count },
	{ "hnd.021.every-command", "HND-021 SCS-020 SCS-022", CLAUSE_MUST, 0,
	  "commands of all kinds without an iov", no_iovs },
	{ "hnd.022.lengths", "HND-022 SCS-040", CLAUSE_MUST, 0,
	  "CDBs of every group, and variable-length ones of every length", cdb_lengths },
};

CASE_TABLE(cases_data);
