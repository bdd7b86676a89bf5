/* SPDX-License-Identifier: MIT */
/*
 * Data-Out: what a command sends, as its operation asks, and a name for it.
 */
#include "disk_impl.h"

bool disk_data_out(const struct fuzz_cmd *c)
{
	return c->data && (c->io.dir == RINGSIM_TO_DEVICE || c->io.dir == RINGSIM_BIDI);
}

uint32_t disk_new_write(struct fuzz_disk *d, const struct fuzz_cmd *c, const struct fuzz_cdb *cdb)
{
	if (d->writes.cnt >= 1u << (64 - LBA_BITS) || !GROW(d, d->writes, 1))
		return 0;
	d->writes.at[d->writes.cnt] = (struct write){
		.name = cdb->name, .nr = c->nr, .began = c->began, .until = NEVER, .data_only = true
	};
	return d->writes.cnt++;
}

/* Which block of the disk part @i of the data is for. */
static uint64_t goes_to(const struct fuzz_cdb *cdb, uint64_t i)
{
	if (cdb->kind == FUZZ_K_WRITE_SAME || (cdb->kind == FUZZ_K_VERIFY && cdb->bytchk == 3))
		return SAME_LBA;
	return cdb->lba + i - (cdb->kind == FUZZ_K_CAW && i >= cdb->blocks ? cdb->blocks : 0);
}

/* What the disk holds there, as far as anybody knows; or what was written last, @next. */
static struct chunk current(struct fuzz_disk *d, uint64_t lba, bool next)
{
	struct block *b = disk_find(d, lba);
	const struct mark *m;
	uint32_t i;

	if (!b && d->wides.cnt)
		b = disk_touch(d, lba);
	if (!b)
		return (struct chunk){ .kind = C_ZERO };
	for (i = b->live; i && !next && !disk_sure(d, &d->marks.at[i]); i = d->marks.at[i].next)
		;
	m = &d->marks.at[i ? i : b->live];
	return (struct chunk){ .v = m->v, .kind = m->kind == C_ANY ? C_ZERO : m->kind };
}

static struct chunk part_of(struct fuzz_disk *d, const struct fuzz_cmd *c,
			    const struct fuzz_cdb *cdb, uint32_t w, uint64_t i)
{
	uint64_t lba = goes_to(cdb, i);
	bool second = cdb->kind == FUZZ_K_CAW && i >= cdb->blocks;

	uint64_t fill = c->op->n[FUZZ_S_FILL];

	switch (fill) {
	case FUZZ_FILL_CURRENT:
	case FUZZ_FILL_NEXT:
		if (cdb->whole && !second)
			return current(d, lba == SAME_LBA ? cdb->lba : lba, fill == FUZZ_FILL_NEXT);
		break;
	case FUZZ_FILL_ZERO:
	case FUZZ_FILL_BYTES:
	case FUZZ_FILL_SAME:
		return (struct chunk){ .kind = C_ZERO };
	default:
		break;
	}
	/* what is compared is no part of what is written */
	return disk_words(d, cdb->kind == FUZZ_K_CAW && !second ? w + 1 : w, lba);
}

/* Explicit bytes, or one that is inverted: the block is what it is. */
static void change(struct fuzz_disk *d, struct fuzz_cmd *c, uint64_t from, uint64_t to)
{
	uint64_t i, bs = d->block_size;

	for (i = from / bs; i < d->chunks.cnt && i * bs < to; i++) {
		if ((i + 1) * bs <= c->io.len)
			d->chunks.at[i] = disk_take(d, c->data + i * bs);
	}
}

static void explicit_bytes(struct fuzz_disk *d, struct fuzz_cmd *c)
{
	uint32_t n = c->op->bytes_len < c->io.len ? c->op->bytes_len : c->io.len, i;

	if (c->op->n[FUZZ_S_FILL] == FUZZ_FILL_SAME && n) {
		for (i = 0; i < c->io.len; i++)
			c->data[i] = c->op->bytes[i % n];
		change(d, c, 0, c->io.len);
	} else if (c->op->n[FUZZ_S_FILL] == FUZZ_FILL_BYTES) {
		memcpy(c->data, c->op->bytes, n);
		change(d, c, 0, n);
	}
}

/* New blocks, all for places of their own: the most of what there is. Returns how many bytes. */
static uint32_t plain(struct fuzz_disk *d, const struct fuzz_cmd *c, const struct fuzz_cdb *cdb,
		      uint32_t w)
{
	uint32_t bs = d->block_size, off;
	uint64_t lba = cdb->lba;

	if (c->op->n[FUZZ_S_FILL] != FUZZ_FILL_NEW || cdb->kind != FUZZ_K_WRITE)
		return 0;
	for (off = 0; c->io.len - off >= bs; off += bs) {
		struct chunk *part = &d->chunks.at[d->chunks.cnt++];

		*part = disk_words(d, w, lba++);
		disk_put(d, part, c->data + off, bs);
	}
	return off;
}

void fuzz_disk_fill(struct fuzz_disk *d, struct fuzz_cmd *c, const struct fuzz_cdb *cdb)
{
	uint32_t bs = d->block_size, off, n, w;
	uint64_t flip = c->op->n[FUZZ_S_FLIP];

	c->disk.a = 0;
	d->filled = NULL;
	d->chunks.cnt = 0;
	if (!disk_data_out(c) || c->io.len == 0)
		return;
	w = disk_new_write(d, c, cdb);
	if (cdb->kind == FUZZ_K_CAW)
		disk_new_write(d, c, cdb);
	if (!w || !GROW(d, d->chunks, (c->io.len + bs - 1) / bs))
		return;
	off = plain(d, c, cdb, w);
	for (; off < c->io.len; off += n) {
		struct chunk *part = &d->chunks.at[d->chunks.cnt];

		n = c->io.len - off < bs ? c->io.len - off : bs;
		*part = part_of(d, c, cdb, w, d->chunks.cnt);
		disk_put(d, part, c->data + off, n);
		d->chunks.cnt++;
	}
	explicit_bytes(d, c);
	if (flip != 0 && flip <= c->io.len) {
		c->data[flip - 1] ^= 0xff;
		change(d, c, flip - 1, flip);
	}
	c->disk.a = w;
	d->filled = c;
}
