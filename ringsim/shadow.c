/* SPDX-License-Identifier: MIT */
/*
 * The shadow: a private copy of every byte that the handler may not change, and the comparing.
 *
 * shadow->copy has the layout of the region. For ring and mailbox it holds what the kernel's half
 * stored last; for data it holds the bytes of everything that no command in flight refers to. With
 * a poison seed those bytes are a pattern instead, which also shows up where a handler leaves
 * Data-In unwritten (HND-035) or reads what is not its own. The pattern is one stretch of random
 * words that stays in the cache, and each page has it from another place on.
 */
#include "shadow.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRAY_MAX                                                                      \
	16 /* pages reported at a look, lest a handler that does not stop keep us here \
	    */
#define ANSWERED_BYTES (RINGSIM_ID_MAX + 1ull)
#define STARTS	       64u /* of the pattern in a page, so many bytes apart */

static uint32_t pattern_bytes(const struct ringsim_device *dev)
{
	return dev->lay.page_size + STARTS * STARTS;
}

static void make_pattern(struct ringsim_device *dev, uint64_t seed)
{
	uint64_t i, z;

	for (i = 0; i < pattern_bytes(dev) / 8; i++) {
		z = seed + i * 0x9e3779b97f4a7c15ull;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
		z ^= z >> 27;
		memcpy(dev->shadow->pattern + i * 8, &z, 8);
	}
}

static uint64_t page_off(const struct ringsim_device *dev, uint32_t page)
{
	return dev->lay.data_off + (uint64_t)page * dev->lay.page_size;
}

/* What a data page holds where nobody owns it: the copy, or its pattern. */
static const uint8_t *unowned(const struct ringsim_device *dev, uint32_t page)
{
	const struct shadow *s = dev->shadow;

	/* 37 takes neighbours far apart and comes to each start */
	return s->poison ? s->pattern + page * 37 % STARTS * STARTS : s->copy + page_off(dev, page);
}

/* Nobody owns bytes [from, to) of @blk any more; with poison, rounded up to whole words. */
static void disown(struct ringsim_device *dev, uint32_t blk, uint32_t from, uint32_t to)
{
	uint32_t page = blk * dev->lay.pages_per_blk, size = dev->lay.page_size, lo, hi;

	if (!dev->shadow->poison) {
		shadow_adopt(dev, blk_off(dev, blk) + from, to - from);
		return;
	}
	for (to = (to + 7) & ~7u; to; page++, to -= hi, from -= from < hi ? from : hi) {
		hi = to < size ? to : size;
		lo = from < hi ? from : hi;
		shm_write(dev->region, page_off(dev, page) + lo, unowned(dev, page) + lo, hi - lo);
	}
}

int shadow_create(struct ringsim_device *dev)
{
	struct shadow *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM; /* GCOVR_EXCL_LINE */
	dev->shadow = s;
	dev->watched |= WATCHED_SHADOW;
	s->blk_used = calloc(dev->lay.blocks, sizeof(*s->blk_used));
	s->blk_was = calloc(dev->lay.blocks, sizeof(*s->blk_was));
	s->blk_last = calloc(dev->lay.blocks, sizeof(*s->blk_last));
	s->pattern = aligned_alloc(STARTS, pattern_bytes(dev));
	s->answered = table_alloc(ANSWERED_BYTES);
	s->copy = table_alloc(dev->lay.region_size);
	s->judged = table_alloc(dev->lay.data_size);
	if (!s->blk_used || !s->blk_was || !s->blk_last || !s->pattern || !s->answered ||
	    !s->copy || !s->judged)
		return -ENOMEM; /* GCOVR_EXCL_LINE */
	return 0;
}

void shadow_begin(struct ringsim_device *dev, uint64_t poison_seed)
{
	struct shadow *s = dev->shadow;

	if (s->poison != poison_seed)
		make_pattern(dev, poison_seed);
	s->poison = poison_seed;
	shm_read(s->copy, dev->region, 0, sizeof(struct tcmu_mailbox));
	s->tail = s->head = s->rung = dev->reclaim;
}

