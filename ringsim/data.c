/* SPDX-License-Identifier: MIT */
/*
 * The data area: which blocks a command gets, which pages stand behind them, what the iovs say and
 * what is copied.
 *
 * Blocks are taken lowest first, one by one (KRN-040). A block's pages exist only as far as some
 * command has used them, and stay until the reclaimer takes them away (KRN-041, KRN-049); a page
 * that does not exist is a hole of the region's memfd, so that a handler's touch can be seen
 * afterwards. Clauses: KRN-040 to KRN-047, KRN-069, KRN-070.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>

uint32_t data_blocks_needed(const struct ringsim_device *dev, uint64_t len)
{
	uint64_t blks;

	if (len <= dev->lay.blk_size)
		return len != 0;
	blks = (len + dev->lay.blk_size - 1) / dev->lay.blk_size;
	return blks > UINT32_MAX ? UINT32_MAX : (uint32_t)blks;
}

uint64_t sg_len(const struct iovec *sg, uint32_t cnt)
{
	uint64_t len = 0;

	while (cnt--)
		len += (sg++)->iov_len;
	return len;
}

bool ringsim_page_present(const struct ringsim_device *dev, uint32_t page)
{
	return page < dev->lay.pages && page_present(dev, page);
}

/* Bytes of @blk that are backed; always a prefix of it. */
uint32_t data_present_bytes(const struct ringsim_device *dev, uint32_t blk)
{
	uint32_t first = blk * dev->lay.pages_per_blk, n = 0;

	while (n < dev->lay.pages_per_blk && page_present(dev, first + n))
		n++;
	return n * dev->lay.page_size;
}

/* Makes a page exist, zeroed: a handler may have scribbled into the hole that was there. */
static void add_page(struct ringsim_device *dev, uint32_t page)
{
	if (dev->shadow)
		shadow_check_stray(dev);
	dev->page_present[page / 64] |= 1ull << (page % 64);
	shm_fill(dev->region, dev->lay.data_off + (uint64_t)page * dev->lay.page_size, 0,
		 dev->lay.page_size);
	if (dev->shadow)
		shadow_page_fresh(dev, page);
	pool_charge(dev, 1);
}

/* Backs the first @bytes of @blk, which all blocks below had before: the lowest is taken first. */
void data_back(struct ringsim_device *dev, uint32_t blk, uint32_t bytes)
{
	uint32_t page = blk * dev->lay.pages_per_blk;
	uint32_t end = page + (bytes + dev->lay.page_size - 1) / dev->lay.page_size;

	if (blk > dev->dbi_max)
		dev->dbi_max = blk;
	if (blk >= dev->blks_backed)
		dev->blks_backed = blk + 1;
	for (; page < end; page++)
		if (!page_present(dev, page))
			add_page(dev, page);
}

/* Takes the lowest free block for @bytes of data. */
static uint32_t take_block(struct ringsim_device *dev, uint32_t bytes)
{
	uint32_t blk = bitset_first(&dev->blks_free);

	bitset_del_first(&dev->blks_free);
	data_back(dev, blk, bytes);
	dev->blks_used++;
	if (dev->shadow)
		shadow_block_taken(dev, blk, bytes);
	return blk;
}

/* One direction: @len bytes in *@blks blocks chained from the return value; *@iovs as KRN-043. */
static uint32_t take_blocks(struct ringsim_device *dev, uint32_t len, uint32_t *blks,
			    uint32_t *iovs)
{
	uint32_t first = NO_BLOCK, prev = NO_BLOCK, left = len, blk, bytes;

	*blks = 0;
	*iovs = 0;
	for (; left; left -= bytes, prev = blk, ++*blks) {
		bytes = left < dev->lay.blk_size ? left : dev->lay.blk_size;
		blk = take_block(dev, bytes);
		if (prev == NO_BLOCK)
			first = blk;
		else
			dev->blk_next[prev] = blk + 1;
		if (prev == NO_BLOCK || blk != prev + 1)
			++*iovs;
	}
	return first;
}

/*
 * Takes the blocks of a command, all or none. dbi_thresh decides nothing but how far the reclaimer
 * looks: it grows by the whole command whenever the clear bits below it are too few (KRN-040).
 */
int data_alloc(struct ringsim_device *dev, struct slot *slot)
{
	uint64_t needed = (uint64_t)data_blocks_needed(dev, slot->len) +
			  data_blocks_needed(dev, slot->bidi_len);

	if (dev->lay.blocks - dev->blks_used < needed)
		return -ENOSPC;
	if (dev->dbi_thresh - dev->blks_used < needed) {
		dev->dbi_thresh += (uint32_t)needed;
		if (dev->dbi_thresh > dev->lay.blocks)
			dev->dbi_thresh = dev->lay.blocks;
	}
	slot->first_blk = take_blocks(dev, slot->len, &slot->blks, &slot->iovs);
	slot->bidi_first_blk = take_blocks(dev, slot->bidi_len, &slot->bidi_blks, &slot->bidi_iovs);
	return 0;
}

static void free_chain(struct ringsim_device *dev, uint32_t blk)
{
	uint32_t next;

	for (; blk != NO_BLOCK; blk = next) {
		next = blk_after(dev, blk);
		dev->blk_next[blk] = 0;
		bitset_add(&dev->blks_free, blk);
		dev->blks_used--;
		if (dev->shadow)
			shadow_block_freed(dev, blk);
	}
}

