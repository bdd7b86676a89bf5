/* SPDX-License-Identifier: MIT */
/*
 * The reference disk against trying all orders: of small random histories it fails none that some
 * order explains, and all that none does, as far as it can see that (see sees_all()).
 *
 * A history is made by carrying commands out in some order, piece by piece, and then often spoilt
 * in one place. The judge knows nothing of intervals: it carries the pieces out in every order in
 * which none comes before one that had ended when it began.
 */
#include "disk_play.h"

#include "../../cases/cdb.h"

#include <stdio.h>
#include <stdlib.h>

#define CMDS   7
#define BLOCKS 2
#define LATE   1000u
#define TRIES  100000u

enum what { WRITE, READ, SWAP, SYNC, CUT };

/**
 * struct cmd - one command of a history
 * @lba, @n:  its blocks
 * @began, @ended: places among all events; @ended of a lost one: when nothing of it can come any
 * more
 * @lost:     it ended at @gone, and each piece may have come or not
 * @value:    by block: of a READ what it found, of a SWAP what it compared with: 0 = zeros, else
 *            1 + number of the command that wrote it
 * @fails:    a SWAP that found something else
 * @over:     one piece of it came twice
 */
struct cmd {
	enum what what;
	uint32_t lba, n, began, ended, gone;
	uint8_t value[BLOCKS], done;
	bool lost, fails, fua, over;
};

struct history {
	struct cmd cmds[CMDS];
	uint32_t cnt, events;
	uint64_t rng;
};

static uint32_t below(struct history *h, uint32_t n)
{
	h->rng = h->rng * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(h->rng >> 33) % n;
}

/* --- the judge --- */

/* A piece: block @block of command @cmd, or all of it (SWAP, SYNC, CUT). */
struct piece {
	uint8_t cmd, block;
	bool late; /* it comes once more, after the handler has died over it */
};

struct judge {
	const struct history *h;
	struct piece pieces[2 * CMDS * BLOCKS];
	uint32_t cnt, done;
	/* by block: the writes so far, the last on top */
	uint8_t stack[BLOCKS][3 * CMDS];
	uint32_t depth[BLOCKS];
	/* by READ and SWAP: 1 + whether the READ's first piece came after the SWAP */
	uint8_t side[CMDS][CMDS];
	uint32_t swapped, tries;
};

static bool search(struct judge *j);

static uint8_t top(const struct judge *j, uint32_t block)
{
	return j->stack[block][j->depth[block] - 1];
}

static void push(struct judge *j, uint32_t block, uint8_t value)
{
	j->stack[block][j->depth[block]++] = value;
}

static uint32_t common(const struct cmd *a, const struct cmd *b)
{
	uint32_t i, n = 0;

	for (i = 0; i < BLOCKS; i++)
		n += i - a->lba < a->n && i - b->lba < b->n;
	return n;
}

/* No piece that had to come before has been left out, and none has come that had to wait. */
static bool may_come(const struct judge *j, uint32_t i)
{
	const struct cmd *c = &j->h->cmds[j->pieces[i].cmd], *o;
	uint32_t k, began = j->pieces[i].late ? c->gone : c->began;

	for (k = 0; k < j->cnt; k++) {
		o = &j->h->cmds[j->pieces[k].cmd];
		if (k == i || j->pieces[k].cmd == j->pieces[i].cmd)
			continue;
		if (!(j->done >> k & 1) && !o->lost && o->ended < began)
			return false;
		if ((j->done >> k & 1) && c->ended < o->began)
			return false;
	}
	return true;
}

/* The READ's or SWAP's piece falls on the same side of every SWAP as its others. */
static bool one_side(struct judge *j, uint32_t cmd, uint32_t block, bool set)
{
	uint32_t s;

	for (s = 0; s < j->h->cnt; s++) {
		const struct cmd *o = &j->h->cmds[s];
		uint8_t now = 1 + (j->swapped >> s & 1);

		if (o->what != SWAP || o->lost || o->fails || s == cmd || block - o->lba >= o->n ||
		    common(o, &j->h->cmds[cmd]) < 2)
			continue;
		if (set)
			j->side[cmd][s] = now;
		else if (j->side[cmd][s] && j->side[cmd][s] != now)
			return false;
	}
	return true;
}

