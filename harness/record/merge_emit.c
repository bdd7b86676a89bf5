/* SPDX-License-Identifier: MIT */
/*
 * Sections as lines, with what the handler saw and stored put where the kernel made or took it.
 */
#include "merge.h"

#include "../trace/trace_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <ringsim/device.h>
#include <string.h>

#define FLAG_BROKEN    (1u << 1)
#define FLAG_TMR       (1u << 3)
#define MS_PER_S       1000
#define SENSE_LEN      18u
#define TMF_ABORT_TASK 1u

/* How far the handler's account has been used up. */
struct emit {
	struct merge *m;
	struct trace *out;
	size_t seen, answer;
	uint32_t generation; /* resets so far */
	uint32_t clean;
	uint64_t at;
};

static struct trace_event *push(struct emit *x, enum trace_kind kind)
{
	struct trace_event *e = trace_push(x->out);

	if (e)
		e->kind = kind;
	return e;
}

/* Appends @len bytes as the payload of @e, the newest event. */
static int payload(struct emit *x, struct trace_event *e, const void *bytes, uint32_t len)
{
	e->payload = x->out->n_bytes;
	e->payload_len = len;
	return trace_push_bytes(x->out, bytes, len);
}

/* A line of the handler's account as it is, with payload and iovs. */
static int copy(struct emit *x, const struct trace *from, const struct trace_event *g, uint32_t n)
{
	struct trace_event *e = push(x, g->kind), keep;
	uint64_t i;
	int rc;

	if (!e)
		return -ENOMEM;
	keep = *e;
	*e = *g;
	e->n = n;
	e->iov = keep.iov;
	rc = payload(x, e, from->bytes + g->payload, g->payload_len);
	for (i = 0; !rc && g->kind == TRACE_CMD && i < (uint64_t)g->iov_cnt + g->bidi_cnt; i++)
		rc = trace_push_iov(x->out, from->iovs[g->iov + i].base,
				    from->iovs[g->iov + i].len);
	return rc;
}

static uint32_t ring_distance(const struct emit *x, uint32_t from, uint32_t to)
{
	uint32_t size = x->out->hdr.cmdr_size;

	return (to + size - from) % size;
}

/* The handler's answers that lie before @tail. */
static int emit_answers(struct emit *x, uint32_t tail)
{
	const struct trace *answers = &x->m->log->answers;
	uint32_t reach = ring_distance(x, x->clean, tail);
	int rc = 0;

	for (; !rc && x->answer < answers->n; x->answer++) {
		const struct trace_event *e = &answers->v[x->answer];

		if (e->arg > x->generation)
			break;
		if (e->arg < x->generation)
			continue; /* a reset came first */
		if (ring_distance(x, x->clean, e->off) >= reach)
			break;
		rc = copy(x, answers, e, 0);
	}
	return rc;
}

/* Commands that end in section @i as aborted although TCMU was not told before. */
static int emit_doomed(struct emit *x, size_t i)
{
	struct merge_section *s = &x->m->sections[i];
	size_t k;

	for (k = s->first; k < s->first + s->n; k++) {
		struct merge_effect *f = &x->m->effects[k];
		struct trace_event *e;

		if (f->what != MERGE_ABORTED || x->m->cmds[f->n].claimed)
			continue;
		e = push(x, TRACE_DOOM);
		if (!e)
			return -ENOMEM;
		e->n = f->n;
		x->m->cmds[f->n].claimed = true;
	}
	return 0;
}

static const struct trace_event *next_seen(const struct emit *x, size_t ahead)
{
	const struct trace *seen = &x->m->log->seen;
	size_t i = x->seen + ahead;

	return i < seen->n && seen->v[i].arg == x->generation ? &seen->v[i] : NULL;
}

static int emit_unseen(struct emit *x, const struct merge_effect *f, uint32_t off)
{
	struct trace_event *e = push(x, TRACE_UNSEEN);
	uint32_t end = f->head_after ? f->head_after : x->out->hdr.cmdr_size;

	if (!e)
		return -ENOMEM;
	if (end <= off)
		off = 0;
	e->n = f->n;
	e->off = off;
	e->len = end - off;
	return 0;
}

/* An entry that the kernel laid: the next one that was found there. */
static int emit_entry(struct emit *x, const struct merge_effect *f)
{
	enum trace_kind want = f->what == MERGE_TMR ? TRACE_TMR : TRACE_CMD;
	const struct trace *seen = &x->m->log->seen;
	const struct trace_event *g = next_seen(x, 0);
	uint32_t off = f->event->head;
	int rc = 0;

	if (g && g->kind == TRACE_PAD) {
		if (g->off != off)
			return merge_fail(x->m, "a PAD was seen at %u, expected at %u", g->off,
					  off);
		rc = copy(x, seen, g, 0);
		x->seen++;
		off = 0;
		g = next_seen(x, 0);
	}
	if (rc)
		return rc;
	if (!g)
		return emit_unseen(x, f, off);
	if (g->off != off || g->kind != want)
		return merge_fail(x->m, "the kernel laid a %s at %u, the handler saw a %s at %u",
				  trace_kind_name(want), off, trace_kind_name(g->kind), g->off);
	x->m->cmds[f->n].id = g->id;
	x->seen++;
	return copy(x, seen, g, f->n);
}

