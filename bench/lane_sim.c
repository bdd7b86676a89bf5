/* SPDX-License-Identifier: MIT */
/*
 * Simulator, consumer and a null handler in one thread, without a system call.
 *
 * The handler answers every command with GOOD and touches no data; the simulator copies the
 * initiator's buffers into and out of the data area all the same, as a kernel does. poll() is the
 * handler's turn: it takes what is on the ring, answers it and rings once.
 */
#include "../harness/consumer/consumer.h"
#include "lane.h"

#include <ringsim/uio.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim {
	struct lane lane;
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	struct consumer consumer;
	struct consumer_cmd *slots;
	uint32_t depth;
	bool attached;
};

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	lane_end(ctx, (struct lane_cmd *)cmd);
}

static void *sim_map(void *ctx, size_t len, off_t offset)
{
	(void)len;
	(void)offset;
	return ringsim_region(((struct sim *)ctx)->dev);
}

static void sim_unmap(void *ctx, void *region, size_t len)
{
	(void)ctx;
	(void)region;
	(void)len;
}

static ssize_t sim_read(void *ctx, void *buf, size_t len)
{
	return ringsim_uio_read(&((struct sim *)ctx)->uio, buf, len);
}

static ssize_t sim_write(void *ctx, const void *buf, size_t len)
{
	return ringsim_uio_write(&((struct sim *)ctx)->uio, buf, len);
}

static void sim_close(struct lane *l)
{
	struct sim *s = (struct sim *)l;

	if (s->attached)
		consumer_detach(&s->consumer);
	if (s->dev)
		ringsim_device_destroy(s->dev);
	free(s->slots);
	free(s);
}

static int sim_open(struct lane **out, const struct lane_config *cfg, char *err, size_t err_len)
{
	static const struct ringsim_ops ops = { .complete = on_complete };
	struct ringsim_config dev = { .geo = { .ring_mb = 1 },
				      .cmd_time_out_s = 30,
				      .qfull_time_out_s = -1,
				      .sanitize = cfg->sanitize };
	struct sim *s = calloc(1, sizeof(*s));
	struct consumer_uio uio = { sim_map, sim_unmap, sim_read, sim_write, s };
	int rc = -ENOMEM;

	*out = NULL;
	snprintf(err, err_len, "%s", strerror(ENOMEM));
	if (!s)
		return rc;
	s->lane.ops = &lane_sim;
	s->depth = cfg->depth;
	s->slots = calloc(cfg->depth, sizeof(*s->slots));
	if (s->slots)
		rc = ringsim_device_create(&s->dev, &dev, &ops, s, err, err_len);
	s->uio.dev = s->dev;
	if (!rc)
		rc = ringsim_uio_open(&s->uio);
	if (!rc)
		rc = consumer_attach(&s->consumer, &uio, ringsim_layout(s->dev)->region_size, NULL,
				     false);
	s->attached = !rc;
	if (rc)
		sim_close(&s->lane);
	else
		*out = &s->lane;
	return rc;
}

static void sim_submit(struct lane *l, struct lane_cmd *const *cmds, uint32_t n, uint64_t now_ns)
{
	struct sim *s = (struct sim *)l;
	uint32_t i;

	ringsim_set_time(s->dev, now_ns, 0);
	ringsim_plug(s->dev);
	for (i = 0; i < n; i++)
		ringsim_submit(s->dev, &cmds[i]->cmd);
	ringsim_unplug(s->dev);
}

static int sim_poll(struct lane *l, uint64_t now_ns, uint32_t wait_us)
{
	struct sim *s = (struct sim *)l;
	uint32_t i, n = 0;

	(void)now_ns; /* the handler is here: nothing expires */
	(void)wait_us;
	while (n < s->depth && consumer_fetch(&s->consumer, &s->slots[n]) == CONSUMER_CMD)
		n++;
	for (i = 0; i < n; i++)
		consumer_complete(&s->consumer, &s->slots[i]);
	consumer_flush(&s->consumer);
	return 0;
}

static void sim_counters(struct lane *l, struct lane_counters *out)
{
	struct sim *s = (struct sim *)l;
	struct ringsim_stats st;

	ringsim_stats(s->dev, &st);
	*out = (struct lane_counters){ .events = st.events,
				       .wakeups = UINT64_MAX, /* it is never asleep */
				       .doorbells = s->uio.doorbells,
				       .queue_full = st.qfull,
				       .ring_high = UINT64_MAX,
				       .data_high = st.peak_blocks };
}

const struct lane_ops lane_sim = { sim_open, sim_submit, sim_poll, sim_counters, sim_close };
