/* SPDX-License-Identifier: MIT */
/* Children and their pipes; see child.h. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REAP_MS 10000

uint64_t child_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

bool child_put(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	for (; len; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return false;
	}
	return true;
}

/* A handler that runs wild on memory must not take the machine with it: we are the first to go. */
static void volunteer_for_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	child_put(fd, "1000", 4);
	close(fd);
}

void child_settle(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	volunteer_for_oom();
	signal(SIGINT, SIG_IGN); /* the parent decides */
	signal(SIGPIPE, SIG_IGN);
}

int child_get(int fd, void *buf, size_t len, uint64_t end_ms, const volatile sig_atomic_t *stop)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char *p = buf;
	uint64_t now;
	ssize_t n;

	while (len) {
		if (stop && *stop)
			return -EINTR;
		now = child_now_ms();
		if (now >= end_ms)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, (int)(end_ms - now)) <= 0)
			continue;
		n = read(fd, p, len);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return 0;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 1;
}

int child_reap(pid_t pid)
{
	uint64_t end = child_now_ms() + REAP_MS;
	int status = 0;

	while (child_now_ms() < end) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(200);
	}
	kill(pid, SIGKILL);
	/* a process that waits in the kernel may not even die */
	for (end = child_now_ms() + REAP_MS; child_now_ms() < end; usleep(1000))
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
	return status;
}

char *child_how(int status)
{
	char *text = NULL;
	int n;

	if (WIFSIGNALED(status))
		n = asprintf(&text, "the handler crashed: signal %d (%s)", WTERMSIG(status),
			     strsignal(WTERMSIG(status)));
	else
		n = asprintf(&text, "the handler ended the process with status %d",
			     WEXITSTATUS(status));
	return n < 0 ? NULL : text;
}
