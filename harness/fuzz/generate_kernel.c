/* SPDX-License-Identifier: MIT */
/*
 * The kernel's moves, and those of whoever supervises the handler: when commands come, when the
 * handler runs, dies and starts again, and what else happens meanwhile.
 *
 * All of it is legal. A ring is reset only over a dead handler (HND-064), and always before one
 * that may have answered out of order is started again (HND-071).
 */
#include "generate_scsi.h"

#include "../target/target.h"

enum move {
	M_COMMAND,
	M_BURST,
	M_TURN,
	M_SETTLE,
	M_SLEEP,
	M_REPEAT,
	M_RAW,
	M_DECOY,
	M_EVENT,
	M_TMR,
	M_ADVANCE,
	M_BLOCK,
	M_POLL,
	M_QFULL,
	M_AT,
	M_DEATH,
	M_DUEL,
	M_RELAPSE,
	M_FAULT,
	M_FLUSH,
	M_FLOOD,
	M_HOTPLUG,
	MOVES
};

static bool ordered_by_time(const struct gen *g)
{
	return g->profile == FUZZ_P_TIME;
}

static void run(struct gen *g)
{
	if (gen_one_in(g, 4))
		gen_op(g, FUZZ_TURN, gen_in(g, 1, 3), 0);
	else
		gen_push(g, FUZZ_SETTLE);
}

static void some_commands(struct gen *g, uint32_t most)
{
	uint32_t n = gen_in(g, 1, most);

	while (n--)
		gen_command(g);
}

static void burst(struct gen *g)
{
	bool plug = gen_one_in(g, 2);

	if (plug)
		gen_push(g, FUZZ_PLUG);
	some_commands(g, g->profile == FUZZ_P_ORDER ? 24 : 10);
	if (plug)
		gen_push(g, FUZZ_UNPLUG);
	if (!gen_one_in(g, 4))
		run(g);
}

/* Written, and read again at once or after others had their turn. */
static void repeat(struct gen *g)
{
	struct gen_range r = gen_range(g);
	uint32_t most = (32u << 10) / g->block_size;

	if (!most)
		most = 1;
	if (r.blocks > most)
		r.blocks = most;
	if (r.lba >= g->blocks || r.blocks > g->blocks - r.lba)
		r = (struct gen_range){ 0, 1 };
	gen_transfer(g, true, r.lba, r.blocks);
	if (gen_one_in(g, 2))
		gen_push(g, FUZZ_SETTLE);
	if (gen_one_in(g, 4))
		gen_command(g);
	gen_transfer(g, false, r.lba, r.blocks);
	run(g);
}

/* ABORT TASK names one command or none, LOGICAL UNIT RESET all, PREEMPT AND ABORT some (KRN-100).
 */
static void tmr(struct gen *g)
{
	struct fuzz_op *op = gen_push(g, FUZZ_TMR);

	switch (gen_below(g, 8)) {
	case 0:
	case 1:
		op->n[0] = TCMU_TMR_LUN_RESET;
		op->n[2] = 65535;
		break;
	case 2:
	case 3:
		op->n[0] = TCMU_TMR_LUN_RESET_PRO;
		op->n[1] = gen_below(g, 8);
		op->n[2] = gen_below(g, 12);
		break;
	case 4: /* what the ABI names and no kernel sends yet */
		op->n[0] = GEN_OF(g, 0, 2, 3, 4, 6, 7, 255);
		op->n[2] = gen_below(g, 6);
		break;
	default:
		op->n[0] = TCMU_TMR_ABORT_TASK;
		op->n[1] = gen_below(g, 16);
		op->n[2] = !gen_one_in(g, 5);
	}
}

static void raw(struct gen *g)
{
	struct fuzz_op *op = gen_push(g, FUZZ_RAW);

	op->n[0] = gen_one_in(g, 4) ? 0 : gen_in(g, 3, 7);
	op->n[1] = gen_one_in(g, 4) ? 8 * gen_in(g, 1, 32) : GEN_OF(g, 8, 16, 40, 112, 120, 128);
	op->n[2] = GEN_OF(g, 0, 0x81, 0x82, 0xff, 0x08, 0x5a);
}

