/* SPDX-License-Identifier: MIT */
/* The load with a memory; see work.h. */
#include "work.h"

#include "cdb.h"

#define BUSY_MAX 100u
#define BASE_MAX 4096u /* lanes start below this LBA, so that READ(6) reaches them */

static uint8_t *model_at(const struct work *w, const struct work_lane *lane, uint32_t block)
{
	size_t i = (size_t)(lane - w->lanes) * w->lane_blocks + block;

	return w->model + i * w->cap.block_size;
}

static uint8_t *known_at(const struct work *w, const struct work_lane *lane, uint32_t block)
{
	return w->known + (size_t)(lane - w->lanes) * w->lane_blocks + block;
}

/* The largest command that ring and data area can ever take, whatever the fragmentation. */
static uint32_t room_blocks(struct work *w, uint32_t want)
{
	const struct ringsim_layout *lay = target_layout(w->tc->t);
	uint32_t iovs = (lay->cmdr_size / 2 - 48 - 16) / 16, room;
	struct ringsim_stats st;

	target_stats(w->tc->t, &st);
	room = lay->blocks - st.blocks_used;
	if (iovs > room)
		iovs = room;
	room = (uint32_t)((uint64_t)iovs * lay->blk_size / w->cap.block_size);
	return room < want ? room : want;
}

static bool learn_inquiry(struct work *w)
{
	struct target_io io;

	if (!(w->cfg.ops & WORK_INQUIRY))
		return true;
	cdb_inquiry(&io, 0, 0, 255, w->inquiry, 255);
	if (target_exec(w->tc->t, &io) || io.status) {
		tc_fail(w->tc, w->cfg.clause, "INQUIRY: expected GOOD, found %s 0x%02x",
			io.done ? "status" : "no answer,", io.status);
		return false;
	}
	w->inquiry_len = w->inquiry[4] + 5u;
	if (w->inquiry_len > 255)
		w->inquiry_len = 255;
	return true;
}

bool work_start(struct work *w, struct tc *tc, const struct work_cfg *cfg)
{
	const struct ringsim_layout *lay = target_layout(tc->t);
	uint32_t i, base;
	size_t blocks;

	*w = (struct work){ .tc = tc, .cfg = *cfg };
	if (target_capacity(tc->t, &w->cap))
		return false;
	if (!w->cfg.lanes)
		w->cfg.lanes = 16;
	if (!w->cfg.ops)
		w->cfg.ops = WORK_ALL;
	w->avoid = tc_overlooks(tc, "HND-022");
	if (!target_sends_all(tc->t) || w->avoid) /* iSCSI cannot */
		w->cfg.ops &= ~(uint32_t)WORK_LONG;
	w->max_blocks = room_blocks(w, cfg->max_blocks ? cfg->max_blocks : 64);
	w->lane_blocks = w->max_blocks + w->max_blocks / 2;
	w->cdb_room = (lay->cmdr_size / 2 & ~7u) - 112;
	if (w->cdb_room > RINGSIM_CDB_MAX)
		w->cdb_room = RINGSIM_CDB_MAX;
	blocks = (size_t)w->cfg.lanes * w->lane_blocks;
	if (!w->max_blocks || blocks > w->cap.blocks) {
		tc_fail(tc, NULL, "%u lanes of %u blocks do not fit in %llu blocks", w->cfg.lanes,
			w->lane_blocks, (unsigned long long)w->cap.blocks);
		return false;
	}
	base = w->cap.blocks - blocks < BASE_MAX ? (uint32_t)(w->cap.blocks - blocks) : BASE_MAX;
	base = tc_below(tc, base + 1);
	w->lanes = tc_alloc(tc, w->cfg.lanes * sizeof(*w->lanes));
	w->model = tc_alloc(tc, blocks * w->cap.block_size);
	w->known = tc_alloc(tc, blocks);
	for (i = 0; i < w->cfg.lanes; i++) {
		w->lanes[i].lba = base + (uint64_t)i * w->lane_blocks;
		w->lanes[i].buf = tc_alloc(tc, (size_t)w->max_blocks * w->cap.block_size + 256);
	}
	return learn_inquiry(w);
}

static enum work_op pick_op(struct work *w)
{
	uint32_t op, weight;

