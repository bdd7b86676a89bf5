/* SPDX-License-Identifier: MIT */
/*
 * Results as JSON: results/bench/schema.json. A row is a line, so that results that are kept under
 * version control differ where they differ.
 *
 * A file is written under another name beside its place, made durable, and renamed: at any moment
 * there is either the old one or the new one, whole.
 */
#include "result_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Enough to tell any two measurements apart, and 0.1 stays 0.1. */
#define DIGITS JSON_REAL_PRECISION(12)
/* Names that are tried for the new file; left-over ones have to be in the way of each. */
#define TRIES  100

static json_t *histogram_json(const struct histogram *h)
{
	json_t *buckets = json_array();
	uint32_t i;

	for (i = 0; buckets && i < HISTOGRAM_BUCKETS; i++) {
		if (h->bucket[i] &&
		    json_array_append_new(buckets,
					  json_pack("[I,I]", (json_int_t)histogram_value(i),
						    (json_int_t)h->bucket[i]))) {
			json_decref(buckets);
			return NULL;
		}
	}
	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:o}", "step_bits", HISTOGRAM_STEP_BITS,
			 "count", (json_int_t)h->count, "sum", (json_int_t)h->sum, "min",
			 (json_int_t)histogram_min(h), "max", (json_int_t)h->max, "buckets",
			 buckets);
}

static json_t *metrics_json(const struct result_row *row)
{
	json_t *metrics = json_object(), *values;
	const struct series *s;
	size_t i;
	int m, rc = 0;

	for (m = 0; metrics && m < METRICS; m++) {
		s = &row->metric[m];
		if (!s->n)
			continue;
		values = json_array();
		for (i = 0; i < s->n; i++) {
			while (json_array_size(values) < s->repeats[i] && !rc)
				rc = json_array_append_new(values, json_null());
			rc |= json_array_append_new(values, json_real(s->values[i]));
		}
		rc |= json_object_set_new(metrics, metric_kind((enum metric)m)->name, values);
	}
	if (rc) {
		json_decref(metrics);
		return NULL;
	}
	return metrics;
}

static json_t *row_json(const struct result_row *row)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:o}", "layer", row->layer,
				   "below", row->below, "adds", row->adds, "workload",
				   row->workload, "side", row->side, "complete", row->complete,
				   "why", row->why, "metrics", metrics_json(row));

	if (object && row->latency && row->latency->count &&
	    json_object_set_new(object, "latency_ns", histogram_json(row->latency))) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* Put @value on @out on one line, and release it; false if that failed. */
static bool put(FILE *out, json_t *value)
{
	bool good = value && !json_dumpf(value, out, JSON_ENCODE_ANY | JSON_COMPACT | DIGITS);

	json_decref(value);
	return good;
}

static bool put_result(FILE *out, const struct result *r)
{
	bool good;
	size_t i;

	fprintf(out, "{\"schema\":%d,\n\"title\":", RESULT_SCHEMA);
	good = put(out, json_string(r->title));
	fputs(",\n\"when\":", out);
	good = good && put(out, json_string(r->when));
	fprintf(out, ",\n\"complete\":%s,\n\"why\":", r->complete ? "true" : "false");
	good = good && put(out, json_string(r->why));
	fputs(",\n\"environment\":", out);
	good = good && put(out, json_incref(r->environment));
	if (r->env) {
		fputs(",\n\"env\":", out);
		good = good && put(out, json_incref(r->env));
	}
	fputs(",\n\"options\":", out);
	good = good && put(out, json_incref(r->options));
	fputs(",\n\"rows\":[", out);
	for (i = 0; good && i < r->n_rows; i++) {
		fputs(i ? ",\n" : "\n", out);
		good = put(out, row_json(r->rows[i]));
	}
	fputs("\n]}\n", out);
	return good && !ferror(out);
}

static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Devices and pipes are written to as they are. */
static int write_through(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = write_all(fd, text, len);
	if (close(fd) && !rc)
		rc = -errno;
	return rc;
}

/* The name is durable once its directory is; where that cannot be had, the file is whole still. */
static void sync_directory(const char *path)
{
	char dir[PATH_MAX];
	char *slash;
	int fd;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = 0;
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

/* A new file beside @path, with the rights that new files have; its name in @name. */
static int open_beside(const char *path, char *name, size_t len)
{
	int fd = -1, i;

	for (i = 0; fd < 0 && i < TRIES; i++) {
		if (snprintf(name, len, "%s.%d-%d.new", path, (int)getpid(), i) >= (int)len)
			return -ENAMETOOLONG;
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd < 0 ? -errno : fd;
}

/* @old: what is replaced, NULL if there is nothing yet */
static int write_beside(const char *path, const struct stat *old, const char *text, size_t len)
{
	char name[PATH_MAX];
	int fd = open_beside(path, name, sizeof(name)), rc;

	if (fd < 0)
		return fd;
	rc = write_all(fd, text, len);
	if (!rc && old && fchmod(fd, old->st_mode & 07777))
		rc = -errno;
	if (!rc && fsync(fd))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(name, path))
		rc = -errno;
	if (rc)
		unlink(name);
	else
		sync_directory(path);
	return rc;
}

static int write_file(const char *path, const char *text, size_t len)
{
	char real[PATH_MAX];
	struct stat st;

	/* what a link leads to is replaced, not the link */
	if (!realpath(path, real))
		return errno == ENOENT ? write_beside(path, NULL, text, len) : -errno;
	if (stat(real, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return write_through(real, text, len);
	return write_beside(real, &st, text, len);
}

int result_write_text(const char *path, const char *text, size_t len)
{
	return strcmp(path, "-") ? write_file(path, text, len)
				 : write_all(STDOUT_FILENO, text, len);
}

int result_write(const struct result *r, const char *path, char *err, size_t err_len)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool good = out && put_result(out, r);
	int rc = 0;

	if (!out || fclose(out) || !good)
		rc = -ENOMEM;
	else
		rc = result_write_text(path, text, len);
	free(text);
	if (rc)
		snprintf(err, err_len, "%s: cannot write the result: %s",
			 strcmp(path, "-") ? path : "standard output", strerror(-rc));
	return rc;
}
