/* SPDX-License-Identifier: MIT */
/*
 * The run matrix: one random load with read-back, on devices of every shape. Each row is a case of
 * its own and names the clauses that its shape is there for; everything that the sanitizer watches
 * is watched in all of them.
 */
#include "work.h"

#include "cdb.h"

/* How the data area is when the load begins. */
enum frag { FRAG_NONE, FRAG_EVERY_SECOND, FRAG_PAIRS, FRAG_RANDOM, FRAG_ONE_HOLE };

/**
 * struct shape - one row
 * @start_back: bytes that are left to the ring's end at the start; 0 = start at 0
 * @flags:      mailbox flags + 1; 0 = as the kernel has them
 * @block_size: logical block size, in process only
 * @n:          commands; 0 = 800
 * @early:      the first commands are there before the device is opened
 */
struct shape {
	struct ringsim_geometry geo;
	uint32_t start_back;
	uint32_t flags;
	bool tmr, exact, async, reorder, read_len, early;
	enum frag frag;
	uint32_t block_size, n;
	struct work_cfg load;
};

static bool fragment(struct tc *tc, enum frag frag)
{
	uint32_t i, n = 96;
	bool *want = tc_alloc(tc, n);

	for (i = 0; i < n; i++) {
		if (frag == FRAG_EVERY_SECOND)
			want[i] = i % 2;
		else if (frag == FRAG_PAIRS)
			want[i] = i % 4 > 1;
		else if (frag == FRAG_RANDOM)
			want[i] = tc_below(tc, 3) == 0;
		else
			want[i] = i == 1;
	}
	return frag == FRAG_NONE || work_fragment(tc, want, n);
}

static bool begin_early(struct tc *tc, struct work *w)
{
	target_kill(tc->t);
	work_issue(w, w->cfg.lanes);
	return !target_restart(tc->t) && work_finish(w);
}

static void stress(struct tc *tc, const struct shape *s, const char *clause)
{
	struct target_opts o = TARGET_OPTS;
	struct work_cfg cfg = s->load;
	struct ringsim_layout lay;
	struct ringsim_stats st;
	struct work w;
	uint32_t kept;

	o.dev.geo = s->geo;
	o.near = !s->start_back;
	if (ringsim_layout_init(&lay, &s->geo, NULL, 0)) {
		tc_fail(tc, NULL, "the row's geometry is refused");
		return;
	}
	o.dev.start = s->start_back ? lay.cmdr_size - s->start_back : 0;
	o.dev.set_flags = s->flags != 0;
	o.dev.flags = (uint16_t)(s->flags - 1);
	o.dev.tmr_notification = s->tmr;
	o.exact = s->exact;
	o.reclaim = s->async ? RECLAIM_ASYNC : RECLAIM_DOORBELL;
	o.handler.wce = true;
	o.handler.block_size = s->block_size;
	o.handler.read_len = s->read_len;
	o.handler.reorder_seed = s->reorder ? tc->seed | 1 : 0;
	cfg.clause = clause;
	if (target_start(tc->t, &o) || !fragment(tc, s->frag) || !work_start(&w, tc, &cfg))
		return;
	target_stats(tc->t, &st);
	kept = st.kept;
	if (s->early && !begin_early(tc, &w))
		return;
	if (!work_run(&w, s->n ? s->n : target_simulated(tc->t) ? 800 : 150) || !work_read_back(&w))
		return;
	target_settle(tc->t);
	if (!target_stats(tc->t, &st))
		return;
	EXPECT(tc, "HND-053", !st.broken, "the ring is broken");
	EXPECT_EQ(tc, "HND-053", "commands in flight", 0, st.inflight);
	EXPECT_EQ(tc, "HND-036", "buffers that are kept", kept, st.kept);
	EXPECT_EQ(tc, clause, "cmd_tail", st.head, st.tail);
}

#define RING(mb, data)	  .geo = { .ring_mb = mb, .data_area_mb = data }
#define ODD(size, blocks) .geo = { .cmdr_size = size, .data_blocks = blocks }
#define PAGES(n)	  .geo = { .cmdr_size = 8 * 509, .data_area_mb = 4, .pages_per_blk = n }
#define FLAGS(f)	  ODD(8 * 509, 96), .flags = (f) + 1, .reorder = true, .read_len = true
#define SMALL		  .load = { .lanes = 8, .max_blocks = 24 }

