/* SPDX-License-Identifier: MIT */
/*
 * Programs that play the handler, as hostile as they like, against the simulator.
 *
 * They may store anything anywhere, so nothing in the region is believed here either: places are
 * worked out from the device's own records. What is asked of the kernel's half: no call crashes or
 * hangs, each command ends once, for a reason that there is, and the recovery actions end all that
 * is left (KRN-103, KRN-110, KRN-111).
 */
#include "exec_impl.h"

#include <ringsim/shm.h>

/* Offset in the region, where @len bytes have room. */
static uint64_t place(struct exec *r, const struct fuzz_op *op, uint64_t len)
{
	const struct ringsim_layout *lay = target_layout(r->t);
	uint64_t size = lay->region_size, off = 0, distance = op->n[1];
	struct ringsim_stats st;

	target_stats(r->t, &st);
	switch (op->n[0]) {
	case FUZZ_B_RING:
		off = lay->cmdr_off;
		break;
	case FUZZ_B_HEAD:
		off = (uint64_t)lay->cmdr_off + st.head;
		break;
	case FUZZ_B_TAIL:
		off = (uint64_t)lay->cmdr_off + st.tail;
		break;
	case FUZZ_B_OLD:
		off = (uint64_t)lay->cmdr_off + st.reclaim;
		break;
	case FUZZ_B_DATA:
		off = lay->data_off;
		break;
	case FUZZ_B_END:
		off = size;
		distance = -distance;
		break;
	default:
		break;
	}
	off = (off + distance) % size;
	return off + len > size ? size - len : off;
}

static void store(struct exec *r, const struct fuzz_op *op)
{
	uint32_t len = op->n[2] >= 8 ? 8 : op->n[2] >= 4 ? 4 : op->n[2] >= 2 ? 2 : 1;
	uint64_t off = place(r, op, len);
	uint8_t *region = seat_region(r->t);

	if (off % len)
		shm_write(region, off, &op->n[3], len);
	else if (len == 8)
		shm_store64(region, off, op->n[3]);
	else if (len == 4)
		shm_store32_release(region, off, (uint32_t)op->n[3]);
	else if (len == 2)
		shm_store16(region, off, (uint16_t)op->n[3]);
	else
		shm_store8(region, off, (uint8_t)op->n[3]);
}

static void fill(struct exec *r, const struct fuzz_op *op)
{
	uint64_t size = target_layout(r->t)->region_size, len = op->n[2], off;

	if (len > size)
		len = size;
	off = place(r, op, len);
	if (len)
		shm_fill(seat_region(r->t), off, (uint8_t)op->n[3], len);
}

static void uio_write(struct exec *r, uint64_t len, uint64_t value)
{
	uint8_t buf[4096] = { 0 };

	memcpy(buf, &value, sizeof(value));
	target_uio_write(r->t, buf, len > sizeof(buf) ? sizeof(buf) : len);
}

static void uio_read(struct exec *r, uint64_t len)
{
	uint8_t buf[4096];

	target_uio_read(r->t, buf, len > sizeof(buf) ? sizeof(buf) : len);
}

static void answer_slot(struct exec *r, const struct ringsim_entry *e)
{
	uint64_t at = (uint64_t)target_layout(r->t)->cmdr_off + e->off;
	uint8_t *region = seat_region(r->t);

	shm_store16(region, at + RINGSIM_OFF_ID, e->id);
	shm_store8(region, at + RINGSIM_OFF_STATUS, 0);
	shm_store32(region, at + RINGSIM_OFF_RDLEN, 0);
	shm_store8(region, at + RINGSIM_OFF_UFLAGS, 0);
}

/* As a handler would that knows nothing of what others stored; a tail gone wild is put right. */
static void answer(struct exec *r, uint64_t count, bool ring)
{
	const struct ringsim_layout *lay = target_layout(r->t);
	struct ringsim_device *dev = target_device(r->t);
	struct ringsim_stats st;
	struct ringsim_entry e;
	uint32_t i, from = 0, tail;

	target_stats(r->t, &st);
	tail = st.reclaim;
	for (i = 0; ringsim_entry_at(dev, i, &e); i++) {
		if (e.off != st.tail)
			continue;
		from = i;
		tail = e.off;
	}
	if (st.tail == st.head)
		return;
	for (i = from; count && ringsim_entry_at(dev, i, &e); i++) {
		tail = (e.off + e.len) % lay->cmdr_size;
		if (e.op != TCMU_OP_CMD)
			continue;
		answer_slot(r, &e);
		count--;
	}
	seat_set_tail(r->t, tail);
	if (ring)
		uio_write(r, 4, 1);
}

void exec_seat(struct exec *r, const struct fuzz_op *op)
{
	switch (op->verb) {
	case FUZZ_STORE:
		store(r, op);
		break;
	case FUZZ_FILL:
		fill(r, op);
		break;
	case FUZZ_RING:
		uio_write(r, op->n[0], op->n[1]);
		break;
	case FUZZ_READ:
		uio_read(r, op->n[0]);
		break;
	case FUZZ_MAP:
		ringsim_uio_mmap(target_uio(r->t), op->n[0], op->n[1]);
		break;
	case FUZZ_OPEN:
		target_uio_open(r->t);
		break;
	case FUZZ_CLOSE:
		if (target_attached(r->t))
			target_uio_close(r->t);
		break;
	case FUZZ_ANSWER:
		answer(r, op->n[0], op->n[1]);
		break;
	case FUZZ_FREE:
		target_free_kept_buf(r->t, (uint32_t)op->n[0]);
		break;
	default:
		break;
	}
}

void exec_seat_finish(struct exec *r)
{
	if (r->plugged)
		target_unplug(r->t);
	exec_block(r, true);
	if (!exec_stopped(r))
		exec_reset(r, 1);
	if (exec_stopped(r))
		return;
	if (r->first)
		tc_fail(r->tc, "KRN-111",
			"%s, operation %u, and %u more outlived block_dev and reset_ring",
			r->first->cdb.name, r->first->c.nr, r->in_flight - 1);
	else if (target_tmr_done(r->t) != r->tmrs)
		tc_fail(r->tc, "KRN-103",
			"%llu task management functions, %u answered though all commands ended",
			(unsigned long long)r->tmrs, target_tmr_done(r->t));
}
