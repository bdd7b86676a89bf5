/* SPDX-License-Identifier: MIT */
/*
 * Attaching: version, geometry, mapping, name. Clauses HND-001 to HND-005 with DIS-01, DIS-14 to
 * DIS-16 and DIS-22.
 */
#include "work.h"

#include "cdb.h"

/* What a handler that must stay away could have stored into. */
struct untouched {
	uint8_t *copy;
	size_t len;
	uint64_t doorbells;
};

static void untouched_begin(struct tc *tc, struct untouched *u)
{
	const struct ringsim_layout *lay = target_layout(tc->t);

	u->len = lay->cmdr_off + lay->cmdr_size;
	u->copy = tc_alloc(tc, u->len);
	memcpy(u->copy, seat_region(tc->t), u->len);
	u->doorbells = target_uio(tc->t)->doorbells;
}

/* Offers the started device once more with a command waiting; the handler must leave no trace. */
static void refused_again(struct tc *tc, const char *clause)
{
	struct untouched u;
	struct target_io io;

	work_tur(&io);
	target_submit(tc->t, &io);
	untouched_begin(tc, &u);
	if (target_restart(tc->t))
		return;
	EXPECT_MEM(tc, clause, "mailbox and ring of a device to refuse", u.copy, seat_region(tc->t),
		   u.len);
	EXPECT_EQ(tc, clause, "doorbells rung on a device to refuse", u.doorbells,
		  target_uio(tc->t)->doorbells);
	/* a kernel that was told to block refuses it */
	EXPECT(tc, clause, !io.done || io.outcome != RINGSIM_ANSWERED,
	       "a command of a device to refuse was completed");
	EXPECT(tc, clause, !target_attached(tc->t), "the device to refuse is still open");
}

static void refuse_version(struct tc *tc, uint16_t version)
{
	struct target_opts o = work_opts(4096, 4);

	o.dev.version = version;
	o.expect_no_attach = true;
	if (!target_start(tc->t, &o))
		refused_again(tc, "HND-001");
}

static void version_1(struct tc *tc)
{
	refuse_version(tc, 1);
}

static void version_3(struct tc *tc)
{
	refuse_version(tc, 3);
}

/* Values that look like 2 to who compares a byte, a sign or the wrong end. */
static void version_other(struct tc *tc)
{
	static const uint16_t versions[] = { 0x0102, 0x0200, 0x8002, 0xffff };
	unsigned int i;

	for (i = 0; i < 4 && !tc->failed; i++)
		refuse_version(tc, versions[i]);
}

static void version_2(struct tc *tc)
{
	struct target_opts o = work_opts(4096, 4);
	struct target_io io;

	o.dev.version = 2;
	if (target_start(tc->t, &o))
		return;
	work_tur(&io);
	EXPECT_GOOD(tc, "HND-001", &io);
}

/* A load on a geometry that nobody would guess. */
static void on_geometry(struct tc *tc, const struct ringsim_geometry *geo, uint32_t start)
{
	struct work_cfg cfg = { .clause = "HND-002", .lanes = 6, .max_blocks = 24 };
	struct target_opts o = TARGET_OPTS;
	struct work w;

	o.dev.geo = *geo;
	o.dev.start = start;
	o.handler.wce = true;
	if (target_start(tc->t, &o) || !work_start(&w, tc, &cfg))
		return;
	work_run(&w, 250);
}

static void offset_4096(struct tc *tc)
{
	on_geometry(tc, &(struct ringsim_geometry){ .cmdr_off = 4096, .ring_mb = 1 }, 1047000);
}

static void offset_odd(struct tc *tc)
{
	on_geometry(
		tc,
		&(struct ringsim_geometry){ .cmdr_off = 136, .cmdr_size = 2048, .data_blocks = 64 },
		0);
}

