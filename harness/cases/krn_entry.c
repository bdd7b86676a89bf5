/* SPDX-License-Identifier: MIT */
/*
 * Entries, PADs and ring space, one by one.
 * Clauses: KRN-020 to KRN-034; TRP-04 to TRP-11, TRP-14.
 */
#include "krn.h"

#include "cdb.h"

#define SIM (NEEDS_SEAT | NEEDS_SIM)
/* At some of these distances from the end of a ring of 1 MiB, lap after lap. */
static void pad_or_flush_mib(struct tc *tc)
{
	static const uint32_t rows[][2] = { /* bytes left, entry */
					    { 8, 120 },	  { 112, 120 }, { 120, 120 },
					    { 120, 128 }, { 128, 128 }, { 248, 120 }
	};
	struct target_opts o = krn_opts();
	uint32_t i, left, len, head, events;
	struct target_io io;
	struct seat_entry e;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]) && !tc->failed; i++) {
		left = rows[i][0];
		len = rows[i][1];
		if (!krn_start_at(tc, &o, KRN_RING - left))
			return;
		events = target_events(tc->t);
		if (len == 120)
			work_tur(&io);
		else
			krn_in(&io, NULL, 0);
		krn_submit(tc, &io);
		head = left < len ? len : (KRN_RING - left + len) % KRN_RING;
		EXPECT_EQ(tc, "KRN-030", "cmd_head", head, seat_head(tc->t));
		EXPECT_EQ(tc, "KRN-073", "events", events + 1, target_events(tc->t));
		seat_entry(tc->t, KRN_RING - left, &e);
		EXPECT_EQ(tc, "KRN-030", "opcode of the first entry", left >= len, e.op);
		EXPECT_EQ(tc, "KRN-030", "its length", left < len ? left : len, e.len);
		if (left < len)
			EXPECT_EQ(tc, "LAY-050", "its cmd_id and flags", 0,
				  e.id | e.kflags | e.uflags);
		seat_finish_all(tc->t, 0);
		EXPECT(tc, "KRN-030", krn_ended(tc, &io) && !io.status, "no end");
		SIM_EQ(tc, "KRN-030", "reclaim pointer", head, reclaim);
	}
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

/* The entries of 120 bytes that a ring of 1 MiB takes: all but 8 bytes. */
#define FULL (KRN_RING / 120)

static bool fill(struct tc *tc, struct target_io *io)
{
	uint32_t done, n;

	for (done = 0; done < FULL && !tc->failed; done += n) {
		n = FULL - done < 64 ? FULL - done : 64;
		krn_turs(tc, io + done, n);
		if (seat_head(tc->t) != (done + n) * 120)
			tc_fail(tc, "KRN-033", "cmd_head after %u entries: expected %u, found %u",
				done + n, (done + n) * 120, seat_head(tc->t));
	}
	return !tc->failed;
}

/*
 * A ring of 1 MiB, full to the last byte that may be used. 127 bytes free do not take 120 with a
 * PAD of 8; what does not fit leaves no PAD behind.
 */
static void full_mib(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, (FULL + 1) * sizeof(*io));
	struct target_opts o = krn_opts();
	struct seat_entry e;
	uint64_t pad = 8;
	uint32_t i;

	o.dev.cmd_time_out_s = 0;
	o.dev.qfull_time_out_s = 600;
	if (target_start(tc->t, &o) || !fill(tc, io))
		return;
	EXPECT_EQ(tc, "KRN-033", "cmd_head of a full ring", KRN_RING - 8, seat_head(tc->t));
	krn_turs(tc, &io[FULL], 1);
	EXPECT(tc, "KRN-032", krn_pending(tc, &io[FULL]), "ended with status 0x%02x",
	       io[FULL].status);
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-061", krn_ended(tc, &io[0]), "no end");
	EXPECT_EQ(tc, "KRN-032", "cmd_head with 127 bytes free", KRN_RING - 8, seat_head(tc->t));
	seat_finish(tc->t, 0);
	EXPECT_EQ(tc, "KRN-032", "cmd_head with 247 bytes free", 120, seat_head(tc->t));
	EXPECT_MEM(tc, "KRN-030", "PAD", &pad, seat_region(tc->t) + 128 + KRN_RING - 8, 8);
	seat_entry(tc->t, 0, &e);
	EXPECT(tc, "KRN-080", e.op == TCMU_OP_CMD && e.id == 1, "what waited is not at 0");
	SIM_EQ(tc, "KRN-032", "commands that wait", 0, queued);
	seat_finish_all(tc->t, 0);
	for (i = 0; i <= FULL; i++)
		EXPECT(tc, "KRN-032", krn_ended(tc, &io[i]) && !io[i].status, "command %u: no end",
		       i);
	EXPECT_EQ(tc, "KRN-024", "cmd_tail", 120, seat_tail(tc->t));
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

