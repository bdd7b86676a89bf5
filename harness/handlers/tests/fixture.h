/* SPDX-License-Identifier: MIT */
/*
 * What the handler's tests share: running CUnit to an exit status, a scratch directory, patterns.
 */
#ifndef HANDLERS_TESTS_FIXTURE_H
#define HANDLERS_TESTS_FIXTURE_H

#include "../store.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** struct scratch - a directory of its own with one file in it */
struct scratch {
	char dir[64], path[96], spec[112];
};

static inline struct scratch scratch_make(void)
{
	struct scratch s = { .dir = "/tmp/tcmu-test.XXXXXX" };

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(s.dir));
	snprintf(s.path, sizeof(s.path), "%s/store", s.dir);
	snprintf(s.spec, sizeof(s.spec), "file:%s", s.path);
	return s;
}

static inline void scratch_remove(const struct scratch *s)
{
	unlink(s->path);
	CU_ASSERT_EQUAL(rmdir(s->dir), 0);
}

/** fill() - @len bytes that depend on @seed and position */
static inline void fill(uint8_t *buf, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(seed + i * 7 + (i >> 8) * 13);
}

static inline bool all_bytes(const uint8_t *buf, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++) {
		if (buf[i] != value)
			return false;
	}
	return true;
}

/** has() - @text contains @part */
static inline void has(const char *text, const char *part)
{
	bool found = strstr(text, part) != NULL;

	CU_ASSERT_TRUE(found);
	if (!found)
		printf("\nexpected to find: %s\nin: %s\n", part, text);
}

/** run_suite() - run @tests under @name; the exit status of the test program */
static inline int run_suite(const char *name, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = { { .pName = name, .pTests = tests }, CU_SUITE_INFO_NULL };
	unsigned int failed;

	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)
		return EXIT_FAILURE;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failed != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
