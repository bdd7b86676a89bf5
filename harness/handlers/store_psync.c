/* SPDX-License-Identifier: MIT */
/*
 * The synchronous file engine: every operation is over when submit returns.
 */
#include "store_engine.h"

static int psync_open(struct store *s, const struct store_config *cfg, char *err, size_t err_len)
{
	(void)s;
	(void)cfg;
	(void)err;
	(void)err_len;
	return 0;
}

static void psync_close(struct store *s)
{
	(void)s;
}

static int psync_submit(struct store *s, struct store_io *io)
{
	struct store_plan plan;
	bool more = store_plan_begin(&plan, s, io);

	while (more)
		more = store_plan_next(&plan, store_plan_call(&plan));
	store_finish(s, io);
	return 0;
}

const struct store_ops store_psync_ops = {
	.name = "psync",
	.open = psync_open,
	.close = psync_close,
	.submit = psync_submit,
};
