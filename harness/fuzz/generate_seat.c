/* SPDX-License-Identifier: MIT */
/*
 * A hostile handler: any store to the region, any use of the node, between commands and everything
 * else that a kernel does. Places are near what the kernel's half reads (KRN-003): the indices,
 * entries at the reclaim pointer, the tail and the head; values are those that lie just beside what
 * is right.
 */
#include "generate_scsi.h"

static uint64_t some_offset(struct gen *g, uint32_t base)
{
	uint64_t off;

	switch (base) {
	case FUZZ_B_ZERO: /* the mailbox */
		off = GEN_OF(g, 64, 64, 64, 12, 12, 8, 4, 0, 2, 16, 128);
		break;
	case FUZZ_B_RING:
		off = 8 * gen_below(g, 1024);
		break;
	case FUZZ_B_DATA:
		off = gen_below(g, 1u << 20);
		break;
	case FUZZ_B_END:
		off = gen_below(g, 4096);
		break;
	default: /* an entry: len_op, id, flags, response, iovs */
		off = GEN_OF(g, 0, 0, 4, 4, 6, 7, 7, 8, 12, 16, 24, 48, 56, 112);
	}
	return gen_one_in(g, 12) ? off + gen_below(g, 16) : off;
}

static uint32_t some_base(struct gen *g)
{
	return GEN_OF(g, FUZZ_B_ZERO, FUZZ_B_ZERO, FUZZ_B_OLD, FUZZ_B_OLD, FUZZ_B_OLD, FUZZ_B_TAIL,
		      FUZZ_B_TAIL, FUZZ_B_HEAD, FUZZ_B_RING, FUZZ_B_DATA, FUZZ_B_END);
}

static uint64_t some_value(struct gen *g)
{
	switch (gen_below(g, 8)) {
	case 0: /* an index */
	case 1:
		return 8 * gen_below(g, 1024);
	case 2: /* an entry's length and opcode */
		return 8 * gen_below(g, 64) + gen_below(g, 8);
	case 3:
		return 0u - (uint64_t)gen_in(g, 1, 16);
	case 4:
		return 1ull << gen_below(g, 64);
	case 5: /* an id, a status, flags */
		return gen_below(g, 16);
	case 6:
		return 8 * gen_below(g, 1024) + gen_in(g, 1, 7);
	default:
		return gen_bits(g);
	}
}

static void store(struct gen *g)
{
	struct fuzz_op *op = gen_push(g, FUZZ_STORE);
	uint32_t bytes = GEN_OF(g, 4, 4, 4, 1, 2, 8);

	op->n[0] = some_base(g);
	op->n[1] = some_offset(g, (uint32_t)op->n[0]);
	op->n[2] = bytes;
	op->n[3] = some_value(g);
	if (bytes < 8)
		op->n[3] &= (1ull << 8 * bytes) - 1;
}

static void fill(struct gen *g)
{
	struct fuzz_op *op = gen_push(g, FUZZ_FILL);

	op->n[0] = some_base(g);
	op->n[1] = some_offset(g, (uint32_t)op->n[0]);
	op->n[2] = gen_one_in(g, 8) ? gen_below(g, 1u << 20) : gen_in(g, 1, 256);
	op->n[3] = GEN_OF(g, 0, 0xff, 1, 2, 8, 0x81);
	if (gen_one_in(g, 4))
		op->n[3] = gen_below(g, 256);
}

static void doorbell(struct gen *g)
{
	gen_op(g, FUZZ_RING, gen_one_in(g, 12) ? GEN_OF(g, 0, 1, 2, 3, 5, 8, 4096) : 4,
	       gen_one_in(g, 4) ? gen_bits(g) : 0);
}

static void answer(struct gen *g)
{
	gen_op(g, FUZZ_ANSWER, gen_one_in(g, 4) ? gen_in(g, 1, 64) : gen_in(g, 1, 4),
	       gen_one_in(g, 2));
}

static void node(struct gen *g)
{
	switch (gen_below(g, 5)) {
	case 0:
		gen_op(g, FUZZ_READ, gen_one_in(g, 3) ? GEN_OF(g, 0, 1, 3, 5, 8, 4096) : 4, 0);
		break;
	case 1:
		gen_op(g, FUZZ_MAP, 4096ull * gen_below(g, 8192) + gen_below(g, 2) * 4095,
		       gen_one_in(g, 2) ? 4096ull * gen_below(g, 16) : 0);
		break;
	case 2:
		gen_push(g, FUZZ_CLOSE);
		break;
	case 3:
		gen_push(g, FUZZ_OPEN);
		break;
	default:
		gen_op(g, FUZZ_FREE, gen_one_in(g, 4) ? gen_bits(g) & 0x1ffff : gen_below(g, 16),
		       0);
	}
}

/* What comes from the other side meanwhile. */
static void kernel(struct gen *g)
{
	struct fuzz_op *op;

	switch (gen_below(g, 10)) {
	case 0:
		gen_op(g, FUZZ_ADVANCE, GEN_OF(g, 1, 999, 1000, 30000, 31000, 61000), 0);
		break;
	case 1:
		op = gen_op(g, FUZZ_TMR, GEN_OF(g, 1, 5, 128), gen_below(g, 8));
		op->n[2] = gen_below(g, 8);
		break;
	case 2:
		gen_op(g, FUZZ_BLOCK, gen_below(g, 2), 0);
		break;
	case 3:
	case 4:
		gen_op(g, FUZZ_RESET, gen_in(g, 1, 2), 0);
		break;
	case 5:
		gen_push(g, FUZZ_POLL);
		break;
	case 6:
		gen_push(g, gen_one_in(g, 2) ? FUZZ_PLUG : FUZZ_UNPLUG);
		break;
	case 7:
		gen_op(g, FUZZ_QFULL, gen_below(g, 4), 0);
		break;
	case 8:
		gen_op(g, FUZZ_RAW, GEN_OF(g, 0, 3, 5, 7), 8 * gen_in(g, 1, 16));
		break;
	default:
		gen_push(g, FUZZ_EVENT);
	}
}

void gen_seat(struct gen *g)
{
	uint32_t n;

	switch (gen_below(g, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		for (n = gen_in(g, 1, 4); n; n--)
			gen_simple(g);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		for (n = gen_in(g, 1, 3); n; n--)
			store(g);
		if (!gen_one_in(g, 4))
			doorbell(g);
		break;
	case 8:
		fill(g);
		break;
	case 9:
		doorbell(g);
		break;
	case 10:
	case 11:
	case 12:
		answer(g);
		break;
	case 13:
		node(g);
		break;
	default:
		kernel(g);
	}
}
