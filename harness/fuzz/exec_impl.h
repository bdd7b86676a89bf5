/* SPDX-License-Identifier: MIT */
/*
 * What the files of the executor share.
 *
 * exec.c         one program from start to end
 * exec_ops.c     the operations one by one
 * exec_submit.c  commands: memory for them, their submission and their end
 * exec_abort.c   task management
 * exec_life.c    the handler's death, its successors, and that everything ends at last
 * exec_plug.c    devices that come, change and go
 * exec_seat.c    programs that play the handler
 * exec_say.c     what happens, for people
 */
#ifndef HARNESS_FUZZ_EXEC_IMPL_H
#define HARNESS_FUZZ_EXEC_IMPL_H

#include "disk.h"
#include "exec.h"
#include "expect.h"

#include "../target/impl.h"

#define CMDS_MAX    4096u /* in flight */
#define ARMED_MAX   64u	  /* operations that wait for a step */
#define CLASSES	    15u	  /* of buffers: 512 bytes, 1 KiB ... 8 MiB */
#define NEAR_BLOCKS 16384u

/**
 * struct exec_cmd - a command, and where it is
 * @busy:    in flight: in the list from the oldest to the newest
 * @inside:  target_submit() has not returned yet
 * @waited:  it was on the queue-full list when target_submit() returned
 * @listed:  a task management function aborted it
 * @behind:  it was aborted while it had to wait for the command whose c.began this is; 0: none
 * @ms:      time of its submission
 * @data_class, @bidi_class: of its buffers
 */
struct exec_cmd {
	struct fuzz_cmd c;
	struct fuzz_cdb cdb;
	struct exec_cmd *prev, *next;
	uint64_t ms, behind;
	bool busy, inside, waited, listed;
	uint8_t data_class, bidi_class;
};

/** struct exec_range - blocks that a command of the program may have changed */
struct exec_range {
	uint64_t lba, blocks;
};

/** struct exec_armed - an operation that happens when the handler has made @due steps */
struct exec_armed {
	uint64_t due;
	uint32_t pc;
};

/**
 * struct exec - struct fuzz_exec.priv: what stays from program to program, then the program's own
 * @idle:    commands that are free, a list through @next, and those from @cmds_used on
 * @arena:   of buffers; @fresh: bytes of it that were used since the program began; @spare: free
 *           buffers of each class, a list through their first bytes
 *
 * Of the program:
 * @now:     running count of what orders commands
 * @ms:      virtual time
 * @first:   in flight, the oldest; @last: the newest
 * @dead:    there is no handler; @doomed: there is one that will be killed at a step
 * @power:   it fails with the next death; @removed: the device is not there
 * @gone:    enum fuzz_fault that took the node away, plus 1
 * @over:    nothing else of the program happens
 * @inside:  an operation happens inside the handler's run
 * @after:   what an operation inside the run wants done when the handler has died of it
 * @restarted: this handler is not the first; @wakeups: target_wakeups() when it started
 * @asleep:  the handler's steps when something came first since it sleeps, and @now and @tmrs then
 * @kept:    buffers that a predecessor kept
 * @lost:    some command ended that may take effect yet
 * @near:    what is read back at the end of the disk's first blocks, by block; @touched: of others
 * @memory_faults: times that memory was refused
 */
struct exec {
	struct exec_cmd *cmds, *idle;
	uint32_t cmds_used;
	uint8_t *arena;
	uint64_t fresh;
	uint8_t *spare[CLASSES];
	struct fuzz_disk *disk;
	struct fuzz_expect *expect;

	struct fuzz_exec *x;
	struct tc *tc;
	struct target *t;
	const struct fuzz_program *p;
	struct fuzz_disk_facts facts;
	struct target_opts opts;
	unsigned int oracles; /* none in the seat */
	uint64_t now, ms, ended;
	struct exec_cmd *first, *last;
	uint32_t in_flight, pc, kept;
	bool seat, process, dead, doomed, frozen, blocked, plugged, over, inside, lost, restarted,
		power, removed;
	uint32_t gone;
	int32_t qfull_s, qfull_least_s;
	int reset_level; /* while reset_ring runs */
	struct {
		bool restart;
		int reset;
	} after;
	struct exec_armed armed[ARMED_MAX];
	uint32_t armed_cnt;
	uint64_t near[NEAR_BLOCKS / 64];
	struct exec_range *touched;
	uint32_t touched_cnt, touched_room;
	uint64_t tmrs, wakeups;
	struct {
		uint64_t steps, now, tmrs;
	} asleep;
	uint32_t last_fault, memory_faults;
	uint32_t last_head;
};

