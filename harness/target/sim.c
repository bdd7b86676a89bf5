/* SPDX-License-Identifier: MIT */
/*
 * The simulated target: a ringsim device in virtual time, and somebody in the handler's seat.
 */
#include "impl.h"

#include <stdarg.h>
#include <stdio.h>

#define DEFAULT_SIZE (64ull << 20)

void target_log(struct target *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->log[t->log_next++ % LOG_LINES], LOG_WIDTH, fmt, ap);
	va_end(ap);
}

size_t target_describe(struct target *t, char *buf, size_t len)
{
	uint32_t i = t->log_next > LOG_LINES ? t->log_next - LOG_LINES : 0;
	size_t used = 0;

	if (len)
		buf[0] = 0;
	for (; i < t->log_next && used < len; i++)
		used += (size_t)snprintf(buf + used, len - used, "%s\n", t->log[i % LOG_LINES]);
	if (t->dev && used < len)
		used += ringsim_dump(t->dev, buf + used, len - used);
	return used;
}

/* Effects of the device. */

static void on_event(void *ctx)
{
	struct target *t = ctx;

	if (t->proc.server)
		ringsim_attach_event(t->proc.server);
}

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct target *t = ctx;
	struct target_io *io = cmd->user;

	io->status = cmd->status;
	io->sense_valid = cmd->sense_valid;
	memcpy(io->sense, cmd->sense, sizeof(io->sense));
	io->residual = cmd->residual;
	io->data_in = cmd->data_in;
	io->outcome = cmd->outcome;
	io->id = cmd->id;
	io->order = ++t->order;
	io->done = true;
	if (io->sense_valid)
		target_log(t, "ended   cdb=%02x id=%u status=0x%02x sense=%x/%04x residual=%u",
			   io->cdb[0], io->id, io->status, sense_key(io->sense),
			   sense_asc(io->sense), io->residual);
	else
		target_log(t, "ended   cdb=%02x id=%u status=0x%02x residual=%u outcome=%d",
			   io->cdb[0], io->id, io->status, io->residual, (int)io->outcome);
}

static void on_tmr_done(void *ctx, struct ringsim_tmr *tmr)
{
	struct target *t = ctx;

	(void)tmr;
	t->tmr_done++;
}

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	struct target *t = ctx;

	target_log(t, "broken  %s: %s", v->clause, v->what);
	tc_violation(t->tc, v);
}

static const struct ringsim_ops ops = {
	.event = on_event,
	.complete = on_complete,
	.tmr_done = on_tmr_done,
	.violation = on_violation,
};

/* Life. */

struct target *target_create(const struct target_spec *spec, struct tc *tc, unsigned int needs)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->spec = spec;
	t->tc = tc;
	t->needs = needs;
	t->seat = needs & NEEDS_SEAT;
	t->is_process = !t->seat && (spec->exec || needs & NEEDS_PROCESS);
	return t;
}

void target_destroy(struct target *t)
{
	if (!t)
		return;
	target_stop(t);
	free(t);
}

static int start_handler(struct target *t)
{
	if (t->seat)
		return ringsim_uio_open(&t->uio);
	return t->is_process ? process_start(t) : inproc_start(t);
}

int target_start(struct target *t, const struct target_opts *opts)
{
	char err[160];
	int rc;

	target_stop(t);
	t->opts = *opts;
	if (!t->opts.size_bytes)
		t->opts.size_bytes = DEFAULT_SIZE;
	if (!t->opts.handler.block_size)
		t->opts.handler.block_size = 512;
	if (!t->opts.exact)
		t->opts.dev.poison_seed = t->tc->seed | 1;
	t->now_ns = t->order = 0;
	t->tmr_done = 0;
	t->cap = (struct target_capacity){ 0 };
	rc = ringsim_device_create(&t->dev, &t->opts.dev, &ops, t, err, sizeof(err));
	if (rc) {
		tc_fail(t->tc, NULL, "cannot make the device: %s", err);
		return rc;
	}
	t->uio = (struct ringsim_uio){ .dev = t->dev };
	rc = start_handler(t);
	if (rc && !t->tc->failed && !t->tc->skipped)
		tc_fail(t->tc, NULL, "cannot start the handler: %s", strerror(-rc));
	return rc;
}

void target_stop(struct target *t)
{
	if (!t->dev)
		return;
	ringsim_sweep(t->dev);
	/* Removed first, so that closing drains nothing: waiting commands' storage may be gone. */
	ringsim_uio_unregister(&t->uio);
	process_stop(t);
	inproc_stop(t);
	ringsim_device_destroy(t->dev);
	t->dev = NULL;
}

