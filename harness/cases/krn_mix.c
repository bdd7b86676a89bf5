/* SPDX-License-Identifier: MIT */
/*
 * Random load against the oracle: every byte of the ring after each step.
 * Clauses: KRN-020 to KRN-032, KRN-040 to KRN-050; TRP-04 to TRP-11, TRP-14.
 */
#include "krn.h"

#include "cdb.h"

#define SIM  (NEEDS_SEAT | NEEDS_SIM)
#define LIVE 24

/* Random commands, answered in random order, everything compared after each step. */
struct mix {
	struct tc *tc;
	struct krn_oracle o;
	struct target_io io[LIVE];
	uint16_t id[LIVE];
	uint8_t *out, *in;
	uint32_t max_len;
};

static void random_io(struct mix *m, struct target_io *io)
{
	/* iSCSI has neither 7F nor BIDI; a kernel refuses a longer 7F, and has a BUG() for BIDI of
	 * none */
	static const uint8_t ops[] = { 0x00, 0x28, 0xa8, 0x88, 0xc5, 0x5a, 0x61, 0x7f };
	bool sim = krn_sim(m->tc), all = krn_all(m->tc);
	struct tc *tc = m->tc;
	uint32_t len = tc_below(tc, m->max_len + 1), i;

	switch (tc_below(tc, 4)) {
	case 0:
		len = 0;
		break;
	case 1:
		len = len / 4096 * 4096; /* just whole pages */
		break;
	}
	switch (tc_below(tc, all ? 3 : 2)) {
	case 0:
		krn_in(io, NULL, len);
		break;
	case 1:
		krn_out(io, m->out, len);
		break;
	default:
		krn_bidi(io, m->out, len / 2 + !sim, NULL, 0);
		io->bidi = m->in;
		io->bidi_len = tc_below(tc, m->max_len / 2 + 1) + !sim;
		break;
	}
	for (i = 1; i < sizeof(io->cdb); i++)
		io->cdb[i] = (uint8_t)tc_random(tc);
	io->cdb[0] = ops[tc_below(tc, sizeof(ops) - !all)];
	if (!sim && io->cdb[0] == 0x7f && io->cdb[7] > 252)
		io->cdb[7] = 252;
}

/* The bytes of Data-Out lie in the oracle's blocks, one after the other. */
static bool data_out_there(struct mix *m, const struct target_io *io)
{
	const struct krn_oracle *o = &m->o;
	uint32_t i, at, n;

	if (io->dir == RINGSIM_FROM_DEVICE)
		return true;
	for (i = at = 0; at < io->len; i++, at += n) {
		n = io->len - at < o->blk ? io->len - at : o->blk;
		if (!tc_equal(m->tc, "KRN-046", "Data-Out", (uint8_t *)io->data + at,
			      seat_region(m->tc->t) + o->data + (uint64_t)o->last[i] * o->blk, n))
			return false;
	}
	return true;
}

static void submit_one(struct mix *m, const char *clause)
{
	struct tc *tc = m->tc;
	struct target_io *io;
	uint32_t i;

	for (i = 0; i < LIVE && m->id[i]; i++)
		;
	if (i == LIVE)
		return;
	io = &m->io[i];
	random_io(m, io);
	if (io->data)
		tc_fill(tc, io->data, io->len, tc_random(tc));
	m->id[i] = krn_oracle_submit(&m->o, io);
	if (!m->id[i] && !krn_sim(tc))
		return; /* it would wait; a kernel is not bothered with it */
	krn_submit(tc, io);
	if (m->id[i]) {
		EXPECT(tc, clause, !io->done, "a command for which there is room was refused");
		SIM_EQ(tc, clause, "commands waiting", 0, queued);
		if (!data_out_there(m, io))
			return;
	} else {
		EXPECT_EQ(tc, "KRN-032", "commands waiting", 1, krn_stats(tc).queued);
		/* abort it, so that nothing waits: it is not on the ring */
		target_tmr(tc->t, TCMU_TMR_ABORT_TASK, &io, 1);
		EXPECT_EQ(tc, "KRN-101", "status", 0x40, io->status);
	}
	krn_oracle_equal(tc, clause, &m->o);
}

/* The handler answers any live command in the next slot; KEEP_BUF is freed at once or later. */
static void answer_one(struct mix *m, const char *clause)
{
	struct tc *tc = m->tc;
	uint32_t i = tc_below(tc, LIVE);
	struct seat_entry e;

	while (m->id[i % LIVE] == 0)
		if (++i == 2 * LIVE)
			return;
	i %= LIVE;
	krn_next(tc, &e);
	seat_answer(tc->t, e.off, m->id[i], 0x18, 0, 0, NULL);
	krn_oracle_stored(tc, &m->o, e.off);
	seat_set_tail(tc->t, seat_next(tc->t, &e));
	seat_ring(tc->t);
	krn_oracle_pass(&m->o);
	krn_oracle_free(&m->o, m->id[i]);
	EXPECT(tc, "KRN-061", krn_ended(tc, &m->io[i]), "id %u was answered and has not ended",
	       m->id[i]);
	EXPECT_EQ(tc, "KRN-071", "status", 0x18, m->io[i].status);
	m->id[i] = 0;
	krn_oracle_equal(tc, clause, &m->o);
}

