/* SPDX-License-Identifier: MIT */
/* The raw initiator over libiscsi; see initiator.h. */
#include "initiator.h"

#include <errno.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME	  "iqn.2026-01.org.tcmu-harness:initiator"
#define LOGOUT_MS 1000

/* A request whose end somebody waits for. */
struct waiter {
	bool done, abandoned;
	int status;
};

struct initiator {
	struct iscsi_context *iscsi;
	struct initiator_cmd *cmds;
	int lun;
	uint32_t outstanding;
	uint64_t order;
	bool lost, closing;
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Commands. */

static void unlink_cmd(struct initiator *in, struct initiator_cmd *cmd)
{
	struct initiator_cmd **p = &in->cmds;

	while (*p && *p != cmd)
		p = &(*p)->next;
	if (*p)
		*p = cmd->next;
	in->outstanding--;
}

static void take_sense(struct initiator_cmd *cmd, const struct scsi_task *task)
{
	/* libiscsi leaves the whole data segment here: the length first, in two bytes */
	const uint8_t *data = task->datain.data;
	int have = task->datain.size - 2, said;

	if (!data || have <= 0)
		return;
	said = data[0] << 8 | data[1];
	have = said < have ? said : have;
	cmd->sense_len = have < INITIATOR_SENSE_MAX ? (uint32_t)have : INITIATOR_SENSE_MAX;
	memcpy(cmd->sense, data + 2, cmd->sense_len);
}

static void on_command(struct iscsi_context *iscsi, int status, void *command_data, void *ctx)
{
	struct initiator_cmd *cmd = ctx;
	struct initiator *in = cmd->owner;
	struct scsi_task *task = cmd->task;

	(void)iscsi;
	(void)command_data; /* absent when cancelled */
	unlink_cmd(in, cmd);
	cmd->end_us = now_us();
	cmd->order = ++in->order;
	cmd->task = NULL;
	if (status >= 0 && status <= 0xff) {
		cmd->end = INITIATOR_STATUS;
		cmd->status = (uint8_t)status;
		if (status == SCSI_STATUS_CHECK_CONDITION)
			take_sense(cmd, task);
		if (task->residual_status == SCSI_RESIDUAL_UNDERFLOW)
			cmd->residual = (int64_t)task->residual;
		else if (task->residual_status == SCSI_RESIDUAL_OVERFLOW)
			cmd->residual = -(int64_t)task->residual;
	} else {
		cmd->end = in->closing ? INITIATOR_GONE : INITIATOR_LOST;
		in->lost |= !in->closing;
	}
	scsi_free_scsi_task(task);
	free(cmd->scratch);
	cmd->scratch = NULL;
	if (cmd->fn)
		cmd->fn(cmd);
}

int initiator_submit(struct initiator *in, struct initiator_cmd *cmd)
{
	static const int dirs[] = { SCSI_XFER_NONE, SCSI_XFER_WRITE, SCSI_XFER_READ };
	struct iscsi_data data = { .size = cmd->len, .data = cmd->data };

	if (in->lost)
		return -ENOTCONN;
	if (!cmd->cdb_len || cmd->cdb_len > INITIATOR_CDB_MAX || cmd->len > INT32_MAX)
		return -EINVAL;
	cmd->end = INITIATOR_PENDING;
	cmd->status = 0;
	cmd->sense_len = 0;
	cmd->residual = 0;
	cmd->owner = in;
	cmd->scratch = NULL;
	if (cmd->len && !cmd->data && !(cmd->scratch = calloc(1, cmd->len)))
		return -ENOMEM;
	if (cmd->scratch)
		data.data = cmd->scratch;
	cmd->task = scsi_create_task(cmd->cdb_len, cmd->cdb, cmd->len ? dirs[cmd->dir] : 0,
				     (int)cmd->len);
	if (!cmd->task)
		goto fail;
	cmd->task->xfer_dir = cmd->len ? dirs[cmd->dir] : SCSI_XFER_NONE;
	if (cmd->len && cmd->dir == INITIATOR_IN &&
	    scsi_task_add_data_in_buffer(cmd->task, (int)cmd->len, data.data))
		goto fail;
	cmd->start_us = now_us();
	if (iscsi_scsi_command_async(in->iscsi, in->lun, cmd->task, on_command,
				     cmd->len && cmd->dir == INITIATOR_OUT ? &data : NULL, cmd))
		goto fail;
	cmd->next = in->cmds;
	in->cmds = cmd;
	in->outstanding++;
	return 0;
fail:
	if (cmd->task)
		scsi_free_scsi_task(cmd->task);
	cmd->task = NULL;
	free(cmd->scratch);
	cmd->scratch = NULL;
	return -ENOMEM;
}

void initiator_drop(struct initiator *in, struct initiator_cmd *cmd)
{
	bool closing = in->closing;

	if (cmd->end != INITIATOR_PENDING || cmd->owner != in)
		return;
	in->closing = true;
	/* while it is being sent it is on no list of libiscsi's: then the connection has to go */
	if (iscsi_scsi_cancel_task(in->iscsi, cmd->task))
		iscsi_scsi_cancel_all_tasks(in->iscsi);
	in->closing = closing;
}

/* Work. */

int initiator_poll(struct initiator *in, uint32_t timeout_ms)
{
	struct pollfd pfd = { .fd = iscsi_get_fd(in->iscsi),
			      .events = (short)(iscsi_which_events(in->iscsi) | POLLRDHUP) };

	if (in->lost)
		return -ENOTCONN;
	if (poll(&pfd, 1, (int)timeout_ms) < 0)
		return 0; /* interrupted: the caller's bound goes on */
	if (iscsi_service(in->iscsi, pfd.revents & ~POLLRDHUP) < 0 ||
	    pfd.revents & (POLLRDHUP | POLLERR | POLLHUP | POLLNVAL)) {
		in->lost = true;
		iscsi_scsi_cancel_all_tasks(in->iscsi);
	}
	return in->lost ? -ENOTCONN : 0;
}

/* Polls until @flag or the bound. */
static int poll_until(struct initiator *in, const bool *flag, uint32_t timeout_ms)
{
	uint64_t end = now_us() + timeout_ms * 1000ull, now;

	while (!*flag) {
		now = now_us();
		if (now >= end)
			return -ETIMEDOUT;
		if (initiator_poll(in, (uint32_t)((end - now + 999) / 1000)))
			return *flag ? 0 : -ENOTCONN;
	}
	return 0;
}

int initiator_wait(struct initiator *in, struct initiator_cmd *cmd, uint32_t timeout_ms)
{
	uint64_t end = now_us() + timeout_ms * 1000ull, now;

	while (cmd->end == INITIATOR_PENDING) {
		now = now_us();
		if (now >= end)
			return -ETIMEDOUT;
		initiator_poll(in, (uint32_t)((end - now + 999) / 1000));
	}
	return 0;
}

/* Task management. */

static void on_tmf(struct iscsi_context *iscsi, int status, void *command_data, void *ctx)
{
	struct initiator_tmf *tmf = ctx;
	const uint32_t *response = command_data;

	(void)iscsi;
	tmf->end_us = now_us();
	tmf->response = status == SCSI_STATUS_GOOD && response ? (int)*response : -1;
	tmf->done = true;
}

int initiator_tmf(struct initiator *in, enum initiator_function function, struct initiator_cmd *cmd,
		  struct initiator_tmf *tmf)
{
	uint32_t tag = cmd && cmd->task ? cmd->task->itt : 0xffffffff;
	uint32_t sn = cmd && cmd->task ? cmd->task->cmdsn : 0;

