/* SPDX-License-Identifier: MIT */
/* Which of several files of a module is loaded, by which rule. */
#include "../depmod.h"
#include "fake.h"

#include <CUnit/Basic.h>
#include <string.h>

#define REL  "6.1.0-5-amd64"
#define NAME "target_core_user"
#define OWN  "kernel/drivers/target/" NAME ".ko"

static void test_names(void)
{
	static const struct {
		const char *path, *name;
	} tries[] = { { "kernel/a/b-c.ko", "b_c" },
		      { "x.ko.xz", "x" },
		      { "x.ko.zst", "x" },
		      { "x.ko.gz", "x" },
		      { "x.ko.bak", NULL },
		      { "x.kox", NULL },
		      { ".ko", NULL },
		      { "x", NULL },
		      { "a.ko/x", NULL },
		      { "a/-.ko", "_" },
		      { "x.ko.xz.1", NULL },
		      { "", NULL } };
	char buf[8];
	size_t i;

	for (i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		bool is = module_name(tries[i].path, buf, sizeof(buf));

		CU_ASSERT_EQUAL(is, tries[i].name != NULL);
		if (is && tries[i].name)
			CU_ASSERT_STRING_EQUAL(buf, tries[i].name);
	}
	CU_ASSERT_FALSE(module_name("12345678.ko", buf, sizeof(buf)));
}

static struct depmod rules;

static void test_default(void)
{
	struct rootfs t;
	char why[512];

	fake_new(&t);
	depmod_rules(&rules, &t, REL);
	CU_ASSERT_EQUAL(depmod_better(&rules, NAME, "updates/" NAME ".ko", OWN), 1);
	CU_ASSERT_EQUAL(depmod_better(&rules, NAME, OWN, "updates/" NAME ".ko"), -1);
	CU_ASSERT_EQUAL(depmod_better(&rules, NAME, OWN, "extra/" NAME ".ko"), 0);
	CU_ASSERT_STRING_EQUAL(depmod_kind(&rules, NAME, OWN), "release");
	CU_ASSERT_STRING_EQUAL(depmod_kind(&rules, NAME, "updates/dkms/x.ko"), "updates");
	CU_ASSERT_STRING_EQUAL(depmod_kind(&rules, NAME, "frob/x.ko"), "elsewhere");
	depmod_why(&rules, NAME, "updates/" NAME ".ko", true, why, sizeof(why));
	CU_ASSERT_STRING_EQUAL(why, "'updates' is first in the search order (depmod's default)");
	depmod_why(&rules, NAME, OWN, false, why, sizeof(why));
	CU_ASSERT_STRING_EQUAL(why, "the release's own, and the only one");
	CU_ASSERT_EQUAL(json_array_size(t.unread), 0);
	fake_end(&t);
}

static void test_search(void)
{
	struct rootfs t;
	char why[512];

	fake_new(&t);
	fake_text(&t, "/usr/lib/depmod.d/dist.conf",
		  "# of the distribution\n\nsearch updates \\\n  extra built-in weak-updates\n");
	depmod_rules(&rules, &t, REL);
	CU_ASSERT_EQUAL(rules.n_search, 4);
	CU_ASSERT_EQUAL(depmod_better(&rules, NAME, "extra/x/" NAME ".ko", OWN), 1);
	CU_ASSERT_EQUAL(depmod_better(&rules, NAME, "weak-updates/" NAME ".ko", OWN), -1);
	CU_ASSERT_EQUAL(depmod_better(&rules, NAME, "updates/a.ko", "extra/a.ko"), 1);
	depmod_why(&rules, NAME, "extra/" NAME ".ko", true, why, sizeof(why));
	CU_ASSERT_STRING_EQUAL(
		why, "'extra' is earlier in the search order (/usr/lib/depmod.d/dist.conf:3)");
	fake_end(&t);
}

