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

/**
 * struct tc_stage - where one case after the other is played with little ado: the target and the
 * memory stay. For bodies that are no rows of the registry, such as fuzz programs.
 */
struct tc_stage;
/** tc_stage_new() - @id: what messages call the bodies; kept by reference. NULL: no memory. */
struct tc_stage *tc_stage_new(const struct target_spec *spec, const char *id);
void tc_stage_free(struct tc_stage *s);
/**
 * tc_stage_run() - run @body as the body of a case with @needs, whose seed is @seed
 * @out: zeroed before; verdict, reason, detail, clause and seed are filled in; of a pass there are
 * no strings, otherwise they are the caller's; the level is SHOULD if tc_advise() was all
 */
void tc_stage_run(struct tc_stage *s, unsigned int needs, uint64_t seed,
		  void (*body)(struct tc *tc, void *ctx), void *ctx, struct result *out);

#endif
