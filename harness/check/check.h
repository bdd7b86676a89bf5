/* SPDX-License-Identifier: MIT */
/* The command line of `tcmu-harness check`, read. */
#ifndef HARNESS_CHECK_H
#define HARNESS_CHECK_H

#include "../clauses/clause.h"
#include "subject.h"

#include <stdbool.h>
#include <stdint.h>

#define KERNEL_TIMEOUT_MS 10000 /* it may be an emulated machine */

/** struct options - see the help text; NULL, 0 and false where nothing was said */
struct options {
	struct subject_options who;
	const char *mutants, *clause, *cases, *junit, *json, *baseline, *initiator;
	enum clause_level level;
	uint64_t seed, repeat;
	bool tap, verbose, kernel, probe;
};

/**
 * check_options() - fill in *@o, which holds the defaults
 * Returns -1 to go on, or the exit status after help or a complaint.
 */
int check_options(struct options *o, int argc, char **argv);

#endif
