/* SPDX-License-Identifier: MIT */
/*
 * What was measured night by night, as curves: one of each row and environment.
 *
 * Nights of different environments are never points of one curve. Lines of the history have been
 * checked by history_read(); what they name is still anybody's.
 */
#include "figure_history.h"

#include "history.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static json_t *find_row(const json_t *night, const char *layer, const char *workload)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(night, "rows"), i, row)
	{
		if (!strcmp(text_of(row, "layer"), layer) &&
		    !strcmp(text_of(row, "workload"), workload))
			return row;
	}
	return NULL;
}

/* The latest nights of one environment, in order: [line, line, ...]. */
static int collect_nights(struct history_part *part, json_t *lines, const char *environment)
{
	json_t *line;
	size_t i;

	part->nights = json_array();
	if (!part->nights)
		return -ENOMEM;
	json_array_foreach(lines, i, line)
	{
		if (strcmp(text_of(line, "environment"), environment) != 0)
			continue;
		if (json_array_append(part->nights, line))
			return -ENOMEM;
		if (json_array_size(part->nights) > HISTORY_NIGHTS)
			json_array_remove(part->nights, 0);
	}
	part->n = json_array_size(part->nights);
	return 0;
}

static bool has_curve(const struct history_part *part, const char *layer, const char *workload)
{
	for (size_t i = 0; i < part->n_curves; i++)
		if (!strcmp(part->curves[i].layer, layer) &&
		    !strcmp(part->curves[i].workload, workload))
			return true;
	return false;
}

/* All rows of all nights, those of a workload together, the latest night's first. */
static int collect_curves(struct history_part *part)
{
	part->curves = calloc(HISTORY_CURVES, sizeof(*part->curves));
	if (!part->curves)
		return -ENOMEM;
	for (size_t i = part->n; i-- > 0;) {
		json_t *rows = json_object_get(json_array_get(part->nights, i), "rows"), *row;
		size_t j;

		json_array_foreach(rows, j, row)
		{
			const char *layer = text_of(row, "layer");
			const char *workload = text_of(row, "workload");

			if (part->n_curves == HISTORY_CURVES)
				return 0;
			if (!has_curve(part, layer, workload))
				part->curves[part->n_curves++] = (struct history_curve){ layer,
											 workload };
		}
	}
	return 0;
}

static int add_part(struct histories *h, json_t *lines, const char *environment)
{
	struct history_part *part = &h->parts[h->n++];
	int ret = collect_nights(part, lines, environment);

	part->environment = environment;
	return ret ? ret : collect_curves(part);
}

int histories_make(struct histories *h, const char *path, char *err, size_t err_len)
{
	int ret = 0;

	*h = (struct histories){ 0 };
	if (!path)
		return 0;
	h->lines = history_read(path, err, err_len);
	if (!h->lines)
		return -EINVAL;
	for (size_t i = json_array_size(h->lines); i-- > 0 && !ret;) {
		const char *environment = text_of(json_array_get(h->lines, i), "environment");
		bool known = false;

		for (size_t j = 0; j < h->n; j++)
			known |= !strcmp(h->parts[j].environment, environment);
		if (known)
			continue;
		if (h->n == HISTORY_PARTS)
			h->more++;
		else
			ret = add_part(h, h->lines, environment);
	}
	if (ret)
		snprintf(err, err_len, "%s: %s", path, strerror(-ret));
	return ret;
}

void histories_free(struct histories *h)
{
	for (size_t i = 0; i < h->n; i++) {
		json_decref(h->parts[i].nights);
		free(h->parts[i].curves);
	}
	json_decref(h->lines);
	*h = (struct histories){ 0 };
}

const char *history_text(const struct history_part *part, size_t night, const char *name)
{
	return text_of(json_array_get(part->nights, night), name);
}

bool history_point(const struct history_part *part, const struct history_curve *curve, size_t night,
		   enum metric m, struct median *out)
{
	json_t *row = find_row(json_array_get(part->nights, night), curve->layer, curve->workload);
	json_t *point = json_object_get(json_object_get(row, "metrics"), metric_kind(m)->name);

	*out = (struct median){ 0 };
	if (!row)
		return false;
	if (point)
		*out = (struct median){
			.value = json_number_value(json_array_get(point, 0)),
			.low = json_number_value(json_array_get(point, 1)),
			.high = json_number_value(json_array_get(point, 2)),
			.n = (size_t)fmax(0, json_number_value(json_array_get(point, 3))),
		};
	return true;
}
