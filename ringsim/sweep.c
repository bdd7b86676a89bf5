/* SPDX-License-Identifier: MIT */
/*
 * Comparing everything at once, and the simulator's own invariants (contract section 7.1): run when
 * a case ends, or between steps of a handler where memory is small.
 */
#include "shadow.h"

#include <stdlib.h>

static bool all_zero(const uint8_t *p, uint32_t len)
{
	static const uint8_t zeros[64];
	uint32_t first = len < sizeof(zeros) ? len : sizeof(zeros);

	return !memcmp(p, zeros, first) && !memcmp(p, p + first, len - first);
}

/* Where no entry has ever been there are zeros; the copy is not looked at, which has no pages
 * there.
 */
static void sweep_free(struct ringsim_device *dev, uint32_t off, uint32_t end)
{
	uint32_t used = dev->ring_end < end ? dev->ring_end : end;

	if (off < used)
		shadow_before_write(dev, off, used - off);
	else
		used = off;
	if (!all_zero(shm_peek(dev->region, (uint64_t)dev->lay.cmdr_off + used, end - used),
		      end - used))
		shadow_before_write(dev, used, end - used);
}

/* Checks the ring bytes that no published entry covers, in at most two runs. */
static void sweep_free_ring(struct ringsim_device *dev)
{
	uint32_t head = ring_head(dev), size = dev->lay.cmdr_size;

	if (head >= dev->reclaim) {
		sweep_free(dev, head, size);
		sweep_free(dev, 0, dev->reclaim);
	} else {
		sweep_free(dev, head, dev->reclaim);
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
				  shm_peek(dev->region, diff, 1), 1,
				  "store outside mailbox, ring and data");
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

/* Takes the blocks of a chain out of @left; a block that is not there is free or somebody else's.
 */
static void sweep_chain(struct ringsim_device *dev, uint64_t *left, uint32_t blk, uint32_t n)
{
	for (; n && blk != NO_BLOCK; n--, blk = blk_after(dev, blk)) {
		if (!(left[blk / 64] >> (blk % 64) & 1))
			broken_invariant(dev, "block owned twice or free", 0, blk);
		left[blk / 64] &= ~(1ull << (blk % 64));
	}
	if (n || blk != NO_BLOCK)
		broken_invariant(dev, "blocks in a chain", 0, n);
}

static uint32_t bits(const uint64_t *words, uint32_t n)
{
	uint32_t i, count = 0;

	for (i = 0; i <= (n - 1) / 64; i++)
		count += (uint32_t)__builtin_popcountll(words[i]);
	return count;
}

/* The bitmap is the union of the blocks of all commands, which are disjoint (invariant 3). */
static void sweep_blocks(struct ringsim_device *dev)
{
	uint32_t words = (dev->lay.blocks + 63) / 64, i, id;
	uint64_t *left = malloc(words * sizeof(*left));

	if (!left)
		return; /* GCOVR_EXCL_LINE */
	for (i = 0; i < words; i++)
		left[i] = ~dev->blks_free.words[i];
	if (dev->lay.blocks % 64)
		left[words - 1] &= (1ull << (dev->lay.blocks % 64)) - 1;
	if (bits(left, dev->lay.blocks) != dev->blks_used)
		broken_invariant(dev, "blocks taken", dev->blks_used, bits(left, dev->lay.blocks));
	for (id = 1; id <= dev->id_max; id++) {
		const struct slot *slot = &dev->slots[id];

		if (slot->state < SLOT_INFLIGHT)
			continue;
		sweep_chain(dev, left, slot->first_blk, slot->blks);
		sweep_chain(dev, left, slot_bidi_blk(slot), slot->bidi_blks);
	}
	if (bits(left, dev->lay.blocks))
		broken_invariant(dev, "blocks that no command owns", 0,
				 bits(left, dev->lay.blocks));
	free(left);
}

/* Every id is free or belongs to one slot, every in-flight one is in the FIFO (invariant 4). */
static void sweep_ids(struct ringsim_device *dev)
{
	uint32_t id, inflight = 0, expired = 0, kept = 0, fifo = 0;

	for (id = 1; id <= dev->id_max; id++) {
		uint8_t state = dev->slots[id].state;

		inflight += state == SLOT_INFLIGHT;
		expired += state == SLOT_EXPIRED;
		kept += state == SLOT_KEPT;
		if (bitset_has(&dev->ids_free, id) != (state < SLOT_INFLIGHT))
			broken_invariant(dev, "id taken without a command, or free with one", 0,
					 id);
	}
	for (id = dev->slots[0].next; id && fifo <= inflight; id = dev->slots[id].next)
		fifo++;
	if (inflight != dev->inflight || expired != dev->expired || kept != dev->kept)
		broken_invariant(dev, "commands that own an id",
				 dev->inflight + dev->expired + dev->kept,
				 inflight + expired + kept);
	if (fifo != inflight)
		broken_invariant(dev, "commands in the in-flight FIFO", inflight, fifo);
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
	if (pos != dev->shadow->head)
		broken_invariant(dev, "end of the last entry", dev->shadow->head, pos);
}

void ringsim_sweep(struct ringsim_device *dev)
{
	struct shadow *s = dev->shadow;
	uint32_t i;

	if (!s)
		return;
	note_peaks(dev);
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
	sweep_blocks(dev);
	sweep_ids(dev);
}
