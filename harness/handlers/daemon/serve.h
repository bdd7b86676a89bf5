/* SPDX-License-Identifier: MIT */
/* The loop of a unit: step, look for more for a while, sleep. */
#ifndef HANDLERS_DAEMON_SERVE_H
#define HANDLERS_DAEMON_SERVE_H

#include "unit.h"

/** serve_seats() - for the processors that this process may use. */
void serve_seats(struct spin_seats *seats);

/** serve_unit() - serve until told to stop (0) or until the device is gone (-errno). */
int serve_unit(struct unit *u);

/**
 * serve_wait() - sleep until something is ready, woken or @timeout_ms later (-1: never)
 * Returns HANDLER_EV_* or -errno.
 */
int serve_wait(struct unit *u, int timeout_ms);

/** serve_now_us() - microseconds that only go forward. */
uint64_t serve_now_us(void);

#endif
