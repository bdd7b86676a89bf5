/* SPDX-License-Identifier: MIT */
/*
 * Entries, PADs and ring space, against the oracle and by hand.
 * Clauses: KRN-020 to KRN-034; TRP-04 to TRP-11, TRP-14.
 */
#include "krn.h"

#include "cdb.h"

#define SEAT (NEEDS_SEAT | NEEDS_SIM)
#define LIVE 24

/* Random commands, answered in random order, everything compared after each step. */
struct mix {
	struct tc *tc;
	struct krn_oracle o;
	struct target_io io[LIVE];
	uint16_t id[LIVE];
	uint8_t *out, *in;
	uint32_t max_len;
};

static void random_io(struct mix *m, struct target_io *io)
{
	static const uint8_t ops[] = { 0x00, 0x28, 0xa8, 0x88, 0xc5, 0x7f, 0x5a, 0x61 };
	struct tc *tc = m->tc;
	uint32_t len = tc_below(tc, m->max_len + 1), i;

	switch (tc_below(tc, 4)) {
	case 0:
		len = 0;
		break;
	case 1:
		len = len / 4096 * 4096; /* just whole pages */
		break;
	}
	switch (tc_below(tc, 3)) {
	case 0:
		krn_in(io, NULL, len);
		break;
	case 1:
		krn_out(io, m->out, len);
		break;
	default:
		krn_bidi(io, m->out, len / 2, NULL, 0);
		io->bidi = m->in;
		io->bidi_len = tc_below(tc, m->max_len / 2 + 1);
		break;
	}
	for (i = 1; i < sizeof(io->cdb); i++)
		io->cdb[i] = (uint8_t)tc_random(tc);
	io->cdb[0] = ops[tc_below(tc, sizeof(ops))];
}

/* The bytes of Data-Out lie in the oracle's blocks, one after the other. */
static bool data_out_there(struct mix *m, const struct target_io *io)
{
	const struct krn_oracle *o = &m->o;
	uint32_t i, at, n;

	if (io->dir == RINGSIM_FROM_DEVICE)
		return true;
	for (i = at = 0; at < io->len; i++, at += n) {
		n = io->len - at < o->blk ? io->len - at : o->blk;
		if (!tc_equal(m->tc, "KRN-046", "Data-Out", (uint8_t *)io->data + at,
			      seat_region(m->tc->t) + o->data + (uint64_t)o->last[i] * o->blk, n))
			return false;
	}
	return true;
}

static void submit_one(struct mix *m, const char *clause)
{
	struct tc *tc = m->tc;
	struct target_io *io;
	uint32_t i;

	for (i = 0; i < LIVE && m->id[i]; i++)
		;
	if (i == LIVE)
		return;
	io = &m->io[i];
	random_io(m, io);
	if (io->data)
		tc_fill(tc, io->data, io->len, tc_random(tc));
	m->id[i] = krn_oracle_submit(&m->o, io);
	target_submit(tc->t, io);
	if (m->id[i]) {
		EXPECT(tc, clause, !io->done && krn_stats(tc).queued == 0,
		       "a command for which there is room was refused or waits");
		EXPECT_EQ(tc, "KRN-050", "id", m->id[i], io->cmd.id);
		if (!data_out_there(m, io))
			return;
	} else {
		EXPECT_EQ(tc, "KRN-032", "commands waiting", 1, krn_stats(tc).queued);
		/* abort it, so that nothing waits: it is not on the ring */
		target_tmr(tc->t, TCMU_TMR_ABORT_TASK, &io, 1);
		EXPECT_EQ(tc, "KRN-101", "status", 0x40, io->status);
	}
	krn_oracle_equal(tc, clause, &m->o);
}

