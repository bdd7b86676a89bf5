/* SPDX-License-Identifier: MIT */
/*
 * A fuzz program: what happens to a device, one operation a line.
 *
 *	device ring=4096 blocks=64 ooo=1          # zero or more, first
 *	handler depth=8 wce=1
 *	submit 28000000000800000400 in=2048       # READ(10) lba=8 blocks=4
 *	at 3                                      # the next line happens inside the handler's run,
 *	event                                     # right after its third step from now
 *	settle
 *
 * Numbers are decimal or 0x; for a place in the region they may start from a name: head+8. The
 * generator, libFuzzer's bytes, the shrinker and people all make the same programs, and any program
 * can be carried out on any target: what a target cannot do is left out there.
 *
 * This half knows words only; exec.h carries a program out.
 */
#ifndef HARNESS_FUZZ_PROGRAM_H
#define HARNESS_FUZZ_PROGRAM_H

#include <ringsim/device.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FUZZ_OPS_MAX   65536 /* operations of one program */
#define FUZZ_BYTES     64    /* explicit bytes of a Data-Out buffer; zeros follow */
/** Bytes of one command's buffer; in data blocks of 4 KiB a little more than 1024 of them. */
#define FUZZ_DATA_MAX  (69u << 16)
#define FUZZ_MS_MAX    86400000u    /* of one "advance": a day */
#define FUZZ_PAGES_MAX (1u << 20)   /* of the data area */
#define FUZZ_DISK_MAX  (1ull << 43) /* bytes of the disk */

/**
 * enum fuzz_verb - what can happen; fuzz_verbs[] has names, arguments and help in the same order
 *
 * The initiator's side and root's, legal for any kernel:
 * @FUZZ_SUBMIT:  a command; @n: see enum fuzz_submit
 * @FUZZ_TMR:     a task management function of type n[0] for n[2] commands, beginning with the
 *                n[1]-th oldest that is in flight, both modulo what there is
 * @FUZZ_ADVANCE: n[0] milliseconds go by
 * @FUZZ_EVENT:   an event for nothing
 * @FUZZ_PLUG, @FUZZ_UNPLUG: what is submitted between them comes as one batch
 * @FUZZ_TURN:    at most n[0] turns of the handler's loop
 * @FUZZ_SETTLE:  the handler runs until it sleeps
 * @FUZZ_AT:      the next operation happens right after the handler's n[0]-th step from now (1 =
 * the next), when it runs; several may be armed
 *                With device seat=1 it is a store right before the kernel's n[0]-th access to the
 *                region, where the kernel is a simulator that can be stopped there
 * @FUZZ_KILL:    the handler dies, now (0) or after n[0] steps; n[1]: and the power fails
 * @FUZZ_RESTART: it starts again (also starts one that lives: kill first)
 * @FUZZ_FREEZE, @FUZZ_THAW: it is not scheduled
 * @FUZZ_BLOCK:   block_dev n[0]
 * @FUZZ_RESET:   reset_ring n[0] (1, 2)
 * @FUZZ_POLL:    the kernel looks at cmd_tail by itself
 * @FUZZ_QFULL:   qfull_time_out n[0] - 1
 * @FUZZ_RAW:     an entry of reserved opcode n[0] and n[1] bytes, filled with n[2]
 * @FUZZ_DECOY:   n[0] entries beyond cmd_head
 * @FUZZ_FAULT:   enum fuzz_fault n[0] strikes n[1] times
 * @FUZZ_REMOVE, @FUZZ_ADD, @FUZZ_RECONFIG: hotplug; reconfig: enum target_reconfig n[0], value n[1]
 *
 * The handler's side, for programs that play it (device seat=1), as hostile as they like. Places
 * are n[0] = enum fuzz_base, n[1] = distance in bytes:
 * @FUZZ_STORE:   n[2] = 1, 2, 4, 8 bytes of n[3]
 * @FUZZ_FILL:    n[2] bytes of n[3] & 0xff
 * @FUZZ_RING:    a write of n[0] bytes to the node, its value n[1]
 * @FUZZ_READ:    a read of n[0] bytes
 * @FUZZ_MAP:     a mapping of n[0] bytes at offset n[1], undone again
 * @FUZZ_OPEN, @FUZZ_CLOSE: the node
 * @FUZZ_ANSWER:  n[0] entries answered properly, one doorbell if n[1]; where programs are recorded
 *                (record.h), n[2] chooses order, status and flags, else it is GOOD in order
 * @FUZZ_FREE:    free_kept_buf n[0]
 */
