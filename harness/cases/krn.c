/* SPDX-License-Identifier: MIT */
/* See krn.h. Clauses: KRN-012, KRN-020 to KRN-050. */
#include "krn.h"

#include "cdb.h"

#include <time.h>

struct target_opts krn_opts(void)
{
	struct target_opts o = TARGET_OPTS;

	o.dev.geo = (struct ringsim_geometry){ .ring_mb = 1, .data_area_mb = 1 };
	return o;
}

#define BATCH 64u

/* 120 a + 128 b bytes of traffic in @n entries at most; returns what is left to do. */
static uint32_t traffic(struct tc *tc, uint32_t left, struct target_io *io)
{
	uint32_t units = left / 8, flush = units % 15, n;

	for (n = 0; n < BATCH && units; n++) {
		if (flush) /* 16 b = b modulo 15 */
			krn_in(&io[n], NULL, 0);
		else
			work_tur(&io[n]);
		units -= flush ? 16 : 15;
		flush -= flush != 0;
		target_submit(tc->t, &io[n]);
	}
	target_settle(tc->t);
	seat_finish_all(tc->t, 0);
	while (n && krn_ended(tc, &io[n - 1]))
		n--;
	if (n)
		tc_fail(tc, NULL, "the traffic that brings the ring to its place does not end");
	return units * 8;
}

bool krn_start_at(struct tc *tc, const struct target_opts *opts, uint32_t at)
{
	struct target_opts o = *opts;
	struct target_io *io;
	uint32_t left;

	o.dev.start = at;
	if (target_start(tc->t, &o))
		return false;
	left = at - seat_head(tc->t);
	io = left ? tc_alloc(tc, BATCH * sizeof(*io)) : NULL;
	while (left && !tc->failed)
		left = traffic(tc, left, io);
	if (!tc->failed && seat_head(tc->t) != at)
		tc_fail(tc, "KRN-024", "cmd_head: expected %u, found %u", at, seat_head(tc->t));
	return !tc->failed;
}

void krn_submit(struct tc *tc, struct target_io *io)
{
	target_submit(tc->t, io);
	target_settle(tc->t);
}

bool krn_ended(struct tc *tc, struct target_io *io)
{
	return !target_wait(tc->t, io);
}

bool krn_pending(struct tc *tc, struct target_io *io)
{
	target_settle(tc->t);
	return !io->done;
}

bool krn_broken(struct tc *tc)
{
	struct target_io *io;

	if (krn_sim(tc))
		return krn_stats(tc).broken;
	io = tc_alloc(tc, sizeof(*io));
	krn_turs(tc, io, 1);
	return krn_ended(tc, io) && io->status == 2 && krn_is_sense(io, 2, 8, 0);
}

bool krn_cmd(struct tc *tc, uint32_t n, struct seat_entry *e)
{
	uint32_t at = seat_tail(tc->t), head = seat_head(tc->t), i = 0;

	for (; at != head; at = seat_next(tc->t, e)) {
		seat_entry(tc->t, at, e);
		if (e->op == TCMU_OP_CMD && i++ == n)
			return true;
		if (!e->len)
			break;
	}
	tc_fail(tc, NULL, "there are %u commands on the ring, expected at least %u", i, n + 1);
	return false;
}

uint64_t krn_now_ms(struct tc *tc)
{
	struct timespec ts;

	if (krn_sim(tc))
		return krn_stats(tc).now_ns / 1000000;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void krn_take_all(struct tc *tc, struct target_io *io)
{
	krn_in(io, NULL, KRN_BLOCKS * 4096);
	krn_submit(tc, io);
}

struct ringsim_stats krn_stats(struct tc *tc)
{
	struct ringsim_stats st;

	ringsim_stats(target_device(tc->t), &st);
	return st;
}

void krn_in(struct target_io *io, void *data, uint32_t len)
{
	cdb_in(io, 0x28, data, len);
}

void krn_out(struct target_io *io, const void *data, uint32_t len)
{
	cdb_out(io, 0x2a, data, len);
}

void krn_bidi(struct target_io *io, const void *out, uint32_t out_len, void *in, uint32_t in_len)
{
	cdb_begin(io, 0x53, RINGSIM_BIDI, (void *)(uintptr_t)out, out_len);
	io->bidi = in;
	io->bidi_len = in_len;
}

void krn_turs(struct tc *tc, struct target_io *ios, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		work_tur(&ios[i]);
		target_submit(tc->t, &ios[i]);
	}
	target_settle(tc->t);
}

void krn_next(struct tc *tc, struct seat_entry *e)
{
	seat_entry(tc->t, seat_tail(tc->t), e);
	if (e->op != TCMU_OP_PAD)
		return;
	seat_set_tail(tc->t, seat_next(tc->t, e));
	seat_entry(tc->t, seat_tail(tc->t), e);
}

void krn_keep(struct tc *tc)
{
	krn_keep_as(tc, 0);
}

