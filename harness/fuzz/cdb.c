/* SPDX-License-Identifier: MIT */
/*
 * CDBs taken apart: what a command would do to the disk if it were carried out.
 *
 * One table by opcode says where LBA and count are and what data goes with them. Bits that make a
 * command illegal do not matter here; the answer that they deserve is expect.c's business.
 * Clauses: SCS-021 (six bytes, length 0), SCS-030 (the commands), SCS-042 (no overflow).
 */
#include "expect.h"

#include "../cases/cdb.h"

/* How much data a command asks to move. */
enum cdb_data {
	D_NONE,	  /* nothing, or nobody can tell */
	D_BLOCKS, /* all of its blocks */
	D_TWICE,  /* twice that */
	D_SAME,	  /* one block, or none with NDOB */
	D_CHECK,  /* as BYTCHK says */
	D_LEN1,	  /* so many bytes, 1 to 4 bytes wide: allocation or parameter list length */
	D_LEN2,
	D_LEN3,
	D_LEN4,
	D_EIGHT, /* always so many bytes */
};

/* struct shape - @len_at: offset of the length of D_LEN1 to D_LEN4 */
struct shape {
	const char *name;
	uint8_t kind, data, len_at;
};

/* clang-format off */
static const struct shape shapes[256] = {
	[0x00] = { "TEST UNIT READY", FUZZ_K_OTHER, D_NONE, 0 },
	[0x03] = { "REQUEST SENSE", FUZZ_K_OTHER, D_LEN1, 4 },
	[0x04] = { "FORMAT UNIT", FUZZ_K_OTHER, D_NONE, 0 },
	[0x08] = { "READ(6)", FUZZ_K_READ, D_BLOCKS, 0 },
	[0x0a] = { "WRITE(6)", FUZZ_K_WRITE, D_BLOCKS, 0 },
	[0x12] = { "INQUIRY", FUZZ_K_OTHER, D_LEN2, 3 },
	[0x15] = { "MODE SELECT(6)", FUZZ_K_OTHER, D_LEN1, 4 },
	[0x16] = { "RESERVE(6)", FUZZ_K_OTHER, D_NONE, 0 },
	[0x17] = { "RELEASE(6)", FUZZ_K_OTHER, D_NONE, 0 },
	[0x1a] = { "MODE SENSE(6)", FUZZ_K_OTHER, D_LEN1, 4 },
	[0x1b] = { "START STOP UNIT", FUZZ_K_OTHER, D_NONE, 0 },
	[0x1c] = { "RECEIVE DIAGNOSTIC RESULTS", FUZZ_K_OTHER, D_LEN2, 3 },
	[0x1d] = { "SEND DIAGNOSTIC", FUZZ_K_OTHER, D_LEN2, 3 },
	[0x1e] = { "PREVENT ALLOW MEDIUM REMOVAL", FUZZ_K_OTHER, D_NONE, 0 },
	[0x25] = { "READ CAPACITY(10)", FUZZ_K_OTHER, D_EIGHT, 0 },
	[0x28] = { "READ(10)", FUZZ_K_READ, D_BLOCKS, 0 },
	[0x2a] = { "WRITE(10)", FUZZ_K_WRITE, D_BLOCKS, 0 },
	[0x2e] = { "WRITE AND VERIFY(10)", FUZZ_K_WRITE_VERIFY, D_BLOCKS, 0 },
	[0x2f] = { "VERIFY(10)", FUZZ_K_VERIFY, D_CHECK, 0 },
	[0x34] = { "PRE-FETCH(10)", FUZZ_K_OTHER, D_NONE, 0 },
	[0x35] = { "SYNCHRONIZE CACHE(10)", FUZZ_K_SYNC, D_NONE, 0 },
	[0x37] = { "READ DEFECT DATA(10)", FUZZ_K_OTHER, D_LEN2, 7 },
	[0x3b] = { "WRITE BUFFER", FUZZ_K_OTHER, D_LEN3, 6 },
	[0x3c] = { "READ BUFFER", FUZZ_K_OTHER, D_LEN3, 6 },
	[0x41] = { "WRITE SAME(10)", FUZZ_K_WRITE_SAME, D_SAME, 0 },
	[0x42] = { "UNMAP", FUZZ_K_UNMAP, D_LEN2, 7 },
	[0x4c] = { "LOG SELECT", FUZZ_K_OTHER, D_LEN2, 7 },
	[0x4d] = { "LOG SENSE", FUZZ_K_OTHER, D_LEN2, 7 },
	[0x53] = { "XDWRITEREAD(10)", FUZZ_K_XDWRITE, D_BLOCKS, 0 },
	[0x55] = { "MODE SELECT(10)", FUZZ_K_OTHER, D_LEN2, 7 },
	[0x56] = { "RESERVE(10)", FUZZ_K_OTHER, D_NONE, 0 },
	[0x57] = { "RELEASE(10)", FUZZ_K_OTHER, D_NONE, 0 },
	[0x5a] = { "MODE SENSE(10)", FUZZ_K_OTHER, D_LEN2, 7 },
	[0x5e] = { "PERSISTENT RESERVE IN", FUZZ_K_OTHER, D_LEN2, 7 },
	[0x5f] = { "PERSISTENT RESERVE OUT", FUZZ_K_OTHER, D_LEN4, 5 },
	[0x7f] = { "32-byte CDB", FUZZ_K_OTHER, D_NONE, 0 },
	[0x83] = { "EXTENDED COPY", FUZZ_K_OTHER, D_LEN4, 10 },
	[0x84] = { "RECEIVE COPY RESULTS", FUZZ_K_OTHER, D_LEN4, 10 },
	[0x88] = { "READ(16)", FUZZ_K_READ, D_BLOCKS, 0 },
	[0x89] = { "COMPARE AND WRITE", FUZZ_K_CAW, D_TWICE, 0 },
	[0x8a] = { "WRITE(16)", FUZZ_K_WRITE, D_BLOCKS, 0 },
	[0x8e] = { "WRITE AND VERIFY(16)", FUZZ_K_WRITE_VERIFY, D_BLOCKS, 0 },
	[0x8f] = { "VERIFY(16)", FUZZ_K_VERIFY, D_CHECK, 0 },
	[0x90] = { "PRE-FETCH(16)", FUZZ_K_OTHER, D_NONE, 0 },
	[0x91] = { "SYNCHRONIZE CACHE(16)", FUZZ_K_SYNC, D_NONE, 0 },
	[0x93] = { "WRITE SAME(16)", FUZZ_K_WRITE_SAME, D_SAME, 0 },
	[0x9e] = { "SERVICE ACTION IN(16)", FUZZ_K_OTHER, D_LEN4, 10 },
	[0xa0] = { "REPORT LUNS", FUZZ_K_OTHER, D_LEN4, 6 },
	[0xa3] = { "MAINTENANCE IN", FUZZ_K_OTHER, D_LEN4, 6 },
	[0xa4] = { "MAINTENANCE OUT", FUZZ_K_OTHER, D_LEN4, 6 },
	[0xa8] = { "READ(12)", FUZZ_K_READ, D_BLOCKS, 0 },
	[0xaa] = { "WRITE(12)", FUZZ_K_WRITE, D_BLOCKS, 0 },
	[0xae] = { "WRITE AND VERIFY(12)", FUZZ_K_WRITE_VERIFY, D_BLOCKS, 0 },
	[0xaf] = { "VERIFY(12)", FUZZ_K_VERIFY, D_CHECK, 0 },
	[0xb7] = { "READ DEFECT DATA(12)", FUZZ_K_OTHER, D_LEN4, 6 },
};
/* clang-format on */

