/* SPDX-License-Identifier: MIT */
/*
 * The completion walk on small rings: what it passes, what breaks it and what comes after.
 * Clauses: KRN-060 to KRN-064, KRN-072, KRN-073; TRP-23 to TRP-26, TRP-36, TRP-37, TRP-52.
 */
#include "krn.h"

#include "cdb.h"

#include <poll.h>

#define SIM (NEEDS_SEAT | NEEDS_SIM)

/* The reclaimer looks as well; see krn_broken.c for doorbell and block_dev. */
static void triggers(struct tc *tc)
{
	struct target_opts o = work_opts(4072, 8);
	struct target_io io[2];

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 2);
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 120);
	target_advance(tc->t, 1000);
	EXPECT(tc, "KRN-060", !io[0].done, "reclaimed without being told");
	ringsim_poll_tail(target_device(tc->t));
	EXPECT(tc, "KRN-060", io[0].done && !io[1].done, "the reclaimer's look takes one");
	seat_finish_all(tc->t, 0);
}

/* One pass over everything that can be on a ring, answered in reverse. */
static void passes(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 127, 8);
	struct target_io io[6], *none[1];
	struct ringsim_entry e;
	uint32_t i, n_pad = 0, n_tmr = 0, n_cmd = 0;

	o.dev.start = 800;
	o.dev.tmr_notification = true;
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 2); /* the second behind a PAD of 96 */
	target_tmr(tc->t, 5, none, 0);
	krn_turs(tc, &io[2], 1);
	ringsim_put_raw(target_device(tc->t), 6, 40, 0);
	target_tmr(tc->t, 1, none, 0);
	krn_turs(tc, &io[3], 2);
	for (i = 0; ringsim_entry_at(target_device(tc->t), i, &e); i++) {
		n_pad += e.op == 0;
		n_tmr += e.op == 2;
		if (e.op == 1)
			seat_answer(tc->t, e.off, (uint16_t)(5 - n_cmd++), 0, 0, 0, NULL);
		else if (e.op == 6)
			seat_region(tc->t)[128 + e.off + 7] = TCMU_UFLAG_UNKNOWN_OP;
	}
	EXPECT(tc, "KRN-061", n_pad == 1 && n_tmr == 2 && n_cmd == 5, "PAD, TMR, CMD on the ring");
	seat_set_tail(tc->t, seat_head(tc->t));
	seat_ring(tc->t);
	EXPECT_EQ(tc, "KRN-061", "reclaim pointer", seat_head(tc->t), krn_stats(tc).reclaim);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(tc, "KRN-061", "place in the order of ends", 5 - i, io[i].order);
}

/* The tail is read again at each entry: what is answered meanwhile is taken in the same pass. */
struct mover {
	struct ringsim_device *dev;
	uint8_t *mem;
	uint32_t ended;
};

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct mover *m = ctx;
	uint32_t tail = 120 * (++m->ended + 1);

	(void)cmd;
	if (tail > 600)
		return;
	m->mem[128 + tail - 120 + 8] = 0x18;
	memcpy(m->mem + RINGSIM_OFF_TAIL, &tail, 4);
}

static void tail_reread(struct tc *tc)
{
	static const struct ringsim_ops ops = { .complete = on_complete };
	struct ringsim_config cfg = { .geo = { .cmdr_size = 4072, .data_blocks = 8 },
				      .qfull_time_out_s = -1,
				      .sanitize = true };
	static const uint8_t tur[8];
	struct ringsim_cmd cmd[6];
	struct ringsim_stats st;
	struct mover m = { 0 };
	uint32_t i, tail = 120;

	if (ringsim_device_create(&m.dev, &cfg, &ops, &m, NULL, 0)) {
		tc_fail(tc, NULL, "cannot make the device");
		return;
	}
	m.mem = ringsim_region(m.dev);
	for (i = 0; i < 6; i++) {
		cmd[i] = (struct ringsim_cmd){ .cdb = tur, .cdb_room = 8 };
		ringsim_submit(m.dev, &cmd[i]);
	}
	memcpy(m.mem + RINGSIM_OFF_TAIL, &tail, 4);
	ringsim_doorbell(m.dev);
	ringsim_stats(m.dev, &st);
	i = (uint32_t)ringsim_violations(m.dev);
	ringsim_device_destroy(m.dev);
	EXPECT_EQ(tc, "KRN-061", "commands ended by one doorbell", 5, m.ended);
	EXPECT_EQ(tc, "KRN-061", "reclaim pointer", 600, st.reclaim);
	EXPECT_EQ(tc, "KRN-061", "violations", 0, i);
}

