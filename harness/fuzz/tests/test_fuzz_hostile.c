/* SPDX-License-Identifier: MIT */
/*
 * Hostile handlers against the simulator (DIS-12, TRP-01, TRP-02): some millions of stores between
 * calls, inside them and from a second thread; and programs that once found something.
 */
#include "../hostile.h"

#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

#define OPS 20000

static struct hostile_run play(struct fuzz_program *p, uint64_t seed, bool sanitize, bool race)
{
	struct hostile_run r = { .p = p, .seed = seed, .ops = OPS };

	r.choose = true;
	r.sanitize = sanitize;
	r.race = race;
	CU_ASSERT_EQUAL_FATAL(hostile_run(&r), 0);
	if (r.what[0])
		printf("\n    seed 0x%llx: %s\n", (unsigned long long)seed, r.what);
	CU_ASSERT_STRING_EQUAL(r.what, "");
	return r;
}

static void room(struct fuzz_program *p)
{
	memset(p, 0, sizeof(*p));
	p->ops = calloc(OPS, sizeof(*p->ops));
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->ops);
	p->room = OPS;
}

static void test_any_store(void)
{
	uint64_t stores = 0, inside = 0, broken = 0, answers = 0, checked = 0, seed;
	struct fuzz_program p;
	struct hostile_run r;

	room(&p);
	for (seed = 1000; stores < 1500000; seed++) {
		r = play(&p, seed, seed & 1, false);
		stores += r.tally.stores;
		inside += r.tally.inside;
		broken += r.tally.broken;
		answers += r.tally.answers;
		checked += r.tally.checked;
		if (r.what[0])
			break;
	}
	/* it is no test if nothing happened */
	CU_ASSERT(inside > 20000);
	CU_ASSERT(broken > 1000);
	CU_ASSERT(answers > 3000);
	CU_ASSERT(checked > 5000);
	free(p.ops);
}

static void test_same_again(void)
{
	struct fuzz_program p;
	struct hostile_run r;
	uint64_t seed, digest;
	char err[200];
	int rc;
	char *text;
	size_t len;
	FILE *f;

	room(&p);
	for (seed = 1; seed <= 4; seed++) {
		digest = play(&p, seed, seed & 1, false).digest;
		f = open_memstream(&text, &len);
		fuzz_print(&p, f);
		fclose(f);
		fuzz_program_free(&p);
		rc = fuzz_parse(&p, text, len, err, sizeof(err));
		if (rc)
			puts(err);
		CU_ASSERT_EQUAL_FATAL(rc, 0);
		free(text);
		r = (struct hostile_run){ .p = &p, .seed = 99, .sanitize = seed & 1 };
		CU_ASSERT_EQUAL(hostile_run(&r), 0);
		CU_ASSERT_STRING_EQUAL(r.what, "");
		CU_ASSERT_EQUAL(r.digest, digest);
		fuzz_program_free(&p);
		room(&p);
	}
	free(p.ops);
}

#ifndef __SANITIZE_THREAD__ /* whose reports of the second thread would be right, and no news */
static void test_second_thread(void)
{
	struct fuzz_program p;
	uint64_t seed, stores = 0;

	room(&p);
	for (seed = 1; stores < 8500000 && seed < 5000; seed++)
		stores += play(&p, seed, seed & 1, true).tally.racing;
	CU_ASSERT(stores >= 8500000);
	free(p.ops);
}
#endif

/* Each of these was the shortest program for something that has been mended. */
static const char *const found[] = {
	/* a sweep took a cmd_head that the handler had moved for a mistake of the simulator's */
	"device poison=1\nstore u8 region+12 8\nsettle\n",
};

static void test_found(void)
{
	char err[200];
	size_t i;
	int k;

	for (i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		struct fuzz_program p;

		CU_ASSERT_EQUAL_FATAL(fuzz_parse(&p, found[i], strlen(found[i]), err, sizeof(err)),
				      0);
		for (k = 0; k < 2; k++) {
			struct hostile_run r = { .p = &p, .sanitize = k };

			CU_ASSERT_EQUAL(hostile_run(&r), 0);
			CU_ASSERT_STRING_EQUAL(r.what, "");
		}
		fuzz_program_free(&p);
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "any store at any moment", test_any_store },
		{ "the same program, the same state", test_same_again },
#ifndef __SANITIZE_THREAD__
		{ "a second thread", test_second_thread },
#endif
		{ "programs that found something", test_found },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "hostile programs", NULL, NULL, NULL, NULL, tests },
				  CU_SUITE_INFO_NULL };
	unsigned int failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return 1;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
