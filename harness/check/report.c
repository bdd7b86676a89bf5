/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness report`: results of several runs, say of one handler on several kernels, as one.
 */
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
	"Exit status: 0 all good, 1 failures, 2 usage or a file that is no report, 77 nothing ran.\n";

struct options {
	const char *junit, *json, *html;
	bool tap, verbose;
};

enum { O_TAP = 256, O_JUNIT, O_JSON, O_HTML, O_VERBOSE, O_HELP };

static const struct option long_options[] = {
	{ "tap", no_argument, NULL, O_TAP },
	{ "junit", required_argument, NULL, O_JUNIT },
	{ "json", required_argument, NULL, O_JSON },
	{ "verbose", no_argument, NULL, O_VERBOSE },
	{ "html", required_argument, NULL, O_HTML },
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
			   !(o->html && !strcmp(o->html, "-"));
	char err[512];
	int rc = 0;

	if (o->junit)
		rc = report_file(rs, o->junit, report_junit, err, sizeof(err));
	if (!rc && o->json)
		rc = report_file(rs, o->json, report_json, err, sizeof(err));
	if (!rc && o->html)
		rc = report_file(rs, o->html, report_html, err, sizeof(err));
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

int verb_report(int argc, char **argv)
{
	struct options o = { 0 };
	struct results rs = { 0 };
	int c, rc = 0;

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
			o.html = optarg;
	}
	if (optind == argc)
		return usage_error("report", "expected a file, found nothing");
	for (; optind < argc && !rc; optind++)
		rc = read_one(&rs, argv[optind]);
	if (!rc)
		rc = write_all(&rs, &o);
	results_free(&rs);
	return rc;
}
