/* SPDX-License-Identifier: MIT */
/* See expand.h. Braces are a shell's, too, so that only known words mean anything. */
#include "expand.h"

#include <errno.h>
#include <string.h>

/* The length of "{name}" at @p, which does not belong to a shell's "${name}"; 0: something else. */
static size_t is_word(const char *text, const char *p, const char *name)
{
	size_t n = strlen(name);

	if (p[0] != '{' || (p > text && p[-1] == '$') || strncmp(p + 1, name, n) || p[n + 1] != '}')
		return 0;
	return n + 2;
}

int expand(const char *text, const struct expand_word *words, char *buf, size_t len)
{
	const struct expand_word *w;
	size_t used = 0, skip, n;
	const char *p, *from;

	for (p = text; *p; p += skip) {
		skip = 0;
		for (w = words; w->name && !skip; w++) {
			skip = is_word(text, p, w->name);
			from = w->value;
		}
		if (!skip) {
			skip = n = 1;
			from = p;
		} else {
			n = strlen(from);
		}
		if (used + n + 1 > len)
			return -ENAMETOOLONG;
		memcpy(buf + used, from, n);
		used += n;
	}
	buf[used] = 0;
	return (int)used;
}

bool expand_uses(const char *text, const char *name)
{
	const char *p;

	for (p = text; p && (p = strchr(p, '{')) != NULL; p++)
		if (is_word(text, p, name))
			return true;
	return false;
}
