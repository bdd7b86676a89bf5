/* SPDX-License-Identifier: MIT */
/*
 * Manifests: what they say goes where it belongs, what cannot be read is marked and the rest kept,
 * and what makes no sense is refused with its line.
 */
#include "../fio.h"

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GOOD "fio=bench/tests/fio/sg.json\tjob=4k-randread-qd1"
#define ROW  "row\tlayer=a\tbelow=\tadds=\tworkload=w\t"

static char path[64];
static char err[300];

static int take(struct result **r, const char *text)
{
	FILE *f = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	*r = result_new("test");
	CU_ASSERT_PTR_NOT_NULL_FATAL(*r);
	err[0] = 0;
	return fio_manifest(*r, path, err, sizeof(err));
}

static void test_rows(void)
{
	const struct series *cpu, *failed, *iops;
	struct result_row *row;
	struct result *r;

	CU_ASSERT_EQUAL(take(&r, "option\tpoll_us=400\n" ROW GOOD "\tcpu_handler_ns=812.5\n"
				 "row\tlayer=b\tbelow=a\tadds=more\tworkload=w\t" GOOD
				 "\tfailed=3\ttimed_out=1\n" ROW GOOD "\tcpu_handler_ns=813\n"
				 "row\tlayer=b\tbelow=a\tadds=more\tworkload=w\t" GOOD
				 "\tfailed=0\ttimed_out=0\n"),
			0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r->options, "poll_us")), "400");
	CU_ASSERT_EQUAL(r->n_rows, 2);
	row = result_row(r, "a", "w");
	cpu = &row->metric[METRIC_CPU_HANDLER];
	iops = &row->metric[METRIC_IOPS];
	CU_ASSERT_EQUAL_FATAL(cpu->n, 2);
	CU_ASSERT_EQUAL(cpu->values[0], 812.5);
	CU_ASSERT_EQUAL(cpu->values[1], 813);
	CU_ASSERT_EQUAL_FATAL(iops->n, 2);
	CU_ASSERT_TRUE(iops->values[0] > 0 && iops->values[0] == iops->values[1]);
	CU_ASSERT_STRING_EQUAL(row->side, "fio");
	CU_ASSERT_TRUE(result_row_valid(row));
	row = result_row(r, "b", "w");
	failed = &row->metric[METRIC_FAILED];
	CU_ASSERT_EQUAL_FATAL(failed->n, 2);
	CU_ASSERT_EQUAL(failed->values[0], 3);
	CU_ASSERT_STRING_EQUAL(row->below, "a");
	CU_ASSERT_STRING_EQUAL(row->adds, "more");
	CU_ASSERT_FALSE(result_row_valid(row));
	CU_ASSERT_TRUE(row->complete);
	result_free(r);
}

/* fio's own failures do not vanish because the manifest has seen none. */
static void test_failures_stay(void)
{
	struct result_row *row;
	struct result *r;

	CU_ASSERT_EQUAL(take(&r, ROW "fio=bench/tests/fio/error.json\tjob=failing\tfailed=0\n"), 0);
	row = result_row(r, "a", "w");
	CU_ASSERT_EQUAL_FATAL(row->metric[METRIC_FAILED].n, 1);
	CU_ASSERT_TRUE(row->metric[METRIC_FAILED].values[0] > 0);
	result_free(r);
}

static void test_partial(void)
{
	struct result_row *row;
	struct result *r;

	CU_ASSERT_EQUAL(take(&r, ROW GOOD "\n" ROW "fio=/nowhere/x.json\tjob=plain\n"
					  "row\tlayer=b\tworkload=w\tfio=bench/tests/fio/sg.json"
					  "\tjob=other\nrow\tlayer=c\tworkload=w\t" GOOD
					  "\nstop\tlayer=c\tworkload=w\twhy=its handler ended\n"
					  "stop\twhy=ended by SIGINT\n"),
			0);
	row = result_row(r, "a", "w");
	CU_ASSERT_FALSE(row->complete);
	CU_ASSERT_PTR_NOT_NULL(strstr(row->why, "/nowhere/x.json"));
	CU_ASSERT_EQUAL(row->metric[METRIC_IOPS].n, 1);
	row = result_row(r, "b", "w");
	CU_ASSERT_PTR_NOT_NULL(strstr(row->why, "expected a job called 'other'"));
	CU_ASSERT_STRING_EQUAL(result_row(r, "c", "w")->why, "its handler ended");
	CU_ASSERT_FALSE(r->complete);
	CU_ASSERT_STRING_EQUAL(r->why, "ended by SIGINT");
	result_free(r);
	CU_ASSERT_EQUAL(take(&r, ROW GOOD "\n" ROW GOOD "\nrow\tlayer=b\tworkload=w\t" GOOD "\n"),
			0);
	CU_ASSERT_TRUE(result_row(r, "a", "w")->complete);
	CU_ASSERT_STRING_EQUAL(result_row(r, "b", "w")->why, "it has 1 of 2 repeats");
	result_free(r);
}

static void refused(const char *text, const char *why)
{
	struct result *r;

	CU_ASSERT_EQUAL(take(&r, text), -EINVAL);
	if (!strstr(err, why))
		printf("expected '%s', found '%s'\n", why, err);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, why));
	result_free(r);
}

static void test_refused(void)
{
	char text[10000];

	refused("", "expected rows, found none");
	refused("row\n", "line 1: expected fields behind 'row', found none");
	refused("walk\tlayer=a\n", "line 1: expected row, stop or option, found 'walk'");
	refused(ROW GOOD "\nrow\tlayer=a\t" GOOD "\n",
		"line 2: expected layer=, workload= and fio=");
	refused(ROW GOOD "\tnonsense\n", "line 1: expected NAME=VALUE, found 'nonsense'");
	refused(ROW GOOD "\tspeed=3\n", "line 1: expected a field or metric, found 'speed'");
	refused(ROW GOOD "\tiops=-3\n", "iops: expected a number, found '-3'");
	refused(ROW GOOD "\tiops=nan\n", "iops: expected a number, found 'nan'");
	refused(ROW GOOD "\tiops=3x\n", "iops: expected a number, found '3x'");
	refused("stop\tlayer=a\twhy=x\n", "expected layer= and workload=, or none of them");
	refused("stop\tlayer=a\tworkload=w\n", "expected why=");
	refused("option\tx\n", "expected NAME=VALUE, found 'x'");
	refused("option\tx=\xff\n", "option x: expected UTF-8");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	refused(text, "line 1: expected at most 8190 bytes");
	unlink(path);
	err[0] = 0;
	CU_ASSERT_EQUAL(fio_manifest(NULL, path, err, sizeof(err)), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "No such file"));
}

int main(void)
{
	char name[] = "/tmp/test_fio_manifest.XXXXXX";
	int fd = mkstemp(name);
	CU_pSuite s;

	if (fd < 0)
		return 1;
	close(fd);
	snprintf(path, sizeof(path), "%s", name);
	CU_initialize_registry();
	s = CU_add_suite("fio_manifest", NULL, NULL);
	CU_add_test(s, "rows", test_rows);
	CU_add_test(s, "failures stay", test_failures_stay);
	CU_add_test(s, "partial", test_partial);
	CU_add_test(s, "refused", test_refused);
	CU_basic_run_tests();
	unlink(path);
	return CU_get_number_of_failures() != 0;
}
