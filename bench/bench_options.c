/* SPDX-License-Identifier: MIT */
/* The command line of `tcmu-harness bench`: every mistake is answered with one line. */
#include "bench.h"

#include "../harness/check/verbs.h"
#include "../harness/handlers/store.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPEATS	    10u
#define TIME_MS	    200u
#define SIZE	    (64ull << 20)
#define SIZE_LIMIT  (1ull << 40)
#define REPEATS_MAX 1000u
#define TIME_MS_MAX 600000u

static const char help[] =
	"Usage: tcmu-harness bench [OPTION]...\n"
	"       tcmu-harness bench exact LAYER WORKLOAD COMMANDS [OPTION]...\n"
	"       tcmu-harness bench import --help\n"
	"What a command costs, layer by layer: each adds one thing to the one below. Rows are measured\n"
	"in turns, in an order that changes, and told with what is certain about them.\n"
	"\n"
	"  --layers LIST     of these only: names or patterns, separated by commas\n"
	"  --workloads LIST  names of workloads: 4k-randread-qd32, 128k-write-qd8-batch1, ...\n"
	"  --full            the long list of workloads\n"
	"  --list            print layers and workloads, and measure nothing\n"
	"  --rw PATTERN      a workload of one's own, in fio's words: read, write, rw, randread, ...\n"
	"  --bs SIZE         of it: bytes per command, 512 to 1m (4k)\n"
	"  --iodepth N       of it: commands at once, 1 to 256 (1)\n"
	"  --rwmixread N     of it: share of reads in per cent (50)\n"
	"  --batch N         of it: commands sent with one event (as many as there is room for)\n"
	"  --rate N          of it: commands per second at planned times (as fast as they end)\n"
	"  --poll            of it: neither side sleeps\n"
	"  --repeats N       1 to 1000 (10)\n"
	"  --time-ms N       of one repeat, 10 to 600000 (200); warming up takes half of that at most\n"
	"  --size SIZE       of the device, 1M to 1T (64M)\n"
	"  --seed N          of addresses, planned times and the order of rows (1)\n"
	"  --exec COMMAND    a handler of one's own, which attaches to $TCMU_ATTACH: layer 'program'\n"
	"  --config S/PATH   it is unmodified: it finds a device of this configuration in a world; in both\n"
	"                    {file} stands for the file, and {uio} for the device's name\n"
	"  --store DIR       where the file is that handlers serve ($TMPDIR, else\n"
	"                    /var/tmp)\n"
	"  --instructions    count instructions with valgrind, where the machine has no counters\n"
	"  --no-syscalls     do not count system calls, which takes runs of its own\n"
	"  --json FILE       write the result there ('-': standard output)\n"
	"  --html FILE       and what it looks like, as a page for a browser\n"
	"  --history FILE    there, what was measured in the past, too (compare --history appends to it)\n"
	"\n"
	"exact: send so many commands over one layer, measure nothing: to be run under a profiler.\n"
	"\n"
	"Exit status: 0 all rows measured, 1 some failed or it was interrupted, 2 usage or set-up error,\n"
	"77 nothing could be measured here.\n";

enum {
	OPT_LAYERS = 256,
	OPT_WORKLOADS,
	OPT_FULL,
	OPT_LIST,
	OPT_RW,
	OPT_BS,
	OPT_IODEPTH,
	OPT_RWMIXREAD,
	OPT_BATCH,
	OPT_RATE,
	OPT_POLL,
	OPT_REPEATS,
	OPT_TIME_MS,
	OPT_SIZE,
	OPT_SEED,
	OPT_EXEC,
	OPT_CONFIG,
	OPT_STORE,
	OPT_INSTRUCTIONS,
	OPT_NO_SYSCALLS,
	OPT_JSON,
	OPT_HTML,
	OPT_HISTORY,
};

static const struct option longs[] = {
	{ "layers", required_argument, NULL, OPT_LAYERS },
	{ "workloads", required_argument, NULL, OPT_WORKLOADS },
	{ "full", no_argument, NULL, OPT_FULL },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "rw", required_argument, NULL, OPT_RW },
	{ "bs", required_argument, NULL, OPT_BS },
	{ "iodepth", required_argument, NULL, OPT_IODEPTH },
	{ "rwmixread", required_argument, NULL, OPT_RWMIXREAD },
	{ "batch", required_argument, NULL, OPT_BATCH },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "poll", no_argument, NULL, OPT_POLL },
	{ "repeats", required_argument, NULL, OPT_REPEATS },
	{ "time-ms", required_argument, NULL, OPT_TIME_MS },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "exec", required_argument, NULL, OPT_EXEC },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "store", required_argument, NULL, OPT_STORE },
	{ "instructions", no_argument, NULL, OPT_INSTRUCTIONS },
	{ "no-syscalls", no_argument, NULL, OPT_NO_SYSCALLS },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "html", required_argument, NULL, OPT_HTML },
	{ "history", required_argument, NULL, OPT_HISTORY },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* What is said of a workload before all of it is known. */
