/* SPDX-License-Identifier: MIT */
/*
 * The way of a command onto the ring (KRN-010 to KRN-013, KRN-020 to KRN-024).
 *
 * Nearly every command is plain, as is_plain() says: for these everything is done in one go, in
 * stores of words, without a call, and for a run of them what is the same for all is done once,
 * cmd_head among it. The others take the same steps one by one, in loops.
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
			      struct slot *noted, uint32_t len)
{
	struct slot *nobody = &dev->slots[0];

	nobody->first_blk = noted->first_blk;
	nobody->blks = noted->blks;
	nobody->len = noted->len;
	nobody->bidi_first_blk = noted->bidi_first_blk;
	nobody->bidi_blks = noted->bidi_blks;
	nobody->bidi_len = noted->bidi_len;
	noted->bidi_blks = 0;
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

/* The command that owns @slot goes on its way, behind the last that did. */
static void enter_any(struct ringsim_device *dev, struct ringsim_cmd *cmd, struct slot *slot,
		      uint16_t id)
{
	uint16_t last = dev->slots[0].prev;

	bitset_del_first(&dev->ids_free);
	cmd->id = id;
	cmd->state = RINGSIM_INFLIGHT;
	slot->cmd = cmd;
	slot->deadline_ns = dev->deadline_ns;
	slot->prev = last;
	slot->next = 0;
	slot->state = SLOT_INFLIGHT;
	slot->plain = slot->blks == 1 && !slot->bidi_blks;
	slot->dir = (uint8_t)cmd->dir;
	dev->slots[last].next = id;
	dev->slots[0].prev = id;
}

/* The handler can see @n commands more. */
HOT void sent(struct ringsim_device *dev, uint32_t n)
{
	dev->inflight += n;
	dev->n_cmds += n;
	if (unlikely(!dev->cmd_timer.pending))
		timer_arm_cmd(dev, dev->deadline_ns);
	if (!dev->plugged)
		ring_notify(dev);
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
	if (dev->shadow)
		shadow_ring_store(dev, head, len);
	enter_any(dev, cmd, slot, (uint16_t)id);
	ring_publish(dev, head, len | TCMU_OP_CMD, (uint16_t)id, cmd);
	sent(dev, 1);
	return ADMITTED;
}

#define AHEAD 8u

/* Which bytes count of the second word of a CDB of 10 to 16 bytes, by opcode; 0: it is another. */
static const uint64_t second_words[256] = {
	[0x20 ... 0x5f] = 0xffff,     [0x60 ... 0x7e] = 0xffffffff, [0x80 ... 0x9f] = UINT64_MAX,
	[0xa0 ... 0xbf] = 0xffffffff, [0xc0 ... 0xff] = 0xffff,
};

/* Its data fits into a page, and its CDB has 10 to 16 bytes: which count of its second word, or 0.
 */
HOT uint64_t is_plain(const struct ringsim_cmd *cmd, uint32_t page_size)
{
	if (unlikely(cmd->aborted || cmd->cdb_room < 16 || cmd->data_len - 1 >= page_size))
		return 0;
	return second_words[cmd->cdb[0]];
}

/* The data is to be copied beforehand, and is all there, in one piece. */
HOT bool is_plain_out(const struct ringsim_cmd *cmd)
{
	return cmd->dir == RINGSIM_TO_DEVICE &&
	       (!cmd->sg_cnt || (cmd->sg_cnt == 1 && cmd->sg->iov_len >= cmd->data_len));
}

/* What plain commands that have been entered bring along. */
static __attribute__((noinline)) void copy_plain_out(struct ringsim_device *dev,
						     struct ringsim_cmd *const *cmds, uint32_t n)
{
	for (; n; n--, cmds++)
		if ((*cmds)->dir == RINGSIM_TO_DEVICE && (*cmds)->sg_cnt)
			shm_write(dev->region, blk_off(dev, dev->slots[(*cmds)->id].first_blk),
				  (*cmds)->sg->iov_base, (*cmds)->data_len);
}

