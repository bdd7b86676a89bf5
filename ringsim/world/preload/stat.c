/* SPDX-License-Identifier: MIT */
/*
 * What files look like: those of the tree as they are, nodes as character devices, and descriptors
 * that are sockets in truth as the owner says.
 */
#include "../internal.h"
#include "next.h"

#include <string.h>
#include <sys/syscall.h>

/* glibc's symbols of programs that were linked before 2.33 */
int __xstat(int version, const char *path, struct stat *st);
int __xstat64(int version, const char *path, struct stat64 *st);
int __lxstat(int version, const char *path, struct stat *st);
int __lxstat64(int version, const char *path, struct stat64 *st);
int __fxstat(int version, int fd, struct stat *st);
int __fxstat64(int version, int fd, struct stat64 *st);
int __fxstatat(int version, int dirfd, const char *path, struct stat *st, int flags);
int __fxstatat64(int version, int dirfd, const char *path, struct stat64 *st, int flags);

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "one function serves both");

/* Of ".../uio7" or ".../sg0". */
static dev_t node_rdev(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	unsigned int minor = (unsigned int)strtoul(name + strcspn(name, "0123456789"), NULL, 10);

	return name[0] == 's' ? SG_RDEV(minor) : UIO_RDEV(minor);
}

static int do_fstat(int fd, struct stat *st)
{
	uint64_t arg[6] = { (unsigned int)fd, (uintptr_t)st };
	int rc = NEXT(fstat)(fd, st);
	int64_t answer;

	if (rc || !S_ISSOCK(st->st_mode) || !preload_state()->root_len ||
	    ask(SYS_fstat, st->st_ino, arg, false, &answer) == ASK_PROCEED)
		return rc;
	return (int)answer;
}

static int do_fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
	char moved[PATH_ROOM];
	enum path_kind kind;
	int rc;

	if (flags & AT_EMPTY_PATH && (!path || !path[0]) && dirfd >= 0)
		return do_fstat(dirfd, st);
	kind = path_moved(dirfd, path, moved, NULL);
	rc = NEXT(fstatat)(dirfd, kind == PATH_HOST ? path : moved, st, flags);
	if (!rc && kind == PATH_NODE) {
		st->st_mode = S_IFCHR | 0600;
		st->st_rdev = node_rdev(moved);
		st->st_size = st->st_blocks = 0;
	}
	return rc;
}

EXPORT int stat(const char *path, struct stat *st)
{
	return do_fstatat(AT_FDCWD, path, st, 0);
}

EXPORT int stat64(const char *path, struct stat64 *st)
{
	return do_fstatat(AT_FDCWD, path, (struct stat *)st, 0);
}

EXPORT int lstat(const char *path, struct stat *st)
{
	return do_fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

EXPORT int lstat64(const char *path, struct stat64 *st)
{
	return do_fstatat(AT_FDCWD, path, (struct stat *)st, AT_SYMLINK_NOFOLLOW);
}

EXPORT int fstat(int fd, struct stat *st)
{
	return do_fstat(fd, st);
}

EXPORT int fstat64(int fd, struct stat64 *st)
{
	return do_fstat(fd, (struct stat *)st);
}

EXPORT int fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
	return do_fstatat(dirfd, path, st, flags);
}

EXPORT int fstatat64(int dirfd, const char *path, struct stat64 *st, int flags)
{
	return do_fstatat(dirfd, path, (struct stat *)st, flags);
}

EXPORT int __xstat(int version, const char *path, struct stat *st)
{
	(void)version;
	return do_fstatat(AT_FDCWD, path, st, 0);
}

EXPORT int __xstat64(int version, const char *path, struct stat64 *st)
{
	(void)version;
	return do_fstatat(AT_FDCWD, path, (struct stat *)st, 0);
}

EXPORT int __lxstat(int version, const char *path, struct stat *st)
{
	(void)version;
	return do_fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

EXPORT int __lxstat64(int version, const char *path, struct stat64 *st)
{
	(void)version;
	return do_fstatat(AT_FDCWD, path, (struct stat *)st, AT_SYMLINK_NOFOLLOW);
}

EXPORT int __fxstat(int version, int fd, struct stat *st)
{
	(void)version;
	return do_fstat(fd, st);
}

EXPORT int __fxstat64(int version, int fd, struct stat64 *st)
{
	(void)version;
	return do_fstat(fd, (struct stat *)st);
}

EXPORT int __fxstatat(int version, int dirfd, const char *path, struct stat *st, int flags)
{
	(void)version;
	return do_fstatat(dirfd, path, st, flags);
}

EXPORT int __fxstatat64(int version, int dirfd, const char *path, struct stat64 *st, int flags)
{
	(void)version;
	return do_fstatat(dirfd, path, (struct stat *)st, flags);
}

EXPORT int statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *st)
{
	uint64_t arg[6] = { (unsigned int)dirfd, (uintptr_t)path, (unsigned int)flags, mask,
			    (uintptr_t)st };
	const char *text = (const char *)(uintptr_t)arg[1]; /* may be NULL, whatever it says */
	bool fd_only = flags & AT_EMPTY_PATH && (!text || !text[0]) && dirfd >= 0;
	uint64_t ino = fd_only && preload_state()->root_len ? ask_socket(dirfd) : 0;
	char moved[PATH_ROOM];
	enum path_kind kind;
	int64_t answer;
	int rc;

	if (ino && ask(SYS_statx, ino, arg, false, &answer) == ASK_DONE)
		return (int)answer;
	kind = fd_only ? PATH_HOST : path_moved(dirfd, path, moved, NULL);
	rc = NEXT(statx)(dirfd, kind == PATH_HOST ? path : moved, flags, mask, st);
	if (!rc && kind == PATH_NODE) {
		st->stx_mode = S_IFCHR | 0600;
		st->stx_rdev_major = major(node_rdev(moved));
		st->stx_rdev_minor = minor(node_rdev(moved));
		st->stx_size = st->stx_blocks = 0;
	}
	return rc;
}
