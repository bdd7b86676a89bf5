/* SPDX-License-Identifier: MIT */
/*
 * UNMAP, for handlers that have it: what goes, what stays, and what is wrong with a list.
 * Clauses: SCS-020, SCS-023, SCS-030, SCS-031, SCS-040, SCS-041, SCS-042.
 */
#include "scs.h"

#define AREA  64
#define FIRST 16
#define DESCS 300

/**
 * struct list - an UNMAP parameter list
 * @n: descriptors in it; @len: bytes in @p
 */
struct list {
	uint32_t n, len;
	uint8_t p[8 + 16 * DESCS + 64];
};

static void begin(struct list *l)
{
	memset(l, 0, sizeof(*l));
	l->len = 8;
}

/* Appends a descriptor and makes the length fields right. */
static void add(struct list *l, uint64_t lba, uint32_t blocks)
{
	be_put(l->p + l->len, 8, lba);
	be_put(l->p + l->len + 8, 4, blocks);
	l->n++;
	l->len += 16;
	be_put(l->p, 2, l->len - 2);
	be_put(l->p + 2, 2, l->len - 8);
}

static void unmap_io(struct scs *s, const struct list *l)
{
	cdb_unmap(&s->io, (uint16_t)l->len, l->p, l->len);
}

/**
 * struct area - the blocks that a case plays with, @AREA from @FIRST
 * @was: what was written there; @gone: blocks that were unmapped since
 */
struct area {
	uint8_t *was;
	bool gone[AREA], maybe[AREA];
	bool zeros;
};

static void fill(struct scs *s, struct area *a, uint64_t salt)
{
	memset(a->gone, 0, sizeof(a->gone));
	memset(a->maybe, 0, sizeof(a->maybe));
	a->was = scs_pattern(s, AREA, salt);
	scs_write(s, FIRST, AREA, a->was);
}

static void gone(struct area *a, uint32_t from, uint32_t n)
{
	memset(a->gone + from, 1, n);
}

/* Blocks that stayed are what they were, those that went are zeros if LBPRZ says so. */
static void judge(struct scs *s, const char *clause, const struct area *a)
{
	uint32_t block = s->cap.block_size, i;
	uint8_t *got = tc_alloc(s->tc, scs_bytes(s, AREA)), *zeros = tc_alloc(s->tc, block);

	scs_read(s, FIRST, AREA, got);
	for (i = 0; i < AREA; i++) {
		if (a->gone[i] && a->zeros)
			EXPECT_MEM(s->tc, clause, "unmapped block", zeros, got + i * block, block);
		if (!a->gone[i] && !a->maybe[i])
			EXPECT_MEM(s->tc, clause, "block that was not unmapped", a->was + i * block,
				   got + i * block, block);
	}
}

/*
 * A start with a written area. NULL if there is nothing to go on with: without UNMAP that is right
 * as long as nobody claims it.
 */
static struct scs *start(struct tc *tc, struct area *a)
{
	struct scs *s = scs_start(tc, NULL, FIRST + AREA + 16);
	struct scs_limits lim;

	if (!s)
		return NULL;
	scs_capacity_16(s);
	a->zeros = s->full[14] & 0x40;
	scs_limits(s, &lim);
	cdb_unmap(&s->io, 0, NULL, 0);
	s->io.dir = RINGSIM_NONE;
	if (!scs_supported(s, "SCS-030")) {
		if (lim.lbpu)
			tc_fail(tc, "SCS-031", "LBPU is set, but UNMAP is no opcode");
		return NULL;
	}
	fill(s, a, 1);
	return tc->failed ? NULL : s;
}

static void unmaps(struct tc *tc)
{
	struct area a;
	struct list l;
	struct scs *s = start(tc, &a);

	if (!s)
		return;
	begin(&l);
	add(&l, FIRST + 3, 20);
	unmap_io(s, &l);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	gone(&a, 3, 20);
	judge(s, "SCS-030", &a);
	/* again, which changes nothing, and one block next to it */
	add(&l, FIRST + 23, 1);
	unmap_io(s, &l);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	gone(&a, 23, 1);
	judge(s, "SCS-030", &a);
	/* what was unmapped can be written */
	fill(s, &a, 2);
	judge(s, "SCS-030", &a);
}

