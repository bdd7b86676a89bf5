/* SPDX-License-Identifier: MIT */
/* The crew's side of its workers; see crew.h. */
#include "crew.h"

#include "../check/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#define TICK_MS	   100
#define FRAME_MS   5000
#define DETAIL_MAX (1u << 20)

struct member {
	pid_t pid; /* 0: has done all */
	int fd;
	struct slot *s;
	struct watch watch;
};

struct roster {
	struct crew *c;
	struct member m[CREW_MAX];
	bool stopped;
	int rc;
};

uint64_t crew_number(const struct crew *c, unsigned int who, uint64_t at)
{
	return (at * c->jobs + who) * c->shards + c->shard;
}

bool crew_done(const struct crew *c, unsigned int who, uint64_t at)
{
	if (c->runs && at * c->jobs + who >= c->runs)
		return true;
	return c->end_ms && child_now_ms() >= c->end_ms;
}

void fuzz_stats_add(struct fuzz_stats *sum, const struct fuzz_stats *more)
{
	_Static_assert(sizeof(*sum) % sizeof(uint64_t) == 0, "only numbers");
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += from[i];
}

static int hire(struct roster *r, unsigned int who, uint64_t from)
{
	struct member *m = &r->m[who];
	int fds[2];

	if (pipe2(fds, O_CLOEXEC)) /* a handler must not be able to write its own verdicts */
		return -errno;
	fflush(NULL);
	m->pid = fork();
	if (m->pid < 0) {
		close(fds[0]);
		close(fds[1]);
		m->pid = 0;
		return -errno;
	}
	if (!m->pid) {
		close(fds[0]);
		worker_run(r->c, m->s, who, from, fds[1]);
	}
	close(fds[1]);
	m->fd = fds[0];
	watch_begin(&m->watch, m->pid);
	return 0;
}

static bool copy_program(struct fuzz_program *p, const struct fuzz_setup *setup,
			 const struct fuzz_op *ops, uint32_t cnt)
{
	*p = (struct fuzz_program){ .setup = *setup, .cnt = cnt, .room = cnt };
	p->ops = malloc((cnt + 1) * sizeof(*ops));
	if (p->ops && ops)
		memcpy(p->ops, ops, cnt * sizeof(*ops));
	return p->ops != NULL;
}

/* What the worker @who was at when it died or was killed for hanging. */
static bool last_words(struct roster *r, unsigned int who, struct finding *f)
{
	const struct slot *s = r->m[who].s;
	uint32_t cnt = s->cnt < SLOT_OPS ? s->cnt : SLOT_OPS;

	f->number = crew_number(r->c, who, s->at - 1);
	f->seed = fuzz_program_seed(r->c->seed, f->number);
	f->made = s->made;
	if (f->made ? fuzz_generate(&f->program, f->seed, &r->c->limits) != 0
		    : !copy_program(&f->program, &s->setup, s->ops, cnt))
		return false;
	f->ops = f->program.cnt;
	return true;
}

static void give(struct roster *r, struct finding *f)
{
	if (!r->c->found(r->c->ctx, f))
		r->stopped = true;
}

/* The worker is gone: it has done all, or it died, or it is stuck and we end it. */
static void bury(struct roster *r, unsigned int who, bool stuck)
{
	struct finding f = { .kind = stuck ? FINDING_HANG : FINDING_CRASH };
	struct member *m = &r->m[who];
	uint64_t at = m->s->at;
	int status;
	char *how;

	if (stuck)
		kill(m->pid, SIGKILL);
	status = child_reap(m->pid);
	close(m->fd);
	m->pid = 0;
	if (!stuck && !status)
		return;
	if (!at || at >= UINT64_MAX / CREW_MAX) {
		r->rc = -ECHILD;
		return;
	}
	how = stuck ? strdup("the handler hangs") : child_how(status);
	snprintf(f.reason, sizeof(f.reason), "%s", how ? how : "the handler crashed");
	free(how);
	if (last_words(r, who, &f))
		give(r, &f);
	if (r->c->spec->exec)
		process_end_all(r->c->spare);
	if (!r->stopped && !crew_done(r->c, who, at))
		r->rc = hire(r, who, at);
}