static uint64_t some_ms(struct gen *g)
{
	uint64_t limit = 1000ull * g->p->setup.cmd_s;

	switch (gen_below(g, 8)) {
	case 0:
		return limit ? limit - 1 : 1;
	case 1:
		return limit + 1;
	case 2:
	case 3:
		return limit + 1000;
	case 4:
		return limit / 2;
	case 5:
		return gen_in(g, 1, 60000);
	default:
		return gen_in(g, 1, 1000);
	}
}

static void advance(struct gen *g)
{
	gen_op(g, FUZZ_ADVANCE, some_ms(g), 0);
}

/* A command is aborted while it can only wait for the one before it. */
static void lost_duel(struct gen *g)
{
	struct fuzz_op *op;

	gen_push(g, FUZZ_SETTLE);
	gen_push(g, FUZZ_FREEZE);
	gen_pair(g);
	op = gen_push(g, FUZZ_TMR);
	op->n[0] = TCMU_TMR_ABORT_TASK;
	op->n[1] = 1;
	op->n[2] = 1;
	gen_push(g, FUZZ_THAW);
	run(g);
}

/* Work piles up in front of a handler that is not scheduled; time may pass over it. */
static void sleep_over(struct gen *g)
{
	uint32_t n = gen_in(g, 1, 12);

	gen_push(g, FUZZ_FREEZE);
	while (n--) {
		switch (gen_below(g, 12)) {
		case 0:
			tmr(g);
			break;
		case 1:
			raw(g);
			break;
		case 2:
			if (ordered_by_time(g))
				advance(g);
			break;
		case 3:
			gen_op(g, FUZZ_DECOY, gen_in(g, 1, 3), 0);
			break;
		default:
			gen_command(g);
		}
	}
	if (gen_one_in(g, ordered_by_time(g) ? 2 : 12))
		advance(g);
	gen_push(g, FUZZ_THAW);
	run(g);
}

/* What may come from elsewhere between any two steps of the handler. */
static void meanwhile(struct gen *g)
{
	switch (gen_below(g, 16)) {
	case 0:
	case 1:
	case 2:
		gen_push(g, FUZZ_EVENT);
		break;
	case 3:
		tmr(g);
		break;
	case 4:
		gen_push(g, FUZZ_POLL);
		break;
	case 5:
		raw(g);
		break;
	case 6:
		if (ordered_by_time(g) || gen_one_in(g, 4))
			advance(g);
		else
			gen_simple(g);
		break;
	default:
		gen_simple(g);
	}
}

static void during(struct gen *g)
{
	uint32_t n = gen_in(g, 1, 3), at;

	if (g->lim->process) {
		burst(g);
		return;
	}
	if (gen_one_in(g, 2))
		some_commands(g, 6);
	else
		gen_simple(g);
	while (n--) {
		at = gen_one_in(g, 4) ? gen_in(g, 1, 80) : gen_in(g, 1, 24);
		gen_op(g, FUZZ_AT, at, 0);
		meanwhile(g);
	}
	run(g);
}

static void blocked(struct gen *g)
{
	gen_op(g, FUZZ_BLOCK, 1, 0);
	if (!gen_one_in(g, 3))
		some_commands(g, 3);
	if (gen_one_in(g, 2))
		run(g);
	gen_op(g, FUZZ_BLOCK, 0, 0);
}

/* A dead handler's successor; with a reset in the order that HND-064 recommends. */
static void revive(struct gen *g)
{
	bool reset = !g->kept_order || gen_one_in(g, 4);

	if (reset) {
		gen_op(g, FUZZ_BLOCK, 1, 0);
		gen_op(g, FUZZ_RESET, gen_in(g, 1, 2), 0);
	}
	gen_push(g, FUZZ_RESTART);
	if (reset)
		gen_op(g, FUZZ_BLOCK, 0, 0);
}

