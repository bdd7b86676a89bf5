/* SPDX-License-Identifier: MIT */
/*
 * Clauses SCS: SCSI obligations that pass-through leaves to the handler.
 *
 * Who answers which command, the three lengths of a command, the commands of a direct-access
 * device, and the sense of each error.
 */
#include "clause.h"

static const struct clause rows[] = {
	{
		.id = "SCS-001",
		.title = "Which commands the kernel answers itself",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "CORE (passthrough_parse_cdb)",
		.text = "The kernel decides when it parses the CDB, in the same way on 6.1 and "
			"6.12. The defaults are emulate_pr, pgr_support and alua_support 1.\n"
			"  REPORT LUNS (A0)\n"
			"      kernel, whatever the attributes\n"
			"  PERSISTENT RESERVE IN and OUT (5E, 5F),\n"
			"  RESERVE and RELEASE 6 and 10 (16, 17, 56, 57)\n"
			"      kernel by default\n"
			"      emulate_pr 0: kernel, which refuses them with 05/20/00\n"
			"      pgr_support 0 while emulate_pr is 1: handler\n"
			"  all others\n"
			"      handler, whatever the attributes\n"
			"The others include INQUIRY and all VPD pages, MODE SENSE and SELECT, "
			"REQUEST SENSE, READ CAPACITY, REPORT and SET TARGET PORT GROUPS (A3/0A, "
			"A4/0A), REPORT SUPPORTED OPCODES (A3/0C), EXTENDED COPY, COMPARE AND "
			"WRITE, UNMAP and WRITE SAME.",
		.see = "SCS-002 KRN-131",
	},
	{
		.id = "SCS-002",
		.title = "What the kernel checks before a command gets to the ring",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "CORE",
		.text = "A command has to pass these checks first; the right side is the answer "
			"to one that does not.\n"
			"  the LUN exists                          else 05/25/00\n"
			"  a TO_DEVICE command on a read-only LUN  07/27/00\n"
			"  the kernel has a unit attention pending 06/..; INQUIRY, REPORT LUNS\n"
			"                                          and REQUEST SENSE pass\n"
			"  ALUA access state                       02/04/xx, not checked with\n"
			"                                          alua_support 0\n"
			"  reservation conflict                    status 0x18, not checked if\n"
			"                                          emulate_pr or pgr_support is 0\n"
			"A command that fails here is never seen on the ring.",
		.see = "SCS-001 SCS-003",
	},
	{
		.id = "SCS-003",
		.title = "What the kernel does not check",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "CORE",
		.text = "Whether the opcode is valid, the LBA range, the length in the CDB "
			"against the transfer, whether fields are valid, multiples of the block "
			"size, alignment, WCE and FUA, protection information, task attributes. "
			"All of that is up to the handler.",
		.see = "SCS-002 SCS-020 KRN-013",
	},
	{
		.id = "SCS-004",
		.title = "Unit attentions held by the kernel",
		.level = CLAUSE_INFO,
		.where = CLAUSE_DOC,
		.source = "CORE",
		.text = "A handler can neither see nor clear them. Those which it raises itself "
			"are separate from them and exist per device, because nothing on the ring "
			"tells one nexus from another.",
		.see = "SCS-002 HND-085",
	},
	{
		.id = "SCS-020",
		.title = "Three lengths, of which the smallest is transferred",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "T10, DRV, RUN",
		.text = "There is the length of the CDB (blocks times block size, allocation "
			"length or parameter list length), the sum of the iov lengths (what the "
			"fabric expects), and the data that is available. The least of the three "
			"is transferred; no two may be assumed to be equal.\n"
			"Recommended for media access where the iovs and the CDB disagree: fail "
			"with 05/24/00 and leave the medium alone, or transfer the smaller and "
			"report READ_LEN on reads. (tcmu-runner gives HARDWARE ERROR 04/44/00.)",
		.mistake = "Reading or writing as much as the CDB says without regard to the "
			   "iovs.",
		.see = "KRN-013 HND-018 HND-035 SCS-003",
	},
	{
		.id = "SCS-021",
		.title = "READ(6) and WRITE(6) of length 0 mean 256 blocks",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "T10, RUN",
		.text = "In the 10-, 12- and 16-byte forms 0 means that nothing is transferred "
			"and the status is GOOD, though the LBA is still checked against the "
			"capacity.",
		.mistake = "Taking byte 4 at face value. In tcmu-runner the 0 becomes a length "
			   "mismatch and 04/44/00.",
		.see = "SCS-020 SCS-030",
	},
	{
		.id = "SCS-022",
		.title = "Allocation length truncates",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "T10, RUN",
		.text = "An answer that is too long is cut off silently. It is not an error, and "
			"length fields inside the answer are not lowered because of it. With 0 "
			"the status is GOOD and there is no data.",
		.mistake = "An error for short allocations: tcmu-runner fails a MODE SENSE whose "
			   "allocation is shorter than its header.",
		.see = "SCS-020 HND-035",
	},
	{
		.id = "SCS-023",
		.title = "Parameter list length",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "T10",
		.text = "0 is GOOD and has no effect. A length too short for the mandatory header "
			"is 05/1A/00.",
		.see = "SCS-020 SCS-040",
	},
	{
		.id = "SCS-030",
		.title = "Commands of a direct-access handler",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "T10, CORE, RUN",
		.text = "The levels are those for a block handler; sense of a refusal is as in "
			"SCS-040.\n"
			"  00        TEST UNIT READY                              MUST\n"
			"            no iov; GOOD, or 02/.. when the backing is gone\n"
			"  03        REQUEST SENSE                                MUST\n"
			"            fixed format (DESC 0) and descriptor format (DESC 1), key 0\n"
			"            for no sense, allocation 0 to 252; tcmu-runner's generic\n"
			"            path has none and answers 05/20/00\n"
			"  12        INQUIRY, standard                            MUST\n"
			"            at least 36 bytes; byte 3 format 2; byte 4 = n - 5; CmdQue;\n"
			"            EVPD 0 with a page other than 0: 05/24/00\n"
			"  12        INQUIRY, VPD 00, 80, 83                      MUST\n"
			"            page list in ascending order, with itself in it; 83 with one\n"
			"            LU designator or more (NAA 3 or 6, or T10); lengths that\n"
			"            agree\n"
			"  12        INQUIRY, VPD B0, B1, B2                      SHOULD\n"
			"            B0: length 0x3C, maximum transfer as refused; B1: rotation\n"
			"            rate; B2: flags as UNMAP and WRITE SAME behave and as LBPME\n"
			"            in READ CAPACITY(16) says\n"
			"  12        INQUIRY, other VPD                           MUST refuse\n"
			"            05/24/00\n"
			"  25        READ CAPACITY(10)                            MUST\n"
			"            last LBA, or 0xFFFFFFFF if that is larger; block size\n"
			"  9E/10     READ CAPACITY(16)                            MUST\n"
			"            last LBA in 64 bits; block size; LBPME and LBPRZ; another\n"
			"            service action: 05/24/00 (some use 05/20/00)\n"
			"  1A 5A     MODE SENSE(6) (10)                           MUST\n"
			"            pages 01, 08, 0A, 3F; header lengths; WP bit; DBD; saved\n"
			"            values (PC 3): 05/39/00; unknown page: 05/24/00\n"
			"  15 55     MODE SELECT(6) (10)                          SHOULD\n"
			"            PF 1, SP 0; field that cannot change: 05/26/00; length:\n"
			"            05/1A/00\n"
			"  08 28 A8 88  READ 6/10/12/16                           MUST\n"
			"            range; length 0; DPO and FUA; data intact across iov splits\n"
			"  0A 2A AA 8A  WRITE 6/10/12/16                          MUST\n"
			"            as READ; and 07/27/00 when write-protected\n"
			"  2E AE 8E  WRITE AND VERIFY 10/12/16                    SHOULD\n"
			"            BYTCHK; CORE takes them for data commands\n"
			"  2F AF 8F  VERIFY 10/12/16                              SHOULD\n"
			"            BYTCHK 0 has no data; with BYTCHK 1 a miscompare is 0E/1D/00\n"
			"  35 91     SYNCHRONIZE CACHE 10/16                      MUST\n"
			"            only if WCE is 1; durability; length 0 means up to the end;\n"
			"            range error: 05/21/00\n"
			"  89        COMPARE AND WRITE                            MAY\n"
			"            Data-Out of 2*n blocks in one direction, not BIDI; atomic;\n"
			"            miscompare 0E/1D/00 with VALID 1 and INFORMATION the offset;\n"
			"            n above the limit: 05/24/00\n"
			"  41 93     WRITE SAME 10/16                             MAY\n"
			"            one block of Data-Out, or NDOB; UNMAP bit; 0 blocks while\n"
			"            WSNZ is 1: 05/24/00\n"
			"  42        UNMAP                                        MAY\n"
			"            header of 8 bytes, descriptors of 16; length rules; range:\n"
			"            05/21/00; ANCHOR unsupported: 05/24/00; too many\n"
			"            descriptors: 05/26/00\n"
			"  1B        START STOP UNIT                              SHOULD\n"
			"            power condition other than 0: 05/24/00\n"
			"  1E        PREVENT ALLOW MEDIUM REMOVAL                 MAY\n"
			"            GOOD or 05/20/00\n"
			"  A3/0A A4/0A  REPORT and SET TARGET PORT GROUPS         MAY\n"
			"            MUST if INQUIRY has TPGS other than 0; the handler builds\n"
			"            the answer, the kernel has the ALUA state in configfs\n"
			"  83 84     EXTENDED COPY, RECEIVE COPY RESULTS          MAY\n"
			"            MUST if INQUIRY has 3PC 1\n"
			"  04        FORMAT UNIT                                  MAY\n"
			"  any other                                              MUST refuse\n"
			"            CHECK CONDITION with 05/20/00, and not UNKNOWN_OP",
		.see = "SCS-020 SCS-021 SCS-031 SCS-040",
	},
	{
		.id = "SCS-031",
		.title = "Advertise what is implemented, and only that",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "T10, RUN",
		.text = "The bits 3PC, TPGS, LBPU and LBPWS, DPOFUA and WCE, and the list of VPD "
			"pages must agree with what the handler does.",
		.mistake = "Copied answers: tcmu-runner claims 3PC always.",
		.see = "SCS-030",
	},
	{
		.id = "SCS-040",
		.title = "Sense of each error",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "T10, CORE",
		.text = "The status is 0x02, and the format fixed or descriptor.\n"
			"  opcode not supported                                05/20/00\n"
			"  service action not supported                        05/20/00 or\n"
			"                                                      05/24/00\n"
			"  LBA, or LBA + count, beyond the capacity, also by\n"
			"    overflow of 64 bits                               05/21/00\n"
			"  invalid field in CDB (reserved page, bad bits,\n"
			"    count above the advertised maximum)               05/24/00\n"
			"  invalid field in parameter list                     05/26/00\n"
			"  parameter list length error                         05/1A/00\n"
			"  saving parameters not supported                     05/39/00\n"
			"  write protected                                     07/27/00\n"
			"  unrecovered read error                              03/11/00\n"
			"  write error                                         03/0C/00\n"
			"  miscompare                                          0E/1D/00\n"
			"  internal target failure                             04/44/00\n"
			"  not ready, medium gone                              02/3A/00 or\n"
			"                                                      02/04/xx\n"
			"  capacity changed (unit attention)                   06/2A/09\n"
			"  format in progress                                  02/04/04",
		.see = "HND-033 HND-034 SCS-030 SCS-044",
	},
	{
		.id = "SCS-041",
		.title = "A command that fails has done nothing",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "T10",
		.text = "Ranges and fields are checked before the medium is accessed at all. For "
			"an UNMAP with several descriptors, either all are checked in advance or "
			"the first error ends it.",
		.see = "SCS-042 SCS-040",
	},
	{
		.id = "SCS-042",
		.title = "Check the range without overflow",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "T10",
		.text = "To be tried: LBA 0xFFFFFFFFFFFFFFFF with a count of 1; LBA = capacity "
			"with counts of 0 and of 1; LBA = capacity - 1 with a count of 2.",
		.mistake = "Comparing LBA + count with the capacity, where the sum wraps to a "
			   "small number.",
		.see = "SCS-040 SCS-041",
	},
	{
		.id = "SCS-043",
		.title = "Report passing conditions by BUSY or TASK SET FULL",
		.level = CLAUSE_SHOULD,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "T10, CORE",
		.text = "What a retry can cure should be answered with 0x08 BUSY or 0x28 TASK SET "
			"FULL. On tcm_loop the Linux initiator requeues both; a test on a kernel "
			"that uses a block or sg node never meets them as errors.",
		.see = "HND-067 KRN-071",
	},
	{
		.id = "SCS-044",
		.title = "Sense that the kernel builds",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV, CORE",
		.text = "The kernel makes up sense of its own in these situations.\n"
			"  02/08/00  device BROKEN; command expired; UNKNOWN_OP; status 2 without\n"
			"            a way to sense; reset_ring = 2\n"
			"  05/24/00  request larger than the data area or than half the ring\n"
			"  05/20/00  reservation commands with emulate_pr 0\n"
			"  0B/29/03  command aborted before it was queued\n"
			"The format is fixed, 0x70 with 0x0A in byte 7, unless KRN-134 calls for "
			"descriptor format, 0x72.",
		.see = "KRN-011 KRN-067 KRN-090 KRN-111 KRN-134",
	},
};

const struct clause_table clauses_scs = { rows, sizeof(rows) / sizeof(rows[0]) };