static int emit_done(struct emit *x, const struct merge_effect *f)
{
	const struct merge_cmd *c = &x->m->cmds[f->n];
	struct trace_event *e = push(x, TRACE_DONE);

	if (!e)
		return -ENOMEM;
	if (!c->reply)
		return merge_fail(x->m,
				  "command %u ended, and no fabric was seen to tell its "
				  "initiator",
				  f->n);
	e->n = f->n;
	e->status = (uint8_t)c->reply->status;
	e->residual = c->reply->residual;
	return e->status == 0x02 ? payload(x, e, c->reply->sense, SENSE_LEN) : 0;
}

static int emit_effect(struct emit *x, const struct merge_effect *f)
{
	struct trace_event *e;

	switch (f->what) {
	case MERGE_ENTRY:
	case MERGE_TMR:
		return emit_entry(x, f);
	case MERGE_DONE:
		return emit_done(x, f);
	default:
		e = push(x, f->what == MERGE_WAIT ? TRACE_WAIT : TRACE_ABORTED);
		if (!e)
			return -ENOMEM;
		e->n = f->n;
		return 0;
	}
}

/*
 * Causes.
 */

static int emit_submit(struct emit *x, struct trace_event *e, const struct merge_section *s)
{
	static const uint8_t dirs[] = { RINGSIM_BIDI, RINGSIM_TO_DEVICE, RINGSIM_FROM_DEVICE,
					RINGSIM_NONE };
	const struct probe_event *q = s->begin;
	const uint8_t *cdb = (const uint8_t *)q->cdb;
	uint32_t len = ringsim_cdb_len(cdb);

	e->n = s->n_cmd;
	e->dir = dirs[q->dir & 3];
	e->data_len = q->len;
	e->bidi_len = q->bidi;
	if (q->bidi)
		e->dir = RINGSIM_BIDI;
	if (len > sizeof(q->cdb)) {
		/* The account has the beginning; the entry, if there is one, has it all. */
		const struct trace_event *g = next_seen(x, 0);

		if (g && g->kind == TRACE_PAD)
			g = next_seen(x, 1);
		if (g && g->kind == TRACE_CMD && g->payload_len == len)
			return payload(x, e, x->m->log->seen.bytes + g->payload, len);
		len = sizeof(q->cdb);
	}
	return payload(x, e, cdb, len);
}

static int claim(struct emit *x, struct trace_event *e, struct merge_cmd *c)
{
	uint32_t n = (uint32_t)(c - x->m->cmds);

	c->claimed = true;
	e->payload_len += sizeof(n);
	return trace_push_bytes(x->out, &n, sizeof(n));
}

/* Whether the function of section @i aborted @c: live then, aborted in the end, by none before. */
static bool is_victim(const struct emit *x, size_t i, const struct merge_cmd *c)
{
	const struct merge_section *s = &x->m->sections[i];

	if (!c->aborted || c->claimed || c->ended < i || c->submit->order > s->begin->order)
		return false;
	if (!s->outer->first) /* the command ended before the target core found it */
		return false;
	return s->outer->type != TMF_ABORT_TASK || s->outer->first == c->se;
}

/*
 * Which commands were aborted is told by how they ended. In which order the target core listed them
 * is told by those that were taken off the queue and by the TMR entry.
 */
static int emit_victims(struct emit *x, struct trace_event *e, size_t i)
{
	const struct merge_section *s = &x->m->sections[i];
	const struct trace_event *tmr = next_seen(x, 0);
	struct merge *m = x->m;
	uint16_t id;
	size_t k, n;
	int rc = 0;

	e->payload = x->out->n_bytes;
	for (k = s->first; !rc && k < s->first + s->n; k++)
		if (m->effects[k].what == MERGE_ABORTED &&
		    is_victim(x, i, &m->cmds[m->effects[k].n]))
			rc = claim(x, e, &m->cmds[m->effects[k].n]);
	if (tmr && tmr->kind == TRACE_PAD)
		tmr = next_seen(x, 1);
	for (k = 0; !rc && tmr && tmr->kind == TRACE_TMR && k < tmr->payload_len / 2; k++) {
		memcpy(&id, m->log->seen.bytes + tmr->payload + 2 * k, sizeof(id));
		for (n = m->n_cmds; !rc && n; n--)
			if (m->cmds[n].id == id && is_victim(x, i, &m->cmds[n])) {
				rc = claim(x, e, &m->cmds[n]);
				break;
			}
	}
	for (n = 1; !rc && n <= m->n_cmds; n++)
		if (is_victim(x, i, &m->cmds[n]))
			rc = claim(x, e, &m->cmds[n]);
	e->tmr_cnt = e->payload_len / 4;
	return rc;
}

/* The kernel's deadline for a command of @tmo_ms that is set at @at on @cpu (KRN-090). */
static uint64_t deadline(const struct emit *x, uint64_t at, uint32_t cpu, uint64_t tmo_ms)
{
	uint64_t hz = 1000000000 / x->m->cfg->tick_ns, j = at + tmo_ms * hz / MS_PER_S + 3ull * cpu;

	return j - j % hz + hz - 3ull * cpu;
}

