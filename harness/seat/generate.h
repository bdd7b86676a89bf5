/* SPDX-License-Identifier: MIT */
/*
 * Hostile seat programs from a seed: the same seed, the same program.
 *
 * Lines "#! FILE TEXT" before the operations say what to write to the device's configfs files
 * before it is enabled; whoever makes the device reads them.
 */
#ifndef HARNESS_SEAT_GENERATE_H
#define HARNESS_SEAT_GENERATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/**
 * enum seat_trigger - moves that are known to hurt kernels
 *
 * Left out of most programs, lest every one of them finds the same again.
 */
enum seat_trigger {
	SEAT_WILD_TAIL = 1,   /* cmd_tail off an entry boundary or beyond head */
	SEAT_WILD_HEAD = 2,   /* any store to cmd_head */
	SEAT_WILD_LENGTH = 4, /* len_op with a length that leads off the entries */
	SEAT_WILD_OPCODE = 8, /* len_op with opcode 3 to 7 */
	SEAT_WILD_ROOT = 16,  /* free_kept_buf of id 0, data_pages_per_blk of 0 */
	SEAT_WILD_ALL = 31
};

/**
 * seat_generate() - print the program of @seed
 * @triggers: SEAT_WILD_* that may occur; negative: none, but in one program of eight all
 */
void seat_generate(FILE *f, uint64_t seed, int triggers);

#endif
