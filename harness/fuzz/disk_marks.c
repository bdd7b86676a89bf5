/* SPDX-License-Identifier: MIT */
/*
 * Blocks and their marks: which write can be the last, and which never again.
 *
 * A mark goes when no read that is under way or yet to come can return it: some write that is
 * surely after it has surely taken effect before the oldest command in flight began. Where the
 * power may fail it is then kept aside until something after it is durable.
 */
#include "disk_impl.h"

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void *disk_grow(struct fuzz_disk *d, void *at, uint32_t *room, uint64_t cnt, size_t size)
{
	uint64_t want = *room ? *room : 64;
	void *p;

	while (want < cnt)
		want *= 2;
	p = want <= UINT32_MAX ? realloc(at, want * size) : NULL;
	if (p)
		*room = (uint32_t)want;
	else
		d->failed = true;
	return p;
}

/* It may have taken effect more than once: then nobody can tell which of them was seen. */
bool disk_again(const struct fuzz_disk *d, const struct mark *m)
{
	const struct write *w = &d->writes.at[m->w];

	return !(m->flags & M_CUT) && (w->again || (w->cmd && w->cmd->disturbed));
}

/* For the last time, if so. */
uint64_t disk_f(const struct fuzz_disk *d, const struct mark *m)
{
	const struct write *w = &d->writes.at[m->w];

	if (m->flags & M_CUT)
		return m->f;
	return disk_again(d, m) ? w->until : smaller(m->f, w->until);
}

uint64_t disk_chain_f(const struct fuzz_disk *d, const struct mark *m)
{
	return smaller(disk_f(d, m), m->fc);
}

bool disk_sure(const struct fuzz_disk *d, const struct mark *m)
{
	return (m->flags & M_SEEN) || (d->writes.at[m->w].sure && !(m->flags & M_CUT));
}

/* --- finding blocks --- */

static uint32_t hash_of(const struct fuzz_disk *d, uint64_t lba)
{
	return (uint32_t)(lba * 0x9e3779b97f4a7c15ull >> 32) & d->hash_mask;
}

static uint32_t *slot_of(const struct fuzz_disk *d, uint64_t lba)
{
	uint32_t i;

	if (lba < DIRECT)
		return &d->direct[lba];
	if (!d->hash)
		return NULL;
	for (i = hash_of(d, lba); d->hash[i]; i = (i + 1) & d->hash_mask) {
		if (d->touched.at[d->hash[i] - 1].lba == lba)
			break;
	}
	return &d->hash[i];
}

struct block *disk_find(struct fuzz_disk *d, uint64_t lba)
{
	const uint32_t *slot = lba < DIRECT ? &d->direct[lba] : slot_of(d, lba);

	return slot && *slot ? &d->touched.at[*slot - 1] : NULL;
}

/* A table that is at most half full, whatever is added next. */
static bool make_room(struct fuzz_disk *d)
{
	uint32_t room = d->hash ? d->hash_mask + 1 : 0, i, *old = d->hash;

	if (2 * d->touched.cnt < room)
		return true;
	room = room ? 4 * room : 1024;
	d->hash = calloc(room, sizeof(*d->hash));
	if (!d->hash) {
		d->hash = old;
		d->failed = true;
		return false;
	}
	free(old);
	d->hash_mask = room - 1;
	for (i = 0; i < d->touched.cnt; i++) {
		if (d->touched.at[i].lba >= DIRECT)
			*slot_of(d, d->touched.at[i].lba) = i + 1;
	}
	return true;
}

static struct block *first_touch(struct fuzz_disk *d, uint64_t lba)
{
	const struct chunk zeros = { .kind = C_ZERO };
	struct block *b;
	uint32_t i;

	if (!GROW(d, d->touched, 1) || (lba >= DIRECT && !make_room(d)))
		return NULL;
	b = &d->touched.at[d->touched.cnt++];
	*slot_of(d, lba) = d->touched.cnt;
	*b = (struct block){ .lba = lba };
	disk_push(d, b, 0, &zeros);
	for (i = 0; i < d->wides.cnt; i++) {
		const struct wide *w = &d->wides.at[i];

		if (lba - w->lba < w->blocks)
			disk_push(d, b, w->w, &w->chunk);
	}
	for (i = 0; i < d->cuts.cnt; i++)
		disk_cut(d, b, d->cuts.at[i]);
	return b;
}

