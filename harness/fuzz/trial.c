/* SPDX-License-Identifier: MIT */
/* Programs carried out, here or apart; see trial.h. */
#include "trial.h"

#include "../check/child.h"
#include "../random.h"
#include "../target/world_site.h"

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#define DETAIL_MAX (1u << 20)
#define LATE_MS	   200 /* whoever watches looks more often, if it has a processor */

uint64_t fuzz_program_seed(uint64_t seed, uint64_t number)
{
	return random_mix(seed + (number + 1) * RANDOM_STEP);
}

/* Findings. */

/* FNV-1a of clause and reason, with # for each word that is a number or holds one. */
uint32_t finding_shape(const struct finding *f)
{
	uint32_t hash = 2166136261u;
	const char *p = f->reason, *end;
	bool number;

	for (const char *c = f->clause; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	while (*p) {
		number = false;
		for (end = p; isalnum((unsigned char)*end); end++)
			number |= isdigit((unsigned char)*end) != 0;
		if (end - p >= 6 && strspn(p, "0123456789abcdef") >= (size_t)(end - p))
			number = true;
		if (end == p)
			end++;
		for (; p < end && !number; p++)
			hash = (hash ^ (uint8_t)*p) * 16777619u;
		if (number)
			hash = (hash ^ '#') * 16777619u;
		p = end;
	}
	return (hash ^ (uint32_t)f->kind) * 16777619u;
}

bool finding_same(const struct finding *a, const struct finding *b)
{
	if (a->kind != b->kind || a->advice != b->advice)
		return false;
	if (a->kind != FINDING_BROKEN)
		return true; /* by which signal it dies may be chance */
	if (a->clause[0])
		return !strcmp(a->clause, b->clause);
	return finding_shape(a) == finding_shape(b);
}

void finding_free(struct finding *f)
{
	free(f->detail);
	fuzz_program_free(&f->program);
	*f = (struct finding){ 0 };
}

/* Here. */

int trial_open(struct trial *t, const struct target_spec *spec, struct fuzz_exec *x)
{
	bool hotplug = spec->world && spec->world->daemon;

	*t = (struct trial){ .x = x, .needs = hotplug ? NEEDS_HOTPLUG : 0 };
	t->stage = tc_stage_new(spec, "fuzz");
	return t->stage ? 0 : -ENOMEM;
}

void trial_close(struct trial *t)
{
	fuzz_exec_free(t->x);
	tc_stage_free(t->stage);
	t->stage = NULL;
}

struct body {
	struct fuzz_exec *x;
	const struct fuzz_program *p;
};

static void body(struct tc *tc, void *ctx)
{
	const struct body *b = ctx;

	fuzz_exec_run(b->x, tc, b->p);
}

void trial_run(struct trial *t, const struct fuzz_program *p, uint64_t seed, struct finding *f)
{
	struct body b = { t->x, p };
	struct result r = { 0 };

	tc_stage_run(t->stage, p->setup.seat ? NEEDS_SEAT : t->needs, seed, body, &b, &r);
	f->kind = r.verdict == VERDICT_FAIL ? FINDING_BROKEN : FINDING_NONE;
	f->advice = f->kind && !strcmp(r.level, clause_level_name(CLAUSE_SHOULD));
	f->seed = seed;
	f->ops = p->cnt;
	f->clause[0] = f->reason[0] = 0;
	f->detail = r.detail;
	if (r.clause)
		snprintf(f->clause, sizeof(f->clause), "%s", r.clause);
	if (r.reason)
		snprintf(f->reason, sizeof(f->reason), "%s", r.reason);
	free(r.clause);
	free(r.reason);
}

/* Watching. */

static uint64_t cpu_ns(pid_t pid)
{
	struct timespec ts = { 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void watch_begin(struct watch *w, pid_t pid)
{
	uint64_t now = child_now_ms();

	*w = (struct watch){ .pid = pid, .cpu_ns = cpu_ns(pid), .since_ms = now, .seen_ms = now };
}

bool watch_stuck(struct watch *w, uint64_t serial, const struct watch_limits *limits)
{
	uint64_t now = child_now_ms(), slowest = w->slowest_ns, ran;

	if (now - w->seen_ms > LATE_MS)
		w->since_ms += now - w->seen_ms;
	w->seen_ms = now;
	ran = cpu_ns(w->pid) - w->cpu_ns;
	if (serial != w->serial) {
		if (ran > slowest)
			slowest = ran;
		watch_begin(w, w->pid);
		w->serial = serial;
		w->slowest_ns = slowest;
		return false;
	}
	return ran > limits->cpu_ms * 1000000ull || now - w->since_ms > limits->wall_ms;
}

struct watch_limits watch_limits_for(const struct target_spec *spec)
{
	if (spec->exec)
		return (struct watch_limits){ 60000, 600000 + 30 * spec->timeout_ms };
	return (struct watch_limits){ 2000, 30000 };
}

/* Apart. */

struct frame {
	uint32_t kind, advice, detail_len;
	char clause[16], reason[512];
};

static void apart(const struct trial_plan *plan, const struct fuzz_program *p, uint64_t seed,
		  int fd)
{
	struct fuzz_exec x = { .oracles = plan->oracles, .say = plan->say };
	struct finding f = { 0 };
	struct frame frame = { 0 };
	struct trial t;

	child_settle();
	if (trial_open(&t, plan->spec, &x))
		exit(EXIT_FAILURE);
	trial_run(&t, p, seed, &f);
	frame.kind = f.kind;
	frame.advice = f.advice;
	frame.detail_len = f.detail ? (uint32_t)strlen(f.detail) + 1 : 0;
	memcpy(frame.clause, f.clause, sizeof(frame.clause));
	memcpy(frame.reason, f.reason, sizeof(frame.reason));
	if (child_put(fd, &frame, sizeof(frame)))
		child_put(fd, f.detail, frame.detail_len);
	free(f.detail);
	trial_close(&t);
	process_end_all("");
	inproc_drop_cache(plan->spec);
	exit(EXIT_SUCCESS);
}

/* Until there is something to read: 1; the child has ended without a word: 0; stuck: -ETIMEDOUT. */
static int await(int fd, pid_t pid, const struct watch_limits *limits)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct watch w;

	watch_begin(&w, pid);
	for (;;) {
		if (poll(&pfd, 1, 20) > 0)
			return pfd.revents & POLLIN ? 1 : 0;
		if (watch_stuck(&w, 0, limits))
			return -ETIMEDOUT;
	}
}

static void hear(int fd, pid_t pid, const struct watch_limits *limits, struct finding *f)
{
	struct frame frame;
	int rc = await(fd, pid, limits), status;
	uint64_t end = child_now_ms() + 5000;
	char *how;

	if (rc == 1)
		rc = child_get(fd, &frame, sizeof(frame), end, NULL);
	if (rc == 1 && frame.kind <= FINDING_BROKEN && frame.detail_len <= DETAIL_MAX) {
		f->kind = (enum finding_kind)frame.kind;
		f->advice = frame.advice != 0;
		snprintf(f->clause, sizeof(f->clause), "%.15s", frame.clause);
		snprintf(f->reason, sizeof(f->reason), "%.511s", frame.reason);
		f->detail = frame.detail_len ? calloc(1, frame.detail_len + 1) : NULL;
		if (f->detail)
			child_get(fd, f->detail, frame.detail_len, end, NULL);
		child_reap(pid);
		return;
	}
	if (rc < 0)
		kill(pid, SIGKILL);
	status = child_reap(pid);
	f->kind = rc == -ETIMEDOUT ? FINDING_HANG : FINDING_CRASH;
	how = child_how(status);
	snprintf(f->reason, sizeof(f->reason), "%s",
		 rc == -ETIMEDOUT ? "the handler hangs"
		 : how		  ? how
				  : "the handler crashed");
	free(how);
}

bool trial_apart(const struct trial_plan *plan, const struct fuzz_program *p, uint64_t seed,
		 struct finding *f)
{
	char spare[PROCESS_CHILDREN_MAX] = "";
	int fds[2];
	pid_t pid;

	if (plan->spec->exec)
		process_children(spare, sizeof(spare));
	if (pipe2(fds, O_CLOEXEC))
		return false;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		apart(plan, p, seed, fds[1]);
	}
	close(fds[1]);
	f->clause[0] = f->reason[0] = 0;
	f->detail = NULL;
	f->advice = false;
	f->seed = seed;
	f->ops = p->cnt;
	if (pid > 0)
		hear(fds[0], pid, &plan->limits, f);
	close(fds[0]);
	if (plan->spec->exec)
		process_end_all(spare);
	return pid > 0;
}
