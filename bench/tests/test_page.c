/* SPDX-License-Identifier: MIT */
/*
 * The page: that each row is there, that what has no number is not drawn, and that no name of a
 * layer or workload becomes anything but text, whatever is in it. What a browser makes of it has to
 * be looked at.
 */
#include "../page_impl.h"
#include "pictures.h"

#include <CUnit/Basic.h>
#include <stdlib.h>

/* --- plots ----------------------------------------------------------------------------------- */

static void test_axes(void)
{
	struct axis a = axis_of(90, 95);
	double ticks[24];
	size_t n = axis_ticks(&a, ticks, 24);

	CU_ASSERT(!a.log);
	CU_ASSERT_EQUAL(a.low, 0); /* no axis is cut off without being logarithmic */
	CU_ASSERT(a.high >= 95 && a.high < 130);
	CU_ASSERT(n >= 3 && n <= 7);
	a = axis_of(0, 0);
	CU_ASSERT(a.high > a.low);

	for (double low = 1e-3; low < 1e6; low *= 3.7) {
		for (double high = low; high < 1e12; high *= 5.3) {
			a = axis_log(low, high);
			CU_ASSERT(a.log && a.low > 0 && a.low <= low * (1 + 1e-6));
			CU_ASSERT(a.high >= high * (1 - 1e-6) && a.high > a.low);
			n = axis_ticks(&a, ticks, 24);
			CU_ASSERT(n >= 2 && n < 24);
			for (size_t i = 0; i < n; i++)
				CU_ASSERT(ticks[i] >= a.low * 0.999 && ticks[i] <= a.high * 1.001);
		}
	}
}

static void test_labels(void)
{
	struct plot plot = { .height = 230 };
	struct plot_label labels[16];

	for (size_t i = 0; i < 16; i++)
		labels[i] = (struct plot_label){ .layer = i, .from = i % 2 ? 240 : 200 + i };
	plot_labels(&plot, labels, 16);
	for (size_t i = 1; i < 16; i++) {
		CU_ASSERT(labels[i].from >= labels[i - 1].from);
		CU_ASSERT(labels[i].y >= labels[i - 1].y + 13.9);
	}
	CU_ASSERT(labels[15].y <= 26 + 230 + 0.1);
	CU_ASSERT(labels[0].y >= 26 - 0.1);
}

/* --- the page -------------------------------------------------------------------------------- */

static void test_page(void)
{
	struct result *r = picture_result();
	char *text = picture_page_of(r);

	picture_xml(text);
	picture_alone(text);
	picture_has(text, "<h2>a run</h2>");
	/* a row each in the summary, with its repeats at the end */
	CU_ASSERT_EQUAL(picture_count(text, "<td>0</td><td>0</td><td>8</td></tr>"), r->n_rows);
	picture_has(text, "<b>1</b> floor");
	picture_has(text, "<b>3</b> top");
	picture_has(text, "over\u00a02: something");
	picture_has(text, "<h3 id=\"cake0\">");
	picture_has(text, "<h3 id=\"latency0\">");
	picture_has(text, "<h3 id=\"depth0\">");
	picture_has(text, "<h3 id=\"cpu0\">");
	picture_has(text, "<h3 id=\"counts0\">");
	/* one plot a workload, and one for the only family that has depths */
	CU_ASSERT_EQUAL(picture_count(text, "<svg class=\"plot\""), 4);
	picture_has(text, "6.1 &lt;x&gt;");
	picture_has(text, "<th scope=\"row\">repeats</th><td>8</td>");
	CU_ASSERT_EQUAL(picture_count(text, "no number:"), 0);
	CU_ASSERT_EQUAL(picture_count(text, "nan"), 0);
	free(text);
	result_free(r);
}

/* The same results, the same page. */
static void test_same(void)
{
	struct result *r = picture_result();
	char *a = picture_page_of(r), *b = picture_page_of(r);

	CU_ASSERT_STRING_EQUAL(a, b);
	free(a);
	free(b);
	result_free(r);
}

