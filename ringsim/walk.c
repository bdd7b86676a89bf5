/* SPDX-License-Identifier: MIT */
/*
 * The completion walk: from the reclaim pointer to cmd_tail, believing nothing.
 *
 * cmd_tail is read again at each entry, as the kernel does (TRP-52), or after a run of entries that
 * it was seen to cover, whatever is stored there meanwhile. Where the kernel would follow lengths
 * found in the ring, this walk goes by its own records. A tail that is not the end of a
 * published entry stops it before anything is completed, a changed length or opcode at that entry:
 * a real kernel would run wild there, the simulator says so and is BROKEN (TRP-01, TRP-02).
 * Entries of unknown opcode, which only ringsim_put_raw() makes, are passed like a PAD; a kernel
 * never issues them and would take them for CMD entries (KRN-061). Clauses: KRN-060 to KRN-072.
 */
#include "steps.h"

/* So many entries further is what is read while these are dealt with. */
#define AHEAD 16u
/* So many commands are handed back together. */
#define ENDED 64u

/* The response as it was read, once, from the slot. */
struct answer {
	uint16_t id;
	uint8_t uflags, status;
	uint32_t read_len;
};

/* KRN-066 steps 3 to 7: what the initiator gets for an answer that came in time. */
static void deliver(struct ringsim_device *dev, struct slot *slot, uint64_t entry, struct answer a,
		    const uint8_t *sense)
{
	struct ringsim_cmd *cmd = slot->cmd;
	uint32_t len = slot->len;
	bool len_valid = false;

	if (a.uflags & TCMU_UFLAG_UNKNOWN_OP) {
		shm_store8(dev->region, entry + RINGSIM_OFF_STATUS, 0x02);
		if (dev->shadow)
			shadow_ring_store(
				dev, (uint32_t)(entry - dev->lay.cmdr_off) + RINGSIM_OFF_STATUS, 1);
		cmd_set_sense(dev, cmd, 0x02, 0x08, 0x00);
		cmd_end(dev, cmd, RINGSIM_ANSWERED, 0x02);
		return;
	}
	if (cmd->dir == RINGSIM_FROM_DEVICE && a.uflags & TCMU_UFLAG_READ_LEN && a.read_len) {
		len_valid = true;
		if (a.read_len < len)
			len = a.read_len;
	}
	if (a.status == 0x02) {
		memcpy(cmd->sense, sense, sizeof(cmd->sense));
		cmd->sense_valid = true;
	}
	if (a.status != 0x02 || len_valid) {
		cmd->data_in = data_copy_out(dev, slot, cmd, len);
		if (dev->shadow && a.status == 0)
			shadow_data_in(dev, slot, a.id, len);
	}
	if (len_valid && (a.status == 0 || a.status == 0x02))
		cmd->residual = slot->len - len;
	cmd_end(dev, cmd, RINGSIM_ANSWERED, a.status);
}

/*
 * A completed CMD slot that does not just answer a command in flight. Returns false if the walk
 * ends here, with the reclaim pointer left on the slot: KRN-062 (@unknown is set) or KRN-064.
 */
