/* SPDX-License-Identifier: MIT */
/*
 * The command set, byte by byte: inquiry and mode data, sense, capacity, lengths.
 */
#include "scsi_fixture.h"

#include <sys/mman.h>

static void test_ready_and_sense(void)
{
	struct unit *u = unit_open();

	RUN(u, 0, 0x00);
	GOOD(u);
	memset(u->data, 0xee, 64);
	RUN(u, 64, 0x00); /* a buffer for a command without data must not leak */
	GOOD(u);
	CU_ASSERT_TRUE(all_bytes(u->data, 64, 0));
	RUN(u, 252, 0x03, 0, 0, 0, 252);
	GOOD(u);
	CU_ASSERT_EQUAL(u->data[0], 0x70);
	CU_ASSERT_EQUAL(u->data[2], 0);
	CU_ASSERT_EQUAL(u->data[7], 0x0a);
	RUN(u, 8, 0x03, 1, 0, 0, 8);
	GOOD(u);
	CU_ASSERT_EQUAL(u->data[0], 0x72);
	RUN(u, 0, 0x03, 0, 0, 0, 0);
	GOOD(u);
	unit_close(u);
}

static void test_refused(void)
{
	static const uint8_t none[] = { 0x04, 0x34, 0x53, 0x60, 0x7f, 0x83,
					0x84, 0xa0, 0xa4, 0xc0, 0xff };
	struct unit *u = unit_open();

	for (size_t i = 0; i < sizeof(none); i++) {
		RUN(u, 512, none[i]);
		FAILS(u, SENSE_OPCODE);
		CU_ASSERT_EQUAL(u->task.cmd.uflags, 0);
	}
	RUN(u, 32, 0x9e, 0x11);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 32, 0xa3, 0x0a);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 0, 0x00, 0, 0, 0, 0, 0x04); /* NACA */
	FAILS(u, SENSE_CDB_FIELD);
	CU_ASSERT_EQUAL(u->task.cmd.sense[0], 0x70);
	CU_ASSERT_EQUAL(u->task.cmd.sense[7], 0x0a);
	CU_ASSERT_TRUE(all_bytes(u->task.cmd.sense + 18, 78, 0));
	unit_close(u);
}

static void test_inquiry(void)
{
	struct unit *u = unit_open();

	memset(u->data, 0xee, 255);
	RUN(u, 255, 0x12, 0, 0, 0, 255);
	GOOD(u);
	CU_ASSERT_EQUAL(u->data[0], 0);
	CU_ASSERT_EQUAL(u->data[3] & 0x0f, 2);
	CU_ASSERT_EQUAL(u->data[4], 74 - 5);
	CU_ASSERT_EQUAL(u->data[5], 0); /* no 3PC, TPGS, PROTECT */
	CU_ASSERT_EQUAL(u->data[7], 2);
	CU_ASSERT_TRUE(all_bytes(u->data + 36, 58 - 36, 0));
	CU_ASSERT_EQUAL(u->data[58], 0x00); /* SAM-5 */
	CU_ASSERT_EQUAL(u->data[59], 0xa0);
	CU_ASSERT_TRUE(all_bytes(u->data + 74, 255 - 74, 0));
	memset(u->data, 0xee, 64);
	u->piece = 1;
	RUN(u, 8, 0x12, 0, 0, 0, 5); /* cut, but not shortened */
	GOOD(u);
	CU_ASSERT_EQUAL(u->data[4], 74 - 5);
	CU_ASSERT_TRUE(all_bytes(u->data + 5, 3, 0));
	CU_ASSERT_TRUE(all_bytes(u->data + 8, 56, 0xee));
	RUN(u, 36, 0x12, 0, 0x80, 0, 36);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 36, 0x12, 2, 0, 0, 36);
	FAILS(u, SENSE_CDB_FIELD);
	unit_close(u);
}

