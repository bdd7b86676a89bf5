/* SPDX-License-Identifier: MIT */
/*
 * The shadow: a private copy of every byte that the handler may not change, and the comparing.
 *
 * shadow->copy has the layout of the region. For ring and mailbox it holds what the kernel's half
 * stored last; for data it holds the bytes of everything that no command in flight refers to. With
 * a poison seed those bytes are a pattern that depends on the place alone, which also shows up
 * where a handler leaves Data-In unwritten (HND-035) or reads what is not its own.
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

static uint64_t pattern(const struct shadow *s, uint64_t word)
{
	uint64_t z = s->poison + word * 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	return z ^ (z >> 27);
}

static void fill_pattern(struct shadow *s, uint64_t off, uint64_t len)
{
	uint64_t w, p, end = (off + len) / 8;

	for (w = off / 8; w < end; w++) {
		p = pattern(s, w);
		memcpy(s->copy + w * 8, &p, 8);
	}
}

/*
 * Poisons [off, off+len) of the region, rounded up to whole words: nobody owns the rest. The copy
 * has the pattern since the page was given out, unless something else was adopted there.
 */
static void poison(struct ringsim_device *dev, uint64_t off, uint32_t len)
{
	uint64_t whole = (len + 7ull) & ~7ull;

	if (dev->shadow->adopted)
		fill_pattern(dev->shadow, off, whole);
	shm_write(dev->region, off, dev->shadow->copy + off, whole);
}

int shadow_create(struct ringsim_device *dev)
{
	struct shadow *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM; /* GCOVR_EXCL_LINE */
	dev->shadow = s;
	s->blk_used = calloc(dev->lay.blocks, sizeof(*s->blk_used));
	s->blk_last = calloc(dev->lay.blocks, sizeof(*s->blk_last));
	s->patterned = calloc(dev->lay.pages / 64 + 1, sizeof(*s->patterned));
	s->answered = table_alloc(ANSWERED_BYTES);
	s->copy = table_alloc(dev->lay.region_size);
	s->judged = table_alloc(dev->lay.data_size);
	if (!s->blk_used || !s->blk_last || !s->patterned || !s->answered || !s->copy || !s->judged)
		return -ENOMEM; /* GCOVR_EXCL_LINE */
	return 0;
}

void shadow_begin(struct ringsim_device *dev, uint64_t poison_seed)
{
	struct shadow *s = dev->shadow;

	if (s->poison != poison_seed)
		memset(s->patterned, 0, (dev->lay.pages / 64 + 1) * sizeof(*s->patterned));
	s->poison = poison_seed;
	shm_read(s->copy, dev->region, 0, sizeof(struct tcmu_mailbox));
	s->tail = s->head = s->rung = dev->reclaim;
}

void shadow_forget(struct ringsim_device *dev)
{
	struct shadow *s = dev->shadow;

	memset(s->copy + dev->lay.cmdr_off, 0, dev->ring_end);
	memset(s->answered, 0, dev->id_max + 1u);
	memset(s->blk_used, 0, s->blk_end * sizeof(*s->blk_used));
	memset(s->blk_last, 0, s->blk_end * sizeof(*s->blk_last));
	s->blk_end = s->tail_recs = 0;
	s->has_bad_tail = false;
	s->pages_known = 0;
}

void shadow_destroy(struct ringsim_device *dev)
{
	struct shadow *s = dev->shadow;

	table_free(s->copy, dev->lay.region_size);
	table_free(s->judged, dev->lay.data_size);
	table_free(s->answered, ANSWERED_BYTES);
	free(s->patterned);
	free(s->blk_last);
	free(s->blk_used);
	free(s);
	dev->shadow = NULL;
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
	uint64_t off = dev->lay.data_off + (uint64_t)page * dev->lay.page_size;
	struct shadow *s = dev->shadow;

	s->pages_known++;
	if (!s->poison) {
		memset(s->copy + off, 0, dev->lay.page_size);
		return;
	}
	if (!(s->patterned[page / 64] >> (page % 64) & 1))
		fill_pattern(s, off, dev->lay.page_size);
	s->patterned[page / 64] |= 1ull << (page % 64);
	poison(dev, off, dev->lay.page_size);
}

