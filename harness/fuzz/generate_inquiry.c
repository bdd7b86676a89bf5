/* SPDX-License-Identifier: MIT */
/*
 * Commands that ask a unit what it is, commands without data, and opcodes of all kinds. Allocation
 * lengths lie around the lengths of answers and of their headers (SCS-022).
 */
#include "generate_scsi.h"

#include <string.h>

#define ODD(g) gen_one_in(g, (g)->odd)

static const uint32_t lens[] = { 0,   1,   2,	3,   4,	  5,   7,   8,	  9,	10,  12, 16,
				 18,  20,  24,	28,  31,  32,  33,  36,	  37,	64,  74, 96,
				 128, 252, 255, 256, 257, 300, 512, 4096, 4100, 8192 };

static uint32_t some_len(struct gen *g)
{
	if (gen_one_in(g, 3))
		return GEN_OF(g, 255, 252, 96, 36, 4096);
	return gen_of(g, lens, sizeof(lens) / sizeof(lens[0]));
}

/* A buffer for @alloc bytes: just that, mostly. */
static struct fuzz_op *ask(struct gen *g, const uint8_t *cdb, uint32_t alloc)
{
	uint32_t len = gen_one_in(g, 3) ? some_len(g) : alloc;
	struct fuzz_op *op;

	if (len > 65536)
		len = 65536;
	op = gen_cdb(g, cdb, RINGSIM_FROM_DEVICE, len);
	gen_spoil(g, op);
	return op;
}

static void inquire(struct gen *g, bool evpd, uint8_t page, uint32_t alloc)
{
	uint8_t cdb[6] = { 0x12, evpd, page };

	gen_put_be(cdb + 3, alloc, 2);
	gen_cdb(g, cdb, RINGSIM_FROM_DEVICE, alloc);
}

void gen_inquiry(struct gen *g)
{
	uint8_t cdb[6] = { 0x12 };
	uint32_t alloc = some_len(g);

	if (!gen_one_in(g, 3)) {
		cdb[1] = 0x01;
		cdb[2] = (uint8_t)GEN_OF(g, 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2, 0x00, 0xb0);
	}
	if (ODD(g))
		cdb[2] = (uint8_t)(gen_one_in(g, 2) ? gen_below(g, 256)
						    : GEN_OF(g, 0x84, 0x85, 0x86, 0x87, 0x88, 0x8f,
							     0xb3, 0xb4, 0x01, 0x81, 0xc0));
	if (ODD(g) && gen_one_in(g, 4))
		cdb[1] |= 0x02;
	if (gen_one_in(g, 30))
		alloc = 65535;
	gen_put_be(cdb + 3, alloc, 2);
	ask(g, cdb, alloc);
}

void gen_mode_sense(struct gen *g)
{
	bool ten = gen_one_in(g, 2);
	uint8_t cdb[10] = { ten ? 0x5a : 0x1a };
	uint32_t alloc = some_len(g);

	if (gen_one_in(g, 3))
		cdb[1] |= 0x08; /* DBD */
	if (ten && gen_one_in(g, 3))
		cdb[1] |= 0x10; /* LLBAA */
	cdb[2] = (uint8_t)GEN_OF(g, 0x3f, 0x3f, 0x08, 0x0a, 0x01, 0x08, 0x0a);
	cdb[2] |= (uint8_t)(GEN_OF(g, 0, 0, 0, 1, 2, 1) << 6);
	if (ODD(g))
		cdb[2] |= 0xc0; /* saved values */
	if (ODD(g))
		cdb[2] = (uint8_t)((cdb[2] & 0xc0) | gen_below(g, 64));
	if (gen_one_in(g, 8))
		cdb[3] = 0xff;
	if (ODD(g) && gen_one_in(g, 3))
		cdb[3] = (uint8_t)gen_below(g, 256);
	if (!ten && alloc > 255)
		alloc = 255;
	gen_put_be(cdb + (ten ? 7 : 4), alloc, ten ? 2 : 1);
	ask(g, cdb, alloc);
}

void gen_request_sense(struct gen *g)
{
	uint8_t cdb[6] = { 0x03 };
	uint32_t alloc = some_len(g);

	if (alloc > 255)
		alloc = 252;
	cdb[1] = (uint8_t)gen_below(g, 2);
	cdb[4] = (uint8_t)alloc;
	ask(g, cdb, alloc);
}

static void capacity_16(struct gen *g)
{
	uint8_t cdb[16] = { 0x9e, 0x10 };
	uint32_t alloc = gen_one_in(g, 2) ? 32 : some_len(g);

	if (ODD(g))
		cdb[1] = (uint8_t)(gen_one_in(g, 2) ? 0x11 + gen_below(g, 8) : gen_below(g, 32));
	if (ODD(g) && gen_one_in(g, 2)) {
		gen_put_be(cdb + 2, gen_in(g, 1, 100), 8);
		cdb[14] = (uint8_t)gen_below(g, 2); /* PMI */
	}
	gen_put_be(cdb + 10, alloc, 4);
	ask(g, cdb, alloc);
}

void gen_capacity(struct gen *g)
{
	uint8_t cdb[10] = { 0x25 };

	if (gen_one_in(g, 2)) {
		capacity_16(g);
		return;
	}
	if (ODD(g) && gen_one_in(g, 2)) {
		gen_put_be(cdb + 2, gen_in(g, 1, 100), 4);
		cdb[8] = (uint8_t)gen_below(g, 2);
	}
	ask(g, cdb, 8);
}

