/* SPDX-License-Identifier: MIT */
/*
 * What results said, night by night: a file with one line of JSON for each, see
 * results/bench/README.md.
 */
#ifndef BENCH_HISTORY_H
#define BENCH_HISTORY_H

#include "result.h"

/**
 * history_line() - what is kept of a result, an object to be released; NULL if out of memory
 * Of each row that has headline numbers the medians of them, of others why not.
 */
json_t *history_line(const struct result *r);
/**
 * history_append() - add a line to @path, whole or not at all
 * 0 or -errno with one line in @err.
 */
int history_append(const struct result *r, const char *path, char *err, size_t err_len);
/**
 * history_read() - all lines of @path: an array of what history_line() gave, to be released
 * Everything is checked. On failure NULL, and one line in @err (file, line, expected, found).
 */
json_t *history_read(const char *path, char *err, size_t err_len);

#endif
