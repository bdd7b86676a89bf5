/* SPDX-License-Identifier: MIT */
/*
 * What all stores have in common: reading the spec, opening and checking the file, checking each
 * operation. Whatever cannot work is refused here with one line, not at the first I/O.
 */
#include "store_engine.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIO_ALIGN_MIN 512u
#define DIO_ALIGN_MAX 65536u

int store_fail(char *err, size_t err_len, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (err_len != 0)
		vsnprintf(err, err_len, fmt, ap);
	va_end(ap);
	return rc;
}

int store_parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	unsigned long long n;
	unsigned int shift = 0;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0)
		return -EINVAL;
	if (*end != '\0') {
		const char *unit = strchr(units, toupper((unsigned char)*end));

		if (unit == NULL || end[1] != '\0')
			return -EINVAL;
		shift = 10u * (unsigned int)(unit - units + 1);
	}
	if (n > (uint64_t)INT64_MAX >> shift)
		return -EINVAL;
	*out = n << shift;
	return 0;
}

static const struct store_ops *find_engine(const char *name)
{
	static const struct store_ops *const file_engines[] = {
		&store_psync_ops,
		&store_libaio_ops,
		&store_uring_ops,
	};

	if (name == NULL)
		return &store_psync_ops;
	for (size_t i = 0; i < sizeof(file_engines) / sizeof(file_engines[0]); i++) {
		if (strcmp(name, file_engines[i]->name) == 0)
			return file_engines[i];
	}
	return NULL;
}

static int check_config(const struct store_config *cfg, char *err, size_t err_len)
{
	if (cfg->spec == NULL)
		return store_fail(err, err_len, -EINVAL,
				  "store: expected memory:SIZE or file:PATH, found nothing");
	if (cfg->block_size < STORE_BLOCK_MIN || cfg->block_size > STORE_BLOCK_MAX ||
	    cfg->block_size % 4 != 0)
		return store_fail(
			err, err_len, -EINVAL,
			"store '%s': block size: expected a multiple of 4 in %u..%u, found %u",
			cfg->spec, STORE_BLOCK_MIN, STORE_BLOCK_MAX, cfg->block_size);
	if (cfg->depth < 1 || cfg->depth > STORE_DEPTH_MAX)
		return store_fail(err, err_len, -EINVAL,
				  "store '%s': depth: expected 1..%u, found %u", cfg->spec,
				  STORE_DEPTH_MAX, cfg->depth);
	return 0;
}

static int check_size(const struct store *s, const struct store_config *cfg, char *err,
		      size_t err_len)
{
	if (s->size_bytes == 0)
		return store_fail(
			err, err_len, -EINVAL,
			"store '%s': size: expected at least one block of %u bytes, found 0",
			cfg->spec, cfg->block_size);
	if (s->size_bytes % cfg->block_size != 0)
		return store_fail(err, err_len, -EINVAL,
				  "store '%s': size: expected a multiple of the block size %u, "
				  "found %" PRIu64,
				  cfg->spec, cfg->block_size, s->size_bytes);
	return 0;
}

/* memory:SIZE and null:SIZE: what @ops is called, and how much of it. */
static int setup_size(struct store *s, const struct store_config *cfg, const struct store_ops *ops,
		      char *err, size_t err_len)
{
	const char *size = strchr(cfg->spec, ':') + 1;

	if (cfg->engine != NULL && strcmp(cfg->engine, ops->name) != 0)
		return store_fail(err, err_len, -EINVAL,
				  "store '%s': engine: expected none for %s, found '%s'", cfg->spec,
				  ops->name, cfg->engine);
	if (store_parse_size(size, &s->size_bytes) != 0)
		return store_fail(err, err_len, -EINVAL,
				  "store '%s': size: expected a number like 64M, found '%s'",
				  cfg->spec, size);
	s->ops = ops;
	return check_size(s, cfg, err, err_len);
}

