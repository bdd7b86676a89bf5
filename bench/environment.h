/* SPDX-License-Identifier: MIT */
/* Where a benchmark ran: what has to be equal before two of them may be compared. */
#ifndef BENCH_ENVIRONMENT_H
#define BENCH_ENVIRONMENT_H

#include <jansson.h>
#include <stddef.h>

/**
 * environment_now() - this machine: kernel, processor, how many of them, governor, mitigations,
 * clock source, compiler and flags, version and commit of the program; NULL if out of memory
 */
json_t *environment_now(void);
/**
 * environment_differs() - the first thing that makes two results incomparable
 * Version and commit of the program may differ: that is what is compared. Returns 0 if there is
 * none, else 1 with one line in @buf: what, and both values.
 */
int environment_differs(const json_t *a, const json_t *b, char *buf, size_t len);

#endif
