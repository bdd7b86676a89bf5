/* SPDX-License-Identifier: MIT */
/*
 * The form of sense data, and the errors that need a device of a special kind: write-protected, out
 * of memory.
 * Clauses: SCS-030, SCS-040, SCS-041, SCS-043, HND-033.
 */
#include "scs.h"

#define FIRST 16

/* How a command that fails carries data. */
struct failing {
	uint8_t cdb[16];
	enum ringsim_dir dir;
	uint32_t len;
};

static const struct failing failing[] = {
	{ { 0xff }, RINGSIM_NONE, 0 },
	{ { 0xff }, RINGSIM_FROM_DEVICE, 8192 },
	{ { 0xff }, RINGSIM_TO_DEVICE, 8192 },
	{ { 0x12, 0, 1, 0, 255 }, RINGSIM_FROM_DEVICE, 255 },
	{ { 0x12, 1, 0xfe, 0, 255 }, RINGSIM_FROM_DEVICE, 255 },
	{ { 0x1a, 0, 0xff, 0, 255 }, RINGSIM_FROM_DEVICE, 255 },
	{ { 0x1a, 0, 0x3e, 0, 255 }, RINGSIM_FROM_DEVICE, 255 },
	{ { 0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1 }, RINGSIM_FROM_DEVICE, 512 },
	{ { 0x2a, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1 }, RINGSIM_TO_DEVICE, 512 },
	{ { 0x9e, 0x1f }, RINGSIM_FROM_DEVICE, 32 },
};

#define FAILING (sizeof(failing) / sizeof(failing[0]))

static void fail_with(struct scs *s, uint32_t i)
{
	target_io_init(&s->io, failing[i].cdb, sizeof(failing[i].cdb), failing[i].dir,
		       failing[i].len ? tc_alloc(s->tc, failing[i].len) : NULL, failing[i].len);
	scs_expect_check(s, "SCS-040");
	EXPECT(s->tc, "SCS-040", sense_key(s->io.sense) == 5,
	       "opcode 0x%02x: expected key 5, found %x", s->io.cdb[0], sense_key(s->io.sense));
}

/* Response code, lengths, key, ASC: where they belong in either format. */
static void format(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 64);
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < FAILING; i++) {
		const uint8_t *p = s->io.sense;

		fail_with(s, i);
		EXPECT(tc, "SCS-040", (p[0] & 0x7f) == 0x70 || p[0] == 0x72,
		       "sense of the error that just happened: response code 0x%02x", p[0]);
		EXPECT(tc, "HND-033", sense_asc(p) != 0, "ASC and ASCQ are 0");
		EXPECT_EQ(tc, "SCS-040", "bytes of data with the error", 0, s->io.data_in);
		if (p[0] == 0x72)
			continue;
		EXPECT_EQ(tc, "HND-033", "FILEMARK, EOM, ILI", 0, p[2] & 0xe0);
		EXPECT(tc, "HND-033", p[0] & 0x80 || be_get(p + 3, 4) == 0,
		       "INFORMATION 0x%08llx without VALID", (unsigned long long)be_get(p + 3, 4));
	}
}

/* All 96 bytes reach the initiator: none may be left over from the request. */
static void rest_is_zero(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 64);
	uint32_t i, k;

	if (!s)
		return;
	for (i = 0; i < FAILING; i++) {
		fail_with(s, i);
		for (k = 8u + s->io.sense[7]; k < TCMU_SENSE_BUFFERSIZE; k++)
			EXPECT(tc, "HND-033", s->io.sense[k] == 0,
			       "sense byte %u behind %u valid ones: expected 0, found 0x%02x", k,
			       8u + s->io.sense[7], s->io.sense[k]);
	}
}

/* Every command that writes, on a medium that must not be written. */
struct writer {
	uint8_t cdb[16];
	uint32_t blocks; /* of data; 0xff = an UNMAP list */
	bool optional;
};