/* The smallest list there is: one block, wherever it lies in a page, the first and the last LBA. */
static void single_blocks(struct tc *tc)
{
	struct area a;
	struct list l;
	struct scs *s = start(tc, &a);
	uint8_t *data, *got, *zeros;
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < 18; i += 2) {
		begin(&l);
		add(&l, FIRST + i, 1);
		unmap_io(s, &l);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		gone(&a, i, 1);
		judge(s, "SCS-030", &a);
	}
	data = scs_pattern(s, 1, 3);
	got = tc_alloc(tc, scs_bytes(s, 1));
	zeros = tc_alloc(tc, scs_bytes(s, 1));
	for (i = 0; i < 2; i++) {
		uint64_t lba = i ? s->cap.blocks - 1 : 0;

		scs_write(s, lba, 1, data);
		begin(&l);
		add(&l, lba, 1);
		unmap_io(s, &l);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
		scs_read(s, lba, 1, got);
		if (a.zeros)
			EXPECT_MEM(tc, "SCS-030", "unmapped block", zeros, got, scs_bytes(s, 1));
	}
}

/* Several descriptors: unsorted, adjacent, overlapping, empty, as many as a page of them. */
static void descriptors(struct tc *tc)
{
	struct area a;
	struct list l;
	struct scs *s = start(tc, &a);
	uint32_t i;

	if (!s)
		return;
	begin(&l);
	add(&l, FIRST + 40, 3);
	add(&l, FIRST + 2, 5);
	add(&l, FIRST + 43, 1);
	add(&l, FIRST + 20, 0);
	add(&l, FIRST + 5, 9);
	add(&l, FIRST + 63, 1);
	unmap_io(s, &l);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	gone(&a, 40, 4);
	gone(&a, 2, 12);
	gone(&a, 63, 1);
	judge(s, "SCS-030", &a);
	fill(s, &a, 3);
	begin(&l);
	for (i = 0; i < AREA; i += 2) {
		add(&l, FIRST + i, 1);
		gone(&a, i, 1);
	}
	unmap_io(s, &l);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	judge(s, "SCS-030", &a);
}

static void empty_lists(struct tc *tc)
{
	struct area a;
	struct list l;
	struct scs *s = start(tc, &a);

	if (!s)
		return;
	EXPECT_EQ(tc, "SCS-023", "status with list length 0", 0, s->io.status);
	cdb_unmap(&s->io, 0, NULL, 0);
	s->io.dir = RINGSIM_NONE;
	EXPECT_GOOD(tc, "SCS-023", &s->io);
	begin(&l);
	be_put(l.p, 2, 6);
	unmap_io(s, &l);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	add(&l, FIRST, 0);
	unmap_io(s, &l);
	EXPECT_GOOD(tc, "SCS-030", &s->io);
	judge(s, "SCS-041", &a);
}

/* Descriptors that the list has no room for: an error, or they do not count. */
static void cut_list(struct scs *s, struct area *a, const struct list *l, uint32_t len,
		     uint32_t sent)
{
	cdb_unmap(&s->io, (uint16_t)len, l->p, sent);
	if (!scs_exec(s, "SCS-030"))
		return;
	EXPECT(s->tc, "SCS-030",
	       s->io.status == 0 || scs_is(s, BAD_LIST_LENGTH) || scs_is(s, BAD_LIST),
	       "list cut to %u bytes: found status 0x%02x sense %x/%04x", len, s->io.status,
	       sense_key(s->io.sense), sense_asc(s->io.sense));
	if (s->io.status == SAM_CHECK)
		scs_judge_sense(s, "SCS-040");
	else if (len >= 24)
		memset(a->maybe + 1, 1, 2);
	judge(s, "SCS-041", a);
}

/* A list that ends in its header, or further on. */
static void list_length(struct tc *tc)
{
	struct area a;
	struct list l;
	struct scs *s = start(tc, &a);
	uint32_t len;

	if (!s)
		return;
	begin(&l);
	add(&l, FIRST + 1, 2);
	add(&l, FIRST + 5, 2);
	for (len = 1; len < 8; len++) {
		cdb_unmap(&s->io, (uint16_t)len, l.p, len);
		scs_expect_sense(s, "SCS-023", BAD_LIST_LENGTH);
		cdb_unmap(&s->io, (uint16_t)len, l.p, l.len);
		scs_expect_sense(s, "SCS-023", BAD_LIST_LENGTH);
	}
	for (len = 8; len < l.len; len++) {
		cut_list(s, &a, &l, len, len);
		cut_list(s, &a, &l, len, l.len);
	}
}

