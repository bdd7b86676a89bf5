/* SPDX-License-Identifier: MIT */
/*
 * Judging what the handler did to mailbox and ring; see ringsim/sanitizer.h.
 *
 * A handler may store cmd_tail, and in entries between the reclaim pointer and the head it may
 * store what belongs to an answer: cmd_id, uflags and the 104 response bytes. Everything else is
 * the kernel's. As the tail passes an entry the answer is judged and remembered; from then until
 * the kernel reclaims it nothing there may change (HND-039, TRP-51).
 */
#include "shadow.h"

#define STRAY_EACH 16 /* walks; so many first ones are looked at, too */

static bool sam_status(uint8_t status)
{
	return status == 0x00 || status == 0x02 || status == 0x04 || status == 0x08 ||
	       status == 0x18 || status == 0x28 || status == 0x30 || status == 0x40;
}

static bool id_live(const struct ringsim_device *dev, uint16_t id)
{
	return id &&
	       (dev->slots[id].state == SLOT_INFLIGHT || dev->slots[id].state == SLOT_EXPIRED);
}

static uint64_t entry_off(const struct ringsim_device *dev, const struct record *rec)
{
	return (uint64_t)dev->lay.cmdr_off + rec->off;
}

static uint16_t flags(const struct ringsim_device *dev)
{
	return shm_load16(dev->shadow->copy, offsetof(struct tcmu_mailbox, flags));
}

static void mailbox_violation(struct ringsim_device *dev)
{
	uint8_t *copy = dev->shadow->copy;
	uint64_t diff;

	shm_read(copy + RINGSIM_OFF_TAIL, dev->region, RINGSIM_OFF_TAIL, 4);
	diff = shadow_diff(dev, 0, sizeof(struct tcmu_mailbox));
	/* the tail may have moved between the two reads */
	if (diff == UINT64_MAX || diff / 4 == RINGSIM_OFF_TAIL / 4)
		return;
	violation(dev, "HND-023", diff, 0, copy + diff, shm_peek(dev->region, diff, 4), 4,
		  diff / 4 == RINGSIM_OFF_HEAD / 4
			  ? "cmd_head was stored by the handler; the kernel produces from there"
			  : "a mailbox word that belongs to the kernel was changed");
	shadow_adopt(dev, 0, sizeof(struct tcmu_mailbox));
}

/*
 * Whether a mailbox word but the tail differs. This and entry_differs() run after every store of a
 * handler in this process, so 16 bytes are compared at a time. The tail is not even read: a handler
 * in another thread may be storing it.
 */
static inline bool mailbox_differs(const struct ringsim_device *dev)
{
	typedef uint32_t lanes __attribute__((vector_size(16), may_alias));
	const lanes *a = (const void *)dev->shadow->copy;
	const lanes *b = (const void *)shm_peek(dev->region, 0, sizeof(struct tcmu_mailbox));
	lanes diff = (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[5] ^ b[5]) |
		     (a[6] ^ b[6]) | (a[7] ^ b[7]);
	uint64_t any[2], beside = shm_load32(dev->shadow->copy, RINGSIM_OFF_TAIL + 4) ^
				  shm_load32(dev->region, RINGSIM_OFF_TAIL + 4);

	_Static_assert(RINGSIM_OFF_TAIL == 4 * sizeof(lanes) &&
			       sizeof(struct tcmu_mailbox) == 8 * sizeof(lanes),
		       "the fifth is the tail's");
	beside |= shm_load64(dev->shadow->copy, RINGSIM_OFF_TAIL + 8) ^
		  shm_load64(dev->region, RINGSIM_OFF_TAIL + 8);
	memcpy(any, &diff, sizeof(any));
	return (any[0] | any[1] | beside) != 0;
}

static void check_mailbox(struct ringsim_device *dev)
{
	if (mailbox_differs(dev))
		mailbox_violation(dev);
}

/* Whether byte @i of an entry may differ from what the kernel stored. */
static bool may_store(uint32_t op, uint32_t i)
{
	if (op == TCMU_OP_PAD)
		return false;
	if (i == RINGSIM_OFF_UFLAGS)
		return true;
	if (op != TCMU_OP_CMD)
		return false;
	return i == RINGSIM_OFF_ID || i == RINGSIM_OFF_ID + 1 ||
	       (i >= RINGSIM_OFF_STATUS && i < RINGSIM_RSP_END);
}