void shadow_forget(struct ringsim_device *dev)
{
	struct shadow *s = dev->shadow;

	/* with poison there was no copy of data; where it was a ring may come */
	if (!s->poison)
		memset(s->copy + dev->lay.data_off, 0, (uint64_t)s->blk_end * dev->lay.blk_size);
	s->base_blocks = 0; /* counted again when somebody looks */
	memset(s->copy + dev->lay.cmdr_off, 0, dev->ring_end);
	memset(s->answered, 0, dev->id_max + 1u);
	memset(s->blk_used, 0, s->blk_end * sizeof(*s->blk_used));
	memset(s->blk_was, 0, s->blk_end * sizeof(*s->blk_was));
	memset(s->blk_last, 0, s->blk_end * sizeof(*s->blk_last));
	s->blk_end = s->tail_recs = s->walks = 0;
	s->has_bad_tail = false;
	s->pages_known = 0;
}

void shadow_destroy(struct ringsim_device *dev)
{
	struct shadow *s = dev->shadow;

	table_free(s->copy, dev->room.region_size);
	table_free(s->judged, dev->room.data_size);
	table_free(s->answered, ANSWERED_BYTES);
	free(s->pattern);
	free(s->blk_last);
	free(s->blk_was);
	free(s->blk_used);
	free(s);
	dev->shadow = NULL;
	dev->watched &= (uint8_t)~WATCHED_SHADOW;
}

/* Region offset of the first byte of [off, off+len) that differs, UINT64_MAX if none does. */
uint64_t shadow_diff(const struct ringsim_device *dev, uint64_t off, uint64_t len)
{
	const uint8_t *a = shm_peek(dev->region, off, len), *b = dev->shadow->copy + off;
	uint64_t i;

	if (!memcmp(a, b, len))
		return UINT64_MAX;
	for (i = 0; i < len && shm_load8(a, i) == b[i]; i++)
		;
	return i < len ? off + i : UINT64_MAX; /* a store may have been undone meanwhile */
}

/* Takes over what is in the region, so that a mistake is reported once. */
void shadow_adopt(struct ringsim_device *dev, uint64_t off, uint64_t len)
{
	shm_read(dev->shadow->copy + off, dev->region, off, len);
}

void shadow_page_fresh(struct ringsim_device *dev, uint32_t page)
{
	dev->shadow->pages_known++;
	if (dev->shadow->poison)
		shm_write(dev->region, page_off(dev, page), unowned(dev, page), dev->lay.page_size);
	else
		memset(dev->shadow->copy + page_off(dev, page), 0, dev->lay.page_size);
}

/* First byte of @blk, from @from on, that somebody touched; @end if there is none before that. */
static uint32_t find_touched(const struct ringsim_device *dev, uint32_t blk, uint32_t from,
			     uint32_t end)
{
	uint32_t page = blk * dev->lay.pages_per_blk, size = dev->lay.page_size, at = 0, lo, hi, i;

	for (; at < end; at += size, page++) {
		const uint8_t *want = unowned(dev, page), *got;

		lo = from > at ? from - at : 0;
		hi = end - at < size ? end - at : size;
		if (lo >= hi)
			continue;
		got = shm_peek(dev->region, page_off(dev, page), size);
		if (!memcmp(got + lo, want + lo, hi - lo))
			continue;
		for (i = lo; i < hi; i++)
			if (shm_load8(got, i) != want[i])
				return at + i;
	}
	return end;
}

/* Compares bytes [from, end) of @blk with what nobody should have touched. */
static void check_bytes(struct ringsim_device *dev, uint32_t blk, uint32_t from, uint32_t end)
{
	uint32_t at, size = dev->lay.page_size;
	uint16_t last = dev->shadow->blk_last[blk];
	const uint8_t *want, *got;

	if (from >= end)
		return;
	at = find_touched(dev, blk, from, end);
	if (at == end)
		return;
	want = unowned(dev, blk * dev->lay.pages_per_blk + at / size) + at % size;
	got = shm_peek(dev->region, blk_off(dev, blk) + at, 1);
	if (dev->shadow->blk_used[blk] == 0 && last)
		violation(dev, "HND-039", blk_off(dev, blk) + at, last, want, got, 1,
			  "store into data block %u after the command that owned it completed",
			  blk);
	else
		violation(dev, "HND-018", blk_off(dev, blk) + at, last, want, got, 1,
			  "store into data block %u outside every iov", blk);
	disown(dev, blk, from, end);
}

