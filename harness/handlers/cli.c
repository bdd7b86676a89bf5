/* SPDX-License-Identifier: MIT */
/*
 * Options of tcmu-handler: GNU conventions, every mistake answered with one line.
 */
#include "cli.h"
#include "../consumer/attach.h"
#include "store.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define POLL_US_MAX   1000000u
#define DEPTH_DEFAULT 128u

enum {
	OPT_STORE = 256,
	OPT_ENGINE,
	OPT_BLOCK_SIZE,
	OPT_SIZE,
	OPT_CREATE,
	OPT_DIRECT,
	OPT_WCE,
	OPT_READ_ONLY,
	OPT_STALE_READS,
	OPT_SQPOLL,
	OPT_ORDER,
	OPT_DEPTH,
	OPT_POLL_US,
	OPT_SUBTYPE,
	OPT_SERIAL,
	OPT_UIO,
	OPT_ATTACH,
	OPT_DAEMON,
	OPT_REPLIES,
	OPT_REORDER,
	OPT_DIE_AFTER,
};

static const struct option options[] = {
	{ "store", required_argument, NULL, OPT_STORE },
	{ "engine", required_argument, NULL, OPT_ENGINE },
	{ "block-size", required_argument, NULL, OPT_BLOCK_SIZE },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "create", no_argument, NULL, OPT_CREATE },
	{ "direct", no_argument, NULL, OPT_DIRECT },
	{ "wce", no_argument, NULL, OPT_WCE },
	{ "read-only", no_argument, NULL, OPT_READ_ONLY },
	{ "stale-reads", no_argument, NULL, OPT_STALE_READS },
	{ "sqpoll", no_argument, NULL, OPT_SQPOLL },
	{ "order", required_argument, NULL, OPT_ORDER },
	{ "depth", required_argument, NULL, OPT_DEPTH },
	{ "poll-us", required_argument, NULL, OPT_POLL_US },
	{ "subtype", required_argument, NULL, OPT_SUBTYPE },
	{ "serial", required_argument, NULL, OPT_SERIAL },
	{ "uio", required_argument, NULL, OPT_UIO },
	{ "attach", required_argument, NULL, OPT_ATTACH },
	{ "daemon", no_argument, NULL, OPT_DAEMON },
	{ "replies", no_argument, NULL, OPT_REPLIES },
	{ "reorder", required_argument, NULL, OPT_REORDER },
	{ "die-after", required_argument, NULL, OPT_DIE_AFTER },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

void cli_help(FILE *out)
{
	fputs("Usage: tcmu-handler --store SPEC [OPTION]... --uio uioN | --attach SOCKET\n"
	      "       tcmu-handler --daemon --subtype NAME [OPTION]...\n"
	      "Serve a TCMU device, or all of one kind, from memory or from files.\n"
	      "\n"
	      "  --daemon              serve every device of the subtype, those that are there and\n"
	      "                        those that come; each from the path in its configuration:\n"
	      "                        NAME//FILE, or NAME/memory\n"
	      "  --replies             have the kernel wait until a device is served or given back;\n"
	      "                        for all daemons of a host or for none\n"
	      "  --subtype NAME        serve only devices configured for NAME\n"
	      "  --uio uioN            the device /dev/uioN; default store: as for --daemon\n"
	      "  --attach SOCKET       a simulated device; default: $" TCMU_ATTACH_ENV "\n"
	      "  --store memory:SIZE   anonymous memory, e.g. memory:64M\n"
	      "  --store file:PATH     a file or block device\n"
	      "  --store null:SIZE     nothing: writes are lost, reads return whatever was in the\n"
	      "                        buffer, another initiator's data perhaps; only for measuring\n"
	      "                        what the rest costs, and only with --stale-reads\n"
	      "  --stale-reads         know what null is and want it\n"
	      "  --engine NAME         psync (default), libaio or io_uring; for files\n"
	      "  --sqpoll              with io_uring: a thread of the kernel takes submissions, and\n"
	      "                        keeps a processor busy\n"
	      "  --size SIZE           capacity; default: the device's, else the file's\n"
	      "  --create              make or extend the file to the capacity\n"
	      "  --direct              bypass the page cache (O_DIRECT)\n"
	      "  --read-only           never write; the unit is write protected\n"
	      "  --block-size BYTES    logical block; default: the device's, else 512\n"
	      "  --wce                 volatile write cache: durable only after a flush or FUA\n"
	      "  --serial TEXT         unit serial number; default: the device's, else made up\n"
	      "  --order in|out        publish in issue order, or as the store finishes;\n"
	      "                        default: in for memory and psync, out for the others\n"
	      "  --depth N             commands held at once, 1..4096; default 128\n"
	      "  --poll-us N|auto      look for work this many microseconds before sleeping, or (the\n"
	      "                        default) for a few times as long as a sleep costs,\n"
	      "                        while that pays\n"
	      "  --reorder SEED        for tests: complete in an order made up from SEED\n"
	      "  --die-after STEP:N    for tests: SIGKILL itself at once after the Nth STEP, which is\n"
	      "                        head, data, medium, rsp, tail, doorbell or read\n"
	      "  -v, --verbose         say what is served and what was done\n"
	      "  -h, --help            this text\n"
	      "  -V, --version         the version\n"
	      "\n"
	      "SIGTERM and SIGINT finish what was begun and leave. Exit status: 0 after that,\n"
	      "1 when the device went away or failed, 2 for bad usage or set-up.\n",
	      out);
}