struct own {
	const char *rw, *bs;
	uint64_t depth, mix, batch, rate;
	bool poll, said;
};

struct parsing {
	struct bench_options *o;
	struct own own;
	const char *workloads;
	bool full;
};

static int number(const char *name, const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
	uint64_t v;

	if (!parse_u64(text, &v) || v < low || v > high)
		return usage_error("bench", "--%s: expected %llu to %llu, found '%s'", name,
				   (unsigned long long)low, (unsigned long long)high, text);
	*out = v;
	return 0;
}

static int size_option(const char *text, uint64_t *out)
{
	if (store_parse_size(text, out) || *out < WORKLOAD_BYTES_MAX || *out > SIZE_LIMIT ||
	    *out % WORKLOAD_BYTES_MAX)
		return usage_error("bench", "--size: expected 1M to 1T in whole MiB, found '%s'",
				   text);
	return 0;
}

static int own_option(struct own *own, int c)
{
	own->said = true;
	switch (c) {
	case OPT_RW:
		own->rw = optarg;
		return 0;
	case OPT_BS:
		own->bs = optarg;
		return 0;
	case OPT_IODEPTH:
		return number("iodepth", optarg, 1, LANE_DEPTH, &own->depth);
	case OPT_RWMIXREAD:
		return number("rwmixread", optarg, 0, 100, &own->mix);
	case OPT_BATCH:
		return number("batch", optarg, 1, LANE_DEPTH, &own->batch);
	case OPT_RATE:
		return number("rate", optarg, 1, 1000000000, &own->rate);
	default:
		own->poll = true;
		return 0;
	}
}

static int option(struct parsing *p, int c)
{
	struct bench_options *o = p->o;
	uint64_t ms = 0;
	int rc = 0;

	if (c >= OPT_RW && c <= OPT_POLL)
		return own_option(&p->own, c);
	switch (c) {
	case OPT_LAYERS:
		o->layers = optarg;
		break;
	case OPT_WORKLOADS:
		p->workloads = optarg;
		break;
	case OPT_FULL:
		p->full = true;
		break;
	case OPT_LIST:
		o->list = true;
		break;
	case OPT_REPEATS:
		rc = number("repeats", optarg, 1, REPEATS_MAX, &o->repeats);
		break;
	case OPT_TIME_MS:
		rc = number("time-ms", optarg, 10, TIME_MS_MAX, &ms);
		o->ns = ms * 1000000;
		break;
	case OPT_SIZE:
		rc = size_option(optarg, &o->size_bytes);
		break;
	case OPT_SEED:
		rc = number("seed", optarg, 0, UINT64_MAX, &o->seed);
		break;
	case OPT_EXEC:
		o->exec = optarg;
		break;
	case OPT_CONFIG:
		o->config = optarg;
		break;
	case OPT_STORE:
		o->store_dir = optarg;
		break;
	case OPT_INSTRUCTIONS:
		o->instructions = true;
		break;
	case OPT_NO_SYSCALLS:
		o->calls = false;
		break;
	case OPT_HTML:
		o->html = optarg;
		break;
	case OPT_HISTORY:
		o->history = optarg;
		break;
	default:
		o->json = optarg;
	}
	return rc;
}

/* --- workloads and layers ------------------------------------------------------------------------
 */

static int add_workload(struct bench_options *o, const struct workload *w)
{
	uint32_t i;

	for (i = 0; i < o->n_workloads; i++)
		if (!strcmp(o->workloads[i].name, w->name))
			return 0;
	if (o->n_workloads == BENCH_WORKLOADS_MAX)
		return usage_error("bench",
				   "--workloads: expected at most %u, found '%s' after them",
				   BENCH_WORKLOADS_MAX, w->name);
	if (w->bytes > o->size_bytes)
		return usage_error("bench", "workload '%s': the device is smaller (--size)",
				   w->name);
	o->workloads[o->n_workloads++] = *w;
	return 0;
}

static int add_named(struct bench_options *o, const char *name)
{
	struct workload w;
	char err[256];

	if (workload_parse(&w, name, err, sizeof(err)))
		return usage_error("bench", "%s", err);
	return add_workload(o, &w);
}

static int add_list(struct bench_options *o, const char *list)
{
	char *copy = strdup(list), *save = NULL, *item;
	int rc = copy ? 0 : EXIT_USAGE;

	for (item = copy ? strtok_r(copy, ",", &save) : NULL; item && !rc;
	     item = strtok_r(NULL, ",", &save))
		rc = add_named(o, item);
	free(copy);
	if (!rc && !o->n_workloads)
		rc = usage_error("bench",
				 "--workloads: expected names of workloads, found nothing");
	return rc;
}

