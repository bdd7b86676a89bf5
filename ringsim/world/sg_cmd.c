/* SPDX-License-Identifier: MIT */
/*
 * A command between a SCSI generic node and the unit.
 *
 * Buffers as the driver has them: the reserved one if it is large enough and idle, else a new one,
 * and always the whole length goes back to the caller, whatever a short answer left behind in it.
 * Patience as the SCSI midlayer has it for such commands: none for errors, which are the program's
 * business; BUSY and TASK SET FULL are tried again until the time-out; then ABORT TASK, and the
 * command ends when that has been answered, however long it takes (KRN-103). Nothing is sent while
 * the unit is being reset.
 */
#include "sg.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define GOOD		0x00
#define CHECK_CONDITION 0x02
#define BUSY		0x08
#define TASK_SET_FULL	0x28

#define RETRY_NS	(9 * SG_MSEC) /* three looks of the queue, 3 ms apart */
#define DATA_MAX	(8u << 20)    /* what the driver finds memory for: 256 elements of 32 KiB */
#define LEN_LIMIT	(256u << 20)
#define IOV_MAX_	1024u

/* --- the list of a node
 * -----------------------------------------------------------------------------
 */

struct sg_cmd *sg_cmd_new(struct sg_node *n, const struct world_call *c)
{
	struct sg_cmd *cmd = calloc(1, sizeof(*cmd)), **p = &n->cmds;

	if (!cmd)
		return NULL;
	cmd->node = n;
	if (c)
		cmd->call = *c;
	cmd->began_ns = world_now_ns();
	while (*p)
		p = &(*p)->next;
	*p = cmd;
	return cmd;
}

void sg_cmd_free(struct sg_cmd *cmd)
{
	struct sg_node *n = cmd->node;
	struct sg_cmd **p = &n->cmds;

	while (*p != cmd)
		p = &(*p)->next;
	*p = cmd->next;
	if (cmd->reserved)
		n->reserve_used = false;
	else
		free(cmd->data);
	free(cmd->iov);
	free(cmd);
	sg_node_put(n);
}

unsigned int sg_cmd_count(const struct sg_node *n)
{
	const struct sg_cmd *cmd;
	unsigned int count = 0;

	for (cmd = n->cmds; cmd; cmd = cmd->next)
		count++;
	return count;
}

/* --- buffers
 * ----------------------------------------------------------------------------------------
 */

static bool to_device(const struct sg_cmd *cmd)
{
	return cmd->hdr.dxfer_direction == SG_DXFER_TO_DEV;
}

/* The shorter of the vector and the length wins. */
static int take_vector(struct sg_cmd *cmd)
{
	uint32_t n = cmd->hdr.iovec_count, left = cmd->hdr.dxfer_len;
	uint64_t sum = 0;
	uint32_t i;

	if (n > IOV_MAX_)
		return -EINVAL;
	cmd->iov = calloc(n, sizeof(*cmd->iov));
	if (!cmd->iov)
		return -ENOMEM;
	if (call_peek(&cmd->call, (uintptr_t)cmd->hdr.dxferp, cmd->iov, n * sizeof(*cmd->iov)))
		return -EFAULT;
	for (i = 0; i < n; i++) {
		if ((int64_t)cmd->iov[i].iov_len < 0)
			return -EINVAL;
		if (cmd->iov[i].iov_len > left)
			cmd->iov[i].iov_len = left;
		left -= (uint32_t)cmd->iov[i].iov_len;
		sum += cmd->iov[i].iov_len;
	}
	cmd->iov_cnt = n;
	cmd->len = (uint32_t)sum;
	return sum ? 0 : -EINVAL;
}

static int find_place(struct sg_cmd *cmd)
{
	struct sg_node *n = cmd->node;
	uint32_t len = cmd->hdr.dxfer_len;

	if (len <= n->reserve_len && !n->reserve_used) {
		n->reserve_used = cmd->reserved = true;
		cmd->data = n->reserve;
		return 0;
	}
	if (cmd->hdr.flags & SG_FLAG_MMAP_IO)
		return len > n->reserve_len ? -ENOMEM : -EBUSY;
	if (len > DATA_MAX)
		return -ENOMEM;
	cmd->data = calloc(1, len);
	return cmd->data ? 0 : -ENOMEM;
}