/* No power of two divides these but 8. */
static void size_odd(struct tc *tc)
{
	static const uint32_t primes[] = { 127, 131, 251, 509, 1021, 2039 };
	uint32_t i;

	for (i = 0; i < 6 && !tc->failed; i++)
		on_geometry(tc,
			    &(struct ringsim_geometry){ .cmdr_off = i % 2 ? 4096 : 0,
							.cmdr_size = 8 * primes[i],
							.data_blocks = 37 },
			    8 * tc_below(tc, primes[i]));
}

/* Indices beyond any mask that a handler could have compiled in. */
static void size_large(struct tc *tc)
{
	on_geometry(tc, &(struct ringsim_geometry){ .ring_mb = 8, .data_area_mb = 16 },
		    (8u << 20) - 128 - 4096);
}

static void ring_sizes(struct tc *tc)
{
	uint32_t mb;

	for (mb = 1; mb <= 8 && !tc->failed; mb++)
		on_geometry(tc, &(struct ringsim_geometry){ .ring_mb = mb, .data_area_mb = mb },
			    (mb << 20) - 128 - 8 * (1 + tc_below(tc, 500)));
}

/* The last byte of the region belongs to the last block. */
static void map_to_the_end(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 1021, 5);
	struct target_capacity cap;
	uint8_t *out, *in;
	struct target_io io;
	uint32_t n;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	n = 5 * 4096 / cap.block_size;
	out = tc_alloc(tc, 5 * 4096);
	in = tc_alloc(tc, 5 * 4096);
	tc_fill(tc, out, 5 * 4096, 1);
	target_io_rw(&io, true, 10, 0, n, cap.block_size, out);
	EXPECT_GOOD(tc, "HND-003", &io);
	target_io_rw(&io, false, 10, 0, n, cap.block_size, in);
	EXPECT_GOOD(tc, "HND-003", &io);
	EXPECT_MEM(tc, "HND-003", "data through the whole data area", out, in,
		   (size_t)n * cap.block_size);
}

/*
 * 0x100100000 bytes: who keeps the size in 32 bits maps 1 MiB of it. A handler that touches all it
 * maps would really take them, so it is found out on a small device first.
 */
static void map_over_4_gib(struct tc *tc)
{
	static const uint32_t data_mb[] = { 4, 4096 };
	struct target_opts o = TARGET_OPTS;
	struct target_io io;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		o.dev.geo.data_area_mb = data_mb[i];
		if (target_start(tc->t, &o))
			return;
		work_tur(&io);
		EXPECT_GOOD(tc, "HND-003", &io);
		target_stop(tc->t);
		if (tc->failed)
			return;
	}
}

static void offer_name(struct tc *tc, const char *name, bool ours)
{
	struct target_opts o = work_opts(512, 4);
	struct target_io io;

	o.name = name;
	o.handler.subtype = "foo";
	o.expect_no_attach = !ours;
	if (target_start(tc->t, &o)) {
		if (!tc->failed)
			tc_fail(tc, "HND-004", "name \"%s\": not taken up", name);
		return;
	}
	if (!ours) {
		EXPECT(tc, "HND-005", !target_attached(tc->t), "name \"%s\": opened", name);
		return;
	}
	work_tur(&io);
	EXPECT_GOOD(tc, "HND-004", &io);
}

static void offer_names(struct tc *tc, const char *const *names, size_t n, bool ours)
{
	size_t i;

	for (i = 0; i < n && !tc->failed; i++)
		offer_name(tc, names[i], ours);
}

#define NAMES(tc, ours, ...)                                  \
	offer_names(tc, (const char *const[]){ __VA_ARGS__ }, \
		    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), ours)

static void name_prefix(struct tc *tc)
{
	NAMES(tc, false, "tcm-userX/0/a/foo", "tcm-use/0/a/foo", "tcm-user0/a/foo/x", "tcm", "",
	      "tcm-user", "tcm-user/", "TCM-USER/0/a/foo", "xtcm-user/0/a/foo", "/tcm-user/0/a/foo",
	      "tcm-user-0/a/foo/x", "tcm/0/a/foo", "tcm-userX0/a/foo/x", "tcm-user:0/a/foo");
}

