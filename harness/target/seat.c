/* SPDX-License-Identifier: MIT */
/*
 * The handler's seat: a case stores what it wants, where it wants. Reads and writes are those of a
 * handler, through the region and the UIO node alone.
 */
#include "impl.h"

#include <ringsim/shm.h>

uint8_t *seat_region(struct target *t)
{
	t->ops->settle_submits(t);
	if (!t->region)
		tc_leave(t->tc, "sim only: looks at a ring that another process has mapped");
	return t->region;
}

uint64_t seat_map_size(struct target *t)
{
	return t->region_size;
}

static uint32_t cmdr_off(struct target *t)
{
	return shm_load32(seat_region(t), offsetof(struct tcmu_mailbox, cmdr_off));
}

static uint32_t cmdr_size(struct target *t)
{
	return shm_load32(seat_region(t), offsetof(struct tcmu_mailbox, cmdr_size));
}

/* For a while the ring is another process's; then the target knows how to look. */
uint32_t seat_head(struct target *t)
{
	t->ops->settle_submits(t);
	if (!t->region)
		return t->ops->word(t, RINGSIM_OFF_HEAD);
	return shm_load32_acquire(seat_region(t), RINGSIM_OFF_HEAD);
}

uint32_t seat_tail(struct target *t)
{
	t->ops->settle_submits(t);
	if (!t->region)
		return t->ops->word(t, RINGSIM_OFF_TAIL);
	return shm_load32(seat_region(t), RINGSIM_OFF_TAIL);
}

static void decode_cmd(struct target *t, uint64_t at, struct seat_entry *e)
{
	uint8_t *region = seat_region(t);
	struct tcmu_cmd_entry raw;
	uint32_t i, n;

	shm_read(&raw, region, at, sizeof(raw));
	e->iov_cnt = raw.req.iov_cnt;
	e->iov_bidi_cnt = raw.req.iov_bidi_cnt;
	e->iov_dif_cnt = raw.req.iov_dif_cnt;
	e->cdb_off = raw.req.cdb_off;
	n = e->iov_cnt + e->iov_bidi_cnt;
	for (i = 0; i < n && i < 64; i++)
		shm_read(&e->iov[i], region, at + RINGSIM_OFF_IOV + i * sizeof(struct iovec),
			 sizeof(struct iovec));
	if (e->cdb_off >= at && e->cdb_off < at + e->len)
		shm_read(e->cdb, region, e->cdb_off,
			 at + e->len - e->cdb_off < sizeof(e->cdb) ? at + e->len - e->cdb_off
								   : sizeof(e->cdb));
}

void seat_entry(struct target *t, uint32_t off, struct seat_entry *e)
{
	uint8_t *region = seat_region(t);
	uint64_t at = (uint64_t)cmdr_off(t) + off;
	uint32_t len_op = shm_load32(region, at), i;

	memset(e, 0, sizeof(*e));
	e->off = off;
	e->len = tcmu_hdr_get_len(len_op);
	e->op = (uint8_t)tcmu_hdr_get_op(len_op);
	e->id = shm_load16(region, at + RINGSIM_OFF_ID);
	e->kflags = shm_load8(region, at + RINGSIM_OFF_KFLAGS);
	e->uflags = shm_load8(region, at + RINGSIM_OFF_UFLAGS);
	if (e->op == TCMU_OP_CMD)
		decode_cmd(t, at, e);
	if (e->op != TCMU_OP_TMR)
		return;
	e->tmr_type = shm_load8(region, at + 8);
	e->cmd_cnt = shm_load32(region, at + 12);
	for (i = 0; i < e->cmd_cnt && i < 64; i++)
		e->cmd_ids[i] = shm_load16(region, at + 32 + 2ull * i);
}

uint32_t seat_next(struct target *t, const struct seat_entry *e)
{
	return (e->off + e->len) % cmdr_size(t);
}

void seat_answer(struct target *t, uint32_t off, uint16_t id, uint8_t status, uint8_t uflags,
		 uint32_t read_len, const uint8_t *sense)
{
	uint8_t *region = seat_region(t);
	uint64_t at = (uint64_t)cmdr_off(t) + off;

	if (id)
		shm_store16(region, at + RINGSIM_OFF_ID, id);
	shm_store8(region, at + RINGSIM_OFF_STATUS, status);
	shm_store32(region, at + RINGSIM_OFF_RDLEN, read_len);
	if (sense)
		shm_write(region, at + RINGSIM_OFF_SENSE, sense, TCMU_SENSE_BUFFERSIZE);
	shm_store8(region, at + RINGSIM_OFF_UFLAGS, uflags);
}

void seat_set_tail(struct target *t, uint32_t tail)
{
	shm_store32_release(seat_region(t), RINGSIM_OFF_TAIL, tail);
}

void seat_ring(struct target *t)
{
	uint32_t value = 1;

	target_uio_write(t, &value, sizeof(value));
}

/* Answers and passes one entry; false if there is none. */
static bool pass_one(struct target *t, uint8_t status, bool *was_cmd)
{
	static const uint8_t sense[TCMU_SENSE_BUFFERSIZE] = { 0x70, 0, 5, 0, 0, 0,   0,
							      10,   0, 0, 0, 0, 0x20 };
	uint32_t tail = seat_tail(t);
	struct seat_entry e;

	if (tail == seat_head(t))
		return false;
	seat_entry(t, tail, &e);
	if (!e.len)
		return false; /* no entry: nothing to pass */
	*was_cmd = e.op == TCMU_OP_CMD;
	if (*was_cmd)
		seat_answer(t, tail, 0, status, 0, 0, status == 2 ? sense : NULL);
	seat_set_tail(t, seat_next(t, &e));
	return true;
}

void seat_finish(struct target *t, uint8_t status)
{
	bool was_cmd = false;

	while (!was_cmd && pass_one(t, status, &was_cmd))
		;
	seat_ring(t);
}

void seat_finish_all(struct target *t, uint8_t status)
{
	bool was_cmd;

	while (pass_one(t, status, &was_cmd))
		;
	seat_ring(t);
}
