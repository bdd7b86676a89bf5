/* SPDX-License-Identifier: MIT */
/* Small things that several verbs need. */
#include "verbs.h"

#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define WORKDIR_ROOM  (512ull << 20)
#define WORKDIR_LEAST (4ull << 20)

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

/*
 * TMPDIR if it is set; else memory, where a case does not wait for a disk to become durable, if
 * there is room for the stores; else /tmp.
 */
static const char *workdir_parent(void)
{
	const char *tmp = getenv("TMPDIR");
	struct statvfs st;

	if (tmp && *tmp)
		return tmp;
	if (!access("/dev/shm", W_OK | X_OK) && !statvfs("/dev/shm", &st) &&
	    (uint64_t)st.f_bavail * st.f_frsize >= WORKDIR_ROOM)
		return "/dev/shm";
	return "/tmp";
}

/* On a full disk any handler fails, through no fault of its own. */
static bool is_full(const char *verb, const char *dir)
{
	struct statvfs st;
	uint64_t room;

	if (statvfs(dir, &st) || !st.f_blocks)
		return false; /* one without a limit */
	room = (uint64_t)(geteuid() ? st.f_bavail : st.f_bfree) * st.f_frsize;
	if (room >= WORKDIR_LEAST)
		return false;
	fprintf(stderr,
		"tcmu-harness %s: %s: expected %llu KiB free for handlers' files, found %llu: %s\n",
		verb, dir, WORKDIR_LEAST >> 10, (unsigned long long)room >> 10, strerror(ENOSPC));
	return true;
}

char *workdir_make(const char *verb)
{
	const char *tmp = workdir_parent();
	char *dir = NULL;

	if (is_full(verb, tmp))
		return NULL;

	if (strlen(tmp) > 60) {
		fprintf(stderr,
			"tcmu-harness %s: TMPDIR: expected at most 60 characters (sockets are made "
			"there), found %zu\n",
			verb, strlen(tmp));
		return NULL;
	}
	if (asprintf(&dir, "%s/tcmu-harness-XXXXXX", tmp) < 0)
		return NULL;
	if (mkdtemp(dir))
		return dir;
	fprintf(stderr, "tcmu-harness %s: cannot make %s: %s\n", verb, dir, strerror(errno));
	free(dir);
	return NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	if (kind == FTW_DP || kind == FTW_D)
		rmdir(path);
	else
		unlink(path);
	return 0;
}

void workdir_remove(char *dir)
{
	if (dir)
		nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	free(dir);
}
