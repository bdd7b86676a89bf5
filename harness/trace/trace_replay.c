/* SPDX-License-Identifier: MIT */
/*
 * Replaying: a simulated device must produce the recorded entries from the recorded commands.
 *
 * Three steps. trace_time.c says what each line implies about time; trace_order.c proposes when
 * each entry was queued, where that is open; trace_device.c drives a device in that order and
 * compares. Only the device decides. A contradiction inside the trace is reported if the device has
 * no objection to any line before it.
 *
 * The size of a data block is not in the mailbox (LAY-063). If the trace does not state it, every
 * size that its iovs allow is tried, and the one that explains most is taken.
 */
#include "trace_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define WORK_MAX  (1ull << 30)	/* data blocks looked up while searching */
#define DATA_MAX  (64ull << 30) /* bytes of all commands together */
#define PAGE_SIZE 4096u

bool trace_cdb_blocks(const uint8_t *cdb, uint32_t len, uint32_t *blocks)
{
	switch (cdb[0]) {
	case 0x08:
	case 0x0a:
		*blocks = cdb[4] ? cdb[4] : 256;
		return len == 6;
	case 0x28:
	case 0x2a:
		*blocks = (uint32_t)cdb[7] << 8 | cdb[8];
		return len == 10;
	case 0xa8:
	case 0xaa:
		*blocks = (uint32_t)cdb[6] << 24 | (uint32_t)cdb[7] << 16 | (uint32_t)cdb[8] << 8 |
			  cdb[9];
		return len == 12;
	case 0x88:
	case 0x8a:
		*blocks = (uint32_t)cdb[10] << 24 | (uint32_t)cdb[11] << 16 |
			  (uint32_t)cdb[12] << 8 | cdb[13];
		return len == 16;
	}
	return false;
}

/*
 * The size of a logical block, if the READs and WRITEs of the trace agree on one; a length that
 * does not fit its CDB is then a mistake of the recording. One in ten may differ. If more do, the
 * initiator did not send what its CDBs said, which it may (KRN-013), and lengths prove nothing.
 */
