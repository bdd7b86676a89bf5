/* SPDX-License-Identifier: MIT */
/*
 * Commands that move blocks, compare them, or make them durable: READ, WRITE, VERIFY, WRITE AND
 * VERIFY, COMPARE AND WRITE, SYNCHRONIZE CACHE; in each of their forms, with every flag.
 */
#include "generate_scsi.h"

#include <string.h>

#define ODD(g) gen_one_in(g, (g)->odd)

/* The CDB of the form whose 10-byte opcode is @ten, in 6, 10, 12 or 16 bytes. */
static void block_cdb(uint8_t *cdb, uint8_t ten, uint32_t form, const struct gen_range *r)
{
	memset(cdb, 0, 16);
	switch (form) {
	case 6:
		cdb[0] = ten & 0x0f;
		gen_put_be(cdb + 1, r->lba & 0x1fffff, 3);
		cdb[4] = (uint8_t)r->blocks;
		break;
	case 10:
		cdb[0] = ten;
		gen_put_be(cdb + 2, r->lba, 4);
		gen_put_be(cdb + 7, r->blocks, 2);
		break;
	case 12:
		cdb[0] = (uint8_t)(ten | 0x80);
		gen_put_be(cdb + 2, r->lba, 4);
		gen_put_be(cdb + 6, r->blocks, 4);
		break;
	default:
		cdb[0] = (uint8_t)(ten + 0x60);
		gen_put_be(cdb + 2, r->lba, 8);
		gen_put_be(cdb + 10, r->blocks, 4);
	}
}

static uint32_t form(struct gen *g, bool six)
{
	return six ? GEN_OF(g, 6, 10, 10, 10, 12, 16, 16) : GEN_OF(g, 10, 10, 12, 16);
}

/* What the chosen form makes of the range: 8 bits of 0 are 256, others lose what is above. */
static uint64_t said_blocks(uint32_t form, const struct gen_range *r)
{
	if (form == 6)
		return (uint8_t)r->blocks ? (uint8_t)r->blocks : 256;
	return form == 10 ? (uint16_t)r->blocks : r->blocks;
}

static uint32_t any_fill(struct gen *g)
{
	return GEN_OF(g, FUZZ_FILL_NEW, FUZZ_FILL_NEW, FUZZ_FILL_NEW, FUZZ_FILL_NEW, FUZZ_FILL_NEW,
		      FUZZ_FILL_NEW, FUZZ_FILL_ZERO, FUZZ_FILL_CURRENT);
}

void gen_read_write(struct gen *g, bool write)
{
	struct gen_range r = gen_range(g);
	uint32_t how = form(g, true);
	uint8_t cdb[16];
	struct fuzz_op *op;

	if (how == 6 && r.blocks == 0 && g->odd != 4)
		how = 10;
	block_cdb(cdb, write ? 0x2a : 0x28, how, &r);
	if (how != 6) {
		if (gen_one_in(g, g->profile == FUZZ_P_CRASH ? 3 : 8))
			cdb[1] |= (uint8_t)GEN_OF(g, 0x08, 0x10, 0x18, 0x08);
		if (ODD(g) && gen_one_in(g, 8))
			cdb[1] |= (uint8_t)(gen_in(g, 1, 7) << 5);
	}
	op = gen_cdb(g, cdb, write ? RINGSIM_TO_DEVICE : RINGSIM_FROM_DEVICE,
		     said_blocks(how, &r) * g->block_size);
	if (op->n[FUZZ_S_DIR] == RINGSIM_TO_DEVICE)
		op->n[FUZZ_S_FILL] = any_fill(g);
	gen_spoil(g, op);
}

void gen_transfer(struct gen *g, bool write, uint64_t lba, uint32_t blocks)
{
	struct gen_range r = { lba, blocks };
	uint8_t cdb[16];

	block_cdb(cdb, write ? 0x2a : 0x28, lba + blocks > UINT32_MAX || blocks > 0xffff ? 16 : 10,
		  &r);
	gen_cdb(g, cdb, write ? RINGSIM_TO_DEVICE : RINGSIM_FROM_DEVICE,
		(uint64_t)blocks * g->block_size);
}

