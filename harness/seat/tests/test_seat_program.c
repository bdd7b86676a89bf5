/* SPDX-License-Identifier: MIT */
/* The seat language: what is read, and one clear line for what is not. */
#include "../program.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char err[256];

static int parse(struct seat_program *p, const char *text)
{
	err[0] = 0;
	return seat_parse(p, text, strlen(text), err, sizeof(err));
}

static void refused(const char *text, const char *why)
{
	struct seat_program p;

	CU_ASSERT_EQUAL(parse(&p, text), -EINVAL);
	CU_ASSERT_EQUAL(p.cnt, 0);
	CU_ASSERT_STRING_EQUAL(err, why);
	if (strcmp(err, why))
		printf("for \"%s\": %s\n", text, err);
}

static void test_lines(void)
{
	struct seat_program p;

	CU_ASSERT_EQUAL_FATAL(
		parse(&p, "# nothing\n\n  ring\n-ring  # may fail\r\n! ring\t3\n- wait"), 0);
	CU_ASSERT_EQUAL_FATAL(p.cnt, 4);
	CU_ASSERT_EQUAL(p.ops[0].verb, SEAT_RING);
	CU_ASSERT_EQUAL(p.ops[0].want, SEAT_MUST);
	CU_ASSERT_EQUAL(p.ops[0].line, 3);
	CU_ASSERT_FALSE(p.ops[0].arg[0].given);
	CU_ASSERT_EQUAL(p.ops[1].want, SEAT_MAY);
	CU_ASSERT_EQUAL(p.ops[2].want, SEAT_MUST_NOT);
	CU_ASSERT_TRUE(p.ops[2].arg[0].given);
	CU_ASSERT_EQUAL(p.ops[2].arg[0].expr.term[0].number, 3);
	CU_ASSERT_EQUAL(p.ops[3].verb, SEAT_WAIT);
	CU_ASSERT_EQUAL(p.ops[3].line, 6);
	seat_program_free(&p);
	CU_ASSERT_EQUAL(parse(&p, ""), 0);
	CU_ASSERT_EQUAL(p.cnt, 0);
	seat_program_free(&p);
}

static void test_numbers(void)
{
	struct seat_program p;
	const struct seat_expr *e;

	CU_ASSERT_EQUAL_FATAL(parse(&p, "tail head+0x10-size\nstore u32 ring+at+4 -1 step=8 "
					"to=0xffffffffffffffff"),
			      0);
	e = &p.ops[0].arg[0].expr;
	CU_ASSERT_EQUAL_FATAL(e->cnt, 3);
	CU_ASSERT_EQUAL(e->term[0].name, SEAT_HEAD);
	CU_ASSERT_FALSE(e->term[0].minus);
	CU_ASSERT_EQUAL(e->term[1].name, SEAT_NUMBER);
	CU_ASSERT_EQUAL(e->term[1].number, 16);
	CU_ASSERT_EQUAL(e->term[2].name, SEAT_SIZE);
	CU_ASSERT_TRUE(e->term[2].minus);
	CU_ASSERT_STRING_EQUAL(p.ops[1].arg[0].text, "u32");
	CU_ASSERT_TRUE(p.ops[1].arg[2].expr.term[0].minus);
	CU_ASSERT_EQUAL(p.ops[1].arg[3].expr.term[0].number, UINT64_MAX);
	CU_ASSERT_EQUAL(p.ops[1].arg[4].expr.term[0].number, 8);
	seat_program_free(&p);
	refused("tail", "line 1: tail: expected value");
	refused("tail haed", "line 1: value: expected a number or a name, found 'haed'");
	refused("tail 08", "line 1: value: expected a number or a name, found '08'");
	refused("tail 0x", "line 1: value: expected a number or a name, found '0x'");
	refused("tail 1+", "line 1: value: expected a number or a name, found ''");
	refused("tail 18446744073709551616",
		"line 1: value: expected a number or a name, found '18446744073709551616'");
	refused("tail 1+1+1+1+1+1+1",
		"line 1: value: expected at most 6 terms, found '1+1+1+1+1+1+1'");
}

static void test_arguments(void)
{
	struct seat_program p;
	struct seat_op *op;

	CU_ASSERT_EQUAL_FATAL(parse(&p, "answer a uflags=1 0x02 sense=70Ff"), 0);
	op = &p.ops[0];
	CU_ASSERT_STRING_EQUAL(op->arg[0].text, "a");
	CU_ASSERT_EQUAL(op->arg[1].expr.term[0].number, 2); /* by position, behind a named one */
	CU_ASSERT_EQUAL(op->arg[2].len, 2);
	CU_ASSERT_EQUAL((uint8_t)op->arg[2].text[1], 0xff);
	CU_ASSERT_EQUAL(op->arg[3].expr.term[0].number, 1);
	CU_ASSERT_FALSE(op->arg[4].given);
	seat_program_free(&p);
	refused("ring 4 0 9", "line 1: ring: expected nothing more, found '9'");
	refused("ring bytes=1 bytes=2", "line 1: bytes: given twice");
	refused("ring 4 colour=red",
		"line 1: value: expected a number or a name, found 'colour=red'");
	refused("data a 123",
		"line 1: bytes: expected 1 to 4096 bytes as hexadecimal digits, found "
		"'123'");
	refused("data a 1g", "line 1: bytes: expected 1 to 4096 bytes as hexadecimal digits, found "
			     "'1g'");
	refused("data a", "line 1: data: expected bytes");
	refused("\nrung", "line 2: expected a verb (see tcmu-harness seat --help), found 'rung'");
	refused("-", "line 1: expected a verb (see tcmu-harness seat --help), found ''");
}

