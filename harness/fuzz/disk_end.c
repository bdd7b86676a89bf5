/* SPDX-License-Identifier: MIT */
/*
 * The reference disk: commands end. What they returned must have been there (disk_see.c), verdicts
 * must have been possible, refused ones must have left no trace (SCS-041).
 */
#include "disk_impl.h"

#include "../cases/cdb.h"

/* It was refused: nobody must have seen it. */
static void refuse(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		   const struct fuzz_cdb *cdb, uint32_t w)
{
	uint64_t lba, n, i, seen = NEVER;
	struct block *b;
	uint32_t r;

	d->writes.at[w].refused = true;
	for (r = 0; disk_range(d, c, cdb, r, &lba, &n); r++) {
		for (i = 0; n <= WIDE * 64 && i < n; i++) {
			b = disk_find(d, lba + i);
			if (b && !disk_pull(d, b, w))
				seen = lba + i;
		}
		for (i = 0; n > WIDE * 64 && i < d->touched.cnt; i++) {
			if (!disk_pull(d, &d->touched.at[i], w))
				seen = d->touched.at[i].lba;
		}
	}
	while (d->wides.cnt && d->wides.at[d->wides.cnt - 1].w == w)
		d->wides.cnt--;
	for (i = 0; i < d->wides.cnt; i++) {
		if (d->wides.at[i].w == w)
			d->wides.at[i--] = d->wides.at[--d->wides.cnt];
	}
	if (seen != NEVER)
		tc_fail(tc, "SCS-041",
			"%s, operation %u, ended with status 0x%02x and no effect, but block %llu "
			"had been changed",
			cdb->name, c->nr, c->io.status, (unsigned long long)seen);
}

static bool is_miscompare(const struct fuzz_cmd *c)
{
	return c->io.status == 2 && c->io.sense_valid && sense_key(c->io.sense) == 0xe;
}

/* A successor says that it never was; then nobody has found what it wrote, or will. */
static void deny(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		 const struct fuzz_cdb *cdb, uint32_t w)
{
	uint64_t i;

	d->writes.at[w].denied = true;
	for (i = 0; cdb->whole && i < cdb->blocks; i++) {
		uint32_t m = disk_mark_of(d, disk_find(d, cdb->lba + i), w);

		if (m && d->marks.at[m].flags & M_SEEN)
			disk_found(d, tc, c, m, cdb->lba + i);
	}
}

static void end_write(struct fuzz_disk *d, struct tc *tc, struct fuzz_cmd *c,
		      const struct fuzz_cdb *cdb, const struct fuzz_effect *effect, uint32_t w)
{
	struct write *wr = &d->writes.at[w];

	wr->ended = c->ended;
	wr->cmd = NULL;
	wr->durable = effect->durable || cdb->fua;
	if (c->disturbed)
		wr->again = true;
	if (c->disturbed && c->io.outcome != RINGSIM_ANSWERED) {
		if (GROW(d, d->unresolved, 1))
			d->unresolved.at[d->unresolved.cnt++] = w;
		return;
	}
	wr->until = c->ended;
	if (c->disturbed && cdb->kind == FUZZ_K_CAW && is_miscompare(c) && c->began > d->lost)
		deny(d, tc, c, cdb, w);
	/* what was carried out before the power failed, and answered after it, may be lost, too */
	wr->sure = effect->did && c->began > (wr->durable ? d->gone : d->lost);
	if (!effect->did && !c->disturbed)
		refuse(d, tc, c, cdb, w);
}