/* Where in a buffer that is compared one byte is wrong: at either end of anything, or anywhere. */
static uint64_t flip(struct gen *g, uint64_t len)
{
	if (!len || !gen_one_in(g, 3))
		return 0;
	switch (gen_below(g, 6)) {
	case 0:
		return 1;
	case 1:
		return len;
	case 2:
		return 1 + (uint64_t)g->block_size * gen_below(g, (uint32_t)(len / g->block_size));
	case 3:
		return len < 2 ? 1 : len / 2 + gen_below(g, 2);
	default:
		return 1 + gen_below(g, (uint32_t)len);
	}
}

#define LIMIT (32u << 20) /* bytes that the reference handler moves at most */

/* Where size matters to VERIFY. */
static void verify_much(struct gen *g, uint32_t bytchk, struct gen_range *r)
{
	uint64_t size = g->blocks * g->block_size;

	/* more than what handlers compare at once */
	if (bytchk == 3)
		*r = (struct gen_range){ 0, (uint32_t)(g->blocks < 9000 ? g->blocks : 9000) };
	if (bytchk == 1 && g->big)
		*r = (struct gen_range){ 0, (17u << 16) / g->block_size };
	/* around what page B0 allows, for which there is no other command short enough */
	if (bytchk == 0 && size > LIMIT + 65536)
		*r = (struct gen_range){ 0, LIMIT / g->block_size - 1 + gen_below(g, 3) };
}

void gen_verify(struct gen *g, bool write)
{
	struct gen_range r = gen_range(g);
	uint32_t how = form(g, false), bytchk = GEN_OF(g, 0, 1, 1, 1, 3, 3);
	struct fuzz_op *op;
	uint64_t len;
	uint8_t cdb[16];

	if (write && bytchk == 3 && !ODD(g))
		bytchk = 1;
	if (ODD(g) && gen_one_in(g, 4))
		bytchk = 2;
	if (!write && g->profile != FUZZ_P_FAST && gen_one_in(g, 2))
		verify_much(g, bytchk, &r);
	block_cdb(cdb, write ? 0x2e : 0x2f, how, &r);
	cdb[1] = (uint8_t)(bytchk << 1 | (gen_one_in(g, 8) ? 0x10 : 0));
	if (ODD(g) && gen_one_in(g, 8))
		cdb[1] |= (uint8_t)(gen_in(g, 1, 7) << 5);
	len = said_blocks(how, &r) * g->block_size;
	if (!write && bytchk == 0)
		len = 0;
	if (!write && bytchk == 3 && len)
		len = g->block_size;
	op = gen_cdb(g, cdb, RINGSIM_TO_DEVICE, len);
	if (op->n[FUZZ_S_DIR] == RINGSIM_NONE) {
		;
	} else if (write) {
		op->n[FUZZ_S_FILL] = any_fill(g);
	} else {
		op->n[FUZZ_S_FILL] = GEN_OF(g, FUZZ_FILL_CURRENT, FUZZ_FILL_CURRENT,
					    FUZZ_FILL_CURRENT, FUZZ_FILL_ZERO);
		op->n[FUZZ_S_FLIP] = flip(g, op->n[FUZZ_S_LEN]);
		if (op->n[FUZZ_S_LEN] > 1u << 20 && gen_one_in(g, 2)) {
			op->n[FUZZ_S_FILL] = FUZZ_FILL_CURRENT;
			op->n[FUZZ_S_FLIP] = op->n[FUZZ_S_LEN] - gen_below(g, 4096);
		}
	}
	gen_spoil(g, op);
}

/* Data-Out is twice the blocks; one of its bytes differs, in the half that is compared mostly. */
void gen_compare_and_write(struct gen *g)
{
	struct gen_range r = gen_range(g);
	uint8_t cdb[16] = { 0x89 };
	struct fuzz_op *op;
	uint64_t half;

	if (r.blocks > 255)
		r.blocks = 255;
	if (gen_one_in(g, 16) && g->block_size <= 1024) /* around and above what is advertised */
		r.blocks = GEN_OF(g, 127, 128, 129, 255);
	if (r.blocks > 8 && gen_one_in(g, 2))
		r.blocks = gen_in(g, 1, 8);
	gen_put_be(cdb + 2, r.lba, 8);
	cdb[13] = (uint8_t)r.blocks;
	if (gen_one_in(g, 6))
		cdb[1] = (uint8_t)GEN_OF(g, 0x08, 0x10, 0x18, 0x08);
	if (ODD(g) && gen_one_in(g, 8))
		cdb[1] |= (uint8_t)(gen_in(g, 1, 7) << 5);
	half = (uint64_t)cdb[13] * g->block_size;
	op = gen_cdb(g, cdb, RINGSIM_TO_DEVICE, 2 * half);
	if (!op->n[FUZZ_S_LEN])
		return;
	op->n[FUZZ_S_FILL] = GEN_OF(g, FUZZ_FILL_CURRENT, FUZZ_FILL_CURRENT, FUZZ_FILL_CURRENT,
				    FUZZ_FILL_CURRENT, FUZZ_FILL_CURRENT, FUZZ_FILL_CURRENT,
				    FUZZ_FILL_NEW, FUZZ_FILL_ZERO);
	op->n[FUZZ_S_FLIP] = flip(g, gen_one_in(g, 8) ? 2 * half : half);
	gen_spoil(g, op);
}

