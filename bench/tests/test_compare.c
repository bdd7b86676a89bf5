/* SPDX-License-Identifier: MIT */
/*
 * Comparing results: the correction for many tests against figures worked by hand, what changes are
 * called, and the history against what was appended.
 */
#include "../compare.h"
#include "../history.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct result_row *row_of(struct result *r, const char *layer)
{
	struct result_row *row = result_row(r, layer, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(row);
	return row;
}

/* @n values from @first in steps of 1. */
static void add(struct result *r, const char *layer, enum metric m, double first, int n)
{
	int i;

	for (i = 0; i < n; i++)
		CU_ASSERT_EQUAL(result_row_add(row_of(r, layer), m, first + i), 0);
}

static struct compare_options options(enum metric m)
{
	struct compare_options opt = { .alpha = 0.05, .threshold = 0.02 };

	opt.chosen[m] = true;
	return opt;
}

/* 4 against 4 that do not overlap: p = 2/70; three of them and one of p = 1: Holm by hand. */
static void test_holm(void)
{
	struct result *a = result_new("a"), *b = result_new("b");
	struct compare_options opt = options(METRIC_IOPS);
	struct comparison c;

	opt.alpha = 0.12;
	add(a, "one", METRIC_IOPS, 100, 4);
	add(b, "one", METRIC_IOPS, 200, 4);
	add(a, "two", METRIC_IOPS, 100, 4);
	add(b, "two", METRIC_IOPS, 50, 4);
	add(a, "same", METRIC_IOPS, 100, 4);
	add(b, "same", METRIC_IOPS, 100, 4);
	/* overlaps in three pairs: p = 14/70, twice that corrected */
	add(a, "near", METRIC_IOPS, 100, 4);
	add(b, "near", METRIC_IOPS, 101.5, 4);
	/* cannot be significant, and does not count */
	add(a, "few", METRIC_IOPS, 100, 1);
	add(b, "few", METRIC_IOPS, 500, 1);
	CU_ASSERT_EQUAL_FATAL(compare_results(&c, a, b, &opt), 0);
	CU_ASSERT_EQUAL(c.tests, 4);
	CU_ASSERT_EQUAL(c.few, 1);
	CU_ASSERT_EQUAL(c.compared, 5);
	CU_ASSERT_DOUBLE_EQUAL(c.rows[0].metrics[0].p, 2.0 / 70, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(c.rows[0].metrics[0].adjusted, 4 * 2.0 / 70, 1e-12);
	/* 3 * 2/70 is less than what the one before got: it gets as much */
	CU_ASSERT_DOUBLE_EQUAL(c.rows[1].metrics[0].adjusted, 4 * 2.0 / 70, 1e-12);
	CU_ASSERT_EQUAL(c.rows[2].metrics[0].adjusted, 1);
	CU_ASSERT_DOUBLE_EQUAL(c.rows[3].metrics[0].adjusted, 2 * 14.0 / 70, 1e-12);
	CU_ASSERT_EQUAL(c.rows[0].metrics[0].change, CHANGE_BETTER);
	CU_ASSERT_EQUAL(c.rows[1].metrics[0].change, CHANGE_WORSE);
	CU_ASSERT_EQUAL(c.rows[2].metrics[0].change, CHANGE_NONE);
	CU_ASSERT_EQUAL(c.rows[3].metrics[0].change, CHANGE_NONE);
	CU_ASSERT_EQUAL(c.rows[4].metrics[0].change, CHANGE_FEW);
	CU_ASSERT_EQUAL(c.better, 1);
	CU_ASSERT_EQUAL(c.worse, 1);
	free(c.rows);
	result_free(a);
	result_free(b);
}

static enum change change_of(enum metric m, double from, double to)
{
	struct result *a = result_new("a"), *b = result_new("b");
	struct compare_options opt = options(m);
	struct comparison c;
	enum change change;
	int i;

	for (i = 0; i < 10; i++) {
		result_row_add(row_of(a, "l"), m, from);
		result_row_add(row_of(b, "l"), m, to);
	}
	CU_ASSERT_EQUAL_FATAL(compare_results(&c, a, b, &opt), 0);
	CU_ASSERT_EQUAL_FATAL(c.rows[0].n, 1);
	change = c.rows[0].metrics[0].change;
	free(c.rows);
	result_free(a);
	result_free(b);
	return change;
}

static void test_changes(void)
{
	CU_ASSERT_EQUAL(change_of(METRIC_IOPS, 100, 110), CHANGE_BETTER);
	CU_ASSERT_EQUAL(change_of(METRIC_IOPS, 110, 100), CHANGE_WORSE);
	CU_ASSERT_EQUAL(change_of(METRIC_P99, 100, 110), CHANGE_WORSE);
	CU_ASSERT_EQUAL(change_of(METRIC_P99, 110, 100), CHANGE_BETTER);
	CU_ASSERT_EQUAL(change_of(METRIC_IOPS, 100, 101), CHANGE_SMALL);
	CU_ASSERT_EQUAL(change_of(METRIC_P99, 1000, 985), CHANGE_SMALL);
	CU_ASSERT_EQUAL(change_of(METRIC_IOPS, 100, 100), CHANGE_NONE);
	CU_ASSERT_EQUAL(change_of(METRIC_WAKEUPS, 100, 200), CHANGE_OTHER);
	/* from and to nothing */
	CU_ASSERT_EQUAL(change_of(METRIC_SYSCALLS, 0, 1), CHANGE_WORSE);
	CU_ASSERT_EQUAL(change_of(METRIC_SYSCALLS, 1, 0), CHANGE_BETTER);
	CU_ASSERT_EQUAL(change_of(METRIC_SYSCALLS, 0, 0), CHANGE_NONE);
}

/* Rows without numbers are not compared; who loses them is broken. */
static void test_invalid(void)
{
	struct result *a = result_new("a"), *b = result_new("b");
	struct compare_options opt = options(METRIC_IOPS);
	struct comparison c;
	char why[100];

	add(a, "fails", METRIC_IOPS, 100, 10);
	add(b, "fails", METRIC_IOPS, 100, 10);
	add(b, "fails", METRIC_FAILED, 3, 1);
	add(b, "mended", METRIC_IOPS, 100, 10);
	add(a, "mended", METRIC_IOPS, 100, 10);
	add(a, "mended", METRIC_TIMED_OUT, 3, 1);
	add(b, "new", METRIC_IOPS, 100, 10);
	CU_ASSERT_EQUAL_FATAL(compare_results(&c, a, b, &opt), 0);
	CU_ASSERT_EQUAL(c.n_rows, 3);
	CU_ASSERT_EQUAL(c.compared, 0);
	CU_ASSERT_EQUAL(c.broken, 1);
	CU_ASSERT_TRUE(c.rows[0].broken);
	CU_ASSERT_FALSE(c.rows[1].broken);
	CU_ASSERT_PTR_NULL(c.rows[2].a);
	CU_ASSERT_STRING_EQUAL(compare_why(c.rows[0].b, why, sizeof(why)), "3 failed, 0 timed out");
	free(c.rows);
	result_free(a);
	result_free(b);
}

/* --- history -------------------------------------------------------------------------------------
 */

static char path[] = "/tmp/test_compare.XXXXXX";

static int make_file(void)
{
	int fd = mkstemp(path);

	return fd < 0 || close(fd);
}

static int remove_file(void)
{
	return unlink(path);
}

static const char *hash_of(const json_t *lines, size_t i)
{
	return json_string_value(json_object_get(json_array_get(lines, i), "environment"));
}

static void test_history(void)
{
	struct result *r = result_new("nightly");
	json_t *lines, *row;
	char err[256] = "";

	add(r, "good", METRIC_P99, 1, 9);
	add(r, "good", METRIC_MAX, 1, 9);
	add(r, "bad", METRIC_P99, 1, 9);
	result_row_stop(row_of(r, "bad"), "the handler died");
	json_object_set_new(r->environment, "cpu", json_string("x"));
	json_object_set_new(r->environment, "commit", json_string("one"));
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	json_object_set_new(r->environment, "commit", json_string("two"));
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	json_object_set_new(r->environment, "cpu", json_string("y"));
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	lines = history_read(path, err, sizeof(err));
	CU_ASSERT_EQUAL_FATAL(json_array_size(lines), 3);
	/* the commit is what is compared, the processor is where */
	CU_ASSERT_STRING_EQUAL(hash_of(lines, 0), hash_of(lines, 1));
	CU_ASSERT_STRING_NOT_EQUAL(hash_of(lines, 0), hash_of(lines, 2));
	row = json_array_get(json_object_get(json_array_get(lines, 1), "rows"), 0);
	row = json_object_get(json_object_get(row, "metrics"), "latency_p99_ns");
	CU_ASSERT_EQUAL(json_number_value(json_array_get(row, 0)), 5);
	CU_ASSERT_EQUAL(json_number_value(json_array_get(row, 1)), 2);
	CU_ASSERT_EQUAL(json_number_value(json_array_get(row, 2)), 8);
	CU_ASSERT_EQUAL(json_integer_value(json_array_get(row, 3)), 9);
	row = json_array_get(json_object_get(json_array_get(lines, 1), "rows"), 1);
	CU_ASSERT_EQUAL(json_object_size(json_object_get(row, "metrics")), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(row, "why")), "the handler died");
	json_decref(lines);
	result_free(r);
}

/* What does not fit is taken back: the history is whole lines, always. */
static void test_history_full(void)
{
	struct result *r = result_new("nightly");
	struct rlimit before, limit;
	char err[256] = "";
	json_t *lines;

	add(r, "good", METRIC_P99, 1, 9);
	CU_ASSERT_EQUAL(truncate(path, 0), 0);
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 400;
	setrlimit(RLIMIT_FSIZE, &limit);
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &before);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "cannot append to the history: File too large"));
	lines = history_read(path, err, sizeof(err));
	CU_ASSERT_EQUAL(json_array_size(lines), 1);
	json_decref(lines);
	result_free(r);
}

