/* SPDX-License-Identifier: MIT */
/*
 * Cases: the UIO node: open, events, doorbell, poll, mmap, removal, faults. Clauses: KRN-120 to
 * KRN-128.
 */
#include "krn.h"

#include <poll.h>

static void open_once(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	struct ringsim_uio second;

	if (target_start(tc->t, &o))
		return;
	second = (struct ringsim_uio){ .dev = target_device(tc->t) };
	EXPECT_EQ(tc, "KRN-120", "second open", (uint64_t)-EBUSY,
		  (uint64_t)ringsim_uio_open(&second));
	EXPECT(tc, "KRN-120", krn_stats(tc).open, "the refused open did not touch OPEN");
	ringsim_uio_close(target_uio(tc->t));
	EXPECT(tc, "KRN-120", !krn_stats(tc).open, "OPEN is cleared by the last close");
	EXPECT_EQ(tc, "KRN-120", "open after close", 0, ringsim_uio_open(&second));
	ringsim_uio_close(&second);
	ringsim_uio_close(&second); /* closing twice is not possible: nothing to undo */
	EXPECT_EQ(tc, "KRN-120", "open again", 0, ringsim_uio_open(target_uio(tc->t)));
}

/* Events from before open are neither read nor polled, whatever the counter says. */
static void baseline_at_open(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	struct ringsim_uio *u;
	struct target_io io[3];
	uint32_t count;

	o.dev.first_event = tc_below(tc, 1000);
	if (target_start(tc->t, &o))
		return;
	u = target_uio(tc->t);
	ringsim_uio_close(u);
	krn_turs(tc, io, 3);
	EXPECT_EQ(tc, "KRN-121", "open", 0, ringsim_uio_open(u));
	EXPECT_EQ(tc, "KRN-121", "poll after open", 0, ringsim_uio_poll(u));
	EXPECT_EQ(tc, "KRN-121", "read after open", (uint64_t)-EAGAIN,
		  (uint64_t)ringsim_uio_read(u, &count, 4));
	ringsim_spurious_event(target_device(tc->t));
	EXPECT_EQ(tc, "KRN-121", "poll after the next event", POLLIN, ringsim_uio_poll(u));
	EXPECT_EQ(tc, "KRN-122", "read", 4, ringsim_uio_read(u, &count, 4));
	EXPECT_EQ(tc, "KRN-122", "running count", o.dev.first_event + 4, count);
}

static void read_counts(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	struct ringsim_uio *u;
	struct target_io io[7];
	uint32_t count = 0, sizes[] = { 0, 1, 3, 5, 8, 4096 }, i;
	uint8_t buf[4096];

	o.dev.first_event = UINT32_MAX - 2; /* the count wraps at 32 bits */
	if (target_start(tc->t, &o))
		return;
	u = target_uio(tc->t);
	krn_turs(tc, io, 7);
	EXPECT_EQ(tc, "KRN-122", "read", 4, ringsim_uio_read(u, &count, 4));
	EXPECT_EQ(tc, "KRN-122", "seven events coalesce, the count wraps", 4, count);
	EXPECT_EQ(tc, "KRN-122", "read again", (uint64_t)-EAGAIN,
		  (uint64_t)ringsim_uio_read(u, &count, 4));
	ringsim_spurious_event(target_device(tc->t));
	tc_expect_violation(tc, "HND-046");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		EXPECT_EQ(tc, "KRN-122", "read of a wrong size", (uint64_t)-EINVAL,
			  (uint64_t)ringsim_uio_read(u, buf, sizes[i]));
	EXPECT_EQ(tc, "KRN-122", "wrong sizes take no event", POLLIN, ringsim_uio_poll(u));
	EXPECT_EQ(tc, "KRN-122", "reports of wrong sizes", i, tc_violations(tc));
}

static void write_walks(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	struct ringsim_uio *u;
	struct target_io io[2];
	uint32_t sizes[] = { 0, 1, 2, 3, 5, 8 }, values[] = { 0, 1, UINT32_MAX }, i;
	struct seat_entry e;

	if (target_start(tc->t, &o))
		return;
	u = target_uio(tc->t);
	krn_turs(tc, io, 2);
	seat_entry(tc->t, 0, &e);
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, seat_next(tc->t, &e));
	tc_expect_violation(tc, "HND-045");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		EXPECT_EQ(tc, "KRN-123", "write of a wrong size", (uint64_t)-EINVAL,
			  (uint64_t)ringsim_uio_write(u, "12345678", sizes[i]));
	EXPECT(tc, "KRN-123", !io[0].done, "a write of a wrong size walks nothing");
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(tc, "KRN-123", "write of 4", 4, ringsim_uio_write(u, &values[i], 4));
		EXPECT(tc, "KRN-123", io[0].done, "the walk has run when the write returns");
	}
	EXPECT(tc, "KRN-123", !io[1].done, "nothing beyond the tail ends");
}

