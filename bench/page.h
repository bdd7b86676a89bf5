/* SPDX-License-Identifier: MIT */
/* Results of benchmarks as pictures: one page for a browser, and data files for gnuplot. */
#ifndef BENCH_PAGE_H
#define BENCH_PAGE_H

#include <stddef.h>

struct result;

/**
 * bench_page_write() - one page that needs nothing else
 * @results: a chapter each
 * @history: what nights have appended (see results/bench/README.md), or NULL
 * @path:    whole or not at all; "-" is standard output
 * @err:     receives one line (what, where, expected, found) on failure
 *
 * Whatever bytes the strings of a result hold, the page is well-formed and loads nothing. The same
 * results give the same page. Returns 0 or -errno.
 */
int bench_page_write(const struct result *const *results, size_t n, const char *history,
		     const char *path, char *err, size_t err_len);

/**
 * bench_data_write() - the numbers of the figures, a file each, as gnuplot reads them
 * @dir: is made if it is not there; files of the same names are replaced
 *
 * There, figures.list has a line for each: kind (latency, depth, cake, cpu, history), file and
 * title, with tabs between them. Returns 0 or -errno, with one line in @err.
 */
int bench_data_write(const struct result *const *results, size_t n, const char *history,
		     const char *dir, char *err, size_t err_len);

#endif