struct block *disk_touch(struct fuzz_disk *d, uint64_t lba)
{
	struct block *b = disk_find(d, lba);

	return b ? b : first_touch(d, lba);
}

/* --- marks --- */

struct mark *disk_push(struct fuzz_disk *d, struct block *b, uint32_t w, const struct chunk *c)
{
	struct mark *m;
	uint32_t i = d->free_mark;

	if (b->live && d->marks.at[b->live].w == w)
		return &d->marks.at[b->live]; /* a list that names it twice */
	if (i) {
		d->free_mark = d->marks.at[i].next;
	} else {
		if (!GROW(d, d->marks, 1))
			return NULL;
		i = d->marks.cnt++;
	}
	m = &d->marks.at[i];
	m->f = m->fc = NEVER;
	m->s = d->writes.at[w].began;
	m->v = c->v;
	m->w = m->chain = w;
	m->rank = 0;
	m->kind = c->kind;
	m->flags = 0;
	m->next = b->live;
	b->live = i;
	return m;
}

void disk_drop(struct fuzz_disk *d, uint32_t i)
{
	d->marks.at[i].next = d->free_mark;
	d->free_mark = i;
}

bool disk_pull(struct fuzz_disk *d, struct block *b, uint32_t w)
{
	struct mark *at = d->marks.at;
	uint32_t *link = &b->live, i;

	while (*link && at[*link].w != w)
		link = &at[*link].next;
	i = *link;
	if (!i)
		return true;
	*link = at[i].next;
	disk_drop(d, i);
	return !(at[i].flags & M_SEEN);
}

void disk_note(struct mark *v, uint64_t began, uint64_t ended)
{
	if (v->s < began)
		v->s = began;
	v->f = smaller(v->f, ended);
	v->flags |= M_SEEN;
}

bool disk_over(const struct fuzz_disk *d, const struct mark *u, uint64_t s, uint64_t fc)
{
	if (disk_chain_f(d, u) < s && fc < u->s)
		return true;
	return u->f < s && disk_again(d, u) && fc < d->writes.at[u->w].began;
}

bool disk_can(const struct fuzz_disk *d, const struct block *b, uint32_t v, uint64_t began,
	      uint64_t ended, uint32_t self)
{
	const struct mark *at = d->marks.at, *m = &at[v];
	uint64_t s = m->s > began ? m->s : began;
	uint64_t f = disk_f(d, m), fc;
	uint32_t i;

	if (d->writes.at[m->w].began >= ended)
		return false;
	if (!disk_again(d, m))
		f = smaller(f, ended);
	fc = smaller(f, m->fc);
	for (i = b->live; i; i = at[i].next) {
		if (i == v || (self && at[i].w == self) || !disk_sure(d, &at[i]))
			continue;
		if (at[i].chain != m->chain) {
			if (disk_over(d, &at[i], s, fc))
				return false;
		} else if (at[i].rank > m->rank) {
			if (disk_f(d, &at[i]) < s && !disk_again(d, m))
				return false;
		} else if (f < at[i].s && !disk_again(d, &at[i])) {
			return false;
		}
	}
	return true;
}

/* --- forgetting --- */

/* @v is surely before @u, which is not the same. */
bool disk_before(const struct fuzz_disk *d, const struct mark *v, const struct mark *u)
{
	if (disk_again(d, v))
		return disk_f(d, v) < u->s;
	if (v->chain == u->chain)
		return u->rank > v->rank;
	return disk_chain_f(d, v) < u->s;
}

/* No read of now or later can return @v, whatever COMPARE AND WRITEs there were. */
static bool is_dead(const struct fuzz_disk *d, const struct block *b, uint32_t v, uint64_t oldest)
{
	const struct mark *at = d->marks.at;
	uint32_t i;

	if (d->writes.at[at[v].w].until == NEVER)
		return false;
	for (i = b->live; i; i = at[i].next) {
		if (i == v || !disk_sure(d, &at[i]) || d->writes.at[at[i].w].until == NEVER)
			continue;
		if ((at[i].chain == at[v].chain ? disk_f(d, &at[i]) : disk_chain_f(d, &at[i])) >=
		    oldest)
			continue;
		if (disk_before(d, &at[v], &at[i]))
			return true;
	}
	return false;
}

