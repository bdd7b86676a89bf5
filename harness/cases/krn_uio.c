/* SPDX-License-Identifier: MIT */
/*
 * Cases: the UIO node: open, events, doorbell, poll, mmap, removal, faults. Clauses: KRN-120 to
 * KRN-128.
 */
#include "krn.h"

#include <poll.h>

static void open_once(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	EXPECT_EQ(tc, "KRN-120", "second open", -EBUSY, target_uio_open(tc->t));
	krn_turs(tc, &io, 1);
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-120", krn_ended(tc, &io), "the refused open has taken the node away");
	target_uio_close(tc->t);
	SIM_EQ(tc, "KRN-120", "OPEN after the last close", false, open);
	EXPECT_EQ(tc, "KRN-120", "open after close", 0, target_uio_open(tc->t));
	EXPECT_EQ(tc, "KRN-120", "second open", -EBUSY, target_uio_open(tc->t));
}

static int64_t read_count(struct tc *tc, uint32_t *count)
{
	return target_uio_read(tc->t, count, 4);
}

/* Events from before open are neither read nor polled, whatever the counter says. */
static void baseline_at_open(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io[4];
	uint32_t count = 0, events;

	if (target_start(tc->t, &o))
		return;
	target_uio_close(tc->t);
	krn_turs(tc, io, 3);
	EXPECT_EQ(tc, "KRN-121", "open", 0, target_uio_open(tc->t));
	events = target_events(tc->t);
	EXPECT(tc, "KRN-121", events >= 3, "three commands made %u events", events);
	EXPECT_EQ(tc, "KRN-121", "poll after open", 0, target_uio_poll(tc->t));
	EXPECT_EQ(tc, "KRN-121", "read after open", -EAGAIN, read_count(tc, &count));
	krn_turs(tc, &io[3], 1);
	EXPECT_EQ(tc, "KRN-121", "poll after the next event", POLLIN, target_uio_poll(tc->t));
	EXPECT_EQ(tc, "KRN-122", "read", 4, read_count(tc, &count));
	EXPECT_EQ(tc, "KRN-122", "running count", events + 1, count);
	seat_finish_all(tc->t, 0);
}

static void read_counts(struct tc *tc)
{
	static const uint32_t sizes[] = { 0, 1, 3, 5, 8, 4096 };
	struct target_opts o = krn_opts();
	struct target_io io[8];
	uint32_t count = 0, first, i;
	uint8_t buf[4096];

	if (target_start(tc->t, &o))
		return;
	first = target_events(tc->t);
	krn_turs(tc, io, 7);
	EXPECT_EQ(tc, "KRN-122", "read", 4, read_count(tc, &count));
	EXPECT_EQ(tc, "KRN-122", "seven events coalesce", first + 7, count);
	EXPECT_EQ(tc, "KRN-122", "read again", -EAGAIN, read_count(tc, &count));
	krn_turs(tc, &io[7], 1);
	tc_expect_violation(tc, "HND-046");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		EXPECT_EQ(tc, "KRN-122", "read of a wrong size", -EINVAL,
			  target_uio_read(tc->t, buf, sizes[i]));
	EXPECT_EQ(tc, "KRN-122", "wrong sizes take no event", POLLIN, target_uio_poll(tc->t));
	if (krn_sim(tc))
		EXPECT_EQ(tc, "KRN-122", "reports of wrong sizes", i, tc_violations(tc));
	EXPECT_EQ(tc, "KRN-122", "read", 4, read_count(tc, &count));
	EXPECT_EQ(tc, "KRN-122", "running count", first + 8, count);
	seat_finish_all(tc->t, 0);
}

/* From any value on, and over the end of 32 bits. */
static void count_wraps(struct tc *tc)
{
	struct target_opts o = work_opts(4072, 8);
	struct target_io io[7];
	uint32_t count = 0;

	o.dev.first_event = UINT32_MAX - 2;
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 7);
	EXPECT_EQ(tc, "KRN-122", "read", 4, read_count(tc, &count));
	EXPECT_EQ(tc, "KRN-122", "the count wraps", 4, count);
	o.dev.first_event = tc_below(tc, 1000);
	if (target_start(tc->t, &o))
		return;
	EXPECT_EQ(tc, "KRN-121", "read after open", -EAGAIN, read_count(tc, &count));
	ringsim_spurious_event(target_device(tc->t));
	EXPECT_EQ(tc, "KRN-122", "read", 4, read_count(tc, &count));
	EXPECT_EQ(tc, "KRN-122", "running count", o.dev.first_event + 1, count);
}