static void test_read_len(void)
{
	struct unit *u = unit_open();

	RUN(u, 255, 0x12, 0, 0, 0, 255);
	CU_ASSERT_EQUAL(u->task.cmd.uflags, 0);
	u->lun.use_read_len = true;
	memset(u->data, 0xee, 255);
	RUN(u, 255, 0x12, 0, 0, 0, 255);
	CU_ASSERT_EQUAL(u->task.cmd.uflags, TCMU_UFLAG_READ_LEN);
	CU_ASSERT_EQUAL(u->task.cmd.read_len, 74);
	CU_ASSERT_TRUE(all_bytes(u->data + 74, 255 - 74, 0));
	RUN(u, 36, 0x12, 0, 0, 0, 36);
	CU_ASSERT_EQUAL(u->task.cmd.uflags, 0);
	memset(u->data, 0xee, 255);
	RUN(u, 255, 0x12, 0, 0, 0, 0); /* nothing to say has no length */
	GOOD(u);
	CU_ASSERT_EQUAL(u->task.cmd.uflags, 0);
	CU_ASSERT_TRUE(all_bytes(u->data, 255, 0));
	RUN(u, 512, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	CU_ASSERT_EQUAL(u->task.cmd.uflags, 0);
	unit_close(u);
}

static void test_vpd(void)
{
	static const uint8_t pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };
	struct unit *u = unit_open();

	RUN(u, 255, 0x12, 1, 0x00, 0, 255);
	GOOD(u);
	CU_ASSERT_EQUAL(u->data[3], sizeof(pages));
	CU_ASSERT_EQUAL(memcmp(u->data + 4, pages, sizeof(pages)), 0);
	for (size_t i = 0; i < sizeof(pages); i++) {
		RUN(u, 255, 0x12, 1, pages[i], 0, 255);
		GOOD(u);
		CU_ASSERT_EQUAL(u->data[1], pages[i]);
		CU_ASSERT_TRUE(all_bytes(u->data + 4 + u->data[3], 251u - u->data[3], 0));
	}
	RUN(u, 255, 0x12, 1, 0x80, 0, 255);
	CU_ASSERT_EQUAL(u->data[3], 8);
	CU_ASSERT_EQUAL(memcmp(u->data + 4, "serial-1", 8), 0);
	RUN(u, 255, 0x12, 1, 0x83, 0, 255);
	CU_ASSERT_EQUAL(u->data[3], 4 + 16 + 4 + 8);
	CU_ASSERT_EQUAL(u->data[4 + 4 + 16 + 4] >> 4, 3);
	RUN(u, 255, 0x12, 1, 0xb0, 0, 255);
	CU_ASSERT_EQUAL(u->data[3], 0x3c);
	CU_ASSERT_EQUAL(get_be32(u->data + 8), 65536);
	RUN(u, 255, 0x12, 1, 0x86, 0, 255);
	FAILS(u, SENSE_CDB_FIELD);
	unit_close(u);
}

static bool can_map(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p != MAP_FAILED)
		munmap(p, len);
	return p != MAP_FAILED;
}

static void test_capacity(void)
{
	struct unit *u = unit_open();

	RUN(u, 8, 0x25);
	GOOD(u);
	CU_ASSERT_EQUAL(get_be32(u->data), 131071);
	CU_ASSERT_EQUAL(get_be32(u->data + 4), 512);
	RUN(u, 8, 0x25, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32);
	GOOD(u);
	CU_ASSERT_EQUAL(get_be64(u->data), 131071);
	CU_ASSERT_EQUAL(u->data[14], 0xc0);
	unit_close(u);
	if (!can_map(4ull << 40)) /* as under some sanitizers; a case asks for it as well */
		return;
	u = unit_open_with("memory:4T", 512, false, false);
	RUN(u, 8, 0x25);
	CU_ASSERT_EQUAL(get_be32(u->data), 0xffffffff);
	unit_close(u);
}

static void test_mode_sense(void)
{
	struct unit *u = unit_open();

	RUN(u, 255, 0x1a, 0, 0x3f, 0, 255);
	GOOD(u);
	CU_ASSERT_EQUAL(u->data[0], 3 + 8 + 12 + 20 + 12);
	CU_ASSERT_EQUAL(u->data[2], 0x10); /* DPOFUA, writable */
	CU_ASSERT_EQUAL(u->data[3], 8);
	CU_ASSERT_EQUAL(get_be32(u->data + 4), 131072);
	CU_ASSERT_EQUAL(u->data[12], 0x01);
	CU_ASSERT_EQUAL(u->data[24], 0x08);
	CU_ASSERT_EQUAL(u->data[26], 0x04); /* WCE */
	CU_ASSERT_EQUAL(u->data[44], 0x0a);
	RUN(u, 255, 0x1a, 8, 0x48, 0, 255); /* changeable, no descriptor */
	CU_ASSERT_EQUAL(u->data[3], 0);
	CU_ASSERT_EQUAL(u->data[6], 0x04);
	RUN(u, 255, 0x5a, 0x10, 0x08, 0, 0, 0, 0, 0, 255); /* LLBAA */
	CU_ASSERT_EQUAL(get_be16(u->data), 6 + 16 + 20);
	CU_ASSERT_EQUAL(u->data[4], 1);
	CU_ASSERT_EQUAL(get_be16(u->data + 6), 16);
	CU_ASSERT_EQUAL(get_be64(u->data + 8), 131072);
	RUN(u, 3, 0x1a, 0, 0x3f, 0, 3); /* shorter than its header */
	GOOD(u);
	RUN(u, 255, 0x1a, 0, 0xc8, 0, 255);
	FAILS(u, SENSE_NO_SAVED_PAGES);
	RUN(u, 255, 0x1a, 0, 0x02, 0, 255);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 255, 0x1a, 0, 0x0a, 1, 255);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 255, 0x1a, 0, 0x3f, 0xff, 255);
	GOOD(u);
	u->lun.read_only = true;
	RUN(u, 255, 0x1a, 0, 0x3f, 0, 255);
	CU_ASSERT_EQUAL(u->data[2], 0x90);
	unit_close(u);
}

