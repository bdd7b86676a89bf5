/* SPDX-License-Identifier: MIT */
/* The statistics of a comparison: see compare.h. */
#include "compare.h"
#include "environment.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

const char *change_name(enum change c)
{
	static const char *const names[] = { "too few repeats", "no difference", "small",
					     "better",		"worse",	 "changed" };

	return names[c];
}

const char *compare_why(const struct result_row *row, char *buf, size_t len)
{
	static const enum metric bad[] = { METRIC_FAILED, METRIC_TIMED_OUT };
	double sum[2] = { 0 };
	size_t i, j;

	for (i = 0; i < 2; i++) {
		for (j = 0; j < row->metric[bad[i]].n; j++)
			sum[i] += row->metric[bad[i]].values[j];
	}
	if (sum[0] > 0 || sum[1] > 0)
		snprintf(buf, len, "%.0f failed, %.0f timed out", sum[0], sum[1]);
	else
		snprintf(buf, len, "%s", *row->why ? row->why : "not complete");
	return buf;
}

/* The smallest p there can be: all values of one side are smaller. */
static double least_p(size_t na, size_t nb)
{
	double ways = 1;
	size_t i;

	for (i = 1; i <= na && ways < 1e15; i++)
		ways *= (double)(nb + i) / (double)i;
	return 2 / ways;
}

static void compare_metric(struct compared *m, const struct series *a, const struct series *b,
			   double alpha)
{
	m->a = statistics_median(a->values, a->n);
	m->b = statistics_median(b->values, b->n);
	m->ratio = m->b.value / m->a.value;
	m->p = statistics_mann_whitney(a->values, a->n, b->values, b->n);
	m->adjusted = 1;
	m->change = least_p(a->n, b->n) > alpha ? CHANGE_FEW : CHANGE_NONE;
}

static void compare_row(struct comparison *c, struct compared_row *row)
{
	const struct series *a, *b;
	int i;

	row->broken = row->a && row->b && result_row_valid(row->a) && !result_row_valid(row->b);
	row->valid = row->a && row->b && result_row_valid(row->a) && result_row_valid(row->b);
	c->broken += row->broken;
	for (i = 0; row->valid && i < METRICS; i++) {
		a = &row->a->metric[i];
		b = &row->b->metric[i];
		if (!c->opt.chosen[i] || !a->n || !b->n)
			continue;
		row->metrics[row->n].metric = (enum metric)i;
		compare_metric(&row->metrics[row->n], a, b, c->opt.alpha);
		c->compared++;
		c->few += row->metrics[row->n].change == CHANGE_FEW;
		c->tests += row->metrics[row->n].change != CHANGE_FEW;
		row->n++;
	}
}

static const struct result_row *other_row(const struct result *r, const struct result_row *row)
{
	size_t i;

	for (i = 0; i < r->n_rows; i++) {
		if (!strcmp(r->rows[i]->layer, row->layer) &&
		    !strcmp(r->rows[i]->workload, row->workload))
			return r->rows[i];
	}
	return NULL;
}

/* A's rows in their order, then those that only B has. */
static void pair_rows(struct comparison *c)
{
	size_t i;

	for (i = 0; i < c->a->n_rows; i++) {
		c->rows[c->n_rows].a = c->a->rows[i];
		c->rows[c->n_rows++].b = other_row(c->b, c->a->rows[i]);
	}
	for (i = 0; i < c->b->n_rows; i++) {
		if (!other_row(c->a, c->b->rows[i]))
			c->rows[c->n_rows++].b = c->b->rows[i];
	}
}

static int by_p(const void *a, const void *b)
{
	double x = (*(struct compared *const *)a)->p, y = (*(struct compared *const *)b)->p;

	return (x > y) - (x < y);
}

static enum change change_of(const struct compared *m, const struct compare_options *opt)
{
	int better = metric_kind(m->metric)->better;

	if (m->change == CHANGE_FEW || m->adjusted > opt->alpha)
		return m->change;
	/* NaN: of 0 and 0 */
	if (!(fabs(m->ratio - 1) > opt->threshold))
		return CHANGE_SMALL;
	if (!better)
		return CHANGE_OTHER;
	return (m->b.value > m->a.value) == (better > 0) ? CHANGE_BETTER : CHANGE_WORSE;
}

static void judge(struct comparison *c, struct compared *m)
{
	m->change = change_of(m, &c->opt);
	c->better += m->change == CHANGE_BETTER;
	c->worse += m->change == CHANGE_WORSE;
}

/* Holm: the smallest p times the number of tests, the next one times one less; never falling. */
static int correct(struct comparison *c)
{
	struct compared **all = calloc(c->tests + 1, sizeof(*all)), *m;
	size_t i, j, n = 0;
	double least = 0, p;

	if (!all)
		return -ENOMEM;
	for (i = 0; i < c->n_rows; i++) {
		for (j = 0; j < c->rows[i].n; j++) {
			m = &c->rows[i].metrics[j];
			if (m->change != CHANGE_FEW)
				all[n++] = m;
		}
	}
	qsort(all, n, sizeof(struct compared *), by_p);
	for (i = 0; i < n; i++) {
		p = (double)(n - i) * all[i]->p;
		least = p > least ? p : least;
		all[i]->adjusted = least < 1 ? least : 1;
		judge(c, all[i]);
	}
	free(all);
	return 0;
}

int compare_results(struct comparison *c, const struct result *a, const struct result *b,
		    const struct compare_options *opt)
{
	size_t i;

	*c = (struct comparison){ .a = a, .b = b, .opt = *opt };
	environment_differs(a->environment, b->environment, c->environment, sizeof(c->environment));
	environment_differs(a->options, b->options, c->options, sizeof(c->options));
	c->rows = calloc(a->n_rows + b->n_rows + 1, sizeof(*c->rows));
	if (!c->rows)
		return -ENOMEM;
	pair_rows(c);
	for (i = 0; i < c->n_rows; i++)
		compare_row(c, &c->rows[i]);
	return correct(c);
}
