/* SPDX-License-Identifier: MIT */
/*
 * The shortest program that still shows it: drop, shorten, simplify, merge, until nothing helps.
 *
 * Knows programs, not targets: the caller says whether a candidate still breaks the same clause.
 */
#ifndef HARNESS_FUZZ_SHRINK_H
#define HARNESS_FUZZ_SHRINK_H

#include "program.h"

/**
 * fuzz_shrink() - make @p smaller in place
 * @shows:  whether a program breaks the same clause as @p does; the same program, the same answer
 * @ms:     real time that it may take
 * Returns the number of candidates tried, or -ENOMEM with @p a program that still shows it.
 */
int64_t fuzz_shrink(struct fuzz_program *p, bool (*shows)(void *ctx, const struct fuzz_program *p),
		    void *ctx, uint32_t ms);

#endif
