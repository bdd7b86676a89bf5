/* SPDX-License-Identifier: MIT */
/* Whether a ring was ever answered on: what a handler without a memory of its own asks (HND-071).
 */
#include "consumer.h"

#include <ringsim/shm.h>

/* Looks at cmd_head before bytes beyond it are held against somebody: an entry is laid before it is
 * published, and whoever lays it may be interrupted in between. */
#define PATIENCE 100000

/* Whether cmd_head gets beyond the byte at @off of the ring; its value is left in *@head. */
static bool published(const void *region, uint32_t off, uint32_t *head)
{
	uint32_t i;

	for (i = 0; i < PATIENCE && *head <= off; i++)
		*head = shm_load32_acquire(region, RINGSIM_OFF_HEAD);
	return *head > off;
}

bool consumer_ring_fresh(const void *region, size_t len)
{
	struct tcmu_mailbox mb;
	uint32_t i, head;

	if (len < sizeof(mb))
		return false;
	shm_read(&mb, region, 0, sizeof(mb));
	if (mb.cmd_tail || !shm_span_ok(mb.cmdr_off, mb.cmdr_size, len))
		return false;
	/* what is published while we look is fresh, too: nobody can answer it but us */
	head = shm_load32_acquire(region, RINGSIM_OFF_HEAD);
	for (i = head; i < mb.cmdr_size; i++)
		if (shm_load8(region, (uint64_t)mb.cmdr_off + i)) {
			if (!published(region, i, &head))
				return false;
			i = head - 1;
		}
	for (i = 0; i < mb.cmd_head;) {
		uint64_t entry = (uint64_t)mb.cmdr_off + i;
		uint32_t len_op = shm_load32(region, entry), step = tcmu_hdr_get_len(len_op);

		if (step < 8 || step > mb.cmdr_size - i)
			return false;
		if (tcmu_hdr_get_op(len_op) == TCMU_OP_CMD && step >= RINGSIM_RSP_END &&
		    shm_load16(region, entry + RINGSIM_OFF_STATUS + 2) & CONSUMER_MARK)
			return false;
		i += step;
	}
	return true;
}
