/* SPDX-License-Identifier: MIT */
/*
 * What the files of the trace directory share.
 *
 * trace_model.c  a trace in memory, decoding entries	trace_parse.c	 text to trace
 * trace_write.c  trace to text				trace_compare.c	 field by field
 * trace_time.c	  what a trace says about time		trace_order.c	 the order it leaves open
 * trace_device.c the device that has the verdict	trace_replay.c	 all of these together
 * trace_dump.c	  for people				trace_cmd.c	 the command line
 */
#ifndef HARNESS_TRACE_IMPL_H
#define HARNESS_TRACE_IMPL_H

#include "trace.h"

#include <ringsim/device.h>

#define NONE SIZE_MAX

/* trace_model.c: room for one more event, so that there are arrays to point into even if empty. */
int trace_reserve(struct trace *t);
/* Append; NULL or -ENOMEM when out of memory. */
struct trace_event *trace_push(struct trace *t);
int trace_push_iov(struct trace *t, uint64_t base, uint64_t len);
int trace_push_bytes(struct trace *t, const void *src, size_t len);
/* Forgets all events but keeps the memory. */
void trace_clear(struct trace *t);

/* trace_compare.c */
void finding_set(struct trace_finding *f, const char *field, const char *expected,
		 const char *found);
void finding_number(struct trace_finding *f, const char *field, uint64_t expected, uint64_t found);

/*
 * Ring positions below are unwrapped: they only grow, and position modulo cmdr_size is the ring
 * offset. That makes "before" and "after" comparisons of numbers.
 */

/* What the kernel queues in one go: a PAD with the entry that needed it, or an entry alone. */
struct unit {
	size_t pad, entry; /* events; NONE if there is none (an entry that was not recorded) */
	uint64_t pos, end; /* ring positions */
	uint32_t lo, hi;   /* how many kicks had been before it at least, at most */
	uint32_t at;	   /* the number that was found */
};

struct kick {
	size_t event;
	uint64_t tail; /* position */
};

/* A moment at which the recorder looked at the mailbox. */
struct look {
	size_t event;
	uint64_t head;	/* position */
	uint32_t kicks; /* before it */
};

/*
 * What a trace says about time. @events is how many of the trace's events are consistent with one
 * another; @problem says what is wrong with the next one.
 */
struct timeline {
	const struct trace *t;
	struct unit *units;
	struct kick *kicks;
	struct look *looks;
	size_t n_units, n_kicks, n_looks;
	size_t events;
	uint64_t start;
	uint64_t known_end; /* entries are known up to this position */
	bool drains;	    /* no IRQ line while entries were known that were not completed */
	bool has_problem;
	struct trace_finding problem;
};

int timeline_init(struct timeline *tl, const struct trace *t);
void timeline_free(struct timeline *tl);
/* Ring offset of a position, and the position of an offset that is not before @from. */
static inline uint32_t pos_off(const struct timeline *tl, uint64_t pos)
{
	return (uint32_t)(pos % tl->t->hdr.cmdr_size);
}

static inline uint64_t pos_after(const struct timeline *tl, uint64_t from, uint32_t off)
{
	uint32_t size = tl->t->hdr.cmdr_size;

	return from + (off + (uint64_t)size - pos_off(tl, from)) % size;
}

/* The ring entry that a unit starts with. */
static inline const struct trace_event *unit_first(const struct timeline *tl, const struct unit *u)
{
	return &tl->t->v[u->pad != NONE ? u->pad : u->entry];
}

/* trace_order.c */
struct data_area {
	uint64_t off;
	uint32_t blk_size, blocks;
};

/*
 * Sets unit.at for as many units as some order explains, *@reached of them, and for the next one to
 * where it fits best. *@budget is decreased by the work done. Returns 0, -E2BIG or -ENOMEM.
 */
int order_find(struct timeline *tl, const struct data_area *area, uint64_t *budget, size_t *reached,
	       uint64_t *tries);

/* trace_replay.c: logical blocks that a READ or WRITE moves; false for other commands. */
bool trace_cdb_blocks(const uint8_t *cdb, uint32_t len, uint32_t *blocks);

/*
 * trace_device.c: drives a device made from @cfg through the timeline, units up to @units in their
 * places, until something differs. Returns 0 with the finding in *@res, or -errno with @err set.
 */
int device_run(const struct timeline *tl, size_t units, const struct ringsim_config *cfg,
	       struct trace_result *res, char *err, size_t err_len);

#endif
