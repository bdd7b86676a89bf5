/* SPDX-License-Identifier: MIT */
/*
 * The ring sanitizer: what a handler did wrong, at the first byte.
 *
 * The device owns the region, keeps a shadow of everything the handler may not change, and
 * compares. It looks on its own at every doorbell, allocation, release and publication; a harness
 * that knows when the handler stored something calls ringsim_observe() after each store and gets
 * the violation at the very store that made it. ringsim_sweep() compares everything there is.
 *
 * Violations are reported once per place; the shadow then adopts what was found, so that one
 * mistake does not hide the next. Checks without which the simulator itself could be led astray (a
 * tail that is no entry boundary, a changed length or opcode) are made with the sanitizer off, too:
 * they end the walk and set BROKEN, where a real kernel would run off the ring (TRP-01, TRP-02).
 */
#ifndef RINGSIM_SANITIZER_H
#define RINGSIM_SANITIZER_H

#include <ringsim/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ringsim_violation - one thing that a handler must not do
 * @clause:   the clause it breaks, e.g. "HND-040" (static)
 * @what:     one line in words (valid during the call)
 * @off:      region offset of the first wrong byte; UINT64_MAX if it is no store
 * @cmd_id:   the command concerned, 0 if none
 * @expected: bytes that should be there, @found the bytes that are; @len of them (at most 16)
 * @dump:     the ring around it (valid during the call)
 */
struct ringsim_violation {
	const char *clause;
	const char *what;
	uint64_t off;
	uint16_t cmd_id;
	uint8_t expected[16];
	uint8_t found[16];
	uint32_t len;
	const char *dump;
};

/** ringsim_violations() - how many were reported since creation. */
uint64_t ringsim_violations(const struct ringsim_device *dev);

/** ringsim_observe() - look at mailbox, tail and the entries around it now (cheap). */
void ringsim_observe(struct ringsim_device *dev);

/**
 * ringsim_sweep() - compare everything: the whole ring, every data page, the simulator's own tables
 * Cost grows with the memory in use. Call when a case ends, or between handler steps in small ones.
 */
void ringsim_sweep(struct ringsim_device *dev);

/**
 * ringsim_handler_sleeps() - the handler waits for an event now
 * Reports progress that it published but did not ring for (HND-044).
 */
void ringsim_handler_sleeps(struct ringsim_device *dev);

/**
 * ringsim_report() - report a violation that was seen outside the region (a doorbell of 8 bytes,
 * a wrong mapping), in the same form and through the same op
 */
void ringsim_report(struct ringsim_device *dev, const char *clause, uint16_t cmd_id,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/** ringsim_violation_text() - the report for people: words, bytes, ring. As snprintf(). */
size_t ringsim_violation_text(const struct ringsim_violation *v, char *buf, size_t len);

#ifdef __cplusplus
}
#endif
#endif
