/* SPDX-License-Identifier: MIT */
/*
 * tcmu-handler: the reference handler as a program, for one device or, as a daemon, for all of one
 * subtype. The devices are served by threads of their own; this one waits for signals, for what the
 * kernel announces, and for devices that go away.
 */
#include "cli.h"
#include "daemon/hotplug.h"
#include "daemon/serve.h"
#include "daemon/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EXIT_GONE  1
#define EXIT_SETUP 2

static int complain(const char *line)
{
	fprintf(stderr, "tcmu-handler: %s\n", line);
	return EXIT_SETUP;
}

/* What this thread waits for. */
struct waits {
	int signal_fd, ended_fd;
};

static int setup_waits(struct waits *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL); /* inherited by every thread */
	signal(SIGPIPE, SIG_IGN);	    /* a device that went away is an error of write(2) */
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	w->ended_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return w->signal_fd < 0 || w->ended_fd < 0 ? -errno : 0;
}

static void close_waits(const struct waits *w)
{
	close(w->signal_fd);
	close(w->ended_fd);
}

#define WAIT_SIGNAL 0x1
#define WAIT_ENDED  0x2
#define WAIT_EVENT  0x4

/* Sleep; @event_fd may be -1. Returns WAIT_*. */
static int wait_any(const struct waits *w, int event_fd)
{
	struct pollfd p[3] = {
		{ .fd = w->signal_fd, .events = POLLIN },
		{ .fd = w->ended_fd, .events = POLLIN },
		{ .fd = event_fd, .events = POLLIN },
	};
	int what = 0;

	if (poll(p, 3, -1) < 0)
		return 0;
	if (p[0].revents != 0)
		what |= WAIT_SIGNAL;
	if (p[1].revents != 0)
		what |= WAIT_ENDED;
	if (p[2].revents != 0)
		what |= WAIT_EVENT;
	return what;
}

/* One line of name=value for whoever wants to know what really happened on the ring. */
static void print_statistics(const struct unit *u)
{
	const struct consumer *c = handler_consumer(u->handler);
	uint64_t unknown = 0;

	for (unsigned int op = TCMU_OP_TMR + 1; op <= TCMU_OP_MASK; op++)
		unknown += c->seen[op];
	fprintf(stderr,
		"tcmu-handler: statistics: served=%" PRIu64 " commands=%" PRIu64 " pads=%" PRIu64
		" tmrs=%" PRIu64 " unknown=%" PRIu64 " wakeups=%" PRIu64 " doorbells=%" PRIu64
		" looks=%" PRIu64 " paid=%" PRIu64 "\n",
		handler_served(u->handler), c->seen[TCMU_OP_CMD], c->seen[TCMU_OP_PAD],
		c->seen[TCMU_OP_TMR], unknown, c->wakeups, c->doorbells, u->spin.looks,
		u->spin.paid);
}

static int serve(struct unit *u, const struct waits *w, char *err, size_t err_len)
{
	int what, rc = unit_start(u);

	if (rc != 0) {
		snprintf(err, err_len, "no thread: %s", strerror(-rc));
		return rc;
	}
	do
		what = wait_any(w, -1);
	while (what == 0);
	rc = unit_shut_down(u, err, err_len);
	if (u->cli->verbose)
		print_statistics(u);
	return rc;
}

static int run_one(const struct cli *cli, const struct waits *w)
{
	struct spin_seats seats;
	struct unit u = { .cli = cli, .ended_fd = w->ended_fd, .seats = &seats };
	char err[1024] = "";
	int status = 0;

	serve_seats(&seats);
	if (cli->uio != NULL)
		snprintf(u.uio, sizeof(u.uio), "%s", cli->uio);
	if (unit_open(&u, err, sizeof(err)) != 0 || unit_attach(&u, false, err, sizeof(err)) != 0) {
		status = complain(err);
		goto out;
	}
	if (cli->verbose)
		fprintf(stderr,
			"tcmu-handler: serving %s from %s (%s, %" PRIu64 " bytes, %s order)\n",
			u.dev.name, u.spec, store_engine(u.store), store_size(u.store),
			u.in_order ? "in" : "out of");
	if (serve(&u, w, err, sizeof(err)) != 0) {
		complain(err);
		status = EXIT_GONE;
	}
	if (u.stuck) /* its memory goes with the process */
		return status;
out:
	unit_close(&u);
	return status;
}

static int run_daemon(const struct cli *cli, const struct waits *w)
{
	struct hotplug h;
	char err[1024] = "";
	int status = 0, what = 0;

	if (hotplug_open(&h, cli, w->ended_fd, err, sizeof(err)) != 0) {
		status = complain(err);
		what = WAIT_SIGNAL;
	} else if (cli->verbose) {
		fprintf(stderr, "tcmu-handler: waiting for devices of subtype %s\n", cli->subtype);
	}
	while (!(what & WAIT_SIGNAL)) {
		what = wait_any(w, netlink_fd(h.nl));
		if (what & WAIT_ENDED)
			hotplug_reap(&h);
		if ((what & WAIT_EVENT) && hotplug_events(&h) != 0) {
			complain("netlink: the socket failed");
			status = EXIT_GONE;
			break;
		}
	}
	if (hotplug_close(&h) != 0 && status == 0)
		status = EXIT_GONE;
	return status;
}

int main(int argc, char **argv)
{
	struct waits w;
	struct cli cli;
	char err[1024] = "";
	int status;

	if (cli_parse(&cli, argc, argv, err, sizeof(err)) != 0)
		return complain(err);
	if (cli.help) {
		cli_help(stdout);
		return 0;
	}
	if (cli.version) {
		puts("tcmu-handler " CLI_VERSION);
		return 0;
	}
	if (setup_waits(&w) != 0)
		return complain(strerror(errno));
	status = cli.daemon ? run_daemon(&cli, &w) : run_one(&cli, &w);
	close_waits(&w);
	return status;
}
