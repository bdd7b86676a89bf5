/* SPDX-License-Identifier: MIT */
/*
 * The kernel's half of a TCMU device as a deterministic state machine.
 *
 * A device is driven by calls (submit, doorbell, advance time, abort, reset, ...) and answers
 * through its ops (event to the handler, completion to the initiator). It starts no thread, reads
 * no clock, never sleeps and allocates nothing per command. All memory that a handler can write is
 * read once, checked and then used from the copy; whatever a handler stores, no call crashes, loops
 * or reads outside the region.
 *
 * Calls on one device (or on devices that share a pool) must not run concurrently, and ops must not
 * call back into the device. A handler may store into the region at any time.
 *
 * Time is a number that the caller advances: virtual in tests, CLOCK_MONOTONIC in a benchmark.
 */
#ifndef RINGSIM_DEVICE_H
#define RINGSIM_DEVICE_H

#include <ringsim/abi.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ringsim_device;
struct ringsim_pool;
struct ringsim_violation;

#define RINGSIM_NSEC_PER_SEC 1000000000ull

/**
 * struct ringsim_geometry - shape of the region (LAY-060 to LAY-062)
 * @ring_mb:      cmd_ring_size_mb, 1..8 including the mailbox; 0 = 8. Larger is clamped to 8, as
 * the kernel does
 * @data_area_mb: max_data_area_mb; 0 = as much as 262144 pages, 1024 with pages of 4 KiB. At most
 * 4096 (KRN-047), so pages of 32 KiB and more want it said
 * @pages_per_blk: data_pages_per_blk; 0 = 1
 * @page_size:    4096 unless stated; a power of two, 4096..65536; 0 = 4096
 * @cmdr_off:     synthetic: ring offset; 0 = 128; multiple of 8
 * @cmdr_size:    synthetic: ring length; 0 = from @ring_mb; multiple of 8, at least 512
 * @data_blocks:  synthetic: number of data blocks; 0 = from @data_area_mb
 *
 * With synthetic values the data area starts at the next page after the ring.
 */
struct ringsim_geometry {
	uint32_t ring_mb;
	uint32_t data_area_mb;
	uint32_t pages_per_blk;
	uint32_t page_size;
	uint32_t cmdr_off;
	uint32_t cmdr_size;
	uint32_t data_blocks;
};

/** struct ringsim_layout - what a geometry works out to, all in bytes but @blocks and @pages. */
struct ringsim_layout {
	uint32_t cmdr_off, cmdr_size;
	uint32_t page_size, blk_size, pages_per_blk;
	uint32_t blocks, pages;
	uint64_t data_off, data_size;
	uint64_t region_size; /* map0 (LAY-061) */
};

/**
 * ringsim_layout_init() - check @geo and work out the layout
 * Returns 0, or -EINVAL with one line (what, expected, found) in @err if @err is not NULL.
 */
int ringsim_layout_init(struct ringsim_layout *lay, const struct ringsim_geometry *geo, char *err,
			size_t err_len);

/**
 * struct ringsim_config - a device before it is enabled
 * @geo:            shape of the region
 * @cmd_time_out_s: seconds; 0 = never (KRN-092). The default, 30, is not implied: say it
 * @qfull_time_out_s: seconds; -1 = follow @cmd_time_out_s, 0 = no queueing (KRN-091)
 * @tmr_notification: make TMR entries (KRN-102)
 * @desc_sense:     sense made by the kernel is in descriptor format, as it is on a device whose
 * last LBA is above 0xffffffff (SCS-044)
 * @version, @flags: what the mailbox shows; 0 in @version = 2. Negative tests offer others. @flags
 *                  is used only if @set_flags
 * @pool:           shared page budget; NULL = one of its own with the kernel's default
 * @start:          ring offset at which the empty ring starts (head = tail = reclaim pointer),
 *                  as if that much traffic had gone by; multiple of 8
 * @first_event:    value of the event counter at creation
 * @sanitize:       watch the region for everything a handler must not do (see sanitizer.h)
 * @poison_seed:    with @sanitize: fill released blocks with a pattern made from this seed, so that
 *                  bytes left over from another command are recognised; 0 = leave them (exact)
 */
struct ringsim_config {
	struct ringsim_geometry geo;
	uint32_t cmd_time_out_s;
	int32_t qfull_time_out_s;
	bool tmr_notification;
	bool desc_sense;
	uint16_t version;
	uint16_t flags;
	bool set_flags;
	struct ringsim_pool *pool;
	uint32_t start;
	uint32_t first_event;
	bool sanitize;
	uint64_t poison_seed;
};

