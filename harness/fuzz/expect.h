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
 * @blocks:  as the CDB says; for FUZZ_K_CAW the number compared and written
 * @whole:   @lba and @blocks lie within the disk
 * @data_len: bytes that the command asks to move, whatever its buffer has room for
 * @name:    "READ(10)"; never NULL
 */
struct fuzz_cdb {
	enum fuzz_kind kind;
	const char *name;
	uint64_t lba;
	uint64_t blocks;
	uint64_t data_len;
	bool whole, fua, unmap, ndob;
	uint8_t bytchk;
};

/** fuzz_cdb_decode() - of a disk of @disk_blocks blocks of @block_size bytes. */
void fuzz_cdb_decode(struct fuzz_cdb *c, const uint8_t *cdb, uint64_t disk_blocks,
		     uint32_t block_size);

/** struct fuzz_disk_facts - what the program's setup says about the unit */
struct fuzz_disk_facts {
	uint64_t blocks;
	uint32_t block_size;
	bool read_only, wce;
};

/** fuzz_expect_new() - NULL without memory. fuzz_expect_reset() - another program begins. */
struct fuzz_expect *fuzz_expect_new(void);
void fuzz_expect_reset(struct fuzz_expect *e, const struct fuzz_disk_facts *facts);
void fuzz_expect_free(struct fuzz_expect *e);

/** fuzz_expect_begin() - @c is about to be submitted. */
void fuzz_expect_begin(struct fuzz_expect *e, struct fuzz_cmd *c);
/**
 * fuzz_expect_end() - @c has been answered by the handler (RINGSIM_ANSWERED)
 * Fails the case if it may not have been answered so. Otherwise says in @did whether the command
 * had its effect on the disk: answered GOOD, or refused before it did anything.
 */
void fuzz_expect_end(struct fuzz_expect *e, struct tc *tc, struct fuzz_cmd *c, bool *did);
/** fuzz_expect_restarted() - another handler: what has no memory (mode pages) may be as new. */
void fuzz_expect_restarted(struct fuzz_expect *e);

#endif
