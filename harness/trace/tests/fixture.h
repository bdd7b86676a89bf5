/* SPDX-License-Identifier: MIT */
/* What the tests of traces share: the recording, and a look at what a replay says. */
#ifndef TEST_TRACE_FIXTURE_H
#define TEST_TRACE_FIXTURE_H

#include "../trace.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECORDING "results/traces/kernel-6.1.0-56-mixed.txt"
#define TEXT_MAX  (64u << 10)

/* The recording as text; tests change a copy. */
static inline size_t read_recording(char *text)
{
	FILE *in = fopen(RECORDING, "r");
	size_t len;

	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	len = fread(text, 1, TEXT_MAX - 1, in);
	CU_ASSERT_EQUAL(fclose(in), 0);
	text[len] = 0;
	return len;
}

/*
 * Parses and replays. Returns 0 if identical, 1 if not, 2 for bad input; what was said goes to @say
 * (256 bytes), the line that was blamed to *@line.
 */
static inline int replay_text(const char *text, size_t len, struct trace_result *res, char *say,
			      unsigned int *line)
{
	struct trace t;
	int rc;

	*say = 0;
	*line = 0;
	rc = trace_parse(&t, "t", text, len, say, 256);
	if (rc) {
		CU_ASSERT_PTR_NULL(t.v);
		sscanf(say, "t:%u:", line);
		return 2;
	}
	rc = trace_replay(&t, 0, res, say, 256);
	if (!rc && res->differs) {
		trace_finding_text(&res->finding, t.name, say, 256);
		*line = res->finding.line;
	}
	trace_free(&t);
	if (rc)
		sscanf(say, "t:%u:", line);
	return rc ? 2 : res->differs;
}

static inline int run_registered(void)
{
	unsigned int failed;

	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
