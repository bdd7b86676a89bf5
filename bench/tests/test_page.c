/* SPDX-License-Identifier: MIT */
/*
 * Pictures of results: that each row is there, that what has no number is not drawn, and that no
 * name of a layer or workload becomes anything but text, whatever is in it. What a browser makes of
 * it has to be looked at.
 */
#include "../figure.h"
#include "../history.h"
#include "../page.h"
#include "../page_impl.h"

#include <CUnit/Basic.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/test-page.XXXXXX";

/* A row of @n repeats that take @ns, @ns + 1, ... per command. */
static struct result_row *add(struct result *r, const char *layer, const char *below,
			      const char *workload, double ns, int n)
{
	struct result_row *row = result_row(r, layer, workload);
	struct histogram *h = calloc(1, sizeof(*h));

	CU_ASSERT_PTR_NOT_NULL_FATAL(row);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	CU_ASSERT_EQUAL(result_row_describe(row, below, "something", "own"), 0);
	for (int i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(result_row_add(row, METRIC_LATENCY, ns + i), 0);
		CU_ASSERT_EQUAL(result_row_add(row, METRIC_IOPS, 1e9 / (ns + i)), 0);
		CU_ASSERT_EQUAL(result_row_add(row, METRIC_CPU_INITIATOR, ns / 2), 0);
		CU_ASSERT_EQUAL(result_row_add(row, METRIC_CPU_HANDLER, ns / 4), 0);
		CU_ASSERT_EQUAL(result_row_add(row, METRIC_FAILED, 0), 0);
		CU_ASSERT_EQUAL(result_row_add(row, METRIC_SYSCALLS, 2), 0);
	}
	for (uint32_t i = 0; i < 5000; i++)
		histogram_add(h, (uint64_t)ns + i / 50);
	CU_ASSERT_EQUAL(result_row_latency(row, h), 0);
	free(h);
	return row;
}

static struct result *sample(void)
{
	struct result *r = result_new("a run");

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	add(r, "top", "middle", "4k-randread-qd8", 3000, 8);
	add(r, "floor", "", "4k-randread-qd8", 10, 8);
	add(r, "middle", "floor", "4k-randread-qd8", 200, 8);
	add(r, "other", "floor", "4k-randread-qd8", 100, 8);
	add(r, "floor", "", "128k-read", 40, 8);
	add(r, "floor", "", "4k-randread-qd1", 20, 8);
	add(r, "middle", "floor", "4k-randread-qd1", 777777, 8);
	CU_ASSERT_EQUAL(json_object_set_new(r->environment, "kernel", json_string("6.1 <x>")), 0);
	CU_ASSERT_EQUAL(json_object_set_new(r->options, "repeats", json_integer(8)), 0);
	return r;
}

static char *slurp(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	CU_ASSERT(getdelim(&text, &room, 0, in) > 0);
	fclose(in);
	return text;
}

