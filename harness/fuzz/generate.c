/* SPDX-License-Identifier: MIT */
/*
 * The generator: decisions, and how many of them make a program.
 *
 * Every decision is a number taken from one stream. A seed's stream has no end. Bytes come in
 * records, one for the setup and one for each move, so that a fuzzer that changes a byte changes
 * one move and leaves the others as they are; what a record is too short for comes from its hash.
 * Zeros ask for what is ordinary.
 */
#include "generate_impl.h"

#include "../random.h"

#include <errno.h>
#include <string.h>

#define SETUP_BYTES 32u
#define MOVE_BYTES  16u

const char *const fuzz_profiles[FUZZ_PROFILES] = {
	[FUZZ_P_ANY] = "any",	[FUZZ_P_FAST] = "fast",	  [FUZZ_P_SCSI] = "scsi",
	[FUZZ_P_RING] = "ring", [FUZZ_P_ORDER] = "order", [FUZZ_P_TIME] = "time",
	[FUZZ_P_WAKE] = "wake", [FUZZ_P_CRASH] = "crash", [FUZZ_P_FAULT] = "fault",
	[FUZZ_P_PLUG] = "plug", [FUZZ_P_SEAT] = "seat",
};

/* Decisions. */

static uint64_t take(struct gen *g, uint32_t bytes)
{
	uint64_t value = 0;

	while (bytes-- && g->at != g->end)
		value = value << 8 | *g->at++;
	return value;
}

uint64_t gen_bits(struct gen *g)
{
	return g->at != g->end ? take(g, 8) : random_next(&g->rng);
}

uint32_t gen_below(struct gen *g, uint32_t n)
{
	if (n < 2)
		return 0;
	if (g->at == g->end)
		return (uint32_t)((random_next(&g->rng) >> 32) * n >> 32);
	if (n <= 256)
		return (uint32_t)(take(g, 1) * n >> 8);
	if (n <= 65536)
		return (uint32_t)(take(g, 2) % n);
	return (uint32_t)(take(g, 4) % n);
}

uint32_t gen_in(struct gen *g, uint32_t least, uint32_t most)
{
	return least + gen_below(g, most - least + 1);
}

bool gen_one_in(struct gen *g, uint32_t n)
{
	return n && gen_below(g, n) == n - 1;
}

uint32_t gen_of(struct gen *g, const uint32_t *list, uint32_t n)
{
	return list[gen_below(g, n)];
}

uint32_t gen_weighed(struct gen *g, const uint8_t *weights, uint32_t total)
{
	uint32_t at = gen_below(g, total), i = 0;

	while (at >= weights[i])
		at -= weights[i++];
	return i;
}

/* Operations. */

struct fuzz_op *gen_push(struct gen *g, enum fuzz_verb verb)
{
	struct fuzz_op *op = NULL;

	if (g->p->cnt < g->max) {
		op = fuzz_push(g->p, verb);
		if (!op)
			g->rc = -ENOMEM;
	}
	if (op)
		return op;
	g->waste = (struct fuzz_op){ .verb = (uint8_t)verb };
	return &g->waste;
}

struct fuzz_op *gen_op(struct gen *g, enum fuzz_verb verb, uint64_t a, uint64_t b)
{
	struct fuzz_op *op = gen_push(g, verb);

	op->n[0] = a;
	op->n[1] = b;
	return op;
}

/* Programs. */

/* Chosen so that what costs little and finds much is most of it. */
static const uint8_t profile_weights[FUZZ_PROFILES] = {
	[FUZZ_P_SCSI] = 24, [FUZZ_P_RING] = 14,	 [FUZZ_P_ORDER] = 14, [FUZZ_P_TIME] = 7,
	[FUZZ_P_WAKE] = 9,  [FUZZ_P_CRASH] = 16, [FUZZ_P_FAULT] = 10, [FUZZ_P_FAST] = 2,
};

static enum fuzz_profile choose(struct gen *g)
{
	enum fuzz_profile profile = g->lim->profile;
	uint32_t i, total = 0;

	if (profile != FUZZ_P_ANY && profile < FUZZ_PROFILES)
		return profile;
	for (i = 0; i < FUZZ_PROFILES; i++)
		total += profile_weights[i];
	return gen_weighed(g, profile_weights, total);
}

static void begin(struct gen *g, struct fuzz_program *p, const struct fuzz_limits *lim)
{
	g->p = p;
	g->lim = lim;
	p->cnt = 0;
	p->setup = (struct fuzz_setup){ 0 };
	g->max = lim->ops && lim->ops < FUZZ_OPS_MAX ? lim->ops : FUZZ_OPS_MAX;
	g->profile = choose(g);
	gen_setup(g);
	gen_moves(g);
}

/* Most are short: then a finding is, too, and a device is not too dear. */
static uint32_t length(struct gen *g)
{
	const struct fuzz_setup *s = &g->p->setup;

	if (g->lim->ops)
		return g->max > 8 ? g->max - 8 : 0;
	/* what is to be refused never gets that far */
	if (s->version || !fuzz_names[s->name].ours)
		return 1;
	if (g->profile == FUZZ_P_FAST)
		return gen_in(g, 3000, 4000);
	return gen_one_in(g, 8) ? gen_in(g, 120, 400) : gen_in(g, 16, 120);
}

int fuzz_generate(struct fuzz_program *p, uint64_t seed, const struct fuzz_limits *lim)
{
	struct gen g = { .rng = seed };
	uint32_t most, moves;

	g.rng = random_next(&g.rng); /* seeds that lie one step apart are no shifted streams */
	begin(&g, p, lim);
	most = length(&g);
	if (g.profile != FUZZ_P_SEAT && most > 1 &&
	    gen_one_in(&g, g.profile == FUZZ_P_SCSI ? 2 : 8))
		gen_introduction(&g);
	/* a move has an operation at least, but for those that cannot be now */
	for (moves = 0; p->cnt < most && moves < 2 * most && !g.rc; moves++)
		gen_move(&g);
	gen_finish(&g);
	return g.rc;
}

/* The next record, padded with zeros. */
static void record(struct gen *g, uint8_t *buf, uint32_t room, const uint8_t **bytes, size_t *len)
{
	uint32_t n = *len < room ? (uint32_t)*len : room, i;

	memset(buf, 0, room);
	if (n) { /* there may be no bytes at all */
		memcpy(buf, *bytes, n);
		*bytes += n;
	}
	*len -= n;
	g->at = buf;
	g->end = buf + room;
	g->rng = 0xcbf29ce484222325u;
	for (i = 0; i < room; i++)
		g->rng = (g->rng ^ buf[i]) * 0x100000001b3u;
}

int fuzz_decode(struct fuzz_program *p, const uint8_t *bytes, size_t len,
		const struct fuzz_limits *lim)
{
	uint8_t buf[SETUP_BYTES];
	struct gen g = { 0 };

	record(&g, buf, SETUP_BYTES, &bytes, &len);
	begin(&g, p, lim);
	while (len && p->cnt < g.max && !g.rc) {
		record(&g, buf, MOVE_BYTES, &bytes, &len);
		gen_move(&g);
	}
	return g.rc;
}
