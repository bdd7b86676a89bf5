/* SPDX-License-Identifier: MIT */
/*
 * INQUIRY: standard data and VPD pages, byte by byte, against themselves and against behaviour.
 * Clauses: SCS-030, SCS-031, SCS-040.
 */
#include "scs.h"

static void standard(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t i;

	if (!s)
		return;
	scs_inquiry(s);
	EXPECT(tc, "SCS-030", s->full_len >= 36, "standard data: expected 36 bytes, found %u",
	       s->full_len);
	EXPECT_EQ(tc, "SCS-030", "peripheral qualifier and type", 0, s->full[0]);
	EXPECT_EQ(tc, "SCS-030", "RMB of a disk that is no tape", 0, s->full[1] & 0x7f);
	EXPECT(tc, "SCS-030", s->full[2] >= 3 && s->full[2] <= 7, "version 0x%02x is no SPC",
	       s->full[2]);
	EXPECT_EQ(tc, "SCS-030", "response data format", 2, s->full[3] & 0x0f);
	EXPECT_EQ(tc, "SCS-030", "CmdQue", 2, s->full[7] & 2);
	for (i = 8; i < 36; i++)
		EXPECT(tc, "SCS-030", s->full[i] >= 0x20 && s->full[i] < 0x7f,
		       "vendor, product, revision: byte %u is 0x%02x, no ASCII", i, s->full[i]);
}

/* Byte 4 counts what follows it. Whoever uses READ_LEN has said how much that is. */
static void standard_length(struct tc *tc)
{
	struct target_opts o = scs_opts(tc);
	struct scs *s;

	o.handler.read_len = true;
	s = scs_start(tc, &o, 0);
	if (!s)
		return;
	scs_inquiry(s);
	EXPECT(tc, "SCS-030", s->io.residual == 0 || s->io.data_in == s->full_len,
	       "additional length says %u bytes, READ_LEN %u", s->full_len, s->io.data_in);
	cdb_inquiry(&s->io, 0, 0, 255, s->room, 255);
	scs_expect_data(s, "SCS-030", s->full, s->full_len, 255);
}

static void page_without_evpd(struct tc *tc)
{
	static const uint8_t pages[] = { 0x01, 0x80, 0x83, 0xb0, 0xff };
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < sizeof(pages); i++) {
		cdb_inquiry(&s->io, 0, pages[i], 255, s->room, 255);
		scs_expect_sense(s, "SCS-030", BAD_CDB);
	}
}

/* CMDDT went with SPC-2; standard data would be the wrong answer to it. */
static void command_data(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);

	if (!s)
		return;
	cdb_inquiry(&s->io, 2, 0, 255, s->room, 255);
	scs_expect_sense(s, "SCS-040", BAD_CDB);
	cdb_inquiry(&s->io, 3, 0, 255, s->room, 255);
	scs_expect_sense(s, "SCS-040", BAD_CDB);
}

static void vpd_list(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	bool listed[256] = { false };
	uint32_t i, n;

	if (!s)
		return;
	EXPECT(tc, "SCS-030", scs_vpd(s, 0x00), "VPD page 00 is refused");
	EXPECT_EQ(tc, "SCS-030", "page code of page 00", 0, s->full[1]);
	n = s->full_len;
	EXPECT(tc, "SCS-030", n > 4 && s->full[4] == 0, "page 00 does not list itself first");
	for (i = 4; i < n; i++) {
		listed[s->full[i]] = true;
		EXPECT(tc, "SCS-030", i == 4 || s->full[i] > s->full[i - 1],
		       "page list: 0x%02x after 0x%02x is not ascending", s->full[i],
		       s->full[i - 1]);
	}
	EXPECT(tc, "SCS-030", listed[0x80] && listed[0x83],
	       "page list lacks 80 or 83, which are mandatory");
}

/* Every page listed exists, under its own number; no other does. */
static void vpd_all(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	bool listed[256] = { false };
	uint32_t i;
	uint8_t device;

	if (!s)
		return;
	EXPECT(tc, "SCS-030", scs_vpd(s, 0x00), "VPD page 00 is refused");
	for (i = 4; i < s->full_len; i++)
		listed[s->full[i]] = true;
	device = s->full[0];
	for (i = 0; i < 256; i++) {
		bool there = scs_vpd(s, (uint8_t)i);

		EXPECT(tc, "SCS-031", there == listed[i], "VPD page %02x is %s but %s", i,
		       listed[i] ? "listed" : "not listed", there ? "answered" : "refused");
		if (!there) {
			scs_judge_sense(s, "SCS-040");
			continue;
		}
		EXPECT_EQ(tc, "SCS-030", "page code", i, s->full[1]);
		EXPECT_EQ(tc, "SCS-030", "peripheral qualifier and type", device, s->full[0]);
	}
}

