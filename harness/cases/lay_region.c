/* SPDX-License-Identifier: MIT */
/* Geometry of the region, and the contract's worked examples: LAY-060 to LAY-080. */
#include "krn.h"

#include "cdb.h"

#define SIM (NEEDS_SEAT | NEEDS_SIM)

/* Ring of @mb MiB, used at @at: where it ends, the largest command, where data starts. */
static void areas_at(struct tc *tc, uint32_t mb, uint32_t at, uint32_t cmdr_size, uint32_t largest,
		     uint64_t data_off)
{
	struct target_opts o = krn_opts();
	struct seat_entry e;
	struct target_io io;
	uint8_t byte = 0x5a;

	o.dev.geo.ring_mb = mb;
	o.dev.start = at;
	if (tc->failed || target_start(tc->t, &o))
		return;
	EXPECT_EQ(tc, "LAY-060", "cmdr_off", 128, *(uint32_t *)(void *)(seat_region(tc->t) + 4));
	EXPECT_EQ(tc, "LAY-060", "cmdr_size", cmdr_size,
		  *(uint32_t *)(void *)(seat_region(tc->t) + 8));
	EXPECT_EQ(tc, "LAY-061", "map0", data_off + (1 << 20), seat_map_size(tc->t));
	EXPECT_EQ(tc, "LAY-060", "half the ring", largest, cmdr_size / 2);
	EXPECT_EQ(tc, "LAY-060", "cmd_head", at, seat_head(tc->t));
	krn_out(&io, &byte, 1);
	krn_submit(tc, &io);
	EXPECT_EQ(tc, "LAY-060", "cmd_head", (at + 128) % cmdr_size, seat_head(tc->t));
	SIM_EQ(tc, "LAY-060", "PADs", 0, pads);
	seat_entry(tc->t, at, &e);
	EXPECT_EQ(tc, "LAY-060", "iov_base", data_off, (uintptr_t)e.iov[0].iov_base);
	EXPECT_EQ(tc, "LAY-060", "first data byte", 0x5a, seat_region(tc->t)[data_off]);
	seat_finish_all(tc->t, 0);
}

static void areas(struct tc *tc, uint32_t mb, uint32_t cmdr_size, uint32_t largest,
		  uint64_t data_off)
{
	areas_at(tc, mb, 0, cmdr_size, largest, data_off);
	if (!tc->failed && krn_sim(tc)) /* a simulator gets there at once: flush with the end */
		areas_at(tc, mb, cmdr_size - 128, cmdr_size, largest, data_off);
}

static void ring_sizes(struct tc *tc)
{
	areas(tc, 1, 1048448, 524224, 0x100000);
	areas(tc, 2, 2097024, 1048512, 0x200000);
	areas(tc, 4, 4194176, 2097088, 0x400000);
	areas(tc, 8, 8388480, 4194240, 0x800000);
	areas(tc, 9, 8388480, 4194240, 0x800000); /* clamped */
	areas(tc, 0, 8388480, 4194240, 0x800000); /* default */
}

/* The largest command in a ring of @size bytes has just half of it; 8 bytes more are too many. */
static void largest(struct tc *tc)
{
	struct target_opts o = work_opts(752, 8);
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	cdb_none(&io, 0x7f);
	io.cdb[7] = 252; /* 112 + 264 = 376 */
	target_submit(tc->t, &io);
	EXPECT(tc, "LAY-060", !io.done, "376 bytes of 752 were refused");
	seat_finish_all(tc->t, 0);
	o = work_opts(744, 8);
	if (target_start(tc->t, &o))
		return;
	target_submit(tc->t, &io);
	EXPECT_ENDED(tc, "LAY-060", &io, RINGSIM_REFUSED, 2, 5, 0x24, 0);
	io.cdb[7] = 244; /* 112 + 256 = 368, of 372 */
	target_submit(tc->t, &io);
	EXPECT(tc, "LAY-060", !io.done, "368 bytes of 744 were refused");
	seat_finish_all(tc->t, 0);
}

