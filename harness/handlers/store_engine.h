/* SPDX-License-Identifier: MIT */
/*
 * What the engines share; private to store*.c.
 *
 * A file operation is a short series of system calls: a long iov list takes several, a hole that
 * the file system cannot punch becomes writes of zeros, a durable discard ends with a sync. The
 * series is a store_plan: it names the next call and is told the result. An engine only makes
 * calls, at once (psync) or later (libaio, io_uring), so the rules exist once.
 */
#ifndef HANDLERS_STORE_ENGINE_H
#define HANDLERS_STORE_ENGINE_H

#include "store.h"

/** Bytes of the zeros that a plan writes per call where nothing better works. */
#define STORE_ZEROS_BYTES (1u << 20)

/**
 * struct store - one open store
 * @fd:        the file; -1 for memory
 * @poll_fd:   readable when reap has work; -1 if synchronous
 * @dio_align: alignment that direct I/O wants of memory, in bytes; 0 = buffered
 * @zeros:     STORE_ZEROS_BYTES of read-only zeros, one shared page underneath
 * @zeros_bytes: as many of them as one call writes: whole blocks, so that no other command tears
 *             one in two
 * @inflight:  submitted, done() not called yet
 * @engine:    the engine's own state
 */
struct store {
	const struct store_ops *ops;
	uint64_t size_bytes;
	uint32_t depth;
	uint32_t inflight;
	uint32_t dio_align;
	int fd, poll_fd;
	bool read_only, can_punch;
	void *zeros;
	uint32_t zeros_bytes;
	void *engine;
};

/** enum store_call - the system calls of a plan. */
enum store_call { STORE_CALL_READV, STORE_CALL_WRITEV, STORE_CALL_FALLOCATE, STORE_CALL_SYNC };

/**
 * struct store_plan - an operation in progress
 *
 * @call to @flags describe the call to make: @iov, @iov_cnt, @off_bytes and RWF_* @flags of READV
 * and WRITEV; @off_bytes, @left_bytes and the mode in @flags of FALLOCATE. The iovs live as long as
 * the plan stays where it is.
 */
struct store_plan {
	enum store_call call;
	const struct iovec *iov;
	uint32_t iov_cnt;
	int flags;
	uint64_t off_bytes, left_bytes;

	struct store *store;
	struct store_io *io;
	const struct iovec *rest; /* iovs not begun yet */
	uint32_t rest_cnt;
	struct iovec cut; /* what is left of an iov that a short transfer cut */
	void *bounce;	  /* aligned stand-in for the caller's memory */
};

/**
 * store_plan_begin() - work out the first call for @io
 *
 * Returns true if there is a call to make, false if @io->result is final already.
 */
bool store_plan_begin(struct store_plan *p, struct store *s, struct store_io *io);

/**
 * store_plan_next() - take @result (bytes or -errno) of the call just made
 *
 * Returns true if there is another call to make, false if @io->result is final.
 */
bool store_plan_next(struct store_plan *p, int64_t result);

/** store_plan_drop() - release what the plan holds without finishing it. */
void store_plan_drop(struct store_plan *p);

/** store_plan_call() - make the call of @p synchronously; returns bytes or -errno. */
int64_t store_plan_call(const struct store_plan *p);

/** store_finish() - hand @io back; the engine must be done with it. */
static inline void store_finish(struct store *s, struct store_io *io)
{
	s->inflight--;
	io->done(io);
}

/** store_fail() - put one line into @err and return @rc, for `return store_fail(…)`. */
int store_fail(char *err, size_t err_len, int rc, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

extern const struct store_ops store_memory_ops;
extern const struct store_ops store_null_ops;
extern const struct store_ops store_psync_ops;
extern const struct store_ops store_libaio_ops;
extern const struct store_ops store_uring_ops;

#endif
