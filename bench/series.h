/* SPDX-License-Identifier: MIT */
/*
 * The values of one metric of one row.
 *
 * Repeats of all rows of a run are made in turns: the same repeat of two rows soon one after the
 * other, so that what happened to the machine meanwhile happened to both. So values of two series
 * belong together by the number of their repeat, and a repeat without a value has no partner.
 */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

#include "statistics.h"

#include <stdint.h>

/** struct series - @repeats: of which repeat each value is, from 0, ascending; all 0: empty */
struct series {
	double *values;
	uint32_t *repeats;
	size_t n;
};

/** series_add() - 0, -ENOMEM, or -EINVAL if @repeat is not behind those that are there. */
int series_add(struct series *s, uint32_t repeat, double value);
void series_free(struct series *s);
/** series_next() - the repeat after the last that has a value. */
uint32_t series_next(const struct series *s);

/**
 * series_sum() - @a + @b in each repeat that both have; the other one if one of them is empty
 * The caller frees it; it is empty, too, if memory runs out.
 */
struct series series_sum(const struct series *a, const struct series *b);
/**
 * series_difference() - by how much @a is above @b, repeat by repeat
 *
 * The median of the differences in repeats that both have. @certain, which may be NULL: whether
 * they surely have that sign, that is an interval with at least 95 % without 0.
 */
struct median series_difference(const struct series *a, const struct series *b, bool *certain);

#endif
