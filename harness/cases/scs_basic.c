/* SPDX-License-Identifier: MIT */
/*
 * Commands about the unit, and those that it does not have.
 * Clauses: SCS-003, SCS-030, SCS-031, SCS-040.
 */
#include "scs.h"

static void ready(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);

	if (!s)
		return;
	cdb_none(&s->io, OP_TEST_UNIT_READY);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	EXPECT_EQ(tc, "SCS-030", "outcome", RINGSIM_ANSWERED, s->io.outcome);
}

/* All sense has gone out with its command; what is left is NO SENSE. */
static void request_sense(struct scs *s, bool descriptor)
{
	uint32_t i;

	memset(s->room, 0xff, sizeof(s->room));
	cdb_request_sense(&s->io, descriptor, 252, s->room, 252);
	EXPECT_GOOD(s->tc, "SCS-030", &s->io);
	EXPECT_EQ(s->tc, "SCS-030", "response code", descriptor ? 0x72 : 0x70, s->room[0]);
	EXPECT_EQ(s->tc, "SCS-030", "sense key", 0, sense_key(s->room));
	EXPECT_EQ(s->tc, "SCS-030", "ASC and ASCQ", 0, sense_asc(s->room));
	if (!descriptor)
		EXPECT(s->tc, "SCS-030", s->room[7] >= 10,
		       "additional sense length: expected 10 or more, found %u", s->room[7]);
	for (i = 8u + s->room[7]; i < s->io.data_in; i++)
		EXPECT_EQ(s->tc, "HND-035", "byte behind the sense", 0, s->room[i]);
}

static void request_sense_formats(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);

	if (!s)
		return;
	request_sense(s, false);
	request_sense(s, true);
	/* nothing is left of an error either */
	cdb_none(&s->io, 0xff);
	scs_expect_sense(s, "SCS-040", BAD_OPCODE);
	request_sense(s, false);
	cdb_none(&s->io, 0xff);
	scs_expect_sense(s, "SCS-040", BAD_OPCODE);
	request_sense(s, true);
}

static void start_stop_io(struct scs *s, uint8_t byte1, uint8_t byte4)
{
	cdb_none(&s->io, OP_START_STOP);
	s->io.cdb[1] = byte1;
	s->io.cdb[4] = byte4;
}

static void start_stop(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 8);
	uint8_t *buf;

	if (!s)
		return;
	buf = scs_pattern(s, 2, 1);
	scs_write(s, 1, 2, buf);
	start_stop_io(s, 0, 0x00);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	start_stop_io(s, 0, 0x01);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	start_stop_io(s, 1, 0x01);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	cdb_none(&s->io, OP_TEST_UNIT_READY);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	scs_expect_medium(s, "SCS-030", "blocks after a stop and a start", 1, 2, buf);
}

static void power_conditions(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint8_t pc;

	if (!s)
		return;
	for (pc = 1; pc < 16; pc++) {
		start_stop_io(s, 0, (uint8_t)(pc << 4));
		scs_expect_sense(s, "SCS-030", BAD_CDB);
		start_stop_io(s, 0, (uint8_t)(pc << 4 | 1));
		scs_expect_sense(s, "SCS-030", BAD_CDB);
	}
}

/* There is no medium to load or eject. */
static void eject(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);

	if (!s)
		return;
	start_stop_io(s, 0, 0x02);
	scs_expect_sense(s, "SCS-040", BAD_CDB);
	cdb_none(&s->io, OP_TEST_UNIT_READY);
	EXPECT_GOOD(tc, "SCS-041", &s->io);
}

static void prevent_allow(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	bool there;

	if (!s)
		return;
	cdb_none(&s->io, OP_PREVENT_ALLOW);
	s->io.cdb[4] = 1;
	there = scs_supported(s, "SCS-030");
	EXPECT(tc, "SCS-030", !there || s->io.status == 0,
	       "expected GOOD or 05/20/00, found status 0x%02x", s->io.status);
	cdb_none(&s->io, OP_PREVENT_ALLOW);
	EXPECT(tc, "SCS-030", scs_supported(s, "SCS-030") == there, "PREVENT and ALLOW differ");
	EXPECT(tc, "SCS-030", !there || s->io.status == 0,
	       "expected GOOD or 05/20/00, found status 0x%02x", s->io.status);
}

/* One opcode with zeros behind it; whatever comes, it is one proper answer. */
static void try_opcode(struct scs *s, uint8_t op, enum ringsim_dir dir, uint32_t len)
{
	struct tc *tc = s->tc;

	cdb_begin(&s->io, op, dir, len ? s->room : NULL, len);
	EXPECT(tc, "SCS-030", target_exec(s->t, &s->io) == 0, "opcode 0x%02x never ended", op);
	EXPECT_EQ(tc, "SCS-030", "outcome", RINGSIM_ANSWERED, s->io.outcome);
	if (s->io.status == SAM_CHECK) {
		scs_judge_sense(s, "SCS-040");
		EXPECT(tc, "HND-034", !scs_is(s, 2, 0x0800),
		       "opcode 0x%02x: NOT READY 02/08/00 is what UNKNOWN_OP looks like", op);
	}
	if (cdb_may_exist(op))
		return;
	EXPECT(tc, "SCS-030", scs_is(s, BAD_OPCODE),
	       "opcode 0x%02x: expected 05/2000, found status 0x%02x sense %x/%04x", op,
	       s->io.status, sense_key(s->io.sense), sense_asc(s->io.sense));
	EXPECT_EQ(tc, "SCS-040", "bytes transferred", 0, s->io.data_in);
}

