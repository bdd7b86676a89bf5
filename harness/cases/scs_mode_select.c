/* SPDX-License-Identifier: MIT */
/*
 * MODE SELECT: what is accepted, what is refused, and that a refused list changes nothing.
 * Clauses: SCS-020, SCS-023, SCS-030, SCS-040, SCS-041.
 */
#include "scs.h"

static const uint8_t codes[] = { 0x01, 0x08, 0x0a };

#define LIST_MAX 300

/**
 * struct list - a parameter list
 * @op, @header: MODE SELECT of which kind, and how long its header is
 * @len:         bytes in @p
 * @mask:        changeable bits, where @p has pages
 */
struct list {
	uint8_t op;
	uint32_t header, len;
	uint8_t p[LIST_MAX], mask[LIST_MAX];
};

static void begin(struct list *l, bool ten)
{
	memset(l, 0, sizeof(*l));
	l->op = ten ? OP_MODE_SELECT_10 : OP_MODE_SELECT_6;
	l->header = l->len = ten ? 8 : 4;
}

static uint8_t sense_op(const struct list *l)
{
	return l->op == OP_MODE_SELECT_10 ? OP_MODE_SENSE_10 : OP_MODE_SENSE_6;
}

/* Append page @code as it is now. */
static void add_page(struct scs *s, struct list *l, uint8_t code)
{
	uint8_t op = sense_op(l);
	uint32_t n;

	EXPECT(s->tc, "SCS-030", scs_mode_sense(s, op, CDB1_DBD, 0x40 | code), "no changeable %02x",
	       code);
	n = s->full_len - l->header;
	EXPECT(s->tc, "SCS-030", l->len + n <= LIST_MAX, "page %02x has %u bytes", code, n);
	memcpy(l->mask + l->len, s->full + l->header, n);
	EXPECT(s->tc, "SCS-030", scs_mode_sense(s, op, CDB1_DBD, code), "no current page %02x",
	       code);
	EXPECT_EQ(s->tc, "SCS-030", "length of the page", n, s->full_len - l->header);
	memcpy(l->p + l->len, s->full + l->header, n);
	l->p[l->len] &= 0x7f; /* PS is reserved here */
	l->len += n;
}

static void select_io(struct scs *s, const struct list *l)
{
	cdb_mode_select(&s->io, l->op, CDB1_PF, (uint16_t)l->len, l->p, l->len);
}

/* What MODE SENSE shows must be the pages of @l. */
static void expect_pages(struct scs *s, const char *clause, const struct list *l)
{
	uint32_t at = l->header;

	while (at < l->len && !s->tc->failed) {
		uint8_t code = l->p[at] & 0x3f;
		uint32_t n = l->p[at + 1];

		EXPECT(s->tc, clause, scs_mode_sense(s, sense_op(l), CDB1_DBD, code),
		       "page %02x is gone", code);
		EXPECT_MEM(s->tc, clause, "mode page", l->p + at + 2, s->full + l->header + 2, n);
		at += n + 2;
	}
}

/* A start, and a list of all pages; NULL when there is none to go on with. */
static struct scs *start(struct tc *tc, struct list *l, bool ten)
{
	struct scs *s = scs_start(tc, NULL, 8);
	uint32_t i;

	if (!s)
		return NULL;
	begin(l, ten);
	for (i = 0; i < sizeof(codes); i++)
		add_page(s, l, codes[i]);
	return tc->failed ? NULL : s;
}

static void unchanged(struct tc *tc)
{
	uint32_t i, k;

	for (k = 0; k < 2 && !tc->failed; k++) {
		struct list all, one;
		struct scs *s = start(tc, &all, k);

		if (!s)
			return;
		select_io(s, &all);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		expect_pages(s, "SCS-030", &all);
		for (i = 0; i < sizeof(codes); i++) {
			begin(&one, k);
			add_page(s, &one, codes[i]);
			select_io(s, &one);
			EXPECT_GOOD(tc, "SCS-030", &s->io);
			expect_pages(s, "SCS-030", &all);
		}
	}
}

/* Offset of page @code in @l. */
static uint32_t page_at(const struct list *l, uint8_t code)
{
	uint32_t at = l->header;

	while ((l->p[at] & 0x3f) != code)
		at += l->p[at + 1] + 2u;
	return at;
}

