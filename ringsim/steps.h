/* SPDX-License-Identifier: MIT */
/*
 * What submit.c, walk.c and a few others share of the way that nearly every command takes: entries
 * of one shape, and the in-flight FIFO.
 */
#ifndef RINGSIM_STEPS_H
#define RINGSIM_STEPS_H

#include "internal.h"

#define likely(x)    __builtin_expect(!!(x), 1)
#define unlikely(x)  __builtin_expect(!!(x), 0)

/* The entry of a command with up to four iovs and a CDB of 10 to 16 bytes. */
#define PLAIN_LEN    (RINGSIM_RSP_END + 16u)
#define PLAIN_LEN_OP (PLAIN_LEN | TCMU_OP_CMD)

/* Lowers *@n to @most. */
HOT void at_most(uint32_t *n, uint32_t most)
{
	if (*n > most)
		*n = most;
}

/* So many records, from number @i on, lie one behind another in the table. */
HOT uint32_t recs_in_row(const struct ringsim_device *dev, uint32_t i)
{
	return dev->rec_mask + 1 - ((dev->rec_first + i) & dev->rec_mask);
}

/* Takes @slot out of the FIFO; slot 0 is before the first and behind the last. */
HOT void step_unlink(struct slot *slots, const struct slot *slot)
{
	slots[slot->prev].next = slot->next;
	slots[slot->next].prev = slot->prev;
}

#endif
