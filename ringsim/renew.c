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

static bool same_layout(const struct ringsim_layout *a, const struct ringsim_layout *b)
{
	return a->cmdr_off == b->cmdr_off && a->cmdr_size == b->cmdr_size &&
	       a->page_size == b->page_size && a->pages_per_blk == b->pages_per_blk &&
	       a->blocks == b->blocks && a->data_off == b->data_off &&
	       a->region_size == b->region_size;
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
	memset(dev->page_present, 0, (dev->lay.pages / 64 + 1) * sizeof(*dev->page_present));
	bitset_fill(&dev->ids_free);
	bitset_del(&dev->ids_free, 0);
	bitset_fill(&dev->blks_free);
	dev->pool->pages = 0;
	dev->pool->due_ns = UINT64_MAX;
}

int ringsim_device_renew(struct ringsim_device *dev, const struct ringsim_config *cfg,
			 const struct ringsim_ops *ops, void *ctx)
{
	struct ringsim_layout lay;

	if (ringsim_layout_init(&lay, &cfg->geo, NULL, 0) ||
	    device_config_check(cfg, &lay, NULL, 0) || !same_layout(&lay, &dev->lay))
		return -EINVAL;
	if (cfg->sanitize != (dev->shadow != NULL) || cfg->pool || !dev->pool->own ||
	    dev->n_violations)
		return -EINVAL;
	tmr_drop_all(dev);
	clear_region(dev);
	clear_tables(dev);
	if (dev->shadow)
		shadow_forget(dev);
	*dev = (struct ringsim_device){ .region = dev->region,
					.lay = dev->lay,
					.shadow = dev->shadow,
					.rec_mask = dev->rec_mask,
					.recs = dev->recs,
					.slots = dev->slots,
					.ids_free = dev->ids_free,
					.blks_free = dev->blks_free,
					.blk_next = dev->blk_next,
					.page_present = dev->page_present,
					.fd = dev->fd,
					.pool = dev->pool,
					.pool_next = dev->pool_next };
	device_configure(dev, cfg, ops, ctx);
	return 0;
}
