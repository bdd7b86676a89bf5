/* SPDX-License-Identifier: MIT */
/*
 * Every engine does the same to the same bytes, with many operations in flight, and refuses what
 * cannot work in one line.
 */
#include "fixture.h"

#include "../store_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define BLOCK	512u
#define SIZE	(4u << 20)
#define DEPTH	32u
#define WAIT_MS 5000

/* An engine and how to open it; memory has no file. */
struct kind {
	const char *name, *engine;
	bool direct, sqpoll;
};

static const struct kind kinds[] = {
	{ "memory", NULL, false, false },
	{ "psync", "psync", false, false },
	{ "libaio", "libaio", false, false },
	{ "io_uring", "io_uring", false, false },
	{ "psync direct", "psync", true, false },
	{ "libaio direct", "libaio", true, false },
	{ "io_uring direct", "io_uring", true, false },
	{ "io_uring sqpoll", "io_uring", false, true },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct waiter {
	struct store_io io;
	struct iovec iov[4];
	unsigned int calls;
};

static void count_call(struct store_io *io)
{
	((struct waiter *)io->owner)->calls++;
}

static struct store *open_kind(const struct kind *k, const struct scratch *dir)
{
	struct store_config cfg = { .engine = k->engine, .block_size = BLOCK, .depth = DEPTH };
	char err[256] = "";
	struct store *s = NULL;

	if (k->engine == NULL) {
		cfg.spec = "memory:4M";
	} else {
		cfg.spec = dir->spec;
		cfg.size_bytes = SIZE;
		cfg.create = true;
		cfg.direct = k->direct;
		cfg.sqpoll = k->sqpoll;
	}
	CU_ASSERT_EQUAL(store_open(&s, &cfg, err, sizeof(err)), 0);
	if (s == NULL)
		printf("\n%s: %s\n", k->name, err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

/* Run the loop of a user of the store until @w is done. */
static void wait_for(struct store *s, const struct waiter *w)
{
	struct pollfd p = { .fd = store_fd(s), .events = POLLIN };

	while (w->calls == 0) {
		store_kick(s);
		if (store_reap(s) == 0 && w->calls == 0 && poll(&p, 1, WAIT_MS) <= 0)
			break;
	}
	CU_ASSERT_EQUAL(w->calls, 1);
}

static void start(struct store *s, struct waiter *w, enum store_op op, uint64_t off, uint64_t len,
		  void *buf)
{
	w->calls = 0;
	w->iov[0] = (struct iovec){ buf, len };
	w->io = (struct store_io){ .op = op,
				   .off_bytes = off,
				   .len_bytes = len,
				   .iov = w->iov,
				   .iov_cnt = buf != NULL ? 1 : 0,
				   .done = count_call,
				   .owner = w };
	CU_ASSERT_EQUAL(store_submit(s, &w->io), 0);
}

static int run(struct store *s, enum store_op op, uint64_t off, uint64_t len, void *buf)
{
	struct waiter w;

	start(s, &w, op, off, len, buf);
	wait_for(s, &w);
	return w.io.result;
}

/* Run @test with a fresh store of each kind. */
static void each_kind(void (*test)(struct store *s))
{
	for (size_t i = 0; i < KINDS; i++) {
		struct scratch dir = scratch_make();
		unsigned int before = CU_get_number_of_failures();
		struct store *s = open_kind(&kinds[i], &dir);

		CU_ASSERT_EQUAL(store_size(s), SIZE);
		test(s);
		CU_ASSERT_EQUAL(store_inflight(s), 0);
		store_close(s);
		scratch_remove(&dir);
		if (CU_get_number_of_failures() != before)
			printf("\n(with %s)\n", kinds[i].name);
	}
}

static void round_trip(struct store *s)
{
	static uint8_t out[65536], in[65536];

	fill(out, sizeof(out), 1);
	CU_ASSERT_EQUAL(run(s, STORE_WRITE, 8192, sizeof(out), out), 0);
	CU_ASSERT_EQUAL(run(s, STORE_FLUSH, 0, 0, NULL), 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, 8192, sizeof(in), in), 0);
	CU_ASSERT_EQUAL(memcmp(in, out, sizeof(in)), 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, SIZE - BLOCK, BLOCK, in), 0);
	CU_ASSERT_TRUE(all_bytes(in, BLOCK, 0));
}

static void test_round_trip(void)
{
	each_kind(round_trip);
}

/* Parts of the file are in the page cache, and others are not, one after the other and together. */
static void half_cached(struct store *s)
{
	static uint8_t out[1u << 20], in[1u << 20];
	struct waiter w[4];

	fill(out, sizeof(out), 3);
	CU_ASSERT_EQUAL(run(s, STORE_WRITE, 0, sizeof(out), out), 0);
	CU_ASSERT_EQUAL(run(s, STORE_FLUSH, 0, 0, NULL), 0);
	for (off_t off = 0; off < (off_t)sizeof(out); off += 131072) {
		/* first all, as a folio goes as a whole or not at all */
		if (s->fd >= 0)
			CU_ASSERT_EQUAL(posix_fadvise(s->fd, off, off == 0 ? 0 : 262144,
						      POSIX_FADV_DONTNEED),
					0);
		memset(in, 0, sizeof(in));
		CU_ASSERT_EQUAL(run(s, STORE_READ, 0, sizeof(in), in), 0);
		CU_ASSERT_EQUAL(memcmp(in, out, sizeof(in)), 0);
		store_kick(s);
	}
	memset(in, 0, sizeof(in));
	for (unsigned int i = 0; i < 4; i++)
		start(s, &w[i], STORE_READ, i * 65536ull, 65536, in + i * 65536ull);
	for (unsigned int i = 0; i < 4; i++)
		wait_for(s, &w[i]);
	CU_ASSERT_EQUAL(memcmp(in, out, 4 * 65536), 0);
}

static void test_half_cached(void)
{
	each_kind(half_cached);
}

/* A file system that has no reads of what is in the page cache alone, as one in memory. */
static void test_nothing_at_once(void)
{
	int fd = memfd_create("store", MFD_CLOEXEC);
	struct scratch file = { .dir = "" };

	snprintf(file.spec, sizeof(file.spec), "file:/proc/self/fd/%d", fd);
	for (size_t i = 1; i < KINDS; i++) {
		struct store *s;

		if (kinds[i].direct)
			continue;
		s = open_kind(&kinds[i], &file);
		half_cached(s);
		store_close(s);
	}
	close(fd);
}

/* Odd addresses and odd cuts, as a fragmented data area has them; direct I/O bounces. */
static void odd_iovs(struct store *s)
{
	static uint8_t out[8200], in[8200];
	struct waiter w = { .calls = 0 };

	fill(out, sizeof(out), 5);
	w.iov[0] = (struct iovec){ out + 1, 1 };
	w.iov[1] = (struct iovec){ out + 2, 0 };
	w.iov[2] = (struct iovec){ out + 2, 4094 };
	w.iov[3] = (struct iovec){ out + 4096, 4097 };
	w.io = (struct store_io){ .op = STORE_WRITE,
				  .fua = true,
				  .off_bytes = BLOCK,
				  .len_bytes = 8192,
				  .iov = w.iov,
				  .iov_cnt = 4,
				  .done = count_call,
				  .owner = &w };
	CU_ASSERT_EQUAL(store_submit(s, &w.io), 0);
	wait_for(s, &w);
	CU_ASSERT_EQUAL(w.io.result, 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, BLOCK, 8192, in + 3), 0);
	CU_ASSERT_EQUAL(memcmp(in + 3, out + 1, 8192), 0);
}

