/* SPDX-License-Identifier: MIT */
/*
 * WRITE SAME and UNMAP.
 *
 * Unmapped blocks read as zeros (LBPRZ), so WRITE SAME unmaps only when its block is zeros, and
 * UNMAP and a WRITE SAME of zeros end in the same kind of hole. An UNMAP list is copied once and
 * checked as a whole before the first block goes (SCS-041).
 */
#include "scsi_impl.h"

#include <stdlib.h>
#include <string.h>

#define WS_ANCHOR	 0x10
#define WS_UNMAP	 0x08
#define WS_OBSOLETE	 0x06 /* PBDATA, LBDATA */
#define WS_NDOB		 0x01 /* 16-byte form only */
#define WRITE_SAME_16	 0x93
#define UNMAP_ANCHOR	 0x01
#define UNMAP_HEADER_LEN 8
#define UNMAP_DESC_LEN	 16

static bool all_zero(const uint8_t *buf, size_t len)
{
	return buf[0] == 0 && memcmp(buf, buf + 1, len - 1) == 0;
}

static void write_chunk_done(struct scsi_task *t);

static void write_chunk(struct scsi_task *t)
{
	uint64_t block = t->lun->block_size;
	uint64_t left_bytes = t->blocks * block - t->at_bytes;
	uint64_t chunk_bytes = scsi_chunk_bytes(t, left_bytes);

	if (left_bytes == 0) {
		scsi_good(t);
		return;
	}
	scsi_submit_buf(t, STORE_WRITE, t->lba * block + t->at_bytes, chunk_bytes, !t->lun->wce,
			write_chunk_done);
}

static void write_chunk_done(struct scsi_task *t)
{
	t->at_bytes += t->io.len_bytes;
	scsi_again(t, write_chunk);
}

static void start_write_same(struct scsi_task *t)
{
	uint64_t block = t->lun->block_size;
	uint64_t len_bytes = t->blocks * block;

	if (t->buf == NULL) {
		bool unmap = (t->cmd.cdb[1] & WS_UNMAP) != 0;

		scsi_submit(t, unmap ? STORE_DISCARD : STORE_ZERO, t->lba * block, len_bytes, NULL,
			    0, !t->lun->wce, scsi_good);
		return;
	}
	for (uint64_t off = block; off < scsi_chunk_bytes(t, len_bytes); off += block)
		memcpy(t->buf + off, t->buf, block);
	write_chunk(t);
}

static bool check_write_same_fields(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;
	uint8_t refused = WS_ANCHOR | WS_OBSOLETE;

	if (cdb[0] != WRITE_SAME_16)
		refused |= WS_NDOB;
	if (!t->lun->thin)
		refused |= WS_UNMAP;
	if (cdb[1] >> 5 != 0 || (cdb[1] & refused) != 0) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return false;
	}
	if (t->blocks == 0) { /* WSNZ */
		scsi_fail(t, SENSE_CDB_FIELD);
		return false;
	}
	return true;
}

static bool check_write_same(struct scsi_task *t)
{
	bool no_data = (t->cmd.cdb[1] & WS_NDOB) != 0;

	if (!check_write_same_fields(t))
		return false;
	if (!scsi_check_range(t, t->lba, t->blocks))
		return false;
	if (t->blocks > t->lun->max_write_same_blocks) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return false;
	}
	if (!scsi_check_writable(t))
		return false;
	return scsi_check_length(t, no_data ? 0 : t->lun->block_size);
}

void scsi_write_same(struct scsi_task *t)
{
	uint32_t block = t->lun->block_size;

	scsi_decode(t);
	if (!check_write_same(t))
		return;
	if (t->cmd.len != 0) {
		if (!scsi_alloc(t, scsi_chunk_bytes(t, t->blocks * block)))
			return;
		consumer_iov_get(t->cmd.iov, t->cmd.iov_cnt, 0, t->buf, block);
		if (all_zero(t->buf, block)) {
			free(t->buf);
			t->buf = NULL;
		}
	}
	scsi_lock(t, t->lba, t->blocks, false, start_write_same);
}

static uint64_t desc_lba(const struct scsi_task *t, uint32_t i)
{
	return get_be64(t->buf + UNMAP_HEADER_LEN + i * UNMAP_DESC_LEN);
}

static uint32_t desc_blocks(const struct scsi_task *t, uint32_t i)
{
	return get_be32(t->buf + UNMAP_HEADER_LEN + i * UNMAP_DESC_LEN + 8);
}

static void unmap_next(struct scsi_task *t);

static void unmap_done(struct scsi_task *t)
{
	scsi_again(t, unmap_next);
}

/* t->at_bytes counts descriptors here, t->count is their number. */
static void unmap_next(struct scsi_task *t)
{
	uint64_t block = t->lun->block_size;
	uint32_t i;

	while (t->at_bytes < t->count && desc_blocks(t, (uint32_t)t->at_bytes) == 0)
		t->at_bytes++;
	if (t->at_bytes == t->count) {
		scsi_good(t);
		return;
	}
	i = (uint32_t)t->at_bytes++;
	scsi_submit(t, STORE_DISCARD, desc_lba(t, i) * block, desc_blocks(t, i) * block, NULL, 0,
		    !t->lun->wce, unmap_done);
}

/* All descriptors; also finds the range that covers them, for the lock. */
static bool check_descriptors(struct scsi_task *t)
{
	uint64_t first = UINT64_MAX, end = 0, total = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		uint64_t lba = desc_lba(t, i), blocks = desc_blocks(t, i);

		if (!scsi_check_range(t, lba, blocks))
			return false;
		total += blocks;
		if (lba < first)
			first = lba;
		if (lba + blocks > end)
			end = lba + blocks;
	}
	if (total > SCSI_MAX_UNMAP_BLOCKS) {
		scsi_fail(t, SENSE_LIST_FIELD);
		return false;
	}
	t->lba = first;
	t->blocks = total == 0 ? 0 : end - first;
	return true;
}

static bool read_unmap_list(struct scsi_task *t, uint32_t list_len)
{
	uint32_t desc_len;

	if (list_len < UNMAP_HEADER_LEN || list_len > t->cmd.len) {
		scsi_fail(t, SENSE_LIST_LENGTH);
		return false;
	}
	if (!scsi_alloc(t, list_len))
		return false;
	consumer_iov_get(t->cmd.iov, t->cmd.iov_cnt, 0, t->buf, list_len);
	desc_len = get_be16(t->buf + 2);
	if (desc_len > list_len - UNMAP_HEADER_LEN) {
		scsi_fail(t, SENSE_LIST_LENGTH);
		return false;
	}
	t->count = desc_len / UNMAP_DESC_LEN;
	if (t->count > SCSI_MAX_UNMAP_DESCS) {
		scsi_fail(t, SENSE_LIST_FIELD);
		return false;
	}
	return true;
}

void scsi_unmap(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;
	uint32_t list_len = get_be16(cdb + 7);

	if (cdb[1] & UNMAP_ANCHOR) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (!scsi_check_writable(t))
		return;
	if (list_len == 0) {
		scsi_good_unread(t);
		return;
	}
	if (!read_unmap_list(t, list_len))
		return;
	if (!check_descriptors(t))
		return;
	if (t->blocks == 0) {
		scsi_good(t);
		return;
	}
	scsi_lock(t, t->lba, t->blocks, false, unmap_next);
}
