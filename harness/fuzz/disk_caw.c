/* SPDX-License-Identifier: MIT */
/*
 * COMPARE AND WRITE: one moment for all of its blocks, at which the one half is there and the other
 * comes (SCS-030: atomic).
 *
 * In each block it follows at once on the write that it compared with. When that was, each block
 * knows in part, and what one of them knows is true of all.
 */
#include "disk_impl.h"

uint32_t disk_mark_of(const struct fuzz_disk *d, const struct block *b, uint32_t w)
{
	uint32_t i = b ? b->live : 0;

	while (i && d->marks.at[i].w != w)
		i = d->marks.at[i].next;
	return i;
}

/* Whether the swap marked @c, with the swaps that followed on it, can come right after @v. */
static bool follows(const struct fuzz_disk *d, const struct block *b, uint32_t c, uint32_t v)
{
	const struct mark *at = d->marks.at;
	uint64_t f = disk_f(d, &at[c]), fc = disk_chain_f(d, &at[v]);
	uint32_t i, k;

	for (i = b->live; i; i = at[i].next) {
		if (at[i].chain == at[c].chain || (i != v && !disk_sure(d, &at[i])))
			continue;
		if (at[i].chain == at[v].chain && disk_again(d, &at[v]))
			continue;
		if (at[i].chain == at[v].chain) {
			if (at[i].rank > at[v].rank || f < at[i].s)
				return false;
			continue;
		}
		for (k = b->live; k; k = at[k].next) {
			uint64_t first = disk_chain_f(d, &at[k]);

			if (at[k].chain == at[c].chain &&
			    disk_over(d, &at[i], at[k].s, fc < first ? fc : first))
				return false;
		}
	}
	return true;
}

/* The one write that block @b held when swap @c compared it with @p; or SEEN_NONE, SEEN_MANY. */
static uint32_t predecessor(struct fuzz_disk *d, struct block *b, uint32_t c, const uint8_t *p)
{
	uint32_t self = d->marks.at[c].w, i, found = SEEN_NONE;
	const struct write *w = &d->writes.at[self];

	for (i = b->live; i; i = d->marks.at[i].next) {
		const struct mark *m = &d->marks.at[i];
		struct chunk chunk = { .v = m->v, .kind = m->kind };

		if (m->chain == d->marks.at[c].chain || !disk_holds(d, &chunk, p, d->block_size))
			continue;
		if (!disk_can(d, b, i, w->began, w->ended, self))
			continue;
		if (!follows(d, b, c, i))
			continue;
		if (found != SEEN_NONE)
			return SEEN_MANY;
		found = i;
	}
	return found;
}

/* @c followed on @v, and others on @c. What came before had happened by then, too. */
static void chain(struct fuzz_disk *d, struct block *b, uint32_t c, uint32_t v)
{
	struct mark *at = d->marks.at;
	const struct write *w = &d->writes.at[at[c].w];
	uint32_t i, from = at[c].chain, to = at[v].chain;
	uint64_t f = disk_f(d, &at[c]), fc;

	disk_note(&at[v], w->began, w->ended);
	for (i = b->live; i; i = at[i].next) {
		if (at[i].chain == to && at[i].f > f)
			at[i].f = f;
	}
	fc = disk_chain_f(d, &at[v]);
	for (i = b->live; i; i = at[i].next) {
		if (at[i].chain != from)
			continue;
		at[i].chain = to;
		at[i].rank = (uint16_t)(at[i].rank + at[v].rank + 1);
		if (at[i].fc > fc)
			at[i].fc = fc;
	}
}

/* Whether two marks of the block are each before the other. */
static bool contradicts(const struct fuzz_disk *d, const struct block *b)
{
	const struct mark *at = d->marks.at;
	uint32_t i, k;

	for (i = b->live; i; i = at[i].next) {
		for (k = b->live; k; k = at[k].next) {
			if (i == k || !disk_sure(d, &at[i]) || !disk_sure(d, &at[k]))
				continue;
			if (!disk_before(d, &at[i], &at[k]))
				continue;
			if (at[i].chain == at[k].chain ? disk_f(d, &at[k]) < at[i].s
						       : disk_before(d, &at[k], &at[i]))
				return true;
		}
	}
	return false;
}

/* What one block knows of the moment at which the swap marked @c happened. */
static void bounds(const struct fuzz_disk *d, const struct block *b, uint32_t c, uint64_t *lo,
		   uint64_t *hi)
{
	const struct mark *at = d->marks.at;
	uint32_t i;

	if (disk_f(d, &at[c]) < *hi)
		*hi = disk_f(d, &at[c]);
	for (i = b->live; i; i = at[i].next) {
		if (i == c || !disk_sure(d, &at[i]))
			continue;
		if (disk_before(d, &at[c], &at[i]) && disk_f(d, &at[i]) < *hi)
			*hi = disk_f(d, &at[i]);
		if (disk_before(d, &at[i], &at[c]) && at[i].s > *lo)
			*lo = at[i].s;
	}
}

