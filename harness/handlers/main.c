/* SPDX-License-Identifier: MIT */
/*
 * tcmu-handler: the reference handler as a program.
 *
 * Opens device and store, takes over from a predecessor, and steps the handler whenever something
 * polls ready. It never sleeps without having drained, and it leaves the ring so that a successor
 * can go on. Clauses: HND-005, HND-041 to HND-047, HND-064, HND-065, HND-070, HND-071.
 */
#include "cli.h"
#include "device.h"
#include "handler.h"
#include "uio_name.h"

#include <ringsim/shm.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EXIT_GONE	 1
#define EXIT_SETUP	 2

#define BLOCK_DEFAULT	 512u
#define SHUTDOWN_MS	 20000
#define SHUTDOWN_POLL_MS 100

/* Written by the signal handler: step() stops fetching, and the eventfd ends the sleep. */
static volatile int stop_requested;
static int wake_fd = -1;

static void on_signal(int sig)
{
	uint64_t one = 1;
	int saved = errno;

	(void)sig;
	stop_requested = 1;
	if (write(wake_fd, &one, sizeof(one)) < 0) {
		/* full: it is readable already */
	}
	errno = saved;
}

/** struct server - everything that main() opens */
struct server {
	struct cli cli;
	struct device dev;
	struct store *store;
	struct consumer_fds fds;
	struct consumer_uio uio;
	const struct handler_api *api;
	struct handler *handler;
	bool in_order;
};

static int complain(const char *line)
{
	fprintf(stderr, "tcmu-handler: %s\n", line);
	return EXIT_SETUP;
}

static int setup_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (wake_fd < 0)
		return -errno;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN); /* a device that went away is an error of write(2) */
	return 0;
}

static bool default_in_order(const struct store *store)
{
	return store_fd(store) <
	       0; /* finishes in order by nature, so nothing is lost by saying so */
}

static int open_store(struct server *s, uint32_t *block_size, char *err, size_t err_len)
{
	const struct cli *cli = &s->cli;
	uint32_t theirs = s->dev.att.block_size;
	struct store_config cfg = {
		.spec = cli->store,
		.engine = cli->engine,
		.size_bytes = cli->size_bytes != 0 ? cli->size_bytes : s->dev.att.size_bytes,
		.block_size = cli->block_size,
		.depth = cli->depth,
		.direct = cli->direct,
		.read_only = cli->read_only,
		.create = cli->create,
	};

	if (cfg.block_size == 0)
		cfg.block_size = theirs != 0 ? theirs : BLOCK_DEFAULT;
	if (theirs != 0 && cfg.block_size != theirs) {
		snprintf(err, err_len, "--block-size: expected %u, as the device has, found %u",
			 theirs, cfg.block_size);
		return -EINVAL;
	}
	*block_size = cfg.block_size;
	return store_open(&s->store, &cfg, err, err_len);
}

static int make_handler(struct server *s, uint32_t block_size, char *err, size_t err_len)
{
	const struct cli *cli = &s->cli;
	struct handler_config cfg = {
		.block_size = block_size,
		.depth = cli->depth,
		.wce = cli->wce || s->dev.wce,
		.read_only = cli->read_only,
		.in_order = s->in_order,
		.read_len = true,
		.serial = cli->serial != NULL ? cli->serial : s->dev.serial,
		.name = s->dev.name,
		.subtype = cli->subtype,
		.stop = &stop_requested,
	};

	s->handler = s->api->create(&cfg, s->store, err, err_len);
	return s->handler != NULL ? 0 : -EINVAL;
}

static bool is_ours(const struct server *s)
{
	struct uio_name name;

	return uio_name_parse(s->dev.name, &name) == 0 && uio_name_match(&name, s->cli.subtype);
}

static int not_ours(const struct server *s, char *err, size_t err_len)
{
	snprintf(err, err_len, "device '%.200s': expected tcm-user/N/NAME/%s", s->dev.name,
		 s->cli.subtype != NULL ? s->cli.subtype : "SUBTYPE");
	return -ENODEV;
}