static uint32_t find_lba_size(const struct trace *t)
{
	size_t votes[8] = { 0 }, total = 0;
	const struct trace_event *e;
	uint32_t blocks, i;

	for (e = t->v; e < t->v + t->n; e++) {
		if (e->kind != TRACE_CMD ||
		    !trace_cdb_blocks(t->bytes + e->payload, e->payload_len, &blocks) || !blocks)
			continue;
		total++;
		for (i = 0; i < 8; i++)
			if (trace_data_len(t->iovs + e->iov, e->iov_cnt) ==
			    (uint64_t)blocks * (512u << i))
				votes[i]++;
	}
	for (i = 0; i < 8; i++)
		if (total && votes[i] * 10 >= total * 9)
			return 512u << i;
	return 0;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* What the block size must divide, if this iov is right: its offset and, inside a list, length. */
static uint64_t iov_unit(const struct trace *t, const struct trace_event *e, uint64_t i)
{
	const struct trace_iov *iov = &t->iovs[e->iov + i];
	uint64_t off = iov->base - trace_data_off(&t->hdr);

	return i + 1 == e->iov_cnt || i + 1 == (uint64_t)e->iov_cnt + e->bidi_cnt
		       ? off
		       : gcd(off, iov->len);
}

/* Whether nine of ten iovs allow blocks of @size. */
static bool size_is_likely(const struct trace *t, uint64_t size)
{
	const struct trace_event *e;
	size_t good = 0, total = 0;
	uint64_t i;

	for (e = t->v; e < t->v + t->n; e++)
		for (i = 0; e->kind == TRACE_CMD && i < (uint64_t)e->iov_cnt + e->bidi_cnt; i++) {
			good += iov_unit(t, e, i) % size == 0;
			total++;
		}
	return good * 10 >= total * 9;
}

/*
 * Block sizes that the trace allows, in *@sizes. Every iov starts at a block, and all but the last
 * of a direction end at one, so the size divides what is common to these numbers. A wrong number in
 * the trace must not hide the others: of the values that the common divisor takes on the way, those
 * count that nearly all iovs allow.
 */
static size_t block_sizes(const struct trace *t, uint32_t *sizes, size_t max)
{
	uint64_t area = t->hdr.map_len - trace_data_off(&t->hdr), common = 0, i, next;
	const struct trace_event *e;
	size_t n = 0;

	for (e = t->v; e < t->v + t->n; e++) {
		for (i = 0; e->kind == TRACE_CMD && i < (uint64_t)e->iov_cnt + e->bidi_cnt; i++) {
			next = gcd(common, iov_unit(t, e, i));
			if (next == common || next % PAGE_SIZE)
				continue;
			common = next;
			if (n + 1 < max && next <= area && next <= UINT32_MAX &&
			    size_is_likely(t, next))
				sizes[n++] = (uint32_t)next;
		}
	}
	if (!n || sizes[n - 1] != PAGE_SIZE)
		sizes[n++] = PAGE_SIZE;
	return n;
}

static int refuse(const struct trace *t, char *err, size_t err_len, const char *what,
		  const char *expected, uint64_t found)
{
	snprintf(err, err_len, "%s:1: mailbox: %s: expected %s, found %" PRIu64, t->name, what,
		 expected, found);
	return -EINVAL;
}

int trace_config(const struct trace *t, uint32_t blk_size, struct ringsim_config *cfg,
		 struct data_area *area, char *err, size_t err_len)
{
	const struct trace_header *h = &t->hdr;
	struct ringsim_layout lay;
	char why[160];

	area->off = trace_data_off(h);
	area->blk_size = blk_size;
	if (blk_size % PAGE_SIZE || blk_size < PAGE_SIZE)
		return refuse(t, err, err_len, "blk", "a multiple of 4096", blk_size);
	if (h->map_len < area->off + blk_size || h->map_len % PAGE_SIZE)
		return refuse(t, err, err_len, "map", "whole pages beyond the ring", h->map_len);
	if (!h->cmdr_off || !h->cmdr_size)
		return refuse(t, err, err_len, h->cmdr_off ? "cmdr_size" : "cmdr_off",
			      "more than 0", 0);
	if ((h->map_len - area->off) / blk_size > UINT32_MAX)
		return refuse(t, err, err_len, "map", "at most 4096 MiB of data", h->map_len);
	area->blocks = (uint32_t)((h->map_len - area->off) / blk_size);
	*cfg = (struct ringsim_config){
		.geo = { .data_area_mb = 4096,
			 .pages_per_blk = blk_size / PAGE_SIZE,
			 .cmdr_off = h->cmdr_off,
			 .cmdr_size = h->cmdr_size,
			 .data_blocks = area->blocks },
		.qfull_time_out_s = -1,
		.tmr_notification = true,
	};
	if (ringsim_layout_init(&lay, &cfg->geo, why, sizeof(why))) {
		snprintf(err, err_len, "%s:1: mailbox: %s", t->name, why);
		return -EINVAL;
	}
	return 0;
}

static void count_lines(const struct trace *t, struct trace_result *res)
{
	size_t counts[TRACE_KINDS] = { 0 };
	const struct trace_event *e;

	for (e = t->v; e < t->v + t->n; e++)
		counts[e->kind]++;
	res->format = t->format;
	res->cmds = counts[TRACE_CMD];
	res->pads = counts[TRACE_PAD];
	res->tmrs = counts[TRACE_TMR];
	res->kicks = counts[TRACE_KICK];
	res->irqs = counts[TRACE_IRQ];
	res->submitted = counts[TRACE_SUBMIT];
	res->waits = counts[TRACE_WAIT];
	res->done = counts[TRACE_DONE];
	res->aborted = counts[TRACE_ABORTED];
	res->entries = res->cmds + res->pads + res->tmrs;
}

/* Bounds the work of the device, which copies what is written. */
static int check_amount(const struct trace *t, char *err, size_t err_len)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < t->n_iovs; i++) {
		/* More than the data area is rejected when its command's turn comes. */
		total += t->iovs[i].len < t->hdr.map_len ? t->iovs[i].len : 0;
		if (total > DATA_MAX) {
			snprintf(err, err_len,
				 "%s: replay: expected at most %llu bytes of data in all, found "
				 "more",
				 t->name, DATA_MAX);
			return -E2BIG;
		}
	}
	return 0;
}

