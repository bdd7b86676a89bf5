/* SPDX-License-Identifier: MIT */
/*
 * The rule by which the adaptive spin learns; see spin.h.
 *
 * A look in vain weighs as much as one that found something: it goes on while most do. What it can
 * lose is bounded: a thread that waits for long each time looks SPIN_VAIN_MAX times at first, then
 * once in SPIN_REST_MIN waits, in the end in SPIN_REST_MAX.
 */
#include "spin.h"

#define WEIGHT 8u /* of what was known, against the newest sleep */

void spin_seats_init(struct spin_seats *seats, long online, long ours)
{
	long spare = online - 1;

	if (ours < spare)
		spare = ours;
	seats->free = spare > 0 ? (int)spare : 0;
}

void spin_fixed(struct spin *s, uint32_t us)
{
	*s = (struct spin){ .limit_ns = us * 1000ull };
}

void spin_adaptive(struct spin *s, struct spin_seats *seats)
{
	*s = (struct spin){ .limit_ns = SPIN_LIMIT_NS, .seats = seats, .rest_next = SPIN_REST_MIN };
}

static bool take_seat(struct spin_seats *seats)
{
	if (__atomic_sub_fetch(&seats->free, 1, __ATOMIC_RELAXED) >= 0)
		return true;
	__atomic_add_fetch(&seats->free, 1, __ATOMIC_RELAXED);
	return false;
}

uint64_t spin_begin(struct spin *s, uint64_t work_ns)
{
	uint64_t near_ns;

	if (s->limit_ns == 0)
		return 0;
	if (s->rest != 0) {
		s->rest--;
		return 0;
	}
	if (s->seats != NULL && !take_seat(s->seats))
		return 0;
	s->looks++;
	near_ns = work_ns + s->sleep_ns;
	if (s->seats == NULL || work_ns > s->limit_ns || near_ns > s->limit_ns / SPIN_NEAR)
		return s->limit_ns;
	return near_ns != 0 ? SPIN_NEAR * near_ns : 1;
}

void spin_end(struct spin *s, bool found)
{
	if (found)
		s->paid++;
	if (s->seats == NULL)
		return;
	__atomic_add_fetch(&s->seats->free, 1, __ATOMIC_RELAXED);
	if (found && s->vain != 0) {
		s->vain--;
	} else if (found) {
		s->rest_next = SPIN_REST_MIN;
	} else if (s->vain + 1 < SPIN_VAIN_MAX) {
		s->vain++;
	} else {
		s->rest = s->rest_next;
		s->rest_next = s->rest_next < SPIN_REST_MAX ? 2 * s->rest_next : SPIN_REST_MAX;
	}
}

void spin_slept(struct spin *s, uint64_t ns)
{
	if (ns > s->limit_ns)
		ns = s->limit_ns;
	if (s->sleep_ns == 0)
		s->sleep_ns = ns;
	else
		s->sleep_ns = ((WEIGHT - 1) * s->sleep_ns + ns) / WEIGHT;
}
