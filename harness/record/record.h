/* SPDX-License-Identifier: MIT */
/*
 * Recording: a handler on a real device, the kernel's own account, and both as one trace.
 *
 * layout.c  offsets from BTF	probe.c	 kernel events by tracefs
 * clerk.c   the handler		merge.c	 both accounts as one
 * record.c  the command line	load.c	 traffic for it, by SCSI generic
 */
#ifndef HARNESS_RECORD_H
#define HARNESS_RECORD_H

#include "../trace/trace.h"
#include "probe.h"

/**
 * struct clerk_log - what the handler saw and stored
 * @seen:    ring entries in order, @arg of each the number of resets before it; the mailbox
 * @answers: TRACE_ANSWER, @tail the end of the slot, @arg as above
 */
struct clerk_log {
	struct trace seen, answers;
};

/** enum clerk_mood - what may come over a command, or the handler. */
enum clerk_mood {
	CLERK_SHORT,   /* READ_LEN, any length */
	CLERK_SENSE,   /* CHECK CONDITION with sense */
	CLERK_BUSY,    /* another status without sense */
	CLERK_UNKNOWN, /* UNKNOWN_OP */
	CLERK_KEEP,    /* KEEP_BUF, freed some time later */
	CLERK_LATE,    /* answered late */
	CLERK_STALL,   /* nothing is answered for a while */
	CLERK_BLOCK,   /* block_dev, for a while */
	CLERK_RESET1,  /* reset_ring 1 */
	CLERK_RESET2,
	CLERK_BROKEN,  /* an answer with a wrong id, then reset_ring */
	CLERK_RESTART, /* node closed and opened again; in order only */
	CLERK_MOODS
};

extern const char *const clerk_moods[CLERK_MOODS];

/**
 * struct clerk_config - how the handler behaves
 * @uio:      "uioN"
 * @in_order: answers in issue order
 * @seed:     of everything random
 * @hold:     in any order: answers held back at most
 * @after:    commands that are served without moods at first
 * @late_ms, @stall_ms, @block_ms: how long what @chance asks for lasts
 * @chance:   one command in so many meets it, 0 none; see clerk_moods
 */
struct clerk_config {
	const char *uio;
	bool in_order;
	uint64_t seed;
	uint32_t hold;
	uint32_t after;
	uint32_t late_ms, stall_ms, block_ms;
	uint32_t chance[CLERK_MOODS];
};

struct clerk;

/** clerk_open() - attach; NULL with a line in @err. The first thing it does to the kernel is ring.
 */
struct clerk *clerk_open(const struct clerk_config *cfg, char *err, size_t err_len);
/**
 * clerk_serve() - serve until the process behind @pidfd has ended and the ring is empty
 * Returns 0 or -errno with a line in @err. Waits at most 30 s for the ring once the process ended.
 */
int clerk_serve(struct clerk *s, int pidfd, char *err, size_t err_len);
/** clerk_close() - ring once more and go; @log is the caller's, to be released with log_free(). */
void clerk_close(struct clerk *s, struct clerk_log *log);
void clerk_log_free(struct clerk_log *log);
/** clerk_configfs() - the device's directory in configfs; empty if it is not known. */
const char *clerk_configfs(const struct clerk *s);
/** clerk_desc_sense() - whether the kernel's own sense is in descriptor format (SCS-044). */
bool clerk_desc_sense(const struct clerk *s);

/**
 * struct merge_config - what neither account says
 * @pid:      thread that served
 * @blk_size: bytes of a data block; @tick_ns length of a jiffy; @desc_sense as ringsim_config
 */
struct merge_config {
	uint32_t pid, blk_size, tick_ns;
	bool desc_sense;
};

/**
 * merge_accounts() - one trace of version 2 from both accounts
 * Returns 0, -EPROTO (they contradict each other, or one has a hole: a line in @err) or -ENOMEM.
 * *@out is to be released with trace_free() in any case.
 */
int merge_accounts(struct trace *out, const struct probe_event *events, size_t n,
		   const struct clerk_log *log, const struct merge_config *cfg, char *err,
		   size_t err_len);

/** record_main(), load_main() - `tcmu-harness trace record` and `trace load`; exit status. */
int record_main(int argc, char **argv);
int load_main(int argc, char **argv);

#endif