static int move_data(const struct sg_cmd *cmd, const struct world_call *c, bool in)
{
	uint64_t at = (uintptr_t)cmd->hdr.dxferp;
	uint32_t i, off = 0, len;
	int rc = 0;

	if (!cmd->iov)
		return in ? call_poke(c, at, cmd->data, cmd->len)
			  : call_peek(c, at, cmd->data, cmd->len);
	for (i = 0; !rc && i < cmd->iov_cnt; i++) {
		at = (uintptr_t)cmd->iov[i].iov_base;
		len = (uint32_t)cmd->iov[i].iov_len;
		if (len)
			rc = in ? call_poke(c, at, cmd->data + off, len)
				: call_peek(c, at, cmd->data + off, len);
		off += len;
	}
	return rc;
}

int sg_buffer(struct sg_cmd *cmd)
{
	int rc;

	if (!cmd->hdr.dxfer_len || cmd->hdr.dxfer_direction == SG_DXFER_NONE)
		return 0;
	cmd->len = cmd->hdr.dxfer_len;
	rc = find_place(cmd);
	if (!rc && cmd->hdr.dxfer_direction == SG_DXFER_TO_FROM_DEV)
		rc = -EINVAL;
	if (!rc && cmd->hdr.iovec_count)
		rc = take_vector(cmd);
	if (!rc && (cmd->len + SG_PAGE - 1) / SG_PAGE > SG_TABLE_SIZE)
		rc = -EINVAL;
	if (!rc && to_device(cmd) && cmd->hdr.dxferp)
		rc = move_data(cmd, &cmd->call, false);
	return rc;
}

int sg_return_data(const struct sg_cmd *cmd, const struct world_call *c)
{
	if (!cmd->data || to_device(cmd) || !cmd->hdr.dxferp)
		return 0;
	return move_data(cmd, c, true);
}

/* --- to the unit and back
 * ----------------------------------------------------------------------------
 */

static void submit(struct sg_cmd *cmd)
{
	struct world_device *d = cmd->node->d;

	if (lu_resetting(d)) {
		cmd->state = SG_WAITS;
		cmd->retry_ns = world_now_ns() + RETRY_NS / 3;
		return;
	}
	cmd->state = SG_RUNNING;
	cmd->deadline_ns = world_now_ns() + cmd->patience_ns;
	lu_submit(d, &cmd->io);
}

/* The target core clears the first page of what is to be filled, unless it is a medium's data. */
static bool reads_medium(const uint8_t *cdb)
{
	return cdb[0] == 0x08 || cdb[0] == 0x28 || cdb[0] == 0xa8 || cdb[0] == 0x88;
}

static void ask_for_sense(struct sg_cmd *cmd)
{
	static const uint8_t request_sense[6] = { 0x03, 0, 0, 0, SG_SENSE_MAX, 0 };

	cmd->asked = true;
	memcpy(cmd->io.cdb, request_sense, sizeof(request_sense));
	cmd->io.cdb_len = sizeof(request_sense);
	cmd->io.dir = RINGSIM_FROM_DEVICE;
	cmd->io.data = cmd->own_sense;
	cmd->io.len = sizeof(cmd->own_sense);
	cmd->state = SG_WAITS;
	cmd->retry_ns = 0;
}

static void finish(struct sg_cmd *cmd)
{
	struct lu_io *io = &cmd->io;
	sg_io_hdr_t *h = &cmd->hdr;

	if (cmd->asked) { /* its outcome is the command's sense; the residual is lost */
		io->status = CHECK_CONDITION;
		io->sense_valid = true;
		memcpy(io->sense, cmd->own_sense, sizeof(io->sense));
		io->residual = 0;
	}
	if (cmd->host ||
	    io->outcome == RINGSIM_ABORTED) { /* no status is sent for such a command */
		io->status = GOOD;
		io->sense_valid = false;
		io->residual = 0;
	}
	if (!io->sense_valid)
		memset(io->sense, 0, sizeof(io->sense));
	h->resid = (int)io->residual;
	h->status = io->status;
	h->masked_status = io->status >> 1 & 0x7f;
	h->host_status = cmd->host;
	h->duration = (unsigned int)((world_now_ns() - cmd->began_ns) / SG_MSEC);
	cmd->state = SG_DONE;
	cmd->done(cmd);
}

static bool busy(const struct lu_io *io)
{
	return io->outcome != RINGSIM_ABORTED &&
	       (io->status == BUSY || io->status == TASK_SET_FULL);
}

