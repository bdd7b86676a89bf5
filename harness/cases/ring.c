/* SPDX-License-Identifier: MIT */
/*
 * Reading the ring: the head, the steps, the wrap, what is not the handler's. Clauses HND-010 to
 * HND-014, HND-022 (ring side) and HND-023.
 */
#include "work.h"

#include "cdb.h"

#include <ringsim/shm.h>

/* Submits @io at the @at-th step of kind @kind (-1: any). */
struct intrude {
	struct target_io *io;
	int kind;
	uint32_t at;
	bool plug;
};

static void intrude_step(struct target *t, void *ctx, enum consumer_step step)
{
	struct intrude *in = ctx;

	if (!in->at || (in->kind >= 0 && (int)step != in->kind) || --in->at)
		return;
	if (in->plug)
		target_plug(t);
	target_submit(t, in->io);
}

/* No event comes for the second command: only a fresh look at cmd_head finds it. */
static void head_moves(struct tc *tc)
{
	struct target_opts o = work_opts(4096, 8);
	struct target_io first, second;
	struct intrude in = { .io = &second, .kind = CONSUMER_STEP_HEAD, .at = 1, .plug = true };

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	work_tur(&first);
	work_tur(&second);
	target_on_step(tc->t, intrude_step, &in);
	target_submit(tc->t, &first);
	target_settle(tc->t);
	EXPECT(tc, "HND-010", first.done, "the first command never ended");
	EXPECT(tc, "HND-010", second.done,
	       "an entry published while the handler drained was not seen: cmd_head is not loaded "
	       "again");
	target_unplug(tc->t);
}

/* Whatever the handler is doing when a command arrives, it is served. */
static void any_moment(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 16);
	struct intrude in = { .kind = -1 };
	struct target_io first, second;
	struct target_capacity cap;
	uint8_t *buf = tc_alloc(tc, 65536);
	uint64_t steps;
	uint32_t k;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	target_settle(tc->t);
	steps = target_steps(tc->t);
	target_io_rw(&first, false, 10, 1, 1, cap.block_size, buf);
	EXPECT_GOOD(tc, "HND-042", &first);
	target_settle(tc->t);
	steps = target_steps(tc->t) - steps;
	in.io = &second;
	target_on_step(tc->t, intrude_step, &in);
	for (k = 1; k <= steps + 2; k++) {
		target_io_rw(&first, false, 10, 1, 1, cap.block_size, buf);
		work_tur(&second);
		second.done = true; /* unless it is submitted */
		in.at = k;
		target_submit(tc->t, &first);
		EXPECT(tc, "HND-042", !target_wait(tc->t, &first),
		       "a command never ended when another one came at step %u", k);
		target_settle(tc->t);
		EXPECT(tc, "HND-042", second.done,
		       "a command that was published at step %u of the handler never ended", k);
	}
}

/* Decoys look exactly like the next commands; only cmd_head says that they are none. */
static void past_head(struct tc *tc, void (*last)(struct tc *tc))
{
	struct target_opts o = work_opts(64 << 10, 8);
	struct ringsim_stats st;
	struct target_io io;

	o.dev.tmr_notification = true;
	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	last(tc);
	target_settle(tc->t);
	ringsim_stats(target_device(tc->t), &st);
	EXPECT(tc, "HND-011", !st.broken, "the handler completed a command that was never issued");
	EXPECT_EQ(tc, "HND-011", "commands in flight", 0, st.inflight);
	work_tur(&io);
	EXPECT_GOOD(tc, "HND-011", &io);
	EXPECT_EQ(tc, "HND-011", "cmd_tail", seat_head(tc->t), seat_tail(tc->t));
}

static void decoys_alone(struct tc *tc)
{
	ringsim_put_decoy(target_device(tc->t), 32);
	ringsim_spurious_event(target_device(tc->t));
}

static void decoys_behind_cmd(struct tc *tc)
{
	struct target_io *ios = tc_alloc(tc, 3 * sizeof(*ios));
	uint32_t i;

	ringsim_put_decoy(target_device(tc->t), 32);
	for (i = 0; i < 3; i++) {
		work_tur(&ios[i]);
		target_submit(tc->t, &ios[i]);
	}
	work_wait_all(tc, "HND-011", ios, 3);
}

static void decoys_behind_pad(struct tc *tc)
{
	ringsim_put_decoy(target_device(tc->t), 32);
	ringsim_put_raw(target_device(tc->t), TCMU_OP_PAD, 120, 0x81);
}