static void end_read(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		     const struct fuzz_cdb *cdb, const uint8_t *p, uint64_t len)
{
	uint32_t bs = d->block_size, n, m, cnt = 0;
	bool keep = d->caws || d->swaps.cnt;
	uint64_t off;

	d->found.cnt = 0;
	if (keep && !GROW(d, d->found, len / bs + 1))
		return;
	for (off = 0; off < len; off += n, cnt++) {
		n = len - off < bs ? (uint32_t)(len - off) : bs;
		m = disk_see(d, cdb->lba + cnt, p + off, n, c->began, c->ended, 0);
		if (m == SEEN_NONE) {
			disk_say_read(d, tc, c, cdb, cdb->lba + cnt, p + off, n);
			return;
		}
		if (m < SEEN_ZEROS)
			disk_found(d, tc, c, m, cdb->lba + cnt);
		if (keep)
			d->found.at[cnt] = m;
	}
	if (keep)
		disk_beside(d, tc, c, cdb, d->found.at, cnt);
}

static void end_data_in(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
			const struct fuzz_cdb *cdb)
{
	uint64_t len = cdb->data_len < c->io.len ? cdb->data_len : c->io.len;

	if (!c->data || c->io.dir != RINGSIM_FROM_DEVICE)
		return;
	if (c->io.residual > c->io.len - len) {
		tc_fail(tc, "SCS-020",
			"%s, operation %u: GOOD, but of %llu bytes only %lld have come", cdb->name,
			c->nr, (unsigned long long)len, (long long)c->io.len - c->io.residual);
		return;
	}
	end_read(d, tc, c, cdb, c->data, len);
}

/* The verdict GOOD of a comparison with all of the data, or with one block of it. */
static void end_verify(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		       const struct fuzz_cdb *cdb)
{
	uint64_t i;

	if (!disk_data_out(c) || c->io.len < cdb->data_len)
		return;
	if (cdb->bytchk == 1)
		end_read(d, tc, c, cdb, c->data, cdb->data_len);
	for (i = 0; cdb->bytchk == 3 && i < cdb->blocks && !tc->failed; i++) {
		uint32_t m = disk_see(d, cdb->lba + i, c->data, d->block_size, c->began, c->ended,
				      0);

		if (m == SEEN_NONE)
			disk_say_read(d, tc, c, cdb, cdb->lba + i, c->data, d->block_size);
	}
}

/* --- the verdict MISCOMPARE --- */

/* Whether @cdb can have found a difference at byte @at of its data, anywhere if @at < 0. */
static bool may_miscompare(struct fuzz_disk *d, const struct fuzz_cmd *c,
			   const struct fuzz_cdb *cdb, int64_t at)
{
	uint32_t bs = d->block_size, w = (uint32_t)c->disk.a;
	uint64_t i;

	for (i = 0; i < cdb->blocks; i++) {
		const uint8_t *p = c->data + (cdb->bytchk == 3 ? 0 : i * bs);
		int64_t in = at < 0 || cdb->bytchk == 3 ? at : at - (int64_t)(i * bs);
		struct block *b = disk_find(d, cdb->lba + i);

		if (cdb->kind == FUZZ_K_WRITE_VERIFY) {
			if (b && disk_after_differs(d, b, w, p))
				return true;
			continue;
		}
		if (in >= bs) { /* this one was equal */
			if (!disk_see(d, cdb->lba + i, p, bs, c->began, c->ended, w))
				return false;
			continue;
		}
		if (disk_may_differ(d, cdb->lba + i, p, in, c->began, c->ended, w))
			return true;
		if (at >= 0 && cdb->bytchk != 3)
			return false;
	}
	return false;
}