static bool complete_any(struct ringsim_device *dev, uint64_t entry, uint64_t hdr, uint64_t rsp,
			 bool *unknown)
{
	struct answer a = { .id = (uint16_t)(hdr >> 32),
			    .uflags = (uint8_t)(hdr >> 56),
			    .status = (uint8_t)rsp,
			    .read_len = (uint32_t)(rsp >> 32) };
	struct slot *slot = &dev->slots[a.id];
	bool keep = a.uflags & TCMU_UFLAG_KEEP_BUF;
	uint8_t sense[TCMU_SENSE_BUFFERSIZE];

	if (a.status == 0x02)
		shm_read(sense, dev->region, entry + RINGSIM_OFF_SENSE, sizeof(sense));
	tap(dev, .kind = RINGSIM_TAP_ANSWER, .off = (uint32_t)(entry - dev->lay.cmdr_off),
	    .id = a.id, .uflags = a.uflags, .status = a.status, .read_len = a.read_len,
	    .sense = a.status == 0x02 ? sense : NULL);
	if (!a.id || slot->state < SLOT_INFLIGHT) {
		dev->broken = true;
		*unknown = true;
		return false;
	}
	if (slot->state == SLOT_KEPT) {
		dev->broken = true;
		if (!keep) {
			dev->kept--;
			slot_release(dev, a.id, SLOT_DONE);
		}
		return false;
	}
	if (slot->state == SLOT_INFLIGHT) {
		slot_unlink(dev, a.id);
		deliver(dev, slot, entry, a, sense);
	} else {
		dev->expired--;
	}
	slot->cmd = NULL;
	if (keep) {
		slot->state = SLOT_KEPT;
		dev->kept++;
	} else {
		slot_release(dev, a.id, SLOT_DONE);
	}
	return true;
}

/* @i is free again, of a set whose lowest word is @word just now. */
HOT void give_back(struct bitset *set, uint64_t *word, uint32_t i)
{
	if (likely(i - set->base < 64)) {
		*word = with_bit(*word, i);
		return;
	}
	*set->low = *word;
	bitset_add_far(set, i);
	*word = *set->low;
}

/* The first @n entries, of @len bytes together, are over. */
HOT void advance_reclaim(struct ringsim_device *dev, uint32_t n, uint32_t len)
{
	uint32_t next = dev->reclaim + len;

	dev->space += len;
	dev->reclaim = unlikely(next >= dev->lay.cmdr_size) ? next - dev->lay.cmdr_size : next;
	dev->rec_plain -= n < dev->rec_plain ? n : dev->rec_plain;
	dev->rec_count -= n;
	/* An empty ring starts over in the same records: they stay in the cache. */
	dev->rec_first = dev->rec_count ? dev->rec_first + n : 0;
}

/* How many entries from the reclaim pointer on have the length and opcode of a plain command. */
HOT uint32_t plain_entries(struct ringsim_device *dev)
{
	while (unlikely(!dev->rec_plain) && dev->rec_plain < dev->rec_count &&
	       rec_at(dev, dev->rec_plain)->len_op == PLAIN_LEN_OP)
		dev->rec_plain++;
	return dev->rec_plain;
}

/* The id that the entry answers without a flag; above RINGSIM_ID_MAX: it is another kind. */
HOT uint64_t plain_id(const uint8_t *entry)
{
	uint64_t hdr = shm_load64(entry, 0) ^ PLAIN_LEN_OP;

	return hdr << 32 | hdr >> 32;
}

/* @i is what something else is, too, but the compiler does not know: what follows uses this one. */
HOT uint32_t on_its_own(uint32_t i)
{
	__asm__("" : "+r"(i));
	return i;
}

/* A command that was not the first of the FIFO, which is @first, has left it; which one is then? */
HOT uint32_t leave(struct slot *slots, const struct slot *slot, uint32_t first)
{
	slots[0].next = (uint16_t)first;
	slots[first].prev = 0;
	step_unlink(slots, slot);
	return slots[0].next;
}

/*
 * GOOD without flags to plain commands, which nearly every answer is, where nobody watches: takes
 * as many as lie one behind another of the next @n entries, and at most ENDED. How many; those at
 * @ended have ended. @far: there are AHEAD entries more.
 *
 * Nearly always the answer is to the first of the FIFO. To go on with that id, which is at hand, is
 * not to wait until the entry has come from the handler's cache.
 */
