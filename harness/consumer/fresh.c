/* SPDX-License-Identifier: MIT */
/* Whether a ring was ever answered on: what a handler without a memory of its own asks (HND-071).
 */
#include "consumer.h"

#include <ringsim/shm.h>

bool consumer_ring_fresh(const void *region, size_t len)
{
	const uint8_t *ring = region;
	struct tcmu_mailbox mb;
	uint32_t i;

	if (len < sizeof(mb))
		return false;
	shm_read(&mb, region, 0, sizeof(mb));
	if (mb.cmd_tail || !shm_span_ok(mb.cmdr_off, mb.cmdr_size, len))
		return false;
	for (i = mb.cmd_head; i < mb.cmdr_size; i++)
		if (shm_load8(ring, (uint64_t)mb.cmdr_off + i))
			return false;
	for (i = 0; i < mb.cmd_head;) {
		uint64_t entry = (uint64_t)mb.cmdr_off + i;
		uint32_t len_op = shm_load32(ring, entry), step = tcmu_hdr_get_len(len_op);

		if (step < 8 || step > mb.cmdr_size - i)
			return false;
		if (tcmu_hdr_get_op(len_op) == TCMU_OP_CMD && step >= RINGSIM_RSP_END &&
		    shm_load16(ring, entry + RINGSIM_OFF_STATUS + 2) & CONSUMER_MARK)
			return false;
		i += step;
	}
	return true;
}
