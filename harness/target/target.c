/* SPDX-License-Identifier: MIT */
/*
 * What all targets have in common: commands, log, capacity; the rest goes to the target's ops.
 */
#include "impl.h"
#include "kernel.h"

#include <ringsim/shm.h>
#include <stdarg.h>
#include <stdio.h>

#define DEFAULT_SIZE (64ull << 20)
#define BLOCK_MAX    65536u /* bytes */

static struct log_line *next_line(struct target *t)
{
	return &t->log[t->log_next++ % LOG_LINES];
}

void target_log(struct target *t, const char *fmt, ...)
{
	struct log_line *line = next_line(t);
	va_list ap;

	line->kind = LOG_TEXT;
	va_start(ap, fmt);
	vsnprintf(line->text, sizeof(line->text), fmt, ap);
	va_end(ap);
}

/* Commands come by the million: their lines are kept raw. */
static void log_submit(struct target *t, const struct target_io *io)
{
	struct log_line *line = next_line(t);

	line->kind = LOG_SUBMIT;
	memcpy(line->submit.cdb, io->cdb, sizeof(line->submit.cdb));
	line->submit.dir = io->dir;
	line->submit.len = io->len;
}

static void log_ended(struct target *t, const struct target_io *io)
{
	struct log_line *line = next_line(t);

	line->kind = LOG_ENDED;
	line->ended.opcode = io->cdb[0];
	line->ended.status = io->status;
	line->ended.id = io->id;
	line->ended.residual = io->residual;
	line->ended.outcome = io->outcome;
	if (!io->sense_valid)
		return;
	line->kind = LOG_ENDED_SENSE;
	line->ended.key = sense_key(io->sense);
	line->ended.asc = sense_asc(io->sense);
}

static int print_submit(const struct log_line *line, char *buf, size_t len)
{
	static const char *const dirs[] = { "none", "out", "in", "bidi" };
	uint32_t i, n = ringsim_cdb_len(line->submit.cdb);
	char hex[2 * sizeof(line->submit.cdb) + 1];

	for (i = 0; i < n && i < sizeof(line->submit.cdb); i++)
		snprintf(hex + 2 * i, 3, "%02x", line->submit.cdb[i]);
	return snprintf(buf, len, "submit  cdb=%s dir=%s len=%u\n", hex, dirs[line->submit.dir],
			line->submit.len);
}

/* As snprintf(). */
static int print_line(const struct log_line *line, char *buf, size_t len)
{
	switch (line->kind) {
	case LOG_SUBMIT:
		return print_submit(line, buf, len);
	case LOG_ENDED:
		return snprintf(buf, len,
				"ended   cdb=%02x id=%u status=0x%02x residual=%u outcome=%d\n",
				line->ended.opcode, line->ended.id, line->ended.status,
				line->ended.residual, (int)line->ended.outcome);
	case LOG_ENDED_SENSE:
		return snprintf(buf, len,
				"ended   cdb=%02x id=%u status=0x%02x sense=%x/%04x residual=%u\n",
				line->ended.opcode, line->ended.id, line->ended.status,
				line->ended.key, line->ended.asc, line->ended.residual);
	default:
		return snprintf(buf, len, "%s\n", line->text);
	}
}

size_t target_describe(struct target *t, char *buf, size_t len)
{
	uint32_t i = t->log_next > LOG_LINES ? t->log_next - LOG_LINES : 0;
	size_t used = 0;

	if (len)
		buf[0] = 0;
	for (; i < t->log_next && used < len; i++)
		used += (size_t)print_line(&t->log[i % LOG_LINES], buf + used, len - used);
	if (used < len)
		used += t->ops->describe(t, buf + used, len - used);
	return used;
}

/* Life. */

struct target *target_create(const struct target_spec *spec, struct tc *tc, unsigned int needs)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->ops = spec->site ? &kernel_ops : &sim_ops;
	t->spec = spec;
	target_recast(t, tc, needs);
	return t;
}

