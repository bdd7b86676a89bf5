/* SPDX-License-Identifier: MIT */
/*
 * What pictures show, before anybody draws it: layers and workloads in order, what a layer adds,
 * percentiles, and how numbers are written.
 */
#include "../figure.h"
#include "pictures.h"

#include <CUnit/Basic.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_order(void)
{
	struct result *r = picture_result();
	const struct result *one = r;
	struct figures f;

	CU_ASSERT_EQUAL_FATAL(figures_make(&f, &one, 1), 0);
	CU_ASSERT_EQUAL_FATAL(f.n_layers, 4);
	CU_ASSERT_STRING_EQUAL(f.layers[0].name, "floor");
	CU_ASSERT_EQUAL(f.layers[0].below, FIGURE_NONE);
	CU_ASSERT_STRING_EQUAL(f.layers[1].name, "middle");
	CU_ASSERT_EQUAL(f.layers[1].below, 0);
	CU_ASSERT_STRING_EQUAL(f.layers[2].name, "top");
	CU_ASSERT_EQUAL(f.layers[2].below, 1);
	CU_ASSERT_STRING_EQUAL(f.layers[3].name, "other");
	CU_ASSERT_EQUAL(f.layers[3].below, 0);

	CU_ASSERT_EQUAL_FATAL(f.parts[0].n_workloads, 3);
	CU_ASSERT_STRING_EQUAL(f.parts[0].workloads[0].name, "4k-randread-qd1");
	CU_ASSERT_STRING_EQUAL(f.parts[0].workloads[1].name, "4k-randread-qd8");
	CU_ASSERT_EQUAL(f.parts[0].workloads[1].depth, 8);
	CU_ASSERT_STRING_EQUAL(f.parts[0].workloads[2].name, "128k-read");
	CU_ASSERT_EQUAL_FATAL(f.parts[0].n_families, 2);
	CU_ASSERT_STRING_EQUAL(f.parts[0].families[0].name, "4k-randread");
	CU_ASSERT(figure_family_curve(&f.parts[0], &f.parts[0].families[0]));
	CU_ASSERT(!figure_family_curve(&f.parts[0], &f.parts[0].families[1]));
	CU_ASSERT_PTR_NULL(figure_row(&f, &f.parts[0], 2, 0));
	CU_ASSERT_PTR_EQUAL(figure_row(&f, &f.parts[0], 2, 1), r->rows[0]);
	figures_free(&f);
	result_free(r);
}

/* Layers that stand on each other, on themselves and on nothing that is there. */
static void test_circles(void)
{
	struct result *r = result_new("circles");
	const struct result *one = r;
	struct figures f;
	struct figure_step s;
	char *text;

	picture_row(r, "a", "b", "w-qd1", 10, 3);
	picture_row(r, "b", "c", "w-qd1", 10, 3);
	picture_row(r, "c", "a", "w-qd1", 10, 3);
	picture_row(r, "self", "self", "w-qd1", 10, 3);
	picture_row(r, "lost", "nowhere", "w-qd1", 10, 3);
	CU_ASSERT_EQUAL_FATAL(figures_make(&f, &one, 1), 0);
	CU_ASSERT_EQUAL(f.n_layers, 5);
	CU_ASSERT_STRING_EQUAL(f.layers[0].name, "lost");
	CU_ASSERT_EQUAL(f.layers[0].below, FIGURE_NONE);
	for (size_t l = 0; l < f.n_layers; l++) {
		CU_ASSERT(figure_step(&f, &f.parts[0], l, 0, FIGURE_TIME, &s));
		if (!strcmp(f.layers[l].name, "self") || !strcmp(f.layers[l].name, "lost"))
			CU_ASSERT_EQUAL(s.added.n, 0);
	}
	figures_free(&f);
	text = picture_page_of(r);
	picture_xml(text);
	free(text);
	result_free(r);
}

/* "qdN" counts as a word of a name, and nowhere else. */
static void test_depths(void)
{
	static const struct {
		const char *name, *family;
		unsigned depth;
	} names[] = {
		{ "4k-read-qd1-poll", "4k-read-poll", 1 },
		{ "4k-read-qd256-poll", "4k-read-poll", 256 },
		{ "qd8-x", "x", 8 },
		{ "qd4", "qd", 4 },
		{ "aqd8", "aqd8", 0 },
		{ "a-qd8b", "a-qd8b", 0 },
		{ "a-qd", "a-qd", 0 },
		{ "a-qd99999999", "a-qd99999999", 0 },
		{ "", "", 0 },
	};
	size_t n = sizeof(names) / sizeof(*names);
	struct result *r = result_new("depths");
	const struct result *one = r;
	struct figures f;

	for (size_t i = 0; i < n; i++)
		picture_row(r, "layer", "", names[i].name, 10, 1);
	CU_ASSERT_EQUAL_FATAL(figures_make(&f, &one, 1), 0);
	CU_ASSERT_EQUAL_FATAL(f.parts[0].n_workloads, n);
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_STRING_EQUAL(f.parts[0].workloads[i].name, names[i].name);
		CU_ASSERT_EQUAL(f.parts[0].workloads[i].depth, names[i].depth);
	}
	CU_ASSERT_EQUAL_FATAL(f.parts[0].n_families, n - 1);
	for (size_t i = 1; i < n; i++)
		CU_ASSERT_STRING_EQUAL(f.parts[0].families[i - 1].name, names[i].family);
	figures_free(&f);
	result_free(r);
}

