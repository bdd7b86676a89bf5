/* SPDX-License-Identifier: MIT */
/*
 * Ring traces: what a handler saw of a ring, written down as text, and what can be done with it.
 *
 * A trace is recorded by a handler that logs each UIO event, each entry it finds at the tail and
 * each doorbell it rings. It comes from a real kernel or from the simulator; replaying it proves
 * that the simulator lays out entries, data blocks and ids as the recorded kernel did.
 *
 * The format is one line for each thing seen, numbers decimal unless they say otherwise, in exactly
 * one spelling, so that what is written after parsing equals what was parsed:
 *
 *	# mailbox ver=2 flags=f cmdr_off=128 cmdr_size=N map=N head=N tail=N [blk=N]
 *	IRQ count=N head=N tail=N
 *	CMD head=N tail=N off=N len=N op=1 id=N kf=0 uf=0 cdb_off=N cdb=HEX iov=N/N/N[ HEX+HEX]...
 *	PAD head=N tail=N off=N len=N op=0 id=0 kf=0 uf=0
 *	TMR head=N tail=N off=N len=N op=2 id=0 kf=0 uf=0 type=N cnt=N[ ids=N,N...]
 *	KICK tail=N status=N
 *
 * The mailbox line comes first; other lines that start with "# " are remarks. flags, CDB and iovs
 * (base+length; data first, then bidi) are hexadecimal. head and tail are the mailbox's values when
 * the line was written. iov= gives the three counts of the entry: data, bidi, dif. map is the size
 * of the region, blk that of a data block where the recorder knew it.
 */
#ifndef HARNESS_TRACE_H
#define HARNESS_TRACE_H

#include <ringsim/abi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Longest trace and longest line that are read, in bytes. */
#define TRACE_FILE_MAX (64u << 20)
#define TRACE_LINE_MAX (1u << 20)

/**
 * struct trace_header - the mailbox as the recorder found it, and the shape of the region
 * @map_len:  bytes of the whole region
 * @blk_size: bytes of a data block, 0 if not stated
 */
struct trace_header {
	uint32_t version, flags, cmdr_off, cmdr_size;
	uint64_t map_len;
	uint32_t head, tail;
	uint32_t blk_size;
};

/** enum trace_kind - the first word of a line. */
enum trace_kind { TRACE_CMD, TRACE_PAD, TRACE_TMR, TRACE_KICK, TRACE_IRQ };

/**
 * struct trace_event - one line; which fields count depends on @kind
 * @line:    number in the file, from 1; 0 if it was not read from one
 * @head, @tail: mailbox values (KICK: only the new tail)
 * @count:   IRQ: what the UIO node's read returned
 * @status:  KICK: SCSI status stored in the completed slot
 * @off, @len: ring offset and length in bytes of an entry
 * @payload: index of the CDB, or of a TMR's ids, in trace.bytes; @payload_len bytes
 * @iov:     index of the first of @iov_cnt + @bidi_cnt iovs in trace.iovs
 */
struct trace_event {
	enum trace_kind kind;
	uint32_t line;
	uint32_t head, tail;
	uint32_t count;
	uint8_t status;

	uint8_t op, kflags, uflags;
	uint16_t id;
	uint32_t off, len;
	uint64_t cdb_off;
	uint32_t iov_cnt, bidi_cnt, dif_cnt;
	uint32_t payload_len;
	size_t payload, iov;
	uint8_t tmr_type;
	uint32_t tmr_cnt;
};

/** struct trace_iov - a span of the region. */
struct trace_iov {
	uint64_t base, len;
};

/**
 * struct trace - a whole trace in memory; zero-initialise or trace_init(), release with
 * trace_free()
 *
 * @bytes always has RINGSIM_CDB_MAX readable bytes behind every payload.
 */
struct trace {
	char *name;
	struct trace_header hdr;
	struct trace_event *v;
	size_t n, cap;
	struct trace_iov *iovs;
	size_t n_iovs, cap_iovs;
	uint8_t *bytes;
	size_t n_bytes, cap_bytes;
};

/** trace_kind_name() - "CMD", "PAD", "TMR", "KICK" or "IRQ". */
const char *trace_kind_name(enum trace_kind kind);
/** trace_is_entry() - whether @kind is something that lies in the ring. */
static inline bool trace_is_entry(enum trace_kind kind)
{
	return kind <= TRACE_TMR;
}
/** trace_data_off() - offset of the data area: the page behind the ring. */
uint64_t trace_data_off(const struct trace_header *hdr);
/** trace_data_len() - sum of @n iov lengths, UINT64_MAX if it does not fit. */
uint64_t trace_data_len(const struct trace_iov *iov, size_t n);

/*
 * Reading and writing.
 */

/**
 * trace_load() - read a trace from the file @path, "-" for standard input
 * @err: receives one line: file and line, what, expected, found
 * Returns 0, -EINVAL (not such a trace), -ENOMEM or the error of reading. *@t is empty on failure.
 */
int trace_load(struct trace *t, const char *path, char *err, size_t err_len);
/** trace_parse() - as trace_load(), from @len bytes of @text; @name is for messages. */
int trace_parse(struct trace *t, const char *name, const char *text, size_t len, char *err,
		size_t err_len);
