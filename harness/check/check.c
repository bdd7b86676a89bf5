/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness check`: which handler, which cases, which reports.
 */
#include "../target/kernel.h"
#include "run.h"
#include "verbs.h"

#include <dlfcn.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define TIMEOUT_MS	  2000
#define KERNEL_TIMEOUT_MS 10000 /* it may be an emulated machine */

struct options {
	const char *handlers, *mutant, *mutants, *exec, *clause, *cases, *junit, *json, *baseline;
	enum clause_level level;
	uint64_t seed, repeat, timeout_ms;
	bool tap, verbose, persistent, kernel;
};

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

static const char help[] =
	"Usage: tcmu-harness check [OPTION]...\n"
	"Judge a TCMU handler, clause by clause, on the simulated kernel or on this one.\n"
	"\n"
	"Which kernel:\n"
	"  --target sim       simulated; time is virtual, every store is watched (default)\n"
	"  --target kernel    the running kernel's TCMU, over iSCSI on 127.0.0.1; needs root. CMD of\n"
	"                     --exec finds the device's name, uioN, in TCMU_UIO or in place of %u.\n"
	"                     Objects in configfs that it did not make are left alone\n"
	"\n"
	"Which handler:\n"
	"  --handler LIST     reference handlers: memory, psync, libaio, io_uring, or several\n"
	"                     separated by commas (default: memory)\n"
	"  --exec 'CMD ...'   any program: started with TCMU_ATTACH=SOCKET in its environment\n"
	"  --persistent       what CMD stored survives its death (more restart cases apply)\n"
	"  --timeout-ms N     real time that CMD has to answer a command (default 2000); 2.5 times\n"
	"                     as much to attach\n"
	"  --mutant NAME      a deliberately broken handler, see `tcmu-harness list --mutants`\n"
	"  --mutants DIR      all of them in DIR: which case kills each\n"
	"\n"
	"Which cases:\n"
	"  --level LEVEL      must, should or may: the weakest clauses to ask for (default should)\n"
	"  --clause GLOB      cases that prove a clause such as 'HND-01*' (comma-separated list)\n"
	"  --case GLOB        cases with such an id (comma-separated list)\n"
	"  --seed N           seed of everything random (default 1); the same seed gives the same run\n"
	"  --repeat N         run N times with seeds N, N+1, ... (default 1)\n"
	"\n"
	"Reports:\n"
	"  --tap              TAP 14 on standard output instead of text\n"
	"  --junit FILE       JUnit XML as well; - is standard output\n"
	"  --json FILE        JSON as well; - is standard output\n"
	"  --baseline FILE    failures that are known, with reason and date\n"
	"  --verbose          list passed cases, too\n"
	"\n"
	"Exit status: 0 all good, 1 failures, 2 usage or set-up error, 77 nothing ran.\n";

enum {
	O_TARGET = 256,
	O_HANDLER,
	O_MUTANT,
	O_MUTANTS,
	O_EXEC,
	O_PERSISTENT,
	O_TIMEOUT,
	O_LEVEL,
	O_CLAUSE,
	O_CASE,
	O_SEED,
	O_REPEAT,
	O_TAP,
	O_JUNIT,
	O_JSON,
	O_BASELINE,
	O_VERBOSE,
	O_HELP
};

static const struct option long_options[] = {
	{ "target", required_argument, NULL, O_TARGET },
	{ "handler", required_argument, NULL, O_HANDLER },
	{ "mutant", required_argument, NULL, O_MUTANT },
	{ "mutants", required_argument, NULL, O_MUTANTS },
	{ "exec", required_argument, NULL, O_EXEC },
	{ "persistent", no_argument, NULL, O_PERSISTENT },
	{ "timeout-ms", required_argument, NULL, O_TIMEOUT },
	{ "level", required_argument, NULL, O_LEVEL },
	{ "clause", required_argument, NULL, O_CLAUSE },
	{ "case", required_argument, NULL, O_CASE },
	{ "seed", required_argument, NULL, O_SEED },
	{ "repeat", required_argument, NULL, O_REPEAT },
	{ "tap", no_argument, NULL, O_TAP },
	{ "junit", required_argument, NULL, O_JUNIT },
	{ "json", required_argument, NULL, O_JSON },
	{ "baseline", required_argument, NULL, O_BASELINE },
	{ "verbose", no_argument, NULL, O_VERBOSE },
	{ "help", no_argument, NULL, O_HELP },
	{ NULL, 0, NULL, 0 },
};

static int parse_number(const char *name, const char *text, uint64_t min, uint64_t max,
			uint64_t *out)
{
	if (parse_u64(text, out) && *out >= min && *out <= max)
		return 0;
	return usage_error("check", "--%s: expected a number from %llu to %llu, found '%s'", name,
			   (unsigned long long)min, (unsigned long long)max, text);
}

static int parse_level(const char *text, enum clause_level *level)
{
	static const char *const names[] = { "must", "should", "may" };
	int i;

	for (i = 0; i < 3; i++) {
		if (!strcasecmp(text, names[i])) {
			*level = (enum clause_level)i;
			return 0;
		}
	}
	return usage_error("check", "--level: expected must, should or may, found '%s'", text);
}

static int set_option(struct options *o, int c)
{
	switch (c) {
	case O_TARGET:
		o->kernel = !strcmp(optarg, "kernel");
		if (o->kernel || !strcmp(optarg, "sim"))
			return 0;
		return usage_error("check", "--target: expected sim or kernel, found '%s'", optarg);
	case O_HANDLER:
		o->handlers = optarg;
		return 0;
	case O_MUTANT:
		o->mutant = optarg;
		return 0;
	case O_MUTANTS:
		o->mutants = optarg;
		return 0;
	case O_EXEC:
		o->exec = optarg;
		return 0;
	case O_PERSISTENT:
		o->persistent = true;
		return 0;
	case O_TIMEOUT:
		return parse_number("timeout-ms", optarg, 10, 600000, &o->timeout_ms);
	case O_LEVEL:
		return parse_level(optarg, &o->level);
	case O_CLAUSE:
		o->clause = optarg;
		return 0;
	case O_CASE:
		o->cases = optarg;
		return 0;
	case O_SEED:
		return parse_number("seed", optarg, 0, UINT64_MAX, &o->seed);
	case O_REPEAT:
		return parse_number("repeat", optarg, 1, 1000000, &o->repeat);
	case O_TAP:
		o->tap = true;
		return 0;
	case O_JUNIT:
		o->junit = optarg;
		return 0;
	case O_JSON:
		o->json = optarg;
		return 0;
	case O_BASELINE:
		o->baseline = optarg;
		return 0;
	case O_VERBOSE:
		o->verbose = true;
		return 0;
	}
	return usage_error("check", "unusable option");
}

static int check_conflicts(const struct options *o, int argc, char **argv)
{
	int stdouts = o->tap + (o->junit && !strcmp(o->junit, "-")) +
		      (o->json && !strcmp(o->json, "-"));

	if (optind < argc)
		return usage_error("check", "unexpected argument '%s'", argv[optind]);
	if (!!o->handlers + !!o->exec + !!o->mutant + !!o->mutants > 1)
		return usage_error("check",
				   "only one of --handler, --exec, --mutant and --mutants");
	if (o->kernel && (o->mutant || o->mutants))
		return usage_error("check", "mutants are for --target sim");
	if (o->handlers && !o->handlers[strspn(o->handlers, ",")])
		return usage_error("check", "--handler: expected a handler, found nothing");
	if (o->exec && !o->exec[strspn(o->exec, " \t")])
		return usage_error("check", "--exec: expected a command, found nothing");
	if (stdouts > 1)
		return usage_error("check", "only one report can go to standard output");
	return 0;
}

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

static char *quoted(const char *text)
{
	char *out = malloc(strlen(text) * 4 + 3), *p = out;

	if (!out)
		return NULL;
	*p++ = '\'';
	for (; *text; text++) {
		if (*text == '\'') {
			memcpy(p, "'\\''", 4);
			p += 4;
		} else {
			*p++ = *text;
		}
	}
	*p++ = '\'';
	*p = 0;
	return out;
}

static char *replay_line(const struct check *c, const struct case_def *def)
{
	char *exec = c->spec->exec ? quoted(c->spec->exec) : NULL, *line = NULL, timeout[40] = "";
	const char *target = c->opt.kernel ? " --target kernel" : "";
	int n;

	if (c->opt.timeout_ms != (c->opt.kernel ? KERNEL_TIMEOUT_MS : TIMEOUT_MS))
		snprintf(timeout, sizeof(timeout), " --timeout-ms %llu",
			 (unsigned long long)c->opt.timeout_ms);
	if (exec)
		n = asprintf(&line,
			     "tcmu-harness check%s --exec %s%s%s --case %s --level may "
			     "--seed %llu",
			     target, exec, c->spec->persistent ? " --persistent" : "", timeout,
			     def->id, (unsigned long long)c->seed);
	else
		n = asprintf(&line,
			     "tcmu-harness check%s --%s %s --case %s --level may --seed %llu",
			     target, c->opt.mutant ? "mutant" : "handler",
			     c->opt.mutant ? c->opt.mutant : c->spec->label, def->id,
			     (unsigned long long)c->seed);
	free(exec);
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

/* Every name of the list is one of ours; found out before anything runs. */
static int check_handlers(const char *list)
{
	static const char *const known[] = { "memory", "psync", "libaio", "io_uring" };
	char *copy = strdup(list), *save = NULL, *name;
	int rc = 0, n = 0, i;

	for (name = strtok_r(copy, ",", &save); name && !rc; name = strtok_r(NULL, ",", &save)) {
		for (i = 0; i < 4 && strcmp(known[i], name); i++)
			;
		n++;
		if (i == 4)
			rc = usage_error("check",
					 "--handler: expected memory, psync, libaio or io_uring, "
					 "found '%s'",
					 name);
	}
	if (!n)
		rc = usage_error("check", "--handler: expected a handler, found nothing");
	free(copy);
	return rc;
}

static int run_handlers(struct check *c, const char *list)
{
	char *copy = strdup(list), *save = NULL, *name, *program = beside_program("tcmu-handler");
	int rc = check_handlers(list);

	if (program && access(program, X_OK)) {
		free(program);
		program = NULL;
	}
	for (name = strtok_r(copy, ",", &save); name && !rc; name = strtok_r(NULL, ",", &save)) {
		struct store_cache cache = { 0 };
		struct target_spec spec = { .label = name,
					    .cache = &cache,
					    .api = tcmu_handler_api(),
					    .engine = name,
					    .program = program,
					    .tmpdir = c->dir,
					    .site = c->opt.kernel ? &c->site : NULL,
					    .timeout_ms = (uint32_t)c->opt.timeout_ms };

		rc = run_spec(c, &spec);
	}
	free(copy);
	free(program);
	return rc;
}

static int run_mutant(struct check *c)
{
	struct target_spec spec = { .tmpdir = c->dir, .timeout_ms = 2000 };
	const struct handler_api *(*entry)(void);
	char name[300], *path, *label = NULL, *header;
	void *so;
	int rc = EXIT_USAGE;

	snprintf(name, sizeof(name), "mutants/%s.so", c->opt.mutant);
	path = beside_program(name);
	snprintf(name, sizeof(name), "mutants/%s.mutant", c->opt.mutant);
	header = beside_program(name);
	spec.engine = header ? mutant_engine(header) : NULL;
	so = path && !strchr(c->opt.mutant, '/') ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	entry = so ? (const struct handler_api *(*)(void))dlsym(so, "tcmu_handler_api") : NULL;
	if (!spec.engine || !entry || entry()->version != HANDLER_API_VERSION) {
		usage_error("check", "--mutant: no mutant '%s' at %s; `make mutants` builds them",
			    c->opt.mutant, path ? path : name);
	} else if (asprintf(&label, "mutant:%s", c->opt.mutant) >= 0) {
		spec.label = label;
		spec.api = entry();
		rc = run_spec(c, &spec);
	}
	if (so)
		dlclose(so);
	free(label);
	free(header);
	free(path);
	return rc;
}

/*
 * A program that does not even attach and answer would fail every case, slowly: it is asked that
 * first, and nothing else if it fails. A command that the shell cannot find is a usage error, not a
 * verdict.
 */
static int run_exec(struct check *c)
{
	const struct case_def *one = &attach_case, **all = c->cases;
	struct target_spec spec = { .label = c->opt.exec,
				    .exec = c->opt.exec,
				    .tmpdir = c->dir,
				    .persistent = c->opt.persistent,
				    .site = c->opt.kernel ? &c->site : NULL,
				    .timeout_ms = (uint32_t)c->opt.timeout_ms };
	size_t n = c->n_cases;
	const struct result *r;
	int rc;

	c->cases = &one;
	c->n_cases = 1;
	rc = run_spec(c, &spec);
	c->cases = all;
	c->n_cases = n;
	r = c->results.n ? &c->results.v[0] : NULL;
	if (rc || !r)
		return rc;
	if (r->verdict == VERDICT_FAIL) {
		if (r->reason &&
		    (strstr(r->reason, "status 127") || strstr(r->reason, "status 126")))
			return usage_error("check", "--exec: '%s' cannot be run: %s", c->opt.exec,
					   r->reason);
		return 0;
	}
	return run_spec(c, &spec);
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
				      .probe = c->opt.exec ? &attach_case : NULL };
	char err[400];
	int rc = select_cases(&filter, &c->cases, &c->n_cases);

	if (rc)
		return rc;
	c->dir = workdir_make("check");
	if (!c->dir)
		return EXIT_USAGE;
	c->progress = isatty(2) && !c->opt.tap;
	if (c->opt.kernel && kernel_site_make(&c->site, err, sizeof(err))) {
		fprintf(stderr, "tcmu-harness check: --target kernel: %s\n", err);
		return EXIT_USAGE;
	}
	if (c->opt.exec)
		rc = run_exec(c);
	else if (c->opt.mutant)
		rc = run_mutant(c);
	else
		rc = run_handlers(c, c->opt.handlers ? c->opt.handlers : "memory");
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
	int opt, rc = 0;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (opt == O_HELP || opt == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (opt == '?' || opt == ':')
			return option_error("check", opt, argv);
		rc = set_option(&c.opt, opt);
		if (rc)
			return rc;
	}
	rc = check_conflicts(&c.opt, argc, argv);
	if (!c.opt.timeout_ms)
		c.opt.timeout_ms = c.opt.kernel ? KERNEL_TIMEOUT_MS : TIMEOUT_MS;
	if (!rc && c.opt.mutants)
		return check_mutants(c.opt.mutants, c.opt.seed, c.opt.verbose, stop);
	if (!rc)
		rc = run_check(&c);
	kernel_site_remove(&c.site);
	workdir_remove(c.dir);
	results_free(&c.results);
	free(c.cases);
	return rc;
}
