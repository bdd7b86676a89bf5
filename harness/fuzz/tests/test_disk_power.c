/* SPDX-License-Identifier: MIT */
/*
 * The reference disk when the power fails, or the store goes: what stays, what may be lost.
 */
#include "disk_play.h"

#include "../../cases/cdb.h"

#include <stdio.h>

static void sync(struct play *r, uint64_t lba, uint32_t n)
{
	play_do(r, OP_SYNC_10, lba, n);
}

static void power(struct play *r)
{
	fuzz_disk_power(r->d, r->clock);
}

/* What was flushed stays, of the rest any, but one. */
static void power_cuts(void)
{
	struct fuzz_cmd *a, *b, *c;
	struct play r;
	uint32_t i;

	play_open(&r, 512, 100, FUZZ_DISK_POWER);
	for (i = 0; i < 3; i++) { /* which of them is left */
		struct fuzz_cmd *w[3];

		play_reset(&r, FUZZ_DISK_POWER);
		play_write(&r, 8, 4);
		w[0] = play_write(&r, 8, 4);
		sync(&r, 0, 0);
		w[1] = play_write(&r, 8, 4);
		w[2] = play_write(&r, 8, 4);
		power(&r);
		play_reads(&r, 8, w[i]);
		play_reads(&r, 9, w[(i + 1) % 3]);
		play_reads(&r, 8, w[i]);
		PLAY_OK(&r);
		play_reads(&r, 8, w[(i + 2) % 3]);
		PLAY_FAILS(&r, "HND-054", "the power had failed");
	}
	/* what is older than the flush is gone */
	play_reset(&r, FUZZ_DISK_POWER);
	a = play_write(&r, 8, 4);
	b = play_write(&r, 8, 4);
	sync(&r, 8, 2);
	c = play_write(&r, 8, 4);
	power(&r);
	play_reads(&r, 10, a);
	play_reads(&r, 11, NULL);
	play_reads(&r, 8, b);
	play_reads(&r, 9, c);
	PLAY_OK(&r);
	power(&r);
	play_reads(&r, 8, b);
	PLAY_OK(&r);
	play_reads(&r, 11, a);
	PLAY_FAILS(&r, "HND-054", "found write #1");
	play_reset(&r, FUZZ_DISK_POWER);
	a = play_write(&r, 8, 4);
	b = play_write(&r, 8, 4);
	sync(&r, 8, 2);
	power(&r);
	play_reads(&r, 8, a);
	PLAY_FAILS(&r, "HND-054", "expected write #2 (WRITE(10), operation 2), found write #1");
	play_close(&r);
}

/* Who dies with an answer on the ring may have read what is lost since. */
static void reads_before(void)
{
	struct fuzz_cmd *a, *b, *c;
	struct play r;

	play_open(&r, 512, 100, FUZZ_DISK_POWER);
	a = play_write(&r, 8, 1);
	c = play_start(&r, 0x28, 8, 1);
	b = play_write(&r, 8, 1);
	sync(&r, 0, 0);
	power(&r);
	play_returns(&r, c, 8, a);
	play_end(&r, c, 0);
	play_reads(&r, 8, b);
	PLAY_OK(&r);
	play_reads(&r, 8, a);
	PLAY_FAILS(&r, "HND-054", "found write #1");
	play_close(&r);
}

/* Nor is a write on the medium because its answer came after the power was back. */
static void writes_before(void)
{
	struct fuzz_cmd *a, *b;
	struct play r;
	uint32_t i;

	play_open(&r, 512, 100, FUZZ_DISK_POWER);
	for (i = 0; i < 4; i++) {
		play_reset(&r, FUZZ_DISK_POWER);
		a = play_write(&r, 8, 1);
		sync(&r, 0, 0);
		b = play_cmd(&r, 0x2a, 8, 1, FUZZ_FILL_NEW);
		b->io.cdb[1] = i & 1 ? CDB1_FUA : 0;
		play_begin(&r, b);
		b->disturbed = true;
		power(&r);
		if (i == 3)
			fuzz_disk_blank(r.d, r.clock, true);
		play_end(&r, b, 0);
		play_reads(&r, 8, i == 0 ? a : i == 3 ? NULL : b);
		PLAY_OK(&r);
		if (i != 1)
			continue;
		play_reads(&r, 8, a);
		PLAY_FAILS(&r, "HND-054", "found write #1");
	}
	play_close(&r);
}

/* What does not make anything durable, and what does. */
static void not_flushed(void)
{
	struct fuzz_cmd *a, *c;
	struct play r;
	uint32_t i;

	play_open(&r, 512, 100, FUZZ_DISK_POWER);
	for (i = 0; i < 8; i++) {
		struct fuzz_effect effect = { .did = true };

		play_reset(&r, FUZZ_DISK_POWER);
		c = play_cmd(&r, 0x2a, 8, 1, FUZZ_FILL_NEW);
		if (i == 4)
			c->io.cdb[1] = CDB1_FUA;
		play_begin(&r, c);
		if (i == 0) /* a flush that came before it ended */
			a = play_start(&r, OP_SYNC_10, 0, 0);
		c->io.outcome = RINGSIM_ANSWERED;
		c->ended = ++r.clock;
		effect.durable = i == 5;
		fuzz_disk_end(r.d, &r.tc, c, play_cdb(&r, c), &effect);
		if (i == 0)
			play_end(&r, a, 0);
		if (i == 1) /* of others */
			sync(&r, 9, 20);
		if (i == 2) { /* nobody waited for */
			a = play_cmd(&r, OP_SYNC_10, 0, 0, FUZZ_FILL_NEW);
			a->io.cdb[1] = CDB1_IMMED;
			play_begin(&r, a);
			play_end(&r, a, 0);
		}
		if (i == 3) /* that failed */
			play_end(&r, play_start(&r, OP_SYNC_10, 0, 0), 2);
		if (i == 6) /* the unit stops */
			play_do(&r, OP_START_STOP, 0, 0);
		if (i == 7) { /* the cache is switched off */
			a = play_start(&r, OP_MODE_SELECT_10, 0, 0);
			effect = (struct fuzz_effect){ .did = true, .sync = true };
			a->io.outcome = RINGSIM_ANSWERED;
			a->ended = ++r.clock;
			fuzz_disk_end(r.d, &r.tc, a, play_cdb(&r, a), &effect);
		}
		power(&r);
		play_reads(&r, 8, NULL);
		if (i < 4)
			PLAY_OK(&r);
		else
			PLAY_FAILS(&r, "HND-054", "found zeros");
	}
	play_close(&r);
}

