/* SPDX-License-Identifier: MIT */
/*
 * The commands that move data: ranges, lengths, compare, write same, unmap, locking.
 */
#include "scsi_fixture.h"

#include <errno.h>

static void test_round_trip(void)
{
	static const uint32_t sizes[] = { 512, 520, 4096, 8192 };

	for (size_t i = 0; i < 4; i++) {
		uint32_t bs = sizes[i];
		struct unit *u = unit_open_with(bs == 520 ? "memory:5200000" : "memory:8M", bs,
						false, false);

		u->piece = 1000;
		fill(u->data, 9 * bs, 3);
		RUN(u, 3 * bs, 0x0a, 0, 0, 1, 3);
		GOOD(u);
		RUN(u, 4 * bs, 0xaa, 0, 0, 0, 0, 4, 0, 0, 0, 4);
		GOOD(u);
		fill(u->data, 9 * bs, 3);
		CU_ASSERT_EQUAL(memcmp(medium(u, bs, 3 * bs), u->data, 3 * bs), 0);
		CU_ASSERT_EQUAL(memcmp(medium(u, 4 * bs, 4 * bs), u->data, 4 * bs), 0);
		RUN(u, bs, 0x08, 0, 0, 2, 1);
		CU_ASSERT_EQUAL(u->data[0], (uint8_t)(3 + bs * 7 + (bs >> 8) * 13));
		unit_close(u);
	}
}

/* READ(6) and WRITE(6) count 256 blocks as 0; the longer forms do not. */
static void test_zero_length(void)
{
	struct unit *u = unit_open();

	fill(u->data, 256 * 512, 8);
	RUN(u, 256 * 512, 0x0a);
	GOOD(u);
	memset(u->data, 0, 256 * 512);
	RUN(u, 256 * 512, 0x08);
	GOOD(u);
	CU_ASSERT_EQUAL(u->data[256 * 512 - 1], (uint8_t)(8 + 131071 * 7 + (131071 >> 8) * 13));
	RUN(u, 0, 0x28);
	GOOD(u);
	RUN(u, 0, 0x88, 0, 0, 0, 0, 0, 0, 2, 0, 0); /* LBA = capacity, count 0 */
	GOOD(u);
	RUN(u, 0, 0x88, 0, 0, 0, 0, 0, 0, 2, 0, 1);
	FAILS(u, SENSE_LBA_RANGE);
	unit_close(u);
}

static void test_ranges(void)
{
	static const uint8_t ops[] = { 0x88, 0x8a, 0x8e, 0x8f, 0x91, 0x93 };
	struct unit *u = unit_open();

	for (size_t i = 0; i < sizeof(ops); i++) {
		RUN(u, 512, ops[i], 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1);
		FAILS(u, SENSE_LBA_RANGE);
		RUN(u, 512, ops[i], 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1);
		FAILS(u, SENSE_LBA_RANGE);
		RUN(u, 1024, ops[i], 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 2);
		FAILS(u, SENSE_LBA_RANGE);
	}
	unit_close(u);
}

static void test_lengths(void)
{
	struct unit *u = unit_open();

	memset(u->data, 0x55, 4096);
	RUN(u, 1024, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 511, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 0, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_CDB_FIELD);
	CU_ASSERT_TRUE(all_bytes(medium(u, 0, 512), 512, 0));
	RUN(u, 0, 0x28, 0, 0, 0, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 512, 0x28, 0x20, 0, 0, 0, 0, 0, 0, 1); /* RDPROTECT */
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 512, 0x2a, 0xe0, 0, 0, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 0, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1); /* over the maximum */
	FAILS(u, SENSE_CDB_FIELD);
	unit_close(u);
}

static void test_read_only(void)
{
	static const uint8_t ops[] = { 0x0a, 0x2a, 0xaa, 0x8a, 0x2e, 0xae,
				       0x8e, 0x41, 0x93, 0x42, 0x89 };
	struct unit *u = unit_open_with("memory:1M", 512, true, false);

	for (size_t i = 0; i < sizeof(ops); i++) {
		RUN(u, 512, ops[i], 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1);
		FAILS(u, SENSE_WRITE_PROTECTED);
	}
	RUN(u, 512, 0xaa, 0, 0, 0, 0, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_WRITE_PROTECTED);
	RUN(u, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1);
	GOOD(u);
	unit_close(u);
}

