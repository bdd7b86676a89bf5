/* SPDX-License-Identifier: MIT */
/* Fuzz programs in the language of the handler's seat: what is said, what is left out. */
#include "../export.h"
#include "../generate.h"

#include "../../seat/generate.h"
#include "../../seat/program.h"

#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

/* The lines that @program becomes after its settings. */
static char *exported(const struct fuzz_program *p, uint64_t seed, int triggers)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fuzz_export_seat(p, seed, triggers, f);
	fclose(f);
	return text;
}

static char *lines(const char *program, int triggers)
{
	struct fuzz_program p;
	char err[200] = "", *text, *body;
	int rc = fuzz_parse(&p, program, strlen(program), err, sizeof(err));

	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	text = exported(&p, 1, triggers);
	fuzz_program_free(&p);
	body = strstr(text, "attrib/tmr_notification");
	CU_ASSERT_PTR_NOT_NULL_FATAL(body);
	body = strdup(strchr(body, '\n') + 1);
	*strstr(body, "-write action/block_dev 0\n-results") = 0;
	free(text);
	return body;
}

static void check(const char *program, int triggers, const char *want)
{
	char *got = lines(program, triggers);

	CU_ASSERT_STRING_EQUAL(got, want);
	if (strcmp(got, want) != 0)
		printf("\n    expected:\n%s    found:\n%s", want, got);
	free(got);
}

static void test_operations(void)
{
	check("submit 28000000000800000400 in=2048\n", 0,
	      "-send s0 28000000000800000400 in=2048 ms=3000\n");
	check("submit 000000000000\nring 4\nring 8 value=7\nread 5\n", 0,
	      "-send s0 000000000000 ms=3000\n-ring 4 0x0\n-ring 8 0x7\n-read 5\n");
	check("answer 2 ring=1\n", 0,
	      "-take t0 ms=30\n-answer t0\n-take t1 ms=30\n-answer t1\n-ring\n");
	check("store u16 tail+4 7\nfill data+8 16 0xff\n", 0,
	      "-store u16 ring+tail+4 0x7\n-fill data+8 16 ff\n");
	check("at 3\nstore u8 old+7 4\nring 4\n", 0,
	      "thread\nloop 500\n-store u8 ring+tail+7 0x4\nend\nend\n-ring 4 0x0\n");
	check("reset 1\nblock 1\nfree 7\nclose\n", 0,
	      "-write action/reset_ring 1\n-seek\n-write action/block_dev 1\n"
	      "-write action/free_kept_buf 7\n-close\n-open\n");
}

/* What is known to hurt kernels is there if it is asked for, and only then. */
static void test_triggers(void)
{
	check("store u32 region+12 8\n", 0, "");
	check("store u32 region+12 8\n", SEAT_WILD_HEAD, "-store u32 12 0x8\n");
	check("store u64 region+10 8\n", 0, "");
	check("store u32 region+64 8\n", 0, "-tail head\n");
	check("store u32 region+64 8\n", SEAT_WILD_TAIL, "-store u32 64 0x8\n");
	check("store u32 tail 8\n", SEAT_WILD_LENGTH, "");
	check("store u32 tail 8\n", SEAT_WILD_ALL, "-store u32 ring+tail+0 0x8\n");
	check("fill tail+8 4096 0\n", 0, "");
	check("store u8 ring+480 1\n", 0, "");
	check("store u8 head+8 1\n", 0, "");
	check("store u8 head+8 1\n", SEAT_WILD_ALL, "-store u8 ring+head+8 0x1\n");
	check("store u8 tail+48 1\n", 0, "-store u8 ring+tail+48 0x1\n");
	check("device tmr=1\nstore u8 tail+48 1\n", 0, "");
	check("free 0\n", 0, "");
	check("free 0\n", SEAT_WILD_ROOT, "-write action/free_kept_buf 0\n");
}

/* Time and everything that takes it has a budget. */
static void test_budget(void)
{
	char program[4096] = "";
	uint32_t i, slept = 0, resets = 0;
	char *got, *at;

	for (i = 0; i < 40; i++)
		strcat(program, "advance 30000\ntmr lun-reset\n");
	got = lines(program, 0);
	for (at = got; (at = strstr(at, "-sleep 1200\n")) != NULL; at++)
		slept++;
	for (at = got; (at = strstr(at, "-reset\n")) != NULL; at++)
		resets++;
	CU_ASSERT_EQUAL(slept, 3);
	CU_ASSERT_EQUAL(resets, 2);
	free(got);
}

/* Whatever the grammar makes, the seat understands. */
static void test_understood(void)
{
	struct fuzz_limits limits = { .profile = FUZZ_P_SEAT };
	struct fuzz_program p = { 0 };
	struct seat_program sp;
	uint64_t seed;
	char err[200];
	char *text;
	int rc;

	for (seed = 1; seed <= 300; seed++) {
		CU_ASSERT_EQUAL_FATAL(fuzz_generate(&p, seed, &limits), 0);
		text = exported(&p, seed, -1);
		rc = seat_parse(&sp, text, strlen(text), err, sizeof(err));
		if (rc)
			printf("\n    seed %llu: %s\n", (unsigned long long)seed, err);
		CU_ASSERT_EQUAL(rc, 0);
		if (!rc)
			seat_program_free(&sp);
		free(text);
		fuzz_program_free(&p);
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "operations", test_operations },
		{ "triggers", test_triggers },
		{ "time is bounded", test_budget },
		{ "all of it is understood", test_understood },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "export", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
	unsigned int failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return 1;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
