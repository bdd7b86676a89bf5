/* SPDX-License-Identifier: MIT */
/* The histogram: its error over the whole range, quantiles against sorted arrays, merging. */
#include "../histogram.h"
#include "../../harness/random.h"

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define VALUES 20000

static struct histogram *make(void)
{
	struct histogram *h = calloc(1, sizeof(*h));

	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	return h;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* What is read back is at most half a step away: value / (2 * STEPS). */
static bool within_bound(uint64_t ns)
{
	uint32_t bucket = histogram_bucket(ns);

	return bucket < HISTOGRAM_BUCKETS &&
	       distance(histogram_value(bucket), ns) * 2 * HISTOGRAM_STEPS <= ns &&
	       histogram_bucket(histogram_value(bucket)) == bucket;
}

/* Each bucket begins right behind the one before, up to the end of the range. */
static void test_edges(void)
{
	uint64_t first = 0, last;
	uint32_t bucket, wrong = 0;

	for (bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		wrong += histogram_bucket(first) != bucket;
		wrong += first && histogram_bucket(first - 1) != bucket - 1;
		wrong += !within_bound(first);
		last = 2 * histogram_value(bucket) - first;
		while (histogram_bucket(last + 1) == bucket && last + 1 < 1ull << HISTOGRAM_BITS)
			last++;
		wrong += histogram_bucket(last) != bucket || !within_bound(last);
		first = last + 1;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(first, 1ull << HISTOGRAM_BITS);
	CU_ASSERT_EQUAL(histogram_bucket(1ull << HISTOGRAM_BITS), HISTOGRAM_BUCKETS - 1);
	CU_ASSERT_EQUAL(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	CU_ASSERT_EQUAL(histogram_value(UINT32_MAX), histogram_value(HISTOGRAM_BUCKETS - 1));
}

static void test_error(void)
{
	uint64_t state = 1, ns, wrong = 0;
	int i;

	for (ns = 0; ns < 2 * HISTOGRAM_STEPS; ns++)
		wrong += histogram_value(histogram_bucket(ns)) != ns;
	for (i = 0; i < 1000000; i++) {
		ns = random_next(&state) >> (64 - HISTOGRAM_BITS);
		wrong += !within_bound(ns >> (random_next(&state) % HISTOGRAM_BITS));
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Against the array: the value of rank ceil(q * n), within the bound. */
static void check_quantiles(const struct histogram *h, uint64_t *values, size_t n)
{
	static const struct {
		double q;
		size_t numerator, denominator;
	} asked[] = {
		{ 0, 0, 1 },	   { 0.01, 1, 100 },	 { 0.5, 1, 2 },		  { 0.9, 9, 10 },
		{ 0.99, 99, 100 }, { 0.999, 999, 1000 }, { 0.9999, 9999, 10000 }, { 1, 1, 1 }
	};
	uint64_t found, expected;
	size_t i, rank;

	qsort(values, n, sizeof(*values), by_value);
	for (i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		rank = (n * asked[i].numerator + asked[i].denominator - 1) / asked[i].denominator;
		expected = values[rank ? rank - 1 : 0];
		found = histogram_quantile(h, asked[i].q);
		CU_ASSERT(distance(found, expected) * 2 * HISTOGRAM_STEPS <= expected);
		CU_ASSERT(found >= values[0] && found <= values[n - 1]);
	}
	CU_ASSERT_EQUAL(histogram_quantile(h, 1), values[n - 1]);
	CU_ASSERT_EQUAL(histogram_min(h), values[0]);
	CU_ASSERT_EQUAL(h->max, values[n - 1]);
}

static void test_quantiles(void)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 10, 100, 999, VALUES };
	uint64_t *values = calloc(VALUES, sizeof(*values)), state = 7, sum;
	struct histogram *h = make();
	size_t s, i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(values);
	for (s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		memset(h, 0, sizeof(*h));
		for (i = sum = 0; i < sizes[s]; i++) {
			/* of every magnitude */
			values[i] = (random_next(&state) >> 30) >> random_next(&state) % 34;
			histogram_add(h, values[i]);
			sum += values[i];
		}
		CU_ASSERT_EQUAL(h->count, sizes[s]);
		CU_ASSERT_EQUAL(h->sum, sum);
		check_quantiles(h, values, sizes[s]);
	}
	free(values);
	free(h);
}

static void test_merge(void)
{
	struct histogram *all = make(), *a = make(), *b = make(), *empty = make();
	uint64_t state = 3, ns;
	int i;

	for (i = 0; i < VALUES; i++) {
		ns = random_next(&state) >> (24 + random_next(&state) % 40);
		histogram_add(all, ns);
		histogram_add(i % 3 ? a : b, ns);
	}
	histogram_merge(empty, a);
	CU_ASSERT_EQUAL(memcmp(empty, a, sizeof(*a)), 0);
	histogram_merge(a, b);
	CU_ASSERT_EQUAL(memcmp(all, a, sizeof(*a)), 0);
	memset(empty, 0, sizeof(*empty));
	histogram_merge(a, empty);
	CU_ASSERT_EQUAL(memcmp(all, a, sizeof(*a)), 0);
	free(all);
	free(a);
	free(b);
	free(empty);
}

static void test_put(void)
{
	struct histogram *put = make(), *added = make();
	int i;

	histogram_put(put, 4711, 0);
	CU_ASSERT_EQUAL(put->count, 0);
	CU_ASSERT_EQUAL(put->max, 0);
	histogram_put(put, 4711, 1000);
	histogram_put(put, 12, 3);
	for (i = 0; i < 1000; i++)
		histogram_add(added, 4711);
	for (i = 0; i < 3; i++)
		histogram_add(added, 12);
	CU_ASSERT_EQUAL(memcmp(put, added, sizeof(*put)), 0);
	/* more than a count of 32 bits holds */
	histogram_put(put, 5000, 1ull << 33);
	CU_ASSERT_EQUAL(put->bucket[histogram_bucket(5000)], 1ull << 33);
	CU_ASSERT_EQUAL(histogram_quantile(put, 0.5), 5000); /* the largest, and no more */
	free(put);
	free(added);
}

static void test_empty_and_huge(void)
{
	struct histogram *h = make();

	CU_ASSERT_EQUAL(histogram_quantile(h, 0.5), 0);
	CU_ASSERT_EQUAL(histogram_quantile(h, 1), 0);
	CU_ASSERT_EQUAL(histogram_min(h), 0);
	histogram_add(h, 0);
	CU_ASSERT_EQUAL(h->count, 1);
	CU_ASSERT_EQUAL(histogram_quantile(h, 0.5), 0);
	histogram_add(h, UINT64_MAX);
	CU_ASSERT_EQUAL(h->max, UINT64_MAX);
	CU_ASSERT_EQUAL(histogram_quantile(h, 1), UINT64_MAX);
	CU_ASSERT_EQUAL(histogram_min(h), 0);
	memset(h, 0, sizeof(*h));
	histogram_add(h, 1ull << 50);
	CU_ASSERT_EQUAL(histogram_quantile(h, 0.1), 1ull << 50);
	free(h);
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("histogram", NULL, NULL);
	CU_add_test(s, "edges of all buckets", test_edges);
	CU_add_test(s, "error of random values", test_error);
	CU_add_test(s, "quantiles against a sorted array", test_quantiles);
	CU_add_test(s, "merge", test_merge);
	CU_add_test(s, "put", test_put);
	CU_add_test(s, "empty, and beyond the range", test_empty_and_huge);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
