/* SPDX-License-Identifier: MIT */
/*
 * The handler's side of the ring: a small, exact TCMU consumer.
 *
 * It fetches commands, hands out a private copy of each request, takes answers back in any order,
 * publishes them at cmd_tail and rings. It knows nothing of SCSI, of files or of event loops, and
 *it works the same on a real /dev/uioN and on a simulated device.
 *
 * The loop of a handler that never loses a wakeup (HND-041, HND-042):
 *
 *	consumer_attach();
 *	for (;;) {
 *		while (consumer_fetch() == CONSUMER_CMD)
 *			start it; consumer_complete() when done;
 *		consumer_flush();                // publish the tail, ring if it moved
 *		poll the fd; when readable, consumer_read_event(), then drain again
 *	}
 *
 * Not thread-safe: one thread owns a consumer (HND-049).
 */
#ifndef HARNESS_CONSUMER_H
#define HARNESS_CONSUMER_H

#include <ringsim/abi.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct consumer_uio - how the consumer reaches its UIO node
 * @map:   map @len bytes at @offset, shared, read-write; NULL and errno on failure
 * @unmap: undo @map
 * @read:  as read(2) on the node
 * @write: as write(2) on the node
 * @ctx:   first argument of each
 */
struct consumer_uio {
	void *(*map)(void *ctx, size_t len, off_t offset);
	void (*unmap)(void *ctx, void *region, size_t len);
	ssize_t (*read)(void *ctx, void *buf, size_t len);
	ssize_t (*write)(void *ctx, const void *buf, size_t len);
	void *ctx;
};

/**
 * enum consumer_step - the points at which an observer is told what the handler just did
 *
 * Each is one store (or load) that another CPU, a kernel or a crash can see; tests kill the handler
 * after any of them and publish commands between any two.
 */
enum consumer_step {
	CONSUMER_STEP_HEAD,	/* loaded cmd_head */
	CONSUMER_STEP_DATA,	/* stored Data-In bytes */
	CONSUMER_STEP_MEDIUM,	/* changed the backing store */
	CONSUMER_STEP_RSP,	/* stored response bytes, cmd_id or uflags */
	CONSUMER_STEP_TAIL,	/* stored cmd_tail */
	CONSUMER_STEP_DOORBELL, /* wrote the UIO node */
	CONSUMER_STEP_READ,	/* read the UIO node */
};

/** struct consumer_probe - optional observer, called after each step; @fn may not return. */
struct consumer_probe {
	void (*fn)(void *ctx, enum consumer_step step);
	void *ctx;
};

/** In the upper half of iov_cnt, where a request has 0: an answer was begun here (see ring.c). */
#define CONSUMER_MARK	     0x8000u

/** Iovs that a command holds without allocating. */
#define CONSUMER_INLINE_IOVS 20

/**
 * struct consumer_cmd - one command, from fetch to completion
 *
 * Storage is the caller's; fetch fills the request part, the caller fills the response part before
 * consumer_complete() and may reuse the struct afterwards, except with an in-order consumer, which
 * gives it back through consumer.release when it has been published.
 *
 * @id:       cmd_id as issued; the answer carries it whatever slot it lands in
 * @replay:   the entry was already in the ring at attach: a predecessor may have executed it
 *            partly or wholly (HND-062)
 * @nomem:    the iov list did not fit in memory; @iov_cnt is 0; answer TASK SET FULL (HND-067)
 * @bad:      the entry was malformed; @iov_cnt is 0; answer CHECK CONDITION
 * @cdb:      private copy; @cdb_len bytes valid, zeros behind them, to 16 at least
 * @iov:      iov[0..iov_cnt) main direction, iov[iov_cnt..iov_cnt+bidi_cnt) Data-In of a BIDI
 *            command; bases are pointers into the mapped region
 * @len:      sum of the main iovs in bytes; @bidi_len of the BIDI ones
 * @status:   SAM status byte
 * @uflags:   complete TCMU_UFLAG_* value for this completion (HND-037)
 * @read_len: bytes of Data-In that are valid, with TCMU_UFLAG_READ_LEN
 * @sense:    all 96 bytes go to the initiator with CHECK CONDITION, so all of them have to be
 *            written then: fetch leaves there what was there
 * @user:     the caller's
 */
