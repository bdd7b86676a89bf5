/* SPDX-License-Identifier: MIT */
/*
 * The way of a command onto the ring (KRN-010 to KRN-013, KRN-020 to KRN-024).
 *
 * Nearly every command is plain: its data fits into one page, its CDB has at most 16 bytes. For
 * these everything is done here, in stores of words; the others take the same steps in loops. What
 * a handler waits for comes first, what only we look at afterwards.
 *
 * Until a command is sure of its id, its blocks are noted in the slot of that id, which is free.
 */
#include "steps.h"

static enum admission refuse(struct ringsim_device *dev, struct ringsim_cmd *cmd, uint8_t status,
			     uint8_t key, uint8_t asc)
{
	cmd->status = status;
	if (status == 2)
		cmd_set_sense(dev, cmd, key, asc, 0);
	return REFUSED;
}

static enum admission enqueue(struct ringsim_device *dev, struct ringsim_cmd *cmd)
{
	return qfull_add(dev, cmd) ? refuse(dev, cmd, 0x28, 0, 0) : WAITS;
}

/* There is no way for an entry of @len bytes: what was allocated is given back (TRP-12). */
static enum admission give_up(struct ringsim_device *dev, struct ringsim_cmd *cmd,
			      const struct slot *noted, uint32_t len)
{
	struct slot *nobody = &dev->slots[0];

	nobody->first_blk = noted->first_blk;
	nobody->blks = noted->blks;
	nobody->len = noted->len;
	nobody->bidi_first_blk = noted->bidi_first_blk;
	nobody->bidi_blks = noted->bidi_blks;
	nobody->bidi_len = noted->bidi_len;
	data_free(dev, nobody);
	if (len > dev->lay.cmdr_size / 2)
		return refuse(dev, cmd, 0x02, 0x05, 0x24);
	if (!ring_has_space(dev, len))
		return enqueue(dev, cmd);
	return refuse(dev, cmd, 0x28, 0, 0); /* no id */
}

static uint32_t bidi_len(const struct ringsim_cmd *cmd)
{
	uint64_t len = cmd->dir == RINGSIM_BIDI ? sg_len(cmd->bidi_sg, cmd->bidi_cnt) : 0;

	return len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
}

/* The entry is built: everybody gets to know of the command that owns @slot. */
HOT void enter(struct ringsim_device *dev, struct ringsim_cmd *cmd, struct slot *slot, uint32_t id,
	       uint32_t head, uint32_t len, const bool w)
{
	if (w && dev->shadow)
		shadow_ring_store(dev, head, len);
	cmd->id = (uint16_t)id;
	cmd->state = RINGSIM_INFLIGHT;
	step_publish(dev, head, len | TCMU_OP_CMD, (uint16_t)id, cmd, w);
	bitset_del_first(&dev->ids_free);
	if (unlikely(id > dev->id_max))
		dev->id_max = (uint16_t)id;
	slot->cmd = cmd;
	slot->dir = (uint8_t)cmd->dir;
	slot->state = SLOT_INFLIGHT;
	slot->deadline_ns = dev->deadline_ns;
	if (unlikely(!dev->cmd_timer.pending))
		timer_arm_cmd(dev, slot->deadline_ns);
	step_link(dev, slot, (uint16_t)id);
	dev->n_cmds++;
	if (!dev->plugged)
		ring_notify(dev);
}

static void put_any(struct ringsim_device *dev, const struct ringsim_cmd *cmd,
		    const struct slot *slot, uint32_t id, uint32_t head, uint32_t len)
{
	uint32_t cdb_len = ringsim_cdb_len(cmd->cdb), iovs = slot->iovs + slot->bidi_iovs;
	uint64_t entry = (uint64_t)dev->lay.cmdr_off + head, base = ringsim_entry_base(iovs);

	shm_fill(dev->region, entry, 0, len);
	shm_store32(dev->region, entry, len | TCMU_OP_CMD);
	shm_store16(dev->region, entry + RINGSIM_OFF_ID, (uint16_t)id);
	shm_store32(dev->region, entry + RINGSIM_OFF_IOV_CNT, slot->iovs);
	shm_store32(dev->region, entry + RINGSIM_OFF_BIDI_CNT, slot->bidi_iovs);
	shm_store64(dev->region, entry + RINGSIM_OFF_CDB_OFF, entry + base);
	data_build_iovs(dev, slot->first_blk,
			cmd->dir == RINGSIM_FROM_DEVICE ? slot->len : data_copy_in(dev, slot, cmd),
			entry + RINGSIM_OFF_IOV);
	if (slot->bidi_iovs)
		data_build_iovs(dev, slot->bidi_first_blk, slot->bidi_len,
				entry + RINGSIM_OFF_IOV + slot->iovs * sizeof(struct iovec));
	shm_write(dev->region, entry + base, cmd->cdb,
		  cdb_len <= cmd->cdb_room ? cdb_len : cmd->cdb_room);
}

