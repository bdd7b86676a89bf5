/* SPDX-License-Identifier: MIT */
/*
 * The lane without anything on it: a command ends when it is polled for. What is measured on it is
 * the benchmark itself.
 */
#include "lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct floor {
	struct lane lane;
	struct ringsim_cmd *waiting[LANE_DEPTH];
	uint32_t n;
};

static int floor_open(struct lane **out, const struct lane_config *cfg, char *err, size_t err_len)
{
	struct floor *f = calloc(1, sizeof(*f));

	(void)cfg;
	*out = NULL;
	if (!f) {
		snprintf(err, err_len, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	f->lane.ops = &lane_floor;
	*out = &f->lane;
	return 0;
}

static void floor_submit(struct lane *l, struct ringsim_cmd *const *cmds, uint32_t n,
			 uint64_t now_ns)
{
	struct floor *f = (struct floor *)l;
	uint32_t i;

	(void)now_ns;
	for (i = 0; i < n; i++)
		f->waiting[f->n++] = cmds[i];
}

static int floor_poll(struct lane *l, uint64_t now_ns, uint32_t wait_us)
{
	struct floor *f = (struct floor *)l;
	uint32_t i;

	(void)now_ns;
	(void)wait_us;
	for (i = 0; i < f->n; i++) {
		f->waiting[i]->outcome = RINGSIM_ANSWERED;
		f->waiting[i]->status = 0;
		lane_end(l, f->waiting[i]);
	}
	f->n = 0;
	return 0;
}

static void floor_counters(struct lane *l, struct lane_counters *out)
{
	(void)l;
	memset(out, 0xff, sizeof(*out));
}

static void floor_close(struct lane *l)
{
	free(l);
}

const struct lane_ops lane_floor = { floor_open, floor_submit, floor_poll, floor_counters,
				     floor_close };