static void count_order(const struct timeline *tl, size_t units, struct trace_result *res)
{
	const struct unit *u;

	for (u = tl->units; u < tl->units + units; u++) {
		res->open_order += u->hi > u->lo;
		res->after += u->at > u->lo;
	}
}

/*
 * Searches with each possible block size until one explains everything. Leaves the units placed for
 * the one that got farthest, and its device in *@cfg; *@reached says how far.
 */
static int find_order(struct timeline *tl, uint32_t blk_size, struct ringsim_config *cfg,
		      struct trace_result *res, size_t *reached, char *err, size_t err_len)
{
	uint32_t sizes[32] = { blk_size ? blk_size : tl->t->hdr.blk_size };
	size_t n = sizes[0] ? 1 : block_sizes(tl->t, sizes, 32), i, best = 0, farthest = 0;
	uint64_t budget = WORK_MAX, tries;
	struct data_area area;
	int rc = 0;

	res->blk_inferred = !blk_size && !tl->t->hdr.blk_size;
	*reached = 0;
	/* One more turn for the best, if the last search has moved the units since. */
	for (i = 0; !rc && *reached < tl->n_units && i <= n && (i < n || best + 1 < n); i++) {
		res->blk_size = sizes[i < n ? i : best];
		rc = trace_config(tl->t, res->blk_size, cfg, &area, err, err_len);
		if (rc)
			return rc;
		rc = order_find(tl, &area, &budget, reached, &tries);
		res->tries += tries;
		if (*reached > farthest) {
			farthest = *reached;
			best = i < n ? i : best;
		}
	}
	if (rc == -E2BIG)
		snprintf(err, err_len,
			 "%s: replay: expected an order within %llu block look-ups, found none: "
			 "too much to search",
			 tl->t->name, WORK_MAX);
	else if (rc)
		snprintf(err, err_len, "%s: out of memory", tl->t->name);
	return rc;
}

static int judge(struct timeline *tl, struct ringsim_config *cfg, size_t reached,
		 struct trace_result *res, char *err, size_t err_len)
{
	bool explained = reached == tl->n_units;
	int rc;

	cfg->start = (uint32_t)tl->start;
	rc = device_run(tl, explained ? reached : reached + 1, cfg, res, err, err_len);
	if (rc || res->differs)
		return rc;
	if (!explained) {
		/* The device made exactly this entry, although no place for it was found. */
		const struct trace_event *e = unit_first(tl, &tl->units[reached]);

		res->finding.line = e->line;
		res->finding.kind = trace_kind_name(e->kind);
		finding_set(&res->finding, "order", "room for it when it was queued", "none");
	} else if (tl->has_problem) {
		res->finding = tl->problem;
	}
	res->differs = !explained || tl->has_problem;
	return 0;
}

int trace_replay(const struct trace *t, uint32_t blk_size, struct trace_result *res, char *err,
		 size_t err_len)
{
	struct ringsim_config cfg;
	struct data_area area;
	struct timeline tl = { 0 };
	size_t reached = 0;
	int rc;

	*res = (struct trace_result){ .lba_size = find_lba_size(t) };
	count_lines(t, res);
	if (!res->entries) {
		snprintf(err, err_len, "%s: replay: expected ring entries, found none", t->name);
		return -EINVAL;
	}
	if (t->format == 2)
		return exact_replay(t, res, err, err_len);
	rc = trace_config(t,
			  blk_size	    ? blk_size
			  : t->hdr.blk_size ? t->hdr.blk_size
					    : PAGE_SIZE,
			  &cfg, &area, err, err_len);
	if (!rc)
		rc = check_amount(t, err, err_len);
	if (rc)
		return rc;
	rc = timeline_init(&tl, t);
	if (rc)
		snprintf(err, err_len, "%s: out of memory", t->name);
	else if (tl.start % 8 || tl.start >= t->hdr.cmdr_size)
		rc = refuse(t, err, err_len, "off of the first entry",
			    "a multiple of 8 inside the ring", tl.start);
	if (!rc)
		rc = find_order(&tl, blk_size, &cfg, res, &reached, err, err_len);
	if (!rc)
		rc = judge(&tl, &cfg, reached, res, err, err_len);
	if (!rc)
		count_order(&tl, reached, res);
	timeline_free(&tl);
	return rc;
}