void target_recast(struct target *t, struct tc *tc, unsigned int needs)
{
	const struct target_spec *spec = t->spec;

	t->tc = tc;
	t->needs = needs;
	t->seat = needs & NEEDS_SEAT;
	t->is_process = !t->seat && (spec->exec || spec->site || needs & NEEDS_PROCESS);
	t->log_next = 0;
}

void target_destroy(struct target *t)
{
	if (!t)
		return;
	target_stop(t);
	free(t);
}

int target_start(struct target *t, const struct target_opts *opts)
{
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
	rc = t->ops->make(t);
	if (rc)
		return rc;
	ringsim_layout_init(&t->layout, &t->opts.dev.geo, NULL, 0);
	rc = t->ops->start_handler(t);
	if (rc && !t->tc->failed && !t->tc->skipped)
		tc_fail(t->tc, NULL, "cannot start the handler: %s", strerror(-rc));
	return rc;
}

void target_stop(struct target *t)
{
	t->on_end = NULL;
	memset(t->unseen, 0, sizeof(t->unseen));
	t->ops->stop(t);
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

/* Opcodes whose length no standard states: those that HND-022 is about. */
static bool unusual(uint8_t opcode)
{
	return opcode >> 5 == 3 || opcode >> 5 >= 6;
}

/*
 * On a simulator the handler's doorbell ends commands before it returns, on a kernel the end comes
 * later: a case in the seat that is for both and uses a command's memory again without having
 * waited fails on a kernel now and then. So that it fails here, and always.
 */
static void note_unseen(struct target *t, const struct target_io *io)
{
	uint32_t i;

	if (!t->seat || t->needs & NEEDS_SIM)
		return;
	for (i = 0; i < UNSEEN; i++)
		if (t->unseen[i] == io)
			tc_fail(t->tc, NULL,
				"a command is submitted in the memory of one that was not waited for");
	t->unseen[t->unseen_next++ % UNSEEN] = io;
}

/* All that have ended, or @io alone. */
static void saw_end(struct target *t, const struct target_io *io)
{
	uint32_t i;

	for (i = 0; i < UNSEEN; i++)
		if (t->unseen[i] && (io ? t->unseen[i] == io : t->unseen[i]->done))
			t->unseen[i] = NULL;
}

void target_submit(struct target *t, struct target_io *io)
{
	if (unusual(io->cdb[0]) && tc_overlooks(t->tc, "HND-022"))
		tc_leave(t->tc, "overlooked: sends an opcode of a group that HND-022 is about");
	note_unseen(t, io);
	log_submit(t, io);
	io->target = t;
	io->done = false;
	io->outcome = RINGSIM_PENDING;
	t->ops->submit(t, io);
}

void target_ended(struct target *t, struct target_io *io)
{
	io->order = ++t->order;
	io->done = true;
	log_ended(t, io);
	if (!t->on_end)
		return;
	saw_end(t, io); /* who is told of each end need not wait for it */
	t->on_end(t->on_end_ctx, io);
}

void target_on_end(struct target *t, void (*fn)(void *ctx, struct target_io *io), void *ctx)
{
	t->on_end = fn;
	t->on_end_ctx = ctx;
}

int target_wait(struct target *t, struct target_io *io)
{
	int rc = io->done ? 0 : t->ops->wait(t, io);

	if (!rc)
		saw_end(t, io);
	return rc;
}

int target_exec(struct target *t, struct target_io *io)
{
	target_submit(t, io);
	return target_wait(t, io);
}

void target_settle(struct target *t)
{
	t->ops->settle(t);
	saw_end(t, NULL);
}

void target_advance(struct target *t, uint64_t ms)
{
	t->now_ns += ms * 1000000ull;
	target_log(t, "time    +%llu ms", (unsigned long long)ms);
	t->ops->advance(t, ms);
	saw_end(t, NULL);
}

bool target_tmr(struct target *t, uint8_t type, struct target_io **ios, uint32_t n)
{
	target_log(t, "tmr     type=%u commands=%u", type, n);
	return t->ops->tmr(t, type, ios, n);
}

uint32_t target_tmr_done(struct target *t)
{
	if (t->ops->await_tmrs)
		t->ops->await_tmrs(t);
	return t->tmr_done;
}

bool target_simulated(const struct target *t)
{
	return !t->spec->site;
}

bool target_sends_all(const struct target *t)
{
	return !t->spec->site || t->spec->site->fabric == KERNEL_PROBE;
}

const struct ringsim_layout *target_layout(const struct target *t)
{
	return &t->layout;
}

bool target_stats(struct target *t, struct ringsim_stats *st)
{
	memset(st, 0, sizeof(*st));
	if (t->dev)
		ringsim_stats(t->dev, st);
	return t->dev != NULL;
}

struct ringsim_device *target_device(struct target *t)
{
	if (!target_simulated(t) && !t->seat)
		tc_leave(t->tc, "sim only: looks into the simulator");
	return t->dev;
}

struct ringsim_uio *target_uio(struct target *t)
{
	if (!target_simulated(t))
		tc_leave(t->tc, "sim only: looks at the simulated UIO node");
	return &t->uio;
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
	/* cases make buffers of so many blocks, and a handler may say anything */
	if (cap->block_size >= 256 && cap->block_size <= BLOCK_MAX && cap->blocks >= 8)
		return 0;
	tc_fail(t->tc, "SCS-030",
		"READ CAPACITY(16): expected 8 blocks or more of 256 to %u bytes, found %llu of %u",
		BLOCK_MAX, (unsigned long long)cap->blocks, cap->block_size);
	return -EIO;
}

/* Root's side and the UIO node. */

int target_block_dev(struct target *t, bool block)
{
	target_log(t, "block   %d", block);
	t->blocked = block;
	return t->ops->block_dev(t, block);
}

int target_reset_ring(struct target *t, unsigned int level)
{
	target_log(t, "reset   level %u", level);
	return t->ops->reset_ring(t, level);
}

int target_free_kept_buf(struct target *t, uint32_t id)
{
	return t->ops->free_kept_buf(t, id);
}

int target_qfull_time_out(struct target *t, int32_t seconds)
{
	return t->ops->qfull_time_out(t, seconds);
}

uint32_t target_events(struct target *t)
{
	return t->ops->events(t);
}

int target_uio_open(struct target *t)
{
	return t->ops->uio_open(t);
}

void target_uio_close(struct target *t)
{
	t->ops->uio_close(t);
}

ssize_t target_uio_read(struct target *t, void *buf, size_t len)
{
	return t->ops->uio_read(t, buf, len);
}

ssize_t target_uio_write(struct target *t, const void *buf, size_t len)
{
	return t->ops->uio_write(t, buf, len);
}

short target_uio_poll(struct target *t)
{
	return t->ops->uio_poll(t);
}

pid_t target_handler_pid(const struct target *t)
{
	return t->ops->handler_pid(t);
}

bool target_is_node(const struct target *t, const char *link)
{
	return t->ops->is_node(t, link);
}

void target_hold_node(struct target *t, uint32_t ms)
{
	target_log(t, "node    held by somebody else for %u ms", ms);
	t->ops->hold_node(t, ms);
}

void target_serial(const struct target *t, char *buf, size_t len)
{
	t->ops->serial(t, buf, len);
}

/* The handler. */

void target_kill(struct target *t)
{
	target_log(t, "kill    handler");
	t->ops->kill(t);
}

int target_restart(struct target *t)
{
	int rc;

	target_log(t, "start   handler");
	rc = t->ops->start_handler(t);
	if (rc && !t->tc->failed)
		tc_fail(t->tc, "HND-061", "the handler does not start again: %s", strerror(-rc));
	return rc;
}

bool target_attached(const struct target *t)
{
	return t->ops->attached(t);
}

void target_plug(struct target *t)
{
	t->ops->plug(t, true);
}

void target_unplug(struct target *t)
{
	t->ops->plug(t, false);
}

void target_freeze(struct target *t)
{
	t->in.frozen = t->proc.frozen = true;
	t->ops->settle_submits(t);
	process_signal(t, SIGSTOP);
}

void target_thaw(struct target *t)
{
	t->in.frozen = t->proc.frozen = false;
	process_signal(t, SIGCONT);
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
