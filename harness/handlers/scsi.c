/* SPDX-License-Identifier: MIT */
/*
 * The life of a task: dispatch, store operations in between, one answer.
 *
 * Invariants: every check comes before the first store operation (SCS-041); no Data-In byte is left
 * as it was found (HND-035); a task answers once.
 */
#include "scsi_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CONTROL_NACA 0x04

static void make_ready(struct scsi_task *t, scsi_fn *resume)
{
	struct scsi_lun *lun = t->lun;

	t->resume = resume;
	t->ready = true;
	t->ready_next = NULL;
	if (lun->ready == NULL)
		lun->ready = t;
	else
		lun->ready_last->ready_next = t;
	lun->ready_last = t;
}

void scsi_again(struct scsi_task *t, scsi_fn *resume)
{
	make_ready(t, resume);
}

bool scsi_run(struct scsi_lun *lun)
{
	struct scsi_task *t = lun->ready;
	bool progress = false;

	lun->ready = NULL;
	lun->ready_last = NULL;
	while (t != NULL) {
		struct scsi_task *next = t->ready_next;
		uint32_t stalls = lun->stalls;

		t->ready = false;
		t->resume(t);
		if (lun->stalls == stalls)
			progress = true;
		t = next;
	}
	return progress;
}

static void io_done(struct store_io *io)
{
	struct scsi_task *t = io->owner;

	if (t->lun->dead)
		return;
	if (io->result != 0) {
		scsi_fail_store(t, io->result);
		return;
	}
	if (io->op == STORE_WRITE || io->op == STORE_DISCARD || io->op == STORE_ZERO)
		consumer_step(t->lun->consumer, CONSUMER_STEP_MEDIUM);
	else if (io->op == STORE_READ && io->iov != &t->buf_iov)
		consumer_step(t->lun->consumer, CONSUMER_STEP_DATA);
	t->then(t);
}

/* A full store takes the task back when something has finished. */
static void submit_now(struct scsi_task *t)
{
	bool first = !t->started;

	t->started = true;
	if (store_submit(t->lun->store, &t->io) != -EAGAIN)
		return;
	if (first)
		t->started = false;
	t->lun->stalls++;
	make_ready(t, submit_now);
}

void scsi_submit(struct scsi_task *t, enum store_op op, uint64_t off_bytes, uint64_t len_bytes,
		 const struct iovec *iov, uint32_t iov_cnt, bool fua, scsi_fn *then)
{
	t->io.op = op;
	t->io.fua = fua;
	t->io.off_bytes = off_bytes;
	t->io.len_bytes = len_bytes;
	t->io.iov = iov;
	t->io.iov_cnt = iov_cnt;
	t->io.done = io_done;
	t->io.owner = t;
	t->then = then;
	submit_now(t);
}

void scsi_submit_buf(struct scsi_task *t, enum store_op op, uint64_t off_bytes, uint64_t len_bytes,
		     bool fua, scsi_fn *then)
{
	t->buf_iov.iov_base = t->buf;
	t->buf_iov.iov_len = len_bytes;
	scsi_submit(t, op, off_bytes, len_bytes, &t->buf_iov, 1, fua, then);
}

void scsi_lun_init(struct scsi_lun *lun, struct store *store, uint32_t block_size, bool read_only,
		   bool wce, const char *serial)
{
	memset(lun, 0, sizeof(*lun));
	lun->store = store;
	lun->alloc = malloc;
	lun->block_size = block_size;
	lun->blocks = store_size(store) / block_size;
	lun->max_transfer_blocks = SCSI_MAX_TRANSFER_BYTES / block_size;
	lun->max_write_same_blocks = SCSI_MAX_WRITE_SAME_BYTES / block_size;
	lun->read_only = read_only;
	lun->thin = store_can_punch(store);
	lun->wce = wce;
	lun->wce_default = wce;
	strncpy(lun->serial, serial, SCSI_SERIAL_MAX);
}