/* id, first clause, all clauses, needs, title, shape */
#define ROWS(X)                                                                                    \
	X(ring_1_mb, "012", "HND-012 HND-014 DIS-16", 0, "ring of 1 MiB, across its end",          \
	  RING(1, 16), .start_back = 9000)                                                         \
	X(ring_2_mb, "012", "HND-012 HND-014 DIS-16", 0, "ring of 2 MiB, across its end",          \
	  RING(2, 16), .start_back = 9008)                                                         \
	X(ring_8_mb, "012", "HND-012 HND-014 DIS-16", 0, "ring of 8 MiB, across its end",          \
	  RING(8, 16), .start_back = 9016)                                                         \
	X(odd_ring, "012", "HND-012 HND-002 HND-014", 0, "8 times a prime, dozens of laps",        \
	  ODD(8 * 1021, 128), .n = 2000)                                                           \
	X(odd_ring_far, "002", "HND-002 HND-012", 0, "8 times a prime at offset 4096",             \
	  .geo = { .cmdr_off = 4096, .cmdr_size = 8 * 797, .data_blocks = 64 })                    \
	X(tiny_ring, "014", "HND-014 HND-012", 0, "536 bytes: four entries", ODD(536, 16), SMALL)  \
	X(pads, "013", "HND-013 HND-012", 0, "CDBs of all lengths: a PAD in every lap",            \
	  ODD(8 * 149, 32),                                                                        \
	  .load = { .lanes = 6,                                                                    \
		    .max_blocks = 8,                                                               \
		    .ops = WORK_EMPTY | WORK_LONG | WORK_OPCODE | WORK_ZERO })                     \
	X(data_1_mb, "018", "HND-018 DIS-23", 0, "a data area of 1 MiB", RING(1, 1))               \
	X(data_tiny, "018", "HND-018 HND-039 DIS-23", 0, "three blocks, most commands wait",       \
	  ODD(8 * 509, 3), SMALL)                                                                  \
	X(pages_2, "020", "HND-020 HND-018", 0, "two pages per block", PAGES(2))                   \
	X(pages_16, "020", "HND-020 HND-018", 0, "sixteen pages per block", PAGES(16))             \
	X(every_second, "020", "HND-020", NEEDS_RESTART, "every second block is taken",            \
	  ODD(8 * 1021, 200), .frag = FRAG_EVERY_SECOND)                                           \
	X(pairs, "020", "HND-020", NEEDS_RESTART, "two taken, two free", ODD(8 * 1021, 200),       \
	  .frag = FRAG_PAIRS)                                                                      \
	X(random_holes, "020", "HND-020 HND-030", NEEDS_RESTART, "holes at random",                \
	  ODD(8 * 1021, 200), .frag = FRAG_RANDOM)                                                 \
	X(one_hole, "020", "HND-020", NEEDS_RESTART, "one block in front of a hole",               \
	  ODD(8 * 1021, 64), .frag = FRAG_ONE_HOLE)                                                \
	X(blocks_4096, "020", "HND-020", NEEDS_INPROC, "logical blocks of 4096 bytes",             \
	  ODD(8 * 509, 96), .block_size = 4096, .load = { .max_blocks = 16 })                      \
	X(blocks_520, "020", "HND-020", NEEDS_INPROC | NEEDS_RESTART,                              \
	  "logical blocks of 520 bytes across scattered pages", ODD(8 * 1021, 200),                \
	  .frag = FRAG_EVERY_SECOND, .block_size = 520)                                            \
	X(blocks_8192, "020", "HND-020", NEEDS_INPROC | NEEDS_RESTART,                             \
	  "logical blocks larger than a data block", ODD(8 * 1021, 200),                           \
	  .frag = FRAG_EVERY_SECOND, .block_size = 8192, .load = { .max_blocks = 8 })              \
	X(exact, "039", "HND-039 HND-035", 0, "blocks keep their bytes, reused at once",           \
	  ODD(8 * 509, 24), .exact = true)                                                         \
	X(poison, "039", "HND-039 HND-018 HND-035", 0, "blocks are poisoned as they are freed",    \
	  ODD(8 * 509, 24))                                                                        \
	X(async, "038", "HND-038 HND-039", 0, "reclaimed as soon as the tail moves",               \
	  ODD(8 * 509, 48), .async = true)                                                         \
	X(async_reordered, "038", "HND-038 HND-039 HND-051", NEEDS_INPROC,                         \
	  "the same, completing out of order", ODD(8 * 509, 48), .async = true, .reorder = true)   \
	X(reordered, "051", "HND-051 HND-053 HND-037", NEEDS_INPROC, "completing out of order",    \
	  ODD(8 * 1021, 128), .reorder = true, .read_len = true, .n = 2000,                        \
	  .load = { .lanes = 40, .raw = 6 })                                                       \
	X(reordered_pads, "051", "HND-051 HND-013", NEEDS_INPROC, "slots of all lengths, PADs",    \
	  ODD(8 * 173, 32), .reorder = true,                                                       \
	  .load = { .lanes = 12, .max_blocks = 16, .raw = 3, .plug = 2 })                          \
	X(flags_all, "050", "HND-050 DIS-02", 0, "all four capabilities", FLAGS(0x0f))             \
	X(flags_none, "050", "HND-050 HND-035 HND-036 DIS-02", 0, "no capability", FLAGS(0))       \
	X(flags_ooo, "050", "HND-050 HND-035 DIS-02", 0, "CAP_OOOC alone", FLAGS(1))               \
	X(flags_read_len, "050", "HND-050 DIS-02", 0, "CAP_READ_LEN alone", FLAGS(2))              \
	X(flags_tmr, "050", "HND-050 HND-016 DIS-02", 0, "CAP_TMR alone", FLAGS(4), .tmr = true,   \
	  .load = { .tmr = 4 })                                                                    \
	X(flags_keep_buf, "050", "HND-050 HND-036 DIS-02", 0, "CAP_KEEP_BUF alone", FLAGS(8))      \
	X(tmr_on, "016", "HND-016 HND-053 DIS-03", 0, "aborts with notification",                  \
	  ODD(8 * 509, 96), .tmr = true, .load = { .tmr = 3, .raw = 7 })                           \
	X(tmr_off, "016", "HND-016 HND-053", 0, "aborts without notification", ODD(8 * 509, 96),   \
	  .load = { .tmr = 3 })                                                                    \
	X(tmr_reordered, "016", "HND-016 HND-051 HND-053", NEEDS_INPROC, "aborts out of order",    \
	  ODD(8 * 509, 96), .tmr = true, .reorder = true, .load = { .lanes = 30, .tmr = 2 })       \
	X(coalesced, "043", "HND-043", 0, "one event for every batch", ODD(8 * 509, 96),           \
	  .load = { .plug = 1 })                                                                   \
	X(spurious, "043", "HND-043", 0, "events for nothing", ODD(8 * 509, 96),                   \
	  .load = { .spurious = 1, .plug = 3 })                                                    \
	X(before_open, "041", "HND-041 HND-043 DIS-21", NEEDS_RESTART,                             \
	  "a ring full of commands before the first open", ODD(8 * 127, 24), .early = true, SMALL) \
	X(everything, "053", "HND-053 HND-012 HND-018", NEEDS_RESTART,                             \
	  "holes, aborts, batches, PADs, unknown opcodes", ODD(8 * 1021, 160), .tmr = true,        \
	  .frag = FRAG_RANDOM, .async = true, .n = 1500,                                           \
	  .load = { .lanes = 32, .raw = 4, .tmr = 5, .plug = 3, .spurious = 6 })

#define FUNCTION(name, first, clauses, needs, title, ...)          \
	static void name(struct tc *tc)                            \
	{                                                          \
		static const struct shape shape = { __VA_ARGS__ }; \
                                                                   \
		stress(tc, &shape, "HND-" first);                  \
	}
#define CASE(name, first, clauses, needs, title, ...) \
	{ "hnd." first ".matrix-" #name, clauses, CLAUSE_MUST, needs, title, name },

ROWS(FUNCTION)

static const struct case_def rows[] = { ROWS(CASE) };
CASE_TABLE(cases_matrix);
