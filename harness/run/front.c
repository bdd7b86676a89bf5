/* SPDX-License-Identifier: MIT */
/*
 * The process that the user started: it stays outside the world, passes signals on, and sees to it
 * that nothing is left of the owner.
 */
#include "run.h"

#include "../check/verbs.h"
#include "../target/impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OWNER_MS 15000 /* longer than all that it waits for itself */

/* What we wait for. Whoever ignores hangups (nohup) goes on doing so. */
static void wait_set(sigset_t *set)
{
	static const int sigs[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	struct sigaction old;
	size_t i;

	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		if (!sigaction(sigs[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaddset(set, sigs[i]);
}

static void pass_on(int control, const siginfo_t *info)
{
	/* what a terminal sends, it sends to the client as well */
	struct run_signal s = { .sig = info->si_signo, .group = info->si_code == SI_KERNEL };

	(void)!send(control, &s, sizeof(s), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Children that are not the owner have lost their parent. True: the owner has ended. */
static bool reap(pid_t owner, int *status)
{
	bool ended = false;
	int any;
	pid_t pid;

	while ((pid = waitpid(-1, &any, WNOHANG)) > 0) {
		if (pid != owner)
			continue;
		*status = any;
		ended = true;
	}
	return ended;
}

/* An owner that does not end in time after it was told to will not end by itself. */
static int wait_for(pid_t owner, int control, const sigset_t *set)
{
	const struct timespec moment = { .tv_nsec = 200000000 };
	uint64_t kill_at = UINT64_MAX;
	siginfo_t info;
	int status = 0;

	while (!reap(owner, &status)) {
		if (run_now_ms() > kill_at)
			kill(owner, SIGKILL);
		if (sigtimedwait(set, &info, &moment) < 0 || info.si_signo == SIGCHLD)
			continue;
		pass_on(control, &info);
		if (info.si_signo != SIGINT && info.si_signo != SIGQUIT && kill_at == UINT64_MAX)
			kill_at = run_now_ms() + OWNER_MS;
	}
	return status;
}

/* A client that was killed may have left the terminal to a process group that is no more. */
static void take_terminal(bool was_ours)
{
	sigset_t set, old;

	if (!was_ours)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, &old);
	tcsetpgrp(0, getpgrp());
	sigprocmask(SIG_SETMASK, &old, NULL);
}

int run_front(const struct run_config *cfg, const char *dir)
{
	char spare[PROCESS_CHILDREN_MAX];
	bool terminal = isatty(0) && tcgetpgrp(0) == getpgrp();
	sigset_t set, old;
	int pair[2], status;
	pid_t owner;

	process_children(spare, sizeof(spare));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_DFL);
	wait_set(&set);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		run_say("socketpair: %s", strerror(errno));
		return EXIT_USAGE;
	}
	sigprocmask(SIG_BLOCK, &set, &old);
	fflush(NULL);
	owner = fork();
	if (!owner) {
		close(pair[0]);
		setpgid(0, 0);
		sigprocmask(SIG_SETMASK, &old, NULL);
		exit(run_owner(cfg, dir, pair[1]));
	}
	close(pair[1]);
	if (owner < 0) {
		run_say("fork: %s", strerror(errno));
		close(pair[0]);
		return EXIT_USAGE;
	}
	setpgid(owner, owner);
	status = wait_for(owner, pair[0], &set);
	close(pair[0]);
	process_end_all(spare);
	take_terminal(terminal);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	run_say("the process that held the world died by signal %d (%s)", WTERMSIG(status),
		strsignal(WTERMSIG(status)));
	return EXIT_USAGE;
}