/** trace_write() - write all of @t. Returns 0 or -errno. */
int trace_write(const struct trace *t, FILE *out);
/** trace_free() - release everything; *@t is empty afterwards. */
void trace_free(struct trace *t);

/*
 * Recording: a handler (or whoever plays one) appends what it sees. All return 0 or -ENOMEM.
 */

/**
 * trace_init() - start a trace of the region @region of @map_len bytes, taking its mailbox
 * @blk_size: size of a data block in bytes, 0 if not known
 *
 * To be released with trace_free() even if it fails.
 */
int trace_init(struct trace *t, const char *name, const void *region, uint64_t map_len,
	       uint32_t blk_size);
/** trace_add_irq() - the UIO node's read returned @count. */
int trace_add_irq(struct trace *t, const void *region, uint32_t count);
/** trace_add_kick() - cmd_tail was set to @tail, the slot had @status, the doorbell was rung. */
int trace_add_kick(struct trace *t, uint32_t tail, uint8_t status);
/**
 * trace_add_entry() - decode the ring entry at ring offset @off, not yet answered
 *
 * The entry is not trusted: what does not fit into it is left out. Also returns -EPROTO if there is
 * no CMD, PAD or TMR there, or one that reaches beyond the ring.
 */
int trace_add_entry(struct trace *t, const void *region, uint32_t off);

/*
 * Judging.
 */

/**
 * struct trace_finding - where two things that should be equal are not
 * @line:  of the trace
 * @kind:  word of that line, "mailbox" for the first (static)
 * @field: name as in the line
 * @expected, @found: values as text
 */
struct trace_finding {
	uint32_t line;
	const char *kind;
	char field[40];
	char expected[160];
	char found[160];
};

/** trace_finding_text() - "NAME:LINE: KIND: FIELD: expected X, found Y"; as snprintf(). */
int trace_finding_text(const struct trace_finding *f, const char *name, char *buf, size_t len);

/**
 * trace_entry_differs() - compare two ring entries field by field, not the moment they were seen at
 * @f: receives the first difference, @expected being right
 */
bool trace_entry_differs(const struct trace *expected, const struct trace_event *e,
			 const struct trace *found, const struct trace_event *g,
			 struct trace_finding *f);
/** trace_header_differs() - the same for version, flags and geometry of the mailbox line. */
bool trace_header_differs(const struct trace_header *expected, const struct trace_header *found,
			  struct trace_finding *f);

/**
 * struct trace_result - what a replay found out
 * @identical: ring entries that are equal to the simulator's, of @entries in the trace
 * @cmds, @pads, @tmrs, @kicks, @irqs: lines of each kind
 * @open_order: entries that may have been queued before or after some completion, as far as the
 *             recorded heads tell
 * @after:     entries among them for which "before all of these" is not possible
 * @tries:     positions that were tried in all
 * @blk_size:  data block size that was used; @blk_inferred if the trace did not state it
 * @lba_size:  logical block size that relates CDBs to lengths, 0 if there is none
 * @differs:   the trace is not what the simulator does; @finding says where
 */
struct trace_result {
	size_t identical, entries, cmds, pads, tmrs, kicks, irqs;
	size_t open_order, after;
	uint64_t tries;
	uint32_t blk_size, lba_size;
	bool blk_inferred;
	bool differs;
	struct trace_finding finding;
};

/**
 * trace_replay() - let a simulated device produce the trace from its commands alone
 * @blk_size: size of a data block in bytes; 0 = as the trace states or implies
 * @err:      receives one line if the trace cannot be replayed at all
 *
 * What is taken from the trace: geometry, where the ring started, CDBs, data lengths, statuses and
 * task-management functions. Everything else must come out equal. Where the trace leaves open
 * whether a command was queued before or after a completion, an order that explains the entries is
 * searched for; the verdict is always the device's. So a trace with another CDB or status is
 * another trace, and fine; lengths of READs and WRITEs are checked against their CDBs where all
 * agree. Returns 0 with *@res filled, -EINVAL (nothing to replay, or a geometry that the simulator
 * does not have), -E2BIG (beyond the bounds on work) or -ENOMEM.
 */
int trace_replay(const struct trace *t, uint32_t blk_size, struct trace_result *res, char *err,
		 size_t err_len);

/** trace_dump() - print @t for people, all lines or only the @summary. Returns 0 or -errno. */
int trace_dump(const struct trace *t, bool summary, FILE *out);

/**
 * trace_diff() - print where two traces differ: mailbox, entries, statuses
 *
 * When something was seen (event counts, heads) is not compared. At most @max differences are
 * printed. Returns how many there are, or -errno.
 */
long trace_diff(const struct trace *a, const struct trace *b, long max, FILE *out);

/**
 * trace_main() - the verb `tcmu-harness trace dump|replay|diff`; @argv[0] is "trace"
 * Returns the exit status: 0 fine, 1 differs, 2 usage or bad input.
 */
int trace_main(int argc, char **argv);

#endif