void shadow_check_block(struct ringsim_device *dev, uint32_t blk, uint32_t from)
{
	check_bytes(dev, blk, from, data_present_bytes(dev, blk));
}

/*
 * Whoever had @blk before must not have stored there since. What lies behind his bytes and those of
 * the new owner is compared when that one gives it back.
 */
void shadow_block_taken(struct ringsim_device *dev, uint32_t blk, uint32_t used_bytes)
{
	struct shadow *s = dev->shadow;
	uint32_t end = s->blk_was[blk] > used_bytes ? s->blk_was[blk] : used_bytes;

	check_bytes(dev, blk, 0, end);
	s->blk_used[blk] = used_bytes;
	if (blk >= s->blk_end)
		s->blk_end = blk + 1;
}

static void check_guard(struct ringsim_device *dev, uint32_t blk, uint16_t id)
{
	for (; blk != NO_BLOCK; blk = blk_after(dev, blk)) {
		dev->shadow->blk_last[blk] = id;
		if (dev->shadow->blk_used[blk] < dev->lay.blk_size)
			shadow_check_block(dev, blk, dev->shadow->blk_used[blk]);
	}
}

void shadow_slot_checked(struct ringsim_device *dev, const struct slot *slot, uint16_t id)
{
	check_guard(dev, slot->first_blk, id);
	check_guard(dev, slot_bidi_blk(slot), id);
}

void shadow_block_freed(struct ringsim_device *dev, uint32_t blk)
{
	struct shadow *s = dev->shadow;

	disown(dev, blk, 0, s->blk_used[blk]);
	s->blk_was[blk] = s->blk_used[blk];
	s->blk_used[blk] = 0;
}

void shadow_pages_released(struct ringsim_device *dev)
{
	dev->shadow->pages_known = dev->pages_used;
}

/* The chain of a command's Data-In, @len bytes of it; NO_BLOCK if it has none. */
static uint32_t data_in_of(const struct slot *slot, uint32_t *len)
{
	if (slot->dir == RINGSIM_BIDI) {
		*len = slot->bidi_len;
		return slot_bidi_blk(slot);
	}
	*len = slot->len;
	return slot->dir == RINGSIM_FROM_DEVICE ? slot->first_blk : NO_BLOCK;
}

typedef uint32_t lanes __attribute__((vector_size(16), may_alias));

/* Whether any 4 of 512 bytes equal those at the same place; mostly as good as asking about 8. */
static bool any_equal(const uint8_t *a, const uint8_t *b)
{
	const lanes *x = (const void *)a, *y = (const void *)b;
	lanes any = { 0 };
	uint64_t equal[2];
	uint32_t i;

	for (i = 0; i < 512 / sizeof(lanes); i += 4)
		any |= (lanes)(x[i] == y[i]) | (lanes)(x[i + 1] == y[i + 1]) |
		       (lanes)(x[i + 2] == y[i + 2]) | (lanes)(x[i + 3] == y[i + 3]);
	memcpy(equal, &any, sizeof(equal));
	return equal[0] | equal[1];
}

/*
 * Offset of the first 8 bytes of @a that equal those of @b, @len (cut to whole words) if there are
 * none. Nearly always there are none.
 */
static uint32_t first_equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	uint32_t i = 0, end;

	for (len &= ~7u; i < len; i = end) {
		end = len - i < 512 ? len : i + 512;
		if (end - i == 512 && !any_equal(a + i, b + i))
			continue;
		for (; i < end; i += 8)
			if (!memcmp(a + i, b + i, 8))
				return i;
	}
	return len;
}

/* As first_equal(), of the first @len bytes of @blk with its pattern. */
static uint32_t find_unwritten(const struct ringsim_device *dev, uint32_t blk, uint32_t len)
{
	uint32_t page = blk * dev->lay.pages_per_blk, at = 0, n, i;

	for (; at < len; at += n, page++) {
		n = len - at < dev->lay.page_size ? len - at : dev->lay.page_size;
		i = first_equal(shm_peek(dev->region, page_off(dev, page), n), unowned(dev, page),
				n);
		if (i < (n & ~7u))
			return at + i;
	}
	return len;
}

