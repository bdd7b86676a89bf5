/* SPDX-License-Identifier: MIT */
/*
 * The rule by which the adaptive spin learns; see spin.h.
 *
 * What it can lose is bounded: a thread that waits for long each time looks at most SPIN_VAIN_MAX
 * times SPIN_LIMIT_NS at first, then once in SPIN_REST_MIN waits, in the end in SPIN_REST_MAX.
 */
#include "spin.h"

#define MARGIN	  4u	 /* times the typical look */
#define MARGIN_NS 10000u /* and at least this much more */
#define WEIGHT	  8u	 /* of what was known, against the newest look */

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

uint64_t spin_begin(struct spin *s)
{
	uint64_t ns = s->limit_ns;

	if (ns == 0)
		return 0;
	if (s->rest != 0) {
		s->rest--;
		return 0;
	}
	if (s->seats != NULL && !take_seat(s->seats))
		return 0;
	s->looks++;
	/* After a look in vain the next goes to the limit: perhaps the pace has changed. */
	if (s->seats != NULL && s->typical_ns != 0 && s->vain == 0 &&
	    MARGIN * s->typical_ns + MARGIN_NS < ns)
		ns = MARGIN * s->typical_ns + MARGIN_NS;
	return ns;
}

static void learn(struct spin *s, uint64_t ns)
{
	s->vain = 0;
	s->rest_next = SPIN_REST_MIN;
	if (s->typical_ns == 0)
		s->typical_ns = ns;
	else
		s->typical_ns = ((WEIGHT - 1) * s->typical_ns + ns) / WEIGHT;
}

void spin_end(struct spin *s, uint64_t ns, bool found)
{
	if (s->seats != NULL)
		__atomic_add_fetch(&s->seats->free, 1, __ATOMIC_RELAXED);
	if (found)
		s->paid++;
	if (s->seats == NULL)
		return;
	if (found) {
		learn(s, ns);
		return;
	}
	if (++s->vain < SPIN_VAIN_MAX)
		return;
	s->rest = s->rest_next;
	s->rest_next = s->rest_next < SPIN_REST_MAX ? 2 * s->rest_next : SPIN_REST_MAX;
	s->typical_ns = 0;
}