static bool try_read(struct judge *j, uint32_t cmd, uint32_t block)
{
	uint8_t was[CMDS];
	bool ok;

	if (top(j, block) != j->h->cmds[cmd].value[block] || !one_side(j, cmd, block, false))
		return false;
	memcpy(was, j->side[cmd], sizeof(was));
	one_side(j, cmd, block, true);
	ok = search(j);
	memcpy(j->side[cmd], was, sizeof(was));
	return ok;
}

static bool try_write(struct judge *j, uint32_t cmd, uint32_t block)
{
	bool ok;

	push(j, block, (uint8_t)(cmd + 1));
	ok = search(j);
	j->depth[block]--;
	return ok;
}

static bool try_swap(struct judge *j, uint32_t cmd)
{
	const struct cmd *c = &j->h->cmds[cmd];
	bool same = true, ok;
	uint32_t b;

	for (b = c->lba; b < c->lba + c->n; b++)
		same = same && top(j, b) == c->value[b];
	if (c->fails)
		return !same && search(j);
	if (!same)
		return false;
	for (b = c->lba; b < c->lba + c->n; b++)
		push(j, b, (uint8_t)(cmd + 1));
	j->swapped |= 1u << cmd;
	ok = search(j);
	j->swapped &= ~(1u << cmd);
	for (b = c->lba; b < c->lba + c->n; b++)
		j->depth[b]--;
	return ok;
}

/* Whether the write of the stack's @i-th value is on the medium at the cut. */
static bool durable(const struct judge *j, uint32_t block, uint32_t i, const struct cmd *cut)
{
	uint8_t v = j->stack[block][i];
	const struct cmd *w = v ? &j->h->cmds[v - 1] : NULL;
	uint32_t s;

	if (!w)
		return true;
	if (w->lost || w->ended > cut->began)
		return false;
	if (w->fua)
		return true;
	for (s = 0; s < j->h->cnt; s++) {
		const struct cmd *o = &j->h->cmds[s];

		if (o->what == SYNC && !o->lost && w->ended < o->began && o->ended < cut->began &&
		    block - o->lba < o->n)
			return true;
	}
	return false;
}

/* The power fails: each block goes back to any of those since the last durable one. */
static bool try_cut(struct judge *j, uint32_t cmd, uint32_t block)
{
	const struct cmd *cut = &j->h->cmds[cmd];
	uint32_t was, i;
	bool ok = false;
	uint8_t top_was;

	if (block == BLOCKS)
		return search(j);
	was = j->depth[block];
	top_was = j->stack[block][was - 1];
	for (i = was; i-- > 0 && !ok;) {
		/* what is chosen lies on top; what a second cut may go back to is below, all of it
		 * durable */
		j->stack[block][was - 1] = j->stack[block][i];
		ok = try_cut(j, cmd, block + 1);
		j->stack[block][was - 1] = top_was;
		if (durable(j, block, i, cut))
			break;
	}
	return ok;
}

/* Whether some order of what is left explains everything, or takes too long to find. */
static bool search(struct judge *j)
{
	uint32_t i, left = 0;
	bool ok;

	if (++j->tries > TRIES)
		return true;
	for (i = 0; i < j->cnt; i++)
		left += !(j->done >> i & 1) && !j->h->cmds[j->pieces[i].cmd].lost;
	if (left == 0)
		return true;
	for (i = 0; i < j->cnt; i++) {
		uint32_t cmd = j->pieces[i].cmd, block = j->pieces[i].block;

		if (j->done >> i & 1 || !may_come(j, i))
			continue;
		j->done |= 1u << i;
		switch (j->h->cmds[cmd].what) {
		case WRITE:
			ok = try_write(j, cmd, block);
			break;
		case READ:
			ok = try_read(j, cmd, block);
			break;
		case SWAP:
			ok = j->h->cmds[cmd].lost ? try_write(j, cmd, block) : try_swap(j, cmd);
			break;
		case CUT:
			ok = try_cut(j, cmd, 0);
			break;
		default:
			ok = search(j);
			break;
		}
		j->done &= ~(1u << i);
		if (ok)
			return true;
	}
	return false;
}

