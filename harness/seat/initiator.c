/* SPDX-License-Identifier: MIT */
/*
 * The other side's moves, through a SCSI generic node of the same device: commands in flight while
 * the seat does something to them.
 *
 * The node takes commands by write and gives results by read, so nothing here blocks; a LUN reset
 * does, and has a process of its own.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DATA_MAX (16u << 20)

int seat_initiator_open(struct seat *s)
{
	if (!s->opt->initiator)
		return 0;
	s->sg = open(s->opt->initiator, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->sg >= 0)
		return 0;
	fprintf(stderr, "tcmu-harness seat: cannot open %s: %s\n", s->opt->initiator,
		strerror(errno));
	return -ENODEV;
}

void seat_initiator_close(struct seat *s)
{
	/* Buffers of commands that never came back stay: the kernel may still write to them. */
	if (s->sg >= 0)
		close(s->sg);
	for (int i = 0; i < SEAT_SENT; i++)
		if (!s->sent[i].busy)
			free(s->sent[i].data);
}

static struct seat_sent *idle_slot(struct seat *s)
{
	for (int i = 0; i < SEAT_SENT; i++)
		if (!s->sent[i].busy)
			return &s->sent[i];
	return NULL;
}

static int prepare(struct seat_run *r, struct seat_sent *c)
{
	const struct seat_arg *cdb = &r->op->arg[1], *fill = &r->op->arg[4];
	uint64_t in = seat_num(r, 2, 0), out = seat_num(r, 3, 0), len = in ? in : out;

	if (len > DATA_MAX || cdb->len > sizeof(c->cdb))
		return -EINVAL;
	free(c->data);
	*c = (struct seat_sent){ .data = aligned_alloc(4096, (len + 4095) / 4096 * 4096 + 4096) };
	if (!c->data)
		return -ENOMEM;
	memset(c->data, 0, len);
	for (uint64_t i = 0; fill->given && i < len; i++)
		c->data[i] = (uint8_t)fill->text[i % fill->len];
	snprintf(c->label, sizeof(c->label), "%s", seat_word(r, 0, ""));
	memcpy(c->cdb, cdb->text, cdb->len);
	c->hdr = (struct sg_io_hdr){
		.interface_id = 'S',
		.dxfer_direction = in	 ? SG_DXFER_FROM_DEV
				   : out ? SG_DXFER_TO_DEV
					 : SG_DXFER_NONE,
		.cmd_len = (unsigned char)cdb->len,
		.mx_sb_len = sizeof(c->sense),
		.dxfer_len = (unsigned int)len,
		.dxferp = c->data,
		.cmdp = c->cdb,
		.sbp = c->sense,
		.timeout = (unsigned int)seat_num(r, 5, 5000),
		.flags = SG_FLAG_DIRECT_IO, /* where /sys/module/sg/parameters/allow_dio says so */
		.usr_ptr = c,
	};
	return 0;
}

int seat_do_send(struct seat_run *r)
{
	struct seat *s = r->s;
	struct seat_sent *c;
	int rc;

	if (s->sg < 0)
		return -ENODEV;
	seat_lock(r);
	c = idle_slot(s);
	rc = c ? prepare(r, c) : -EAGAIN;
	if (!rc && write(s->sg, &c->hdr, sizeof(c->hdr)) < 0)
		rc = -errno;
	if (!rc)
		c->busy = true;
	seat_unlock(r);
	return rc;
}

/* "5a*512 00*3584": what came back, as runs of equal bytes. */
static void describe(const uint8_t *data, size_t len, char *text, size_t text_len)
{
	size_t n = 0, i, run;

	text[0] = 0;
	for (i = 0; i < len && n + 24 < text_len; i += run) {
		for (run = 1; i + run < len && data[i + run] == data[i];)
			run++;
		n += (size_t)snprintf(text + n, text_len - n, "%s%02x*%zu", i ? " " : "", data[i],
				      run);
	}
	if (i < len)
		snprintf(text + n, text_len - n, " ...");
}

static void describe_sense(const struct sg_io_hdr *h, char *text, size_t len)
{
	const uint8_t *s = h->sbp;

	if (h->sb_len_wr < 8)
		snprintf(text, len, "-");
	else if ((s[0] & 0x7f) >= 0x72)
		snprintf(text, len, "%02x/%02x/%02x", s[1] & 15, s[2], s[3]);
	else
		snprintf(text, len, "%02x/%02x/%02x", s[2] & 15, s[12], s[13]);
}

static void report(struct seat_run *r, const struct seat_sent *c)
{
	const struct sg_io_hdr *h = &c->hdr;
	char sense[16], data[200] = "-";

	describe_sense(h, sense, sizeof(sense));
	if (h->dxfer_direction == SG_DXFER_FROM_DEV)
		describe(c->data, h->dxfer_len - (h->resid > 0 ? (unsigned int)h->resid : 0), data,
			 sizeof(data));
	seat_say(r, "%s status=0x%02x sense=%s residual=%d host=0x%02x data=%s", c->label,
		 h->status, sense, h->resid, h->host_status, data);
}

/* Take one result off the node. */
static int fetch(struct seat_run *r)
{
	struct sg_io_hdr hdr = { .interface_id = 'S' };
	struct seat_sent *c;

	if (read(r->s->sg, &hdr, sizeof(hdr)) < 0)
		return -errno;
	c = hdr.usr_ptr;
	c->hdr = hdr;
	report(r, c);
	c->busy = false;
	return 0;
}

static bool any_busy(const struct seat *s)
{
	for (int i = 0; i < SEAT_SENT; i++)
		if (s->sent[i].busy)
			return true;
	return false;
}

int seat_do_results(struct seat_run *r)
{
	int64_t until = seat_now_ms() + (int64_t)seat_num(r, 1, 5000), left;
	uint64_t want = seat_num(r, 0, UINT64_MAX), n = 0;
	struct pollfd p = { .fd = r->s->sg, .events = POLLIN };
	int rc = 0;

	while (!rc && n < want && any_busy(r->s)) {
		left = until - seat_now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)(left < 60000 ? left : 60000)) <= 0)
			continue;
		seat_lock(r);
		rc = fetch(r);
		seat_unlock(r);
		if (rc == -EAGAIN) /* another thread was first */
			rc = 0;
		else
			n++;
	}
	return rc ? rc : n < want && r->op->arg[0].given ? -ENOENT : 0;
}

int seat_do_reset(struct seat_run *r)
{
	struct seat *s = r->s;
	int how = SG_SCSI_RESET_DEVICE, rc;
	pid_t pid;

	if (s->sg < 0)
		return -ENODEV;
	if (s->children == SEAT_CHILDREN)
		return -EAGAIN;
	seat_lock(r);
	pid = fork();
	if (!pid) {
		seat_node_close(s); /* the node must not stay open for this */
		rc = ioctl(s->sg, SG_SCSI_RESET, &how) ? errno : 0;
		seat_say(r, "%s", rc ? strerrorname_np(rc) : "done");
		fflush(stdout);
		_exit(0);
	}
	if (pid > 0)
		s->child[s->children++] = pid;
	seat_unlock(r);
	return pid < 0 ? -errno : 0;
}
