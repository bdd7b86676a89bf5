/* SPDX-License-Identifier: MIT */
/*
 * Reading CDBs and moving parameter data: the length and range rules that commands share.
 * Clauses: HND-020, HND-035, SCS-020 to SCS-022, SCS-042.
 */
#include "scsi_impl.h"

#include <string.h>

void scsi_decode(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;

	switch (ringsim_cdb_len(cdb)) {
	case 6:
		t->lba = get_be24(cdb + 1) & 0x1fffff;
		t->blocks = cdb[4];
		if (t->blocks == 0)
			t->blocks = 256;
		break;
	case 10:
		t->lba = get_be32(cdb + 2);
		t->blocks = get_be16(cdb + 7);
		break;
	case 12:
		t->lba = get_be32(cdb + 2);
		t->blocks = get_be32(cdb + 6);
		break;
	default:
		t->lba = get_be64(cdb + 2);
		t->blocks = get_be32(cdb + 10);
		break;
	}
}

bool scsi_check_range(struct scsi_task *t, uint64_t lba, uint64_t blocks)
{
	uint64_t capacity = t->lun->blocks;

	if (lba > capacity || blocks > capacity - lba) {
		scsi_fail(t, SENSE_LBA_RANGE);
		return false;
	}
	return true;
}

bool scsi_check_transfer(struct scsi_task *t)
{
	if (!scsi_check_range(t, t->lba, t->blocks))
		return false;
	if (t->blocks > t->lun->max_transfer_blocks) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return false;
	}
	return true;
}

bool scsi_check_writable(struct scsi_task *t)
{
	if (t->lun->read_only) {
		scsi_fail(t, SENSE_WRITE_PROTECTED);
		return false;
	}
	return true;
}

bool scsi_check_length(struct scsi_task *t, uint64_t len)
{
	if (t->cmd.len != len) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return false;
	}
	return true;
}

uint64_t scsi_chunk_bytes(const struct scsi_task *t, uint64_t left_bytes)
{
	uint64_t chunk = SCSI_CHUNK_BYTES / t->lun->block_size * t->lun->block_size;

	return left_bytes < chunk ? left_bytes : chunk;
}

void scsi_data_in(struct scsi_task *t, const void *data, uint32_t len, uint32_t alloc_len)
{
	struct consumer_cmd *cmd = &t->cmd;
	struct consumer *c = t->lun->consumer;
	size_t put;

	if (len > alloc_len)
		len = alloc_len;
	put = consumer_iov_put(c, cmd->iov, cmd->iov_cnt, 0, data, len);
	if (put < cmd->len) {
		consumer_iov_zero(c, cmd->iov, cmd->iov_cnt, put);
		/* with a second direction this one is Data-Out, which has no READ_LEN (HND-035) */
		if (put != 0 && cmd->bidi_cnt == 0 && t->lun->use_read_len) {
			cmd->uflags = TCMU_UFLAG_READ_LEN;
			cmd->read_len = (uint32_t)put;
		}
	}
	scsi_good(t);
}

void scsi_data_skip(struct scsi_task *t, uint64_t skip_bytes)
{
	struct consumer_cmd *cmd = &t->cmd;
	uint32_t i = 0;

	while (i < cmd->iov_cnt && skip_bytes >= cmd->iov[i].iov_len)
		skip_bytes -= cmd->iov[i++].iov_len;
	t->data = cmd->iov + i;
	t->data_cnt = cmd->iov_cnt - i;
	if (skip_bytes != 0) {
		t->data->iov_base = (uint8_t *)t->data->iov_base + skip_bytes;
		t->data->iov_len -= skip_bytes;
	}
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t len)
{
	uint64_t i = 0;

	if (memcmp(a, b, len) == 0)
		return len;
	while (i < len && a[i] == b[i])
		i++;
	return i;
}

uint64_t scsi_data_mismatch(const struct scsi_task *t, uint64_t off, const uint8_t *buf,
			    uint64_t len)
{
	const struct iovec *v = t->cmd.iov;
	uint64_t done = 0;

	for (; off >= v->iov_len && len != 0; v++)
		off -= v->iov_len;
	for (; done < len; v++) {
		uint64_t n = v->iov_len - off < len - done ? v->iov_len - off : len - done;
		uint64_t same = first_difference((const uint8_t *)v->iov_base + off, buf + done, n);

		if (same != n)
			return done + same;
		done += n;
		off = 0;
	}
	return len;
}