static const struct writer writers[] = {
	{ { 0x0a, 0, 0, FIRST, 2 }, 2, false },
	{ { 0x2a, 0, 0, 0, 0, FIRST, 0, 0, 2 }, 2, false },
	{ { 0xaa, 0, 0, 0, 0, FIRST, 0, 0, 0, 2 }, 2, false },
	{ { 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 2 }, 2, false },
	{ { 0x8a, CDB1_FUA, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 2 }, 2, false },
	{ { 0x2e, 0, 0, 0, 0, FIRST, 0, 0, 2 }, 2, true },
	{ { 0xae, 0, 0, 0, 0, FIRST, 0, 0, 0, 2 }, 2, true },
	{ { 0x8e, CDB1_BYTCHK, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 2 }, 2, true },
	{ { 0x41, 0, 0, 0, 0, FIRST, 0, 0, 2 }, 1, true },
	{ { 0x93, 0, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 2 }, 1, true },
	{ { 0x89, 0, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 1 }, 2, true },
	{ { 0x42, 0, 0, 0, 0, 0, 0, 0, 24 }, 0xff, true },
};

static void write_protected(struct tc *tc)
{
	uint8_t list[24] = { 0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 2 };
	struct target_opts o = scs_opts(tc);
	uint8_t *was, *new;
	struct scs *s;
	uint32_t i;

	o.handler.read_only = true;
	s = scs_start(tc, &o, 64);
	if (!s)
		return;
	was = tc_alloc(tc, scs_bytes(s, 4));
	new = scs_pattern(s, 2, 1);
	scs_read(s, FIRST - 1, 4, was);
	/* COMPARE AND WRITE gets what is there, so that only the protection can stop it */
	for (i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		const struct writer *w = &writers[i];
		bool is_list = w->blocks == 0xff;

		if (w->cdb[0] == OP_CAW)
			memcpy(new, was + s->cap.block_size, s->cap.block_size);
		target_io_init(&s->io, w->cdb, sizeof(w->cdb), RINGSIM_TO_DEVICE,
			       is_list ? list : new, is_list ? 24 : scs_bytes(s, w->blocks));
		if (w->optional && !scs_supported(s, "SCS-030"))
			continue;
		scs_expect_sense(s, "SCS-040", WRITE_PROTECTED);
	}
	scs_expect_medium(s, "SCS-041", "write-protected medium", FIRST - 1, 4, was);
}

/* What does not write works as ever on such a medium. */
static void write_protected_reads(struct tc *tc)
{
	struct target_opts o = scs_opts(tc);
	struct scs *s;

	o.handler.read_only = true;
	s = scs_start(tc, &o, 64);
	if (!s)
		return;
	scs_read(s, 0, 8, tc_alloc(tc, scs_bytes(s, 8)));
	target_io_rw(&s->io, false, 6, 3, 2, s->cap.block_size, tc_alloc(tc, scs_bytes(s, 2)));
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	cdb_none(&s->io, OP_SYNC_10);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	cdb_none(&s->io, ops_verify[0]);
	cdb_range(&s->io, 1, 2);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	cdb_none(&s->io, OP_TEST_UNIT_READY);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	EXPECT(tc, "SCS-030", scs_mode_sense(s, OP_MODE_SENSE_10, 0, 0x3f), "no mode pages");
	EXPECT_EQ(tc, "SCS-030", "WP", 0x80, s->full[3] & 0x80);
	/* and a range error stays one */
	target_io_rw(&s->io, false, 16, s->cap.blocks, 1, s->cap.block_size,
		     tc_alloc(tc, s->cap.block_size));
	scs_expect_sense(s, "SCS-040", BAD_LBA);
}

/* Memory for small things only: what a retry can cure is not an error. */
static void *small_only(size_t size)
{
	return size > 1024 ? NULL : malloc(size);
}

/* What @s->io leaves on the 16 blocks if it ends with GOOD; NULL if GOOD would be a lie. */
static const uint8_t *after(struct scs *s, const uint8_t *data, const uint8_t *was)
{
	uint32_t i, one = scs_bytes(s, 1);
	uint8_t *want;

	if (s->io.cdb[0] == 0x8f)
		return s->io.cdb[1] & CDB1_BYTCHK ? NULL : was;
	if (s->io.cdb[0] == 0x8e)
		return data;
	if (s->io.cdb[0] == OP_CAW)
		return data + 16 * one;
	want = tc_alloc(s->tc, 16 * one);
	for (i = 0; i < 16; i++)
		memcpy(want + i * one, data, one);
	return want;
}

