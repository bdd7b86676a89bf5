/* SPDX-License-Identifier: MIT */
/*
 * REPORT SUPPORTED OPERATION CODES, for handlers that have it: the list is the truth.
 * Clauses: SCS-031, SCS-040.
 */
#include "scs.h"

#define SERVACTV 0x01
#define CTDP	 0x02

/* What byte 2 asks for. */
enum { ALL = 0, WITHOUT_ACTION = 1, WITH_ACTION = 2, EITHER = 3, RCTD = 0x80 };

static void ask(struct scs *s, uint8_t byte2, uint8_t op, uint16_t action)
{
	memset(s->full, 0, sizeof(s->full));
	cdb_in(&s->io, OP_MAINTENANCE_IN, s->full, SCS_ROOM);
	s->io.cdb[1] = 0x0c;
	s->io.cdb[2] = byte2;
	s->io.cdb[3] = op;
	be_put(s->io.cdb + 4, 2, action);
	be_put(s->io.cdb + 6, 4, SCS_ROOM);
}

/* What the list says about each opcode. */
struct listing {
	bool known[256], by_action[256];
	uint16_t action[256];
};

static void read_list(struct scs *s, bool rctd, struct listing *l)
{
	uint32_t len, at, n;

	memset(l, 0, sizeof(*l));
	ask(s, rctd ? RCTD : 0, 0, 0);
	EXPECT_GOOD(s->tc, "SCS-031", &s->io);
	len = 4 + (uint32_t)be_get(s->full, 4);
	EXPECT(s->tc, "SCS-031", len <= SCS_ROOM, "list of %u bytes", len);
	for (at = 4; at < len; at += n) {
		const uint8_t *d = s->full + at;
		uint8_t probe[8] = { d[0] };

		n = d[5] & CTDP ? 20 : 8;
		EXPECT(s->tc, "SCS-031", at + n <= len, "the list ends in a descriptor");
		EXPECT_EQ(s->tc, "SCS-031", "CTDP", rctd, (d[5] & CTDP) != 0);
		EXPECT_EQ(s->tc, "SCS-031", "reserved bytes", 0, d[1] | d[4]);
		if (d[0] != 0x7f)
			EXPECT_EQ(s->tc, "SCS-031", "CDB length", ringsim_cdb_len(probe),
				  be_get(d + 6, 2));
		if (rctd)
			EXPECT_EQ(s->tc, "SCS-031", "timeouts descriptor length", 10,
				  be_get(d + 8, 2));
		EXPECT(s->tc, "SCS-031", d[5] & SERVACTV || !l->known[d[0]],
		       "opcode 0x%02x is listed twice", d[0]);
		l->known[d[0]] = true;
		l->by_action[d[0]] = d[5] & SERVACTV;
		l->action[d[0]] = (uint16_t)be_get(d + 2, 2);
	}
}

/* NULL if the handler has no such command (which is fine), or the case failed. */
static struct scs *start(struct tc *tc, struct listing *l)
{
	struct scs *s = scs_start(tc, NULL, 0);

	if (!s)
		return NULL;
	ask(s, ALL, 0, 0);
	if (!scs_exec(s, "SCS-031"))
		return NULL;
	if (scs_is(s, BAD_OPCODE) || scs_is(s, BAD_CDB)) {
		scs_judge_sense(s, "SCS-040");
		return NULL;
	}
	read_list(s, false, l);
	return tc->failed ? NULL : s;
}

/* An opcode is on the list if and only if it is not refused as unknown. */
static void list_is_true(struct tc *tc)
{
	struct listing l;
	struct scs *s = start(tc, &l);
	uint32_t op;

	if (!s)
		return;
	for (op = 0; op < 256; op++) {
		bool there;

		if (!target_simulated(tc->t) && !cdb_to_handler((uint8_t)op))
			continue;
		cdb_none(&s->io, (uint8_t)op);
		if (l.by_action[op])
			s->io.cdb[1] = (uint8_t)(l.action[op] & 0x1f);
		there = scs_supported(s, "SCS-040");
		EXPECT(tc, "SCS-031", there == l.known[op], "opcode 0x%02x is %s but %s", op,
		       l.known[op] ? "listed" : "not listed", there ? "known" : "refused");
	}
}

static void with_timeouts(struct tc *tc)
{
	struct listing l, t;
	struct scs *s = start(tc, &l);
	uint32_t op;

	if (!s)
		return;
	read_list(s, true, &t);
	for (op = 0; op < 256; op++)
		EXPECT(tc, "SCS-031", l.known[op] == t.known[op],
		       "opcode 0x%02x is listed with timeouts or without, not both", op);
}

/* Asked one by one, the answers are those of the list. */
static void one_by_one(struct tc *tc)
{
	struct listing l;
	struct scs *s = start(tc, &l);
	uint32_t op;

	if (!s)
		return;
	for (op = 0; op < 256; op++) {
		uint8_t probe[8] = { (uint8_t)op };
		uint32_t cdb_len = ringsim_cdb_len(probe);

		ask(s, EITHER, (uint8_t)op, l.action[op]);
		EXPECT_GOOD(tc, "SCS-031", &s->io);
		EXPECT_EQ(tc, "SCS-031", "SUPPORT", l.known[op] ? 3 : 1, s->full[1] & 7);
		if (!l.known[op] || op == 0x7f)
			continue;
		EXPECT_EQ(tc, "SCS-031", "CDB length", cdb_len, be_get(s->full + 2, 2));
		EXPECT_EQ(tc, "SCS-031", "opcode in the usage map", op, s->full[4]);
		if (l.by_action[op])
			EXPECT_EQ(tc, "SCS-031", "service action in the usage map", l.action[op],
				  s->full[5] & 0x1f);
		ask(s, RCTD | EITHER, (uint8_t)op, l.action[op]);
		EXPECT_GOOD(tc, "SCS-031", &s->io);
		EXPECT_EQ(tc, "SCS-031", "CTDP", 0x80, s->full[1] & 0x80);
		EXPECT_EQ(tc, "SCS-031", "timeouts descriptor length", 10,
			  be_get(s->full + 4 + cdb_len, 2));
	}
}

