/* SPDX-License-Identifier: MIT */
/* The command line of `tcmu-harness trace`; see trace.h. Results to stdout, mistakes to stderr. */
#include "trace.h"

#include "../record/record.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_EQUAL = 0, EXIT_DIFFERS = 1, EXIT_BAD = 2 };

#define ERR_LEN 512

/* What the options of all sub-verbs come to. */
struct options {
	bool summary;
	long max;
	uint32_t blk_size;
};

/* @files: how many; 0 = one or more. */
struct verb {
	const char *name;
	int files;
	int (*run)(char **files, const struct options *o);
	const char *usage;
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "summary", no_argument, NULL, 's' },
	{ "max", required_argument, NULL, 'n' },
	{ "block-size", required_argument, NULL, 'b' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: tcmu-harness trace dump [-s] FILE\n"
	"       tcmu-harness trace replay [-b BYTES] FILE...\n"
	"       tcmu-harness trace diff [-n COUNT] FILE FILE\n"
	"       tcmu-harness trace record [OPTION]... uioN FILE -- COMMAND [ARG]...\n"
	"       tcmu-harness trace load [OPTION]... /dev/sgN\n"
	"\n"
	"  dump    show a ring trace with named fields, and what is in it\n"
	"  replay  let the simulator produce the trace from its commands alone\n"
	"  diff    compare mailbox, entries and statuses of two traces\n"
	"  record  be the handler of a real device and record it (record --help)\n"
	"  load    make traffic for a recording (load --help)\n"
	"\n"
	"  -s, --summary           only what is in it\n"
	"  -b, --block-size BYTES  size of a data block, if neither the trace nor its\n"
	"                          iovs tell\n"
	"  -n, --max COUNT         print at most COUNT differences (default 10)\n"
	"  -h, --help              this text\n"
	"\n"
	"FILE \"-\" is standard input. Exit status: 0 equal, 1 different, 2 usage or bad\n"
	"input.\n";

static int complain(const char *text)
{
	fprintf(stderr, "tcmu-harness trace: %s\n", text);
	return EXIT_BAD;
}

static int complain_output(int rc)
{
	fprintf(stderr, "tcmu-harness trace: standard output: %s\n", strerror(-rc));
	return EXIT_BAD;
}

static int run_dump(char **files, const struct options *o)
{
	char err[ERR_LEN];
	struct trace t;
	int rc;

	if (trace_load(&t, files[0], err, sizeof(err)))
		return complain(err);
	rc = trace_dump(&t, o->summary, stdout);
	trace_free(&t);
	return rc ? complain_output(rc) : EXIT_EQUAL;
}

static void print_order(const struct trace_result *r)
{
	printf("%zu entries: %zu CMD, %zu PAD, %zu TMR identical; %zu KICK, %zu IRQ consistent\n",
	       r->identical, r->cmds, r->pads, r->tmrs, r->kicks, r->irqs);
	printf("order: %zu of %zu entries may have been queued before or after a completion; "
	       "found with %zu of these after, 0 backtracks\n",
	       r->open_order, r->entries, r->after);
	printf("data blocks of %u bytes%s; ", r->blk_size, r->blk_inferred ? " (inferred)" : "");
	if (r->lba_size)
		printf("lengths follow from the CDBs with %u bytes a block\n", r->lba_size);
	else
		printf("lengths not checked against the CDBs\n");
}

static void print_exact(const struct trace_result *r)
{
	printf("%zu commands: %zu entries (%zu CMD, %zu PAD, %zu TMR), %zu waits, %zu answers, %zu "
	       "aborts identical; %zu causes\n",
	       r->submitted, r->identical, r->cmds, r->pads, r->tmrs, r->waits, r->done, r->aborted,
	       r->causes);
}

/* Replays one file. EXIT_EQUAL or EXIT_DIFFERS with *@res filled; EXIT_BAD after a complaint. */
static int replay_file(const char *file, const struct options *o, struct trace_result *res)
{
	char err[ERR_LEN];
	struct trace t;
	int rc;

	if (trace_load(&t, file, err, sizeof(err)))
		return complain(err);
	rc = trace_replay(&t, o->blk_size, res, err, sizeof(err));
	if (!rc && res->differs) {
		trace_finding_text(&res->finding, t.name, err, sizeof(err));
		printf("%s\n%zu of %zu entries identical before it%s\n", err, res->identical,
		       res->entries,
		       res->format == 1 ? "; no order of what the trace leaves open explains this "
					  "line"
					: "");
	}
	trace_free(&t);
	if (rc)
		return complain(err);
	return res->differs ? EXIT_DIFFERS : EXIT_EQUAL;
}

static int run_replay(char **files, const struct options *o)
{
	size_t commands = 0, entries = 0, different = 0, n = 0;
	struct trace_result res;
	int rc, worst = EXIT_EQUAL;

	for (; *files; files++, n++) {
		rc = replay_file(*files, o, &res);
		worst = rc > worst ? rc : worst;
		if (rc == EXIT_BAD)
			continue;
		commands += res.format == 1 ? res.cmds : res.submitted;
		entries += res.identical;
		different += res.differs;
		if (res.differs)
			continue;
		if (n || files[1])
			printf("%s: ", *files);
		if (res.format == 1)
			print_order(&res);
		else
			print_exact(&res);
	}
	if (n > 1)
		printf("%zu recordings, %zu commands compared, %zu entries identical, %zu differences\n",
		       n, commands, entries, different);
	if (fflush(stdout))
		return complain_output(-errno);
	return worst;
}

static int run_diff(char **files, const struct options *o)
{
	char err[ERR_LEN];
	struct trace a, b;
	long n;

	if (trace_load(&a, files[0], err, sizeof(err)))
		return complain(err);
	if (trace_load(&b, files[1], err, sizeof(err))) {
		trace_free(&a);
		return complain(err);
	}
	n = trace_diff(&a, &b, o->max, stdout);
	trace_free(&a);
	trace_free(&b);
	if (n < 0)
		return complain_output((int)n);
	return n ? EXIT_DIFFERS : EXIT_EQUAL;
}

static const struct verb verbs[] = {
	{ "dump", 1, run_dump, "hs" },
	{ "replay", 0, run_replay, "hb:" },
	{ "diff", 2, run_diff, "hn:" },
};

static bool number(const char *text, unsigned long min, unsigned long max, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *value >= min && *value <= max;
}

/* Takes the options of @v. Returns -1 to go on, or an exit status. */
static int parse_options(const struct verb *v, int argc, char **argv, struct options *o)
{
	unsigned long value = 0;
	char text[160];
	int c;

	optind = 0; /* start over: other verbs have parsed before */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":hsn:b:", long_options, NULL)) != -1) {
		int opt = c == '?' || c == ':' ? optopt : c;
		char one[3] = { '-', (char)opt, 0 };

		if (c == '?' || !strchr(v->usage, opt)) {
			snprintf(text, sizeof(text), "%s: expected options it knows, found '%.80s'",
				 v->name, opt ? one : argv[optind - 1]);
			return complain(text);
		}
		if (c == ':') {
			snprintf(text, sizeof(text), "%s: %s: expected a value, found none",
				 v->name, one);
			return complain(text);
		}
		if (c == 'h') {
			fputs(usage, stdout);
			return fflush(stdout) ? complain_output(-errno) : EXIT_EQUAL;
		}
		if (c == 's')
			o->summary = true;
		if (c == 'n' || c == 'b') {
			if (!number(optarg, c == 'b' ? 4096 : 0, 1u << 30, &value)) {
				snprintf(text, sizeof(text),
					 "%s: expected %s to 1073741824, found '%s'",
					 c == 'b' ? "--block-size" : "--max",
					 c == 'b' ? "4096" : "0", optarg);
				return complain(text);
			}
			if (c == 'b')
				o->blk_size = (uint32_t)value;
			else
				o->max = (long)value;
		}
	}
	return -1;
}

int trace_main(int argc, char **argv)
{
	struct options o = { .max = 10 };
	const struct verb *v = NULL;
	char text[160];
	size_t i;
	int rc;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return fflush(stdout) ? complain_output(-errno) : EXIT_EQUAL;
	}
	if (argc > 1 && !strcmp(argv[1], "record"))
		return record_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "load"))
		return load_main(argc - 1, argv + 1);
	for (i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[1], verbs[i].name))
			v = &verbs[i];
	if (!v) {
		snprintf(text, sizeof(text),
			 "expected dump, replay, diff, record or load, found %s%.80s%s",
			 argc > 1 ? "'" : "", argc > 1 ? argv[1] : "nothing", argc > 1 ? "'" : "");
		return complain(text);
	}
	rc = parse_options(v, argc - 1, argv + 1, &o);
	if (rc >= 0)
		return rc;
	argc -= 1 + optind;
	argv += 1 + optind;
	if (v->files ? argc != v->files : !argc) {
		snprintf(text, sizeof(text), "%s: expected %d file%s%s, found %d", v->name,
			 v->files ? v->files : 1, v->files > 1 ? "s" : "",
			 v->files ? "" : " or more", argc);
		return complain(text);
	}
	return v->run(argv, &o);
}
