/* SPDX-License-Identifier: MIT */
/*
 * The answer: status, sense, flags, and when it may be stored. Clauses HND-030 to HND-039 but for
 * the contents of data (HND-035).
 */
#include "work.h"

#include "cdb.h"

#include <ringsim/shm.h>

#define BLK 4096u

/* READ or WRITE of @n data blocks of the fragmented area: @n iovs. */
static void rw_iovs(struct target_io *io, bool write, const struct target_capacity *cap, uint32_t n,
		    uint8_t *buf)
{
	target_io_rw(io, write, 10, 64, n * BLK / cap->block_size, cap->block_size, buf);
}

/* Half a data area of holes; 4 KiB blocks that take turns between free and taken. */
static bool start_fragmented(struct tc *tc, struct target_opts *o, struct target_capacity *cap)
{
	return !target_start(tc->t, o) && !target_capacity(tc->t, cap) &&
	       work_fragment_every(tc, 100);
}

/* Each command's request lies where its own answer goes: sense covers four iovs. */
static void request_saved(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 1021, 160);
	uint8_t *out = tc_alloc(tc, 8 * BLK), *in = tc_alloc(tc, 8 * BLK);
	struct target_capacity cap;
	struct target_io io, bad;
	uint32_t n;

	if (!start_fragmented(tc, &o, &cap))
		return;
	for (n = 1; n <= 8; n++) {
		tc_fill(tc, out, n * BLK, n);
		memset(in, 0, n * BLK);
		rw_iovs(&io, true, &cap, n, out);
		EXPECT_GOOD(tc, "HND-030", &io);
		target_io_rw(&bad, false, 16, cap.blocks, n * BLK / cap.block_size, cap.block_size,
			     in);
		EXPECT_SENSE(tc, "HND-030", &bad, 5, 0x2100);
		rw_iovs(&io, false, &cap, n, in);
		EXPECT_GOOD(tc, "HND-030", &io);
		EXPECT_MEM(tc, "HND-030", "data through the iovs", out, in, n * BLK);
	}
}

/* Three requests with iovs and a failure, answered in any order into each other's slots. */
static void request_saved_reordered(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-030",
				.lanes = 8,
				.max_blocks = 64,
				.ops = WORK_READ | WORK_WRITE | WORK_RANGE | WORK_OPCODE };
	struct target_opts o = work_opts(8 * 1021, 160);
	struct target_capacity cap;
	struct work w;

	o.handler.reorder_seed = tc->seed | 1;
	if (start_fragmented(tc, &o, &cap) && work_start(&w, tc, &cfg))
		work_run(&w, 400);
}

/* An unwritten status is the low byte of iov_cnt, and most counts here are SAM statuses. */
static void status_written(struct tc *tc)
{
	static const uint32_t counts[] = { 1, 2, 4, 8, 24, 40, 48, 3 };
	struct target_opts o = work_opts(8 * 1021, 160);
	struct target_capacity cap;
	uint8_t *buf = tc_alloc(tc, 48 * BLK);
	struct target_io io;
	unsigned int i, write;

	if (!start_fragmented(tc, &o, &cap))
		return;
	for (i = 0; i < 8; i++) {
		for (write = 0; write < 2; write++) {
			rw_iovs(&io, write, &cap, counts[i], buf);
			EXPECT(tc, "HND-031", !target_exec(tc->t, &io),
			       "a command with %u iovs never ended", counts[i]);
			EXPECT(tc, "HND-031", !io.status,
			       "command with %u iovs: expected GOOD, found status 0x%02x",
			       counts[i], io.status);
		}
	}
}

/* GOOD where the slot says nothing, failure where it says GOOD. */
static void status_of_failure(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 1021, 160);
	struct target_capacity cap;
	struct target_io io;
	uint8_t *buf = tc_alloc(tc, 8 * BLK);
	uint32_t n;

	if (!start_fragmented(tc, &o, &cap))
		return;
	for (n = 0; n <= 8; n++) {
		cdb_in(&io, 0xc0, buf, n * BLK);
		EXPECT_SENSE(tc, "HND-031", &io, 5, 0x2000);
	}
}

