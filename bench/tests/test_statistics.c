/* SPDX-License-Identifier: MIT */
/*
 * Statistics against published tables, against enumeration of every possible order, and against
 * simulations: how often a difference is seen where there is none, and where there is one.
 */
#include "../statistics.h"
#include "../../harness/random.h"

#include <CUnit/Basic.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MANY 64

static double uniform(uint64_t *state)
{
	return (double)(random_next(state) >> 11) * 0x1p-53;
}

/* About normal: the sum of twelve. */
static double noise(uint64_t *state)
{
	double sum = -6;
	int i;

	for (i = 0; i < 12; i++)
		sum += uniform(state);
	return sum;
}

/* --- medians -------------------------------------------------------------------------------------
 */

static void test_median_values(void)
{
	static const double odd[] = { 5, 1, 3 }, even[] = { 4, 1, 3, 2 }, one[] = { 7 };
	static const double huge[] = { 1.7e308, 1.6e308 };
	struct median m = statistics_median(odd, 3);

	CU_ASSERT_EQUAL(m.value, 3);
	CU_ASSERT_EQUAL(m.low, 1);
	CU_ASSERT_EQUAL(m.high, 5);
	CU_ASSERT_EQUAL(odd[0], 5);
	CU_ASSERT_DOUBLE_EQUAL(m.confidence, 0.75, 1e-12);
	m = statistics_median(even, 4);
	CU_ASSERT_EQUAL(m.value, 2.5);
	CU_ASSERT_EQUAL(m.low, 1);
	CU_ASSERT_EQUAL(m.high, 4);
	m = statistics_median(one, 1);
	CU_ASSERT_EQUAL(m.value, 7);
	CU_ASSERT_EQUAL(m.low, 7);
	CU_ASSERT_EQUAL(m.high, 7);
	CU_ASSERT_EQUAL(m.confidence, 0);
	CU_ASSERT(isfinite(statistics_median(huge, 2).value));
	m = statistics_median(NULL, 0);
	CU_ASSERT_EQUAL(m.n, 0);
	CU_ASSERT_EQUAL(m.value, 0);
}

/* Ranks and confidence as in published tables of the sign test's interval for the median. */
static void test_median_table(void)
{
	static const struct {
		size_t n, rank;
		double confidence;
	} table[] = { { 5, 1, 0.9375 },	  { 6, 1, 0.96875 },  { 8, 1, 0.99219 },
		      { 9, 2, 0.96094 },  { 10, 2, 0.97852 }, { 12, 3, 0.96143 },
		      { 15, 4, 0.96484 }, { 20, 6, 0.95861 }, { 25, 8, 0.95671 },
		      { 50, 18, 0.96716 } };
	double values[MANY];
	struct median m;
	size_t i, j;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		for (j = 0; j < table[i].n; j++)
			values[j] = (double)(table[i].n - j);
		m = statistics_median(values, table[i].n);
		CU_ASSERT_EQUAL(m.low, (double)table[i].rank);
		CU_ASSERT_EQUAL(m.high, (double)(table[i].n + 1 - table[i].rank));
		CU_ASSERT_DOUBLE_EQUAL(m.confidence, table[i].confidence, 6e-5);
	}
}

/* The interval covers the true median as often as it says, whatever the distribution. */
static void test_median_coverage(void)
{
	uint64_t state = 11;
	double values[10], covered[3] = { 0 };
	struct median m;
	int i, j, kind;

	for (i = 0; i < 6000; i++) {
		kind = i % 3;
		for (j = 0; j < 10; j++)
			values[j] = kind == 0	? uniform(&state) - 0.5
				    : kind == 1 ? noise(&state)
						: -log(1 - uniform(&state)) - M_LN2;
		m = statistics_median(values, 10);
		covered[kind] += m.low <= 0 && m.high >= 0;
	}
	/* 97.85 % of 2000; three standard deviations are 1 % */
	for (kind = 0; kind < 3; kind++)
		CU_ASSERT_DOUBLE_EQUAL(covered[kind] / 2000, 0.9785, 0.01);
}

/* Far more values than a factorial fits in a double for. */
static void test_median_large(void)
{
	size_t n = 100001, i;
	double *values = calloc(n, sizeof(*values));
	struct median m;

	CU_ASSERT_PTR_NOT_NULL_FATAL(values);
	for (i = 0; i < n; i++)
		values[i] = (double)i;
	m = statistics_median(values, n);
	CU_ASSERT_EQUAL(m.value, 50000);
	CU_ASSERT_DOUBLE_EQUAL(m.high - m.low, 1.96 * sqrt((double)n), 4);
	CU_ASSERT(m.confidence >= 0.95 && m.confidence < 0.953);
	free(values);
}

/* --- Mann-Whitney --------------------------------------------------------------------------------
 */

/* Twice U: by comparing all pairs. */
static int twice_u(const double *a, size_t na, const double *b, size_t nb)
{
	int sum = 0;
	size_t i, j;

	for (i = 0; i < na; i++) {
		for (j = 0; j < nb; j++)
			sum += a[i] > b[j] ? 2 : a[i] == b[j];
	}
	return sum;
}

