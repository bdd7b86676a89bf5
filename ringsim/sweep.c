/* SPDX-License-Identifier: MIT */
/*
 * Comparing everything at once, and the simulator's own invariants (contract section 7.1): run when
 * a case ends, or between steps of a handler where memory is small.
 */
#include "shadow.h"

/* Checks the ring bytes that no published entry covers, in at most two runs. */
static void sweep_free_ring(struct ringsim_device *dev)
{
	uint32_t head = ring_head(dev), size = dev->lay.cmdr_size;

	if (head >= dev->reclaim) {
		shadow_before_write(dev, head, size - head);
		shadow_before_write(dev, 0, dev->reclaim);
	} else {
		shadow_before_write(dev, head, dev->reclaim - head);
	}
}

static void sweep_gap(struct ringsim_device *dev)
{
	uint64_t from = sizeof(struct tcmu_mailbox), to = dev->lay.cmdr_off, diff;
	int i;

	for (i = 0; i < 2; i++) {
		diff = shadow_diff(dev, from, to - from);
		if (diff != UINT64_MAX) {
			violation(dev, "HND-023", diff, 0, dev->shadow->copy + diff,
				  dev->region + diff, 1, "store outside mailbox, ring and data");
			shadow_adopt(dev, from, to - from);
		}
		from = (uint64_t)dev->lay.cmdr_off + dev->lay.cmdr_size;
		to = dev->lay.data_off;
	}
}

static void broken_invariant(struct ringsim_device *dev, const char *what, uint64_t want,
			     uint64_t got)
{
	violation(dev, "KRN-001", UINT64_MAX, 0, NULL, NULL, 0,
		  "simulator invariant: %s: expected %llu, found %llu", what,
		  (unsigned long long)want, (unsigned long long)got);
}

/* Every id and block is free or belongs to one slot (invariants 3 and 4). */
static void sweep_tables(struct ringsim_device *dev)
{
	uint32_t id, blks = 0, inflight = 0, expired = 0, kept = 0, ids = 0;

	for (id = 1; id <= RINGSIM_ID_MAX && ids < dev->inflight + dev->expired + dev->kept; id++) {
		const struct slot *slot = &dev->slots[id];

		if (slot->state < SLOT_INFLIGHT)
			continue;
		ids++;
		blks += slot->blks + slot->bidi_blks;
		inflight += slot->state == SLOT_INFLIGHT;
		expired += slot->state == SLOT_EXPIRED;
		kept += slot->state == SLOT_KEPT;
		if (bitset_has(&dev->ids_free, id))
			broken_invariant(dev, "free id in use", 0, id);
	}
	if (blks != dev->blks_used)
		broken_invariant(dev, "blocks of all commands", dev->blks_used, blks);
	if (inflight != dev->inflight || expired != dev->expired || kept != dev->kept)
		broken_invariant(dev, "commands that own an id",
				 dev->inflight + dev->expired + dev->kept,
				 inflight + expired + kept);
}

/* The records cover the ring from the reclaim pointer to the head (invariants 1 and 2). */
static void sweep_records(struct ringsim_device *dev)
{
	uint32_t pos = dev->reclaim, i;

	for (i = 0; i < dev->rec_count; i++) {
		const struct record *rec = rec_at(dev, i);

		if (rec->off != pos)
			return; /* the handler moved cmd_head; reported when it did */
		pos = rec_end(dev, rec);
	}
	if (pos != ring_head(dev))
		broken_invariant(dev, "end of the last entry", ring_head(dev), pos);
}

void ringsim_sweep(struct ringsim_device *dev)
{
	struct shadow *s = dev->shadow;
	uint32_t i;

	if (!s)
		return;
	ringsim_observe(dev);
	for (i = s->tail_recs; i < dev->rec_count; i++)
		shadow_check_entry(dev, rec_at(dev, i));
	sweep_free_ring(dev);
	sweep_gap(dev);
	for (i = 0; i < s->blk_end; i++)
		if (s->blk_used[i] < dev->lay.blk_size)
			shadow_check_block(dev, i, s->blk_used[i]);
	shadow_check_stray(dev);
	sweep_records(dev);
	sweep_tables(dev);
}