static void name_no_config(struct tc *tc)
{
	NAMES(tc, false, "tcm-user/0/a", "tcm-user/0/a/", "tcm-user/0/a/\n", "tcm-user/0/a\n",
	      "tcm-user/0", "tcm-user/0/", "tcm-user/0//", "tcm-user/0/foo", "tcm-user/0/foo/",
	      "tcm-user/foo", "tcm-user/0//foo/x", "tcm-user/0//foo");
}

static void name_subtype(struct tc *tc)
{
	NAMES(tc, false, "tcm-user/0/a/foobar/x", "tcm-user/0/a/foobar", "tcm-user/0/a/fo/x",
	      "tcm-user/0/a/fo", "tcm-user/0/a/f/oo", "tcm-user/0/a//foo", "tcm-user/0/a/x/foo",
	      "tcm-user/0/a/xfoo/x", "tcm-user/0/a/Foo/x", "tcm-user/0/a/foo:/x",
	      "tcm-user/0/foo/bar", "tcm-user/0/a/bar/foo");
}

static void name_hba(struct tc *tc)
{
	NAMES(tc, false, "tcm-user/x/a/foo", "tcm-user//a/foo", "tcm-user/0x/a/foo",
	      "tcm-user/0xa/foo/x", "tcm-user/-1/a/foo");
	NAMES(tc, true, "tcm-user/7/a/foo", "tcm-user/12345/a/foo/x", "tcm-user/4294967295/a/foo");
}

static void name_ours(struct tc *tc)
{
	NAMES(tc, true, "tcm-user/0/a/foo", "tcm-user/0/a/foo/", "tcm-user/0/a/foo//x",
	      "tcm-user/0/a/foo/x/y/z", "tcm-user/0/tcm-user/foo/x", "tcm-user/0/foo/foo/foo",
	      "tcm-user/0/a-b.c:d/foo/x");
}

static void name_colon(struct tc *tc)
{
	NAMES(tc, true, "tcm-user/0/a/foo/x:y", "tcm-user/0/a/foo/:", "tcm-user/0/a/foo/x:1:2/z");
}

static void name_newline(struct tc *tc)
{
	NAMES(tc, true, "tcm-user/0/a/foo\n", "tcm-user/0/a/foo/x\n", "tcm-user/0/a/foo/x\n\n",
	      "tcm-user/0/a/foo/x\ny", "tcm-user/0/a/foo/\n", "tcm-user/0/a/foo\n\n");
}

/* 255 characters of dev_config make a name that is longer than 256. */
static void name_long(struct tc *tc)
{
	static const char head[] = "tcm-user/0/a/foo/";
	char *name = tc_alloc(tc, sizeof(head) + 512);

	memcpy(name, head, sizeof(head));
	memset(name + sizeof(head) - 1, 'x', 255 - 4);
	offer_name(tc, name, true);
	memset(name + 9, 'd', 255);
	memcpy(name + 9, "0/", 2);
	memcpy(name + 9 + 255, "/foo/y", 7);
	if (!tc->failed)
		offer_name(tc, name, true);
}

static void foreign_prefix(struct tc *tc)
{
	struct target_opts o = work_opts(512, 4);

	o.name = "tcm-userX/0/disk/any/x";
	o.expect_no_attach = true;
	if (!target_start(tc->t, &o))
		refused_again(tc, "HND-004");
}

static void foreign_subtype(struct tc *tc)
{
	struct target_opts o = work_opts(512, 4);

	o.name = "tcm-user/0/disk/somebody-else/x";
	o.handler.subtype = "foo";
	o.expect_no_attach = true;
	if (!target_start(tc->t, &o))
		refused_again(tc, "HND-005");
}

static void foreign_announced(struct tc *tc)
{
	struct target_opts o = work_opts(512, 4);

	o.name = "tcm-user/0/disk/somebody-else/x";
	o.expect_no_attach = true;
	if (target_start(tc->t, &o))
		return;
	EXPECT(tc, "HND-005", !target_handler_pid(tc->t),
	       "the handler opened a device of subtype somebody-else");
}

