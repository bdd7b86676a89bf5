/* SPDX-License-Identifier: MIT */
/* The command lines of `tcmu-harness fuzz` and `replay`: every mistake is answered with one line.
 */
#include "fuzz.h"

#include "../seat/generate.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char fuzz_help[] =
	"Usage: tcmu-harness fuzz [OPTION]...\n"
	"Look for programs, made of what a kernel can do, that a TCMU handler does not bear.\n"
	"\n"
	"Which handler:\n"
	"  --handler LIST     reference handlers: memory, psync, libaio, io_uring, or several\n"
	"                     separated by commas (default: memory); each gets all of the time\n"
	"  --mutant NAME      a deliberately broken handler, see `tcmu-harness list --mutants`\n"
	"  --exec 'CMD ...'   any program; --attach, --config, --daemon, --mechanism, --overlook,\n"
	"                     --persistent and --timeout-ms as for `tcmu-harness check`\n"
	"\n"
	"Which programs:\n"
	"  --seed N           of the run (default 1); with the same seed the same programs come in\n"
	"                     the same order. random: one that is printed\n"
	"  --profile NAME     any (default), fast, scsi, ring, order, time, wake, crash, fault, plug\n"
	"                     or seat\n"
	"  --corpus DIR       run the programs *.fuzz of DIR first, change them, add what is new\n"
	"  --shard I/N        only every N-th program, beginning with the I-th (1 to N)\n"
	"\n"
	"How long, and who watches:\n"
	"  --time T           90 or 90s, 5m, 1h (default 1m if --runs is not said)\n"
	"  --runs N           so many programs\n"
	"  --jobs N           processes side by side (default 1)\n"
	"  --oracles LIST     of sanitizer, expect, disk, advice (what a handler SHOULD do; default:\n"
	"                     all), or none\n"
	"\n"
	"What is found:\n"
	"  --save DIR         save what is found as DIR/CLAUSE-HASH.fuzz\n"
	"  --no-shrink        as it was found, not made as short as possible\n"
	"  --json FILE        a report as JSON as well; - is standard output\n"
	"\n"
	"Instead:\n"
	"  --mutants DIR      how long it takes to find each mutant in DIR, for --seeds N (default 5)\n"
	"                     seeds from --seed on, at most --time each (default 10s);\n"
	"                     --shrink: and how short what shows them becomes\n"
	"  --bench            commands per second, in one process, and what each oracle costs\n"
	"  --record FILE      write down what legal programs of --seed see on the simulator, or with\n"
	"                     --target kernel on the running kernel: the two files must be equal\n"
	"  --clauses          the clauses that programs can find broken, and what it takes\n"
	"\n"
	"  --hostile          hostile handlers against the simulator: any store at any moment, --stores N\n"
	"                     of them (or --time, --runs), from --seed on, in --jobs processes\n"
	"\n"
	"Exit status: 0 nothing found, 1 findings, 2 usage or set-up error, 77 nothing ran.\n";

static const char replay_help[] =
	"Usage: tcmu-harness replay [OPTION]... FILE|SEED\n"
	"Carry out a fuzz program, operation by operation, and say what came of it: the program in\n"
	"FILE (- is standard input), or the one that `tcmu-harness fuzz` made of SEED.\n"
	"\n"
	"  --handler NAME, --mutant NAME, --exec 'CMD ...' and so on: as for `tcmu-harness fuzz`\n"
	"  --profile NAME     of a SEED, the one that it was found with (default any)\n"
	"  --oracles LIST     who watches: of sanitizer, expect, disk, advice (default: all), or none\n"
	"  --hostile          play FILE as `tcmu-harness fuzz --hostile` does\n"
	"  --export seat      print it as a program for `tcmu-harness seat` instead; --triggers MASK:\n"
	"                     with stores known to hurt kernels, see there\n"
	"  --verbose          show the end of the log and the ring, too\n"
	"  --keep NAME        afterwards put it into harness/fuzz/regress/NAME.fuzz, where the tests\n"
	"                     look for it: with --mutant it must be found in that mutant for ever,\n"
	"                     and in no case in a reference handler\n"
	"\n"
	"Exit status: 0 it passes, 1 it fails, 2 usage or set-up error, 77 it cannot be carried out.\n";

enum {
	O_PROFILE = 256,
	O_SEED,
	O_SEEDS,
	O_TIME,
	O_RUNS,
	O_JOBS,
	O_SHARD,
	O_CORPUS,
	O_ORACLES,
	O_SAVE,
	O_NO_SHRINK,
	O_SHRINK,
	O_JSON,
	O_MUTANTS,
	O_BENCH,
	O_CLAUSES,
	O_RECORD,
	O_TARGET,
	O_VERBOSE,
	O_KEEP,
	O_HOSTILE,
	O_STORES,
	O_EXPORT,
	O_TRIGGERS,
	O_HELP,
};

