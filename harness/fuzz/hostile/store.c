/* SPDX-License-Identifier: MIT */
/*
 * The handler's stores: between calls, inside them, and from a second thread; and the memory that
 * devices get, with inaccessible pages before and behind it.
 *
 * The hook that ringsim calls has no argument that leads to a program, and many processes but one
 * thread run programs: that is why the two watched regions are the one piece of global state here.
 */
#include "bench.h"

#include "../../random.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
	uintptr_t from, len;
	struct side *side;
} watched[2];

void hostile_look(const void *base, uint64_t off, size_t len, bool store);
void *hostile_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off);
int hostile_munmap(void *addr, size_t len);

void hostile_watch(uint32_t i, struct side *s)
{
	watched[i].side = s;
	watched[i].from = s ? (uintptr_t)s->mem : 0;
	watched[i].len = s ? s->lay->region_size : 0;
}

/* Everything whose moment has come, in the order in which it was armed. */
static void strike(struct side *s)
{
	uint32_t i, left = 0;

	s->next = UINT64_MAX;
	for (i = 0; i < s->n_armed; i++) {
		if (s->armed[i].step <= s->step) {
			side_store(s, s->armed[i].op);
			s->b->r->tally.inside++;
			continue;
		}
		if (s->armed[i].step < s->next)
			s->next = s->armed[i].step;
		s->armed[left++] = s->armed[i];
	}
	s->n_armed = left;
}

/* Mailbox and what is between, ring, data: nothing that is stored belongs to two of them. */
static bool straddles(const struct side *s, uint64_t at, uint64_t len)
{
	uint64_t ring = s->lay->cmdr_off, end = ring + s->lay->cmdr_size;

	return (at < ring && at + len > ring) || (at < end && at + len > end) ||
	       (at < s->lay->data_off && at + len > s->lay->data_off);
}

void hostile_look(const void *base, uint64_t off, size_t len, bool store)
{
	uintptr_t from = (uintptr_t)base;
	struct side *s;
	uint64_t at;

	if (from - watched[0].from < watched[0].len)
		s = watched[0].side;
	else if (from - watched[1].from < watched[1].len)
		s = watched[1].side;
	else
		return; /* private memory, such as the shadow */
	at = from - (uintptr_t)s->mem + off;
	if (len > s->lay->region_size || at > s->lay->region_size - len)
		hostile_wrong(s->b, "access outside the region: %zu bytes at offset %lld", len,
			      (long long)at);
	else if (store && straddles(s, at, len))
		hostile_wrong(s->b, "store over an edge: %zu bytes at offset %lld", len,
			      (long long)at);
	if (++s->step >= s->next)
		strike(s);
}

void side_arm(struct side *s, uint64_t steps, const struct fuzz_op *op)
{
	if (s->n_armed == HOSTILE_ARMED)
		return;
	s->armed[s->n_armed++] = (struct armed){ .step = s->step + steps, .op = op };
	if (s->step + steps < s->next)
		s->next = s->step + steps;
}

static uint32_t get32(const struct side *s, uint64_t off)
{
	return __atomic_load_n((const uint32_t *)(const void *)(s->mem + off), __ATOMIC_RELAXED);
}

/* Region offset of a place; may be anything. */
static uint64_t place(const struct side *s, enum fuzz_base base, uint64_t distance)
{
	struct ringsim_stats st;

	switch (base) {
	case FUZZ_B_RING:
		return s->lay->cmdr_off + distance;
	case FUZZ_B_HEAD:
		return (uint64_t)s->lay->cmdr_off + get32(s, RINGSIM_OFF_HEAD) + distance;
	case FUZZ_B_TAIL:
		return (uint64_t)s->lay->cmdr_off + get32(s, RINGSIM_OFF_TAIL) + distance;
	case FUZZ_B_OLD:
		ringsim_stats(s->dev, &st);
		return (uint64_t)s->lay->cmdr_off + st.reclaim + distance;
	case FUZZ_B_DATA:
		return s->lay->data_off + distance;
	case FUZZ_B_END:
		return s->lay->region_size - distance;
	default:
		return distance;
	}
}

