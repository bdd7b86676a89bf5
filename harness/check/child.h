/* SPDX-License-Identifier: MIT */
/*
 * Processes of our own in which a handler may do what it wants, and the pipes they report through.
 */
#ifndef HARNESS_CHILD_H
#define HARNESS_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** child_now_ms() - monotonic time. */
uint64_t child_now_ms(void);
/**
 * child_settle() - first thing in a child: it dies with its parent, is the first to go when memory
 * is short, and leaves it to the parent to mind signals
 */
void child_settle(void);
/** child_put() - write all of it; false if nobody reads. */
bool child_put(int fd, const void *buf, size_t len);
/** child_get() - read exactly @len bytes before @end_ms. 1 ok, 0 end of file, -ETIMEDOUT, -EINTR.
 */
int child_get(int fd, void *buf, size_t len, uint64_t end_ms, const volatile sig_atomic_t *stop);
/**
 * child_reap() - wait for a child that is about to end, or was killed; its status
 * One that does not end within seconds is killed.
 */
int child_reap(pid_t pid);
/** child_how() - how it ended, for "the handler crashed: ..."; the caller's, NULL without memory.
 */
char *child_how(int status);

#endif
