/* SPDX-License-Identifier: MIT */
/*
 * The kernel target: life of a device, time, waiting, and the seat's UIO node. See kernel.h.
 */
#include "kernel.h"

#include <fcntl.h>
#include <poll.h>
#include <ringsim/shm.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEAT_MS	      1500 /* for an answer that the case has given to come back */
#define SEAT_SLOW_MS  8000 /* where the case is sure that there is an answer */
#define LATE_MS	      3500 /* a timeout's lateness, and a slow machine's */
#define QUIET_MS      30
#define SETTLE_MS     1500
#define START_MAX     (5u << 18)
#define ADVANCE_MAX   6000
#define REAL_TIME_OUT 2 /* seconds that 30 become */

/*
 * Capabilities cannot be taken away from a kernel. But a case that takes CAP_OOOC away so that the
 * handler goes on at the tail after a restart may have one of ours, which does so if told to.
 */
static bool in_order_will_do(const struct target *t)
{
	return t->opts.near && !t->spec->exec &&
	       t->opts.dev.flags == (0xf & ~TCMU_MAILBOX_FLAG_CAP_OOOC);
}

/* Whether a kernel has such a device; why not, if not. */
static const char *beyond_kernels(const struct target *t)
{
	const struct target_opts *o = &t->opts;
	const struct ringsim_config *dev = &o->dev;

	if (o->expect_no_attach || (dev->version && dev->version != TCMU_MAILBOX_VERSION))
		return "sim only: a mailbox of another version";
	if (dev->set_flags && dev->flags != 0xf && !in_order_will_do(t))
		return "sim only: a mailbox without some capabilities";
	if (dev->geo.cmdr_off || (dev->geo.page_size && dev->geo.page_size != 4096))
		return "sim only: a region of another layout";
	if ((!o->near || dev->start) && (dev->geo.cmdr_size || dev->geo.data_blocks))
		return "sim only: a ring or a data area of a size that no kernel makes";
	if (dev->start > START_MAX)
		return "sim only: on a kernel it takes too much traffic to get to that place";
	if (dev->pool || dev->first_event)
		return "sim only: a page budget or an event counter of its own";
	if (o->name && strncmp(o->name, "tcm-user/", 9))
		return "sim only: a name that no kernel gives";
	if (o->medium)
		return "sim only: a medium that fails";
	return NULL;
}

/* Region offset of the data area; a kernel makes no ring of more than 8 MiB (LAY-060). */
uint64_t kernel_ring_end(const struct target *t)
{
	uint32_t mb = t->opts.dev.geo.ring_mb;

	return (uint64_t)(mb && mb < 8 ? mb : 8) << 20;
}

static void choose_divisor(struct target *t)
{
	const struct ringsim_config *dev = &t->opts.dev;
	uint32_t d = (dev->cmd_time_out_s ? dev->cmd_time_out_s : 30) / REAL_TIME_OUT;

	if (dev->qfull_time_out_s > 0 && (uint32_t)dev->qfull_time_out_s < d)
		d = (uint32_t)dev->qfull_time_out_s;
	t->kernel->divisor = d && t->needs & NEEDS_TIME ? d : 1;
}

static int kernel_make(struct target *t)
{
	const char *why = beyond_kernels(t);
	struct kernel *k = t->kernel;
	char err[300];
	int rc;

	if (why) {
		tc_skip(t->tc, "%s", why);
		return -EOPNOTSUPP;
	}
	if (!k) {
		k = t->kernel = calloc(1, sizeof(*k));
		if (!k)
			return -ENOMEM;
		k->site = t->spec->site;
		k->fd = -1;
	}
	if (t->opts.near) {
		t->opts.dev.geo = (struct ringsim_geometry){
			.ring_mb = 1,
			.data_area_mb = 1,
			.pages_per_blk = t->opts.dev.geo.pages_per_blk,
		};
	}
	choose_divisor(t);
	rc = kernel_device_make(k, &t->opts, err, sizeof(err));
	if (rc) {
		tc_fail(t->tc, NULL, "%s", err);
		return rc;
	}
	t->region_size =
		kernel_ring_end(t) +
		((uint64_t)(t->opts.dev.geo.data_area_mb ? t->opts.dev.geo.data_area_mb : 1024)
		 << 20);
	return 0;
}

/* Life. */