static void test_invalid(void)
{
	struct result *r = picture_result();
	struct result_row *failed = result_row(r, "middle", "4k-randread-qd1");
	char *text = picture_page_of(r);

	picture_has(text, "778 µs");
	free(text);
	CU_ASSERT_EQUAL(result_row_add(failed, METRIC_FAILED, 12), 0);
	CU_ASSERT_EQUAL(result_row_add(failed, METRIC_TIMED_OUT, 3), 0);
	result_row_stop(result_row(r, "other", "4k-randread-qd8"), "died of <signal> 11");
	result_stop(r, "disk & all full");
	text = picture_page_of(r);
	picture_xml(text);
	picture_has(text, "no number: 12 failed, 3 timed out</td><td class=\"bad\">12</td>"
			  "<td class=\"bad\">3</td>");
	picture_has(text, "no number: incomplete: died of &lt;signal&gt; 11");
	picture_has(text, "This run is not complete: disk &amp; all full");
	picture_has(text, "Not drawn: <b>2</b> middle, depth 1 (12 failed, 3 timed out)");
	/* its figures are nowhere */
	CU_ASSERT_EQUAL(picture_count(text, "778 µs"), 0);
	free(text);
	result_free(r);
}

static void test_little(void)
{
	struct result *r = result_new("nothing");
	const struct result *three[3];
	char *text = picture_page_of(r);

	picture_xml(text);
	picture_has(text, "Nothing was measured");
	free(text);

	/* one row without any number */
	CU_ASSERT_PTR_NOT_NULL(result_row(r, "layer", "w"));
	text = picture_page_of(r);
	picture_xml(text);
	CU_ASSERT_EQUAL(picture_count(text, "<svg class=\"plot\""), 0);
	free(text);

	/* several results, each a chapter, with ids of their own */
	three[0] = r;
	three[1] = picture_result();
	three[2] = picture_result();
	text = picture_page(three, 3, NULL);
	picture_xml(text);
	picture_alone(text);
	picture_has(text, "<a href=\"#r2\">a run</a>");
	CU_ASSERT_EQUAL(picture_count(text, "<article id=\"r"), 3);
	CU_ASSERT_EQUAL(picture_count(text, "id=\"cake1\""), 1);
	CU_ASSERT_EQUAL(picture_count(text, "id=\"cake2\""), 1);
	free(text);
	result_free(r);
	result_free((struct result *)three[1]);
	result_free((struct result *)three[2]);
}

/* Numbers at their ends: no axis, bar or label goes astray. */
static void test_extremes(void)
{
	struct result *r = result_new("extremes");
	struct result_row *row;
	char *text;

	picture_row(r, "huge", "", "w-qd1", 1e15, 7);
	picture_row(r, "huge", "", "w-qd1000", 1e15, 7);
	picture_row(r, "tiny", "huge", "w-qd1", 1e-6, 1);
	row = result_row(r, "zero", "w-qd1000");
	for (int m = 0; m < METRIC_FAILED; m++)
		CU_ASSERT_EQUAL(result_row_add(row, (enum metric)m, 0), 0);
	row = result_row(r, "negative", "w-qd1");
	for (int m = 0; m < METRIC_FAILED; m++)
		(void)result_row_add(row, (enum metric)m, -1e300);
	text = picture_page_of(r);
	picture_xml(text);
	CU_ASSERT_EQUAL(picture_count(text, "nan"), 0);
	CU_ASSERT_EQUAL(picture_count(text, "\"inf"), 0);
	CU_ASSERT_EQUAL(picture_count(text, "width=\"-"), 0);
	free(text);
	result_free(r);
}

static void test_nasty_page(void)
{
	struct result *r = picture_nasty();
	char *text = picture_page_of(r);

	picture_xml(text);
	CU_ASSERT_EQUAL(picture_count(text, "<script"), 0);
	CU_ASSERT_EQUAL(picture_count(text, " onload=x & "), 0);
	CU_ASSERT_EQUAL(picture_count(text, "</style>"), 1);
	CU_ASSERT_EQUAL(picture_count(text, "<b>\""), 0);
	CU_ASSERT_EQUAL(picture_count(text, "href="), picture_count(text, "href=\"#"));
	picture_has(text, "&lt;script&gt;alert(1)&lt;/script&gt;");
	picture_has(text, "x&quot;&lt;b&gt;");
	free(text);
	result_free(r);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{ "axes", test_axes },
		{ "labels do not overlap", test_labels },
		{ "a page has each row and stands alone", test_page },
		{ "the same results give the same page", test_same },
		{ "a row with failures has no number", test_invalid },
		{ "nothing, and several results", test_little },
		{ "extreme numbers", test_extremes },
		{ "hostile names on the page", test_nasty_page },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "pages", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
	unsigned failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
