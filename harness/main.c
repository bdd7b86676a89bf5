/* SPDX-License-Identifier: MIT */
/* tcmu-harness: one command line, one verb each. */
#include "../bench/verbs.h"
#include "check/verbs.h"
#include "env/env.h"
#include "fabric/fabric.h"
#include "seat/seat.h"
#include "trace/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "0.1.0"
#endif

/* Set by the first SIGINT or SIGTERM; whoever waits looks at it and cleans up. */
static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static const char help[] =
	"Usage: tcmu-harness VERB [OPTION]...\n"
	"Conformance, tracing and measuring for TCMU handlers, on a simulated kernel.\n"
	"\n"
	"  check     judge a handler, clause by clause\n"
	"  fuzz      look for sequences of events that a handler does not bear\n"
	"  replay    carry out one such sequence, step by step\n"
	"  run       run any SCSI client on simulated devices, with any handlers behind them\n"
	"  report    results of several runs in one table\n"
	"  list      clauses, cases, mutants\n"
	"  explain   what a clause asks and what people get wrong\n"
	"  trace     look at, compare and replay traces recorded from kernels\n"
	"  bench     what a command costs, layer by layer\n"
	"  compare   two results of bench: what got better or worse, and how sure that is\n"
	"  scsi      send CDBs to a disk over iSCSI, print the raw answers\n"
	"  env       what this machine lets us do, found out by trying\n"
	"  fabric    generate a fabric module for the kernel's target core\n"
	"  seat      play the handler of a real TCMU device, move by move\n"
	"\n"
	"tcmu-harness VERB --help says more. Exit status: 0 all good, 1 failures, 2 usage or set-up\n"
	"error, 77 nothing ran.\n";

/* Who was started without standard files must not print into a device, or a result. */
static void hold_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* A reader that has left wanted no more: no failure. */
static bool reader_left(void)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLERR);
}

/* What was printed and did not get there is not done. */
static int finish(int rc)
{
	int error = fflush(stdout) ? errno : 0;

	if (rc == EXIT_USAGE || (!error && !ferror(stdout)) || reader_left())
		return rc;
	fprintf(stderr, "tcmu-harness: cannot write to standard output%s%s\n", error ? ": " : "",
		error ? strerror(error) : "");
	return EXIT_USAGE;
}

static int run_verb(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "run")) /* minds signals in its own way */
		return verb_run(argc - 1, argv + 1);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	if (!strcmp(verb, "check"))
		return verb_check(argc - 1, argv + 1, &stop);
	if (!strcmp(verb, "fuzz"))
		return verb_fuzz(argc - 1, argv + 1, &stop);
	if (!strcmp(verb, "replay"))
		return verb_replay(argc - 1, argv + 1, &stop);
	if (!strcmp(verb, "bench"))
		return verb_bench(argc - 1, argv + 1, &stop);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (!strcmp(verb, "list"))
		return verb_list(argc - 1, argv + 1);
	if (!strcmp(verb, "explain"))
		return verb_explain(argc - 1, argv + 1);
	if (!strcmp(verb, "trace"))
		return trace_main(argc - 1, argv + 1);
	if (!strcmp(verb, "compare"))
		return verb_compare(argc - 1, argv + 1);
	if (!strcmp(verb, "report"))
		return verb_report(argc - 1, argv + 1);
	if (!strcmp(verb, "scsi"))
		return verb_scsi(argc - 1, argv + 1);
	if (!strcmp(verb, "env"))
		return verb_env(argc - 1, argv + 1);
	if (!strcmp(verb, "fabric"))
		return verb_fabric(argc - 1, argv + 1);
	if (!strcmp(verb, "seat"))
		return seat_main(argc - 1, argv + 1);
	if (!strcmp(verb, "--help") || !strcmp(verb, "-h") || !strcmp(verb, "help")) {
		fputs(help, stdout);
		return EXIT_OK;
	}
	if (!strcmp(verb, "--version")) {
		puts("tcmu-harness " VERSION);
		return EXIT_OK;
	}
	fprintf(stderr,
		"tcmu-harness: expected a verb (check, fuzz, replay, run, report, list, explain, "
		"trace, bench, compare, scsi, env, fabric, seat), found '%s'; "
		"see tcmu-harness --help\n",
		verb);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	hold_standard_files();
	return finish(run_verb(argc, argv));
}