static void no_memory(struct tc *tc)
{
	static const uint8_t ops[] = { 0x8f, 0x8f, 0x8e, OP_CAW, OP_WRITE_SAME_16 };
	static const uint8_t byte1[] = { 0, CDB1_BYTCHK, 0, 0, 0 };
	static const uint8_t blocks[] = { 0, 16, 16, 32, 1 };
	struct target_opts o = scs_opts(tc);
	const uint8_t *medium, *want;
	uint8_t *data;
	struct scs *s;
	uint32_t i;

	o.handler.alloc = small_only;
	s = scs_start(tc, &o, 64);
	if (!s)
		return;
	medium = scs_pattern(s, 16, 1);
	for (i = 0; i < sizeof(ops); i++) {
		scs_write(s, FIRST, 16, medium);
		data = scs_pattern(s, 32, 2 + i);
		if (ops[i] == OP_CAW)
			memcpy(data, medium, scs_bytes(s, 16));
		cdb_begin(&s->io, ops[i], blocks[i] ? RINGSIM_TO_DEVICE : RINGSIM_NONE, data,
			  scs_bytes(s, blocks[i]));
		cdb_range(&s->io, FIRST, 16);
		if (ops[i] == OP_CAW) {
			be_put(s->io.cdb + 10, 4, 0);
			s->io.cdb[13] = 16;
		}
		s->io.cdb[1] = byte1[i];
		want = after(s, data, medium);
		EXPECT(tc, "SCS-043", scs_exec(s, "SCS-043"), "no end");
		EXPECT(tc, "SCS-043",
		       (s->io.status == 0 && want) || s->io.status == 0x08 ||
			       s->io.status == 0x28 || scs_is(s, BAD_OPCODE) ||
			       (!want && scs_is(s, MISCOMPARE)),
		       "opcode 0x%02x: expected the truth, BUSY or TASK SET FULL, found status "
		       "0x%02x",
		       ops[i], s->io.status);
		scs_expect_medium(s, "SCS-041", "medium", FIRST, 16,
				  s->io.status == 0 ? want : medium);
	}
	/* nothing stays of it */
	cdb_none(&s->io, OP_TEST_UNIT_READY);
	EXPECT_GOOD(tc, "SCS-043", &s->io);
}

static void *nothing_at_all(size_t size)
{
	(void)size;
	return NULL;
}

/* Parameter lists and single blocks, without a byte to copy them to: one answer each, no error. */
static void no_memory_at_all(struct tc *tc)
{
	static const uint8_t unmap[24] = { 0, 22, 0, 16, [15] = FIRST, [19] = 1 };
	static const uint8_t mode[4] = { 0 };
	struct target_opts o = scs_opts(tc);
	struct scs *s;
	uint8_t *data;
	uint32_t i;

	o.handler.alloc = nothing_at_all;
	s = scs_start(tc, &o, 64);
	if (!s)
		return;
	data = scs_pattern(s, 2, 1);
	for (i = 0; i < 6; i++) {
		if (i == 0)
			cdb_unmap(&s->io, sizeof(unmap), unmap, sizeof(unmap));
		else if (i == 1)
			cdb_mode_select(&s->io, OP_MODE_SELECT_6, CDB1_PF, 4, mode, 4);
		else if (i == 2)
			cdb_caw(&s->io, FIRST, 1, data, scs_bytes(s, 2));
		else
			cdb_out(&s->io,
				i == 3	 ? OP_WRITE_SAME_16
				: i == 4 ? 0x8e
					 : 0x8f,
				data, scs_bytes(s, i < 5));
		if (i > 2)
			cdb_range(&s->io, FIRST, 1);
		EXPECT(tc, "SCS-043", scs_exec(s, "SCS-043"), "no end");
		EXPECT(tc, "SCS-043",
		       s->io.status == 0 || s->io.status == 0x08 || s->io.status == 0x28 ||
			       scs_is(s, BAD_OPCODE) || (i == 2 && scs_is(s, MISCOMPARE)),
		       "opcode 0x%02x: expected the truth, BUSY or TASK SET FULL, found status "
		       "0x%02x",
		       s->io.cdb[0], s->io.status);
	}
	cdb_none(&s->io, OP_TEST_UNIT_READY);
	EXPECT_GOOD(tc, "SCS-043", &s->io);
}