struct consumer_cmd {
	uint16_t id;
	uint16_t cdb_len;
	uint32_t iov_cnt;
	struct iovec *iov;
	uint64_t len;

	uint64_t bidi_len; /* from here to @user all is 0 when nearly any command is fetched */
	uint32_t bidi_cnt;
	bool replay, nomem, bad;
	bool done; /* private: answered, not yet published */
	uint8_t status;
	uint8_t unused[3]; /* 0 */
	uint32_t read_len;
	uint8_t uflags;

	void *user;
	struct consumer_cmd *next; /* private: issue order, in-order consumers only */

	uint8_t cdb[RINGSIM_CDB_MAX];
	struct iovec inline_iov[CONSUMER_INLINE_IOVS];
	uint8_t sense[TCMU_SENSE_BUFFERSIZE];
};

/** enum consumer_entry - what consumer_fetch() found. */
enum consumer_entry {
	CONSUMER_EMPTY, /* nothing new */
	CONSUMER_CMD, /* a command; the struct is filled and belongs to the ring until completed */
	CONSUMER_TMR, /* a task-management notice; see consumer.tmr */
};

/**
 * struct consumer_tmr - a task-management notice (HND-016)
 * @type: TCMU_TMR_*
 * @cnt:  number of ids that follow
 * @ids:  offset in the region of @cnt aborted ids; read with consumer_tmr_id()
 */
struct consumer_tmr {
	uint8_t type;
	uint32_t cnt;
	uint64_t ids;
};

/**
 * struct consumer - one attached device; initialise with consumer_attach() only
 *
 * The fields are for reading; only the functions below change them.
 */
struct consumer {
	struct consumer_uio uio;
	struct consumer_probe probe;
	uint8_t *region;
	size_t region_len;
	uint32_t cmdr_off, cmdr_size;	 /* from the mailbox, checked once */
	uint16_t flags;			 /* mailbox capability bits */
	bool in_order;			 /* publish in issue order only */
	uint32_t tail;			 /* next slot to publish, may be ahead of the mailbox */
	uint32_t published;		 /* value last stored in cmd_tail */
	uint32_t next;			 /* next entry to fetch */
	uint32_t head;			 /* cmd_head as it was last seen */
	uint32_t replay_end;		 /* cmd_head at attach */
	bool replaying;			 /* @next has not reached @replay_end yet */
	bool ring_owed;			 /* the tail moved since the last doorbell */
	uint32_t outstanding;		 /* fetched, not yet completed */
	uint64_t seen[TCMU_OP_MASK + 1]; /* entries fetched since attach, by opcode */
	uint64_t doorbells;		 /* that the device took since attach */
	uint64_t wakeups;		 /* events taken off the UIO node since attach */
	struct consumer_cmd *first, *last;
	struct consumer_tmr tmr;
	void (*release)(void *ctx, struct consumer_cmd *cmd);
	void *release_ctx;
	void *(*alloc)(size_t size); /* malloc unless a test replaces it; freed with free() */
};

/**
 * consumer_attach() - map the region and take over at cmd_tail
 * @c:        to initialise
 * @uio:      copied
 * @map0_len: exact size of map 0 in bytes (HND-003)
 * @probe:    observer or NULL; copied
 * @in_order: publish completions in issue order even if the kernel allows any order
 *
 * Checks version, geometry and alignment before anything is written (HND-001, HND-002). Without
 * TCMU_MAILBOX_FLAG_CAP_OOOC the consumer is in-order whatever @in_order says (HND-050).
 * Rings once, since a predecessor may have died between tail and doorbell (HND-063). Answers that
 * an in-order predecessor of the same kind had begun but not published are finished by
 * consumer_fetch(). Returns 0, -EPROTO (a version or geometry that this consumer does not know;
 * nothing was written), or the error of @uio->map.
 */
int consumer_attach(struct consumer *c, const struct consumer_uio *uio, size_t map0_len,
		    const struct consumer_probe *probe, bool in_order);

