/* SPDX-License-Identifier: MIT */
/*
 * Nobody watching changes nothing: what goes straight through submit.c and walk.c where neither
 * sanitizer nor tap is there, many at a time, leaves the same bytes, numbers and outcomes as the
 * watched way, one by one.
 *
 * Two devices, one with the sanitizer, get the same random commands, answers, aborts and time. The
 * ring is small, so that it wraps, is full and has PADs, and so is the data area; or there are more
 * commands than there are records at first.
 */
#include "rig.h"

#include "../internal.h"

#define CMDS 600u
#define FEW  48u

/* One side: a device, its commands and their buffers. */
struct side {
	struct rig r;
	uint32_t n_cmds;
	struct ringsim_tmr tmr;
	struct ringsim_cmd cmds[CMDS];
	uint8_t cdbs[CMDS][32];
	uint8_t data[CMDS][3 * 4096];
	struct iovec sg[CMDS];
};

static struct side sides[2];

static const uint8_t opcodes[] = {
	0x28, 0x28, 0x28, 0x28, 0x2a, 0x2a, 0x88, 0xa8, 0x08, 0x7f, 0xc0
};
static const uint32_t lengths[] = { 4096, 4096, 4096, 4096, 512, 1, 0, 4097, 8192, 3 * 4096 };

#define PICK(table, random) table[(random) % (sizeof(table) / sizeof(table[0]))]

static struct ringsim_cmd *prepare(struct side *s, uint32_t i, uint64_t random)
{
	struct ringsim_cmd *cmd = &s->cmds[i];
	uint8_t *cdb = s->cdbs[i];
	uint32_t k;

	for (k = 0; k < sizeof(s->cdbs[i]); k++)
		cdb[k] = (uint8_t)(random >> k % 8 * 8 ^ k * 37);
	cdb[0] = PICK(opcodes, random);
	cdb[7] = cdb[0] == 0x7f ? 24 : cdb[7];
	memset(s->data[i], (int)(random >> 8), sizeof(s->data[i]));
	s->sg[i] = (struct iovec){ s->data[i], PICK(lengths, random >> 16) };
	rig_cmd(cmd, cdb, cdb[0] == 0x2a ? RINGSIM_TO_DEVICE : RINGSIM_FROM_DEVICE,
		random >> 24 & 1 ? &s->sg[i] : NULL, (uint32_t)s->sg[i].iov_len);
	cmd->cdb_room = random >> 25 & 7 ? sizeof(s->cdbs[i]) : 12;
	return cmd;
}

/* The watched side takes the way that ringsim_submit_all() is said to be the same as. */
static void submit(struct side *s, struct ringsim_cmd *const *cmds, uint32_t n)
{
	uint32_t i;

	if (s == &sides[1]) {
		ringsim_submit_all(s->r.dev, cmds, n);
		return;
	}
	ringsim_plug(s->r.dev);
	for (i = 0; i < n; i++)
		ringsim_submit(s->r.dev, cmds[i]);
	ringsim_unplug(s->r.dev);
}

/* Answers for @n of the commands that own an id, in an order that @random makes. */
static void answer(struct side *s, uint32_t n, uint64_t random)
{
	bool sorted = random >> 60 & 1;
	uint16_t ids[CMDS], swap;
	uint32_t cnt = 0, i, k;

	for (i = 1; i <= CMDS; i++)
		if (ringsim_id_used(s->r.dev, i))
			ids[cnt++] = (uint16_t)i;
	for (i = 0; i < n && i < cnt && rig_tail(&s->r) != rig_head(&s->r); i++) {
		k = sorted ? i : i + (uint32_t)(rig_random(&random) % (cnt - i));
		swap = ids[k];
		ids[k] = ids[i];
		ids[i] = swap;
		k = (uint32_t)(rig_random(&random) % 16);
		rig_answer(&s->r, swap, k == 1 ? 0x08 : 0x00, k == 2 ? TCMU_UFLAG_READ_LEN : 0,
			   k == 2 ? 100 : 0);
	}
	ringsim_doorbell(s->r.dev);
}

/* Data-In is what the handler stored: something, in all of the data area that has pages. */
static void scribble(struct side *s, uint8_t byte)
{
	const struct ringsim_layout *lay = s->r.lay;
	uint32_t i;

	for (i = 0; i < lay->blocks; i++)
		if (ringsim_block_used(s->r.dev, i))
			s->r.mem[lay->data_off + (uint64_t)i * lay->blk_size] = byte;
}

#define SAME(field) CU_ASSERT_EQUAL_FATAL(x.field, y.field)

static void compare(void)
{
	const struct ringsim_layout *lay = sides[0].r.lay;
	struct ringsim_stats x = rig_stats(&sides[0].r), y = rig_stats(&sides[1].r);
	uint32_t i;

	SAME(reclaim);
	SAME(tail);
	SAME(head);
	SAME(inflight);
	SAME(expired);
	SAME(queued);
	SAME(blocks_used);
	SAME(pages_used);
	SAME(peak_blocks);
	SAME(dbi_thresh);
	SAME(dbi_max);
	SAME(events);
	SAME(broken);
	CU_ASSERT_FALSE_FATAL(x.broken);
	SAME(cmds);
	SAME(pads);
	SAME(qfull);
	SAME(completed);
	CU_ASSERT_EQUAL_FATAL(memcmp(sides[0].r.mem, sides[1].r.mem, lay->region_size), 0);
	CU_ASSERT_EQUAL(ringsim_next_timer(sides[0].r.dev), ringsim_next_timer(sides[1].r.dev));
	for (i = 0; i < sides[0].n_cmds; i++) {
		const struct ringsim_cmd *a = &sides[0].cmds[i], *b = &sides[1].cmds[i];

		CU_ASSERT_EQUAL_FATAL(a->outcome, b->outcome);
		CU_ASSERT_EQUAL_FATAL(a->state, b->state);
		CU_ASSERT_EQUAL_FATAL(a->status, b->status);
		CU_ASSERT_EQUAL_FATAL(a->id, b->id);
		CU_ASSERT_EQUAL_FATAL(a->sense_valid, b->sense_valid);
		CU_ASSERT_EQUAL_FATAL(a->residual, b->residual);
		CU_ASSERT_EQUAL_FATAL(a->data_in, b->data_in);
		CU_ASSERT_EQUAL_FATAL(
			memcmp(sides[0].data[i], sides[1].data[i], sizeof(sides[0].data[i])), 0);
	}
}

