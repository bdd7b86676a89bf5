/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness report`: results of several runs, say of one handler on several kernels, as one.
 * The results are those of checks, or those of benchmarks (see bench/page_report.h).
 */
#include "../../bench/page_report.h"
#include "../report/result.h"
#include "verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"Usage: tcmu-harness report [OPTION]... [LABEL=]FILE...\n"
	"One report from what `check --json FILE` wrote: a row for each clause, a column for each\n"
	"FILE, headed LABEL (default: FILE).\n"
	"\n"
	"  --tap           TAP 14 instead of text\n"
	"  --junit FILE    JUnit XML as well; - is standard output\n"
	"  --json FILE     JSON as well; - is standard output\n"
	"  --html FILE     a page for a browser as well; - is standard output\n"
	"  --verbose       list passed cases, too\n"
	"\n"
	"Of what `bench --json FILE` wrote it makes pictures, a chapter for each FILE, titled LABEL:\n"
	"\n"
	"  --html FILE     a page for a browser; - is standard output\n"
	"  --data DIR      data files for gnuplot; bench/plot makes PNG, SVG or PDF of them\n"
	"  --history FILE  show what was measured in the past, too\n"
	"\n"
	"Exit status: 0 all good, 1 failures, 2 usage or a file that is no report, 77 nothing ran.\n";

struct options {
	const char *junit, *json;
	struct bench_report to; /* --html is for both kinds of results */
	bool tap, verbose;
};

enum { O_TAP = 256, O_JUNIT, O_JSON, O_HTML, O_DATA, O_HISTORY, O_VERBOSE, O_HELP };

static const struct option long_options[] = {
	{ "tap", no_argument, NULL, O_TAP },
	{ "junit", required_argument, NULL, O_JUNIT },
	{ "json", required_argument, NULL, O_JSON },
	{ "verbose", no_argument, NULL, O_VERBOSE },
	{ "html", required_argument, NULL, O_HTML },
	{ "data", required_argument, NULL, O_DATA },
	{ "history", required_argument, NULL, O_HISTORY },
	{ "help", no_argument, NULL, O_HELP },
	{ NULL, 0, NULL, 0 },
};

static int read_one(struct results *rs, const char *arg)
{
	char label[64], err[512];
	const char *path = strchr(arg, '=');
	int rc;

	snprintf(label, sizeof(label), "%.*s", path ? (int)(path - arg) : (int)strlen(arg), arg);
	rc = report_read(rs, path ? path + 1 : arg, label, err, sizeof(err));
	if (rc)
		fprintf(stderr, "tcmu-harness report: %s\n", err);
	return rc ? EXIT_USAGE : EXIT_OK;
}

static int write_all(const struct results *rs, const struct options *o)
{
	struct report_style style = { .colour = isatty(1) && !getenv("NO_COLOR"),
				      .verbose = o->verbose };
	bool owns_stdout = !(o->junit && !strcmp(o->junit, "-")) &&
			   !(o->json && !strcmp(o->json, "-")) &&
			   !(o->to.html && !strcmp(o->to.html, "-"));
	char err[512];
	int rc = 0;

	if (o->junit)
		rc = report_file(rs, o->junit, report_junit, err, sizeof(err));
	if (!rc && o->json)
		rc = report_file(rs, o->json, report_json, err, sizeof(err));
	if (!rc && o->to.html)
		rc = report_file(rs, o->to.html, report_html, err, sizeof(err));
	if (rc) {
		fprintf(stderr, "tcmu-harness report: %s\n", err);
		return EXIT_USAGE;
	}
	if (o->tap)
		rc = report_tap(rs, stdout);
	else if (owns_stdout)
		rc = report_text(rs, stdout, &style);
	if (rc || fflush(stdout)) {
		fprintf(stderr, "tcmu-harness report: cannot write the report: %s\n",
			strerror(rc ? -rc : errno));
		return EXIT_USAGE;
	}
	return results_exit_status(rs);
}

static int report_checks(char **files, const struct options *o)
{
	struct results rs = { 0 };
	int rc = 0;

	for (; *files && !rc; files++)
		rc = read_one(&rs, *files);
	if (!rc)
		rc = write_all(&rs, o);
	results_free(&rs);
	return rc;
}

static int report_benchmarks(char **files, size_t n, const struct options *o)
{
	if (o->tap || o->junit || o->json || o->verbose)
		return usage_error("report", "of benchmarks there are only --html and --data");
	if (!o->to.html && !o->to.data)
		return usage_error("report",
				   "expected --html FILE or --data DIR, as '%s' is of a benchmark",
				   *files);
	return bench_report(files, n, &o->to);
}

int verb_report(int argc, char **argv)
{
	struct options o = { 0 };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (c == O_HELP || c == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (c == '?' || c == ':')
			return option_error("report", c, argv);
		o.tap |= c == O_TAP;
		o.verbose |= c == O_VERBOSE;
		if (c == O_JUNIT)
			o.junit = optarg;
		if (c == O_JSON)
			o.json = optarg;
		if (c == O_HTML)
			o.to.html = optarg;
		if (c == O_DATA)
			o.to.data = optarg;
		if (c == O_HISTORY)
			o.to.history = optarg;
	}
	if (optind == argc)
		return usage_error("report", "expected a file, found nothing");
	if (bench_report_wanted(argv[optind]))
		return report_benchmarks(argv + optind, (size_t)(argc - optind), &o);
	if (o.to.data || o.to.history)
		return usage_error(
			"report",
			"--data and --history: expected the result of a benchmark, found '%s'",
			argv[optind]);
	return report_checks(argv + optind, &o);
}
