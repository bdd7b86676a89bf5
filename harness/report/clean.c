/* SPDX-License-Identifier: MIT */
/* Strings nobody vouches for, for JSON. */
#include "clean.h"

#include "put.h"

#include <stdlib.h>

json_t *clean_json(const char *s)
{
	json_t *value = NULL;
	char *clean = NULL;
	size_t len = 0;
	FILE *mem;

	if (!s)
		return json_null();
	mem = open_memstream(&clean, &len);
	if (!mem)
		return NULL;
	put(mem, s, "\n", NULL);
	if (!fclose(mem))
		value = json_stringn(clean, len);
	free(clean);
	return value;
}
