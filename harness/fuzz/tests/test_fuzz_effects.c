/* SPDX-License-Identifier: MIT */
/*
 * What answers mean beyond themselves: for the disk, for later commands when some overlap or are
 * lost, and what faults explain.
 */
#include "expect_talk.h"

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

#define CLEAR_WCE "151000001800 out=24 send=00000000" PAGE_08_0 " : good"
#define SHOWS_1	  "1a080800ff00 in=255 give=17001000" PAGE_08 " : good"
#define SHOWS_0	  "1a080800ff00 in=255 give=17001000" PAGE_08_0 " : good"

static struct talk talk;

/* The verdict on one command. */
static bool right(const char *line)
{
	char clause[64];

	talk_begin(&talk, line);
	return talk_end(&talk, clause);
}

static void effects(void)
{
	static const struct {
		const char *facts, *talk;
		struct fuzz_effect want;
		bool disturbed;
	} t[] = {
		{ "", "2a000000000800000100 out=512 : good", { .did = true }, false },
		{ "t", "2a000000000800000100 out=512 : good", { true, true, false }, false },
		{ "f", "2a000000000800000100 out=512 : good", { .did = true }, false },
		{ "", "2a00000003e800000100 out=512 : 5/2100", { 0 }, false },
		{ "", "2f020000000800000100 out=512 : e/1d00", { 0 }, false },
		{ "",
		  "151000001800 out=24 send=00000000" PAGE_08_0 " : good",
		  { true, false, true },
		  false },
		{ "",
		  "151000001800 out=24 send=00000000" PAGE_08_0 " : good\n"
		  "2a000000000800000100 out=512 : good",
		  { true, true, false },
		  false },
		{ "t",
		  "151000001800 out=24 send=00000000" PAGE_08_0 " : good",
		  { true, true, false },
		  false },
		{ "",
		  "42000000000000002800 out=40 "
		  "send=0026002000000000000000000000000000000001"
		  "00000000000000000000ffff00000001 : 5/2100",
		  { 0 },
		  true },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char clause[64];

		talk_reset(&talk, t[i].facts);
		talk_all(&talk, t[i].talk, clause);
		CU_ASSERT_STRING_EQUAL(clause, "");
		CU_ASSERT_EQUAL(talk.effect.did, t[i].want.did);
		CU_ASSERT_EQUAL(talk.effect.durable, t[i].want.durable);
		CU_ASSERT_EQUAL(talk.effect.sync, t[i].want.sync);
		CU_ASSERT_EQUAL(talk.c.disturbed, t[i].disturbed);
	}
}

/* Each fault explains one error of those that it can cause. */
static void faults(void)
{
	static const char rd[] = "28000000000800000100 in=512 : 3/1100";
	static const char wr[] = "2a000000000800000100 out=512 : 3/0c00";
	static const char busy[] = "28000000000800000100 in=512 : status=40";

	talk_reset(&talk, "");
	fuzz_expect_fault(talk.e, FUZZ_STORE_ERROR + STORE_READ, 2);
	CU_ASSERT_TRUE(right(rd));
	CU_ASSERT_TRUE(talk.c.disturbed);
	CU_ASSERT_FALSE(right(wr));
	CU_ASSERT_TRUE(right(rd));
	CU_ASSERT_FALSE(right(rd));
	fuzz_expect_fault(talk.e, FUZZ_STORE_ERROR + STORE_WRITE, 1);
	CU_ASSERT_FALSE(right("28000000000800000100 in=512 : 3/0c00"));
	CU_ASSERT_TRUE(right(wr));
	CU_ASSERT_FALSE(right(wr));
	CU_ASSERT_FALSE(right(busy));
	fuzz_expect_fault(talk.e, FUZZ_NO_MEMORY, 1);
	CU_ASSERT_FALSE(right("42000000000000000800 out=8 send=0006 : 4/4400"));
	CU_ASSERT_TRUE(right(busy));
	CU_ASSERT_FALSE(talk.c.disturbed);
	CU_ASSERT_FALSE(right(busy));
}

/* A flush that failed behind an answer is told by the next one. */
static void late_flush(void)
{
	static const char immed[] = "35020000000000000000 : good";
	static const char good[] = "35000000000000000000 : good";
	static const char told[] = "35000000000000000000 : 3/0c00";

	for (int i = 0; i < 2; i++) {
		talk_reset(&talk, "");
		fuzz_expect_fault(talk.e, FUZZ_STORE_ERROR + STORE_FLUSH, 1);
		talk.flush_fault = 2;
		CU_ASSERT_TRUE(right(immed));
		talk.flush_fault = 1;
		CU_ASSERT_TRUE(right("000000000000 : good"));
		CU_ASSERT_EQUAL(right(i ? told : good), i != 0);
		CU_ASSERT_EQUAL(right(good), i != 0);
		talk.flush_fault = 0;
	}
}

