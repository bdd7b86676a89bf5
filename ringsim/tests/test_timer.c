/* SPDX-License-Identifier: MIT */
/* Deadlines, the queue-full list, task management, recovery actions and the page pool. */
#include "rig.h"

#include "../internal.h"

#include <errno.h>

/* Three entries of 120 bytes fit; the fourth waits. */
static struct ringsim_config small_ring(void)
{
	struct ringsim_config cfg = RIG_CONFIG;

	cfg.geo.cmdr_size = 512;
	return cfg;
}

static void fill(struct rig *r, struct ringsim_cmd *cmd, uint32_t n)
{
	while (n--)
		rig_nodata(r, cmd++);
}

static void test_rounding(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[2];
	struct rig r;

	cfg.cmd_time_out_s = 5;
	rig_up(&r, &cfg);
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), UINT64_MAX);
	ringsim_advance(r.dev, 1);
	rig_nodata(&r, &cmd[0]);
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), 6 * SEC);
	ringsim_advance(r.dev, 2 * SEC);
	ringsim_advance(r.dev, 1 * SEC); /* time does not go back */
	CU_ASSERT_EQUAL(rig_stats(&r).now_ns, 2 * SEC);
	rig_nodata(&r, &cmd[1]);
	ringsim_advance(r.dev, 6 * SEC - 1);
	CU_ASSERT_EQUAL(r.n_done, 0);
	ringsim_advance(r.dev, 6 * SEC);
	CU_ASSERT_EQUAL(r.n_done, 1);
	CU_ASSERT_EQUAL(cmd[0].outcome, RINGSIM_EXPIRED);
	CU_ASSERT_EQUAL(cmd[0].status, 2);
	CU_ASSERT_EQUAL(cmd[0].sense[12], 0x08);
	CU_ASSERT_EQUAL(rig_stats(&r).expired, 1);
	CU_ASSERT(ringsim_id_used(r.dev, cmd[0].id));
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), 7 * SEC);
	rig_answer_all(&r); /* late: released, nobody is told twice */
	CU_ASSERT_EQUAL(r.n_done, 2);
	CU_ASSERT_EQUAL(cmd[1].outcome, RINGSIM_ANSWERED);
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), UINT64_MAX);
	CU_ASSERT_EQUAL(rig_stats(&r).expired, 0);
	ringsim_advance(r.dev, UINT64_MAX); /* the end of time is no time to stay in */
	rig_down(&r);
}

static void test_never(void)
{
	struct ringsim_config cfg = small_ring();
	struct ringsim_cmd cmd[5];
	struct rig r;

	cfg.cmd_time_out_s = 0;
	rig_up(&r, &cfg);
	fill(&r, cmd, 5);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 1);
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), 30 * SEC); /* the queue has a time-out still */
	ringsim_advance(r.dev, 3600 * SEC);
	CU_ASSERT_EQUAL(r.n_done, 1);
	CU_ASSERT_EQUAL(cmd[4].outcome, RINGSIM_QUEUE_EXPIRED);
	CU_ASSERT_EQUAL(cmd[4].status, 0x28);
	CU_ASSERT_EQUAL(rig_stats(&r).inflight, 4);
	rig_answer_all(&r);
	rig_down(&r);
}