/* 1, 0, or -1 if that is too hard to say. */
static int possible(const struct history *h)
{
	struct judge j = { .h = h };
	uint32_t i, b;

	for (b = 0; b < BLOCKS; b++)
		push(&j, b, 0);
	for (i = 0; i < h->cnt; i++) {
		const struct cmd *c = &h->cmds[i];
		bool whole = c->what == CUT || c->what == SYNC || (c->what == SWAP && !c->lost);

		if (c->lost && (c->what == READ || c->what == SYNC))
			continue;
		for (b = c->lba; b < c->lba + (whole ? 1 : c->n); b++)
			j.pieces[j.cnt++] = (struct piece){ (uint8_t)i, (uint8_t)b, false };
		for (b = c->lba; c->lost && b < c->lba + c->n; b++)
			j.pieces[j.cnt++] = (struct piece){ (uint8_t)i, (uint8_t)b, true };
	}
	i = search(&j);
	return j.tries > TRIES ? -1 : (int)i;
}

/* --- making histories --- */

struct maker {
	struct history *h;
	uint32_t begun, inflight[CMDS], flights;
	uint8_t now[BLOCKS];
	uint8_t log[BLOCKS][3 * CMDS];
	uint32_t logged[BLOCKS];
};

static void store(struct maker *m, uint32_t block, uint8_t value)
{
	m->now[block] = value;
	m->log[block][m->logged[block]++] = value;
}

static void begin_one(struct maker *m, bool power)
{
	struct history *h = m->h;
	struct cmd *c = &h->cmds[m->begun];
	uint32_t kind = below(h, 20);

	*c = (struct cmd){ .what = kind < 8 ? WRITE : kind < 15 ? READ : SWAP };
	if (power && kind >= 17)
		c->what = SYNC;
	c->n = 1 + below(h, BLOCKS);
	c->lba = below(h, BLOCKS - c->n + 1);
	c->fua = power && c->what == WRITE && below(h, 4) == 0;
	c->began = ++h->events;
	m->inflight[m->flights++] = m->begun++;
	h->cnt = m->begun;
}

/* All READs that found a part of what a swap is about to change look again. */
static void look_again(struct maker *m, const struct cmd *swap)
{
	uint32_t i;

	for (i = 0; i < m->flights; i++) {
		struct cmd *c = &m->h->cmds[m->inflight[i]];

		if (c->what == READ && common(c, swap) > 1)
			c->done = 0;
	}
}

static void swap(struct maker *m, uint32_t i)
{
	struct cmd *c = &m->h->cmds[i];
	uint32_t b;

	if (c->done)
		return;
	look_again(m, c);
	for (b = c->lba; b < c->lba + c->n; b++)
		c->value[b] = m->now[b];
	c->fails = below(m->h, 4) == 0;
	if (c->fails) {
		b = c->lba + below(m->h, c->n);
		c->value[b] = (uint8_t)((c->value[b] + 1) % (m->h->cnt + 1));
		if (c->value[b] == i + 1)
			c->fails = false, c->value[b] = m->now[b];
	}
	for (b = c->lba; b < c->lba + c->n && !c->fails; b++)
		store(m, b, (uint8_t)(i + 1));
	c->done = 3;
}