void scsi_lun_set_store(struct scsi_lun *lun, struct store *store, bool wce)
{
	uint64_t blocks = store_size(store) / lun->block_size;

	if (blocks != lun->blocks)
		scsi_attend(lun, SENSE_CAPACITY_CHANGED);
	if (store != lun->store)
		scsi_attend(lun, SENSE_MEDIUM_CHANGED);
	if (wce != lun->wce)
		scsi_attend(lun, SENSE_MODE_CHANGED);
	lun->store = store;
	lun->thin = store_can_punch(store);
	lun->blocks = blocks;
	lun->wce = wce;
	lun->wce_default = wce;
}

const struct scsi_op *scsi_find(const struct scsi_lun *lun, uint8_t opcode)
{
	const struct scsi_op *op = &scsi_ops[opcode];

	if (op->run == NULL)
		return NULL;
	if (op->needs_thin && !lun->thin)
		return NULL;
	return op;
}

/* Commands that are carried out although a unit attention waits, and leave it waiting. */
static bool ignores_attention(uint8_t opcode)
{
	return opcode == 0x12 || opcode == 0xa0 || opcode == 0x03; /* REQUEST SENSE reports it */
}

static void begin(struct scsi_lun *lun, struct scsi_task *t)
{
	t->lun = lun;
	t->cmd.uflags = 0;
	t->cmd.read_len = 0;
	t->at_bytes = 0;
	t->buf = NULL;
	t->count = 0;
	t->started = false;
	t->finished = false;
	t->held = false;
	t->waiting = false;
	t->ready = false;
}

void scsi_exec(struct scsi_lun *lun, struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;
	const struct scsi_op *op;

	begin(lun, t);
	if (t->cmd.nomem) {
		scsi_status(t, SAM_TASK_SET_FULL);
		return;
	}
	if (t->cmd.bad) {
		scsi_fail(t, SENSE_INTERNAL_FAILURE);
		return;
	}
	if (lun->attention[0] != SENSE_NONE && !ignores_attention(cdb[0])) {
		scsi_fail(t, scsi_attention(lun));
		return;
	}
	op = scsi_find(lun, cdb[0]);
	if (op == NULL) {
		scsi_fail(t, SENSE_OPCODE);
		return;
	}
	if (op->has_action && (cdb[1] & 0x1f) != op->action) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (cdb[ringsim_cdb_len(cdb) - 1] & CONTROL_NACA) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	/* A buffer that came with a command without data may be read by the initiator. */
	if (op->no_data && t->cmd.len != 0)
		consumer_iov_zero(lun->consumer, t->cmd.iov, t->cmd.iov_cnt, 0);
	op->run(t);
}

void scsi_status(struct scsi_task *t, uint8_t status)
{
	const struct consumer_cmd *cmd = &t->cmd;

	t->cmd.status = status;
	/* No command here has a second direction; its buffer must not carry old bytes (HND-019). */
	if (status == SAM_GOOD && cmd->bidi_cnt != 0)
		consumer_iov_zero(t->lun->consumer, cmd->iov + cmd->iov_cnt, cmd->bidi_cnt, 0);
	t->finished = true;
	t->lun->done(t);
}

void scsi_good(struct scsi_task *t)
{
	scsi_status(t, SAM_GOOD);
}

/* Nothing was read: if the buffer is in truth Data-In, old bytes would go to the initiator. */
void scsi_good_unread(struct scsi_task *t)
{
	consumer_iov_zero(t->lun->consumer, t->cmd.iov, t->cmd.iov_cnt, 0);
	scsi_good(t);
}

static void aborted(struct scsi_task *t)
{
	scsi_status(t, SAM_TASK_ABORTED);
}

void scsi_abort(struct scsi_task *t)
{
	if (t->finished)
		return;
	if (t->started)
		return;
	if (t->ready) {
		t->resume = aborted;
		return;
	}
	/* It waits for its blocks; out of the line at once, lest it get its turn after all. */
	if (t->held)
		scsi_unlock(t);
	aborted(t);
}

void scsi_release(struct scsi_task *t)
{
	free(t->buf);
	t->buf = NULL;
	if (t->held)
		scsi_unlock(t);
}

bool scsi_alloc(struct scsi_task *t, size_t len)
{
	t->buf = t->lun->alloc(len);
	if (t->buf != NULL)
		return true;
	scsi_status(t, SAM_TASK_SET_FULL);
	return false;
}
