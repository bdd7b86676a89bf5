/* SPDX-License-Identifier: MIT */
/*
 * The report as one page for a browser: a summary, the grid of clauses by handlers, every failure
 * with the command that repeats it, and what the clauses ask.
 *
 * No script and nothing from elsewhere: a cell of the grid is a button that opens a popover, which
 * browsers do by themselves, by mouse, touch and keyboard. Anchors are numbers, so that no string
 * of a result gets into one. The same results give the same page; times are left out.
 */
#include "../clauses/clause.h"
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A page in the making. */
struct page {
	const struct results *rs;
	struct result_counts all;
	struct handlers hs;
	struct grid g;
	FILE *out;
};

static void text(const struct page *p, const char *s)
{
	put(p->out, s, NULL, escape_xml);
}

static const char *sign(enum verdict verdict)
{
	static const char *const signs[] = {
		[VERDICT_PASS] = "\u2713",
		[VERDICT_FAIL] = "\u2717",
		[VERDICT_SKIP] = "\u2013",
		[VERDICT_KNOWN] = "!",
	};

	return signs[verdict];
}

static bool belongs(const struct page *p, const struct result *r, size_t row, size_t handler)
{
	return !strcmp(r->handler, p->hs.v[handler].label) && grid_touches(r, p->g.rows[row].id);
}

/* --- the handlers, a row each ------------------------------------------------------------------
 */

/* A column of its own only for what there is: known failures are rare. */
static void put_counts(const struct page *p, const size_t counts[4])
{
	fprintf(p->out, "<td>%zu</td><td>%zu</td>", counts[VERDICT_PASS], counts[VERDICT_FAIL]);
	if (p->all.known)
		fprintf(p->out, "<td>%zu</td>", counts[VERDICT_KNOWN]);
	fprintf(p->out, "<td>%zu</td>", counts[VERDICT_SKIP]);
}

static void put_meter(const struct page *p, const size_t clauses[4])
{
	static const enum verdict shown[] = { VERDICT_PASS, VERDICT_FAIL, VERDICT_KNOWN };

	fputs("<td class=\"bar\"><span class=\"meter\" aria-hidden=\"true\">", p->out);
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		fprintf(p->out, "<i class=\"%s\" style=\"flex:%zu\"></i>", verdict_name(shown[i]),
			clauses[shown[i]]);
	fprintf(p->out, "<i style=\"flex:%zu\"></i></span></td>", clauses[VERDICT_SKIP]);
}

static void put_handler(const struct page *p, size_t handler)
{
	const struct handler *h = &p->hs.v[handler];
	size_t clauses[4] = { 0 };
	struct cell_view v;

	for (size_t i = 0; i < p->g.n; i++)
		if (cell_view(&p->g.rows[i].cells[handler], &v))
			clauses[v.worst]++;
	fputs("<tr><th scope=\"row\">", p->out);
	if (h->counts.fail + h->counts.known)
		fprintf(p->out, "<a href=\"#h%zu\">", handler);
	text(p, h->label);
	fputs(h->counts.fail + h->counts.known ? "</a></th>" : "</th>", p->out);
	put_counts(p, clauses);
	put_meter(p, clauses);
	put_counts(p, (const size_t[]){ [VERDICT_PASS] = h->counts.pass,
					[VERDICT_FAIL] = h->counts.fail,
					[VERDICT_KNOWN] = h->counts.known,
					[VERDICT_SKIP] = h->counts.skip });
	fputs("</tr>\n", p->out);
}

static void put_summary(const struct page *p)
{
	int columns = p->all.known ? 4 : 3;

	fprintf(p->out,
		"<section aria-labelledby=\"handlers\"><h2 id=\"handlers\">Handlers</h2>\n"
		"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"handlers\">"
		"<table class=\"sum\"><thead><tr><th rowspan=\"2\" scope=\"col\">handler</th>"
		"<th colspan=\"%d\" scope=\"colgroup\">clauses</th><th class=\"bar\" rowspan=\"2\"></th>"
		"<th colspan=\"%d\" scope=\"colgroup\">cases</th></tr>\n<tr>",
		columns, columns);
	for (int i = 0; i < 2; i++)
		fprintf(p->out,
			"<th scope=\"col\">passed</th><th scope=\"col\">failed</th>%s"
			"<th scope=\"col\">not shown</th>",
			p->all.known ? "<th scope=\"col\">known</th>" : "");
	fputs("</tr></thead><tbody>\n", p->out);
	for (size_t h = 0; h < p->hs.n; h++)
		put_handler(p, h);
	fputs("</tbody></table></div></section>\n", p->out);
}