static const char *name_of(const uint8_t *cdb, const struct shape *s)
{
	uint8_t action = cdb[1] & 0x1f;

	if (cdb[0] == OP_SERVICE_IN_16 && action == 0x10)
		return "READ CAPACITY(16)";
	if (cdb[0] == OP_SERVICE_IN_16 && action == 0x12)
		return "GET LBA STATUS";
	if (cdb[0] == OP_MAINTENANCE_IN && action == 0x0a)
		return "REPORT TARGET PORT GROUPS";
	if (cdb[0] == OP_MAINTENANCE_IN && action == 0x0c)
		return "REPORT SUPPORTED OPERATION CODES";
	if (cdb[0] == OP_MAINTENANCE_OUT && action == 0x0a)
		return "SET TARGET PORT GROUPS";
	return s->name ? s->name : "unknown opcode";
}

/* LBA and number of blocks, where the opcode's group has them. */
static void range_of(struct fuzz_cdb *c, const uint8_t *cdb)
{
	if (c->kind == FUZZ_K_CAW) {
		c->lba = be_get(cdb + 2, 8);
		c->blocks = cdb[13];
		return;
	}
	switch (cdb[0] >> 5) {
	case 0:
		c->lba = be_get(cdb + 1, 3) & 0x1fffff;
		c->blocks = cdb[4] != 0 ? cdb[4] : 256;
		break;
	case 1:
	case 2:
		c->lba = be_get(cdb + 2, 4);
		c->blocks = be_get(cdb + 7, 2);
		break;
	case 5:
		c->lba = be_get(cdb + 2, 4);
		c->blocks = be_get(cdb + 6, 4);
		break;
	default:
		c->lba = be_get(cdb + 2, 8);
		c->blocks = be_get(cdb + 10, 4);
		break;
	}
}

