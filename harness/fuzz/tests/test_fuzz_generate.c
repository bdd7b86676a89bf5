/* SPDX-License-Identifier: MIT */
/* The generator: the same seed gives the same program, and all of them are legal. */
#include "../generate.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 400

static struct fuzz_limits limits(enum fuzz_profile profile)
{
	return (struct fuzz_limits){ .profile = profile, .hotplug = true };
}

static char *print(const struct fuzz_program *p, size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fuzz_print(p, f);
	fclose(f);
	return text;
}

static bool same(const struct fuzz_program *a, const struct fuzz_program *b)
{
	return a->cnt == b->cnt && !memcmp(&a->setup, &b->setup, sizeof(a->setup)) &&
	       (!a->cnt || !memcmp(a->ops, b->ops, a->cnt * sizeof(*a->ops)));
}

/* A program that can be written down, read again, and is in range already. */
static void valid(const struct fuzz_program *p, const char *what, uint64_t seed)
{
	struct fuzz_program back;
	char err[256] = "";
	uint32_t i;
	size_t len;
	char *text;
	int rc;

	if (fuzz_setup_check(&p->setup, err, sizeof(err))) {
		CU_FAIL("setup is out of range");
		printf("%s %llu: %s\n", what, (unsigned long long)seed, err);
		return;
	}
	for (i = 0; i < p->cnt; i++) {
		struct fuzz_op op = p->ops[i];

		fuzz_op_tidy(&op);
		if (memcmp(&op, &p->ops[i], sizeof(op))) {
			CU_FAIL("operation is out of range");
			printf("%s %llu, operation %u: ", what, (unsigned long long)seed, i);
			fuzz_print_op(&p->ops[i], stdout);
			return;
		}
	}
	text = print(p, &len);
	rc = fuzz_parse(&back, text, len, err, sizeof(err));
	CU_ASSERT_EQUAL(rc, 0);
	if (rc) {
		printf("%s %llu: %s\n", what, (unsigned long long)seed, err);
	} else {
		CU_ASSERT_TRUE(same(p, &back));
		fuzz_program_free(&back);
	}
	free(text);
}

static void test_seeds(void)
{
	struct fuzz_program a = { 0 }, b = { 0 };
	uint32_t profile, seed, differ;

	for (profile = 0; profile < FUZZ_PROFILES; profile++) {
		struct fuzz_limits lim = limits(profile);

		for (seed = differ = 0; seed < SEEDS; seed++) {
			CU_ASSERT_EQUAL(fuzz_generate(&a, seed, &lim), 0);
			valid(&a, fuzz_profiles[profile], seed);
			CU_ASSERT_TRUE(a.cnt >= 1 && a.cnt <= 6000);
			if (seed)
				differ += !same(&a, &b);
			fuzz_program_free(&b);
			CU_ASSERT_EQUAL(fuzz_generate(&b, seed, &lim), 0);
			CU_ASSERT_TRUE(same(&a, &b));
		}
		CU_ASSERT_EQUAL(differ, SEEDS - 1);
	}
	fuzz_program_free(&a);
	fuzz_program_free(&b);
}

/* All verbs, and all opcodes but the one that never comes to a handler. */
static void test_everything_appears(void)
{
	uint64_t verbs[FUZZ_VERBS] = { 0 }, opcodes[256] = { 0 }, names[FUZZ_NAMES] = { 0 };
	struct fuzz_program p = { 0 };
	uint32_t profile, seed, i;

	for (profile = 1; profile < FUZZ_PROFILES; profile++) {
		struct fuzz_limits lim = limits(profile);

		for (seed = 0; seed < 20 * SEEDS; seed++) {
			CU_ASSERT_EQUAL(fuzz_generate(&p, seed, &lim), 0);
			names[p.setup.name]++;
			for (i = 0; i < p.cnt; i++) {
				verbs[p.ops[i].verb]++;
				if (p.ops[i].verb == FUZZ_SUBMIT)
					opcodes[p.ops[i].cdb[0]]++;
			}
		}
	}
	for (i = 0; i < FUZZ_VERBS; i++)
		if (!verbs[i]) {
			CU_FAIL("a verb never appears");
			printf("%s\n", fuzz_verb_name(i));
		}
	for (i = 0; i < 256; i++)
		if (!opcodes[i] != (i == 0xa0)) {
			CU_FAIL("an opcode never appears, or REPORT LUNS does");
			printf("%02x\n", i);
		}
	for (i = 0; i < FUZZ_NAMES; i++)
		CU_ASSERT_NOT_EQUAL(names[i], 0);
	fuzz_program_free(&p);
}

