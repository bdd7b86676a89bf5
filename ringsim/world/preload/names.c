/* SPDX-License-Identifier: MIT */
/* All else that takes the name of a file. */
#include "next.h"

#include <string.h>
#include <sys/syscall.h>

/* glibc's checked variants, whose declarations come with _FORTIFY_SOURCE alone */
char *__realpath_chk(const char *path, char *resolved, size_t resolved_len);
ssize_t __readlink_chk(const char *path, char *buf, size_t len, size_t buf_len);
ssize_t __readlinkat_chk(int dirfd, const char *path, char *buf, size_t len, size_t buf_len);
char *__getcwd_chk(char *buf, size_t len, size_t buf_len);

/* The body of a function whose first argument is a path, or which has one behind @dirfd. */
#define MOVED(dirfd, path)      \
	char moved_[PATH_ROOM]; \
	path = path_in_world(dirfd, path, moved_)

EXPORT int access(const char *path, int mode)
{
	MOVED(AT_FDCWD, path);
	return NEXT(access)(path, mode);
}

EXPORT int eaccess(const char *path, int mode)
{
	MOVED(AT_FDCWD, path);
	return NEXT(eaccess)(path, mode);
}

EXPORT int euidaccess(const char *path, int mode)
{
	MOVED(AT_FDCWD, path);
	return NEXT(eaccess)(path, mode);
}

EXPORT int faccessat(int dirfd, const char *path, int mode, int flags)
{
	MOVED(dirfd, path);
	return NEXT(faccessat)(dirfd, path, mode, flags);
}

EXPORT ssize_t readlinkat(int dirfd, const char *path, char *buf, size_t len)
{
	MOVED(dirfd, path);
	return NEXT(readlinkat)(dirfd, path, buf, len);
}

EXPORT ssize_t readlink(const char *path, char *buf, size_t len)
{
	return readlinkat(AT_FDCWD, path, buf, len);
}

EXPORT ssize_t __readlink_chk(const char *path, char *buf, size_t len, size_t buf_len)
{
	return readlinkat(AT_FDCWD, path, buf, len < buf_len ? len : buf_len);
}

EXPORT ssize_t __readlinkat_chk(int dirfd, const char *path, char *buf, size_t len, size_t buf_len)
{
	return readlinkat(dirfd, path, buf, len < buf_len ? len : buf_len);
}

EXPORT char *realpath(const char *path, char *resolved)
{
	MOVED(AT_FDCWD, path);
	return path_back(NEXT(realpath)(path, resolved));
}

EXPORT char *__realpath_chk(const char *path, char *resolved, size_t resolved_len)
{
	(void)resolved_len;
	return realpath(path, resolved);
}

EXPORT char *canonicalize_file_name(const char *path)
{
	return realpath(path, NULL);
}

/*
 * The owner makes and removes directories of configfs: they are devices. Files and links cannot be
 * made or removed in any of our trees, as in the kernel's.
 */
static bool do_dir(int nr, int dirfd, const char *path, int flags, int64_t *rc)
{
	char moved[PATH_ROOM], whole[PATH_ROOM];
	uint64_t arg[6] = { (uint64_t)(int64_t)AT_FDCWD, (uintptr_t)whole, (unsigned int)flags };
	struct stat st = { 0 };

	if (path_moved(dirfd, path, moved, whole) == PATH_HOST)
		return false;
	/* some make every directory of a path, to be sure */
	if (nr != SYS_unlinkat && !NEXT(fstatat)(AT_FDCWD, moved, &st, AT_SYMLINK_NOFOLLOW)) {
		errno = EEXIST;
		*rc = -1;
	} else if (ask(nr, 0, arg, false, rc) == ASK_PROCEED) {
		errno = EPERM;
		*rc = -1;
	}
	return true;
}

EXPORT int mkdirat(int dirfd, const char *path, mode_t mode)
{
	int64_t rc;

	if (do_dir(SYS_mkdirat, dirfd, path, (int)mode, &rc))
		return (int)rc;
	return NEXT(mkdirat)(dirfd, path, mode);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
	int64_t rc;

	if (do_dir(SYS_unlinkat, dirfd, path, flags, &rc))
		return (int)rc;
	return NEXT(unlinkat)(dirfd, path, flags);
}

EXPORT int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

EXPORT int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int symlinkat(const char *target, int dirfd, const char *path)
{
	int64_t rc;

	if (do_dir(SYS_symlinkat, dirfd, path, 0, &rc))
		return (int)rc;
	return NEXT(symlinkat)(target, dirfd, path);
}

EXPORT int symlink(const char *target, const char *path)
{
	return symlinkat(target, AT_FDCWD, path);
}

EXPORT int chmod(const char *path, mode_t mode)
{
	MOVED(AT_FDCWD, path);
	return NEXT(chmod)(path, mode);
}

EXPORT int chown(const char *path, uid_t owner, gid_t group)
{
	MOVED(AT_FDCWD, path);
	return NEXT(chown)(path, owner, group);
}

EXPORT int truncate(const char *path, off_t len)
{
	MOVED(AT_FDCWD, path);
	return NEXT(truncate)(path, len);
}

EXPORT int truncate64(const char *path, off64_t len)
{
	MOVED(AT_FDCWD, path);
	return NEXT(truncate64)(path, len);
}

EXPORT int chdir(const char *path)
{
	MOVED(AT_FDCWD, path);
	return NEXT(chdir)(path);
}

EXPORT char *getcwd(char *buf, size_t len)
{
	return path_back(NEXT(getcwd)(buf, len));
}

EXPORT char *__getcwd_chk(char *buf, size_t len, size_t buf_len)
{
	return getcwd(buf, len < buf_len ? len : buf_len);
}

EXPORT ssize_t getxattr(const char *path, const char *name, void *value, size_t len)
{
	MOVED(AT_FDCWD, path);
	return NEXT(getxattr)(path, name, value, len);
}

EXPORT ssize_t lgetxattr(const char *path, const char *name, void *value, size_t len)
{
	MOVED(AT_FDCWD, path);
	return NEXT(lgetxattr)(path, name, value, len);
}

EXPORT ssize_t listxattr(const char *path, char *list, size_t len)
{
	MOVED(AT_FDCWD, path);
	return NEXT(listxattr)(path, list, len);
}

EXPORT ssize_t llistxattr(const char *path, char *list, size_t len)
{
	MOVED(AT_FDCWD, path);
	return NEXT(llistxattr)(path, list, len);
}
