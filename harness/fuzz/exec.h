/* SPDX-License-Identifier: MIT */
/*
 * Carrying out a fuzz program on a target, with everything that watches it.
 *
 * A program is the body of a case: what is wrong is said with tc_fail(), naming the clause. The
 * oracles are, in this order: the ring sanitizer; exactly one end for each command; expect.h: the
 * status and sense that a command of that CDB may have, the shape of what it returns; disk.h: every
 * byte of every read; and at the end, once faults have stopped, liveness: all commands end.
 */
#ifndef HARNESS_FUZZ_EXEC_H
#define HARNESS_FUZZ_EXEC_H

#include "program.h"

#include "../cases/case.h"

/**
 * enum fuzz_oracles - which of them watch; for measuring what each costs
 * @FUZZ_O_ADVICE: what a handler SHOULD do, as far as the others see it
 */
enum fuzz_oracles {
	FUZZ_O_SANITIZER = 1,
	FUZZ_O_EXPECT = 2,
	FUZZ_O_DISK = 4,
	FUZZ_O_ADVICE = 8,
	FUZZ_O_ALL = 15,
};

struct fuzz_disk;
struct fuzz_expect;

/**
 * struct fuzz_stats - what was done, over all programs since it was zeroed
 * @ended: by enum ringsim_outcome; @bytes: moved either way
 */
struct fuzz_stats {
	uint64_t programs, ops, commands, bytes;
	uint64_t verbs[FUZZ_VERBS];
	uint64_t opcodes[256];
	uint64_t ended[8];
	uint64_t kills, restarts, resets, tmrs, pads, wraps, ring_full, data_full;
};

/**
 * struct fuzz_exec - what is kept from program to program, so that one costs little
 * Zero it and set @oracles; fuzz_exec_free() at the end.
 * @say: where it is told what happens, for people: a line for each operation, indented ones for
 *       what came of it; NULL: nowhere
 */
struct fuzz_exec {
	unsigned int oracles;
	FILE *say;
	struct fuzz_stats stats;
	void *priv;
};

/**
 * struct fuzz_cmd - one command of a running program
 * @op:        the operation that submitted it
 * @nr:        of that operation in the program; 1 is the first
 * @began:     number of its submission; @ended: 0, or that of its end, from the same count, so that
 *             they order everything
 * @data:      Data-Out that was sent or Data-In that came, io.len bytes; @bidi
 * @disturbed: may have been executed, in part or not at all: it was aborted, expired or reset, or
 *             the handler died over it
 * @disk, @expect: the oracles' own
 */
struct fuzz_cmd {
	struct target_io io;
	const struct fuzz_op *op;
	uint32_t nr;
	uint64_t began, ended;
	uint8_t *data, *bidi;
	bool disturbed;
	struct {
		uint64_t a, b, c, d;
		void *p;
	} disk, expect;
};

/** fuzz_exec_run() - carry out @p as the body of the case @tc, whose target is not started. */
void fuzz_exec_run(struct fuzz_exec *x, struct tc *tc, const struct fuzz_program *p);
void fuzz_exec_free(struct fuzz_exec *x);

#endif
