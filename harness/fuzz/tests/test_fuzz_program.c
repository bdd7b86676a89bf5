/* SPDX-License-Identifier: MIT */
/* Fuzz programs as text: everything can be said, and read back as it was. */
#include "../words.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char err[256];

static int parse(struct fuzz_program *p, const char *text)
{
	err[0] = 0;
	return fuzz_parse(p, text, strlen(text), err, sizeof(err));
}

static char *print(const struct fuzz_program *p)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

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

static void refused(const char *text, const char *why)
{
	struct fuzz_program p;

	CU_ASSERT_EQUAL(parse(&p, text), -EINVAL);
	CU_ASSERT_EQUAL(p.cnt, 0);
	CU_ASSERT_STRING_EQUAL(err, why);
	if (strcmp(err, why))
		printf("for \"%s\": %s\n", text, err);
}

/* As people would write it; printed it is the same text. */
static void test_text(void)
{
	static const char text[] = "device ring=4096 blocks=64 cmd_s=30 seat=1\n"
				   "handler wce=1 depth=8\n"
				   "submit 28000000000800000400 in=2048\n"
				   "submit 2a000000000800000100 out=512 fill=current flip=3\n"
				   "submit 42000000000000001800 out=24 bytes=0016001000\n"
				   "submit 2a000000000800000100 out=512 fill=same bytes=ab00\n"
				   "submit 53000000000000000100 out=512 bidi=1024\n"
				   "submit 000000000000\n"
				   "submit 000000000000 none=512\n"
				   "submit 280000000008000004 in=0\n"
				   "tmr lun-reset count=2\n"
				   "tmr 200 first=3\n"
				   "advance 30000\n"
				   "event\nplug\nunplug\nturn 3\nsettle\nat 3\n"
				   "kill after=3 power=1\nkill\nrestart\nfreeze\nthaw\n"
				   "block 1\nreset 2\npoll\nqfull -1\nqfull 0\nqfull 30\n"
				   "raw 3 len=16 fill=0xff\ndecoy 2\n"
				   "fault store-write count=1\nfault read-eagain count=3\n"
				   "fault gone\nfault hangup\n"
				   "remove\nadd\nreconfig write-cache 1\n"
				   "store u32 head+8 0x17\nstore u8 tail-4 0\nstore u64 end-8 1\n"
				   "fill data+4096 4096 0xee\nring 4 value=1\nread 4\n"
				   "map 4096 offset=0x1000\nopen\nclose\nanswer 3 ring=1\nfree 7\n";
	struct fuzz_program p;
	char *out;

	if (parse(&p, text))
		printf("%s\n", err);
	CU_ASSERT_STRING_EQUAL_FATAL(err, "");
	CU_ASSERT_EQUAL(p.setup.ring, 4096);
	CU_ASSERT_EQUAL(p.setup.depth, 8);
	CU_ASSERT_EQUAL(p.ops[0].n[FUZZ_S_DIR], RINGSIM_FROM_DEVICE);
	CU_ASSERT_EQUAL(p.ops[0].n[FUZZ_S_LEN], 2048);
	CU_ASSERT_EQUAL(p.ops[0].cdb_len, 10);
	CU_ASSERT_EQUAL(p.ops[0].cdb[8], 4);
	CU_ASSERT_EQUAL(p.ops[1].n[FUZZ_S_FILL], FUZZ_FILL_CURRENT);
	CU_ASSERT_EQUAL(p.ops[1].n[FUZZ_S_FLIP], 3);
	CU_ASSERT_EQUAL(p.ops[2].n[FUZZ_S_FILL], FUZZ_FILL_BYTES);
	CU_ASSERT_EQUAL(p.ops[2].bytes[1], 0x16);
	CU_ASSERT_EQUAL(p.ops[4].n[FUZZ_S_DIR], RINGSIM_BIDI);
	CU_ASSERT_EQUAL(p.ops[4].n[FUZZ_S_BIDI], 1024);
	CU_ASSERT_EQUAL(p.ops[7].n[FUZZ_S_DIR], RINGSIM_FROM_DEVICE);
	CU_ASSERT_EQUAL(p.ops[8].n[0], TCMU_TMR_LUN_RESET);
	out = print(&p);
	CU_ASSERT_STRING_EQUAL(out, text);
	if (strcmp(out, text))
		printf("%s", out);
	free(out);
	fuzz_program_free(&p);
}

