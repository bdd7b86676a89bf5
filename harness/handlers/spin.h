/* SPDX-License-Identifier: MIT */
/*
 * How long a thread without work looks for more before it sleeps.
 *
 * Sleeping costs the processor's time for falling asleep and being woken, and whoever sent the
 * next command waits for that. So looking on pays where the next command is near. The adaptive
 * spin looks for a few times as long as the work before it and a sleep take, and no longer; it
 * gives up when most looks are in vain, and tries again ever more rarely. So looking costs at most
 * SPIN_NEAR times what the commands would if it slept for each, at any pace and on any machine, and
 * hardly anything where they are rare. It reads no clock and knows no ring: whoever waits tells it
 * what came of it.
 */
#ifndef HANDLERS_SPIN_H
#define HANDLERS_SPIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Adaptive: the longest look, in times of work and sleep, and in nanoseconds. */
#define SPIN_NEAR     4u
#define SPIN_LIMIT_NS 500000u
/** So many looks in vain more than others, and it sleeps at once for a while. */
#define SPIN_VAIN_MAX 8u
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
 * @sleep_ns:   processor time of a sleep, lately; 0 = not known
 * @vain:       looks in vain, less those that were not
 * @rest:       waits to go before the next look; @rest_next: how many next time
 * @looks, @paid: running counts: of all looks, of those that found something
 */
struct spin {
	uint64_t limit_ns;
	struct spin_seats *seats;
	uint64_t sleep_ns;
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
 * @work_ns: how long it took, since the last look or sleep
 *
 * After anything but 0, spin_end() is due.
 */
uint64_t spin_begin(struct spin *s, uint64_t work_ns);
/** spin_end() - the look has ended; @found: there is work. */
void spin_end(struct spin *s, bool found);
/** spin_slept() - falling asleep and being woken took @ns of the processor's time. */
void spin_slept(struct spin *s, uint64_t ns);

#endif
