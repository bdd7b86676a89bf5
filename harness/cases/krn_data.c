/* SPDX-License-Identifier: MIT */
/*
 * Data blocks, iovs, directions. Clauses: KRN-040 to KRN-047; TRP-10, TRP-11, TRP-44,
 * TRP-53.
 */
#include "krn.h"

#include "cdb.h"

#define SIM    (NEEDS_SEAT | NEEDS_SIM)
#define PROBE  (NEEDS_SEAT | NEEDS_PROBE)
#define PIECES 200

/* First fit from block 0, always: what got free below is taken before what is next. */
static void first_fit(struct tc *tc)
{
	static const uint32_t busy[] = { 0, 1, 4, 5, 6, 9, UINT32_MAX };
	static const uint64_t want[] = { 2, 2, 7, 2, 10, 1 }; /* block, how many in a row */
	struct target_opts o = krn_opts();
	struct seat_entry e;
	struct target_io io[3];
	uint32_t i;

	if (target_start(tc->t, &o) || !krn_busy_blocks(tc, busy))
		return;
	krn_in(&io[0], NULL, 5 * 4096);
	krn_submit(tc, &io[0]);
	if (!krn_cmd(tc, 0, &e))
		return;
	EXPECT_EQ(tc, "KRN-043", "iovs", 3, e.iov_cnt);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(tc, "KRN-040", "iov_base", KRN_DATA + want[2 * i] * 4096,
			  (uintptr_t)e.iov[i].iov_base);
		EXPECT_EQ(tc, "KRN-043", "iov_len", want[2 * i + 1] * 4096, e.iov[i].iov_len);
	}
	EXPECT_EQ(tc, "KRN-112", "free_kept_buf", 0, target_free_kept_buf(tc->t, 5)); /* block 4 */
	krn_in(&io[1], NULL, 1);
	krn_submit(tc, &io[1]);
	if (!krn_cmd(tc, 1, &e))
		return;
	EXPECT_EQ(tc, "KRN-040", "iov_base of block 4", KRN_DATA + 4 * 4096,
		  (uintptr_t)e.iov[0].iov_base);
	krn_in(&io[2], NULL, (KRN_BLOCKS - 10) * 4096); /* a block more than is free: all or none */
	krn_submit(tc, &io[2]);
	EXPECT(tc, "KRN-040", krn_pending(tc, &io[2]), "ended without the blocks it needs");
	EXPECT_EQ(tc, "KRN-082", "cmd_head", seat_next(tc->t, &e), seat_head(tc->t));
	SIM_EQ(tc, "KRN-040", "commands that wait", 1, queued);
	SIM_EQ(tc, "KRN-082", "blocks in use", 11, blocks_used);
	seat_finish_all(tc->t, 8);
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-082", krn_ended(tc, &io[2]), "what waited never ends");
}

/* dbi_thresh grows by whole commands when what is clear below it does not suffice. */
static void threshold(struct tc *tc)
{
	static const struct {
		uint32_t blocks, thresh, max;
	} steps[] = { { 3, 3, 2 }, { 2, 5, 4 }, { 4, 9, 8 }, { 1, 10, 9 } };
	struct target_opts o = work_opts(4072, 12);
	struct target_io io[6];
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	EXPECT_EQ(tc, "KRN-001", "dbi_thresh of a new device", 0, krn_stats(tc).dbi_thresh);
	for (i = 0; i < 4; i++) {
		krn_out(&io[i], NULL, steps[i].blocks * 4096);
		target_submit(tc->t, &io[i]);
		EXPECT_EQ(tc, "KRN-040", "dbi_thresh", steps[i].thresh, krn_stats(tc).dbi_thresh);
		EXPECT_EQ(tc, "KRN-040", "dbi_max", steps[i].max, krn_stats(tc).dbi_max);
	}
	seat_finish(tc->t, 0); /* 3 clear below 10 */
	krn_out(&io[4], NULL, 3 * 4096);
	target_submit(tc->t, &io[4]);
	EXPECT_EQ(tc, "KRN-040", "dbi_thresh", 10, krn_stats(tc).dbi_thresh);
	seat_finish(tc->t, 0); /* 2 clear, 4 wanted: 14, but there are 12 */
	krn_out(&io[5], NULL, 4 * 4096);
	target_submit(tc->t, &io[5]);
	EXPECT_EQ(tc, "KRN-040", "dbi_thresh", 12, krn_stats(tc).dbi_thresh);
	EXPECT_EQ(tc, "KRN-040", "blocks in use", 12, krn_stats(tc).blocks_used);
	EXPECT_EQ(tc, "KRN-040", "commands that wait", 0, krn_stats(tc).queued);
	seat_finish_all(tc->t, 0);
}