static void test_odd_iovs(void)
{
	each_kind(odd_iovs);
}

/* More iovs than one system call takes. */
static void many_iovs(struct store *s)
{
	static uint8_t out[3000 * BLOCK], in[3000 * BLOCK];
	static struct iovec iov[3000];
	struct waiter w = { .calls = 0 };

	fill(out, sizeof(out), 9);
	for (size_t i = 0; i < 3000; i++)
		iov[i] = (struct iovec){ out + i * BLOCK, BLOCK };
	w.io = (struct store_io){ .op = STORE_WRITE,
				  .len_bytes = sizeof(out),
				  .iov = iov,
				  .iov_cnt = 3000,
				  .done = count_call,
				  .owner = &w };
	CU_ASSERT_EQUAL(store_submit(s, &w.io), 0);
	wait_for(s, &w);
	CU_ASSERT_EQUAL(w.io.result, 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, 0, sizeof(in), in), 0);
	CU_ASSERT_EQUAL(memcmp(in, out, sizeof(in)), 0);
}

static void test_many_iovs(void)
{
	each_kind(many_iovs);
}

static void holes(struct store *s, enum store_op op)
{
	static uint8_t buf[65536];

	memset(buf, 0xaa, sizeof(buf));
	CU_ASSERT_EQUAL(run(s, STORE_WRITE, 0, sizeof(buf), buf), 0);
	CU_ASSERT_EQUAL(run(s, op, 3 * BLOCK, 40 * BLOCK, NULL), 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, 0, sizeof(buf), buf), 0);
	CU_ASSERT_TRUE(all_bytes(buf, 3 * BLOCK, 0xaa));
	CU_ASSERT_TRUE(all_bytes(buf + 3 * BLOCK, 40 * BLOCK, 0));
	CU_ASSERT_TRUE(all_bytes(buf + 43 * BLOCK, sizeof(buf) - 43 * BLOCK, 0xaa));
}

