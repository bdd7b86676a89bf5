/* SPDX-License-Identifier: MIT */
/*
 * Programs carried out: legal ones pass with every built-in handler, and what is wrong is named by
 * its clause.
 */
#include "../exec.h"

#include "../../cases/tc.h"
#include "../../check/subject.h"
#include "../../check/verbs.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <unistd.h>

static char *dir;
static struct fuzz_exec x = { .oracles = FUZZ_O_ALL };

static void body(struct tc *tc, void *ctx)
{
	fuzz_exec_run(&x, tc, ctx);
}

/* A handler that is broken in one way, around one that is not. */
static struct {
	enum { SOUND, LOSES_EVENTS, GIVES_UP, CLINGS } how;
	struct consumer_uio copy;
	uint32_t steps;
} broken;

static int broken_attach(struct handler *h, const struct consumer_uio *uio, size_t map0_len)
{
	broken.copy = *uio;
	broken.steps = 0;
	return tcmu_handler_api()->attach(h, uio, map0_len);
}

static int broken_step(struct handler *h, unsigned int events)
{
	uint32_t value;
	int rc;

	broken.steps++;
	if (broken.how == GIVES_UP && broken.steps == 2)
		return -EPROTO;
	if (broken.how == LOSES_EVENTS && events & HANDLER_EV_UIO && broken.steps == 2) {
		broken.copy.read(broken.copy.ctx, &value, sizeof(value));
		return 0;
	}
	rc = tcmu_handler_api()->step(h, events);
	return broken.how == CLINGS ? 0 : rc;
}

/* Runs @text with @engine; the clause of the failure, "" for none, "skip". */
static const char *run(const char *engine, const char *text)
{
	static char clause[32];
	struct subject s = { 0 };
	struct handler_api api;
	struct fuzz_program p;
	struct result r = { 0 };
	struct tc_stage *stage;
	char err[160];

	if (fuzz_parse(&p, text, strlen(text), err, sizeof(err))) {
		printf("%s\n", err);
		return "parse";
	}
	subject_reference(&s, engine, dir, 5000);
	if (broken.how) {
		api = *tcmu_handler_api();
		api.attach = broken_attach;
		api.step = broken_step;
		s.spec.api = &api;
	}
	stage = tc_stage_new(&s.spec, "fuzz");
	CU_ASSERT_PTR_NOT_NULL_FATAL(stage);
	tc_stage_run(stage, p.setup.seat ? NEEDS_SEAT : 0, 1, body, &p, &r);
	snprintf(clause, sizeof(clause), "%s",
		 r.verdict == VERDICT_PASS   ? ""
		 : r.verdict == VERDICT_SKIP ? "skip"
		 : r.clause && r.clause[0]   ? r.clause
					     : "?");
	if (r.verdict != VERDICT_PASS)
		printf("[%s: %s %s]\n%s\n", engine, clause, r.reason ? r.reason : "",
		       getenv("V") && r.detail ? r.detail : "");
	free(r.reason);
	free(r.detail);
	free(r.clause);
	tc_stage_free(stage);
	subject_close(&s);
	fuzz_program_free(&p);
	return clause;
}

static const char *const engines[] = { "memory", "psync", "libaio", "io_uring" };

static void passes(const char *text)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		CU_ASSERT_STRING_EQUAL(run(engines[i], text), "");
}

static void test_plain(void)
{
	passes("");
	passes("submit 000000000000\n");
	passes("device ring=4096 blocks=64 cmd_s=30\n"
	       "submit 2a000000000800000400 out=2048\n"
	       "submit 28000000000800000400 in=2048\nsettle\n"
	       "submit 28000000000800000400 in=2048\nsubmit 120000002400 in=36\n"
	       "submit 2a000000000900000100 out=512 fill=zero\nturn 1\nadvance 10\nevent\nturn 9\n"
	       "submit c0000000000000000000\nsettle\n");
}

