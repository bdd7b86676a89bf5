/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness fabric`: what the parser takes and what it says of what it does not take, how
 * signatures and bodies meet, and what is in the files of a module.
 */
#include "../fabric.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fabric_table table;
static char error[FABRIC_ERROR_SIZE];

/* A function table with those members, in a header that declares a function or two. */
static int parse(const char *members)
{
	char text[8192];

	snprintf(text, sizeof(text),
		 "/* struct target_core_fabric_ops { int no; }; */\n"
		 "#define NOT struct target_core_fabric_ops {\n"
		 "struct target_core_fabric_ops;\n"
		 "struct target_core_fabric_ops {\n%s\n};\n"
		 "int target_one(struct se_cmd *);\n"
		 "// int target_two(void);\n",
		 members);
	fabric_table_free(&table);
	error[0] = '\0';
	return fabric_table_parse(&table, "a.h", text, error);
}

static void takes(const char *members, int n)
{
	CU_ASSERT_EQUAL(parse(members), 0);
	CU_ASSERT_STRING_EQUAL(error, "");
	CU_ASSERT_EQUAL(table.members, n);
}

static void refuses(const char *members, const char *message)
{
	CU_ASSERT_EQUAL(parse(members), -EINVAL);
	CU_ASSERT_STRING_EQUAL(error, message);
}

static void test_fields(void)
{
	takes("", 0);
	takes("struct module *module; const char *name;\nbool a; unsigned int b:1;\n"
	      "unsigned long long c; struct configfs_attribute **attrs; char const * const d;",
	      7);
	CU_ASSERT_STRING_EQUAL(table.member[0].type, "struct module *");
	CU_ASSERT_STRING_EQUAL(table.member[1].type, "const char *");
	CU_ASSERT_STRING_EQUAL(table.member[3].name, "b");
	CU_ASSERT_EQUAL(table.member[3].line, 6);
	CU_ASSERT_STRING_EQUAL(table.member[4].type, "unsigned long long");
	CU_ASSERT_STRING_EQUAL(table.member[5].type, "struct configfs_attribute **");
	CU_ASSERT_STRING_EQUAL(table.member[6].name, "d");
	CU_ASSERT_FALSE(table.member[6].callback);
}

static void test_callbacks(void)
{
	takes("u16 (*tag)(struct se_portal_group *);\n"
	      "struct se_wwn *(*make)(struct target_fabric_configfs *,\n"
	      "\t\tstruct config_group *, const char *);\n"
	      "void (*none)(void); int (*named)(unsigned char *buf, u32, bool enable);",
	      4);
	CU_ASSERT_STRING_EQUAL(table.member[0].type, "u16");
	CU_ASSERT_EQUAL(table.member[0].params, 1);
	CU_ASSERT_STRING_EQUAL(table.member[0].param[0], "struct se_portal_group *");
	CU_ASSERT_STRING_EQUAL(table.member[1].type, "struct se_wwn *");
	CU_ASSERT_EQUAL(table.member[1].params, 3);
	CU_ASSERT_EQUAL(table.member[1].line, 6);
	CU_ASSERT_STRING_EQUAL(table.member[1].param[2], "const char *");
	CU_ASSERT_EQUAL(table.member[2].params, 0);
	CU_ASSERT_EQUAL(table.member[3].params, 3);
	CU_ASSERT_STRING_EQUAL(table.member[3].param[0], "unsigned char *");
	CU_ASSERT_STRING_EQUAL(table.member[3].param_name[0], "buf");
	CU_ASSERT_STRING_EQUAL(table.member[3].param[1], "u32");
	CU_ASSERT_STRING_EQUAL(table.member[3].param_name[1], "");
	CU_ASSERT_STRING_EQUAL(table.member[3].param_name[2], "enable");
	CU_ASSERT_PTR_EQUAL(fabric_table_find(&table, "none"), &table.member[2]);
	CU_ASSERT_PTR_NULL(fabric_table_find(&table, "non"));
}

static void test_declares(void)
{
	takes("int a; /* int target_three(void); */", 1);
	CU_ASSERT_TRUE(fabric_table_declares(&table, "target_one"));
	CU_ASSERT_FALSE(fabric_table_declares(&table, "target_on"));
	CU_ASSERT_FALSE(fabric_table_declares(&table, "target_two"));
	CU_ASSERT_FALSE(fabric_table_declares(&table, "target_three"));
	CU_ASSERT_FALSE(fabric_table_declares(&table, "se_cmd"));
}

/* Line 5 is where members begin. */
static void test_wrong_members(void)
{
	refuses("int;", "a.h:5: expected a name, found ';'");
	refuses("int a", "a.h:6: expected ';', found '}'");
	refuses("\nint a b;", "a.h:6: expected ';', found 'b'");
	refuses("struct { int a; } b;", "a.h:5: expected a tag, found '{'");
	refuses("int a, b;", "a.h:5: expected ';', found ','");
	refuses("int a[4];", "a.h:5: expected ';', found '['");
	refuses("int a:b;", "a.h:5: expected the width of a bit field, found 'b'");
	refuses("int a; /* a\ncomment */ u8 a;", "a.h:6: expected a new name, found 'a' once more");
	refuses("*a;", "a.h:5: expected a type, found '*'");
	refuses("#ifdef X\nint a;\n#endif",
		"a.h:5: expected a type, found a preprocessor directive");
	refuses("__attribute__((x)) int a;", "a.h:5: expected '*', found '('");
}

static void test_wrong_callbacks(void)
{
	refuses("int (a)(void);", "a.h:5: expected '*', found 'a'");
	refuses("int (*)(void);", "a.h:5: expected a name, found ')'");
	refuses("int (*a);", "a.h:5: expected '(', found ';'");
	refuses("int (*a)();", "a.h:5: expected a type, found ')'");
	refuses("int (*a)(int,);", "a.h:5: expected a type, found ')'");
	refuses("int (*a)(int b;", "a.h:5: expected ')', found ';'");
	refuses("int (*a)(int, void);", "a.h:5: expected '*' or ')' behind void, found ')'");
	refuses("int (*a)(int, ...);", "a.h:5: expected a type, found '.'");
	refuses("int (*a)(int (*f)(int));", "a.h:5: expected ')', found '('");
	refuses("int (*a)(int, int, int, int, int, int, int, int, int);",
		"a.h:5: expected no more than 8 parameters, found 'int'");
	refuses("int (**a)(void);", "a.h:5: expected a name, found '*'");
}

static void test_wrong_files(void)
{
	static const struct {
		const char *text, *message;
	} files[] = {
		{ "", "b.h:1: expected struct target_core_fabric_ops, found the end" },
		{ "\n\nstruct target_core_fabric_ops;\n/* open",
		  "b.h:4: expected struct target_core_fabric_ops, found the end" },
		{ "struct target_core_fabric_ops {\nint a;",
		  "b.h:2: expected a type, found the end" },
		{ "struct target_core_fabric_ops {\nint a;\n}\nb;",
		  "b.h:4: expected ';', found 'b'" },
		{ "char c = '\"'; struct target_core_fabric_ops { int \"a\"; };",
		  "b.h:1: expected a name, found '\"'" },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		fabric_table_free(&table);
		CU_ASSERT_EQUAL(fabric_table_parse(&table, "b.h", files[i].text, error), -EINVAL);
		CU_ASSERT_STRING_EQUAL(error, files[i].message);
	}
}

/* Whatever ends early or is longer than there is room for is refused, and nothing else happens. */
static void test_limits(void)
{
	char members[16384] = "", name[300];
	const char *whole = "u16 (*tag)(struct se_portal_group *, unsigned char *b); bool c:1;";

	for (size_t n = 0; n < strlen(whole); n++) {
		snprintf(members, sizeof(members), "struct target_core_fabric_ops {%.*s", (int)n,
			 whole);
		fabric_table_free(&table);
		CU_ASSERT_EQUAL(fabric_table_parse(&table, "c.h", members, error), -EINVAL);
	}
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(members, sizeof(members), "int %s;", name);
	CU_ASSERT_EQUAL(parse(members), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "a.h:5: expected a shorter name, found 'xxx"));
	snprintf(members, sizeof(members), "struct %s *p;", name);
	CU_ASSERT_EQUAL(parse(members), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "a.h:5: expected a shorter type, found 'xxx"));
	members[0] = '\0';
	for (int i = 0; i <= FABRIC_MAX_MEMBERS; i++)
		snprintf(members + strlen(members), 16, "int m%d;", i);
	refuses(members, "a.h:5: expected '}': no more than 128 members, found 'int'");
}

/* --- templates -----------------------------------------------------------------------------------
 */

static struct fabric_use use[FABRIC_MAX_MEMBERS];

static char *expand(const char *text)
{
	struct fabric_order order = { .name = "mine",
				      .table = &table,
				      .protocol = fabric_protocol_find("sas"),
				      .release = "" };
	char *out;
	int rc;

	error[0] = '\0';
	rc = fabric_expand(&order, "t", text, use, &out, error);
	CU_ASSERT_EQUAL(rc, out ? 0 : -EINVAL);
	return out;
}

static void expands(const char *text, const char *want)
{
	char *out = expand(text);

	CU_ASSERT_STRING_EQUAL(error, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_STRING_EQUAL(out, want);
	free(out);
}

static void expands_not(const char *text, const char *message)
{
	CU_ASSERT_PTR_NULL(expand(text));
	CU_ASSERT_STRING_EQUAL(error, message);
}

static void test_values(void)
{
	takes("int a;", 1);
	expands("@name@ @NAME@_X\n@id@\n", "mine MINE_X\nSCSI_PROTOCOL_SAS\n");
	expands("@if has:a\n1\n@if has:b naa\n2\n@else\n3\n@end\n@else\n4\n@end\n", "1\n3\n");
	expands("@if !naa\n1\n@if naa\n2\n@else\n3\n@end\n@else\n4\n@end\n", "4\n");
	expands_not("@nme@\n", "template t:1: expected a value, found '@nme@'");
	expands_not("a @ b\n", "template t:1: expected a value, found '@ b'");
	expands_not("\n@frob x\n", "template t:2: expected a directive, found 'frob'");
	expands_not("@if naa\n", "template t:1: expected @end, found 'the end'");
	expands_not("@end\n", "template t:1: expected @if before it, found 'end'");
	expands("@require a\n@function target_one\n", "");
	expands_not("@require a b\n", "a.h: expected a member b, found none: this kernel's target "
				      "core is another one");
	expands_not("@function target_two\n", "a.h: expected a function target_two, found none: "
					      "this kernel's target core is another one");
}

/* The header's signature, the template's body; parameters are found by their types. */
static void test_signatures(void)
{
	const char *make = "@callback int make(struct a *a, const char *name)\n\treturn 0;\n@end\n";

	memset(use, 0, sizeof(use));
	takes("int (*make)(struct a *, const char *); u8 (*other)(struct b *, u32);", 2);
	expands(make, "int mine_make(struct a *a, const char *name)\n{\n\treturn 0;\n}\n");
	expands("@prototypes\n@ops\n@callbacks\n@others\n",
		"int mine_make(struct a *, const char *);\n\t.make = mine_make,\n"
		"| `make` | `mine_make` | t | complete |\n- `u8 (*other)(struct b *, u32)`\n");
	takes("int (*make)(const char *x, struct group *, struct a *);", 1);
	expands(make, "int mine_make(const char *name, struct group *unused1, struct a *a)\n"
		      "{\n\treturn 0;\n}\n");
	takes("int (*makes)(struct a *, const char *);", 1);
	expands(make, "");
	takes("\nint (*make)(struct a *, char *);", 1);
	expands_not(make, "a.h:6: make: expected a parameter 'const char *', found struct a *, "
			  "char *");
	takes("int (*make)(void);", 1);
	expands_not(make, "a.h:5: make: expected a parameter 'struct a *', found none");
	takes("void (*make)(struct a *, const char *);", 1);
	expands_not(make, "a.h:5: make: expected a callback that returns 'int', found 'void'");
	takes("int make;", 1);
	expands_not(make,
		    "a.h:5: make: expected a callback that returns 'int', found a field 'int'");
}

/* --- modules -------------------------------------------------------------------------------------
 */

/* A table with all that a module needs, and one callback that nobody has heard of. */
static const char complete[] =
	"struct module *module; const char *fabric_name; u16 (*tpg_get_tag)(struct se_portal_group *);"
	"char *(*tpg_get_wwn)(struct se_portal_group *); int (*check_stop_free)(struct se_cmd *);"
	"void (*release_cmd)(struct se_cmd *); void (*close_session)(struct se_session *);"
	"int (*write_pending)(struct se_cmd *); int (*queue_data_in)(struct se_cmd *);"
	"int (*queue_status)(struct se_cmd *); void (*queue_tm_rsp)(struct se_cmd *);"
	"void (*aborted_task)(struct se_cmd *);"
	"struct se_wwn *(*fabric_make_wwn)(struct target_fabric_configfs *, struct config_group *,"
	" const char *); void (*fabric_drop_wwn)(struct se_wwn *);"
	"struct se_portal_group *(*fabric_make_tpg)(struct se_wwn *, const char *);"
	"void (*fabric_drop_tpg)(struct se_portal_group *); int (*quite_new)(struct se_cmd *);"
	"u32 (*sess_get_initiator_sid)(struct se_session *, unsigned char *, u32);"
	"struct configfs_attribute **tfc_tpg_base_attrs;"
	"struct configfs_attribute **tfc_tpg_attrib_attrs; };"
	"int target_register_template(void); int target_unregister_template(void);"
	"int target_init_cmd(void); int target_submit_prep(void); int target_submit(void);"
	"int target_submit_tmr(void); int target_execute_cmd(void);"
	"int transport_generic_free_cmd(void); int core_tpg_register(void);"
	"int core_tpg_deregister(void); int target_setup_session(void);"
	"int target_remove_session(void); int target_stop_session(void);"
	"int target_wait_for_sess_cmds(void); struct end {";

static const struct fabric_file *file_of(const struct fabric_file *files, const char *name)
{
	for (int i = 0; i < FABRIC_FILES; i++)
		if (!strcmp(files[i].name, name))
			return &files[i];
	CU_FAIL_FATAL("no such file");
	return NULL;
}

static int count(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* Each callback: declared once, defined once, in the table once; and nothing is left of templates.
 */
static void check_module(const struct fabric_protocol *protocol)
{
	struct fabric_order order = { "mine", protocol, &table, "7.8.9" };
	struct fabric_file files[FABRIC_FILES];
	const char *ops, *header, *readme;
	char text[256];

	CU_ASSERT_EQUAL_FATAL(fabric_generate(&order, files, error), 0);
	ops = file_of(files, "mine_main.c")->text;
	header = file_of(files, "mine.h")->text;
	readme = file_of(files, "README.md")->text;
	for (int i = 0; i < table.members; i++) {
		const char *name = table.member[i].name;
		bool left_out = !strcmp(name, "quite_new") ||
				(!strcmp(name, "sess_get_initiator_sid") &&
				 strcmp(protocol->name, "iSCSI") != 0);

		if (!table.member[i].callback)
			continue;
		snprintf(text, sizeof(text), "\t.%s = mine_%s,\n", name, name);
		CU_ASSERT_EQUAL(count(ops, text), !left_out);
		snprintf(text, sizeof(text), "mine_%s(", name);
		CU_ASSERT_EQUAL(count(header, text), !left_out);
		snprintf(text, sizeof(text), left_out ? "(*%s)(" : "| `%s` |", name);
		CU_ASSERT_EQUAL(count(readme, text), 1);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(readme, "7.8.9"));
	CU_ASSERT_PTR_NOT_NULL(strstr(readme, protocol->target));
	CU_ASSERT_PTR_NOT_NULL(strstr(readme, protocol->transport_id));
	CU_ASSERT_PTR_NOT_NULL(strstr(file_of(files, "mine_configfs.c")->text, protocol->id));
	CU_ASSERT_PTR_NOT_NULL(strstr(file_of(files, "Kconfig")->text, "config TCM_MINE\n"));
	for (int i = 0; i < FABRIC_FILES; i++) {
		CU_ASSERT_PTR_NULL(strchr(files[i].text, '@'));
		CU_ASSERT(!strcmp(files[i].name, "README.md") ||
			  count(files[i].text, "SPDX-License-Identifier: GPL-2.0") == 1);
	}
	fabric_files_free(files);
}

static void test_modules(void)
{
	const struct fabric_protocol *p;
	size_t n;

	takes(complete, 20);
	for (n = 0; (p = fabric_protocol_at(n)); n++)
		check_module(p);
	CU_ASSERT(n >= 6);
	CU_ASSERT_PTR_EQUAL(fabric_protocol_find("ISCSI"), fabric_protocol_find("iscsi"));
	CU_ASSERT_PTR_NULL(fabric_protocol_find("iscs"));
}

/* Any member that the target core does not do without. */
static void test_missing(void)
{
	static const char *const needed[] = { "release_cmd", "queue_status", "fabric_make_tpg",
					      "fabric_name", "target_setup_session" };
	struct fabric_order order = { "mine", fabric_protocol_find("fc"), &table, "" };
	struct fabric_file files[FABRIC_FILES];
	char members[sizeof(complete)], *at;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		strcpy(members, complete);
		at = strstr(members, needed[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
		*at = 'X';
		takes(members, 20);
		CU_ASSERT_EQUAL(fabric_generate(&order, files, error), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(error, needed[i]));
		CU_ASSERT_PTR_NULL(strchr(error, '\n'));
	}
}

static void test_names(void)
{
	static const char *const bad[] = {
		"",    "1a",   "_a",	   "a-b",   "A",	"a b",
		"a/b", "core", "loopback", "iscsi", "\xc3\xa4", "abcdefghijklmnopqrstuvwxyz012345"
	};

	CU_ASSERT_EQUAL(fabric_name_check("a", error), 0);
	CU_ASSERT_EQUAL(fabric_name_check("tcm_mine2", error), 0);
	CU_ASSERT_EQUAL(fabric_name_check("abcdefghijklmnopqrstuvwxyz01234", error), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CU_ASSERT_EQUAL(fabric_name_check(bad[i], error), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(error, "expected a n"));
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "fields", test_fields },
		{ "callbacks", test_callbacks },
		{ "declared functions", test_declares },
		{ "wrong members", test_wrong_members },
		{ "wrong callbacks", test_wrong_callbacks },
		{ "wrong files", test_wrong_files },
		{ "limits", test_limits },
		{ "values and conditions", test_values },
		{ "signatures", test_signatures },
		{ "modules", test_modules },
		{ "missing members", test_missing },
		{ "names of modules", test_names },
		CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = {
		{ .pName = "fabric", .pTests = tests },
		CU_SUITE_INFO_NULL,
	};
	unsigned int failures;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	fabric_table_free(&table);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