static int fail(char *err, size_t err_len, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(char *err, size_t err_len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, err_len, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int number(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *out,
		  char *err, size_t err_len)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || n < min || n > max)
		return fail(err, err_len, "--%s: expected a number in %u..%u, found '%s'", name,
			    min, max, text);
	*out = (uint32_t)n;
	return 0;
}

/* "uio3" or "/dev/uio3"; nothing else becomes part of a path. */
static int uio_number(struct cli *cli, const char *text, char *err, size_t err_len)
{
	const char *name = strncmp(text, "/dev/", 5) == 0 ? text + 5 : text;
	size_t digits;

	if (strncmp(name, "uio", 3) != 0)
		return fail(err, err_len, "--uio: expected uioN, found '%s'", text);
	digits = strspn(name + 3, "0123456789");
	if (digits == 0 || digits > 9 || name[3 + digits] != '\0')
		return fail(err, err_len, "--uio: expected uioN, found '%s'", text);
	cli->uio = name;
	return 0;
}

static int order(struct cli *cli, const char *text, char *err, size_t err_len)
{
	if (strcmp(text, "in") == 0)
		cli->order = CLI_ORDER_IN;
	else if (strcmp(text, "out") == 0)
		cli->order = CLI_ORDER_OUT;
	else
		return fail(err, err_len, "--order: expected in or out, found '%s'", text);
	return 0;
}

/* "rsp:100", the names being those of the consumer's steps. */
static int die_after(struct cli *cli, const char *text, char *err, size_t err_len)
{
	static const char *const steps[] = {
		[CONSUMER_STEP_HEAD] = "head",	   [CONSUMER_STEP_DATA] = "data",
		[CONSUMER_STEP_MEDIUM] = "medium", [CONSUMER_STEP_RSP] = "rsp",
		[CONSUMER_STEP_TAIL] = "tail",	   [CONSUMER_STEP_DOORBELL] = "doorbell",
		[CONSUMER_STEP_READ] = "read",
	};
	const char *colon = strchr(text, ':');

	for (size_t i = 0; colon != NULL && i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strlen(steps[i]) != (size_t)(colon - text) ||
		    strncmp(text, steps[i], strlen(steps[i])) != 0)
			continue;
		cli->die_step = (enum consumer_step)i;
		return number("die-after", colon + 1, 1, UINT32_MAX, &cli->die_count, err, err_len);
	}
	return fail(err, err_len, "--die-after: expected STEP:N (see --help), found '%s'", text);
}

static int poll_us(struct cli *cli, const char *text, char *err, size_t err_len)
{
	cli->poll_auto = strcmp(text, "auto") == 0;
	cli->poll_us = 0;
	if (cli->poll_auto)
		return 0;
	if (!isdigit((unsigned char)text[0]))
		return fail(err, err_len, "--poll-us: expected a number or auto, found '%s'", text);
	return number("poll-us", text, 0, POLL_US_MAX, &cli->poll_us, err, err_len);
}

static int with_argument(struct cli *cli, int opt, char *arg, char *err, size_t err_len)
{
	switch (opt) {
	case OPT_STORE:
		cli->store = arg;
		return 0;
	case OPT_ENGINE:
		cli->engine = arg;
		return 0;
	case OPT_SUBTYPE:
		cli->subtype = arg;
		return 0;
	case OPT_SERIAL:
		cli->serial = arg;
		return 0;
	case OPT_ATTACH:
		cli->attach = arg;
		return 0;
	case OPT_UIO:
		return uio_number(cli, arg, err, err_len);
	case OPT_ORDER:
		return order(cli, arg, err, err_len);
	case OPT_BLOCK_SIZE:
		return number("block-size", arg, STORE_BLOCK_MIN, STORE_BLOCK_MAX, &cli->block_size,
			      err, err_len);
	case OPT_DEPTH:
		return number("depth", arg, 1, STORE_DEPTH_MAX, &cli->depth, err, err_len);
	case OPT_POLL_US:
		return poll_us(cli, arg, err, err_len);
	case OPT_REORDER:
		return number("reorder", arg, 1, UINT32_MAX, &cli->reorder_seed, err, err_len);
	case OPT_DIE_AFTER:
		return die_after(cli, arg, err, err_len);
	default: /* OPT_SIZE */
		if (store_parse_size(arg, &cli->size_bytes) != 0 || cli->size_bytes == 0)
			return fail(err, err_len, "--size: expected a number like 64M, found '%s'",
				    arg);
		return 0;
	}
}