/* Holes, pads, unused iov room and the CDB's padding, over what was in their place before. */
static void zero_fill(struct tc *tc)
{
	static const uint8_t ops[] = { 0x12, 0x28, 0xa8, 0x88 };
	struct target_opts o = krn_opts();
	struct krn_oracle orc;
	struct target_io io;
	uint32_t round, i;

	krn_oracle_init(tc, &orc, &o.dev);
	tc_expect_violation(tc, "HND-023"); /* stores beyond the head */
	tc_expect_violation(tc, "HND-039");
	if (target_start(tc->t, &o))
		return;
	for (round = 0; round < 16; round++) {
		cdb_in(&io, ops[round % 4], NULL, 3000 * (round / 4));
		for (i = 1; i < 16; i++)
			io.cdb[i] = (uint8_t)(0x80 | i);
		memset(seat_region(tc->t) + 128, 0xff, 512);
		krn_oracle_look(tc, &orc);
		krn_oracle_submit(&orc, &io);
		krn_submit(tc, &io);
		if (!krn_oracle_equal(tc, "KRN-021", &orc))
			return;
		seat_finish_all(tc->t, 8);
		EXPECT(tc, "KRN-021", krn_ended(tc, &io), "no end");
		krn_oracle_free(&orc, 1);
		EXPECT_EQ(tc, "KRN-111", "reset_ring", 0, target_reset_ring(tc->t, 1));
	}
}

/* On many laps: holes, pads, unused iov room and the CDB's padding, over what a lap before left
 * there. */
static void zero_fill_laps(struct tc *tc)
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
static void cdb_places(struct tc *tc, const struct target_opts *opts, const uint32_t *offs,
		       uint32_t n_offs)
{
	struct target_opts o = *opts;
	struct target_io io;
	struct seat_entry e;
	uint32_t i, n;

	for (i = 0; i < n_offs; i++) {
		static const uint32_t busy[] = { 1, 3, 5, 7, UINT32_MAX };

		o.dev.geo.cmdr_off = offs[i];
		o.dev.start = 8 * i;
		if (target_start(tc->t, &o) || !krn_busy_blocks(tc, busy))
			return;
		for (n = 0; n <= 6; n++) {
			krn_in(&io, NULL, n * 4096);
			krn_submit(tc, &io);
			if (!krn_cmd(tc, 0, &e))
				return;
			EXPECT_EQ(tc, "KRN-022", "cdb_off",
				  (offs[i] ? offs[i] : 128) + e.off +
					  (n < 5 ? 112 : 48 + 16 * (n < 5 ? n : 5)),
				  e.cdb_off);
			EXPECT_EQ(tc, "KRN-023", "iov_cnt", n < 5 ? n : 5, e.iov_cnt);
			EXPECT_EQ(tc, "KRN-023", "cmd_id", 1, e.id);
			EXPECT_MEM(tc, "KRN-022", "CDB", io.cdb, seat_region(tc->t) + e.cdb_off,
				   10);
			seat_finish(tc->t, 8);
			EXPECT(tc, "KRN-022", krn_ended(tc, &io), "no end");
		}
	}
}

static void cdb_place(struct tc *tc)
{
	static const uint32_t offs[] = { 0 }; /* as it is */
	struct target_opts o = krn_opts();

	cdb_places(tc, &o, offs, 1);
}

static void cdb_place_odd(struct tc *tc)
{
	static const uint32_t offs[] = { 128, 136, 4096, 65544 };
	struct target_opts o = work_opts(8 * 997, 16);

	cdb_places(tc, &o, offs, 4);
}

static const struct case_def rows[] = {
	{ "krn.021.zero-fill", "KRN-021", CLAUSE_MUST, NEEDS_SEAT,
	  "entries are zeroed over the bytes of earlier laps", zero_fill },
	{ "krn.021.laps", "KRN-021", CLAUSE_MUST, SIM,
	  "entries are zeroed on each lap of a small ring", zero_fill_laps },
	{ "krn.022.cdb-place", "KRN-022 KRN-023", CLAUSE_MUST, NEEDS_SEAT,
	  "where the CDB is, with 0 to 5 iovs", cdb_place },
	{ "krn.022.cdb-place-odd", "KRN-022 KRN-023", CLAUSE_MUST, SIM,
	  "where the CDB is, with other ring offsets", cdb_place_odd },
	{ "krn.030.mib", "KRN-030 KRN-031 KRN-073 KRN-024 LAY-050", CLAUSE_MUST, NEEDS_SEAT,
	  "a PAD if and only if needed, at the end of a ring of 1 MiB", pad_or_flush_mib },
	{ "krn.030.pad-or-flush", "KRN-030 KRN-031 KRN-073 KRN-024", CLAUSE_MUST, SIM,
	  "a PAD if and only if the entry does not fit before the end", pad_or_flush },
	{ "krn.032.free-space", "KRN-032 KRN-031 KRN-033", CLAUSE_MUST, SIM,
	  "what fits, to the byte, from every start", free_space },
	{ "krn.032.not-rung", "KRN-032 KRN-031 KRN-060", CLAUSE_MUST, SIM,
	  "space counts from the reclaim pointer", not_rung },
	{ "krn.033.mib", "KRN-033 KRN-032 KRN-031 KRN-030 KRN-080 KRN-024", CLAUSE_MUST, NEEDS_SEAT,
	  "8737 commands on a ring of 1 MiB, and one that waits", full_mib },
	{ "krn.033.occupancy", "KRN-033 KRN-032", CLAUSE_MUST, SIM,
	  "a full ring keeps 8 bytes free", occupancy },
	{ "krn.033.default", "KRN-033 KRN-050", CLAUSE_MUST, SIM,
	  "how many entries the default ring holds", default_capacity },
	{ "krn.034.empty-admits", "KRN-034", CLAUSE_MUST, SIM,
	  "an empty ring takes half of it, wherever it stands", empty_admits },
};

CASE_TABLE(cases_krn_entry);
