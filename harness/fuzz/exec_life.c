/* SPDX-License-Identifier: MIT */
/*
 * The handler's runs, its deaths and successors, and the end of a program.
 *
 * A supervisor is played here that does what the contract asks of one: HND-064 (block, reset,
 * start, unblock) where a predecessor may have answered out of order (HND-071), nothing where it
 * cannot have (HND-070). In the end faults stop and time stands still; then every command has to
 * end by the handler alone, and what hangs is named by what would have helped it.
 */
#include "exec_impl.h"

#include <stdio.h>
#include <string.h>

#define READ_BYTES (256u << 10) /* of one READ of the final look at the disk */
#define GONE_TURNS 64
#define PATIENCE   5		/* times that another process is waited for once more */
#define READ_MAX   (8ull << 20) /* of each range, from either end */

/* Deaths. */

static void ring_state(struct exec *r, struct ringsim_stats *st)
{
	target_stats(r->t, st);
}

/* If nothing that was lost is in anybody's hands or on the ring, it has had its effect or none. */
static void look_for_quiet(struct exec *r)
{
	struct ringsim_stats st;

	if (!r->lost)
		return;
	ring_state(r, &st);
	if (st.inflight || st.expired || (!r->dead && r->process && st.tail != st.head))
		return;
	r->lost = false;
	if (r->oracles & FUZZ_O_EXPECT)
		fuzz_expect_quiet(r->expect, r->now);
	if (r->oracles & FUZZ_O_DISK)
		fuzz_disk_quiet(r->disk, r->now);
}

/* Whatever it had in its hands may have been carried out, in part, and will be again. */
static void died(struct exec *r)
{
	struct exec_cmd *e;

	r->dead = true;
	r->doomed = false;
	r->x->stats.kills++;
	for (e = r->first; e; e = e->next)
		if (e->c.io.cmd.state == RINGSIM_INFLIGHT)
			e->c.disturbed = true;
	for (e = r->first; e; e = e->next)
		e->behind = 0; /* its successor starts anew */
	if (r->oracles & FUZZ_O_DISK && r->opts.medium && r->power)
		fuzz_disk_power(r->disk, r->now);
	look_for_quiet(r);
	if (r->x->say)
		exec_say(r, "the handler is dead");
}

/* The clause of a handler that stopped by itself: by what happened to it last. */
static const char *clause_of_fault(const struct exec *r)
{
	switch (r->last_fault) {
	case FUZZ_READ_EAGAIN + 1:
	case FUZZ_READ_EINTR + 1:
		return "HND-046";
	case FUZZ_WRITE_EINTR + 1:
		return "HND-045";
	case FUZZ_NO_MEMORY + 1:
		return "HND-067";
	default:
		return "HND-043";
	}
}

/* Whether the handler has died meanwhile, and should have. */
static void look_for_death(struct exec *r)
{
	if (r->dead || target_attached(r->t) || r->tc->failed)
		return;
	if (!r->gone && (r->process || !target_was_killed(r->t)))
		tc_fail(r->tc, clause_of_fault(r), "the handler gave up (%s) though nobody asked",
			r->process ? "it closed the node" : strerror(-target_step_status(r->t)));
	died(r);
}

/* What operations inside the run left to be done. */
static void do_after(struct exec *r)
{
	int level = r->after.reset;
	bool restart = r->after.restart;

	if (!level && !restart)
		return;
	r->after.reset = 0;
	r->after.restart = false;
	if (r->doomed) {
		target_kill_after(r->t, 0);
		exec_kill(r, false);
	}
	if (level && !exec_stopped(r))
		exec_reset(r, (unsigned int)level);
	if ((level || restart) && r->dead && !exec_stopped(r))
		exec_restart(r);
}

void exec_run(struct exec *r, uint32_t turns)
{
	if (turns && !r->process)
		while (turns-- && !exec_stopped(r) && target_turn(r->t))
			;
	else
		target_settle(r->t);
	look_for_death(r);
	if (!exec_stopped(r))
		do_after(r);
	if (!exec_stopped(r))
		look_for_quiet(r);
}

void exec_power(struct exec *r, bool fails)
{
	r->power = fails;
	if (!r->process)
		target_keep_power(r->t, !fails);
}

void exec_kill(struct exec *r, bool power)
{
	if (r->dead)
		return;
	exec_power(r, power);
	target_kill(r->t);
	died(r);
}

/* Successors. */