static void flag(struct cli *cli, int opt)
{
	switch (opt) {
	case OPT_CREATE:
		cli->create = true;
		break;
	case OPT_DIRECT:
		cli->direct = true;
		break;
	case OPT_WCE:
		cli->wce = true;
		break;
	case OPT_READ_ONLY:
		cli->read_only = true;
		break;
	case OPT_SQPOLL:
		cli->sqpoll = true;
		break;
	case OPT_STALE_READS:
		cli->stale_reads = true;
		break;
	case OPT_DAEMON:
		cli->daemon = true;
		break;
	case OPT_REPLIES:
		cli->replies = true;
		break;
	case 'v':
		cli->verbose = true;
		break;
	case 'h':
		cli->help = true;
		break;
	case 'V':
		cli->version = true;
		break;
	}
}

/* A daemon learns everything that differs between devices from the devices. */
static int check_daemon(const struct cli *cli, char *err, size_t err_len)
{
	if (cli->subtype == NULL)
		return fail(err, err_len, "--daemon: expected --subtype NAME, found none");
	if (cli->uio != NULL || cli->attach != NULL)
		return fail(err, err_len,
			    "expected one of --daemon, --uio and --attach, found two");
	if (cli->store != NULL || cli->size_bytes != 0 || cli->block_size != 0 ||
	    cli->serial != NULL || cli->stale_reads)
		return fail(err, err_len,
			    "--daemon: expected none of --store, --size, --block-size, --serial "
			    "and --stale-reads: each device has its own");
	return 0;
}

static int check_store(const struct cli *cli, char *err, size_t err_len)
{
	bool null;

	if (cli->store == NULL && cli->uio == NULL)
		return fail(err, err_len,
			    "--store: expected memory:SIZE or file:PATH, found nothing");
	null = cli->store != NULL && strncmp(cli->store, "null:", 5) == 0;
	if (cli->stale_reads && !null)
		return fail(err, err_len, "--stale-reads: expected --store null:SIZE, found %s",
			    cli->store != NULL ? cli->store : "none");
	if (cli->store == NULL || (!null && strncmp(cli->store, "memory:", 7) != 0))
		return 0;
	if (cli->size_bytes != 0 || cli->create || cli->direct)
		return fail(err, err_len, "--size, --create and --direct are for files, found '%s'",
			    cli->store);
	return 0;
}

/* What only makes sense, or does not, together. */
static int check(struct cli *cli, char *err, size_t err_len)
{
	if (cli->sqpoll && (cli->engine == NULL || strcmp(cli->engine, "io_uring") != 0))
		return fail(err, err_len, "--sqpoll: expected --engine io_uring, found %s",
			    cli->engine != NULL ? cli->engine : "none");
	if (cli->reorder_seed != 0 && cli->order == CLI_ORDER_IN)
		return fail(err, err_len, "expected one of --reorder and --order in, found both");
	if (cli->daemon)
		return check_daemon(cli, err, err_len);
	if (cli->replies)
		return fail(err, err_len, "--replies: expected --daemon, found none");
	if (check_store(cli, err, err_len) != 0)
		return -EINVAL;
	if (cli->uio != NULL && cli->attach != NULL)
		return fail(err, err_len, "expected one of --uio and --attach, found both");
	if (cli->uio == NULL && cli->attach == NULL)
		cli->attach = getenv(TCMU_ATTACH_ENV);
	if (cli->uio == NULL && cli->attach == NULL)
		return fail(err, err_len, "expected --uio or --attach, found neither, nor $%s",
			    TCMU_ATTACH_ENV);
	return 0;
}

int cli_parse(struct cli *cli, int argc, char **argv, char *err, size_t err_len)
{
	int opt;

	memset(cli, 0, sizeof(*cli));
	cli->depth = DEPTH_DEFAULT;
	cli->poll_auto = true;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":vhV", options, NULL)) != -1) {
		if (opt == ':')
			return fail(err, err_len, "%s: expected an argument, found none",
				    argv[optind - 1]);
		if (opt == '?' && optopt > 0 && optopt < OPT_STORE) /* perhaps one of "-xyz" */
			return fail(err, err_len, "unknown option '-%c' (see --help)", optopt);
		if (opt == '?')
			return fail(err, err_len, "unknown option '%s' (see --help)",
				    argv[optind - 1]);
		if (optarg == NULL)
			flag(cli, opt);
		else if (with_argument(cli, opt, optarg, err, err_len) != 0)
			return -EINVAL;
	}
	if (cli->help || cli->version)
		return 0;
	if (optind < argc)
		return fail(err, err_len, "unexpected argument '%s' (see --help)", argv[optind]);
	return check(cli, err, err_len);
}
