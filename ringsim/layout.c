/* SPDX-License-Identifier: MIT */
/*
 * From the numbers that an administrator gives to the offsets that a handler sees: LAY-060 to
 * LAY-062, and the wire format's sizes as assertions (LAY-001 to LAY-041).
 */
#include "internal.h"

#include <stdio.h>
#include <errno.h>

#define AT(type, field, off) _Static_assert(offsetof(struct type, field) == (off), #type "." #field)

_Static_assert(sizeof(struct tcmu_mailbox) == 128, "LAY-010");
AT(tcmu_mailbox, version, 0);
AT(tcmu_mailbox, flags, 2);
AT(tcmu_mailbox, cmdr_off, 4);
AT(tcmu_mailbox, cmdr_size, 8);
AT(tcmu_mailbox, cmd_head, 12);
AT(tcmu_mailbox, cmd_tail, 64);
_Static_assert(TCMU_MAILBOX_FLAG_CAP_OOOC == 1 && TCMU_MAILBOX_FLAG_CAP_READ_LEN == 2 &&
		       TCMU_MAILBOX_FLAG_CAP_TMR == 4 && TCMU_MAILBOX_FLAG_CAP_KEEP_BUF == 8,
	       "LAY-011");
_Static_assert(TCMU_MAILBOX_VERSION == 2 && ALIGN_SIZE == 64 && TCMU_OP_MASK == 7 &&
		       TCMU_OP_ALIGN_SIZE == 8 && TCMU_SENSE_BUFFERSIZE == 96,
	       "LAY-012");
_Static_assert(sizeof(struct tcmu_cmd_entry_hdr) == 8, "LAY-020");
AT(tcmu_cmd_entry_hdr, len_op, 0);
AT(tcmu_cmd_entry_hdr, cmd_id, RINGSIM_OFF_ID);
AT(tcmu_cmd_entry_hdr, kflags, RINGSIM_OFF_KFLAGS);
AT(tcmu_cmd_entry_hdr, uflags, RINGSIM_OFF_UFLAGS);
_Static_assert(TCMU_OP_PAD == 0 && TCMU_OP_CMD == 1 && TCMU_OP_TMR == 2, "LAY-021");
_Static_assert(TCMU_UFLAG_UNKNOWN_OP == 1 && TCMU_UFLAG_READ_LEN == 2 && TCMU_UFLAG_KEEP_BUF == 4,
	       "LAY-022");
_Static_assert(sizeof(struct tcmu_cmd_entry) == 112 && sizeof(struct iovec) == 16, "LAY-030");
AT(tcmu_cmd_entry, req.iov_cnt, 8);
AT(tcmu_cmd_entry, req.iov_bidi_cnt, 12);
AT(tcmu_cmd_entry, req.iov_dif_cnt, 16);
AT(tcmu_cmd_entry, req.cdb_off, 24);
AT(tcmu_cmd_entry, req.__pad1, 32);
AT(tcmu_cmd_entry, req.__pad2, 40);
AT(tcmu_cmd_entry, req.iov, RINGSIM_OFF_IOV);
AT(iovec, iov_base, 0);
AT(iovec, iov_len, 8);
AT(tcmu_cmd_entry, rsp.scsi_status, RINGSIM_OFF_STATUS);
AT(tcmu_cmd_entry, rsp.__pad1, 9);
AT(tcmu_cmd_entry, rsp.__pad2, 10);
AT(tcmu_cmd_entry, rsp.read_len, RINGSIM_OFF_RDLEN);
AT(tcmu_cmd_entry, rsp.sense_buffer, RINGSIM_OFF_SENSE);
_Static_assert(sizeof(struct tcmu_tmr_entry) == 32, "LAY-040");
AT(tcmu_tmr_entry, tmr_type, 8);
AT(tcmu_tmr_entry, __pad1, 9);
AT(tcmu_tmr_entry, __pad2, 10);
AT(tcmu_tmr_entry, cmd_cnt, 12);
AT(tcmu_tmr_entry, __pad3, 16);
AT(tcmu_tmr_entry, __pad4, 24);
AT(tcmu_tmr_entry, cmd_ids, 32);
_Static_assert(TCMU_TMR_UNKNOWN == 0 && TCMU_TMR_ABORT_TASK == 1 && TCMU_TMR_ABORT_TASK_SET == 2 &&
		       TCMU_TMR_CLEAR_ACA == 3 && TCMU_TMR_CLEAR_TASK_SET == 4 &&
		       TCMU_TMR_LUN_RESET == 5 && TCMU_TMR_TARGET_WARM_RESET == 6 &&
		       TCMU_TMR_TARGET_COLD_RESET == 7 && TCMU_TMR_LUN_RESET_PRO == 128,
	       "LAY-041");

