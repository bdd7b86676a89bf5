/* SPDX-License-Identifier: MIT */
/*
 * Results read back from JSON. Files come from other machines and other versions, or were cut
 * short: everything is checked before it is believed, and what is wrong is refused as a whole, in
 * one line that says where, what was expected and what was found.
 */
#include "result_impl.h"

#include "../harness/text_file.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * struct reader - where a complaint goes
 * @at: place in the file, for people: "rows[3].metrics"
 */
struct reader {
	const char *path;
	char at[64];
	char *err;
	size_t err_len;
};

/* Make @text fit for a message, in place: it came out of a file. */
static void one_line(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
			*text = '?';
	}
}

static int __attribute__((format(printf, 2, 3)))
refuse(const struct reader *rd, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	one_line(what);
	snprintf(rd->err, rd->err_len, "%s: %s: %s", rd->path, rd->at, what);
	return -EINVAL;
}

static const char *type_name(const json_t *value)
{
	static const char *const names[] = { "an object",  "an array", "a text", "a whole number",
					     "a fraction", "true",     "false",	 "null" };

	return value ? names[json_typeof(value)] : "nothing";
}

/* The members of @object are those of the NULL-terminated list, no others. */
static int check_members(const struct reader *rd, json_t *object, const char *const *names)
{
	const char *key;
	json_t *value;
	size_t i;

	if (!json_is_object(object))
		return refuse(rd, "expected an object, found %s", type_name(object));
	json_object_foreach(object, key, value)
	{
		for (i = 0; names[i] && strcmp(key, names[i]) != 0; i++)
			;
		if (!names[i])
			return refuse(rd, "expected no member of that name, found '%.60s'", key);
	}
	return 0;
}

static int take_text(const struct reader *rd, const json_t *object, const char *name, size_t max,
		     const char **out)
{
	const json_t *value = json_object_get(object, name);
	const char *text = json_string_value(value), *s;
	size_t step;

	if (!text)
		return refuse(rd, "%s: expected a text, found %s", name, type_name(value));
	if (json_string_length(value) > max)
		return refuse(rd, "%s: expected at most %zu bytes, found %zu", name, max,
			      json_string_length(value));
	for (s = text; s < text + json_string_length(value); s += step) {
		step = result_text_step(s);
		if (!step)
			return refuse(rd, "%s: expected text on one line, found control characters",
				      name);
	}
	*out = text;
	return 0;
}

static int replace_text(const struct reader *rd, const json_t *object, const char *name, size_t max,
			char **out)
{
	const char *text = NULL;
	char *copy;
	int rc = take_text(rd, object, name, max, &text);

	if (rc)
		return rc;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*out);
	*out = copy;
	return 0;
}

static int take_bool(const struct reader *rd, const json_t *object, const char *name, bool *out)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_boolean(value))
		return refuse(rd, "%s: expected true or false, found %s", name, type_name(value));
	*out = json_is_true(value);
	return 0;
}

static int take_count(const struct reader *rd, const json_t *value, const char *name, uint64_t *out)
{
	if (!json_is_integer(value))
		return refuse(rd, "%s: expected a whole number, found %s", name, type_name(value));
	if (json_integer_value(value) < 0)
		return refuse(rd, "%s: expected 0 or more, found %lld", name,
			      (long long)json_integer_value(value));
	*out = (uint64_t)json_integer_value(value);
	return 0;
}

/* "complete" and "why" belong together. */
static int take_complete(const struct reader *rd, const json_t *object, bool *complete, char **why)
{
	int rc = take_bool(rd, object, "complete", complete);

	if (!rc)
		rc = replace_text(rd, object, "why", RESULT_WHY_MAX, why);
	if (!rc && *complete && **why)
		rc = refuse(rd, "why: expected \"\" of what is complete, found '%.60s'", *why);
	return rc;
}

/* --- latencies -----------------------------------------------------------------------------------
 */

/* One [ns, count]; @last is the bucket before it plus one. */
static int read_bucket(const struct reader *rd, const json_t *pair, struct histogram *h,
		       uint32_t *last)
{
	uint64_t ns, n;
	uint32_t bucket;
	int rc;

	if (json_array_size(pair) != 2)
		return refuse(rd, "buckets: expected [nanoseconds, count], found something else");
	rc = take_count(rd, json_array_get(pair, 0), "buckets", &ns);
	if (!rc)
		rc = take_count(rd, json_array_get(pair, 1), "buckets", &n);
	if (rc)
		return rc;
	bucket = histogram_bucket(ns);
	if (histogram_value(bucket) != ns || !n || bucket < *last || n > INT64_MAX - h->count)
		return refuse(rd,
			      "buckets: expected middles of buckets in order, each with a count, "
			      "found [%llu, %llu]",
			      (unsigned long long)ns, (unsigned long long)n);
	*last = bucket + 1;
	h->bucket[bucket] = n;
	h->count += n;
	return 0;
}

