/* SPDX-License-Identifier: MIT */
/*
 * Results: what is kept of them, that a file says the same as what was written, and that a bad file
 * is refused in one line. The mutated files are what AddressSanitizer is for.
 */
#include "../result.h"
#include "../../harness/random.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUTATIONS 5000

static char dir[64], path[96];

static int make_place(void)
{
	strcpy(dir, "/tmp/test_result.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/r.json", dir);
	return 0;
}

static int remove_place(void)
{
	unlink(path);
	return rmdir(dir); /* fails if anything else was left behind */
}

static struct result *sample(void)
{
	struct result *r = result_new("sample");
	struct histogram *h = calloc(1, sizeof(*h));
	struct result_row *row;
	uint64_t state = 1;
	int i, m;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	json_object_set_new(r->environment, "cpu", json_string("x86"));
	json_object_set_new(r->options, "repeats", json_integer(10));
	for (i = 0; i < 500; i++)
		histogram_add(h, random_next(&state) >> (20 + random_next(&state) % 43));
	row = result_row(r, "simulator, null handler", "4k-randread-qd32");
	CU_ASSERT_PTR_NOT_NULL_FATAL(row);
	CU_ASSERT_EQUAL(result_row_describe(row, "ring", "a simulator", "fio"), 0);
	for (m = 0; m < METRICS; m++) {
		for (i = 0; i < 10; i++)
			result_row_add(row, (enum metric)m, m * 1000 + i * 0.1);
	}
	CU_ASSERT_EQUAL(result_row_latency(row, h), 0);
	row = result_row(r, "floor", "4k-randread-qd32");
	CU_ASSERT_PTR_NOT_NULL_FATAL(row);
	result_row_add(row, METRIC_IOPS, 1e6 / 3);
	result_row_stop(row, "the handler died");
	result_stop(r, "interrupted");
	free(h);
	return r;
}