/* The handler answers any live command in the next slot; KEEP_BUF is freed at once or later. */
static void answer_one(struct mix *m, const char *clause)
{
	struct tc *tc = m->tc;
	uint32_t i = tc_below(tc, LIVE);
	struct seat_entry e;

	while (m->id[i % LIVE] == 0)
		if (++i == 2 * LIVE)
			return;
	i %= LIVE;
	krn_next(tc, &e);
	seat_answer(tc->t, e.off, m->id[i], 0x18, 0, 0, NULL);
	krn_oracle_stored(tc, &m->o, e.off);
	seat_set_tail(tc->t, seat_next(tc->t, &e));
	seat_ring(tc->t);
	krn_oracle_pass(&m->o);
	krn_oracle_free(&m->o, m->id[i]);
	EXPECT(tc, "KRN-061", m->io[i].done, "id %u was answered and has not ended", m->id[i]);
	EXPECT_EQ(tc, "KRN-071", "status", 0x18, m->io[i].status);
	m->id[i] = 0;
	krn_oracle_equal(tc, clause, &m->o);
}

static void mix_run(struct tc *tc, const struct ringsim_geometry *geo, uint32_t start,
		    uint32_t max_len, uint32_t steps, const char *clause)
{
	struct target_opts opts = TARGET_OPTS;
	struct mix *m = tc_alloc(tc, sizeof(*m));
	uint32_t i;

	opts.dev.geo = *geo;
	opts.dev.start = start;
	m->tc = tc;
	m->max_len = max_len;
	m->out = tc_alloc(tc, max_len);
	m->in = tc_alloc(tc, max_len);
	krn_oracle_init(tc, &m->o, &opts.dev);
	if (tc->failed || target_start(tc->t, &opts))
		return;
	for (i = 0; i < steps && !tc->failed; i++) {
		if (tc_below(tc, 9) < 5)
			submit_one(m, clause);
		else
			answer_one(m, clause);
	}
	if (tc->failed)
		return;
	EXPECT(tc, clause, m->o.cmds > steps / 8, "only %u commands in %u steps", m->o.cmds, steps);
}

#define GEO(...) (&(const struct ringsim_geometry){ __VA_ARGS__ })

static void mix_small(struct tc *tc)
{
	mix_run(tc, GEO(.cmdr_size = 8 * 251, .data_blocks = 12), 0, 20000, 400, "KRN-020");
	mix_run(tc, GEO(.cmdr_size = 8 * 97, .data_blocks = 5), 768, 9000, 400, "KRN-020");
}

static void mix_odd(struct tc *tc)
{
	mix_run(tc, GEO(.cmdr_size = 8 * 331, .cmdr_off = 4096, .data_blocks = 30), 2640, 70000,
		300, "KRN-022");
}

static void mix_big_blocks(struct tc *tc)
{
	mix_run(tc, GEO(.cmdr_size = 8 * 199, .data_blocks = 9, .pages_per_blk = 2), 8, 50000, 300,
		"KRN-043");
	mix_run(tc, GEO(.cmdr_size = 8 * 211, .data_blocks = 4, .pages_per_blk = 16), 0, 130000,
		100, "KRN-043");
}

static void mix_fragments(struct tc *tc)
{
	mix_run(tc, GEO(.cmdr_size = 8 * 601, .data_blocks = 120), 4800, 120000, 400, "KRN-040");
	mix_run(tc, GEO(.cmdr_size = 8 * 149, .data_blocks = 40), 0, 60000, 300, "KRN-032");
}

/* A shipping geometry near the end of the ring. */
static void mix_mib(struct tc *tc)
{
	mix_run(tc, GEO(.ring_mb = 1, .data_area_mb = 1), 1048448 - 1000, 60000, 30, "KRN-030");
}

/* PAD or not, at each distance from the end: 8 to 248 bytes left, entries of 120 and 128. */
static void pad_or_flush(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 127, 8);
	uint32_t size = 8 * 127, left, len, want_pad, head;
	struct ringsim_entry e;
	struct target_io io;

	for (left = 8; left <= 248 && !tc->failed; left += 8) {
		for (len = 120; len <= 128; len += 8) {
			o.dev.start = size - left;
			if (target_start(tc->t, &o))
				return;
			if (len == 120)
				work_tur(&io);
			else
				krn_in(&io, NULL, 0);
			target_submit(tc->t, &io);
			want_pad = left < len ? left : 0;
			head = left < len ? len : (size - left + len) % size;
			EXPECT_EQ(tc, "KRN-030", "PADs", left < len, krn_stats(tc).pads);
			EXPECT_EQ(tc, "KRN-030", "cmd_head", head, seat_head(tc->t));
			EXPECT_EQ(tc, "KRN-073", "events", 1, krn_stats(tc).events);
			ringsim_entry_at(target_device(tc->t), 0, &e);
			EXPECT_EQ(tc, "KRN-030", "opcode of the first entry", !want_pad, e.op);
			EXPECT_EQ(tc, "KRN-030", "its length", want_pad ? want_pad : len, e.len);
			EXPECT_EQ(tc, "KRN-030", "its place", size - left, e.off);
			seat_finish_all(tc->t, 0);
			EXPECT(tc, "KRN-030", io.done && !io.status, "no end");
			EXPECT_EQ(tc, "KRN-030", "reclaim pointer", head, krn_stats(tc).reclaim);
		}
	}
}

