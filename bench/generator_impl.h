/* SPDX-License-Identifier: MIT */
/* What the files of the generator share. */
#ifndef BENCH_GENERATOR_IMPL_H
#define BENCH_GENERATOR_IMPL_H

#include "../harness/random.h"
#include "generator.h"

#include <stdio.h>
#include <time.h>

#define GENERATOR_GAPS 4096u

/**
 * struct generator
 * @free:  commands that are nowhere on their way
 * @slots: places of @w->bytes that the device has; @next: where a sequential one goes
 * @blocks: per command
 * @gaps:  between two planned times, of mean 1
 */
struct generator {
	struct lane *lane;
	const struct workload *w;
	struct generator_config cfg;
	uint8_t *buffers;
	uint64_t random, slots, next, blocks;
	uint32_t n_free;
	struct ringsim_cmd *free[LANE_DEPTH];
	struct lane_cmd cmds[LANE_DEPTH];
	double gaps[GENERATOR_GAPS];
};

/** generator_address() - make @c a command for place @slot. */
void generator_address(struct generator *g, struct lane_cmd *c, uint64_t slot, bool read);
/** generator_bad() - count one that did not end well. */
void generator_bad(const struct lane_cmd *c, struct generator_count *out);

#endif