static void discard_zero(struct store *s)
{
	struct waiter w;

	holes(s, STORE_DISCARD);
	holes(s, STORE_ZERO);
	start(s, &w, STORE_ZERO, 0, SIZE, NULL); /* longer than one write of zeros */
	w.io.fua = true;
	wait_for(s, &w);
	CU_ASSERT_EQUAL(w.io.result, 0);
}

static void test_discard_zero(void)
{
	each_kind(discard_zero);
}

/* Two commands over the same block at once: no call covers a part of it (SCS-030). */
static void test_whole_blocks(void)
{
	struct store_config cfg = { .engine = "psync",
				    .block_size = 520,
				    .depth = 1,
				    .size_bytes = 520u * 4096,
				    .create = true };
	struct store_io io = { .op = STORE_ZERO, .len_bytes = 520u * 4096 };
	struct store_plan p;
	struct scratch dir;
	struct store *s = NULL;
	char err[256] = "";
	unsigned int calls = 0;

	dir = scratch_make();
	cfg.spec = dir.spec;
	CU_ASSERT_EQUAL_FATAL(store_open(&s, &cfg, err, sizeof(err)), 0);
	CU_ASSERT_TRUE(store_plan_begin(&p, s, &io));
	CU_ASSERT_TRUE(store_plan_next(&p, -EOPNOTSUPP)); /* the file system cannot do it at once */
	do {
		CU_ASSERT_EQUAL(p.off_bytes % 520, 0);
		CU_ASSERT_EQUAL(p.iov->iov_len % 520, 0);
		calls++;
	} while (calls < 10 && store_plan_next(&p, (int64_t)p.iov->iov_len));
	CU_ASSERT_EQUAL(calls, 3);
	CU_ASSERT_EQUAL(io.result, 0);
	store_close(s);
	scratch_remove(&dir);
}

static void bounds(struct store *s)
{
	uint8_t buf[2 * BLOCK];

	CU_ASSERT_EQUAL(run(s, STORE_READ, SIZE - BLOCK, 2 * BLOCK, buf), -EINVAL);
	CU_ASSERT_EQUAL(run(s, STORE_READ, UINT64_MAX - BLOCK + 1, BLOCK, buf), -EINVAL);
	CU_ASSERT_EQUAL(run(s, STORE_DISCARD, SIZE, BLOCK, NULL), -EINVAL);
	CU_ASSERT_EQUAL(run(s, STORE_WRITE, 0, BLOCK, NULL), -EINVAL); /* no memory to write */
	CU_ASSERT_EQUAL(run(s, STORE_READ, SIZE, 0, NULL), 0);
}

static void test_bounds(void)
{
	each_kind(bounds);
}