static void decoys_behind_unknown(struct tc *tc)
{
	ringsim_put_decoy(target_device(tc->t), 32);
	ringsim_put_raw(target_device(tc->t), 5, 120, 0x81);
}

/* 44 ids make a TMR of 120 bytes, as long as a decoy. */
static void decoys_behind_tmr(struct tc *tc)
{
	struct target_io *ios = tc_alloc(tc, 44 * sizeof(*ios)), **list;
	uint32_t i;

	list = tc_alloc(tc, 44 * sizeof(*list));
	target_freeze(tc->t);
	for (i = 0; i < 44; i++) {
		work_tur(&ios[i]);
		list[i] = &ios[i];
		target_submit(tc->t, &ios[i]);
	}
	ringsim_put_decoy(target_device(tc->t), 32);
	target_tmr(tc->t, TCMU_TMR_LUN_RESET, list, 44);
	target_thaw(tc->t);
	work_wait_all(tc, "HND-011", ios, 44);
}

static void decoy_alone(struct tc *tc)
{
	past_head(tc, decoys_alone);
}

static void decoy_cmd(struct tc *tc)
{
	past_head(tc, decoys_behind_cmd);
}

static void decoy_pad(struct tc *tc)
{
	past_head(tc, decoys_behind_pad);
}

static void decoy_unknown(struct tc *tc)
{
	past_head(tc, decoys_behind_unknown);
}

static void decoy_tmr(struct tc *tc)
{
	past_head(tc, decoys_behind_tmr);
}

/* Entries of 120 to 600 bytes, by the number of iovs. */
static void length_by_iovs(struct tc *tc)
{
	static const unsigned int cdb_lens[] = { 6, 10, 12, 16 };
	struct target_opts o = work_opts(16384, 128);
	struct target_capacity cap;
	uint8_t *buf = tc_alloc(tc, 32 * 4096);
	struct target_io io;
	uint32_t n;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap) || !work_fragment_every(tc, 70))
		return;
	for (n = 1; n <= 31; n++) {
		target_io_rw(&io, false, cdb_lens[n % 4], 0, n * 4096 / cap.block_size,
			     cap.block_size, buf);
		EXPECT_GOOD(tc, "HND-012", &io);
		EXPECT_EQ(tc, "HND-012", "cmd_tail", seat_head(tc->t), seat_tail(tc->t));
	}
}

static void length_by_cdb(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 1021, 8);
	struct target_io io;
	uint32_t len;

	if (target_start(tc->t, &o))
		return;
	for (len = 8; len <= RINGSIM_CDB_MAX; len += 4) {
		cdb_none(&io, 0x7f);
		io.cdb[7] = (uint8_t)(len - 8);
		EXPECT(tc, "HND-012", !target_exec(tc->t, &io),
		       "a command with a CDB of %u bytes never ended", len);
		EXPECT_EQ(tc, "HND-012", "cmd_tail", seat_head(tc->t), seat_tail(tc->t));
	}
}

/* A batch of all lengths is drained in one go. */
static void length_mixed(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-012", .lanes = 40, .plug = 2 };
	struct target_opts o = work_opts(8 * 2039, 160);
	struct work w;

	if (target_start(tc->t, &o) || !work_fragment_every(tc, 96))
		return;
	if (work_start(&w, tc, &cfg))
		work_run(&w, 400);
}

/* The entry ends flush with the ring: no PAD, the tail becomes 0. */
static void flush_wrap(struct tc *tc, uint32_t cmdr_size, uint32_t cdb_len)
{
	struct target_opts o = work_opts(cmdr_size, 8);
	uint32_t i, len = ringsim_entry_len(0, cdb_len);
	struct ringsim_stats st;
	struct target_io io;

	o.dev.start = (o.dev.geo.cmdr_size ? cmdr_size : (1u << 20) - 128) - 2 * len;
	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 4; i++) {
		if (cdb_len == 6)
			work_tur(&io);
		else if (cdb_len == 10)
			target_io_rw(&io, false, 10, 0, 0, 512, NULL);
		else
			cdb_none(&io, 0x7f);
		io.cdb[7] = cdb_len > 16 ? (uint8_t)(cdb_len - 8) : io.cdb[7];
		io.dir = RINGSIM_NONE;
		EXPECT(tc, "HND-014", !target_exec(tc->t, &io),
		       "command %u of %u bytes around a flush wrap never ended", i + 1, len);
		EXPECT_EQ(tc, "HND-014", "cmd_tail", i < 1 ? o.dev.start + len : (i - 1) * len,
			  seat_tail(tc->t));
	}
	if (!target_stats(tc->t, &st))
		return;
	EXPECT_EQ(tc, "HND-014", "PADs made", 0, st.pads);
}

