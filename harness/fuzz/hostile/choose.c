/* SPDX-License-Identifier: MIT */
/*
 * The moves of a hostile handler, and of everybody else meanwhile, chosen as the program goes: most
 * stores are of a value that was right a moment ago, or is of another entry, at a place that the
 * kernel's half is about to look at. Each program has its own weights, many of them zero.
 */
#include "bench.h"

#include "../../random.h"

#include <string.h>

static uint32_t below(struct choose *c, uint32_t n)
{
	return (uint32_t)((random_next(&c->rng) >> 32) * n >> 32);
}

static bool one_in(struct choose *c, uint32_t n)
{
	return below(c, n) == 0;
}

/* Whether this store is to leave the ring whole. */
static bool mild(struct choose *c)
{
	return c->mild && !one_in(c, 32);
}

#define COUNT(array)   ((uint32_t)(sizeof(array) / sizeof((array)[0])))
#define PICK(c, array) ((array)[below(c, COUNT(array))])

static const struct {
	enum fuzz_verb verb;
	uint8_t weight;
} usual[] = {
	{ FUZZ_SUBMIT, 40 }, { FUZZ_ANSWER, 30 }, { FUZZ_RING, 16 }, { FUZZ_STORE, 60 },
	{ FUZZ_FILL, 1 },    { FUZZ_ADVANCE, 4 }, { FUZZ_TMR, 4 },   { FUZZ_EVENT, 1 },
	{ FUZZ_PLUG, 2 },    { FUZZ_UNPLUG, 3 },  { FUZZ_BLOCK, 2 }, { FUZZ_RESET, 2 },
	{ FUZZ_POLL, 4 },    { FUZZ_QFULL, 1 },	  { FUZZ_RAW, 2 },   { FUZZ_DECOY, 1 },
	{ FUZZ_READ, 2 },    { FUZZ_MAP, 1 },	  { FUZZ_OPEN, 1 },  { FUZZ_CLOSE, 1 },
	{ FUZZ_FREE, 3 },    { FUZZ_SETTLE, 1 },  { FUZZ_TURN, 2 },
};

void choose_setup(struct choose *c, uint64_t seed, struct fuzz_setup *p)
{
	static const uint32_t rings[] = { 512, 8 * 67, 1024, 8 * 251, 4096, 8 * 997, 16384 };
	uint32_t i;

	memset(c, 0, sizeof(*c));
	memset(p, 0, sizeof(*p));
	c->rng = seed;
	p->seat = 1;
	p->ring = PICK(c, rings);
	p->ring_start = one_in(c, 2) ? 0 : below(c, p->ring / 8) * 8;
	p->ring_off = one_in(c, 4) ? 4096 : 0;
	p->blocks = 1 + below(c, 24);
	p->pages_per_blk = 1 + (one_in(c, 4) ? below(c, 3) : 0);
	p->tmr = below(c, 2);
	p->cmd_s = below(c, 4);
	p->qfull = below(c, 4);
	p->poison = one_in(c, 32);
	p->first_event = one_in(c, 4) ? UINT32_MAX - below(c, 8) : 0;
	p->twin = one_in(c, 4);
	p->pool = p->twin || one_in(c, 4) ? 1 + below(c, 16) : 0;
	c->mild = one_in(c, 2);
	c->no_at = one_in(c, 8);
	c->stuff = one_in(c, 32);
	c->burst = one_in(c, 4) ? 4 : 64;
	for (i = 0; i < COUNT(usual); i++) {
		if (usual[i].verb > FUZZ_SUBMIT && usual[i].weight < 10 && one_in(c, 2))
			continue;
		c->weight[usual[i].verb] = usual[i].weight;
		c->sum += usual[i].weight;
	}
	c->weight[FUZZ_SETTLE] = one_in(c, 16); /* looks at everything */
	c->sum += c->weight[FUZZ_SETTLE];
}

/* --- submissions ----------------------------------------------------------------------------- */