/* As many as the depth allows at once, finished in whatever order; one more is turned away. */
static void in_flight(struct store *s)
{
	static uint8_t out[DEPTH][4096], in[DEPTH][4096];
	struct waiter w[DEPTH];
	struct waiter extra = { .io = { .op = STORE_FLUSH, .done = count_call, .owner = &extra } };

	for (uint32_t i = 0; i < DEPTH; i++) {
		fill(out[i], 4096, (uint8_t)i);
		start(s, &w[i], STORE_WRITE, i * 4096, 4096, out[i]);
	}
	if (store_fd(s) >= 0) {
		CU_ASSERT_EQUAL(store_inflight(s), DEPTH);
		CU_ASSERT_EQUAL(store_submit(s, &extra.io), -EAGAIN);
	}
	for (uint32_t i = 0; i < DEPTH; i++) {
		wait_for(s, &w[i]);
		CU_ASSERT_EQUAL(w[i].io.result, 0);
	}
	for (uint32_t i = 0; i < DEPTH; i++)
		start(s, &w[i], STORE_READ, i * 4096, 4096, in[i]);
	for (uint32_t i = 0; i < DEPTH; i++)
		wait_for(s, &w[i]);
	CU_ASSERT_EQUAL(memcmp(in, out, sizeof(in)), 0);
}

static void test_in_flight(void)
{
	each_kind(in_flight);
}

/* Closing waits for the kernel and calls nobody back. */
static void test_close_in_flight(void)
{
	static uint8_t buf[DEPTH][4096] __attribute__((aligned(4096)));

	for (size_t i = 0; i < KINDS; i++) {
		struct scratch dir = scratch_make();
		struct store *s = open_kind(&kinds[i], &dir);
		struct waiter w[DEPTH];
		unsigned int calls[DEPTH];

		for (uint32_t n = 0; n < DEPTH; n++) {
			start(s, &w[n], n % 2 ? STORE_WRITE : STORE_READ, n * 4096, 4096, buf[n]);
			if (n == DEPTH / 2)
				store_kick(s); /* the rest is queued only */
		}
		for (uint32_t n = 0; n < DEPTH; n++)
			calls[n] = w[n].calls;
		CU_ASSERT_EQUAL(calls[DEPTH - 1] == 0, store_fd(s) >= 0);
		store_close(s);
		for (uint32_t n = 0; n < DEPTH; n++)
			CU_ASSERT_EQUAL(w[n].calls, calls[n]);
		scratch_remove(&dir);
	}
}

/* A file that someone cut behind our back is an error, not old memory. */
static void test_truncated(void)
{
	static const char *const engines[] = { "psync", "libaio", "io_uring" };
	uint8_t buf[BLOCK];

	for (size_t i = 0; i < 3; i++) {
		struct scratch dir = scratch_make();
		struct kind k = { engines[i], engines[i], false, false };
		struct store *s = open_kind(&k, &dir);

		CU_ASSERT_EQUAL(truncate(dir.path, BLOCK), 0);
		CU_ASSERT_EQUAL(run(s, STORE_READ, 4 * BLOCK, BLOCK, buf), -EIO);
		store_close(s);
		scratch_remove(&dir);
	}
}

static void refused(const struct store_config *cfg, int rc, const char *line)
{
	char err[256] = "";
	struct store *s = NULL;

	CU_ASSERT_EQUAL(store_open(&s, cfg, err, sizeof(err)), rc);
	has(err, line);
	CU_ASSERT_PTR_NULL(strchr(err, '\n'));
	if (s != NULL)
		store_close(s);
}

