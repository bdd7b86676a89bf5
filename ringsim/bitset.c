/* SPDX-License-Identifier: MIT */
/* The slow operations of struct bitset; see internal.h. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

void bitset_fill(struct bitset *b)
{
	uint32_t i;

	memset(b->words, 0xff, b->n / 64 * 8);
	memset(b->summary, 0xff, b->n / 4096 * 8);
	for (i = b->n / 64 * 64; i < b->n; i++)
		b->words[i / 64] |= 1ull << (i % 64);
	for (i = b->n / 4096 * 64; i < (b->n + 63) / 64; i++)
		b->summary[i / 64] |= 1ull << (i % 64);
}

void bitset_resize(struct bitset *b, uint32_t n)
{
	memset(b->words, 0, ((b->n + 63) / 64 + 1) * sizeof(*b->words));
	memset(b->summary, 0, ((b->n + 4095) / 4096 + 1) * sizeof(*b->summary));
	b->n = n;
	bitset_fill(b);
}

int bitset_init(struct bitset *b, uint32_t n, bool full)
{
	b->n = n;
	b->words = calloc((n + 63) / 64 + 1, sizeof(uint64_t));
	b->summary = calloc((n + 4095) / 4096 + 1, sizeof(uint64_t));
	if (!b->words || !b->summary)
		return -ENOMEM; /* GCOVR_EXCL_LINE */
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

uint32_t bitset_last_clear(const struct bitset *b, uint32_t end)
{
	uint32_t i = end;

	while (i > 0 && bitset_has(b, i - 1))
		i--;
	return i > 0 ? i - 1 : end;
}
