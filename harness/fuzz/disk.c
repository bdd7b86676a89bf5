/* SPDX-License-Identifier: MIT */
/*
 * The reference disk: commands come. What their blocks are then is in disk_marks.c, how they end in
 * disk_end.c.
 *
 * A command that moves less than its CDB says was refused or moved whole blocks as far as the
 * buffer went (SCS-020); of a block in part, and of data that went the wrong way, nobody knows.
 */
#include "disk_impl.h"

#include "../cases/cdb.h"

enum { OP_FORMAT_UNIT = 0x04, OP_SANITIZE = 0x48 };

struct fuzz_disk *fuzz_disk_new(void)
{
	struct fuzz_disk *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->direct = calloc(DIRECT, sizeof(*d->direct));
	if (!d->direct || !GROW(d, d->marks, 1) || !GROW(d, d->writes, 1)) {
		fuzz_disk_free(d);
		return NULL;
	}
	d->oldest.next = d->oldest.prev = &d->oldest;
	d->wider = disk_wider();
	return d;
}

void disk_land(struct fuzz_disk *d, struct flight *fl)
{
	fl->prev->next = fl->next;
	fl->next->prev = fl->prev;
	d->caws -= fl->caw;
	fl->next = d->spare;
	d->spare = fl;
}

void fuzz_disk_reset(struct fuzz_disk *d, uint64_t blocks, uint32_t block_size, uint64_t seed,
		     unsigned int flags)
{
	uint32_t i, far = 0;

	while (d->oldest.next != &d->oldest)
		disk_land(d, d->oldest.next);
	for (i = 0; i < d->touched.cnt; i++) {
		if (d->touched.at[i].lba < DIRECT)
			d->direct[d->touched.at[i].lba] = 0;
		else
			far++;
	}
	if (far)
		memset(d->hash, 0, (d->hash_mask + 1ull) * sizeof(*d->hash));
	d->blocks = blocks;
	d->block_size = block_size;
	d->seed = seed;
	d->flags = flags;
	d->synced = d->lost = d->gone = 0;
	d->failed = false;
	d->resets++;
	d->filled = NULL;
	d->free_mark = 0;
	d->touched.cnt = d->wides.cnt = d->syncs.cnt = d->cuts.cnt = d->unresolved.cnt = 0;
	d->witnesses.cnt = d->swaps.cnt = d->blobs.cnt = d->chunks.cnt = 0;
	d->marks.cnt = 1;
	d->writes.cnt = 1;
	d->writes.at[0] = (struct write){ .name = "", .sure = true, .durable = true };
}

void fuzz_disk_free(struct fuzz_disk *d)
{
	struct flight *fl;

	if (!d)
		return;
	while (d->oldest.next && d->oldest.next != &d->oldest)
		disk_land(d, d->oldest.next);
	while ((fl = d->spare) != NULL) {
		d->spare = fl->next;
		free(fl);
	}
	free(d->direct);
	free(d->hash);
	free(d->touched.at);
	free(d->marks.at);
	free(d->writes.at);
	free(d->wides.at);
	free(d->syncs.at);
	free(d->cuts.at);
	free(d->unresolved.at);
	free(d->witnesses.at);
	free(d->swaps.at);
	free(d->found.at);
	free(d->blobs.at);
	free(d->chunks.at);
	free(d);
}

bool fuzz_disk_failed(const struct fuzz_disk *d)
{
	return d->failed;
}

/* --- what is written --- */

/* Nobody knows what such a command leaves of the disk. */
static bool spoils(const struct fuzz_cmd *c)
{
	return c->io.cdb[0] == OP_FORMAT_UNIT || c->io.cdb[0] == OP_EXTENDED_COPY ||
	       c->io.cdb[0] == OP_SANITIZE;
}

static bool writes(const struct fuzz_cmd *c, const struct fuzz_cdb *cdb)
{
	switch (cdb->kind) {
	case FUZZ_K_WRITE:
	case FUZZ_K_WRITE_VERIFY:
	case FUZZ_K_WRITE_SAME:
	case FUZZ_K_UNMAP:
	case FUZZ_K_CAW:
	case FUZZ_K_XDWRITE:
		return true;
	default:
		return spoils(c);
	}
}

