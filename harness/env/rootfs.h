/* SPDX-License-Identifier: MIT */
/*
 * Files of the machine that is described: /proc, /sys, /boot, /lib/modules, below a directory that
 * is / but in tests.
 *
 * Nobody vouches for what is there: no call waits for a FIFO or a device, reads without end, or
 * follows a link out of the directory. What cannot be read is remembered with the reason, but for
 * what simply is not there.
 */
#ifndef HARNESS_ENV_ROOTFS_H
#define HARNESS_ENV_ROOTFS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/** struct rootfs - @fd: the directory; @unread: array of "PATH: WHY" */
struct rootfs {
	int fd;
	json_t *unread;
};

/** rootfs_open() - 0 or -errno; rootfs_close() is due only after 0. */
int rootfs_open(struct rootfs *t, const char *root);
void rootfs_close(struct rootfs *t);

/**
 * rootfs_read() - a whole file of at most @max bytes, with a zero behind it
 * @len: receives its length; NULL if the text is all that is wanted
 * What gzip, xz or zstd made is unpacked, by the program of that name, and @max is for the result.
 * Returns memory owned by the caller, or NULL with the reason in errno: ENOENT, EFBIG, ENOTSUP
 * (no regular file), ENOPKG (no program to unpack it), EBADMSG (cannot be unpacked), ...
 */
char *rootfs_read(struct rootfs *t, const char *path, size_t max, size_t *len);
/** rootfs_line() - the first line of a file as a JSON string, escaped; NULL if there is none. */
json_t *rootfs_line(struct rootfs *t, const char *path);
/** rootfs_has() - whether there is something of that name. */
bool rootfs_has(struct rootfs *t, const char *path);
/**
 * rootfs_list() - names in a directory, sorted, without those that begin with a dot
 * They end with NULL and are freed by rootfs_list_free(). An empty list if it cannot be read, with
 * the reason in errno, which else is 0; at most 65536 names. NULL if out of memory.
 */
char **rootfs_list(struct rootfs *t, const char *path);
void rootfs_list_free(char **names);
/** rootfs_is_dir() - of an entry of rootfs_list(); links are none: a walk ends. */
bool rootfs_is_dir(struct rootfs *t, const char *path);
/** rootfs_link() - where a symbolic link leads to, 0 or -errno; cut off at @len. */
int rootfs_link(struct rootfs *t, const char *path, char *buf, size_t len);
/** rootfs_complain() - remember that a file could not be used. */
void rootfs_complain(struct rootfs *t, const char *path, const char *why);

/**
 * unpack() - what @program (gzip, xz, zstd) makes of the file behind the descriptor @fd
 * As rootfs_read(). It is given ten seconds.
 */
char *unpack(const char *program, int fd, size_t max, size_t *len);

#endif