static void test_places(void)
{
	struct fuzz_program p;

	CU_ASSERT_EQUAL_FATAL(parse(&p, "store u16 64 1\nstore u8 end-1 2\nstore u8 end+1 2\n"
					"store u8 head-8 3\nstore value=4 width=u8 place=old\n"),
			      0);
	CU_ASSERT_EQUAL(p.ops[0].n[0], FUZZ_B_ZERO);
	CU_ASSERT_EQUAL(p.ops[0].n[1], 64);
	CU_ASSERT_EQUAL(p.ops[0].n[2], 2);
	CU_ASSERT_EQUAL(p.ops[0].n[3], 1);
	CU_ASSERT_EQUAL(p.ops[1].n[0], FUZZ_B_END);
	CU_ASSERT_EQUAL(p.ops[1].n[1], 1);
	CU_ASSERT_EQUAL(p.ops[2].n[1], -1ull);
	CU_ASSERT_EQUAL(p.ops[3].n[1], -8ull);
	CU_ASSERT_EQUAL(p.ops[4].n[0], FUZZ_B_OLD);
	CU_ASSERT_EQUAL(p.ops[4].n[3], 4);
	fuzz_program_free(&p);
}

/* Whatever is scribbled on an operation: brought into range it can be said and read back. */
static void test_round_trip(void)
{
	struct fuzz_program p = { 0 }, q, r;
	uint64_t rng = 1;
	uint32_t i, j;
	char *text;

	for (i = 0; i < 200 * FUZZ_VERBS; i++) {
		struct fuzz_op *op = fuzz_push(&p, i % FUZZ_VERBS);

		CU_ASSERT_PTR_NOT_NULL_FATAL(op);
		for (j = 0; j < sizeof(*op); j++) {
			rng = rng * 6364136223846793005ull + 1442695040888963407ull;
			if (rng >> 62)
				((uint8_t *)op)[j] = (uint8_t)(rng >> 40);
		}
		for (j = 0; j < FUZZ_ARGS; j++)
			op->n[j] >>= rng >> 16 & 63;
		op->verb = (uint8_t)(i % FUZZ_VERBS);
		fuzz_op_tidy(op);
	}
	p.setup = (struct fuzz_setup){ .ring = 512, .ring_start = 504, .async = 1, .medium = 2 };
	text = print(&p);
	CU_ASSERT_EQUAL_FATAL(parse(&q, text), 0);
	CU_ASSERT(same(&p, &q));
	for (i = 0; i < p.cnt && i < q.cnt; i++)
		CU_ASSERT_EQUAL(memcmp(&p.ops[i], &q.ops[i], sizeof(p.ops[i])), 0);
	CU_ASSERT_EQUAL_FATAL(fuzz_program_copy(&r, &q), 0);
	fuzz_program_free(&q);
	CU_ASSERT(same(&p, &r));
	fuzz_program_free(&r);
	free(text);
	fuzz_program_free(&p);
}

/* Each field of the setup, one at a time and at its limits. */
static void test_setup(void)
{
	struct fuzz_program p, q;
	char *text;
	size_t i;

	for (i = 0; i < fuzz_setup_word_cnt; i++) {
		const struct setup_word *w = &fuzz_setup_words[i];

		memset(&p, 0, sizeof(p));
		fuzz_setup_put(&p.setup, w, w->least ? w->least : w->step);
		CU_ASSERT_EQUAL(fuzz_setup_check(&p.setup, err, sizeof(err)), 0);
		text = print(&p);
		CU_ASSERT_EQUAL_FATAL(parse(&q, text), 0);
		CU_ASSERT(same(&p, &q));
		fuzz_program_free(&q);
		free(text);
		fuzz_setup_put(&p.setup, w, w->max + 1);
		if (w->max != UINT32_MAX)
			CU_ASSERT_EQUAL(fuzz_setup_check(&p.setup, err, sizeof(err)), -EINVAL);
	}
	CU_ASSERT_EQUAL_FATAL(parse(&p, "device blocks=8\ndevice ring=1024 # more\n"), 0);
	CU_ASSERT_EQUAL(p.setup.blocks, 8);
	CU_ASSERT_EQUAL(p.setup.ring, 1024);
	fuzz_program_free(&p);
}

