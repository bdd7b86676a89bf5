/* SPDX-License-Identifier: MIT */
/*
 * What hostile programs are played on: one device or two that share a pool, initiators with exactly
 * sized memory, and a model that knows what must come of everything.
 */
#ifndef HARNESS_FUZZ_HOSTILE_BENCH_H
#define HARNESS_FUZZ_HOSTILE_BENCH_H

#include "../hostile.h"

#include <ringsim/sanitizer.h>
#include <ringsim/tap.h>
#include <ringsim/uio.h>
#include <pthread.h>

#define HOSTILE_CMDS  48 /* of a side at a time */
#define HOSTILE_TMRS  4
#define HOSTILE_ARMED 64  /* stores waiting for their moment */
#define HOSTILE_RECS  512 /* entries of a ring that a walk is foretold for */
#define HOSTILE_IOVS  8
#define HOSTILE_PLAN  64

struct side;

/** enum hostile_where - where a command is, as the model knows */
enum hostile_where { AT_NOBODY, AT_QUEUE, AT_RING };

/**
 * struct hcmd - a command from submission to its end; malloc()ed, with its buffers, and freed at
 * once, so that a device that touches any of it later is seen
 * @aborting: by a task management function
 * @began_ns: when it came onto the ring
 * @to_reset: its end by reset_ring is due
 * @iov:      where its Data-In lies in the region, @iovs of them; 0 if unknown
 */
struct hcmd {
	struct ringsim_cmd c;
	struct side *side;
	uint32_t place; /* in side->cmd */
	uint64_t began_ns;
	enum hostile_where where;
	bool aborting, to_reset;
	uint8_t *data, *bidi;
	uint32_t bidi_len;
	struct iovec sg[3], bidi_sg;
	struct {
		uint64_t off, len;
	} iov[HOSTILE_IOVS];
	uint32_t iovs;
	uint8_t cdb[RINGSIM_CDB_MAX];
};

/** enum hostile_id - who owns an id */
enum hostile_id { ID_FREE, ID_RING, ID_EXPIRED, ID_KEPT };

struct hid {
	enum hostile_id state;
	struct hcmd *cmd;
	uint32_t blks;
};

/**
 * struct model - what the contract says of one device, written apart from the device
 * @id:       65536 of them; @top: highest that was ever used
 * @pending:  its answer was read and its end must be next; @want: what the end must look like
 * @clean:    nobody stores during this call, so that the region says what must happen
 * @foretold: the walk of this call was
 * @to_reclaim: a walk has ended, at the ring offset @reclaim; @last: of the answer read last
 * @head_moved: by a handler, so that entries need not follow each other
 * @rec:      the entries when the walk began; @pos, @at: where it is
 */
struct model {
	struct hid *id;
	uint32_t top, ring, expired, kept, queued, blks, to_reset;
	enum ringsim_tap_kind cause;
	bool broken, clean, walking, foretold, stopped, raw, to_reclaim, head_moved;
	uint64_t now_ns, time_out_ns;
	struct hcmd *pending;
	struct {
		uint8_t status;
		bool sense_valid;
		uint8_t sense[TCMU_SENSE_BUFFERSIZE];
		uint32_t residual, data_in;
	} want;
	struct ringsim_entry rec[HOSTILE_RECS];
	uint32_t recs, pos, at, entries, reclaim, last;
};

/** struct armed - a store that happens before the device's access number @step */
struct armed {
	uint64_t step;
	const struct fuzz_op *op;
};

struct side {
	struct bench *b;
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	uint8_t *mem;
	const struct ringsim_layout *lay;
	struct hcmd *cmd[HOSTILE_CMDS];
	struct hcmd *order[HOSTILE_CMDS]; /* the same, oldest first */
	uint32_t cmds;
	struct ringsim_tmr tmr[HOSTILE_TMRS];
	bool tmr_busy[HOSTILE_TMRS];
	struct model m;
	struct armed armed[HOSTILE_ARMED];
	uint32_t n_armed;
	uint64_t step, next; /* accesses so far; the first at which something is armed */
	uint64_t submitted, ended, hash;
	uint32_t events, events_before;
};

struct bench {
	struct hostile_run *r;
	struct ringsim_pool *pool;
	struct side side[2];
	uint32_t sides;
	uint64_t now_ns, calls;
	uint64_t at; /* of the operation before, or 0 */
	pthread_t vandal;
	bool racing, stop;
	uint64_t vandal_stores;
};

/** hostile_wrong() - the first thing that is wrong is kept. */
void hostile_wrong(struct bench *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* bench.c */
int bench_up(struct bench *b, struct hostile_run *r);
void bench_down(struct bench *b);
/** bench_do() - carry out @op, which stays where it is while the program runs. */
void bench_do(struct bench *b, const struct fuzz_op *op);
/** bench_finish() - reset and look whether everything has come home; makes the digest. */
void bench_finish(struct bench *b);

/* store.c */
/** side_store() - FUZZ_STORE or FUZZ_FILL; what lies outside the region is left out. */
void side_store(struct side *s, const struct fuzz_op *op);
void side_arm(struct side *s, uint64_t steps, const struct fuzz_op *op);
/** hostile_watch() - announce accesses to this side's region; NULL: to none. */
void hostile_watch(uint32_t i, struct side *s);
void vandal_start(struct bench *b);
void vandal_stop(struct bench *b);

/* model.c */
int model_init(struct side *s);
void model_free(struct side *s);
ringsim_tap_fn model_tap;
void model_begin(struct side *s);
void model_end(struct side *s);
void model_complete(struct side *s, struct hcmd *h);

/* submit.c */
void side_submit(struct side *s, const struct fuzz_op *op);
void side_complete(void *ctx, struct ringsim_cmd *cmd);
void side_tmr(struct side *s, const struct fuzz_op *op);
void side_tmr_done(void *ctx, struct ringsim_tmr *tmr);

/* choose.c */
/**
 * struct choose - who chooses the operations of a program
 * @stores: left of a burst, of which each is at most @burst long
 * @mild:   few of them break the ring, so that answers go on being believed
 * @stuff:  see stuff(). @plan: operations that come next, @next of @planned
 * @no_at:  all stores are between calls
 */
struct choose {
	uint64_t rng;
	uint8_t weight[FUZZ_VERBS];
	uint32_t sum, stores, burst;
	bool mild, no_at, stuff;
	struct fuzz_op plan[HOSTILE_PLAN];
	uint32_t planned, next;
};
void choose_setup(struct choose *c, uint64_t seed, struct fuzz_setup *setup);
void choose_op(struct choose *c, const struct bench *b, struct fuzz_op *op);

#endif
