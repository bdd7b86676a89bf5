/* SPDX-License-Identifier: MIT */
/*
 * An unmodified program in a world (tcmu-world(7)): tcmu-handler as its users start it,
 * tcmu-runner, or any command.
 *
 * The world shows the lane's device, with a UIO node, directories in sysfs and configfs and
 * netlink; the commands are the generator's, and go from the simulator's ring to the program
 * without a detour: nothing that a handler does for each command is intercepted. Event and doorbell
 * are messages of a socket that stands in for the node. A polling initiator looks at cmd_tail
 * itself and serves the world now and then; a sleeping one waits for the world.
 *
 * As anybody but root, the first world moves this process into a user namespace, which it can do
 * only while it has one thread.
 */
#include "../harness/target/expand.h"
#include "../ringsim/world/world.h"
#include "lane_device.h"
#include "lane_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define START_MS      10000
#define BLOCK_MAX     4096
#define SERVE_MS      5
/* A polling initiator serves the world every so many looks. */
#define SERVICE_EVERY 64u

struct inhabitant {
	struct lane_device device;
	struct lane_program program;
	struct world *world;
	struct world_device *seen;
	bool sleeping;
	int added;
	uint32_t looks;
	/* here, as it may be on its way until the device goes */
	struct lane_cmd probe;
	uint8_t block[BLOCK_MAX];
};

/* --- serving -----------------------------------------------------------------------------------
 */

static void on_event(void *ctx)
{
	struct inhabitant *h = ctx;

	if (h->seen)
		world_device_event(h->seen);
}

static void service(struct inhabitant *h, int ms)
{
	struct pollfd pfd = { .fd = world_fd(h->world), .events = POLLIN };

	if (!ms || poll(&pfd, 1, ms) > 0)
		world_service(h->world);
}

static bool gone(void *lane)
{
	struct inhabitant *h = lane;

	return !h->device.uio.is_open &&
	       lane_program_gone(&h->program, h->device.lane.err, sizeof(h->device.lane.err));
}

static void serve_a_while(void *ctx)
{
	service(ctx, SERVE_MS);
}

static void inhabitant_close(struct lane *l)
{
	struct inhabitant *h = (struct inhabitant *)l;

	if (h->world)
		lane_program_end(&h->program, serve_a_while, h);
	world_destroy(h->world);
	lane_device_destroy(&h->device);
	free(h);
}

/* --- moving in ---------------------------------------------------------------------------------
 */

static int make_world(struct inhabitant *h, const struct lane_config *cfg, char *err,
		      size_t err_len)
{
	char dir[200];
	struct world_config world = { .dir = dir };

	snprintf(dir, sizeof(dir), "%s/world", cfg->dir);
	if (mkdir(dir, 0700) && errno != EEXIST) {
		snprintf(err, err_len, "%s: %s", dir, strerror(errno));
		return -errno;
	}
	return world_create(&h->world, &world, err, err_len);
}

static void on_added(void *ctx, struct world_device *d, int rc)
{
	(void)d;
	((struct inhabitant *)ctx)->added = rc;
}

/* What "{file}" and the like stand for in a program's command and in dev_config. */
static int fill_in(const struct inhabitant *h, const struct lane_config *cfg, const char *text,
		   char *buf, size_t len, char *err, size_t err_len)
{
	char uio[24] = "", size[24], block[16];
	struct expand_word words[] = { { "uio", uio },
				       { "size", size },
				       { "block", block },
				       { "file", cfg->store ? cfg->store : "" },
				       { NULL, NULL } };
	int rc = 0;

	if (h->seen)
		snprintf(uio, sizeof(uio), "uio%u", world_device_minor(h->seen));
	snprintf(size, sizeof(size), "%llu", (unsigned long long)cfg->size_bytes);
	snprintf(block, sizeof(block), "%u", cfg->block_size);
	if (!cfg->store && expand_uses(text, "file"))
		rc = -EINVAL;
	if (rc)
		snprintf(err, err_len, "'%.80s': there is no file", text);
	else if (expand(text, words, buf, len) < 0)
		rc = -ENAMETOOLONG;
	if (rc == -ENAMETOOLONG)
		snprintf(err, err_len, "'%.80s...': longer than %zu bytes", text, len - 1);
	return rc;
}

static int show_device(struct inhabitant *h, const struct lane_config *cfg, char *err,
		       size_t err_len)
{
	struct world_device_config dev = WORLD_DEVICE_CONFIG;
	char config[256];
	int rc = fill_in(h, cfg, cfg->config ? cfg->config : "any/x", config, sizeof(config), err,
			 err_len);

	if (rc)
		return rc;
	dev.name = "disk";
	dev.config = config;
	dev.size_bytes = cfg->size_bytes;
	dev.block_size = cfg->block_size;
	dev.sim = h->device.config;
	rc = world_device_adopt(h->world, &h->seen, &dev, &h->device.uio, on_added, h, err,
				err_len);
	if (!rc && h->added) {
		rc = h->added;
		snprintf(err, err_len, "the device cannot be enabled: %s", strerror(-rc));
	}
	return rc;
}

