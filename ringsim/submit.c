/* SPDX-License-Identifier: MIT */
/*
 * The way of a command onto the ring (KRN-010 to KRN-013, KRN-020 to KRN-024).
 *
 * Nearly every command is plain, as send_plain() says: for these everything is done in one go, in
 * stores of words, without a call. The others take the same steps in loops. What a handler waits
 * for comes first, what only we look at afterwards.
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

/* The entry at @head is built: the command that owns @slot goes on its way. */
HOT void enter(struct ringsim_device *dev, struct ringsim_cmd *cmd, struct slot *slot, uint32_t id,
	       uint32_t head, uint32_t len, const bool w, const bool sure)
{
	if (w && dev->shadow)
		shadow_ring_store(dev, head, len);
	cmd->id = (uint16_t)id;
	cmd->state = RINGSIM_INFLIGHT;
	step_publish(dev, head, len | TCMU_OP_CMD, (uint16_t)id, cmd, w, sure);
	if (unlikely(id > dev->id_max))
		dev->id_max = (uint16_t)id;
	slot->cmd = cmd;
	slot->dir = (uint8_t)cmd->dir;
	slot->state = SLOT_INFLIGHT;
	slot->deadline_ns = dev->deadline_ns;
	step_link(dev, slot, (uint16_t)id);
	dev->n_cmds++;
	if (unlikely(!dev->cmd_timer.pending))
		timer_arm_cmd(dev, dev->deadline_ns);
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
	bitset_del_first(&dev->ids_free);
	enter(dev, cmd, slot, id, head, len, true, false);
	return ADMITTED;
}

#define PLAIN_LEN (RINGSIM_RSP_END + 16u)
#define AHEAD	  8u

/* Which bytes count of the second word of a CDB of 10 to 16 bytes, by opcode group. */
static const uint64_t second_words[8] = {
	0, 0xffff, 0xffff, 0xffffffff, UINT64_MAX, 0xffffffff, 0xffff, 0xffff,
};

/* Every byte is stored: what the entry has no use for is zero (KRN-021). */
HOT void put_plain(struct ringsim_device *dev, const uint8_t *cdb, uint32_t id, uint32_t head,
		   uint64_t data_off, uint32_t data_len)
{
	uint64_t off = (uint64_t)dev->lay.cmdr_off + head, words[2];
	uint8_t *entry = dev->region + off;

	memcpy(words, cdb, sizeof(words));
	shm_store64(entry, 0, (uint64_t)id << 32 | PLAIN_LEN | TCMU_OP_CMD);
	shm_store64(entry, RINGSIM_OFF_IOV_CNT, 1);
	shm_store64(entry, RINGSIM_OFF_DIF_CNT, 0);
	shm_store64(entry, RINGSIM_OFF_CDB_OFF, off + RINGSIM_RSP_END);
	shm_fill(entry, 32, 0, 16);
	shm_store64(entry, RINGSIM_OFF_IOV, data_off);
	shm_store64(entry, RINGSIM_OFF_IOV + 8, data_len);
	shm_fill(entry, 64, 0, RINGSIM_RSP_END - 64);
	shm_store64(entry, RINGSIM_RSP_END, words[0]);
	shm_store64(entry, RINGSIM_RSP_END + 8, words[1] & second_words[words[0] >> 5 & 7]);
}

/* The handler has what is a few entries further from the last lap; that can come here meanwhile. */
HOT void want_ahead(struct ringsim_device *dev, uint32_t head)
{
	uint64_t off = (uint64_t)dev->lay.cmdr_off + head + AHEAD * PLAIN_LEN;

	shm_want_to_store(dev->region, off);
	shm_want_to_store(dev->region, off + 64);
}

/*
 * Sends a command to which all of this applies: nothing stands in its way; its data fits into a
 * page that is there already, and what is to be copied of it is copied afterwards; its CDB has 10
 * to 16 bytes; its entry fits in front of the end of the ring. False, and nothing was done: it is
 * another kind.
 */
