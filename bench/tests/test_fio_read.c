/* SPDX-License-Identifier: MIT */
/*
 * Reading fio's output: what fio 3.33 really wrote (bench/tests/fio), and what it never would.
 */
#include "../../harness/random.h"
#include "../fio.h"

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIR_OF "bench/tests/fio/"

static char path[64];
static char err[300];

static char *load(const char *name, size_t *len)
{
	char file[64], *text = calloc(1, 65536);
	FILE *f;

	snprintf(file, sizeof(file), DIR_OF "%s", name);
	f = fopen(file, "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	*len = fread(text, 1, 65535, f);
	fclose(f);
	CU_ASSERT_TRUE_FATAL(*len > 1000);
	return text;
}

static void save(const char *text, size_t len)
{
	FILE *f = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(text, 1, len, f), len);
	fclose(f);
}

static struct fio_output *read_ok(const char *name)
{
	struct fio_output *o = NULL;
	char file[64];

	snprintf(file, sizeof(file), DIR_OF "%s", name);
	CU_ASSERT_EQUAL(fio_read(&o, file, err, sizeof(err)), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_STRING_EQUAL(o->version, "fio-3.33");
	return o;
}

/* --- what fio wrote ----------------------------------------------------------------------------
 */

static void test_one_direction(void)
{
	struct fio_output *o = read_ok("sg.json");
	const struct fio_figures *f = &o->jobs[0];
	double v[METRICS];

	CU_ASSERT_EQUAL(o->n_jobs, 1);
	CU_ASSERT_STRING_EQUAL(f->name, "4k-randread-qd1");
	CU_ASSERT_EQUAL(f->commands, 91);
	CU_ASSERT_EQUAL(f->failed, 0);
	CU_ASSERT_TRUE(f->whole);
	CU_ASSERT_DOUBLE_EQUAL(f->iops, 452.736318, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(f->mib_s, 1854407 / 1048576.0, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(f->cpu_ns, 0.005 * 200e6, 1); /* 0.5 % of 200 ms */
	CU_ASSERT_DOUBLE_EQUAL(f->switches, 273, 0);
	CU_ASSERT_EQUAL(f->latency->count, 91);
	CU_ASSERT_EQUAL(histogram_min(f->latency), 50986);
	CU_ASSERT_EQUAL(f->latency->max, 13172361);
	fio_values(f, v);
	CU_ASSERT_DOUBLE_EQUAL(v[METRIC_LATENCY], 1e9 / 452.736318, 1e-3);
	CU_ASSERT_DOUBLE_EQUAL(v[METRIC_CPU_INITIATOR], 1e6 / 91, 1);
	CU_ASSERT_EQUAL(v[METRIC_MAX], 13172361);
	CU_ASSERT_TRUE(isfinite(v[METRIC_P90]));
	CU_ASSERT_TRUE(isnan(v[METRIC_P99])); /* of 91: another name for the largest */
	CU_ASSERT_TRUE(isnan(v[METRIC_CPU_HANDLER]));
	fio_free(o);
}

/* Reads and writes are one row; fio's own percentiles are met within both histograms' errors. */
static void test_both_directions(void)
{
	struct fio_output *o = read_ok("randrw.json");
	const struct fio_figures *f = &o->jobs[0];
	double v[METRICS];

	CU_ASSERT_STRING_EQUAL(f->name, "4k-randrw70-qd32");
	CU_ASSERT_EQUAL(f->commands, 7791 + 3266);
	CU_ASSERT_EQUAL(f->latency->count, 7815 + 3273);
	CU_ASSERT_EQUAL(histogram_min(f->latency), 50194);
	CU_ASSERT_EQUAL(f->latency->max, 4439853);
	fio_values(f, v);
	CU_ASSERT_TRUE(v[METRIC_P50] < v[METRIC_P90] && v[METRIC_P90] < v[METRIC_P99]);
	CU_ASSERT_DOUBLE_EQUAL(v[METRIC_BANDWIDTH], v[METRIC_IOPS] / 256, v[METRIC_IOPS] / 2560);
	fio_free(o);
}

static void test_percentiles(void)
{
	static const struct {
		const char *fio;
		double q;
	} table[] = { { "50.000000", 0.5 }, { "90.000000", 0.9 }, { "99.000000", 0.99 } };
	json_t *all = json_load_file(DIR_OF "sg.json", 0, NULL), *p;
	struct fio_output *o = read_ok("sg.json");
	double theirs, ours;
	size_t i;

	p = json_object_get(json_array_get(json_object_get(all, "jobs"), 0), "read");
	p = json_object_get(json_object_get(p, "lat_ns"), "percentile");
	for (i = 0; i < 3; i++) {
		theirs = (double)json_integer_value(json_object_get(p, table[i].fio));
		ours = (double)histogram_quantile(o->jobs[0].latency, table[i].q);
		CU_ASSERT_TRUE(theirs > 0);
		CU_ASSERT_DOUBLE_EQUAL(ours, theirs, theirs * 2 / 128);
	}
	json_decref(all);
	fio_free(o);
}

/* Two jobs of one name, warnings before the JSON, and only completion latencies. */
static void test_notes(void)
{
	struct fio_output *o = read_ok("notes.json");

	CU_ASSERT_EQUAL(o->n_jobs, 1);
	CU_ASSERT_EQUAL(o->jobs[0].commands, 32);
	CU_ASSERT_FALSE(o->jobs[0].whole);
	CU_ASSERT_EQUAL(o->jobs[0].latency->max, 2234476);
	fio_free(o);
}

static void test_failed(void)
{
	struct fio_output *o = read_ok("error.json");
	double v[METRICS];

	CU_ASSERT_EQUAL(o->jobs[0].failed, 1);
	fio_values(&o->jobs[0], v);
	CU_ASSERT_EQUAL(v[METRIC_FAILED], 1);
	CU_ASSERT_TRUE(isnan(v[METRIC_IOPS]));
	fio_free(o);
}

static void test_into_row(void)
{
	struct result *r = result_new("test");
	struct result_row *row = result_row(r, "layer", "workload");
	struct fio_output *o = read_ok("randrw.json");

	CU_ASSERT_EQUAL(fio_add(row, &o->jobs[0]), 0);
	CU_ASSERT_EQUAL(fio_add(row, &o->jobs[0]), 0);
	CU_ASSERT_EQUAL(row->metric[METRIC_IOPS].n, 2);
	CU_ASSERT_EQUAL(row->metric[METRIC_CPU_HANDLER].n, 0);
	CU_ASSERT_TRUE(result_row_valid(row));
	CU_ASSERT_EQUAL(row->latency->count, 2 * o->jobs[0].latency->count);
	fio_free(o);
	o = read_ok("error.json");
	CU_ASSERT_EQUAL(fio_add(row, &o->jobs[0]), 0);
	CU_ASSERT_FALSE(result_row_valid(row));
	CU_ASSERT_EQUAL(row->metric[METRIC_IOPS].n, 2);
	fio_free(o);
	result_free(r);
}

/* --- what it never would -----------------------------------------------------------------------
 */

/* Refused, with one line that has @part in it. */
static void refused(const char *text, size_t len, const char *part)
{
	struct fio_output *o = (void *)&o;

	save(text, len);
	err[0] = 0;
	CU_ASSERT_EQUAL(fio_read(&o, path, err, sizeof(err)), -EINVAL);
	CU_ASSERT_PTR_NULL(o);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, part));
	if (!strstr(err, part))
		fprintf(stderr, "expected '%s', found '%s'\n", part, err);
	CU_ASSERT_PTR_NULL(strchr(err, '\n'));
	CU_ASSERT_PTR_EQUAL(strstr(err, path), err);
}

/* @name with the first @from in it (behind @after, unless that is NULL) replaced. */
static void replaced(const char *name, const char *after, const char *from, const char *to,
		     const char *part)
{
	size_t len, head;
	char *text = load(name, &len), *out = malloc(len + strlen(to) + 1), *p = text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	if (after)
		p = strstr(p, after);
	p = p ? strstr(p, from) : NULL;
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	head = (size_t)(p - text);
	memcpy(out, text, head);
	strcpy(out + head, to);
	strcat(out, p + strlen(from));
	refused(out, strlen(out), part);
	free(out);
	free(text);
}

static void test_refused(void)
{
	static const struct {
		const char *after, *from, *to, *part;
	} table[] = {
		{ NULL, "fio-3.33", "fio-2.99", "expected fio 3.0 or later, found fio-2.99" },
		{ NULL, "fio-3.33", "dd-1", "'fio version', found another kind" },
		{ NULL, "fio version", "version", "'fio version', found none" },
		{ NULL, "\"jobs\"", "\"job\"", "jobs: expected 1 to 1024 of them, found 0" },
		{ NULL, "\"jobname\" : \"4k", "\"jobname\" : \"\\u0007", "no control characters" },
		{ NULL, "\"jobname\"", "\"name\"", "jobs[0].jobname" },
		{ NULL, "\"error\" : 0", "\"error\" : \"no\"", "jobs[0].error: expected a whole" },
		{ NULL, "\"error\" : 0", "\"error\" : -5", "found a negative one" },
		{ "\"read\" :", "\"total_ios\" : 91", "\"total_ios\" : 9.1", "total_ios" },
		{ "\"read\" :", "452.736318", "-452.7", "jobs[0].read.iops: expected a number" },
		{ "\"read\" :", "452.736318", "1e999", "line 38" },
		{ "\"read\" :", "\"iops\" : 452.736318,", "",
		  "iops: expected a number from 0 on, found nothing" },
		{ "\"lat_ns\"", "\"N\" : 91", "\"N\" : 90", "bins" },
		{ "\"lat_ns\"", "\"N\" : 91", "\"N\" : 92",
		  "expected 92 values as N says, found 91" },
		{ "\"lat_ns\"", "\"min\" : 50986", "\"min\" : 99999999999", "min <= mean <= max" },
		{ "\"bins\"", "\" : 1", "\" : 1.5", "bins: '" },
		{ "\"bins\"", "\"50944\"", "\"x44\"", "bins: 'x44" },
		{ "\"bins\"", "\"50944", "\"9999999999999999999", "bins: '9999999999999999999" },
		{ "\"bins\"", "\" : 1", "\" : 99999999999999999999", "line" },
		{ NULL, "\"usr_cpu\" : 0.000000", "\"usr_cpu\" : null", "usr_cpu" },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		replaced("sg.json", table[i].after, table[i].from, table[i].to, table[i].part);
}

static void test_no_figures(void)
{
	struct fio_output *o;
	size_t len;
	char *text = load("plain.json", &len), *twice;

	refused(text, len, "fio --output-format=json+");
	refused("", 0, "an empty file");
	refused("fio: no job\n", 12, "found no JSON");
	refused("{}", 2, "'fio version', found none");
	refused("[1]", 3, "found no JSON");
	free(text);
	text = load("error.json", &len);
	twice = malloc(2 * len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(twice);
	memcpy(twice, text, len);
	memcpy(twice + len, text, len);
	refused(twice, 2 * len, "found another behind it");
	free(twice);
	free(text);
	replaced("error.json", NULL, "\"error\" : 28", "\"error\" : 0", "that ended");
	CU_ASSERT_EQUAL(fio_read(&o, "/dev/zero", err, sizeof(err)), -EINVAL);
	CU_ASSERT_EQUAL(fio_read(&o, DIR_OF, err, sizeof(err)), -EINVAL);
	CU_ASSERT_EQUAL(fio_read(&o, "/nonesuch", err, sizeof(err)), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err, "/nonesuch: No such file or directory");
}

/* Whatever is read is sound, or refused with one line. */
static void check_any(const char *text, size_t len)
{
	struct fio_output *o;
	double v[METRICS];
	size_t i;
	int rc, m;

	save(text, len);
	rc = fio_read(&o, path, err, sizeof(err));
	CU_ASSERT_TRUE(rc == 0 || rc == -EINVAL);
	CU_ASSERT_EQUAL(rc == 0, o != NULL);
	for (i = 0; o && i < o->n_jobs; i++) {
		fio_values(&o->jobs[i], v);
		for (m = 0; m < METRICS; m++)
			CU_ASSERT_TRUE(isnan(v[m]) || (isfinite(v[m]) && v[m] >= 0));
	}
	if (rc)
		CU_ASSERT_TRUE(err[0] && !strchr(err, '\n'));
	fio_free(o);
}

static void test_cut(void)
{
	size_t len, i;
	char *text = load("notes.json", &len);

	for (i = 0; i < len - 2; i += 97) {
		struct fio_output *o;

		save(text, i);
		CU_ASSERT_EQUAL(fio_read(&o, path, err, sizeof(err)), -EINVAL);
		CU_ASSERT_PTR_NULL(o);
	}
	free(text);
}

static void test_mutated(void)
{
	static const char chars[] = "0123456789-.eE\"{}[],: \n\\x\x80";
	static const char *const names[] = { "sg.json", "notes.json", "error.json" };
	uint64_t seed = 33, r;
	size_t len;
	int i, k;

	for (i = 0; i < 1500; i++) {
		char *text = load(names[i % 3], &len);

		for (k = 0; k <= i % 4; k++) {
			r = random_next(&seed);
			text[(r >> 8) % len] = chars[(r & 0xff) % (sizeof(chars) - 1)];
		}
		check_any(text, len);
		free(text);
	}
}

int main(void)
{
	char name[] = "/tmp/test_fio_read.XXXXXX";
	int fd = mkstemp(name);
	CU_pSuite s;

	if (fd < 0)
		return 1;
	close(fd);
	snprintf(path, sizeof(path), "%s", name);
	CU_initialize_registry();
	s = CU_add_suite("fio_read", NULL, NULL);
	CU_add_test(s, "one direction", test_one_direction);
	CU_add_test(s, "both directions", test_both_directions);
	CU_add_test(s, "percentiles", test_percentiles);
	CU_add_test(s, "notes", test_notes);
	CU_add_test(s, "failed", test_failed);
	CU_add_test(s, "into a row", test_into_row);
	CU_add_test(s, "refused", test_refused);
	CU_add_test(s, "no figures", test_no_figures);
	CU_add_test(s, "cut", test_cut);
	CU_add_test(s, "mutated", test_mutated);
	CU_basic_run_tests();
	unlink(path);
	return CU_get_number_of_failures() != 0;
}
