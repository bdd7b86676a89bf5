/* SPDX-License-Identifier: MIT */
/* Small devices, small commands, a fragmented data area; see work.h. */
#include "work.h"

#include "cdb.h"

struct target_opts work_opts(uint32_t cmdr_size, uint32_t blocks)
{
	struct target_opts o = TARGET_OPTS;

	o.dev.geo.cmdr_size = cmdr_size;
	o.dev.geo.data_blocks = blocks;
	o.near = true;
	o.handler.wce = true; /* durability is judged elsewhere, and costs a sync per write */
	return o;
}

void work_tur(struct target_io *io)
{
	cdb_none(io, OP_TEST_UNIT_READY);
}

bool work_wait_all(struct tc *tc, const char *clause, struct target_io *ios, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (!target_wait(tc->t, &ios[i]))
			continue;
		tc_fail(tc, clause, "command %u of %u (0x%02x, id %u) never ended", i + 1, n,
			ios[i].cdb[0], ios[i].cmd.id);
		return false;
	}
	return !tc->failed;
}

bool work_restart(struct tc *tc)
{
	if (target_restart(tc->t))
		return false;
	target_settle(tc->t);
	return !tc->failed;
}

struct target_opts work_in_order(uint32_t cmdr_size, uint32_t blocks)
{
	struct target_opts o = work_opts(cmdr_size, blocks);

	o.dev.set_flags = true;
	o.dev.flags = TCMU_MAILBOX_FLAG_CAP_READ_LEN | TCMU_MAILBOX_FLAG_CAP_TMR |
		      TCMU_MAILBOX_FLAG_CAP_KEEP_BUF;
	return o;
}

/* Takes @blocks blocks for a command that moves no byte. */
static void take(struct tc *tc, struct target_io *io, uint32_t blocks)
{
	uint32_t blk_size = target_layout(tc->t)->blk_size;

	cdb_out(io, 0x2a, NULL, blocks * blk_size);
	target_submit(tc->t, io);
}

static bool answer_next(struct tc *tc, uint8_t uflags)
{
	uint32_t tail = seat_tail(tc->t), head = seat_head(tc->t);
	struct seat_entry e;

	while (tail != head) {
		seat_entry(tc->t, tail, &e);
		tail = seat_next(tc->t, &e);
		if (e.op != TCMU_OP_CMD)
			continue;
		seat_answer(tc->t, e.off, 0, 0, uflags, 0, NULL);
		seat_set_tail(tc->t, tail);
		return true;
	}
	tc_fail(tc, NULL, "no entry to answer while the data area is being fragmented");
	return false;
}

/* One command over all free blocks below @block, one on @block itself, which is then kept. */
static bool keep_block(struct tc *tc, uint32_t block)
{
	struct ringsim_device *dev = target_device(tc->t);
	struct target_io below, one;
	uint32_t i, holes = 0;

	for (i = 0; i < block; i++)
		holes += !ringsim_block_used(dev, i);
	if (holes)
		take(tc, &below, holes);
	take(tc, &one, 1);
	if (holes && !answer_next(tc, 0))
		return false;
	if (!answer_next(tc, TCMU_UFLAG_KEEP_BUF))
		return false;
	seat_ring(tc->t);
	if (ringsim_block_used(dev, block))
		return !tc->failed;
	tc_fail(tc, NULL, "block %u could not be kept", block);
	return false;
}

bool work_fragment(struct tc *tc, const bool *want, uint32_t n)
{
	uint32_t i;

	target_kill(tc->t);
	for (i = 0; i < n; i++)
		if (want[i] && !keep_block(tc, i))
			return false;
	return work_restart(tc);
}

bool work_fragment_every(struct tc *tc, uint32_t n)
{
	bool *want = tc_alloc(tc, n);
	uint32_t i;

	for (i = 0; i < n; i += 2)
		want[i] = true;
	return work_fragment(tc, want, n);
}
