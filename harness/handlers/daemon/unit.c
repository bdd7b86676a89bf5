/* SPDX-License-Identifier: MIT */
/*
 * Serving one device: opens device and store, takes over from a predecessor, and steps the handler
 * whenever something polls ready. It never sleeps without having drained, and it leaves the ring so
 * that a successor can go on.
 * Clauses: HND-005, HND-041 to HND-047, HND-064, HND-065, HND-070, HND-071, HND-083 to HND-085.
 */
#include "serve.h"
#include "unit.h"

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
#include <unistd.h>

#define BLOCK_DEFAULT	 512u
#define SHUTDOWN_MS	 20000
#define SHUTDOWN_POLL_MS 100

static void set_stop(struct unit *u, int value)
{
	__atomic_store_n(&u->stop, value, __ATOMIC_RELAXED);
}

/*
 * The store of a device that no --store names: the path in its configuration. Nothing but an
 * absolute path or "memory" is taken, so that a typing error does not make a file somewhere.
 */
static char *spec_of(const struct uio_name *name, uint64_t size_bytes, char *err, size_t err_len)
{
	char *spec = NULL;
	int n;

	if (name->path_len != 0 && name->path[0] == '/')
		n = asprintf(&spec, "file:%.*s", (int)name->path_len, name->path);
	else if (name->path_len == 0 ||
		 (name->path_len == 6 && memcmp(name->path, "memory", 6) == 0))
		n = asprintf(&spec, "memory:%" PRIu64, size_bytes);
	else {
		snprintf(err, err_len,
			 "device '%.*s': path: expected /FILE or memory, found '%.*s'",
			 (int)name->device_len, name->device, (int)name->path_len, name->path);
		return NULL;
	}
	if (n >= 0)
		return spec;
	snprintf(err, err_len, "out of memory");
	return NULL;
}

static int open_store(struct unit *u, const char *spec, struct store **out, char *err,
		      size_t err_len)
{
	const struct cli *cli = u->cli;
	struct store_config cfg = {
		.spec = spec,
		.engine = cli->engine,
		.size_bytes = cli->size_bytes != 0 ? cli->size_bytes : u->dev.att.size_bytes,
		.block_size = u->block_size,
		.depth = cli->depth,
		.direct = cli->direct,
		.read_only = cli->read_only,
		.create = cli->create,
		.stale_reads = cli->stale_reads,
		.sqpoll = cli->sqpoll,
	};

	if (cli->store == NULL && strncmp(spec, "memory:", 7) == 0)
		cfg.engine = NULL; /* meant for those that are files */
	return store_open(out, &cfg, err, err_len);
}

static int choose_block_size(struct unit *u, char *err, size_t err_len)
{
	uint32_t ours = u->cli->block_size, theirs = u->dev.att.block_size;

	if (ours != 0 && theirs != 0 && ours != theirs) {
		snprintf(err, err_len, "--block-size: expected %u, as the device has, found %u",
			 theirs, ours);
		return -EINVAL;
	}
	u->block_size = ours != 0 ? ours : theirs != 0 ? theirs : BLOCK_DEFAULT;
	return 0;
}

/* A test's crash, at exactly the step it asked for. */
static void on_step(void *ctx, enum consumer_step step)
{
	struct unit *u = ctx;

	if (step == u->cli->die_step && --u->die_in == 0)
		kill(getpid(), SIGKILL);
}

static int make_handler(struct unit *u, char *err, size_t err_len)
{
	const struct cli *cli = u->cli;
	struct handler_config cfg = {
		.block_size = u->block_size,
		.depth = cli->depth,
		.wce = u->wce,
		.read_only = cli->read_only,
		.in_order = u->in_order,
		.read_len = true,
		.reorder_seed = cli->reorder_seed,
		.serial = cli->serial != NULL ? cli->serial : u->dev.serial,
		.name = u->dev.name,
		.subtype = cli->subtype,
		.probe = cli->die_count != 0 ? &u->probe : NULL,
		.stop = &u->stop,
	};

	u->die_in = cli->die_count;
	u->probe = (struct consumer_probe){ .fn = on_step, .ctx = u };
	u->handler = u->api->create(&cfg, u->store, err, err_len);
	return u->handler != NULL ? 0 : -EINVAL;
}

