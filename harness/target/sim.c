/* SPDX-License-Identifier: MIT */
/*
 * The simulated target: a ringsim device in virtual time, and somebody in the handler's seat.
 */
#include "impl.h"

#include <stdio.h>

/* Effects of the device. */

static void on_event(void *ctx)
{
	struct target *t = ctx;

	if (t->proc.door)
		t->proc.door->event(t);
}

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct target_io *io = cmd->user;

	io->status = cmd->status;
	io->sense_valid = cmd->sense_valid;
	if (cmd->sense_valid)
		memcpy(io->sense, cmd->sense, sizeof(io->sense));
	else
		memset(io->sense, 0, sizeof(io->sense));
	io->residual = cmd->residual;
	io->data_in = cmd->data_in;
	io->outcome = cmd->outcome;
	io->id = cmd->id;
	target_ended(ctx, io);
}

static void on_tmr_done(void *ctx, struct ringsim_tmr *tmr)
{
	struct target *t = ctx;

	(void)tmr;
	t->tmr_done++;
}

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	struct target *t = ctx;

	target_log(t, "broken  %s: %s", v->clause, v->what);
	tc_violation(t->tc, v);
}

static const struct ringsim_ops ops = {
	.event = on_event,
	.complete = on_complete,
	.tmr_done = on_tmr_done,
	.violation = on_violation,
};

/* Life. */

#define DEVS (sizeof(((struct store_cache *)NULL)->devs) / sizeof(struct ringsim_device *))

void sim_drop_cache(struct store_cache *cache)
{
	uint32_t i;

	for (i = 0; i < DEVS; i++) {
		ringsim_device_destroy(cache->devs[i]);
		cache->devs[i] = NULL;
	}
}

/* A device of a case before, if there is one that can be made what this case wants. */
static bool take_cached(struct target *t)
{
	struct store_cache *cache = t->spec->cache;
	uint32_t i;

	/* the region's descriptor may be larger than another process expects */
	for (i = 0; cache && !t->is_process && i < DEVS; i++) {
		if (!cache->devs[i] || ringsim_device_renew(cache->devs[i], &t->opts.dev, &ops, t))
			continue;
		t->dev = cache->devs[i];
		cache->devs[i] = NULL;
		return true;
	}
	return false;
}

static int sim_make(struct target *t)
{
	char err[160];
	int rc = 0;

	if (!take_cached(t))
		rc = ringsim_device_create(&t->dev, &t->opts.dev, &ops, t, err, sizeof(err));
	if (rc) {
		tc_fail(t->tc, NULL, "cannot make the device: %s", err);
		return rc;
	}
	t->uio = (struct ringsim_uio){ .dev = t->dev };
	t->region = ringsim_region(t->dev);
	t->region_size = ringsim_layout(t->dev)->region_size;
	return 0;
}

static int sim_start_handler(struct target *t)
{
	if (t->seat)
		return ringsim_uio_open(&t->uio);
	return t->is_process ? process_start(t) : inproc_start(t);
}

static uint64_t size_of(const struct ringsim_device *dev)
{
	return dev ? ringsim_layout(dev)->region_size : 0;
}

/*
 * Another process may hold on to the region of its device for longer than it lives. Large devices
 * stay: they can be made small ones.
 */
static void put_device(struct target *t)
{
	struct store_cache *cache = t->spec->cache;
	uint32_t i, least = 0;

	if (!cache || t->is_process || ringsim_violations(t->dev)) {
		ringsim_device_destroy(t->dev);
		return;
	}
	for (i = 1; i < DEVS; i++)
		if (size_of(cache->devs[i]) < size_of(cache->devs[least]))
			least = i;
	ringsim_device_destroy(cache->devs[least]);
	cache->devs[least] = t->dev;
}

static void sim_stop(struct target *t)
{
	bool stuck = t->in.stuck;

	if (!t->dev)
		return;
	if (t->is_process)
		ringsim_sweep(t->dev);
	/* Removed first, so that closing drains nothing: waiting commands' storage may be gone. */
	ringsim_uio_unregister(&t->uio);
	process_stop(t);
	inproc_stop(t);
	if (!t->is_process) /* what a handler in this process did at its end counts, too */
		ringsim_sweep(t->dev);
	if (!stuck) /* else its store may write there yet */
		put_device(t);
	t->dev = NULL;
	t->region = NULL;
}

static size_t sim_describe(struct target *t, char *buf, size_t len)
{
	return t->dev ? ringsim_dump(t->dev, buf, len) : 0;
}

/* The initiator's side. */

