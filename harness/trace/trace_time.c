/* SPDX-License-Identifier: MIT */
/*
 * What a trace says about time, before any simulator is asked.
 *
 * The recorder walks the ring, so an entry's offset follows from the lengths before it, a tail from
 * the entries that were completed, and the event count grows. A line that contradicts the lines
 * before it is a problem; what comes after it is not looked at.
 *
 * What the kernel did is bounded by the heads: an entry below a recorded head had been queued by
 * then, an entry at or above it had not. Between those two looks lie few completions, usually one
 * or none, and before which of them the entry was queued is all that stays open.
 *
 * A handler drains the ring before it waits (HND-041). If no line says otherwise of this recorder,
 * then before each IRQ line it had seen an empty ring, after its last completion: one more look.
 *
 * A head may also lie beyond everything that was recorded, at the end of a trace; and it may lie
 * between a PAD and its entry, because the kernel publishes them one by one (KRN-030).
 */
#include "trace_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The walk of the first pass. */
struct walk {
	struct timeline *tl;
	uint64_t fetch, tail; /* positions: next entry to see, next to complete */
	uint64_t *ends;	      /* positions at which seen entries end */
	size_t n_ends, completed;
	size_t event;
};

static bool problem(struct timeline *tl, size_t event, const char *field, uint64_t expected,
		    uint64_t found)
{
	const struct trace_event *e = &tl->t->v[event];

	tl->has_problem = true;
	tl->problem.line = e->line;
	tl->problem.kind = trace_kind_name(e->kind);
	finding_number(&tl->problem, field, expected, found);
	tl->events = event;
	return false;
}

/* Where the first entry lies: two of its offset, its tail and its completion agree on it. */
static uint64_t find_start(const struct trace *t)
{
	const struct trace_event *e = t->v, *end = t->v + t->n, *kick;

	while (e < end && !trace_is_entry(e->kind))
		e++;
	if (e == end)
		return 0;
	for (kick = e + 1; kick < end && kick->kind != TRACE_KICK; kick++)
		;
	if (e->off == e->tail || kick == end ||
	    (e->tail + (uint64_t)e->len) % t->hdr.cmdr_size != kick->tail)
		return e->off;
	return e->tail;
}

static bool see_head(struct walk *w, const struct trace_event *e)
{
	struct timeline *tl = w->tl;
	struct look *look = &tl->looks[tl->n_looks];

	if (e->tail != pos_off(tl, w->tail))
		return problem(tl, w->event, "tail", pos_off(tl, w->tail), e->tail);
	if (e->head >= tl->t->hdr.cmdr_size || e->head % 8)
		return problem(tl, w->event, "head", e->head % tl->t->hdr.cmdr_size & ~7u, e->head);
	*look = (struct look){ .event = w->event,
			       .head = pos_after(tl, w->tail, e->head),
			       .kicks = (uint32_t)tl->n_kicks };
	if (e->kind == TRACE_IRQ &&
	    (w->completed < w->n_ends || (tl->n_looks && look[-1].head != w->tail)))
		tl->drains = false;
	tl->n_looks++;
	return true;
}

static bool see_entry(struct walk *w, const struct trace_event *e)
{
	struct timeline *tl = w->tl;
	struct unit *u = tl->n_units ? &tl->units[tl->n_units - 1] : NULL;
	bool follows_pad = u && u->entry == NONE;

	if (e->off != pos_off(tl, w->fetch))
		return problem(tl, w->event, "off", pos_off(tl, w->fetch), e->off);
	tl->known_end = w->fetch;
	if (!follows_pad || e->kind == TRACE_PAD) {
		u = &tl->units[tl->n_units++];
		*u = (struct unit){ .pad = NONE, .entry = NONE, .pos = w->fetch };
	}
	*(e->kind == TRACE_PAD ? &u->pad : &u->entry) = w->event;
	w->fetch += e->len;
	u->end = w->fetch;
	w->ends[w->n_ends++] = w->fetch;
	return true;
}

