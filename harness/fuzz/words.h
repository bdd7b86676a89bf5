/* SPDX-License-Identifier: MIT */
/* The words of fuzz programs, shared by reading and printing. */
#ifndef HARNESS_FUZZ_WORDS_H
#define HARNESS_FUZZ_WORDS_H

#include "program.h"

#define FUZZ_WORDS 9

/**
 * enum word_kind - how an argument is written
 * @WORD_NUM, @WORD_HEX: a number, printed in decimal or hexadecimal
 * @WORD_LESS_1: a number that is kept plus 1, so that -1 can be said
 * @WORD_NAME:   one of struct word.names, or its number
 * @WORD_PLACE:  head+8; takes two of fuzz_op.n
 * @WORD_WIDTH:  u8 u16 u32 u64
 * @WORD_LEN:    a buffer's length, whose name says the direction, struct word.max
 * @WORD_CDB, @WORD_BYTES: hexadecimal digits
 */
enum word_kind {
	WORD_NUM,
	WORD_HEX,
	WORD_LESS_1,
	WORD_NAME,
	WORD_PLACE,
	WORD_WIDTH,
	WORD_LEN,
	WORD_CDB,
	WORD_BYTES,
};

/** struct word_name - a value that has a name; a table of them ends with NULL */
struct word_name {
	const char *name;
	uint64_t value;
};

/**
 * struct word - one argument of a verb
 * @must: it has to be there, and is written without its name; else it is "name=value", 0 if absent
 * @n:    where it goes in fuzz_op.n
 * @max:  largest value
 */
struct word {
	const char *name;
	enum word_kind kind;
	bool must;
	uint8_t n;
	uint64_t max;
	const struct word_name *names;
};

/** struct verb_word - a verb; @word ends with a NULL name */
struct verb_word {
	const char *name, *help;
	struct word word[FUZZ_WORDS];
};

/**
 * struct setup_word - a field of struct fuzz_setup
 * @device: on the device's line, else on the handler's
 * @wide:   64 bits
 * @least:  smallest value but 0, @step: what it is a multiple of
 */
struct setup_word {
	const char *name;
	size_t off;
	bool device, wide;
	uint64_t least, max, step;
	const char *help;
};

extern const struct verb_word fuzz_verbs[FUZZ_VERBS];
extern const struct setup_word fuzz_setup_words[];
extern const size_t fuzz_setup_word_cnt;

/** fuzz_setup_get(), fuzz_setup_put() - the field's value */
static inline uint64_t fuzz_setup_get(const struct fuzz_setup *s, const struct setup_word *w)
{
	const char *at = (const char *)s + w->off;

	return w->wide ? *(const uint64_t *)at : *(const uint32_t *)at;
}

static inline void fuzz_setup_put(struct fuzz_setup *s, const struct setup_word *w, uint64_t value)
{
	char *at = (char *)s + w->off;

	if (w->wide)
		*(uint64_t *)at = value;
	else
		*(uint32_t *)at = (uint32_t)value;
}

#endif
