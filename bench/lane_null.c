/* SPDX-License-Identifier: MIT */
/* The null handler; see lane_null.h. */
#include "lane_null.h"

#include <errno.h>
#include <stdlib.h>

int lane_null_create(struct lane_null *h, uint32_t depth)
{
	uint32_t i;

	h->depth = depth;
	h->slots = calloc(depth, sizeof(h->slots[0]));
	h->cmds = calloc(depth, sizeof(h->cmds[0]));
	if (!h->slots || !h->cmds)
		return -ENOMEM;
	for (i = 0; i < depth; i++)
		h->cmds[i] = &h->slots[i];
	return 0;
}

void lane_null_destroy(struct lane_null *h)
{
	free(h->slots);
	free(h->cmds);
}

uint32_t lane_null_serve(struct lane_null *h)
{
	struct consumer *c = &h->consumer;
	uint32_t n = 0;

	if (!consumer_pending(c))
		return 0;
	do {
		n += consumer_fetch_all(c, h->cmds + n, h->depth - n);
	} while (n < h->depth && consumer_fetch(c, h->cmds[n]) == CONSUMER_CMD && ++n);
	consumer_complete_all(c, h->cmds, n);
	consumer_flush(c);
	return n;
}