static void entry_violation(struct ringsim_device *dev, const struct record *rec, uint32_t i)
{
	uint64_t off = entry_off(dev, rec) + i;
	const void *want = dev->shadow->copy + off, *got = shm_peek(dev->region, off, 1);
	uint32_t op = rec_op(rec);

	if (op == TCMU_OP_PAD && i >= RINGSIM_OFF_ID)
		violation(dev, "HND-013", off, 0, want, got, 1, "store into a PAD entry");
	else if (i < 8)
		violation(dev, "HND-023", off, rec->id, want, got, 1,
			  "%s of a published entry was changed",
			  i < RINGSIM_OFF_ID	   ? "len_op"
			  : i < RINGSIM_OFF_KFLAGS ? "cmd_id"
						   : "kflags");
	else if (op == TCMU_OP_TMR)
		violation(dev, "HND-016", off, 0, want, got, 1, "response bytes in a TMR entry");
	else if (op != TCMU_OP_CMD)
		violation(dev, "HND-015", off, 0, want, got, 1,
			  "response bytes in an entry of unknown opcode %u", op);
	else
		violation(dev, "HND-023", off, rec->id, want, got, 1,
			  "iov or CDB bytes of a published request were changed; a successor would "
			  "read them (HND-017)");
}

/* Whether there is a difference that find_entry_violation() has to look at. */
static inline bool entry_differs(const struct ringsim_device *dev, const struct record *rec)
{
	uint64_t off = entry_off(dev, rec), diff;
	uint32_t len = rec_len(rec), i;
	const uint8_t *want = dev->shadow->copy + off, *got = shm_peek(dev->region, off, len);

	if (rec_op(rec) != TCMU_OP_CMD)
		return memcmp(want, got, len) != 0;
	diff = shm_load32(want, 0) ^ shm_load32(got, 0);
	diff |= shm_load8(want, RINGSIM_OFF_KFLAGS) ^ shm_load8(got, RINGSIM_OFF_KFLAGS);
	if (shm_load16(got, RINGSIM_OFF_ID) == rec->id)
		for (i = RINGSIM_RSP_END; i < len; i += 8)
			diff |= shm_load64(want, i) ^ shm_load64(got, i);
	return diff != 0;
}

static void find_entry_violation(struct ringsim_device *dev, const struct record *rec)
{
	uint64_t off = entry_off(dev, rec);
	uint32_t len = rec_len(rec), op = rec_op(rec), i;
	const uint8_t *want = dev->shadow->copy + off, *got = shm_peek(dev->region, off, len);
	bool moved = op == TCMU_OP_CMD && shm_load16(got, RINGSIM_OFF_ID) != rec->id;

	for (i = 0; i < len; i++) {
		if (want[i] == shm_load8(got, i) || may_store(op, i) ||
		    (moved && i >= RINGSIM_RSP_END))
			continue;
		entry_violation(dev, rec, i);
		shadow_adopt(dev, off, len);
		return;
	}
}

/*
 * Compares an entry with what the kernel put there. A slot that carries another command's id was
 * stolen, or holds a request moved there for a successor (HND-071); then only header and length
 * are fixed.
 */
void shadow_check_entry(struct ringsim_device *dev, const struct record *rec)
{
	if (entry_differs(dev, rec))
		find_entry_violation(dev, rec);
}

static void judge_sense(struct ringsim_device *dev, const struct record *rec, uint16_t id)
{
	uint64_t off = entry_off(dev, rec) + RINGSIM_OFF_SENSE;
	uint8_t sense[16], code, key;

	shm_read(sense, dev->region, off, sizeof(sense));
	code = sense[0] & 0x7f;
	if (code < 0x70 || code > 0x73) {
		violation(
			dev, "HND-033", off, id, NULL, sense, 16,
			"CHECK CONDITION without sense: response code 0x%02x, expected 0x70 to 0x73",
			code);
		return;
	}
	key = code < 0x72 ? sense[2] & 0x0f : sense[1] & 0x0f;
	if (!key)
		violation(dev, "HND-033", off, id, NULL, sense, 16,
			  "CHECK CONDITION with sense key 0 (NO SENSE)");
	else if (code < 0x72 && sense[7] < 0x0a)
		violation(dev, "HND-033", off + 7, id, NULL, sense + 7, 1,
			  "additional sense length %u leaves out ASC and ASCQ, expected 10 or more",
			  sense[7]);
}

