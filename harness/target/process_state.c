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

/* What is asked about the threads of a handler: is one in one of @states, how long did all of them
 * run? */
struct look {
	pid_t group;
	const char *states;
	bool found;
	uint64_t ran_ns;
};

/* Who has left the group does not count. */
static void look_at_thread(struct look *l, pid_t pid, const char *tid)
{
	char path[64], line[512], *p, state;
	unsigned long long ns;
	int its;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/stat", (int)pid, tid);
	if (!process_read_line(path, line, sizeof(line)))
		return; /* no more */
	p = strrchr(line, ')');
	if (!p || sscanf(p + 1, " %c %*d %d", &state, &its) != 2 || its != l->group)
		return;
	l->found = l->found || strchr(l->states, state);
	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/schedstat", (int)pid, tid);
	if (process_read_line(path, line, sizeof(line)) && sscanf(line, "%llu", &ns) == 1)
		l->ran_ns += ns;
}

static void look_at(struct look *l, pid_t pid, unsigned int depth);

static void look_at_children(struct look *l, pid_t pid, const char *tid, unsigned int depth)
{
	char path[64], list[PROCESS_CHILDREN_MAX], *p = list, *end;
	long child;

	snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", (int)pid, tid);
	if (!depth || !process_read_line(path, list, sizeof(list)))
		return;
	for (; (child = strtol(p, &end, 10)) > 0; p = end)
		look_at(l, (pid_t)child, depth - 1);
}

/* Each thread by itself; a shell may have the handler as its child. */
static void look_at(struct look *l, pid_t pid, unsigned int depth)
{
	struct dirent *e;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		look_at_thread(l, pid, e->d_name);
		look_at_children(l, pid, e->d_name, depth);
	}
	if (dir)
		closedir(dir);
}

/*
 * Each thread stops by itself, when it next looks. What waits in the kernel and heeds no signal
 * (for an answer of ours, in a world) stops before it sees user space again.
 */
bool process_stopped(pid_t pid)
{
	struct look l = { .group = pid, .states = "RS" };

	look_at(&l, pid, FAMILY);
	return !l.found;
}

bool process_running(pid_t pid, uint64_t *ran_ns)
{
	struct look l = { .group = pid, .states = "RD" };

	if (pid > 0)
		look_at(&l, pid, FAMILY);
	*ran_ns = l.ran_ns;
	return l.found;
}
