/* SPDX-License-Identifier: MIT */
/* A case's context from the runner's side; what cases see is case.h. */
#ifndef HARNESS_TC_H
#define HARNESS_TC_H

#include "../report/result.h"
#include "../target/impl.h"

/**
 * tc_run() - run one case against @spec and say how it ended
 * @seed:  the run's seed; the case's own is derived from it and the id
 * @out:   verdict, reason, detail, clause, time and seed are filled in; strings are the caller's
 */
void tc_run(const struct case_def *def, const struct target_spec *spec, uint64_t seed,
	    struct result *out);

#endif
