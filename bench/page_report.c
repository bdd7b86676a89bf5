/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness report` for results of benchmarks: the page, and data files for gnuplot, from what
 * `tcmu-harness bench --json FILE` wrote earlier.
 */
#include "page_report.h"

#include "../harness/check/verbs.h"
#include "page.h"
#include "result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool bench_report_wanted(const char *arg)
{
	const char *path = strchr(arg, '=');
	json_t *root = json_load_file(path ? path + 1 : arg, 0, NULL);
	bool wanted = json_is_array(json_object_get(root, "rows"));

	json_decref(root);
	return wanted;
}

/* One argument "[LABEL=]FILE": a label takes the place of the title. */
static struct result *read_one(const char *arg)
{
	const char *path = strchr(arg, '=');
	struct result *r;
	char err[512], *title;

	if (result_read(&r, path ? path + 1 : arg, err, sizeof(err))) {
		fprintf(stderr, "tcmu-harness report: %s\n", err);
		return NULL;
	}
	title = path ? strndup(arg, (size_t)(path - arg)) : NULL;
	if (title) {
		free(r->title);
		r->title = title;
	}
	return r;
}

int bench_report(char *const *args, size_t n, const struct bench_report *to)
{
	struct result **results = calloc(n + 1, sizeof(*results));
	const struct result *const *read = (const struct result *const *)results;
	char err[512];
	size_t got = 0;
	int ret = results ? 0 : -1;

	snprintf(err, sizeof(err), "out of memory");
	while (!ret && got < n) {
		results[got] = read_one(args[got]);
		if (!results[got])
			goto out;
		got++;
	}
	if (!ret && to->html)
		ret = bench_page_write(read, n, to->history, to->html, err, sizeof(err));
	if (!ret && to->data)
		ret = bench_data_write(read, n, to->history, to->data, err, sizeof(err));
	if (ret)
		fprintf(stderr, "tcmu-harness report: %s\n", err);
out:
	for (size_t i = 0; i < got; i++)
		result_free(results[i]);
	free(results);
	return !ret && got == n ? EXIT_OK : EXIT_USAGE;
}