/* p by trying every choice of which of the values are a's. */
static double enumerate(const double *a, size_t na, const double *b, size_t nb)
{
	double all[16], x[16], y[16];
	size_t n = na + nb, i, nx, ny;
	int centre = (int)(na * nb), seen = abs(twice_u(a, na, b, nb) - centre);
	unsigned int mask, orders = 0, extreme = 0;

	memcpy(all, a, na * sizeof(*a));
	memcpy(all + na, b, nb * sizeof(*b));
	for (mask = 0; mask < 1u << n; mask++) {
		if ((size_t)__builtin_popcount(mask) != na)
			continue;
		for (i = nx = ny = 0; i < n; i++) {
			if (mask & 1u << i)
				x[nx++] = all[i];
			else
				y[ny++] = all[i];
		}
		orders++;
		extreme += abs(twice_u(x, nx, y, ny) - centre) >= seen;
	}
	return (double)extreme / (double)orders;
}

static void test_enumerated(void)
{
	uint64_t state = 5;
	double a[8], b[8], p;
	size_t na, nb, i;
	int wrong = 0, try;

	for (na = 1; na <= 7; na++) {
		for (nb = 1; nb <= 7; nb++) {
			for (try = 0; try < 4; try++) {
				for (i = 0; i < na; i++)
					a[i] = uniform(&state) + 0.2 * try;
				for (i = 0; i < nb; i++)
					b[i] = uniform(&state);
				p = statistics_mann_whitney(a, na, b, nb);
				wrong += fabs(p - enumerate(a, na, b, nb)) > 1e-12;
			}
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* @n values each, of which a's are the smaller in all but @u pairs. */
static double p_of_u(size_t na, size_t nb, size_t u)
{
	double a[MANY], b[MANY];
	size_t i;

	for (i = 0; i < nb; i++)
		b[i] = (double)(2 * i + 1);
	for (i = 0; i < na; i++) {
		/* above as many of b's as are still wanted */
		size_t above = u < nb ? u : nb;

		u -= above;
		a[i] = 2 * (double)above + 0.001 * (double)i;
	}
	return statistics_mann_whitney(a, na, b, nb);
}

/* The largest U that is significant, two-sided, at 5 % and at 1 %: published tables. */
static void test_critical(void)
{
	static const struct {
		size_t na, nb, u5, u1;
	} table[] = { { 5, 5, 2, 0 },	    { 6, 6, 5, 2 },	{ 8, 8, 13, 7 },
		      { 10, 10, 23, 16 },   { 12, 12, 37, 27 }, { 15, 15, 64, 51 },
		      { 20, 20, 127, 105 }, { 5, 10, 8, 4 },	{ 10, 20, 55, 42 },
		      { 7, 13, 20, 13 } };
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		CU_ASSERT(p_of_u(table[i].na, table[i].nb, table[i].u5) <= 0.05);
		CU_ASSERT(p_of_u(table[i].na, table[i].nb, table[i].u5 + 1) > 0.05);
		CU_ASSERT(p_of_u(table[i].na, table[i].nb, table[i].u1) <= 0.01);
		CU_ASSERT(p_of_u(table[i].na, table[i].nb, table[i].u1 + 1) > 0.01);
	}
	CU_ASSERT_DOUBLE_EQUAL(p_of_u(3, 3, 0), 0.1, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(p_of_u(10, 10, 0), 2.0 / 184756, 1e-15);
	CU_ASSERT_DOUBLE_EQUAL(p_of_u(20, 20, 0), 2.0 / 137846528820.0, 1e-22);
}

/* With ties: worked by hand; z = (|U - 12.5| - 0.5) / sqrt(25 / 12 * (11 - ties / 90)). */
static void test_ties(void)
{
	static const double a[] = { 1, 2, 2, 3, 4 }, b[] = { 2, 4, 5, 6, 7 };
	static const double same[] = { 5, 5, 5, 5, 5 }, other[] = { 6, 6, 6, 6, 6 };
	/* pairs: 2 = 2 twice, 3 > 2, 4 > 2, 4 = 4; three 2s and two 4s */
	double u = twice_u(a, 5, b, 5) / 2.0, ties = 24 + 6;
	double z = (fabs(u - 12.5) - 0.5) / sqrt(25.0 / 12 * (11 - ties / 90));

	CU_ASSERT_DOUBLE_EQUAL(u, 3.5, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(statistics_mann_whitney(a, 5, b, 5), erfc(z / sqrt(2)), 1e-12);
	/* 8.5 / 4.714 = 1.803 */
	CU_ASSERT_DOUBLE_EQUAL(statistics_mann_whitney(a, 5, b, 5), 0.0714, 0.00005);
	CU_ASSERT_EQUAL(statistics_mann_whitney(same, 5, same, 5), 1);
	CU_ASSERT(statistics_mann_whitney(same, 5, other, 5) < 0.01);
	CU_ASSERT_EQUAL(statistics_mann_whitney(a, 5, NULL, 0), 1);
	CU_ASSERT_EQUAL(statistics_mann_whitney(NULL, 0, b, 5), 1);
	CU_ASSERT_EQUAL(statistics_mann_whitney(a, 5, a, 5), 1);
	CU_ASSERT_EQUAL(statistics_mann_whitney(a, 1, a, 1), 1);
}

/* The approximation goes on where the exact one ends: 21 against 20. */
static void test_seam(void)
{
	size_t u;

	for (u = 60; u < 190; u += 10)
		CU_ASSERT_DOUBLE_EQUAL(p_of_u(20, 20, u), p_of_u(21, 20, u + u / 20), 0.05);
	CU_ASSERT(p_of_u(21, 21, 0) > 0 && p_of_u(21, 21, 0) < 1e-6);
}

static void test_symmetry(void)
{
	uint64_t state = 23;
	double a[30], b[30], p, q, neg_a[30], neg_b[30];
	size_t na, nb, i;
	int round, wrong = 0;

	for (round = 0; round < 3000; round++) {
		na = 1 + random_next(&state) % 30;
		nb = 1 + random_next(&state) % 30;
		for (i = 0; i < 30; i++) {
			/* every other time with ties */
			a[i] = round % 2 ? noise(&state) : (double)(random_next(&state) % 9);
			b[i] = round % 2 ? noise(&state) : (double)(random_next(&state) % 9);
			neg_a[i] = -a[i];
			neg_b[i] = -b[i];
		}
		p = statistics_mann_whitney(a, na, b, nb);
		q = statistics_mann_whitney(b, nb, a, na);
		wrong += fabs(p - q) > 1e-12 || !(p > 0 && p <= 1);
		wrong += fabs(p - statistics_mann_whitney(neg_a, na, neg_b, nb)) > 1e-12;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* The share of @rounds in which p <= 5 %, for sets of @n of which one is @factor larger. */
static double share_found(size_t n, double factor, double step, uint64_t seed)
{
	double a[MANY], b[MANY];
	int round, rounds = 4000, found = 0;
	size_t i;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < n; i++) {
			a[i] = 1000 * (1 + 0.01 * noise(&seed));
			b[i] = 1000 * factor * (1 + 0.01 * noise(&seed));
			if (step > 0) { /* a coarse clock */
				a[i] = step * floor(a[i] / step);
				b[i] = step * floor(b[i] / step);
			}
		}
		found += statistics_mann_whitney(a, n, b, n) <= 0.05;
	}
	return (double)found / rounds;
}

static void test_simulated(void)
{
	/* exact: the largest p below 5 % for 10 and 10 is 4.3 % */
	CU_ASSERT_DOUBLE_EQUAL(share_found(10, 1, 0, 1), 0.0433, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(share_found(30, 1, 0, 2), 0.05, 0.011);
	CU_ASSERT_DOUBLE_EQUAL(share_found(10, 1, 5, 3), 0.045, 0.015);
	/* 5 % in 10 repeats with 1 % of noise is seen, always */
	CU_ASSERT(share_found(10, 1.05, 0, 4) > 0.999);
	CU_ASSERT(share_found(10, 0.95, 5, 5) > 0.999);
	CU_ASSERT(share_found(10, 1.01, 0, 6) > 0.4);
}

/* --- steady --------------------------------------------------------------------------------------
 */

static void test_steady(void)
{
	static const double warming[] = { 100, 80, 60, 50, 45, 42, 40, 40, 41, 40 };
	static const double zeros[] = { 0, 0, 0, 0 };

	CU_ASSERT_FALSE(statistics_steady(warming, 3, 4, 0.05));
	CU_ASSERT_FALSE(statistics_steady(warming, 4, 4, 0.05));
	CU_ASSERT_FALSE(statistics_steady(warming, 7, 4, 0.05));
	CU_ASSERT_TRUE(statistics_steady(warming, 10, 4, 0.05));
	CU_ASSERT_TRUE(statistics_steady(warming, 10, 3, 0.05));
	CU_ASSERT_FALSE(statistics_steady(warming, 10, 10, 0.05));
	CU_ASSERT_FALSE(statistics_steady(warming, 10, 0, 0.05));
	CU_ASSERT_FALSE(statistics_steady(warming, 10, 1, 0.05));
	CU_ASSERT_TRUE(statistics_steady(zeros, 4, 4, 0.05));
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("statistics", NULL, NULL);
	CU_add_test(s, "medians", test_median_values);
	CU_add_test(s, "ranks of the interval: published", test_median_table);
	CU_add_test(s, "coverage of the interval: simulated", test_median_coverage);
	CU_add_test(s, "median of many", test_median_large);
	CU_add_test(s, "Mann-Whitney: every order tried", test_enumerated);
	CU_add_test(s, "Mann-Whitney: published critical values", test_critical);
	CU_add_test(s, "Mann-Whitney: ties, nothing at all", test_ties);
	CU_add_test(s, "Mann-Whitney: exact and approximate agree", test_seam);
	CU_add_test(s, "Mann-Whitney: symmetric, from 0 to 1", test_symmetry);
	CU_add_test(s, "Mann-Whitney: rate of false and of true alarms", test_simulated);
	CU_add_test(s, "steady", test_steady);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
