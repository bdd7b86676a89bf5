/* SPDX-License-Identifier: MIT */
/* Placeholders, the command line of `run`, and what it counts. */
#include "../../target/expand.h"
#include "../run.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct expand_word words[] = {
	{ "uio", "uio7" }, { "file.a", "/x y/a.disk" }, { "none", "" }, { NULL, NULL }
};

static void expands(const char *text, const char *want)
{
	char buf[64];

	CU_ASSERT_EQUAL(expand(text, words, buf, sizeof(buf)), (int)strlen(want));
	CU_ASSERT_STRING_EQUAL(buf, want);
}

static void test_expand(void)
{
	expands("", "");
	expands("--uio {uio} {uio}{uio}", "--uio uio7 uio7uio7");
	expands("q/{file.a},{none}.", "q//x y/a.disk,.");
	/* a shell's braces stay */
	expands("f() { ls ${uio} {ui} {uio {}; }", "f() { ls ${uio} {ui} {uio {}; }");
	expands("{", "{");
}

static void test_expand_room(void)
{
	char buf[5];

	CU_ASSERT_EQUAL(expand("{uio}", words, buf, 5), 4);
	CU_ASSERT_EQUAL(expand("{uio}", words, buf, 4), -ENAMETOOLONG);
	CU_ASSERT_EQUAL(expand("12345", words, buf, 5), -ENAMETOOLONG);
	CU_ASSERT_TRUE(expand_uses("a{uio}", "uio"));
	CU_ASSERT_FALSE(expand_uses("a${uio} {uios}", "uio"));
	CU_ASSERT_FALSE(expand_uses(NULL, "uio"));
}

/* run_options() of @argv, which @cfg goes on pointing into; stderr is somewhere else. */
static int options(struct run_config *cfg, const char **argv)
{
	static const char *kept[32];
	int argc = 0;

	for (; argc < 31 && argv[argc]; argc++)
		kept[argc] = argv[argc];
	kept[argc] = NULL;
	optind = 0; /* start anew */
	return run_options(cfg, argc, (char **)(uintptr_t)kept);
}

#define OPTIONS(cfg, ...) options(cfg, (const char *[]){ "run", __VA_ARGS__, NULL })

static void test_devices(void)
{
	struct run_config cfg;

	CU_ASSERT_EQUAL(OPTIONS(&cfg, "--device", "a,size=1M", "--device",
				"b-2,size=3K,block=1024,ring=2,data-area=4,config=s/p,size=9", "--",
				"ls", "-l"),
			-1);
	CU_ASSERT_EQUAL(cfg.n_devices, 2);
	CU_ASSERT_STRING_EQUAL(cfg.devices[0].name, "a");
	CU_ASSERT_EQUAL(cfg.devices[0].size_bytes, 1 << 20);
	CU_ASSERT_EQUAL(cfg.devices[0].block_size, 512);
	CU_ASSERT_STRING_EQUAL(cfg.devices[0].config, "any/x");
	CU_ASSERT_EQUAL(cfg.devices[1].size_bytes, 3072);
	CU_ASSERT_EQUAL(cfg.devices[1].block_size, 1024);
	CU_ASSERT_EQUAL(cfg.devices[1].ring_mb, 2);
	CU_ASSERT_EQUAL(cfg.devices[1].data_area_mb, 4);
	/* the rest, commas and all */
	CU_ASSERT_STRING_EQUAL(cfg.devices[1].config, "s/p,size=9");
	CU_ASSERT_STRING_EQUAL(cfg.client[0], "ls");
	CU_ASSERT_STRING_EQUAL(cfg.client[1], "-l");
	CU_ASSERT_PTR_NULL(cfg.client[2]);
	CU_ASSERT_EQUAL(cfg.cmd_time_out_s, 30);
	run_options_free(&cfg);
	/* the client's options are its own, also without "--" */
	CU_ASSERT_EQUAL(OPTIONS(&cfg, "--device", "a,size=1M", "ls", "--device"), -1);
	CU_ASSERT_EQUAL(cfg.n_devices, 1);
	CU_ASSERT_STRING_EQUAL(cfg.client[1], "--device");
	run_options_free(&cfg);
}