/* The map of a command shows the bits that count: LBA and transfer length do, in all their bytes.
 */
static void usage_maps(struct tc *tc)
{
	static const struct {
		uint8_t op, from, to;
	} fields[] = { { 0x08, 2, 4 },	{ 0x0a, 2, 4 },	 { 0x28, 2, 5 }, { 0x28, 7, 8 },
		       { 0x2a, 2, 5 },	{ 0x2a, 7, 8 },	 { 0xa8, 2, 9 }, { 0xaa, 2, 9 },
		       { 0x88, 2, 13 }, { 0x8a, 2, 13 }, { 0x12, 3, 4 }, { 0x1a, 4, 4 },
		       { 0x5a, 7, 8 } };
	struct listing l;
	struct scs *s = start(tc, &l);
	uint32_t i, k;

	if (!s)
		return;
	EXPECT(tc, "SCS-031", l.by_action[OP_SERVICE_IN_16] && l.by_action[OP_MAINTENANCE_IN],
	       "opcodes 9E and A3 are listed without service actions");
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		ask(s, EITHER, fields[i].op, 0);
		EXPECT_GOOD(tc, "SCS-031", &s->io);
		for (k = fields[i].from; k <= fields[i].to; k++)
			EXPECT(tc, "SCS-031", s->full[4 + k] == 0xff,
			       "opcode 0x%02x: usage of byte %u: expected 0xff, found 0x%02x",
			       fields[i].op, k, s->full[4 + k]);
	}
}

/* The forms that insist on a service action, or on none. */
static void forms(struct tc *tc)
{
	struct listing l;
	struct scs *s = start(tc, &l);

	if (!s)
		return;
	ask(s, WITHOUT_ACTION, OP_TEST_UNIT_READY, 0);
	EXPECT_GOOD(tc, "SCS-031", &s->io);
	EXPECT_EQ(tc, "SCS-031", "SUPPORT", 3, s->full[1] & 7);
	ask(s, WITH_ACTION, OP_SERVICE_IN_16, 0x10);
	EXPECT_GOOD(tc, "SCS-031", &s->io);
	EXPECT_EQ(tc, "SCS-031", "SUPPORT", 3, s->full[1] & 7);
	ask(s, EITHER, OP_SERVICE_IN_16, 0x1f);
	EXPECT_GOOD(tc, "SCS-031", &s->io);
	EXPECT_EQ(tc, "SCS-031", "SUPPORT", 1, s->full[1] & 7);
	ask(s, WITHOUT_ACTION, OP_SERVICE_IN_16, 0x10);
	scs_expect_sense(s, "SCS-040", BAD_CDB);
	ask(s, WITH_ACTION, OP_TEST_UNIT_READY, 0);
	scs_expect_sense(s, "SCS-040", BAD_CDB);
	ask(s, 7, OP_TEST_UNIT_READY, 0);
	scs_expect_sense(s, "SCS-040", BAD_CDB);
	/* the neighbour reports task management functions, if it is there */
	ask(s, ALL, 0, 0);
	EXPECT_GOOD(tc, "SCS-031", &s->io);
	memcpy(s->room, s->full, 32);
	ask(s, ALL, 0, 0);
	s->io.cdb[1] = 0x0d;
	EXPECT(tc, "SCS-040", scs_exec(s, "SCS-040"), "no end");
	if (s->io.status == 0)
		EXPECT(tc, "SCS-031", memcmp(s->room, s->full, 32) != 0,
		       "service action 0x0d is answered with the list of opcodes");
	else
		EXPECT(tc, "SCS-040", scs_is(s, BAD_CDB) || scs_is(s, BAD_OPCODE),
		       "service action 0x0d: found %x/%04x", sense_key(s->io.sense),
		       sense_asc(s->io.sense));
}

static const struct case_def rows[] = {
	{ "scs.031.opcode-list", "SCS-031 SCS-030", CLAUSE_MUST, 0,
	  "REPORT SUPPORTED OPERATION CODES lists exactly what is not refused", list_is_true },
	{ "scs.031.opcode-list-timeouts", "SCS-031 SCS-030", CLAUSE_MUST, 0,
	  "the list with timeouts descriptors is the same list", with_timeouts },
	{ "scs.031.opcode-one-by-one", "SCS-031 SCS-030", CLAUSE_MUST, 0,
	  "one opcode at a time, the answers are those of the list", one_by_one },
	{ "scs.031.opcode-usage", "SCS-031", CLAUSE_SHOULD, 0,
	  "usage maps show LBA and length fields whole", usage_maps },
	{ "scs.040.opcode-forms", "SCS-031 SCS-030 SCS-040", CLAUSE_MUST, 0,
	  "asking for or without a service action where there is none or one", forms },
};

CASE_TABLE(cases_scs_opcodes);
