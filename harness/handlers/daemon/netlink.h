/* SPDX-License-Identifier: MIT */
/*
 * TCM-USER, the generic netlink family in which the kernel announces devices and what is changed
 * about them, and waits for answers if it was told to. Clauses: KRN-140 to KRN-148, HND-082.
 */
#ifndef HANDLERS_DAEMON_NETLINK_H
#define HANDLERS_DAEMON_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct netlink_event - what the kernel announced; strings live as long as the callback
 * @cmd:        TCMU_CMD_ADDED_DEVICE, TCMU_CMD_REMOVED_DEVICE or TCMU_CMD_RECONFIG_DEVICE
 * @name:       UIO name
 * @minor:      N of uioN
 * @has_id:     @device_id came along; without it there is nothing to answer (HND-086)
 * @config:     new configuration string, or NULL
 * @has_size, @size_bytes: new capacity
 * @has_wce, @wce: new setting of the write cache
 */
struct netlink_event {
	unsigned int cmd;
	const char *name;
	uint32_t minor, device_id;
	const char *config;
	uint64_t size_bytes;
	bool has_id, has_size, has_wce, wce;
};

struct netlink;

/**
 * netlink_open() - join the family's group: what is announced from now on will be received
 * Returns 0 or -errno with a line in @err.
 */
int netlink_open(struct netlink **out, char *err, size_t err_len);
void netlink_close(struct netlink *n);

/** netlink_fd() - polls readable when netlink_receive() has something. */
int netlink_fd(const struct netlink *n);

/**
 * netlink_receive() - call @fn for every event that waits
 * Returns 0, -ENOBUFS if events were lost, or -errno.
 */
int netlink_receive(struct netlink *n, void (*fn)(void *ctx, const struct netlink_event *ev),
		    void *ctx);

/** netlink_set_replies() - whether the kernel waits for answers about devices made later. */
int netlink_set_replies(struct netlink *n, bool on);

/** netlink_reply() - answer @ev with @status, 0 or -errno (HND-082); 0 or -errno of the answer. */
int netlink_reply(struct netlink *n, const struct netlink_event *ev, int status);

#endif
