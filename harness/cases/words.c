/* SPDX-License-Identifier: MIT */
/*
 * CDBs of every length that the ring can carry, and words that are not the handler's. Clauses
 * HND-022 and HND-023.
 */
#include "work.h"

#include "cdb.h"

#include <ringsim/shm.h>

/* Nobody implements these; the point is that they end, and give back slot, id and blocks. */
static void expect_refused(struct tc *tc, const char *clause, struct target_io *io)
{
	EXPECT(tc, clause, !target_exec(tc->t, io), "command 0x%02x 0x%02x never ended", io->cdb[0],
	       io->cdb[7]);
	EXPECT(tc, clause, io->outcome == RINGSIM_ANSWERED && io->status == 2,
	       "command 0x%02x: expected CHECK CONDITION, found status 0x%02x", io->cdb[0],
	       io->status);
	EXPECT(tc, clause, sense_key(io->sense) == 5,
	       "command 0x%02x: expected ILLEGAL REQUEST, found sense %x/%04x", io->cdb[0],
	       sense_key(io->sense), sense_asc(io->sense));
}

static void expect_nothing_held(struct tc *tc, const char *clause)
{
	struct ringsim_stats st;

	target_settle(tc->t);
	target_stats(tc->t, &st);
	EXPECT_EQ(tc, clause, "commands in flight", 0, st.inflight);
	EXPECT_EQ(tc, clause, "data blocks in use", 0, st.blocks_used);
	EXPECT_EQ(tc, clause, "cmd_tail", seat_head(tc->t), seat_tail(tc->t));
}

static void vendor_groups(struct tc *tc)
{
	static const uint8_t opcodes[] = { 0x60, 0x6f, 0x7e, 0xc0, 0xc1, 0xdf, 0xe0, 0xff };
	struct target_opts o = work_opts(8 * 251, 16);
	uint8_t *buf = tc_alloc(tc, 8192);
	struct target_io io;
	unsigned int i, k;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < sizeof(opcodes); i++) {
		for (k = 0; k < 3 && !tc->failed; k++) {
			cdb_begin(&io, opcodes[i], (enum ringsim_dir)k, buf, k ? 8192 : 0);
			memset(io.cdb + 1, 0xff, 15); /* the kernel hands over what it must */
			io.cdb[9] = 0;
			expect_refused(tc, "HND-022", &io);
		}
	}
	if (!tc->failed)
		expect_nothing_held(tc, "HND-022");
}

/* An additional length that leaves no room for a service action, or claims more than there is. */
static void variable_short(struct tc *tc)
{
	static const uint8_t lens[] = { 0, 1, 2, 3, 4, 23, 24, 25, 100, 251, 252, 253, 255 };
	struct target_opts o = work_opts(8 * 131, 16);
	struct target_io io;
	unsigned int i;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < sizeof(lens) && !tc->failed; i++) {
		cdb_none(&io, 0x7f);
		io.cdb[7] = lens[i];
		memset(io.cdb + 8, 0xff, sizeof(io.cdb) - 8);
		expect_refused(tc, "HND-022", &io);
	}
	if (!tc->failed)
		expect_nothing_held(tc, "HND-022");
}

/* All opcodes but those that a CDB of zeros turns into hours of work. */
static void every_opcode(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 251, 16);
	uint8_t *buf = tc_alloc(tc, 512);
	struct target_io io;
	unsigned int op;

	if (target_start(tc->t, &o))
		return;
	for (op = 0; op < 256; op++) {
		if (op == 0x04 || op == 0x41 || op == 0x48 || op == 0x93)
			continue;
		if (!target_simulated(tc->t) && !cdb_to_handler((uint8_t)op))
			continue;
		cdb_begin(&io, (uint8_t)op, op % 2 ? RINGSIM_FROM_DEVICE : RINGSIM_NONE, buf,
			  op % 2 ? 512 : 0);
		EXPECT(tc, "HND-022", !target_exec(tc->t, &io), "opcode 0x%02x never ended", op);
		EXPECT(tc, "HND-022", io.outcome == RINGSIM_ANSWERED,
		       "opcode 0x%02x was not answered (outcome %d)", op, (int)io.outcome);
	}
	expect_nothing_held(tc, "HND-022");
}

/* Everything of an entry that stays the kernel's, taken down before the handler runs. */
struct headers {
	struct ringsim_entry e[128];
	uint32_t n;
};

static void headers_take(struct tc *tc, struct headers *h)
{
	h->n = 0;
	while (h->n < 128 && ringsim_entry_at(target_device(tc->t), h->n, &h->e[h->n]))
		h->n++;
}