/* Six on the ring, two that wait, a TMR that waits; the third answer names @id. */
static void unknown_id(struct tc *tc, uint16_t id)
{
	struct target_opts o = work_opts(728, 8);
	struct target_io io[9], *none[1];

	o.dev.tmr_notification = true;
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 6); /* 720 of 728 */
	target_tmr(tc->t, 5, none, 0);
	krn_turs(tc, &io[6], 2);
	EXPECT_EQ(tc, "KRN-062", "commands that wait", 2, krn_stats(tc).queued);
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_answer(tc->t, 120, 0, 0, 0, 0, NULL);
	seat_answer(tc->t, 240, 0, 0, 0, 0, NULL);
	memcpy(seat_region(tc->t) + 128 + 240 + 4, &id, 2);
	seat_answer(tc->t, 360, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 480);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-062", krn_stats(tc).broken, "id %u did not break the ring", id);
	EXPECT_EQ(tc, "KRN-062", "reclaim pointer", 240, krn_stats(tc).reclaim);
	EXPECT(tc, "KRN-062", io[0].done && io[1].done && !io[2].done && !io[3].done,
	       "what was walked before stays done, what follows does not");
	EXPECT_EQ(tc, "KRN-062", "commands that wait", 2, krn_stats(tc).queued);
	EXPECT_EQ(tc, "KRN-062", "TMRs that wait", 1, krn_stats(tc).tmrs);
	seat_ring(tc->t);
	EXPECT_EQ(tc, "KRN-063", "reclaim pointer", 240, krn_stats(tc).reclaim);
	EXPECT_EQ(tc, "KRN-063", "commands that wait", 2, krn_stats(tc).queued);
}

static void unknown_ids(struct tc *tc)
{
	tc_expect_violation(tc, "HND-053");
	unknown_id(tc, 7);
	unknown_id(tc, 0);
	unknown_id(tc, 65535);
	unknown_id(tc, 1); /* free again since the first answer of this very pass */
}

