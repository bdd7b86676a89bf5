/* SPDX-License-Identifier: MIT */
/*
 * READ, WRITE, WRITE AND VERIFY, VERIFY, SYNCHRONIZE CACHE.
 *
 * Transfers go straight between the initiator's iovs and the store. Order of checks: field, range,
 * limit, write protection, length; nothing has happened when one fails (SCS-041).
 * Clauses: SCS-020, SCS-021, SCS-030, SCS-042, HND-054.
 */
#include "scsi_impl.h"

#include <errno.h>

#define CDB1_FUA   0x08
#define CDB1_IMMED 0x02

/* How VERIFY and WRITE AND VERIFY compare: BYTCHK. */
enum { VERIFY_READABLE = 0, VERIFY_ALL = 1, VERIFY_RESERVED = 2, VERIFY_ONE_BLOCK = 3 };

static uint64_t to_bytes(const struct scsi_task *t, uint64_t blocks)
{
	return blocks * t->lun->block_size;
}

/* RDPROTECT, WRPROTECT, VRPROTECT: there is no protection information; 6-byte CDBs lack the field.
 */
static bool check_protect(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;

	if (ringsim_cdb_len(cdb) == 6)
		return true;
	if (cdb[1] >> 5 != 0) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return false;
	}
	return true;
}

static bool wants_fua(const struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;

	if (!t->lun->wce)
		return true;
	if (ringsim_cdb_len(cdb) == 6)
		return false;
	return (cdb[1] & CDB1_FUA) != 0;
}

static void start_read(struct scsi_task *t)
{
	scsi_submit(t, STORE_READ, to_bytes(t, t->lba), t->cmd.len, t->cmd.iov, t->cmd.iov_cnt,
		    false, scsi_good);
}

/* FUA and DPO need nothing here: a read returns the newest data, wherever it is. */
void scsi_read(struct scsi_task *t)
{
	scsi_decode(t);
	if (!check_protect(t))
		return;
	if (!scsi_check_transfer(t))
		return;
	if (!scsi_check_length(t, to_bytes(t, t->blocks)))
		return;
	if (t->blocks == 0) {
		scsi_good(t);
		return;
	}
	scsi_lock(t, t->lba, t->blocks, false, start_read);
}

static void start_write(struct scsi_task *t)
{
	scsi_submit(t, STORE_WRITE, to_bytes(t, t->lba), t->cmd.len, t->cmd.iov, t->cmd.iov_cnt,
		    wants_fua(t), scsi_good);
}

static bool check_write(struct scsi_task *t)
{
	scsi_decode(t);
	if (!check_protect(t))
		return false;
	if (!scsi_check_transfer(t))
		return false;
	if (!scsi_check_writable(t))
		return false;
	return scsi_check_length(t, to_bytes(t, t->blocks));
}

void scsi_write(struct scsi_task *t)
{
	if (!check_write(t))
		return;
	if (t->blocks == 0) {
		scsi_good(t);
		return;
	}
	scsi_lock(t, t->lba, t->blocks, false, start_write);
}

static uint8_t bytchk(const struct scsi_task *t)
{
	return t->cmd.cdb[1] >> 1 & 3;
}

static void compare_chunk(struct scsi_task *t);

/* One chunk of the medium at a time, through scratch memory. */
static void verify_chunk(struct scsi_task *t)
{
	uint64_t left_bytes = to_bytes(t, t->blocks) - t->at_bytes;

	if (left_bytes == 0) {
		scsi_good(t);
		return;
	}
	scsi_submit_buf(t, STORE_READ, to_bytes(t, t->lba) + t->at_bytes,
			scsi_chunk_bytes(t, left_bytes), false, compare_chunk);
}

/* Offset in Data-Out of the first byte that differs from the chunk just read, or -1. */
static int64_t find_mismatch(const struct scsi_task *t)
{
	uint64_t len = t->io.len_bytes, block = t->lun->block_size, at;

	if (bytchk(t) == VERIFY_ALL) {
		at = scsi_data_mismatch(t, t->at_bytes, t->buf, len);
		return at == len ? -1 : (int64_t)(t->at_bytes + at);
	}
	if (bytchk(t) == VERIFY_ONE_BLOCK) {
		for (uint64_t off = 0; off < len; off += block) {
			at = scsi_data_mismatch(t, 0, t->buf + off, block);
			if (at != block)
				return (int64_t)at;
		}
	}
	return -1;
}