static void vpd_serial(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t i;

	if (!s)
		return;
	EXPECT(tc, "SCS-030", scs_vpd(s, 0x80), "VPD page 80 is refused");
	EXPECT(tc, "SCS-030", s->full_len > 4, "the serial number is empty");
	for (i = 4; i < s->full_len; i++)
		EXPECT(tc, "SCS-030", s->full[i] >= 0x20 && s->full[i] < 0x7f,
		       "serial number: byte %u is 0x%02x, no ASCII", i, s->full[i]);
}

/* A page of the unit called @name, into @to; its length, 0 if the case has failed. */
static uint32_t identity(struct tc *tc, const char *name, uint8_t page, uint8_t *to)
{
	struct target_opts o = scs_opts(tc);
	struct scs *s;

	o.name = name;
	s = scs_start(tc, &o, 0);
	if (!s || !scs_vpd(s, page))
		return 0;
	memcpy(to, s->full, s->full_len);
	return s->full_len;
}

/* Two units are told apart by their serial numbers and designators; one is the same each time. */
static void vpd_identity(struct tc *tc)
{
	static const uint8_t pages[] = { 0x80, 0x83 };
	uint8_t *a = tc_alloc(tc, SCS_ROOM), *b = tc_alloc(tc, SCS_ROOM);
	uint32_t i, len_a, len_b;

	for (i = 0; i < sizeof(pages); i++) {
		len_a = identity(tc, "tcm-user/0/disk/any/x", pages[i], a);
		len_b = identity(tc, "tcm-user/0/disk/any/y", pages[i], b);
		EXPECT(tc, "SCS-030", len_a && len_b, "VPD page %02x is refused", pages[i]);
		EXPECT(tc, "SCS-030", len_a != len_b || memcmp(a, b, len_a) != 0,
		       "VPD page %02x is the same for two devices", pages[i]);
		len_b = identity(tc, "tcm-user/0/disk/any/x", pages[i], b);
		EXPECT(tc, "SCS-030", len_a == len_b && memcmp(a, b, len_a) == 0,
		       "VPD page %02x of one device changes", pages[i]);
	}
}

/* Length that a NAA designator must have, by its first four bits; 0 = no such format. */
static uint32_t naa_len(uint8_t first)
{
	switch (first >> 4) {
	case 2:
	case 3:
	case 5:
		return 8;
	case 6:
		return 16;
	default:
		return 0;
	}
}

/* One designator: @d with @len bytes behind its header. True if it names the logical unit. */
static bool designator(struct scs *s, const uint8_t *d, uint32_t len)
{
	uint8_t set = d[0] & 0x0f, type = d[1] & 0x0f, assoc = d[1] >> 4 & 3;
	struct tc *tc = s->tc;
	uint32_t i;

	if (set < 1 || set > 3 || len == 0 || d[2] != 0)
		tc_fail(tc, "SCS-030", "designator %02x %02x %02x %02x: code set or length", d[0],
			d[1], d[2], d[3]);
	if (type == 3 && (set != 1 || len != naa_len(d[4])))
		tc_fail(tc, "SCS-030", "NAA designator: code set %u, NAA %x, %u bytes", set,
			d[4] >> 4, len);
	for (i = 0; set == 2 && i < len; i++) {
		if (d[4 + i] < 0x20 || d[4 + i] > 0x7e)
			tc_fail(tc, "SCS-030", "ASCII designator: byte %u is 0x%02x", i, d[4 + i]);
	}
	if (type == 1 && len < 8)
		tc_fail(tc, "SCS-030", "T10 designator of %u bytes has no vendor", len);
	if (assoc != 0)
		return false;
	return type == 1 || (type == 3 && (d[4] >> 4 == 3 || d[4] >> 4 == 6));
}

static void vpd_identification(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t at, found = 0;

	if (!s)
		return;
	EXPECT(tc, "SCS-030", scs_vpd(s, 0x83), "VPD page 83 is refused");
	for (at = 4; at + 4 <= s->full_len; at += 4u + s->full[at + 3]) {
		uint32_t len = s->full[at + 3];

		EXPECT(tc, "SCS-030", at + 4 + len <= s->full_len,
		       "designator at %u of %u bytes ends beyond the page's %u", at, len,
		       s->full_len);
		found += designator(s, s->full + at, len);
	}
	EXPECT_EQ(tc, "SCS-030", "end of the last designator", s->full_len, at);
	EXPECT(tc, "SCS-030", found > 0, "page 83 has no NAA 3/6 or T10 designator of the unit");
}

