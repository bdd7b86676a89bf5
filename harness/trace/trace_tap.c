/* SPDX-License-Identifier: MIT */
/*
 * Recording a simulated device: what its tap tells becomes lines of version 2.
 *
 * A tick is a nanosecond, so that a replay has the device's own time, to which deadlines are
 * rounded (KRN-090). A cause is written with its effects when the next one comes, because what the
 * walk read of answers stands before it; only whole causes get into the file, whatever happens, so
 * that the beginning of a trace that could not be finished can be replayed. Memory: one cause,
 * which a ring and a queue bound, and as much text as is written at once.
 *
 * The trace ends early when the file cannot be written or grows beyond what is read again, and
 * where what follows is not a matter of causes any more: the handler changed the ring's own words.
 */
#include "trace_impl.h"

#include <errno.h>
#include <ringsim/tap.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK	  (64l << 10) /* text that is written at once */
#define SENSE_LEN 18u

/*
 * @before:  answers that the current cause has read; @after: the cause and its effects
 * @file:    text in memory, of which @whole bytes are whole causes; @written: bytes before it
 * @next:    ring offset of the next entry; @n: commands so far
 * @res:     of what is text; @saved: of what is in the file
 * @stopped: nothing is recorded any more; @failed: nor written
 */
struct trace_tap {
	int fd;
	struct trace before, after;
	const void *region;
	FILE *file;
	char *text;
	size_t text_len, whole;
	uint64_t written;
	uint32_t next, n;
	bool stopped, failed;
	struct trace_tap_result res, saved;
	void (*say)(void *ctx, const char *line);
	void *ctx;
};

/* --- the file ----------------------------------------------------------------------------------
 */

static int write_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return n ? -errno : -EIO;
	}
	return 0;
}

/* All that is whole goes to the file; if that fails, the file gets back its last good end. */
static int spill(struct trace_tap *x)
{
	int rc = write_all(x->fd, x->text, x->whole);

	if (rc) {
		x->failed = true;
		x->res = x->saved;
		(void)!ftruncate(x->fd, (off_t)x->written);
		return rc;
	}
	x->written += x->whole;
	x->saved = x->res;
	x->whole = 0;
	rewind(x->file);
	return 0;
}

static void stop(struct trace_tap *x, const char *why)
{
	char line[160];

	if (x->stopped)
		return;
	x->stopped = true;
	x->res.complete = false;
	trace_clear(&x->before);
	trace_clear(&x->after);
	snprintf(line, sizeof(line), "%s: the trace ends here", why);
	x->say(x->ctx, line);
}

/* The current cause is over: from now on it is text. */
static void finish(struct trace_tap *x)
{
	const struct trace_event *e;
	int rc = 0;

	for (e = x->before.v; e < x->before.v + x->before.n; e++)
		lines_write(&x->before, e, x->file);
	for (e = x->after.v; e < x->after.v + x->after.n; e++) {
		lines_write(&x->after, e, x->file);
		x->res.commands += e->kind == TRACE_SUBMIT;
		x->res.entries += trace_is_entry(e->kind);
	}
	trace_clear(&x->before);
	trace_clear(&x->after);
	if (fflush(x->file) || ferror(x->file)) {
		stop(x, "out of memory");
		return;
	}
	if (x->written + x->text_len > TRACE_FILE_MAX) {
		stop(x, "it is as long as a trace may be");
		return;
	}
	x->whole = x->text_len;
	if (x->whole >= CHUNK)
		rc = spill(x);
	if (rc)
		stop(x, strerror(-rc));
}

/* --- lines -------------------------------------------------------------------------------------
 */

static struct trace_event *push(struct trace_tap *x, struct trace *t, enum trace_kind kind)
{
	struct trace_event *e = trace_push(t);

	if (e)
		e->kind = kind;
	else
		stop(x, "out of memory");
	return e;
}

/* Appends to the payload of @e, which is the newest of @t. */
static void payload(struct trace_tap *x, struct trace *t, struct trace_event *e, const void *bytes,
		    uint32_t len)
{
	e->payload_len += len;
	if (trace_push_bytes(t, bytes, len))
		stop(x, "out of memory");
}