static void test_verify(void)
{
	struct unit *u = unit_open();

	u->piece = 100;
	fill(u->data, 2048, 1);
	RUN(u, 2048, 0x2e, 2, 0, 0, 0, 8, 0, 0, 4); /* WRITE AND VERIFY, comparing */
	GOOD(u);
	RUN(u, 2048, 0x2f, 2, 0, 0, 0, 8, 0, 0, 4);
	GOOD(u);
	u->data[1000] ^= 1;
	RUN(u, 2048, 0xaf, 2, 0, 0, 0, 8, 0, 0, 0, 4);
	FAILS(u, SENSE_MISCOMPARE);
	CU_ASSERT_EQUAL(u->task.cmd.sense[0], 0xf0);
	CU_ASSERT_EQUAL(get_be32(u->task.cmd.sense + 3), 1000);
	RUN(u, 0, 0x2f, 0, 0, 0, 0, 8, 0, 0, 4);
	GOOD(u);
	RUN(u, 0, 0x8f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0); /* the most that page B0 allows */
	GOOD(u);
	RUN(u, 0, 0x8f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1); /* one block more */
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 2048, 0x2f, 0, 0, 0, 0, 8, 0, 0, 4); /* data that BYTCHK=0 does not want */
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 2048, 0x2f, 4, 0, 0, 0, 8, 0, 0, 4);
	FAILS(u, SENSE_CDB_FIELD);
	memset(u->data, 0, 512);
	RUN(u, 512, 0x2f, 6, 0, 0, 0, 100, 0, 0, 8); /* one block against many */
	GOOD(u);
	RUN(u, 512, 0x2f, 6, 0, 0, 0, 4, 0, 0, 8);
	FAILS(u, SENSE_MISCOMPARE);
	unit_close(u);
}

static void test_sync_cache(void)
{
	struct unit *u = unit_open();

	RUN(u, 0, 0x35);
	GOOD(u);
	RUN(u, 0, 0x91, 2);
	GOOD(u);
	CU_ASSERT_FALSE(u->lun.flush_busy);
	RUN(u, 0, 0x35, 0, 0, 2, 0, 0, 0, 0, 0);
	GOOD(u);
	RUN(u, 0, 0x35, 2, 0, 2, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_LBA_RANGE);
	u->lun.flush_failed = true; /* a flush failed that nobody waited for */
	RUN(u, 0, 0x35);
	FAILS(u, SENSE_WRITE_ERROR);
	RUN(u, 0, 0x35);
	GOOD(u);
	unit_close(u);
}

/* COMPARE AND WRITE of @blocks at LBA 4, verify half @old, write half @new. */
static void caw(struct unit *u, uint8_t blocks, uint8_t old, uint8_t new, bool replay)
{
	uint8_t cdb[16] = { 0x89, [9] = 4, [13] = blocks };
	size_t half = blocks * 512u;

	memset(u->data, old, half);
	memset(u->data + half, new, half);
	give(u, 2 * half);
	u->task.cmd.replay = replay;
	go(u, cdb);
}

static void test_compare_and_write(void)
{
	struct unit *u = unit_open();

	u->piece = 700; /* halves meet inside an iov */
	caw(u, 3, 0, 0x11, false);
	GOOD(u);
	CU_ASSERT_TRUE(all_bytes(medium(u, 4 * 512, 3 * 512), 3 * 512, 0x11));
	CU_ASSERT_TRUE(all_bytes(medium(u, 7 * 512, 512), 512, 0));
	caw(u, 4, 0x11, 0x22, false);
	FAILS(u, SENSE_MISCOMPARE);
	CU_ASSERT_EQUAL(u->task.cmd.sense[0], 0xf0);
	CU_ASSERT_EQUAL(get_be32(u->task.cmd.sense + 3), 3 * 512);
	CU_ASSERT_TRUE(all_bytes(medium(u, 4 * 512, 512), 512, 0x11));
	caw(u, 3, 0, 0x11, true); /* done before, not reported */
	GOOD(u);
	caw(u, 4, 0, 0x11, true); /* done in part */
	GOOD(u);
	CU_ASSERT_TRUE(all_bytes(medium(u, 4 * 512, 4 * 512), 4 * 512, 0x11));
	caw(u, 3, 0x33, 0x44, true);
	FAILS(u, SENSE_MISCOMPARE);
	RUN(u, 0, 0x89);
	GOOD(u);
	RUN(u, 512, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_CDB_FIELD);
	RUN(u, 129 * 1024, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 129);
	FAILS(u, SENSE_CDB_FIELD);
	unit_close(u);
}