static bool sam(uint8_t status)
{
	static const uint8_t known[] = { 0x00, 0x02, 0x04, 0x08, 0x18, 0x28, 0x30, 0x40 };

	return memchr(known, status, sizeof(known)) != NULL;
}

/* Failing commands of all kinds; @n of them. What each says is judged elsewhere. */
static uint32_t failures(struct tc *tc, const struct target_capacity *cap, struct target_io *ios,
			 uint8_t *buf)
{
	uint32_t n = 0;

	cdb_none(&ios[n++], 0xc1);
	cdb_in(&ios[n++], 0x7e, buf, 512);
	target_io_rw(&ios[n++], false, 16, cap->blocks, 1, cap->block_size, buf);
	target_io_rw(&ios[n++], true, 16, ~0ull, 1, cap->block_size, buf);
	target_io_rw(&ios[n++], false, 10, (uint32_t)cap->blocks, 8, cap->block_size, buf);
	cdb_inquiry(&ios[n++], 0, 0x80, 255, buf, 255);
	cdb_inquiry(&ios[n++], 1, 0xff, 255, buf, 255);
	cdb_mode_sense(&ios[n++], OP_MODE_SENSE_6, 0, 0x3e, 255, buf, 255);
	cdb_none(&ios[n], 0x7f);
	ios[n++].cdb[7] = target_sends_all(tc->t) ? 24 : 8; /* iSCSI carries 16 bytes */
	return n;
}

static void status_sam(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 1021, 160);
	struct target_io *ios = tc_alloc(tc, 16 * sizeof(*ios));
	struct target_capacity cap;
	uint8_t *buf = tc_alloc(tc, 65536);
	uint32_t i, n;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	n = failures(tc, &cap, ios, buf);
	for (i = 0; i < n; i++) {
		EXPECT(tc, "HND-032", !target_exec(tc->t, &ios[i]), "command 0x%02x never ended",
		       ios[i].cdb[0]);
		EXPECT(tc, "HND-032", sam(ios[i].status), "command 0x%02x: 0x%02x is no SAM status",
		       ios[i].cdb[0], ios[i].status);
		EXPECT(tc, "HND-032", ios[i].status == 2,
		       "command 0x%02x: expected CHECK CONDITION (0x02), found 0x%02x",
		       ios[i].cdb[0], ios[i].status);
	}
}

/* Every field that either format needs. */
static void judge_sense(struct tc *tc, const struct target_io *io)
{
	const uint8_t *s = io->sense;
	uint8_t code = s[0] & 0x7f;

	EXPECT(tc, "HND-033", io->sense_valid, "command 0x%02x: no sense", io->cdb[0]);
	EXPECT(tc, "HND-033", code >= 0x70 && code <= 0x73,
	       "command 0x%02x: response code 0x%02x, expected 0x70 to 0x73", io->cdb[0], code);
	EXPECT_EQ(tc, "HND-033", "sense key", 5, sense_key(s));
	EXPECT(tc, "HND-033", sense_asc(s), "command 0x%02x: ASC and ASCQ are 0", io->cdb[0]);
	if (code >= 0x72) {
		EXPECT(tc, "HND-033", s[7] <= 244 && !(s[7] & 3),
		       "command 0x%02x: descriptors of %u bytes", io->cdb[0], s[7]);
		return;
	}
	EXPECT(tc, "HND-033", s[7] >= 0x0a && s[7] <= 244,
	       "command 0x%02x: additional sense length %u, expected 10 to 244", io->cdb[0], s[7]);
	EXPECT(tc, "HND-033", !(s[0] & 0x80) || memcmp(s + 3, "\0\0\0\0", 4),
	       "command 0x%02x: VALID is set without INFORMATION", io->cdb[0]);
}

