/* SPDX-License-Identifier: MIT */
/* What nights have appended to a history (see results/bench/README.md), as curves. */
#ifndef BENCH_FIGURE_HISTORY_H
#define BENCH_FIGURE_HISTORY_H

#include "result.h"
#include "statistics.h"

/* At most so much is shown: the latest nights, environments seen last, rows of the latest nights.
 */
#define HISTORY_NIGHTS 200
#define HISTORY_PARTS  3
#define HISTORY_CURVES 512

/** struct history_curve - of one row; strings are the history's. */
struct history_curve {
	const char *layer, *workload;
};

/** struct history_part - nights of one environment, in order; @n of them. */
struct history_part {
	const char *environment;
	json_t *nights;
	struct history_curve *curves;
	size_t n, n_curves;
};

/** struct histories - by environment, the one seen last first; @more are not shown. */
struct histories {
	json_t *lines;
	struct history_part parts[HISTORY_PARTS];
	size_t n, more;
};

/**
 * histories_make() - of the file @path, NULL for none; histories_free() is due either way
 * Returns 0 or -errno, with one line in @err.
 */
int histories_make(struct histories *h, const char *path, char *err, size_t err_len);
void histories_free(struct histories *h);
/** history_text() - "when", "commit", "version" or "title" of a night. */
const char *history_text(const struct history_part *part, size_t night, const char *name);
/**
 * history_point() - what a row had in a night
 * False if there was no such row. @out->n is 0 if it had no number, because of failures or since it
 * was not measured.
 */
bool history_point(const struct history_part *part, const struct history_curve *curve, size_t night,
		   enum metric m, struct median *out);

#endif