static void map0_size(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;

	o.dev.geo = (struct ringsim_geometry){ 0 };
	if (target_start(tc->t, &o))
		return;
	EXPECT_EQ(tc, "LAY-061", "default map0", 1082130432, seat_map_size(tc->t));
	o.dev.geo = (struct ringsim_geometry){ .ring_mb = 3, .data_area_mb = 7 };
	if (target_start(tc->t, &o))
		return;
	EXPECT_EQ(tc, "LAY-061", "map0", 10 << 20, seat_map_size(tc->t));
	/* it does not shrink because the last block does not fit in */
	o.dev.geo.pages_per_blk = 5;
	if (target_start(tc->t, &o))
		return;
	EXPECT_EQ(tc, "LAY-061", "map0", 10 << 20, seat_map_size(tc->t));
	if (!krn_sim(tc))
		return; /* the page size is the machine's */
	o.dev.geo.page_size = 65536;
	if (target_start(tc->t, &o))
		return;
	EXPECT_EQ(tc, "LAY-061", "map0", 10 << 20, seat_map_size(tc->t));
}

/*
 * Where each block lies, and how many there are: a command for each of them, one more that waits,
 * one over all of them, one that needs a byte more than they hold.
 */
static void blocks(struct tc *tc, const struct ringsim_geometry *geo, uint32_t count,
		   uint32_t blk_size, uint64_t data_off)
{
	struct target_opts o = TARGET_OPTS;
	struct target_io *io = tc_alloc(tc, (count + 1) * sizeof(*io));
	struct seat_entry e;
	uint32_t d;

	o.dev.geo = *geo;
	if (tc->failed || target_start(tc->t, &o))
		return;
	for (d = 0; d < count; d++) {
		krn_in(&io[d], NULL, 1);
		krn_submit(tc, &io[d]);
		seat_entry(tc->t, d * 128, &e);
		EXPECT_EQ(tc, "LAY-062", "start of a block", data_off + (uint64_t)d * blk_size,
			  (uintptr_t)e.iov[0].iov_base);
		krn_keep(tc);
		EXPECT(tc, "LAY-062", krn_ended(tc, &io[d]), "no end");
	}
	krn_in(&io[count], NULL, 1);
	krn_submit(tc, &io[count]);
	EXPECT(tc, "LAY-062", krn_pending(tc, &io[count]), "ended without a block");
	EXPECT_EQ(tc, "LAY-062", "cmd_head", count * 128, seat_head(tc->t));
	SIM_EQ(tc, "LAY-062", "commands without a block", 1, queued);
	target_reset_ring(tc->t, 1);
	seat_finish_all(tc->t, 8);
	krn_in(&io[0], NULL, count * blk_size);
	krn_submit(tc, &io[0]);
	EXPECT(tc, "LAY-062", krn_pending(tc, &io[0]), "max_blocks blocks were refused");
	EXPECT_EQ(tc, "LAY-062", "cmd_head", 256, seat_head(tc->t));
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "LAY-062", krn_ended(tc, &io[0]), "no end");
	krn_in(&io[1], NULL, count * blk_size + 1);
	krn_submit(tc, &io[1]);
	EXPECT_ENDED(tc, "LAY-062", &io[1], RINGSIM_REFUSED, 2, 5, 0x24, 0);
}

#define GEO(...) (&(const struct ringsim_geometry){ __VA_ARGS__ })

static void data_blocks(struct tc *tc)
{
	blocks(tc, GEO(.ring_mb = 1, .data_area_mb = 1), KRN_BLOCKS, 4096, KRN_DATA);
	blocks(tc, GEO(.ring_mb = 2, .data_area_mb = 1, .pages_per_blk = 2), 128, 8192, 0x200000);
	blocks(tc, GEO(.ring_mb = 1, .data_area_mb = 1, .pages_per_blk = 16), 16, 65536, 0x100000);
	blocks(tc, GEO(.ring_mb = 1, .data_area_mb = 2, .pages_per_blk = 48), 10, 196608, 0x100000);
}

/* Shapes that no kernel on this machine makes. */
static void data_blocks_odd(struct tc *tc)
{
	blocks(tc, GEO(.ring_mb = 1, .data_area_mb = 1, .page_size = 65536), 16, 65536, 0x100000);
	blocks(tc, GEO(.cmdr_size = 8 * 1009, .cmdr_off = 4096, .data_blocks = 9), 9, 4096, 12288);
}

/* The same ring over quite different data areas: nothing in the mailbox tells them apart. */
static void unpublished(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	uint8_t first[128];

	if (target_start(tc->t, &o))
		return;
	memcpy(first, seat_region(tc->t), 128);
	o.dev.geo.pages_per_blk = 16;
	o.dev.geo.data_area_mb = 5;
	if (target_start(tc->t, &o))
		return;
	EXPECT_MEM(tc, "LAY-063", "mailbox", first, seat_region(tc->t), 128);
}

