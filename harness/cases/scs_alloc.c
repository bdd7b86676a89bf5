/* SPDX-License-Identifier: MIT */
/*
 * Allocation lengths: each command that answers with parameter data is asked for every length from
 * nothing to more than there is, into buffers that are smaller, equal and larger. Every byte is
 * judged: the answer is cut, never changed, and nothing old shows behind it.
 * Clauses: SCS-020, SCS-022, HND-035.
 */
#include "scs.h"

/**
 * struct data_in - a command that answers with parameter data
 * @alloc_at, @alloc_bytes: where the CDB has the allocation length; 0 bytes = nowhere
 * @len_at, @len_bytes, @plus: the answer's length is @plus and what this field says
 */
struct data_in {
	uint8_t cdb[16];
	uint8_t alloc_at, alloc_bytes;
	uint8_t len_at, len_bytes;
	uint16_t plus;
};

#define REQUEST_SENSE(desc)                   \
	{                                     \
		{ 0x03, desc }, 4, 1, 7, 1, 8 \
	}
#define STANDARD                        \
	{                               \
		{ 0x12 }, 3, 2, 4, 1, 5 \
	}
#define VPD(page)                                \
	{                                        \
		{ 0x12, 1, page }, 3, 2, 2, 2, 4 \
	}
#define MODE_6(byte1, page)                          \
	{                                            \
		{ 0x1a, byte1, page }, 4, 1, 0, 1, 1 \
	}
#define MODE_10(byte1, page)                         \
	{                                            \
		{ 0x5a, byte1, page }, 7, 2, 0, 2, 2 \
	}
#define CAPACITY_10                     \
	{                               \
		{ 0x25 }, 0, 0, 0, 0, 8 \
	}
#define CAPACITY_16                             \
	{                                       \
		{ 0x9e, 0x10 }, 10, 4, 0, 0, 32 \
	}
#define OPCODES                               \
	{                                     \
		{ 0xa3, 0x0c }, 6, 4, 0, 4, 4 \
	}
#define ONE_OPCODE                                        \
	{                                                 \
		{ 0xa3, 0x0c, 0x03, 0x88 }, 6, 4, 2, 2, 4 \
	}

/* What @d's CDB can ask for at most, as far as it matters here. */
static uint32_t max_alloc(const struct data_in *d)
{
	if (d->alloc_bytes == 1)
		return d->cdb[0] == OP_REQUEST_SENSE ? 252 : 255;
	return SCS_ROOM;
}

static void ask(struct scs *s, const struct data_in *d, uint32_t alloc, void *data, uint32_t len)
{
	target_io_init(&s->io, d->cdb, sizeof(d->cdb), RINGSIM_FROM_DEVICE, data, len);
	if (d->alloc_bytes)
		be_put(s->io.cdb + d->alloc_at, d->alloc_bytes, alloc);
}

/* The whole answer, into @s->full. False: there is none, and the case is over. */
static bool learn(struct scs *s, const struct data_in *d, bool optional)
{
	uint32_t max = max_alloc(d);

	ask(s, d, max, s->full, max);
	if (!scs_exec(s, "SCS-022"))
		return false;
	if (optional && scs_is(s, BAD_OPCODE)) {
		scs_judge_sense(s, "SCS-040");
		return false;
	}
	if (s->io.status != 0) {
		tc_fail(s->tc, "SCS-030", "command 0x%02x: expected GOOD, found status 0x%02x",
			d->cdb[0], s->io.status);
		return false;
	}
	s->full_len = d->plus + (uint32_t)be_get(s->full + d->len_at, d->len_bytes);
	if (s->full_len <= SCS_ROOM)
		return true;
	tc_fail(s->tc, "SCS-022", "command 0x%02x: the answer says it has %u bytes", d->cdb[0],
		s->full_len);
	return false;
}

static void try_alloc(struct scs *s, const struct data_in *d, uint32_t alloc)
{
	const uint32_t rooms[] = { alloc, alloc / 2, alloc + 5, s->full_len + 3, 4096 };
	uint32_t i;

	for (i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		ask(s, d, alloc, s->room, rooms[i] < SCS_ROOM ? rooms[i] : SCS_ROOM);
		scs_expect_data(s, "SCS-022", s->full, s->full_len,
				d->alloc_bytes ? alloc : d->plus);
	}
}

static void all_allocs(struct tc *tc, const struct target_opts *o, const struct data_in *d,
		       bool optional)
{
	struct scs *s = scs_start(tc, o, 0);
	uint32_t alloc, last;

	if (!s || !learn(s, d, optional))
		return;
	last = s->full_len + 12 < max_alloc(d) ? s->full_len + 12 : max_alloc(d);
	for (alloc = 0; alloc <= last && !tc->failed; alloc += alloc < 64 ? 1 : 3)
		try_alloc(s, d, alloc);
	try_alloc(s, d, max_alloc(d));
}

