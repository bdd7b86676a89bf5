/* SPDX-License-Identifier: MIT */
/* Results for tests of pictures, and what is true of every page; see pictures.h. */
#include "pictures.h"

#include "../page.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A row of @n repeats that take @ns, @ns + 1, ... per command. */
struct result_row *picture_row(struct result *r, const char *layer, const char *below,
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

struct result *picture_result(void)
{
	struct result *r = result_new("a run");

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	picture_row(r, "top", "middle", "4k-randread-qd8", 3000, 8);
	picture_row(r, "floor", "", "4k-randread-qd8", 10, 8);
	picture_row(r, "middle", "floor", "4k-randread-qd8", 200, 8);
	picture_row(r, "other", "floor", "4k-randread-qd8", 100, 8);
	picture_row(r, "floor", "", "128k-read", 40, 8);
	picture_row(r, "floor", "", "4k-randread-qd1", 20, 8);
	picture_row(r, "middle", "floor", "4k-randread-qd1", 777777, 8);
	CU_ASSERT_EQUAL(json_object_set_new(r->environment, "kernel", json_string("6.1 <x>")), 0);
	CU_ASSERT_EQUAL(json_object_set_new(r->options, "repeats", json_integer(8)), 0);
	return r;
}

char *picture_file(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	CU_ASSERT(getdelim(&text, &room, 0, in) > 0);
	fclose(in);
	return text;
}

void picture_has(const char *text, const char *what)
{
	CU_ASSERT_PTR_NOT_NULL(strstr(text, what));
	if (!strstr(text, what))
		fprintf(stderr, "not there: %s\n", what);
}

size_t picture_count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* Judged by a parser that is not ours, where there is one. */
void picture_xml(const char *text)
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
void picture_alone(const char *text)
{
	static const char *const never[] = { "<script", "<link",   "<img", "<iframe", "src=",
					     "url(",	"@import", "http", "onload",  "xlink" };

	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		CU_ASSERT_EQUAL(picture_count(text, never[i]), 0);
	CU_ASSERT_EQUAL(picture_count(text, "href="), picture_count(text, "href=\"#"));
}

char *picture_page(const struct result *const *results, size_t n, const char *history)
{
	char path[] = "/tmp/test-page.XXXXXX", err[256] = "", *text = NULL;
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	CU_ASSERT_EQUAL(bench_page_write(results, n, history, path, err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(err, "");
	text = picture_file(path);
	unlink(path);
	return text;
}

char *picture_page_of(const struct result *r)
{
	return picture_page(&r, 1, NULL);
}

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

struct result *picture_nasty(void)
{
	struct result *r = result_new(nasty[0]);

	for (size_t i = 0; i < NASTY; i++) {
		char name[256];

		picture_row(r, nasty[i], nasty[(i + 1) % NASTY], "w-qd1", 10 + i, 3);
		picture_row(r, nasty[i], "", "w-qd2", 10 + i, 3);
		snprintf(name, sizeof(name), "%s-qd8", nasty[i]);
		picture_row(r, "layer", nasty[i], name, 10, 3);
		result_row_stop(picture_row(r, nasty[i], "", name, 10, 3), nasty[i]);
		(void)json_object_set_new(r->environment, i ? "x\"<b>" : "y", json_string("<i>"));
	}
	return r;
}