static void sense_fields(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 1021, 160);
	struct target_io *ios = tc_alloc(tc, 16 * sizeof(*ios));
	struct target_capacity cap;
	uint8_t *buf = tc_alloc(tc, 65536);
	uint32_t i, n;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	n = failures(tc, &cap, ios, buf);
	for (i = 0; i < n && !tc->failed; i++) {
		EXPECT(tc, "HND-033", !target_exec(tc->t, &ios[i]) && ios[i].status == 2,
		       "command 0x%02x: expected CHECK CONDITION, found 0x%02x", ios[i].cdb[0],
		       ios[i].status);
		judge_sense(tc, &ios[i]);
	}
}

/* What lies behind the sense data is neither the request that was there, nor anything else. */
static void sense_rest(struct tc *tc, bool zero)
{
	struct target_opts o = work_opts(8 * 1021, 160);
	struct target_capacity cap;
	struct seat_entry e;
	uint8_t *buf = tc_alloc(tc, 4 * BLK), was[96];
	struct target_io io;
	uint32_t n, i, used;

	if (!start_fragmented(tc, &o, &cap))
		return;
	for (n = 0; n <= 4; n++) {
		cdb_in(&io, 0xc0, buf, n * BLK);
		target_freeze(tc->t);
		target_submit(tc->t, &io);
		seat_entry(tc->t, seat_tail(tc->t), &e);
		memcpy(was, seat_region(tc->t) + e.cdb_off - ringsim_entry_base(n) + 16, 96);
		target_thaw(tc->t);
		EXPECT(tc, "HND-033", !target_wait(tc->t, &io) && io.status == 2,
		       "expected CHECK CONDITION, found status 0x%02x", io.status);
		used = 8u + io.sense[7];
		for (i = used; i < 96; i++)
			EXPECT(tc, "HND-033", !io.sense[i] || (!zero && io.sense[i] != was[i]),
			       "sense byte %u is 0x%02x behind sense data of %u bytes%s", i,
			       io.sense[i], used,
			       io.sense[i] == was[i] ? ": the request shines through" : "");
	}
}

static void sense_no_residue(struct tc *tc)
{
	sense_rest(tc, false);
}

static void sense_zero_rest(struct tc *tc)
{
	sense_rest(tc, true);
}

static void unknown_scsi(struct tc *tc)
{
	static const uint8_t opcodes[] = { 0x02, 0x1f, 0x20, 0x5d, 0x6b, 0x7d,
					   0x99, 0xb9, 0xc0, 0xd5, 0xe7, 0xff };
	struct target_opts o = work_opts(8 * 251, 16);
	struct target_io io;
	unsigned int i;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < sizeof(opcodes); i++) {
		cdb_none(&io, opcodes[i]);
		EXPECT_SENSE(tc, "HND-034", &io, 5, 0x2000);
	}
}

/* Without the capability nothing may be kept; with it nothing may be kept for good. */
static void nothing_kept(struct tc *tc, uint16_t flags)
{
	struct work_cfg cfg = { .clause = "HND-036", .lanes = 8 };
	struct target_opts o = work_opts(8 * 509, 64);
	struct ringsim_stats st;
	struct work w;

	o.dev.set_flags = true;
	o.dev.flags = flags;
	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg) || !work_run(&w, 150))
		return;
	target_settle(tc->t);
	if (!target_stats(tc->t, &st))
		return;
	EXPECT_EQ(tc, "HND-036", "commands whose buffers are kept", 0, st.kept);
	EXPECT_EQ(tc, "HND-036", "data blocks in use", 0, st.blocks_used);
	EXPECT(tc, "HND-036", !st.broken, "the ring is broken");
}

static void keep_not_offered(struct tc *tc)
{
	nothing_kept(tc, TCMU_MAILBOX_FLAG_CAP_OOOC | TCMU_MAILBOX_FLAG_CAP_READ_LEN |
				 TCMU_MAILBOX_FLAG_CAP_TMR);
}

