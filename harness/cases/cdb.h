/* SPDX-License-Identifier: MIT */
/*
 * CDBs of the commands that cases send, field by field and without judgement: every value can be
 * asked for, also one that no initiator should send.
 */
#ifndef HARNESS_CDB_H
#define HARNESS_CDB_H

#include "case.h"

/* Opcodes. */
enum {
	OP_TEST_UNIT_READY = 0x00,
	OP_REQUEST_SENSE = 0x03,
	OP_INQUIRY = 0x12,
	OP_MODE_SELECT_6 = 0x15,
	OP_MODE_SENSE_6 = 0x1a,
	OP_START_STOP = 0x1b,
	OP_PREVENT_ALLOW = 0x1e,
	OP_READ_CAPACITY_10 = 0x25,
	OP_SYNC_10 = 0x35,
	OP_WRITE_SAME_10 = 0x41,
	OP_UNMAP = 0x42,
	OP_MODE_SELECT_10 = 0x55,
	OP_MODE_SENSE_10 = 0x5a,
	OP_EXTENDED_COPY = 0x83,
	OP_RECEIVE_COPY = 0x84,
	OP_CAW = 0x89,
	OP_SYNC_16 = 0x91,
	OP_WRITE_SAME_16 = 0x93,
	OP_SERVICE_IN_16 = 0x9e,
	OP_MAINTENANCE_IN = 0xa3,
	OP_MAINTENANCE_OUT = 0xa4,
};

/* Families of commands that differ in the length of their CDB: 6, 10, 12 or 16 bytes. */
static const uint8_t ops_read[] = { 0x08, 0x28, 0xa8, 0x88 };
static const uint8_t ops_write[] = { 0x0a, 0x2a, 0xaa, 0x8a };
static const uint8_t ops_write_verify[] = { 0x2e, 0xae, 0x8e };
static const uint8_t ops_verify[] = { 0x2f, 0xaf, 0x8f };

/* Bits of byte 1. */
enum {
	CDB1_DPO = 0x10,
	CDB1_FUA = 0x08,
	CDB1_IMMED = 0x02,
	CDB1_PF = 0x10,
	CDB1_SP = 0x01,
	CDB1_DBD = 0x08,
	CDB1_LLBAA = 0x10,
	CDB1_BYTCHK = 0x02,
	CDB1_UNMAP = 0x08,
	CDB1_ANCHOR = 0x10,
	CDB1_NDOB = 0x01,
};

