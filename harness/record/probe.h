/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own account: what its TCMU driver did, function by function, in its order.
 *
 * Kprobe events on the driver's functions, in a tracing instance of their own and stamped by a
 * counter that all CPUs share. Where a field lies in the kernel's structures is taken from the BTF
 * of the running kernel and module. Nothing is read while the kernel traces: the buffer is bounded,
 * and an event that was lost for want of room is an error, since half an account is none.
 */
#ifndef RECORD_PROBE_H
#define RECORD_PROBE_H

#include <stddef.h>
#include <stdint.h>

/** enum probe_kind - which function, and whether it begins or returns. */
enum probe_kind {
	PROBE_QUEUE,	/* queue_cmd_ring: a command goes to the ring or the queue */
	PROBE_QUEUED,	/* its return: 0 ring, 1 queue, -1 refused */
	PROBE_WALK,	/* tcmu_handle_completions */
	PROBE_DRAIN,	/* run_qfull_queue */
	PROBE_TMR,	/* queue_tmr_ring */
	PROBE_TMRED,	/* its return: 0 ring, 1 waits */
	PROBE_DROP_TMR, /* tcmu_remove_all_queued_tmr */
	PROBE_UNUSED,	/* tcmu_cmd_free_data: blocks of a command are given back */
	PROBE_DONE,	/* target_complete_cmd */
	PROBE_DONE_LEN, /* target_complete_cmd_with_length */
	PROBE_REPLY,	/* a fabric's queue_data_in or queue_status: what the initiator gets */

	/* What the functions above are called from. */
	PROBE_BELL,	/* tcmu_irqcontrol: a handler rang */
	PROBE_WORK,	/* tcmu_unmap_work_fn: time-outs, page reclaim */
	PROBE_BLOCK,	/* action/block_dev */
	PROBE_RESET,	/* action/reset_ring */
	PROBE_FREE,	/* action/free_kept_buf */
	PROBE_RELEASE,	/* last close */
	PROBE_NOTIFY,	/* tcmu_tmr_notify: commands were aborted */
	PROBE_NOTIFIED, /* its return */
	PROBE_KINDS
};

/** struct probe_event - one event; which fields count depends on @kind. Pointers are only names. */
struct probe_event {
	enum probe_kind kind;
	uint32_t pid, cpu;
	uint64_t order; /* position in the kernel's order */
	uint64_t jiffies;
	uint64_t cmd, se, dev; /* tcmu_cmd, se_cmd, tcmu_dev */
	uint64_t flags;	       /* of the device */
	uint32_t head, tail, clean;
	int32_t ret;
	uint32_t dir, len, bidi;
	uint32_t cmd_time_out_ms;
	int32_t qfull_time_out_ms;
	uint64_t cdb[4];
	uint32_t status, state; /* SAM status; transport_state of the command */
	uint32_t residual, se_flags;
	uint64_t sense[3];
	uint32_t type;	   /* enum tcm_tmreq_table */
	uint64_t first;	   /* first se_cmd of an abort list, 0 if it is empty */
	uint64_t deadline; /* of a command, in jiffies */
	uint64_t value;	   /* what was written to an action file */
};

struct probes;

/**
 * probes_start() - place the probes and start tracing
 * @buffer_mb: kernel memory for events, per CPU
 * Returns NULL with a line in @err (no tracefs, no BTF, a function that this kernel lacks).
 */
struct probes *probes_start(uint32_t buffer_mb, char *err, size_t err_len);

/**
 * probes_stop() - stop tracing, take everything, remove the probes
 * @events: receives an array of *@n events in the kernel's order, to be freed
 * Returns 0, -EOVERFLOW if events were lost, or -errno, with a line in @err. @p is released.
 */
int probes_stop(struct probes *p, struct probe_event **events, size_t *n, char *err,
		size_t err_len);

#endif
