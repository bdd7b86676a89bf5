/* SPDX-License-Identifier: MIT */
/*
 * The report for people: for each workload the layers from the bottom up, and what each adds.
 *
 * What is added is the median of the repeats' differences, "~" where its interval holds 0. A row
 * that failed says so and has no number.
 */
#include "bench.h"

#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CELL 40

/* Four digits that count, or whole numbers. */
static void number(char *buf, size_t len, double v)
{
	if (!isfinite(v))
		snprintf(buf, len, "-");
	else if (fabs(v) >= 1e6)
		snprintf(buf, len, "%.3fM", v / 1e6);
	else if (fabs(v) >= 1000)
		snprintf(buf, len, "%.0f", v);
	else if (fabs(v) >= 100)
		snprintf(buf, len, "%.1f", v);
	else
		snprintf(buf, len, "%.2f", v);
}

/* A time in ns, with its unit. */
static void duration(char *buf, double ns)
{
	if (!isfinite(ns))
		snprintf(buf, CELL, "-");
	else if (ns < 10000)
		snprintf(buf, CELL, "%.0fns", ns);
	else if (ns < 10e6)
		snprintf(buf, CELL, "%.1fus", ns / 1000);
	else
		snprintf(buf, CELL, "%.1fms", ns / 1e6);
}

static double middle(const struct series *s)
{
	return s->n ? statistics_median(s->values, s->n).value : NAN;
}

/* "+12.3", "~", or "-" where one of the two is missing; what was counted once, @exact, is certain.
 */
static void added(char *buf, const struct series *above, const struct series *below, bool exact)
{
	struct median d = { .n = 0 };
	bool certain = false;
	char v[CELL / 2];

	if (below)
		d = series_difference(above, below, &certain);
	if (!d.n) {
		snprintf(buf, CELL, "-");
		return;
	}
	if (!exact && !certain) {
		snprintf(buf, CELL, "~");
		return;
	}
	number(v, sizeof(v), d.value);
	snprintf(buf, CELL, "%s%s", d.value >= 0 ? "+" : "", v);
}

static const struct result_row *find(const struct result *r, const char *layer,
				     const char *workload)
{
	size_t i;

	for (i = 0; i < r->n_rows; i++)
		if (!strcmp(r->rows[i]->layer, layer) && !strcmp(r->rows[i]->workload, workload))
			return result_row_valid(r->rows[i]) ? r->rows[i] : NULL;
	return NULL;
}

/* The nearest one below that was measured. */
static const struct result_row *below_of(const struct result *r, const struct result_row *row)
{
	const struct layer *l = layer_find(row->below);
	const struct result_row *found = NULL;

	for (; l && !found; l = layer_find(l->below))
		found = find(r, l->name, row->workload);
	return found;
}

static void cake_head(FILE *out)
{
	fprintf(out, "  %-10s %9s %-19s %-10s %8s | %8s %8s | %6s %6s | %6s %6s | %7s\n", "layer",
		"ns/cmd", "[95 %]", "over", "adds", "CPU ns", "adds", "calls", "adds", "switch",
		"adds", "instr");
}

static void cake_row(FILE *out, const struct result *r, const struct result_row *row)
{
	const struct result_row *low = below_of(r, row);
	const struct series *t = &row->metric[METRIC_LATENCY], *m = row->metric;
	struct median med = statistics_median(t->values, t->n);
	struct series cpu = result_row_cpu(row), low_cpu = { 0 };
	char c[10][CELL], range[2 * CELL + 8];

	if (low)
		low_cpu = result_row_cpu(low);
	number(c[0], CELL, t->n ? med.value : NAN);
	number(c[1], CELL, med.low);
	number(c[2], CELL, med.high);
	snprintf(range, sizeof(range), "[%s, %s]", c[1], c[2]);
	added(c[3], t, low ? &low->metric[METRIC_LATENCY] : NULL, false);
	number(c[4], CELL, middle(&cpu));
	added(c[5], &cpu, low ? &low_cpu : NULL, false);
	number(c[6], CELL, middle(&m[METRIC_SYSCALLS]));
	added(c[7], &m[METRIC_SYSCALLS], low ? &low->metric[METRIC_SYSCALLS] : NULL, true);
	number(c[8], CELL, middle(&m[METRIC_SWITCHES]));
	added(c[9], &m[METRIC_SWITCHES], low ? &low->metric[METRIC_SWITCHES] : NULL, false);
	fprintf(out, "  %-10s %9s %-19s %-10s %8s | %8s %8s | %6s %6s | %6s %6s | ", row->layer,
		c[0], t->n ? range : "", low ? low->layer : "-", c[3], c[4], c[5], c[6], c[7], c[8],
		c[9]);
	number(c[0], CELL, middle(&m[METRIC_INSTRUCTIONS]));
	fprintf(out, "%7s\n", c[0]);
	series_free(&cpu);
	series_free(&low_cpu);
}