static void death(struct gen *g)
{
	bool later = !g->lim->process && !gen_one_in(g, 6);
	bool power = g->p->setup.medium && gen_one_in(g, 2);

	if (later)
		gen_op(g, FUZZ_KILL, gen_one_in(g, 4) ? gen_in(g, 1, 120) : gen_in(g, 1, 30),
		       power);
	if (gen_one_in(g, 4))
		gen_duel(g);
	else if (gen_one_in(g, 3))
		some_commands(g, 2);
	else
		some_commands(g, 10);
	if (later || gen_one_in(g, 2))
		gen_push(g, FUZZ_SETTLE);
	gen_op(g, FUZZ_KILL, 0, power);
	if (gen_one_in(g, 4))
		some_commands(g, 3);
	if (gen_one_in(g, ordered_by_time(g) ? 2 : 16))
		advance(g);
	revive(g);
	if (gen_one_in(g, 8))
		return;
	gen_push(g, FUZZ_SETTLE);
	if (gen_one_in(g, 3))
		gen_read_back(g);
}

/*
 * A long list of iovs answered once, but for the last store, and then again by a successor who has
 * no memory for it: nothing of the first answer may be left (HND-037).
 */
static void relapse(struct gen *g)
{
	uint8_t inquiry[6] = { 0x12, 0, 0, 0, 36 };

	if (g->p->setup.frag < 42 || !g->kept_order || g->lim->process) {
		death(g);
		return;
	}
	gen_push(g, FUZZ_SETTLE);
	gen_op(g, FUZZ_KILL, gen_in(g, 3, 9), 0);
	gen_cdb(g, inquiry, RINGSIM_FROM_DEVICE, 100000);
	gen_push(g, FUZZ_SETTLE);
	gen_op(g, FUZZ_KILL, 0, 0);
	gen_op(g, FUZZ_FAULT, FUZZ_NO_MEMORY, 1);
	gen_push(g, FUZZ_RESTART);
	gen_push(g, FUZZ_SETTLE);
}

static void fault(struct gen *g)
{
	uint32_t store = STORE_ZERO + 1, what;

	if (g->lim->process) {
		burst(g);
		return;
	}
	what = gen_below(g, FUZZ_GONE + (g->p->setup.medium ? store : 0));
	if (what >= FUZZ_GONE)
		what += FUZZ_STORE_ERROR - FUZZ_GONE;
	if (gen_one_in(g, 2) && g->p->setup.frag)
		what = FUZZ_NO_MEMORY;
	gen_op(g, FUZZ_FAULT, what, gen_one_in(g, 3) ? gen_in(g, 1, 6) : 1);
	if (what < FUZZ_NO_MEMORY && gen_one_in(g, 3))
		gen_push(g, FUZZ_EVENT);
	some_commands(g, 5);
	run(g);
}

/* Flushes that fail are told once, by the next one if the first did not wait. */
static void flush(struct gen *g)
{
	uint8_t sync[10] = { 0x35, gen_one_in(g, 2) ? 0x02 : 0 };
	static const uint8_t stop[6] = { 0x1b };

	some_commands(g, 3);
	if (g->p->setup.medium && gen_one_in(g, 2))
		gen_op(g, FUZZ_FAULT, FUZZ_STORE_ERROR + STORE_FLUSH, 1);
	gen_cdb(g, gen_one_in(g, 4) ? stop : sync, RINGSIM_NONE, 0);
	if (gen_one_in(g, 2))
		gen_push(g, FUZZ_SETTLE);
	sync[1] = 0;
	if (gen_one_in(g, 2))
		gen_cdb(g, sync, RINGSIM_NONE, 0);
	run(g);
}

/* More than 8 bits count in flight, and more than a small ring takes. */
static void flood(struct gen *g)
{
	static const uint8_t ready[6] = { 0 };
	uint32_t ring = g->p->setup.ring, n = ring ? gen_in(g, 20, 80) : gen_in(g, 257, 330), i;
	bool reads = !gen_one_in(g, 3);

	if (!ring && gen_one_in(g, 8)) /* more rounds than anybody may have thought of */
		n = gen_in(g, 600, 1200);

	if (reads && (!ring || ring >= 16384))
		n = gen_in(g, 66, 126);
	if (g->p->cnt + n > g->max)
		return;
	gen_push(g, FUZZ_FREEZE);
	for (i = 0; i < n; i++) {
		if (reads) /* more of them than a store may reap at once */
			gen_transfer(g, false, i % g->blocks, 1);
		else
			gen_cdb(g, ready, RINGSIM_NONE, 0);
	}
	gen_push(g, FUZZ_THAW);
	gen_push(g, FUZZ_SETTLE);
}