static void test_time(void)
{
	uint64_t expired = x.stats.ended[RINGSIM_EXPIRED];
	uint64_t queued = x.stats.ended[RINGSIM_QUEUE_EXPIRED];

	passes("device cmd_s=30 qfull=6 ring=512 blocks=4\nfreeze\n"
	       "submit 2a000000000800000100 out=512\nsubmit 2a000000000800000100 out=512\n"
	       "submit 2a000000000800000100 out=512\nsubmit 2a000000000800000100 out=512\n"
	       "submit 2a000000000800000100 out=512\nadvance 20000\nadvance 20000\nthaw\n");
	CU_ASSERT_EQUAL(x.stats.ended[RINGSIM_EXPIRED] - expired, 12);
	CU_ASSERT_EQUAL(x.stats.ended[RINGSIM_QUEUE_EXPIRED] - queued, 8);
}

static void test_tmr(void)
{
	uint64_t aborted = x.stats.ended[RINGSIM_ABORTED];

	passes("device tmr=1 ring=512\nsubmit 2a000000000800000100 out=512\n"
	       "submit 2a000000000800000100 out=512\nsubmit 2a000000000800000100 out=512\n"
	       "submit 2a000000000800000100 out=512\ntmr lun-reset first=1 count=3\nsettle\n"
	       "tmr abort-task\nsettle\n");
	CU_ASSERT_EQUAL(x.stats.ended[RINGSIM_ABORTED] - aborted, 12);
}

static void test_death(void)
{
	char text[512];
	int step;

	for (step = 1; step < 60; step++) {
		snprintf(
			text, sizeof(text),
			"device ring=4096 blocks=64%s\nhandler %s wce=1\n"
			"submit 2a000000000800000100 out=512\nsubmit 28000000000800000400 in=2048\n"
			"kill after=%d\nsettle\nsubmit 2a000000000900000100 out=512\nrestart\n"
			"settle\nsubmit 28000000000800000400 in=2048\nat 3\nkill\nsettle\n",
			step & 4 ? " async=1" : "", step & 1 ? "in_order=1" : "reorder=7", step);
		CU_ASSERT_STRING_EQUAL(run("memory", text), "");
		CU_ASSERT_STRING_EQUAL(run(engines[step % 4], text), "");
	}
	passes("submit 2a000000000800000100 out=512\nat 2\nrestart\nat 9\nreset 2\nsettle\nreset 1\n"
	       "submit 2a000000000800000100 out=512\nreset 9\n");
}

static void test_media(void)
{
	static const char text[] =
		"handler wce=1 medium=%d\n"
		"submit 2a000000000800000100 out=512\nsettle\nkill\nrestart\nsettle\n"
		"submit 2a000000000800000100 out=512\nsettle\nkill power=1\n"
		"restart\nsubmit 2a000000000800000100 out=512\nsettle\n"
		"submit 35000000000000000000\nsettle\nkill power=1\nrestart\n"
		"submit 28000000000800000400 in=2048\nfault store-read count=1\n"
		"settle\n";
	char out[sizeof(text)];

	for (int medium = 1; medium <= 3; medium++) {
		snprintf(out, sizeof(out), text, medium);
		CU_ASSERT_STRING_EQUAL(run("memory", out), "");
	}
}

static void test_faults(void)
{
	passes("fault read-eagain count=2\nfault read-eintr count=3\nfault write-eintr count=2\n"
	       "submit 000000000000\nsettle\nsubmit 000000000000\nsettle\n");
	passes("submit 000000000000\nsettle\nfault gone\nsubmit 000000000000\n");
	passes("submit 000000000000\nsettle\nfault hangup\nsubmit 000000000000\n");
	passes("handler depth=1\nfault no-memory count=3\nsubmit 89000000000000000000000000010000 "
	       "out=1024\nsettle\n");
}

