/* SPDX-License-Identifier: MIT */
/* Recorded programs: the same each time, everything in them, and a difference is seen. */
#include "../../cases/krn.h"

#include <stdio.h>

static uint64_t spoil; /* the status of so many ends from now on is not what it was; 0 = none */

static int spoiled_wait(struct target *t, struct target_io *io)
{
	int rc = target_wait(t, io);

	if (spoil && !--spoil)
		io->status ^= 0x40;
	return rc;
}

/* Another test's stand-in for tc_fail() is in the way of the real one. */
static void broke(struct tc *tc, const char *clause, const char *fmt, ...)
{
	printf("%s: %s\n", clause ? clause : "", fmt);
	tc->failed = true;
}

#define tc_fail	    broke
#define target_wait spoiled_wait
#include "../record_device.c"
#undef target_wait
#undef tc_fail

#include "../../cases/tc.h"

#include <CUnit/Basic.h>

#define PROGRAMS (2 * RECORD_PROGRAMS)

/** struct run - a recording in memory */
struct run {
	struct record rec;
	char *text;
	size_t len;
};

static void record(struct run *run, uint64_t seed, uint64_t spoiled)
{
	struct store_cache cache = { 0 };
	struct target_spec spec = { .label = "memory",
				    .api = tcmu_handler_api(),
				    .engine = "memory",
				    .tmpdir = "/tmp",
				    .cache = &cache };
	struct tc_stage *stage = tc_stage_new(&spec, "record");
	struct result r;

	*run = (struct run){ .rec = { .seed = seed, .programs = RECORD_PROGRAMS } };
	spoil = spoiled;
	run->rec.f = open_memstream(&run->text, &run->len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(stage);
	CU_ASSERT_PTR_NOT_NULL_FATAL(run->rec.f);
	while (run->rec.first < PROGRAMS) {
		r = (struct result){ 0 };
		tc_stage_run(stage, NEEDS_SEAT, seed, record_device, &run->rec, &r);
		CU_ASSERT_EQUAL_FATAL(r.verdict, VERDICT_PASS);
		run->rec.first += RECORD_PROGRAMS;
	}
	CU_ASSERT_EQUAL(run->rec.done, PROGRAMS);
	fclose(run->rec.f);
	tc_stage_free(stage);
	inproc_drop_cache(&spec);
}

/* Lines that differ. */
static unsigned int differing(const char *a, const char *b)
{
	unsigned int n = 0;

	while (*a && *b) {
		size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");

		n += la != lb || memcmp(a, b, la) != 0;
		a += la + (a[la] != 0);
		b += lb + (b[lb] != 0);
	}
	return n + (*a || *b);
}

static void test_same(void)
{
	struct run a, b, other;

	record(&a, 7, 0);
	record(&b, 7, 0);
	record(&other, 8, 0);
	CU_ASSERT_STRING_EQUAL(a.text, b.text);
	CU_ASSERT(differing(a.text, other.text) > PROGRAMS);
	free(a.text);
	free(b.text);
	free(other.text);
}

static void test_difference(void)
{
	struct run a, b;

	record(&a, 7, 0);
	record(&b, 7, 500);
	CU_ASSERT_EQUAL(differing(a.text, b.text), 1);
	free(a.text);
	free(b.text);
}

/* Programs that lack something would compare nothing. */
static void test_content(void)
{
	static const char *const parts[] = {
		"\npad at=",
		"\ncmd at=",
		" data=",
		" residual=1",
		" sense=70",
		"status=28",
		"status=08",
		"\nevents +",
		"\nreset 0",
		"\nfree 0",
		"\nfree -22",
		"\nqfull 0",
		"\nblock 0",
		"\nopen 0",
		" uflags=1 ",
		" uflags=2 ",
		" uflags=4 ",
		" uflags=6 ",
		",",
		"> ring 4",
		"iovs=0/0/0",
		"sense=70000500000000",
		"tmr=1 head=10",
		"\ntmr at=",
		" type=1 ids=1: ",
		" aborted",
	};
	struct run a;
	size_t i;

	record(&a, 1, 0);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		CU_ASSERT_PTR_NOT_NULL(strstr(a.text, parts[i]));
		if (!strstr(a.text, parts[i]))
			printf("nothing like \"%s\"\n", parts[i]);
	}
	free(a.text);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{ "the same programs, the same record", test_same },
		{ "a status that differs is one line that does", test_difference },
		{ "everything occurs", test_content },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "record", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
	unsigned int failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