static void test_texts(void)
{
	struct seat_program p;

	CU_ASSERT_EQUAL_FATAL(parse(&p, "write control \"a b#\\n\\x00\\\"\\\\\" ms=5\n"
					"write text=\"\" file=attrib/x\nwrite control dev_size=3"),
			      0);
	CU_ASSERT_EQUAL(p.ops[0].arg[1].len, 8);
	CU_ASSERT_EQUAL(memcmp(p.ops[0].arg[1].text, "a b#\n\0\"\\", 8), 0);
	CU_ASSERT_TRUE(p.ops[0].arg[2].given);
	CU_ASSERT_EQUAL(p.ops[1].arg[1].len, 0);
	CU_ASSERT_TRUE(p.ops[1].arg[1].given);
	CU_ASSERT_STRING_EQUAL(p.ops[1].arg[0].text, "attrib/x");
	CU_ASSERT_STRING_EQUAL(p.ops[2].arg[1].text, "dev_size=3"); /* no key of the verb's */
	seat_program_free(&p);
	refused("write control \"a", "line 1: expected a closing '\"'");
	refused("write control \"\\q\"",
		"line 1: expected \\n, \\t, \\\\, \\\" or \\xNN in a text");
	refused("write control \"\\x1\"", "line 1: expected two hexadecimal digits after \\x");
}

static void test_blocks(void)
{
	struct seat_program p;

	CU_ASSERT_EQUAL_FATAL(parse(&p, "thread\nloop 3\nring\nend\nend\nring"), 0);
	CU_ASSERT_EQUAL(p.ops[0].end, 4);
	CU_ASSERT_EQUAL(p.ops[1].end, 3);
	seat_program_free(&p);
	refused("ring\nend", "line 2: end: expected a loop or a thread before it");
	refused("loop 1\nthread\nend", "line 1: loop: expected an end after it");
	refused("loop 1\nloop 1\nloop 1\nloop 1\nloop 1\nloop 1\nloop 1\nloop 1\nloop 1\n",
		"line 9: expected at most 8 blocks inside each other");
}

static void test_hostile_text(void)
{
	struct seat_program p;
	size_t len = 20000;
	char *text = malloc(len + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, 'a', len);
	text[len] = 0;
	CU_ASSERT_EQUAL(parse(&p, text), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "line 1: expected at most"));
	memcpy(text, "data a ", 7);
	CU_ASSERT_EQUAL(parse(&p, text), -EINVAL);
	text[7 + 2 * SEAT_BYTES] = 0; /* exactly as much as an argument holds */
	CU_ASSERT_EQUAL(parse(&p, text), 0);
	CU_ASSERT_EQUAL(p.ops[0].arg[1].len, SEAT_BYTES);
	seat_program_free(&p);
	CU_ASSERT_EQUAL(seat_parse(&p, "ri\0ng", 5, err, sizeof(err)), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err, "line 1: expected text, found a NUL");
	free(text);
}

/* Every row of the table can be used: a verb with its required arguments is read back as itself. */
static void test_every_verb(void)
{
	static const char *const sample[] = { "", "1", "00", "rw" };
	struct seat_program p;
	char line[128];

	for (int v = 0; v < SEAT_VERBS; v++) {
		const struct seat_verb *row = &seat_verbs[v];
		size_t n = (size_t)snprintf(line, sizeof(line), "%s%s",
					    v == SEAT_END ? "loop 1\n" : "", row->name);

		CU_ASSERT_PTR_NOT_NULL_FATAL(row->name);
		for (int i = 0; i < SEAT_ARGS && row->param[i].name; i++)
			if (row->param[i].required)
				n += (size_t)snprintf(line + n, sizeof(line) - n, " %s=%s",
						      row->param[i].name,
						      sample[row->param[i].type]);
		if (v == SEAT_LOOP || v == SEAT_THREAD)
			snprintf(line + n, sizeof(line) - n, "\nend");
		CU_ASSERT_EQUAL_FATAL(parse(&p, line), 0);
		CU_ASSERT_EQUAL(p.ops[v == SEAT_END].verb, (enum seat_do)v);
		seat_program_free(&p);
	}
}

int main(void)
{
	CU_pSuite suite;
	unsigned int failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("seat program", NULL, NULL);
	CU_add_test(suite, "lines", test_lines);
	CU_add_test(suite, "numbers", test_numbers);
	CU_add_test(suite, "arguments", test_arguments);
	CU_add_test(suite, "texts", test_texts);
	CU_add_test(suite, "blocks", test_blocks);
	CU_add_test(suite, "hostile text", test_hostile_text);
	CU_add_test(suite, "every verb", test_every_verb);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