/* The ring is brought to its place as a kernel's is: by traffic of entries of 120 and 128 bytes. */
static int go_to_start(struct target *t)
{
	uint32_t units = t->opts.dev.start / 8, n;
	struct target_io io[64];

	while (units && !t->tc->failed) {
		for (n = 0; n < 64 && units; n++) {
			if (units % 15)
				TARGET_IO(&io[n], RINGSIM_NONE, NULL, 0, 0x35, 0, 0, 0, 0, 0, 0, 0,
					  0, 0);
			else
				TARGET_IO(&io[n], RINGSIM_NONE, NULL, 0, 0, 0, 0, 0, 0, 0);
			units -= units % 15 ? 16 : 15;
			target_submit(t, &io[n]);
		}
		while (n--)
			if (target_wait(t, &io[n]))
				return -ETIMEDOUT;
	}
	if (seat_head(t) != t->opts.dev.start)
		tc_fail(t->tc, NULL, "the ring could not be brought to %u, found head %u",
			t->opts.dev.start, seat_head(t));
	return t->tc->failed ? -EPROTO : 0;
}

static int kernel_start(struct target *t)
{
	struct kernel *k = t->kernel;
	bool first = !k->linked;
	int rc;

	if (k->fd >= 0)
		kernel_close_node(t);
	rc = t->seat ? kernel_uio_open(t) : kernel_start_handler(t);
	if (rc)
		return rc;
	rc = kernel_device_export(k);
	if (rc) {
		tc_fail(t->tc, NULL, "cannot export %s: %s", k->name, strerror(-rc));
		return rc;
	}
	rc = kernel_login(t);
	if (!rc && first && !t->seat && t->opts.dev.start)
		rc = go_to_start(t);
	return rc;
}

static void kernel_stop(struct target *t)
{
	struct kernel *k = t->kernel;
	bool gone;

	if (!k)
		return;
	if (k->made && t->is_process)
		kernel_stop_handler(t);
	if (k->fd >= 0)
		kernel_close_node(t);
	t->region = NULL;
	/* the end of a session of the probe waits for its commands, which this ends */
	if (k->site->fabric == KERNEL_PROBE) {
		gone = kernel_device_remove(k);
		kernel_logout(k);
	} else {
		kernel_logout(k);
		gone = kernel_device_remove(k);
	}
	if (!gone)
		tc_fail(t->tc, "KRN-150",
			"the kernel does not let go of %s: block_dev=1 and reset_ring=2 have not "
			"ended all commands",
			k->dir);
	if (k->snapshot)
		munmap(k->snapshot, t->region_size);
	if (t->proc.output_fd > 0) {
		unlink(t->proc.store);
		process_drop_output(t);
	}
	free(k);
	t->kernel = NULL;
}

static size_t kernel_describe(struct target *t, char *buf, size_t len)
{
	struct kernel *k = t->kernel;

	if (!k || !k->made)
		return 0;
	return (size_t)snprintf(buf, len,
				"%s, uio%u: cmd_head %u, cmd_tail %u, %u commands outstanding, "
				"event %u\n",
				k->dir, k->uio, seat_head(t), seat_tail(t), kernel_outstanding(k),
				kernel_events(t));
}

/* Waiting. */

static bool handler_is_there(struct target *t)
{
	return !t->seat && t->kernel->mapper && !t->proc.frozen;
}

/* How long nothing may happen before an answer is not expected any more. */
static uint32_t patience(struct target *t)
{
	const struct ringsim_config *dev = &t->opts.dev;
	uint32_t ms = handler_is_there(t) ? t->spec->timeout_ms : SEAT_MS;

	if (t->seat)
		ms = SEAT_SLOW_MS;
	if (!handler_is_there(t) && t->now_ns)
		ms += dev->cmd_time_out_s * 1000 / t->kernel->divisor / 4 + LATE_MS;
	return ms;
}

/* A handler that died while it was asked something has failed the case. */
static bool handler_lives(struct target *t)
{
	char how[64] = "closed the device", words[200];

	if (!handler_is_there(t) || kernel_find_mapper(t->kernel))
		return true;
	process_dead(t, how, sizeof(how));
	process_words(t, words, sizeof(words));
	tc_fail(t->tc, "HND-061", "the handler %s while commands were waiting%s", how, words);
	return false;
}

static int kernel_wait(struct target *t, struct target_io *io)
{
	uint64_t last = kernel_now_ms(), order = t->order;

	if (t->tc->failed || t->tc->skipped)
		return -ETIMEDOUT;
	if (!handler_is_there(t))
		kernel_settle_submits(t);
	while (!io->done) {
		kernel_poll(t, 10);
		process_limit_output(t);
		if (order != t->order) {
			order = t->order;
			last = kernel_now_ms();
		}
		if (io->done)
			break;
		if (kernel_now_ms() - last > 200 && !handler_lives(t))
			return -ECHILD;
		if (t->tc->failed || kernel_now_ms() - last > patience(t))
			return -ETIMEDOUT;
	}
	return 0;
}

