/* SPDX-License-Identifier: MIT */
/*
 * The reference disk, rule by rule: what is possible passes, what is not fails and says why.
 */
#include "disk_play.h"

#include "../../cases/cdb.h"

#include <stdio.h>

static const uint32_t sizes[] = { 512, 520, 4096, 516 };
#define EACH_SIZE(i) for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)

/* One command after the other: only the last write is right. */
static void in_line(void)
{
	struct fuzz_cmd *a, *b, *c;
	struct play r;
	uint32_t i;

	EACH_SIZE(i)
	{
		play_open(&r, sizes[i], 100, 0);
		play_reads(&r, 5, NULL);
		a = play_write(&r, 4, 4);
		b = play_write(&r, 6, 4);
		play_reads(&r, 4, a);
		play_reads(&r, 5, a);
		play_reads(&r, 6, b);
		c = play_start(&r, 0x28, 3, 8);
		play_returns(&r, c, 4, a);
		play_returns(&r, c, 5, a);
		for (uint64_t lba = 6; lba < 10; lba++)
			play_returns(&r, c, lba, b);
		play_end(&r, c, 0);
		PLAY_OK(&r);
		play_reads(&r, 7, a);
		PLAY_FAILS(&r, "SCS-030",
			   "block 7, byte 0: expected write #2 (WRITE(10), operation 3)");
		PLAY_FAILS(&r, "SCS-030", "found write #1 (WRITE(10), operation 2), which #2");
		play_close(&r);
	}
}

/* Bytes that are wrong in every way: inverted, moved, somebody else's, nobody's. */
static void wrong_bytes(void)
{
	struct fuzz_cmd *a, *c;
	struct play r;
	uint32_t i, at;

	EACH_SIZE(i)
	{
		play_open(&r, sizes[i], 100, 0);
		for (at = 0; at < r.bs; at += 37) {
			play_reset(&r, 0);
			a = play_write(&r, 4, 2);
			c = play_start(&r, 0x28, 4, 2);
			memcpy(c->data, a->data, c->io.len);
			c->data[r.bs + at] ^= 1;
			play_end(&r, c, 0);
			PLAY_FAILS(&r, "SCS-030", "block 5, byte ");
			CU_ASSERT_EQUAL(atoi(strstr(r.why, "byte ") + 5), at);
			PLAY_FAILS(&r, "SCS-030", "found bytes that nobody wrote");
		}
		play_reset(&r, 0);
		a = play_write(&r, 4, 2);
		c = play_start(&r, 0x28, 4, 1);
		memcpy(c->data, a->data + r.bs, r.bs);
		play_end(&r, c, 0);
		PLAY_FAILS(&r, "SCS-030", "found write #1 (WRITE(10), operation 1), its block 5");
		play_reset(&r, 0);
		a = play_write(&r, 4, 2);
		c = play_start(&r, 0x28, 4, 1);
		memcpy(c->data, a->data + 16, r.bs - 16);
		play_end(&r, c, 0);
		PLAY_FAILS(&r, "SCS-030", "its byte 16");
		play_reset(&r, 0);
		a = play_write(&r, 4, 2);
		play_reads(&r, 4, NULL);
		PLAY_FAILS(&r, "SCS-030", "found zeros");
		play_reset(&r, 0);
		a = play_write(&r, 4, 2);
		c = play_start(&r, 0x28, 6, 1);
		memcpy(c->data, a->data, r.bs);
		play_end(&r, c, 0);
		PLAY_FAILS(&r, "SCS-030", "block 6, byte 0: expected the zeros of the beginning, ");
		play_close(&r);
	}
}