/*
 * Free space to the byte, from every start: an entry is let in if more bytes are free than it needs
 * with its PAD. What does not fit leaves no PAD behind.
 */
static void free_space(struct tc *tc)
{
	uint32_t size = 8 * 127, start, head, free_bytes, needed, n;
	struct target_opts o = work_opts(8 * 127, 8);
	struct target_io io[9];

	for (start = 0; start < size && !tc->failed; start += 8) {
		o.dev.start = head = start;
		if (target_start(tc->t, &o))
			return;
		for (n = 0; n < 9; n++) {
			needed = size - head < 120 ? size - head + 120 : 120;
			free_bytes = size - (head + size - start) % size - 1;
			krn_turs(tc, &io[n], 1);
			EXPECT_EQ(tc, "KRN-032", "command let in", free_bytes >= needed,
				  krn_stats(tc).queued == 0);
			if (free_bytes < needed)
				break;
			head = (head + needed) % size;
		}
		EXPECT(tc, "KRN-032", n < 9, "the ring takes more than it has");
		EXPECT_EQ(tc, "KRN-031", "cmd_head", head, seat_head(tc->t));
		EXPECT(tc, "KRN-033", head != start,
		       "head and reclaim pointer meet on a full ring");
	}
}

/* Entries that fit to the last: one byte has to stay free, so 8 of them do. */
static void occupancy(struct tc *tc)
{
	struct target_opts o = work_opts(960, 8);
	struct target_io io[12];
	uint32_t i;

	o.dev.start = 360;
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 8); /* 8 * 120 = 960: the eighth would close the circle */
	EXPECT_EQ(tc, "KRN-033", "entries of 120 in 960 bytes", 7, krn_stats(tc).inflight);
	EXPECT(tc, "KRN-033", seat_head(tc->t) != 360, "a full ring looks empty");
	o = work_opts(968, 8);
	o.dev.start = 8;
	if (target_start(tc->t, &o))
		return;
	ringsim_put_raw(target_device(tc->t), 7, 480, 0);
	ringsim_put_raw(target_device(tc->t), 7, 480, 0); /* 960 of 968: the most there can be */
	EXPECT_EQ(tc, "KRN-033", "cmd_head", 0, seat_head(tc->t));
	EXPECT_EQ(tc, "KRN-033", "the least entry on top", -ENOSPC,
		  ringsim_put_raw(target_device(tc->t), 7, 8, 0));
	for (i = 0; i < 2; i++) {
		seat_region(tc->t)[128 + seat_tail(tc->t) + 7] = TCMU_UFLAG_UNKNOWN_OP;
		seat_set_tail(tc->t, (seat_tail(tc->t) + 480) % 968);
	}
	seat_ring(tc->t);
	EXPECT_EQ(tc, "KRN-033", "reclaim pointer", 0, krn_stats(tc).reclaim);
}

