/* SPDX-License-Identifier: MIT */
/* How well the shrinker does; see shrinkage.h. */
#include "shrinkage.h"

#include "../check/child.h"
#include "../random.h"

#include <sys/resource.h>

#define ATTEMPTS  12
#define BUDGET_MS 15000 /* real time, on a machine that may be busy */

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
static bool append_noise(struct fuzz_program *p, uint32_t cnt, uint64_t *seed,
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

/* @f with all noise before it, or with half of it behind. */
static bool embed(struct fuzz_program *p, const struct finding *f, uint32_t before, uint64_t *seed,
		  const struct fuzz_limits *lim)
{
	bool good;

	*p = (struct fuzz_program){ .setup = f->program.setup };
	good = append_noise(p, before, seed, lim);
	for (uint32_t i = 0; good && i < f->program.cnt; i++)
		good = append(p, &f->program.ops[i]);
	return good && append_noise(p, SHRINKAGE_OPS, seed, lim);
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

	for (uint32_t i = 0; i < ATTEMPTS && !s->from; i++) {
		/* less and less goes before it, lest it be about something else */
		uint32_t before = i < ATTEMPTS - 1 ? (SHRINKAGE_OPS / 2) >> i / 2 : 0;

		if (embed(&large.program, f, before, &seed, lim) &&
		    trial_apart(plan, &large.program, f->seed, &large) && finding_same(f, &large))
			measure(s, plan, &large);
		finding_free(&large);
		large.seed = f->seed;
	}
}

void shrinkage_measure(struct shrinkage *s, const struct trial_plan *plan, struct finding *v,
		       size_t n, uint64_t seed, const struct fuzz_limits *lim)
{
	*s = (struct shrinkage){ .best = UINT32_MAX };
	for (size_t i = 0; i < n; i++) {
		if (i && !finding_same(&v[0], &v[i]))
			continue;
		finding_shrink(&v[i], plan, BUDGET_MS);
		if (v[i].alone && v[i].program.cnt < s->best)
			s->best = v[i].program.cnt;
	}
	if (s->best != UINT32_MAX)
		make_long(s, plan, &v[0], seed, lim);
	if (s->from && s->to < s->best)
		s->best = s->to;
}