/*
 * An entry but for its id and its iov. Every byte is stored: what it has no use for is zero
 * (KRN-021).
 */
HOT void put_plain(uint8_t *entry, uint64_t cdb_off, const uint8_t *cdb, uint64_t second_word)
{
	uint64_t words[2];

	memcpy(words, cdb, sizeof(words));
	shm_store64(entry, RINGSIM_RSP_END, words[0]);
	shm_store64(entry, RINGSIM_RSP_END + 8, words[1] & second_word);
	shm_store64(entry, RINGSIM_OFF_CDB_OFF, cdb_off);
	shm_store32(entry, 0, PLAIN_LEN_OP);
	shm_store64(entry, RINGSIM_OFF_IOV_CNT, 1);
	shm_store64(entry, RINGSIM_OFF_DIF_CNT, 0);
	shm_fill(entry, 32, 0, 16);
	shm_fill(entry, 64, 0, 16);
	shm_fill(entry, 80, 0, 16);
	shm_fill(entry, 96, 0, 16);
}

/* The handler has what is a few entries further from the last lap; that can come here meanwhile. */
HOT void want_ahead(const uint8_t *entry)
{
	shm_want_to_store(entry, AHEAD * PLAIN_LEN);
	shm_want_to_store(entry, AHEAD * PLAIN_LEN + 64);
}

/* What the submission sets of every command. */
HOT void cmd_begin(struct ringsim_cmd *cmd, enum ringsim_state state, uint32_t id)
{
	cmd->outcome = RINGSIM_PENDING; /* these are one store */
	cmd->status = 0;
	cmd->sense_valid = false;
	cmd->state = (uint8_t)state;
	cmd->unused = 0;
	cmd->id = (uint16_t)id;
	cmd->residual = 0;
	cmd->data_in = 0;
	cmd->tmr = NULL;
}

/* What a run of plain commands has left, and the command that was sent last. */
struct run {
	uint64_t ids, blks;
	uint32_t last;
	struct slot *slot;
};

/* It gets the lowest block and the entry at the head: both are as the kernel left them. */
HOT void shadow_before_plain(struct ringsim_device *dev, const struct run *r,
			     const struct ringsim_cmd *cmd)
{
	shadow_block_taken(dev, dev->blks_free.base + (uint32_t)__builtin_ctzll(r->blks),
			   cmd->data_len);
	shadow_before_write(dev, dev->head, PLAIN_LEN);
}

/* The lowest id is the command's, which is on its way behind the last. */
HOT void enter_plain(const struct ringsim_device *dev, struct run *r, struct ringsim_cmd *cmd,
		     uint8_t *entry, struct record *rec, const bool w)
{
	uint32_t id = dev->ids_free.base + (uint32_t)__builtin_ctzll(r->ids);

	r->ids = without_bit(r->ids, id);
	cmd_begin(cmd, RINGSIM_INFLIGHT, id);
	shm_store32(entry, RINGSIM_OFF_ID, id);
	rec->id = (uint16_t)id;
	r->slot->next = (uint16_t)id;
	r->slot = &dev->slots[id];
	r->slot->prev = (uint16_t)r->last;
	r->slot->next = 0;
	r->slot->state = SLOT_INFLIGHT;
	r->slot->plain = true;
	if (w)
		r->slot->dir = (uint8_t)cmd->dir; /* which the sanitizer wants to know */
	r->slot->cmd = cmd;
	r->slot->deadline_ns = dev->deadline_ns;
	r->last = id;
}

