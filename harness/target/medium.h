/* SPDX-License-Identifier: MIT */
/* A store whose power can be cut, for handlers in this process; see medium.c. */
#ifndef HARNESS_TARGET_MEDIUM_H
#define HARNESS_TARGET_MEDIUM_H

#include "../handlers/store.h"

/**
 * medium_open() - a store of zeros behind a volatile cache; store_close() releases it
 * @thin: it says that it can give space back
 * @slow: operations end when reaped, in an order that follows from @seed
 * @fail: by enum store_op, the errno of the next operation, reset when it was used; outlives the
 *        store
 *
 * Returns 0 or -ENOMEM.
 */
int medium_open(struct store **out, uint64_t size_bytes, bool thin, bool slow, uint64_t seed,
		int *fail);

/** medium_power() - off: what the cache holds is lost, and whatever still ends has no effect. */
void medium_power(struct store *s, bool on);

#endif