static void compare_chunk(struct scsi_task *t)
{
	int64_t at = find_mismatch(t);

	if (at >= 0) {
		scsi_fail_info(t, SENSE_MISCOMPARE, (uint64_t)at);
		return;
	}
	t->at_bytes += t->io.len_bytes;
	scsi_again(t, verify_chunk);
}

void scsi_verify(struct scsi_task *t)
{
	uint64_t data_blocks;

	scsi_decode(t);
	data_blocks = t->blocks;
	if (bytchk(t) == VERIFY_RESERVED) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (bytchk(t) == VERIFY_READABLE)
		data_blocks = 0;
	else if (bytchk(t) == VERIFY_ONE_BLOCK && t->blocks != 0)
		data_blocks = 1;
	if (!check_protect(t))
		return;
	/* SBC-4 limits what is only looked at, too; terabytes would keep the ring for minutes */
	if (!scsi_check_transfer(t))
		return;
	if (!scsi_check_length(t, to_bytes(t, data_blocks)))
		return;
	if (t->blocks == 0) {
		scsi_good(t);
		return;
	}
	if (!scsi_alloc(t, scsi_chunk_bytes(t, to_bytes(t, t->blocks))))
		return;
	scsi_lock(t, t->lba, t->blocks, false, verify_chunk);
}

/* The data is on stable storage before it is read back, else nothing would be verified. */
static void start_write_verify(struct scsi_task *t)
{
	scsi_submit(t, STORE_WRITE, to_bytes(t, t->lba), t->cmd.len, t->cmd.iov, t->cmd.iov_cnt,
		    true, verify_chunk);
}

void scsi_write_verify(struct scsi_task *t)
{
	if (bytchk(t) > VERIFY_ALL) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (!check_write(t))
		return;
	if (t->blocks == 0) {
		scsi_good(t);
		return;
	}
	if (!scsi_alloc(t, scsi_chunk_bytes(t, to_bytes(t, t->blocks))))
		return;
	scsi_lock(t, t->lba, t->blocks, false, start_write_verify);
}

static void flush_done(struct store_io *io);

/* Flush while nobody waits; one at a time. Returns whether it is under way. */
static bool flush_in_background(struct scsi_lun *lun)
{
	if (lun->flush_busy) {
		lun->flush_again = true;
		return true;
	}
	lun->flush = (struct store_io){ .op = STORE_FLUSH, .done = flush_done, .owner = lun };
	lun->flush_busy = true;
	if (store_submit(lun->store, &lun->flush) == 0)
		return true;
	lun->flush_busy = false;
	return false;
}

static void flush_done(struct store_io *io)
{
	struct scsi_lun *lun = io->owner;
	bool again = lun->flush_again;

	lun->flush_busy = false;
	lun->flush_again = false;
	if (io->result != 0)
		lun->flush_failed = true;
	if (again && !lun->dead && !flush_in_background(lun))
		lun->flush_failed = true;
}

/*
 * The whole store is flushed, whatever the range: that covers all writes that completed before.
 * With IMMED the answer does not wait; a failure is then kept for the next one, since the system
 * reports each lost write only once.
 */
void scsi_sync_cache(struct scsi_task *t)
{
	struct scsi_lun *lun = t->lun;

	scsi_decode(t);
	if (!scsi_check_range(t, t->lba, t->blocks))
		return;
	if (lun->flush_failed) {
		lun->flush_failed = false;
		scsi_fail(t, SENSE_WRITE_ERROR);
		return;
	}
	if ((t->cmd.cdb[1] & CDB1_IMMED) && flush_in_background(lun)) {
		scsi_good(t);
		return;
	}
	scsi_submit(t, STORE_FLUSH, 0, 0, NULL, 0, false, scsi_good);
}
