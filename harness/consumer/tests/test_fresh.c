/* SPDX-License-Identifier: MIT */
/* consumer_ring_fresh() while the kernel goes on: between any two of its looks an entry is laid or
 * published (HND-071). */
#include <stdbool.h>
#include <stdint.h>

static void look(const void *base, bool store);
#define SHM_LOOK(base, off, len, store) look(base, store)
#include "../fresh.c"

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdlib.h>

#define RING  128u
#define SIZE  1024u
#define ENTRY 128u

/* What happens beside: entry number @next is laid at look @lay, published at look @publish. */
static struct side {
	uint8_t region[RING + SIZE] __attribute__((aligned(64)));
	uint32_t looks, lay, publish, entries;
	bool inside;
} side;

static void put32(uint32_t off, uint32_t v)
{
	__atomic_store_n((uint32_t *)(void *)(side.region + off), v, __ATOMIC_RELEASE);
}

static void lay(uint32_t number)
{
	memset(side.region + RING + number * ENTRY, 0x11, ENTRY);
	memset(side.region + RING + number * ENTRY + 8, 0, 8);
	put32(RING + number * ENTRY, ENTRY | TCMU_OP_CMD);
}

static void look(const void *base, bool store)
{
	(void)base;
	(void)store;
	if (side.inside)
		return;
	side.inside = true;
	side.looks++;
	if (side.looks == side.lay)
		lay(side.entries);
	if (side.looks == side.publish)
		put32(RINGSIM_OFF_HEAD, ++side.entries * ENTRY);
	side.inside = false;
}

static void begin(uint32_t entries)
{
	struct tcmu_mailbox mb = { .version = 2, .cmdr_off = RING, .cmdr_size = SIZE };
	uint32_t i;

	memset(&side, 0, sizeof(side));
	memcpy(side.region, &mb, sizeof(mb));
	for (i = 0; i < entries; i++)
		lay(i);
	side.entries = entries;
	put32(RINGSIM_OFF_HEAD, entries * ENTRY);
}

static void entries_that_come_meanwhile(void)
{
	uint32_t at, later;

	for (at = 1; at < SIZE; at++)
		for (later = 0; later < 300; later += 1 + later / 2) {
			begin(2);
			side.lay = at;
			side.publish = at + later;
			CU_ASSERT(consumer_ring_fresh(side.region, sizeof(side.region)));
		}
}

static void what_is_never_published(void)
{
	begin(2);
	lay(2);
	CU_ASSERT_FALSE(consumer_ring_fresh(side.region, sizeof(side.region)));
}

static void rings_at_rest(void)
{
	begin(0);
	CU_ASSERT(consumer_ring_fresh(side.region, sizeof(side.region)));
	CU_ASSERT_FALSE(consumer_ring_fresh(side.region, 8));
	begin(3);
	CU_ASSERT(consumer_ring_fresh(side.region, sizeof(side.region)));
	put32(RINGSIM_OFF_TAIL, ENTRY);
	CU_ASSERT_FALSE(consumer_ring_fresh(side.region, sizeof(side.region)));
	begin(3); /* one lap: the head is small, older entries are beyond */
	put32(RINGSIM_OFF_HEAD, ENTRY);
	CU_ASSERT_FALSE(consumer_ring_fresh(side.region, sizeof(side.region)));
}

static void hostile_heads(void)
{
	begin(1);
	put32(RINGSIM_OFF_HEAD, 0xfffffff8u);
	CU_ASSERT_FALSE(consumer_ring_fresh(side.region, sizeof(side.region)));
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("fresh", NULL, NULL);
	CU_add_test(s, "entries that come meanwhile", entries_that_come_meanwhile);
	CU_add_test(s, "what is never published", what_is_never_published);
	CU_add_test(s, "rings at rest", rings_at_rest);
	CU_add_test(s, "hostile heads", hostile_heads);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
