/* SPDX-License-Identifier: MIT */
/*
 * MODE SELECT beyond its pages: block descriptors, and what D_SENSE does to sense data.
 * Clauses: SCS-030, SCS-040, SCS-041.
 */
#include "scs.h"

/**
 * struct desc - a header and one block descriptor
 * @len: of both together; @at: where the descriptor begins
 */
struct desc {
	uint8_t op;
	uint32_t at, len;
	uint8_t p[8 + 16 + 8];
};

enum desc_kind { SHORT_6, SHORT_10, LONG_10 };

/* What MODE SENSE gives. False: the handler has no such descriptor. */
static bool get_desc(struct scs *s, enum desc_kind kind, struct desc *d)
{
	uint8_t op = kind == SHORT_6 ? OP_MODE_SENSE_6 : OP_MODE_SENSE_10;
	uint32_t n;

	memset(d, 0, sizeof(*d));
	d->op = kind == SHORT_6 ? OP_MODE_SELECT_6 : OP_MODE_SELECT_10;
	d->at = kind == SHORT_6 ? 4 : 8;
	if (!scs_mode_sense(s, op, kind == LONG_10 ? CDB1_LLBAA : 0, 0x0a))
		return false;
	n = kind == SHORT_6 ? s->full[3] : (uint32_t)be_get(s->full + 6, 2);
	if (n != (kind == LONG_10 ? 16 : 8))
		return false;
	memcpy(d->p + d->at, s->full + d->at, n);
	if (kind == SHORT_6)
		d->p[3] = (uint8_t)n;
	else
		be_put(d->p + 6, 2, n);
	d->p[4] |= kind == LONG_10;
	d->len = d->at + n;
	return true;
}

static void put_desc(struct scs *s, const struct desc *d)
{
	cdb_mode_select(&s->io, d->op, CDB1_PF, (uint16_t)d->len, d->p, d->len);
}

/* Capacity as it was: neither size nor length moved. */
static void expect_capacity(struct scs *s)
{
	scs_capacity_16(s);
	EXPECT_EQ(s->tc, "SCS-041", "blocks", s->cap.blocks, be_get(s->full, 8) + 1);
	EXPECT_EQ(s->tc, "SCS-041", "block length", s->cap.block_size, be_get(s->full + 8, 4));
}

static void same_descriptor(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 8);
	enum desc_kind kind;
	struct desc d;

	if (!s)
		return;
	for (kind = SHORT_6; kind <= LONG_10 && !tc->failed; kind++) {
		if (!get_desc(s, kind, &d))
			continue;
		put_desc(s, &d);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		/* 0 blocks and all ones mean "as many as there are" */
		memset(d.p + d.at, 0, kind == LONG_10 ? 8 : 4);
		put_desc(s, &d);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		memset(d.p + d.at, 0xff, kind == LONG_10 ? 8 : 4);
		put_desc(s, &d);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		expect_capacity(s);
	}
}

/* A block length that the medium does not have cannot be chosen without a FORMAT UNIT. */
static void other_block_length(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 8);
	enum desc_kind kind;
	struct desc d;
	uint32_t bit;

	if (!s)
		return;
	for (kind = SHORT_6; kind <= LONG_10 && !tc->failed; kind++) {
		if (!get_desc(s, kind, &d))
			continue;
		for (bit = 0; bit < 24; bit++) {
			uint8_t *p = d.p + d.len - 3 + bit / 8;

			*p ^= (uint8_t)(1u << bit % 8);
			put_desc(s, &d);
			scs_expect_sense(s, "SCS-040", BAD_LIST);
			*p ^= (uint8_t)(1u << bit % 8);
		}
		expect_capacity(s);
	}
}

/* One block more than there is cannot be had. */
static void more_blocks(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 8);
	enum desc_kind kind;
	struct desc d;

	if (!s)
		return;
	for (kind = SHORT_6; kind <= LONG_10 && !tc->failed; kind++) {
		if (!get_desc(s, kind, &d))
			continue;
		be_put(d.p + d.at, kind == LONG_10 ? 8 : 4, s->cap.blocks + 1);
		put_desc(s, &d);
		scs_expect_sense(s, "SCS-040", BAD_LIST);
		expect_capacity(s);
	}
}

/* A descriptor length that the list has no room for, or that no descriptor has. */
static void descriptor_length(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 8);
	enum desc_kind kind;
	struct desc d;
	uint32_t len;

	if (!s)
		return;
	for (kind = SHORT_6; kind <= LONG_10 && !tc->failed; kind++) {
		if (!get_desc(s, kind, &d))
			continue;
		for (len = d.at; len < d.len; len++) {
			cdb_mode_select(&s->io, d.op, CDB1_PF, (uint16_t)len, d.p, len);
			scs_expect_sense(s, "SCS-023", BAD_LIST_LENGTH);
		}
		/* one byte too many claimed, and given */
		d.p[kind == SHORT_6 ? 3 : 7]++;
		cdb_mode_select(&s->io, d.op, CDB1_PF, (uint16_t)d.len, d.p, d.len);
		scs_expect_sense(s, "SCS-023", BAD_LIST_LENGTH);
		cdb_mode_select(&s->io, d.op, CDB1_PF, (uint16_t)(d.len + 1), d.p, d.len + 1);
		scs_expect_check(s, "SCS-040");
		EXPECT(tc, "SCS-040", scs_is(s, BAD_LIST) || scs_is(s, BAD_LIST_LENGTH),
		       "descriptor length off by one: found %x/%04x", sense_key(s->io.sense),
		       sense_asc(s->io.sense));
		/* all ones, where a sum could overflow */
		memset(d.p + (kind == SHORT_6 ? 3 : 6), 0xff, kind == SHORT_6 ? 1 : 2);
		cdb_mode_select(&s->io, d.op, CDB1_PF, (uint16_t)d.len, d.p, d.len);
		scs_expect_sense(s, "SCS-023", BAD_LIST_LENGTH);
		expect_capacity(s);
	}
}

