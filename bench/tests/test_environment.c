/* SPDX-License-Identifier: MIT */
/* Where a benchmark ran: that all is there, and what makes two places different. */
#include "../environment.h"

#include <CUnit/Basic.h>
#include <sched.h>
#include <string.h>

static void test_now(void)
{
	static const char *const texts[] = { "kernel",	 "machine", "cpu",	   "cpus_allowed",
					     "governor", "smt",	    "clocksource", "compiler",
					     "flags",	 "version", "commit" };
	static const char *const known[] = { "kernel",	     "machine",	    "cpu",
					     "cpus_allowed", "clocksource", "compiler" };
	json_t *a = environment_now(), *b = environment_now();
	char why[256];
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		CU_ASSERT(json_is_string(json_object_get(a, texts[i])));
	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		CU_ASSERT(json_string_length(json_object_get(a, known[i])) > 0);
	CU_ASSERT(json_integer_value(json_object_get(a, "cpus_online")) > 0);
	CU_ASSERT(json_is_boolean(json_object_get(a, "virtual")));
	CU_ASSERT(json_is_object(json_object_get(a, "mitigations")));
	CU_ASSERT_EQUAL(environment_differs(a, b, why, sizeof(why)), 0);
	json_decref(a);
	json_decref(b);
}

/* Fewer processors are another environment. */
static void test_allowed(void)
{
	cpu_set_t before, one;
	json_t *a = environment_now(), *b;
	char why[256] = "";

	CPU_ZERO(&one);
	CU_ASSERT_EQUAL_FATAL(sched_getaffinity(0, sizeof(before), &before), 0);
	if (CPU_COUNT(&before) > 1 && CPU_ISSET(0, &before)) {
		CPU_SET(0, &one);
		CU_ASSERT_EQUAL_FATAL(sched_setaffinity(0, sizeof(one), &one), 0);
		b = environment_now();
		sched_setaffinity(0, sizeof(before), &before);
		CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(b, "cpus_allowed")), "0");
		CU_ASSERT_EQUAL(environment_differs(a, b, why, sizeof(why)), 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "\"cpus_allowed\": \"0"));
		json_decref(b);
	}
	json_decref(a);
}

/* @expected: NULL if they are the same; else the line */
static void compare(const char *a, const char *b, const char *expected)
{
	json_t *x = json_loads(a, 0, NULL), *y = json_loads(b, 0, NULL);
	char why[512] = "";

	CU_ASSERT_PTR_NOT_NULL_FATAL(x);
	CU_ASSERT_PTR_NOT_NULL_FATAL(y);
	CU_ASSERT_EQUAL(environment_differs(x, y, why, sizeof(why)), expected ? 1 : 0);
	CU_ASSERT_STRING_EQUAL(why, expected ? expected : "");
	json_decref(x);
	json_decref(y);
}

static void test_differs(void)
{
	compare("{}", "{}", NULL);
	compare("{\"cpu\":\"x\",\"commit\":\"1\",\"version\":\"1\"}",
		"{\"commit\":\"2\",\"version\":\"2\",\"cpu\":\"x\"}", NULL);
	compare("{\"cpu\":\"x\"}", "{\"cpu\":\"y\"}", "\"cpu\": \"x\" and \"y\"");
	compare("{\"cpu\":\"x\"}", "{}", "\"cpu\": \"x\" and nothing");
	compare("{}", "{\"cpu\":\"x\"}", "\"cpu\": nothing and \"x\"");
	compare("{\"cpus\":2}", "{\"cpus\":\"2\"}", "\"cpus\": 2 and \"2\"");
	compare("{\"m\":{\"a\":\"1\",\"b\":\"2\"}}", "{\"m\":{\"b\":\"2\",\"a\":\"1\"}}", NULL);
	compare("{\"m\":{\"a\":\"1\",\"b\":\"2\"}}", "{\"m\":{\"a\":\"1\",\"b\":\"3\"}}",
		"\"b\": \"2\" and \"3\"");
	compare("{\"m\":{\"a\":\"1\"}}", "{\"m\":3}", "\"m\": {\"a\":\"1\"} and 3");
	compare("{\"a\":\"\\u001b[31m\\n\x7f\"}", "{\"a\":\"\\u00e9\"}",
		"\"a\": \"\\u001B[31m\\n?\" and \"\\u00E9\"");
}

/* Nothing in a file is too long for a line. */
static void test_long(void)
{
	char text[2000], why[512], tiny[10];
	json_t *a = json_object(), *b = json_object();

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	json_object_set_new(a, text, json_string(text));
	CU_ASSERT_EQUAL(environment_differs(a, b, why, sizeof(why)), 1);
	CU_ASSERT(strlen(why) < 400);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "xxx... and nothing"));
	CU_ASSERT_EQUAL(environment_differs(a, b, tiny, sizeof(tiny)), 1);
	CU_ASSERT_EQUAL(strlen(tiny), 9);
	json_decref(a);
	json_decref(b);
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("environment", NULL, NULL);
	CU_add_test(s, "this machine", test_now);
	CU_add_test(s, "processors allowed", test_allowed);
	CU_add_test(s, "what differs", test_differs);
	CU_add_test(s, "long texts", test_long);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
