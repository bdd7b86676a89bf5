/* SPDX-License-Identifier: MIT */
/*
 * Cases: pages behind blocks, and the budget that devices share. Clauses: KRN-041, KRN-042,
 * KRN-048, KRN-049.
 */
#include "krn.h"

/* Several devices on one pool, with nobody but the case to answer. */
struct pooled {
	struct ringsim_pool *pool;
	struct ringsim_device *dev[3];
	struct ringsim_cmd cmd[3][8];
};

static const uint8_t read10[16] = { 0x28 };

static bool pooled_open(struct tc *tc, struct pooled *p, uint64_t max_pages)
{
	struct ringsim_config cfg = { .geo = { .ring_mb = 1, .data_blocks = 64 },
				      .qfull_time_out_s = -1,
				      .sanitize = true };
	int i, rc = 0;

	memset(p, 0, sizeof(*p));
	cfg.pool = p->pool = ringsim_pool_create(max_pages);
	for (i = 0; i < 3 && p->pool && !rc; i++)
		rc = ringsim_device_create(&p->dev[i], &cfg, NULL, NULL, NULL, 0);
	if (p->pool && !rc)
		return true;
	tc_fail(tc, NULL, "cannot make three devices");
	return false;
}

static void pooled_close(struct pooled *p)
{
	int i;

	for (i = 0; i < 3; i++)
		ringsim_device_destroy(p->dev[i]);
	if (p->pool)
		ringsim_pool_destroy(p->pool);
}

static void take(struct pooled *p, int dev, int cmd, uint32_t blocks)
{
	p->cmd[dev][cmd] = (struct ringsim_cmd){ .cdb = read10,
						 .cdb_room = sizeof(read10),
						 .dir = RINGSIM_FROM_DEVICE,
						 .data_len = blocks * 4096 };
	ringsim_submit(p->dev[dev], &p->cmd[dev][cmd]);
}

/* Answers the oldest entry as a handler would, without ringing. */
static void answer_oldest(struct pooled *p, int dev)
{
	uint8_t *region = ringsim_region(p->dev[dev]);
	struct ringsim_entry e;
	uint32_t tail, i = 0;

	memcpy(&tail, region + RINGSIM_OFF_TAIL, 4);
	while (ringsim_entry_at(p->dev[dev], i, &e) && e.off != tail)
		i++;
	region[128 + e.off + RINGSIM_OFF_STATUS] = 0;
	tail = e.off + e.len;
	memcpy(region + RINGSIM_OFF_TAIL, &tail, 4);
}

static uint32_t pages(struct pooled *p, int dev)
{
	struct ringsim_stats st;

	ringsim_stats(p->dev[dev], &st);
	return st.pages_used;
}

static void soft_limit(struct tc *tc)
{
	struct pooled p;

	if (!pooled_open(tc, &p, 10))
		goto out;
	take(&p, 0, 0, 6);
	if (ringsim_pool_due(p.pool) != UINT64_MAX)
		tc_fail(tc, "KRN-048", "the reclaimer is due below the limit");
	take(&p, 1, 0, 6);
	if (p.cmd[1][0].id != 1 || pages(&p, 1) != 6)
		tc_fail(tc, "KRN-048", "a page beyond the limit was refused");
	if (ringsim_pool_pages(p.pool) != 12)
		tc_fail(tc, "KRN-048", "pages of all devices: expected 12, found %llu",
			(unsigned long long)ringsim_pool_pages(p.pool));
	if (ringsim_pool_due(p.pool) == UINT64_MAX)
		tc_fail(tc, "KRN-048", "exceeding the limit did not call the reclaimer");
	/* nothing can be freed, so it is due again, 5 s later */
	if (ringsim_pool_run(p.pool, 7 * RINGSIM_NSEC_PER_SEC) ||
	    ringsim_pool_due(p.pool) != 12 * RINGSIM_NSEC_PER_SEC)
		tc_fail(tc, "KRN-048", "while over the limit the reclaimer repeats every 5 s");
out:
	pooled_close(&p);
}

/* What lies above the highest busy block goes, on every device, and at once reads as zero again. */
static void reclaims_above_busy(struct tc *tc)
{
	struct pooled p;
	uint8_t *region;
	uint32_t blk;

	if (!pooled_open(tc, &p, 16))
		goto out;
	take(&p, 0, 0, 2); /* blocks 0, 1 */
	take(&p, 0, 1, 3); /* 2 to 4 */
	take(&p, 0, 2, 4); /* 5 to 8 */
	region = ringsim_region(p.dev[0]);
	memset(region + (1 << 20) + 5 * 4096, 0xab, 4 * 4096);
	answer_oldest(&p, 0);
	ringsim_doorbell(p.dev[0]); /* 0 and 1 are free */
	take(&p, 1, 0, 9);
	answer_oldest(&p, 1);
	answer_oldest(&p, 0); /* 2 to 4, not rung */
	take(&p, 2, 0, 1);
	if (pages(&p, 0) != 9 || ringsim_block_used(p.dev[0], 0) ||
	    !ringsim_block_used(p.dev[0], 2))
		tc_fail(tc, "KRN-041",
			"released blocks keep their pages, unreclaimed ones their bits");
	ringsim_pool_run(p.pool, 1);
	if (p.cmd[0][1].outcome != RINGSIM_ANSWERED || p.cmd[1][0].outcome != RINGSIM_ANSWERED)
		tc_fail(tc, "KRN-049", "the reclaimer looks at cmd_tail without a doorbell");
	if (pages(&p, 0) != 9)
		tc_fail(tc, "KRN-049",
			"blocks below a busy one keep their pages: expected 9, found %u",
			pages(&p, 0));
	if (pages(&p, 1))
		tc_fail(tc, "KRN-049", "an idle device gives everything back, found %u pages",
			pages(&p, 1));
	answer_oldest(&p, 0); /* 5 to 8 */
	take(&p, 0, 3, 1);    /* block 0 */
	take(&p, 1, 1, 12);
	ringsim_pool_run(p.pool, 2);
	if (pages(&p, 0) != 1 || !ringsim_page_present(p.dev[0], 0) ||
	    ringsim_page_present(p.dev[0], 1))
		tc_fail(tc, "KRN-049", "all but the busy block goes: expected 1 page, found %u",
			pages(&p, 0));
	take(&p, 0, 4, 8);
	for (blk = 1; blk < 9; blk++)
		if (region[(1 << 20) + blk * 4096] || region[(1 << 20) + blk * 4096 + 4095])
			tc_fail(tc, "KRN-041", "page %u was not zeroed when it came back", blk);
out:
	pooled_close(&p);
}

