/* SPDX-License-Identifier: MIT */
/*
 * The completion walk as both targets show it: what starts it, whose id counts, what breaks the
 * ring, and what a broken ring does. Commands wait for data blocks here: a ring that is full takes
 * thousands of them. Clauses: KRN-060 to KRN-065, KRN-072, KRN-073; TRP-16, TRP-23, TRP-24.
 */
#include "krn.h"

#include "cdb.h"

/* Answers slot @off and moves the tail to @tail; the doorbell is another matter. */
static void answer_to(struct tc *tc, uint32_t off, uint16_t id, uint32_t tail)
{
	seat_answer(tc->t, off, id, 0, 0, 0, NULL);
	seat_set_tail(tc->t, tail);
}

/* Doorbell and block_dev 0 to 1 make the kernel look; a moved tail alone does not. */
static void triggers(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io[4];

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 4);
	answer_to(tc, 0, 0, 120);
	target_advance(tc->t, 1000);
	EXPECT(tc, "KRN-060", krn_pending(tc, &io[0]), "reclaimed without being told");
	target_block_dev(tc->t, true);
	EXPECT(tc, "KRN-060", krn_ended(tc, &io[0]) && krn_pending(tc, &io[1]),
	       "block_dev 0 to 1 takes one");
	answer_to(tc, 120, 0, 240);
	target_block_dev(tc->t, true);
	target_block_dev(tc->t, false);
	EXPECT(tc, "KRN-060", krn_pending(tc, &io[1]), "block_dev 1 to 1 or 1 to 0 looked");
	seat_ring(tc->t);
	EXPECT(tc, "KRN-060", krn_ended(tc, &io[1]) && krn_pending(tc, &io[2]),
	       "the doorbell takes one");
	seat_finish_all(tc->t, 0);
}

/* Blocks that the handler has released but not rung for are not free. */
static void not_rung(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io[3];
	uint32_t head;

	if (target_start(tc->t, &o))
		return;
	krn_in(&io[0], NULL, 200 * 4096);
	krn_submit(tc, &io[0]);
	krn_in(&io[1], NULL, 56 * 4096);
	krn_submit(tc, &io[1]);
	head = seat_head(tc->t);
	seat_answer(tc->t, 0, 0, 8, 0, 0, NULL);
	seat_set_tail(tc->t, 128);
	krn_in(&io[2], NULL, 4096);
	krn_submit(tc, &io[2]);
	EXPECT(tc, "KRN-060", krn_pending(tc, &io[2]) && !io[0].done,
	       "reclaimed without a doorbell");
	EXPECT_EQ(tc, "KRN-082", "cmd_head", head, seat_head(tc->t));
	seat_ring(tc->t);
	EXPECT(tc, "KRN-060", krn_ended(tc, &io[0]), "no end");
	EXPECT_EQ(tc, "KRN-072", "cmd_head", head + 128, seat_head(tc->t));
	seat_finish_all(tc->t, 8);
}

/* The id in a slot says whose answer it is, and whose data: all in reverse, by one doorbell. */
static void by_id(struct tc *tc)
{
	static const uint8_t statuses[] = { 0, 0x18, 8, 0x28, 0 };
	struct target_opts o = krn_opts();
	uint8_t buf[5][64], want[64];
	struct target_io io[5];
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	memset(buf, 0, sizeof(buf));
	for (i = 0; i < 5; i++) {
		krn_in(&io[i], buf[i], 64);
		krn_submit(tc, &io[i]);
		tc_fill(tc, seat_region(tc->t) + KRN_DATA + 4096 * i, 64, i);
		seat_answer(tc->t, 128 * i, (uint16_t)(5 - i), statuses[i], 0, 0, NULL);
	}
	seat_set_tail(tc->t, 5 * 128);
	seat_ring(tc->t);
	for (i = 0; i < 5; i++) {
		EXPECT(tc, "KRN-061", krn_ended(tc, &io[i]), "id %u has not ended", i + 1);
		EXPECT_EQ(tc, "KRN-061", "status", statuses[4 - i], io[i].status);
		if (krn_sim(tc))
			EXPECT_EQ(tc, "KRN-061", "place in the order of ends", 5 - i, io[i].order);
		tc_fill(tc, want, 64, i);
		if (!io[i].status)
			EXPECT_MEM(tc, "KRN-061", "data of its own blocks", want, buf[i], 64);
	}
}