static void keep_offered(struct tc *tc)
{
	nothing_kept(tc, TCMU_MAILBOX_FLAG_CAP_KEEP_BUF);
	if (!tc->failed)
		nothing_kept(tc, 0x0f);
}

/* A predecessor died between its store of uflags and its tail. */
static void left_over_flags(struct tc *tc)
{
	static const uint8_t left[] = { TCMU_UFLAG_UNKNOWN_OP, TCMU_UFLAG_READ_LEN,
					TCMU_UFLAG_KEEP_BUF, 7 };
	struct target_opts o = work_in_order(8 * 1021, 64);
	struct target_io *ios = tc_alloc(tc, 12 * sizeof(*ios));
	struct target_capacity cap;
	struct ringsim_entry e;
	struct ringsim_stats st;
	uint8_t *buf = tc_alloc(tc, 12 * BLK);
	uint32_t i;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	target_kill(tc->t);
	for (i = 0; i < 12; i++) {
		if (i % 3)
			target_io_rw(&ios[i], i % 3 == 1, 10, i * 8, 1, cap.block_size,
				     buf + i * BLK);
		else
			work_tur(&ios[i]);
		target_submit(tc->t, &ios[i]);
	}
	for (i = 0; ringsim_entry_at(target_device(tc->t), i, &e); i++)
		shm_store8(seat_region(tc->t), 128ull + e.off + RINGSIM_OFF_UFLAGS, left[i % 4]);
	if (target_restart(tc->t) || !work_wait_all(tc, "HND-037", ios, 12))
		return;
	for (i = 0; i < 12; i++) {
		EXPECT_EQ(tc, "HND-037", "status", 0, ios[i].status);
		EXPECT_EQ(tc, "HND-037", "residual", 0, ios[i].residual);
	}
	target_settle(tc->t);
	ringsim_stats(target_device(tc->t), &st);
	EXPECT_EQ(tc, "HND-037", "commands whose buffers are kept", 0, st.kept);
}

/* READ_LEN of a short answer must not stay in a slot that others use. */
static void flags_reordered(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-037", .lanes = 20 };
	struct target_opts o = work_opts(8 * 509, 64);
	struct work w;

	o.handler.reorder_seed = tc->seed | 1;
	o.handler.read_len = true;
	if (!target_start(tc->t, &o) && work_start(&w, tc, &cfg))
		work_run(&w, 500);
}

/* The kernel consumes an answer the moment the tail has passed it. */
static void reclaim_async(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-038", .lanes = 12 };
	struct target_opts o = work_opts(8 * 509, 64);
	struct work w;

	o.reclaim = RECLAIM_ASYNC;
	if (!target_start(tc->t, &o) && work_start(&w, tc, &cfg))
		work_run(&w, 300);
}

static void reclaim_async_reordered(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-038", .lanes = 20, .raw = 4, .plug = 3 };
	struct target_opts o = work_opts(8 * 509, 64);
	struct work w;

	o.reclaim = RECLAIM_ASYNC;
	o.handler.reorder_seed = tc->seed | 1;
	o.handler.read_len = true;
	if (!target_start(tc->t, &o) && work_start(&w, tc, &cfg))
		work_run(&w, 500);
}

/* Gives the slot, id and block of a command that just ended to the next one, before the doorbell.
 */
struct reuse {
	struct target_io *ios;
	uint32_t next, n;
};

static void reuse_at_tail(struct target *t, void *ctx, enum consumer_step step)
{
	struct reuse *r = ctx;

	if (step == CONSUMER_STEP_TAIL && r->next < r->n && r->ios[r->next - 1].done)
		target_submit(t, &r->ios[r->next++]);
}