/* Descriptor @i of an UNMAP list. */
static bool descriptor(const struct fuzz_cmd *c, uint32_t i, uint64_t *lba, uint64_t *n)
{
	uint64_t have = c->io.len, list = be_get(c->io.cdb + 7, 2);
	const uint8_t *p;

	if (!disk_data_out(c))
		return false;
	p = c->data + 8 + 16 * i;
	if (have > list)
		have = list;
	if (have < 8 + 16 * (i + 1ull) || be_get(c->data + 2, 2) < 16 * (i + 1ull))
		return false;
	*lba = be_get(p, 8);
	*n = be_get(p + 8, 4);
	return true;
}

bool disk_range(const struct fuzz_disk *d, const struct fuzz_cmd *c, const struct fuzz_cdb *cdb,
		uint32_t i, uint64_t *lba, uint64_t *n)
{
	if (cdb->kind == FUZZ_K_UNMAP) {
		if (!descriptor(c, i, lba, n))
			return false;
		if (*lba >= d->blocks || *n > d->blocks - *lba)
			*n = 0;
		return true;
	}
	if (i > 0 || !cdb->whole)
		return false;
	*lba = cdb->lba;
	*n = cdb->blocks;
	if (cdb->kind == FUZZ_K_OTHER || (cdb->kind == FUZZ_K_WRITE_SAME && *n == 0))
		*n = d->blocks - *lba;
	if (cdb->kind != FUZZ_K_WRITE_SAME && cdb->kind != FUZZ_K_CAW &&
	    cdb->kind != FUZZ_K_OTHER && *n > (c->io.len + d->block_size - 1ull) / d->block_size)
		*n = (c->io.len + d->block_size - 1ull) / d->block_size;
	return true;
}

/* What it would leave in block @i of a range. */
static struct chunk chunk_at(const struct fuzz_disk *d, const struct fuzz_cmd *c,
			     const struct fuzz_cdb *cdb, uint64_t i)
{
	struct chunk chunk = { .kind = C_ZERO };
	uint64_t need = i + 1;

	if (cdb->kind == FUZZ_K_OTHER ||
	    (cdb->kind == FUZZ_K_UNMAP && (d->flags & FUZZ_DISK_UNMAP_ANY)))
		return (struct chunk){ .kind = C_ANY };
	if (cdb->kind == FUZZ_K_UNMAP || (cdb->kind == FUZZ_K_WRITE_SAME && cdb->ndob))
		return chunk;
	if (cdb->kind == FUZZ_K_WRITE_SAME)
		need = 1;
	if (cdb->kind == FUZZ_K_CAW)
		need = 2 * cdb->blocks;
	if (!disk_data_out(c) || need * d->block_size > c->io.len)
		return (struct chunk){ .kind = C_ANY };
	return d->chunks.at[cdb->kind == FUZZ_K_CAW ? cdb->blocks + i : need - 1];
}

/* The same in many blocks: only where it is known already what they hold. */
static void mark_wide(struct fuzz_disk *d, uint64_t lba, uint64_t n, uint32_t w,
		      const struct chunk *chunk)
{
	uint32_t i;

	for (i = 0; i < d->touched.cnt; i++) {
		if (d->touched.at[i].lba - lba < n)
			disk_mark(d, d->touched.at[i].lba, w, chunk);
	}
	if (GROW(d, d->wides, 1))
		d->wides.at[d->wides.cnt++] =
			(struct wide){ .lba = lba, .blocks = n, .chunk = *chunk, .w = w };
}

/* Data-Out that nobody filled in here. */
static void take_data(struct fuzz_disk *d, const struct fuzz_cmd *c)
{
	uint32_t i, n = disk_data_out(c) ? c->io.len / d->block_size : 0;

	d->chunks.cnt = 0;
	if (!GROW(d, d->chunks, n))
		return;
	for (i = 0; i < n; i++)
		d->chunks.at[i] = disk_take(d, c->data + (size_t)i * d->block_size);
	d->chunks.cnt = n;
}

static void begin_write(struct fuzz_disk *d, struct fuzz_cmd *c, const struct fuzz_cdb *cdb,
			struct flight *fl)
{
	uint32_t w = (uint32_t)c->disk.a, r;
	struct chunk chunk;
	uint64_t lba, n, i;

