/* SPDX-License-Identifier: MIT */
/* The table of layers; see layers.h. */
#include "layers.h"

#include <string.h>

static const struct layer layers[] = {
	{ .name = "floor",
	  .below = "",
	  .adds = "the benchmark itself: commands end at once",
	  .ops = &lane_floor,
	  .waits = LAYER_POLLS,
	  .no_data = true,
	  .cheap = true },
	{ .name = "ring",
	  .below = "floor",
	  .adds = "a bare ring of 128-byte entries between two threads, both polling",
	  .ops = &lane_ring,
	  .waits = LAYER_POLLS,
	  .no_data = true,
	  .cheap = true,
	  .two = true },
	{ .name = "sim",
	  .below = "floor",
	  .adds = "simulator, consumer and a null handler in one thread",
	  .ops = &lane_sim,
	  .waits = LAYER_POLLS,
	  .no_data = true,
	  .cheap = true },
	{ .name = "data",
	  .below = "sim",
	  .adds = "the initiator's buffers: data is copied to and from the data area",
	  .ops = &lane_sim,
	  .waits = LAYER_POLLS,
	  .cheap = true },
	{ .name = "sanitizer",
	  .below = "data",
	  .adds = "the sanitizer, which watches the whole region",
	  .ops = &lane_sim,
	  .waits = LAYER_POLLS,
	  .cheap = true,
	  .sanitize = true },
	{ .name = "threads",
	  .below = "data",
	  .adds = "a thread for the handler, both polling",
	  .ops = &lane_threads,
	  .waits = LAYER_POLLS,
	  .cheap = true,
	  .two = true },
	{ .name = "sleeping",
	  .below = "threads",
	  .adds = "sleep: event and doorbell are system calls",
	  .ops = &lane_threads,
	  .waits = LAYER_SLEEPS,
	  .two = true },
	{ .name = "process",
	  .below = "sleeping",
	  .adds = "a process for the handler: tcmu-handler, null store, attach protocol",
	  .ops = &lane_attach,
	  .engine = "null" },
	{ .name = "memory",
	  .below = "process",
	  .adds = "data: a store in memory",
	  .ops = &lane_attach,
	  .engine = "memory",
	  .serves = true },
	{ .name = "psync",
	  .below = "memory",
	  .adds = "a file, by pread and pwrite",
	  .ops = &lane_attach,
	  .engine = "psync",
	  .serves = true,
	  .file = true },
	{ .name = "libaio",
	  .below = "memory",
	  .adds = "a file, by libaio",
	  .ops = &lane_attach,
	  .engine = "libaio",
	  .serves = true,
	  .file = true },
	{ .name = "io_uring",
	  .below = "memory",
	  .adds = "a file, by io_uring",
	  .ops = &lane_attach,
	  .engine = "io_uring",
	  .serves = true,
	  .file = true },
	{ .name = "world",
	  .below = "memory",
	  .adds = "a world around tcmu-handler, started as its users start it",
	  .ops = &lane_world,
	  .engine = "memory",
	  .serves = true },
	{ .name = "program",
	  .below = "process",
	  .adds = "the handler given with --exec instead of tcmu-handler",
	  .ops = &lane_attach,
	  .serves = true,
	  .program = true },
};

const struct layer *layer_at(uint32_t i)
{
	return i < sizeof(layers) / sizeof(layers[0]) ? &layers[i] : NULL;
}

const struct layer *layer_find(const char *name)
{
	const struct layer *l;
	uint32_t i;

	for (i = 0; (l = layer_at(i)); i++)
		if (!strcmp(l->name, name))
			return l;
	return NULL;
}
