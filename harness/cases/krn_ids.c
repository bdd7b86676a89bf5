/* SPDX-License-Identifier: MIT */
/* Ids, and what happens when there is none left. Clauses: KRN-050, KRN-010, KRN-011; TRP-14,
 * TRP-15.
 */
#include "krn.h"

#define SIM (NEEDS_SEAT | NEEDS_SIM)

/* A device without a target: 65535 ids are no matter for a log. */
struct plain {
	struct ringsim_device *dev;
	uint8_t *mem;
	struct ringsim_cmd cmd;
};

static void plain_submit(struct plain *p, struct ringsim_cmd *cmd, enum ringsim_dir dir)
{
	static const uint8_t cdb[10] = { 0x28 };

	*cmd = (struct ringsim_cmd){ .cdb = dir == RINGSIM_NONE ? cdb + 1 : cdb,
				     .cdb_room = 8,
				     .dir = dir,
				     .data_len = dir == RINGSIM_NONE ? 0 : 4096 };
	ringsim_submit(p->dev, cmd);
}

/* Answers the next CMD from the tail, moves on and rings. */
static void plain_answer(struct plain *p, uint8_t uflags)
{
	uint32_t tail = *(uint32_t *)(void *)(p->mem + 64);
	uint32_t size = *(uint32_t *)(void *)(p->mem + 8), len_op;

	len_op = *(uint32_t *)(void *)(p->mem + 128 + tail);
	if ((len_op & 7) == TCMU_OP_PAD) {
		tail = 0;
		len_op = *(uint32_t *)(void *)(p->mem + 128);
	}
	p->mem[128 + tail + 8] = 0;
	p->mem[128 + tail + 7] = uflags;
	*(uint32_t *)(void *)(p->mem + 64) = (tail + (len_op & ~7u)) % size;
	ringsim_doorbell(p->dev);
}

/* A device with @n ids kept, in a ring of 512 bytes and 4 blocks. */
static bool plain_start(struct tc *tc, struct plain *p, uint32_t n)
{
	struct ringsim_config cfg = { .geo = { .cmdr_size = 512, .data_blocks = 4 },
				      .cmd_time_out_s = 30,
				      .qfull_time_out_s = -1 };
	uint32_t i;

	*p = (struct plain){ 0 };
	if (ringsim_device_create(&p->dev, &cfg, NULL, NULL, NULL, 0)) {
		tc_fail(tc, NULL, "cannot make the device");
		return false;
	}
	p->mem = ringsim_region(p->dev);
	for (i = 0; i < n; i++) {
		plain_submit(p, &p->cmd, RINGSIM_NONE);
		plain_answer(p, TCMU_UFLAG_KEEP_BUF);
	}
	return true;
}

static void id_exhaustion(struct tc *tc, struct plain *p)
{
	static const uint16_t ids[] = { 777, 1, 65535, 4096 };
	struct ringsim_stats before, st;
	struct ringsim_cmd cmd[5];
	uint32_t i;

	ringsim_stats(p->dev, &st);
	EXPECT_EQ(tc, "KRN-050", "ids kept", 65532, st.kept);
	for (i = 0; i < 3; i++)
		plain_submit(p, &cmd[i], RINGSIM_NONE);
	EXPECT_EQ(tc, "KRN-050", "highest id", 65535, cmd[2].id);
	/* ring full and no id: it waits */
	plain_submit(p, &cmd[3], RINGSIM_NONE);
	ringsim_stats(p->dev, &st);
	EXPECT_EQ(tc, "KRN-010", "commands that wait for the ring", 1, st.queued);
	/* the ring gets free, the ids do not: refused while draining, without the reason */
	for (i = 0; i < 3; i++)
		plain_answer(p, TCMU_UFLAG_KEEP_BUF);
	EXPECT_EQ(tc, "KRN-011", "outcome", RINGSIM_REFUSED, cmd[3].outcome);
	EXPECT_EQ(tc, "KRN-011", "status", 2, cmd[3].status);
	EXPECT_EQ(tc, "KRN-011", "sense key", 2, cmd[3].sense[2]);
	EXPECT_EQ(tc, "KRN-011", "ASC", 8, cmd[3].sense[12]);
	/* at each place of the ring: TASK SET FULL, no block held, no PAD left behind (TRP-15) */
	for (i = 0; i < 4; i++) {
		ringsim_stats(p->dev, &before);
		plain_submit(p, &cmd[4], RINGSIM_FROM_DEVICE);
		ringsim_stats(p->dev, &st);
		EXPECT_EQ(tc, "KRN-010", "outcome", RINGSIM_REFUSED, cmd[4].outcome);
		EXPECT_EQ(tc, "KRN-011", "status", 0x28, cmd[4].status);
		EXPECT_EQ(tc, "KRN-011", "sense", 0, cmd[4].sense_valid);
		EXPECT_EQ(tc, "KRN-010", "blocks in use", 0, st.blocks_used);
		EXPECT_EQ(tc, "KRN-010", "cmd_head", before.head, st.head);
		EXPECT_EQ(tc, "KRN-010", "PADs", before.pads, st.pads);
		EXPECT_EQ(tc, "KRN-112", "free_kept_buf", 0, ringsim_free_kept(p->dev, ids[i]));
		plain_submit(p, &cmd[4], RINGSIM_NONE);
		EXPECT_EQ(tc, "KRN-050", "the only free id", ids[i], cmd[4].id);
		plain_answer(p, TCMU_UFLAG_KEEP_BUF);
	}
	/* an expired command holds its id as well */
	ringsim_free_kept(p->dev, 65000);
	plain_submit(p, &cmd[0], RINGSIM_NONE);
	ringsim_advance(p->dev, 40 * RINGSIM_NSEC_PER_SEC);
	EXPECT_EQ(tc, "KRN-090", "outcome", RINGSIM_EXPIRED, cmd[0].outcome);
	plain_submit(p, &cmd[4], RINGSIM_NONE);
	EXPECT_EQ(tc, "KRN-050", "status beside an expired command", 0x28, cmd[4].status);
}