static void test_qfull_time_out(void)
{
	struct ringsim_config cfg = small_ring();
	struct ringsim_cmd cmd[8];
	struct rig r;

	rig_up(&r, &cfg);
	CU_ASSERT_EQUAL(ringsim_set_qfull_time_out(r.dev, -2), -EINVAL);
	fill(&r, cmd, 5); /* -1: as cmd_time_out */
	CU_ASSERT_EQUAL(cmd[4].deadline_ns, 30 * SEC);
	CU_ASSERT_EQUAL(ringsim_set_qfull_time_out(r.dev, 10), 0);
	fill(&r, &cmd[5], 1);
	CU_ASSERT_EQUAL(cmd[5].deadline_ns, 10 * SEC);
	CU_ASSERT_EQUAL(ringsim_set_qfull_time_out(r.dev, 0), 0);
	fill(&r, &cmd[6], 1);
	CU_ASSERT_EQUAL(cmd[6].outcome, RINGSIM_REFUSED);
	CU_ASSERT_EQUAL(cmd[6].status, 0x28);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 2);
	/* The timer was set for the first; that the second's is earlier shows at the next look. */
	ringsim_advance(r.dev, 29 * SEC);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 2);
	ringsim_advance(r.dev, 30 * SEC);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 0);
	CU_ASSERT_EQUAL(cmd[5].outcome, RINGSIM_QUEUE_EXPIRED);
	rig_answer_all(&r);
	rig_down(&r);
}

/* A list that does not fit keeps its order; its first gets a new deadline, the rest do not. */
static void test_drain(void)
{
	struct ringsim_config cfg = small_ring();
	static const uint8_t long_cdb[24] = { [0] = 0x7f, [7] = 16 };
	struct ringsim_cmd cmd[8];
	struct rig r;

	rig_up(&r, &cfg);
	fill(&r, cmd, 4);
	rig_cmd(&cmd[4], long_cdb, RINGSIM_NONE, NULL, 0); /* 136 bytes */
	ringsim_submit(r.dev, &cmd[4]);
	fill(&r, &cmd[5], 3);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 4);
	ringsim_advance(r.dev, 20 * SEC);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev); /* 120 bytes do not help the first, and nobody overtakes it */
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 4);
	CU_ASSERT_EQUAL(cmd[4].deadline_ns, 50 * SEC);
	CU_ASSERT_EQUAL(cmd[5].deadline_ns, 30 * SEC);
	CU_ASSERT_EQUAL(rig_stats(&r).qfull, 5);
	ringsim_doorbell(r.dev); /* nothing reclaimed, nothing tried */
	CU_ASSERT_EQUAL(rig_stats(&r).qfull, 5);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 3);
	CU_ASSERT_EQUAL(cmd[4].id, 1);
	CU_ASSERT_EQUAL(rig_entry(&r, 0)->hdr.len_op, 136 | 1);
	rig_answer_all(&r);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 0);
	CU_ASSERT_EQUAL(cmd[5].id, 1);
	CU_ASSERT_EQUAL(cmd[7].id, 3);
	rig_answer_all(&r);
	CU_ASSERT_EQUAL(r.n_done, 8);
	CU_ASSERT_PTR_EQUAL(r.done[7], &cmd[7]);
	rig_down(&r);
}

/* What is refused while draining loses its reason. */
static void test_drain_refused(void)
{
	struct ringsim_config cfg = small_ring();
	struct ringsim_cmd cmd[8];
	struct rig r;

	rig_up(&r, &cfg);
	fill(&r, cmd, 5);
	rig_read(&r, &cmd[5], NULL, 2 << 20);
	fill(&r, &cmd[6], 2);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 4);
	rig_answer_all(&r);
	CU_ASSERT_EQUAL(cmd[5].outcome, RINGSIM_REFUSED);
	CU_ASSERT_EQUAL(cmd[5].status, 2);
	CU_ASSERT_EQUAL(cmd[5].sense[2], 0x02);
	CU_ASSERT_EQUAL(cmd[5].sense[12], 0x08);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 0);
	rig_answer_all(&r);
	rig_down(&r);
}

