/* SPDX-License-Identifier: MIT */
/* What an initiator does whatever the way to the target is; see initiator.h. */
#include "initiator_impl.h"

#include <errno.h>
#include <string.h>
#include <time.h>

uint64_t initiator_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int initiator_open(struct initiator **out, const char *url, const char *name, uint32_t timeout_ms,
		   char *err, size_t err_len)
{
	if (!strncmp(url, "probe:", 6))
		return initiator_probe_open(out, url, name, err, err_len);
	return initiator_iscsi_open(out, url, name, timeout_ms, err, err_len);
}

void initiator_close(struct initiator *in)
{
	bool idle;

	if (!in)
		return;
	idle = !in->outstanding;
	in->closing = true;
	while (in->cmds)
		in->ops->forget(in, in->cmds);
	in->ops->close(in, idle);
}

/* Commands. */

static bool within_limits(const struct initiator_limits *limits, const struct initiator_cmd *cmd)
{
	if (!cmd->cdb_len || cmd->cdb_len > limits->cdb_max || cmd->len > INT32_MAX)
		return false;
	if (cmd->dir == INITIATOR_BIDI && (!limits->all || !cmd->len || !cmd->bidi_len))
		return false;
	return limits->all || !cmd->segments;
}

int initiator_submit(struct initiator *in, struct initiator_cmd *cmd)
{
	int rc;

	if (in->lost)
		return -ENOTCONN;
	if (!within_limits(&in->ops->limits, cmd))
		return -EINVAL;
	cmd->end = INITIATOR_PENDING;
	cmd->status = 0;
	cmd->sense_len = cmd->data_in = 0;
	cmd->residual = 0;
	cmd->owner = in;
	cmd->scratch = NULL;
	cmd->start_us = initiator_now_us();
	rc = in->ops->submit(in, cmd);
	if (rc)
		return rc;
	cmd->next = in->cmds;
	in->cmds = cmd;
	in->outstanding++;
	return 0;
}

void initiator_ended(struct initiator *in, struct initiator_cmd *cmd, enum initiator_end end)
{
	struct initiator_cmd **p = &in->cmds;

	while (*p && *p != cmd)
		p = &(*p)->next;
	if (*p)
		*p = cmd->next;
	in->outstanding--;
	cmd->end = end;
	cmd->end_us = initiator_now_us();
	cmd->order = ++in->order;
	if (cmd->fn)
		cmd->fn(cmd);
}

void initiator_drop(struct initiator *in, struct initiator_cmd *cmd)
{
	bool closing = in->closing;

	if (cmd->end != INITIATOR_PENDING || cmd->owner != in)
		return;
	in->closing = true;
	in->ops->forget(in, cmd);
	in->closing = closing;
}

/* Work. */

int initiator_poll(struct initiator *in, uint32_t timeout_ms)
{
	return in->lost ? -ENOTCONN : in->ops->poll(in, timeout_ms);
}

int initiator_poll_until(struct initiator *in, const bool *flag, uint32_t timeout_ms)
{
	uint64_t end = initiator_now_us() + timeout_ms * 1000ull, now;

	while (!*flag) {
		now = initiator_now_us();
		if (now >= end)
			return -ETIMEDOUT;
		if (initiator_poll(in, (uint32_t)((end - now + 999) / 1000)))
			return *flag ? 0 : -ENOTCONN;
	}
	return 0;
}

int initiator_wait(struct initiator *in, struct initiator_cmd *cmd, uint32_t timeout_ms)
{
	uint64_t end = initiator_now_us() + timeout_ms * 1000ull, now;

	while (cmd->end == INITIATOR_PENDING) {
		now = initiator_now_us();
		if (now >= end)
			return -ETIMEDOUT;
		initiator_poll(in, (uint32_t)((end - now + 999) / 1000));
	}
	return 0;
}

int initiator_tmf(struct initiator *in, enum initiator_function function, struct initiator_cmd *cmd,
		  struct initiator_tmf *tmf)
{
	if (in->lost)
		return -ENOTCONN;
	*tmf = (struct initiator_tmf){ .start_us = initiator_now_us(), .response = -1 };
	return in->ops->tmf(in, function, cmd, tmf);
}

int initiator_wait_tmf(struct initiator *in, struct initiator_tmf *tmf, uint32_t timeout_ms)
{
	return initiator_poll_until(in, &tmf->done, timeout_ms);
}

int initiator_barrier(struct initiator *in, uint32_t timeout_ms)
{
	return in->ops->barrier(in, timeout_ms);
}

const struct initiator_limits *initiator_limits(const struct initiator *in)
{
	return &in->ops->limits;
}

uint32_t initiator_outstanding(const struct initiator *in)
{
	return in->outstanding;
}

bool initiator_alive(const struct initiator *in)
{
	return !in->lost;
}

int initiator_fd(struct initiator *in)
{
	return in->ops->fd(in);
}
