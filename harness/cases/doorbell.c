/* SPDX-License-Identifier: MIT */
/*
 * Tail and doorbell, and a UIO node that fails. Clauses HND-040 and HND-044 to HND-047.
 */
#include "work.h"

#include "cdb.h"

#define BATCH 24

/* Every tail that the handler stores, against the boundaries that the kernel made. */
struct tails {
	struct tc *tc;
	uint32_t last, stores;
};

static bool is_boundary(struct target *t, uint32_t tail, bool *at_head)
{
	struct ringsim_entry e;
	uint32_t i;

	for (i = 0; ringsim_entry_at(target_device(t), i, &e); i++)
		if (e.off == tail)
			return true;
	*at_head = tail == seat_head(t);
	return *at_head;
}

static void check_tail(struct target *t, void *ctx, enum consumer_step step)
{
	struct tails *s = ctx;
	uint32_t tail, size = target_layout(t)->cmdr_size;
	bool at_head;

	if (step != CONSUMER_STEP_TAIL)
		return;
	tail = seat_tail(t);
	s->stores++;
	if (tail >= size || tail % 8)
		tc_fail(s->tc, "HND-040", "cmd_tail %u in a ring of %u bytes", tail, size);
	else if (!is_boundary(t, tail, &at_head))
		tc_fail(s->tc, "HND-040", "cmd_tail %u is between two entries", tail);
	else if (tail == s->last)
		tc_fail(s->tc, "HND-040", "cmd_tail %u was stored without any progress", tail);
	s->last = tail;
}

static void every_tail(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-040", .lanes = 12, .raw = 3, .plug = 2 };
	struct target_opts o = work_opts(8 * 331, 32);
	struct tails s = { .tc = tc, .last = UINT32_MAX };
	struct work w;

	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg))
		return;
	s.last = seat_tail(tc->t);
	target_on_step(tc->t, check_tail, &s);
	if (!work_run(&w, 400))
		return;
	EXPECT(tc, "HND-040", s.stores > 50, "cmd_tail was stored %u times only", s.stores);
}

static void submit_batch(struct tc *tc, struct target_io *ios, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		work_tur(&ios[i]);
		target_submit(tc->t, &ios[i]);
	}
}

/* Progress is announced: by the tail alone nobody hears of it. */
static void rings(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 16);
	struct target_capacity cap;
	struct ringsim_stats st;
	struct target_io io;
	uint8_t *buf = tc_alloc(tc, 4096);
	uint64_t rung;
	uint32_t i;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	for (i = 0; i < 6; i++) {
		target_settle(tc->t);
		rung = target_uio(tc->t)->doorbells;
		if (i % 2)
			work_tur(&io);
		else
			target_io_rw(&io, i % 4 == 0, 10, 3, 1, cap.block_size, buf);
		EXPECT_GOOD(tc, "HND-044", &io);
		EXPECT(tc, "HND-044", target_uio(tc->t)->doorbells > rung,
		       "a command ended without a doorbell");
		ringsim_stats(target_device(tc->t), &st);
		EXPECT_EQ(tc, "HND-044", "reclaim pointer", st.head, st.reclaim);
	}
}

static void rings_once_for_a_batch(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 1021, 8);
	struct target_io *ios = tc_alloc(tc, BATCH * sizeof(*ios));
	uint64_t rung;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	rung = target_uio(tc->t)->doorbells;
	target_freeze(tc->t);
	target_plug(tc->t);
	submit_batch(tc, ios, BATCH);
	target_unplug(tc->t);
	target_thaw(tc->t);
	if (!work_wait_all(tc, "HND-044", ios, BATCH))
		return;
	rung = target_uio(tc->t)->doorbells - rung;
	EXPECT(tc, "HND-044", rung <= BATCH / 2, "%llu doorbells for a batch of %u commands",
	       (unsigned long long)rung, BATCH);
}

/* Commands wait for ring space that only PADs and TMRs hold. */
static void pad_only_rings(struct tc *tc)
{
	struct target_opts o = work_opts(1024, 8);
	struct ringsim_stats st;
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 20; i++) {
		target_settle(tc->t);
		EXPECT_EQ(tc, "HND-044", "room for another PAD (reclaimed?)", 0,
			  ringsim_put_raw(target_device(tc->t), TCMU_OP_PAD, 8 * (1 + i * 3), 0));
	}
	target_settle(tc->t);
	ringsim_stats(target_device(tc->t), &st);
	EXPECT_EQ(tc, "HND-044", "reclaim pointer after PADs alone", st.head, st.reclaim);
}

/* Sizes are logged by the UIO node; each wrong one is a violation. */
static void four_bytes(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-045", .lanes = 6 };
	struct target_opts o = work_opts(8 * 509, 32);
	struct work w;

	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg) || !work_run(&w, 60))
		return;
	EXPECT_EQ(tc, "HND-045", "doorbells of a wrong size", 0, target_uio(tc->t)->bad_writes);
	EXPECT_EQ(tc, "HND-046", "reads of a wrong size", 0, target_uio(tc->t)->bad_reads);
	EXPECT(tc, "HND-045", target_uio(tc->t)->doorbells > 0, "no doorbell at all");
}

