/* SPDX-License-Identifier: MIT */
/* Values with the numbers of their repeats; see series.h. */
#include "series.h"

#include <errno.h>
#include <stdlib.h>

uint32_t series_next(const struct series *s)
{
	return s->n ? s->repeats[s->n - 1] + 1 : 0;
}

int series_add(struct series *s, uint32_t repeat, double value)
{
	uint32_t *repeats;
	double *values;

	if (repeat < series_next(s))
		return -EINVAL;
	values = reallocarray(s->values, s->n + 1, sizeof(*values));
	if (!values)
		return -ENOMEM;
	s->values = values;
	repeats = reallocarray(s->repeats, s->n + 1, sizeof(*repeats));
	if (!repeats)
		return -ENOMEM;
	s->repeats = repeats;
	s->values[s->n] = value;
	s->repeats[s->n++] = repeat;
	return 0;
}

void series_free(struct series *s)
{
	free(s->values);
	free(s->repeats);
	*s = (struct series){ 0 };
}

/* @a + @sign * @b in repeats that both have; empty if out of memory. */
static struct series together(const struct series *a, const struct series *b, double sign)
{
	struct series out = { 0 };
	size_t i = 0, j = 0;

	while (i < a->n && j < b->n) {
		if (a->repeats[i] < b->repeats[j]) {
			i++;
		} else if (a->repeats[i] > b->repeats[j]) {
			j++;
		} else {
			if (series_add(&out, a->repeats[i], a->values[i] + sign * b->values[j])) {
				series_free(&out);
				break;
			}
			i++;
			j++;
		}
	}
	return out;
}

struct series series_sum(const struct series *a, const struct series *b)
{
	struct series out = { 0 };
	const struct series *one = a->n ? a : b;
	size_t i;

	if (a->n && b->n)
		return together(a, b, 1);
	for (i = 0; i < one->n; i++) {
		if (series_add(&out, one->repeats[i], one->values[i])) {
			series_free(&out);
			break;
		}
	}
	return out;
}

struct median series_difference(const struct series *a, const struct series *b, bool *certain)
{
	struct series d = together(a, b, -1);
	struct median m = statistics_median(d.values, d.n);

	series_free(&d);
	if (certain)
		*certain = m.n && m.confidence >= 0.95 && (m.low > 0 || m.high < 0);
	return m;
}