static void test_tmr(void)
{
	struct ringsim_config cfg = small_ring();
	struct ringsim_tmr tmr[4] = {
		{ .type = 5 }, { .type = 1 }, { .type = 1 }, { .type = 128 }
	};
	struct ringsim_cmd cmd[6], *list[6], *again[1];
	struct tcmu_tmr_entry *e;
	struct rig r;
	uint32_t i;

	cfg.geo.cmdr_size = 520;
	cfg.tmr_notification = true;
	rig_up(&r, &cfg);
	fill(&r, cmd, 6); /* four on the ring, two wait */
	for (i = 0; i < 6; i++)
		list[i] = &cmd[i];
	again[0] = &cmd[2];
	ringsim_tmr(r.dev, &tmr[0], list, 6); /* 40 bytes: there are just 39 */
	CU_ASSERT_EQUAL(r.n_done, 2);
	CU_ASSERT_EQUAL(cmd[4].outcome, RINGSIM_ABORTED);
	CU_ASSERT_EQUAL(cmd[4].status, 0x40);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 0);
	CU_ASSERT_FALSE(r.dev->qfull_timer.pending);
	CU_ASSERT_EQUAL(rig_stats(&r).tmrs, 1);
	ringsim_tmr(r.dev, &tmr[1], again, 1); /* waits behind the first; aborted already */
	ringsim_tmr(r.dev, &tmr[2], NULL, 0);
	CU_ASSERT_EQUAL(rig_stats(&r).tmrs, 3);
	CU_ASSERT_EQUAL(r.n_tmrs, 2);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(rig_stats(&r).tmr_entries, 3);
	e = (void *)rig_entry(&r, 480);
	CU_ASSERT_EQUAL(e->hdr.len_op, 40 | TCMU_OP_TMR);
	CU_ASSERT_EQUAL(e->tmr_type, 5);
	CU_ASSERT_EQUAL(e->cmd_cnt, 4);
	CU_ASSERT_EQUAL(e->cmd_ids[0], 1);
	CU_ASSERT_EQUAL(e->cmd_ids[3], 4);
	e = (void *)rig_entry(&r, 0);
	CU_ASSERT_EQUAL(e->hdr.len_op, 32 | TCMU_OP_TMR);
	CU_ASSERT_EQUAL(e->cmd_cnt, 0);
	CU_ASSERT_EQUAL(r.n_tmrs, 2);
	rig_answer_all(&r); /* the last aborted command ends the first TMR */
	CU_ASSERT_EQUAL(r.n_tmrs, 3);
	CU_ASSERT_EQUAL(cmd[1].outcome, RINGSIM_ABORTED);
	CU_ASSERT_EQUAL(cmd[1].status, 0x40);
	ringsim_tmr(r.dev, &tmr[3], list, 1); /* ended long ago */
	CU_ASSERT_EQUAL(r.n_tmrs, 4);
	rig_answer_all(&r);
	rig_down(&r);
}

/* The clock and the worker apart: what is due stays so until the worker comes, as on a kernel. */
static void test_late_worker(void)
{
	struct ringsim_config cfg = small_ring();
	struct ringsim_cmd cmd[2];
	struct rig r;

	cfg.cmd_time_out_s = 2;
	rig_up(&r, &cfg);
	ringsim_set_time(r.dev, 10 * SEC + 1, 0);
	rig_nodata(&r, &cmd[0]);
	CU_ASSERT_EQUAL(r.dev->slots[cmd[0].id].deadline_ns, 13 * SEC);
	/* A CPU's whole seconds begin earlier by its skew: this one is over already. */
	ringsim_set_time(r.dev, 11 * SEC - 12000000 + 1, 12000000);
	rig_nodata(&r, &cmd[1]);
	CU_ASSERT_EQUAL(r.dev->slots[cmd[1].id].deadline_ns, 14 * SEC - 12000000);
	ringsim_set_time(r.dev, 9 * SEC, 0); /* never back */
	CU_ASSERT_EQUAL(rig_stats(&r).now_ns, 11 * SEC - 12000000 + 1);
	ringsim_time_out(r.dev);
	CU_ASSERT_EQUAL(r.n_done, 0);
	ringsim_set_time(r.dev, 13 * SEC, 0);
	CU_ASSERT_EQUAL(r.n_done, 0);
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), 13 * SEC);
	ringsim_time_out(r.dev);
	CU_ASSERT_EQUAL(r.n_done, 1);
	CU_ASSERT_EQUAL(cmd[0].outcome, RINGSIM_EXPIRED);
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), 14 * SEC - 12000000);
	ringsim_advance(r.dev, 14 * SEC);
	CU_ASSERT_EQUAL(cmd[1].outcome, RINGSIM_EXPIRED);
	rig_answer_all(&r);
	rig_down(&r);
}

