/* SPDX-License-Identifier: MIT */
/* How well the shrinker does; see shrinkage.h. */
#include "shrinkage.h"

#include "../check/child.h"
#include "../random.h"

#include <sys/resource.h>

#define BUDGET_MS 9500 /* real time */

static uint64_t children_cpu_ms(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_CHILDREN, &u))
		return 0;
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* What ends a program, or changes what all that comes after it means, is no noise. */
static bool is_noise(const struct fuzz_op *op)
{
	return op->verb != FUZZ_FAULT && op->verb != FUZZ_REMOVE && op->verb != FUZZ_ADD &&
	       op->verb != FUZZ_RECONFIG;
}

static bool append(struct fuzz_program *p, const struct fuzz_op *op)
{
	struct fuzz_op *to = fuzz_push(p, op->verb);

	if (!to)
		return false;
	*to = *op;
	return true;
}

/* Operations of programs of @seed's, up to @cnt altogether. */
static bool append_wild(struct fuzz_program *p, uint32_t cnt, uint64_t *seed,
			const struct fuzz_limits *lim)
{
	struct fuzz_program noise = { 0 };
	bool good = true;

	while (good && p->cnt < cnt) {
		good = !fuzz_generate(&noise, random_next(seed), lim);
		for (uint32_t i = 0; good && i < noise.cnt && p->cnt < cnt; i++)
			good = !is_noise(&noise.ops[i]) || append(p, &noise.ops[i]);
	}
	fuzz_program_free(&noise);
	return good;
}

/* Commands that move no data, events for nothing, rest; or without the commands. */
static bool append_plain(struct fuzz_program *p, uint32_t cnt, uint64_t *seed, bool commands)
{
	static const enum fuzz_verb verbs[] = { FUZZ_SUBMIT, FUZZ_SUBMIT, FUZZ_SETTLE,
						FUZZ_EVENT,  FUZZ_SETTLE, FUZZ_POLL };
	bool good = true;

	while (good && p->cnt < cnt) {
		struct fuzz_op op = { .verb = verbs[random_next(seed) >> 32 & 3] };

		if (!commands)
			op.verb = verbs[2 + (random_next(seed) >> 32 & 3)];
		if (op.verb == FUZZ_SUBMIT)
			op.cdb_len = 6; /* TEST UNIT READY */
		good = append(p, &op);
	}
	return good;
}

static bool append_noise(struct fuzz_program *p, uint32_t cnt, enum shrinkage_noise noise,
			 uint64_t *seed, const struct fuzz_limits *lim)
{
	return noise == SHRINKAGE_WILD ? append_wild(p, cnt, seed, lim)
				       : append_plain(p, cnt, seed, noise == SHRINKAGE_CALM);
}

/*
 * What is tried, one after the other: less and less goes before what was found, lest the program be
 * about something else first, then quieter noise. What only shows at the end has all of it before.
 */
static const struct {
	enum shrinkage_noise noise;
	uint16_t before;
} attempts[] = {
	{ SHRINKAGE_WILD, 500 },
	{ SHRINKAGE_WILD, 500 },
	{ SHRINKAGE_WILD, 250 },
	{ SHRINKAGE_WILD, 125 },
	{ SHRINKAGE_WILD, 30 },
	{ SHRINKAGE_WILD, 8 },
	{ SHRINKAGE_WILD, 0 },
	{ SHRINKAGE_WILD, 0 },
	{ SHRINKAGE_WILD, SHRINKAGE_OPS },
	{ SHRINKAGE_CALM, 500 },
	{ SHRINKAGE_CALM, 0 },
	{ SHRINKAGE_CALM, SHRINKAGE_OPS },
	{ SHRINKAGE_IDLE, 500 },
	{ SHRINKAGE_IDLE, SHRINKAGE_OPS },
};
#define ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

/* @f with noise before it and behind it. */
static bool embed(struct fuzz_program *p, const struct finding *f, size_t attempt, uint64_t *seed,
		  const struct fuzz_limits *lim)
{
	enum shrinkage_noise noise = attempts[attempt].noise;
	uint32_t before = attempts[attempt].before;
	bool good;

	if (before > SHRINKAGE_OPS - f->program.cnt)
		before = f->program.cnt < SHRINKAGE_OPS ? SHRINKAGE_OPS - f->program.cnt : 0;
	*p = (struct fuzz_program){ .setup = f->program.setup };
	good = append_noise(p, before, noise, seed, lim);
	for (uint32_t i = 0; good && i < f->program.cnt; i++)
		good = append(p, &f->program.ops[i]);
	return good && append_noise(p, SHRINKAGE_OPS, noise, seed, lim);
}

static void measure(struct shrinkage *s, const struct trial_plan *plan, struct finding *f)
{
	uint64_t start = child_now_ms(), cpu = children_cpu_ms();

	s->from = f->program.cnt;
	snprintf(s->clause, sizeof(s->clause), "%s",
		 f->kind == FINDING_CRASH  ? "crash"
		 : f->kind == FINDING_HANG ? "hang"
					   : f->clause);
	finding_shrink(f, plan, BUDGET_MS);
	s->ms = child_now_ms() - start;
	s->cpu_ms = children_cpu_ms() - cpu;
	s->to = f->program.cnt;
}

static void make_long(struct shrinkage *s, const struct trial_plan *plan, const struct finding *f,
		      uint64_t seed, const struct fuzz_limits *lim)
{
	struct finding large = { .seed = f->seed };

	for (size_t i = 0; i < ATTEMPTS && !s->from; i++) {
		s->noise = attempts[i].noise;
		if (embed(&large.program, f, i, &seed, lim) &&
		    trial_apart(plan, &large.program, f->seed, &large) && finding_same(f, &large))
			measure(s, plan, &large);
		finding_free(&large);
		large.seed = f->seed;
	}
}

void shrinkage_measure(struct shrinkage *s, const struct trial_plan *plan, struct finding *v,
		       size_t n, uint64_t seed, const struct fuzz_limits *lim)
{
	const struct finding *best = NULL;

	*s = (struct shrinkage){ .best = UINT32_MAX };
	for (size_t i = 0; i < n; i++)
		finding_shrink(&v[i], plan, BUDGET_MS);
	for (size_t i = 0; i < n; i++)
		if (v[i].alone && v[i].program.cnt < s->best) {
			best = &v[i];
			s->best = best->program.cnt;
		}
	if (best)
		make_long(s, plan, best, seed, lim);
	if (s->from && s->to < s->best)
		s->best = s->to;
}