/* Two MODE SELECTs that overlap: either value is right until a MODE SENSE says which. */
static void overlap(void)
{
	char clause[64];
	struct fuzz_cmd first;

	talk_reset(&talk, "t");
	talk_begin(&talk, "151000001800 out=24 send=00000000" PAGE_08 " : good");
	first = talk.c;
	talk_begin(&talk, CLEAR_WCE);
	CU_ASSERT_TRUE(talk_end(&talk, clause));
	CU_ASSERT_FALSE(talk.effect.sync);
	talk.c = first;
	talk.data[6] = 4;
	CU_ASSERT_TRUE(talk_end(&talk, clause));
	CU_ASSERT_FALSE(talk.effect.durable);
	CU_ASSERT_TRUE(right(SHOWS_1));
	CU_ASSERT_TRUE(right(SHOWS_1));
	CU_ASSERT_FALSE(right(SHOWS_0));
}

/* A MODE SELECT that was lost may take effect, but not once the handler has nothing any more. */
static void lost(void)
{
	talk_reset(&talk, "");
	talk_begin(&talk, CLEAR_WCE);
	fuzz_expect_lost(talk.e, &talk.c);
	CU_ASSERT_TRUE(right(SHOWS_0));
	CU_ASSERT_TRUE(right(SHOWS_1));
	fuzz_expect_quiet(talk.e, ++talk.now);
	CU_ASSERT_TRUE(right(SHOWS_1));
	CU_ASSERT_FALSE(right(SHOWS_0));
}

/* Another handler: mode pages as new, or as they were. */
static void restarted(void)
{
	talk_reset(&talk, "");
	CU_ASSERT_TRUE(right(CLEAR_WCE));
	CU_ASSERT_FALSE(right(SHOWS_1));
	fuzz_expect_restarted(talk.e);
	CU_ASSERT_TRUE(right(SHOWS_1));
	CU_ASSERT_FALSE(right(SHOWS_0));
}

/* A clause that is known to be broken hides no other. */
static void overlooked(void)
{
	static const char stale[] = "000000000000 in=8 give=00000001 : good";
	char clause[64];
	static struct talk t;

	talk_reset(&talk, "");
	CU_ASSERT_FALSE(right(stale));
	CU_ASSERT_TRUE_FATAL(talk_open(&t, "HND-022,HND-035"));
	talk_reset(&t, "");
	talk_begin(&t, stale);
	CU_ASSERT_TRUE(talk_end(&t, clause));
	talk_begin(&t, "ff : good");
	CU_ASSERT_FALSE(talk_end(&t, clause));
	talk_close(&t);
}

static void information(void)
{
	uint8_t fixed[96] = { 0xf0, 0, 0x0e, 0, 0, 1, 2, 10 };
	uint8_t desc[96] = { 0x72, 0x0e, 0x1d, 0, 0, 0, 0, 12, 0, 10, 0x80, 0 };
	uint64_t info;

	CU_ASSERT_TRUE(fuzz_sense_information(fixed, &info));
	CU_ASSERT_EQUAL(info, 0x102);
	fixed[0] = 0x70;
	CU_ASSERT_FALSE(fuzz_sense_information(fixed, &info));
	desc[19] = 7;
	CU_ASSERT_TRUE(fuzz_sense_information(desc, &info));
	CU_ASSERT_EQUAL(info, 7);
	desc[10] = 0;
	CU_ASSERT_FALSE(fuzz_sense_information(desc, &info));
	desc[7] = 0xff;
	CU_ASSERT_FALSE(fuzz_sense_information(desc, &info));
}

int main(void)
{
	CU_pSuite s;
	int failed;

	if (CU_initialize_registry() != CUE_SUCCESS || !talk_open(&talk, NULL))
		return 2;
	s = CU_add_suite("what answers mean", NULL, NULL);
	CU_add_test(s, "for the disk", effects);
	CU_add_test(s, "faults explain as many errors as there were", faults);
	CU_add_test(s, "a flush that failed behind an answer", late_flush);
	CU_add_test(s, "MODE SELECTs that overlap", overlap);
	CU_add_test(s, "a MODE SELECT that was lost", lost);
	CU_add_test(s, "another handler", restarted);
	CU_add_test(s, "clauses that are overlooked", overlooked);
	CU_add_test(s, "the INFORMATION field", information);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0;
	CU_cleanup_registry();
	talk_close(&talk);
	return failed;
}