static void write_good(const struct result *r)
{
	char err[256] = "";

	CU_ASSERT_EQUAL(result_write(r, path, err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(err, "");
}

static char *slurp(size_t *len)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	*len = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

static void spill(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(text, 1, len, f), len);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

/* --- the model -----------------------------------------------------------------------------------
 */

static void test_metrics(void)
{
	int m, n;

	for (m = 0; m < METRICS; m++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(metric_kind((enum metric)m)->name);
		CU_ASSERT_PTR_NOT_NULL(metric_kind((enum metric)m)->title);
		CU_ASSERT_PTR_NOT_NULL(metric_kind((enum metric)m)->unit);
		CU_ASSERT_EQUAL((int)metric_find(metric_kind((enum metric)m)->name), m);
		for (n = 0; n < m; n++)
			CU_ASSERT_STRING_NOT_EQUAL(metric_kind((enum metric)m)->title,
						   metric_kind((enum metric)n)->title);
	}
	CU_ASSERT_EQUAL(metric_find("frob"), METRICS);
	CU_ASSERT_EQUAL(metric_kind(METRIC_IOPS)->better, 1);
	CU_ASSERT_EQUAL(metric_kind(METRIC_P99)->better, -1);
}

static void test_rows(void)
{
	struct result *r = result_new("t");
	struct result_row *row = result_row(r, "a", "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(row);
	CU_ASSERT_PTR_EQUAL(result_row(r, "a", "w"), row);
	CU_ASSERT_PTR_NOT_EQUAL(result_row(r, "a", "v"), row);
	CU_ASSERT_PTR_NOT_EQUAL(result_row(r, "b", "w"), row);
	CU_ASSERT_EQUAL(r->n_rows, 3);
	CU_ASSERT_EQUAL(result_row_add(row, METRIC_IOPS, NAN), -EINVAL);
	CU_ASSERT_EQUAL(result_row_add(row, METRIC_IOPS, INFINITY), -EINVAL);
	CU_ASSERT_EQUAL(result_row_add(row, METRIC_IOPS, -1), -EINVAL);
	CU_ASSERT_EQUAL(row->metric[METRIC_IOPS].n, 0);
	CU_ASSERT_TRUE(result_row_valid(row));
	result_row_add(row, METRIC_FAILED, 0);
	CU_ASSERT_TRUE(result_row_valid(row));
	result_row_add(row, METRIC_FAILED, 1);
	CU_ASSERT_FALSE(result_row_valid(row));
	row = result_row(r, "b", "w");
	result_row_add(row, METRIC_TIMED_OUT, 1);
	result_row_add(row, METRIC_TIMED_OUT, 0);
	CU_ASSERT_FALSE(result_row_valid(row));
	row = result_row(r, "a", "v");
	result_row_stop(row, "first");
	result_row_stop(row, "second");
	CU_ASSERT_FALSE(result_row_valid(row));
	CU_ASSERT_STRING_EQUAL(row->why, "first");
	CU_ASSERT_TRUE(r->complete);
	result_free(r);
	result_free(NULL);
}

/* Whatever a program under test says is written as what a reader takes. */
static void test_texts(void)
{
	static const struct {
		const char *in, *out;
	} texts[] = { { "\x1b[31mred\nline\t\x7f", " [31mred line  " },
		      { "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
			"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		      { "\xff\xc0\xaf\xe0\x80\x80\xed\xa0\x80\xf4\x90\x80\x80", "?????????????" },
		      { "\xc2\x9b"
			"2J",
			"??2J" },
		      { "cut \xe2\x82", "cut ??" },
		      { "", "" } };
	char longer[5000], err[256];
	struct result *r = result_new("\n"), *back;
	struct result_row *row;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		row = result_row(r, texts[i].in, "w");
		CU_ASSERT_PTR_NOT_NULL_FATAL(row);
		CU_ASSERT_STRING_EQUAL(row->layer, texts[i].out);
		result_row_stop(row, texts[i].in);
		CU_ASSERT_STRING_EQUAL(row->why, texts[i].out);
		CU_ASSERT_PTR_EQUAL(result_row(r, texts[i].in, "w"), row);
	}
	for (i = 0; i < sizeof(longer) - 3; i += 3)
		memcpy(longer + i, "\xe2\x82\xac", 4);
	result_stop(r, longer);
	CU_ASSERT_EQUAL(strlen(r->why), 999);
	write_good(r);
	CU_ASSERT_EQUAL_FATAL(result_read(&back, path, err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(back->why, r->why);
	result_free(back);
	result_free(r);
}

/* --- files ---------------------------------------------------------------------------------------
 */

static void same_row(const struct result_row *a, const struct result_row *b)
{
	size_t i;
	int m;

	CU_ASSERT_STRING_EQUAL(a->layer, b->layer);
	CU_ASSERT_STRING_EQUAL(a->below, b->below);
	CU_ASSERT_STRING_EQUAL(a->adds, b->adds);
	CU_ASSERT_STRING_EQUAL(a->workload, b->workload);
	CU_ASSERT_STRING_EQUAL(a->side, b->side);
	CU_ASSERT_STRING_EQUAL(a->why, b->why);
	CU_ASSERT_EQUAL(a->complete, b->complete);
	for (m = 0; m < METRICS; m++) {
		CU_ASSERT_EQUAL_FATAL(a->metric[m].n, b->metric[m].n);
		for (i = 0; i < a->metric[m].n; i++) {
			CU_ASSERT_EQUAL(a->metric[m].repeats[i], b->metric[m].repeats[i]);
			CU_ASSERT_DOUBLE_EQUAL(a->metric[m].values[i], b->metric[m].values[i],
					       1e-11 * a->metric[m].values[i]);
		}
	}
	CU_ASSERT_EQUAL_FATAL(!a->latency, !b->latency);
	if (a->latency)
		CU_ASSERT_EQUAL(memcmp(a->latency, b->latency, sizeof(*a->latency)), 0);
}

static void test_round_trip(void)
{
	struct result *r = sample(), *back = NULL;
	char err[256] = "", *first, *second;
	size_t i, len, again;

	write_good(r);
	first = slurp(&len);
	CU_ASSERT_EQUAL_FATAL(result_read(&back, path, err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(back->title, "sample");
	CU_ASSERT_STRING_EQUAL(back->when, r->when);
	CU_ASSERT_FALSE(back->complete);
	CU_ASSERT_STRING_EQUAL(back->why, "interrupted");
	CU_ASSERT_TRUE(json_equal(back->environment, r->environment));
	CU_ASSERT_TRUE(json_equal(back->options, r->options));
	CU_ASSERT_EQUAL_FATAL(back->n_rows, 2);
	for (i = 0; i < 2; i++)
		same_row(r->rows[i], back->rows[i]);
	write_good(back);
	second = slurp(&again);
	CU_ASSERT_EQUAL(len, again);
	CU_ASSERT_STRING_EQUAL(first, second);
	free(first);
	free(second);
	result_free(r);
	result_free(back);
}

/* A repeat without a value keeps its place. */
static void test_gaps(void)
{
	static const uint32_t repeats[] = { 0, 3, 4 };
	struct result *r = result_new("gaps"), *back = NULL;
	struct result_row *row = result_row(r, "l", "w");
	char err[256] = "", *text;
	double value[METRICS];
	size_t i, len;
	int m;

	for (m = 0; m < METRICS; m++)
		value[m] = NAN;
	for (i = 0; i < 3; i++) {
		value[METRIC_IOPS] = 1000 + repeats[i];
		CU_ASSERT_EQUAL(result_row_repeat(row, repeats[i], value), 0);
	}
	CU_ASSERT_EQUAL(result_row_repeat(row, 4, value), -EINVAL);
	CU_ASSERT_EQUAL(result_row_add(row, METRIC_IOPS, 1005), 0);
	CU_ASSERT_EQUAL(result_row_add(row, METRIC_FAILED, 0), 0);
	CU_ASSERT_EQUAL(result_row_repeats(row), 6);
	write_good(r);
	text = slurp(&len);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"iops\":[1000.0,null,null,1003.0,1004.0,1005.0]"));
	free(text);
	CU_ASSERT_EQUAL_FATAL(result_read(&back, path, err, sizeof(err)), 0);
	same_row(row, back->rows[0]);
	result_free(r);
	result_free(back);
}

/* The file is refused in one line that has @expected in it. */
static void refuse(const char *text, const char *expected)
{
	struct result *r = (struct result *)1;
	char err[512] = "", tiny[8];

	spill(text, strlen(text));
	CU_ASSERT_EQUAL(result_read(&r, path, err, sizeof(err)), -EINVAL);
	CU_ASSERT_PTR_NULL(r);
	CU_ASSERT_EQUAL(strncmp(err, path, strlen(path)), 0);
	CU_ASSERT_PTR_NULL(strchr(err, '\n'));
	if (!strstr(err, expected)) {
		printf("expected '%s', found '%s'\n", expected, err);
		CU_FAIL("message");
	}
	CU_ASSERT_EQUAL(result_read(&r, path, tiny, sizeof(tiny)), -EINVAL);
	CU_ASSERT_EQUAL(strlen(tiny), 7);
}

#define FILE_OF(more, rows)                                                            \
	"{\"schema\":1,\"title\":\"t\",\"when\":\"w\",\"complete\":true,\"why\":\"\"," \
	"\"environment\":{},\"options\":{}" more ",\"rows\":[" rows "]}"
#define ROW_OF(metrics, more)                                                                \
	"{\"layer\":\"l\",\"below\":\"\",\"adds\":\"\",\"workload\":\"w\",\"side\":\"own\"," \
	"\"complete\":true,\"why\":\"\",\"metrics\":{" metrics "}" more "}"
#define LATENCY_OF(more) FILE_OF("", ROW_OF("", ",\"latency_ns\":{\"step_bits\":7," more "}"))

static void test_refused(void)
{
	refuse("", "line 1 column 0: expected JSON");
	refuse("{\"schema\":1", "expected JSON");
	refuse("[]", "expected {\"schema\":1, ...}");
	refuse("{}", "expected {\"schema\":1, ...}");
	refuse("{\"schema\":2}", "schema: expected 1, found 2");
	refuse("{\"schema\":\"1\"}", "expected {\"schema\":1, ...}");
	refuse("{\"schema\":1}", "title: expected a text, found nothing");
	refuse(FILE_OF(",\"frob\":1", ""), "result: expected no member of that name, found 'frob'");
	refuse(FILE_OF(",\"title\":\"t\"", ""), "duplicate object key");
	refuse(FILE_OF("", "1"), "rows[0]: expected an object, found a whole number");
	refuse(FILE_OF("", "{}"), "rows[0]: layer: expected a text, found nothing");
	refuse(FILE_OF("", ROW_OF("", "") "," ROW_OF("", "")),
	       "rows[1]: expected a row of its own, found 'l', 'w' once more");
	refuse(FILE_OF("", ROW_OF("\"frob\":[1]", "")), "the name of a metric, found 'frob'");
	refuse(FILE_OF("", ROW_OF("\"iops\":[]", "")), "iops: expected an array of 1 to 65536");
	refuse(FILE_OF("", ROW_OF("\"iops\":3", "")), "iops: expected an array");
	refuse(FILE_OF("", ROW_OF("\"iops\":[1,\"2\"]", "")),
	       "iops[1]: expected a number from 0, found a text");
	refuse(FILE_OF("", ROW_OF("\"iops\":[null,null]", "")),
	       "iops: expected a number in some repeat, found none");
	refuse(FILE_OF("", ROW_OF("\"iops\":[-1]", "")),
	       "iops[0]: expected a number from 0, found less");
	refuse(FILE_OF("", ROW_OF("\"iops\":[1e999]", "")), "expected JSON");
	refuse(FILE_OF("", ROW_OF("\"iops\":[NaN]", "")), "expected JSON");
	refuse(FILE_OF("", ROW_OF("", ",\"\\u001b[2J\":1")), "found '?[2J'");
	refuse("{\"schema\":1,\"title\":\"\\u001b[2J\"}", "title: expected text on one line");
	refuse("{\"schema\":1,\"title\":\"t\",\"when\":\"\\u2028\"}", "when: expected text on one");
	refuse("{\"schema\":1,\"title\":\"\xff\"}", "expected JSON");
}

static void test_refused_latencies(void)
{
	refuse(FILE_OF("", ROW_OF("", ",\"latency_ns\":3")), "expected an object, found a whole");
	refuse(LATENCY_OF("\"frob\":1"), "found 'frob'");
	refuse(LATENCY_OF("\"count\":0"), "sum: expected a whole number, found nothing");
	refuse(LATENCY_OF("\"count\":-1"), "count: expected 0 or more, found -1");
	refuse(LATENCY_OF("\"count\":0,\"sum\":0,\"min\":0,\"max\":0"),
	       "buckets: expected an array");
	refuse(LATENCY_OF("\"count\":0,\"sum\":0,\"min\":0,\"max\":0,\"buckets\":[]"),
	       "count: expected");
	refuse(LATENCY_OF("\"count\":1,\"sum\":5,\"min\":5,\"max\":5,\"buckets\":[[5]]"),
	       "expected [nanoseconds, count]");
	refuse(LATENCY_OF("\"count\":1,\"sum\":5,\"min\":5,\"max\":5,\"buckets\":[[5,0]]"),
	       "found [5, 0]");
	refuse(LATENCY_OF("\"count\":2,\"sum\":11,\"min\":5,\"max\":6,\"buckets\":[[6,1],[5,1]]"),
	       "found [5, 1]");
	refuse(LATENCY_OF("\"count\":1,\"sum\":999,\"min\":999,\"max\":999,\"buckets\":[[999,1]]"),
	       "found [999, 1]"); /* no middle of any */
	refuse(LATENCY_OF("\"count\":3,\"sum\":11,\"min\":5,\"max\":6,\"buckets\":[[5,1],[6,1]]"),
	       "count: expected the sum of all buckets (2), found 3");
	refuse(LATENCY_OF("\"count\":2,\"sum\":11,\"min\":4,\"max\":6,\"buckets\":[[5,1],[6,1]]"),
	       "min, max: expected those");
	refuse(LATENCY_OF("\"count\":2,\"sum\":1,\"min\":5,\"max\":6,\"buckets\":[[5,1],[6,1]]"),
	       "sum: expected it between");
	refuse(LATENCY_OF("\"count\":2,\"sum\":11,\"min\":5,\"max\":6,\"buckets\":"
			  "[[5,9223372036854775807],[6,9223372036854775807]]"),
	       "found [6, 9223372036854775807]");
}

static void test_not_a_file(void)
{
	struct result *r;
	char err[256];

	CU_ASSERT_EQUAL(result_read(&r, "/nowhere/at/all", err, sizeof(err)), -ENOENT);
	CU_ASSERT_STRING_EQUAL(
		err, "/nowhere/at/all: cannot read the result: No such file or directory");
	CU_ASSERT_EQUAL(result_read(&r, dir, err, sizeof(err)), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "expected a regular file"));
	/* does not wait for a writer */
	unlink(path);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL(result_read(&r, path, err, sizeof(err)), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "expected a regular file"));
	unlink(path);
	CU_ASSERT_EQUAL(result_read(&r, "/dev/zero", err, sizeof(err)), -EINVAL);
}

/* One to four bytes changed, or the end cut off: read as something whole, or refused in one line.
 */
static void test_mutated(void)
{
	struct result *r = sample();
	char err[512], *good, *bad;
	uint64_t state = 42;
	size_t len, cut, i, n;
	int round, refused = 0, wrong = 0;

	write_good(r);
	result_free(r);
	good = slurp(&len);
	bad = malloc(len + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bad);
	for (round = 0; round < MUTATIONS; round++) {
		memcpy(bad, good, len + 1);
		n = 1 + random_next(&state) % 4;
		for (i = 0; i < n; i++)
			bad[random_next(&state) % len] =
				round % 2 ? (char)random_next(&state)
					  : "0123456789{}[]\":,.-eE\\"[random_next(&state) % 22];
		cut = round % 8 ? len : random_next(&state) % len;
		spill(bad, cut);
		err[0] = 0;
		if (result_read(&r, path, err, sizeof(err))) {
			refused++;
			wrong += r || !err[0] || strchr(err, '\n') || strchr(err, 0x1b);
		} else {
			wrong += !r || result_write(r, path, err, sizeof(err)) != 0;
			result_free(r);
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(refused > MUTATIONS / 4 && refused < MUTATIONS);
	free(good);
	free(bad);
}

/* --- writing -------------------------------------------------------------------------------------
 */

/* A file may not grow beyond a few bytes, as if the disk were full: the old one stays as it was. */
static void test_full(void)
{
	struct result *r = sample(), *old = result_new("old");
	struct rlimit before, limit;
	char err[256] = "", *text;
	struct stat st;
	size_t len;

	write_good(old);
	CU_ASSERT_EQUAL(chmod(path, 0640), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 300;
	setrlimit(RLIMIT_FSIZE, &limit);
	CU_ASSERT_EQUAL(result_write(r, path, err, sizeof(err)), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &before);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "cannot write the result: File too large"));
	text = slurp(&len);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"old\""));
	free(text);
	CU_ASSERT_EQUAL(result_write(r, "/dev/full", err, sizeof(err)), -ENOSPC);
	/* the new one has the rights of the old one */
	write_good(r);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
	result_free(r);
	result_free(old);
}

static void test_places(void)
{
	struct result *r = sample();
	char err[256] = "", link[96];
	struct stat st;

	snprintf(link, sizeof(link), "%s/link", dir);
	write_good(r);
	CU_ASSERT_EQUAL(symlink(path, link), 0);
	CU_ASSERT_EQUAL(result_write(r, link, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(lstat(link, &st), 0);
	CU_ASSERT_TRUE(S_ISLNK(st.st_mode));
	unlink(link);
	CU_ASSERT_EQUAL(result_write(r, dir, err, sizeof(err)), -EISDIR);
	CU_ASSERT_EQUAL(result_write(r, "/nowhere/r", err, sizeof(err)), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err,
			       "/nowhere/r: cannot write the result: No such file or directory");
	CU_ASSERT_EQUAL(result_write(r, "/dev/null", err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(stat("/dev/null", &st), 0);
	CU_ASSERT_TRUE(S_ISCHR(st.st_mode));
	result_free(r);
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("result", make_place, remove_place);
	CU_add_test(s, "metrics", test_metrics);
	CU_add_test(s, "rows", test_rows);
	CU_add_test(s, "texts", test_texts);
	CU_add_test(s, "written and read", test_round_trip);
	CU_add_test(s, "repeats without a value", test_gaps);
	CU_add_test(s, "refused", test_refused);
	CU_add_test(s, "refused latencies", test_refused_latencies);
	CU_add_test(s, "no file", test_not_a_file);
	CU_add_test(s, "mutated files", test_mutated);
	CU_add_test(s, "full disk", test_full);
	CU_add_test(s, "links, directories, devices", test_places);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
