/* SPDX-License-Identifier: MIT */
/* A machine that is a directory: what tests of env read instead of / . */
#ifndef HARNESS_ENV_TESTS_FAKE_H
#define HARNESS_ENV_TESTS_FAKE_H

#include "../rootfs.h"

/** fake_new() - an empty one, open in *@t; fake_end() closes and removes it. */
void fake_new(struct rootfs *t);
void fake_end(struct rootfs *t);
/** fake_file() - write a file and the directories above it; @path begins with '/'. */
void fake_file(struct rootfs *t, const char *path, const void *data, size_t len);
void fake_text(struct rootfs *t, const char *path, const char *text);
void fake_dir(struct rootfs *t, const char *path);
void fake_link(struct rootfs *t, const char *path, const char *to);
/** fake_path() - where it really is, in a buffer that the next call overwrites. */
const char *fake_path(const char *path);

/**
 * fake_module() - the file of a module: ELF with .modinfo and a build id, in @buf
 * @info: strings of .modinfo, each ending with '\n' instead of a zero
 * Returns its length, at most 4096.
 */
size_t fake_module(unsigned char *buf, const char *info, unsigned char id);
/** fake_sign() - append a signature by @signer to the @len bytes in @buf; returns the new length.
 */
size_t fake_sign(unsigned char *buf, size_t len, const char *signer);

#endif