static void write_after_broken(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	struct target_io io;
	uint32_t v = 0;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, &io, 1);
	tc_expect_violation(tc, "HND-053");
	seat_answer(tc->t, 0, 999, 0, 0, 0, NULL);
	seat_set_tail(tc->t, KRN_TUR);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-063", krn_stats(tc).broken, "an id that was never issued breaks the ring");
	EXPECT_EQ(tc, "KRN-063", "doorbell on a broken ring", 4,
		  ringsim_uio_write(target_uio(tc->t), &v, 4));
	EXPECT(tc, "KRN-063", !io.done, "nothing is completed on a broken ring");
}

static void poll_states(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	struct ringsim_uio *u;
	struct target_io io;
	uint32_t count;

	if (target_start(tc->t, &o))
		return;
	u = target_uio(tc->t);
	EXPECT_EQ(tc, "KRN-124", "poll, nothing new", 0, ringsim_uio_poll(u));
	krn_turs(tc, &io, 1);
	EXPECT_EQ(tc, "KRN-124", "poll, an event", POLLIN, ringsim_uio_poll(u));
	seat_finish(tc->t, 0);
	EXPECT_EQ(tc, "KRN-124", "completing takes no event", POLLIN, ringsim_uio_poll(u));
	ringsim_uio_read(u, &count, 4);
	EXPECT_EQ(tc, "KRN-124", "poll after read", 0, ringsim_uio_poll(u));
	ringsim_uio_unregister(u);
	EXPECT_EQ(tc, "KRN-124", "poll after removal", POLLIN | POLLERR | POLLHUP,
		  ringsim_uio_poll(u));
}

static void removed(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	struct ringsim_uio *u;
	struct target_io io;
	uint64_t size;
	uint32_t v = 0;

	if (target_start(tc->t, &o))
		return;
	u = target_uio(tc->t);
	size = ringsim_layout(target_device(tc->t))->region_size;
	krn_turs(tc, &io, 1);
	krn_keep(tc);
	ringsim_uio_unregister(u);
	EXPECT_EQ(tc, "KRN-125", "read", (uint64_t)-EIO, (uint64_t)ringsim_uio_read(u, &v, 4));
	EXPECT_EQ(tc, "KRN-125", "write", (uint64_t)-EINVAL, (uint64_t)ringsim_uio_write(u, &v, 4));
	EXPECT_EQ(tc, "KRN-125", "mmap", (uint64_t)-EINVAL, (uint64_t)ringsim_uio_mmap(u, size, 0));
	EXPECT_EQ(tc, "KRN-125", "mailbox of the old mapping", 2, seat_region(tc->t)[0]);
	ringsim_uio_close(u);
	EXPECT_EQ(tc, "KRN-125", "a close after removal never reaches the driver", 1,
		  krn_stats(tc).kept);
	EXPECT_EQ(tc, "KRN-125", "open", (uint64_t)-ENODEV, (uint64_t)ringsim_uio_open(u));
}

static void mmap_sizes(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	struct ringsim_uio *u;
	uint64_t size;

	o.dev.geo.data_area_mb = 1 + tc_below(tc, 64);
	if (target_start(tc->t, &o))
		return;
	u = target_uio(tc->t);
	size = (1ull + o.dev.geo.data_area_mb) << 20;
	EXPECT_EQ(tc, "KRN-126", "map0 in full", 0, ringsim_uio_mmap(u, size, 0));
	EXPECT_EQ(tc, "KRN-126", "last page in part", 0, ringsim_uio_mmap(u, size - 4095, 0));
	EXPECT_EQ(tc, "KRN-126", "a page less", (uint64_t)-EINVAL,
		  (uint64_t)ringsim_uio_mmap(u, size - 4096, 0));
	EXPECT_EQ(tc, "KRN-126", "a byte more", (uint64_t)-EINVAL,
		  (uint64_t)ringsim_uio_mmap(u, size + 1, 0));
	EXPECT_EQ(tc, "KRN-126", "nothing", (uint64_t)-EINVAL, (uint64_t)ringsim_uio_mmap(u, 0, 0));
	EXPECT_EQ(tc, "KRN-126", "an offset", (uint64_t)-EINVAL,
		  (uint64_t)ringsim_uio_mmap(u, size, 4096));
	EXPECT_EQ(tc, "KRN-126", "the rest behind an offset", (uint64_t)-EINVAL,
		  (uint64_t)ringsim_uio_mmap(u, size - 4096, 4096));
}

/* Touching a data page that no command has used is SIGBUS on a kernel, a report here: even a read.
 */