/* One that holds blocks, three more, one that waits; the third answer names @id. */
static void unknown_id(struct tc *tc, uint16_t id)
{
	struct target_io *io = tc_alloc(tc, 6 * sizeof(*io));
	struct target_opts o = krn_opts();
	uint32_t i;

	if (tc->failed || target_start(tc->t, &o))
		return;
	krn_take_all(tc, &io[0]);
	krn_turs(tc, &io[1], 3);
	krn_in(&io[4], NULL, 1);
	krn_submit(tc, &io[4]);
	EXPECT(tc, "KRN-080", krn_pending(tc, &io[4]), "it does not wait");
	seat_answer(tc->t, 0, 0, 8, 0, 0, NULL);
	seat_answer(tc->t, 128, 0, 0, 0, 0, NULL);
	seat_answer(tc->t, 248, 0, 0, 0, 0, NULL);
	memcpy(seat_region(tc->t) + 128 + 248 + 4, &id, 2);
	answer_to(tc, 368, 0, 488);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-062", krn_ended(tc, &io[0]) && krn_ended(tc, &io[1]),
	       "what was walked before stays done");
	for (i = 2; i < 5; i++)
		EXPECT(tc, "KRN-062", krn_pending(tc, &io[i]),
		       "command %u ended: the walk did not stop, or the queue was run", i);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-062", krn_broken(tc), "id %u did not break the ring", id);
	EXPECT_EQ(tc, "KRN-062", "cmd_head", 488, seat_head(tc->t));
	SIM_EQ(tc, "KRN-062", "reclaim pointer", 248, reclaim);
	EXPECT_EQ(tc, "KRN-111", "reset_ring", 0, target_reset_ring(tc->t, 1));
	EXPECT_ENDED(tc, "KRN-062", &io[2], RINGSIM_RESET, 8, 0, 0, 0);
	EXPECT_ENDED(tc, "KRN-062", &io[3], RINGSIM_RESET, 8, 0, 0, 0);
	EXPECT_EQ(tc, "KRN-111", "cmd_head", 128, seat_head(tc->t));
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-111", krn_ended(tc, &io[4]), "what waited never ends");
}

static void unknown_ids(struct tc *tc)
{
	tc_expect_violation(tc, "HND-053");
	unknown_id(tc, 7);
	unknown_id(tc, 0);
	unknown_id(tc, 65535);
	unknown_id(tc, 1); /* free again since the first answer of this very pass */
}

/* A broken ring with one in flight per expiry, one that waits. */
static bool broken_start(struct tc *tc, struct target_io *io)
{
	struct target_opts o = krn_opts();

	o.dev.cmd_time_out_s = 3;
	if (target_start(tc->t, &o))
		return false;
	tc_expect_violation(tc, "HND-053");
	krn_take_all(tc, &io[0]);
	krn_turs(tc, &io[1], 1);
	krn_in(&io[2], NULL, 1);
	krn_submit(tc, &io[2]);
	answer_to(tc, 0, 99, 128);
	seat_ring(tc->t);
	return !tc->failed;
}

/* Life of a broken device: nothing but time and reset_ring has any effect. */
static void after_broken(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 6 * sizeof(*io));
	uint32_t v = 0;

	if (!broken_start(tc, io))
		return;
	answer_to(tc, 128, 0, 248);
	EXPECT_EQ(tc, "KRN-063", "result of a doorbell", 4, target_uio_write(tc->t, &v, 4));
	EXPECT(tc, "KRN-063", krn_pending(tc, &io[0]) && krn_pending(tc, &io[1]),
	       "a completion was processed");
	krn_turs(tc, &io[3], 1);
	EXPECT_ENDED(tc, "KRN-063", &io[3], RINGSIM_REFUSED, 2, 2, 8, 0);
	target_block_dev(tc->t, true);
	target_block_dev(tc->t, false);
	EXPECT_ENDED(tc, "KRN-110", &io[2], RINGSIM_REFUSED, 8, 0, 0, 0);
	EXPECT(tc, "KRN-063", krn_pending(tc, &io[1]), "block_dev walked a broken ring");
	target_uio_close(tc->t);
	EXPECT_EQ(tc, "KRN-120", "open again", 0, target_uio_open(tc->t));
	EXPECT(tc, "KRN-063", krn_broken(tc), "BROKEN went away by itself");
	EXPECT_EQ(tc, "KRN-111", "reset_ring", 0, target_reset_ring(tc->t, 1));
	EXPECT_ENDED(tc, "KRN-063", &io[1], RINGSIM_RESET, 8, 0, 0, 0);
	krn_turs(tc, &io[4], 1);
	seat_finish(tc->t, 0);
	EXPECT_ENDED(tc, "KRN-063", &io[4], RINGSIM_ANSWERED, 0, 0, 0, 0);
}

