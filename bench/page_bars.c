/* SPDX-License-Identifier: MIT */
/*
 * The figures made of bars: the layer cake, and the processor's time by side.
 *
 * Bars begin at 0 and are linear, so that their lengths may be compared. As layers lie orders of
 * magnitude apart, the small ones are drawn once more, larger, on a scale of their own that is
 * written above it. A figure is a table: every bar lies below its numbers.
 */
#include "page_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is shorter than this share of the longest bar is drawn again. */
#define CLOSER	    0.1
#define CLOSER_MOST 3

static void put_bar(const struct page *p, const char *class, double from, double to, double full)
{
	fprintf(p->out, "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" height=\"12\" y=\"1\"/>",
		class, 100 * from / full, 100 * (to - from) / full);
}

static void put_whisker(const struct page *p, struct median m, double full)
{
	double low = 100 * m.low / full, high = 100 * m.high / full;

	fprintf(p->out,
		"<line class=\"whisker\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"7\" y2=\"7\"/>"
		"<line class=\"whisker\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"3\" y2=\"11\"/>"
		"<line class=\"whisker\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"3\" y2=\"11\"/>",
		low, high, low, low, high, high);
}

static void begin_bar(const struct page *p, size_t layer, int columns)
{
	fprintf(p->out,
		"<tr class=\"k%zu bars\" aria-hidden=\"true\"><td colspan=\"%d\">"
		"<svg class=\"bar\" width=\"100%%\" height=\"14\">",
		layer, columns);
}

static void end_bar(const struct page *p)
{
	fputs("</svg></td></tr>\n", p->out);
}

/* The median's interval can reach beyond the longest bar, and it has to fit, too. */
static double reach(struct median total)
{
	return total.high > total.value ? total.high : total.value;
}

/* --- the layer cake -------------------------------------------------------------------------- */

static const char *const cost_titles[] = { "time per command", "processor time per command" };

static void put_added(const struct page *p, const struct figure_step *s)
{
	fputs("<td>", p->out);
	if (s->added.n) {
		fputs(s->certain ? "" : "~ ", p->out);
		fputs(s->added.value < 0 ? "\u2212" : "+", p->out);
		page_number(p, fabs(s->added.value), "ns");
		page_interval(p, s->added, "ns");
	}
	fputs("</td>", p->out);
}

static void put_step(const struct page *p, size_t layer, const struct figure_step *s, double full)
{
	double below = s->added.n ? s->total.value - s->added.value : 0;

	fprintf(p->out, "<tr class=\"k%zu\"><th scope=\"row\">", layer);
	page_layer(p, layer);
	if (s->below != FIGURE_NONE)
		fprintf(p->out, " <span class=\"soft\">over\u00a0%zu</span>", s->below + 1);
	fputs("</th>", p->out);
	put_added(p, s);
	page_cell(p, s->total, "ns");
	fputs("</tr>\n", p->out);
	begin_bar(p, layer, 3);
	below = below > 0 ? below : 0;
	if (!s->added.n) {
		put_bar(p, "alone", 0, s->total.value, full);
	} else if (s->added.value >= 0) {
		put_bar(p, "under", 0, below, full);
		put_bar(p, "added", below, s->total.value, full);
	} else {
		put_bar(p, "under", 0, s->total.value, full);
		put_bar(p, "saved", s->total.value, below < full ? below : full, full);
	}
	put_whisker(p, s->total, full);
	end_bar(p);
}

/* One panel with what costs at most @most; returns what its longest bar stands for, 0 for none. */
static double put_cake_panel(const struct page *p, size_t workload, enum figure_cost cost,
			     double most, bool again)
{
	struct figure_step s;
	double full = 0, longest = 0;
	size_t n = 0;

	for (size_t l = 0; l < p->f->n_layers; l++) {
		if (!figure_step(p->f, p->part, l, workload, cost, &s) || s.total.value > most)
			continue;
		full = reach(s.total) > full ? reach(s.total) : full;
		longest = s.total.value > longest ? s.total.value : longest;
		n++;
	}
	if (n < (again ? 2 : 1) || full <= 0)
		return 0;
	page_table(p, "num cake", p->part->workloads[workload].name);
	fprintf(p->out, "<caption>%s%s: from 0 to ", again ? "closer: " : "", cost_titles[cost]);
	page_number(p, full, "ns");
	fputs("</caption><thead><tr><th scope=\"col\">layer</th><th scope=\"col\">adds</th>"
	      "<th scope=\"col\">in all</th></tr></thead><tbody>\n",
	      p->out);
	for (size_t l = 0; l < p->f->n_layers; l++)
		if (figure_step(p->f, p->part, l, workload, cost, &s) && s.total.value <= most)
			put_step(p, l, &s, full);
	fputs("</tbody>", p->out);
	page_table_end(p);
	return longest;
}

static void put_cake(const struct page *p, size_t workload, enum figure_cost cost)
{
	double longest = put_cake_panel(p, workload, cost, INFINITY, false);

	for (int i = 1; i < CLOSER_MOST && longest > 0; i++)
		longest = put_cake_panel(p, workload, cost, longest * CLOSER, true);
}

/* How many of a workload's layers have such a number. */
static size_t cake_layers(const struct page *p, size_t workload, enum figure_cost cost)
{
	struct figure_step s;
	size_t n = 0;

	for (size_t l = 0; l < p->f->n_layers; l++)
		n += figure_step(p->f, p->part, l, workload, cost, &s);
	return n;
}