/* Two writes at once: either, but always the same from then on. */
static void racing_writes(void)
{
	struct fuzz_cmd *a, *b, *c;
	struct play r;
	uint32_t first;

	play_open(&r, 512, 100, 0);
	for (first = 0; first < 2; first++) {
		play_reset(&r, 0);
		a = play_start(&r, 0x2a, 8, 1);
		b = play_start(&r, 0x2a, 8, 1);
		play_reads(&r, 8, NULL); /* neither, yet */
		play_reads(&r, 8, first ? a : b);
		play_end(&r, a, 0);
		play_end(&r, b, 0);
		c = play_start(&r, 0x28, 8, 1);
		play_reads(&r, 8, first ? b : a);
		play_returns(&r, c, 8, first ? b : a);
		play_end(&r, c, 0);
		PLAY_OK(&r);
		play_reads(&r, 8, first ? a : b);
		PLAY_FAILS(&r, "SCS-030", "had overwritten");
	}
	/* nor the zeros once one of them has ended */
	play_reset(&r, 0);
	a = play_start(&r, 0x2a, 8, 1);
	b = play_start(&r, 0x2a, 8, 1);
	play_end(&r, b, 0);
	play_reads(&r, 8, NULL);
	PLAY_FAILS(
		&r, "SCS-030",
		"expected write #2 (WRITE(10), operation 2) or write #1 (WRITE(10), operation 1)");
	/* and what was seen once has happened */
	play_reset(&r, 0);
	a = play_start(&r, 0x2a, 8, 1);
	play_reads(&r, 8, a);
	play_reads(&r, 8, NULL);
	PLAY_FAILS(&r, "SCS-030", "found zeros");
	play_close(&r);
}

/* A read beside a write may return what was there, or what comes. */
static void racing_reads(void)
{
	struct fuzz_cmd *a, *b, *old, *both;
	struct play r;

	play_open(&r, 512, 100, 0);
	a = play_write(&r, 8, 2);
	old = play_start(&r, 0x28, 8, 2);
	b = play_start(&r, 0x2a, 8, 2);
	both = play_start(&r, 0x28, 8, 2);
	play_end(&r, b, 0);
	play_returns(&r, old, 8, a);
	play_returns(&r, old, 9, a);
	play_end(&r, old, 0);
	play_returns(&r, both, 8, a);
	play_returns(&r, both, 9, b);
	play_end(&r, both, 0);
	PLAY_OK(&r);
	play_reads(&r, 8, a);
	PLAY_FAILS(&r, "SCS-030", "found write #1");
	/* what it wrote does not come before it begins */
	play_reset(&r, 0);
	old = play_start(&r, 0x28, 8, 1);
	play_end(&r, old, 0);
	a = play_start(&r, 0x2a, 8, 1);
	PLAY_OK(&r);
	play_close(&r);
}

/* Refused commands leave no trace. */
static void refused(void)
{
	struct fuzz_cmd *a, *b;
	struct play r;

	play_open(&r, 512, 100, 0);
	a = play_write(&r, 8, 2);
	b = play_start(&r, 0x2a, 8, 2);
	play_end(&r, b, 2);
	play_reads(&r, 8, a);
	PLAY_OK(&r);
	play_reads(&r, 9, b);
	PLAY_FAILS(&r, "SCS-030", "which was refused");
	play_reset(&r, 0);
	b = play_start(&r, 0x2a, 8, 2);
	play_reads(&r, 9, b);
	play_end(&r, b, 2);
	PLAY_FAILS(&r, "SCS-041", "block 9 had been changed");
	/* an error in the middle: any part of it may be there */
	play_reset(&r, 0);
	a = play_write(&r, 8, 2);
	b = play_start(&r, 0x2a, 8, 2);
	b->disturbed = true;
	play_end(&r, b, 2);
	play_reads(&r, 9, b);
	play_reads(&r, 8, a);
	PLAY_OK(&r);
	play_reads(&r, 9, a);
	PLAY_FAILS(&r, "SCS-030", "found write #1");
	play_close(&r);
}

