/* SPDX-License-Identifier: MIT */
/*
 * The command table: what is implemented, and nothing else (SCS-030, SCS-031).
 *
 * The usage maps name the CDB bits that the command functions look at; REPORT SUPPORTED OPERATION
 * CODES hands them out. The control byte's NACA bit is looked at for all, and refused.
 */
#include "scsi_impl.h"

#define LBA4 0xff, 0xff, 0xff, 0xff
#define LBA8 LBA4, LBA4

/* clang-format off */
const struct scsi_op scsi_ops[256] = {
	[0x00] = { scsi_test_unit_ready, .no_data = true, .usage = { 0, 0, 0, 0, 0x04 } },
	[0x03] = { scsi_request_sense, .usage = { 0x01, 0, 0, 0xff, 0x04 } },
	[0x08] = { scsi_read, .usage = { 0x1f, 0xff, 0xff, 0xff, 0x04 } },
	[0x0a] = { scsi_write, .usage = { 0x1f, 0xff, 0xff, 0xff, 0x04 } },
	[0x12] = { scsi_inquiry, .usage = { 0x03, 0xff, 0xff, 0xff, 0x04 } },
	[0x15] = { scsi_mode_select, .usage = { 0x11, 0, 0, 0xff, 0x04 } },
	[0x1a] = { scsi_mode_sense, .usage = { 0x08, 0xff, 0xff, 0xff, 0x04 } },
	[0x1b] = { scsi_start_stop, .no_data = true, .usage = { 0, 0, 0, 0xf7, 0x04 } },
	[0x1e] = { scsi_prevent_allow, .no_data = true, .usage = { 0, 0, 0, 0, 0x04 } },
	[0x25] = { scsi_read_capacity_10, .usage = { 0, LBA4, 0, 0, 0x01, 0x04 } },
	[0x28] = { scsi_read, .usage = { 0xf8, LBA4, 0, 0xff, 0xff, 0x04 } },
	[0x2a] = { scsi_write, .usage = { 0xf8, LBA4, 0, 0xff, 0xff, 0x04 } },
	[0x2e] = { scsi_write_verify, .usage = { 0xf6, LBA4, 0, 0xff, 0xff, 0x04 } },
	[0x2f] = { scsi_verify, .usage = { 0xf6, LBA4, 0, 0xff, 0xff, 0x04 } },
	[0x35] = { scsi_sync_cache, .no_data = true, .usage = { 0x02, LBA4, 0, 0xff, 0xff, 0x04 } },
	[0x41] = { scsi_write_same, .usage = { 0xff, LBA4, 0, 0xff, 0xff, 0x04 } },
	[0x42] = { scsi_unmap, .needs_thin = true,
		   .usage = { 0x01, 0, 0, 0, 0, 0, 0xff, 0xff, 0x04 } },
	[0x55] = { scsi_mode_select, .usage = { 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0x04 } },
	[0x5a] = { scsi_mode_sense, .usage = { 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0x04 } },
	[0x88] = { scsi_read, .usage = { 0xf8, LBA8, LBA4, 0, 0x04 } },
	[0x89] = { scsi_compare_and_write, .usage = { 0xf8, LBA8, 0, 0, 0, 0xff, 0, 0x04 } },
	[0x8a] = { scsi_write, .usage = { 0xf8, LBA8, LBA4, 0, 0x04 } },
	[0x8e] = { scsi_write_verify, .usage = { 0xf6, LBA8, LBA4, 0, 0x04 } },
	[0x8f] = { scsi_verify, .usage = { 0xf6, LBA8, LBA4, 0, 0x04 } },
	[0x91] = { scsi_sync_cache, .no_data = true, .usage = { 0x02, LBA8, LBA4, 0, 0x04 } },
	[0x93] = { scsi_write_same, .usage = { 0xff, LBA8, LBA4, 0, 0x04 } },
	[0x9e] = { scsi_read_capacity_16, .has_action = true, .action = 0x10,
		   .usage = { 0x1f, LBA8, LBA4, 0x01, 0x04 } },
	[0xa3] = { scsi_report_opcodes, .has_action = true, .action = 0x0c,
		   .usage = { 0x1f, 0x87, 0xff, 0xff, 0xff, LBA4, 0, 0x04 } },
	[0xa8] = { scsi_read, .usage = { 0xf8, LBA4, LBA4, 0, 0x04 } },
	[0xaa] = { scsi_write, .usage = { 0xf8, LBA4, LBA4, 0, 0x04 } },
	[0xae] = { scsi_write_verify, .usage = { 0xf6, LBA4, LBA4, 0, 0x04 } },
	[0xaf] = { scsi_verify, .usage = { 0xf6, LBA4, LBA4, 0, 0x04 } },
};
/* clang-format on */