static int add_own(struct bench_options *o, const struct own *own)
{
	const char *bs = own->bs ? own->bs : "4k", *rw = own->rw ? own->rw : "randread";
	struct workload w;
	char name[128], err[300];

	snprintf(name, sizeof(name), "%s-%s-qd%llu", bs, rw,
		 (unsigned long long)(own->depth ? own->depth : 1));
	if (workload_parse(&w, name, err, sizeof(err)))
		return usage_error("bench", "%s", err);
	if (own->mix <= 100) {
		if (w.reads == 0 || w.reads == 100)
			return usage_error("bench", "--rwmixread: expected with rw or randrw");
		w.reads = (uint32_t)own->mix;
	}
	if (own->batch > w.depth)
		return usage_error("bench", "--batch: expected at most the depth, %u, found %llu",
				   w.depth, (unsigned long long)own->batch);
	w.batch = (uint32_t)own->batch;
	w.rate = (double)own->rate;
	w.poll = own->poll;
	workload_rename(&w);
	return add_workload(o, &w);
}

static int choose_workloads(struct parsing *p)
{
	const char *name;
	uint32_t i;
	int rc = 0;

	if (p->own.said && (p->workloads || p->full))
		return usage_error("bench",
				   "a workload of one's own: not with --workloads or --full");
	if (p->own.said)
		return add_own(p->o, &p->own);
	if (p->workloads)
		return add_list(p->o, p->workloads);
	for (i = 0; !rc && (name = workload_default(i, p->full)); i++)
		rc = add_named(p->o, name);
	return rc;
}

static int check_program(const struct bench_options *o, const struct layer *l)
{
	if (l->program && !o->exec)
		return usage_error("bench", "layer '%s': expected with --exec COMMAND", l->name);
	return 0;
}

/* Every pattern has to mean some layer that can be had. */
static int check_layers(const struct bench_options *o)
{
	char *copy = strdup(o->layers), *save = NULL, *item;
	const struct layer *l;
	int rc = 0, any = 0;
	uint32_t i;

	for (item = copy ? strtok_r(copy, ",", &save) : NULL; item && !rc;
	     item = strtok_r(NULL, ",", &save), any++) {
		for (i = 0; (l = layer_at(i)) && !glob_list_match(item, l->name); i++)
			;
		if (!l)
			rc = usage_error(
				"bench",
				"--layers: unknown layer '%s'; see tcmu-harness bench --list",
				item);
		else
			rc = check_program(o, l);
	}
	if (!rc && !any)
		rc = usage_error("bench", "--layers: expected names of layers, found nothing");
	free(copy);
	return rc;
}

/* exact LAYER WORKLOAD COMMANDS */
static int exact_arguments(struct bench_options *o, char **args, int n)
{
	if (n != 4)
		return usage_error("bench", "expected exact LAYER WORKLOAD COMMANDS");
	if (!layer_find(args[1]))
		return usage_error("bench", "exact: unknown layer '%s'", args[1]);
	if (check_program(o, layer_find(args[1])))
		return EXIT_USAGE;
	o->layers = args[1];
	o->n_workloads = 0;
	if (add_named(o, args[2]))
		return EXIT_USAGE;
	return number("exact: COMMANDS", args[3], 1, 10000000000, &o->commands);
}

bool bench_cpus(int cpus[2])
{
	cpu_set_t set;
	int i, n = 0;

	cpus[0] = cpus[1] = -1;
	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	for (i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET((size_t)i, &set))
			cpus[n++] = i;
	if (n < 2)
		cpus[0] = cpus[1] = -1; /* there is nothing to choose */
	return n == 2;
}

/*
 * Not where temporary files go if nothing is said: that may be memory, on which io_uring has to
 * hand every operation to a thread, and twice as much is used.
 */
static const char *store_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/var/tmp";
}

int bench_options(struct bench_options *o, int argc, char **argv, bool *help_asked)
{
	struct parsing p = { .o = o, .own = { .mix = UINT64_MAX } };
	int c, rc;

	*o = (struct bench_options){ .seed = 1,
				     .store_dir = store_dir(),
				     .size_bytes = SIZE,
				     .ns = TIME_MS * 1000000ull,
				     .repeats = REPEATS,
				     .calls = true };
	*help_asked = false;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return option_error("bench", c, argv);
		if (c == 'h') {
			fputs(help, stdout);
			*help_asked = true;
			return EXIT_OK;
		}
		rc = option(&p, c);
		if (rc)
			return rc;
	}
	if (o->config && !o->exec)
		return usage_error("bench", "--config: expected with --exec COMMAND");
	if (o->config && (!*o->config || *o->config == '/'))
		return usage_error("bench", "--config: expected SUBTYPE/PATH, found '%s'",
				   o->config);
	if (optind < argc && !strcmp(argv[optind], "exact"))
		return exact_arguments(o, argv + optind, argc - optind);
	if (optind < argc)
		return usage_error("bench", "unexpected argument '%s'", argv[optind]);
	rc = choose_workloads(&p);
	return rc || !o->layers ? rc : check_layers(o);
}
