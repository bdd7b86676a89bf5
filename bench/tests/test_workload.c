/* SPDX-License-Identifier: MIT */
/* Names of workloads: what they say, and what is said of those that say nothing. */
#include "../workload.h"

#include <CUnit/Basic.h>
#include <string.h>

static void says(const char *name, uint32_t bytes, uint32_t reads, bool random, uint32_t depth)
{
	struct workload w;
	char err[200] = "";

	CU_ASSERT_EQUAL_FATAL(workload_parse(&w, name, err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(w.name, name);
	CU_ASSERT_EQUAL(w.bytes, bytes);
	CU_ASSERT_EQUAL(w.reads, reads);
	CU_ASSERT_EQUAL(w.random, random);
	CU_ASSERT_EQUAL(w.depth, depth);
}

static void refused(const char *name, const char *found)
{
	struct workload w;
	char err[300] = "";

	CU_ASSERT_NOT_EQUAL(workload_parse(&w, name, err, sizeof(err)), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, found));
	CU_ASSERT_PTR_NULL(strchr(err, '\n'));
}

static void test_names(void)
{
	says("4k-randread-qd32", 4096, 100, true, 32);
	says("512-read-qd1", 512, 100, false, 1);
	says("1m-write-qd256", 1 << 20, 0, false, 256);
	says("128k-randwrite-qd8", 128 << 10, 0, true, 8);
	says("1536-rw-qd2", 1536, 50, false, 2);
	says("4k-randrw70-qd32", 4096, 70, true, 32);
}

static void test_parts(void)
{
	struct workload w;
	char err[200];

	CU_ASSERT_EQUAL(workload_parse(&w, "4k-read-qd32-batch8-poll-open80", err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(w.batch, 8);
	CU_ASSERT_TRUE(w.poll);
	CU_ASSERT_EQUAL(w.open, 80);
	CU_ASSERT_EQUAL(workload_parse(&w, "4k-read-qd32", err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(w.batch, 0);
	CU_ASSERT_FALSE(w.poll);
	CU_ASSERT_EQUAL(w.open, 0);
}

/* Two ways to say a thing have one name. */
static void test_one_name(void)
{
	struct workload w;
	char err[200];

	CU_ASSERT_EQUAL(workload_parse(&w, "4096-randrw50-qd032", err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(w.name, "4k-randrw-qd32");
	CU_ASSERT_EQUAL(workload_parse(&w, "1024k-rw100-qd1", err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(w.name, "1m-read-qd1");
}

static void test_refused(void)
{
	refused("", "''");
	refused("frob", "'frob'");
	refused("4k", "''");
	refused("0-read-qd1", "'");
	refused("511-read-qd1", "size");
	refused("2m-read-qd1", "size");
	refused("4k-reed-qd1", "read");
	refused("4k-randrw101-qd1", "read");
	refused("4k-read-qd0", "qd");
	refused("4k-read-qd257", "qd");
	refused("4k-read-qd1-batch2", "'-batch2'");
	refused("4k-read-qd8-batch0", "'-batch0'");
	refused("4k-read-qd8-open0", "'-open0'");
	refused("4k-read-qd8-open201", "'-open201'");
	refused("4k-read-qd8-poll-batch2", "'-batch2'");
	refused("4k-read-qd8 ", "' '");
	refused("99999999999999999999k-read-qd8", "size");
}

static void test_defaults(void)
{
	struct workload w;
	char err[200];
	const char *name;
	uint32_t i, full;

	for (full = 0; full < 2; full++)
		for (i = 0; (name = workload_default(i, full)); i++) {
			CU_ASSERT_EQUAL(workload_parse(&w, name, err, sizeof(err)), 0);
			CU_ASSERT_STRING_EQUAL(w.name, name);
		}
	CU_ASSERT_TRUE(i > 12);
}

int main(void)
{
	CU_pSuite s;

	CU_initialize_registry();
	s = CU_add_suite("workload", NULL, NULL);
	CU_add_test(s, "names", test_names);
	CU_add_test(s, "parts", test_parts);
	CU_add_test(s, "one name", test_one_name);
	CU_add_test(s, "refused", test_refused);
	CU_add_test(s, "defaults", test_defaults);
	CU_basic_run_tests();
	return CU_get_number_of_failures() != 0;
}
