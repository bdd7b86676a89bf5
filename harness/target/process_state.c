/* SPDX-License-Identifier: MIT */
/*
 * What a handler's threads are doing, as /proc has it: have they stopped, do they wait for a
 * processor? A machine may be busy with other things; a handler that could run is not asleep.
 */
#include "impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FAMILY 8 /* generations that are looked at */

bool process_read_line(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, len - 1);
	close(fd);
	if (n < 0)
		return false;
	buf[n] = 0;
	return true;
}

/* Whether no thread of @group is in one of @states; who has left the group does not count. */
static bool thread_is_out_of(pid_t pid, const char *tid, pid_t group, const char *states)
{
	char path[64], line[512], *p, state;
	int its;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/stat", (int)pid, tid);
	if (!process_read_line(path, line, sizeof(line)))
		return true; /* no more so than this */
	p = strrchr(line, ')');
	if (!p || sscanf(p + 1, " %c %*d %d", &state, &its) != 2 || its != group)
		return true;
	return !strchr(states, state);
}

static bool is_out_of(pid_t pid, pid_t group, const char *states, unsigned int depth);

static bool children_are_out_of(pid_t pid, const char *tid, pid_t group, const char *states,
				unsigned int depth)
{
	char path[64], list[PROCESS_CHILDREN_MAX], *p = list, *end;
	bool all = true;
	long child;

	snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", (int)pid, tid);
	if (!depth || !process_read_line(path, list, sizeof(list)))
		return true;
	for (; all && (child = strtol(p, &end, 10)) > 0; p = end)
		all = is_out_of((pid_t)child, group, states, depth - 1);
	return all;
}

/* Each thread by itself; a shell may have the handler as its child. */
static bool is_out_of(pid_t pid, pid_t group, const char *states, unsigned int depth)
{
	struct dirent *e;
	bool all = true;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && all && (e = readdir(dir)) != NULL)
		all = e->d_name[0] == '.' ||
		      (thread_is_out_of(pid, e->d_name, group, states) &&
		       children_are_out_of(pid, e->d_name, group, states, depth));
	if (dir)
		closedir(dir);
	return all;
}

/*
 * Each thread stops by itself, when it next looks. What waits in the kernel and heeds no signal
 * (for an answer of ours, in a world) stops before it sees user space again.
 */
bool process_stopped(pid_t pid)
{
	return is_out_of(pid, pid, "RS", FAMILY);
}

bool process_running(pid_t pid)
{
	return pid > 0 && !is_out_of(pid, pid, "RD", FAMILY);
}