void exec_block(struct exec *r, bool block)
{
	/* what block_dev=1 finds waiting ends with BUSY inside the call */
	bool was = r->blocked;

	r->blocked = was || block;
	target_block_dev(r->t, block);
	r->blocked = block;
}

static void reset_ring(struct exec *r, unsigned int level)
{
	r->reset_level = (int)level;
	if (target_reset_ring(r->t, level))
		tc_fail(r->tc, "KRN-111", "reset_ring %u was refused", level);
	r->reset_level = 0;
	r->last_head = 0;
	r->x->stats.resets++;
	look_for_quiet(r);
}

/* Whether a successor can go on with the ring as it is (HND-070, HND-071). */
static bool can_take_over(struct exec *r)
{
	struct ringsim_stats st;

	if (!target_persistent(r->t))
		return false;
	if (!r->process && (r->p->setup.in_order || r->p->setup.no_ooo))
		return true;
	ring_state(r, &st);
	return st.head == st.tail;
}

/*
 * A successor cannot tell which commands its predecessor has begun: of a COMPARE AND WRITE that it
 * finds, blocks that hold what should be written mean that it was carried out (HND-062).
 */
static void blur_replays(struct exec *r)
{
	struct exec_cmd *e;

	for (e = r->first; e; e = e->next)
		if (e->cdb.kind == FUZZ_K_CAW && e->c.io.cmd.state == RINGSIM_INFLIGHT)
			e->c.disturbed = true;
}

void exec_restart(struct exec *r)
{
	bool was_blocked = r->blocked, reset;

	if (!r->dead)
		exec_kill(r, false);
	if (exec_stopped(r))
		return;
	reset = !can_take_over(r);
	if (reset) {
		exec_block(r, true);
		reset_ring(r, 1);
	}
	blur_replays(r);
	if (exec_stopped(r) || target_restart(r->t))
		return;
	r->dead = false;
	r->restarted = true;
	r->wakeups = target_wakeups(r->t);
	r->x->stats.restarts++;
	if (r->oracles & FUZZ_O_EXPECT)
		fuzz_expect_restarted(r->expect);
	if (r->oracles & FUZZ_O_DISK && !target_persistent(r->t))
		fuzz_disk_blank(r->disk, r->now, !r->t->spec->exec);
	if (reset && !was_blocked)
		exec_block(r, false);
}

void exec_reset(struct exec *r, unsigned int level)
{
	bool lived = !r->dead && !r->seat, was_blocked = r->blocked;

	if (lived)
		exec_kill(r, false);
	if (lived && !exec_stopped(r))
		exec_block(r, true);
	if (!exec_stopped(r))
		reset_ring(r, level);
	if (lived && !exec_stopped(r))
		exec_restart(r);
	if (lived && !was_blocked && !exec_stopped(r))
		exec_block(r, false);
}

/* The end. */

/* The clause that fits a command which never ends, whatever wakes the handler. */
static const char *clause_of_stall(const struct exec *r, const struct exec_cmd *e)
{
	uint8_t group = e->c.io.cdb[0] >> 5;

	if (r->memory_faults)
		return "HND-067";
	if (e->c.io.dir == RINGSIM_BIDI)
		return "HND-019";
	if (group == 3 || group >= 6)
		return "HND-022";
	return "HND-053";
}

/* ... or which waits behind something that the handler does not pass; NULL if there is no such. */
static const char *clause_of_entry(struct exec *r)
{
	struct ringsim_device *dev = target_device(r->t);
	struct ringsim_stats st;
	struct ringsim_entry e;
	uint32_t i;

	ring_state(r, &st);
	for (i = 0; ringsim_entry_at(dev, i, &e); i++)
		if (e.off == st.tail && st.tail != st.head)
			return e.op == TCMU_OP_CMD   ? NULL
			       : e.op == TCMU_OP_PAD ? "HND-014"
			       : e.op == TCMU_OP_TMR ? "HND-016"
						     : "HND-015";
	return NULL;
}

static void stalled(struct exec *r)
{
	const struct exec_cmd *e = r->first;
	const char *clause = clause_of_entry(r);

	tc_fail(r->tc, clause ? clause : clause_of_stall(r, e),
		"%s, operation %u (id %u), never ends, nor do %u more", e->cdb.name, e->c.nr,
		e->c.io.cmd.id, r->in_flight - 1);
}

