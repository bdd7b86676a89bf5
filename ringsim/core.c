/* SPDX-License-Identifier: MIT */
/* Who answers a command; see core.h. */
#include <ringsim/core.h>

static bool is_reservation(uint8_t opcode)
{
	switch (opcode) {
	case 0x16: /* RESERVE(6) */
	case 0x17: /* RELEASE(6) */
	case 0x56: /* RESERVE(10) */
	case 0x57: /* RELEASE(10) */
	case 0x5e: /* PERSISTENT RESERVE IN */
	case 0x5f: /* PERSISTENT RESERVE OUT */
		return true;
	default:
		return false;
	}
}

enum ringsim_route ringsim_route(const uint8_t *cdb, const struct ringsim_core_attrs *attrs)
{
	if (cdb[0] == 0xa0) /* REPORT LUNS */
		return RINGSIM_ROUTE_KERNEL;
	if (!is_reservation(cdb[0]))
		return RINGSIM_ROUTE_HANDLER;
	if (!attrs->emulate_pr)
		return RINGSIM_ROUTE_REFUSED;
	return attrs->pgr_support ? RINGSIM_ROUTE_KERNEL : RINGSIM_ROUTE_HANDLER;
}
