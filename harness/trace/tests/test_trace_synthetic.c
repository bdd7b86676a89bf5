/* SPDX-License-Identifier: MIT */
/*
 * Traces recorded from the simulator itself: every geometry, PADs, BIDI, a full data area and ring,
 * task management, batches. Written as text, read back and replayed, they must come out identical,
 * although the order of submissions and completions is not in the text.
 */
#include "fixture.h"

#include <ringsim/device.h>
#include <ringsim/shm.h>
#include <time.h>

#define BUF_LEN (1u << 20)

/* An initiator and a recording handler on one device, taking turns at random. */
struct player {
	struct ringsim_device *dev;
	uint8_t *region;
	const struct ringsim_layout *lay;
	struct trace t;
	struct ringsim_cmd *cmds;
	uint8_t (*cdbs)[RINGSIM_CDB_MAX];
	struct iovec sg[2];
	struct ringsim_tmr tmrs[64];
	size_t sent, total, tmrs_sent;
	uint32_t fetch, tail, irq_count, max_len, ahead;
	uint64_t seed;
	bool exact; /* lengths follow from CDBs */
};

static uint32_t rnd(struct player *p, uint32_t n)
{
	p->seed = p->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((p->seed >> 33) % n);
}

static uint8_t buffer[BUF_LEN];

static void player_init(struct player *p, const struct ringsim_config *cfg, size_t total,
			uint32_t max_len, bool say_blk)
{
	char err[256] = "";

	*p = (struct player){ .total = total, .max_len = max_len, .seed = total + max_len };
	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&p->dev, cfg, NULL, NULL, err, sizeof(err)), 0);
	p->region = ringsim_region(p->dev);
	p->lay = ringsim_layout(p->dev);
	p->cmds = calloc(total, sizeof(*p->cmds));
	p->cdbs = calloc(total, sizeof(*p->cdbs));
	CU_ASSERT_TRUE_FATAL(p->cmds && p->cdbs);
	p->sg[0] = p->sg[1] = (struct iovec){ buffer, sizeof(buffer) };
	p->fetch = p->tail = cfg->start;
	p->irq_count = cfg->first_event;
	CU_ASSERT_EQUAL(trace_init(&p->t, "synthetic", p->region, p->lay->region_size,
				   say_blk ? p->lay->blk_size : 0),
			0);
}

static void player_free(struct player *p)
{
	ringsim_device_destroy(p->dev);
	trace_free(&p->t);
	free(p->cmds);
	free(p->cdbs);
}

static void submit(struct player *p)
{
	static const uint8_t ops[] = { 0x00, 0x12, 0x28, 0x2a, 0x88, 0x8a, 0x7f, 0xc0, 0xa8, 0x08 };
	struct ringsim_cmd *cmd = &p->cmds[p->sent];
	uint8_t *cdb = p->cdbs[p->sent++];
	uint32_t i;

	for (i = 0; i < RINGSIM_CDB_MAX; i++)
		cdb[i] = (uint8_t)rnd(p, 256);
	cdb[0] = ops[rnd(p, sizeof(ops))];
	cmd->dir = rnd(p, 4);
	cmd->data_len = rnd(p, 3) ? 1 + rnd(p, p->max_len) : 0;
	if (p->exact) {
		cdb[0] = rnd(p, 2) ? 0x28 : 0x2a;
		cmd->dir = cdb[0] == 0x28 ? RINGSIM_FROM_DEVICE : RINGSIM_TO_DEVICE;
		cmd->data_len = 4096 * (cdb[8] = (uint8_t)(1 + rnd(p, p->max_len / 4096)));
		cdb[7] = 0;
	}
	/* Without Data-Out nothing in an entry tells the two directions of BIDI apart. */
	if (cmd->dir == RINGSIM_BIDI && !cmd->data_len)
		cmd->dir = RINGSIM_NONE;
	cmd->cdb = cdb;
	cmd->cdb_room = RINGSIM_CDB_MAX;
	cmd->sg = &p->sg[0];
	cmd->sg_cnt = cmd->dir == RINGSIM_TO_DEVICE || cmd->dir == RINGSIM_BIDI;
	cmd->bidi_sg = &p->sg[1];
	/* Shared, so one that has to wait takes the length of the latest. */
	p->sg[1].iov_len = 1 + rnd(p, p->max_len);
	cmd->bidi_cnt = cmd->dir == RINGSIM_BIDI;
	ringsim_submit(p->dev, cmd);
}

