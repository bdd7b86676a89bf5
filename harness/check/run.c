/* SPDX-License-Identifier: MIT */
/* Workers and the pipe they report through; see run.h. */
#include "run.h"

#include "../target/kernel.h"
#include "child.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STRING_MAX (1u << 20)

/* What a worker sends for each case, followed by the three strings. */
struct frame {
	uint32_t index;
	uint32_t verdict;
	uint64_t time_us;
	uint32_t len[3];
};

static char **strings(struct result *r, unsigned int i)
{
	char **all[] = { &r->reason, &r->detail, &r->clause };

	return all[i];
}

static void worker(const struct run_plan *plan, size_t from, int fd)
{
	size_t i;
	unsigned int k;

	child_settle();
	for (i = from; i < plan->n; i++) {
		struct frame f = { .index = (uint32_t)i };
		struct result r = { 0 };

		tc_run(plan->cases[i], plan->spec, plan->seed, &r);
		f.verdict = r.verdict;
		f.time_us = r.time_us;
		for (k = 0; k < 3; k++)
			f.len[k] = *strings(&r, k) ? (uint32_t)strlen(*strings(&r, k)) + 1 : 0;
		if (!child_put(fd, &f, sizeof(f)))
			break;
		for (k = 0; k < 3; k++) {
			child_put(fd, *strings(&r, k), f.len[k]);
			free(*strings(&r, k));
		}
	}
	process_end_all("");
	inproc_drop_cache(plan->spec);
	/* exit(), not _exit(): leak checkers and coverage report at exit */
	exit(0);
}

static int get_result(const struct run_plan *plan, size_t at, int fd, struct frame *f,
		      struct result *r)
{
	uint64_t end = child_now_ms() + plan->limit_ms;
	int rc = child_get(fd, f, sizeof(*f), end, plan->stop);
	unsigned int k;

	/* a handler in the worker's process may have written over anything */
	if (rc == 1 && (f->index != at || f->verdict > VERDICT_SKIP))
		return -EPROTO;
	for (k = 0; rc == 1 && k < 3; k++) {
		char *s = f->len[k] && f->len[k] <= STRING_MAX ? malloc(f->len[k]) : NULL;

		if (f->len[k] && !s)
			return -EPROTO;
		*strings(r, k) = s;
		rc = child_get(fd, s, f->len[k], end, plan->stop);
		if (s)
			s[f->len[k] - 1] = 0;
	}
	r->verdict = f->verdict;
	r->time_us = f->time_us;
	r->seed = plan->seed;
	return rc;
}

/* A worker that does not report any more: why, in a result of its own. */
static void bury(const struct run_plan *plan, pid_t pid, int rc, struct result *r)
{
	int status = 0;

	*r = (struct result){ .verdict = VERDICT_FAIL, .seed = plan->seed };
	if (rc < 0)
		kill(pid, SIGKILL);
	status = child_reap(pid);
	process_end_all(plan->spare);
	if (plan->spec->site)
		kernel_site_sweep(plan->spec->site);
	if (rc == -ETIMEDOUT) {
		r->time_us = plan->limit_ms * 1000ull;
		if (asprintf(&r->reason, "hangs: no result within %u ms", plan->limit_ms) < 0)
			r->reason = NULL;
	} else {
		r->reason = child_how(status);
	}
}

/* Runs from case *@at on in one worker; 1: it died, 0: all done, -EINTR, -errno. */
static int one_worker(const struct run_plan *plan, size_t *at)
{
	int fds[2], rc = 1;
	bool go_on = true;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC)) /* a handler must not be able to write its own verdicts */
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -errno;
	}
	if (!pid) {
		close(fds[0]);
		worker(plan, *at, fds[1]);
	}
	close(fds[1]);
	while (go_on && *at < plan->n) {
		struct result r = { 0 };
		struct frame f;

		rc = get_result(plan, *at, fds[0], &f, &r);
		if (rc == -EINTR)
			break;
		if (rc != 1) {
			bury(plan, pid, rc, &r);
			pid = 0;
		}
		go_on = plan->on_result(plan->ctx, plan->cases[*at], &r);
		++*at;
		if (!pid)
			break;
	}
	close(fds[0]);
	if (pid && *at < plan->n)
		kill(pid, SIGKILL);
	if (pid)
		child_reap(pid);
	process_end_all(plan->spare);
	if (rc == -EINTR)
		return rc;
	return go_on && *at < plan->n;
}

int run_cases(const struct run_plan *asked)
{
	char children[PROCESS_CHILDREN_MAX];
	struct run_plan with_spare = *asked, *plan = &with_spare;
	size_t at = 0;
	int rc = plan->n ? 1 : 0;

	/* a shell that exec()ed us may have left us children of its own */
	process_children(children, sizeof(children));
	plan->spare = children;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	while (rc == 1)
		rc = one_worker(plan, &at);
	return rc;
}
