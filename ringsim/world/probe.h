/* SPDX-License-Identifier: MIT */
/*
 * What this machine, container or sandbox allows: found out by doing it, in a child.
 *
 * Nothing that is tried changes the calling process, and nothing takes longer than PROBE_MS.
 */
#ifndef RINGSIM_WORLD_PROBE_H
#define RINGSIM_WORLD_PROBE_H

#include "world.h"

#define PROBE_MS 5000

/**
 * enum probe - what can be tried
 * @PROBE_NOTIFY:  a seccomp filter whose notifications another process answers
 * @PROBE_ADDFD:   an answer to one that puts a descriptor into the caller (Linux 5.14)
 * @PROBE_MEMORY:  reading and writing a child's memory (process_vm_readv, process_vm_writev)
 * @PROBE_PTRACE:  stopping a child for a moment, and letting it go
 * @PROBE_GETFD:   copying a descriptor out of a child (pidfd_getfd)
 * @PROBE_MOUNT:   mounting in a namespace of our own, by whichever of the next two
 * @PROBE_USERNS:  a user namespace, and a mount namespace in it
 * @PROBE_MOUNTNS: a mount namespace without a user namespace
 * @PROBE_FUSE:    mounting a FUSE file system in such a namespace
 * @PROBE_PRELOAD: a dynamic program that loads our library
 */
enum probe {
	PROBE_NOTIFY,
	PROBE_ADDFD,
	PROBE_MEMORY,
	PROBE_PTRACE,
	PROBE_GETFD,
	PROBE_MOUNT,
	PROBE_USERNS,
	PROBE_MOUNTNS,
	PROBE_FUSE,
	PROBE_PRELOAD,
	PROBES
};

/** probe_name() - "seccomp user notification" and the like. */
const char *probe_name(enum probe what);

/**
 * probe_try() - 0 if it works, else -errno with what was answered, and why that may be, in @why
 * @library: of PROBE_PRELOAD, NULL = where world_create() would look
 */
int probe_try(enum probe what, const char *library, char *why, size_t len);

/** world_probe() - whether @m works here; if not, -errno with one line in @why. */
int world_probe(enum world_mechanism m, char *why, size_t len);

/**
 * probe_child() - run @fn in a child; its result, or -ETIMEDOUT if it does not end
 * @fn: 0 or -errno with a line in @why. What it starts dies with it.
 */
int probe_child(int (*fn)(const void *arg, char *why, size_t len), const void *arg, char *why,
		size_t len);

#endif