static void hotplug(struct gen *g)
{
	uint64_t size = g->blocks * g->block_size;

	if (!g->lim->hotplug) {
		burst(g);
		return;
	}
	switch (gen_below(g, 4)) {
	case 0:
		gen_op(g, FUZZ_RECONFIG, TARGET_DEV_SIZE, gen_one_in(g, 2) ? size / 2 : 2 * size);
		break;
	case 1:
		gen_op(g, FUZZ_RECONFIG, TARGET_WRITE_CACHE, gen_below(g, 2));
		break;
	case 2:
		gen_op(g, FUZZ_RECONFIG, TARGET_DEV_CONFIG, gen_below(g, 4));
		break;
	default:
		some_commands(g, 3);
		gen_push(g, FUZZ_REMOVE);
		gen_push(g, FUZZ_ADD);
	}
	some_commands(g, 3);
	gen_push(g, FUZZ_SETTLE);
}

/* clang-format off */
static const uint8_t move_weights[FUZZ_PROFILES][MOVES] = {
	[FUZZ_P_FAST] = { [M_BURST] = 30, [M_COMMAND] = 6, [M_SETTLE] = 6, [M_EVENT] = 1 },
	[FUZZ_P_SCSI] = { [M_COMMAND] = 40, [M_SETTLE] = 24, [M_BURST] = 8, [M_REPEAT] = 2,
		[M_TURN] = 2 },
	[FUZZ_P_RING] = { [M_COMMAND] = 20, [M_BURST] = 16, [M_SETTLE] = 10, [M_TURN] = 3,
		[M_SLEEP] = 10, [M_REPEAT] = 6, [M_RAW] = 8, [M_DECOY] = 5, [M_EVENT] = 2,
		[M_TMR] = 3, [M_AT] = 6, [M_POLL] = 2, [M_FLOOD] = 2, [M_BLOCK] = 1,
		[M_QFULL] = 1, [M_ADVANCE] = 1, [M_DEATH] = 2 },
	[FUZZ_P_ORDER] = { [M_COMMAND] = 16, [M_BURST] = 24, [M_SETTLE] = 6, [M_TURN] = 4,
		[M_SLEEP] = 8, [M_REPEAT] = 4, [M_TMR] = 14, [M_RAW] = 2, [M_AT] = 8,
		[M_FLOOD] = 2, [M_DEATH] = 2, [M_ADVANCE] = 1, [M_DUEL] = 12 },
	[FUZZ_P_TIME] = { [M_COMMAND] = 16, [M_BURST] = 10, [M_SETTLE] = 8, [M_TURN] = 3,
		[M_SLEEP] = 14, [M_ADVANCE] = 14, [M_BLOCK] = 6, [M_QFULL] = 5, [M_AT] = 10,
		[M_DEATH] = 6, [M_TMR] = 4, [M_REPEAT] = 4 },
	[FUZZ_P_WAKE] = { [M_COMMAND] = 6, [M_AT] = 40, [M_EVENT] = 6, [M_SETTLE] = 6,
		[M_TURN] = 6, [M_BURST] = 6, [M_SLEEP] = 4, [M_DEATH] = 3, [M_POLL] = 2,
		[M_REPEAT] = 3 },
	[FUZZ_P_CRASH] = { [M_COMMAND] = 16, [M_BURST] = 10, [M_SETTLE] = 8, [M_DEATH] = 30,
		[M_FLUSH] = 8, [M_REPEAT] = 4, [M_TMR] = 1, [M_RAW] = 1, [M_DUEL] = 3,
		[M_RELAPSE] = 4 },
	[FUZZ_P_FAULT] = { [M_COMMAND] = 16, [M_BURST] = 10, [M_SETTLE] = 8, [M_FAULT] = 30,
		[M_FLUSH] = 8, [M_REPEAT] = 6, [M_DEATH] = 3, [M_EVENT] = 2, [M_AT] = 3 },
	[FUZZ_P_PLUG] = { [M_COMMAND] = 16, [M_BURST] = 10, [M_SETTLE] = 8, [M_HOTPLUG] = 16,
		[M_DEATH] = 3, [M_REPEAT] = 4 },
};
/* clang-format on */

