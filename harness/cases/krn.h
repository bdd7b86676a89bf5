/* SPDX-License-Identifier: MIT */
/*
 * Beside the cases that ask what a kernel does, and whether the simulator is one: commands of any
 * shape, and an oracle.
 *
 * Most of them run on both targets from the same source. They ask what a handler or an initiator
 * can see: entries, ids, iovs, statuses, events. Where the simulator can be looked into they look
 * there as well (SIM_EQ), so that nothing is lost by asking from outside. On a simulator everything
 * has happened when a call returns; on a kernel it is waited for, and krn_submit(), krn_ended() and
 * krn_pending() stand for both.
 *
 * The oracle is the contract's section 3 written down once more, as plainly as it can be: arrays of
 * bools, no bit tricks, no lists. It knows nothing of ringsim. A case that plays the handler's seat
 * does everything twice, there and here, and compares every byte of the ring.
 */
#ifndef HARNESS_KRN_H
#define HARNESS_KRN_H

#include "work.h"

/* 120 bytes on the ring; work_tur() makes one. */
#define KRN_TUR	   120u

/* The smallest device that a kernel makes: bytes of ring, region offset of block 0, blocks. */
#define KRN_RING   1048448u
#define KRN_DATA   0x100000u
#define KRN_BLOCKS 256u

/** krn_opts() - TARGET_OPTS with that geometry; blocks of 4096 bytes. */
struct target_opts krn_opts(void);
/**
 * krn_start_at() - target_start() with an empty ring at ring offset @at
 * On a kernel by as much traffic as that takes: 0, or a multiple of 8 above 2000. False if the case
 * failed.
 */
bool krn_start_at(struct tc *tc, const struct target_opts *o, uint32_t at);

/** krn_sim() - whether the started target is a simulator, which can be looked into. */
static inline bool krn_sim(const struct tc *tc)
{
	return target_device(tc->t) != NULL;
}

/** krn_all() - whether any command gets to the device: BIDI, long CDBs, statuses of all kinds. */
static inline bool krn_all(const struct tc *tc)
{
	return target_sends_all(tc->t);
}

struct ringsim_stats krn_stats(struct tc *tc);

/** SIM_EQ() - a field of struct ringsim_stats, where there is one. */
#define SIM_EQ(tc, clause, what, want, field)                                   \
	do {                                                                    \
		if (krn_sim(tc))                                                \
			EXPECT_EQ(tc, clause, what, want, krn_stats(tc).field); \
	} while (0)

/** krn_submit() - submit @io; on return it is on the ring, has ended, or waits. */
void krn_submit(struct tc *tc, struct target_io *io);
/** krn_ended() - whether @io has ended, or does within a bounded time. */
bool krn_ended(struct tc *tc, struct target_io *io);
/** krn_pending() - whether @io has not ended although it had time to. */
bool krn_pending(struct tc *tc, struct target_io *io);
/** krn_broken() - whether the ring is BROKEN; tries a command, which goes on the ring if not. */
bool krn_broken(struct tc *tc);
/** krn_cmd() - CMD entry number @n from the tail; false after failing the case if there is none. */
bool krn_cmd(struct tc *tc, uint32_t n, struct seat_entry *e);
/** krn_now_ms() - the target's time. */
uint64_t krn_now_ms(struct tc *tc);
/** krn_take_all() - submit a READ over all blocks of krn_opts(). */
void krn_take_all(struct tc *tc, struct target_io *io);

/** krn_in(), krn_out(), krn_bidi() - a 10-byte CDB with any expected transfer length. */
void krn_in(struct target_io *io, void *data, uint32_t len);
void krn_out(struct target_io *io, const void *data, uint32_t len);
void krn_bidi(struct target_io *io, const void *out, uint32_t out_len, void *in, uint32_t in_len);

