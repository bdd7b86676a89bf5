/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness bench import`: rows from what fio measured elsewhere, on a real device for
 * instance.
 *
 * One file is one repeat. Each job in it is a workload, by its name: the jobs of bench/jobs have
 * the names that the benchmark's own workloads have, so that both can be compared.
 */
#include "../harness/check/verbs.h"
#include "../harness/env/env.h"
#include "environment.h"
#include "fio.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: tcmu-harness bench import --layer NAME -o RESULT.json [OPTION]... FIO.json...\n"
	"       tcmu-harness bench import --manifest FILE -o RESULT.json [OPTION]...\n"
	"Make a result of what fio --output-format=json+ wrote. Each file is one repeat.\n"
	"\n"
	"  --layer NAME        what was measured: \"TCMU in Linux 6.12, our handler\"\n"
	"  --below NAME        the layer that this one adds one thing to\n"
	"  --adds TEXT         what that is\n"
	"  --manifest FILE     take rows, repeats and other figures from FILE; bench/fio_manifest.c\n"
	"                      says how it looks\n"
	"  --workload NAME     in place of the name of the job, of which there may be only one\n"
	"  --title TEXT        of a new result\n"
	"  --environment FILE  where it was measured: a JSON object, or a result, whose own is\n"
	"                      taken; default: here\n"
	"  --append            add to a RESULT.json that is there\n"
	"  -o, --output FILE   the result; - is standard output\n"
	"  -h, --help          this text\n";

struct import {
	const char *layer, *below, *adds, *workload, *manifest, *title, *environment, *output;
	bool append;
	char **files;
	size_t n_files;
	struct result *result;
	char version[32];
	bool whole;
	char err[400];
};

static int complain(const char *line)
{
	fprintf(stderr, "tcmu-harness bench import: %s\n", line);
	return EXIT_USAGE;
}

/* A result's environment if it has one, else the object as it is. */
static int take_environment(struct import *im)
{
	json_error_t e;
	json_t *all, *env;

	if (!im->environment) {
		json_decref(im->result->environment);
		im->result->environment = environment_now();
		im->result->env = env_now();
		return im->result->environment ? 0 : -ENOMEM;
	}
	all = json_load_file(im->environment, JSON_REJECT_DUPLICATES, &e);
	env = json_object_get(all, "environment");
	if (!env)
		env = all;
	if (!json_is_object(env)) {
		snprintf(im->err, sizeof(im->err), "--environment %s: %s", im->environment,
			 all ? "expected a JSON object" : e.text);
		json_decref(all);
		return -EINVAL;
	}
	json_decref(im->result->environment);
	im->result->environment = json_incref(env);
	json_decref(all);
	return 0;
}

static int open_result(struct import *im)
{
	int rc;

	if (im->append)
		return result_read(&im->result, im->output, im->err, sizeof(im->err));
	im->result = result_new(im->title);
	rc = im->result ? take_environment(im) : -ENOMEM;
	if (rc == -ENOMEM)
		snprintf(im->err, sizeof(im->err), "%s", strerror(ENOMEM));
	return rc;
}

/* What is taken for repeats of one thing must have been made in one way. */
static int same_kind(struct import *im, const struct fio_output *o, const char *path)
{
	size_t i;

	if (im->workload && o->n_jobs > 1) {
		snprintf(im->err, sizeof(im->err),
			 "%s: expected one job, as --workload names it, found %zu", path,
			 o->n_jobs);
		return -EINVAL;
	}
	if (!im->version[0]) {
		snprintf(im->version, sizeof(im->version), "%s", o->version);
		im->whole = o->jobs[0].whole;
	}
	if (strcmp(im->version, o->version) != 0) {
		snprintf(im->err, sizeof(im->err), "%s: expected %s as in %s, found %s", path,
			 im->version, im->files[0], o->version);
		return -EINVAL;
	}
	for (i = 0; i < o->n_jobs; i++) {
		if (fio_empty(&o->jobs[i])) {
			snprintf(im->err, sizeof(im->err),
				 "%s: job %s: expected commands that ended, found none", path,
				 o->jobs[i].name);
			return -EINVAL;
		}
		if (o->jobs[i].whole == im->whole)
			continue;
		snprintf(im->err, sizeof(im->err),
			 "%s: job %s: expected bins in %s as in %s's first job", path,
			 o->jobs[i].name, im->whole ? "lat_ns" : "clat_ns alone", im->files[0]);
		return -EINVAL;
	}
	return 0;
}

static int add_jobs(struct import *im, const struct fio_output *o)
{
	struct result_row *row;
	size_t i;
	int rc = 0;

	for (i = 0; i < o->n_jobs && !rc; i++) {
		row = result_row(im->result, im->layer,
				 im->workload ? im->workload : o->jobs[i].name);
		rc = row ? result_row_describe(row, im->below, im->adds, "fio") : -ENOMEM;
		if (!rc)
			rc = fio_add(row, &o->jobs[i]);
	}
	if (rc)
		snprintf(im->err, sizeof(im->err), "%s", strerror(-rc));
	return rc;
}

static int add_file(struct import *im, const char *path)
{
	struct fio_output *o;
	int rc = fio_read(&o, path, im->err, sizeof(im->err));

	if (!rc)
		rc = same_kind(im, o, path);
	if (!rc)
		rc = add_jobs(im, o);
	fio_free(o);
	return rc;
}

/* A job that is not in all files has not been repeated as often as the others. */
static void check_repeats(struct import *im)
{
	struct result_row *row;
	char why[80];
	size_t i;

	for (i = 0; i < im->result->n_rows; i++) {
		row = im->result->rows[i];
		if (strcmp(row->layer, im->layer) != 0 ||
		    row->metric[METRIC_FAILED].n >= im->n_files)
			continue;
		snprintf(why, sizeof(why), "it is in %zu of %zu files of fio's",
			 row->metric[METRIC_FAILED].n, im->n_files);
		result_row_stop(row, why);
	}
}

/* options.import.LAYER: how */
static int describe(struct import *im)
{
	json_t *o = json_pack("{s:s, s:s, s:I}", "fio", im->version, "latency",
			      im->whole ? "submission to completion"
					: "end of submission to completion",
			      "files", (json_int_t)im->n_files),
	       *all;
	int rc = -1;

	if (!json_is_object(im->result->options)) {
		json_decref(im->result->options);
		im->result->options = json_object();
	}
	if (!json_is_object(json_object_get(im->result->options, "import")))
		json_object_set_new(im->result->options, "import", json_object());
	all = json_object_get(im->result->options, "import");
	if (o && all)
		rc = json_object_set(all, im->layer, o);
	json_decref(o);
	if (rc)
		snprintf(im->err, sizeof(im->err), "%s", strerror(ENOMEM));
	return rc;
}

static int import(struct import *im)
{
	size_t i;
	int rc = open_result(im);

	for (i = 0; i < im->n_files && !rc; i++)
		rc = add_file(im, im->files[i]);
	if (!rc)
		rc = im->manifest ? fio_manifest(im->result, im->manifest, im->err, sizeof(im->err))
				  : describe(im);
	if (!rc && !im->manifest)
		check_repeats(im);
	if (!rc)
		rc = result_write(im->result, im->output, im->err, sizeof(im->err));
	result_free(im->result);
	return rc ? complain(im->err) : EXIT_OK;
}

static int parse_options(struct import *im, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "layer", required_argument, NULL, 'l' },
		{ "below", required_argument, NULL, 'b' },
		{ "adds", required_argument, NULL, 'a' },
		{ "workload", required_argument, NULL, 'w' },
		{ "manifest", required_argument, NULL, 'm' },
		{ "title", required_argument, NULL, 't' },
		{ "environment", required_argument, NULL, 'e' },
		{ "append", no_argument, NULL, '+' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 0; /* there may have been another parser before us */
	while ((c = getopt_long(argc, argv, ":ho:", longs, NULL)) != -1) {
		switch (c) {
		case 'l':
			im->layer = optarg;
			break;
		case 'b':
			im->below = optarg;
			break;
		case 'a':
			im->adds = optarg;
			break;
		case 'w':
			im->workload = optarg;
			break;
		case 'm':
			im->manifest = optarg;
			break;
		case 't':
			im->title = optarg;
			break;
		case 'e':
			im->environment = optarg;
			break;
		case 'o':
			im->output = optarg;
			break;
		case '+':
			im->append = true;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return option_error("bench import", c, argv);
		}
	}
	im->files = argv + optind;
	im->n_files = (size_t)(argc - optind);
	return -1;
}

int bench_import(int argc, char **argv)
{
	struct import im = { .below = "", .adds = "", .title = "fio" };
	int rc = parse_options(&im, argc, argv);

	if (rc >= 0)
		return rc;
	if (im.manifest && (im.layer || im.below[0] || im.adds[0] || im.workload || im.n_files))
		return usage_error("bench import",
				   "--manifest: it names layers, workloads and files itself");
	if (!im.manifest && (!im.layer || !*im.layer))
		return usage_error("bench import", "expected --layer NAME");
	if (!im.output)
		return usage_error("bench import", "expected -o RESULT.json");
	if (im.workload && !*im.workload)
		return usage_error("bench import", "--workload: expected a name");
	if (im.append && !strcmp(im.output, "-"))
		return usage_error("bench import", "--append: expected -o with a file");
	if (im.append && im.environment)
		return usage_error("bench import",
				   "--environment: a result that is there has its own already");
	if (!im.manifest && !im.n_files)
		return usage_error("bench import", "expected what fio wrote: FIO.json...");
	return import(&im);
}