HOT bool send_plain(struct ringsim_device *dev, struct ringsim_cmd *cmd, const bool w)
{
	uint32_t head = shm_load32(dev->region, RINGSIM_OFF_HEAD), id, blk;
	uint64_t ids = *dev->ids_free.low, blks = *dev->blks_free.low;
	uint32_t len = cmd->data_len;
	const uint8_t *cdb = cmd->cdb;
	struct slot *slot;

	if (w ? dev->broken || dev->blocked || dev->head_moved || dev->qfull_count : dev->odd != 0)
		return false;
	if (unlikely(cmd->dir != RINGSIM_FROM_DEVICE) &&
	    (cmd->dir != RINGSIM_TO_DEVICE || cmd->sg_cnt))
		return false;
	if (unlikely(cmd->aborted || cmd->cdb_room < 16 || len - 1 >= dev->lay.page_size ||
		     cdb[0] < 0x20 || cdb[0] == 0x7f))
		return false;
	if (unlikely(head != dev->head || dev->space < PLAIN_LEN ||
		     head + PLAIN_LEN > dev->lay.cmdr_size))
		return false;
	if (unlikely(!ids || !blks || dev->blks_used >= dev->dbi_thresh))
		return false;
	id = dev->ids_free.base + (uint32_t)__builtin_ctzll(ids);
	blk = dev->blks_free.base + (uint32_t)__builtin_ctzll(blks);
	if (unlikely(blk >= dev->blks_backed))
		return false;
	slot = &dev->slots[id];
	*dev->ids_free.low = ids & (ids - 1);
	*dev->blks_free.low = blks & (blks - 1);
	dev->blks_used++;
	if (w && dev->shadow) {
		shadow_block_taken(dev, blk, len);
		shadow_before_write(dev, head, PLAIN_LEN);
	}
	put_plain(dev, cdb, id, head, blk_off(dev, blk), len);
	if (!w)
		want_ahead(dev, head);
	dev->blk_next[blk] = NO_BLOCK;
	slot->first_blk = blk;
	slot->blks = 1;
	slot->bidi_blks = 0;
	slot->bidi_first_blk = NO_BLOCK;
	slot->len = len;
	slot->bidi_len = 0;
	enter(dev, cmd, slot, id, head, PLAIN_LEN, w, true);
	return true;
}

/* The order of these checks is KRN-010, and visible. */
enum admission cmd_admit(struct ringsim_device *dev, struct ringsim_cmd *cmd)
{
	uint32_t id;

	if (dev->blocked)
		return refuse(dev, cmd, 0x08, 0, 0);
	if (dev->broken)
		return refuse(dev, cmd, 0x02, 0x02, 0x08);
	if (dev->qfull_first)
		return enqueue(dev, cmd);
	id = bitset_first(&dev->ids_free);
	/* Without an id it is refused, but not before everything else was asked. */
	return admit_any(dev, cmd, id == BITSET_NONE ? 0 : id);
}

static void submit_any(struct ringsim_device *dev, struct ringsim_cmd *cmd)
{
	if (cmd->aborted) {
		cmd_set_sense(dev, cmd, 0x0b, 0x29, 0x03);
		cmd_end(dev, cmd, RINGSIM_REFUSED, 0x02);
	} else if (cmd_admit(dev, cmd) == REFUSED) {
		cmd_end(dev, cmd, RINGSIM_REFUSED, cmd->status);
	}
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
	if (unlikely(!send_plain(dev, cmd, w)))
		submit_any(dev, cmd);
}

static __attribute__((noinline)) void submit_watched(struct ringsim_device *dev,
						     struct ringsim_cmd *cmd)
{
	submit(dev, cmd, true);
}

void ringsim_submit(struct ringsim_device *dev, struct ringsim_cmd *cmd)
{
	if (unlikely(watched(dev)))
		submit_watched(dev, cmd);
	else
		submit(dev, cmd, false);
}