/* Compares the bytes of @blk from @from on with what nobody should have touched. */
void shadow_check_block(struct ringsim_device *dev, uint32_t blk, uint32_t from)
{
	uint32_t present = data_present_bytes(dev, blk);
	uint64_t off = blk_off(dev, blk), diff;
	bool free_blk = dev->shadow->blk_used[blk] == 0;
	uint16_t last = dev->shadow->blk_last[blk];

	if (from >= present)
		return;
	diff = shadow_diff(dev, off + from, present - from);
	if (diff == UINT64_MAX)
		return;
	if (free_blk && last)
		violation(dev, "HND-039", diff, last, dev->shadow->copy + diff,
			  shm_peek(dev->region, diff, 1), 1,
			  "store into data block %u after the command that owned it completed",
			  blk);
	else
		violation(dev, "HND-018", diff, last, dev->shadow->copy + diff,
			  shm_peek(dev->region, diff, 1), 1,
			  "store into data block %u outside every iov", blk);
	shadow_adopt(dev, off + from, present - from);
	dev->shadow->adopted = true;
}

void shadow_block_taken(struct ringsim_device *dev, uint32_t blk, uint32_t used_bytes)
{
	shadow_check_block(dev, blk, 0);
	dev->shadow->blk_used[blk] = used_bytes;
	if (blk >= dev->shadow->blk_end)
		dev->shadow->blk_end = blk + 1;
}

static void check_guard(struct ringsim_device *dev, uint32_t blk, uint16_t id)
{
	for (; blk != NO_BLOCK; blk = dev->blk_next[blk]) {
		dev->shadow->blk_last[blk] = id;
		if (dev->shadow->blk_used[blk] < dev->lay.blk_size)
			shadow_check_block(dev, blk, dev->shadow->blk_used[blk]);
	}
}

void shadow_slot_checked(struct ringsim_device *dev, const struct slot *slot, uint16_t id)
{
	check_guard(dev, slot->first_blk, id);
	check_guard(dev, slot->bidi_first_blk, id);
}

void shadow_block_freed(struct ringsim_device *dev, uint32_t blk)
{
	struct shadow *s = dev->shadow;

	if (s->poison)
		poison(dev, blk_off(dev, blk), s->blk_used[blk]);
	else
		shadow_adopt(dev, blk_off(dev, blk), s->blk_used[blk]);
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
		return slot->bidi_first_blk;
	}
	*len = slot->len;
	return slot->dir == RINGSIM_FROM_DEVICE ? slot->first_blk : NO_BLOCK;
}

typedef uint32_t lanes __attribute__((vector_size(16), may_alias));

/*
 * Offset of the first 8 bytes of @a that equal those of @b, @len (cut to whole words) if there are
 * none. Nearly always there are none, and then 64 bytes at a time are enough to know.
 */
static uint32_t first_equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	uint32_t i = 0, k;

	for (len &= ~7u; i + 64 <= len; i += 64) {
		const lanes *x = (const lanes *)(const void *)(a + i);
		const lanes *y = (const lanes *)(const void *)(b + i);
		uint64_t equal[2];
		lanes any = (lanes)(x[0] == y[0]) | (lanes)(x[1] == y[1]) | (lanes)(x[2] == y[2]) |
			    (lanes)(x[3] == y[3]);

		memcpy(equal, &any, sizeof(equal));
		if (!(equal[0] | equal[1]))
			continue;
		for (k = i; k < i + 64; k += 8)
			if (!memcmp(a + k, b + k, 8))
				return k;
	}
	for (; i < len; i += 8)
		if (!memcmp(a + i, b + i, 8))
			return i;
	return len;
}

/*
 * Data-In that reaches the initiator must have been written by the handler. A word that still shows
 * the pattern of its place was not (HND-035, KRN-042); chance hits need 64 equal bits.
 */
void shadow_data_in(struct ringsim_device *dev, const struct slot *slot, uint16_t id, uint32_t len)
{
	uint32_t has, blk = data_in_of(slot, &has), pos = 0, n, i;
	uint64_t off;

	if (!dev->shadow->poison)
		return;
	if (len > has)
		len = has;
	for (; pos < len && blk != NO_BLOCK; blk = dev->blk_next[blk], pos += n) {
		n = len - pos < dev->lay.blk_size ? len - pos : dev->lay.blk_size;
		off = blk_off(dev, blk);
		i = first_equal(shm_peek(dev->region, off, n), dev->shadow->copy + off, n);
		if (i >= (n & ~7u))
			continue;
		violation(dev, "HND-035", off + i, id, NULL, dev->shadow->copy + off + i, 8,
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

	for (; left && blk != NO_BLOCK; blk = dev->blk_next[blk], left -= n) {
		n = left < dev->lay.blk_size ? left : dev->lay.blk_size;
		shm_read(dev->shadow->judged + (uint64_t)blk * dev->lay.blk_size, dev->region,
			 blk_off(dev, blk), n);
	}
}

/* Whether it is still the same (HND-038). */
bool shadow_data_kept(const struct ringsim_device *dev, const struct slot *slot)
{
	uint32_t left, blk = data_in_of(slot, &left), n;

	for (; left && blk != NO_BLOCK; blk = dev->blk_next[blk], left -= n) {
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