static void speed_head(FILE *out)
{
	fprintf(out, "  %-10s %9s %8s %8s %8s %8s %8s %8s %8s %8s %8s %7s %6s\n", "layer", "IOPS",
		"MiB/s", "p50", "p90", "p99", "p99.9", "p99.99", "max", "per wake", "ring B",
		"blocks", "late");
}

static void speed_row(FILE *out, const struct result_row *row)
{
	static const double q[] = { 0.5, 0.9, 0.99, 0.999, 0.9999 };
	const struct series *m = row->metric;
	const struct histogram *h = row->latency;
	char c[5][CELL];
	uint32_t i;

	number(c[0], CELL, middle(&m[METRIC_IOPS]));
	number(c[1], CELL, middle(&m[METRIC_BANDWIDTH]));
	fprintf(out, "  %-10s %9s %8s", row->layer, c[0], c[1]);
	for (i = 0; i < 5; i++) {
		/* among fewer it would be the largest by another name */
		duration(c[0], h && (double)h->count * (1 - q[i]) >= 1
				       ? (double)histogram_quantile(h, q[i])
				       : NAN);
		fprintf(out, " %8s", c[0]);
	}
	duration(c[0], h && h->count ? (double)h->max : NAN);
	number(c[1], CELL, middle(&m[METRIC_ENTRIES_PER_WAKEUP]));
	number(c[2], CELL, middle(&m[METRIC_RING_HIGH]));
	number(c[3], CELL, middle(&m[METRIC_DATA_HIGH]));
	if (m[METRIC_LATE].n)
		snprintf(c[4], CELL, "%.1f%%", 100 * middle(&m[METRIC_LATE]));
	else
		snprintf(c[4], CELL, "-");
	fprintf(out, " %8s %8s %8s %7s %6s\n", c[0], c[1], c[2], c[3], c[4]);
}

static double total(const struct series *s)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < s->n; i++)
		sum += s->values[i];
	return sum;
}

static void failed_row(FILE *out, const struct result_row *row)
{
	fprintf(out, "  %-10s no number: %s (%.0f failed, %.0f timed out)\n", row->layer,
		row->why[0] ? row->why : "commands failed", total(&row->metric[METRIC_FAILED]),
		total(&row->metric[METRIC_TIMED_OUT]));
}

/* In the order of the table, not in that of the first repeat. */
static void each_row(const struct bench *b, const struct workload *w, bool speed)
{
	uint32_t i;

	for (i = 0; i < b->n_rows; i++) {
		if (b->rows[i].workload != w || !b->rows[i].row)
			continue;
		if (!result_row_valid(b->rows[i].row))
			failed_row(b->text, b->rows[i].row);
		else if (speed)
			speed_row(b->text, b->rows[i].row);
		else
			cake_row(b->text, b->result, b->rows[i].row);
	}
}

static bool has_row(const struct bench *b, const struct workload *w)
{
	uint32_t i;

	for (i = 0; i < b->n_rows; i++)
		if (b->rows[i].workload == w && b->rows[i].row)
			return true;
	return false;
}

static void legend(const struct bench *b)
{
	fputs("\nadds: more than the layer it is over, per command, repeat by repeat; ~ the interval "
	      "holds 0\n(95 %, or fewer than 6 repeats). CPU of both sides; calls are system calls, "
	      "counted in runs\nof their own. What the benchmark itself takes is layer 'floor': it is "
	      "in every row and\nsubtracted nowhere. Buffers of the initiator are really copied, but in "
	      "floor, ring and\nsim, which have none. On floor to threads one turn in 17 is timed for "
	      "the latencies.\n",
	      b->text);
	if (b->counters[0])
		fprintf(b->text, "%s%s\n", b->counters,
			b->o.instructions ? ": instructions are valgrind's, in user space"
					  : ": --instructions counts them with valgrind");
	if (!b->result->complete)
		fprintf(b->text, "INCOMPLETE: %s\n", b->result->why);
}

void bench_text(const struct bench *b)
{
	const struct workload *w;
	bool any = false;
	uint32_t j;

	for (j = 0; j < b->o.n_workloads; j++) {
		w = &b->o.workloads[j];
		if (!has_row(b, w))
			continue;
		any = true;
		fprintf(b->text, "\n%s: %llu repeats of %llu ms\n", w->name,
			(unsigned long long)b->o.repeats, (unsigned long long)(b->o.ns / 1000000));
		if (!w->open && !(w->rate > 0)) {
			cake_head(b->text);
			each_row(b, w, false);
		}
		speed_head(b->text);
		each_row(b, w, true);
	}
	if (any)
		legend(b);
	fflush(b->text);
}