static void mix_run(struct tc *tc, const struct ringsim_geometry *geo, uint32_t start,
		    uint32_t max_len, uint32_t steps, const char *clause)
{
	struct target_opts opts = TARGET_OPTS;
	struct mix *m = tc_alloc(tc, sizeof(*m));
	uint32_t i;

	opts.dev.geo = *geo;
	m->tc = tc;
	m->max_len = max_len;
	m->out = tc_alloc(tc, max_len);
	m->in = tc_alloc(tc, max_len);
	krn_oracle_init(tc, &m->o, &opts.dev);
	if (tc->failed || !krn_start_at(tc, &opts, start))
		return;
	krn_oracle_look(tc, &m->o);
	for (i = 0; i < steps && !tc->failed; i++) {
		if (tc_below(tc, 9) < 5)
			submit_one(m, clause);
		else
			answer_one(m, clause);
	}
	if (tc->failed)
		return;
	EXPECT(tc, clause, m->o.cmds > steps / 8, "only %u commands in %u steps", m->o.cmds, steps);
}

#define GEO(...) (&(const struct ringsim_geometry){ __VA_ARGS__ })

static void mix_small(struct tc *tc)
{
	mix_run(tc, GEO(.cmdr_size = 8 * 251, .data_blocks = 12), 0, 20000, 400, "KRN-020");
	mix_run(tc, GEO(.cmdr_size = 8 * 97, .data_blocks = 5), 768, 9000, 400, "KRN-020");
}

static void mix_odd(struct tc *tc)
{
	mix_run(tc, GEO(.cmdr_size = 8 * 331, .cmdr_off = 4096, .data_blocks = 30), 2640, 70000,
		300, "KRN-022");
}

static void mix_big_blocks(struct tc *tc)
{
	mix_run(tc, GEO(.cmdr_size = 8 * 199, .data_blocks = 9, .pages_per_blk = 2), 8, 50000, 300,
		"KRN-043");
	mix_run(tc, GEO(.cmdr_size = 8 * 211, .data_blocks = 4, .pages_per_blk = 16), 0, 130000,
		100, "KRN-043");
}

static void mix_fragments(struct tc *tc)
{
	mix_run(tc, GEO(.cmdr_size = 8 * 601, .data_blocks = 120), 4800, 120000, 400, "KRN-040");
	mix_run(tc, GEO(.cmdr_size = 8 * 149, .data_blocks = 40), 0, 60000, 300, "KRN-032");
}

/* A shipping geometry near the end of the ring. */
static void mix_mib(struct tc *tc)
{
	mix_run(tc, GEO(.ring_mb = 1, .data_area_mb = 1), KRN_RING - 3000, 60000, 150, "KRN-030");
}

static void mix_mib_big_blocks(struct tc *tc)
{
	mix_run(tc, GEO(.ring_mb = 1, .data_area_mb = 1, .pages_per_blk = 2), 0, 60000, 100,
		"KRN-043");
	if (!tc->failed)
		mix_run(tc, GEO(.ring_mb = 1, .data_area_mb = 4, .pages_per_blk = 16), 0, 150000,
			60, "KRN-043");
}

static const struct case_def rows[] = {
	{ "krn.020.mix-small", "KRN-020 KRN-021 KRN-023 KRN-024 KRN-046 KRN-050", CLAUSE_MUST, SIM,
	  "random load on small rings, all bytes compared", mix_small },
	{ "krn.022.mix-odd", "KRN-022 KRN-020 KRN-024 KRN-030 KRN-032", CLAUSE_MUST, SIM,
	  "random load, ring elsewhere and of prime length", mix_odd },
	{ "krn.043.mix-blocks", "KRN-043 KRN-044 KRN-013 KRN-046", CLAUSE_MUST, SIM,
	  "random load, blocks of 2 and 16 pages", mix_big_blocks },
	{ "krn.040.mix-fragments", "KRN-040 KRN-043 KRN-044 KRN-050", CLAUSE_MUST, SIM,
	  "random load, many fragments", mix_fragments },
	{ "krn.030.mix-mib", "KRN-030 KRN-024 KRN-040", CLAUSE_MUST, NEEDS_SEAT,
	  "random load over the end of a ring of 1 MiB", mix_mib },
	{ "krn.043.mix-mib-blocks", "KRN-043 KRN-040 KRN-013 KRN-046", CLAUSE_MUST, NEEDS_SEAT,
	  "random load on a ring of 1 MiB, blocks of 2 and 16 pages", mix_mib_big_blocks },
};

CASE_TABLE(cases_krn_mix);
