/* SPDX-License-Identifier: MIT */
/*
 * The machine as a maintainer wants to know it: kernel, configuration, target modules, what is
 * loaded and open, and limits. One JSON object that goes into every result; text is made of it.
 */
#ifndef HARNESS_ENV_SYSTEM_H
#define HARNESS_ENV_SYSTEM_H

#include "rootfs.h"

#include <stdio.h>

#define MODULE_MAX ((size_t)64 << 20) /* bytes of one module, unpacked; with debug info, too */

/* Modules that are told of, NULL behind the last. */
extern const char *const system_modules[];

/**
 * system_collect() - the members kernel, config, modules, uio, target, limits and unread
 * What cannot be found out is null or missing in them, never guessed. NULL if out of memory.
 */
json_t *system_collect(struct rootfs *t);
/** system_text() - the same, a fact a line, as `WHAT: TEXT`. */
void system_text(const json_t *all, FILE *out);

/* The parts, each in its own file; all return an object or an array, NULL if out of memory. */

/** kernel_facts() - release, flavour, headers, version, machine, lockdown, taint */
json_t *kernel_facts(struct rootfs *t);
/** taint_decode() - array of {letter, means} for the bits of /proc/sys/kernel/tainted */
json_t *taint_decode(unsigned long long bits);
/** kernel_flavour() - "amd64" of "6.1.0-56-amd64"; "" if the release has none. */
const char *kernel_flavour(const char *release);
/** config_facts() - source, and options: "y", "m", another value, or null for one that is not set
 */
json_t *config_facts(struct rootfs *t, const char *release);
/** module_facts() - an array with an object for each of system_modules[] */
json_t *module_facts(struct rootfs *t, const char *release);
/**
 * modprobe_rules() - object: for each module that modprobe.d has lines of, an object with those of
 * "install", "options" and "blacklist": their text and "(FILE:LINE)"; and
 * "allow_unsupported_modules": "FILE:LINE" of the line that forbids them
 */
json_t *modprobe_rules(struct rootfs *t);
/** uio_facts() - devices with who has them open; unseen: processes that could not be looked into */
json_t *uio_facts(struct rootfs *t);
/** target_facts() - configfs: fabrics with their targets, backstores by kind */
json_t *target_facts(struct rootfs *t);
/** limit_facts() - RLIMIT_*, of this process: soft and hard, null for no limit */
json_t *limit_facts(void);

#endif