/* What the examples start from: the default geometry, as if just enabled. */
static bool by_default(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;

	o.exact = true;
	o.dev.geo = (struct ringsim_geometry){ 0 };
	return !target_start(tc->t, &o);
}

static void example_a(struct tc *tc)
{
	static const uint8_t want[128] = {
		0x81,
		0,
		0,
		0,
		1,
		0,
		0,
		0, /* len_op, cmd_id, kflags, uflags */
		1,
		0,
		0,
		0,
		0,
		0,
		0,
		0, /* iov_cnt, iov_bidi_cnt */
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0, /* iov_dif_cnt, hole */
		240,
		0,
		0,
		0,
		0,
		0,
		0,
		0, /* cdb_off */
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0, /* pads */
		0,
		0,
		0x80,
		0,
		0,
		0,
		0,
		0,
		0,
		0x10,
		0,
		0,
		0,
		0,
		0,
		0, /* iov[0] */
		[112] = 0x28,
		0,
		0x01,
		0x02,
		0x03,
		0x04,
		0,
		0,
		8,
		0,
	};
	static const uint8_t cdb[10] = { 0x28, 0, 1, 2, 3, 4, 0, 0, 8, 0 };
	struct target_io io;
	uint8_t buf[4096], after[128] = { 0 };

	if (!by_default(tc))
		return;
	target_io_init(&io, cdb, 10, RINGSIM_FROM_DEVICE, buf, sizeof(buf));
	krn_submit(tc, &io);
	EXPECT_MEM(tc, "LAY-070", "entry", want, seat_region(tc->t) + 128, 128);
	EXPECT_EQ(tc, "LAY-070", "cmd_head", 128, seat_head(tc->t));
	if (krn_sim(tc)) /* of a kernel's device this need not be the first use */
		EXPECT_MEM(tc, "LAY-070", "what follows", after, seat_region(tc->t) + 256, 128);
	seat_finish_all(tc->t, 8);
}

static void example_b(struct tc *tc)
{
	static const uint32_t busy[] = { 0, 2, UINT32_MAX };
	static const uint64_t want[4] = { 0x801000, 4096, 0x803000, 8192 };
	struct target_io io;
	uint8_t *entry;
	uint32_t two = 2;

	if (!by_default(tc) || !krn_busy_blocks(tc, busy))
		return;
	entry = seat_region(tc->t) + 128 + seat_head(tc->t);
	krn_in(&io, NULL, 12288);
	krn_submit(tc, &io);
	EXPECT_MEM(tc, "LAY-071", "iov_cnt", &two, entry + 8, 4);
	EXPECT_MEM(tc, "LAY-071", "iovs", want, entry + 48, sizeof(want));
	seat_finish_all(tc->t, 8);
}

static void example_c(struct tc *tc)
{
	static const uint32_t busy[] = { 1, 3, 5, 7, UINT32_MAX };
	uint32_t head, len_op = 144 | 1, five = 5;
	struct target_io io;
	uint64_t cdb_off;
	uint8_t *entry;

	if (!by_default(tc) || !krn_busy_blocks(tc, busy))
		return;
	head = seat_head(tc->t);
	entry = seat_region(tc->t) + 128 + head;
	cdb_off = 128 + head + 128;
	krn_in(&io, NULL, 5 * 4096);
	krn_submit(tc, &io);
	EXPECT_MEM(tc, "LAY-072", "len_op", &len_op, entry, 4);
	EXPECT_MEM(tc, "LAY-072", "iov_cnt", &five, entry + 8, 4);
	EXPECT_MEM(tc, "LAY-072", "cdb_off", &cdb_off, entry + 24, 8);
	EXPECT_MEM(tc, "LAY-072", "CDB", io.cdb, seat_region(tc->t) + cdb_off, 10);
	EXPECT_EQ(tc, "LAY-072", "cmd_head", head + 144, seat_head(tc->t));
	seat_finish_all(tc->t, 8);
}