static const struct option fuzz_long[] = {
	SUBJECT_LONG_OPTIONS,
	{ "profile", required_argument, NULL, O_PROFILE },
	{ "seed", required_argument, NULL, O_SEED },
	{ "seeds", required_argument, NULL, O_SEEDS },
	{ "time", required_argument, NULL, O_TIME },
	{ "runs", required_argument, NULL, O_RUNS },
	{ "jobs", required_argument, NULL, O_JOBS },
	{ "shard", required_argument, NULL, O_SHARD },
	{ "corpus", required_argument, NULL, O_CORPUS },
	{ "oracles", required_argument, NULL, O_ORACLES },
	{ "save", required_argument, NULL, O_SAVE },
	{ "no-shrink", no_argument, NULL, O_NO_SHRINK },
	{ "shrink", no_argument, NULL, O_SHRINK },
	{ "json", required_argument, NULL, O_JSON },
	{ "mutants", required_argument, NULL, O_MUTANTS },
	{ "bench", no_argument, NULL, O_BENCH },
	{ "clauses", no_argument, NULL, O_CLAUSES },
	{ "hostile", no_argument, NULL, O_HOSTILE },
	{ "stores", required_argument, NULL, O_STORES },
	{ "record", required_argument, NULL, O_RECORD },
	{ "target", required_argument, NULL, O_TARGET },
	{ "help", no_argument, NULL, O_HELP },
	{ NULL, 0, NULL, 0 },
};

static const struct option replay_long[] = {
	SUBJECT_LONG_OPTIONS,
	{ "profile", required_argument, NULL, O_PROFILE },
	{ "oracles", required_argument, NULL, O_ORACLES },
	{ "verbose", no_argument, NULL, O_VERBOSE },
	{ "keep", required_argument, NULL, O_KEEP },
	{ "hostile", no_argument, NULL, O_HOSTILE },
	{ "export", required_argument, NULL, O_EXPORT },
	{ "triggers", required_argument, NULL, O_TRIGGERS },
	{ "help", no_argument, NULL, O_HELP },
	{ NULL, 0, NULL, 0 },
};

static int number(const char *verb, const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
	if (parse_u64(optarg, out) && *out >= min && *out <= max)
		return 0;
	return usage_error(verb, "--%s: expected a number from %llu to %llu, found '%s'", name,
			   (unsigned long long)min, (unsigned long long)max, optarg);
}

static int set_seed(struct fuzz_options *o, const char *verb)
{
	if (strcmp(optarg, "random") != 0)
		return number(verb, "seed", 0, UINT64_MAX, &o->seed);
	if (getrandom(&o->seed, sizeof(o->seed), 0) == sizeof(o->seed))
		return 0;
	return usage_error(verb, "--seed: no random number to be had: %s", strerror(errno));
}

static int set_time(struct fuzz_options *o, const char *verb)
{
	char digits[24], unit = 's';
	size_t n = strspn(optarg, "0123456789");
	uint64_t count, scale;

	snprintf(digits, sizeof(digits), "%.*s", (int)(n < 20 ? n : 20), optarg);
	if (optarg[n])
		unit = optarg[n];
	scale = unit == 's' ? 1000 : unit == 'm' ? 60000 : unit == 'h' ? 3600000 : 0;
	if (scale && parse_u64(digits, &count) && count && count <= 1000000 &&
	    (!optarg[n] || !optarg[n + 1])) {
		o->time_ms = count * scale;
		return 0;
	}
	return usage_error(verb, "--time: expected a time such as 90s, 5m or 1h, found '%s'",
			   optarg);
}

static int set_shard(struct fuzz_options *o, const char *verb)
{
	const char *slash = strchr(optarg, '/');
	char first[24];

	snprintf(first, sizeof(first), "%.*s", slash ? (int)(slash - optarg) : 0, optarg);
	if (slash && parse_u64(first, &o->shard) && parse_u64(slash + 1, &o->shards) && o->shard &&
	    o->shard <= o->shards && o->shards <= 1000000) {
		o->shard--;
		return 0;
	}
	return usage_error(verb, "--shard: expected I/N with I from 1 to N, found '%s'", optarg);
}

