/* SPDX-License-Identifier: MIT */
/*
 * The target core around TCMU: who answers what, which sense it makes, and that it outlives a
 * hostile handler. Clauses: SCS-001, SCS-003, SCS-044, DIS-12; TRP-01, TRP-02.
 */
#include "krn.h"

#include "cdb.h"

#include <ringsim/core.h>

#define SEAT (NEEDS_SEAT | NEEDS_SIM)

/* Every opcode under every setting of the three attributes. */
static void routing(struct tc *tc)
{
	static const uint8_t reservations[] = { 0x16, 0x17, 0x56, 0x57, 0x5e, 0x5f };
	struct ringsim_core_attrs attrs;
	enum ringsim_route want;
	uint32_t op, bits;
	uint8_t cdb[16];

	for (bits = 0; bits < 8; bits++) {
		attrs = (struct ringsim_core_attrs){ .emulate_pr = bits & 1,
						     .pgr_support = bits & 2,
						     .alua_support = bits & 4 };
		for (op = 0; op < 256; op++) {
			memset(cdb, 0xff, sizeof(cdb)); /* service actions decide nothing */
			cdb[0] = (uint8_t)op;
			want = RINGSIM_ROUTE_HANDLER;
			if (op == 0xa0)
				want = RINGSIM_ROUTE_KERNEL;
			if (memchr(reservations, (int)op, sizeof(reservations)))
				want = !attrs.emulate_pr   ? RINGSIM_ROUTE_REFUSED
				       : attrs.pgr_support ? RINGSIM_ROUTE_KERNEL
							   : RINGSIM_ROUTE_HANDLER;
			EXPECT(tc, "SCS-001", ringsim_route(cdb, &attrs) == want,
			       "opcode %02x, emulate_pr=%d pgr_support=%d: expected route %d, found %d",
			       op, attrs.emulate_pr, attrs.pgr_support, (int)want,
			       (int)ringsim_route(cdb, &attrs));
		}
	}
	attrs = (struct ringsim_core_attrs)RINGSIM_CORE_ATTRS_DEFAULT;
	EXPECT(tc, "SCS-001", attrs.emulate_pr && attrs.pgr_support && attrs.alua_support,
	       "an attribute is not on by default");
}

