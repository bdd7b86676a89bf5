/* SPDX-License-Identifier: MIT */
/*
 * The raw initiator over the probe fabric, /dev/tcmu_probe; see initiator.h and harness/probe.
 *
 * What is submitted has arrived when the call returns. A command that was dropped still ends in the
 * kernel, and its data are delivered with its end: so they go to memory that stays until then.
 */
#include "initiator_impl.h"

#include "../probe/tcmu_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NAMES 1000 /* to try */

/* What the kernel has: a command, or a function; neither if it was dropped. */
struct job {
	struct job *next;
	uint64_t tag;
	struct initiator_cmd *cmd;
	struct initiator_tmf *tmf;
	uint8_t *data;
};

struct probe_initiator {
	struct initiator base;
	struct job *jobs;
	uint64_t last_tag;
	int fd;
};

static struct probe_initiator *self(struct initiator *in)
{
	return (struct probe_initiator *)in;
}

/* Jobs. */

static struct job *add_job(struct probe_initiator *p, uint64_t data_len)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->data = data_len ? calloc(1, data_len) : NULL;
	if (data_len && !job->data) {
		free(job);
		return NULL;
	}
	job->tag = ++p->last_tag;
	job->next = p->jobs;
	p->jobs = job;
	return job;
}

static struct job *find_job(struct probe_initiator *p, const struct initiator_cmd *cmd)
{
	struct job *job = p->jobs;

	while (job && job->cmd != cmd)
		job = job->next;
	return job;
}

/* The one of that tag, out of the list. */
static struct job *take_job(struct probe_initiator *p, uint64_t tag)
{
	struct job **at = &p->jobs, *job;

	while (*at && (*at)->tag != tag)
		at = &(*at)->next;
	job = *at;
	if (job)
		*at = job->next;
	return job;
}

static void free_job(struct job *job)
{
	free(job->data);
	free(job);
}

/* Commands. */

/* Where data come in: NULL, 0 if nowhere. */
static void *into(const struct initiator_cmd *cmd)
{
	return cmd->dir == INITIATOR_BIDI ? cmd->bidi : cmd->dir == INITIATOR_IN ? cmd->data : NULL;
}

/* How much; with segments @data is as long as they are. */
static uint32_t room(const struct initiator_cmd *cmd)
{
	uint32_t i, n = 0;

	if (cmd->dir == INITIATOR_BIDI)
		return cmd->bidi_len;
	if (cmd->dir != INITIATOR_IN || !cmd->n_segments)
		return cmd->dir == INITIATOR_IN ? cmd->len : 0;
	for (i = 0; i < cmd->n_segments; i++)
		n += cmd->segments[i];
	return n;
}

/* Memory of the job's: what comes in, or zeros to send. */
static uint32_t own_data(const struct initiator_cmd *cmd)
{
	if (cmd->dir == INITIATOR_BIDI)
		return cmd->bidi_len + (cmd->data ? 0 : cmd->len);
	return cmd->dir == INITIATOR_IN || !cmd->data ? cmd->len : 0;
}

static int submit(struct initiator *in, struct initiator_cmd *cmd)
{
	static const uint8_t directions[] = { TCMU_PROBE_NONE, TCMU_PROBE_OUT, TCMU_PROBE_IN,
					      TCMU_PROBE_BIDI };
	struct probe_initiator *p = self(in);
	struct job *job = add_job(p, own_data(cmd));
	struct tcmu_probe_command command = {
		.length = cmd->len,
		.direction = directions[cmd->dir],
		.cdb_length = cmd->cdb_len,
		.segments = (uintptr_t)cmd->segments,
		.n_segments = cmd->n_segments,
	};
	int rc;

	if (!job)
		return -ENOMEM;
	command.tag = job->tag;
	command.data = (uintptr_t)(cmd->dir != INITIATOR_IN && cmd->data ? cmd->data : job->data);
	if (cmd->dir == INITIATOR_BIDI) {
		command.bidi = (uintptr_t)job->data;
		command.bidi_length = cmd->bidi_len;
		if (!cmd->data)
			command.data = (uintptr_t)(job->data + cmd->bidi_len);
	}
	if (into(cmd))
		memcpy(job->data, into(cmd), room(cmd));
	memcpy(command.cdb, cmd->cdb, cmd->cdb_len);
	job->cmd = cmd;
	if (!ioctl(p->fd, TCMU_PROBE_SUBMIT, &command))
		return 0;
	rc = -errno;
	free_job(take_job(p, job->tag));
	return rc == -ESHUTDOWN ? -ENOTCONN : rc;
}

static void command_ended(struct initiator *in, const struct job *job,
			  const struct tcmu_probe_event *e)
{
	struct initiator_cmd *cmd = job->cmd;

	cmd->status = e->status;
	cmd->sense_len = e->sense_length < sizeof(e->sense) ? e->sense_length : sizeof(e->sense);
	memcpy(cmd->sense, e->sense, cmd->sense_len);
	cmd->residual = e->residual;
	cmd->data_in = e->data_in < room(cmd) ? e->data_in : room(cmd);
	if (into(cmd) && cmd->data_in)
		memcpy(into(cmd), job->data, cmd->data_in);
	initiator_ended(in, cmd,
			e->kind == TCMU_PROBE_ANSWERED ? INITIATOR_STATUS : INITIATOR_ABORTED);
}

static void forget(struct initiator *in, struct initiator_cmd *cmd)
{
	struct job *job = find_job(self(in), cmd);

	if (job)
		job->cmd = NULL;
	initiator_ended(in, cmd, INITIATOR_GONE);
}

