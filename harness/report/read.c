/* SPDX-License-Identifier: MIT */
/*
 * Reports that were written as JSON, read back: that is how the results of several machines come
 * into one table. A file that is not such a report is refused as a whole.
 */
#include "clean.h"
#include "internal.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define REPORT_MAX_BYTES (256 << 20)

static bool verdict_of(const char *name, enum verdict *out)
{
	for (int v = VERDICT_PASS; v <= VERDICT_KNOWN; v++) {
		if (strcmp(name, verdict_name((enum verdict)v)))
			continue;
		*out = (enum verdict)v;
		return true;
	}
	return false;
}

/* One of the levels that exist, as a result wants it: static. */
static const char *level_of(const char *name)
{
	static const char *const levels[] = { "MUST", "SHOULD", "MAY" };

	for (size_t i = 0; i < 3; i++) {
		if (!strcmp(name, levels[i]))
			return levels[i];
	}
	return NULL;
}

static char *joined(const json_t *words)
{
	size_t i, len = 0;
	const json_t *word;
	char *text, *end;

	json_array_foreach(words, i, word)
	{
		if (!json_is_string(word))
			return NULL;
		len += json_string_length(word) + 1;
	}
	text = end = calloc(1, len + 1);
	for (i = 0; text && i < json_array_size(words); i++)
		end += sprintf(end, "%s%s", i ? " " : "",
			       json_string_value(json_array_get(words, i)));
	return text;
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static int add_case(struct results *rs, const char *label, json_t *object)
{
	const char *id, *title, *level, *verdict, *seed;
	const char *reason = NULL, *clause = NULL, *replay = NULL, *detail = NULL;
	struct result r = { 0 };
	json_t *clauses;
	json_int_t time_us;

	/* null stands for no text */
	if (json_unpack(object, "{s:s, s:s, s:o, s:s, s:s, s:s, s:I}", "id", &id, "title", &title,
			"clauses", &clauses, "level", &level, "verdict", &verdict, "seed", &seed,
			"time_us", &time_us) ||
	    !json_is_array(clauses) || !level_of(level) || !verdict_of(verdict, &r.verdict))
		return -EINVAL;
	reason = json_string_value(json_object_get(object, "reason"));
	clause = json_string_value(json_object_get(object, "clause"));
	replay = json_string_value(json_object_get(object, "replay"));
	detail = json_string_value(json_object_get(object, "detail"));
	r.level = level_of(level);
	r.seed = strtoull(seed, NULL, 0);
	r.time_us = time_us < 0 ? 0 : (uint64_t)time_us;
	r.handler = strdup(label);
	r.id = strdup(id);
	r.title = strdup(title);
	r.clauses = joined(clauses);
	r.reason = copy(reason);
	r.clause = copy(clause);
	r.replay = copy(replay);
	r.detail = copy(detail);
	if (!r.clauses) {
		struct results one = { .v = NULL };

		results_add(&one, &r);
		results_free(&one);
		return -EINVAL;
	}
	return results_add(rs, &r);
}

/* The machine that a report is from, if it says so. */
static int add_env(struct results *rs, const char *label, json_t *env)
{
	json_t *key;
	int ret = -ENOMEM;

	if (!env)
		return 0;
	if (!json_is_object(env))
		return -EINVAL;
	if (!rs->envs)
		rs->envs = json_object();
	key = clean_json(label);
	if (key && !json_object_set(rs->envs, json_string_value(key), env))
		ret = 0;
	json_decref(key);
	return ret;
}

int report_read(struct results *rs, const char *path, const char *label, char *err, size_t err_len)
{
	json_error_t error;
	json_t *root = NULL, *cases;
	struct stat st;
	size_t i;
	int ret = -EINVAL;

	if (stat(path, &st)) {
		error_line(err, err_len, "report %s: cannot open: %s", path, strerror(errno));
		return ret;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > REPORT_MAX_BYTES) {
		error_line(err, err_len, "report %s: expected a regular file of at most %d MiB",
			   path, REPORT_MAX_BYTES >> 20);
		return ret;
	}
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		error_line(err, err_len, "report %s: line %d column %d: expected JSON, found: %s",
			   path, error.line, error.column, error.text);
		return ret;
	}
	cases = json_object_get(root, "cases");
	if (json_integer_value(json_object_get(root, "schema")) != 1 || !json_is_array(cases)) {
		error_line(
			err, err_len,
			"report %s: expected {\"schema\":1, ... \"cases\":[...]}, found something "
			"else",
			path);
		goto out;
	}
	ret = add_env(rs, label, json_object_get(root, "env"));
	if (ret) {
		error_line(err, err_len, "report %s: env: %s", path,
			   ret == -EINVAL ? "expected an object, found something else"
					  : strerror(-ret));
		goto out;
	}
	for (i = 0; i < json_array_size(cases) && !ret; i++)
		ret = add_case(rs, label, json_array_get(cases, i));
	if (ret)
		error_line(
			err, err_len,
			"report %s: cases[%zu]: expected id, title, clauses, level, verdict, seed "
			"and time_us as check --json writes them",
			path, i - 1);
out:
	json_decref(root);
	return ret;
}