/*
 * COMPARE AND WRITE from what is there now: of several, one can succeed (SCS-030). Or from what the
 * one before it leaves there: all can, one after the other.
 */
static void fast_compare_and_write(struct gen *g, struct gen_range r)
{
	uint8_t cdb[16] = { 0x89 };
	struct fuzz_op *op;

	gen_put_be(cdb + 2, r.lba, 8);
	cdb[13] = (uint8_t)r.blocks;
	op = gen_cdb(g, cdb, RINGSIM_TO_DEVICE, 2ull * r.blocks * g->block_size);
	op->n[FUZZ_S_FILL] = gen_one_in(g, 2) ? FUZZ_FILL_NEXT : FUZZ_FILL_CURRENT;
}

void gen_duel(struct gen *g)
{
	uint64_t room = g->blocks < 64 ? g->blocks : 64;
	struct gen_range all = { gen_below(g, (uint32_t)room - 3), gen_in(g, 1, 4) }, r;
	uint32_t n = gen_in(g, 2, 6);

	gen_remember(g, all.lba, all.blocks);
	while (n--) {
		r = all;
		if (gen_one_in(g, 3)) { /* a part of it, or half beside it */
			r.blocks = gen_in(g, 1, all.blocks);
			r.lba += gen_below(g, all.blocks);
			if (r.lba + r.blocks > g->blocks)
				r.lba = g->blocks - r.blocks;
		}
		switch (gen_below(g, 7)) {
		case 0:
			gen_transfer(g, true, r.lba, r.blocks);
			break;
		case 1:
			gen_transfer(g, false, r.lba, r.blocks);
			break;
		case 2:
			gen_unmap_pair(g, (struct gen_range){ g->blocks - 1, 1 }, r);
			break;
		default:
			fast_compare_and_write(g, r);
		}
	}
}

void gen_pair(struct gen *g)
{
	struct gen_range r = { gen_below(g, g->blocks < 64 ? (uint32_t)g->blocks : 64), 1 };

	fast_compare_and_write(g, r);
	if (gen_one_in(g, 2))
		fast_compare_and_write(g, r);
	else
		gen_transfer(g, true, r.lba, r.blocks);
	gen_remember(g, r.lba, r.blocks);
}

void gen_synchronize_cache(struct gen *g)
{
	struct gen_range r = gen_range(g);
	uint8_t cdb[16];

	if (gen_one_in(g, 2))
		r = (struct gen_range){ 0, 0 };
	block_cdb(cdb, 0x35, 10, &r);
	if (gen_one_in(g, 3)) {
		block_cdb(cdb, 0x31, 16, &r);
		cdb[0] = 0x91;
	}
	if (gen_one_in(g, 4))
		cdb[1] = 0x02;
	gen_spoil(g, gen_cdb(g, cdb, RINGSIM_NONE, 0));
}

/* A second direction; no handler here has to know more than to complete it (HND-019). */
void gen_bidirectional(struct gen *g)
{
	struct gen_range r = gen_range(g);
	struct fuzz_op *op;
	uint8_t cdb[16];

	block_cdb(cdb, gen_one_in(g, 2) ? 0x2a : 0x28, 10, &r);
	if (gen_one_in(g, 2))
		cdb[0] = 0x53;
	else if (gen_one_in(g, 2))
		memset(cdb, 0, sizeof(cdb));
	op = gen_cdb(g, cdb, RINGSIM_BIDI, (uint64_t)(uint16_t)r.blocks * g->block_size);
	op->n[FUZZ_S_BIDI] = GEN_OF(g, 1, 512, 4096, 4097, 12288, 96);
	if (cdb[0] == 0)
		op->n[FUZZ_S_LEN] = GEN_OF(g, 0, 512, 5000);
}
