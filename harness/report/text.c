/* SPDX-License-Identifier: MIT */
/*
 * The report for a person: what failed and why, then how each handler does clause by clause, then
 * what was not shown, then one line per handler that can be read from across the room.
 */
#include "../clauses/clause.h"
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_COLUMNS  96
#define IDS_PER_GROUP 4

void paint(FILE *out, const struct report_style *style, enum verdict verdict)
{
	static const char *const colours[] = {
		[VERDICT_PASS] = "\033[32m",
		[VERDICT_FAIL] = "\033[1;31m",
		[VERDICT_SKIP] = "\033[36m",
		[VERDICT_KNOWN] = "\033[33m",
	};

	if (style->colour)
		fputs(colours[verdict], out);
}

void unpaint(FILE *out, const struct report_style *style)
{
	if (style->colour)
		fputs("\033[0m", out);
}

/* Break what lies before @end between words; every line starts with @indent. */
static void put_wrapped(FILE *out, const char *s, const char *end, const char *indent)
{
	static const char blanks[] = " \n\t";
	size_t column = 0;

	for (s += strspn(s, blanks); s < end; s += strspn(s, blanks)) {
		size_t len = strcspn(s, blanks);

		if (column && column + 1 + len > TEXT_COLUMNS) {
			putc('\n', out);
			column = 0;
		}
		column += fprintf(out, "%s%.*s", column ? " " : indent, (int)len, s);
		s += len;
	}
	putc('\n', out);
}

/* A clause in full, but for a table: of that, a failure needs one row at most. */
static void put_clause_text(FILE *out, const struct clause *clause)
{
	const char *table = strstr(clause->text, "\n  ");

	put_wrapped(out, clause->text, table ? table : clause->text + strlen(clause->text),
		    "      ");
	if (table)
		fprintf(out, "      (... tcmu-harness explain %s)\n", clause->id);
}

static void put_clause(FILE *out, const char *id, bool in_full)
{
	const struct clause *clause = clause_find(id);

	fputs("  ", out);
	put(out, id, NULL, NULL);
	if (!clause) {
		fputs(" (not in the catalogue)\n", out);
		return;
	}
	fprintf(out, " %s: %s\n", clause_level_name(clause->level), clause->title);
	if (in_full)
		put_clause_text(out, clause);
}

/* The clause that broke, in full; if the failure names none, those that the case is about. */
static int put_clauses(FILE *out, const struct result *r)
{
	char *copy, *rest = NULL;

	if (r->clause) {
		put_clause(out, r->clause, true);
		return 0;
	}
	copy = strdup(r->clauses ? r->clauses : "");
	if (!copy)
		return -ENOMEM;
	for (char *id = strtok_r(copy, " ", &rest); id; id = strtok_r(NULL, " ", &rest))
		put_clause(out, id, false);
	free(copy);
	return 0;
}

static void put_block(FILE *out, const char *label, const char *s)
{
	if (!s || !*s)
		return;
	fprintf(out, "  %s", label);
	put(out, s, "\n  ", NULL);
	putc('\n', out);
}

static int put_failure(FILE *out, const struct report_style *style, const struct result *r)
{
	int ret;

	paint(out, style, VERDICT_FAIL);
	fputs("FAIL ", out);
	put(out, r->id, NULL, NULL);
	unpaint(out, style);
	fputs(" [", out);
	put(out, r->handler, NULL, NULL);
	fputs("] ", out);
	put(out, r->title, NULL, NULL);
	putc('\n', out);
	ret = put_clauses(out, r);
	if (ret)
		return ret;
	put_block(out, "", r->reason);
	put_block(out, "", r->detail);
	put_block(out, "replay: ", r->replay);
	putc('\n', out);
	return 0;
}

static void put_passes(FILE *out, const struct report_style *style, const struct results *rs)
{
	for (size_t i = 0; i < rs->n; i++) {
		const struct result *r = &rs->v[i];

		if (r->verdict != VERDICT_PASS)
			continue;
		paint(out, style, VERDICT_PASS);
		fputs("pass ", out);
		unpaint(out, style);
		put(out, r->id, NULL, NULL);
		fputs(" [", out);
		put(out, r->handler, NULL, NULL);
		fputs("] ", out);
		put(out, r->title, NULL, NULL);
		putc('\n', out);
	}
	putc('\n', out);
}