static void judge_status(struct ringsim_device *dev, const struct record *rec, uint16_t id)
{
	uint64_t off = entry_off(dev, rec) + RINGSIM_OFF_STATUS;
	const uint8_t *rsp = shm_peek(dev->region, off, RINGSIM_RSP_END - 8);
	uint8_t status = shm_load8(dev->region, off);
	bool untouched = !memcmp(rsp, dev->shadow->copy + off, RINGSIM_RSP_END - 8);

	if (untouched && status && (!sam_status(status) || status == 2))
		violation(
			dev, "HND-031", off, id, NULL, rsp, 8,
			"the response was never written: status 0x%02x is the low byte of iov_cnt",
			status);
	else if (!sam_status(status))
		violation(dev, "HND-032", off, id, NULL, &status, 1,
			  "status 0x%02x is no SAM status", status);
	else if (status == 2)
		judge_sense(dev, rec, id);
}

static void judge_uflags(struct ringsim_device *dev, const struct record *rec, uint16_t id)
{
	uint64_t off = entry_off(dev, rec) + RINGSIM_OFF_UFLAGS;
	uint8_t uflags = shm_load8(dev->region, off);
	const struct slot *slot = &dev->slots[id];

	if (uflags & ~(TCMU_UFLAG_UNKNOWN_OP | TCMU_UFLAG_READ_LEN | TCMU_UFLAG_KEEP_BUF))
		violation(dev, "HND-037", off, id, NULL, &uflags, 1,
			  "uflags 0x%02x has bits that do not exist", uflags);
	if (uflags & TCMU_UFLAG_UNKNOWN_OP)
		violation(dev, "HND-034", off, id, NULL, &uflags, 1,
			  "UNKNOWN_OP on a CMD entry: the initiator sees NOT READY 02/08/00");
	if (uflags & TCMU_UFLAG_KEEP_BUF && !(flags(dev) & TCMU_MAILBOX_FLAG_CAP_KEEP_BUF))
		violation(dev, "HND-036", off, id, NULL, &uflags, 1,
			  "KEEP_BUF although the mailbox does not offer it");
	if (!(uflags & TCMU_UFLAG_READ_LEN))
		return;
	if (!(flags(dev) & TCMU_MAILBOX_FLAG_CAP_READ_LEN))
		violation(dev, "HND-035", off, id, NULL, &uflags, 1,
			  "READ_LEN although the mailbox does not offer it");
	else if (slot->dir != RINGSIM_FROM_DEVICE)
		violation(dev, "HND-035", off, id, NULL, &uflags, 1,
			  "READ_LEN on a command that is no Data-In command");
	else if (!shm_load32(dev->region, entry_off(dev, rec) + RINGSIM_OFF_RDLEN))
		violation(
			dev, "HND-035", off, id, NULL, &uflags, 1,
			"READ_LEN with read_len 0: a kernel ignores the flag and copies everything");
}

/* An id that answers nothing; says which mistake that is. */
static void unknown_id(struct ringsim_device *dev, const struct record *rec, uint16_t id)
{
	uint64_t off = entry_off(dev, rec) + RINGSIM_OFF_ID;
	uint8_t state = dev->slots[id].state;

	if (state == SLOT_KEPT)
		violation(dev, "HND-036", off, id, &rec->id, &id, 2,
			  "cmd_id %u was completed with KEEP_BUF and is completed again", id);
	else if (state == SLOT_RESET)
		violation(dev, "HND-064", off, id, &rec->id, &id, 2,
			  "cmd_id %u was ended by reset_ring and is completed now", id);
	else
		violation(dev, "HND-053", off, id, &rec->id, &id, 2,
			  state == SLOT_DONE ? "cmd_id %u was completed already"
					     : "cmd_id %u was never issued",
			  id);
}

