/* SPDX-License-Identifier: MIT */
/* Strings nobody vouches for, for JSON; see put.h. */
#ifndef HARNESS_REPORT_CLEAN_H
#define HARNESS_REPORT_CLEAN_H

#include <jansson.h>

/** clean_json() - @s as put() shows it, line breaks kept; null for NULL; NULL if out of memory */
json_t *clean_json(const char *s);

#endif
