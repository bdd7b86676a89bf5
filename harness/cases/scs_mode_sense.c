/* SPDX-License-Identifier: MIT */
/*
 * MODE SENSE: headers, block descriptor, pages, page control, and the bits that promise something.
 * Clauses: SCS-030, SCS-031, SCS-040.
 */
#include "scs.h"

static const uint8_t ops[] = { OP_MODE_SENSE_6, OP_MODE_SENSE_10 };

/* Pages that a block device must have, and how long they are after their first two bytes. */
static const struct {
	uint8_t code, len;
} pages[] = { { 0x01, 0x0a }, { 0x08, 0x12 }, { 0x0a, 0x0a } };

#define PAGES (sizeof(pages) / sizeof(pages[0]))

static uint32_t header_len(uint8_t op)
{
	return op == OP_MODE_SENSE_6 ? 4 : 8;
}

static uint32_t desc_len(const struct scs *s, uint8_t op)
{
	return op == OP_MODE_SENSE_6 ? s->full[3] : (uint32_t)be_get(s->full + 6, 2);
}

static uint8_t device_specific(const struct scs *s, uint8_t op)
{
	return op == OP_MODE_SENSE_6 ? s->full[2] : s->full[3];
}

/* A short or long block descriptor must tell the capacity. */
static void judge_descriptor(struct scs *s, uint8_t op)
{
	const uint8_t *d = s->full + header_len(op);
	bool is_long = op == OP_MODE_SENSE_10 && s->full[4] & 1;
	uint64_t most = is_long ? UINT64_MAX : 0xffffffff;
	uint64_t blocks = be_get(d, is_long ? 8 : 4);

	EXPECT_EQ(s->tc, "SCS-030", "block descriptor length", is_long ? 16 : 8, desc_len(s, op));
	EXPECT_EQ(s->tc, "SCS-030", "blocks in the block descriptor",
		  s->cap.blocks < most ? s->cap.blocks : most, blocks);
	EXPECT_EQ(s->tc, "SCS-030", "block length in the block descriptor", s->cap.block_size,
		  is_long ? be_get(d + 12, 4) : be_get(d + 5, 3));
}

static void judge_header(struct scs *s, uint8_t op, uint8_t byte1)
{
	EXPECT(s->tc, "SCS-030", scs_mode_sense(s, op, byte1, 0x3f),
	       "MODE SENSE 0x%02x of all pages: status 0x%02x", op, s->io.status);
	EXPECT_EQ(s->tc, "SCS-030", "reserved bits beside WP and DPOFUA", 0,
		  device_specific(s, op) & 0x6f);
	EXPECT_EQ(s->tc, "SCS-030", "medium type", 0, s->full[op == OP_MODE_SENSE_6 ? 1 : 2]);
	if (op == OP_MODE_SENSE_10)
		EXPECT_EQ(s->tc, "SCS-030", "reserved byte of the header", 0, s->full[5]);
	if (op == OP_MODE_SENSE_10 && !(byte1 & CDB1_LLBAA))
		EXPECT_EQ(s->tc, "SCS-030", "LONGLBA unasked for", 0, s->full[4]);
	if (byte1 & CDB1_DBD)
		EXPECT_EQ(s->tc, "SCS-030", "block descriptor length with DBD", 0, desc_len(s, op));
	else if (desc_len(s, op) != 0)
		judge_descriptor(s, op);
	EXPECT(s->tc, "SCS-030", scs_mode_page(s, op, 0x01) == header_len(op) + desc_len(s, op),
	       "page 01 is not the first after the block descriptor");
}

static void headers(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);

	if (!s)
		return;
	judge_header(s, OP_MODE_SENSE_6, 0);
	judge_header(s, OP_MODE_SENSE_6, CDB1_DBD);
	judge_header(s, OP_MODE_SENSE_10, 0);
	judge_header(s, OP_MODE_SENSE_10, CDB1_DBD);
	judge_header(s, OP_MODE_SENSE_10, CDB1_LLBAA);
	judge_header(s, OP_MODE_SENSE_10, CDB1_LLBAA | CDB1_DBD);
}

/* A page asked for alone comes alone. */
static void single_pages(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t i, k;

	if (!s)
		return;
	for (i = 0; i < 2 * PAGES; i++) {
		uint8_t op = ops[i % 2], code = pages[i / 2].code;

		for (k = 0; k < 3; k++) { /* current, changeable, default */
			EXPECT(tc, "SCS-030",
			       scs_mode_sense(s, op, CDB1_DBD, (uint8_t)(k << 6 | code)),
			       "MODE SENSE 0x%02x of page %02x, PC %u: status 0x%02x", op, code, k,
			       s->io.status);
			EXPECT_EQ(tc, "SCS-030", "place of the page", header_len(op),
				  scs_mode_page(s, op, code));
			EXPECT_EQ(tc, "SCS-030", "page length", pages[i / 2].len,
				  s->full[header_len(op) + 1]);
			EXPECT_EQ(tc, "SCS-030", "length of everything",
				  header_len(op) + 2 + pages[i / 2].len, s->full_len);
		}
	}
}

