/* SPDX-License-Identifier: MIT */
/* The command line of `tcmu-harness check`, read. */
#ifndef HARNESS_CHECK_H
#define HARNESS_CHECK_H

#include "../../ringsim/world/world.h"
#include "../clauses/clause.h"

#include <stdbool.h>
#include <stdint.h>

#define TIMEOUT_MS	  2000
#define WORLD_TIMEOUT_MS  1000	/* a handler that leaves commands unanswered leaves many */
#define KERNEL_TIMEOUT_MS 10000 /* it may be an emulated machine */

/** struct options - see the help text; NULL, 0 and false where nothing was said */
struct options {
	const char *handlers, *mutant, *mutants, *exec, *clause, *cases, *junit, *json, *baseline;
	const char *config, *overlook;
	enum world_mechanism mechanism;
	enum clause_level level;
	uint64_t seed, repeat, timeout_ms;
	bool tap, verbose, persistent, kernel, uio, daemon, mechanism_said;
};

/**
 * check_options() - fill in *@o, which holds the defaults
 * Returns -1 to go on, or the exit status after help or a complaint.
 */
int check_options(struct options *o, int argc, char **argv);

/** check_default_timeout() - of --timeout-ms, which depends on the others. */
uint64_t check_default_timeout(const struct options *o);

/** check_mechanism_name() - as --mechanism spells it. */
const char *check_mechanism_name(enum world_mechanism m);

#endif