static void touch_absent(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	volatile uint8_t *region, sum = 0;
	struct target_io io;
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	region = seat_region(tc->t);
	for (i = 0; i < 1u << 20; i += 4096)
		sum += region[i]; /* mailbox and ring pages always exist */
	krn_in(&io, NULL, 4096);
	target_submit(tc->t, &io);
	sum += region[1u << 20];
	tc_expect_violation(tc, "HND-018");
	seat_ring(tc->t);
	EXPECT_EQ(tc, "KRN-127", "reports for pages that exist", 0, tc_violations(tc));
	sum += region[(1u << 20) + 4096 * (1 + tc_below(tc, 4000))];
	seat_ring(tc->t);
	EXPECT_EQ(tc, "KRN-127", "reports for a page that does not exist", 1, tc_violations(tc));
	seat_ring(tc->t);
	EXPECT_EQ(tc, "KRN-127", "it is reported once", 1, tc_violations(tc));
	(void)sum;
}

static void release_frees_kept(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	struct ringsim_stats st;
	struct target_io io[3], waits;

	o.dev.geo.data_blocks = 3;
	o.exact = true; /* nobody fills the Data-In here */
	if (target_start(tc->t, &o))
		return;
	krn_in(&io[0], NULL, 4096);
	target_submit(tc->t, &io[0]);
	krn_keep(tc);
	krn_in(&io[1], NULL, 4096);
	target_submit(tc->t, &io[1]);
	krn_keep(tc);
	krn_in(&io[2], NULL, 4096);
	target_submit(tc->t, &io[2]);
	krn_in(&waits, NULL, 8192);
	target_submit(tc->t, &waits);
	st = krn_stats(tc);
	EXPECT_EQ(tc, "KRN-128", "kept before the close", 2, st.kept);
	EXPECT_EQ(tc, "KRN-128", "queued before the close", 1, st.queued);
	ringsim_uio_close(target_uio(tc->t));
	st = krn_stats(tc);
	EXPECT_EQ(tc, "KRN-128", "kept after the close", 0, st.kept);
	EXPECT_EQ(tc, "KRN-128", "queued after the close: the freed blocks drain it", 0, st.queued);
	EXPECT_EQ(tc, "KRN-128", "in flight", 2, st.inflight);
	EXPECT(tc, "KRN-128", !io[2].done && !waits.done, "a close ends no command");
	EXPECT_EQ(tc, "KRN-128", "tail", seat_tail(tc->t), st.tail);
	EXPECT(tc, "KRN-128", !st.open, "OPEN is cleared");
	target_advance(tc->t, 31000);
	EXPECT_ENDED(tc, "KRN-128", &io[2], RINGSIM_EXPIRED, 2, 2, 8, 0);
}

/* BROKEN and BLOCKED outlive the close; a kept buffer behind a waiting TMR drains nothing. */
static void release_keeps_state(struct tc *tc)
{
	struct target_opts o = TARGET_OPTS;
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, &io, 1);
	tc_expect_violation(tc, "HND-053");
	seat_answer(tc->t, 0, 77, 0, 0, 0, NULL);
	seat_set_tail(tc->t, KRN_TUR);
	seat_ring(tc->t);
	ringsim_block(target_device(tc->t), true);
	ringsim_uio_close(target_uio(tc->t));
	EXPECT(tc, "KRN-128", krn_stats(tc).broken, "BROKEN outlives the close");
	EXPECT(tc, "KRN-128", krn_stats(tc).blocked, "BLOCKED outlives the close");
	EXPECT_EQ(tc, "KRN-128", "cmd_tail", KRN_TUR, seat_tail(tc->t));
	EXPECT_EQ(tc, "KRN-128", "reclaim pointer", 0, krn_stats(tc).reclaim);
}

static const struct case_def rows[] = {
	{ "krn.120.open-once", "KRN-120", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "a second open is EBUSY until the last close", open_once },
	{ "krn.121.baseline", "KRN-121 DIS-21", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "events before open are never reported", baseline_at_open },
	{ "krn.122.read", "KRN-122", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "read takes 4 bytes, coalesces, returns a running count that wraps", read_counts },
	{ "krn.123.write", "KRN-123 DIS-18", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "a write of 4 bytes walks before it returns, any other size is EINVAL", write_walks },
	{ "krn.063.doorbell", "KRN-063 KRN-123", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "the doorbell of a broken ring still returns 4", write_after_broken },
	{ "krn.124.poll", "KRN-124", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "poll follows the counters and tells of removal", poll_states },
	{ "krn.125.removed", "KRN-125", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "a removed device refuses everything but its old mapping", removed },
	{ "krn.126.mmap", "KRN-126", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "only map0 in full at offset 0 can be mapped", mmap_sizes },
	{ "krn.127.absent-page", "KRN-127 DIS-23", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "touching a data page that does not exist is seen", touch_absent },
	{ "krn.128.kept-freed", "KRN-128", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "the last close frees kept buffers and lets waiting commands in", release_frees_kept },
	{ "krn.128.state-kept", "KRN-128", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "the last close changes neither ring nor BROKEN nor BLOCKED", release_keeps_state },
};

CASE_TABLE(cases_krn_uio);
