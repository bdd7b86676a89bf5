/* SPDX-License-Identifier: MIT */
/* Whether a handler really serves: what was written is what is read; see generator.h. */
#include "generator_impl.h"
#include "lane_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_US 100000u
#define END_NS	(3ull * LANE_TIME_OUT_S * 1000000000ull)

static uint64_t word_of(const struct generator *g, uint64_t slot, uint32_t word)
{
	return random_mix(g->cfg.seed + slot * (RANDOM_STEP | 1) + word);
}

static void fill(const struct generator *g, struct lane_cmd *c, uint64_t slot)
{
	uint32_t i;
	uint64_t v;

	for (i = 0; i < g->w->bytes / sizeof(v); i++) {
		v = word_of(g, slot, i);
		memcpy((uint8_t *)c->sg.iov_base + i * sizeof(v), &v, sizeof(v));
	}
}

/* First byte that is not as filled, or -1. */
static int64_t compare(const struct generator *g, const struct lane_cmd *c, uint64_t slot)
{
	uint32_t i;
	uint64_t v;

	for (i = 0; i < g->w->bytes / sizeof(v); i++) {
		v = word_of(g, slot, i);
		if (memcmp((const uint8_t *)c->sg.iov_base + i * sizeof(v), &v, sizeof(v)))
			return i * (int64_t)sizeof(v);
	}
	return -1;
}

/* Send the first @n of @cmds, which are for what they are for, and wait for all. */
static int round_trip(struct generator *g, struct ringsim_cmd **cmds, uint32_t n, const char *what,
		      char *err, size_t err_len)
{
	struct generator_count count = { 0 };
	uint64_t now = lane_clock(), end = now + END_NS;
	uint32_t ended = 0, i;
	int rc = 0;

	g->lane->n_ended = 0;
	g->lane->ops->submit(g->lane, cmds, n, now);
	while (!rc && ended < n && now < end) {
		rc = g->lane->ops->poll(g->lane, now, WAIT_US);
		for (i = 0; i < g->lane->n_ended; i++)
			if (g->lane->ended[i]->outcome != RINGSIM_ANSWERED ||
			    g->lane->ended[i]->status)
				generator_bad(lane_cmd_of(g->lane->ended[i]), &count);
		ended += g->lane->n_ended;
		g->lane->n_ended = 0;
		now = lane_clock();
	}
	if (rc)
		snprintf(err, err_len, "%s", g->lane->err);
	else if (ended < n)
		snprintf(err, err_len, "%u of %u %s did not end", n - ended, n, what);
	else if (count.failed || count.timed_out)
		snprintf(err, err_len, "%llu of %u %s failed, the first with status 0x%02x",
			 (unsigned long long)(count.failed + count.timed_out), n, what,
			 count.status);
	else
		return 0;
	return rc ? rc : -EIO;
}

static int batch(struct generator *g, uint64_t first, uint32_t n, uint32_t of, bool read, char *err,
		 size_t err_len)
{
	struct ringsim_cmd *cmds[LANE_DEPTH];
	struct lane_cmd *c;
	int64_t at;
	uint32_t i;
	int rc;

	for (i = 0; i < n; i++) {
		c = &g->cmds[i];
		c->sent_ns = 0;
		cmds[i] = &c->cmd;
		generator_address(g, c, (first + i) * g->slots / of, read);
		if (read)
			memset(c->sg.iov_base, 0xa5, g->w->bytes);
		else
			fill(g, c, (first + i) * g->slots / of);
	}
	rc = round_trip(g, cmds, n, read ? "reads" : "writes", err, err_len);
	for (i = 0; i < n && !rc && read; i++) {
		at = compare(g, &g->cmds[i], (first + i) * g->slots / of);
		if (at < 0)
			continue;
		snprintf(err, err_len,
			 "the handler does not give back what was written: byte %lld of the %u at "
			 "block %llu differs",
			 (long long)at, g->w->bytes,
			 (unsigned long long)((first + i) * g->slots / of * g->blocks));
		rc = -EIO;
	}
	return rc;
}

int generator_verify(struct generator *g, uint32_t n, char *err, size_t err_len)
{
	uint32_t i, some;
	int read, rc = 0;

	if (n > g->slots)
		n = (uint32_t)g->slots;
	for (read = 0; read < 2; read++)
		for (i = 0; i < n && !rc; i += some) {
			some = n - i < g->w->depth ? n - i : g->w->depth;
			rc = batch(g, i, some, n, read, err, err_len);
		}
	return rc;
}