/* Nonsense of every kind gets to the ring as it is. */
static void unchecked(struct tc *tc)
{
	static const uint8_t nonsense[][16] = {
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, /* no such opcode */
		{ 0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff }, /* beyond any capacity */
		{ 0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		{ 0x28, 0xff, 0, 0, 0, 0, 0xff, 0, 1, 0xff }, /* protection, reserved bits */
		{ 0x2a, 0x08, 0, 0, 0, 0, 0, 0, 1 },	      /* FUA without a cache */
		{ 0x12, 0xff, 0xff, 0, 0, 0xff },
		{ 0x9e, 0x1f },
	};
	static const uint32_t lens[] = { 0, 1, 511, 513, 70000 };
	struct target_opts o = work_opts(8 * 509, 32);
	struct target_io io;
	struct seat_entry e;
	uint32_t i, k, n;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		for (k = 0; k < 5; k++) {
			target_io_init(&io, nonsense[i], 16, RINGSIM_FROM_DEVICE, NULL, lens[k]);
			target_submit(tc->t, &io);
			EXPECT(tc, "SCS-003", !io.done, "%02x of %u bytes was refused", io.cdb[0],
			       lens[k]);
			seat_entry(tc->t, seat_tail(tc->t), &e);
			if (e.op == TCMU_OP_PAD)
				seat_entry(tc->t, 0, &e);
			n = krn_cdb_len(io.cdb);
			EXPECT_MEM(tc, "SCS-003", "CDB", nonsense[i], e.cdb, n);
			EXPECT_EQ(tc, "SCS-003", "bytes of the iov", lens[k],
				  lens[k] ? e.iov[0].iov_len : 0);
			seat_finish(tc->t, 0x18);
			EXPECT_ENDED(tc, "SCS-003", &io, RINGSIM_ANSWERED, 0x18, 0, 0, 0);
		}
}

/* Everything that ends with sense of the kernel's making, in @io; the device is broken after. */
static void kernel_sense(struct tc *tc, struct target_io io[6], bool descriptor)
{
	struct target_opts o = work_opts(4072, 4);

	o.dev.desc_sense = descriptor;
	if (target_start(tc->t, &o))
		return;
	krn_in(&io[0], NULL, 4 * 4096 + 1); /* too large */
	target_submit(tc->t, &io[0]);
	krn_turs(tc, &io[1], 1); /* UNKNOWN_OP */
	seat_answer(tc->t, seat_tail(tc->t), 0, 0, TCMU_UFLAG_UNKNOWN_OP, 0, NULL);
	seat_set_tail(tc->t, seat_head(tc->t));
	seat_ring(tc->t);
	krn_turs(tc, &io[2], 1); /* expires */
	target_advance(tc->t, 30000);
	krn_turs(tc, &io[3], 1); /* reset_ring=2 */
	ringsim_reset(target_device(tc->t), 2);
	krn_turs(tc, &io[4], 1);
	seat_answer(tc->t, seat_tail(tc->t), 9, 0, 0, 0, NULL);
	seat_set_tail(tc->t, seat_head(tc->t));
	seat_ring(tc->t);
	krn_turs(tc, &io[5], 1); /* BROKEN */
}

static void sense_fixed(struct tc *tc)
{
	static const enum ringsim_outcome outcomes[] = { RINGSIM_REFUSED, RINGSIM_ANSWERED,
							 RINGSIM_EXPIRED, RINGSIM_RESET };
	struct target_io io[6];
	uint32_t i;

	tc_expect_violation(tc, "HND-034");
	tc_expect_violation(tc, "HND-053");
	kernel_sense(tc, io, false);
	if (tc->failed)
		return;
	EXPECT_ENDED(tc, "SCS-044", &io[0], RINGSIM_REFUSED, 2, 5, 0x24, 0);
	for (i = 1; i < 4; i++)
		EXPECT_ENDED(tc, "SCS-044", &io[i], outcomes[i], 2, 2, 8, 0);
	EXPECT_ENDED(tc, "SCS-044", &io[5], RINGSIM_REFUSED, 2, 2, 8, 0);
}

/* The last LBA is above 0xffffffff: descriptor format. */
static void sense_descriptor(struct tc *tc)
{
	static const uint8_t too_large[96] = { 0x72, 5, 0x24 }, failure[96] = { 0x72, 2, 8 };
	struct target_io io[6];
	uint32_t i;

	tc_expect_violation(tc, "HND-034");
	tc_expect_violation(tc, "HND-053");
	kernel_sense(tc, io, true);
	for (i = 0; i < 6; i++) {
		if (i == 4)
			continue;
		EXPECT(tc, "SCS-044", io[i].done && io[i].status == 2 && io[i].sense_valid,
		       "command %u ended without sense", i);
		EXPECT_MEM(tc, "SCS-044", "sense", i ? failure : too_large, io[i].sense, 96);
	}
}

/* A device whose violations are what is asked for. */
struct victim {
	struct ringsim_device *dev;
	uint8_t *mem;
	const char *clause;
	uint32_t reports, ended;
	struct ringsim_cmd cmd[32];
	bool busy[32];
	bool twice;
};

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	struct victim *p = ctx;

	p->clause = v->clause;
	p->reports++;
}

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct victim *p = ctx;

	p->ended++;
	p->twice |= !p->busy[cmd - p->cmd];
	p->busy[cmd - p->cmd] = false;
}

static const struct ringsim_ops victim_ops = { .violation = on_violation, .complete = on_complete };

static bool victim_start(struct tc *tc, struct victim *p, uint32_t cmdr_size, bool sanitize)
{
	struct ringsim_config cfg = { .geo = { .cmdr_size = cmdr_size, .data_blocks = 6 },
				      .cmd_time_out_s = 2,
				      .qfull_time_out_s = -1,
				      .tmr_notification = true,
				      .sanitize = sanitize,
				      .poison_seed = 1 };

	memset(p, 0, sizeof(*p));
	if (ringsim_device_create(&p->dev, &cfg, &victim_ops, p, NULL, 0)) {
		tc_fail(tc, NULL, "cannot make the device");
		return false;
	}
	p->mem = ringsim_region(p->dev);
	return true;
}

static void victim_submit(struct victim *p, uint32_t i, const uint8_t *cdb, enum ringsim_dir dir,
			  const struct iovec *sg)
{
	p->cmd[i] = (struct ringsim_cmd){ .cdb = cdb,
					  .cdb_room = 16,
					  .dir = dir,
					  .data_len = dir == RINGSIM_NONE ? 0
									  : (uint32_t)sg->iov_len,
					  .sg = sg,
					  .sg_cnt = 1 };
	p->busy[i] = true;
	ringsim_submit(p->dev, &p->cmd[i]);
}

