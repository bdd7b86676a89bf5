/* SPDX-License-Identifier: MIT */
/*
 * A target: somewhere to send SCSI commands, with a TCMU handler behind it.
 *
 * One interface, so that a case is written once. The simulated target drives ringsim with virtual
 * time; the handler sits in the same process (a reference handler or a mutant, stepped), in another
 * process (any program, over the attach protocol), or the case itself sits in the handler's seat
 * and plays it store by store.
 *
 * Nothing here waits for real timeouts: target_advance() moves virtual time, and a stall is noticed
 * as soon as everybody sleeps (in process) or after a bounded real wait (another process).
 */
#ifndef HARNESS_TARGET_H
#define HARNESS_TARGET_H

#include "../consumer/consumer.h"
#include "../handlers/handler.h"

#include <ringsim/device.h>
#include <ringsim/sanitizer.h>
#include <ringsim/uio.h>
#include <stdbool.h>
#include <stdint.h>

struct target;

/**
 * enum target_needs - what a case asks of the target and its handler, or-ed
 * @NEEDS_SEAT:    the case plays the handler (LAY and KRN cases); no handler is started
 * @NEEDS_SIM:     looks at or drives the simulator itself
 * @NEEDS_INPROC:  a handler in this process: stepped, observed and killed at every store, with
 *                 its options (order, cache, block size ...) chosen by the case
 * @NEEDS_PROCESS: a handler in another process; a built-in handler is then run by its program
 * @NEEDS_RESTART: kills and starts the handler
 * @NEEDS_TIME:    moves time beyond timeouts; on a kernel these are made smaller then
 * @NEEDS_KERNEL:  looks at or drives a real kernel
 * @NEEDS_NODE:    a handler that opens a UIO node by itself, on a kernel or in a world
 * @NEEDS_PROBE:   on a kernel commands or functions that the probe fabric alone sends
 * @NEEDS_HOTPLUG: a handler that learns from netlink which devices there are (check --daemon)
 */
enum target_needs {
	NEEDS_SEAT = 1,
	NEEDS_SIM = 2,
	NEEDS_INPROC = 4,
	NEEDS_PROCESS = 8,
	NEEDS_RESTART = 16,
	NEEDS_TIME = 32,
	NEEDS_KERNEL = 64,
	NEEDS_NODE = 128,
	NEEDS_HOTPLUG = 256,
	NEEDS_PROBE = 512,
};

/** enum target_reclaim - when the kernel's half looks at cmd_tail. */
enum target_reclaim {
	RECLAIM_DOORBELL, /* when rung */
	RECLAIM_ASYNC,	  /* also the instant the tail moves (KRN-060 b) */
};

/** enum target_medium - where the handler in this process keeps its data. */
enum target_medium {
	MEDIUM_ENGINE, /* the engine's own store; all of it survives the handler */
	MEDIUM_CACHED, /* a disk with a volatile cache; the handler's death is a power cut */
	MEDIUM_SLOW,   /* the same, and operations end later, in an order of their own */
	MEDIUM_THICK,  /* as MEDIUM_CACHED, but it gives no space back: nothing to unmap */
};

/**
 * struct target_opts - how a case wants its device and handler; start from TARGET_OPTS
 * @dev:        the device; poison_seed is filled in from the case's seed unless @exact
 * @near:       the sizes of ring and data area are chosen small for the sake of speed alone: a
 *              kernel may take the smallest that it makes
 * @exact:      no poison: released blocks keep their bytes as in a real kernel
 * @reclaim:    see above
 * @name:       UIO name; NULL = one that the handler serves
 * @size_bytes: capacity of the store; 0 = 64 MiB
 * @medium:     in-process handlers only: the store is one of ours instead of the engine's
 * @handler:    in-process handlers only: the fields block_size, wce, read_only, in_order, read_len,
 *              reorder_seed, depth and alloc are used; 0 in block_size = 512. An exec'ed handler is
 *              told the device's block and total size through the attach protocol
 * @expect_no_attach: the handler is expected to refuse the device: target_start() succeeds if it
 * does
 * @late:       with NEEDS_HOTPLUG: target_start() only starts the handler, the device comes with
 *              target_hotplug_add()
 */
