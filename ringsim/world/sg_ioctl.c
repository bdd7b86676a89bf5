/* SPDX-License-Identifier: MIT */
/*
 * The ioctls of a SCSI generic node, as Linux 6.12 answers them on tcm_loop (results/clients).
 *
 * That includes what it does not have: a node is no block device, so BLKGETSIZE64 and its like are
 * EINVAL, or EPERM on a descriptor that is not open for both reading and writing; no program that
 * takes an sg node was found to want them. Of resets only the unit's works; there is no other.
 */
#include "sg.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_NAME "TCM_Loopback"

static int put_int(const struct world_call *c, int v)
{
	return call_poke(c, c->arg[2], &v, sizeof(v));
}

static int get_int(const struct world_call *c, int *v)
{
	return call_peek(c, c->arg[2], v, sizeof(*v));
}

/* --- what is told
 * -----------------------------------------------------------------------------------------
 */

static int get_scsi_id(const struct sg_node *n, const struct world_call *c)
{
	struct sg_scsi_id id = {
		.host_no = (int)lu_host(n->file.minor),
		.scsi_id = 1,
		.h_cmd_per_lun = SG_QUEUE_DEPTH,
		.d_queue_depth = SG_QUEUE_DEPTH,
	};

	return call_poke(c, c->arg[2], &id, sizeof(id));
}

static int get_idlun(const struct sg_node *n, const struct world_call *c)
{
	uint32_t v[2] = { 1 | (lu_host(n->file.minor) & 0xff) << 24, 0 };

	return call_poke(c, c->arg[2], v, sizeof(v));
}

/* The length that the caller has room for is where the name goes. */
static int probe_host(const struct world_call *c)
{
	uint32_t len, all = sizeof(HOST_NAME);

	if (!c->arg[2])
		return 1;
	if (call_peek(c, c->arg[2], &len, sizeof(len)))
		return -EFAULT;
	return call_poke(c, c->arg[2], HOST_NAME, len < all ? len : all) ? -EFAULT : 1;
}

static int get_adapter(const struct sg_node *n, const struct world_call *c)
{
	char name[32];
	int len = snprintf(name, sizeof(name), "tcm_loop_adapter_%u", lu_host(n->file.minor));

	return call_poke(c, c->arg[2], name, len < 20 ? (size_t)len : 20);
}

static bool can_be_read(const struct sg_cmd *cmd)
{
	return cmd->state == SG_DONE && !cmd->owned;
}

static int get_pack_id(const struct sg_node *n, const struct world_call *c)
{
	const struct sg_cmd *cmd;

	for (cmd = n->cmds; cmd && !can_be_read(cmd); cmd = cmd->next)
		;
	return put_int(c, cmd ? cmd->hdr.pack_id : -1);
}

static int get_num_waiting(const struct sg_node *n, const struct world_call *c)
{
	const struct sg_cmd *cmd;
	int count = 0;

	for (cmd = n->cmds; cmd; cmd = cmd->next)
		count += can_be_read(cmd);
	return put_int(c, count);
}

static int get_request_table(const struct sg_node *n, const struct world_call *c)
{
	sg_req_info_t table[SG_MAX_QUEUE] = { { 0 } };
	const struct sg_cmd *cmd = n->cmds;

	for (int i = 0; cmd && i < SG_MAX_QUEUE; i++, cmd = cmd->next) {
		bool done = cmd->state == SG_DONE;

		table[i].req_state = done ? 2 : 1;
		table[i].orphan = cmd->orphan;
		table[i].sg_io_owned = cmd->owned;
		table[i].problem = (char)(cmd->hdr.masked_status & cmd->hdr.host_status &
					  cmd->hdr.driver_status);
		table[i].pack_id = cmd->hdr.pack_id;
		table[i].usr_ptr = cmd->hdr.usr_ptr;
		table[i].duration =
			done ? cmd->hdr.duration
			     : (unsigned int)((world_now_ns() - cmd->began_ns) / SG_MSEC);
	}
	return call_poke(c, c->arg[2], table, sizeof(table));
}

/* --- what is set
 * -------------------------------------------------------------------------------------------
 */

static int set_timeout(struct sg_node *n, int v)
{
	int max = (int)((int64_t)INT_MAX * 100 / 250);

	if (v < 0)
		return -EIO;
	n->timeout_user = v < max ? v : max;
	return 0;
}

static int set_reserved_size(struct sg_node *n, int v)
{
	if (v < 0)
		return -EINVAL;
	if ((uint32_t)v > SG_MAX_BYTES)
		v = SG_MAX_BYTES;
	if ((uint32_t)v == n->reserve_len)
		return 0;
	if (n->mapped || n->reserve_used)
		return -EBUSY;
	return sg_reserve(n, (uint32_t)v);
}

