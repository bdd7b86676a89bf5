/* SPDX-License-Identifier: MIT */
/*
 * The null store: every operation is over at once, and nothing was moved.
 *
 * For measuring what everything around a store costs. What it was written is lost, and what was in
 * the buffer of a read stays there, which may be the data of another command (HND-035): so
 * store_open() wants to be told that this is known.
 */
#include "store_engine.h"

static int null_open(struct store *s, const struct store_config *cfg, char *err, size_t err_len)
{
	(void)s;
	(void)cfg;
	(void)err;
	(void)err_len;
	return 0;
}

static void null_close(struct store *s)
{
	(void)s;
}

static int null_resize(struct store *s, uint64_t size_bytes)
{
	s->size_bytes = size_bytes;
	return 0;
}

static int null_submit(struct store *s, struct store_io *io)
{
	io->result = 0;
	store_finish(s, io);
	return 0;
}

const struct store_ops store_null_ops = {
	.name = "null",
	.open = null_open,
	.close = null_close,
	.resize = null_resize,
	.submit = null_submit,
};
