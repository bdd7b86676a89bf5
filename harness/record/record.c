/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness trace record`: be the handler while a command makes traffic, and write it all down.
 *
 * Order of things: probes, so that nothing is missed; attach; the command; its end and that of all
 * commands in the ring; a last doorbell; probes off; both accounts as one trace.
 */
#include "record.h"

#include "../trace/trace_impl.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ERR_LEN	   512
#define BUFFER_MAX 4096u
#define PAGE	   4096u

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_BAD = 2 };

static const char usage[] =
	"usage: tcmu-harness trace record [OPTION]... uioN FILE -- COMMAND [ARG]...\n"
	"\n"
	"Serve the TCMU device behind /dev/uioN from memory while COMMAND makes traffic, and\n"
	"write what the kernel and the handler did to FILE (compressed if it ends in .xz).\n"
	"COMMAND should link the device to its fabric: the ring has to be empty before.\n"
	"\n"
	"  -o, --order in|any     answer in issue order, or in any (default any)\n"
	"  -s, --seed N           of everything random (default 1)\n"
	"      --hold N           answers held back at most, in any order (default 8)\n"
	"  -d, --do MOOD=N,...    what comes over one command in N, on the average:\n"
	"                         short (READ_LEN), sense, busy, unknown (UNKNOWN_OP),\n"
	"                         keep (KEEP_BUF), late, stall, block (block_dev),\n"
	"                         reset1, reset2 (reset_ring), broken (wrong id),\n"
	"                         restart (close and open the node; in order only)\n"
	"      --after N          not before N commands were served (default 50: the scan)\n"
	"      --late MS          how late (default 1500)\n"
	"      --stall MS         how long to answer nothing (default 100)\n"
	"      --block MS         how long to block the device (default 50)\n"
	"      --buffer MB        kernel memory for events per CPU (default 32)\n"
	"  -h, --help             this text\n"
	"\n"
	"Needs root, tracefs and BTF of kernel and module. Exit status: 0 recorded, 2 not.\n";

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "order", required_argument, NULL, 'o' },
	{ "seed", required_argument, NULL, 's' },
	{ "hold", required_argument, NULL, 'H' },
	{ "do", required_argument, NULL, 'd' },
	{ "late", required_argument, NULL, 'l' },
	{ "after", required_argument, NULL, 'a' },
	{ "stall", required_argument, NULL, 'S' },
	{ "block", required_argument, NULL, 'B' },
	{ "buffer", required_argument, NULL, 'b' },
	{ NULL, 0, NULL, 0 },
};

struct options {
	struct clerk_config clerk;
	uint32_t buffer_mb;
	const char *file;
	char **command;
};

static int complain(const char *text)
{
	fprintf(stderr, "tcmu-harness trace record: %s\n", text);
	return EXIT_BAD;
}

static int take_number(const char *what, const char *text, uint64_t max, uint64_t *value)
{
	char say[160], *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && *value <= max)
		return 0;
	snprintf(say, sizeof(say), "%s: expected a number up to %" PRIu64 ", found '%.80s'", what,
		 max, text);
	return complain(say);
}

/* "MOOD=N,MOOD=N" */
static int parse_moods(struct clerk_config *cfg, char *text)
{
	char say[160], *save = NULL, *word, *eq;
	uint64_t n = 0;
	int i, rc = 0;

	for (word = strtok_r(text, ",", &save); !rc && word; word = strtok_r(NULL, ",", &save)) {
		eq = strchr(word, '=');
		if (eq)
			*eq = 0;
		for (i = 0; i < CLERK_MOODS && strcmp(word, clerk_moods[i]) != 0; i++)
			;
		if (i == CLERK_MOODS || !eq) {
			snprintf(say, sizeof(say),
				 "--do: expected MOOD=N (see --help), found '%.80s'", word);
			return complain(say);
		}
		rc = take_number("--do", eq + 1, 1u << 30, &n);
		cfg->chance[i] = (uint32_t)n;
	}
	if (!rc && cfg->chance[CLERK_RESTART] && !cfg->in_order)
		return complain("--do restart: expected --order in: the ring alone cannot tell a "
				"successor what was answered");
	return rc;
}

static int parse_option(struct options *o, int c, char **moods)
{
	uint64_t v = 0;
	int rc;

	switch (c) {
	case 'o':
		o->clerk.in_order = !strcmp(optarg, "in");
		return o->clerk.in_order || !strcmp(optarg, "any")
			       ? 0
			       : complain("--order: expected in or any");
	case 'd':
		*moods = optarg;
		return 0;
	case 's':
		return take_number("--seed", optarg, UINT64_MAX / 4, &o->clerk.seed);
	}
	rc = take_number(c == 'b' ? "--buffer" : "option", optarg, c == 'b' ? BUFFER_MAX : 1u << 20,
			 &v);
	if (c == 'H')
		o->clerk.hold = (uint32_t)v;
	if (c == 'a')
		o->clerk.after = (uint32_t)v;
	if (c == 'l')
		o->clerk.late_ms = (uint32_t)v;
	if (c == 'S')
		o->clerk.stall_ms = (uint32_t)v;
	if (c == 'B')
		o->clerk.block_ms = (uint32_t)v;
	if (c == 'b')
		o->buffer_mb = (uint32_t)v;
	return rc;
}

/* Returns -1 to go on, or an exit status. */
static int parse_options(struct options *o, int argc, char **argv)
{
	char *moods = NULL, say[160];
	int c, rc;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:ho:s:d:", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return EXIT_FINE;
		}
		if (c == '?' || c == ':') {
			snprintf(say, sizeof(say), "expected options it knows%s, found '%.80s'",
				 c == ':' ? " with their value" : "", argv[optind - 1]);
			return complain(say);
		}
		rc = parse_option(o, c, &moods);
		if (rc)
			return rc;
	}
	rc = moods ? parse_moods(&o->clerk, moods) : 0;
	if (rc)
		return rc;
	if (argc - optind < 3)
		return complain("expected uioN FILE -- COMMAND, found less");
	o->clerk.uio = argv[optind];
	o->file = argv[optind + 1];
	o->command = argv + optind + 2;
	if (!strcmp(*o->command, "--"))
		o->command++;
	return *o->command ? -1 : complain("expected a COMMAND, found none");
}

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	execvp(command[0], command);
	fprintf(stderr, "tcmu-harness trace record: %s: %s\n", command[0], strerror(errno));
	_exit(127);
}

/* Bytes of a data block, as configured. */
static uint32_t data_block(const struct clerk *s)
{
	char path[4352];
	unsigned int pages = 1;
	FILE *in;

	snprintf(path, sizeof(path), "%s/attrib/data_pages_per_blk", clerk_configfs(s));
	in = fopen(path, "re");
	if (in && fscanf(in, "%u", &pages) != 1)
		pages = 1;
	if (in)
		fclose(in);
	return pages * PAGE;
}

/* Runs the command with the handler beside it. 0 or an error line. */
static int serve(struct clerk *s, char **command, char *err, size_t err_len)
{
	pid_t pid = start(command);
	int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1, status = 0, rc;

	if (fd < 0) {
		rc = -errno;
		snprintf(err, err_len, "%s: %s", command[0], strerror(errno));
		return rc;
	}
	rc = clerk_serve(s, fd, err, err_len);
	if (rc)
		kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) == pid && !rc && status) {
		snprintf(err, err_len, "%s: expected success, found %s %d", command[0],
			 WIFEXITED(status) ? "exit status" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		rc = -ECHILD;
	}
	close(fd);
	return rc;
}

static void report(const struct trace *t, const char *file, uint64_t ms)
{
	size_t counts[TRACE_KINDS] = { 0 }, i;

	for (i = 0; i < t->n; i++)
		counts[t->v[i].kind]++;
	printf("%s: %zu commands in %" PRIu64 ".%" PRIu64 " s", file, counts[TRACE_SUBMIT],
	       ms / 1000, ms / 100 % 10);
	for (i = 0; i < TRACE_KINDS; i++)
		if (counts[i] && i != TRACE_SUBMIT)
			printf(", %zu %s", counts[i], trace_kind_name((enum trace_kind)i));
	putchar('\n');
}

/* Probes, handler, command, probes again: everything but the writing. */
static int record(const struct options *o, struct trace *t, char *err, size_t err_len)
{
	struct merge_config cfg = { .pid = (uint32_t)gettid() };
	struct clerk_log log = { 0 };
	struct probe_event *events = NULL;
	struct probes *p;
	struct timespec tick;
	struct clerk *s;
	char other[ERR_LEN];
	size_t n = 0;
	int rc, stop;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	cfg.tick_ns = (uint32_t)tick.tv_nsec;
	p = probes_start(o->buffer_mb, err, err_len);
	if (!p)
		return -EIO;
	s = clerk_open(&o->clerk, err, err_len);
	rc = s ? serve(s, o->command, err, err_len) : -EIO;
	if (s) {
		cfg.blk_size = data_block(s);
		cfg.desc_sense = clerk_desc_sense(s);
		clerk_close(s, &log);
	}
	stop = probes_stop(p, &events, &n, rc ? other : err, rc ? sizeof(other) : err_len);
	rc = rc ? rc : stop;
	if (!rc)
		rc = merge_accounts(t, events, n, &log, &cfg, err, err_len);
	free(events);
	clerk_log_free(&log);
	return rc;
}

int record_main(int argc, char **argv)
{
	struct options o = { .clerk = { .seed = 1,
					.hold = 8,
					.after = 50,
					.late_ms = 1500,
					.stall_ms = 100,
					.block_ms = 50 },
			     .buffer_mb = 32 };
	struct timespec begin, end;
	struct trace t = { 0 };
	char err[ERR_LEN] = "";
	int rc = parse_options(&o, argc, argv);

	if (rc >= 0)
		return rc;
	signal(SIGPIPE, SIG_IGN);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	rc = record(&o, &t, err, sizeof(err));
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (!rc) {
		rc = trace_save(&t, o.file);
		if (rc)
			snprintf(err, sizeof(err), "%s: %s", o.file, strerror(-rc));
	}
	if (!rc)
		report(&t, o.file,
		       (uint64_t)(end.tv_sec - begin.tv_sec) * 1000 +
			       (uint64_t)(end.tv_nsec / 1000000) -
			       (uint64_t)(begin.tv_nsec / 1000000));
	trace_free(&t);
	return rc ? complain(err) : EXIT_FINE;
}