static bool is_sam_status(uint8_t status)
{
	static const uint8_t known[] = { 0x00, 0x02, 0x04, 0x08, 0x18, 0x28, 0x30, 0x40 };

	return memchr(known, status, sizeof(known)) != NULL;
}

static bool see_kick(struct walk *w, const struct trace_event *e)
{
	struct timeline *tl = w->tl;
	size_t i;

	if (!is_sam_status(e->status)) {
		problem(tl, w->event, "status", 0, e->status);
		snprintf(tl->problem.expected, sizeof(tl->problem.expected), "a SAM status");
		return false;
	}
	for (i = w->completed; i < w->n_ends; i++)
		if (pos_off(tl, w->ends[i]) == e->tail)
			break;
	if (i == w->n_ends && (i > w->completed || e->tail != pos_off(tl, w->tail)))
		return problem(tl, w->event, "tail",
			       pos_off(tl, i > w->completed ? w->ends[w->completed] : w->tail),
			       e->tail);
	if (i < w->n_ends) {
		w->tail = w->ends[i];
		w->completed = i + 1;
	}
	tl->kicks[tl->n_kicks++] = (struct kick){ w->event, w->tail };
	return true;
}

/* First pass: offsets and tails, in the order of the lines. */
static int walk_lines(struct timeline *tl)
{
	const struct trace *t = tl->t;
	struct walk w = { .tl = tl, .fetch = tl->start, .tail = tl->start };
	bool good = true;

	w.ends = calloc(t->n + 1, sizeof(*w.ends));
	if (!w.ends)
		return -ENOMEM;
	for (; good && w.event < t->n; w.event++) {
		const struct trace_event *e = &t->v[w.event];

		if (e->kind == TRACE_KICK) {
			good = see_kick(&w, e);
			continue;
		}
		good = see_head(&w, e) && (e->kind == TRACE_IRQ || see_entry(&w, e));
	}
	/* The length of the last entry counts only if a completion has confirmed it. */
	if (good && w.completed == w.n_ends)
		tl->known_end = w.fetch;
	free(w.ends);
	return 0;
}

/* Of two heads in a row that do not grow, the one that the next one contradicts as well. */
static size_t wrong_head(const struct timeline *tl, size_t i)
{
	const struct look *look = tl->looks;

	return i + 2 < tl->n_looks && look[i + 2].head < look[i].head ? i : i + 1;
}

/* A handler never sees an entry that the head does not cover (HND-011). */
static bool covers_entry(struct timeline *tl, const struct look *look)
{
	const struct trace_event *e = &tl->t->v[look->event];
	uint64_t tail = look->kicks ? tl->kicks[look->kicks - 1].tail : tl->start;

	if (!trace_is_entry(e->kind) || look->head > pos_after(tl, tail, e->off))
		return true;
	return problem(tl, look->event, "head", (e->off + (uint64_t)e->len) % tl->t->hdr.cmdr_size,
		       e->head);
}

/* Second pass: every head is the end of an entry, as far as these are known, and none goes back. */
static bool check_heads(struct timeline *tl)
{
	const struct trace *t = tl->t;
	uint64_t bound = tl->start, next;
	size_t i, e = 0, culprit;

	for (i = 0; i < tl->n_looks; i++) {
		const struct look *look = &tl->looks[i];

		while (bound < look->head && bound < tl->known_end) {
			while (!trace_is_entry(t->v[e].kind))
				e++;
			next = bound + t->v[e++].len;
			if (next > look->head && next <= tl->known_end)
				return problem(tl, look->event, "head", pos_off(tl, bound),
					       pos_off(tl, look->head));
			bound = next;
		}
		if (!covers_entry(tl, look))
			return false;
		if (i + 1 == tl->n_looks || look[1].head >= look->head)
			continue;
		culprit = wrong_head(tl, i);
		return problem(tl, tl->looks[culprit].event, "head",
			       pos_off(tl, tl->looks[culprit == i ? i + 1 : i].head),
			       pos_off(tl, tl->looks[culprit].head));
	}
	return true;
}