static int setup_null(struct store *s, const struct store_config *cfg, char *err, size_t err_len)
{
	if (!cfg->stale_reads)
		return store_fail(
			err, err_len, -EPERM,
			"store '%s': reads return what was in the buffer before, perhaps "
			"another initiator's data: for measuring only, with --stale-reads",
			cfg->spec);
	return setup_size(s, cfg, &store_null_ops, err, err_len);
}

/* The file is opened without blocking, so that a FIFO cannot hang us, and then made ordinary again.
 */
static int open_file(const char *path, const struct store_config *cfg, bool *made)
{
	int flags = O_CLOEXEC | O_NONBLOCK | (cfg->read_only ? O_RDONLY : O_RDWR);
	int fd;

	if (cfg->direct)
		flags |= O_DIRECT;
	*made = false;
	if (cfg->create) {
		fd = open(path, flags | O_CREAT | O_EXCL, 0644);
		if (fd >= 0) {
			*made = true;
			goto out;
		}
		if (errno != EEXIST)
			return -errno;
	}
	fd = open(path, flags);
	if (fd < 0)
		return -errno;
out:
	/* Nobody asks when a disk was read last; only the owner may have the kernel not note it. */
	flags &= O_DIRECT | O_RDWR;
	if (fcntl(fd, F_SETFL, flags | O_NOATIME) != 0)
		fcntl(fd, F_SETFL, flags);
	return fd;
}

static int open_error(int rc, const struct store_config *cfg, char *err, size_t err_len)
{
	const char *why = strerror(-rc);

	if (rc == -EISDIR)
		why = "expected a file or block device, found a directory";
	else if (rc == -ENOENT && !cfg->create)
		why = "no such file (--create makes one)";
	else if (rc == -EINVAL && cfg->direct)
		why = "this file system has no direct I/O";
	else if ((rc == -EACCES || rc == -EROFS) && !cfg->read_only)
		why = "cannot be opened for writing (--read-only serves it as it is)";
	return store_fail(err, err_len, rc, "store '%s': %s", cfg->spec, why);
}

static int grow_file(struct store *s, const struct store_config *cfg, uint64_t have_bytes,
		     char *err, size_t err_len)
{
	if (have_bytes >= cfg->size_bytes)
		return 0;
	if (!cfg->create)
		return store_fail(err, err_len, -ENOSPC,
				  "store '%s': too small: expected %" PRIu64
				  " bytes, found %" PRIu64,
				  cfg->spec, cfg->size_bytes, have_bytes);
	if (ftruncate(s->fd, (off_t)cfg->size_bytes) != 0)
		return store_fail(err, err_len, -errno,
				  "store '%s': cannot extend to %" PRIu64 " bytes: %s", cfg->spec,
				  cfg->size_bytes, strerror(errno));
	return 0;
}

/* Capacity of a file or block device; 0 or -errno. */
static int file_size(int fd, const struct stat *st, uint64_t *bytes)
{
	if (S_ISBLK(st->st_mode))
		return ioctl(fd, BLKGETSIZE64, bytes) != 0 ? -errno : 0;
	*bytes = (uint64_t)st->st_size;
	return 0;
}

/* Type, permission and size of the open file; s->size_bytes is known afterwards. */
static int check_file(struct store *s, const struct store_config *cfg, char *err, size_t err_len)
{
	struct stat st;
	uint64_t have_bytes;
	int rc;

	if (fstat(s->fd, &st) != 0)
		return store_fail(err, err_len, -errno, "store '%s': %s", cfg->spec,
				  strerror(errno));
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return store_fail(err, err_len, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL,
				  "store '%s': expected a file or block device, found %s",
				  cfg->spec,
				  S_ISDIR(st.st_mode) ? "a directory" : "something else");
	rc = file_size(s->fd, &st, &have_bytes);
	if (rc != 0)
		return store_fail(err, err_len, rc, "store '%s': size unknown: %s", cfg->spec,
				  strerror(-rc));
	/* A privileged handler could write to it all the same, but its owner said no. */
	if (!cfg->read_only && (st.st_mode & 0222) == 0)
		return store_fail(
			err, err_len, -EACCES,
			"store '%s': file mode %04o is read-only (--read-only serves it as it is)",
			cfg->spec, st.st_mode & 07777u);
	rc = grow_file(s, cfg, have_bytes, err, err_len);
	if (rc != 0)
		return rc;
	s->size_bytes = cfg->size_bytes != 0 ? cfg->size_bytes : have_bytes;
	return check_size(s, cfg, err, err_len);
}