static void write_walks(struct tc *tc)
{
	static const uint32_t sizes[] = { 0, 1, 2, 3, 5, 8 }, values[] = { 0, 1, UINT32_MAX };
	struct target_opts o = krn_opts();
	struct target_io io[2];
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 2);
	seat_answer(tc->t, 0, 0, 0, 0, 0, NULL);
	seat_set_tail(tc->t, KRN_TUR);
	tc_expect_violation(tc, "HND-045");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		EXPECT_EQ(tc, "KRN-123", "write of a wrong size", -EINVAL,
			  target_uio_write(tc->t, "12345678", sizes[i]));
	EXPECT(tc, "KRN-123", krn_pending(tc, &io[0]), "a write of a wrong size walks");
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(tc, "KRN-123", "write of 4", 4, target_uio_write(tc->t, &values[i], 4));
		EXPECT(tc, "KRN-123", krn_ended(tc, &io[0]), "the write walks nothing");
	}
	EXPECT(tc, "KRN-123", krn_pending(tc, &io[1]), "something beyond the tail ends");
	seat_finish_all(tc->t, 0);
}

/* The walk has run when the write returns: UNKNOWN_OP leaves its trace in the ring. */
static void write_is_synchronous(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io;
	uint32_t v = 0, i, at;

	if (target_start(tc->t, &o))
		return;
	tc_expect_violation(tc, "HND-034");
	for (i = 0; i < 20; i++) {
		krn_turs(tc, &io, 1);
		at = seat_tail(tc->t);
		seat_answer(tc->t, at, 0, 0x18, TCMU_UFLAG_UNKNOWN_OP, 0, NULL);
		seat_set_tail(tc->t, at + KRN_TUR);
		target_uio_write(tc->t, &v, 4);
		EXPECT_EQ(tc, "KRN-123", "scsi_status in the ring as the write returns", 2,
			  seat_region(tc->t)[128 + at + 8]);
		EXPECT(tc, "KRN-123", krn_ended(tc, &io), "no end");
	}
}

static void write_after_broken(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io;
	uint32_t v = 0;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, &io, 1);
	tc_expect_violation(tc, "HND-053");
	seat_answer(tc->t, 0, 999, 0, 0, 0, NULL);
	seat_set_tail(tc->t, KRN_TUR);
	seat_ring(tc->t);
	EXPECT(tc, "KRN-063", krn_broken(tc), "an id that was never issued breaks the ring");
	EXPECT_EQ(tc, "KRN-063", "doorbell on a broken ring", 4, target_uio_write(tc->t, &v, 4));
	EXPECT(tc, "KRN-063", krn_pending(tc, &io), "something is completed on a broken ring");
}

static void poll_states(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io;
	uint32_t count;

	if (target_start(tc->t, &o))
		return;
	EXPECT_EQ(tc, "KRN-124", "poll, nothing new", 0, target_uio_poll(tc->t));
	krn_turs(tc, &io, 1);
	EXPECT_EQ(tc, "KRN-124", "poll, an event", POLLIN, target_uio_poll(tc->t));
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-124", krn_ended(tc, &io), "no end");
	EXPECT_EQ(tc, "KRN-124", "completing takes no event", POLLIN, target_uio_poll(tc->t));
	EXPECT_EQ(tc, "KRN-122", "read", 4, read_count(tc, &count));
	EXPECT_EQ(tc, "KRN-124", "poll after read", 0, target_uio_poll(tc->t));
	if (!krn_sim(tc))
		return; /* see the kernel's own cases */
	ringsim_uio_unregister(target_uio(tc->t));
	EXPECT_EQ(tc, "KRN-124", "poll after removal", POLLIN | POLLERR | POLLHUP,
		  target_uio_poll(tc->t));
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
	struct target_io io[3], waits;
	struct target_opts o = krn_opts();
	struct seat_entry e;
	uint32_t tail;

	o.dev.cmd_time_out_s = 3;
	if (target_start(tc->t, &o))
		return;
	krn_in(&io[0], NULL, 100 * 4096);
	krn_submit(tc, &io[0]);
	krn_keep_as(tc, 8);
	krn_in(&io[1], NULL, 100 * 4096);
	krn_submit(tc, &io[1]);
	krn_keep_as(tc, 8);
	krn_in(&io[2], NULL, 4096);
	krn_submit(tc, &io[2]);
	krn_in(&waits, NULL, 150 * 4096);
	krn_submit(tc, &waits);
	EXPECT(tc, "KRN-128", krn_pending(tc, &waits), "it does not wait");
	SIM_EQ(tc, "KRN-128", "kept before the close", 2, kept);
	SIM_EQ(tc, "KRN-128", "queued before the close", 1, queued);
	tail = seat_tail(tc->t);
	target_uio_close(tc->t);
	SIM_EQ(tc, "KRN-128", "kept after the close", 0, kept);
	SIM_EQ(tc, "KRN-128", "queued after the close: the freed blocks drain it", 0, queued);
	SIM_EQ(tc, "KRN-128", "in flight", 2, inflight);
	SIM_EQ(tc, "KRN-128", "OPEN", false, open);
	EXPECT(tc, "KRN-128", krn_pending(tc, &io[2]) && !waits.done, "a close ends a command");
	EXPECT_EQ(tc, "KRN-128", "open again", 0, target_uio_open(tc->t));
	EXPECT_EQ(tc, "KRN-128", "cmd_tail", tail, seat_tail(tc->t));
	if (!krn_cmd(tc, 1, &e))
		return;
	EXPECT_EQ(tc, "KRN-128", "id of the one that waited", 1, e.id);
	EXPECT_EQ(tc, "KRN-128", "its first block", KRN_DATA, (uintptr_t)e.iov[0].iov_base);
	target_advance(tc->t, 5000);
	EXPECT_ENDED(tc, "KRN-128", &io[2], RINGSIM_EXPIRED, 2, 2, 8, 0);
	EXPECT_ENDED(tc, "KRN-128", &waits, RINGSIM_EXPIRED, 2, 2, 8, 0);
}

