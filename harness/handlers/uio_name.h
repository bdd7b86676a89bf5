/* SPDX-License-Identifier: MIT */
/*
 * The name of a TCMU UIO device: tcm-user/HBA/DEVICE/SUBTYPE/PATH.
 */
#ifndef HANDLERS_UIO_NAME_H
#define HANDLERS_UIO_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct uio_name - the parts, as slices of the parsed string (not terminated there)
 * @hba:     number of the user_N directory
 * @device:  name of the device directory, at least one character
 * @subtype: up to the first '/' of the configuration; may be empty
 * @path:    the rest, verbatim; may be empty and may contain '/' and ':'
 */
struct uio_name {
	uint32_t hba;
	const char *device, *subtype, *path;
	size_t device_len, subtype_len, path_len;
};

/** uio_name_parse() - take @name apart; 0, or -EINVAL if it is no TCMU device (HND-004). */
int uio_name_parse(const char *name, struct uio_name *out);

/**
 * uio_name_match() - whether a handler of @subtype serves the device (HND-005)
 * @subtype: compared whole; NULL = any that is not empty
 */
bool uio_name_match(const struct uio_name *name, const char *subtype);

#endif
