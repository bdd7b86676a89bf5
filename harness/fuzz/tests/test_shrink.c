/* SPDX-License-Identifier: MIT */
/* The shrinker reaches the minimum that somebody would write by hand, and never loses the mistake.
 */
#include "../shrink.h"

#include <ringsim/device.h>
#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* A thousand operations of every kind, with READ(10)s of several blocks among them. */
static void noise(struct fuzz_program *p, uint32_t cnt, uint64_t seed)
{
	*p = (struct fuzz_program){ .setup = { .ring = 8192, .blocks = 100, .depth = 7 } };
	while (p->cnt < cnt) {
		struct fuzz_op *op = fuzz_push(p, next(&seed) % FUZZ_FREE);

		op->n[0] = next(&seed) % 1000;
		op->n[1] = next(&seed) % 10;
		if (op->verb != FUZZ_SUBMIT)
			continue;
		op->cdb_len = 10;
		op->cdb[0] = 0x28;
		op->cdb[5] = (uint8_t)next(&seed);
		op->cdb[8] = 8;
		op->n[FUZZ_S_DIR] = RINGSIM_FROM_DEVICE;
		op->n[FUZZ_S_LEN] = 4096;
	}
}

/* A kill, then a restart, then a read of at least three blocks from block 100 on. */
static bool dies(void *ctx, const struct fuzz_program *p)
{
	uint32_t i, seen = 0;

	++*(uint32_t *)ctx;
	for (i = 0; i < p->cnt; i++) {
		const struct fuzz_op *op = &p->ops[i];

		if (seen == 0 && op->verb == FUZZ_KILL)
			seen = 1;
		else if (seen == 1 && op->verb == FUZZ_RESTART)
			seen = 2;
		else if (seen == 2 && op->verb == FUZZ_SUBMIT && op->cdb[0] == 0x28 &&
			 op->cdb[5] >= 100 && op->cdb[8] >= 3 && op->n[FUZZ_S_LEN] >= 3 * 512)
			return true;
	}
	return false;
}

static void finds_the_minimum(void)
{
	uint32_t calls = 0;
	uint64_t seed;

	for (seed = 1; seed < 6; seed++) {
		struct fuzz_program p;
		const struct fuzz_op *op;

		noise(&p, 1000, seed);
		CU_ASSERT_TRUE_FATAL(dies(&calls, &p));
		calls = 0;
		CU_ASSERT_EQUAL(fuzz_shrink(&p, dies, &calls, 10000), calls);
		CU_ASSERT_TRUE(dies(&calls, &p));
		CU_ASSERT_EQUAL_FATAL(p.cnt, 3);
		op = &p.ops[2];
		CU_ASSERT_EQUAL(p.ops[0].n[0], 0);
		CU_ASSERT_EQUAL(p.setup.ring, 0);
		CU_ASSERT_EQUAL(p.setup.depth, 0);
		CU_ASSERT_TRUE(op->cdb[8] <= 4);
		CU_ASSERT_EQUAL(op->n[FUZZ_S_LEN], 1536);
		CU_ASSERT_EQUAL(op->cdb[2], 0);
		fuzz_program_free(&p);
	}
}

/* Plugs must be balanced, and one of them is what it takes. */
static bool balanced(void *ctx, const struct fuzz_program *p)
{
	uint32_t i, turns = 0;
	int depth = 0;

	(void)ctx;
	for (i = 0; i < p->cnt; i++) {
		if (p->ops[i].verb == FUZZ_PLUG)
			depth++;
		else if (p->ops[i].verb == FUZZ_UNPLUG)
			depth--;
		else if (p->ops[i].verb == FUZZ_TURN)
			turns += (uint32_t)p->ops[i].n[0];
		if (depth < 0 || depth > 1)
			return false;
	}
	return !depth && turns >= 40;
}