/* Inside the tick, not at its beginning, is what a replay takes "at" for. */
static struct trace_event *cause(struct trace_tap *x, const struct ringsim_tap_event *t,
				 enum trace_kind kind)
{
	struct trace_event *e;

	finish(x);
	e = x->stopped ? NULL : push(x, &x->after, kind);
	if (!e)
		return NULL;
	e->at = t->now_ns ? t->now_ns - 1 : 0;
	e->arg = t->value;
	return e;
}

static uint64_t sg_bytes(const struct iovec *sg, uint32_t n)
{
	uint64_t len = 0;

	for (; n; n--, sg++)
		len += sg->iov_len;
	return len;
}

static void on_submit(struct trace_tap *x, const struct ringsim_tap_event *t)
{
	struct ringsim_cmd *cmd = t->cmd;
	uint8_t cdb[RINGSIM_CDB_MAX] = { 0 };
	uint64_t bidi = cmd->dir == RINGSIM_BIDI ? sg_bytes(cmd->bidi_sg, cmd->bidi_cnt) : 0;
	uint32_t len = ringsim_cdb_len(cmd->cdb);
	struct trace_event *e;

	cmd->tap = 0;
	if (cmd->aborted)
		return; /* TCMU never hears of it */
	e = cause(x, t, TRACE_SUBMIT);
	if (!e)
		return;
	if ((cmd->dir == RINGSIM_TO_DEVICE || cmd->dir == RINGSIM_BIDI) &&
	    sg_bytes(cmd->sg, cmd->sg_cnt) < cmd->data_len) {
		stop(x, "an initiator's buffer is shorter than its command says");
		return;
	}
	cmd->tap = e->n = ++x->n;
	e->dir = (uint8_t)cmd->dir;
	e->data_len = cmd->data_len;
	e->bidi_len = bidi < UINT32_MAX ? (uint32_t)bidi : UINT32_MAX;
	memcpy(cdb, cmd->cdb, len < cmd->cdb_room ? len : cmd->cdb_room);
	payload(x, &x->after, e, cdb, len);
}

static void on_abort(struct trace_tap *x, const struct ringsim_tap_event *t)
{
	struct trace_event *e = cause(x, t, TRACE_ABORT);
	uint32_t i;

	if (!e)
		return;
	e->tmr_type = t->tmr_type;
	for (i = 0; i < t->n; i++)
		if (t->cmds[i]->tap)
			payload(x, &x->after, e, &t->cmds[i]->tap, sizeof(t->cmds[i]->tap));
}

static void on_answer(struct trace_tap *x, const struct ringsim_tap_event *t)
{
	struct trace_event *e = push(x, &x->before, TRACE_ANSWER);

	if (!e)
		return;
	e->off = t->off;
	e->id = t->id;
	e->uflags = t->uflags;
	e->status = t->status;
	e->read_len = t->read_len;
	if (t->sense)
		payload(x, &x->before, e, t->sense, SENSE_LEN);
}

static void on_entry(struct trace_tap *x, const struct ringsim_tap_event *t)
{
	struct trace_event *e;

	/* What lies in shared memory may be anything; what the kernel wrote there is not. */
	if (t->off != x->next || trace_add_entry(&x->after, x->region, t->off)) {
		stop(x, "the handler changed what only the kernel may store");
		return;
	}
	e = &x->after.v[x->after.n - 1];
	e->n = t->cmd ? t->cmd->tap : 0;
	x->next = (e->off + e->len) % x->after.hdr.cmdr_size;
}

static void on_end(struct trace_tap *x, const struct ringsim_cmd *cmd)
{
	bool aborted = cmd->outcome == RINGSIM_ABORTED;
	struct trace_event *e;

	if (!cmd->tap)
		return;
	e = push(x, &x->after, aborted ? TRACE_ABORTED : TRACE_DONE);
	if (!e)
		return;
	e->n = cmd->tap;
	e->status = cmd->status;
	e->residual = cmd->residual;
	if (!aborted && cmd->status == 0x02)
		payload(x, &x->after, e, cmd->sense, SENSE_LEN);
}