#define ALLOC_CASE(name, optional, ...)                      \
	static void name(struct tc *tc)                      \
	{                                                    \
		static const struct data_in d = __VA_ARGS__; \
                                                             \
		all_allocs(tc, NULL, &d, optional);          \
	}

ALLOC_CASE(request_sense, false, REQUEST_SENSE(0))
ALLOC_CASE(request_sense_descriptor, false, REQUEST_SENSE(1))
ALLOC_CASE(inquiry, false, STANDARD)
ALLOC_CASE(vpd_list, false, VPD(0x00))
ALLOC_CASE(vpd_serial, false, VPD(0x80))
ALLOC_CASE(vpd_identification, false, VPD(0x83))
ALLOC_CASE(vpd_limits, false, VPD(0xb0))
ALLOC_CASE(vpd_characteristics, false, VPD(0xb1))
ALLOC_CASE(vpd_provisioning, false, VPD(0xb2))
ALLOC_CASE(mode_sense_6, false, MODE_6(0, 0x3f))
ALLOC_CASE(mode_sense_6_page, false, MODE_6(CDB1_DBD, 0x0a))
ALLOC_CASE(mode_sense_10, false, MODE_10(0, 0x3f))
ALLOC_CASE(mode_sense_10_long, false, MODE_10(CDB1_LLBAA, 0x08))
ALLOC_CASE(read_capacity_10, false, CAPACITY_10)
ALLOC_CASE(read_capacity_16, false, CAPACITY_16)
ALLOC_CASE(opcodes, true, OPCODES)
ALLOC_CASE(one_opcode, true, ONE_OPCODE)

/* Whether the short answer to @s->io said how short it is. */
static void expect_read_len(struct scs *s, bool used)
{
	cdb_inquiry(&s->io, 0, 0, 255, s->room, 255);
	EXPECT_GOOD(s->tc, "HND-035", &s->io);
	EXPECT_EQ(s->tc, "HND-035", "bytes of 255 that were not transferred",
		  used ? 255 - (5 + s->room[4]) : 0, s->io.residual);
}

/* The same with the handler told to use READ_LEN, @offered by the kernel or not. */
static void with_read_len(struct tc *tc, bool offered)
{
	static const struct data_in d[] = { REQUEST_SENSE(0), STANDARD,		VPD(0x83),
					    MODE_6(0, 0x3f),  MODE_10(0, 0x3f), CAPACITY_10,
					    CAPACITY_16,      OPCODES };
	struct target_opts o = scs_opts(tc);
	struct scs *s;
	uint32_t i;

	o.handler.read_len = true;
	o.dev.set_flags = !offered;
	o.dev.flags = TCMU_MAILBOX_FLAG_CAP_OOOC;
	s = scs_start(tc, &o, 0);
	if (!s)
		return;
	expect_read_len(s, offered);
	for (i = 0; i < sizeof(d) / sizeof(d[0]) && !tc->failed; i++) {
		if (!learn(s, &d[i], true))
			continue;
		try_alloc(s, &d[i], 0);
		try_alloc(s, &d[i], 1);
		try_alloc(s, &d[i], s->full_len - 1);
		try_alloc(s, &d[i], s->full_len);
		try_alloc(s, &d[i], s->full_len + 1 <= max_alloc(&d[i]) ? s->full_len + 1 : 255);
	}
}

static void read_len_offered(struct tc *tc)
{
	with_read_len(tc, true);
}

static void read_len_not_offered(struct tc *tc)
{
	with_read_len(tc, false);
}

/* An answer of 36 bytes or so into 12 KiB: blocks that nobody else would clear. */
static void long_room(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	const uint32_t len = 12289;
	uint8_t *buf = tc_alloc(tc, len);
	uint32_t i;

	if (!s)
		return;
	scs_inquiry(s);
	cdb_inquiry(&s->io, 0, 0, 0xffff, buf, len);
	EXPECT_GOOD(tc, "SCS-022", &s->io);
	EXPECT_MEM(tc, "SCS-022", "standard INQUIRY data", s->full, buf, s->full_len);
	for (i = s->full_len; i < len; i++)
		EXPECT(tc, "HND-035", buf[i] == 0, "byte %u of %u: expected 0, found 0x%02x", i,
		       len, buf[i]);
}

/*
 * Commands without data, or with none this time, that were given a buffer: what the initiator reads
 * there is not another's.
 */