	if (in->lost)
		return -ENOTCONN;
	*tmf = (struct initiator_tmf){ .start_us = now_us(), .response = -1 };
	return iscsi_task_mgmt_async(in->iscsi, in->lun, (enum iscsi_task_mgmt_funcs)function, tag,
				     sn, on_tmf, tmf)
		       ? -ENOMEM
		       : 0;
}

int initiator_wait_tmf(struct initiator *in, struct initiator_tmf *tmf, uint32_t timeout_ms)
{
	return poll_until(in, &tmf->done, timeout_ms);
}

/* Login, logout, barrier. The waiter outlives its bound if the answer does. */

static void on_waited(struct iscsi_context *iscsi, int status, void *command_data, void *ctx)
{
	struct waiter *w = ctx;

	(void)iscsi;
	(void)command_data;
	w->status = status;
	w->done = true;
	if (w->abandoned)
		free(w);
}

static int await(struct initiator *in, int sent, struct waiter *w, uint32_t timeout_ms)
{
	int rc = -ENOTCONN;

	if (!sent) {
		rc = poll_until(in, &w->done, timeout_ms);
		if (!w->done) {
			w->abandoned = true;
			return rc;
		}
		rc = w->status ? -ECONNREFUSED : 0;
	}
	free(w);
	return rc;
}

int initiator_barrier(struct initiator *in, uint32_t timeout_ms)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	return await(in, iscsi_nop_out_async(in->iscsi, on_waited, NULL, 0, w), w, timeout_ms);
}

