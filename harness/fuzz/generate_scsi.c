/* SPDX-License-Identifier: MIT */
/*
 * Commands: every opcode, with fields that are legal, at their edges, or illegal one at a time.
 *
 * What decides whether a mistake shows is where a command lands and how long its buffer is, so
 * ranges are met again, lengths are short, and one field is wrong rather than all. REPORT LUNS
 * never comes to a handler (SCS-001) and is never sent. Section 5 of the contract.
 */
#include "generate_impl.h"
#include "generate_scsi.h"

#include <ringsim/device.h>
#include <string.h>

#define ODD(g) gen_one_in(g, (g)->odd)

void gen_put_be(uint8_t *p, uint64_t value, uint32_t bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

struct fuzz_op *gen_cdb(struct gen *g, const uint8_t *cdb, enum ringsim_dir dir, uint64_t len)
{
	struct fuzz_op *op = gen_push(g, FUZZ_SUBMIT);
	uint32_t cdb_len = ringsim_cdb_len(cdb);

	op->cdb_len = (uint8_t)(cdb_len < sizeof(op->cdb) ? cdb_len : sizeof(op->cdb));
	memcpy(op->cdb, cdb, op->cdb_len);
	op->n[FUZZ_S_DIR] = len || dir == RINGSIM_BIDI ? dir : RINGSIM_NONE;
	op->n[FUZZ_S_LEN] = len < FUZZ_DATA_MAX ? len : FUZZ_DATA_MAX;
	return op;
}

/* Where and how much. */

void gen_remember(struct gen *g, uint64_t lba, uint32_t blocks)
{
	if (!blocks || lba >= g->blocks || blocks > g->blocks - lba)
		return;
	g->ranges[g->range_cnt++ % GEN_RANGES] = (struct gen_range){ lba, blocks };
}

static struct gen_range former(struct gen *g)
{
	uint32_t n = g->range_cnt < GEN_RANGES ? g->range_cnt : GEN_RANGES;

	if (!n)
		return (struct gen_range){ 0, 1 };
	return g->ranges[gen_below(g, n)];
}

static uint32_t few_blocks(struct gen *g)
{
	return gen_one_in(g, 64) ? gen_in(g, 9, 32) : gen_in(g, 1, gen_in(g, 1, 8));
}

static uint32_t some_blocks(struct gen *g)
{
	uint32_t most = g->most / g->block_size, n;

	if (g->profile == FUZZ_P_FAST)
		return few_blocks(g);
	/* iovs of one data block each, and more of them than one system call takes */
	if (g->p->setup.frag > 2048 && gen_one_in(g, 8))
		return gen_in(g, 8300, FUZZ_DATA_MAX / 512);
	switch (gen_below(g, 16)) {
	case 13:
		n = gen_in(g, 9, 40);
		break;
	case 14: /* 20 iovs are what fits without further ado */
		n = g->p->setup.frag ? gen_in(g, most / 2, most) : gen_in(g, 1, 256);
		break;
	case 15:
		n = gen_in(g, 0, 2);
		break;
	default:
		n = gen_in(g, 1, 8);
	}
	if (most && n > most)
		n = most;
	if (n > g->blocks)
		n = (uint32_t)g->blocks;
	return n;
}

/* At and around the end, and where sums and widths overflow (SCS-042). */
static void edge(struct gen *g, struct gen_range *r)
{
	switch (gen_below(g, 10)) {
	case 0:
		r->lba = g->blocks - r->blocks + 1;
		break;
	case 1:
		r->lba = g->blocks;
		break;
	case 2:
		r->lba = g->blocks - 1;
		r->blocks = 2;
		break;
	case 3:
		r->lba = g->blocks + 1;
		r->blocks = gen_below(g, 2);
		break;
	case 4:
		r->lba = 0u - (uint64_t)gen_in(g, 1, 4);
		r->blocks = gen_in(g, 1, 4);
		break;
	case 5:
		r->lba += 1ull << gen_of(g, (const uint32_t[]){ 16, 20, 31, 32, 33, 40, 63 }, 7);
		break;
	case 6:
		r->lba = g->blocks;
		r->blocks = 0;
		break;
	case 7:
		r->blocks = GEN_OF(g, 0xffffffff, 0x80000000, 0x10000, 0xffff, 0x100, 0xff);
		break;
	case 8:
		r->blocks += 0x10000u << gen_below(g, 16);
		break;
	default:
		r->lba = gen_bits(g) >> gen_below(g, 64);
	}
}

struct gen_range gen_range(struct gen *g)
{
	struct gen_range r;
	uint64_t room;

	switch (gen_below(g, 8)) {
	case 5:
	case 6:
		r = former(g);
		if (r.blocks > g->most / g->block_size)
			r.blocks = g->most / g->block_size;
		if (gen_one_in(g, 2))
			return r;
		r.lba += gen_below(g, r.blocks ? r.blocks : 1);
		r.blocks = some_blocks(g);
		if (r.lba + r.blocks > g->blocks)
			r.lba = g->blocks - r.blocks;
		break;
	case 7: /* up to the last block */
		r.blocks = some_blocks(g);
		r.lba = g->blocks - r.blocks;
		break;
	default:
		r.blocks = some_blocks(g);
		room = g->blocks - r.blocks + 1;
		/* low blocks are met again sooner */
		if (room > 64 && !gen_one_in(g, 3))
			room = 64;
		r.lba = gen_below(g, room > UINT32_MAX ? UINT32_MAX : (uint32_t)room);
	}
	if (ODD(g) && gen_one_in(g, 2))
		edge(g, &r);
	else
		gen_remember(g, r.lba, r.blocks);
	return r;
}

/* Buffers that do not fit the CDB (SCS-020). */
static uint64_t wrong_len(struct gen *g, uint64_t len)
{
	switch (gen_below(g, 9)) {
	case 0:
		return len + g->block_size;
	case 1:
		return len > g->block_size ? len - g->block_size : 0;
	case 2:
		return len + 1;
	case 3:
		return len ? len - 1 : 1;
	case 4:
		return 0;
	case 5:
		return 2 * len;
	case 6:
		return len / 2;
	case 7:
		return gen_in(g, 1, 4096);
	default:
		return len + 4096;
	}
}

/*
 * The direction that the initiator gives a buffer. It is the opcode's, if that has one: a handler
 * is not told of any other, so nothing can be asked of it then.
 */
enum ringsim_dir gen_direction(struct gen *g, uint8_t opcode)
{
	static const uint8_t in[] = { 0x03, 0x08, 0x12, 0x1a, 0x25, 0x28,
				      0x5a, 0x88, 0x9e, 0xa3, 0xa8 };
	static const uint8_t out[] = { 0x0a, 0x15, 0x2a, 0x2e, 0x2f, 0x41, 0x42, 0x55,
				       0x89, 0x8a, 0x8e, 0x8f, 0x93, 0xaa, 0xae, 0xaf };

	if (memchr(in, opcode, sizeof(in)))
		return RINGSIM_FROM_DEVICE;
	if (memchr(out, opcode, sizeof(out)))
		return RINGSIM_TO_DEVICE;
	return gen_one_in(g, 2) ? RINGSIM_TO_DEVICE : RINGSIM_FROM_DEVICE;
}

/* One field of a finished command goes wrong. */
static void spoil(struct gen *g, struct fuzz_op *op)
{
	switch (gen_below(g, 8)) {
	case 0: /* NACA and the rest of the control byte */
		op->cdb[op->cdb_len - 1] = (uint8_t)GEN_OF(g, 4, 4, 1, 2, 0x40, 0x80);
		break;
	case 1:
	case 2:
		op->cdb[gen_in(g, 1, op->cdb_len - 1u)] ^= (uint8_t)(1u << gen_below(g, 8));
		break;
	case 3:
		op->cdb[gen_in(g, 1, op->cdb_len - 1u)] = (uint8_t)gen_below(g, 256);
		break;
	case 4:
		op->n[FUZZ_S_DIR] = RINGSIM_BIDI;
		op->n[FUZZ_S_BIDI] = GEN_OF(g, 512, 4096, 1, 8192, 5000);
		break;
	default:
		op->n[FUZZ_S_LEN] = wrong_len(g, op->n[FUZZ_S_LEN]);
		if (op->n[FUZZ_S_LEN] > FUZZ_DATA_MAX)
			op->n[FUZZ_S_LEN] = FUZZ_DATA_MAX;
		if (op->n[FUZZ_S_DIR] == RINGSIM_NONE)
			op->n[FUZZ_S_DIR] = gen_direction(g, op->cdb[0]);
	}
	if (!op->n[FUZZ_S_LEN] && op->n[FUZZ_S_DIR] != RINGSIM_BIDI)
		op->n[FUZZ_S_DIR] = RINGSIM_NONE;
	if (op->n[FUZZ_S_DIR] != RINGSIM_BIDI)
		op->n[FUZZ_S_BIDI] = 0;
	if (op->n[FUZZ_S_DIR] != RINGSIM_BIDI && op->n[FUZZ_S_DIR] != RINGSIM_TO_DEVICE) {
		op->n[FUZZ_S_FILL] = op->n[FUZZ_S_FLIP] = 0;
		op->bytes_len = 0;
		memset(op->bytes, 0, sizeof(op->bytes));
	}
}

void gen_spoil(struct gen *g, struct fuzz_op *op)
{
	if (ODD(g) && gen_one_in(g, 2))
		spoil(g, op);
	if (op->n[FUZZ_S_FLIP] > op->n[FUZZ_S_LEN])
		op->n[FUZZ_S_FLIP] = op->n[FUZZ_S_LEN];
}

/* Which command. */

typedef void command_fn(struct gen *g);

static void do_read(struct gen *g)
{
	gen_read_write(g, false);
}

static void do_write(struct gen *g)
{
	gen_read_write(g, true);
}

static void do_verify(struct gen *g)
{
	gen_verify(g, false);
}

static void do_write_verify(struct gen *g)
{
	gen_verify(g, true);
}

static command_fn *const commands[] = {
	do_read,
	do_write,
	do_verify,
	do_write_verify,
	gen_compare_and_write,
	gen_write_same,
	gen_unmap,
	gen_synchronize_cache,
	gen_bidirectional,
	gen_inquiry,
	gen_mode_sense,
	gen_mode_select,
	gen_request_sense,
	gen_capacity,
	gen_report_opcodes,
	gen_no_data,
	gen_any_opcode,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* In the order above. */
static const uint8_t of_fast[COMMANDS] = { 30, 24, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 0 };
static const uint8_t of_scsi[COMMANDS] = { 16, 18, 10, 4, 8, 9, 8, 4, 2, 10, 8, 8, 4, 4, 4, 5, 10 };
static const uint8_t of_crash[COMMANDS] = { 6, 24, 2, 4, 12, 6, 5, 5, 0, 1, 1, 2, 0, 0, 0, 3, 3 };
static const uint8_t of_other[COMMANDS] = { 24, 24, 4, 2, 6, 3, 3, 2, 3, 3, 1, 1, 1, 1, 1, 8, 8 };

static uint32_t sum(const uint8_t *weights)
{
	uint32_t i, total = 0;

	for (i = 0; i < COMMANDS; i++)
		total += weights[i];
	return total;
}

void gen_command(struct gen *g)
{
	const uint8_t *weights = of_other;

	if (g->profile == FUZZ_P_FAST)
		weights = of_fast;
	else if (g->profile == FUZZ_P_SCSI)
		weights = of_scsi;
	else if (g->profile == FUZZ_P_CRASH)
		weights = of_crash;
	commands[gen_weighed(g, weights, sum(weights))](g);
}

void gen_simple(struct gen *g)
{
	static const uint8_t ready[6] = { 0 };
	uint64_t room = g->blocks < 64 ? g->blocks : 64;
	struct gen_range r;

	switch (gen_below(g, 4)) {
	case 0:
		gen_cdb(g, ready, RINGSIM_NONE, 0);
		break;
	case 1:
		gen_any_opcode(g);
		break;
	default:
		r.blocks = gen_in(g, 1, room < 3 ? 1 : 3);
		r.lba = gen_below(g, (uint32_t)(room - r.blocks + 1));
		gen_transfer(g, gen_one_in(g, 2), r.lba, r.blocks);
		gen_remember(g, r.lba, r.blocks);
	}
}

void gen_read_back(struct gen *g)
{
	uint32_t most = (128u << 10) / g->block_size, i, n;
	struct gen_range r;

	/* all of it, if it is small */
	if (g->blocks * g->block_size <= 256u << 10 && gen_one_in(g, 2)) {
		for (r.lba = 0; r.lba < g->blocks; r.lba += r.blocks) {
			r.blocks = g->blocks - r.lba < most ? (uint32_t)(g->blocks - r.lba) : most;
			gen_transfer(g, false, r.lba, r.blocks);
		}
		return;
	}
	n = g->range_cnt < GEN_RANGES ? g->range_cnt : GEN_RANGES;
	for (i = 0; i < n; i++) {
		r = g->ranges[i];
		gen_transfer(g, false, r.lba, r.blocks < most ? r.blocks : most);
	}
}