void krn_keep_as(struct tc *tc, uint8_t status)
{
	uint32_t tail = seat_tail(tc->t);
	struct seat_entry e;

	seat_entry(tc->t, tail, &e);
	seat_answer(tc->t, tail, 0, status, TCMU_UFLAG_KEEP_BUF, 0, NULL);
	seat_set_tail(tc->t, seat_next(tc->t, &e));
	seat_ring(tc->t);
}

/* Every block up to the last wanted one is taken in turn, and those between are given back. */
bool krn_busy_blocks(struct tc *tc, const uint32_t *list)
{
	struct target_io *io;
	uint32_t blk = 0, i;

	for (i = 0; list[i] != UINT32_MAX; i++)
		for (; blk <= list[i] && !tc->failed; blk++) {
			io = tc_alloc(tc, sizeof(*io));
			krn_in(io, NULL, 1);
			krn_submit(tc, io);
			krn_keep(tc);
			if (!krn_ended(tc, io))
				tc_fail(tc, "KRN-112", "a kept command does not end");
		}
	for (i = 0; i < blk; i++) {
		if (*list == i)
			list++;
		else if (target_free_kept_buf(tc->t, i + 1))
			tc_fail(tc, "KRN-112", "block %u is not held by id %u", i, i + 1);
	}
	for (i = 0; i < blk && krn_sim(tc); i++)
		if (ringsim_block_used(target_device(tc->t), i) !=
		    ringsim_id_used(target_device(tc->t), i + 1))
			tc_fail(tc, "KRN-112", "block %u is not held by id %u alone", i, i + 1);
	return !tc->failed;
}

bool krn_is_sense(const struct target_io *io, uint8_t key, uint8_t asc, uint8_t ascq)
{
	uint8_t want[TCMU_SENSE_BUFFERSIZE] = { 0x70 };

	want[2] = key;
	want[7] = 0x0a;
	want[12] = asc;
	want[13] = ascq;
	return io->sense_valid && !memcmp(io->sense, want, sizeof(want));
}

uint32_t krn_cdb_len(const uint8_t *cdb)
{
	if (cdb[0] == 0x7f)
		return cdb[7] > 252 ? 260 : cdb[7] + 8u;
	if (cdb[0] < 0x20)
		return 6;
	if (cdb[0] < 0x60)
		return 10;
	if (cdb[0] < 0x80)
		return 12;
	if (cdb[0] < 0xa0)
		return 16;
	return cdb[0] < 0xc0 ? 12 : 10;
}

void krn_oracle_init(struct tc *tc, struct krn_oracle *o, const struct ringsim_config *cfg)
{
	const struct ringsim_geometry *g = &cfg->geo;
	uint32_t ppb = g->pages_per_blk ? g->pages_per_blk : 1;

	*o = (struct krn_oracle){ .off = g->cmdr_off ? g->cmdr_off : 128,
				  .size = g->cmdr_size ? g->cmdr_size : g->ring_mb * 1048576 - 128,
				  .blk = ppb * 4096,
				  .blocks = g->data_blocks ? g->data_blocks
							   : g->data_area_mb * 256 / ppb };
	o->data = (o->off + o->size + 4095ull) / 4096 * 4096;
	o->head = o->reclaim = cfg->start;
	o->ring = tc_alloc(tc, o->size);
	o->used = tc_alloc(tc, o->blocks * sizeof(*o->used));
	o->ids = tc_alloc(tc, 65536);
	o->last = tc_alloc(tc, 2 * o->blocks * sizeof(*o->last));
}

void krn_oracle_look(struct tc *tc, struct krn_oracle *o)
{
	o->head = o->reclaim = seat_head(tc->t);
	memcpy(o->ring, seat_region(tc->t) + o->off, o->size);
}

static void put(struct krn_oracle *o, uint32_t at, uint64_t v, uint32_t bytes)
{
	memcpy(o->ring + at, &v, bytes);
}

static uint64_t get(const struct krn_oracle *o, uint32_t at, uint32_t bytes)
{
	uint64_t v = 0;

	memcpy(&v, o->ring + at, bytes);
	return v;
}

#define CHOSEN UINT16_MAX /* by a command that has no id yet */

/* The lowest free blocks, one by one; returns how many iovs describe them. */
static uint32_t choose(struct krn_oracle *o, uint32_t first, uint32_t n)
{
	uint32_t iovs = 0, blk, i;

	for (i = first; i < first + n; i++) {
		for (blk = 0; o->used[blk]; blk++)
			;
		o->used[blk] = CHOSEN;
		o->last[i] = blk;
		if (i == first || o->last[i - 1] + 1 != blk)
			iovs++;
	}
	return iovs;
}

