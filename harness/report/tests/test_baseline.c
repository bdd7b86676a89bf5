/* SPDX-License-Identifier: MIT */
/*
 * Baselines: what they turn into what, and that a bad one is refused in one clear line.
 */
#include "fixture.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY(handler, case_, more) "{\"handler\":\"" handler "\",\"case\":\"" case_ "\"" more "}"
#define WHY			    ",\"reason\":\"to be done\",\"date\":\"2024-02-29\""
#define KNOWN(es)		    "{\"schema\":1,\"known\":[" es "]}"

/* A directory of its own with the file that the baseline is written to. */
struct place {
	char dir[64], path[96];
};

static struct place make_place(void)
{
	struct place p = { .dir = "/tmp/test_baseline.XXXXXX" };

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(p.dir));
	snprintf(p.path, sizeof(p.path), "%s/known.json", p.dir);
	return p;
}

static void remove_place(const struct place *p)
{
	unlink(p->path);
	CU_ASSERT_EQUAL(rmdir(p->dir), 0);
}

static int apply(struct results *rs, const char *json, size_t len, char *err, size_t err_len)
{
	struct place p = make_place();
	FILE *out = fopen(p.path, "w");
	int ret;

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_EQUAL(fwrite(json, 1, len, out), len);
	CU_ASSERT_EQUAL(fclose(out), 0);
	ret = baseline_apply(rs, p.path, err, err_len);
	remove_place(&p);
	return ret;
}

