/* SPDX-License-Identifier: MIT */
/* Where the members of the kernel's structures lie, from the BTF of kernel and module. */
#ifndef RECORD_LAYOUT_H
#define RECORD_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

struct layout;

/** layout_open() - BTF of the loaded module @module; NULL with a line in @err. */
struct layout *layout_open(const char *module, char *err, size_t err_len);
void layout_close(struct layout *l);

/**
 * layout_expand() - replace each "{struct.member}" of @text by its offset with a sign ("+24"),
 * "{a.b-c.d}" by the difference of two
 * Returns 0, or -ENOENT (no such member: a line in @err) or -E2BIG.
 */
int layout_expand(const struct layout *l, const char *text, char *out, size_t out_len, char *err,
		  size_t err_len);

#endif
