/* SPDX-License-Identifier: MIT */
/*
 * JUnit XML for continuous integration: a suite per handler, a test case per result.
 *
 * The format has no known failure; one is reported as skipped, and says so, because it must turn
 * the build neither red nor into a pass.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static void put_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	put(out, value, NULL, escape_xml);
	putc('"', out);
}

static void put_time(FILE *out, uint64_t time_us)
{
	fprintf(out, " time=\"%llu.%06llu\"", (unsigned long long)time_us / 1000000,
		(unsigned long long)time_us % 1000000);
}

static void put_line(FILE *out, const char *label, const char *value)
{
	if (!value || !*value)
		return;
	fprintf(out, "%s", label);
	put(out, value, "\n", escape_xml);
	putc('\n', out);
}

static void put_failure(FILE *out, const struct result *r)
{
	fputs("      <failure", out);
	put_attribute(out, "message", r->reason);
	put_attribute(out, "type", r->clause ? r->clause : "failure");
	putc('>', out);
	put_line(out, "", r->title);
	put_line(out, "", r->detail);
	put_line(out, "replay: ", r->replay);
	fputs("</failure>\n", out);
}

static void put_skipped(FILE *out, const char *prefix, const char *reason)
{
	fprintf(out, "      <skipped message=\"%s", prefix);
	put(out, reason, NULL, escape_xml);
	fputs("\"/>\n", out);
}

static void put_case(FILE *out, const struct result *r)
{
	/* The chapter is what stands before the first dot of "hnd.013.short-pad". */
	int chapter_len = strcspn(r->id, ".");
	char chapter[32];

	snprintf(chapter, sizeof(chapter), "%.*s", chapter_len, r->id);
	fputs("    <testcase", out);
	put_attribute(out, "classname", chapter);
	put_attribute(out, "name", r->id);
	put_time(out, r->time_us);
	if (r->verdict == VERDICT_PASS) {
		fputs("/>\n", out);
		return;
	}
	fputs(">\n", out);
	if (r->verdict == VERDICT_FAIL)
		put_failure(out, r);
	else
		put_skipped(out, r->verdict == VERDICT_KNOWN ? "known failure: " : "", r->reason);
	fputs("    </testcase>\n", out);
}

static void put_totals(FILE *out, const struct result_counts *counts, uint64_t time_us)
{
	fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\"",
		counts->pass + counts->fail + counts->skip + counts->known, counts->fail,
		counts->skip + counts->known);
	put_time(out, time_us);
}

int report_junit(const struct results *rs, FILE *out)
{
	struct result_counts counts = results_count(rs);
	struct handlers hs;
	uint64_t time_us = 0;
	int ret = handlers_collect(&hs, rs);

	if (ret)
		return ret;
	for (size_t h = 0; h < hs.n; h++)
		time_us += hs.v[h].time_us;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tcmu-harness\"", out);
	put_totals(out, &counts, time_us);
	fputs(">\n", out);
	for (size_t h = 0; h < hs.n; h++) {
		fputs("  <testsuite", out);
		put_attribute(out, "name", hs.v[h].label);
		put_totals(out, &hs.v[h].counts, hs.v[h].time_us);
		fputs(">\n", out);
		for (size_t i = 0; i < rs->n; i++) {
			if (!strcmp(rs->v[i].handler, hs.v[h].label))
				put_case(out, &rs->v[i]);
		}
		fputs("  </testsuite>\n", out);
	}
	fputs("</testsuites>\n", out);
	free(hs.v);
	return put_end(out);
}