enum fuzz_verb {
	FUZZ_SUBMIT,
	FUZZ_TMR,
	FUZZ_ADVANCE,
	FUZZ_EVENT,
	FUZZ_PLUG,
	FUZZ_UNPLUG,
	FUZZ_TURN,
	FUZZ_SETTLE,
	FUZZ_AT,
	FUZZ_KILL,
	FUZZ_RESTART,
	FUZZ_FREEZE,
	FUZZ_THAW,
	FUZZ_BLOCK,
	FUZZ_RESET,
	FUZZ_POLL,
	FUZZ_QFULL,
	FUZZ_RAW,
	FUZZ_DECOY,
	FUZZ_FAULT,
	FUZZ_REMOVE,
	FUZZ_ADD,
	FUZZ_RECONFIG,
	FUZZ_STORE,
	FUZZ_FILL,
	FUZZ_RING,
	FUZZ_READ,
	FUZZ_MAP,
	FUZZ_OPEN,
	FUZZ_CLOSE,
	FUZZ_ANSWER,
	FUZZ_FREE,
	FUZZ_VERBS
};

/**
 * enum fuzz_submit - arguments of FUZZ_SUBMIT in fuzz_op.n
 * @FUZZ_S_DIR:  enum ringsim_dir
 * @FUZZ_S_LEN:  bytes of the buffer, at most FUZZ_DATA_MAX
 * @FUZZ_S_BIDI: bytes of the Data-In buffer of a BIDI command
 * @FUZZ_S_FILL: enum fuzz_fill, what a Data-Out buffer holds
 * @FUZZ_S_FLIP: 1 + offset of a byte of it that is inverted; 0 = none
 */
enum fuzz_submit { FUZZ_S_DIR, FUZZ_S_LEN, FUZZ_S_BIDI, FUZZ_S_FILL, FUZZ_S_FLIP };

/**
 * enum fuzz_fill - contents of Data-Out
 * @FUZZ_FILL_NEW:     each block its own pattern, never seen before in this program
 * @FUZZ_FILL_CURRENT: what the reference disk holds there; of COMPARE AND WRITE the first half, the
 *                     second is new
 * @FUZZ_FILL_ZERO:    zeros
 * @FUZZ_FILL_BYTES:   fuzz_op.bytes, then zeros: parameter lists
 * @FUZZ_FILL_SAME:    fuzz_op.bytes over and over
 * @FUZZ_FILL_NEXT:    as FUZZ_FILL_CURRENT, but what the newest command leaves there, though it may
 *                     be in flight
 */
enum fuzz_fill {
	FUZZ_FILL_NEW,
	FUZZ_FILL_CURRENT,
	FUZZ_FILL_ZERO,
	FUZZ_FILL_BYTES,
	FUZZ_FILL_SAME,
	FUZZ_FILL_NEXT,
};

/**
 * enum fuzz_fault - what the handler's surroundings do to it
 * The first three are struct target_faults' fields of these names; FUZZ_STORE_ERROR + enum store_op
 * has the store fail with EIO (programs with a medium only); FUZZ_NO_MEMORY: allocations fail.
 * FUZZ_GONE: the node answers EIO and EINVAL from now on, FUZZ_HANGUP: it is unregistered (n[1] of
 * these two is 0). Then the handler must stop, soon, and nothing more is expected of this program.
 */
enum fuzz_fault {
	FUZZ_READ_EAGAIN,
	FUZZ_READ_EINTR,
	FUZZ_WRITE_EINTR,
	FUZZ_NO_MEMORY,
	FUZZ_GONE,
	FUZZ_HANGUP,
	FUZZ_STORE_ERROR,
};

/** enum fuzz_base - what a place in the region is counted from; fuzz_bases[] spells them. */
enum fuzz_base {
	FUZZ_B_ZERO, /* the region */
	FUZZ_B_RING, /* the ring */
	FUZZ_B_HEAD, /* the entry at cmd_head, now */
	FUZZ_B_TAIL, /* the entry at cmd_tail, now */
	FUZZ_B_OLD,  /* the entry at the reclaim pointer */
	FUZZ_B_DATA, /* the data area */
	FUZZ_B_END,  /* the region's end; the distance goes backwards */
	FUZZ_BASES
};

#define FUZZ_ARGS 5

/** struct fuzz_op - one line; @cdb_len and @bytes_len only of FUZZ_SUBMIT; @zero: always 0 */
struct fuzz_op {
	uint8_t verb;
	uint8_t cdb_len, bytes_len;
	uint8_t zero[5];
	uint64_t n[FUZZ_ARGS];
	uint8_t cdb[32];
	uint8_t bytes[FUZZ_BYTES];
};

