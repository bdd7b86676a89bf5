/* SPDX-License-Identifier: MIT */
/*
 * What programs ask generic netlink, good and bad, and what they are told, as text without what
 * differs from host to host. The same on a real kernel and in the world.
 */
#ifndef GENL_SCRIPT_H
#define GENL_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

/** A system call by number; its result, or -errno. */
typedef long genl_syscall(void *ctx, int nr, const uint64_t arg[6]);

/** genl_script() - @fd: a NETLINK_GENERIC socket, not yet bound. All that is said goes to @out. */
void genl_script(int fd, genl_syscall *fn, void *ctx, char *out, size_t room);

#endif
