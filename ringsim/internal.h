/* SPDX-License-Identifier: MIT */
/*
 * What the files of libringsim share: the private state of a device (KRN-001) and the calls between
 * its parts. Nothing here is visible to a handler or installed.
 *
 * layout.c   geometry           data.c      blocks, pages, iovs, copying
 * device.c   life               submit.c    submission   steps.h  shared with walk.c
 * ring.c     space, PAD         walk.c      completion walk
 * bitset.c   ids and blocks     timer.c     deadlines and the queue-full list
 * recovery.c TMR, block, reset  pool.c      page budget and reclaimer
 * uio.c      UIO node           attach.c    a node for another process
 * tap.c      an observer        renew.c     a used device as new
 * core.c     who answers what   sanitizer.c, shadow.c, sweep.c, dump.c  watching and telling
 */
#ifndef RINGSIM_INTERNAL_H
#define RINGSIM_INTERNAL_H

#include <ringsim/device.h>
#include <ringsim/sanitizer.h>
#include <ringsim/shm.h>
#include <ringsim/tap.h>

#define NO_BLOCK       UINT32_MAX

#define WATCHED_TAP    1u
#define WATCHED_SHADOW 2u

/*
 * A set of small integers that gives its lowest member in a few instructions: used for free ids and
 * free blocks, so "lowest" is what KRN-040 and KRN-050 ask for.
 *
 * Invariants: nothing is a member below @base; @low is the word that begins there. @summary has one
 * bit for each word that is not empty, but that of @low, which is only put right when @low moves.
 */
struct bitset {
	uint64_t *low;
	uint32_t base;
	uint32_t n;
	uint64_t *words, *summary;
};

#define BITSET_NONE UINT32_MAX

int bitset_init(struct bitset *b, uint32_t n, bool full);
/** bitset_fill() - all are members. */
void bitset_fill(struct bitset *b);
/** bitset_resize() - the same, of a set of @n, which is not more than it was made for. */
void bitset_resize(struct bitset *b, uint32_t n);
void bitset_free(struct bitset *b);
/** bitset_last_clear() - highest i < end that is not a member, @end if all are. */
uint32_t bitset_last_clear(const struct bitset *b, uint32_t end);
/** bitset_del() - @i is no member any more. */
void bitset_del(struct bitset *b, uint32_t i);
/** bitset_seek() - move @low to the first word that is not empty; false if all are. */
bool bitset_seek(struct bitset *b);
/** bitset_add_far() - bitset_add() outside of @low. */
void bitset_add_far(struct bitset *b, uint32_t i);

static inline bool bitset_has(const struct bitset *b, uint32_t i)
{
	return b->words[i / 64] >> (i % 64) & 1;
}

/*
 * @word with bit @i, modulo 64, and without it: what a loop does with an instruction each, were it
 * not that compilers keep a 1 at hand to shift.
 */
static inline uint64_t with_bit(uint64_t word, uint32_t i)
{
#if defined(__x86_64__)
	__asm__("btsq %q1, %0" : "+r"(word) : "r"(i) : "cc");
	return word;
#else
	return word | 1ull << (i & 63);
#endif
}

static inline uint64_t without_bit(uint64_t word, uint32_t i)
{
#if defined(__x86_64__)
	__asm__("btrq %q1, %0" : "+r"(word) : "r"(i) : "cc");
	return word;
#else
	return word & ~(1ull << (i & 63));
#endif
}

static inline void bitset_add(struct bitset *b, uint32_t i)
{
	if (__builtin_expect(i - b->base < 64, 1)) /* a multiple of 64 */
		*b->low = with_bit(*b->low, i);
	else
		bitset_add_far(b, i);
}

/* Lowest member, BITSET_NONE if there is none. */
static inline uint32_t bitset_first(struct bitset *b)
{
	if (__builtin_expect(!*b->low, 0) && !bitset_seek(b))
		return BITSET_NONE;
	return b->base + (uint32_t)__builtin_ctzll(*b->low);
}

/* Takes out what bitset_first() has just returned. */
static inline void bitset_del_first(struct bitset *b)
{
	*b->low &= *b->low - 1;
}

/* What holds an id. SLOT_DONE and SLOT_RESET are free ids that remember how they became so. */
enum slot_state { SLOT_FREE, SLOT_DONE, SLOT_RESET, SLOT_INFLIGHT, SLOT_EXPIRED, SLOT_KEPT };

