/* SPDX-License-Identifier: MIT */
/*
 * The same legal programs on the simulator and on a kernel, written down so that the two files are
 * equal or one of the two is wrong.
 *
 * The programs play the handler, and answer as a handler may: any status, any order, READ_LEN,
 * KEEP_BUF, unknown opcodes; root blocks and resets. A file has each program's operations, each
 * entry that they put on the ring with its place, id, iovs and Data-Out, what root's actions
 * returned, how far the count of events moved, and in the end of each program, when all have ended,
 * status, sense, residual and data of each command. When a command ended is not said: a kernel's
 * completions are on their way for a while.
 *
 * One device serves many programs, which go on where the one before stopped.
 */
#ifndef HARNESS_FUZZ_RECORD_H
#define HARNESS_FUZZ_RECORD_H

#include "program.h"

#include "../cases/case.h"

#define RECORD_PROGRAMS 64 /* of one device */

/**
 * struct record - a file in the making
 * @first, @programs: which ones, of @seed; the device is that of program @first
 * @done:     programs written so far
 * @commands, @entries: that is what they had
 */
struct record {
	FILE *f;
	uint64_t seed, first, programs;
	uint64_t done, commands, entries;
};

/** record_plan() - program @number of @seed: the same each time. 0 or -ENOMEM. */
int record_plan(struct fuzz_program *p, uint64_t seed, uint64_t number);

/** record_device() - the body of a case with NEEDS_SEAT: one device, @ctx: struct record. */
void record_device(struct tc *tc, void *ctx);

#endif