static void test_bad_specs(void)
{
	struct store_config cfg = { .spec = "memory:64", .block_size = BLOCK, .depth = 1 };

	refused(&cfg, -EINVAL, "expected a multiple of the block size 512, found 64");
	cfg.spec = "memory:";
	refused(&cfg, -EINVAL, "expected a number like 64M, found ''");
	cfg.spec = "memory:99999999T";
	refused(&cfg, -EINVAL, "found '99999999T'");
	cfg.spec = "memory:0";
	refused(&cfg, -EINVAL, "expected at least one block of 512 bytes, found 0");
	cfg.spec = "disk.img";
	refused(&cfg, -EINVAL, "store 'disk.img': expected memory:SIZE or file:PATH");
	cfg.spec = "memory:1M";
	cfg.engine = "psync";
	refused(&cfg, -EINVAL, "expected none for memory, found 'psync'");
	cfg.spec = "file:/tmp";
	cfg.engine = "aio";
	refused(&cfg, -EINVAL, "expected psync, libaio or io_uring, found 'aio'");
	cfg.engine = NULL;
	refused(&cfg, -EISDIR, "found a directory");
	cfg.read_only = true;
	refused(&cfg, -EISDIR, "found a directory");
	cfg.spec = "file:/dev/null";
	refused(&cfg, -EINVAL, "found something else");
	cfg.block_size = 510;
	refused(&cfg, -EINVAL, "multiple of 4 in 512..65536, found 510");
	cfg.block_size = BLOCK;
	cfg.depth = 0;
	refused(&cfg, -EINVAL, "depth: expected 1..4096, found 0");
}

static void test_bad_files(void)
{
	struct scratch dir = scratch_make();
	struct store_config cfg = { .spec = dir.spec, .block_size = BLOCK, .depth = 1 };

	refused(&cfg, -ENOENT, "no such file (--create makes one)");
	cfg.create = true;
	refused(&cfg, -EINVAL, "creating a file needs a size");
	cfg.create = false;
	fclose(fopen(dir.path, "w"));
	refused(&cfg, -EINVAL, "expected at least one block of 512 bytes, found 0");
	CU_ASSERT_EQUAL(truncate(dir.path, 1000), 0);
	refused(&cfg, -EINVAL, "multiple of the block size 512, found 1000");
	cfg.size_bytes = 4096;
	refused(&cfg, -ENOSPC, "too small: expected 4096 bytes, found 1000");
	CU_ASSERT_EQUAL(truncate(dir.path, 4096), 0);
	CU_ASSERT_EQUAL(chmod(dir.path, 0444), 0);
	refused(&cfg, -EACCES, "--read-only serves it as it is");
	CU_ASSERT_EQUAL(unlink(dir.path), 0);
	CU_ASSERT_EQUAL(mkfifo(dir.path, 0600), 0);
	refused(&cfg, -EINVAL, "found something else");
	scratch_remove(&dir);
}

/* A refused store leaves no file behind that was not there. */
static void test_create_cleans_up(void)
{
	struct scratch dir = scratch_make();
	struct store_config cfg = { .spec = dir.spec,
				    .block_size = 520,
				    .depth = 1,
				    .create = true,
				    .direct = true,
				    .size_bytes = 520 * 100 };

	refused(&cfg, -EINVAL, "direct");
	CU_ASSERT_NOT_EQUAL(access(dir.path, F_OK), 0);
	scratch_remove(&dir);
}

static void test_read_only(void)
{
	struct scratch dir = scratch_make();
	struct store_config cfg = { .spec = dir.spec,
				    .block_size = BLOCK,
				    .depth = 1,
				    .create = true,
				    .size_bytes = 8 * BLOCK };
	uint8_t buf[BLOCK];
	char err[256];
	struct store *s;

	CU_ASSERT_EQUAL_FATAL(store_open(&s, &cfg, err, sizeof(err)), 0);
	store_close(s);
	cfg.create = false;
	cfg.read_only = true;
	CU_ASSERT_EQUAL(chmod(dir.path, 0444), 0);
	CU_ASSERT_EQUAL_FATAL(store_open(&s, &cfg, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, 0, BLOCK, buf), 0);
	CU_ASSERT_EQUAL(run(s, STORE_WRITE, 0, BLOCK, buf), -EROFS);
	CU_ASSERT_EQUAL(run(s, STORE_DISCARD, 0, BLOCK, NULL), -EROFS);
	store_close(s);
	scratch_remove(&dir);
}