static int log_in(struct initiator *in, const char *portal, uint32_t timeout_ms)
{
	struct waiter *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	rc = await(in, iscsi_connect_async(in->iscsi, portal, on_waited, w), w, timeout_ms);
	if (rc)
		return rc;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	return await(in, iscsi_login_async(in->iscsi, on_waited, w), w, timeout_ms);
}

int initiator_open(struct initiator **out, const char *url, const char *name, uint32_t timeout_ms,
		   char *err, size_t err_len)
{
	struct initiator *in = calloc(1, sizeof(*in));
	struct iscsi_url *where = NULL;
	int rc = -ENOMEM;

	snprintf(err, err_len, "out of memory");
	if (in)
		in->iscsi = iscsi_create_context(name ? name : NAME);
	if (!in || !in->iscsi)
		goto fail;
	iscsi_set_noautoreconnect(in->iscsi, 1);
	iscsi_set_isid_random(in->iscsi, (uint32_t)(now_us() & 0xffffff), 0);
	where = iscsi_parse_full_url(in->iscsi, url);
	rc = -EINVAL;
	if (!where) {
		snprintf(err, err_len, "expected iscsi://HOST[:PORT]/IQN/LUN, found '%s'", url);
		goto fail;
	}
	in->lun = where->lun;
	iscsi_set_targetname(in->iscsi, where->target);
	iscsi_set_session_type(in->iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_header_digest(in->iscsi, ISCSI_HEADER_DIGEST_NONE);
	iscsi_set_immediate_data(in->iscsi, ISCSI_IMMEDIATE_DATA_YES);
	iscsi_set_initial_r2t(in->iscsi, ISCSI_INITIAL_R2T_NO);
	rc = log_in(in, where->portal, timeout_ms);
	if (!rc) /* LIO opens its window with the first answer after the login */
		rc = initiator_barrier(in, timeout_ms);
	if (rc) {
		snprintf(err, err_len, "cannot log in to %s at %s: %s", where->target,
			 where->portal,
			 rc == -ETIMEDOUT ? "no answer" : iscsi_get_error(in->iscsi));
		err[strcspn(err, "\n")] = 0;
		goto fail;
	}
	iscsi_destroy_url(where);
	*out = in;
	return 0;
fail:
	if (where)
		iscsi_destroy_url(where);
	if (in && in->iscsi)
		iscsi_destroy_context(in->iscsi);
	free(in);
	return rc;
}

void initiator_close(struct initiator *in)
{
	struct waiter *w;

	if (!in)
		return;
	in->closing = true;
	w = in->lost || in->outstanding ? NULL : calloc(1, sizeof(*w));
	if (w)
		await(in, iscsi_logout_async(in->iscsi, on_waited, w), w, LOGOUT_MS);
	iscsi_scsi_cancel_all_tasks(in->iscsi);
	while (in->cmds) /* whatever libiscsi no longer knows of */
		on_command(in->iscsi, SCSI_STATUS_CANCELLED, NULL, in->cmds);
	iscsi_destroy_context(in->iscsi);
	free(in);
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
	return iscsi_get_fd(in->iscsi);
}