static bool is_ours(struct unit *u)
{
	return uio_name_parse(u->dev.name, &u->name) == 0 &&
	       uio_name_match(&u->name, u->cli->subtype);
}

static int not_ours(const struct unit *u, char *err, size_t err_len)
{
	snprintf(err, err_len, "device '%.200s': expected tcm-user/N/NAME/%s", u->dev.name,
		 u->cli->subtype != NULL ? u->cli->subtype : "SUBTYPE");
	return -ENODEV;
}

static int open_device(struct unit *u, char *err, size_t err_len)
{
	int rc;

	u->dev.uio = u->uio[0] != '\0' ? u->uio : NULL;
	u->dev.socket = u->cli->attach;
	rc = device_find(&u->dev, err, err_len);
	if (rc != 0)
		return rc;
	if (u->dev.uio != NULL && !is_ours(u)) /* before it is opened (HND-005) */
		return not_ours(u, err, err_len);
	rc = device_open(&u->dev, err, err_len);
	if (rc != 0)
		return rc;
	return is_ours(u) ? 0 : not_ours(u, err, err_len);
}

int unit_open(struct unit *u, char *err, size_t err_len)
{
	const struct cli *cli = u->cli;
	int rc;

	u->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	snprintf(err, err_len, "out of memory"); /* unless something says more */
	rc = open_device(u, err, err_len);
	if (rc == 0 && u->wake_fd < 0)
		rc = -ENOMEM;
	if (rc == 0)
		rc = choose_block_size(u, err, err_len);
	if (rc != 0)
		return rc;
	if (cli->store != NULL)
		u->spec = strdup(cli->store);
	else
		u->spec = spec_of(&u->name, u->dev.att.size_bytes, err, err_len);
	if (u->spec == NULL)
		return -EINVAL;
	rc = open_store(u, u->spec, &u->store, err, err_len);
	if (rc != 0)
		return rc;
	/* What finishes in order by nature loses nothing by saying so. */
	u->in_order = cli->order == CLI_ORDER_IN ||
		      (cli->order == CLI_ORDER_DEFAULT && cli->reorder_seed == 0 &&
		       store_fd(u->store) < 0);
	u->wce = cli->wce || u->dev.wce;
	u->fds = (struct consumer_fds){ .io = u->dev.att.io_fd, .mem = u->dev.att.mem_fd };
	consumer_uio_fd(&u->node, &u->fds);
	if (cli->poll_auto)
		spin_adaptive(&u->spin, u->seats);
	else
		spin_fixed(&u->spin, cli->poll_us);
	u->api = tcmu_handler_api();
	return make_handler(u, err, err_len);
}

/*
 * Whether the ring holds work that a predecessor may have begun. Without the right to complete out
 * of order it can be gone on with; a mailbox that is not understood is for attach to refuse.
 */
static bool inherits_work(const struct unit *u)
{
	size_t len = u->dev.att.map0_len;
	uint16_t flags;
	void *region;
	bool work;

	if (len < RINGSIM_MAILBOX_SIZE)
		return false;
	region = mmap(NULL, len, PROT_READ, MAP_SHARED, u->dev.att.mem_fd, 0);
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
int unit_attach(struct unit *u, bool fresh, char *err, size_t err_len)
{
	bool reset = !fresh && !u->in_order && inherits_work(u);
	int rc = 0;

	if (reset)
		rc = device_action(&u->dev, "block_dev", 1);
	if (reset && rc == 0)
		rc = device_action(&u->dev, "reset_ring", 1);
	if (rc != 0) {
		snprintf(err, err_len,
			 "unfinished work on the ring and no reset_ring: %s (try --order in)",
			 strerror(-rc));
		goto unblock;
	}
	rc = u->api->attach(u->handler, &u->node, u->dev.att.map0_len);
	if (rc == -EPROTO)
		snprintf(err, err_len,
			 "device '%.200s': mailbox: expected version %u and a sane ring",
			 u->dev.name, TCMU_MAILBOX_VERSION);
	else if (rc != 0)
		snprintf(err, err_len, "device '%.200s': attach: %s", u->dev.name, strerror(-rc));
unblock:
	if (reset)
		device_action(&u->dev, "block_dev", 0);
	return rc;
}

static void post(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0) {
		/* full: it is readable already */
	}
}