static void sim_submit(struct target *t, struct target_io *io)
{
	io->sg = (struct iovec){ .iov_base = io->data, .iov_len = io->len };
	io->bidi_sg = (struct iovec){ .iov_base = io->bidi, .iov_len = io->bidi_len };
	/* not all of it: what the submission sets is a good part */
	io->cmd.cdb = io->cdb;
	io->cmd.cdb_room = sizeof(io->cdb);
	io->cmd.dir = io->dir;
	io->cmd.data_len = io->len;
	io->cmd.sg = &io->sg;
	io->cmd.sg_cnt = io->data && !io->no_sg;
	io->cmd.bidi_sg = &io->bidi_sg;
	io->cmd.bidi_cnt = io->bidi != NULL;
	io->cmd.aborted = false;
	io->cmd.user = io;
	io->cmd.state = RINGSIM_IDLE;
	io->cmd.tap = 0;
	ringsim_submit(t->dev, &io->cmd);
}

static int sim_wait(struct target *t, struct target_io *io)
{
	if (t->seat)
		return -ETIMEDOUT;
	return t->is_process ? process_run(t, io) : inproc_run(t, io);
}

static void sim_settle(struct target *t)
{
	if (!t->seat)
		sim_wait(t, NULL);
}

static void sim_settle_submits(struct target *t)
{
	(void)t; /* a command is on the ring when it has been submitted */
}

static void sim_advance(struct target *t, uint64_t ms)
{
	(void)ms;
	ringsim_advance(t->dev, t->now_ns);
}

static bool sim_tmr(struct target *t, uint8_t type, struct target_io **ios, uint32_t n)
{
	struct ringsim_tmr *tmr = &t->tmrs[t->tmr_next++ % TMRS];
	struct ringsim_cmd **cmds = tc_alloc(t->tc, (n + 1) * sizeof(*cmds));
	uint32_t i, done = t->tmr_done;

	for (i = 0; i < n; i++)
		cmds[i] = &ios[i]->cmd;
	*tmr = (struct ringsim_tmr){ .type = type };
	ringsim_tmr(t->dev, tmr, cmds, n);
	return t->tmr_done != done;
}

/* Root's side and the UIO node. */

static int sim_block_dev(struct target *t, bool block)
{
	ringsim_block(t->dev, block);
	return 0;
}

static int sim_reset_ring(struct target *t, unsigned int level)
{
	return ringsim_reset(t->dev, level);
}

static int sim_free_kept_buf(struct target *t, uint32_t id)
{
	return ringsim_free_kept(t->dev, id);
}

static int sim_qfull_time_out(struct target *t, int32_t seconds)
{
	return ringsim_set_qfull_time_out(t->dev, seconds);
}

static uint32_t sim_events(struct target *t)
{
	struct ringsim_stats st;

	ringsim_stats(t->dev, &st);
	return st.events;
}

static int sim_uio_open(struct target *t)
{
	return ringsim_uio_open(&t->uio);
}

static void sim_uio_close(struct target *t)
{
	ringsim_uio_close(&t->uio);
}

static ssize_t sim_uio_read(struct target *t, void *buf, size_t len)
{
	return ringsim_uio_read(&t->uio, buf, len);
}

static ssize_t sim_uio_write(struct target *t, const void *buf, size_t len)
{
	return ringsim_uio_write(&t->uio, buf, len);
}

static short sim_uio_poll(struct target *t)
{
	return ringsim_uio_poll(&t->uio);
}

/* The handler. */

static void sim_kill(struct target *t)
{
	if (t->is_process)
		process_kill(t);
	else
		inproc_kill(t);
}

static bool sim_attached(const struct target *t)
{
	return t->uio.is_open;
}

static void sim_plug(struct target *t, bool plug)
{
	if (plug)
		ringsim_plug(t->dev);
	else
		ringsim_unplug(t->dev);
}

static uint32_t sim_word(struct target *t, uint32_t off)
{
	(void)t;
	(void)off;
	return 0; /* the region is there to be read */
}

static pid_t sim_handler_pid(const struct target *t)
{
	return t->proc.door ? t->proc.door->holder(t) : 0;
}

const struct target_ops sim_ops = {
	.make = sim_make,
	.start_handler = sim_start_handler,
	.stop = sim_stop,
	.describe = sim_describe,
	.submit = sim_submit,
	.wait = sim_wait,
	.settle = sim_settle,
	.settle_submits = sim_settle_submits,
	.advance = sim_advance,
	.tmr = sim_tmr,
	.block_dev = sim_block_dev,
	.reset_ring = sim_reset_ring,
	.free_kept_buf = sim_free_kept_buf,
	.qfull_time_out = sim_qfull_time_out,
	.events = sim_events,
	.uio_open = sim_uio_open,
	.uio_close = sim_uio_close,
	.uio_read = sim_uio_read,
	.uio_write = sim_uio_write,
	.uio_poll = sim_uio_poll,
	.kill = sim_kill,
	.attached = sim_attached,
	.plug = sim_plug,
	.word = sim_word,
	.handler_pid = sim_handler_pid,
	.is_node = world_is_node,
	.hold_node = process_hold,
	.serial = world_serial,
};
