/* SPDX-License-Identifier: MIT */
/*
 * A handler in this process, one turn of its event loop at a time.
 *
 * The handler's UIO node is ringsim_uio, its waiting is the return of step(): it is only called
 * again when what it waits for is ready, so a wakeup that it lost is a stall that shows at once.
 * After each of its stores the sanitizer looks, and the handler can be killed there: the crash is a
 * longjmp out of it, after which nothing of it runs any more but the release of its memory.
 */
#include "impl.h"

#include "medium.h"

#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* Turns without a command ending before the handler counts as spinning. */
#define SPIN_TURNS   2000
#define IO_TURNS     (1u << 17) /* the store has news each time: long commands are many operations */
#define WIPE_WAIT_MS 60000
#define IO_WAIT_MS   5000 /* unless the spec says */

/* What a step that is none of them followed is seen after the next one, or in the walk. */
static bool stores(enum consumer_step step)
{
	return step != CONSUMER_STEP_HEAD && step != CONSUMER_STEP_READ &&
	       step != CONSUMER_STEP_DOORBELL;
}

static void probe(void *ctx, enum consumer_step step)
{
	struct target *t = ctx;
	struct inproc *in = &t->in;

	in->steps++;
	if (stores(step))
		ringsim_observe(t->dev);
	if (step == CONSUMER_STEP_TAIL && t->opts.reclaim == RECLAIM_ASYNC && !t->uio.gone)
		ringsim_poll_tail(t->dev);
	if (in->on_step)
		in->on_step(t, in->on_step_ctx, step);
	/* what a handler does that went wrong already is of no interest, and may never end */
	if (t->tc->failed && in->stepping)
		longjmp(in->crash, 1);
	if (in->kill_in && --in->kill_in == 0 && in->stepping) {
		in->killed = true;
		longjmp(in->crash, 1);
	}
}

/* The UIO node, with the faults that a case asked for. */

static void *uio_map(void *ctx, size_t len, off_t offset)
{
	struct target *t = ctx;
	void *p;

	if (ringsim_uio_mmap(&t->uio, len, (uint64_t)offset)) {
		ringsim_report(t->dev, "HND-003", 0,
			       "mmap of %zu bytes at offset %lld: a kernel answers EINVAL", len,
			       (long long)offset);
		errno = EINVAL;
		return NULL;
	}
	if (t->one_mapping)
		return ringsim_region(t->dev);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, ringsim_region_fd(t->dev), 0);
	if (p == MAP_FAILED)
		return NULL;
	t->in.map = p;
	t->in.map_len = len;
	return p;
}

static void uio_unmap(void *ctx, void *region, size_t len)
{
	struct target *t = ctx;

	if (t->one_mapping)
		return;
	munmap(region, len);
	t->in.map = NULL;
}

static bool fault(uint32_t *left, int err)
{
	if (!*left)
		return false;
	--*left;
	errno = err;
	return true;
}

static ssize_t uio_read(void *ctx, void *buf, size_t len)
{
	struct target *t = ctx;
	struct target_faults *f = &t->in.faults;
	ssize_t n;

	if (fault(&f->read_eintr, EINTR) || fault(&f->read_eagain, EAGAIN))
		return -1;
	if (f->gone) {
		f->failed++;
		errno = EIO;
		return -1;
	}
	n = ringsim_uio_read(&t->uio, buf, len);
	if (n >= 0)
		return n;
	errno = (int)-n;
	return -1;
}

static ssize_t uio_write(void *ctx, const void *buf, size_t len)
{
	struct target *t = ctx;
	ssize_t n;

	if (fault(&t->in.faults.write_eintr, EINTR))
		return -1;
	t->in.faults.failed += t->in.faults.gone;
	n = t->in.faults.gone ? -EINVAL : ringsim_uio_write(&t->uio, buf, len);
	if (n >= 0)
		return n;
	t->in.refused |= t->in.faults.gone;
	errno = (int)-n;
	return -1;
}

static void note_result(struct store_io *io)
{
	*(int *)io->owner = io->result;
}

/* Makes a used store look new. */
static int wipe(struct store *s)
{
	int rc = -EINPROGRESS;
	struct store_io io = {
		.op = STORE_DISCARD, .len_bytes = store_size(s), .done = note_result, .owner = &rc
	};
	struct pollfd pfd = { .fd = store_fd(s), .events = POLLIN };

	if (store_submit(s, &io))
		return -EBUSY;
	store_kick(s);
	while (rc == -EINPROGRESS && !store_reap(s))
		if (poll(&pfd, 1, WIPE_WAIT_MS) <= 0)
			abort(); /* the engine still owns io, and this is its stack */
	return rc;
}

static void drop_store(struct store_cache *cache)
{
	if (cache->store)
		store_close(cache->store);
	cache->store = NULL;
}

void inproc_drop_cache(const struct target_spec *spec)
{
	if (!spec->cache)
		return;
	drop_store(spec->cache);
	sim_drop_cache(spec->cache);
}