static uint32_t length(struct choose *c, const struct side *s)
{
	uint32_t blk = s->lay->blk_size;

	switch (below(c, 8)) {
	case 0:
		return 0;
	case 1:
		return blk * below(c, 4);
	case 2:
		return blk * below(c, 4) + below(c, 3) - 1 + 1;
	case 3:
		return below(c, s->lay->blocks * blk + 2);
	default:
		return 1 + below(c, 1024);
	}
}

static void submit(struct choose *c, const struct side *s, struct fuzz_op *op)
{
	static const uint8_t opcodes[] = { 0x00, 0x12, 0x28, 0x2a, 0x88, 0x8a, 0xa8, 0x7f, 0x5a };

	op->cdb_len = one_in(c, 8) ? 32 : 16;
	op->cdb[0] = one_in(c, 8) ? (uint8_t)below(c, 256) : PICK(c, opcodes);
	op->cdb[7] = one_in(c, 4) ? (uint8_t)below(c, 256) : 0;
	op->n[FUZZ_S_DIR] = below(c, 4);
	op->n[FUZZ_S_LEN] = length(c, s);
	op->n[FUZZ_S_BIDI] = op->n[FUZZ_S_DIR] == RINGSIM_BIDI ? length(c, s) : 0;
	op->cdb[2] = one_in(c, 3) ? (uint8_t)below(c, 6) : 0; /* see submit.c */
}

/* --- stores ------------------------------------------------------------------------------------
 */

static uint32_t region32(const struct side *s, uint64_t off)
{
	uint32_t v;

	memcpy(&v, s->mem + off, sizeof(v));
	return v;
}

static uint32_t odd(struct choose *c)
{
	static const uint32_t list[] = { 0,	     1,	    2,	   7,	  8,	      0x78,
					 0x79,	     0x7a,  0x7f,  0x80,  0x81,	      0x82,
					 0xf9,	     127,   65535, 65536, 0x10001,    0x7fffffff,
					 4096,	     4095,  120,   240,	  0x80000000, 0xffffffff,
					 0xfffffff8, 0xfff8 };

	return one_in(c, 3) ? (uint32_t)random_next(&c->rng) : PICK(c, list);
}

/* One of the entries that the device has; with none, whatever is at the tail. */
static struct ringsim_entry some_entry(struct choose *c, const struct side *s)
{
	struct ringsim_entry e = { .off = region32(s, RINGSIM_OFF_TAIL) % s->lay->cmdr_size & ~7u,
				   .len = 120,
				   .op = 1 };
	uint32_t i = one_in(c, 2) ? 0 : below(c, 12);

	if (!ringsim_entry_at(s->dev, i, &e))
		ringsim_entry_at(s->dev, 0, &e);
	return e;
}

/* A ring offset: an entry's beginning or end, head, tail, or anything. */
static uint32_t ring_value(struct choose *c, const struct side *s)
{
	struct ringsim_entry e = some_entry(c, s);
	uint32_t size = s->lay->cmdr_size;

	switch (below(c, 12)) {
	case 0:
		return below(c, size / 8 + 2) * 8;
	case 1:
		return odd(c);
	case 2:
		return size - 8 * below(c, 4);
	case 3:
		return e.off + 8 * below(c, 4) + below(c, 2) * 4;
	case 4:
		return e.off;
	case 5:
	case 6:
	case 7:
		return region32(s, RINGSIM_OFF_HEAD);
	default:
		return (e.off + e.len) % size;
	}
}

static uint32_t some_id(struct choose *c, const struct side *s)
{
	struct ringsim_entry e = some_entry(c, s);

	switch (below(c, c->mild ? 32 : 4)) {
	case 0:
		return below(c, 24);
	case 1:
		return c->mild ? e.id : odd(c) & 0xffff;
	default:
		return e.id;
	}
}

static void at(struct fuzz_op *op, enum fuzz_base base, uint64_t off, uint32_t len, uint64_t value)
{
	op->n[0] = base;
	op->n[1] = off;
	op->n[2] = len;
	op->n[3] = len == 8 ? value : value & ((1ull << 8 * len) - 1);
}