/** RINGSIM_CONFIG_DEFAULT - an enabled device as configfs makes it, sanitizer on. */
#define RINGSIM_CONFIG_DEFAULT                                                 \
	{                                                                      \
		.cmd_time_out_s = 30, .qfull_time_out_s = -1, .sanitize = true \
	}

/** enum ringsim_dir - the initiator's view of the data direction. */
enum ringsim_dir { RINGSIM_NONE, RINGSIM_TO_DEVICE, RINGSIM_FROM_DEVICE, RINGSIM_BIDI };

/**
 * enum ringsim_outcome - why a command ended
 * @RINGSIM_PENDING:  it did not end yet
 * @RINGSIM_ANSWERED: by the handler
 * @RINGSIM_REFUSED:  at admission, or while draining the queue-full list (KRN-010, KRN-011)
 * @RINGSIM_EXPIRED:  cmd_time_out on the ring (KRN-090)
 * @RINGSIM_QUEUE_EXPIRED: on the queue-full list (KRN-091)
 * @RINGSIM_RESET:    by reset_ring (KRN-111)
 * @RINGSIM_ABORTED:  aborted; @status is what TAS reporting would show (KRN-101, KRN-103)
 */
enum ringsim_outcome {
	RINGSIM_PENDING,
	RINGSIM_ANSWERED,
	RINGSIM_REFUSED,
	RINGSIM_EXPIRED,
	RINGSIM_QUEUE_EXPIRED,
	RINGSIM_RESET,
	RINGSIM_ABORTED,
};

/** enum ringsim_state - where a command is; private to the device but good to look at. */
enum ringsim_state { RINGSIM_IDLE, RINGSIM_INFLIGHT, RINGSIM_QUEUED };

struct ringsim_tmr;

/**
 * struct ringsim_cmd - one SCSI command as the initiator sees it
 *
 * The caller's storage, with everything it points to, until ops.complete() hands it back. Zero it,
 * fill in the request part and submit.
 *
 * @cdb:      the CDB, at least 8 readable bytes; the device takes ringsim_cdb_len() bytes of it, as
 *            far as @cdb_room reaches; the rest is delivered as zeros
 * @data_len: expected transfer length in bytes: Data-Out for BIDI
 * @sg:       the initiator's buffer; may be shorter than @data_len (KRN-046)
 * @bidi_sg:  Data-In buffer of a BIDI command
 * @aborted:  set by the caller before submitting: aborted on its way here (KRN-010)
 * @status, @sense, @sense_valid: what the initiator gets
 * @residual: bytes not transferred (underflow); 0 if none was reported
 * @data_in:  bytes copied into @sg (or @bidi_sg)
 * @id:       command id while it has one; stays readable after completion
 * @tap:      a tap's own (see tap.h); the device does not touch it
 */
struct ringsim_cmd {
	/* request */
	const uint8_t *cdb;
	uint32_t cdb_room;
	enum ringsim_dir dir;
	uint32_t data_len;
	uint32_t sg_cnt;
	const struct iovec *sg;
	/* answer */
	enum ringsim_outcome outcome;
	uint8_t status;
	bool sense_valid;
	uint8_t state; /* private: enum ringsim_state */
	uint8_t unused;
	uint32_t residual;
	uint32_t data_in;
	struct ringsim_tmr *tmr; /* private */
	uint16_t id;

	/* request */
	bool aborted;
	uint32_t bidi_cnt;
	const struct iovec *bidi_sg;
	void *user;
	/* private */
	uint32_t tap;
	uint64_t deadline_ns;
	struct ringsim_cmd *prev, *next;
	/* answer */
	uint8_t sense[TCMU_SENSE_BUFFERSIZE];
};

/**
 * struct ringsim_tmr - one task-management function
 *
 * The caller's storage until ops.tmr_done() (which may come from inside ringsim_tmr()).
 * @pending: commands on the ring that must complete first (KRN-103)
 */
struct ringsim_tmr {
	uint8_t type;
	uint32_t pending;
	void *user;
};

/**
 * struct ringsim_ops - effects
 * @event:     UIO event: the running count moved (KRN-073); the handler may be woken
 * @complete:  @cmd ended; it is the caller's again
 * @complete_all: the same of @n commands, in this order; if it is there it is called instead, for
 *             one as well as for those that a handler answered together
 * @tmr_done:  every command that @tmr aborted has been answered
 * @violation: the sanitizer (or a check that is never off) found something; see sanitizer.h
 */
struct ringsim_ops {
	void (*event)(void *ctx);
	void (*complete)(void *ctx, struct ringsim_cmd *cmd);
	void (*complete_all)(void *ctx, struct ringsim_cmd *const *cmds, uint32_t n);
	void (*tmr_done)(void *ctx, struct ringsim_tmr *tmr);
	void (*violation)(void *ctx, const struct ringsim_violation *v);
};

