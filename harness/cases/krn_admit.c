/* SPDX-License-Identifier: MIT */
/*
 * Admission: the checks a new command passes, in which order, and what the initiator is told.
 * Clauses: KRN-010, KRN-011, SCS-044, TRP-12, TRP-13, TRP-15, TRP-30.
 */
#include "krn.h"

#include "cdb.h"

#define SIM (NEEDS_SEAT | NEEDS_SIM)

/* States of a device, or-ed. Those of the second row want a ring that only a simulator makes. */
enum {
	BLOCKED = 1,
	BROKEN = 2,
	NO_BLOCKS = 4, /* all blocks are kept */
	QUEUED = 8,    /* the same, and a command waits for one */
	NO_QUEUE = 16, /* qfull_time_out is 0 */

	RING_FULL = 32,	  /* 31 of 512 bytes are left */
	RING_QUEUED = 64, /* the same, and a command waits */
};

/* Commands. */
enum request {
	FITS,
	ABORTED,
	TOO_MANY,     /* a byte more than there are blocks */
	TOO_LONG,     /* 376 bytes of a ring of 512 */
	TOO_LONG_BLK, /* the same, and it needs a block */
	TOO_BOTH,
	WANTS_BLOCK,
};

/* 512 bytes of ring and 4 blocks, or what a kernel makes. */
static bool is_small(unsigned int state, enum request req)
{
	return state & (RING_FULL | RING_QUEUED) || req == ABORTED || req == TOO_LONG ||
	       req == TOO_LONG_BLK || req == TOO_BOTH;
}

/* WAITS stands in for a status. */
#define WAITS 0x100

struct pair {
	const char *what;
	unsigned int state;
	enum request request;
	uint32_t status; /* 2: with the sense below */
	uint8_t key, asc, ascq;
};