/* Life of a broken device: nothing but time and reset_ring has any effect. */
static void after_broken(struct tc *tc)
{
	struct target_opts o = work_opts(608, 8);
	struct target_io io[8], *one[1] = { &io[1] };
	uint32_t tmrs;

	o.dev.tmr_notification = true;
	if (target_start(tc->t, &o))
		return;
	tc_expect_violation(tc, "HND-053");
	krn_turs(tc, io, 6); /* five on the ring, one waits */
	seat_answer(tc->t, 0, 99, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 120);
	seat_ring(tc->t);
	seat_answer(tc->t, 120, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 240);
	EXPECT_EQ(tc, "KRN-063", "result of a doorbell", 4,
		  ringsim_uio_write(target_uio(tc->t), &(uint32_t){ 0 }, 4));
	ringsim_poll_tail(target_device(tc->t));
	EXPECT(tc, "KRN-063", !io[0].done && !io[1].done, "a completion was processed");
	krn_turs(tc, &io[6], 1);
	EXPECT_ENDED(tc, "KRN-063", &io[6], RINGSIM_REFUSED, 2, 2, 8, 0);
	tmrs = target_tmr_done(tc->t);
	target_tmr(tc->t, 5, one, 0);
	EXPECT_EQ(tc, "KRN-063", "TMR entries", 0, krn_stats(tc).tmr_entries);
	EXPECT_EQ(tc, "KRN-063", "TMRs that wait", 0, krn_stats(tc).tmrs);
	EXPECT_EQ(tc, "KRN-063", "TMRs answered", tmrs + 1, target_tmr_done(tc->t));
	ringsim_block(target_device(tc->t), true);
	ringsim_block(target_device(tc->t), false);
	EXPECT_ENDED(tc, "KRN-110", &io[5], RINGSIM_REFUSED, 8, 0, 0, 0);
	ringsim_uio_close(target_uio(tc->t));
	ringsim_uio_open(target_uio(tc->t));
	EXPECT(tc, "KRN-063", krn_stats(tc).broken, "BROKEN went away by itself");
	target_advance(tc->t, 30000);
	EXPECT_ENDED(tc, "KRN-063", &io[1], RINGSIM_EXPIRED, 2, 2, 8, 0);
	ringsim_reset(target_device(tc->t), 1);
	EXPECT(tc, "KRN-063", !krn_stats(tc).broken, "reset_ring does not mend it");
	krn_turs(tc, &io[7], 1);
	seat_finish(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-063", &io[7], RINGSIM_ANSWERED, 0, 0, 0, 0);
}

/* Commands that wait expire too. */
static void broken_queue_expires(struct tc *tc)
{
	struct target_opts o = work_opts(512, 8);
	struct target_io io[6];

	if (target_start(tc->t, &o))
		return;
	tc_expect_violation(tc, "HND-053");
	krn_turs(tc, io, 6);
	seat_answer(tc->t, 0, 99, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 120);
	seat_ring(tc->t);
	target_advance(tc->t, 30000);
	EXPECT_ENDED(tc, "KRN-063", &io[4], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	EXPECT_ENDED(tc, "KRN-063", &io[5], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	EXPECT_ENDED(tc, "KRN-063", &io[0], RINGSIM_EXPIRED, 2, 2, 8, 0);
}

/* A command that is kept is answered again, with and without KEEP_BUF. */
static void kept_twice(struct tc *tc, uint8_t uflags)
{
	struct target_opts o = work_opts(520, 8);
	struct target_io io[8];
	uint8_t data[4096], buf[4096];

	o.dev.tmr_notification = true;
	if (target_start(tc->t, &o))
		return;
	tc_fill(tc, data, sizeof(data), 1);
	krn_in(&io[0], buf, sizeof(buf));
	target_submit(tc->t, &io[0]); /* 128 */
	memcpy(seat_region(tc->t) + 4096, data, sizeof(data));
	krn_keep(tc);
	EXPECT_ENDED(tc, "KRN-064", &io[0], RINGSIM_ANSWERED, 0, 0, 0, 0);
	EXPECT_MEM(tc, "KRN-064", "Data-In", data, buf, sizeof(buf));
	krn_turs(tc, &io[1], 4); /* 488, PAD, 120: 7 bytes are left */
	target_tmr(tc->t, 1, (struct target_io *[]){ &io[4] }, 1);
	krn_turs(tc, &io[5], 2);
	EXPECT_EQ(tc, "KRN-064", "commands that wait", 2, krn_stats(tc).queued);
	EXPECT_EQ(tc, "KRN-064", "TMRs that wait", 1, krn_stats(tc).tmrs);
	seat_answer(tc->t, 128, 0, 0, 0, 0, NULL);
	seat_answer(tc->t, 248, 1, 0x18, uflags, 0, NULL);
	seat_answer(tc->t, 368, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 488);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-064", krn_stats(tc).broken, "the ring is not broken");
	EXPECT_EQ(tc, "KRN-064", "reclaim pointer", 248, krn_stats(tc).reclaim);
	EXPECT(tc, "KRN-064", io[1].done && !io[3].done, "which of them ended");
	EXPECT_EQ(tc, "KRN-064", "kept commands", uflags != 0, krn_stats(tc).kept);
	EXPECT_EQ(tc, "KRN-064", "blocks in use", uflags != 0, krn_stats(tc).blocks_used);
	EXPECT_EQ(tc, "KRN-064", "id still taken", uflags != 0,
		  ringsim_id_used(target_device(tc->t), 1));
	/* unlike after an unknown id, TMRs and queue are run, and fail */
	EXPECT_EQ(tc, "KRN-064", "TMRs that wait", 0, krn_stats(tc).tmrs);
	EXPECT_EQ(tc, "KRN-064", "TMR entries", 0, krn_stats(tc).tmr_entries);
	EXPECT_ENDED(tc, "KRN-064", &io[5], RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT_ENDED(tc, "KRN-064", &io[6], RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT_EQ(tc, "KRN-064", "status of the kept command", 0, io[0].status);
	EXPECT_EQ(tc, "KRN-064", "ends of the kept command", 1, io[0].order);
}

static void kept_again(struct tc *tc)
{
	tc_expect_violation(tc, "HND-036");
	kept_twice(tc, 0);
	kept_twice(tc, TCMU_UFLAG_KEEP_BUF);
}

/* TMRs go before the queue; nothing is tried unless something was reclaimed. */
static void after_walk(struct tc *tc)
{
	struct target_opts o = work_opts(608, 8);
	struct target_io io[8], *none[1];
	struct seat_entry e;

	o.dev.tmr_notification = true;
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 5); /* 600 of 608 */
	target_tmr(tc->t, 5, none, 0);
	target_tmr(tc->t, 1, none, 0);
	krn_turs(tc, &io[5], 2);
	EXPECT_EQ(tc, "KRN-072", "TMRs that wait", 2, krn_stats(tc).tmrs);
	target_advance(tc->t, 5000);
	seat_ring(tc->t);
	EXPECT_EQ(tc, "KRN-072", "attempts to queue", 2, krn_stats(tc).qfull);
	EXPECT_EQ(tc, "KRN-081", "deadline of the front", 30 * RINGSIM_NSEC_PER_SEC,
		  io[5].cmd.deadline_ns);
	seat_finish(tc->t, 0); /* 120 more bytes: PAD of 8 and both TMRs, but no command */
	EXPECT_EQ(tc, "KRN-072", "TMRs that wait", 0, krn_stats(tc).tmrs);
	EXPECT_EQ(tc, "KRN-072", "commands that wait", 2, krn_stats(tc).queued);
	seat_entry(tc->t, 0, &e);
	EXPECT_EQ(tc, "KRN-072", "opcode at 0", TCMU_OP_TMR, e.op);
	EXPECT_EQ(tc, "KRN-072", "attempts to queue", 3, krn_stats(tc).qfull);
	seat_finish(tc->t, 0);
	EXPECT_EQ(tc, "KRN-072", "commands that wait", 1, krn_stats(tc).queued);
	seat_finish_all(tc->t, 0);
	seat_finish_all(tc->t, 0);
	EXPECT(tc, "KRN-072", io[6].done, "the last has not ended");
}

/* A TMR that still does not fit holds up the queue although a command would fit. */
static void tmr_holds_queue(struct tc *tc)
{
	struct target_opts o = work_opts(640, 8);
	struct target_io io[8], *list[8];
	uint32_t i;

	o.dev.tmr_notification = true;
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 5); /* 600; 39 are free */
	for (i = 0; i < 5; i++)
		list[i] = &io[i];
	target_tmr(tc->t, 5, list, 5); /* 48 bytes, with a PAD of 40: 88 */
	krn_turs(tc, &io[5], 1);
	EXPECT_EQ(tc, "KRN-072", "TMRs that wait", 1, krn_stats(tc).tmrs);
	EXPECT_EQ(tc, "KRN-072", "commands that wait", 1, krn_stats(tc).queued);
	seat_finish(tc->t, 0); /* 159 free, 88 for the TMR, 71 left */
	EXPECT_EQ(tc, "KRN-072", "TMR entries", 1, krn_stats(tc).tmr_entries);
	EXPECT_EQ(tc, "KRN-072", "commands that wait", 1, krn_stats(tc).queued);
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-072", "commands that wait", 0, krn_stats(tc).queued);
	seat_finish_all(tc->t, 0);
}

/* The command timer follows the oldest command in flight. */
static void timer_after_walk(struct tc *tc)
{
	struct target_opts o = work_opts(4072, 8);
	struct target_io io[3];
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 3; i++) {
		krn_turs(tc, &io[i], 1);
		target_advance(tc->t, 2000);
	}
	EXPECT_EQ(tc, "KRN-072", "timer", 30 * RINGSIM_NSEC_PER_SEC,
		  ringsim_next_timer(target_device(tc->t)));
	seat_answer(tc->t, 0, 2, 0, 0, 0, NULL); /* the second */
	seat_set_tail(tc->t, 120);
	seat_ring(tc->t);
	EXPECT_EQ(tc, "KRN-072", "timer", 30 * RINGSIM_NSEC_PER_SEC,
		  ringsim_next_timer(target_device(tc->t)));
	seat_answer(tc->t, 120, 1, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 240);
	seat_ring(tc->t);
	EXPECT_EQ(tc, "KRN-072", "timer", 34 * RINGSIM_NSEC_PER_SEC,
		  ringsim_next_timer(target_device(tc->t)));
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-072", "timer", UINT64_MAX, ringsim_next_timer(target_device(tc->t)));
}

/* One event per command, but for batches; TMRs always. */
static void events(struct tc *tc)
{
	struct target_opts o = work_opts(608, 8);
	struct target_io io[8], *none[1];
	struct ringsim_device *dev;

	o.dev.tmr_notification = true;
	o.dev.first_event = 100;
	if (target_start(tc->t, &o))
		return;
	dev = target_device(tc->t);
	krn_turs(tc, io, 3);
	EXPECT_EQ(tc, "KRN-073", "events of three commands", 103, krn_stats(tc).events);
	ringsim_plug(dev);
	krn_turs(tc, &io[3], 2);
	EXPECT_EQ(tc, "KRN-073", "events while plugged", 103, krn_stats(tc).events);
	krn_turs(tc, &io[5], 2); /* wait */
	seat_finish(tc->t, 0);
	seat_finish(tc->t, 0);
	EXPECT_EQ(tc, "KRN-073", "commands that wait", 1, krn_stats(tc).queued);
	EXPECT_EQ(tc, "KRN-073", "events by promotion while plugged", 103, krn_stats(tc).events);
	target_tmr(tc->t, 1, none, 0);
	EXPECT_EQ(tc, "KRN-073", "events of a TMR while plugged", 104, krn_stats(tc).events);
	ringsim_unplug(dev);
	EXPECT_EQ(tc, "KRN-073", "events at the end of the batch", 105, krn_stats(tc).events);
	ringsim_plug(dev);
	ringsim_unplug(dev);
	EXPECT_EQ(tc, "KRN-073", "events of an empty batch", 106, krn_stats(tc).events);
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-073", "event of a promotion", 107, krn_stats(tc).events);
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-073", "events of a walk", 107, krn_stats(tc).events);
	ringsim_spurious_event(dev);
	EXPECT_EQ(tc, "KRN-073", "spurious events", 108, krn_stats(tc).events);
	ringsim_block(dev, true);
	krn_turs(tc, &io[7], 1);
	EXPECT_EQ(tc, "KRN-073", "events of a refusal", 108, krn_stats(tc).events);
	EXPECT_EQ(tc, "KRN-124", "poll", POLLIN, ringsim_uio_poll(target_uio(tc->t)));
}

static const struct case_def rows[] = {
	{ "krn.060.reclaimer", "KRN-060", CLAUSE_MUST, SIM,
	  "the reclaimer looks without a doorbell", triggers },
	{ "krn.061.passes", "KRN-061 KRN-104 DIS-17", CLAUSE_MUST, SIM,
	  "PAD, TMR and unknown opcodes are passed, ids decide", passes },
	{ "krn.061.tail-reread", "KRN-061", CLAUSE_MUST, SIM,
	  "the tail is read again at each entry", tail_reread },
	{ "krn.062.ring", "KRN-062 KRN-063", CLAUSE_MUST, SIM,
	  "an id of nobody: neither TMRs nor queue are run", unknown_ids },
	{ "krn.063.ring", "KRN-063 KRN-102 KRN-110", CLAUSE_MUST, SIM,
	  "a broken ring that is full: only time and reset_ring have an effect", after_broken },
	{ "krn.063.ring-queue", "KRN-063 KRN-091", CLAUSE_MUST, SIM,
	  "commands that wait for ring on a broken device expire", broken_queue_expires },
	{ "krn.064.ring", "KRN-064", CLAUSE_MUST, SIM,
	  "a kept command answered a second time, with TMRs and queue", kept_again },
	{ "krn.072.after-walk", "KRN-072 KRN-081", CLAUSE_MUST, SIM,
	  "TMRs first, then the queue, if anything was reclaimed", after_walk },
	{ "krn.072.tmr-holds", "KRN-072 KRN-102", CLAUSE_MUST, SIM, "space goes to the TMR first",
	  tmr_holds_queue },
	{ "krn.072.timer", "KRN-072 KRN-090", CLAUSE_MUST, SIM,
	  "the timer is set for the oldest in flight", timer_after_walk },
	{ "krn.073.batches", "KRN-073", CLAUSE_MUST, SIM, "what raises an event, and batches",
	  events },
};

CASE_TABLE(cases_krn_walk);
