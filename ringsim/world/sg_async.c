/* SPDX-License-Identifier: MIT */
/*
 * write() and read() on a SCSI generic node.
 *
 * Those with the size of struct sg_io_hdr are intercepted and carried out like SG_IO, in two
 * halves. poll() is not: so while there is something to read, one message (the token) lies in the
 * program's socket. It says no more than that; the read that takes the last command takes the token
 * as well.
 *
 * The older struct sg_header has all data in the messages themselves, of any size: they come and go
 * through the socket as they are. An error cannot be returned to such a write; it is told to
 * whoever looks at the world, and poll() does not say that the queue is full. A program that uses
 * both interfaces at once on one descriptor reads first what comes first in the socket.
 */
#include "sg.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define OLD_LEN	  ((uint32_t)sizeof(struct sg_header))
#define OLD_REPLY (256u << 10) /* what a socket takes */

static bool unread(const struct sg_node *n)
{
	int bytes = 0;

	return !ioctl(n->watch.fd, SIOCOUTQ, &bytes) && bytes;
}

/* --- the token
 * ----------------------------------------------------------------------------------------
 */

static void set_token(struct sg_node *n)
{
	static const char token[sizeof(sg_io_hdr_t)];

	if (n->token && unread(n))
		return;
	n->token = send(n->watch.fd, token, sizeof(token), MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
}

static struct sg_cmd *readable(const struct sg_node *n, int pack_id)
{
	struct sg_cmd *cmd;

	for (cmd = n->cmds; cmd; cmd = cmd->next)
		if (cmd->state == SG_DONE && !cmd->owned && !cmd->old &&
		    (pack_id == -1 || cmd->hdr.pack_id == pack_id))
			return cmd;
	return NULL;
}

static void take_token(struct sg_node *n, const struct world_call *c)
{
	char token[sizeof(sg_io_hdr_t)];
	int fd;

	if (!n->token || readable(n, -1))
		return;
	fd = call_take(c, (int)c->arg[0]);
	if (fd < 0)
		return; /* stays: poll() says more than is true */
	if (recv(fd, token, sizeof(token), MSG_DONTWAIT) >= 0 || errno == EAGAIN)
		n->token = false;
	close(fd);
}

/* --- reading
 * ---------------------------------------------------------------------------------------------
 */

/* The oldest that waits for it, and still does. */
static bool give_to_reader(struct sg_cmd *cmd)
{
	struct sg_reader **p = &cmd->node->readers, *r;
	struct world_call c;
	int rc;

	while ((r = *p) != NULL) {
		if (r->pack_id != -1 && r->pack_id != cmd->hdr.pack_id) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		c = r->call;
		free(r);
		if (!call_waiting(&c))
			continue;
		rc = sg_return(cmd, &c, c.arg[1]);
		call_answer(&c, rc ? rc : (int64_t)c.arg[2]);
		return true;
	}
	return false;
}

void sg_readable(struct sg_cmd *cmd)
{
	if (cmd->node->closed)
		sg_cmd_free(cmd);
	else if (!give_to_reader(cmd))
		set_token(cmd->node);
}

static int wanted(const struct sg_node *n, const struct world_call *c, int *pack_id)
{
	sg_io_hdr_t h;
	struct sg_header old;

	*pack_id = -1;
	if (!n->force_pack_id)
		return 0;
	if (call_peek(c, c->arg[1], &h, sizeof(h)))
		return -EFAULT;
	memcpy(&old, &h, sizeof(old));
	*pack_id = old.reply_len >= 0 ? old.pack_id : h.pack_id;
	return 0;
}

static int wait_for(struct sg_node *n, const struct world_call *c, int pack_id)
{
	struct sg_reader *r, **p = &n->readers;

	if (!n->d)
		return -ENODEV;
	if (call_nonblock(c, (int)c->arg[0]))
		return -EAGAIN;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->call = *c;
	r->pack_id = pack_id;
	while (*p)
		p = &(*p)->next;
	*p = r;
	sg_waits(n->w->sg);
	return 0;
}

static bool only_old(const struct sg_node *n)
{
	const struct sg_cmd *cmd;
	bool old = !n->token && unread(n);

	for (cmd = n->cmds; cmd; cmd = cmd->next) {
		if (!cmd->old)
			return false;
		old = true;
	}
	return old;
}

void sg_read(struct world_call *c, struct world_file *f)
{
	struct sg_node *n = (struct sg_node *)((char *)f - offsetof(struct sg_node, file));
	struct sg_cmd *cmd;
	int pack_id, rc;

	if (only_old(n)) {
		call_proceed(c);
		return;
	}
	rc = wanted(n, c, &pack_id);
	cmd = rc ? NULL : readable(n, pack_id);
	if (cmd) {
		rc = sg_return(cmd, c, c->arg[1]);
		take_token(n, c);
		call_answer(c, rc ? rc : (int64_t)c->arg[2]);
		return;
	}
	if (!rc)
		rc = wait_for(n, c, pack_id);
	if (rc)
		call_answer(c, rc);
}

void sg_readers_end(struct sg_node *n, int rc)
{
	struct sg_reader *r;

	while ((r = n->readers) != NULL) {
		n->readers = r->next;
		if (call_waiting(&r->call))
			call_answer(&r->call, rc);
		free(r);
	}
}

bool sg_readers_look(struct sg_node *n)
{
	struct sg_reader **p = &n->readers, *r;

	while ((r = *p) != NULL) {
		if (call_waiting(&r->call) && !call_interrupted(&r->call)) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		if (call_waiting(&r->call))
			call_answer(&r->call, -WORLD_RESTART);
		free(r);
	}
	return n->readers;
}

/* --- the older header
 * --------------------------------------------------------------------------------------
 */

static void old_ended(struct sg_cmd *cmd)
{
	if (!cmd->node->closed)
		sg_old_reply(cmd);
	sg_cmd_free(cmd);
}

static int old_result(const struct sg_cmd *cmd)
{
	switch (cmd->host) {
	case 0:
		return 0;
	case DID_NO_CONNECT:
	case DID_TIME_OUT:
		return EBUSY;
	default:
		return EIO;
	}
}

/* What does not fit into a socket is cut; more than the command returned is zeros. */
void sg_old_reply(struct sg_cmd *cmd)
{
	uint32_t want = cmd->hdr.timeout, len = want > OLD_REPLY ? OLD_REPLY : want, data;
	struct sg_header h = { .pack_len = (int)want, .reply_len = (int)want };
	uint8_t *msg;

	if (len < OLD_LEN)
		len = OLD_LEN;
	msg = calloc(1, len);
	if (!msg)
		return;
	h.pack_id = cmd->hdr.pack_id;
	h.result = old_result(cmd);
	h.twelve_byte = cmd->io.cdb[0] >= 0xc0 && cmd->hdr.cmd_len == 12;
	h.target_status = cmd->hdr.masked_status & 0x1f;
	h.host_status = cmd->host & 0x0f;
	if (cmd->hdr.masked_status & 1 || (cmd->io.sense[0] & 0x70) == 0x70) {
		h.driver_status = 0x08;
		memcpy(h.sense_buffer, cmd->io.sense, sizeof(h.sense_buffer));
	}
	memcpy(msg, &h, sizeof(h));
	data = len - OLD_LEN < cmd->len ? len - OLD_LEN : cmd->len;
	if (data)
		memcpy(msg + OLD_LEN, cmd->data, data);
	if (send(cmd->node->watch.fd, msg, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		world_say(cmd->node->w, "/dev/sg%u: a reply of %u bytes is lost: %s",
			  cmd->node->file.minor, len, strerror(errno));
	free(msg);
}

/* Lengths are abused as in the driver: hdr.timeout keeps the reply's. */
static int old_header(struct sg_cmd *cmd, const struct sg_header *h, size_t len, uint32_t cdb_len)
{
	int64_t input = (int64_t)len - cdb_len, size = input > h->reply_len ? input : h->reply_len;
	sg_io_hdr_t *new = &cmd->hdr;

	input -= OLD_LEN;
	size -= OLD_LEN;
	if (input < 0)
		return -EIO;
	if (size >= 256 << 20)
		return -EINVAL;
	new->dxfer_direction = size > 0 ? SG_DXFER_FROM_DEV : SG_DXFER_NONE;
	if (input > 0)
		new->dxfer_direction = h->reply_len > (int)OLD_LEN ? SG_DXFER_TO_FROM_DEV
								   : SG_DXFER_TO_DEV;
	new->dxfer_len = (unsigned int)size;
	new->cmd_len = (unsigned char)cdb_len;
	new->timeout = (unsigned int)h->reply_len;
	new->pack_id = h->pack_id;
	cmd->old = true;
	cmd->done = old_ended;
	return sg_buffer(cmd);
}

static int old_write(struct sg_node *n, const uint8_t *msg, size_t len)
{
	uint32_t cdb_len = n->next_cmd_len;
	struct sg_header h;
	struct sg_cmd *cmd;
	int rc;

	if (!n->d)
		return -ENODEV;
	if (len < OLD_LEN + 6)
		return -EIO;
	memcpy(&h, msg, sizeof(h));
	if (sg_cmd_count(n) >= (n->cmd_q ? SG_QUEUE : 1) || (!n->cmd_q && unread(n)))
		return -EDOM;
	if (!cdb_len)
		cdb_len = h.twelve_byte && msg[OLD_LEN] >= 0xc0 ? 12 : sg_cdb_len(msg[OLD_LEN]);
	n->next_cmd_len = 0;
	cmd = sg_cmd_new(n, NULL);
	if (!cmd)
		return -ENOMEM;
	rc = old_header(cmd, &h, len, cdb_len);
	if (!rc && cdb_len > SG_CDB_MAX)
		rc = -EINVAL;
	if (rc) {
		sg_cmd_free(cmd);
		return rc;
	}
	if (cmd->hdr.dxfer_direction == SG_DXFER_TO_DEV && cmd->len)
		memcpy(cmd->data, msg + OLD_LEN + cdb_len, cmd->len);
	sg_start(cmd, msg + OLD_LEN, cdb_len, (uint32_t)n->timeout_user * 10);
	return 0;
}

void sg_message(struct sg_node *n, const uint8_t *msg, size_t len)
{
	struct sg_header h = { .reply_len = 0 };
	int rc = -EIO;

	if (len >= sizeof(h)) {
		memcpy(&h, msg, sizeof(h));
		rc = h.reply_len < 0 ? -EINVAL : old_write(n, msg, len);
	}
	if (rc)
		world_say(n->w, "/dev/sg%u: a write of %zu bytes would fail: %s", n->file.minor,
			  len, strerror(-rc));
}

/* --- writing
 * --------------------------------------------------------------------------------------------------
 */

void sg_write(struct world_call *c, struct world_file *f)
{
	struct sg_node *n = (struct sg_node *)((char *)f - offsetof(struct sg_node, file));
	uint8_t msg[sizeof(sg_io_hdr_t)];
	struct sg_header old;
	int rc = n->d ? 0 : -ENODEV;

	if (!rc)
		rc = call_peek(c, c->arg[1], msg, sizeof(msg));
	if (!rc) {
		memcpy(&old, msg, sizeof(old));
		if (old.reply_len < 0)
			rc = sg_new_write(n, c, c->arg[1], false);
		else
			rc = old_write(n, msg, sizeof(msg));
	}
	call_answer(c, rc ? rc : (int64_t)c->arg[2]);
}
