/* SPDX-License-Identifier: MIT */
/*
 * The ring as the seat sees it: taking, answering, serving.
 *
 * Not the reference consumer: here every word of an answer can be wrong, and the mailbox may hold
 * anything. A taken command is a private copy, so that any slot may be overwritten (HND-052).
 */
#include "run.h"

#include <ringsim/shm.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PADS_MAX 4096 /* to step over in a row, lest a scribbled ring keeps us */

static uint32_t ring_next(const struct seat *s, uint32_t at, uint32_t len)
{
	return (uint32_t)(((uint64_t)at + len) % s->cmdr_size);
}

/* The header at ring offset @at: opcode in *@op, length returned; 0 if there is none to follow. */
static uint32_t header(const struct seat *s, uint32_t at, uint32_t *op)
{
	uint32_t len_op;

	if (at % 4 || at >= s->cmdr_size || s->cmdr_size - at < 8)
		return 0;
	len_op = shm_load32(s->region, (uint64_t)s->cmdr_off + at);
	*op = len_op & TCMU_OP_MASK;
	return len_op & ~TCMU_OP_MASK;
}

static struct seat_taken *find(struct seat_run *r, const char *label)
{
	for (int i = 0; i < SEAT_TAKEN; i++)
		if (r->taken[i].used && !strcmp(r->taken[i].label, label))
			return &r->taken[i];
	return NULL;
}

static void drop(struct seat_taken *t)
{
	free(t->iov);
	*t = (struct seat_taken){ 0 };
}

static struct seat_taken *slot_for(struct seat_run *r, const char *label)
{
	struct seat_taken *t = find(r, label);

	if (t)
		drop(t);
	for (int i = 0; !t && i < SEAT_TAKEN; i++)
		if (!r->taken[i].used)
			t = &r->taken[i];
	if (!t)
		return NULL;
	t->used = true;
	snprintf(t->label, sizeof(t->label), "%s", label);
	return t;
}

/* The buffers of the command at @t->at, turned into pointers; none if one of them is nonsense. */
static int copy_iovs(const struct seat *s, struct seat_taken *t, uint64_t entry, uint32_t cnt)
{
	uint64_t base;

	if (cnt > SEAT_IOVS || RINGSIM_OFF_IOV + (uint64_t)cnt * sizeof(*t->iov) > t->len)
		return -EPROTO;
	t->iov = calloc(cnt ? cnt : 1, sizeof(*t->iov));
	if (!t->iov)
		return -ENOMEM;
	shm_read(t->iov, s->region, entry + RINGSIM_OFF_IOV, cnt * sizeof(*t->iov));
	for (uint32_t i = 0; i < cnt; i++) {
		base = (uintptr_t)t->iov[i].iov_base;
		if (!shm_span_ok(base, t->iov[i].iov_len, s->map_len))
			return -EPROTO;
		t->iov[i].iov_base = s->region + base;
		t->cmd.len += t->iov[i].iov_len;
	}
	t->cmd.iov = t->iov;
	t->cmd.iov_cnt = cnt;
	return 0;
}

static int copy_cmd(const struct seat *s, struct seat_taken *t)
{
	uint64_t entry = (uint64_t)s->cmdr_off + t->at, cdb;
	uint32_t n;
	int rc;

	if (t->len < RINGSIM_RSP_END || t->len > s->cmdr_size - t->at)
		return -EPROTO;
	t->cmd.id = shm_load16(s->region, entry + RINGSIM_OFF_ID);
	cdb = shm_load64(s->region, entry + 24);
	rc = copy_iovs(s, t, entry, shm_load32(s->region, entry + 8));
	if (rc)
		return rc;
	if (!shm_span_ok(cdb, 8, s->map_len))
		return -EPROTO;
	shm_read(t->cmd.cdb, s->region, cdb, 8);
	n = ringsim_cdb_len(t->cmd.cdb);
	if (!shm_span_ok(cdb, n, s->map_len))
		return -EPROTO;
	shm_read(t->cmd.cdb, s->region, cdb, n);
	t->cmd.cdb_len = (uint16_t)n;
	return 0;
}

