/* SPDX-License-Identifier: MIT */
/* The command line of `tcmu-harness seat`; see program.h for the language. */
#include "../check/verbs.h"
#include "generate.h"
#include "run.h"
#include "seat.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM_MAX (4u << 20) /* bytes */

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "initiator", required_argument, NULL, 'i' },
	{ "time-limit", required_argument, NULL, 't' },
	{ "block", required_argument, NULL, 'b' },
	{ "size", required_argument, NULL, 's' },
	{ "parse", no_argument, NULL, 'p' },
	{ "generate", required_argument, NULL, 'g' },
	{ "triggers", required_argument, NULL, 'w' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: tcmu-harness seat [OPTION]... NODE [FILE]\n"
	"       tcmu-harness seat --parse [FILE]\n"
	"       tcmu-harness seat --generate SEED [--triggers MASK]\n"
	"\n"
	"Plays the handler of a real TCMU device, /dev/uioN or uioN, from a program with one\n"
	"operation a line (FILE, or standard input).\n"
	"\n"
	"  -i, --initiator NODE   SCSI generic node of the same device, for send and reset\n"
	"  -t, --time-limit S     give up after S seconds (60)\n"
	"  -b, --block BYTES      logical blocks of the disk that serve and answer carry\n"
	"                         commands out on (512)\n"
	"  -s, --size BYTES       its size (64M); nothing of it is kept\n"
	"  -p, --parse            only check that the program can be read\n"
	"  -g, --generate SEED    print the hostile program of SEED instead\n"
	"  -w, --triggers MASK    what is known to hurt kernels may occur in it: 1 tails off\n"
	"                         entries, 2 stores to cmd_head, 4 lengths, 8 opcodes, 16\n"
	"                         free_kept_buf of id 0, data_pages_per_blk=0\n"
	"                         (default: none, but in one program of eight all)\n"
	"  -h, --help             this text\n"
	"\n"
	"A line is [-|!]VERB ARGUMENT..., arguments by position or KEY=VALUE; '#' begins a\n"
	"comment. An operation must succeed; with '-' it may fail, with '!' it must. Numbers are\n"
	"sums like head+8 or ring+at, of decimal and 0x numbers and of: head and tail (cmd_head,\n"
	"cmd_tail), at, len, id and iov (of the entry taken last: ring offset, length, cmd_id,\n"
	"region offset of its first buffer), next (ring offset where taking goes on), size\n"
	"(cmdr_size), ring and data (region offsets of ring and data area), map (length of the\n"
	"region), page. Bytes are hexadecimal digits.\n"
	"\n";

static const char usage_end[] =
	"\nEach operation prints a line with its number and what it saw. Exit status: 0 all ended as\n"
	"they should, 1 one did not or the time limit came, 2 usage, set-up or a program that\n"
	"cannot be read.\n";

/* The whole of @path ("-": standard input) in memory. */
static char *read_program(const char *path, size_t *len)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = f ? malloc(PROGRAM_MAX + 1) : NULL;

	if (text) {
		*len = fread(text, 1, PROGRAM_MAX + 1, f);
		if (ferror(f) || *len > PROGRAM_MAX) {
			errno = ferror(f) ? errno : EFBIG;
			free(text);
			text = NULL;
		}
	}
	if (!text)
		fprintf(stderr, "tcmu-harness seat: cannot read %s: %s\n", path, strerror(errno));
	if (f && f != stdin)
		fclose(f);
	return text;
}

static int load(struct seat_program *prog, const char *path)
{
	char err[256];
	size_t len = 0;
	char *text = read_program(path, &len);
	int rc;

	if (!text)
		return -EIO;
	rc = seat_parse(prog, text, len, err, sizeof(err));
	if (rc)
		fprintf(stderr, "tcmu-harness seat: %s: %s\n", path, err);
	free(text);
	return rc;
}

static bool sends(const struct seat_program *prog)
{
	for (uint32_t i = 0; i < prog->cnt; i++)
		if (prog->ops[i].verb == SEAT_SEND || prog->ops[i].verb == SEAT_RESET)
			return true;
	return false;
}

static int run_file(struct seat_options *opt, const char *node, const char *file, bool parse_only)
{
	struct seat_program prog;
	char path[128];
	int status = EXIT_OK;

	if (load(&prog, file))
		return EXIT_USAGE;
	if (!parse_only && sends(&prog) && !opt->initiator) {
		status = usage_error("seat",
				     "expected --initiator for a program that sends, found '%s'",
				     "none");
	} else if (!parse_only) {
		snprintf(path, sizeof(path), "%s%.100s", *node == '/' ? "" : "/dev/", node);
		opt->node = path;
		status = seat_run(&prog, opt);
	}
	seat_program_free(&prog);
	return status;
}

static bool number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return parse_u64(text, out) && *out >= min && *out <= max;
}

/* What the options come to. */
struct request {
	struct seat_options opt;
	bool parse_only, generate;
	uint64_t seed;
	int triggers;
};

/* Returns what is wrong with the value of option @c, or NULL. */
static const char *set_option(struct request *q, int c)
{
	uint64_t n = 0;

	switch (c) {
	case 'i':
		q->opt.initiator = optarg;
		break;
	case 'p':
		q->parse_only = true;
		break;
	case 't':
		if (!number(optarg, 1, 86400, &n))
			return "--time-limit: expected 1 to 86400 seconds";
		q->opt.time_limit_s = (uint32_t)n;
		break;
	case 'b':
		if (!number(optarg, 512, 65536, &n) || (n & (n - 1)))
			return "--block: expected a power of two, 512 to 65536";
		q->opt.block_size = (uint32_t)n;
		break;
	case 'g':
		if (!number(optarg, 0, UINT64_MAX, &q->seed))
			return "--generate: expected a number of 64 bits";
		q->generate = true;
		break;
	case 'w':
		if (!number(optarg, 0, SEAT_WILD_ALL, &n))
			return "--triggers: expected 0 to 31";
		q->triggers = (int)n;
		break;
	case 's':
		if (store_parse_size(optarg, &q->opt.disk_bytes))
			return "--size: expected a size such as 64M";
		break;
	}
	return NULL;
}

static void print_help(void)
{
	fputs(usage, stdout);
	seat_print_verbs(stdout);
	fputs(usage_end, stdout);
}

int seat_main(int argc, char **argv)
{
	struct request q = {
		.opt = { .block_size = 512, .disk_bytes = 64 << 20, .time_limit_s = 60 },
		.triggers = -1
	};
	const char *wrong;
	int c, args, nodes;

	while ((c = getopt_long(argc, argv, ":hi:t:b:s:pg:w:", long_options, NULL)) != -1) {
		if (c == 'h') {
			print_help();
			return EXIT_OK;
		}
		if (c == '?' || c == ':')
			return option_error("seat", c, argv);
		wrong = set_option(&q, c);
		if (wrong)
			return usage_error("seat", "%s, found '%s'", wrong, optarg);
	}
	args = argc - optind;
	argv += optind;
	if (q.generate) {
		if (args)
			return usage_error("seat", "--generate: expected nothing more, found '%s'",
					   argv[0]);
		seat_generate(stdout, q.seed, q.triggers);
		return EXIT_OK;
	}
	nodes = q.parse_only ? 0 : 1;
	if (args < nodes || args > nodes + 1)
		return usage_error("seat", "expected a UIO node and at most one file, found '%s'",
				   args ? argv[args - 1] : "nothing");
	return run_file(&q.opt, argv[0], args > nodes ? argv[nodes] : "-", q.parse_only);
}