/*
 * The kernel's record of a command that owns an id, in a cache line of its own. Blocks are chained
 * through device.blk_next: first the Data-Out (or only) direction, then the Data-In of a BIDI
 * command. Slot 0, which no command has, is both ends of the in-flight FIFO.
 */
struct slot {
	struct ringsim_cmd *cmd; /* while it is in flight */
	uint64_t deadline_ns;
	uint32_t first_blk, blks;
	uint32_t len, bidi_len;		    /* bytes of each direction */
	uint32_t bidi_first_blk, bidi_blks; /* none in a free slot */
	uint32_t iovs, bidi_iovs;	    /* while the entry is built */
	uint16_t prev, next;		    /* in-flight FIFO by id */
	uint8_t state;
	bool plain; /* in flight, with one block, not aborted: SLOT_INFLIGHT at its most frequent */
	uint8_t dir, unused;
} __attribute__((aligned(64)));

/* The kernel's own record of a ring entry; what the ring says is compared with it (TRP-02). */
struct record {
	uint32_t off, len_op;
	uint16_t id;
} __attribute__((aligned(16)));

struct timer {
	bool pending;
	uint64_t when_ns;
};

struct pending_tmr {
	struct pending_tmr *next;
	uint8_t type;
	uint32_t cnt;
	uint16_t ids[];
};

struct ringsim_pool {
	uint64_t max_pages, pages;
	uint64_t due_ns;
	struct ringsim_device *devices;
	bool own; /* made by and for one device */
};

struct shadow;

struct ringsim_device {
	/* what the hot path touches */
	uint8_t *region;
	struct ringsim_layout lay;
	struct shadow *shadow; /* NULL: sanitizer off */
	union {
		struct {
			bool broken, blocked, head_moved;
			uint8_t watched; /* WATCHED_ */
			uint32_t qfull_count;
		};
		uint64_t odd; /* 0: a command can go straight to the ring, and nobody watches */
	};
	/*
	 * Where cmd_head was published to, and the free bytes from there to the reclaim pointer,
	 * less one (KRN-032). Once a handler has moved cmd_head (@head_moved), it is worked out
	 * each time from what is there.
	 */
	uint32_t head, space;
	uint32_t reclaim;
	/* entries not reclaimed yet, in a power of two of places that grows as far as @rec_most */
	uint32_t rec_first, rec_count, rec_mask, rec_most;
	uint32_t rec_plain; /* so many of the first have PLAIN_LEN_OP; perhaps the next, too */
	struct record *recs;
	struct slot *slots;
	struct bitset ids_free;
	struct bitset blks_free;
	uint32_t *blk_next; /* plus 1; 0: none, as of each block that is free */
	uint64_t *page_present;
	uint32_t blks_used, dbi_thresh, dbi_max;
	uint32_t blks_backed; /* all blocks below have their first page */
	uint32_t inflight, expired, kept;
	bool plugged, opened, tmr_notification, desc_sense;
	uint64_t now_ns;
	uint64_t deadline_ns; /* of a command that comes now; see timer_set_time() */
	uint32_t skew_ns;
	uint64_t cmd_tmo_ns;
	int32_t qfull_tmo_s;
	struct timer cmd_timer, qfull_timer;
	uint32_t events;
	ringsim_tap_fn *tap_fn; /* NULL: nobody listens */
	void *tap_ctx;

	/* queue-full list and waiting TMRs */
	struct ringsim_cmd *qfull_first, *qfull_last;
	struct pending_tmr *tmr_first, **tmr_end;
	uint32_t tmr_count;

	const struct ringsim_ops *ops;
	void *ctx;
	int fd;
	struct ringsim_pool *pool;
	struct ringsim_device *pool_next;
	uint32_t pages_used, peak_blks;
	/* what there is memory for; @lay may be smaller (renew.c) */
	struct ringsim_layout room;
	/* what was ever used: ring bytes below @ring_end, ids up to @id_max; see note_peaks() */
	uint32_t ring_end;
	uint16_t id_max;
	uint64_t n_cmds, n_pads, n_tmrs, n_qfull, n_completed, n_violations;
};

/*
 * Whether somebody wants to see each step. What a command passes through is compiled twice, with
 * this as a constant: those who do not look do not pay for the questions.
 */
static inline bool watched(const struct ringsim_device *dev)
{
	return dev->watched != 0;
}

#define HOT static inline __attribute__((always_inline))

/* tap.c */
void tap_tell(struct ringsim_device *dev, const struct ringsim_tap_event *e);

