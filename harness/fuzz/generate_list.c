/* SPDX-License-Identifier: MIT */
/*
 * Commands whose Data-Out is a parameter list, or one block: WRITE SAME, UNMAP, MODE SELECT. The
 * lists are right but for one thing, if that.
 */
#include "generate_scsi.h"

#include <string.h>

#define ODD(g)	  gen_one_in(g, (g)->odd)

#define WS_ANCHOR 0x10
#define WS_UNMAP  0x08
#define WS_NDOB	  0x01

static uint32_t all_blocks(const struct gen *g)
{
	return g->blocks < 9000 ? (uint32_t)g->blocks : 9000;
}

/* One block, or with NDOB none; zeros and what only looks like them decide what is done. */
static void same_data(struct gen *g, struct fuzz_op *op)
{
	op->n[FUZZ_S_FILL] = GEN_OF(g, FUZZ_FILL_NEW, FUZZ_FILL_NEW, FUZZ_FILL_ZERO, FUZZ_FILL_ZERO,
				    FUZZ_FILL_SAME, FUZZ_FILL_BYTES);
	if (op->n[FUZZ_S_FILL] == FUZZ_FILL_SAME || op->n[FUZZ_S_FILL] == FUZZ_FILL_BYTES) {
		op->bytes_len = 1;
		op->bytes[0] = (uint8_t)gen_in(g, 1, 255);
	}
	/* zeros but for one byte */
	if (op->n[FUZZ_S_FILL] == FUZZ_FILL_ZERO && gen_one_in(g, 4))
		op->n[FUZZ_S_FLIP] = gen_one_in(g, 2) ? op->n[FUZZ_S_LEN]
						      : 1 + gen_below(g, g->block_size);
}

void gen_write_same(struct gen *g)
{
	struct gen_range r = gen_range(g);
	bool sixteen = !gen_one_in(g, 3);
	struct fuzz_op *op;
	uint8_t cdb[16] = { sixteen ? 0x93 : 0x41 };

	if (gen_one_in(g, g->big ? 3 : 6)) /* more than is written at once */
		r = (struct gen_range){ 0, all_blocks(g) };
	if (g->blocks > 65536 && sixteen && gen_one_in(g, 3)) /* more than is advertised */
		r = (struct gen_range){ 0, GEN_OF(g, 65536, 65537, 65535, 70000) };
	if (r.blocks == 0 && !ODD(g))
		r.blocks = 1;
	gen_put_be(cdb + 2, r.lba, sixteen ? 8 : 4);
	gen_put_be(cdb + (sixteen ? 10 : 7), r.blocks, sixteen ? 4 : 2);
	cdb[1] = (uint8_t)GEN_OF(g, 0, 0, 0, WS_UNMAP, WS_UNMAP);
	if (gen_one_in(g, sixteen ? 4 : 16)) /* reserved in the short one */
		cdb[1] |= WS_NDOB;
	if (ODD(g)) /* any combination of all of them, and WRPROTECT */
		cdb[1] ^= (uint8_t)(gen_one_in(g, 3) ? gen_below(g, 256)
						     : GEN_OF(g, WS_ANCHOR, 2, 4, 1, 6, 0x20));
	op = gen_cdb(g, cdb, RINGSIM_TO_DEVICE, sixteen && (cdb[1] & WS_NDOB) ? 0 : g->block_size);
	if (op->n[FUZZ_S_LEN])
		same_data(g, op);
	gen_spoil(g, op);
}

/* UNMAP. */

#define UNMAP_HEADER 8
#define UNMAP_DESC   16
#define UNMAP_DESCS  3 /* that fit into fuzz_op.bytes */

static uint32_t all_of(const struct gen *g)
{
	return g->blocks < UINT32_MAX ? (uint32_t)g->blocks : UINT32_MAX;
}

static uint32_t descriptors(struct gen *g, struct fuzz_op *op)
{
	uint32_t n = gen_in(g, 0, UNMAP_DESCS), i;
	struct gen_range r;
	uint8_t *d;

	if (n == 0 && !gen_one_in(g, 4))
		n = 1;
	for (i = 0; i < n; i++) {
		r = gen_range(g);
		/* an empty one is not the last */
		if (gen_one_in(g, 6))
			r.blocks = 0;
		/* several of these may be more than are unmapped at once */
		if (g->big && gen_one_in(g, 4))
			r = (struct gen_range){ 0, all_of(g) };
		d = op->bytes + UNMAP_HEADER + i * UNMAP_DESC;
		gen_put_be(d, r.lba, 8);
		gen_put_be(d + 8, r.blocks, 4);
	}
	return n;
}

