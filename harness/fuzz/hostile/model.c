/* SPDX-License-Identifier: MIT */
/*
 * What must come of a call, from the contract alone: KRN-050 and KRN-060 to KRN-072 for the walk,
 * KRN-090, KRN-091, KRN-100 to KRN-112 for the other ways in which commands end.
 *
 * The device tells (tap.h) what it has read of an answer, once; whatever happens to those bytes
 * before, meanwhile and afterwards, what it does must follow from what it has read. Where nobody
 * stores during a call, the region says in addition what it must read, in which order, and where it
 * must stop.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int model_init(struct side *s)
{
	s->m.id = calloc(RINGSIM_ID_MAX + 1, sizeof(*s->m.id));
	return s->m.id ? 0 : -ENOMEM;
}

void model_free(struct side *s)
{
	free(s->m.id);
}

static uint32_t blocks_of(const struct side *s, const struct hcmd *h)
{
	uint32_t size = s->lay->blk_size;

	return (h->c.data_len + size - 1) / size + (h->bidi_len + size - 1) / size;
}

static void id_free(struct model *m, struct hid *id)
{
	m->blks -= id->blks;
	*id = (struct hid){ ID_FREE, NULL, 0 };
}

/* --- what the region says -------------------------------------------------------------------- */

static uint32_t region32(const struct side *s, uint64_t off)
{
	uint32_t v;

	memcpy(&v, s->mem + off, sizeof(v));
	return v;
}

static uint32_t end_of(const struct side *s, const struct ringsim_entry *e)
{
	return (e->off + e->len) % s->lay->cmdr_size;
}

enum step { STEP_TAIL, STEP_ANSWER, STEP_LOST };

/* The next thing that a walk over the region as it is must do. */
static enum step walk_next(struct side *s, const struct ringsim_entry **entry)
{
	struct model *m = &s->m;
	const struct ringsim_entry *e;
	uint32_t tail, i;

	for (;;) {
		tail = region32(s, RINGSIM_OFF_TAIL);
		if (tail == m->pos)
			return STEP_TAIL;
		for (i = m->at; i < m->recs && end_of(s, &m->rec[i]) != tail; i++)
			;
		if (i >= m->recs)
			return STEP_LOST;
		e = &m->rec[m->at];
		if (e->off != m->pos ||
		    region32(s, (uint64_t)s->lay->cmdr_off + e->off) != (e->len | e->op))
			return STEP_LOST;
		m->pos = end_of(s, e);
		m->at++;
		if (e->op == TCMU_OP_CMD) {
			*entry = e;
			return STEP_ANSWER;
		}
	}
}

static void foretell(struct side *s)
{
	struct model *m = &s->m;
	struct ringsim_stats st;

	m->walking = false;
	if (!m->clean || m->broken)
		return;
	for (m->recs = 0; ringsim_entry_at(s->dev, m->recs, &m->rec[m->recs]);) {
		if (m->rec[m->recs].off + m->rec[m->recs].len > s->lay->cmdr_size)
			hostile_wrong(s->b, "KRN-030: an entry hangs over the end of the ring");
		if (++m->recs == HOSTILE_RECS)
			return;
	}
	ringsim_stats(s->dev, &st);
	m->pos = st.reclaim;
	m->at = 0;
	m->walking = m->foretold = true;
	s->b->r->tally.checked++;
}

static void expect_step(struct side *s, enum step found, uint32_t off)
{
	static const char *const names[] = { "the end at cmd_tail", "an answer",
					     "BROKEN for a bad tail or entry" };
	const struct ringsim_entry *e = NULL;
	enum step want;

	if (!s->m.walking || s->m.stopped)
		return;
	want = walk_next(s, &e);
	if (want != found)
		hostile_wrong(s->b, "KRN-061: the region asks for %s, the walk found %s",
			      names[want], names[found]);
	else if (want == STEP_ANSWER && e->off != off)
		hostile_wrong(s->b, "KRN-061: the answer at ring offset %u is next, found %u",
			      e->off, off);
	if (found != STEP_ANSWER)
		s->m.walking = false;
}

