/* SPDX-License-Identifier: MIT */
/*
 * A log-linear histogram of latencies: constant memory, constant time, a known error.
 *
 * A power of two is cut into HISTOGRAM_STEPS equal steps, so that a value read back is never more
 * than half of 1/HISTOGRAM_STEPS of itself away from the one put in; values below twice
 * HISTOGRAM_STEPS are exact. The error bound is tested, and the smallest, the largest and the sum
 * are kept as they were.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 7
#define HISTOGRAM_STEPS	    (1u << HISTOGRAM_STEP_BITS)
/** Values are nanoseconds below 2^HISTOGRAM_BITS (18 minutes); larger ones count as the largest. */
#define HISTOGRAM_BITS	    40
#define HISTOGRAM_BUCKETS   ((HISTOGRAM_BITS - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS)

/**
 * struct histogram - zero it before use
 * @min: of the values put in, UINT64_MAX - @inv_min, so that a zeroed histogram is an empty one
 */
struct histogram {
	uint64_t count, sum, inv_min, max;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

/** histogram_bucket() - which bucket a value of @ns belongs to. */
static inline uint32_t histogram_bucket(uint64_t ns)
{
	uint32_t shift;

	if (ns >> HISTOGRAM_BITS)
		return HISTOGRAM_BUCKETS - 1;
	if (ns < HISTOGRAM_STEPS)
		return (uint32_t)ns;
	shift = 63u - (uint32_t)__builtin_clzll(ns) - HISTOGRAM_STEP_BITS;
	return shift * HISTOGRAM_STEPS + (uint32_t)(ns >> shift);
}

/** histogram_add() - one value, in nanoseconds. */
static inline void histogram_add(struct histogram *h, uint64_t ns)
{
	h->count++;
	h->sum += ns;
	if (UINT64_MAX - ns > h->inv_min)
		h->inv_min = UINT64_MAX - ns;
	if (ns > h->max)
		h->max = ns;
	h->bucket[histogram_bucket(ns)]++;
}

/** histogram_put() - @n values that are all taken for @ns, as when one is read from a file. */
void histogram_put(struct histogram *h, uint64_t ns, uint64_t n);
/** histogram_merge() - add what is in @from. */
void histogram_merge(struct histogram *h, const struct histogram *from);
/** histogram_value() - middle of a bucket, in nanoseconds; histogram_bucket() leads back to it. */
uint64_t histogram_value(uint32_t bucket);
/** histogram_min() - the smallest value put in, exactly; 0 if there is none. */
uint64_t histogram_min(const struct histogram *h);
/**
 * histogram_quantile() - the value below or at which the share @q (0 to 1) of all values lies
 * Never outside of smallest and largest; 0 if the histogram is empty.
 */
uint64_t histogram_quantile(const struct histogram *h, double q);

#endif
