/* SPDX-License-Identifier: MIT */
/*
 * What the pictures of results show, before anybody draws it.
 *
 * The page (page.h) and the data files for gnuplot (figure_data.c) ask here, so that they cannot
 * disagree. Only rows with a headline number (see result.h) have figures; of the others it is told
 * why they have none. Strings are the results', which must outlive the figures.
 */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include "result.h"
#include "statistics.h"

#define FIGURE_NONE SIZE_MAX

/** struct figure_layer - one of all results; @below is its index, FIGURE_NONE if there is none. */
struct figure_layer {
	const char *name, *adds;
	size_t below;
};

/** struct figure_workload - @depth is the N of "-qdN" in its name, 0 if there is none. */
struct figure_workload {
	const char *name;
	unsigned depth;
};

/** struct figure_family - workloads [@first, @first + @n), alike but for their depth. */
struct figure_family {
	char *name;
	size_t first, n;
};

/**
 * struct figure_part - one result
 * @workloads: in order of first appearance, but those of a family together, by depth
 * @rows:      by figure_row(); NULL where a layer was not measured with a workload
 */
struct figure_part {
	const struct result *result;
	struct figure_workload *workloads;
	struct figure_family *families;
	const struct result_row **rows;
	size_t n_workloads, n_families;
};

/** struct figures - @layers: each after the one below it, else in order of first appearance. */
struct figures {
	struct figure_layer *layers;
	struct figure_part *parts;
	size_t n_layers, n_parts;
};

/** figures_make() - of @n results; figures_free() is due either way. Returns 0 or -ENOMEM. */
int figures_make(struct figures *f, const struct result *const *results, size_t n);
void figures_free(struct figures *f);

/** figure_row() - the row of a layer and a workload; NULL if there is none. */
const struct result_row *figure_row(const struct figures *f, const struct figure_part *part,
				    size_t layer, size_t workload);
/** figure_valid_row() - the same; NULL, too, if it has no headline number. */
const struct result_row *figure_valid_row(const struct figures *f, const struct figure_part *part,
					  size_t layer, size_t workload);
/** figure_family_curve() - whether its depths differ: two workloads of one depth are no curve. */
bool figure_family_curve(const struct figure_part *part, const struct figure_family *family);
/** figure_layer_find() - index of @name; FIGURE_NONE if there is none. */
size_t figure_layer_find(const struct figures *f, const char *name);

/** enum figure_cost - what a command costs: time as one thread sees it, or that of processors. */
enum figure_cost { FIGURE_TIME, FIGURE_CPU };

/**
 * struct figure_step - what a layer costs, in ns per command
 * @total:   all of it; @added: beyond the layer below, repeat by repeat. n 0: unknown
 * @below:   the nearest layer below that has such a number
 * @certain: see statistics_difference()
 */
struct figure_step {
	struct median total, added;
	size_t below;
	bool certain;
};
/** figure_step() - false if the row has no such number. */
bool figure_step(const struct figures *f, const struct figure_part *part, size_t layer,
		 size_t workload, enum figure_cost cost, struct figure_step *out);

/**
 * struct figure_mark - a percentile with a name
 * @x: where on an axis of nines: 90 % at 1, 99 % at 2; the largest value at FIGURE_X_MAX
 */
struct figure_mark {
	const char *name;
	double q, x;
	enum metric metric;
};
#define FIGURE_MARKS 6
#define FIGURE_X_MAX 5.0
extern const struct figure_mark figure_marks[FIGURE_MARKS];

/** figure_percentile() - in ns: of all repeats, else the median of theirs; NAN if unknown. */
double figure_percentile(const struct result_row *row, size_t mark);
/** figure_at() - the latency at @x nines, x < FIGURE_X_MAX; only of rows with a histogram. */
double figure_at(const struct result_row *row, double x);
/**
 * figure_firm() - up to which x a curve rests on at least FIGURE_BEYOND slower commands
 * At most that of the last mark before the largest value: there is no scale between these two.
 */
double figure_firm(const struct result_row *row);
#define FIGURE_BEYOND 10

/** figure_median() - of one metric; n 0 if it was not measured. */
struct median figure_median(const struct result_row *row, enum metric m);
/** figure_total() - failures and time-outs of all repeats. */
double figure_total(const struct result_row *row, enum metric m);

/**
 * figure_number() - for people, three digits: "1.52 µs", "456 k"; "ns", "/s" and "" scale
 * Returns @buf.
 */
char *figure_number(char *buf, size_t len, double value, const char *unit);
/** figure_interval() - of a median, "[1.49, 1.6]": in the unit in which its value is written. */
char *figure_interval(char *buf, size_t len, struct median m, const char *unit);

#endif
