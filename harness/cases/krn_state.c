/* SPDX-License-Identifier: MIT */
/*
 * What the kernel's half keeps to itself, and all that it stores and reads.
 * Clauses: KRN-001 to KRN-003; TRP-03, TRP-18, TRP-32.
 */
#include "krn.h"

#include "cdb.h"

#define SIM (NEEDS_SEAT | NEEDS_SIM)

/* Where the next entry goes is read from the mailbox, modulo the ring's size (TRP-03). */
static void head_is_shared(struct tc *tc)
{
	static const uint32_t heads[] = { 480, 3600, 4072 + 960, 4072 * 3 + 8 };
	struct target_opts o = work_opts(4072, 8);
	struct target_io io;
	uint32_t i, at;

	tc_expect_violation(tc, "HND-023");
	for (i = 0; i < 4; i++) {
		if (target_start(tc->t, &o))
			return;
		memcpy(seat_region(tc->t) + RINGSIM_OFF_HEAD, &heads[i], 4);
		krn_turs(tc, &io, 1);
		at = heads[i] % 4072;
		EXPECT_EQ(tc, "KRN-001", "len_op where cmd_head pointed", 121,
			  seat_region(tc->t)[128 + at]);
		EXPECT_EQ(tc, "KRN-001", "cmd_head", at + 120, seat_head(tc->t));
	}
	EXPECT_EQ(tc, "KRN-001", "reports", 4, tc_violations(tc));
}

/* The constant words of the mailbox are written once and never looked at again. */
static void constants_are_private(struct tc *tc)
{
	struct target_opts o = krn_opts();
	uint8_t buf[100], data[100], mailbox[64];
	struct target_io io[2];
	uint8_t *region;

	if (target_start(tc->t, &o))
		return;
	region = seat_region(tc->t);
	tc_expect_violation(tc, "HND-023");
	memcpy(mailbox, region, 64);
	memset(region, 0xee, 12);
	memset(region + 16, 0xee, 48);
	krn_in(&io[1], buf, 100);
	krn_turs(tc, io, 1);
	krn_submit(tc, &io[1]);
	tc_fill(tc, data, 100, 1);
	if (io[1].done || seat_head(tc->t) != 248)
		tc_fail(tc, "KRN-003", "cmd_head: expected 248, found %u", seat_head(tc->t));
	else
		memcpy(region + KRN_DATA, data, 100);
	region[128 + 8] = 0;
	region[248 + 8] = 0;
	seat_set_tail(tc->t, 248);
	seat_ring(tc->t);
	if (!krn_ended(tc, &io[0]) || !krn_ended(tc, &io[1]))
		tc_fail(tc, "KRN-003", "no end");
	memcpy(region, mailbox, 12); /* for those who come after */
	memcpy(region + 16, mailbox + 16, 48);
	EXPECT_EQ(tc, "KRN-003", "len_op of the first", 121, region[128]);
	EXPECT_EQ(tc, "KRN-003", "len_op of the second", 129, region[248]);
	EXPECT_MEM(tc, "KRN-003", "Data-In", data, buf, 100);
}

/* Between fetch and answer the request may be trampled on: iovs, counts, cdb_off and the CDB. */
static void request_not_reread(struct tc *tc)
{
	static const uint32_t busy[] = { 0, 2, 4, 6, 8, 10, UINT32_MAX };
	struct target_opts o = krn_opts();
	uint8_t *buf = tc_alloc(tc, 7 * 4096), *data = tc_alloc(tc, 7 * 4096);
	struct seat_entry e;
	struct target_io io;
	uint32_t i, at;

	if (target_start(tc->t, &o) || !krn_busy_blocks(tc, busy))
		return;
	tc_expect_violation(tc, "HND-023");
	tc_fill(tc, data, 7 * 4096, 1);
	krn_in(&io, buf, 7 * 4096 - 5);
	krn_submit(tc, &io);
	if (!krn_cmd(tc, 0, &e))
		return;
	EXPECT_EQ(tc, "KRN-003", "iovs", 6, e.iov_cnt);
	for (i = at = 0; i < 6; at += (uint32_t)e.iov[i++].iov_len)
		memcpy(seat_region(tc->t) + (uintptr_t)e.iov[i].iov_base, data + at,
		       e.iov[i].iov_len);
	memset(seat_region(tc->t) + 128 + e.off + 8, 0xff, e.len - 8);
	seat_answer(tc->t, e.off, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, seat_next(tc->t, &e));
	seat_ring(tc->t);
	EXPECT(tc, "KRN-003", krn_ended(tc, &io) && io.status == 0, "no end, or not GOOD");
	EXPECT_EQ(tc, "KRN-003", "residual", 0, io.residual);
	EXPECT_MEM(tc, "KRN-003", "Data-In", data, buf, 7 * 4096 - 5);
	SIM_EQ(tc, "KRN-003", "blocks in use", 6, blocks_used);
}

