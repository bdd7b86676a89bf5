/* SPDX-License-Identifier: MIT */
/*
 * Traces in the kernel's own order: what is right comes out equal, every effect that is changed is
 * found at its line, and what cannot be is refused in one clear line.
 */
#include "fixture.h"

#include <unistd.h>

#define HEAD                                                                                \
	"# tcmu-trace 2\n"                                                                  \
	"# mailbox ver=2 flags=f cmdr_off=128 cmdr_size=1048448 map=2097152 head=0 tail=0 " \
	"blk=4096\n"                                                                        \
	"# device tick=4000000 cmd_time_out=1 qfull_time_out=-1 tmr=1 desc=0\n"

/* Two commands out of order, an expiry, an abort with its TMR, KEEP_BUF, a reset, a refusal. */
static const char story[] = HEAD
	"SUBMIT n=1 at=1000 cpu=0 dir=in dl=4096 bl=0 cdb=28000000000000000800\n"
	"CMD n=1 off=0 len=128 id=1 kf=0 uf=0 cdb_off=240 cdb=28000000000000000800 iov=1/0/0 "
	"100000+1000\n"
	"SUBMIT n=2 at=1000 cpu=1 dir=out dl=5000 bl=0 cdb=2a000000000000000a00\n"
	"CMD n=2 off=128 len=128 id=2 kf=0 uf=0 cdb_off=368 cdb=2a000000000000000a00 iov=1/0/0 "
	"101000+1388\n"
	"ANSWER off=0 id=2 uf=0 st=0 rl=0 sense=-\n"
	"WALK at=1001 cpu=0 tail=128\n"
	"DONE n=2 st=0 res=0 sense=-\n"
	"ANSWER off=128 id=1 uf=2 st=0 rl=96 sense=-\n"
	"WALK at=1002 cpu=0 tail=256\n"
	"DONE n=1 st=0 res=4000 sense=-\n"
	"SUBMIT n=3 at=1010 cpu=0 dir=none dl=0 bl=0 cdb=000000000000\n"
	"CMD n=3 off=256 len=120 id=1 kf=0 uf=0 cdb_off=496 cdb=000000000000 iov=0/0/0\n"
	"EXPIRE at=1499 cpu=0\n"
	"EXPIRE at=1500 cpu=0\n"
	"DONE n=3 st=2 res=0 sense=700002000000000a00000000080000000000\n"
	"SUBMIT n=4 at=1501 cpu=0 dir=in dl=512 bl=0 cdb=080000000100\n"
	"CMD n=4 off=376 len=120 id=2 kf=0 uf=0 cdb_off=616 cdb=080000000100 iov=1/0/0 100000+200\n"
	"ABORT at=1502 cpu=0 type=1 cmds=4\n"
	"TMR off=496 len=40 id=0 kf=0 uf=0 type=1 ids=2\n"
	"ANSWER off=256 id=1 uf=0 st=0 rl=0 sense=-\n"
	"ANSWER off=376 id=2 uf=4 st=0 rl=0 sense=-\n"
	"WALK at=1503 cpu=0 tail=536\n"
	"ABORTED n=4\n"
	"FREE at=1504 cpu=0 id=2\n"
	"BLOCK at=1504 cpu=0 on=1 tail=536\n"
	"SUBMIT n=5 at=1505 cpu=0 dir=none dl=0 bl=0 cdb=000000000000\n"
	"DONE n=5 st=8 res=0 sense=-\n"
	"BLOCK at=1506 cpu=0 on=0 tail=536\n"
	"SUBMIT n=6 at=1507 cpu=0 dir=in dl=1048576 bl=0 cdb=28000000000000080000\n"
	"CMD n=6 off=536 len=128 id=1 kf=0 uf=0 cdb_off=776 cdb=28000000000000080000 iov=1/0/0 "
	"100000+100000\n"
	"SUBMIT n=7 at=1508 cpu=0 dir=in dl=512 bl=0 cdb=080000000100\n"
	"WAIT n=7\n"
	"RESET at=1509 cpu=0 level=1\n"
	"DONE n=6 st=8 res=0 sense=-\n"
	"UNSEEN n=7 off=0 len=120\n"
	"SET qfull_time_out=0\n"
	"DOOM n=7\n"
	"RESET at=1510 cpu=0 level=2\n"
	"ABORTED n=7\n"
	"RELEASE at=1511 cpu=0\n";

static int replay(const char *text, char *say, unsigned int *line)
{
	struct trace_result res;

	return replay_text(text, strlen(text), &res, say, line);
}

static void test_story(void)
{
	struct trace_result res;
	unsigned int line;
	char say[256];

	CU_ASSERT_EQUAL(replay_text(story, strlen(story), &res, say, &line), 0);
	CU_ASSERT_STRING_EQUAL(say, "");
	CU_ASSERT_EQUAL(res.format, 2);
	CU_ASSERT_EQUAL(res.submitted, 7);
	CU_ASSERT_EQUAL(res.identical, 6);
	CU_ASSERT_EQUAL(res.done, 5);
	CU_ASSERT_EQUAL(res.aborted, 2);
	CU_ASSERT_EQUAL(res.waits, 1);
}

