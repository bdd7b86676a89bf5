/* SPDX-License-Identifier: MIT */
/*
 * What is on stable storage when the handler dies, and what a successor makes of commands that were
 * executed but not answered.
 * Clauses: HND-054, HND-062, SCS-030, SCS-031.
 */
#include "scs.h"
#include "work.h"

#define FIRST 16
#define N     8

/* NULL if nothing can outlive the handler, or the case is over otherwise. */
static struct scs *start_on(struct tc *tc, const struct target_opts *o, enum target_medium medium)
{
	struct target_opts opts = o ? *o : scs_opts(tc);
	struct scs *s;

	opts.medium = medium;
	s = scs_start(tc, &opts, 256);
	if (!s)
		return NULL;
	if (target_persistent(tc->t))
		return s;
	tc_skip(tc, "the handler's store dies with it");
	return NULL;
}

static struct scs *start(struct tc *tc, const struct target_opts *o)
{
	return start_on(tc, o, MEDIUM_CACHED);
}

static void reborn(struct scs *s)
{
	if (s->tc->failed)
		return;
	target_kill(s->t);
	target_restart(s->t);
}

static void sync_all(struct scs *s, uint8_t op, uint64_t lba, uint32_t n)
{
	cdb_none(&s->io, op);
	cdb_range(&s->io, lba, n);
	EXPECT_GOOD(s->tc, "HND-054", &s->io);
}

/* Writes in every form, then a flush of everything or of just these blocks, then death. */
static void sync_cache(struct tc *tc)
{
	struct scs *s = start(tc, NULL);
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < 8 && !tc->failed; i++) {
		uint8_t *data = scs_pattern(s, N, i);
		uint64_t lba = i & 4 ? s->cap.blocks - N : FIRST;

		target_io_rw(&s->io, true, i % 2 ? 10 : 16, lba, N, s->cap.block_size, data);
		EXPECT_GOOD(tc, "HND-054", &s->io);
		sync_all(s, i & 1 ? OP_SYNC_10 : OP_SYNC_16, i & 2 ? lba : 0, i & 2 ? N : 0);
		reborn(s);
		scs_expect_medium(s, "HND-054", "flushed blocks", lba, N, data);
	}
}

/* The flush covers the writes that ended before it came, though others are under way. */
static void sync_in_load(struct tc *tc)
{
	enum { BEFORE = 10, BESIDE = 10 };
	struct scs *s = start(tc, NULL);
	struct target_io *ios = tc_alloc(tc, (BEFORE + BESIDE + 1) * sizeof(*ios));
	uint8_t *data;
	uint32_t i;

	if (!s)
		return;
	data = scs_pattern(s, BEFORE + BESIDE, 1);
	for (i = 0; i < BEFORE + BESIDE; i++)
		target_io_rw(&ios[i], true, 16, FIRST + i, 1, s->cap.block_size,
			     data + scs_bytes(s, i));
	for (i = 0; i < BEFORE; i++)
		target_submit(s->t, &ios[i]);
	if (!work_wait_all(tc, "HND-054", ios, BEFORE))
		return;
	cdb_none(&s->io, OP_SYNC_16);
	target_freeze(s->t);
	target_submit(s->t, &s->io);
	for (; i < BEFORE + BESIDE; i++)
		target_submit(s->t, &ios[i]);
	target_thaw(s->t);
	EXPECT(tc, "HND-054", target_wait(s->t, &s->io) == 0, "SYNCHRONIZE CACHE never ended");
	EXPECT_EQ(tc, "HND-054", "status", 0, s->io.status);
	target_kill(s->t);
	target_advance(s->t, 60000);
	target_reset_ring(s->t, 1);
	target_restart(s->t);
	scs_expect_medium(s, "HND-054", "blocks written before the flush", FIRST, BEFORE, data);
}

