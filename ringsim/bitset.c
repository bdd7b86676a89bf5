/* SPDX-License-Identifier: MIT */
/* The slow operations of struct bitset; see internal.h. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t words(const struct bitset *b)
{
	return (b->n + 63) / 64;
}

static void move_low(struct bitset *b, uint32_t word)
{
	b->low = b->words + word;
	b->base = word * 64;
}

/* Lets the summary say of the word @low what is so. */
static void sum_up(struct bitset *b)
{
	uint64_t bit = 1ull << (b->base / 64 % 64);

	if (*b->low)
		b->summary[b->base / 4096] |= bit;
	else
		b->summary[b->base / 4096] &= ~bit;
}

void bitset_fill(struct bitset *b)
{
	uint32_t i;

	memset(b->words, 0xff, b->n / 64 * 8);
	memset(b->summary, 0xff, b->n / 4096 * 8);
	for (i = b->n / 64 * 64; i < b->n; i++)
		b->words[i / 64] |= 1ull << (i % 64);
	for (i = b->n / 4096 * 64; i < words(b); i++)
		b->summary[i / 64] |= 1ull << (i % 64);
	move_low(b, 0);
}

void bitset_resize(struct bitset *b, uint32_t n)
{
	memset(b->words, 0, (words(b) + 1) * sizeof(*b->words));
	memset(b->summary, 0, ((b->n + 4095) / 4096 + 1) * sizeof(*b->summary));
	b->n = n;
	bitset_fill(b);
}

int bitset_init(struct bitset *b, uint32_t n, bool full)
{
	b->n = n;
	b->words = calloc(words(b) + 1, sizeof(uint64_t));
	b->summary = calloc((n + 4095) / 4096 + 1, sizeof(uint64_t));
	if (!b->words || !b->summary)
		return -ENOMEM; /* GCOVR_EXCL_LINE */
	move_low(b, 0);
	if (full)
		bitset_fill(b);
	return 0;
}

void bitset_free(struct bitset *b)
{
	free(b->words);
	free(b->summary);
	*b = (struct bitset){ 0 };
}

bool bitset_seek(struct bitset *b)
{
	uint32_t s, sums = (words(b) + 63) / 64;

	sum_up(b);
	for (s = b->base / 4096; s < sums; s++) {
		if (b->summary[s]) {
			move_low(b, s * 64 + (uint32_t)__builtin_ctzll(b->summary[s]));
			return true;
		}
	}
	return false;
}

void bitset_add_far(struct bitset *b, uint32_t i)
{
	b->words[i / 64] |= 1ull << (i % 64);
	b->summary[i / 4096] |= 1ull << (i / 64 % 64);
	if (i < b->base) {
		sum_up(b);
		move_low(b, i / 64);
	}
}

void bitset_del(struct bitset *b, uint32_t i)
{
	uint64_t *word = b->words + i / 64;

	*word &= ~(1ull << (i % 64));
	if (!*word && word != b->low)
		b->summary[i / 4096] &= ~(1ull << (i / 64 % 64));
}

uint32_t bitset_last_clear(const struct bitset *b, uint32_t end)
{
	uint32_t i = end;

	while (i > 0 && bitset_has(b, i - 1))
		i--;
	return i > 0 ? i - 1 : end;
}