/* tap(dev, .kind = ..., ...): the event is made only if somebody listens. */
#define tap(dev, ...)                                                                    \
	do {                                                                             \
		if (__builtin_expect((dev)->tap_fn != NULL, 0))                          \
			tap_tell(dev, &(const struct ringsim_tap_event){ __VA_ARGS__ }); \
	} while (0)

/* ring.c */
bool ring_has_space(const struct ringsim_device *dev, uint32_t len);
uint32_t ring_head(const struct ringsim_device *dev);
uint32_t ring_pad_if_needed(struct ringsim_device *dev, uint32_t len);
/** ring_publish() - show what lies at @head and note it: @id and @cmd of a command, else 0, NULL */
void ring_publish(struct ringsim_device *dev, uint32_t head, uint32_t len_op, uint16_t id,
		  struct ringsim_cmd *cmd);
void ring_notify(struct ringsim_device *dev);

static inline struct record *rec_at(const struct ringsim_device *dev, uint32_t i)
{
	return &dev->recs[(dev->rec_first + i) & dev->rec_mask];
}

/* data.c */
uint32_t data_blocks_needed(const struct ringsim_device *dev, uint64_t len);
int data_alloc(struct ringsim_device *dev, struct slot *slot);
void data_free(struct ringsim_device *dev, struct slot *slot);
void data_back(struct ringsim_device *dev, uint32_t blk, uint32_t bytes);
void data_build_iovs(struct ringsim_device *dev, uint32_t first_blk, uint32_t len,
		     uint64_t iov_off);
uint32_t data_copy_in(struct ringsim_device *dev, const struct slot *slot,
		      const struct ringsim_cmd *cmd);
uint32_t data_copy_out(struct ringsim_device *dev, const struct slot *slot,
		       const struct ringsim_cmd *cmd, uint32_t len);
uint32_t data_release_pages(struct ringsim_device *dev, uint32_t first_blk, uint32_t end_blk);
void data_punch(struct ringsim_device *dev, uint32_t first_page, uint32_t end_page);
uint64_t sg_len(const struct iovec *sg, uint32_t cnt);
uint32_t data_present_bytes(const struct ringsim_device *dev, uint32_t blk);

static inline bool page_present(const struct ringsim_device *dev, uint32_t page)
{
	return dev->page_present[page / 64] >> (page % 64) & 1;
}

/*
 * Before blocks or ids are given back, cmd_head jumps, or somebody asks: so much may never have
 * been used. As the lowest id is taken first, none is above the number of those in use at once.
 */
static inline void note_peaks(struct ringsim_device *dev)
{
	uint32_t ids = dev->inflight + dev->expired + dev->kept;

	if (ids > dev->id_max)
		dev->id_max = (uint16_t)ids;
	if (dev->blks_used > dev->peak_blks)
		dev->peak_blks = dev->blks_used;
	if (dev->head > dev->ring_end)
		dev->ring_end = dev->head;
}

/* Where a command's Data-In of BIDI begins. */
static inline uint32_t slot_bidi_blk(const struct slot *slot)
{
	return slot->bidi_blks ? slot->bidi_first_blk : NO_BLOCK;
}

/* What follows @blk in the chain of a command's direction: NO_BLOCK behind the last. */
static inline uint32_t blk_after(const struct ringsim_device *dev, uint32_t blk)
{
	return dev->blk_next[blk] - 1;
}

static inline uint64_t blk_off(const struct ringsim_device *dev, uint32_t blk)
{
	return dev->lay.data_off + (uint64_t)blk * dev->lay.blk_size;
}

/* device.c */
int device_config_check(const struct ringsim_config *cfg, const struct ringsim_layout *lay,
			char *err, size_t err_len);
/** device_configure() - everything that @cfg says about a device whose memory is as new. */
void device_configure(struct ringsim_device *dev, const struct ringsim_config *cfg,
		      const struct ringsim_ops *ops, void *ctx);
/** device_records() - as many as the ring can have entries: a power of two, DEVICE_RECORDS or more
 */
uint32_t device_records(const struct ringsim_layout *lay);
/* So many records there are at first: they stay in the cache. */
#define DEVICE_RECORDS 256u
/** table_alloc() - @len zeroed bytes that cost only as much as is used of them; NULL: no memory. */
void *table_alloc(uint64_t len);
void table_free(void *table, uint64_t len);
/** cmd_hand_back() - @n commands are the initiator's again */
void cmd_hand_back(struct ringsim_device *dev, struct ringsim_cmd *const *cmds, uint32_t n);
void cmd_end(struct ringsim_device *dev, struct ringsim_cmd *cmd, enum ringsim_outcome outcome,
	     uint8_t status);
