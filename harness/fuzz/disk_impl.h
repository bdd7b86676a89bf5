/* SPDX-License-Identifier: MIT */
/*
 * Inside the reference disk.
 *
 * A *write* is what one command stores, a *mark* is one write on one block. Moments are values of
 * the running count, in which no two are equal; NEVER is later than all of them. A mark stands for
 * the write and everything that read it: @s is the latest beginning among these, @f the earliest
 * end, so that
 *	v is surely before u  iff  v.f < u.s
 * and a history of one block is impossible iff for two marks each is surely before the other. (That
 * pairs are enough is what is known of registers whose values differ.) COMPARE AND WRITE is more:
 *it follows at once on the write that it compared with. Both belong to one chain, which nothing
 *comes in between; @fc is the earliest end in the chain up to this mark, and counts for marks of
 *other chains.
 *
 * A write that nobody is sure of (in flight, disturbed) constrains nothing until it is read.
 */
#ifndef HARNESS_FUZZ_DISK_IMPL_H
#define HARNESS_FUZZ_DISK_IMPL_H

#include "disk.h"

#define NEVER	 UINT64_MAX
#define DIRECT	 65536u /* blocks from here on are found by hash */
#define WIDE	 64u	/* longer ranges of WRITE SAME and UNMAP are not marked block by block */
#define LBA_BITS 40
#define LBA_MASK ((1ull << LBA_BITS) - 1)
#define SAME_LBA LBA_MASK /* in the pattern of a block that goes anywhere */

/**
 * enum content - what a block holds; with a value
 * @C_WORDS: the words that begin with the value
 * @C_BLOB:  bytes number value * block_size of struct fuzz_disk.blobs
 * @C_ANY:   nobody knows
 */
enum content { C_ZERO, C_WORDS, C_BLOB, C_ANY };

struct chunk {
	uint64_t v;
	uint8_t kind;
};

/**
 * struct write - a command that stores something; number 0 is the zeros of the beginning
 * @until:   the moment by which it has taken effect if at all; NEVER as long as it can still
 * @cmd:     while it is in flight
 * @nr:      number of the operation
 * @sure:    it has taken effect on all of its blocks
 * @again:   a handler died over it: it may have taken effect more than once
 * @durable: once ended it was on the medium
 * @denied:  a successor, which may have found it carried out already, answered MISCOMPARE
 * @futile:  it was aborted before it can have begun, and need not have been carried out
 * @data_only: its data goes nowhere: VERIFY, the first half of COMPARE AND WRITE
 */
struct write {
	uint64_t began, ended, until;
	struct fuzz_cmd *cmd;
	const char *name;
	uint32_t nr;
	bool sure, again, durable, data_only, refused, denied, futile;
};

#define M_SEEN 1u /* somebody read it: it has taken effect here */
#define M_CUT  2u /* of those that survived a power cut, one is there: @f and @s are its moment */
#define M_DEAD 4u /* about to go */

struct mark {
	uint64_t f, fc, s, v;
	uint32_t w, next, chain;
	uint16_t rank;
	uint8_t kind, flags;
};

/*
 * A block that was touched
 * @live, @old: lists of marks, newest first, 0 = end
 * @pruned:     when the oldest command in flight had begun as nothing more could go from @live
 */
struct block {
	uint64_t lba, pruned;
	uint32_t live, old;
};

/* A command that changes so many blocks that only those are marked which are touched. */
struct wide {
	uint64_t lba, blocks;
	struct chunk chunk;
	uint32_t w;
};

struct sync {
	uint64_t began, ended, lba, blocks;
};

/* What operation @nr found of one block of the COMPARE AND WRITE @swap. */
struct witness {
	const char *name;
	uint64_t lba, f, s;
	uint32_t w, nr, swap;
};

/* A COMPARE AND WRITE that has ended, as long as a command that began before is in flight. */
struct swap {
	uint64_t ended, lba, blocks;
	uint32_t w;
};

/* A command in flight; @caw: a COMPARE AND WRITE of as much data as it needs */
struct flight {
	struct flight *prev, *next;
	struct fuzz_cmd *cmd;
	uint64_t began, lba, blocks;
	uint32_t w;
	bool caw;
};

/* A growing array; indices stay, addresses do not. */
#define ARRAY(type)                 \
	struct {                    \
		type *at;           \
		uint32_t cnt, room; \
	}

/* @lost: when something was lost for the last time: the power failed, or all (@gone) */
struct fuzz_disk {
	uint64_t blocks, seed, synced, resets, lost, gone;
	uint32_t block_size;
	unsigned int flags;
	bool failed, wider;

