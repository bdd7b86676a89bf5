/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness fuzz --hostile`: programs by the million, in processes to spare.
 *
 * Each worker makes its program in memory that it shares with this one, so that whatever becomes of
 * the worker, the program that did it is there, up to the operation that did it.
 */
#include "hostile.h"
#include "shrink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OPS	  8000 /* of a program */
#define PROGRAM_S 60   /* seconds that one program may take, under sanitizers on a busy machine */
#define JOBS_MAX  64
#define SHRINK_MS 10000
#define PRINTED	  200 /* operations of a program that goes to standard output */

/* What a worker shares: where it is, and the program it is at. */
struct shared {
	struct hostile_run r;
	struct hostile_tally tally; /* of the programs that ended */
	bool stop;
	struct fuzz_program p;
	struct fuzz_op ops[OPS];
};

struct worker {
	pid_t pid;
	struct shared *s;
};

static struct shared *shared_new(void)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED)
		return NULL;
	s->p.ops = s->ops;
	s->p.room = OPS;
	s->r.p = &s->p;
	return s;
}

static void add(struct hostile_tally *to, const struct hostile_tally *t)
{
	uint64_t *sum = (uint64_t *)(void *)to;
	const uint64_t *n = (const uint64_t *)(const void *)t;
	size_t i;

	for (i = 0; i < sizeof(*to) / sizeof(*sum); i++)
		sum[i] += n[i];
}

/* --- a worker -------------------------------------------------------------------------------- */

static bool has_at(const struct fuzz_program *p)
{
	uint32_t i;

	for (i = 0; i < p->cnt; i++)
		if (p->ops[i].verb == FUZZ_AT)
			return true;
	return false;
}

static int run_once(struct shared *s)
{
	int rc;

	memset(&s->r.tally, 0, sizeof(s->r.tally));
	alarm(PROGRAM_S); /* nobody catches it */
	rc = hostile_run(&s->r);
	alarm(0);
	add(&s->tally, &s->r.tally);
	return rc;
}

/*
 * The same program, the same state; with and without the sanitizer, too, unless the program counts
 * accesses, of which the sanitizer has its own, or released blocks are poisoned.
 */
static int again(struct shared *s)
{
	uint64_t digest = s->r.digest;
	int rc;

	s->r.choose = false;
	if (!has_at(&s->p) && !s->p.setup.poison)
		s->r.sanitize = !s->r.sanitize;
	rc = run_once(s);
	s->tally.twice++;
	if (!rc && !s->r.what[0] && s->r.digest != digest)
		snprintf(s->r.what, sizeof(s->r.what), "%s",
			 "the same program a second time ended in another state");
	return rc;
}

/* The program of @seed in the way that follows from it. */
static int run_seed(struct shared *s, uint64_t seed)
{
	int rc;

	s->r.seed = seed;
	s->r.choose = true;
	s->r.sanitize = seed & 1;
	s->r.race = seed % 64 == 6 || seed % 64 == 15;
	s->r.ops = OPS;
	rc = run_once(s);
	if (!rc && !s->r.what[0] && !s->r.race && seed % 8 < 2)
		rc = again(s);
	return rc;
}

static void work(struct shared *s, uint64_t seed, uint32_t step, uint64_t count)
{
	int rc = 0;

	for (; count-- && !rc && !s->r.what[0] && !__atomic_load_n(&s->stop, __ATOMIC_RELAXED);
	     seed += step)
		rc = run_seed(s, seed);
	fflush(NULL);
	_exit(rc ? 2 : s->r.what[0] != 0);
}

static pid_t start(struct shared *s, uint64_t seed, uint32_t step, uint64_t count)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	work(s, seed, step, count);
	return 0;
}

/* --- shrinking and telling -------------------------------------------------------------------- */

/* What @status of a worker means, in words that are the same for the same mistake. */
static const char *verdict(const struct shared *s, int status, char *buf, size_t len)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(buf, len, "did not end within %d s", PROGRAM_S);
	else if (WIFSIGNALED(status))
		snprintf(buf, len, "died of signal %d", WTERMSIG(status));
	else if (s->r.what[0])
		snprintf(buf, len, "%s", s->r.what);
	else if (WEXITSTATUS(status))
		snprintf(buf, len, "ended with exit status %d", WEXITSTATUS(status));
	else
		buf[0] = 0;
	return buf;
}

/* Runs @p as written in a process of its own; its verdict is "" if nothing is wrong. */
static int judge(const struct fuzz_program *p, const struct hostile_run *like, char *buf,
		 size_t len)
{
	struct shared *s = shared_new();
	int status = 0;
	pid_t pid;

	if (!s)
		return -ENOMEM;
	s->p.setup = p->setup;
	s->p.cnt = p->cnt < OPS ? p->cnt : OPS;
	memcpy(s->ops, p->ops, s->p.cnt * sizeof(*p->ops));
	s->r.sanitize = like->sanitize;
	s->r.race = like->race;
	s->r.seed = like->seed;
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(run_once(s) ? 2 : s->r.what[0] != 0);
	if (pid > 0)
		waitpid(pid, &status, 0);
	verdict(s, status, buf, len);
	munmap(s, sizeof(*s));
	return pid > 0 ? 0 : -errno;
}

struct shrinking {
	const struct hostile_run *like;
	char what[256];
};

/* The same mistake: the same words, whatever their numbers. */
static bool same(const char *a, const char *b)
{
	for (;; a++, b++) {
		a += strspn(a, "0123456789");
		b += strspn(b, "0123456789");
		if (*a != *b)
			return false;
		if (!*a)
			return true;
	}
}

static bool shows(void *ctx, const struct fuzz_program *p)
{
	const struct shrinking *sh = ctx;
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC), err = dup(STDERR_FILENO);
	char what[256];
	bool yes;

	if (quiet >= 0 && err >= 0)
		dup2(quiet, STDERR_FILENO); /* of sanitizers, at each candidate */
	yes = !judge(p, sh->like, what, sizeof(what)) && same(what, sh->what);
	if (err >= 0) {
		dup2(err, STDERR_FILENO);
		close(err);
	}
	if (quiet >= 0)
		close(quiet);
	return yes;
}

static void save(const struct fuzz_program *p, const char *path)
{
	FILE *f = path ? fopen(path, "w") : stdout;

	if (!f) {
		fprintf(stderr, "tcmu-harness fuzz: %s: %s\n", path, strerror(errno));
		f = stdout;
	}
	fuzz_print(p, f);
	if (f != stdout)
		fclose(f);
}

static void tell(const struct shared *s, int status, const struct fuzz_hostile_opts *opt)
{
	struct shrinking sh = { .like = &s->r };
	struct fuzz_program p;
	char path[512];

	verdict(s, status, sh.what, sizeof(sh.what));
	printf("not ok - hostile program, seed 0x%" PRIx64 "%s%s: %s\n", s->r.seed,
	       s->r.sanitize ? ", with the sanitizer" : "",
	       s->r.race ? ", with a second thread that stores" : "", sh.what);
	if (fuzz_program_copy(&p, &s->p))
		return;
	if (!shows(&sh, &p))
		printf("# its program alone does not show it again\n");
	else if (opt->shrink)
		fuzz_shrink(&p, shows, &sh, SHRINK_MS);
	if (opt->save)
		snprintf(path, sizeof(path), "%s/hostile-%016" PRIx64 ".fuzz", opt->save,
			 s->r.seed);
	if (opt->save || p.cnt <= PRINTED)
		save(&p, opt->save ? path : NULL);
	else
		printf("# %u operations; --save DIR keeps them\n", p.cnt);
	fuzz_program_free(&p);
}

/* --- all of them ------------------------------------------------------------------------------ */

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sum_up(const struct worker *w, uint32_t n, struct hostile_tally *t)
{
	uint32_t i;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < n; i++)
		add(t, &w[i].s->tally);
}

static void summary(const struct hostile_tally *t, double s)
{
	printf("# hostile: %" PRIu64 " stores (%" PRIu64 " between calls, %" PRIu64
	       " inside them, %" PRIu64 " by a second thread) in %.1f s\n",
	       t->stores + t->racing, t->stores - t->inside, t->inside, t->racing, s);
	printf("# %" PRIu64 " programs (%" PRIu64 " of them twice), %" PRIu64
	       " operations, %" PRIu64 " calls, %" PRIu64 " accesses to the region\n",
	       t->programs, t->twice, t->ops, t->calls, t->looks);
	printf("# %" PRIu64 " commands, %" PRIu64 " ended; %" PRIu64 " answers judged, %" PRIu64
	       " walks foretold, BROKEN %" PRIu64 " times\n",
	       t->commands, t->ended, t->answers, t->checked, t->broken);
}

static void progress(const struct hostile_tally *t, double s)
{
	fprintf(stderr, "\r%" PRIu64 " programs, %.1f million stores, %.0f s ", t->programs,
		(double)t->stores / 1e6, s);
}

/* Until the goal is reached, all have done their share, or one is dead: that one, or @n. */
static uint32_t watch(struct worker *w, uint32_t n, const struct fuzz_hostile_opts *opt,
		      int *status)
{
	double begun = now_s(), s = 0;
	struct hostile_tally t = { 0 };
	uint32_t i, left = n;

	while (left && !*opt->stop && !(opt->stores && t.stores >= opt->stores) &&
	       !(opt->time_ms && s * 1000 >= (double)opt->time_ms)) {
		usleep(100000);
		for (i = 0; i < n; i++) {
			if (w[i].pid <= 0 || waitpid(w[i].pid, status, WNOHANG) != w[i].pid)
				continue;
			w[i].pid = 0;
			if (*status)
				return i;
			left--;
		}
		sum_up(w, n, &t);
		s = now_s() - begun;
		if (isatty(STDERR_FILENO))
			progress(&t, s);
	}
	return n;
}

static void stop_all(struct worker *w, uint32_t n, bool hard)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		__atomic_store_n(&w[i].s->stop, true, __ATOMIC_RELAXED);
		if (w[i].pid > 0 && hard)
			kill(w[i].pid, SIGKILL);
	}
}

/* The first worker that ended badly; @n if none did. */
static uint32_t gather(struct worker *w, uint32_t n, int *bad)
{
	uint32_t i, found = n;
	int status;

	for (i = 0; i < n; i++) {
		if (w[i].pid <= 0 || waitpid(w[i].pid, &status, 0) < 0)
			continue;
		w[i].pid = 0;
		if (status && found == n) {
			found = i;
			*bad = status;
		}
	}
	return found;
}

/* Programs of worker @i of @n. */
static uint64_t share(const struct fuzz_hostile_opts *opt, uint32_t n, uint32_t i)
{
	return opt->programs ? opt->programs / n + (i < opt->programs % n) : UINT64_MAX;
}

int fuzz_hostile(const struct fuzz_hostile_opts *opt)
{
	uint32_t n = opt->jobs, i, bad;
	struct worker w[JOBS_MAX] = { 0 };
	struct hostile_tally t;
	double begun = now_s();
	int status = 0;

	n = n > JOBS_MAX ? JOBS_MAX : n;
	for (i = 0; i < n; i++) {
		w[i].s = shared_new();
		w[i].pid = w[i].s ? start(w[i].s, opt->seed + i, n, share(opt, n, i)) : -1;
		if (w[i].pid < 0) {
			fprintf(stderr, "tcmu-harness fuzz: worker: %s\n", strerror(errno));
			stop_all(w, w[i].s ? i + 1 : i, true);
			return 2;
		}
	}
	bad = watch(w, n, opt, &status);
	stop_all(w, n, bad < n);
	if (bad < n)
		gather(w, n, &(int){ 0 });
	else
		bad = gather(w, n, &status);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	if (*opt->stop) {
		bad = n; /* the signal has come to the workers, too */
		fprintf(stderr, "tcmu-harness fuzz: interrupted\n");
	}
	sum_up(w, n, &t);
	summary(&t, now_s() - begun);
	if (bad < n)
		tell(w[bad].s, status, opt);
	else
		puts("ok - hostile programs");
	for (i = 0; i < n; i++)
		munmap(w[i].s, sizeof(*w[i].s));
	return bad < n;
}

int fuzz_hostile_program(const struct fuzz_program *p)
{
	struct hostile_run like = { .sanitize = false };
	char what[256];
	int i, bad = 0;

	for (i = 0; i < 2; i++) {
		like.sanitize = i;
		if (judge(p, &like, what, sizeof(what)))
			return 2;
		printf("%sok - hostile program, ring sanitizer %s%s%s\n", what[0] ? "not " : "",
		       i ? "on" : "off", what[0] ? ": " : "", what);
		bad |= what[0] != 0;
	}
	return bad;
}
