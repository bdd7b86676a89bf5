/* SPDX-License-Identifier: MIT */
/*
 * The handler's side of mailbox and ring; see consumer.h.
 *
 * Two private indices follow the kernel's head: @next, where fetching goes on, and @tail, where the
 * next answer goes. Everything between the tail and @next has been copied out, which is why an
 * answer may overwrite any slot there (HND-052). cmd_tail itself is stored once per flush, with
 * release, after all answers that it covers (HND-038), and never as an intermediate value
 * (HND-040).
 */
#include "ring_impl.h"

#include <errno.h>
#include <stdlib.h>

#define COLD static __attribute__((noinline))

/* Ring offset after an entry of @len bytes at @off. */
static uint32_t ring_next(const struct consumer *c, uint32_t off, uint32_t len)
{
	uint32_t next = off + len;

	if (next >= c->cmdr_size)
		next -= c->cmdr_size;
	return next;
}

static uint64_t entry_at(const struct consumer *c, uint32_t off)
{
	return (uint64_t)c->cmdr_off + off;
}

static uint32_t len_op_at(const struct consumer *c, uint32_t off)
{
	return shm_load32(c->region, entry_at(c, off));
}

uint32_t consumer_look(struct consumer *c)
{
	uint32_t head = shm_load32_acquire(c->region, RINGSIM_OFF_HEAD);

	consumer_step(c, CONSUMER_STEP_HEAD);
	c->head = head;
	if (head != c->next)
		want(c->region, entry_at(c, c->next));
	return head;
}

/* Refuses what this consumer does not understand, before anything is written (HND-001, HND-002). */
static int check_mailbox(struct consumer *c)
{
	struct tcmu_mailbox mb;

	if (c->region_len < sizeof(mb))
		return -EPROTO;
	shm_read(&mb, c->region, 0, sizeof(mb));
	if (mb.version != TCMU_MAILBOX_VERSION)
		return -EPROTO;
	if (mb.cmdr_off < sizeof(mb) || mb.cmdr_off % 8 || mb.cmdr_size % 8 || !mb.cmdr_size)
		return -EPROTO;
	if (!shm_span_ok(mb.cmdr_off, mb.cmdr_size, c->region_len))
		return -EPROTO;
	if (mb.cmd_tail % 8 || mb.cmd_tail >= mb.cmdr_size)
		return -EPROTO;
	c->cmdr_off = mb.cmdr_off;
	c->cmdr_size = mb.cmdr_size;
	c->flags = mb.flags;
	return 0;
}

static int ring_doorbell(struct consumer *c)
{
	uint32_t value = 0;
	ssize_t n;

	do {
		n = c->uio.write(c->uio.ctx, &value, sizeof(value));
	} while (n < 0 && errno == EINTR);
	consumer_step(c, CONSUMER_STEP_DOORBELL);
	if (n < 0)
		return -errno;
	c->doorbells++;
	return 1;
}

int consumer_attach(struct consumer *c, const struct consumer_uio *uio, size_t map0_len,
		    const struct consumer_probe *probe, bool in_order)
{
	int rc;

	*c = (struct consumer){ .uio = *uio, .region_len = map0_len, .alloc = malloc };
	if (probe)
		c->probe = *probe;
	c->region = uio->map(uio->ctx, map0_len, 0);
	if (!c->region)
		return -errno;
	rc = check_mailbox(c);
	if (rc) {
		consumer_detach(c);
		return rc;
	}
	c->in_order = in_order;
	if (!(c->flags & TCMU_MAILBOX_FLAG_CAP_OOOC))
		c->in_order = true;
	c->tail = shm_load32(c->region, RINGSIM_OFF_TAIL);
	c->published = c->tail;
	c->next = c->tail;
	c->head = c->tail;
	c->replay_end = load_head(c);
	c->replaying = c->next != c->replay_end;
	/* A predecessor may have died between its tail and its doorbell (HND-063). */
	rc = ring_doorbell(c);
	if (rc < 0) {
		consumer_detach(c);
		return rc;
	}
	return 0;
}

void consumer_detach(struct consumer *c)
{
	if (c->region)
		c->uio.unmap(c->uio.ctx, c->region, c->region_len);
	c->region = NULL;
}

