/* SPDX-License-Identifier: MIT */
/* The null handler of lanes that have it in the same process: GOOD to every command, no data. */
#ifndef BENCH_LANE_NULL_H
#define BENCH_LANE_NULL_H

#include "../harness/consumer/consumer.h"

/** struct lane_null - the handler; its consumer is whoever serves' own to attach and detach */
struct lane_null {
	struct consumer consumer;
	struct consumer_cmd *slots, **cmds;
	uint32_t depth;
};

/** lane_null_create() - for up to @depth commands at once; 0 or -ENOMEM. */
int lane_null_create(struct lane_null *h, uint32_t depth);
void lane_null_destroy(struct lane_null *h);
/** lane_null_serve() - answer what is on the ring, and ring once: how many commands. */
uint32_t lane_null_serve(struct lane_null *h);

#endif