struct target_opts {
	struct ringsim_config dev;
	bool near;
	bool exact;
	enum target_reclaim reclaim;
	const char *name;
	uint64_t size_bytes;
	enum target_medium medium;
	struct handler_config handler;
	bool expect_no_attach;
	bool late;
};

/* 1 MiB ring, 16 MiB data area, 30 s timeouts, TMR off, sanitizer on. */
#define TARGET_OPTS                                                                  \
	((struct target_opts){ .dev = { .geo = { .ring_mb = 1, .data_area_mb = 16 }, \
					.cmd_time_out_s = 30,                        \
					.qfull_time_out_s = -1,                      \
					.sanitize = true } })

/**
 * struct target_io - one SCSI command as a case sees it; zero it, or use target_io_init()
 * @cdb:    CDB; its length follows from the opcode
 * @dir:    data direction as the fabric would say
 * @data:   Data-Out source or Data-In sink, @len bytes = expected transfer length; NULL with a @len
 *          means a Data-In that nobody looks at
 * @bidi:   Data-In sink of a BIDI command, @bidi_len bytes
 * @done:   ended; then status, sense, residual, data_in, outcome and id are as in struct
 * ringsim_cmd
 * @order:  1 for the first command that ended since target_start(), 2 for the next ...
 * @segments, @n_segments: where target_sends_all() on a kernel: lengths, 1 to 4096, of the pieces
 * that
 *          @data is in; may be shorter than @len. NULL: whole pages
 * @no_sg:  submit without a scatter list (no data is copied)
 */
struct target_io {
	uint8_t cdb[RINGSIM_CDB_MAX];
	enum ringsim_dir dir;
	void *data;
	uint32_t len;
	void *bidi;
	uint32_t bidi_len;
	const uint32_t *segments;
	uint32_t n_segments;
	bool no_sg;

	bool done;
	uint8_t status;
	bool sense_valid;
	uint8_t sense[TCMU_SENSE_BUFFERSIZE];
	uint32_t residual, data_in;
	enum ringsim_outcome outcome;
	uint16_t id;
	uint64_t order;

	struct ringsim_cmd cmd; /* private */
	struct iovec sg, bidi_sg;
	struct target *target;
};

/* Life. */

/**
 * target_start() - make the device, start the handler and wait until it has attached
 * May be called again after target_stop(). Returns 0 or -errno; the case has failed already then
 * (the reason is recorded), it only needs to return.
 */
int target_start(struct target *t, const struct target_opts *opts);
/** target_stop() - stop the handler, sweep the region, drop the device. Also done after a case. */
void target_stop(struct target *t);

/* The initiator's side. */

/**
 * target_submit() - hand @io to the target core; does not run the handler
 * On a kernel it may be on its way still when this returns: target_settle() waits until it is on
 * the ring, refused or queued.
 */
void target_submit(struct target *t, struct target_io *io);
/**
 * target_on_end() - call @fn when a command ends, in that order; NULL to stop
 * It must not use the target; @io is its to submit again once target_submit() or what else ended it
 * has returned. Set after target_start(), gone after target_stop().
 */
void target_on_end(struct target *t, void (*fn)(void *ctx, struct target_io *io), void *ctx);
/**
 * target_wait() - run the handler until @io ended. 0, or -ETIMEDOUT if everybody sleeps first
 * With the case in the handler's seat: until the end of @io, if it has one, has come here.
 */