/*
 * Moves the tail over entries that need no answer. Everything below @next has been looked at, so
 * whatever is found here was skipped by fetch or was a TMR.
 */
HOT void skip_unanswered(struct consumer *c)
{
	uint32_t len_op;

	while (c->tail != c->next) {
		len_op = len_op_at(c, c->tail);
		if (tcmu_hdr_get_op(len_op) == TCMU_OP_CMD)
			break;
		c->tail = ring_next(c, c->tail, tcmu_hdr_get_len(len_op));
	}
}

static void iov_free(struct consumer_cmd *cmd)
{
	if (unlikely(cmd->iov != cmd->inline_iov)) {
		free(cmd->iov);
		cmd->iov = cmd->inline_iov;
	}
}

/* Copies @n iovs out of the ring and turns offsets into pointers. False: they make no sense. */
HOT bool fetch_iovs(struct consumer *c, struct consumer_cmd *cmd, uint64_t off, uint32_t n)
{
	uint64_t len = 0, bidi_len = 0;
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct iovec iov;

		shm_read(&iov, c->region, off + i * sizeof(iov), sizeof(iov));
		if (!shm_span_ok((uintptr_t)iov.iov_base, iov.iov_len, c->region_len))
			return false;
		cmd->iov[i].iov_base = c->region + (uintptr_t)iov.iov_base;
		cmd->iov[i].iov_len = iov.iov_len;
		if (i < cmd->iov_cnt)
			len += iov.iov_len;
		else
			bidi_len += iov.iov_len;
	}
	cmd->len = len;
	cmd->bidi_len = bidi_len;
	return true;
}

/* A CDB of any length. */
COLD void copy_cdb(struct consumer *c, struct consumer_cmd *cmd, uint64_t cdb_off, uint64_t room)
{
	uint32_t len;

	if (room > RINGSIM_CDB_MAX)
		room = RINGSIM_CDB_MAX;
	memset(cmd->cdb, 0, sizeof(cmd->cdb));
	shm_read(cmd->cdb, c->region, cdb_off, room);
	len = ringsim_cdb_len(cmd->cdb);
	cmd->cdb_len = (uint16_t)(len < room ? len : room);
	memset(cmd->cdb + cmd->cdb_len, 0, room - cmd->cdb_len);
}

const struct consumer_kind consumer_kinds[256] = {
	[0x20 ... 0x5f] = { 0xffff, 10 },     [0x60 ... 0x7e] = { 0xffffffff, 12 },
	[0x80 ... 0x9f] = { UINT64_MAX, 16 }, [0xa0 ... 0xbf] = { 0xffffffff, 12 },
	[0xc0 ... 0xff] = { 0xffff, 10 },
};

HOT bool fetch_cdb(struct consumer *c, struct consumer_cmd *cmd, uint64_t cdb_off,
		   uint64_t entry_end)
{
	uint64_t room = entry_end - cdb_off;
	const struct consumer_kind *kind;
	uint64_t words[2];

	if (cdb_off >= entry_end)
		return false;
	kind = &consumer_kinds[shm_load8(c->region, cdb_off)];
	if (unlikely(room != sizeof(words) || !kind->len)) {
		copy_cdb(c, cmd, cdb_off, room);
		return true;
	}
	words[0] = shm_load64(c->region, cdb_off);
	words[1] = shm_load64(c->region, cdb_off + 8) & kind->second_word;
	memcpy(cmd->cdb, words, sizeof(words));
	cmd->cdb_len = kind->len;
	return true;
}

/* Room for more iovs than a command has itself. */
COLD bool more_iovs(struct consumer *c, struct consumer_cmd *cmd, uint64_t iovs)
{
	struct iovec *iov = c->alloc(iovs * sizeof(struct iovec));

	if (iov) {
		cmd->iov = iov;
		return true;
	}
	cmd->nomem = true;
	cmd->len = cmd->bidi_len = 0;
	cmd->iov_cnt = cmd->bidi_cnt = 0;
	return false;
}

COLD void bad_request(struct consumer_cmd *cmd)
{
	cmd->bad = true;
	cmd->iov_cnt = cmd->bidi_cnt = 0;
	cmd->len = cmd->bidi_len = 0;
}