/* Operations on the medium that fail, and what the initiator hears of it. */
struct defect {
	uint8_t cdb[16];
	uint32_t blocks; /* of Data-Out */
	enum store_op op;
	uint16_t asc;
};

static void medium_errors(struct tc *tc)
{
	static const struct defect defects[] = {
		{ { 0x28, 0, 0, 0, 0, FIRST, 0, 0, 4 }, 0, STORE_READ, 0x1100 },
		{ { 0x88, 0, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 2 }, 0, STORE_READ, 0x1100 },
		{ { 0x2a, 0, 0, 0, 0, FIRST, 0, 0, 4 }, 4, STORE_WRITE, 0x0c00 },
		{ { 0x0a, 0, 0, FIRST, 3 }, 3, STORE_WRITE, 0x0c00 },
		{ { 0x2e, 2, 0, 0, 0, FIRST, 0, 0, 2 }, 2, STORE_WRITE, 0x0c00 },
		{ { 0x2e, 2, 0, 0, 0, FIRST, 0, 0, 2 }, 2, STORE_READ, 0x1100 },
		{ { 0x2f, 0, 0, 0, 0, FIRST, 0, 0, 4 }, 0, STORE_READ, 0x1100 },
		{ { OP_SYNC_10 }, 0, STORE_FLUSH, 0x0c00 },
	};
	struct target_opts o = scs_opts(tc);
	uint8_t *was, *data, *got;
	struct scs *s;
	uint32_t i;

	o.medium = MEDIUM_CACHED;
	s = scs_start(tc, &o, 64);
	if (!s)
		return;
	was = scs_pattern(s, 8, 1);
	data = scs_pattern(s, 8, 2);
	got = tc_alloc(tc, scs_bytes(s, 8));
	for (i = 0; i < sizeof(defects) / sizeof(defects[0]); i++) {
		const struct defect *d = &defects[i];
		bool in = d->cdb[0] == 0x28 || d->cdb[0] == 0x88;

		scs_write(s, FIRST, 8, was);
		target_io_init(&s->io, d->cdb, 16,
			       in	   ? RINGSIM_FROM_DEVICE
			       : d->blocks ? RINGSIM_TO_DEVICE
					   : RINGSIM_NONE,
			       in ? got : data,
			       scs_bytes(s, in ? d->cdb[8] + d->cdb[13] : d->blocks));
		target_faults(s->t)->store[d->op] = EIO;
		if (!scs_supported(s, "SCS-040"))
			continue;
		target_faults(s->t)->store[d->op] = 0;
		EXPECT(tc, "SCS-040", scs_is(s, 3, d->asc),
		       "opcode 0x%02x: expected CHECK CONDITION 3/%04x, found status 0x%02x sense "
		       "%x/%04x",
		       d->cdb[0], d->asc, s->io.status, sense_key(s->io.sense),
		       sense_asc(s->io.sense));
		scs_judge_sense(s, "HND-033");
		/* and it has passed */
		target_io_init(&s->io, d->cdb, 16, s->io.dir, s->io.data, s->io.len);
		if (d->op != STORE_READ || in)
			EXPECT_GOOD(tc, "SCS-040", &s->io);
	}
}

/* A flush that nobody waited for has failed: the next one says so, once. */
static void late_flush_error(struct tc *tc)
{
	struct target_opts o = scs_opts(tc);
	struct scs *s;
	uint32_t i;

	o.medium = MEDIUM_CACHED;
	s = scs_start(tc, &o, 64);
	if (!s)
		return;
	for (i = 0; i < 2; i++) {
		scs_write(s, FIRST, 8, scs_pattern(s, 8, i));
		cdb_none(&s->io, i ? OP_SYNC_16 : OP_SYNC_10);
		s->io.cdb[1] = CDB1_IMMED;
		target_faults(s->t)->store[STORE_FLUSH] = EIO;
		EXPECT(tc, "SCS-040", scs_exec(s, "SCS-040"), "no end");
		target_settle(s->t);
		target_faults(s->t)->store[STORE_FLUSH] = 0;
		if (s->io.status == 0) {
			cdb_none(&s->io, OP_SYNC_10);
			EXPECT(tc, "SCS-040", scs_exec(s, "SCS-040"), "no end");
		}
		EXPECT(tc, "SCS-040", scs_is(s, 3, 0x0c00),
		       "the flush failed: expected CHECK CONDITION 3/0c00, found status 0x%02x",
		       s->io.status);
		cdb_none(&s->io, OP_SYNC_16);
		EXPECT_GOOD(tc, "SCS-040", &s->io);
	}
}