int target_wait(struct target *t, struct target_io *io);
/** target_exec() - submit and wait. */
int target_exec(struct target *t, struct target_io *io);
/**
 * target_settle() - run the handler until it sleeps (or has had time to)
 * With the case in the handler's seat: until all that was submitted has been put on the ring,
 * refused or queued, and what has ended has been told.
 */
void target_settle(struct target *t);
/** target_turn() - in process: one turn of the handler's event loop. True if it was runnable. */
bool target_turn(struct target *t);
/**
 * target_advance() - move time on by @ms milliseconds
 * Virtual time on a simulator. On a kernel it is real time; with NEEDS_TIME in proportion and a
 * fifth short. What has to have happened then is waited for.
 */
void target_advance(struct target *t, uint64_t ms);
/** target_tmr() - abort @n commands (TCMU_TMR_*); true once all of them have been answered. */
bool target_tmr(struct target *t, uint8_t type, struct target_io **ios, uint32_t n);
/** target_tmr_done() - how many task-management functions were answered since the start. */
uint32_t target_tmr_done(struct target *t);

/*
 * What root and the holder of the UIO node can do, on either target. All return 0 or the count of
 * bytes, or -errno as the kernel would.
 */

/** target_block_dev() - action/block_dev (KRN-110). */
int target_block_dev(struct target *t, bool block);
/** target_reset_ring() - action/reset_ring (KRN-111). */
int target_reset_ring(struct target *t, unsigned int level);
/** target_free_kept_buf() - action/free_kept_buf (KRN-112). */
int target_free_kept_buf(struct target *t, uint32_t id);
/** target_qfull_time_out() - change attrib/qfull_time_out (KRN-091, KRN-095). */
int target_qfull_time_out(struct target *t, int32_t seconds);
/** target_events() - running count of the UIO node's events, as sysfs shows it (KRN-073). */
uint32_t target_events(struct target *t);
/**
 * target_uio_open(), target_uio_close() - the seat's own UIO node, which target_start() opened
 * After a close the region stays readable through seat_region(), though the mapping does not keep
 * the node open.
 */
int target_uio_open(struct target *t);
void target_uio_close(struct target *t);
/** target_uio_read(), target_uio_write(), target_uio_poll() - as on an O_NONBLOCK descriptor. */
ssize_t target_uio_read(struct target *t, void *buf, size_t len);
ssize_t target_uio_write(struct target *t, const void *buf, size_t len);
short target_uio_poll(struct target *t);

/** target_simulated() - whether there is a simulator to look into. */
bool target_simulated(const struct target *t);
/** target_sends_all() - whether BIDI commands, CDBs of more than 16 bytes ... get to the device. */
bool target_sends_all(const struct target *t);
/** target_layout() - sizes and offsets of the started device. */
const struct ringsim_layout *target_layout(const struct target *t);
/** target_stats() - what a simulator knows; false and zeros on a kernel. */
bool target_stats(struct target *t, struct ringsim_stats *st);
/**
 * target_device() - the simulator itself
 * On a kernel there is none: NULL for a case in the seat; any other case ends there, as one that
 * only a simulator can show.
 */
struct ringsim_device *target_device(struct target *t);
/** target_uio() - the simulated UIO node; on a kernel the case ends. */
struct ringsim_uio *target_uio(struct target *t);

/*
 * Devices that come and go while the handler runs; only with NEEDS_HOTPLUG. All three announce by
 * netlink, wait for the reply if replies were promised, and return 0, what the handler replied, or
 * -ETIMEDOUT.
 */

/** target_hotplugs() - whether the handler learns of devices by netlink. */
bool target_hotplugs(const struct target *t);
/** target_hotplug_add() - and wait until the handler has it; 0, or the case has failed. */
int target_hotplug_add(struct target *t);
/** target_hotplug_remove() - afterwards there is no device until it is added again. */
int target_hotplug_remove(struct target *t);
/** enum target_reconfig - what RECONFIG can change (KRN-135) */
enum target_reconfig { TARGET_DEV_CONFIG, TARGET_DEV_SIZE, TARGET_WRITE_CACHE };
/** target_hotplug_reconfig() - @text: a whole TARGET_DEV_CONFIG, @value: of the other two. */
int target_hotplug_reconfig(struct target *t, enum target_reconfig what, const char *text,
			    uint64_t value);