/**
 * ringsim_device_create() - make a device and its region
 * @ops, @ctx: effects; any op may be NULL; @ops must outlive the device
 * @err:       receives one line on failure; may be NULL
 * Returns 0, or sets *@out to NULL and returns -EINVAL (geometry) or -ENOMEM.
 */
int ringsim_device_create(struct ringsim_device **out, const struct ringsim_config *cfg,
			  const struct ringsim_ops *ops, void *ctx, char *err, size_t err_len);

/**
 * ringsim_device_renew() - make @dev what ringsim_device_create() would make, at less cost
 *
 * Nobody else may have the region mapped or its descriptor open, and ringsim_sweep() has just run.
 * Its descriptor keeps the size that it was made with, which may be more than the new region's.
 * Returns 0; or -EINVAL, with @dev as it was, if it cannot be done: @cfg wants more of anything
 * than
 * @dev was made with, another page size, sanitizer or pool, or a violation was found in @dev. After
 * any other error @dev can only be destroyed.
 */
int ringsim_device_renew(struct ringsim_device *dev, const struct ringsim_config *cfg,
			 const struct ringsim_ops *ops, void *ctx);

/** ringsim_device_destroy() - release everything; commands not completed stay the caller's. */
void ringsim_device_destroy(struct ringsim_device *dev);

/** ringsim_submit() - the target core queues @cmd (KRN-010); ops.complete() may run inside. */
void ringsim_submit(struct ringsim_device *dev, struct ringsim_cmd *cmd);

/** ringsim_plug(), ringsim_unplug() - batch submission: one event at the end, always (KRN-073). */
void ringsim_plug(struct ringsim_device *dev);
void ringsim_unplug(struct ringsim_device *dev);

/**
 * ringsim_submit_all() - ringsim_plug(), ringsim_submit() each of @n commands, ringsim_unplug()
 *
 * In less time: a handler that looks at cmd_head meanwhile sees them come in few steps, as it might
 * if each had been stored. With a tap or the sanitizer they go one by one.
 */
void ringsim_submit_all(struct ringsim_device *dev, struct ringsim_cmd *const *cmds, uint32_t n);

/** ringsim_spurious_event() - raise an event without an entry (a batch that added nothing). */
void ringsim_spurious_event(struct ringsim_device *dev);

/** ringsim_doorbell() - the handler rang: completion walk, then TMRs, then the queue (KRN-060). */
void ringsim_doorbell(struct ringsim_device *dev);

/** ringsim_poll_tail() - the kernel looks at cmd_tail on its own, as its reclaimer does (KRN-060).
 */
void ringsim_poll_tail(struct ringsim_device *dev);

/** ringsim_advance() - it is @now_ns; run what is due. Time never goes back (ignored). */
void ringsim_advance(struct ringsim_device *dev, uint64_t now_ns);

/**
 * ringsim_set_time() - it is @now_ns, but nothing runs: the kernel's worker is late
 * @skew_ns: from now on whole seconds begin this much earlier, as on a kernel's CPU number n by 3 n
 *           ticks (KRN-090)
 *
 * Deadlines are made from this time; ringsim_time_out() is what the worker does when it comes.
 */
void ringsim_set_time(struct ringsim_device *dev, uint64_t now_ns, uint32_t skew_ns);
/** ringsim_time_out() - end every command of ring and queue whose deadline has come. */
void ringsim_time_out(struct ringsim_device *dev);

/** ringsim_next_timer() - when ringsim_advance() next has something to do; UINT64_MAX: never. */
uint64_t ringsim_next_timer(const struct ringsim_device *dev);

/**
 * ringsim_tmr() - the target core reports aborted commands (KRN-100 to KRN-103)
 * @cmds: the aborted ones that were submitted and did not complete, in target-core order
 */
void ringsim_tmr(struct ringsim_device *dev, struct ringsim_tmr *tmr, struct ringsim_cmd **cmds,
		 uint32_t n);

/** ringsim_block() - action/block_dev (KRN-110). */
void ringsim_block(struct ringsim_device *dev, bool block);
/** ringsim_reset() - action/reset_ring, @level 1 or 2, else -EINVAL (KRN-111). */
int ringsim_reset(struct ringsim_device *dev, unsigned int level);
/**
 * ringsim_free_kept() - action/free_kept_buf; -EINVAL if @id is not kept, -ERANGE above 65535
 * (KRN-112). Shipping kernels fall over id 0.
 */
int ringsim_free_kept(struct ringsim_device *dev, uint32_t id);
/** ringsim_open(), ringsim_release() - the UIO node is opened; its last close (KRN-120, KRN-128).
 */
