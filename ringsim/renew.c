/* SPDX-License-Identifier: MIT */
/*
 * A used device as new, for those who need one after the other: what was used is cleared, which is
 * much less than what a device has, and the system calls of making one are saved.
 *
 * Invariant: nothing tells a renewed device from a new one but the numbers of its pages' frames.
 * With the sanitizer on this rests on its copy of the region: a device in which it found anything
 * is not renewed. Without it nobody knows where the handler stored, so everything is cleared.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>

/* What @dev has memory for: as much as it was made with, whatever its shape is by now. */
static bool has_room(const struct ringsim_device *dev, const struct ringsim_layout *lay)
{
	const struct ringsim_layout *room = &dev->room;

	return lay->page_size == room->page_size && lay->cmdr_size <= room->cmdr_size &&
	       lay->blocks <= room->blocks && lay->pages <= room->pages &&
	       lay->data_size <= room->data_size && lay->region_size <= room->region_size;
}

/* Ring pages always exist (KRN-127), data pages do not yet. All of them hold zeros. */
static int move_data(struct ringsim_device *dev, uint64_t to)
{
	uint64_t from = dev->lay.data_off;

	if (to > from)
		return -posix_fallocate(dev->fd, (off_t)from, (off_t)(to - from));
	if (to < from && fallocate(dev->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)to,
				   (off_t)(from - to)))
		return -errno; /* GCOVR_EXCL_LINE */
	return 0;
}

static void clear_region(struct ringsim_device *dev)
{
	if (dev->shadow)
		shm_fill(dev->region, dev->lay.cmdr_off, 0, dev->ring_end);
	else
		shm_fill(dev->region, 0, 0, dev->lay.data_off);
	if (dev->pages_used || !dev->shadow)
		data_punch(dev, 0, dev->lay.pages);
}

static void clear_tables(struct ringsim_device *dev)
{
	memset(dev->slots, 0, (dev->id_max + 1u) * sizeof(*dev->slots));
	memset(dev->blk_next, 0, dev->peak_blks * sizeof(*dev->blk_next));
	memset(dev->page_present, 0, (dev->lay.pages / 64 + 1) * sizeof(*dev->page_present));
	bitset_fill(&dev->ids_free);
	bitset_del(&dev->ids_free, 0);
	dev->pool->pages = 0;
	dev->pool->due_ns = UINT64_MAX;
}

int ringsim_device_renew(struct ringsim_device *dev, const struct ringsim_config *cfg,
			 const struct ringsim_ops *ops, void *ctx)
{
	struct ringsim_layout lay;
	int rc;

	note_peaks(dev);
	if (ringsim_layout_init(&lay, &cfg->geo, NULL, 0) ||
	    device_config_check(cfg, &lay, NULL, 0) || !has_room(dev, &lay))
		return -EINVAL;
	if (cfg->sanitize != (dev->shadow != NULL) || cfg->pool || !dev->pool->own ||
	    dev->n_violations)
		return -EINVAL;
	tmr_drop_all(dev);
	clear_region(dev);
	clear_tables(dev);
	if (dev->shadow)
		shadow_forget(dev);
	rc = move_data(dev, lay.data_off);
	if (rc)
		return rc; /* GCOVR_EXCL_LINE */
	*dev = (struct ringsim_device){ .region = dev->region,
					.lay = lay,
					.room = dev->room,
					.shadow = dev->shadow,
					.watched = dev->watched & WATCHED_SHADOW,
					.rec_most = device_records(&lay),
					.rec_mask = DEVICE_RECORDS - 1,
					.recs = dev->recs,
					.slots = dev->slots,
					.ids_free = dev->ids_free,
					.blks_free = dev->blks_free,
					.blk_next = dev->blk_next,
					.page_present = dev->page_present,
					.fd = dev->fd,
					.pool = dev->pool,
					.pool_next = dev->pool_next };
	bitset_resize(&dev->blks_free, lay.blocks);
	device_configure(dev, cfg, ops, ctx);
	return 0;
}