static void test_write_same(void)
{
	struct unit *u = unit_open();

	u->piece = 100;
	fill(u->data, 512, 4);
	RUN(u, 512, 0x41, 0, 0, 0, 0, 2, 0, 0x10, 0); /* 4096 blocks: several chunks */
	GOOD(u);
	CU_ASSERT_TRUE(all_bytes(medium(u, 512, 512), 512, 0));
	CU_ASSERT_EQUAL(memcmp(medium(u, 2 * 512, 512), u->data, 512), 0);
	CU_ASSERT_EQUAL(memcmp(medium(u, 4097 * 512, 512), u->data, 512), 0);
	CU_ASSERT_TRUE(all_bytes(medium(u, 4098 * 512, 512), 512, 0));
	RUN(u, 512, 0x93, 8, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1); /* UNMAP needs zeros */
	GOOD(u);
	CU_ASSERT_EQUAL(memcmp(medium(u, 3 * 512, 512), u->data, 512), 0);
	RUN(u, 0, 0x93, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1); /* NDOB */
	GOOD(u);
	CU_ASSERT_TRUE(all_bytes(medium(u, 3 * 512, 512), 512, 0));
	memset(u->data, 0, 512);
	RUN(u, 512, 0x93, 8, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 2);
	GOOD(u);
	CU_ASSERT_TRUE(all_bytes(medium(u, 4 * 512, 1024), 1024, 0));
	RUN(u, 512, 0x41);
	FAILS(u, SENSE_CDB_FIELD); /* no blocks */
	RUN(u, 512, 0x93, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_CDB_FIELD); /* ANCHOR */
	RUN(u, 0, 0x41, 1, 0, 0, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_CDB_FIELD); /* NDOB in the short form */
	RUN(u, 0, 0x93, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
	FAILS(u, SENSE_CDB_FIELD); /* no block */
	RUN(u, 512, 0x93, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1);
	FAILS(u, SENSE_CDB_FIELD); /* over the maximum */
	unit_close(u);
}

static void desc(struct unit *u, uint32_t i, uint64_t lba, uint32_t blocks)
{
	put_be64(u->data + 8 + 16 * i, lba);
	put_be32(u->data + 16 + 16 * i, blocks);
}

static void unmap(struct unit *u, uint16_t descs, size_t len)
{
	uint8_t cdb[16] = { 0x42 };

	put_be16(u->data, (uint16_t)(descs * 16 + 6));
	put_be16(u->data + 2, (uint16_t)(descs * 16));
	put_be16(cdb + 7, (uint16_t)len);
	give(u, len);
	go(u, cdb);
}

static void test_unmap(void)
{
	struct unit *u = unit_open();

	memset(u->data, 0x77, 16 * 512);
	RUN(u, 16 * 512, 0x2a, 0, 0, 0, 0, 0, 0, 0, 16);
	memset(u->data, 0, 4096);
	desc(u, 0, 2, 3);
	desc(u, 1, 0x20000, 0);
	desc(u, 2, 10, 1);
	u->piece = 7;
	unmap(u, 3, 56);
	GOOD(u);
	CU_ASSERT_TRUE(all_bytes(medium(u, 2 * 512, 3 * 512), 3 * 512, 0));
	CU_ASSERT_TRUE(all_bytes(medium(u, 5 * 512, 5 * 512), 5 * 512, 0x77));
	CU_ASSERT_TRUE(all_bytes(medium(u, 10 * 512, 512), 512, 0));
	desc(u, 0, 6, 1);
	desc(u, 1, 0x1ffff, 2);
	unmap(u, 2, 40);
	FAILS(u, SENSE_LBA_RANGE);
	CU_ASSERT_TRUE(all_bytes(medium(u, 6 * 512, 512), 512, 0x77)); /* nothing happened */
	desc(u, 0, UINT64_MAX, 1);
	unmap(u, 1, 24);
	FAILS(u, SENSE_LBA_RANGE);
	memset(u->data, 0, 4096);
	unmap(u, 65, 8 + 65 * 16);
	FAILS(u, SENSE_LIST_FIELD);
	unmap(u, 64, 8 + 64 * 16);
	GOOD(u);
	unmap(u, 2, 24); /* list cut short */
	FAILS(u, SENSE_LIST_LENGTH);
	RUN(u, 7, 0x42, 0, 0, 0, 0, 0, 0, 0, 7);
	FAILS(u, SENSE_LIST_LENGTH);
	RUN(u, 0, 0x42);
	GOOD(u);
	RUN(u, 24, 0x42, 1, 0, 0, 0, 0, 0, 0, 24);
	FAILS(u, SENSE_CDB_FIELD);
	u->lun.thin = false;
	RUN(u, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24);
	FAILS(u, SENSE_OPCODE);
	unit_close(u);
}

/* What the store may report, and what the initiator hears. */
static void test_store_errors(void)
{
	static const struct {
		int rc;
		enum store_op op;
		uint32_t sense;
	} rows[] = {
		{ -EIO, STORE_READ, SENSE_READ_ERROR },
		{ -EIO, STORE_WRITE, SENSE_WRITE_ERROR },
		{ -EIO, STORE_FLUSH, SENSE_WRITE_ERROR },
		{ -ENOSPC, STORE_WRITE, SENSE_SPACE_EXHAUSTED },
		{ -ENXIO, STORE_READ, SENSE_MEDIUM_NOT_PRESENT },
	};
	struct unit *u = unit_open();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		give(u, 0);
		u->task.lun = &u->lun;
		u->task.io.op = rows[i].op;
		scsi_fail_store(&u->task, rows[i].rc);
		FAILS(u, rows[i].sense);
	}
	scsi_fail_store(&u->task, -ENOMEM);
	CU_ASSERT_EQUAL(u->task.cmd.status, SAM_TASK_SET_FULL);
	unit_close(u);
}

