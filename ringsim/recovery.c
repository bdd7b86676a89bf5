/* SPDX-License-Identifier: MIT */
/*
 * Task management as TCMU hears of it, and the recovery actions of configfs.
 *
 * None of these tells the handler anything but through a TMR entry; a reset in particular is silent
 * (KRN-113). Clauses: KRN-100 to KRN-113, KRN-128.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

static void tmr_build(struct ringsim_device *dev, const struct pending_tmr *tmr)
{
	uint32_t len = ringsim_tmr_len(tmr->cnt);
	uint32_t head = ring_pad_if_needed(dev, len);
	uint64_t entry = (uint64_t)dev->lay.cmdr_off + head;
	struct tcmu_tmr_entry e = {
		.hdr = { .len_op = len | TCMU_OP_TMR },
		.tmr_type = tmr->type,
		.cmd_cnt = tmr->cnt,
	};

	if (dev->shadow)
		shadow_before_write(dev, head, len);
	shm_fill(dev->region, entry, 0, len);
	shm_write(dev->region, entry, &e, sizeof(e));
	shm_write(dev->region, entry + sizeof(e), tmr->ids, tmr->cnt * sizeof(tmr->ids[0]));
	if (dev->shadow)
		shadow_ring_store(dev, head, len);
	ring_publish(dev, head, len | TCMU_OP_TMR, 0, NULL);
	dev->n_tmrs++;
	ring_notify(dev); /* even while plugged (TRP-37) */
}

/* Puts waiting TMRs on the ring in order; true if none waits any more. */
bool tmr_run(struct ringsim_device *dev)
{
	struct pending_tmr *tmr;

	while ((tmr = dev->tmr_first) != NULL) {
		if (!dev->broken) {
			if (!ring_has_space(dev, ringsim_tmr_len(tmr->cnt)))
				return false;
			tmr_build(dev, tmr);
		}
		dev->tmr_first = tmr->next;
		if (!tmr->next)
			dev->tmr_end = &dev->tmr_first;
		dev->tmr_count--;
		free(tmr);
	}
	return true;
}

void tmr_drop_all(struct ringsim_device *dev)
{
	struct pending_tmr *tmr;

	while ((tmr = dev->tmr_first) != NULL) {
		dev->tmr_first = tmr->next;
		free(tmr);
	}
	dev->tmr_end = &dev->tmr_first;
	dev->tmr_count = 0;
}

/* KRN-102. A notice that cannot be allocated is dropped, as the kernel does. */
static void tmr_notify(struct ringsim_device *dev, uint8_t type, struct ringsim_cmd **cmds,
		       uint32_t n)
{
	struct pending_tmr *tmr;
	uint32_t i;

	if (dev->broken)
		return;
	tmr = malloc(sizeof(*tmr) + n * sizeof(tmr->ids[0]));
	if (!tmr)
		return; /* GCOVR_EXCL_LINE */
	tmr->next = NULL;
	tmr->type = type;
	tmr->cnt = 0;
	for (i = 0; i < n; i++)
		if (cmds[i])
			tmr->ids[tmr->cnt++] = cmds[i]->id;
	*dev->tmr_end = tmr;
	dev->tmr_end = &tmr->next;
	dev->tmr_count++;
	if (dev->tmr_first == tmr)
		tmr_run(dev);
}

void ringsim_tmr(struct ringsim_device *dev, struct ringsim_tmr *tmr, struct ringsim_cmd **cmds,
		 uint32_t n)
{
	bool unqueued = false;
	uint32_t i;

	tap(dev, .kind = RINGSIM_TAP_ABORT, .tmr_type = tmr->type, .cmds = cmds, .n = n);
	tmr->pending = 1; /* ours, so that tmr_done cannot run early */
	for (i = 0; i < n; i++) {
		struct ringsim_cmd *cmd = cmds[i];

		if (cmd->state == RINGSIM_IDLE || cmd->tmr) {
			cmds[i] = NULL;
			continue;
		}
		cmd->tmr = tmr;
		tmr->pending++;
		if (cmd->state == RINGSIM_QUEUED) {
			qfull_remove(dev, cmd);
			cmd_end(dev, cmd, RINGSIM_ABORTED, 0x40);
			unqueued = true;
			cmds[i] = NULL;
		} else {
			dev->slots[cmd->id].plain = false;
		}
	}
	if (unqueued)
		timer_next_qfull(dev);
	if (dev->tmr_notification)
		tmr_notify(dev, tmr->type, cmds, n);
	if (--tmr->pending == 0 && dev->ops->tmr_done)
		dev->ops->tmr_done(dev->ctx, tmr);
}

/* The order of TRP-33: flag, then completions, then the queue fails with BUSY. */
void ringsim_block(struct ringsim_device *dev, bool block)
{
	if (dev->blocked == block)
		return;
	dev->blocked = block;
	tap(dev, .kind = RINGSIM_TAP_BLOCK, .value = block);
	if (!block)
		return;
	walk_completions(dev);
	qfull_drain(dev, true);
}

int ringsim_reset(struct ringsim_device *dev, unsigned int level)
{
	uint32_t id, left = dev->inflight + dev->expired + dev->kept;

	if (level != 1 && level != 2)
		return -EINVAL;
	tap(dev, .kind = RINGSIM_TAP_RESET, .value = level);
	note_peaks(dev);
	for (id = 1; left; id++) {
		struct slot *slot = &dev->slots[id];

		if (slot->state < SLOT_INFLIGHT)
			continue;
		left--;
		if (slot->state == SLOT_INFLIGHT) {
			slot_unlink(dev, (uint16_t)id);
			cmd_end(dev, slot->cmd, RINGSIM_RESET, level == 1 ? 0x08 : 0x02);
		}
		slot_release(dev, (uint16_t)id, SLOT_RESET);
	}
	dev->expired = dev->kept = 0;
	dev->reclaim = dev->head = 0;
	dev->head_moved = false;
	dev->space = dev->lay.cmdr_size - 1;
	dev->rec_first = dev->rec_count = dev->rec_plain = 0;
	shm_store32(dev->region, RINGSIM_OFF_TAIL, 0);
	shm_store32(dev->region, RINGSIM_OFF_HEAD, 0);
	dev->broken = false;
	dev->cmd_timer.pending = false;
	if (dev->shadow)
		shadow_reset(dev);
	tmr_drop_all(dev);
	qfull_drain(dev, false);
	return 0;
}

int ringsim_free_kept(struct ringsim_device *dev, uint32_t id)
{
	if (id > RINGSIM_ID_MAX)
		return -ERANGE; /* the attribute takes a u16 */
	if (!id || dev->slots[id].state != SLOT_KEPT)
		return -EINVAL;
	tap(dev, .kind = RINGSIM_TAP_FREE, .value = id);
	note_peaks(dev);
	dev->kept--;
	slot_release(dev, (uint16_t)id, SLOT_DONE);
	/* Only data space came free: a waiting TMR is not helped and keeps its place. */
	if (!dev->tmr_first)
		qfull_drain(dev, false);
	return 0;
}

void ringsim_release(struct ringsim_device *dev)
{
	bool freed = dev->kept != 0;
	uint32_t id;

	tap(dev, .kind = RINGSIM_TAP_RELEASE);
	note_peaks(dev);
	for (id = 1; dev->kept; id++) {
		if (dev->slots[id].state != SLOT_KEPT)
			continue;
		dev->kept--;
		slot_release(dev, (uint16_t)id, SLOT_DONE);
	}
	if (freed && !dev->tmr_first)
		qfull_drain(dev, false);
	dev->opened = false;
}