/* Device, store, handler: after this only the ring itself can go wrong. */
static int setup(struct server *s, char *err, size_t err_len)
{
	uint32_t block_size;
	int rc;

	s->dev.uio = s->cli.uio;
	s->dev.socket = s->cli.attach;
	rc = device_find(&s->dev, err, err_len);
	if (rc != 0)
		return rc;
	if (s->cli.uio != NULL && !is_ours(s)) /* before it is opened (HND-005) */
		return not_ours(s, err, err_len);
	rc = device_open(&s->dev, err, err_len);
	if (rc != 0)
		return rc;
	if (!is_ours(s))
		return not_ours(s, err, err_len);
	rc = open_store(s, &block_size, err, err_len);
	if (rc != 0)
		return rc;
	s->in_order = s->cli.order == CLI_ORDER_IN ||
		      (s->cli.order == CLI_ORDER_DEFAULT && default_in_order(s->store));
	s->fds = (struct consumer_fds){ .io = s->dev.att.io_fd, .mem = s->dev.att.mem_fd };
	consumer_uio_fd(&s->uio, &s->fds);
	s->api = tcmu_handler_api();
	return make_handler(s, block_size, err, err_len);
}

/*
 * Whether the ring holds work that a predecessor may have begun. Without the right to complete out
 * of order it can be gone on with; a mailbox that is not understood is for attach to refuse.
 */
static bool inherits_work(const struct server *s)
{
	size_t len = s->dev.att.map0_len;
	uint16_t flags;
	void *region;
	bool work;

	if (len < RINGSIM_MAILBOX_SIZE)
		return false;
	region = mmap(NULL, len, PROT_READ, MAP_SHARED, s->dev.att.mem_fd, 0);
	if (region == MAP_FAILED)
		return false;
	flags = shm_load16(region, offsetof(struct tcmu_mailbox, flags));
	work = shm_load16(region, 0) == TCMU_MAILBOX_VERSION &&
	       (flags & TCMU_MAILBOX_FLAG_CAP_OOOC) != 0 &&
	       shm_load32(region, RINGSIM_OFF_TAIL) != shm_load32(region, RINGSIM_OFF_HEAD) &&
	       !consumer_ring_fresh(region, len);
	munmap(region, len);
	return work;
}

/*
 * Take the device over. A handler that completes out of order cannot tell what its predecessor had
 * done: which ids are finished is not on the ring. So everything old goes back to the initiator,
 * which tries again, and nothing new comes in meanwhile (HND-064, HND-071).
 */
