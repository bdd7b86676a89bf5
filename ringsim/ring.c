/* SPDX-License-Identifier: MIT */
/*
 * The producer's side of the command ring: space, PAD, publication.
 *
 * There is no private head: it is read back from the mailbox each time (KRN-001, TRP-03), reduced
 * to something that can be used whatever the handler stored there. Space is counted from the
 * reclaim pointer, never from cmd_tail (KRN-032). Every published entry leaves a private record,
 * which is what the completion walk believes. Clauses: KRN-020 to KRN-034, KRN-073.
 */
#include "internal.h"

#include <errno.h>

uint32_t ring_head(const struct ringsim_device *dev)
{
	uint32_t head = shm_load32(dev->region, RINGSIM_OFF_HEAD);

	if (__builtin_expect(head >= dev->lay.cmdr_size, 0))
		head %= dev->lay.cmdr_size;
	return head & ~7u;
}

/* KRN-032: the -1 keeps a full ring from looking like an empty one (KRN-033). */
bool ring_has_space(const struct ringsim_device *dev, uint32_t len)
{
	uint32_t size = dev->lay.cmdr_size, head = ring_head(dev);
	uint32_t used = head >= dev->reclaim ? head - dev->reclaim : head + size - dev->reclaim;
	uint32_t room = size - used - 1, to_end = size - head;
	uint64_t needed = len;

	if (to_end < len)
		needed += to_end;
	/* Only a handler that moves cmd_head can make the records run out. */
	return room >= needed && dev->rec_count + 2 < dev->rec_most;
}

static void put_header(struct ringsim_device *dev, uint32_t off, uint32_t len_op, uint16_t id)
{
	struct tcmu_cmd_entry_hdr hdr = { .len_op = len_op, .cmd_id = id };

	shm_write(dev->region, (uint64_t)dev->lay.cmdr_off + off, &hdr, sizeof(hdr));
}

/* Twice as many records: what had wrapped around follows what had not. */
static void more_records(struct ringsim_device *dev)
{
	dev->rec_first &= dev->rec_mask;
	memcpy(&dev->recs[dev->rec_mask + 1], dev->recs, dev->rec_first * sizeof(*dev->recs));
	dev->rec_mask = 2 * dev->rec_mask + 1;
}

void ring_publish(struct ringsim_device *dev, uint32_t head, uint32_t len_op, uint16_t id,
		  struct ringsim_cmd *cmd)
{
	uint32_t len = len_op & ~(uint32_t)TCMU_OP_MASK, next = head + len;

	note_peaks(dev); /* of a head that may be elsewhere next time */
	if (next >= dev->lay.cmdr_size) {
		dev->ring_end = dev->lay.cmdr_size;
		next -= dev->lay.cmdr_size;
	}
	tap(dev, .kind = RINGSIM_TAP_ENTRY, .off = head, .cmd = cmd);
	shm_store32_release(dev->region, RINGSIM_OFF_HEAD, next);
	if (dev->rec_count > dev->rec_mask)
		more_records(dev);
	*rec_at(dev, dev->rec_count++) = (struct record){ .off = head, .len_op = len_op, .id = id };
	dev->space -= len;
	if (head != dev->head)
		dev->head_moved = true;
	dev->head = next;
	if (dev->shadow)
		shadow_published(dev);
}

/* KRN-030, KRN-031: a PAD is published on its own, before the entry that needs it is built. */
uint32_t ring_pad_if_needed(struct ringsim_device *dev, uint32_t len)
{
	uint32_t head = ring_head(dev), pad = dev->lay.cmdr_size - head;

	if (pad >= len)
		return head;
	if (dev->shadow)
		shadow_before_write(dev, head, 8);
	put_header(dev, head, pad | TCMU_OP_PAD, 0);
	if (dev->shadow)
		shadow_ring_store(dev, head, 8);
	dev->n_pads++;
	ring_publish(dev, head, pad | TCMU_OP_PAD, 0, NULL);
	return 0;
}

void ring_notify(struct ringsim_device *dev)
{
	dev->events++;
	if (dev->ops->event)
		dev->ops->event(dev->ctx);
}

int ringsim_put_raw(struct ringsim_device *dev, unsigned int op, uint32_t len, uint8_t fill)
{
	uint32_t head;

	if (op == TCMU_OP_CMD || op == TCMU_OP_TMR || op > TCMU_OP_MASK || len % 8 || len < 8 ||
	    len > dev->lay.cmdr_size / 2)
		return -EINVAL;
	if (!ring_has_space(dev, len))
		return -ENOSPC;
	tap(dev, .kind = RINGSIM_TAP_LOST);
	head = ring_pad_if_needed(dev, len);
	if (dev->shadow)
		shadow_before_write(dev, head, len);
	shm_fill(dev->region, (uint64_t)dev->lay.cmdr_off + head, fill, len);
	put_header(dev, head, len | op, 0);
	if (dev->shadow)
		shadow_ring_store(dev, head, len);
	ring_publish(dev, head, len | op, 0, NULL);
	ring_notify(dev);
	return 0;
}

uint32_t ringsim_put_decoy(struct ringsim_device *dev, uint32_t n)
{
	struct tcmu_cmd_entry decoy = { .hdr = { .len_op = 120 | TCMU_OP_CMD } };
	uint32_t head = ring_head(dev), id = RINGSIM_ID_MAX, i;

	for (i = 0; i < n; i++, head += 120) {
		while (ringsim_id_used(dev, id))
			id--;
		if (!id || head + 120 > dev->lay.cmdr_size || !ring_has_space(dev, 120 * (i + 1)))
			break;
		decoy.hdr.cmd_id = (uint16_t)id--;
		decoy.req.cdb_off = (uint64_t)dev->lay.cmdr_off + head + sizeof(decoy);
		if (dev->shadow)
			shadow_before_write(dev, head, 120);
		shm_write(dev->region, (uint64_t)dev->lay.cmdr_off + head, &decoy, sizeof(decoy));
		shm_fill(dev->region, (uint64_t)dev->lay.cmdr_off + head + sizeof(decoy), 0, 8);
		if (dev->shadow)
			shadow_ring_store(dev, head, 120);
		if (head + 120 > dev->ring_end)
			dev->ring_end = head + 120;
	}
	return i;
}
