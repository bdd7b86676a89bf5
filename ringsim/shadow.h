/* SPDX-License-Identifier: MIT */
/* The sanitizer's own state, shared by shadow.c (data and comparing) and sanitizer.c (ring). */
#ifndef RINGSIM_SHADOW_H
#define RINGSIM_SHADOW_H

#include "internal.h"

/*
 * @copy:        see shadow.c
 * @poison:      pattern seed, 0 = blocks keep their bytes
 * @tail:        last tail that was legal; @tail_recs records before it are published, not reclaimed
 * @head:        as published last, whatever the handler makes of it
 * @rung:        tail at the last doorbell, or at open
 * @bad_tail:    an illegal value that was reported already
 * @walks:       completion walks so far
 * @answered:    ids that a published slot answers, until it is reclaimed
 * @judged:      Data-In of answered commands as it was then; by offset in the data area
 * @pattern:     see shadow.c
 * @blk_used:    bytes of a block that iovs refer to; @blk_was: did before; @blk_last: id that had
 * it last
 * @blk_end:     one past the highest block ever used
 * @pages_known: pages the kernel's half gave out, for comparing with the file's block count
 */
struct shadow {
	uint8_t *copy;
	uint64_t poison;
	uint32_t tail, tail_recs, head, rung;
	uint32_t bad_tail, walks;
	bool has_bad_tail;
	uint8_t *answered;
	uint8_t *judged;
	uint8_t *pattern;
	uint32_t *blk_used, *blk_was;
	uint16_t *blk_last;
	uint32_t blk_end;
	uint64_t base_blocks, pages_known;
};

void shadow_check_entry(struct ringsim_device *dev, const struct record *rec);
uint64_t shadow_diff(const struct ringsim_device *dev, uint64_t off, uint64_t len);
void shadow_adopt(struct ringsim_device *dev, uint64_t off, uint64_t len);
void shadow_check_block(struct ringsim_device *dev, uint32_t blk, uint32_t from);
uint64_t shadow_find_stray(const struct ringsim_device *dev);
void shadow_data_keep(struct ringsim_device *dev, const struct slot *slot);
bool shadow_data_kept(const struct ringsim_device *dev, const struct slot *slot);

#endif
