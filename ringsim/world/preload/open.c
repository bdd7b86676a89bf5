/* SPDX-License-Identifier: MIT */
/* Opening files: nodes are the owner's to open, all others have moved. */
#include "next.h"

#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>

/* glibc's checked variants, whose declarations come with _FORTIFY_SOURCE alone */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);

static int do_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	char moved[PATH_ROOM], whole[PATH_ROOM];
	enum path_kind kind = path_moved(dirfd, path, moved, whole);
	uint64_t arg[6] = { (uint64_t)(int64_t)AT_FDCWD, (uintptr_t)whole, (unsigned int)flags,
			    mode };
	int64_t rc;

	if (kind == PATH_NODE && ask(SYS_openat, 0, arg, false, &rc) == ASK_DONE)
		return (int)rc;
	if (kind != PATH_HOST)
		flags &= ~(O_CREAT | O_EXCL); /* what is not there is not there */
	/* What is written to an attribute counts from its beginning, whatever it was before. */
	if (kind == PATH_TREE && (flags & O_ACCMODE) == O_WRONLY)
		flags |= O_TRUNC;
	return NEXT(openat)(dirfd, kind == PATH_HOST ? path : moved, flags, mode);
}

#define MODE_OF(flags, mode)                          \
	do {                                          \
		va_list ap_;                          \
		va_start(ap_, flags);                 \
		if (__OPEN_NEEDS_MODE(flags))         \
			(mode) = va_arg(ap_, mode_t); \
		va_end(ap_);                          \
	} while (0)

EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return do_openat(AT_FDCWD, path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return do_openat(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

EXPORT int openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return do_openat(dirfd, path, flags, mode);
}

EXPORT int openat64(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return do_openat(dirfd, path, flags | O_LARGEFILE, mode);
}

EXPORT int __open_2(const char *path, int flags)
{
	return do_openat(AT_FDCWD, path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
	return do_openat(AT_FDCWD, path, flags | O_LARGEFILE, 0);
}

EXPORT int __openat_2(int dirfd, const char *path, int flags)
{
	return do_openat(dirfd, path, flags, 0);
}

EXPORT int __openat64_2(int dirfd, const char *path, int flags)
{
	return do_openat(dirfd, path, flags | O_LARGEFILE, 0);
}

EXPORT int creat(const char *path, mode_t mode)
{
	return do_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int creat64(const char *path, mode_t mode)
{
	return do_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC | O_LARGEFILE, mode);
}

/* What fopen()'s mode means to open(). */
static int flags_of(const char *mode)
{
	int flags = mode[0] == 'r' ? 0 : mode[0] == 'a' ? O_CREAT | O_APPEND : O_CREAT | O_TRUNC;

	if (strchr(mode, '+'))
		flags |= O_RDWR;
	else if (mode[0] != 'r')
		flags |= O_WRONLY;
	return flags | (strchr(mode, 'e') ? O_CLOEXEC : 0);
}

static FILE *stream_of_ours(const char *path, const char *mode)
{
	int fd = do_openat(AT_FDCWD, path, flags_of(mode), 0666);
	FILE *f = fd < 0 ? NULL : fdopen(fd, mode);

	if (fd >= 0 && !f)
		close(fd);
	return f;
}

EXPORT FILE *fopen(const char *path, const char *mode)
{
	char moved[PATH_ROOM];
	enum path_kind kind = path_moved(AT_FDCWD, path, moved, NULL);

	return kind == PATH_HOST ? NEXT(fopen)(path, mode) : stream_of_ours(path, mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
{
	char moved[PATH_ROOM];
	enum path_kind kind = path_moved(AT_FDCWD, path, moved, NULL);

	return kind == PATH_HOST ? NEXT(fopen64)(path, mode) : stream_of_ours(path, mode);
}

EXPORT FILE *freopen(const char *path, const char *mode, FILE *stream)
{
	char moved[PATH_ROOM];

	return NEXT(freopen)(path_in_world(AT_FDCWD, path, moved), mode, stream);
}

EXPORT FILE *freopen64(const char *path, const char *mode, FILE *stream)
{
	char moved[PATH_ROOM];

	return NEXT(freopen64)(path_in_world(AT_FDCWD, path, moved), mode, stream);
}

EXPORT DIR *opendir(const char *path)
{
	char moved[PATH_ROOM];

	return NEXT(opendir)(path_in_world(AT_FDCWD, path, moved));
}

EXPORT int scandir(const char *path, struct dirent ***names, int (*filter)(const struct dirent *),
		   int (*order)(const struct dirent **, const struct dirent **))
{
	char moved[PATH_ROOM];

	return NEXT(scandir)(path_in_world(AT_FDCWD, path, moved), names, filter, order);
}

EXPORT int scandir64(const char *path, struct dirent64 ***names,
		     int (*filter)(const struct dirent64 *),
		     int (*order)(const struct dirent64 **, const struct dirent64 **))
{
	char moved[PATH_ROOM];

	return NEXT(scandir64)(path_in_world(AT_FDCWD, path, moved), names, filter, order);
}

EXPORT int glob(const char *pattern, int flags, int (*errfn)(const char *, int), glob_t *found)
{
	char moved[PATH_ROOM];
	int rc = NEXT(glob)(path_in_world(AT_FDCWD, pattern, moved), flags, errfn, found);
	size_t i;

	for (i = 0; !rc && i < found->gl_pathc; i++)
		path_back(found->gl_pathv[i + (flags & GLOB_DOOFFS ? found->gl_offs : 0)]);
	return rc;
}

EXPORT int glob64(const char *pattern, int flags, int (*errfn)(const char *, int), glob64_t *found)
{
	char moved[PATH_ROOM];
	int rc = NEXT(glob64)(path_in_world(AT_FDCWD, pattern, moved), flags, errfn, found);
	size_t i;

	for (i = 0; !rc && i < found->gl_pathc; i++)
		path_back(found->gl_pathv[i + (flags & GLOB_DOOFFS ? found->gl_offs : 0)]);
	return rc;
}
