/* SPDX-License-Identifier: MIT */
/* Who answers which command (SCS-001): every opcode under every combination of attributes. */
#include "rig.h"

#include <ringsim/core.h>

static bool listed(int opcode, const int *list)
{
	while (*list >= 0)
		if (*list++ == opcode)
			return true;
	return false;
}

static void test_route(void)
{
	static const int reservations[] = { 0x16, 0x17, 0x56, 0x57, 0x5e, 0x5f, -1 };
	enum ringsim_route want;
	int op, bits;

	for (bits = 0; bits < 8; bits++) {
		struct ringsim_core_attrs attrs = { bits & 1, bits & 2, bits & 4 };

		for (op = 0; op < 256; op++) {
			want = RINGSIM_ROUTE_HANDLER;
			if (op == 0xa0)
				want = RINGSIM_ROUTE_KERNEL;
			else if (listed(op, reservations) && !attrs.emulate_pr)
				want = RINGSIM_ROUTE_REFUSED;
			else if (listed(op, reservations) && attrs.pgr_support)
				want = RINGSIM_ROUTE_KERNEL;
			CU_ASSERT_EQUAL(ringsim_route(&(uint8_t){ (uint8_t)op }, &attrs), want);
		}
	}
}

static void test_default(void)
{
	struct ringsim_core_attrs attrs = RINGSIM_CORE_ATTRS_DEFAULT;

	CU_ASSERT_EQUAL(ringsim_route((const uint8_t[]){ 0x5e }, &attrs), RINGSIM_ROUTE_KERNEL);
	CU_ASSERT_EQUAL(ringsim_route((const uint8_t[]){ 0x28 }, &attrs), RINGSIM_ROUTE_HANDLER);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "every opcode, every combination", test_route },
		{ "default attributes", test_default },
		CU_TEST_INFO_NULL,
	};

	return rig_run("core", tests);
}
