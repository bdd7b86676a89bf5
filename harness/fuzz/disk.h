/* SPDX-License-Identifier: MIT */
/*
 * The reference disk: what every byte of every read may be.
 *
 * Each block has the set of writes that can be its last: those that no other write is surely after.
 * Two commands are ordered only if one ended before the other began, or if what was read says so;
 * commands that were disturbed may take effect as long as the handler that had them lives, or not
 * at all. So any order that a handler chooses is right, and any byte that no order explains is
 * wrong (SCS-030, SCS-041, HND-054 ...). Blocks carry patterns that say who wrote them, and the
 * failure says so.
 */
#ifndef HARNESS_FUZZ_DISK_H
#define HARNESS_FUZZ_DISK_H

#include "exec.h"
#include "expect.h"

/**
 * enum fuzz_disk_flags
 * @FUZZ_DISK_POWER: fuzz_disk_power() may come: what was overwritten is kept until that is durable
 * @FUZZ_DISK_UNMAP_ANY: unmapped blocks need not read as zeros, until a READ CAPACITY(16) says
 * LBPRZ
 * @FUZZ_DISK_TORN: commands that overlap and are under way at once may mingle within a block: over
 *                  files they do, at the borders of pages
 */
enum fuzz_disk_flags { FUZZ_DISK_POWER = 1, FUZZ_DISK_UNMAP_ANY = 2, FUZZ_DISK_TORN = 4 };

/** fuzz_disk_new() - NULL without memory. */
struct fuzz_disk *fuzz_disk_new(void);
/** fuzz_disk_reset() - another program: all zeros; @flags: enum fuzz_disk_flags. */
void fuzz_disk_reset(struct fuzz_disk *d, uint64_t blocks, uint32_t block_size, uint64_t seed,
		     unsigned int flags);
void fuzz_disk_free(struct fuzz_disk *d);

/**
 * fuzz_disk_fill() - Data-Out of @c as its operation asks, into c->data; does nothing for a command
 * without. Right before fuzz_disk_begin(): what was filled in otherwise is taken as it is.
 */
void fuzz_disk_fill(struct fuzz_disk *d, struct fuzz_cmd *c, const struct fuzz_cdb *cdb);
/** fuzz_disk_begin() - @c is about to be submitted; c->began is set. */
void fuzz_disk_begin(struct fuzz_disk *d, struct fuzz_cmd *c, const struct fuzz_cdb *cdb);
/**
 * fuzz_disk_end() - @c has ended; c->ended is set
 * @effect: what its answer means. If c->disturbed it may have had any part of its effect: up to now
 *          if it was answered, else until fuzz_disk_quiet(). It may be set as long as @c is in
 *          flight: the handler died, and its successor may carry @c out once more
 * Compares what was read; of COMPARE AND WRITE and VERIFY: whether the verdict was possible.
 */
void fuzz_disk_end(struct fuzz_disk *d, struct tc *tc, struct fuzz_cmd *c,
		   const struct fuzz_cdb *cdb, const struct fuzz_effect *effect);
/**
 * fuzz_disk_quiet() - nothing that has ended can take effect any more: no handler has it in its
 * hands, nor will one find it on the ring; @now: the running count
 */
void fuzz_disk_quiet(struct fuzz_disk *d, uint64_t now);
/**
 * fuzz_disk_power() - the power failed: what no effect said to be durable may be lost; commands in
 * flight are disturbed already
 */
void fuzz_disk_power(struct fuzz_disk *d, uint64_t now);
/**
 * fuzz_disk_blank() - all of the store was lost with its handler; in flight: as for a power cut
 * @surely: else nobody knows whether it was, block by block
 */
void fuzz_disk_blank(struct fuzz_disk *d, uint64_t now, bool surely);
/** fuzz_disk_futile() - @c, in flight, was aborted before it can have begun (HND-016). */
void fuzz_disk_futile(struct fuzz_disk *d, const struct fuzz_cmd *c);
/** fuzz_disk_failed() - memory ran out since the reset: what it says means nothing. */
bool fuzz_disk_failed(const struct fuzz_disk *d);

#endif
