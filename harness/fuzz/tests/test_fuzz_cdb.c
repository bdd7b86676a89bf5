/* SPDX-License-Identifier: MIT */
/*
 * CDBs taken apart: fields of every length of CDB, BYTCHK, ranges at the end of the disk.
 */
#include "../expect.h"

#include "../../cases/cdb.h"

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

#define BLOCKS 1000
#define BLOCK  512

static struct fuzz_cdb decode(const char *hex)
{
	uint8_t cdb[32] = { 0 };
	struct fuzz_cdb c;
	unsigned int v;

	for (int i = 0; i < 32 && sscanf(hex, "%2x", &v) == 1; i++, hex += 2)
		cdb[i] = (uint8_t)v;
	fuzz_cdb_decode(&c, cdb, BLOCKS, BLOCK);
	return c;
}

static void fields(void)
{
	static const struct {
		const char *hex;
		enum fuzz_kind kind;
		const char *name;
		uint64_t lba, blocks, data_len;
	} t[] = {
		{ "000000000000", FUZZ_K_OTHER, "TEST UNIT READY", 0, 0, 0 },
		{ "0000", FUZZ_K_OTHER, "TEST UNIT READY", 0, 0, 0 },
		{ "08e000070300", FUZZ_K_READ, "READ(6)", 7, 3, 3 * BLOCK },
		{ "080000070000", FUZZ_K_READ, "READ(6)", 7, 256, 256 * BLOCK },
		{ "0a1fffff0100", FUZZ_K_WRITE, "WRITE(6)", 0x1fffff, 1, BLOCK },
		{ "28000102030400010200", FUZZ_K_READ, "READ(10)", 0x1020304, 0x102,
		  0x102 * BLOCK },
		{ "2a000000000000000000", FUZZ_K_WRITE, "WRITE(10)", 0, 0, 0 },
		{ "a80000000009ffffffff0000", FUZZ_K_READ, "READ(12)", 9, 0xffffffff,
		  0xffffffffull * BLOCK },
		{ "aa000000000900000002", FUZZ_K_WRITE, "WRITE(12)", 9, 2, 2 * BLOCK },
		{ "88000102030405060708000000040000", FUZZ_K_READ, "READ(16)", 0x102030405060708, 4,
		  4 * BLOCK },
		{ "8a00ffffffffffffffff000000010000", FUZZ_K_WRITE, "WRITE(16)", UINT64_MAX, 1,
		  BLOCK },
		{ "89000000000000000005000000030000", FUZZ_K_CAW, "COMPARE AND WRITE", 5, 3,
		  6 * BLOCK },
		{ "2e000000000100000200", FUZZ_K_WRITE_VERIFY, "WRITE AND VERIFY(10)", 1, 2,
		  2 * BLOCK },
		{ "2f000000000100000200", FUZZ_K_VERIFY, "VERIFY(10)", 1, 2, 0 },
		{ "2f020000000100000200", FUZZ_K_VERIFY, "VERIFY(10)", 1, 2, 2 * BLOCK },
		{ "2f040000000100000200", FUZZ_K_VERIFY, "VERIFY(10)", 1, 2, 0 },
		{ "2f060000000100000200", FUZZ_K_VERIFY, "VERIFY(10)", 1, 2, BLOCK },
		{ "2f060000000100000000", FUZZ_K_VERIFY, "VERIFY(10)", 1, 0, 0 },
		{ "35000000000300000400", FUZZ_K_SYNC, "SYNCHRONIZE CACHE(10)", 3, 4, 0 },
		{ "41000000000300000400", FUZZ_K_WRITE_SAME, "WRITE SAME(10)", 3, 4, BLOCK },
		{ "41010000000300000400", FUZZ_K_WRITE_SAME, "WRITE SAME(10)", 3, 4, BLOCK },
		{ "93010000000000000003000000040000", FUZZ_K_WRITE_SAME, "WRITE SAME(16)", 3, 4,
		  0 },
		{ "42000000000000001800", FUZZ_K_UNMAP, "UNMAP", 0, 0, 24 },
		{ "120000012400", FUZZ_K_OTHER, "INQUIRY", 0, 0, 0x124 },
		{ "1a003f00c000", FUZZ_K_OTHER, "MODE SENSE(6)", 0, 0, 0xc0 },
		{ "5a003f0000000001ff00", FUZZ_K_OTHER, "MODE SENSE(10)", 0, 0, 0x1ff },
		{ "9e100000000000000000000000200000", FUZZ_K_OTHER, "READ CAPACITY(16)", 0, 0, 32 },
		{ "a30c00000000000102030000", FUZZ_K_OTHER, "REPORT SUPPORTED OPERATION CODES", 0,
		  0, 0x10203 },
		{ "53000000000700000200", FUZZ_K_XDWRITE, "XDWRITEREAD(10)", 7, 2, 2 * BLOCK },
		{ "ff", FUZZ_K_OTHER, "unknown opcode", 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct fuzz_cdb c = decode(t[i].hex);

		if (c.kind != t[i].kind || c.lba != t[i].lba || c.blocks != t[i].blocks ||
		    c.data_len != t[i].data_len || strcmp(c.name, t[i].name) != 0) {
			printf("\n  %s: kind %d lba %llu blocks %llu data %llu %s\n", t[i].hex,
			       c.kind, (unsigned long long)c.lba, (unsigned long long)c.blocks,
			       (unsigned long long)c.data_len, c.name);
			CU_FAIL("a CDB is misread");
		}
	}
}

static void flags(void)
{
	CU_ASSERT_TRUE(decode("28080000000000000100").fua);
	CU_ASSERT_FALSE(decode("28100000000000000100").fua);
	CU_ASSERT_FALSE(decode("080800000100").fua); /* part of the LBA there */
	CU_ASSERT_TRUE(decode("89080000000000000000000000010000").fua);
	CU_ASSERT_TRUE(decode("93080000000000000003000000040000").unmap);
	CU_ASSERT_FALSE(decode("93080000000000000003000000040000").ndob);
	CU_ASSERT_TRUE(decode("93090000000000000003000000040000").ndob);
	CU_ASSERT_EQUAL(decode("2e020000000000000100").bytchk, 1);
	CU_ASSERT_TRUE(decode("2e000000000000000100").fua);
	CU_ASSERT_FALSE(decode("2f080000000000000100").fua);
	CU_ASSERT_EQUAL(decode("af060000000000000001").bytchk, 3);
}

static void directions(void)
{
	CU_ASSERT_EQUAL(decode("28000000000000000100").dir, RINGSIM_FROM_DEVICE);
	CU_ASSERT_EQUAL(decode("28000000000000000000").dir, RINGSIM_NONE);
	CU_ASSERT_EQUAL(decode("2a000000000000000100").dir, RINGSIM_TO_DEVICE);
	CU_ASSERT_EQUAL(decode("2f000000000000000100").dir, RINGSIM_NONE);
	CU_ASSERT_EQUAL(decode("2f020000000000000100").dir, RINGSIM_TO_DEVICE);
	CU_ASSERT_EQUAL(decode("42000000000000001800").dir, RINGSIM_TO_DEVICE);
	CU_ASSERT_EQUAL(decode("120000002400").dir, RINGSIM_FROM_DEVICE);
	CU_ASSERT_EQUAL(decode("25000000000000000000").dir, RINGSIM_FROM_DEVICE);
	CU_ASSERT_EQUAL(decode("151000001800").dir, RINGSIM_TO_DEVICE);
	CU_ASSERT_EQUAL(decode("000000000000").dir, RINGSIM_NONE);
	CU_ASSERT_EQUAL(decode("ff").dir, RINGSIM_NONE);
}

static void ranges(void)
{
	CU_ASSERT_TRUE(decode("2800000000000003e800").whole);  /* all of it */
	CU_ASSERT_FALSE(decode("2800000000000003e900").whole); /* one more */
	CU_ASSERT_TRUE(decode("2800000003e700000100").whole);  /* the last */
	CU_ASSERT_FALSE(decode("2800000003e800000100").whole); /* one past it */
	CU_ASSERT_TRUE(decode("2800000003e800000000").whole);  /* nothing, at the end */
	CU_ASSERT_FALSE(decode("2800000003e900000000").whole); /* nothing, outside */
	CU_ASSERT_FALSE(decode("8800ffffffffffffffff000000010000").whole);
	CU_ASSERT_FALSE(decode("8800ffffffffffffffff000000000000").whole);
	CU_ASSERT_FALSE(decode("8800fffffffffffffffe000000020000").whole);
	CU_ASSERT_TRUE(decode("12000000ff00").whole);
}

/* Every opcode has a name and a kind, whatever comes with it. */
static void all_opcodes(void)
{
	uint8_t cdb[32];
	struct fuzz_cdb c;

	memset(cdb, 0xff, sizeof(cdb));
	for (unsigned int op = 0; op < 256; op++) {
		cdb[0] = (uint8_t)op;
		fuzz_cdb_decode(&c, cdb, BLOCKS, BLOCK);
		CU_ASSERT_PTR_NOT_NULL(c.name);
		CU_ASSERT_TRUE(c.kind <= FUZZ_K_XDWRITE);
		CU_ASSERT_FALSE(c.whole && c.kind != FUZZ_K_OTHER && c.kind != FUZZ_K_UNMAP);
	}
}

int main(void)
{
	CU_pSuite s;
	int failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	s = CU_add_suite("CDBs taken apart", NULL, NULL);
	CU_add_test(s, "fields of every length of CDB", fields);
	CU_add_test(s, "flags", flags);
	CU_add_test(s, "directions", directions);
	CU_add_test(s, "ranges at the end of the disk", ranges);
	CU_add_test(s, "every opcode has a name", all_opcodes);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0;
	CU_cleanup_registry();
	return failed;
}