/* Without a flush a block may be lost, but it is the old one or the new one. */
static void old_or_new(struct tc *tc)
{
	struct scs *s = start(tc, NULL);
	uint8_t *old, *new, *got;
	uint32_t i;

	if (!s)
		return;
	old = scs_pattern(s, N, 1);
	new = scs_pattern(s, N, 2);
	got = tc_alloc(tc, scs_bytes(s, N));
	scs_write(s, FIRST, N, old);
	sync_all(s, OP_SYNC_16, 0, 0);
	scs_write(s, FIRST, N, new);
	reborn(s);
	scs_read(s, FIRST, N, got);
	for (i = 0; i < N; i++) {
		const uint8_t *p = got + scs_bytes(s, i);

		EXPECT(tc, "SCS-030",
		       !memcmp(p, old + scs_bytes(s, i), s->cap.block_size) ||
			       !memcmp(p, new + scs_bytes(s, i), s->cap.block_size),
		       "block %u is neither what was flushed nor what was written", i);
	}
}

/* FUA: on stable storage when it completes. WRITE AND VERIFY is as good. */
static void fua(struct tc *tc)
{
	static const uint8_t ops[] = { 0x2a, 0xaa, 0x8a, 0x2e, 0xae, 0x8e };
	struct scs *s = start(tc, NULL);
	uint32_t i;

	if (!s)
		return;
	EXPECT(tc, "SCS-030", scs_mode_sense(s, OP_MODE_SENSE_6, 0, 0x3f), "no mode pages");
	if (!(s->full[2] & 0x10)) {
		tc_skip(tc, "the handler does not report DPOFUA");
		return;
	}
	for (i = 0; i < sizeof(ops) && !tc->failed; i++) {
		uint8_t *data = scs_pattern(s, N, 10 + i);

		cdb_out(&s->io, ops[i], data, scs_bytes(s, N));
		cdb_range(&s->io, FIRST, N);
		s->io.cdb[1] = i < 3 ? CDB1_FUA : i % 2 ? CDB1_BYTCHK : 0;
		if (!scs_supported(s, "SCS-030"))
			continue;
		EXPECT_EQ(tc, "SCS-030", "status", 0, s->io.status);
		reborn(s);
		scs_expect_medium(s, "SCS-030", "blocks written with FUA", FIRST, N, data);
	}
}

/* COMPARE AND WRITE with FUA, too. */
static void fua_caw(struct tc *tc)
{
	struct scs *s = start(tc, NULL);
	uint8_t *data;

	if (!s)
		return;
	data = scs_pattern(s, 2, 1);
	scs_write(s, FIRST, 1, data);
	cdb_caw(&s->io, FIRST, 1, data, scs_bytes(s, 2));
	s->io.cdb[1] = CDB1_FUA;
	if (!scs_supported(s, "SCS-030") || s->io.status == SAM_CHECK)
		return;
	EXPECT_EQ(tc, "SCS-030", "status", 0, s->io.status);
	reborn(s);
	scs_expect_medium(s, "SCS-030", "block written with FUA", FIRST, 1,
			  data + s->cap.block_size);
}

/* Commands that change the medium; with zeros as their data, some of them are a hole. */
static const struct {
	uint8_t op, byte1;
	bool zeros;
} changes[] = {
	{ 0x0a, 0, false },
	{ 0x2a, 0, false },
	{ 0xaa, 0, true },
	{ 0x8a, 0, false },
	{ OP_WRITE_SAME_16, 0, false },
	{ OP_WRITE_SAME_16, 0, true },
	{ 0x8a, 0, false },
	{ OP_WRITE_SAME_16, CDB1_UNMAP, true },
	{ OP_WRITE_SAME_10, 0, false },
	{ OP_WRITE_SAME_10, CDB1_UNMAP, true },
	{ 0x2a, 0, false },
	{ OP_WRITE_SAME_10, 0, true },
	{ OP_CAW, 0, false },
	{ OP_UNMAP, 0, false },
};

/* One of them; false if the handler does not have it. */
static bool change(struct scs *s, uint32_t i)
{
	static const uint8_t list[24] = { 0, 22, 0, 16,	   0, 0, 0, 0, 0, 0, 0, 0,
					  0, 0,	 0, FIRST, 0, 0, 0, 1, 0, 0, 0, 0 };
	uint8_t *data = scs_pattern(s, 2, 20 + i);

	if (changes[i].zeros)
		memset(data, 0, scs_bytes(s, 2));
	if (changes[i].op == OP_CAW) {
		scs_read(s, FIRST, 1, data);
		cdb_caw(&s->io, FIRST, 1, data, scs_bytes(s, 2));
	} else if (changes[i].op == OP_UNMAP) {
		cdb_unmap(&s->io, sizeof(list), list, sizeof(list));
	} else {
		cdb_out(&s->io, changes[i].op, data, scs_bytes(s, 1));
		cdb_range(&s->io, FIRST, 1);
		s->io.cdb[1] |= changes[i].byte1;
	}
	return scs_supported(s, "SCS-030") && !scs_is(s, BAD_CDB);
}