/* Memory can be made larger or smaller; a file is what it is. */
static bool fits(const struct target *t, struct store *s, const struct store_config *cfg)
{
	const struct store_cache *cache = t->spec->cache;

	if (cache->size_bytes == cfg->size_bytes && cache->block_size == cfg->block_size)
		return true;
	return !strcmp(t->spec->engine, "memory") &&
	       !store_resize(s, cfg->size_bytes, cfg->block_size, false);
}

static bool take_cached(struct target *t, const struct store_config *cfg)
{
	struct store_cache *cache = t->spec->cache;
	struct store *s = cache ? cache->store : NULL;

	if (!s)
		return false;
	cache->store = NULL;
	if (!wipe(s) && fits(t, s, cfg)) {
		t->in.store = s;
		return true;
	}
	store_close(s);
	return false;
}

/* Back to the cache, for the next case that wants such a store. */
static void put_store(struct target *t)
{
	struct store_cache *cache = t->spec->cache;

	if (!t->in.store)
		return;
	if (!cache || t->opts.medium) {
		store_close(t->in.store);
		return;
	}
	drop_store(cache);
	cache->store = t->in.store;
	cache->size_bytes = store_size(t->in.store);
	cache->block_size = t->opts.handler.block_size;
}

/* Memory for the memory engine, a sparse file for the others; survives the handler. */
static int open_store(struct target *t)
{
	struct store_config cfg = {
		.engine = t->spec->engine,
		.size_bytes = t->opts.size_bytes,
		.block_size = t->opts.handler.block_size,
		.depth = 96, /* few, so that its rings are full and start over soon */
		.create = true,
	};
	char spec[512], err[256];
	int rc;

	cfg.size_bytes -= cfg.size_bytes % cfg.block_size;
	if (t->in.store)
		return 0;
	if (t->opts.medium) {
		rc = medium_open(&t->in.store, cfg.size_bytes, t->opts.medium != MEDIUM_THICK,
				 t->opts.medium == MEDIUM_SLOW, t->tc->seed, t->in.faults.store);
		if (rc)
			tc_fail(t->tc, NULL, "cannot make the medium: %s", strerror(-rc));
		return rc;
	}
	if (take_cached(t, &cfg))
		return 0;
	if (!strcmp(t->spec->engine, "memory"))
		snprintf(spec, sizeof(spec), "memory:%llu", (unsigned long long)cfg.size_bytes);
	else
		snprintf(spec, sizeof(spec), "file:%s/store-%d", t->spec->tmpdir, (int)getpid());
	cfg.spec = spec;
	if (spec[0] == 'm')
		cfg.engine = NULL;
	rc = t->spec->api->open_store(&t->in.store, &cfg, err, sizeof(err));
	if (rc == -ENOMEM || rc == -EFBIG)
		tc_skip(t->tc, "no room here for the store it needs: %s", err);
	else if (rc)
		tc_fail(t->tc, NULL, "cannot open the store: %s", err);
	else if (spec[0] == 'f')
		unlink(spec + 5); /* the open file is all that is needed */
	return rc;
}

static void discard(struct target *t)
{
	struct inproc *in = &t->in;

	if (in->h && in->killed && t->opts.medium && !in->keep_power)
		medium_power(in->store, false);
	/* who waits for the store would wait for ever; it keeps what the store may write to yet */
	if (in->h && !in->stuck)
		t->spec->api->destroy(in->h);
	in->h = NULL;
	if (in->map && !in->stuck)
		munmap(in->map, in->map_len);
	in->map = NULL;
	ringsim_uio_close(&t->uio);
}

static int attach(struct target *t)
{
	const struct consumer_uio uio = {
		.map = uio_map, .unmap = uio_unmap, .read = uio_read, .write = uio_write, .ctx = t
	};
	struct inproc *in = &t->in;
	int rc = ringsim_uio_open(&t->uio);

	if (rc)
		return rc;
	if (setjmp(in->crash)) {
		in->stepping = false;
		discard(t);
		return 0;
	}
	in->stepping = true;
	rc = t->spec->api->attach(in->h, &uio, ringsim_layout(t->dev)->region_size);
	in->stepping = false;
	return rc;
}

/* What a refusal must look like: no store, no doorbell. The sanitizer has seen the stores. */
static int expect_refusal(struct target *t, int rc)
{
	/* for its name, or for its mailbox */
	const char *clause = t->opts.name ? "HND-004" : "HND-001";

	ringsim_observe(t->dev);
	if (!rc)
		tc_fail(t->tc, clause, "the handler attached to a device that it must refuse");
	else if (t->uio.doorbells)
		tc_fail(t->tc, clause, "the handler refused the device but rang its doorbell");
	discard(t);
	return t->tc->failed ? -EPROTO : 0;
}

