/* SPDX-License-Identifier: MIT */
/*
 * Shrinking what may crash: candidates run in a child. When one of them takes it along, or hangs in
 * it, another child goes on where that one was; and if that is what is looked for, with that one.
 * The best program so far, the one that is being tried, and which ones have been tried in vain are
 * in shared memory, so that none of this is lost or done twice.
 */
#include "findings.h"
#include "shrink.h"

#include "../check/child.h"
#include "../random.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANG_MS	      300
#define IO_MS	      60	 /* what the store gets; a wrong verdict is found out in the end */
#define HANG_LEAST_MS 50	 /* where no candidate that ended took a tenth of that */
#define TRIED	      (1u << 17) /* a power of two */

/* A program in shared memory; @cnt is UINT32_MAX as long as nothing is there. */
struct pinned {
	volatile uint32_t cnt;
	struct fuzz_setup setup;
	struct fuzz_op ops[FUZZ_OPS_MAX];
};

/* @tried: hashes of what does not show it, 0: free; half of the table at most is used */
struct board {
	volatile uint64_t serial;
	volatile uint64_t hash; /* of @trying */
	uint32_t tried_cnt;
	uint64_t tried[TRIED];
	struct pinned best, trying;
};

struct shrinking {
	const struct finding *f;
	const struct trial_plan *plan;
	struct trial_plan candidate_plan;
	struct trial *here; /* NULL: each candidate apart */
	struct board *board;
	uint64_t slowest_ns; /* processor time of a candidate that ended, at most */
};

static void pin(struct pinned *to, const struct fuzz_program *p)
{
	__atomic_exchange_n(&to->cnt, UINT32_MAX, __ATOMIC_ACQ_REL);
	to->setup = p->setup;
	memcpy(to->ops, p->ops, p->cnt * sizeof(*p->ops));
	__atomic_store_n(&to->cnt, p->cnt, __ATOMIC_RELEASE);
}

/* Never 0. */
static uint64_t hash_of(const struct fuzz_program *p)
{
	uint64_t hash = p->cnt, word;
	const uint8_t *bytes[2] = { (const uint8_t *)&p->setup, (const uint8_t *)p->ops };
	size_t len[2] = { sizeof(p->setup), p->cnt * sizeof(*p->ops) };

	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < len[k]; i += sizeof(word)) {
			size_t n = len[k] - i < sizeof(word) ? len[k] - i : sizeof(word);

			word = 0;
			memcpy(&word, bytes[k] + i, n);
			hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
			hash ^= hash >> 32;
		}
	return random_mix(hash) | 1;
}

static uint64_t *tried_at(struct board *b, uint64_t hash)
{
	uint32_t i = (uint32_t)(hash >> 8) & (TRIED - 1);

	while (b->tried[i] && b->tried[i] != hash)
		i = (i + 1) & (TRIED - 1);
	return &b->tried[i];
}

static void in_vain(struct board *b, uint64_t hash)
{
	uint64_t *at = tried_at(b, hash);

	if (*at || b->tried_cnt >= TRIED / 2)
		return;
	*at = hash;
	b->tried_cnt++;
}

static bool shows(void *ctx, const struct fuzz_program *p)
{
	struct shrinking *s = ctx;
	struct board *b = s->board;
	struct finding f = { 0 };
	uint64_t hash = hash_of(p);
	bool same = false;

	if (*tried_at(b, hash))
		return false;
	pin(&b->trying, p);
	b->hash = hash;
	b->serial++;
	if (s->here)
		trial_run(s->here, p, s->f->seed, &f);
	else if (!trial_apart(&s->candidate_plan, p, s->f->seed, &f))
		return false;
	same = finding_same(s->f, &f);
	free(f.detail);
	if (same)
		pin(&b->best, p);
	else
		in_vain(b, hash);
	return same;
}

/* Thousands of candidates may have their last words. */
static void quiet(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		dup2(fd, STDERR_FILENO);
}

static void child(struct shrinking *s, const struct fuzz_program *from, bool apart, uint32_t ms)
{
	struct fuzz_exec x = { .oracles = s->plan->oracles };
	struct target_spec spec = *s->plan->spec;
	struct fuzz_program p;
	struct trial here;

	child_settle();
	quiet();
	if (!spec.exec)
		spec.io_ms = IO_MS;
	s->candidate_plan = *s->plan;
	s->candidate_plan.spec = &spec;
	if (s->f->kind == FINDING_HANG && !spec.exec)
		s->candidate_plan.limits.cpu_ms = HANG_MS;
	if (!apart && trial_open(&here, &spec, &x))
		exit(EXIT_FAILURE);
	s->here = apart ? NULL : &here;
	if (fuzz_program_copy(&p, from))
		exit(EXIT_FAILURE);
	if (s->board->best.cnt != UINT32_MAX || shows(s, &p))
		fuzz_shrink(&p, shows, s, ms);
	if (!apart)
		trial_close(&here);
	fuzz_program_free(&p);
	process_end_all("");
	inproc_drop_cache(s->plan->spec);
	exit(EXIT_SUCCESS);
}