static void example_d(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io[32];
	uint64_t pad = 8;
	uint32_t done, n, i;

	o.exact = true;
	o.dev.sanitize = false; /* 8737 commands */
	if (target_start(tc->t, &o))
		return;
	for (done = 0; done < 8737; done += n) {
		n = 8737 - done < 32 ? 8737 - done : 32;
		krn_turs(tc, io, n);
		EXPECT_EQ(tc, "LAY-073", "cmd_head", (done + n) * 120, seat_head(tc->t));
		seat_finish_all(tc->t, 0);
		for (i = 0; i < n; i++)
			EXPECT(tc, "LAY-073", krn_ended(tc, &io[i]) && !io[i].status,
			       "command %u did not end", done + i);
	}
	EXPECT_EQ(tc, "LAY-073", "cmd_head", 1048440, seat_head(tc->t));
	SIM_EQ(tc, "LAY-073", "PADs so far", 0, pads);
	krn_turs(tc, io, 1);
	EXPECT_MEM(tc, "LAY-073", "PAD", &pad, seat_region(tc->t) + 128 + 1048440, 8);
	EXPECT_EQ(tc, "LAY-073", "cmd_head", 120, seat_head(tc->t));
	EXPECT_EQ(tc, "LAY-073", "len_op at ring offset 0", 120 | 1, seat_region(tc->t)[128]);
	seat_finish_all(tc->t, 0);
}

/*
 * The end of a lap, and a bit of the next, of entries of @len bytes on a ring of @mb MiB: how many
 * PADs are there? They are counted by walking the ring.
 */
static uint32_t lap(struct tc *tc, uint32_t mb, uint32_t len)
{
	struct target_opts o = krn_opts();
	struct target_io *io = tc_alloc(tc, 64 * sizeof(*io));
	uint32_t i, pads = 0, at, size = mb * 1048576 - 128;
	struct seat_entry e;

	o.dev.geo.ring_mb = mb;
	o.dev.sanitize = false;
	/* entries do not depend on what was before: start close enough to the end */
	if (tc->failed || !krn_start_at(tc, &o, size / len * len - 32 * len))
		return 0;
	for (i = 0; i < 64; i++) {
		if (len == 120)
			work_tur(&io[i]);
		else
			krn_in(&io[i], NULL, 0);
		target_submit(tc->t, &io[i]);
	}
	target_settle(tc->t);
	for (at = seat_tail(tc->t); at != seat_head(tc->t); at = seat_next(tc->t, &e)) {
		seat_entry(tc->t, at, &e);
		if (!e.len)
			break;
		pads += e.op == TCMU_OP_PAD;
	}
	seat_finish_all(tc->t, 0);
	for (i = 0; i < 64; i++)
		if (!krn_ended(tc, &io[i]) || io[i].status)
			tc_fail(tc, "LAY-074", "entry %u of %u bytes was refused", i, len);
	if (krn_sim(tc) && krn_stats(tc).pads != pads)
		tc_fail(tc, "LAY-074", "found %u PADs on the ring of %llu", pads,
			(unsigned long long)krn_stats(tc).pads);
	return pads;
}

static void never_pads(struct tc *tc)
{
	EXPECT_EQ(tc, "LAY-074", "PADs, 1 MiB, entries of 128", 0, lap(tc, 1, 128));
	EXPECT_EQ(tc, "LAY-074", "cmd_head", 32 * 128, seat_head(tc->t));
	EXPECT_EQ(tc, "LAY-074", "PADs, 1 MiB, entries of 120", 1, lap(tc, 1, 120));
	EXPECT_EQ(tc, "LAY-074", "cmd_head", 32 * 120, seat_head(tc->t));
}

/* Laps of 65535 and 69904 commands, which only a simulator can leave out. */
static void never_pads_default(struct tc *tc)
{
	EXPECT_EQ(tc, "LAY-074", "default ring / 120", 8388480, 120 * 69904);
	EXPECT_EQ(tc, "LAY-074", "default ring / 128", 8388480, 128 * 65535);
	EXPECT_EQ(tc, "LAY-074", "PADs, 8 MiB, entries of 120", 0, lap(tc, 8, 120));
	EXPECT_EQ(tc, "LAY-074", "cmd_head", 32 * 120, seat_head(tc->t));
	EXPECT_EQ(tc, "LAY-074", "PADs, 8 MiB, entries of 128", 0, lap(tc, 8, 128));
	EXPECT_EQ(tc, "LAY-074", "cmd_head", 32 * 128, seat_head(tc->t));
}