static void test_mistakes(void)
{
	refused("settle\nsubmet 00\n", "line 2: expected a verb, found 'submet'");
	refused("settle 3", "line 1: settle: expected nothing more, found '3'");
	refused("advance", "line 1: advance: expected ms");
	refused("# x\n\nadvance soon", "line 3: ms: expected a number, found 'soon'");
	refused("advance 99999999999", "line 1: ms: expected at most 86400000, found 99999999999");
	refused("advance -1", "line 1: ms: expected a number, found '-1'");
	refused("kill after=1 after=2", "line 1: after: given twice");
	refused("submit 0", "line 1: cdb: expected 1 to 32 bytes as hexadecimal digits, found '0'");
	refused("submit 00 in=1 out=1",
		"line 1: out: expected one of none=, in=, out=, or out= with bidi=");
	refused("submit 00 bidi=1", "line 1: bidi: expected out= beside it");
	refused("submit 00 in=9999999", "line 1: in: expected at most 4521984, found 9999999");
	refused("submit 00 out=2 flip=3", "line 1: flip: expected at most out=2, found 3");
	refused("submit 00 in=4 fill=zero",
		"line 1: submit: expected out= beside fill=, flip= and bytes=, which need each other");
	refused("tmr sometimes",
		"line 1: type: expected unknown ... or a number, found 'sometimes'");
	refused("store u32 nowhere+8 1", "line 1: place: expected region, ring, head, tail, old, "
					 "data or end, found 'nowhere+8'");
	refused("store u8 head 256", "line 1: value: expected one of 1 bytes, found 0x100");
	refused("store u7 head 1", "line 1: width: expected u8, u16, u32 or u64, found 'u7'");
	refused("settle\ndevice ring=4096", "line 2: device: expected before all operations");
	refused("device wce=1",
		"line 1: device: expected name=value with a name that it has, found 'wce=1'");
	refused("device ring=513",
		"line 1: ring: expected 0 or 512 to 8388480 in steps of 8, found "
		"513");
	refused("device ring=512 ring_start=512",
		"line 1: ring_start: expected a place in the ring, found 512");
}

static void test_hostile_text(void)
{
	static const char nul[] = "settle\0settle";
	struct fuzz_program p;
	char *big = malloc(4 << 20), *at = big;
	uint32_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	CU_ASSERT_EQUAL(fuzz_parse(&p, nul, sizeof(nul) - 1, err, sizeof(err)), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err, "line 1: expected text, found a NUL");
	memset(big, 'x', 4096);
	CU_ASSERT_EQUAL(fuzz_parse(&p, big, 4096, err, sizeof(err)), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err, "line 1: expected words of at most 160 characters");
	for (i = 0; i <= FUZZ_OPS_MAX; i++)
		at += sprintf(at, "event\n");
	CU_ASSERT_EQUAL(fuzz_parse(&p, big, (size_t)(at - big), err, sizeof(err)), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err, "line 65537: expected at most 65536 operations");
	CU_ASSERT_EQUAL(fuzz_parse(&p, big, (size_t)(at - big) - 6, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(p.cnt, FUZZ_OPS_MAX);
	CU_ASSERT_PTR_NULL(fuzz_push(&p, FUZZ_EVENT));
	fuzz_program_free(&p);
	free(big);
}

static void test_help(void)
{
	char *text = NULL, want[64];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int v;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fuzz_print_verbs(f);
	fclose(f);
	for (v = 0; v < FUZZ_VERBS; v++) {
		snprintf(want, sizeof(want), "  %s", fuzz_verb_name(v));
		CU_ASSERT_PTR_NOT_NULL(strstr(text, want));
	}
	free(text);
}

int main(void)
{
	CU_pSuite suite;
	unsigned int failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("fuzz program", NULL, NULL);
	CU_add_test(suite, "text", test_text);
	CU_add_test(suite, "places", test_places);
	CU_add_test(suite, "round trip", test_round_trip);
	CU_add_test(suite, "setup", test_setup);
	CU_add_test(suite, "mistakes", test_mistakes);
	CU_add_test(suite, "hostile text", test_hostile_text);
	CU_add_test(suite, "help", test_help);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