static void ended(struct lu_io *io)
{
	struct sg_cmd *cmd = io->user;
	uint64_t now = world_now_ns();

	if (cmd->state == SG_ABORTING)
		return; /* until the abort has been answered */
	if (!cmd->node->d) {
		cmd->host = DID_NO_CONNECT;
		finish(cmd);
	} else if (busy(io) && now < cmd->began_ns + cmd->patience_ns) {
		cmd->state = SG_WAITS;
		cmd->retry_ns = now + RETRY_NS;
	} else if (io->status == CHECK_CONDITION && !cmd->asked && io->outcome != RINGSIM_ABORTED &&
		   (io->sense[0] & 0x70) != 0x70) {
		ask_for_sense(cmd);
	} else {
		finish(cmd);
	}
}

static void aborted(void *ctx)
{
	struct sg_cmd *cmd = ctx;

	cmd->host = cmd->node->d ? DID_TIME_OUT : DID_NO_CONNECT;
	finish(cmd);
}

static void give_up(struct sg_cmd *cmd)
{
	cmd->state = SG_ABORTING;
	if (lu_abort(cmd->node->d, &cmd->io, aborted, cmd)) {
		cmd->state = SG_RUNNING; /* no memory: some other time */
		cmd->deadline_ns = world_now_ns() + cmd->patience_ns;
	}
}

static struct sg_cmd *find_waiting(const struct sg_node *n)
{
	struct sg_cmd *cmd;

	for (cmd = n->cmds; cmd && cmd->state != SG_WAITS; cmd = cmd->next)
		;
	return cmd;
}

void sg_cmds_gone(struct sg_node *n)
{
	struct sg_cmd *cmd = find_waiting(n);
	bool last;

	while (cmd) {
		last = n->cmds == cmd && !cmd->next; /* with it goes a node that is closed */
		cmd->host = DID_NO_CONNECT;
		cmd->io.outcome = RINGSIM_RESET;
		finish(cmd);
		cmd = last ? NULL : find_waiting(n);
	}
}

void sg_start(struct sg_cmd *cmd, const uint8_t *cdb, uint32_t cdb_len, uint32_t timeout_ms)
{
	struct lu_io *io = &cmd->io;

	memcpy(io->cdb, cdb, cdb_len);
	io->cdb_len = cdb_len;
	io->data = cmd->len ? cmd->data : NULL;
	io->len = cmd->len;
	io->dir = !cmd->len	   ? RINGSIM_NONE
		  : to_device(cmd) ? RINGSIM_TO_DEVICE
				   : RINGSIM_FROM_DEVICE;
	io->done = ended;
	io->user = cmd;
	if (io->dir == RINGSIM_FROM_DEVICE && !reads_medium(cdb))
		memset(cmd->data, 0, cmd->len < SG_PAGE ? cmd->len : SG_PAGE);
	if (cmd->owned)
		sg_waits(cmd->node->w->sg);
	cmd->patience_ns = (timeout_ms ? timeout_ms : SG_RQ_TIMEOUT_MS) * SG_MSEC;
	submit(cmd);
}

/* --- time
 * ---------------------------------------------------------------------------------------------
 */

static uint64_t due(const struct sg_cmd *cmd)
{
	if (cmd->state == SG_WAITS)
		return cmd->retry_ns;
	return cmd->state == SG_RUNNING ? cmd->deadline_ns : UINT64_MAX;
}

uint64_t sg_next_timer(const struct world *w)
{
	const struct sg_world *sg = w->sg;
	const struct sg_node *n;
	const struct sg_cmd *cmd;
	uint64_t next = sg && sg->look_ns ? sg->look_ns : UINT64_MAX;

	for (n = sg ? sg->nodes : NULL; n; n = n->next)
		for (cmd = n->cmds; cmd; cmd = cmd->next)
			if (due(cmd) < next)
				next = due(cmd);
	return next;
}

/* One that is due; what it leads to may free commands and nodes. */
static struct sg_cmd *find_due(const struct sg_world *sg, uint64_t now_ns)
{
	const struct sg_node *n;
	struct sg_cmd *cmd;

	for (n = sg ? sg->nodes : NULL; n; n = n->next)
		for (cmd = n->cmds; cmd; cmd = cmd->next)
			if (due(cmd) <= now_ns)
				return cmd;
	return NULL;
}

