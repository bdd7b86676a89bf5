/* SPDX-License-Identifier: MIT */
/*
 * What the files of the trace directory share.
 *
 * trace_model.c  a trace in memory, decoding entries	trace_parse.c	 text to trace
 * trace_write.c  trace to text				trace_compare.c	 field by field
 * trace_lines.c  the lines of version 2		trace_file.c	 files, compressed or not
 * trace_exact.c  replay in the kernel's own order	trace_tap.c	 recording a simulator
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

/* trace_parse.c: the first byte that text of this kind never has, or NULL. */
const char *trace_not_text(const char *text, size_t len);
/* What is left of a line, and what can be taken off its front. */
struct parser {
	struct trace *t;
	const char *p, *end;
	uint32_t line;
	char *err;
	size_t err_len;
};

/* Says what was expected, with what stands at the parser's position as found; -EINVAL. */
int parse_bad(struct parser *ps, const char *what, const char *expected, ...)
	__attribute__((format(printf, 3, 4)));
bool parse_skip(struct parser *ps, const char *literal);
/* A number in its only spelling, at most @max. */
int parse_number(struct parser *ps, const char *what, unsigned int base, uint64_t max,
		 uint64_t *value);
/* " KEY=" */
int parse_key(struct parser *ps, const char *key);
/* Bytes in hexadecimal, appended to the trace. */
int parse_hex(struct parser *ps, const char *what, struct trace_event *e);
int parse_iovs(struct parser *ps, struct trace_event *e);

/* trace_lines.c: the fields of a line of version 2, from its first blank on. */
int lines_parse(struct parser *ps, struct trace_event *e);
void lines_write(const struct trace *t, const struct trace_event *e, FILE *out);
int lines_parse_device(struct parser *ps);
/* The first field of two lines of one kind that is not equal, but for when and where. */
bool lines_differ(const struct trace *a, const struct trace_event *e, const struct trace *b,
		  const struct trace_event *g, struct trace_finding *f);

/* trace_write.c: the lines before all others */
void write_header(const struct trace *t, FILE *out);
/* "HEX" */
void write_hex(const uint8_t *bytes, uint32_t n, FILE *out);
/* " iov=..." */
void write_iovs(const struct trace *t, const struct trace_event *e, FILE *out);

/* trace_exact.c: trace_replay() for version 2 */
int exact_replay(const struct trace *t, struct trace_result *res, char *err, size_t err_len);

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

/* trace_replay.c: a device of the trace's geometry, and its data area; -EINVAL and a line if there
 * is none. */
int trace_config(const struct trace *t, uint32_t blk_size, struct ringsim_config *cfg,
		 struct data_area *area, char *err, size_t err_len);
/* Logical blocks that a READ or WRITE moves; false for other commands. */
bool trace_cdb_blocks(const uint8_t *cdb, uint32_t len, uint32_t *blocks);

/*
 * trace_device.c: drives a device made from @cfg through the timeline, units up to @units in their
 * places, until something differs. Returns 0 with the finding in *@res, or -errno with @err set.
 */
int device_run(const struct timeline *tl, size_t units, const struct ringsim_config *cfg,
	       struct trace_result *res, char *err, size_t err_len);

#endif
