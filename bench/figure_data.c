/* SPDX-License-Identifier: MIT */
/*
 * The numbers of the figures as files for gnuplot.
 *
 * A line of a figure is a block, headed by the name of its layer, and two empty lines are between
 * blocks, as gnuplot's "index" has it. No name of a result becomes a name of a file as it is, and
 * none ends the quotes that it stands in.
 */
#include "../harness/report/put.h"
#include "figure.h"
#include "figure_history.h"
#include "page.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SLUG_MAX 60
#define STEPS	 40 /* of a curve, per nine */

/* A directory being filled: @out is the file of the figure at hand, @text and @len what is in it.
 */
struct data {
	const struct figures *f;
	const char *dir;
	const struct figure_part *part;
	FILE *out, *list;
	char *text;
	size_t len, n;
	char path[4096];
};

static const char *escape_quoted(char c)
{
	return c == '"' ? "'" : c == '\\' ? "/" : NULL;
}

/* Begin the file of the figure @kind of @name. */
static int begin(struct data *d, const char *kind, const char *name, const char *what)
{
	char slug[SLUG_MAX + 1], part[24] = "";
	size_t i;
	bool same = strlen(name) <= SLUG_MAX;

	for (i = 0; i < SLUG_MAX && name[i]; i++) {
		bool good = isalnum((unsigned char)name[i]) || strchr("-_", name[i]);

		slug[i] = good ? name[i] : '_';
		same = same && good;
	}
	slug[i] = 0;
	d->n++;
	if (!same) /* two names may be the same now */
		snprintf(part, sizeof(part), "-%zu", d->n);
	i = (size_t)snprintf(d->path, sizeof(d->path), "%s/%s-%s%s", d->dir, kind, slug, part);
	if (d->part && d->f->n_parts > 1 && i < sizeof(d->path))
		i += (size_t)snprintf(d->path + i, sizeof(d->path) - i, "-r%zu",
				      (size_t)(d->part - d->f->parts) + 1);
	if (i + 5 > sizeof(d->path))
		return -ENAMETOOLONG;
	strcpy(d->path + i, ".dat");
	d->out = open_memstream(&d->text, &d->len);
	if (!d->out)
		return -ENOMEM;
	fprintf(d->list, "%s\t%s\t", kind, d->path + strlen(d->dir) + 1);
	put(d->list, name, NULL, NULL);
	fputs("\n", d->list);
	fprintf(d->out, "# ");
	put(d->out, name, NULL, NULL);
	fprintf(d->out, "\n# %s\n", what);
	return 0;
}

static int end(struct data *d)
{
	int ret = put_end(d->out);

	fclose(d->out);
	if (!ret)
		ret = result_write_text(d->path, d->text, d->len);
	free(d->text);
	d->text = NULL;
	return ret;
}

static void put_name(struct data *d, size_t layer)
{
	fprintf(d->out, "\"%zu ", layer + 1);
	put(d->out, d->f->layers[layer].name, NULL, escape_quoted);
	fputs("\"", d->out);
}

/* The heading of a block; the first has nothing before it. */
static void begin_block(struct data *d, size_t layer, bool *any)
{
	fputs(*any ? "\n\n" : "", d->out);
	*any = true;
	put_name(d, layer);
	fputs("\n", d->out);
}

static void put_point(struct data *d, const struct result_row *row, double x)
{
	fprintf(d->out, "%.4f %.6g %.0f %d\n", x, 100 * (1 - pow(10, -x)), figure_at(row, x),
		x <= figure_firm(row) + 1e-9);
}

static void put_curve(struct data *d, const struct result_row *row)
{
	bool whole = row->latency && row->latency->count;
	double from = figure_marks[0].x, to = figure_marks[FIGURE_MARKS - 2].x;

	if (whole)
		put_point(d, row, from);
	for (int i = (int)ceil(from * STEPS); whole && i <= to * STEPS; i++)
		put_point(d, row, (double)i / STEPS);
	for (size_t m = whole ? FIGURE_MARKS - 1 : 0; m < FIGURE_MARKS; m++) {
		double v = figure_percentile(row, m);

		if (!isnan(v))
			fprintf(d->out, "%.4f %s %.0f %d\n", figure_marks[m].x,
				figure_marks[m].q < 1 ? figure_marks[m].name : "100", v, !whole);
	}
}