/* 65534 entries of 128 bytes in the default ring, 65535 of 120 by lack of ids. */
static void default_capacity(struct tc *tc)
{
	struct ringsim_config cfg = { .qfull_time_out_s = -1 };
	struct ringsim_cmd *cmd = tc_alloc(tc, 65537 * sizeof(*cmd));
	static const uint8_t tur[8], read[10] = { 0x28 };
	struct ringsim_device *dev;
	struct ringsim_stats st;
	uint32_t round, i;

	for (round = 0; round < 2; round++) {
		if (ringsim_device_create(&dev, &cfg, NULL, NULL, NULL, 0)) {
			tc_fail(tc, NULL, "cannot make the device");
			return;
		}
		for (i = 0; i < 65537; i++) {
			cmd[i] = (struct ringsim_cmd){ .cdb = round ? tur : read, .cdb_room = 8 };
			ringsim_submit(dev, &cmd[i]);
		}
		ringsim_stats(dev, &st);
		ringsim_device_destroy(dev);
		EXPECT_EQ(tc, "KRN-033", "entries", round ? 65535 : 65534, st.inflight);
		EXPECT_EQ(tc, "KRN-033", "commands that wait", round ? 0 : 3, st.queued);
		EXPECT_EQ(tc, "KRN-010", "status of one too many", round ? 0x28 : 0,
			  cmd[65535].status);
	}
}

/* What the handler has released but not rung for is not free (TRP-04). */
static void not_rung(struct tc *tc)
{
	struct target_opts o = work_opts(640, 8);
	struct target_io io[6];

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 4);
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_answer(tc->t, 120, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 240);
	krn_turs(tc, &io[4], 1);
	EXPECT_EQ(tc, "KRN-032", "commands that wait", 0, krn_stats(tc).queued);
	krn_turs(tc, &io[5], 1);
	EXPECT_EQ(tc, "KRN-032", "commands that wait", 1, krn_stats(tc).queued);
	EXPECT_EQ(tc, "KRN-031", "PADs", 0, krn_stats(tc).pads);
	EXPECT(tc, "KRN-060", !io[0].done, "reclaimed without a doorbell");
	seat_ring(tc->t);
	EXPECT_EQ(tc, "KRN-032", "commands that wait", 0, krn_stats(tc).queued);
	EXPECT_EQ(tc, "KRN-031", "PADs", 1, krn_stats(tc).pads);
	seat_finish_all(tc->t, 0);
}

/* A legal entry of half the ring, on an empty ring, from every start. */
static void empty_admits(struct tc *tc)
{
	struct target_opts o = work_opts(752, 8);
	struct target_io io;
	uint32_t start;

	for (start = 0; start < 752 && !tc->failed; start += 8) {
		o.dev.start = start;
		if (target_start(tc->t, &o))
			return;
		cdb_none(&io, 0x7f);
		io.cdb[7] = 252; /* 376 bytes */
		target_submit(tc->t, &io);
		EXPECT(tc, "KRN-034", krn_stats(tc).inflight == 1,
		       "an empty ring with head %u does not take half of it", start);
		seat_finish_all(tc->t, 0);
		EXPECT(tc, "KRN-034", io.done && !io.status, "no end from start %u", start);
	}
}

/* Holes, pads, unused iov room and the CDB's padding, over what a lap before left there. */
static void zero_fill(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 64);
	struct krn_oracle orc;
	struct seat_entry e;
	struct target_io io;
	uint32_t lap, i;

	krn_oracle_init(tc, &orc, &o.dev);
	if (target_start(tc->t, &o))
		return;
	for (lap = 0; lap < 40; lap++) {
		cdb_in(&io, lap % 3 ? 0x12 : 0x7f, NULL, 0);
		for (i = 1; i < sizeof(io.cdb); i++)
			io.cdb[i] = (uint8_t)(0x80 | i);
		io.cdb[7] = (uint8_t)(lap * 5);
		krn_oracle_submit(&orc, &io);
		target_submit(tc->t, &io);
		if (!krn_oracle_equal(tc, "KRN-021", &orc))
			return;
		/* the answer leaves ones in all it may touch */
		krn_next(tc, &e);
		i = e.off;
		memset(seat_region(tc->t) + 128 + i + 8, 0xff, 104);
		seat_region(tc->t)[128 + i + 8] = 0x30;
		seat_set_tail(tc->t, seat_head(tc->t));
		seat_ring(tc->t);
		EXPECT_EQ(tc, "KRN-071", "status", 0x30, io.status);
		krn_oracle_stored(tc, &orc, i);
		krn_oracle_pass(&orc);
		krn_oracle_free(&orc, 1);
	}
}

