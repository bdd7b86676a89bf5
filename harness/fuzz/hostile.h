/* SPDX-License-Identifier: MIT */
/*
 * Hostile handlers against the simulator (DIS-12, TRP-01, TRP-02).
 *
 * Any store anywhere in the region at any moment, between calls, inside them right before any
 * access that the simulator makes, and from a second thread all the time; any doorbell, read,
 * mapping, open and close; and meanwhile everything that initiators and root do. No call may crash,
 * hang or touch a byte outside, work is bounded, and what it did to what it read is what the
 * contract says.
 */
#ifndef HARNESS_FUZZ_HOSTILE_H
#define HARNESS_FUZZ_HOSTILE_H

#include "program.h"

#include <signal.h>

/**
 * struct hostile_tally - what was done
 * @stores: by operations of programs; of those @inside: in the middle of a call
 * @racing: by a second thread; an estimate from below until its program ends
 * @looks:  accesses of the simulator to a region; @answers: that it believed; @checked: walks
 *          foretold from the region's bytes; @broken: times that a ring became BROKEN
 */
struct hostile_tally {
	uint64_t programs, ops, calls, commands, ended, stores, inside, racing, looks;
	uint64_t answers, checked, broken, twice;
};

/**
 * struct hostile_run - one program, once
 * @p:        the program; with @choose it is empty but has room for @ops operations
 * @choose:   each operation is chosen by @seed as the program goes, and added to @p
 * @sanitize: with the ring sanitizer
 * @race:     with a second thread, whose stores are from @seed, too
 * @digest:   result: of region, statistics and completions
 * @what:     result: what is wrong, empty if nothing is
 */
struct hostile_run {
	struct fuzz_program *p;
	uint64_t seed;
	uint32_t ops;
	bool choose, sanitize, race;
	struct hostile_tally tally;
	uint64_t digest;
	char what[256];
};

/** hostile_run() - 0 (look at @what) or -errno. A crash is a crash: call it in a process to spare.
 */
int hostile_run(struct hostile_run *r);

/**
 * struct fuzz_hostile_opts - what to do and for how long
 * @seed:     of the first program; the others follow
 * @stores:   of programs to reach, those of second threads not counted; @programs: or so many;
 *            @time_ms: or so many milliseconds, whichever is first; 0 = no such end
 * @jobs:     processes
 * @save:     directory for the program of a finding; NULL: it is printed
 * @shrink:   make that as short as possible
 * @stop:     end soon once this is set
 */
struct fuzz_hostile_opts {
	uint64_t seed, stores, programs, time_ms;
	uint32_t jobs;
	const char *save;
	bool shrink;
	const volatile sig_atomic_t *stop;
};

/** fuzz_hostile() - run programs, print what was done; an exit status (0, 1, 2). */
int fuzz_hostile(const struct fuzz_hostile_opts *opt);
/** fuzz_hostile_program() - play one program in all ways, print the verdict; an exit status. */
int fuzz_hostile_program(const struct fuzz_program *p);

#endif
