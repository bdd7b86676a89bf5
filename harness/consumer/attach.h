/* SPDX-License-Identifier: MIT */
/*
 * Attaching a handler to a simulated device: the client's half of the attach protocol.
 *
 * This and attach.c are all that a C handler needs; copy them. The protocol is text over a Unix
 * socket and documented in ringsim/attach.h, so other languages need no C at all.
 */
#ifndef HARNESS_ATTACH_H
#define HARNESS_ATTACH_H

#include <stddef.h>
#include <stdint.h>

/** TCMU_ATTACH_ENV - environment variable in which `tcmu-harness check --exec` names the socket. */
#define TCMU_ATTACH_ENV "TCMU_ATTACH"

/**
 * struct tcmu_attachment - a device that this process holds
 * @io_fd:      stands in for /dev/uioN: read 4 bytes, write 4 bytes, poll
 * @mem_fd:     mmap(NULL, map0_len, PROT_READ | PROT_WRITE, MAP_SHARED, mem_fd, 0)
 * @ctl_fd:     the connection, for tcmu_attach_action()
 * @map0_len:   size of map 0 in bytes
 * @size_bytes: capacity that the device should have, @block_size its logical block size in bytes
 * @name:       UIO name, e.g. "tcm-user/0/disk/any/x"
 *
 * All descriptors are close-on-exec. Closing @io_fd (every copy of it) gives the device back.
 */
struct tcmu_attachment {
	int io_fd, mem_fd, ctl_fd;
	size_t map0_len;
	uint64_t size_bytes;
	uint32_t block_size;
	char name[512];
};

/**
 * tcmu_attach() - connect to @socket_path and take the device
 * Returns 0, or -errno with one line in @err: -EBUSY if another process holds it, -EPROTO if the
 * answer makes no sense. Waits at most 5 s for the server.
 */
int tcmu_attach(const char *socket_path, struct tcmu_attachment *out, char *err, size_t err_len);

/**
 * tcmu_attach_action() - what configfs offers under action/ on a real device
 * @action: "block_dev" (0, 1), "reset_ring" (1, 2) or "free_kept_buf" (id)
 * Returns 0 or -errno.
 */
int tcmu_attach_action(struct tcmu_attachment *att, const char *action, unsigned int value);

/** tcmu_attach_close() - give everything back. */
void tcmu_attach_close(struct tcmu_attachment *att);

#endif
