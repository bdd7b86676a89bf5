/* SPDX-License-Identifier: MIT */
/* The recording handler's device: attaching, leaving, and the recovery actions in between. */
#include "clerk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SIZE  (64ull << 20)
#define DEFAULT_BLOCK 512u

static void drop_jobs(struct clerk *s)
{
	uint32_t i;

	for (i = 0; i < CLERK_TASKS_MAX; i++) {
		struct consumer_cmd *cmd = &s->jobs[i].task.cmd;

		if (s->jobs[i].used && cmd->iov != cmd->inline_iov)
			free(cmd->iov);
		s->jobs[i].used = false;
	}
	s->n_ready = s->n_used = 0;
}

int clerk_attach(struct clerk *s)
{
	struct consumer_uio uio;
	int rc;

	consumer_uio_fd(&uio, &s->fds);
	rc = consumer_attach(&s->c, &uio, s->dev.att.map0_len, NULL, s->cfg.in_order);
	if (rc)
		return clerk_fail(s, rc, "attach");
	s->attached = true;
	s->c.release = clerk_on_release;
	s->c.release_ctx = s;
	s->answer_off = s->c.tail;
	return 0;
}

int clerk_reset_ring(struct clerk *s)
{
	int rc = clerk_see_entries(s);

	if (rc)
		return rc;
	consumer_detach(&s->c);
	s->attached = false;
	rc = device_action(&s->dev, "reset_ring", s->want_reset);
	if (rc)
		return clerk_fail(s, rc, "reset_ring");
	s->want_reset = 0;
	s->want_broken = false;
	s->generation++;
	s->seen_off = 0;
	s->n_kept = 0;
	drop_jobs(s);
	return clerk_attach(s);
}

/* The node is closed and opened again: kept buffers are gone, all else goes on at cmd_tail. */
int clerk_restart(struct clerk *s)
{
	int rc;

	s->want_restart = false;
	consumer_detach(&s->c);
	s->attached = false;
	device_close_node(&s->dev);
	drop_jobs(s);
	s->n_kept = 0;
	rc = device_open(&s->dev, s->err, s->err_len);
	if (rc)
		return rc;
	s->fds = (struct consumer_fds){ s->dev.att.io_fd, s->dev.att.mem_fd };
	return clerk_attach(s);
}

int clerk_block(struct clerk *s, bool on)
{
	int rc = device_action(&s->dev, "block_dev", on);

	s->unblock_ms = on ? clerk_now_ms() + s->cfg.block_ms : 0;
	return rc ? clerk_fail(s, rc, "block_dev") : 0;
}

static int open_device(struct clerk *s)
{
	struct store_config store = { .depth = 128 };
	char spec[64];
	int rc;

	s->dev.uio = s->cfg.uio;
	rc = device_find(&s->dev, s->err, s->err_len);
	if (!rc)
		rc = device_open(&s->dev, s->err, s->err_len);
	if (rc)
		return rc;
	if (!s->dev.att.block_size)
		s->dev.att.block_size = DEFAULT_BLOCK;
	if (!s->dev.att.size_bytes)
		s->dev.att.size_bytes = DEFAULT_SIZE;
	snprintf(spec, sizeof(spec), "memory:%" PRIu64, s->dev.att.size_bytes);
	store.spec = spec;
	store.block_size = s->dev.att.block_size;
	rc = store_open(&s->store, &store, s->err, s->err_len);
	if (rc)
		return rc;
	scsi_lun_init(&s->lun, s->store, store.block_size, false, false, "record");
	s->lun.consumer = &s->c;
	s->lun.done = clerk_on_done;
	s->lun.owner = s;
	s->lun.alloc = malloc;
	s->fds = (struct consumer_fds){ s->dev.att.io_fd, s->dev.att.mem_fd };
	return 0;
}

struct clerk *clerk_open(const struct clerk_config *cfg, char *err, size_t err_len)
{
	struct clerk *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	*s = (struct clerk){
		.cfg = *cfg, .rng = cfg->seed * 2 + 1, .err = err, .err_len = err_len
	};
	s->jobs = calloc(CLERK_TASKS_MAX, sizeof(*s->jobs));
	s->ready = calloc(CLERK_TASKS_MAX, sizeof(*s->ready));
	s->kept = calloc(CLERK_TASKS_MAX + CLERK_KEPT_MAX, sizeof(*s->kept));
	rc = s->jobs && s->ready && s->kept ? open_device(s) : clerk_fail(s, -ENOMEM, "handler");
	if (!rc)
		rc = clerk_attach(s);
	if (!rc) {
		s->seen_off = s->c.tail;
		rc = trace_init(&s->log.seen, "seen", s->c.region, s->dev.att.map0_len, 0);
	}
	if (!rc)
		rc = trace_init(&s->log.answers, "answers", s->c.region, s->dev.att.map0_len, 0);
	if (rc) {
		clerk_close(s, NULL);
		return NULL;
	}
	return s;
}

void clerk_log_free(struct clerk_log *log)
{
	trace_free(&log->seen);
	trace_free(&log->answers);
}

bool clerk_desc_sense(const struct clerk *s)
{
	return s->dev.att.size_bytes / s->dev.att.block_size > 1ull << 32;
}

const char *clerk_configfs(const struct clerk *s)
{
	return s->dev.configfs;
}

void clerk_close(struct clerk *s, struct clerk_log *log)
{
	uint32_t zero = 0;

	if (s->attached) {
		/* One more look of the kernel's at the tail: where things stand in the end. */
		if (write(s->fds.io, &zero, sizeof(zero)) < 0)
			zero = 1;
		consumer_detach(&s->c);
	}
	drop_jobs(s);
	if (log)
		*log = s->log;
	else
		clerk_log_free(&s->log);
	device_close(&s->dev);
	if (s->store)
		store_close(s->store);
	free(s->jobs);
	free(s->ready);
	free(s->kept);
	free(s);
}