static void no_data_command(struct tc *tc)
{
	static const uint8_t cdbs[][16] = {
		{ OP_TEST_UNIT_READY },
		{ OP_START_STOP, 0, 0, 0, 1 },
		{ OP_PREVENT_ALLOW },
		{ 0x28, 0, 0, 0, 0, 1, 0, 0, 0 },
		{ 0x2a, 0, 0, 0, 0, 1, 0, 0, 0 },
		{ 0x2e, 0, 0, 0, 0, 1, 0, 0, 0 },
		{ 0x2f, 0, 0, 0, 0, 1, 0, 0, 0 },
		{ 0x2f, CDB1_BYTCHK, 0, 0, 0, 1, 0, 0, 0 },
		{ OP_SYNC_10 },
		{ OP_SYNC_16, CDB1_IMMED },
		{ OP_MODE_SELECT_6, CDB1_PF },
		{ OP_MODE_SELECT_10, CDB1_PF },
		{ OP_UNMAP },
		{ OP_CAW },
	};
	struct scs *s = scs_start(tc, NULL, 8);
	uint32_t i, k;

	if (!s)
		return;
	for (i = 0; i < sizeof(cdbs) / sizeof(cdbs[0]); i++) {
		target_io_init(&s->io, cdbs[i], sizeof(cdbs[i]), RINGSIM_FROM_DEVICE, s->room, 123);
		EXPECT(tc, "SCS-020", scs_exec(s, "SCS-020"), "no end");
		if (s->io.status == SAM_CHECK)
			scs_judge_sense(s, "HND-033");
		for (k = 0; k < s->io.data_in; k++)
			EXPECT(tc, "HND-035", s->room[k] == 0,
			       "command 0x%02x: byte %u: expected 0, found 0x%02x", cdbs[i][0], k,
			       s->room[k]);
	}
}

#define PROVES "SCS-022 SCS-020 HND-035"
#define ROW(name, level, what, fn)                                                        \
	{                                                                                 \
		"scs.022." name, PROVES, level, 0, what " at every allocation length", fn \
	}

static const struct case_def rows[] = {
	ROW("request-sense", CLAUSE_MUST, "REQUEST SENSE", request_sense),
	ROW("request-sense-descriptor", CLAUSE_MUST, "REQUEST SENSE in descriptor format",
	    request_sense_descriptor),
	ROW("inquiry", CLAUSE_MUST, "standard INQUIRY", inquiry),
	ROW("vpd-00", CLAUSE_MUST, "VPD page 00", vpd_list),
	ROW("vpd-80", CLAUSE_MUST, "VPD page 80", vpd_serial),
	ROW("vpd-83", CLAUSE_MUST, "VPD page 83", vpd_identification),
	ROW("vpd-b0", CLAUSE_SHOULD, "VPD page B0", vpd_limits),
	ROW("vpd-b1", CLAUSE_SHOULD, "VPD page B1", vpd_characteristics),
	ROW("vpd-b2", CLAUSE_SHOULD, "VPD page B2", vpd_provisioning),
	ROW("mode-sense-6", CLAUSE_MUST, "MODE SENSE(6), all pages", mode_sense_6),
	ROW("mode-sense-6-page", CLAUSE_MUST, "MODE SENSE(6), page 0A", mode_sense_6_page),
	ROW("mode-sense-10", CLAUSE_MUST, "MODE SENSE(10), all pages", mode_sense_10),
	ROW("mode-sense-10-long", CLAUSE_MUST, "MODE SENSE(10), page 08 with LLBAA",
	    mode_sense_10_long),
	ROW("read-capacity-16", CLAUSE_MUST, "READ CAPACITY(16)", read_capacity_16),
	ROW("opcodes", CLAUSE_MUST, "REPORT SUPPORTED OPERATION CODES", opcodes),
	ROW("one-opcode", CLAUSE_MUST, "REPORT SUPPORTED OPERATION CODES for one", one_opcode),
	{ "scs.020.read-capacity-10", "SCS-020 HND-035", CLAUSE_MUST, 0,
	  "READ CAPACITY(10) into buffers of all sizes", read_capacity_10 },
	{ "hnd.035.read-len", "HND-035 SCS-030 SCS-020 DIS-06", CLAUSE_MUST, NEEDS_INPROC,
	  "short Data-In with READ_LEN on offer", read_len_offered },
	{ "hnd.035.read-len-not-offered", "HND-035 SCS-030 DIS-02 DIS-06", CLAUSE_MUST,
	  NEEDS_INPROC, "READ_LEN is not used unless the mailbox offers it", read_len_not_offered },
	{ "hnd.035.long-room", "HND-035 SCS-030 SCS-022", CLAUSE_MUST, 0,
	  "a short answer leaves no old byte in a buffer of several blocks", long_room },
	{ "hnd.035.no-data-command", "HND-035 SCS-030 SCS-020", CLAUSE_MUST, 0,
	  "a command without data leaves no old byte in its buffer", no_data_command },
};

CASE_TABLE(cases_scs_alloc);
