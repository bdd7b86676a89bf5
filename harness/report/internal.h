/* SPDX-License-Identifier: MIT */
/*
 * What the writers share: putting untrusted strings on a stream, and the list of handlers.
 *
 * Details and labels hold whatever a handler under test printed or was called. Every string of a
 * result therefore reaches a report through put() or put_cell() and nowhere else, so that what is
 * written is always valid UTF-8 without control characters, in each format alike.
 */
#ifndef HARNESS_REPORT_INTERNAL_H
#define HARNESS_REPORT_INTERNAL_H

#include "result.h"

/** put_escape - what stands for the byte @c in the format being written, NULL for @c itself. */
typedef const char *put_escape(char c);

/**
 * put() - write @s as valid, printable UTF-8
 * @s:      any bytes; NULL is the empty string
 * @eol:    stands for a line break, such as "\n  " to indent; NULL puts everything on one line
 * @escape: the format's special characters, NULL if it has none
 *
 * Bytes that are no UTF-8 and control characters are shown as \xNN or \uNNNN. Line breaks at the
 * end are dropped.
 */
void put(FILE *out, const char *s, const char *eol, put_escape *escape);
/** put_cell() - write @s on one line, cut or padded to exactly @width (at least 4) columns. */
void put_cell(FILE *out, const char *s, size_t width);
/** put_width() - columns that put() needs for @s on one line. */
size_t put_width(const char *s);
/** put_end() - flush @out; 0 or -errno if anything written to it was lost. */
int put_end(FILE *out);
/** error_line() - format one line into @err, whatever bytes the arguments hold. */
void error_line(char *err, size_t err_len, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

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

/** escape_xml() - put_escape for XML and HTML, in text and in attributes. */
const char *escape_xml(char c);

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
