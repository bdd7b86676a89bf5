/* SPDX-License-Identifier: MIT */
/*
 * Admission: the checks a new command passes, in which order, and what the initiator is told.
 * Clauses: KRN-010 to KRN-013, SCS-044, TRP-12, TRP-13, TRP-15, TRP-30.
 */
#include "krn.h"

#include "cdb.h"

#include <ringsim/core.h>

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
		cdb_in(io, 0x7f, NULL,
		       req == TOO_LONG ? 0 : req == TOO_LONG_BLK ? 1 : 5 * 4096);
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

/* Brings a device into @state; @io is storage for what that takes. False if the case failed. */
static bool enter(struct tc *tc, unsigned int state, struct target_io *io)
{
	struct target_opts o = work_opts(512, 4);
	struct ringsim_device *dev;

	if (target_start(tc->t, &o))
		return false;
	dev = target_device(tc->t);
	if (state & NO_BLOCKS) {
		krn_in(io, NULL, 4 * 4096);
		target_submit(tc->t, io++);
		krn_keep(tc);
	}
	if (state & (RING_FULL | QUEUED | BROKEN)) {
		uint32_t n = 0;

		while (krn_stats(tc).queued == 0 && n++ < 5)
			krn_turs(tc, io++, 1);
		if (!(state & QUEUED)) /* only the ring was to be full */
			target_advance(tc->t, 0), target_tmr(tc->t, 1, &(struct target_io *){ io - 1 }, 1);
	}
	if (state & BROKEN) {
		seat_answer(tc->t, seat_tail(tc->t), 999, 0, 0, 0, NULL);
		seat_set_tail(tc->t, (seat_tail(tc->t) + 120) % 512);
		seat_ring(tc->t);
	}
	if (state & BLOCKED)
		ringsim_block(dev, true);
	if (state & NO_QUEUE)
		ringsim_set_qfull_time_out(dev, 0);
	return true;
}
