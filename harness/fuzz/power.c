/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness fuzz --mutants DIR`: how long until each of the broken handlers is found out, by
 * programs alone, from several seeds.
 *
 * A mutant is found by a seed when a program of its run fails that does not fail in the same way
 * with the unbroken handler; that is the clause found. It need not be the one that the mutant was
 * made to break: one line of a handler may break several.
 */
#include "fuzz.h"
#include "shrinkage.h"

#include "../check/child.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SEEDS_MAX 1000
#define STORE_MS  2000 /* of files in a private directory nobody waits for that long */

/* One mutant with one seed; @ms is UINT64_MAX if it was not found. */
struct attempt {
	uint64_t programs, commands, ms;
	char clause[16], reason[160];
};

struct mutant {
	char name[256];
	struct mutant_about about;
	struct attempt *v; /* one for each seed */
	uint64_t median_ms, median_programs;
	unsigned int found, exact;
	struct shrinkage shrinkage; /* with --shrink */
};

struct power {
	const struct fuzz_options *o;
	const volatile sig_atomic_t *stop;
	const char *dir, *spare;
	struct mutant *v;
	size_t n;
	uint64_t limit_ms;
	struct attempt *now;
	struct finding caught;
	struct trial_plan unbroken; /* .spec is NULL for the unbroken handler itself */
};

static bool is_everywhere(const struct power *p, const struct finding *f)
{
	struct finding same = { 0 };
	bool everywhere;

	if (!p->unbroken.spec || !trial_apart(&p->unbroken, &f->program, f->seed, &same))
		return false;
	everywhere = finding_same(f, &same);
	free(same.detail);
	return everywhere;
}

static bool found(void *ctx, struct finding *f)
{
	struct power *p = ctx;

	if (is_everywhere(p, f)) {
		finding_free(f);
		return true;
	}
	snprintf(p->now->clause, sizeof(p->now->clause), "%s",
		 f->kind == FINDING_CRASH  ? "crash"
		 : f->kind == FINDING_HANG ? "hang"
		 : f->clause[0]		   ? f->clause
					   : "none");
	snprintf(p->now->reason, sizeof(p->now->reason), "%.150s", f->reason);
	p->now->programs = f->number + 1;
	if (p->o->shrink)
		p->caught = *f;
	else
		finding_free(f);
	return false;
}

static int attempt(struct power *p, const struct target_spec *spec, uint64_t seed,
		   struct attempt *a)
{
	const struct fuzz_options *o = p->o;
	uint64_t start = child_now_ms();
	struct crew crew = { .spec = spec,
			     .limits = fuzz_limits_for(o),
			     .watch = watch_limits_for(spec),
			     .oracles = o->oracles,
			     .jobs = (unsigned int)o->jobs,
			     .seed = seed,
			     .shards = 1,
			     .runs = o->runs,
			     .end_ms = start + p->limit_ms,
			     .stop = p->stop,
			     .spare = p->spare,
			     .repeats = true,
			     .found = found,
			     .ctx = p };
	int rc;

	p->now = a;
	rc = crew_run(&crew);
	a->commands = crew.stats.commands;
	a->ms = child_now_ms() - start;
	if (!a->clause[0] || a->ms > p->limit_ms) { /* too late is not found */
		a->ms = UINT64_MAX;
		a->clause[0] = 0;
		a->programs = crew.stats.programs;
	}
	return rc;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t median(uint64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_number);
	return v[n / 2];
}

static void sum_up(struct mutant *m, size_t seeds)
{
	uint64_t ms[SEEDS_MAX] = { 0 }, programs[SEEDS_MAX] = { 0 };

	for (size_t i = 0; i < seeds; i++) {
		const struct attempt *a = &m->v[i];

		ms[i] = a->ms;
		programs[i] = a->ms == UINT64_MAX ? UINT64_MAX : a->programs;
		m->found += a->ms != UINT64_MAX;
		m->exact += !strcmp(a->clause, m->about.clause);
	}
	m->median_ms = median(ms, seeds);
	m->median_programs = median(programs, seeds);
}

/* The clauses found, each once. */
static void clauses_found(const struct mutant *m, size_t seeds, char *buf, size_t len)
{
	size_t used = 0;

	buf[0] = 0;
	for (size_t i = 0; i < seeds; i++)
		if (m->v[i].clause[0] && !strstr(buf, m->v[i].clause) && used < len)
			used += (size_t)snprintf(buf + used, len - used, "%s%s", used ? " " : "",
						 m->v[i].clause);
}

/* By enum shrinkage_noise. */
static const char *const noises[] = { "wild", "calm", "idle" };

/* As short as the best that is known, give or take two operations, and soon. */
static bool is_short(const struct shrinkage *s)
{
	return s->from && s->to <= s->best + 2 && s->cpu_ms < 10000;
}

static void tell_shrinkage(const struct mutant *m)
{
	const struct shrinkage *s = &m->shrinkage;

	if (!s->from)
		printf("%-42s %-8s %s\n", m->name, m->about.clause,
		       !m->found ? "was not found" : "no long program shows it");
	else
		printf("%-42s %-8s %5u %5u %5u %7.2f %7.2f  %s%s\n", m->name, s->clause, s->best,
		       s->from, s->to, (double)s->cpu_ms / 1000, (double)s->ms / 1000,
		       noises[s->noise], is_short(s) ? "" : "  LONG");
	fflush(stdout);
}

static void tell(const struct mutant *m, size_t seeds)
{
	char clauses[128], count[24] = "-", seconds[24] = "-";

	clauses_found(m, seeds, clauses, sizeof(clauses));
	if (m->median_ms != UINT64_MAX) {
		snprintf(count, sizeof(count), "%llu", (unsigned long long)m->median_programs);
		snprintf(seconds, sizeof(seconds), "%.2f", (double)m->median_ms / 1000);
	}
	printf("%-42s %-8s %u/%zu %8s %8s  %s\n", m->name, m->about.clause, m->found, seeds, count,
	       seconds, m->found ? clauses : m->about.why);
	fflush(stdout);
}

static void measure_shrinkage(struct power *p, struct mutant *m, struct target_spec *spec,
			      struct finding *v, size_t n)
{
	const struct trial_plan plan = { .spec = spec,
					 .oracles = p->o->oracles,
					 .limits = watch_limits_for(spec) };
	const struct fuzz_limits lim = fuzz_limits_for(p->o);

	if (n)
		shrinkage_measure(&m->shrinkage, &plan, v, n, p->o->seed, &lim);
}

static void free_findings(struct finding *v, size_t n)
{
	while (n)
		finding_free(&v[--n]);
	free(v);
}

static int one_mutant(struct power *p, struct mutant *m)
{
	size_t seeds = p->o->seeds, missed = 0;
	struct subject s = { 0 }, unbroken = { 0 };
	struct finding *caught = p->o->shrink ? calloc(seeds, sizeof(*caught)) : NULL;
	size_t n = 0;
	int rc = 0;

	m->v = calloc(seeds, sizeof(*m->v));
	if (!m->v)
		return usage_error("fuzz", "out of memory");
	if (!mutant_about(&m->about, "fuzz", p->o->mutants, m->name) ||
	    subject_load(&s, "fuzz", p->o->mutants, m->name, p->dir))
		rc = EXIT_USAGE;
	s.spec.cache = &s.cache;
	s.spec.io_ms = STORE_MS;
	subject_reference(&unbroken, m->about.engine, p->dir, 2000);
	p->unbroken = (struct trial_plan){ .spec = &unbroken.spec,
					   .oracles = p->o->oracles,
					   .limits = watch_limits_for(&unbroken.spec) };
	for (size_t i = 0; i < seeds && !rc; i++) {
		/* when most have missed it the median has, too: the others need not try */
		if (2 * missed > seeds) {
			m->v[i].ms = UINT64_MAX;
			continue;
		}
		p->caught = (struct finding){ 0 };
		rc = attempt(p, &s.spec, p->o->seed + i, &m->v[i]);
		missed += m->v[i].ms == UINT64_MAX;
		if (p->caught.program.ops && caught)
			caught[n++] = p->caught;
	}
	if (!rc && caught)
		measure_shrinkage(p, m, &s.spec, caught, n);
	free_findings(caught, n);
	subject_close(&s);
	subject_close(&unbroken);
	if (rc < 0 && rc != -EINTR)
		rc = usage_error("fuzz", "no workers: %s", strerror(-rc));
	if (rc)
		return rc;
	sum_up(m, seeds);
	if (p->o->shrink)
		tell_shrinkage(m);
	else
		tell(m, seeds);
	return 0;
}

/* The unbroken handler, as long as a mutant may take: what is found there, is found everywhere. */
static int control(struct power *p)
{
	struct subject s = { 0 };
	struct attempt a = { 0 };
	int rc;

	subject_reference(&s, "memory", p->dir, 2000);
	rc = attempt(p, &s.spec, p->o->seed, &a);
	subject_close(&s);
	if (!rc && a.ms != UINT64_MAX)
		printf("%-42s BROKEN: %s: %s\n", "(unbroken)", a.clause, a.reason);
	else if (!rc)
		printf("%-42s nothing found in %llu programs\n", "(unbroken)",
		       (unsigned long long)a.programs);
	fflush(stdout);
	return rc ? rc : a.ms != UINT64_MAX;
}

static json_t *mutant_json(const struct mutant *m, size_t seeds)
{
	json_t *tries = json_array();

	for (size_t i = 0; i < seeds; i++) {
		const struct attempt *a = &m->v[i];

		if (a->ms == UINT64_MAX)
			json_array_append_new(tries, json_pack("{s:b, s:I}", "found", 0, "programs",
							       (json_int_t)a->programs));
		else
			json_array_append_new(tries,
					      json_pack("{s:b, s:I, s:I, s:I, s:s, s:s%}", "found",
							1, "programs", (json_int_t)a->programs,
							"commands", (json_int_t)a->commands, "ms",
							(json_int_t)a->ms, "clause", a->clause,
							"reason", a->reason, strlen(a->reason)));
	}
	return json_pack("{s:s, s:s, s:i, s:i, s:o}", "mutant", m->name, "clause", m->about.clause,
			 "found", (int)m->found, "by_its_clause", (int)m->exact, "tries", tries);
}

static json_t *shrinkage_json(const struct mutant *m)
{
	const struct shrinkage *s = &m->shrinkage;

	if (!s->from)
		return json_pack("{s:s, s:b}", "mutant", m->name, "found", m->found != 0);
	return json_pack("{s:s, s:b, s:s, s:s, s:i, s:i, s:i, s:I, s:I}", "mutant", m->name,
			 "found", 1, "clause", s->clause, "noise", noises[s->noise], "best",
			 (int)s->best, "from", (int)s->from, "to", (int)s->to, "cpu_ms",
			 (json_int_t)s->cpu_ms, "ms", (json_int_t)s->ms);
}

/* 0 if all that was found became short. */
static int sum_shrinkage(const struct power *p)
{
	size_t found = 0, brief = 0;
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++) {
		found += p->v[i].found != 0;
		brief += is_short(&p->v[i].shrinkage);
		json_array_append_new(list, shrinkage_json(&p->v[i]));
	}
	printf("%zu mutants, %zu found: %zu of them become as short as the best known, or 2 "
	       "operations longer, within 10 s of a processor\n",
	       p->n, found, brief);
	if (p->o->json && fuzz_write_json(p->o->json, json_pack("{s:o}", "mutants", list)))
		return EXIT_USAGE;
	if (!p->o->json)
		json_decref(list);
	return brief == found ? EXIT_OK : EXIT_FAILED;
}

/* 0 if each was found by the median seed. */
static int sum_all(struct power *p)
{
	uint64_t *ms = calloc(p->n + 1, sizeof(*ms));
	size_t missed = 0, always = 0, exact = 0;
	json_t *list = json_array();
	int rc = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct mutant *m = &p->v[i];

		if (ms)
			ms[i] = m->median_ms;
		missed += m->median_ms == UINT64_MAX;
		always += m->found == p->o->seeds;
		exact += m->exact != 0;
		json_array_append_new(list, mutant_json(m, p->o->seeds));
	}
	printf("%zu mutants, %llu seeds from %llu on: median found %zu, by every seed %zu, by its "
	       "own clause %zu, missed %zu",
	       p->n, (unsigned long long)p->o->seeds, (unsigned long long)p->o->seed, p->n - missed,
	       always, exact, missed);
	if (ms && median(ms, p->n) != UINT64_MAX)
		printf("; median of medians %.2f s", (double)ms[p->n / 2] / 1000);
	putchar('\n');
	free(ms);
	if (p->o->json)
		rc = fuzz_write_json(p->o->json,
				     json_pack("{s:I, s:I, s:I, s:o}", "seed",
					       (json_int_t)p->o->seed, "seeds",
					       (json_int_t)p->o->seeds, "limit_ms",
					       (json_int_t)p->limit_ms, "mutants", list));
	else
		json_decref(list);
	return rc ? rc : missed ? EXIT_FAILED : EXIT_OK;
}

static int run_all(struct power *p)
{
	int rc = p->o->shrink ? 0 : control(p), bad = rc;

	if (p->o->shrink)
		printf("%-42s %-8s %5s %5s %5s %7s %7s  %s\n", "mutant", "clause", "best", "from",
		       "to", "cpu s", "seconds", "noise");
	else
		printf("%-42s %-8s %s %8s %8s  %s\n", "mutant", "clause", "found", "programs",
		       "seconds", "clauses found");
	for (size_t i = 0; i < p->n && bad >= 0; i++) {
		rc = one_mutant(p, &p->v[i]);
		if (rc)
			break;
	}
	if (rc < 0 || bad < 0) {
		fprintf(stderr, "tcmu-harness fuzz: interrupted\n");
		return EXIT_USAGE;
	}
	if (rc == EXIT_USAGE)
		return rc;
	rc = p->o->shrink ? sum_shrinkage(p) : sum_all(p);
	return rc ? rc : bad;
}

static int is_so(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 3 && n < 256 && !strcmp(e->d_name + n - 3, ".so");
}

int fuzz_mutants(const struct fuzz_options *o, const volatile sig_atomic_t *stop)
{
	struct power p = { .o = o, .stop = stop };
	char spare[PROCESS_CHILDREN_MAX], *dir;
	struct dirent **list = NULL;
	int n = scandir(o->mutants, &list, is_so, alphasort), rc = EXIT_USAGE, i;

	if (n <= 0)
		return usage_error("fuzz",
				   "--mutants: no mutants in %s%s%s; `make mutants` builds them",
				   o->mutants, n < 0 ? ": " : "", n < 0 ? strerror(errno) : "");
	p.limit_ms = o->time_ms ? o->time_ms : MUTANT_TIME_MS;
	p.v = calloc((size_t)n, sizeof(*p.v));
	p.n = p.v ? (size_t)n : 0;
	for (i = 0; i < n; i++) {
		if (p.v)
			snprintf(p.v[i].name, sizeof(p.v[i].name), "%.*s",
				 (int)strlen(list[i]->d_name) - 3, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	process_children(spare, sizeof(spare));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	p.spare = spare;
	p.dir = dir = workdir_make("fuzz");
	if (p.v && dir)
		rc = run_all(&p);
	workdir_remove(dir);
	for (size_t k = 0; k < p.n; k++)
		free(p.v[k].v);
	free(p.v);
	return rc;
}
