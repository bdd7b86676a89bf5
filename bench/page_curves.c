/* SPDX-License-Identifier: MIT */
/*
 * The two figures made of lines: latency by percentile, and throughput against depth.
 *
 * What would be no more than chance is shown as such: where fewer than FIGURE_BEYOND commands were
 * slower, a curve is dotted. A depth that has no headline number leaves a gap.
 */
#include "page_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_PER_NINE 8

/* --- latency by percentile ------------------------------------------------------------------- */

static bool has_curve(const struct result_row *row)
{
	return row && !isnan(figure_percentile(row, 0));
}

static size_t curves_range(const struct page *p, size_t workload, double *low, double *high)
{
	size_t n = 0;

	*low = INFINITY;
	*high = 0;
	for (size_t l = 0; l < p->f->n_layers; l++) {
		const struct result_row *row = figure_valid_row(p->f, p->part, l, workload);

		if (!has_curve(row))
			continue;
		n++;
		for (size_t m = 0; m < FIGURE_MARKS; m++) {
			double v = figure_percentile(row, m);

			*low = v < *low ? v : *low;
			*high = v > *high ? v : *high;
		}
	}
	return n;
}

static double at_least(double v, double low)
{
	return v > low ? v : low;
}

/* The part of a curve between @from and @to, through every mark in between. */
static void put_path(const struct plot *plot, const struct result_row *row, const char *begin,
		     double from, double to)
{
	double step = 1.0 / STEPS_PER_NINE;

	fputs(begin, plot->p->out);
	plot_to(plot, true, from, at_least(figure_at(row, from), plot->y.low));
	for (double x = step * (floor(from / step) + 1); x < to - 1e-6; x += step)
		plot_to(plot, false, x, at_least(figure_at(row, x), plot->y.low));
	plot_to(plot, false, to, at_least(figure_at(row, to), plot->y.low));
}

static void put_histogram_path(const struct plot *plot, const struct result_row *row)
{
	double firm = figure_firm(row), from = figure_marks[0].x, last = figure_marks[4].x;

	if (firm > from) {
		put_path(plot, row, "<path d=\"", from, firm);
		fputs("\"/>", plot->p->out);
		from = firm;
	}
	put_path(plot, row, "<path class=\"thin\" d=\"", from, last);
	plot_to(plot, false, FIGURE_X_MAX, at_least(figure_percentile(row, 5), plot->y.low));
	fputs("\"/>", plot->p->out);
}

static void put_marks_path(const struct plot *plot, const struct result_row *row)
{
	bool first = true;

	fputs("<path d=\"", plot->p->out);
	for (size_t m = 0; m < FIGURE_MARKS; m++) {
		double v = figure_percentile(row, m);

		if (isnan(v))
			continue;
		plot_to(plot, first, figure_marks[m].x, at_least(v, plot->y.low));
		first = false;
	}
	fputs("\"/>", plot->p->out);
}

static void put_curve(const struct plot *plot, const struct result_row *row,
		      const struct plot_label *label)
{
	const struct page *p = plot->p;

	fprintf(p->out, "<g class=\"s k%zu\">", label->layer);
	if (row->latency && row->latency->count)
		put_histogram_path(plot, row);
	else
		put_marks_path(plot, row);
	for (size_t m = 0; m < FIGURE_MARKS; m++) {
		double v = figure_percentile(row, m);

		if (isnan(v))
			continue;
		plot_dot(plot, figure_marks[m].x, at_least(v, plot->y.low));
		page_label(p, label->layer, 60);
		fprintf(p->out, ": %s%s ", figure_marks[m].name,
			figure_marks[m].q < 1 ? " %" : "imum");
		page_number(p, v, "ns");
		fputs("</title></circle>", p->out);
	}
	plot_label(plot, label);
	fputs("</g>\n", p->out);
}

static void put_curves(const struct page *p, size_t workload, size_t lines, double low, double high)
{
	struct plot plot = { .p = p,
			     .x = { figure_marks[0].x, FIGURE_X_MAX, false },
			     .y = axis_log(low, high) };
	struct plot_label *labels = calloc(lines, sizeof(*labels));
	size_t n = 0;

	plot_begin(&plot, lines, p->part->workloads[workload].name, "latency", "ns",
		   "percentile of the commands");
	for (size_t m = 0; m < FIGURE_MARKS; m++)
		plot_tick(&plot, figure_marks[m].x, figure_marks[m].name);
	for (size_t l = 0; labels && l < p->f->n_layers; l++) {
		const struct result_row *row = figure_valid_row(p->f, p->part, l, workload);
		size_t last = FIGURE_MARKS - 1;

		if (!has_curve(row))
			continue;
		while (isnan(figure_percentile(row, last)))
			last--;
		labels[n++] = (struct plot_label){
			.layer = l,
			.x = plot_x(&plot, figure_marks[last].x),
			.from = plot_y(&plot, at_least(figure_percentile(row, last), plot.y.low)),
		};
	}
	plot_labels(&plot, labels, n);
	for (size_t i = 0; i < n; i++)
		put_curve(&plot, figure_valid_row(p->f, p->part, labels[i].layer, workload),
			  &labels[i]);
	plot_end(&plot);
	free(labels);
}

