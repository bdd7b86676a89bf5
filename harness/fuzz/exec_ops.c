/* SPDX-License-Identifier: MIT */
/* The operations of fuzz programs one by one, and where each can be carried out. */
#include "exec_impl.h"

/* Where an operation can be carried out. */
enum where {
	W_HANDLER = 1, /* a handler is behind the device */
	W_SEAT = 2,    /* the program is the handler */
	W_INSIDE = 4,  /* also while the handler runs */
	W_INPROC = 8,  /* the handler is stepped by us */
	W_PLUG = 16,   /* devices come and go */
};

/*
 * Allocations of the handler in this process that fail from now on: its hook has no context. One
 * program runs in a thread at a time, and sets it to 0 when it starts.
 */
static _Thread_local uint32_t no_memory;

void *exec_alloc(size_t size)
{
	if (!no_memory)
		return malloc(size);
	no_memory--;
	return NULL;
}

bool exec_alloc_fails(void)
{
	return no_memory != 0;
}

void exec_alloc_all(void)
{
	no_memory = 0;
}

/* Operations. */

static void do_submit(struct exec *r, const struct fuzz_op *op)
{
	exec_submit(r, op, (uint32_t)(op - r->p->ops) + 1);
}

static void do_tmr(struct exec *r, const struct fuzz_op *op)
{
	exec_tmr(r, op);
}

static void do_advance(struct exec *r, const struct fuzz_op *op)
{
	uint64_t ms = op->n[0] > FUZZ_MS_MAX ? FUZZ_MS_MAX : op->n[0];

	r->ms += ms;
	target_advance(r->t, ms);
}

static void do_event(struct exec *r, const struct fuzz_op *op)
{
	(void)op;
	ringsim_spurious_event(target_device(r->t));
}

static void do_plug(struct exec *r, const struct fuzz_op *op)
{
	(void)op;
	if (!r->plugged)
		target_plug(r->t);
	r->plugged = true;
}

static void do_unplug(struct exec *r, const struct fuzz_op *op)
{
	(void)op;
	if (r->plugged)
		target_unplug(r->t);
	r->plugged = false;
}

static void do_turn(struct exec *r, const struct fuzz_op *op)
{
	if (op->n[0])
		exec_run(r, (uint32_t)op->n[0]);
}

static void do_settle(struct exec *r, const struct fuzz_op *op)
{
	(void)op;
	exec_settle(r);
}

static void do_kill(struct exec *r, const struct fuzz_op *op)
{
	if (r->dead)
		return;
	if (r->inside || (op->n[0] && !r->process)) {
		r->doomed = true;
		exec_power(r, op->n[1]);
		target_kill_after(r->t, r->inside && !op->n[0] ? 1 : (uint32_t)op->n[0]);
	} else {
		exec_kill(r, op->n[1]);
	}
}

static void do_restart(struct exec *r, const struct fuzz_op *op)
{
	(void)op;
	if (!r->inside) {
		exec_restart(r);
		return;
	}
	r->after.restart = r->doomed = true;
	exec_power(r, false);
	target_kill_after(r->t, 1);
}

static void do_freeze(struct exec *r, const struct fuzz_op *op)
{
	r->frozen = op->verb == FUZZ_FREEZE;
	if (r->frozen)
		target_freeze(r->t);
	else
		target_thaw(r->t);
}

static void do_block(struct exec *r, const struct fuzz_op *op)
{
	exec_block(r, op->n[0] & 1);
}

static void do_reset(struct exec *r, const struct fuzz_op *op)
{
	unsigned int level = (unsigned int)op->n[0];

	if (level != 1 && level != 2) {
		if (target_reset_ring(r->t, level) != -EINVAL)
			tc_fail(r->tc, "KRN-111", "reset_ring %u: expected EINVAL", level);
	} else if (r->inside) {
		r->after.reset = (int)level;
		r->doomed = true;
		exec_power(r, false);
		target_kill_after(r->t, 1);
	} else {
		exec_reset(r, level);
	}
}

static void do_poll(struct exec *r, const struct fuzz_op *op)
{
	(void)op;
	ringsim_poll_tail(target_device(r->t));
}

static void do_qfull(struct exec *r, const struct fuzz_op *op)
{
	int32_t seconds = (int32_t)(op->n[0] > 1u << 20 ? 1u << 20 : op->n[0]) - 1;

	if (target_qfull_time_out(r->t, seconds)) {
		tc_fail(r->tc, "KRN-095", "qfull_time_out %d was refused", seconds);
		return;
	}
	r->qfull_s = seconds;
	if (seconds < 0)
		seconds = r->p->setup.cmd_s ? (int32_t)r->p->setup.cmd_s : 30;
	if (seconds < r->qfull_least_s)
		r->qfull_least_s = seconds;
}

static void do_raw(struct exec *r, const struct fuzz_op *op)
{
	/* no room is no harm, and no other opcode is taken */
	ringsim_put_raw(target_device(r->t), (unsigned int)op->n[0] & TCMU_OP_MASK,
			(uint32_t)op->n[1], (uint8_t)op->n[2]);
}

