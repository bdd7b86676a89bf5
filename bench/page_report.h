/* SPDX-License-Identifier: MIT */
/*
 * What `tcmu-harness report` does with results of benchmarks. Apart from page.h, since results of
 * checks and of benchmarks are structs of the same name.
 */
#ifndef BENCH_PAGE_REPORT_H
#define BENCH_PAGE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct bench_report - where it goes; NULL: nowhere
 * @html: file of the page; @data: directory for gnuplot's data; @history: file to be shown, too
 */
struct bench_report {
	const char *html, *data, *history;
};

/** bench_report_wanted() - whether "[LABEL=]FILE" looks like the result of a benchmark. */
bool bench_report_wanted(const char *arg);
/** bench_report() - of @n such arguments; prints, and returns the exit status. */
int bench_report(char *const *args, size_t n, const struct bench_report *to);

#endif