/* Writes that overlap wait for a COMPARE AND WRITE, others and later ones do not. */
static struct scsi_task *granted[8];
static uint32_t grants;

static void grant(struct scsi_task *t)
{
	granted[grants++] = t;
}

static void test_lock(void)
{
	struct unit *u = unit_open();
	struct scsi_task t[5];

	memset(t, 0, sizeof(t));
	for (size_t i = 0; i < 5; i++)
		t[i].lun = &u->lun;
	grants = 0;
	scsi_lock(&t[0], 0, 10, false, grant); /* write */
	scsi_lock(&t[1], 5, 10, true, grant);  /* waits for 0 */
	scsi_lock(&t[2], 8, 1, false, grant);  /* waits for 1 */
	scsi_lock(&t[3], 15, 5, false, grant); /* touches, does not overlap */
	scsi_lock(&t[4], 2, 1, false, grant);  /* beside 0 */
	CU_ASSERT_EQUAL(grants, 3);
	CU_ASSERT_TRUE(t[1].waiting && t[2].waiting);
	scsi_unlock(&t[0]);
	scsi_run(&u->lun);
	CU_ASSERT_EQUAL(grants, 4);
	CU_ASSERT_PTR_EQUAL(granted[3], &t[1]);
	scsi_abort(&t[2]); /* not started: aborted, but it still stands in line */
	CU_ASSERT_EQUAL(t[2].cmd.status, SAM_TASK_ABORTED);
	scsi_release(&t[2]);
	scsi_unlock(&t[1]);
	CU_ASSERT_FALSE(scsi_run(&u->lun));
	scsi_unlock(&t[3]);
	scsi_unlock(&t[4]);
	unit_close(u);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "READ and WRITE, all block sizes", test_round_trip },
		{ "length 0", test_zero_length },
		{ "beyond the medium", test_ranges },
		{ "lengths that disagree", test_lengths },
		{ "write protection", test_read_only },
		{ "VERIFY", test_verify },
		{ "SYNCHRONIZE CACHE", test_sync_cache },
		{ "COMPARE AND WRITE", test_compare_and_write },
		{ "WRITE SAME", test_write_same },
		{ "UNMAP", test_unmap },
		{ "store errors", test_store_errors },
		{ "the range lock", test_lock },
		CU_TEST_INFO_NULL,
	};

	return run_suite("scsi-io", tests);
}