/* MODE SELECT(6) of the caching page with WCE as given and byte @at changed by @bits. */
static void select_caching(struct unit *u, bool wce, size_t at, uint8_t bits)
{
	memset(u->data, 0, 64);
	u->data[4] = 0x08;
	u->data[5] = 0x12;
	u->data[6] = wce ? 4 : 0;
	u->data[at] ^= bits;
	RUN(u, 24, 0x15, 0x10, 0, 0, 24);
}

static void test_mode_select(void)
{
	struct unit *u = unit_open();

	select_caching(u, false, 0, 0);
	GOOD(u);
	CU_ASSERT_FALSE(u->lun.wce);
	u->task.io.op = STORE_READ;
	select_caching(u, false, 0, 0);
	GOOD(u);
	CU_ASSERT_EQUAL(u->task.io.op, STORE_FLUSH); /* a predecessor may have had a cache */
	select_caching(u, true, 7, 1);
	FAILS(u, SENSE_LIST_FIELD);
	CU_ASSERT_FALSE(u->lun.wce);
	select_caching(u, true, 5, 1);
	FAILS(u, SENSE_LIST_FIELD);
	select_caching(u, true, 4, 0x0b);
	FAILS(u, SENSE_LIST_FIELD);
	select_caching(u, true, 3, 0x08); /* claims a block descriptor that is not one */
	FAILS(u, SENSE_LIST_FIELD);
	select_caching(u, true, 0, 0);
	GOOD(u);
	CU_ASSERT_TRUE(u->lun.wce);
	RUN(u, 24, 0x15, 0x10, 0, 0, 23);
	FAILS(u, SENSE_LIST_LENGTH);
	RUN(u, 3, 0x15, 0x10, 0, 0, 3);
	FAILS(u, SENSE_LIST_LENGTH);
	RUN(u, 20, 0x15, 0x10, 0, 0, 24); /* less came than was announced */
	FAILS(u, SENSE_LIST_LENGTH);
	RUN(u, 24, 0x15, 0x11, 0, 0, 24);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 24, 0x15, 0x00, 0, 0, 24);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 0, 0x55, 0x10);
	GOOD(u);
	unit_close(u);
}

/* What an administrator changed is said once, in order, and by the command that comes next. */
static void test_attention(void)
{
	struct unit *u = unit_open();

	CU_ASSERT_EQUAL(store_resize(u->store, 32u << 20, 512, false), 0);
	scsi_lun_set_store(&u->lun, u->store, false);
	RUN(u, 36, 0x12, 0, 0, 0, 36);
	GOOD(u);
	RUN(u, 0, 0x00);
	FAILS(u, SENSE_CAPACITY_CHANGED);
	RUN(u, 18, 0x03, 0, 0, 0, 18); /* REQUEST SENSE hands the next one over */
	GOOD(u);
	CU_ASSERT_EQUAL(u->data[2], 0x06);
	CU_ASSERT_EQUAL(get_be16(u->data + 12), 0x2a01);
	RUN(u, 0, 0x00);
	GOOD(u);
	RUN(u, 8, 0x25);
	CU_ASSERT_EQUAL(get_be32(u->data), 65535);
	RUN(u, 255, 0x1a, 8, 0x08, 0, 255);
	CU_ASSERT_EQUAL(u->data[6], 0); /* WCE */
	RUN(u, 512, 0x28, 0, 0, 1, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_LBA_RANGE);
	scsi_lun_set_store(&u->lun, u->store, false); /* nothing changed */
	RUN(u, 0, 0x00);
	GOOD(u);
	unit_close(u);
}

