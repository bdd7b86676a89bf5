/* SPDX-License-Identifier: MIT */
/* The raw initiator over libiscsi, with one connection; see initiator.h. */
#include "initiator_impl.h"

#include <errno.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME	  "iqn.2026-01.org.tcmu-harness:initiator"
#define LOGOUT_MS 1000
#define CDB_MAX	  16
#define WINDOW	  480 /* LIO grants 512 */

/* A request whose end somebody waits for. */
struct waiter {
	bool done, abandoned;
	int status;
};

struct iscsi_initiator {
	struct initiator base;
	struct iscsi_context *iscsi;
	int lun;
};

static struct iscsi_initiator *self(struct initiator *in)
{
	return (struct iscsi_initiator *)in;
}

/* Commands. */

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
	enum initiator_end end = INITIATOR_STATUS;

	(void)iscsi;
	(void)command_data; /* absent when cancelled */
	cmd->task = NULL;
	if (status >= 0 && status <= 0xff) {
		cmd->status = (uint8_t)status;
		if (status == SCSI_STATUS_CHECK_CONDITION)
			take_sense(cmd, task);
		if (task->residual_status == SCSI_RESIDUAL_UNDERFLOW)
			cmd->residual = (int64_t)task->residual;
		else if (task->residual_status == SCSI_RESIDUAL_OVERFLOW)
			cmd->residual = -(int64_t)task->residual;
		/* with CHECK CONDITION there is data only with READ_LEN, which leaves a residual */
		if (cmd->dir == INITIATOR_IN && (!status || cmd->residual > 0))
			cmd->data_in = cmd->len - (uint32_t)(cmd->residual > 0 ? cmd->residual : 0);
	} else {
		end = in->closing ? INITIATOR_GONE : INITIATOR_LOST;
		in->lost |= !in->closing;
	}
	scsi_free_scsi_task(task);
	free(cmd->scratch);
	cmd->scratch = NULL;
	initiator_ended(in, cmd, end);
}

static int submit(struct initiator *in, struct initiator_cmd *cmd)
{
	static const int dirs[] = { SCSI_XFER_NONE, SCSI_XFER_WRITE, SCSI_XFER_READ };
	struct iscsi_data data = { .size = cmd->len, .data = cmd->data };

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
	if (iscsi_scsi_command_async(self(in)->iscsi, self(in)->lun, cmd->task, on_command,
				     cmd->len && cmd->dir == INITIATOR_OUT ? &data : NULL, cmd))
		goto fail;
	return 0;
fail:
	if (cmd->task)
		scsi_free_scsi_task(cmd->task);
	cmd->task = NULL;
	free(cmd->scratch);
	cmd->scratch = NULL;
	return -ENOMEM;
}

/* It may be the callback's to free what ended. */
static bool is_pending(const struct initiator *in, const struct initiator_cmd *cmd)
{
	const struct initiator_cmd *c = in->cmds;

	while (c && c != cmd)
		c = c->next;
	return c;
}

static void forget(struct initiator *in, struct initiator_cmd *cmd)
{
	struct iscsi_context *iscsi = self(in)->iscsi;

	/* while it is being sent it is on no list of libiscsi's: then the connection has to go */
	if (iscsi_scsi_cancel_task(iscsi, cmd->task))
		iscsi_scsi_cancel_all_tasks(iscsi);
	if (is_pending(in, cmd)) /* whatever libiscsi no longer knows of */
		on_command(iscsi, SCSI_STATUS_CANCELLED, NULL, cmd);
}

/* Work. */

static int work(struct initiator *in, uint32_t timeout_ms)
{
	struct iscsi_context *iscsi = self(in)->iscsi;
	struct pollfd pfd = { .fd = iscsi_get_fd(iscsi),
			      .events = (short)(iscsi_which_events(iscsi) | POLLRDHUP) };

	if (poll(&pfd, 1, (int)timeout_ms) < 0)
		return 0; /* interrupted: the caller's bound goes on */
	if (iscsi_service(iscsi, pfd.revents & ~POLLRDHUP) < 0 ||
	    pfd.revents & (POLLRDHUP | POLLERR | POLLHUP | POLLNVAL)) {
		in->lost = true;
		iscsi_scsi_cancel_all_tasks(iscsi);
	}
	return in->lost ? -ENOTCONN : 0;
}

/* Task management. */

static void on_tmf(struct iscsi_context *iscsi, int status, void *command_data, void *ctx)
{
	struct initiator_tmf *tmf = ctx;
	const uint32_t *response = command_data;

	(void)iscsi;
	tmf->end_us = initiator_now_us();
	tmf->response = status == SCSI_STATUS_GOOD && response ? (int)*response : -1;
	tmf->done = true;
}

