/* SPDX-License-Identifier: MIT */
/*
 * A handler that stores anything anywhere at any moment (DIS-12, TRP-01, TRP-02): no call may
 * crash, loop or touch memory outside the region, whatever is found there, sanitizer on or off.
 * AddressSanitizer and the test runner's time limit are the judges; what can be asserted besides is
 * that bookkeeping which no handler can reach stays whole and every command ends at most once.
 */
#include "rig.h"

#include "../internal.h"

#include <pthread.h>
#include <stdio.h>

#define CMDS 64

struct game {
	struct rig r;
	uint64_t rng;
	struct ringsim_cmd cmd[CMDS];
	bool busy[CMDS];
	uint8_t *buf;
	struct iovec sg[2];
	uint8_t cdb[16];
	struct ringsim_tmr tmr[8];
	uint64_t now_ns, over;
};

static uint32_t below(struct game *g, uint32_t n)
{
	return (uint32_t)(rig_random(&g->rng) % n);
}

/* A command that nobody submitted came back, or one came back twice. */
static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct game *g = ctx;
	size_t i = (size_t)(cmd - g->cmd);

	CU_ASSERT_FATAL(i < CMDS && g->busy[i]);
	g->busy[i] = false;
	g->over++;
}

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	static char text[8192];

	(void)ctx;
	CU_ASSERT_FATAL(ringsim_violation_text(v, text, sizeof(text)) > 10);
}

static const struct ringsim_ops ops = { .complete = on_complete, .violation = on_violation };

static uint32_t nasty(struct game *g)
{
	static const uint32_t list[] = { 0,	 1,	   7,	       8,	   0x79,       0x81,
					 0x7f,	 4,	   0x80000000, 0xffffffff, 0xfffffff8, 128,
					 0x1000, 0xfff000, 65535,      65536,	   0x10001 };
	uint32_t size = g->r.lay->cmdr_size;

	switch (below(g, 6)) {
	case 0:
		return list[below(g, sizeof(list) / sizeof(list[0]))];
	case 1:
		return below(g, size / 8 + 2) * 8;
	case 2:
		return size - 8 * below(g, 4);
	case 3: /* right by accident */
		return rig_head(&g->r);
	case 4:
		return below(g, CMDS);
	default:
		return (uint32_t)rig_random(&g->rng);
	}
}

static void scribble(struct game *g)
{
	const struct ringsim_layout *lay = g->r.lay;
	uint64_t off;

	switch (below(g, 8)) {
	case 0:
		rig_put32(&g->r, RINGSIM_OFF_TAIL, nasty(g));
		return;
	case 1:
		rig_put32(&g->r, RINGSIM_OFF_HEAD, nasty(g));
		return;
	case 2:
		rig_put32(&g->r, below(g, 32) * 4, nasty(g));
		return;
	case 3: /* into an entry that is likely to be looked at */
		off = lay->cmdr_off + below(g, 2) * (rig_tail(&g->r) % lay->cmdr_size & ~7u) +
		      below(g, 32) * 4;
		break;
	case 4:
		off = lay->data_off + below(g, (uint32_t)lay->data_size / 4) * 4;
		break;
	default:
		off = lay->cmdr_off + below(g, lay->cmdr_size / 4) * 4;
		break;
	}
	if (off + 4 <= lay->region_size)
		rig_put32(&g->r, off, nasty(g));
}

/* Behaves for once: answers what lies at the tail if that is an entry at all. */
static void answer(struct game *g)
{
	uint32_t tail = rig_tail(&g->r), len;

	if (tail % 8 || tail >= g->r.lay->cmdr_size || tail == rig_head(&g->r))
		return;
	len = tcmu_hdr_get_len(rig_entry(&g->r, tail)->hdr.len_op);
	rig_entry(&g->r, tail)->rsp.scsi_status = (uint8_t)(below(g, 4) ? 0 : nasty(g));
	rig_entry(&g->r, tail)->hdr.uflags = (uint8_t)(below(g, 4) ? 0 : below(g, 8));
	if (!below(g, 4))
		rig_entry(&g->r, tail)->hdr.cmd_id = (uint16_t)nasty(g);
	rig_set_tail(&g->r, (tail + len) % g->r.lay->cmdr_size);
}

static void submit(struct game *g)
{
	uint32_t i = below(g, CMDS);
	struct ringsim_cmd *cmd = &g->cmd[i];

	if (g->busy[i])
		return;
	g->cdb[0] = (uint8_t)rig_random(&g->rng);
	rig_cmd(cmd, g->cdb, (enum ringsim_dir)below(g, 4), g->sg, below(g, 5 * 4096));
	cmd->cdb_room = sizeof(g->cdb);
	cmd->sg_cnt = below(g, 3);
	cmd->bidi_sg = g->sg;
	cmd->bidi_cnt = below(g, 3);
	cmd->aborted = !below(g, 16);
	g->busy[i] = true;
	ringsim_submit(g->r.dev, cmd);
}