/* Task management for one command, wherever it is, unless another is under way. */
static void abort_one(struct side *s, uint64_t random)
{
	struct ringsim_cmd *cmd = &s->cmds[random % s->n_cmds];

	if (s->tmr.pending)
		return;
	s->tmr = (struct ringsim_tmr){ .type = TCMU_TMR_ABORT_TASK };
	ringsim_tmr(s->r.dev, &s->tmr, &cmd, 1);
}

static void step(uint64_t random)
{
	uint32_t i, k = (uint32_t)(random >> 40) % 8;

	for (i = 0; i < 2; i++) {
		struct side *s = &sides[i];
		uint32_t c, sent = 0, n = (uint32_t)(random >> 48) % (s->n_cmds / 6) + 1;
		struct ringsim_cmd *cmds[CMDS];

		for (c = 0; k < 4 && c < s->n_cmds && sent < n; c++)
			if (s->cmds[c].state == RINGSIM_IDLE)
				cmds[sent++] = prepare(s, c, random + c * 0x9e3779b97f4a7c15ull);
		if (sent)
			submit(s, cmds, sent);
		scribble(s, (uint8_t)random);
		if (k >= 4 && k < 7)
			answer(s, n * 2, random);
		if (k == 7 && n % 8 == 2)
			abort_one(s, random);
		if (k == 7 && n % 8 == 1)
			ringsim_advance(s->r.dev, rig_stats(&s->r).now_ns + 4 * SEC);
		rig_forget(&s->r);
	}
}

/* Returns how many entries there were on the ring at most. */
static uint32_t compare_seed(uint64_t seed, uint32_t n_cmds, uint32_t ring, uint32_t blocks,
			     uint32_t steps)
{
	struct ringsim_entry e;
	uint32_t most = 0;
	struct ringsim_config cfg = RIG_CONFIG;
	uint32_t i;

	cfg.geo.cmdr_size = ring;
	cfg.geo.data_blocks = blocks;
	cfg.start = 4080;
	cfg.tmr_notification = true;
	memset(sides, 0, sizeof(sides));
	for (i = 0; i < 2; i++) {
		cfg.sanitize = i == 0;
		rig_up(&sides[i].r, &cfg);
		sides[i].n_cmds = n_cmds;
	}
	for (i = 0; i < steps; i++) {
		step(rig_random(&seed));
		compare();
		while (ringsim_entry_at(sides[1].r.dev, most, &e))
			most++;
	}
	CU_ASSERT(rig_stats(&sides[1].r).pads > 0);
	CU_ASSERT(rig_stats(&sides[1].r).qfull > 0);
	CU_ASSERT(rig_stats(&sides[1].r).completed > steps);
	for (i = 0; i < 2; i++) {
		ringsim_reset(sides[i].r.dev, 1);
		rig_forget(&sides[i].r);
		rig_down(&sides[i].r);
	}
	return most;
}

static void test_same(void)
{
	compare_seed(1, FEW, 4096, 20, 6000);
	compare_seed(2, FEW, 4088, 20, 6000);
}

static void test_many(void)
{
	CU_ASSERT(compare_seed(3, CMDS, 65536, 500, 600) > DEVICE_RECORDS);
}

#define MANY 700u

/* The ring is as if each had a record of its own in order, however many there are. */
static void check_entries(const struct rig *r, uint32_t n)
{
	uint32_t i, pos = rig_stats(r).reclaim;
	struct ringsim_entry e;

	for (i = 0; ringsim_entry_at(r->dev, i, &e); i++) {
		CU_ASSERT_EQUAL_FATAL(e.off, pos);
		CU_ASSERT_EQUAL_FATAL(e.len, 120);
		pos = rig_after(r, pos);
	}
	CU_ASSERT_EQUAL(i, n);
	CU_ASSERT_EQUAL(pos, rig_head(r));
}

/* Some of the first are over when there are too many for the places of the first. */
static void test_places(void)
{
	static struct ringsim_cmd cmd[MANY];
	struct ringsim_config cfg = RIG_CONFIG;
	uint32_t i, over;
	struct rig r;

	for (over = 0; over <= 200; over += 50) {
		rig_up(&r, &cfg);
		for (i = 0; i < 200; i++)
			rig_nodata(&r, &cmd[i]);
		for (i = 0; i < over; i++)
			rig_answer(&r, 0, 0, 0, 0);
		ringsim_doorbell(r.dev);
		for (i = 200; i < MANY; i++)
			rig_nodata(&r, &cmd[i]);
		check_entries(&r, MANY - over);
		rig_answer_all(&r);
		CU_ASSERT_EQUAL(rig_stats(&r).completed, MANY);
		CU_ASSERT(!rig_stats(&r).broken);
		rig_down(&r);
	}
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "the same with and without somebody who watches", test_same },
		{ "of hundreds of commands on their way", test_many },
		{ "more entries than places for their records at first", test_places },
		CU_TEST_INFO_NULL,
	};

	return rig_run("watched", tests);
}