static char *page_of(const struct result *const *results, size_t n)
{
	char path[64], err[256] = "";

	snprintf(path, sizeof(path), "%s/page.html", dir);
	CU_ASSERT_EQUAL(bench_page_write(results, n, NULL, path, err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(err, "");
	return slurp(path);
}

static char *page_one(const struct result *r)
{
	return page_of(&r, 1);
}

static void has(const char *text, const char *what)
{
	CU_ASSERT_PTR_NOT_NULL(strstr(text, what));
	if (!strstr(text, what))
		fprintf(stderr, "not there: %s\n", what);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* Judged by a parser that is not ours, where there is one. */
static void check_xml(const char *text)
{
	FILE *to;

	if (system("xmllint --version >/dev/null 2>&1") != 0)
		return;
	to = popen("xmllint --noout -", "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(to);
	fputs(text, to);
	CU_ASSERT_EQUAL(pclose(to), 0);
}

/* Nothing is loaded, nothing runs, and links stay on the page. */
static void check_alone(const char *text)
{
	static const char *const never[] = { "<script", "<link",   "<img", "<iframe", "src=",
					     "url(",	"@import", "http", "onload",  "xlink" };

	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		CU_ASSERT_EQUAL(count(text, never[i]), 0);
	CU_ASSERT_EQUAL(count(text, "href="), count(text, "href=\"#"));
}

/* --- figures --------------------------------------------------------------------------------- */

static void test_order(void)
{
	struct result *r = sample();
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

	add(r, "a", "b", "w-qd1", 10, 3);
	add(r, "b", "c", "w-qd1", 10, 3);
	add(r, "c", "a", "w-qd1", 10, 3);
	add(r, "self", "self", "w-qd1", 10, 3);
	add(r, "lost", "nowhere", "w-qd1", 10, 3);
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
	text = page_one(r);
	check_xml(text);
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
		add(r, "layer", "", names[i].name, 10, 1);
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
	r = sample();
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
	add(r, "threads", "data", "w", 30, 3);
	add(r, "floor", "", "w", 10, 3);
	CU_ASSERT_EQUAL_FATAL(figures_make(&f, &one, 1), 0);
	CU_ASSERT_EQUAL(f.layers[1].below, 0);
	CU_ASSERT_FATAL(figure_step(&f, &f.parts[0], 1, 0, FIGURE_TIME, &s));
	CU_ASSERT_EQUAL(s.added.value, 20);
	CU_ASSERT(!s.certain); /* 3 repeats do not suffice */
	figures_free(&f);
	result_free(r);
}

static void test_percentiles(void)
{
	struct result *r = result_new("percentiles");
	struct result_row *row = add(r, "a", "", "w", 100, 3), *marks = result_row(r, "b", "w");

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
	struct result *r = sample();
	char *text = page_one(r);

	check_xml(text);
	check_alone(text);
	has(text, "<h2>a run</h2>");
	/* a row each in the summary, with its repeats at the end */
	CU_ASSERT_EQUAL(count(text, "<td>0</td><td>0</td><td>8</td></tr>"), r->n_rows);
	has(text, "<b>1</b> floor");
	has(text, "<b>3</b> top");
	has(text, "over\u00a02: something");
	has(text, "<h3 id=\"cake0\">");
	has(text, "<h3 id=\"latency0\">");
	has(text, "<h3 id=\"depth0\">");
	has(text, "<h3 id=\"cpu0\">");
	has(text, "<h3 id=\"counts0\">");
	/* one plot a workload, and one for the only family that has depths */
	CU_ASSERT_EQUAL(count(text, "<svg class=\"plot\""), 4);
	has(text, "6.1 &lt;x&gt;");
	has(text, "<th scope=\"row\">repeats</th><td>8</td>");
	CU_ASSERT_EQUAL(count(text, "no number:"), 0);
	CU_ASSERT_EQUAL(count(text, "nan"), 0);
	free(text);
	result_free(r);
}

/* The same results, the same page. */
static void test_same(void)
{
	struct result *r = sample();
	char *a = page_one(r), *b = page_one(r);

	CU_ASSERT_STRING_EQUAL(a, b);
	free(a);
	free(b);
	result_free(r);
}

static void test_invalid(void)
{
	struct result *r = sample();
	struct result_row *failed = result_row(r, "middle", "4k-randread-qd1");
	char *text = page_one(r);

	has(text, "778 µs");
	free(text);
	CU_ASSERT_EQUAL(result_row_add(failed, METRIC_FAILED, 12), 0);
	CU_ASSERT_EQUAL(result_row_add(failed, METRIC_TIMED_OUT, 3), 0);
	result_row_stop(result_row(r, "other", "4k-randread-qd8"), "died of <signal> 11");
	result_stop(r, "disk & all full");
	text = page_one(r);
	check_xml(text);
	has(text, "no number: 12 failed, 3 timed out</td><td class=\"bad\">12</td>"
		  "<td class=\"bad\">3</td>");
	has(text, "no number: incomplete: died of &lt;signal&gt; 11");
	has(text, "This run is not complete: disk &amp; all full");
	has(text, "Not drawn: <b>2</b> middle, depth 1 (12 failed, 3 timed out)");
	/* its figures are nowhere */
	CU_ASSERT_EQUAL(count(text, "778 µs"), 0);
	free(text);
	result_free(r);
}

static void test_little(void)
{
	struct result *r = result_new("nothing");
	const struct result *three[3];
	char *text = page_one(r);

	check_xml(text);
	has(text, "Nothing was measured");
	free(text);

	/* one row without any number */
	CU_ASSERT_PTR_NOT_NULL(result_row(r, "layer", "w"));
	text = page_one(r);
	check_xml(text);
	CU_ASSERT_EQUAL(count(text, "<svg class=\"plot\""), 0);
	free(text);

	/* several results, each a chapter, with ids of their own */
	three[0] = r;
	three[1] = sample();
	three[2] = sample();
	text = page_of(three, 3);
	check_xml(text);
	check_alone(text);
	has(text, "<a href=\"#r2\">a run</a>");
	CU_ASSERT_EQUAL(count(text, "<article id=\"r"), 3);
	CU_ASSERT_EQUAL(count(text, "id=\"cake1\""), 1);
	CU_ASSERT_EQUAL(count(text, "id=\"cake2\""), 1);
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

	add(r, "huge", "", "w-qd1", 1e15, 7);
	add(r, "huge", "", "w-qd1000", 1e15, 7);
	add(r, "tiny", "huge", "w-qd1", 1e-6, 1);
	row = result_row(r, "zero", "w-qd1000");
	for (int m = 0; m < METRIC_FAILED; m++)
		CU_ASSERT_EQUAL(result_row_add(row, (enum metric)m, 0), 0);
	row = result_row(r, "negative", "w-qd1");
	for (int m = 0; m < METRIC_FAILED; m++)
		(void)result_row_add(row, (enum metric)m, -1e300);
	text = page_one(r);
	check_xml(text);
	CU_ASSERT_EQUAL(count(text, "nan"), 0);
	CU_ASSERT_EQUAL(count(text, "\"inf"), 0);
	CU_ASSERT_EQUAL(count(text, "width=\"-"), 0);
	free(text);
	result_free(r);
}

/* --- strings nobody vouches for --------------------------------------------------------------- */

static const char *const nasty[] = {
	"<script>alert(1)</script>",
	"\"' onload=x & </style></table> &amp; ]]>",
	"\x1b[31m\x01\xff\xc0\xaf\n\n\"quoted\\\"",
	"../../../etc/passwd",
	"http://example.org/ \u202e \ufeff",
	"a long name, a long name, a long name, a long name, a long name, a long name, a long name",
	"",
};
#define NASTY (sizeof(nasty) / sizeof(*nasty))

static struct result *nasty_result(void)
{
	struct result *r = result_new(nasty[0]);

	for (size_t i = 0; i < NASTY; i++) {
		char name[256];

		add(r, nasty[i], nasty[(i + 1) % NASTY], "w-qd1", 10 + i, 3);
		add(r, nasty[i], "", "w-qd2", 10 + i, 3);
		snprintf(name, sizeof(name), "%s-qd8", nasty[i]);
		add(r, "layer", nasty[i], name, 10, 3);
		result_row_stop(add(r, nasty[i], "", name, 10, 3), nasty[i]);
		(void)json_object_set_new(r->environment, i ? "x\"<b>" : "y", json_string("<i>"));
	}
	return r;
}

static void test_nasty_page(void)
{
	struct result *r = nasty_result();
	char *text = page_one(r);

	check_xml(text);
	CU_ASSERT_EQUAL(count(text, "<script"), 0);
	CU_ASSERT_EQUAL(count(text, " onload=x & "), 0);
	CU_ASSERT_EQUAL(count(text, "</style>"), 1);
	CU_ASSERT_EQUAL(count(text, "<b>\""), 0);
	CU_ASSERT_EQUAL(count(text, "href="), count(text, "href=\"#"));
	has(text, "&lt;script&gt;alert(1)&lt;/script&gt;");
	has(text, "x&quot;&lt;b&gt;");
	free(text);
	result_free(r);
}

static void remove_all(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (*e->d_name != '.')
			CU_ASSERT_EQUAL(unlinkat(dirfd(d), e->d_name, 0), 0);
	}
	if (d)
		closedir(d);
	CU_ASSERT_EQUAL(rmdir(path), 0);
}

/* Each file of the list is there, and quotes in it come in pairs. */
static size_t check_data(const char *path)
{
	char list_path[128], *list, *line, *save = NULL;
	size_t n = 0;

	snprintf(list_path, sizeof(list_path), "%s/figures.list", path);
	list = slurp(list_path);
	for (line = strtok_r(list, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char kind[32], name[160], file[320], *text, *rest = NULL;

		CU_ASSERT_EQUAL_FATAL(sscanf(line, "%31[^\t]\t%159[^\t]", kind, name), 2);
		CU_ASSERT_EQUAL(strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "0123456789-_."),
				strlen(name));
		CU_ASSERT_EQUAL(strncmp(name, kind, strlen(kind)), 0);
		snprintf(file, sizeof(file), "%s/%s", path, name);
		text = slurp(file);
		CU_ASSERT_EQUAL(count(text, "nan"), 0);
		for (char *l = strtok_r(text, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest)) {
			CU_ASSERT(*l == '#' || count(l, "\"") % 2 == 0);
			CU_ASSERT(*l == '#' || !strchr(l, '\\'));
		}
		free(text);
		n++;
	}
	free(list);
	return n;
}

static void test_data(void)
{
	struct result *r = sample();
	const struct result *two[2] = { r, r };
	char path[64], file[96], err[256] = "", *text;

	snprintf(path, sizeof(path), "%s/data", dir);
	CU_ASSERT_EQUAL(bench_data_write(two, 1, NULL, path, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(check_data(path), 10);
	snprintf(file, sizeof(file), "%s/depth-4k-randread.dat", path);
	text = slurp(file);
	has(text, "\"1 floor\"\n1 4.");
	has(text, "\n\n\n\"2 middle\"\n1 ");
	/* "top" has one of the two depths only */
	has(text, "\"3 top\"\n1 NaN NaN NaN\n8 ");
	free(text);
	snprintf(file, sizeof(file), "%s/cake-4k-randread-qd8.dat", path);
	text = slurp(file);
	has(text, "\"3 top\" 3003.5 3000 3007 203.5 2800 2800 2800 1 \"3.00 µs (+2.80 µs)\"\n");
	free(text);
	remove_all(path);

	/* two results do not overwrite each other's */
	CU_ASSERT_EQUAL(bench_data_write(two, 2, NULL, path, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(check_data(path), 20);
	remove_all(path);
	result_free(r);

	r = nasty_result();
	two[0] = r;
	CU_ASSERT_EQUAL(bench_data_write(two, 1, NULL, path, err, sizeof(err)), 0);
	CU_ASSERT(check_data(path) > 6);
	remove_all(path);
	result_free(r);
}

static void test_history(void)
{
	struct result *r = sample();
	const struct result *one = r;
	char path[64], page[64], err[256] = "", *text;

	snprintf(path, sizeof(path), "%s/history.jsonl", dir);
	snprintf(page, sizeof(page), "%s/page.html", dir);
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(bench_page_write(&one, 1, path, page, err, sizeof(err)), 0);
	text = slurp(page);
	has(text, "<p>1 night, ");
	CU_ASSERT_EQUAL(count(text, "class=\"night\""), 0);
	free(text);

	/* in the second of three nights, a row fails */
	CU_ASSERT_EQUAL(result_row_add(r->rows[0], METRIC_FAILED, 1), 0);
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	r->rows[0]->metric[METRIC_FAILED].n--;
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(bench_page_write(&one, 1, path, page, err, sizeof(err)), 0);
	text = slurp(page);
	check_xml(text);
	check_alone(text);
	has(text, "<p>3 nights, ");
	CU_ASSERT_EQUAL(count(text, "class=\"night\""), r->n_rows);
	CU_ASSERT_EQUAL(count(text, "class=\"missed\" d=\"\""), r->n_rows - 1);
	has(text, "class=\"missed\" d=\"M50.00 0V36\"");
	free(text);
	result_free(r);

	r = nasty_result();
	one = r;
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(bench_page_write(&one, 1, path, page, err, sizeof(err)), 0);
	text = slurp(page);
	check_xml(text);
	CU_ASSERT_EQUAL(count(text, "<script"), 0);
	free(text);
	unlink(path);
	CU_ASSERT(bench_page_write(&one, 1, path, page, err, sizeof(err)) < 0);
	has(err, path);
	result_free(r);
}

static void test_no_room(void)
{
	struct result *r = sample();
	const struct result *one = r;
	char err[256] = "";

	CU_ASSERT_EQUAL(bench_page_write(&one, 1, NULL, "/nowhere/at/all", err, sizeof(err)),
			-ENOENT);
	has(err, "/nowhere/at/all: cannot write the page: ");
	CU_ASSERT_EQUAL(bench_page_write(&one, 1, NULL, "/dev/full", err, sizeof(err)), -ENOSPC);
	CU_ASSERT_EQUAL(bench_data_write(&one, 1, NULL, "/nowhere/at/all", err, sizeof(err)),
			-ENOENT);
	has(err, "/nowhere/at/all: cannot write data files: ");
	result_free(r);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{ "layers and workloads are in order", test_order },
		{ "layers below each other", test_circles },
		{ "depths in names", test_depths },
		{ "what a layer adds", test_step },
		{ "percentiles", test_percentiles },
		{ "numbers for people", test_numbers },
		{ "axes", test_axes },
		{ "labels do not overlap", test_labels },
		{ "a page has each row and stands alone", test_page },
		{ "the same results give the same page", test_same },
		{ "a row with failures has no number", test_invalid },
		{ "nothing, and several results", test_little },
		{ "extreme numbers", test_extremes },
		{ "hostile names on the page", test_nasty_page },
		{ "data files", test_data },
		{ "history", test_history },
		{ "what cannot be written", test_no_room },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "pictures of results", NULL, NULL, NULL, NULL, tests },
				  CU_SUITE_INFO_NULL };
	char page[64];
	unsigned failed;

	if (!mkdtemp(dir) || CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	snprintf(page, sizeof(page), "%s/page.html", dir);
	unlink(page);
	rmdir(dir);
	return failed ? 1 : 0;
}