static int set_next_cmd_len(struct sg_node *n, int v)
{
	if (v > 252)
		return -ENOMEM;
	n->next_cmd_len = v > 0 ? (uint8_t)v : 0;
	return 0;
}

static int set(struct sg_node *n, const struct world_call *c, unsigned int request)
{
	int v, rc = get_int(c, &v);

	if (rc)
		return rc;
	switch (request) {
	case SG_SET_TIMEOUT:
		return set_timeout(n, v);
	case SG_SET_RESERVED_SIZE:
		return set_reserved_size(n, v);
	case SG_SET_FORCE_PACK_ID:
		n->force_pack_id = v;
		return 0;
	case SG_SET_COMMAND_Q:
		n->cmd_q = v;
		return 0;
	case SG_SET_KEEP_ORPHAN:
		n->keep_orphan = (signed char)v;
		return 0;
	case SG_NEXT_CMD_LEN:
		return set_next_cmd_len(n, v);
	default: /* SG_SET_DEBUG */
		return 0;
	}
}

/* --- what is done
 * ----------------------------------------------------------------------------------------------
 */

static void reset_done(void *ctx)
{
	struct world_call *c = ctx;

	call_answer(c, 0);
	free(c);
}

static void reset(struct sg_node *n, struct world_call *c)
{
	struct world_call *kept;
	int kind = 0, rc = 0;

	if (!call_capable(c, CAP_SYS_ADMIN) || !call_capable(c, CAP_SYS_RAWIO))
		rc = -EACCES;
	if (!rc)
		rc = get_int(c, &kind);
	if (!rc && (kind & ~SG_SCSI_RESET_NO_ESCALATE) == SG_SCSI_RESET_DEVICE) {
		kept = malloc(sizeof(*kept));
		if (kept) {
			*kept = *c;
			if (!lu_abort(n->d, NULL, reset_done, kept))
				return;
		}
		free(kept);
		rc = -ENOMEM;
	} else if (!rc && (kind & ~SG_SCSI_RESET_NO_ESCALATE) != SG_SCSI_RESET_NOTHING) {
		rc = -EIO;
	}
	call_answer(c, rc);
}

/* Of SCSI_IOCTL_SEND_COMMAND: data behind the lengths, or 16 bytes of sense. */
static void send_ended(struct sg_cmd *cmd)
{
	struct world_call c = cmd->call;
	uint64_t at = c.arg[2] + 8;
	int rc = cmd->hdr.status;

	if (cmd->host)
		rc |= cmd->host << 16;
	if (call_waiting(&c)) {
		if (rc ? call_poke(&c, at, cmd->io.sense, 16)
		       : cmd->out_len && call_poke(&c, at, cmd->data, cmd->out_len))
			rc = -EFAULT;
		call_answer(&c, rc);
	}
	sg_cmd_free(cmd);
}

static int send_command(struct sg_node *n, const struct world_call *c)
{
	struct {
		uint32_t in, out;
		uint8_t cdb[16];
	} head;
	struct sg_cmd *cmd;
	uint32_t cdb_len;
	int rc;

	if (call_peek(c, c->arg[2], &head, 8 + 6))
		return -EFAULT;
	if (head.in > SG_PAGE || head.out > SG_PAGE)
		return -EINVAL;
	cdb_len = sg_cdb_len(head.cdb[0]);
	if (call_peek(c, c->arg[2] + 8, head.cdb, cdb_len))
		return -EFAULT;
	if (!sg_allowed(c, head.cdb, n->writable))
		return -EPERM;
	cmd = sg_cmd_new(n, c);
	if (!cmd)
		return -ENOMEM;
	cmd->owned = true;
	cmd->done = send_ended;
	cmd->out_len = head.out;
	cmd->hdr.dxfer_len = head.in > head.out ? head.in : head.out;
	cmd->hdr.dxfer_direction = head.in ? SG_DXFER_TO_DEV : SG_DXFER_FROM_DEV;
	rc = sg_buffer(cmd);
	if (!rc && head.in)
		rc = call_peek(c, c->arg[2] + 8 + cdb_len, cmd->data, head.in);
	if (rc) {
		sg_cmd_free(cmd);
		return rc;
	}
	sg_start(cmd, head.cdb, cdb_len, 10000);
	return 0;
}

static void start_stop_ended(struct sg_cmd *cmd)
{
	int rc = cmd->hdr.status | cmd->host << 16;

	if (call_waiting(&cmd->call))
		call_answer(&cmd->call, rc);
	sg_cmd_free(cmd);
}

static int start_stop(struct sg_node *n, const struct world_call *c, bool start)
{
	uint8_t cdb[6] = { 0x1b, 0, 0, 0, start, 0 };
	struct sg_cmd *cmd;

	if (n->read_only)
		return -EPERM;
	cmd = n->d ? sg_cmd_new(n, c) : NULL;
	if (!cmd)
		return n->d ? -ENOMEM : -ENODEV;
	cmd->owned = true;
	cmd->done = start_stop_ended;
	sg_start(cmd, cdb, sizeof(cdb), 60000);
	return 0;
}

