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
			CU_ASSERT_EQUAL((uint32_t)atoi(strstr(r.why, "byte ") + 5), at);
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

/* Where blocks may be torn: only between commands that were under way at once. */
static void torn(void)
{
	struct fuzz_cmd *a, *b, *c;
	struct play r;
	uint32_t i, k;

	EACH_SIZE(i)
	{
		play_open(&r, sizes[i], 100, FUZZ_DISK_TORN);
		for (k = 0; k < 4; k++) {
			play_reset(&r, k ? FUZZ_DISK_TORN : 0);
			a = play_write(&r, 8, 1);
			b = play_start(&r, 0x2a, 8, 1);
			c = play_start(&r, 0x28, 8, 1);
			play_returns(&r, c, 8, a);
			memcpy(c->data + 120, b->data + 120, r.bs - 120);
			c->data[119] ^= k == 2;
			if (k == 3) { /* but not when the write is over */
				play_end(&r, b, 0);
				c->began = ++r.clock;
			}
			play_end(&r, c, 0);
			if (k == 1)
				PLAY_OK(&r);
			else
				PLAY_FAILS(&r, "SCS-030", "block 8");
		}
		play_close(&r);
	}
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

/* Without LBPRZ unmapped blocks hold anything; those of WRITE SAME never do. */
static void unmapped(void)
{
	static const uint8_t list[24] = { 0, 22, 0, 16, [15] = 8, [19] = 2 };
	struct fuzz_cmd *a, *u, *cap;
	struct play r;

	play_open(&r, 512, 100, FUZZ_DISK_UNMAP_ANY);
	a = play_write(&r, 8, 3);
	u = play_cmd(&r, OP_UNMAP, 0, 0, FUZZ_FILL_BYTES);
	r.ops[u - r.cmds].bytes_len = sizeof(list);
	memcpy(r.ops[u - r.cmds].bytes, list, sizeof(list));
	be_put(u->io.cdb + 7, 2, sizeof(list));
	u->io.len = sizeof(list);
	u->data = calloc(1, sizeof(list));
	u->io.dir = RINGSIM_TO_DEVICE;
	play_begin(&r, u);
	play_end(&r, u, 0);
	play_reads(&r, 8, a);
	play_reads(&r, 8, NULL);
	play_reads(&r, 10, a);
	PLAY_OK(&r);
	cap = play_cmd(&r, OP_SERVICE_IN_16, 0, 0, FUZZ_FILL_NEW);
	cap->io.cdb[1] = 0x10;
	cap->io.len = 32;
	cap->io.dir = RINGSIM_FROM_DEVICE;
	cap->data = calloc(1, 32);
	play_begin(&r, cap);
	play_end(&r, cap, 0);
	play_write(&r, 8, 3);
	play_again(&r, u);
	play_end(&r, u, 0);
	play_reads(&r, 8, a);
	PLAY_OK(&r);
	play_again(&r, cap);
	cap->data[14] = 0x40;
	play_end(&r, cap, 0);
	a = play_write(&r, 8, 3);
	play_again(&r, u);
	play_end(&r, u, 0);
	play_reads(&r, 9, NULL);
	PLAY_OK(&r);
	play_reads(&r, 8, a);
	PLAY_FAILS(&r, "SCS-030", "expected write #");
	play_close(&r);
}

/* --- COMPARE AND WRITE --- */

static struct fuzz_cmd *swap(struct play *r, uint64_t lba, uint32_t n)
{
	struct fuzz_cmd *c = play_cmd(r, OP_CAW, lba, n, FUZZ_FILL_CURRENT);

	play_begin(r, c);
	return c;
}

/* It writes if what it compared with was there, whoever comes in between. */
static void swaps(void)
{
	struct fuzz_cmd *a, *b, *c, *d;
	struct play r;
	uint32_t i;

	EACH_SIZE(i)
	{
		play_open(&r, sizes[i], 100, 0);
		a = play_write(&r, 8, 2);
		b = swap(&r, 8, 2);
		play_end(&r, b, 0);
		play_reads(&r, 8, b);
		play_reads(&r, 9, b);
		PLAY_OK(&r);
		/* two that expect the same: one of them is too late */
		c = swap(&r, 8, 1);
		d = swap(&r, 8, 1);
		play_end(&r, d, 0);
		play_miscompare(&r, c, 0);
		play_reads(&r, 8, d);
		PLAY_OK(&r);
		c = swap(&r, 8, 1);
		d = swap(&r, 8, 1);
		play_end(&r, d, 0);
		PLAY_OK(&r);
		play_end(&r, c, 0);
		PLAY_FAILS(&r, "SCS-030", "COMPARE AND WRITE, operation 8, compared equal");
		/* a write in between */
		play_reset(&r, 0);
		c = swap(&r, 8, 1);
		a = play_write(&r, 8, 1);
		play_reads(&r, 8, a);
		play_end(&r, c, 0);
		play_reads(&r, 8, a);
		PLAY_OK(&r);
		play_reads(&r, 8, c);
		PLAY_FAILS(&r, "SCS-030", "found write #1");
		play_close(&r);
	}
}

static void miscompares(void)
{
	struct fuzz_cmd *a, *c;
	struct play r;
	uint32_t i, at;

	EACH_SIZE(i)
	{
		play_open(&r, sizes[i], 100, 0);
		a = play_write(&r, 8, 3);
		c = play_cmd(&r, OP_CAW, 8, 3, FUZZ_FILL_CURRENT);
		for (at = 0; at < 3 * r.bs; at += 211) {
			r.ops[c - r.cmds].n[FUZZ_S_FLIP] = 1 + at;
			play_again(&r, c);
			play_miscompare(&r, c, at);
			PLAY_OK(&r);
		}
		play_reads(&r, 8, a);
		c = play_cmd(&r, OP_CAW, 8, 3, FUZZ_FILL_CURRENT);
		r.ops[c - r.cmds].n[FUZZ_S_FLIP] = 1 + r.bs + 7;
		play_begin(&r, c);
		play_miscompare(&r, c, r.bs + 8);
		PLAY_FAILS(&r, "SCS-040", "INFORMATION is");
		play_reset(&r, 0);
		play_write(&r, 8, 3);
		c = swap(&r, 8, 3);
		play_miscompare(&r, c, -1);
		PLAY_FAILS(&r, "SCS-030", "MISCOMPARE, but block 8");
		/* its own write is no reason, even if the one that wrote has died */
		play_reset(&r, 0);
		play_write(&r, 8, 3);
		c = swap(&r, 8, 3);
		play_reads(&r, 9, c);
		c->disturbed = true;
		play_miscompare(&r, c, 0);
		PLAY_FAILS(&r, "HND-062", "MISCOMPARE after a restart");
		play_reset(&r, 0);
		play_write(&r, 8, 3);
		c = swap(&r, 8, 3);
		c->disturbed = true;
		play_miscompare(&r, c, 0);
		PLAY_FAILS(&r, "HND-062", "until it wrote itself");
		play_reset(&r, 0);
		c = swap(&r, 8, 3);
		c->disturbed = true;
		play_write(&r, 10, 1);
		play_miscompare(&r, c, 0);
		PLAY_OK(&r);
		/* what was not equal must not be written */
		play_reset(&r, 0);
		c = play_start(&r, OP_CAW, 8, 2);
		play_end(&r, c, 0);
		PLAY_FAILS(&r, "SCS-030", "compared equal: block 8");
		play_reset(&r, 0);
		c = play_start(&r, OP_CAW, 8, 2);
		play_reads(&r, 9, c);
		play_miscompare(&r, c, 0);
		PLAY_FAILS(&r, "SCS-041", "block 9 had been changed");
		play_close(&r);
	}
}

/* Nobody sees one half done, whether it ends before or after the one that looks. */
static void half_done(void)
{
	struct fuzz_cmd *a, *c, *look;
	struct play r;
	uint32_t when;

	play_open(&r, 512, 100, 0);
	for (when = 0; when < 2; when++) {
		play_reset(&r, 0);
		a = play_write(&r, 8, 2);
		look = play_start(&r, 0x28, 7, 4);
		c = swap(&r, 8, 2);
		play_returns(&r, look, 8, when ? a : c);
		play_returns(&r, look, 9, when ? c : a);
		if (when)
			play_end(&r, c, 0);
		play_end(&r, look, 0);
		if (!when)
			play_end(&r, c, 0);
		PLAY_FAILS(&r, "SCS-030", "(COMPARE AND WRITE, operation 3) half done");
	}
	/* two plain writes may mingle */
	play_reset(&r, 0);
	a = play_start(&r, 0x2a, 8, 2);
	c = play_start(&r, 0x2a, 8, 2);
	play_end(&r, a, 0);
	play_end(&r, c, 0);
	play_reads(&r, 8, a);
	play_reads(&r, 9, c);
	PLAY_OK(&r);
	play_close(&r);
}

/* A successor carries it out once more: it may have found it done, but not what never was there. */
static void replayed(void)
{
	struct fuzz_cmd *a, *b, *c;
	struct play r;

	play_open(&r, 512, 100, 0);
	a = play_write(&r, 8, 1);
	c = swap(&r, 8, 1);
	c->disturbed = true;
	play_end(&r, c, 0);
	play_reads(&r, 8, c);
	PLAY_OK(&r);

	play_reset(&r, 0); /* it never was: nobody finds what it would have written */
	a = play_write(&r, 8, 1);
	c = swap(&r, 8, 1);
	play_start(&r, 0x2a, 8, 1);
	c->disturbed = true;
	play_miscompare(&r, c, -1);
	play_reads(&r, 8, a);
	PLAY_OK(&r);

	play_reset(&r, 0);
	play_write(&r, 8, 1);
	c = swap(&r, 8, 1);
	play_start(&r, 0x2a, 8, 1);
	c->disturbed = true;
	play_miscompare(&r, c, -1);
	play_reads(&r, 8, c);
	PLAY_FAILS(&r, "HND-062", "operation 2: MISCOMPARE after a restart");

	play_reset(&r, 0); /* nor had found it before it said so */
	play_write(&r, 8, 1);
	c = swap(&r, 8, 1);
	play_start(&r, 0x2a, 8, 1);
	play_reads(&r, 8, c);
	c->disturbed = true;
	play_miscompare(&r, c, -1);
	PLAY_FAILS(&r, "HND-062", "operation 2: MISCOMPARE after a restart");

	play_reset(&r, 0); /* nor is compared with it */
	play_write(&r, 8, 1);
	c = swap(&r, 8, 1);
	b = play_cmd(&r, OP_CAW, 8, 1, FUZZ_FILL_CURRENT);
	play_begin(&r, b);
	memcpy(b->data, play_block(&r, c, 8), r.bs);
	b->disturbed = c->disturbed = true;
	play_miscompare(&r, c, -1);
	play_end(&r, b, 0);
	PLAY_FAILS(&r, "HND-062", "operation 2: MISCOMPARE after a restart");

	play_reset(&r, 0);
	play_write(&r, 8, 1);
	c = swap(&r, 8, 1);
	c->data[5] ^= 1;
	c->disturbed = true;
	play_end(&r, c, 0);
	PLAY_FAILS(&r, "HND-062", "block 8 never held what it was compared with");
	play_close(&r);
}

/* What was aborted in time should not be found; nothing is wrong with it otherwise. */
static void futile(void)
{
	struct fuzz_cmd *a, *b;
	struct play r;

	play_open(&r, 512, 100, 0);
	a = play_write(&r, 8, 1);
	b = play_start(&r, 0x2a, 8, 1);
	fuzz_disk_futile(r.d, b);
	b->disturbed = true;
	play_lost(&r, b);
	play_reads(&r, 8, a);
	CU_ASSERT_STRING_EQUAL(r.advice, "");
	play_reads(&r, 8, b);
	CU_ASSERT_STRING_EQUAL(r.advice, "HND-016");
	PLAY_OK(&r);
	play_close(&r);
}

/* --- VERIFY --- */

static void verifies(void)
{
	struct fuzz_cmd *a, *v;
	struct play r;
	uint32_t i;

	EACH_SIZE(i)
	{
		play_open(&r, sizes[i], 100, 0);
		a = play_write(&r, 8, 3);
		v = play_cmd(&r, 0x2f, 8, 3, FUZZ_FILL_CURRENT);
		v->io.cdb[1] = CDB1_BYTCHK;
		v->io.len = 3 * r.bs;
		v->io.dir = RINGSIM_TO_DEVICE;
		v->data = malloc(v->io.len);
		play_begin(&r, v);
		CU_ASSERT_EQUAL(memcmp(v->data, a->data, 3 * r.bs), 0);
		play_end(&r, v, 0);
		PLAY_OK(&r);
		play_again(&r, v);
		play_miscompare(&r, v, -1);
		PLAY_FAILS(&r, "SCS-030", "MISCOMPARE, but");
		r.tc.failed = false;
		r.ops[v - r.cmds].n[FUZZ_S_FLIP] = 2 * r.bs + 6;
		play_again(&r, v);
		play_miscompare(&r, v, 2 * r.bs + 5);
		PLAY_OK(&r);
		play_again(&r, v);
		play_miscompare(&r, v, -1);
		PLAY_OK(&r);
		play_again(&r, v);
		play_end(&r, v, 0);
		PLAY_FAILS(&r, "SCS-030",
			   "VERIFY(10), operation 2, compared equal: block 10, byte 5");
		play_close(&r);
	}
}

/* One block that all of them must be equal to. */
static void verifies_one(void)
{
	struct fuzz_cmd *s, *v;
	struct play r;

	play_open(&r, 512, 100, 0);
	s = play_start(&r, OP_WRITE_SAME_10, 8, 5);
	play_end(&r, s, 0);
	v = play_cmd(&r, 0x2f, 8, 5, FUZZ_FILL_CURRENT);
	v->io.cdb[1] = 6;
	v->io.len = r.bs;
	v->io.dir = RINGSIM_TO_DEVICE;
	v->data = malloc(v->io.len);
	play_begin(&r, v);
	play_end(&r, v, 0);
	PLAY_OK(&r);
	play_write(&r, 11, 1);
	play_again(&r, v);
	play_miscompare(&r, v, 0);
	PLAY_OK(&r);
	play_again(&r, v);
	play_end(&r, v, 0);
	PLAY_FAILS(&r, "SCS-030", "block 11");
	play_close(&r);
}

/* A MISCOMPARE of WRITE AND VERIFY needs somebody else who wrote meanwhile. */
static void writes_and_verifies(void)
{
	struct fuzz_cmd *a, *v;
	struct play r;

	play_open(&r, 512, 100, 0);
	play_write(&r, 9, 1);
	v = play_start(&r, 0x2e, 8, 2);
	v->disturbed = true;
	a = play_start(&r, 0x2a, 9, 1);
	play_miscompare(&r, v, -1);
	play_end(&r, a, 0);
	PLAY_OK(&r);
	v = play_start(&r, 0x2e, 8, 2);
	v->disturbed = true;
	play_miscompare(&r, v, -1);
	PLAY_FAILS(&r, "SCS-030", "WRITE AND VERIFY(10), operation 4: MISCOMPARE");
	play_close(&r);
}

/* Short, long and misdirected buffers. */
static void lengths(void)
{
	struct fuzz_cmd *a, *c;
	struct play r;

	play_open(&r, 512, 100, 0);
	a = play_write(&r, 8, 4);
	c = play_cmd(&r, 0x2a, 8, 4, FUZZ_FILL_NEW);
	c->io.len = 2 * 512 + 100;
	play_begin(&r, c);
	play_end(&r, c, 0);
	play_reads(&r, 8, c);
	play_reads(&r, 9, c);
	play_reads(&r, 10, a); /* in part, which is anything */
	play_reads(&r, 10, NULL);
	play_reads(&r, 11, a);
	PLAY_OK(&r);
	c = play_cmd(&r, 0x28, 8, 4, FUZZ_FILL_NEW);
	c->io.len = 700;
	play_begin(&r, c);
	memcpy(c->data, r.cmds[1].data, 700);
	play_end(&r, c, 0);
	PLAY_OK(&r);
	play_again(&r, c);
	c->data[699] ^= 4;
	play_end(&r, c, 0);
	PLAY_FAILS(&r, "SCS-030", "block 9, byte 187");
	play_reset(&r, 0);
	c = play_start(&r, 0x28, 8, 4);
	c->io.residual = 512;
	play_end(&r, c, 0);
	PLAY_FAILS(&r, "SCS-020", "of 2048 bytes only 1536 have come");
	play_reset(&r, 0);
	c = play_cmd(&r, 0x2a, 8, 4, FUZZ_FILL_NEW);
	c->io.dir = RINGSIM_FROM_DEVICE;
	play_begin(&r, c);
	play_end(&r, c, 0);
	play_reads(&r, 8, NULL);
	PLAY_OK(&r);
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
	CU_add_test(s, "torn blocks", torn);
	CU_add_test(s, "refused", refused);
	CU_add_test(s, "disturbed", disturbed);
	CU_add_test(s, "replayed", replayed);
	CU_add_test(s, "futile", futile);
	CU_add_test(s, "WRITE SAME and UNMAP", same_and_unmap);
	CU_add_test(s, "UNMAP without LBPRZ", unmapped);
	CU_add_test(s, "COMPARE AND WRITE", swaps);
	CU_add_test(s, "MISCOMPARE", miscompares);
	CU_add_test(s, "half done", half_done);
	CU_add_test(s, "VERIFY", verifies);
	CU_add_test(s, "VERIFY with one block", verifies_one);
	CU_add_test(s, "WRITE AND VERIFY", writes_and_verifies);
	CU_add_test(s, "lengths", lengths);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
