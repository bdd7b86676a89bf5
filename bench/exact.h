/* SPDX-License-Identifier: MIT */
/*
 * What can be counted exactly, in runs of their own: system calls and instructions per command.
 *
 * A row is run for N commands and for 2N, by this program in another process; the difference is
 * what N commands cost, free of everything that happens once, but for a call or two that
 * the C library makes by chance. System calls are counted by ptrace,
 * which makes each of them slow: nothing of such a run is timed, and a side that polls with system
 * calls makes more of them than it would. Instructions are counted by callgrind, in user space.
 */
#ifndef BENCH_EXACT_H
#define BENCH_EXACT_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/** enum exact_what - @EXACT_CALLS: system calls of all threads and processes */
enum exact_what { EXACT_CALLS, EXACT_INSTRUCTIONS };

/**
 * struct exact_run
 * @argv:  program and arguments, NULL-terminated; argument @number is replaced by how many commands
 * @dir:   private directory
 * @stop:  end early, or NULL
 */
struct exact_run {
	enum exact_what what;
	const char **argv;
	uint32_t number;
	const char *dir;
	const volatile sig_atomic_t *stop;
};

/**
 * exact_per_command() - of runs with @n and 2 @n commands
 * 0; -ENOTSUP: it cannot be counted here; or -errno; each with one line in @err.
 */
int exact_per_command(const struct exact_run *run, uint64_t n, double *out, char *err,
		      size_t err_len);

#endif
