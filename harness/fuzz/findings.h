/* SPDX-License-Identifier: MIT */
/*
 * What a run found: each thing once, shrunk, saved, told with what replays it.
 *
 * A saved program is text with a header of comments:
 *
 *	# clause: HND-013
 *	# why: ...
 *	# seed: 0x1234                    of the patterns and poison in its run
 *	# handler: --handler memory       options that say who broke it
 */
#ifndef HARNESS_FUZZ_FINDINGS_H
#define HARNESS_FUZZ_FINDINGS_H

#include "trial.h"

#define FINDINGS_MAX 1000

/**
 * struct findings - zero what is not needed
 * @plan:   how a finding is tried again
 * @who:    options that say which handler this is; @profile: as --profile has it
 * @seed:   of the run
 * @save:   directory for programs, or NULL
 * @shrink: make them short first
 * @out:    where they are told, or NULL
 * @v:      @n of them, without their details; @times: how often each was seen
 */
struct findings {
	struct trial_plan plan;
	const char *who, *profile, *save;
	uint64_t seed;
	bool shrink;
	FILE *out;
	struct finding *v;
	uint64_t *times;
	char **files;
	size_t n;
};

/** findings_take() - @f, which is ours from now on. 0 or -ENOMEM, -ENOSPC: too many. */
int findings_take(struct findings *fs, struct finding *f);
void findings_free(struct findings *fs);

/**
 * finding_shrink() - make f->program as short as possible within @ms; sets f->alone
 * What is known of the shorter program replaces f->reason and f->detail.
 */
void finding_shrink(struct finding *f, const struct trial_plan *plan, uint32_t ms);

/** struct fuzz_header - of a saved program; "" and 1 where it says nothing */
struct fuzz_header {
	char clause[16], why[512], handler[256], mutant[96];
	uint64_t seed;
};

void fuzz_header_read(struct fuzz_header *h, const char *text, size_t len);
/** fuzz_header_write() - what is not "". */
void fuzz_header_write(const struct fuzz_header *h, FILE *f);

#endif