/* The whole table: 0 to 8 iovs by CDBs of each length, all on one device. */
static void lengths(struct tc *tc)
{
	static const uint8_t ops[] = { 0x00, 0x28, 0xa8, 0x88, 0x7f, 0x7f };
	static const uint32_t want[9][6] = {
		{ 120, 128, 128, 128, 144, 376 }, { 120, 128, 128, 128, 144, 376 },
		{ 120, 128, 128, 128, 144, 376 }, { 120, 128, 128, 128, 144, 376 },
		{ 120, 128, 128, 128, 144, 376 }, { 136, 144, 144, 144, 160, 392 },
		{ 152, 160, 160, 160, 176, 408 }, { 168, 176, 176, 176, 192, 424 },
		{ 184, 192, 192, 192, 208, 440 },
	};
	static const uint32_t busy[] = { 1, 3, 5, 7, 9, 11, 13, 15, UINT32_MAX };
	struct target_opts o = krn_opts();
	struct seat_entry e;
	struct target_io io;
	uint32_t n, k, i, head;

	if (target_start(tc->t, &o) || !krn_busy_blocks(tc, busy))
		return;
	for (n = 0; n <= 8; n++) {
		/* an iSCSI initiator has CDBs of 16 bytes at most */
		for (k = 0; k < (krn_sim(tc) ? 6 : 4); k++) {
			cdb_in(&io, ops[k], NULL, n * 4096);
			for (i = 1; i < sizeof(io.cdb); i++)
				io.cdb[i] = (uint8_t)(i * 3 + 1);
			io.cdb[7] = k == 4 ? 24 : 252;
			krn_submit(tc, &io);
			EXPECT(tc, "LAY-080", !io.done, "%u iovs: ended", n);
			head = seat_tail(tc->t);
			seat_entry(tc->t, head, &e);
			EXPECT_EQ(tc, "LAY-080", "iovs", n, e.iov_cnt);
			EXPECT_EQ(tc, "LAY-080", "length", want[n][k], e.len);
			EXPECT_EQ(tc, "LAY-080", "base", n <= 4 ? 112 : 48 + 16 * n,
				  e.cdb_off - 128 - head);
			EXPECT_EQ(tc, "LAY-080", "cmd_head", head + want[n][k], seat_head(tc->t));
			EXPECT_MEM(tc, "LAY-080", "CDB", io.cdb, e.cdb, krn_cdb_len(io.cdb));
			seat_finish(tc->t, 8);
			EXPECT(tc, "LAY-080", krn_ended(tc, &io), "no end");
		}
	}
}

static const struct case_def rows[] = {
	{ "lay.060.ring-sizes", "LAY-060 LAY-061 DIS-16", CLAUSE_MUST, NEEDS_SEAT,
	  "rings of 1, 2, 4 and 8 MiB, more is clamped", ring_sizes },
	{ "lay.060.largest", "LAY-060 KRN-010", CLAUSE_MUST, SIM,
	  "a command may have just half the ring", largest },
	{ "lay.061.map0", "LAY-061", CLAUSE_MUST, NEEDS_SEAT, "size of map0", map0_size },
	{ "lay.062.blocks", "LAY-062 KRN-013", CLAUSE_MUST, NEEDS_SEAT,
	  "where each data block is, and how many there are", data_blocks },
	{ "lay.062.odd", "LAY-062", CLAUSE_MUST, SIM, "the same with larger pages and odd rings",
	  data_blocks_odd },
	{ "lay.063.unpublished", "LAY-063", CLAUSE_MUST, NEEDS_SEAT,
	  "the mailbox does not tell data geometries apart", unpublished },
	{ "lay.070.one-block", "LAY-070 LAY-002 KRN-021", CLAUSE_MUST, NEEDS_SEAT,
	  "worked example A: READ(10) of 4096 bytes", example_a },
	{ "lay.071.fragmented", "LAY-071 KRN-040 KRN-043", CLAUSE_MUST, NEEDS_SEAT,
	  "worked example B: blocks 1, 3 and 4", example_b },
	{ "lay.072.five-iovs", "LAY-072 KRN-022", CLAUSE_MUST, NEEDS_SEAT,
	  "worked example C: five iovs", example_c },
	{ "lay.073.shortest-pad", "LAY-073 LAY-050 KRN-030", CLAUSE_MUST, NEEDS_SEAT,
	  "worked example D: after 8737 entries of 120 bytes", example_d },
	{ "lay.074.never-pads", "LAY-074 KRN-030", CLAUSE_MUST, NEEDS_SEAT,
	  "entries of 128 bytes wrap a ring of 1 MiB flush, those of 120 do not", never_pads },
	{ "lay.074.default", "LAY-074 KRN-030", CLAUSE_MUST, SIM,
	  "uniform traffic wraps the default ring flush", never_pads_default },
	{ "lay.080.lengths", "LAY-080 KRN-020 KRN-012", CLAUSE_MUST, NEEDS_SEAT,
	  "length of every entry with 0 to 8 iovs", lengths },
};

CASE_TABLE(cases_lay_region);