/* How far the event count moved from @a to @b; 0 if it did not, or went back. */
static uint32_t count_growth(const struct trace_event *a, const struct trace_event *b)
{
	uint32_t d = b->count - a->count;

	return d < 1u << 31 ? d : 0;
}

/*
 * Third pass: a read of the UIO node returns only when the event count has grown (KRN-122). How far
 * is not said: a batch makes one event, or one without an entry (KRN-073). Of two counts in a row
 * that do not grow the one is wrong whose neighbours leave room for another.
 */
static bool check_counts(struct timeline *tl)
{
	const struct trace_event *v = tl->t->v, *before = NULL, *prev = NULL, *cur = NULL, *next;

	for (next = v; next <= v + tl->events; next++) {
		if (next < v + tl->events && next->kind != TRACE_IRQ)
			continue;
		if (prev && !count_growth(prev, cur)) {
			bool room = next == v + tl->events
					    ? !before || count_growth(before, cur) < 2
					    : count_growth(prev, next) >= 2;

			if (room)
				return problem(tl, (size_t)(cur - v), "count", prev->count + 1,
					       cur->count);
			return problem(tl, (size_t)(prev - v), "count", cur->count - 1,
				       prev->count);
		}
		before = prev;
		prev = cur;
		cur = next;
	}
	return true;
}

/* Drops what lies at or after a problem that a later pass found. */
static void cut(struct timeline *tl)
{
	struct unit *u;
	uint64_t end;

	while (tl->n_looks && tl->looks[tl->n_looks - 1].event >= tl->events)
		tl->n_looks--;
	while (tl->n_kicks && tl->kicks[tl->n_kicks - 1].event >= tl->events)
		tl->n_kicks--;
	while (tl->n_units) {
		u = &tl->units[tl->n_units - 1];
		if (u->entry != NONE && u->entry >= tl->events) {
			u->entry = NONE;
			u->end = u->pos + (u->pad == NONE ? 0 : tl->t->v[u->pad].len);
		}
		if (u->entry != NONE || (u->pad != NONE && u->pad < tl->events))
			break;
		tl->n_units--;
	}
	end = tl->n_units ? tl->units[tl->n_units - 1].end : tl->start;
	if (tl->known_end > end)
		tl->known_end = end;
}

/* Fourth: the last look before an entry was there, and the first look after. */
static void bound_units(struct timeline *tl)
{
	const struct look *look = tl->looks, *end = tl->looks + tl->n_looks;
	struct unit *u;

	for (u = tl->units; u < tl->units + tl->n_units; u++) {
		while (look < end && look->head <= u->pos)
			look++;
		u->lo = look > tl->looks ? look[-1].kicks : 0;
		u->hi = look < end ? look->kicks : (uint32_t)tl->n_kicks;
		if (tl->drains && look < end && tl->t->v[look->event].kind == TRACE_IRQ)
			u->lo = u->hi;
	}
}

int timeline_init(struct timeline *tl, const struct trace *t)
{
	int rc;

	*tl = (struct timeline){ .t = t, .events = t->n, .start = find_start(t), .drains = true };
	tl->known_end = tl->start;
	tl->units = calloc(t->n + 1, sizeof(*tl->units));
	tl->kicks = calloc(t->n + 1, sizeof(*tl->kicks));
	tl->looks = calloc(t->n + 1, sizeof(*tl->looks));
	rc = tl->units && tl->kicks && tl->looks ? walk_lines(tl) : -ENOMEM;
	if (rc)
		return rc;
	cut(tl);
	if (!check_heads(tl))
		cut(tl);
	if (!check_counts(tl))
		cut(tl);
	bound_units(tl);
	return 0;
}

void timeline_free(struct timeline *tl)
{
	free(tl->units);
	free(tl->kicks);
	free(tl->looks);
	*tl = (struct timeline){ 0 };
}
