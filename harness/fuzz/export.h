/* SPDX-License-Identifier: MIT */
/* Fuzz programs that play the handler, as programs for the handler's seat of a real kernel. */
#ifndef HARNESS_FUZZ_EXPORT_H
#define HARNESS_FUZZ_EXPORT_H

#include "program.h"

/**
 * fuzz_export_seat() - print @p as a program for `tcmu-harness seat`
 * @seed:     for the first line
 * @triggers: enum seat_trigger: moves known to hurt kernels that may occur, the others are left
 * out; negative: none, but all for one seed of eight
 *
 * What only a simulator can do is left out; time goes by as far as it can be waited for; a store in
 * the middle of a call comes from a thread that does it over and over meanwhile.
 */
void fuzz_export_seat(const struct fuzz_program *p, uint64_t seed, int triggers, FILE *f);

#endif
