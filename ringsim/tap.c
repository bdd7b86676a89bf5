/* SPDX-License-Identifier: MIT */
/* Telling somebody what happens; see tap.h. Where nobody listens, tap() does not get here. */
#include "internal.h"

void tap_tell(struct ringsim_device *dev, const struct ringsim_tap_event *e)
{
	struct ringsim_tap_event full = *e;

	full.now_ns = dev->now_ns;
	dev->tap_fn(dev->tap_ctx, &full);
}

void ringsim_set_tap(struct ringsim_device *dev, ringsim_tap_fn *fn, void *ctx)
{
	dev->tap_fn = fn;
	dev->watched &= (uint8_t)~WATCHED_TAP;
	if (fn)
		dev->watched |= WATCHED_TAP;
	dev->tap_ctx = ctx;
}