/*
 * Data-In that reaches the initiator must have been written by the handler. A word that still shows
 * the pattern of its place was not (HND-035, KRN-042); chance hits need 64 equal bits.
 */
void shadow_data_in(struct ringsim_device *dev, const struct slot *slot, uint16_t id, uint32_t len)
{
	uint32_t has, blk = data_in_of(slot, &has), pos = 0, n, i;

	if (!dev->shadow->poison)
		return;
	if (len > has)
		len = has;
	for (; pos < len && blk != NO_BLOCK; blk = blk_after(dev, blk), pos += n) {
		n = len - pos < dev->lay.blk_size ? len - pos : dev->lay.blk_size;
		i = find_unwritten(dev, blk, n);
		if (i == n)
			continue;
		violation(dev, "HND-035", blk_off(dev, blk) + i, id, NULL,
			  shm_peek(dev->region, blk_off(dev, blk) + i, 8), 8,
			  "Data-In byte %u was never written by the handler: another "
			  "command's bytes go to the initiator",
			  pos + i);
		return;
	}
}

/* The Data-In of a command as it is when the tail passes its answer. */
void shadow_data_keep(struct ringsim_device *dev, const struct slot *slot)
{
	uint32_t left, blk = data_in_of(slot, &left), n;

	for (; left && blk != NO_BLOCK; blk = blk_after(dev, blk), left -= n) {
		n = left < dev->lay.blk_size ? left : dev->lay.blk_size;
		shm_read(dev->shadow->judged + (uint64_t)blk * dev->lay.blk_size, dev->region,
			 blk_off(dev, blk), n);
	}
}

/* Whether it is still the same (HND-038). */
bool shadow_data_kept(const struct ringsim_device *dev, const struct slot *slot)
{
	uint32_t left, blk = data_in_of(slot, &left), n;

	for (; left && blk != NO_BLOCK; blk = blk_after(dev, blk), left -= n) {
		n = left < dev->lay.blk_size ? left : dev->lay.blk_size;
		if (memcmp(dev->shadow->judged + (uint64_t)blk * dev->lay.blk_size,
			   shm_peek(dev->region, blk_off(dev, blk), n), n) != 0)
			return false;
	}
	return true;
}

/*
 * Pages that exist although the kernel never gave them out were touched by the handler, be it only
 * read: on a real kernel that is SIGBUS (KRN-127). The file's own block count tells. They become
 * holes again, and nothing of what was stored there is left.
 */
void shadow_check_stray(struct ringsim_device *dev)
{
	struct shadow *s = dev->shadow;
	uint64_t known = s->pages_known * (dev->lay.page_size / 512ull), off, page;
	struct stat st;
	int i;

	for (i = 0; i < STRAY_MAX; i++) {
		if (fstat(dev->fd, &st) || (uint64_t)st.st_blocks == s->base_blocks + known)
			return;
		off = shadow_find_stray(dev);
		if (off == UINT64_MAX) {
			/* a file system that counts in its own way: go on from here */
			s->base_blocks = (uint64_t)st.st_blocks - known;
			return;
		}
		page = (off - dev->lay.data_off) / dev->lay.page_size;
		violation(dev, "HND-018", off, 0, NULL, shm_peek(dev->region, off, 8), 8,
			  "the handler touched data page %llu, which does not exist: SIGBUS on a "
			  "real kernel (KRN-127)",
			  (unsigned long long)page);
		data_punch(dev, (uint32_t)page, (uint32_t)page + 1);
	}
}

/* Region offset of the first data page that exists but was not given out. */
uint64_t shadow_find_stray(const struct ringsim_device *dev)
{
	off_t end = (off_t)dev->lay.region_size, pos = (off_t)dev->lay.data_off, hole;
	uint64_t page;

	while (pos < end && (pos = lseek(dev->fd, pos, SEEK_DATA)) >= 0) {
		hole = lseek(dev->fd, pos, SEEK_HOLE);
		for (; pos < hole; pos += 4096) {
			page = ((uint64_t)pos - dev->lay.data_off) / dev->lay.page_size;
			if (page >= dev->lay.pages || !ringsim_page_present(dev, (uint32_t)page))
				return (uint64_t)pos;
		}
	}
	return UINT64_MAX;
}