/* Any command that was not refused yet. */
static enum admission admit_any(struct ringsim_device *dev, struct ringsim_cmd *cmd, uint32_t id)
{
	struct slot *slot = &dev->slots[id];
	uint32_t len, head;

	slot->len = cmd->dir == RINGSIM_NONE ? 0 : cmd->data_len;
	slot->bidi_len = bidi_len(cmd);
	if ((uint64_t)data_blocks_needed(dev, slot->len) + data_blocks_needed(dev, slot->bidi_len) >
	    dev->lay.blocks)
		return refuse(dev, cmd, 0x02, 0x05, 0x24);
	if (data_alloc(dev, slot))
		return enqueue(dev, cmd);
	len = ringsim_entry_len(slot->iovs + slot->bidi_iovs, ringsim_cdb_len(cmd->cdb));
	if (len > dev->lay.cmdr_size / 2 || !ring_has_space(dev, len) || !id)
		return give_up(dev, cmd, slot, len);
	head = ring_pad_if_needed(dev, len);
	if (dev->shadow)
		shadow_before_write(dev, head, len);
	put_any(dev, cmd, slot, id, head, len);
	enter(dev, cmd, slot, id, head, len, true);
	return ADMITTED;
}

/* Takes the lowest free block for @len bytes, which fit into a page. */
HOT void take_page(struct ringsim_device *dev, struct slot *slot, uint32_t len, const bool w)
{
	uint32_t blk = bitset_first(&dev->blks_free);

	bitset_del_first(&dev->blks_free);
	if (unlikely(!page_present(dev, blk * dev->lay.pages_per_blk)))
		data_back(dev, blk, len);
	dev->blks_used++;
	if (w && dev->shadow)
		shadow_block_taken(dev, blk, len);
	dev->blk_next[blk] = NO_BLOCK;
	slot->first_blk = blk;
	slot->blks = 1;
	slot->len = len;
	slot->bidi_len = 0;
	slot->bidi_first_blk = NO_BLOCK;
	slot->bidi_blks = 0;
}

/* A group of opcodes: length of an entry with such a CDB, and which bytes of its end it has. */
struct group {
	uint64_t mask;
	uint32_t len;
};

#define CDB_BYTES(n) (UINT64_MAX >> (64 - 8 * (n)))

static const struct group groups[8] = {
	{ CDB_BYTES(6), RINGSIM_RSP_END + 8 },	{ CDB_BYTES(2), RINGSIM_RSP_END + 16 },
	{ CDB_BYTES(2), RINGSIM_RSP_END + 16 }, { CDB_BYTES(4), RINGSIM_RSP_END + 16 },
	{ CDB_BYTES(8), RINGSIM_RSP_END + 16 }, { CDB_BYTES(4), RINGSIM_RSP_END + 16 },
	{ CDB_BYTES(2), RINGSIM_RSP_END + 16 }, { CDB_BYTES(2), RINGSIM_RSP_END + 16 },
};

