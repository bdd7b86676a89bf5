/* SPDX-License-Identifier: MIT */
/*
 * What the file of a kernel module says of itself: the strings of its section .modinfo, the build
 * id, and the signature behind it. The file is hostile: nothing in it is believed without a check.
 */
#ifndef HARNESS_ENV_MODINFO_H
#define HARNESS_ENV_MODINFO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/** struct module_file - @data is borrowed: a whole file, unpacked */
struct module_file {
	const unsigned char *data;
	size_t len;
};

/**
 * module_section() - a section's content by name; NULL if it has none
 * @why: receives what is wrong, if this is no 64-bit ELF file that sections could be found in; else
 *       it is left as it is
 */
const unsigned char *module_section(const struct module_file *m, const char *name, size_t *len,
				    const char **why);
/**
 * module_field() - "VALUE" of "@key=VALUE" in the content of .modinfo; NULL if there is none
 * The first one counts. What is returned ends with a zero.
 */
const char *module_field(const unsigned char *info, size_t len, const char *key);
/** module_build_id() - as hexadecimal digits; false if there is none. */
bool module_build_id(const unsigned char *notes, size_t len, char *buf, size_t buf_len);
/**
 * module_signature() - object: "present"; "kind", "hash" and "signer" where they can be told
 * Whether it is right is not looked at: only the kernel has the keys.
 */
json_t *module_signature(const struct module_file *m);

#endif
