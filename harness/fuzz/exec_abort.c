/* SPDX-License-Identifier: MIT */
/*
 * Task management: commands are aborted, and what a handler SHOULD make of that (HND-016).
 *
 * It should not carry out what it is told is aborted. When a command has begun nobody sees from
 * outside, but there are those that cannot have: a COMPARE AND WRITE waits for all that overlaps it
 * and came before, and all that overlaps waits for it. Where such a pair and the notice came to the
 * ring while the handler slept, with little else, and the medium takes its time, it learns of the
 * abort while the second one waits. If the first one's answer is GOOD it was carried out, so the
 * second one did wait; if what that one wrote is found then, the notice was ignored.
 */
#include "exec_impl.h"

/* Whoever wakes up may answer some before it looks at the rest: so few commands are seen at once.
 */
#define BATCH	    3
#define BATCH_BYTES 8192

void exec_arrives(struct exec *r)
{
	uint64_t steps = r->t->in.steps;

	if (r->process || (r->asleep.steps == steps && r->asleep.now))
		return;
	r->asleep.steps = steps;
	r->asleep.now = r->now + 1;
	r->asleep.tmrs = r->tmrs;
}

static bool moves_data(const struct exec_cmd *e)
{
	return e->cdb.whole && e->cdb.blocks && e->c.io.cmd.state == RINGSIM_INFLIGHT &&
	       !e->waited &&
	       (e->cdb.kind == FUZZ_K_READ || e->cdb.kind == FUZZ_K_WRITE ||
		e->cdb.kind == FUZZ_K_CAW);
}

/* The command that @e has to wait for, come since the handler slept; NULL if there is none. */
static struct exec_cmd *ahead_of(const struct exec *r, const struct exec_cmd *e)
{
	struct exec_cmd *x;

	for (x = r->first; x != e; x = x->next) {
		if (x->c.began < r->asleep.now || x->listed || !moves_data(x))
			continue;
		if ((x->cdb.kind == FUZZ_K_CAW || e->cdb.kind == FUZZ_K_CAW) &&
		    x->cdb.lba < e->cdb.lba + e->cdb.blocks &&
		    e->cdb.lba < x->cdb.lba + x->cdb.blocks)
			return x;
	}
	return NULL;
}

/* Whether a handler that wakes up now finds all that is on the ring in one go. */
static bool finds_all(const struct exec *r)
{
	const struct exec_cmd *e;
	const unsigned int needed = FUZZ_O_ADVICE | FUZZ_O_DISK;
	uint32_t depth = r->p->setup.depth;

	for (e = r->first; e; e = e->next)
		if (e->c.io.len >= BATCH_BYTES)
			return false;
	return (r->oracles & needed) == needed && r->p->setup.medium == MEDIUM_SLOW &&
	       !r->process && !r->inside && !r->dead && !r->doomed && !r->plugged &&
	       !r->last_fault && r->asleep.steps == r->t->in.steps && r->in_flight <= BATCH &&
	       r->tmrs == r->asleep.tmrs + 1 && (!depth || depth > r->in_flight);
}

static uint64_t notices(const struct exec *r)
{
	struct ringsim_stats st = { 0 };

	target_stats(r->t, &st);
	return st.tmr_entries;
}

/* Which of those that have just been aborted cannot have begun. */
static void note_waiting(struct exec *r)
{
	struct exec_cmd *e, *x;

	for (e = r->first; e; e = e->next) {
		if (!e->listed || e->behind || e->c.began < r->asleep.now || !moves_data(e) ||
		    e->cdb.kind == FUZZ_K_READ)
			continue;
		x = ahead_of(r, e);
		if (x)
			e->behind = x->c.began;
	}
}

void exec_abort_ended(struct exec *r, const struct exec_cmd *e)
{
	struct exec_cmd *x;

	if (!r->tmrs || e->listed || e->c.io.outcome != RINGSIM_ANSWERED || e->c.io.status)
		return;
	for (x = r->first; x; x = x->next)
		if (x->behind == e->c.began)
			fuzz_disk_futile(r->disk, &x->c);
}

void exec_tmr(struct exec *r, const struct fuzz_op *op)
{
	struct target_io *ios[CMDS_MAX];
	struct exec_cmd *e = r->first;
	uint64_t n = 0, first, count, before = notices(r), ended, waiting = 0;

	if (r->tmrs - target_tmr_done(r->t) >= TMRS - 1)
		return; /* the target keeps track of no more */
	first = r->in_flight ? op->n[1] % r->in_flight : 0;
	count = op->n[2] % (r->in_flight + 1ull);
	if (op->n[0] == TCMU_TMR_ABORT_TASK && count > 1)
		count = 1; /* KRN-100 */
	while (first--)
		e = e->next;
	for (; e && n < count; e = e->next) {
		e->listed = true;
		waiting += e->c.io.cmd.state == RINGSIM_QUEUED;
		e->c.disturbed |= !e->waited;
		ios[n++] = &e->c.io;
	}
	exec_arrives(r);
	r->tmrs++;
	r->x->stats.tmrs++;
	ended = r->ended;
	target_tmr(r->t, (uint8_t)op->n[0], ios, (uint32_t)n);
	if (r->ended - ended < waiting)
		tc_fail(r->tc, "KRN-101",
			"%llu aborted commands were waiting for room, %llu ended at once",
			(unsigned long long)waiting, (unsigned long long)(r->ended - ended));
	if (notices(r) == before + 1 && finds_all(r))
		note_waiting(r);
}