/* All of a swap happens between @lo and @hi, as its blocks show. */
static void narrow(struct fuzz_disk *d, struct tc *tc, const struct swap *s)
{
	uint64_t i, lo = 0, hi = NEVER;

	for (i = 0; i < s->blocks; i++) {
		const struct block *b = disk_find(d, s->lba + i);
		uint32_t c = disk_mark_of(d, b, s->w);

		if (c)
			bounds(d, b, c, &lo, &hi);
	}

	for (i = 0; i < s->blocks; i++) {
		struct block *b = disk_find(d, s->lba + i);
		uint32_t c = disk_mark_of(d, b, s->w);

		if (!c || (d->marks.at[c].s >= lo && d->marks.at[c].f <= hi))
			continue;
		if (d->marks.at[c].s < lo)
			d->marks.at[c].s = lo;
		if (d->marks.at[c].f > hi)
			d->marks.at[c].f = hi;
		d->marks.at[c].flags |= M_SEEN;
		if (contradicts(d, b))
			tc_fail(tc, "SCS-030",
				"write #%u (COMPARE AND WRITE, operation %u) took effect in block "
				"%llu at another moment than in its others",
				s->w, d->writes.at[s->w].nr, (unsigned long long)(s->lba + i));
	}
}

void disk_caw_good(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		   const struct fuzz_cdb *cdb, const struct flight *fl)
{
	uint64_t i;

	d->found.cnt = 0;
	if (!GROW(d, d->found, cdb->blocks))
		return;
	for (i = 0; i < cdb->blocks; i++) {
		const uint8_t *p = c->data + i * d->block_size;
		struct block *b = disk_find(d, cdb->lba + i);
		uint32_t m = disk_mark_of(d, b, fl->w), v = m ? predecessor(d, b, m, p) : SEEN_MANY;

		if (v == SEEN_NONE) {
			disk_say_read(d, tc, c, cdb, cdb->lba + i, p, d->block_size);
			return;
		}
		if (v != SEEN_MANY && !disk_again(d, &d->marks.at[v]))
			chain(d, b, m, v);
		else if (v != SEEN_MANY && d->writes.at[d->marks.at[v].w].denied)
			disk_found(d, tc, c, v, cdb->lba + i);
		d->found.at[i] = v;
	}
	disk_remember(d, fl);
	for (i = 0; i < d->swaps.cnt; i++) {
		if (d->swaps.at[i].blocks > 1)
			narrow(d, tc, &d->swaps.at[i]);
	}
	disk_beside(d, tc, c, cdb, d->found.at, (uint32_t)cdb->blocks);
	disk_hear(d, tc, 0);
}

/* The one mark of @b, not of @self, that holds @p; or SEEN_NONE, SEEN_MANY. */
static uint32_t holder(const struct fuzz_disk *d, const struct block *b, uint32_t self,
		       const uint8_t *p)
{
	uint32_t i, found = SEEN_NONE;

	for (i = b->live; i; i = d->marks.at[i].next) {
		const struct mark *m = &d->marks.at[i];
		struct chunk chunk = { .v = m->v, .kind = m->kind };

		if (m->w == self || !disk_holds(d, &chunk, p, d->block_size))
			continue;
		if (found != SEEN_NONE || m->kind == C_ANY)
			return SEEN_MANY;
		found = i;
	}
	return found;
}

/*
 * Whoever found what it was to write took that for its own, and could not know better. Else it
 * found what it compared with, at one time or another.
 */
void disk_caw_replayed(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		       const struct fuzz_cdb *cdb)
{
	uint32_t w = (uint32_t)c->disk.a, bs = d->block_size, v;
	uint64_t i;

	for (i = 0; i < cdb->blocks && !tc->failed; i++) {
		const uint8_t *compare = c->data + i * bs;
		struct block *b = disk_find(d, cdb->lba + i);

		if (!b || holder(d, b, w, compare + cdb->blocks * bs) != SEEN_NONE)
			continue;
		v = holder(d, b, w, compare);
		if (v == SEEN_NONE)
			tc_fail(tc, "HND-062",
				"%s, operation %u: GOOD after a restart, but block %llu never held "
				"what it was compared with",
				cdb->name, c->nr, (unsigned long long)(cdb->lba + i));
		else if (v != SEEN_MANY)
			disk_found(d, tc, c, v, cdb->lba + i);
	}
}