/* Page 3F is all pages in ascending order; each of them exists alone; no other does. */
static void all_pages(struct scs *s, uint8_t op)
{
	uint8_t all[SCS_ROOM];
	uint32_t code, at = header_len(op), len;
	struct tc *tc = s->tc;

	EXPECT(tc, "SCS-030", scs_mode_sense(s, op, CDB1_DBD, 0x3f), "page 3F: status 0x%02x",
	       s->io.status);
	len = s->full_len;
	memcpy(all, s->full, len);
	for (code = 0; code < 0x3f; code++) {
		bool there = at + 2 <= len && (all[at] & 0x3f) == code;
		bool alone = scs_mode_sense(s, op, CDB1_DBD, (uint8_t)code);

		EXPECT(tc, "SCS-031", there == alone, "mode page %02x is %s 3F but %s alone", code,
		       there ? "in" : "not in", alone ? "answered" : "refused");
		if (!alone) {
			EXPECT(tc, "SCS-040", scs_is(s, BAD_CDB),
			       "unknown mode page %02x: expected 5/2400, found %x/%04x", code,
			       sense_key(s->io.sense), sense_asc(s->io.sense));
			scs_judge_sense(s, "SCS-040");
			continue;
		}
		EXPECT(tc, "SCS-030", s->full_len - header_len(op) <= len - at,
		       "page %02x is longer alone than in 3F", code);
		EXPECT_MEM(tc, "SCS-030", "page in 3F and alone", s->full + header_len(op),
			   all + at, s->full_len - header_len(op));
		EXPECT_EQ(tc, "SCS-030", "device-specific byte of a page and of 3F",
			  op == OP_MODE_SENSE_6 ? all[2] : all[3], device_specific(s, op));
		at += s->full_len - header_len(op);
	}
	EXPECT_EQ(tc, "SCS-030", "end of the last page in 3F", len, at);
}

static void all_pages_6(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);

	if (s)
		all_pages(s, OP_MODE_SENSE_6);
}

static void all_pages_10(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);

	if (s)
		all_pages(s, OP_MODE_SENSE_10);
}

static void six_and_ten(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint8_t six[SCS_ROOM];
	uint32_t len, pc;

	if (!s)
		return;
	for (pc = 0; pc < 3; pc++) {
		EXPECT(tc, "SCS-030",
		       scs_mode_sense(s, OP_MODE_SENSE_6, 0, (uint8_t)(pc << 6 | 0x3f)),
		       "MODE SENSE(6), PC %u: status 0x%02x", pc, s->io.status);
		len = s->full_len;
		memcpy(six, s->full, len);
		EXPECT(tc, "SCS-030",
		       scs_mode_sense(s, OP_MODE_SENSE_10, 0, (uint8_t)(pc << 6 | 0x3f)),
		       "MODE SENSE(10), PC %u: status 0x%02x", pc, s->io.status);
		EXPECT_EQ(tc, "SCS-030", "length behind the header", len - 4, s->full_len - 8);
		EXPECT_EQ(tc, "SCS-030", "device-specific byte", six[2], s->full[3]);
		EXPECT_EQ(tc, "SCS-030", "block descriptor length", six[3], s->full[7]);
		EXPECT_MEM(tc, "SCS-030", "descriptor and pages", six + 4, s->full + 8, len - 4);
	}
}

static void saved_values(struct tc *tc)
{
	static const uint8_t codes[] = { 0x01, 0x08, 0x0a, 0x3f };
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < 2 * sizeof(codes); i++) {
		cdb_mode_sense(&s->io, ops[i % 2], 0, 0xc0 | codes[i / 2], 255, s->room, 255);
		scs_expect_sense(s, "SCS-030", NO_SAVED_PAGES);
	}
}

static void unknown_subpage(struct tc *tc)
{
	static const uint8_t codes[] = { 0x01, 0x08, 0x0a };
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < 2 * sizeof(codes); i++) {
		cdb_mode_sense(&s->io, ops[i % 2], 0, codes[i / 2], 255, s->room, 255);
		s->io.cdb[3] = 0xdf;
		scs_expect_sense(s, "SCS-040", BAD_CDB);
	}
}

/* Subpage FF means all subpages, the page itself among them. */
static void all_subpages(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < 2; i++) {
		cdb_mode_sense(&s->io, ops[i], CDB1_DBD, 0x3f, 255, s->full, 255);
		s->io.cdb[3] = 0xff;
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		s->full_len = i == 0 ? 1u + s->full[0] : 2u + (uint32_t)be_get(s->full, 2);
		EXPECT(tc, "SCS-030", scs_mode_page(s, ops[i], 0x08) != 0,
		       "all pages and subpages lack page 08");
	}
}

