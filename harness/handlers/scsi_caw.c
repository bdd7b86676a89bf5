/* SPDX-License-Identifier: MIT */
/*
 * COMPARE AND WRITE.
 *
 * Data-Out is the verify half followed by the write half, in one direction. The blocks are held
 * exclusively from before the compare until the answer is published, so nothing comes in between.
 * Clauses: HND-062 (replay), SCS-030, SCS-040.
 */
#include "scsi_impl.h"

#include <string.h>

#define CDB1_FUA 0x08

static uint64_t half_bytes(const struct scsi_task *t)
{
	return t->blocks * t->lun->block_size;
}

static void write_half(struct scsi_task *t)
{
	bool fua = !t->lun->wce || (t->cmd.cdb[1] & CDB1_FUA) != 0;
	uint64_t off_bytes = t->lba * t->lun->block_size;
	uint64_t len_bytes = half_bytes(t);

	scsi_data_skip(t, len_bytes);
	scsi_submit(t, STORE_WRITE, off_bytes, len_bytes, t->data, t->data_cnt, fua, scsi_good);
}

/*
 * A predecessor may have written before it died: then the medium holds the write half, wholly or in
 * part, and that is the success it did not live to report.
 */
static bool written_before(const struct scsi_task *t)
{
	uint64_t block = t->lun->block_size;

	if (!t->cmd.replay)
		return false;
	for (uint64_t off = 0; off < half_bytes(t); off += block) {
		if (scsi_data_mismatch(t, off, t->buf + off, block) == block)
			continue;
		if (scsi_data_mismatch(t, half_bytes(t) + off, t->buf + off, block) != block)
			return false;
	}
	return true;
}

static void compare(struct scsi_task *t)
{
	uint64_t at = scsi_data_mismatch(t, 0, t->buf, half_bytes(t));

	if (at != half_bytes(t) && !written_before(t)) {
		scsi_fail_info(t, SENSE_MISCOMPARE, at);
		return;
	}
	write_half(t);
}

static void read_medium(struct scsi_task *t)
{
	scsi_submit_buf(t, STORE_READ, t->lba * t->lun->block_size, half_bytes(t), false, compare);
}

void scsi_compare_and_write(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;

	t->lba = get_be64(cdb + 2);
	t->blocks = cdb[13];
	if (cdb[1] >> 5 != 0) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (!scsi_check_range(t, t->lba, t->blocks))
		return;
	if (t->blocks > SCSI_MAX_CAW_BLOCKS) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (!scsi_check_writable(t))
		return;
	if (!scsi_check_length(t, 2 * half_bytes(t)))
		return;
	if (t->blocks == 0) {
		scsi_good_unread(t);
		return;
	}
	if (!scsi_alloc(t, half_bytes(t)))
		return;
	scsi_lock(t, t->lba, t->blocks, true, read_medium);
}
