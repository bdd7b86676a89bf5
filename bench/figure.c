/* SPDX-License-Identifier: MIT */
/*
 * Layers, workloads and rows of results, put in the order in which pictures show them.
 *
 * Results are files of anybody's: a layer may be below itself, a depth be no number. Every layer
 * and every workload then still appears once.
 */
#include "figure.h"

#include "layers.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_DIGITS 6

/* --- layers --------------------------------------------------------------------------------- */

static size_t find(const struct figure_layer *layers, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(layers[i].name, name))
			return i;
	return FIGURE_NONE;
}

size_t figure_layer_find(const struct figures *f, const char *name)
{
	return find(f->layers, f->n_layers, name);
}

/* The row of a result that says what is below @layer, the first that does. */
static const struct result_row *teller(const struct figures *f, const char *layer)
{
	for (size_t p = 0; p < f->n_parts; p++) {
		const struct result *r = f->parts[p].result;

		for (size_t i = 0; i < r->n_rows; i++)
			if (!strcmp(r->rows[i]->layer, layer) && *r->rows[i]->below)
				return r->rows[i];
	}
	return NULL;
}

/* The layer @name, else the nearest one below it that is there. */
static size_t find_below(const struct figure_layer *layers, size_t n, const char *name)
{
	const struct layer *l = layer_find(name);

	while (l && find(layers, n, l->name) == FIGURE_NONE && *l->below)
		l = layer_find(l->below);
	return find(layers, n, l ? l->name : name);
}

static const struct result_row *first_of(const struct figures *f, const char *layer)
{
	for (size_t p = 0; p < f->n_parts; p++) {
		const struct result *r = f->parts[p].result;

		for (size_t i = 0; i < r->n_rows; i++)
			if (!strcmp(r->rows[i]->layer, layer))
				return r->rows[i];
	}
	return NULL;
}

static void add_layer(struct figure_layer *found, size_t *n, const struct result_row *row)
{
	if (row && find(found, *n, row->layer) == FIGURE_NONE)
		found[(*n)++] = (struct figure_layer){ .name = row->layer, .adds = row->adds };
}

/* Rows of a run come in an order that was drawn, so first those that are known, in theirs. */
static void collect_layers(struct figures *f, struct figure_layer *found, size_t *n)
{
	const struct layer *l;

	for (uint32_t i = 0; (l = layer_at(i)); i++)
		add_layer(found, n, first_of(f, l->name));
	for (size_t p = 0; p < f->n_parts; p++)
		for (size_t i = 0; i < f->parts[p].result->n_rows; i++)
			add_layer(found, n, f->parts[p].result->rows[i]);
	for (size_t i = 0; i < *n; i++) {
		const struct result_row *row = teller(f, found[i].name);

		found[i].below = row ? find_below(found, *n, row->below) : FIGURE_NONE;
		if (row)
			found[i].adds = row->adds;
	}
}

/* The layers in the making: @place is where in f->layers one of @found went. */
struct order {
	struct figures *f;
	const struct figure_layer *found;
	size_t *place, n;
};

/* @layer, then all that stand on it: branches stay together. */
static void place_layer(struct order *o, size_t layer)
{
	o->place[layer] = o->f->n_layers;
	o->f->layers[o->f->n_layers++] = o->found[layer];
	for (size_t i = 0; i < o->n; i++)
		if (o->found[i].below == layer && o->place[i] == FIGURE_NONE)
			place_layer(o, i);
}

static int order_layers(struct figures *f, size_t cap)
{
	struct figure_layer *found = calloc(cap + 1, sizeof(*found));
	size_t *place = calloc(cap + 1, sizeof(*place));
	struct order o = { .f = f, .found = found, .place = place };
	int ret = -ENOMEM;

	f->layers = calloc(cap + 1, sizeof(*f->layers));
	if (!found || !place || !f->layers)
		goto out;
	collect_layers(f, found, &o.n);
	for (size_t i = 0; i < o.n; i++)
		place[i] = FIGURE_NONE;
	for (size_t i = 0; i < o.n; i++)
		if (found[i].below == FIGURE_NONE)
			place_layer(&o, i);
	for (size_t i = 0; i < o.n; i++) /* each below another, in a circle */
		if (place[i] == FIGURE_NONE)
			place_layer(&o, i);
	for (size_t i = 0; i < o.n; i++)
		if (f->layers[i].below != FIGURE_NONE)
			f->layers[i].below = place[f->layers[i].below];
	ret = 0;
out:
	free(found);
	free(place);
	return ret;
}

/* --- workloads ------------------------------------------------------------------------------ */

/* The digits of a part "qdN" of @name between dashes or the ends; NULL if there is none. */
static const char *depth_of(const char *name, unsigned *depth)
{
	for (const char *s = name; (s = strstr(s, "qd")); s++) {
		size_t digits = strspn(s + 2, "0123456789");
		char end = s[2 + digits];

		if ((s != name && s[-1] != '-') || (end && end != '-') || !digits ||
		    digits > DEPTH_DIGITS)
			continue;
		*depth = (unsigned)strtoul(s + 2, NULL, 10);
		return s;
	}
	*depth = 0;
	return NULL;
}

