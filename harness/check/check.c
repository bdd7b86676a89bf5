/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness check`: which handler, which cases, which reports.
 */
#include "../env/env.h"
#include "../target/kernel.h"
#include "check.h"
#include "run.h"
#include "verbs.h"

#include <stdio.h>
#include <unistd.h>

/* A run over one or several handlers. */
struct check {
	struct options opt;
	struct results results;
	const struct target_spec *spec;
	const struct case_def **cases;
	size_t n_cases;
	uint64_t seed;
	char *dir;
	const volatile sig_atomic_t *stop;
	struct kernel_site site;
	bool progress;
};

/* What a handler in another process is asked first. */
static void attaches(struct tc *tc)
{
	static const uint8_t test_unit_ready[6] = { 0 };
	struct target_opts o = TARGET_OPTS;
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	target_io_init(&io, test_unit_ready, sizeof(test_unit_ready), RINGSIM_NONE, NULL, 0);
	EXPECT(tc, "HND-053", target_exec(tc->t, &io) == 0, "TEST UNIT READY was never answered");
}

static const struct case_def attach_case = { "hnd.003.attach",
					     "HND-003",
					     CLAUSE_MUST,
					     0,
					     "the handler takes the device and answers a command",
					     attaches };

static char *replay_line(const struct check *c, const struct case_def *def)
{
	char *who, *line = NULL;
	int n = -1;

	who = subject_said(&c->opt.who, c->spec->label,
			   c->opt.kernel ? KERNEL_TIMEOUT_MS
					 : subject_default_timeout(&c->opt.who));
	if (who)
		n = asprintf(&line, "tcmu-harness check%s %s --case %s --level may --seed %llu",
			     !c->opt.kernel ? ""
			     : c->opt.probe ? " --target kernel --initiator probe"
					    : " --target kernel",
			     who, def->id, (unsigned long long)c->seed);
	free(who);
	return n < 0 ? NULL : line;
}

static bool on_result(void *ctx, const struct case_def *def, struct result *r)
{
	struct check *c = ctx;

	r->handler = strdup(c->spec->label);
	r->id = strdup(def->id);
	r->title = strdup(def->title);
	r->clauses = strdup(def->clauses);
	r->level = clause_level_name(def->level);
	r->replay = r->verdict == VERDICT_FAIL ? replay_line(c, def) : NULL;
	if (c->progress)
		fprintf(stderr, "\r\033[K%s: %zu %s", c->spec->label, c->results.n + 1, def->id);
	return results_add(&c->results, r) == 0;
}

static int run_spec(struct check *c, const struct target_spec *spec)
{
	struct run_plan plan = {
		.spec = spec,
		.cases = c->cases,
		.n = c->n_cases,
		.limit_ms = c->opt.kernel ? 120000
			    : spec->exec  ? (uint32_t)(30000 + 5 * spec->timeout_ms)
					  : 30000,
		.stop = c->stop,
		.on_result = on_result,
		.ctx = c,
	};
	uint64_t i;
	int rc = 0;

	c->spec = spec;
	for (i = 0; i < c->opt.repeat && !rc; i++) {
		c->seed = plan.seed = c->opt.seed + i;
		rc = run_cases(&plan);
	}
	if (rc && rc != -EINTR)
		fprintf(stderr, "tcmu-harness check: cannot run cases: %s\n", strerror(-rc));
	return rc;
}

static int run_handlers(struct check *c, const char *list)
{
	char *copy = strdup(list), *save = NULL, *name;
	int rc = copy ? 0 : -ENOMEM;

	for (name = strtok_r(copy, ",", &save); name && !rc; name = strtok_r(NULL, ",", &save)) {
		struct subject s = { 0 };

		subject_reference(&s, name, c->dir, c->opt.who.timeout_ms);
		s.spec.site = c->opt.kernel ? &c->site : NULL;
		rc = run_spec(c, &s.spec);
		subject_close(&s);
	}
	free(copy);
	return rc;
}

static int run_mutant(struct check *c)
{
	struct subject s = { 0 };
	int rc = subject_mutant(&s, "check", c->opt.who.mutant, c->dir);

	if (!rc)
		rc = run_spec(c, &s.spec);
	subject_close(&s);
	return rc;
}

/*
 * A program that does not even attach and answer would fail every case, slowly: it is asked that
 * first, and nothing else if it fails. A command that the shell cannot find is a usage error, not a
 * verdict.
 */
static int ask_exec(struct check *c, const struct target_spec *spec)
{
	const struct case_def *one = &attach_case, **all = c->cases;
	size_t n = c->n_cases;
	const struct result *r;
	int rc;

	c->cases = &one;
	c->n_cases = 1;
	rc = run_spec(c, spec);
	c->cases = all;
	c->n_cases = n;
	r = c->results.n ? &c->results.v[0] : NULL;
	if (rc || !r)
		return rc;
	if (r->verdict != VERDICT_FAIL)
		return run_spec(c, spec);
	if (r->reason && (strstr(r->reason, "status 127") || strstr(r->reason, "status 126")))
		return usage_error("check", "--exec: '%s' cannot be run: %s", spec->exec,
				   r->reason);
	return 0;
}

static int run_exec(struct check *c)
{
	struct subject s = { 0 };
	int rc = subject_exec(&s, "check", &c->opt.who, c->dir);

	s.spec.site = c->opt.kernel ? &c->site : NULL;
	if (!rc)
		rc = ask_exec(c, &s.spec);
	subject_close(&s);
	return rc;
}

static int write_reports(struct check *c)
{
	bool tty = isatty(1), owns_stdout = true;
	struct report_style style = { .colour = tty && !getenv("NO_COLOR"),
				      .verbose = c->opt.verbose };
	char err[512];
	int rc = 0;

	if (c->opt.baseline && baseline_apply(&c->results, c->opt.baseline, err, sizeof(err))) {
		fprintf(stderr, "tcmu-harness check: --baseline: %s\n", err);
		return EXIT_USAGE;
	}
	if (c->opt.junit)
		rc = report_file(&c->results, c->opt.junit, report_junit, err, sizeof(err));
	if (c->opt.json) /* now: what the run did to the kernel (taint) is to be seen */
		c->results.env = env_now();
	if (!rc && c->opt.json)
		rc = report_file(&c->results, c->opt.json, report_json, err, sizeof(err));
	if (rc) {
		fprintf(stderr, "tcmu-harness check: %s\n", err);
		return EXIT_USAGE;
	}
	if ((c->opt.junit && !strcmp(c->opt.junit, "-")) ||
	    (c->opt.json && !strcmp(c->opt.json, "-")))
		owns_stdout = false;
	if (c->opt.tap)
		rc = report_tap(&c->results, stdout);
	else if (owns_stdout)
		rc = report_text(&c->results, stdout, &style);
	if (rc || fflush(stdout)) {
		fprintf(stderr, "tcmu-harness check: cannot write the report: %s\n",
			strerror(rc ? -rc : errno));
		return EXIT_USAGE;
	}
	return results_exit_status(&c->results);
}

static int run_check(struct check *c)
{
	struct case_filter filter = { .cases = c->opt.cases,
				      .clause = c->opt.clause,
				      .level = c->opt.level,
				      .probe = c->opt.who.exec ? &attach_case : NULL };
	char err[400];
	int rc = select_cases(&filter, &c->cases, &c->n_cases);

	if (rc)
		return rc;
	c->dir = workdir_make("check");
	if (!c->dir)
		return EXIT_USAGE;
	c->progress = isatty(2) && !c->opt.tap;
	if (c->opt.kernel && kernel_site_make(&c->site, c->opt.probe ? KERNEL_PROBE : KERNEL_ISCSI,
					      err, sizeof(err))) {
		fprintf(stderr, "tcmu-harness check: --target kernel: %s\n", err);
		return EXIT_USAGE;
	}
	if (c->opt.who.exec)
		rc = run_exec(c);
	else if (c->opt.who.mutant)
		rc = run_mutant(c);
	else
		rc = run_handlers(c, c->opt.who.handlers ? c->opt.who.handlers : "memory");
	if (c->progress)
		fprintf(stderr, "\r\033[K");
	if (rc == -EINTR)
		fprintf(stderr, "tcmu-harness check: interrupted\n");
	if (rc)
		return EXIT_USAGE;
	return write_reports(c);
}

int verb_check(int argc, char **argv, const volatile sig_atomic_t *stop)
{
	struct check c = { .stop = stop,
			   .opt = { .level = CLAUSE_SHOULD, .seed = 1, .repeat = 1 } };
	int rc = check_options(&c.opt, argc, argv);

	if (rc >= 0)
		return rc;
	if (c.opt.mutants)
		return check_mutants(c.opt.mutants, c.opt.seed, c.opt.verbose, stop);
	rc = run_check(&c);
	kernel_site_remove(&c.site);
	workdir_remove(c.dir);
	results_free(&c.results);
	free(c.cases);
	return rc;
}
