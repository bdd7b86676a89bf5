/* SPDX-License-Identifier: MIT */
/*
 * The reference disk: what every byte of every read may be.
 *
 * Each block has the set of writes that can be its last: those that no other write is surely after.
 * Two commands are ordered only if one ended before the other began; commands that were disturbed
 * may take effect as long as the handler that had them lives, or not at all. So any order that a
 * handler chooses is right, and any byte that no order explains is wrong (HND-039, SCS-030 to
 * SCS-036, SCS-050 ...). Blocks carry patterns that say who wrote them, and the failure says so.
 */
#ifndef HARNESS_FUZZ_DISK_H
#define HARNESS_FUZZ_DISK_H

#include "exec.h"
#include "expect.h"

/** fuzz_disk_new() - NULL without memory. fuzz_disk_reset() - another program: all zeros. */
struct fuzz_disk *fuzz_disk_new(void);
int fuzz_disk_reset(struct fuzz_disk *d, uint64_t blocks, uint32_t block_size, uint64_t seed);
void fuzz_disk_free(struct fuzz_disk *d);

/** fuzz_disk_fill() - Data-Out of @c as its operation asks; before fuzz_disk_begin(). */
void fuzz_disk_fill(struct fuzz_disk *d, struct fuzz_cmd *c, const struct fuzz_cdb *cdb);
/** fuzz_disk_begin() - @c is about to be submitted; c->began is set. */
void fuzz_disk_begin(struct fuzz_disk *d, struct fuzz_cmd *c, const struct fuzz_cdb *cdb);
/**
 * fuzz_disk_end() - @c has ended; c->ended is set
 * @did: it was answered, and has had its effect (true) or none (false); if c->disturbed nobody
 * knows. Compares what was read; of COMPARE AND WRITE and VERIFY: whether the verdict was possible.
 */
void fuzz_disk_end(struct fuzz_disk *d, struct tc *tc, struct fuzz_cmd *c,
		   const struct fuzz_cdb *cdb, bool did);
/**
 * fuzz_disk_quiet() - nothing that has ended can take effect any more: the handler has nothing in
 * its hands, or it died; @now: the running count
 */
void fuzz_disk_quiet(struct fuzz_disk *d, uint64_t now);
/**
 * fuzz_disk_power() - the power failed: what no SYNCHRONIZE CACHE or FUA made durable may be lost
 * @wce: there was a volatile cache at all
 */
void fuzz_disk_power(struct fuzz_disk *d, uint64_t now, bool wce);

#endif