static const char *reason_of(const struct result *r)
{
	return r->reason ? r->reason : "no reason given";
}

/* By reason, then by case, so that equal ones are neighbours. */
static int compare_reasons(const void *a, const void *b)
{
	const struct result *ra = *(const struct result *const *)a;
	const struct result *rb = *(const struct result *const *)b;
	int order = strcmp(reason_of(ra), reason_of(rb));

	return order ? order : strcmp(ra->id, rb->id);
}

/* One group: @n results of one reason, of which the first few different cases are named. */
static void put_group(FILE *out, const struct report_style *style, const struct result **v,
		      size_t n)
{
	size_t cases = 0;

	paint(out, style, v[0]->verdict);
	fprintf(out, "%s %zu: ", verdict_name(v[0]->verdict), n);
	put(out, reason_of(v[0]), NULL, NULL);
	unpaint(out, style);
	fputs("\n ", out);
	for (size_t i = 0; i < n; i++) {
		if (i && !strcmp(v[i]->id, v[i - 1]->id))
			continue;
		if (++cases > IDS_PER_GROUP)
			continue;
		putc(' ', out);
		put(out, v[i]->id, NULL, NULL);
	}
	if (cases > IDS_PER_GROUP)
		fprintf(out, " and %zu more", cases - IDS_PER_GROUP);
	putc('\n', out);
}

/* All results with @verdict, grouped by reason. */
static int put_groups(FILE *out, const struct report_style *style, const struct results *rs,
		      enum verdict verdict)
{
	const struct result **v = calloc(rs->n + 1, sizeof(*v));
	size_t n = 0, end;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < rs->n; i++) {
		if (rs->v[i].verdict == verdict)
			v[n++] = &rs->v[i];
	}
	qsort(v, n, sizeof(*v), compare_reasons);
	for (size_t i = 0; i < n; i = end) {
		end = i + 1;
		while (end < n && !strcmp(reason_of(v[end]), reason_of(v[i])))
			end++;
		put_group(out, style, v + i, end - i);
	}
	if (n)
		putc('\n', out);
	free(v);
	return 0;
}

static void put_summary(FILE *out, const struct report_style *style, const char *label,
			const struct result_counts *counts)
{
	enum verdict verdict = counts->fail    ? VERDICT_FAIL
			       : counts->known ? VERDICT_KNOWN
			       : counts->pass  ? VERDICT_PASS
					       : VERDICT_SKIP;

	paint(out, style, verdict);
	put(out, label, NULL, NULL);
	fprintf(out, ": %zu passed, %zu failed, %zu skipped, %zu known", counts->pass, counts->fail,
		counts->skip, counts->known);
	unpaint(out, style);
	putc('\n', out);
}

int report_text(const struct results *rs, FILE *out, const struct report_style *style)
{
	struct result_counts total = results_count(rs);
	struct handlers hs;
	int ret = handlers_collect(&hs, rs);

	for (size_t i = 0; !ret && i < rs->n; i++) {
		if (rs->v[i].verdict == VERDICT_FAIL)
			ret = put_failure(out, style, &rs->v[i]);
	}
	if (ret)
		goto out;
	if (style->verbose && total.pass)
		put_passes(out, style, rs);
	ret = grid_print(rs, &hs, out, style);
	if (!ret)
		ret = put_groups(out, style, rs, VERDICT_SKIP);
	if (!ret)
		ret = put_groups(out, style, rs, VERDICT_KNOWN);
	if (ret)
		goto out;
	for (size_t h = 0; h < hs.n; h++)
		put_summary(out, style, hs.v[h].label, &hs.v[h].counts);
	put_summary(out, style, "total", &total);
	ret = put_end(out);
out:
	free(hs.v);
	return ret;
}
