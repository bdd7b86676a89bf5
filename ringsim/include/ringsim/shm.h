/* SPDX-License-Identifier: MIT */
/*
 * The only way into shared memory.
 *
 * The other side of the region is another program, so every access is one atomic load or store of
 * its natural size (never torn, never repeated by the compiler) or a bulk copy into private memory.
 * Ordering is as TCMU needs it: whoever publishes an index stores it with release after everything
 * it covers, whoever follows loads it with acquire (KRN-024, KRN-074, HND-010, HND-038).
 */
#ifndef RINGSIM_SHM_H
#define RINGSIM_SHM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A test can be the other side between any two accesses, which is where a value that was checked
 * and is read again turns into another: what it defines here runs before each. Otherwise it is
 * nothing.
 */
#ifndef SHM_LOOK
#define SHM_LOOK(base, off, len, store) ((void)0)
#endif

/* Loads and stores at a byte offset of a mapped region. offsets are multiples of the size. */
static inline uint8_t shm_load8(const void *base, uint64_t off)
{
	SHM_LOOK(base, off, 1, false);
	return __atomic_load_n((const uint8_t *)base + off, __ATOMIC_RELAXED);
}

static inline uint16_t shm_load16(const void *base, uint64_t off)
{
	SHM_LOOK(base, off, 2, false);
	return __atomic_load_n((const uint16_t *)(const void *)((const char *)base + off),
			       __ATOMIC_RELAXED);
}

static inline uint32_t shm_load32(const void *base, uint64_t off)
{
	SHM_LOOK(base, off, 4, false);
	return __atomic_load_n((const uint32_t *)(const void *)((const char *)base + off),
			       __ATOMIC_RELAXED);
}

static inline uint32_t shm_load32_acquire(const void *base, uint64_t off)
{
	SHM_LOOK(base, off, 4, false);
	return __atomic_load_n((const uint32_t *)(const void *)((const char *)base + off),
			       __ATOMIC_ACQUIRE);
}

static inline uint64_t shm_load64(const void *base, uint64_t off)
{
	SHM_LOOK(base, off, 8, false);
	return __atomic_load_n((const uint64_t *)(const void *)((const char *)base + off),
			       __ATOMIC_RELAXED);
}

static inline void shm_store64(void *base, uint64_t off, uint64_t v)
{
	SHM_LOOK(base, off, 8, true);
	__atomic_store_n((uint64_t *)(void *)((char *)base + off), v, __ATOMIC_RELAXED);
}

static inline void shm_store8(void *base, uint64_t off, uint8_t v)
{
	SHM_LOOK(base, off, 1, true);
	__atomic_store_n((uint8_t *)base + off, v, __ATOMIC_RELAXED);
}

static inline void shm_store16(void *base, uint64_t off, uint16_t v)
{
	SHM_LOOK(base, off, 2, true);
	__atomic_store_n((uint16_t *)(void *)((char *)base + off), v, __ATOMIC_RELAXED);
}

static inline void shm_store32(void *base, uint64_t off, uint32_t v)
{
	SHM_LOOK(base, off, 4, true);
	__atomic_store_n((uint32_t *)(void *)((char *)base + off), v, __ATOMIC_RELAXED);
}

static inline void shm_store32_release(void *base, uint64_t off, uint32_t v)
{
	SHM_LOOK(base, off, 4, true);
	__atomic_store_n((uint32_t *)(void *)((char *)base + off), v, __ATOMIC_RELEASE);
}

/** shm_read() - copy @len bytes out of the region at @off; the copy is what gets validated. */
static inline void shm_read(void *dst, const void *base, uint64_t off, size_t len)
{
	SHM_LOOK(base, off, len, false);
	memcpy(dst, (const char *)base + off, len);
}

/** shm_write() - copy @len bytes into the region at @off. */
static inline void shm_write(void *base, uint64_t off, const void *src, size_t len)
{
	SHM_LOOK(base, off, len, true);
	memcpy((char *)base + off, src, len);
}

/** shm_fill() - set @len bytes of the region at @off to @byte. */
static inline void shm_fill(void *base, uint64_t off, uint8_t byte, size_t len)
{
	SHM_LOOK(base, off, len, true);
	memset((char *)base + off, byte, len);
}

/** shm_peek() - where @len bytes at @off are, to be compared or copied once. */
static inline const uint8_t *shm_peek(const void *base, uint64_t off, size_t len)
{
	SHM_LOOK(base, off, len, false);
	(void)len;
	return (const uint8_t *)base + off;
}

/**
 * shm_want(), shm_want_to_store() - what is at @off will soon be read, or stored to
 *
 * Hints that bring a cache line here while there is other work to do. They may name anything. What
 * the other side stores to now is better left alone: it would have to take the line back.
 */
static inline void shm_want(const void *base, uint64_t off)
{
	__builtin_prefetch((const char *)base + off, 0);
}

static inline void shm_want_to_store(const void *base, uint64_t off)
{
#if defined(__x86_64__)
	/* Without -mprfchw the builtin asks for a copy to read. Where it is unknown it does
	 * nothing. */
	__asm__ volatile("prefetchw %0" : : "m"(*((const char *)base + off)));
#else
	__builtin_prefetch((const char *)base + off, 1);
#endif
}

/** shm_span_ok() - whether [@off, @off + @len) lies inside [0, @limit), whatever the values. */
static inline bool shm_span_ok(uint64_t off, uint64_t len, uint64_t limit)
{
	return off <= limit && len <= limit - off;
}

#ifdef __cplusplus
}
#endif
#endif