/* One command of each kind that a handler may take for another one, and what it is. */
static int rarity(const struct fuzz_op *op)
{
	const uint8_t *cdb = op->cdb, *list = op->bytes;
	static const uint8_t ones[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };

	if (op->verb != FUZZ_SUBMIT)
		return -1;
	if (cdb[0] == 0x15 && list[3] == 8 && !memcmp(list + 4, ones, 4))
		return 0; /* MODE SELECT: all blocks that there are */
	if (cdb[0] == 0x55 && list[4] & 1 && list[7] == 16 && !memcmp(list + 8, ones, 8))
		return 1;
	if (cdb[0] == 0x15 && list[3] == 8 && op->n[FUZZ_S_LEN] == 11)
		return 2; /* a block descriptor cut off */
	if (cdb[0] == 0x41 && cdb[1] == 0x01)
		return 3; /* NDOB where it is reserved */
	if (cdb[0] == 0x42 && op->bytes_len >= 40 && list[17] + list[33] > 0x10)
		return 4; /* ranges that are more together than are taken at once */
	return -1;
}

static void test_rarities(void)
{
	struct fuzz_limits lim = limits(FUZZ_P_SCSI);
	uint32_t found[5] = { 0 }, seed, i;
	struct fuzz_program p = { 0 };

	for (seed = 0; seed < 10 * SEEDS; seed++) {
		CU_ASSERT_EQUAL(fuzz_generate(&p, seed, &lim), 0);
		for (i = 0; i < p.cnt; i++)
			if (rarity(&p.ops[i]) >= 0)
				found[rarity(&p.ops[i])]++;
	}
	for (i = 0; i < 5; i++) {
		CU_ASSERT(found[i] >= 3);
		if (found[i] < 3)
			printf("rarity %u: %u times\n", i, found[i]);
	}
	fuzz_program_free(&p);
}

static bool for_processes(const struct fuzz_program *p)
{
	uint32_t i;

	for (i = 0; i < p->cnt; i++) {
		const struct fuzz_op *op = &p->ops[i];

		if (op->verb == FUZZ_AT || op->verb == FUZZ_FAULT ||
		    (op->verb == FUZZ_KILL && op->n[0]))
			return false;
	}
	return !p->setup.medium;
}

static bool plugs(const struct fuzz_program *p)
{
	uint32_t i;

	for (i = 0; i < p->cnt; i++)
		if (p->ops[i].verb == FUZZ_REMOVE || p->ops[i].verb == FUZZ_ADD ||
		    p->ops[i].verb == FUZZ_RECONFIG)
			return true;
	return false;
}

static void test_limits(void)
{
	static const uint32_t ops[] = { 1, 7, 8, 9, 40, 300, 1000 };
	struct fuzz_program p = { 0 };
	uint32_t profile, seed;

	for (profile = 0; profile < FUZZ_PROFILES; profile++) {
		struct fuzz_limits lim = { .profile = profile, .process = true };

		for (seed = 0; seed < SEEDS; seed++) {
			lim.ops = ops[seed % 7];
			CU_ASSERT_EQUAL(fuzz_generate(&p, seed, &lim), 0);
			CU_ASSERT_TRUE(p.cnt <= lim.ops);
			CU_ASSERT_TRUE(for_processes(&p));
			CU_ASSERT_FALSE(plugs(&p));
			CU_ASSERT_EQUAL(p.setup.seat, profile == FUZZ_P_SEAT);
		}
	}
	fuzz_program_free(&p);
}

/*
 * A ring is reset only while its handler is dead, and a handler that may answer out of order is
 * followed by a reset.
 */
static void lawful(const struct fuzz_program *p, uint64_t seed)
{
	bool dead = false, reset = false, ordered = p->setup.in_order || p->setup.no_ooo;
	uint32_t i;

	for (i = 0; i < p->cnt; i++) {
		const struct fuzz_op *op = &p->ops[i];

		if (op->verb == FUZZ_KILL && op->n[0] == 0) {
			dead = true;
			reset = false;
		} else if (op->verb == FUZZ_RESET) {
			reset = true;
			CU_ASSERT_TRUE(dead);
		} else if (op->verb == FUZZ_RESTART) {
			CU_ASSERT_TRUE(dead);
			CU_ASSERT_TRUE(ordered || reset);
			dead = false;
		}
		if (op->verb == FUZZ_AT && i + 1 < p->cnt)
			CU_ASSERT_TRUE(op[1].verb != FUZZ_RESET && op[1].verb != FUZZ_SETTLE);
		if (op->verb >= FUZZ_STORE && op->verb < FUZZ_VERBS) {
			CU_FAIL("the handler's side in a program that does not play it");
			printf("seed %llu\n", (unsigned long long)seed);
		}
	}
}

static void test_lawful(void)
{
	struct fuzz_program p = { 0 };
	uint32_t profile, seed;

	for (profile = 0; profile < FUZZ_P_SEAT; profile++) {
		struct fuzz_limits lim = limits(profile);

		for (seed = 0; seed < 4 * SEEDS; seed++) {
			CU_ASSERT_EQUAL(fuzz_generate(&p, seed, &lim), 0);
			lawful(&p, seed);
		}
	}
	fuzz_program_free(&p);
}