/* Fewer bytes came than the list has: descriptors that are not there do nothing. */
static void short_transfer(struct tc *tc)
{
	struct area a;
	struct list l;
	struct scs *s = start(tc, &a);
	uint32_t len;

	if (!s)
		return;
	for (len = 0; len < 8 + 2 * 16; len++) {
		begin(&l);
		add(&l, FIRST + 1, 2);
		add(&l, FIRST + 5, 2);
		cdb_unmap(&s->io, (uint16_t)l.len, l.p, len);
		EXPECT(tc, "SCS-020", scs_exec(s, "SCS-020"), "no end");
		memset(a.maybe, 0, sizeof(a.maybe));
		if (s->io.status == SAM_CHECK)
			scs_judge_sense(s, "SCS-040");
		else if (len >= 24)
			memset(a.maybe + 1, 1, 2);
		judge(s, "SCS-020", &a);
		scs_write(s, FIRST, AREA, a.was);
	}
}

/* The list is longer than what it describes; a last descriptor that is cut off does not count. */
static void spare_bytes(struct tc *tc)
{
	struct area a;
	struct list l;
	struct scs *s = start(tc, &a);
	uint32_t cut;

	if (!s)
		return;
	for (cut = 1; cut <= 16; cut++) {
		begin(&l);
		add(&l, FIRST + 1, 2);
		add(&l, FIRST + 9, 2);
		be_put(l.p + 2, 2, l.len - 8 - cut);
		unmap_io(s, &l);
		EXPECT_GOOD(tc, "SCS-030", &s->io);
	}
	gone(&a, 1, 2);
	judge(s, "SCS-030", &a);
}

/* One bad descriptor among good ones; what comes after the first error is not done. */
static void ranges(struct tc *tc)
{
	struct area a;
	struct list l;
	struct scs *s = start(tc, &a);
	uint32_t i;

	if (!s)
		return;
	const uint64_t cap = s->cap.blocks;
	const struct {
		uint64_t lba;
		uint32_t n;
	} bad[] = { { cap, 1 },
		    { cap - 1, 2 },
		    { UINT64_MAX, 1 },
		    { UINT64_MAX, 2 },
		    { UINT64_MAX - 1, 3 },
		    { UINT64_MAX - FIRST, 2 * FIRST },
		    { UINT64_MAX / s->cap.block_size + 1 + FIRST, 1 },
		    { 1ull << 32, 1 },
		    { 1ull << 63, 1 },
		    { 0, 0xffffffff },
		    { FIRST, 0x80000001 } };

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (bad[i].lba < cap && bad[i].n <= cap - bad[i].lba)
			continue;
		begin(&l);
		add(&l, bad[i].lba, bad[i].n);
		unmap_io(s, &l);
		EXPECT(tc, "SCS-042", scs_exec(s, "SCS-042"), "no end");
		EXPECT(tc, "SCS-042", scs_is(s, BAD_LBA) || (bad[i].n > 2 && scs_is(s, BAD_LIST)),
		       "UNMAP of %u blocks at 0x%llx: found status 0x%02x sense %x/%04x", bad[i].n,
		       (unsigned long long)bad[i].lba, s->io.status, sense_key(s->io.sense),
		       sense_asc(s->io.sense));
		judge(s, "SCS-041", &a);
		begin(&l);
		add(&l, FIRST + 2, 2);
		add(&l, bad[i].lba, bad[i].n);
		add(&l, FIRST + 8, 2);
		unmap_io(s, &l);
		scs_expect_check(s, "SCS-042");
		memset(a.maybe + 2, 1, 2);
		judge(s, "SCS-041", &a);
		memset(a.maybe, 0, sizeof(a.maybe));
		scs_write(s, FIRST, AREA, a.was);
	}
}

static void anchor(struct tc *tc)
{
	struct area a;
	struct list l;
	struct scs *s = start(tc, &a);

	if (!s)
		return;
	if (scs_vpd(s, 0xb2) && s->full[5] & 0x02) {
		tc_skip(tc, "the handler reports ANC_SUP");
		return;
	}
	begin(&l);
	add(&l, FIRST + 2, 2);
	unmap_io(s, &l);
	s->io.cdb[1] = 1;
	scs_expect_sense(s, "SCS-030", BAD_CDB);
	judge(s, "SCS-041", &a);
}

/* As many descriptors as page B0 allows, and one more. */
static void max_descriptors(struct tc *tc)
{
	struct area a;
	struct list *l = tc_alloc(tc, sizeof(*l));
	struct scs *s = start(tc, &a);
	struct scs_limits lim;
	uint32_t i;

	if (!s)
		return;
	scs_limits(s, &lim);
	if (!lim.b0 || lim.max_unmap_desc >= DESCS) {
		tc_skip(tc, "page B0 promises more descriptors than a list here can have");
		return;
	}
	begin(l);
	for (i = 0; i < lim.max_unmap_desc; i++)
		add(l, FIRST + i % AREA, 1);
	unmap_io(s, l);
	EXPECT_GOOD(tc, "SCS-031", &s->io);
	fill(s, &a, 4);
	add(l, FIRST, 1);
	unmap_io(s, l);
	scs_expect_sense(s, "SCS-030", BAD_LIST);
	judge(s, "SCS-041", &a);
}

