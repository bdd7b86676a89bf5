/* SPDX-License-Identifier: MIT */
/*
 * What may be said about repeated measurements without knowing how they scatter.
 *
 * Timings are not normally distributed, so there are no means and no standard deviations here: the
 * median with an interval made of order statistics, and the Mann-Whitney test for whether two sets
 * differ at all.
 */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct median - of @n values
 * @low, @high: interval that covers the true median with at least 95 %, where @n allows it (6 or
 *              more); else smallest and largest, and @confidence says how little that is
 */
struct median {
	double value, low, high, confidence;
	size_t n;
};

/** statistics_median() - @values need no order and keep theirs; all 0 if @n is 0. -ENOMEM: see n.
 */
struct median statistics_median(const double *values, size_t n);

/**
 * statistics_mann_whitney() - how likely two sets of one and the same thing differ as much
 *
 * Two-sided; exact where both have at most 20 values and no two are equal, else by the normal
 * approximation with corrections for ties and continuity. 1 if either is empty.
 */
double statistics_mann_whitney(const double *a, size_t na, const double *b, size_t nb);

/**
 * statistics_steady() - whether the last @window of @n values no longer drift
 *
 * True once the medians of their two halves differ by less than @share of the whole. For a warm-up
 * that ends when it has done its work.
 */
bool statistics_steady(const double *values, size_t n, size_t window, double share);

#endif
