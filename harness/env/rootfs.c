/* SPDX-License-Identifier: MIT */
/* Reading what may be anything; see rootfs.h. */
#include "rootfs.h"

#include "../report/clean.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIST_MAX     65536
#define UNREAD_MAX   32
#define LINE_MAX_LEN 4096

int rootfs_open(struct rootfs *t, const char *root)
{
	*t = (struct rootfs){ .fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) };
	if (t->fd < 0)
		return -errno;
	t->unread = json_array();
	return 0;
}

void rootfs_close(struct rootfs *t)
{
	close(t->fd);
	json_decref(t->unread);
}

void rootfs_complain(struct rootfs *t, const char *path, const char *why)
{
	char line[PATH_MAX + 256];

	if (json_array_size(t->unread) >= UNREAD_MAX)
		return;
	snprintf(line, sizeof(line), "%s: %s", path, why);
	json_array_append_new(t->unread, clean_json(line));
}

/* Below the directory whatever links and ".." say. Where there is no openat2() (a sandbox may hide
 * it) only the real root is as safe without. */
static int open_in(const struct rootfs *t, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
				.resolve = RESOLVE_IN_ROOT };
	struct stat root, here;
	int fd = (int)syscall(SYS_openat2, t->fd, path, &how, sizeof(how));

	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	if (stat("/", &root) || fstat(t->fd, &here) || root.st_dev != here.st_dev ||
	    root.st_ino != here.st_ino)
		return -1;
	return open(path, (int)how.flags);
}

static const char *packer_of(const unsigned char *head, ssize_t n)
{
	static const struct {
		const char *magic, *program;
		ssize_t len;
	} packers[] = { { "\x1f\x8b", "gzip", 2 },
			{ "\xfd"
			  "7zXZ\0",
			  "xz", 6 },
			{ "\x28\xb5\x2f\xfd", "zstd", 4 } };
	size_t i;

	for (i = 0; i < sizeof(packers) / sizeof(*packers); i++)
		if (n >= packers[i].len && !memcmp(head, packers[i].magic, (size_t)packers[i].len))
			return packers[i].program;
	return NULL;
}

/* Room for something behind @n bytes, and a zero; false, with @buf as it was, if there is none. */
static bool room(char **buf, size_t *cap, size_t n)
{
	char *more;

	if (*buf && n < *cap)
		return true;
	more = realloc(*buf, 2 * *cap + 1);
	if (!more)
		return false;
	*buf = more;
	*cap *= 2;
	return true;
}

/* Read to the end whatever the file says of its size: in /proc that is nothing. */
static char *slurp(int fd, size_t max, size_t *len)
{
	size_t cap = 4096, n = 0;
	char *buf = NULL;
	ssize_t got = -1;

	while (n <= max && room(&buf, &cap, n)) {
		got = read(fd, buf + n, cap - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (!got && n <= max) {
		buf[n] = 0;
		*len = n;
		return buf;
	}
	if (n > max)
		errno = EFBIG;
	free(buf);
	return NULL;
}

static char *read_fd(int fd, size_t max, size_t *len)
{
	unsigned char head[6];
	const char *packer;
	struct stat st;

	if (fstat(fd, &st))
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP;
		return NULL;
	}
	/* Files of sysfs have no second beginning: an attribute is made anew at offset 0. */
	packer = packer_of(head, pread(fd, head, sizeof(head), 0));
	return packer ? unpack(packer, fd, max, len) : slurp(fd, max, len);
}

static const char *reason(int err, size_t max, char *buf, size_t len)
{
	if (err == EFBIG)
		snprintf(buf, len, "expected at most %zu bytes", max);
	else if (err == ENOTSUP)
		snprintf(buf, len, "expected a regular file");
	else if (err == ENOPKG)
		snprintf(buf, len, "the program that unpacks it (gzip, xz or zstd) is missing");
	else if (err == EBADMSG)
		snprintf(buf, len, "cannot be unpacked");
	else
		snprintf(buf, len, "%s", strerror(err));
	return buf;
}

char *rootfs_read(struct rootfs *t, const char *path, size_t max, size_t *len)
{
	int fd = open_in(t, path, O_RDONLY | O_NOCTTY | O_NONBLOCK), err;
	char *text = NULL, why[128];
	size_t n = 0;

	if (fd >= 0)
		text = read_fd(fd, max, &n);
	err = errno;
	if (fd >= 0)
		close(fd);
	if (text && len)
		*len = n;
	/* a process may end while it is looked at */
	if (!text && err != ENOENT && err != ESRCH && err != ENOTDIR)
		rootfs_complain(t, path, reason(err, max, why, sizeof(why)));
	errno = err;
	return text;
}

json_t *rootfs_line(struct rootfs *t, const char *path)
{
	char *text = rootfs_read(t, path, LINE_MAX_LEN, NULL);
	json_t *line;

	if (!text)
		return NULL;
	text[strcspn(text, "\n")] = 0;
	line = clean_json(text);
	free(text);
	return line;
}

bool rootfs_has(struct rootfs *t, const char *path)
{
	int fd = open_in(t, path, O_PATH);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t fill_list(DIR *dir, char **names)
{
	const struct dirent *entry;
	size_t n = 0;

	while (n < LIST_MAX && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && (names[n] = strdup(entry->d_name)))
			n++;
	}
	return n;
}

char **rootfs_list(struct rootfs *t, const char *path)
{
	char **names = calloc(LIST_MAX + 1, sizeof(*names));
	int fd = open_in(t, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	int err = dir ? 0 : errno;

	if (err && err != ENOENT && err != ESRCH && err != EACCES && err != ENOTDIR)
		rootfs_complain(t, path, strerror(err));
	if (names && dir)
		qsort(names, fill_list(dir, names), sizeof(*names), by_name);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	errno = err;
	return names;
}

void rootfs_list_free(char **names)
{
	size_t i;

	for (i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

bool rootfs_is_dir(struct rootfs *t, const char *path)
{
	int fd = open_in(t, path, O_PATH | O_NOFOLLOW);
	struct stat st;
	bool yes = fd >= 0 && !fstat(fd, &st) && S_ISDIR(st.st_mode);

	if (fd >= 0)
		close(fd);
	return yes;
}

int rootfs_link(struct rootfs *t, const char *path, char *buf, size_t len)
{
	int fd = open_in(t, path, O_PATH | O_NOFOLLOW), rc;
	ssize_t n = fd >= 0 ? readlinkat(fd, "", buf, len - 1) : -1;

	rc = n < 0 ? -errno : 0;
	buf[n < 0 ? 0 : n] = 0;
	if (fd >= 0)
		close(fd);
	return rc;
}