static const struct case_def rows[] = {
	{ "hnd.001.version-2", "HND-001 DIS-01", CLAUSE_MUST, 0, "version 2 is accepted",
	  version_2 },
	{ "hnd.001.version-1", "HND-001 DIS-01", CLAUSE_MUST, NEEDS_RESTART,
	  "version 1 is refused, nothing stored, nothing rung", version_1 },
	{ "hnd.001.version-3", "HND-001 DIS-01", CLAUSE_MUST, NEEDS_RESTART,
	  "version 3 is refused, nothing stored, nothing rung", version_3 },
	{ "hnd.001.version-other", "HND-001", CLAUSE_MUST, NEEDS_RESTART,
	  "versions that only resemble 2 are refused", version_other },
	{ "hnd.002.offset-4096", "HND-002 HND-017", CLAUSE_MUST, 0, "cmdr_off 4096", offset_4096 },
	{ "hnd.002.offset-odd", "HND-002 HND-017", CLAUSE_MUST, 0,
	  "cmdr_off 136, a ring of 2 KiB, many laps", offset_odd },
	{ "hnd.002.size-odd", "HND-002 HND-014", CLAUSE_MUST, 0,
	  "cmdr_size 8 times a prime, many laps", size_odd },
	{ "hnd.002.size-large", "HND-002", CLAUSE_MUST, 0, "indices just below 8 MiB", size_large },
	{ "hnd.002.ring-sizes", "HND-002 DIS-16", CLAUSE_MUST, 0,
	  "rings of 1 to 8 MiB, across the wrap", ring_sizes },
	{ "hnd.003.to-the-end", "HND-003", CLAUSE_MUST, 0,
	  "the last byte of the data area can be used", map_to_the_end },
	{ "hnd.003.over-4-gib", "HND-003", CLAUSE_MUST, 0,
	  "a map0 whose size needs more than 32 bits", map_over_4_gib },
	{ "hnd.004.foreign-prefix", "HND-004 HND-005 DIS-22", CLAUSE_MUST, NEEDS_RESTART,
	  "tcm-userX is none of ours", foreign_prefix },
	{ "hnd.004.prefix", "HND-004 DIS-22", CLAUSE_MUST, NEEDS_INPROC,
	  "the first component is tcm-user, in full and alone", name_prefix },
	{ "hnd.004.no-config", "HND-004 DIS-14", CLAUSE_MUST, NEEDS_INPROC,
	  "a name without the last part is nobody's", name_no_config },
	{ "hnd.004.subtype", "HND-004 HND-005", CLAUSE_MUST, NEEDS_INPROC,
	  "the subtype is compared whole", name_subtype },
	{ "hnd.004.hba", "HND-004", CLAUSE_MUST, NEEDS_INPROC, "the HBA is a decimal number",
	  name_hba },
	{ "hnd.004.ours", "HND-004 DIS-14", CLAUSE_MUST, NEEDS_INPROC,
	  "the path may be empty or have slashes", name_ours },
	{ "hnd.004.colon", "HND-004 DIS-15", CLAUSE_MUST, NEEDS_INPROC,
	  "colons in the path are tolerated", name_colon },
	{ "hnd.004.newline", "HND-004 DIS-15", CLAUSE_MUST, NEEDS_INPROC,
	  "newlines at the end or in the path are tolerated", name_newline },
	{ "hnd.004.long", "HND-004", CLAUSE_MUST, NEEDS_INPROC,
	  "names longer than 256 characters are parsed", name_long },
	{ "hnd.005.foreign-announced", "HND-005", CLAUSE_MUST, NEEDS_HOTPLUG,
	  "a device of another subtype that netlink announces is left alone", foreign_announced },
	{ "hnd.005.foreign-subtype", "HND-005", CLAUSE_MUST, NEEDS_INPROC | NEEDS_RESTART,
	  "a device of another subtype is left alone", foreign_subtype },
};
CASE_TABLE(cases_mailbox);