/* A field of an entry that is on the ring. */
static void store_field(struct choose *c, const struct side *s, struct fuzz_op *op)
{
	static const uint8_t uflags[] = { 0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 255 };
	static const uint8_t status[] = { 0, 0, 2, 2, 8, 0x18, 0x28, 0x40, 1, 255 };
	static const uint8_t width[] = { 1, 2, 4, 8 };
	struct ringsim_entry e = some_entry(c, s);

	switch (below(c, 12) + (mild(c) ? 2 : 0)) {
	case 0: /* the same length, another opcode */
		at(op, FUZZ_B_RING, e.off, 4, e.len | below(c, 8));
		break;
	case 1:
		at(op, FUZZ_B_RING, e.off, 4, one_in(c, 2) ? odd(c) : 8 * below(c, 64) + e.op);
		break;
	case 2:
	case 3:
		at(op, FUZZ_B_RING, e.off + RINGSIM_OFF_ID, 2, some_id(c, s));
		break;
	case 4:
	case 5:
		at(op, FUZZ_B_RING, e.off + RINGSIM_OFF_UFLAGS, 1, PICK(c, uflags));
		break;
	case 6:
	case 7:
		at(op, FUZZ_B_RING, e.off + RINGSIM_OFF_STATUS, 1, PICK(c, status));
		break;
	case 8:
		at(op, FUZZ_B_RING, e.off + RINGSIM_OFF_RDLEN, 4,
		   one_in(c, 2) ? below(c, 5000) : odd(c));
		break;
	case 9:
		at(op, FUZZ_B_RING, e.off + RINGSIM_OFF_SENSE + 4ull * below(c, 24), 4, odd(c));
		break;
	default: /* counts, iovs, cdb_off, CDB, what follows */
		at(op, FUZZ_B_RING, e.off + 4ull * below(c, 48), PICK(c, width),
		   one_in(c, 2) ? odd(c) : random_next(&c->rng));
	}
}

static void store(struct choose *c, const struct side *s, struct fuzz_op *op)
{
	static const uint8_t width[] = { 1, 2, 4, 4, 4, 8 };

	switch (mild(c) ? 8 + below(c, 24) : below(c, 32)) {
	case 0:
		at(op, FUZZ_B_ZERO, RINGSIM_OFF_HEAD, 4, ring_value(c, s));
		break;
	case 1: /* any word of the mailbox */
		at(op, FUZZ_B_ZERO, 4ull * below(c, 33), 4, odd(c));
		break;
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
		at(op, FUZZ_B_ZERO, RINGSIM_OFF_TAIL, 4, ring_value(c, s));
		break;
	case 8:
	case 9:
	case 10: /* data, also where there is no page */
		at(op, FUZZ_B_DATA, random_next(&c->rng) % s->lay->data_size, PICK(c, width),
		   random_next(&c->rng));
		break;
	case 11:
	case 12: /* any word of the ring */
		at(op, FUZZ_B_RING, 4ull * below(c, s->lay->cmdr_size / 4), 4, odd(c));
		break;
	case 13: /* edges */
		at(op, FUZZ_B_END, 1 + below(c, 64), PICK(c, width), odd(c));
		break;
	case 14:
		at(op, FUZZ_B_RING, s->lay->cmdr_size - 64 + below(c, 128), PICK(c, width), odd(c));
		break;
	case 15: /* anywhere */
		at(op, FUZZ_B_ZERO, random_next(&c->rng) % s->lay->region_size, PICK(c, width),
		   random_next(&c->rng));
		break;
	case 16: /* where the next entry will be */
		at(op, FUZZ_B_HEAD, 4ull * below(c, 40), 4, odd(c));
		break;
	default:
		store_field(c, s, op);
	}
}

/* --- all ----------------------------------------------------------------------------------------
 */

static enum fuzz_verb some_verb(struct choose *c)
{
	uint32_t at = below(c, c->sum), i;

	for (i = 0; i < FUZZ_VERBS; i++) {
		if (at < c->weight[i])
			return (enum fuzz_verb)i;
		at -= c->weight[i];
	}
	return FUZZ_SUBMIT;
}

