/* SPDX-License-Identifier: MIT */
/*
 * One measurement: one workload on one layer, once.
 *
 * Each is made in a process of its own, in which the lane is opened, warmed up, measured and closed
 * again: what a handler, a simulator or a world does there is gone with it, and while one is
 * measured nothing else of the benchmark runs.
 */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include "histogram.h"
#include "layers.h"
#include "result.h"
#include "workload.h"

#include <signal.h>

/**
 * struct row_job - what is to be measured
 * @dir:        private directory
 * @store:      file for layers that want one
 * @program:    handler of the user's, or NULL; @config: it is an unmodified one, in a world, and
 * its device is configured for that
 * @size_bytes: of the device; @block_size: of its blocks
 * @ns:         how long to measure; warming up takes at most half of it
 * @rate:       open loop: commands per second; 0 = closed, whatever the workload says
 * @commands:   exactly so many, without warming up; 0 = @ns counts
 * @cpus:       of initiator and handler, -1: anywhere
 * @verify:     write and read back first, where a handler serves
 */
struct row_job {
	const struct layer *layer;
	const struct workload *workload;
	const char *dir, *store, *program, *config;
	uint64_t size_bytes, seed, ns, commands;
	uint32_t block_size;
	double rate;
	int cpus[2];
	bool verify;
};

/** enum row_end - @ROW_ABSENT: the layer is not to be had on this machine; @ROW_STOPPED: by @stop
 */
enum row_end { ROW_DONE, ROW_FAILED, ROW_ABSENT, ROW_STOPPED };

/**
 * struct row_sample - what came of it
 * @why:      one line unless @end is ROW_DONE; what a failed one has measured is still valid where
 *            it is finite
 * @counters: one line: why there are none; empty if there are
 * @value:    NAN where nothing was measured
 * @timed:    latencies in @latency
 */
struct row_sample {
	enum row_end end;
	char why[256], counters[128];
	double value[METRICS];
	uint64_t timed;
	struct histogram latency;
};

/** row_measure() - in this process: the caller gives it up afterwards. */
void row_measure(const struct row_job *job, struct row_sample *out);
/** row_run() - row_measure() in a child that is ended when it takes too long or @stop is set. */
void row_run(const struct row_job *job, const volatile sig_atomic_t *stop, struct row_sample *out);

#endif
