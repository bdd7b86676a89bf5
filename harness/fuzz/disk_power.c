/* SPDX-License-Identifier: MIT */
/*
 * What a power cut leaves of a block: any write that nothing durable is surely after (HND-054,
 * SCS-030, SCS-031).
 */
#include "disk_impl.h"

static bool is_durable(const struct fuzz_disk *d, const struct block *b, const struct mark *m,
		       uint64_t cut)
{
	const struct write *w = &d->writes.at[m->w];
	uint32_t i;

	if ((m->flags & (M_CUT | M_SEEN)) == (M_CUT | M_SEEN))
		return true;
	if (!w->sure || (m->flags & M_CUT) || w->ended > cut)
		return false;
	if (w->durable)
		return true;
	for (i = d->syncs.cnt; i-- > 0;) {
		const struct sync *s = &d->syncs.at[i];

		if (s->ended <= cut && s->began > w->ended && b->lba - s->lba < s->blocks)
			return true;
	}
	return false;
}

static bool is_lost(const struct fuzz_disk *d, const struct block *b, const struct mark *v,
		    uint64_t cut)
{
	const struct mark *at = d->marks.at;
	uint32_t i;

	for (i = b->live; i; i = at[i].next) {
		if (&at[i] != v && is_durable(d, b, &at[i], cut) && disk_before(d, v, &at[i]))
			return true;
	}
	return false;
}

/* What is about to be written is not concerned, nor what can still take effect. */
static bool concerned(const struct fuzz_disk *d, const struct mark *m, uint64_t cut)
{
	return d->writes.at[m->w].began < cut && d->writes.at[m->w].until <= cut;
}

void disk_lose(struct fuzz_disk *d, struct block *b, uint64_t now)
{
	struct mark *at = d->marks.at;
	uint32_t *link = &b->live, i;

	while ((i = *link) != 0) {
		if (concerned(d, &at[i], now + 1)) {
			*link = at[i].next;
			disk_drop(d, i);
		} else {
			link = &at[i].next;
		}
	}
	while ((i = b->old) != 0) {
		b->old = at[i].next;
		disk_drop(d, i);
	}
}

/* Of those that are left one is there, and nobody knows which. */
void disk_cut(struct fuzz_disk *d, struct block *b, uint64_t cut)
{
	struct mark *at = d->marks.at;
	uint32_t *link, i;

	for (link = &b->live; *link; link = &at[*link].next)
		;
	*link = b->old;
	b->old = 0;
	for (i = b->live; i; i = at[i].next) {
		if (concerned(d, &at[i], cut) && is_lost(d, b, &at[i], cut))
			at[i].flags |= M_DEAD;
	}
	for (link = &b->live; (i = *link) != 0;) {
		if (at[i].flags & M_DEAD) {
			*link = at[i].next;
			disk_drop(d, i);
			continue;
		}
		link = &at[i].next;
		if (!concerned(d, &at[i], cut))
			continue;
		at[i].f = at[i].s = cut;
		at[i].fc = NEVER;
		at[i].chain = at[i].w;
		at[i].rank = 0;
		at[i].flags = M_CUT;
	}
}