void page_cake(const struct page *p)
{
	bool any = false;

	for (size_t w = 0; w < p->part->n_workloads; w++)
		any |= cake_layers(p, w, FIGURE_TIME) || cake_layers(p, w, FIGURE_CPU);
	if (!any)
		return;
	page_heading(p, "cake", "Layer cake",
		     "What a command costs on each layer, and what the layer adds to the one it "
		     "stands on: the median of the differences within each repeat. \u201c~\u201d: "
		     "no difference can be told.");
	fputs("<p class=\"keys\"><span class=\"key under\"></span>the layer below "
	      "<span class=\"key added\"></span>added <span class=\"key saved\"></span>saved "
	      "<span class=\"key alone\"></span>nothing below to compare with</p>\n",
	      p->out);
	for (size_t w = 0; w < p->part->n_workloads; w++) {
		if (!cake_layers(p, w, FIGURE_TIME) && !cake_layers(p, w, FIGURE_CPU))
			continue;
		fputs("<figure class=\"whole\"><figcaption>", p->out);
		page_text(p, p->part->workloads[w].name);
		fputs("</figcaption>\n<div class=\"panels two\"><div>", p->out);
		put_cake(p, w, FIGURE_TIME);
		fputs("</div><div>", p->out);
		put_cake(p, w, FIGURE_CPU);
		fputs("</div></div>", p->out);
		page_left_out(p, w, 1);
		fputs("</figure>\n", p->out);
	}
	page_section_end(p);
}

/* --- processor time, by side ------------------------------------------------------------------ */

static const struct result_row *cpu_row(const struct page *p, size_t layer, size_t workload)
{
	const struct result_row *row = figure_valid_row(p->f, p->part, layer, workload);

	return row && row->metric[METRIC_CPU_INITIATOR].n + row->metric[METRIC_CPU_HANDLER].n
		       ? row
		       : NULL;
}

static double cpu_of(const struct result_row *row)
{
	return figure_median(row, METRIC_CPU_INITIATOR).value +
	       figure_median(row, METRIC_CPU_HANDLER).value;
}

static void put_cpu_row(const struct page *p, size_t layer, const struct result_row *row,
			double full)
{
	struct median initiator = figure_median(row, METRIC_CPU_INITIATOR);
	struct median handler = figure_median(row, METRIC_CPU_HANDLER);

	fprintf(p->out, "<tr class=\"k%zu\"><th scope=\"row\">", layer);
	page_layer(p, layer);
	fputs("</th>", p->out);
	page_cell(p, initiator, "ns");
	page_cell(p, handler, "ns");
	fputs("</tr>\n", p->out);
	begin_bar(p, layer, 3);
	put_bar(p, "initiator", 0, initiator.value, full);
	put_bar(p, "handler", initiator.value, initiator.value + handler.value, full);
	end_bar(p);
}

static double put_cpu_panel(const struct page *p, size_t workload, double most, bool again)
{
	double full = 0;
	size_t n = 0;

	for (size_t l = 0; l < p->f->n_layers; l++) {
		const struct result_row *row = cpu_row(p, l, workload);

		if (!row || cpu_of(row) > most)
			continue;
		full = cpu_of(row) > full ? cpu_of(row) : full;
		n++;
	}
	if (n < (again ? 2 : 1) || full <= 0)
		return 0;
	page_table(p, "num cake", p->part->workloads[workload].name);
	fprintf(p->out, "<caption>%sfrom 0 to ", again ? "closer: " : "");
	page_number(p, full, "ns");
	fputs("</caption><thead><tr><th scope=\"col\">layer</th><th scope=\"col\">initiator</th>"
	      "<th scope=\"col\">handler</th></tr></thead><tbody>\n",
	      p->out);
	for (size_t l = 0; l < p->f->n_layers; l++) {
		const struct result_row *row = cpu_row(p, l, workload);

		if (row && cpu_of(row) <= most)
			put_cpu_row(p, l, row, full);
	}
	fputs("</tbody>", p->out);
	page_table_end(p);
	return full;
}

static void put_cpu(const struct page *p, size_t workload)
{
	double full = put_cpu_panel(p, workload, INFINITY, false);

	for (int i = 1; i < CLOSER_MOST && full > 0; i++)
		full = put_cpu_panel(p, workload, full * CLOSER, true);
}

static bool has_cpu(const struct page *p, size_t workload)
{
	for (size_t l = 0; l < p->f->n_layers; l++)
		if (cpu_row(p, l, workload))
			return true;
	return false;
}

void page_cpu(const struct page *p)
{
	bool any = false;

	for (size_t w = 0; w < p->part->n_workloads; w++)
		any |= has_cpu(p, w);
	if (!any)
		return;
	page_heading(
		p, "cpu", "Processor time per command",
		"Of the two sides: who sends the commands, with the simulator or kernel that "
		"belongs to it, and the handler with all its threads. A side that polls is busy "
		"all the time.");
	fputs("<p class=\"keys\"><span class=\"key initiator\"></span>initiator "
	      "<span class=\"key handler\"></span>handler</p>\n<div class=\"panels\">\n",
	      p->out);
	for (size_t w = 0; w < p->part->n_workloads; w++) {
		if (!has_cpu(p, w))
			continue;
		fputs("<figure><figcaption>", p->out);
		page_text(p, p->part->workloads[w].name);
		fputs("</figcaption>\n", p->out);
		put_cpu(p, w);
		page_left_out(p, w, 1);
		fputs("</figure>\n", p->out);
	}
	fputs("</div>", p->out);
	page_section_end(p);
}
