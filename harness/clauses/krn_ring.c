/* SPDX-License-Identifier: MIT */
/*
 * Clauses KRN-001 to KRN-050: what the kernel puts on the ring, and when.
 *
 * State and access, admission of a command, construction of entries, PAD and ring space, data
 * blocks and iovs, ids. They bind the kernel's half, hence the simulator; handler authors read them
 * to know what they may rely on.
 */
#include "clause.h"

static const struct clause rows[] = {
	{
		.id = "KRN-001",
		.title = "State that the kernel keeps outside the region",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "DRV",
		.text = "Outside of the shared memory the driver holds: cmdr_last_cleaned, the "
			"reclaim pointer, which names the next entry to reclaim and starts at 0; "
			"the bitmap of data blocks; dbi_thresh, starting at 0, and dbi_max; a "
			"table from id (1 to 65535) to command; three first-in first-out lists, "
			"of commands in flight, of commands waiting because the ring was full, "
			"and of waiting TMRs; and the device bits OPEN, BROKEN, BLOCKED, "
			"TMR_NOTIFY and PLUGGED.\n"
			"cmd_head does not belong to this state. It is read from the mailbox each "
			"time it is needed, modulo cmdr_size.",
		.mistake = "Keeping a private head in a simulator. When a handler overwrites "
			   "cmd_head, a kernel goes on producing from the overwritten value "
			   "(modulo size). A simulator reports the store first and then behaves "
			   "the same.",
		.see = "KRN-002 KRN-024 KRN-032 LAY-010",
	},
	{
		.id = "KRN-002",
		.title = "The complete list of what the kernel stores into the region",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "These are all the stores the kernel makes.\n"
			"  1. the mailbox, at initialisation\n"
			"  2. the header of a PAD, 8 bytes\n"
			"  3. a whole CMD or TMR entry, filled with zeroes first\n"
			"  4. cmd_head\n"
			"  5. Data-Out bytes, into data blocks\n"
			"  6. cmd_tail = 0 and cmd_head = 0, in reset_ring\n"
			"  7. scsi_status = 2, in an entry that came back with UNKNOWN_OP\n"
			"A data page is zero when it is first allocated. Beyond these nothing is "
			"ever stored: entries that were completed are not wiped, nor are the "
			"buffers of reads.",
		.mistake = "A simulator that wipes entries or buffers after use. It hides "
			   "handlers that depend on, or leak, old bytes.",
		.see = "KRN-003 HND-023 LAY-050",
	},
	{
		.id = "KRN-003",
		.title = "The complete list of what the kernel loads from the region",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "The kernel loads cmd_head and cmd_tail; from each entry it reclaims "
			"len_op, cmd_id, uflags, scsi_status, read_len and sense_buffer; and the "
			"Data-In bytes of those blocks that it had assigned itself. It never "
			"again looks at the iovs, iov_cnt, cdb_off, the CDB, or the constant "
			"fields of the mailbox.",
		.mistake = "Believing that len_op is safe once written: length and opcode are "
			   "taken from shared memory again at completion. A simulator keeps a "
			   "list of its own entries and reports any difference.",
		.see = "KRN-002 KRN-061 HND-023",
	},
	{
		.id = "KRN-010",
		.title = "Order in which a new command is checked",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_queue_cmd, queue_cmd_ring)",
		.text = "A command submitted to the device goes through these steps in this "
			"order.\n"
			"   1. already aborted: it is not queued at all (tcmu_queue_cmd)\n"
			"   2. device BLOCKED: fails with BUSY\n"
			"   3. device BROKEN: fails with CHECK CONDITION 02/08/00\n"
			"   4. queue-full list not empty: appended to it, strictly FIFO\n"
			"   5. needs more blocks in total than max_blocks: CHECK CONDITION\n"
			"      05/24/00\n"
			"   6. blocks are allocated; failing that, those taken are freed and the\n"
			"      command is queued\n"
			"   7. entry longer than cmdr_size/2: blocks freed, CHECK CONDITION\n"
			"      05/24/00\n"
			"   8. no room on the ring: blocks freed and the command is queued\n"
			"   9. no id left: blocks freed, fails with TASK SET FULL\n"
			"  10. a PAD is written if one is needed\n"
			"  11. the entry is built\n"
			"  12. head is published\n"
			"  13. the handler is notified, unless the device is plugged\n"
			"The tests for BLOCKED and BROKEN thus come before the one for waiting "
			"commands. Step 5 happens before any allocation and counts blocks, not "
			"bytes; for BIDI it counts those of both directions.",
		.mistake = "Testing for ring room before taking blocks (they are taken, then "
			   "given back, which shows only in which pages are populated), or "
			   "writing the PAD before the id is certain: when ids run out no PAD may "
			   "stay behind.",
		.see = "KRN-011 KRN-013 KRN-032 KRN-050 KRN-080",
	},
	{
		.id = "KRN-011",
		.title = "Status the initiator gets for each failed admission",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (run_qfull_queue)",
		.text = "What the initiator is told depends on the reason.\n"
			"  device BLOCKED                                   0x08 BUSY\n"
			"  no id left, or waiting not allowed because\n"
			"    qfull_time_out is 0                            0x28 TASK SET FULL\n"
			"  too large                                        0x02 with 05/24/00\n"
			"  device BROKEN, or no memory for the command      0x02 with 02/08/00\n"
			"That holds for a new command. When the same failure meets a command that "
			"is being drained from the queue-full list, it becomes 0x02 with 02/08/00 "
			"in all cases, for the reason is lost there.",
		.mistake = "Answering an impossible command with 05/24/00 at once although other "
			   "commands are waiting. It is queued behind them without a look at its "
			   "size, and fails later with 02/08/00. The same goes for a device that "
			   "was blocked meanwhile.",
		.see = "KRN-010 KRN-080 KRN-081 SCS-044",
	},
	{
		.id = "KRN-012",
		.title = "CDB length follows from the opcode",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_cmd_get_cmd_size), CORE (scsi_command_size)",
		.text = "How many CDB bytes are delivered depends on the opcode and not on how "
			"many the initiator sent. The group is opcode >> 5.\n"
			"  group   0   1   2   3   4   5   6   7\n"
			"  bytes   6  10  10  12  16  12  10  10\n"
			"Opcode 0x7F is different: byte 7 plus 8, at most 260; a command that "
			"would have more target core refuses with 05/24/00, and it never gets "
			"here. A vendor opcode 0xC0 to 0xFF arrives with exactly 10 bytes.",
		.mistake = "Copying the initiator's whole buffer: 16 bytes sent with opcode 0xC1 "
			   "are delivered as 10.",
		.see = "LAY-080 HND-022",
	},
	{
		.id = "KRN-013",
		.title = "Number of data blocks of a command",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV, CORE",
		.text = "A command needs ceil(data_length / block size) blocks and, for BIDI, "
			"ceil(sum of the bidi segments / block size) more. data_length is the "
			"transfer length that the fabric expects, not the one in the CDB; for "
			"this backend target core does not compare the two.",
		.mistake = "Leaving the second direction of BIDI out of the size test.",
		.see = "KRN-010 KRN-043 SCS-003 SCS-020",
	},
	{
		.id = "KRN-020",
		.title = "Size of a command entry",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_cmd_get_base_cmd_size, tcmu_cmd_get_cmd_size)",
		.text = "base = max(48 + 16*(iovs + bidi iovs), 112), and the entry is base + "
			"(CDB length rounded up to 8) bytes long, which always is a multiple of "
			"8. Thanks to the floor of 112 a response fits into every entry.",
		.see = "LAY-080 KRN-022",
	},
	{
		.id = "KRN-021",
		.title = "An entry is zeroed before it is filled",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "All of its bytes are cleared first. Holes, pads, iov room that is not "
			"used, and whatever lies between the end of the CDB and the end of the "
			"entry therefore read as 0, and so do uflags and kflags.",
		.see = "KRN-002 LAY-030",
	},
	{
		.id = "KRN-022",
		.title = "The CDB follows the iov room",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_cmd_get_base_cmd_size)",
		.text = "The CDB is placed at entry offset base, behind the room for the iovs: "
			"cdb_off = 128 + ring offset of the entry + base. With no more than 4 "
			"iovs that is entry offset 112, the first byte that a response cannot "
			"reach.",
		.mistake = "Putting the CDB straight behind the last iov. With fewer than 4 iovs "
			   "the floor of 112 leaves a gap.",
		.see = "KRN-020 LAY-070 LAY-072",
	},
	{
		.id = "KRN-023",
		.title = "Values of the request fields",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "iov_cnt counts the iovs of the main direction. iov_bidi_cnt counts the "
			"Data-In iovs of a BIDI command and is 0 for any other. iov_dif_cnt is 0. "
			"cmd_id is at least 1. No field states the direction of the data: the "
			"handler has to know it from the CDB.",
		.see = "LAY-020 LAY-030 HND-019",
	},
	{
		.id = "KRN-024",
		.title = "How head is published",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (UPDATE_HEAD)",
		.text = "cmd_head becomes ((cmd_head mod size) + total) mod size, by a store with "
			"release semantics that comes after every byte of entry and data. Head is "
			"always below cmdr_size and a multiple of 8.",
		.mistake = "Advancing a private copy of head instead of what the mailbox holds.",
		.see = "KRN-001 HND-010",
	},
	{
		.id = "KRN-030",
		.title = "When a PAD is written",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (ring_insert_padding)",
		.text = "A PAD is written exactly if cmdr_size - head is less than the entry "
			"needs. It covers cmdr_size - head bytes to the last; head becomes 0, by "
			"a release store of its own, before the command is built. If the two are "
			"equal there is no PAD: the entry ends flush with the ring and head wraps "
			"to 0.",
		.mistake = "Padding on equality. The test here is strict, the one for free space "
			   "is not.",
		.see = "KRN-031 KRN-032 LAY-050 LAY-073 HND-013 HND-014",
	},
	{
		.id = "KRN-031",
		.title = "A PAD is only made for a follower",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (ring_insert_padding)",
		.text = "Room is tested for PAD and entry together and before either is written, "
			"so there is no PAD without the command or TMR that caused it. A handler "
			"that polls may nevertheless catch the moment in between, with head at 0 "
			"and only the PAD published. The PAD by itself is not announced.",
		.mistake = "Publishing PAD and entry in one store. There are two head stores, and "
			   "no notification between them.",
		.see = "KRN-030 HND-014",
	},
	{
		.id = "KRN-032",
		.title = "The rule for free ring space",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (is_ring_space_avail)",
		.text = "used = (head - cmdr_last_cleaned) mod size, free = size - used - 1, and "
			"needed is the entry's total, plus size - head when a PAD is called for. "
			"Admission takes free >= needed. It is the reclaim pointer that counts "
			"and not cmd_tail: entries that the handler released but the kernel did "
			"not walk yet still take up space.",
		.mistake = "Computing free space from cmd_tail. As long as there is no doorbell, "
			   "a handler that moved its tail has freed nothing. Or forgetting the "
			   "-1.",
		.see = "KRN-030 KRN-033 KRN-061",
	},
	{
		.id = "KRN-033",
		.title = "Head equal to tail means empty",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "The -1 in the free space keeps head of a non-empty ring from ever "
			"meeting the reclaim pointer. The most a ring can hold is size - 8 bytes. "
			"On the default ring that is 65534 entries of 128 bytes, or 69903 of 120 "
			"bytes, the latter more than there are ids (65535).",
		.see = "KRN-032",
	},
	{
		.id = "KRN-034",
		.title = "An empty ring takes every legal entry",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "DRV",
		.text = "Entries are limited to size/2 and a PAD is shorter than the entry it is "
			"made for, so both together need at most size - 8 bytes. An empty ring "
			"therefore cannot deadlock, wherever head stands.",
		.see = "KRN-010 KRN-032",
	},
	{
		.id = "KRN-040",
		.title = "Blocks are taken first-fit, one by one",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_get_empty_block)",
		.text = "Each block that a command needs is the lowest clear bit of the bitmap. "
			"The search limit dbi_thresh is raised by the command's whole block count "
			"whenever the clear bits below it are too few, up to max_blocks; it "
			"always leaves enough, so the outcome is that of a plain search for the "
			"lowest clear bit below max_blocks. It fails only when fewer blocks are "
			"free than needed.",
		.mistake = "Next-fit. The search restarts at bit 0 each time, so the next command "
			   "reuses a low block just freed, and buffers fragment quickly.",
		.see = "KRN-043 KRN-048 LAY-062 LAY-071",
	},
	{
		.id = "KRN-041",
		.title = "Which pages of a block exist",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.sim = true,
		.source = "DRV",
		.text = "Of the pages of a block only the first ceil(bytes used / PS) get "
			"allocated. They are zeroed then, and stay for reuse after the block is "
			"released. With data_pages_per_blk above 1, pages at the end of a "
			"command's last block that it does not use may not exist; touching one is "
			"a SIGBUS.",
		.mistake = "Simulating with plain memory in which each page exists: it accepts "
			   "handlers that die of SIGBUS on a kernel. Such pages need guards.",
		.see = "KRN-127 HND-018",
	},
	{
		.id = "KRN-042",
		.title = "A buffer may show bytes of other commands",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "A block that is used again shows what earlier commands left in it. "
			"Nobody clears a Data-In buffer on its way to the handler, and bytes of "
			"the last page behind data_length are cleared at no time.",
		.mistake = "Counting on zeroes in a Data-In buffer. What the handler does not "
			   "write goes to the initiator as it is.",
		.see = "KRN-002 HND-035 HND-039",
	},
	{
		.id = "KRN-043",
		.title = "How blocks become iovs",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (new_block_to_iov)",
		.text = "A new iov is started by a block that is not the previous block + 1, and "
			"by the first block of a direction. iov_base is data_off + block * block "
			"size. iov_len adds up min(bytes remaining, block size). Hence the "
			"lengths of a direction add up to its data length exactly, no iov but the "
			"last can end inside a block, and no iov describes what is left of the "
			"last block.",
		.mistake = "Rounding the last iov up to a block when data_length is no multiple "
			   "of it.",
		.see = "KRN-013 KRN-040 LAY-071 HND-018 HND-020",
	},
	{
		.id = "KRN-044",
		.title = "Layout of a BIDI command",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "DRV",
		.text = "The Data-Out blocks are allocated first and the Data-In blocks after "
			"them, each in order. Data-In starts with a new iov even where its first "
			"block adjoins the last of Data-Out. iov[0] up to iov_cnt - 1 are "
			"Data-Out; the iov_bidi_cnt that follow are Data-In.\n"
			"The one fabric of a kernel's that sets the BIDI flag, on 6.1 as on 6.12, "
			"is qla2xxx; tcm_loop, iSCSI and vhost do not. The probe fabric does. "
			"Without data one way such a command is a BUG() of the driver's.",
		.see = "KRN-023 KRN-070 HND-019",
	},
	{
		.id = "KRN-045",
		.title = "Commands without data",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "Such a command has iov_cnt = 0, no block, and an entry of 120 or 128 "
			"bytes (for CDBs of up to 16). It is legal for opcodes that usually carry "
			"data as well.",
		.see = "HND-021",
	},
	{
		.id = "KRN-046",
		.title = "Direction, and copying Data-Out in",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_copy_data, queue_cmd_ring)",
		.text = "With TO_DEVICE and with BIDI, what the initiator sends is in the blocks "
			"by the time the command is published. FROM_DEVICE gets blocks and iovs, "
			"but no copy. When the scatter list is shorter than data_length, the copy "
			"ends quietly and no more iovs are built from there on.",
		.mistake = "Copying late. What the initiator does to its buffer after the copy "
			   "has no effect; and on the way back the copy out precedes the release "
			   "of the blocks.",
		.see = "KRN-070 KRN-024",
	},
	{
		.id = "KRN-047",
		.title = "Block offsets are multiplied in 32 bits",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "DRV (new_block_to_iov)",
		.text = "block * block size is a 32-bit product, to which data_off is added "
			"afterwards. For blocks at or above 4 GiB of data area iov_base therefore "
			"wraps. To get there, global_max_data_area_mb and max_data_area_mb both "
			"have to exceed 4096, and that much has to be in use. A simulator either "
			"refuses data areas above 4096 MiB or reproduces the wrap.",
		.see = "KRN-043",
	},
	{
		.id = "KRN-048",
		.title = "The global page limit is soft",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.sim = true,
		.source = "DRV (find_free_blocks)",
		.text = "global_max_data_area_mb is 2048 MiB by default with 4 KiB pages. Going "
			"over it never refuses a page; it schedules the reclaimer, which comes "
			"back every 5 s for as long as the limit is exceeded.",
		.mistake = "A budget per device. All devices share one pool of pages, and the "
			   "reclaimer visits each configured device.",
		.see = "KRN-049 KRN-132",
	},
	{
		.id = "KRN-049",
		.title = "What the reclaimer does",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.sim = true,
		.source = "DRV (find_free_blocks)",
		.text = "It runs the completions first, which means that cmd_tail is looked at "
			"without any doorbell, and drains the queue-full list. After that it "
			"frees the pages of the blocks above the highest one in use, lowers "
			"dbi_thresh and dbi_max, and takes that range out of all mappings. A "
			"later touch of such an address faults again: SIGBUS, unless the page was "
			"allocated anew.",
		.mistake = "A handler that remembers an address which worked for an earlier "
			   "command. It may be gone.",
		.see = "KRN-048 KRN-060 KRN-127",
	},
	{
		.id = "KRN-050",
		.title = "Ids are the lowest free number",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (queue_cmd_ring)",
		.text = "The id of a command is the lowest one free in 1 to 65535; the search is "
			"not cyclic. An id stays taken while its command is in flight, has "
			"expired without being completed, or is held by KEEP_BUF. Right after "
			"reclaim the very next command may have it. 0 never stands for a command.",
		.mistake = "Relying on ids that only grow, in a test or in a handler: they are "
			   "reused at once.",
		.see = "KRN-010 KRN-065 HND-039 HND-053",
	},
};

const struct clause_table clauses_krn_ring = { rows, sizeof(rows) / sizeof(rows[0]) };