/* The kernel is spared the time of every read; only the file's owner may ask for that. */
static void test_access_time(void)
{
	struct scratch dir = scratch_make();
	struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_nsec = UTIME_OMIT } };
	struct store_config cfg = { .spec = dir.spec, .block_size = BLOCK, .depth = 1 };
	struct store *s = open_kind(&kinds[1], &dir);
	bool root = geteuid() == 0;
	uint8_t buf[BLOCK];
	struct stat st;
	char err[256];
	int rc;

	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, dir.path, long_ago, 0), 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, 0, BLOCK, buf), 0);
	CU_ASSERT_EQUAL(stat(dir.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_atim.tv_sec, 1000);
	store_close(s);
	if (root) { /* then there is somebody else to be */
		CU_ASSERT_EQUAL(chmod(dir.dir, 0711), 0);
		CU_ASSERT_EQUAL(chmod(dir.path, 0666), 0);
		CU_ASSERT_EQUAL(seteuid(65534), 0);
	}
	rc = store_open(&s, &cfg, err, sizeof(err));
	if (root)
		CU_ASSERT_EQUAL(seteuid(0), 0);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	CU_ASSERT_EQUAL(fcntl(s->fd, F_GETFL) & O_NONBLOCK, 0);
	CU_ASSERT_EQUAL(run(s, STORE_WRITE, 0, BLOCK, buf), 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, 0, BLOCK, buf), 0);
	store_close(s);
	scratch_remove(&dir);
}

/* What a file kept is there when it is opened again, and a larger file shows only its first part.
 */
static void test_reopen(void)
{
	struct scratch dir = scratch_make();
	uint8_t out[BLOCK], in[BLOCK];

	fill(out, BLOCK, 77);
	for (size_t i = 1; i < 4; i++) {
		struct store *s = open_kind(&kinds[i], &dir);

		if (i != 1) {
			CU_ASSERT_EQUAL(run(s, STORE_READ, SIZE - BLOCK, BLOCK, in), 0);
			CU_ASSERT_EQUAL(memcmp(in, out, BLOCK), 0);
		}
		CU_ASSERT_EQUAL(run(s, STORE_WRITE, SIZE - BLOCK, BLOCK, out), 0);
		store_close(s);
		CU_ASSERT_EQUAL(truncate(dir.path, SIZE + 100), 0);
	}
	scratch_remove(&dir);
}

static void resize(const char *spec, bool create)
{
	struct store_config cfg = {
		.spec = spec, .block_size = 512, .depth = 4, .create = create, .size_bytes = 8192
	};
	uint8_t buf[512];
	struct store *s;
	char err[256];

	if (strncmp(spec, "memory:", 7) == 0)
		cfg.create = false;
	CU_ASSERT_EQUAL_FATAL(store_open(&s, &cfg, err, sizeof(err)), 0);
	fill(buf, sizeof(buf), 1);
	CU_ASSERT_EQUAL(run(s, STORE_WRITE, 0, sizeof(buf), buf), 0);
	CU_ASSERT_EQUAL(run(s, STORE_WRITE, 7680, sizeof(buf), buf), 0);
	CU_ASSERT_EQUAL(store_resize(s, 8191, 512, true), -EINVAL);
	CU_ASSERT_EQUAL(store_resize(s, 0, 512, true), -EINVAL);
	CU_ASSERT_EQUAL(store_size(s), 8192);
	CU_ASSERT_EQUAL(store_resize(s, 7680, 512, false), 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, 7680, sizeof(buf), buf), -EINVAL);
	CU_ASSERT_EQUAL(store_resize(s, 1 << 20, 512, true), 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, (1 << 20) - 512, sizeof(buf), buf), 0);
	CU_ASSERT_TRUE(all_bytes(buf, sizeof(buf), 0));
	CU_ASSERT_EQUAL(run(s, STORE_READ, 0, sizeof(buf), buf), 0);
	CU_ASSERT_EQUAL(buf[1], 8);
	store_close(s);
}