static int set_profile(struct fuzz_options *o, const char *verb)
{
	for (int i = 0; i < FUZZ_PROFILES; i++) {
		o->profile = (enum fuzz_profile)i;
		if (!strcmp(optarg, fuzz_profiles[i]))
			return 0;
	}
	return usage_error(verb,
			   "--profile: expected any, fast, scsi, ring, order, time, wake, crash, "
			   "fault, plug or seat, found '%s'",
			   optarg);
}

#define KNOWN 4

static int set_oracles(struct fuzz_options *o, const char *verb)
{
	static const struct {
		const char *name;
		unsigned int bit;
	} known[KNOWN] = { { "sanitizer", FUZZ_O_SANITIZER },
			   { "expect", FUZZ_O_EXPECT },
			   { "disk", FUZZ_O_DISK },
			   { "advice", FUZZ_O_ADVICE } };
	char *copy = strdup(optarg), *save = NULL, *name;
	bool bad = !copy || !*copy;
	size_t i;

	o->oracles = 0;
	for (name = bad ? NULL : strtok_r(copy, ",", &save); name && strcmp(optarg, "none") != 0;
	     name = strtok_r(NULL, ",", &save)) {
		for (i = 0; i < KNOWN && strcmp(known[i].name, name) != 0; i++)
			;
		bad |= i == KNOWN;
		o->oracles |= i < KNOWN ? known[i].bit : 0;
	}
	free(copy);
	return bad ? usage_error(verb,
				 "--oracles: expected some of sanitizer,expect,disk,advice "
				 "or none, found '%s'",
				 optarg)
		   : 0;
}

static int set_export(struct fuzz_options *o, const char *verb)
{
	o->export_seat = !strcmp(optarg, "seat");
	return o->export_seat ? 0
			      : usage_error(verb, "--export: expected seat, found '%s'", optarg);
}

static int set_triggers(struct fuzz_options *o, const char *verb)
{
	uint64_t mask;
	int rc = number(verb, "triggers", 0, SEAT_WILD_ALL, &mask);

	if (!rc)
		o->triggers = (int)mask;
	return rc;
}

static int set_target(struct fuzz_options *o, const char *verb)
{
	o->kernel = !strcmp(optarg, "kernel");
	if (o->kernel || !strcmp(optarg, "sim"))
		return 0;
	return usage_error(verb, "--target: expected sim or kernel, found '%s'", optarg);
}

static int set_option(struct fuzz_options *o, const char *verb, int c)
{
	switch (c) {
	case O_PROFILE:
		return set_profile(o, verb);
	case O_SEED:
		return set_seed(o, verb);
	case O_SEEDS:
		return number(verb, "seeds", 1, 1000, &o->seeds);
	case O_TIME:
		return set_time(o, verb);
	case O_RUNS:
		return number(verb, "runs", 1, UINT64_MAX, &o->runs);
	case O_JOBS:
		return number(verb, "jobs", 1, CREW_MAX, &o->jobs);
	case O_SHARD:
		return set_shard(o, verb);
	case O_ORACLES:
		return set_oracles(o, verb);
	case O_STORES:
		return number(verb, "stores", 1, UINT64_MAX, &o->stores);
	case O_EXPORT:
		return set_export(o, verb);
	case O_TRIGGERS:
		return set_triggers(o, verb);
	case O_TARGET:
		return set_target(o, verb);
	}
	if (c == O_RECORD)
		o->record = optarg;
	if (c == O_CORPUS)
		o->corpus = optarg;
	if (c == O_SAVE)
		o->save = optarg;
	if (c == O_JSON)
		o->json = optarg;
	if (c == O_MUTANTS)
		o->mutants = optarg;
	if (c == O_KEEP)
		o->keep = optarg;
	o->no_shrink |= c == O_NO_SHRINK;
	o->shrink |= c == O_SHRINK;
	o->bench |= c == O_BENCH;
	o->clauses |= c == O_CLAUSES;
	o->verbose |= c == O_VERBOSE;
	o->hostile |= c == O_HOSTILE;
	return 0;
}

/* A directory of ours: there, or made. */
static int check_dir(const char *verb, const char *option, const char *dir)
{
	struct stat st;

	if (!dir || !mkdir(dir, 0777))
		return 0;
	if (errno == EEXIST && !stat(dir, &st) && S_ISDIR(st.st_mode) && !access(dir, W_OK | X_OK))
		return 0;
	return usage_error(verb, "--%s: expected a directory to write to, found '%s': %s", option,
			   dir, errno == EEXIST ? "not a directory" : strerror(errno));
}