static struct world_command command(uint8_t op, uint8_t status, const uint8_t *sense, uint32_t len)
{
	static uint8_t cdb[16];

	cdb[0] = op;
	return (struct world_command){ .cdb = cdb,
				       .cdb_len = 10,
				       .status = status,
				       .sense = sense,
				       .sense_valid = sense != NULL,
				       .len = len,
				       .outcome = RINGSIM_ANSWERED };
}

static void test_counts(void)
{
	static const uint8_t fixed[18] = { [0] = 0x70, [2] = 0x05, [12] = 0x24 };
	static const uint8_t descriptor[18] = { 0x72, 0x05, 0x21, 0x07 };
	struct counts *c = calloc(1, sizeof(*c));
	struct world_command cmd = command(0x28, 0, NULL, 4096);
	int i;

	count_command(c, &cmd);
	cmd.residual = 96;
	count_command(c, &cmd);
	CU_ASSERT_EQUAL(c->ops[0x28].bytes, 8096);
	CU_ASSERT_EQUAL(c->ops[0x28].good, 2);
	for (i = 0; i < 3; i++) {
		cmd = command(0x28, 2, i ? fixed : descriptor, 512);
		count_command(c, &cmd);
	}
	CU_ASSERT_EQUAL(c->ops[0x28].n, 5);
	CU_ASSERT_EQUAL(c->ops[0x28].n_endings, 2);
	CU_ASSERT_EQUAL(c->ops[0x28].endings[0].sense, 0x052107);
	CU_ASSERT_EQUAL(c->ops[0x28].endings[1].sense, 0x052400);
	CU_ASSERT_EQUAL(c->ops[0x28].endings[1].n, 2);
	CU_ASSERT_EQUAL(c->ops[0x28].bytes, 8096);
	cmd = command(0x00, 2, fixed, 0);
	cmd.outcome = RINGSIM_EXPIRED;
	count_command(c, &cmd);
	CU_ASSERT_EQUAL(c->expired, 1);
	CU_ASSERT_EQUAL(c->n, 6);
	/* more kinds than there is room for are counted together */
	for (i = 0; i < ENDINGS + 5; i++) {
		cmd = command(0x12, (uint8_t)(0x80 + i), NULL, 0);
		count_command(c, &cmd);
	}
	CU_ASSERT_EQUAL(c->ops[0x12].n_endings, ENDINGS);
	CU_ASSERT_EQUAL(c->ops[0x12].other, 5);
	free(c);
}

static void test_breaches(void)
{
	struct ringsim_violation v = { .clause = "HND-040", .what = "first" };
	struct counts *c = calloc(1, sizeof(*c));

	CU_ASSERT_TRUE(count_violation(c, &v));
	v.what = "second";
	CU_ASSERT_FALSE(count_violation(c, &v));
	v.clause = "HND-031";
	CU_ASSERT_TRUE(count_violation(c, &v));
	count_reset(c); /* commands alone are forgotten */
	CU_ASSERT_EQUAL(c->violations, 3);
	CU_ASSERT_EQUAL(c->n_breaches, 2);
	CU_ASSERT_EQUAL(c->breaches[0].n, 2);
	CU_ASSERT_STRING_EQUAL(c->breaches[0].what, "first");
	free(c);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "placeholders", test_expand },
		{ "placeholders and room", test_expand_room },
		{ "devices on the command line", test_devices },
		{ "commands in numbers", test_counts },
		{ "violations in numbers", test_breaches },
		CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = {
		{ .pName = "run", .pTests = tests },
		CU_SUITE_INFO_NULL,
	};
	unsigned int failures;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