/*
 * Direct I/O: find the alignment by trying. Offsets and lengths are whole logical blocks, so a
 * block size on the boundary leaves memory as the only thing that can be off it; a bounce buffer
 * cures that without read-modify-write and its races.
 */
static int probe_direct(struct store *s, const struct store_config *cfg, char *err, size_t err_len)
{
	void *buf = NULL;
	uint32_t align = DIO_ALIGN_MIN;
	int rc = -ENOMEM;

	if (posix_memalign(&buf, DIO_ALIGN_MAX, DIO_ALIGN_MAX) != 0)
		return store_fail(err, err_len, -ENOMEM, "store '%s': out of memory", cfg->spec);
	for (; align <= DIO_ALIGN_MAX; align *= 2) {
		rc = pread(s->fd, buf, align, 0) < 0 ? -errno : 0;
		if (rc != -EINVAL)
			break;
	}
	free(buf);
	if (rc != 0)
		return store_fail(err, err_len, rc, "store '%s': direct read fails: %s", cfg->spec,
				  strerror(-rc));
	if (cfg->block_size % align != 0)
		return store_fail(
			err, err_len, -EINVAL,
			"store '%s': direct I/O: expected a block size that is a multiple of %u, "
			"found %u",
			cfg->spec, align, cfg->block_size);
	s->dio_align = align;
	return 0;
}

/*
 * Whether holes can be punched, tried beyond the end where there is nothing to lose. A block device
 * has no beyond; fallocate() on it zeroes and unmaps where the hardware can, so take its word.
 */
static bool probe_punch(const struct store *s)
{
	struct stat st;

	if (s->read_only || fstat(s->fd, &st) != 0)
		return false;
	if (S_ISBLK(st.st_mode))
		return true;
	return fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (st.st_size + 4095) / 4096 * 4096, 4096) == 0;
}

