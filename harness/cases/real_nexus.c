/* SPDX-License-Identifier: MIT */
/*
 * Two initiators on one unit of a real kernel, over the probe fabric: whose commands end in which
 * way when one of them resets the unit. Clauses: KRN-100, KRN-102, KRN-103.
 */
#include "../target/kernel.h"
#include "cdb.h"
#include "krn.h"

#include <unistd.h>

#define TWO	(NEEDS_SEAT | NEEDS_KERNEL | NEEDS_PROBE)
#define WAIT_MS 20000

static struct initiator *log_in(struct tc *tc, char *err, size_t len)
{
	struct initiator *in = NULL;
	char url[400];

	kernel_url(tc->t->kernel, url, sizeof(url));
	initiator_open(&in, url, NULL, WAIT_MS, err, len);
	return in;
}

static bool start(struct tc *tc)
{
	struct target_opts o = krn_opts();

	o.dev.tmr_notification = true;
	return !target_start(tc->t, &o);
}

/* A TMR entry behind @at, within a bound. */
static bool tmr_comes(struct tc *tc, uint32_t at, struct seat_entry *e)
{
	uint64_t end = kernel_now_ms() + WAIT_MS;

	while (seat_head(tc->t) == at && kernel_now_ms() < end)
		usleep(1000);
	if (seat_head(tc->t) == at) {
		tc_fail(tc, "KRN-102", "no TMR entry within %d ms", WAIT_MS);
		return false;
	}
	seat_entry(tc->t, at, e);
	return true;
}

static bool ends(struct initiator *in, struct initiator_cmd *cmd)
{
	return !initiator_wait(in, cmd, WAIT_MS);
}

/* Of commands that another initiator's reset aborts there is a status; of one's own there is none.
 */
static void whose_reset(struct tc *tc)
{
	struct initiator_cmd *ours = tc_alloc(tc, 2 * sizeof(*ours)), *theirs = ours + 1;
	struct initiator *us, *them;
	struct initiator_tmf tmf;
	struct seat_entry e;
	char err[400] = "";

	if (!start(tc))
		return;
	ours->cdb_len = theirs->cdb_len = 6;
	us = tc->t->kernel->sessions[0];
	them = log_in(tc, err, sizeof(err));
	EXPECT(tc, NULL, them, "%s", err);
	if (initiator_submit(us, ours) || initiator_submit(them, theirs) ||
	    initiator_tmf(us, INITIATOR_LUN_RESET, NULL, &tmf))
		tc_fail(tc, NULL, "cannot send commands");
	else if (tmr_comes(tc, 240, &e)) {
		EXPECT(tc, "KRN-100", e.op == TCMU_OP_TMR && e.tmr_type == TCMU_TMR_LUN_RESET,
		       "found op %u, type %u", e.op, e.tmr_type);
		EXPECT_EQ(tc, "KRN-102", "ids, of both initiators", 2, e.cmd_cnt);
		seat_finish_all(tc->t, 0);
		EXPECT(tc, "KRN-103", ends(us, ours) && ours->end == INITIATOR_ABORTED,
		       "our own: expected no status, found end %d, status 0x%02x", ours->end,
		       ours->status);
		EXPECT(tc, "KRN-103", ends(them, theirs) && theirs->end == INITIATOR_STATUS,
		       "theirs: expected a status, found end %d", theirs->end);
		EXPECT_EQ(tc, "KRN-103", "their status", 0x40, theirs->status);
		EXPECT_EQ(tc, "KRN-103", "their sense", 0, theirs->sense_len);
		EXPECT(tc, "KRN-103", !initiator_wait_tmf(us, &tmf, WAIT_MS) && tmf.response == 0,
		       "the reset: expected 0, found %d", tmf.response);
	}
	seat_finish_all(tc->t, 0);
	initiator_close(them);
}

static const struct case_def rows[] = {
	{ "krn.103.whose-reset", "KRN-103 KRN-100 KRN-102", CLAUSE_MUST, TWO,
	  "a reset by another initiator leaves a status, one's own leaves none", whose_reset },
};
CASE_TABLE(cases_real_nexus);
