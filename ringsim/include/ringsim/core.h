/* SPDX-License-Identifier: MIT */
/*
 * What the target core does with a command before TCMU sees it: who answers it.
 *
 * Nearly everything is passed through. Only REPORT LUNS and the reservation commands are decided
 * upon by opcode, and that is all a pass-through backend's parser looks at: no length, no range, no
 * field (SCS-003). Clause: SCS-001.
 */
#ifndef RINGSIM_CORE_H
#define RINGSIM_CORE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ringsim_core_attrs - the device attributes that could matter; all are true by default
 * @emulate_pr:   reservations exist at all; without it their commands are refused
 * @pgr_support:  the target core keeps them; without it the handler does
 * @alua_support: the target core minds ALUA access states. Moves no command: the handler answers
 *                REPORT and SET TARGET PORT GROUPS either way
 */
struct ringsim_core_attrs {
	bool emulate_pr;
	bool pgr_support;
	bool alua_support;
};

#define RINGSIM_CORE_ATTRS_DEFAULT                                            \
	{                                                                     \
		.emulate_pr = true, .pgr_support = true, .alua_support = true \
	}

/**
 * enum ringsim_route - who answers a command
 * @RINGSIM_ROUTE_HANDLER: it goes to the ring
 * @RINGSIM_ROUTE_KERNEL:  the target core does; the handler never sees it
 * @RINGSIM_ROUTE_REFUSED: the target core refuses it: CHECK CONDITION 05/20/00
 */
enum ringsim_route { RINGSIM_ROUTE_HANDLER, RINGSIM_ROUTE_KERNEL, RINGSIM_ROUTE_REFUSED };

/** ringsim_route() - who answers the command that starts with @cdb, of which one byte is read. */
enum ringsim_route ringsim_route(const uint8_t *cdb, const struct ringsim_core_attrs *attrs);

#ifdef __cplusplus
}
#endif
#endif
