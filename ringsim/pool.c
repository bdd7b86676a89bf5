/* SPDX-License-Identifier: MIT */
/*
 * The page budget that devices share, and the reclaimer that enforces it after the fact.
 *
 * Exceeding the budget refuses nothing; it makes the reclaimer due at once, unless a run is pending
 * already, and then every 5 s while the budget is exceeded. The reclaimer looks at cmd_tail on its
 * own, without a doorbell (KRN-060). Clauses: KRN-048, KRN-049, TRP-42, TRP-43.
 */
#include "internal.h"

#include <stdlib.h>

#define RERUN_NS (5 * RINGSIM_NSEC_PER_SEC)

struct ringsim_pool *ringsim_pool_create(uint64_t max_pages)
{
	struct ringsim_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL; /* GCOVR_EXCL_LINE */
	pool->max_pages = max_pages;
	pool->due_ns = UINT64_MAX;
	return pool;
}

void ringsim_pool_set_max(struct ringsim_pool *pool, uint64_t max_pages)
{
	pool->max_pages = max_pages;
}

void ringsim_pool_destroy(struct ringsim_pool *pool)
{
	free(pool);
}

uint64_t ringsim_pool_pages(const struct ringsim_pool *pool)
{
	return pool->pages;
}

uint64_t ringsim_pool_due(const struct ringsim_pool *pool)
{
	return pool->due_ns;
}

void pool_join(struct ringsim_pool *pool, struct ringsim_device *dev)
{
	struct ringsim_device **p = &pool->devices;

	while (*p)
		p = &(*p)->pool_next;
	*p = dev;
}

void pool_leave(struct ringsim_device *dev)
{
	struct ringsim_device **p = &dev->pool->devices;

	dev->pool->pages -= dev->pages_used;
	for (; *p; p = &(*p)->pool_next) {
		if (*p == dev) {
			*p = dev->pool_next;
			break;
		}
	}
	dev->pool = NULL;
}

void pool_charge(struct ringsim_device *dev, uint32_t pages)
{
	dev->pages_used += pages;
	dev->pool->pages += pages;
	if (dev->pool->pages > dev->pool->max_pages && dev->pool->due_ns == UINT64_MAX)
		dev->pool->due_ns = dev->now_ns;
}

/* Frees what lies above the highest busy block; a device that was idle already is left alone. */
static uint32_t shrink(struct ringsim_device *dev)
{
	uint32_t end, last, start;

	ringsim_poll_tail(dev);
	if (!dev->dbi_thresh)
		return 0;
	end = dev->dbi_max + 1;
	last = dev->blks_used ? bitset_last_clear(&dev->blks_free, end) : end;
	if (last == dev->dbi_max)
		return 0;
	start = last == end ? 0 : last + 1;
	dev->dbi_thresh = start;
	dev->dbi_max = last == end ? 0 : last;
	return data_release_pages(dev, start, end);
}

uint64_t ringsim_pool_run(struct ringsim_pool *pool, uint64_t now_ns)
{
	struct ringsim_device *dev;
	uint64_t freed = 0;

	pool->due_ns = UINT64_MAX;
	if (pool->pages <= pool->max_pages)
		return 0;
	for (dev = pool->devices; dev; dev = dev->pool_next)
		freed += shrink(dev);
	pool->due_ns = pool->pages > pool->max_pages ? now_ns + RERUN_NS : UINT64_MAX;
	return freed;
}
