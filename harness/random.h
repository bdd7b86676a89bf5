/* SPDX-License-Identifier: MIT */
/*
 * Pseudo-random numbers that a seed repeats for ever: splitmix64. What cases, programs and seeds
 * come from; another sequence would be another suite.
 */
#ifndef HARNESS_RANDOM_H
#define HARNESS_RANDOM_H

#include <stdint.h>

#define RANDOM_STEP 0x9e3779b97f4a7c15ull

/** random_mix() - a number that every bit of @z has a part in. */
static inline uint64_t random_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/** random_next() - the next number of the sequence; any @state is as good a start as any other. */
static inline uint64_t random_next(uint64_t *state)
{
	return random_mix(*state += RANDOM_STEP);
}

#endif
