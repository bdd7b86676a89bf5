/* SPDX-License-Identifier: MIT */
/*
 * The generator: sends a workload's commands over a lane, in one thread, and takes the time.
 *
 * Closed loop: as soon as there is room the next ones are sent. Open loop: each command has a time
 * at which it is to be sent, drawn beforehand (exponential gaps, as of many who do not know of each
 * other), and its latency counts from that time, so that a lane that stalls cannot hide how long
 * others had to wait.
 *
 * The clock is read once a turn (what there is room for is sent, then what has come is taken), not
 * once a command. Where even that would be felt only one turn in 17 is timed.
 */
#ifndef BENCH_GENERATOR_H
#define BENCH_GENERATOR_H

#include "histogram.h"
#include "lane.h"
#include "workload.h"

#include <signal.h>

/** Sent later than this after its planned time, a command of an open loop counts as late. */
#define GENERATOR_LATE_NS 10000u

struct generator;

/**
 * struct generator_load - what to send now
 * @commands: end after so many; 0 = no limit
 * @ns:       end after so long; 0 = no limit
 * @rate:     open loop: commands per second; 0 = closed
 * @latency:  histogram to add to, or NULL
 * @stop:     end early, or NULL
 */
struct generator_load {
	uint64_t commands, ns;
	double rate;
	struct histogram *latency;
	const volatile sig_atomic_t *stop;
};

/**
 * struct generator_count - what came of it
 * @done:      ended, of these @failed not with GOOD and @timed_out by the device's timer
 * @lost:      sent, and not ended within the bound
 * @due:       open loop: commands whose time had come; @late: sent too late, or not at all
 * @ns:        wall time from the first to the last
 * @turns:     of the loop that sent or received something
 * @timed:     commands whose latency was taken
 * @status:    first status that was not GOOD, @outcome of it
 */
struct generator_count {
	uint64_t done, failed, timed_out, lost, due, late, ns, turns, timed;
	uint8_t status;
	enum ringsim_outcome outcome;
};

/**
 * struct generator_config
 * @size_bytes: of the device: commands go to its first so many bytes
 * @seed:       of addresses, of reads and writes, of planned times
 * @no_data:    commands have no buffers on the initiator's side: nothing is copied
 * @cheap:      the lane takes so little time that reading the clock each turn would be felt: one
 *              turn in 17 is timed
 * @sleeping:   the lane may sleep when it is polled
 */
struct generator_config {
	uint64_t size_bytes, seed;
	uint32_t block_size;
	bool no_data, cheap, sleeping;
};

/** generator_create() - for @w on @lane, which outlive it; NULL if out of memory. */
struct generator *generator_create(struct lane *lane, const struct workload *w,
				   const struct generator_config *cfg);
void generator_destroy(struct generator *g);

/**
 * generator_run() - send @load, and wait for what was sent
 * 0, or -errno if the lane broke down (lane.err says why); @out says in either case what came of
 * it. Bounded: nothing ending for 3 times LANE_TIME_OUT_S ends it, too.
 */
int generator_run(struct generator *g, const struct generator_load *load,
		  struct generator_count *out);

/**
 * generator_verify() - write a pattern to @n places spread over the device and read it back
 * What is read must be what was written. Returns 0, or -errno with one line in @err.
 */
int generator_verify(struct generator *g, uint32_t n, char *err, size_t err_len);

#endif
