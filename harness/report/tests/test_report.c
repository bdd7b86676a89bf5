/* SPDX-License-Identifier: MIT */
/*
 * The result model and the report for a person: results go in, what can be read is checked.
 */
#include "../../clauses/clause.h"
#include "fixture.h"

static void test_counts(void)
{
	struct results rs = sample();
	struct result_counts counts = results_count(&rs);

	CU_ASSERT_EQUAL(counts.pass, 1);
	CU_ASSERT_EQUAL(counts.fail, 1);
	CU_ASSERT_EQUAL(counts.skip, 1);
	CU_ASSERT_EQUAL(counts.known, 1);
	results_free(&rs);
	CU_ASSERT_EQUAL(rs.n, 0);
	CU_ASSERT_PTR_NULL(rs.v);

	for (int i = 0; i < 1000; i++)
		add(&rs, "memory", "a.b", CLAUSE, VERDICT_PASS, NULL);
	CU_ASSERT_EQUAL(results_count(&rs).pass, 1000);
	results_free(&rs);
}

static void test_exit_status(void)
{
	struct results rs = { 0 };

	CU_ASSERT_EQUAL(results_exit_status(&rs), 77);
	add(&rs, "memory", "a.b", CLAUSE, VERDICT_SKIP, "why");
	CU_ASSERT_EQUAL(results_exit_status(&rs), 77);
	add(&rs, "memory", "a.c", CLAUSE, VERDICT_KNOWN, "why");
	CU_ASSERT_EQUAL(results_exit_status(&rs), 0);
	add(&rs, "memory", "a.d", CLAUSE, VERDICT_FAIL, "why");
	CU_ASSERT_EQUAL(results_exit_status(&rs), 1);
	results_free(&rs);
	add(&rs, "memory", "a.b", CLAUSE, VERDICT_PASS, NULL);
	CU_ASSERT_EQUAL(results_exit_status(&rs), 0);
	results_free(&rs);
}

static void test_text_failure(void)
{
	const struct clause *clause = clause_find(CLAUSE);
	struct results rs = sample();
	char *text = render(&rs, text_plain);
	char heading[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(clause);
	has(text, "FAIL hnd.013.short-pad [memory] a PAD is stepped over\n");
	snprintf(heading, sizeof(heading), "  %s %s: %s\n", clause->id,
		 clause_level_name(clause->level), clause->title);
	has(text, heading);
	snprintf(heading, sizeof(heading), "\n      %.12s", clause->text);
	has(text, heading);
	has(text, "\n  tail is 8, not 16\n  expected 16\n  found 8\n"
		  "  replay: tcmu-harness check --case hnd.013.short-pad --seed 0x1f\n");
	CU_ASSERT_PTR_EQUAL(strstr(text, "FAIL"), text);
	has_not(text, "\033");
	has_not(text, "pass hnd.001.first");
	free(text);

	text = render(&rs, text_rich);
	has(text, "\033[1;31mFAIL hnd.013.short-pad\033[0m");
	has(text, "\033[32mpass \033[0mhnd.001.first [memory]");
	free(text);
	results_free(&rs);

	/* A failure that names no clause shows those that its case is about, known or not. */
	add(&rs, "memory", "hnd.001.x", CLAUSE " XXX-999", VERDICT_FAIL, "died");
	text = render(&rs, text_plain);
	has(text, clause->title);
	has(text, "  XXX-999 (not in the catalogue)\n  died\n");
	free(text);
	results_free(&rs);
}

/* The line of @text that starts with @start, in a static buffer. */
static const char *line_of(const char *text, const char *start, char *line, size_t size)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\n%s", start);
	at = strstr(text, key);
	snprintf(line, size, "%.*s", at ? (int)strcspn(at + 1, "\n") : 0, at ? at + 1 : "");
	return line;
}

static void test_text_grid(void)
{
	struct results rs = sample();
	char *text = render(&rs, text_plain);
	char line[256];

	has(line_of(text, "clause ", line, sizeof(line)), "memory     psync");
	has(line_of(text, OTHER_CLAUSE, line, sizeof(line)), "  pass 1     -");
	/* Worst first: the failure outweighs the pass, the known failure outweighs the skip. */
	has(line_of(text, CLAUSE, line, sizeof(line)), "  FAIL 1/2   known 1/2");
	has(text, "\nskip 1: needs a # kernel\n  hnd.013.short-pad\n");
	has(text, "\nknown 1: to be done (2024-02-29)\n  hnd.020.other\n");
	has(text, "\nmemory: 1 passed, 1 failed, 0 skipped, 0 known\n"
		  "psync: 0 passed, 0 failed, 1 skipped, 1 known\n"
		  "total: 1 passed, 1 failed, 1 skipped, 1 known\n");
	free(text);
	results_free(&rs);

	/* A clause that broke in a case about another one is not left looking good; of its own the
	 * case says nothing. */
	add(&rs, "memory", "hnd.001.a", OTHER_CLAUSE, VERDICT_FAIL, "why")->clause = copy(CLAUSE);
	text = render(&rs, text_plain);
	has(line_of(text, OTHER_CLAUSE, line, sizeof(line)), "skip 1");
	has(line_of(text, CLAUSE " ", line, sizeof(line)), "FAIL 1");
	free(text);
	results_free(&rs);
}