	d->writes.at[w].began = c->began;
	d->writes.at[w].cmd = c;
	d->writes.at[w].data_only = false;
	fl->w = w;
	for (r = 0; disk_range(d, c, cdb, r, &lba, &n); r++) {
		chunk = chunk_at(d, c, cdb, 0);
		if (cdb->kind == FUZZ_K_CAW && n != 0 && chunk.kind != C_ANY) {
			fl->caw = true;
			d->caws++;
		}
		if (n > WIDE && (cdb->kind == FUZZ_K_WRITE_SAME || cdb->kind == FUZZ_K_UNMAP ||
				 cdb->kind == FUZZ_K_OTHER)) {
			mark_wide(d, lba, n, w, &chunk);
			continue;
		}
		i = 0;
		if (cdb->kind == FUZZ_K_WRITE && disk_data_out(c)) {
			uint64_t whole = c->io.len / d->block_size;

			for (; i < n && i < whole; i++)
				disk_mark(d, lba + i, w, &d->chunks.at[i]);
		}
		for (; i < n; i++) {
			chunk = chunk_at(d, c, cdb, i);
			disk_mark(d, lba + i, w, &chunk);
		}
	}
}

static struct flight *take_off(struct fuzz_disk *d, struct fuzz_cmd *c, const struct fuzz_cdb *cdb)
{
	struct flight *fl = d->spare;

	if (fl)
		d->spare = fl->next;
	else
		fl = malloc(sizeof(*fl));
	if (!fl) {
		d->failed = true;
		return NULL;
	}
	*fl = (struct flight){ .next = &d->oldest,
			       .prev = d->oldest.prev,
			       .cmd = c,
			       .began = c->began,
			       .lba = cdb->lba,
			       .blocks = cdb->blocks };
	fl->prev->next = fl;
	d->oldest.prev = fl;
	return fl;
}

void fuzz_disk_begin(struct fuzz_disk *d, struct fuzz_cmd *c, const struct fuzz_cdb *cdb)
{
	struct flight *fl = take_off(d, c, cdb);
	bool filled = d->filled == c;

	c->disk.p = fl;
	c->disk.b = d->resets;
	d->filled = NULL;
	if (!filled)
		c->disk.a = 0;
	if (!fl || !writes(c, cdb))
		return;
	if (!filled)
		take_data(d, c);
	if (!c->disk.a)
		c->disk.a = disk_new_write(d, c, cdb);
	if (c->disk.a)
		begin_write(d, c, cdb, fl);
}

void fuzz_disk_futile(struct fuzz_disk *d, const struct fuzz_cmd *c)
{
	const struct flight *fl = c->disk.p;

	if (fl && c->disk.b == d->resets && fl->w)
		d->writes.at[fl->w].futile = true;
}

void fuzz_disk_quiet(struct fuzz_disk *d, uint64_t now)
{
	uint32_t i;

	for (i = 0; i < d->unresolved.cnt; i++)
		d->writes.at[d->unresolved.at[i]].until = now;
	d->unresolved.cnt = 0;
}

void fuzz_disk_power(struct fuzz_disk *d, uint64_t now)
{
	uint32_t i;

	d->lost = now;
	if (GROW(d, d->cuts, 1))
		d->cuts.at[d->cuts.cnt++] = now;
	for (i = 0; i < d->touched.cnt; i++)
		disk_cut(d, &d->touched.at[i], now);
}

/* Zeros may be there instead of what was: known once somebody has read one or the other. */
static void doubt(struct fuzz_disk *d, uint32_t w)
{
	struct chunk zeros = { .kind = C_ZERO };
	uint32_t i;

	for (i = 0; i < d->touched.cnt; i++)
		disk_push(d, &d->touched.at[i], w, &zeros);
	if (d->wides.cnt && GROW(d, d->wides, 1))
		d->wides.at[d->wides.cnt++] =
			(struct wide){ .blocks = d->blocks, .chunk = zeros, .w = w };
}

static void lose(struct fuzz_disk *d, uint32_t w, uint64_t now)
{
	struct chunk zeros = { .kind = C_ZERO };
	uint32_t i, n = 0;

	for (i = 0; i < d->touched.cnt; i++) {
		disk_lose(d, &d->touched.at[i], now);
		disk_push(d, &d->touched.at[i], w, &zeros);
	}
	for (i = 0; i < d->wides.cnt; i++) {
		if (d->writes.at[d->wides.at[i].w].until > now)
			d->wides.at[n++] = d->wides.at[i];
	}
	d->wides.cnt = n;
}

void fuzz_disk_blank(struct fuzz_disk *d, uint64_t now, bool surely)
{
	uint32_t w = d->writes.cnt;

	d->lost = d->gone = now;
	if (!GROW(d, d->writes, 1))
		return;
	d->writes.at[d->writes.cnt++] = (struct write){ .name = "the store was lost",
							.began = now,
							.ended = now,
							.until = now,
							.sure = surely,
							.durable = true };
	if (surely)
		lose(d, w, now);
	else
		doubt(d, w);
}