/* A picture of ring and data, to see what has changed since. */
struct snap {
	struct tc *tc;
	uint32_t len;
	uint8_t *old;
};

struct range {
	uint32_t off, len;
};

#define LOOKED_AT (KRN_DATA + 8 * 4096) /* bytes */

#define HEAD_WORD     \
	{             \
		12, 4 \
	}

/* Every byte that changed lies in one of @r, ended by a length of 0; takes a new picture. */
static void only(struct snap *s, const char *what, const struct range *r)
{
	const uint8_t *now = seat_region(s->tc->t);
	uint32_t i, k;

	for (i = 0; i < s->len && !s->tc->failed; i++) {
		if (s->old[i] == now[i])
			continue;
		for (k = 0; r[k].len && (i < r[k].off || i - r[k].off >= r[k].len); k++)
			;
		if (!r[k].len)
			tc_fail(s->tc, "KRN-002", "%s: region byte %u was stored", what, i);
	}
	memcpy(s->old, now, s->len);
}

#define ONLY(s, what, ...) only(s, what, (const struct range[]){ __VA_ARGS__, { 0, 0 } })
#define NOTHING               \
	{                     \
		UINT32_MAX, 1 \
	}

/* Everything that happens to a device, and the bytes that it may store. */
static bool all_stores_start(struct tc *tc, struct snap *s, uint8_t *buf)
{
	struct target_opts o = krn_opts();
	struct target_io io;
	uint32_t i;

	*s = (struct snap){ .tc = tc, .len = LOOKED_AT, .old = tc_alloc(tc, LOOKED_AT) };
	o.exact = true;
	o.dev.tmr_notification = true;
	o.dev.cmd_time_out_s = 3;
	if (target_start(tc->t, &o))
		return false;
	krn_out(&io, buf, 8 * 4096); /* gives out the pages that are looked at */
	krn_submit(tc, &io);
	seat_finish(tc->t, 0);
	if (!krn_ended(tc, &io))
		tc_fail(tc, "KRN-002", "the first command does not end");
	for (i = 0; i < 8 * 4096 && !tc->failed; i++)
		if (seat_region(tc->t)[KRN_DATA + i])
			tc_fail(tc, "KRN-002", "data byte %u", i);
	if (!tc->failed)
		memcpy(s->old, seat_region(tc->t), s->len);
	return !tc->failed;
}

static void all_stores(struct tc *tc)
{
	uint8_t *buf = tc_alloc(tc, 8 * 4096), *out = tc_alloc(tc, 5000);
	struct target_io io[4];
	struct snap s;

	if (!all_stores_start(tc, &s, buf))
		return;
	memset(out, 0x77, 5000);
	krn_out(&io[0], out, 5000);
	krn_submit(tc, &io[0]);
	ONLY(&s, "WRITE", { 128 + 128, 128 }, HEAD_WORD, { KRN_DATA, 5000 });
	EXPECT_MEM(tc, "KRN-002", "Data-Out", out, s.old + KRN_DATA, 5000);
	krn_in(&io[1], buf, 5000);
	krn_submit(tc, &io[1]);
	ONLY(&s, "READ", { 128 + 256, 128 }, HEAD_WORD);
	target_advance(tc->t, 4500);
	EXPECT(tc, "KRN-090", krn_ended(tc, &io[0]) && krn_ended(tc, &io[1]), "not expired");
	ONLY(&s, "time", NOTHING);
	target_tmr(tc->t, TCMU_TMR_LUN_RESET, NULL, 0);
	target_settle(tc->t);
	ONLY(&s, "TMR", { 128 + 384, 32 }, HEAD_WORD);
	target_block_dev(tc->t, true);
	target_block_dev(tc->t, false);
	ONLY(&s, "block_dev", NOTHING);
	seat_finish_all(tc->t, 0x18);
	ONLY(&s, "walk", { 64, 4 }, { 128 + 128 + 4, 108 }, { 128 + 256 + 4, 108 });
	memcpy(s.old, seat_region(tc->t), s.len);
	target_reset_ring(tc->t, 1);
	ONLY(&s, "reset_ring", HEAD_WORD, { 64, 4 });
	EXPECT_EQ(tc, "KRN-111", "cmd_head", 0, seat_head(tc->t));
	EXPECT_EQ(tc, "KRN-111", "cmd_tail", 0, seat_tail(tc->t));
}