/* The initiator's side. */

void target_io_init(struct target_io *io, const uint8_t *cdb, size_t n, enum ringsim_dir dir,
		    void *data, uint32_t len)
{
	memset(io, 0, sizeof(*io));
	memcpy(io->cdb, cdb, n < sizeof(io->cdb) ? n : sizeof(io->cdb));
	io->dir = dir;
	io->data = data;
	io->len = len;
}

void target_io_rw(struct target_io *io, bool write, unsigned int cdb_len, uint64_t lba,
		  uint32_t blocks, uint32_t block_size, void *data)
{
	static const uint8_t ops_rw[2][4] = { { 0x08, 0x28, 0xa8, 0x88 },
					      { 0x0a, 0x2a, 0xaa, 0x8a } };
	unsigned int i = cdb_len == 6 ? 0 : cdb_len == 10 ? 1 : cdb_len == 12 ? 2 : 3;
	unsigned int lba_len = i == 3 ? 8 : 4, len_at = i == 1 ? 7 : i == 2 ? 6 : 10;
	unsigned int len_len = i == 1 ? 2 : 4, k;

	memset(io, 0, sizeof(*io));
	io->cdb[0] = ops_rw[write][i];
	io->dir = write ? RINGSIM_TO_DEVICE : RINGSIM_FROM_DEVICE;
	io->data = data;
	io->len = blocks * block_size;
	if (i == 0) {
		io->cdb[1] = lba >> 16 & 0x1f;
		io->cdb[2] = (uint8_t)(lba >> 8);
		io->cdb[3] = (uint8_t)lba;
		io->cdb[4] = (uint8_t)blocks;
		return;
	}
	for (k = 0; k < lba_len; k++)
		io->cdb[2 + k] = (uint8_t)(lba >> 8 * (lba_len - 1 - k));
	for (k = 0; k < len_len; k++)
		io->cdb[len_at + k] = (uint8_t)(blocks >> 8 * (len_len - 1 - k));
}