/* A private copy of the request at @off; @cmd->bad or @cmd->nomem if there can be none. */
HOT void fetch_cmd(struct consumer *c, struct consumer_cmd *cmd, uint32_t off, uint32_t len,
		   const bool careful)
{
	uint64_t entry = entry_at(c, off), iovs, cdb_off;
	struct tcmu_cmd_entry e;

	e.hdr.cmd_id = shm_load16(c->region, entry + RINGSIM_OFF_ID);
	e.req.iov_cnt = shm_load32(c->region, entry + RINGSIM_OFF_IOV_CNT);
	e.req.iov_bidi_cnt = shm_load32(c->region, entry + RINGSIM_OFF_BIDI_CNT);
	e.req.cdb_off = shm_load64(c->region, entry + RINGSIM_OFF_CDB_OFF);
	cdb_off = e.req.cdb_off;
	cmd->id = e.hdr.cmd_id;
	clear(cmd);
	cmd->replay = careful && c->replaying;
	cmd->iov = cmd->inline_iov;
	cmd->iov_cnt = e.req.iov_cnt;
	cmd->bidi_cnt = e.req.iov_bidi_cnt;
	iovs = (uint64_t)cmd->iov_cnt + cmd->bidi_cnt;
	if (unlikely(!shm_span_ok(RINGSIM_OFF_IOV, iovs * sizeof(struct iovec), len) ||
		     cdb_off < entry || !fetch_cdb(c, cmd, cdb_off, entry + len))) {
		bad_request(cmd);
		return;
	}
	if (unlikely(iovs > CONSUMER_INLINE_IOVS) && !more_iovs(c, cmd, iovs))
		return;
	if (unlikely(!fetch_iovs(c, cmd, entry + RINGSIM_OFF_IOV, (uint32_t)iovs)))
		bad_request(cmd);
}

/* TMR entries carry their list behind 32 bytes; it is read while the entry is not published. */
static void fetch_tmr(struct consumer *c, uint32_t off, uint32_t len)
{
	struct tcmu_tmr_entry e;
	uint32_t room = (len - (uint32_t)sizeof(e)) / 2;

	shm_read(&e, c->region, entry_at(c, off), sizeof(e));
	c->tmr.type = e.tmr_type;
	c->tmr.cnt = e.cmd_cnt;
	if (c->tmr.cnt > room)
		c->tmr.cnt = room;
	c->tmr.ids = entry_at(c, off) + sizeof(e);
}

uint16_t consumer_tmr_id(const struct consumer *c, uint32_t i)
{
	if (i >= c->tmr.cnt)
		return 0;
	return shm_load16(c->region, c->tmr.ids + 2ull * i);
}

static void set_unknown_op(struct consumer *c, uint32_t off)
{
	uint64_t at = entry_at(c, off) + RINGSIM_OFF_UFLAGS;

	shm_store8(c->region, at, shm_load8(c->region, at) | TCMU_UFLAG_UNKNOWN_OP);
	consumer_step(c, CONSUMER_STEP_RSP);
}

static void enqueue(struct consumer *c, struct consumer_cmd *cmd)
{
	cmd->next = NULL;
	if (c->last)
		c->last->next = cmd;
	else
		c->first = cmd;
	c->last = cmd;
}

/*
 * An answer begins with one 64-bit store that says all of it: status, read_len, and, in the two pad
 * words that the kernel never reads, a mark with key, ASC and ASCQ. With an error read_len, which
 * the kernel does not read then, has the INFORMATION: where a miscompare is. Before it the request
 * is whole, after it a successor can finish the answer, so a crash between any two stores loses
 * nothing (HND-061); without the mark a status alone would turn one iov into none (LAY-032).
 */
#define MARK	  CONSUMER_MARK
#define MARK_INFO 0x4000u

/* INFORMATION of @sense, wherever its format has it; false if there is none, or more than fits. */
static bool information(const uint8_t *sense, bool fixed, uint32_t *info)
{
	const uint8_t *p = fixed ? sense + 3 : sense + 16;

	*info = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	if (fixed)
		return (sense[0] & 0x80) != 0;
	return sense[7] >= 12 && sense[8] == 0 && (sense[10] & 0x80) != 0 &&
	       (sense[12] | sense[13] | sense[14] | sense[15]) == 0;
}

