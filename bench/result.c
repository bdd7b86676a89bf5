/* SPDX-License-Identifier: MIT */
/*
 * The result of a benchmark in memory.
 *
 * Every text that gets in is made what a reader accepts: UTF-8 of limited length on one line, since
 * reasons and names come from programs under test and from command lines.
 */
#include "result_impl.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

size_t result_text_step(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t i, len = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	uint32_t c = u[0];

	if (len == 1)
		return c >= 0x20 && c != 0x7f;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	for (i = 1, c &= 0x3fu >> (len - 1); i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	/* overlong, surrogates, beyond Unicode; control characters; line and paragraph separators
	 */
	if ((len == 3 && c < 0x800) || (len == 4 && c < 0x10000) || (c >= 0xd800 && c < 0xe000) ||
	    c > 0x10ffff || c < 0xa0 || c == 0x2028 || c == 0x2029)
		return 0;
	return len;
}

/* What result_text_step() accepts of @s, a '?' for the rest and a space for control characters. */
static char *clean(const char *s, size_t max)
{
	char *out = calloc(1, max + 1), *end = out;
	size_t step;

	while (out && *s && (size_t)(end - out) < max) {
		step = result_text_step(s);
		if (step > max - (size_t)(end - out))
			break;
		if (step)
			memcpy(end, s, step);
		else
			*end = (unsigned char)*s < 0x80 ? ' ' : '?';
		end += step ? step : 1;
		s += step ? step : 1;
	}
	return out;
}

static char *utc_now(void)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	return strdup(text);
}

struct result *result_new(const char *title)
{
	struct result *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->title = clean(title, RESULT_NAME_MAX);
	r->when = utc_now();
	r->environment = json_object();
	r->options = json_object();
	r->complete = true;
	r->why = strdup("");
	if (!r->title || !r->when || !r->environment || !r->options || !r->why) {
		result_free(r);
		return NULL;
	}
	return r;
}

static void row_free(struct result_row *row)
{
	int m;

	if (!row)
		return;
	free(row->layer);
	free(row->below);
	free(row->adds);
	free(row->workload);
	free(row->side);
	free(row->why);
	free(row->latency);
	for (m = 0; m < METRICS; m++)
		series_free(&row->metric[m]);
	free(row);
}

void result_free(struct result *r)
{
	size_t i;

	if (!r)
		return;
	for (i = 0; i < r->n_rows; i++)
		row_free(r->rows[i]);
	free(r->rows);
	json_decref(r->environment);
	json_decref(r->env);
	json_decref(r->options);
	free(r->title);
	free(r->when);
	free(r->why);
	free(r);
}

static struct result_row *find_row(const struct result *r, const char *layer, const char *workload)
{
	size_t i;

	for (i = 0; i < r->n_rows; i++) {
		if (!strcmp(r->rows[i]->layer, layer) && !strcmp(r->rows[i]->workload, workload))
			return r->rows[i];
	}
	return NULL;
}

static struct result_row *append_row(struct result *r, const char *layer, const char *workload)
{
	struct result_row **rows, *row = NULL;

	if (r->n_rows == RESULT_ROWS_MAX)
		return NULL;
	rows = reallocarray(r->rows, r->n_rows + 1, sizeof(*rows));
	if (rows)
		r->rows = rows;
	row = rows ? calloc(1, sizeof(*row)) : NULL;
	if (!row)
		return NULL;
	row->layer = strdup(layer);
	row->workload = strdup(workload);
	row->below = strdup("");
	row->adds = strdup("");
	row->side = strdup("own");
	row->why = strdup("");
	row->complete = true;
	if (!row->layer || !row->workload || !row->below || !row->adds || !row->side || !row->why) {
		row_free(row);
		return NULL;
	}
	r->rows[r->n_rows++] = row;
	return row;
}

struct result_row *result_row(struct result *r, const char *layer, const char *workload)
{
	char *l = clean(layer, RESULT_NAME_MAX), *w = clean(workload, RESULT_NAME_MAX);
	struct result_row *row = NULL;

	if (l && w) {
		row = find_row(r, l, w);
		if (!row)
			row = append_row(r, l, w);
	}
	free(l);
	free(w);
	return row;
}

static int replace(char **text, const char *with, size_t max)
{
	char *copy;

	if (!with)
		return 0;
	copy = clean(with, max);
	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

int result_row_describe(struct result_row *row, const char *below, const char *adds,
			const char *side)
{
	int rc = replace(&row->below, below, RESULT_NAME_MAX);

	if (!rc)
		rc = replace(&row->adds, adds, RESULT_NAME_MAX);
	if (!rc)
		rc = replace(&row->side, side, RESULT_NAME_MAX);
	return rc;
}

int result_row_value(struct result_row *row, uint32_t repeat, enum metric m, double value)
{
	if (!isfinite(value) || value < 0)
		return -EINVAL;
	return repeat < RESULT_VALUES_MAX ? series_add(&row->metric[m], repeat, value) : -ENOMEM;
}

int result_row_add(struct result_row *row, enum metric m, double value)
{
	return result_row_value(row, series_next(&row->metric[m]), m, value);
}

int result_row_repeat(struct result_row *row, uint32_t repeat, const double *value)
{
	int m, rc = 0;

	for (m = 0; m < METRICS && !rc; m++)
		if (isfinite(value[m]))
			rc = result_row_value(row, repeat, (enum metric)m, value[m]);
	return rc;
}

struct series result_row_cpu(const struct result_row *row)
{
	return series_sum(&row->metric[METRIC_CPU_INITIATOR], &row->metric[METRIC_CPU_HANDLER]);
}

uint32_t result_row_repeats(const struct result_row *row)
{
	uint32_t n = 0;
	int m;

	for (m = 0; m < METRICS; m++)
		if (series_next(&row->metric[m]) > n)
			n = series_next(&row->metric[m]);
	return n;
}

int result_row_latency(struct result_row *row, const struct histogram *h)
{
	if (!row->latency)
		row->latency = calloc(1, sizeof(*row->latency));
	if (!row->latency)
		return -ENOMEM;
	histogram_merge(row->latency, h);
	return 0;
}

/* Without memory for the reason, what is incomplete is so without a reason. */
static void stop(bool *complete, char **why, const char *reason)
{
	if (*complete)
		(void)replace(why, reason, RESULT_WHY_MAX);
	*complete = false;
}

void result_row_stop(struct result_row *row, const char *why)
{
	stop(&row->complete, &row->why, why);
}

void result_stop(struct result *r, const char *why)
{
	stop(&r->complete, &r->why, why);
}

static bool any_above_zero(const struct series *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->values[i] > 0)
			return true;
	}
	return false;
}

bool result_row_valid(const struct result_row *row)
{
	return row->complete && !any_above_zero(&row->metric[METRIC_FAILED]) &&
	       !any_above_zero(&row->metric[METRIC_TIMED_OUT]);
}