static void abort_some(struct game *g)
{
	struct ringsim_tmr *tmr = &g->tmr[below(g, 8)];
	struct ringsim_cmd *list[CMDS];
	uint32_t i, n = 0;

	if (tmr->pending)
		return;
	for (i = 0; i < CMDS; i++)
		if (g->busy[i] && !below(g, 3))
			list[n++] = &g->cmd[i];
	tmr->type = (uint8_t)below(g, 9);
	ringsim_tmr(g->r.dev, tmr, list, n);
}

static void look(struct game *g)
{
	struct ringsim_entry e;
	char buf[4096];

	ringsim_dump(g->r.dev, buf, below(g, sizeof(buf)));
	ringsim_entry_at(g->r.dev, below(g, 20), &e);
	ringsim_handler_sleeps(g->r.dev);
	ringsim_observe(g->r.dev);
}

static void recover(struct game *g)
{
	switch (below(g, 8)) {
	case 0:
		ringsim_reset(g->r.dev, 1 + below(g, 2));
		break;
	case 1:
		ringsim_block(g->r.dev, true);
		ringsim_block(g->r.dev, false);
		break;
	case 2:
		ringsim_free_kept(g->r.dev, nasty(g));
		break;
	case 3:
		ringsim_uio_close(&g->r.uio);
		ringsim_uio_open(&g->r.uio);
		break;
	case 4:
		ringsim_put_raw(g->r.dev, below(g, 9), below(g, 40) * 8, 0xff);
		break;
	case 5:
		ringsim_put_decoy(g->r.dev, below(g, 3));
		break;
	case 6:
		ringsim_pool_run(g->r.dev->pool, g->now_ns);
		break;
	default:
		ringsim_sweep(g->r.dev);
		break;
	}
}

static void move(struct game *g)
{
	uint32_t what = below(g, 32);

	if (what < 12)
		submit(g);
	else if (what < 18)
		answer(g);
	else if (what < 20)
		scribble(g);
	else if (what < 25)
		ringsim_doorbell(g->r.dev);
	else if (what < 27)
		ringsim_advance(g->r.dev, g->now_ns += below(g, 4) * SEC);
	else if (what < 28)
		abort_some(g);
	else if (what < 29)
		look(g);
	else if (what < 31)
		recover(g);
	else
		(below(g, 2) ? ringsim_plug : ringsim_unplug)(g->r.dev);
}

static void begin(struct game *g, uint64_t seed, bool sanitize)
{
	static const uint32_t sizes[] = { 512, 8 * 67, 8 * 251, 8 * 997 };
	struct ringsim_config cfg = RIG_CONFIG;

	memset(g, 0, sizeof(*g));
	g->rng = seed;
	cfg.geo.cmdr_size = sizes[seed % 4];
	cfg.geo.cmdr_off = seed % 3 ? 128 : 4096;
	cfg.geo.data_blocks = 5 + (uint32_t)(seed % 7);
	cfg.geo.pages_per_blk = 1 + (uint32_t)(seed % 2);
	cfg.cmd_time_out_s = (uint32_t)(seed % 4);
	cfg.tmr_notification = seed % 2;
	cfg.sanitize = sanitize;
	cfg.poison_seed = seed % 2;
	rig_up(&g->r, &cfg);
	g->r.dev->ops = &ops;
	g->r.dev->ctx = g;
	g->r.dev->pool->max_pages = 4;
	g->buf = malloc(8000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->buf);
	g->sg[0] = (struct iovec){ g->buf, 3000 };
	g->sg[1] = (struct iovec){ g->buf + 3000, 5000 };
}