COLD struct commit commit_sense(struct commit commit, const struct consumer_cmd *cmd)
{
	bool fixed = (cmd->sense[0] & 0x7f) < 0x72;
	uint32_t info;

	commit.asc = cmd->sense[fixed ? 12 : 2];
	commit.mark |= (uint16_t)((cmd->sense[fixed ? 2 : 1] & 0x0f) << 8);
	commit.mark |= cmd->sense[fixed ? 13 : 3];
	if (!(cmd->uflags & TCMU_UFLAG_READ_LEN) && information(cmd->sense, fixed, &info)) {
		commit.mark |= MARK_INFO;
		commit.read_len = info;
	}
	return commit;
}

HOT void store_commit(struct consumer *c, uint64_t entry, const struct consumer_cmd *cmd)
{
	struct commit commit = { .status = cmd->status, .mark = MARK, .read_len = cmd->read_len };
	uint64_t word;

	if (unlikely(commit.status != 0) && commit.status == 0x02)
		commit = commit_sense(commit, cmd);
	memcpy(&word, &commit, sizeof(word));
	shm_store64(c->region, entry + RINGSIM_OFF_STATUS, word);
}

COLD void store_sense(struct consumer *c, uint64_t entry, const uint8_t *sense)
{
	shm_write(c->region, entry + RINGSIM_OFF_SENSE, sense, TCMU_SENSE_BUFFERSIZE);
	consumer_step(c, CONSUMER_STEP_RSP);
}

/* Finishes the answer of a predecessor that died behind its commit; false if there is none. */
COLD bool finish_answer(struct consumer *c, uint32_t off)
{
	uint64_t entry = entry_at(c, off), word = shm_load64(c->region, entry + RINGSIM_OFF_STATUS);
	uint8_t sense[TCMU_SENSE_BUFFERSIZE] = { 0x70 };
	struct commit commit;

	memcpy(&commit, &word, sizeof(commit));
	if (!(commit.mark & MARK))
		return false;
	sense[2] = commit.mark >> 8 & 0x0f;
	sense[7] = 0x0a;
	sense[12] = commit.asc;
	sense[13] = commit.mark & 0xff;
	if (commit.mark & MARK_INFO) {
		sense[0] |= 0x80;
		for (uint32_t i = 0; i < 4; i++)
			sense[3 + i] = (uint8_t)(commit.read_len >> (24 - 8 * i));
	}
	if (commit.status == 0x02)
		store_sense(c, entry, sense);
	return true;
}

/* Leaves @next on the entry if its length cannot be: nothing after it can be trusted. */
HOT bool length_ok(const struct consumer *c, uint32_t off, uint32_t op, uint32_t len)
{
	uint32_t least = 8;

	if (op == TCMU_OP_CMD)
		least = RINGSIM_RSP_END;
	if (op == TCMU_OP_TMR)
		least = sizeof(struct tcmu_tmr_entry);
	return len >= least && len <= c->cmdr_size - off;
}

/* What is no command. CONSUMER_EMPTY: nothing to be shown. */
COLD enum consumer_entry fetch_other(struct consumer *c, uint32_t off, uint32_t op, uint32_t len)
{
	c->next = ring_next(c, off, len);
	if (c->replaying && !c->outstanding)
		skip_unanswered(c); /* so that answers that were begun are found at the tail */
	if (op == TCMU_OP_PAD)
		return CONSUMER_EMPTY;
	if (op == TCMU_OP_TMR) {
		fetch_tmr(c, off, len);
		return CONSUMER_TMR;
	}
	set_unknown_op(c, off);
	return CONSUMER_EMPTY;
}

