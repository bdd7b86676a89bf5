/* SPDX-License-Identifier: MIT */
/*
 * What the library's tests share: a device whose effects are recorded, and a handler's hands.
 *
 * The hands store through the region alone and know the wire format only by the kernel's header, so
 * that a test can be as exact or as wrong as it likes. Every failed assertion is CUnit's.
 */
#ifndef RINGSIM_TESTS_RIG_H
#define RINGSIM_TESTS_RIG_H

#include <ringsim/device.h>
#include <ringsim/sanitizer.h>
#include <ringsim/uio.h>

#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

#define RIG_SEEN 64
#define SEC	 RINGSIM_NSEC_PER_SEC

/* A violation as it was reported; @text is ringsim_violation_text(). */
struct seen {
	char clause[12], what[256], text[5000];
	uint64_t off;
	uint16_t id;
	uint32_t len;
	uint8_t expected[16], found[16];
};

/*
 * @done:    commands in the order in which they ended
 * @heads:   cmd_head at each event
 * @n_seen:  violations reported; the first RIG_SEEN of them are in @seen
 */
struct rig {
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	uint8_t *mem;
	const struct ringsim_layout *lay;
	struct ringsim_cmd **done;
	uint32_t n_done, n_events, n_tmrs, n_seen;
	struct seen *seen;
};

/* 1 MiB ring, 1 MiB of data, 30 s, sanitizer on, nothing poisoned. */
#define RIG_CONFIG                                                            \
	((struct ringsim_config){ .geo = { .ring_mb = 1, .data_area_mb = 1 }, \
				  .cmd_time_out_s = 30,                       \
				  .qfull_time_out_s = -1,                     \
				  .sanitize = true })

/** rig_up() - make and open a device; the test ends if that fails. rig_down() sweeps first. */
void rig_up(struct rig *r, const struct ringsim_config *cfg);
void rig_down(struct rig *r);
struct ringsim_stats rig_stats(const struct rig *r);

/** rig_cmd() - a command with @cdb0 as opcode; its Data buffer of @len bytes is *@sg. */
void rig_cmd(struct ringsim_cmd *cmd, const uint8_t *cdb, enum ringsim_dir dir,
	     const struct iovec *sg, uint32_t len);
/** rig_nodata() - submit TEST UNIT READY: 120 bytes on the ring. */
void rig_nodata(struct rig *r, struct ringsim_cmd *cmd);
/** rig_read() - submit a READ(10) of @len bytes into *@sg (may be NULL): 128 bytes and iovs. */
void rig_read(struct rig *r, struct ringsim_cmd *cmd, const struct iovec *sg, uint32_t len);

/* The handler's hands. Offsets are ring offsets. */
uint32_t rig_get32(const struct rig *r, uint64_t region_off);
void rig_put32(struct rig *r, uint64_t region_off, uint32_t v);
struct tcmu_cmd_entry *rig_entry(const struct rig *r, uint32_t off);
uint32_t rig_head(const struct rig *r);
uint32_t rig_tail(const struct rig *r);
void rig_set_tail(struct rig *r, uint32_t tail);
/** rig_after() - ring offset after the entry at @off. */
uint32_t rig_after(const struct rig *r, uint32_t off);
/** rig_answer() - response for the next CMD from the tail, as @id (0 = its own); moves the tail. */
void rig_answer(struct rig *r, uint16_t id, uint8_t status, uint8_t uflags, uint32_t read_len);
/** rig_answer_all() - GOOD for everything on the ring, then one doorbell. */
void rig_answer_all(struct rig *r);
/** rig_sense() - fixed-format sense into the entry at @off. */
void rig_sense(struct rig *r, uint32_t off, uint8_t key);

/** rig_clean() - assert that nothing was reported. */
void rig_clean(const struct rig *r);
/** rig_expect() - assert that the only new report is of @clause at @off; forgets it. */
void rig_expect(struct rig *r, const char *clause, uint64_t off);
/** rig_expect_id() - as rig_expect(), about command @id, with @len bytes of what is there now. */
void rig_expect_id(struct rig *r, const char *clause, uint64_t off, uint16_t id, uint32_t len);
/** rig_expect_bytes() - as rig_expect(), and that @len bytes @expected were @found. */
void rig_expect_bytes(struct rig *r, const char *clause, uint64_t off, const void *expected,
		      const void *found, uint32_t len);
/** rig_forget() - forget what was reported. */
void rig_forget(struct rig *r);

/** rig_run() - main() of a test: one suite. */
int rig_run(const char *name, const CU_TestInfo *tests);

/** rig_random() - splitmix64. */
uint64_t rig_random(uint64_t *state);

#endif
