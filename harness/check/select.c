/* SPDX-License-Identifier: MIT */
/*
 * Which cases `check` runs: all that --level, --case and --clause leave. A pattern that matches
 * nothing is refused, since a run of fewer cases than were meant looks like a good one.
 */
#include "run.h"
#include "verbs.h"

#include <stdio.h>

static bool case_matches(const char *pattern, const struct case_def *def)
{
	return glob_list_match(pattern, def->id);
}

static bool clause_matches(const char *pattern, const struct case_def *def)
{
	return clause_list_match(pattern, def->clauses);
}

/* Each of the comma-separated @patterns must match something, or it is a slip of the pen. */
static int check_patterns(const struct case_filter *f, const char *name, const char *patterns,
			  bool (*matches)(const char *, const struct case_def *))
{
	char *copy = strdup(patterns), *save = NULL, *item;
	int rc = copy && copy[strspn(copy, ",")]
			 ? 0
			 : usage_error("check", "--%s: expected a pattern, found nothing", name);
	size_t i;

	for (item = strtok_r(copy, ",", &save); item && !rc; item = strtok_r(NULL, ",", &save)) {
		bool hit = f->probe && matches(item, f->probe);

		for (i = 0; i < case_count() && !hit; i++)
			hit = matches(item, case_at(i));
		if (!hit)
			rc = usage_error("check", "--%s: no case matches '%s'", name, item);
	}
	free(copy);
	return rc;
}

int select_cases(const struct case_filter *f, const struct case_def ***out, size_t *n)
{
	const struct case_def **v;
	int rc = 0;
	size_t i;

	if (f->cases)
		rc = check_patterns(f, "case", f->cases, case_matches);
	if (f->clause && !rc)
		rc = check_patterns(f, "clause", f->clause, clause_matches);
	if (rc)
		return rc;
	*n = 0;
	*out = v = calloc(case_count() + 1, sizeof(*v));
	if (!v)
		return usage_error("check", "out of memory");
	for (i = 0; i < case_count(); i++) {
		const struct case_def *def = case_at(i);

		if (def->level <= f->level && (!f->cases || case_matches(f->cases, def)) &&
		    (!f->clause || clause_matches(f->clause, def)))
			v[(*n)++] = def;
	}
	if (*n || (f->probe && f->cases && case_matches(f->cases, f->probe)))
		return 0;
	return usage_error("check", "no case is left by --case, --clause and --level %s",
			   clause_level_name(f->level));
}
