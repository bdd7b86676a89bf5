/* SPDX-License-Identifier: MIT */
/*
 * Which devices are served: those of one subtype that are there and those that come, until they go.
 */
#ifndef HANDLERS_DAEMON_HOTPLUG_H
#define HANDLERS_DAEMON_HOTPLUG_H

#include "netlink.h"
#include "unit.h"

/**
 * struct hotplug - the devices being served
 * @ended_fd: eventfd that is written when a device went away by itself
 * @units:    list of them
 */
struct hotplug {
	const struct cli *cli;
	struct netlink *nl;
	struct unit *units;
	int ended_fd;
	struct spin_seats seats;
};

/**
 * hotplug_open() - join the family's group, then serve every device that is there (HND-080)
 *
 * A device that cannot be served is complained about and left alone. Returns 0 or -errno with a
 * line in @err; hotplug_close() is due either way.
 */
int hotplug_open(struct hotplug *h, const struct cli *cli, int ended_fd, char *err, size_t err_len);

/** hotplug_events() - deal with what the kernel announced; netlink_fd(@nl) polled readable. */
int hotplug_events(struct hotplug *h);

/** hotplug_reap() - give up devices that went away; @ended_fd polled readable. */
void hotplug_reap(struct hotplug *h);

/** hotplug_close() - leave every device in good order; 0, or -errno of the last that did not. */
int hotplug_close(struct hotplug *h);

#endif