/* Bytes; @c->blocks is at most 32 bits wide, and so is @block_size: no overflow. */
static uint64_t data_len_of(const struct fuzz_cdb *c, const struct shape *s, const uint8_t *cdb,
			    uint32_t block_size)
{
	switch (s->data) {
	case D_NONE:
		return 0;
	case D_BLOCKS:
		return c->blocks * block_size;
	case D_TWICE:
		return 2 * c->blocks * block_size;
	case D_SAME:
		return c->ndob ? 0 : block_size;
	case D_EIGHT:
		return 8;
	case D_CHECK:
		if (c->bytchk == 3 && c->blocks != 0)
			return block_size;
		return c->bytchk == 1 ? c->blocks * block_size : 0;
	default:
		return be_get(cdb + s->len_at, 1u + s->data - D_LEN1);
	}
}

/* Which way data goes, if any does. */
static enum ringsim_dir dir_of(const struct fuzz_cdb *c, uint8_t op)
{
	if (c->data_len == 0)
		return RINGSIM_NONE;
	if (c->kind == FUZZ_K_READ)
		return RINGSIM_FROM_DEVICE;
	if (c->kind != FUZZ_K_OTHER)
		return RINGSIM_TO_DEVICE;
	switch (op) {
	case OP_MODE_SELECT_6:
	case OP_MODE_SELECT_10:
	case OP_EXTENDED_COPY:
	case OP_MAINTENANCE_OUT:
	case 0x1d: /* SEND DIAGNOSTIC */
	case 0x3b: /* WRITE BUFFER */
	case 0x4c: /* LOG SELECT */
	case 0x5f: /* PERSISTENT RESERVE OUT */
		return RINGSIM_TO_DEVICE;
	default:
		return RINGSIM_FROM_DEVICE;
	}
}

static void flags_of(struct fuzz_cdb *c, const uint8_t *cdb)
{
	switch (c->kind) {
	case FUZZ_K_READ:
	case FUZZ_K_WRITE:
		c->fua = cdb[0] >= 0x20 && (cdb[1] & CDB1_FUA) != 0;
		break;
	case FUZZ_K_CAW:
	case FUZZ_K_XDWRITE:
		c->fua = (cdb[1] & CDB1_FUA) != 0;
		break;
	case FUZZ_K_VERIFY:
	case FUZZ_K_WRITE_VERIFY:
		c->bytchk = cdb[1] >> 1 & 3;
		c->fua = c->kind == FUZZ_K_WRITE_VERIFY;
		break;
	case FUZZ_K_WRITE_SAME:
		c->unmap = (cdb[1] & CDB1_UNMAP) != 0;
		c->ndob = cdb[0] == OP_WRITE_SAME_16 && (cdb[1] & CDB1_NDOB) != 0;
		break;
	default:
		break;
	}
}

void fuzz_cdb_decode(struct fuzz_cdb *c, const uint8_t *cdb, uint64_t disk_blocks,
		     uint32_t block_size)
{
	const struct shape *s = &shapes[cdb[0]];

	*c = (struct fuzz_cdb){ .kind = s->kind, .name = name_of(cdb, s), .whole = true };
	flags_of(c, cdb);
	if (c->kind != FUZZ_K_OTHER && c->kind != FUZZ_K_UNMAP) {
		range_of(c, cdb);
		c->whole = c->lba <= disk_blocks && c->blocks <= disk_blocks - c->lba;
	}
	c->data_len = data_len_of(c, s, cdb, block_size);
	c->dir = dir_of(c, cdb[0]);
}
