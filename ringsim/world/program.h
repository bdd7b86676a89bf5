/* SPDX-License-Identifier: MIT */
/* Which programs a library can be preloaded into. */
#ifndef RINGSIM_WORLD_PROGRAM_H
#define RINGSIM_WORLD_PROGRAM_H

#include <stddef.h>

/**
 * program_find() - the file that execvp(@name) would start
 * @buf: PATH_MAX bytes; returns @name or @buf, or NULL: there is none
 */
const char *program_find(const char *name, char *buf);

/**
 * program_preloadable() - whether the file at @path would load a preloaded library
 * Returns 0, also for what is no program at all (exec will tell), or -ENOTSUP with a few words in
 * @why: statically linked, and the like. Of a script its interpreter is what counts.
 */
int program_preloadable(const char *path, char *why, size_t len);

#endif