static void end_miscompare(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
			   const struct fuzz_cdb *cdb)
{
	bool caw = cdb->kind == FUZZ_K_CAW, replay = caw && c->disturbed;
	uint64_t at, half = caw ? cdb->data_len / 2 : cdb->data_len;

	if (!disk_data_out(c) || c->io.len < cdb->data_len || !cdb->data_len)
		return;
	if (!may_miscompare(d, c, cdb, -1)) {
		tc_fail(tc,
			replay	      ? "HND-062"
			: d->cuts.cnt ? "HND-054"
				      : "SCS-030",
			"%s, operation %u: MISCOMPARE, but block %llu and those behind it held "
			"what they were compared with%s",
			cdb->name, c->nr, (unsigned long long)cdb->lba,
			replay ? ", until it wrote itself before the handler died" : "");
		return;
	}
	if (replay || cdb->kind == FUZZ_K_WRITE_VERIFY || !fuzz_sense_information(c->io.sense, &at))
		return;
	if (at < half && may_miscompare(d, c, cdb, (int64_t)at))
		return;
	tc_fail(tc, "SCS-040",
		"%s, operation %u: MISCOMPARE, INFORMATION is %llu, which is not the offset of the "
		"first difference",
		cdb->name, c->nr, (unsigned long long)at);
}

/* --- what is durable --- */

/* What ended before @c began is on the medium from now on. */
static void synced(struct fuzz_disk *d, const struct fuzz_cmd *c, uint64_t lba, uint64_t blocks)
{
	if (!(d->flags & FUZZ_DISK_POWER))
		return;
	if (blocks == 0 || lba + blocks >= d->blocks)
		blocks = NEVER - lba;
	if (lba == 0 && blocks == NEVER && c->began > d->synced)
		d->synced = c->began;
	if (GROW(d, d->syncs, 1))
		d->syncs.at[d->syncs.cnt++] = (struct sync){ c->began, c->ended, lba, blocks };
}

/* A unit that is being stopped, and told to flush and to wait for it. */
static bool stops(const uint8_t *cdb)
{
	return cdb[0] == OP_START_STOP && !(cdb[1] & 1) && !(cdb[4] & 0xf5);
}

/* READ CAPACITY(16) says that unmapped blocks read as zeros (LBPRZ): so they have to from now on.
 */
static bool promises_zeros(const struct fuzz_cmd *c)
{
	return c->io.cdb[0] == OP_SERVICE_IN_16 && (c->io.cdb[1] & 0x1f) == 0x10 &&
	       c->io.dir == RINGSIM_FROM_DEVICE && c->data && c->io.len - c->io.residual > 14 &&
	       (c->data[14] & 0x40);
}

static void end_good(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		     const struct fuzz_cdb *cdb, const struct flight *fl)
{
	switch (cdb->kind) {
	case FUZZ_K_READ:
		end_data_in(d, tc, c, cdb);
		break;
	case FUZZ_K_VERIFY:
		end_verify(d, tc, c, cdb);
		break;
	case FUZZ_K_CAW:
		if (fl->caw && d->writes.at[fl->w].again)
			disk_caw_replayed(d, tc, c, cdb);
		else if (fl->caw)
			disk_caw_good(d, tc, c, cdb, fl);
		break;
	case FUZZ_K_SYNC:
		if (!(c->io.cdb[1] & CDB1_IMMED))
			synced(d, c, cdb->lba, cdb->blocks);
		break;
	default:
		if (stops(c->io.cdb))
			synced(d, c, 0, 0);
		if (promises_zeros(c))
			d->flags &= ~(unsigned int)FUZZ_DISK_UNMAP_ANY;
		break;
	}
}

void fuzz_disk_end(struct fuzz_disk *d, struct tc *tc, struct fuzz_cmd *c,
		   const struct fuzz_cdb *cdb, const struct fuzz_effect *effect)
{
	struct flight *fl = c->disk.p;

	if (!fl || c->disk.b != d->resets)
		return; /* of another program */
	if (fl->w)
		end_write(d, tc, c, cdb, effect, fl->w);
	if (c->io.outcome == RINGSIM_ANSWERED) {
		if (effect->sync)
			synced(d, c, 0, 0);
		if (c->began <= d->lost)
			; /* it may have found what was lost since */
		else if (c->io.status == 0 && effect->did)
			end_good(d, tc, c, cdb, fl);
		else if (is_miscompare(c))
			end_miscompare(d, tc, c, cdb);
	}
	disk_land(d, fl);
	c->disk.p = NULL;
}
