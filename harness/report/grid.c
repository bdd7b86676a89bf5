/* SPDX-License-Identifier: MIT */
/*
 * The grid: one row per clause, one column per handler, a cell says how the handler does there.
 *
 * A cell shows the worst verdict of the cases that prove the clause, a skip only if all were
 * skipped: "pass 3", "pass 2/3" when one of three was skipped, "FAIL 1/3" when one failed; "sim
 * only" or "kernel only" when that is why all were skipped. A clause that broke while a case was
 * about another one counts as failed in its own row too. As many handlers stand side by side as fit
 * into a hundred columns; the rest follow in grids below.
 */
#include "../clauses/clause.h"
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GRID_COLUMNS 100
#define TITLE_MIN    24
#define ID_WIDTH     9 /* "HND-013" and the gap */
#define GAP	     2
#define LABEL_MAX    12 /* longer labels are numbered and spelled out above the grid */

/* @only: of the skips, those that are so by nature, and the word for it. */
struct cell {
	struct result_counts counts;
	size_t only;
	const char *word;
};

/* How the handlers did on one clause; @cells has one entry per handler. */
struct row {
	char *id;
	struct cell *cells;
};

/* Rows sorted by clause id. */
struct grid {
	struct row *rows;
	size_t n, cap;
	size_t handlers;
};

/* The row of the clause whose id is the first @len bytes of @id, made if there is none. */
static struct row *grid_row(struct grid *g, const char *id, size_t len)
{
	size_t low = 0, high = g->n;
	struct row row;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strncmp(id, g->rows[middle].id, len);

		if (!order && !g->rows[middle].id[len])
			return &g->rows[middle];
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (g->n == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 64;
		struct row *rows = reallocarray(g->rows, cap, sizeof(*rows));

		if (!rows)
			return NULL;
		g->rows = rows;
		g->cap = cap;
	}
	row.id = strndup(id, len);
	row.cells = calloc(g->handlers, sizeof(*row.cells));
	if (!row.id || !row.cells) {
		free(row.id);
		free(row.cells);
		return NULL;
	}
	memmove(&g->rows[low + 1], &g->rows[low], (g->n - low) * sizeof(row));
	g->rows[low] = row;
	g->n++;
	return &g->rows[low];
}

static void grid_free(struct grid *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->rows[i].id);
		free(g->rows[i].cells);
	}
	free(g->rows);
}

static void cell_add(struct cell *cell, const struct result *r)
{
	static const char *const words[] = { "sim only", "kernel only" };

	counts_add(&cell->counts, r->verdict);
	for (size_t i = 0; i < 2 && r->verdict == VERDICT_SKIP && r->reason; i++) {
		if (strncmp(r->reason, words[i], strlen(words[i])))
			continue;
		cell->only++;
		cell->word = words[i];
	}
}

static int grid_add(struct grid *g, const struct result *r, size_t handler)
{
	size_t broken_len = r->clause ? strlen(r->clause) : 0;
	const char *id = r->clauses ? r->clauses : "";
	bool has_broken = !broken_len;
	struct row *row;

	for (;;) {
		size_t len;

		id += strspn(id, " ");
		len = strcspn(id, " ");
		if (!len)
			break;
		row = grid_row(g, id, len);
		if (!row)
			return -ENOMEM;
		cell_add(&row->cells[handler], r);
		has_broken |= len == broken_len && !strncmp(id, r->clause, len);
		id += len;
	}
	if (has_broken)
		return 0;
	row = grid_row(g, r->clause, broken_len);
	if (!row)
		return -ENOMEM;
	cell_add(&row->cells[handler], r);
	return 0;
}

/* The worst verdict of @c and how many share it, as text; false if no case belongs there. */
static bool cell_text(const struct cell *cell, enum verdict *worst, char *text, size_t size)
{
	const struct result_counts *c = &cell->counts;
	size_t all = c->pass + c->fail + c->skip + c->known, count;
	const char *name;

	if (c->fail) {
		*worst = VERDICT_FAIL;
		count = c->fail;
	} else if (c->known) {
		*worst = VERDICT_KNOWN;
		count = c->known;
	} else if (!c->pass) {
		*worst = VERDICT_SKIP;
		count = c->skip;
	} else {
		*worst = VERDICT_PASS;
		count = c->pass;
	}
	name = c->fail ? "FAIL" : verdict_name(*worst); /* a failure must catch the eye */
	if (!all)
		snprintf(text, size, "-");
	else if (cell->only == all)
		snprintf(text, size, "%s", cell->word);
	else if (count == all)
		snprintf(text, size, "%s %zu", name, all);
	else
		snprintf(text, size, "%s %zu/%zu", name, count, all);
	return all;
}