static int check_bounds(const struct reader *rd, const struct histogram *h, uint64_t count,
			uint64_t min, uint32_t last)
{
	double sum = (double)h->sum, n = (double)count;
	uint32_t first = 0;

	if (h->count != count || !count)
		return refuse(rd, "count: expected the sum of all buckets (%llu), found %llu",
			      (unsigned long long)h->count, (unsigned long long)count);
	while (!h->bucket[first])
		first++;
	if (histogram_bucket(min) != first || histogram_bucket(h->max) != last - 1 || min > h->max)
		return refuse(
			rd,
			"min, max: expected those of the first and last bucket, found %llu, %llu",
			(unsigned long long)min, (unsigned long long)h->max);
	/* rounding of doubles: an ulp each way */
	if (sum < n * (double)min * (1 - 1e-12) || sum > n * (double)h->max * (1 + 1e-12))
		return refuse(rd,
			      "sum: expected it between count * min and count * max, found %llu",
			      (unsigned long long)h->sum);
	return 0;
}

static int read_histogram(const struct reader *rd, json_t *object, struct histogram *h)
{
	static const char *const members[] = { "step_bits", "count",   "sum", "min",
					       "max",	    "buckets", NULL };
	const json_t *buckets = json_object_get(object, "buckets"), *pair;
	uint64_t bits = 0, count = 0, min = 0;
	uint32_t last = 0;
	size_t i;
	int rc = check_members(rd, object, members);

	if (!rc)
		rc = take_count(rd, json_object_get(object, "step_bits"), "step_bits", &bits);
	if (!rc && bits != HISTOGRAM_STEP_BITS)
		rc = refuse(rd, "step_bits: expected %d, found %llu", HISTOGRAM_STEP_BITS,
			    (unsigned long long)bits);
	if (!rc)
		rc = take_count(rd, json_object_get(object, "count"), "count", &count);
	if (!rc)
		rc = take_count(rd, json_object_get(object, "sum"), "sum", &h->sum);
	if (!rc)
		rc = take_count(rd, json_object_get(object, "min"), "min", &min);
	if (!rc)
		rc = take_count(rd, json_object_get(object, "max"), "max", &h->max);
	if (!rc && !json_is_array(buckets))
		rc = refuse(rd, "buckets: expected an array, found %s", type_name(buckets));
	for (i = 0; !rc && i < json_array_size(buckets); i++) {
		pair = json_array_get(buckets, i);
		rc = read_bucket(rd, pair, h, &last);
	}
	if (!rc)
		rc = check_bounds(rd, h, count, min, last);
	h->inv_min = UINT64_MAX - min;
	return rc;
}

/* --- rows ----------------------------------------------------------------------------------------
 */

static int read_series(const struct reader *rd, struct result_row *row, const char *name,
		       const json_t *values)
{
	enum metric m = metric_find(name);
	const json_t *value;
	size_t i;
	int rc = 0;

	if (m == METRICS)
		return refuse(rd, "metrics: expected the name of a metric, found '%.60s'", name);
	if (!json_array_size(values) || json_array_size(values) > RESULT_VALUES_MAX)
		return refuse(rd,
			      "metrics: %s: expected an array of 1 to %d numbers, found %s of %zu",
			      name, RESULT_VALUES_MAX, type_name(values), json_array_size(values));
	for (i = 0; !rc && i < json_array_size(values); i++) {
		value = json_array_get(values, i);
		if (json_is_null(value))
			continue; /* a repeat without one */
		if (!json_is_number(value) || json_number_value(value) < 0)
			return refuse(rd, "metrics: %s[%zu]: expected a number from 0, found %s",
				      name, i, json_is_number(value) ? "less" : type_name(value));
		rc = result_row_value(row, (uint32_t)i, m, json_number_value(value));
	}
	if (!rc && !row->metric[m].n)
		return refuse(rd, "metrics: %s: expected a number in some repeat, found none",
			      name);
	return rc;
}

