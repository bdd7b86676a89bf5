/* SPDX-License-Identifier: MIT */
/*
 * What file a caller's path means, without waiting for anybody.
 *
 * By its words alone, or through the links on the way. To follow a link is to look at files, which
 * may be those of a program that waits for us: so only what the kernel has in memory is looked at,
 * or what is on a disk. Nothing below /dev and /sys is: that would be ourselves, and no node of
 * ours is behind a link there.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as a kernel */

/* Where a path begins that is not absolute. Its length, or -1. */
static ssize_t beginning(const struct world_call *c, int dirfd, char *buf, size_t len)
{
	char link[64];
	ssize_t n;

	if (dirfd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)c->tid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)c->tid, dirfd);
	n = readlink(link, buf, len - 1);
	if (n < 0 || buf[0] != '/')
		return -1;
	buf[n] = 0;
	return n;
}

/* Takes the last word away. */
static void pop(char *out, size_t *n)
{
	while (*n && out[--*n] != '/')
		;
	out[*n] = 0;
}

/* "." adds nothing, ".." takes away. False: too long. */
static bool push(char *out, size_t *n, size_t len, const char *word, size_t word_len)
{
	if (word_len == 1 && word[0] == '.')
		return true;
	if (word_len == 2 && word[0] == '.' && word[1] == '.') {
		pop(out, n);
		return true;
	}
	if (*n + word_len + 2 > len)
		return false;
	*n += (size_t)snprintf(out + *n, len - *n, "/%.*s", (int)word_len, word);
	return true;
}

bool path_normalise(const struct world_call *c, int dirfd, const char *path, char *out, size_t len)
{
	char whole[2 * PATH_MAX], *save = NULL, *word;
	ssize_t got = 0;
	size_t n = 0;

	if (path[0] != '/')
		got = beginning(c, dirfd, whole, PATH_MAX);
	if (got < 0)
		return false;
	snprintf(whole + got, sizeof(whole) - (size_t)got, "/%s", path);
	out[0] = 0;
	for (word = strtok_r(whole, "/", &save); word; word = strtok_r(NULL, "/", &save))
		if (!push(out, &n, len, word, strlen(word)))
			return false;
	return true;
}

/* --- links -------------------------------------------------------------------------------------
 */

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (path[n] == '/' || !path[n]);
}

static int look(int root, const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = resolve };

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* Whether it is a directory of a disk's file system: nobody but the kernel answers for that. */
static bool on_disk(int root, const char *path, size_t n)
{
	char dir[PATH_MAX];
	struct statx st;
	bool disk;
	int fd;

	snprintf(dir, sizeof(dir), "%.*s", (int)n, path);
	fd = look(root, dir[0] ? dir : ".", RESOLVE_CACHED);
	if (fd < 0)
		return false;
	disk = !statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) &&
	       st.stx_dev_major;
	close(fd);
	return disk;
}

/* The target of the link at @path, which is one of the caller's below @root; its length or -1. */
static ssize_t read_link(const struct world_call *c, int root, const char *path, char *to,
			 size_t len)
{
	const char *last = strrchr(path, '/');
	ssize_t n;
	int fd;

	if (!strcmp(path, "/proc/self"))
		return snprintf(to, len, "%d", (int)call_tgid(c));
	if (!strcmp(path, "/proc/thread-self"))
		return snprintf(to, len, "%d/task/%d", (int)call_tgid(c), (int)c->tid);
	if (!last || is_below(path, "/dev") || is_below(path, "/sys"))
		return -1;
	if (is_below(path, "/proc")) {
		n = readlink(path, to, len - 1);
	} else {
		fd = look(root, path + 1, RESOLVE_CACHED);
		if (fd < 0 && errno == EAGAIN && on_disk(root, path + 1, (size_t)(last - path)))
			fd = look(root, path + 1, 0);
		if (fd < 0)
			return -1;
		n = readlinkat(fd, "", to, len - 1);
		close(fd);
	}
	if (n > 0)
		to[n] = 0;
	return n > 0 ? n : -1;
}

/* Of a caller that has changed its root, absolute paths begin there. */
static size_t begin_at_root(const struct world_call *c, char *out, size_t len)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/root", (int)c->tid);
	n = readlink(link, out, len - 1);
	if (n <= 1 || out[0] != '/')
		n = 0;
	out[n] = 0;
	return (size_t)n;
}

bool path_follow(const struct world_call *c, int dirfd, const char *path, bool nofollow, char *out,
		 size_t len)
{
	char rest[2 * PATH_MAX], link[PATH_MAX], tail[PATH_MAX];
	unsigned int links = 0;
	size_t n, word;
	char *at = rest;
	ssize_t got;
	bool ok = true;
	int root = open("/proc/self/root", O_PATH | O_CLOEXEC);

	n = begin_at_root(c, out, len);
	if (path[0] != '/') {
		got = beginning(c, dirfd, out, len);
		n = got > 1 ? (size_t)got : 0;
		out[n] = 0;
		ok = got > 0;
	}
	snprintf(rest, sizeof(rest), "%s", path);
	while (ok && root >= 0) {
		at += strspn(at, "/");
		word = strcspn(at, "/");
		if (!word)
			break;
		ok = push(out, &n, len, at, word);
		at += word;
		got = ok && !(nofollow && !*at) ? read_link(c, root, out, link, sizeof(link)) : -1;
		if (got < 0)
			continue;
		ok = ++links <= LINKS_MAX && strlen(at) < sizeof(tail);
		if (!ok)
			break;
		snprintf(tail, sizeof(tail), "%s", at);
		snprintf(rest, sizeof(rest), "%s/%s", link, tail);
		at = rest;
		pop(out, &n);
		if (link[0] == '/') /* a kernel's own link tells where it leads from our root */
			n = is_below(out, "/proc") ? 0 : begin_at_root(c, out, len);
		out[n] = 0;
	}
	if (root >= 0)
		close(root);
	return ok && root >= 0;
}