static void all_opcodes(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t op;

	if (!s)
		return;
	for (op = 0; op < 256; op++) {
		if (!target_simulated(tc->t) && !cdb_to_handler((uint8_t)op))
			continue;
		try_opcode(s, (uint8_t)op, RINGSIM_NONE, 0);
		try_opcode(s, (uint8_t)op, RINGSIM_FROM_DEVICE, 100);
		/* a Data-In command sent the wrong way round looks right on the ring (KRN-023) */
		if (!cdb_may_exist((uint8_t)op))
			try_opcode(s, (uint8_t)op, RINGSIM_TO_DEVICE, 100);
	}
	cdb_none(&s->io, OP_START_STOP);
	s->io.cdb[4] = 1;
	scs_supported(s, "SCS-030");
	cdb_none(&s->io, OP_TEST_UNIT_READY);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
}

/* Service actions that do not exist, where others do; some differ from those by one bit. */
static void service_actions(struct tc *tc)
{
	static const uint8_t ops[] = { OP_MAINTENANCE_IN, OP_MAINTENANCE_OUT };
	static const uint8_t actions[] = { 0x04, 0x08, 0x1a, 0x1c, 0x1e };
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < 2 * sizeof(actions); i++) {
		cdb_begin(&s->io, ops[i % 2], i % 2 ? RINGSIM_TO_DEVICE : RINGSIM_FROM_DEVICE,
			  s->room, 8);
		s->io.cdb[1] = actions[i / 2];
		be_put(s->io.cdb + 6, 4, 8);
		scs_expect_check(s, "SCS-040");
		EXPECT(tc, "SCS-040", scs_is(s, BAD_CDB) || scs_is(s, BAD_OPCODE),
		       "opcode 0x%02x, service action 0x%02x: found %x/%04x", ops[i % 2],
		       actions[i / 2], sense_key(s->io.sense), sense_asc(s->io.sense));
	}
	if (!target_sends_all(tc->t))
		return; /* the next one is too long for iSCSI */
	cdb_none(&s->io, 0x7f);
	s->io.cdb[7] = 24;
	be_put(s->io.cdb + 8, 2, 0xfffe);
	scs_expect_check(s, "SCS-040");
	EXPECT(tc, "SCS-040", scs_is(s, BAD_CDB) || scs_is(s, BAD_OPCODE),
	       "variable-length service action 0xfffe: found %x/%04x", sense_key(s->io.sense),
	       sense_asc(s->io.sense));
}

/* NACA asks for an ACA that no such device has (NORMACA 0). */
static void naca(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 8);

	if (!s)
		return;
	scs_inquiry(s);
	if (s->full[3] & 0x20) {
		tc_skip(tc, "the handler reports NORMACA");
		return;
	}
	cdb_none(&s->io, OP_TEST_UNIT_READY);
	s->io.cdb[5] = 0x04;
	scs_expect_sense(s, "SCS-040", BAD_CDB);
	target_io_rw(&s->io, false, 10, 0, 1, s->cap.block_size, tc_alloc(tc, s->cap.block_size));
	s->io.cdb[9] = 0x04;
	scs_expect_sense(s, "SCS-040", BAD_CDB);
	target_io_rw(&s->io, false, 16, 0, 1, s->cap.block_size, tc_alloc(tc, s->cap.block_size));
	s->io.cdb[15] = 0x04;
	scs_expect_sense(s, "SCS-040", BAD_CDB);
}

static const struct case_def rows[] = {
	{ "scs.030.test-unit-ready", "SCS-030", CLAUSE_MUST, 0, "TEST UNIT READY is GOOD", ready },
	{ "scs.030.request-sense", "SCS-030 SCS-040", CLAUSE_MUST, 0,
	  "REQUEST SENSE: NO SENSE in the format asked for", request_sense_formats },
	{ "scs.030.start-stop", "SCS-030", CLAUSE_SHOULD, 0, "START STOP UNIT stops and starts",
	  start_stop },
	{ "scs.030.power-conditions", "SCS-030 SCS-040 SCS-003", CLAUSE_SHOULD, 0,
	  "START STOP UNIT with a power condition is an invalid field", power_conditions },
	{ "scs.040.eject", "SCS-040 SCS-030", CLAUSE_SHOULD, 0,
	  "START STOP UNIT cannot eject a fixed medium", eject },
	{ "scs.030.prevent-allow", "SCS-030", CLAUSE_MUST, 0,
	  "PREVENT ALLOW MEDIUM REMOVAL is GOOD or no opcode", prevent_allow },
	{ "scs.030.all-opcodes", "SCS-030 SCS-040 SCS-003 HND-022 HND-034 HND-021 DIS-04",
	  CLAUSE_MUST, 0, "each of 256 opcodes gets one answer, unknown ones 05/20/00",
	  all_opcodes },
	{ "scs.040.service-actions", "SCS-040 SCS-030 SCS-003", CLAUSE_MUST, 0,
	  "a service action that does not exist is refused", service_actions },
	{ "scs.040.naca", "SCS-040 SCS-030 SCS-003", CLAUSE_SHOULD, 0,
	  "NACA without NORMACA is an invalid field", naca },
};

CASE_TABLE(cases_scs_basic);