/* A thin unit out of space, memory that is short, a medium that is gone: never GOOD. */
static void other_errors(struct tc *tc)
{
	static const int errors[] = {
		ENOSPC, ENOMEM, EAGAIN, ENODEV, ENXIO, EDQUOT, EROFS, EINVAL
	};
	struct target_opts o = scs_opts(tc);
	struct scs *s;
	uint32_t i;

	o.medium = MEDIUM_CACHED;
	s = scs_start(tc, &o, 64);
	if (!s)
		return;
	for (i = 0; i < 2 * sizeof(errors) / sizeof(errors[0]); i++) {
		int err = errors[i / 2];
		bool write = i % 2, passes = err == ENOMEM || err == EAGAIN;

		target_faults(s->t)->store[write ? STORE_WRITE : STORE_READ] = err;
		target_io_rw(&s->io, write, 10, FIRST, 4, s->cap.block_size, scs_pattern(s, 4, i));
		EXPECT(tc, "SCS-040", scs_exec(s, "SCS-040"), "no end");
		EXPECT(tc, passes ? "SCS-043" : "SCS-040",
		       passes ? s->io.status == 0x08 || s->io.status == 0x28
			      : s->io.status == SAM_CHECK,
		       "%s that fails with %s: found status 0x%02x", write ? "WRITE" : "READ",
		       strerror(err), s->io.status);
		if (!passes)
			scs_judge_sense(s, "HND-033");
		if (err == ENODEV || err == ENXIO)
			EXPECT_EQ(tc, "SCS-040", "sense key of a medium that is gone", 2,
				  sense_key(s->io.sense));
	}
}

static const struct case_def rows[] = {
	{ "scs.040.format", "SCS-040 SCS-030 HND-033 DIS-20", CLAUSE_MUST, 0,
	  "sense has key, ASC and lengths where they belong", format },
	{ "scs.040.remainder", "SCS-040 SCS-030 HND-033 DIS-24", CLAUSE_SHOULD, 0,
	  "nothing of the request is left behind the sense", rest_is_zero },
	{ "scs.040.write-protected", "SCS-040 SCS-030 SCS-041", CLAUSE_MUST, NEEDS_INPROC,
	  "each command that writes is refused with 07/27/00", write_protected },
	{ "scs.030.write-protected-reads", "SCS-030 SCS-040", CLAUSE_MUST, NEEDS_INPROC,
	  "a write-protected medium can be read", write_protected_reads },
	{ "scs.040.medium-errors", "SCS-040 HND-033", CLAUSE_MUST, NEEDS_INPROC,
	  "errors of the medium are read and write errors", medium_errors },
	{ "scs.040.late-flush-error", "SCS-040 SCS-030", CLAUSE_SHOULD, NEEDS_INPROC,
	  "an error of a flush with IMMED is reported by the next", late_flush_error },
	{ "scs.040.other-errors", "SCS-040 SCS-043 HND-032", CLAUSE_SHOULD, NEEDS_INPROC,
	  "no space, no memory, no medium", other_errors },
	{ "scs.043.no-memory-at-all", "SCS-043 HND-067 HND-053", CLAUSE_SHOULD, NEEDS_INPROC,
	  "no memory for a parameter list asks for a retry, once", no_memory_at_all },
	{ "scs.043.no-memory", "SCS-043 SCS-030 SCS-041 HND-067", CLAUSE_SHOULD, NEEDS_INPROC,
	  "without memory the answer is BUSY or TASK SET FULL", no_memory },
};

CASE_TABLE(cases_scs_sense);