/* Whatever happened, a reset makes the device whole again. */
static void end(struct game *g)
{
	struct ringsim_stats st;
	uint32_t i;

	ringsim_block(g->r.dev, true);
	ringsim_reset(g->r.dev, 1);
	ringsim_block(g->r.dev, false);
	ringsim_stats(g->r.dev, &st);
	CU_ASSERT_EQUAL(st.inflight + st.expired + st.kept + st.queued + st.blocks_used, 0);
	CU_ASSERT_EQUAL(st.completed, g->over);
	for (i = 0; i < CMDS; i++)
		CU_ASSERT_FALSE(g->busy[i]);
	for (i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(g->tmr[i].pending, 0);
	rig_nodata(&g->r, &g->cmd[0]);
	g->busy[0] = true;
	CU_ASSERT_EQUAL(g->cmd[0].id, 1);
	rig_answer_all(&g->r);
	CU_ASSERT_EQUAL(g->cmd[0].outcome, RINGSIM_ANSWERED);
	ringsim_uio_close(&g->r.uio);
	ringsim_device_destroy(g->r.dev);
	free(g->r.seen);
	free(g->buf);
}

static void play(bool sanitize)
{
	struct game g;
	uint64_t seed;
	uint32_t i;

	for (seed = 1; seed <= 60; seed++) {
		begin(&g, seed, sanitize);
		for (i = 0; i < 1500; i++)
			move(&g);
		end(&g);
	}
}

static void test_on(void)
{
	play(true);
}

static void test_off(void)
{
	play(false);
}

/* The same from another thread, between any two instructions of a call. */
struct vandal {
	struct game *g;
	bool stop;
};

static void *vandalise(void *arg)
{
	struct vandal *v = arg;
	const struct ringsim_layout *lay = v->g->r.lay;
	uint64_t rng = 77, word;

	while (!__atomic_load_n(&v->stop, __ATOMIC_RELAXED)) {
		word = rig_random(&rng);
		__atomic_store_n((uint32_t *)(void *)(v->g->r.mem + RINGSIM_OFF_TAIL),
				 (uint32_t)word % (lay->cmdr_size / 8) * 8, __ATOMIC_RELAXED);
		__atomic_store_n(
			(uint32_t *)(void *)(v->g->r.mem + lay->cmdr_off +
					     (uint32_t)(word >> 32) % (lay->cmdr_size / 4) * 4),
			(uint32_t)word & 0xff, __ATOMIC_RELAXED);
		if (!(word % 64))
			__atomic_store_n((uint32_t *)(void *)(v->g->r.mem + RINGSIM_OFF_HEAD),
					 (uint32_t)(word >> 8), __ATOMIC_RELAXED);
	}
	return NULL;
}

static void race(bool sanitize)
{
	struct game g;
	struct vandal v = { .g = &g };
	pthread_t thread;
	uint32_t i;

	begin(&g, 2, sanitize);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, vandalise, &v), 0);
	for (i = 0; i < 20000; i++) {
		move(&g);
		if (rig_stats(&g.r).broken)
			ringsim_reset(g.r.dev, 1);
	}
	__atomic_store_n(&v.stop, true, __ATOMIC_RELAXED);
	CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
	end(&g);
}

static void __attribute__((unused)) test_race(void)
{
	race(true);
	race(false);
}

/* A READ with room behind its CDB: of the kind that is sent and ended in runs. */
static void read_plain(struct rig *r, struct ringsim_cmd *cmd)
{
	static const uint8_t cdb[16] = { 0x28 };

	rig_cmd(cmd, cdb, RINGSIM_FROM_DEVICE, NULL, 4096);
	cmd->cdb_room = sizeof(cdb);
	ringsim_submit(r->dev, cmd);
}

/*
 * The kernel's half goes by its own records: an entry of 120 bytes that is made to look like those
 * of 128 around it is found out, and nothing behind it ends, in a run of any length. The answer in
 * it is to one of the others, which is like its neighbours in everything else.
 */
static void disguise(bool reset_first)
{
	struct ringsim_config cfg = RIG_CONFIG;
	uint32_t i, odd, first;
	struct ringsim_cmd cmd[6];
	struct rig r;

	cfg.sanitize = false;
	for (odd = 0; odd < 4; odd++) {
		rig_up(&r, &cfg);
		for (i = 0; i < 6; i++) /* blocks that have a page are taken in a run */
			read_plain(&r, &cmd[i]);
		rig_answer_all(&r);
		for (i = 0; reset_first && i < 3; i++)
			read_plain(&r, &cmd[i]);
		if (reset_first)
			CU_ASSERT_EQUAL(ringsim_reset(r.dev, 1), 0);
		first = rig_head(&r);
		r.n_done = 0;
		for (i = 0; i < 6; i++)
			if (i == odd)
				rig_nodata(&r, &cmd[i]);
			else
				read_plain(&r, &cmd[i]);
		CU_ASSERT_EQUAL_FATAL(rig_entry(&r, first + odd * 128)->hdr.len_op,
				      120 | TCMU_OP_CMD);
		for (i = 0; i < 6; i++)
			rig_entry(&r, first + i * 128 - (i > odd ? 8 : 0))->rsp.scsi_status = 0;
		rig_entry(&r, first + odd * 128)->hdr.len_op = 128 | TCMU_OP_CMD;
		rig_entry(&r, first + odd * 128)->hdr.cmd_id = cmd[5].id;
		rig_entry(&r, first + 5 * 128 - 8)->hdr.cmd_id = cmd[odd].id;
		rig_set_tail(&r, rig_head(&r));
		ringsim_doorbell(r.dev);
		CU_ASSERT_TRUE(rig_stats(&r).broken);
		CU_ASSERT_EQUAL(r.n_done, odd);
		rig_expect(&r, "HND-023", r.lay->cmdr_off + first + odd * 128);
		rig_down(&r);
	}
}

static void test_disguise(void)
{
	disguise(false);
	disguise(true);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "a length that makes an entry look like others", test_disguise },
		{ "anything anywhere, sanitizer on", test_on },
		{ "anything anywhere, sanitizer off", test_off },
#ifndef __SANITIZE_THREAD__ /* whose reports of the vandal would be right, and no news */
		{ "at the same time", test_race },
#endif
		CU_TEST_INFO_NULL,
	};

	return rig_run("hostile", tests);
}