/* Defaults are what they were, and sense comes in the format that D_SENSE says. */
static void expect_effect(struct scs *s, const struct list *l, const struct list *defaults)
{
	uint32_t at = l->header;
	bool d_sense = l->p[page_at(l, 0x0a) + 2] & 0x04;

	while (at < l->len && !s->tc->failed) {
		EXPECT(s->tc, "SCS-030",
		       scs_mode_sense(s, sense_op(l), CDB1_DBD, 0x80 | (l->p[at] & 0x3f)),
		       "no default values of page %02x", l->p[at]);
		EXPECT_MEM(s->tc, "SCS-030", "default values", defaults->p + at + 2,
			   s->full + l->header + 2, l->p[at + 1]);
		at += l->p[at + 1] + 2u;
	}
	cdb_none(&s->io, 0xff);
	scs_expect_sense(s, "SCS-040", BAD_OPCODE);
	EXPECT(s->tc, "SCS-031", ((s->io.sense[0] & 0x7f) >= 0x72) == d_sense,
	       "D_SENSE is %d, the response code 0x%02x", d_sense, s->io.sense[0]);
}

/* All pages as they are by default. */
static void read_defaults(struct scs *s, const struct list *l, struct list *defaults)
{
	uint32_t at = l->header, n;

	*defaults = *l;
	while (at < l->len && !s->tc->failed) {
		n = l->p[at + 1] + 2u;
		EXPECT(s->tc, "SCS-030",
		       scs_mode_sense(s, sense_op(l), CDB1_DBD, 0x80 | (l->p[at] & 0x3f)),
		       "no default values of page %02x", l->p[at]);
		memcpy(defaults->p + at, s->full + l->header, n);
		at += n;
	}
}

/* Every bit that MODE SENSE calls changeable can be changed, alone, and back. */
static void changeable(struct tc *tc)
{
	uint32_t bit, k, i;

	for (k = 0; k < 2 && !tc->failed; k++) {
		struct list l, defaults;
		struct scs *s = start(tc, &l, k);
		uint32_t at, end;

		if (!s)
			return;
		read_defaults(s, &l, &defaults);
		for (at = l.header; at < l.len; at = end) {
			end = at + l.p[at + 1] + 2;
			for (bit = 8 * (at + 2); bit < 8 * end; bit++) {
				if (!(l.mask[bit / 8] >> bit % 8 & 1))
					continue;
				for (i = 0; i < 2; i++) { /* there and back */
					l.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
					select_io(s, &l);
					EXPECT_GOOD(tc, "SCS-030", &s->io);
					expect_pages(s, "SCS-030", &l);
					expect_effect(s, &l, &defaults);
				}
			}
		}
	}
}

/* Every other bit cannot, and trying has no effect. */
static void unchangeable(struct tc *tc)
{
	uint32_t bit, k;

	for (k = 0; k < 2 && !tc->failed; k++) {
		struct list all, l;
		struct scs *s = start(tc, &all, k);
		uint32_t i;

		if (!s)
			return;
		for (i = 0; i < sizeof(codes) && !tc->failed; i++) {
			begin(&l, k);
			add_page(s, &l, codes[i]);
			for (bit = 8 * (l.header + 2); bit < 8 * l.len; bit++) {
				if (l.mask[bit / 8] >> bit % 8 & 1)
					continue;
				l.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
				select_io(s, &l);
				scs_expect_sense(s, "SCS-030", BAD_LIST);
				l.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
			}
			expect_pages(s, "SCS-041", &all);
		}
	}
}

/* A changeable bit of the page at @at flipped in @l; false if there is none. */
static bool flip_one(struct list *l, uint32_t at)
{
	uint32_t bit;

	for (bit = 8 * (at + 2); bit < 8 * (at + 2 + l->p[at + 1]); bit++) {
		if (l->mask[bit / 8] >> bit % 8 & 1) {
			l->p[bit / 8] ^= (uint8_t)(1u << bit % 8);
			return true;
		}
	}
	return false;
}

/* A good page in front of a bad one is not applied. */
static void all_or_nothing(struct tc *tc)
{
	struct list all, l;
	struct scs *s = start(tc, &all, true);

	if (!s)
		return;
	begin(&l, true);
	add_page(s, &l, 0x08);
	add_page(s, &l, 0x0a);
	EXPECT(tc, "SCS-030", !tc->failed, "no pages");
	flip_one(&l, page_at(&l, 0x08));
	l.p[l.len - 1] ^= 0x80; /* extended self-test completion time: nobody's to change */
	if (l.mask[l.len - 1] & 0x80) {
		tc_skip(tc, "the last bit of page 0A is changeable");
		return;
	}
	select_io(s, &l);
	scs_expect_sense(s, "SCS-040", BAD_LIST);
	expect_pages(s, "SCS-041", &all);
	/* nor one in front of a page that does not exist, or that is cut off */
	l.p[l.len - 1] ^= 0x80;
	l.p[page_at(&l, 0x0a)] = 0x3e;
	select_io(s, &l);
	scs_expect_sense(s, "SCS-040", BAD_LIST);
	expect_pages(s, "SCS-041", &all);
	l.p[page_at(&l, 0x3e)] = 0x0a;
	l.len--;
	select_io(s, &l);
	scs_expect_sense(s, "SCS-040", BAD_LIST_LENGTH);
	expect_pages(s, "SCS-041", &all);
}

