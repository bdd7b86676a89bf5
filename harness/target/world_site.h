/* SPDX-License-Identifier: MIT */
/*
 * A world for handlers that find their device by themselves (check --attach uio).
 *
 * Each worker process has one world, made when the first case needs it; a case's device appears in
 * it and goes. A handler is started for each case, or, as a daemon, once for many: then devices are
 * announced to it by netlink, and it is started anew only after it was killed or a case failed.
 */
#ifndef HARNESS_WORLD_SITE_H
#define HARNESS_WORLD_SITE_H

#include "../../ringsim/world/world.h"
#include "impl.h"

#define WORLD_CONFIG "any/x"

/**
 * struct world_site - zero-initialise but for the first three, which the command line gives
 * @config: dev_config of devices, with placeholders; NULL = WORLD_CONFIG
 * @daemon: the handler serves what netlink announces
 * @w:      NULL = not made yet
 * @pid:    the handler that was started last, 0 = none
 * @serial: makes the names of a daemon's devices
 * @said:   the last thing that the world had to say about this handler
 */
struct world_site {
	enum world_mechanism mechanism;
	const char *config;
	bool daemon;

	struct world *w;
	pid_t pid;
	int output_fd;
	uint32_t serial;
	char said[256];
};

/**
 * world_site_probe() - whether a world can be made here; in a child, as it changes who makes it
 * @dir: to try it in. Returns 0 or -errno with one line in @err.
 */
int world_site_probe(const struct world_site *site, const char *dir, char *err, size_t len);

#endif