static void put_curves_table(const struct page *p, size_t workload)
{
	fputs("<details><summary>The numbers</summary>", p->out);
	page_table(p, "num", p->part->workloads[workload].name);
	fputs("<thead><tr><th scope=\"col\">layer</th>", p->out);
	for (size_t m = 0; m < FIGURE_MARKS; m++)
		fprintf(p->out, "<th scope=\"col\">%s%s</th>", figure_marks[m].name,
			figure_marks[m].q < 1 ? "\u202f%" : "");
	fputs("<th scope=\"col\">commands</th></tr></thead><tbody>\n", p->out);
	for (size_t l = 0; l < p->f->n_layers; l++) {
		const struct result_row *row = figure_valid_row(p->f, p->part, l, workload);

		if (!has_curve(row))
			continue;
		fprintf(p->out, "<tr class=\"k%zu\"><th scope=\"row\">", l);
		page_layer(p, l);
		fputs("</th>", p->out);
		for (size_t m = 0; m < FIGURE_MARKS; m++) {
			fputs("<td>", p->out);
			page_number(p, figure_percentile(row, m), "ns");
			fputs("</td>", p->out);
		}
		fputs("<td>", p->out);
		page_number(p, row->latency ? (double)row->latency->count : NAN, "");
		fputs("</td></tr>\n", p->out);
	}
	fputs("</tbody>", p->out);
	page_table_end(p);
	fputs("</details>", p->out);
}

void page_curves(const struct page *p)
{
	double low, high;
	size_t lines, all = 0;

	for (size_t w = 0; w < p->part->n_workloads; w++)
		all += curves_range(p, w, &low, &high);
	if (!all)
		return;
	page_heading(
		p, "latency", "Latency by percentile",
		"Of all commands of all repeats. Dotted: fewer than 10 commands were slower, and "
		"the step to the maximum, where there is no scale.");
	fputs("<div class=\"panels\">\n", p->out);
	for (size_t w = 0; w < p->part->n_workloads; w++) {
		lines = curves_range(p, w, &low, &high);
		if (!lines)
			continue;
		fputs("<figure><figcaption>", p->out);
		page_text(p, p->part->workloads[w].name);
		fputs("</figcaption>\n", p->out);
		put_curves(p, w, lines, low, high);
		page_left_out(p, w, 1);
		put_curves_table(p, w);
		fputs("</figure>\n", p->out);
	}
	fputs("</div>", p->out);
	page_section_end(p);
}

/* --- throughput against depth ----------------------------------------------------------------- */

static struct median throughput(const struct page *p, size_t layer, size_t workload)
{
	const struct result_row *row = figure_valid_row(p->f, p->part, layer, workload);

	return row ? figure_median(row, METRIC_IOPS) : (struct median){ 0 };
}

/* The last of a family's workloads that has a number; FIGURE_NONE if none has. */
static size_t last_depth(const struct page *p, const struct figure_family *family, size_t layer)
{
	for (size_t w = family->first + family->n; w-- > family->first;)
		if (throughput(p, layer, w).n)
			return w;
	return FIGURE_NONE;
}

static size_t depths_range(const struct page *p, const struct figure_family *family, double *low,
			   double *high)
{
	size_t lines = 0;

	*low = INFINITY;
	*high = 0;
	for (size_t l = 0; l < p->f->n_layers; l++) {
		lines += last_depth(p, family, l) != FIGURE_NONE;
		for (size_t w = family->first; w < family->first + family->n; w++) {
			struct median m = throughput(p, l, w);

			if (!m.n)
				continue;
			*low = m.low < *low ? m.low : *low;
			*high = m.high > *high ? m.high : *high;
		}
	}
	return lines;
}

static void put_interval(const struct plot *plot, double depth, struct median m)
{
	double x = plot_x(plot, depth);

	fprintf(plot->p->out, "<path class=\"interval\" d=\"M%.1f %.1fh6m-3 0V%.1fm-3 0h6\"/>",
		x - 3, plot_y(plot, at_least(m.low, plot->y.low)), plot_y(plot, m.high));
}