/* Which of the marks can go; how many. */
static uint32_t find_dead(struct fuzz_disk *d, struct block *b, uint64_t oldest)
{
	struct mark *at = d->marks.at;
	uint64_t latest = 0, second = 0; /* beginnings among what is surely there by now */
	uint32_t i, last = 0, dead = 0;
	bool chains = false;

	for (i = b->live; i; i = at[i].next) {
		const struct write *w = &d->writes.at[at[i].w];

		chains |= at[i].rank != 0;
		if (w->until == NEVER || !disk_sure(d, &at[i]) || disk_f(d, &at[i]) >= oldest)
			continue;
		if (at[i].s > latest) {
			second = latest;
			latest = at[i].s;
			last = i;
		} else if (at[i].s > second) {
			second = at[i].s;
		}
	}
	for (i = b->live; i; i = at[i].next) {
		if (chains ? !is_dead(d, b, i, oldest)
			   : d->writes.at[at[i].w].until == NEVER ||
				     disk_f(d, &at[i]) >= (i == last ? second : latest))
			continue;
		at[i].flags |= M_DEAD;
		dead++;
	}
	return dead;
}

/* The latest beginning of a write that a power cut now would leave, or something after it. */
static uint64_t durable_since(const struct fuzz_disk *d, uint32_t list)
{
	const struct mark *at = d->marks.at;
	uint64_t since = 0;

	for (; list; list = at[list].next) {
		const struct write *w = &d->writes.at[at[list].w];

		if (!w->sure || (at[list].flags & M_CUT) || w->began < since)
			continue;
		if (w->durable || w->ended < d->synced)
			since = w->began;
	}
	return since;
}

/* Marks that are kept for a power cut only. */
static void prune_old(struct fuzz_disk *d, struct block *b)
{
	uint64_t since = durable_since(d, b->live), also = durable_since(d, b->old);
	uint32_t *link = &b->old, i;

	if (also > since)
		since = also;
	while ((i = *link) != 0) {
		if (disk_f(d, &d->marks.at[i]) < since) {
			*link = d->marks.at[i].next;
			disk_drop(d, i);
		} else {
			link = &d->marks.at[i].next;
		}
	}
}

/* Marks that are dead go, or go aside. */
static void bury(struct fuzz_disk *d, struct block *b)
{
	struct mark *at = d->marks.at;
	uint32_t *link, i;

	for (link = &b->live; (i = *link) != 0;) {
		if (!(at[i].flags & M_DEAD)) {
			link = &at[i].next;
			continue;
		}
		*link = at[i].next;
		at[i].flags &= (uint8_t)~M_DEAD;
		if (d->flags & FUZZ_DISK_POWER) {
			at[i].next = b->old;
			b->old = i;
		} else {
			disk_drop(d, i);
		}
	}
}

/* As it mostly is: the last write is there for sure, and all others are before it. */
static bool only_last(struct fuzz_disk *d, struct block *b, uint64_t oldest)
{
	struct mark *at = d->marks.at, *last = &at[b->live];
	const struct write *w = &d->writes.at[last->w];
	uint32_t i, end = 0;

	if (!w->sure || w->until >= oldest || w->again || last->chain != last->w ||
	    (d->flags & FUZZ_DISK_POWER))
		return false;
	for (i = last->next; i; end = i, i = at[i].next) {
		w = &d->writes.at[at[i].w];
		if (w->until >= last->s || at[i].chain == last->chain)
			return false;
	}
	at[end].next = d->free_mark;
	d->free_mark = last->next;
	last->next = 0;
	return true;
}

/* Marks that can no more be found do no harm; it is only that searching among many takes time. */
static bool few(const struct fuzz_disk *d, const struct block *b)
{
	const struct mark *at = d->marks.at;
	uint32_t second = at[b->live].next;

	return !at[second].next || !at[at[second].next].next;
}

void disk_prune(struct fuzz_disk *d, struct block *b)
{
	uint64_t oldest = d->oldest.next != &d->oldest ? d->oldest.next->began : NEVER - 1;

	if (b->pruned == oldest || only_last(d, b, oldest) || few(d, b))
		return;
	if (find_dead(d, b, oldest))
		bury(d, b);
	b->pruned = oldest;
	if (b->old)
		prune_old(d, b);
}

void disk_mark(struct fuzz_disk *d, uint64_t lba, uint32_t w, const struct chunk *c)
{
	struct block *b = disk_touch(d, lba);

	if (!b)
		return;
	if (d->marks.at[b->live].next)
		disk_prune(d, b);
	disk_push(d, b, w, c);
}
