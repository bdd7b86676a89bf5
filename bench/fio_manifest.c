/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness bench import --manifest`: a whole run that a script made with fio.
 *
 * Where starting fio takes long, one fio measures every row of a round; the manifest says which job
 * of which file is a repeat of which row, and what the script has measured beside it. One line a
 * fact, fields separated by tabs, all but the first NAME=VALUE:
 *
 *	row	layer=L	below=B	adds=A	workload=W	fio=FILE	job=NAME
 *METRIC=NUMBER... stop	layer=L	workload=W	why=TEXT	(or without a row: the whole run)
 *	option	NAME=VALUE
 *
 * A METRIC (metric.c has the names) goes before what fio says of it, but failures are the more of
 * both. A file or a job that cannot be read stops the row: the rest is kept, and marked.
 */
#include "fio.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 8192

struct manifest {
	struct result *r;
	const char *path;
	unsigned int line;
	char *err;
	size_t err_len;
	struct fio_output *fio; /* of @file, or NULL: @why */
	char file[1024], why[512];
};

/* The named fields of a line; strings lie in the line. */
struct fields {
	const char *layer, *below, *adds, *workload, *fio, *job, *why;
	double value[METRICS]; /* NAN: not said */
};

__attribute__((format(printf, 2, 3))) static int bad(const struct manifest *m, const char *fmt, ...)
{
	int n = snprintf(m->err, m->err_len, "%s: line %u: ", m->path, m->line);
	va_list ap;

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < m->err_len)
		vsnprintf(m->err + n, m->err_len - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int take_metric(const struct manifest *m, struct fields *f, const char *name,
		       const char *text)
{
	enum metric metric = metric_find(name);
	char *end;
	double v;

	if (metric == METRICS)
		return bad(m, "expected a field or metric, found '%.40s'", name);
	v = strtod(text, &end);
	if (end == text || *end || !isfinite(v) || v < 0)
		return bad(m, "%s: expected a number, found '%.40s'", name, text);
	f->value[metric] = v;
	return 0;
}

static int take_fields(const struct manifest *m, struct fields *f, char *rest)
{
	const struct {
		const char *name, **to;
	} known[] = {
		{ "layer", &f->layer }, { "below", &f->below }, { "adds", &f->adds },
		{ "fio", &f->fio },	{ "job", &f->job },	{ "workload", &f->workload },
		{ "why", &f->why },
	};
	char *field, *value;
	size_t i;
	int rc = 0;

	while (!rc && (field = strsep(&rest, "\t"))) {
		value = strchr(field, '=');
		if (!value)
			return bad(m, "expected NAME=VALUE, found '%.40s'", field);
		*value++ = 0;
		for (i = 0; i < 7 && strcmp(known[i].name, field) != 0; i++)
			;
		if (i < 7)
			*known[i].to = value;
		else
			rc = take_metric(m, f, field, value);
	}
	return rc;
}

/* Many lines in a row are about one file. */
static const struct fio_output *read_fio(struct manifest *m, const char *file)
{
	if (strcmp(m->file, file) == 0)
		return m->fio;
	fio_free(m->fio);
	snprintf(m->file, sizeof(m->file), "%s", file);
	fio_read(&m->fio, file, m->why, sizeof(m->why));
	return m->fio;
}

static const struct fio_figures *find_job(struct manifest *m, const struct fields *f)
{
	const struct fio_output *o = read_fio(m, f->fio);
	size_t i;

	if (!o)
		return NULL;
	for (i = 0; i < o->n_jobs; i++)
		if (!f->job || strcmp(o->jobs[i].name, f->job) == 0)
			return &o->jobs[i];
	snprintf(m->why, sizeof(m->why), "%.200s: expected a job called '%.100s', found none",
		 f->fio, f->job);
	m->file[0] = 0; /* the reason belongs to this job */
	fio_free(m->fio);
	m->fio = NULL;
	return NULL;
}

static int add_repeat(struct result_row *row, const struct fio_figures *job, const struct fields *f)
{
	double value[METRICS];
	int i;

	fio_values(job, value);
	for (i = 0; i < METRICS; i++) {
		if (i == METRIC_FAILED && f->value[i] < value[i])
			; /* fio has seen more of them */
		else if (!isnan(f->value[i]))
			value[i] = f->value[i];
	}
	i = result_row_repeat(row, result_row_repeats(row), value);
	return i ? i : result_row_latency(row, job->latency);
}

static int take_row(struct manifest *m, const struct fields *f)
{
	const struct fio_figures *job;
	struct result_row *row;
	int rc;

	if (!f->layer || !*f->layer || !f->workload || !*f->workload || !f->fio)
		return bad(m, "expected layer=, workload= and fio=");
	row = result_row(m->r, f->layer, f->workload);
	rc = row ? result_row_describe(row, f->below, f->adds, "fio") : -ENOMEM;
	if (rc)
		return bad(m, "%s", strerror(-rc));
	job = find_job(m, f);
	if (job && fio_empty(job)) {
		snprintf(m->why, sizeof(m->why),
			 "%.200s: job %s: expected commands that ended, found none", f->fio,
			 job->name);
		job = NULL;
	}
	if (!job) {
		result_row_stop(row, m->why);
		return 0;
	}
	rc = add_repeat(row, job, f);
	return rc ? bad(m, "%s", strerror(-rc)) : 0;
}

static int take_stop(struct manifest *m, const struct fields *f)
{
	struct result_row *row;

	if (!f->why)
		return bad(m, "expected why=");
	if (!f->layer && !f->workload) {
		result_stop(m->r, f->why);
		return 0;
	}
	if (!f->layer || !*f->layer || !f->workload || !*f->workload)
		return bad(m, "expected layer= and workload=, or none of them");
	row = result_row(m->r, f->layer, f->workload);
	if (!row)
		return bad(m, "%s", strerror(ENOMEM));
	result_row_stop(row, f->why);
	return 0;
}

static int take_option(struct manifest *m, char *rest)
{
	char *value = strchr(rest, '=');

	if (!value || value == rest)
		return bad(m, "expected NAME=VALUE, found '%.40s'", rest);
	*value++ = 0;
	if (!json_is_object(m->r->options)) {
		json_decref(m->r->options);
		m->r->options = json_object();
	}
	if (json_object_set_new(m->r->options, rest, json_string(value)))
		return bad(m, "option %.40s: expected UTF-8", rest);
	return 0;
}

static int take_line(struct manifest *m, char *line)
{
	struct fields f = { 0 };
	char *rest = line, *kind = strsep(&rest, "\t");
	int rc;

	if (!*kind)
		return 0;
	if (!rest)
		return bad(m, "expected fields behind '%.40s', found none", kind);
	if (!strcmp(kind, "option"))
		return take_option(m, rest);
	for (int i = 0; i < METRICS; i++)
		f.value[i] = NAN;
	rc = take_fields(m, &f, rest);
	if (rc)
		return rc;
	if (!strcmp(kind, "row"))
		return take_row(m, &f);
	if (!strcmp(kind, "stop"))
		return take_stop(m, &f);
	return bad(m, "expected row, stop or option, found '%.40s'", kind);
}

/* A row that has not been measured as often as others is not complete. */
static void check_repeats(struct result *r)
{
	size_t i, n, most = 0;
	char why[80];

	for (i = 0; i < r->n_rows; i++) {
		n = r->rows[i]->metric[METRIC_FAILED].n;
		most = n > most ? n : most;
	}
	for (i = 0; i < r->n_rows; i++) {
		n = r->rows[i]->metric[METRIC_FAILED].n;
		snprintf(why, sizeof(why), "it has %zu of %zu repeats", n, most);
		if (n < most)
			result_row_stop(r->rows[i], why);
	}
}

int fio_manifest(struct result *r, const char *path, char *err, size_t err_len)
{
	struct manifest m = { .r = r, .path = path, .err = err, .err_len = err_len };
	FILE *in = fopen(path, "re");
	char line[LINE_MAX_BYTES];
	int rc = 0;

	if (!in) {
		rc = -errno;
		snprintf(err, err_len, "%s: %s", path, strerror(-rc));
		return rc;
	}
	while (!rc && fgets(line, sizeof(line), in)) {
		m.line++;
		if (!strchr(line, '\n') && !feof(in)) {
			rc = bad(&m, "expected at most %d bytes", LINE_MAX_BYTES - 2);
			break;
		}
		line[strcspn(line, "\n")] = 0;
		rc = take_line(&m, line);
	}
	if (!rc && ferror(in)) {
		rc = -EIO;
		snprintf(err, err_len, "%s: %s", path, strerror(EIO));
	}
	if (!rc && !r->n_rows)
		rc = bad(&m, "expected rows, found none");
	if (!rc)
		check_repeats(r);
	fio_free(m.fio);
	fclose(in);
	return rc;
}