/* @careful: there is an observer, an order to be kept, or what a predecessor left. */
HOT enum consumer_entry fetch(struct consumer *c, struct consumer_cmd *cmd, const bool careful)
{
	uint32_t off, len_op, len, op;

	while (c->next != load_head(c)) {
		off = c->next;
		if (careful && off == c->replay_end)
			c->replaying = false;
		len_op = len_op_at(c, off);
		op = tcmu_hdr_get_op(len_op);
		len = tcmu_hdr_get_len(len_op);
		if (!length_ok(c, off, op, len))
			break;
		if (!careful && c->head - off > AHEAD * 128)
			want(c->region, entry_at(c, off) + AHEAD * 128);
		c->seen[op]++;
		if (careful && op == TCMU_OP_CMD && c->replaying && c->tail == off &&
		    finish_answer(c, off)) {
			c->next = ring_next(c, off, len);
			c->tail = c->next;
			continue;
		}
		if (op == TCMU_OP_CMD) {
			fetch_cmd(c, cmd, off, len, careful);
			c->next = ring_next(c, off, len);
			c->outstanding++;
			if (careful && c->in_order)
				enqueue(c, cmd);
			return CONSUMER_CMD;
		}
		if (fetch_other(c, off, op, len) == CONSUMER_TMR)
			return CONSUMER_TMR;
	}
	return CONSUMER_EMPTY;
}

COLD enum consumer_entry fetch_carefully(struct consumer *c, struct consumer_cmd *cmd)
{
	return fetch(c, cmd, true);
}

enum consumer_entry consumer_fetch(struct consumer *c, struct consumer_cmd *cmd)
{
	if (unlikely(c->probe.fn || c->in_order || c->replaying))
		return fetch_carefully(c, cmd);
	return fetch(c, cmd, false);
}

bool consumer_pending(struct consumer *c)
{
	return c->next != load_head(c);
}

/* Puts the answer to @cmd into the slot at the tail, whoever's request was there (HND-051). */
HOT void put_answer(struct consumer *c, struct consumer_cmd *cmd, const bool careful)
{
	uint64_t entry;
	uint32_t len;

	skip_unanswered(c);
	entry = entry_at(c, c->tail);
	len = tcmu_hdr_get_len(len_op_at(c, c->tail));
	shm_store16(c->region, entry + RINGSIM_OFF_ID, cmd->id);
	if (careful)
		consumer_step(c, CONSUMER_STEP_RSP);
	shm_store8(c->region, entry + RINGSIM_OFF_UFLAGS, cmd->uflags);
	if (careful)
		consumer_step(c, CONSUMER_STEP_RSP);
	store_commit(c, entry, cmd);
	if (careful)
		consumer_step(c, CONSUMER_STEP_RSP);
	if (cmd->status == 0x02)
		store_sense(c, entry, cmd->sense);
	c->tail = ring_next(c, c->tail, len);
	c->outstanding--;
	iov_free(cmd);
}

/* As many answers as are due by now, in issue order. */
COLD void complete_in_order(struct consumer *c, struct consumer_cmd *cmd)
{
	cmd->done = true;
	while (c->first && c->first->done) {
		cmd = c->first;
		c->first = cmd->next;
		if (!c->first)
			c->last = NULL;
		put_answer(c, cmd, true);
		if (c->release)
			c->release(c->release_ctx, cmd);
	}
}

COLD void complete_carefully(struct consumer *c, struct consumer_cmd *cmd)
{
	if (c->in_order)
		complete_in_order(c, cmd);
	else
		put_answer(c, cmd, true);
}

void consumer_complete(struct consumer *c, struct consumer_cmd *cmd)
{
	if (unlikely(c->probe.fn || c->in_order))
		complete_carefully(c, cmd);
	else
		put_answer(c, cmd, false);
}

int consumer_flush(struct consumer *c)
{
	int rc;

	skip_unanswered(c);
	if (c->tail != c->published) {
		shm_store32_release(c->region, RINGSIM_OFF_TAIL, c->tail);
		c->published = c->tail;
		c->ring_owed = true;
		consumer_step(c, CONSUMER_STEP_TAIL);
	}
	if (!c->ring_owed)
		return 0;
	rc = ring_doorbell(c);
	if (rc > 0)
		c->ring_owed = false;
	return rc;
}

int consumer_read_event(struct consumer *c)
{
	int32_t count;
	ssize_t n;

	do {
		n = c->uio.read(c->uio.ctx, &count, sizeof(count));
	} while (n < 0 && errno == EINTR);
	consumer_step(c, CONSUMER_STEP_READ);
	if (n == (ssize_t)sizeof(count)) {
		c->wakeups++;
		return 1;
	}
	if (n < 0 && errno == EAGAIN)
		return 0;
	return -EIO;
}