/* What was lost may come late, but not after the handler has nothing left. */
static void disturbed(void)
{
	struct fuzz_cmd *a, *b, *c;
	struct play r;
	uint32_t when;

	play_open(&r, 512, 100, 0);
	a = play_start(&r, 0x2a, 8, 2);
	play_lost(&r, a);
	b = play_write(&r, 8, 2);
	play_reads(&r, 8, b);
	play_reads(&r, 8, a);
	play_reads(&r, 9, b);
	PLAY_OK(&r);
	fuzz_disk_quiet(r.d, ++r.clock);
	play_reads(&r, 9, a);
	play_reads(&r, 8, a);
	play_reads(&r, 9, a);
	PLAY_OK(&r);
	play_reads(&r, 9, b);
	PLAY_FAILS(&r, "SCS-030", "found write #2");
	/* quiet, before or after another write: then it cannot come any more */
	for (when = 0; when < 2; when++) {
		play_reset(&r, 0);
		a = play_start(&r, 0x2a, 8, 2);
		play_lost(&r, a);
		if (when == 0)
			fuzz_disk_quiet(r.d, ++r.clock);
		b = play_write(&r, 8, 2);
		if (when == 1)
			fuzz_disk_quiet(r.d, ++r.clock);
		play_reads(&r, 8, b);
		c = play_start(&r, 0x28, 8, 1);
		play_returns(&r, c, 8, a);
		play_end(&r, c, 0);
		PLAY_FAILS(&r, "SCS-030", "found write #1");
	}
	/* a successor carries it out once more */
	play_reset(&r, 0);
	a = play_start(&r, 0x2a, 8, 1);
	play_reads(&r, 8, a);
	b = play_write(&r, 8, 1);
	play_reads(&r, 8, b);
	a->disturbed = true;
	play_reads(&r, 8, a);
	play_end(&r, a, 0);
	play_reads(&r, 8, a);
	PLAY_OK(&r);
	b = play_write(&r, 8, 1);
	play_reads(&r, 8, a);
	PLAY_FAILS(&r, "SCS-030", "found write #1");
	play_close(&r);
}

/* WRITE SAME, UNMAP and zeros, narrow and wide. */
static void same_and_unmap(void)
{
	struct fuzz_cmd *a, *s, *u;
	struct play r;
	uint32_t n;

	play_open(&r, 512, 5000, 0);
	for (n = 3; n < 4000; n = n * 6) {
		play_reset(&r, 0);
		a = play_write(&r, 8, 2);
		s = play_start(&r, OP_WRITE_SAME_16, 9, n);
		play_reads(&r, 9, a);
		play_end(&r, s, 0);
		play_reads(&r, 8, a);
		play_reads(&r, 9, s);
		play_reads(&r, 9 + n - 1, s);
		play_reads(&r, 9 + n, NULL);
		u = play_cmd(&r, OP_UNMAP, 0, 0, FUZZ_FILL_BYTES);
		r.ops[u - r.cmds].bytes_len = 40;
		memcpy(r.ops[u - r.cmds].bytes,
		       (uint8_t[40]){
			       0, 38, 0,
			       32, [15] = 8, [19] = 3, [31] = 10, [33] = 0, [34] = 0, [35] = 2 },
		       40);
		be_put(u->io.cdb + 7, 2, 40);
		u->io.len = 40;
		u->data = calloc(1, 40);
		u->io.dir = RINGSIM_TO_DEVICE;
		play_begin(&r, u);
		play_reads(&r, 8, a);
		play_reads(&r, 9, s);
		play_end(&r, u, 0);
		play_reads(&r, 8, NULL);
		play_reads(&r, 11, NULL);
		if (n > 3)
			play_reads(&r, 12, s);
		PLAY_OK(&r);
		play_reads(&r, 10, s);
		PLAY_FAILS(&r, "SCS-030", "found write #2 (WRITE SAME(16)");
	}
	play_reset(&r, 0);
	s = play_start(&r, OP_WRITE_SAME_16, 9, 1000);
	play_end(&r, s, 2);
	play_reads(&r, 10, NULL);
	PLAY_OK(&r);
	play_reads(&r, 11, s);
	PLAY_FAILS(&r, "SCS-030", "which was refused");
	play_close(&r);
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("reference disk", NULL, NULL);
	CU_add_test(s, "in line", in_line);
	CU_add_test(s, "wrong bytes", wrong_bytes);
	CU_add_test(s, "racing writes", racing_writes);
	CU_add_test(s, "racing reads", racing_reads);
	CU_add_test(s, "refused", refused);
	CU_add_test(s, "disturbed", disturbed);
	CU_add_test(s, "WRITE SAME and UNMAP", same_and_unmap);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
