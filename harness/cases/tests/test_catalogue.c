/* SPDX-License-Identifier: MIT */
/*
 * The gate between contract and cases: every clause that the simulator can show has a case, every
 * case names clauses that exist, and ids follow the rule.
 */
#include "../case.h"

#include <CUnit/Basic.h>
#include <stdio.h>

/* Whether the space-separated list has @id. */
static bool lists(const char *list, const char *id)
{
	size_t n = strlen(id);
	const char *p = list;

	while ((p = strstr(p, id)) != NULL) {
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return true;
		p += n;
	}
	return false;
}

static void test_every_clause_has_a_case(void)
{
	size_t i, k, missing = 0;

	for (i = 0; i < clause_count(); i++) {
		const struct clause *c = clause_at(i);

		if (c->level > CLAUSE_SHOULD || !clause_sim_can_show(c))
			continue;
		for (k = 0; k < case_count() && !lists(case_at(k)->clauses, c->id); k++)
			;
		if (k == case_count()) {
			printf("\n    %s %s (%s) has no case\n", clause_level_name(c->level), c->id,
			       c->title);
			missing++;
		}
	}
	CU_ASSERT_EQUAL(missing, 0);
}

static void test_every_named_clause_exists(void)
{
	size_t i;

	for (i = 0; i < case_count(); i++) {
		char *copy = strdup(case_at(i)->clauses), *save = NULL, *id;

		CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
		for (id = strtok_r(copy, " ", &save); id; id = strtok_r(NULL, " ", &save)) {
			if (!clause_find(id))
				printf("\n    %s names %s\n", case_at(i)->id, id);
			CU_ASSERT_PTR_NOT_NULL(clause_find(id));
		}
		CU_ASSERT_TRUE(case_at(i)->clauses[0] != 0);
		free(copy);
	}
}

/* "hnd.013.slug": the first clause of a case is the one its id speaks of. */
static void test_ids_follow_the_rule(void)
{
	char prefix[16];
	unsigned int n;
	size_t i, k;

	for (i = 0; i < case_count(); i++) {
		const struct case_def *def = case_at(i);
		char chapter[4] = "";

		CU_ASSERT_EQUAL(sscanf(def->id, "%3[a-z].%u.", chapter, &n), 2);
		snprintf(prefix, sizeof(prefix), "%c%c%c-%0*u", chapter[0] - 32, chapter[1] - 32,
			 chapter[2] - 32, strcmp(chapter, "dis") ? 3 : 2, n);
		if (!lists(def->clauses, prefix))
			printf("\n    %s does not name %s\n", def->id, prefix);
		CU_ASSERT_TRUE(lists(def->clauses, prefix));
		CU_ASSERT_TRUE(def->run != NULL && def->title[0]);
		for (k = 0; k < i; k++) {
			if (!strcmp(case_at(k)->id, def->id))
				printf("\n    two cases are called %s\n", def->id);
			CU_ASSERT_TRUE(strcmp(case_at(k)->id, def->id) != 0);
		}
	}
}

static void test_catalogue_is_complete(void)
{
	size_t i, k;

	CU_ASSERT_TRUE(clause_count() >= 219);
	CU_ASSERT_PTR_NULL(clause_at(clause_count()));
	CU_ASSERT_PTR_NULL(clause_find("HND-999"));
	CU_ASSERT_PTR_NOT_NULL(clause_find("hnd-013"));
	for (i = 0; i < clause_count(); i++) {
		const struct clause *c = clause_at(i);

		CU_ASSERT_TRUE(c->title[0] && c->text[0] && c->source[0]);
		CU_ASSERT_PTR_EQUAL(clause_find(c->id), c);
		for (k = 0; k < i; k++)
			CU_ASSERT_TRUE(strcmp(clause_at(k)->id, c->id) != 0);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{ "every clause that the simulator can show has a case",
		  test_every_clause_has_a_case },
		{ "every clause that a case names exists", test_every_named_clause_exists },
		{ "case ids are unique and follow the rule", test_ids_follow_the_rule },
		{ "the catalogue is complete and consistent", test_catalogue_is_complete },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "catalogue", NULL, NULL, NULL, NULL, tests },
				  CU_SUITE_INFO_NULL };
	unsigned int failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