/* A report that cannot be written is worth knowing before an hour has gone by. */
static int check_report(const char *verb, const char *path)
{
	FILE *f;

	if (!path || !strcmp(path, "-"))
		return 0;
	f = fopen(path, "ae");
	if (f && !fclose(f))
		return 0;
	return usage_error(verb, "--json: cannot write '%s': %s", path, strerror(errno));
}

static int conflicts(const struct fuzz_options *o, const char *verb, bool replay, int argc,
		     char **argv)
{
	const struct subject_options *w = &o->who;
	int rc;

	if (replay && optind == argc)
		return usage_error(verb, "expected a file or a seed, found nothing");
	if (optind + replay < argc)
		return usage_error(verb, "unexpected argument '%s'", argv[optind + replay]);
	if (o->mutants && (w->handlers || w->exec || w->mutant))
		return usage_error(verb, "only one of --handler, --exec, --mutant and --mutants");
	if (o->shrink && !o->mutants)
		return usage_error(verb, "--shrink: expected --mutants, too");
	if (o->hostile && (w->handlers || w->exec || w->mutant || o->mutants || o->bench))
		return usage_error(verb,
				   "--hostile: the handler is made up, and only the simulator is "
				   "up against it");
	if (o->stores && !o->hostile)
		return usage_error(verb, "--stores: expected --hostile, too");
	if (o->bench && (w->handlers || w->exec || w->mutant || o->mutants))
		return usage_error(verb, "--bench: it is the memory handler that is measured");
	if (o->kernel && !o->record)
		return usage_error(verb, "--target kernel: only with --record");
	if (o->record &&
	    (w->handlers || w->exec || w->mutant || o->mutants || o->bench || o->hostile))
		return usage_error(verb, "--record: the programs play the handler");
	if (o->keep && (!*o->keep || strspn(o->keep, "abcdefghijklmnopqrstuvwxyz0123456789-") !=
					     strlen(o->keep)))
		return usage_error(verb, "--keep: expected a name such as pad-at-end, found '%s'",
				   o->keep);
	if (o->keep && w->exec)
		return usage_error(verb, "--keep: expected --handler or --mutant, found --exec");
	rc = subject_conflicts(w, verb);
	if (!rc)
		rc = check_dir(verb, "save", o->save);
	if (!rc)
		rc = check_dir(verb, "corpus", o->corpus);
	return rc ? rc : check_report(verb, o->json);
}

int fuzz_options(struct fuzz_options *o, const char *verb, int argc, char **argv)
{
	bool replay = !strcmp(verb, "replay");
	int opt, rc = 0;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", replay ? replay_long : fuzz_long, NULL)) !=
	       -1) {
		if (opt == O_HELP || opt == 'h') {
			fputs(replay ? replay_help : fuzz_help, stdout);
			return EXIT_OK;
		}
		if (opt == '?' || opt == ':')
			return option_error(verb, opt, argv);
		rc = opt >= SUBJECT_HANDLER ? subject_option(&o->who, verb, opt)
					    : set_option(o, verb, opt);
		if (rc)
			return rc;
	}
	rc = conflicts(o, verb, replay, argc, argv);
	if (!o->who.timeout_ms)
		o->who.timeout_ms = subject_default_timeout(&o->who);
	o->program = replay && optind < argc ? argv[optind] : NULL;
	return rc ? rc : -1;
}

struct fuzz_limits fuzz_limits_for(const struct fuzz_options *o)
{
	return (struct fuzz_limits){ .process = o->who.exec != NULL,
				     .hotplug = o->who.daemon,
				     .profile = o->profile };
}

int fuzz_subjects(const struct fuzz_options *o, const char *verb, const char *dir,
		  int (*fn)(void *ctx, const struct target_spec *spec), void *ctx)
{
	char *copy, *save = NULL, *name;
	struct subject s = { 0 };
	int rc;

	if (o->who.exec || o->who.mutant) {
		rc = o->who.exec ? subject_exec(&s, verb, &o->who, dir)
				 : subject_mutant(&s, verb, o->who.mutant, dir);
		rc = rc ? rc : fn(ctx, &s.spec);
		subject_close(&s);
		return rc;
	}
	copy = strdup(o->who.handlers ? o->who.handlers : "memory");
	rc = copy ? 0 : usage_error(verb, "out of memory");
	for (name = rc ? NULL : strtok_r(copy, ",", &save); name && !rc;
	     name = strtok_r(NULL, ",", &save)) {
		subject_reference(&s, name, dir, o->who.timeout_ms);
		rc = fn(ctx, &s.spec);
		subject_close(&s);
	}
	free(copy);
	return rc;
}