/* @name without its depth and one dash beside it; the caller's to free. */
static char *family_of(const char *name)
{
	unsigned depth;
	const char *at = depth_of(name, &depth), *rest;
	char *family = strdup(name);
	size_t before;

	if (!at || !family)
		return family;
	rest = at + 2 + strspn(at + 2, "0123456789");
	before = (size_t)(at - name);
	if (before && !*rest)
		before--; /* "4k-qd8" is of "4k", "4k-qd8-x" of "4k-x" */
	else if (*rest)
		rest++;
	memmove(family + before, rest, strlen(rest) + 1);
	if (!*family)
		strcpy(family, "qd");
	return family;
}

static int compare_depths(const void *a, const void *b)
{
	const struct figure_workload *x = a, *y = b;

	return (x->depth > y->depth) - (x->depth < y->depth);
}

static bool has_workload(const struct figure_part *part, const char *name)
{
	for (size_t i = 0; i < part->n_workloads; i++)
		if (!strcmp(part->workloads[i].name, name))
			return true;
	return false;
}

/* Add the workloads of @family, which begins with row @from, in order of their depths. */
static int add_family(struct figure_part *part, size_t from, char *family)
{
	const struct result *r = part->result;
	struct figure_family *to = &part->families[part->n_families++];

	*to = (struct figure_family){ .name = family, .first = part->n_workloads };
	for (size_t i = from; i < r->n_rows; i++) {
		const char *name = r->rows[i]->workload;
		char *other = family_of(name);
		bool same = other && !strcmp(family, other);

		free(other);
		if (!other)
			return -ENOMEM;
		if (!same || has_workload(part, name))
			continue;
		part->workloads[part->n_workloads].name = name;
		depth_of(name, &part->workloads[part->n_workloads++].depth);
	}
	to->n = part->n_workloads - to->first;
	qsort(part->workloads + to->first, to->n, sizeof(*part->workloads), compare_depths);
	return 0;
}

static int collect_workloads(struct figure_part *part)
{
	const struct result *r = part->result;
	int ret = 0;

	part->workloads = calloc(r->n_rows + 1, sizeof(*part->workloads));
	part->families = calloc(r->n_rows + 1, sizeof(*part->families));
	if (!part->workloads || !part->families)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_rows && !ret; i++) {
		char *family;

		if (has_workload(part, r->rows[i]->workload))
			continue;
		family = family_of(r->rows[i]->workload);
		ret = family ? add_family(part, i, family) : -ENOMEM;
	}
	return ret;
}

static int place_rows(const struct figures *f, struct figure_part *part)
{
	const struct result *r = part->result;

	part->rows = calloc(f->n_layers * part->n_workloads + 1, sizeof(const struct result_row *));
	if (!part->rows)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_rows; i++) {
		size_t layer = figure_layer_find(f, r->rows[i]->layer);

		for (size_t w = 0; w < part->n_workloads; w++)
			if (!strcmp(part->workloads[w].name, r->rows[i]->workload))
				part->rows[w * f->n_layers + layer] = r->rows[i];
	}
	return 0;
}

int figures_make(struct figures *f, const struct result *const *results, size_t n)
{
	size_t rows = 0;
	int ret;

	*f = (struct figures){ .parts = calloc(n + 1, sizeof(*f->parts)) };
	if (!f->parts)
		return -ENOMEM;
	f->n_parts = n;
	for (size_t i = 0; i < n; i++) {
		f->parts[i].result = results[i];
		rows += results[i]->n_rows;
	}
	ret = order_layers(f, rows);
	for (size_t i = 0; i < n && !ret; i++) {
		ret = collect_workloads(&f->parts[i]);
		if (!ret)
			ret = place_rows(f, &f->parts[i]);
	}
	return ret;
}

void figures_free(struct figures *f)
{
	for (size_t i = 0; i < f->n_parts; i++) {
		for (size_t j = 0; j < f->parts[i].n_families; j++)
			free(f->parts[i].families[j].name);
		free(f->parts[i].families);
		free(f->parts[i].workloads);
		free(f->parts[i].rows);
	}
	free(f->parts);
	free(f->layers);
	*f = (struct figures){ 0 };
}

const struct result_row *figure_row(const struct figures *f, const struct figure_part *part,
				    size_t layer, size_t workload)
{
	return part->rows[workload * f->n_layers + layer];
}

const struct result_row *figure_valid_row(const struct figures *f, const struct figure_part *part,
					  size_t layer, size_t workload)
{
	const struct result_row *row = figure_row(f, part, layer, workload);

	return row && result_row_valid(row) ? row : NULL;
}

bool figure_family_curve(const struct figure_part *part, const struct figure_family *family)
{
	const struct figure_workload *w = &part->workloads[family->first];

	return w->depth && w[family->n - 1].depth > w->depth;
}