static inline uint64_t be_get(const uint8_t *p, unsigned int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static inline void be_put(uint8_t *p, unsigned int n, uint64_t v)
{
	while (n--)
		*p++ = (uint8_t)(v >> 8 * n);
}

/* cdb_begin() - an all-zero CDB but for the opcode. */
static inline void cdb_begin(struct target_io *io, uint8_t op, enum ringsim_dir dir, void *data,
			     uint32_t len)
{
	target_io_init(io, &op, 1, dir, data, len);
}

static inline void cdb_in(struct target_io *io, uint8_t op, void *data, uint32_t len)
{
	cdb_begin(io, op, RINGSIM_FROM_DEVICE, data, len);
}

static inline void cdb_out(struct target_io *io, uint8_t op, const void *data, uint32_t len)
{
	cdb_begin(io, op, RINGSIM_TO_DEVICE, (void *)(uintptr_t)data, len);
}

static inline void cdb_none(struct target_io *io, uint8_t op)
{
	cdb_begin(io, op, RINGSIM_NONE, NULL, 0);
}

/* cdb_range() - LBA and number of blocks, where they are in a CDB of this opcode's length. */
static inline void cdb_range(struct target_io *io, uint64_t lba, uint64_t blocks)
{
	uint8_t *cdb = io->cdb;

	switch (ringsim_cdb_len(cdb)) {
	case 6:
		be_put(cdb + 1, 3, lba & 0x1fffff);
		cdb[4] = (uint8_t)blocks;
		break;
	case 10:
		be_put(cdb + 2, 4, lba);
		be_put(cdb + 7, 2, blocks);
		break;
	case 12:
		be_put(cdb + 2, 4, lba);
		be_put(cdb + 6, 4, blocks);
		break;
	default:
		be_put(cdb + 2, 8, lba);
		be_put(cdb + 10, 4, blocks);
		break;
	}
}

static inline void cdb_inquiry(struct target_io *io, uint8_t byte1, uint8_t page, uint16_t alloc,
			       void *data, uint32_t len)
{
	cdb_in(io, OP_INQUIRY, data, len);
	io->cdb[1] = byte1;
	io->cdb[2] = page;
	be_put(io->cdb + 3, 2, alloc);
}

static inline void cdb_request_sense(struct target_io *io, bool descriptor, uint8_t alloc,
				     void *data, uint32_t len)
{
	cdb_in(io, OP_REQUEST_SENSE, data, len);
	io->cdb[1] = descriptor;
	io->cdb[4] = alloc;
}

/* @page: page control and page code, as in byte 2. */
static inline void cdb_mode_sense(struct target_io *io, uint8_t op, uint8_t byte1, uint8_t page,
				  uint16_t alloc, void *data, uint32_t len)
{
	cdb_in(io, op, data, len);
	io->cdb[1] = byte1;
	io->cdb[2] = page;
	if (op == OP_MODE_SENSE_6)
		io->cdb[4] = (uint8_t)alloc;
	else
		be_put(io->cdb + 7, 2, alloc);
}

static inline void cdb_mode_select(struct target_io *io, uint8_t op, uint8_t byte1,
				   uint16_t list_len, const void *data, uint32_t len)
{
	cdb_out(io, op, data, len);
	io->cdb[1] = byte1;
	if (op == OP_MODE_SELECT_6)
		io->cdb[4] = (uint8_t)list_len;
	else
		be_put(io->cdb + 7, 2, list_len);
}

static inline void cdb_read_capacity_16(struct target_io *io, uint32_t alloc, void *data,
					uint32_t len)
{
	cdb_in(io, OP_SERVICE_IN_16, data, len);
	io->cdb[1] = 0x10;
	be_put(io->cdb + 10, 4, alloc);
}

/* cdb_caw() - COMPARE AND WRITE; @data is what to compare with, then what to write. */
static inline void cdb_caw(struct target_io *io, uint64_t lba, uint8_t blocks, const void *data,
			   uint32_t len)
{
	cdb_out(io, OP_CAW, data, len);
	be_put(io->cdb + 2, 8, lba);
	io->cdb[13] = blocks;
}

static inline void cdb_unmap(struct target_io *io, uint16_t list_len, const void *data,
			     uint32_t len)
{
	cdb_out(io, OP_UNMAP, data, len);
	be_put(io->cdb + 7, 2, list_len);
}

/** cdb_to_handler() - whether a kernel leaves this opcode to the handler (SCS-001). */
static inline bool cdb_to_handler(uint8_t op)
{
	return op != 0xa0 && (op & ~1u) != 0x5e && (op & ~0x41u) != 0x16;
}

/**
 * cdb_may_exist() - whether a standard gives, or gave, @op to direct-access devices
 * Then it is refused or answered, whichever the handler likes. All others must be refused.
 */
static inline bool cdb_may_exist(uint8_t op)
{
	static const uint8_t list[] = {
		0x00, 0x01, 0x03, 0x04, 0x07, 0x08, 0x0a, 0x0b, 0x12, 0x15, 0x16, 0x17, 0x18,
		0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x23, 0x25, 0x28, 0x2a, 0x2b, 0x2e, 0x2f, 0x34,
		0x35, 0x36, 0x37, 0x39, 0x3a, 0x3b, 0x3c, 0x3e, 0x3f, 0x40, 0x41, 0x42, 0x48,
		0x4c, 0x4d, 0x50, 0x51, 0x52, 0x53, 0x55, 0x56, 0x57, 0x5a, 0x5e, 0x5f, 0x7f,
		0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c,
		0x8d, 0x8e, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x9a, 0x9b, 0x9c, 0x9d,
		0x9e, 0x9f, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac,
		0xae, 0xaf, 0xb3, 0xb5, 0xb7, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf,
	};
	uint32_t i;

	for (i = 0; i < sizeof(list); i++) {
		if (list[i] == op)
			return true;
	}
	return false;
}

#endif
