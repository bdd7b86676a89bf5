/* SPDX-License-Identifier: MIT */
/*
 * A backing store: bytes that survive the handler, and an engine that moves them.
 *
 * Four engines stand behind one interface: memory, psync (pread/pwrite at once), libaio and
 * io_uring (many in flight, finished in any order); and null, which does nothing at all. I/O goes
 * straight between the store and the caller's iovs, which are usually the TCMU data area itself.
 */
#ifndef HANDLERS_STORE_H
#define HANDLERS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Size limits of every store. */
#define STORE_BLOCK_MIN 512u
#define STORE_BLOCK_MAX 65536u
#define STORE_DEPTH_MAX 4096u

/**
 * enum store_op - what to do
 * @STORE_READ:    fill all iovs from [off, off+len)
 * @STORE_WRITE:   write all iovs to [off, off+len); durable before done() if fua
 * @STORE_FLUSH:   everything finished before now is durable before done()
 * @STORE_DISCARD: [off, off+len) reads as zeros afterwards and gives its space back if it can;
 *                 durable before done() if fua
 * @STORE_ZERO:    [off, off+len) reads as zeros afterwards; durable before done() if fua
 */
enum store_op { STORE_READ, STORE_WRITE, STORE_FLUSH, STORE_DISCARD, STORE_ZERO };

/**
 * struct store_io - one operation; the caller's storage, the engine's until done()
 * @result: 0 or -errno, valid in done(); a short transfer is an error (-EIO)
 * @done:   called from store_submit() or store_reap(), never from another thread
 * @next:   for whoever holds the struct (the engine while in flight)
 * @priv:   engine's scratch space while in flight
 */
struct store_io {
	enum store_op op;
	bool fua;
	uint64_t off_bytes, len_bytes;
	const struct iovec *iov;
	uint32_t iov_cnt;
	int result;
	void (*done)(struct store_io *io);
	void *owner;
	struct store_io *next;
	uint64_t priv[4];
};

/**
 * struct store_config - what to open
 * @spec:       "memory:SIZE" (K, M, G suffixes), "file:PATH", or "null:SIZE"
 * @engine:     "psync", "libaio" or "io_uring" for files; NULL means psync
 * @size_bytes: for files: 0 = as large as the file is; else the file must be at least that large,
 *              unless @create, which makes or extends it
 * @depth:      operations that may be in flight at once, 1..4096
 * @sqpoll:     io_uring: a thread of the kernel takes submissions, so that none is a system call
 * @stale_reads: without, null is refused: its reads leave in the buffer what was there (HND-035)
 */
struct store_config {
	const char *spec;
	const char *engine;
	uint64_t size_bytes;
	uint32_t block_size;
	uint32_t depth;
	bool direct;
	bool read_only;
	bool create;
	bool stale_reads;
	bool sqpoll;
};

struct store;

/**
 * store_open() - open a backing store
 * @err: receives one line (what, where, expected, found)
 *
 * Returns 0 or -errno. A directory, a missing or too small file, a size that is no multiple of the
 * block size, an unknown engine are refused here, not at the first I/O.
 */
int store_open(struct store **out, const struct store_config *cfg, char *err, size_t err_len);

/** store_close() - wait (bounded by the I/O itself) for what is in flight, drop it, release. */
void store_close(struct store *s);

/** store_size() - capacity in bytes. */
uint64_t store_size(const struct store *s);

/**
 * store_resize() - change the capacity of an idle store
 * @create: extend a file that is too small; a file that is too large keeps its size
 *
 * Returns 0, -EBUSY with operations in flight, -EINVAL for no multiple of @block_size or nothing at
 * all, -ENOSPC for a file that is too small, or what the system said; unchanged on failure.
 */
int store_resize(struct store *s, uint64_t size_bytes, uint32_t block_size, bool create);

/**
 * store_submit() - start @io
 *
 * Returns 0 (done() was or will be called exactly once) or -EAGAIN (no room; reap and try again).
 * Errors of the operation itself are reported through done(). Asynchronous engines may only queue
 * the operation: store_kick() hands everything queued to the kernel in one call.
 */
int store_submit(struct store *s, struct store_io *io);
void store_kick(struct store *s);

/** store_reap() - call done() for whatever has finished; never blocks. Returns how many. */
uint32_t store_reap(struct store *s);

/** store_inflight() - operations submitted whose done() was not called yet. */
uint32_t store_inflight(const struct store *s);

/** store_fd() - descriptor that polls readable when store_reap() has work; -1 if synchronous. */
int store_fd(const struct store *s);

/** store_engine() - "memory", "null", "psync", "libaio" or "io_uring". */
const char *store_engine(const struct store *s);

/** store_can_punch() - whether STORE_DISCARD really frees space. */
bool store_can_punch(const struct store *s);

/**
 * store_parse_size() - read "64M": decimal digits and an optional K, M, G or T (powers of 1024)
 *
 * Returns 0 or -EINVAL; @out is untouched on failure.
 */
int store_parse_size(const char *text, uint64_t *out);

/**
 * struct store_ops - an engine; private to handlers/store*.c
 *
 * @submit, @reap as above; @resize: NULL for files. Everything that is common (open, checks,
 * alignment of direct I/O through a bounce buffer) is in store.c.
 */
struct store_ops {
	const char *name;
	int (*open)(struct store *s, const struct store_config *cfg, char *err, size_t err_len);
	void (*close)(struct store *s);
	int (*resize)(struct store *s, uint64_t size_bytes);
	int (*submit)(struct store *s, struct store_io *io);
	void (*kick)(struct store *s);
	uint32_t (*reap)(struct store *s);
};

#endif
