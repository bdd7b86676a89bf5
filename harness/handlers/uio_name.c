/* SPDX-License-Identifier: MIT */
/*
 * Parsing UIO names: every component is compared whole, nothing is copied, nothing has a length
 * limit. The name in sysfs ends in a newline, and a configuration written by echo adds one of its
 * own. Clauses: HND-004, HND-005.
 */
#include "uio_name.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define PREFIX "tcm-user/"

/* Decimal digits up to '/'; returns the character behind it, NULL if there is no such number. */
static const char *parse_hba(const char *p, uint32_t *out)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)*p))
		return NULL;
	for (; isdigit((unsigned char)*p); p++) {
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > UINT32_MAX)
			return NULL;
	}
	if (*p != '/')
		return NULL;
	*out = (uint32_t)n;
	return p + 1;
}

/* Up to @stop or the end; returns the character behind the separator, or @end. */
static const char *slice(const char *p, const char *end, const char **part, size_t *len)
{
	const char *stop = memchr(p, '/', (size_t)(end - p));

	*part = p;
	if (stop == NULL) {
		*len = (size_t)(end - p);
		return end;
	}
	*len = (size_t)(stop - p);
	return stop + 1;
}

int uio_name_parse(const char *name, struct uio_name *out)
{
	const char *end = name + strlen(name);
	const char *p = name;

	while (end > name && end[-1] == '\n')
		end--;
	if (strncmp(p, PREFIX, strlen(PREFIX)) != 0)
		return -EINVAL;
	p = parse_hba(p + strlen(PREFIX), &out->hba);
	if (p == NULL || p >= end)
		return -EINVAL;
	p = slice(p, end, &out->device, &out->device_len);
	if (out->device_len == 0)
		return -EINVAL;
	p = slice(p, end, &out->subtype, &out->subtype_len);
	out->path = p;
	out->path_len = (size_t)(end - p);
	return 0;
}

bool uio_name_match(const struct uio_name *name, const char *subtype)
{
	if (name->subtype_len == 0)
		return false;
	if (subtype == NULL)
		return true;
	if (name->subtype_len != strlen(subtype))
		return false;
	return memcmp(name->subtype, subtype, name->subtype_len) == 0;
}
