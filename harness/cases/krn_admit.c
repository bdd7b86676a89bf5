/* SPDX-License-Identifier: MIT */
/*
 * Admission: the checks a new command passes, in which order, and what the initiator is told.
 * Clauses: KRN-010, KRN-011, SCS-044, TRP-12, TRP-13, TRP-15, TRP-30.
 */
#include "krn.h"

#include "cdb.h"

#define SEAT (NEEDS_SEAT | NEEDS_SIM)

/* States of a device of 512 bytes of ring and 4 data blocks, or-ed. */
enum {
	BLOCKED = 1,
	BROKEN = 2,
	QUEUED = 4,	/* a command waits for ring space */
	RING_FULL = 8,	/* 31 bytes are left */
	NO_BLOCKS = 16, /* all four are kept */
	NO_QUEUE = 32,	/* qfull_time_out is 0 */
};

/* Commands. */
enum request {
	FITS,
	ABORTED,
	TOO_MANY,     /* 5 blocks of 4 */
	TOO_LONG,     /* 376 bytes of a ring of 512 */
	TOO_LONG_BLK, /* the same, and it needs a block */
	TOO_BOTH,
	WANTS_BLOCK,
};

/* WAITS stands in for a status. */
#define WAITS 0x100

struct pair {
	const char *what;
	unsigned int state;
	enum request request;
	uint32_t status; /* 2: with the sense below */
	uint8_t key, asc, ascq;
};

static void request_init(struct target_io *io, enum request req)
{
	switch (req) {
	case TOO_LONG:
	case TOO_LONG_BLK:
	case TOO_BOTH:
		cdb_in(io, 0x7f, NULL, req == TOO_LONG ? 0 : req == TOO_LONG_BLK ? 1 : 5 * 4096);
		io->cdb[7] = 252;
		break;
	case TOO_MANY:
		krn_in(io, NULL, 4 * 4096 + 1);
		break;
	case WANTS_BLOCK:
		krn_in(io, NULL, 1);
		break;
	default:
		work_tur(io);
	}
}

/* Answers what lies at the tail as an id that nobody has. */
static void break_ring(struct tc *tc)
{
	uint32_t tail = seat_tail(tc->t);
	struct seat_entry e;

	tc_expect_violation(tc, "HND-053");
	seat_entry(tc->t, tail, &e);
	seat_answer(tc->t, tail, 999, 0, 0, 0, NULL);
	seat_set_tail(tc->t, seat_next(tc->t, &e));
	seat_ring(tc->t);
}

/* Brings a device into @state; @io is storage for what that takes. False if the case failed. */
static bool enter(struct tc *tc, unsigned int state, struct target_io *io)
{
	struct target_opts o = work_opts(512, 4);
	struct ringsim_device *dev;

	if (target_start(tc->t, &o))
		return false;
	dev = target_device(tc->t);
	if (state & NO_BLOCKS) {
		krn_out(io, NULL, 4 * 4096);
		target_submit(tc->t, io++);
		krn_keep(tc);
	}
	krn_turs(tc, io, state & QUEUED ? 5 : state & RING_FULL ? 4 : state & BROKEN ? 1 : 0);
	if (state & BROKEN)
		break_ring(tc);
	if (state & BLOCKED)
		ringsim_block(dev, true);
	if (state & NO_QUEUE)
		ringsim_set_qfull_time_out(dev, 0);
	return true;
}