/*
 * Take the entry at r->next, past any PADs, into @t (whose label stays). Returns the opcode,
 * -EAGAIN if there is none yet, or -EPROTO.
 */
static int take_entry(struct seat_run *r, struct seat_taken *t)
{
	struct seat *s = r->s;
	uint32_t op = 0, len;
	int rc = 0;

	if (!s->region)
		return -ENXIO;
	for (int i = 0; i < PADS_MAX; i++) {
		if (r->next == shm_load32_acquire(s->region, RINGSIM_OFF_HEAD))
			return -EAGAIN;
		len = header(s, r->next, &op);
		if (!len)
			return -EPROTO;
		r->at = r->next;
		r->len = len;
		r->next = ring_next(s, r->next, len);
		if (op == TCMU_OP_PAD)
			continue;
		t->at = r->at;
		t->len = len;
		t->cmd = (struct consumer_cmd){ 0 };
		if (op == TCMU_OP_CMD)
			rc = copy_cmd(s, t);
		r->id = t->cmd.id;
		r->iov = t->cmd.iov_cnt ? (uint64_t)((uint8_t *)t->iov[0].iov_base - s->region) : 0;
		return rc ? rc : (int)op;
	}
	return -EPROTO;
}

static int take_until(struct seat_run *r, struct seat_taken *t, int64_t until_ms)
{
	int64_t left;
	uint32_t value;
	int rc;

	while ((rc = take_entry(r, t)) == -EAGAIN) {
		left = until_ms - seat_now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		/* a short nap at most: a program may look without an event, or without a node */
		if (seat_wait_event(r, left < 20 ? left : 20) > 0)
			seat_read_event(r, sizeof(value), &value);
		else if (!r->s->fds)
			seat_sleep_ms(5);
	}
	return rc;
}

void seat_execute(struct seat_run *r, struct seat_taken *t)
{
	struct scsi_task task = { .cmd = t->cmd };
	struct scsi_lun *lun = &r->lun;

	/* An access that faults half-way must leave no task of a dead stack frame in the unit. */
	lun->lock_first = lun->lock_last = NULL;
	lun->ready = lun->ready_last = NULL;
	lun->exclusives = lun->waiters = 0;
	lun->use_read_len = true;
	scsi_exec(lun, &task);
	while (!task.finished && scsi_run(lun))
		;
	t->cmd.status = task.finished ? task.cmd.status : SAM_BUSY;
	t->cmd.uflags = task.cmd.uflags;
	t->cmd.read_len = task.cmd.read_len;
	memcpy(t->cmd.sense, task.cmd.sense, sizeof(t->cmd.sense));
	if (task.finished)
		scsi_release(&task);
}

/* Step over what is not answered. Leaves the length of the entry at *@tail in *@len. */
static int answer_slot(const struct seat_run *r, uint32_t *tail, uint32_t *len)
{
	uint32_t op = 0;

	for (int i = 0; i < PADS_MAX; i++) {
		*len = header(r->s, *tail, &op);
		if (!*len)
			return -EPROTO;
		if ((op != TCMU_OP_PAD && op != TCMU_OP_TMR) || *tail == r->next)
			return 0;
		*tail = ring_next(r->s, *tail, *len);
	}
	return -EPROTO;
}