/* --- the grid ----------------------------------------------------------------------------------
 */

static void put_legend(const struct page *p)
{
	static const struct {
		enum verdict verdict;
		const char *word, *means;
	} keys[] = {
		{ VERDICT_PASS, "pass 5", "all 5 cases that prove the clause passed" },
		{ VERDICT_PASS, "pass 2/5", "2 passed, the other 3 could not say anything" },
		{ VERDICT_FAIL, "FAIL 1/5", "1 of 5 cases failed" },
		{ VERDICT_KNOWN, "known 1/5", "1 failed as the baseline expects" },
		{ VERDICT_SKIP, "skip 5", "not shown: no case applied; never counted as a pass" },
	};

	fputs("<ul class=\"legend\">", p->out);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		fprintf(p->out, "<li><span class=\"key %s\">%s %s</span>%s</li>\n",
			verdict_name(keys[i].verdict), sign(keys[i].verdict), keys[i].word,
			keys[i].means);
	fputs("</ul>\n<p class=\"soft\">On a narrow screen the sign stands for the word. A cell opens "
	      "and says which cases failed, and why others could not say anything.</p>\n",
	      p->out);
}

static void put_cell_button(const struct page *p, size_t row, size_t handler)
{
	const struct cell *cell = &p->g.rows[row].cells[handler];
	struct cell_view v;
	bool used = cell_view(cell, &v);
	const char *word = used && cell->only == v.all ? cell->word : v.word;

	if (!used) {
		fputs("<td><span class=\"none\" aria-label=\"no case\"></span></td>", p->out);
		return;
	}
	fprintf(p->out, "<td><button class=\"cell %s\" popovertarget=\"p%zu-%zu\" aria-label=\"",
		verdict_name(v.worst), row, handler);
	text(p, p->g.rows[row].id);
	fputs(", ", p->out);
	text(p, p->hs.v[handler].label);
	fprintf(p->out, ": %s %zu of %zu\">%s <span class=\"word\">%s</span> ", word, v.count,
		v.all, sign(v.worst), word);
	if (v.count == v.all)
		fprintf(p->out, "%zu</button></td>", v.all);
	else
		fprintf(p->out, "%zu/%zu</button></td>", v.count, v.all);
}

/* In the order of the page; the last takes what is left. */
static const char *const chapters[][2] = {
	{ "HND", "What a handler owes to the ring" },
	{ "SCS", "What a disk owes to SCSI" },
	{ "DIS", "Where kernels differ from their design document" },
	{ "LAY", "The layout of the region" },
	{ "KRN", "What the kernel does" },
	{ "", "Others" },
};
#define CHAPTERS (sizeof(chapters) / sizeof(*chapters))

static size_t chapter_of(const char *id)
{
	size_t i = 0;

	while (strncmp(id, chapters[i][0], strlen(chapters[i][0])))
		i++;
	return i;
}

static bool has_rows(const struct page *p, size_t chapter)
{
	for (size_t i = 0; i < p->g.n; i++)
		if (chapter_of(p->g.rows[i].id) == chapter)
			return true;
	return false;
}

static void put_row(const struct page *p, size_t row)
{
	const char *id = p->g.rows[row].id;
	const struct clause *clause = clause_find(id);

	fprintf(p->out, "<tr><th scope=\"row\"><a class=\"id\" href=\"#c%zu\">", row);
	text(p, id);
	fputs("</a>", p->out);
	text(p, clause ? clause->title : "(not in the catalogue)");
	fputs("</th>", p->out);
	for (size_t h = 0; h < p->hs.n; h++)
		put_cell_button(p, row, h);
	fputs("</tr>\n", p->out);
}

