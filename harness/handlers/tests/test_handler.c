/* SPDX-License-Identifier: MIT */
/*
 * The handler object on a simulated device: all engines under load against a model of the medium,
 * restarts, aborts, shortage of memory. The ring sanitizer watches throughout.
 */
#include "fixture.h"
#include "../handler.h"

#include <ringsim/device.h>
#include <ringsim/sanitizer.h>
#include <ringsim/uio.h>

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <sys/mman.h>

#define BLOCK	 512u
#define BLOCKS	 2048u
#define INFLIGHT 48u
#define WAIT_MS	 5000

/* One initiator command with its own buffer. */
struct io {
	struct ringsim_cmd cmd;
	uint8_t cdb[16];
	uint8_t data[64 * BLOCK];
	struct iovec sg;
	bool busy;
	unsigned int done; /* 1 for the first command that ended, 2 for the next … */
};

/* Device, handler, store; what a kernel, an administrator and an event loop have. */
struct rig {
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	struct store *store;
	struct handler_config cfg;
	struct handler *h;
	struct io io[INFLIGHT];
	uint8_t model[BLOCKS * BLOCK];
	struct consumer_probe probe;
	jmp_buf crash;
	uint32_t kill_in;
	unsigned int violations, done;
	unsigned int doorbells, done_first; /* done_first: by the first of them */
};

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	((struct io *)cmd->user)->done = ++((struct rig *)ctx)->done;
}

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	((struct rig *)ctx)->violations++;
	printf("\n%s: %s\n", v->clause, v->what);
}

static void *uio_map(void *ctx, size_t len, off_t offset)
{
	struct rig *r = ctx;
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, ringsim_region_fd(r->dev),
		       offset);

	return p == MAP_FAILED ? NULL : p;
}

static void uio_unmap(void *ctx, void *region, size_t len)
{
	(void)ctx;
	munmap(region, len);
}

static ssize_t with_errno(ssize_t n)
{
	if (n >= 0)
		return n;
	errno = (int)-n;
	return -1;
}

static ssize_t uio_read(void *ctx, void *buf, size_t len)
{
	return with_errno(ringsim_uio_read(&((struct rig *)ctx)->uio, buf, len));
}

static ssize_t uio_write(void *ctx, const void *buf, size_t len)
{
	struct rig *r = ctx;
	ssize_t n = ringsim_uio_write(&r->uio, buf, len);

	if (r->doorbells++ == 0)
		r->done_first = r->done;
	return with_errno(n);
}

static void on_step(void *ctx, enum consumer_step step)
{
	struct rig *r = ctx;

	(void)step;
	ringsim_observe(r->dev);
	if (r->kill_in != 0 && --r->kill_in == 0)
		longjmp(r->crash, 1);
}