/**
 * consumer_ring_fresh() - whether nobody has answered anything on this ring yet
 * @region: mapped region of @len bytes
 *
 * True only if the tail never moved, no lap was completed and no answer was begun. A handler that
 * completes out of order needs no reset_ring then, whatever is waiting there (HND-071).
 */
bool consumer_ring_fresh(const void *region, size_t len);

/** consumer_detach() - unmap; stores nothing. Outstanding commands stay the kernel's. */
void consumer_detach(struct consumer *c);

/**
 * consumer_fetch() - take the next entry off the ring
 *
 * PAD entries and unknown opcodes are dealt with inside (HND-013, HND-015). On CONSUMER_CMD @cmd is
 * filled and every later completion is safe to overwrite its slot (HND-052).
 */
enum consumer_entry consumer_fetch(struct consumer *c, struct consumer_cmd *cmd);

/**
 * consumer_fetch_all() - take up to @n commands that are there, in fewer steps than one by one
 * @cmds: as for consumer_fetch(), each
 *
 * Takes commands as long as they are of the usual kind; what comes then, and whether anything does,
 * consumer_fetch() knows. Nothing is taken this way where each step counts: with an observer, an
 * order to be kept, or what a predecessor left. Returns how many it took.
 */
uint32_t consumer_fetch_all(struct consumer *c, struct consumer_cmd *const *cmds, uint32_t n);

/** consumer_tmr_id() - id number @i of the notice just fetched, 0 if @i is out of range. */
uint16_t consumer_tmr_id(const struct consumer *c, uint32_t i);

/**
 * consumer_complete() - answer @cmd
 *
 * The response goes into the slot at the tail (out of order) or waits for its turn (in order). It
 * is not visible to the kernel before consumer_flush(). The request must have been used up: its
 * slot may be overwritten, its data may be reused by the kernel right after the flush (HND-039).
 */
void consumer_complete(struct consumer *c, struct consumer_cmd *cmd);

/** consumer_complete_all() - consumer_complete() each of @n commands, in this order. */
void consumer_complete_all(struct consumer *c, struct consumer_cmd *const *cmds, uint32_t n);

/**
 * consumer_flush() - publish the tail and ring, if there is anything to publish
 *
 * Also publishes progress over PAD, TMR and unknown entries alone (HND-044).
 * Returns 1 if it rang, 0 if there was nothing to do, -EIO or -EINVAL if the device is gone.
 */
int consumer_flush(struct consumer *c);

/** consumer_pending() - whether cmd_head shows entries that were not fetched yet. */
bool consumer_pending(struct consumer *c);

/**
 * consumer_read_event() - take the event off the UIO node, before draining (HND-042)
 *
 * Returns 1 if there was one, 0 for EAGAIN (normal), -EIO when the device is gone (HND-046).
 */
int consumer_read_event(struct consumer *c);

/**
 * struct consumer_fds - the descriptors behind consumer_uio_fd(); outlives the consumer
 * @io:  read, write and poll: /dev/uioN, or the doorbell of a simulated device
 * @mem: mapped: /dev/uioN again, or the region's memfd
 */
struct consumer_fds {
	int io, mem;
};

/** consumer_uio_fd() - reach a UIO node (or its stand-in) by file descriptors. */
void consumer_uio_fd(struct consumer_uio *uio, struct consumer_fds *fds);

/* Byte streams over iov lists. Each returns the number of bytes moved: min(len, room after off). */
size_t consumer_iov_put(struct consumer *c, const struct iovec *iov, uint32_t cnt, uint64_t off,
			const void *src, size_t len);
size_t consumer_iov_get(const struct iovec *iov, uint32_t cnt, uint64_t off, void *dst, size_t len);
/** consumer_iov_zero() - zero everything from @off to the end of the list (HND-035). */
size_t consumer_iov_zero(struct consumer *c, const struct iovec *iov, uint32_t cnt, uint64_t off);

/** consumer_step() - tell the observer, if there is one. */
static inline void consumer_step(struct consumer *c, enum consumer_step step)
{
	if (__builtin_expect(c->probe.fn != NULL, 0))
		c->probe.fn(c->probe.ctx, step);
}

#endif
