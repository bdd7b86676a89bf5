/* SPDX-License-Identifier: MIT */
/*
 * An intercepted system call: its caller's memory, its answer, and who it is for.
 *
 * All that a caller passes is hostile: strings and lengths are bounded, memory is copied before it
 * is looked at. A call that is none of ours runs on as if nobody had asked.
 */
#include "internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int call_peek(const struct world_call *c, uint64_t addr, void *buf, size_t len)
{
	return c->ops->peek(c, addr, buf, len);
}

int call_poke(const struct world_call *c, uint64_t addr, const void *buf, size_t len)
{
	return c->ops->poke(c, addr, buf, len);
}

void call_answer(const struct world_call *c, int64_t rc)
{
	c->ops->answer(c, rc);
}

void call_proceed(const struct world_call *c)
{
	c->ops->proceed(c);
}

int call_give(const struct world_call *c, int fd, bool cloexec, int at)
{
	return c->ops->give(c, fd, cloexec, at);
}

int call_take(const struct world_call *c, int fd)
{
	return c->ops->take(c, fd);
}

bool call_waiting(const struct world_call *c)
{
	return c->ops->waiting(c);
}

/* Page by page: what follows the string may not be mapped. */
ssize_t call_string(const struct world_call *c, uint64_t addr, char *buf, size_t len)
{
	size_t done = 0, part;
	char *end;

	while (done < len) {
		part = 256 - (addr + done) % 256;
		if (part > len - done)
			part = len - done;
		if (call_peek(c, addr + done, buf + done, part))
			return -EFAULT;
		end = memchr(buf + done, 0, part);
		if (end)
			return end - buf;
		done += part;
	}
	return -ENAMETOOLONG;
}

struct world_file *call_file(const struct world_call *c, int fd)
{
	struct world_file *f;
	uint64_t ino;

	if (!c->w->files || fd < 0)
		return NULL;
	ino = c->ops->file_ino(c, fd);
	if (!ino)
		return NULL;
	for (f = c->w->files; f && f->ino != ino; f = f->next)
		;
	return f;
}

static bool proc_field(pid_t tid, const char *what, const char *field, int base, uint64_t *value)
{
	char path[64], line[256];
	size_t n = strlen(field);
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, what);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		if (strncmp(line, field, n))
			continue;
		*value = strtoull(line + n, NULL, base);
		found = true;
	}
	fclose(f);
	return found;
}

bool call_nonblock(const struct world_call *c, int fd)
{
	char what[32];
	uint64_t flags;

	snprintf(what, sizeof(what), "fdinfo/%d", fd);
	return proc_field(c->tid, what, "flags:", 8, &flags) && flags & O_NONBLOCK;
}

pid_t call_tgid(const struct world_call *c)
{
	uint64_t tgid;

	return proc_field(c->tid, "status", "Tgid:", 10, &tgid) ? (pid_t)tgid : c->tid;
}

uid_t call_uid(const struct world_call *c)
{
	uint64_t uid;

	return proc_field(c->tid, "status", "Uid:", 10, &uid) ? (uid_t)uid : (uid_t)-1;
}

/* One that another thread could take is left to that. */
bool call_interrupted(const struct world_call *c)
{
	uint64_t own, shared, blocked, threads;

	if (!proc_field(c->tid, "status", "SigPnd:", 16, &own) ||
	    !proc_field(c->tid, "status", "ShdPnd:", 16, &shared) ||
	    !proc_field(c->tid, "status", "SigBlk:", 16, &blocked) ||
	    !proc_field(c->tid, "status", "Threads:", 10, &threads))
		return false;
	return (own | (threads == 1 ? shared : 0)) & ~blocked;
}

bool call_capable(const struct world_call *c, int cap)
{
	uint64_t caps;

	/* Without a user namespace an ordinary user's world has no root: its owner is. */
	if (c->w->mechanism == WORLD_PRELOAD && geteuid() && call_uid(c) == geteuid())
		return true;
	return proc_field(c->tid, "status", "CapEff:", 16, &caps) && caps & 1ull << cap;
}

bool call_privileged(const struct world_call *c)
{
	return call_capable(c, CAP_SYS_ADMIN);
}

