/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness fuzz`: programs from a seed, or from a corpus, until time or programs run out.
 *
 * The seed of program k comes from the run's seed and k alone: one number and the commit say what
 * a run does.
 */
#include "fuzz.h"
#include "hostile.h"

#include "../check/child.h"
#include "../env/env.h"
#include "../report/result.h"

#include <sys/prctl.h>
#include <unistd.h>

#define PROGRESS_MS 200

struct run {
	const struct fuzz_options *o;
	const volatile sig_atomic_t *stop;
	const char *dir, *spare;
	json_t *json; /* array of runs, or NULL */
	uint64_t programs, found;
	bool progress, colour;

	/* on the handler that is at it */
	struct crew crew;
	struct findings fs;
	struct corpus corpus;
	struct features known;
	struct totals totals;
	uint64_t start_ms, told_ms;
};

static void clear_progress(const struct run *r)
{
	if (r->progress)
		fputs("\r\033[K", stderr);
}

static bool found(void *ctx, struct finding *f)
{
	struct run *r = ctx;
	int rc;

	clear_progress(r);
	rc = findings_take(&r->fs, f);
	if (rc)
		fprintf(stderr, "tcmu-harness fuzz: %zu findings: %s\n", r->fs.n,
			rc == -ENOSPC ? "that is enough" : strerror(-rc));
	return rc == 0;
}

static void novel(void *ctx, const struct fuzz_program *p, const struct features *features)
{
	struct run *r = ctx;

	if (features_add(&r->known, features) &&
	    corpus_save(r->o->corpus, r->corpus.n + r->totals.added, p))
		r->totals.added++;
}

static void tick(void *ctx)
{
	struct run *r = ctx;
	uint64_t now = child_now_ms();

	r->totals.ms = now - r->start_ms;
	if (!r->progress || now - r->told_ms < PROGRESS_MS)
		return;
	r->told_ms = now;
	totals_progress(&r->totals, stderr, r->colour);
}

/* A program that cannot even be started is no finding. */
static int probe(const struct run *r, const struct target_spec *spec)
{
	const struct trial_plan plan = { .spec = spec, .limits = watch_limits_for(spec) };
	struct fuzz_program p = { 0 };
	struct finding f = { 0 };
	struct fuzz_op *op;
	int rc = 0;

	(void)r;
	if (!spec->exec)
		return 0;
	op = fuzz_push(&p, FUZZ_SUBMIT); /* TEST UNIT READY */
	if (!op)
		return usage_error("fuzz", "out of memory");
	op->cdb_len = 6;
	op->n[FUZZ_S_DIR] = RINGSIM_NONE;
	trial_apart(&plan, &p, 1, &f);
	if (f.kind && (strstr(f.reason, "status 127") || strstr(f.reason, "status 126")))
		rc = usage_error("fuzz", "--exec: '%s' cannot be run: %s", spec->exec, f.reason);
	free(f.detail);
	fuzz_program_free(&p);
	return rc;
}

static void set_up(struct run *r, const struct target_spec *spec, char *who)
{
	const struct fuzz_options *o = r->o;
	const char *profile = fuzz_profiles[o->profile];

	r->crew = (struct crew){ .spec = spec,
				 .limits = fuzz_limits_for(o),
				 .watch = watch_limits_for(spec),
				 .oracles = o->oracles,
				 .jobs = (unsigned int)o->jobs,
				 .seed = o->seed,
				 .shard = (uint32_t)o->shard,
				 .shards = (uint32_t)o->shards,
				 .runs = o->runs,
				 .corpus = o->corpus ? &r->corpus : NULL,
				 .stop = r->stop,
				 .spare = r->spare,
				 .found = found,
				 .novel = novel,
				 .tick = tick,
				 .ctx = r };
	r->fs = (struct findings){ .plan = { .spec = spec,
					     .oracles = o->oracles,
					     .limits = r->crew.watch,
					     .stop = r->stop },
				   .who = who,
				   .profile = profile,
				   .save = o->save,
				   .seed = o->seed,
				   .shrink = !o->no_shrink,
				   .out = o->json && !strcmp(o->json, "-") ? NULL : stdout };
	r->totals = (struct totals){ .handler = spec->label,
				     .profile = profile,
				     .seed = o->seed,
				     .oracles = o->oracles,
				     .simulated = !spec->exec,
				     .st = &r->crew.stats,
				     .fs = &r->fs };
	r->start_ms = child_now_ms();
	if (o->time_ms || !o->runs)
		r->crew.end_ms = r->start_ms + (o->time_ms ? o->time_ms : FUZZ_TIME_MS);
}

static int load_corpus(struct run *r)
{
	int rc = r->o->corpus ? corpus_load(&r->corpus, r->o->corpus) : 0;

	if (rc)
		return usage_error("fuzz", "--corpus: cannot read %s: %s", r->o->corpus,
				   strerror(-rc));
	if (r->corpus.skipped)
		fprintf(stderr, "tcmu-harness fuzz: --corpus: left out %s/%s (%zu in all)\n",
			r->o->corpus, r->corpus.why, r->corpus.skipped);
	return 0;
}

static int on_handler(void *ctx, const struct target_spec *spec)
{
	struct run *r = ctx;
	char *who = subject_said(&r->o->who, spec->label, subject_default_timeout(&r->o->who));
	int rc = who ? probe(r, spec) : usage_error("fuzz", "out of memory");

	if (!rc)
		rc = load_corpus(r);
	if (!rc) {
		set_up(r, spec, who);
		if (r->fs.out)
			fprintf(r->fs.out, "%s: seed %llu, profile %s\n", spec->label,
				(unsigned long long)r->o->seed, r->totals.profile);
		rc = crew_run(&r->crew);
		clear_progress(r);
		r->totals.ms = child_now_ms() - r->start_ms;
		if (r->fs.out)
			totals_text(&r->totals, r->fs.out);
		if (r->json)
			json_array_append_new(r->json, totals_json(&r->totals));
		r->programs += r->crew.stats.programs;
		r->found += r->fs.n;
		findings_free(&r->fs);
		if (rc && rc != -EINTR)
			fprintf(stderr, "tcmu-harness fuzz: no workers: %s\n", strerror(-rc));
		rc = rc && rc != -EINTR ? EXIT_USAGE : rc;
	}
	corpus_free(&r->corpus);
	free(who);
	return rc;
}

int fuzz_write_json(const char *path, json_t *root)
{
	bool to_stdout = !strcmp(path, "-");
	FILE *f = to_stdout ? stdout : fopen(path, "we");
	int rc = f && root ? json_dumpf(root, f, JSON_INDENT(2)) : -1;

	if (!rc && fputc('\n', f) == EOF)
		rc = -1;
	if (f && (to_stdout ? fflush(f) : fclose(f)))
		rc = -1;
	json_decref(root);
	if (!rc)
		return 0;
	return usage_error("fuzz", "--json: cannot write '%s': %s", path,
			   root ? strerror(errno) : "out of memory");
}

static int run_all(struct run *r)
{
	char spare[PROCESS_CHILDREN_MAX];
	char *dir = workdir_make("fuzz");
	json_t *root;
	int rc;

	if (!dir)
		return EXIT_USAGE;
	process_children(spare, sizeof(spare));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	r->spare = spare;
	r->json = r->o->json ? json_array() : NULL;
	r->progress = isatty(2);
	r->colour = !getenv("NO_COLOR");
	rc = fuzz_subjects(r->o, "fuzz", dir, on_handler, r);
	workdir_remove(dir);
	if (rc == -EINTR)
		fprintf(stderr, "tcmu-harness fuzz: interrupted\n");
	if (r->json && (!rc || rc == -EINTR)) {
		root = json_pack("{s:o, s:o*}", "runs", r->json, "env", env_now());
		if (fuzz_write_json(r->o->json, root))
			return EXIT_USAGE;
	} else {
		json_decref(r->json);
	}
	if (rc > 0)
		return rc;
	if (r->found)
		return EXIT_FAILED;
	return r->programs ? EXIT_OK : EXIT_NOTHING;
}

static int hostile(const struct fuzz_options *o, const volatile sig_atomic_t *stop)
{
	const struct fuzz_hostile_opts opt = {
		.seed = o->seed,
		.stores = o->stores,
		.programs = o->runs,
		.time_ms = o->time_ms || o->stores || o->runs ? o->time_ms : FUZZ_TIME_MS,
		.jobs = (uint32_t)o->jobs,
		.save = o->save,
		.shrink = !o->no_shrink,
		.stop = stop,
	};

	return fuzz_hostile(&opt);
}

int verb_fuzz(int argc, char **argv, const volatile sig_atomic_t *stop)
{
	struct fuzz_options o = {
		.oracles = FUZZ_O_ALL, .seed = 1, .jobs = 1, .shards = 1, .seeds = 5
	};
	struct run *r;
	int rc = fuzz_options(&o, "fuzz", argc, argv);

	if (rc >= 0)
		return rc;
	if (o.clauses) {
		judged_list(stdout);
		return EXIT_OK;
	}
	if (o.hostile)
		return hostile(&o, stop);
	if (o.mutants)
		return fuzz_mutants(&o, stop);
	if (o.bench)
		return fuzz_bench(&o, stop);
	if (o.record)
		return fuzz_record(&o, stop);
	r = calloc(1, sizeof(*r));
	if (!r)
		return usage_error("fuzz", "out of memory");
	r->o = &o;
	r->stop = stop;
	rc = run_all(r);
	free(r);
	return rc;
}