/* The processor time that no candidate needs, as far as those are known that have ended. */
static uint32_t hang_ms(struct shrinking *s, const struct watch *w)
{
	uint64_t ms;

	if (w->slowest_ns > s->slowest_ns)
		s->slowest_ns = w->slowest_ns;
	ms = 10 * s->slowest_ns / 1000000;
	if (!s->slowest_ns || ms > HANG_MS)
		return HANG_MS;
	return ms > HANG_LEAST_MS ? (uint32_t)ms : HANG_LEAST_MS;
}

static bool told_to_stop(const struct trial_plan *plan)
{
	return plan->stop && *plan->stop;
}

/* What the child has come to; FINDING_NONE: to its end, or to ours. */
static enum finding_kind tend(struct shrinking *s, pid_t pid, bool apart, uint64_t end_ms,
			      struct finding *f)
{
	/* apart, candidates have limits of their own */
	struct watch_limits limits = apart ? (struct watch_limits){ 60000, 120000 }
					   : s->plan->limits;
	struct watch w;
	int status = 0;
	char *how;

	watch_begin(&w, pid);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		bool late = child_now_ms() > end_ms || told_to_stop(s->plan);

		if (!apart && !s->plan->spec->exec)
			limits.cpu_ms = hang_ms(s, &w);
		if (late || watch_stuck(&w, s->board->serial, &limits)) {
			kill(pid, SIGKILL);
			child_reap(pid);
			return late ? FINDING_NONE : FINDING_HANG;
		}
		usleep(500);
	}
	if (!status)
		return FINDING_NONE;
	how = child_how(status);
	snprintf(f->reason, sizeof(f->reason), "%s", how ? how : "the handler crashed");
	free(how);
	return FINDING_CRASH;
}

static bool adopt(struct fuzz_program *p, const struct pinned *from)
{
	struct fuzz_program best = { .setup = from->setup, .cnt = from->cnt, .room = from->cnt };

	if (from->cnt > FUZZ_OPS_MAX)
		return false;
	best.ops = malloc((best.cnt + 1) * sizeof(*best.ops));
	if (!best.ops)
		return false;
	memcpy(best.ops, from->ops, best.cnt * sizeof(*best.ops));
	fuzz_program_free(p);
	*p = best;
	return true;
}

/* Children, one after the other, until one has come to its end, or @end_ms has. */
static void round_of(struct shrinking *s, struct fuzz_program *p, bool apart, uint64_t end_ms)
{
	struct finding end;
	uint64_t now;
	pid_t pid;

	while ((now = child_now_ms()) + 100 < end_ms && !told_to_stop(s->plan)) {
		end = (struct finding){ 0 };
		s->board->hash = 0;
		fflush(NULL);
		pid = fork();
		if (!pid)
			child(s, p, apart, (uint32_t)(end_ms - now));
		end.kind = pid < 0 ? FINDING_NONE : tend(s, pid, apart, end_ms + 1000, &end);
		if (end.kind == FINDING_NONE || !s->board->hash)
			break;
		if (!finding_same(s->f, &end))
			in_vain(s->board, s->board->hash);
		else if (adopt(p, &s->board->trying))
			pin(&s->board->best, p);
		else
			break;
		if (s->board->best.cnt != UINT32_MAX)
			adopt(p, &s->board->best);
	}
	adopt(p, &s->board->best);
}

/* It shows what @f does in a process of its own, with all the time that others get, too. */
static bool confirm(struct finding *f, const struct trial_plan *plan)
{
	struct finding again = { 0 };

	if (!trial_apart(plan, &f->program, f->seed, &again) || !finding_same(f, &again)) {
		free(again.detail);
		return false;
	}
	memcpy(f->reason, again.reason, sizeof(f->reason));
	free(f->detail);
	f->detail = again.detail;
	return true;
}

static void take_back(struct finding *f, const struct fuzz_program *whole)
{
	fuzz_program_free(&f->program);
	f->program = *whole;
}

/* From @whole on; false: it does not show it so. */
static bool attempt(struct shrinking *s, struct finding *f, const struct fuzz_program *whole,
		    bool apart, uint64_t end_ms)
{
	struct board *b = s->board;
	struct fuzz_program p;

	if (fuzz_program_copy(&p, whole))
		return false;
	fuzz_program_free(&f->program);
	f->program = p;
	b->best.cnt = b->trying.cnt = UINT32_MAX;
	if (b->tried_cnt)
		memset(b->tried, 0, sizeof(b->tried));
	b->tried_cnt = 0;
	round_of(s, &f->program, apart, end_ms);
	return b->best.cnt != UINT32_MAX && confirm(f, s->plan);
}

void finding_shrink(struct finding *f, const struct trial_plan *plan, uint32_t ms)
{
	char spare[PROCESS_CHILDREN_MAX] = "";
	struct board *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct shrinking s = { .f = f, .plan = plan, .board = b };
	uint64_t now = child_now_ms();
	struct fuzz_program whole;

	if (b == MAP_FAILED)
		return;
	if (!fuzz_program_copy(&whole, &f->program)) {
		process_children(spare, sizeof(spare));
		/* what one candidate leaves behind may have a part in the next: then each apart */
		f->alone = attempt(&s, f, &whole, false, now + ms) ||
			   attempt(&s, f, &whole, true, child_now_ms() + ms / 2);
		if (f->alone)
			fuzz_program_free(&whole);
		else
			take_back(f, &whole);
		f->alone |= told_to_stop(plan); /* who knows */
		if (plan->spec->exec)
			process_end_all(spare);
	}
	munmap(b, sizeof(*b));
}