static void request_init(struct target_io *io, enum request req, bool small)
{
	uint32_t all = (small ? 4 : KRN_BLOCKS) * 4096;

	switch (req) {
	case TOO_LONG:
	case TOO_LONG_BLK:
	case TOO_BOTH:
		cdb_in(io, 0x7f, NULL, req == TOO_LONG ? 0 : req == TOO_LONG_BLK ? 1 : all + 1);
		io->cdb[7] = 252;
		break;
	case TOO_MANY:
		krn_in(io, NULL, all + 1);
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
static bool enter(struct tc *tc, unsigned int state, bool small, struct target_io *io)
{
	struct target_opts o = small ? work_opts(512, 4) : krn_opts();

	if (target_start(tc->t, &o))
		return false;
	if (state & (NO_BLOCKS | QUEUED)) {
		krn_in(io, NULL, (small ? 4 : KRN_BLOCKS) * 4096);
		krn_submit(tc, io++);
		krn_keep_as(tc, 8);
	}
	krn_turs(tc, io, state & RING_QUEUED ? 5 : state & RING_FULL ? 4 : state & BROKEN ? 1 : 0);
	if (state & QUEUED) { /* behind the TUR, which io[0] may be */
		krn_in(io + 5, NULL, 1);
		krn_submit(tc, io + 5);
	}
	if (state & BROKEN)
		break_ring(tc);
	if (state & BLOCKED)
		target_block_dev(tc->t, true);
	if (state & NO_QUEUE)
		target_qfull_time_out(tc->t, 0);
	return !tc->failed;
}

/* What a simulator knows of what was allocated on the way and given back. */
static void same_inside(struct tc *tc, const struct ringsim_stats *before, bool waits)
{
	struct ringsim_stats after = krn_stats(tc);

	EXPECT_EQ(tc, "KRN-010", "commands waiting", before->queued + waits, after.queued);
	EXPECT_EQ(tc, "KRN-010", "data blocks in use", before->blocks_used, after.blocks_used);
	EXPECT_EQ(tc, "KRN-010", "commands with an id", before->inflight + before->kept,
		  after.inflight + after.kept);
	EXPECT_EQ(tc, "KRN-010", "PADs", before->pads, after.pads);
}

static void check_pair(struct tc *tc, const struct pair *p)
{
	struct target_io *setup = tc_alloc(tc, 8 * sizeof(*setup)), *io = tc_alloc(tc, sizeof(*io));
	bool small = is_small(p->state, p->request), waits = p->status == WAITS;
	struct ringsim_stats before = { 0 };
	uint32_t head, events;

	if (!enter(tc, p->state, small, setup))
		return;
	request_init(io, p->request, small);
	if (krn_sim(tc))
		before = krn_stats(tc);
	head = seat_head(tc->t);
	events = target_events(tc->t);
	if (p->request == ABORTED) {
		/* target_submit() knows no abort on the way */
		static const uint8_t tur[8];
		struct ringsim_cmd *cmd = tc_alloc(tc, sizeof(*cmd));

		*cmd = (struct ringsim_cmd){ .cdb = tur, .cdb_room = 6, .user = io };
		cmd->aborted = true;
		ringsim_submit(target_device(tc->t), cmd);
	} else {
		krn_submit(tc, io);
	}
	if (waits)
		EXPECT(tc, "KRN-010", krn_pending(tc, io), "%s: ended with status 0x%02x", p->what,
		       io->status);
	else
		EXPECT(tc, "KRN-010", krn_ended(tc, io), "%s: has not ended", p->what);
	if (!waits) {
		EXPECT_EQ(tc, "KRN-011", p->what, p->status, io->status);
		if (krn_sim(tc))
			EXPECT_EQ(tc, "KRN-011", "outcome", RINGSIM_REFUSED, io->outcome);
		EXPECT_EQ(tc, "KRN-011", "sense", p->status == 2, io->sense_valid);
		EXPECT(tc, "KRN-011", p->status != 2 || krn_is_sense(io, p->key, p->asc, p->ascq),
		       "%s: expected sense %x/%02x/%02x, found %x/%04x", p->what, p->key, p->asc,
		       p->ascq, sense_key(io->sense), sense_asc(io->sense));
	}
	EXPECT_EQ(tc, "KRN-010", "cmd_head", head, seat_head(tc->t));
	EXPECT_EQ(tc, "KRN-073", "events", events, target_events(tc->t));
	if (krn_sim(tc))
		same_inside(tc, &before, waits);
}

static void check_pairs(struct tc *tc, const struct pair *pairs, size_t n)
{
	for (; n-- && !tc->failed; pairs++)
		check_pair(tc, pairs);
}

#define CHECK_PAIRS(tc, pairs) check_pairs(tc, pairs, sizeof(pairs) / sizeof((pairs)[0]))

/* Small rings and the ring's own states: step 1 against every other. */
static void aborted(struct tc *tc)
{
	static const struct pair pairs[] = {
		{ "aborted, nothing else", 0, ABORTED, 2, 0x0b, 0x29, 3 },
		{ "aborted, BLOCKED", BLOCKED, ABORTED, 2, 0x0b, 0x29, 3 },
		{ "aborted, BROKEN", BROKEN, ABORTED, 2, 0x0b, 0x29, 3 },
		{ "aborted, queue", RING_QUEUED, ABORTED, 2, 0x0b, 0x29, 3 },
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
		{ "BLOCKED, no blocks", BLOCKED | NO_BLOCKS, WANTS_BLOCK, 8, 0, 0, 0 },
		{ "BLOCKED, no queueing", BLOCKED | NO_BLOCKS | NO_QUEUE, WANTS_BLOCK, 8, 0, 0, 0 },
		{ "BROKEN, would fit", BROKEN, FITS, 2, 2, 8, 0 },
		{ "BROKEN, queue", BROKEN | QUEUED, FITS, 2, 2, 8, 0 },
		{ "BROKEN, too many blocks", BROKEN, TOO_MANY, 2, 2, 8, 0 },
		{ "BROKEN, no blocks", BROKEN | NO_BLOCKS, WANTS_BLOCK, 2, 2, 8, 0 },
		{ "BROKEN, queue that may not grow", BROKEN | QUEUED | NO_QUEUE, FITS, 2, 2, 8, 0 },
	};

	CHECK_PAIRS(tc, pairs);
}

static void blocked_and_broken_ring(struct tc *tc)
{
	static const struct pair pairs[] = {
		{ "BLOCKED, too long", BLOCKED, TOO_LONG, 8, 0, 0, 0 },
		{ "BLOCKED, ring full", BLOCKED | RING_FULL, FITS, 8, 0, 0, 0 },
		{ "BLOCKED, no queueing", BLOCKED | RING_FULL | NO_QUEUE, FITS, 8, 0, 0, 0 },
		{ "BROKEN, queue", BROKEN | RING_QUEUED, FITS, 2, 2, 8, 0 },
		{ "BROKEN, too long", BROKEN, TOO_LONG, 2, 2, 8, 0 },
		{ "BROKEN, ring full", BROKEN | RING_FULL, FITS, 2, 2, 8, 0 },
		{ "BROKEN, queue that may not grow", BROKEN | RING_QUEUED | NO_QUEUE, FITS, 2, 2, 8,
		  0 },
	};

	CHECK_PAIRS(tc, pairs);
}

/* Step 4: with a queue everything waits, the impossible too. */
static void queue_first(struct tc *tc)
{
	static const struct pair pairs[] = {
		{ "queue, short command", QUEUED, FITS, WAITS, 0, 0, 0 },
		{ "queue, too many blocks", QUEUED, TOO_MANY, WAITS, 0, 0, 0 },
		{ "queue that may not grow", QUEUED | NO_QUEUE, FITS, 0x28, 0, 0, 0 },
		{ "queue that may not grow, too many", QUEUED | NO_QUEUE, TOO_MANY, 0x28, 0, 0, 0 },
	};

	CHECK_PAIRS(tc, pairs);
}

static void queue_first_ring(struct tc *tc)
{
	static const struct pair pairs[] = {
		{ "queue, short command", RING_QUEUED, FITS, WAITS, 0, 0, 0 },
		{ "queue, too many blocks", RING_QUEUED, TOO_MANY, WAITS, 0, 0, 0 },
		{ "queue, too long", RING_QUEUED, TOO_LONG, WAITS, 0, 0, 0 },
		{ "queue, both", RING_QUEUED, TOO_BOTH, WAITS, 0, 0, 0 },
		{ "queue that may not grow", RING_QUEUED | NO_QUEUE, FITS, 0x28, 0, 0, 0 },
		{ "queue that may not grow, too many", RING_QUEUED | NO_QUEUE, TOO_MANY, 0x28, 0, 0,
		  0 },
	};

	CHECK_PAIRS(tc, pairs);
}

/* Steps 5 and 6 against each other. */
static void sizes_and_space(struct tc *tc)
{
	static const struct pair pairs[] = {
		{ "too many blocks", 0, TOO_MANY, 2, 5, 0x24, 0 },
		{ "too many blocks, none free", NO_BLOCKS, TOO_MANY, 2, 5, 0x24, 0 },
		{ "too many, no queueing", NO_BLOCKS | NO_QUEUE, TOO_MANY, 2, 5, 0x24, 0 },
		{ "no blocks", NO_BLOCKS, WANTS_BLOCK, WAITS, 0, 0, 0 },
		{ "no blocks, no queueing", NO_BLOCKS | NO_QUEUE, WANTS_BLOCK, 0x28, 0, 0, 0 },
	};

	CHECK_PAIRS(tc, pairs);
}

/* Steps 5 to 8 against each other. */
static void sizes_and_space_ring(struct tc *tc)
{
	static const struct pair pairs[] = {
		{ "too many blocks, too long", 0, TOO_BOTH, 2, 5, 0x24, 0 },
		{ "too many blocks, ring full", RING_FULL, TOO_MANY, 2, 5, 0x24, 0 },
		{ "no blocks, too long", NO_BLOCKS, TOO_LONG_BLK, WAITS, 0, 0, 0 },
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
	static const enum request reqs[] = { TOO_MANY, WANTS_BLOCK, TOO_MANY, FITS };
	struct target_io *io = tc_alloc(tc, 8 * sizeof(*io));
	struct target_opts o = krn_opts();
	struct seat_entry e;
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	krn_take_all(tc, &io[4]);
	krn_in(&io[5], NULL, 1);
	krn_submit(tc, &io[5]);
	for (i = 0; i < 4; i++) {
		request_init(&io[i], reqs[i], false);
		krn_submit(tc, &io[i]);
		EXPECT(tc, "KRN-010", krn_pending(tc, &io[i]), "command %u does not wait", i);
	}
	SIM_EQ(tc, "KRN-010", "commands waiting", 5, queued);
	seat_finish_all(tc->t, 8);
	EXPECT_ENDED(tc, "KRN-011", &io[0], RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT_ENDED(tc, "KRN-011", &io[2], RINGSIM_REFUSED, 2, 2, 8, 0);
	for (i = 0; i < 3; i++) { /* io[5], io[1] and io[3] got on the ring */
		if (!krn_cmd(tc, i, &e))
			return;
		EXPECT_EQ(tc, "KRN-081", "opcode", i < 2 ? 0x28 : 0, e.cdb[0]);
		EXPECT_EQ(tc, "KRN-081", "id", i + 1, e.id);
	}
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-011", krn_ended(tc, &io[3]) && io[3].status == 8, "the last has not ended");
}

/* Queueing is forbidden while commands wait: what still does not fit fails, with the lost reason.
 */
static void reason_lost_forbidden(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 4 * sizeof(*io));
	struct target_opts o = krn_opts();

	if (target_start(tc->t, &o))
		return;
	krn_take_all(tc, &io[0]);
	krn_keep_as(tc, 8);
	krn_turs(tc, &io[1], 1);
	krn_in(&io[2], NULL, 1);
	krn_submit(tc, &io[2]);
	krn_turs(tc, &io[3], 1);
	EXPECT(tc, "KRN-010", krn_pending(tc, &io[2]) && krn_pending(tc, &io[3]), "nothing waits");
	target_qfull_time_out(tc->t, 0);
	seat_finish(tc->t, 0); /* no block gets free */
	EXPECT_ENDED(tc, "KRN-011", &io[2], RINGSIM_REFUSED, 2, 2, 8, 0);
	/* the rest goes in if it can: it needs no block */
	SIM_EQ(tc, "KRN-011", "commands waiting", 0, queued);
	seat_finish_all(tc->t, 0);
	EXPECT(tc, "KRN-011", krn_ended(tc, &io[3]), "the last has not ended");
}

/* The same by lack of ring. */
static void reason_lost_ring(struct tc *tc)
{
	static const enum request reqs[] = { TOO_MANY, TOO_LONG, TOO_BOTH, FITS };
	struct target_io setup[8], io[4];
	uint32_t i;

	if (!enter(tc, RING_QUEUED, true, setup))
		return;
	for (i = 0; i < 4; i++) {
		request_init(&io[i], reqs[i], true);
		target_submit(tc->t, &io[i]);
	}
	EXPECT_EQ(tc, "KRN-010", "commands waiting", 5, krn_stats(tc).queued);
	seat_finish_all(tc->t, 0);
	for (i = 0; i < 3; i++)
		EXPECT_ENDED(tc, "KRN-011", &io[i], RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT(tc, "KRN-011", !io[3].done && io[3].cmd.id == 2, "the last did not get on the ring");
	seat_finish_all(tc->t, 0);
	/* queueing was forbidden meanwhile: what still does not fit fails, with the lost reason */
	if (!enter(tc, RING_QUEUED, true, setup))
		return;
	krn_turs(tc, io, 1);
	target_qfull_time_out(tc->t, 0);
	seat_finish(tc->t, 0); /* 120 bytes are free, but 152 needed with the PAD */
	EXPECT_ENDED(tc, "KRN-011", &setup[4], RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT_ENDED(tc, "KRN-011", &io[0], RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT_EQ(tc, "KRN-011", "commands waiting", 0, krn_stats(tc).queued);
}

/* An entry too long, or no ring: blocks were taken and given back; only their pages tell. */
static void allocated_first(struct tc *tc)
{
	struct target_io setup[8], io;

	if (!enter(tc, 0, true, setup))
		return;
	request_init(&io, TOO_LONG_BLK, true);
	target_submit(tc->t, &io);
	EXPECT_EQ(tc, "KRN-010", "pages after a command too long", 1, krn_stats(tc).pages_used);
	if (!enter(tc, RING_FULL, true, setup))
		return;
	krn_in(&io, NULL, 3 * 4096);
	target_submit(tc->t, &io);
	EXPECT_EQ(tc, "KRN-010", "pages after no ring", 3, krn_stats(tc).pages_used);
	EXPECT_EQ(tc, "KRN-010", "blocks", 0, krn_stats(tc).blocks_used);
	request_init(&io, TOO_MANY, true);
	if (!enter(tc, 0, true, setup))
		return;
	target_submit(tc->t, &io);
	EXPECT_EQ(tc, "KRN-010", "pages after too many blocks", 0, krn_stats(tc).pages_used);
}

static const struct case_def rows[] = {
	{ "krn.010.aborted", "KRN-010 SCS-044", CLAUSE_MUST, SIM,
	  "a command aborted on its way is not queued, whatever the state", aborted },
	{ "krn.010.blocked-broken", "KRN-010 KRN-011 KRN-063 KRN-110", CLAUSE_MUST, NEEDS_SEAT,
	  "BLOCKED, then BROKEN, before everything else", blocked_and_broken },
	{ "krn.010.blocked-broken-ring", "KRN-010 KRN-011 KRN-063 KRN-110", CLAUSE_MUST, SIM,
	  "BLOCKED, then BROKEN, before length and ring", blocked_and_broken_ring },
	{ "krn.010.queue-first", "KRN-010 KRN-080", CLAUSE_MUST, NEEDS_SEAT,
	  "a queue is joined before sizes are looked at", queue_first },
	{ "krn.010.queue-first-ring", "KRN-010 KRN-080", CLAUSE_MUST, SIM,
	  "a queue for ring space is joined before sizes are looked at", queue_first_ring },
	{ "krn.010.sizes-space", "KRN-010 KRN-011 KRN-080 SCS-044", CLAUSE_MUST, NEEDS_SEAT,
	  "total blocks, then free blocks", sizes_and_space },
	{ "krn.010.sizes-space-ring", "KRN-010 KRN-011 KRN-080 SCS-044", CLAUSE_MUST, SIM,
	  "total blocks, free blocks, entry length, ring space, in this order",
	  sizes_and_space_ring },
	{ "krn.010.strict-fifo", "KRN-010 KRN-081", CLAUSE_MUST, SIM, "nobody overtakes the queue",
	  strict_fifo },
	{ "krn.010.allocated-first", "KRN-010", CLAUSE_MUST, SIM,
	  "blocks are taken before ring and length are looked at", allocated_first },
	{ "krn.011.reason-lost", "KRN-011 KRN-010 KRN-081", CLAUSE_MUST, NEEDS_SEAT,
	  "refused while draining is always 02/08/00", reason_lost },
	{ "krn.011.forbidden", "KRN-011 KRN-080", CLAUSE_MUST, NEEDS_SEAT,
	  "no place to wait on while draining is 02/08/00, too", reason_lost_forbidden },
	{ "krn.011.reason-lost-ring", "KRN-011 KRN-010", CLAUSE_MUST, SIM,
	  "the same for ring space and length", reason_lost_ring },
};

CASE_TABLE(cases_krn_admit);