/* Wide commands and blocks that nobody had looked at when the power failed. */
static void wide_and_power(void)
{
	struct fuzz_cmd *a, *s[2];
	struct play r;
	uint32_t i;

	play_open(&r, 512, 100000, FUZZ_DISK_POWER);
	for (i = 0; i < 2; i++) {
		play_reset(&r, FUZZ_DISK_POWER);
		s[0] = play_start(&r, OP_WRITE_SAME_16, 0, 90000);
		play_end(&r, s[0], 0);
		sync(&r, 0, 0);
		s[1] = play_start(&r, OP_WRITE_SAME_16, 50000, 50000);
		play_end(&r, s[1], 0);
		power(&r);
		play_reads(&r, 40000, s[0]);
		play_reads(&r, 60000, s[i]);
		play_reads(&r, 80000, s[!i]);
		play_reads(&r, 60000, s[i]);
		play_reads(&r, 95000, i ? NULL : s[1]);
		a = play_write(&r, 70000, 1);
		play_reads(&r, 70000, a);
		PLAY_OK(&r);
		play_reads(&r, 60001, NULL);
		PLAY_FAILS(&r, "HND-054", "found zeros");
	}
	play_close(&r);
}

/* A store that dies with its handler; what is in flight is carried out on the new one. */
static void blank(void)
{
	struct fuzz_cmd *a, *b, *s;
	struct play r;

	play_open(&r, 512, 5000, 0);
	a = play_write(&r, 8, 2);
	s = play_start(&r, OP_WRITE_SAME_10, 100, 1000);
	play_end(&r, s, 0);
	b = play_start(&r, 0x2a, 9, 2);
	play_reads(&r, 9, b);
	b->disturbed = true;
	fuzz_disk_blank(r.d, r.clock, true);
	play_reads(&r, 8, NULL);
	play_reads(&r, 9, NULL);
	play_reads(&r, 9, b);
	play_reads(&r, 200, NULL);
	play_end(&r, b, 0);
	play_reads(&r, 9, b);
	PLAY_OK(&r);
	play_reads(&r, 8, a);
	PLAY_FAILS(&r, "SCS-030", "found write #1");
	/* what the last program left in flight is no concern of the next one */
	play_start(&r, 0x2a, 8, 2);
	fuzz_disk_reset(r.d, 5000, 512, 1, 0);
	r.tc.failed = false;
	play_end(&r, &r.cmds[r.used - 1], 0);
	play_reads(&r, 8, NULL);
	PLAY_OK(&r);
	play_close(&r);
}

/* Whether it dies with its handler nobody says: both may be read, but not in turns. */
static void perhaps_blank(void)
{
	struct fuzz_cmd *a, *b, *c, *s;
	struct play r;
	uint32_t i;

	play_open(&r, 512, 5000, 0);
	for (i = 0; i < 4; i++) {
		play_reset(&r, 0);
		s = play_start(&r, OP_WRITE_SAME_10, 100, 1000);
		play_end(&r, s, 0);
		play_write(&r, 8, 2);
		a = play_write(&r, 8, 2);
		fuzz_disk_blank(r.d, r.clock, false);
		b = play_write(&r, 9, 1);
		if (i & 1)
			fuzz_disk_blank(r.d, r.clock, false);
		play_reads(&r, 8, i < 2 ? a : NULL);
		play_reads(&r, 200, i < 2 ? s : NULL);
		play_reads(&r, 9, i == 3 ? NULL : b);
		play_reads(&r, 3000, NULL);
		c = play_write(&r, 10, 1);
		play_reads(&r, 10, c);
		PLAY_OK(&r);
		if (i == 3)
			continue; /* nobody knows which of the zeros these were */
		play_reads(&r, i < 2 ? 8 : 200, i < 2 ? NULL : s);
		PLAY_FAILS(&r, "SCS-030", i < 2 ? "found zeros" : "found write #1");
	}
	/* what had been overwritten does not come back, nor bytes that nobody wrote */
	play_reset(&r, 0);
	b = play_write(&r, 8, 1);
	play_write(&r, 8, 1);
	fuzz_disk_blank(r.d, r.clock, false);
	play_reads(&r, 8, b);
	PLAY_FAILS(&r, "SCS-030", "found write #1");
	play_close(&r);
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("reference disk without power", NULL, NULL);
	CU_add_test(s, "power cuts", power_cuts);
	CU_add_test(s, "reads before a power cut", reads_before);
	CU_add_test(s, "writes before a power cut", writes_before);
	CU_add_test(s, "what flushes", not_flushed);
	CU_add_test(s, "wide commands and power", wide_and_power);
	CU_add_test(s, "a store that is lost", blank);
	CU_add_test(s, "a store that may be lost", perhaps_blank);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