/* Aborts some commands that are in the ring. */
static void abort_some(struct player *p)
{
	struct ringsim_cmd *cmds[4];
	uint32_t n = 0;
	size_t i;

	if (p->tmrs_sent == sizeof(p->tmrs) / sizeof(p->tmrs[0]))
		return;
	for (i = 0; i < p->sent && n < 4; i++)
		if (p->cmds[i].state == RINGSIM_INFLIGHT && !p->cmds[i].tmr && !rnd(p, 2))
			cmds[n++] = &p->cmds[i];
	p->tmrs[p->tmrs_sent].type = TCMU_TMR_LUN_RESET;
	ringsim_tmr(p->dev, &p->tmrs[p->tmrs_sent++], cmds, n);
}

static void initiate(struct player *p)
{
	uint32_t n = rnd(p, 4);

	if (rnd(p, 3) == 0) { /* a batch makes one event, even if nothing came of it */
		ringsim_plug(p->dev);
		while (n-- && p->sent < p->total)
			submit(p);
		ringsim_unplug(p->dev);
		return;
	}
	while (n-- && p->sent < p->total)
		submit(p);
}

static void fetch(struct player *p)
{
	const struct trace_event *e;

	CU_ASSERT_EQUAL_FATAL(trace_add_entry(&p->t, p->region, p->fetch), 0);
	e = &p->t.v[p->t.n - 1];
	p->fetch = (p->fetch + e->len) % p->lay->cmdr_size;
	p->ahead++;
}

static void complete(struct player *p)
{
	uint64_t entry = (uint64_t)p->lay->cmdr_off + p->tail;
	uint32_t len_op = shm_load32(p->region, entry);
	uint8_t status = rnd(p, 5) ? 0 : 8;

	if ((len_op & TCMU_OP_MASK) == TCMU_OP_CMD)
		shm_store8(p->region, entry + RINGSIM_OFF_STATUS, status);
	p->tail = (p->tail + (len_op & ~(uint32_t)TCMU_OP_MASK)) % p->lay->cmdr_size;
	p->ahead--;
	shm_store32_release(p->region, RINGSIM_OFF_TAIL, p->tail);
	ringsim_doorbell(p->dev);
	CU_ASSERT_EQUAL(trace_add_kick(&p->t, p->tail, status), 0);
}

static void drained(struct player *p)
{
	struct ringsim_stats st;

	ringsim_stats(p->dev, &st);
	if (st.events == p->irq_count)
		return;
	p->irq_count = st.events;
	CU_ASSERT_EQUAL(trace_add_irq(&p->t, p->region, st.events), 0);
}

/* Until everything was sent and answered; the recorder runs up to @pipeline entries ahead. */
static void play(struct player *p, uint32_t pipeline, bool tmrs)
{
	while (p->sent < p->total || p->fetch != p->tail ||
	       p->fetch != shm_load32(p->region, RINGSIM_OFF_HEAD)) {
		if (rnd(p, 2))
			initiate(p);
		if (tmrs && !rnd(p, 20))
			abort_some(p);
		if (p->ahead < pipeline && p->fetch != shm_load32(p->region, RINGSIM_OFF_HEAD) &&
		    (!p->ahead || rnd(p, 2)))
			fetch(p);
		else if (p->ahead)
			complete(p);
		else
			drained(p);
	}
}

/* The trace as text, read back and replayed. */
static void replay(struct player *p, struct trace_result *res, bool differs)
{
	char *text = NULL, say[256];
	unsigned int line;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int rc;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(trace_write(&p->t, f), 0);
	CU_ASSERT_EQUAL(fclose(f), 0);
	rc = replay_text(text, len, res, say, &line);
	if (rc != differs)
		fprintf(stderr, "%s\n", say);
	CU_ASSERT_EQUAL(rc, differs);
	free(text);
}