/* Waiting TMRs are dropped when the ring breaks, new ones not even queued. */
static void test_tmr_broken(void)
{
	struct ringsim_config cfg = small_ring();
	struct ringsim_tmr tmr = { .type = 5 };
	struct ringsim_cmd cmd[6];
	struct rig r;

	cfg.tmr_notification = true;
	rig_up(&r, &cfg);
	fill(&r, cmd, 4); /* leaves 31 bytes */
	ringsim_tmr(r.dev, &tmr, NULL, 0);
	CU_ASSERT_EQUAL(rig_stats(&r).tmrs, 1);
	fill(&r, &cmd[4], 2);
	rig_answer(&r, 0, 0, TCMU_UFLAG_KEEP_BUF, 0);
	rig_answer(&r, 1, 0, TCMU_UFLAG_KEEP_BUF, 0);
	ringsim_doorbell(r.dev); /* the second answer of a kept command */
	/* the tail passed both answers before the first was taken: answered twice */
	rig_expect(&r, "HND-053", 128 + 120 + RINGSIM_OFF_ID);
	CU_ASSERT(rig_stats(&r).broken);
	CU_ASSERT_EQUAL(rig_stats(&r).kept, 1);
	CU_ASSERT_EQUAL(rig_stats(&r).tmrs, 0);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 0);
	CU_ASSERT_EQUAL(cmd[4].status, 2);
	CU_ASSERT_EQUAL(cmd[5].sense[12], 0x08);
	ringsim_tmr(r.dev, &tmr, NULL, 0);
	CU_ASSERT_EQUAL(rig_stats(&r).tmrs, 0);
	ringsim_reset(r.dev, 1);
	rig_down(&r);

	rig_up(&r, &cfg); /* a device that goes with a TMR waiting frees it */
	fill(&r, cmd, 4);
	ringsim_tmr(r.dev, &tmr, NULL, 0);
	rig_down(&r);
}

static void test_reset(void)
{
	struct ringsim_config cfg = small_ring();
	struct ringsim_cmd cmd[8];
	struct rig r;

	cfg.geo.cmdr_size = 640;
	rig_up(&r, &cfg);
	fill(&r, cmd, 3);
	rig_answer(&r, 0, 0, TCMU_UFLAG_KEEP_BUF, 0);
	ringsim_doorbell(r.dev);
	ringsim_advance(r.dev, 30 * SEC); /* expires 2 and 3 */
	fill(&r, &cmd[3], 4);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 2);
	CU_ASSERT_EQUAL(rig_stats(&r).inflight, 2);
	CU_ASSERT_EQUAL(rig_stats(&r).expired, 2);
	CU_ASSERT_EQUAL(ringsim_reset(r.dev, 1), 0);
	CU_ASSERT_EQUAL(cmd[3].outcome, RINGSIM_RESET);
	CU_ASSERT_EQUAL(cmd[4].status, 0x08);
	CU_ASSERT_EQUAL(rig_stats(&r).inflight, 2); /* from the queue */
	CU_ASSERT_EQUAL(cmd[5].id, 1);
	CU_ASSERT_EQUAL(rig_stats(&r).expired + rig_stats(&r).kept, 0);
	CU_ASSERT_EQUAL(rig_head(&r), 240);
	CU_ASSERT_EQUAL(rig_tail(&r), 0);
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), 60 * SEC);
	rig_answer_all(&r);
	rig_down(&r);
}