static void test_resize(void)
{
	struct scratch dir = scratch_make();
	struct store_config cfg = { .block_size = 512, .depth = 4 };
	char err[256];
	struct store *s;

	resize("memory:8192", false);
	resize(dir.spec, true);
	cfg.spec = dir.spec;
	CU_ASSERT_EQUAL_FATAL(store_open(&s, &cfg, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(store_size(s), 1 << 20); /* a file never shrinks */
	CU_ASSERT_EQUAL(store_resize(s, 2 << 20, 512, false), -ENOSPC);
	CU_ASSERT_EQUAL(store_size(s), 1 << 20);
	store_close(s);
	scratch_remove(&dir);
}

/* Nothing is moved, everything succeeds, what is out of range does not; never without being asked
 * for. */
static void test_null(void)
{
	struct store_config cfg = { .spec = "null:1M", .block_size = BLOCK, .depth = 2 };
	uint8_t data[BLOCK], same[BLOCK];
	char err[256];
	struct store *s;

	refused(&cfg, -EPERM, "for measuring only, with --stale-reads");
	cfg.stale_reads = true;
	cfg.engine = "psync";
	refused(&cfg, -EINVAL, "expected none for null, found 'psync'");
	cfg.engine = NULL;
	CU_ASSERT_EQUAL_FATAL(store_open(&s, &cfg, err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(store_engine(s), "null");
	CU_ASSERT_EQUAL(store_size(s), 1 << 20);
	CU_ASSERT_FALSE(store_can_punch(s));
	memset(data, 0x5a, sizeof(data));
	memcpy(same, data, sizeof(data));
	CU_ASSERT_EQUAL(run(s, STORE_READ, 0, BLOCK, data), 0);
	CU_ASSERT_EQUAL(memcmp(data, same, sizeof(data)), 0);
	CU_ASSERT_EQUAL(run(s, STORE_WRITE, 0, BLOCK, data), 0);
	CU_ASSERT_EQUAL(run(s, STORE_ZERO, 0, 1 << 20, NULL), 0);
	CU_ASSERT_EQUAL(run(s, STORE_FLUSH, 0, 0, NULL), 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, 1 << 20, BLOCK, data), -EINVAL);
	CU_ASSERT_EQUAL(store_resize(s, 2 << 20, BLOCK, false), 0);
	CU_ASSERT_EQUAL(run(s, STORE_READ, 1 << 20, BLOCK, data), 0);
	CU_ASSERT_EQUAL(store_inflight(s), 0);
	store_close(s);
}

static void test_parse_size(void)
{
	uint64_t n = 1;

	CU_ASSERT_EQUAL(store_parse_size("4096", &n), 0);
	CU_ASSERT_EQUAL(n, 4096);
	CU_ASSERT_EQUAL(store_parse_size("3k", &n), 0);
	CU_ASSERT_EQUAL(n, 3072);
	CU_ASSERT_EQUAL(store_parse_size("2T", &n), 0);
	CU_ASSERT_EQUAL(n, 2ull << 40);
	CU_ASSERT_EQUAL(store_parse_size("", &n), -EINVAL);
	CU_ASSERT_EQUAL(store_parse_size("-1", &n), -EINVAL);
	CU_ASSERT_EQUAL(store_parse_size("1KB", &n), -EINVAL);
	CU_ASSERT_EQUAL(store_parse_size("1x", &n), -EINVAL);
	CU_ASSERT_EQUAL(store_parse_size("99999999999999999999", &n), -EINVAL);
	CU_ASSERT_EQUAL(n, 2ull << 40);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "what is written is read", test_round_trip },
		{ "what the page cache has and has not", test_half_cached },
		{ "a file in memory", test_nothing_at_once },
		{ "iovs at odd addresses", test_odd_iovs },
		{ "thousands of iovs", test_many_iovs },
		{ "discard and zero", test_discard_zero },
		{ "whole blocks", test_whole_blocks },
		{ "beyond the end", test_bounds },
		{ "many in flight", test_in_flight },
		{ "close with operations in flight", test_close_in_flight },
		{ "a file that was truncated", test_truncated },
		{ "specs that make no sense", test_bad_specs },
		{ "files that cannot be served", test_bad_files },
		{ "nothing left behind", test_create_cleans_up },
		{ "read-only", test_read_only },
		{ "access time", test_access_time },
		{ "persistence", test_reopen },
		{ "another size", test_resize },
		{ "a store of nothing", test_null },
		{ "sizes", test_parse_size },
		CU_TEST_INFO_NULL,
	};

	return run_suite("store", tests);
}