/* The vendor in a T10 designator is that of the standard data. */
static void vpd_vendor(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint8_t vendor[8];
	uint32_t at;

	if (!s)
		return;
	scs_inquiry(s);
	memcpy(vendor, s->full + 8, sizeof(vendor));
	EXPECT(tc, "SCS-030", scs_vpd(s, 0x83), "VPD page 83 is refused");
	for (at = 4; at + 12 <= s->full_len; at += 4u + s->full[at + 3]) {
		if ((s->full[at + 1] & 0x0f) == 1)
			EXPECT_MEM(tc, "SCS-030", "T10 vendor identification", vendor,
				   s->full + at + 4, sizeof(vendor));
	}
}

static void vpd_limits(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	struct scs_limits lim;
	uint32_t optimal, granularity, align;

	if (!s)
		return;
	scs_limits(s, &lim);
	EXPECT(tc, "SCS-030", lim.b0, "VPD page B0 is refused");
	EXPECT(tc, "SCS-030", scs_vpd(s, 0xb0), "VPD page B0 is refused the second time");
	EXPECT_EQ(tc, "SCS-030", "length of page B0", 0x3c, s->full_len - 4);
	granularity = (uint32_t)be_get(s->full + 6, 2);
	optimal = (uint32_t)be_get(s->full + 12, 4);
	EXPECT(tc, "SCS-031", !lim.max_transfer || optimal <= lim.max_transfer,
	       "optimal transfer of %u blocks exceeds the maximum of %u", optimal,
	       lim.max_transfer);
	EXPECT(tc, "SCS-031", !lim.max_transfer || granularity <= lim.max_transfer,
	       "transfer granularity of %u blocks exceeds the maximum of %u", granularity,
	       lim.max_transfer);
	EXPECT(tc, "SCS-031", !lim.max_transfer || lim.max_caw <= lim.max_transfer,
	       "COMPARE AND WRITE of %u blocks exceeds the maximum of %u", lim.max_caw,
	       lim.max_transfer);
	align = (uint32_t)be_get(s->full + 32, 4);
	EXPECT(tc, "SCS-031",
	       !(align & 0x80000000) || (align & 0x7fffffff) < be_get(s->full + 28, 4),
	       "unmap alignment 0x%08x is not below the granularity of %u blocks", align,
	       (uint32_t)be_get(s->full + 28, 4));
	EXPECT(tc, "SCS-031", lim.lbpu == (lim.max_unmap != 0),
	       "LBPU is %d, maximum unmap LBA count is %u", lim.lbpu, lim.max_unmap);
	EXPECT(tc, "SCS-031", lim.lbpu == (lim.max_unmap_desc != 0),
	       "LBPU is %d, maximum unmap descriptor count is %u", lim.lbpu, lim.max_unmap_desc);
}

static void vpd_characteristics(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t rate;

	if (!s)
		return;
	EXPECT(tc, "SCS-030", scs_vpd(s, 0xb1), "VPD page B1 is refused");
	EXPECT_EQ(tc, "SCS-030", "length of page B1", 0x3c, s->full_len - 4);
	rate = (uint32_t)be_get(s->full + 4, 2);
	EXPECT(tc, "SCS-030", rate <= 1 || (rate >= 0x401 && rate <= 0xfffe),
	       "medium rotation rate 0x%04x is reserved", rate);
}

/* LBPME, LBPRZ, page B2 and page B0 tell one story. */
static void vpd_provisioning(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	struct scs_limits lim;
	bool lbpme, lbprz;
	uint8_t type;

	if (!s)
		return;
	scs_capacity_16(s);
	lbpme = s->full[14] & 0x80;
	lbprz = s->full[14] & 0x40;
	scs_limits(s, &lim);
	EXPECT(tc, "SCS-030", lim.b2, "VPD page B2 is refused");
	EXPECT(tc, "SCS-030", scs_vpd(s, 0xb2), "VPD page B2 is refused the second time");
	EXPECT(tc, "SCS-030", s->full_len >= 8, "page B2: expected 4 bytes or more, found %u",
	       s->full_len - 4);
	type = s->full[6] & 7;
	EXPECT(tc, "SCS-031", lbpme == (lim.lbpu || lim.lbpws || lim.lbpws10),
	       "LBPME is %d, LBPU %d, LBPWS %d, LBPWS10 %d", lbpme, lim.lbpu, lim.lbpws,
	       lim.lbpws10);
	EXPECT(tc, "SCS-031", lbpme ? type == 1 || type == 2 : type == 0,
	       "LBPME is %d, provisioning type %u", lbpme, type);
	EXPECT(tc, "SCS-031", lbprz == lim.lbprz, "LBPRZ is %d in READ CAPACITY(16), %d in B2",
	       lbprz, lim.lbprz);
	EXPECT(tc, "SCS-031", lbpme || !lbprz, "LBPRZ without LBPME");
}

