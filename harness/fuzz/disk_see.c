/* SPDX-License-Identifier: MIT */
/*
 * What was found in a block: whose it is, and whether it can have been there.
 */
#include "disk_impl.h"

static struct chunk chunk_of(const struct mark *m)
{
	return (struct chunk){ .v = m->v, .kind = m->kind };
}

/* The marks of @lba with nothing in them that is gone; NULL: zeros since the beginning. */
static struct block *settled(struct fuzz_disk *d, uint64_t lba)
{
	struct block *b = disk_find(d, lba);

	if (!b && d->wides.cnt)
		b = disk_touch(d, lba);
	if (b && d->marks.at[b->live].next)
		disk_prune(d, b);
	return b;
}

/* Whether every byte is that of one or another of those that may be there. */
static bool is_torn(const struct fuzz_disk *d, const struct block *b, const uint8_t *p,
		    uint32_t len, uint64_t began, uint64_t ended, uint32_t self)
{
	uint8_t want[PART], left;
	uint32_t off, n, i, k;

	for (off = 0; off < len; off += n) {
		bool right[PART] = { false };

		n = len - off < PART ? len - off : PART;
		for (i = b->live; i; i = d->marks.at[i].next) {
			struct chunk c = chunk_of(&d->marks.at[i]);

			if ((self && d->marks.at[i].w == self) ||
			    !disk_can(d, b, i, began, ended, self))
				continue;
			disk_part(d, &c, off, want, n);
			for (k = 0; k < n; k++)
				right[k] |= c.kind == C_ANY || want[k] == p[off + k];
		}
		for (k = left = 0; k < n; k++)
			left |= !right[k];
		if (left)
			return false;
	}
	return true;
}

uint32_t disk_see(struct fuzz_disk *d, uint64_t lba, const uint8_t *p, uint32_t len, uint64_t began,
		  uint64_t ended, uint32_t self)
{
	struct chunk c = { .kind = C_ZERO };
	struct block *b = settled(d, lba);
	uint32_t i, found = SEEN_NONE;

	if (!b)
		return disk_holds(d, &c, p, len) ? SEEN_ZEROS : SEEN_NONE;
	if (!d->marks.at[b->live].next && !self) {
		c = chunk_of(&d->marks.at[b->live]);
		return disk_holds(d, &c, p, len) ? b->live : SEEN_NONE;
	}
	for (i = b->live; i; i = d->marks.at[i].next) {
		c = chunk_of(&d->marks.at[i]);
		if ((self && d->marks.at[i].w == self) || !disk_holds(d, &c, p, len))
			continue;
		if (!disk_can(d, b, i, began, ended, self))
			continue;
		if (found != SEEN_NONE)
			return SEEN_MANY;
		found = i;
	}
	if (found == SEEN_NONE && (d->flags & FUZZ_DISK_TORN) &&
	    is_torn(d, b, p, len, began, ended, self))
		return SEEN_MANY;
	return found;
}

bool disk_may_differ(struct fuzz_disk *d, uint64_t lba, const uint8_t *p, int64_t at,
		     uint64_t began, uint64_t ended, uint32_t self)
{
	struct chunk c = { .kind = C_ZERO };
	struct block *b = settled(d, lba);
	uint32_t i, diff;

	if (!b) {
		diff = disk_differs(d, &c, p, d->block_size);
		return at < 0 ? diff != d->block_size : diff == (uint64_t)at;
	}
	if (at >= 0 && (d->flags & FUZZ_DISK_TORN) && d->marks.at[b->live].next)
		return true;
	for (i = b->live; i; i = d->marks.at[i].next) {
		c = chunk_of(&d->marks.at[i]);
		if ((self && d->marks.at[i].w == self) || !disk_can(d, b, i, began, ended, self))
			continue;
		diff = disk_differs(d, &c, p, d->block_size);
		if (c.kind == C_ANY || (at < 0 ? diff != d->block_size : diff == (uint64_t)at))
			return true;
	}
	return false;
}

bool disk_after_differs(struct fuzz_disk *d, const struct block *b, uint32_t w, const uint8_t *p)
{
	const struct mark *at = d->marks.at;
	struct chunk c;
	uint32_t i;

	for (i = b->live; i; i = at[i].next) {
		if (at[i].w == w || d->writes.at[w].began > disk_chain_f(d, &at[i]))
			continue;
		c = chunk_of(&at[i]);
		if (c.kind == C_ANY || !disk_holds(d, &c, p, d->block_size))
			return true;
	}
	return false;
}

void disk_found(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c, uint32_t m,
		uint64_t lba)
{
	const struct write *w = &d->writes.at[d->marks.at[m].w];

	disk_note(&d->marks.at[m], c->began, c->ended);
	if (w->denied)
		tc_fail(tc, "HND-062",
			"%s, operation %u: MISCOMPARE after a restart, but it had been carried out "
			"before: block %llu",
			w->name, w->nr, (unsigned long long)lba);
	else if (w->futile)
		tc_advise(tc, "HND-016",
			  "%s, operation %u, was aborted while it waited for one before it, and "
			  "was carried out all the same: block %llu",
			  w->name, w->nr, (unsigned long long)lba);
}
