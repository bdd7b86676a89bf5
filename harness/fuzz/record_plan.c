/* SPDX-License-Identifier: MIT */
/* Programs that any kernel can carry out and whose outcome does not depend on time; see record.h.
 */
#include "record.h"
#include "trial.h"

#include "../cases/krn.h"

#define OPS_MAX 40u

struct plan {
	struct fuzz_program *p;
	uint64_t rng;
	bool blocked, failed;
};

static uint32_t below(struct plan *g, uint32_t n)
{
	return (uint32_t)(fuzz_program_seed(g->rng++, 0) >> 16) % n;
}

static struct fuzz_op *push(struct plan *g, enum fuzz_verb verb, uint64_t a, uint64_t b)
{
	static struct fuzz_op nowhere;
	struct fuzz_op *op = fuzz_push(g->p, verb);

	if (!op) {
		g->failed = true;
		return &nowhere;
	}
	op->n[0] = a;
	op->n[1] = b;
	return op;
}

/* Up to the whole data area, but most of them so that several have room. */
static uint32_t length(struct plan *g)
{
	switch (below(g, 16)) {
	case 0:
	case 1:
	case 2:
		return 0;
	case 3:
	case 4:
	case 5:
	case 6:
		return below(g, 4096) + 1;
	case 7:
	case 8:
	case 9:
		return 4096 * (below(g, 16) + 1);
	case 10:
		return below(g, 17u << 16) + 1;
	default:
		return below(g, 200000) + 1;
	}
}

static void submit(struct plan *g)
{
	/* what no kernel answers by itself, of every length of a CDB that iSCSI carries */
	static const uint8_t opcodes[] = { 0x00, 0x28, 0xa8, 0x88, 0xc5, 0x5a, 0x61, 0x12, 0x2a };
	struct fuzz_op *op = push(g, FUZZ_SUBMIT, 0, length(g));
	uint32_t i;

	op->cdb[0] = opcodes[below(g, sizeof(opcodes))];
	op->cdb_len = (uint8_t)ringsim_cdb_len(op->cdb);
	for (i = 1; i < op->cdb_len; i++)
		op->cdb[i] = (uint8_t)below(g, 256);
	op->n[FUZZ_S_DIR] = below(g, 5) < 3 ? RINGSIM_FROM_DEVICE : RINGSIM_TO_DEVICE;
	if (!op->n[FUZZ_S_LEN] && below(g, 2))
		op->n[FUZZ_S_DIR] = RINGSIM_NONE;
	/* what has to be asked for by the target comes when it likes */
	if (op->n[FUZZ_S_DIR] == RINGSIM_TO_DEVICE && op->n[FUZZ_S_LEN] > 200000)
		op->n[FUZZ_S_LEN] = 200000;
}

static void answer(struct plan *g)
{
	struct fuzz_op *op = push(g, FUZZ_ANSWER, below(g, 4) ? below(g, 4) + 1 : 64, below(g, 4));

	op->n[1] = op->n[1] != 0;
	op->n[2] = below(g, 4) ? below(g, UINT32_MAX) + 1 : 0;
}

/* The handler's node is closed for a moment, which frees what it keeps. */
static void reopen(struct plan *g)
{
	push(g, FUZZ_CLOSE, 0, 0);
	push(g, FUZZ_OPEN, 0, 0);
}

static void recover(struct plan *g)
{
	push(g, FUZZ_BLOCK, 1, 0);
	push(g, FUZZ_RESET, 1 + below(g, 2), 0);
	push(g, FUZZ_BLOCK, 0, 0);
	g->blocked = false;
}

static void step(struct plan *g)
{
	uint32_t dice = below(g, 100);

	if (g->blocked && dice < 40) {
		g->blocked = false;
		push(g, FUZZ_BLOCK, 0, 0);
	} else if (dice < 54) {
		submit(g);
	} else if (dice < 82) {
		answer(g);
	} else if (dice < 86) {
		push(g, FUZZ_RING, 4, below(g, 256));
	} else if (dice < 91) {
		push(g, FUZZ_FREE, 1 + below(g, 24), 0); /* id 0 is not for shipping kernels */
	} else if (dice < 95 && g->p->setup.tmr) {
		push(g, FUZZ_TMR, TCMU_TMR_ABORT_TASK, below(g, 16))->n[2] = 1;
	} else if (dice < 94) {
		push(g, FUZZ_QFULL, below(g, 3) ? 0 : 1, 0); /* -1, 0 */
	} else if (dice < 97) {
		g->blocked = !g->blocked;
		push(g, FUZZ_BLOCK, g->blocked, 0);
	} else if (dice < 98 && !g->p->setup.ring_start) {
		recover(g);
	} else {
		reopen(g);
	}
}

int record_plan(struct fuzz_program *p, uint64_t seed, uint64_t number)
{
	struct plan g = { .p = p, .rng = fuzz_program_seed(seed, number) };
	uint32_t n;

	*p = (struct fuzz_program){ .setup = { .seat = 1 } };
	p->setup.pages_per_blk = below(&g, 3) ? 0 : 1u << below(&g, 4);
	/* On one device in four the ring is about to wrap; it is brought there by traffic. */
	if (number / RECORD_PROGRAMS % 4 == 1)
		p->setup.ring_start = KRN_RING - 8 * (100 + below(&g, 1000));
	p->setup.tmr = number / RECORD_PROGRAMS & 1; /* otherwise it is not known when one comes */
	for (n = 4 + below(&g, OPS_MAX - 4); n && !g.failed; n--)
		step(&g);
	if (!g.failed)
		return 0;
	fuzz_program_free(p);
	return -ENOMEM;
}