void data_free(struct ringsim_device *dev, struct slot *slot)
{
	note_peaks(dev);
	if (dev->shadow)
		shadow_slot_checked(dev, slot, (uint16_t)(slot - dev->slots));
	free_chain(dev, slot->first_blk);
	free_chain(dev, slot_bidi_blk(slot));
	slot->bidi_blks = 0;
}

/*
 * Describes @len bytes that start in @blk. A run of adjacent blocks is one iov; the last one ends
 * where the data ends (KRN-043). Block times size is a 64-bit product because layouts above 4 GiB,
 * where the kernel's own would wrap, are refused (KRN-047).
 */
void data_build_iovs(struct ringsim_device *dev, uint32_t blk, uint32_t len, uint64_t iov_off)
{
	struct iovec iov = { 0 };
	uint32_t prev = NO_BLOCK, bytes;

	for (; len && blk != NO_BLOCK; len -= bytes, prev = blk, blk = blk_after(dev, blk)) {
		bytes = len < dev->lay.blk_size ? len : dev->lay.blk_size;
		if (prev != NO_BLOCK && blk == prev + 1) {
			iov.iov_len += bytes;
			continue;
		}
		if (prev != NO_BLOCK) {
			shm_write(dev->region, iov_off, &iov, sizeof(iov));
			iov_off += sizeof(iov);
		}
		iov.iov_base = (void *)(uintptr_t)blk_off(dev, blk);
		iov.iov_len = bytes;
	}
	if (prev != NO_BLOCK)
		shm_write(dev->region, iov_off, &iov, sizeof(iov));
}

/*
 * Copies between a chain of blocks and a scatter list, as far as both reach and at most @len bytes.
 * Returns how many.
 */
static uint32_t copy(struct ringsim_device *dev, uint32_t blk, const struct iovec *sg, uint32_t cnt,
		     uint32_t len, bool in)
{
	uint32_t done = 0, in_blk = 0;
	size_t in_sg = 0, n;

	while (done < len && cnt && blk != NO_BLOCK) {
		n = sg->iov_len - in_sg;
		if (n > len - done)
			n = len - done;
		if (n > dev->lay.blk_size - in_blk)
			n = dev->lay.blk_size - in_blk;
		if (in)
			shm_write(dev->region, blk_off(dev, blk) + in_blk,
				  (char *)sg->iov_base + in_sg, n);
		else
			shm_read((char *)sg->iov_base + in_sg, dev->region,
				 blk_off(dev, blk) + in_blk, n);
		done += (uint32_t)n;
		in_sg += n;
		in_blk += (uint32_t)n;
		if (in_sg == sg->iov_len) {
			sg++;
			cnt--;
			in_sg = 0;
		}
		if (in_blk == dev->lay.blk_size) {
			blk = blk_after(dev, blk);
			in_blk = 0;
		}
	}
	return done;
}

/*
 * Returns how many bytes the iovs have to describe. Each block is described before it is filled,
 * so where the scatter list is too short, the block in which that shows is the last, as a whole
 * (KRN-046).
 */
uint32_t data_copy_in(struct ringsim_device *dev, const struct slot *slot,
		      const struct ringsim_cmd *cmd)
{
	uint64_t done = copy(dev, slot->first_blk, cmd->sg, cmd->sg_cnt, slot->len, true);
	uint64_t blks_end = (done / dev->lay.blk_size + 1) * dev->lay.blk_size;

	return blks_end < slot->len ? (uint32_t)blks_end : slot->len;
}

/* KRN-070: a BIDI command's Data-In is cut at the length of its Data-Out (TRP-22). */
uint32_t data_copy_out(struct ringsim_device *dev, const struct slot *slot,
		       const struct ringsim_cmd *cmd, uint32_t len)
{
	if (cmd->dir == RINGSIM_BIDI)
		return copy(dev, slot_bidi_blk(slot), cmd->bidi_sg, cmd->bidi_cnt, len, false);
	if (cmd->dir == RINGSIM_FROM_DEVICE)
		return copy(dev, slot->first_blk, cmd->sg, cmd->sg_cnt, len, false);
	return 0;
}

/* Makes holes of pages [first, end), which read as zero. */
void data_punch(struct ringsim_device *dev, uint32_t first, uint32_t end)
{
	uint64_t off = dev->lay.data_off + (uint64_t)first * dev->lay.page_size;
	uint64_t len = (uint64_t)(end - first) * dev->lay.page_size;

	if (fallocate(dev->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len))
		shm_fill(dev->region, off, 0, len); /* GCOVR_EXCL_LINE */
}

/* Gives the pages of blocks [first, end) back (KRN-049). */
uint32_t data_release_pages(struct ringsim_device *dev, uint32_t first_blk, uint32_t end_blk)
{
	uint32_t page = first_blk * dev->lay.pages_per_blk;
	uint32_t end = end_blk * dev->lay.pages_per_blk, freed = 0, p;

	for (p = page; p < end; p++) {
		if (!page_present(dev, p))
			continue;
		dev->page_present[p / 64] &= ~(1ull << (p % 64));
		freed++;
	}
	if (dev->blks_backed > first_blk)
		dev->blks_backed = first_blk;
	dev->pages_used -= freed;
	dev->pool->pages -= freed;
	data_punch(dev, page, end);
	if (dev->shadow)
		shadow_pages_released(dev);
	return freed;
}