static void check_pair(struct tc *tc, const struct pair *p)
{
	struct target_io setup[8], io;
	struct ringsim_stats before, after;

	if (!enter(tc, p->state, setup))
		return;
	request_init(&io, p->request);
	if (p->request == ABORTED) {
		/* target_submit() knows no abort on the way */
		static const uint8_t tur[8];
		struct ringsim_cmd *cmd = tc_alloc(tc, sizeof(*cmd));

		*cmd = (struct ringsim_cmd){ .cdb = tur, .cdb_room = 6, .user = &io };
		cmd->aborted = true;
		before = krn_stats(tc);
		ringsim_submit(target_device(tc->t), cmd);
	} else {
		before = krn_stats(tc);
		target_submit(tc->t, &io);
	}
	after = krn_stats(tc);
	EXPECT_EQ(tc, "KRN-010", p->what, p->status == WAITS, !io.done);
	EXPECT_EQ(tc, "KRN-010", "commands waiting", before.queued + (p->status == WAITS),
		  after.queued);
	if (p->status != WAITS) {
		EXPECT_EQ(tc, "KRN-011", p->what, p->status, io.status);
		EXPECT_EQ(tc, "KRN-011", "outcome", RINGSIM_REFUSED, io.outcome);
		EXPECT_EQ(tc, "KRN-011", "sense", p->status == 2, io.sense_valid);
		EXPECT(tc, "KRN-011", p->status != 2 || krn_is_sense(&io, p->key, p->asc, p->ascq),
		       "%s: expected sense %x/%02x/%02x, found %x/%04x", p->what, p->key, p->asc,
		       p->ascq, sense_key(io.sense), sense_asc(io.sense));
	}
	/* whatever was allocated on the way was given back */
	EXPECT_EQ(tc, "KRN-010", "data blocks in use", before.blocks_used, after.blocks_used);
	EXPECT_EQ(tc, "KRN-010", "commands with an id", before.inflight + before.kept,
		  after.inflight + after.kept);
	EXPECT_EQ(tc, "KRN-010", "cmd_head", before.head, after.head);
	EXPECT_EQ(tc, "KRN-010", "PADs", before.pads, after.pads);
	EXPECT_EQ(tc, "KRN-073", "events", before.events, after.events);
}

static void check_pairs(struct tc *tc, const struct pair *pairs, size_t n)
{
	for (; n-- && !tc->failed; pairs++)
		check_pair(tc, pairs);
}

#define CHECK_PAIRS(tc, pairs) check_pairs(tc, pairs, sizeof(pairs) / sizeof((pairs)[0]))

/* Step 1 against every other. */
static void aborted(struct tc *tc)
{
	static const struct pair pairs[] = {
		{ "aborted, nothing else", 0, ABORTED, 2, 0x0b, 0x29, 3 },
		{ "aborted, BLOCKED", BLOCKED, ABORTED, 2, 0x0b, 0x29, 3 },
		{ "aborted, BROKEN", BROKEN, ABORTED, 2, 0x0b, 0x29, 3 },
		{ "aborted, queue", QUEUED, ABORTED, 2, 0x0b, 0x29, 3 },
		{ "aborted, ring full", RING_FULL, ABORTED, 2, 0x0b, 0x29, 3 },
		{ "aborted, no queueing", RING_FULL | NO_QUEUE, ABORTED, 2, 0x0b, 0x29, 3 },
	};

	CHECK_PAIRS(tc, pairs);
}

/* Steps 2 and 3 against every later one. */
static void blocked_and_broken(struct tc *tc)
{
	static const struct pair pairs[] = {
		{ "BLOCKED, would fit", BLOCKED, FITS, 8, 0, 0, 0 },
		{ "BLOCKED and BROKEN", BLOCKED | BROKEN, FITS, 8, 0, 0, 0 },
		{ "BLOCKED, too many blocks", BLOCKED, TOO_MANY, 8, 0, 0, 0 },
		{ "BLOCKED, too long", BLOCKED, TOO_LONG, 8, 0, 0, 0 },
		{ "BLOCKED, ring full", BLOCKED | RING_FULL, FITS, 8, 0, 0, 0 },
		{ "BLOCKED, no blocks", BLOCKED | NO_BLOCKS, WANTS_BLOCK, 8, 0, 0, 0 },
		{ "BLOCKED, no queueing", BLOCKED | RING_FULL | NO_QUEUE, FITS, 8, 0, 0, 0 },
		{ "BROKEN, would fit", BROKEN, FITS, 2, 2, 8, 0 },
		{ "BROKEN, queue", BROKEN | QUEUED, FITS, 2, 2, 8, 0 },
		{ "BROKEN, too many blocks", BROKEN, TOO_MANY, 2, 2, 8, 0 },
		{ "BROKEN, too long", BROKEN, TOO_LONG, 2, 2, 8, 0 },
		{ "BROKEN, ring full", BROKEN | RING_FULL, FITS, 2, 2, 8, 0 },
		{ "BROKEN, no blocks", BROKEN | NO_BLOCKS, WANTS_BLOCK, 2, 2, 8, 0 },
		{ "BROKEN, queue that may not grow", BROKEN | QUEUED | NO_QUEUE, FITS, 2, 2, 8, 0 },
	};

	CHECK_PAIRS(tc, pairs);
}

