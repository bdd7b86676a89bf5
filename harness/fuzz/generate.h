/* SPDX-License-Identifier: MIT */
/*
 * Programs from a grammar with weights, and from a fuzzer's bytes.
 *
 * Both make every decision from one stream of numbers: a seed's, or bytes that libFuzzer and AFL++
 * made. A stream of bytes that ends gives zeros, which end the program.
 */
#ifndef HARNESS_FUZZ_GENERATE_H
#define HARNESS_FUZZ_GENERATE_H

#include "program.h"

/**
 * enum fuzz_profile - what a program dwells on
 * @FUZZ_P_ANY:   the generator chooses one of the others, by weights
 * @FUZZ_P_FAST:  small transfers, ordinary traffic: for speed
 * @FUZZ_P_SCSI:  every opcode, every field, legal and not
 * @FUZZ_P_RING:  PADs, wrap, ring-full, data-full, fragments, ids, reserved opcodes
 * @FUZZ_P_ORDER: many in flight, completed out of order, task management at any moment
 * @FUZZ_P_TIME:  timeouts racing completions, reset, block
 * @FUZZ_P_WAKE:  events and submissions between any two steps of drain and wait
 * @FUZZ_P_CRASH: deaths at every step, restarts, power cuts
 * @FUZZ_P_FAULT: errors of store, memory and node
 * @FUZZ_P_PLUG:  hotplug and reconfiguration
 * @FUZZ_P_SEAT:  a hostile handler
 */
enum fuzz_profile {
	FUZZ_P_ANY,
	FUZZ_P_FAST,
	FUZZ_P_SCSI,
	FUZZ_P_RING,
	FUZZ_P_ORDER,
	FUZZ_P_TIME,
	FUZZ_P_WAKE,
	FUZZ_P_CRASH,
	FUZZ_P_FAULT,
	FUZZ_P_PLUG,
	FUZZ_P_SEAT,
	FUZZ_PROFILES
};

extern const char *const fuzz_profiles[FUZZ_PROFILES];

/**
 * struct fuzz_limits - what the target can do; programs keep within it
 * @ops:      at most so many operations; 0 = the profile's own
 * @process:  the handler is a process: no steps, faults or media; time is real
 * @hotplug:  devices can come and go
 * @profile:  enum fuzz_profile
 */
struct fuzz_limits {
	uint32_t ops;
	bool process, hotplug;
	enum fuzz_profile profile;
};

/**
 * fuzz_generate() - the program of @seed; the same seed and limits, the same program. 0, -ENOMEM
 * @p: zeroed, or an earlier program, whose memory is used again; so in the functions below
 */
int fuzz_generate(struct fuzz_program *p, uint64_t seed, const struct fuzz_limits *lim);
/** fuzz_decode() - the program that @len bytes stand for; any bytes are one. 0 or -ENOMEM. */
int fuzz_decode(struct fuzz_program *p, const uint8_t *bytes, size_t len,
		const struct fuzz_limits *lim);

/**
 * fuzz_window() - one of the programs that try a short window exhaustively: commands and events
 * published after each step of drain and wait, and each pair of steps
 * Returns 0, -ENOENT past the last, -ENOMEM.
 */
int fuzz_window(struct fuzz_program *p, uint64_t number, const struct fuzz_limits *lim);

#endif
