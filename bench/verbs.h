/* SPDX-License-Identifier: MIT */
/* The verbs of the benchmark: they parse their options, print, and return the exit status. */
#ifndef BENCH_VERBS_H
#define BENCH_VERBS_H

#include <signal.h>

/** verb_bench() - `tcmu-harness bench`: measure; @stop ends it early, and what there is is kept. */
int verb_bench(int argc, char **argv, const volatile sig_atomic_t *stop);
/** verb_compare() - `tcmu-harness compare A B`. */
int verb_compare(int argc, char **argv);

#endif
