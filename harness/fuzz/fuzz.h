/* SPDX-License-Identifier: MIT */
/* What the files of `tcmu-harness fuzz` and `replay` share. */
#ifndef HARNESS_FUZZ_FUZZ_H
#define HARNESS_FUZZ_FUZZ_H

#include "crew.h"
#include "findings.h"

#include "../check/subject.h"
#include "../check/verbs.h"

#include <jansson.h>

#define FUZZ_TIME_MS   60000 /* where neither time nor runs were said */
#define MUTANT_TIME_MS 10000

/**
 * struct fuzz_options - see the help text; NULL, 0 and false where nothing was said
 * @seeds:    of --mutants, how many; @shrink: and how short what they find becomes
 * @stores:   of --hostile; @triggers: enum seat_trigger for --export
 * @program:  what to replay
 */
struct fuzz_options {
	struct subject_options who;
	enum fuzz_profile profile;
	unsigned int oracles;
	uint64_t seed, time_ms, runs, jobs, shard, shards, seeds;
	const char *corpus, *save, *json, *mutants, *program, *keep, *record;
	bool no_shrink, shrink, bench, clauses, verbose, hostile, export_seat, kernel;
	uint64_t stores;
	int triggers;
};

/** fuzz_options() - of verb "fuzz" or "replay". -1 to go on, or the exit status. */
int fuzz_options(struct fuzz_options *o, const char *verb, int argc, char **argv);
/** fuzz_limits_for() - what programs for this handler may hold. */
struct fuzz_limits fuzz_limits_for(const struct fuzz_options *o);
/** fuzz_subjects() - @fn for each handler that was asked for, until one does not return 0. */
int fuzz_subjects(const struct fuzz_options *o, const char *verb, const char *dir,
		  int (*fn)(void *ctx, const struct target_spec *spec), void *ctx);
/** fuzz_write_json() - to a file or - ; takes @root. 0, or EXIT_USAGE after complaining. */
int fuzz_write_json(const char *path, json_t *root);

/** fuzz_mutants() - `fuzz --mutants DIR`. fuzz_bench() - `fuzz --bench`. The exit status. */
int fuzz_mutants(const struct fuzz_options *o, const volatile sig_atomic_t *stop);
int fuzz_bench(const struct fuzz_options *o, const volatile sig_atomic_t *stop);
/** fuzz_record() - `fuzz --record FILE`, see record.h. The exit status. */
int fuzz_record(const struct fuzz_options *o, const volatile sig_atomic_t *stop);

/* What was done, told. */

/** struct totals - of a run on one handler */
struct totals {
	const char *handler, *profile;
	uint64_t seed, ms;
	size_t added; /* to the corpus */
	unsigned int oracles;
	bool simulated; /* in this process: every step is seen */
	const struct fuzz_stats *st;
	const struct findings *fs;
};

/** totals_progress() - one line that overwrites itself, on a terminal. */
void totals_progress(const struct totals *t, FILE *f, bool colour);
void totals_text(const struct totals *t, FILE *f);
/** totals_json() - a new object, or NULL. */
json_t *totals_json(const struct totals *t);

/* Which clauses were at stake; see judged.c. */

/** judged_list() - every clause that a program can find broken, and when it is at stake. */
void judged_list(FILE *f);
/** judged_count() - how many of them were at stake; @of: of how many that were watched for. */
uint32_t judged_count(const struct fuzz_stats *st, unsigned int oracles, uint32_t *of);
/** judged_next() - a clause that was not at stake, from *@i on; NULL: no more. */
const char *judged_not(const struct fuzz_stats *st, unsigned int oracles, size_t *i);

#endif
