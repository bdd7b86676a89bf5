/* SPDX-License-Identifier: MIT */
/*
 * Steps that a command takes on its way through submit.c and walk.c and that others take, too, now
 * and then. Each is inlined there, twice: with @w, where somebody watches (see watched()), and
 * without. For the others device.c has one of each.
 */
#ifndef RINGSIM_STEPS_H
#define RINGSIM_STEPS_H

#include "internal.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Behind the last in flight; slot 0 is before the first and behind the last. */
HOT void step_link(struct ringsim_device *dev, struct slot *slot, uint16_t id)
{
	uint16_t last = dev->slots[0].prev;

	slot->prev = last;
	slot->next = 0;
	dev->slots[last].next = id;
	dev->slots[0].prev = id;
	dev->inflight++;
}

HOT void step_unlink(struct ringsim_device *dev, const struct slot *slot)
{
	dev->slots[slot->prev].next = slot->next;
	dev->slots[slot->next].prev = slot->prev;
	dev->inflight--;
}

/*
 * Shows the handler what lies at @head (KRN-024), and notes it for the walk. The handler waits for
 * the one, nobody for the other. @sure: cmd_head was found where it had been published to.
 */
HOT void step_publish(struct ringsim_device *dev, uint32_t head, uint32_t len_op, uint16_t id,
		      struct ringsim_cmd *cmd, const bool w, const bool sure)
{
	uint32_t len = len_op & ~(uint32_t)TCMU_OP_MASK, next = head + len;
	struct record *rec = rec_at(dev, dev->rec_count);

	if (!sure)
		note_peaks(dev); /* of a head that may be elsewhere next time */
	if (unlikely(next >= dev->lay.cmdr_size)) {
		dev->ring_end = dev->lay.cmdr_size;
		next -= dev->lay.cmdr_size;
	}
	if (w)
		tap(dev, .kind = RINGSIM_TAP_ENTRY, .off = head, .cmd = cmd);
	shm_store32_release(dev->region, RINGSIM_OFF_HEAD, next);
	rec->off = head;
	rec->len_op = len_op;
	rec->id = id;
	dev->rec_count++;
	dev->space -= len;
	if (!sure && head != dev->head)
		dev->head_moved = true;
	dev->head = next;
	if (w && dev->shadow)
		shadow_published(dev);
}

/* An aborted command's own status is discarded (TRP-56); see cmd_end(). */
HOT void step_end(struct ringsim_device *dev, struct ringsim_cmd *cmd, enum ringsim_outcome outcome,
		  uint8_t status, const bool w)
{
	struct ringsim_tmr *tmr = cmd->tmr;

	cmd->state = RINGSIM_IDLE;
	cmd->outcome = outcome;
	cmd->status = status;
	if (unlikely(status == 2 && !cmd->sense_valid))
		cmd_set_sense(dev, cmd, 0x02, 0x08, 0x00);
	if (unlikely(tmr != NULL)) {
		cmd->tmr = NULL;
		cmd->outcome = RINGSIM_ABORTED;
		cmd->status = 0x40;
		cmd->sense_valid = false;
		cmd->residual = 0;
	}
	dev->n_completed++;
	if (w)
		tap(dev, .kind = RINGSIM_TAP_END, .cmd = cmd);
	if (dev->ops->complete)
		dev->ops->complete(dev->ctx, cmd);
	if (unlikely(tmr != NULL) && --tmr->pending == 0 && dev->ops->tmr_done)
		dev->ops->tmr_done(dev->ctx, tmr);
}

#endif