/* What becomes of an answer: UNKNOWN_OP alone leaves a byte; keeping and freeing leave none. */
static void answer_stores(struct tc *tc)
{
	uint8_t *buf = tc_alloc(tc, 8 * 4096);
	struct target_io io[2];
	struct seat_entry e;
	struct snap s;

	if (!all_stores_start(tc, &s, buf))
		return;
	tc_expect_violation(tc, "HND-034");
	krn_in(&io[0], NULL, 0);
	krn_submit(tc, &io[0]);
	ONLY(&s, "READ of nothing", { 128 + 128, 128 }, HEAD_WORD);
	seat_answer(tc->t, 128, 0, 0x18, TCMU_UFLAG_UNKNOWN_OP, 0, NULL);
	seat_set_tail(tc->t, 256);
	memcpy(s.old, seat_region(tc->t), s.len);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-067", krn_ended(tc, &io[0]), "no end");
	ONLY(&s, "UNKNOWN_OP", { 128 + 128 + 8, 1 });
	EXPECT_EQ(tc, "KRN-067", "scsi_status in the ring", 2, s.old[128 + 128 + 8]);
	krn_in(&io[1], NULL, 5000);
	krn_submit(tc, &io[1]);
	if (!krn_cmd(tc, 0, &e))
		return;
	krn_keep(tc);
	EXPECT(tc, "KRN-112", krn_ended(tc, &io[1]), "no end");
	memcpy(s.old, seat_region(tc->t), s.len);
	EXPECT_EQ(tc, "KRN-112", "free_kept_buf", 0, target_free_kept_buf(tc->t, e.id));
	ONLY(&s, "free_kept_buf", NOTHING);
	target_uio_close(tc->t);
	EXPECT_EQ(tc, "KRN-128", "open again", 0, target_uio_open(tc->t));
	ONLY(&s, "close and open", NOTHING);
}