/* A command survives @n faults that @set asks for. */
static void faulty(struct tc *tc, const char *clause, void (*set)(struct target_faults *f))
{
	struct target_opts o = work_opts(8 * 509, 8);
	struct target_io io;
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	for (i = 0; i < 8; i++) {
		work_tur(&io);
		set(target_faults(tc->t));
		EXPECT_GOOD(tc, clause, &io);
		target_settle(tc->t);
		EXPECT_EQ(tc, clause, "state of the handler", 0, target_step_status(tc->t));
	}
}

static void set_write_eintr(struct target_faults *f)
{
	f->write_eintr = 2;
}

static void set_read_eintr(struct target_faults *f)
{
	f->read_eintr = 2;
}

static void set_read_eagain(struct target_faults *f)
{
	f->read_eagain = 1;
}

static void write_eintr(struct tc *tc)
{
	faulty(tc, "HND-045", set_write_eintr);
}

static void read_eintr(struct tc *tc)
{
	faulty(tc, "HND-046", set_read_eintr);
}

static void read_eagain(struct tc *tc)
{
	faulty(tc, "HND-046", set_read_eagain);
}

/* EIO from read, EINVAL from write: the device was removed under the handler. */
static void read_eio(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 8);
	uint64_t steps;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	steps = target_steps(tc->t);
	target_faults(tc->t)->gone = true;
	ringsim_spurious_event(target_device(tc->t));
	target_settle(tc->t);
	EXPECT_EQ(tc, "HND-046", "the handler's verdict on EIO", -EIO, target_step_status(tc->t));
	EXPECT(tc, "HND-046", target_steps(tc->t) - steps < 16,
	       "the handler went on for %llu steps after EIO",
	       (unsigned long long)(target_steps(tc->t) - steps));
}

static void gone_after_read(struct target *t, void *ctx, enum consumer_step step)
{
	(void)ctx;
	if (step == CONSUMER_STEP_READ)
		target_faults(t)->gone = true;
}

/* The doorbell is the first to fail: the handler knows before it waits again. */
static void write_einval(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 8);
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	target_settle(tc->t);
	target_on_step(tc->t, gone_after_read, NULL);
	work_tur(&io);
	target_submit(tc->t, &io);
	target_turn(tc->t);
	EXPECT(tc, "HND-045", target_faults(tc->t)->gone, "the handler did not read the event");
	EXPECT_EQ(tc, "HND-045", "the handler's verdict on a doorbell that failed", -EIO,
		  target_step_status(tc->t));
}

static void count_uses(struct target *t, void *ctx, enum consumer_step step)
{
	uint32_t *uses = ctx;

	(void)t;
	*uses += step == CONSUMER_STEP_READ || step == CONSUMER_STEP_DOORBELL;
}

/* With a command in hand or without: not one more read, not one more doorbell. */
static void hang_up(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 8);
	struct target_io io;
	uint32_t i, uses = 0;

	for (i = 0; i < 2; i++) {
		if (target_start(tc->t, &o))
			return;
		target_settle(tc->t);
		work_tur(&io);
		if (i)
			target_submit(tc->t, &io);
		ringsim_uio_unregister(target_uio(tc->t));
		target_on_step(tc->t, count_uses, &uses);
		target_settle(tc->t);
		EXPECT_EQ(tc, "HND-047", "the handler's verdict on POLLHUP", -EIO,
			  target_step_status(tc->t));
		EXPECT_EQ(tc, "HND-047", "reads and doorbells after POLLHUP", 0, uses);
	}
}

static const struct case_def rows[] = {
	{ "hnd.040.every-tail", "HND-040 HND-012 HND-049", CLAUSE_MUST, NEEDS_INPROC,
	  "every stored tail is the end of an entry", every_tail },
	{ "hnd.044.rings", "HND-044", CLAUSE_MUST, 0, "every progress is announced", rings },
	{ "hnd.044.batch", "HND-044", CLAUSE_SHOULD, 0, "one doorbell for a batch",
	  rings_once_for_a_batch },
	{ "hnd.044.pad-only", "HND-044 HND-013 HND-014", CLAUSE_SHOULD, 0,
	  "progress over PADs alone is announced", pad_only_rings },
	{ "hnd.045.four-bytes", "HND-045 HND-046 DIS-18", CLAUSE_MUST, 0,
	  "doorbells and reads are of 4 bytes", four_bytes },
	{ "hnd.045.eintr", "HND-045", CLAUSE_MUST, NEEDS_INPROC, "a doorbell that was interrupted",
	  write_eintr },
	{ "hnd.045.einval", "HND-045", CLAUSE_MUST, NEEDS_INPROC,
	  "a doorbell that fails means that the device is gone", write_einval },
	{ "hnd.046.eagain", "HND-046", CLAUSE_MUST, NEEDS_INPROC, "EAGAIN is nothing unusual",
	  read_eagain },
	{ "hnd.046.eintr", "HND-046", CLAUSE_MUST, NEEDS_INPROC, "a read that was interrupted",
	  read_eintr },
	{ "hnd.046.eio", "HND-046", CLAUSE_MUST, NEEDS_INPROC, "EIO: the handler detaches",
	  read_eio },
	{ "hnd.047.hang-up", "HND-047", CLAUSE_MUST, NEEDS_INPROC,
	  "POLLHUP: the handler stops using the file", hang_up },
};
CASE_TABLE(cases_doorbell);