/* So is the lowest block. */
HOT void place_plain(const struct ringsim_device *dev, struct run *r, const struct ringsim_cmd *cmd,
		     uint8_t *entry)
{
	uint32_t blk = dev->blks_free.base + (uint32_t)__builtin_ctzll(r->blks);

	r->blks = without_bit(r->blks, blk);
	r->slot->first_blk = blk;
	r->slot->blks = 1;
	shm_store64(entry, RINGSIM_OFF_IOV, blk_off(dev, blk));
	r->slot->len = cmd->data_len;
	shm_store64(entry, RINGSIM_OFF_IOV + 8, cmd->data_len);
}

/* The bits of free ids, as far as one look goes. */
HOT uint64_t free_ids(struct ringsim_device *dev)
{
	if (unlikely(!*dev->ids_free.low))
		bitset_seek(&dev->ids_free);
	return *dev->ids_free.low;
}

/* The bits of free blocks that have a page already: all that are below one that has. */
HOT uint64_t free_pages(struct ringsim_device *dev)
{
	uint32_t backed;

	if (unlikely(!*dev->blks_free.low))
		bitset_seek(&dev->blks_free);
	backed = dev->blks_backed - dev->blks_free.base;
	if (likely(backed >= 64))
		return (int32_t)backed < 0 ? 0 : *dev->blks_free.low;
	return *dev->blks_free.low & ((1ull << backed) - 1);
}

/* So many of @n commands can have a place, an id and a block each without much looking. */
HOT uint32_t plain_room(const struct ringsim_device *dev, uint32_t n, uint64_t ids, uint64_t blks)
{
	if (n == 1)
		return dev->space >= PLAIN_LEN && dev->head + PLAIN_LEN <= dev->lay.cmdr_size &&
		       dev->blks_used < dev->dbi_thresh && dev->rec_count <= dev->rec_mask && ids &&
		       blks;
	at_most(&n, dev->space / PLAIN_LEN);
	at_most(&n, (dev->lay.cmdr_size - dev->head) / PLAIN_LEN);
	at_most(&n, dev->dbi_thresh - dev->blks_used);
	at_most(&n, dev->rec_mask + 1 - dev->rec_count);
	at_most(&n, recs_in_row(dev, dev->rec_count));
	at_most(&n, (uint32_t)__builtin_popcountll(ids));
	at_most(&n, (uint32_t)__builtin_popcountll(blks));
	return n;
}

/* Shows the handler @n plain commands more (KRN-024). Their records are there. */
HOT void publish_plain(struct ringsim_device *dev, uint32_t n, struct ringsim_cmd *cmd,
		       const bool w)
{
	uint32_t next = dev->head + n * PLAIN_LEN;

	if (unlikely(next >= dev->lay.cmdr_size)) {
		dev->ring_end = dev->lay.cmdr_size;
		next -= dev->lay.cmdr_size;
	}
	if (w)
		tap(dev, .kind = RINGSIM_TAP_ENTRY, .off = dev->head, .cmd = cmd);
	shm_store32_release(dev->region, RINGSIM_OFF_HEAD, next);
	if (dev->rec_plain == dev->rec_count)
		dev->rec_plain += n;
	dev->rec_count += n;
	dev->space -= n * PLAIN_LEN;
	dev->head = next;
	if (w && dev->shadow)
		shadow_published(dev);
	sent(dev, n);
}

/* Nothing stands in the way of a command to the ring. */
HOT bool is_open(const struct ringsim_device *dev, const bool w)
{
	if (w ? dev->broken || dev->blocked || dev->head_moved || dev->qfull_count : dev->odd != 0)
		return false;
	return likely(shm_load32(dev->region, RINGSIM_OFF_HEAD) == dev->head);
}

/*
 * Sends the first commands of @n as long as they are plain and nothing stands in their way: how
 * many. @w: it is one, and somebody watches.
 *
 * What is known is stored wherever it belongs before the next thing is worked out: so all that the
 * loop needs fits into registers.
 */
