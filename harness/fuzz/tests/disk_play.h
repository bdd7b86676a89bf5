/* SPDX-License-Identifier: MIT */
/*
 * Playing commands to the reference disk by hand: when each begins and ends, and what it returns.
 */
#ifndef HARNESS_FUZZ_TESTS_DISK_PLAY_H
#define HARNESS_FUZZ_TESTS_DISK_PLAY_H

#include "../disk.h"

#include <CUnit/Basic.h>

#define PLAY_CMDS 64

/**
 * struct play
 * @clock:  the running count
 * @clause, @why: of the first failure; "" if there was none
 * @advice: clause of the last advice
 */
struct play {
	struct fuzz_disk *d;
	struct tc tc;
	uint64_t clock;
	uint32_t bs, used;
	uint64_t blocks;
	char clause[16], why[1600], advice[16];
	struct fuzz_cmd cmds[PLAY_CMDS];
	struct fuzz_op ops[PLAY_CMDS];
	struct fuzz_cdb cdbs[PLAY_CMDS];
};

void play_open(struct play *r, uint32_t block_size, uint64_t blocks, unsigned int flags);
/** play_reset() - another program on the same disk. */
void play_reset(struct play *r, unsigned int flags);
void play_close(struct play *r);

/** play_cmd() - a command that has not begun; @len 0: as its CDB asks. */
struct fuzz_cmd *play_cmd(struct play *r, uint8_t opcode, uint64_t lba, uint32_t blocks,
			  enum fuzz_fill fill);
struct fuzz_cdb *play_cdb(struct play *r, const struct fuzz_cmd *c);
void play_begin(struct play *r, struct fuzz_cmd *c);
/** play_again() - the same once more, after it has ended. */
void play_again(struct play *r, struct fuzz_cmd *c);
/** play_end() - answered so; play_lost() - it ended, but may yet be carried out. */
void play_end(struct play *r, struct fuzz_cmd *c, uint8_t status);
void play_lost(struct play *r, struct fuzz_cmd *c);
/** play_miscompare() - with INFORMATION @at, if that is not negative. */
void play_miscompare(struct play *r, struct fuzz_cmd *c, int64_t at);

/* Begin only, and begin and end with GOOD. */
struct fuzz_cmd *play_start(struct play *r, uint8_t opcode, uint64_t lba, uint32_t blocks);
struct fuzz_cmd *play_write(struct play *r, uint64_t lba, uint32_t blocks);
void play_do(struct play *r, uint8_t opcode, uint64_t lba, uint32_t blocks);

/** play_block() - block @lba of what @c sends (the half that is written). */
const uint8_t *play_block(struct play *r, const struct fuzz_cmd *c, uint64_t lba);
/** play_returns() - the READ @c returns in @lba what @from wrote there; NULL: zeros. */
void play_returns(struct play *r, struct fuzz_cmd *c, uint64_t lba, const struct fuzz_cmd *from);
/** play_reads() - a READ of one block, from begin to end, returns @from's. */
void play_reads(struct play *r, uint64_t lba, const struct fuzz_cmd *from);

#define PLAY_OK(r)                                           \
	do {                                                 \
		if ((r)->tc.failed)                          \
			fprintf(stderr, "\n%s\n", (r)->why); \
		CU_ASSERT_FALSE((r)->tc.failed);             \
	} while (0)
/* The first failure names @clause, and says @text. */
#define PLAY_FAILS(r, cl, text)                                              \
	do {                                                                 \
		CU_ASSERT_TRUE((r)->tc.failed);                              \
		CU_ASSERT_STRING_EQUAL((r)->clause, cl);                     \
		CU_ASSERT_PTR_NOT_NULL(strstr((r)->why, text));              \
		if (!strstr((r)->why, text))                                 \
			fprintf(stderr, "\nnot '%s': %s\n", text, (r)->why); \
	} while (0)

#endif