static void put_chapter(const struct page *p, size_t chapter)
{
	fprintf(p->out, "<tbody><tr><th scope=\"rowgroup\">%s</th>", chapters[chapter][1]);
	for (size_t h = 0; h < p->hs.n; h++)
		fputs("<td class=\"group\"></td>", p->out);
	fputs("</tr>\n", p->out);
	for (size_t i = 0; i < p->g.n; i++)
		if (chapter_of(p->g.rows[i].id) == chapter)
			put_row(p, i);
	fputs("</tbody>\n", p->out);
}

static void put_grid(const struct page *p)
{
	fputs("<section aria-labelledby=\"grid\"><h2 id=\"grid\">Clauses</h2>\n", p->out);
	put_legend(p);
	fputs("<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-labelledby=\"grid\">"
	      "<table class=\"grid\"><thead><tr><th scope=\"col\">clause</th>",
	      p->out);
	for (size_t h = 0; h < p->hs.n; h++) {
		fputs("<th scope=\"col\"><span>", p->out);
		text(p, p->hs.v[h].label);
		fputs("</span></th>", p->out);
	}
	fputs("</tr></thead>\n", p->out);
	for (size_t c = 0; c < CHAPTERS; c++)
		if (has_rows(p, c))
			put_chapter(p, c);
	fputs("</table></div></section>\n", p->out);
}

/* --- what a cell says when it is opened ---------------------------------------------------------
 */

/* Whether an earlier case of the cell was skipped for the same reason. */
static bool said_before(const struct page *p, size_t row, size_t handler, size_t index)
{
	const struct result *r = &p->rs->v[index];

	for (size_t i = 0; i < index; i++) {
		const struct result *other = &p->rs->v[i];

		if (other->verdict == r->verdict && belongs(p, other, row, handler) &&
		    !strcmp(other->reason ? other->reason : "", r->reason ? r->reason : ""))
			return true;
	}
	return false;
}

static void put_popover(const struct page *p, size_t row, size_t handler)
{
	const struct cell *cell = &p->g.rows[row].cells[handler];
	struct cell_view v;

	if (!cell_view(cell, &v))
		return;
	fprintf(p->out, "<div popover=\"auto\" id=\"p%zu-%zu\"><h4>", row, handler);
	text(p, p->g.rows[row].id);
	fputs(", ", p->out);
	text(p, p->hs.v[handler].label);
	fprintf(p->out, "</h4>%zu passed, %zu failed, %zu known, %zu not shown<ul>",
		cell->counts.pass, cell->counts.fail, cell->counts.known, cell->counts.skip);
	for (size_t i = 0; i < p->rs->n; i++) {
		const struct result *r = &p->rs->v[i];

		if (!belongs(p, r, row, handler) || r->verdict == VERDICT_PASS)
			continue;
		if (r->verdict == VERDICT_SKIP) {
			if (said_before(p, row, handler, i))
				continue;
			fprintf(p->out, "<li>%s ", sign(r->verdict));
		} else {
			fprintf(p->out, "<li>%s <a href=\"#f%zu\">", sign(r->verdict), i);
			text(p, r->id);
			fputs("</a>: ", p->out);
		}
		text(p, r->reason);
		fputs("</li>\n", p->out);
	}
	fprintf(p->out,
		"</ul><button popovertarget=\"p%zu-%zu\" popovertargetaction=\"hide\">Close</button>"
		"</div>\n",
		row, handler);
}

/* --- failures and clauses in full ----------------------------------------------------------------
 */

