/* SPDX-License-Identifier: MIT */
/*
 * Commands about the unit rather than its data: readiness, sense, capacity, start/stop, opcodes.
 * Clauses: SCS-022, SCS-030, SCS-031.
 */
#include "scsi_impl.h"

#include <string.h>

void scsi_test_unit_ready(struct scsi_task *t)
{
	scsi_good(t);
}

/* All sense went out with its CHECK CONDITION, but for a unit attention that nobody asked for. */
void scsi_request_sense(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;
	bool descriptor = (cdb[1] & 0x01) != 0;
	uint8_t buf[32];
	uint32_t len = scsi_fill_sense(buf, descriptor, scsi_attention(t->lun), false, 0);

	scsi_data_in(t, buf, len, cdb[4]);
}

void scsi_read_capacity_10(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;
	bool pmi = (cdb[8] & 0x01) != 0;
	uint64_t last = t->lun->blocks - 1;
	uint8_t buf[8];

	if (!pmi && get_be32(cdb + 2) != 0) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (last > UINT32_MAX)
		last = UINT32_MAX;
	put_be32(buf, (uint32_t)last);
	put_be32(buf + 4, t->lun->block_size);
	scsi_data_in(t, buf, sizeof(buf), sizeof(buf));
}

#define LBPME 0x80
#define LBPRZ 0x40

void scsi_read_capacity_16(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;
	bool pmi = (cdb[14] & 0x01) != 0;
	uint8_t buf[32] = { 0 };

	if (!pmi && get_be64(cdb + 2) != 0) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	put_be64(buf, t->lun->blocks - 1);
	put_be32(buf + 8, t->lun->block_size);
	if (t->lun->thin)
		buf[14] = LBPME | LBPRZ;
	scsi_data_in(t, buf, sizeof(buf), get_be32(cdb + 10));
}

#define SSU_START    0x01
#define SSU_LOEJ     0x02
#define SSU_NO_FLUSH 0x04

/* There is nothing to spin; stopping makes the data safe, as one does before switching off. */
void scsi_start_stop(struct scsi_task *t)
{
	uint8_t byte4 = t->cmd.cdb[4];

	if (byte4 >> 4 != 0) { /* power conditions */
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (byte4 & SSU_LOEJ) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (byte4 & (SSU_START | SSU_NO_FLUSH)) {
		scsi_good(t);
		return;
	}
	scsi_submit(t, STORE_FLUSH, 0, 0, NULL, 0, false, scsi_good);
}

/* The medium cannot be removed anyway. */
void scsi_prevent_allow(struct scsi_task *t)
{
	scsi_good(t);
}

#define RSOC_RCTD	   0x80
#define RSOC_SERVACTV	   0x01
#define RSOC_CTDP	   0x02
#define RSOC_DESC_LEN	   8
#define RSOC_TIMEOUTS_LEN  12
#define RSOC_SUPPORTED	   0x03
#define RSOC_NOT_SUPPORTED 0x01

/* Timeouts: length, then "not specified" all over. */
static uint32_t put_timeouts(uint8_t *p)
{
	memset(p, 0, RSOC_TIMEOUTS_LEN);
	put_be16(p, RSOC_TIMEOUTS_LEN - 2);
	return RSOC_TIMEOUTS_LEN;
}

static void report_all_opcodes(struct scsi_task *t, bool rctd, uint32_t alloc_len)
{
	uint8_t buf[4 + 64 * (RSOC_DESC_LEN + RSOC_TIMEOUTS_LEN)];
	uint32_t len = 4;

	for (uint32_t opcode = 0; opcode < 256; opcode++) {
		const struct scsi_op *op = scsi_find(t->lun, (uint8_t)opcode);
		uint8_t cdb[8] = { (uint8_t)opcode };

		if (op == NULL)
			continue;
		memset(buf + len, 0, RSOC_DESC_LEN);
		buf[len] = (uint8_t)opcode;
		if (op->has_action) {
			put_be16(buf + len + 2, op->action);
			buf[len + 5] |= RSOC_SERVACTV;
		}
		if (rctd)
			buf[len + 5] |= RSOC_CTDP;
		put_be16(buf + len + 6, (uint16_t)ringsim_cdb_len(cdb));
		len += RSOC_DESC_LEN;
		if (rctd)
			len += put_timeouts(buf + len);
	}
	put_be32(buf, len - 4);
	scsi_data_in(t, buf, len, alloc_len);
}

static void report_one_opcode(struct scsi_task *t, const struct scsi_op *op, bool rctd,
			      uint32_t alloc_len)
{
	uint8_t opcode = t->cmd.cdb[3];
	uint8_t probe[8] = { opcode };
	uint8_t buf[4 + 16 + RSOC_TIMEOUTS_LEN] = { 0 };
	uint32_t cdb_len, len = 4;

	if (op == NULL) {
		buf[1] = RSOC_NOT_SUPPORTED;
		scsi_data_in(t, buf, len, alloc_len);
		return;
	}
	cdb_len = ringsim_cdb_len(probe);
	buf[1] = RSOC_SUPPORTED;
	put_be16(buf + 2, (uint16_t)cdb_len);
	buf[4] = opcode;
	memcpy(buf + 5, op->usage, cdb_len - 1);
	if (op->has_action)
		buf[5] = (uint8_t)((buf[5] & 0xe0) | op->action);
	len += cdb_len;
	if (rctd) {
		buf[1] |= 0x80;
		len += put_timeouts(buf + len);
	}
	scsi_data_in(t, buf, len, alloc_len);
}

void scsi_report_opcodes(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;
	const struct scsi_op *op = scsi_find(t->lun, cdb[3]);
	bool rctd = (cdb[2] & RSOC_RCTD) != 0;
	uint16_t action = get_be16(cdb + 4);
	uint32_t alloc_len = get_be32(cdb + 6);
	bool by_action = op != NULL && op->has_action;

	switch (cdb[2] & 0x07) {
	case 0:
		report_all_opcodes(t, rctd, alloc_len);
		return;
	case 1: /* an opcode without service actions */
		if (by_action) {
			scsi_fail(t, SENSE_CDB_FIELD);
			return;
		}
		break;
	case 2: /* an opcode with service actions */
		if (op != NULL && !by_action) {
			scsi_fail(t, SENSE_CDB_FIELD);
			return;
		}
		break;
	case 3: /* either */
		break;
	default:
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (by_action && action != op->action)
		op = NULL;
	report_one_opcode(t, op, rctd, alloc_len);
}