static int attach(struct rig *r)
{
	const struct consumer_uio uio = {
		.map = uio_map, .unmap = uio_unmap, .read = uio_read, .write = uio_write, .ctx = r
	};
	char err[256];
	int rc;

	r->h = tcmu_handler_api()->create(&r->cfg, r->store, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(r->h);
	CU_ASSERT_EQUAL(ringsim_uio_open(&r->uio), 0);
	rc = tcmu_handler_api()->attach(r->h, &uio, ringsim_layout(r->dev)->region_size);
	if (rc == 0)
		CU_ASSERT_EQUAL(tcmu_handler_api()->step(r->h, 0), 0);
	return rc;
}

static void drop_handler(struct rig *r)
{
	tcmu_handler_api()->destroy(r->h);
	r->h = NULL;
	ringsim_uio_close(&r->uio);
}

static struct rig *rig_make(const char *engine, const struct scratch *dir)
{
	static const struct ringsim_ops ops = { .complete = on_complete,
						.violation = on_violation };
	struct ringsim_config dev = { .geo = { .ring_mb = 1, .data_area_mb = 1 },
				      .cmd_time_out_s = 30,
				      .qfull_time_out_s = -1,
				      .tmr_notification = true,
				      .sanitize = true,
				      .poison_seed = 7 };
	struct store_config cfg = {
		.block_size = BLOCK, .depth = 16, .create = true, .size_bytes = BLOCKS * BLOCK
	};
	struct rig *r = calloc(1, sizeof(*r));
	char err[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	cfg.spec = engine != NULL ? dir->spec : "memory:1M";
	cfg.engine = engine;
	CU_ASSERT_EQUAL_FATAL(store_open(&r->store, &cfg, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&r->dev, &dev, &ops, r, err, sizeof(err)), 0);
	r->uio.dev = r->dev;
	r->probe = (struct consumer_probe){ .fn = on_step, .ctx = r };
	r->cfg = (struct handler_config){ .block_size = BLOCK,
					  .depth = 24,
					  .wce = true,
					  .read_len = true,
					  .name = "tcm-user/0/a/any/x",
					  .subtype = "any",
					  .probe = &r->probe };
	return r;
}

static void rig_free(struct rig *r)
{
	if (r->h != NULL)
		drop_handler(r);
	ringsim_sweep(r->dev);
	CU_ASSERT_EQUAL(r->violations, 0);
	ringsim_device_destroy(r->dev);
	store_close(r->store);
	free(r);
}

static void submit(struct rig *r, struct io *io, enum ringsim_dir dir, uint32_t len)
{
	io->busy = true;
	io->done = 0;
	io->sg = (struct iovec){ io->data, len };
	io->cmd = (struct ringsim_cmd){ .cdb = io->cdb,
					.cdb_room = 16,
					.dir = dir,
					.data_len = len,
					.sg = &io->sg,
					.sg_cnt = 1,
					.user = io };
	ringsim_submit(r->dev, &io->cmd);
}

/* READ(10) or WRITE(10) of @blocks at @lba. */
static void submit_rw(struct rig *r, struct io *io, bool write, uint32_t lba, uint32_t blocks)
{
	memset(io->cdb, 0, sizeof(io->cdb));
	io->cdb[0] = write ? 0x2a : 0x28;
	io->cdb[4] = (uint8_t)(lba >> 8);
	io->cdb[5] = (uint8_t)lba;
	io->cdb[8] = (uint8_t)blocks;
	submit(r, io, write ? RINGSIM_TO_DEVICE : RINGSIM_FROM_DEVICE, blocks * BLOCK);
}

/* One turn of the handler's event loop; false if nothing was ready within the bound. */
static bool turn(struct rig *r)
{
	struct pollfd p = { .fd = store_fd(r->store), .events = POLLIN };
	unsigned int events = ringsim_uio_poll(&r->uio) ? HANDLER_EV_UIO : 0;

	if (poll(&p, 1, events != 0 ? 0 : WAIT_MS) > 0)
		events |= HANDLER_EV_STORE;
	if (events == 0)
		return false;
	CU_ASSERT_EQUAL(tcmu_handler_api()->step(r->h, events), 0);
	return true;
}

static void finish(struct rig *r, struct io *io)
{
	while (io->done == 0 && turn(r))
		;
	CU_ASSERT_NOT_EQUAL_FATAL(io->done, 0);
	io->busy = false;
}

static uint32_t rnd(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* Random reads and writes, each slot on blocks of its own, checked against the model. */
static void load(struct rig *r, uint32_t rounds, uint64_t seed)
{
	uint32_t share = BLOCKS / INFLIGHT;

	for (uint32_t n = 0; n < rounds; n++) {
		uint32_t slot = rnd(&seed) % INFLIGHT, blocks = 1 + rnd(&seed) % 8;
		uint32_t lba = slot * share + rnd(&seed) % (share - 8);
		struct io *io = &r->io[slot];

		if (io->busy)
			finish(r, io);
		CU_ASSERT_EQUAL(io->cmd.status, 0);
		if (rnd(&seed) % 2) {
			fill(io->data, blocks * BLOCK, (uint8_t)n);
			memcpy(r->model + lba * BLOCK, io->data, blocks * BLOCK);
			submit_rw(r, io, true, lba, blocks);
			continue;
		}
		submit_rw(r, io, false, lba, blocks);
		finish(r, io);
		CU_ASSERT_EQUAL(memcmp(io->data, r->model + lba * BLOCK, blocks * BLOCK), 0);
	}
	for (uint32_t slot = 0; slot < INFLIGHT; slot++) {
		if (r->io[slot].busy)
			finish(r, &r->io[slot]);
	}
	CU_ASSERT_EQUAL(tcmu_handler_api()->busy(r->h), 0);
}

static void test_load(void)
{
	static const char *const engines[] = { NULL, "psync", "libaio", "io_uring" };

	for (uint32_t i = 0; i < 16; i++) {
		struct scratch dir = scratch_make();
		struct rig *r = rig_make(engines[i / 4], &dir);

		r->cfg.in_order = i % 2 != 0;
		r->cfg.reorder_seed = i % 4 >= 2 ? i : 0;
		CU_ASSERT_EQUAL(attach(r), 0);
		load(r, 400, i);
		rig_free(r);
		scratch_remove(&dir);
	}
}

/* Twenty reads: how many come with the first doorbell, and how many doorbells. */
static void turns(struct rig *r, uint32_t blocks, unsigned int first, unsigned int doorbells)
{
	r->done = r->doorbells = 0;
	for (uint32_t i = 0; i < 20; i++)
		submit_rw(r, &r->io[i], false, i, blocks);
	while (r->done < 20 && turn(r))
		;
	CU_ASSERT_EQUAL(r->done, 20);
	CU_ASSERT_EQUAL(r->done_first, first);
	CU_ASSERT_EQUAL(r->doorbells, doorbells);
}

/* After a pause little is published at first, lest the sender wait for all of it; then more. */
static void test_turns(void)
{
	struct rig *r = rig_make(NULL, NULL);

	CU_ASSERT_EQUAL(attach(r), 0);
	turns(r, 1, 4, 2);
	turns(r, 1, 4, 2);
	turns(r, 64, 2, 4);
	rig_free(r);
}

/* Finished commands really change places. */
static void test_reorder(void)
{
	struct rig *r = rig_make(NULL, NULL);
	bool moved = false;

	r->cfg.reorder_seed = 3;
	CU_ASSERT_EQUAL(attach(r), 0);
	for (uint32_t i = 0; i < 8; i++)
		submit_rw(r, &r->io[i], false, i, 1);
	tcmu_handler_api()->step(r->h, HANDLER_EV_UIO);
	CU_ASSERT_EQUAL(r->done, 8);
	for (uint32_t i = 0; i < 8; i++) {
		if (r->io[i].done != i + 1)
			moved = true;
	}
	CU_ASSERT_TRUE(moved);
	rig_free(r);
}

/* A counter that COMPARE AND WRITE moves on, with two attempts on the ring at a time. */
static void submit_caw(struct rig *r, struct io *io, uint8_t from, uint8_t to)
{
	memset(io->cdb, 0, sizeof(io->cdb));
	io->cdb[0] = 0x89;
	io->cdb[13] = 1;
	memset(io->data, from, BLOCK);
	memset(io->data + BLOCK, to, BLOCK);
	submit(r, io, RINGSIM_TO_DEVICE, 2 * BLOCK);
}

/* Kill at every step of executing @work, restart in order, and let it be finished. */
static void kill_everywhere(void (*work)(struct rig *r), void (*check)(struct rig *r))
{
	for (volatile uint32_t step = 1; step < 200; step++) {
		struct rig *r = rig_make(NULL, NULL);
		volatile bool killed = false;

		r->cfg.in_order = true;
		CU_ASSERT_EQUAL(attach(r), 0);
		work(r);
		r->kill_in = step;
		if (setjmp(r->crash) == 0) {
			tcmu_handler_api()->step(r->h, HANDLER_EV_UIO);
			r->kill_in = 0;
		} else {
			killed = true;
			drop_handler(r);
			CU_ASSERT_EQUAL(attach(r), 0);
		}
		check(r);
		rig_free(r);
		if (!killed)
			return;
	}
	CU_FAIL("the handler never got to the end");
}

static void caw_work(struct rig *r)
{
	submit_caw(r, &r->io[0], 0, 1);
	submit_caw(r, &r->io[1], 1, 2);
	submit_caw(r, &r->io[2], 2, 3);
}

static void caw_check(struct rig *r)
{
	for (uint32_t i = 0; i < 3; i++) {
		finish(r, &r->io[i]);
		CU_ASSERT_EQUAL(r->io[i].cmd.status, 0);
	}
	submit_rw(r, &r->io[3], false, 0, 1);
	finish(r, &r->io[3]);
	CU_ASSERT_TRUE(all_bytes(r->io[3].data, BLOCK, 3));
}

static void test_kill_caw(void)
{
	kill_everywhere(caw_work, caw_check);
}

static void rw_work(struct rig *r)
{
	for (uint32_t i = 0; i < 4; i++) {
		fill(r->io[i].data, 2 * BLOCK, (uint8_t)i);
		submit_rw(r, &r->io[i], true, i * 2, 2);
	}
}

static void rw_check(struct rig *r)
{
	uint8_t want[2 * BLOCK];

	for (uint32_t i = 0; i < 4; i++) {
		finish(r, &r->io[i]);
		CU_ASSERT_EQUAL(r->io[i].cmd.status, 0);
		submit_rw(r, &r->io[i], false, i * 2, 2);
		finish(r, &r->io[i]);
		fill(want, sizeof(want), (uint8_t)i);
		CU_ASSERT_EQUAL(memcmp(r->io[i].data, want, sizeof(want)), 0);
	}
}

static void test_kill_rw(void)
{
	kill_everywhere(rw_work, rw_check);
}

/* Killed with operations in flight: the store must be done with our memory before it goes. */
static void test_drop_in_flight(void)
{
	static const char *const engines[] = { "libaio", "io_uring" };

	for (size_t i = 0; i < 2; i++) {
		struct scratch dir = scratch_make();
		struct rig *r = rig_make(engines[i], &dir);

		CU_ASSERT_EQUAL(attach(r), 0);
		for (uint32_t n = 0; n < 20; n++)
			submit_rw(r, &r->io[n], n % 2, n * 8, 8);
		tcmu_handler_api()->step(r->h, HANDLER_EV_UIO);
		drop_handler(r);
		CU_ASSERT_EQUAL(store_inflight(r->store), 0);
		ringsim_block(r->dev, true);
		CU_ASSERT_EQUAL(ringsim_reset(r->dev, 1), 0);
		CU_ASSERT_EQUAL(attach(r), 0);
		ringsim_block(r->dev, false);
		memset(r->io, 0, sizeof(r->io));
		submit_rw(r, &r->io[0], false, 0, 1);
		finish(r, &r->io[0]);
		rig_free(r);
		scratch_remove(&dir);
	}
}

static void *no_memory(size_t size)
{
	(void)size;
	return NULL;
}

/* Without memory commands that need some are told to come back; none is lost. */
static void test_no_memory(void)
{
	struct rig *r = rig_make(NULL, NULL);

	r->cfg.alloc = no_memory;
	CU_ASSERT_EQUAL(attach(r), 0);
	submit_caw(r, &r->io[0], 0, 1);
	finish(r, &r->io[0]);
	CU_ASSERT_EQUAL(r->io[0].cmd.status, 0x28);
	submit_rw(r, &r->io[0], false, 0, 8);
	finish(r, &r->io[0]);
	CU_ASSERT_EQUAL(r->io[0].cmd.status, 0);
	rig_free(r);
}

/* A COMPARE AND WRITE that waits for another one is aborted; the other is not. */
static void test_abort(void)
{
	struct rig *r = rig_make(NULL, NULL);
	struct ringsim_tmr tmr = { .type = TCMU_TMR_ABORT_TASK };
	struct ringsim_cmd *victim = &r->io[1].cmd;

	CU_ASSERT_EQUAL(attach(r), 0);
	submit_caw(r, &r->io[0], 0, 1);
	submit_caw(r, &r->io[1], 1, 2);
	ringsim_tmr(r->dev, &tmr, &victim, 1);
	finish(r, &r->io[0]);
	finish(r, &r->io[1]);
	CU_ASSERT_EQUAL(r->io[0].cmd.status, 0);
	CU_ASSERT_EQUAL(r->io[1].cmd.outcome, RINGSIM_ABORTED);
	submit_rw(r, &r->io[2], false, 0, 1);
	finish(r, &r->io[2]);
	CU_ASSERT_TRUE(all_bytes(r->io[2].data, BLOCK, 1)); /* not 2: it did not run */
	rig_free(r);
}

static void test_not_ours(void)
{
	static const char *const names[] = { "tcm-userX/0/a/any", "tcm-user/0/a",
					     "tcm-user/0/a/",	  "tcm-user/0/a/anybody/x",
					     "tcm-user/0/a/an/x", "tcm",
					     "tcm-user//a/any",	  "tcm-user/x/a/any",
					     "tcm-user/0//any",	  "" };
	static const char *const ours[] = { "tcm-user/0/a/any", "tcm-user/0/a/any/",
					    "tcm-user/12/a/any//x", "tcm-user/0/a/any/a:b/c\n\n" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct rig *r = rig_make(NULL, NULL);

		r->cfg.name = names[i];
		CU_ASSERT_EQUAL(attach(r), -ENODEV);
		CU_ASSERT_EQUAL(r->uio.doorbells, 0);
		rig_free(r);
	}
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		struct rig *r = rig_make(NULL, NULL);

		r->cfg.name = ours[i];
		CU_ASSERT_EQUAL(attach(r), 0);
		rig_free(r);
	}
}

static void test_bad_config(void)
{
	struct rig *r = rig_make(NULL, NULL);
	char err[256] = "";

	r->cfg.block_size = 510;
	CU_ASSERT_PTR_NULL(tcmu_handler_api()->create(&r->cfg, r->store, err, sizeof(err)));
	has(err, "block size: expected a multiple of 4 in 512..65536, found 510");
	r->cfg.block_size = 520;
	CU_ASSERT_PTR_NULL(tcmu_handler_api()->create(&r->cfg, r->store, err, sizeof(err)));
	has(err, "multiple of the block size 520, found 1048576 bytes");
	r->cfg.block_size = BLOCK;
	r->cfg.depth = 5000;
	CU_ASSERT_PTR_NULL(tcmu_handler_api()->create(&r->cfg, r->store, err, sizeof(err)));
	has(err, "depth: expected 1..4096, found 5000");
	rig_free(r);
}

/* A device that goes away is noticed wherever it shows. */
static void test_gone(void)
{
	struct rig *r = rig_make(NULL, NULL);

	CU_ASSERT_EQUAL(attach(r), 0);
	CU_ASSERT_EQUAL(tcmu_handler_api()->step(r->h, HANDLER_EV_ERR), -EIO);
	ringsim_uio_unregister(&r->uio);
	CU_ASSERT_EQUAL(tcmu_handler_api()->step(r->h, HANDLER_EV_UIO), -EIO);
	rig_free(r);
}

/* Told to stop, the handler leaves what it has not fetched to a successor. */
static void test_stop(void)
{
	struct rig *r = rig_make(NULL, NULL);
	volatile int stop = 0;

	r->cfg.stop = &stop;
	CU_ASSERT_EQUAL(attach(r), 0);
	stop = 1;
	submit_rw(r, &r->io[0], false, 0, 1);
	CU_ASSERT_EQUAL(tcmu_handler_api()->step(r->h, HANDLER_EV_UIO), 0);
	CU_ASSERT_EQUAL(r->io[0].done, 0);
	drop_handler(r);
	stop = 0;
	CU_ASSERT_EQUAL(attach(r), 0);
	CU_ASSERT_NOT_EQUAL(r->io[0].done, 0);
	rig_free(r);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "load, all engines and orders", test_load },
		{ "turns", test_turns },
		{ "reordering", test_reorder },
		{ "killed anywhere in COMPARE AND WRITE", test_kill_caw },
		{ "killed anywhere in WRITE", test_kill_rw },
		{ "dropped with operations in flight", test_drop_in_flight },
		{ "no memory", test_no_memory },
		{ "abort", test_abort },
		{ "names", test_not_ours },
		{ "configurations", test_bad_config },
		{ "device gone", test_gone },
		{ "stop", test_stop },
		CU_TEST_INFO_NULL,
	};

	return run_suite("handler", tests);
}
