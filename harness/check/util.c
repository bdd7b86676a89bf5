/* SPDX-License-Identifier: MIT */
/* Small things that several verbs need. */
#include "verbs.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int usage_error(const char *verb, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "tcmu-harness %s: ", verb);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (see tcmu-harness %s --help)\n", verb);
	return EXIT_USAGE;
}

int option_error(const char *verb, int c, char **argv)
{
	char one[3] = { '-', (char)optopt, 0 };
	/* within "-xyz", getopt_long() has not gone on to the next argument */
	bool is_short = optopt > 0 && optopt < 128;

	return usage_error(verb, "%s '%s'", c == ':' ? "missing value for" : "unknown option",
			   is_short ? one : argv[optind - 1]);
}

bool parse_u64(const char *text, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 0);
	return !errno && !*end;
}

static bool list_any(const char *list, const char *sep, bool (*fn)(const char *, const char *),
		     const char *arg)
{
	char *copy = strdup(list), *save = NULL, *item;
	bool hit = false;

	for (item = copy ? strtok_r(copy, sep, &save) : NULL; item && !hit;
	     item = strtok_r(NULL, sep, &save))
		hit = fn(item, arg);
	free(copy);
	return hit;
}

static bool glob_one(const char *pattern, const char *text)
{
	return fnmatch(pattern, text, FNM_CASEFOLD) == 0;
}

bool glob_list_match(const char *patterns, const char *text)
{
	return list_any(patterns, ",", glob_one, text);
}

static bool clause_one(const char *clause, const char *patterns)
{
	return glob_list_match(patterns, clause);
}

bool clause_list_match(const char *patterns, const char *clauses)
{
	return list_any(clauses, " ", clause_one, patterns);
}

char *beside_program(const char *name)
{
	char self[4096], *path = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	self[n] = 0;
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = 0;
	return asprintf(&path, "%s/%s", self, name) < 0 ? NULL : path;
}
