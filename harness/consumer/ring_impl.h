/* SPDX-License-Identifier: MIT */
/* What ring.c and run.c share of the handler's side of the ring. */
#ifndef HARNESS_CONSUMER_RING_IMPL_H
#define HARNESS_CONSUMER_RING_IMPL_H

#include "consumer.h"

#include <ringsim/shm.h>
#include <stddef.h>
#include <string.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define HOT	    static inline __attribute__((always_inline))

/* So many entries further, if it is there yet, is what is fetched while these are dealt with. */
#define AHEAD	    16u

/* CDBs of 10 to 16 bytes, which have 16 to the end of the entry, by opcode; @len 0: it is another.
 */
struct consumer_kind {
	uint64_t second_word; /* which bytes of it count */
	uint16_t len;
};
extern const struct consumer_kind consumer_kinds[256];

/* How an answer begins: see ring.c. */
struct commit {
	uint8_t status, asc;
	uint16_t mark; /* MARK | key << 8 | ASCQ; the request has the upper half of iov_cnt here: 0
			*/
	uint32_t read_len;
};

/* What of an answer its caller sets lies in a command as it will lie on the ring. */
_Static_assert(offsetof(struct consumer_cmd, read_len) - offsetof(struct consumer_cmd, status) ==
		       offsetof(struct commit, read_len),
	       "one load");
_Static_assert(sizeof(struct commit) == 8 && RINGSIM_OFF_STATUS % 8 == 0, "one aligned store");

/*
 * An entry at @off will be read, and its first cache line get an answer: asking for that line to
 * store to saves asking for it twice. Most entries have a second one, where the CDB is.
 */
HOT void want(const uint8_t *region, uint64_t off)
{
	shm_want_to_store(region, off);
	shm_want(region, off + 64);
}

/* What a fetched command has only now and then. */
HOT void clear(struct consumer_cmd *cmd)
{
	memset((char *)cmd + offsetof(struct consumer_cmd, bidi_len), 0,
	       offsetof(struct consumer_cmd, user) - offsetof(struct consumer_cmd, bidi_len));
}

/** consumer_look() - load cmd_head, into c->head, too. */
uint32_t consumer_look(struct consumer *c);

/*
 * The kernel writes cmd_head often, and each look takes its cache line away from it: while there
 * are entries that were seen already there is none. An observer is shown one for each entry.
 */
HOT uint32_t load_head(struct consumer *c)
{
	if (likely(c->head != c->next) && !c->probe.fn)
		return c->head;
	return consumer_look(c);
}

#endif
