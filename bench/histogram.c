/* SPDX-License-Identifier: MIT */
/* What is not on the way of a command: merging histograms, and reading quantiles off them. */
#include "histogram.h"

void histogram_put(struct histogram *h, uint64_t ns, uint64_t n)
{
	if (!n)
		return;
	h->count += n;
	h->sum += ns * n;
	if (UINT64_MAX - ns > h->inv_min)
		h->inv_min = UINT64_MAX - ns;
	if (ns > h->max)
		h->max = ns;
	h->bucket[histogram_bucket(ns)] += n;
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
	uint32_t i;

	h->count += from->count;
	h->sum += from->sum;
	if (from->inv_min > h->inv_min)
		h->inv_min = from->inv_min;
	if (from->max > h->max)
		h->max = from->max;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->bucket[i] += from->bucket[i];
}

uint64_t histogram_value(uint32_t bucket)
{
	uint32_t shift;
	uint64_t first;

	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;
	if (bucket >= HISTOGRAM_BUCKETS)
		bucket = HISTOGRAM_BUCKETS - 1;
	shift = bucket / HISTOGRAM_STEPS - 1;
	first = (uint64_t)(bucket - shift * HISTOGRAM_STEPS) << shift;
	return first + ((1ull << shift) - 1) / 2;
}

uint64_t histogram_min(const struct histogram *h)
{
	return h->count ? UINT64_MAX - h->inv_min : 0;
}

/* The lowest number of values that is at least the share @q of all, from 1 to all. */
static uint64_t rank_of(uint64_t count, double q)
{
	double exact = q * (double)count;
	uint64_t rank = exact >= (double)count ? count : exact > 0 ? (uint64_t)exact : 0;

	/* 0.9 * 10 is to be 9, whatever a double makes of it */
	if (rank < count && exact - (double)rank > 1e-12 * exact)
		rank++;
	return rank ? rank : 1;
}

uint64_t histogram_quantile(const struct histogram *h, double q)
{
	uint64_t rank, seen = 0, value, min = histogram_min(h);
	uint32_t i;

	if (!h->count)
		return 0;
	rank = rank_of(h->count, q);
	if (rank == h->count)
		return h->max;
	for (i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += h->bucket[i];
		if (seen >= rank)
			break;
	}
	value = histogram_value(i);
	return value < min ? min : value > h->max ? h->max : value;
}
