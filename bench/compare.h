/* SPDX-License-Identifier: MIT */
/*
 * Two results side by side: which rows differ, and how sure that is.
 *
 * A comparison of many rows in several metrics is many tests. At 5 % each, every run of 250 of them
 * would find a dozen differences where there are none, and an exit status made of them would say
 * nothing. So p-values are corrected after Holm: the probability that there is any false alarm in
 * the whole comparison is at most alpha, whatever depends on what. Tests that could not reach alpha
 * if all values of one side were smaller than all of the other are none: they do not count, and are
 * shown as having too few repeats.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include "result.h"
#include "statistics.h"

#include <stdio.h>

/** enum change - FEW: there are too few repeats to tell; SMALL: certain, but not beyond threshold
 */
enum change { CHANGE_FEW, CHANGE_NONE, CHANGE_SMALL, CHANGE_BETTER, CHANGE_WORSE, CHANGE_OTHER };

const char *change_name(enum change c);

/**
 * struct compared - one metric of one row
 * @ratio:    median of B over median of A; infinite or NaN if the latter is 0
 * @p:        of this test alone
 * @adjusted: corrected for all tests of the comparison
 */
struct compared {
	enum metric metric;
	struct median a, b;
	double ratio, p, adjusted;
	enum change change;
};

/**
 * struct compared_row - @a or @b is NULL if only the other one has this row; borrowed
 * @valid:  both have headline numbers: there are @n in @metrics
 * @broken: A's had, B's has none: worse than any number
 */
struct compared_row {
	const struct result_row *a, *b;
	bool valid, broken;
	struct compared metrics[METRICS];
	size_t n;
};

/** struct compare_options - @chosen: metrics to look at; @threshold as a share: 0.02 is 2 % */
struct compare_options {
	bool chosen[METRICS];
	double alpha, threshold;
	bool force, json;
};

/**
 * struct comparison - @tests: that were corrected for
 * @environment: what differs in the environments, "" if nothing
 * @options:     the same of the options
 */
struct comparison {
	const struct result *a, *b;
	struct compare_options opt;
	struct compared_row *rows;
	size_t n_rows, tests, compared, few, better, worse, broken;
	char environment[400], options[400];
};

/** compare_results() - @c is to be released with free(c->rows), results stay. 0 or -ENOMEM. */
int compare_results(struct comparison *c, const struct result *a, const struct result *b,
		    const struct compare_options *opt);
/** compare_why() - why @row has no headline number, in short. */
const char *compare_why(const struct result_row *row, char *buf, size_t len);
/** compare_text(), compare_json() - print; 0 or -errno. */
int compare_text(const struct comparison *c, FILE *out);
int compare_json(const struct comparison *c, FILE *out);

#endif