static void kernel_settle(struct target *t)
{
	uint64_t start = kernel_now_ms(), last = start, order = t->order, now = start;
	uint32_t tail = seat_tail(t), quiet = t->seat ? 5 : QUIET_MS;

	kernel_settle_submits(t);
	if (start - t->kernel->rang_ms < QUIET_MS)
		quiet = QUIET_MS; /* completions are on their way through a work queue */
	while (now - last < quiet ||
	       (handler_is_there(t) && seat_head(t) != seat_tail(t) && now - last < SETTLE_MS)) {
		kernel_poll(t, 2);
		now = kernel_now_ms();
		if (order != t->order || tail != seat_tail(t))
			last = now;
		order = t->order;
		tail = seat_tail(t);
		if (now - start > 10 * SETTLE_MS)
			break;
	}
}

static void kernel_advance(struct target *t, uint64_t ms)
{
	uint64_t end;

	kernel_settle_submits(t);
	if (t->needs & NEEDS_TIME) {
		ms = ms * 4 / 5 / t->kernel->divisor;
		ms = ms > ADVANCE_MAX ? ADVANCE_MAX : ms;
	}
	end = kernel_now_ms() + ms;
	do
		kernel_poll(t, 5);
	while (kernel_now_ms() < end);
}

/* Root's side. */

static int action(struct target *t, const char *file, uint32_t value)
{
	char text[16];
	int rc;

	kernel_settle_submits(t);
	snprintf(text, sizeof(text), "%u", value);
	rc = kernel_put(t->kernel->dir, file, text);
	t->kernel->rang_ms = kernel_now_ms();
	return rc;
}

static int kernel_block_dev(struct target *t, bool block)
{
	return action(t, "action/block_dev", block);
}

static int kernel_reset_ring(struct target *t, unsigned int level)
{
	return action(t, "action/reset_ring", level);
}

static int kernel_free_kept_buf(struct target *t, uint32_t id)
{
	return action(t, "action/free_kept_buf", id);
}

static int kernel_qfull_time_out(struct target *t, int32_t seconds)
{
	char text[16];

	if (seconds > 0)
		seconds = (seconds + (int32_t)t->kernel->divisor - 1) / (int32_t)t->kernel->divisor;
	snprintf(text, sizeof(text), "%d", seconds);
	return kernel_put(t->kernel->dir, "attrib/qfull_time_out", text);
}

/* The handler. */

static void kernel_kill(struct target *t)
{
	if (t->seat) {
		kernel_uio_close(t);
		return;
	}
	kernel_settle_submits(t);
	kernel_stop_handler(t);
}

static bool kernel_attached(const struct target *t)
{
	return t->seat ? t->kernel->fd >= 0 : t->kernel->mapper != 0;
}

static void kernel_plug(struct target *t, bool plug)
{
	if (plug) {
		target_freeze(t);
		return;
	}
	kernel_settle_submits(t);
	target_thaw(t);
}

/* Before the ring is looked at. While no handler lives, the case may sit in its seat. */
static void kernel_look(struct target *t)
{
	struct kernel *k = t->kernel;

	if (!k || !k->made)
		return;
	kernel_settle_submits(t);
	if (!t->seat && !k->mapper && k->fd < 0 && k->linked)
		kernel_uio_open(t);
	kernel_refresh(t);
}

static void kernel_serial(const struct target *t, char *buf, size_t len)
{
	kernel_unit_serial(t->kernel, buf, len);
}

const struct target_ops kernel_ops = {
	.make = kernel_make,
	.start_handler = kernel_start,
	.stop = kernel_stop,
	.describe = kernel_describe,
	.submit = kernel_submit,
	.wait = kernel_wait,
	.settle = kernel_settle,
	.settle_submits = kernel_look,
	.advance = kernel_advance,
	.tmr = kernel_tmr,
	.await_tmrs = kernel_await_tmrs,
	.block_dev = kernel_block_dev,
	.reset_ring = kernel_reset_ring,
	.free_kept_buf = kernel_free_kept_buf,
	.qfull_time_out = kernel_qfull_time_out,
	.events = kernel_events,
	.uio_open = kernel_uio_open,
	.uio_close = kernel_uio_close,
	.uio_read = kernel_uio_read,
	.uio_write = kernel_uio_write,
	.uio_poll = kernel_uio_poll,
	.kill = kernel_kill,
	.attached = kernel_attached,
	.plug = kernel_plug,
	.word = kernel_peek,
	.handler_pid = kernel_handler_pid,
	.is_node = kernel_is_node,
	.hold_node = kernel_hold_node,
	.serial = kernel_serial,
};
