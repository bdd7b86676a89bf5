/* SPDX-License-Identifier: MIT */
/* A comparison for people, and as JSON. */
#include "compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Three to four digits and a unit: "1.204 M/s", "18.30 us". */
static const char *number(char *buf, size_t len, double value, const char *unit)
{
	static const char *const times[] = { "ns", "us", "ms", "s" };
	static const char *const many[] = { "", "k", "M", "G" };
	bool time = !strcmp(unit, "ns");
	int i = 0, digits;

	while (value >= 9999.5 && i < 3) {
		value /= 1000;
		i++;
	}
	digits = value < 10 ? 3 : value < 100 ? 2 : value < 1000 ? 1 : 0;
	if (time)
		snprintf(buf, len, "%.*f %s", digits, value, times[i]);
	else
		snprintf(buf, len, "%.*f%s%s%s", digits, value,
			 i || *unit == '/' || !*unit ? "" : " ", many[i], unit);
	return buf;
}

static void put_median(FILE *out, const struct median *m, const char *unit)
{
	char value[40], low[40], high[40], all[140];

	number(value, sizeof(value), m->value, unit);
	number(low, sizeof(low), m->low, unit);
	number(high, sizeof(high), m->high, unit);
	snprintf(all, sizeof(all), "%s [%s, %s]", value, low, high);
	fprintf(out, "  %-38s", all);
}

static void put_metric(FILE *out, const struct compared *m)
{
	const struct metric_kind *kind = metric_kind(m->metric);

	fprintf(out, "  %-26s", kind->title);
	put_median(out, &m->a, kind->unit);
	put_median(out, &m->b, kind->unit);
	if (m->change == CHANGE_FEW)
		fprintf(out, "  ~       too few repeats: %zu and %zu\n", m->a.n, m->b.n);
	else if (m->change == CHANGE_NONE)
		fprintf(out, "  ~       p %.3g\n", m->adjusted);
	else if (isfinite(m->ratio))
		fprintf(out, "  %.3fx  p %.2g  %s\n", m->ratio, m->adjusted,
			change_name(m->change));
	else
		fprintf(out, "  from 0  p %.2g  %s\n", m->adjusted, change_name(m->change));
}

static void put_row(FILE *out, const struct compared_row *row)
{
	const struct result_row *any = row->a ? row->a : row->b;
	char why[160];
	size_t i;

	fprintf(out, "%s, %s\n", any->layer, any->workload);
	if (!row->a || !row->b)
		fprintf(out, "  only in %s\n", row->a ? "A" : "B");
	else if (!result_row_valid(row->a))
		fprintf(out, "  no numbers: A has %s\n", compare_why(row->a, why, sizeof(why)));
	if (row->a && row->b && !result_row_valid(row->b))
		fprintf(out, "  no numbers: B has %s%s\n", compare_why(row->b, why, sizeof(why)),
			row->broken ? "; worse" : "");
	for (i = 0; i < row->n; i++)
		put_metric(out, &row->metrics[i]);
}

static void put_result(FILE *out, const char *name, const struct result *r)
{
	const char *commit = json_string_value(json_object_get(r->environment, "commit"));
	json_t *text = json_string(commit ? commit : "");

	fprintf(out, "%s: %s, %s, commit ", name, r->title, r->when);
	json_dumpf(text, out, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	fprintf(out, "%s%s\n", r->complete ? "" : "; NOT COMPLETE: ", r->complete ? "" : r->why);
	json_decref(text);
}

static void put_summary(FILE *out, const struct comparison *c)
{
	fprintf(out, "%zu better, %zu worse by more than %.3g %%", c->better, c->worse,
		c->opt.threshold * 100);
	if (c->broken)
		fprintf(out, "; %zu row%s without numbers now", c->broken,
			c->broken == 1 ? "" : "s");
	fprintf(out,
		"\n%zu tests: by chance alone %.1f of them would have p below %.3g; so p is corrected "
		"(Holm),\nand a false alarm among all of them is at most as likely as that.\n",
		c->tests, (double)c->tests * c->opt.alpha, c->opt.alpha);
	if (c->few)
		fprintf(out, "%zu more could not be tested: too few repeats for %.3g.\n", c->few,
			c->opt.alpha);
}

int compare_text(const struct comparison *c, FILE *out)
{
	size_t i;

	put_result(out, "A", c->a);
	put_result(out, "B", c->b);
	if (*c->environment)
		fprintf(out, "different environments, compared by force: %s\n", c->environment);
	if (*c->options)
		fprintf(out, "different options: %s\n", c->options);
	for (i = 0; i < c->n_rows; i++)
		put_row(out, &c->rows[i]);
	put_summary(out, c);
	return fflush(out) || ferror(out) ? -EIO : 0;
}

/* --- JSON ----------------------------------------------------------------------------------------
 */

static json_t *median_json(const struct median *m)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:I}", "median", m->value, "low", m->low, "high",
			 m->high, "confidence", m->confidence, "n", (json_int_t)m->n);
}

static json_t *metric_json(const struct compared *m)
{
	return json_pack("{s:o, s:o, s:o, s:f, s:f, s:s}", "a", median_json(&m->a), "b",
			 median_json(&m->b), "ratio",
			 isfinite(m->ratio) ? json_real(m->ratio) : json_null(), "p", m->p,
			 "p_adjusted", m->adjusted, "change", change_name(m->change));
}

/* Why one of both has no numbers; null if it has. */
static json_t *why_json(const struct result_row *row)
{
	char why[160];

	if (!row)
		return json_string("not there");
	if (result_row_valid(row))
		return json_null();
	return json_string(compare_why(row, why, sizeof(why)));
}

static json_t *row_json(const struct compared_row *row)
{
	const struct result_row *any = row->a ? row->a : row->b;
	json_t *metrics = json_object();
	size_t i;

	for (i = 0; i < row->n; i++)
		json_object_set_new(metrics, metric_kind(row->metrics[i].metric)->name,
				    metric_json(&row->metrics[i]));
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "layer", any->layer, "workload",
			 any->workload, "a_without", why_json(row->a), "b_without",
			 why_json(row->b), "metrics", metrics);
}

int compare_json(const struct comparison *c, FILE *out)
{
	json_t *rows = json_array(), *root;
	int rc = 0;
	size_t i;

	for (i = 0; i < c->n_rows && !rc; i++)
		rc = json_array_append_new(rows, row_json(&c->rows[i]));
	root = json_pack("{s:i, s:f, s:f, s:s, s:s, s:I, s:I, s:f, s:I, s:I, s:I, s:b, s:b, s:o}",
			 "schema", 1, "alpha", c->opt.alpha, "threshold", c->opt.threshold,
			 "environment", c->environment, "options", c->options, "tests",
			 (json_int_t)c->tests, "too_few", (json_int_t)c->few, "expected_by_chance",
			 (double)c->tests * c->opt.alpha, "better", (json_int_t)c->better, "worse",
			 (json_int_t)c->worse, "broken", (json_int_t)c->broken, "a_complete",
			 c->a->complete, "b_complete", c->b->complete, "rows", rows);
	rc = rc || !root ? -ENOMEM : 0;
	if (!rc && json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(12)))
		rc = -EIO;
	json_decref(root);
	fputc('\n', out);
	return !rc && (fflush(out) || ferror(out)) ? -EIO : rc;
}