static void test_kept(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_tmr tmr = { .type = 5 };
	struct ringsim_cmd cmd[4];
	struct rig r;

	cfg.geo.data_blocks = 2;
	rig_up(&r, &cfg);
	CU_ASSERT_EQUAL(ringsim_free_kept(r.dev, 0), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_free_kept(r.dev, 65536), -ERANGE);
	rig_read(&r, &cmd[0], NULL, 8192);
	CU_ASSERT_EQUAL(ringsim_free_kept(r.dev, 1), -EINVAL);
	rig_read(&r, &cmd[1], NULL, 8192);
	rig_answer(&r, 0, 0, TCMU_UFLAG_KEEP_BUF, 0);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(cmd[0].outcome, RINGSIM_ANSWERED);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 1);
	CU_ASSERT_EQUAL(ringsim_free_kept(r.dev, 1), 0);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 0);
	CU_ASSERT_EQUAL(ringsim_free_kept(r.dev, 1), -EINVAL);
	ringsim_advance(r.dev, 30 * SEC);
	rig_answer(&r, 0, 0, TCMU_UFLAG_KEEP_BUF, 0); /* late, and kept all the same */
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(rig_stats(&r).kept, 1);
	rig_read(&r, &cmd[2], NULL, 1);
	ringsim_uio_close(&r.uio); /* frees it and drains */
	CU_ASSERT_EQUAL(rig_stats(&r).kept, 0);
	CU_ASSERT_EQUAL(rig_stats(&r).inflight, 1);
	CU_ASSERT_FALSE(rig_stats(&r).open);
	ringsim_uio_open(&r.uio);
	ringsim_uio_close(&r.uio);
	ringsim_uio_open(&r.uio);
	ringsim_tmr(r.dev, &tmr, NULL, 0); /* with notification off: answered, no entry */
	CU_ASSERT_EQUAL(r.n_tmrs, 1);
	CU_ASSERT_EQUAL(rig_stats(&r).tmr_entries, 0);
	rig_answer_all(&r);
	rig_down(&r);
}

/* A TMR that waits for ring space keeps freed buffers from draining the queue. */
static void test_kept_behind_tmr(void)
{
	struct ringsim_config cfg = small_ring();
	struct ringsim_tmr tmr = { .type = 5 };
	struct ringsim_cmd cmd[6];
	struct rig r;

	cfg.geo.cmdr_size = 520;
	cfg.geo.data_blocks = 2;
	cfg.tmr_notification = true;
	rig_up(&r, &cfg);
	rig_read(&r, &cmd[0], NULL, 8192);
	rig_answer(&r, 0, 0, TCMU_UFLAG_KEEP_BUF, 0);
	ringsim_doorbell(r.dev);
	fill(&r, &cmd[1], 4);
	ringsim_tmr(r.dev, &tmr, (struct ringsim_cmd *[]){ &cmd[1] }, 1);
	rig_read(&r, &cmd[5], NULL, 8192);
	CU_ASSERT_EQUAL(rig_stats(&r).tmrs, 1);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 1);
	CU_ASSERT_EQUAL(ringsim_free_kept(r.dev, 1), 0);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 1);
	CU_ASSERT_EQUAL(rig_stats(&r).qfull, 1);
	rig_answer_all(&r);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 0);
	rig_answer_all(&r);
	rig_down(&r);
}

