/* SPDX-License-Identifier: MIT */
/* The measurements of `tcmu-harness bench`. */
#ifndef HARNESS_BENCH_H
#define HARNESS_BENCH_H

#include <stdint.h>

#define BENCH_ROUNDS_MAX 99

/**
 * bench_attach() - a handler in this process, over the attach protocol and in a world
 * @commands: in a round with one at once; ten times as many with @depth at once
 * Returns the exit status.
 */
int bench_attach(uint64_t commands, uint32_t depth, uint32_t rounds);

#endif