/* What is written is what was read, compressed or not. */
static void test_files(void)
{
	char path[] = "/tmp/test_trace_exact.XXXXXX.xz", err[256], *out = NULL;
	int fd = mkstemps(path, 3);
	size_t len;
	struct trace t;
	FILE *f;

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	close(fd);
	CU_ASSERT_EQUAL_FATAL(trace_parse(&t, "t", story, strlen(story), err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(trace_save(&t, path), 0);
	trace_free(&t);
	CU_ASSERT_EQUAL_FATAL(trace_load(&t, path, err, sizeof(err)), 0);
	f = open_memstream(&out, &len);
	CU_ASSERT_EQUAL(trace_write(&t, f), 0);
	fclose(f);
	CU_ASSERT_STRING_EQUAL(out, story);
	free(out);
	trace_free(&t);
	/* A file that was cut off, or is damaged, is refused. */
	f = fopen(path, "r+");
	CU_ASSERT_EQUAL(ftruncate(fileno(f), 100), 0);
	fclose(f);
	CU_ASSERT_EQUAL(trace_load(&t, path, err, sizeof(err)), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "expected whole .xz data, found"));
	unlink(path);
}

static bool is_effect(const char *line)
{
	static const char *const words[] = { "CMD ",  "PAD ",  "TMR ",	  "UNSEEN ",
					     "WAIT ", "DONE ", "ABORTED " };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strncmp(line, words[i], strlen(words[i])))
			return true;
	return false;
}

/* Every digit of every effect: rejected, and blamed on that line or the cause before it. */
static void test_every_digit(void)
{
	static char text[sizeof(story)];
	unsigned int n = 1, line, tried = 0;
	char say[256], *start, *p;

	memcpy(text, story, sizeof(story));
	for (start = text; *start; start = strchr(start, '\n') + 1, n++) {
		if (!is_effect(start))
			continue;
		for (p = strchr(start, ' '); *p != '\n'; p++) {
			char was = *p;

			if (was < '0' || was > '9')
				continue;
			*p = was == '9' ? '8' : (char)(was + 1);
			tried++;
			if (!replay(text, say, &line) || line > n) {
				fprintf(stderr, "line %u: %.*s: %s\n", n, 40, start, say);
				CU_FAIL("a changed effect passed");
			}
			*p = was;
		}
	}
	CU_ASSERT_TRUE(tried > 200);
}

/* Effects left out, doubled, and without a cause. */
static void test_lines(void)
{
	static char text[2 * sizeof(story)];
	const char *start, *next;
	unsigned int line;
	char say[256];

	for (start = story; *start; start = next) {
		next = strchr(start, '\n') + 1;
		if (!is_effect(start))
			continue;
		snprintf(text, sizeof(text), "%.*s%s", (int)(start - story), story, next);
		CU_ASSERT_NOT_EQUAL(replay(text, say, &line), 0);
		snprintf(text, sizeof(text), "%.*s%s", (int)(next - story), story, start);
		CU_ASSERT_NOT_EQUAL(replay(text, say, &line), 0);
	}
}

static void test_refused(void)
{
	static const struct {
		const char *text, *say;
	} bad[] = {
		{ HEAD, "expected ring entries, found none" },
		{ "# tcmu-trace 3\n", "version of the format: expected ' 2'" },
		{ HEAD "CMD n=1 off=0 len=120 id=1 kf=0 uf=0 cdb_off=240 cdb=000000000000 "
		       "iov=0/0/0\n",
		  "expected a cause, found an effect without one" },
		{ HEAD "KICK tail=0 status=0\n", "expected a word of the format or '# '" },
		{ HEAD "SUBMIT n=2 at=1 cpu=0 dir=none dl=0 bl=0 cdb=000000000000\n"
		       "CMD n=1 off=0 len=120 id=1 kf=0 uf=0 cdb_off=240 cdb=000000000000 "
		       "iov=0/0/0\n",
		  "SUBMIT: n: expected 1, found 2" },
		{ HEAD "SUBMIT n=1 at=1 cpu=0 dir=up dl=0 bl=0 cdb=000000000000\n",
		  "dir: expected none, out, in or bidi, found 'up'" },
		{ HEAD "WALK at=1 cpu=0 tail=1048448\n"
		       "PAD off=0 len=8 id=0 kf=0 uf=0\n",
		  "WALK: tail: expected an offset inside the ring" },
		{ HEAD "SUBMIT n=1 at=250 cpu=0 dir=none dl=0 bl=0 cdb=000000000000\n"
		       "CMD n=1 off=0 len=120 id=1 kf=0 uf=0 cdb_off=240 cdb=000000000000 "
		       "iov=0/0/0\n"
		       "WALK at=4000 cpu=0 tail=0\n",
		  "a timer should have gone off at" },
	};
	unsigned int line;
	char say[256];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_NOT_EQUAL(replay(bad[i].text, say, &line), 0);
		if (!strstr(say, bad[i].say)) {
			fprintf(stderr, "%s\nexpected: %s\n", say, bad[i].say);
			CU_FAIL("not what was expected");
		}
	}
}

static void test_differences(void)
{
	char err[256], *out = NULL, *changed = strdup(story), *p = strstr(changed, "res=4000");
	struct trace a, b;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	p[4] = '5';
	CU_ASSERT_EQUAL_FATAL(trace_parse(&a, "a", story, strlen(story), err, sizeof(err)), 0);
	CU_ASSERT_EQUAL_FATAL(trace_parse(&b, "b", changed, strlen(changed), err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(trace_diff(&a, &a, 10, f), 0);
	CU_ASSERT_EQUAL(trace_diff(&a, &b, 10, f), 1);
	fclose(f);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "DONE: res: 4000, 5000"));
	free(out);
	free(changed);
	trace_free(&a);
	trace_free(&b);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "a story of every kind of line", test_story },
		{ "files", test_files },
		{ "every digit of an effect counts", test_every_digit },
		{ "lines left out and doubled", test_lines },
		{ "refused", test_refused },
		{ "differences", test_differences },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = {
		{ "traces in the kernel's order", NULL, NULL, NULL, NULL, (CU_TestInfo *)tests },
		CU_SUITE_INFO_NULL,
	};

	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)
		return 2;
	return run_registered();
}
