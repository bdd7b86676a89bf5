/* SPDX-License-Identifier: MIT */
/* Directories of configuration files; see conf.h. */
#include "conf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 20)
#define CONF_MAX 256

/* A file name in the first of them hides those of the same name in the others. */
static const char *const places[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib" };

struct conf {
	char *name;
	size_t place;
};

static int by_name(const void *a, const void *b)
{
	const struct conf *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->place > y->place) - (x->place < y->place);
}

static void take_file(struct rootfs *t, const char *path, conf_line *take, void *ctx)
{
	char *text = rootfs_read(t, path, FILE_MAX, NULL), *p, *line, from[256];
	unsigned int number = 1, first;

	for (p = text; p && *p; number++) {
		first = number;
		for (line = p; *p && *p != '\n'; p++) {
			if (p[0] == '\\' && p[1] == '\n') {
				p[0] = p[1] = ' ';
				number++;
			}
		}
		if (*p)
			*p++ = 0;
		snprintf(from, sizeof(from), "%.230s:%u", path, first);
		take(t, line, from, ctx);
	}
	free(text);
}

/* The names of all files, sorted; returns how many. */
static size_t find(struct rootfs *t, const char *dir, struct conf *confs)
{
	char **names, path[256];
	size_t n = 0, place, i, len;

	for (place = 0; place < sizeof(places) / sizeof(*places); place++) {
		snprintf(path, sizeof(path), "%s/%s", places[place], dir);
		names = rootfs_list(t, path);
		for (i = 0; names && names[i] && n < CONF_MAX; i++) {
			len = strlen(names[i]);
			if (len > 5 && !strcmp(names[i] + len - 5, ".conf") &&
			    (confs[n].name = strdup(names[i])))
				confs[n++].place = place;
		}
		rootfs_list_free(names);
	}
	if (n)
		qsort(confs, n, sizeof(*confs), by_name);
	return n;
}

void conf_lines(struct rootfs *t, const char *dir, conf_line *take, void *ctx)
{
	struct conf *confs = calloc(CONF_MAX, sizeof(*confs));
	size_t n = confs ? find(t, dir, confs) : 0, i;
	char path[PATH_MAX];

	for (i = 0; i < n; i++) {
		if (i && !strcmp(confs[i].name, confs[i - 1].name))
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", places[confs[i].place], dir,
			 confs[i].name);
		take_file(t, path, take, ctx);
	}
	for (i = 0; i < n; i++)
		free(confs[i].name);
	free(confs);
}
