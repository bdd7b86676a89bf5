/* SPDX-License-Identifier: MIT */
/*
 * Is a device served? TEST UNIT READY finds out, as the first thing that a host would ask it.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

struct question {
	struct lu_io io;
	void (*done)(void *ctx, uint8_t status);
	void *ctx;
};

static void answered(struct lu_io *io)
{
	struct question *q = io->user;

	q->done(q->ctx, io->status);
	free(q);
}

int world_device_ask(struct world_device *d, void (*done)(void *ctx, uint8_t status), void *ctx)
{
	struct question *q;

	if (!d->enabled || !d->lu)
		return -ENODEV;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = (struct question){
		.io = { .cdb_len = 6, .dir = RINGSIM_NONE, .done = answered, .user = q },
		.done = done,
		.ctx = ctx,
	};
	lu_submit(d, &q->io);
	return 0;
}