static void expect_bytes(struct side *s, const struct ringsim_tap_event *e)
{
	const uint8_t *entry = s->mem + s->lay->cmdr_off + e->off;
	uint16_t id;

	if (!s->m.clean)
		return;
	memcpy(&id, entry + RINGSIM_OFF_ID, sizeof(id));
	if (id != e->id || entry[RINGSIM_OFF_UFLAGS] != e->uflags ||
	    entry[RINGSIM_OFF_STATUS] != e->status ||
	    memcmp(entry + RINGSIM_OFF_RDLEN, &e->read_len, 4) ||
	    (e->sense && memcmp(entry + RINGSIM_OFF_SENSE, e->sense, TCMU_SENSE_BUFFERSIZE)))
		hostile_wrong(s->b, "KRN-066: the answer at ring offset %u was read wrongly",
			      e->off);
}

/* --- an answer ---------------------------------------------------------------------------------
 */

static uint32_t sg_room(const struct iovec *sg, uint32_t cnt)
{
	uint32_t len = 0;

	while (cnt--)
		len += (uint32_t)(sg++)->iov_len;
	return len;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* KRN-066 to KRN-071: how the command must end. */
static void want_end(struct model *m, const struct hcmd *h, const struct ringsim_tap_event *e)
{
	const struct ringsim_cmd *c = &h->c;
	uint32_t len = c->data_len;
	bool valid = false;

	memset(&m->want, 0, sizeof(m->want));
	m->pending = (struct hcmd *)(uintptr_t)h;
	if (e->uflags & TCMU_UFLAG_UNKNOWN_OP) {
		static const uint8_t not_ready[14] = { 0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 8 };

		m->want.status = 2;
		m->want.sense_valid = true;
		memcpy(m->want.sense, not_ready, sizeof(not_ready));
		return;
	}
	m->want.status = e->status;
	if (c->dir == RINGSIM_FROM_DEVICE && e->uflags & TCMU_UFLAG_READ_LEN && e->read_len) {
		valid = true;
		len = least(len, e->read_len);
	}
	if (e->status == 2) {
		m->want.sense_valid = true;
		memcpy(m->want.sense, e->sense, sizeof(m->want.sense));
	}
	if (valid && (e->status == 0 || e->status == 2))
		m->want.residual = c->data_len - len;
	if (e->status == 2 && !valid)
		return;
	if (c->dir == RINGSIM_FROM_DEVICE)
		m->want.data_in = least(len, sg_room(c->sg, c->sg_cnt));
	else if (c->dir == RINGSIM_BIDI)
		m->want.data_in = least(c->data_len, h->bidi_len);
}

static void no_more_pending(struct side *s)
{
	if (!s->m.pending)
		return;
	hostile_wrong(s->b, "KRN-066: an answered command did not end");
	s->m.pending = NULL;
}

static void answer(struct side *s, const struct ringsim_tap_event *e)
{
	struct model *m = &s->m;
	struct hid *id = &m->id[e->id];
	bool keep = e->uflags & TCMU_UFLAG_KEEP_BUF;

	s->b->r->tally.answers++;
	no_more_pending(s);
	m->last = e->off;
	if (m->broken || m->stopped)
		hostile_wrong(s->b, "KRN-063: an answer was looked at after the ring was BROKEN");
	expect_step(s, STEP_ANSWER, e->off);
	expect_bytes(s, e);
	if (!e->id || id->state == ID_FREE || id->state == ID_KEPT) {
		m->broken = m->stopped = true; /* KRN-062, KRN-064 */
		m->pos = e->off;
		if (id->state == ID_KEPT && !keep) {
			m->kept--;
			id_free(m, id);
		}
		return;
	}
	if (id->state == ID_RING) {
		want_end(m, id->cmd, e);
		m->ring--;
	} else {
		m->expired--;
	}
	id->cmd = NULL;
	id->state = ID_KEPT;
	m->kept++;
	if (!keep) {
		m->kept--;
		id_free(m, id);
	}
}

/* --- the other events ------------------------------------------------------------------------ */

/* Where the Data-In of an entry that is published next will be looked for. */
static void note_iovs(struct side *s, struct hcmd *h, uint32_t off)
{
	const uint8_t *entry = s->mem + s->lay->cmdr_off + off;
	struct tcmu_cmd_entry e;
	struct iovec iov;
	uint32_t i, first;

	h->iovs = 0;
	memcpy(&e, entry, sizeof(e));
	first = h->c.dir == RINGSIM_BIDI ? e.req.iov_cnt : 0;
	h->iovs = h->c.dir == RINGSIM_BIDI ? e.req.iov_bidi_cnt : e.req.iov_cnt;
	if (!s->m.clean || h->c.dir < RINGSIM_FROM_DEVICE || h->iovs > HOSTILE_IOVS)
		h->iovs = 0;
	for (i = 0; i < h->iovs; i++) {
		memcpy(&iov, entry + RINGSIM_OFF_IOV + (first + i) * sizeof(iov), sizeof(iov));
		h->iov[i].off = (uintptr_t)iov.iov_base;
		h->iov[i].len = iov.iov_len;
		if (h->iov[i].off < s->lay->data_off ||
		    h->iov[i].len > s->lay->region_size - h->iov[i].off)
			hostile_wrong(s->b, "KRN-043: iov %u lies outside the data area", i);
	}
}

static void entry(struct side *s, const struct ringsim_tap_event *e)
{
	struct model *m = &s->m;
	struct hcmd *h = e->cmd ? e->cmd->user : NULL;
	struct hid *id;
	uint32_t i;

	m->entries++;
	if (e->off % 8 || e->off >= s->lay->cmdr_size)
		hostile_wrong(s->b, "KRN-024: an entry at ring offset %u", e->off);
	if (!h)
		return;
	id = &m->id[e->cmd->id];
	for (i = 1; i < e->cmd->id && m->id[i].state != ID_FREE; i++)
		;
	if (i != e->cmd->id || id->state != ID_FREE)
		hostile_wrong(s->b, "KRN-050: id %u is free, found %u", i, e->cmd->id);
	if (h->where == AT_RING)
		hostile_wrong(s->b, "a command was put on the ring twice");
	m->queued -= h->where == AT_QUEUE;
	m->ring++;
	h->where = AT_RING;
	h->began_ns = e->now_ns;
	*id = (struct hid){ ID_RING, h, blocks_of(s, h) };
	m->blks += id->blks;
	if (e->cmd->id > m->top)
		m->top = e->cmd->id;
	note_iovs(s, h, e->off);
}

/* KRN-111. What ends here is counted when it does. */
static void reset(struct model *m)
{
	uint32_t i;

	for (i = 1; i <= m->top; i++) {
		struct hid *id = &m->id[i];

		if (id->state == ID_RING) {
			id->cmd->to_reset = true;
			m->to_reset++;
		}
		if (id->state != ID_FREE)
			id_free(m, id);
	}
	m->ring = m->expired = m->kept = m->top = 0;
	m->broken = m->stopped = m->to_reclaim = m->head_moved = false;
}

static void free_kept(struct model *m, uint32_t first, uint32_t last)
{
	uint32_t i;

	for (i = first; i <= last; i++) {
		if (m->id[i].state != ID_KEPT)
			continue;
		m->kept--;
		id_free(m, &m->id[i]);
	}
}

static void lost(struct side *s)
{
	if (s->m.raw)
		return; /* says that an entry of reserved opcode was made */
	no_more_pending(s);
	expect_step(s, STEP_LOST, 0);
	s->m.broken = s->m.stopped = true;
}

void model_tap(void *ctx, const struct ringsim_tap_event *e)
{
	struct side *s = ctx;
	struct model *m = &s->m;
	struct hcmd *h;

	if (e->kind <= RINGSIM_TAP_SET)
		m->cause = e->kind;
	m->now_ns = e->now_ns;
	switch (e->kind) {
	case RINGSIM_TAP_BLOCK:
		if (!e->value)
			break;
		/* fallthrough */
	case RINGSIM_TAP_WALK:
		foretell(s);
		break;
	case RINGSIM_TAP_RESET:
		reset(m);
		break;
	case RINGSIM_TAP_FREE:
		free_kept(m, e->value, e->value);
		break;
	case RINGSIM_TAP_RELEASE:
		free_kept(m, 1, m->top);
		break;
	case RINGSIM_TAP_ANSWER:
		answer(s, e);
		break;
	case RINGSIM_TAP_TAIL:
		no_more_pending(s);
		m->to_reclaim = true;
		m->reclaim = m->stopped ? m->last : e->value;
		expect_step(s, STEP_TAIL, 0);
		break;
	case RINGSIM_TAP_ENTRY:
		entry(s, e);
		break;
	case RINGSIM_TAP_WAIT:
		h = e->cmd->user;
		m->queued += h->where == AT_NOBODY;
		h->where = AT_QUEUE;
		break;
	case RINGSIM_TAP_LOST:
		lost(s);
		break;
	default:
		break;
	}
}

/* --- ends ------------------------------------------------------------------------------- */

/* Every byte that came, against the region, which nobody has touched meanwhile. */
static void check_data(struct side *s, const struct hcmd *h)
{
	const struct iovec *sg = h->c.dir == RINGSIM_BIDI ? &h->bidi_sg : h->sg;
	uint32_t i, k, left = h->c.data_in, n;
	size_t at = 0;

	if (!s->m.clean)
		return;
	for (i = 0; i < h->iovs && left; i++) {
		for (k = 0; k < h->iov[i].len && left; k += n, left -= n, at += n) {
			while (at == sg->iov_len) {
				sg++;
				at = 0;
			}
			n = least(left,
				  least((uint32_t)h->iov[i].len - k, (uint32_t)(sg->iov_len - at)));
			if (memcmp((char *)sg->iov_base + at, s->mem + h->iov[i].off + k, n))
				hostile_wrong(s->b, "KRN-070: other bytes than those of its blocks "
						    "reached a command");
		}
	}
}

static void check_answered(struct side *s, struct hcmd *h)
{
	const struct ringsim_cmd *c = &h->c;

	if (c->data_in != s->m.want.data_in)
		hostile_wrong(s->b, "KRN-070: %u bytes of Data-In, expected %u", c->data_in,
			      s->m.want.data_in);
	check_data(s, h);
	if (h->aborting)
		return;
	if (c->outcome != RINGSIM_ANSWERED || c->status != s->m.want.status ||
	    c->residual != s->m.want.residual || c->sense_valid != s->m.want.sense_valid)
		hostile_wrong(s->b,
			      "KRN-066: expected status 0x%02x residual %u sense %d, found outcome "
			      "%d status 0x%02x residual %u sense %d",
			      s->m.want.status, s->m.want.residual, s->m.want.sense_valid,
			      c->outcome, c->status, c->residual, c->sense_valid);
	else if (c->sense_valid && memcmp(c->sense, s->m.want.sense, sizeof(c->sense)))
		hostile_wrong(s->b, "KRN-068: other sense than was read from the answer");
}

/* Whether a command that is @where may end without an answer, and as what. */
static bool other_end(struct side *s, const struct hcmd *h, enum ringsim_outcome *outcome)
{
	enum ringsim_tap_kind cause = s->m.cause;

	if (h->where == AT_RING && cause == RINGSIM_TAP_EXPIRE)
		*outcome = RINGSIM_EXPIRED;
	else if (h->to_reset && cause == RINGSIM_TAP_RESET)
		*outcome = RINGSIM_RESET;
	else if (h->where == AT_QUEUE && cause == RINGSIM_TAP_EXPIRE)
		*outcome = RINGSIM_QUEUE_EXPIRED;
	else if (h->where == AT_QUEUE && h->aborting && cause == RINGSIM_TAP_ABORT)
		*outcome = RINGSIM_ABORTED;
	else if (h->where == AT_QUEUE && cause != RINGSIM_TAP_SUBMIT && cause != RINGSIM_TAP_ABORT)
		*outcome = RINGSIM_REFUSED;
	else if (h->where == AT_NOBODY && cause == RINGSIM_TAP_SUBMIT)
		*outcome = h->c.aborted ? h->c.outcome : RINGSIM_REFUSED;
	else
		return false;
	return true;
}

static void check_other(struct side *s, struct hcmd *h)
{
	enum ringsim_outcome want = RINGSIM_PENDING;

	if (!other_end(s, h, &want)) {
		hostile_wrong(s->b, "a command ended for no reason: outcome %d, cause %d, where %d",
			      h->c.outcome, s->m.cause, h->where);
		return;
	}
	if (h->aborting)
		want = RINGSIM_ABORTED;
	if (h->c.outcome != want)
		hostile_wrong(s->b, "expected outcome %d, found %d", want, h->c.outcome);
	s->m.queued -= h->where == AT_QUEUE;
	if (h->to_reset) {
		s->m.to_reset--;
	} else if (h->where == AT_RING) {
		s->m.ring--;
		s->m.expired++;
		s->m.id[h->c.id].state = ID_EXPIRED;
		s->m.id[h->c.id].cmd = NULL;
		if (s->m.now_ns < h->began_ns + s->m.time_out_ns)
			hostile_wrong(s->b, "KRN-090: a command expired early");
	}
}

void model_complete(struct side *s, struct hcmd *h)
{
	if (s->m.pending == h)
		check_answered(s, h);
	else
		check_other(s, h);
	if (s->m.pending == h)
		s->m.pending = NULL;
}

/* --- a call ---------------------------------------------------------------------------- */

void model_begin(struct side *s)
{
	s->m.clean = !s->b->racing && !s->n_armed;
	s->m.walking = s->m.foretold = s->m.to_reclaim = false;
	s->m.stopped = s->m.broken;
	s->m.entries = 0;
	s->m.cause = RINGSIM_TAP_SET;
	s->events_before = s->events;
}

static void check_stats(struct side *s, const struct ringsim_stats *st)
{
	const struct model *m = &s->m;

	if (st->inflight != m->ring || st->expired != m->expired || st->kept != m->kept ||
	    st->queued != m->queued)
		hostile_wrong(s->b,
			      "in flight, expired, kept, queued: expected %u %u %u %u, found %u %u "
			      "%u %u",
			      m->ring, m->expired, m->kept, m->queued, st->inflight, st->expired,
			      st->kept, st->queued);
	if (st->completed != s->ended || st->inflight + st->queued + s->ended != s->submitted)
		hostile_wrong(s->b, "%llu submitted, but %u in flight, %u queued, %llu ended",
			      (unsigned long long)s->submitted, st->inflight, st->queued,
			      (unsigned long long)s->ended);
	if (st->broken != m->broken)
		hostile_wrong(s->b, "KRN-062: BROKEN expected to be %d, found %d", m->broken,
			      st->broken);
	if (st->blocks_used != m->blks)
		hostile_wrong(s->b, "%u data blocks belong to commands, %u are taken", m->blks,
			      st->blocks_used);
	if (st->reclaim % 8 || st->reclaim >= s->lay->cmdr_size)
		hostile_wrong(s->b, "the reclaim pointer is %u", st->reclaim);
}

static void check_bitmaps(struct side *s)
{
	uint32_t i, n = 0;

	for (i = 0; i < s->lay->blocks; i++)
		n += ringsim_block_used(s->dev, i);
	if (n != s->m.blks)
		hostile_wrong(s->b, "%u data blocks belong to commands, %u are marked", s->m.blks,
			      n);
	for (i = 1; i <= s->m.top + 1 && i <= RINGSIM_ID_MAX; i++)
		if (ringsim_id_used(s->dev, i) != (s->m.id[i].state != ID_FREE))
			hostile_wrong(s->b, "id %u: taken %d, its owner %d", i,
				      ringsim_id_used(s->dev, i), s->m.id[i].state);
}

/* Entries follow each other from the reclaim pointer to the head. */
static void check_chain(struct side *s, uint32_t pos, uint32_t most)
{
	struct ringsim_entry e;
	uint32_t i;

	for (i = 0; i < most && ringsim_entry_at(s->dev, i, &e); i++) {
		if (e.off != pos)
			hostile_wrong(s->b, "KRN-061: entry %u is at ring offset %u, expected %u",
				      i, e.off, pos);
		pos = end_of(s, &e);
	}
}

void model_end(struct side *s)
{
	struct ringsim_stats st;

	no_more_pending(s);
	ringsim_stats(s->dev, &st);
	check_stats(s, &st);
	if (s->m.to_reset)
		hostile_wrong(s->b, "KRN-111: %u commands survived a reset", s->m.to_reset);
	if (s->events - s->events_before > s->m.entries + 1)
		hostile_wrong(s->b, "KRN-073: %u events for %u entries",
			      s->events - s->events_before, s->m.entries);
	if (!s->m.head_moved && !s->b->racing)
		check_chain(s, st.reclaim, s->b->calls % 64 ? 1 : HOSTILE_RECS);
	if (s->b->calls % 64 == 0)
		check_bitmaps(s);
	if (s->m.to_reclaim && st.reclaim != s->m.reclaim)
		hostile_wrong(s->b,
			      "KRN-061: a walk that ended at %u left the reclaim pointer at %u",
			      s->m.reclaim, st.reclaim);
	if (s->m.foretold && s->m.cause <= RINGSIM_TAP_WALK && st.reclaim != s->m.pos)
		hostile_wrong(s->b, "KRN-061: the reclaim pointer is %u, expected %u", st.reclaim,
			      s->m.pos);
}