static int setup_file(struct store *s, const struct store_config *cfg, char *err, size_t err_len)
{
	const char *path = cfg->spec + strlen("file:");
	bool made;
	int rc;

	s->ops = find_engine(cfg->engine);
	if (s->ops == NULL)
		return store_fail(
			err, err_len, -EINVAL,
			"store '%s': engine: expected psync, libaio or io_uring, found '%s'",
			cfg->spec, cfg->engine);
	if (cfg->size_bytes % cfg->block_size != 0)
		return store_fail(err, err_len, -EINVAL,
				  "store '%s': size: expected a multiple of the block size %u, "
				  "found %" PRIu64,
				  cfg->spec, cfg->block_size, cfg->size_bytes);
	if (cfg->create && (cfg->read_only || cfg->size_bytes == 0))
		return store_fail(err, err_len, -EINVAL,
				  "store '%s': creating a file needs a size and write access",
				  cfg->spec);
	s->fd = open_file(path, cfg, &made);
	if (s->fd < 0)
		return open_error(s->fd, cfg, err, err_len);
	rc = check_file(s, cfg, err, err_len);
	if (rc == 0 && cfg->direct)
		rc = probe_direct(s, cfg, err, err_len);
	if (rc != 0) {
		if (made)
			unlink(path);
		return rc;
	}
	s->can_punch = probe_punch(s);
	s->zeros = mmap(NULL, STORE_ZEROS_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s->zeros_bytes = STORE_ZEROS_BYTES / cfg->block_size * cfg->block_size;
	if (s->zeros == MAP_FAILED) {
		s->zeros = NULL;
		return store_fail(err, err_len, -ENOMEM, "store '%s': out of memory", cfg->spec);
	}
	return 0;
}

static void release(struct store *s)
{
	if (s->zeros != NULL)
		munmap(s->zeros, STORE_ZEROS_BYTES);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

int store_open(struct store **out, const struct store_config *cfg, char *err, size_t err_len)
{
	struct store *s;
	int rc = check_config(cfg, err, err_len);

	if (rc != 0)
		return rc;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return store_fail(err, err_len, -ENOMEM, "store '%s': out of memory", cfg->spec);
	s->fd = -1;
	s->poll_fd = -1;
	s->depth = cfg->depth;
	s->read_only = cfg->read_only;
	if (strncmp(cfg->spec, "memory:", 7) == 0)
		rc = setup_size(s, cfg, &store_memory_ops, err, err_len);
	else if (strncmp(cfg->spec, "null:", 5) == 0)
		rc = setup_null(s, cfg, err, err_len);
	else if (strncmp(cfg->spec, "file:", 5) == 0)
		rc = setup_file(s, cfg, err, err_len);
	else
		rc = store_fail(err, err_len, -EINVAL,
				"store '%s': expected memory:SIZE or file:PATH", cfg->spec);
	if (rc == 0)
		rc = s->ops->open(s, cfg, err, err_len);
	if (rc != 0) {
		release(s);
		return rc;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	s->ops->close(s);
	release(s);
}

uint64_t store_size(const struct store *s)
{
	return s->size_bytes;
}

int store_resize(struct store *s, uint64_t size_bytes, uint32_t block_size, bool create)
{
	uint64_t have_bytes;
	struct stat st;
	int rc;

	if (s->inflight != 0)
		return -EBUSY;
	if (size_bytes == 0 || size_bytes % block_size != 0)
		return -EINVAL;
	if (s->ops->resize != NULL)
		return s->ops->resize(s, size_bytes);
	if (fstat(s->fd, &st) != 0)
		return -errno;
	rc = file_size(s->fd, &st, &have_bytes);
	if (rc != 0)
		return rc;
	if (have_bytes < size_bytes && !(create && S_ISREG(st.st_mode)))
		return -ENOSPC;
	if (have_bytes < size_bytes && ftruncate(s->fd, (off_t)size_bytes) != 0)
		return -errno;
	s->size_bytes = size_bytes;
	return 0;
}

/* What must hold of every operation, whatever the engine: a caller's mistake is an error, not a
 * crash. */
static int check_io(const struct store *s, const struct store_io *io)
{
	uint64_t room_bytes = 0;

	if (io->op == STORE_FLUSH)
		return 0;
	if (io->off_bytes > s->size_bytes || io->len_bytes > s->size_bytes - io->off_bytes)
		return -EINVAL;
	if (s->read_only && io->op != STORE_READ)
		return -EROFS;
	if (io->op == STORE_DISCARD || io->op == STORE_ZERO)
		return 0;
	for (uint32_t i = 0; i < io->iov_cnt; i++)
		room_bytes += io->iov[i].iov_len;
	return room_bytes == io->len_bytes ? 0 : -EINVAL;
}

int store_submit(struct store *s, struct store_io *io)
{
	int rc = check_io(s, io);

	if (rc != 0 || (io->len_bytes == 0 && io->op != STORE_FLUSH)) {
		io->result = rc;
		io->done(io);
		return 0;
	}
	if (s->inflight == s->depth)
		return -EAGAIN;
	s->inflight++;
	return s->ops->submit(s, io);
}

void store_kick(struct store *s)
{
	if (s->ops->kick != NULL)
		s->ops->kick(s);
}

uint32_t store_reap(struct store *s)
{
	if (s->ops->reap == NULL)
		return 0;
	return s->ops->reap(s);
}

uint32_t store_inflight(const struct store *s)
{
	return s->inflight;
}

int store_fd(const struct store *s)
{
	return s->poll_fd;
}

const char *store_engine(const struct store *s)
{
	return s->ops->name;
}

bool store_can_punch(const struct store *s)
{
	return s->can_punch;
}
