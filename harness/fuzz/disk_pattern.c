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

/*
 * The loops, compiled twice where a processor may do 32 bytes at once. @v is the base; the words of
 * a block are in two quads that leap over each other.
 */
#define INLINE static inline __attribute__((always_inline))
#ifdef __x86_64__
#define WIDER __attribute__((target("avx2")))
#endif

INLINE void put_words(uint64_t v, uint8_t *to, uint32_t len)
{
	const quad leap = { 8 * STEP, 8 * STEP, 8 * STEP, 8 * STEP };
	quad a = { v, v + STEP, v + 2 * STEP, v + 3 * STEP };
	quad b = a + (quad){ 4 * STEP, 4 * STEP, 4 * STEP, 4 * STEP };
	uint32_t n = len / 64;

	for (v += n * 8 * STEP; n != 0; n--, to += 64, a += leap, b += leap) {
		*(quad *)to = a;
		*(quad *)(to + 32) = b;
	}
	for (n = len % 64 / 8; n != 0; n--, to += 8, v += STEP)
		*(word *)to = v;
	if (len % 8)
		memcpy(to, &v, len % 8);
}

INLINE bool hold_words(uint64_t v, const uint8_t *p, uint32_t len)
{
	const quad leap = { 8 * STEP, 8 * STEP, 8 * STEP, 8 * STEP };
	quad a = { v, v + STEP, v + 2 * STEP, v + 3 * STEP };
	quad b = a + (quad){ 4 * STEP, 4 * STEP, 4 * STEP, 4 * STEP };
	quad diff = { 0 }, other = { 0 };
	uint32_t n = len / 64;
	uint64_t rest;

	for (v += n * 8 * STEP; n != 0; n--, p += 64, a += leap, b += leap) {
		diff |= *(const quad *)p ^ a;
		other |= *(const quad *)(p + 32) ^ b;
	}
	diff |= other;
	rest = diff[0] | diff[1] | diff[2] | diff[3];
	for (n = len % 64 / 8; n != 0; n--, p += 8, v += STEP)
		rest |= *(const word *)p ^ v;
	return rest == 0 && (len % 8 == 0 || memcmp(p, &v, len % 8) == 0);
}

INLINE bool hold_zeros(const uint8_t *p, uint32_t len)
{
	quad any = { 0 };
	uint64_t rest;
	uint32_t n;

	for (n = len / 32; n != 0; n--, p += 32)
		any |= *(const quad *)p;
	rest = any[0] | any[1] | any[2] | any[3];
	for (n = len % 32; n != 0; n--, p++)
		rest |= *p;
	return rest == 0;
}

static void put_plain(uint64_t v, uint8_t *to, uint32_t len)
{
	put_words(v, to, len);
}

static bool plain_words(uint64_t v, const uint8_t *p, uint32_t len)
{
	return hold_words(v, p, len);
}

static bool plain_zeros(const uint8_t *p, uint32_t len)
{
	return hold_zeros(p, len);
}

#ifdef WIDER
WIDER static void put_wider(uint64_t v, uint8_t *to, uint32_t len)
{
	put_words(v, to, len);
}

WIDER static bool wider_words(uint64_t v, const uint8_t *p, uint32_t len)
{
	return hold_words(v, p, len);
}

WIDER static bool wider_zeros(const uint8_t *p, uint32_t len)
{
	return hold_zeros(p, len);
}

bool disk_wider(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
#define put_wider   put_plain
#define wider_words plain_words
#define wider_zeros plain_zeros

bool disk_wider(void)
{
	return false;
}
#endif

static bool holds_zeros(const struct fuzz_disk *d, const uint8_t *p, uint32_t len)
{
	if (len >= 8 && *(const word *)p != 0)
		return false;
	return d->wider ? wider_zeros(p, len) : plain_zeros(p, len);
}

void disk_put(const struct fuzz_disk *d, const struct chunk *c, uint8_t *to, uint32_t len)
{
	if (c->kind == C_WORDS)
		(d->wider ? put_wider : put_plain)(c->v, to, len);
	else if (c->kind == C_BLOB)
		memcpy(to, d->blobs.at + c->v * d->block_size, len);
	else
		memset(to, 0, len);
}

bool disk_holds(const struct fuzz_disk *d, const struct chunk *c, const uint8_t *p, uint32_t len)
{
	switch (c->kind) {
	case C_ZERO:
		return holds_zeros(d, p, len);
	case C_WORDS:
		if (len >= 8 && *(const word *)p != c->v)
			return false;
		return d->wider ? wider_words(c->v, p, len) : plain_words(c->v, p, len);
	case C_BLOB:
		return memcmp(p, d->blobs.at + c->v * d->block_size, len) == 0;
	default:
		return true;
	}
}

void disk_part(const struct fuzz_disk *d, const struct chunk *c, uint32_t off, uint8_t *to,
	       uint32_t len)
{
	struct chunk part = *c;

	if (c->kind == C_WORDS)
		part.v += off / 8 * STEP;
	if (c->kind == C_BLOB)
		memcpy(to, d->blobs.at + c->v * d->block_size + off, len);
	else
		disk_put(d, &part, to, len);
}

uint32_t disk_differs(const struct fuzz_disk *d, const struct chunk *c, const uint8_t *p,
		      uint32_t len)
{
	uint32_t off, n, i;
	uint8_t want[PART];

	if (c->kind == C_ANY)
		return len;
	for (off = 0; off < len; off += n) {
		n = len - off < PART ? len - off : PART;
		disk_part(d, c, off, want, n);
		for (i = 0; i < n; i++) {
			if (p[off + i] != want[i])
				return off + i;
		}
	}
	return len;
}

struct chunk disk_take(struct fuzz_disk *d, const uint8_t *p)
{
	struct chunk c = { .kind = C_ZERO };

	if (holds_zeros(d, p, d->block_size))
		return c;
	if (!GROW(d, d->blobs, d->block_size))
		return (struct chunk){ .kind = C_ANY };
	c.v = d->blobs.cnt / d->block_size;
	c.kind = C_BLOB;
	memcpy(d->blobs.at + d->blobs.cnt, p, d->block_size);
	d->blobs.cnt += d->block_size;
	return c;
}