static void test_descriptor_sense(void)
{
	struct unit *u = unit_open();

	memset(u->data, 0, 64);
	u->data[8] = 0x0a;
	u->data[9] = 0x0a;
	u->data[10] = 0x06;
	u->data[11] = 0x10;
	RUN(u, 20, 0x55, 0x10, 0, 0, 0, 0, 0, 0, 20);
	GOOD(u);
	CU_ASSERT_TRUE(u->lun.d_sense);
	RUN(u, 0, 0xc0);
	CU_ASSERT_EQUAL(u->task.cmd.sense[0], 0x72);
	FAILS(u, SENSE_OPCODE);
	unit_close(u);
}

static void test_start_stop(void)
{
	struct unit *u = unit_open();

	RUN(u, 0, 0x1b, 0, 0, 0, 1);
	GOOD(u);
	RUN(u, 0, 0x1b, 0, 0, 0, 0);
	GOOD(u);
	RUN(u, 0, 0x1b, 0, 0, 0, 0x10);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 0, 0x1b, 0, 0, 0, 0x02);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 0, 0x1e, 0, 0, 0, 1);
	GOOD(u);
	unit_close(u);
}

/* Every opcode that is reported is accepted, every other one is refused. */
static void test_report_opcodes(void)
{
	bool reported[256] = { false };
	struct unit *u = unit_open();
	uint32_t len;

	RUN(u, 4096, 0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0x10, 0);
	GOOD(u);
	len = get_be32(u->data);
	CU_ASSERT_EQUAL(len % 8, 0);
	for (uint32_t i = 0; i < len; i += 8)
		reported[u->data[4 + i]] = true;
	for (uint32_t op = 0; op < 256; op++) {
		bool unknown;

		RUN(u, 0, (uint8_t)op, 0x1f);
		unknown = u->task.cmd.status == 2 && sense_of(u) == SENSE_OPCODE;
		CU_ASSERT_EQUAL(unknown, !reported[op]);
	}
	RUN(u, 64, 0xa3, 0x0c, 1, 0x28, 0, 0, 0, 0, 0, 64);
	GOOD(u);
	CU_ASSERT_EQUAL(u->data[1], 3);
	CU_ASSERT_EQUAL(u->data[3], 10);
	CU_ASSERT_EQUAL(u->data[4], 0x28);
	RUN(u, 64, 0xa3, 0x0c, 1, 0x04, 0, 0, 0, 0, 0, 64);
	CU_ASSERT_EQUAL(u->data[1], 1);
	RUN(u, 64, 0xa3, 0x0c, 1, 0x9e, 0, 0, 0, 0, 0, 64);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 64, 0xa3, 0x0c, 2, 0x9e, 0, 0x10, 0, 0, 0, 64);
	GOOD(u);
	CU_ASSERT_EQUAL(u->data[5] & 0x1f, 0x10);
	RUN(u, 64, 0xa3, 0x0c, 0x83, 0x9e, 0, 0x11, 0, 0, 0, 64);
	CU_ASSERT_EQUAL(u->data[1] & 7, 1);
	unit_close(u);
}

/* Shortage of memory is an answer too. */
static void *no_memory(size_t size)
{
	(void)size;
	return NULL;
}

static void test_no_memory(void)
{
	struct unit *u = unit_open();

	u->lun.alloc = no_memory;
	RUN(u, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24);
	CU_ASSERT_EQUAL(u->task.cmd.status, SAM_TASK_SET_FULL);
	RUN(u, 1024, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
	CU_ASSERT_EQUAL(u->task.cmd.status, SAM_TASK_SET_FULL);
	give(u, 0);
	u->task.cmd.nomem = true;
	go(u, (const uint8_t[16]){ 0x28, 0, 0, 0, 0, 0, 0, 0, 8 });
	CU_ASSERT_EQUAL(u->task.cmd.status, SAM_TASK_SET_FULL);
	give(u, 0);
	u->task.cmd.bad = true;
	go(u, (const uint8_t[16]){ 0x28, 0, 0, 0, 0, 0, 0, 0, 8 });
	FAILS(u, SENSE_INTERNAL_FAILURE);
	unit_close(u);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "TEST UNIT READY, REQUEST SENSE", test_ready_and_sense },
		{ "unsupported commands", test_refused },
		{ "INQUIRY", test_inquiry },
		{ "READ_LEN", test_read_len },
		{ "vital product data", test_vpd },
		{ "READ CAPACITY", test_capacity },
		{ "MODE SENSE", test_mode_sense },
		{ "MODE SELECT", test_mode_select },
		{ "unit attention", test_attention },
		{ "descriptor sense", test_descriptor_sense },
		{ "START STOP UNIT", test_start_stop },
		{ "REPORT SUPPORTED OPERATION CODES", test_report_opcodes },
		{ "no memory, bad entries", test_no_memory },
		CU_TEST_INFO_NULL,
	};

	return run_suite("scsi", tests);
}