/* Whether all commands that section @s put on the ring got their deadlines at @at on @cpu. */
static bool all_at(const struct emit *x, const struct merge_section *s, uint64_t at, uint32_t cpu)
{
	size_t k;

	for (k = s->first; k < s->first + s->n; k++) {
		const struct merge_effect *f = &x->m->effects[k];
		uint64_t is = x->m->cmds[f->n].deadline;

		if (f->what == MERGE_ENTRY && is &&
		    is != deadline(x, at, cpu, f->event->cmd_time_out_ms))
			return false;
	}
	return true;
}

/*
 * When and where a section happened. Its first event knows, unless a tick, or another CPU, came
 * between that and the deadlines that it made: these tell, as far as it lasted.
 */
static void set_time(struct emit *x, struct trace_event *e, const struct merge_section *s)
{
	const struct probe_event *last = s->begin;
	uint64_t at;
	size_t k;

	for (k = s->first; k < s->first + s->n; k++)
		if (x->m->effects[k].end)
			last = x->m->effects[k].end;
	e->at = s->begin->jiffies;
	e->cpu = s->begin->cpu;
	for (at = e->at; at <= last->jiffies; at++) {
		if (!all_at(x, s, at, s->begin->cpu) && !all_at(x, s, at, last->cpu))
			continue;
		e->at = at;
		e->cpu = all_at(x, s, at, s->begin->cpu) ? s->begin->cpu : last->cpu;
		break;
	}
	x->at = e->at > x->at ? e->at : x->at;
	e->at = x->at;
}

static int emit_cause(struct emit *x, size_t i)
{
	struct merge_section *s = &x->m->sections[i];
	const struct probe_event *b = s->begin;
	bool broken = (b->flags | s->flags_after) & FLAG_BROKEN;
	bool walks = s->kind == TRACE_WALK || (s->kind == TRACE_BLOCK && b->kind == PROBE_WALK);
	uint32_t tail = broken ? b->tail : s->clean_after;
	struct trace_event *e;
	int rc = walks ? emit_answers(x, tail) : 0;

	if (!rc)
		rc = s->kind == TRACE_ABORT ? 0 : emit_doomed(x, i);
	e = rc ? NULL : push(x, s->kind);
	if (!e)
		return rc ? rc : -ENOMEM;
	set_time(x, e, s);
	e->tail = walks ? tail : x->clean;
	e->arg = s->kind == TRACE_BLOCK ? walks : s->outer ? (uint32_t)s->outer->value : 0;
	if (walks)
		x->clean = s->clean_after;
	switch (s->kind) {
	case TRACE_SUBMIT:
		return emit_submit(x, e, s);
	case TRACE_SET:
		e->seconds = b->qfull_time_out_ms < 0 ? -1 : b->qfull_time_out_ms / MS_PER_S;
		return 0;
	case TRACE_ABORT:
		e->tmr_type = s->outer->type <= 7 || s->outer->type == 128 ? (uint8_t)s->outer->type
									   : 0;
		return emit_victims(x, e, i);
	case TRACE_RESET:
		if (next_seen(x, 0))
			return merge_fail(x->m,
					  "the handler saw entries that the kernel did not lay");
		x->generation++;
		x->clean = 0;
		return 0;
	default:
		return 0;
	}
}

static void emit_header(struct emit *x)
{
	const struct probe_event *q = x->m->first_queue;
	struct trace_header *h = &x->out->hdr;

	*h = x->m->log->seen.hdr;
	h->blk_size = x->m->cfg->blk_size;
	h->tick_ns = x->m->cfg->tick_ns;
	h->desc_sense = x->m->cfg->desc_sense;
	h->cmd_time_out = q->cmd_time_out_ms / MS_PER_S;
	h->qfull_time_out = q->qfull_time_out_ms < 0 ? -1 : q->qfull_time_out_ms / MS_PER_S;
	h->tmr_notification = (q->flags & FLAG_TMR) != 0;
	x->out->format = 2;
}

int merge_emit(struct merge *m, struct trace *out)
{
	struct emit x = { .m = m, .out = out };
	size_t i, k;
	int rc = 0;

	if (!m->first_queue)
		return merge_fail(m, "expected commands, found none");
	out->name = strdup("recording");
	if (!out->name || trace_reserve(out))
		return -ENOMEM;
	emit_header(&x);
	if (out->hdr.head != out->hdr.tail)
		return merge_fail(m, "expected an empty ring to begin with, found head %u, tail %u",
				  out->hdr.head, out->hdr.tail);
	x.clean = out->hdr.tail;
	for (i = 0; !rc && i < m->n_sections; i++) {
		rc = emit_cause(&x, i);
		for (k = m->sections[i].first; !rc && k < m->sections[i].first + m->sections[i].n;
		     k++)
			rc = emit_effect(&x, &m->effects[k]);
	}
	if (!rc && x.seen < m->log->seen.n)
		return merge_fail(m, "the handler saw entries that the kernel did not lay");
	return rc;
}