HOT uint32_t send_plain(struct ringsim_device *dev, struct ringsim_cmd *const *cmds, uint32_t n,
			const bool w)
{
	const uint64_t ids = free_ids(dev), blks = free_pages(dev);
	struct run r = { ids, blks, dev->slots[0].prev, &dev->slots[dev->slots[0].prev] };
	struct record *rec = rec_at(dev, dev->rec_count);
	uint8_t *const ring = dev->region + dev->lay.cmdr_off;
	uint64_t pos = dev->head, end;
	bool out = false;

	n = is_open(dev, w) ? plain_room(dev, n, ids, blks) : 0;
	for (end = pos + (uint64_t)n * PLAIN_LEN; pos != end; pos += PLAIN_LEN, rec++, cmds++) {
		struct ringsim_cmd *cmd = *cmds;
		uint8_t *entry = ring + pos;
		uint64_t second_word;

		if (unlikely(cmd->dir != RINGSIM_FROM_DEVICE)) {
			if (!is_plain_out(cmd))
				break;
			out = true;
		}
		second_word = is_plain(cmd, dev->lay.page_size);
		if (unlikely(!second_word))
			break;
		if (w && dev->shadow)
			shadow_before_plain(dev, &r, cmd);
		put_plain(entry, dev->lay.cmdr_off + pos + RINGSIM_RSP_END, cmd->cdb, second_word);
		rec->off = (uint32_t)pos;
		rec->len_op = PLAIN_LEN_OP;
		enter_plain(dev, &r, cmd, entry, rec, w);
		place_plain(dev, &r, cmd, entry);
		if (w && dev->shadow)
			shadow_ring_store(dev, dev->head, PLAIN_LEN);
		if (!w)
			want_ahead(entry);
	}
	n -= (uint32_t)(end - pos) / PLAIN_LEN;
	if (unlikely(!n))
		return 0;
	if (unlikely(out))
		copy_plain_out(dev, cmds - n, n);
	dev->slots[0].prev = (uint16_t)r.last;
	*dev->ids_free.low = r.ids;
	*dev->blks_free.low ^= blks ^ r.blks;
	dev->blks_used += n;
	publish_plain(dev, n, cmds[-1], w);
	return n;
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

static __attribute__((noinline)) void submit_watched(struct ringsim_device *dev,
						     struct ringsim_cmd *cmd)
{
	cmd_begin(cmd, RINGSIM_IDLE, 0);
	tap(dev, .kind = RINGSIM_TAP_SUBMIT, .cmd = cmd);
	if (!send_plain(dev, &cmd, 1, true))
		submit_any(dev, cmd);
}

/* Sends @cmds[0], and what can go with it of @n: how many. */
HOT uint32_t submit(struct ringsim_device *dev, struct ringsim_cmd *const *cmds, uint32_t n)
{
	uint32_t sent;

	if (unlikely(watched(dev))) {
		submit_watched(dev, cmds[0]);
		return 1;
	}
	sent = send_plain(dev, cmds, n, false);
	if (likely(sent != 0))
		return sent;
	cmd_begin(cmds[0], RINGSIM_IDLE, 0);
	submit_any(dev, cmds[0]);
	return 1;
}

void ringsim_submit(struct ringsim_device *dev, struct ringsim_cmd *cmd)
{
	submit(dev, &cmd, 1);
}

/* Sends what is at *@cmds, and goes on there, until less than two of @n are left; how many. */
static uint32_t submit_many(struct ringsim_device *dev, struct ringsim_cmd *const **cmds,
			    uint32_t n)
{
	uint32_t i, some;

	for (i = 0; i + 1 < n; i += some) {
		some = submit(dev, *cmds, n - i);
		*cmds += some;
	}
	return i;
}

void ringsim_submit_all(struct ringsim_device *dev, struct ringsim_cmd *const *cmds, uint32_t n)
{
	ringsim_plug(dev);
	if (n > 1)
		n -= submit_many(dev, &cmds, n);
	if (n)
		ringsim_submit(dev, cmds[0]);
	ringsim_unplug(dev);
}
