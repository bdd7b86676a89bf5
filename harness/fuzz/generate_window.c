/* SPDX-License-Identifier: MIT */
/*
 * Short windows, all of them: while a handler drains and goes to sleep, commands and events come
 * after every single step, and after every pair of steps. Who loses a wakeup (HND-042), loses it in
 * one of these. Nothing follows that could wake the handler after all.
 *
 * A number is taken apart, least significant first: order, batch, then one thing at one step or two
 * things at two steps.
 */
#include "generate_scsi.h"

#include <errno.h>

/* A handler that finds one command and then nothing needs fewer; the rest finds it asleep. */
#define STEPS 24u
#define PAIRS (STEPS * (STEPS + 1) / 2)

enum thing { THING_COMMAND, THING_EVENT, THING_BATCH, THINGS };

#define SINGLES (THINGS * STEPS)
#define DOUBLES (THINGS * THINGS * PAIRS)

static void read_block(struct gen *g)
{
	gen_transfer(g, false, g->p->cnt % 32, 1);
}

static void at(struct gen *g, uint32_t step, enum thing thing)
{
	gen_op(g, FUZZ_AT, step, 0);
	switch (thing) {
	case THING_EVENT:
		gen_push(g, FUZZ_EVENT);
		break;
	case THING_BATCH:
		gen_push(g, FUZZ_PLUG);
		gen_op(g, FUZZ_AT, step, 0);
		read_block(g);
		gen_op(g, FUZZ_AT, step, 0);
		read_block(g);
		gen_op(g, FUZZ_AT, step, 0);
		gen_push(g, FUZZ_UNPLUG);
		break;
	default:
		read_block(g);
	}
}

static uint32_t part(uint64_t *number, uint32_t n)
{
	uint32_t value = (uint32_t)(*number % n);

	*number /= n;
	return value;
}

static void pair(struct gen *g, uint64_t number)
{
	enum thing first = part(&number, THINGS), second = part(&number, THINGS);
	uint32_t step = 1;

	/* the second is not before the first: (1,1) (1,2) ... (2,2) (2,3) ... */
	while (number > STEPS - step)
		number -= STEPS - step++ + 1;
	at(g, step, first);
	at(g, step + (uint32_t)number, second);
}

int fuzz_window(struct fuzz_program *p, uint64_t number, const struct fuzz_limits *lim)
{
	struct gen g = { .p = p, .lim = lim, .max = FUZZ_OPS_MAX, .block_size = 512 };
	bool in_order, batch;

	p->cnt = 0;
	p->setup = (struct fuzz_setup){ .ring = 4096, .disk = 64, .block_size = 512, .cmd_s = 30 };
	in_order = part(&number, 2);
	batch = part(&number, 2);
	if (lim->process || number >= SINGLES + DOUBLES)
		return -ENOENT;
	p->setup.in_order = in_order;
	/* so that the very first look, before any event, is over */
	gen_push(&g, FUZZ_SETTLE);
	if (batch)
		gen_push(&g, FUZZ_PLUG);
	read_block(&g);
	if (batch) {
		read_block(&g);
		gen_push(&g, FUZZ_UNPLUG);
	}
	if (number < SINGLES) {
		enum thing thing = part(&number, THINGS);

		at(&g, 1 + (uint32_t)number, thing);
	} else {
		pair(&g, number - SINGLES);
	}
	gen_push(&g, FUZZ_SETTLE);
	return g.rc;
}
