/* SPDX-License-Identifier: MIT */
/*
 * Answers, right and wrong: each row is a little conversation, and the clause that its last answer
 * breaks, or none. The words are in expect_talk.h.
 */
#include "expect_talk.h"

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

/* struct row - @facts as for talk_reset() */
struct row {
	const char *title, *facts, *talk, *clause;
};

static const struct row rows[] = {
	/* transfers */
	{ "a read", "", "28000000000800000400 in=2048 : good", NULL },
	{ "a read of the last block", "", "2800000003e700000100 in=512 : good", NULL },
	{ "the last block refused", "", "2800000003e700000100 in=512 : 5/2100", "SCS-042" },
	{ "one too far", "", "2800000003e800000100 in=512 : good", "SCS-042" },
	{ "one too far, refused", "", "2800000003e800000100 in=512 : 5/2100", NULL },
	{ "one too far, wrong sense", "", "2800000003e800000100 in=512 : 5/2400", "SCS-040" },
	{ "no blocks at the end", "", "2800000003e800000000 : good", NULL },
	{ "no blocks at the end, refused", "", "2800000003e800000000 : 5/2100", NULL },
	{ "no blocks outside", "", "2800000003e900000000 : good", "SCS-042" },
	{ "LBA + count overflows", "", "8800ffffffffffffffff000000010000 in=512 : good",
	  "SCS-042" },
	{ "RDPROTECT", "", "28200000000800000100 in=512 : good", "SCS-040" },
	{ "RDPROTECT refused", "", "28200000000800000100 in=512 : 5/2400", NULL },
	{ "NACA", "", "28000000000800000104 in=512 : good", "SCS-040" },
	{ "short buffer refused", "", "28000000000800000400 in=512 : 5/2400", NULL },
	{ "short buffer filled", "", "28000000000800000400 in=512 : good", NULL },
	{ "long buffer filled", "", "28000000000800000100 in=514 give=01 : good", NULL },
	{ "a write", "", "2a000000000800000100 out=512 : good", NULL },
	{ "a write, protected", "r", "2a000000000800000100 out=512 : good", "SCS-040" },
	{ "a write, refused", "r", "2a000000000800000100 out=512 : 7/2700", NULL },
	{ "a write, refused for nothing", "", "2a000000000800000100 out=512 : 7/2700", "SCS-030" },
	{ "BUSY for nothing", "", "2a000000000800000100 out=512 : status=8", "SCS-043" },
	{ "a status that is none", "", "2a000000000800000100 out=512 : status=1", "HND-032" },
	{ "TASK ABORTED by nobody", "", "2a000000000800000100 out=512 : status=64", "SCS-030" },
	{ "an error of the medium by nobody", "", "2a000000000800000100 out=512 : 3/0c00",
	  "SCS-040" },
	{ "length 0 refused", "", "28000000000800000000 : 5/2400", "SCS-021" },
	{ "BYTCHK 2", "", "2f040000000800000100 : good", "SCS-040" },
	{ "a verify that differs", "", "2f020000000800000100 out=512 : e/1d00", NULL },
	{ "a write and verify with BYTCHK 2", "", "2e040000000800000100 out=512 : good",
	  "SCS-040" },
	{ "a sync out of range", "", "3500000003e800000100 : good", "SCS-042" },
	{ "no sync", "t", "35000000000000000000 : 5/2000", "SCS-030" },
	{ "no sync, write-through, foreign", "f", "35000000000000000000 : 5/2000", NULL },
	{ "too little to compare", "", "89000000000000000005000000010000 out=512 : good",
	  "SCS-040" },
	{ "too little to compare, foreign", "f", "89000000000000000005000000010000 out=512 : good",
	  "SCS-020" },
	{ "MISCOMPARE without INFORMATION", "",
	  "89000000000000000005000000010000 out=1024 : e/1d00", "SCS-030" },
	{ "MISCOMPARE with INFORMATION", "",
	  "89000000000000000005000000010000 out=1024 : "
	  "sense=f0000e000000050a00000000"
	  "1d00",
	  NULL },
	{ "WRITE SAME with LBDATA", "", "41020000000800000100 out=512 : good", "SCS-040" },
	{ "WRITE SAME with ANCHOR", "", "93100000000000000008000000010000 out=512 : good",
	  "SCS-040" },
	/* sense */
	{ "no sense at all", "", "ff000000000000000000 : sense=", "HND-033" },
	{ "sense key in byte 1", "",
	  "ff000000000000000000 : sense=70050000000000"
	  "0a00000000"
	  "2000",
	  "HND-033" },
	{ "no additional length", "", "ff : sense=7000050000000000000000002000", "HND-033" },
	{ "VALID without INFORMATION", "", "ff : sense=f00005000000000a000000002000", "HND-033" },
	{ "INFORMATION without VALID", "", "ff : sense=700005000000010a000000002000", "HND-033" },
	{ "bytes behind the sense", "", "ff : sense=700005000000000a0000000020000000000001",
	  "HND-033" },
	{ "descriptor format, D_SENSE 0", "", "ff : sense=7205200000000000", "SCS-031" },
	{ "NOT READY 2/0800", "", "ff : 2/0800", "HND-034" },
	/* opcodes */
	{ "an opcode that nobody has", "", "ff : 5/2000", NULL },
	{ "an opcode that nobody has, GOOD", "", "ff : good", "SCS-030" },
	{ "an opcode that nobody has, wrong sense", "", "ff : 4/4400", "SCS-040" },
	{ "an opcode that others may have", "f", "4d000000000000000000 : good", NULL },
	{ "a service action that nobody has", "", "9e0000000000000000000000000020 in=32 : good",
	  "SCS-030" },
	{ "an opcode that works and does not", "",
	  "410000000008000001000000 out=512 : 5/2000\n41000000000800000100 out=512 : good",
	  "SCS-031" },
	{ "MAINTENANCE IN, an action of nobody", "", "a3040000000000000008 in=8 : good",
	  "SCS-030" },
	{ "power condition", "", "1b0000001000 : good", "SCS-040" },
	{ "power condition refused", "", "1b0000001000 : 5/2400", NULL },
	{ "REQUEST SENSE, fixed", "",
	  "030000001200 in=18 give=70000000000000"
	  "0a : good",
	  NULL },
	{ "REQUEST SENSE, DESC ignored", "",
	  "030100001200 in=18 give=70000000000000"
	  "0a : good",
	  "SCS-030" },
	{ "REQUEST SENSE with a key", "",
	  "030000001200 in=18 give=70000500000000"
	  "0a00000000"
	  "2000 : good",
	  "SCS-030" },
	/* data */
	{ "a byte behind the answer", "", "120000002800 in=40 give=" STD "00000099 : good",
	  "HND-035" },
	{ "more than the allocation", "", "120000000500 in=40 give=" STD " : good", "SCS-022" },
	{ "no allocation", "", "120000000000 in=8 : good", NULL },
	{ "READ_LEN", "l", "120000002800 in=40 came=36 give=" STD " : good", NULL },
	{ "READ_LEN that is not offered", "", "120000002800 in=40 came=36 give=" STD " : good",
	  "HND-035" },
	{ "READ_LEN of one byte less", "l", "120000002800 in=40 came=35 give=" STD " : good",
	  "HND-035" },
	{ "a stale byte in a command without data", "", "000000000000 in=8 give=00000001 : good",
	  "HND-035" },
	{ "a stale byte in a second direction", "",
	  "28000000000800000100 out=512 bidi=8 give=0001 : good", "HND-035" },
	{ "the additional length shrinks", "",
	  "120000002400 in=36 give=" STD " : good\n120000000800 in=8 give=0000060203000002 : good",
	  "SCS-022" },
	{ "what was said is said again", "",
	  "120000002400 in=36 give=" STD " : good\n120000000800 in=8 give=000006021f000002 : good",
	  NULL },
	/* INQUIRY */
	{ "standard data without CmdQue", "",
	  "120000002400 in=36 give=000006021f000000"
	  "56454e444f52202050524f4455435420202020202020202030303031 : good",
	  "SCS-030" },
	{ "a page without EVPD", "", "120080002400 in=36 : good", "SCS-040" },
	{ "CMDDT", "", "120200002400 in=36 : good", "SCS-040" },
	{ "a list of pages", "",
	  "12010000ff00 in=255 give=000000030080"
	  "83 : good",
	  NULL },
	{ "a list that is not sorted", "",
	  "12010000ff00 in=255 give=000000030083"
	  "80 : good",
	  "SCS-030" },
	{ "a list without itself", "", "12010000ff00 in=255 give=000000028083 : good", "SCS-030" },
	{ "another page code", "", "12018000ff00 in=255 give=0000000141 : good", "SCS-030" },
	{ "no serial number", "", "12018000ff00 in=255 give=00800000 : good", "SCS-030" },
	{ "a page that is listed and refused", "",
	  "12010000ff00 in=255 give=00000004008083b0 : good\n1201b000ff00 in=255 : 5/2400",
	  "SCS-030" },
	{ "a page that is not listed", "",
	  "1201b100ff00 in=255 give=00b1003c0001 : good\n"
	  "12010000ff00 in=255 give=000000030080"
	  "83 : good",
	  "SCS-031" },
	{ "no designator", "", "12018300ff00 in=255 give=00830000 : good", "SCS-030" },
	{ "a designator", "", "12018300ff00 in=255 give=0083000c010300083000000000000001 : good",
	  NULL },
	{ "a designator that ends too late", "",
	  "12018300ff00 in=255 give=0083000c010300103000000000000001 : good", "SCS-030" },
	{ "a page B0 of the wrong length", "", "1201b000ff00 in=255 give=00b00010 : good",
	  "SCS-030" },
	{ "page B0", "", "1201b000ff00 in=255 give=" B0 " : good", NULL },
	{ "too many to compare", "",
	  "1201b000ff00 in=255 give=" B0
	  " : good\n89000000000000000005000000810000 out=132096 : good",
	  "SCS-040" },
	{ "too many to compare, before the limit was known", "",
	  "89000000000000000005000000810000 out=132096 : good\n"
	  "1201b000ff00 in=255 give=" B0 " : good",
	  "SCS-031" },
	{ "3PC without EXTENDED COPY", "",
	  "83000000000000000000000000000000 : 5/2000\n120000002400 in=36 give=000006021f080002"
	  "56454e444f52202050524f4455435420202020202020202030303031 : good",
	  "SCS-031" },
	{ "LBPME without page B2", "",
	  "9e100000000000000000000000200000 in=32 give=" RC16 " : good\n"
	  "1201b200ff00 in=255 give=00b2000400e40200 : good",
	  "SCS-031" },
	{ "DPOFUA, but FUA is refused", "f",
	  "28080000000000000100 in=512 : 5/2400\n1a083f00ff00 in=255 give=" ALL_6 " : good",
	  "SCS-031" },
	{ "DPOFUA, but NACA is refused", "f",
	  "28080000000000000104 in=512 : 5/2400\n1a083f00ff00 in=255 give=" ALL_6 " : good", NULL },
	{ "LBPU, but no UNMAP", "",
	  "1201b200ff00 in=255 give=00b2000400e40200 : good\n42000000000000000000 : 5/2000",
	  "SCS-031" },
	/* capacity */
	{ "capacity (10)", "", "25000000000000000000 in=8 give=000003e700000200 : good", NULL },
	{ "number of blocks", "", "25000000000000000000 in=8 give=000003e800000200 : good",
	  "SCS-030" },
	{ "capacity (16)", "", "9e100000000000000000000000200000 in=32 give=" RC16 " : good",
	  NULL },
	{ "block length", "",
	  "9e100000000000000000000000200000 in=32 give=00000000000003e700001000 : good",
	  "SCS-030" },
	{ "LBA without PMI", "", "25000000000100000000 in=8 give=000003e700000200 : good",
	  "SCS-040" },
	/* UNMAP */
	{ "a short list", "", "42000000000000000400 out=4 send=00020000 : good", "SCS-023" },
	{ "an empty list", "", "42000000000000000000 : good", NULL },
	{ "an empty list refused", "", "42000000000000000000 : 5/1a00", "SCS-023" },
	{ "a list", "",
	  "42000000000000001800 out=24 send=001600100000000000000000000003e700000001 : good",
	  NULL },
	{ "out of range", "",
	  "42000000000000001800 out=24 send=001600100000000000000000000003e800000001 : good",
	  "SCS-042" },
	{ "an LBA of 64 bits", "",
	  "42000000000000001800 out=24 send=001600100000000000000001000000000000000"
	  "1 : good",
	  "SCS-042" },
	{ "descriptors beyond the list", "",
	  "42000000000000001800 out=24 send=002600200000000000000000000000010000000"
	  "1 : good",
	  "SCS-023" },
	{ "ANCHOR", "", "42010000000000000000 : good", "SCS-040" },
	/* mode pages */
	{ "all pages", "", "1a083f00ff00 in=255 give=" ALL_6 " : good", NULL },
	{ "mode data length off by one", "",
	  "1a083f00ff00 in=255 give=30001000"
	  "010a00000000000000000000" PAGE_08 PAGE_0A " : good",
	  "SCS-030" },
	{ "DBD ignored", "",
	  "1a080a00ff00 in=255 give=17001008"
	  "000003e800000200" PAGE_0A " : good",
	  "SCS-030" },
	{ "another number of blocks", "",
	  "1a000a00ff00 in=255 give=17001008"
	  "000003e900000200" PAGE_0A " : good",
	  "SCS-030" },
	{ "another page", "", "1a080800ff00 in=255 give=0f001000" PAGE_0A " : good", "SCS-030" },
	{ "saved values", "", "1a08ca00ff00 in=255 give=0f001000" PAGE_0A " : good", "SCS-040" },
	{ "WP is missing", "r", "1a080a00ff00 in=255 give=0f001000" PAGE_0A " : good", "SCS-030" },
	{ "WCE without a cache", "t", "1a080800ff00 in=255 give=17001000" PAGE_08 " : good",
	  "SCS-031" },
	{ "a cache without WCE", "", "1a080800ff00 in=255 give=17001000" PAGE_08_0 " : good",
	  "SCS-031" },
	{ "a page that 3F does not have", "",
	  "1a083f00ff00 in=255 give=" ALL_6
	  " : good\n1a081c00ff00 in=255 give=0f0010001c0a00000000000000000000 : good",
	  "SCS-040" },
	{ "WCE cleared", "",
	  "151000001800 out=24 send=00000000" PAGE_08_0
	  " : good\n1a080800ff00 in=255 give=17001000" PAGE_08_0 " : good",
	  NULL },
	{ "WCE cleared without effect", "",
	  "151000001800 out=24 send=00000000" PAGE_08_0
	  " : good\n1a080800ff00 in=255 give=17001000" PAGE_08 " : good",
	  "SCS-031" },
	{ "D_SENSE set", "",
	  "151000001000 out=16 send=00000000" PAGE_0A_D " : good\nff : sense=7205200000000000",
	  NULL },
	{ "D_SENSE set without effect", "",
	  "151000001000 out=16 send=00000000" PAGE_0A_D " : good\nff : 5/2000", "SCS-031" },
	{ "a refused list that was applied", "",
	  "151000001900 out=25 send=00000000" PAGE_08_0
	  "00 : 5/1a00\n1a080800ff00 in=255 give=17001000" PAGE_08_0 " : good",
	  "SCS-031" },
	{ "an unchangeable field", "",
	  "1a084a00ff00 in=255 give=0f0010000a0a04000000000000000000 : good\n"
	  "1a080a00ff00 in=255 give=0f001000" PAGE_0A " : good\n"
	  "151000001000 out=16 send=000000000a0a02000000000000000000 : good",
	  "SCS-040" },
	{ "a changeable field refused", "",
	  "1a084a00ff00 in=255 give=0f0010000a0a04000000000000000000 : good\n"
	  "1a080a00ff00 in=255 give=0f001000" PAGE_0A " : good\n"
	  "151000001000 out=16 send=00000000" PAGE_0A_D " : 5/2600",
	  "SCS-030" },
	{ "a mask that hides what was changed", "",
	  "1a080800ff00 in=255 give=17001000" PAGE_08 " : good\n"
	  "151000001800 out=24 send=00000000" PAGE_08_0 " : good\n"
	  "1a084800ff00 in=255 give=17001000" PAGE_08_0 " : good",
	  "SCS-030" },
	{ "SP", "", "151100000000 : good", "SCS-040" },
	{ "a list of less than a header", "", "551000000000000007 out=7 : good", "SCS-023" },
	{ "another block length", "",
	  "151000000c00 out=12 send=00000008000000000000100"
	  "0 : good",
	  "SCS-040" },
	/* the list of opcodes */
	{ "an opcode that works and is not listed", "",
	  "42000000000000000000 : good\n"
	  "a30c00000000000000ff in=255 give=00000008000000000000000"
	  "6 : good",
	  "SCS-031" },
	{ "a CDB length that is wrong", "",
	  "a30c00000000000000ff in=255 give=00000008120000000000000"
	  "a : good",
	  "SCS-030" },
};

static struct talk talk;

static void answers(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *want = rows[i].clause ? rows[i].clause : "";
		char clause[64];

		talk_reset(&talk, rows[i].facts);
		talk_all(&talk, rows[i].talk, clause);
		if (strcmp(clause, want) != 0)
			printf("\n  %s: expected \"%s\", found \"%s\"\n", rows[i].title, want,
			       clause);
		CU_ASSERT_STRING_EQUAL(clause, want);
	}
}

int main(void)
{
	CU_pSuite s;
	int failed;

	if (CU_initialize_registry() != CUE_SUCCESS || !talk_open(&talk, NULL))
		return 2;
	s = CU_add_suite("answers to SCSI commands", NULL, NULL);
	CU_add_test(s, "right and wrong answers", answers);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0;
	CU_cleanup_registry();
	talk_close(&talk);
	return failed;
}