/* One piece of command @i. */
static void carry_out(struct maker *m, uint32_t i)
{
	struct cmd *c = &m->h->cmds[i];
	uint32_t b = c->lba + below(m->h, c->n);

	if (c->what == SWAP) {
		swap(m, i);
	} else if (!(c->done >> b & 1) || (c->lost && !c->over && below(m->h, 4) == 0)) {
		c->over = c->done >> b & 1;
		if (c->what == WRITE)
			store(m, b, (uint8_t)(i + 1));
		else
			c->value[b] = m->now[b];
		c->done |= (uint8_t)(1u << b);
	}
}

static void leave(struct maker *m, uint32_t at)
{
	m->inflight[at] = m->inflight[--m->flights];
}

static void end_one(struct maker *m, uint32_t at)
{
	struct history *h = m->h;
	struct cmd *c = &h->cmds[m->inflight[at]];

	while (!c->lost && c->what != SYNC &&
	       (c->done >> c->lba & ((1u << c->n) - 1)) != (1u << c->n) - 1)
		carry_out(m, m->inflight[at]);
	if (!c->lost)
		c->ended = ++h->events;
	leave(m, at);
}

/* It expires: from then on it may come, or not. */
static void lose_one(struct maker *m, uint32_t at)
{
	struct cmd *c = &m->h->cmds[m->inflight[at]];

	if (c->lost || (c->what == SWAP && c->done))
		return;
	c->lost = true;
	c->ended = LATE;
	c->gone = ++m->h->events;
	if (c->what != WRITE)
		leave(m, at);
}

/* The handler has nothing left of what was lost. */
static void quiet(struct maker *m)
{
	uint32_t i;

	m->h->events++;
	for (i = 0; i < m->h->cnt; i++) {
		if (m->h->cmds[i].lost && m->h->cmds[i].ended == LATE)
			m->h->cmds[i].ended = m->h->events;
	}
	for (i = m->flights; i-- > 0;) {
		if (m->h->cmds[m->inflight[i]].lost)
			leave(m, i);
	}
}

/* The power fails, everything that is under way is lost. */
static void cut(struct maker *m)
{
	struct history *h = m->h;
	struct judge j = { .h = h };
	struct cmd *c;
	uint32_t b, i;

	if (m->begun == CMDS)
		return;
	for (i = m->flights; i-- > 0;) {
		if (!h->cmds[m->inflight[i]].lost)
			h->cmds[m->inflight[i]].gone = ++h->events;
		h->cmds[m->inflight[i]].lost = true;
		h->cmds[m->inflight[i]].ended = LATE;
	}
	quiet(m);
	c = &h->cmds[m->begun++];
	*c = (struct cmd){ .what = CUT, .n = BLOCKS, .began = ++h->events };
	c->ended = ++h->events;
	h->cnt = m->begun;
	for (b = 0; b < BLOCKS; b++) {
		memcpy(j.stack[b], m->log[b], sizeof(j.stack[b]));
		for (i = m->logged[b]; i-- > 1;) {
			j.stack[b][i] = m->log[b][i];
			if (below(h, 2) || durable(&j, b, i, c))
				break;
		}
		store(m, b, m->log[b][i]);
	}
}

static void make(struct history *h, uint64_t seed, bool power, bool loses)
{
	struct maker m = { .h = h };
	uint32_t n, b;
	bool once = power;

	*h = (struct history){ .rng = seed * 0x9e3779b97f4a7c15ull };
	n = 3 + below(h, CMDS - 2);
	for (b = 0; b < BLOCKS; b++)
		store(&m, b, 0);
	while (m.begun < n || m.flights) {
		uint32_t what = below(h, 16), at = m.flights ? below(h, m.flights) : 0;

		if ((what < 5 && m.begun < n) || !m.flights) {
			if (m.begun < n)
				begin_one(&m, power);
		} else if (what < 11) {
			carry_out(&m, m.inflight[at]);
		} else if (what < 14) {
			if (!h->cmds[m.inflight[at]].lost)
				end_one(&m, at);
		} else if (loses && what == 14) {
			if (below(h, 2))
				quiet(&m);
			else
				lose_one(&m, at);
		} else if (once && m.begun > 1 && m.begun < n) {
			cut(&m);
			once = false;
		}
		if (m.begun == n && loses && below(h, 30) == 0)
			quiet(&m);
	}
}

