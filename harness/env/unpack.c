/* SPDX-License-Identifier: MIT */
/*
 * Unpacking by the programs that everybody has who has such files. A broken file then breaks a
 * process that is not ours, and no library need be linked for the sake of one report.
 */
#include "rootfs.h"

#include "../check/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <unistd.h>

#define LIMIT_MS 10000
#define CHUNK	 65536

extern char **environ;

/* Start "@program -dc" from @in to @out. Signals are as they were for us but SIGPIPE, which ends
 * it when we have had enough. */
static int start(const char *program, int in, int out, pid_t *pid)
{
	char *const argv[] = { (char *)program, (char *)"-dc", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int rc;

	if (posix_spawn_file_actions_init(&files))
		return ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&files);
		return ENOMEM;
	}
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_adddup2(&files, in, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(pid, program, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

/* Room for another CHUNK and a 0 behind @n bytes. */
static bool make_room(char **buf, size_t *room, size_t n)
{
	char *more;

	if (*room >= n + CHUNK + 1)
		return true;
	more = realloc(*buf, 2 * *room + CHUNK + 1);
	if (!more)
		return false;
	*buf = more;
	*room = 2 * *room + CHUNK + 1;
	return true;
}

/* Everything from the pipe until its end; 0, or an error number. */
static int drain(int fd, size_t max, char **buf, size_t *n)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t end = (int64_t)child_now_ms() + LIMIT_MS, left;
	size_t room = 0;
	ssize_t got;

	for (*n = 0;; *n += (size_t)got) {
		left = end - (int64_t)child_now_ms();
		p.revents = 0;
		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			return ETIMEDOUT;
		if (!p.revents) {
			got = 0;
			continue;
		}
		if (!make_room(buf, &room, *n))
			return ENOMEM;
		got = read(fd, *buf + *n, CHUNK);
		if (got <= 0)
			return got ? errno : 0;
		if (*n + (size_t)got > max)
			return EFBIG;
	}
}

char *unpack(const char *program, int fd, size_t max, size_t *len)
{
	int ends[2], rc, status;
	char *buf = NULL;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return NULL;
	rc = start(program, fd, ends[1], &pid);
	close(ends[1]);
	if (rc) {
		close(ends[0]);
		errno = rc == ENOENT ? ENOPKG : rc;
		return NULL;
	}
	rc = drain(ends[0], max, &buf, len);
	close(ends[0]);
	if (rc)
		kill(pid, SIGKILL);
	status = child_reap(pid);
	if (!rc && status)
		rc = EBADMSG;
	if (!rc && buf) {
		buf[*len] = 0;
		return buf;
	}
	free(buf);
	errno = rc ? rc : EBADMSG;
	return NULL;
}