/* What is in flight expires, and so does what waits. */
static void broken_expires(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 6 * sizeof(*io));

	if (!broken_start(tc, io))
		return;
	target_advance(tc->t, 5000);
	EXPECT_ENDED(tc, "KRN-063", &io[0], RINGSIM_EXPIRED, 2, 2, 8, 0);
	EXPECT_ENDED(tc, "KRN-063", &io[1], RINGSIM_EXPIRED, 2, 2, 8, 0);
	EXPECT_ENDED(tc, "KRN-063", &io[2], RINGSIM_QUEUE_EXPIRED, 0x28, 0, 0, 0);
	EXPECT(tc, "KRN-063", krn_broken(tc), "time mended the ring");
}

/* A kept command is answered again, with and without KEEP_BUF: unlike above the queue is run. */
static void kept_twice(struct tc *tc, uint8_t uflags)
{
	struct target_io *io = tc_alloc(tc, 6 * sizeof(*io));
	struct target_opts o = krn_opts();
	uint8_t data[4096], buf[4096];

	if (tc->failed || target_start(tc->t, &o))
		return;
	tc_fill(tc, data, sizeof(data), 1);
	krn_in(&io[0], buf, sizeof(buf));
	krn_submit(tc, &io[0]); /* 128 bytes, block 0 */
	memcpy(seat_region(tc->t) + KRN_DATA, data, sizeof(data));
	krn_keep(tc);
	EXPECT_ENDED(tc, "KRN-064", &io[0], RINGSIM_ANSWERED, 0, 0, 0, 0);
	EXPECT_MEM(tc, "KRN-064", "Data-In", data, buf, sizeof(buf));
	krn_turs(tc, &io[1], 3); /* 128, 248, 368 */
	krn_in(&io[4], NULL, KRN_BLOCKS * 4096);
	krn_submit(tc, &io[4]); /* a block short */
	krn_turs(tc, &io[5], 1);
	EXPECT(tc, "KRN-080", krn_pending(tc, &io[4]) && krn_pending(tc, &io[5]), "nothing waits");
	seat_answer(tc->t, 128, 0, 0, 0, 0, NULL);
	seat_answer(tc->t, 248, 1, 0x18, uflags, 0, NULL);
	answer_to(tc, 368, 0, 488);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-064", krn_ended(tc, &io[1]), "what was walked before stays done");
	EXPECT_ENDED(tc, "KRN-064", &io[4], RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT_ENDED(tc, "KRN-064", &io[5], RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT(tc, "KRN-064", krn_pending(tc, &io[2]) && krn_pending(tc, &io[3]),
	       "the walk went on");
	EXPECT(tc, "KRN-064", krn_broken(tc), "the ring is not broken");
	SIM_EQ(tc, "KRN-064", "reclaim pointer", 248, reclaim);
	SIM_EQ(tc, "KRN-064", "blocks in use", uflags != 0, blocks_used);
	EXPECT_EQ(tc, "KRN-064", "free_kept_buf", uflags ? 0 : -EINVAL,
		  target_free_kept_buf(tc->t, 1));
	EXPECT_EQ(tc, "KRN-064", "status of the kept command", 0, io[0].status);
}

static void kept_again(struct tc *tc)
{
	tc_expect_violation(tc, "HND-036");
	kept_twice(tc, 0);
	kept_twice(tc, TCMU_UFLAG_KEEP_BUF);
}

/* The same id twice: unknown if it is free, and another's if it was given out again. */
static void duplicates(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io[3];
	uint8_t buf[100], data[100];

	tc_expect_violation(tc, "HND-053");
	tc_expect_violation(tc, "HND-035");
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 2);
	seat_finish(tc->t, 0);
	seat_answer(tc->t, 120, 1, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 240);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-065", krn_broken(tc) && !io[1].done, "a free id is not unknown");

	o.exact = true;
	if (target_start(tc->t, &o))
		return;
	tc_fill(tc, data, sizeof(data), 1);
	krn_turs(tc, io, 2);
	seat_finish(tc->t, 0);
	krn_in(&io[2], buf, sizeof(buf)); /* has id 1 now */
	krn_submit(tc, &io[2]);
	memcpy(seat_region(tc->t) + KRN_DATA, data, sizeof(data));
	seat_answer(tc->t, 120, 1, 0, 0, 0, NULL); /* meant for the first */
	seat_set_tail(tc->t, 240);
	seat_ring(tc->t);
	EXPECT_ENDED(tc, "KRN-065", &io[2], RINGSIM_ANSWERED, 0, 0, 0, 0);
	EXPECT_MEM(tc, "KRN-065", "what lay in its blocks", data, buf, sizeof(buf));
	EXPECT(tc, "KRN-065", krn_pending(tc, &io[1]), "the slot's own command ended");
	SIM_EQ(tc, "KRN-065", "BROKEN", 0, broken);
	krn_turs(tc, io, 1);
	EXPECT(tc, "KRN-065", krn_pending(tc, &io[0]), "the ring broke");
	seat_answer(tc->t, 240, 2, 0, 0, 0, NULL); /* the other one's slot is there, too */
	seat_answer(tc->t, 368, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 488);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-065", krn_ended(tc, &io[0]) && krn_ended(tc, &io[1]), "no end");
}

/* One event per command, none for what is refused, waits, or ends; one for what is promoted. */
static void events(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io[8];
	uint32_t first;

	if (target_start(tc->t, &o))
		return;
	first = target_events(tc->t);
	krn_turs(tc, io, 3);
	EXPECT_EQ(tc, "KRN-073", "events of three commands", first + 3, target_events(tc->t));
	krn_take_all(tc, &io[3]);
	EXPECT_EQ(tc, "KRN-073", "events", first + 4, target_events(tc->t));
	krn_in(&io[4], NULL, 1);
	krn_submit(tc, &io[4]);
	EXPECT(tc, "KRN-080", krn_pending(tc, &io[4]), "it does not wait");
	krn_in(&io[5], NULL, KRN_BLOCKS * 4096 + 1);
	krn_submit(tc, &io[5]);
	EXPECT_EQ(tc, "KRN-073", "events of what waits", first + 4, target_events(tc->t));
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-073", krn_ended(tc, &io[0]), "no end");
	EXPECT_EQ(tc, "KRN-073", "events of a walk", first + 4, target_events(tc->t));
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-011", krn_ended(tc, &io[5]), "no end");
	EXPECT_EQ(tc, "KRN-073", "event of a promotion", first + 5, target_events(tc->t));
	target_block_dev(tc->t, true);
	krn_turs(tc, &io[6], 1);
	EXPECT(tc, "KRN-110", krn_ended(tc, &io[6]), "no end");
	EXPECT_EQ(tc, "KRN-073", "events of a refusal", first + 5, target_events(tc->t));
	seat_finish_all(tc->t, 8);
}

static const struct case_def rows[] = {
	{ "krn.060.triggers", "KRN-060 KRN-110", CLAUSE_MUST, NEEDS_SEAT,
	  "doorbell and block_dev, and not the tail alone", triggers },
	{ "krn.060.not-rung", "KRN-060 KRN-072 KRN-082", CLAUSE_MUST, NEEDS_SEAT,
	  "what was answered but not rung for is not free", not_rung },
	{ "krn.061.by-id", "KRN-061 KRN-071 DIS-17", CLAUSE_MUST, NEEDS_SEAT,
	  "ids decide whose answer it is, in any order", by_id },
	{ "krn.062.unknown-id", "KRN-062 KRN-063 KRN-111", CLAUSE_MUST, NEEDS_SEAT,
	  "an id of nobody breaks the ring at once", unknown_ids },
	{ "krn.063.after-broken", "KRN-063 KRN-110 KRN-111", CLAUSE_MUST, NEEDS_SEAT,
	  "only time and reset_ring have an effect", after_broken },
	{ "krn.063.expires", "KRN-063 KRN-090 KRN-091", CLAUSE_MUST, NEEDS_SEAT,
	  "commands on a broken device expire", broken_expires },
	{ "krn.064.kept-again", "KRN-064", CLAUSE_MUST, NEEDS_SEAT,
	  "a kept command answered a second time", kept_again },
	{ "krn.065.duplicates", "KRN-065 KRN-062", CLAUSE_MUST, NEEDS_SEAT,
	  "an id answered twice, free or given out again", duplicates },
	{ "krn.073.events", "KRN-073", CLAUSE_MUST, NEEDS_SEAT, "what raises an event", events },
};

CASE_TABLE(cases_krn_broken);