static void arguments(struct choose *c, const struct side *s, struct fuzz_op *op)
{
	static const uint32_t bytes[] = { 4, 4, 4, 4, 4, 4, 0, 1, 2, 3, 5, 8 };
	uint64_t size = s->lay->region_size;

	switch (op->verb) {
	case FUZZ_TMR:
		op->n[0] = below(c, 9);
		op->n[1] = below(c, 16);
		op->n[2] = one_in(c, 2) ? 1 : below(c, 16);
		break;
	case FUZZ_ADVANCE:
		op->n[0] = one_in(c, 2) ? below(c, 500) : 500ull * below(c, 12);
		break;
	case FUZZ_BLOCK:
		op->n[0] = one_in(c, 3);
		break;
	case FUZZ_RESET:
		op->n[0] = one_in(c, 8) ? below(c, 4) : 1 + below(c, 2);
		break;
	case FUZZ_QFULL:
		op->n[0] = below(c, 4);
		break;
	case FUZZ_RAW:
		op->n[0] = below(c, 9);
		op->n[1] = one_in(c, 4) ? below(c, 1024) : 8ull * below(c, 40);
		op->n[2] = below(c, 256);
		break;
	case FUZZ_DECOY:
		op->n[0] = below(c, 4);
		break;
	case FUZZ_RING:
	case FUZZ_READ:
		op->n[0] = PICK(c, bytes);
		break;
	case FUZZ_MAP:
		op->n[0] = one_in(c, 2) ? size : size + below(c, 3) * 4096 - 4096;
		op->n[1] = one_in(c, 4) ? 4096 : 0;
		break;
	case FUZZ_ANSWER:
		op->n[0] = 1 + (one_in(c, 2) ? below(c, 8) : 0);
		op->n[1] = below(c, 3) != 0;
		break;
	case FUZZ_FREE:
		op->n[0] = some_id(c, s);
		break;
	case FUZZ_FILL:
		at(op, FUZZ_B_RING, 8ull * below(c, s->lay->cmdr_size / 8), 0, 0);
		op->n[2] = 1 + below(c, 256);
		op->n[3] = one_in(c, 2) ? 0 : below(c, 256);
		break;
	default:
		break;
	}
}

static void plan(struct choose *c, struct fuzz_op op)
{
	if (c->planned < HOSTILE_PLAN)
		c->plan[c->planned++] = op;
}

/* A store to a word that an answer is made of, or to what leads to it. */
static struct fuzz_op answer_word(struct choose *c, const struct side *s,
				  const struct ringsim_entry *e)
{
	static const uint8_t uflags[] = { 0, 1, 2, 2, 2, 4, 6, 255 };
	static const uint8_t status[] = { 0, 0, 2, 2, 0x18, 0xff };
	struct fuzz_op op = { .verb = FUZZ_STORE };

	switch (below(c, 16)) {
	case 0:
		at(&op, FUZZ_B_RING, e->off, 4, one_in(c, 2) ? odd(c) : e->len + 8 + e->op);
		break;
	case 1:
		at(&op, FUZZ_B_ZERO, RINGSIM_OFF_TAIL, 4, ring_value(c, s));
		break;
	case 2:
		at(&op, FUZZ_B_RING, e->off + RINGSIM_OFF_SENSE + below(c, 96), 1, below(c, 256));
		break;
	case 3:
	case 4:
	case 5:
		at(&op, FUZZ_B_RING, e->off + RINGSIM_OFF_ID, 2, some_id(c, s));
		break;
	case 6:
	case 7:
	case 8:
		at(&op, FUZZ_B_RING, e->off + RINGSIM_OFF_STATUS, 1, PICK(c, status));
		break;
	case 9:
	case 10:
	case 11:
		at(&op, FUZZ_B_RING, e->off + RINGSIM_OFF_UFLAGS, 1, PICK(c, uflags));
		break;
	default:
		at(&op, FUZZ_B_RING, e->off + RINGSIM_OFF_RDLEN, 4,
		   one_in(c, 4) ? odd(c) : below(c, 2048));
	}
	return op;
}