/**
 * target_hotplug_race() - the handler is killed and started again, and @ms later a device is added;
 * 0, or the case has failed
 */
int target_hotplug_race(struct target *t, uint32_t ms);
/**
 * struct target_replies - the handler's answers to announcements, since it was started
 * @promised: it has said that it answers; @right: of what was waited for, @stray: of nothing that
 *            was, @wrong: of another kind
 * @served_when_added: it had mapped the last device that it answered ADDED for with 0
 */
struct target_replies {
	bool promised, served_when_added;
	uint32_t right, stray, wrong;
};
void target_hotplug_replies(struct target *t, struct target_replies *r);
/** target_holds_device() - whether the handler still maps a device that was removed. */
bool target_holds_device(struct target *t);

/*
 * A handler that opens a UIO node by itself (NEEDS_NODE).
 */

/** target_handler_pid() - the process that has mapped the device, 0 if none has. */
pid_t target_handler_pid(const struct target *t);
/** target_is_node() - whether a descriptor that /proc calls @link is the device's node. */
bool target_is_node(const struct target *t, const char *link);
/** target_hold_node() - somebody else holds the node, which is free now, for @ms from now on. */
void target_hold_node(struct target *t, uint32_t ms);
/** target_serial() - the unit serial number in configfs. */
void target_serial(const struct target *t, char *buf, size_t len);

/* The handler's process or object. */

/** target_kill() - SIGKILL, or drop the in-process handler where it stands. The store survives. */
void target_kill(struct target *t);
/**
 * target_keep_power() - in process: whether the power of a medium stays when the handler dies
 * Until said otherwise, or the next start: it fails with it.
 */
void target_keep_power(struct target *t, bool keep);
/** target_restart() - start the handler again after a kill; like target_start() for the handler. */
int target_restart(struct target *t);
/**
 * target_plug(), target_unplug() - what is submitted between them comes to the handler as one batch
 * On a simulator with one event; on a kernel the handler is held meanwhile.
 */
void target_plug(struct target *t);
void target_unplug(struct target *t);
/** target_attached() - whether a handler holds the device. */
bool target_attached(const struct target *t);
/** target_freeze(), target_thaw() - SIGSTOP and SIGCONT, or not stepping the in-process handler. */
void target_freeze(struct target *t);
void target_thaw(struct target *t);
/**
 * target_kill_after() - in process: kill the handler right after its @step-th store, load, read or
 * doorbell from now (1 = the next). Returns at once; the kill happens while the handler runs.
 */
void target_kill_after(struct target *t, uint32_t step);
/** target_was_killed() - whether the kill above has happened. */
bool target_was_killed(const struct target *t);
/** target_steps() - in process: number of steps that the handler made since the start. */
uint64_t target_steps(const struct target *t);
/**
 * target_on_step() - in process: call @fn after each step of the handler, NULL to stop. It may
 * submit commands and raise events: that is how the window between drain and wait is hit.
 */
void target_on_step(struct target *t,
		    void (*fn)(struct target *t, void *ctx, enum consumer_step step), void *ctx);
/** target_persistent() - whether what was written survives the death of the handler. */
bool target_persistent(const struct target *t);

/**
 * struct target_faults - what the UIO node does to an in-process handler; counted down to 0
 * @read_eagain, @read_eintr, @write_eintr: so many calls fail that way before one succeeds
 * @gone: every read is EIO, every write EINVAL (use ringsim_uio_unregister() for the whole truth)
 * @failed: calls that failed because of @gone; counts up
 * @store: by enum store_op, the errno with which the next operation on MEDIUM_CACHED or MEDIUM_SLOW
 *         fails
 */
