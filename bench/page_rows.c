/* SPDX-License-Identifier: MIT */
/*
 * The tables of all rows: what a row's headline numbers are, and what else was counted.
 *
 * Failures and time-outs stand beside the throughput, and instead of it where there are any.
 */
#include "page_impl.h"

#include <string.h>

/* --- the summary ------------------------------------------------------------------------------ */

/* Columns of the summary; what no row has is left out. */
static const struct column {
	const char *title;
	enum metric metric;
	const char *unit;
} columns[] = {
	{ "commands/s", METRIC_IOPS, "" },
	{ "MiB/s", METRIC_BANDWIDTH, "" },
	{ "per command", METRIC_LATENCY, "ns" },
	{ "50\u202f%", METRIC_P50, "ns" },
	{ "99\u202f%", METRIC_P99, "ns" },
	{ "99.9\u202f%", METRIC_P999, "ns" },
	{ "maximum", METRIC_MAX, "ns" },
	{ "CPU initiator", METRIC_CPU_INITIATOR, "ns" },
	{ "CPU handler", METRIC_CPU_HANDLER, "ns" },
};
#define COLUMNS (sizeof(columns) / sizeof(*columns))

/* The rest of what is measured, in a table of its own. */
static const struct column counts[] = {
	{ "instructions", METRIC_INSTRUCTIONS, "" },
	{ "cycles", METRIC_CYCLES, "" },
	{ "system calls", METRIC_SYSCALLS, "" },
	{ "context switches", METRIC_SWITCHES, "" },
	{ "wakeups", METRIC_WAKEUPS, "" },
	{ "doorbells", METRIC_DOORBELLS, "" },
	{ "entries per wakeup", METRIC_ENTRIES_PER_WAKEUP, "" },
	{ "ring used, bytes", METRIC_RING_HIGH, "" },
	{ "data area used, blocks", METRIC_DATA_HIGH, "" },
	{ "queue full, times", METRIC_QUEUE_FULL, "" },
	{ "sent too late, share", METRIC_LATE, "" },
};
#define COUNTS (sizeof(counts) / sizeof(*counts))

static bool measured(const struct page *p, enum metric m)
{
	for (size_t i = 0; i < p->part->result->n_rows; i++)
		if (p->part->result->rows[i]->metric[m].n)
			return true;
	return false;
}

/* Whether there is anything to show of it: rows without a headline number have none of it. */
static bool counted(const struct page *p, enum metric m)
{
	const struct result *r = p->part->result;

	for (size_t i = 0; i < r->n_rows; i++)
		if (r->rows[i]->metric[m].n && result_row_valid(r->rows[i]))
			return true;
	return false;
}

/* Who sent the commands is told where not all rows have the same. */
static bool sides_differ(const struct page *p)
{
	const struct result *r = p->part->result;

	for (size_t i = 1; i < r->n_rows; i++)
		if (strcmp(r->rows[0]->side, r->rows[i]->side) != 0)
			return true;
	return false;
}

static void put_columns(const struct page *p, const struct column *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (measured(p, c[i].metric))
			fprintf(p->out, "<th scope=\"col\">%s</th>", c[i].title);
}

static void put_values(const struct page *p, const struct result_row *row, const struct column *c,
		       size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (measured(p, c[i].metric))
			page_cell(p, figure_median(row, c[i].metric), c[i].unit);
}

static void put_summary_row(const struct page *p, size_t layer, const struct result_row *row,
			    size_t shown)
{
	bool valid = result_row_valid(row);
	double failed = figure_total(row, METRIC_FAILED),
	       late = figure_total(row, METRIC_TIMED_OUT);

	fprintf(p->out, "<tr class=\"k%zu%s\"><th scope=\"row\">", layer, valid ? "" : " invalid");
	page_layer(p, layer);
	if (sides_differ(p)) {
		fputs(" <span class=\"soft\">", p->out);
		page_text(p, row->side);
		fputs("</span>", p->out);
	}
	fputs("</th>", p->out);
	if (valid) {
		put_values(p, row, columns, COLUMNS);
	} else {
		fprintf(p->out, "<td class=\"bad\" colspan=\"%zu\">\u2717 no number: ", shown);
		page_why(p, row);
		fputs("</td>", p->out);
	}
	fprintf(p->out, "<td%s>%.0f</td><td%s>%.0f</td><td>%zu</td></tr>\n",
		failed > 0 ? " class=\"bad\"" : "", failed, late > 0 ? " class=\"bad\"" : "", late,
		(size_t)result_row_repeats(row));
}

/* The rows of a workload, which the caller ends. */
static void begin_group(const struct page *p, size_t workload, size_t columns_all)
{
	fprintf(p->out, "<tbody><tr><th class=\"group\" scope=\"rowgroup\" colspan=\"%zu\"><span>",
		columns_all);
	page_text(p, p->part->workloads[workload].name);
	fputs("</span></th></tr>\n", p->out);
}

void page_summary(const struct page *p)
{
	size_t shown = 0, all;

	for (size_t i = 0; i < COLUMNS; i++)
		shown += measured(p, columns[i].metric);
	all = shown + 4;
	page_heading(p, "rows", "All rows",
		     "Medians, and in brackets the interval that holds the true one with 95\u202f% "
		     "(with fewer than 6 repeats: the smallest and the largest). A row in which "
		     "commands failed or timed out, or that is not complete, has no number. "
		     "Percentiles here are medians of those of the repeats.");
	page_table(p, "num rows", "All rows");
	fputs("<thead><tr><th scope=\"col\">layer</th>", p->out);
	put_columns(p, columns, COLUMNS);
	if (!shown)
		all++;
	fprintf(p->out,
		"%s<th scope=\"col\">failed</th><th scope=\"col\">timed out</th>"
		"<th scope=\"col\">repeats</th></tr></thead>\n",
		shown ? "" : "<th></th>");
	for (size_t w = 0; w < p->part->n_workloads; w++) {
		begin_group(p, w, all);
		for (size_t l = 0; l < p->f->n_layers; l++) {
			const struct result_row *row = figure_row(p->f, p->part, l, w);

			if (row)
				put_summary_row(p, l, row, shown ? shown : 1);
		}
		fputs("</tbody>\n", p->out);
	}
	page_table_end(p);
	page_section_end(p);
}

void page_counts(const struct page *p)
{
	size_t shown = 0;

	for (size_t i = 0; i < COUNTS; i++)
		shown += counted(p, counts[i].metric);
	if (!shown)
		return;
	page_heading(p, "counts", "What else was counted",
		     "Per command, unless said otherwise; instructions and system calls in runs of "
		     "their own.");
	page_table(p, "num rows", "What else was counted");
	fputs("<thead><tr><th scope=\"col\">layer</th>", p->out);
	put_columns(p, counts, COUNTS);
	fputs("</tr></thead>\n", p->out);
	for (size_t w = 0; w < p->part->n_workloads; w++) {
		begin_group(p, w, shown + 1);
		for (size_t l = 0; l < p->f->n_layers; l++) {
			const struct result_row *row = figure_valid_row(p->f, p->part, l, w);

			if (!row)
				continue;
			fprintf(p->out, "<tr class=\"k%zu\"><th scope=\"row\">", l);
			page_layer(p, l);
			fputs("</th>", p->out);
			put_values(p, row, counts, COUNTS);
			fputs("</tr>\n", p->out);
		}
		fputs("</tbody>\n", p->out);
	}
	page_table_end(p);
	page_section_end(p);
}