/* Iovs of @n blocks from last[first] on, from ring offset @at. */
static void describe(struct krn_oracle *o, uint32_t first, uint32_t n, uint32_t len, uint32_t at)
{
	uint32_t i, bytes;

	for (i = first; i < first + n; i++, len -= bytes) {
		bytes = len < o->blk ? len : o->blk;
		if (i > first && o->last[i] == o->last[i - 1] + 1) {
			put(o, at - 8, get(o, at - 8, 8) + bytes, 8);
			continue;
		}
		put(o, at, o->data + (uint64_t)o->last[i] * o->blk, 8);
		put(o, at + 8, bytes, 8);
		at += 16;
	}
}

static void build(struct krn_oracle *o, const struct target_io *io, uint16_t id, uint32_t iovs,
		  uint32_t bidi, uint32_t base, uint32_t total)
{
	uint32_t to_end = o->size - o->head;

	if (to_end < total) {
		put(o, o->head, to_end, 8);
		o->head = 0;
		o->pads++;
	}
	memset(o->ring + o->head, 0, total);
	put(o, o->head, total | 1, 4);
	put(o, o->head + 4, id, 2);
	put(o, o->head + 8, iovs, 4);
	put(o, o->head + 12, bidi, 4);
	put(o, o->head + 24, (uint64_t)o->off + o->head + base, 8);
	describe(o, 0, o->n_main, io->len, o->head + 48);
	describe(o, o->n_main, o->n_bidi, io->bidi_len, o->head + 48 + 16 * iovs);
	memcpy(o->ring + o->head + base, io->cdb, krn_cdb_len(io->cdb));
	o->head = (o->head + total) % o->size;
	o->cmds++;
}

uint16_t krn_oracle_submit(struct krn_oracle *o, const struct target_io *io)
{
	uint32_t iovs, bidi, base, total, needed, i, n_free = 0, id = 1;
	uint32_t used = (o->head + o->size - o->reclaim) % o->size;

	o->n_main = (io->len + o->blk - 1) / o->blk;
	o->n_bidi = io->dir == RINGSIM_BIDI ? (io->bidi_len + o->blk - 1) / o->blk : 0;
	for (i = 0; i < o->blocks; i++)
		n_free += !o->used[i];
	if (n_free < o->n_main + o->n_bidi)
		return 0;
	iovs = choose(o, 0, o->n_main);
	bidi = choose(o, o->n_main, o->n_bidi);
	base = 48 + 16 * (iovs + bidi) < 112 ? 112 : 48 + 16 * (iovs + bidi);
	total = base + (krn_cdb_len(io->cdb) + 7) / 8 * 8;
	needed = o->size - o->head < total ? o->size - o->head + total : total;
	while (o->ids[id])
		id++;
	if (o->size - used - 1 < needed)
		id = 0;
	for (i = 0; i < o->n_main + o->n_bidi; i++)
		o->used[o->last[i]] = (uint16_t)id;
	if (!id)
		return 0;
	o->ids[id] = true;
	build(o, io, (uint16_t)id, iovs, bidi, base, total);
	return (uint16_t)id;
}

void krn_oracle_pass(struct krn_oracle *o)
{
	uint64_t len_op;

	do {
		len_op = get(o, o->reclaim, 4);
		o->reclaim = (o->reclaim + (uint32_t)(len_op & ~7ull)) % o->size;
	} while ((len_op & 7) != 1);
}

void krn_oracle_free(struct krn_oracle *o, uint16_t id)
{
	uint32_t i;

	o->ids[id] = false;
	for (i = 0; i < o->blocks; i++)
		if (o->used[i] == id)
			o->used[i] = 0;
}

/* What a handler may store: id, uflags and the response. */
void krn_oracle_stored(struct tc *tc, struct krn_oracle *o, uint32_t off)
{
	const uint8_t *entry = seat_region(tc->t) + o->off + off;

	memcpy(o->ring + off + 4, entry + 4, 2);
	memcpy(o->ring + off + 7, entry + 7, 105);
}

bool krn_oracle_equal(struct tc *tc, const char *clause, const struct krn_oracle *o)
{
	uint32_t i;

	if (tc->failed)
		return false;
	if (seat_head(tc->t) != o->head) {
		tc_fail(tc, clause, "cmd_head: expected %u, found %u", o->head, seat_head(tc->t));
		return false;
	}
	if (!tc_equal(tc, clause, "the ring", o->ring, seat_region(tc->t) + o->off, o->size))
		return false;
	if (!krn_sim(tc))
		return true;
	for (i = 0; i < o->blocks; i++)
		if (ringsim_block_used(target_device(tc->t), i) != (o->used[i] != 0)) {
			tc_fail(tc, "KRN-040", "data block %u: expected %s", i,
				o->used[i] ? "taken" : "free");
			return false;
		}
	for (i = 1; i < 65536 && i < 300; i++)
		if (ringsim_id_used(target_device(tc->t), i) != o->ids[i]) {
			tc_fail(tc, "KRN-050", "id %u: expected %s", i,
				o->ids[i] ? "taken" : "free");
			return false;
		}
	return true;
}