static const uint8_t tur[16];

/* @value as cmd_tail, with four commands on the ring. */
static void one_tail(struct tc *tc, uint32_t value, bool sanitize)
{
	struct ringsim_stats st;
	struct victim p;
	uint32_t i;

	if (!victim_start(tc, &p, 4072, sanitize))
		return;
	for (i = 0; i < 4; i++)
		victim_submit(&p, i, tur, RINGSIM_NONE, NULL);
	memcpy(p.mem + RINGSIM_OFF_TAIL, &value, 4);
	ringsim_doorbell(p.dev);
	ringsim_stats(p.dev, &st);
	ringsim_device_destroy(p.dev);
	EXPECT(tc, "DIS-12", p.reports == 1, "cmd_tail %u: %u reports", value, p.reports);
	EXPECT(tc, "DIS-12", !strncmp(p.clause, "HND-0", 5), "reported as %s", p.clause);
	EXPECT_EQ(tc, "DIS-12", "commands ended by an illegal tail", 0, p.ended);
	EXPECT(tc, "DIS-12", st.broken && st.reclaim == 0, "the walk believed cmd_tail %u", value);
}

static void illegal_tails(struct tc *tc)
{
	static const uint32_t tails[] = { 1,	4,    8,     112,	 119,	     121,
					  128,	488,  600,   4064,	 4072,	     4080,
					  4192, 8144, 65536, 0x80000000, 0xfffffff8, 0xffffffff };
	uint32_t i;

	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		one_tail(tc, tails[i], true);
		one_tail(tc, tails[i], false);
	}
}

/* Length or opcode of an entry is changed before the walk: flagged, not followed. */
static void changed_headers(struct tc *tc)
{
	static const uint32_t len_ops[] = { 0,	 1,    2,	   3,	       8,	  9,
					    113, 120,  122,	   123,	       127,	  129,
					    241, 4073, 0x80000001, 0xfffffff9, 0xffffffff };
	struct ringsim_stats st;
	struct victim p;
	uint32_t i, tail = 360, on;

	for (i = 0; i < sizeof(len_ops) / sizeof(len_ops[0]); i++)
		for (on = 0; on < 2; on++) {
			uint32_t k;

			if (!victim_start(tc, &p, 4072, on))
				return;
			for (k = 0; k < 4; k++) {
				victim_submit(&p, k, tur, RINGSIM_NONE, NULL);
				p.mem[128 + 120 * k + 8] = 0;
			}
			memcpy(p.mem + 128 + 120, &len_ops[i], 4);
			memcpy(p.mem + RINGSIM_OFF_TAIL, &tail, 4);
			ringsim_doorbell(p.dev);
			ringsim_stats(p.dev, &st);
			ringsim_device_destroy(p.dev);
			EXPECT(tc, "DIS-12", p.reports == 1 && !strcmp(p.clause, "HND-023"),
			       "len_op %x: %u reports, the last of %s", len_ops[i], p.reports,
			       p.clause ? p.clause : "nothing");
			EXPECT_EQ(tc, "DIS-12", "commands before it", 1, p.ended);
			EXPECT(tc, "DIS-12", st.broken, "len_op %x was followed", len_ops[i]);
		}
}

/* A word that is nasty in some way. */
static uint32_t nasty(struct tc *tc, uint32_t cmdr_size)
{
	switch (tc_below(tc, 5)) {
	case 0:
		return (uint32_t)tc_random(tc);
	case 1:
		return tc_below(tc, cmdr_size / 8 + 2) * 8;
	case 2:
		return tc_below(tc, 40);
	case 3:
		return 120 | tc_below(tc, 8);
	default:
		return 0xffffffff - tc_below(tc, 16);
	}
}

static void scribble(struct tc *tc, struct victim *p, uint32_t cmdr_size)
{
	uint32_t v = nasty(tc, cmdr_size), n;

	for (n = tc_below(tc, 3); n--;) {
		uint32_t off = 128 + tc_below(tc, cmdr_size / 4) * 4;

		memcpy(p->mem + off, &v, 4);
	}
	if (!tc_below(tc, 3))
		memcpy(p->mem + RINGSIM_OFF_TAIL, &v, 4);
	if (!tc_below(tc, 8))
		memcpy(p->mem + RINGSIM_OFF_HEAD, &v, 4);
	if (!tc_below(tc, 8))
		memcpy(p->mem + 4 * tc_below(tc, 32), &v, 4);
}

