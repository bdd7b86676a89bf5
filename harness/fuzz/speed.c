/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness fuzz --bench`: programs per second and commands per second, in this process, with
 * all that watches; and what each watcher costs.
 *
 * The same programs are run with different watchers in turn, round after round, so that whatever
 * else the machine does falls on all of them alike. Making the programs is part of it.
 */
#include "fuzz.h"

#include "../env/env.h"

#include <time.h>
#include <unistd.h>

#define ROUND_NS   150000000ull /* of the first setting, about */
#define DEFAULT_MS 10000

struct setting {
	const char *name;
	unsigned int oracles;
	uint64_t wall_ns, cpu_ns;
	struct fuzz_exec x;
	struct trial t;
};

struct bench {
	const struct fuzz_options *o;
	const volatile sig_atomic_t *stop;
	struct fuzz_limits limits;
	struct fuzz_program p;
	struct setting v[5];
	uint64_t next, failures;
	char why[600];
};

#define SETTINGS 5

static uint64_t ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void one(struct bench *b, struct setting *s, uint64_t number)
{
	uint64_t seed = fuzz_program_seed(b->o->seed, number);
	struct finding f = { 0 };

	if (fuzz_generate(&b->p, seed, &b->limits)) {
		b->failures++;
		return;
	}
	trial_run(&s->t, &b->p, seed, &f);
	if (f.kind && !b->failures++)
		snprintf(b->why, sizeof(b->why), "program 0x%016llx: %s: %s",
			 (unsigned long long)seed, f.clause, f.reason);
	free(f.detail);
}

/* @count programs from b->next on; with 0 until a round is full. Returns how many. */
static uint64_t round_of(struct bench *b, struct setting *s, uint64_t count)
{
	uint64_t wall = ns(CLOCK_MONOTONIC), cpu = ns(CLOCK_PROCESS_CPUTIME_ID), n;

	for (n = 0; count ? n < count : ns(CLOCK_MONOTONIC) - wall < ROUND_NS; n++)
		one(b, s, b->next + n);
	s->cpu_ns += ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	s->wall_ns += ns(CLOCK_MONOTONIC) - wall;
	return n;
}

static double per_command(const struct setting *s)
{
	return s->x.stats.commands ? (double)s->cpu_ns / (double)s->x.stats.commands : 0;
}

static double rate(const struct setting *s, uint64_t time_ns)
{
	return time_ns ? 1e9 * (double)s->x.stats.commands / (double)time_ns : 0;
}

static void tell_mix(const struct fuzz_stats *st, const char *profile)
{
	printf("mix: profile %s, %.0f commands and %.1f other operations a program, %.0f bytes a "
	       "command\n    ",
	       profile, (double)st->commands / (double)st->programs,
	       (double)(st->ops - st->verbs[FUZZ_SUBMIT]) / (double)st->programs,
	       (double)st->bytes / (double)st->commands);
	for (int i = 0; i < 256; i++)
		if (st->opcodes[i] * 200 > st->commands)
			printf(" %02x: %.1f%%", i,
			       100.0 * (double)st->opcodes[i] / (double)st->commands);
	putchar('\n');
}

static json_t *setting_json(const struct setting *s)
{
	return json_pack("{s:s, s:I, s:f, s:f, s:f}", "oracles", s->name, "commands",
			 (json_int_t)s->x.stats.commands, "commands_per_second",
			 rate(s, s->wall_ns), "commands_per_cpu_second", rate(s, s->cpu_ns),
			 "ns_per_command", per_command(s));
}

static int tell(const struct bench *b)
{
	const struct setting *all = &b->v[0];
	json_t *list = json_array();

	if (!all->x.stats.commands)
		return EXIT_NOTHING;
	tell_mix(&all->x.stats, fuzz_profiles[b->limits.profile]);
	printf("%-22s %14s %18s %12s\n", "oracles", "commands/s", "per CPU second", "ns/command");
	for (int i = 0; i < SETTINGS; i++) {
		const struct setting *s = &b->v[i];

		printf("%-22s %14.0f %18.0f %12.0f", s->name, rate(s, s->wall_ns),
		       rate(s, s->cpu_ns), per_command(s));
		if (i)
			printf("   %+.0f ns", per_command(s) - per_command(all));
		putchar('\n');
		json_array_append_new(list, setting_json(s));
	}
	if (b->failures)
		printf("%llu programs failed: %s\n", (unsigned long long)b->failures, b->why);
	if (b->o->json &&
	    fuzz_write_json(b->o->json, json_pack("{s:o, s:o*}", "bench", list, "env", env_now())))
		return EXIT_USAGE;
	if (!b->o->json)
		json_decref(list);
	return b->failures ? EXIT_FAILED : EXIT_OK;
}

static int measure(struct bench *b)
{
	uint64_t end = ns(CLOCK_MONOTONIC);
	uint64_t n, rounds = 0;

	end += (b->o->time_ms ? b->o->time_ms : DEFAULT_MS) * 1000000ull;
	while ((ns(CLOCK_MONOTONIC) < end || !rounds) && !(b->stop && *b->stop)) {
		n = round_of(b, &b->v[0], b->o->runs);
		for (int i = 1; i < SETTINGS; i++)
			round_of(b, &b->v[i], n);
		b->next += n;
		if (rounds++)
			continue;
		/* the first round has warmed us up */
		for (int i = 0; i < SETTINGS; i++) {
			b->v[i].x.stats = (struct fuzz_stats){ 0 };
			b->v[i].wall_ns = b->v[i].cpu_ns = 0;
		}
	}
	if (b->stop && *b->stop)
		fprintf(stderr, "tcmu-harness fuzz: interrupted\n");
	return tell(b);
}

int fuzz_bench(const struct fuzz_options *o, const volatile sig_atomic_t *stop)
{
	static const struct setting settings[SETTINGS] = {
		{ .name = "all", .oracles = FUZZ_O_ALL },
		{ .name = "without sanitizer", .oracles = FUZZ_O_ALL & ~FUZZ_O_SANITIZER },
		{ .name = "without expect", .oracles = FUZZ_O_ALL & ~FUZZ_O_EXPECT },
		{ .name = "without disk", .oracles = FUZZ_O_ALL & ~FUZZ_O_DISK },
		{ .name = "none", .oracles = 0 },
	};
	struct bench *b = calloc(1, sizeof(*b));
	struct subject s = { 0 };
	char *dir = workdir_make("fuzz");
	int rc = b && dir ? 0 : EXIT_USAGE, i;

	if (!rc) {
		*b = (struct bench){ .o = o, .stop = stop, .limits = fuzz_limits_for(o) };
		if (!o->profile)
			b->limits.profile = FUZZ_P_FAST;
		subject_reference(&s, "memory", dir, 2000);
	}
	for (i = 0; i < SETTINGS && !rc; i++) {
		b->v[i] = settings[i];
		b->v[i].x.oracles = settings[i].oracles;
		if (trial_open(&b->v[i].t, &s.spec, &b->v[i].x))
			rc = usage_error("fuzz", "out of memory");
	}
	if (!rc)
		rc = measure(b);
	for (i = 0; i < SETTINGS && b && b->v[i].t.stage; i++)
		trial_close(&b->v[i].t);
	subject_close(&s);
	if (b)
		fuzz_program_free(&b->p);
	free(b);
	workdir_remove(dir);
	return rc;
}
