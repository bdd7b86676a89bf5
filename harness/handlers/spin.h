/* SPDX-License-Identifier: MIT */
/*
 * How long a thread without work looks for more before it sleeps.
 *
 * Being woken costs far more than a command does, so looking on pays where the next command is
 * near. Whether it is, only the past can tell: the adaptive spin looks for a few times as long as
 * the last successful looks took, gives up after a few in vain, and tries again ever more rarely.
 * It reads no clock and knows no ring: whoever waits tells it what came of it.
 */
#ifndef HANDLERS_SPIN_H
#define HANDLERS_SPIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest look of the adaptive spin, in nanoseconds. */
#define SPIN_LIMIT_NS 500000u
/** Adaptive: so many looks in vain in a row, and it sleeps at once for a while. */
#define SPIN_VAIN_MAX 3u
/** A while: waits without a look before the next, at first; it doubles up to the largest. */
#define SPIN_REST_MIN 16u
#define SPIN_REST_MAX 1024u

/**
 * struct spin_seats - how many threads of a process may look at once: one processor is for others
 * @free: looked after with atomic operations only
 */
struct spin_seats {
	int free;
};

/** spin_seats_init() - for a process that may use @ours of @online processors. */
void spin_seats_init(struct spin_seats *seats, long online, long ours);

/**
 * struct spin - of one thread
 * @limit_ns:   longest look; 0 = never look
 * @seats:      adaptive if not NULL
 * @typical_ns: of the looks that found something, lately; 0 = not known
 * @vain:       looks in vain since the last that was not
 * @rest:       waits to go before the next look; @rest_next: how many next time
 * @looks, @paid: running counts: of all looks, of those that found something
 */
struct spin {
	uint64_t limit_ns;
	struct spin_seats *seats;
	uint64_t typical_ns;
	uint32_t vain, rest, rest_next;
	uint64_t looks, paid;
};

/** spin_fixed() - look for @us microseconds, whatever comes of it. */
void spin_fixed(struct spin *s, uint32_t us);
/** spin_adaptive() - look for as long as it pays, while one of @seats (which outlive it) is free.
 */
void spin_adaptive(struct spin *s, struct spin_seats *seats);

/**
 * spin_begin() - work has run out: how many nanoseconds to look for more; 0 = sleep at once
 *
 * After anything but 0, spin_end() is due.
 */
uint64_t spin_begin(struct spin *s);
/** spin_end() - the look ended after @ns; @found: there is work. */
void spin_end(struct spin *s, uint64_t ns, bool found);

#endif