	uint32_t *direct, *hash; /* index + 1 into @touched */
	uint32_t hash_mask;
	ARRAY(struct block) touched;
	ARRAY(struct mark) marks; /* [0] is no mark */
	uint32_t free_mark;
	ARRAY(struct write) writes;
	ARRAY(struct wide) wides;
	ARRAY(struct sync) syncs;
	ARRAY(uint64_t) cuts;
	ARRAY(uint32_t) unresolved; /* writes that ended, but may yet take effect */
	ARRAY(struct witness) witnesses;
	ARRAY(struct swap) swaps;
	ARRAY(uint32_t) found; /* marks that a command found, one a block */
	ARRAY(uint8_t) blobs;

	ARRAY(struct chunk) chunks; /* of the command @filled */
	const struct fuzz_cmd *filled;

	struct flight oldest; /* head of the list, oldest first */
	struct flight *spare;
	uint32_t caws; /* COMPARE AND WRITEs in flight */
};

/** disk_grow() - memory for @cnt elements; NULL and @d->failed if there is none. */
void *disk_grow(struct fuzz_disk *d, void *at, uint32_t *room, uint64_t cnt, size_t size);
/* GROW() - room for @more elements in an ARRAY. */
#define GROW(d, a, more)                                                           \
	({                                                                         \
		uint64_t cnt_ = (uint64_t)(a).cnt + (more);                        \
		void *at_ = (a).at;                                                \
		if (cnt_ > (a).room) {                                             \
			at_ = disk_grow(d, at_, &(a).room, cnt_, sizeof(*(a).at)); \
			if (at_)                                                   \
				(a).at = at_;                                      \
		}                                                                  \
		at_ != NULL || cnt_ == 0;                                          \
	})

/* disk_pattern.c: bytes. */

/** disk_wider() - whether the processor does more at once than all of its kind. */
bool disk_wider(void);
/** disk_words() - the words that write @w puts into block @lba. */
struct chunk disk_words(const struct fuzz_disk *d, uint32_t w, uint64_t lba);
/** disk_put() - the first @len bytes of @c; of C_ANY zeros. */
void disk_put(const struct fuzz_disk *d, const struct chunk *c, uint8_t *to, uint32_t len);
/** disk_part() - at most PART bytes from @off on, a multiple of 8. */
void disk_part(const struct fuzz_disk *d, const struct chunk *c, uint32_t off, uint8_t *to,
	       uint32_t len);
#define PART 64u
/** disk_holds() - whether @p begins as @c does; C_ANY is never the reason that it does not. */
bool disk_holds(const struct fuzz_disk *d, const struct chunk *c, const uint8_t *p, uint32_t len);
/** disk_differs() - offset of the first byte that is not as in @c; @len if there is none. */
uint32_t disk_differs(const struct fuzz_disk *d, const struct chunk *c, const uint8_t *p,
		      uint32_t len);
/** disk_take() - bytes as they are. */
struct chunk disk_take(struct fuzz_disk *d, const uint8_t *p);
/** disk_who() - the write and the block whose word number @i this is; false if nobody's. */
bool disk_who(const struct fuzz_disk *d, uint64_t word, uint32_t i, uint32_t *w, uint64_t *lba);

/* disk.c: beginnings. */

/** disk_range() - range number @i of what a command would change; false if it has fewer. */
bool disk_range(const struct fuzz_disk *d, const struct fuzz_cmd *c, const struct fuzz_cdb *cdb,
		uint32_t i, uint64_t *lba, uint64_t *n);
/** disk_land() - it is not in flight any more. */
void disk_land(struct fuzz_disk *d, struct flight *fl);

/* disk_fill.c: Data-Out. */

/** disk_data_out() - whether the command sends any. */
bool disk_data_out(const struct fuzz_cmd *c);
/** disk_new_write() - a number for what it writes, or only sends; 0 without memory. */
uint32_t disk_new_write(struct fuzz_disk *d, const struct fuzz_cmd *c, const struct fuzz_cdb *cdb);

/* disk_marks.c: blocks and their marks. */