/* One thing that somebody found, or a verdict, is another. */
static void spoil(struct history *h)
{
	uint32_t i, tries, b;

	for (tries = 0; tries < 20; tries++) {
		struct cmd *c = &h->cmds[i = below(h, h->cnt)];

		if (c->lost || (c->what != READ && c->what != SWAP))
			continue;
		b = c->lba + below(h, c->n);
		c->value[b] = (uint8_t)below(h, h->cnt + 1);
		if (c->value[b] && (h->cmds[c->value[b] - 1].what > SWAP ||
				    h->cmds[c->value[b] - 1].what == READ ||
				    b - h->cmds[c->value[b] - 1].lba >= h->cmds[c->value[b] - 1].n))
			c->value[b] = 0;
		if (c->what == SWAP && c->value[b] == i + 1)
			c->value[b] = 0;
		return;
	}
}

/* --- the same for the reference disk --- */

static bool writes_block(const struct cmd *c, uint32_t block)
{
	return (c->what == WRITE || c->what == SWAP) && block - c->lba < c->n;
}

static const uint8_t *bytes(struct play *r, const struct history *h, struct fuzz_cmd *const *cmds,
			    uint8_t value, uint32_t block)
{
	static const uint8_t zeros[512], junk[512] = { 1, 2, 3 };

	if (value == 0)
		return zeros;
	if (!cmds[value - 1] || !writes_block(&h->cmds[value - 1], block))
		return junk;
	return play_block(r, cmds[value - 1], block);
}

static struct fuzz_cmd *begin_cmd(struct play *r, const struct cmd *c)
{
	static const uint8_t ops[] = { 0x2a, 0x28, OP_CAW, OP_SYNC_10 };
	struct fuzz_cmd *f = play_cmd(r, ops[c->what], c->lba, c->n, FUZZ_FILL_NEW);

	if (c->fua)
		f->io.cdb[1] |= CDB1_FUA;
	play_begin(r, f);
	return f;
}

static void end_cmd(struct play *r, const struct history *h, const struct cmd *c,
		    struct fuzz_cmd *f, struct fuzz_cmd *const *cmds)
{
	uint32_t b;

	for (b = 0; (c->what == READ || c->what == SWAP) && b < c->n; b++)
		memcpy(f->data + b * r->bs, bytes(r, h, cmds, c->value[c->lba + b], c->lba + b),
		       r->bs);
	if (c->what == SWAP && c->fails)
		play_miscompare(r, f, -1);
	else
		play_end(r, f, 0);
}

/* Whether the reference disk has nothing against it. */
static bool passes(struct play *r, const struct history *h, bool power)
{
	struct fuzz_cmd *cmds[CMDS] = { NULL };
	uint32_t e, i;

	play_reset(r, power ? FUZZ_DISK_POWER : 0);
	for (e = 1; e <= h->events; e++) {
		bool silence = true;

		for (i = 0; i < h->cnt; i++) {
			const struct cmd *c = &h->cmds[i];

			if (e == c->began || e == c->gone || (e == c->ended && !c->lost))
				silence = false;
			if (e == c->began && c->what == CUT)
				fuzz_disk_power(r->d, ++r->clock);
			else if (e == c->began)
				cmds[i] = begin_cmd(r, c);
			else if (e == c->gone && c->lost)
				play_lost(r, cmds[i]);
			else if (e == c->ended && !c->lost && c->what != CUT)
				end_cmd(r, h, c, cmds[i], cmds);
		}
		if (silence)
			fuzz_disk_quiet(r->d, ++r->clock);
	}
	return !r->tc.failed;
}