void gen_moves(struct gen *g)
{
	uint32_t i;

	g->weights = move_weights[g->profile];
	for (i = 0; i < MOVES; i++)
		g->total += g->weights[i];
}

static void lone(struct gen *g, enum move move)
{
	switch (move) {
	case M_TURN:
		gen_op(g, FUZZ_TURN, gen_in(g, 1, 4), 0);
		break;
	case M_DECOY:
		gen_op(g, FUZZ_DECOY, gen_in(g, 1, 8), 0);
		break;
	case M_EVENT:
		gen_push(g, FUZZ_EVENT);
		break;
	case M_POLL:
		gen_push(g, FUZZ_POLL);
		break;
	case M_QFULL: /* never, at once, or seconds */
		gen_op(g, FUZZ_QFULL, GEN_OF(g, 0, 1, 2, 3, 6, 31, 61), 0);
		break;
	case M_TMR:
		tmr(g);
		break;
	case M_RAW:
		raw(g);
		break;
	case M_ADVANCE:
		advance(g);
		break;
	case M_BLOCK:
		blocked(g);
		break;
	default:
		gen_push(g, FUZZ_SETTLE);
	}
}

void gen_move(struct gen *g)
{
	enum move move;

	if (g->profile == FUZZ_P_SEAT) {
		gen_seat(g);
		return;
	}
	move = gen_weighed(g, g->weights, g->total);
	switch (move) {
	case M_COMMAND:
		gen_command(g);
		break;
	case M_BURST:
		burst(g);
		break;
	case M_SLEEP:
		sleep_over(g);
		break;
	case M_REPEAT:
		repeat(g);
		break;
	case M_AT:
		during(g);
		break;
	case M_DUEL:
		if (gen_one_in(g, 4)) {
			lost_duel(g);
			break;
		}
		gen_duel(g);
		if (gen_one_in(g, 2))
			tmr(g);
		run(g);
		break;
	case M_RELAPSE:
		relapse(g);
		break;
	case M_DEATH:
		if (gen_one_in(g, 2))
			death(g);
		else
			relapse(g);
		break;
	case M_FAULT:
		fault(g);
		break;
	case M_FLUSH:
		flush(g);
		break;
	case M_FLOOD:
		flood(g);
		break;
	case M_HOTPLUG:
		hotplug(g);
		break;
	default:
		lone(g, move);
	}
}

void gen_finish(struct gen *g)
{
	if (g->profile == FUZZ_P_SEAT || g->profile == FUZZ_P_FAST)
		return;
	if (!g->lim->process && gen_one_in(g, g->profile == FUZZ_P_FAULT ? 6 : 60)) {
		if (gen_one_in(g, 2))
			gen_simple(g);
		if (gen_one_in(g, 2))
			gen_op(g, FUZZ_AT, gen_in(g, 1, 12), 0);
		gen_op(g, FUZZ_FAULT, gen_in(g, FUZZ_GONE, FUZZ_HANGUP), 0);
		gen_push(g, FUZZ_EVENT);
		gen_push(g, FUZZ_SETTLE);
		return;
	}
	/* sometimes nothing follows that could make good what was forgotten */
	if (g->profile == FUZZ_P_CRASH && !g->lim->process && gen_one_in(g, 2)) {
		gen_op(g, FUZZ_KILL, gen_in(g, 1, 24), 0);
		some_commands(g, 2);
		gen_push(g, FUZZ_SETTLE);
		return;
	}
	if (gen_one_in(g, 3))
		return;
	gen_push(g, FUZZ_SETTLE);
	if (gen_one_in(g, 3))
		gen_read_back(g);
}