static void headers_check(struct tc *tc, const struct headers *h)
{
	uint64_t at, cmdr_off = target_layout(tc->t)->cmdr_off;
	uint8_t *region = seat_region(tc->t);
	uint32_t i;

	for (i = 0; i < h->n; i++) {
		at = cmdr_off + h->e[i].off;
		EXPECT_EQ(tc, "HND-023", "len_op of a finished entry", h->e[i].len | h->e[i].op,
			  shm_load32(region, at));
		EXPECT_EQ(tc, "HND-023", "kflags of a finished entry", 0,
			  shm_load8(region, at + RINGSIM_OFF_KFLAGS));
	}
}

static void submit_mixed(struct tc *tc, struct target_io *ios, uint32_t n, uint32_t block_size)
{
	uint8_t *buf = tc_alloc(tc, 4096);
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (i % 4 == 0)
			work_tur(&ios[i]);
		else if (i % 4 == 1)
			target_io_rw(&ios[i], true, 10, i, 1, block_size, buf);
		else if (i % 4 == 2)
			cdb_in(&ios[i], 0xc0, buf, 512);
		else
			target_io_rw(&ios[i], false, 16, ~0ull, 1, block_size, buf);
		target_submit(tc->t, &ios[i]);
		if (i % 5 == 0)
			ringsim_put_raw(target_device(tc->t), i % 2 ? 0 : 3 + i % 3, 24, 0x11);
	}
}

static void headers_stay(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 1021, 64);
	struct target_io *ios = tc_alloc(tc, 20 * sizeof(*ios));
	struct headers *h = tc_alloc(tc, sizeof(*h));
	struct target_capacity cap;
	uint32_t lap;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	for (lap = 0; lap < 4 && !tc->failed; lap++) {
		target_settle(tc->t);
		target_freeze(tc->t);
		submit_mixed(tc, ios, 20, cap.block_size);
		headers_take(tc, h);
		target_thaw(tc->t);
		if (!work_wait_all(tc, "HND-023", ios, 20))
			return;
		target_settle(tc->t);
		headers_check(tc, h);
	}
}

/* The constant words and the head; the simulator sees each store, this sees the result. */
static void mailbox_stays(struct tc *tc)
{
	struct work_cfg cfg = { .clause = "HND-023", .raw = 4, .tmr = 6, .plug = 3, .spurious = 5 };
	struct target_opts o = work_opts(8 * 1021, 64);
	struct tcmu_mailbox before, after;
	struct work w;

	o.dev.tmr_notification = true;
	o.dev.start = 8 * 1000;
	if (target_start(tc->t, &o))
		return;
	shm_read(&before, seat_region(tc->t), 0, sizeof(before));
	if (!work_start(&w, tc, &cfg) || !work_run(&w, 300))
		return;
	target_settle(tc->t);
	shm_read(&after, seat_region(tc->t), 0, sizeof(after));
	EXPECT_EQ(tc, "HND-023", "cmd_head against the end of the last entry", after.cmd_tail,
		  after.cmd_head);
	after.cmd_head = before.cmd_head;
	after.cmd_tail = before.cmd_tail;
	EXPECT_MEM(tc, "HND-023", "mailbox", &before, &after, sizeof(before));
}

/* Bytes of an earlier lap everywhere: nothing but what the kernel published may be believed. */
static void dirty_ring(struct tc *tc)
{
	static const uint8_t fills[] = { 0xff, 0x81, 0x82, 0x07 };
	struct work_cfg cfg = { .clause = "HND-023", .lanes = 5, .max_blocks = 16, .raw = 3 };
	struct target_opts o = work_opts(8 * 293, 24);
	struct work w;
	uint32_t i;

	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg))
		return;
	for (i = 0; i < 12 && !tc->failed; i++) {
		ringsim_put_raw(target_device(tc->t), TCMU_OP_PAD, 8 * 140, fills[i % 4]);
		work_run(&w, 20);
	}
}

static const struct case_def rows[] = {
	{ "hnd.022.vendor-groups", "HND-022", CLAUSE_MUST, 0,
	  "opcodes 0x60 to 0x7e and 0xc0 to 0xff end, with any data direction", vendor_groups },
	{ "hnd.022.variable-short", "HND-022", CLAUSE_MUST, 0,
	  "a variable-length CDB that is too short, or claims too much, ends", variable_short },
	{ "hnd.022.every-opcode", "HND-022 HND-034", CLAUSE_MUST, 0, "every opcode ends",
	  every_opcode },
	{ "hnd.023.headers-stay", "HND-023", CLAUSE_MUST, 0,
	  "len_op and kflags of finished entries are as issued", headers_stay },
	{ "hnd.023.mailbox-stays", "HND-023", CLAUSE_MUST, 0,
	  "no word of the mailbox but the tail changes", mailbox_stays },
	{ "hnd.023.dirty-ring", "HND-023", CLAUSE_MUST, 0,
	  "old bytes around the entries change nothing", dirty_ring },
};
CASE_TABLE(cases_words);