static void judge_cmd(struct ringsim_device *dev, const struct record *rec)
{
	struct shadow *s = dev->shadow;
	uint64_t off = entry_off(dev, rec);
	uint16_t id = shm_load16(dev->region, off + RINGSIM_OFF_ID);

	if (!id_live(dev, id)) {
		unknown_id(dev, rec, id);
	} else if (s->answered[id]) {
		violation(dev, "HND-053", off + RINGSIM_OFF_ID, id, &rec->id, &id, 2,
			  "cmd_id %u is answered by two slots", id);
	} else {
		if (id != rec->id && !(flags(dev) & TCMU_MAILBOX_FLAG_CAP_OOOC))
			violation(dev, "HND-050", off + RINGSIM_OFF_ID, id, &rec->id, &id, 2,
				  "out-of-order completion although the mailbox does not offer it");
		judge_uflags(dev, rec, id);
		judge_status(dev, rec, id);
		shadow_data_keep(dev, &dev->slots[id]);
	}
	s->answered[id] = 1;
	shadow_adopt(dev, off, RINGSIM_RSP_END);
}

/* The tail passed @rec. */
static void judge(struct ringsim_device *dev, const struct record *rec)
{
	uint64_t off = entry_off(dev, rec);
	uint8_t uflags = shm_load8(dev->region, off + RINGSIM_OFF_UFLAGS);

	shadow_check_entry(dev, rec);
	if (rec_op(rec) == TCMU_OP_CMD)
		judge_cmd(dev, rec);
	else if (rec_op(rec) > TCMU_OP_TMR && !(uflags & TCMU_UFLAG_UNKNOWN_OP))
		violation(dev, "HND-015", off + RINGSIM_OFF_UFLAGS, 0, NULL, &uflags, 1,
			  "entry of unknown opcode %u passed without UNKNOWN_OP", rec_op(rec));
	if (rec_op(rec) != TCMU_OP_CMD)
		shadow_adopt(dev, off, 8);
}

static void bad_tail(struct ringsim_device *dev, uint32_t tail)
{
	struct shadow *s = dev->shadow;
	uint32_t size = dev->lay.cmdr_size, head = ring_head(dev);
	uint32_t left = (head + size - s->tail) % size, step = (tail + size - s->tail) % size, i;
	const char *clause = "HND-012", *what = "is no entry boundary";

	if (s->has_bad_tail && s->bad_tail == tail)
		return;
	s->has_bad_tail = true;
	s->bad_tail = tail;
	if (tail >= size) {
		clause = tail == size ? "HND-014" : "HND-040";
		what = "was not reduced modulo cmdr_size";
	} else if (tail % 8) {
		clause = "HND-040";
		what = "is not a multiple of 8";
	} else if (step > left) {
		clause = "HND-011";
		what = "lies beyond cmd_head";
		for (i = 0; i < s->tail_recs; i++)
			if (rec_at(dev, i)->off == tail) {
				clause = "HND-049";
				what = "went backwards";
			}
	}
	violation(dev, clause, RINGSIM_OFF_TAIL, 0, &s->tail, &tail, 4,
		  "cmd_tail %u %s (it was %u, cmd_head is %u)", tail, what, s->tail, head);
}

static void follow_tail(struct ringsim_device *dev, uint32_t tail)
{
	struct shadow *s = dev->shadow;
	uint32_t i;

	for (i = s->tail_recs; i < dev->rec_count; i++)
		if (rec_end(dev, rec_at(dev, i)) == tail)
			break;
	if (i == dev->rec_count) {
		bad_tail(dev, tail);
		return;
	}
	s->has_bad_tail = false;
	for (; s->tail_recs <= i; s->tail_recs++) {
		s->tail = rec_end(dev, rec_at(dev, s->tail_recs));
		judge(dev, rec_at(dev, s->tail_recs));
	}
}

static inline void check_tail(struct ringsim_device *dev)
{
	uint32_t tail = shm_load32_acquire(dev->region, RINGSIM_OFF_TAIL);

	if (tail != dev->shadow->tail)
		follow_tail(dev, tail);
}

void ringsim_observe(struct ringsim_device *dev)
{
	const struct shadow *s = dev->shadow;

	if (!s)
		return;
	check_mailbox(dev);
	check_tail(dev);
	if (s->tail_recs < dev->rec_count)
		shadow_check_entry(dev, rec_at(dev, s->tail_recs));
}

/* Asking the file costs a system call, so where doorbells are many not each of them asks. */
void shadow_before_walk(struct ringsim_device *dev)
{
	uint32_t n = dev->shadow->walks++;

	ringsim_observe(dev);
	if (n < STRAY_EACH || n % STRAY_EACH == 0)
		shadow_check_stray(dev);
}