/* Data-Out takes its blocks first; Data-In starts an iov of its own even right behind them. */
static void bidi(struct tc *tc)
{
	static const uint32_t busy[] = { 1, 3, UINT32_MAX };
	static const uint64_t want[] = { 0, 4096, 2, 100, 4, 8192 + 1 };
	struct target_opts o = krn_opts();
	uint8_t out[4196], *in = tc_alloc(tc, 8193), *data = tc_alloc(tc, 8193);
	struct target_io io;
	struct seat_entry e;
	uint32_t i;

	if (target_start(tc->t, &o) || !krn_busy_blocks(tc, busy))
		return;
	tc_fill(tc, out, sizeof(out), 1);
	tc_fill(tc, data, 8193, 2);
	krn_bidi(&io, out, sizeof(out), in, 8193);
	krn_submit(tc, &io);
	if (!krn_cmd(tc, 0, &e))
		return;
	EXPECT_EQ(tc, "KRN-044", "iov_cnt", 2, e.iov_cnt);
	EXPECT_EQ(tc, "KRN-044", "iov_bidi_cnt", 1, e.iov_bidi_cnt);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(tc, "KRN-044", "iov_base", KRN_DATA + want[2 * i] * 4096,
			  (uintptr_t)e.iov[i].iov_base);
		EXPECT_EQ(tc, "KRN-044", "iov_len", want[2 * i + 1], e.iov[i].iov_len);
	}
	EXPECT_MEM(tc, "KRN-044", "Data-Out, block 0", out, seat_region(tc->t) + KRN_DATA, 4096);
	EXPECT_MEM(tc, "KRN-044", "Data-Out, block 2", out + 4096,
		   seat_region(tc->t) + KRN_DATA + 2 * 4096, 100);
	memcpy(seat_region(tc->t) + KRN_DATA + 4 * 4096, data, 8193);
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-070", krn_ended(tc, &io), "no end");
	if (krn_sim(tc))
		EXPECT_EQ(tc, "KRN-070", "Data-In bytes, as many as Data-Out", 4196, io.data_in);
	EXPECT_MEM(tc, "KRN-044", "Data-In", data, in, 4196);
	EXPECT_MEM(tc, "KRN-070", "Data-In behind as many as Data-Out", (uint8_t[100]){ 0 },
		   in + 4196, 100);
	SIM_EQ(tc, "KRN-044", "blocks in use", 2, blocks_used);
	/* adjacent: blocks 0 and 2 are one apart, 4 and 5 are not */
	krn_bidi(&io, out, 3 * 4096, in, 1);
	io.data = NULL;
	krn_submit(tc, &io);
	if (!krn_cmd(tc, 0, &e))
		return;
	EXPECT_EQ(tc, "KRN-044", "iov_cnt", 3, e.iov_cnt);
	EXPECT_EQ(tc, "KRN-044", "iov_bidi_cnt", 1, e.iov_bidi_cnt);
	EXPECT_EQ(tc, "KRN-044", "adjacent iov_base", KRN_DATA + 5 * 4096,
		  (uintptr_t)e.iov[3].iov_base);
	EXPECT_EQ(tc, "KRN-023", "iov_dif_cnt", 0, e.iov_dif_cnt);
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-044", krn_ended(tc, &io), "no end");
}

/* No data: no iov, no block, 120 or 128 bytes, whatever the opcode. */
static void zero_length(struct tc *tc)
{
	static const uint8_t ops[] = { 0x08, 0x0a, 0x12, 0x28, 0x2a, 0x41, 0x89, 0x8a, 0xa8, 0x53 };
	struct target_opts o = krn_opts();
	struct target_io io;
	struct seat_entry e;
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 4 * sizeof(ops); i++) {
		if (i % 4 == RINGSIM_BIDI && !krn_sim(tc))
			continue; /* a BUG() in a kernel: what sends BIDI sends data both ways */
		cdb_begin(&io, ops[i / 4], (enum ringsim_dir)(i % 4), NULL, 0);
		krn_submit(tc, &io);
		if (!krn_cmd(tc, 0, &e))
			return;
		EXPECT_EQ(tc, "KRN-045", "iov_cnt", 0, e.iov_cnt);
		EXPECT_EQ(tc, "KRN-045", "iov_bidi_cnt", 0, e.iov_bidi_cnt);
		EXPECT_EQ(tc, "KRN-045", "length", ops[i / 4] < 0x20 ? 120 : 128, e.len);
		SIM_EQ(tc, "KRN-045", "blocks", 0, blocks_used);
		seat_finish(tc->t, 0);
		EXPECT_ENDED(tc, "KRN-045", &io, RINGSIM_ANSWERED, 0, 0, 0, 0);
	}
}

