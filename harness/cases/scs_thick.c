/* SPDX-License-Identifier: MIT */
/*
 * A store that gives no space back: what the unit says about unmapping then, and what it does. It
 * may unmap all the same or not, but it may not say one thing and do the other.
 * Clauses: SCS-030, SCS-031, SCS-040, SCS-041.
 */
#include "scs.h"

#define FIRST 20

static struct scs *start(struct tc *tc, struct scs_limits *lim)
{
	struct target_opts o = scs_opts(tc);
	struct scs *s;

	o.medium = MEDIUM_THICK;
	s = scs_start(tc, &o, 256);
	if (s)
		scs_limits(s, lim);
	return s;
}

/* Capacity data and both pages claim it, or none of them does. */
static void claims(struct tc *tc)
{
	struct scs_limits lim;
	struct scs *s = start(tc, &lim);
	bool any;

	if (!s)
		return;
	any = lim.lbpu || lim.lbpws || lim.lbpws10;
	scs_capacity_16(s);
	EXPECT_EQ(tc, "SCS-031", "LBPME", any, s->full[14] >> 7);
	EXPECT(tc, "SCS-031", any || !(s->full[14] & 0x40), "LBPRZ without LBPME");
	EXPECT_EQ(tc, "SCS-031", "maximum unmap LBA count is there", lim.lbpu, lim.max_unmap != 0);
	EXPECT_EQ(tc, "SCS-031", "maximum unmap descriptor count is there", lim.lbpu,
		  lim.max_unmap_desc != 0);
	EXPECT(tc, "SCS-030", scs_vpd(s, 0xb2), "VPD page B2 is refused");
	EXPECT(tc, "SCS-031", any || !(s->full[6] & 7), "provisioning type %u without LBPME",
	       s->full[6] & 7);
	EXPECT(tc, "SCS-030", scs_vpd(s, 0xb0), "VPD page B0 is refused");
	EXPECT(tc, "SCS-031", any || be_get(s->full + 28, 8) == 0,
	       "unmap granularity or alignment without LBPME");
}

static void unmap(struct tc *tc)
{
	uint8_t list[24] = { 0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, FIRST, 0, 0, 0, 2 };
	struct scs_limits lim;
	struct scs *s = start(tc, &lim);
	uint8_t *old;
	bool there;

	if (!s)
		return;
	old = scs_pattern(s, 4, 1);
	scs_write(s, FIRST - 1, 4, old);
	cdb_unmap(&s->io, sizeof(list), list, sizeof(list));
	there = scs_supported(s, "SCS-040");
	EXPECT(tc, "SCS-031", there == lim.lbpu, "LBPU is %d, but UNMAP is %s", lim.lbpu,
	       there ? "known" : "refused");
	if (!there)
		scs_expect_medium(s, "SCS-041", "medium", FIRST - 1, 4, old);
}

/* WRITE SAME is there or not as ever; its UNMAP bit goes with what page B2 says. */
static void write_same(struct tc *tc)
{
	static const uint8_t ops[] = { OP_WRITE_SAME_10, OP_WRITE_SAME_16 };
	struct scs_limits lim;
	struct scs *s = start(tc, &lim);
	uint8_t *old, *zeros;
	uint32_t i;

	if (!s)
		return;
	old = scs_pattern(s, 4, 1);
	zeros = tc_alloc(tc, scs_bytes(s, 4));
	for (i = 0; i < sizeof(ops); i++) {
		bool claimed = i ? lim.lbpws : lim.lbpws10;

		scs_write(s, FIRST - 1, 4, old);
		cdb_out(&s->io, ops[i], zeros, s->cap.block_size);
		cdb_range(&s->io, FIRST, 2);
		s->io.cdb[1] = CDB1_UNMAP;
		EXPECT(tc, "SCS-031", scs_exec(s, "SCS-031"), "no end");
		EXPECT(tc, "SCS-031", claimed == (s->io.status == 0),
		       "page B2 says %d, but WRITE SAME with UNMAP: status 0x%02x", claimed,
		       s->io.status);
		if (s->io.status == SAM_CHECK) {
			EXPECT(tc, "SCS-040", scs_is(s, BAD_CDB) || scs_is(s, BAD_OPCODE),
			       "found %x/%04x", sense_key(s->io.sense), sense_asc(s->io.sense));
			scs_expect_medium(s, "SCS-041", "medium", FIRST - 1, 4, old);
		}
		cdb_out(&s->io, ops[i], zeros, s->cap.block_size);
		cdb_range(&s->io, FIRST, 2);
		if (!scs_supported(s, "SCS-030"))
			continue;
		EXPECT_EQ(tc, "SCS-030", "status", 0, s->io.status);
		scs_expect_medium(s, "SCS-030", "blocks of zeros", FIRST, 2, zeros);
	}
}

/* A list of opcodes leaves out what is refused here. */
static void opcodes(struct tc *tc)
{
	struct scs_limits lim;
	struct scs *s = start(tc, &lim);

	if (!s)
		return;
	cdb_in(&s->io, OP_MAINTENANCE_IN, s->room, 64);
	s->io.cdb[1] = 0x0c;
	s->io.cdb[2] = 1;
	s->io.cdb[3] = OP_UNMAP;
	be_put(s->io.cdb + 6, 4, 64);
	if (!scs_supported(s, "SCS-040") || scs_is(s, BAD_CDB))
		return;
	EXPECT_EQ(tc, "SCS-031", "status", 0, s->io.status);
	EXPECT_EQ(tc, "SCS-031", "SUPPORT of UNMAP", lim.lbpu ? 3 : 1, s->room[1] & 7);
}

static const struct case_def rows[] = {
	{ "scs.031.thick-claims", "SCS-031 SCS-030", CLAUSE_SHOULD, NEEDS_INPROC,
	  "over a store that gives nothing back, all claims agree", claims },
	{ "scs.031.thick-unmap", "SCS-031 SCS-030 SCS-040 SCS-041", CLAUSE_MUST, NEEDS_INPROC,
	  "there, UNMAP exists if and only if it is claimed", unmap },
	{ "scs.031.thick-write-same", "SCS-031 SCS-030 SCS-040 SCS-041", CLAUSE_MUST, NEEDS_INPROC,
	  "there, WRITE SAME unmaps if and only if that is claimed", write_same },
	{ "scs.031.thick-opcodes", "SCS-031", CLAUSE_MUST, NEEDS_INPROC,
	  "there, UNMAP is on the list of opcodes if and only if it exists", opcodes },
};

CASE_TABLE(cases_scs_thick);