static int manage(struct initiator *in, enum initiator_function function, struct initiator_cmd *cmd,
		  struct initiator_tmf *tmf)
{
	uint32_t tag = cmd && cmd->task ? cmd->task->itt : 0xffffffff;
	uint32_t sn = cmd && cmd->task ? cmd->task->cmdsn : 0;

	return iscsi_task_mgmt_async(self(in)->iscsi, self(in)->lun,
				     (enum iscsi_task_mgmt_funcs)function, tag, sn, on_tmf, tmf)
		       ? -ENOMEM
		       : 0;
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
		rc = initiator_poll_until(in, &w->done, timeout_ms);
		if (!w->done) {
			w->abandoned = true;
			return rc;
		}
		rc = w->status ? -ECONNREFUSED : 0;
	}
	free(w);
	return rc;
}

static int barrier(struct initiator *in, uint32_t timeout_ms)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	return await(in, iscsi_nop_out_async(self(in)->iscsi, on_waited, NULL, 0, w), w,
		     timeout_ms);
}

static int log_in(struct initiator *in, const char *portal, uint32_t timeout_ms)
{
	struct waiter *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	rc = await(in, iscsi_connect_async(self(in)->iscsi, portal, on_waited, w), w, timeout_ms);
	if (rc)
		return rc;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	return await(in, iscsi_login_async(self(in)->iscsi, on_waited, w), w, timeout_ms);
}

static void log_out(struct initiator *in, bool idle)
{
	struct iscsi_context *iscsi = self(in)->iscsi;
	struct waiter *w = in->lost || !idle ? NULL : calloc(1, sizeof(*w));

	if (w)
		await(in, iscsi_logout_async(iscsi, on_waited, w), w, LOGOUT_MS);
	iscsi_scsi_cancel_all_tasks(iscsi);
	iscsi_destroy_context(iscsi);
	free(in);
}

static int fd(struct initiator *in)
{
	return iscsi_get_fd(self(in)->iscsi);
}

static const struct initiator_ops ops = {
	.limits = { .cdb_max = CDB_MAX, .window = WINDOW },
	.submit = submit,
	.forget = forget,
	.poll = work,
	.tmf = manage,
	.barrier = barrier,
	.close = log_out,
	.fd = fd,
};

static void set_up(struct iscsi_context *iscsi, const char *target)
{
	iscsi_set_targetname(iscsi, target);
	iscsi_set_session_type(iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_header_digest(iscsi, ISCSI_HEADER_DIGEST_NONE);
	iscsi_set_immediate_data(iscsi, ISCSI_IMMEDIATE_DATA_YES);
	iscsi_set_initial_r2t(iscsi, ISCSI_INITIAL_R2T_NO);
}

int initiator_iscsi_open(struct initiator **out, const char *url, const char *name,
			 uint32_t timeout_ms, char *err, size_t err_len)
{
	struct iscsi_initiator *in = calloc(1, sizeof(*in));
	struct iscsi_url *where = NULL;
	int rc = -ENOMEM;

	snprintf(err, err_len, "out of memory");
	if (in)
		in->iscsi = iscsi_create_context(name ? name : NAME);
	if (!in || !in->iscsi)
		goto fail;
	in->base.ops = &ops;
	iscsi_set_noautoreconnect(in->iscsi, 1);
	iscsi_set_isid_random(in->iscsi, (uint32_t)(initiator_now_us() & 0xffffff), 0);
	where = iscsi_parse_full_url(in->iscsi, url);
	rc = -EINVAL;
	if (!where) {
		snprintf(
			err, err_len,
			"expected iscsi://HOST[:PORT]/IQN/LUN or probe:TARGET/TPGT/LUN, found '%s'",
			url);
		goto fail;
	}
	in->lun = where->lun;
	set_up(in->iscsi, where->target);
	rc = log_in(&in->base, where->portal, timeout_ms);
	if (!rc) /* LIO opens its window with the first answer after the login */
		rc = barrier(&in->base, timeout_ms);
	if (rc) {
		snprintf(err, err_len, "cannot log in to %s at %s: %s", where->target,
			 where->portal,
			 rc == -ETIMEDOUT ? "no answer" : iscsi_get_error(in->iscsi));
		err[strcspn(err, "\n")] = 0;
		goto fail;
	}
	iscsi_destroy_url(where);
	*out = &in->base;
	return 0;
fail:
	if (where)
		iscsi_destroy_url(where);
	if (in && in->iscsi)
		iscsi_destroy_context(in->iscsi);
	free(in);
	return rc;
}
