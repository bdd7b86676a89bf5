/* SPDX-License-Identifier: MIT */
/*
 * A program over the attach protocol (tcmu-attach(7)): tcmu-handler with one of its stores, or any
 * handler that the user names.
 *
 * Event and doorbell are messages between two processes. A polling initiator looks at cmd_tail
 * itself and takes the doorbells off the socket now and then; a sleeping one waits for them.
 */
#include "../harness/consumer/attach.h"
#include "lane_device.h"
#include "lane_program.h"

#include <ringsim/attach.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START_MS      10000
/* A polling initiator takes doorbells off the socket every so many looks. */
#define SERVICE_EVERY 64u

struct attached {
	struct lane_device device;
	struct lane_program program;
	struct ringsim_attach *attach;
	bool sleeping;
	uint32_t looks;
	struct lane_cmd probe; /* here, as it may be on its way until the device goes */
};

static void on_event(void *ctx)
{
	ringsim_attach_event(((struct attached *)ctx)->attach);
}

static bool gone(void *lane)
{
	struct attached *a = lane;

	return !a->device.uio.is_open &&
	       lane_program_gone(&a->program, a->device.lane.err, sizeof(a->device.lane.err));
}

static void service(struct attached *a, uint32_t us)
{
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000 };
	struct pollfd fds[RINGSIM_ATTACH_FDS];

	if (ppoll(fds, ringsim_attach_pollfds(a->attach, fds), &ts, NULL) > 0)
		ringsim_attach_service(a->attach);
}

static void serve_a_while(void *ctx)
{
	service(ctx, 5000);
}

static void attached_close(struct lane *l)
{
	struct attached *a = (struct attached *)l;

	lane_program_end(&a->program, serve_a_while, a);
	ringsim_attach_destroy(a->attach);
	lane_device_destroy(&a->device);
	free(a);
}

static int await(struct attached *a, uint64_t end)
{
	static const struct lane_host host = { serve_a_while, gone };
	struct lane *l = &a->device.lane;
	int rc;

	while (!a->device.uio.is_open && lane_clock() < end) {
		if (lane_program_gone(&a->program, l->err, sizeof(l->err)))
			return -ECHILD;
		service(a, 10000);
	}
	if (!a->device.uio.is_open) {
		snprintf(l->err, sizeof(l->err), "the handler did not attach within %d s",
			 START_MS / 1000);
		return -ETIMEDOUT;
	}
	/* TEST UNIT READY */
	a->probe.cmd = (struct ringsim_cmd){ .cdb = a->probe.cdb,
					     .cdb_room = sizeof(a->probe.cdb) };
	rc = lane_device_await(&a->device, &a->probe, &host, end);
	if (rc && rc != -ECHILD)
		snprintf(l->err, sizeof(l->err), "the handler was not ready within %d s",
			 START_MS / 1000);
	return rc;
}

static int listen_on(struct attached *a, const struct lane_config *cfg, char *path, size_t len,
		     char *err, size_t err_len)
{
	struct ringsim_attach_info info = { .name = "tcm-user/0/disk/any/x",
					    .size_bytes = cfg->size_bytes,
					    .block_size = cfg->block_size };

	snprintf(path, len, "%s/attach.sock", cfg->dir);
	return ringsim_attach_create(&a->attach, &a->device.uio, path, &info, err, err_len);
}

static int attached_open(struct lane **out, const struct lane_config *cfg, char *err,
			 size_t err_len)
{
	struct attached *a = calloc(1, sizeof(*a));
	char path[128], cmd[1024];
	int rc;

	*out = NULL;
	if (!a) {
		snprintf(err, err_len, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	a->device.lane.ops = &lane_attach;
	a->sleeping = cfg->sleeping;
	rc = lane_program_command(cfg, "", cmd, sizeof(cmd), err, err_len);
	if (!rc)
		rc = lane_device_create(&a->device, cfg, on_event, err, err_len);
	if (!rc)
		rc = listen_on(a, cfg, path, sizeof(path), err, err_len);
	if (!rc)
		rc = lane_program_start(&a->program, cfg, cmd, TCMU_ATTACH_ENV, path, err, err_len);
	if (!rc) {
		rc = await(a, lane_clock() + START_MS * 1000000ull);
		if (rc)
			snprintf(err, err_len, "%s", a->device.lane.err);
	}
	if (rc) {
		attached_close(&a->device.lane);
		return rc;
	}
	a->device.lane.parties[0] = (struct lane_party){ ringsim_attach_pid(a->attach), 0 };
	a->device.lane.n_parties = 1;
	*out = &a->device.lane;
	return 0;
}

static int attached_poll(struct lane *l, uint64_t now_ns, uint32_t wait_us)
{
	struct attached *a = (struct attached *)l;

	lane_device_time(&a->device, now_ns);
	if (a->sleeping) {
		service(a, wait_us);
	} else {
		ringsim_poll_tail(a->device.dev);
		if (++a->looks % SERVICE_EVERY == 0)
			service(a, 0);
	}
	return a->device.uio.is_open || !gone(a) ? 0 : -EPIPE;
}

const struct lane_ops lane_attach = { attached_open, lane_device_submit, attached_poll,
				      lane_device_counters, attached_close };