int ringsim_open(struct ringsim_device *dev);
void ringsim_release(struct ringsim_device *dev);

/** ringsim_set_qfull_time_out() - may change at any time (KRN-095); -EINVAL below -1. */
int ringsim_set_qfull_time_out(struct ringsim_device *dev, int32_t seconds);

/* Synthetic traffic that no shipping kernel makes, for negative tests. */

/**
 * ringsim_put_raw() - publish an entry with a reserved opcode, or a stand-alone PAD
 * @op:  0, or 3..7 (HND-015)
 * @len: entry length in bytes, multiple of 8; the body is filled with @fill
 * Returns 0, -EINVAL, or -ENOSPC if the ring has no room.
 */
int ringsim_put_raw(struct ringsim_device *dev, unsigned int op, uint32_t len, uint8_t fill);

/**
 * ringsim_put_decoy() - write well-formed CMD entries beyond cmd_head without publishing (HND-011)
 * Returns how many fitted, at most @n. They carry ids that are not in use.
 */
uint32_t ringsim_put_decoy(struct ringsim_device *dev, uint32_t n);

/* Looking at a device. */

const struct ringsim_layout *ringsim_layout(const struct ringsim_device *dev);
/** ringsim_region() - the simulator's mapping of the region; @ringsim_region_fd() is its memfd. */
void *ringsim_region(const struct ringsim_device *dev);
int ringsim_region_fd(const struct ringsim_device *dev);

/**
 * struct ringsim_stats - what is where; @peak_* since creation
 * @reclaim:    next entry to reclaim (cmdr_last_cleaned)
 * @kept, @expired: ids held by KEEP_BUF, by commands answered 02/08/00 on expiry
 * @events:     running UIO event count
 * @cmd_time_out_s, @qfull_time_out_s, @tmr_notification, @desc_sense: as configured
 */
struct ringsim_stats {
	uint32_t reclaim, tail, head;
	uint32_t inflight, expired, kept, queued, tmrs;
	uint32_t blocks_used, pages_used, peak_blocks, dbi_thresh, dbi_max;
	uint32_t events;
	bool broken, blocked, plugged, open;
	uint32_t cmd_time_out_s;
	int32_t qfull_time_out_s;
	bool tmr_notification, desc_sense;
	uint64_t cmds, pads, tmr_entries, qfull, completed, now_ns;
};
void ringsim_stats(const struct ringsim_device *dev, struct ringsim_stats *st);

/** ringsim_id_used(), ringsim_block_used(), ringsim_page_present() - bookkeeping, bit by bit. */
bool ringsim_id_used(const struct ringsim_device *dev, uint32_t id);
bool ringsim_block_used(const struct ringsim_device *dev, uint32_t block);
bool ringsim_page_present(const struct ringsim_device *dev, uint32_t page);

/**
 * struct ringsim_entry - one entry of the ring, decoded from the kernel's own record
 * @off: ring offset; @len, @op, @id as issued, whatever the handler made of them since
 */
struct ringsim_entry {
	uint32_t off, len;
	uint8_t op;
	uint16_t id;
};
/** ringsim_entry_at() - entry number @i from the reclaim pointer; false past the head. */
bool ringsim_entry_at(const struct ringsim_device *dev, uint32_t i, struct ringsim_entry *e);

/**
 * ringsim_dump() - mailbox and entries around the tail with named fields, for people
 * Writes at most @len bytes including the NUL to @buf; returns what would have been written.
 */
size_t ringsim_dump(const struct ringsim_device *dev, char *buf, size_t len);

/*
 * A pool is the page budget that several devices share (global_max_data_area_mb). It is soft: no
 * page is ever refused; exceeding it runs the reclaimer (KRN-048, KRN-049).
 */

/** ringsim_pool_create() - @max_pages pages in all devices together; NULL if out of memory. */
struct ringsim_pool *ringsim_pool_create(uint64_t max_pages);
/** ringsim_pool_set_max() - another budget from now on; nothing runs before the next page is taken.
 */
void ringsim_pool_set_max(struct ringsim_pool *pool, uint64_t max_pages);
/** ringsim_pool_destroy() - after the last of its devices. */
void ringsim_pool_destroy(struct ringsim_pool *pool);
/** ringsim_pool_pages() - pages that all devices hold now. */
uint64_t ringsim_pool_pages(const struct ringsim_pool *pool);
/** ringsim_pool_due() - when the reclaimer wants to run next; UINT64_MAX: not at all. */
uint64_t ringsim_pool_due(const struct ringsim_pool *pool);
/** ringsim_pool_run() - run the reclaimer over every device of the pool now; pages freed. */
uint64_t ringsim_pool_run(struct ringsim_pool *pool, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif
