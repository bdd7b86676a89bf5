/* SPDX-License-Identifier: MIT */
/*
 * What lanes with a simulated device have in common: the device and its UIO node, submission in
 * batches, time, counters.
 */
#ifndef BENCH_LANE_DEVICE_H
#define BENCH_LANE_DEVICE_H

#include "lane.h"

#include <ringsim/uio.h>

/** A command that a handler keeps for longer is one of METRIC_TIMED_OUT. */
#define LANE_TIME_OUT_S 5u

/**
 * struct lane_device - a lane's own struct begins with it; zero it
 * @config:    the device as made, for whoever shows it in a world
 * @time_ns:   when the device was told the time; @batches, @ring_high: see lane_device_counters()
 */
struct lane_device {
	struct lane lane;
	struct ringsim_config config;
	struct ringsim_ops ops;
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	uint64_t time_ns, batches, ring_high;
};

/**
 * lane_device_create() - make the device, large enough for @cfg
 * @event: the lane's own ops.event, with the lane as @ctx; NULL if nobody is to be woken
 * Ring and data area hold twice what can be on its way, at least 1 and 16 MiB, at most what a
 * kernel makes by itself (8 MiB and 1 GiB). 0 or -errno with one line in @err.
 */
int lane_device_create(struct lane_device *d, const struct lane_config *cfg,
		       void (*event)(void *ctx), char *err, size_t err_len);
/** lane_device_destroy() - what create made, if it did; the struct stays the caller's. */
void lane_device_destroy(struct lane_device *d);
/** lane_device_submit() - lane_ops.submit of such a lane. */
void lane_device_submit(struct lane *l, struct ringsim_cmd *const *cmds, uint32_t n,
			uint64_t now_ns);
/** lane_device_time() - let timers run, now and then: to be called by every poll. */
void lane_device_time(struct lane_device *d, uint64_t now_ns);
/**
 * struct lane_host - who serves the simulated side while the handler comes up
 * @serve: for a few ms, less if something happens
 * @gone:  whether the handler is; then lane.err says how
 */
struct lane_host {
	void (*serve)(void *lane);
	bool (*gone)(void *lane);
};

/**
 * lane_device_await() - send @probe until it ends with GOOD: then the handler serves
 * @probe: its command is complete; it may be on its way until the device goes
 * Who has attached may still be busy with what it finds, even reset the ring, and say so to every
 * command. Returns 0, -ECHILD if the handler is gone, -ETIMEDOUT if it did not answer until @end_ns
 * (of lane_clock()), -EIO if it did, but never well.
 */
int lane_device_await(struct lane_device *d, struct lane_cmd *probe, const struct lane_host *host,
		      uint64_t end_ns);
/** lane_device_counters() - lane_ops.counters of such a lane. ring_high is looked at every 16th
 * batch. */
void lane_device_counters(struct lane *l, struct lane_counters *out);

#endif
