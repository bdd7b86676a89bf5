/* SPDX-License-Identifier: MIT */
/*
 * /dev/tcmu_probe: what the probe fabric takes from a process and tells it.
 *
 * An open file is an initiator: TCMU_PROBE_BIND logs in, once, and closing it logs out. A call that
 * submits returns when the target core has taken the command: with TCMU it is on the ring then, or
 * waits for room there, or has ended; PREEMPT AND ABORT alone returns after what it aborts.
 * Whatever was submitted ends with an event, which read(2) gives, one at a time; poll(2) says
 * whether there is one.
 *
 * The kernel keeps data in pages of its own: they hold what the process has there when a command is
 * submitted, also where it reads, and go back to whoever reads the event as far as data came in.
 *
 * Errors: EINVAL (a field), EFAULT (an address), ENOTCONN (not bound), EBUSY (bound already, or
 * TCMU_PROBE_COMMANDS or TCMU_PROBE_PAGES reached), ENOMEM, ESHUTDOWN (the session was ended).
 */
#ifndef TCMU_PROBE_H
#define TCMU_PROBE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define TCMU_PROBE_DEVICE   "/dev/tcmu_probe"
#define TCMU_PROBE_NAME	    64
#define TCMU_PROBE_CDB	    260
#define TCMU_PROBE_SENSE    96
#define TCMU_PROBE_SEGMENTS 4096
#define TCMU_PROBE_SEGMENT  4096	/* bytes */
#define TCMU_PROBE_LENGTH   (64u << 20) /* bytes of one command, in each direction */
#define TCMU_PROBE_COMMANDS 65792	/* of one file: outstanding, or ended and not read */
#define TCMU_PROBE_PAGES    65536	/* of 4 KiB, of their data */

/**
 * struct tcmu_probe_bind - log in: as whom, and to what
 * @lun:       that all commands are for; it need not exist
 * @tag:       N of tpgt_N, which must be enabled
 * @reserved:  0
 * @target, @initiator: naa.5001405..., of 16 digits; ENOENT: no such target, EEXIST: that
 *             initiator is logged in there, ENOTCONN: disabled
 */
struct tcmu_probe_bind {
	__aligned_u64 lun;
	__u16 tag;
	__u16 reserved[3];
	char target[TCMU_PROBE_NAME];
	char initiator[TCMU_PROBE_NAME];
};

enum tcmu_probe_direction {
	TCMU_PROBE_NONE,
	TCMU_PROBE_OUT,
	TCMU_PROBE_IN,
	TCMU_PROBE_BIDI,
};

enum tcmu_probe_attribute {
	TCMU_PROBE_SIMPLE,
	TCMU_PROBE_ORDERED,
	TCMU_PROBE_HEAD,
	TCMU_PROBE_ACA,
};

/**
 * struct tcmu_probe_command - a command
 * @tag:         its name in the event, and for ABORT TASK; need not be unique
 * @data, @length: address and expected length; 0 as the address of what is read: nobody wants it
 * @bidi, @bidi_length: with TCMU_PROBE_BIDI, where neither length may be 0: what is read
 * @segments, @n_segments: address of @n_segments lengths (__u32, 1 to TCMU_PROBE_SEGMENT), into
 *               which @data is cut; together they may be shorter than @length as far as the pages
 *               behind them reach. None: whole pages
 * @cdb, @cdb_length: 1 to TCMU_PROBE_CDB bytes, and zeros behind them; how many count is the
 *               opcode's matter
 * @reserved:    0
 */
struct tcmu_probe_command {
	__aligned_u64 tag;
	__aligned_u64 data;
	__aligned_u64 bidi;
	__aligned_u64 segments;
	__u32 length;
	__u32 bidi_length;
	__u32 n_segments;
	__u16 cdb_length;
	__u8 direction;
	__u8 attribute;
	__u8 cdb[TCMU_PROBE_CDB];
	__u32 reserved;
};

/**
 * struct tcmu_probe_manage - a task management function
 * @tag:      its name in the event
 * @task:     for ABORT TASK: the tag of what is to be aborted
 * @function: as the target core numbers them: 1 ABORT TASK, 5 LOGICAL UNIT RESET ...
 */
struct tcmu_probe_manage {
	__aligned_u64 tag;
	__aligned_u64 task;
	__u32 function;
	__u32 reserved;
};

enum tcmu_probe_kind {
	TCMU_PROBE_ANSWERED, /* a command, with a status */
	TCMU_PROBE_ABORTED,  /* a command that gets no answer */
	TCMU_PROBE_MANAGED,  /* a function */
	TCMU_PROBE_DROPPED,  /* a function that gets no answer */
};

#define TCMU_PROBE_FAULT 1 /* data could not be written to its address */

/**
 * struct tcmu_probe_event - the end of a command or a function
 * @order:    1 for the first that the target core answered, 2 for the next ...
 * @ns:       CLOCK_MONOTONIC of the answer
 * @residual: > 0: so many bytes fewer than expected, < 0: so many more would have been needed
 * @data_in:  bytes that the target core says it sends, and that were written to @data or @bidi
 * @status:   as is; of a function its response: 0 failed, 1 complete, 2 no such task, 3 no such
 * LUN, 4 not supported, 5 rejected
 * @flags:    TCMU_PROBE_FAULT
 */
struct tcmu_probe_event {
	__aligned_u64 tag;
	__aligned_u64 order;
	__aligned_u64 ns;
	__s64 residual;
	__u32 data_in;
	__u32 sense_length;
	__u8 kind;
	__u8 status;
	__u8 flags;
	__u8 reserved[5];
	__u8 sense[TCMU_PROBE_SENSE];
};

#define TCMU_PROBE_BIND	  _IOW('t', 0x70, struct tcmu_probe_bind)
#define TCMU_PROBE_SUBMIT _IOW('t', 0x71, struct tcmu_probe_command)
#define TCMU_PROBE_MANAGE _IOW('t', 0x72, struct tcmu_probe_manage)

#endif