static void test_ring(void)
{
	passes("device ring=1024 ring_start=960 blocks=4\nraw 0 len=8\nraw 3 len=16 fill=0xff\n"
	       "submit 2a000000000800000100 out=512\ndecoy 2\nplug\n"
	       "submit 2a000000000800000100 out=512\nsubmit 000000000000\nunplug\nturn 3\nblock 1\n"
	       "submit 000000000000\nblock 0\npoll\nqfull 0\nsubmit 2a000000000800000100 out=512\n"
	       "submit 2a000000000800000100 out=512\nsubmit 2a000000000800000100 out=512\n"
	       "submit 2a000000000800000100 out=512\nsubmit 2a000000000800000100 out=512\nsettle\n"
	       "submit 2a000000000800004000 out=32768\nsettle\n");
}

/* What a predecessor kept leaves an iov for each block. */
static void test_fragments(void)
{
	passes("device ring=8192 blocks=64 frag=30\nsubmit 2a000000000800002000 out=16384\nsettle\n"
	       "submit 28000000000800002000 in=16384\nsettle\nkill\nrestart\n"
	       "submit 28000000000800002000 in=16384\n");
}

static void test_refusals(void)
{
	passes("device version=1\nsubmit 000000000000\n");
	passes("device name=1\nsubmit 000000000000\n");
	passes("device name=50\nsubmit 000000000000\n");
}

/* What hangs, or stops by itself, is named by what would have helped it. */
static void test_broken(void)
{
	static const char two[] = "submit 000000000000\nsettle\nsubmit 000000000000\nsettle\n";

	broken.how = LOSES_EVENTS;
	CU_ASSERT_STRING_EQUAL(run("memory", two), "HND-042");
	broken.how = GIVES_UP;
	CU_ASSERT_STRING_EQUAL(run("memory", two), "HND-043");
	CU_ASSERT_STRING_EQUAL(run("memory", "submit 000000000000\nsettle\nfault read-eintr "
					     "count=1\nsubmit 000000000000\nsettle\n"
					     "submit 000000000000\n"),
			       "HND-046");
	broken.how = CLINGS;
	CU_ASSERT_STRING_EQUAL(run("memory", "submit 000000000000\nsettle\nfault gone\n"),
			       "HND-046");
	CU_ASSERT_STRING_EQUAL(run("memory", "submit 000000000000\nsettle\nfault hangup\n"),
			       "HND-047");
	broken.how = SOUND;
}

static void test_seat(void)
{
	passes("device seat=1 ring=4096\nsubmit 000000000000\nsubmit 2a000000000800000100 out=512\n"
	       "answer 1 ring=1\nread 4\nring 4 value=1\nring 8\nmap 4096\nmap 1 offset=4096\n"
	       "store u32 head+8 0x17\nstore u64 end-8 1\nstore u16 tail+3 0xffff\n"
	       "fill data 4096 0xee\nclose\nopen\ntmr lun-reset count=2\nfree 7\n"
	       "store u32 64 0xffffffff\nstore u32 128 7\nring 4\nsubmit 000000000000\n"
	       "fill region 1000000000 0xff\nring 4\nanswer 5 ring=1\nadvance 100000\n"
	       "submit 000000000000\n");
}

int main(void)
{
	CU_pSuite suite;
	unsigned int failures;

	dir = workdir_make("test");
	if (!dir || CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("fuzz executor", NULL, NULL);
	CU_add_test(suite, "plain", test_plain);
	CU_add_test(suite, "time", test_time);
	CU_add_test(suite, "task management", test_tmr);
	CU_add_test(suite, "death", test_death);
	CU_add_test(suite, "media", test_media);
	CU_add_test(suite, "faults", test_faults);
	CU_add_test(suite, "ring", test_ring);
	CU_add_test(suite, "fragments", test_fragments);
	CU_add_test(suite, "refusals", test_refusals);
	CU_add_test(suite, "broken handlers", test_broken);
	CU_add_test(suite, "seat", test_seat);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	fuzz_exec_free(&x);
	workdir_remove(dir);
	return failures ? 1 : 0;
}