static void unmap_list(struct gen *g, struct fuzz_op *op, uint32_t *len)
{
	uint32_t n = descriptors(g, op), desc_len = n * UNMAP_DESC;

	if (gen_one_in(g,
		       12)) /* more than handlers take; those that are not written out are empty */
		desc_len = UNMAP_DESC * GEN_OF(g, 4, 64, 65, 100);
	*len = UNMAP_HEADER + desc_len;
	gen_put_be(op->bytes, *len - 2, 2);
	gen_put_be(op->bytes + 2, desc_len, 2);
	op->bytes_len = (uint8_t)(UNMAP_HEADER + n * UNMAP_DESC);
	if (!ODD(g))
		return;
	switch (gen_below(g, 5)) {
	case 0: /* claims more than there is */
		gen_put_be(op->bytes + 2, desc_len + GEN_OF(g, 1, 8, 16, 0x100, 0xf000), 2);
		break;
	case 1:
		gen_put_be(op->bytes + 2, desc_len ? desc_len - GEN_OF(g, 1, 8, 16) : 1, 2);
		break;
	case 2:
		op->bytes[gen_below(g, op->bytes_len)] ^= (uint8_t)(1u << gen_below(g, 8));
		break;
	case 3:
		*len = GEN_OF(g, 0, 1, 4, 7, 8, 9, 16, 23);
		break;
	default:
		gen_put_be(op->bytes, gen_below(g, 65536), 2);
	}
}

void gen_unmap(struct gen *g)
{
	uint8_t cdb[10] = { 0x42 };
	struct fuzz_op *op = gen_cdb(g, cdb, RINGSIM_TO_DEVICE, 1);
	uint32_t len;

	unmap_list(g, op, &len);
	if (gen_one_in(g, 24))
		len = 0;
	op->n[FUZZ_S_LEN] = len;
	op->n[FUZZ_S_FILL] = FUZZ_FILL_BYTES;
	gen_put_be(op->cdb + 7, len, 2);
	if (ODD(g) && gen_one_in(g, 3))
		op->cdb[1] = (uint8_t)GEN_OF(g, 1, 1, 2, 0x10);
	/* the CDB says one length, the buffer has another */
	if (ODD(g) && gen_one_in(g, 3))
		gen_put_be(op->cdb + 7, GEN_OF(g, 0, 1, 7, 8, 24, 40, 41, 1000, 0xffff), 2);
	if (len == 0) {
		op->n[FUZZ_S_DIR] = RINGSIM_NONE;
		op->n[FUZZ_S_FILL] = 0;
		op->bytes_len = 0;
		memset(op->bytes, 0, sizeof(op->bytes));
	}
	gen_spoil(g, op);
}

/* MODE SELECT. */

#define PAGE_RECOVERY 0x01
#define PAGE_CACHING  0x08
#define PAGE_CONTROL  0x0a

/* A page as the reference handlers have it; the bits that may change are chosen. */
static uint32_t mode_page(struct gen *g, uint8_t *p, uint32_t page)
{
	p[0] = (uint8_t)page;
	switch (page) {
	case PAGE_CACHING:
		p[1] = 0x12;
		if (gen_one_in(g, 2)) {
			p[2] = 0x04; /* WCE */
		}
		return 20;
	case PAGE_CONTROL:
		p[1] = 0x0a;
		p[2] = (uint8_t)(0x02 | (gen_one_in(g, 2) ? 0x04 : 0)); /* GLTSD, D_SENSE */
		p[3] = 0x10;
		return 12;
	default:
		p[1] = 0x0a;
		return 12;
	}
}

/* As many blocks as there are; 0 and all ones say the same (SPC-4, SBC-4). */
static uint64_t descriptor_blocks(struct gen *g, uint64_t ones)
{
	switch (gen_below(g, 4)) {
	case 0:
		return 0;
	case 1:
		return ones;
	default:
		return g->blocks + (ODD(g) ? 1 : 0);
	}
}

static uint32_t block_descriptor(struct gen *g, uint8_t *p, bool long_lba)
{
	uint32_t size = ODD(g) ? g->block_size * 2 : g->block_size;

	if (long_lba) {
		gen_put_be(p, descriptor_blocks(g, UINT64_MAX), 8);
		gen_put_be(p + 12, size, 4);
		return 16;
	}
	gen_put_be(p, descriptor_blocks(g, UINT32_MAX), 4);
	gen_put_be(p + 5, size, 3);
	return 8;
}