#define D_SENSE 0x04

/* Set or clear D_SENSE; false if it cannot be changed. */
static bool set_d_sense(struct scs *s, bool on)
{
	uint8_t list[8 + 12] = { 0 };
	uint32_t at;

	if (!scs_mode_sense(s, OP_MODE_SENSE_10, CDB1_DBD, 0x4a))
		return false;
	at = scs_mode_page(s, OP_MODE_SENSE_10, 0x0a);
	if (at == 0 || !(s->full[at + 2] & D_SENSE))
		return false;
	if (!scs_mode_sense(s, OP_MODE_SENSE_10, CDB1_DBD, 0x0a))
		return false;
	at = scs_mode_page(s, OP_MODE_SENSE_10, 0x0a);
	memcpy(list + 8, s->full + at, 12);
	list[8] &= 0x7f;
	list[10] = (uint8_t)((list[10] & ~D_SENSE) | (on ? D_SENSE : 0));
	cdb_mode_select(&s->io, OP_MODE_SELECT_10, CDB1_PF, sizeof(list), list, sizeof(list));
	return scs_exec(s, "SCS-030") && s->io.status == 0;
}

/* One failing command; its sense must have the response code @code. */
static void expect_format(struct scs *s, uint8_t code)
{
	target_io_rw(&s->io, false, 16, s->cap.blocks, 1, s->cap.block_size,
		     tc_alloc(s->tc, s->cap.block_size));
	scs_expect_sense(s, "SCS-040", BAD_LBA);
	EXPECT_EQ(s->tc, "SCS-030", "response code", code, s->io.sense[0] & 0x7f);
	cdb_none(&s->io, 0xff);
	scs_expect_sense(s, "SCS-040", BAD_OPCODE);
	EXPECT_EQ(s->tc, "SCS-030", "response code", code, s->io.sense[0] & 0x7f);
}

static void d_sense(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 8);

	if (!s)
		return;
	if (!set_d_sense(s, true)) {
		if (!tc->failed)
			tc_skip(tc, "the handler's D_SENSE cannot be changed");
		return;
	}
	expect_format(s, 0x72);
	/* REQUEST SENSE goes by its own bit */
	cdb_request_sense(&s->io, false, 252, s->room, 252);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	EXPECT_EQ(tc, "SCS-030", "REQUEST SENSE, DESC 0", 0x70, s->room[0]);
	EXPECT(tc, "SCS-030", set_d_sense(s, false), "D_SENSE cannot be cleared");
	expect_format(s, 0x70);
}

/* INFORMATION has a place in both formats: 8 bytes behind a descriptor header of 4. */
static void d_sense_information(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 8);
	uint8_t *buf;

	if (!s)
		return;
	buf = scs_pattern(s, 2, 1);
	scs_write(s, 3, 2, buf);
	if (!set_d_sense(s, true)) {
		if (!tc->failed)
			tc_skip(tc, "the handler's D_SENSE cannot be changed");
		return;
	}
	buf[s->cap.block_size + 5] ^= 1;
	cdb_out(&s->io, ops_verify[2], buf, scs_bytes(s, 2));
	cdb_range(&s->io, 3, 2);
	s->io.cdb[1] = CDB1_BYTCHK;
	scs_expect_sense(s, "SCS-030", MISCOMPARE);
	EXPECT_EQ(tc, "SCS-040", "response code", 0x72, s->io.sense[0]);
	EXPECT_EQ(tc, "SCS-040", "length of descriptors", 12, s->io.sense[7]);
	EXPECT_EQ(tc, "SCS-040", "descriptor type", 0, s->io.sense[8]);
	EXPECT_EQ(tc, "SCS-040", "descriptor length", 10, s->io.sense[9]);
	EXPECT_EQ(tc, "SCS-040", "VALID", 0x80, s->io.sense[10] & 0x80);
	EXPECT_EQ(tc, "SCS-030", "INFORMATION", s->cap.block_size + 5, be_get(s->io.sense + 12, 8));
}

static const struct case_def rows[] = {
	{ "scs.030.mode-select-descriptor", "SCS-030", CLAUSE_SHOULD, 0,
	  "a block descriptor that changes nothing is GOOD", same_descriptor },
	{ "scs.040.mode-select-block-length", "SCS-040 SCS-030 SCS-041 SCS-003", CLAUSE_SHOULD, 0,
	  "another block length is an invalid field in the list", other_block_length },
	{ "scs.040.mode-select-more-blocks", "SCS-040 SCS-030 SCS-041 SCS-003", CLAUSE_SHOULD, 0,
	  "more blocks than there are are an invalid field in the list", more_blocks },
	{ "scs.023.mode-select-descriptor-length", "SCS-023 SCS-030 SCS-040 SCS-041", CLAUSE_SHOULD,
	  0, "a block descriptor that does not fit the list is 05/1A/00", descriptor_length },
	{ "scs.040.d-sense", "SCS-040 SCS-030 SCS-031 HND-033", CLAUSE_SHOULD, 0,
	  "D_SENSE switches the sense format, there and back", d_sense },
	{ "scs.040.d-sense-information", "SCS-040 SCS-030 SCS-031 HND-033", CLAUSE_SHOULD, 0,
	  "a miscompare in descriptor format carries INFORMATION", d_sense_information },
};

CASE_TABLE(cases_scs_mode_effect);