/*
 * A few answers, not rung for; stores to them, of which the later ones come in the middle of the
 * call that believes them; the doorbell. Where something is read twice, it differs the second time.
 */
static void ambush(struct choose *c, const struct side *s)
{
	static const uint8_t uflags[] = { 0, 2, 2, 4, 6 };
	uint32_t n = 1 + below(c, 3), i, k, late = 1 + below(c, 8);
	struct ringsim_entry e = { .len = 120, .op = 1 };
	struct fuzz_op op = { .verb = FUZZ_STORE };

	plan(c, (struct fuzz_op){ .verb = FUZZ_ANSWER, .n = { n } });
	for (i = 0; i < n && ringsim_entry_at(s->dev, i, &e); i++) {
		at(&op, FUZZ_B_RING, e.off + RINGSIM_OFF_UFLAGS, 1, PICK(c, uflags));
		plan(c, op);
		at(&op, FUZZ_B_RING, e.off + RINGSIM_OFF_RDLEN, 4, below(c, 2048));
		plan(c, op);
		if (one_in(c, 4))
			plan(c, answer_word(c, s, &e));
	}
	for (k = 0; i && k < late; k++) {
		ringsim_entry_at(s->dev, below(c, i), &e);
		if (!c->no_at)
			plan(c,
			     (struct fuzz_op){ .verb = FUZZ_AT,
					       .n = { 1 + below(c, one_in(c, 4) ? 80 : 12 * n) } });
		plan(c, answer_word(c, s, &e));
	}
	plan(c, (struct fuzz_op){ .verb = FUZZ_RING, .n = { 4 } });
}

/* Entry upon entry in the same place, as long as there is room to remember them. */
static void stuff(struct choose *c, const struct bench *b, struct fuzz_op *op)
{
	struct ringsim_stats st;

	ringsim_stats(b->side[0].dev, &st);
	op->verb = one_in(c, 2) ? FUZZ_STORE : one_in(c, 4) ? FUZZ_SUBMIT : FUZZ_RAW;
	if (op->verb == FUZZ_STORE)
		at(op, FUZZ_B_ZERO, RINGSIM_OFF_HEAD, 4, st.reclaim);
	else if (op->verb == FUZZ_SUBMIT)
		submit(c, &b->side[0], op);
	else
		op->n[1] = 8;
}

static enum fuzz_verb next_verb(struct choose *c, const struct side *s)
{
	enum fuzz_verb verb;

	if (c->stores) { /* bursts: as many moments as a call has */
		c->stores--;
		return !c->no_at && one_in(c, 2) ? FUZZ_AT : FUZZ_STORE;
	}
	if (s->m.broken && one_in(c, 4))
		return FUZZ_RESET;
	verb = some_verb(c);
	if (verb == FUZZ_STORE)
		c->stores = below(c, 1 + below(c, c->burst));
	return verb;
}

void choose_op(struct choose *c, const struct bench *b, struct fuzz_op *op)
{
	const struct side *s = &b->side[0];

	memset(op, 0, sizeof(*op));
	if (c->next < c->planned) {
		*op = c->plan[c->next++];
		return;
	}
	if (b->at) { /* what happens there is a store */
		op->verb = FUZZ_STORE;
		store(c, s, op);
		return;
	}
	if (c->stuff && b->calls < 3000) {
		stuff(c, b, op);
		return;
	}
	op->verb = next_verb(c, s);
	if (op->verb == FUZZ_ANSWER && one_in(c, 2)) {
		c->next = c->planned = 0;
		ambush(c, s);
		*op = c->plan[c->next++];
		return;
	}
	if (op->verb == FUZZ_AT)
		op->n[0] = 1 + below(c, one_in(c, 2) ? 8 : 64);
	else if (op->verb == FUZZ_STORE)
		store(c, s, op);
	else if (op->verb == FUZZ_SUBMIT)
		submit(c, s, op);
	else
		arguments(c, s, op);
	if (op->verb != FUZZ_STORE)
		fuzz_op_tidy(op);
}
