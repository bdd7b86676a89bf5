/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness fuzz --mutants DIR --shrink`: how short the shrinker makes what shows a mutant.
 *
 * Each finding is made as short as can be, as it was found; the shortest over all seeds is the best
 * that is known. Then it is put into a program of about SHRINKAGE_OPS operations that have nothing
 * to do with it, which is to become as short again while it breaks the same clause.
 */
#ifndef HARNESS_FUZZ_SHRINKAGE_H
#define HARNESS_FUZZ_SHRINKAGE_H

#include "findings.h"

#define SHRINKAGE_OPS 1000

/**
 * enum shrinkage_noise - what a finding is put into
 * @SHRINKAGE_WILD: operations of other programs
 * @SHRINKAGE_CALM: commands without data, events for nothing, rest: where the others hide it, or
 *                  break another clause first
 * @SHRINKAGE_IDLE: no commands either
 */
enum shrinkage_noise { SHRINKAGE_WILD, SHRINKAGE_CALM, SHRINKAGE_IDLE };

/**
 * struct shrinkage - of one mutant
 * @best:   operations of the shortest program known; UINT32_MAX if none shows it alone
 * @from:   operations of the long program, 0: none could be made that shows anything
 * @to:     of what became of it, in @ms, of which @cpu_ms on a processor
 * @noise:  what it was made of
 * @clause: that it shows
 */
struct shrinkage {
	uint32_t best, from, to;
	uint64_t ms, cpu_ms;
	enum shrinkage_noise noise;
	char clause[16];
};

/**
 * shrinkage_measure() - of the @n findings @v, which are shortened; the first is put into noise
 * @seed, @lim: of the noise
 */
void shrinkage_measure(struct shrinkage *s, const struct trial_plan *plan, struct finding *v,
		       size_t n, uint64_t seed, const struct fuzz_limits *lim);

#endif
