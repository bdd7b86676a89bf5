/* SPDX-License-Identifier: MIT */
/*
 * Which paths are the world's, and the plain files that stand for them.
 *
 * Paths are compared by their words alone: a link that leads from elsewhere into /sys is not seen
 * through. Nothing below the places listed here ever reaches the host's own files, in particular
 * not its own disks: what the world does not have is not there.
 */
#include "next.h"

#include <ctype.h>
#include <string.h>
#include <sys/syscall.h>

/* Where the trees are; the first that fits counts. */
static const struct place {
	const char *at, *files;
} places[] = { { "/sys/kernel/config", "/configfs" },
	       { "/sys", "/sysfs" },
	       { "/dev", "/devtmpfs" },
	       { "/lib/modules", "/modules" } };
#define PLACES (sizeof(places) / sizeof(*places))

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

/* Puts the words of @path behind those in @out, *@n bytes so far. */
static bool append(char out[PATH_ROOM], size_t *n, const char *path)
{
	size_t len;

	for (; *path; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0 || (len == 1 && path[0] == '.'))
			continue;
		if (len == 2 && path[0] == '.' && path[1] == '.') {
			while (*n && out[--*n] != '/')
				;
			continue;
		}
		if (*n + len + 2 > PATH_ROOM)
			return false;
		out[(*n)++] = '/';
		memcpy(out + *n, path, len);
		*n += len;
	}
	return true;
}

/* Absolute, without ".", ".." and "//"; false: not to be known. */
static bool normalise(int dirfd, const char *path, char out[PATH_ROOM])
{
	char base[PATH_ROOM], link[32];
	size_t n = 0;
	long got = 0;

	if (path[0] != '/') {
		if (dirfd == AT_FDCWD)
			snprintf(link, sizeof(link), "/proc/self/cwd");
		else
			snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
		got = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof(base) - 1);
		if (got <= 0 || base[0] != '/')
			return false;
		base[got] = 0;
		if (!append(out, &n, base))
			return false;
	}
	if (!append(out, &n, path))
		return false;
	out[n] = 0;
	return true;
}

/* "/dev/uio7", "/dev/sg0" */
static bool is_node(const char *path)
{
	static const char *const names[] = { "/dev/uio", "/dev/sg" };
	const char *p;
	size_t i, n;

	for (i = 0; i < 2; i++) {
		n = strlen(names[i]);
		if (strncmp(path, names[i], n) || !path[n])
			continue;
		for (p = path + n; isdigit((unsigned char)*p); p++)
			;
		if (!*p)
			return true;
	}
	return false;
}

/* Type of the file at @path, links not followed; 0: there is none. */
static mode_t type_of(const char *path)
{
	struct stat st = { 0 };

	return NEXT(fstatat)(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) ? 0 : st.st_mode & S_IFMT;
}

/*
 * Below /sys and /dev there is also what the host has: of files the world's go first, of
 * directories the host's, but for /dev itself, in which the world has links to the host's.
 */
static bool only_here(const char *whole, const char *moved)
{
	mode_t type = type_of(moved);

	if (S_ISDIR(type) && strcmp(whole, "/dev") != 0)
		return !type_of(whole);
	return type && !(S_ISLNK(type) && below(whole, "/dev"));
}

static enum path_kind kind_of(const char *whole, const char *moved)
{
	static const char *const ours[] = { "/sys/class/uio", "/sys/class/scsi_generic",
					    "/sys/module/target_core_user", "/sys/kernel/config" };
	size_t i;

	if (is_node(whole))
		return PATH_NODE;
	for (i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (below(whole, ours[i]))
			return PATH_TREE;
	if (below(whole, "/sys") || below(whole, "/dev") || below(whole, "/lib/modules"))
		return only_here(whole, moved) ? PATH_TREE : PATH_HOST;
	return PATH_HOST;
}

/* In place; what is no name of a file of ours stays. */
static void outward(char *path)
{
	const struct preload_state *state = preload_state();
	char *rest = path + state->root_len;
	size_t i, n;

	if (!state->root_len || !below(path, state->root))
		return;
	for (i = 0; i < PLACES && !below(rest, places[i].files); i++)
		;
	if (i == PLACES)
		return;
	n = strlen(
		places[i].at); /* shorter than the name of any directory of ours with its place */
	rest += strlen(places[i].files);
	memmove(path + n, rest, strlen(rest) + 1);
	memcpy(path, places[i].at, n);
}

enum path_kind path_moved(int dirfd, const char *path, char moved[PATH_ROOM], char *whole)
{
	const struct preload_state *state = preload_state();
	char buf[PATH_ROOM], *mean = whole ? whole : buf;
	enum path_kind kind = PATH_HOST;
	int saved = errno;
	size_t i;

	if (!state->root_len || !path || !path[0] || !normalise(dirfd, path, mean))
		goto out;
	outward(mean);
	if (!strncmp(mean, "/usr/lib/modules", 16)) /* /lib is a link */
		memmove(mean, mean + 4, strlen(mean + 4) + 1);
	for (i = 0; i < PLACES && !below(mean, places[i].at); i++)
		;
	if (i < PLACES && snprintf(moved, PATH_ROOM, "%s%s%s", state->root, places[i].files,
				   mean + strlen(places[i].at)) < PATH_ROOM)
		kind = kind_of(mean, moved);
	if (kind != PATH_HOST && i == 0)
		ask_sync();
out:
	errno = saved;
	return kind;
}

const char *path_in_world(int dirfd, const char *path, char moved[PATH_ROOM])
{
	return path_moved(dirfd, path, moved, NULL) == PATH_HOST ? path : moved;
}

char *path_back(char *path)
{
	if (path)
		outward(path);
	return path;
}