static int put_curves(struct data *d, size_t workload)
{
	bool any = false;
	int ret = begin(d, "latency", d->part->workloads[workload].name,
			"nines (the maximum at 5), percentile, latency in ns, 1: at least 10 "
			"commands were slower");

	for (size_t l = 0; !ret && l < d->f->n_layers; l++) {
		const struct result_row *row = figure_valid_row(d->f, d->part, l, workload);

		if (!row || isnan(figure_percentile(row, 0)))
			continue;
		begin_block(d, l, &any);
		put_curve(d, row);
	}
	return ret ? ret : end(d);
}

static bool has_depths(struct data *d, const struct figure_family *family, size_t layer)
{
	for (size_t w = family->first; w < family->first + family->n; w++) {
		const struct result_row *row = figure_valid_row(d->f, d->part, layer, w);

		if (row && row->metric[METRIC_IOPS].n)
			return true;
	}
	return false;
}

static int put_depths(struct data *d, const struct figure_family *family)
{
	bool any = false;
	int ret = begin(d, "depth", family->name,
			"depth, commands per second: median, ends of its interval");

	for (size_t l = 0; !ret && l < d->f->n_layers; l++) {
		if (!has_depths(d, family, l))
			continue;
		begin_block(d, l, &any);
		for (size_t w = family->first; w < family->first + family->n; w++) {
			const struct result_row *row = figure_valid_row(d->f, d->part, l, w);
			struct median m = { 0 };

			if (row)
				m = figure_median(row, METRIC_IOPS);
			if (m.n)
				fprintf(d->out, "%u %.6g %.6g %.6g\n", d->part->workloads[w].depth,
					m.value, m.low, m.high);
			else
				fprintf(d->out, "%u NaN NaN NaN\n", d->part->workloads[w].depth);
		}
	}
	return ret ? ret : end(d);
}

static void put_step(struct data *d, const struct figure_step *s)
{
	char number[64];
	double below = s->added.n ? s->total.value - s->added.value : 0;

	fprintf(d->out, " %.6g %.6g %.6g", s->total.value, s->total.low, s->total.high);
	if (s->added.n)
		fprintf(d->out, " %.6g %.6g %.6g %.6g", below, s->added.value, s->added.low,
			s->added.high);
	else
		fputs(" 0 NaN NaN NaN", d->out);
	fprintf(d->out, " %d \"%s", s->added.n > 0,
		figure_number(number, sizeof(number), s->total.value, "ns"));
	if (s->added.n)
		fprintf(d->out, " (%s%s%s)", s->certain ? "" : "~ ", s->added.value < 0 ? "" : "+",
			figure_number(number, sizeof(number), s->added.value, "ns"));
	fputs("\"\n", d->out);
}

static int put_cake(struct data *d, size_t workload)
{
	int ret = begin(
		d, "cake", d->part->workloads[workload].name,
		"layer, ns per command: median, ends of its interval; the layer below, what "
		"is added, ends of its interval (NaN: unknown); 1: there is a layer below; as "
		"text");

	for (size_t l = 0; !ret && l < d->f->n_layers; l++) {
		struct figure_step s;

		if (!figure_step(d->f, d->part, l, workload, FIGURE_TIME, &s))
			continue;
		put_name(d, l);
		put_step(d, &s);
	}
	return ret ? ret : end(d);
}

static int put_cpu(struct data *d, size_t workload)
{
	int ret = begin(d, "cpu", d->part->workloads[workload].name,
			"layer, ns of processor time per command: initiator, ends of its interval; "
			"handler, ends of its interval; both as text");

	for (size_t l = 0; !ret && l < d->f->n_layers; l++) {
		const struct result_row *row = figure_valid_row(d->f, d->part, l, workload);
		struct median a, b;
		char number[64];

		if (!row)
			continue;
		a = figure_median(row, METRIC_CPU_INITIATOR);
		b = figure_median(row, METRIC_CPU_HANDLER);
		if (!a.n && !b.n)
			continue;
		put_name(d, l);
		fprintf(d->out, " %.6g %.6g %.6g %.6g %.6g %.6g \"%s\"\n", a.value, a.low, a.high,
			b.value, b.low, b.high,
			figure_number(number, sizeof(number), a.value + b.value, "ns"));
	}
	return ret ? ret : end(d);
}

/* Whether a valid row of a workload has @m: no file is written for a figure with nothing in it. */
static bool has(const struct data *d, size_t workload, enum metric m)
{
	for (size_t l = 0; l < d->f->n_layers; l++) {
		const struct result_row *row = figure_valid_row(d->f, d->part, l, workload);

		if (row && (row->metric[m].n || (m == METRIC_P50 && row->latency)))
			return true;
	}
	return false;
}