static int count(const char *text, const char *part)
{
	int n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

static size_t widest_line(char *text)
{
	size_t widest = 0;
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		widest = strlen(line) > widest ? strlen(line) : widest;
	return widest;
}

static void test_clause_width(void)
{
	struct results rs = { 0 };
	char *text;

	CU_ASSERT_FATAL(clause_count() > 0);
	for (size_t i = 0; i < clause_count(); i++) {
		const char *id = clause_at(i)->id;

		add(&rs, "memory", "a.b", id, VERDICT_FAIL, "why")->clause = copy(id);
	}
	text = render(&rs, text_plain);
	CU_ASSERT(widest_line(text) <= 100);
	free(text);
	results_free(&rs);
}

static void test_text_width(void)
{
	static const char *const labels[] = { "memory",
					      "psync",
					      "libaio",
					      "io_uring",
					      "mutant:wraps-with-a-mask",
					      "./a handler \033[2J",
					      "a",
					      "b",
					      "c" };
	struct results rs = { 0 };

	for (size_t h = 0; h < sizeof(labels) / sizeof(*labels); h++) {
		char *text;

		for (int i = 0; i < (h < 6 ? 9 : 3000); i++) {
			char id[32];

			snprintf(id, sizeof(id), "hnd.%03d.x", i);
			add(&rs, labels[h], id, CLAUSE, i % 3 ? VERDICT_PASS : VERDICT_SKIP, "why");
		}
		text = render(&rs, text_plain);
		/* Up to six stand side by side; a label too long for a column is spelled out above.
		 */
		if (h < 6)
			CU_ASSERT_EQUAL(count(text, "clause   "), 1);
		CU_ASSERT_EQUAL(count(text, "[5] mutant:wraps-with-a-mask\n"), h >= 4);
		CU_ASSERT(widest_line(text) <= 100);
		free(text);
	}
	results_free(&rs);
}

static void test_text_groups(void)
{
	struct results rs = { 0 };
	char *text;

	for (int i = 9; i > 0; i--) {
		char id[32];

		snprintf(id, sizeof(id), "hnd.%03d", i);
		add(&rs, "memory", id, CLAUSE, VERDICT_SKIP, i == 5 ? "apart" : "together");
		add(&rs, "psync", id, CLAUSE, VERDICT_SKIP, i == 5 ? NULL : "together");
	}
	text = render(&rs, text_plain);
	has(text, "skip 1: apart\n  hnd.005\n");
	has(text, "skip 1: no reason given\n  hnd.005\n");
	has(text, "skip 16: together\n  hnd.001 hnd.002 hnd.003 hnd.004 and 4 more\n");
	free(text);
	results_free(&rs);

	text = render(&rs, text_plain);
	CU_ASSERT_STRING_EQUAL(text, "total: 0 passed, 0 failed, 0 skipped, 0 known\n");
	free(text);
}

static void test_text_nasty(void)
{
	struct results rs = sample_of(nasty);
	char *text = render(&rs, text_plain);

	CU_ASSERT_TRUE(is_clean(text));
	has(text, "\\x01\\x02");
	has(text, "\\x1b[31m");
	has(text, "\\x7f\\x80\\xbf\\xc0\\xaf"); /* DEL, lone continuations, an overlong slash */
	has(text, "\\xed\\xa0\\x80");		/* a surrogate */
	has(text, "\\ufffe\\uffff");
	has(text, "\\xf4\\x90\\x80\\x80");
	has(text, " ok \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \\u0085 \\u2028 \\u202e \\ufeff ");
	has(text, "\\xf0\\x9f\n");
	free(text);
	results_free(&rs);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "counts", test_counts },
		{ "exit status", test_exit_status },
		{ "text: a failure in full", test_text_failure },
		{ "text: the grid", test_text_grid },
		{ "text: clauses in a hundred columns", test_clause_width },
		{ "text: handlers in a hundred columns", test_text_width },
		{ "text: skips by reason", test_text_groups },
		{ "text: any bytes", test_text_nasty },
		CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = {
		{ .pName = "report", .pTests = tests },
		CU_SUITE_INFO_NULL,
	};

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	return run_registered();
}