static void test_step(void)
{
	struct result *r = result_new("steps");
	const struct result *one = r;
	struct figures f;
	struct figure_step s;
	struct result_row *low, *high;

	/* each repeat of the upper one costs 5 more, however much they scatter */
	low = result_row(r, "low", "w");
	high = result_row(r, "high", "w");
	CU_ASSERT_EQUAL(result_row_describe(high, "low", "x", "own"), 0);
	for (int i = 0; i < 9; i++) {
		CU_ASSERT_EQUAL(result_row_add(low, METRIC_LATENCY, 100 + i * i), 0);
		CU_ASSERT_EQUAL(result_row_add(high, METRIC_LATENCY, 105 + i * i), 0);
		CU_ASSERT_EQUAL(result_row_add(low, METRIC_CPU_INITIATOR, 50), 0);
		CU_ASSERT_EQUAL(result_row_add(high, METRIC_CPU_INITIATOR, 40 + i), 0);
		CU_ASSERT_EQUAL(result_row_add(high, METRIC_CPU_HANDLER, 6), 0);
	}
	CU_ASSERT_EQUAL_FATAL(figures_make(&f, &one, 1), 0);
	CU_ASSERT_FATAL(figure_step(&f, &f.parts[0], 1, 0, FIGURE_TIME, &s));
	CU_ASSERT_EQUAL(s.below, 0);
	CU_ASSERT_EQUAL(s.total.value, 121);
	CU_ASSERT_EQUAL(s.added.value, 5);
	CU_ASSERT_EQUAL(s.added.low, 5);
	CU_ASSERT_EQUAL(s.added.high, 5);
	CU_ASSERT(s.certain);
	CU_ASSERT_FATAL(figure_step(&f, &f.parts[0], 1, 0, FIGURE_CPU, &s));
	CU_ASSERT_EQUAL(s.total.value, 50);
	CU_ASSERT_EQUAL(s.added.value, 0);
	CU_ASSERT(!s.certain);

	/* no number below, nothing added; no number, no step */
	CU_ASSERT_EQUAL(result_row_add(low, METRIC_FAILED, 1), 0);
	CU_ASSERT_FATAL(figure_step(&f, &f.parts[0], 1, 0, FIGURE_TIME, &s));
	CU_ASSERT_EQUAL(s.added.n, 0);
	CU_ASSERT(!s.certain);
	CU_ASSERT(!figure_step(&f, &f.parts[0], 0, 0, FIGURE_TIME, &s));
	figures_free(&f);
	result_free(r);

	/* what stands on a row without a number is compared with what that one stands on */
	r = picture_result();
	one = r;
	CU_ASSERT_EQUAL(result_row_add(r->rows[2], METRIC_FAILED, 1), 0);
	CU_ASSERT_EQUAL_FATAL(figures_make(&f, &one, 1), 0);
	CU_ASSERT_FATAL(figure_step(&f, &f.parts[0], 2, 1, FIGURE_TIME, &s));
	CU_ASSERT_EQUAL(s.below, 0);
	CU_ASSERT_EQUAL(s.added.value, 2990);
	figures_free(&f);
	result_free(r);

	/* so is one whose lower layer was not asked for, but is known */
	r = result_new("a gap");
	one = r;
	picture_row(r, "threads", "data", "w", 30, 3);
	picture_row(r, "floor", "", "w", 10, 3);
	CU_ASSERT_EQUAL_FATAL(figures_make(&f, &one, 1), 0);
	CU_ASSERT_EQUAL(f.layers[1].below, 0);
	CU_ASSERT_FATAL(figure_step(&f, &f.parts[0], 1, 0, FIGURE_TIME, &s));
	CU_ASSERT_EQUAL(s.added.value, 20);
	CU_ASSERT(!s.certain); /* 3 repeats do not suffice */
	figures_free(&f);
	result_free(r);
}

