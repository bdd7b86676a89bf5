/* SPDX-License-Identifier: MIT */
/*
 * Medians with intervals, and the Mann-Whitney test; see statistics.h for why these.
 *
 * The interval of a median: any value of a continuous distribution is below its median as often as
 * a coin shows heads. So the median lies between the k-th smallest and the k-th largest of n values
 * unless fewer than k of them fell on one side, and the probability of that is binomial.
 *
 * Mann-Whitney: U counts the pairs in which a's value is the larger one. If both sets are of the
 * same thing, each order of all values is equally likely. How many of them give which U are the
 * coefficients of a Gaussian binomial, a product of (1 - q^(nb+i)) / (1 - q^i).
 */
#include "statistics.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX  20
#define CONFIDENCE 0.95

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A sorted copy, to be freed; NULL if out of memory. */
static double *sorted(const double *values, size_t n)
{
	double *copy = malloc(n * sizeof(*copy));

	if (copy) {
		memcpy(copy, values, n * sizeof(*copy));
		qsort(copy, n, sizeof(*copy), by_value);
	}
	return copy;
}

static double middle(const double *sorted_values, size_t n)
{
	double low = sorted_values[(n - 1) / 2], high = sorted_values[n / 2];

	return low + (high - low) / 2;
}

/* How likely exactly @k of @n coins show heads. */
static double coins(size_t n, size_t k)
{
	int sign;

	return exp(lgamma_r((double)n + 1, &sign) - lgamma_r((double)k + 1, &sign) -
		   lgamma_r((double)(n - k) + 1, &sign) - (double)n * M_LN2);
}

struct median statistics_median(const double *values, size_t n)
{
	struct median m = { 0 };
	double *v, outside, more;
	size_t k = 1;

	v = n ? sorted(values, n) : NULL;
	if (!v)
		return m;
	/* between the k-th of either end */
	outside = 2 * coins(n, 0);
	for (more = outside; k <= n / 2; k++) {
		more += 2 * coins(n, k);
		if (more > 1 - CONFIDENCE)
			break;
		outside = more;
	}
	if (k > (n + 1) / 2)
		k = (n + 1) / 2;
	m.n = n;
	m.value = middle(v, n);
	m.low = v[k - 1];
	m.high = v[n - k];
	m.confidence = n > 1 ? 1 - outside : 0;
	free(v);
	return m;
}

/* How likely U is at most @u, with @na and @nb values of which no two are equal. */
static double exact_tail(size_t na, size_t nb, size_t u)
{
	double ways[EXACT_MAX * EXACT_MAX + 1] = { 1 }, all = 0, tail = 0;
	size_t last = na * nb, i, j;

	for (i = 1; i <= na; i++) {
		for (j = last; j >= nb + i; j--)
			ways[j] -= ways[j - nb - i];
		for (j = i; j <= last; j++)
			ways[j] += ways[j - i];
	}
	for (j = 0; j <= last; j++) {
		all += ways[j];
		if (j <= u)
			tail += ways[j];
	}
	return tail / all;
}

/* struct pairs - @twice_u: pairs in which a's value is larger, twice, and those that are equal
 * @ties: sum of t^3 - t over all groups of t equal values of both sets */
struct pairs {
	double twice_u, ties;
};

static struct pairs count_pairs(const double *a, size_t na, const double *b, size_t nb)
{
	struct pairs p = { 0 };
	size_t i = 0, j = 0, in_a, in_b;
	double value, t;

	while (i < na || j < nb) {
		value = j == nb || (i < na && a[i] < b[j]) ? a[i] : b[j];
		for (in_a = 0; i + in_a < na && a[i + in_a] <= value; in_a++)
			;
		for (in_b = 0; j + in_b < nb && b[j + in_b] <= value; in_b++)
			;
		t = (double)(in_a + in_b);
		p.twice_u += (double)in_a * (2 * (double)j + (double)in_b);
		p.ties += t * t * t - t;
		i += in_a;
		j += in_b;
	}
	return p;
}

static double normal_p(const struct pairs *p, double na, double nb)
{
	double n = na + nb, distance = fabs(p->twice_u - na * nb) / 2 - 0.5;
	double variance = na * nb / 12 * (n + 1 - p->ties / (n * (n - 1)));

	if (distance <= 0 || variance <= 0)
		return 1;
	return erfc(distance / sqrt(variance) / M_SQRT2);
}

double statistics_mann_whitney(const double *a, size_t na, const double *b, size_t nb)
{
	double *x = NULL, *y = NULL, p = 1, u;
	struct pairs pairs;

	if (!na || !nb)
		return 1;
	x = sorted(a, na);
	y = sorted(b, nb);
	if (!x || !y)
		goto out;
	pairs = count_pairs(x, na, y, nb);
	if (na <= EXACT_MAX && nb <= EXACT_MAX && pairs.ties <= 0) {
		u = pairs.twice_u / 2;
		if (u > (double)(na * nb) / 2)
			u = (double)(na * nb) - u;
		p = 2 * exact_tail(na, nb, (size_t)u);
	} else {
		p = normal_p(&pairs, (double)na, (double)nb);
	}
out:
	free(x);
	free(y);
	return p > 1 ? 1 : p;
}

bool statistics_steady(const double *values, size_t n, size_t window, double share)
{
	struct median all, first, second;
	const double *last;

	if (window < 2 || n < window)
		return false;
	last = values + n - window;
	all = statistics_median(last, window);
	first = statistics_median(last, window / 2);
	second = statistics_median(last + window - window / 2, window / 2);
	if (!all.n || !first.n || !second.n)
		return false;
	return fabs(first.value - second.value) <= share * fabs(all.value);
}
