/* SPDX-License-Identifier: MIT */
/*
 * Ring traces: what a handler saw of a ring, written down as text, and what can be done with it.
 *
 * A trace is recorded by a handler that logs each UIO event, each entry it finds at the tail and
 * each doorbell it rings. It comes from a real kernel or from the simulator; replaying it proves
 * that the simulator lays out entries, data blocks and ids as the recorded kernel did.
 *
 * Numbers are decimal unless they say otherwise, in exactly one spelling, so that what is written
 * after parsing equals what was parsed. There are two versions of the format.
 *
 * Version 2 is in the kernel's own order, recorded with its help. What was done to the device
 * (causes) stands beside what it did then (effects), and a replay makes the effects from the
 *causes:
 *
 *	# tcmu-trace 2
 *	# mailbox ver=2 flags=f cmdr_off=128 cmdr_size=N map=N head=N tail=N blk=N
 *	# device tick=NS cmd_time_out=S qfull_time_out=S tmr=0|1 desc=0|1
 *	SUBMIT n=N at=T cpu=N dir=none|in|out|bidi dl=N bl=N cdb=HEX
 *	ANSWER off=N id=N uf=N st=N rl=N sense=HEX|-
 *	WALK at=T cpu=N tail=N
 *	EXPIRE at=T cpu=N
 *	ABORT at=T cpu=N type=N cmds=N,N...|-
 *	BLOCK at=T cpu=N on=0|1 tail=N
 *	RESET at=T cpu=N level=1|2
 *	FREE at=T cpu=N id=N
 *	RELEASE at=T cpu=N
 *	SET qfull_time_out=S
 *	DOOM n=N
 *
 *	PAD off=N len=N id=N kf=N uf=N
 *	CMD n=N off=N len=N id=N kf=N uf=N cdb_off=N cdb=HEX iov=N/N/N[ HEX+HEX]...
 *	TMR off=N len=N id=N kf=N uf=N type=N ids=N,N...|-
 *	UNSEEN n=N off=N len=N
 *	WAIT n=N
 *	DONE n=N st=N res=N sense=HEX|-
 *	ABORTED n=N
 *
 * n numbers the commands, T counts ticks of the kernel's clock. SUBMIT: the target core hands a
 * command over, dl and bl are its lengths in bytes. ANSWER: what the handler stored in the slot at
 * off; WALK: the kernel looked at cmd_tail. EXPIRE: it looked for commands whose time is over.
 * FREE: free_kept_buf; DOOM: the target core aborts it, TCMU was not told yet. RELEASE: last close
 *of the node. UNSEEN: an entry that a reset took away before the recorder saw it. WAIT: put on the
 *queue-full list. DONE: what the initiator got: status, residual, the first 18 bytes of the sense;
 *ABORTED: nothing, or TASK ABORTED.
 *
 * Version 1 is what a handler alone can see:
 *
 *	# mailbox ver=2 flags=f cmdr_off=128 cmdr_size=N map=N head=N tail=N [blk=N]
 *	IRQ count=N head=N tail=N
 *	CMD head=N tail=N off=N len=N op=1 id=N kf=0 uf=0 cdb_off=N cdb=HEX iov=N/N/N[ HEX+HEX]...
 *	PAD head=N tail=N off=N len=N op=0 id=0 kf=0 uf=0
 *	TMR head=N tail=N off=N len=N op=2 id=0 kf=0 uf=0 type=N cnt=N[ ids=N,N...]
 *	KICK tail=N status=N
 *
 * Other lines that start with "# " are remarks. flags, CDB and iovs (base+length; data first, then
 * bidi) are hexadecimal. head and tail are the mailbox's values when the line was written. iov=
 * gives the three counts of the entry: data, bidi, dif. map is the size of the region, blk that of
 *a data block where the recorder knew it. A file that ends in .xz is compressed.
 */
#ifndef HARNESS_TRACE_H
#define HARNESS_TRACE_H

#include <ringsim/abi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Longest trace and longest line that are read, in bytes. */
#define TRACE_FILE_MAX (256u << 20)
#define TRACE_LINE_MAX (1u << 20)

/**
 * struct trace_header - the mailbox as the recorder found it, and the shape of the region
 * @map_len:  bytes of the whole region
 * @blk_size: bytes of a data block, 0 if not stated
 * @tick_ns:  version 2: length of a tick; time-outs in seconds as configured
 */
struct trace_header {
	uint32_t version, flags, cmdr_off, cmdr_size;
	uint64_t map_len;
	uint32_t head, tail;
	uint32_t blk_size;

	uint32_t tick_ns;
	uint32_t cmd_time_out;
	int32_t qfull_time_out;
	uint32_t tmr_notification, desc_sense;
};