	do {
		weight = tc_below(w->tc, 16);
		/* half of all commands move data */
		op = weight < 5 ? WORK_WRITE : weight < 10 ? WORK_READ : 1u << (weight - 8);
	} while (!(w->cfg.ops & op));
	return (enum work_op)op;
}

static bool all_known(struct work *w, const struct work_lane *lane)
{
	uint32_t i;

	for (i = 0; i < lane->blocks; i++)
		if (!*known_at(w, lane, lane->first + i))
			return false;
	return true;
}

static void prepare_rw(struct work *w, struct work_lane *lane)
{
	static const unsigned int cdb_lens[] = { 6, 10, 12, 16 };
	uint32_t bs = w->cap.block_size;
	unsigned int cdb_len = cdb_lens[tc_below(w->tc, 4)];

	lane->blocks = 1 + tc_below(w->tc, tc_below(w->tc, 4) ? 8 : w->max_blocks);
	if (lane->blocks > w->max_blocks)
		lane->blocks = w->max_blocks;
	if (lane->blocks > 256 && cdb_len == 6)
		cdb_len = 10;
	lane->first = tc_below(w->tc, w->lane_blocks - lane->blocks + 1);
	if (lane->op == WORK_READ && !all_known(w, lane))
		lane->op = WORK_WRITE;
	target_io_rw(&lane->io, lane->op == WORK_WRITE, cdb_len, lane->lba + lane->first,
		     lane->blocks, bs, lane->buf);
	if (lane->op == WORK_WRITE)
		tc_fill(w->tc, lane->buf, (size_t)lane->blocks * bs, w->issued + 1);
	else
		memset(lane->buf, 0xee, (size_t)lane->blocks * bs);
}

static void prepare_range(struct work *w, struct work_lane *lane)
{
	uint32_t blocks = 1 + tc_below(w->tc, w->max_blocks < 40 ? w->max_blocks : 40);
	uint64_t lba = w->cap.blocks - tc_below(w->tc, 2) * (uint64_t)(blocks - 1);

	target_io_rw(&lane->io, tc_below(w->tc, 2), 16, lba, blocks, w->cap.block_size, lane->buf);
	memset(lane->buf, 0x55, (size_t)blocks * w->cap.block_size);
}

static void prepare_long(struct work *w, struct work_lane *lane)
{
	uint32_t i, len = 12 + tc_below(w->tc, w->cdb_room - 12 + 1);

	cdb_none(&lane->io, 0x7f);
	lane->io.cdb[7] = (uint8_t)(len - 8);
	lane->io.cdb[8] = lane->io.cdb[9] = 0xff; /* a service action nobody has */
	for (i = 10; i < len; i++)
		lane->io.cdb[i] = (uint8_t)(i | 1);
}

static void prepare(struct work *w, struct work_lane *lane)
{
	static const uint8_t unknown[] = { 0xc0, 0xe1, 0x60, 0x7e, 0xdf, 0xff, 0x6a };
	uint32_t len, n;

	lane->op = pick_op(w);
	lane->blocks = 0;
	lane->unsure = false;
	switch (lane->op) {
	case WORK_READ:
	case WORK_WRITE:
		prepare_rw(w, lane);
		break;
	case WORK_RANGE:
		prepare_range(w, lane);
		break;
	case WORK_OPCODE:
		len = tc_below(w->tc, 2) * w->cap.block_size;
		n = tc_below(w->tc, sizeof(unknown));
		cdb_in(&lane->io, w->avoid ? 0x5d : unknown[n], lane->buf, len);
		break;
	case WORK_INQUIRY:
		len = 5 + tc_below(w->tc, 251);
		cdb_inquiry(&lane->io, 0, 0, (uint16_t)len, lane->buf, len);
		break;
	case WORK_LONG:
		prepare_long(w, lane);
		break;
	case WORK_ZERO:
		target_io_rw(&lane->io, false, 10, lane->lba, 0, w->cap.block_size, NULL);
		lane->io.dir = RINGSIM_NONE;
		break;
	default:
		work_tur(&lane->io);
		break;
	}
}

void work_issue(struct work *w, uint32_t n)
{
	uint32_t i, at = tc_below(w->tc, w->cfg.lanes);

	for (i = 0; i < w->cfg.lanes && n; i++) {
		struct work_lane *lane = &w->lanes[(at + i) % w->cfg.lanes];

		if (lane->busy)
			continue;
		prepare(w, lane);
		lane->busy = true;
		w->issued++;
		n--;
		target_submit(w->tc->t, &lane->io);
	}
}