/* "uio7" → 7; -1 for anything else. */
static int node_number(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	unsigned long number;
	char *end;

	if (strncmp(name, prefix, n) || !isdigit((unsigned char)name[n]))
		return -1;
	number = strtoul(name + n, &end, 10);
	return *end || number > 255 || (name[n] == '0' && end != name + n + 1) ? -1 : (int)number;
}

static struct world_device *by_minor(const struct world *w, int minor)
{
	struct world_device *d;

	for (d = w->devices; d; d = d->next)
		if (d->enabled && (int)d->minor == minor)
			return d;
	return NULL;
}

/* A file that is elsewhere in this world (nothing could be mounted where it ought to be). */
static void open_elsewhere(struct world_call *c, const char *real, int flags)
{
	int fd = open(real, (flags & ~O_CREAT) | O_CLOEXEC | O_NOCTTY), rc;

	if (fd < 0) {
		call_answer(c, -errno);
		return;
	}
	rc = call_give(c, fd, flags & O_CLOEXEC, -1);
	if (rc < 0)
		call_answer(c, rc);
	close(fd);
}

/* Opens the node that a path without links is of; false: it is none. */
static bool open_node(struct world_call *c, const char *whole, int flags)
{
	const char *name = strncmp(whole, "/dev/", 5) ? "" : whole + 5;
	int uio = node_number(name, "uio"), sg = node_number(name, "sg");
	struct world_device *d = by_minor(c->w, uio >= 0 ? uio : sg);

	if (!d || (uio < 0 && (!d->configured || d->adopted)))
		return false;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		call_answer(c, -EEXIST);
	else if (flags & O_DIRECTORY)
		call_answer(c, -ENOTDIR);
	else if (uio >= 0)
		node_open(c, d, flags);
	else
		sg_open(c, d, flags);
	return true;
}

/* By its words or, where programs see our files, by the links that it leads through. */
static void do_open(struct world_call *c, int dirfd, uint64_t addr, uint64_t flags)
{
	char path[PATH_MAX], whole[PATH_MAX], real[PATH_MAX];
	const char *name;

	c->w->stats.opens++;
	if (call_string(c, addr, path, sizeof(path)) <= 0 || flags & O_PATH) {
		call_proceed(c);
		return;
	}
	name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	real[0] = 0;
	if ((node_number(name, "uio") >= 0 || node_number(name, "sg") >= 0 ||
	     !strncmp(path, "/lib/modules/", 13)) &&
	    path_normalise(c, dirfd, path, whole, sizeof(whole))) {
		if (open_node(c, whole, (int)flags))
			return;
		tree_path(c->w, whole, real, sizeof(real));
	}
	if (!real[0] && c->w->mechanism == WORLD_SECCOMP && c->w->devices &&
	    path_follow(c, dirfd, path, flags & O_NOFOLLOW, whole, sizeof(whole)) &&
	    open_node(c, whole, (int)flags))
		return;
	if (real[0])
		open_elsewhere(c, real, (int)flags);
	else
		call_proceed(c);
}

/* The node looks like what it stands for, not like a socket. */
static void do_stat(struct world_call *c, int fd, uint64_t addr)
{
	struct world_file *f = call_file(c, fd);
	struct stat st;
	int rc;

	c->w->stats.stats++;
	if (!f || f->kind == FILE_GENL) {
		call_proceed(c);
		return;
	}
	memset(&st, 0, sizeof(st));
	st.st_ino = f->ino;
	st.st_nlink = 1;
	st.st_blksize = 4096;
	st.st_mode = S_IFCHR | 0600;
	st.st_rdev = f->kind == FILE_SG ? SG_RDEV(f->minor) : UIO_RDEV(f->minor);
	rc = call_poke(c, addr, &st, sizeof(st));
	call_answer(c, rc);
}

