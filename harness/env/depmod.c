/* SPDX-License-Identifier: MIT */
/* The choice among several files of one module; see depmod.h. */
#include "depmod.h"

#include "conf.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

bool module_name(const char *path, char *buf, size_t len)
{
	const char *base = strrchr(path, '/'), *ko;
	size_t n;

	base = base ? base + 1 : path;
	ko = strstr(base, ".ko");
	if (!ko || (ko[3] && strcmp(ko, ".ko.gz") != 0 && strcmp(ko, ".ko.xz") != 0 &&
		    strcmp(ko, ".ko.zst") != 0))
		return false;
	n = (size_t)(ko - base);
	if (!n || n >= len)
		return false;
	memcpy(buf, base, n);
	buf[n] = 0;
	while ((buf = strchr(buf, '-')))
		*buf = '_';
	return true;
}

static bool release_matches(const char *pattern, const char *release)
{
	regex_t re;
	bool hit;

	if (!strcmp(pattern, "*"))
		return true;
	if (strlen(pattern) > 100 || regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	hit = !regexec(&re, release, 0, NULL, 0);
	regfree(&re);
	return hit;
}

static void add_override(struct depmod *d, char **save, const char *from, struct rootfs *t)
{
	const char *module = strtok_r(NULL, " \t", save), *pattern = strtok_r(NULL, " \t", save);
	const char *dir = strtok_r(NULL, " \t", save);

	if (!dir || strlen(module) >= sizeof(d->override->module) ||
	    strlen(dir) >= sizeof(d->override->dir)) {
		rootfs_complain(t, from, "expected 'override MODULE RELEASE DIRECTORY'");
		return;
	}
	if (!release_matches(pattern, d->release) || d->n_override == OVERRIDE_MAX)
		return;
	snprintf(d->override[d->n_override].module, sizeof(d->override->module), "%s", module);
	snprintf(d->override[d->n_override].dir, sizeof(d->override->dir), "%s", dir);
	snprintf(d->override[d->n_override].from, sizeof(d->override->from), "%s", from);
	d->n_override++;
}

static void add_search(struct depmod *d, const char *dir, const char *from)
{
	if (d->n_search == SEARCH_MAX || strlen(dir) >= sizeof(d->search->dir))
		return;
	snprintf(d->search[d->n_search].dir, sizeof(d->search->dir), "%s", dir);
	snprintf(d->search[d->n_search].from, sizeof(d->search->from), "%s", from);
	d->n_search++;
}

static void parse_line(struct rootfs *t, char *line, const char *from, void *ctx)
{
	struct depmod *d = ctx;
	char *save = NULL, *verb = strtok_r(line, " \t", &save), *dir;

	if (!verb || *verb == '#')
		return;
	if (!strcmp(verb, "override")) {
		add_override(d, &save, from, t);
	} else if (!strcmp(verb, "search")) {
		while ((dir = strtok_r(NULL, " \t", &save)))
			add_search(d, dir, from);
	} else if (strcmp(verb, "external") != 0 && strcmp(verb, "exclude") != 0 &&
		   strcmp(verb, "include") != 0 && strcmp(verb, "make_map_files") != 0) {
		rootfs_complain(t, from, "expected search, override, external or exclude");
	}
}

void depmod_rules(struct depmod *d, struct rootfs *t, const char *release)
{
	memset(d, 0, sizeof(*d));
	snprintf(d->release, sizeof(d->release), "%s", release);
	conf_lines(t, "depmod.d", parse_line, d);
	if (!d->n_search) {
		add_search(d, "updates", "depmod's default");
		add_search(d, "built-in", "depmod's default");
	}
}

/* Which line `override` names exactly this file; -1 if none. */
static int override_of(const struct depmod *d, const char *name, const char *path)
{
	size_t i, len;

	for (i = d->n_override; i-- > 0;) {
		len = strlen(d->override[i].dir);
		if (!strcmp(d->override[i].module, name) &&
		    !strncmp(path, d->override[i].dir, len) && path[len] == '/' &&
		    !strchr(path + len + 1, '/'))
			return (int)i;
	}
	return -1;
}

/* The place in the search order, the lower the better; @n_search for those in no place. Names are
 * compared as depmod does it: "extra" is also a place for extra-old/. */
static size_t place_of(const struct depmod *d, const char *path)
{
	size_t i, built_in = d->n_search;

	for (i = 0; i < d->n_search; i++) {
		if (!strcmp(d->search[i].dir, "built-in"))
			built_in = i;
		else if (!strncmp(path, d->search[i].dir, strlen(d->search[i].dir)))
			return i;
	}
	return built_in;
}

int depmod_better(const struct depmod *d, const char *name, const char *a, const char *b)
{
	int over_a = override_of(d, name, a), over_b = override_of(d, name, b);
	size_t place_a = place_of(d, a), place_b = place_of(d, b);

	if (over_a != over_b)
		return over_a > over_b ? 1 : -1;
	return (place_a < place_b) - (place_a > place_b);
}

static bool below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && path[len] == '/';
}

const char *depmod_kind(const struct depmod *d, const char *name, const char *path)
{
	static const char *const kinds[] = { "updates", "extra", "weak-updates" };
	size_t i;

	if (override_of(d, name, path) >= 0)
		return "override";
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (below(path, kinds[i]))
			return kinds[i];
	}
	return below(path, "kernel") ? "release" : "elsewhere";
}

void depmod_why(const struct depmod *d, const char *name, const char *path, bool rivals, char *buf,
		size_t len)
{
	int over = override_of(d, name, path);
	size_t place = place_of(d, path);

	if (over >= 0)
		snprintf(buf, len, "'override %s ... %s' in %s", name, d->override[over].dir,
			 d->override[over].from);
	else if (!rivals)
		snprintf(buf, len, "%s",
			 below(path, "kernel") ? "the release's own, and the only one"
					       : "the only one");
	else if (place < d->n_search && strcmp(d->search[place].dir, "built-in") != 0)
		snprintf(buf, len, "'%s' is %s in the search order (%s)", d->search[place].dir,
			 place ? "earlier" : "first", d->search[place].from);
	else
		snprintf(buf, len, "%s, and no other directory comes first in the search order",
			 below(path, "kernel") ? "the release's own" : "by no rule");
}