static void print(const struct history *h)
{
	static const char *const names[] = { "WRITE", "READ", "SWAP", "SYNC", "CUT" };
	uint32_t i, b;

	for (i = 0; i < h->cnt; i++) {
		const struct cmd *c = &h->cmds[i];

		fprintf(stderr, "  #%u %s%s [%u, %u]%s%s", i + 1, names[c->what],
			c->fua ? " FUA" : "", c->began, c->ended, c->lost ? " lost" : "",
			c->fails ? " fails" : "");
		for (b = c->lba; b < c->lba + c->n; b++) {
			fprintf(stderr, " %u", b);
			if (c->what == READ || c->what == SWAP)
				fprintf(stderr, "=%u", c->value[b]);
		}
		fprintf(stderr, "\n");
	}
}

/*
 * How sure the reference disk is to see that a history is impossible. It forgets what a MISCOMPARE
 * says of what was there, and of swaps of several blocks what follows only from what others than
 * the two concerned have seen of them.
 */
enum sight { ALWAYS, MOSTLY, OFTEN, SIGHTS };

static enum sight sees_all(const struct history *h)
{
	enum sight s = ALWAYS;
	uint32_t i;

	for (i = 0; i < h->cnt; i++) {
		if (h->cmds[i].lost && s == ALWAYS)
			s = MOSTLY;
		if (h->cmds[i].what != SWAP || h->cmds[i].lost)
			continue;
		if (h->cmds[i].fails)
			s = OFTEN;
		else if (h->cmds[i].n > 1 && s == ALWAYS)
			s = MOSTLY;
	}
	return s;
}

struct tally {
	uint32_t legal, impossible[SIGHTS], missed[SIGHTS];
};

static void try_all(struct tally *t, uint32_t runs, bool power, bool loses, uint64_t seed)
{
	struct history h;
	struct play r;
	uint32_t i;

	play_open(&r, 512, BLOCKS, 0);
	for (i = 0; i < runs; i++) {
		int legal;
		bool ok;

		make(&h, seed + i, power, loses);
		if (i % 4)
			spoil(&h);
		legal = possible(&h);
		if (legal < 0)
			continue;
		ok = passes(&r, &h, power);
		t->legal += (uint32_t)legal;
		t->impossible[sees_all(&h)] += !legal;
		if (i % 4 == 0 && !legal) {
			fprintf(stderr, "\nthe judge is wrong (%u):\n", i);
			print(&h);
			CU_FAIL_FATAL("the judge is wrong");
		}
		if (legal && !ok) {
			fprintf(stderr, "\nfalse alarm (%u): %s\n", i, r.why);
			print(&h);
			CU_FAIL_FATAL("false alarm");
		}
		if (legal || !ok)
			continue;
		t->missed[sees_all(&h)]++;
		if (sees_all(&h) == ALWAYS) {
			fprintf(stderr, "\nmissed (%u):\n", i);
			print(&h);
		}
	}
	play_close(&r);
	CU_ASSERT(t->legal > runs / 4 && t->impossible[ALWAYS] > 100);
	CU_ASSERT_EQUAL(t->missed[ALWAYS], 0);
	CU_ASSERT(t->missed[MOSTLY] * 80 <= t->impossible[MOSTLY]);
	CU_ASSERT(t->missed[OFTEN] * 50 <= t->impossible[OFTEN]);
	printf("%u possible; of %u + %u + %u impossible ones missed %u + %u + %u ... ", t->legal,
	       t->impossible[0], t->impossible[1], t->impossible[2], t->missed[0], t->missed[1],
	       t->missed[2]);
}

static void orders(void)
{
	struct tally t = { 0 };

	try_all(&t, 8000, false, false, 1);
}

static void losses(void)
{
	struct tally t = { 0 };

	try_all(&t, 4000, false, true, 2);
}

static void cuts(void)
{
	struct tally t = { 0 };

	try_all(&t, 5000, true, true, 3);
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("reference disk against all orders", NULL, NULL);
	CU_add_test(s, "any order", orders);
	CU_add_test(s, "lost commands", losses);
	CU_add_test(s, "power cuts", cuts);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