static void flush_120(struct tc *tc)
{
	flush_wrap(tc, 0, 6);
}

static void flush_128(struct tc *tc)
{
	flush_wrap(tc, 0, 10);
}

static void flush_odd(struct tc *tc)
{
	uint32_t len;

	for (len = 32; len <= 260 && !tc->failed; len += 76)
		flush_wrap(tc, 8 * 211, len);
}

/* Two commands end flush in one batch: the wrap comes in the middle of a drain. */
static void flush_batch(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 151, 8);
	struct target_io *ios = tc_alloc(tc, 6 * sizeof(*ios));
	uint32_t i;

	o.dev.start = 8 * 151 - 3 * 120;
	if (target_start(tc->t, &o))
		return;
	target_plug(tc->t);
	for (i = 0; i < 6; i++) {
		work_tur(&ios[i]);
		target_submit(tc->t, &ios[i]);
	}
	target_unplug(tc->t);
	if (!work_wait_all(tc, "HND-014", ios, 6))
		return;
	EXPECT_EQ(tc, "HND-014", "cmd_tail", 3 * 120, seat_tail(tc->t));
}

static void many_laps(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-014",
				.lanes = 7,
				.max_blocks = 8,
				.ops = WORK_EMPTY | WORK_ZERO | WORK_READ | WORK_WRITE };
	struct target_opts o = work_opts(8 * 127, 24);
	struct work w;

	if (!target_start(tc->t, &o) && work_start(&w, tc, &cfg))
		work_run(&w, 1000);
}

/* KRN-031: head is 0, and there is nothing yet but the PAD. */
static void pad_only(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 151, 8);
	struct target_io io;
	uint32_t pad;

	for (pad = 8; pad <= 200; pad += 24) {
		o.dev.start = 8 * 151 - pad;
		if (target_start(tc->t, &o))
			return;
		target_settle(tc->t);
		ringsim_put_raw(target_device(tc->t), TCMU_OP_PAD, pad, 0xff);
		target_settle(tc->t);
		EXPECT_EQ(tc, "HND-014", "cmd_head", 0, seat_head(tc->t));
		work_tur(&io);
		EXPECT_GOOD(tc, "HND-014", &io);
		EXPECT_EQ(tc, "HND-014", "cmd_tail", 120, seat_tail(tc->t));
	}
}

/*
 * Indices of more than 16 bits. The head passes a multiple of 65536 while the handler is at its
 * @at-th look; whoever takes less than the whole word at once finds what lies behind: decoys.
 */
static void pass_border(struct tc *tc, uint32_t border, uint32_t at)
{
	struct target_opts o = work_opts(0, 16);
	struct intrude in = { .kind = CONSUMER_STEP_HEAD };
	struct target_io ios[6];
	uint32_t i;

	o.dev.geo.ring_mb = 1;
	o.dev.start = border - 3 * 120 - 8 * (at % 3);
	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	target_on_step(tc->t, intrude_step, &in);
	for (i = 0; i < 6; i += 2) {
		ringsim_put_decoy(target_device(tc->t), 32);
		work_tur(&ios[i]);
		work_tur(&ios[i + 1]);
		in.io = &ios[i + 1];
		in.at = at;
		EXPECT(tc, "HND-010", !target_exec(tc->t, &ios[i]),
		       "the command before 0x%x never ended", seat_tail(tc->t));
		target_settle(tc->t);
		EXPECT(tc, "HND-010", in.at || ios[i + 1].done,
		       "a command that came while cmd_head was read never ended");
	}
	target_on_step(tc->t, NULL, NULL);
	EXPECT_EQ(tc, "HND-010", "cmd_tail", seat_head(tc->t), seat_tail(tc->t));
}

static void wide_head(struct tc *tc)
{
	uint32_t at;

	for (at = 1; at <= 6 && !tc->failed; at++)
		pass_border(tc, 0x10000 * (1 + 2 * at), at);
}