static void do_statx(struct world_call *c)
{
	struct world_file *f = call_file(c, (int)c->arg[0]);
	struct statx st;
	dev_t rdev;

	c->w->stats.stats++;
	if (!f || f->kind == FILE_GENL) {
		call_proceed(c);
		return;
	}
	rdev = f->kind == FILE_SG ? SG_RDEV(f->minor) : UIO_RDEV(f->minor);
	memset(&st, 0, sizeof(st));
	st.stx_mask = STATX_BASIC_STATS;
	st.stx_ino = f->ino;
	st.stx_nlink = 1;
	st.stx_blksize = 4096;
	st.stx_mode = S_IFCHR | 0600;
	st.stx_rdev_major = major(rdev);
	st.stx_rdev_minor = minor(rdev);
	call_answer(c, call_poke(c, c->arg[4], &st, sizeof(st)));
}

static void do_mmap(struct world_call *c)
{
	struct world_file *f = call_file(c, (int)c->arg[4]);

	if (f && f->kind == FILE_UIO) {
		c->w->stats.maps++;
		node_mmap(c, f);
	} else if (f && f->kind == FILE_SG) {
		c->w->stats.maps++;
		sg_mmap(c, f);
	} else {
		call_proceed(c);
	}
}

static void do_ioctl(struct world_call *c)
{
	struct world_file *f = call_file(c, (int)c->arg[0]);

	c->w->stats.ioctls++;
	if (f && f->kind == FILE_SG)
		sg_ioctl(c, f);
	else if (f && f->kind == FILE_UIO)
		call_answer(c, -ENOTTY);
	else
		call_proceed(c);
}

/* Reads and writes are trapped by their size or by the number of the descriptor. */
static void do_transfer(struct world_call *c, bool write)
{
	struct world_file *f = call_file(c, (int)c->arg[0]);

	if (write)
		c->w->stats.writes++;
	else
		c->w->stats.reads++;
	if (f && f->kind == FILE_SG && write)
		sg_write(c, f);
	else if (f && f->kind == FILE_SG)
		sg_read(c, f);
	else if (f && f->kind == FILE_GENL)
		genl_call(c, f);
	else
		call_proceed(c);
}

/* A descriptor in the reserved range. */
static void do_socket_call(struct world_call *c)
{
	struct world_file *f = call_file(c, (int)c->arg[0]);

	c->w->stats.sends++;
	if (f && f->kind == FILE_GENL)
		genl_call(c, f);
	else
		call_proceed(c);
}

static void do_openat2(struct world_call *c)
{
	uint64_t how[3] = { 0 };

	if (c->arg[3] < sizeof(how) || call_peek(c, c->arg[2], how, sizeof(how)))
		call_proceed(c);
	else
		do_open(c, (int)c->arg[0], c->arg[1], how[0]);
}

void call_dispatch(struct world_call *c)
{
	switch (c->nr) {
#ifdef SYS_open
	case SYS_open:
		do_open(c, AT_FDCWD, c->arg[0], c->arg[1]);
		return;
#endif
#ifdef SYS_creat
	case SYS_creat:
		do_open(c, AT_FDCWD, c->arg[0], O_CREAT | O_WRONLY | O_TRUNC);
		return;
#endif
	case SYS_openat:
		do_open(c, (int)c->arg[0], c->arg[1], c->arg[2]);
		return;
	case SYS_openat2:
		do_openat2(c);
		return;
	case SYS_fstat:
		do_stat(c, (int)c->arg[0], c->arg[1]);
		return;
	case SYS_newfstatat:
		do_stat(c, (int)c->arg[0], c->arg[2]);
		return;
	case SYS_statx:
		do_statx(c);
		return;
	case SYS_mmap:
		do_mmap(c);
		return;
	case SYS_ioctl:
		do_ioctl(c);
		return;
	case SYS_read:
	case SYS_write:
		do_transfer(c, c->nr == SYS_write);
		return;
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_writev:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
	case SYS_readv:
	case SYS_bind:
	case SYS_connect:
	case SYS_getsockname:
	case SYS_getsockopt:
	case SYS_setsockopt:
		do_socket_call(c);
		return;
	case SYS_socket:
		c->w->stats.sockets++;
		genl_socket(c);
		return;
	case SYS_mlockall:
		/* Would fill what is mapped of a region, which a kernel leaves alone. */
		c->w->stats.other++;
		call_answer(c, !c->arg[0] || c->arg[0] & ~7ull || c->arg[0] == 4 ? -EINVAL : 0);
		return;
	default:
		c->w->stats.other++;
		call_proceed(c);
	}
}