/* Every byte is stored: what the entry has no use for is zero (KRN-021). */
HOT void put_plain(struct ringsim_device *dev, const struct ringsim_cmd *cmd,
		   const struct slot *slot, uint32_t id, uint32_t head, const struct group *g)
{
	uint64_t entry = (uint64_t)dev->lay.cmdr_off + head, word;

	shm_store64(dev->region, entry, (uint64_t)id << 32 | g->len | TCMU_OP_CMD);
	shm_store64(dev->region, entry + RINGSIM_OFF_IOV_CNT, 1);
	shm_store64(dev->region, entry + RINGSIM_OFF_DIF_CNT, 0);
	shm_store64(dev->region, entry + RINGSIM_OFF_CDB_OFF, entry + RINGSIM_RSP_END);
	shm_fill(dev->region, entry + 32, 0, 16);
	shm_store64(dev->region, entry + RINGSIM_OFF_IOV, blk_off(dev, slot->first_blk));
	shm_store64(dev->region, entry + RINGSIM_OFF_IOV + 8, slot->len);
	shm_fill(dev->region, entry + 64, 0, RINGSIM_RSP_END - 64);
	memcpy(&word, cmd->cdb, 8);
	if (likely(g->len > RINGSIM_RSP_END + 8)) {
		shm_store64(dev->region, entry + RINGSIM_RSP_END, word);
		memcpy(&word, cmd->cdb + 8, 8);
		entry += 8;
	}
	shm_store64(dev->region, entry + RINGSIM_RSP_END, word & g->mask);
}

/* A plain command that was not refused yet. */
HOT enum admission admit_plain(struct ringsim_device *dev, struct ringsim_cmd *cmd, uint32_t id,
			       const bool w)
{
	const struct group *g = &groups[cmd->cdb[0] >> 5];
	uint32_t head, used, size = dev->lay.cmdr_size;
	struct slot *slot = &dev->slots[id];

	take_page(dev, slot, cmd->data_len, w);
	head = ring_head(dev);
	used = head - dev->reclaim + (head < dev->reclaim ? size : 0);
	if (unlikely(!id || size - head < g->len || used + g->len >= size ||
		     dev->rec_count + 2 > dev->rec_mask)) {
		if (!ring_has_space(dev, g->len) || !id)
			return give_up(dev, cmd, slot, g->len);
		head = ring_pad_if_needed(dev, g->len);
	}
	if (w && dev->shadow)
		shadow_before_write(dev, head, g->len);
	if (cmd->dir != RINGSIM_FROM_DEVICE)
		data_copy_in(dev, slot, cmd);
	put_plain(dev, cmd, slot, id, head, g);
	enter(dev, cmd, slot, id, head, g->len, w);
	return ADMITTED;
}

/* The order of these checks is KRN-010, and visible. */
HOT enum admission admit(struct ringsim_device *dev, struct ringsim_cmd *cmd, const bool w)
{
	uint32_t id;

	if (unlikely(dev->blocked))
		return refuse(dev, cmd, 0x08, 0, 0);
	if (unlikely(dev->broken))
		return refuse(dev, cmd, 0x02, 0x02, 0x08);
	if (unlikely(dev->qfull_first != NULL))
		return enqueue(dev, cmd);
	id = bitset_first(&dev->ids_free);
	if (unlikely(id == BITSET_NONE))
		id = 0; /* refused, but not before everything else was asked */
	if (likely(cmd->data_len - 1 < dev->lay.page_size && cmd->cdb_room >= 16 &&
		   (cmd->dir == RINGSIM_FROM_DEVICE || cmd->dir == RINGSIM_TO_DEVICE) &&
		   dev->blks_used < dev->dbi_thresh && cmd->cdb[0] != 0x7f))
		return admit_plain(dev, cmd, id, w);
	return admit_any(dev, cmd, id);
}

enum admission cmd_admit(struct ringsim_device *dev, struct ringsim_cmd *cmd)
{
	return admit(dev, cmd, true);
}

HOT void submit(struct ringsim_device *dev, struct ringsim_cmd *cmd, const bool w)
{
	cmd->outcome = RINGSIM_PENDING;
	cmd->status = 0;
	cmd->sense_valid = false;
	cmd->id = 0;
	cmd->residual = 0;
	cmd->data_in = 0;
	cmd->tmr = NULL;
	if (w)
		tap(dev, .kind = RINGSIM_TAP_SUBMIT, .cmd = cmd);
	if (unlikely(cmd->aborted)) {
		cmd_set_sense(dev, cmd, 0x0b, 0x29, 0x03);
		cmd_end(dev, cmd, RINGSIM_REFUSED, 0x02);
	} else if (unlikely(admit(dev, cmd, w) == REFUSED)) {
		cmd_end(dev, cmd, RINGSIM_REFUSED, cmd->status);
	}
}

void ringsim_submit(struct ringsim_device *dev, struct ringsim_cmd *cmd)
{
	if (unlikely(watched(dev)))
		submit(dev, cmd, true);
	else
		submit(dev, cmd, false);
}