void target_submit(struct target *t, struct target_io *io)
{
	char hex[2 * 16 + 1];
	uint32_t i, n = ringsim_cdb_len(io->cdb);

	for (i = 0; i < n && i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", io->cdb[i]);
	target_log(t, "submit  cdb=%s dir=%s len=%u", hex,
		   (const char *[]){ "none", "out", "in", "bidi" }[io->dir], io->len);
	io->target = t;
	io->done = false;
	io->sg = (struct iovec){ .iov_base = io->data, .iov_len = io->len };
	io->bidi_sg = (struct iovec){ .iov_base = io->bidi, .iov_len = io->bidi_len };
	io->cmd = (struct ringsim_cmd){
		.cdb = io->cdb,
		.cdb_room = sizeof(io->cdb),
		.dir = io->dir,
		.data_len = io->len,
		.sg = &io->sg,
		.sg_cnt = io->data && !io->no_sg,
		.bidi_sg = &io->bidi_sg,
		.bidi_cnt = io->bidi != NULL,
		.user = io,
	};
	ringsim_submit(t->dev, &io->cmd);
}

int target_wait(struct target *t, struct target_io *io)
{
	if (io->done)
		return 0;
	if (t->seat)
		return -ETIMEDOUT;
	return t->is_process ? process_run(t, io) : inproc_run(t, io);
}

int target_exec(struct target *t, struct target_io *io)
{
	target_submit(t, io);
	return target_wait(t, io);
}

void target_settle(struct target *t)
{
	if (t->seat)
		return;
	if (t->is_process)
		process_run(t, NULL);
	else
		inproc_run(t, NULL);
}

void target_advance(struct target *t, uint64_t ms)
{
	t->now_ns += ms * 1000000ull;
	target_log(t, "time    +%llu ms", (unsigned long long)ms);
	ringsim_advance(t->dev, t->now_ns);
}

bool target_tmr(struct target *t, uint8_t type, struct target_io **ios, uint32_t n)
{
	struct ringsim_tmr *tmr = &t->tmrs[t->tmr_next++ % TMRS];
	struct ringsim_cmd **cmds = tc_alloc(t->tc, (n + 1) * sizeof(*cmds));
	uint32_t i, done = t->tmr_done;

	for (i = 0; i < n; i++)
		cmds[i] = &ios[i]->cmd;
	target_log(t, "tmr     type=%u commands=%u", type, n);
	*tmr = (struct ringsim_tmr){ .type = type };
	ringsim_tmr(t->dev, tmr, cmds, n);
	return t->tmr_done != done;
}

uint32_t target_tmr_done(const struct target *t)
{
	return t->tmr_done;
}

struct ringsim_device *target_device(struct target *t)
{
	return t->dev;
}

struct ringsim_uio *target_uio(struct target *t)
{
	return &t->uio;
}

int target_block_dev(struct target *t, bool block)
{
	target_log(t, "block   %d", block);
	ringsim_block(t->dev, block);
	return 0;
}

int target_reset_ring(struct target *t, unsigned int level)
{
	target_log(t, "reset   level %u", level);
	return ringsim_reset(t->dev, level);
}

int target_free_kept_buf(struct target *t, uint32_t id)
{
	return ringsim_free_kept(t->dev, id);
}

int target_qfull_time_out(struct target *t, int32_t seconds)
{
	return ringsim_set_qfull_time_out(t->dev, seconds);
}

uint32_t target_events(struct target *t)
{
	struct ringsim_stats st;

	ringsim_stats(t->dev, &st);
	return st.events;
}

int target_uio_open(struct target *t)
{
	return ringsim_uio_open(&t->uio);
}

void target_uio_close(struct target *t)
{
	ringsim_uio_close(&t->uio);
}

ssize_t target_uio_read(struct target *t, void *buf, size_t len)
{
	return ringsim_uio_read(&t->uio, buf, len);
}

ssize_t target_uio_write(struct target *t, const void *buf, size_t len)
{
	return ringsim_uio_write(&t->uio, buf, len);
}

short target_uio_poll(struct target *t)
{
	return ringsim_uio_poll(&t->uio);
}

int target_capacity(struct target *t, struct target_capacity *cap)
{
	uint8_t buf[32] = { 0 };
	struct target_io io;
	unsigned int i;

	if (!t->cap.block_size) {
		TARGET_IO(&io, RINGSIM_FROM_DEVICE, buf, sizeof(buf), 0x9e, 0x10, 0, 0, 0, 0, 0, 0,
			  0, 0, 0, 0, 0, sizeof(buf), 0, 0);
		if (target_exec(t, &io) || io.status) {
			tc_fail(t->tc, "SCS-030",
				"READ CAPACITY(16): expected GOOD, found %s 0x%02x",
				io.done ? "status" : "no answer,", io.status);
			return -EIO;
		}
		for (i = 0; i < 8; i++)
			t->cap.blocks = t->cap.blocks << 8 | buf[i];
		t->cap.blocks++;
		for (i = 8; i < 12; i++)
			t->cap.block_size = t->cap.block_size << 8 | buf[i];
	}
	*cap = t->cap;
	if (cap->block_size >= 256 && cap->blocks >= 8)
		return 0;
	tc_fail(t->tc, "SCS-030", "READ CAPACITY(16): %llu blocks of %u bytes",
		(unsigned long long)cap->blocks, cap->block_size);
	return -EIO;
}

/* The handler. */

void target_kill(struct target *t)
{
	target_log(t, "kill    handler");
	if (t->is_process)
		process_kill(t);
	else
		inproc_kill(t);
}

int target_restart(struct target *t)
{
	int rc;

	target_log(t, "start   handler");
	rc = start_handler(t);
	if (rc && !t->tc->failed)
		tc_fail(t->tc, "HND-061", "the handler does not start again: %s", strerror(-rc));
	return rc;
}

bool target_attached(const struct target *t)
{
	return t->uio.is_open;
}

bool target_persistent(const struct target *t)
{
	if (!t->is_process)
		return true;
	return t->spec->exec ? t->spec->persistent : strcmp(t->spec->engine, "memory") != 0;
}

struct target_faults *target_faults(struct target *t)
{
	return &t->in.faults;
}

int target_step_status(const struct target *t)
{
	return t->in.status;
}

uint64_t target_wakeups(const struct target *t)
{
	return t->in.wakeups;
}

uint64_t target_steps(const struct target *t)
{
	return t->in.steps;
}

uint8_t sense_key(const uint8_t *sense)
{
	return ((sense[0] & 0x7f) < 0x72 ? sense[2] : sense[1]) & 0x0f;
}

uint16_t sense_asc(const uint8_t *sense)
{
	const uint8_t *asc = (sense[0] & 0x7f) < 0x72 ? sense + 12 : sense + 2;

	return (uint16_t)(asc[0] << 8 | asc[1]);
}
