/* SPDX-License-Identifier: MIT */
/*
 * Running cases where they can do no harm: in a worker process, one after the other.
 *
 * A handler may crash, hang or corrupt memory; then the worker dies or is killed at the case's time
 * limit, the case has failed with that reason, and a new worker goes on with the next case.
 */
#ifndef HARNESS_RUN_H
#define HARNESS_RUN_H

#include "../cases/tc.h"

#include <signal.h>

/**
 * struct case_filter - what the command line says about cases; NULL = no such filter
 * @cases, @clause: comma-separated globs
 * @probe: runs before all others, without being in the registry; may be named in @cases
 */
struct case_filter {
	const char *cases, *clause;
	enum clause_level level;
	const struct case_def *probe;
};

/**
 * select_cases() - allocate the list of cases that @f leaves, in order
 * Returns 0, or an exit status after complaining. Either way the caller frees *@out.
 */
int select_cases(const struct case_filter *f, const struct case_def ***out, size_t *n);

/**
 * struct run_plan - what to run
 * @cases:      @n pointers into the registry, in order
 * @limit_ms:   wall time that one case may take
 * @stop:       set by a signal handler: finish quickly; may be NULL
 * @spare:      children that are not ours to end; filled in by run_cases()
 * @on_result:  called for each; takes ownership of @r's strings; false = stop here
 */
struct run_plan {
	const struct target_spec *spec;
	const struct case_def **cases;
	size_t n;
	uint64_t seed;
	uint32_t limit_ms;
	const volatile sig_atomic_t *stop;
	const char *spare;
	bool (*on_result)(void *ctx, const struct case_def *def, struct result *r);
	void *ctx;
};

/** run_cases() - 0, -EINTR if stopped by a signal, or -errno if no worker can be made. */
int run_cases(const struct run_plan *plan);

#endif