static void on_effect(struct trace_tap *x, const struct ringsim_tap_event *t)
{
	struct trace_event *e;

	switch (t->kind) {
	case RINGSIM_TAP_ANSWER:
		on_answer(x, t);
		return;
	case RINGSIM_TAP_TAIL:
		x->after.v[0].tail = t->value;
		return;
	case RINGSIM_TAP_ENTRY:
		on_entry(x, t);
		return;
	case RINGSIM_TAP_END:
		on_end(x, t->cmd);
		return;
	case RINGSIM_TAP_WAIT:
		e = push(x, &x->after, TRACE_WAIT);
		if (e)
			e->n = t->cmd->tap;
		return;
	default: /* RINGSIM_TAP_LOST */
		stop(x, "the handler changed what only the kernel may store");
	}
}

static void on_tap(void *ctx, const struct ringsim_tap_event *t)
{
	static const enum trace_kind kinds[] = {
		[RINGSIM_TAP_WALK] = TRACE_WALK,   [RINGSIM_TAP_EXPIRE] = TRACE_EXPIRE,
		[RINGSIM_TAP_BLOCK] = TRACE_BLOCK, [RINGSIM_TAP_RESET] = TRACE_RESET,
		[RINGSIM_TAP_FREE] = TRACE_FREE,   [RINGSIM_TAP_RELEASE] = TRACE_RELEASE,
		[RINGSIM_TAP_SET] = TRACE_SET,
	};
	struct trace_tap *x = ctx;
	struct trace_event *e;

	if (x->stopped)
		return;
	if (t->kind == RINGSIM_TAP_SUBMIT) {
		on_submit(x, t);
	} else if (t->kind == RINGSIM_TAP_ABORT) {
		on_abort(x, t);
	} else if (t->kind > RINGSIM_TAP_SET) {
		on_effect(x, t);
	} else {
		e = cause(x, t, kinds[t->kind]);
		if (e)
			e->seconds = t->seconds;
		if (t->kind == RINGSIM_TAP_RESET)
			x->next = 0;
	}
}

/* --- from beginning to end ---------------------------------------------------------------------
 */

static bool is_idle(const struct ringsim_stats *st)
{
	return st->head == st->tail && st->head == st->reclaim && !st->broken && !st->blocked &&
	       !(st->inflight + st->expired + st->kept + st->queued + st->tmrs);
}

static int begin(struct trace_tap *x, struct ringsim_device *dev, const struct ringsim_stats *st)
{
	const struct ringsim_layout *lay = ringsim_layout(dev);
	struct trace_header *h = &x->after.hdr;
	int rc = trace_init(&x->after, "", ringsim_region(dev), lay->region_size, lay->blk_size);

	if (rc)
		return rc;
	x->file = open_memstream(&x->text, &x->text_len);
	if (!x->file)
		return -ENOMEM;
	x->region = ringsim_region(dev);
	x->next = st->head;
	x->after.format = 2;
	h->tick_ns = 1;
	h->cmd_time_out = st->cmd_time_out_s;
	h->qfull_time_out = st->qfull_time_out_s;
	h->tmr_notification = st->tmr_notification;
	h->desc_sense = st->desc_sense;
	write_header(&x->after, x->file);
	finish(x);
	return 0;
}

int trace_tap_start(struct trace_tap **out, struct ringsim_device *dev, int fd,
		    void (*say)(void *ctx, const char *line), void *ctx)
{
	struct ringsim_stats st;
	struct trace_tap *x;
	int rc;

	*out = NULL;
	ringsim_stats(dev, &st);
	if (!is_idle(&st))
		return -EBUSY;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->fd = fd;
	x->say = say;
	x->ctx = ctx;
	x->res.complete = true;
	rc = begin(x, dev, &st);
	if (rc) {
		trace_tap_stop(x, NULL, NULL);
		return rc;
	}
	ringsim_set_tap(dev, on_tap, x);
	*out = x;
	return 0;
}

void trace_tap_stop(struct trace_tap *x, struct ringsim_device *dev, struct trace_tap_result *res)
{
	int rc = 0;

	if (dev)
		ringsim_set_tap(dev, NULL, NULL);
	if (x->file && !x->stopped)
		finish(x);
	if (x->file && !x->failed)
		rc = spill(x);
	if (rc)
		stop(x, strerror(-rc));
	if (res)
		*res = x->res;
	if (x->file)
		fclose(x->file);
	free(x->text);
	trace_free(&x->before);
	trace_free(&x->after);
	free(x);
}