/* BROKEN and BLOCKED outlive the close. */
static void release_keeps_state(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io, refused;

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, &io, 1);
	tc_expect_violation(tc, "HND-053");
	seat_answer(tc->t, 0, 77, 0, 0, 0, NULL);
	seat_set_tail(tc->t, KRN_TUR);
	seat_ring(tc->t);
	target_block_dev(tc->t, true);
	target_uio_close(tc->t);
	SIM_EQ(tc, "KRN-128", "BROKEN after the close", true, broken);
	SIM_EQ(tc, "KRN-128", "BLOCKED after the close", true, blocked);
	SIM_EQ(tc, "KRN-128", "reclaim pointer", 0, reclaim);
	EXPECT_EQ(tc, "KRN-128", "cmd_tail", KRN_TUR, seat_tail(tc->t));
	krn_turs(tc, &refused, 1);
	EXPECT_ENDED(tc, "KRN-128", &refused, RINGSIM_REFUSED, 8, 0, 0, 0);
	target_block_dev(tc->t, false);
	krn_turs(tc, &refused, 1);
	EXPECT_ENDED(tc, "KRN-128", &refused, RINGSIM_REFUSED, 2, 2, 8, 0);
	EXPECT(tc, "KRN-128", krn_pending(tc, &io), "a close ends a command");
}

static const struct case_def rows[] = {
	{ "krn.120.open-once", "KRN-120", CLAUSE_MUST, NEEDS_SEAT,
	  "a second open is EBUSY until the last close", open_once },
	{ "krn.121.baseline", "KRN-121 DIS-21", CLAUSE_MUST, NEEDS_SEAT,
	  "events before open are never reported", baseline_at_open },
	{ "krn.122.read", "KRN-122", CLAUSE_MUST, NEEDS_SEAT,
	  "read takes 4 bytes, coalesces, returns a running count", read_counts },
	{ "krn.122.wraps", "KRN-122 KRN-121", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "the running count wraps at 32 bits", count_wraps },
	{ "krn.123.write", "KRN-123 DIS-18", CLAUSE_MUST, NEEDS_SEAT,
	  "a write of 4 bytes walks before it returns, any other size is EINVAL", write_walks },
	{ "krn.123.synchronous", "KRN-123 KRN-067", CLAUSE_MUST, NEEDS_SEAT,
	  "the walk is over when the write returns", write_is_synchronous },
	{ "krn.063.doorbell", "KRN-063 KRN-123", CLAUSE_MUST, NEEDS_SEAT,
	  "the doorbell of a broken ring still returns 4", write_after_broken },
	{ "krn.124.poll", "KRN-124", CLAUSE_MUST, NEEDS_SEAT,
	  "poll follows the counters and tells of removal", poll_states },
	{ "krn.125.removed", "KRN-125", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "a removed device refuses everything but its old mapping", removed },
	{ "krn.126.mmap", "KRN-126", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "only map0 in full at offset 0 can be mapped", mmap_sizes },
	{ "krn.127.absent-page", "KRN-127 DIS-23", CLAUSE_MUST, NEEDS_SEAT | NEEDS_SIM,
	  "touching a data page that does not exist is seen", touch_absent },
	{ "krn.128.kept-freed", "KRN-128", CLAUSE_MUST, NEEDS_SEAT,
	  "the last close frees kept buffers and lets waiting commands in", release_frees_kept },
	{ "krn.128.state-kept", "KRN-128", CLAUSE_MUST, NEEDS_SEAT,
	  "the last close changes neither ring nor BROKEN nor BLOCKED", release_keeps_state },
};

CASE_TABLE(cases_krn_uio);