static void test_bytes(void)
{
	struct fuzz_limits lim = { .hotplug = true };
	struct fuzz_program a = { 0 }, b = { 0 };
	uint8_t buf[700];
	uint32_t round, i, len;
	uint64_t rng = 88172645463325252u;

	for (round = 0; round < 4000; round++) {
		len = round % sizeof(buf);
		for (i = 0; i < len; i++) {
			rng ^= rng << 13;
			rng ^= rng >> 7;
			rng ^= rng << 17;
			buf[i] = (uint8_t)(rng >> 24);
		}
		lim.profile = round % FUZZ_PROFILES;
		lim.ops = round % 3 ? 0 : 20;
		CU_ASSERT_EQUAL(fuzz_decode(&a, buf, len, &lim), 0);
		CU_ASSERT_EQUAL(fuzz_decode(&b, buf, len, &lim), 0);
		CU_ASSERT_TRUE(same(&a, &b));
		CU_ASSERT_TRUE(!lim.ops || a.cnt <= lim.ops);
		valid(&a, "bytes of round", round);
		if (lim.profile && lim.profile != FUZZ_P_SEAT)
			lawful(&a, round);
	}
	CU_ASSERT_EQUAL(fuzz_decode(&a, NULL, 0, &lim), 0);
	CU_ASSERT_EQUAL(a.cnt, 0);
	fuzz_program_free(&a);
	fuzz_program_free(&b);
}

/* What comes before a byte that changes, and what comes from later records, stays. */
static void test_locality(void)
{
	struct fuzz_limits lim = { .profile = FUZZ_P_SCSI };
	struct fuzz_program a = { 0 }, b = { 0 };
	uint8_t buf[32 + 16 * 20];
	uint32_t i, head, tail, most = 0;

	memset(buf, 0, sizeof(buf));
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * 37);
	CU_ASSERT_EQUAL(fuzz_decode(&a, buf, sizeof(buf), &lim), 0);
	for (i = 32 + 16 * 19; i < sizeof(buf); i++) {
		buf[i] ^= 0x55;
		CU_ASSERT_EQUAL(fuzz_decode(&b, buf, sizeof(buf), &lim), 0);
		buf[i] ^= 0x55;
		for (head = 0; head < a.cnt && head < b.cnt; head++)
			if (memcmp(&a.ops[head], &b.ops[head], sizeof(*a.ops)))
				break;
		tail = a.cnt - head;
		if (tail > most)
			most = tail;
	}
	/* the last of 20 moves is the only one that may have changed */
	CU_ASSERT_TRUE(most < a.cnt / 4);
	fuzz_program_free(&a);
	fuzz_program_free(&b);
}

/* 2 orders, with and without batch, 3 things at 24 steps, and 9 pairs of things at 300 pairs. */
static void test_windows(void)
{
	struct fuzz_limits lim = { 0 };
	struct fuzz_program p = { 0 };
	uint8_t seen[25][25] = { { 0 } };
	uint32_t first, last, i, pairs = 0;
	uint64_t n;
	int rc;

	for (n = 0; (rc = fuzz_window(&p, n, &lim)) == 0; n++) {
		valid(&p, "window", n);
		for (i = first = last = 0; i < p.cnt; i++) {
			if (p.ops[i].verb != FUZZ_AT)
				continue;
			last = (uint32_t)p.ops[i].n[0];
			if (!first)
				first = last;
			CU_ASSERT_FATAL(first >= 1 && first <= last && last <= 24);
		}
		seen[first][last] = 1;
	}
	CU_ASSERT_EQUAL(rc, -ENOENT);
	CU_ASSERT_EQUAL(n, 2 * 2 * (3 * 24 + 9 * 300));
	for (first = 1; first <= 24; first++)
		for (last = first; last <= 24; last++)
			pairs += seen[first][last];
	CU_ASSERT_EQUAL(pairs, 300);
	lim.process = true;
	CU_ASSERT_EQUAL(fuzz_window(&p, 0, &lim), -ENOENT);
	fuzz_program_free(&p);
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	s = CU_add_suite("fuzz generate", NULL, NULL);
	if (!s || !CU_add_test(s, "seeds", test_seeds) ||
	    !CU_add_test(s, "everything appears", test_everything_appears) ||
	    !CU_add_test(s, "rarities", test_rarities) || !CU_add_test(s, "limits", test_limits) ||
	    !CU_add_test(s, "lawful", test_lawful) || !CU_add_test(s, "bytes", test_bytes) ||
	    !CU_add_test(s, "locality", test_locality) || !CU_add_test(s, "windows", test_windows))
		return 1;
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