/* The same with what a kernel is not asked for, and over the end of a ring. */
static void all_stores_odd(struct tc *tc)
{
	struct target_opts o = work_opts(1016, 8);
	struct snap s = { .tc = tc, .len = 4096 + 8 * 4096 };
	uint8_t *buf = tc_alloc(tc, 8 * 4096);
	struct target_io io[4], *list[1] = { &io[0] };
	uint32_t i;

	o.exact = true;
	o.dev.tmr_notification = true;
	s.old = tc_alloc(tc, s.len);
	if (target_start(tc->t, &o))
		return;
	tc_expect_violation(tc, "HND-034");
	krn_out(&io[0], buf, 8 * 4096); /* gives out every page */
	target_submit(tc->t, &io[0]);
	seat_finish(tc->t, 0);
	for (i = 0; i < 8 * 4096; i++)
		EXPECT(tc, "KRN-002", seat_region(tc->t)[4096 + i] == 0, "data byte %u", i);
	only(&s, "start", (const struct range[]){ { 0, s.len }, { 0, 0 } });

	memset(buf, 0x77, 5000);
	krn_out(&io[0], buf, 5000);
	target_submit(tc->t, &io[0]);
	ONLY(&s, "WRITE", { 128 + 128, 128 }, HEAD_WORD, { 4096, 5000 });
	krn_in(&io[1], buf, 5000);
	target_submit(tc->t, &io[1]);
	ONLY(&s, "READ", { 128 + 256, 128 }, HEAD_WORD);
	target_advance(tc->t, 31000); /* both expire */
	EXPECT_EQ(tc, "KRN-090", "expired", 2, krn_stats(tc).expired);
	ONLY(&s, "time", NOTHING);
	target_tmr(tc->t, 5, list, 0);
	ONLY(&s, "TMR", { 128 + 384, 32 }, HEAD_WORD);
	krn_bidi(&io[2], buf, 100, buf, 100);
	target_submit(tc->t, &io[2]);
	ONLY(&s, "BIDI", { 128 + 416, 128 }, HEAD_WORD, { 4096 + 4 * 4096, 100 });
	ringsim_block(target_device(tc->t), true);
	ringsim_block(target_device(tc->t), false);
	ringsim_spurious_event(target_device(tc->t));
	ONLY(&s, "block_dev and an event", NOTHING);
	seat_finish_all(tc->t, 0x18);
	only(&s, "walk",
	     (const struct range[]){ { 64, 4 },
				     { 128 + 128 + 4, 108 },
				     { 128 + 256 + 4, 108 },
				     { 128 + 416 + 4, 108 },
				     { 0, 0 } });
	krn_in(&io[0], NULL, 0);
	target_submit(tc->t, &io[0]);
	seat_answer(tc->t, 544, 0, 0x18, TCMU_UFLAG_UNKNOWN_OP, 0, NULL);
	seat_set_tail(tc->t, 672);
	only(&s, "mine", (const struct range[]){ { 0, s.len }, { 0, 0 } });
	seat_ring(tc->t);
	ONLY(&s, "UNKNOWN_OP", { 128 + 544 + 8, 1 });
	EXPECT_EQ(tc, "KRN-067", "scsi_status in the ring", 2, s.old[128 + 544 + 8]);
	krn_turs(tc, io, 3);
	ONLY(&s, "two and a PAD", { 128 + 672, 240 }, { 128 + 912, 8 }, { 128, 120 }, HEAD_WORD);
	EXPECT_EQ(tc, "KRN-030", "PAD", 104, s.old[128 + 912]);
	ringsim_reset(target_device(tc->t), 1);
	ONLY(&s, "reset_ring", HEAD_WORD, { 64, 4 });
	EXPECT_EQ(tc, "KRN-111", "cmd_head", 0, seat_head(tc->t));
	EXPECT_EQ(tc, "KRN-111", "cmd_tail", 0, seat_tail(tc->t));
	krn_in(&io[0], NULL, 5000);
	target_submit(tc->t, &io[0]);
	krn_keep(tc);
	only(&s, "mine", (const struct range[]){ { 0, s.len }, { 0, 0 } });
	ringsim_free_kept(target_device(tc->t), 1);
	ONLY(&s, "free_kept_buf", NOTHING);
	ringsim_uio_close(target_uio(tc->t));
	ringsim_uio_open(target_uio(tc->t));
	ONLY(&s, "close and open", NOTHING);
}

static const struct case_def rows[] = {
	{ "krn.001.head-is-shared", "KRN-001", CLAUSE_MUST, SIM,
	  "cmd_head is read from the mailbox each time", head_is_shared },
	{ "krn.002.all-stores", "KRN-002 KRN-067 KRN-111", CLAUSE_MUST, NEEDS_SEAT,
	  "every byte that each action stores", all_stores },
	{ "krn.002.answers", "KRN-002 KRN-067 KRN-112 KRN-128", CLAUSE_MUST, NEEDS_SEAT,
	  "every byte that answering, keeping and freeing store", answer_stores },
	{ "krn.002.odd", "KRN-002 KRN-067 KRN-111", CLAUSE_MUST, SIM,
	  "every byte stored, with BIDI and a PAD", all_stores_odd },
	{ "krn.003.constants", "KRN-003 KRN-001", CLAUSE_MUST, NEEDS_SEAT,
	  "the mailbox's constants are never read again", constants_are_private },
	{ "krn.003.request", "KRN-003", CLAUSE_MUST, NEEDS_SEAT, "a request is never read again",
	  request_not_reread },
};

CASE_TABLE(cases_krn_state);
