/* SPDX-License-Identifier: MIT */
/* The set of small integers, against an array of bools, at sizes around its word and summary. */
#include "rig.h"

#include "../internal.h"

static const uint32_t sizes[] = { 1, 63, 64, 65, 127, 4095, 4096, 4097, 8192, 65536 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static uint32_t model_first(const bool *m, uint32_t n)
{
	uint32_t i = 0;

	while (i < n && !m[i])
		i++;
	return i;
}

static uint32_t model_last_clear(const bool *m, uint32_t end)
{
	uint32_t i;

	for (i = end; i > 0; i--)
		if (!m[i - 1])
			return i - 1;
	return end;
}

/* Members beyond the end would be given out as blocks that do not exist. */
static void test_full(void)
{
	struct bitset b;
	uint32_t k, i;

	for (k = 0; k < SIZES; k++) {
		CU_ASSERT_EQUAL_FATAL(bitset_init(&b, sizes[k], true), 0);
		for (i = 0; i < sizes[k]; i++) {
			CU_ASSERT_EQUAL_FATAL(bitset_first(&b), i);
			bitset_del(&b, i);
		}
		CU_ASSERT_EQUAL(bitset_first(&b), BITSET_NONE);
		for (i = 0; i <= sizes[k] / 64; i++)
			CU_ASSERT_EQUAL(b.words[i], 0);
		for (i = 0; i <= sizes[k] / 4096; i++)
			CU_ASSERT_EQUAL(b.summary[i], 0);
		bitset_free(&b);
	}
}

static void random_walk(uint32_t n, uint64_t seed)
{
	bool *m = calloc(n, sizeof(*m));
	uint32_t members = 0, i, k;
	struct bitset b;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL_FATAL(bitset_init(&b, n, false), 0);
	for (k = 0; k < 3000; k++) {
		i = (uint32_t)(rig_random(&seed) % n);
		if (rig_random(&seed) & 1) {
			members += !m[i];
			m[i] = true;
			bitset_add(&b, i);
		} else {
			members -= m[i];
			m[i] = false;
			bitset_del(&b, i);
		}
		CU_ASSERT_EQUAL(bitset_has(&b, i), m[i]);
		CU_ASSERT_EQUAL(bitset_first(&b), members ? model_first(m, n) : BITSET_NONE);
		if (members && k % 3 == 0) {
			m[bitset_first(&b)] = false;
			members--;
			bitset_del_first(&b);
		}
		i = (uint32_t)(rig_random(&seed) % n) + 1;
		CU_ASSERT_EQUAL(bitset_last_clear(&b, i), model_last_clear(m, i));
	}
	bitset_free(&b);
	free(m);
}

static void test_random(void)
{
	uint32_t k;

	for (k = 0; k < SIZES; k++)
		random_walk(sizes[k], k);
}

static void test_last_clear(void)
{
	struct bitset b;

	CU_ASSERT_EQUAL_FATAL(bitset_init(&b, 200, true), 0);
	CU_ASSERT_EQUAL(bitset_last_clear(&b, 200), 200);
	CU_ASSERT_EQUAL(bitset_last_clear(&b, 0), 0);
	bitset_del(&b, 0);
	CU_ASSERT_EQUAL(bitset_last_clear(&b, 200), 0);
	bitset_del(&b, 130);
	CU_ASSERT_EQUAL(bitset_last_clear(&b, 200), 130);
	CU_ASSERT_EQUAL(bitset_last_clear(&b, 130), 0);
	bitset_free(&b);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "a full set holds exactly its members", test_full },
		{ "random members", test_random },
		{ "the last that is not a member", test_last_clear },
		CU_TEST_INFO_NULL,
	};

	return rig_run("bitset", tests);
}
