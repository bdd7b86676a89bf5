/* SPDX-License-Identifier: MIT */
/*
 * Results of benchmarks as one page for a browser: a chapter for each result, with a table of all
 * rows, the figures with their numbers, and where and how it was measured.
 *
 * There is no script. Lines and rows of a layer can be hidden by its box in the list of layers,
 * which browsers do by style alone.
 */
#include "page.h"

#include "../harness/report/put.h"
#include "figure_history.h"
#include "page_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- what all sections use -------------------------------------------------------------------- */

void page_text(const struct page *p, const char *s)
{
	put(p->out, s, NULL, escape_xml);
}

void page_layer(const struct page *p, size_t layer)
{
	fprintf(p->out, "<b>%zu</b> ", layer + 1);
	page_text(p, p->f->layers[layer].name);
}

void page_label(const struct page *p, size_t layer, size_t columns)
{
	char text[512];
	size_t len;

	snprintf(text, sizeof(text), "%zu %s", layer + 1, p->f->layers[layer].name);
	len = strlen(text);
	if (put_width(text) > columns) {
		/* whole characters, until there is room for the sign that says so */
		while (len && put_width(text) > columns - 1) {
			do
				text[--len] = 0;
			while (len && ((unsigned char)text[len - 1] & 0xc0) == 0x80);
		}
		while (len && text[len - 1] == ' ')
			text[--len] = 0;
		snprintf(text + len, sizeof(text) - len, "\u2026");
	}
	page_text(p, text);
}

void page_number(const struct page *p, double value, const char *unit)
{
	char text[64];

	page_text(p, figure_number(text, sizeof(text), value, unit));
}

void page_interval(const struct page *p, struct median m, const char *unit)
{
	char text[128];

	if (m.n < 2)
		return;
	fputs("<i>", p->out);
	page_text(p, figure_interval(text, sizeof(text), m, unit));
	fputs("</i>", p->out);
}

void page_cell(const struct page *p, struct median m, const char *unit)
{
	fputs("<td>", p->out);
	if (m.n) {
		page_number(p, m.value, unit);
		page_interval(p, m, unit);
	}
	fputs("</td>", p->out);
}

void page_heading(const struct page *p, const char *id, const char *title, const char *what)
{
	fprintf(p->out,
		"<section aria-labelledby=\"%s%zu\"><h3 id=\"%s%zu\">%s</h3>\n<p class=\"soft\">%s"
		"</p>\n",
		id, p->index, id, p->index, title, what);
}

void page_section_end(const struct page *p)
{
	fputs("</section>\n", p->out);
}

void page_table(const struct page *p, const char *classes, const char *label)
{
	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", p->out);
	page_text(p, label);
	fprintf(p->out, "\"><table class=\"%s\">", classes);
}

void page_table_end(const struct page *p)
{
	fputs("</table></div>\n", p->out);
}

void page_why(const struct page *p, const struct result_row *row)
{
	double failed = figure_total(row, METRIC_FAILED);
	double late = figure_total(row, METRIC_TIMED_OUT);
	const char *between = "";

	if (failed > 0) {
		fprintf(p->out, "%.0f failed", failed);
		between = ", ";
	}
	if (late > 0) {
		fprintf(p->out, "%s%.0f timed out", between, late);
		between = ", ";
	}
	if (row->complete)
		return;
	fprintf(p->out, "%sincomplete: ", between);
	page_text(p, row->why && *row->why ? row->why : "no reason given");
}

void page_left_out(const struct page *p, size_t first, size_t n)
{
	bool any = false;

	for (size_t w = first; w < first + n; w++) {
		for (size_t l = 0; l < p->f->n_layers; l++) {
			const struct result_row *row = figure_row(p->f, p->part, l, w);

			if (!row || result_row_valid(row))
				continue;
			fputs(any ? "; " : "<p class=\"bad\">\u2717 Not drawn: ", p->out);
			any = true;
			page_layer(p, l);
			if (n > 1)
				fprintf(p->out, ", depth %u", p->part->workloads[w].depth);
			fputs(" (", p->out);
			page_why(p, row);
			fputs(")", p->out);
		}
	}
	fputs(any ? "</p>\n" : "", p->out);
}

/* --- where and how ---------------------------------------------------------------------------- */

#define VALUE_DEPTH 4

static void put_value(const struct page *p, const json_t *value)
{
	char *text;

	if (json_is_string(value)) {
		page_text(p, json_string_value(value));
		return;
	}
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	page_text(p, text ? text : "");
	free(text);
}

/* A line for each member, those of members below "name.". */
static void put_object(const struct page *p, json_t *object, const char *above, int depth)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		char path[256];

		snprintf(path, sizeof(path), "%s%s%s", above, *above ? "." : "", name);
		if (json_is_object(value) && depth < VALUE_DEPTH) {
			put_object(p, value, path, depth + 1);
			continue;
		}
		fputs("<tr><th scope=\"row\">", p->out);
		page_text(p, path);
		fputs("</th><td>", p->out);
		put_value(p, value);
		fputs("</td></tr>\n", p->out);
	}
}