static int attach(struct server *s, char *err, size_t err_len)
{
	bool reset = !s->in_order && inherits_work(s);
	int rc = 0;

	if (reset)
		rc = device_action(&s->dev, "block_dev", 1);
	if (reset && rc == 0)
		rc = device_action(&s->dev, "reset_ring", 1);
	if (rc != 0) {
		snprintf(err, err_len,
			 "unfinished work on the ring and no reset_ring: %s (try --order in)",
			 strerror(-rc));
		goto unblock;
	}
	rc = s->api->attach(s->handler, &s->uio, s->dev.att.map0_len);
	if (rc == -EPROTO)
		snprintf(err, err_len,
			 "device '%.200s': mailbox: expected version %u and a sane ring",
			 s->dev.name, TCMU_MAILBOX_VERSION);
	else if (rc != 0)
		snprintf(err, err_len, "device '%.200s': attach: %s", s->dev.name, strerror(-rc));
unblock:
	if (reset)
		device_action(&s->dev, "block_dev", 0);
	return rc;
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

/*
 * Look for work without sleeping, for up to *@budget_us since the last was found. Polling in vain
 * halves the time spent on the next try, down to an eighth; finding something restores it.
 */
static int poll_awhile(struct server *s, uint32_t *budget_us)
{
	uint64_t served = handler_served(s->handler);
	uint64_t until_us = now_us() + *budget_us;
	bool found = false;
	int rc = 0;

	while (rc == 0 && !stop_requested && now_us() < until_us) {
		rc = s->api->step(s->handler, 0);
		if (handler_served(s->handler) == served)
			continue;
		served = handler_served(s->handler);
		until_us = now_us() + *budget_us;
		found = true;
	}
	if (found)
		*budget_us = s->cli.poll_us;
	else if (*budget_us / 2 >= s->cli.poll_us / 8)
		*budget_us /= 2;
	return rc;
}

/* Sleep until something is ready; returns HANDLER_EV_* or -errno. */
static int wait_events(struct server *s, int timeout_ms)
{
	struct pollfd p[3] = {
		{ .fd = s->dev.att.io_fd, .events = POLLIN },
		{ .fd = store_fd(s->store), .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN },
	};
	int events = 0;

	if (poll(p, 3, timeout_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[0].revents & (POLLERR | POLLHUP | POLLNVAL))
		events |= HANDLER_EV_ERR;
	if (p[0].revents & POLLIN)
		events |= HANDLER_EV_UIO;
	if (p[1].revents != 0)
		events |= HANDLER_EV_STORE;
	return events;
}

/* Serve until a signal (0) or until the device is gone. The first step drains before any wait. */
static int serve(struct server *s)
{
	uint32_t budget_us = s->cli.poll_us;
	int events = 0, rc;

	while (!stop_requested) {
		rc = s->api->step(s->handler, (unsigned int)events);
		if (rc == 0 && budget_us != 0)
			rc = poll_awhile(s, &budget_us);
		if (rc != 0)
			return rc;
		events = wait_events(s, -1);
		if (events < 0)
			return events;
	}
	return 0;
}

/*
 * Leave in good order (HND-065). If new commands can be kept out, all that are on the ring are
 * served; otherwise only those that were fetched, and the rest is for a successor.
 */
static int shut_down(struct server *s)
{
	uint64_t until_us = now_us() + SHUTDOWN_MS * 1000u;
	bool blocked = device_action(&s->dev, "block_dev", 1) == 0;
	uint64_t signals;
	int rc;

	if (read(wake_fd, &signals, sizeof(signals)) < 0) {
		/* no signal, no matter */
	}
	if (blocked)
		stop_requested = 0;
	rc = s->api->step(s->handler, 0);
	while (rc == 0 && s->api->busy(s->handler) != 0) {
		if (now_us() > until_us) {
			fprintf(stderr, "tcmu-handler: %u commands did not finish within %d ms\n",
				s->api->busy(s->handler), SHUTDOWN_MS);
			rc = -ETIMEDOUT;
			break;
		}
		wait_events(s, SHUTDOWN_POLL_MS);
		rc = s->api->step(s->handler, 0);
	}
	if (rc == -ETIMEDOUT) /* the store hangs, and detaching would wait for it */
		_exit(EXIT_GONE);
	s->api->detach(s->handler);
	device_close_node(&s->dev);
	if (blocked)
		device_action(&s->dev, "block_dev", 0);
	return rc;
}

static int run(struct server *s)
{
	char err[1024] = "";
	int rc;

	if (attach(s, err, sizeof(err)) != 0)
		return complain(err);
	if (s->cli.verbose)
		fprintf(stderr,
			"tcmu-handler: serving %s from %s (%s, %" PRIu64 " bytes, %s order)\n",
			s->dev.name, s->cli.store, store_engine(s->store), store_size(s->store),
			s->in_order ? "in" : "out of");
	rc = serve(s);
	if (rc == 0)
		rc = shut_down(s);
	if (s->cli.verbose)
		fprintf(stderr, "tcmu-handler: %" PRIu64 " commands served\n",
			handler_served(s->handler));
	if (rc == 0)
		return 0;
	fprintf(stderr, "tcmu-handler: device '%.200s' is gone: %s\n", s->dev.name, strerror(-rc));
	return EXIT_GONE;
}

int main(int argc, char **argv)
{
	static struct server s;
	char err[1024] = "";
	int status;

	if (cli_parse(&s.cli, argc, argv, err, sizeof(err)) != 0)
		return complain(err);
	if (s.cli.help) {
		cli_help(stdout);
		return 0;
	}
	if (s.cli.version) {
		puts("tcmu-handler " CLI_VERSION);
		return 0;
	}
	if (setup_signals() != 0)
		return complain(strerror(errno));
	if (setup(&s, err, sizeof(err)) != 0)
		status = complain(err);
	else
		status = run(&s);
	if (s.api != NULL)
		s.api->destroy(s.handler);
	store_close(s.store);
	device_close(&s.dev);
	close(wake_fd);
	return status;
}
