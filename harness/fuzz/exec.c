/* SPDX-License-Identifier: MIT */
/*
 * A fuzz program from start to end; see exec.h, and exec_impl.h for the other files.
 *
 * What a kernel could not do is left out: a program is legal whatever its operations are. Resets
 * happen only while no handler lives (HND-064), and a handler that may answer out of order is only
 * succeeded after one (HND-071). Operations armed by "at" happen inside the handler's run, between
 * two of its accesses to shared memory; what would need the handler to return first happens as soon
 * as it has.
 */
#include "exec_impl.h"

#include "../cases/work.h"

#include <stdio.h>

#define FRAG_MAX 2304u

/* Inside the handler's run. */

static void on_step(struct target *t, void *ctx, enum consumer_step step)
{
	struct exec *r = ctx;
	uint64_t steps = target_steps(t);
	uint32_t i = 0, pc;

	(void)step;
	if (r->inside)
		return;
	r->inside = true;
	while (i < r->armed_cnt && !exec_stopped(r)) {
		if (r->armed[i].due > steps) {
			i++;
			continue;
		}
		pc = r->armed[i].pc;
		memmove(&r->armed[i], &r->armed[i + 1], (--r->armed_cnt - i) * sizeof(r->armed[0]));
		exec_op(r, pc);
	}
	r->inside = false;
	if (!r->armed_cnt)
		target_on_step(t, NULL, NULL);
}

/* The operation behind "at" waits for its step. */
static void arm(struct exec *r, uint64_t steps)
{
	if (r->process || r->seat || r->armed_cnt == ARMED_MAX)
		return;
	if (r->x->say)
		exec_say_op(r, r->pc - 1);
	r->x->stats.verbs[FUZZ_AT]++;
	if (!r->armed_cnt)
		target_on_step(r->t, on_step, r);
	r->armed[r->armed_cnt++] = (struct exec_armed){ target_steps(r->t) + (steps ? steps : 1),
							r->pc };
}

static void carry_out(struct exec *r)
{
	const struct fuzz_program *p = r->p;

	for (r->pc = 0; r->pc < p->cnt && !exec_stopped(r) && !r->gone; r->pc++) {
		const struct fuzz_op *op = &p->ops[r->pc];

		if (op->verb != FUZZ_AT) {
			exec_op(r, r->pc);
		} else if (r->pc + 1 < p->cnt && p->ops[r->pc + 1].verb != FUZZ_AT) {
			r->pc++;
			arm(r, op->n[0]);
		}
	}
}

/* Life. */

static void set_device(struct ringsim_config *dev, const struct fuzz_setup *s)
{
	uint32_t flags = TCMU_MAILBOX_FLAG_CAP_OOOC | TCMU_MAILBOX_FLAG_CAP_READ_LEN |
			 TCMU_MAILBOX_FLAG_CAP_TMR | TCMU_MAILBOX_FLAG_CAP_KEEP_BUF;

	if (s->no_ooo)
		flags &= ~(uint32_t)TCMU_MAILBOX_FLAG_CAP_OOOC;
	if (s->no_read_len)
		flags &= ~(uint32_t)TCMU_MAILBOX_FLAG_CAP_READ_LEN;
	if (s->no_keep_buf)
		flags &= ~(uint32_t)TCMU_MAILBOX_FLAG_CAP_KEEP_BUF;
	dev->geo.ring_mb = 1;
	dev->geo.cmdr_size = s->ring;
	dev->geo.cmdr_off = s->ring_off;
	dev->geo.data_blocks = s->blocks;
	dev->geo.pages_per_blk = s->pages_per_blk;
	dev->geo.data_area_mb = s->blocks ? 0 : 16;
	dev->start = s->ring_start;
	dev->first_event = s->first_event;
	dev->set_flags = true;
	dev->flags = (uint16_t)flags;
	dev->version = (uint16_t)s->version;
	dev->cmd_time_out_s = s->cmd_s;
	dev->qfull_time_out_s = (int32_t)s->qfull - 1;
	dev->tmr_notification = s->tmr;
}

static void set_opts(struct exec *r)
{
	const struct fuzz_setup *s = &r->p->setup;
	struct target_opts *o = &r->opts;

	*o = TARGET_OPTS;
	set_device(&o->dev, s);
	o->dev.sanitize = r->x->oracles & FUZZ_O_SANITIZER;
	o->dev.desc_sense = r->facts.blocks - 1 > UINT32_MAX;
	o->near = true;
	o->exact = !s->poison;
	o->reclaim = s->async ? RECLAIM_ASYNC : RECLAIM_DOORBELL;
	o->size_bytes = r->facts.blocks * r->facts.block_size;
	o->medium = (enum target_medium)(s->medium & 3);
	o->handler.block_size = r->facts.block_size;
	o->handler.depth = s->depth;
	o->handler.wce = s->wce;
	o->handler.read_only = s->read_only;
	o->handler.in_order = s->in_order;
	o->handler.read_len = s->read_len;
	o->handler.reorder_seed = s->reorder;
	o->handler.alloc = exec_alloc;
	o->expect_no_attach = s->version && s->version != 2;
	if (s->name && s->name < FUZZ_NAMES) {
		o->name = fuzz_names[s->name].text;
		o->handler.subtype = "foo";
		o->expect_no_attach |= !fuzz_names[s->name].ours;
	}
}

