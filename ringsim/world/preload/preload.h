/* SPDX-License-Identifier: MIT */
/*
 * What the files of the preloaded library share.
 *
 * It is in every dynamic program of a world: in their signal handlers, between vfork() and exec, in
 * threads that are cancelled. So it has no locks and no state but what is set before main(), and
 * allocates nothing.
 */
#ifndef RINGSIM_WORLD_PRELOAD_H
#define RINGSIM_WORLD_PRELOAD_H

/* Checked variants are further down; macros of the same names would be in the way. */
#undef _FORTIFY_SOURCE

#include "protocol.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define EXPORT __attribute__((visibility("default")))

/**
 * struct preload_state - written before main(), read ever after
 * @root_len: 0 outside of a world
 * @err_dev, @err_ino: what standard error was, the only file that complaints go to
 */
struct preload_state {
	char dir[256];
	char root[300];
	size_t root_len;
	char library[PATH_MAX];
	dev_t err_dev;
	ino_t err_ino;
};
const struct preload_state *preload_state(void);

/** enum ask_result - ASK_DONE: the result is there, or errno is set and it is -1 */
enum ask_result { ASK_DONE, ASK_PROCEED };

/**
 * ask() - put a call to the owner and do what it wants
 * @interruptible: a signal may end it with EINTR
 */
enum ask_result ask(int nr, uint64_t ino, const uint64_t arg[6], bool interruptible, int64_t *rc);
/** ask_socket() - inode of the socket behind @fd, 0 if it is none. Keeps errno. */
uint64_t ask_socket(int fd);
/** ask_sync() - the owner knows what has been done to its files so far. Keeps errno. */
void ask_sync(void);
/** complain() - one line on standard error, if it still is that. Keeps errno. */
void complain(const char *what, const char *why);

/* Longer paths are none of ours; stacks may be small. */
#define PATH_ROOM 1024

/** enum path_kind - PATH_NODE: /dev/uioN or /dev/sgN */
enum path_kind { PATH_HOST, PATH_TREE, PATH_NODE };
/**
 * path_moved() - where @path is in this world
 * @moved:  receives the name of the file that stands for it, unless PATH_HOST
 * @whole:  may be NULL; otherwise receives the path that the program means, likewise
 */
enum path_kind path_moved(int dirfd, const char *path, char moved[PATH_ROOM], char *whole);
/** path_in_world() - the same for who only wants a path: @path itself, or @moved. */
const char *path_in_world(int dirfd, const char *path, char moved[PATH_ROOM]);
/** path_back() - turn the name of a file of the tree into what programs call it; in place. */
char *path_back(char *path);

#endif
