/* SPDX-License-Identifier: MIT */
/* Workers and the pipe they report through; see run.h. */
#include "run.h"

#include "../target/kernel.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STRING_MAX (1u << 20)
#define REAP_MS	   10000

/* What a worker sends for each case, followed by the three strings. */
struct frame {
	uint32_t index;
	uint32_t verdict;
	uint64_t time_us;
	uint32_t len[3];
};

static bool put_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	for (; len; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return false;
	}
	return true;
}

static char **strings(struct result *r, unsigned int i)
{
	char **all[] = { &r->reason, &r->detail, &r->clause };

	return all[i];
}

/* A handler that runs wild on memory must not take the machine with it: we are the first to go. */
static void volunteer_for_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	put_all(fd, "1000", 4);
	close(fd);
}

static void worker(const struct run_plan *plan, size_t from, int fd)
{
	size_t i;
	unsigned int k;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	volunteer_for_oom();
	signal(SIGINT, SIG_IGN); /* the parent decides */
	signal(SIGPIPE, SIG_IGN);
	for (i = from; i < plan->n; i++) {
		struct frame f = { .index = (uint32_t)i };
		struct result r = { 0 };

		tc_run(plan->cases[i], plan->spec, plan->seed, &r);
		f.verdict = r.verdict;
		f.time_us = r.time_us;
		for (k = 0; k < 3; k++)
			f.len[k] = *strings(&r, k) ? (uint32_t)strlen(*strings(&r, k)) + 1 : 0;
		if (!put_all(fd, &f, sizeof(f)))
			break;
		for (k = 0; k < 3; k++) {
			put_all(fd, *strings(&r, k), f.len[k]);
			free(*strings(&r, k));
		}
	}
	process_end_all("");
	inproc_drop_cache(plan->spec);
	/* exit(), not _exit(): leak checkers and coverage report at exit */
	exit(0);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Reads exactly @len bytes before @end_ms. 1 ok, 0 end of file, -ETIMEDOUT, -EINTR. */
static int get_all(int fd, void *buf, size_t len, uint64_t end_ms,
		   const volatile sig_atomic_t *stop)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char *p = buf;
	uint64_t now;
	ssize_t n;

	while (len) {
		if (stop && *stop)
			return -EINTR;
		now = now_ms();
		if (now >= end_ms)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, (int)(end_ms - now)) <= 0)
			continue;
		n = read(fd, p, len);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return 0;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 1;
}

static int get_result(const struct run_plan *plan, size_t at, int fd, struct frame *f,
		      struct result *r)
{
	uint64_t end = now_ms() + plan->limit_ms;
	int rc = get_all(fd, f, sizeof(*f), end, plan->stop);
	unsigned int k;

	/* a handler in the worker's process may have written over anything */
	if (rc == 1 && (f->index != at || f->verdict > VERDICT_SKIP))
		return -EPROTO;
	for (k = 0; rc == 1 && k < 3; k++) {
		char *s = f->len[k] && f->len[k] <= STRING_MAX ? malloc(f->len[k]) : NULL;

		if (f->len[k] && !s)
			return -EPROTO;
		*strings(r, k) = s;
		rc = get_all(fd, s, f->len[k], end, plan->stop);
		if (s)
			s[f->len[k] - 1] = 0;
	}
	r->verdict = f->verdict;
	r->time_us = f->time_us;
	r->seed = plan->seed;
	return rc;
}

/* The worker has nothing more to say: its end is awaited, but not for ever. */
static int reap(pid_t pid)
{
	uint64_t end = now_ms() + REAP_MS;
	int status = 0;

	while (now_ms() < end) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(200);
	}
	kill(pid, SIGKILL);
	/* a process that waits in the kernel may not even die */
	for (end = now_ms() + REAP_MS; now_ms() < end; usleep(1000))
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
	return status;
}

/* A worker that does not report any more: why, in a result of its own. */
static void bury(const struct run_plan *plan, pid_t pid, int rc, struct result *r)
{
	int status = 0;

	*r = (struct result){ .verdict = VERDICT_FAIL, .seed = plan->seed };
	if (rc < 0)
		kill(pid, SIGKILL);
	status = reap(pid);
	process_end_all(plan->spare);
	if (plan->spec->site)
		kernel_site_sweep(plan->spec->site);
	if (rc == -ETIMEDOUT) {
		r->time_us = plan->limit_ms * 1000ull;
		if (asprintf(&r->reason, "hangs: no result within %u ms", plan->limit_ms) < 0)
			r->reason = NULL;
	} else if (WIFSIGNALED(status)) {
		if (asprintf(&r->reason, "the handler crashed: signal %d (%s)", WTERMSIG(status),
			     strsignal(WTERMSIG(status))) < 0)
			r->reason = NULL;
	} else if (asprintf(&r->reason, "the handler ended the process with status %d",
			    WEXITSTATUS(status)) < 0) {
		r->reason = NULL;
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
		reap(pid);
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
