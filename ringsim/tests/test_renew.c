/* SPDX-License-Identifier: MIT */
/*
 * A renewed device: nothing of what was done to it before can be told from a new one, in its region
 * as well as in what it does next; and it is refused where that could not be promised.
 */
#include "../internal.h"
#include "rig.h"

#include <errno.h>
#include <unistd.h>

#define CMDS  24
#define MOVES 400

/* Traffic that a seed makes; the same on any device. */
struct play {
	struct rig *r;
	struct ringsim_cmd cmd[CMDS];
	uint64_t rng, now_ns;
	uint8_t out[CMDS][20000], in[CMDS][20000];
	struct iovec sg[CMDS], bidi[CMDS];
};

static uint32_t below(struct play *p, uint32_t n)
{
	return (uint32_t)(rig_random(&p->rng) % n);
}

/* The device has it. */
static bool owned(const struct ringsim_cmd *cmd)
{
	return cmd->cdb && cmd->outcome == RINGSIM_PENDING;
}

static void submit(struct play *p)
{
	static const uint8_t cdb[16] = { 0x28 };
	uint32_t i = below(p, CMDS), len = below(p, 20000);
	enum ringsim_dir dir = (enum ringsim_dir)below(p, 4);

	if (owned(&p->cmd[i]))
		return;
	memset(p->out[i], (int)below(p, 256), sizeof(p->out[i]));
	p->sg[i] = (struct iovec){ p->out[i], len };
	p->bidi[i] = (struct iovec){ p->in[i], len / 2 };
	rig_cmd(&p->cmd[i], cdb, dir, &p->sg[i], len);
	p->cmd[i].cdb_room = sizeof(cdb);
	if (dir == RINGSIM_BIDI) {
		p->cmd[i].bidi_sg = &p->bidi[i];
		p->cmd[i].bidi_cnt = 1;
	}
	ringsim_submit(p->r->dev, &p->cmd[i]);
}

/* A proper answer to the oldest command; its Data-In is written as far as it goes. */
static void answer(struct play *p)
{
	uint32_t tail = rig_tail(p->r), i;
	struct tcmu_cmd_entry *e = rig_entry(p->r, tail);

	if (tail == rig_head(p->r))
		return;
	if (tcmu_hdr_get_op(e->hdr.len_op) == TCMU_OP_CMD) {
		for (i = 0; i < e->req.iov_cnt + e->req.iov_bidi_cnt && i < 4; i++)
			memset(p->r->mem + (uintptr_t)e->req.iov[i].iov_base, 0x5a,
			       e->req.iov[i].iov_len);
		rig_answer(p->r, 0, 0, below(p, 8) ? 0 : TCMU_UFLAG_KEEP_BUF, 0);
	} else {
		rig_set_tail(p->r, rig_after(p->r, tail));
	}
	ringsim_doorbell(p->r->dev);
}

static void play(struct play *p, struct rig *r, uint64_t seed)
{
	uint32_t i;

	memset(p, 0, sizeof(*p));
	p->r = r;
	p->rng = seed;
	for (i = 0; i < MOVES; i++) {
		switch (below(p, 16)) {
		case 0:
			ringsim_advance(r->dev, p->now_ns += SEC * below(p, 20));
			break;
		case 1:
			ringsim_reset(r->dev, 1 + below(p, 2));
			break;
		case 2:
			ringsim_free_kept(r->dev, 1 + below(p, 4));
			break;
		case 3:
		case 4:
		case 5:
		case 6:
			answer(p);
			break;
		default:
			submit(p);
			break;
		}
	}
	ringsim_sweep(r->dev);
	rig_clean(r);
}

static struct ringsim_config config(bool sanitize)
{
	struct ringsim_config cfg = RIG_CONFIG;

	cfg.geo.cmdr_size = 8 * 509;
	cfg.geo.data_blocks = 40;
	cfg.tmr_notification = true;
	cfg.sanitize = sanitize;
	cfg.poison_seed = sanitize ? 7 : 0;
	return cfg;
}

static void renew(struct rig *r, const struct ringsim_config *cfg)
{
	ringsim_uio_unregister(&r->uio);
	CU_ASSERT_EQUAL_FATAL(ringsim_device_renew(r->dev, cfg, r->dev->ops, r), 0);
	r->uio = (struct ringsim_uio){ .dev = r->dev };
	CU_ASSERT_EQUAL_FATAL(ringsim_uio_open(&r->uio), 0);
	r->n_done = r->n_events = r->n_tmrs = 0;
}

static void expect_same(const struct rig *a, const struct rig *b)
{
	struct ringsim_stats x = rig_stats(a), y = rig_stats(b);

	CU_ASSERT_EQUAL(memcmp(a->mem, b->mem, a->lay->data_off), 0);
	CU_ASSERT_EQUAL(x.reclaim, y.reclaim);
	CU_ASSERT_EQUAL(x.inflight + x.expired + x.kept, y.inflight + y.expired + y.kept);
	CU_ASSERT_EQUAL(x.queued, y.queued);
	CU_ASSERT_EQUAL(x.blocks_used, y.blocks_used);
	CU_ASSERT_EQUAL(x.peak_blocks, y.peak_blocks);
	CU_ASSERT_EQUAL(x.dbi_thresh, y.dbi_thresh);
	CU_ASSERT_EQUAL(x.dbi_max, y.dbi_max);
	CU_ASSERT_EQUAL(x.cmds, y.cmds);
	CU_ASSERT_EQUAL(x.pads, y.pads);
	CU_ASSERT_EQUAL(x.completed, y.completed);
	CU_ASSERT_EQUAL(x.events, y.events);
	CU_ASSERT_EQUAL(x.now_ns, y.now_ns);
	CU_ASSERT_EQUAL(ringsim_next_timer(a->dev), ringsim_next_timer(b->dev));
	CU_ASSERT_EQUAL(a->n_done, b->n_done);
	CU_ASSERT_EQUAL(a->n_events, b->n_events);
}