static void apply_good(struct results *rs, const char *json)
{
	char err[256] = "";

	CU_ASSERT_EQUAL(apply(rs, json, strlen(json), err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(err, "");
}

/* The file must be refused in one line that ends in @expected, and must change no result. */
static void refuse_bytes(const char *json, size_t len, const char *expected)
{
	struct results rs = sample();
	char err[512] = "", tiny[8];

	CU_ASSERT_EQUAL(apply(&rs, json, len, err, sizeof(err)), -EINVAL);
	CU_ASSERT_EQUAL(strncmp(err, "baseline /tmp/test_baseline.", 28), 0);
	has(err, expected);
	has_not(err, "\n");
	CU_ASSERT_EQUAL(results_count(&rs).fail, 1);
	CU_ASSERT_EQUAL(apply(&rs, json, len, tiny, sizeof(tiny)), -EINVAL);
	CU_ASSERT_STRING_EQUAL(tiny, "baselin");
	CU_ASSERT_EQUAL(apply(&rs, json, len, NULL, 0), -EINVAL);
	results_free(&rs);
}

static void refuse(const char *json, const char *expected)
{
	refuse_bytes(json, strlen(json), expected);
}

static void test_known(void)
{
	struct results rs = sample();
	const struct result *r = &rs.v[1];

	apply_good(&rs, KNOWN(ENTRY("nobody", "*", WHY) "," ENTRY("mem*", "hnd.013.*", WHY)));
	CU_ASSERT_EQUAL(r->verdict, VERDICT_KNOWN);
	CU_ASSERT_STRING_EQUAL(r->reason, "to be done (2024-02-29)");
	CU_ASSERT_STRING_EQUAL(r->detail, "tail is 8, not 16\nexpected 16\nfound 8\n");
	CU_ASSERT_EQUAL(rs.v[0].verdict, VERDICT_PASS);
	CU_ASSERT_EQUAL(results_exit_status(&rs), 0);
	results_free(&rs);
}

static void test_nothing_matches(void)
{
	struct results rs = sample();

	apply_good(&rs, KNOWN(""));
	apply_good(&rs, KNOWN(ENTRY("memory", "hnd.013", WHY) "," ENTRY("psync", "*", WHY)));
	CU_ASSERT_EQUAL(rs.v[0].verdict, VERDICT_PASS);
	CU_ASSERT_EQUAL(rs.v[1].verdict, VERDICT_FAIL);
	CU_ASSERT_EQUAL(rs.v[2].verdict, VERDICT_SKIP);
	CU_ASSERT_STRING_EQUAL(rs.v[2].reason, "needs a # kernel");
	CU_ASSERT_EQUAL(rs.v[3].verdict, VERDICT_KNOWN);
	CU_ASSERT_EQUAL(results_exit_status(&rs), 1);
	results_free(&rs);
}

static void test_unexpected_pass(void)
{
	struct results rs = { 0 };

	add(&rs, "memory", "hnd.001.first", CLAUSE, VERDICT_PASS, NULL);
	CU_ASSERT_EQUAL(results_exit_status(&rs), 0);
	apply_good(&rs, KNOWN(ENTRY("memory", "hnd.001.first", WHY)));
	CU_ASSERT_EQUAL(rs.v[0].verdict, VERDICT_FAIL);
	CU_ASSERT_STRING_EQUAL(rs.v[0].reason, "unexpected pass: the baseline expects a failure: "
					       "to be done (2024-02-29)");
	CU_ASSERT_EQUAL(results_exit_status(&rs), 1);
	results_free(&rs);
}

static void test_not_json(void)
{
	static const char binary[] = "{\"schema\":1,\0\xff\xfe\x1b[2J";

	refuse("", ": line 1 column 0: expected JSON, found: ");
	refuse("hello\n", ": line 1 column 5: expected JSON, found: ");
	refuse("{\"schema\":1,\n\"known\":[}", ": line 2 column 10: expected JSON, found: ");
	refuse("{\"schema\":1} x", ": line 1 column 14: expected JSON, found: ");
	refuse("{\"schema\":1,\"schema\":2}", ": line 1 column 2");
	refuse_bytes(binary, sizeof(binary) - 1, ": line 1 column ");
}

static void test_wrong_schema(void)
{
	refuse("[]", ": top level: expected an object, found []");
	refuse("{}", ": schema: expected 1, found nothing");
	refuse("{\"schema\":2,\"known\":[]}", ": schema: expected 1, found 2");
	refuse("{\"schema\":\"1\",\"known\":[]}", ": schema: expected 1, found \"1\"");
	refuse("{\"schema\":1}", ": known: expected an array, found nothing");
	refuse("{\"schema\":1,\"known\":{\"a\":1}}", ": known: expected an array, found {\"a\":1}");
}

static void test_bad_entries(void)
{
	static const char *const bad_dates[] = { "yesterday",	  "2024-13-01", "2024-00-01",
						 "2024-01-32",	  "2024-01-00", "2024-1-1",
						 "2024-01-01\\n", "2024/01/01", "24-01-01xx" };

	refuse(KNOWN("7"), ": known[0]: expected an object, found 7");
	refuse(KNOWN(ENTRY("*", "a", WHY) ",{\"case\":\"a\"" WHY "}"),
	       ": known[1].handler: expected a string that is not empty, found nothing");
	refuse(KNOWN("{\"handler\":\"a\"" WHY "}"), ": known[0].case: expected a string");
	refuse(KNOWN(ENTRY("", "a", WHY)), ": known[0].handler: expected a string that is not "
					   "empty, found \"\"");
	refuse(KNOWN(ENTRY("*", "a", ",\"date\":\"2024-02-29\"")),
	       ": known[0].reason: expected a string that is not empty, found nothing");
	refuse(KNOWN(ENTRY("*", "a", ",\"reason\":[\"\\u001b\"],\"date\":\"2024-02-29\"")),
	       ": known[0].reason: expected a string that is not empty, found [\"\\u001B\"]");
	refuse(KNOWN(ENTRY("*", "a", ",\"reason\":\"r\"")),
	       ": known[0].date: expected a string that is not empty, found nothing");
	refuse(KNOWN(ENTRY("*", "a", WHY ",\"clau\\nse\":\"HND-001\"")),
	       ": known[0].clau?se: expected no field but handler, case, reason, date, "
	       "found \"HND-001\"");
	for (size_t i = 0; i < sizeof(bad_dates) / sizeof(*bad_dates); i++) {
		char json[256], expected[128];

		snprintf(json, sizeof(json),
			 KNOWN(ENTRY("*", "a", ",\"reason\":\"r\",\"date\":\"%s\"")), bad_dates[i]);
		snprintf(expected, sizeof(expected),
			 ": known[0].date: expected a date YYYY-MM-DD, found \"%s\"", bad_dates[i]);
		refuse(json, expected);
	}
	/* What was found is quoted only as far as it fits a line. */
	refuse(KNOWN("\"123456789 123456789 123456789 123456789 123456789 123456789 1234\""),
	       "found \"123456789 123456789 123456789 123456789 123456789 123456789");
}

static void test_no_file(void)
{
	struct results rs = sample();
	struct place p = make_place();
	char err[256];

	CU_ASSERT_EQUAL(baseline_apply(&rs, p.path, err, sizeof(err)), -EINVAL);
	has(err, "/known.json: cannot open: No such file or directory");
	CU_ASSERT_EQUAL(baseline_apply(&rs, p.dir, err, sizeof(err)), -EINVAL);
	has(err, ": expected a regular file, found another kind");
	CU_ASSERT_EQUAL(baseline_apply(&rs, "/dev/zero", err, sizeof(err)), -EINVAL);
	has(err, "baseline /dev/zero: expected a regular file, found another kind");

	CU_ASSERT_EQUAL_FATAL(mkfifo(p.path, 0600), 0);
	CU_ASSERT_EQUAL(baseline_apply(&rs, p.path, err, sizeof(err)), -EINVAL);
	has(err, ": expected a regular file, found another kind");
	unlink(p.path);

	fclose(fopen(p.path, "w"));
	CU_ASSERT_EQUAL(truncate(p.path, 1LL << 32), 0);
	CU_ASSERT_EQUAL(baseline_apply(&rs, p.path, err, sizeof(err)), -EINVAL);
	has(err, ": expected at most 16777216 bytes, found 4294967296");
	remove_place(&p);
	CU_ASSERT_EQUAL(results_count(&rs).fail, 1);
	results_free(&rs);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "a failure that is known", test_known },
		{ "entries that match nothing", test_nothing_matches },
		{ "an unexpected pass", test_unexpected_pass },
		{ "no such file, no file at all", test_no_file },
		{ "not JSON", test_not_json },
		{ "another schema", test_wrong_schema },
		{ "entries with missing or bad fields", test_bad_entries },
		CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = {
		{ .pName = "baseline", .pTests = tests },
		CU_SUITE_INFO_NULL,
	};

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	return run_registered();
}
