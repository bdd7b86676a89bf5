/* SPDX-License-Identifier: MIT */
/* When the adaptive spin looks, and what it can lose, in made-up time. */
#include "fixture.h"

#include "../spin.h"

/* @n waits that would each have ended after @ns; returns nanoseconds looked. */
static uint64_t waits(struct spin *s, unsigned int n, uint64_t ns)
{
	uint64_t looked = 0;

	while (n-- != 0) {
		uint64_t budget = spin_begin(s);

		if (budget == 0)
			continue;
		if (ns <= budget)
			spin_end(s, ns, true);
		else
			spin_end(s, budget, false);
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
	/* it knows by now how long to look: far less than the limit */
	CU_ASSERT(spin_begin(&s) <= 100000);
	spin_end(&s, 1, false);
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
		CU_ASSERT(looked >= SPIN_LIMIT_NS);
		CU_ASSERT(looked < 100000ull * 10000000 / 10000);
		CU_ASSERT_EQUAL(s.paid, 0);
		waits(&s, 3000, 5000);
		CU_ASSERT(s.paid >= 3000 - SPIN_REST_MAX); /* it comes back to it */
		s.paid = 0;
	}
	CU_ASSERT_EQUAL(seats.free, 7);
}

/* One wait in two is long: it goes on looking, but only for as long as the short ones take. */
static void test_mixed(void)
{
	struct spin_seats seats;
	uint64_t looked = 0;
	struct spin s;

	spin_seats_init(&seats, 2, 2);
	spin_adaptive(&s, &seats);
	waits(&s, 100, 5000);
	s.paid = 0;
	for (int i = 0; i < 1000; i++) {
		waits(&s, 2, 5000);
		looked += waits(&s, 1, 2000000);
	}
	CU_ASSERT_EQUAL(s.paid, 2000);
	CU_ASSERT(looked <= 1000ull * 40000);
}

/* From 5 us to 300 us: beyond what it used to look, but it finds out. */
static void test_slower(void)
{
	struct spin_seats seats;
	struct spin s;

	spin_seats_init(&seats, 2, 2);
	spin_adaptive(&s, &seats);
	waits(&s, 1000, 5000);
	s.paid = 0;
	waits(&s, 1000, 300000);
	CU_ASSERT(s.paid >= 990);
	waits(&s, 1000, SPIN_LIMIT_NS + 1);
	CU_ASSERT(s.paid <= 1000);
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
	CU_ASSERT(spin_begin(&s[0]) != 0);
	CU_ASSERT(spin_begin(&s[1]) != 0);
	CU_ASSERT_EQUAL(spin_begin(&s[2]), 0);
	CU_ASSERT_EQUAL(s[2].looks, 0);
	spin_end(&s[0], 1000, true);
	CU_ASSERT(spin_begin(&s[2]) != 0);
	spin_end(&s[1], 1000, false);
	spin_end(&s[2], 1000, true);
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
		{ "no work", test_idle },
		{ "now soon, now late", test_mixed },
		{ "another pace", test_slower },
		{ "one processor", test_one_cpu },
		{ "more threads than processors", test_seats },
		{ "as long as it was told", test_fixed },
		CU_TEST_INFO_NULL,
	};

	return run_suite("spin", tests);
}
