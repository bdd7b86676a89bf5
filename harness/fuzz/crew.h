/* SPDX-License-Identifier: MIT */
/*
 * Workers that carry out programs, thousands of them in one process each.
 *
 * A worker says which program it is at in memory that it shares with us, so that we know which one
 * it died of or hangs in; then another worker goes on behind it. What it finds comes through a
 * pipe. Program k of a run is the same whoever carries it out, unless a corpus grows meanwhile.
 */
#ifndef HARNESS_FUZZ_CREW_H
#define HARNESS_FUZZ_CREW_H

#include "corpus.h"
#include "trial.h"

#define CREW_MAX 256

/**
 * struct crew - what is to be done; zero what is not needed
 * @seed:      of the run
 * @shard:     0 to @shards - 1: of the programs of the run every @shards-th is ours
 * @runs:      how many programs; 0: until @end_ms (of child_now_ms())
 * @repeats:   tell of each finding, though a worker had one of that shape before
 * @corpus:    run first, then changed; NULL: none
 * @spare:     children that are not ours to end
 * @found:     takes what it is given; false: stop
 * @novel:     a program that did something new to one worker
 * @tick:      now and then, with @stats up to date
 * @stats:     all that was done
 */
struct crew {
	const struct target_spec *spec;
	struct fuzz_limits limits;
	struct watch_limits watch;
	unsigned int oracles, jobs;
	uint64_t seed;
	uint32_t shard, shards;
	uint64_t runs, end_ms;
	bool repeats;
	const struct corpus *corpus;
	const volatile sig_atomic_t *stop;
	const char *spare;
	bool (*found)(void *ctx, struct finding *f);
	void (*novel)(void *ctx, const struct fuzz_program *p, const struct features *features);
	void (*tick)(void *ctx);
	void *ctx;
	struct fuzz_stats stats;
};

/** crew_run() - 0, -EINTR if stopped by a signal, or -errno if there can be no workers. */
int crew_run(struct crew *c);

/** fuzz_stats_add() - @sum += @more */
void fuzz_stats_add(struct fuzz_stats *sum, const struct fuzz_stats *more);

/* Between the crew and its workers. */

#define SLOT_OPS 4096

/**
 * struct slot - what a worker shares; read as if it were hostile
 * @serial: moves with each program; @at: how many it has begun, this one included
 * @made:   the program is what the generator makes of the seed; else it is copied here
 */
struct slot {
	volatile uint64_t serial, at;
	volatile bool made;
	struct fuzz_exec x;
	struct fuzz_setup setup;
	uint32_t cnt;
	struct fuzz_op ops[SLOT_OPS];
};

/** enum crew_word - what a worker has to say */
enum crew_word { CREW_FOUND = 0x464f554e, CREW_NOVEL = 0x4e4f5645 };

/** struct crew_frame - followed by the detail and by the program's operations */
struct crew_frame {
	uint32_t word, made, advice;
	uint64_t number;
	char clause[16], reason[512];
	struct features features;
	struct fuzz_setup setup;
	uint32_t detail_len, cnt;
};

/** crew_number() - of the @at-th program (from 0) of worker @who. */
uint64_t crew_number(const struct crew *c, unsigned int who, uint64_t at);
/** crew_done() - whether there is no such program. */
bool crew_done(const struct crew *c, unsigned int who, uint64_t at);
/** worker_run() - be worker @who, beginning with its program @from. Does not return. */
void worker_run(const struct crew *c, struct slot *s, unsigned int who, uint64_t from, int fd)
	__attribute__((noreturn));

#endif
