/* SPDX-License-Identifier: MIT */
/* When the adaptive spin looks, and what it can lose, in made-up time. */
#include "fixture.h"

#include "../spin.h"

#define WORK_NS 10000u

/* @n times WORK_NS of work and a wait that would end after @ns; returns nanoseconds looked. */
static uint64_t waits(struct spin *s, unsigned int n, uint64_t ns)
{
	uint64_t looked = 0;

	while (n-- != 0) {
		uint64_t budget = spin_begin(s, WORK_NS);

		if (budget == 0)
			continue;
		spin_end(s, ns <= budget);
		looked += ns <= budget ? ns : budget;
	}
	return looked;
}

static void test_steady(void)
{
	struct spin_seats seats;
	struct spin s;

	spin_seats_init(&seats, 2, 2);
	spin_adaptive(&s, &seats);
	CU_ASSERT_EQUAL(waits(&s, 1000, 20000), 1000ull * 20000);
	CU_ASSERT_EQUAL(s.looks, 1000);
	CU_ASSERT_EQUAL(s.paid, 1000);
	CU_ASSERT_EQUAL(seats.free, 1);
}

/* How far it looks ahead depends on what work takes and a sleep costs, up to a limit. */
static void test_near(void)
{
	struct spin_seats seats;
	struct spin s;

	spin_seats_init(&seats, 2, 2);
	spin_adaptive(&s, &seats);
	for (uint64_t work_ns = 0; work_ns < 10000000; work_ns = 2 * work_ns + 1) {
		uint64_t budget = spin_begin(&s, work_ns);

		CU_ASSERT(budget != 0);
		CU_ASSERT(budget <= SPIN_LIMIT_NS);
		CU_ASSERT(budget <= SPIN_NEAR * work_ns || budget == 1);
		CU_ASSERT(budget >= SPIN_NEAR * work_ns || budget == SPIN_LIMIT_NS);
		spin_end(&s, true);
	}
	CU_ASSERT_EQUAL(spin_begin(&s, UINT64_MAX), SPIN_LIMIT_NS);
	spin_end(&s, true);
	spin_slept(&s, 5000);
	CU_ASSERT_EQUAL(spin_begin(&s, 1000), SPIN_NEAR * 6000);
	spin_end(&s, true);
	for (int i = 0; i < 100; i++)
		spin_slept(&s, 20000);
	CU_ASSERT(spin_begin(&s, 1000) > SPIN_NEAR * 20000);
	spin_end(&s, true);
	spin_slept(&s, UINT64_MAX);
	CU_ASSERT(spin_begin(&s, 1000) <= SPIN_LIMIT_NS);
	spin_end(&s, true);
}

/* Waits of 10 ms: hardly anything of them is spent looking, after a fast start or at once. */
static void test_idle(void)
{
	struct spin_seats seats;
	uint64_t looked;
	struct spin s;

	spin_seats_init(&seats, 8, 8);
	spin_adaptive(&s, &seats);
	for (int round = 0; round < 2; round++) {
		looked = waits(&s, 100000, 10000000);
		CU_ASSERT(looked >= SPIN_VAIN_MAX * WORK_NS);
		CU_ASSERT(looked < 100000ull * WORK_NS / 100);
		CU_ASSERT_EQUAL(s.paid, 0);
		waits(&s, 3000, 5000);
		CU_ASSERT(s.paid >= 3000 - SPIN_REST_MAX); /* it comes back to it */
		s.paid = 0;
	}
	CU_ASSERT_EQUAL(seats.free, 7);
}

/* One wait in three is long: it goes on looking, and for no longer than that may cost. */
static void test_mixed(void)
{
	struct spin_seats seats;
	uint64_t looked = 0;
	struct spin s;

	spin_seats_init(&seats, 2, 2);
	spin_adaptive(&s, &seats);
	for (int i = 0; i < 1000; i++) {
		waits(&s, 2, 5000);
		looked += waits(&s, 1, 2000000);
	}
	CU_ASSERT_EQUAL(s.paid, 2000);
	CU_ASSERT_EQUAL(looked, 1000ull * SPIN_NEAR * WORK_NS);
}

