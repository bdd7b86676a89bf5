/* SPDX-License-Identifier: MIT */
/*
 * One program, carried out: here, where a handler in this process may do us harm, or apart, in a
 * child that is watched. And what came of it, if something was found.
 */
#ifndef HARNESS_FUZZ_TRIAL_H
#define HARNESS_FUZZ_TRIAL_H

#include "exec.h"
#include "generate.h"

#include "../cases/tc.h"

#include <sys/types.h>

/** enum finding_kind - what happened to the program that found it */
enum finding_kind { FINDING_NONE, FINDING_BROKEN, FINDING_CRASH, FINDING_HANG };

/**
 * struct finding - something that is wrong
 * @number:   of the program, counted from 0
 * @seed:     of the program
 * @clause:   that was broken; "" of crashes, hangs and what is no clause's
 * @advice:   only what a handler SHOULD do
 * @detail:   the end of the log and the ring; the owner's, may be NULL
 * @program:  what shows it; freed by finding_free()
 * @made:     it is what the generator makes of @seed; else it came from a corpus
 * @ops:      operations before it was shrunk
 * @alone:    it shows in a process of its own; else what went before has a part in it
 */
struct finding {
	enum finding_kind kind;
	uint64_t number, seed;
	char clause[16];
	char reason[512];
	char *detail;
	struct fuzz_program program;
	bool made, alone, advice;
	uint32_t ops;
};

/** finding_shape() - the same for findings that differ in numbers only. */
uint32_t finding_shape(const struct finding *f);
/** finding_same() - whether @b is what @a is: the same clause, or the same end. */
bool finding_same(const struct finding *a, const struct finding *b);
void finding_free(struct finding *f);

/** struct trial - where programs are carried out in this process; @x is the caller's */
struct trial {
	struct tc_stage *stage;
	struct fuzz_exec *x;
	unsigned int needs;
};

/** trial_open() - 0 or -ENOMEM. */
int trial_open(struct trial *t, const struct target_spec *spec, struct fuzz_exec *x);
void trial_close(struct trial *t);
/**
 * trial_run() - carry out @p
 * @f: filled in but for number, program and made; the caller frees its detail
 */
void trial_run(struct trial *t, const struct fuzz_program *p, uint64_t seed, struct finding *f);

/**
 * struct watch - on a child: is it stuck?
 * Time that it did not have on a processor counts little: the machine may be busy. Time that we did
 * not have one does not count at all.
 * @slowest_ns: processor time between two serials, at most
 */
struct watch {
	pid_t pid;
	uint64_t serial, cpu_ns, since_ms, seen_ms, slowest_ns;
};

/** struct watch_limits - for one program: processor time and real time, milliseconds */
struct watch_limits {
	uint32_t cpu_ms, wall_ms;
};

void watch_begin(struct watch *w, pid_t pid);
/** watch_stuck() - @serial has not changed for too long. */
bool watch_stuck(struct watch *w, uint64_t serial, const struct watch_limits *limits);
/** watch_limits_for() - what a program on such a handler may take. */
struct watch_limits watch_limits_for(const struct target_spec *spec);

/**
 * struct trial_plan - how programs are carried out apart
 * @say:  told what happens, see struct fuzz_exec; NULL
 * @stop: once it is set, shrinking ends with what it has; NULL: at its own end
 */
struct trial_plan {
	const struct target_spec *spec;
	unsigned int oracles;
	struct watch_limits limits;
	FILE *say;
	const volatile sig_atomic_t *stop;
};

/** trial_apart() - as trial_run() in a child; the detail, too. False: no child could be made. */
bool trial_apart(const struct trial_plan *plan, const struct fuzz_program *p, uint64_t seed,
		 struct finding *f);

/** fuzz_program_seed() - of program @number of the run with @seed. */
uint64_t fuzz_program_seed(uint64_t seed, uint64_t number);

#endif
