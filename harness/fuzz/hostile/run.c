/* SPDX-License-Identifier: MIT */
/* One hostile program, once: chosen as it goes, or as it is written. */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void play_chosen(struct bench *b, struct choose *c)
{
	struct fuzz_program *p = b->r->p;
	struct fuzz_op *op;

	while (p->cnt < b->r->ops && !b->r->what[0]) {
		op = &p->ops[p->cnt];
		choose_op(c, b, op);
		p->cnt++; /* first, so that it is there if it crashes */
		bench_do(b, op);
	}
}

static void play_written(struct bench *b)
{
	const struct fuzz_program *p = b->r->p;
	uint32_t i;

	for (i = 0; i < p->cnt && !b->r->what[0]; i++)
		bench_do(b, &p->ops[i]);
}

int hostile_run(struct hostile_run *r)
{
	struct bench *b = malloc(sizeof(*b));
	struct choose c;
	int rc;

	r->what[0] = 0;
	r->digest = 0;
	if (!b)
		return -ENOMEM;
	if (r->choose) {
		r->p->cnt = 0;
		choose_setup(&c, r->seed, &r->p->setup);
	}
	rc = bench_up(b, r);
	if (!rc && r->choose)
		play_chosen(b, &c);
	else if (!rc)
		play_written(b);
	if (!rc)
		bench_finish(b);
	bench_down(b);
	free(b);
	return rc;
}
