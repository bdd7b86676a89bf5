/* SPDX-License-Identifier: MIT */
/* A worker: program after program; see crew.h. */
#include "crew.h"

#include "../check/child.h"

#include <unistd.h>

#define SHAPES 512

struct worker {
	const struct crew *c;
	struct slot *s;
	struct trial t;
	struct corpus_view *view;
	struct fuzz_program p;
	uint32_t seen[SHAPES];
	int fd;
};

/* Whether this is news; a worker that finds the same in each program must not drown us. */
static bool is_news(struct worker *w, const struct finding *f)
{
	uint32_t shape = finding_shape(f) | 1;
	uint32_t i = shape % SHAPES, n;

	for (n = 0; n < SHAPES; n++, i = (i + 1) % SHAPES) {
		if (w->seen[i] == shape)
			return false;
		if (w->seen[i])
			continue;
		w->seen[i] = shape;
		return true;
	}
	return false;
}

static bool tell(const struct worker *w, enum crew_word word, const struct finding *f)
{
	struct crew_frame frame = { .word = word,
				    .made = f->made,
				    .advice = f->advice,
				    .number = f->number,
				    .setup = w->p.setup,
				    .detail_len = f->detail ? (uint32_t)strlen(f->detail) : 0,
				    .cnt = w->p.cnt };

	if (word == CREW_NOVEL)
		frame.features = *corpus_features(w->view);
	memcpy(frame.clause, f->clause, sizeof(frame.clause));
	memcpy(frame.reason, f->reason, sizeof(frame.reason));
	return child_put(w->fd, &frame, sizeof(frame)) &&
	       child_put(w->fd, f->detail, frame.detail_len) &&
	       child_put(w->fd, w->p.ops, w->p.cnt * sizeof(*w->p.ops));
}

/* The next program, into w->p; for the parent to find if this is the last we do. */
static bool make(struct worker *w, uint64_t number, uint64_t seed)
{
	struct slot *s = w->s;

	s->made = !w->view || !corpus_program(w->view, number, seed, &w->p);
	if (s->made)
		return fuzz_generate(&w->p, seed, &w->c->limits) == 0;
	s->setup = w->p.setup;
	s->cnt = w->p.cnt < SLOT_OPS ? w->p.cnt : SLOT_OPS;
	memcpy(s->ops, w->p.ops, s->cnt * sizeof(*s->ops));
	return true;
}

static bool one(struct worker *w, uint64_t number)
{
	uint64_t seed = fuzz_program_seed(w->c->seed, number);
	struct finding f = { .number = number };
	bool go_on = true;

	if (!make(w, number, seed))
		return false;
	if (w->view)
		corpus_before(w->view, &w->s->x.stats);
	trial_run(&w->t, &w->p, seed, &f);
	f.made = w->s->made;
	if (f.kind && (w->c->repeats || is_news(w, &f)))
		go_on = tell(w, CREW_FOUND, &f);
	else if (w->view && !f.kind && corpus_after(w->view, &w->s->x.stats, &w->p))
		go_on = tell(w, CREW_NOVEL, &f);
	free(f.detail);
	return go_on;
}

void worker_run(const struct crew *c, struct slot *s, unsigned int who, uint64_t from, int fd)
{
	struct worker w = { .c = c, .s = s, .fd = fd };
	uint64_t at = from;
	int rc;

	child_settle();
	s->x.priv = NULL;
	s->x.say = NULL;
	s->x.oracles = c->oracles;
	rc = trial_open(&w.t, c->spec, &s->x);
	if (!rc && c->corpus)
		rc = (w.view = corpus_view_new(c->corpus)) ? 0 : -ENOMEM;
	for (; !rc && !crew_done(c, who, at); at++) {
		s->at = at + 1;
		s->serial++;
		if (!one(&w, crew_number(c, who, at)))
			rc = -ENOMEM;
	}
	trial_close(&w.t);
	corpus_view_free(w.view);
	fuzz_program_free(&w.p);
	process_end_all("");
	inproc_drop_cache(c->spec);
	/* exit(), not _exit(): leak checkers and coverage report at exit */
	exit(rc ? EXIT_FAILURE : EXIT_SUCCESS);
}
