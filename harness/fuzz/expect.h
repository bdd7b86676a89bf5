/* SPDX-License-Identifier: MIT */
/*
 * The answers that a SCSI command may have (contract, part SCS): status and sense for every opcode
 * and every field, legal or not, and the shape of what is returned: lengths that add up, pages that
 * the list of pages has, padding. Written from the contract, not from the reference handlers.
 *
 * It is asked about any handler, so it knows what is free: optional commands may be refused, texts
 * and limits differ. What a handler says of itself (INQUIRY, MODE SENSE, READ CAPACITY) it must say
 * again.
 */
#ifndef HARNESS_FUZZ_EXPECT_H
#define HARNESS_FUZZ_EXPECT_H

#include "exec.h"

/**
 * enum fuzz_kind - what a command does to the disk
 * FUZZ_K_OTHER does nothing to it: TEST UNIT READY, INQUIRY ...
 */
enum fuzz_kind {
	FUZZ_K_OTHER,
	FUZZ_K_READ,
	FUZZ_K_WRITE,
	FUZZ_K_VERIFY, /* compares with Data-Out if @bytchk, else nothing */
	FUZZ_K_WRITE_VERIFY,
	FUZZ_K_WRITE_SAME, /* one block of Data-Out, or zeros with @ndob */
	FUZZ_K_UNMAP,	   /* descriptors in Data-Out */
	FUZZ_K_CAW,
	FUZZ_K_SYNC,
	FUZZ_K_XDWRITE, /* BIDI */
};

/**
 * struct fuzz_cdb - a CDB taken apart
 * @blocks:  as the CDB says; for FUZZ_K_CAW the number compared and written; 0 of FUZZ_K_SYNC, and
 *           of FUZZ_K_WRITE_SAME if it is not refused, means up to the end
 * @whole:   @lba and @blocks lie within the disk
 * @data_len: bytes that the command asks to move, whatever its buffer has room for
 * @dir:     which way they go; RINGSIM_NONE without any, or if nobody knows
 * @fua:     what is written is on the medium when it ends; also of WRITE AND VERIFY, which would
 *           else verify its cache
 * @name:    "READ(10)"; never NULL
 */
struct fuzz_cdb {
	enum fuzz_kind kind;
	const char *name;
	uint64_t lba;
	uint64_t blocks;
	uint64_t data_len;
	enum ringsim_dir dir;
	bool whole, fua, unmap, ndob;
	uint8_t bytchk;
};

/** fuzz_cdb_decode() - of a disk of @disk_blocks blocks of @block_size bytes. */
void fuzz_cdb_decode(struct fuzz_cdb *c, const uint8_t *cdb, uint64_t disk_blocks,
		     uint32_t block_size);

/**
 * struct fuzz_disk_facts - what the program's setup says about the unit
 * @read_len: the mailbox offers READ_LEN
 * @strict:   the handler was set up as said here (@read_only, @wce), and what the contract only
 *            recommends is asked, too; else those two are its own affair
 */
struct fuzz_disk_facts {
	uint64_t blocks;
	uint32_t block_size;
	bool read_only, wce, read_len, strict;
};

/**
 * struct fuzz_effect - what an answer means for the disk
 * @did:     the command had all of its effect; else none, or, with c->disturbed set, who knows: an
 *           error in the middle of it
 * @durable: there was no volatile cache from its beginning to its end: what it wrote is on the
 *           medium, as with FUA
 * @sync:    and so is what others had written before it began: it switched the cache off
 */
struct fuzz_effect {
	bool did, durable, sync;
};

/** fuzz_expect_new() - NULL without memory. fuzz_expect_reset() - another program begins. */
struct fuzz_expect *fuzz_expect_new(void);
void fuzz_expect_reset(struct fuzz_expect *e, const struct fuzz_disk_facts *facts);
void fuzz_expect_free(struct fuzz_expect *e);

/** fuzz_expect_begin() - @c is about to be submitted; c->began is set. */
void fuzz_expect_begin(struct fuzz_expect *e, struct fuzz_cmd *c);
/**
 * fuzz_expect_end() - @c has been answered by the handler (RINGSIM_ANSWERED); c->ended is set
 * Fails the case if it may not have been answered so. May set c->disturbed, see struct fuzz_effect.
 */
void fuzz_expect_end(struct fuzz_expect *e, struct tc *tc, struct fuzz_cmd *c,
		     const struct fuzz_cdb *cdb, struct fuzz_effect *effect);
/** fuzz_expect_lost() - @c has ended in another way, but a handler that has it may go on with it.
 */
void fuzz_expect_lost(struct fuzz_expect *e, struct fuzz_cmd *c);
/** fuzz_expect_quiet() - nothing that was lost can take effect any more; @now: the running count */
void fuzz_expect_quiet(struct fuzz_expect *e, uint64_t now);
/**
 * fuzz_expect_fault() - from now on @times operations may fail so: enum fuzz_fault, as FUZZ_FAULT
 * Errors of the medium and BUSY are wrong answers unless a fault explains them.
 */
void fuzz_expect_fault(struct fuzz_expect *e, uint64_t fault, uint64_t times);
/** fuzz_expect_restarted() - another handler: what has no memory (mode pages) may be as new. */
void fuzz_expect_restarted(struct fuzz_expect *e);
/** fuzz_expect_changed() - the unit is another one from now on, and may raise unit attentions. */
void fuzz_expect_changed(struct fuzz_expect *e, const struct fuzz_disk_facts *facts);

/** fuzz_sense_information() - the INFORMATION field of either format; false if it is not valid. */
bool fuzz_sense_information(const uint8_t *sense, uint64_t *info);

#endif