/* The doorbell that was not rung, or an event that should not be needed: does one help? */
static bool helps(struct exec *r, void (*what)(struct ringsim_device *dev))
{
	uint64_t ended = r->ended;

	what(target_device(r->t));
	target_settle(r->t);
	return !r->tc->failed && r->ended != ended;
}

/* Everybody sleeps, and commands are in flight: whose fault is it? */
static void diagnose(struct exec *r)
{
	bool holds = !r->process && r->t->in.h && r->t->spec->api->busy(r->t->in.h);
	bool fresh = !r->process && target_wakeups(r->t) - r->wakeups <= 1;
	const char *name = r->first->cdb.name;
	uint32_t left = r->in_flight, nr = r->first->c.nr;

	if (r->process && r->t->proc.starved) {
		tc_skip(r->tc, "no processor for the handler");
		return;
	}
	if (helps(r, ringsim_doorbell)) {
		tc_fail(r->tc, r->restarted ? "HND-063" : "HND-044",
			"%u commands, the first %s of operation %u, waited for a doorbell of the "
			"handler's",
			left, name, nr);
	} else if (!r->tc->failed && helps(r, ringsim_spurious_event)) {
		tc_fail(r->tc,
			r->memory_faults ? "HND-067"
			: holds		 ? "HND-044"
			: r->first	 ? "HND-043"
			: fresh		 ? "HND-041"
					 : "HND-042",
			"the handler slept while %u commands were there, the first %s of operation "
			"%u; after one more event %s",
			left, name, nr, r->first ? "some ended" : "all ended");
	} else if (!r->tc->failed) {
		stalled(r);
	}
}

/* Commands that wait for what nobody holds any more: the kernel looks again when time goes by. */
static bool only_queued(struct exec *r)
{
	struct ringsim_stats st;
	struct exec_cmd *e;

	ring_state(r, &st);
	if (st.inflight || st.expired || st.tail != st.head)
		return false;
	for (e = r->first; e; e = e->next)
		if (e->c.io.cmd.state != RINGSIM_QUEUED)
			return false;
	return true;
}

/* Something is in the way of commands that is no fault of the handler's. */
static bool hampered(const struct exec *r)
{
	const struct target_faults *f = target_faults(r->t);

	return r->dead || r->doomed || r->frozen || r->plugged || r->removed || r->gone ||
	       f->read_eagain || f->read_eintr || f->write_eintr || exec_alloc_fails();
}

/* Times of another process are no exact thing: with it only the end is judged. */
void exec_settle(struct exec *r)
{
	exec_run(r, 0);
	if (!exec_stopped(r) && r->first && !r->process && !hampered(r) && !only_queued(r))
		diagnose(r);
}

static void expect_all_ended(struct exec *r)
{
	struct ringsim_stats st;
	uint32_t i;

	exec_run(r, 0);
	for (i = 0; r->process && i < PATIENCE && !exec_stopped(r) && r->first; i++)
		exec_run(r, 0);
	if (!exec_stopped(r) && r->first && only_queued(r)) {
		r->ms += FUZZ_MS_MAX * 30ull;
		target_advance(r->t, FUZZ_MS_MAX * 30ull);
		exec_run(r, 0);
	}
	if (exec_stopped(r))
		return;
	if (r->first) {
		diagnose(r);
		return;
	}
	ring_state(r, &st);
	if (st.expired)
		tc_fail(r->tc, "HND-060", "%u commands that had expired were never answered",
			st.expired);
	else if (st.tail != st.head && r->facts.strict)
		tc_fail(r->tc, "HND-044",
			"the handler sleeps with entries left that it could pass: cmd_tail %u, "
			"cmd_head %u",
			st.tail, st.head);
	else if (st.kept > r->kept && !r->restarted && r->facts.strict)
		tc_fail(r->tc, "HND-036", "the handler sleeps and keeps the buffers of %u commands",
			st.kept - r->kept);
}

/* A handler whose node is gone must stop, and not spin. */
static void expect_stopped(struct exec *r)
{
	bool gone = r->gone == FUZZ_GONE + 1;
	uint32_t turns = GONE_TURNS;

	if (r->dead || r->process)
		return;
	while (turns-- && !r->tc->failed && target_turn(r->t))
		;
	if (!r->tc->failed && target_step_status(r->t) != -EIO)
		tc_fail(r->tc, gone ? "HND-046" : "HND-047",
			"the node is gone, and the handler goes on");
	else if (!r->tc->failed && target_faults(r->t)->failed > 1)
		tc_fail(r->tc, "HND-045",
			"the node is gone, and the handler went on after a call that failed");
}