static void *thread_main(void *arg)
{
	struct unit *u = arg;

	u->result = serve_unit(u);
	if (u->result != 0) {
		__atomic_store_n(&u->ended, true, __ATOMIC_RELEASE);
		post(u->ended_fd);
	}
	return NULL;
}

int unit_start(struct unit *u)
{
	uint64_t wakes;

	set_stop(u, 0);
	if (read(u->wake_fd, &wakes, sizeof(wakes)) < 0) {
		/* nobody woke it, no matter */
	}
	u->started = pthread_create(&u->thread, NULL, thread_main, u) == 0;
	return u->started ? 0 : -EAGAIN;
}

void unit_stop(struct unit *u)
{
	set_stop(u, 1);
	if (!u->started)
		return;
	post(u->wake_fd);
	pthread_join(u->thread, NULL);
	u->started = false;
}

/* Finish what the handler holds; the caller decided whether more is fetched. */
static int finish(struct unit *u)
{
	uint64_t until_us = serve_now_us() + SHUTDOWN_MS * 1000u;
	uint64_t wakes;
	int rc;

	if (read(u->wake_fd, &wakes, sizeof(wakes)) < 0) {
		/* nobody woke it, no matter */
	}
	rc = u->api->step(u->handler, 0);
	while (rc == 0 && (u->api->busy(u->handler) != 0 || store_inflight(u->store) != 0)) {
		if (serve_now_us() > until_us)
			return -ETIMEDOUT;
		serve_wait(u, SHUTDOWN_POLL_MS);
		rc = u->api->step(u->handler, 0);
	}
	return rc;
}

static void flushed(struct store_io *io)
{
	((struct unit *)io->owner)->flush_busy = false;
}

/* Make everything that was written durable; the store is idle. */
static int flush(struct unit *u)
{
	uint64_t until_us = serve_now_us() + SHUTDOWN_MS * 1000u;

	u->flush = (struct store_io){ .op = STORE_FLUSH, .done = flushed, .owner = u };
	u->flush_busy = true;
	if (store_submit(u->store, &u->flush) != 0)
		return -EAGAIN;
	store_kick(u->store);
	while (u->flush_busy && serve_now_us() < until_us) {
		if (store_reap(u->store) == 0)
			serve_wait(u, SHUTDOWN_POLL_MS);
	}
	return u->flush_busy ? -ETIMEDOUT : u->flush.result;
}

/* Another configuration string: another store of the same size. */
static int change_config(struct unit *u, const char *config, char *err, size_t err_len)
{
	struct store *store, *old = u->store;
	struct uio_name name;
	char *full = NULL, *spec;
	int rc;

	if (asprintf(&full, "tcm-user/%u/%.*s/%s", u->name.hba, (int)u->name.device_len,
		     u->name.device, config) < 0)
		return -ENOMEM;
	if (uio_name_parse(full, &name) != 0 || !uio_name_match(&name, u->cli->subtype)) {
		snprintf(err, err_len, "device '%.200s': config: expected subtype %s, found '%.*s'",
			 u->dev.name, u->cli->subtype, (int)strcspn(config, "\n"), config);
		rc = -EOPNOTSUPP;
		goto out;
	}
	spec = spec_of(&name, store_size(old), err, err_len);
	rc = -EINVAL;
	if (spec == NULL || strcmp(spec, u->spec) == 0) {
		rc = spec == NULL ? rc : 0;
		free(spec);
		goto out;
	}
	rc = open_store(u, spec, &store, err, err_len);
	if (rc == 0)
		rc = handler_set_store(u->handler, store, u->wce);
	if (rc != 0) {
		free(spec);
		goto out;
	}
	u->store = store;
	store_close(old);
	free(u->spec);
	u->spec = spec;
out:
	free(full);
	return rc;
}

