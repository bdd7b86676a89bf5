/* SPDX-License-Identifier: MIT */
/*
 * A load with a memory: random commands side by side, each answer compared with a model of the
 * disk.
 *
 * The commands in flight work in lanes. A lane is a range of blocks with at most one command on it,
 * so whatever order a handler chooses, the contents are known. Killing, resetting and expiring go
 * on around it: a lane that cannot know what became of its blocks forgets them and writes them
 * anew.
 *
 * Beside it the helpers that several chapters use: a fragmented data area, small devices.
 */
#ifndef HARNESS_WORK_H
#define HARNESS_WORK_H

#include "case.h"

/** enum work_op - kinds of commands, or-ed in work_cfg.ops */
enum work_op {
	WORK_READ = 1,
	WORK_WRITE = 2,
	WORK_EMPTY = 4,	   /* TEST UNIT READY: no iov */
	WORK_RANGE = 8,	   /* beyond the capacity: CHECK CONDITION although there are iovs */
	WORK_OPCODE = 16,  /* not implemented */
	WORK_INQUIRY = 32, /* short Data-In */
	WORK_LONG = 64,	   /* variable-length CDB of up to 260 bytes */
	WORK_ZERO = 128,   /* READ of no blocks */
	WORK_ALL = 255,
};

/**
 * struct work_cfg - what a load is made of
 * @clause:      named when an answer is wrong
 * @lanes:       commands side by side; 0 = 16
 * @max_blocks:  largest READ or WRITE in logical blocks; 0 = 64; cut to what the device can take
 * @ops:         enum work_op; 0 = WORK_ALL
 * @raw, @tmr, @plug, @spurious: one in so many rounds adds PADs and unknown opcodes, aborts some of
 *               the commands, submits in a batch, raises an event for nothing; 0 = never
 * @shortage:    TASK SET FULL and BUSY are fine answers
 */
struct work_cfg {
	const char *clause;
	uint32_t lanes, max_blocks, ops;
	uint32_t raw, tmr, plug, spurious;
	bool shortage;
};

/** struct work_lane - @busy: submitted; @unsure: nobody knows what became of its blocks */
struct work_lane {
	struct target_io io;
	enum work_op op;
	uint8_t *buf;
	uint64_t lba;
	uint32_t first, blocks;
	bool busy, unsure;
};

/** struct work - a load on one target; @retried, @refused count commands that BUSY sent
 * back and that a handler short of memory refused */
struct work {
	struct tc *tc;
	struct work_cfg cfg;
	struct target_capacity cap;
	struct work_lane *lanes;
	uint32_t lane_blocks, max_blocks, cdb_room;
	uint8_t *model, *known;
	uint8_t inquiry[256];
	uint32_t inquiry_len;
	uint64_t issued, ended, retried, refused;
	uint32_t busy_row;   /* private: refusals in a row, and whether somebody had time since */
	bool settled, avoid; /* avoid: opcodes that HND-022 is about */
};

/** work_start() - prepare a load on the started target; false if the case has failed. */
bool work_start(struct work *w, struct tc *tc, const struct work_cfg *cfg);
/** work_issue() - submit up to @n new commands on idle lanes; does not run the handler. */
void work_issue(struct work *w, uint32_t n);
/**
 * work_collect() - compare whatever ended with the model
 * Commands that BUSY or reset_ring sent back are submitted again. False if the case has failed.
 */
bool work_collect(struct work *w);
/** work_finish() - wait until every lane is idle, comparing. False if the case has failed. */
bool work_finish(struct work *w);
/** work_run() - @n commands, with waits and everything that the configuration asks for. */
bool work_run(struct work *w, uint32_t n);
/** work_read_back() - read all known blocks and compare. */
bool work_read_back(struct work *w);
/** work_forget() - the handler died: unless its store survives, nothing is known any more. */
void work_forget(struct work *w);

/** work_opts() - TARGET_OPTS on a ring of @cmdr_size bytes and @blocks data blocks. */
struct target_opts work_opts(uint32_t cmdr_size, uint32_t blocks);
/**
 * work_in_order() - the same without CAP_OOOC: whoever starts there must go on at the tail
 * With CAP_OOOC a handler may send everything back that waits when it starts (HND-071).
 */
struct target_opts work_in_order(uint32_t cmdr_size, uint32_t blocks);
/** work_tur() - a TEST UNIT READY, entry of 120 bytes. */
void work_tur(struct target_io *io);
/** work_wait_all() - wait for @n commands; false after failing for @clause. */
bool work_wait_all(struct tc *tc, const char *clause, struct target_io *ios, uint32_t n);

/**
 * work_restart() - target_restart(), and let the handler settle
 * A handler that attaches with commands waiting may send them back (HND-071); so it is given the
 * time to look at an empty ring first.
 */
bool work_restart(struct tc *tc);
/**
 * work_fragment() - hold data blocks so that the free ones are apart
 * @want: for each of the first @n blocks, whether it is to stay taken
 *
 * The handler is killed, the case keeps the buffers of commands that it answers itself, and the
 * handler starts again. They stay taken until the handler is killed once more, or are freed with
 * ringsim_free_kept(). False if the case has failed.
 */
bool work_fragment(struct tc *tc, const bool *want, uint32_t n);
/** work_fragment_every() - every second of the first @n blocks. */
bool work_fragment_every(struct tc *tc, uint32_t n);

#endif
