/* SPDX-License-Identifier: MIT */
/*
 * The grid: one row per clause, one column per handler, a cell says how the handler does there.
 *
 * A cell shows the worst verdict of the cases that prove the clause, a skip only if all were
 * skipped: "pass 3", "pass 2/3" when one of three was skipped, "FAIL 1/3" when one failed; "sim
 * only" or "kernel only" when that is why all were skipped. A case in which a clause broke that it
 * is not about has failed in that clause's row; about its own clauses it said nothing, as if it had
 * been skipped. As many handlers stand side by side as fit
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

void grid_free(struct grid *g)
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

/* Whether the case is about the clause @id. */
static bool is_about(const struct result *r, const char *id)
{
	const char *at = r->clauses ? r->clauses : "";
	size_t len = strlen(id);

	for (; *at; at += strcspn(at, " ")) {
		at += strspn(at, " ");
		if (!strncmp(at, id, len) && (!at[len] || at[len] == ' '))
			return true;
	}
	return false;
}

static int grid_add(struct grid *g, const struct result *r, size_t handler)
{
	bool elsewhere = r->verdict == VERDICT_FAIL && r->clause && *r->clause &&
			 !is_about(r, r->clause);
	const char *id = r->clauses ? r->clauses : "";
	struct result here = *r;
	struct row *row;
	size_t len;

	if (elsewhere)
		here.verdict = VERDICT_SKIP;
	for (id += strspn(id, " "); *id; id += len + strspn(id + len, " ")) {
		len = strcspn(id, " ");
		row = grid_row(g, id, len);
		if (!row)
			return -ENOMEM;
		cell_add(&row->cells[handler], &here);
	}
	if (!elsewhere)
		return 0;
	row = grid_row(g, r->clause, strlen(r->clause));
	if (!row)
		return -ENOMEM;
	cell_add(&row->cells[handler], r);
	return 0;
}

int grid_build(struct grid *g, const struct results *rs, const struct handlers *hs)
{
	int ret = 0;

	g->handlers = hs->n;
	for (size_t i = 0; !ret && i < rs->n; i++)
		ret = grid_add(g, &rs->v[i], handlers_index(hs, rs->v[i].handler));
	return ret;
}

bool grid_touches(const struct result *r, const char *id)
{
	return (r->clause && !strcmp(r->clause, id)) || is_about(r, id);
}

bool cell_view(const struct cell *cell, struct cell_view *view)
{
	const struct result_counts *c = &cell->counts;

	*view = (struct cell_view){ .all = c->pass + c->fail + c->skip + c->known };
	if (c->fail) {
		view->worst = VERDICT_FAIL;
		view->count = c->fail;
	} else if (c->known) {
		view->worst = VERDICT_KNOWN;
		view->count = c->known;
	} else if (!c->pass) {
		view->worst = VERDICT_SKIP;
		view->count = c->skip;
	} else {
		view->worst = VERDICT_PASS;
		view->count = c->pass;
	}
	view->word = c->fail ? "FAIL" : verdict_name(view->worst); /* must catch the eye */
	if (!view->all)
		view->word = "-";
	return view->all;
}

/* The same as text. */
static bool cell_text(const struct cell *cell, enum verdict *worst, char *text, size_t size)
{
	struct cell_view v;
	bool used = cell_view(cell, &v);

	*worst = v.worst;
	if (!used)
		snprintf(text, size, "%s", v.word);
	else if (cell->only == v.all)
		snprintf(text, size, "%s", cell->word);
	else if (v.count == v.all)
		snprintf(text, size, "%s %zu", v.word, v.all);
	else
		snprintf(text, size, "%s %zu/%zu", v.word, v.count, v.all);
	return used;
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
	struct grid g = { .rows = NULL };
	size_t width, abreast;
	int ret = grid_build(&g, rs, hs);

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
