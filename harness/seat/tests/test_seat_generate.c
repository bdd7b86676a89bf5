/* SPDX-License-Identifier: MIT */
/* Generated programs: readable, the same for the same seed, and without known triggers unless
 * asked. */
#include "../generate.h"
#include "../program.h"

#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 600

static char *generate(uint64_t seed, int triggers)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	seat_generate(f, seed, triggers);
	fclose(f);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	return text;
}

static void test_readable(void)
{
	struct seat_program p;
	char err[256] = "", *text;
	bool used[SEAT_VERBS] = { false };

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		text = generate(seed * 0x9e3779b97f4a7c15u, SEAT_WILD_ALL);
		CU_ASSERT_EQUAL_FATAL(seat_parse(&p, text, strlen(text), err, sizeof(err)), 0);
		CU_ASSERT_TRUE(p.cnt >= 2);
		for (uint32_t i = 0; i < p.cnt; i++) {
			used[p.ops[i].verb] = true;
			/* a program has to reach its end */
			CU_ASSERT_TRUE(p.ops[i].want == SEAT_MAY || p.ops[i].verb == SEAT_LOOP ||
				       p.ops[i].verb == SEAT_THREAD || p.ops[i].verb == SEAT_END);
		}
		seat_program_free(&p);
		free(text);
	}
	for (int v = 0; v < SEAT_VERBS; v++)
		if (v != SEAT_SHOW && v != SEAT_WAIT)
			CU_ASSERT_TRUE(used[v]);
}

static void test_repeatable(void)
{
	char *a = generate(42, -1), *b = generate(42, -1), *c = generate(43, -1);

	CU_ASSERT_STRING_EQUAL(a, b);
	CU_ASSERT_STRING_NOT_EQUAL(a, c);
	CU_ASSERT_PTR_NOT_NULL(strstr(a, "# seed 0x000000000000002a\n"));
	free(a);
	free(b);
	free(c);
}

/* What gives a trigger away in a program. */
static bool wild(const char *text)
{
	return strstr(text, "-store u32 12 ") || strstr(text, "-tail tail+") ||
	       strstr(text, "-tail size-") || strstr(text, "-store u32 ring+tail") ||
	       strstr(text, "free_kept_buf \"0\"");
}

static void test_triggers(void)
{
	uint32_t with = 0, by_default = 0;
	char *text;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		text = generate(seed, 0);
		CU_ASSERT_FALSE(wild(text));
		free(text);
		text = generate(seed, SEAT_WILD_ALL);
		with += wild(text);
		free(text);
		text = generate(seed, -1);
		by_default += wild(text);
		free(text);
	}
	CU_ASSERT_TRUE(with > SEEDS / 4);
	CU_ASSERT_TRUE(by_default > 0 && by_default < with / 3);
}

int main(void)
{
	CU_pSuite suite;
	unsigned int failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("seat generate", NULL, NULL);
	CU_add_test(suite, "readable", test_readable);
	CU_add_test(suite, "repeatable", test_repeatable);
	CU_add_test(suite, "triggers", test_triggers);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
