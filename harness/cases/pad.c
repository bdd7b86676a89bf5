/* SPDX-License-Identifier: MIT */
/* PADs: of every length, with anything in them, anywhere. Clause HND-013. */
#include "work.h"

#include "cdb.h"

/*
 * The ring ends @pad bytes after the start; the first command makes a PAD of them. Directly behind
 * a 1 MiB ring lies the first data block, which that very command writes.
 */
static void pad_at_end(struct tc *tc, uint32_t pad, bool exact)
{
	struct target_opts o = TARGET_OPTS;
	struct target_capacity cap;
	uint8_t out[4096], in[4096], before[128];
	struct ringsim_stats st;
	struct target_io io;
	uint8_t *at;

	o.exact = exact;
	o.handler.wce = true;
	o.dev.start = (1u << 20) - 128 - pad - 128; /* READ CAPACITY(16) comes first */
	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	at = seat_region(tc->t) + (1u << 20) - pad;
	tc_fill(tc, out, sizeof(out), pad);
	target_io_rw(&io, true, 10, 8, 4096 / cap.block_size, cap.block_size, out);
	target_freeze(tc->t);
	target_submit(tc->t, &io);
	memcpy(before, at, pad);
	target_thaw(tc->t);
	EXPECT(tc, "HND-013", !target_wait(tc->t, &io),
	       "the command behind a PAD of %u bytes never ended", pad);
	EXPECT_EQ(tc, "HND-013", "status", 0, io.status);
	EXPECT_MEM(tc, "HND-013", "the PAD's own bytes", before, at, pad);
	ringsim_stats(target_device(tc->t), &st);
	EXPECT_EQ(tc, "HND-013", "PADs made", 1, st.pads);
	EXPECT_EQ(tc, "HND-013", "cmd_tail", 128, seat_tail(tc->t));
	target_io_rw(&io, false, 10, 8, 4096 / cap.block_size, cap.block_size, in);
	EXPECT_GOOD(tc, "HND-013", &io);
	EXPECT_MEM(tc, "HND-013", "data block right behind a PAD", out, in, sizeof(in));
}

static void shortest(struct tc *tc)
{
	pad_at_end(tc, 8, false);
	if (!tc->failed)
		pad_at_end(tc, 8, true);
}

static void every_length(struct tc *tc)
{
	uint32_t pad;

	for (pad = 16; pad < 128 && !tc->failed; pad += 8)
		pad_at_end(tc, pad, pad & 8);
}

/* Long entries make long PADs, whose bodies show whole entries of the lap before. */
static void old_entries(struct tc *tc)
{
	struct target_opts o = work_opts(1024, 8);
	struct target_io *ios = tc_alloc(tc, 8 * sizeof(*ios));
	struct ringsim_stats st;
	uint32_t i, k, longest = target_sends_all(tc->t) ? 64 : 3; /* iSCSI: 16 bytes */

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 120 && !tc->failed; i++) {
		for (k = 0; k < 3; k++) {
			work_tur(&ios[k]);
			if (!tc_below(tc, 3)) {
				cdb_none(&ios[k], 0x7f);
				ios[k].cdb[7] = (uint8_t)(4 * tc_below(tc, longest));
			}
			target_submit(tc->t, &ios[k]);
		}
		work_wait_all(tc, "HND-013", ios, k);
	}
	if (tc->failed)
		return;
	if (!target_stats(tc->t, &st))
		return;
	EXPECT(tc, "HND-013", st.pads > 10, "only %llu PADs were made",
	       (unsigned long long)st.pads);
	EXPECT_EQ(tc, "HND-013", "cmd_tail", seat_head(tc->t), seat_tail(tc->t));
}

/* PADs in the middle of the ring, alone and in rows; their bodies look like entries. */
static void mid_ring(struct tc *tc)
{
	static const uint8_t fills[] = { 0x00, 0x81, 0x82, 0xff, 0x08 };
	static const uint32_t lens[] = { 8, 16, 104, 112, 120, 128, 504, 2048, 8 };
	struct target_opts o = work_opts(8 * 2039, 8);
	struct target_io *ios = tc_alloc(tc, 2 * sizeof(*ios));
	uint32_t i, k;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 45; i++) {
		target_plug(tc->t);
		for (k = 0; k <= i % 3; k++)
			EXPECT_EQ(tc, "HND-013", "room for a PAD", 0,
				  ringsim_put_raw(target_device(tc->t), TCMU_OP_PAD,
						  lens[(i + k) % 9], fills[i % 5]));
		work_tur(&ios[0]);
		target_submit(tc->t, &ios[0]);
		ringsim_put_raw(target_device(tc->t), TCMU_OP_PAD, 8, fills[i % 5]);
		work_tur(&ios[1]);
		target_submit(tc->t, &ios[1]);
		target_unplug(tc->t);
		if (!work_wait_all(tc, "HND-013", ios, 2))
			return;
		EXPECT_EQ(tc, "HND-013", "status behind a PAD", 0, ios[0].status | ios[1].status);
	}
}

/* Out of order, the answer that comes when the tail stands on the PAD must go past it. */
static void not_a_slot(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 151, 16);
	struct target_io *ios = tc_alloc(tc, 5 * sizeof(*ios));
	uint32_t seed, i;

	for (seed = 1; seed <= 24; seed++) {
		/* two before the PAD, three behind it */
		o.dev.start = 8 * 151 - 2 * 120 - 8 * (1 + seed % 14);
		o.handler.reorder_seed = tc_random(tc) | 1;
		if (target_start(tc->t, &o))
			return;
		for (i = 0; i < 5; i++) {
			if (i == 3)
				cdb_none(&ios[i], 0xc0);
			else
				work_tur(&ios[i]);
			target_submit(tc->t, &ios[i]);
		}
		if (!work_wait_all(tc, "HND-013", ios, 5))
			return;
		for (i = 0; i < 5; i++)
			EXPECT_EQ(tc, "HND-051", "status of a command around a PAD",
				  ios[i].cdb[0] ? 2 : 0, ios[i].status);
	}
}

static const struct case_def rows[] = {
	{ "hnd.013.shortest", "HND-013", CLAUSE_MUST, 0,
	  "an 8-byte PAD with the data area right behind it", shortest },
	{ "hnd.013.every-length", "HND-013 HND-012", CLAUSE_MUST, 0,
	  "PADs of 16 to 120 bytes at the ring's end", every_length },
	{ "hnd.013.old-entries", "HND-013 HND-012", CLAUSE_MUST, 0,
	  "PADs that lie over whole entries of the lap before", old_entries },
	{ "hnd.013.mid-ring", "HND-013 HND-012", CLAUSE_MUST, 0,
	  "PADs in the middle, in rows, with bodies that look like entries", mid_ring },
	{ "hnd.013.not-a-slot", "HND-013 HND-051", CLAUSE_MUST, NEEDS_INPROC,
	  "a PAD is never the slot of an answer", not_a_slot },
};
CASE_TABLE(cases_pad);