/* exec.c */

/** exec_stopped() - the program has failed, or there is nothing to carry on with. */
static inline bool exec_stopped(const struct exec *r)
{
	return r->over || r->tc->failed || r->tc->skipped;
}

/** exec_new_disk() - the reference disk is all zeros. */
void exec_new_disk(struct exec *r);

/* exec_ops.c */

/** exec_op() - carry out operation @pc, or leave it out. */
void exec_op(struct exec *r, uint32_t pc);
/** exec_alloc() - the handler's malloc(), which fails as "fault no-memory" says. */
void *exec_alloc(size_t size);
/** exec_alloc_fails() - it will. */
bool exec_alloc_fails(void);
/** exec_alloc_all() - it fails no more. */
void exec_alloc_all(void);

/* exec_submit.c */

/** exec_memory() - once: what commands are made of. 0 or -ENOMEM. */
int exec_memory(struct exec *r);
void exec_memory_free(struct exec *r);
/** exec_memory_reset() - all of it is free again. */
void exec_memory_reset(struct exec *r);
/** exec_submit() - @op is submitted, unless too much is in flight. @nr: its number, 0: none */
struct exec_cmd *exec_submit(struct exec *r, const struct fuzz_op *op, uint32_t nr);
/** exec_touched() - puts all that was written, and may not have been, into @touched. */
void exec_touched(struct exec *r);
/** exec_ended() - the target's hook: @io has ended. */
void exec_ended(void *ctx, struct target_io *io);

/* exec_abort.c */

/** exec_tmr() - a task management function, see FUZZ_TMR. */
void exec_tmr(struct exec *r, const struct fuzz_op *op);
/** exec_arrives() - something is about to be put on the ring. */
void exec_arrives(struct exec *r);
/** exec_abort_ended() - @e, which others may have waited for, has ended. */
void exec_abort_ended(struct exec *r, const struct exec_cmd *e);

/* exec_life.c */

/** exec_run() - @turns of the handler, 0: until it sleeps. */
void exec_run(struct exec *r, uint32_t turns);
/** exec_settle() - the handler runs until it sleeps; nothing may be left for it then. */
void exec_settle(struct exec *r);
/** exec_power() - whether the power fails with the handler's next death. */
void exec_power(struct exec *r, bool fails);
/** exec_kill() - the handler dies, here and now; @power: and the power fails. */
void exec_kill(struct exec *r, bool power);
/** exec_restart() - as a supervisor does it: kills, resets if the ring cannot be taken over. */
void exec_restart(struct exec *r);
/** exec_reset() - reset_ring, with the handler stopped meanwhile if it lives. */
void exec_reset(struct exec *r, unsigned int level);
/** exec_block() - block_dev. */
void exec_block(struct exec *r, bool block);
/** exec_finish() - faults stop: everything ends, and the disk holds what it may. */
void exec_finish(struct exec *r);

/* exec_plug.c */

/** exec_remove(), exec_add(), exec_reconfig() - hotplug; nothing where the handler knows none. */
void exec_remove(struct exec *r);
void exec_add(struct exec *r);
void exec_reconfig(struct exec *r, const struct fuzz_op *op);

/* exec_seat.c */

/** exec_seat() - an operation of the handler's side. */
void exec_seat(struct exec *r, const struct fuzz_op *op);
/** exec_seat_finish() - every command ends, whatever the handler did. */
void exec_seat_finish(struct exec *r);

/* exec_say.c */

void exec_say_op(struct exec *r, uint32_t pc);
void exec_say_end(struct exec *r, const struct exec_cmd *e);
void exec_say(struct exec *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