static int change_size(struct unit *u, uint64_t size_bytes, char *err, size_t err_len)
{
	int rc;

	rc = store_resize(u->store, size_bytes, u->block_size, u->cli->create);
	if (rc != 0) {
		snprintf(err, err_len, "device '%.200s': size %" PRIu64 ": %s", u->dev.name,
			 size_bytes, strerror(-rc));
		return rc;
	}
	u->dev.att.size_bytes = size_bytes;
	return handler_set_store(u->handler, u->store, u->wce);
}

static int change_wce(struct unit *u, bool wce, char *err, size_t err_len)
{
	int rc = 0;

	/* Without the cache, what it held is durable, too. */
	if (!wce)
		rc = flush(u);
	if (rc == 0)
		rc = handler_set_store(u->handler, u->store, wce);
	if (rc != 0)
		snprintf(err, err_len, "device '%.200s': write cache: %s", u->dev.name,
			 strerror(-rc));
	else
		u->wce = wce;
	return rc;
}

int unit_reconfigure(struct unit *u, const char *config, uint64_t size_bytes, const bool *wce,
		     char *err, size_t err_len)
{
	int rc;

	unit_stop(u);
	rc = finish(u);
	if (rc != 0)
		snprintf(err, err_len, "device '%.200s': reconfigure: %s", u->dev.name,
			 strerror(-rc));
	if (rc == 0 && config != NULL)
		rc = change_config(u, config, err, err_len);
	if (rc == 0 && size_bytes != 0)
		rc = change_size(u, size_bytes, err, err_len);
	if (rc == 0 && wce != NULL)
		rc = change_wce(u, *wce, err, err_len);
	if (unit_start(u) != 0) {
		snprintf(err, err_len, "device '%.200s': no thread", u->dev.name);
		rc = -EAGAIN;
	}
	return rc;
}

/*
 * If new commands can be kept out, all that are on the ring are served; otherwise only those that
 * were fetched, and the rest is for a successor.
 */
int unit_shut_down(struct unit *u, char *err, size_t err_len)
{
	bool blocked;
	int rc;

	unit_stop(u);
	if (u->ended) {
		snprintf(err, err_len, "device '%.200s' is gone: %s", u->dev.name,
			 strerror(-u->result));
		return u->result;
	}
	blocked = device_action(&u->dev, "block_dev", 1) == 0;
	if (blocked)
		set_stop(u, 0);
	rc = finish(u);
	if (rc == -ETIMEDOUT) { /* the store hangs, and detaching would wait for it */
		snprintf(err, err_len, "device '%.200s': %u commands did not finish within %d ms",
			 u->dev.name, u->api->busy(u->handler), SHUTDOWN_MS);
		u->stuck = true;
		return rc;
	}
	if (rc != 0)
		snprintf(err, err_len, "device '%.200s' is gone: %s", u->dev.name, strerror(-rc));
	u->api->detach(u->handler);
	device_close_node(&u->dev);
	if (blocked)
		device_action(&u->dev, "block_dev", 0);
	return rc;
}

void unit_close(struct unit *u)
{
	unit_stop(u);
	if (u->api != NULL)
		u->api->destroy(u->handler);
	device_close(&u->dev);
	store_close(u->store);
	free(u->spec);
	if (u->wake_fd >= 0)
		close(u->wake_fd);
}