static void test_override(void)
{
	struct rootfs t;
	char why[512];

	fake_new(&t);
	fake_text(&t, "/etc/depmod.d/a.conf",
		  "override " NAME " ^5 extra\noverride " NAME " * weak-updates/t\n"
		  "override tcm_loop ^6\\.1\\. extra\n");
	depmod_rules(&rules, &t, REL);
	CU_ASSERT_EQUAL(rules.n_override, 2);
	CU_ASSERT_EQUAL(
		depmod_better(&rules, NAME, "weak-updates/t/" NAME ".ko", "updates/" NAME ".ko"),
		1);
	CU_ASSERT_EQUAL(depmod_better(&rules, NAME, "weak-updates/" NAME ".ko", OWN), 0);
	CU_ASSERT_EQUAL(
		depmod_better(&rules, "tcm_loop", "extra/tcm_loop.ko", "updates/tcm_loop.ko"), 1);
	CU_ASSERT_STRING_EQUAL(depmod_kind(&rules, NAME, "weak-updates/t/" NAME ".ko"), "override");
	depmod_why(&rules, NAME, "weak-updates/t/" NAME ".ko", true, why, sizeof(why));
	CU_ASSERT_STRING_EQUAL(why,
			       "'override " NAME " ... weak-updates/t' in /etc/depmod.d/a.conf:2");
	fake_end(&t);
}

/* A file in /etc hides the one of its name elsewhere; other names count, in their order. */
static void test_files(void)
{
	struct rootfs t;

	fake_new(&t);
	fake_text(&t, "/lib/depmod.d/b.conf", "search frob\n");
	fake_text(&t, "/etc/depmod.d/b.conf", "search updates\n");
	fake_text(&t, "/run/depmod.d/a.conf", "search extra\n");
	fake_text(&t, "/run/depmod.d/a.conf.bak", "search never\n");
	fake_text(&t, "/run/depmod.d/.conf", "search never\n");
	depmod_rules(&rules, &t, REL);
	CU_ASSERT_EQUAL_FATAL(rules.n_search, 2);
	CU_ASSERT_STRING_EQUAL(rules.search[0].dir, "extra");
	CU_ASSERT_STRING_EQUAL(rules.search[1].dir, "updates");
	fake_end(&t);
}

static void test_odd(void)
{
	char long_line[4000];
	struct rootfs t;
	size_t i;

	fake_new(&t);
	memset(long_line, 'x', sizeof(long_line) - 1);
	long_line[sizeof(long_line) - 1] = 0;
	fake_text(&t, "/etc/depmod.d/1.conf", long_line);
	fake_text(&t, "/etc/depmod.d/2.conf", "override a\nfrob\n\\\n\\");
	fake_text(&t, "/etc/depmod.d/3.conf", "override a ( extra\noverride a *");
	fake_dir(&t, "/etc/depmod.d/4.conf");
	fake_text(&t, "/etc/depmod.d/5.conf", "search \n");
	depmod_rules(&rules, &t, REL);
	CU_ASSERT_EQUAL(rules.n_override, 0);
	CU_ASSERT_EQUAL(rules.n_search, 2); /* the default */
	CU_ASSERT_EQUAL(json_array_size(t.unread), 6);
	json_array_clear(t.unread);
	for (i = 0; i < 3 * OVERRIDE_MAX && i < 1000; i++) {
		char name[64];

		snprintf(name, sizeof(name), "/etc/depmod.d/m%03zu.conf", i);
		fake_text(&t, name, "override a * x\nsearch a b c\n");
	}
	depmod_rules(&rules, &t, REL);
	CU_ASSERT(rules.n_override <= OVERRIDE_MAX);
	CU_ASSERT_EQUAL(rules.n_search, SEARCH_MAX);
	fake_end(&t);
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("depmod", NULL, NULL);
	CU_add_test(s, "names of modules", test_names);
	CU_add_test(s, "no configuration", test_default);
	CU_add_test(s, "search", test_search);
	CU_add_test(s, "override", test_override);
	CU_add_test(s, "files", test_files);
	CU_add_test(s, "odd files", test_odd);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