void cmd_set_sense(const struct ringsim_device *dev, struct ringsim_cmd *cmd, uint8_t key,
		   uint8_t asc, uint8_t ascq);
void slot_unlink(struct ringsim_device *dev, uint16_t id);
void slot_release(struct ringsim_device *dev, uint16_t id, enum slot_state how);

/* submit.c */
enum admission { ADMITTED, WAITS, REFUSED };
/** cmd_admit() - put @cmd on the ring or into the queue; on REFUSED it has status and sense */
enum admission cmd_admit(struct ringsim_device *dev, struct ringsim_cmd *cmd);

/* walk.c */
bool walk_completions(struct ringsim_device *dev);

static inline uint32_t rec_len(const struct record *rec)
{
	return rec->len_op & ~(uint32_t)TCMU_OP_MASK;
}

static inline uint32_t rec_op(const struct record *rec)
{
	return rec->len_op & TCMU_OP_MASK;
}

/* Ring offset of what follows @rec. */
static inline uint32_t rec_end(const struct ringsim_device *dev, const struct record *rec)
{
	uint32_t end = rec->off + rec_len(rec);

	return end >= dev->lay.cmdr_size ? end - dev->lay.cmdr_size : end;
}

/* timer.c */
/** timer_set_time() - it is @now_ns, which dev->deadline_ns follows. */
void timer_set_time(struct ringsim_device *dev, uint64_t now_ns);
void timer_arm_cmd(struct ringsim_device *dev, uint64_t deadline_ns);
void timer_next_cmd(struct ringsim_device *dev);
int qfull_add(struct ringsim_device *dev, struct ringsim_cmd *cmd);
void qfull_remove(struct ringsim_device *dev, struct ringsim_cmd *cmd);
void qfull_drain(struct ringsim_device *dev, bool fail);
void timer_next_qfull(struct ringsim_device *dev);

/* recovery.c */
bool tmr_run(struct ringsim_device *dev);
void tmr_drop_all(struct ringsim_device *dev);

/* pool.c */
void pool_join(struct ringsim_pool *pool, struct ringsim_device *dev);
void pool_leave(struct ringsim_device *dev);
void pool_charge(struct ringsim_device *dev, uint32_t pages);

/*
 * shadow.c, sanitizer.c: called only when dev->shadow is set, but for violation(). In the order of
 * a command's life: _page_fresh, _block_taken, _before_write, _ring_store, _published; then
 * _before_entry, _data_in, _slot_checked, _block_freed, _reclaimed.
 */
int shadow_create(struct ringsim_device *dev);
/** shadow_begin() - the region is as the kernel made it; watch it from now on. */
void shadow_begin(struct ringsim_device *dev, uint64_t poison_seed);
/** shadow_forget() - the region's ring and data area are zeros again. */
void shadow_forget(struct ringsim_device *dev);
void shadow_destroy(struct ringsim_device *dev);
void shadow_check_stray(struct ringsim_device *dev);
void shadow_page_fresh(struct ringsim_device *dev, uint32_t page);
void shadow_block_taken(struct ringsim_device *dev, uint32_t blk, uint32_t used_bytes);
void shadow_before_write(struct ringsim_device *dev, uint32_t off, uint32_t len);
void shadow_ring_store(struct ringsim_device *dev, uint32_t off, uint32_t len);
void shadow_published(struct ringsim_device *dev);
void shadow_before_walk(struct ringsim_device *dev);
void shadow_before_entry(struct ringsim_device *dev, const struct record *rec);
void shadow_data_in(struct ringsim_device *dev, const struct slot *slot, uint16_t id, uint32_t len);
void shadow_slot_checked(struct ringsim_device *dev, const struct slot *slot, uint16_t id);
void shadow_block_freed(struct ringsim_device *dev, uint32_t blk);
void shadow_reclaimed(struct ringsim_device *dev, const struct record *rec);
void shadow_pages_released(struct ringsim_device *dev);
void shadow_rang(struct ringsim_device *dev);
void shadow_reset(struct ringsim_device *dev);
/* @len is at most 16 */
void violation(struct ringsim_device *dev, const char *clause, uint64_t off, uint16_t cmd_id,
	       const void *expected, const void *found, uint32_t len, const char *fmt, ...)
	__attribute__((format(printf, 8, 9)));

#endif
