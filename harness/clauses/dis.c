/* SPDX-License-Identifier: MIT */
/*
 * Clauses DIS: where the design document and the shipping kernels disagree.
 *
 * The kernels win. Each row says what the document has, what kernels do and how a handler is
 * judged; "see" names the clauses that carry the requirement itself.
 */
#include "clause.h"

static const struct clause rows[] = {
	{
		.id = "DIS-000",
		.title = "How to read the differences between design document and kernel",
		.level = CLAUSE_INFO,
		.where = CLAUSE_DOC,
		.source = "SEED, HDR, DRV",
		.text = "The DIS rows list where the TCMU design document and the kernels that "
			"people run (6.1 and 6.12) say different things. The harness sides with "
			"the kernel. A handler that meets only the document is reported as "
			"\"seed-conformant, kernel-incompatible\".",
	},
	{
		.id = "DIS-01",
		.title = "Mailbox version is 2, not 1",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.5, HDR, UIO",
		.text = "Design document: the version is 1, and a handler aborts on anything "
			"else. Kernels: 2, and the version file in sysfs says 2 too.\n"
			"Judged: exactly 2 is accepted. A handler that insists on 1 fails. The "
			"simulator also offers 1 and 3, which must be refused.",
		.see = "HND-001 LAY-010",
	},
	{
		.id = "DIS-02",
		.title = "Four mailbox flags, not one",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.5, HDR",
		.text = "Design document: the out-of-order flag only. Kernels: CAP_OOOC, "
			"CAP_READ_LEN, CAP_TMR and CAP_KEEP_BUF are all set.\n"
			"Judged: a handler has to test the bit of a feature before it uses the "
			"feature, and has to ignore bits that it does not know.",
		.see = "LAY-011 HND-035 HND-036 HND-050",
	},
	{
		.id = "DIS-03",
		.title = "A third opcode, TMR",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, HDR, DRV",
		.text = "Design document: entries are CMD or PAD. Kernels: TMR as well, though "
			"only while tmr_notification is 1.\n"
			"Judged: every handler must get past a TMR correctly.",
		.see = "HND-016 KRN-102",
	},
	{
		.id = "DIS-04",
		.title = "What UNKNOWN_OP is for",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "SEED 1.1.6, DRV",
		.text = "Design document: on an opcode it does not know, the handler sets "
			"UNKNOWN_OP, advances and carries on. Kernels: uflags of a PAD or TMR are "
			"never looked at; the flag has an effect on a CMD only.\n"
			"Judged: as the document has it, and in addition no response bytes may "
			"have been written to such an entry.",
		.see = "HND-015 HND-034",
	},
	{
		.id = "DIS-05",
		.title = "The length is inside len_op",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED, HDR",
		.text = "Design document: speaks of entry.hdr.length. Kernels: there is no such "
			"member; the length is len_op without its low three bits.\n"
			"Judged: as in the header. The sample code of the document hands a "
			"pointer to the header to a helper that wants the len_op value, and would "
			"not work as printed.",
		.see = "LAY-021 HND-012",
	},
	{
		.id = "DIS-06",
		.title = "The response has a third field, read_len",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, HDR, DRV",
		.text = "Design document: status and sense. Kernels: read_len too, valid with "
			"UFLAG_READ_LEN.\n"
			"Judged: an optional feature; checked when a handler uses it.",
		.see = "KRN-069 HND-035",
	},
	{
		.id = "DIS-07",
		.title = "Data may outlive the completion",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.7, HDR, DRV",
		.text = "Design document: completing a command releases its data. Kernels: "
			"UFLAG_KEEP_BUF retains the blocks and the id until they are given back "
			"through free_kept_buf or the device is closed.\n"
			"Judged: an optional feature; checked when a handler uses it.",
		.see = "HND-036 KRN-112",
	},
	{
		.id = "DIS-08",
		.title = "The timeout is a parameter",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.10, DRV",
		.text = "Design document: commands are aborted after a fixed 30 s. Kernels: the "
			"attribute cmd_time_out decides (30 s by default, 0 means never), and "
			"waiting commands have a timeout of their own, qfull_time_out.\n"
			"Judged: with several values. Nobody may build on 30 s.",
		.see = "KRN-090 KRN-091 KRN-092",
	},
	{
		.id = "DIS-09",
		.title = "What a timeout does",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.10, DRV",
		.text = "Design document: the command is aborted. Kernels: the initiator receives "
			"CHECK CONDITION 02/08/00, while the ring entry, the id and the blocks "
			"stay taken until the handler completes the command or reset_ring is "
			"used.\n"
			"Judged: a late completion is still due, exactly once.",
		.see = "KRN-090 HND-060",
	},
	{
		.id = "DIS-10",
		.title = "No handler ever attaches",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED, DRV",
		.text = "Design document: commands are posted and aborted after 30 s. Kernels: "
			"the same, until ring or data area is full; from then on commands wait in "
			"a queue of the driver and run out of time there with TASK SET FULL.\n"
			"Judged: both halves are tested.",
		.see = "KRN-080 KRN-091 HND-041",
	},
	{
		.id = "DIS-11",
		.title = "A handler is killed and comes back",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.3 1.1.10, DRV",
		.text = "Design document: the ring is preserved and a new handler reconnects to "
			"it. Kernels: the same, except that commands kept by KEEP_BUF are freed "
			"at the last close, and that a handler which completes out of order "
			"cannot recover from the ring alone.\n"
			"Judged: restart tests are separate for in-order and out-of-order "
			"handlers.",
		.see = "HND-061 HND-070 HND-071",
	},
	{
		.id = "DIS-12",
		.title = "A malicious handler",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "SEED, DRV",
		.text = "Design document: it cannot reach kernel memory. Kernels: the driver "
			"states as its rule that it takes data only from the shared area, and "
			"neither offsets nor sizes. In fact the walk reads back the length and "
			"opcode of entries, and ends only where its own pointer meets cmd_tail.\n"
			"Judged: whatever a hostile handler does, the kernel lives on, which "
			"means no oops, no lockup, no hung task and no change outside the region. "
			"On a real kernel this is measured in a disposable virtual machine and "
			"never on a machine that anyone needs. The simulator has to detect an "
			"illegal tail or a changed entry header at once, and must not loop.",
		.see = "KRN-003 KRN-061 HND-012 HND-023 HND-040",
	},
	{
		.id = "DIS-13",
		.title = "Netlink events and replies",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "SEED 1.1.9, HDR, DRV",
		.text = "Design document: a device is announced as added or removed, with name "
			"and minor. Kernels: generic netlink version 2, with DEVICE_ID, a "
			"RECONFIG event, replies and SET_FEATURES.\n"
			"Judged: as KRN-140 to KRN-149 describe it.",
		.see = "KRN-140 KRN-141 KRN-142 KRN-143 KRN-144 KRN-145 KRN-146 KRN-147 KRN-148 "
		       "KRN-149",
	},
	{
		.id = "DIS-14",
		.title = "Shape of the UIO name",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.8, DRV",
		.text = "Design document: tcm-user/<hba>/<device>/<subtype>/<path>. Kernels: "
			"tcm-user/<hba>/<device>/<dev_config>, and the last part is missing "
			"altogether when dev_config is empty. That dev_config holds a subtype and "
			"a path is only a convention.\n"
			"Judged: the name must be parsed defensively.",
		.see = "HND-004",
	},
	{
		.id = "DIS-15",
		.title = "Colons and newlines in the UIO name",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED, DRV",
		.text = "Design document: a colon cannot occur, LIO forbids it. Kernels: the "
			"driver does not enforce that. The control file splits its input at "
			"commas and newlines, so through it neither can get in; attrib/dev_config "
			"copies what is written to it unchanged, a trailing newline included.\n"
			"Judged: a handler has to cope with a colon and with a stray newline.",
		.see = "HND-004",
	},
	{
		.id = "DIS-16",
		.title = "Ring size",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED, DRV",
		.text = "Design document: any size. Kernels: set per device in whole MiB, at most "
			"8 MiB with the mailbox included.\n"
			"Judged: with a matrix of geometries from 1 to 8 MiB.",
		.see = "LAY-060",
	},
	{
		.id = "DIS-17",
		.title = "Order of completion",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.5, DRV",
		.text = "Design document: in order, unless the out-of-order flag is offered. "
			"Kernels: the same on paper; in fact the driver looks only at the cmd_id "
			"in the entry at its reclaim pointer and takes any order at any time.\n"
			"Judged: another order is allowed if the flag is set, not otherwise.",
		.see = "HND-050 HND-051",
	},
	{
		.id = "DIS-18",
		.title = "The doorbell",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, DRV, UIO",
		.text = "Design document: a write of 4 bytes. Kernels: the same; the value has no "
			"meaning, and another size is answered with EINVAL.\n"
			"Judged: as is.",
		.see = "HND-045",
	},
	{
		.id = "DIS-19",
		.title = "Recovery actions exist",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "SEED, DRV",
		.text = "Design document: none. Kernels: action/block_dev, action/reset_ring (1 "
			"or 2) and action/free_kept_buf in configfs.\n"
			"Judged: as KRN-110 to KRN-113 describe them.",
		.see = "KRN-110 KRN-111 KRN-112 KRN-113",
	},
	{
		.id = "DIS-20",
		.title = "Status values",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.3, DRV",
		.text = "Design document: SAM values, with CHECK CONDITION as 2 and not 1. "
			"Kernels: the byte is forwarded as it stands.\n"
			"Judged: the byte has to be one of the SAM statuses.",
		.see = "HND-032",
	},
	{
		.id = "DIS-21",
		.title = "The sample loop waits first",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.2, UIO",
		.text = "Design document: its sample blocks in read before it has looked at the "
			"ring. Kernels: UIO takes the event counter at open as the baseline and "
			"so never reports an earlier event.\n"
			"Judged: draining before the first wait is mandatory.",
		.see = "HND-041",
	},
	{
		.id = "DIS-22",
		.title = "The sample's prefix check",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.2",
		.text = "Design document: its sample compares the first 8 characters of the name. "
			"In practice tcm-userX passes that test too.\n"
			"Judged: the first component has to be tcm-user, with the slash behind "
			"it.",
		.see = "HND-004",
	},
	{
		.id = "DIS-23",
		.title = "Access to the data area",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.7, DRV",
		.text = "Design document: a handler touches only what the command references. "
			"Kernels: touching a page that is not allocated raises SIGBUS and logs an "
			"error, whereas a page that is allocated but not referenced causes no "
			"fault.\n"
			"Judged: by poison and guards around the buffers in the simulator.",
		.see = "HND-018 KRN-127",
	},
	{
		.id = "DIS-24",
		.title = "Sense buffer",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, DRV",
		.text = "Design document: to be filled when needed. Kernels: all 96 bytes are "
			"copied as they are and none is validated.\n"
			"Judged: bytes 0 to 95 are checked.",
		.see = "HND-033 KRN-068",
	},
	{
		.id = "DIS-25",
		.title = "iov_dif_cnt",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "SEED, HDR, DRV",
		.text = "Design document: no such field. Kernels: it exists and is 0 always.\n"
			"Judged: a handler must ignore it.",
		.see = "HND-019",
	},
};

const struct clause_table clauses_dis = { rows, sizeof(rows) / sizeof(rows[0]) };