static void record_and_replay(const struct ringsim_config *cfg, size_t cmds, uint32_t max_len,
			      uint32_t pipeline, bool say_blk)
{
	struct ringsim_stats st;
	struct trace_result res;
	struct player p;

	player_init(&p, cfg, cmds, max_len, say_blk);
	play(&p, pipeline, cfg->tmr_notification);
	ringsim_stats(p.dev, &st);
	replay(&p, &res, false);
	CU_ASSERT_EQUAL(res.identical, res.entries);
	CU_ASSERT_EQUAL(res.cmds, st.cmds);
	CU_ASSERT_EQUAL(res.pads, st.pads);
	CU_ASSERT_EQUAL(res.tmrs, st.tmr_entries);
	CU_ASSERT_EQUAL(res.blk_size, p.lay->blk_size);
	CU_ASSERT_TRUE(res.cmds > cmds / 2);
	player_free(&p);
}

static void test_geometries(void)
{
	static const struct ringsim_geometry geos[] = {
		{ .ring_mb = 1, .data_area_mb = 1 },
		{ .ring_mb = 2, .data_area_mb = 8, .pages_per_blk = 4 },
		{ .cmdr_size = 4096 - 128, .data_blocks = 64 },
		{ .cmdr_size = 5008, .cmdr_off = 192, .data_blocks = 40, .pages_per_blk = 3 },
		{ .cmdr_size = 1024, .data_blocks = 1000 },
		{ .ring_mb = 8, .data_area_mb = 64, .pages_per_blk = 16 },
		{ .cmdr_size = 2040, .data_blocks = 17 },
	};
	struct ringsim_config cfg = RINGSIM_CONFIG_DEFAULT;
	size_t i;

	cfg.cmd_time_out_s = 0;
	for (i = 0; i < sizeof(geos) / sizeof(geos[0]); i++) {
		uint32_t say;

		cfg.geo = geos[i];
		cfg.start = (uint32_t)(i * 72);
		cfg.first_event = UINT32_MAX - 50; /* the count wraps */
		for (say = 0; say < 2; say++)
			record_and_replay(&cfg, 800, 60000, say ? 1 : 6, say);
	}
}

static void test_tmr(void)
{
	struct ringsim_config cfg = RINGSIM_CONFIG_DEFAULT;
	struct trace_result res;
	struct player p;
	size_t i;

	cfg.cmd_time_out_s = 0;
	cfg.tmr_notification = true;
	cfg.geo = (struct ringsim_geometry){ .cmdr_size = 4000, .data_blocks = 50 };
	record_and_replay(&cfg, 600, 30000, 4, true);
	/* One id that was not aborted is noticed. */
	player_init(&p, &cfg, 600, 30000, true);
	play(&p, 1, true);
	for (i = 0; i < p.t.n && !(p.t.v[i].kind == TRACE_TMR && p.t.v[i].tmr_cnt); i++)
		;
	CU_ASSERT_TRUE_FATAL(i < p.t.n);
	p.t.bytes[p.t.v[i].payload] ^= 0x40;
	replay(&p, &res, true);
	CU_ASSERT_STRING_EQUAL(res.finding.field, "ids");
	player_free(&p);
}

/* A recording may end anywhere, also between a PAD and its entry. */
static void test_ends(void)
{
	struct ringsim_config cfg = RINGSIM_CONFIG_DEFAULT;
	struct trace_result res;
	bool pad = false;
	struct player p;

	cfg.cmd_time_out_s = 0;
	cfg.geo = (struct ringsim_geometry){ .cmdr_size = 2000, .data_blocks = 50 };
	player_init(&p, &cfg, 60, 30000, true);
	play(&p, 2, false);
	while (p.t.n > 20) {
		p.t.n--;
		pad = pad || p.t.v[p.t.n - 1].kind == TRACE_PAD;
		replay(&p, &res, false);
		CU_ASSERT_EQUAL(res.identical, res.entries);
	}
	CU_ASSERT_TRUE(pad);
	player_free(&p);
}

