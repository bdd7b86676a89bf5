/* SPDX-License-Identifier: MIT */
/*
 * Workloads and their names.
 *
 * A workload is its name: "4k-randread-qd32" is 4 KiB random reads, 32 at once. The words are those
 * of fio, the order is fixed, and what is not said is as below:
 *
 *	SIZE-PATTERN-qdDEPTH[-batchN][-poll][-openN]
 *
 *	SIZE     512, 4k, 128k, 1m: bytes per command, at most 1m
 *	PATTERN  read, write, rw, randread, randwrite, randrw; rw and randrw may have a number
 *	         behind them, the share of reads in per cent (50)
 *	DEPTH    commands on their way at once, 1 to 256
 *	batch    commands sent with one event, at most DEPTH (DEPTH: whatever has room)
 *	poll     both sides poll and none sleeps, where a layer leaves the choice
 *	open     open loop: sent at N per cent of what this layer does at its peak, at times planned
 *	         beforehand, and latency counts from those; without it the next command is sent when
 *	         one has ended
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKLOAD_NAME_MAX  64
#define WORKLOAD_BYTES_MIN 512u
#define WORKLOAD_BYTES_MAX (1u << 20)

/**
 * struct workload
 * @reads:  share of reads in per cent
 * @batch:  0 = not said: as many as there is room for
 * @open:   per cent of the peak; 0 = closed loop
 * @rate:   open loop: commands per second instead of a share of the peak; 0 = not said. No part of
 *          the name's grammar: "-rateN" is only written
 */
struct workload {
	char name[WORKLOAD_NAME_MAX];
	uint32_t bytes, depth, batch, reads, open;
	double rate;
	bool random, poll;
};

/** workload_parse() - 0, or -EINVAL with one line in @err: where it goes wrong and what may be
 * there. */
int workload_parse(struct workload *w, const char *name, char *err, size_t err_len);
/** workload_pattern() - set @random and @reads from a word as in the name; false: there is no such.
 */
bool workload_pattern(struct workload *w, const char *word);
/** workload_rename() - make the name from the rest. */
void workload_rename(struct workload *w);
/** workload_default() - name number @i of those that are run unless others are asked for, NULL past
 * the last; @full: of the long list. */
const char *workload_default(uint32_t i, bool full);

#endif