static int put_answer(struct seat_run *r, const struct consumer_cmd *cmd, bool stay)
{
	struct seat *s = r->s;
	uint32_t tail = shm_load32(s->region, RINGSIM_OFF_TAIL), len = 0;
	uint64_t entry;
	int rc = answer_slot(r, &tail, &len);

	entry = (uint64_t)s->cmdr_off + tail;
	if (!rc && !shm_span_ok(entry, RINGSIM_RSP_END, s->map_len))
		rc = -EPROTO;
	if (rc)
		return rc;
	shm_store16(s->region, entry + RINGSIM_OFF_ID, cmd->id);
	shm_store8(s->region, entry + RINGSIM_OFF_UFLAGS, cmd->uflags);
	shm_store8(s->region, entry + RINGSIM_OFF_STATUS, cmd->status);
	shm_store32(s->region, entry + RINGSIM_OFF_RDLEN, cmd->read_len);
	shm_write(s->region, entry + RINGSIM_OFF_SENSE, cmd->sense, sizeof(cmd->sense));
	if (!stay)
		shm_store32_release(s->region, RINGSIM_OFF_TAIL, ring_next(s, tail, len));
	return 0;
}

/* Carry out, answer, ring. */
static int serve_one(struct seat_run *r, struct seat_taken *t, int op)
{
	int rc = 0;

	if (op == TCMU_OP_CMD) {
		seat_lock(r);
		seat_execute(r, t);
		seat_unlock(r);
		rc = put_answer(r, &t->cmd, false);
	} else {
		shm_store32_release(r->s->region, RINGSIM_OFF_TAIL, r->next);
	}
	if (!rc)
		rc = seat_doorbell(r, 4, 0);
	return rc < 0 ? rc : 0;
}

static void say_tmr(struct seat_run *r, const struct seat_taken *t)
{
	const struct seat *s = r->s;
	uint64_t entry = (uint64_t)s->cmdr_off + t->at;
	uint32_t cnt = shm_load32(s->region, entry + 12);
	char ids[256] = "";
	size_t n = 0;

	for (uint32_t i = 0; i < cnt && i < 32 && 32 + 2 * i + 2 <= t->len; i++)
		n += (size_t)snprintf(ids + n, sizeof(ids) - n, " %u",
				      shm_load16(s->region, entry + 32 + 2 * (uint64_t)i));
	seat_say(r, "%s tmr at=%u len=%u type=%u ids=%u:%s", t->label, t->at, t->len,
		 shm_load8(s->region, entry + 8), cnt, ids);
}

static void say_taken(struct seat_run *r, const struct seat_taken *t, int op)
{
	char cdb[2 * 32 + 1] = "";

	if (op == TCMU_OP_TMR) {
		say_tmr(r, t);
		return;
	}
	for (int i = 0; i < t->cmd.cdb_len && i < 32; i++)
		snprintf(cdb + 2 * i, 3, "%02x", t->cmd.cdb[i]);
	seat_say(r, "%s cmd at=%u len=%u op=%d id=%u iovs=%u bytes=%llu cdb=%s", t->label, t->at,
		 t->len, op, t->cmd.id, t->cmd.iov_cnt, (unsigned long long)t->cmd.len, cdb);
}

int seat_do_take(struct seat_run *r)
{
	const char *kind = seat_word(r, 2, "cmd");
	int64_t until = seat_now_ms() + (int64_t)seat_num(r, 3, 2000);
	struct seat_taken *t = slot_for(r, seat_word(r, 0, "it"));
	bool want_tmr = !strcmp(kind, "tmr"), any = !strcmp(kind, "any");
	int op, rc;

	if (!t)
		return -ENOSPC;
	for (;;) {
		free(t->iov);
		t->iov = NULL;
		op = take_until(r, t, until);
		if (op < 0) {
			drop(t);
			return op;
		}
		if (any || (want_tmr && op == TCMU_OP_TMR))
			break;
		if (!want_tmr && op == TCMU_OP_CMD &&
		    (!r->op->arg[1].given || t->cmd.cdb[0] == seat_num(r, 1, 0)))
			break;
		/* Out of turn: commands can be answered in any slot, a TMR has to wait its turn. */
		rc = op == TCMU_OP_TMR ? 0 : serve_one(r, t, op);
		if (rc)
			return rc;
	}
	say_taken(r, t, op);
	return 0;
}