/** krn_turs() - submit @n TEST UNIT READY, as krn_submit() does. */
void krn_turs(struct tc *tc, struct target_io *ios, uint32_t n);
/** krn_next() - the next CMD on the ring; if a PAD comes first the tail is moved over it. */
void krn_next(struct tc *tc, struct seat_entry *e);
/** krn_keep() - answer the entry at the tail with GOOD and KEEP_BUF and ring: its blocks stay. */
void krn_keep(struct tc *tc);
/** krn_keep_as() - the same with any status; one other than GOOD moves no data. */
void krn_keep_as(struct tc *tc, uint8_t status);
/**
 * krn_busy_blocks() - make a fresh device hold just the blocks @list, ascending, ended by
 * UINT32_MAX They are kept buffers of one block each; the ring is empty afterwards. False if the
 * case failed.
 */
bool krn_busy_blocks(struct tc *tc, const uint32_t *list);

/** krn_is_sense() - 0x70 sense as the kernel makes it: these three, byte 7, nothing else. */
bool krn_is_sense(const struct target_io *io, uint8_t key, uint8_t asc, uint8_t ascq);

/**
 * EXPECT_ENDED() - @io ended for this reason, with this status, and kernel sense if it is 2
 * The reason is known to a simulator only.
 */
#define EXPECT_ENDED(tc, clause, io, outcome_, status_, key, asc, ascq)                          \
	do {                                                                                     \
		EXPECT(tc, clause, krn_ended(tc, io), "the command has not ended");              \
		if (krn_sim(tc))                                                                 \
			EXPECT_EQ(tc, clause, "outcome", outcome_, (io)->outcome);               \
		EXPECT_EQ(tc, clause, "status", status_, (io)->status);                          \
		if ((status_) == 2)                                                              \
			EXPECT(tc, clause, krn_is_sense(io, key, asc, ascq),                     \
			       "expected kernel sense %x/%02x/%02x, found %x/%04x", key, asc,    \
			       ascq, sense_key((io)->sense), sense_asc((io)->sense));            \
		else                                                                             \
			EXPECT(tc, clause, !(io)->sense_valid, "sense without CHECK CONDITION"); \
	} while (0)

/**
 * struct krn_oracle - what ring and tables must look like
 * @off, @size: ring; @data: region offset of block 0
 * @ring:    expected bytes of the ring
 * @used:    block -> id that owns it, 0 = free
 * @ids:     taken ids
 * @last:    blocks of the last command: main direction, then Data-In of a BIDI command
 */
struct krn_oracle {
	uint32_t off, size, blk, blocks;
	uint64_t data;
	uint32_t head, reclaim;
	uint8_t *ring;
	uint16_t *used;
	bool *ids;
	uint32_t *last;
	uint32_t n_main, n_bidi, pads, cmds;
};

/**
 * krn_oracle_init() - for a fresh device with this geometry, of 4096-byte pages
 * krn_oracle_look(): take over what is on the ring of the started target, which is empty.
 */
void krn_oracle_init(struct tc *tc, struct krn_oracle *o, const struct ringsim_config *cfg);
void krn_oracle_look(struct tc *tc, struct krn_oracle *o);
/** krn_oracle_submit() - returns the command's id, 0 if it has to wait for blocks or ring. */
uint16_t krn_oracle_submit(struct krn_oracle *o, const struct target_io *io);
/** krn_oracle_pass() - the walk has passed the next CMD, and any PAD before it. */
void krn_oracle_pass(struct krn_oracle *o);
/** krn_oracle_free() - @id and its blocks are free again. */
void krn_oracle_free(struct krn_oracle *o, uint16_t id);
/** krn_oracle_stored() - the handler has stored something into the entry at ring offset @off. */
void krn_oracle_stored(struct tc *tc, struct krn_oracle *o, uint32_t off);
/** krn_oracle_equal() - compare ring, head, free blocks and ids; fails naming @clause. */
bool krn_oracle_equal(struct tc *tc, const char *clause, const struct krn_oracle *o);

/** krn_cdb_len() - by the table of KRN-012. */
uint32_t krn_cdb_len(const uint8_t *cdb);

#endif