static void put_failure(const struct page *p, size_t index)
{
	const struct result *r = &p->rs->v[index];

	fprintf(p->out, "<details id=\"f%zu\"><summary>%s <b>", index, sign(r->verdict));
	text(p, r->id);
	fputs("</b> ", p->out);
	text(p, r->title);
	fputs("<br/>", p->out);
	if (r->clause) {
		text(p, r->clause);
		fputs(": ", p->out);
	}
	text(p, r->reason);
	fputs("</summary>\n", p->out);
	if (r->replay) {
		fputs("<p>Replay: <code>", p->out);
		text(p, r->replay);
		fputs("</code></p>\n", p->out);
	}
	if (r->detail) {
		fputs("<pre>", p->out);
		put(p->out, r->detail, "\n", escape_xml);
		fputs("</pre>\n", p->out);
	}
	fputs("</details>\n", p->out);
}

static void put_failures(const struct page *p)
{
	if (!(p->all.fail + p->all.known))
		return;
	fputs("<section aria-labelledby=\"failures\"><h2 id=\"failures\">Failures</h2>\n"
	      "<p>What was asked, what came, what was sent before, and the command that runs just "
	      "this again.</p>\n",
	      p->out);
	for (size_t h = 0; h < p->hs.n; h++) {
		if (!(p->hs.v[h].counts.fail + p->hs.v[h].counts.known))
			continue;
		fprintf(p->out, "<h3 id=\"h%zu\">", h);
		text(p, p->hs.v[h].label);
		fputs("</h3>\n", p->out);
		for (size_t i = 0; i < p->rs->n; i++) {
			const struct result *r = &p->rs->v[i];

			if ((r->verdict == VERDICT_FAIL || r->verdict == VERDICT_KNOWN) &&
			    !strcmp(r->handler, p->hs.v[h].label))
				put_failure(p, i);
		}
	}
	fputs("</section>\n", p->out);
}

static void put_paragraph(const struct page *p, const char *label, const char *s)
{
	if (!s)
		return;
	fprintf(p->out, "<p>%s", label);
	put(p->out, s, "<br/>", escape_xml);
	fputs("</p>", p->out);
}

static void put_clauses(const struct page *p)
{
	fputs("<section aria-labelledby=\"asks\"><h2 id=\"asks\">What the clauses ask</h2>\n<dl>\n",
	      p->out);
	for (size_t i = 0; i < p->g.n; i++) {
		const struct clause *clause = clause_find(p->g.rows[i].id);

		fprintf(p->out, "<dt id=\"c%zu\">", i);
		text(p, p->g.rows[i].id);
		if (!clause) {
			fputs("</dt><dd>not in the catalogue</dd>\n", p->out);
			continue;
		}
		fprintf(p->out, " <span class=\"soft\">%s</span> ",
			clause_level_name(clause->level));
		text(p, clause->title);
		fputs("</dt><dd>", p->out);
		put_paragraph(p, "", clause->text);
		put_paragraph(p, "<span class=\"soft\">Looked at:</span> ", clause->observe);
		put_paragraph(p, "<span class=\"soft\">Common mistake:</span> ", clause->mistake);
		fputs("</dd>\n", p->out);
	}
	fputs("</dl></section>\n", p->out);
}

static void put_page(const struct page *p)
{
	fprintf(p->out,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n"
		"<title>TCMU handlers, clause by clause</title>\n<style>%s</style></head>\n<body>"
		"<header><h1>TCMU handlers, clause by clause</h1>\n"
		"<p>A TCMU handler is a program that serves a SCSI disk whose commands the Linux "
		"kernel lays into a ring in shared memory. Here each handler was asked for every "
		"clause of what the kernel, and SCSI, expect of one.</p></header>\n<main>\n",
		html_style);
	put_summary(p);
	put_grid(p);
	put_failures(p);
	put_clauses(p);
	for (size_t i = 0; i < p->g.n; i++)
		for (size_t h = 0; h < p->hs.n; h++)
			put_popover(p, i, h);
	fputs("</main></body></html>\n", p->out);
}

int report_html(const struct results *rs, FILE *out)
{
	struct page p = { .rs = rs, .all = results_count(rs), .out = out };
	int ret = handlers_collect(&p.hs, rs);

	if (!ret)
		ret = grid_build(&p.g, rs, &p.hs);
	if (!ret) {
		put_page(&p);
		ret = put_end(out);
	}
	grid_free(&p.g);
	free(p.hs.v);
	return ret;
}
