/* SPDX-License-Identifier: MIT */
/*
 * What the preloaded library and the owner of a world say to each other.
 *
 * A connection of its own for each call, over a SOCK_SEQPACKET socket in the world's directory: the
 * program may fork, close all its descriptors or call from a signal handler, and there is nothing
 * that could be mixed up. The library sends a struct preload_call; then it does what the owner asks
 * until the owner has told the end of it:
 *
 *   PRELOAD_PEEK     send @len bytes at @addr as one message: a struct preload_reply, the bytes
 *   PRELOAD_POKE     the next message is @len bytes for @addr; send a struct preload_reply
 *   PRELOAD_TAKE     send the descriptor @rc, with a struct preload_reply
 *   PRELOAD_GIVE     with a descriptor: it becomes the call's result. A struct preload_reply tells
 *                    whether there was room for it; only then was it the end
 *   PRELOAD_REMAP    with a descriptor: map this one instead. The end
 *   PRELOAD_ANSWER   @rc is the result, negative: -errno. The end
 *   PRELOAD_PROCEED  the call runs as if nobody had asked. The end
 *
 * Whoever closes the connection before has given up.
 */
#ifndef RINGSIM_WORLD_PRELOAD_PROTOCOL_H
#define RINGSIM_WORLD_PRELOAD_PROTOCOL_H

#include <stdint.h>

/* The world's directory, in the environment of its programs. */
#define PRELOAD_ENV    "TCMU_WORLD"
/* In that directory: the socket, and the plain files that stand for /sys and /dev (trees.c). */
#define PRELOAD_SOCKET "calls"
#define PRELOAD_FILES  "files"

#define PRELOAD_MAGIC  0x54434d31
/* Bytes of memory in one message; below the kernel's default for socket buffers. */
#define PRELOAD_PART   65536

/* Instead of a number of <sys/syscall.h>: answered when all that happened before is known. */
#define PRELOAD_SYNC   (-1)

/** struct preload_call - @ino: of the socket behind the call's descriptor; 0: there is none */
struct preload_call {
	uint32_t magic;
	int32_t nr;
	uint64_t ino;
	uint64_t arg[6];
};

enum preload_op {
	PRELOAD_PEEK = 1,
	PRELOAD_POKE,
	PRELOAD_TAKE,
	PRELOAD_GIVE,
	PRELOAD_REMAP,
	PRELOAD_ANSWER,
	PRELOAD_PROCEED
};

/**
 * struct preload_order
 * @flag: of GIVE, close on exec
 * @rc: result of ANSWER; descriptor of TAKE; number wanted of GIVE, or -1
 */
struct preload_order {
	uint32_t op;
	uint32_t flag;
	int64_t rc;
	uint64_t addr, len;
};

/** struct preload_reply - @rc: 0 or -errno; of GIVE, the number */
struct preload_reply {
	int64_t rc;
};

#endif