/* Number a label that is too wide for a column. Returns the width of what stands in the column. */
static size_t label_text(const struct handlers *hs, size_t handler, char *text, size_t size)
{
	const char *label = hs->v[handler].label;
	size_t width = put_width(label);

	if (width <= LABEL_MAX) {
		snprintf(text, size, "%s", label);
		return width;
	}
	snprintf(text, size, "[%zu]", handler + 1);
	return strlen(text);
}

static size_t cell_width(const struct grid *g, const struct handlers *hs)
{
	char text[64];
	enum verdict worst;
	size_t width = 0;

	for (size_t h = 0; h < hs->n; h++) {
		size_t columns = label_text(hs, h, text, sizeof(text));

		width = columns > width ? columns : width;
		for (size_t i = 0; i < g->n; i++) {
			cell_text(&g->rows[i].cells[h], &worst, text, sizeof(text));
			width = strlen(text) > width ? strlen(text) : width;
		}
	}
	return width;
}

static void print_row(FILE *out, const struct report_style *style, const struct row *row,
		      size_t from, size_t to, size_t title_width, size_t width)
{
	const struct clause *clause = clause_find(row->id);
	char text[64];
	enum verdict worst;

	put_cell(out, row->id, ID_WIDTH - GAP);
	fprintf(out, "%*s", GAP, "");
	put_cell(out, clause ? clause->title : "(not in the catalogue)", title_width);
	for (size_t h = from; h < to; h++) {
		bool used = cell_text(&row->cells[h], &worst, text, sizeof(text));
		int pad = h + 1 < to ? (int)(width - strlen(text)) : 0;

		fprintf(out, "%*s", GAP, "");
		if (used)
			paint(out, style, worst);
		fputs(text, out);
		if (used)
			unpaint(out, style);
		fprintf(out, "%*s", pad, "");
	}
	putc('\n', out);
}

/* The part of the grid for the handlers from @from up to, not including, @to. */
static void print_part(const struct grid *g, const struct handlers *hs, size_t from, size_t to,
		       size_t width, FILE *out, const struct report_style *style)
{
	size_t title_width = GRID_COLUMNS - ID_WIDTH - (to - from) * (width + GAP);
	size_t widest = TITLE_MIN;
	char text[64];

	/* A title column no wider than its titles, so that the eye has a short way to the cells. */
	for (size_t i = 0; i < g->n; i++) {
		const struct clause *clause = clause_find(g->rows[i].id);
		size_t columns = clause ? put_width(clause->title) : 0;

		widest = columns > widest ? columns : widest;
	}
	title_width = widest < title_width ? widest : title_width;

	for (size_t h = from; h < to; h++) {
		if (put_width(hs->v[h].label) <= LABEL_MAX)
			continue;
		fprintf(out, "[%zu] ", h + 1);
		put(out, hs->v[h].label, NULL, NULL);
		putc('\n', out);
	}
	fprintf(out, "%-*s%-*s", ID_WIDTH, "clause", (int)title_width, "");
	for (size_t h = from; h < to; h++) {
		label_text(hs, h, text, sizeof(text));
		fprintf(out, "%*s", GAP, "");
		if (h + 1 < to)
			put_cell(out, text, width);
		else
			put(out, text, NULL, NULL);
	}
	putc('\n', out);
	for (size_t i = 0; i < g->n; i++)
		print_row(out, style, &g->rows[i], from, to, title_width, width);
	putc('\n', out);
}

int grid_print(const struct results *rs, const struct handlers *hs, FILE *out,
	       const struct report_style *style)
{
	struct grid g = { .handlers = hs->n };
	size_t width, abreast;
	int ret = 0;

	for (size_t i = 0; !ret && i < rs->n; i++)
		ret = grid_add(&g, &rs->v[i], handlers_index(hs, rs->v[i].handler));
	if (ret || !g.n)
		goto out;

	width = cell_width(&g, hs);
	abreast = (GRID_COLUMNS - ID_WIDTH - TITLE_MIN) / (width + GAP);
	abreast = abreast ? abreast : 1;
	for (size_t from = 0; from < hs->n; from += abreast) {
		size_t to = from + abreast < hs->n ? from + abreast : hs->n;

		print_part(&g, hs, from, to, width, out, style);
	}
out:
	grid_free(&g);
	return ret;
}