static void set_known(struct work *w, struct work_lane *lane, bool known)
{
	uint32_t i;

	for (i = 0; i < lane->blocks; i++)
		*known_at(w, lane, lane->first + i) = known;
}

static bool expect_sense(struct work *w, const struct work_lane *lane)
{
	const struct target_io *io = &lane->io;
	bool ok = io->status == 2 && io->sense_valid && sense_key(io->sense) == 5;

	if (ok && lane->op == WORK_RANGE)
		ok = sense_asc(io->sense) == 0x2100;
	if (!ok)
		tc_fail(w->tc, w->cfg.clause,
			"command 0x%02x (id %u): expected CHECK CONDITION 5/%s, found status "
			"0x%02x sense %x/%04x",
			io->cdb[0], io->id, lane->op == WORK_RANGE ? "2100" : "2000", io->status,
			sense_key(io->sense), sense_asc(io->sense));
	return ok;
}

static bool expect_good(struct work *w, const struct work_lane *lane)
{
	const struct target_io *io = &lane->io;

	if (io->status) {
		tc_fail(w->tc, w->cfg.clause,
			"command 0x%02x (id %u): expected GOOD, found status 0x%02x sense %x/%04x "
			"outcome %d",
			io->cdb[0], io->id, io->status, sense_key(io->sense), sense_asc(io->sense),
			(int)io->outcome);
		return false;
	}
	if (io->residual && lane->op != WORK_INQUIRY) {
		tc_fail(w->tc, w->cfg.clause, "command 0x%02x (id %u): residual %u, expected none",
			io->cdb[0], io->id, io->residual);
		return false;
	}
	return true;
}

static bool check_data(struct work *w, struct work_lane *lane)
{
	size_t len = (size_t)lane->blocks * w->cap.block_size;
	uint32_t n = lane->io.len < w->inquiry_len ? lane->io.len : w->inquiry_len;

	if (lane->op == WORK_INQUIRY)
		return tc_equal(w->tc, w->cfg.clause, "INQUIRY data", w->inquiry, lane->buf, n);
	if (lane->op == WORK_WRITE) {
		memcpy(model_at(w, lane, lane->first), lane->buf, len);
		set_known(w, lane, true);
	} else if (lane->op == WORK_READ) {
		return tc_equal(w->tc, w->cfg.clause, "data read back",
				model_at(w, lane, lane->first), lane->buf, len);
	}
	return true;
}

/* BUSY or reset_ring sent the command back: once more, when whoever blocks has had its time. */
static bool send_again(struct work *w, struct work_lane *lane)
{
	struct target_io *io = &lane->io;
	bool blocked = io->outcome == RINGSIM_REFUSED && io->status == 0x08;

	if (io->outcome != RINGSIM_RESET && !blocked)
		return false;
	w->busy_row = blocked ? w->busy_row + 1 : 0;
	if (w->busy_row > BUSY_MAX) {
		tc_fail(w->tc, w->cfg.clause, "the device stays blocked");
		return true;
	}
	if (blocked && !w->settled)
		target_settle(w->tc->t);
	w->settled = blocked;
	w->retried++;
	target_submit(w->tc->t, io);
	return true;
}

/* One command that ended. */
static bool verify(struct work *w, struct work_lane *lane)
{
	struct target_io *io = &lane->io;

	if (send_again(w, lane))
		return true;
	lane->busy = false;
	w->ended++;
	if (io->outcome == RINGSIM_ABORTED || io->outcome == RINGSIM_EXPIRED)
		lane->unsure = true;
	if (w->cfg.shortage && (io->status == 0x28 || io->status == 0x08)) {
		lane->unsure = true;
		w->refused++;
	}
	if (lane->unsure) {
		set_known(w, lane, false);
		return true;
	}
	if (lane->op & (WORK_RANGE | WORK_OPCODE | WORK_LONG))
		return expect_sense(w, lane);
	return expect_good(w, lane) && check_data(w, lane);
}

bool work_collect(struct work *w)
{
	uint32_t i;

	w->settled = false;
	for (i = 0; i < w->cfg.lanes && !w->tc->failed; i++)
		if (w->lanes[i].busy && w->lanes[i].io.done)
			verify(w, &w->lanes[i]);
	return !w->tc->failed;
}