/* Without a volatile cache every command that ended is on stable storage. */
static void write_through(struct tc *tc)
{
	struct target_opts o = scs_opts(tc);
	uint8_t *got;
	struct scs *s;
	uint32_t i;

	o.handler.wce = false;
	s = start(tc, &o);
	if (!s)
		return;
	got = tc_alloc(tc, scs_bytes(s, 1));
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]) && !tc->failed; i++) {
		if (!change(s, i))
			continue;
		EXPECT_EQ(tc, "SCS-030", "status", 0, s->io.status);
		scs_read(s, FIRST, 1, got);
		reborn(s);
		scs_expect_medium(s, "SCS-031", "block written without a cache", FIRST, 1, got);
	}
}

/* Taking the cache away makes what it holds durable, and what is written from then on. */
static void cache_off(struct tc *tc)
{
	uint8_t list[8 + 20] = { 0 }, *data;
	struct scs *s = start(tc, NULL);
	uint32_t i;

	if (!s)
		return;
	EXPECT(tc, "SCS-030", scs_mode_sense(s, OP_MODE_SENSE_10, CDB1_DBD, 0x48), "no page 08");
	if (!(s->full[10] & 4)) {
		tc_skip(tc, "WCE cannot be changed");
		return;
	}
	EXPECT(tc, "SCS-030", scs_mode_sense(s, OP_MODE_SENSE_10, CDB1_DBD, 0x08), "no page 08");
	memcpy(list + 8, s->full + 8, 20);
	list[8] &= 0x7f;
	for (i = 0; i < 2; i++) {
		data = scs_pattern(s, N, i);
		list[10] |= 4;
		cdb_mode_select(&s->io, OP_MODE_SELECT_10, CDB1_PF, sizeof(list), list,
				sizeof(list));
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		if (i == 0)
			scs_write(s, FIRST, N, data);
		list[10] &= ~4;
		cdb_mode_select(&s->io, OP_MODE_SELECT_10, CDB1_PF, sizeof(list), list,
				sizeof(list));
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		if (i == 1)
			scs_write(s, FIRST, N, data);
		reborn(s);
		scs_expect_medium(s, "SCS-031", "blocks of a cache that was switched off", FIRST, N,
				  data);
	}
}

static void sync_and_leave(struct scs *s)
{
	cdb_none(&s->io, OP_SYNC_16);
	s->io.cdb[1] = CDB1_IMMED;
	EXPECT_GOOD(s->tc, "HND-054", &s->io);
}

/* Everything that ended with GOOD after an IMMED flush and a second, waiting one. */
static void sync_immed(struct tc *tc)
{
	struct scs *s = start(tc, NULL);
	uint8_t *data;

	if (!s)
		return;
	data = scs_pattern(s, 2 * N, 1);
	scs_write(s, FIRST, N, data);
	sync_and_leave(s);
	scs_write(s, FIRST + N, N, data + scs_bytes(s, N));
	sync_all(s, OP_SYNC_10, 0, 0);
	reborn(s);
	scs_expect_medium(s, "HND-054", "flushed blocks", FIRST, 2 * N, data);
}

/* That nobody waits for a flush is no reason not to wait for the next: they come together. */
static void sync_immed_busy(struct tc *tc)
{
	struct scs *s = start_on(tc, NULL, MEDIUM_SLOW);
	struct target_io ios[2];
	uint32_t round, i;

	for (round = 0; s && round < 12 && !tc->failed; round++) {
		uint8_t *data = scs_pattern(s, N, round);

		scs_write(s, FIRST, N, data);
		target_freeze(s->t);
		for (i = 0; i < 2; i++) {
			cdb_none(&ios[i], OP_SYNC_16);
			ios[i].cdb[1] = i ? 0 : CDB1_IMMED;
			target_submit(s->t, &ios[i]);
		}
		target_thaw(s->t);
		for (i = 0; i < 2; i++)
			EXPECT(tc, "HND-054", target_wait(s->t, &ios[i]) == 0 && !ios[i].status,
			       "flush %u: status 0x%02x", i, ios[i].status);
		reborn(s);
		scs_expect_medium(s, "HND-054", "flushed blocks", FIRST, N, data);
	}
}