/*
 * Data of any length over blocks that lie apart: Data-Out is in the iovs when the command is seen,
 * Data-In is what the iovs held when it was answered.
 */
static void lengths(struct tc *tc)
{
	static const uint32_t busy[] = { 0, 3, 4, 9, 17, 20, 21, 30, UINT32_MAX };
	uint8_t *buf = tc_alloc(tc, 200000), *data = tc_alloc(tc, 200000);
	struct target_opts o = krn_opts();
	uint32_t round, i, at, len;
	struct target_io io;
	struct seat_entry e;

	if (target_start(tc->t, &o) || !krn_busy_blocks(tc, busy))
		return;
	for (round = 0; round < 24; round++) {
		len = round < 4 ? 4095 + round : 1 + tc_below(tc, 199999);
		tc_fill(tc, data, len, round);
		if (round & 1)
			krn_in(&io, buf, len);
		else
			krn_out(&io, data, len);
		memset(buf, 0, len);
		krn_submit(tc, &io);
		if (!krn_cmd(tc, 0, &e))
			return;
		for (i = at = 0; i < e.iov_cnt && at < len; at += (uint32_t)e.iov[i++].iov_len) {
			uint8_t *block = seat_region(tc->t) + (uintptr_t)e.iov[i].iov_base;

			EXPECT(tc, "KRN-043", e.iov[i].iov_len <= len - at, "iovs of %u bytes",
			       len);
			if (round & 1)
				memcpy(block, data + at, e.iov[i].iov_len);
			else
				EXPECT_MEM(tc, "KRN-046", "Data-Out", data + at, block,
					   e.iov[i].iov_len);
		}
		EXPECT_EQ(tc, "KRN-043", "bytes in all iovs", len, at);
		seat_finish(tc->t, 0);
		EXPECT_ENDED(tc, "KRN-070", &io, RINGSIM_ANSWERED, 0, 0, 0, 0);
		EXPECT_EQ(tc, "KRN-069", "residual", 0, io.residual);
		if (round & 1)
			EXPECT_MEM(tc, "KRN-070", "Data-In", data, buf, len);
	}
}

/*
 * A command with any scatter list; ends up in @io as one of target_submit() does. On a kernel the
 * list has the same lengths, and @io->data is what it is made of.
 */
static void submit_sg(struct tc *tc, struct target_io *io, const struct iovec *sg, uint32_t cnt)
{
	uint32_t *segments, i;

	if (!krn_sim(tc)) {
		io->segments = segments = tc_alloc(tc, cnt * sizeof(*segments));
		io->n_segments = cnt;
		for (i = 0; i < cnt; i++)
			segments[i] = (uint32_t)sg[i].iov_len;
		krn_submit(tc, io);
		return;
	}
	io->cmd = (struct ringsim_cmd){ .cdb = io->cdb,
					.cdb_room = sizeof(io->cdb),
					.dir = io->dir,
					.data_len = io->len,
					.sg = sg,
					.sg_cnt = cnt,
					.user = io };
	ringsim_submit(target_device(tc->t), &io->cmd);
}

/* Scatter lists of every shape; the bytes run on over segments and blocks. */
/* Into how many pieces: a kernel's list has no empty ones, and none longer than a page. */
static uint32_t cut(struct tc *tc, struct iovec *sg, uint8_t *buf, uint32_t len)
{
	uint32_t n, at, bytes;

	for (n = at = 0; at < len && n < PIECES; n++, at += bytes) {
		if (krn_sim(tc))
			bytes = n == 39 ? len - at : tc_below(tc, len / 8 + 2);
		else
			bytes = 1 + tc_below(tc, n % 2 ? 4096 : 60);
		bytes = bytes > len - at ? len - at : bytes;
		sg[n] = (struct iovec){ buf + at, bytes };
	}
	return n;
}