static int read_row(struct reader *rd, struct result *r, json_t *object)
{
	static const char *const members[] = { "layer",	   "below", "adds",    "workload",   "side",
					       "complete", "why",   "metrics", "latency_ns", NULL };
	const char *layer = NULL, *workload = NULL, *name;
	json_t *metrics = json_object_get(object, "metrics"), *values, *latency;
	struct result_row *row;
	size_t before = r->n_rows;
	int rc = check_members(rd, object, members);

	if (!rc)
		rc = take_text(rd, object, "layer", RESULT_NAME_MAX, &layer);
	if (!rc)
		rc = take_text(rd, object, "workload", RESULT_NAME_MAX, &workload);
	if (rc)
		return rc;
	row = result_row(r, layer, workload);
	if (!row)
		return -ENOMEM;
	if (r->n_rows == before)
		return refuse(rd, "expected a row of its own, found '%.60s', '%.60s' once more",
			      layer, workload);
	rc = replace_text(rd, object, "below", RESULT_NAME_MAX, &row->below);
	if (!rc)
		rc = replace_text(rd, object, "adds", RESULT_NAME_MAX, &row->adds);
	if (!rc)
		rc = replace_text(rd, object, "side", RESULT_NAME_MAX, &row->side);
	if (!rc)
		rc = take_complete(rd, object, &row->complete, &row->why);
	if (!rc && !json_is_object(metrics))
		rc = refuse(rd, "metrics: expected an object, found %s", type_name(metrics));
	if (rc)
		return rc;
	json_object_foreach(metrics, name, values)
	{
		rc = read_series(rd, row, name, values);
		if (rc)
			return rc;
	}
	latency = json_object_get(object, "latency_ns");
	if (!latency)
		return 0;
	row->latency = calloc(1, sizeof(*row->latency));
	return row->latency ? read_histogram(rd, latency, row->latency) : -ENOMEM;
}

/* --- the file ------------------------------------------------------------------------------------
 */

static int take_object(const struct reader *rd, const json_t *root, const char *name, json_t **out)
{
	json_t *value = json_object_get(root, name);

	if (!json_is_object(value))
		return refuse(rd, "%s: expected an object, found %s", name, type_name(value));
	json_decref(*out);
	*out = json_incref(value);
	return 0;
}

static int read_root(struct reader *rd, struct result *r, json_t *root)
{
	static const char *const members[] = {
		"schema",      "title", "when",	   "complete", "why",
		"environment", "env",	"options", "rows",     NULL
	};
	const json_t *schema = json_object_get(root, "schema"), *rows;
	size_t i;
	int rc;

	/* first of all: of another schema nothing else is known */
	if (!json_is_object(root) || !json_is_integer(schema))
		return refuse(rd, "expected {\"schema\":%d, ...}, found something else",
			      RESULT_SCHEMA);
	if (json_integer_value(schema) != RESULT_SCHEMA)
		return refuse(rd, "schema: expected %d, found %lld", RESULT_SCHEMA,
			      (long long)json_integer_value(schema));
	rc = check_members(rd, root, members);
	if (!rc)
		rc = replace_text(rd, root, "title", RESULT_NAME_MAX, &r->title);
	if (!rc)
		rc = replace_text(rd, root, "when", RESULT_NAME_MAX, &r->when);
	if (!rc)
		rc = take_complete(rd, root, &r->complete, &r->why);
	if (!rc)
		rc = take_object(rd, root, "environment", &r->environment);
	if (!rc && json_object_get(root, "env"))
		rc = take_object(rd, root, "env", &r->env);
	if (!rc)
		rc = take_object(rd, root, "options", &r->options);
	rows = json_object_get(root, "rows");
	if (!rc && !json_is_array(rows))
		rc = refuse(rd, "rows: expected an array, found %s", type_name(rows));
	if (!rc && json_array_size(rows) > RESULT_ROWS_MAX)
		rc = refuse(rd, "rows: expected at most %d, found %zu", RESULT_ROWS_MAX,
			    json_array_size(rows));
	for (i = 0; !rc && i < json_array_size(rows); i++) {
		snprintf(rd->at, sizeof(rd->at), "rows[%zu]", i);
		rc = read_row(rd, r, json_array_get(rows, i));
	}
	return rc;
}

static int slurp(const struct reader *rd, char **out, size_t *len)
{
	int rc = text_file_read(rd->path, RESULT_FILE_MAX, out, len);

	if (rc != -EINVAL && rc != -EFBIG)
		return rc;
	return refuse(rd, "expected a regular file of at most %d MiB, found %s",
		      RESULT_FILE_MAX >> 20, rc == -EFBIG ? "a larger one" : "none");
}

static int parse(struct reader *rd, struct result **out, const char *text, size_t len)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	int rc;

	if (!root)
		return refuse(rd, "line %d column %d: expected JSON, found: %.160s", error.line,
			      error.column, error.text);
	*out = result_new("");
	rc = *out ? read_root(rd, *out, root) : -ENOMEM;
	json_decref(root);
	return rc;
}

int result_read(struct result **out, const char *path, char *err, size_t err_len)
{
	struct reader rd = { .path = path, .at = "result", .err = err, .err_len = err_len };
	char *text = NULL;
	size_t len = 0;
	int rc;

	*out = NULL;
	*err = 0;
	rc = slurp(&rd, &text, &len);
	if (!rc)
		rc = parse(&rd, out, text, len);
	free(text);
	if (rc) {
		result_free(*out);
		*out = NULL;
	}
	if (rc && !*err)
		snprintf(err, err_len, "%s: cannot read the result: %s", path, strerror(-rc));
	return rc;
}