/**
 * struct fuzz_setup - the "device" and "handler" lines; all 0 is a valid one
 * @ring:       bytes of the ring; 0 = 1 MiB less the mailbox. @ring_start: where it begins, as if
 * so much traffic had gone by (multiple of 8)
 * @ring_off:   where the ring is in the region, multiple of 8; 0 = behind the mailbox
 * @frag:       every second of the first so many data blocks is held by a buffer that a predecessor
 *              kept, so that the others are iovs of their own
 * @blocks:     data blocks; 0 = 16 MiB worth. @pages_per_blk; 0 = 1
 * @disk:       logical blocks of the disk; 0 = 2048
 * @block_size: logical; 0 = 512
 * @no_ooo, @no_read_len, @no_keep_buf, @tmr: capabilities taken away, and task management entries
 * @cmd_s:      command time-out in seconds, 0 = never; @qfull: of the queue: 0 = follow, else 1 +
 * seconds
 * @version:    of the mailbox; 0 = 2. Any other is to be refused, and nothing else happens then
 * @name:       UIO name: number in fuzz_names[]; those that are not ours are to be refused, too
 * @seat:       the program plays the handler
 * @async:      released as soon as the tail moves, not at the doorbell
 * @poison:     released blocks are poisoned
 * @first_event: the event counter's first value
 * @pool:       pages that all devices of a pool may have before the reclaimer comes; 0 = the
 * kernel's default. @twin: another device of that pool, to which everything happens as well. Both
 *              for hostile programs on the simulator
 * @in_order, @wce, @read_only, @read_len, @reorder, @depth: struct handler_config
 * @medium:     enum target_medium: a store whose power can be cut
 */
struct fuzz_setup {
	uint32_t ring, ring_start, ring_off, blocks, pages_per_blk, frag;
	uint64_t disk;
	uint32_t block_size, version, name;
	uint32_t no_ooo, no_read_len, no_keep_buf, tmr;
	uint32_t cmd_s, qfull, seat, async, poison, first_event, pool, twin;
	uint32_t in_order, wce, read_only, read_len, reorder, depth, medium;
};

/** struct fuzz_program - @ops is malloc()ed, @room operations long */
struct fuzz_program {
	struct fuzz_setup setup;
	struct fuzz_op *ops;
	uint32_t cnt, room;
};

/**
 * struct fuzz_name - a UIO name (HND-004)
 * @text: NULL: the usual one. @ours: of subtype "foo"; a handler of that must leave any other alone
 */
struct fuzz_name {
	const char *text;
	bool ours;
};
#define FUZZ_NAMES 64
extern const struct fuzz_name fuzz_names[FUZZ_NAMES];

extern const char *const fuzz_bases[FUZZ_BASES];
/** fuzz_verb_name() - "submit" and so on. */
const char *fuzz_verb_name(enum fuzz_verb verb);

/** fuzz_push() - append a zeroed operation of @verb and return it; NULL if there is no room. */
struct fuzz_op *fuzz_push(struct fuzz_program *p, enum fuzz_verb verb);
/** fuzz_program_copy() - @to is overwritten, not freed. 0 or -ENOMEM. */
int fuzz_program_copy(struct fuzz_program *to, const struct fuzz_program *from);
void fuzz_program_free(struct fuzz_program *p);

/**
 * fuzz_op_tidy() - bring every field of @op into its range, and what its verb does not use to 0
 * Any 0-initialised and then scribbled-on operation becomes one that can be printed and read back.
 */
void fuzz_op_tidy(struct fuzz_op *op);
/** fuzz_setup_check() - 0, or -EINVAL with one line in @err. fuzz_parse() has done it. */
int fuzz_setup_check(const struct fuzz_setup *s, char *err, size_t err_len);

/**
 * fuzz_parse() - read a program of @len bytes
 * @err: receives one line: where, what, expected, found
 * Returns 0, -EINVAL (nothing to free) or -ENOMEM.
 */
int fuzz_parse(struct fuzz_program *p, const char *text, size_t len, char *err, size_t err_len);
/** fuzz_print() - the text; fuzz_parse() of it gives the same program. */
void fuzz_print(const struct fuzz_program *p, FILE *f);
void fuzz_print_op(const struct fuzz_op *op, FILE *f);
/** fuzz_print_verbs() - one line for each verb, for people. */
void fuzz_print_verbs(FILE *f);

#endif
