/* SPDX-License-Identifier: MIT */
/* Placeholders in commands and configurations: "{uio}" and the like. */
#ifndef HARNESS_EXPAND_H
#define HARNESS_EXPAND_H

#include <stdbool.h>
#include <stddef.h>

/** struct expand_word - "{@name}" stands for @value; an array of them ends with @name NULL */
struct expand_word {
	const char *name, *value;
};

/**
 * expand() - @text with all that @words know replaced; what they do not is left, as is "${name}"
 * Returns the length, or -ENAMETOOLONG if it does not fit into @len bytes with its NUL.
 */
int expand(const char *text, const struct expand_word *words, char *buf, size_t len);

/** expand_uses() - whether "{@name}" stands in @text (NULL: no). */
bool expand_uses(const char *text, const char *name);

#endif
