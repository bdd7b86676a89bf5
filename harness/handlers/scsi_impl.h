/* SPDX-License-Identifier: MIT */
/*
 * What the command files share; private to scsi*.c.
 *
 * A command function ends in exactly one of: scsi_good(), scsi_fail(), scsi_status(),
 * scsi_data_in(), scsi_submit(), scsi_lock(), scsi_again(). After any of them the task may be gone.
 */
#ifndef HANDLERS_SCSI_IMPL_H
#define HANDLERS_SCSI_IMPL_H

#include "scsi.h"

/* Limits that VPD page B0 reports and the commands enforce. */
#define SCSI_MAX_TRANSFER_BYTES	  (32u << 20)
#define SCSI_MAX_WRITE_SAME_BYTES (32u << 20)
#define SCSI_MAX_CAW_BLOCKS	  128u
#define SCSI_MAX_UNMAP_BLOCKS	  0x100000u
#define SCSI_MAX_UNMAP_DESCS	  64u
/** Scratch memory of commands that walk over the medium. */
#define SCSI_CHUNK_BYTES	  (1u << 20)

typedef void scsi_fn(struct scsi_task *t);

/**
 * struct scsi_op - a command this device implements, addressed by opcode
 * @run:        NULL for opcodes that it does not
 * @has_action: only with service action @action
 * @no_data:    transfers nothing, whatever iovs came along
 * @needs_thin: only on units that can unmap
 * @usage:      CDB bits that are looked at, for REPORT SUPPORTED OPERATION CODES; without the
 * opcode
 */
struct scsi_op {
	scsi_fn *run;
	bool has_action, no_data, needs_thin;
	uint8_t action;
	uint8_t usage[15];
};

extern const struct scsi_op scsi_ops[256];

/** scsi_find() - the command that @cdb's opcode stands for on @lun, or NULL. */
const struct scsi_op *scsi_find(const struct scsi_lun *lun, uint8_t opcode);

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

static inline uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

/** scsi_status() - answer with @status, no sense. */
void scsi_status(struct scsi_task *t, uint8_t status);
void scsi_good(struct scsi_task *t);
/** scsi_good_unread() - GOOD for a command whose Data-Out, if any, was not looked at. */
void scsi_good_unread(struct scsi_task *t);
/** scsi_fail() - answer CHECK CONDITION with @sense. */
void scsi_fail(struct scsi_task *t, enum scsi_sense sense);
/** scsi_fail_info() - the same with the INFORMATION field set to @info. */
void scsi_fail_info(struct scsi_task *t, enum scsi_sense sense, uint64_t info);
/** scsi_fail_store() - answer what @rc of a store operation means to the initiator. */
void scsi_fail_store(struct scsi_task *t, int rc);

/** scsi_attend() - have @sense reported by the next command that may report it. */
void scsi_attend(struct scsi_lun *lun, enum scsi_sense sense);
/** scsi_attention() - take the oldest unit attention off the list; SENSE_NONE if there is none. */
enum scsi_sense scsi_attention(struct scsi_lun *lun);

/** scsi_fill_sense() - format @sense; returns its length in bytes (at most 32). */
uint32_t scsi_fill_sense(uint8_t *buf, bool descriptor, enum scsi_sense sense, bool has_info,
			 uint64_t info);

/**
 * scsi_data_in() - answer GOOD with the first min(@len, @alloc_len, room) bytes of @data
 *
 * The rest of the initiator's buffer becomes zeros (HND-035, SCS-022).
 */
void scsi_data_in(struct scsi_task *t, const void *data, uint32_t len, uint32_t alloc_len);

/** scsi_alloc() - scratch memory in @t->buf; answers TASK SET FULL and returns false without. */
bool scsi_alloc(struct scsi_task *t, size_t len);

/** scsi_data_skip() - cut the first @skip_bytes off the task's own iov list. */
void scsi_data_skip(struct scsi_task *t, uint64_t skip_bytes);
/** scsi_data_mismatch() - first of @len bytes where @buf differs from Data-Out at @off; @len if
 * none. */
uint64_t scsi_data_mismatch(const struct scsi_task *t, uint64_t off, const uint8_t *buf,
			    uint64_t len);

/** scsi_check_range() - LBA and count lie on the medium; fails the command otherwise. */
bool scsi_check_range(struct scsi_task *t, uint64_t lba, uint64_t blocks);
/** scsi_check_writable() - the medium may be written; fails the command otherwise. */
bool scsi_check_writable(struct scsi_task *t);
/** scsi_check_length() - the iovs hold exactly @len bytes; fails the command otherwise. */
bool scsi_check_length(struct scsi_task *t, uint64_t len);

/** scsi_check_transfer() - range, and no more blocks than page B0 allows. */
bool scsi_check_transfer(struct scsi_task *t);
/** scsi_chunk_bytes() - bytes of whole blocks that one step over the medium covers. */
uint64_t scsi_chunk_bytes(const struct scsi_task *t, uint64_t left_bytes);

/** scsi_decode() - LBA and number of blocks of the CDB, by its length, into @t. */
void scsi_decode(struct scsi_task *t);

/**
 * scsi_submit() - start a store operation and go on at @then when it succeeded
 *
 * A failed one fails the command. @off_bytes and @len_bytes are within the medium.
 */
void scsi_submit(struct scsi_task *t, enum store_op op, uint64_t off_bytes, uint64_t len_bytes,
		 const struct iovec *iov, uint32_t iov_cnt, bool fua, scsi_fn *then);
/** scsi_submit_buf() - transfer between @len_bytes of @t->buf and the medium. */
void scsi_submit_buf(struct scsi_task *t, enum store_op op, uint64_t off_bytes, uint64_t len_bytes,
		     bool fua, scsi_fn *then);

/** scsi_again() - go on at @resume in the next scsi_run(), from the loop's own stack. */
void scsi_again(struct scsi_task *t, scsi_fn *resume);

/** scsi_lock() - go on at @go as soon as no conflicting task holds any of @blocks from @lba. */
void scsi_lock(struct scsi_task *t, uint64_t lba, uint64_t blocks, bool exclusive, scsi_fn *go);
void scsi_unlock(struct scsi_task *t);

/* The commands, by file. */
scsi_fn scsi_test_unit_ready, scsi_request_sense, scsi_read_capacity_10, scsi_read_capacity_16,
	scsi_start_stop, scsi_prevent_allow, scsi_report_opcodes;		/* scsi_basic.c */
scsi_fn scsi_inquiry;								/* scsi_inquiry.c */
scsi_fn scsi_mode_sense, scsi_mode_select;					/* scsi_mode*.c */
scsi_fn scsi_read, scsi_write, scsi_write_verify, scsi_verify, scsi_sync_cache; /* scsi_rw.c */
scsi_fn scsi_compare_and_write;							/* scsi_caw.c */
scsi_fn scsi_write_same, scsi_unmap; /* scsi_provision.c */

#endif
