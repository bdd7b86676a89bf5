/* SPDX-License-Identifier: MIT */
/*
 * The order that a trace leaves open: before or after which completion was each entry queued?
 *
 * What the kernel gives an entry depends on what is free at that moment, and that is known from the
 * trace itself: blocks and ids of the entries before it that were not completed yet. So whether an
 * entry can have been queued after exactly N completions depends on N alone, not on the choices for
 * the entries before it. Entries are queued in ring order, so the choices must not decrease, and
 * taking the smallest possible one for each entry in turn leaves most room for those that follow.
 * If that finds no place for an entry, no order explains it: the search never has to go back, and
 * its cost grows with the length of the trace and not with the number of orders.
 *
 * This is a sieve, not a judge: it proposes an order, and the simulated device must produce the
 * recorded bytes in it. Clauses: KRN-032, KRN-040, KRN-050.
 */
#include "trace_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A set of numbers; a bit that is set is taken. */
struct set {
	uint64_t *words;
	uint32_t n;
};

struct order {
	struct timeline *tl;
	const struct data_area *area;
	struct set ids, blks;
	uint64_t reclaim; /* position up to which the kernel has completed */
	uint32_t kicks;	  /* completions so far */
	size_t released;  /* units whose blocks and ids are free again */
	uint64_t *budget;
};

/* Lowest free number that is not below @from; s->n if there is none. */
static uint32_t next_free(const struct set *s, uint32_t from)
{
	uint64_t w;

	if (from >= s->n)
		return s->n;
	w = ~s->words[from / 64] >> (from % 64);
	if (w)
		return from + (uint32_t)__builtin_ctzll(w) < s->n
			       ? from + (uint32_t)__builtin_ctzll(w)
			       : s->n;
	for (from = (from / 64 + 1) * 64; from < s->n; from += 64)
		if (~s->words[from / 64])
			break;
	if (from >= s->n)
		return s->n;
	from += (uint32_t)__builtin_ctzll(~s->words[from / 64]);
	return from < s->n ? from : s->n;
}

static void set_range(struct set *s, uint32_t first, uint32_t n, bool taken)
{
	for (; n; n--, first++) {
		if (taken)
			s->words[first / 64] |= 1ull << (first % 64);
		else
			s->words[first / 64] &= ~(1ull << (first % 64));
	}
}

static uint32_t blocks_of(const struct data_area *a, uint64_t len)
{
	return len > (uint64_t)a->blocks * a->blk_size
		       ? a->blocks
		       : (uint32_t)((len + a->blk_size - 1) / a->blk_size);
}

/* First block behind an iov of @n blocks; UINT32_MAX if it is no run of blocks of the data area. */
static uint32_t first_block(const struct data_area *a, const struct trace_iov *iov, uint32_t n)
{
	uint64_t from = iov->base - a->off;

	if (iov->base < a->off || from % a->blk_size || from / a->blk_size + n > a->blocks)
		return UINT32_MAX;
	return (uint32_t)(from / a->blk_size);
}

/* Marks what an entry holds. */
static void hold(struct order *o, const struct trace_event *e, bool taken)
{
	uint64_t i, iovs = (uint64_t)e->iov_cnt + e->bidi_cnt;
	uint32_t first, n;

	if (e->kind != TRACE_CMD)
		return;
	set_range(&o->ids, e->id, 1, taken);
	for (i = 0; i < iovs; i++) {
		n = blocks_of(o->area, o->tl->t->iovs[e->iov + i].len);
		first = first_block(o->area, &o->tl->t->iovs[e->iov + i], n);
		if (first != UINT32_MAX)
			set_range(&o->blks, first, n, taken);
	}
}

/* Completions up to number @kicks have happened. */
static void complete_until(struct order *o, uint32_t kicks)
{
	const struct timeline *tl = o->tl;

	if (kicks > o->kicks) {
		o->kicks = kicks;
		o->reclaim = tl->kicks[kicks - 1].tail;
	}
	for (; o->released < tl->n_units && tl->units[o->released].end <= o->reclaim; o->released++)
		if (tl->units[o->released].entry != NONE)
			hold(o, &tl->t->v[tl->units[o->released].entry], false);
}

static bool ring_has_room(const struct order *o, const struct unit *u)
{
	uint64_t used = u->pos - o->reclaim, size = o->tl->t->hdr.cmdr_size;

	return used < size && size - used - 1 >= u->end - u->pos;
}

/*
 * How much of @u is what the kernel would have given it now: blocks that are the lowest free ones,
 * id, and room in the ring. UINT64_MAX if everything is.
 */
static uint64_t fits(struct order *o, const struct unit *u)
{
	const struct trace_event *e = u->entry == NONE ? NULL : &o->tl->t->v[u->entry];
	bool room = ring_has_room(o, u), id, all;
	uint64_t score, i, iovs;
	uint32_t next = 0, first, n, k;

	if (!e || e->kind != TRACE_CMD)
		return room ? UINT64_MAX : 0;
	iovs = (uint64_t)e->iov_cnt + e->bidi_cnt;
	id = next_free(&o->ids, 1) == e->id;
	score = (uint64_t)id + room;
	all = id && room;
	for (i = 0; i < iovs; i++) {
		n = blocks_of(o->area, o->tl->t->iovs[e->iov + i].len);
		first = first_block(o->area, &o->tl->t->iovs[e->iov + i], n);
		for (k = 0; k < n; k++, next++) {
			next = next_free(&o->blks, next);
			if (next == o->blks.n || !*o->budget)
				return score;
			--*o->budget;
			if (first != UINT32_MAX && next == first + k)
				score++;
			else
				all = false;
		}
	}
	return all ? UINT64_MAX : score;
}

/* Finds the smallest place for @u, or the best one and returns false. */
static bool place(struct order *o, struct unit *u, uint64_t *tries)
{
	uint32_t from = u->lo > o->kicks ? u->lo : o->kicks, at;
	uint64_t score, best = 0;

	u->at = from > u->hi ? u->hi : from;
	for (at = from; at <= u->hi && *o->budget; at++) {
		complete_until(o, at);
		score = fits(o, u);
		++*tries;
		if (score > best) {
			best = score;
			u->at = at;
		}
		if (score == UINT64_MAX)
			return true;
	}
	return false;
}

static int set_init(struct set *s, uint32_t n)
{
	s->n = n;
	s->words = calloc(n / 64 + 1, sizeof(uint64_t));
	return s->words ? 0 : -ENOMEM;
}

int order_find(struct timeline *tl, const struct data_area *area, uint64_t *budget, size_t *reached,
	       uint64_t *tries)
{
	struct order o = { .tl = tl, .area = area, .reclaim = tl->start, .budget = budget };
	int rc = set_init(&o.ids, RINGSIM_ID_MAX + 1);

	if (!rc)
		rc = set_init(&o.blks, area->blocks);
	*reached = *tries = 0;
	while (!rc && *reached < tl->n_units && place(&o, &tl->units[*reached], tries)) {
		if (tl->units[*reached].entry != NONE)
			hold(&o, &tl->t->v[tl->units[*reached].entry], true);
		++*reached;
	}
	if (!*budget)
		rc = -E2BIG;
	free(o.ids.words);
	free(o.blks.words);
	return rc;
}