static int put_part(struct data *d)
{
	int ret = 0;

	for (size_t w = 0; w < d->part->n_workloads && !ret; w++) {
		if (has(d, w, METRIC_LATENCY))
			ret = put_cake(d, w);
		if (!ret && has(d, w, METRIC_P50))
			ret = put_curves(d, w);
		if (!ret && (has(d, w, METRIC_CPU_INITIATOR) || has(d, w, METRIC_CPU_HANDLER)))
			ret = put_cpu(d, w);
	}
	for (size_t i = 0; i < d->part->n_families && !ret; i++) {
		const struct figure_family *family = &d->part->families[i];
		bool any = false;

		for (size_t w = family->first; w < family->first + family->n; w++)
			any |= has(d, w, METRIC_IOPS);
		if (any && figure_family_curve(d->part, family))
			ret = put_depths(d, family);
	}
	return ret;
}

/* Of each row: nights, and what is relative to the first that has a number. */
static void put_nights(struct data *d, const struct history_part *h,
		       const struct history_curve *curve, size_t number, bool *any)
{
	struct median m;
	double first = 0;

	fprintf(d->out, "%s\"%zu ", *any ? "\n\n" : "", number);
	put(d->out, curve->layer, NULL, escape_quoted);
	fputs("\"\n", d->out);
	*any = true;
	for (size_t i = 0; i < h->n; i++) {
		(void)history_point(h, curve, i, METRIC_IOPS, &m);
		first = first > 0 ? first : m.value;
		fprintf(d->out, "%zu \"", i + 1);
		put(d->out, history_text(h, i, "when"), NULL, escape_quoted);
		if (m.n && first > 0)
			fprintf(d->out, "\" %.6g %.6g %.6g %.6g %.6g %.6g\n", m.value, m.low,
				m.high, 100 * m.value / first, 100 * m.low / first,
				100 * m.high / first);
		else
			fputs("\" NaN NaN NaN NaN NaN NaN\n", d->out);
	}
}

/* The curves of a workload, whose first is @first; a layer not in the results is numbered last. */
static int put_history(struct data *d, const struct history_part *h, size_t first)
{
	const char *workload = h->curves[first].workload;
	size_t next = d->f->n_layers;
	bool any = false;
	int ret;

	for (size_t j = 0; j < first; j++)
		if (!strcmp(h->curves[j].workload, workload))
			return 0;
	ret = begin(
		d, "history", workload,
		"night, when, commands per second: median, ends of its interval, each in per cent "
		"of the first median, too");
	for (size_t i = first; !ret && i < h->n_curves; i++) {
		size_t layer = figure_layer_find(d->f, h->curves[i].layer);

		if (!strcmp(h->curves[i].workload, workload))
			put_nights(d, h, &h->curves[i], (layer == FIGURE_NONE ? next++ : layer) + 1,
				   &any);
	}
	return ret ? ret : end(d);
}

static int put_list(const struct data *d, const char *text, size_t len)
{
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/figures.list", d->dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return result_write_text(path, text, len);
}

static int put_all(struct data *d, const struct histories *h)
{
	int ret = mkdir(d->dir, 0777) && errno != EEXIST ? -errno : 0;
	char *list = NULL;
	size_t len = 0, latest = 0;

	d->list = ret ? NULL : open_memstream(&list, &len);
	if (!d->list)
		return ret ? ret : -ENOMEM;
	for (size_t i = 0; i < d->f->n_parts && !ret; i++) {
		d->part = &d->f->parts[i];
		ret = put_part(d);
	}
	d->part = NULL;
	while (latest < h->n && h->parts[latest].n < 2) /* one night is no curve */
		latest++;
	for (size_t i = 0; latest < h->n && i < h->parts[latest].n_curves && !ret; i++)
		ret = put_history(d, &h->parts[latest], i);
	if (fclose(d->list) && !ret)
		ret = -ENOMEM;
	if (!ret)
		ret = put_list(d, list, len);
	free(list);
	return ret;
}

int bench_data_write(const struct result *const *results, size_t n, const char *history,
		     const char *dir, char *err, size_t err_len)
{
	struct figures f = { 0 };
	struct data d = { .f = &f, .dir = dir };
	struct histories h;
	int ret = histories_make(&h, history, err, err_len);

	if (ret)
		goto out;
	ret = figures_make(&f, results, n);
	if (!ret)
		ret = put_all(&d, &h);
	if (ret)
		error_line(err, err_len, "%s: cannot write data files: %s", dir, strerror(-ret));
out:
	figures_free(&f);
	histories_free(&h);
	return ret;
}
