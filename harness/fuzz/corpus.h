/* SPDX-License-Identifier: MIT */
/*
 * A corpus: programs that are known to reach something, as text in a directory.
 *
 * They are run first; then half of all programs are changed ones of theirs. A program that reaches
 * what none has reached is added. What counts as reached is coarse on purpose, so that a corpus
 * stays small: which opcodes ended how, in programs in which the ring wrapped, was full ...
 */
#ifndef HARNESS_FUZZ_CORPUS_H
#define HARNESS_FUZZ_CORPUS_H

#include "exec.h"
#include "generate.h"

#include <limits.h>

#define CORPUS_PROGRAMS 1000	    /* no more are added */
#define CORPUS_TEXT	(64u << 10) /* bytes of one that is added */

#define FEATURE_STATES	9
#define FEATURE_BITS	((256 * 8 + FUZZ_VERBS) * FEATURE_STATES)

/** struct features - what was reached, a bit each */
struct features {
	uint64_t bits[(FEATURE_BITS + 63) / 64];
};

/** features_add() - @to |= @from; whether that was anything new. */
bool features_add(struct features *to, const struct features *from);

/** struct corpus - zero it; @skipped: files that hold no program, @why: the first, and why not */
struct corpus {
	struct fuzz_program *v;
	size_t n, room, skipped;
	char why[NAME_MAX + 260];
};

/** corpus_load() - all files *.fuzz of @dir, in the order of their names. 0 or -errno. */
int corpus_load(struct corpus *c, const char *dir);
void corpus_free(struct corpus *c);
/** corpus_save() - @p into @dir, unless there are enough; whether it was. */
bool corpus_save(const char *dir, size_t have, const struct fuzz_program *p);

/** struct corpus_view - what one worker knows: the corpus and what it found itself */
struct corpus_view *corpus_view_new(const struct corpus *c);
void corpus_view_free(struct corpus_view *v);
/**
 * corpus_program() - program @number of a run into @p, if that is one of the corpus, as it is or
 * changed, for which @seed decides how; else false
 */
bool corpus_program(struct corpus_view *v, uint64_t number, uint64_t seed, struct fuzz_program *p);
/** corpus_before() - a program is about to be run; corpus_after() - whether it did something new.
 */
void corpus_before(struct corpus_view *v, const struct fuzz_stats *st);
bool corpus_after(struct corpus_view *v, const struct fuzz_stats *st, const struct fuzz_program *p);
/** corpus_features() - of the last program. */
const struct features *corpus_features(const struct corpus_view *v);

/** mutate_program() - change @p a little, with parts of @other. */
void mutate_program(struct fuzz_program *p, const struct fuzz_program *other, uint64_t seed);

#endif
