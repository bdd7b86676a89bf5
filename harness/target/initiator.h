/* SPDX-License-Identifier: MIT */
/*
 * A raw initiator: what the target said is what the caller gets.
 *
 * Nothing is retried, no unit attention is swallowed, BUSY and TASK SET FULL are shown, a lost
 * connection stays lost. One session per struct initiator, any number of commands outstanding, and
 * task management. Everything runs in initiator_poll() and the calls that wait, all of which have a
 * bound.
 *
 * Over iSCSI (libiscsi) there are no CDBs of more than 16 bytes, no BIDI, no statuses that SAM does
 * not know (the connection ends there), and CONDITION MET is reported as GOOD; what is submitted is
 * on its way, and the target's window holds back what is too much. Over the probe fabric
 * (harness/probe) all of that is there, and what is submitted has arrived.
 */
#ifndef HARNESS_INITIATOR_H
#define HARNESS_INITIATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INITIATOR_CDB_MAX   260
#define INITIATOR_SENSE_MAX 252

struct initiator;
struct scsi_task;

enum initiator_dir { INITIATOR_NONE, INITIATOR_OUT, INITIATOR_IN, INITIATOR_BIDI };

/**
 * enum initiator_end - how a command ended
 * @INITIATOR_PENDING: it has not
 * @INITIATOR_STATUS:  the target sent a status
 * @INITIATOR_GONE:    it was dropped by the caller
 * @INITIATOR_ABORTED: the target gave it up and sends no status; over iSCSI nothing tells
 * @INITIATOR_LOST:    the connection broke first
 */
enum initiator_end {
	INITIATOR_PENDING,
	INITIATOR_STATUS,
	INITIATOR_GONE,
	INITIATOR_ABORTED,
	INITIATOR_LOST
};

/**
 * struct initiator_limits - what there is on that way to the target
 * @cdb_max: longest CDB
 * @window:  commands of one session that the target takes at a time
 * @all:     BIDI, scatter lists, any task management function
 */
struct initiator_limits {
	uint32_t cdb_max, window;
	bool all;
};

/**
 * struct initiator_cmd - one command; the caller's, and in use from submit until it ended
 * @cdb, @cdb_len: at most limits.cdb_max bytes
 * @dir, @len:     direction and expected transfer length in bytes
 * @data:          @len bytes; NULL: nobody looks at them, or zeros
 * @bidi, @bidi_len: with INITIATOR_BIDI, where neither length is 0: what comes in
 * @segments, @n_segments: with limits.all: lengths, 1 to 4096, into which the target's side cuts
 *                 @data, which is as long as they are: @len or less. NULL: whole pages
 * @end:           after that, all that follows holds
 * @status:        as sent
 * @sense:         @sense_len bytes as sent
 * @data_in:       bytes that came in
 * @residual:      > 0: so many bytes fewer than @len, < 0: so many more would have been needed
 * @start_us, @end_us: CLOCK_MONOTONIC
 * @order:         1 for the first command of the session that ended, 2 for the next ...
 * @fn:            called when it ended, from within a call that polls; may be NULL
 */
struct initiator_cmd {
	uint8_t cdb[INITIATOR_CDB_MAX];
	uint16_t cdb_len;
	enum initiator_dir dir;
	void *data, *bidi;
	uint32_t len, bidi_len;
	const uint32_t *segments;
	uint32_t n_segments;
	void (*fn)(struct initiator_cmd *cmd);
	void *ctx;

	enum initiator_end end;
	uint8_t status;
	uint8_t sense[INITIATOR_SENSE_MAX];
	uint32_t sense_len, data_in;
	int64_t residual;
	uint64_t start_us, end_us, order;

	struct initiator *owner; /* private */
	struct initiator_cmd *next;
	struct scsi_task *task;
	void *scratch;
};

/** enum initiator_function - task management */
enum initiator_function {
	INITIATOR_ABORT_TASK = 1,
	INITIATOR_ABORT_TASK_SET = 2,
	INITIATOR_CLEAR_TASK_SET = 4,
	INITIATOR_LUN_RESET = 5,
};

/**
 * struct initiator_tmf - a task-management request
 * @done:     answered, or lost with the connection
 * @response: as in an iSCSI response: 0 complete, 1 no such task, 2 no such LUN, 5 not
 *            supported, 255 rejected; -1 lost
 */
struct initiator_tmf {
	bool done;
	int response;
	uint64_t start_us, end_us;

	uint64_t tag; /* private */
	struct initiator_tmf *next;
};

/**
 * initiator_open() - log in
 * @url: iscsi://HOST[:PORT]/IQN/LUN, or probe:TARGET/TPGT/LUN
 * @name: the initiator's name, iqn... or naa...; NULL = one of ours, on the probe one that nobody
 * has
 * @err: receives one line on failure
 * Returns 0, -EINVAL (the URL), -ETIMEDOUT, or -ECONNREFUSED.
 */
int initiator_open(struct initiator **out, const char *url, const char *name, uint32_t timeout_ms,
		   char *err, size_t err_len);
/** initiator_close() - end what is outstanding (INITIATOR_GONE), log out if that is quick. */
void initiator_close(struct initiator *in);

/** initiator_submit() - send @cmd. 0, -EINVAL, or -ENOTCONN; then it has not been taken. */
int initiator_submit(struct initiator *in, struct initiator_cmd *cmd);
/** initiator_poll() - one round of work, after waiting at most @timeout_ms for some. -ENOTCONN
 * once the connection is lost, else 0. */
int initiator_poll(struct initiator *in, uint32_t timeout_ms);
/** initiator_wait() - until @cmd ended: 0, or -ETIMEDOUT. */
int initiator_wait(struct initiator *in, struct initiator_cmd *cmd, uint32_t timeout_ms);
/** initiator_drop() - forget @cmd: it ends as INITIATOR_GONE, its storage is free again. */
void initiator_drop(struct initiator *in, struct initiator_cmd *cmd);

/**
 * initiator_tmf() - send a task-management request; it overtakes commands that were held back
 * @cmd: the command to abort; NULL for the functions that concern the LUN, and for an abort of
 * nothing What becomes of the commands is theirs to tell: one that was aborted without a status
 * stays INITIATOR_PENDING over iSCSI until initiator_drop(). *@tmf is in use until it is done or
 * the session closed.
 */
int initiator_tmf(struct initiator *in, enum initiator_function function, struct initiator_cmd *cmd,
		  struct initiator_tmf *tmf);
/** initiator_wait_tmf() - until @tmf is answered: 0, or -ETIMEDOUT. */
int initiator_wait_tmf(struct initiator *in, struct initiator_tmf *tmf, uint32_t timeout_ms);
/**
 * initiator_barrier() - until the target has taken every command submitted so far
 * Over iSCSI a NOP in sequence with them: the target has handed all of them, data included, to its
 * core; writes of more than 256 KiB are not covered. 0, -ETIMEDOUT, or -ENOTCONN.
 */
int initiator_barrier(struct initiator *in, uint32_t timeout_ms);

/** initiator_limits() - of the session; known as long as it is open. */
const struct initiator_limits *initiator_limits(const struct initiator *in);
/** initiator_outstanding() - commands that have not ended. */
uint32_t initiator_outstanding(const struct initiator *in);
/** initiator_alive() - whether the connection is there. */
bool initiator_alive(const struct initiator *in);
/** initiator_fd() - to poll(2) for, with others. */
int initiator_fd(struct initiator *in);

#endif
