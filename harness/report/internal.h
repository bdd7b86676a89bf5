/* SPDX-License-Identifier: MIT */
/*
 * What the writers share: the list of handlers, and the grid of clauses.
 *
 * Details and labels hold whatever a handler under test printed or was called. Every string of a
 * result therefore reaches a report through put() or put_cell() and nowhere else, so that what is
 * written is always valid UTF-8 without control characters, in each format alike.
 */
#ifndef HARNESS_REPORT_INTERNAL_H
#define HARNESS_REPORT_INTERNAL_H

#include "put.h"
#include "result.h"

/** struct handlers - the handlers of a run in order of first appearance; labels are borrowed. */
struct handlers {
	struct handler {
		const char *label;
		struct result_counts counts;
		uint64_t time_us;
	} * v;
	size_t n;
};

/** handlers_collect() - fill *@hs, to be released with free(hs->v). Returns 0 or -ENOMEM. */
int handlers_collect(struct handlers *hs, const struct results *rs);
/** handlers_index() - where @label is in @hs, @hs->n if nowhere. */
size_t handlers_index(const struct handlers *hs, const char *label);
/** counts_add() - count one more @verdict. */
void counts_add(struct result_counts *counts, enum verdict verdict);

/** html_style - the style sheet of report_html(). */
extern const char html_style[];

/**
 * struct cell - how a handler did on a clause
 * @only: of the skips, those that are so by nature, and the word for it
 */
struct cell {
	struct result_counts counts;
	size_t only;
	const char *word;
};

/**
 * struct grid - clauses by handlers
 * @rows: sorted by the clause's id; @cells has an entry per handler
 */
struct grid {
	struct row {
		char *id;
		struct cell *cells;
	} * rows;
	size_t n, cap;
	size_t handlers;
};

/** grid_build() - fill the zeroed *@g; grid_free() is due either way. Returns 0 or -ENOMEM. */
int grid_build(struct grid *g, const struct results *rs, const struct handlers *hs);
void grid_free(struct grid *g);
/** grid_touches() - whether @r counts in the row of the clause @id. */
bool grid_touches(const struct result *r, const char *id);

/**
 * struct cell_view - a cell in short: the worst verdict, the word for it, how many of how many
 *                    cases have it
 */
struct cell_view {
	enum verdict worst;
	const char *word;
	size_t count, all;
};
/** cell_view() - false if no case belongs there; the word is "-" then. */
bool cell_view(const struct cell *cell, struct cell_view *view);

/** paint() - start showing @verdict in its colour; unpaint() ends it. Nothing without colour. */
void paint(FILE *out, const struct report_style *style, enum verdict verdict);
void unpaint(FILE *out, const struct report_style *style);

/** grid_print() - the table of clauses by handlers. Returns 0 or -ENOMEM. */
int grid_print(const struct results *rs, const struct handlers *hs, FILE *out,
	       const struct report_style *style);

#endif