struct pad_mid {
	struct target_io *io;
	uint32_t heads;
};

static void pad_then_command(struct target *t, void *ctx, enum consumer_step step)
{
	struct pad_mid *p = ctx;

	if (step != CONSUMER_STEP_HEAD)
		return;
	p->heads++;
	if (p->heads == 1)
		ringsim_put_raw(target_device(t), TCMU_OP_PAD, 64, 0xff);
	if (p->heads == 2)
		target_submit(t, p->io);
}

/* The two stores of the head, one after the other under the eyes of a draining handler. */
static void pad_mid_drain(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 151, 8);
	struct target_io first, second;
	struct pad_mid p = { .io = &second };

	o.dev.start = 8 * 151 - 64 - 120;
	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	work_tur(&first);
	work_tur(&second);
	target_on_step(tc->t, pad_then_command, &p);
	EXPECT_GOOD(tc, "HND-014", &first);
	target_settle(tc->t);
	EXPECT(tc, "HND-014", second.done, "the command behind a PAD that came alone never ended");
	EXPECT_EQ(tc, "HND-014", "cmd_tail", 120, seat_tail(tc->t));
}

static const struct case_def rows[] = {
	{ "hnd.010.head-moves", "HND-010 HND-042", CLAUSE_MUST, NEEDS_INPROC,
	  "an entry published while the handler drains is seen without an event", head_moves },
	{ "hnd.010.any-moment", "HND-010 HND-042", CLAUSE_MUST, NEEDS_INPROC,
	  "a command published after any step of the handler is served", any_moment },
	{ "hnd.010.wide", "HND-010 HND-040 HND-002", CLAUSE_MUST, NEEDS_INPROC,
	  "a head that passes multiples of 65536 at any moment", wide_head },
	{ "hnd.011.decoys", "HND-011", CLAUSE_MUST, 0,
	  "well-formed bytes past the head are no entries", decoy_alone },
	{ "hnd.011.decoys-behind-cmd", "HND-011", CLAUSE_MUST, 0,
	  "a drain ends at the head, in front of decoys", decoy_cmd },
	{ "hnd.011.decoys-behind-pad", "HND-011 HND-013", CLAUSE_MUST, 0,
	  "skipping a PAD does not lead past the head", decoy_pad },
	{ "hnd.011.decoys-behind-unknown", "HND-011 HND-015", CLAUSE_MUST, 0,
	  "skipping an unknown opcode does not lead past the head", decoy_unknown },
	{ "hnd.011.decoys-behind-tmr", "HND-011 HND-016", CLAUSE_MUST, 0,
	  "skipping a TMR does not lead past the head", decoy_tmr },
	{ "hnd.012.length-by-iovs", "HND-012 DIS-05", CLAUSE_MUST, NEEDS_RESTART,
	  "an entry grows with its iovs", length_by_iovs },
	{ "hnd.012.length-by-cdb", "HND-012 HND-022 DIS-05", CLAUSE_MUST, 0,
	  "an entry grows with its CDB", length_by_cdb },
	{ "hnd.012.length-mixed", "HND-012 DIS-05", CLAUSE_MUST, NEEDS_RESTART,
	  "batches of entries of all lengths", length_mixed },
	{ "hnd.014.flush-120", "HND-014", CLAUSE_MUST, 0,
	  "entries of 120 bytes that end flush with the ring", flush_120 },
	{ "hnd.014.flush-128", "HND-014", CLAUSE_MUST, 0,
	  "entries of 128 bytes that end flush with the ring", flush_128 },
	{ "hnd.014.flush-odd", "HND-014 HND-002", CLAUSE_MUST, 0,
	  "long CDBs that end flush with an odd ring", flush_odd },
	{ "hnd.014.flush-batch", "HND-014", CLAUSE_MUST, 0, "a flush wrap in the middle of a batch",
	  flush_batch },
	{ "hnd.014.many-laps", "HND-014 HND-012", CLAUSE_MUST, 0,
	  "a thousand commands in 1016 bytes", many_laps },
	{ "hnd.014.pad-only", "HND-014 HND-013", CLAUSE_MUST, 0,
	  "a PAD that is published before its follower", pad_only },
	{ "hnd.014.pad-mid-drain", "HND-014 HND-010", CLAUSE_MUST, NEEDS_INPROC,
	  "PAD and follower appear one by one during a drain", pad_mid_drain },
};
CASE_TABLE(cases_ring);
