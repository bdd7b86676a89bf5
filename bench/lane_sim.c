/* SPDX-License-Identifier: MIT */
/*
 * Simulator, consumer and a null handler in one thread, without a system call.
 *
 * The handler answers every command with GOOD and touches no data; the simulator copies the
 * initiator's buffers into and out of the data area all the same, as a kernel does. poll() is the
 * handler's turn: it takes what is on the ring, answers it and rings once.
 */
#include "lane_device.h"
#include "lane_null.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim {
	struct lane_device device;
	struct lane_null handler;
	bool attached;
};

static void *sim_map(void *ctx, size_t len, off_t offset)
{
	(void)len;
	(void)offset;
	return ringsim_region(((struct sim *)ctx)->device.dev);
}

static void sim_unmap(void *ctx, void *region, size_t len)
{
	(void)ctx;
	(void)region;
	(void)len;
}

static ssize_t sim_read(void *ctx, void *buf, size_t len)
{
	return ringsim_uio_read(&((struct sim *)ctx)->device.uio, buf, len);
}

static ssize_t sim_write(void *ctx, const void *buf, size_t len)
{
	return ringsim_uio_write(&((struct sim *)ctx)->device.uio, buf, len);
}

static void sim_close(struct lane *l)
{
	struct sim *s = (struct sim *)l;

	if (s->attached)
		consumer_detach(&s->handler.consumer);
	lane_device_destroy(&s->device);
	lane_null_destroy(&s->handler);
	free(s);
}

static int attach(struct sim *s, char *err, size_t err_len)
{
	struct consumer_uio uio = { sim_map, sim_unmap, sim_read, sim_write, s };
	int rc = ringsim_uio_open(&s->device.uio);

	if (!rc)
		rc = consumer_attach(&s->handler.consumer, &uio,
				     ringsim_layout(s->device.dev)->region_size, NULL, false);
	if (rc)
		snprintf(err, err_len, "null handler: %s", strerror(-rc));
	s->attached = !rc;
	return rc;
}

static int sim_open(struct lane **out, const struct lane_config *cfg, char *err, size_t err_len)
{
	struct sim *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	*out = NULL;
	snprintf(err, err_len, "%s", strerror(ENOMEM));
	if (!s)
		return rc;
	s->device.lane.ops = &lane_sim;
	rc = lane_null_create(&s->handler, cfg->depth);
	if (!rc)
		rc = lane_device_create(&s->device, cfg, NULL, err, err_len);
	if (!rc)
		rc = attach(s, err, err_len);
	if (rc)
		sim_close(&s->device.lane);
	else
		*out = &s->device.lane;
	return rc;
}

static int sim_poll(struct lane *l, uint64_t now_ns, uint32_t wait_us)
{
	(void)now_ns; /* the handler is here: nothing expires */
	(void)wait_us;
	lane_null_serve(&((struct sim *)l)->handler);
	return 0;
}

static void sim_counters(struct lane *l, struct lane_counters *out)
{
	lane_device_counters(l, out);
	out->wakeups = UINT64_MAX; /* it never sleeps */
}

const struct lane_ops lane_sim = { sim_open, lane_device_submit, sim_poll, sim_counters,
				   sim_close };