/** enum trace_kind - the first word of a line: ring entries, then version 1, causes, effects. */
enum trace_kind {
	TRACE_CMD,
	TRACE_PAD,
	TRACE_TMR,
	TRACE_KICK,
	TRACE_IRQ,

	TRACE_SUBMIT,
	TRACE_ANSWER,
	TRACE_WALK,
	TRACE_EXPIRE,
	TRACE_ABORT,
	TRACE_BLOCK,
	TRACE_RESET,
	TRACE_FREE,
	TRACE_RELEASE,
	TRACE_SET,
	TRACE_DOOM,

	TRACE_UNSEEN,
	TRACE_WAIT,
	TRACE_DONE,
	TRACE_ABORTED,
	TRACE_KINDS
};

/**
 * struct trace_event - one line; which fields count depends on @kind
 * @line:    number in the file, from 1; 0 if it was not read from one
 * @head, @tail: mailbox values (KICK: only the new tail)
 * @count:   IRQ: what the UIO node's read returned
 * @status:  KICK: SCSI status stored in the completed slot
 * @off, @len: ring offset and length in bytes of an entry
 * @payload: index of the CDB, or of a TMR's ids, in trace.bytes; @payload_len bytes
 * @iov:     index of the first of @iov_cnt + @bidi_cnt iovs in trace.iovs
 * @n:       number of the command, from 1
 * @at:      ticks; @cpu: on which this happened
 * @dir:     enum ringsim_dir
 * @data_len, @bidi_len, @read_len, @residual: bytes
 * @arg:     on, level or id; @seconds: a time-out
 *
 * Payloads beside CDB and ids: sense (ANSWER, DONE), command numbers of 32 bits (ABORT).
 */
struct trace_event {
	enum trace_kind kind;
	uint32_t line;
	uint32_t head, tail;
	uint32_t count;
	uint8_t status;

	uint8_t dir;
	uint32_t n, cpu;
	uint64_t at;
	uint32_t data_len, bidi_len, read_len, residual;
	uint32_t arg;
	int32_t seconds;

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
 * @format: version of the format, 1 or 2
 *
 * @bytes always has RINGSIM_CDB_MAX readable bytes behind every payload.
 */
struct trace {
	char *name;
	unsigned int format;
	struct trace_header hdr;
	struct trace_event *v;
	size_t n, cap;
	struct trace_iov *iovs;
	size_t n_iovs, cap_iovs;
	uint8_t *bytes;
	size_t n_bytes, cap_bytes;
};

/** trace_kind_name() - the first word of the line. */
const char *trace_kind_name(enum trace_kind kind);
/** trace_opcode_name() - of a SCSI command, for people. */
const char *trace_opcode_name(uint8_t op);
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
/** trace_save() - write all of @t to the file @path, compressed if that ends in .xz; 0 or -errno.
 */
int trace_save(const struct trace *t, const char *path);
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
 * Recording a simulated device, in version 2.
 */

struct ringsim_device;
struct trace_tap;

/**
 * struct trace_tap_result - @commands, @entries: lines SUBMIT; CMD, PAD and TMR
 * @complete: everything up to the end; if not, what is there can be replayed
 */
struct trace_tap_result {
	uint64_t commands, entries;
	bool complete;
};

/**
 * trace_tap_start() - write all that happens to @dev from now on to @fd, a file at its beginning
 * @fd:  the caller's, to be closed after trace_tap_stop()
 * @say: is told once, in a line, why the trace ends early
 *
 * Takes the device's tap (ringsim/tap.h). Returns 0, -EBUSY unless the device is idle: ring and
 * queue are empty, it is neither blocked nor broken; or -ENOMEM. Errors of writing go to @say.
 */
int trace_tap_start(struct trace_tap **out, struct ringsim_device *dev, int fd,
		    void (*say)(void *ctx, const char *line), void *ctx);
/** trace_tap_stop() - write the rest and release @x; @dev: NULL if it is gone; @res may be NULL */
void trace_tap_stop(struct trace_tap *x, struct ringsim_device *dev, struct trace_tap_result *res);

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
 * @format: of the trace
 * @identical: ring entries that are equal to the simulator's, of @entries in the trace
 * @cmds, @pads, @tmrs, @kicks, @irqs: lines of each kind
 * @submitted, @waits, @done, @aborted: version 2: lines of these kinds; @causes: causes replayed
 * @open_order: entries that may have been queued before or after some completion, as far as the
 *             recorded heads tell
 * @after:     entries among them for which "before all of these" is not possible
 * @tries:     positions that were tried in all
 * @blk_size:  data block size that was used; @blk_inferred if the trace did not state it
 * @lba_size:  logical block size that relates CDBs to lengths, 0 if there is none
 * @differs:   the trace is not what the simulator does; @finding says where
 */
struct trace_result {
	unsigned int format;
	size_t identical, entries, cmds, pads, tmrs, kicks, irqs;
	size_t submitted, waits, done, aborted, causes;
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
