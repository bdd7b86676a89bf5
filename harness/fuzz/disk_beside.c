/* SPDX-License-Identifier: MIT */
/*
 * Nobody sees a COMPARE AND WRITE half done (SCS-030): of its blocks a READ, a VERIFY or another
 * COMPARE AND WRITE found all before it or all behind it.
 *
 * On which side it was, a block can often tell only later, when others have ended. So whoever found
 * two of its blocks or more leaves testimony, which is heard whenever a swap has ended, as long as
 * there are commands in flight that began before the swap ended.
 */
#include "disk_impl.h"

enum side { UNKNOWN, EARLIER, LATER };

/* On which side of its swap the one that testified was. */
static enum side side_of(struct fuzz_disk *d, const struct witness *heard)
{
	const struct block *b = disk_find(d, heard->lba);
	const struct mark *at = d->marks.at;
	uint32_t c = disk_mark_of(d, b, heard->swap), x = disk_mark_of(d, b, heard->w);

	if (heard->w == heard->swap)
		return LATER;
	if (!c || d->writes.at[heard->w].again || (x && disk_again(d, &at[x])))
		return UNKNOWN;
	if (x && disk_before(d, &at[c], &at[x]))
		return LATER;
	if (x && disk_before(d, &at[x], &at[c]))
		return EARLIER;
	if (disk_f(d, &at[c]) < heard->s)
		return LATER;
	return heard->f < at[c].s ? EARLIER : UNKNOWN;
}

void disk_hear(struct fuzz_disk *d, struct tc *tc, uint32_t from)
{
	uint64_t earlier = NEVER, later = NEVER;
	uint32_t i;

	for (i = from; i < d->witnesses.cnt && !tc->failed; i++) {
		const struct witness *w = &d->witnesses.at[i];
		enum side side = d->writes.at[w->swap].sure ? side_of(d, w) : UNKNOWN;

		if (i == from || w->nr != w[-1].nr || w->swap != w[-1].swap)
			earlier = later = NEVER;
		if (side == EARLIER)
			earlier = w->lba;
		else if (side == LATER)
			later = w->lba;
		if (earlier == NEVER || later == NEVER)
			continue;
		tc_fail(tc, "SCS-030",
			"%s, operation %u, saw write #%u (COMPARE AND WRITE, operation %u) half "
			"done: block %llu before it, block %llu after it",
			w->name, w->nr, w->swap, d->writes.at[w->swap].nr,
			(unsigned long long)earlier, (unsigned long long)later);
	}
}

/* What @c found of the blocks of the swap @w, if that is more than one. */
static void testify(struct fuzz_disk *d, const struct fuzz_cmd *c, const struct fuzz_cdb *cdb,
		    const uint32_t *marks, uint32_t cnt, const struct swap *s)
{
	uint64_t lba = s->lba > cdb->lba ? s->lba : cdb->lba, end = s->lba + s->blocks;

	if (end > cdb->lba + cnt)
		end = cdb->lba + cnt;
	if (end < lba + 2 || !GROW(d, d->witnesses, end - lba))
		return;
	for (; lba < end; lba++) {
		uint32_t x = marks[lba - cdb->lba];

		if (x == SEEN_NONE || x >= SEEN_ZEROS)
			continue;
		d->witnesses.at[d->witnesses.cnt++] =
			(struct witness){ .name = cdb->name,
					  .nr = c->nr,
					  .swap = s->w,
					  .lba = lba,
					  .f = disk_f(d, &d->marks.at[x]),
					  .s = d->marks.at[x].s,
					  .w = d->marks.at[x].w };
	}
}

void disk_beside(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		 const struct fuzz_cdb *cdb, const uint32_t *marks, uint32_t cnt)
{
	uint32_t i, from = d->witnesses.cnt;
	const struct flight *fl;

	for (i = 0; i < d->swaps.cnt; i++) {
		if (d->swaps.at[i].ended > c->began && d->swaps.at[i].w != c->disk.a)
			testify(d, c, cdb, marks, cnt, &d->swaps.at[i]);
	}
	for (fl = d->oldest.next; d->caws && fl != &d->oldest; fl = fl->next) {
		if (fl->caw && fl->cmd != c)
			testify(d, c, cdb, marks, cnt,
				&(struct swap){ .lba = fl->lba, .blocks = fl->blocks, .w = fl->w });
	}
	disk_hear(d, tc, from);
}

/* Swaps that ended before the oldest command in flight began concern nobody any more. */
static void forget(struct fuzz_disk *d)
{
	uint64_t oldest = d->oldest.next->began;
	uint32_t i, n = 0;

	for (i = 0; i < d->swaps.cnt; i++) {
		if (d->swaps.at[i].ended > oldest)
			d->swaps.at[n++] = d->swaps.at[i];
	}
	d->swaps.cnt = n;
	for (i = n = 0; i < d->witnesses.cnt; i++) {
		const struct write *w = &d->writes.at[d->witnesses.at[i].swap];

		if (w->cmd || (w->sure && w->ended > oldest))
			d->witnesses.at[n++] = d->witnesses.at[i];
	}
	d->witnesses.cnt = n;
}

void disk_remember(struct fuzz_disk *d, const struct flight *fl)
{
	forget(d);
	if (GROW(d, d->swaps, 1))
		d->swaps.at[d->swaps.cnt++] = (struct swap){ .ended = d->writes.at[fl->w].ended,
							     .lba = fl->lba,
							     .blocks = fl->blocks,
							     .w = fl->w };
}
