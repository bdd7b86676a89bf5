/* SPDX-License-Identifier: MIT */
/*
 * A logical unit over a memory store, driven without ring or handler: build a CDB, give it a
 * buffer, look at status, sense and data.
 */
#ifndef HANDLERS_TESTS_SCSI_FIXTURE_H
#define HANDLERS_TESTS_SCSI_FIXTURE_H

#include "fixture.h"
#include "../scsi_impl.h"

#define DATA_MAX (1u << 20)

/** struct unit - the unit under test and one task; iovs are cut into pieces of @piece bytes */
struct unit {
	struct consumer consumer;
	struct scsi_lun lun;
	struct store *store;
	struct scsi_task task;
	struct iovec iov[DATA_MAX / 512];
	uint8_t data[DATA_MAX];
	size_t piece;
	unsigned int done;
};

static inline void unit_done(struct scsi_task *t)
{
	((struct unit *)t->lun->owner)->done++;
}

static inline struct unit *unit_open_with(const char *spec, uint32_t block_size, bool read_only,
					  bool wce)
{
	struct store_config cfg = { .spec = spec, .block_size = block_size, .depth = 8 };
	struct unit *u = calloc(1, sizeof(*u));
	char err[256] = "";

	CU_ASSERT_PTR_NOT_NULL_FATAL(u);
	CU_ASSERT_EQUAL_FATAL(store_open(&u->store, &cfg, err, sizeof(err)), 0);
	scsi_lun_init(&u->lun, u->store, block_size, read_only, wce, "serial-1");
	u->lun.consumer = &u->consumer;
	u->lun.done = unit_done;
	u->lun.owner = u;
	u->piece = 4096;
	return u;
}

static inline struct unit *unit_open(void)
{
	return unit_open_with("memory:64M", 512, false, true);
}

static inline void unit_close(struct unit *u)
{
	CU_ASSERT_PTR_NULL(u->lun.lock_first);
	CU_ASSERT_EQUAL(u->lun.exclusives + u->lun.waiters, 0);
	store_close(u->store);
	free(u);
}

/** give() - the first @len bytes of u->data as iovs */
static inline void give(struct unit *u, size_t len)
{
	struct consumer_cmd *cmd = &u->task.cmd;
	size_t at = 0;

	memset(cmd, 0, sizeof(*cmd));
	cmd->iov = u->iov;
	cmd->len = len;
	for (; at < len; at += u->piece) {
		size_t n = len - at < u->piece ? len - at : u->piece;

		u->iov[cmd->iov_cnt++] = (struct iovec){ u->data + at, n };
	}
}

static inline void go(struct unit *u, const uint8_t *cdb)
{
	struct consumer_cmd *cmd = &u->task.cmd;

	cmd->cdb_len = (uint16_t)ringsim_cdb_len(cdb);
	memcpy(cmd->cdb, cdb, cmd->cdb_len);
	cmd->status = 0xee;
	u->done = 0;
	scsi_exec(&u->lun, &u->task);
	for (int i = 0; i < 100000 && u->done == 0; i++) {
		scsi_run(&u->lun);
		store_kick(u->store);
		store_reap(u->store);
	}
	CU_ASSERT_EQUAL(u->done, 1);
	scsi_release(&u->task);
}

/** RUN() - execute the CDB given as bytes with @len bytes of u->data */
#define RUN(u, len, ...)                                  \
	do {                                              \
		const uint8_t cdb_[16] = { __VA_ARGS__ }; \
		give(u, len);                             \
		go(u, cdb_);                              \
	} while (0)

static inline uint32_t sense_of(const struct unit *u)
{
	const uint8_t *s = u->task.cmd.sense;

	if ((s[0] & 0x7f) == 0x72)
		return (uint32_t)s[1] << 16 | (uint32_t)s[2] << 8 | s[3];
	return (uint32_t)s[2] << 16 | (uint32_t)s[12] << 8 | s[13];
}

#define GOOD(u) CU_ASSERT_EQUAL((u)->task.cmd.status, 0)
#define FAILS(u, want)                                    \
	do {                                              \
		CU_ASSERT_EQUAL((u)->task.cmd.status, 2); \
		CU_ASSERT_EQUAL(sense_of(u), want);       \
	} while (0)

/** medium() - the byte at @off of the store */
static inline uint8_t *medium(struct unit *u, uint64_t off, size_t len)
{
	static uint8_t buf[DATA_MAX];
	uint8_t cdb[16] = { 0x88 };

	put_be64(cdb + 2, off / u->lun.block_size);
	put_be32(cdb + 10, (uint32_t)(len / u->lun.block_size));
	memcpy(buf, u->data, DATA_MAX);
	give(u, len);
	go(u, cdb);
	GOOD(u);
	for (size_t i = 0; i < len; i++) {
		uint8_t was = buf[i];

		buf[i] = u->data[i];
		u->data[i] = was;
	}
	return buf;
}

#endif