/* Step 4: with a queue everything waits, the impossible too. */
static void queue_first(struct tc *tc)
{
	static const struct pair pairs[] = {
		{ "queue, short command", QUEUED, FITS, WAITS, 0, 0, 0 },
		{ "queue, too many blocks", QUEUED, TOO_MANY, WAITS, 0, 0, 0 },
		{ "queue, too long", QUEUED, TOO_LONG, WAITS, 0, 0, 0 },
		{ "queue, both", QUEUED, TOO_BOTH, WAITS, 0, 0, 0 },
		{ "queue that may not grow", QUEUED | NO_QUEUE, FITS, 0x28, 0, 0, 0 },
		{ "queue that may not grow, too many", QUEUED | NO_QUEUE, TOO_MANY, 0x28, 0, 0, 0 },
	};

	CHECK_PAIRS(tc, pairs);
}

/* Steps 5 to 8 against each other. */
static void sizes_and_space(struct tc *tc)
{
	static const struct pair pairs[] = {
		{ "too many blocks", 0, TOO_MANY, 2, 5, 0x24, 0 },
		{ "too many blocks, none free", NO_BLOCKS, TOO_MANY, 2, 5, 0x24, 0 },
		{ "too many blocks, too long", 0, TOO_BOTH, 2, 5, 0x24, 0 },
		{ "too many blocks, ring full", RING_FULL, TOO_MANY, 2, 5, 0x24, 0 },
		{ "too many, no queueing", NO_BLOCKS | NO_QUEUE, TOO_MANY, 2, 5, 0x24, 0 },
		{ "no blocks", NO_BLOCKS, WANTS_BLOCK, WAITS, 0, 0, 0 },
		{ "no blocks, too long", NO_BLOCKS, TOO_LONG_BLK, WAITS, 0, 0, 0 },
		{ "no blocks, no queueing", NO_BLOCKS | NO_QUEUE, WANTS_BLOCK, 0x28, 0, 0, 0 },
		{ "too long", 0, TOO_LONG, 2, 5, 0x24, 0 },
		{ "too long with a block", 0, TOO_LONG_BLK, 2, 5, 0x24, 0 },
		{ "too long, ring full", RING_FULL, TOO_LONG, 2, 5, 0x24, 0 },
		{ "too long, ring full, no queueing", RING_FULL | NO_QUEUE, TOO_LONG_BLK, 2, 5,
		  0x24, 0 },
		{ "ring full", RING_FULL, FITS, WAITS, 0, 0, 0 },
		{ "ring full with a block", RING_FULL, WANTS_BLOCK, WAITS, 0, 0, 0 },
		{ "ring full, no queueing", RING_FULL | NO_QUEUE, WANTS_BLOCK, 0x28, 0, 0, 0 },
	};

	CHECK_PAIRS(tc, pairs);
}

/* A command that was put behind others although there was room for it. */
static void strict_fifo(struct tc *tc)
{
	struct target_opts o = work_opts(640, 8);
	struct target_io io[8];

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 4);
	cdb_none(&io[4], 0x7f);
	io[4].cdb[7] = 92; /* 112 + 104 = 216 bytes, of 159 */
	target_submit(tc->t, &io[4]);
	krn_turs(tc, &io[5], 1); /* 120 would fit */
	EXPECT_EQ(tc, "KRN-010", "commands waiting", 2, krn_stats(tc).queued);
	EXPECT_EQ(tc, "KRN-010", "commands on the ring", 4, krn_stats(tc).inflight);
	seat_finish_all(tc->t, 0);
	EXPECT_EQ(tc, "KRN-081", "id of the first", 1, io[4].cmd.id);
	EXPECT_EQ(tc, "KRN-081", "id of the second", 2, io[5].cmd.id);
	seat_finish_all(tc->t, 0);
}

