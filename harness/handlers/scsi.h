/* SPDX-License-Identifier: MIT */
/*
 * The direct-access command set of the contract's section 5, independent of ring and engine.
 *
 * scsi_exec() looks at a CDB and either answers at once (status, sense, Data-In) or starts store
 * operations and goes on when they are done. Nothing here blocks, and every task comes back exactly
 * once through scsi_lun.done. Its owner hands it back with scsi_release() when the answer is out of
 * reach of a crash, which is when tasks that wait for its blocks may start.
 */
#ifndef HANDLERS_SCSI_H
#define HANDLERS_SCSI_H

#include "../consumer/consumer.h"
#include "store.h"

/* SAM status codes (HND-032). */
enum sam_status {
	SAM_GOOD = 0x00,
	SAM_CHECK_CONDITION = 0x02,
	SAM_CONDITION_MET = 0x04,
	SAM_BUSY = 0x08,
	SAM_RESERVATION_CONFLICT = 0x18,
	SAM_TASK_SET_FULL = 0x28,
	SAM_ACA_ACTIVE = 0x30,
	SAM_TASK_ABORTED = 0x40,
};

/* Sense that this device reports, as key << 16 | ASC << 8 | ASCQ (SCS-040). */
enum scsi_sense {
	SENSE_NONE = 0x000000,
	SENSE_MEDIUM_NOT_PRESENT = 0x023a00,
	SENSE_WRITE_ERROR = 0x030c00,
	SENSE_READ_ERROR = 0x031100,
	SENSE_INTERNAL_FAILURE = 0x044400,
	SENSE_LIST_LENGTH = 0x051a00,
	SENSE_OPCODE = 0x052000,
	SENSE_LBA_RANGE = 0x052100,
	SENSE_CDB_FIELD = 0x052400,
	SENSE_LIST_FIELD = 0x052600,
	SENSE_NO_SAVED_PAGES = 0x053900,
	SENSE_MEDIUM_CHANGED = 0x062800,
	SENSE_MODE_CHANGED = 0x062a01,
	SENSE_CAPACITY_CHANGED = 0x062a09,
	SENSE_WRITE_PROTECTED = 0x072700,
	SENSE_SPACE_EXHAUSTED = 0x072707,
	SENSE_MISCOMPARE = 0x0e1d00,
};

#define SCSI_SERIAL_MAX 32

/** SCSI_ATTENTIONS - unit attentions that can wait at once, each kind at most once */
#define SCSI_ATTENTIONS 3

struct scsi_lun;

/**
 * struct scsi_task - one command in progress; storage is its owner's
 * @cmd:       the request, and the answer while it is being made
 * @io:        the store operation in flight
 * @then:      where to go on after it
 * @resume:    where to go on when scsi_run() picks the task up
 * @lba, @blocks: range that the command names
 * @at_bytes:  progress of commands that take several store operations
 * @buf:       scratch memory or NULL, freed by scsi_release()
 * @data:      part of @cmd.iov that scsi_data_skip() left
 * @started:   a store operation was submitted: too late to abort (HND-016)
 * @finished:  answered
 * @held, @waiting, @exclusive: membership in the range lock
 * @ready:     scsi_run() will resume it
 */
struct scsi_task {
	struct consumer_cmd cmd;
	struct scsi_lun *lun;
	struct store_io io;
	void (*then)(struct scsi_task *t);
	void (*resume)(struct scsi_task *t);
	uint64_t lba, blocks;
	uint64_t at_bytes;
	uint8_t *buf;
	struct iovec buf_iov;
	struct iovec *data;
	uint32_t data_cnt;
	uint32_t count; /* command's own counter */
	bool started, finished;
	bool held, waiting, exclusive;
	bool ready;
	struct scsi_task *ready_next;
	struct scsi_task *lock_prev, *lock_next;
	uint64_t lock_first, lock_end;
};

/**
 * struct scsi_lun - the logical unit; set up with scsi_lun_init(), then fill @consumer, @done,
 * @owner
 * @consumer:      told of every store to Data-In and medium
 * @done:          called once per task when its answer is complete; @owner is the callee's
 * @alloc:         scratch memory, freed with free(); NULL means no memory (HND-067)
 * @thin:          blocks can be unmapped; advertised and accepted only together (SCS-031)
 * @wce, @d_sense: current values of the changeable mode bits
 * @use_read_len:  report short Data-In with READ_LEN: configured, and offered by the kernel
 * @lock_first:    tasks that hold or wait for blocks, in order of arrival
 * @exclusives, @waiters: how many of them are exclusive, are waiting
 * @ready:         tasks that scsi_run() will resume
 * @stalls:        running count of submissions that a full store turned away
 * @flush:         the flush that goes on after an IMMED SYNCHRONIZE CACHE was answered
 * @flush_failed:  it failed; the next SYNCHRONIZE CACHE says so
 * @attention:     unit attentions to report, oldest first; SENSE_NONE ends the list
 * @dead:          the device is gone: operations that still finish are nobody's any more
 */
struct scsi_lun {
	struct store *store;
	struct consumer *consumer;
	void (*done)(struct scsi_task *t);
	void *owner;
	void *(*alloc)(size_t size);
	uint64_t blocks;
	uint32_t block_size;
	uint32_t max_transfer_blocks, max_write_same_blocks;
	bool read_only, thin, use_read_len;
	bool wce, wce_default, d_sense;
	char serial[SCSI_SERIAL_MAX + 1];
	struct scsi_task *lock_first, *lock_last;
	uint32_t exclusives, waiters;
	struct scsi_task *ready, *ready_last;
	uint32_t stalls;
	struct store_io flush;
	bool flush_busy, flush_again, flush_failed;
	enum scsi_sense attention[SCSI_ATTENTIONS];
	bool dead;
};

/**
 * scsi_lun_init() - describe a logical unit over @store
 * @serial: 1..SCSI_SERIAL_MAX printable characters; longer ones are cut
 */
void scsi_lun_init(struct scsi_lun *lun, struct store *store, uint32_t block_size, bool read_only,
		   bool wce, const char *serial);

/**
 * scsi_lun_set_store() - go on with @store: another one, or the same with another size
 * @wce: volatile write cache from now on; what the cache held is durable already
 *
 * No task may be under way. Whatever changed is reported as unit attention, as a disk would
 * (HND-085). The ring does not say which initiator a command is from, so only one hears of it.
 */
void scsi_lun_set_store(struct scsi_lun *lun, struct store *store, bool wce);

/** scsi_exec() - begin with @t, whose @cmd was just fetched; @t belongs to the unit until done. */
void scsi_exec(struct scsi_lun *lun, struct scsi_task *t);

/** scsi_run() - go on with tasks that became ready; returns whether there were any. */
bool scsi_run(struct scsi_lun *lun);

/** scsi_abort() - answer TASK ABORTED if @t did not start yet; otherwise let it end by itself. */
void scsi_abort(struct scsi_task *t);

/** scsi_release() - @t is answered for good: free its memory, let others at its blocks. */
void scsi_release(struct scsi_task *t);

#endif