void side_store(struct side *s, const struct fuzz_op *op)
{
	uint64_t at = place(s, (enum fuzz_base)op->n[0], op->n[1]), len = op->n[2];

	if (at >= s->lay->region_size)
		return;
	if (len > s->lay->region_size - at)
		len = s->lay->region_size - at;
	if (at < RINGSIM_OFF_HEAD + 4 && at + len > RINGSIM_OFF_HEAD)
		s->m.head_moved = true;
	if (op->verb == FUZZ_FILL)
		memset(s->mem + at, (int)(op->n[3] & 0xff), len);
	else
		memcpy(s->mem + at, &op->n[3], len < 8 ? len : 8);
	s->b->r->tally.stores++;
}

/* --- a second thread -------------------------------------------------------------------------- */

static void vandal_store(const struct bench *b, uint64_t word)
{
	const struct side *s = &b->side[b->sides > 1 ? word & 1 : 0];
	uint32_t size = s->lay->cmdr_size, at;
	uint64_t off;

	switch (word >> 1 & 15) {
	case 0: /* to where the kernel is, which is legal; or a bit beside it */
		off = RINGSIM_OFF_TAIL;
		word = get32(s, RINGSIM_OFF_HEAD) + (word >> 32 & 127 ? 0 : word >> 40 & 255);
		break;
	case 1: /* a word of the mailbox, seldom: most of it breaks the ring */
		off = word >> 8 & 63 ? s->lay->region_size - 4 : (word >> 16 & 31) * 4;
		word >>= 32;
		break;
	case 2: /* data */
		off = s->lay->data_off + (word >> 24) % (s->lay->data_size / 4) * 4;
		break;
	case 3: /* any word of the ring */
		off = s->lay->cmdr_off + (uint32_t)(word >> 24) % (size / 4) * 4;
		word = word >> 8 & 63 ? 0 : word >> 32;
		break;
	default: /* an answer's words near the tail */
		at = (get32(s, RINGSIM_OFF_TAIL) + 120 * (word >> 5 & 3)) % size & ~7u;
		off = s->lay->cmdr_off + at + 4 + (word >> 8) % 7 * 4;
		word = word >> 16 & 3 ? word >> 20 & 0xff02000f : word >> 32;
	}
	if (off + 4 <= s->lay->region_size)
		__atomic_store_n((uint32_t *)(void *)(s->mem + (off & ~3ull)), (uint32_t)word,
				 __ATOMIC_RELAXED);
}

static void *vandalise(void *arg)
{
	struct bench *b = arg;
	uint64_t rng = b->r->seed ^ 0x76616e64616cull, n = 0;

	for (; !__atomic_load_n(&b->stop, __ATOMIC_RELAXED); n++)
		vandal_store(b, random_next(&rng));
	b->vandal_stores = n;
	return NULL;
}

void vandal_start(struct bench *b)
{
	b->stop = false;
	b->racing = pthread_create(&b->vandal, NULL, vandalise, b) == 0;
}

void vandal_stop(struct bench *b)
{
	if (!b->racing)
		return;
	__atomic_store_n(&b->stop, true, __ATOMIC_RELAXED);
	pthread_join(b->vandal, NULL);
	b->racing = false;
	b->r->tally.racing += b->vandal_stores;
	/* by it, for all that is known; until a reset puts it right */
	b->side[0].m.head_moved = b->side[1].m.head_moved = true;
}

/* --- memory between inaccessible pages -------------------------------------------------------- */

#define GUARD ((size_t)65536)

static size_t whole(size_t len)
{
	return (len + 4095) & ~(size_t)4095;
}

void *hostile_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	char *room = mmap(addr, whole(len) + 2 * GUARD, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED)
		return MAP_FAILED;
	return mmap(room + GUARD, len, prot, flags | MAP_FIXED, fd, off);
}

int hostile_munmap(void *addr, size_t len)
{
	return munmap((char *)addr - GUARD, whole(len) + 2 * GUARD);
}
