/* SPDX-License-Identifier: MIT */
/*
 * Clauses LAY: the layout of the shared region, byte by byte.
 *
 * Mailbox, entry header, command, TMR and PAD entries, the geometry of the region, and worked
 * examples of them. Kernel and handler can only meet if these hold, so they bind both; a case shows
 * them on a ring that the simulator produced.
 */
#include "clause.h"

static const struct clause rows[] = {
	{
		.id = "LAY-001",
		.title = "Every offset and size is asserted against the installed header",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR",
		.text = "The numbers of this chapter belong to <linux/target_core_user.h>. They "
			"come from a program that prints offsetof and sizeof of each member, "
			"built against linux-libc-dev 6.1.187 on x86-64 first with gcc 12.2 and "
			"then with clang 14; the two listings were identical. That header differs "
			"from the one in the 6.1 kernel tree only in how the packed attribute is "
			"spelled, and 6.12 declares the flexible member iov in another way than "
			"6.1, which changes no number: there is one ABI.\n"
			"The tree must keep each number as a static assertion: a build against a "
			"header that disagrees has to stop.",
		.see = "LAY-010 LAY-020 LAY-030 LAY-031 LAY-040",
	},
	{
		.id = "LAY-002",
		.title = "Host byte order, and nothing that states the word size",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR",
		.text = "Integers in the region are stored in the byte order of the host. No "
			"field tells how wide a pointer is, and struct iovec consists of a "
			"pointer and a size_t, so it is the kernel's word size that fixes the "
			"layout of an entry; a handler has to be built for the same one.",
		.mistake = "A handler of the other word size than its kernel: see LAY-033.",
		.see = "LAY-030 LAY-033",
	},
	{
		.id = "LAY-010",
		.title = "Mailbox: where each field is and who writes it",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR, DRV",
		.text = "struct tcmu_mailbox is the first thing in the region (offset 0). It is "
			"packed, 128 bytes long and aligned to 64.\n"
			"  Off  Size  Type  Field      Value, writer             Kernel rereads?\n"
			"    0     2  u16   version    2; kernel, once           no\n"
			"    2     2  u16   flags      0x000F; kernel, once      no\n"
			"    4     4  u32   cmdr_off   128; kernel, once         no\n"
			"    8     4  u32   cmdr_size  kernel, once              no\n"
			"   12     4  u32   cmd_head   kernel                    YES, only copy\n"
			"   16    48  -     hole       zero; nobody              no\n"
			"   64     4  u32   cmd_tail   handler                   yes\n"
			"   68    60  -     hole       zero; nobody              no\n"
			"Flags are 0x000F on both 6.1 and 6.12. The kernel keeps no copy of "
			"cmd_head anywhere else. It stores cmd_tail on one occasion only, when "
			"reset_ring zeroes it.",
		.mistake = "Treating cmd_head as a number the producer only exports: a store to "
			   "it moves the producer.",
		.see = "LAY-011 LAY-060 KRN-001 KRN-002 HND-001 HND-002 DIS-01",
	},
	{
		.id = "LAY-011",
		.title = "Mailbox capability bits",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR",
		.text = "Four bits of the mailbox flags have a meaning; their macro names start "
			"with TCMU_MAILBOX_FLAG_.\n"
			"  0x1  CAP_OOOC      completions may come in any order\n"
			"  0x2  CAP_READ_LEN  UFLAG_READ_LEN and read_len are understood\n"
			"  0x4  CAP_TMR       TMR entries may appear on the ring\n"
			"  0x8  CAP_KEEP_BUF  UFLAG_KEEP_BUF is understood\n"
			"Kernels 6.1 and 6.12 set all four, always. A handler must disregard bits "
			"that it does not know.",
		.see = "LAY-010 HND-035 HND-036 HND-050 DIS-02",
	},
	{
		.id = "LAY-012",
		.title = "Constants of the header",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR",
		.text = "The header defines these numbers, and both halves use them.\n"
			"  TCMU_MAILBOX_VERSION   2\n"
			"  TCMU_VERSION           \"2.0\"\n"
			"  ALIGN_SIZE             64   (alignment of cmd_tail in the mailbox)\n"
			"  TCMU_OP_MASK           0x7\n"
			"  TCMU_OP_ALIGN_SIZE     8\n"
			"  TCMU_SENSE_BUFFERSIZE  96",
		.see = "LAY-010 LAY-021 LAY-031",
	},
	{
		.id = "LAY-020",
		.title = "Entry header: 8 bytes in front of every entry",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR, DRV",
		.text = "struct tcmu_cmd_entry_hdr is packed, 8 bytes long, alignment 1.\n"
			"  Off  Size  Type  Field   Meaning\n"
			"    0     4  u32   len_op  bits 2..0 opcode; bits 31..3 the length in\n"
			"                           bytes, which is a multiple of 8 by itself\n"
			"    4     2  u16   cmd_id  set by the kernel for CMD; 0 in PAD and TMR\n"
			"    6     1  u8    kflags  0 on 6.1 and 6.12, in every entry\n"
			"    7     1  u8    uflags  0 from the kernel; the handler sets bits",
		.see = "LAY-021 LAY-022 KRN-023",
	},
	{
		.id = "LAY-021",
		.title = "Opcode and length share len_op",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR",
		.text = "The opcode is len_op & 7 and the length is len_op & 0xFFFFFFF8. Nothing "
			"is shifted: masking alone yields a byte count, and it covers the whole "
			"entry with its header. Opcodes are PAD 0, CMD 1 and TMR 2; 3 to 7 are "
			"not assigned.",
		.mistake = "Shifting the length right by three, or adding the header size to it "
			   "once more.",
		.see = "LAY-020 HND-012 HND-015 DIS-05",
	},
	{
		.id = "LAY-022",
		.title = "Bits that a handler may set in uflags",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR",
		.text = "Three bits of uflags have a meaning, each for the one completion that "
			"carries it.\n"
			"  0x1  TCMU_UFLAG_UNKNOWN_OP\n"
			"  0x2  TCMU_UFLAG_READ_LEN\n"
			"  0x4  TCMU_UFLAG_KEEP_BUF",
		.see = "LAY-020 HND-015 HND-034 HND-035 HND-036 HND-037",
	},
	{
		.id = "LAY-030",
		.title = "Command entry as the kernel writes it (the request view)",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR, DRV",
		.text = "struct tcmu_cmd_entry is 112 bytes long with alignment 1: the outer "
			"struct is packed, those inside it are not. Its member req begins at "
			"entry offset 8 and is 40 bytes plus the flexible array iov.\n"
			"  Offset in entry  Size  Type     Field\n"
			"         8            4  u32      iov_cnt\n"
			"        12            4  u32      iov_bidi_cnt\n"
			"        16            4  u32      iov_dif_cnt, always 0\n"
			"        20            4  -        hole, zero\n"
			"        24            8  u64      cdb_off\n"
			"        32            8  u64      __pad1, 0\n"
			"        40            8  u64      __pad2, 0\n"
			"        48 + 16*i     8  pointer  iov[i].iov_base, an offset into the\n"
			"                                  region and not an address\n"
			"        56 + 16*i     8  size_t   iov[i].iov_len",
		.see = "LAY-031 LAY-080 KRN-022 KRN-023 DIS-25",
	},
	{
		.id = "LAY-031",
		.title = "Command entry as the handler answers it (the response view)",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR",
		.text = "The member rsp shares entry offset 8 with req, as a union, and is 104 "
			"bytes long.\n"
			"  Offset  Size  Type  Field         Request bytes underneath\n"
			"     8       1  u8    scsi_status   lowest byte of iov_cnt\n"
			"     9       1  u8    __pad1        iov_cnt\n"
			"    10       2  u16   __pad2        iov_cnt\n"
			"    12       4  u32   read_len      iov_bidi_cnt\n"
			"    16      96  u8[]  sense_buffer  iov_dif_cnt, the hole, cdb_off\n"
			"                                    (sense bytes 8..15), both pads,\n"
			"                                    iov[0..3]\n"
			"                                    (sense bytes 32..95)",
		.mistake = "A simulator that keeps the response in a structure of its own. "
			   "Request and response have to overlay each other in one buffer, and "
			   "the response has to be read out of it, or residue of the request "
			   "never shows.",
		.see = "LAY-030 LAY-032 HND-030 HND-031 HND-033",
	},
	{
		.id = "LAY-032",
		.title = "A response store destroys the request, and no response is not GOOD",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR, DRV",
		.text = "Each byte of the response lies on top of request bytes, so storing it "
			"loses them. A response that nobody wrote is no neutral answer either. On "
			"a little-endian host the kernel takes the low byte of iov_cnt for "
			"scsi_status and iov_bidi_cnt for read_len:\n"
			"  iov_cnt 0  status 0x00, GOOD\n"
			"  iov_cnt 1  status 0x01, no SAM status\n"
			"  iov_cnt 2  status 0x02, CHECK CONDITION, with request bytes as sense\n"
			"  iov_cnt 8  status 0x08, BUSY",
		.mistake = "Testing with commands that have no iov, where an unwritten status "
			   "happens to read as GOOD.",
		.see = "LAY-031 HND-030 HND-031 HND-052 KRN-069 KRN-071",
	},
	{
		.id = "LAY-033",
		.title = "What the layout becomes in a 32-bit build",
		.level = CLAUSE_INFO,
		.where = CLAUSE_DOC,
		.source = "HDR, DRV",
		.text = "Alignment and pointer size change the command entry as follows.\n"
			"  build        cdb_off at  iov at  one iovec  struct size\n"
			"  x86-64           24        48     16 bytes      112\n"
			"  i386             20        44      8 bytes      112\n"
			"  32-bit Arm       24        48      8 bytes      112\n"
			"On i386 a u64 inside a struct needs an alignment of 4 only, which moves "
			"cdb_off. The driver translates nothing for compat tasks, hence a 32-bit "
			"handler under a 64-bit kernel misreads each command that carries an iov. "
			"The two 32-bit lines were worked out with a model of equal layout; no "
			"32-bit compiler confirmed them.",
		.see = "LAY-002 LAY-030",
	},
	{
		.id = "LAY-040",
		.title = "TMR entry: fields and length",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR, DRV",
		.text = "struct tcmu_tmr_entry is packed with alignment 1: 32 bytes followed by "
			"the list of ids.\n"
			"  Off  Size  Type   Field\n"
			"    0     8  hdr    opcode 2, cmd_id 0, both flag bytes 0\n"
			"    8     1  u8     tmr_type\n"
			"    9     1  u8     __pad1\n"
			"   10     2  u16    __pad2\n"
			"   12     4  u32    cmd_cnt, may be 0\n"
			"   16     8  u64    __pad3\n"
			"   24     8  u64    __pad4\n"
			"   32   2*n  u16[]  cmd_ids\n"
			"The length in len_op is 32 + 2*cmd_cnt, rounded up to a multiple of 8: "
			"no id gives 32, one to four give 40, five to eight give 48.",
		.see = "LAY-041 KRN-102 HND-016",
	},
	{
		.id = "LAY-041",
		.title = "Values of tmr_type",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR",
		.text = "The values that tmr_type can have:\n"
			"    0  UNKNOWN           5  LUN_RESET\n"
			"    1  ABORT_TASK        6  TARGET_WARM_RESET\n"
			"    2  ABORT_TASK_SET    7  TARGET_COLD_RESET\n"
			"    3  CLEAR_ACA       128  LUN_RESET_PRO\n"
			"    4  CLEAR_TASK_SET",
		.see = "LAY-040 KRN-100",
	},
	{
		.id = "LAY-050",
		.title = "PAD entry: eight bytes of header and nothing else",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR, DRV",
		.text = "A PAD defines its header only: opcode 0, cmd_id 0, both flag bytes 0. "
			"What it covers beyond these 8 bytes is left as it was. The shortest PAD "
			"is 8 bytes long; looking at sizeof(struct tcmu_cmd_entry) bytes there "
			"runs off the end of the ring and into the data area.",
		.mistake = "Expecting zeroes inside a PAD. From the second lap on its body shows "
			   "the remains of older entries, and a simulator that clears it is "
			   "wrong.",
		.see = "KRN-002 KRN-030 HND-013",
	},
	{
		.id = "LAY-060",
		.title = "Where ring and data area begin and how large they are",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "The ring starts at region offset 128, since cmdr_off equals the size of "
			"the mailbox. With R = cmd_ring_size_mb, cmdr_size is R*2^20 - 128, and "
			"the data area starts at data_off = cmdr_size + 128 = R*2^20. No "
			"cmdr_size is a power of two.\n"
			"  R                 cmdr_size  largest command    data_off\n"
			"                               (cmdr_size / 2)\n"
			"  1                   1048448           524224    0x100000\n"
			"  2                   2097024          1048512    0x200000\n"
			"  4                   4194176          2097088    0x400000\n"
			"  8 (default, max)    8388480          4194240    0x800000",
		.mistake = "Wrapping with a mask, as if the ring were a power of two long.",
		.see = "LAY-061 LAY-062 HND-002 DIS-16",
	},
	{
		.id = "LAY-061",
		.title = "Size of map0 and how sysfs spells it",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV, UIO",
		.text = "map0 is max_data_area_mb*2^20 + cmdr_size + 128 bytes long. By default, "
			"with 4 KiB pages, that is 1024 MiB + 8 MiB = 1082130432 = 0x40800000 "
			"bytes. The default data area is counted in pages, 262144 of them, and so "
			"is 16 GiB where a page has 64 KiB.\n"
			"The sysfs file holds hexadecimal text: 0x, then 16 digits on a 64-bit "
			"kernel, then a newline.",
		.mistake = "Reading the text as decimal, which stops at the x and gives 0.",
		.see = "LAY-060 LAY-064 HND-003 KRN-126",
	},
	{
		.id = "LAY-062",
		.title = "Data blocks",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "With PS the page size (4096 unless stated), a block is "
			"data_pages_per_blk*PS bytes; the default is one page. The region offset "
			"of block d is data_off + d*(block size). There are max_blocks = "
			"floor(max_data_area_mb*2^20 / PS / data_pages_per_blk) of them.",
		.see = "LAY-060 LAY-063 KRN-040 KRN-043",
	},
	{
		.id = "LAY-063",
		.title = "The mailbox does not publish the data geometry",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR, SEED 1.1.7",
		.text = "Neither data_off nor the block size can be read from the mailbox. The "
			"iovs of a command are the one place from which a handler may learn where "
			"a buffer lies.",
		.mistake = "A data offset that is compiled in, or computed from cmdr_off and "
			   "cmdr_size.",
		.see = "LAY-010 LAY-062 HND-017 HND-018",
	},
	{
		.id = "LAY-064",
		.title = "What sysfs tells about the UIO device",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "UIO, DRV",
		.text = "A TCMU device appears in sysfs as any UIO device does.\n"
			"  /sys/class/uio/uioN/name     the UIO name and a newline\n"
			"  /sys/class/uio/uioN/version  2\n"
			"  /sys/class/uio/uioN/event    number of events so far\n"
			"  /sys/class/uio/uioN/maps/map0/name, addr, size, offset\n"
			"The name of map0 is \"tcm-user command & data buffer\". There is no "
			"other map.",
		.see = "LAY-061 KRN-133 HND-004",
	},
	{
		.id = "LAY-070",
		.title = "Worked example: READ(10) of one block on an empty ring",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV, HDR",
		.text = "A READ(10) of 4096 bytes on a little-endian host with the default "
			"geometry, as the first command. The entry is at ring offset 0 (region "
			"offset 128) and 128 bytes long.\n"
			"  len_op    0x00000081\n"
			"  cmd_id    1\n"
			"  iov_cnt   1\n"
			"  cdb_off   240 = 128 + 0 + 112\n"
			"  iov[0]    base 0x800000, length 4096\n"
			"  240..249  the CDB; 250..255 are zero\n"
			"  cmd_head  128 afterwards",
		.see = "LAY-030 KRN-020 KRN-022 KRN-043",
	},
	{
		.id = "LAY-071",
		.title = "Worked example: a fragmented buffer",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "Default geometry, blocks 0 and 2 are taken, a command moves 12288 bytes. "
			"It gets blocks 1, 3 and 4, described by iov_cnt = 2:\n"
			"  iov[0]  base 0x801000, length 4096\n"
			"  iov[1]  base 0x803000, length 8192  (blocks 3 and 4 are adjacent)",
		.see = "KRN-040 KRN-043",
	},
	{
		.id = "LAY-072",
		.title = "Worked example: five iovs move the CDB",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "With five iovs the base is 48 + 16*5 = 128. A 10-byte CDB makes the "
			"entry 144 bytes long, and with the entry at ring offset head, cdb_off = "
			"128 + head + 128.",
		.mistake = "Expecting the CDB at entry offset 112 always; that holds up to four "
			   "iovs.",
		.see = "KRN-020 KRN-022 LAY-080",
	},
	{
		.id = "LAY-073",
		.title = "Worked example: a PAD of eight bytes",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "In a ring of 1 MiB (cmdr_size 1048448), 8737 entries of 120 bytes bring "
			"head to 1048440. The next command first emits a PAD of 8 bytes, len_op "
			"0x00000008, at ring offset 1048440, and then goes to ring offset 0, "
			"provided that entries at the start of the ring have been reclaimed by "
			"then.",
		.see = "LAY-050 KRN-030",
	},
	{
		.id = "LAY-074",
		.title = "Traffic of one entry size never pads the default ring",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "8388480 is 120*69904 and also 128*65535, so a stream of nothing but "
			"120-byte entries, or of nothing but 128-byte entries, wraps flush. To "
			"see a PAD, mix in an entry of 136, 144 or 152 bytes, or use a ring of 1 "
			"MiB: 1048448 is 128*8191, but 120 does not divide it.",
		.mistake = "Believing that a long run has tested PAD although it consisted of one "
			   "command size on the default ring.",
		.see = "LAY-060 LAY-080 KRN-030",
	},
	{
		.id = "LAY-080",
		.title = "Length of a command entry as a table",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "Length = max(48 + 16*n, 112) + (CDB length rounded up to 8), in bytes, "
			"where n counts the iovs of both directions.\n"
			"  n      base  CDB 6  CDB 10/12/16  CDB 32  CDB 260\n"
			"  0..4    112    120           128     144      376\n"
			"  5       128    136           144     160      392\n"
			"  6       144    152           160     176      408\n"
			"  7       160    168           176     192      424\n"
			"  8       176    184           192     208      440\n"
			"(A 10-, 12- or 16-byte CDB takes 16 bytes either way.)",
		.see = "KRN-012 KRN-020 LAY-030",
	},
};

const struct clause_table clauses_lay = { rows, sizeof(rows) / sizeof(rows[0]) };