/* An IMMED flush is answered at once, but it takes place; one that comes meanwhile as well. */
static void sync_immed_settled(struct tc *tc)
{
	struct scs *s = start_on(tc, NULL, MEDIUM_SLOW);
	uint32_t round, i;

	for (round = 0; s && round < 12 && !tc->failed; round++) {
		uint8_t *data = scs_pattern(s, 3, round);

		for (i = 0; i < 3; i++) {
			scs_write(s, FIRST + i, 1, data + scs_bytes(s, i));
			sync_and_leave(s);
		}
		target_settle(s->t);
		reborn(s);
		scs_expect_medium(s, "HND-054", "blocks flushed with IMMED", FIRST, 3, data);
	}
}

/* Stopping a unit is what one does before switching it off. */
static void stop_flushes(struct tc *tc)
{
	struct scs *s = start(tc, NULL);
	uint8_t *data;

	if (!s)
		return;
	data = scs_pattern(s, N, 1);
	scs_write(s, FIRST, N, data);
	cdb_none(&s->io, OP_START_STOP);
	if (!scs_supported(s, "SCS-030"))
		return;
	EXPECT_EQ(tc, "SCS-030", "status", 0, s->io.status);
	reborn(s);
	cdb_none(&s->io, OP_START_STOP);
	s->io.cdb[4] = 1;
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	scs_expect_medium(s, "SCS-030", "blocks of a unit that was stopped", FIRST, N, data);
}

static const struct case_def rows[] = {
	{ "hnd.054.sync-cache", "HND-054 SCS-030 SCS-031", CLAUSE_SHOULD, NEEDS_RESTART,
	  "flushed blocks survive the handler", sync_cache },
	{ "hnd.054.sync-in-load", "HND-054 SCS-030", CLAUSE_SHOULD, NEEDS_RESTART,
	  "a flush covers the writes that ended before it came", sync_in_load },
	{ "hnd.054.sync-immed", "HND-054 SCS-030", CLAUSE_SHOULD, NEEDS_RESTART,
	  "a flush behind one with IMMED covers both", sync_immed },
	{ "hnd.054.sync-immed-busy", "HND-054 SCS-030", CLAUSE_SHOULD, NEEDS_RESTART,
	  "a flush waits, though one with IMMED is under way", sync_immed_busy },
	{ "hnd.054.sync-immed-settled", "HND-054 SCS-030", CLAUSE_SHOULD, NEEDS_RESTART,
	  "a flush with IMMED takes place, though nobody waits", sync_immed_settled },
	{ "scs.030.stop-flushes", "SCS-030", CLAUSE_SHOULD, NEEDS_RESTART,
	  "what was written before START STOP UNIT stopped the unit is durable", stop_flushes },
	{ "scs.030.old-or-new", "SCS-030", CLAUSE_MUST, NEEDS_RESTART,
	  "a block that was not flushed is the old one or the new one", old_or_new },
	{ "scs.030.fua", "SCS-030 SCS-031", CLAUSE_MUST, NEEDS_RESTART,
	  "FUA and WRITE AND VERIFY survive the handler", fua },
	{ "scs.030.fua-caw", "SCS-030 SCS-031", CLAUSE_MUST, NEEDS_RESTART,
	  "COMPARE AND WRITE with FUA survives the handler", fua_caw },
	{ "scs.031.write-through", "SCS-031 SCS-030", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "without WCE everything that ended survives the handler", write_through },
	{ "scs.031.cache-off", "SCS-031", CLAUSE_SHOULD, NEEDS_RESTART,
	  "switching WCE off flushes, and makes writes durable", cache_off },
};

CASE_TABLE(cases_durability);