/* Task management. */

static int manage(struct initiator *in, enum initiator_function function, struct initiator_cmd *cmd,
		  struct initiator_tmf *tmf)
{
	struct probe_initiator *p = self(in);
	struct job *task = cmd ? find_job(p, cmd) : NULL, *job = add_job(p, 0);
	struct tcmu_probe_manage request = { .function = function };
	int rc;

	if (!job)
		return -ENOMEM;
	job->tmf = tmf;
	request.tag = job->tag;
	request.task = task ? task->tag : UINT64_MAX;
	if (!ioctl(p->fd, TCMU_PROBE_MANAGE, &request))
		return 0;
	rc = -errno;
	free_job(take_job(p, job->tag));
	return rc == -ESHUTDOWN ? -ENOTCONN : rc;
}

static void function_ended(struct initiator_tmf *tmf, const struct tcmu_probe_event *e)
{
	static const int responses[] = { 255, 0, 1, 2, 5, 255 };

	tmf->end_us = initiator_now_us();
	if (e->kind == TCMU_PROBE_MANAGED)
		tmf->response = responses[e->status < 6 ? e->status : 0];
	tmf->done = true;
}

/* Work. */

/* The session was ended: what is still outstanding in the kernel is nobody's. */
static void lose(struct initiator *in)
{
	struct probe_initiator *p = self(in);
	struct job *job;

	in->lost = true;
	while ((job = p->jobs)) {
		p->jobs = job->next;
		if (job->cmd)
			initiator_ended(in, job->cmd, INITIATOR_LOST);
		if (job->tmf)
			job->tmf->done = true;
		free_job(job);
	}
}

static int work(struct initiator *in, uint32_t timeout_ms)
{
	struct probe_initiator *p = self(in);
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	struct tcmu_probe_event e;
	struct job *job;
	ssize_t n = 0;

	if (poll(&pfd, 1, (int)timeout_ms) <= 0)
		return 0;
	while ((n = read(p->fd, &e, sizeof(e))) == sizeof(e)) {
		job = take_job(p, e.tag);
		if (!job)
			continue;
		if (job->cmd)
			command_ended(in, job, &e);
		if (job->tmf)
			function_ended(job->tmf, &e);
		free_job(job);
	}
	if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		lose(in);
	return in->lost ? -ENOTCONN : 0;
}

/* Nothing is on its way. */
static int barrier(struct initiator *in, uint32_t timeout_ms)
{
	(void)timeout_ms;
	return in->lost ? -ENOTCONN : 0;
}

static int fd(struct initiator *in)
{
	return self(in)->fd;
}

/* Life. */

static void log_out(struct initiator *in, bool idle)
{
	struct probe_initiator *p = self(in);
	struct job *job;

	(void)idle;
	close(p->fd);
	while ((job = p->jobs)) {
		p->jobs = job->next;
		free_job(job);
	}
	free(p);
}

static const struct initiator_ops ops = {
	.limits = { .cdb_max = TCMU_PROBE_CDB, .window = TCMU_PROBE_COMMANDS - 256, .all = true },
	.submit = submit,
	.forget = forget,
	.poll = work,
	.tmf = manage,
	.barrier = barrier,
	.close = log_out,
	.fd = fd,
};

static bool parse(const char *url, struct tcmu_probe_bind *bind)
{
	unsigned long long lun;
	unsigned int tag;
	int end = -1;

	if (sscanf(url, "probe:%20[^/]/%u/%llu%n", bind->target, &tag, &lun, &end) != 3 ||
	    end < 0 || url[end] || tag > UINT16_MAX)
		return false;
	bind->tag = (uint16_t)tag;
	bind->lun = lun;
	return true;
}

/* 0 or -errno. Without a name: as the first of which nobody is logged in. */
static int log_in(int fd, struct tcmu_probe_bind *bind, const char *name)
{
	uint64_t first = initiator_now_us();
	int i, rc = -EEXIST;

	for (i = 0; i < (name ? 1 : NAMES) && rc == -EEXIST; i++) {
		if (name)
			snprintf(bind->initiator, sizeof(bind->initiator), "%s", name);
		else
			snprintf(bind->initiator, sizeof(bind->initiator), "naa.5001405%09llx",
				 (unsigned long long)(first + (uint64_t)i) & 0xfffffffffull);
		rc = ioctl(fd, TCMU_PROBE_BIND, bind) ? -errno : 0;
	}
	return rc;
}

int initiator_probe_open(struct initiator **out, const char *url, const char *name, char *err,
			 size_t err_len)
{
	struct probe_initiator *p = calloc(1, sizeof(*p));
	struct tcmu_probe_bind bind = { 0 };
	int rc = -ENOMEM;

	snprintf(err, err_len, "out of memory");
	if (!p)
		return rc;
	p->base.ops = &ops;
	rc = -EINVAL;
	p->fd = -1;
	if (!parse(url, &bind)) {
		snprintf(err, err_len, "expected probe:TARGET/TPGT/LUN, found '%s'", url);
		goto fail;
	}
	p->fd = open(TCMU_PROBE_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (p->fd < 0) {
		rc = -errno;
		snprintf(err, err_len, TCMU_PROBE_DEVICE ": %s", strerror(errno));
		goto fail;
	}
	rc = log_in(p->fd, &bind, name);
	if (!rc) {
		*out = &p->base;
		return 0;
	}
	snprintf(err, err_len, "cannot log in to %s as %s: %s", bind.target, bind.initiator,
		 strerror(-rc));
fail:
	if (p->fd >= 0)
		close(p->fd);
	free(p);
	return rc;
}