int seat_do_answer(struct seat_run *r)
{
	struct seat_taken *t = find(r, seat_word(r, 0, "it"));
	const struct seat_arg *sense = &r->op->arg[2];
	struct consumer_cmd *cmd;
	int rc;

	if (!t)
		return -ENOENT;
	if (!r->s->region)
		return -ENXIO;
	cmd = &t->cmd;
	if (r->op->arg[1].given) {
		cmd->status = (uint8_t)seat_num(r, 1, 0);
	} else {
		seat_lock(r);
		seat_execute(r, t);
		seat_unlock(r);
	}
	if (sense->given)
		memcpy(cmd->sense, sense->text,
		       sense->len < sizeof(cmd->sense) ? sense->len : sizeof(cmd->sense));
	cmd->uflags = (uint8_t)seat_num(r, 3, cmd->uflags);
	cmd->read_len = (uint32_t)seat_num(r, 4, cmd->read_len);
	cmd->id = (uint16_t)seat_num(r, 5, cmd->id);
	rc = put_answer(r, cmd, seat_num(r, 6, 0) != 0);
	if (!rc)
		seat_say(r, "%s id=%u status=0x%02x uflags=%u read_len=%u", t->label, cmd->id,
			 cmd->status, cmd->uflags, cmd->read_len);
	return rc;
}

int seat_do_data(struct seat_run *r)
{
	const struct seat_arg *bytes = &r->op->arg[1];
	struct seat_taken *t = find(r, seat_word(r, 0, "it"));
	uint64_t len, off, n = 0;
	uint8_t *p;

	if (!t)
		return -ENOENT;
	if (!r->s->region)
		return -ENXIO;
	off = seat_num(r, 3, 0);
	len = seat_num(r, 2, t->cmd.len);
	for (uint32_t i = 0; i < t->cmd.iov_cnt; i++) {
		p = t->iov[i].iov_base;
		for (size_t b = 0; b < t->iov[i].iov_len && n < len; b++) {
			if (off) {
				off--;
				continue;
			}
			p[b] = (uint8_t)bytes->text[n++ % bytes->len];
		}
	}
	return 0;
}

int seat_do_skip(struct seat_run *r)
{
	struct seat *s = r->s;
	uint32_t tail, len, op = 0;

	if (!s->region)
		return -ENXIO;
	tail = shm_load32(s->region, RINGSIM_OFF_TAIL);
	len = header(s, tail, &op);
	if (!len)
		return -EPROTO;
	if (r->op->arg[0].given)
		shm_store8(s->region, (uint64_t)s->cmdr_off + tail + RINGSIM_OFF_UFLAGS,
			   (uint8_t)seat_num(r, 0, 0));
	shm_store32_release(s->region, RINGSIM_OFF_TAIL, ring_next(s, tail, len));
	return 0;
}

int seat_do_serve(struct seat_run *r)
{
	uint64_t want = seat_num(r, 0, UINT64_MAX), n = 0;
	int64_t until = seat_now_ms() + (int64_t)seat_num(r, 1, 1000);
	struct seat_taken t = { 0 };
	int op, rc = 0;

	while (n < want) {
		op = take_until(r, &t, until);
		rc = op < 0 ? op : serve_one(r, &t, op);
		free(t.iov);
		t.iov = NULL;
		if (rc)
			break;
		n++;
	}
	seat_say(r, "%llu", (unsigned long long)n);
	return rc == -ETIMEDOUT && !r->op->arg[0].given ? 0 : rc;
}

int seat_do_seek(struct seat_run *r)
{
	if (!r->s->region)
		return -ENXIO;
	r->next = (uint32_t)(seat_num(r, 0, shm_load32(r->s->region, RINGSIM_OFF_TAIL)) %
			     r->s->cmdr_size);
	return 0;
}

int seat_do_tail(struct seat_run *r)
{
	uint32_t value = (uint32_t)seat_num(r, 0, 0);

	if (!r->s->region)
		return -ENXIO;
	shm_store32_release(r->s->region, RINGSIM_OFF_TAIL, value);
	seat_say(r, "%u", value);
	return 0;
}