static void scatter_lists(struct tc *tc)
{
	struct target_opts o = krn_opts();
	uint8_t *buf = tc_alloc(tc, 40000), *data = tc_alloc(tc, 40000);
	struct iovec sg[PIECES];
	struct target_io io;
	uint32_t round, len, n;

	if (target_start(tc->t, &o))
		return;
	for (round = 0; round < 20; round++) {
		len = 1 + tc_below(tc, 39999);
		tc_fill(tc, buf, len, round);
		n = cut(tc, sg, buf, len);
		krn_out(&io, buf, len);
		submit_sg(tc, &io, sg, n);
		EXPECT_MEM(tc, "KRN-046", "Data-Out", buf, seat_region(tc->t) + KRN_DATA, len);
		seat_finish(tc->t, 0);
		EXPECT(tc, "KRN-046", krn_ended(tc, &io), "no end");
		krn_in(&io, buf, len);
		submit_sg(tc, &io, sg, n);
		tc_fill(tc, data, len, round + 100);
		memcpy(seat_region(tc->t) + KRN_DATA, data, len);
		seat_finish(tc->t, 0);
		EXPECT(tc, "KRN-070", krn_ended(tc, &io), "no end");
		EXPECT_EQ(tc, "KRN-070", "Data-In bytes", len, io.data_in);
		EXPECT_MEM(tc, "KRN-070", "Data-In", data, buf, len);
	}
}

/* A list shorter than the transfer: copying stops silently, and so do the iovs. */
static void short_scatter(struct tc *tc)
{
	struct target_opts o = krn_opts();
	uint8_t buf[5000] = { 0 }, *region, before[100];
	struct iovec sg[5];
	struct target_io io;
	struct seat_entry e;
	uint32_t i;

	o.exact = true;
	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 5; i++)
		sg[i] = (struct iovec){ buf + 1000 * i, 1000 };
	region = seat_region(tc->t) + KRN_DATA;
	tc_fill(tc, buf, sizeof(buf), 1);
	krn_out(&io, buf, 5 * 4096);
	submit_sg(tc, &io, sg, 5);
	EXPECT(tc, "KRN-046", !io.done, "a short scatter list was refused");
	if (!krn_cmd(tc, 0, &e))
		return;
	SIM_EQ(tc, "KRN-013", "blocks", 5, blocks_used);
	EXPECT_EQ(tc, "KRN-046", "iov_cnt", 1, e.iov_cnt);
	EXPECT_EQ(tc, "KRN-046", "iov_len", 2 * 4096, e.iov[0].iov_len);
	EXPECT_MEM(tc, "KRN-046", "Data-Out", buf, region, 5000);
	memcpy(before, region + 5000, 100);
	EXPECT_MEM(tc, "KRN-002", "bytes behind it", (uint8_t[100]){ 0 }, before, 100);
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-046", krn_ended(tc, &io), "no end");

	memset(buf, 0, sizeof(buf));
	sg[4].iov_len = 999;
	krn_in(&io, buf, 5 * 4096);
	submit_sg(tc, &io, sg, 5);
	if (!krn_cmd(tc, 0, &e))
		return;
	EXPECT_EQ(tc, "KRN-046", "iov_len of a READ", 5 * 4096, e.iov[0].iov_len);
	memset(region, 0x3c, 5 * 4096);
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-070", krn_ended(tc, &io), "no end");
	EXPECT_EQ(tc, "KRN-070", "Data-In bytes", 4999, io.data_in);
	EXPECT_EQ(tc, "KRN-070", "last byte", 0x3c, buf[4998]);
	EXPECT_EQ(tc, "KRN-070", "byte behind the list", 0, buf[4999]);
	EXPECT_EQ(tc, "KRN-069", "residual", 0, io.residual);
}

/* Out is copied before the command is visible, in after its answer; the buffer is free in between.
 */
