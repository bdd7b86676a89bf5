/* SPDX-License-Identifier: MIT */
/* `tcmu-harness seat`: a program in the handler's seat of a real UIO node. */
#ifndef HARNESS_SEAT_H
#define HARNESS_SEAT_H

#include <stdint.h>
#include <stdio.h>

/** seat_main() - the verb; returns an exit status. */
int seat_main(int argc, char **argv);

#endif
