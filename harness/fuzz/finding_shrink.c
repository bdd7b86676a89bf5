/* SPDX-License-Identifier: MIT */
/*
 * Shrinking what may crash: candidates run in a child, all in one as long as that goes well. When
 * one of them takes it along, or hangs in it, each of the rest gets a child of its own. The best
 * program so far is in shared memory, so that none of this loses it.
 */
#include "findings.h"
#include "shrink.h"

#include "../check/child.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define APART_HANG_MS 300
#define HERE_HANG_MS  1000

/* @cnt is UINT32_MAX as long as nothing is there. */
struct board {
	volatile uint64_t serial;
	volatile uint32_t cnt;
	struct fuzz_setup setup;
	struct fuzz_op ops[FUZZ_OPS_MAX];
};

struct shrinking {
	const struct finding *f;
	const struct trial_plan *plan;
	struct trial_plan candidate_plan;
	struct trial *here; /* NULL: each candidate apart */
	struct board *board;
};

static void post(struct board *b, const struct fuzz_program *p)
{
	__atomic_exchange_n(&b->cnt, UINT32_MAX, __ATOMIC_ACQ_REL);
	b->setup = p->setup;
	memcpy(b->ops, p->ops, p->cnt * sizeof(*p->ops));
	__atomic_store_n(&b->cnt, p->cnt, __ATOMIC_RELEASE);
}

static bool shows(void *ctx, const struct fuzz_program *p)
{
	struct shrinking *s = ctx;
	struct finding f = { 0 };
	bool same = false;

	s->board->serial++;
	if (s->here)
		trial_run(s->here, p, s->f->seed, &f);
	else if (!trial_apart(&s->candidate_plan, p, s->f->seed, &f))
		return false;
	same = finding_same(s->f, &f);
	free(f.detail);
	if (same)
		post(s->board, p);
	return same;
}

static void child(struct shrinking *s, const struct fuzz_program *from, bool apart, uint32_t ms)
{
	struct fuzz_exec x = { .oracles = s->plan->oracles };
	struct fuzz_program p;
	struct trial here;

	child_settle();
	s->candidate_plan = *s->plan;
	if (s->f->kind == FINDING_HANG && !s->plan->spec->exec)
		s->candidate_plan.limits.cpu_ms = APART_HANG_MS;
	if (!apart && trial_open(&here, s->plan->spec, &x))
		exit(EXIT_FAILURE);
	s->here = apart ? NULL : &here;
	if (fuzz_program_copy(&p, from))
		exit(EXIT_FAILURE);
	if (shows(s, &p))
		fuzz_shrink(&p, shows, s, ms);
	if (!apart)
		trial_close(&here);
	fuzz_program_free(&p);
	process_end_all("");
	inproc_drop_cache(s->plan->spec);
	exit(EXIT_SUCCESS);
}

/* Whether the child ended by itself; killed if it is stuck or late. */
static bool tend(struct shrinking *s, pid_t pid, bool apart, uint64_t end_ms)
{
	/* apart, candidates have limits of their own */
	struct watch_limits limits = apart ? (struct watch_limits){ 60000, 120000 }
					   : s->plan->limits;
	struct watch w;
	int status;

	if (!apart && !s->plan->spec->exec)
		limits.cpu_ms = HERE_HANG_MS;
	watch_begin(&w, pid);
	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status == 0;
		if (child_now_ms() > end_ms || watch_stuck(&w, s->board->serial, &limits))
			break;
		usleep(2000);
	}
	kill(pid, SIGKILL);
	child_reap(pid);
	return false;
}

static bool round_of(struct shrinking *s, const struct fuzz_program *from, bool apart,
		     uint64_t end_ms)
{
	uint64_t now = child_now_ms();
	pid_t pid;

	if (now + 100 > end_ms)
		return true;
	fflush(NULL);
	pid = fork();
	if (!pid)
		child(s, from, apart, (uint32_t)(end_ms - now));
	return pid < 0 || tend(s, pid, apart, end_ms + 1000);
}

static bool adopt(struct fuzz_program *p, const struct board *b)
{
	struct fuzz_program best = { .setup = b->setup, .cnt = b->cnt, .room = b->cnt };

	if (b->cnt > FUZZ_OPS_MAX)
		return false;
	best.ops = malloc((best.cnt + 1) * sizeof(*best.ops));
	if (!best.ops)
		return false;
	memcpy(best.ops, b->ops, best.cnt * sizeof(*best.ops));
	fuzz_program_free(p);
	*p = best;
	return true;
}

void finding_shrink(struct finding *f, const struct trial_plan *plan, uint32_t ms)
{
	char spare[PROCESS_CHILDREN_MAX] = "";
	struct board *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct shrinking s = { .f = f, .plan = plan, .board = b };
	uint64_t end_ms = child_now_ms() + ms;
	struct finding again = { 0 };

	if (b == MAP_FAILED)
		return;
	b->cnt = UINT32_MAX;
	process_children(spare, sizeof(spare));
	if (f->kind != FINDING_BROKEN || !round_of(&s, &f->program, false, end_ms)) {
		adopt(&f->program, b);
		round_of(&s, &f->program, true, end_ms);
	}
	f->alone = adopt(&f->program, b);
	if (f->alone && trial_apart(plan, &f->program, f->seed, &again) &&
	    finding_same(f, &again)) {
		memcpy(f->reason, again.reason, sizeof(f->reason));
		free(f->detail);
		f->detail = again.detail;
	} else {
		free(again.detail);
	}
	if (plan->spec->exec)
		process_end_all(spare);
	munmap(b, sizeof(*b));
}