#define MIB		   (1u << 20)
#define RING_MB_MAX	   8u
#define DATA_MB_MAX	   4096u
#define DATA_PAGES_DEFAULT (256u * 1024)

static int refuse(char *err, size_t err_len, const char *what, const char *expected, uint64_t found)
{
	if (err)
		snprintf(err, err_len, "geometry: %s: expected %s, found %llu", what, expected,
			 (unsigned long long)found);
	return -EINVAL;
}

static int check(const struct ringsim_geometry *geo, char *err, size_t err_len)
{
	uint64_t ps = geo->page_size ? geo->page_size : 4096;
	uint64_t data_mb = geo->data_area_mb ? geo->data_area_mb : DATA_PAGES_DEFAULT * ps / MIB;

	if (ps < 4096 || ps > 65536 || ps & (ps - 1))
		return refuse(err, err_len, "page_size", "a power of two, 4096 to 65536", ps);
	if (data_mb > DATA_MB_MAX)
		return refuse(err, err_len, "data_area_mb", "1 to 4096", data_mb);
	if (geo->cmdr_off % 8 || geo->cmdr_off > MIB || (geo->cmdr_off && geo->cmdr_off < 128))
		return refuse(err, err_len, "cmdr_off", "a multiple of 8, 128 to 1048576",
			      geo->cmdr_off);
	if (geo->cmdr_size % 8 || geo->cmdr_size > RING_MB_MAX * MIB ||
	    (geo->cmdr_size && geo->cmdr_size < 512))
		return refuse(err, err_len, "cmdr_size", "a multiple of 8, 512 to 8388608",
			      geo->cmdr_size);
	return 0;
}

int ringsim_layout_init(struct ringsim_layout *lay, const struct ringsim_geometry *geo, char *err,
			size_t err_len)
{
	uint64_t ring_mb = geo->ring_mb ? geo->ring_mb : RING_MB_MAX;
	uint64_t pages, blocks;
	int rc = check(geo, err, err_len);

	if (rc)
		return rc;
	if (ring_mb > RING_MB_MAX)
		ring_mb = RING_MB_MAX;
	lay->page_size = geo->page_size ? geo->page_size : 4096;
	lay->pages_per_blk = geo->pages_per_blk ? geo->pages_per_blk : 1;
	pages = geo->data_area_mb ? (uint64_t)geo->data_area_mb * MIB / lay->page_size
				  : DATA_PAGES_DEFAULT;
	if (lay->pages_per_blk > pages ||
	    (uint64_t)lay->pages_per_blk * lay->page_size > UINT32_MAX)
		return refuse(err, err_len, "pages_per_blk",
			      "at most the pages of the data area, and less than 4096 MiB of them",
			      lay->pages_per_blk);
	blocks = geo->data_blocks ? geo->data_blocks : pages / lay->pages_per_blk;
	if (blocks * lay->pages_per_blk * lay->page_size > (uint64_t)DATA_MB_MAX * MIB)
		return refuse(err, err_len, "data_blocks", "at most 4096 MiB in all", blocks);
	lay->cmdr_off = geo->cmdr_off ? geo->cmdr_off : RINGSIM_MAILBOX_SIZE;
	lay->cmdr_size = geo->cmdr_size ? geo->cmdr_size
					: (uint32_t)(ring_mb * MIB) - RINGSIM_MAILBOX_SIZE;
	lay->blk_size = lay->pages_per_blk * lay->page_size;
	lay->blocks = (uint32_t)blocks;
	lay->pages = (uint32_t)(blocks * lay->pages_per_blk);
	lay->data_off = ((uint64_t)lay->cmdr_off + lay->cmdr_size + lay->page_size - 1) /
			lay->page_size * lay->page_size;
	/* max_data_area_mb counts whole even if the last block does not fit in (LAY-061) */
	lay->data_size = geo->data_blocks ? (uint64_t)lay->pages * lay->page_size
					  : pages * lay->page_size;
	lay->region_size = lay->data_off + lay->data_size;
	return 0;
}