static void refuse(const char *text, const char *expected)
{
	char err[256] = "";
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	CU_ASSERT_PTR_NULL(history_read(path, err, sizeof(err)));
	CU_ASSERT_PTR_NULL(strchr(err, '\n'));
	if (!strstr(err, expected)) {
		printf("expected '%s', found '%s'\n", expected, err);
		CU_FAIL("message");
	}
}

#define LINE_OF(rows)                                                                        \
	"{\"schema\":1,\"when\":\"\",\"commit\":\"\",\"version\":\"\",\"environment\":\"\"," \
	"\"title\":\"\",\"rows\":[" rows "]}\n"

static void test_history_refused(void)
{
	char err[256];

	refuse("\n", "line 1: expected JSON");
	refuse(LINE_OF("") "{\"schema\":", "line 2: expected JSON");
	refuse("{\"schema\":2}", "line 1: expected {\"schema\":1, ...}");
	refuse("[]", "expected {\"schema\":1, ...}");
	refuse("{\"schema\":1}", "expected when, commit");
	refuse(LINE_OF("1"), "expected rows with layer");
	refuse(LINE_OF("{\"layer\":\"\",\"workload\":\"\",\"why\":\"\"}"), "rows with metrics");
	refuse(LINE_OF("{\"layer\":\"\",\"workload\":\"\",\"why\":\"\",\"metrics\":{\"f\":1}}"),
	       "metrics by name");
	refuse(LINE_OF("{\"layer\":\"\",\"workload\":\"\",\"why\":\"\",\"metrics\":"
		       "{\"iops\":[1,2,3,\"4\"]}}"),
	       "metrics by name");
	CU_ASSERT_PTR_NULL(history_read("/nowhere", err, sizeof(err)));
	CU_ASSERT_STRING_EQUAL(err, "/nowhere: cannot read the history: No such file or directory");
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("compare", make_file, remove_file);
	CU_add_test(s, "many tests: Holm", test_holm);
	CU_add_test(s, "what changes are called", test_changes);
	CU_add_test(s, "rows without numbers", test_invalid);
	CU_add_test(s, "history", test_history);
	CU_add_test(s, "history: full disk", test_history_full);
	CU_add_test(s, "history: refused", test_history_refused);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
