/* SPDX-License-Identifier: MIT */
/* The recording handler's state, shared by clerk.c (work) and clerk_device.c (the device's life).
 */
#ifndef RECORD_CLERK_H
#define RECORD_CLERK_H

#include "record.h"

#include "../handlers/device.h"
#include "../handlers/scsi.h"

#define CLERK_TASKS_MAX 4096u
#define CLERK_KEPT_MAX	8u /* buffers kept between answers */

struct job {
	struct scsi_task task; /* first: the consumer hands its command back */
	uint64_t due_ms;
	bool used;
};

struct clerk {
	struct clerk_config cfg;
	struct device dev;
	struct consumer_fds fds;
	struct consumer c;
	bool attached;
	struct store *store;
	struct scsi_lun lun;
	struct job *jobs;
	uint32_t *ready; /* jobs that are done and not answered */
	uint32_t n_ready, n_used;
	struct clerk_log log;
	uint32_t generation;
	uint32_t seen_off;	/* next entry to copy */
	uint32_t answer_off;	/* next slot to copy the answer of */
	uint32_t *kept, n_kept; /* ids whose buffers are to be freed */
	uint64_t unblock_ms;	/* 0: not blocked */
	uint64_t rng;
	uint32_t executed;
	bool want_restart, want_broken;
	uint32_t want_reset;
	char *err;
	size_t err_len;
};

/* clerk.c */
uint64_t clerk_now_ms(void);
/* Leaves a line for the caller of serve or open; returns @rc. */
int clerk_fail(struct clerk *s, int rc, const char *what);
int clerk_see_entries(struct clerk *s);
void clerk_on_done(struct scsi_task *t);
void clerk_on_release(void *ctx, struct consumer_cmd *cmd);

/* clerk_device.c: 0 or -errno with a line */
int clerk_attach(struct clerk *s);
int clerk_reset_ring(struct clerk *s);
int clerk_restart(struct clerk *s);
int clerk_block(struct clerk *s, bool on);

#endif
