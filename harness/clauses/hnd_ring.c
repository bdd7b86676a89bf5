/* SPDX-License-Identifier: MIT */
/*
 * Clauses HND-001 to HND-023: attaching to a device and reading its ring.
 *
 * They bind the handler. Each says what must be done, what the harness observes from outside, and
 * what real handlers get wrong.
 */
#include "clause.h"

static const struct clause rows[] = {
	{
		.id = "HND-001",
		.title = "Check the mailbox version",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.5 (says 1), HDR (says 2)",
		.text = "Once the region is mapped and before anything on the ring is used, the "
			"handler has to see that version is 2. If it is not, it detaches and "
			"leaves no trace: nothing is stored.",
		.observe = "A mailbox with version 1, 3 or 0xFFFF and a command waiting. A store "
			   "anywhere in the region, or a write to the doorbell, fails.",
		.mistake = "go-tcmu prints the version without testing it. Who takes the design "
			   "document by the letter refuses every current kernel.",
		.see = "LAY-010 LAY-012 DIS-01",
	},
	{
		.id = "HND-002",
		.title = "Use cmdr_off and cmdr_size as the mailbox states them",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.5",
		.text = "Neither 128 nor 8 MiB may be compiled in, and indices may not be wrapped "
			"with a power-of-two mask.",
		.observe = "The simulator offers cmdr_off 4096 and a cmdr_size that is a multiple "
			   "of 8 but of no larger power of two. A handler that reads in the wrong "
			   "place betrays itself by completions nobody asked for.",
		.mistake = "& (size - 1) in place of a modulo; a fixed offset for the data area.",
		.see = "LAY-010 LAY-060",
	},
	{
		.id = "HND-003",
		.title = "Map the whole of map0, shared and writable",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.8, UIO, DRV",
		.text = "The mapping is exactly as long as map0, starts at offset 0, is shared, "
			"and allows reading and writing.",
		.observe = "The arguments of mmap, recorded by the simulator; EINVAL on a kernel. "
			   "With MAP_PRIVATE the tail is never seen to move.",
		.mistake = "Reading the hexadecimal size in base 10; a size that overflows 32 "
			   "bits; rounding the size up.",
		.see = "KRN-126 LAY-061",
	},
	{
		.id = "HND-004",
		.title = "Parse the UIO name strictly",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.8, DRV",
		.text = "The first component is tcm-user in full, a prefix does not do. Then come "
			"the HBA as a decimal number and the device; the remainder is taken as it "
			"stands. Its subtype reaches to the first slash or, without one, to the "
			"end; the path is the rest, which may be empty and may contain slashes "
			"and colons. Newlines at the end are removed. The remainder may be "
			"missing.",
		.observe = "Which names of this list are taken up:\n"
			   "  tcm-userX/0/a/foo         tcm-user/0/a\n"
			   "  tcm-user/0/a/             tcm-user/0/a/foo\n"
			   "  tcm-user/0/a/foo/         tcm-user/0/a/foo//x\n"
			   "  tcm-user/0/a/foobar/x     tcm-user/0/a/fo/x\n"
			   "  tcm                       one with a newline inside\n"
			   "  one whose config has 255 characters",
		.mistake = "tcmu-runner compares no more characters than the config has, so "
			   "\"fo\" or an empty subtype matches a handler called \"foo\", and its "
			   "test for tcm-user takes a shorter prefix as well. go-tcmu uses the "
			   "fourth component without asking whether there is one. Name buffers of "
			   "256 bytes are too small.",
		.see = "KRN-133 LAY-064 DIS-14 DIS-15 DIS-22",
	},
	{
		.id = "HND-005",
		.title = "Open only devices of your own subtype",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.2",
		.text = "A device whose name announces another subtype must not be opened.",
		.observe = "A device of another subtype is on offer and has to stay unopened. On "
			   "a kernel such an open makes the owner fail with EBUSY.",
		.mistake = "To open first and look at the name later.",
		.see = "KRN-120 HND-004",
	},
	{
		.id = "HND-006",
		.title = "Retry when open says EBUSY",
		.level = CLAUSE_SHOULD,
		.where = CLAUSE_REAL,
		.source = "UIO",
		.text = "After a restart the device may still be in use. A handler should try "
			"again, with growing pauses.",
		.observe = "A helper process holds the file for some seconds and closes it then. "
			   "The handler has to attach within its bound for retries.",
		.mistake = "A child forked by the predecessor still has the file, and the new "
			   "instance gives up and dies.",
		.see = "KRN-120",
	},
	{
		.id = "HND-007",
		.title = "Close on exec, and tear down completely",
		.level = CLAUSE_SHOULD,
		.where = CLAUSE_REAL,
		.source = "UIO",
		.text = "The file should be opened with O_CLOEXEC; at the end it should be "
			"unmapped and closed.",
		.observe = "The handler forks a helper and dies; the next instance has to get the "
			   "device open. On the simulator: how many references the fake file has.",
		.mistake = "Something started through a shell inherits the file and keeps the "
			   "device busy.",
		.see = "KRN-120",
	},
	{
		.id = "HND-008",
		.title = "Learn the configuration from configfs",
		.level = CLAUSE_SHOULD,
		.where = CLAUSE_REAL,
		.source = "SEED 1.1.8",
		.text = "hw_block_size, dev_size, hw_max_sectors, emulate_write_cache and the "
			"unit serial number should be read there.",
		.observe = "On a device with blocks of 4096 bytes: the capacity it reports, and "
			   "the offsets at which its data ends up.",
		.mistake = "Taking 512 for granted.",
		.see = "KRN-130 KRN-131",
	},
	{
		.id = "HND-010",
		.title = "Load cmd_head with acquire, as one 32-bit access",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV, HDR",
		.text = "The load comes before every look at an entry it makes visible, cannot be "
			"torn, and is repeated for each step, so that a head which advances "
			"during the drain is noticed.",
		.observe = "The simulator publishes head last, under weak-memory stress or with "
			   "the entry written at the last moment. A handler with a stale or torn "
			   "value parses nonsense. Entries added while it drains have to be "
			   "served too.",
		.mistake = "A plain load that the compiler hoists out of the loop. On CPUs with "
			   "strict alignment the packed struct makes it load byte by byte; "
			   "tcmu-runner had to be repaired for aarch64.",
		.see = "KRN-024 HND-011 HND-042",
	},
	{
		.id = "HND-011",
		.title = "Never consume anything past cmd_head",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "SEED 1.1.6",
		.text = "What lies at head and beyond is not an entry, however much it looks like "
			"one.",
		.observe = "The tail must stay between its old value and head. Beyond head the "
			   "simulator plants decoy commands that are perfectly well-formed.",
		.mistake = "Looping until an entry reads as zero. The completion loop of go-tcmu "
			   "passes entries that are no CMD without asking where head is.",
		.see = "HND-010 HND-040",
	},
	{
		.id = "HND-012",
		.title = "Step by the length in len_op, modulo cmdr_size",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6",
		.text = "How far to step is decided by the length in the slot and by nothing "
			"else, even for a slot that was used for another command's completion.",
		.observe = "All values of the tail are boundaries of entries, no others.",
		.mistake = "Stepping by sizeof; forgetting that an entry grows with its iovs; "
			   "shifting the length.",
		.see = "LAY-021 LAY-080 HND-014 HND-051",
	},
	{
		.id = "HND-013",
		.title = "Skip a PAD by its length and touch none of it",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6",
		.text = "A PAD has no command in it and no room for a response.",
		.observe = "The bytes that the PAD covers, and those of the data area behind it, "
			   "are the same afterwards. The 8-byte PAD is used for this.",
		.mistake = "Reading or clearing sizeof(struct tcmu_cmd_entry) bytes there. Using "
			   "the PAD as the slot of a completion: the kernel passes over it, so "
			   "the command is lost and times out.",
		.see = "LAY-050 LAY-073 KRN-030",
	},
	{
		.id = "HND-014",
		.title = "Wrap correctly, with a PAD and without",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, DRV",
		.text = "An entry may end flush with the ring, and then the tail becomes 0 though "
			"there was no PAD. And head may be 0 for a moment with the PAD published "
			"and nothing behind it yet.",
		.observe = "Whether the tail is cmdr_size at any time, or the handler stalls at "
			   "the wrap.",
		.mistake = "\"if (tail > size)\"; waiting for the entry behind a PAD.",
		.see = "KRN-030 KRN-031 HND-012",
	},
	{
		.id = "HND-015",
		.title = "Answer an unknown opcode (3 to 7) with UNKNOWN_OP",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "SEED 1.1.6",
		.text = "The handler ORs UNKNOWN_OP into uflags of that entry, advances past it "
			"and goes on.",
		.observe = "Bit 0 of uflags is set, the bytes from entry offset 8 on are as "
			   "before, and the commands behind it are completed.",
		.mistake = "go-tcmu panics; others stop draining. (No shipping kernel emits such "
			   "an opcode.)",
		.see = "LAY-021 LAY-022 HND-034 DIS-04",
	},
	{
		.id = "HND-016",
		.title = "Get past TMR entries, and preferably act on them",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR, DRV",
		.text = "A TMR must be skipped properly, by its length and without a response. A "
			"handler should also act on it, that is cancel the commands it lists; "
			"each of these has to be completed all the same.",
		.observe = "The tail passes the entry, no response bytes are in it, and the "
			   "commands that it lists are completed, each once.",
		.mistake = "Treating it as a CMD: the status falls on tmr_type, and sense reaches "
			   "past an entry of 32 bytes. Not completing the aborted commands, so "
			   "that the reset hangs. Setting UNKNOWN_OP, as tcmu-runner does, is "
			   "harmless.",
		.see = "LAY-040 KRN-100 KRN-101 KRN-102 KRN-103 KRN-104 DIS-03",
	},
	{
		.id = "HND-017",
		.title = "cdb_off and iov_base count from the start of the region",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6",
		.text = "Both are to be added to the address at which the region is mapped.",
		.observe = "Data-In that turns up somewhere else.",
		.mistake = "Adding them to the address of the entry. Replacing them in the ring "
			   "by addresses, after which no successor can read the entry.",
		.see = "LAY-030 LAY-063",
	},
	{
		.id = "HND-018",
		.title = "Touch only the bytes that the iovs describe",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.7",
		.text = "All other bytes of the data area, including those of the same block or "
			"page, are off limits.",
		.observe = "Guards around the blocks, and above all the bytes after iov_len in "
			   "the last block. On a kernel: SIGBUS.",
		.mistake = "Rounding up to a page or a block; touching the whole data area in "
			   "advance; trusting the length in the CDB over that of the iovs, as "
			   "helpers of tcmu-runner do.",
		.see = "KRN-041 KRN-043 KRN-127 LAY-063 DIS-23",
	},
	{
		.id = "HND-019",
		.title = "Keep Data-Out and Data-In iovs apart",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6",
		.text = "The iovs counted by iov_bidi_cnt must not be read as a part of Data-Out. "
			"A handler that does not support BIDI still must complete such a command. "
			"iov_dif_cnt is to be ignored.",
		.observe = "A BIDI command from the simulator whose blocks adjoin.",
		.mistake = "tcmu-runner and go-tcmu know nothing of iov_bidi_cnt; the data of an "
			   "XDWRITEREAD then ends up nowhere.",
		.see = "KRN-023 KRN-044 LAY-030 DIS-25",
	},
	{
		.id = "HND-020",
		.title = "Cope with iovs of any shape",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, DRV",
		.text = "There may be many; they need not split at logical blocks (4096-byte "
			"blocks fit a 4 KiB data block, but blocks of 520 or 8192 bytes cross "
			"over); the last one may be short, and lists of single bytes are "
			"possible.",
		.observe = "The bitmap is fragmented in advance in several patterns, and the data "
			   "is verified.",
		.mistake = "Using iov[0] alone for the likes of INQUIRY; demanding iov_cnt 1, as "
			   "tcmu-runner does for WRITE SAME.",
		.see = "KRN-043 LAY-071",
	},
	{
		.id = "HND-021",
		.title = "Cope with no iov at all",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "A command without iovs is completed without touching iov[0].",
		.observe = "TEST UNIT READY, WRITE SAME without data, READ of length 0: does the "
			   "handler crash or stall?",
		.mistake = "For WRITE SAME tcmu-runner reads the length of the first iov even "
			   "when there is none.",
		.see = "KRN-045",
	},
	{
		.id = "HND-022",
		.title = "Take the CDB length from the opcode, within the entry",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV, CORE",
		.text = "The groups of KRN-012 and the length byte of opcode 0x7F apply; never "
			"more than the entry has room for.",
		.observe = "Opcodes 0xC0 and 0x60, and 0x7F with too little behind it: each has "
			   "to be completed.",
		.mistake = "tcmu-runner drops such a command and says nothing. There is no "
			   "completion, and a slot, an id and blocks are lost for good.",
		.see = "KRN-012",
	},
	{
		.id = "HND-023",
		.title = "Leave the kernel's words alone",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "DRV",
		.text = "Off limits for stores are, in the mailbox, version, flags, cmdr_off, "
			"cmdr_size and cmd_head; len_op and kflags of any entry; and the request "
			"of entries at head or beyond. Nor may a handler conclude anything from "
			"such words where they are stale.",
		.observe = "Comparison with a shadow copy. A changed cmd_head really does move "
			   "the producer.",
		.mistake = "Reducing cmd_head in place; wiping an entry when it is done; clearing "
			   "len_op to mark it as done.",
		.see = "KRN-001 KRN-002 KRN-003",
	},
};

const struct clause_table clauses_hnd_ring = { rows, sizeof(rows) / sizeof(rows[0]) };