static int start_program(struct inhabitant *h, const struct lane_config *cfg, char *err,
			 size_t err_len)
{
	char command[1024], expanded[1400], where[40];
	struct world_program p = { .command = expanded };
	pid_t pid;
	int rc;

	snprintf(where, sizeof(where), "--uio uio%u", world_device_minor(h->seen));
	rc = lane_program_command(cfg, where, command, sizeof(command), err, err_len);
	if (!rc)
		rc = fill_in(h, cfg, command, expanded, sizeof(expanded), err, err_len);
	if (rc)
		return rc;
	snprintf(h->program.log, sizeof(h->program.log), "%s/handler.log", cfg->dir);
	p.output_fd = open(h->program.log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (p.output_fd < 0) {
		snprintf(err, err_len, "%s: %s", h->program.log, strerror(errno));
		return -errno;
	}
	pid = world_spawn(h->world, &p, err, err_len);
	close(p.output_fd);
	if (pid < 0)
		return pid;
	h->program.pid = pid;
	/* it cannot have started a thread yet: it waits for us to answer its first open */
	lane_pin(pid, cfg->cpu);
	return 0;
}

static int await_mapped(struct inhabitant *h, uint64_t end, char *err, size_t err_len)
{
	while (!world_device_mapped(h->seen) && lane_clock() < end) {
		if (lane_program_gone(&h->program, err, err_len))
			return -ECHILD;
		service(h, 10);
	}
	if (world_device_mapped(h->seen))
		return 0;
	snprintf(err, err_len, "the handler did not %s /dev/uio%u within %d s",
		 h->device.uio.is_open ? "map" : "open", world_device_minor(h->seen),
		 START_MS / 1000);
	return -ETIMEDOUT;
}

/* It serves once a block can be read: some map the region long before. */
static int await_served(struct inhabitant *h, const struct lane_config *cfg, uint64_t end,
			char *err, size_t err_len)
{
	static const struct lane_host host = { serve_a_while, gone };
	struct lane_cmd *c = &h->probe;
	int rc;

	c->sg = (struct iovec){ h->block,
				cfg->block_size < BLOCK_MAX ? cfg->block_size : BLOCK_MAX };
	memset(c->cdb, 0, sizeof(c->cdb));
	c->cdb[0] = 0x28;
	c->cdb[8] = 1;
	c->cmd = (struct ringsim_cmd){ .cdb = c->cdb,
				       .cdb_room = sizeof(c->cdb),
				       .dir = RINGSIM_FROM_DEVICE,
				       .data_len = (uint32_t)c->sg.iov_len,
				       .sg = &c->sg,
				       .sg_cnt = 1 };
	rc = lane_device_await(&h->device, c, &host, end);
	if (rc == -ECHILD)
		snprintf(err, err_len, "%s", h->device.lane.err);
	else if (rc == -EIO)
		snprintf(err, err_len,
			 "the handler did not read the first block within %d s: status 0x%02x",
			 START_MS / 1000, c->cmd.status);
	else if (rc)
		snprintf(err, err_len, "the handler did not answer within %d s", START_MS / 1000);
	return rc;
}

static int inhabitant_open(struct lane **out, const struct lane_config *cfg, char *err,
			   size_t err_len)
{
	struct inhabitant *h = calloc(1, sizeof(*h));
	uint64_t end = lane_clock() + START_MS * 1000000ull;
	int rc;

	*out = NULL;
	if (!h) {
		snprintf(err, err_len, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	h->device.lane.ops = &lane_world;
	h->sleeping = cfg->sleeping;
	rc = lane_device_create(&h->device, cfg, on_event, err, err_len);
	if (!rc)
		rc = make_world(h, cfg, err, err_len);
	if (!rc)
		rc = show_device(h, cfg, err, err_len);
	if (!rc)
		rc = start_program(h, cfg, err, err_len);
	if (!rc)
		rc = await_mapped(h, end, err, err_len);
	if (!rc)
		rc = await_served(h, cfg, end, err, err_len);
	if (rc) {
		inhabitant_close(&h->device.lane);
		return rc;
	}
	h->device.lane.parties[0] = (struct lane_party){ world_device_pid(h->seen), 0 };
	h->device.lane.n_parties = 1;
	*out = &h->device.lane;
	return 0;
}

/* --- the lane ----------------------------------------------------------------------------------
 */

static int inhabitant_poll(struct lane *l, uint64_t now_ns, uint32_t wait_us)
{
	struct inhabitant *h = (struct inhabitant *)l;

	lane_device_time(&h->device, now_ns);
	if (h->sleeping) {
		service(h, wait_us ? (int)((wait_us + 999) / 1000) : 0);
	} else {
		ringsim_poll_tail(h->device.dev);
		if (++h->looks % SERVICE_EVERY == 0)
			service(h, 0);
	}
	return h->device.uio.is_open || !gone(h) ? 0 : -EPIPE;
}

const struct lane_ops lane_world = { inhabitant_open, lane_device_submit, inhabitant_poll,
				     lane_device_counters, inhabitant_close };
