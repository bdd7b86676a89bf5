/* SPDX-License-Identifier: MIT */
/* What a corpus keeps, how its programs are changed, and how findings are told apart. */
#include "../corpus.h"
#include "../findings.h"
#include "../trial.h"

#include <CUnit/Basic.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct fuzz_limits any = { .profile = FUZZ_P_RING };

static char *text_of(const struct fuzz_program *p)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	fuzz_print(p, f);
	fclose(f);
	return text;
}

static void test_features(void)
{
	static struct features all, one;

	one.bits[0] = 5;
	CU_ASSERT_TRUE(features_add(&all, &one));
	CU_ASSERT_FALSE(features_add(&all, &one));
	one.bits[0] = 4;
	CU_ASSERT_FALSE(features_add(&all, &one));
	one.bits[0] = 6;
	CU_ASSERT_TRUE(features_add(&all, &one));
	CU_ASSERT_EQUAL(all.bits[0], 7);
}

/* A program is news when it does what none did, or does it while something else is the case. */
static void test_news(void)
{
	struct corpus none = { 0 };
	struct corpus_view *v = corpus_view_new(&none);
	struct fuzz_program p = { 0 };
	struct fuzz_stats st = { 0 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	CU_ASSERT_EQUAL(fuzz_generate(&p, 1, &any), 0);
	corpus_before(v, &st);
	st.opcodes[0x28] = st.ended[RINGSIM_ANSWERED] = 1;
	CU_ASSERT_TRUE(corpus_after(v, &st, &p));
	corpus_before(v, &st);
	st.opcodes[0x28]++;
	st.ended[RINGSIM_ANSWERED]++;
	CU_ASSERT_FALSE(corpus_after(v, &st, &p));
	corpus_before(v, &st);
	st.opcodes[0x28]++;
	st.ended[RINGSIM_ANSWERED]++;
	st.wraps++;
	CU_ASSERT_TRUE(corpus_after(v, &st, &p));
	corpus_before(v, &st);
	st.opcodes[0x28]++;
	st.ended[RINGSIM_EXPIRED]++;
	CU_ASSERT_TRUE(corpus_after(v, &st, &p));
	corpus_view_free(v);
	fuzz_program_free(&p);
}

static void test_directory(void)
{
	char dir[] = "/tmp/test_corpus.XXXXXX", path[64];
	struct fuzz_program a = { 0 }, b = { 0 }, p = { 0 };
	struct corpus c = { 0 };
	struct corpus_view *v;
	char *want, *got;
	FILE *f;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	CU_ASSERT_EQUAL(fuzz_generate(&a, 1, &any), 0);
	CU_ASSERT_EQUAL(fuzz_generate(&b, 2, &any), 0);
	CU_ASSERT_TRUE(corpus_save(dir, 0, &a));
	CU_ASSERT_FALSE(corpus_save(dir, 1, &a));
	CU_ASSERT_TRUE(corpus_save(dir, 1, &b));
	CU_ASSERT_FALSE(corpus_save(dir, CORPUS_PROGRAMS, &b));
	snprintf(path, sizeof(path), "%s/zz.fuzz", dir);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("frobnicate\n", f);
	fclose(f);
	CU_ASSERT_EQUAL(corpus_load(&c, dir), 0);
	CU_ASSERT_EQUAL(c.n, 2);
	CU_ASSERT_EQUAL(c.skipped, 1);

	/* first as they are */
	v = corpus_view_new(&c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	for (uint64_t i = 0; i < 2; i++) {
		CU_ASSERT_TRUE(corpus_program(v, i, 7 + i, &p));
		want = text_of(&c.v[i]);
		got = text_of(&p);
		CU_ASSERT_STRING_EQUAL(want, got);
		free(want);
		free(got);
	}
	CU_ASSERT_FALSE(corpus_program(v, 2, 1, &p));
	CU_ASSERT_TRUE(corpus_program(v, 2, 2, &p));
	corpus_view_free(v);
	corpus_free(&c);
	CU_ASSERT_EQUAL(corpus_load(&c, "/nonexistent"), -ENOENT);
	fuzz_program_free(&a);
	fuzz_program_free(&b);
	fuzz_program_free(&p);
	CU_ASSERT_EQUAL(chdir(dir), 0);
	CU_ASSERT_EQUAL(system("rm -f ./*.fuzz"), 0);
	CU_ASSERT_EQUAL(chdir("/"), 0);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

/* A changed program is one that can be written down and read again, and depends on its seed only.
 */
static void test_mutate(void)
{
	struct fuzz_program a = { 0 }, b = { 0 }, once, twice, read;
	unsigned int changed = 0;
	char err[256];

	for (uint64_t seed = 0; seed < 300; seed++) {
		char *before, *text, *again;

		CU_ASSERT_EQUAL(fuzz_generate(&a, seed, &any), 0);
		CU_ASSERT_EQUAL(fuzz_generate(&b, seed + 1000, &any), 0);
		CU_ASSERT_EQUAL_FATAL(fuzz_program_copy(&once, &a), 0);
		CU_ASSERT_EQUAL_FATAL(fuzz_program_copy(&twice, &a), 0);
		mutate_program(&once, &b, seed);
		mutate_program(&twice, &b, seed);
		before = text_of(&a);
		text = text_of(&once);
		again = text_of(&twice);
		changed += strcmp(before, text) != 0;
		CU_ASSERT_STRING_EQUAL(text, again);
		free(again);
		err[0] = 0;
		if (fuzz_parse(&read, text, strlen(text), err, sizeof(err)))
			printf("%s\n", err);
		CU_ASSERT_STRING_EQUAL_FATAL(err, "");
		again = text_of(&read);
		CU_ASSERT_STRING_EQUAL(text, again);
		free(before);
		free(text);
		free(again);
		fuzz_program_free(&read);
		fuzz_program_free(&once);
		fuzz_program_free(&twice);
	}
	CU_ASSERT(changed > 250);
	fuzz_program_free(&a);
	fuzz_program_free(&b);
}

static uint32_t shape(const char *clause, const char *reason)
{
	struct finding f = { .kind = FINDING_BROKEN };

	snprintf(f.clause, sizeof(f.clause), "%s", clause);
	snprintf(f.reason, sizeof(f.reason), "%s", reason);
	return finding_shape(&f);
}

static void test_shape(void)
{
	uint32_t a = shape("HND-013", "entry at 128: expected 4, found 0x1f");

	CU_ASSERT_EQUAL(a, shape("HND-013", "entry at 4096: expected 7, found 0xabc"));
	CU_ASSERT_NOT_EQUAL(a, shape("HND-014", "entry at 128: expected 4, found 0x1f"));
	CU_ASSERT_NOT_EQUAL(a, shape("HND-013", "PAD at 128: expected 4, found 0x1f"));
	CU_ASSERT_EQUAL(shape("", "found d5925636c911"), shape("", "found abcdefabcdef"));
	CU_ASSERT_NOT_EQUAL(shape("", "found bad"), shape("", "found dad"));
}

static void test_same(void)
{
	struct finding a = { .kind = FINDING_BROKEN, .clause = "HND-013", .reason = "x" };
	struct finding b = { .kind = FINDING_BROKEN, .clause = "HND-013", .reason = "y" };
	struct finding crash = { .kind = FINDING_CRASH, .reason = "signal 11" };
	struct finding other = { .kind = FINDING_CRASH, .reason = "signal 6" };
	struct finding advice = b;

	CU_ASSERT_TRUE(finding_same(&a, &b));
	CU_ASSERT_FALSE(finding_same(&a, &crash));
	CU_ASSERT_TRUE(finding_same(&crash, &crash));
	CU_ASSERT_TRUE(finding_same(&crash, &other));
	advice.advice = true;
	CU_ASSERT_FALSE(finding_same(&a, &advice));
	a.clause[0] = b.clause[0] = 0;
	CU_ASSERT_FALSE(finding_same(&a, &b));
}

static void test_header(void)
{
	struct fuzz_header h = { .clause = "HND-013",
				 .why = "a PAD: that is why",
				 .handler = "--handler memory",
				 .mutant = "pad-cleared",
				 .seed = 0xfedcba9876543210 },
			   r;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	fuzz_header_write(&h, f);
	fputs("settle\n# clause: HND-014\n", f);
	fclose(f);
	fuzz_header_read(&r, text, len);
	CU_ASSERT_EQUAL(memcmp(&h, &r, sizeof(h)), 0);
	free(text);
	fuzz_header_read(&r, "settle\n", 7);
	CU_ASSERT_EQUAL(r.seed, 1);
	CU_ASSERT_STRING_EQUAL(r.clause, "");
	fuzz_header_read(&r, "# seed: 5", 9);
	CU_ASSERT_EQUAL(r.seed, 5);
	fuzz_header_read(&r, "#", 1);
	CU_ASSERT_EQUAL(r.seed, 1);
}

static void test_seeds(void)
{
	CU_ASSERT_NOT_EQUAL(fuzz_program_seed(1, 0), fuzz_program_seed(1, 1));
	CU_ASSERT_NOT_EQUAL(fuzz_program_seed(1, 0), fuzz_program_seed(2, 0));
	CU_ASSERT_EQUAL(fuzz_program_seed(1, 0), 0x910a2dec89025cc1);
}

int main(void)
{
	CU_pSuite s;
	unsigned int failed;

	CU_initialize_registry();
	s = CU_add_suite("corpus and findings", NULL, NULL);
	CU_add_test(s, "features add up", test_features);
	CU_add_test(s, "what is news", test_news);
	CU_add_test(s, "a directory", test_directory);
	CU_add_test(s, "changed programs", test_mutate);
	CU_add_test(s, "the shape of a finding", test_shape);
	CU_add_test(s, "the same finding", test_same);
	CU_add_test(s, "headers", test_header);
	CU_add_test(s, "seeds", test_seeds);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