/* A list of @len bytes becomes wrong in one place. */
static uint32_t spoil_list(struct gen *g, uint8_t *p, uint32_t header, uint32_t len)
{
	uint32_t i;

	switch (gen_below(g, 6)) {
	case 0: /* too short for what it says it has, or for its header */
		i = gen_one_in(g, 2) ? gen_below(g, len) : header + GEN_OF(g, 0, 1, 7, 8, 15);
		return i < len ? i : len;
	case 1:
		return len + gen_in(g, 1, 4) < FUZZ_BYTES ? len + gen_in(g, 1, 4) : len;
	case 2: /* the block descriptor's length */
		p[header == 8 ? 7 : 3] = (uint8_t)GEN_OF(g, 1, 7, 8, 9, 16, 255, len, len - header,
							 len - header + 1, len - 1);
		return len;
	case 3: /* a field of a page that cannot be changed */
		i = gen_in(g, header, len - 1);
		p[i] ^= (uint8_t)(1u << gen_below(g, 8));
		return len;
	case 4: /* the last page is none */
		p[len - 12] = (uint8_t)GEN_OF(g, 0x02, 0x1c, 0x3f, 0x4a, 0x00);
		return len;
	default:
		p[gen_below(g, len)] = (uint8_t)gen_below(g, 256);
		return len;
	}
}

static uint32_t mode_list(struct gen *g, uint8_t *p, bool ten)
{
	uint32_t header = ten ? 8 : 4, len = header, desc;
	bool long_lba = ten && gen_one_in(g, 3);

	if (long_lba)
		p[4] = 0x01;
	if (gen_one_in(g, 2)) {
		desc = block_descriptor(g, p + len, long_lba);
		p[ten ? 7 : 3] = (uint8_t)desc;
		len += desc;
	}
	if (!gen_one_in(g, 3))
		len += mode_page(g, p + len, PAGE_CACHING);
	if (len == header || gen_one_in(g, 2))
		len += mode_page(g, p + len, gen_one_in(g, 4) ? PAGE_RECOVERY : PAGE_CONTROL);
	if (ODD(g) && len >= header + 12)
		len = spoil_list(g, p, header, len);
	return len;
}

void gen_mode_select(struct gen *g)
{
	bool ten = gen_one_in(g, 2);
	const uint8_t cdb[10] = { ten ? 0x55 : 0x15, 0x10 };
	struct fuzz_op *op = gen_cdb(g, cdb, RINGSIM_TO_DEVICE, 1);
	uint32_t len = mode_list(g, op->bytes, ten), said = len;

	if (gen_one_in(g, 20))
		len = said = 0;
	if (ODD(g) && gen_one_in(g, 3))
		said = GEN_OF(g, 0, 1, 3, 4, 7, 8, 24, 200);
	op->n[FUZZ_S_LEN] = len;
	op->n[FUZZ_S_FILL] = FUZZ_FILL_BYTES;
	op->bytes_len = (uint8_t)(len < FUZZ_BYTES ? len : FUZZ_BYTES);
	memset(op->bytes + op->bytes_len, 0, FUZZ_BYTES - op->bytes_len);
	gen_put_be(op->cdb + (ten ? 7 : 4), said, ten ? 2 : 1);
	if (ODD(g) && gen_one_in(g, 3))
		op->cdb[1] = (uint8_t)GEN_OF(g, 0x11, 0x11, 0x00, 0x01, 0x30);
	if (len == 0)
		op->n[FUZZ_S_DIR] = op->n[FUZZ_S_FILL] = 0;
	gen_spoil(g, op);
	if (gen_one_in(g, 4)) /* what has changed, and what has not */
		gen_mode_sense(g);
}

void gen_unmap_pair(struct gen *g, struct gen_range a, struct gen_range b)
{
	const uint32_t len = UNMAP_HEADER + 2 * UNMAP_DESC;
	const uint8_t cdb[10] = { [0] = 0x42, [8] = (uint8_t)len };
	struct fuzz_op *op = gen_cdb(g, cdb, RINGSIM_TO_DEVICE, len);

	op->n[FUZZ_S_FILL] = FUZZ_FILL_BYTES;
	op->bytes_len = (uint8_t)len;
	gen_put_be(op->bytes, len - 2, 2);
	gen_put_be(op->bytes + 2, 2 * UNMAP_DESC, 2);
	gen_put_be(op->bytes + UNMAP_HEADER, a.lba, 8);
	gen_put_be(op->bytes + UNMAP_HEADER + 8, a.blocks, 4);
	gen_put_be(op->bytes + UNMAP_HEADER + UNMAP_DESC, b.lba, 8);
	gen_put_be(op->bytes + UNMAP_HEADER + UNMAP_DESC + 8, b.blocks, 4);
}
