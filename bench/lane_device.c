/* SPDX-License-Identifier: MIT */
/* What lanes with a simulated device have in common; see lane_device.h. */
#include "lane_device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MIB	    (1u << 20)
#define RING_MB_MAX 8u
#define DATA_MB_MAX 1024u
/* How late a timer may be: far less than the shortest time-out. */
#define TICK_NS	    1000000ull
#define LOOK_EVERY  16u

static void on_complete(void *ctx, struct ringsim_cmd *const *cmds, uint32_t n)
{
	struct lane *l = ctx;

	if (n == 1)
		l->ended[l->n_ended] = cmds[0];
	else
		memcpy(&l->ended[l->n_ended], cmds, n * sizeof(cmds[0]));
	l->n_ended += n;
}

static uint32_t between(uint64_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : (uint32_t)value;
}

int lane_device_create(struct lane_device *d, const struct lane_config *cfg,
		       void (*event)(void *ctx), char *err, size_t err_len)
{
	uint64_t entry = ringsim_entry_len(cfg->bytes / 4096 + 2, 16);
	int rc;

	d->config = (struct ringsim_config){
		.geo = { .ring_mb = between(2 * cfg->depth * entry / MIB + 1, 1, RING_MB_MAX),
			 .data_area_mb = between(2ull * cfg->depth * cfg->bytes / MIB, 16,
						 DATA_MB_MAX) },
		.cmd_time_out_s = LANE_TIME_OUT_S,
		.qfull_time_out_s = -1,
		.sanitize = cfg->sanitize,
	};
	d->ops = (struct ringsim_ops){ .event = event, .complete_all = on_complete };
	rc = ringsim_device_create(&d->dev, &d->config, &d->ops, d, err, err_len);
	if (rc)
		return rc;
	d->uio.dev = d->dev;
	d->time_ns = lane_clock();
	ringsim_advance(d->dev, d->time_ns);
	return 0;
}

void lane_device_destroy(struct lane_device *d)
{
	if (d->dev)
		ringsim_device_destroy(d->dev);
	d->dev = NULL;
}

static void look_at_ring(struct lane_device *d)
{
	struct ringsim_stats st;
	uint32_t size = ringsim_layout(d->dev)->cmdr_size, used;

	ringsim_stats(d->dev, &st);
	used = st.head >= st.reclaim ? st.head - st.reclaim : st.head + size - st.reclaim;
	if (used > d->ring_high)
		d->ring_high = used;
}

void lane_device_submit(struct lane *l, struct ringsim_cmd *const *cmds, uint32_t n,
			uint64_t now_ns)
{
	struct lane_device *d = (struct lane_device *)l;

	lane_device_time(d, now_ns);
	ringsim_submit_all(d->dev, cmds, n);
	if (d->batches++ % LOOK_EVERY == 0)
		look_at_ring(d);
}

void lane_device_time(struct lane_device *d, uint64_t now_ns)
{
	if (now_ns < d->time_ns + TICK_NS)
		return;
	d->time_ns = now_ns;
	ringsim_advance(d->dev, now_ns);
}

void lane_device_counters(struct lane *l, struct lane_counters *out)
{
	struct lane_device *d = (struct lane_device *)l;
	struct ringsim_stats st;

	ringsim_stats(d->dev, &st);
	*out = (struct lane_counters){ .events = st.events,
				       .wakeups = d->uio.reads,
				       .doorbells = d->uio.doorbells,
				       .queue_full = st.qfull,
				       .ring_high = d->ring_high,
				       .data_high = st.peak_blocks };
}

int lane_device_await(struct lane_device *d, struct lane_cmd *probe, const struct lane_host *host,
		      uint64_t end_ns)
{
	const struct ringsim_cmd command = probe->cmd;
	struct ringsim_cmd *cmd = &probe->cmd;
	struct lane *l = &d->lane;
	bool answered = true, good = false;

	while (answered && !good && !host->gone(l) && lane_clock() < end_ns) {
		*cmd = command;
		l->n_ended = 0;
		lane_device_submit(l, &cmd, 1, lane_clock());
		while (!l->n_ended && !host->gone(l) && lane_clock() < end_ns) {
			lane_device_time(d, lane_clock());
			host->serve(l);
		}
		answered = l->n_ended;
		good = answered && cmd->outcome == RINGSIM_ANSWERED && !cmd->status;
		if (answered && !good)
			host->serve(l);
	}
	l->n_ended = 0;
	if (good)
		return 0;
	return host->gone(l) ? -ECHILD : answered ? -EIO : -ETIMEDOUT;
}
