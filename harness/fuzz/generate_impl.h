/* SPDX-License-Identifier: MIT */
/* What the parts of the generator share. */
#ifndef HARNESS_FUZZ_GENERATE_IMPL_H
#define HARNESS_FUZZ_GENERATE_IMPL_H

#include "generate.h"

/** Ranges of the disk that a program comes back to. */
#define GEN_RANGES 8

struct gen_range {
	uint64_t lba;
	uint32_t blocks;
};

/**
 * struct gen - a program in the making
 * @max:     operations that it may have
 * @rng:     where decisions come from once the bytes of a record are used up, or there are none
 * @at, @end: bytes that no decision took yet
 * @rc:      -ENOMEM once it happened; operations go to @waste then, as they do beyond @max
 * @weights, @total: of the profile's moves
 * @blocks, @block_size: the disk
 * @ranges:  @range_cnt of them have been touched
 * @most:    bytes of all but a few transfers
 * @big:     the disk is larger than what handlers move at once
 * @odd:     illegal fields and lengths: one in so many; 0 = never
 * @kept_order: a handler that dies leaves a ring that its successor can go on with (HND-070)
 */
struct gen {
	struct fuzz_program *p;
	const struct fuzz_limits *lim;
	enum fuzz_profile profile;
	uint32_t max;
	uint64_t rng;
	const uint8_t *at, *end;
	int rc;
	struct fuzz_op waste;
	const uint8_t *weights;
	uint32_t total;
	uint64_t blocks;
	uint32_t block_size, most;
	bool big;
	struct gen_range ranges[GEN_RANGES];
	uint32_t range_cnt;
	uint32_t odd;
	bool kept_order;
};

/** gen_bits() - 64 random bits. */
uint64_t gen_bits(struct gen *g);
/** gen_below() - a number in [0, @n). */
uint32_t gen_below(struct gen *g, uint32_t n);
/** gen_in() - a number in [@least, @most]. */
uint32_t gen_in(struct gen *g, uint32_t least, uint32_t most);
/** gen_one_in() - true once in @n times; never if @n is 0. Bytes of zero say no. */
bool gen_one_in(struct gen *g, uint32_t n);
/** gen_of() - one of @n numbers. */
uint32_t gen_of(struct gen *g, const uint32_t *list, uint32_t n);
#define GEN_OF(g, ...)                               \
	gen_of(g, (const uint32_t[]){ __VA_ARGS__ }, \
	       sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))
/** gen_weighed() - an index into @weights, by weight; @total is their sum. */
uint32_t gen_weighed(struct gen *g, const uint8_t *weights, uint32_t total);
/** gen_push() - one more operation; never NULL. */
struct fuzz_op *gen_push(struct gen *g, enum fuzz_verb verb);
/** gen_op() - the same with its first two arguments. */
struct fuzz_op *gen_op(struct gen *g, enum fuzz_verb verb, uint64_t a, uint64_t b);

/* generate_scsi.c */

/** gen_command() - submit any command that suits the profile. */
void gen_command(struct gen *g);
/** gen_simple() - submit one that is small, quick and legal. */
void gen_simple(struct gen *g);
/** gen_transfer() - submit a READ or WRITE of @blocks at @lba with the shortest CDB that does. */
void gen_transfer(struct gen *g, bool write, uint64_t lba, uint32_t blocks);
/** gen_introduction() - ask the unit what it is. */
void gen_introduction(struct gen *g);
/** gen_duel() - submit a few commands for the same blocks, so that they meet. */
void gen_duel(struct gen *g);
/** gen_pair() - submit two that want one block, of which the second one waits. */
void gen_pair(struct gen *g);
/** gen_read_back() - read what was touched. */
void gen_read_back(struct gen *g);

/* generate_setup.c */

/** gen_setup() - the device and the handler. */
void gen_setup(struct gen *g);

/* generate_kernel.c */

/** gen_moves() - weights of the profile; gen_move() - one of its moves, a few operations. */
void gen_moves(struct gen *g);
void gen_move(struct gen *g);
/** gen_finish() - what a program ends with. */
void gen_finish(struct gen *g);

/* generate_seat.c */

/** gen_seat() - one move of a hostile handler, or of what it is up against. */
void gen_seat(struct gen *g);

#endif