static void put_depth_line(const struct plot *plot, const struct figure_family *family,
			   const struct plot_label *label)
{
	const struct page *p = plot->p;
	const struct figure_workload *workloads = p->part->workloads;
	char interval[128];
	bool first = true;

	fprintf(p->out, "<g class=\"s k%zu\"><path d=\"", label->layer);
	for (size_t w = family->first; w < family->first + family->n; w++) {
		struct median m = throughput(p, label->layer, w);

		if (m.n)
			plot_to(plot, first, workloads[w].depth, at_least(m.value, plot->y.low));
		first = !m.n;
	}
	fputs("\"/>", p->out);
	for (size_t w = family->first; w < family->first + family->n; w++) {
		struct median m = throughput(p, label->layer, w);

		if (!m.n)
			continue;
		put_interval(plot, workloads[w].depth, m);
		plot_dot(plot, workloads[w].depth, at_least(m.value, plot->y.low));
		page_label(p, label->layer, 60);
		fprintf(p->out, ": depth %u, ", workloads[w].depth);
		page_number(p, m.value, "/s");
		fputs(" ", p->out);
		page_text(p, figure_interval(interval, sizeof(interval), m, "/s"));
		fputs("</title></circle>", p->out);
	}
	plot_label(plot, label);
	fputs("</g>\n", p->out);
}

static void put_depths(const struct page *p, const struct figure_family *family, size_t lines,
		       double low, double high)
{
	const struct figure_workload *first = &p->part->workloads[family->first];
	struct plot plot = { .p = p, .y = axis_of(low, high), .x = { .log = true } };
	struct plot_label *labels = calloc(lines, sizeof(*labels));
	double at = -INFINITY;
	size_t n = 0;

	plot.x.low = first->depth;
	plot.x.high = first[family->n - 1].depth;
	plot_begin(&plot, lines, family->name, "commands per second", "/s",
		   "commands outstanding, logarithmic");
	for (size_t w = 0; w < family->n; w++) {
		char depth[16];
		double x = plot_x(&plot, first[w].depth);

		snprintf(depth, sizeof(depth), "%u", first[w].depth);
		plot_tick(&plot, first[w].depth, x - at < 24 ? "" : depth);
		at = x - at < 24 ? at : x;
	}
	for (size_t l = 0; labels && l < p->f->n_layers; l++) {
		size_t w = last_depth(p, family, l);

		if (w != FIGURE_NONE)
			labels[n++] = (struct plot_label){
				.layer = l,
				.x = plot_x(&plot, p->part->workloads[w].depth),
				.from = plot_y(&plot,
					       at_least(throughput(p, l, w).value, plot.y.low)),
			};
	}
	plot_labels(&plot, labels, n);
	for (size_t i = 0; i < n; i++)
		put_depth_line(&plot, family, &labels[i]);
	plot_end(&plot);
	free(labels);
}

static void put_depths_table(const struct page *p, const struct figure_family *family)
{
	fputs("<details><summary>The numbers</summary>", p->out);
	page_table(p, "num", family->name);
	fputs("<thead><tr><th scope=\"col\">layer</th>", p->out);
	for (size_t w = family->first; w < family->first + family->n; w++)
		fprintf(p->out, "<th scope=\"col\">%u</th>", p->part->workloads[w].depth);
	fputs("</tr></thead><tbody>\n", p->out);
	for (size_t l = 0; l < p->f->n_layers; l++) {
		if (last_depth(p, family, l) == FIGURE_NONE)
			continue;
		fprintf(p->out, "<tr class=\"k%zu\"><th scope=\"row\">", l);
		page_layer(p, l);
		fputs("</th>", p->out);
		for (size_t w = family->first; w < family->first + family->n; w++)
			page_cell(p, throughput(p, l, w), "");
		fputs("</tr>\n", p->out);
	}
	fputs("</tbody>", p->out);
	page_table_end(p);
	fputs("</details>", p->out);
}

void page_depths(const struct page *p)
{
	bool any = false;

	for (size_t i = 0; i < p->part->n_families; i++) {
		const struct figure_family *family = &p->part->families[i];
		double low, high;
		size_t lines;

		if (!figure_family_curve(p->part, family))
			continue;
		lines = depths_range(p, family, &low, &high);
		if (!lines)
			continue;
		if (!any) {
			page_heading(p, "depth", "Throughput against depth",
				     "Medians and their intervals. A depth at which commands "
				     "failed, timed out or are missing leaves a gap.");
			fputs("<div class=\"panels\">\n", p->out);
		}
		any = true;
		fputs("<figure><figcaption>", p->out);
		page_text(p, family->name);
		fputs("</figcaption>\n", p->out);
		put_depths(p, family, lines, low, high);
		page_left_out(p, family->first, family->n);
		put_depths_table(p, family);
		fputs("</figure>\n", p->out);
	}
	if (!any)
		return;
	fputs("</div>", p->out);
	page_section_end(p);
}
