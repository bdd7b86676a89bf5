/* SPDX-License-Identifier: MIT */
/* What the files of the verb share. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "layers.h"
#include "result.h"
#include "workload.h"

#include <signal.h>
#include <stdio.h>

#define BENCH_ROWS_MAX	    512u
#define BENCH_WORKLOADS_MAX 64u

/**
 * struct bench_options - what was asked for
 * @layers:    patterns, comma-separated; NULL = all
 * @history:   what @html shows beside the result; NULL = nothing
 * @exec:      handler of the layer "program"; @config: in a world, its device configured for that
 * @store_dir: where the file of handlers with files is made
 * @cpus:      of initiator and handler; -1: anywhere
 */
struct bench_options {
	const char *layers, *json, *html, *history, *exec, *config, *store_dir;
	struct workload workloads[BENCH_WORKLOADS_MAX];
	uint32_t n_workloads;
	uint64_t seed, size_bytes, ns, repeats, commands;
	bool instructions, calls, list;
	int cpus[2];
};

/** bench_options() - 0, or the exit status after complaining; 0 and @help: it was asked for. */
int bench_options(struct bench_options *o, int argc, char **argv, bool *help);
/** bench_cpus() - choose two CPUs that we may use, -1 and false if there is only one. */
bool bench_cpus(int cpus[2]);

/**
 * struct bench_row - a row to be measured
 * @row:  in the result, once there is a value
 * @rate: of an open loop, once it is known
 */
struct bench_row {
	const struct layer *layer;
	const struct workload *workload;
	struct result_row *row;
	double rate;
	bool out;
};

/**
 * struct bench - a run
 * @store:    the file of handlers with files, in @store_home, a directory of its own
 * @counters: why there are no hardware counters; empty if there are
 */
struct bench {
	struct bench_options o;
	const volatile sig_atomic_t *stop;
	FILE *text;
	char *dir, *store_home, *store;
	struct result *result;
	struct bench_row rows[BENCH_ROWS_MAX];
	uint32_t n_rows;
	bool failed;
	char counters[128];
};

/** bench_run() - measure everything; the exit status. */
int bench_run(struct bench *b);
/** bench_exact() - `bench exact LAYER WORKLOAD COMMANDS`; the exit status. */
int bench_exact(struct bench *b);
/** bench_exact_rows() - count what can be counted exactly, for all rows. */
void bench_exact_rows(struct bench *b);
/** bench_text() - the report for people. */
void bench_text(const struct bench *b);

#endif