static void idle_device_skipped(struct tc *tc)
{
	struct ringsim_stats st;
	struct pooled p;

	if (!pooled_open(tc, &p, 4))
		goto out;
	take(&p, 0, 0, 3);
	answer_oldest(&p, 0);
	take(&p, 1, 0, 4);
	ringsim_pool_run(p.pool, 1);
	ringsim_stats(p.dev[0], &st);
	if (st.dbi_thresh || st.dbi_max || st.pages_used)
		tc_fail(tc, "KRN-049",
			"an idle device: expected dbi_thresh, dbi_max, pages 0, found "
			"%u, %u, %u",
			st.dbi_thresh, st.dbi_max, st.pages_used);
	ringsim_stats(p.dev[1], &st);
	if (st.pages_used != 4 || st.dbi_max != 3)
		tc_fail(tc, "KRN-049", "a busy device keeps its blocks");
	if (ringsim_pool_due(p.pool) != UINT64_MAX)
		tc_fail(tc, "KRN-049", "back under the limit the reclaimer rests");
out:
	pooled_close(&p);
}

/* With several pages a block only the used prefix exists (KRN-041). */
static void used_prefix(struct tc *tc)
{
	static const uint32_t lens[] = { 1, 4096, 4097, 16384 * 4, 65536, 65537, 3 * 65536 - 4095 };
	struct target_opts o = TARGET_OPTS;
	uint32_t i, page, want;
	struct target_io io;

	o.dev.geo.pages_per_blk = 16;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		if (target_start(tc->t, &o))
			return;
		krn_in(&io, NULL, lens[i]);
		target_submit(tc->t, &io);
		want = (lens[i] + 4095) / 4096;
		EXPECT_EQ(tc, "KRN-041", "pages", want, krn_stats(tc).pages_used);
		for (page = 0; page < 64; page++)
			EXPECT_EQ(tc, "KRN-041", "page exists", page < want,
				  ringsim_page_present(target_device(tc->t), page));
		seat_finish(tc->t, 0x08);
		EXPECT_EQ(tc, "KRN-041", "pages after release", want, krn_stats(tc).pages_used);
	}
}

/* A block that is used again shows the bytes that were there, up to the end of the last page. */
static void stale_contents(struct tc *tc)
{
	struct target_opts o = krn_opts();
	uint8_t out[4096], zero[4096] = { 0 }, *data;
	struct target_io io;

	o.exact = true;
	if (target_start(tc->t, &o))
		return;
	data = seat_region(tc->t) + KRN_DATA;
	tc_fill(tc, out, sizeof(out), 1);
	krn_out(&io, out, 3000);
	krn_submit(tc, &io);
	EXPECT_MEM(tc, "KRN-046", "Data-Out in its block", out, data, 3000);
	EXPECT_MEM(tc, "KRN-042", "a new page beyond data_length", zero, data + 3000, 1096);
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-042", krn_ended(tc, &io), "no end");
	krn_in(&io, NULL, 4096);
	krn_submit(tc, &io);
	EXPECT_MEM(tc, "KRN-042", "the block used again for Data-In", out, data, 3000);
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-042", krn_ended(tc, &io), "no end");
	krn_out(&io, out + 100, 10);
	krn_submit(tc, &io);
	EXPECT_MEM(tc, "KRN-042", "its first bytes", out + 100, data, 10);
	EXPECT_MEM(tc, "KRN-042", "old bytes beyond data_length", out + 10, data + 10, 2990);
}

static const struct case_def rows[] = {
	{ "krn.041.used-prefix", "KRN-041", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "of a block of 16 pages only those in use exist, and stay", used_prefix },
	{ "krn.042.stale", "KRN-042 KRN-002", CLAUSE_MUST, NEEDS_SEAT,
	  "a reused block shows old bytes, a new page zeros", stale_contents },
	{ "krn.048.soft", "KRN-048", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "the global limit refuses nothing and calls the reclaimer, every 5 s", soft_limit },
	{ "krn.049.above-busy", "KRN-049 KRN-041 KRN-060", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "the reclaimer frees what lies above the highest busy block", reclaims_above_busy },
	{ "krn.049.idle", "KRN-049", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "idle devices give everything back, busy ones nothing", idle_device_skipped },
};

CASE_TABLE(cases_krn_pool);