/* DPOFUA: with it, both bits are accepted wherever a CDB has them. */
static void dpofua(struct tc *tc)
{
	static const uint8_t bits[] = { CDB1_DPO, CDB1_FUA, CDB1_DPO | CDB1_FUA };
	static const uint32_t lens[] = { 10, 12, 16 };
	struct scs *s = scs_start(tc, NULL, 8);
	uint8_t *buf;
	uint32_t i;

	if (!s)
		return;
	EXPECT(tc, "SCS-030", scs_mode_sense(s, OP_MODE_SENSE_6, 0, 0x3f), "no mode pages");
	if (!(device_specific(s, OP_MODE_SENSE_6) & 0x10)) {
		tc_skip(tc, "the handler does not report DPOFUA");
		return;
	}
	buf = scs_pattern(s, 2, 3);
	for (i = 0; i < 9; i++) {
		target_io_rw(&s->io, true, lens[i / 3], 2, 2, s->cap.block_size, buf);
		s->io.cdb[1] |= bits[i % 3];
		EXPECT_GOOD(tc, "SCS-031", &s->io);
		memset(s->room, 0, sizeof(s->room));
		target_io_rw(&s->io, false, lens[i / 3], 3, 1, s->cap.block_size,
			     tc_alloc(tc, s->cap.block_size));
		s->io.cdb[1] |= bits[i % 3];
		EXPECT_GOOD(tc, "SCS-031", &s->io);
		EXPECT_MEM(tc, "SCS-030", "block written and read with DPO or FUA",
			   buf + s->cap.block_size, s->io.data, s->cap.block_size);
	}
}

static bool wce(struct scs *s, uint8_t pc)
{
	uint32_t at;

	if (!scs_mode_sense(s, OP_MODE_SENSE_10, CDB1_DBD, (uint8_t)(pc << 6 | 0x08)))
		return false;
	at = scs_mode_page(s, OP_MODE_SENSE_10, 0x08);
	return at != 0 && (s->full[at + 2] & 0x04) != 0;
}

/* Whoever has a volatile cache must be able to empty it. */
static void wce_means_sync(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 8);

	if (!s)
		return;
	if (!wce(s, 0))
		return; /* nothing is promised, nothing is owed */
	cdb_none(&s->io, OP_SYNC_10);
	EXPECT_GOOD(tc, "SCS-031", &s->io);
	cdb_none(&s->io, OP_SYNC_16);
	EXPECT_GOOD(tc, "SCS-031", &s->io);
}

/* WCE and WP are what the device was set up with. */
static void as_configured(struct tc *tc)
{
	uint32_t i, k;

	for (i = 0; i < 4 && !tc->failed; i++) {
		struct target_opts o = scs_opts(tc);
		struct scs *s;

		o.handler.wce = i & 1;
		o.handler.read_only = i & 2;
		s = scs_start(tc, &o, 0);
		if (!s)
			return;
		EXPECT_EQ(tc, "SCS-031", "current WCE", i & 1, wce(s, 0));
		EXPECT_EQ(tc, "SCS-031", "default WCE", i & 1, wce(s, 2));
		for (k = 0; k < 2; k++) {
			EXPECT(tc, "SCS-030", scs_mode_sense(s, ops[k], 0, 0x3f), "no pages");
			EXPECT_EQ(tc, "SCS-030", "WP", i >> 1, device_specific(s, ops[k]) >> 7);
		}
	}
}

static const struct case_def rows[] = {
	{ "scs.030.mode-headers", "SCS-030", CLAUSE_MUST, 0,
	  "MODE SENSE headers and block descriptors, with DBD and LLBAA", headers },
	{ "scs.030.mode-single-pages", "SCS-030", CLAUSE_MUST, 0,
	  "mode pages 01, 08, 0A alone: current, changeable, default", single_pages },
	{ "scs.031.mode-pages-6", "SCS-030 SCS-031 SCS-040", CLAUSE_MUST, 0,
	  "MODE SENSE(6): page 3F is exactly the pages that exist", all_pages_6 },
	{ "scs.031.mode-pages-10", "SCS-030 SCS-031 SCS-040", CLAUSE_MUST, 0,
	  "MODE SENSE(10): page 3F is exactly the pages that exist", all_pages_10 },
	{ "scs.030.mode-six-and-ten", "SCS-030", CLAUSE_MUST, 0,
	  "MODE SENSE(6) and (10) give the same pages", six_and_ten },
	{ "scs.030.mode-saved-values", "SCS-030 SCS-040", CLAUSE_MUST, 0,
	  "saved values are refused with 05/39/00", saved_values },
	{ "scs.040.mode-unknown-subpage", "SCS-030 SCS-040 SCS-003", CLAUSE_MUST, 0,
	  "an unknown subpage is an invalid field", unknown_subpage },
	{ "scs.030.mode-all-subpages", "SCS-030", CLAUSE_SHOULD, 0,
	  "page 3F with subpage FF is everything", all_subpages },
	{ "scs.031.dpofua", "SCS-030 SCS-031", CLAUSE_MUST, 0,
	  "with DPOFUA set, DPO and FUA are accepted", dpofua },
	{ "scs.031.wce-means-sync", "SCS-030 SCS-031", CLAUSE_MUST, 0,
	  "with WCE set, SYNCHRONIZE CACHE exists", wce_means_sync },
	{ "scs.031.mode-as-configured", "SCS-030 SCS-031", CLAUSE_MUST, NEEDS_INPROC,
	  "WCE and WP show how the device was set up", as_configured },
};

CASE_TABLE(cases_scs_mode_sense);
