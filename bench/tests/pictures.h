/* SPDX-License-Identifier: MIT */
/* Results for tests of pictures, and what is true of every page. */
#ifndef BENCH_TESTS_PICTURES_H
#define BENCH_TESTS_PICTURES_H

#include "../result.h"

/** picture_row() - a row of @n repeats that take @ns, @ns + 1, ... per command */
struct result_row *picture_row(struct result *r, const char *layer, const char *below,
			       const char *workload, double ns, int n);
/** picture_result() - four layers, a workload of two depths, one without */
struct result *picture_result(void);
/** picture_nasty() - names and reasons that nobody vouches for */
struct result *picture_nasty(void);

/** picture_file() - all of a file, to be freed */
char *picture_file(const char *path);
/** picture_page() - the page of results, to be freed; @history: a file, or NULL */
char *picture_page(const struct result *const *results, size_t n, const char *history);
char *picture_page_of(const struct result *r);

/** picture_has() - an assertion: @what is in @text */
void picture_has(const char *text, const char *what);
/** picture_count() - how often */
size_t picture_count(const char *text, const char *what);
/** picture_xml() - an assertion: well-formed, as a parser says that is not ours, if there is one */
void picture_xml(const char *text);
/** picture_alone() - an assertion: nothing is loaded, nothing runs, and links stay on the page */
void picture_alone(const char *text);

#endif