/* 3PC: with it, EXTENDED COPY works as far as an empty list goes; without it, it is no opcode. */
static void third_party_copy(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	bool claimed, copy, receive;

	if (!s)
		return;
	scs_inquiry(s);
	claimed = s->full[5] & 0x08;
	cdb_none(&s->io, OP_EXTENDED_COPY);
	copy = scs_supported(s, "SCS-040");
	cdb_in(&s->io, OP_RECEIVE_COPY, s->room, 64);
	s->io.cdb[1] = 0x03; /* operating parameters */
	s->io.cdb[13] = 64;
	receive = scs_supported(s, "SCS-040");
	EXPECT(tc, "SCS-031", copy == claimed, "3PC is %d, but EXTENDED COPY is %s", claimed,
	       copy ? "known" : "refused");
	EXPECT(tc, "SCS-031", receive == claimed, "3PC is %d, but RECEIVE COPY RESULTS is %s",
	       claimed, receive ? "known" : "refused");
}

/* TPGS: REPORT TARGET PORT GROUPS is there if any, SET only if explicit. */
static void target_port_groups(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint8_t tpgs;
	bool report;

	if (!s)
		return;
	scs_inquiry(s);
	tpgs = s->full[5] >> 4 & 3;
	cdb_in(&s->io, OP_MAINTENANCE_IN, s->room, 64);
	s->io.cdb[1] = 0x0a;
	be_put(s->io.cdb + 6, 4, 64);
	EXPECT(tc, "SCS-030", scs_exec(s, "SCS-030"), "no end");
	report = s->io.status == 0;
	if (!report) {
		EXPECT(tc, "SCS-040", scs_is(s, BAD_OPCODE) || scs_is(s, BAD_CDB),
		       "REPORT TARGET PORT GROUPS: status 0x%02x", s->io.status);
		scs_judge_sense(s, "SCS-040");
	}
	EXPECT(tc, "SCS-031", report == (tpgs != 0),
	       "TPGS is %u, but REPORT TARGET PORT GROUPS is %s", tpgs,
	       report ? "answered" : "refused");
}

static const struct case_def rows[] = {
	{ "scs.030.inquiry-standard", "SCS-030", CLAUSE_MUST, 0,
	  "standard INQUIRY data: format 2, CmdQue, ASCII", standard },
	{ "scs.030.inquiry-length", "SCS-030 HND-035", CLAUSE_MUST, 0,
	  "byte 4 of standard INQUIRY data counts exactly what is there", standard_length },
	{ "scs.030.inquiry-page-without-evpd", "SCS-030 SCS-040 SCS-003", CLAUSE_MUST, 0,
	  "a page code without EVPD is an invalid field", page_without_evpd },
	{ "scs.040.inquiry-cmddt", "SCS-040 SCS-030 SCS-003", CLAUSE_SHOULD, 0,
	  "CMDDT is an invalid field", command_data },
	{ "scs.030.vpd-list", "SCS-030", CLAUSE_MUST, 0,
	  "VPD page 00 is ascending, has itself, 80 and 83", vpd_list },
	{ "scs.031.vpd-list-is-true", "SCS-030 SCS-031 SCS-040", CLAUSE_MUST, 0,
	  "of all 256 VPD pages exactly those listed exist", vpd_all },
	{ "scs.030.vpd-serial", "SCS-030", CLAUSE_MUST, 0, "VPD page 80 is printable", vpd_serial },
	{ "scs.030.vpd-identification", "SCS-030", CLAUSE_MUST, 0,
	  "VPD page 83 is well-formed and names the unit", vpd_identification },
	{ "scs.030.vpd-identity", "SCS-030", CLAUSE_SHOULD, NEEDS_INPROC,
	  "pages 80 and 83 tell two devices apart, and stay as they are", vpd_identity },
	{ "scs.031.vpd-vendor", "SCS-030 SCS-031", CLAUSE_SHOULD, 0,
	  "vendor in page 83 and in standard data agree", vpd_vendor },
	{ "scs.030.vpd-limits", "SCS-030 SCS-031", CLAUSE_SHOULD, 0,
	  "VPD page B0 has its length and does not contradict itself", vpd_limits },
	{ "scs.030.vpd-characteristics", "SCS-030", CLAUSE_SHOULD, 0,
	  "VPD page B1 has its length and a rotation rate", vpd_characteristics },
	{ "scs.031.vpd-provisioning", "SCS-030 SCS-031", CLAUSE_SHOULD, 0,
	  "VPD page B2 and READ CAPACITY(16) agree about unmapping", vpd_provisioning },
	{ "scs.031.third-party-copy", "SCS-030 SCS-031 SCS-040", CLAUSE_MUST, 0,
	  "3PC is set if and only if the copy commands exist", third_party_copy },
	{ "scs.031.target-port-groups", "SCS-030 SCS-031 SCS-040", CLAUSE_MUST, 0,
	  "TPGS is set if and only if REPORT TARGET PORT GROUPS works", target_port_groups },
};

CASE_TABLE(cases_scs_inquiry);