/* Reads a frame; a handler may have written over the worker that sends it. */
static bool hear(struct roster *r, unsigned int who)
{
	struct finding f = { .kind = FINDING_BROKEN };
	uint64_t end = child_now_ms() + FRAME_MS;
	int fd = r->m[who].fd;
	struct crew_frame frame;
	bool ok;

	if (child_get(fd, &frame, sizeof(frame), end, NULL) != 1)
		return false;
	if ((frame.word != CREW_FOUND && frame.word != CREW_NOVEL) || frame.cnt > FUZZ_OPS_MAX ||
	    frame.detail_len > DETAIL_MAX)
		return false;
	f.detail = calloc(1, frame.detail_len + 1);
	ok = f.detail && copy_program(&f.program, &frame.setup, NULL, frame.cnt) &&
	     child_get(fd, f.detail, frame.detail_len, end, NULL) == 1 &&
	     child_get(fd, f.program.ops, frame.cnt * sizeof(*f.program.ops), end, NULL) == 1;
	f.number = frame.number;
	f.seed = fuzz_program_seed(r->c->seed, f.number);
	f.made = frame.made;
	f.advice = frame.advice != 0;
	f.ops = frame.cnt;
	snprintf(f.clause, sizeof(f.clause), "%.15s", frame.clause);
	snprintf(f.reason, sizeof(f.reason), "%.511s", frame.reason);
	if (ok && frame.word == CREW_FOUND) {
		give(r, &f);
		return true;
	}
	if (ok && r->c->novel)
		r->c->novel(r->c->ctx, &f.program, &frame.features);
	finding_free(&f);
	return ok;
}

/* One round: whoever has something to say, and whoever has been silent for too long. */
static void attend(struct roster *r)
{
	struct pollfd pfd[CREW_MAX];
	unsigned int i, jobs = r->c->jobs;

	for (i = 0; i < jobs; i++)
		pfd[i] = (struct pollfd){ .fd = r->m[i].pid ? r->m[i].fd : -1, .events = POLLIN };
	if (poll(pfd, jobs, TICK_MS) < 0)
		return;
	for (i = 0; i < jobs && !r->stopped && !r->rc; i++) {
		struct member *m = &r->m[i];

		if (!m->pid)
			continue;
		if (pfd[i].revents & POLLIN) {
			if (!hear(r, i)) {
				kill(m->pid, SIGKILL);
				bury(r, i, false);
			}
		} else if (pfd[i].revents) {
			bury(r, i, false);
		} else if (watch_stuck(&m->watch, m->s->serial, &r->c->watch)) {
			bury(r, i, true);
		}
	}
}

static void count(struct roster *r)
{
	struct fuzz_stats sum = { 0 };

	for (unsigned int i = 0; i < r->c->jobs; i++)
		fuzz_stats_add(&sum, &r->m[i].s->x.stats);
	r->c->stats = sum;
	if (r->c->tick)
		r->c->tick(r->c->ctx);
}

static bool anyone(const struct roster *r)
{
	for (unsigned int i = 0; i < r->c->jobs; i++)
		if (r->m[i].pid)
			return true;
	return false;
}

static void dismiss(struct roster *r)
{
	for (unsigned int i = 0; i < r->c->jobs; i++) {
		struct member *m = &r->m[i];

		if (!m->pid)
			continue;
		kill(m->pid, SIGKILL);
		child_reap(m->pid);
		close(m->fd);
		m->pid = 0;
	}
	process_end_all(r->c->spare);
}

static void work(struct roster *r)
{
	struct crew *c = r->c;

	for (unsigned int i = 0; i < c->jobs && !r->rc; i++)
		if (!crew_done(c, i, 0))
			r->rc = hire(r, i, 0);
	while (!r->rc && !r->stopped && anyone(r)) {
		if (c->stop && *c->stop)
			r->rc = -EINTR;
		else
			attend(r);
		count(r);
	}
	dismiss(r);
	count(r);
}

int crew_run(struct crew *c)
{
	struct roster *r = calloc(1, sizeof(*r));
	size_t len = sizeof(struct slot) * c->jobs;
	struct slot *slots;
	int rc = -ENOMEM;

	slots = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r && slots != MAP_FAILED) {
		r->c = c;
		for (unsigned int i = 0; i < c->jobs; i++)
			r->m[i].s = &slots[i];
		work(r);
		rc = r->rc;
	}
	if (slots != MAP_FAILED)
		munmap(slots, len);
	free(r);
	return rc;
}
