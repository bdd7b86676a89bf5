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
	O_HANDLER,
	O_MUTANT,
	O_MUTANTS,
	O_EXEC,
	O_ATTACH,
	O_CONFIG,
	O_DAEMON,
	O_MECHANISM,
	O_OVERLOOK,
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
	{ "attach", required_argument, NULL, O_ATTACH },
	{ "config", required_argument, NULL, O_CONFIG },
	{ "daemon", no_argument, NULL, O_DAEMON },
	{ "mechanism", required_argument, NULL, O_MECHANISM },
	{ "overlook", required_argument, NULL, O_OVERLOOK },
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

static const char *const mechanisms[] = {
	[WORLD_AUTO] = "auto", [WORLD_SECCOMP] = "seccomp", [WORLD_PRELOAD] = "preload"
};

const char *check_mechanism_name(enum world_mechanism m)
{
	return mechanisms[m];
}

/* What concerns handlers in a world. */
static int set_world_option(struct options *o, int c)
{
	int i;

	switch (c) {
	case O_ATTACH:
		o->uio = !strcmp(optarg, "uio");
		if (o->uio || !strcmp(optarg, "protocol"))
			return 0;
		return usage_error("check", "--attach: expected protocol or uio, found '%s'",
				   optarg);
	case O_CONFIG:
		o->config = optarg;
		return 0;
	case O_DAEMON:
		o->daemon = true;
		return 0;
	default: /* O_MECHANISM */
		o->mechanism_said = true;
		for (i = 0; i < 3; i++) {
			o->mechanism = (enum world_mechanism)i;
			if (!strcmp(optarg, mechanisms[i]))
				return 0;
		}
		return usage_error("check",
				   "--mechanism: expected auto, seccomp or preload, found '%s'",
				   optarg);
	}
}

static int set_overlook(struct options *o, const char *text)
{
	size_t commas = 0, known = 0;
	char *copy = strdup(text), *rest = NULL, *id;

	o->overlook = text;
	for (const char *p = text; *p; p++)
		commas += *p == ',';
	for (id = copy ? strtok_r(copy, ",", &rest) : NULL; id; id = strtok_r(NULL, ",", &rest))
		known += clause_find(id) != NULL;
	free(copy);
	return known == commas + 1 ? 0
				   : usage_error("check",
						 "--overlook: expected clauses such as HND-035, "
						 "found '%s'",
						 text);
}

static int set_option(struct options *o, int c)
{
	switch (c) {
	case O_ATTACH:
	case O_CONFIG:
	case O_DAEMON:
	case O_MECHANISM:
		return set_world_option(o, c);
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
	case O_OVERLOOK:
		return set_overlook(o, optarg);
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
	if (o->uio && (!o->exec || o->kernel))
		return usage_error("check", "--attach uio: expected --exec and --target sim");
	if (!o->uio && (o->config || o->daemon || o->mechanism_said))
		return usage_error("check",
				   "--config, --daemon and --mechanism: expected --attach uio");
	if (o->config && (!*o->config || *o->config == '/'))
		return usage_error("check", "--config: expected SUBTYPE/PATH, found '%s'",
				   o->config);
	if (stdouts > 1)
		return usage_error("check", "only one report can go to standard output");
	return 0;
}

uint64_t check_default_timeout(const struct options *o)
{
	return o->kernel ? KERNEL_TIMEOUT_MS : o->uio ? WORLD_TIMEOUT_MS : TIMEOUT_MS;
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
	if (!o->timeout_ms)
		o->timeout_ms = check_default_timeout(o);
	return rc ? rc : -1;
}