/* Two devices, one budget of 8 pages. */
static void test_pool(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_pool *pool = ringsim_pool_create(8);
	struct ringsim_cmd cmd[4];
	struct rig a, b;

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	cfg.pool = pool;
	rig_up(&a, &cfg);
	rig_up(&b, &cfg);
	CU_ASSERT_EQUAL(ringsim_pool_due(pool), UINT64_MAX);
	rig_read(&a, &cmd[0], NULL, 6 * 4096);
	rig_read(&b, &cmd[1], NULL, 2 * 4096);
	CU_ASSERT_EQUAL(ringsim_pool_pages(pool), 8);
	CU_ASSERT_EQUAL(ringsim_pool_due(pool), UINT64_MAX);
	ringsim_pool_set_max(pool, 7);
	CU_ASSERT_EQUAL(ringsim_pool_due(pool), UINT64_MAX); /* what is there is not looked at */
	CU_ASSERT_EQUAL(ringsim_pool_run(pool, 0), 0);
	CU_ASSERT_EQUAL(ringsim_pool_due(pool), 5 * SEC); /* over the budget: again in 5 s */
	ringsim_pool_set_max(pool, 8);
	CU_ASSERT_EQUAL(ringsim_pool_run(pool, 5 * SEC), 0);
	CU_ASSERT_EQUAL(ringsim_pool_due(pool), UINT64_MAX);
	CU_ASSERT_EQUAL(ringsim_pool_run(pool, 0), 0);
	ringsim_advance(b.dev, SEC);
	rig_read(&b, &cmd[2], NULL, 1);
	CU_ASSERT_EQUAL(ringsim_pool_pages(pool), 9);
	CU_ASSERT_EQUAL(ringsim_pool_due(pool), SEC);
	CU_ASSERT_EQUAL(ringsim_pool_run(pool, SEC), 0); /* all busy up to the highest */
	CU_ASSERT_EQUAL(ringsim_pool_due(pool), 6 * SEC);
	rig_read(&b, &cmd[3], NULL, 1); /* a run is pending already */
	CU_ASSERT_EQUAL(ringsim_pool_due(pool), 6 * SEC);
	CU_ASSERT_EQUAL(rig_stats(&a).dbi_max, 5);
	rig_answer(&a, 0, 0, 0, 0); /* published, not rung: the reclaimer looks itself */
	CU_ASSERT_EQUAL(ringsim_pool_run(pool, 6 * SEC), 6);
	CU_ASSERT_EQUAL(a.n_done, 1);
	CU_ASSERT_EQUAL(ringsim_pool_pages(pool), 4);
	CU_ASSERT_EQUAL(ringsim_pool_due(pool), UINT64_MAX);
	CU_ASSERT_EQUAL(rig_stats(&a).dbi_thresh, 0);
	CU_ASSERT_FALSE(ringsim_page_present(a.dev, 0));
	CU_ASSERT(ringsim_page_present(b.dev, 3));
	CU_ASSERT_FALSE(ringsim_page_present(b.dev, 1u << 30));
	rig_answer(&b, 0, 0, 0, 0); /* 0 and 1 are free, 2 and 3 busy */
	rig_read(&a, &cmd[0], NULL, 5 * 4096);
	CU_ASSERT_EQUAL(ringsim_pool_run(pool, 7 * SEC), 0);
	CU_ASSERT_EQUAL(rig_stats(&b).blocks_used, 2);
	rig_answer(&b, cmd[3].id, 0, 0, 0); /* 3 gets free: one page above block 2 */
	CU_ASSERT_EQUAL(ringsim_pool_run(pool, 12 * SEC), 1);
	CU_ASSERT_EQUAL(rig_stats(&b).dbi_thresh, 3);
	CU_ASSERT_EQUAL(rig_stats(&b).dbi_max, 2);
	rig_entry(&b, rig_tail(&b))->hdr.cmd_id = cmd[2].id;
	rig_answer_all(&b);
	CU_ASSERT_EQUAL(ringsim_pool_run(pool, 13 * SEC), 0); /* within the budget */
	rig_read(&a, &cmd[1], NULL, 12 * 4096);
	CU_ASSERT_EQUAL(ringsim_pool_run(pool, 14 * SEC), 3); /* b has gone idle */
	CU_ASSERT_EQUAL(rig_stats(&b).dbi_thresh, 0);
	CU_ASSERT_EQUAL(ringsim_pool_run(pool, 19 * SEC), 0); /* and is left alone now */
	rig_answer_all(&a);
	rig_down(&a); /* its pages go with it */
	CU_ASSERT_EQUAL(ringsim_pool_pages(pool), 0);
	rig_read(&b, &cmd[1], NULL, 12 * 4096); /* who is left is still looked after */
	rig_answer(&b, 0, 0, 0, 0);
	CU_ASSERT_EQUAL(ringsim_pool_run(pool, 30 * SEC), 12);
	CU_ASSERT_EQUAL(cmd[1].outcome, RINGSIM_ANSWERED);
	rig_down(&b);
	CU_ASSERT_EQUAL(ringsim_pool_pages(pool), 0);
	ringsim_pool_destroy(pool);
}