static void calm_down(struct exec *r)
{
	r->armed_cnt = 0;
	if (!r->process)
		target_on_step(r->t, NULL, NULL);
	if (r->doomed)
		target_kill_after(r->t, 0);
	r->doomed = false;
	if (r->plugged)
		target_unplug(r->t);
	if (r->frozen)
		target_thaw(r->t);
	r->plugged = r->frozen = false;
}

/* Reading back. */

static int by_lba(const void *a, const void *b)
{
	const struct exec_range *x = a, *y = b;

	return x->lba < y->lba ? -1 : x->lba > y->lba;
}

/* Sorted, each block once. */
static void merge_ranges(struct exec *r)
{
	struct exec_range *to;
	uint32_t i;

	exec_touched(r);
	to = r->touched;
	if (!r->touched_cnt)
		return;
	qsort(r->touched, r->touched_cnt, sizeof(*r->touched), by_lba);
	for (i = 1; i < r->touched_cnt; i++) {
		const struct exec_range *from = &r->touched[i];
		uint64_t end = from->lba + from->blocks;

		if (from->lba > to->lba + to->blocks)
			*++to = *from;
		else if (end > to->lba + to->blocks)
			to->blocks = end - to->lba;
	}
	r->touched_cnt = (uint32_t)(to - r->touched) + 1;
}

static void put_be(uint8_t *p, uint64_t v, unsigned int n)
{
	while (n--) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

/* What one command can move now, in blocks; 0: nothing. */
static uint32_t read_room(struct exec *r)
{
	const struct ringsim_layout *lay = target_layout(r->t);
	struct ringsim_stats st;
	uint64_t room, iovs = (lay->cmdr_size / 2 - 64) / 16;

	ring_state(r, &st);
	room = lay->blocks - st.blocks_used;
	if (room > iovs)
		room = iovs;
	room *= lay->blk_size;
	if (room > READ_BYTES)
		room = READ_BYTES;
	return (uint32_t)(room / r->facts.block_size);
}

static bool read_back(struct exec *r, uint64_t lba, uint64_t blocks)
{
	struct fuzz_op op = { .verb = FUZZ_SUBMIT, .cdb_len = 16, .cdb = { 0x88 } };
	uint32_t room = read_room(r), n;

	for (; blocks && room; lba += n, blocks -= n) {
		n = blocks < room ? (uint32_t)blocks : room;
		put_be(op.cdb + 2, lba, 8);
		put_be(op.cdb + 10, n, 4);
		op.n[FUZZ_S_DIR] = RINGSIM_FROM_DEVICE;
		op.n[FUZZ_S_LEN] = (uint64_t)n * r->facts.block_size;
		exec_submit(r, &op, 0);
		expect_all_ended(r);
		if (exec_stopped(r))
			return false;
	}
	return true;
}

/* All that was written, and may not have been; of very long ranges the two ends. */
static void read_all_back(struct exec *r)
{
	uint64_t most = READ_MAX / r->facts.block_size;
	uint32_t i;

	merge_ranges(r);
	for (i = 0; i < r->touched_cnt; i++) {
		uint64_t lba = r->touched[i].lba, n = r->touched[i].blocks;

		if (!read_back(r, lba, n < most ? n : most))
			return;
		if (n > most && !read_back(r, lba + (n - most > most ? n - most : most),
					   n - most > most ? most : n - most))
			return;
	}
}

void exec_finish(struct exec *r)
{
	calm_down(r);
	if (r->gone) {
		expect_stopped(r);
		return;
	}
	if (!r->process)
		memset(target_faults(r->t), 0, sizeof(struct target_faults));
	if (r->blocked)
		exec_block(r, false);
	if (r->removed)
		exec_add(r);
	else if (r->dead)
		exec_restart(r);
	if (!exec_stopped(r))
		expect_all_ended(r);
	if (r->x->say && !exec_stopped(r))
		exec_say(r, "all commands have ended; reading back");
	if (!exec_stopped(r) && r->oracles & FUZZ_O_DISK)
		read_all_back(r);
	if (!exec_stopped(r) && r->oracles & FUZZ_O_DISK && fuzz_disk_failed(r->disk))
		tc_skip(r->tc, "no memory for the reference disk");
}