/* Two waits in three are long: it soon stops looking, in spite of what it finds. */
static void test_mostly_late(void)
{
	struct spin_seats seats;
	uint64_t looked = 0;
	struct spin s;

	spin_seats_init(&seats, 2, 2);
	spin_adaptive(&s, &seats);
	for (int i = 0; i < 10000; i++) {
		waits(&s, 1, 5000);
		looked += waits(&s, 2, 2000000);
	}
	CU_ASSERT(s.paid < 1000);
	CU_ASSERT(looked < 1000ull * SPIN_NEAR * WORK_NS);
}

/* One pace, then another: just near enough pays each time, and a little later not at all. */
static void test_slower(void)
{
	struct spin_seats seats;
	struct spin s;

	spin_seats_init(&seats, 2, 2);
	spin_adaptive(&s, &seats);
	waits(&s, 1000, 5000);
	waits(&s, 1000, SPIN_NEAR * WORK_NS);
	CU_ASSERT_EQUAL(s.paid, 2000);
	CU_ASSERT(waits(&s, 1000, SPIN_NEAR * WORK_NS + 1) < 30ull * SPIN_NEAR * WORK_NS);
	CU_ASSERT_EQUAL(s.paid, 2000);
}

static void test_one_cpu(void)
{
	struct spin_seats seats;
	struct spin s;

	for (long cpus = -1; cpus < 2; cpus++) {
		spin_seats_init(&seats, cpus, cpus);
		spin_adaptive(&s, &seats);
		CU_ASSERT_EQUAL(waits(&s, 1000, 1), 0);
		CU_ASSERT_EQUAL(s.looks, 0);
		CU_ASSERT_EQUAL(seats.free, 0);
	}
}

/* Three processors: two may look, the third thread sleeps until one of them is through. */
static void test_seats(void)
{
	struct spin_seats seats;
	struct spin s[3];

	spin_seats_init(&seats, 3, 3);
	for (int i = 0; i < 3; i++)
		spin_adaptive(&s[i], &seats);
	CU_ASSERT(spin_begin(&s[0], WORK_NS) != 0);
	CU_ASSERT(spin_begin(&s[1], WORK_NS) != 0);
	CU_ASSERT_EQUAL(spin_begin(&s[2], WORK_NS), 0);
	CU_ASSERT_EQUAL(s[2].looks, 0);
	spin_end(&s[0], true);
	CU_ASSERT(spin_begin(&s[2], WORK_NS) != 0);
	spin_end(&s[1], false);
	spin_end(&s[2], true);
	CU_ASSERT_EQUAL(seats.free, 2);
	spin_seats_init(&seats, 8, 1); /* bound to a processor of its own */
	CU_ASSERT_EQUAL(seats.free, 1);
}

static void test_fixed(void)
{
	struct spin s;

	spin_fixed(&s, 0);
	CU_ASSERT_EQUAL(waits(&s, 10, 1), 0);
	CU_ASSERT_EQUAL(s.looks, 0);
	spin_fixed(&s, 30);
	CU_ASSERT_EQUAL(waits(&s, 100, 50000), 100ull * 30000);
	CU_ASSERT_EQUAL(waits(&s, 100, 30000), 100ull * 30000);
	CU_ASSERT_EQUAL(s.looks, 200);
	CU_ASSERT_EQUAL(s.paid, 100);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "work that comes soon", test_steady },
		{ "as near as work is long", test_near },
		{ "no work", test_idle },
		{ "now soon, now late", test_mixed },
		{ "mostly late", test_mostly_late },
		{ "another pace", test_slower },
		{ "one processor", test_one_cpu },
		{ "more threads than processors", test_seats },
		{ "as long as it was told", test_fixed },
		CU_TEST_INFO_NULL,
	};

	return run_suite("spin", tests);
}