/* Repeats belong together by their number: one that is lost shifts no other. */
static void test_lost(void)
{
	struct result *r = result_new("lost repeats");
	const struct result *one = r;
	struct result_row *low = result_row(r, "low", "w"), *high = result_row(r, "high", "w");
	struct figure_step s;
	struct figures f;

	CU_ASSERT_EQUAL(result_row_describe(high, "low", "x", "own"), 0);
	for (uint32_t i = 0; i < 10; i++) {
		double value[METRICS];

		/* the machine gets slower; each repeat of the upper one costs 5 more */
		for (int m = 0; m < METRICS; m++)
			value[m] = NAN;
		value[METRIC_FAILED] = 0;
		value[METRIC_LATENCY] = i == 2 ? NAN : 100.0 + 50 * i;
		value[METRIC_CPU_INITIATOR] = 10 * i;
		CU_ASSERT_EQUAL(result_row_repeat(low, i, value), 0);
		value[METRIC_LATENCY] = i == 6 ? NAN : 105.0 + 50 * i;
		value[METRIC_CPU_HANDLER] = i == 1 ? NAN : 3;
		CU_ASSERT_EQUAL(result_row_repeat(high, i, value), 0);
	}
	CU_ASSERT_EQUAL(result_row_repeats(low), 10);
	CU_ASSERT_EQUAL_FATAL(figures_make(&f, &one, 1), 0);
	CU_ASSERT_FATAL(figure_step(&f, &f.parts[0], 1, 0, FIGURE_TIME, &s));
	CU_ASSERT_EQUAL(s.total.n, 9);
	CU_ASSERT_EQUAL(s.added.n, 8);
	CU_ASSERT_EQUAL(s.added.low, 5);
	CU_ASSERT_EQUAL(s.added.high, 5);
	CU_ASSERT(s.certain);
	/* of a sum, too, both parts have to be known */
	CU_ASSERT_FATAL(figure_step(&f, &f.parts[0], 1, 0, FIGURE_CPU, &s));
	CU_ASSERT_EQUAL(s.added.n, 9);
	CU_ASSERT_EQUAL(s.added.low, 3);
	CU_ASSERT_EQUAL(s.added.high, 3);
	figures_free(&f);
	result_free(r);
}

static void test_percentiles(void)
{
	struct result *r = result_new("percentiles");
	struct result_row *row = picture_row(r, "a", "", "w", 100, 3),
			  *marks = result_row(r, "b", "w");

	/* 5000 commands, 50 each of 100, 101, ... 199 ns */
	CU_ASSERT_DOUBLE_EQUAL(figure_percentile(row, 0), 149, 2);
	CU_ASSERT_EQUAL(figure_percentile(row, 5), 199);
	CU_ASSERT_DOUBLE_EQUAL(figure_at(row, 1), 189, 2);
	CU_ASSERT_DOUBLE_EQUAL(figure_firm(row), log10(500), 1e-9);
	CU_ASSERT(isnan(figure_percentile(marks, 0)));
	CU_ASSERT_EQUAL(result_row_add(marks, METRIC_P99, 5), 0);
	CU_ASSERT_EQUAL(figure_percentile(marks, 2), 5);
	CU_ASSERT(isnan(figure_percentile(marks, 0)));
	result_free(r);
}

static void test_numbers(void)
{
	static const struct {
		double value;
		const char *unit, *text;
	} numbers[] = {
		{ 0, "ns", "0 ns" },
		{ 18, "ns", "18 ns" },
		{ 18.04, "ns", "18.0 ns" },
		{ 1.5, "ns", "1.50 ns" },
		{ 999.4, "ns", "999 ns" },
		{ 999.6, "ns", "1.00 µs" },
		{ 999600, "", "1.00 M" },
		{ 123456, "", "123 k" },
		{ 1e12, "ns", "1000 s" },
		{ 0.0312, "", "0.031" },
		{ 4096, "blocks", "4096 blocks" },
		{ -1500, "ns", "-1.50 µs" },
		{ 2.5e6, "/s", "2.50 M/s" },
		{ NAN, "ns", "–" },
	};
	char text[64];
	struct median m = { 1500, 990, 2000, 0.95, 8 };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		CU_ASSERT_STRING_EQUAL(
			figure_number(text, sizeof(text), numbers[i].value, numbers[i].unit),
			numbers[i].text);
	CU_ASSERT_STRING_EQUAL(figure_interval(text, sizeof(text), m, "ns"), "[0.99, 2]");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{ "layers and workloads are in order", test_order },
		{ "layers below each other", test_circles },
		{ "depths in names", test_depths },
		{ "what a layer adds", test_step },
		{ "repeats that are lost", test_lost },
		{ "percentiles", test_percentiles },
		{ "numbers for people", test_numbers },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "figures", NULL, NULL, NULL, NULL, tests },
				  CU_SUITE_INFO_NULL };
	unsigned failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