HOT uint32_t complete_plain(struct ringsim_device *dev, uint32_t n, struct ringsim_cmd **ended,
			    const bool far)
{
	const uint8_t *const begin = dev->region + dev->lay.cmdr_off + dev->reclaim;
	const uint8_t *const end = begin + (uint64_t)n * PLAIN_LEN, *entry;
	uint64_t ids = *dev->ids_free.low, blks = *dev->blks_free.low;
	struct slot *const slots = dev->slots;
	uint32_t first = slots[0].next;

	for (entry = begin; entry != end; entry += PLAIN_LEN) {
		uint64_t answered = plain_id(entry);
		uint32_t id = on_its_own(first);
		struct ringsim_cmd *cmd;
		struct slot *slot;

		if (far)
			shm_want(entry, AHEAD * PLAIN_LEN);
		if (unlikely(answered != first)) {
			if (answered > RINGSIM_ID_MAX)
				break;
			id = (uint32_t)answered;
		}
		slot = &slots[id];
		if (unlikely(!slot->plain || shm_load8(entry, RINGSIM_OFF_STATUS)))
			break;
		cmd = *ended++ = slot->cmd;
		first = likely(id == first) ? slot->next : leave(slots, slot, first);
		if (cmd->sg_cnt)
			cmd->data_in = data_copy_out(dev, slot, cmd, slot->len);
		cmd->outcome = RINGSIM_ANSWERED; /* these are one store */
		cmd->status = 0;
		cmd->sense_valid = false;
		cmd->state = RINGSIM_IDLE;
		cmd->unused = 0;
		slot->state = SLOT_DONE; /* and these */
		slot->plain = false;
		slot->dir = slot->unused = 0;
		give_back(&dev->blks_free, &blks, slot->first_blk);
		give_back(&dev->ids_free, &ids, id);
	}
	n = (uint32_t)(entry - begin) / PLAIN_LEN;
	slots[0].next = (uint16_t)first;
	slots[first].prev = 0;
	*dev->ids_free.low = ids;
	*dev->blks_free.low = blks;
	dev->blks_used -= n;
	dev->inflight -= n;
	advance_reclaim(dev, n, n * PLAIN_LEN);
	return n;
}

/*
 * How many entries from the reclaim pointer on lie before @tail, of which @ahead are known to. 0 if
 * @tail is not the end of an entry from there on: illegal, as it neither moves back nor is in
 * between.
 */
static uint32_t entries_before(const struct ringsim_device *dev, uint32_t tail, uint32_t ahead)
{
	for (; ahead < dev->rec_count; ahead++)
		if (rec_end(dev, rec_at(dev, ahead)) == tail)
			return ahead + 1;
	return 0;
}

/* The checks without which the walk could be led astray; the sanitizer says more about each. */
static bool tail_among(struct ringsim_device *dev, uint32_t tail, uint32_t *ahead)
{
	*ahead = entries_before(dev, tail, *ahead);
	if (*ahead)
		return true;
	if (dev->shadow)
		ringsim_observe(dev);
	else
		violation(dev, "HND-040", RINGSIM_OFF_TAIL, 0, NULL, &tail, sizeof(tail),
			  "cmd_tail %u is not the end of a published entry; a kernel would walk on "
			  "through old bytes",
			  tail);
	dev->broken = true;
	tap(dev, .kind = RINGSIM_TAP_LOST);
	return false;
}

/* Nearly always the handler has answered all there is, to where cmd_head was published. */
HOT bool tail_sound(struct ringsim_device *dev, uint32_t tail, uint32_t *ahead)
{
	if (unlikely(tail != dev->head || dev->head_moved || !dev->rec_count))
		return tail_among(dev, tail, ahead);
	*ahead = dev->rec_count;
	return true;
}

/* The entry at the reclaim pointer begins with @found. */
static bool entry_lost(struct ringsim_device *dev, const struct record *rec, uint32_t found)
{
	if (!dev->shadow)
		violation(dev, "HND-023", (uint64_t)dev->lay.cmdr_off + dev->reclaim, rec->id,
			  &rec->len_op, &found, sizeof(found),
			  "cmd_head or the len_op of a published entry was changed");
	dev->broken = true;
	tap(dev, .kind = RINGSIM_TAP_LOST);
	return false;
}