int inproc_start(struct target *t)
{
	struct handler_config cfg = t->opts.handler;
	struct inproc *in = &t->in;
	char err[256] = "";
	int rc = open_store(t);

	if (rc)
		return rc;
	if (t->opts.medium)
		medium_power(in->store, true);
	cfg.name = t->opts.name ? t->opts.name : "tcm-user/0/disk/any/x";
	if (!cfg.subtype)
		cfg.subtype = "any";
	in->probe = (struct consumer_probe){ .fn = probe, .ctx = t };
	cfg.probe = &in->probe;
	in->h = t->spec->api->create(&cfg, in->store, err, sizeof(err));
	if (!in->h) {
		tc_fail(t->tc, NULL, "cannot make the handler: %s", err);
		return -EINVAL;
	}
	in->fresh = true;
	in->killed = false;
	in->status = 0;
	rc = attach(t);
	if (t->opts.expect_no_attach)
		return expect_refusal(t, rc);
	if (rc)
		discard(t);
	return rc;
}

void inproc_kill(struct target *t)
{
	t->in.kill_in = 0;
	t->in.killed = true;
	discard(t);
}

void inproc_stop(struct target *t)
{
	struct inproc *in = &t->in;

	if (in->h && !in->stuck)
		t->spec->api->detach(in->h);
	discard(t);
	if (!in->stuck)
		put_store(t);
	*in = (struct inproc){ 0 };
}

static __attribute__((noinline)) unsigned int ready(struct target *t)
{
	struct pollfd pfd = { .fd = store_fd(t->in.store), .events = POLLIN };
	short uio = ringsim_uio_poll(&t->uio);
	unsigned int events = 0;

	if (uio & POLLIN || t->in.faults.gone)
		events |= HANDLER_EV_UIO;
	if (uio & (POLLERR | POLLHUP))
		events |= HANDLER_EV_ERR;
	if (pfd.fd >= 0 && poll(&pfd, 1, 0) > 0)
		events |= HANDLER_EV_STORE;
	return events;
}

bool inproc_turn(struct target *t)
{
	struct inproc *in = &t->in;

	if (!in->h || in->frozen)
		return false;
	in->events = ready(t);
	if (!in->events && !in->fresh)
		return false;
	in->fresh = false;
	in->wakeups++;
	if (setjmp(in->crash)) {
		in->stepping = false;
		discard(t);
		return false;
	}
	in->stepping = true;
	in->status = t->spec->api->step(in->h, in->events);
	in->stepping = false;
	if (in->refused && !in->status)
		tc_fail(t->tc, "HND-045", "a doorbell failed with EINVAL, and the handler goes on");
	if (in->status) {
		if (!in->stuck)
			t->spec->api->detach(in->h);
		discard(t);
	}
	return true;
}

/* Nothing is ready: does the handler wait for its store, or for us? */
static bool await_store(struct target *t)
{
	struct inproc *in = &t->in;
	struct pollfd pfd = { .events = POLLIN };
	int wait_ms = t->spec->io_ms ? (int)t->spec->io_ms : IO_WAIT_MS;

	if (!in->h || in->frozen || in->stuck || !t->spec->api->busy(in->h) ||
	    !store_inflight(in->store))
		return false;
	pfd.fd = store_fd(in->store);
	if (pfd.fd < 0)
		return false;
	if (poll(&pfd, 1, wait_ms) > 0)
		return true;
	in->stuck = true;
	tc_fail(t->tc, "HND-053", "%u operations of the handler's store have not ended after %d ms",
		store_inflight(in->store), wait_ms);
	return false;
}

int inproc_run(struct target *t, struct target_io *io)
{
	uint64_t order = t->order;
	uint32_t idle = 0;

	for (;;) {
		if (io && io->done)
			return 0;
		if (inproc_turn(t)) {
			idle = order == t->order ? idle + 1 : 0;
			order = t->order;
			if (idle < (t->in.events & HANDLER_EV_STORE ? IO_TURNS : SPIN_TURNS))
				continue;
			tc_fail(t->tc, "HND-042",
				"the handler spins: %d turns in a row without progress", idle);
			return -ETIMEDOUT;
		}
		if (!await_store(t))
			break;
	}
	if (t->in.h && !t->in.frozen)
		ringsim_handler_sleeps(t->dev);
	return io && !io->done ? -ETIMEDOUT : 0;
}

bool target_turn(struct target *t)
{
	return inproc_turn(t);
}

void target_kill_after(struct target *t, uint32_t step)
{
	t->in.killed = false;
	t->in.kill_in = step;
}

void target_keep_power(struct target *t, bool keep)
{
	t->in.keep_power = keep;
}

bool target_was_killed(const struct target *t)
{
	return t->in.killed;
}

void target_on_step(struct target *t,
		    void (*fn)(struct target *t, void *ctx, enum consumer_step step), void *ctx)
{
	t->in.on_step = fn;
	t->in.on_step_ctx = ctx;
}