static void drops_what_belongs_together(void)
{
	struct fuzz_program p = { 0 };
	uint32_t i;

	for (i = 0; i < 100; i++) {
		fuzz_push(&p, FUZZ_PLUG);
		fuzz_push(&p, FUZZ_TURN)->n[0] = 1;
		fuzz_push(&p, FUZZ_UNPLUG);
	}
	fuzz_shrink(&p, balanced, NULL, 10000);
	CU_ASSERT_EQUAL(p.cnt, 1);
	CU_ASSERT_EQUAL(p.ops[0].n[0], 40);
	fuzz_program_free(&p);
}

/* An "at" goes with what it is about. */
static bool at_is_followed(void *ctx, const struct fuzz_program *p)
{
	uint32_t i, events = 0;

	(void)ctx;
	for (i = 0; i < p->cnt; i++) {
		if (p->ops[i].verb == FUZZ_AT &&
		    (i + 1 == p->cnt || p->ops[i + 1].verb != FUZZ_EVENT))
			return false;
		events += p->ops[i].verb == FUZZ_EVENT && i && p->ops[i - 1].verb == FUZZ_AT;
	}
	return events >= 2;
}

static void drops_at_with_its_operation(void)
{
	struct fuzz_program p = { 0 };
	uint32_t i;

	for (i = 0; i < 40; i++) {
		fuzz_push(&p, FUZZ_AT)->n[0] = 17;
		fuzz_push(&p, FUZZ_EVENT);
	}
	fuzz_shrink(&p, at_is_followed, NULL, 10000);
	CU_ASSERT_EQUAL(p.cnt, 4);
	CU_ASSERT_EQUAL(p.ops[0].n[0], 0);
	fuzz_program_free(&p);
}

/* Reads take their place in the ring; what must be seen is the fourth unit before its end. */
static bool comes_to_the_end(void *ctx, const struct fuzz_program *p)
{
	uint32_t i, at = p->setup.ring_start;

	(void)ctx;
	for (i = 0; i < p->cnt && p->ops[i].verb == FUZZ_SUBMIT; i++, at += 120)
		if (p->setup.ring == 4096 && at == 4096 - 32)
			return true;
	return false;
}

static void begins_where_it_matters(void)
{
	struct fuzz_program p = { .setup = { .ring = 4096, .ring_start = 464 } };
	uint32_t i;

	for (i = 0; i < 40; i++)
		fuzz_push(&p, FUZZ_SUBMIT);
	CU_ASSERT_TRUE_FATAL(comes_to_the_end(NULL, &p));
	fuzz_shrink(&p, comes_to_the_end, NULL, 10000);
	CU_ASSERT_EQUAL(p.cnt, 1);
	CU_ASSERT_EQUAL(p.setup.ring_start, 4096 - 32);
	fuzz_program_free(&p);
}

static bool never(void *ctx, const struct fuzz_program *p)
{
	(void)ctx;
	(void)p;
	return false;
}

static bool slow(void *ctx, const struct fuzz_program *p)
{
	struct timespec ts = { .tv_nsec = 1000000 };

	nanosleep(&ts, NULL);
	return dies(ctx, p);
}

/* What shows nothing stays as it is, and time ends it with something that still shows it. */
static void stays_and_stops(void)
{
	struct fuzz_program p, q;
	uint32_t calls = 0;

	noise(&p, 50, 1);
	CU_ASSERT_EQUAL_FATAL(fuzz_program_copy(&q, &p), 0);
	CU_ASSERT_TRUE(fuzz_shrink(&p, never, NULL, 10000) > 0);
	CU_ASSERT_EQUAL(p.cnt, q.cnt);
	CU_ASSERT_FALSE(memcmp(p.ops, q.ops, p.cnt * sizeof(*p.ops)));
	CU_ASSERT_FALSE(memcmp(&p.setup, &q.setup, sizeof(p.setup)));
	fuzz_program_free(&p);
	fuzz_program_free(&q);
	noise(&p, 1000, 1);
	fuzz_shrink(&p, slow, &calls, 40);
	CU_ASSERT_TRUE(calls < 200);
	CU_ASSERT_TRUE(p.cnt < 1000);
	CU_ASSERT_TRUE(dies(&calls, &p));
	fuzz_program_free(&p);
}