struct target_faults {
	uint32_t read_eagain, read_eintr, write_eintr, failed;
	bool gone;
	int store[STORE_ZERO + 1];
};
struct target_faults *target_faults(struct target *t);
/** target_step_status() - what the last turn of an in-process handler returned (-EIO: gone). */
int target_step_status(const struct target *t);
/** target_wakeups() - times that the handler was woken or found itself runnable. */
uint64_t target_wakeups(const struct target *t);

/*
 * The handler's seat, for cases that play the handler. All offsets are ring offsets; all stores go
 * through the region as a handler's would, and nothing checks them but the sanitizer.
 */

/** struct seat_entry - an entry as a handler finds it. @iov bases are region offsets. */
struct seat_entry {
	uint32_t off, len;
	uint8_t op, kflags, uflags;
	uint16_t id;
	uint32_t iov_cnt, iov_bidi_cnt, iov_dif_cnt;
	uint64_t cdb_off;
	uint8_t cdb[RINGSIM_CDB_MAX];
	struct iovec iov[64];
	uint8_t tmr_type;
	uint32_t cmd_cnt;
	uint16_t cmd_ids[64];
};

uint8_t *seat_region(struct target *t);
/** seat_map_size() - size of map0 in bytes (LAY-061). */
uint64_t seat_map_size(struct target *t);
uint32_t seat_head(struct target *t);
uint32_t seat_tail(struct target *t);
/** seat_entry() - decode the entry at ring offset @off. */
void seat_entry(struct target *t, uint32_t off, struct seat_entry *e);
/** seat_next() - ring offset of what follows @e. */
uint32_t seat_next(struct target *t, const struct seat_entry *e);
/**
 * seat_answer() - write a response into the slot at ring offset @off
 * @id: as cmd_id, 0 = leave it; @sense: 96 bytes or NULL
 */
void seat_answer(struct target *t, uint32_t off, uint16_t id, uint8_t status, uint8_t uflags,
		 uint32_t read_len, const uint8_t *sense);
void seat_set_tail(struct target *t, uint32_t tail);
/** seat_ring() - write 4 bytes to the UIO node: the walk has run on return. */
void seat_ring(struct target *t);
/** seat_finish() - answer the entry at the tail (PAD and TMR are passed over), move the tail, ring.
 */
void seat_finish(struct target *t, uint8_t status);
/** seat_finish_all() - the same for everything up to the head, with one doorbell. */
void seat_finish_all(struct target *t, uint8_t status);

/* CDBs. */

/** target_io_init() - zero @io and give it a CDB of @n bytes. */
void target_io_init(struct target_io *io, const uint8_t *cdb, size_t n, enum ringsim_dir dir,
		    void *data, uint32_t len);
/** TARGET_IO() - target_io_init() with the CDB's bytes as the trailing arguments. */
#define TARGET_IO(io, dir, data, len, ...)                   \
	target_io_init(io, (const uint8_t[]){ __VA_ARGS__ }, \
		       sizeof((const uint8_t[]){ __VA_ARGS__ }), dir, data, len)
/** target_io_rw() - READ or WRITE of @blocks at @lba with a CDB of 6, 10, 12 or 16 bytes. */
void target_io_rw(struct target_io *io, bool write, unsigned int cdb_len, uint64_t lba,
		  uint32_t blocks, uint32_t block_size, void *data);

/** struct target_capacity - from READ CAPACITY(16), asked once per start. */
struct target_capacity {
	uint64_t blocks;
	uint32_t block_size;
};
/** target_capacity() - 0 or -EIO (the case has failed already). */
int target_capacity(struct target *t, struct target_capacity *cap);

/* Sense, whichever of the two formats it has. */
uint8_t sense_key(const uint8_t *sense);
uint16_t sense_asc(const uint8_t *sense); /* ASC << 8 | ASCQ */

#endif
