/* SPDX-License-Identifier: MIT */
/*
 * The reports for programs, judged by parsers that are not ours (jansson, xmllint) where there is
 * one. The strings come from handlers under test, so every writer is also fed bytes that its format
 * forbids, and every stream may fail.
 */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_tap(void)
{
	struct results rs = sample();
	char *tap = render(&rs, report_tap);

	CU_ASSERT_EQUAL(strncmp(tap, "TAP version 14\n1..4\n", 20), 0);
	has(tap, "\nok 1 - hnd.001.first: a PAD is stepped over [memory]\nnot ok 2");
	has(tap, "\nnot ok 2 - hnd.013.short-pad: a PAD is stepped over [memory]\n"
		 "  ---\n  message: \"tail is 8, not 16\"\n  clause: \"" CLAUSE "\"\n");
	has(tap, "  detail: |\n    expected 16\n    found 8\n  ...\n");
	has(tap, "\nok 3 - hnd.013.short-pad: a PAD is stepped over [psync] # SKIP needs a \\# "
		 "kernel\n");
	has(tap, "\nnot ok 4 - hnd.020.other: a PAD is stepped over [psync] "
		 "# TODO to be done (2024-02-29)\n");
	has(tap, "  detail: \"  starts blank\\nand goes on\"\n  ...\n");
	free(tap);
	results_free(&rs);

	tap = render(&rs, report_tap);
	CU_ASSERT_STRING_EQUAL(tap, "TAP version 14\n1..0 # SKIP nothing ran\n");
	free(tap);

	add(&rs, "memory", "a.b", CLAUSE, VERDICT_PASS, NULL);
	tap = render(&rs, report_tap);
	CU_ASSERT_STRING_EQUAL(tap, "TAP version 14\n1..1\nok 1 - a.b: a PAD is stepped over\n");
	free(tap);
	results_free(&rs);
}

/* However a string looks, it opens no line that TAP would take for a test or the end of a block. */
static void test_tap_nasty(void)
{
	struct results rs = sample_of(nasty);
	char *tap = render(&rs, report_tap), *rest = NULL;
	int tests = 0, blocks = 0, ends = 0, directives = 0;

	CU_ASSERT_TRUE(is_clean(tap));
	for (char *line = strtok_r(tap, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		bool test = !strncmp(line, "ok ", 3) || !strncmp(line, "not ok ", 7);

		tests += test;
		blocks += !strcmp(line, "  ---");
		ends += !strcmp(line, "  ...");
		/* A directive starts at a # that no backslash takes the meaning from. */
		for (char *c = line; test && *c; c++) {
			if (*c == '\\')
				c++;
			else
				directives += *c == '#';
		}
		CU_ASSERT(test || !strncmp(line, "  ", 2) || !strncmp(line, "TAP ", 4) ||
			  !strncmp(line, "1..", 3));
	}
	CU_ASSERT_EQUAL(tests, 4);
	CU_ASSERT_EQUAL(blocks, 2);
	CU_ASSERT_EQUAL(ends, 2);
	CU_ASSERT_EQUAL(directives, 2);
	free(tap);
	results_free(&rs);
}

/* Run a checker on @text; its exit status, or -1. */
static int check_with(const char *command, const char *text)
{
	FILE *to = popen(command, "w");

	if (!to)
		return -1;
	fputs(text, to);
	return pclose(to);
}

static bool have_xmllint(void)
{
	return system("xmllint --version >/dev/null 2>&1") == 0;
}

static void check_xml(const char *xml)
{
	CU_ASSERT_EQUAL(check_with("xmllint --noout -", xml), 0);
}

static void accepted(int (*writer)(const struct results *, FILE *))
{
	struct results rs = sample();
	char *xml = render(&rs, writer);
	unsigned int random = 1;

	check_xml(xml);
	/* The checker must be one that can refuse. */
	CU_ASSERT_NOT_EQUAL(check_with("xmllint --noout - 2>/dev/null", xml + 1), 0);
	free(xml);
	results_free(&rs);

	xml = render(&rs, writer);
	check_xml(xml);
	free(xml);

	for (int round = 0; round < 20; round++) {
		char noise[257];

		for (size_t i = 0; i < sizeof(noise) - 1; i++) {
			random = random * 1103515245 + 12345;
			noise[i] = (random >> 16) % 255 + 1;
		}
		noise[sizeof(noise) - 1] = '\0';
		rs = sample_of(round ? noise : nasty);
		xml = render(&rs, writer);
		check_xml(xml);
		free(xml);
		results_free(&rs);
	}
}

static void test_xml_accepted(void)
{
	accepted(report_junit);
	accepted(report_html);
}

/* Every link and every button of the page leads somewhere in it. */
static void check_targets(const char *html, const char *attribute, const char *sharp)
{
	size_t found = 0;

	for (const char *at = strstr(html, attribute); at; at = strstr(at + 1, attribute)) {
		const char *name = at + strlen(attribute);
		char want[80];

		CU_ASSERT_FATAL(!strncmp(name, sharp, strlen(sharp)));
		name += strlen(sharp);
		snprintf(want, sizeof(want), " id=\"%.*s\"", (int)strcspn(name, "\""), name);
		CU_ASSERT_PTR_NOT_NULL(strstr(html, want));
		found++;
	}
	CU_ASSERT(found > 0);
}

static void test_html(void)
{
	struct results rs = sample();
	char *html = render(&rs, report_html), *again;

	has(html, "aria-label=\"HND-013, memory: FAIL 1 of 2\"");
	has(html, "aria-label=\"HND-013, psync: known 1 of 2\"");
	has(html, "aria-label=\"HND-001, memory: pass 1 of 1\"");
	has(html, "<span class=\"none\" aria-label=\"no case\">");
	has(html, "tcmu-harness check --case hnd.013.short-pad --seed 0x1f</code>");
	has(html, "<pre>expected 16\nfound 8</pre>");
	has(html, "needs a # kernel");
	check_targets(html, " href=\"", "#");
	check_targets(html, " popovertarget=\"", "");
	CU_ASSERT_PTR_NULL(strstr(html, "<script"));
	CU_ASSERT_PTR_NULL(strstr(html, "://"));
	rs.v[0].time_us = 1; /* takes another time each time */
	again = render(&rs, report_html);
	CU_ASSERT_STRING_EQUAL(html, again);
	free(again);
	free(html);
	results_free(&rs);

	rs = sample_of(nasty);
	html = render(&rs, report_html);
	CU_ASSERT_TRUE(is_clean(html));
	free(html);
	results_free(&rs);
}

static void test_junit(void)
{
	struct results rs = sample();
	char *xml = render(&rs, report_junit);

	has(xml, "<testsuites name=\"tcmu-harness\" tests=\"4\" failures=\"1\" errors=\"0\" "
		 "skipped=\"2\" time=\"4.938268\">");
	has(xml,
	    "<testsuite name=\"memory\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\"");
	has(xml, "<testsuite name=\"psync\" tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"2\"");
	has(xml, "<testcase classname=\"hnd\" name=\"hnd.001.first\" time=\"1.234567\"/>");
	has(xml, "<failure message=\"tail is 8, not 16\" type=\"" CLAUSE "\">"
		 "a PAD is stepped over\nexpected 16\nfound 8\nreplay: tcmu-harness check");
	has(xml, "<skipped message=\"needs a # kernel\"/>");
	has(xml, "<skipped message=\"known failure: to be done (2024-02-29)\"/>");
	free(xml);
	results_free(&rs);
}

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	return root;
}

static void test_json(void)
{
	struct results rs = sample();
	char *text = render(&rs, report_json), *again = render(&rs, report_json);
	json_t *root = parse(text), *cases = json_object_get(root, "cases"), *c;
	int pass, fail, skip, known, schema;

	CU_ASSERT_STRING_EQUAL(text, again);
	CU_ASSERT_EQUAL(json_unpack(root, "{s:i, s:{s:i, s:i, s:i, s:i !}, s:o !}", "schema",
				    &schema, "summary", "pass", &pass, "fail", &fail, "skip", &skip,
				    "known", &known, "cases", &c),
			0);
	CU_ASSERT(schema == 1 && pass == 1 && fail == 1 && skip == 1 && known == 1);
	CU_ASSERT_EQUAL(json_array_size(cases), 4);
	json_decref(root);

	has(text, "\n{\"id\":\"hnd.001.first\",\"handler\":\"memory\",\"title\":\"a PAD is stepped "
		  "over\",\"clauses\":[\"" OTHER_CLAUSE "\",\"" CLAUSE "\"],\"level\":\"MUST\","
		  "\"verdict\":\"pass\",\"reason\":null,\"clause\":null,\"seed\":\"0x1f\","
		  "\"replay\":null,\"detail\":null,\"time_us\":1234567},\n");
	has(text, "\"verdict\":\"fail\",\"reason\":\"tail is 8, not 16\",\"clause\":\"" CLAUSE
		  "\",\"seed\":\"0x1f\",\"replay\":\"tcmu-harness check --case hnd.013.short-pad "
		  "--seed 0x1f\",\"detail\":\"expected 16\\nfound 8\",\"time_us\":1234567},\n");
	has(text, "\"verdict\":\"known\",\"reason\":\"to be done (2024-02-29)\"");
	free(text);
	free(again);
	results_free(&rs);

	text = render(&rs, report_json);
	json_decref(parse(text));
	has(text, "\"summary\":{\"pass\":0,\"fail\":0,\"skip\":0,\"known\":0}");
	free(text);
	rs = sample_of(nasty);
	text = render(&rs, report_json);
	CU_ASSERT_TRUE(is_clean(text));
	json_decref(parse(text));
	free(text);
	results_free(&rs);
}

/* A stream whose first write is lost while all later ones arrive. */
static ssize_t lose_first(void *cookie, const char *buf, size_t size)
{
	int *writes = cookie;

	(void)buf;
	return (*writes)++ ? (ssize_t)size : 0;
}

static void test_lost_write(void)
{
	struct results rs = { 0 };
	int writes = 0;
	FILE *out = fopencookie(&writes, "w", (cookie_io_functions_t){ .write = lose_first });

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	for (int i = 0; i < 1000; i++)
		add(&rs, "memory", "a.b", CLAUSE, VERDICT_FAIL, "why");
	CU_ASSERT_EQUAL(report_tap(&rs, out), -EIO);
	CU_ASSERT(writes > 2);
	fclose(out);
	results_free(&rs);
}

static void test_file(void)
{
	char dir[] = "/tmp/test_report.XXXXXX", path[64], err[256] = "";
	struct results rs = sample();
	struct stat st;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/report", dir);
	CU_ASSERT_EQUAL(report_file(&rs, path, report_json, err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT(st.st_size > 100);
	unlink(path);

	CU_ASSERT_EQUAL(report_file(&rs, dir, report_json, err, sizeof(err)), -EISDIR);
	has(err, ": cannot open for writing: Is a directory");
	CU_ASSERT_EQUAL(report_file(&rs, "/nowhere/\033\n", report_tap, err, sizeof(err)), -ENOENT);
	has(err, "report /nowhere/\?\?: cannot open for writing: No such file");
	/* A pipe without a reader is an error, not a wait. */
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL(report_file(&rs, path, report_junit, err, sizeof(err)), -ENXIO);
	unlink(path);
	rmdir(dir);

	CU_ASSERT_EQUAL(report_file(&rs, "/dev/full", text_plain, err, sizeof(err)), -ENOSPC);
	has(err, "report /dev/full: cannot write: No space left on device");
	for (int i = 0; i < 1000; i++)
		add(&rs, "memory", "a.b", CLAUSE, VERDICT_FAIL, "why");
	CU_ASSERT(report_file(&rs, "/dev/full", report_json, err, sizeof(err)) < 0);
	CU_ASSERT(report_file(&rs, "/dev/full", report_tap, err, sizeof(err)) < 0);
	CU_ASSERT(report_file(&rs, "/dev/full", report_junit, err, sizeof(err)) < 0);
	CU_ASSERT(report_file(&rs, "/dev/full", report_html, err, sizeof(err)) < 0);
	CU_ASSERT(report_file(&rs, "/dev/full", text_rich, err, sizeof(err)) < 0);
	results_free(&rs);
}

int main(void)
{
	static const char needs_xmllint[] = "JUnit and HTML: xmllint accepts any bytes";
	static CU_TestInfo tests[] = {
		{ "TAP", test_tap },
		{ "TAP: any bytes", test_tap_nasty },
		{ "JUnit", test_junit },
		{ needs_xmllint, test_xml_accepted },
		{ "HTML", test_html },
		{ "JSON", test_json },
		{ "a write that is lost", test_lost_write },
		{ "files and streams that fail", test_file },
		CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = {
		{ .pName = "formats", .pTests = tests },
		CU_SUITE_INFO_NULL,
	};

	signal(SIGPIPE, SIG_IGN); /* a checker may stop reading at the first error */
	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	if (!have_xmllint()) {
		printf("SKIP \"%s\": no xmllint in PATH\n", needs_xmllint);
		CU_set_test_active(CU_get_test(CU_get_suite("formats"), needs_xmllint), CU_FALSE);
	}
	return run_registered();
}
