/* SPDX-License-Identifier: MIT */
/*
 * JSON for scripts: one case per line, keys always present and always in the same order.
 *
 * Nothing but time_us depends on the clock, so that two runs of one seed can be compared line by
 * line. Cases are written one at a time: a run of a million needs no tree of a million.
 */
#include "clean.h"
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The words of @s as an array of strings. */
static json_t *words(const char *s)
{
	json_t *array = json_array();
	char *copy = strdup(s ? s : ""), *rest = NULL;

	if (!array || !copy)
		goto fail;
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (json_array_append_new(array, clean_json(word)))
			goto fail;
	}
	free(copy);
	return array;
fail:
	free(copy);
	json_decref(array);
	return NULL;
}

static int put_case(const struct result *r, FILE *out)
{
	char seed[2 + 16 + 1];
	json_t *object;

	snprintf(seed, sizeof(seed), "0x%" PRIx64, r->seed);
	object = json_pack("{s:o, s:o, s:o, s:o, s:s?, s:s, s:o, s:o, s:s, s:o, s:o, s:I}", "id",
			   clean_json(r->id), "handler", clean_json(r->handler), "title",
			   clean_json(r->title), "clauses", words(r->clauses), "level", r->level,
			   "verdict", verdict_name(r->verdict), "reason", clean_json(r->reason),
			   "clause", clean_json(r->clause), "seed", seed, "replay",
			   clean_json(r->replay), "detail", clean_json(r->detail), "time_us",
			   (json_int_t)r->time_us);
	if (!object)
		return -ENOMEM;
	json_dumpf(object, out, JSON_COMPACT); /* put_end() notices a stream that fails */
	json_decref(object);
	return 0;
}

/* On a line of its own, which whoever compares runs of two machines leaves out. */
static void put_machine(const char *name, const json_t *machine, FILE *out)
{
	if (!machine)
		return;
	fprintf(out, "\n\"%s\":", name);
	json_dumpf(machine, out, JSON_COMPACT | JSON_ENSURE_ASCII); /* may have been read */
	fputs(",\n", out);
}

int report_json(const struct results *rs, FILE *out)
{
	struct result_counts counts = results_count(rs);

	fprintf(out,
		"{\"schema\":1,\"summary\":{\"pass\":%zu,\"fail\":%zu,\"skip\":%zu,\"known\":%zu},",
		counts.pass, counts.fail, counts.skip, counts.known);
	put_machine("env", rs->env, out);
	put_machine("envs", rs->envs, out);
	fputs("\"cases\":[", out);
	for (size_t i = 0; i < rs->n; i++) {
		int ret;

		fputs(i ? ",\n" : "\n", out);
		ret = put_case(&rs->v[i], out);
		if (ret)
			return ret;
	}
	fputs("\n]}\n", out);
	return put_end(out);
}