/* Pages that exist hold the same, and no other exists. */
static void expect_same_data(const struct rig *a, const struct rig *b)
{
	uint64_t off, page;

	for (page = 0; page < a->lay->pages; page++) {
		bool is = ringsim_page_present(a->dev, (uint32_t)page);

		off = a->lay->data_off + page * a->lay->page_size;
		CU_ASSERT_EQUAL(is, ringsim_page_present(b->dev, (uint32_t)page));
		CU_ASSERT_EQUAL(
			lseek(ringsim_region_fd(a->dev), (off_t)off, SEEK_DATA) == (off_t)off, is);
		if (is)
			CU_ASSERT_EQUAL(memcmp(a->mem + off, b->mem + off, a->lay->page_size), 0);
	}
}

/* The used device of @first goes on as one of @second would that is new. */
static void compare(const struct ringsim_config *first, const struct ringsim_config *second)
{
	static struct play p, q;
	struct rig used, fresh;
	uint64_t seed;

	rig_up(&used, first);
	for (seed = 1; seed < 20; seed++) {
		play(&p, &used, seed);
		renew(&used, second);
		rig_up(&fresh, second);
		expect_same(&used, &fresh);
		expect_same_data(&used, &fresh);
		play(&p, &used, seed + 1000);
		play(&q, &fresh, seed + 1000);
		expect_same(&used, &fresh);
		expect_same_data(&used, &fresh);
		CU_ASSERT_EQUAL(memcmp(p.in, q.in, sizeof(p.in)), 0);
		rig_down(&fresh);
		renew(&used, first);
	}
	rig_down(&used);
}

static void test_sanitized(void)
{
	struct ringsim_config first = config(true), second = config(true);

	compare(&first, &second);
	second.poison_seed = 8;
	second.start = 1600;
	second.first_event = 77;
	second.qfull_time_out_s = 0;
	compare(&first, &second);
	second.poison_seed = 0;
	compare(&first, &second);
}

/* What one shape leaves behind must not show in the third after it. */
static void through_shapes(const struct ringsim_config *first)
{
	static struct play p;
	struct ringsim_config cfg = *first;
	uint64_t rng = 1, i;
	struct rig r;

	rig_up(&r, first);
	for (i = 0; i < 60; i++) {
		play(&p, &r, i);
		cfg.geo.cmdr_size = 512 + 8 * (uint32_t)(rig_random(&rng) % 8000);
		cfg.geo.data_blocks = 1 + (uint32_t)(rig_random(&rng) % 180);
		cfg.poison_seed = rig_random(&rng) & 1;
		renew(&r, &cfg);
	}
	rig_down(&r);
}

static void test_shapes(void)
{
	struct ringsim_config first = config(true), second;
	static const uint32_t rings[] = { 512, 4072, 8192, 65536 }, blocks[] = { 1, 7, 64, 200 };
	uint32_t i;

	first.geo.cmdr_size = 65536;
	first.geo.data_blocks = 200;
	for (i = 0; i < 12; i++) {
		first.poison_seed = i & 1;
		second = config(true);
		second.poison_seed = i & 2;
		second.geo.cmdr_off = i % 3 ? 0 : 4096;
		second.geo.cmdr_size = rings[i % 4] - (i % 3 ? 0 : 4096 * (i % 4 == 3));
		second.geo.data_blocks = blocks[i / 3];
		second.geo.pages_per_blk = i < 6 ? 1 + i % 3 : 1;
		compare(&first, &second);
	}
	through_shapes(&first);
	first = config(false);
	first.geo.data_blocks = 64;
	second = config(false);
	second.geo.cmdr_size = 512;
	compare(&first, &second);
}

static void test_bare(void)
{
	struct ringsim_config first = config(false), second = config(false);

	second.start = 800;
	second.flags = TCMU_MAILBOX_FLAG_CAP_TMR;
	second.set_flags = true;
	compare(&first, &second);
}

static void refused(struct rig *r, const struct ringsim_config *cfg)
{
	CU_ASSERT_EQUAL(ringsim_device_renew(r->dev, cfg, r->dev->ops, r), -EINVAL);
}

static void test_refused(void)
{
	struct ringsim_config cfg = config(true), other = cfg;
	struct ringsim_pool *pool = ringsim_pool_create(10);
	struct rig r;

	rig_up(&r, &cfg);
	other.geo.cmdr_size += 8;
	refused(&r, &other);
	other = cfg;
	other.geo.data_blocks++;
	refused(&r, &other);
	other = cfg;
	other.geo.page_size = 5;
	refused(&r, &other);
	other = cfg;
	other.sanitize = false;
	refused(&r, &other);
	other = cfg;
	other.start = 4;
	refused(&r, &other);
	other = cfg;
	other.pool = pool;
	refused(&r, &other);
	r.mem[0] ^= 1; /* what else did it store? */
	ringsim_observe(r.dev);
	rig_expect(&r, "HND-023", 0);
	refused(&r, &cfg);
	rig_down(&r);
	ringsim_pool_destroy(pool);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "with the sanitizer, as new", test_sanitized },
		{ "of another shape", test_shapes },
		{ "without it, as new", test_bare },
		{ "refused where it cannot be promised", test_refused },
		CU_TEST_INFO_NULL,
	};

	return rig_run("renew", tests);
}
