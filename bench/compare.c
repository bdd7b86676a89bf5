/* SPDX-License-Identifier: MIT */
/* `tcmu-harness compare`: its options, its files and its exit status. */
#include "compare.h"
#include "history.h"
#include "verbs.h"

#include "../harness/check/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: tcmu-harness compare [OPTION]... A B\n"
	"       tcmu-harness compare --history FILE RESULT\n"
	"Compare two results of tcmu-harness bench: A before, B after. `~` is no difference.\n"
	"\n"
	"  --metric LIST    these metrics, separated by commas, or all (default iops,\n"
	"                   latency_p50_ns,latency_p99_ns,cpu_initiator_ns,cpu_handler_ns)\n"
	"  --alpha P        how likely a false alarm may be, over all rows and metrics (0.05)\n"
	"  --threshold P%   the smallest change of interest (2%)\n"
	"  --force          although they were measured in different environments\n"
	"  --json           as JSON\n"
	"  --history FILE   compare nothing: append the medians of RESULT to FILE\n"
	"\n"
	"Exit status: 0 nothing got worse, 1 something did, 2 usage, or files that are not\n"
	"comparable, 77 the two have nothing in common.\n";

/* No letters: option_error() would take them for short options. */
enum { OPT_METRIC = 256, OPT_ALPHA, OPT_THRESHOLD, OPT_HISTORY, OPT_FORCE, OPT_JSON };

static bool parse_share(const char *text, double max, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end != text && *end == '%') {
		*out /= 100;
		end++;
	}
	return end != text && !*end && *out >= 0 && *out <= max;
}

/* Names separated by commas; a complaint is printed. */
static int parse_metrics(const char *list, bool *chosen)
{
	size_t len;
	enum metric m;
	char name[64];

	memset(chosen, strcmp(list, "all") == 0, METRICS * sizeof(*chosen));
	if (!strcmp(list, "all"))
		return 0;
	for (;; list += len + 1) {
		len = strcspn(list, ",");
		snprintf(name, sizeof(name), "%.*s", (int)len, list);
		m = metric_find(name);
		if (m == METRICS)
			return usage_error("compare",
					   "--metric: expected the name of a metric, as in "
					   "latency_p99_ns, found '%s'",
					   name);
		chosen[m] = true;
		if (!list[len])
			return 0;
	}
}

static int parse_option(struct compare_options *opt, int c, const char **history)
{
	switch (c) {
	case OPT_METRIC:
		return parse_metrics(optarg, opt->chosen);
	case OPT_ALPHA:
		if (!parse_share(optarg, 0.5, &opt->alpha) || opt->alpha <= 0)
			return usage_error(
				"compare",
				"--alpha: expected more than 0 and at most 0.5, found '%s'",
				optarg);
		return 0;
	case OPT_THRESHOLD:
		if (!parse_share(optarg, 1, &opt->threshold))
			return usage_error("compare",
					   "--threshold: expected 0%% to 100%%, found '%s'",
					   optarg);
		return 0;
	case OPT_HISTORY:
		*history = optarg;
		return 0;
	case OPT_FORCE:
		opt->force = true;
		return 0;
	default:
		opt->json = true;
		return 0;
	}
}

static int parse(int argc, char **argv, struct compare_options *opt, const char **history)
{
	static const struct option longs[] = {
		{ "metric", required_argument, NULL, OPT_METRIC },
		{ "alpha", required_argument, NULL, OPT_ALPHA },
		{ "threshold", required_argument, NULL, OPT_THRESHOLD },
		{ "history", required_argument, NULL, OPT_HISTORY },
		{ "force", no_argument, NULL, OPT_FORCE },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, rc = 0;

	opterr = 0;
	while (!rc && (c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (c == '?' || c == ':')
			return option_error("compare", c, argv);
		rc = parse_option(opt, c, history);
	}
	if (!rc && argc - optind != (*history ? 1 : 2))
		rc = usage_error("compare", "expected %s, found %d argument%s",
				 *history ? "one result" : "two results, A and B", argc - optind,
				 argc - optind == 1 ? "" : "s");
	return rc;
}

static struct result *load(const char *path)
{
	struct result *r;
	char err[400];

	if (!result_read(&r, path, err, sizeof(err)))
		return r;
	fprintf(stderr, "tcmu-harness compare: %s\n", err);
	return NULL;
}

static int append(const char *result, const char *history)
{
	struct result *r = load(result);
	char err[400];
	int rc = EXIT_USAGE;

	if (r && !history_append(r, history, err, sizeof(err)))
		rc = EXIT_OK;
	else if (r)
		fprintf(stderr, "tcmu-harness compare: %s\n", err);
	result_free(r);
	return rc;
}

static int status_of(const struct comparison *c)
{
	if (c->worse || c->broken)
		return EXIT_FAILED;
	if (c->compared)
		return EXIT_OK;
	fputs("tcmu-harness compare: expected a row with numbers in both results, found none\n",
	      stderr);
	return EXIT_NOTHING;
}

static int compare(const struct result *a, const struct result *b,
		   const struct compare_options *opt)
{
	struct comparison c;
	int rc = compare_results(&c, a, b, opt), status = EXIT_USAGE;

	if (!rc && *c.environment && !opt->force) {
		fprintf(stderr,
			"tcmu-harness compare: expected results of one environment, found %s "
			"(--force compares them all the same)\n",
			c.environment);
		goto out;
	}
	if (!rc)
		rc = opt->json ? compare_json(&c, stdout) : compare_text(&c, stdout);
	if (rc)
		fprintf(stderr, "tcmu-harness compare: %s\n", strerror(-rc));
	else
		status = status_of(&c);
out:
	free(c.rows);
	return status;
}

int verb_compare(int argc, char **argv)
{
	struct compare_options opt = { .alpha = 0.05, .threshold = 0.02 };
	const char *history = NULL;
	struct result *a, *b = NULL;
	int rc;

	opt.chosen[METRIC_IOPS] = opt.chosen[METRIC_P50] = opt.chosen[METRIC_P99] = true;
	opt.chosen[METRIC_CPU_INITIATOR] = opt.chosen[METRIC_CPU_HANDLER] = true;
	rc = parse(argc, argv, &opt, &history);
	if (rc)
		return rc < 0 ? EXIT_OK : rc;
	if (history)
		return append(argv[optind], history);
	a = load(argv[optind]);
	if (a)
		b = load(argv[optind + 1]);
	rc = a && b ? compare(a, b, &opt) : EXIT_USAGE;
	result_free(a);
	result_free(b);
	return rc;
}
