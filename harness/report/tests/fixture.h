/* SPDX-License-Identifier: MIT */
/* What the tests of the reports share: a sample run, and a look at what is written of it. */
#ifndef TEST_REPORT_FIXTURE_H
#define TEST_REPORT_FIXTURE_H

#include "../result.h"

#include <CUnit/Basic.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CLAUSE	     "HND-013"
#define OTHER_CLAUSE "HND-001"

/* Every byte but NUL, broken UTF-8 of each kind, and what each format takes for its own. */
static const char nasty[] =
	"\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18"
	"\x19\x1a\x1b[31m\x1c\x1d\x1e\x1f !\"#$%&'()*+,-./0;<=>?@[\\]^_`{|}~\x7f\x80\xbf\xc0\xaf"
	"\xc1\xc2\xe0\x80\x80\xed\xa0\x80\xef\xbf\xbe\xef\xbf\xbf\xf0\x80\x80\x80\xf4\x90\x80\x80"
	"\xf5\xfe\xff ok \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\x85 \xe2\x80\xa8 \xe2\x80\xae "
	"\xef\xbb\xbf ]]> <!-- --> </failure> &amp; &#0;\n---\n...\n  ...\nok 1 - no # TODO\n\xf0\x9f";

static inline char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static inline struct result *add(struct results *rs, const char *handler, const char *id,
				 const char *clauses, enum verdict verdict, const char *reason)
{
	struct result r = {
		.handler = copy(handler),
		.id = copy(id),
		.title = copy("a PAD is stepped over"),
		.clauses = copy(clauses),
		.level = "MUST",
		.verdict = verdict,
		.reason = copy(reason),
		.seed = 0x1f,
		.time_us = 1234567,
	};

	CU_ASSERT_EQUAL_FATAL(results_add(rs, &r), 0);
	CU_ASSERT_PTR_NULL(r.id);
	return &rs->v[rs->n - 1];
}

/* One result of each verdict; the failure has everything that a failure can have. */
static inline struct results sample(void)
{
	struct results rs = { 0 };
	struct result *r;

	add(&rs, "memory", "hnd.001.first", OTHER_CLAUSE " " CLAUSE, VERDICT_PASS, NULL);
	r = add(&rs, "memory", "hnd.013.short-pad", CLAUSE, VERDICT_FAIL, "tail is 8, not 16");
	r->detail = copy("expected 16\nfound 8\n");
	r->clause = copy(CLAUSE);
	r->replay = copy("tcmu-harness check --case hnd.013.short-pad --seed 0x1f");
	add(&rs, "psync", "hnd.013.short-pad", CLAUSE, VERDICT_SKIP, "needs a # kernel");
	r = add(&rs, "psync", "hnd.020.other", CLAUSE, VERDICT_KNOWN, "to be done (2024-02-29)");
	r->detail = copy("  starts blank\nand goes on");
	return rs;
}

/* Results whose every string is @s. */
static inline struct results sample_of(const char *s)
{
	struct results rs = { 0 };

	for (int verdict = VERDICT_PASS; verdict <= VERDICT_KNOWN; verdict++) {
		struct result *r = add(&rs, s, s, s, verdict, s);

		free(r->title);
		r->title = copy(s);
		r->detail = copy(s);
		r->clause = copy(s);
		r->replay = copy(s);
	}
	return rs;
}

static inline int text_plain(const struct results *rs, FILE *out)
{
	return report_text(rs, out, &(struct report_style){ 0 });
}

static inline int text_rich(const struct results *rs, FILE *out)
{
	return report_text(rs, out, &(struct report_style){ .colour = true, .verbose = true });
}

static inline char *render(const struct results *rs, int (*writer)(const struct results *, FILE *))
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_EQUAL(writer(rs, out), 0);
	CU_ASSERT_EQUAL_FATAL(fclose(out), 0);
	CU_ASSERT_EQUAL(strlen(text), len);
	return text;
}

/* Check that @text holds @part, and show both if it does not. */
static inline void has(const char *text, const char *part)
{
	bool found = strstr(text, part);

	CU_ASSERT_TRUE(found);
	if (!found)
		printf("\nexpected to find:\n%s\nin:\n%s\n", part, text);
}

static inline void has_not(const char *text, const char *part)
{
	CU_ASSERT_PTR_NULL(strstr(text, part));
}

/* Whether @text is UTF-8 without control characters. */
static inline bool is_clean(const char *text)
{
	json_t *value = json_string(text); /* refuses what is no UTF-8 */
	bool clean = value;

	json_decref(value);
	for (; *text; text++)
		clean &= ((unsigned char)*text >= ' ' && *text != 0x7f) || strchr("\t\n", *text);
	return clean;
}

/* Run what is registered; the exit status of the test program. */
static inline int run_registered(void)
{
	unsigned int failed;

	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_set_fail_on_inactive(CU_FALSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