/* The walk is about to believe this slot: it must be what was judged when the tail passed it. */
void shadow_before_entry(struct ringsim_device *dev, const struct record *rec)
{
	struct shadow *s = dev->shadow;
	uint64_t off = entry_off(dev, rec), diff;
	uint32_t len = rec_len(rec);
	uint16_t id;

	if (!s->tail_recs)
		check_tail(dev);
	/* Not judged yet if the tail has just become illegal. */
	diff = s->tail_recs ? shadow_diff(dev, off, len < RINGSIM_RSP_END ? len : RINGSIM_RSP_END)
			    : UINT64_MAX;
	if (diff != UINT64_MAX) {
		violation(dev, "HND-039", diff, rec->id, s->copy + diff,
			  shm_peek(dev->region, diff, 1), 1,
			  "store into an entry after cmd_tail had passed it");
		shadow_adopt(dev, off, len);
	}
	id = shm_load16(dev->region, off + RINGSIM_OFF_ID);
	if (rec_op(rec) != TCMU_OP_CMD || !id_live(dev, id) || !s->answered[id])
		return;
	if (!shadow_data_kept(dev, &dev->slots[id]))
		violation(dev, "HND-038", off, id, NULL, NULL, 0,
			  "Data-In of cmd_id %u was stored after cmd_tail had passed its answer",
			  id);
}

void shadow_reclaimed(struct ringsim_device *dev, const struct record *rec)
{
	struct shadow *s = dev->shadow;

	if (rec_op(rec) == TCMU_OP_CMD)
		s->answered[shm_load16(s->copy, entry_off(dev, rec) + RINGSIM_OFF_ID)] = 0;
	s->tail_recs -= s->tail_recs != 0;
	if (!s->tail_recs)
		s->tail = rec_end(dev, rec);
}

/* Ring space that the kernel is about to fill must be as the kernel left it. */
void shadow_before_write(struct ringsim_device *dev, uint32_t off, uint32_t len)
{
	uint64_t at = (uint64_t)dev->lay.cmdr_off + off, diff = shadow_diff(dev, at, len);
	uint8_t old;

	check_mailbox(dev); /* cmd_head above all, before it is overwritten (TRP-03) */
	if (diff == UINT64_MAX)
		return;
	old = dev->shadow->copy[diff];
	violation(dev, old ? "HND-039" : "HND-023", diff, 0, &old, shm_peek(dev->region, diff, 1),
		  1, "store into ring space that no published entry covers");
	shadow_adopt(dev, at, len);
}

void shadow_ring_store(struct ringsim_device *dev, uint32_t off, uint32_t len)
{
	shadow_adopt(dev, (uint64_t)dev->lay.cmdr_off + off, len);
}

void shadow_published(struct ringsim_device *dev)
{
	struct shadow *s = dev->shadow;

	/* not from the region, where the handler may have been already */
	s->head = rec_end(dev, rec_at(dev, dev->rec_count - 1));
	memcpy(s->copy + RINGSIM_OFF_HEAD, &s->head, sizeof(s->head));
}

void shadow_rang(struct ringsim_device *dev)
{
	dev->shadow->rung = shm_load32_acquire(dev->region, RINGSIM_OFF_TAIL);
}

void ringsim_handler_sleeps(struct ringsim_device *dev)
{
	uint32_t tail;

	if (!dev->shadow)
		return;
	ringsim_observe(dev);
	tail = shm_load32_acquire(dev->region, RINGSIM_OFF_TAIL);
	if (tail == dev->shadow->rung)
		return;
	violation(
		dev, "HND-044", RINGSIM_OFF_TAIL, 0, &dev->shadow->rung, &tail, 4,
		"the handler waits for an event with cmd_tail %u published but rung only up to %u",
		tail, dev->shadow->rung);
	dev->shadow->rung = tail;
}

void shadow_reset(struct ringsim_device *dev)
{
	struct shadow *s = dev->shadow;

	s->tail = s->tail_recs = s->head = s->rung = 0;
	s->has_bad_tail = false;
	/* a handler that answers what was never issued gets beyond what was */
	memset(s->answered, 0, (dev->n_violations ? RINGSIM_ID_MAX : dev->id_max) + 1u);
	shadow_adopt(dev, RINGSIM_OFF_HEAD, 4);
	shadow_adopt(dev, RINGSIM_OFF_TAIL, 4);
	/* what the handler wrote into entries that were never reclaimed is old bytes now (TRP-32)
	 */
	shadow_adopt(dev, dev->lay.cmdr_off, dev->ring_end);
}