/* Several operations at once on a file, by threads of the kernel or by who knows whom. */
static bool tears(const struct exec *r)
{
	const char *engine = r->t->spec->engine;

	if (r->process)
		return true;
	return !r->p->setup.medium && engine && strcmp(engine, "memory") && strcmp(engine, "psync");
}

void exec_new_disk(struct exec *r)
{
	unsigned int flags = 0;

	if (!(r->oracles & FUZZ_O_DISK))
		return;
	if (r->p->setup.medium)
		flags |= FUZZ_DISK_POWER;
	if (!r->facts.strict)
		flags |= FUZZ_DISK_UNMAP_ANY;
	if (tears(r))
		flags |= FUZZ_DISK_TORN;
	fuzz_disk_reset(r->disk, r->facts.blocks, r->facts.block_size, r->tc->seed | 1, flags);
}

static void set_facts(struct exec *r)
{
	const struct fuzz_setup *s = &r->p->setup;

	r->facts = (struct fuzz_disk_facts){
		.blocks = s->disk ? s->disk : 2048,
		.block_size = s->block_size >= 512 ? s->block_size : 512,
		.read_only = s->read_only,
		.wce = s->wce,
		.read_len = !s->no_read_len,
		.strict = r->t->spec->api && !r->process,
	};
}

/* A program of somebody else's has the capacity that it says it has. */
static void ask_capacity(struct exec *r)
{
	struct target_capacity cap;

	if (target_capacity(r->t, &cap))
		return;
	r->facts.blocks = cap.blocks;
	r->facts.block_size = cap.block_size;
}

static void set_oracles(struct exec *r)
{
	if (r->process)
		ask_capacity(r);
	r->oracles = r->seat || r->tc->failed ? 0 : r->x->oracles;
	if (r->oracles & FUZZ_O_EXPECT)
		fuzz_expect_reset(r->expect, &r->facts);
	exec_new_disk(r);
}

/* What stays from program to program; NULL without memory. */
static struct exec *prepare(struct fuzz_exec *x)
{
	struct exec *r = x->priv;

	if (!r)
		r = x->priv = calloc(1, sizeof(*r));
	if (!r || exec_memory(r))
		return NULL;
	if (!r->disk)
		r->disk = fuzz_disk_new();
	if (!r->expect)
		r->expect = fuzz_expect_new();
	return r->disk && r->expect ? r : NULL;
}

static void begin(struct exec *r, struct fuzz_exec *x, struct tc *tc, const struct fuzz_program *p)
{
	size_t kept = offsetof(struct exec, x);
	struct exec_range *touched = r->touched;
	uint32_t room = r->touched_room;

	memset((char *)r + kept, 0, sizeof(*r) - kept);
	r->touched = touched;
	r->touched_room = room;
	r->x = x;
	r->tc = tc;
	r->t = tc->t;
	r->p = p;
	r->seat = tc->t->seat;
	r->process = tc->t->is_process;
	r->qfull_s = (int32_t)p->setup.qfull - 1;
	r->qfull_least_s = r->qfull_s >= 0  ? r->qfull_s
			   : p->setup.cmd_s ? (int32_t)p->setup.cmd_s
					    : 30;
	r->last_head = p->setup.ring_start;
	exec_alloc_all();
	exec_memory_reset(r);
	set_facts(r);
	set_opts(r);
}

/* A predecessor kept every second of the first blocks. */
static void fragment(struct exec *r)
{
	const struct ringsim_layout *lay = target_layout(r->t);
	uint32_t n = r->p->setup.frag, iovs = (lay->cmdr_size / 4 - 64) / 16;
	struct ringsim_stats st;

	r->kept = 0;
	if (!n || r->seat || r->p->setup.no_keep_buf)
		return;
	/* its commands over the blocks between have to fit side by side, with a PAD */
	if (n / 2 > iovs)
		n = 2 * iovs;
	if (n > lay->blocks / 2)
		n = lay->blocks / 2;
	if (n > FRAG_MAX)
		n = FRAG_MAX;
	if (n && work_fragment_every(r->tc, n))
		r->last_head = seat_head(r->t);
	if (target_stats(r->t, &st))
		r->kept = st.kept;
}

static void count(struct exec *r)
{
	struct ringsim_stats st;

	r->x->stats.programs++;
	if (target_stats(r->t, &st))
		r->x->stats.pads += st.pads;
}

void fuzz_exec_run(struct fuzz_exec *x, struct tc *tc, const struct fuzz_program *p)
{
	struct exec *r = prepare(x);

	if (!r) {
		tc_skip(tc, "no memory for what watches the program");
		return;
	}
	begin(r, x, tc, p);
	if (r->seat)
		tc_expect_any_violation(tc);
	if (target_start(r->t, &r->opts))
		return;
	if (r->opts.expect_no_attach && !r->seat)
		return; /* it was left alone, as it should be */
	set_oracles(r);
	if (!exec_stopped(r))
		fragment(r);
	if (exec_stopped(r))
		return;
	target_on_end(r->t, exec_ended, r);
	carry_out(r);
	if (!exec_stopped(r) && r->seat)
		exec_seat_finish(r);
	else if (!exec_stopped(r))
		exec_finish(r);
	exec_alloc_all();
	count(r);
	target_on_step(r->t, NULL, NULL);
	target_on_end(r->t, NULL, NULL);
}

void fuzz_exec_free(struct fuzz_exec *x)
{
	struct exec *r = x->priv;

	if (!r)
		return;
	fuzz_disk_free(r->disk);
	fuzz_expect_free(r->expect);
	exec_memory_free(r);
	free(r);
	x->priv = NULL;
}
