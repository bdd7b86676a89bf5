/* SPDX-License-Identifier: MIT */
/*
 * Directories of a run's own. Who has one holds a lock on it to the end, as do all it forks; so
 * what was left by a run that was killed is known by nobody holding that, and goes when the next
 * one makes its own beside it.
 */
#include "verbs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define PREFIX	"tcmu-harness-run."
#define SUFFIX	"XXXXXX"
#define ROOM	(512ull << 20)
#define LEAST	(4ull << 20)
#define YOUNG_S 60 /* it may be about to be locked */

/*
 * TMPDIR if it is set; else memory, where a case does not wait for a disk to become durable, if
 * there is room for the stores; else /tmp.
 */
static const char *choose_parent(void)
{
	const char *tmp = getenv("TMPDIR");
	struct statvfs st;

	if (tmp && *tmp)
		return tmp;
	if (!access("/dev/shm", W_OK | X_OK) && !statvfs("/dev/shm", &st) &&
	    (uint64_t)st.f_bavail * st.f_frsize >= ROOM)
		return "/dev/shm";
	return "/tmp";
}

/* On a full disk any handler fails, through no fault of its own. */
static bool is_full(const char *verb, const char *dir)
{
	struct statvfs st;
	uint64_t room;

	if (statvfs(dir, &st) || !st.f_blocks)
		return false; /* one without a limit */
	room = (uint64_t)(geteuid() ? st.f_bavail : st.f_bfree) * st.f_frsize;
	if (room >= LEAST)
		return false;
	fprintf(stderr,
		"tcmu-harness %s: %s: expected %llu KiB free for handlers' files, found %llu: %s\n",
		verb, dir, LEAST >> 10, (unsigned long long)room >> 10, strerror(ENOSPC));
	return true;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	if (kind == FTW_DP || kind == FTW_D)
		rmdir(path);
	else
		unlink(path);
	return 0;
}

static void remove_all(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Not to be closed; nothing is lost without it but the protection from the next line. */
static int lock(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	close(fd);
	return -1;
}

/* Only what mkdtemp() makes is removed: of that name to the letter, with those permissions. */
static void remove_if_left(const char *parent, const char *name)
{
	char path[4096];
	struct stat st;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", parent, name) >= (int)sizeof(path))
		return;
	if (lstat(path, &st) || (st.st_mode & (S_IFMT | 07777)) != (S_IFDIR | 0700) ||
	    st.st_uid != geteuid() || time(NULL) - st.st_mtime < YOUNG_S)
		return;
	fd = lock(path);
	if (fd < 0)
		return;
	remove_all(path);
	close(fd);
}

static void remove_left(const char *parent)
{
	DIR *d = opendir(parent);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (strlen(e->d_name) == strlen(PREFIX SUFFIX) &&
		    !strncmp(e->d_name, PREFIX, strlen(PREFIX)))
			remove_if_left(parent, e->d_name);
	if (d)
		closedir(d);
}

char *workdir_in(const char *verb, const char *parent)
{
	char *dir = NULL;

	remove_left(parent);
	if (asprintf(&dir, "%s/" PREFIX SUFFIX, parent) < 0)
		return NULL;
	if (mkdtemp(dir)) {
		lock(dir);
		return dir;
	}
	fprintf(stderr, "tcmu-harness %s: cannot make %s: %s\n", verb, dir, strerror(errno));
	free(dir);
	return NULL;
}

char *workdir_make(const char *verb)
{
	const char *tmp = choose_parent();

	if (strlen(tmp) > 60) {
		fprintf(stderr,
			"tcmu-harness %s: TMPDIR: expected at most 60 characters (sockets are made "
			"there), found %zu\n",
			verb, strlen(tmp));
		return NULL;
	}
	return is_full(verb, tmp) ? NULL : workdir_in(verb, tmp);
}

void workdir_remove(char *dir)
{
	if (dir)
		remove_all(dir);
	free(dir);
}