/* REPORT SUPPORTED OPERATION CODES, of all or of one; and its neighbours. */
void gen_report_opcodes(struct gen *g)
{
	uint8_t cdb[12] = { 0xa3, 0x0c };
	uint32_t alloc = gen_one_in(g, 2) ? 4096 : some_len(g);

	cdb[2] = (uint8_t)GEN_OF(g, 0, 1, 1, 2, 3, 3, 0);
	if (gen_one_in(g, 3))
		cdb[2] |= 0x80; /* RCTD */
	if (ODD(g) && gen_one_in(g, 2))
		cdb[2] = (uint8_t)gen_below(g, 256);
	if (cdb[2] & 7)
		cdb[3] = (uint8_t)(gen_one_in(g, 2) ? gen_below(g, 256)
						    : GEN_OF(g, 0x28, 0x42, 0x89, 0x9e, 0xa3, 0x93,
							     0x5a, 0x12, 0x00, 0xc0));
	if (gen_one_in(g, 3))
		cdb[5] = (uint8_t)GEN_OF(g, 0x10, 0x0c, 0x01, 0x11);
	if ((cdb[2] & 7) == 2 && gen_one_in(g, 2)) { /* one that has service actions */
		cdb[3] = gen_one_in(g, 2) ? 0x9e : 0xa3;
		cdb[5] = cdb[3] == 0x9e ? 0x10 : 0x0c;
	}
	if (ODD(g) && gen_one_in(g, 2))
		cdb[1] = (uint8_t)(gen_one_in(g, 2) ? 0x0a : gen_below(g, 32));
	if (gen_one_in(g, 8))
		cdb[0] = 0xa4; /* SET TARGET PORT GROUPS and the like */
	gen_put_be(cdb + 6, alloc, 4);
	ask(g, cdb, alloc);
}

/* TEST UNIT READY, START STOP UNIT, PREVENT ALLOW; now and then with a buffer all the same. */
void gen_no_data(struct gen *g)
{
	uint8_t cdb[6] = { (uint8_t)GEN_OF(g, 0x00, 0x00, 0x00, 0x1b, 0x1e) };

	if (cdb[0] == 0x1b)
		cdb[4] = (uint8_t)(ODD(g) ? gen_below(g, 256) : GEN_OF(g, 0, 1, 4, 5));
	if (cdb[0] == 0x1e)
		cdb[4] = (uint8_t)gen_below(g, 2);
	if (gen_one_in(g, 12))
		gen_cdb(g, cdb, gen_in(g, RINGSIM_TO_DEVICE, RINGSIM_FROM_DEVICE),
			GEN_OF(g, 1, 96, 512, 5000, 8192));
	else
		gen_spoil(g, gen_cdb(g, cdb, RINGSIM_NONE, 0));
}

/* Reservations, logs, copies: what somebody may ask of a disk, and few handlers have. */
static const uint8_t others[] = { 0x04, 0x16, 0x17, 0x1d, 0x3b, 0x3c, 0x4c, 0x4d, 0x50, 0x53,
				  0x56, 0x57, 0x5e, 0x5f, 0x7f, 0x83, 0x84, 0x85, 0xa1, 0xa4,
				  0x34, 0x90, 0x37, 0x9f, 0x07, 0x9a, 0x9b, 0x2b, 0x01, 0x0b };

static void variable_length(struct gen *g, uint8_t *cdb)
{
	cdb[7] = (uint8_t)(gen_one_in(g, 3) ? 24 : 4 * gen_below(g, 64));
	if (ODD(g))
		cdb[7] = (uint8_t)gen_below(g, 253);
	gen_put_be(cdb + 8, GEN_OF(g, 9, 10, 11, 12, 13, 3, 0), 2);
}

void gen_any_opcode(struct gen *g)
{
	uint8_t cdb[32] = { 0 };
	uint32_t i;

	cdb[0] = (uint8_t)(gen_one_in(g, 2) ? gen_below(g, 256)
					    : others[gen_below(g, sizeof(others))]);
	if (gen_one_in(g, 8))
		cdb[0] = 0x7f;
	if (cdb[0] == 0xa0) /* is the kernel's to answer (SCS-001) */
		cdb[0] = 0xa1;
	if (gen_one_in(g, 3))
		for (i = 1; i < 12; i++)
			cdb[i] = (uint8_t)gen_bits(g);
	if (cdb[0] == 0x7f)
		variable_length(g, cdb);
	if (gen_one_in(g, 2))
		gen_cdb(g, cdb, RINGSIM_NONE, 0);
	else
		gen_cdb(g, cdb, gen_direction(g, cdb[0]), some_len(g));
}

/* So that what the unit says of itself can be held against what it does. */
void gen_introduction(struct gen *g)
{
	static const uint8_t pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };
	uint8_t cdb[16] = { 0x9e, 0x10 };
	uint32_t i;

	inquire(g, false, 0, 255);
	for (i = 0; i < sizeof(pages); i++)
		inquire(g, true, pages[i], 255);
	cdb[13] = 32;
	gen_cdb(g, cdb, RINGSIM_FROM_DEVICE, 32);
	memset(cdb, 0, sizeof(cdb));
	cdb[0] = 0x25;
	gen_cdb(g, cdb, RINGSIM_FROM_DEVICE, 8);
	cdb[0] = 0x1a;
	cdb[2] = 0x3f;
	cdb[4] = 255;
	gen_cdb(g, cdb, RINGSIM_FROM_DEVICE, 255);
	memset(cdb, 0, sizeof(cdb));
	cdb[0] = 0xa3;
	cdb[1] = 0x0c;
	gen_put_be(cdb + 6, 4096, 4);
	gen_cdb(g, cdb, RINGSIM_FROM_DEVICE, 4096);
	gen_push(g, FUZZ_SETTLE);
}