/* Takes plain answers to @n entries as long as there are any; how many. */
static uint32_t complete_run(struct ringsim_device *dev, uint32_t n)
{
	struct ringsim_cmd *ended[ENDED];
	uint32_t far = n > AHEAD ? n - AHEAD : 0;

	at_most(&n, plain_entries(dev));
	at_most(&n, (dev->lay.cmdr_size - dev->reclaim) / PLAIN_LEN);
	at_most(&n, ENDED);
	if (n == 1) /* compiled without a loop */
		n = complete_plain(dev, 1, ended, false);
	else if (far)
		n = complete_plain(dev, n < far ? n : far, ended, true);
	else
		n = complete_plain(dev, n, ended, false);
	if (n)
		cmd_hand_back(dev, ended, n);
	return n;
}

HOT bool walk(struct ringsim_device *dev, const bool w)
{
	uint32_t tail, known = dev->reclaim, ahead = 0, n;
	bool walked = false, unknown = false;

	if (unlikely(dev->broken))
		return false;
	if (!w) /* who knows where the first answer is can have it come meanwhile */
		shm_want(dev->region, (uint64_t)dev->lay.cmdr_off + dev->reclaim);
	if (w && dev->shadow)
		shadow_before_walk(dev);
	note_peaks(dev);
	while ((tail = shm_load32_acquire(dev->region, RINGSIM_OFF_TAIL)) != dev->reclaim) {
		uint64_t entry, hdr, rsp;
		const struct record *rec;

		if (tail != known && !tail_sound(dev, tail, &ahead))
			return false;
		known = tail;
		if (!w && likely(!dev->head_moved) && likely(n = complete_run(dev, ahead))) {
			walked = true;
			ahead -= n;
			continue;
		}
		entry = (uint64_t)dev->lay.cmdr_off + dev->reclaim;
		rec = rec_at(dev, 0);
		if (w && dev->shadow)
			shadow_before_entry(dev, rec);
		hdr = shm_load64(dev->region, entry);
		if (unlikely(rec->off != dev->reclaim || (uint32_t)hdr != rec->len_op))
			return entry_lost(dev, rec, (uint32_t)hdr);
		walked = true;
		if (likely(rec_op(rec) == TCMU_OP_CMD)) {
			rsp = shm_load64(dev->region, entry + RINGSIM_OFF_STATUS);
			if (!complete_any(dev, entry, hdr, rsp, &unknown))
				break;
		}
		if (w && dev->shadow)
			shadow_reclaimed(dev, rec);
		advance_reclaim(dev, 1, rec_len(rec));
		ahead--;
	}
	if (w)
		tap(dev, .kind = RINGSIM_TAP_TAIL, .value = tail);
	if (unknown)
		return false;
	if (walked && dev->tmr_first)
		walked = tmr_run(dev);
	if (dev->cmd_tmo_ns)
		timer_next_cmd(dev);
	return walked;
}

/*
 * tcmu's walk. Returns whether the queue-full list may be drained: something was reclaimed and no
 * TMR waits any more (KRN-072).
 */
bool walk_completions(struct ringsim_device *dev)
{
	if (unlikely(watched(dev)))
		return walk(dev, true);
	/* Who polls comes here often. */
	return shm_load32(dev->region, RINGSIM_OFF_TAIL) != dev->reclaim && walk(dev, false);
}

void ringsim_poll_tail(struct ringsim_device *dev)
{
	if (!dev->broken)
		tap(dev, .kind = RINGSIM_TAP_WALK);
	if (walk_completions(dev) && dev->qfull_first)
		qfull_drain(dev, false);
}

void ringsim_doorbell(struct ringsim_device *dev)
{
	if (dev->shadow)
		shadow_rang(dev);
	ringsim_poll_tail(dev);
}
