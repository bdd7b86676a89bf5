/* SPDX-License-Identifier: MIT */
/*
 * The parts of the page. Every string of a result gets into it through page_text() and
 * page_label(), and nowhere else; ids and classes are numbers.
 */
#ifndef BENCH_PAGE_IMPL_H
#define BENCH_PAGE_IMPL_H

#include "figure.h"

#include <stdio.h>

/** struct page - being written; @part is the result whose chapter it is, @index its number. */
struct page {
	FILE *out;
	const struct figures *f;
	const struct figure_part *part;
	size_t index;
};

/** page_style - the style sheet; page_style_layers() writes what depends on the layers. */
extern const char page_style[];
void page_style_layers(const struct page *p);
#define PAGE_COLOURS 8

/** page_text() - @s, on one line. */
void page_text(const struct page *p, const char *s);
/** page_layer() - number and name of a layer. */
void page_layer(const struct page *p, size_t layer);
/** page_label() - the same, cut to @columns and without tags. */
void page_label(const struct page *p, size_t layer, size_t columns);
/** page_number() - as figure_number() writes it. */
void page_number(const struct page *p, double value, const char *unit);
/** page_interval() - small, behind a median; nothing if that is the only value. */
void page_interval(const struct page *p, struct median m, const char *unit);
/** page_cell() - a cell of a table with a median and its interval; empty if there is none. */
void page_cell(const struct page *p, struct median m, const char *unit);
/** page_heading() - begin the section @id of this chapter; page_section_end() ends it. */
void page_heading(const struct page *p, const char *id, const char *title, const char *what);
void page_section_end(const struct page *p);
/** page_table() - begin a table of this page's kind, in a box that scrolls if it must. */
void page_table(const struct page *p, const char *classes, const char *label);
void page_table_end(const struct page *p);
/** page_why() - in words, why a row has no headline number. */
void page_why(const struct page *p, const struct result_row *row);
/** page_left_out() - name the rows of workloads [@first, @first + @n) that are not drawn. */
void page_left_out(const struct page *p, size_t first, size_t n);

/* Sections of a chapter, each empty if there is nothing to show. */
void page_summary(const struct page *p);
void page_cake(const struct page *p);
void page_curves(const struct page *p);
void page_depths(const struct page *p);
void page_cpu(const struct page *p);
void page_counts(const struct page *p);
void page_environment(const struct page *p);

struct histories;
/** page_history() - the last chapter, of all results. */
void page_history(const struct page *p, const struct histories *h);

/* --- plots (page_plot.c) -------------------------------------------------------------------- */

/** struct axis - from @low to @high; a logarithmic one is not allowed to begin at 0. */
struct axis {
	double low, high;
	bool log;
};

/** axis_of() - round ends around the values; linear ones begin at 0, log if they are far apart. */
struct axis axis_of(double low, double high);
/** axis_log() - the same, always logarithmic. */
struct axis axis_log(double low, double high);
/** axis_ticks() - where to write a number; returns how many, at most @max. */
size_t axis_ticks(const struct axis *a, double *ticks, size_t max);

/** struct plot - a plot in the making; sizes in its own units, about a pixel. */
struct plot {
	const struct page *p;
	struct axis x, y;
	double height;
};

/**
 * plot_begin() - the frame, the grid and the numbers of the y axis
 * @lines:  how many will be drawn: makes room for their labels
 * @title:  for those who do not see it
 * @y_what: what the y axis shows; its scale is added
 */
void plot_begin(struct plot *plot, size_t lines, const char *title, const char *y_what,
		const char *y_unit, const char *x_what);
void plot_end(const struct plot *plot);
double plot_x(const struct plot *plot, double value);
double plot_y(const struct plot *plot, double value);
/** plot_tick() - a number below the x axis, and its line. */
void plot_tick(const struct plot *plot, double x, const char *text);
/** plot_to() - one more point of the path that a "<path d=" begins. */
void plot_to(const struct plot *plot, bool first, double x, double y);
/** plot_dot() - mark a point; what it says is the caller's, then "</title></circle>". */
void plot_dot(const struct plot *plot, double x, double y);

/** struct plot_label - name of a line that ends at @x, @from; plot_labels() says at which @y. */
struct plot_label {
	size_t layer;
	double x, from, y;
};
void plot_labels(const struct plot *plot, struct plot_label *labels, size_t n);
/** plot_label() - write one. */
void plot_label(const struct plot *plot, const struct plot_label *label);

#endif