/* A block that is not the lowest free one, an id that is not: no order makes that right. */
static void test_wrong_allocation(void)
{
	struct ringsim_config cfg = RINGSIM_CONFIG_DEFAULT;
	struct trace_result res;
	struct player p;
	size_t i, tried = 0;

	cfg.cmd_time_out_s = 0;
	cfg.geo = (struct ringsim_geometry){ .cmdr_size = 4096 - 128, .data_blocks = 200 };
	player_init(&p, &cfg, 300, 30000, true);
	play(&p, 1, false);
	for (i = 0; i < p.t.n; i++) {
		struct trace_event *e = &p.t.v[i];

		if (e->kind != TRACE_CMD || !e->iov_cnt)
			continue;
		e->id ^= 0x100;
		replay(&p, &res, true);
		CU_ASSERT_STRING_EQUAL(res.finding.field, "id");
		CU_ASSERT_EQUAL(res.finding.line, i + 2);
		e->id ^= 0x100;
		p.t.iovs[e->iov].base += 150 * 4096;
		replay(&p, &res, true);
		CU_ASSERT_STRING_EQUAL(res.finding.field, "iov[0].base");
		CU_ASSERT_EQUAL(res.finding.line, i + 2);
		p.t.iovs[e->iov].base -= 150 * 4096;
		tried++;
	}
	CU_ASSERT_TRUE(tried > 100);
	player_free(&p);
}

/* Lengths that do not follow from their CDBs are one mistake, unless most do not. */
static void test_lengths(void)
{
	struct ringsim_config cfg = RINGSIM_CONFIG_DEFAULT;
	struct trace_result res;
	struct player p;
	size_t i;

	cfg.cmd_time_out_s = 0;
	cfg.geo = (struct ringsim_geometry){ .ring_mb = 1, .data_area_mb = 1 };
	player_init(&p, &cfg, 100, 65536, true);
	p.exact = true;
	play(&p, 1, false);
	replay(&p, &res, false);
	CU_ASSERT_EQUAL(res.lba_size, 4096);
	for (i = 0; i < p.t.n && p.t.v[i].kind != TRACE_CMD; i++)
		;
	p.t.bytes[p.t.v[i].payload + 8]++;
	replay(&p, &res, true);
	CU_ASSERT_STRING_EQUAL(res.finding.field, "iov lengths");
	for (i++; i < p.t.n; i++)
		if (p.t.v[i].kind == TRACE_CMD)
			p.t.bytes[p.t.v[i].payload + 8] = (uint8_t)(200 + i % 50);
	replay(&p, &res, false);
	CU_ASSERT_EQUAL(res.lba_size, 0);
	player_free(&p);
}

/* Cost grows with the trace, not with the number of orders; memory is not touched by lengths. */
static void test_long(void)
{
	struct ringsim_config cfg = RINGSIM_CONFIG_DEFAULT;
	struct trace_result res;
	struct timespec a, b;
	struct player p;

	cfg.cmd_time_out_s = 0;
	cfg.sanitize = false;
	cfg.geo = (struct ringsim_geometry){ .ring_mb = 1, .data_area_mb = 8 };
	player_init(&p, &cfg, 20000, 40000, false);
	play(&p, 8, false);
	clock_gettime(CLOCK_MONOTONIC, &a);
	replay(&p, &res, false);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CU_ASSERT_EQUAL(res.identical, res.entries);
	CU_ASSERT_TRUE(res.tries < 20 * res.entries);
	CU_ASSERT_TRUE(b.tv_sec - a.tv_sec < 30);
	player_free(&p);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "every geometry comes out identical", test_geometries },
		{ "task management", test_tmr },
		{ "recordings that end anywhere", test_ends },
		{ "wrong blocks and ids", test_wrong_allocation },
		{ "lengths and CDBs", test_lengths },
		{ "a long trace", test_long },
		CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = {
		{ .pName = "synthetic traces", .pTests = tests },
		CU_SUITE_INFO_NULL,
	};

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	return run_registered();
}