static void list_length_zero(struct tc *tc)
{
	uint32_t k;

	for (k = 0; k < 2 && !tc->failed; k++) {
		struct list all;
		struct scs *s = start(tc, &all, k);

		if (!s)
			return;
		cdb_none(&s->io, all.op);
		s->io.cdb[1] = CDB1_PF;
		EXPECT_GOOD(tc, "SCS-023", &s->io);
		/* bytes that came along are none of it */
		select_io(s, &all);
		cdb_mode_select(&s->io, all.op, CDB1_PF, 0, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
		EXPECT_GOOD(tc, "SCS-023", &s->io);
		expect_pages(s, "SCS-023", &all);
	}
}

/* Too short for the header, or ending inside a page. */
static void list_length_errors(struct tc *tc)
{
	uint32_t k, len, end;

	for (k = 0; k < 2 && !tc->failed; k++) {
		struct list all;
		struct scs *s = start(tc, &all, k);

		if (!s)
			return;
		for (len = 1; len < all.header; len++) {
			cdb_mode_select(&s->io, all.op, CDB1_PF, (uint16_t)len, all.p, len);
			scs_expect_sense(s, "SCS-023", BAD_LIST_LENGTH);
			/* the bytes are there, but the list does not have them */
			cdb_mode_select(&s->io, all.op, CDB1_PF, (uint16_t)len, all.p, all.len);
			scs_expect_sense(s, "SCS-023", BAD_LIST_LENGTH);
		}
		end = all.header;
		for (len = all.header + 1; len < all.len; len++) {
			if (len == end + 2 + all.p[end + 1]) {
				end = len;
				continue;
			}
			cdb_mode_select(&s->io, all.op, CDB1_PF, (uint16_t)len, all.p, len);
			scs_expect_sense(s, "SCS-030", BAD_LIST_LENGTH);
		}
		expect_pages(s, "SCS-041", &all);
	}
}

/* A header alone is a list, too. */
static void header_alone(struct tc *tc)
{
	uint32_t k;

	for (k = 0; k < 2 && !tc->failed; k++) {
		struct list all;
		struct scs *s = start(tc, &all, k);

		if (!s)
			return;
		cdb_mode_select(&s->io, all.op, CDB1_PF, (uint16_t)all.header, all.p, all.header);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		expect_pages(s, "SCS-030", &all);
	}
}

/*
 * Fewer bytes than the CDB says: nothing that is not there may be applied, whatever lists came
 * before, and a list that ends in header or page is an error.
 */
static void short_transfer(struct tc *tc)
{
	uint32_t k, len, end;

	for (k = 0; k < 2 && !tc->failed; k++) {
		struct list all, l;
		struct scs *s = start(tc, &all, k);

		if (!s)
			return;
		l = all;
		flip_one(&l, page_at(&l, 0x08));
		end = page_at(&l, 0x08) + 2 + l.p[page_at(&l, 0x08) + 1];
		for (len = 0; len < end; len++) {
			select_io(s, &all);
			EXPECT_GOOD(tc, "SCS-030", &s->io);
			cdb_mode_select(&s->io, l.op, CDB1_PF, (uint16_t)l.len, l.p, len);
			EXPECT(tc, "SCS-020", scs_exec(s, "SCS-020"), "no end");
			if (s->io.status == SAM_CHECK)
				scs_judge_sense(s, "SCS-040");
			else if (len != 0 && len != l.header && len != page_at(&l, 0x08))
				tc_fail(tc, "SCS-020", "%u of %u bytes of a list: status 0x%02x",
					len, l.len, s->io.status);
		}
		expect_pages(s, "SCS-020", &all);
	}
}

/* More bytes than the CDB says: the rest is not part of the list. */
static void long_transfer(struct tc *tc)
{
	uint32_t k;

	for (k = 0; k < 2 && !tc->failed; k++) {
		struct list all;
		struct scs *s = start(tc, &all, k);

		if (!s)
			return;
		memset(all.p + all.len, 0xff, LIST_MAX - all.len);
		cdb_mode_select(&s->io, all.op, CDB1_PF, (uint16_t)all.len, all.p, LIST_MAX);
		EXPECT_GOOD(tc, "SCS-020", &s->io);
		expect_pages(s, "SCS-020", &all);
	}
}

/* Saving, or a page format that is the vendor's. */
static void bad_fields(struct tc *tc)
{
	uint32_t k;

	for (k = 0; k < 2 && !tc->failed; k++) {
		struct list all;
		struct scs *s = start(tc, &all, k);

		if (!s)
			return;
		cdb_mode_select(&s->io, all.op, CDB1_PF | CDB1_SP, (uint16_t)all.len, all.p,
				all.len);
		scs_expect_sense(s, "SCS-040", BAD_CDB);
		cdb_mode_select(&s->io, all.op, CDB1_SP, 0, NULL, 0);
		scs_expect_sense(s, "SCS-040", BAD_CDB);
		cdb_mode_select(&s->io, all.op, 0, (uint16_t)all.len, all.p, all.len);
		scs_expect_sense(s, "SCS-040", BAD_CDB);
	}
}

/* Pages of the wrong length, of no existing code, in subpage format. */
static void bad_pages(struct tc *tc)
{
	uint32_t k, i;

	for (k = 0; k < 2 && !tc->failed; k++) {
		struct list all, l;
		struct scs *s = start(tc, &all, k);

		if (!s)
			return;
		for (i = 0; i < sizeof(codes); i++) {
			uint32_t at = page_at(&all, codes[i]);

			l = all;
			l.p[at] |= 0x40;
			select_io(s, &l);
			scs_expect_sense(s, "SCS-040", BAD_LIST);
			l = all;
			l.p[at + 1]--;
			select_io(s, &l);
			scs_expect_sense(s, "SCS-040", BAD_LIST);
		}
		begin(&l, k);
		add_page(s, &l, 0x01);
		l.p[l.header] = 0x3e;
		select_io(s, &l);
		scs_expect_sense(s, "SCS-040", BAD_LIST);
		expect_pages(s, "SCS-041", &all);
	}
}

static const struct case_def rows[] = {
	{ "scs.030.mode-select-unchanged", "SCS-030", CLAUSE_SHOULD, 0,
	  "MODE SELECT takes what MODE SENSE gave", unchanged },
	{ "scs.030.mode-select-changeable", "SCS-030 SCS-031", CLAUSE_SHOULD, 0,
	  "bits that are called changeable can be changed", changeable },
	{ "scs.030.mode-select-unchangeable", "SCS-030 SCS-040 SCS-041 SCS-003", CLAUSE_SHOULD, 0,
	  "any other bit is an invalid field in the list", unchangeable },
	{ "scs.041.mode-select-all-or-nothing", "SCS-041 SCS-030 SCS-040", CLAUSE_SHOULD, 0,
	  "a list with an error is not applied in part", all_or_nothing },
	{ "scs.023.mode-select-length-zero", "SCS-023 SCS-030", CLAUSE_SHOULD, 0,
	  "list length 0 is GOOD and has no effect", list_length_zero },
	{ "scs.023.mode-select-length", "SCS-023 SCS-030 SCS-040 SCS-041", CLAUSE_SHOULD, 0,
	  "a list that ends in header or page is 05/1A/00", list_length_errors },
	{ "scs.030.mode-select-header-alone", "SCS-030", CLAUSE_SHOULD, 0,
	  "a list that is only a header is GOOD", header_alone },
	{ "scs.020.mode-select-short-transfer", "SCS-020 SCS-041", CLAUSE_SHOULD, 0,
	  "fewer bytes than the list length apply nothing", short_transfer },
	{ "scs.020.mode-select-long-transfer", "SCS-020", CLAUSE_SHOULD, 0,
	  "bytes beyond the list length are not looked at", long_transfer },
	{ "scs.040.mode-select-bad-fields", "SCS-040 SCS-030 SCS-003", CLAUSE_SHOULD, 0,
	  "SP=1 and PF=0 are invalid fields", bad_fields },
	{ "scs.040.mode-select-bad-pages", "SCS-040 SCS-030 SCS-041 SCS-003", CLAUSE_SHOULD, 0,
	  "unknown pages and wrong page lengths are refused", bad_pages },
};

CASE_TABLE(cases_scs_mode_select);
