/* SPDX-License-Identifier: MIT */
/*
 * Conversations with a unit of 1000 blocks of 512 bytes that is not there: commands, and the
 *answers that a handler could have given, right or wrong. One command a line:
 *
 *	CDB [in=N] [out=N] [bidi=N] [send=HEX] : good|KEY/ASC|status=N|sense=HEX [give=HEX] [came=N]
 *
 * @give is what came as Data-In, zeros behind it; @came is less than asked for with READ_LEN.
 */
#ifndef HARNESS_FUZZ_TESTS_EXPECT_TALK_H
#define HARNESS_FUZZ_TESTS_EXPECT_TALK_H

#include "../expect.h"

#include "../../cases/tc.h"

/* Parts of whole answers of a proper unit. */
#define STD                \
	"000006021f000002" \
	"56454e444f522020" \
	"50524f4455435420202020202020202030303031"
#define B0                                 \
	"00b0003c"                         \
	"01800008000100000000080000100000" \
	"00000040"                         \
	"0000000800000000"                 \
	"0000000000010000"
#define RC16	  "00000000000003e700000200000000000000"
#define PAGE_08	  "0812040000000000000000000000000000000000"
#define PAGE_08_0 "0812000000000000000000000000000000000000"
#define PAGE_0A	  "0a0a02100000000000000000"
#define PAGE_0A_D "0a0a06100000000000000000"
#define ALL_6        \
	"2f00100001" \
	"0a00000000000000000000" PAGE_08 PAGE_0A

#define TALK_ROOM 8192

/**
 * struct talk - a conversation, and the command that is its turn
 * @flush_fault: when a command ends: 0 = nobody arranged that a flush fails, 1 = it has failed by
 *               now, 2 = not yet
 */
struct talk {
	struct fuzz_expect *e;
	struct tc_stage *stage;
	struct target_spec spec;
	struct fuzz_cmd c;
	struct fuzz_cdb d;
	struct fuzz_effect effect;
	uint64_t now;
	int flush_fault;
	uint8_t data[TALK_ROOM * 32], bidi[TALK_ROOM];
};

/** talk_open() - @overlook: clauses that are known to be broken, or NULL; false without memory */
bool talk_open(struct talk *t, const char *overlook);
void talk_close(struct talk *t);
/**
 * talk_reset() - with another unit
 * @facts: letters: r = read only, t = no cache (write-through), l = READ_LEN is offered, f = a
 *         foreign handler (not strict)
 */
void talk_reset(struct talk *t, const char *facts);
/** talk_begin() - the command of @line; its answer is there, but the oracle has not seen it. */
void talk_begin(struct talk *t, const char *line);
/** talk_end() - the answer to @t->c; true if the oracle finds it right, else @clause is broken. */
bool talk_end(struct talk *t, char *clause);
/** talk_all() - all lines of @talk; the clause that the last one breaks, "" if none. */
void talk_all(struct talk *t, const char *talk, char *clause);

#endif
