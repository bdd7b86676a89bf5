/* SPDX-License-Identifier: MIT */
/*
 * What the two sides of a lane used: processor time, context switches and, where this machine has
 * counters for them, instructions and cycles.
 *
 * The initiator's side is the calling thread, with the simulator in it. The handler's are the
 * parties that the lane names; what serves in the initiator's own thread cannot be told from it.
 */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include "lane.h"

/** struct meter_side - since the side began; @instructions, @cycles are 0 without counters */
struct meter_side {
	uint64_t cpu_ns, switches, instructions, cycles;
};

/** struct meter_reading - @parties: the handler has processes or threads of its own */
struct meter_reading {
	struct meter_side initiator, handler;
	bool parties, counters;
};

#define METER_COUNTERS 32u

/**
 * struct meter - open counters; zeroed, there are none
 * @fds: pairs of instructions and cycles; the first pair is the initiator's
 */
struct meter {
	int fds[2 * METER_COUNTERS];
	uint32_t n_fds;
};

/**
 * meter_open() - count for @lane from now on
 * Processor time and switches need nothing. Counters are opened for all threads that there are;
 * returns 0, or -errno with one line in @err: there are no counters, and everything else works.
 */
int meter_open(struct meter *m, const struct lane *lane, char *err, size_t err_len);
void meter_close(struct meter *m);
/** meter_read() - what was used until now. */
void meter_read(const struct meter *m, const struct lane *lane, struct meter_reading *out);
/** meter_less() - @a - @b, of every field. */
struct meter_side meter_less(struct meter_side a, struct meter_side b);

#endif