static void put_settings(const struct page *p, const char *title, json_t *object)
{
	if (!json_object_size(object))
		return;
	page_table(p, "settings", title);
	fprintf(p->out, "<caption>%s</caption><tbody>\n", title);
	put_object(p, object, "", 0);
	fputs("</tbody>", p->out);
	page_table_end(p);
}

void page_environment(const struct page *p)
{
	page_heading(p, "where", "Environment and options",
		     "Results of different environments are not to be compared.");
	fputs("<div class=\"panels\"><div>", p->out);
	put_settings(p, "Environment", p->part->result->environment);
	fputs("</div><div>", p->out);
	put_settings(p, "Options", p->part->result->options);
	fputs("</div></div>", p->out);
	page_section_end(p);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void put_chapter(const struct page *p)
{
	const struct result *r = p->part->result;

	fprintf(p->out, "<article id=\"r%zu\"><h2>", p->index);
	page_text(p, r->title);
	fputs("</h2><p class=\"soft\">", p->out);
	page_text(p, r->when);
	fputs("</p>\n", p->out);
	if (!r->complete) {
		fputs("<p class=\"bad note\">\u2717 This run is not complete: ", p->out);
		page_text(p, r->why && *r->why ? r->why : "no reason given");
		fputs("</p>\n", p->out);
	}
	if (!r->n_rows)
		fputs("<p class=\"bad note\">\u2717 Nothing was measured.</p>\n", p->out);
	page_summary(p);
	page_cake(p);
	page_curves(p);
	page_depths(p);
	page_cpu(p);
	page_counts(p);
	page_environment(p);
	fputs("</article>\n", p->out);
}

static void put_contents(const struct page *p)
{
	if (p->f->n_parts < 2)
		return;
	fputs("<nav aria-label=\"Results\"><ul>", p->out);
	for (size_t i = 0; i < p->f->n_parts; i++) {
		fprintf(p->out, "<li><a href=\"#r%zu\">", i);
		page_text(p, p->f->parts[i].result->title);
		fputs("</a> <span class=\"soft\">", p->out);
		page_text(p, p->f->parts[i].result->when);
		fputs("</span></li>\n", p->out);
	}
	fputs("</ul></nav>\n", p->out);
}

static void put_layers(const struct page *p)
{
	if (!p->f->n_layers)
		return;
	fputs("<section aria-labelledby=\"layers\"><h2 id=\"layers\">Layers</h2>\n<p class=\"soft\">"
	      "Each is one more thing on the way of a command. Its number and colour are the same in "
	      "all figures; a box hides it in all of them.</p>\n<ul class=\"layers\">\n",
	      p->out);
	for (size_t l = 0; l < p->f->n_layers; l++) {
		const struct figure_layer *layer = &p->f->layers[l];

		fprintf(p->out,
			"<li class=\"s\"><label><input type=\"checkbox\" id=\"l%zu\" "
			"checked=\"checked\"/><svg class=\"k%zu sample\" width=\"28\" height=\"10\" "
			"aria-hidden=\"true\"><path d=\"M0 5h28\"/></svg> ",
			l, l);
		page_layer(p, l);
		fputs("</label> <span class=\"soft\">", p->out);
		if (layer->below != FIGURE_NONE)
			fprintf(p->out, "over\u00a0%zu: ", layer->below + 1);
		page_text(p, layer->adds);
		fputs("</span></li>\n", p->out);
	}
	fputs("</ul></section>\n", p->out);
}

static void put_page(struct page *p, const struct histories *h)
{
	fprintf(p->out,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n"
		"<title>What a TCMU command costs</title>\n<style>%s",
		page_style);
	page_style_layers(p);
	fputs("</style></head>\n<body><header><h1>What a TCMU command costs</h1>\n"
	      "<p>TCMU hands the commands of a SCSI disk to a program, through a ring in shared "
	      "memory. Here the way of a command is measured layer by layer, each with the same "
	      "workloads, in turns within one run.</p></header>\n<main>\n",
	      p->out);
	put_contents(p);
	put_layers(p);
	for (size_t i = 0; i < p->f->n_parts; i++) {
		p->part = &p->f->parts[i];
		p->index = i;
		put_chapter(p);
	}
	page_history(p, h);
	fputs("</main></body></html>\n", p->out);
}

static int write_page(const struct figures *f, const struct histories *h, const char *path)
{
	struct page p = { .f = f };
	char *text = NULL;
	size_t len = 0;
	int ret;

	p.out = open_memstream(&text, &len);
	if (!p.out)
		return -ENOMEM;
	put_page(&p, h);
	ret = put_end(p.out);
	fclose(p.out);
	if (!ret)
		ret = result_write_text(path, text, len);
	free(text);
	return ret;
}

int bench_page_write(const struct result *const *results, size_t n, const char *history,
		     const char *path, char *err, size_t err_len)
{
	struct figures f = { 0 };
	struct histories h;
	int ret = histories_make(&h, history, err, err_len);

	if (ret)
		goto out;
	ret = figures_make(&f, results, n);
	if (!ret)
		ret = write_page(&f, &h, path);
	if (ret)
		error_line(err, err_len, "%s: cannot write the page: %s",
			   strcmp(path, "-") ? path : "standard output", strerror(-ret));
out:
	figures_free(&f);
	histories_free(&h);
	return ret;
}