/* cdb_off is the entry's place and base, wherever ring and entry start. */
static void cdb_place(struct tc *tc)
{
	static const uint32_t offs[] = { 128, 136, 4096, 65544 };
	struct target_opts o = work_opts(8 * 997, 16);
	struct target_io io;
	struct seat_entry e;
	uint32_t i, n;

	for (i = 0; i < 4; i++) {
		static const uint32_t busy[] = { 1, 3, 5, 7, UINT32_MAX };

		o.dev.geo.cmdr_off = offs[i];
		o.dev.start = 8 * i;
		if (target_start(tc->t, &o) || !krn_busy_blocks(tc, busy))
			return;
		for (n = 0; n <= 6; n++) {
			krn_in(&io, NULL, n * 4096);
			target_submit(tc->t, &io);
			seat_entry(tc->t, seat_tail(tc->t), &e);
			EXPECT_EQ(tc, "KRN-022", "cdb_off",
				  offs[i] + e.off + (n < 5 ? 112 : 48 + 16 * (n < 5 ? n : 5)),
				  e.cdb_off);
			EXPECT_EQ(tc, "KRN-023", "iov_cnt", n < 5 ? n : 5, e.iov_cnt);
			EXPECT_EQ(tc, "KRN-023", "cmd_id", 1, e.id);
			EXPECT_MEM(tc, "KRN-022", "CDB", io.cdb, seat_region(tc->t) + e.cdb_off,
				   10);
			seat_finish(tc->t, 8);
		}
	}
}

static const struct case_def rows[] = {
	{ "krn.020.mix-small", "KRN-020 KRN-021 KRN-023 KRN-024 KRN-046 KRN-050", CLAUSE_MUST, SEAT,
	  "random load on small rings, all bytes compared", mix_small },
	{ "krn.022.mix-odd", "KRN-022 KRN-020 KRN-024 KRN-030 KRN-032", CLAUSE_MUST, SEAT,
	  "random load, ring elsewhere and of prime length", mix_odd },
	{ "krn.043.mix-blocks", "KRN-043 KRN-044 KRN-013 KRN-046", CLAUSE_MUST, SEAT,
	  "random load, blocks of 2 and 16 pages", mix_big_blocks },
	{ "krn.040.mix-fragments", "KRN-040 KRN-043 KRN-044 KRN-050", CLAUSE_MUST, SEAT,
	  "random load, many fragments", mix_fragments },
	{ "krn.030.mix-mib", "KRN-030 KRN-024 KRN-040", CLAUSE_MUST, SEAT,
	  "random load over the end of a ring of 1 MiB", mix_mib },
	{ "krn.021.zero-fill", "KRN-021", CLAUSE_MUST, SEAT,
	  "entries are zeroed over the bytes of earlier laps", zero_fill },
	{ "krn.022.cdb-place", "KRN-022 KRN-023", CLAUSE_MUST, SEAT,
	  "where the CDB is, with 0 to 5 iovs and other ring offsets", cdb_place },
	{ "krn.030.pad-or-flush", "KRN-030 KRN-031 KRN-073 KRN-024", CLAUSE_MUST, SEAT,
	  "a PAD if and only if the entry does not fit before the end", pad_or_flush },
	{ "krn.032.free-space", "KRN-032 KRN-031 KRN-033", CLAUSE_MUST, SEAT,
	  "what fits, to the byte, from every start", free_space },
	{ "krn.032.not-rung", "KRN-032 KRN-031 KRN-060", CLAUSE_MUST, SEAT,
	  "space counts from the reclaim pointer", not_rung },
	{ "krn.033.occupancy", "KRN-033 KRN-032", CLAUSE_MUST, SEAT,
	  "a full ring keeps 8 bytes free", occupancy },
	{ "krn.033.default", "KRN-033 KRN-050", CLAUSE_MUST, SEAT,
	  "how many entries the default ring holds", default_capacity },
	{ "krn.034.empty-admits", "KRN-034", CLAUSE_MUST, SEAT,
	  "an empty ring takes half of it, wherever it stands", empty_admits },
};

CASE_TABLE(cases_krn_entry);