void sg_run_timers(struct world *w, uint64_t now_ns)
{
	struct sg_world *sg = w->sg;
	struct sg_cmd *cmd;

	if (sg && sg->look_ns && sg->look_ns <= now_ns)
		sg_look(sg);
	while ((cmd = find_due(sg, now_ns)) != NULL) {
		if (cmd->state == SG_RUNNING)
			give_up(cmd);
		else
			submit(cmd);
	}
}

/* --- SG_IO and write: a header with all there is to know
 * ------------------------------------------------
 */

/* Sense first, header, then data; whatever fails, the command is over. */
int sg_return(struct sg_cmd *cmd, const struct world_call *c, uint64_t addr)
{
	sg_io_hdr_t *h = &cmd->hdr;
	uint32_t len, max = h->mx_sb_len < SG_SENSE_MAX ? h->mx_sb_len : SG_SENSE_MAX;
	int rc = 0, data_rc;

	h->sb_len_wr = 0;
	if (max && h->sbp && (h->masked_status & 1 || (cmd->io.sense[0] & 0x70) == 0x70)) {
		len = 8u + cmd->io.sense[7];
		len = len > max ? max : len;
		rc = call_poke(c, (uintptr_t)h->sbp, cmd->io.sense, len);
		h->driver_status = 0x08; /* DRIVER_SENSE */
		h->sb_len_wr = (unsigned char)len;
	}
	if (!rc) {
		if (h->masked_status || h->host_status || h->driver_status)
			h->info |= SG_INFO_CHECK;
		rc = call_poke(c, addr, h, sizeof(*h));
	}
	data_rc = sg_return_data(cmd, c);
	sg_cmd_free(cmd);
	return rc ? rc : data_rc;
}

static void sg_io_ended(struct sg_cmd *cmd)
{
	struct world_call c = cmd->call;

	if (cmd->owned && call_waiting(&c)) {
		call_answer(&c, sg_return(cmd, &c, c.arg[2]));
		return;
	}
	if (cmd->owned) { /* whoever waited was interrupted */
		cmd->orphan = true;
		cmd->owned = false;
		if (!cmd->node->keep_orphan) {
			sg_cmd_free(cmd);
			return;
		}
	}
	sg_readable(cmd);
}

static int check_header(const struct sg_node *n, const sg_io_hdr_t *h)
{
	if (h->interface_id != 'S')
		return -ENOSYS;
	if (h->flags & SG_FLAG_MMAP_IO) {
		if (h->dxfer_len > n->reserve_len)
			return -ENOMEM;
		if (h->flags & SG_FLAG_DIRECT_IO)
			return -EINVAL;
		if (n->reserve_used)
			return -EBUSY;
	}
	if (!h->cmdp || h->cmd_len < 6 || h->cmd_len > 252)
		return -EMSGSIZE;
	return 0;
}

static void clear_answer(sg_io_hdr_t *h)
{
	h->status = h->masked_status = h->msg_status = 0;
	h->host_status = h->driver_status = 0;
	h->info = 0;
	h->resid = 0;
}

int sg_new_write(struct sg_node *n, const struct world_call *c, uint64_t addr, bool owned)
{
	uint8_t cdb[252];
	struct sg_cmd *cmd;
	sg_io_hdr_t *h;
	int rc;

	n->cmd_q = true;
	if (sg_cmd_count(n) >= SG_QUEUE)
		return -EDOM;
	cmd = sg_cmd_new(n, c);
	if (!cmd)
		return -ENOMEM;
	h = &cmd->hdr;
	rc = call_peek(c, addr, h, sizeof(*h));
	if (!rc)
		rc = check_header(n, h);
	if (!rc)
		rc = call_peek(c, (uintptr_t)h->cmdp, cdb, h->cmd_len);
	if (!rc && owned && n->read_only && !sg_allowed(c, cdb, n->writable))
		rc = -EPERM;
	if (!rc && (h->dxfer_len >= LEN_LIMIT || h->cmd_len > SG_CDB_MAX))
		rc = -EINVAL;
	if (!rc)
		rc = sg_buffer(cmd);
	if (rc) {
		sg_cmd_free(cmd);
		return rc;
	}
	clear_answer(h);
	cmd->owned = owned;
	cmd->done = sg_io_ended;
	sg_start(cmd, cdb, h->cmd_len, h->timeout);
	return 0;
}