static void no_ids(struct tc *tc)
{
	struct plain p;

	if (!plain_start(tc, &p, 65532))
		return;
	id_exhaustion(tc, &p);
	ringsim_device_destroy(p.dev);
}

/* The lowest, reused at once, and taken while in flight, expired or kept. */
static void ids(struct tc *tc)
{
	static const uint16_t want[] = { 1, 2, 3, 4, 3, 5, 6, 2 };
	struct target_opts o = krn_opts();
	struct target_io io[8];
	struct seat_entry e;
	uint32_t i;

	o.dev.cmd_time_out_s = 2;
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 4);
	seat_answer(tc->t, 0, 3, 0, 0, 0, NULL); /* 3 first, then 2 kept */
	seat_answer(tc->t, 120, 2, 0, TCMU_UFLAG_KEEP_BUF, 0, NULL);
	seat_set_tail(tc->t, 240);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-061", krn_ended(tc, &io[2]) && krn_ended(tc, &io[1]),
	       "3 and 2 were answered");
	krn_turs(tc, &io[4], 2);
	target_advance(tc->t, 3500); /* those in flight expire */
	EXPECT(tc, "KRN-090", krn_ended(tc, &io[5]), "it has not expired");
	krn_turs(tc, &io[6], 1);
	EXPECT_EQ(tc, "KRN-112", "free_kept_buf", 0, target_free_kept_buf(tc->t, 2));
	krn_turs(tc, &io[7], 1);
	for (i = 2; i < 8; i++) {
		seat_entry(tc->t, 120 * i, &e);
		EXPECT_EQ(tc, "KRN-050", "id", want[i], e.id);
	}
	/* slots in issue order from here: 3, 4, reused 3, 5, 6, 2 */
	seat_answer(tc->t, 240, 1, 0, 0, 0, NULL);
	seat_answer(tc->t, 360, 4, 0, 0, 0, NULL);
	seat_set_tail(tc->t, 480);
	seat_finish_all(tc->t, 0);
	EXPECT(tc, "KRN-050", krn_ended(tc, &io[6]) && krn_ended(tc, &io[7]), "no end");
	if (krn_sim(tc))
		EXPECT_EQ(tc, "KRN-050", "ids in use", 0,
			  krn_stats(tc).inflight + krn_stats(tc).expired + krn_stats(tc).kept);
	krn_turs(tc, io, 1); /* all are free again */
	seat_entry(tc->t, 960, &e);
	EXPECT_EQ(tc, "KRN-050", "id", 1, e.id);
	seat_finish_all(tc->t, 0);
}

static const struct case_def rows[] = {
	{ "krn.050.ids", "KRN-050 KRN-112 KRN-090", CLAUSE_MUST, NEEDS_SEAT,
	  "the lowest free id, taken until released", ids },
	{ "krn.050.no-ids", "KRN-050 KRN-010 KRN-011", CLAUSE_MUST, SIM, "all 65535 ids taken",
	  no_ids },
};

CASE_TABLE(cases_krn_ids);