static bool wait_lane(struct work *w, struct work_lane *lane)
{
	if (!target_wait(w->tc->t, &lane->io))
		return work_collect(w);
	tc_fail(w->tc, w->cfg.clause, "command 0x%02x number %llu never ended", lane->io.cdb[0],
		(unsigned long long)w->issued);
	return false;
}

bool work_finish(struct work *w)
{
	uint32_t i;

	for (i = 0; i < w->cfg.lanes; i++)
		while (w->lanes[i].busy)
			if (!wait_lane(w, &w->lanes[i]))
				return false;
	return !w->tc->failed;
}

static bool one_in(struct work *w, uint32_t n)
{
	return n && !tc_below(w->tc, n);
}

static void add_raw(struct work *w)
{
	static const unsigned int ops[] = { 0, 3, 4, 5, 6, 7 };
	uint32_t len = 8 * (1 + tc_below(w->tc, 20));

	/* no room is no harm */
	ringsim_put_raw(target_device(w->tc->t), ops[tc_below(w->tc, 6)], len,
			(uint8_t)tc_random(w->tc));
}

static void add_tmr(struct work *w)
{
	static const uint8_t types[] = { TCMU_TMR_ABORT_TASK, TCMU_TMR_LUN_RESET,
					 TCMU_TMR_LUN_RESET_PRO };
	struct target_io *ios[64];
	uint32_t i, n = 0;

	for (i = 0; i < w->cfg.lanes && n < 64; i++)
		if (w->lanes[i].busy && !w->lanes[i].io.done && tc_below(w->tc, 2))
			ios[n++] = &w->lanes[i].io;
	if (target_simulated(w->tc->t))
		target_tmr(w->tc->t, types[tc_below(w->tc, 3)], ios, n);
	else if (n) /* over iSCSI a function aborts one command, or all of them */
		target_tmr(w->tc->t, TCMU_TMR_ABORT_TASK, ios, 1);
}

/* One round: submit some, do what else can happen meanwhile, wait for one. */
static bool round_of(struct work *w)
{
	bool sim = target_simulated(w->tc->t), plugged = one_in(w, w->cfg.plug);
	uint32_t i, at = tc_below(w->tc, w->cfg.lanes);

	if (plugged)
		target_plug(w->tc->t);
	if (one_in(w, w->cfg.raw) && sim)
		add_raw(w);
	work_issue(w, 1 + tc_below(w->tc, w->cfg.lanes));
	if (one_in(w, w->cfg.tmr))
		add_tmr(w);
	if (plugged)
		target_unplug(w->tc->t);
	if (one_in(w, w->cfg.spurious) && sim)
		ringsim_spurious_event(target_device(w->tc->t));
	for (i = 0; i < w->cfg.lanes; i++) {
		struct work_lane *lane = &w->lanes[(at + i) % w->cfg.lanes];

		if (lane->busy)
			return wait_lane(w, lane);
	}
	return !w->tc->failed;
}

bool work_run(struct work *w, uint32_t n)
{
	uint64_t end = w->issued + n;

	while (w->issued < end)
		if (!round_of(w))
			return false;
	return work_finish(w);
}

bool work_read_back(struct work *w)
{
	uint32_t i, b;

	if (!work_finish(w))
		return false;
	for (i = 0; i < w->cfg.lanes; i++) {
		struct work_lane *lane = &w->lanes[i];

		for (b = 0; b < w->lane_blocks; b += lane->blocks) {
			lane->op = WORK_READ;
			lane->first = b;
			lane->blocks = 1;
			while (b + lane->blocks < w->lane_blocks && lane->blocks < w->max_blocks)
				lane->blocks++;
			if (!all_known(w, lane))
				lane->blocks = 1;
			if (!all_known(w, lane))
				continue;
			target_io_rw(&lane->io, false, 16, lane->lba + b, lane->blocks,
				     w->cap.block_size, lane->buf);
			lane->busy = true;
			lane->unsure = false;
			target_submit(w->tc->t, &lane->io);
			if (!work_finish(w))
				return false;
		}
	}
	return true;
}

void work_forget(struct work *w)
{
	uint32_t i;

	if (target_persistent(w->tc->t))
		return;
	work_collect(w);
	for (i = 0; i < w->cfg.lanes; i++)
		w->lanes[i].unsure = true;
	memset(w->known, 0, (size_t)w->cfg.lanes * w->lane_blocks);
}
