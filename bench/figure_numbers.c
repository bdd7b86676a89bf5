/* SPDX-License-Identifier: MIT */
/* The numbers in pictures: what a layer adds, percentiles, and how they are written. */
#include "figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct figure_mark figure_marks[FIGURE_MARKS] = {
	{ "50", 0.5, 0.30103, METRIC_P50 },   { "90", 0.9, 1, METRIC_P90 },
	{ "99", 0.99, 2, METRIC_P99 },	      { "99.9", 0.999, 3, METRIC_P999 },
	{ "99.99", 0.9999, 4, METRIC_P9999 }, { "max", 1, FIGURE_X_MAX, METRIC_MAX },
};

struct median figure_median(const struct result_row *row, enum metric m)
{
	return statistics_median(row->metric[m].values, row->metric[m].n);
}

double figure_total(const struct result_row *row, enum metric m)
{
	double sum = 0;

	for (size_t i = 0; i < row->metric[m].n; i++)
		sum += row->metric[m].values[i];
	return sum;
}

/* All costs of a row, for the caller to free. */
static struct series costs_of(const struct result_row *row, enum figure_cost cost)
{
	static const struct series none;

	if (!row)
		return none;
	if (cost == FIGURE_TIME)
		return series_sum(&row->metric[METRIC_LATENCY], &none);
	return result_row_cpu(row);
}

/*
 * Costs of the nearest layer below @layer that has such numbers of the workload, for the caller to
 * free; @below is FIGURE_NONE if none has.
 */
static struct series costs_below(const struct figures *f, const struct figure_part *part,
				 size_t layer, size_t workload, enum figure_cost cost,
				 size_t *below)
{
	struct series costs = { 0 };

	*below = layer;
	for (size_t i = 0; i < f->n_layers && !costs.n; i++) { /* they may be in a circle */
		*below = f->layers[*below].below;
		if (*below == FIGURE_NONE || *below == layer)
			break;
		costs = costs_of(figure_valid_row(f, part, *below, workload), cost);
	}
	if (!costs.n)
		*below = FIGURE_NONE;
	return costs;
}

bool figure_step(const struct figures *f, const struct figure_part *part, size_t layer,
		 size_t workload, enum figure_cost cost, struct figure_step *out)
{
	struct series costs = costs_of(figure_valid_row(f, part, layer, workload), cost), low;
	bool any = costs.n > 0;

	*out = (struct figure_step){ .below = FIGURE_NONE };
	if (any) {
		low = costs_below(f, part, layer, workload, cost, &out->below);
		out->total = statistics_median(costs.values, costs.n);
		out->added = series_difference(&costs, &low, &out->certain);
		series_free(&low);
	}
	series_free(&costs);
	return any;
}

double figure_percentile(const struct result_row *row, size_t mark)
{
	if (row->latency && row->latency->count)
		return (double)histogram_quantile(row->latency, figure_marks[mark].q);
	if (row->metric[figure_marks[mark].metric].n)
		return figure_median(row, figure_marks[mark].metric).value;
	return NAN;
}

double figure_at(const struct result_row *row, double x)
{
	return (double)histogram_quantile(row->latency, 1 - pow(10, -x));
}

double figure_firm(const struct result_row *row)
{
	double last = figure_marks[FIGURE_MARKS - 2].x, firm = last;

	if (row->latency && row->latency->count)
		firm = log10((double)row->latency->count / FIGURE_BEYOND);
	return firm < last ? firm : last;
}

/* Three digits, or all there are before the point. */
static void digits(char *buf, size_t len, double v, const char *unit)
{
	double size = fabs(v);
	int places = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;

	if (size == floor(size) && size < 1000)
		places = 0;
	else if (size && size < 0.0995)
		places = size < 0.00995 ? 4 : 3;
	snprintf(buf, len, "%.*f%s%s", places, v, *unit ? " " : "", unit);
}

/* What @v is divided by to be read easily, and the unit that it then has. */
static double scale_of(double v, const char **unit)
{
	static const char *const times[] = { "ns", "µs", "ms", "s" };
	static const char *const counts[] = { "", "k", "M", "G" };
	static const char *const rates[] = { "/s", "k/s", "M/s", "G/s" };
	const char *const *units = !strcmp(*unit, "ns")	  ? times
				   : !strcmp(*unit, "/s") ? rates
							  : counts;
	double scale = 1;
	size_t i = 0;

	if (**unit && units == counts)
		return 1;
	for (; i < 3 && fabs(v) / scale >= 999.5; i++)
		scale *= 1000;
	*unit = units[i];
	return scale;
}

char *figure_number(char *buf, size_t len, double v, const char *unit)
{
	double scale = scale_of(v, &unit);

	if (isfinite(v))
		digits(buf, len, v / scale, unit);
	else
		snprintf(buf, len, "–");
	return buf;
}

char *figure_interval(char *buf, size_t len, struct median m, const char *unit)
{
	const char *own = unit;
	double scale = scale_of(m.value, &own);
	bool far = fabs(m.high) / scale >= 9999.5 || (m.low && fabs(m.low) / scale < 0.00995);
	char low[48], high[48];

	if (far) { /* in units of their own */
		figure_number(low, sizeof(low), m.low, unit);
		figure_number(high, sizeof(high), m.high, unit);
	} else {
		digits(low, sizeof(low), m.low / scale, "");
		digits(high, sizeof(high), m.high / scale, "");
	}
	snprintf(buf, len, "[%s, %s]", low, high);
	return buf;
}
