/* SPDX-License-Identifier: MIT */
/*
 * What the SCSI cases share: starting with a known capacity, moving blocks, judging answers.
 *
 * Functions that judge fail the case through tc_fail() and leave the rest to the next EXPECT, which
 * returns at once in a case that has failed.
 */
#ifndef HARNESS_SCS_H
#define HARNESS_SCS_H

#include "cdb.h"

/* Key and ASC<<8|ASCQ of the sense that cases expect, two arguments each (SCS-040). */
#define BAD_OPCODE	5, 0x2000
#define BAD_LBA		5, 0x2100
#define BAD_CDB		5, 0x2400
#define BAD_LIST	5, 0x2600
#define BAD_LIST_LENGTH 5, 0x1a00
#define NO_SAVED_PAGES	5, 0x3900
#define WRITE_PROTECTED 7, 0x2700
#define MISCOMPARE	0xe, 0x1d00

/** Status byte of CHECK CONDITION. */
#define SAM_CHECK	0x02

/**
 * struct scs - a case that talks SCSI
 * @io:    for one command after the other
 * @full:  an answer at full length, from scs_fetch()
 * @room:  a Data-In buffer of SCS_ROOM bytes
 */
#define SCS_ROOM	4096
struct scs {
	struct tc *tc;
	struct target *t;
	struct target_capacity cap;
	struct target_io io;
	uint8_t full[SCS_ROOM], room[SCS_ROOM];
	uint32_t full_len;
};

/** scs_opts() - TARGET_OPTS with a volatile cache, in a geometry that varies with the seed. */
struct target_opts scs_opts(struct tc *tc);

/**
 * scs_start() - start and ask for the capacity
 * @opts:       NULL = scs_opts()
 * @min_blocks: what the case needs at least; a smaller unit is a reason to skip
 * Returns NULL when the case has failed or is skipped.
 */
struct scs *scs_start(struct tc *tc, const struct target_opts *opts, uint64_t min_blocks);

/** scs_bytes() - length of @blocks blocks. */
static inline uint32_t scs_bytes(const struct scs *s, uint32_t blocks)
{
	return blocks * s->cap.block_size;
}

/** scs_pattern() - memory of @blocks blocks (lives as long as the case) filled by @salt. */
uint8_t *scs_pattern(struct scs *s, uint32_t blocks, uint64_t salt);

/** scs_write() - put @data on the medium, with WRITE(16). */
void scs_write(struct scs *s, uint64_t lba, uint32_t blocks, const void *data);
/** scs_read() - get it into @data, with READ(16). */
void scs_read(struct scs *s, uint64_t lba, uint32_t blocks, void *data);
/** scs_expect_medium() - what the medium holds must be @want. */
void scs_expect_medium(struct scs *s, const char *clause, const char *what, uint64_t lba,
		       uint32_t blocks, const void *want);

/** scs_exec() - run @s->io; false if it never ended (the case has failed then). */
bool scs_exec(struct scs *s, const char *clause);

/** scs_is() - @s->io ended with CHECK CONDITION and this key and ASC<<8|ASCQ. */
bool scs_is(const struct scs *s, uint8_t key, uint16_t asc);

/**
 * scs_supported() - run @s->io; whether the handler knows the opcode
 * A refusal must be a proper 05/20/00.
 */
bool scs_supported(struct scs *s, const char *clause);

/** scs_expect_check() - run @s->io; it must end with a CHECK CONDITION that is well-formed. */
void scs_expect_check(struct scs *s, const char *clause);
/** scs_expect_sense() - the same, with this key and ASC<<8|ASCQ. */
void scs_expect_sense(struct scs *s, const char *clause, uint8_t key, uint16_t asc);

/** scs_judge_sense() - format of the sense that came with @s->io (HND-033). */
void scs_judge_sense(struct scs *s, const char *clause);

/**
 * scs_expect_data() - run @s->io, a Data-In command into @s->room; judge every byte
 * @full, @full_len: the answer at full length
 * @alloc:           what the CDB allows
 *
 * The first min(@full_len, @alloc, io.len) bytes are those of @full. The rest is zeros, or
 * READ_LEN left it out (HND-035, SCS-020, SCS-022).
 */
void scs_expect_data(struct scs *s, const char *clause, const void *full, uint32_t full_len,
		     uint32_t alloc);

/** scs_vpd() - fetch VPD page @page into @s->full; false if the handler refuses it. */
bool scs_vpd(struct scs *s, uint8_t page);
/** scs_inquiry() - fetch standard INQUIRY data into @s->full. */
void scs_inquiry(struct scs *s);
/** scs_mode_sense() - fetch mode data into @s->full; false if the handler refuses the page. */
bool scs_mode_sense(struct scs *s, uint8_t op, uint8_t byte1, uint8_t page);
/** scs_mode_page() - offset in @s->full of page @code, 0 if it is not there. */
uint32_t scs_mode_page(const struct scs *s, uint8_t op, uint8_t code);
/** scs_capacity_16() - fetch READ CAPACITY(16) data into @s->full. */
void scs_capacity_16(struct scs *s);

/** struct scs_limits - what page B0 and B2 promise; 0 = not reported. */
struct scs_limits {
	uint32_t max_caw, max_transfer, max_unmap, max_unmap_desc;
	uint64_t max_write_same;
	bool b0, b2, wsnz, lbpu, lbpws, lbpws10, lbprz;
};
void scs_limits(struct scs *s, struct scs_limits *lim);

#endif