/* Returns true if answered, or to be answered later. */
static bool act(struct sg_node *n, struct world_call *c, unsigned int request)
{
	int rc;

	switch (request) {
	case SG_IO:
		rc = n->d ? sg_new_write(n, c, c->arg[2], true) : -ENODEV;
		break;
	case SCSI_IOCTL_SEND_COMMAND:
		rc = n->d ? send_command(n, c) : -ENODEV;
		break;
	case SCSI_IOCTL_START_UNIT:
	case SCSI_IOCTL_STOP_UNIT:
		rc = start_stop(n, c, request == SCSI_IOCTL_START_UNIT);
		break;
	case FIGETBSZ: /* has the number of SCSI_IOCTL_TEST_UNIT_READY, and comes first */
		call_proceed(c);
		return true;
	case SG_SCSI_RESET:
		if (n->d) {
			reset(n, c);
			return true;
		}
		rc = -ENODEV;
		break;
	default:
		return false;
	}
	if (rc)
		call_answer(c, rc);
	return true;
}

/* Of the host and the unit: not without the device. */
static int of_device(const struct sg_node *n, const struct world_call *c, unsigned int request)
{
	if (!n->d)
		return -ENODEV;
	switch (request) {
	case SG_GET_SCSI_ID:
		return get_scsi_id(n, c);
	case SG_EMULATED_HOST:
		return put_int(c, 0);
	case SCSI_IOCTL_GET_IDLUN:
		return get_idlun(n, c);
	case SCSI_IOCTL_GET_BUS_NUMBER:
		return put_int(c, (int)lu_host(n->file.minor));
	case SCSI_IOCTL_PROBE_HOST:
		return probe_host(c);
	case SCSI_IOCTL_GET_PCI:
		return get_adapter(n, c);
	default: /* SG_GET_TRANSFORM */
		return -EINVAL;
	}
}

static int answer(struct sg_node *n, struct world_call *c, unsigned int request)
{
	switch (request) {
	case SG_SET_TIMEOUT:
	case SG_SET_RESERVED_SIZE:
	case SG_SET_FORCE_PACK_ID:
	case SG_SET_COMMAND_Q:
	case SG_SET_KEEP_ORPHAN:
	case SG_NEXT_CMD_LEN:
	case SG_SET_DEBUG:
		return set(n, c, request);
	case SG_GET_TIMEOUT:
		return n->timeout_user;
	case SG_SET_FORCE_LOW_DMA:
		return 0;
	case SG_GET_LOW_DMA:
		return put_int(c, 0);
	case SG_GET_PACK_ID:
		return get_pack_id(n, c);
	case SG_GET_NUM_WAITING:
		return get_num_waiting(n, c);
	case SG_GET_SG_TABLESIZE:
		return put_int(c, SG_TABLE_SIZE);
	case SG_GET_RESERVED_SIZE:
		return put_int(
			c, (int)(n->reserve_len < SG_MAX_BYTES ? n->reserve_len : SG_MAX_BYTES));
	case SG_GET_COMMAND_Q:
		return put_int(c, n->cmd_q);
	case SG_GET_KEEP_ORPHAN:
		return put_int(c, n->keep_orphan);
	case SG_GET_VERSION_NUM:
		return put_int(c, 30536);
	case SG_GET_ACCESS_COUNT:
		return put_int(c, 1);
	case SG_GET_REQUEST_TABLE:
		return get_request_table(n, c);
	case BLKSECTGET:
		return put_int(c, SG_MAX_BYTES);
	case SCSI_IOCTL_DOORLOCK:
	case SCSI_IOCTL_DOORUNLOCK:
		return n->read_only ? -EPERM : 0; /* nothing is removable */
	case SG_GET_SCSI_ID:
	case SG_EMULATED_HOST:
	case SG_GET_TRANSFORM:
	case SCSI_IOCTL_GET_IDLUN:
	case SCSI_IOCTL_GET_BUS_NUMBER:
	case SCSI_IOCTL_PROBE_HOST:
		return of_device(n, c, request);
	case SCSI_IOCTL_GET_PCI:
		return n->read_only ? -EPERM : of_device(n, c, request);
	default:
		return n->read_only ? -EPERM : -EINVAL;
	}
}

void sg_ioctl(struct world_call *c, struct world_file *f)
{
	struct sg_node *n = (struct sg_node *)((char *)f - offsetof(struct sg_node, file));
	unsigned int request = (unsigned int)c->arg[1];

	if (!act(n, c, request))
		call_answer(c, answer(n, c, request));
}