/* What is refused while the queue is drained loses its reason. */
static void reason_lost(struct tc *tc)
{
	static const enum request reqs[] = { TOO_MANY, TOO_LONG, TOO_BOTH, FITS };
	struct target_io setup[8], io[4];
	uint32_t i;

	if (!enter(tc, QUEUED, setup))
		return;
	for (i = 0; i < 4; i++) {
		request_init(&io[i], reqs[i]);
		target_submit(tc->t, &io[i]);
	}
	EXPECT_EQ(tc, "KRN-010", "commands waiting", 5, krn_stats(tc).queued);
	seat_finish_all(tc->t, 0);
	for (i = 0; i < 3; i++)
		EXPECT_ENDED(tc, "KRN-011", &io[i], RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT(tc, "KRN-011", !io[3].done && io[3].cmd.id == 2, "the last did not get on the ring");
	seat_finish_all(tc->t, 0);
	/* queueing was forbidden meanwhile: what still does not fit fails, with the lost reason */
	if (!enter(tc, QUEUED, setup))
		return;
	krn_turs(tc, io, 1);
	ringsim_set_qfull_time_out(target_device(tc->t), 0);
	seat_finish(tc->t, 0); /* 120 bytes are free, but 152 needed with the PAD */
	EXPECT_ENDED(tc, "KRN-011", &setup[4], RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT_ENDED(tc, "KRN-011", &io[0], RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT_EQ(tc, "KRN-011", "commands waiting", 0, krn_stats(tc).queued);
}

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

/* An entry too long, or no ring: blocks were taken and given back; only their pages tell. */
static void allocated_first(struct tc *tc)
{
	struct target_io setup[8], io;

	if (!enter(tc, 0, setup))
		return;
	request_init(&io, TOO_LONG_BLK);
	target_submit(tc->t, &io);
	EXPECT_EQ(tc, "KRN-010", "pages after a command too long", 1, krn_stats(tc).pages_used);
	if (!enter(tc, RING_FULL, setup))
		return;
	krn_in(&io, NULL, 3 * 4096);
	target_submit(tc->t, &io);
	EXPECT_EQ(tc, "KRN-010", "pages after no ring", 3, krn_stats(tc).pages_used);
	EXPECT_EQ(tc, "KRN-010", "blocks", 0, krn_stats(tc).blocks_used);
	request_init(&io, TOO_MANY);
	if (!enter(tc, 0, setup))
		return;
	target_submit(tc->t, &io);
	EXPECT_EQ(tc, "KRN-010", "pages after too many blocks", 0, krn_stats(tc).pages_used);
}

static const struct case_def rows[] = {
	{ "krn.010.aborted", "KRN-010 SCS-044", CLAUSE_MUST, SEAT,
	  "a command aborted on its way is not queued, whatever the state", aborted },
	{ "krn.010.blocked-broken", "KRN-010 KRN-011 KRN-063 KRN-110", CLAUSE_MUST, SEAT,
	  "BLOCKED, then BROKEN, before everything else", blocked_and_broken },
	{ "krn.010.queue-first", "KRN-010 KRN-080", CLAUSE_MUST, SEAT,
	  "a queue is joined before sizes are looked at", queue_first },
	{ "krn.010.sizes-space", "KRN-010 KRN-011 KRN-080 SCS-044", CLAUSE_MUST, SEAT,
	  "total blocks, free blocks, entry length, ring space, in this order", sizes_and_space },
	{ "krn.010.strict-fifo", "KRN-010 KRN-081", CLAUSE_MUST, SEAT, "nobody overtakes the queue",
	  strict_fifo },
	{ "krn.010.allocated-first", "KRN-010", CLAUSE_MUST, SEAT,
	  "blocks are taken before ring and length are looked at", allocated_first },
	{ "krn.011.reason-lost", "KRN-011 KRN-010", CLAUSE_MUST, SEAT,
	  "refused while draining is always 02/08/00", reason_lost },
	{ "krn.050.no-ids", "KRN-050 KRN-010 KRN-011", CLAUSE_MUST, SEAT, "all 65535 ids taken",
	  no_ids },
};

CASE_TABLE(cases_krn_admit);