/* Answers what lies at the tail, if that can be an entry: makes the next steps reach further. */
static void behave(struct victim *p, uint32_t cmdr_size)
{
	uint32_t tail, head, len_op;

	memcpy(&tail, p->mem + RINGSIM_OFF_TAIL, 4);
	memcpy(&head, p->mem + RINGSIM_OFF_HEAD, 4);
	if (tail % 8 || tail >= cmdr_size || tail == head)
		return;
	memcpy(&len_op, p->mem + 128 + tail, 4);
	tail = (tail + (len_op & ~7u)) % cmdr_size;
	memcpy(p->mem + RINGSIM_OFF_TAIL, &tail, 4);
	ringsim_doorbell(p->dev);
}

static void play(struct tc *tc, bool sanitize)
{
	static const uint32_t sizes[] = { 512, 8 * 67, 8 * 251 };
	uint32_t size = sizes[tc_below(tc, 3)], i, k;
	uint8_t *buf = tc_alloc(tc, 3 * 16384), cdb[16] = { 0 };
	struct iovec sg = { buf + 16384, 0 };
	struct ringsim_stats st;
	struct victim p;
	uint64_t now = 0;

	memset(buf, 0x5c, 3 * 16384);
	if (!victim_start(tc, &p, size, sanitize))
		return;
	for (i = 0; i < 600; i++) {
		k = tc_below(tc, 32);
		cdb[0] = (uint8_t)tc_random(tc);
		sg.iov_len = tc_below(tc, 16384);
		if (!p.busy[k] && tc_below(tc, 2))
			victim_submit(&p, k, cdb, (enum ringsim_dir)tc_below(tc, 4), &sg);
		if (tc_below(tc, 3))
			behave(&p, size);
		if (!tc_below(tc, 6))
			scribble(tc, &p, size);
		if (!tc_below(tc, 8))
			ringsim_advance(p.dev, now += RINGSIM_NSEC_PER_SEC);
		if (!tc_below(tc, 12))
			ringsim_reset(p.dev, 1 + tc_below(tc, 2));
	}
	ringsim_reset(p.dev, 1);
	ringsim_block(p.dev, true);
	ringsim_reset(p.dev, 1);
	ringsim_block(p.dev, false);
	ringsim_stats(p.dev, &st);
	p.reports = 0;
	victim_submit(&p, 0, tur, RINGSIM_NONE, NULL);
	p.mem[128 + 8] = 0;
	memcpy(p.mem + RINGSIM_OFF_TAIL, &(uint32_t){ 120 }, 4);
	ringsim_doorbell(p.dev);
	ringsim_device_destroy(p.dev);
	EXPECT(tc, "DIS-12", !p.twice, "a command ended twice");
	EXPECT_EQ(tc, "DIS-12", "what is left after a reset", 0,
		  st.inflight + st.expired + st.kept + st.queued + st.blocks_used);
	EXPECT(tc, "DIS-12", p.cmd[0].outcome == RINGSIM_ANSWERED && p.cmd[0].status == 0,
	       "the device does not work after a reset");
	for (i = 0; i < 16384; i++)
		EXPECT(tc, "DIS-12", buf[i] == 0x5c && buf[32768 + i] == 0x5c,
		       "memory outside the initiator's buffer was stored to");
}

static void hostile(struct tc *tc)
{
	uint32_t round;

	for (round = 0; round < 10 && !tc->failed; round++)
		play(tc, round & 1);
}

static const struct case_def rows[] = {
	{ "scs.001.routing", "SCS-001", CLAUSE_MUST, SEAT,
	  "who answers each opcode under each attribute", routing },
	{ "scs.003.unchecked", "SCS-003", CLAUSE_MUST, SEAT,
	  "nonsense gets to the handler unjudged", unchecked },
	{ "scs.044.fixed", "SCS-044", CLAUSE_MUST, SEAT, "every sense that the kernel makes",
	  sense_fixed },
	{ "scs.044.descriptor", "SCS-044", CLAUSE_MUST, SEAT,
	  "the same in descriptor format, on a large device", sense_descriptor },
	{ "dis.12.tails", "DIS-12", CLAUSE_MUST, SEAT,
	  "illegal tails are reported, and nothing is believed", illegal_tails },
	{ "dis.12.headers", "DIS-12", CLAUSE_MUST, SEAT,
	  "changed lengths and opcodes are not followed", changed_headers },
	{ "dis.12.anything", "DIS-12", CLAUSE_MUST, SEAT, "a handler that stores anything anywhere",
	  hostile },
};

CASE_TABLE(cases_core);