/* A READ sees what nobody wrote: what was left by a turn, or what the device begins with. */
static bool sees_foreign(void *ctx, const struct fuzz_program *p)
{
	uint32_t i;
	bool written = p->setup.poison;

	++*(uint32_t *)ctx;
	for (i = 0; i < p->cnt; i++) {
		if (p->ops[i].verb == FUZZ_SUBMIT && p->ops[i].cdb[0] == 0x28 &&
		    p->ops[i].n[FUZZ_S_LEN] == 12288 && written)
			return true;
		written |= p->ops[i].verb == FUZZ_TURN;
	}
	return false;
}

/* Where a candidate takes long there is only time for some dozens. */
static void asks_for_the_last_alone(void)
{
	struct fuzz_program p;
	uint32_t calls = 0;

	noise(&p, 1000, 1);
	fuzz_push(&p, FUZZ_SUBMIT)->cdb[0] = 0x28;
	p.ops[1000].cdb_len = 10;
	p.ops[1000].n[FUZZ_S_LEN] = 12288;
	CU_ASSERT_TRUE_FATAL(sees_foreign(&calls, &p));
	fuzz_shrink(&p, sees_foreign, &calls, 10000);
	CU_ASSERT_EQUAL(p.cnt, 1);
	CU_ASSERT_EQUAL(p.setup.poison, 1);
	CU_ASSERT_TRUE(calls < 200);
	fuzz_program_free(&p);
}

/* A death in the sixth step of a WRITE, of which each other command takes twenty. */
static bool dies_in_write(void *ctx, const struct fuzz_program *p)
{
	uint64_t left = 0;
	uint32_t i;

	(void)ctx;
	for (i = 0; i < p->cnt; i++) {
		const struct fuzz_op *op = &p->ops[i];

		if (op->verb == FUZZ_KILL)
			left = op->n[0];
		if (op->verb != FUZZ_SUBMIT || !left)
			continue;
		if (op->cdb[0] == 0x2a)
			return left == 6 && i + 1 < p->cnt && p->ops[i + 1].verb == FUZZ_SETTLE;
		left = left > 20 ? left - 20 : 0;
	}
	return false;
}

/* Neither of two numbers can change alone: how many commands there are, and after how many steps it
 * dies. */
static void dies_in_one_command(void)
{
	struct fuzz_program p = { 0 };
	uint32_t i;

	fuzz_push(&p, FUZZ_KILL)->n[0] = 4 * 20 + 6;
	for (i = 0; i < 5; i++) {
		struct fuzz_op *op = fuzz_push(&p, FUZZ_SUBMIT);

		op->cdb[0] = i < 4 ? 0x28 : 0x2a;
		op->cdb_len = 10;
	}
	fuzz_push(&p, FUZZ_SETTLE);
	CU_ASSERT_TRUE_FATAL(dies_in_write(NULL, &p));
	fuzz_shrink(&p, dies_in_write, NULL, 10000);
	CU_ASSERT_EQUAL(p.cnt, 3);
	CU_ASSERT_EQUAL(p.ops[0].n[0], 6);
	fuzz_program_free(&p);
}

int main(void)
{
	CU_pSuite suite;
	unsigned int failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("fuzz shrink", NULL, NULL);
	CU_add_test(suite, "the minimum", finds_the_minimum);
	CU_add_test(suite, "pairs", drops_what_belongs_together);
	CU_add_test(suite, "at", drops_at_with_its_operation);
	CU_add_test(suite, "the end of the ring", begins_where_it_matters);
	CU_add_test(suite, "the last alone", asks_for_the_last_alone);
	CU_add_test(suite, "a death", dies_in_one_command);
	CU_add_test(suite, "no gain, no time", stays_and_stops);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
