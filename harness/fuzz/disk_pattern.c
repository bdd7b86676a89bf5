/* SPDX-License-Identifier: MIT */
/*
 * The bytes of blocks: made fast, compared fast, and every word of them says whose it is.
 *
 * Word i of a block is base + i * STEP, where the base is (write, block) scrambled by a function
 * that has an inverse: whoever finds a word can ask who wrote it.
 */
#include "disk_impl.h"

#define STEP 0x9e3779b97f4a7c15ull

/* Four words at once wherever they lie; the compiler makes of it what the machine has. */
typedef uint64_t quad __attribute__((vector_size(32), aligned(1), may_alias));
typedef uint64_t word __attribute__((aligned(1), may_alias));

static uint64_t scramble(uint64_t x)
{
	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ull;
	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ull;
	return x ^ (x >> 32);
}

static uint64_t unscramble(uint64_t x)
{
	x = (x ^ (x >> 32)) * 0xcfee444d8b59a89bull;
	x = (x ^ (x >> 32)) * 0xcfee444d8b59a89bull;
	return x ^ (x >> 32);
}

struct chunk disk_words(const struct fuzz_disk *d, uint32_t w, uint64_t lba)
{
	uint64_t id = (uint64_t)w << LBA_BITS | (lba & LBA_MASK);

	return (struct chunk){ .v = scramble(id ^ d->seed), .kind = C_WORDS };
}

bool disk_who(const struct fuzz_disk *d, uint64_t found, uint32_t i, uint32_t *w, uint64_t *lba)
{
	uint64_t id = unscramble(found - i * STEP) ^ d->seed;

	*w = (uint32_t)(id >> LBA_BITS);
	*lba = id & LBA_MASK;
	return *w != 0 && *w < d->writes.cnt && (*lba < d->blocks || *lba == SAME_LBA);
}

static void put_words(uint64_t v, uint8_t *to, uint32_t len)
{
	quad a = { v, v + STEP, v + 2 * STEP, v + 3 * STEP };
	const quad four = { 4 * STEP, 4 * STEP, 4 * STEP, 4 * STEP };
	uint32_t n;

	for (n = len / 32; n != 0; n--, to += 32, a += four)
		*(quad *)to = a;
	v = a[0];
	for (n = len % 32 / 8; n != 0; n--, to += 8, v += STEP)
		*(word *)to = v;
	memcpy(to, &v, len % 8);
}

static bool holds_words(uint64_t v, const uint8_t *p, uint32_t len)
{
	quad a = { v, v + STEP, v + 2 * STEP, v + 3 * STEP }, diff = { 0 };
	const quad four = { 4 * STEP, 4 * STEP, 4 * STEP, 4 * STEP };
	uint64_t rest;
	uint32_t n;

	if (len >= 8 && *(const word *)p != v)
		return false;
	for (n = len / 32; n != 0; n--, p += 32, a += four)
		diff |= *(const quad *)p ^ a;
	v = a[0];
	rest = diff[0] | diff[1] | diff[2] | diff[3];
	for (n = len % 32 / 8; n != 0; n--, p += 8, v += STEP)
		rest |= *(const word *)p ^ v;
	return rest == 0 && memcmp(p, &v, len % 8) == 0;
}

static bool holds_zeros(const uint8_t *p, uint32_t len)
{
	quad any = { 0 };
	uint32_t n;

	if (len >= 8 && *(const word *)p != 0)
		return false;
	for (n = len / 32; n != 0; n--, p += 32)
		any |= *(const quad *)p;
	if ((any[0] | any[1] | any[2] | any[3]) != 0)
		return false;
	for (n = 0; n < len % 32; n++) {
		if (p[n] != 0)
			return false;
	}
	return true;
}

void disk_put(const struct fuzz_disk *d, const struct chunk *c, uint8_t *to, uint32_t len)
{
	if (c->kind == C_WORDS)
		put_words(c->v, to, len);
	else if (c->kind == C_BLOB)
		memcpy(to, d->blobs.at + c->v * d->block_size, len);
	else
		memset(to, 0, len);
}

bool disk_holds(const struct fuzz_disk *d, const struct chunk *c, const uint8_t *p, uint32_t len)
{
	switch (c->kind) {
	case C_ZERO:
		return holds_zeros(p, len);
	case C_WORDS:
		return holds_words(c->v, p, len);
	case C_BLOB:
		return memcmp(p, d->blobs.at + c->v * d->block_size, len) == 0;
	default:
		return true;
	}
}

uint32_t disk_differs(const struct fuzz_disk *d, const struct chunk *c, const uint8_t *p,
		      uint32_t len)
{
	struct chunk part = *c;
	uint32_t off, n, i;
	uint8_t want[64];

	if (c->kind == C_ANY)
		return len;
	for (off = 0; off < len; off += n) {
		n = len - off < sizeof(want) ? len - off : (uint32_t)sizeof(want);
		if (c->kind == C_BLOB)
			memcpy(want, d->blobs.at + c->v * d->block_size + off, n);
		else
			disk_put(d, &part, want, n);
		for (i = 0; i < n; i++) {
			if (p[off + i] != want[i])
				return off + i;
		}
		part.v += part.kind == C_WORDS ? sizeof(want) / 8 * STEP : 0;
	}
	return len;
}

struct chunk disk_take(struct fuzz_disk *d, const uint8_t *p)
{
	struct chunk c = { .kind = C_ZERO };

	if (holds_zeros(p, d->block_size))
		return c;
	if (!GROW(d, d->blobs, d->block_size))
		return (struct chunk){ .kind = C_ANY };
	c.v = d->blobs.cnt / d->block_size;
	c.kind = C_BLOB;
	memcpy(d->blobs.at + d->blobs.cnt, p, d->block_size);
	d->blobs.cnt += d->block_size;
	return c;
}