/** disk_find() - NULL if nobody has touched it: zeros. */
struct block *disk_find(struct fuzz_disk *d, uint64_t lba);
/** disk_touch() - the same, with marks from now on; NULL without memory. */
struct block *disk_touch(struct fuzz_disk *d, uint64_t lba);
/** disk_push() - mark @b with a write. */
struct mark *disk_push(struct fuzz_disk *d, struct block *b, uint32_t w, const struct chunk *c);
/** disk_pull() - write @w was refused; false if somebody has seen it. */
bool disk_pull(struct fuzz_disk *d, struct block *b, uint32_t w);
/** disk_mark() - write @w has begun and will leave @c there. */
void disk_mark(struct fuzz_disk *d, uint64_t lba, uint32_t w, const struct chunk *c);
/** disk_drop() - mark @i is in no list any more. */
void disk_drop(struct fuzz_disk *d, uint32_t i);
/** disk_prune() - forget what no read can return any more. */
void disk_prune(struct fuzz_disk *d, struct block *b);
/** disk_can() - whether a command from @began to @ended may find the mark @v there. */
bool disk_can(const struct fuzz_disk *d, const struct block *b, uint32_t v, uint64_t began,
	      uint64_t ended, uint32_t self);
/** disk_over() - @u is after what had happened by @fc, and was there before what began at @s. */
bool disk_over(const struct fuzz_disk *d, const struct mark *u, uint64_t s, uint64_t fc);
/** disk_note() - it did. */
void disk_note(struct mark *v, uint64_t began, uint64_t ended);
/** disk_f(), disk_chain_f() - when it, or its chain up to it, has taken effect if at all. */
uint64_t disk_f(const struct fuzz_disk *d, const struct mark *m);
uint64_t disk_chain_f(const struct fuzz_disk *d, const struct mark *m);
/** disk_again() - it may have taken effect more than once: who knows which of them was seen. */
bool disk_again(const struct fuzz_disk *d, const struct mark *m);
/** disk_sure() - whether it has, or will have before it ends. */
bool disk_sure(const struct fuzz_disk *d, const struct mark *m);
/** disk_before() - @v is surely before @u, which is not the same. */
bool disk_before(const struct fuzz_disk *d, const struct mark *v, const struct mark *u);

/* disk_power.c: losses. */

/** disk_cut() - the power fails at @cut. */
void disk_cut(struct fuzz_disk *d, struct block *b, uint64_t cut);
/** disk_lose() - forget what has ended; what can still take effect stays. */
void disk_lose(struct fuzz_disk *d, struct block *b, uint64_t now);

/* disk_see.c: reading. */

#define SEEN_NONE  0u		   /* no order of what happened explains this */
#define SEEN_MANY  UINT32_MAX	   /* several writes of the same bytes may */
#define SEEN_ZEROS (SEEN_MANY - 1) /* of a block that nobody touched */

/**
 * disk_see() - a command from @began to @ended found @p in block @lba
 * @self: a write that it is itself, or 0
 * Returns the mark, or one of the above. Nothing is noted yet.
 */
uint32_t disk_see(struct fuzz_disk *d, uint64_t lba, const uint8_t *p, uint32_t len, uint64_t began,
		  uint64_t ended, uint32_t self);
/** disk_may_differ() - whether it may have found a block whose first difference from @p is at @at;
 * at any byte if @at < 0. */
bool disk_may_differ(struct fuzz_disk *d, uint64_t lba, const uint8_t *p, int64_t at,
		     uint64_t began, uint64_t ended, uint32_t self);

/** disk_after_differs() - something else than @p may have come after write @w. */
bool disk_after_differs(struct fuzz_disk *d, const struct block *b, uint32_t w, const uint8_t *p);

/** disk_found() - @c has found the mark @m in block @lba. */
void disk_found(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c, uint32_t m,
		uint64_t lba);

/* disk_caw.c: COMPARE AND WRITE. */

/** disk_caw_good() - @c, whose write is sure by now, compared and wrote. */
void disk_caw_good(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		   const struct fuzz_cdb *cdb, const struct flight *fl);
/** disk_caw_replayed() - the same where a successor may have carried it out once more (HND-062). */
void disk_caw_replayed(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		       const struct fuzz_cdb *cdb);
/** disk_mark_of() - the mark of write @w; 0 if there is none. */
uint32_t disk_mark_of(const struct fuzz_disk *d, const struct block *b, uint32_t w);

/* disk_beside.c: COMPARE AND WRITE as others see it. */

/** disk_beside() - @c has found @marks, one for each of its blocks. */
void disk_beside(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		 const struct fuzz_cdb *cdb, const uint32_t *marks, uint32_t cnt);
/** disk_remember() - one of them has ended. */
void disk_remember(struct fuzz_disk *d, const struct flight *fl);
/** disk_hear() - what was found so far, from number @from on, and where they are concerned. */
void disk_hear(struct fuzz_disk *d, struct tc *tc, uint32_t from);

/* disk_say.c: failures. */

/** disk_say_read() - what @c returned in block @lba cannot be. */
void disk_say_read(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		   const struct fuzz_cdb *cdb, uint64_t lba, const uint8_t *p, uint32_t len);

#endif
