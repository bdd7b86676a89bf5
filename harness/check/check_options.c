/* SPDX-License-Identifier: MIT */
/* The command line of `tcmu-harness check`: every mistake is answered with one line. */
#include "check.h"
#include "verbs.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char help[] =
	"Usage: tcmu-harness check [OPTION]...\n"
	"Judge a TCMU handler, clause by clause, on the simulated kernel or on this one.\n"
	"\n"
	"Which kernel:\n"
	"  --target sim       simulated; time is virtual, every store is watched (default)\n"
	"  --target kernel    the running kernel's TCMU, over iSCSI on 127.0.0.1; needs root. CMD of\n"
	"                     --exec finds the device's name, uioN, in TCMU_UIO or in place of %u.\n"
	"                     Objects in configfs that it did not make are left alone\n"
	"  --initiator NAME   with --target kernel: iscsi (default), or probe: over the fabric module\n"
	"                     tcmu_probe, which carries BIDI, long CDBs and any function as well\n"
	"\n"
	"Which handler:\n"
	"  --handler LIST     reference handlers: memory, psync, libaio, io_uring, or several\n"
	"                     separated by commas (default: memory)\n"
	"  --exec 'CMD ...'   any program: started with TCMU_ATTACH=SOCKET in its environment\n"
	"  --attach HOW       protocol: as above (default); uio: CMD sees /dev/uioN, sysfs, configfs\n"
	"                     and netlink as on a host with TCMU, and needs no change\n"
	"  --overlook CLAUSES what the sanitizer sees broken of these (comma-separated ids) fails only\n"
	"                     cases about them: what else is wrong with a handler shows\n"
	"  --persistent       what CMD stored survives its death (more restart cases apply)\n"
	"  --timeout-ms N     real time that CMD has to answer a command (default 2000; uio 1000); 2.5\n"
	"                     times as much, with uio at least 5 s, to attach\n"
	"  --mutant NAME      a deliberately broken handler, see `tcmu-harness list --mutants`\n"
	"  --mutants DIR      all of them in DIR: which case kills each\n"
	"\n"
	"With --attach uio; in CMD and TEXT {file} is a file as large as the device and empty at first,\n"
	"{size} and {block} are its bytes and those of a block, {uio} in CMD is uioN, as in TCMU_UIO:\n"
	"  --config TEXT      configuration of the device, SUBTYPE/PATH (default any/x)\n"
	"  --daemon           CMD serves what netlink announces; started once, not for each case\n"
	"  --mechanism NAME   auto (default), seccomp or preload; see tcmu-harness env\n"
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
	O_INITIATOR,
	O_MUTANTS,
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
	SUBJECT_LONG_OPTIONS,
	{ "target", required_argument, NULL, O_TARGET },
	{ "initiator", required_argument, NULL, O_INITIATOR },
	{ "mutants", required_argument, NULL, O_MUTANTS },
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
	if (c >= SUBJECT_HANDLER)
		return subject_option(&o->who, "check", c);
	switch (c) {
	case O_TARGET:
		o->kernel = !strcmp(optarg, "kernel");
		if (o->kernel || !strcmp(optarg, "sim"))
			return 0;
		return usage_error("check", "--target: expected sim or kernel, found '%s'", optarg);
	case O_INITIATOR:
		o->initiator = optarg;
		o->probe = !strcmp(optarg, "probe");
		if (o->probe || !strcmp(optarg, "iscsi"))
			return 0;
		return usage_error("check", "--initiator: expected iscsi or probe, found '%s'",
				   optarg);
	case O_MUTANTS:
		o->mutants = optarg;
		return 0;
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

static uint64_t check_default_timeout(const struct options *o)
{
	return o->kernel ? KERNEL_TIMEOUT_MS : subject_default_timeout(&o->who);
}

static int check_conflicts(const struct options *o, int argc, char **argv)
{
	int stdouts = o->tap + (o->junit && !strcmp(o->junit, "-")) +
		      (o->json && !strcmp(o->json, "-"));
	const struct subject_options *w = &o->who;

	if (optind < argc)
		return usage_error("check", "unexpected argument '%s'", argv[optind]);
	if (!!w->handlers + !!w->exec + !!w->mutant + !!o->mutants > 1)
		return usage_error("check",
				   "only one of --handler, --exec, --mutant and --mutants");
	if (o->kernel && (w->mutant || o->mutants))
		return usage_error("check", "mutants are for --target sim");
	if (o->initiator && !o->kernel)
		return usage_error("check", "--initiator is for --target kernel");
	if (o->kernel && w->uio)
		return usage_error("check", "--attach uio: expected --exec and --target sim");
	if (stdouts > 1)
		return usage_error("check", "only one report can go to standard output");
	return subject_conflicts(w, "check");
}

int check_options(struct options *o, int argc, char **argv)
{
	int opt, rc = 0;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (opt == O_HELP || opt == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (opt == '?' || opt == ':')
			return option_error("check", opt, argv);
		rc = set_option(o, opt);
		if (rc)
			return rc;
	}
	rc = check_conflicts(o, argc, argv);
	if (!o->who.timeout_ms)
		o->who.timeout_ms = check_default_timeout(o);
	return rc ? rc : -1;
}