static void do_decoy(struct exec *r, const struct fuzz_op *op)
{
	ringsim_put_decoy(target_device(r->t), (uint32_t)op->n[0]);
}

/* Faults of the medium need a medium; one strikes at a time. */
static void do_store_fault(struct exec *r, uint64_t what)
{
	if (!r->p->setup.medium || what > STORE_ZERO)
		return;
	target_faults(r->t)->store[what] = EIO;
	if (r->oracles & FUZZ_O_EXPECT)
		fuzz_expect_fault(r->expect, FUZZ_STORE_ERROR + what, 1);
}

static void do_fault(struct exec *r, const struct fuzz_op *op)
{
	struct target_faults *f = target_faults(r->t);
	uint32_t times = (uint32_t)op->n[1];

	r->last_fault = (uint32_t)op->n[0] + 1;
	if (op->n[0] == FUZZ_READ_EAGAIN)
		f->read_eagain += times;
	else if (op->n[0] == FUZZ_READ_EINTR)
		f->read_eintr += times;
	else if (op->n[0] == FUZZ_WRITE_EINTR)
		f->write_eintr += times;
	else if (op->n[0] == FUZZ_GONE)
		f->gone = true;
	else if (op->n[0] == FUZZ_HANGUP)
		ringsim_uio_unregister(target_uio(r->t));
	else if (op->n[0] >= FUZZ_STORE_ERROR)
		do_store_fault(r, op->n[0] - FUZZ_STORE_ERROR);
	if (op->n[0] == FUZZ_NO_MEMORY && times) {
		no_memory += times;
		r->memory_faults++;
		if (r->oracles & FUZZ_O_EXPECT)
			fuzz_expect_fault(r->expect, FUZZ_NO_MEMORY, times);
	}
	if (op->n[0] == FUZZ_GONE || op->n[0] == FUZZ_HANGUP)
		r->gone = (uint32_t)op->n[0] + 1;
}

static void do_hotplug(struct exec *r, const struct fuzz_op *op)
{
	if (op->verb == FUZZ_REMOVE)
		exec_remove(r);
	else if (op->verb == FUZZ_ADD)
		exec_add(r);
	else
		exec_reconfig(r, op);
}

static const struct {
	void (*fn)(struct exec *r, const struct fuzz_op *op);
	unsigned int where;
} acts[FUZZ_VERBS] = {
	[FUZZ_SUBMIT] = { do_submit, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_TMR] = { do_tmr, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_ADVANCE] = { do_advance, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_EVENT] = { do_event, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_PLUG] = { do_plug, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_UNPLUG] = { do_unplug, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_TURN] = { do_turn, W_HANDLER | W_INPROC },
	[FUZZ_SETTLE] = { do_settle, W_HANDLER },
	[FUZZ_KILL] = { do_kill, W_HANDLER | W_INSIDE },
	[FUZZ_RESTART] = { do_restart, W_HANDLER | W_INSIDE },
	[FUZZ_FREEZE] = { do_freeze, W_HANDLER | W_INSIDE },
	[FUZZ_THAW] = { do_freeze, W_HANDLER | W_INSIDE },
	[FUZZ_BLOCK] = { do_block, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_RESET] = { do_reset, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_POLL] = { do_poll, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_QFULL] = { do_qfull, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_RAW] = { do_raw, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_DECOY] = { do_decoy, W_HANDLER | W_SEAT | W_INSIDE },
	[FUZZ_FAULT] = { do_fault, W_HANDLER | W_INPROC | W_INSIDE },
	[FUZZ_REMOVE] = { do_hotplug, W_HANDLER | W_PLUG },
	[FUZZ_ADD] = { do_hotplug, W_HANDLER | W_PLUG },
	[FUZZ_RECONFIG] = { do_hotplug, W_HANDLER | W_PLUG },
	[FUZZ_STORE] = { exec_seat, W_SEAT },
	[FUZZ_FILL] = { exec_seat, W_SEAT },
	[FUZZ_RING] = { exec_seat, W_SEAT },
	[FUZZ_READ] = { exec_seat, W_SEAT },
	[FUZZ_MAP] = { exec_seat, W_SEAT },
	[FUZZ_OPEN] = { exec_seat, W_SEAT },
	[FUZZ_CLOSE] = { exec_seat, W_SEAT },
	[FUZZ_ANSWER] = { exec_seat, W_SEAT },
	[FUZZ_FREE] = { exec_seat, W_SEAT },
};

void exec_op(struct exec *r, uint32_t pc)
{
	const struct fuzz_op *op = &r->p->ops[pc];
	unsigned int where = op->verb < FUZZ_VERBS ? acts[op->verb].where : 0;

	if (!(where & (r->seat ? W_SEAT : W_HANDLER)) || (r->inside && !(where & W_INSIDE)) ||
	    (r->process && where & W_INPROC) || (where & W_PLUG && !target_hotplugs(r->t)) ||
	    (r->removed && op->verb != FUZZ_ADD))
		return;
	r->x->stats.ops++;
	r->x->stats.verbs[op->verb]++;
	if (r->x->say)
		exec_say_op(r, pc);
	acts[op->verb].fn(r, op);
}