/* Nothing lies above the highest busy block: nothing changes, dbi_thresh neither. */
static void test_pool_busy(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[4];
	struct rig r;

	rig_up(&r, &cfg);
	r.dev->pool->max_pages = 1;
	rig_read(&r, &cmd[0], NULL, 1);
	rig_read(&r, &cmd[1], NULL, 1);
	rig_read(&r, &cmd[2], NULL, 1);
	rig_answer(&r, 2, 0, 0, 0);
	ringsim_doorbell(r.dev);
	rig_read(&r, &cmd[3], NULL, 8192); /* blocks 1 and 3 */
	CU_ASSERT_EQUAL(rig_stats(&r).dbi_thresh, 5);
	CU_ASSERT_EQUAL(rig_stats(&r).dbi_max, 3);
	CU_ASSERT_EQUAL(ringsim_pool_run(r.dev->pool, 0), 0);
	CU_ASSERT_EQUAL(rig_stats(&r).dbi_thresh, 5);
	CU_ASSERT_EQUAL(rig_stats(&r).dbi_max, 3);
	rig_answer(&r, 1, 0, 0, 0);
	rig_answer(&r, 3, 0, 0, 0);
	rig_answer(&r, cmd[3].id, 0, 0, 0);
	ringsim_doorbell(r.dev);
	rig_down(&r);
}

/* A device alone has a budget too; its reclaimer runs with its clock. */
static void test_own_pool(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[2];
	struct rig r;

	cfg.cmd_time_out_s = 7;
	rig_up(&r, &cfg);
	CU_ASSERT_EQUAL(r.dev->pool->max_pages, 2048u << 20 >> 12);
	r.dev->pool->max_pages = 8;
	rig_read(&r, &cmd[0], NULL, 8 * 4096);
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), 7 * SEC);
	rig_read(&r, &cmd[1], NULL, 4096);
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), 0);
	ringsim_advance(r.dev, 7 * SEC); /* both expire, which is no reason to reclaim */
	CU_ASSERT_EQUAL(r.n_done, 2);
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), 10 * SEC);
	rig_answer(&r, 0, 0, 0, 0);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_advance(r.dev, 10 * SEC);
	CU_ASSERT_EQUAL(rig_stats(&r).pages_used, 0);
	CU_ASSERT_EQUAL(ringsim_next_timer(r.dev), UINT64_MAX);
	rig_down(&r);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "deadlines are rounded up", test_rounding },
		{ "no time-out on the ring", test_never },
		{ "time-out of the queue", test_qfull_time_out },
		{ "draining", test_drain },
		{ "refused while draining", test_drain_refused },
		{ "task management", test_tmr },
		{ "task management and BROKEN", test_tmr_broken },
		{ "late worker", test_late_worker },
		{ "reset", test_reset },
		{ "kept buffers", test_kept },
		{ "kept buffers behind a TMR", test_kept_behind_tmr },
		{ "a shared pool", test_pool },
		{ "a pool that can free nothing", test_pool_busy },
		{ "a pool of one's own", test_own_pool },
		CU_TEST_INFO_NULL,
	};

	return rig_run("timer", tests);
}
