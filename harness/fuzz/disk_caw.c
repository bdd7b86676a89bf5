/* SPDX-License-Identifier: MIT */
/*
 * COMPARE AND WRITE: one moment for all of its blocks, at which the one half is there and the other
 * comes (SCS-030: atomic).
 *
 * In each block it follows at once on the write that it compared with. And what it did to one block
 * others must not see before, or after, what it did to another: a READ or VERIFY that has begun
 * before it ended found all of these blocks before it or all behind it.
 */
#include "disk_impl.h"

static uint32_t mark_of(const struct fuzz_disk *d, const struct block *b, uint32_t w)
{
	uint32_t i = b ? b->live : 0;

	while (i && d->marks.at[i].w != w)
		i = d->marks.at[i].next;
	return i;
}

/* Whether @c, the mark of a swap, can come right after @v. */
static bool follows(const struct fuzz_disk *d, const struct block *b, uint32_t c, uint32_t v)
{
	const struct mark *at = d->marks.at;
	uint64_t f = disk_f(d, &at[c]), fc = disk_chain_f(d, &at[v]);
	uint32_t i;

	if (f < fc)
		fc = f;
	for (i = b->live; i; i = at[i].next) {
		if (i == c || !disk_sure(d, &at[i]))
			continue;
		if (at[i].chain != at[v].chain) {
			if (disk_chain_f(d, &at[i]) < at[c].s && fc < at[i].s)
				return false;
		} else if (at[i].rank > at[v].rank || f < at[i].s) {
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

		if (i == c || !disk_holds(d, &chunk, p, d->block_size))
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

/* @c followed on @v. What came before @v had happened by then, too. */
static void chain(struct fuzz_disk *d, struct block *b, uint32_t c, uint32_t v)
{
	struct mark *at = d->marks.at;
	const struct write *w = &d->writes.at[at[c].w];
	uint64_t f = disk_f(d, &at[c]);
	uint32_t i;

	disk_note(&at[v], w->began, w->ended);
	for (i = b->live; i; i = at[i].next) {
		if (i != c && at[i].chain == at[v].chain && at[i].f > f)
			at[i].f = f;
	}
	at[c].chain = at[v].chain;
	at[c].rank = (uint16_t)(at[v].rank + 1);
	at[c].fc = disk_chain_f(d, &at[v]);
}

/* --- beside others --- */

enum side { UNKNOWN, EARLIER, LATER };

/* On which side of the swap @w whoever found the mark @x in block @lba was. */
static enum side side_of(struct fuzz_disk *d, uint64_t lba, uint32_t w, uint32_t x)
{
	const struct mark *at = d->marks.at;
	uint32_t c;

	if (x == SEEN_NONE || x >= SEEN_ZEROS)
		return UNKNOWN;
	c = mark_of(d, disk_find(d, lba), w);
	if (!c)
		return UNKNOWN;
	if (c == x || disk_before(d, &at[c], &at[x]))
		return LATER;
	return disk_before(d, &at[x], &at[c]) ? EARLIER : UNKNOWN;
}

static void say_torn(struct fuzz_disk *d, struct tc *tc, const char *name, uint32_t nr,
		     uint64_t earlier, uint64_t later, uint32_t w)
{
	tc_fail(tc, "SCS-030",
		"%s, operation %u, saw write #%u (COMPARE AND WRITE, operation %u) half done: "
		"block %llu before it, block %llu after it",
		name, nr, w, d->writes.at[w].nr, (unsigned long long)earlier,
		(unsigned long long)later);
}

/* The part of @cdb's blocks that begins at @lba and ends at @end. */
static void overlap(const struct fuzz_cdb *cdb, uint64_t *lba, uint64_t *end)
{
	if (*lba < cdb->lba)
		*lba = cdb->lba;
	if (*end > cdb->lba + cdb->blocks)
		*end = cdb->lba + cdb->blocks;
}

static void beside_swap(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
			const struct fuzz_cdb *cdb, const uint32_t *marks, uint32_t cnt,
			const struct swap *s)
{
	uint64_t lba = s->lba, end = s->lba + s->blocks, earlier = NEVER, later = NEVER;

	overlap(cdb, &lba, &end);
	if (end > cdb->lba + cnt)
		end = cdb->lba + cnt;
	for (; lba < end; lba++) {
		switch (side_of(d, lba, s->w, marks[lba - cdb->lba])) {
		case EARLIER:
			earlier = lba;
			break;
		case LATER:
			later = lba;
			break;
		default:
			break;
		}
	}
	if (earlier != NEVER && later != NEVER)
		say_torn(d, tc, cdb->name, c->nr, earlier, later, s->w);
}

/* It is too early to judge: keep what was found until the swap @fl has ended. */
static void testify(struct fuzz_disk *d, const struct fuzz_cmd *c, const struct fuzz_cdb *cdb,
		    const uint32_t *marks, uint32_t cnt, struct flight *fl)
{
	uint64_t lba = fl->lba, end = fl->lba + fl->blocks;

	overlap(cdb, &lba, &end);
	if (end > cdb->lba + cnt)
		end = cdb->lba + cnt;
	if (end < lba + 2)
		return;
	for (; lba < end; lba++) {
		uint32_t x = marks[lba - cdb->lba];

		if (x == SEEN_NONE || x >= SEEN_ZEROS || !GROW(d, d->witnesses, 1))
			continue;
		d->witnesses.at[d->witnesses.cnt] = (struct witness){
			.name = cdb->name,
			.nr = c->nr,
			.lba = lba,
			.f = disk_chain_f(d, &d->marks.at[x]),
			.s = d->marks.at[x].s,
			.w = d->marks.at[x].w,
			.next = fl->witness,
		};
		fl->witness = ++d->witnesses.cnt;
	}
}

void disk_caw_beside(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		     const struct fuzz_cdb *cdb, const uint32_t *marks, uint32_t cnt)
{
	struct flight *fl;
	uint32_t i;

	for (i = 0; i < d->swaps.cnt; i++) {
		if (d->swaps.at[i].ended > c->began && d->swaps.at[i].w != c->disk.a)
			beside_swap(d, tc, c, cdb, marks, cnt, &d->swaps.at[i]);
	}
	for (fl = d->oldest.next; d->caws && fl != &d->oldest; fl = fl->next) {
		if (fl->caw && fl->cmd != c)
			testify(d, c, cdb, marks, cnt, fl);
	}
}

/* What the one that testified found, now that the swap has ended. */
static enum side side_then(struct fuzz_disk *d, const struct witness *wit, uint32_t w)
{
	const struct block *b = disk_find(d, wit->lba);
	uint32_t c = mark_of(d, b, w), x = mark_of(d, b, wit->w);
	enum side side = wit->w == w ? LATER : c && x ? side_of(d, wit->lba, w, x) : UNKNOWN;

	if (side != UNKNOWN || !c)
		return side;
	if (disk_chain_f(d, &d->marks.at[c]) < wit->s)
		return LATER;
	return wit->f < d->marks.at[c].s ? EARLIER : UNKNOWN;
}

static void hear(struct fuzz_disk *d, struct tc *tc, const struct flight *fl)
{
	uint64_t earlier = NEVER, later = NEVER;
	uint32_t i, nr = 0;

	for (i = fl->witness; i; i = d->witnesses.at[i - 1].next) {
		const struct witness *wit = &d->witnesses.at[i - 1];
		enum side side = side_then(d, wit, fl->w);

		if (wit->nr != nr)
			earlier = later = NEVER;
		nr = wit->nr;
		if (side == EARLIER)
			earlier = wit->lba;
		else if (side == LATER)
			later = wit->lba;
		if (earlier != NEVER && later != NEVER) {
			say_torn(d, tc, wit->name, nr, earlier, later, fl->w);
			return;
		}
	}
}

/* Swaps that ended before the oldest command in flight began concern nobody any more. */
static void remember(struct fuzz_disk *d, const struct flight *fl)
{
	uint32_t i, n = 0;

	for (i = 0; i < d->swaps.cnt; i++) {
		if (d->swaps.at[i].ended > d->oldest.next->began)
			d->swaps.at[n++] = d->swaps.at[i];
	}
	d->swaps.cnt = n;
	if (GROW(d, d->swaps, 1))
		d->swaps.at[d->swaps.cnt++] = (struct swap){ .ended = d->writes.at[fl->w].ended,
							     .lba = fl->lba,
							     .blocks = fl->blocks,
							     .w = fl->w };
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
		uint32_t m = mark_of(d, b, fl->w), v = m ? predecessor(d, b, m, p) : SEEN_MANY;

		if (v == SEEN_NONE) {
			disk_say_read(d, tc, c, cdb, cdb->lba + i, p, d->block_size);
			return;
		}
		if (v != SEEN_MANY)
			chain(d, b, m, v);
		d->found.at[i] = v;
	}
	hear(d, tc, fl);
	disk_caw_beside(d, tc, c, cdb, d->found.at, (uint32_t)cdb->blocks);
	remember(d, fl);
}
