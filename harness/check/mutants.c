/* SPDX-License-Identifier: MIT */
/*
 * `check --mutants DIR`: does the suite notice?
 *
 * Every NAME.so in DIR is a handler with one line changed; NAME.mutant beside it says which clause
 * that breaks. A mutant is killed by a case that fails and names that clause, as the clause it
 * proves or the one that it saw broken. Cases that name it run first; the first such failure ends
 * the mutant's run. A mutant that only other cases notice is not killed: the author would be sent
 * to the wrong place.
 */
#include "run.h"
#include "subject.h"
#include "verbs.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#define LIMIT_MS 5000

struct mutant_run {
	const char *name;
	struct mutant_about about;
	char killer[96], seen[96];
	char killer_reason[160];
	size_t ran;
};

static bool names(const struct case_def *def, const char *clause)
{
	return clause_list_match(clause, def->clauses);
}

static bool on_result(void *ctx, const struct case_def *def, struct result *r)
{
	struct mutant_run *m = ctx;
	bool hit = r->verdict == VERDICT_FAIL &&
		   (names(def, m->about.clause) ||
		    (r->clause && !strcmp(r->clause, m->about.clause)));

	m->ran++;
	if (hit) {
		snprintf(m->killer, sizeof(m->killer), "%s", def->id);
		snprintf(m->killer_reason, sizeof(m->killer_reason), "%.150s",
			 r->reason ? r->reason : "");
	} else if (r->verdict == VERDICT_FAIL && !m->seen[0]) {
		snprintf(m->seen, sizeof(m->seen), "%s", def->id);
	}
	free(r->reason);
	free(r->detail);
	free(r->clause);
	return !hit;
}

/* Cases about handlers, those that name @clause first. */
static const struct case_def **order_cases(const char *clause, size_t *n)
{
	const struct case_def **v = calloc(case_count() + 1, sizeof(*v));
	size_t i;
	int pass;

	*n = 0;
	for (pass = 0; v && pass < 2; pass++) {
		for (i = 0; i < case_count(); i++) {
			const struct case_def *def = case_at(i);

			if (def->needs & (NEEDS_SEAT | NEEDS_PROCESS | NEEDS_KERNEL))
				continue;
			if (names(def, clause) == !pass)
				v[(*n)++] = def;
		}
	}
	return v;
}

static int run_spec(const struct target_spec *spec, struct mutant_run *m, uint64_t seed,
		    const volatile sig_atomic_t *stop)
{
	struct run_plan plan = { .spec = spec,
				 .seed = seed,
				 .limit_ms = LIMIT_MS,
				 .stop = stop,
				 .on_result = on_result,
				 .ctx = m };
	int rc;

	plan.cases = order_cases(m->about.clause, &plan.n);
	if (!plan.cases)
		return -ENOMEM;
	rc = run_cases(&plan);
	free(plan.cases);
	return rc;
}

static int run_so(const char *so_dir, const char *dir, struct mutant_run *m, uint64_t seed,
		  const volatile sig_atomic_t *stop)
{
	struct subject s = { 0 };
	int rc = subject_load(&s, "check", so_dir, m->name, dir);

	if (!rc && !mutant_about(&m->about, "check", so_dir, m->name))
		rc = -EINVAL;
	if (!rc)
		rc = run_spec(&s.spec, m, seed, stop);
	subject_close(&s);
	return rc;
}

static int is_so(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 3 && !strcmp(e->d_name + n - 3, ".so");
}

/* The unbroken handler: nothing may kill it, or kills mean nothing. */
static int run_control(const char *dir, uint64_t seed, const volatile sig_atomic_t *stop)
{
	struct mutant_run m = { .name = "unbroken", .about.clause = "*" };
	struct subject s = { 0 };
	int rc;

	subject_reference(&s, "memory", dir, 2000);
	rc = run_spec(&s.spec, &m, seed, stop);
	subject_close(&s);
	if (rc)
		return rc;
	if (!m.killer[0] && !m.seen[0]) {
		printf("%-34s %-8s survives all %zu cases\n", m.name, "", m.ran);
		return 0;
	}
	printf("%-34s %-8s KILLED by %s: %s\n", m.name, "", m.killer[0] ? m.killer : m.seen,
	       m.killer_reason);
	return 1;
}

static int run_all(struct dirent **list, int n, const char *so_dir, const char *dir, uint64_t seed,
		   bool verbose, const volatile sig_atomic_t *stop)
{
	int i, rc, killed = 0, bad = run_control(dir, seed, stop);

	for (i = 0; i < n && bad >= 0; i++) {
		struct mutant_run m = { .name = list[i]->d_name };

		list[i]->d_name[strlen(list[i]->d_name) - 3] = 0;
		rc = run_so(so_dir, dir, &m, seed, stop);
		if (rc)
			return rc;
		if (m.killer[0]) {
			killed++;
			printf("%-34s %-8s killed by %s\n", m.name, m.about.clause, m.killer);
			if (verbose)
				printf("    %s: %s\n", m.about.why, m.killer_reason);
			fflush(stdout);
			continue;
		}
		if (m.seen[0])
			printf("%-34s %-8s SURVIVED its clause (%s): only %s noticed\n", m.name,
			       m.about.clause, m.about.why, m.seen);
		else
			printf("%-34s %-8s SURVIVED (%s)\n", m.name, m.about.clause, m.about.why);
		fflush(stdout);
	}
	if (bad < 0)
		return bad;
	printf("%d mutants: %d killed, %d survived\n", n, killed, n - killed);
	return bad || killed != n;
}

int check_mutants(const char *so_dir, uint64_t seed, bool verbose,
		  const volatile sig_atomic_t *stop)
{
	struct dirent **list = NULL;
	int n = scandir(so_dir, &list, is_so, alphasort), rc = EXIT_USAGE, i;
	char *dir = NULL;

	if (n <= 0)
		return usage_error("check",
				   "--mutants: no mutants in %s%s%s; `make mutants` builds them",
				   so_dir, n < 0 ? ": " : "", n < 0 ? strerror(errno) : "");
	dir = workdir_make("check");
	if (dir) {
		rc = run_all(list, n, so_dir, dir, seed, verbose, stop);
		rc = rc < 0 ? EXIT_USAGE : rc;
	}
	workdir_remove(dir);
	for (i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return rc;
}