static void when_copied(struct tc *tc)
{
	struct target_opts o = krn_opts();
	uint8_t out[3000], in[3000], want[3000], zero[3000] = { 0 };
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	tc_fill(tc, out, sizeof(out), 1);
	memcpy(want, out, sizeof(out));
	krn_out(&io, out, sizeof(out));
	krn_submit(tc, &io);
	memset(out, 0, sizeof(out));
	EXPECT_MEM(tc, "KRN-046", "Data-Out", want, seat_region(tc->t) + KRN_DATA, sizeof(out));
	memset(seat_region(tc->t) + KRN_DATA, 0x55, sizeof(out)); /* a WRITE copies nothing back */
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-070", krn_ended(tc, &io), "no end");
	EXPECT_MEM(tc, "KRN-070", "the initiator's buffer", zero, out, sizeof(out));
	if (krn_sim(tc))
		EXPECT_EQ(tc, "KRN-070", "Data-In bytes of a WRITE", 0, io.data_in);
	memset(in, 0x11, sizeof(in));
	krn_in(&io, in, sizeof(in));
	krn_submit(tc, &io);
	EXPECT(tc, "KRN-046", memcmp(seat_region(tc->t) + KRN_DATA, in, 64),
	       "a READ was copied in");
	memcpy(seat_region(tc->t) + KRN_DATA, want, sizeof(in));
	EXPECT_EQ(tc, "KRN-070", "first byte before the answer", 0x11, in[0]);
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-070", krn_ended(tc, &io), "no end");
	EXPECT_MEM(tc, "KRN-070", "Data-In", want, in, sizeof(in));
}

/* 4 GiB of data area are the most; near their end offsets need more than 32 bits. */
static void four_gib(struct tc *tc)
{
	struct ringsim_config cfg = { .geo = { .ring_mb = 1, .data_area_mb = 4097 } };
	struct target_opts o = TARGET_OPTS;
	struct target_io *io = tc_alloc(tc, 64 * sizeof(*io));
	struct ringsim_device *dev;
	struct seat_entry e;
	char err[160] = "";
	uint8_t byte = 0x99;
	uint32_t i;

	EXPECT_EQ(tc, "KRN-047", "4097 MiB", -EINVAL,
		  ringsim_device_create(&dev, &cfg, NULL, NULL, err, sizeof(err)));
	EXPECT(tc, "KRN-047", strstr(err, "4096") && strstr(err, "4097"), "reason: %s", err);
	cfg.geo = (struct ringsim_geometry){ .data_blocks = (1 << 20) + 1 };
	EXPECT_EQ(tc, "KRN-047", "2^20 + 1 blocks", -EINVAL,
		  ringsim_device_create(&dev, &cfg, NULL, NULL, err, sizeof(err)));
	o.dev.geo = (struct ringsim_geometry){
		.cmdr_off = 1 << 20,
		.cmdr_size = 8 << 20,
		.data_area_mb = 4096,
		.pages_per_blk = 16384, /* 64 MiB */
	};
	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 64; i++) {
		krn_out(&io[i], &byte, 1);
		target_submit(tc->t, &io[i]);
		seat_entry(tc->t, i * 128, &e);
		EXPECT_EQ(tc, "KRN-047", "iov_base", (9ull << 20) + (uint64_t)i * (64 << 20),
			  (uintptr_t)e.iov[0].iov_base);
		EXPECT_EQ(tc, "KRN-047", "data", 0x99,
			  seat_region(tc->t)[(9ull << 20) + (uint64_t)i * (64 << 20)]);
	}
	seat_finish_all(tc->t, 0);
}

static const struct case_def rows[] = {
	{ "krn.040.first-fit", "KRN-040 KRN-043 KRN-082", CLAUSE_MUST, NEEDS_SEAT,
	  "the lowest free blocks, all or none", first_fit },
	{ "krn.040.threshold", "KRN-040 KRN-001", CLAUSE_MUST, SIM, "how dbi_thresh grows",
	  threshold },
	{ "krn.044.bidi", "KRN-044 KRN-043 KRN-070 KRN-023", CLAUSE_MUST, PROBE,
	  "both directions, block by block", bidi },
	{ "krn.045.zero-length", "KRN-045", CLAUSE_MUST, NEEDS_SEAT,
	  "no data, for opcodes that have some", zero_length },
	{ "krn.046.scatter", "KRN-046 KRN-070", CLAUSE_MUST, PROBE, "scatter lists of any shape",
	  scatter_lists },
	{ "krn.046.short-scatter", "KRN-046 KRN-070", CLAUSE_MUST, PROBE,
	  "scatter lists shorter than the transfer", short_scatter },
	{ "krn.046.lengths", "KRN-046 KRN-043 KRN-070 KRN-013", CLAUSE_MUST, NEEDS_SEAT,
	  "data of any length, over blocks that lie apart", lengths },
	{ "krn.046.when", "KRN-046 KRN-070", CLAUSE_MUST, NEEDS_SEAT,
	  "when data is copied, and in which direction", when_copied },
	{ "krn.047.four-gib", "KRN-047 LAY-062", CLAUSE_MUST, SIM,
	  "no data area above 4 GiB; offsets below do not wrap", four_gib },
};

CASE_TABLE(cases_krn_data);
