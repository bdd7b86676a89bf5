/* SPDX-License-Identifier: MIT */
/* Sums and differences of series, repeat by repeat, whichever repeats each of them has. */
#include "../../harness/random.h"
#include "../series.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>

static struct series series_of(size_t n, const uint32_t *repeats, const double *values)
{
	struct series s = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		CU_ASSERT_EQUAL(series_add(&s, repeats ? repeats[i] : (uint32_t)i, values[i]), 0);
	CU_ASSERT_EQUAL(s.n, n);
	return s;
}

static void test_order(void)
{
	struct series s = { 0 };

	CU_ASSERT_EQUAL(series_next(&s), 0);
	CU_ASSERT_EQUAL(series_add(&s, 2, 1), 0);
	CU_ASSERT_EQUAL(series_next(&s), 3);
	CU_ASSERT_EQUAL(series_add(&s, 2, 1), -EINVAL);
	CU_ASSERT_EQUAL(series_add(&s, 0, 1), -EINVAL);
	CU_ASSERT_EQUAL(series_add(&s, 3, 1), 0);
	CU_ASSERT_EQUAL(s.n, 2);
	series_free(&s);
	CU_ASSERT_EQUAL(s.n, 0);
}

/* The machine gets slower from repeat to repeat: who pairs by place sees that as a difference. */
static void test_pairs(void)
{
	static const uint32_t some[] = { 0, 1, 3, 4, 5, 6, 7, 9 };
	double a[10], b[8];
	struct series x, y;
	struct median m;
	bool certain;
	size_t i;

	for (i = 0; i < 10; i++)
		a[i] = 100 * (double)i + 7;
	for (i = 0; i < 8; i++)
		b[i] = 100 * (double)some[i];
	x = series_of(10, NULL, a);
	y = series_of(8, some, b);
	m = series_difference(&x, &y, &certain);
	CU_ASSERT_EQUAL(m.n, 8);
	CU_ASSERT_EQUAL(m.low, 7);
	CU_ASSERT_EQUAL(m.high, 7);
	CU_ASSERT(certain);
	m = series_difference(&y, &x, NULL);
	CU_ASSERT_EQUAL(m.value, -7);
	series_free(&x);
	series_free(&y);
}

static void test_nothing_in_common(void)
{
	static const uint32_t even[] = { 0, 2, 4 }, odd[] = { 1, 3, 5 };
	static const double values[] = { 1, 2, 3 };
	struct series none = { 0 }, x = series_of(3, even, values), y = series_of(3, odd, values);
	bool certain = true;

	CU_ASSERT_EQUAL(series_difference(&x, &y, &certain).n, 0);
	CU_ASSERT(!certain);
	CU_ASSERT_EQUAL(series_difference(&x, &none, NULL).n, 0);
	CU_ASSERT_EQUAL(series_difference(&none, &x, NULL).n, 0);
	series_free(&x);
	series_free(&y);
}

static void test_sum(void)
{
	static const uint32_t odd[] = { 1, 3, 5 };
	static const double a[] = { 1, 2, 3, 4 }, b[] = { 10, 20, 30 };
	struct series none = { 0 }, x = series_of(4, NULL, a), y = series_of(3, odd, b), s;

	s = series_sum(&x, &y);
	CU_ASSERT_EQUAL_FATAL(s.n, 2);
	CU_ASSERT_EQUAL(s.repeats[0], 1);
	CU_ASSERT_EQUAL(s.values[0], 12);
	CU_ASSERT_EQUAL(s.repeats[1], 3);
	CU_ASSERT_EQUAL(s.values[1], 24);
	series_free(&s);
	/* a part that does not exist is no part that is unknown */
	s = series_sum(&none, &y);
	CU_ASSERT_EQUAL_FATAL(s.n, 3);
	CU_ASSERT_EQUAL(s.repeats[2], 5);
	CU_ASSERT_EQUAL(s.values[2], 30);
	series_free(&s);
	s = series_sum(&x, &none);
	CU_ASSERT_EQUAL(s.n, 4);
	series_free(&s);
	s = series_sum(&none, &none);
	CU_ASSERT_EQUAL(s.n, 0);
	series_free(&x);
	series_free(&y);
}

/* Against the definition, with repeats that are there or not by chance. */
static void test_random(void)
{
	uint64_t state = 1;
	int round;

	for (round = 0; round < 500; round++) {
		double a[40], b[40], d[40];
		struct series x = { 0 }, y = { 0 };
		struct median m, expected;
		size_t n = 0;
		uint32_t i;

		for (i = 0; i < 40; i++) {
			bool in_a = random_next(&state) % 3, in_b = random_next(&state) % 3;

			a[i] = (double)(random_next(&state) % 1000);
			b[i] = (double)(random_next(&state) % 1000);
			if (in_a)
				CU_ASSERT_EQUAL(series_add(&x, i, a[i]), 0);
			if (in_b)
				CU_ASSERT_EQUAL(series_add(&y, i, b[i]), 0);
			if (in_a && in_b)
				d[n++] = a[i] - b[i];
		}
		m = series_difference(&x, &y, NULL);
		expected = statistics_median(d, n);
		CU_ASSERT_EQUAL(m.n, n);
		CU_ASSERT_EQUAL(m.value, expected.value);
		CU_ASSERT_EQUAL(m.low, expected.low);
		CU_ASSERT_EQUAL(m.high, expected.high);
		series_free(&x);
		series_free(&y);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{ "repeats are in order", test_order },
		{ "values belong together by their repeat", test_pairs },
		{ "no repeat in common", test_nothing_in_common },
		{ "sums", test_sum },
		{ "any repeats", test_random },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "series", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
	unsigned failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