static void reuse_at_once(struct tc *tc)
{
	struct target_opts o = work_opts(512, 1);
	struct target_io *ios = tc_alloc(tc, 60 * sizeof(*ios));
	uint8_t *out = tc_alloc(tc, 60 * BLK), *in = tc_alloc(tc, 60 * BLK);
	struct reuse r = { .ios = ios, .next = 1, .n = 60 };
	struct target_capacity cap;
	uint32_t i;

	o.reclaim = RECLAIM_ASYNC;
	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	tc_fill(tc, out, 60 * BLK, 1);
	for (i = 0; i < 60; i++)
		target_io_rw(&ios[i], !(i % 2), 10, i / 2, 1, cap.block_size,
			     (i % 2 ? in : out) + i / 2 * BLK);
	target_settle(tc->t);
	target_on_step(tc->t, reuse_at_tail, &r);
	target_submit(tc->t, &ios[0]);
	if (!work_wait_all(tc, "HND-039", ios, 60))
		return;
	for (i = 0; i < 30; i++)
		EXPECT_MEM(tc, "HND-039", "block that was written and read at once", out + i * BLK,
			   in + i * BLK, cap.block_size);
}

static const struct case_def rows[] = {
	{ "hnd.030.saved", "HND-030 HND-020", CLAUSE_MUST, NEEDS_RESTART,
	  "1 to 8 iovs, failures in between", request_saved },
	{ "hnd.030.reordered", "HND-030 HND-052", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "answers in slots whose requests had iovs", request_saved_reordered },
	{ "hnd.031.iov-counts", "HND-031", CLAUSE_MUST, NEEDS_RESTART,
	  "iov counts that would read as a status", status_written },
	{ "hnd.031.failures", "HND-031 HND-032", CLAUSE_MUST, NEEDS_RESTART,
	  "failures with 0 to 8 iovs", status_of_failure },
	{ "hnd.032.sam", "HND-032 DIS-20", CLAUSE_MUST, 0, "failing commands report a SAM status",
	  status_sam },
	{ "hnd.033.fields", "HND-033 DIS-24", CLAUSE_MUST, 0,
	  "sense of failing commands is complete", sense_fields },
	{ "hnd.033.no-residue", "HND-033 DIS-24", CLAUSE_MUST, NEEDS_RESTART,
	  "no byte of the request shows behind the sense", sense_no_residue },
	{ "hnd.033.zero-rest", "HND-033", CLAUSE_SHOULD, NEEDS_RESTART,
	  "the bytes behind the sense are zero", sense_zero_rest },
	{ "hnd.034.unknown-scsi", "HND-034 DIS-04", CLAUSE_MUST, 0,
	  "an unknown SCSI opcode is 05/20/00, not UNKNOWN_OP", unknown_scsi },
	{ "hnd.036.not-offered", "HND-036 DIS-02 DIS-07", CLAUSE_MUST, 0,
	  "no buffer is kept without the capability", keep_not_offered },
	{ "hnd.036.offered", "HND-036 DIS-07", CLAUSE_MUST, 0, "no buffer is kept for good",
	  keep_offered },
	{ "hnd.037.left-over", "HND-037", CLAUSE_MUST, NEEDS_RESTART,
	  "flags that a predecessor left in the slots", left_over_flags },
	{ "hnd.037.reordered", "HND-037 HND-035 HND-051 DIS-06", CLAUSE_MUST, NEEDS_INPROC,
	  "READ_LEN among commands completed out of order", flags_reordered },
	{ "hnd.038.async", "HND-038", CLAUSE_MUST, 0,
	  "the kernel reclaims as soon as the tail moves", reclaim_async },
	{ "hnd.038.async-reordered", "HND-038 HND-051", CLAUSE_MUST, NEEDS_INPROC,
	  "the same, completing out of order", reclaim_async_reordered },
	{ "hnd.039.reuse-at-once", "HND-039", CLAUSE_MUST, NEEDS_INPROC,
	  "slot, id and block go to the next command before the doorbell", reuse_at_once },
};
CASE_TABLE(cases_response);