/* As many blocks as page B0 allows, and one more. The same blocks may be named again. */
static void max_blocks(struct tc *tc)
{
	struct area a;
	struct list *l = tc_alloc(tc, sizeof(*l));
	struct scs *s = start(tc, &a);
	struct scs_limits lim;
	uint64_t left, all;

	if (!s)
		return;
	scs_limits(s, &lim);
	all = s->cap.blocks - FIRST - AREA;
	if (!lim.b0 || lim.max_unmap == UINT32_MAX || lim.max_unmap / all + 2 > DESCS ||
	    lim.max_unmap / all + 2 > lim.max_unmap_desc) {
		tc_skip(tc, "page B0 promises more blocks than this unit and a list have");
		return;
	}
	begin(l);
	for (left = lim.max_unmap; left; left -= left < all ? left : all)
		add(l, FIRST + AREA, (uint32_t)(left < all ? left : all));
	unmap_io(s, l);
	EXPECT_GOOD(tc, "SCS-031", &s->io);
	add(l, FIRST, 1);
	unmap_io(s, l);
	scs_expect_sense(s, "SCS-031", BAD_LIST);
	judge(s, "SCS-041", &a);
}

/* LBPME, LBPU and the opcode say the same. */
static void as_advertised(struct tc *tc)
{
	struct scs *s = scs_start(tc, NULL, 0);
	struct scs_limits lim;
	bool there;

	if (!s)
		return;
	scs_limits(s, &lim);
	cdb_unmap(&s->io, 0, NULL, 0);
	s->io.dir = RINGSIM_NONE;
	there = scs_supported(s, "SCS-040");
	EXPECT(tc, "SCS-031", there == lim.lbpu, "LBPU is %d, but UNMAP is %s", lim.lbpu,
	       there ? "known" : "refused");
	EXPECT(tc, "SCS-031", !there || s->io.status == 0, "UNMAP of nothing: status 0x%02x",
	       s->io.status);
}

static const struct case_def rows[] = {
	{ "scs.030.unmap", "SCS-030 SCS-031", CLAUSE_MUST, 0,
	  "UNMAP takes what it names and nothing else", unmaps },
	{ "scs.030.unmap-single", "SCS-030", CLAUSE_MUST, 0, "UNMAP of one block", single_blocks },
	{ "scs.030.unmap-descriptors", "SCS-030", CLAUSE_MUST, 0,
	  "UNMAP with many descriptors: unsorted, overlapping, empty", descriptors },
	{ "scs.023.unmap-empty", "SCS-023 SCS-030 HND-021", CLAUSE_MUST, 0,
	  "UNMAP lists that name nothing are GOOD", empty_lists },
	{ "scs.023.unmap-length", "SCS-023 SCS-030 SCS-040 SCS-041", CLAUSE_MUST, 0,
	  "UNMAP lists that end in header or descriptors are 05/1A/00", list_length },
	{ "scs.020.unmap-short-transfer", "SCS-020", CLAUSE_MUST, 0,
	  "UNMAP descriptors that were not sent do nothing", short_transfer },
	{ "scs.030.unmap-spare-bytes", "SCS-030", CLAUSE_MUST, 0,
	  "UNMAP goes by the descriptor length, whole descriptors only", spare_bytes },
	{ "scs.042.unmap", "SCS-042 SCS-041 SCS-040 SCS-030 SCS-003", CLAUSE_MUST, 0,
	  "UNMAP outside the medium", ranges },
	{ "scs.030.unmap-anchor", "SCS-030 SCS-040 SCS-041 SCS-003", CLAUSE_MUST, 0,
	  "UNMAP with ANCHOR is an invalid field unless advertised", anchor },
	{ "scs.030.unmap-max-descriptors", "SCS-030 SCS-031 SCS-040 SCS-041", CLAUSE_MUST, 0,
	  "UNMAP: as many descriptors as page B0 says and no more", max_descriptors },
	{ "scs.031.unmap-max-blocks", "SCS-031 SCS-030 SCS-040 SCS-041", CLAUSE_MUST, 0,
	  "UNMAP: as many blocks as page B0 says and no more", max_blocks },
	{ "scs.031.unmap-as-advertised", "SCS-031 SCS-030", CLAUSE_MUST, 0,
	  "LBPU is set if and only if UNMAP exists", as_advertised },
};

CASE_TABLE(cases_scs_unmap);
