/* SPDX-License-Identifier: MIT */
/*
 * Included first when ringsim is compiled for hostile programs: each access to a region is
 * announced before it happens, and every mapping lies between inaccessible pages.
 */
#ifndef HARNESS_FUZZ_HOSTILE_HOOK_H
#define HARNESS_FUZZ_HOSTILE_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** hostile_look() - [@base + @off, + @len) is read or stored to next. */
void hostile_look(const void *base, uint64_t off, size_t len, bool store);

#define SHM_LOOK(base, off, len, store) hostile_look(base, off, len, store)
#define mmap				hostile_mmap
#define munmap				hostile_munmap

#endif
