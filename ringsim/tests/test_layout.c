/* SPDX-License-Identifier: MIT */
/* Geometry: what it works out to, and what is refused in one line (LAY-060 to LAY-062, KRN-047). */
#include "rig.h"

#include <errno.h>
#include <stdio.h>

#define GEO(...) (&(const struct ringsim_geometry){ __VA_ARGS__ })

static struct ringsim_layout layout(const struct ringsim_geometry *geo)
{
	struct ringsim_layout lay;
	char err[128] = "";

	CU_ASSERT_EQUAL_FATAL(ringsim_layout_init(&lay, geo, err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(err, "");
	return lay;
}

static void refused(const struct ringsim_geometry *geo, const char *line)
{
	struct ringsim_layout lay;
	char err[128] = "";

	CU_ASSERT_EQUAL(ringsim_layout_init(&lay, geo, err, sizeof(err)), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err, line);
	if (strcmp(err, line))
		fprintf(stderr, "expected: %s\nfound:    %s\n", line, err);
	CU_ASSERT_EQUAL(ringsim_layout_init(&lay, geo, NULL, 0), -EINVAL);
}

static void test_default(void)
{
	struct ringsim_layout lay = layout(GEO(0));

	CU_ASSERT_EQUAL(lay.cmdr_off, 128);
	CU_ASSERT_EQUAL(lay.cmdr_size, 8388480);
	CU_ASSERT_EQUAL(lay.data_off, 0x800000);
	CU_ASSERT_EQUAL(lay.page_size, 4096);
	CU_ASSERT_EQUAL(lay.pages_per_blk, 1);
	CU_ASSERT_EQUAL(lay.blk_size, 4096);
	CU_ASSERT_EQUAL(lay.blocks, 262144);
	CU_ASSERT_EQUAL(lay.pages, 262144);
	CU_ASSERT_EQUAL(lay.data_size, 1024ull << 20);
	CU_ASSERT_EQUAL(lay.region_size, 1082130432);
}

static void test_rings(void)
{
	static const struct {
		uint32_t mb, size, off;
	} want[] = { { 1, 1048448, 0x100000 }, { 2, 2097024, 0x200000 },
		     { 3, 3145600, 0x300000 }, { 4, 4194176, 0x400000 },
		     { 7, 7339904, 0x700000 }, { 8, 8388480, 0x800000 },
		     { 9, 8388480, 0x800000 }, { UINT32_MAX, 8388480, 0x800000 } };
	struct ringsim_layout lay;
	uint32_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		lay = layout(GEO(.ring_mb = want[i].mb, .data_area_mb = 16));
		CU_ASSERT_EQUAL(lay.cmdr_size, want[i].size);
		CU_ASSERT_EQUAL(lay.data_off, want[i].off);
		CU_ASSERT_EQUAL(lay.region_size, want[i].off + (16u << 20));
	}
}

static void test_blocks(void)
{
	struct ringsim_layout lay;

	lay = layout(GEO(.ring_mb = 1, .data_area_mb = 1, .pages_per_blk = 16));
	CU_ASSERT_EQUAL(lay.blk_size, 65536);
	CU_ASSERT_EQUAL(lay.blocks, 16);
	/* blocks are rounded down, the mapping is not */
	lay = layout(GEO(.ring_mb = 1, .data_area_mb = 1, .pages_per_blk = 3));
	CU_ASSERT_EQUAL(lay.blocks, 85);
	CU_ASSERT_EQUAL(lay.pages, 255);
	CU_ASSERT_EQUAL(lay.data_size, 1u << 20);
	lay = layout(GEO(.ring_mb = 1, .data_area_mb = 1, .pages_per_blk = 256));
	CU_ASSERT_EQUAL(lay.blocks, 1);
	lay = layout(GEO(.ring_mb = 1, .data_area_mb = 4096));
	CU_ASSERT_EQUAL(lay.blocks, 1u << 20);
	CU_ASSERT_EQUAL(lay.data_size, 4096ull << 20);
	/* the default is a number of pages */
	lay = layout(GEO(.page_size = 16384));
	CU_ASSERT_EQUAL(lay.blocks, 262144);
	CU_ASSERT_EQUAL(lay.data_size, 4096ull << 20);
	lay = layout(GEO(.page_size = 65536, .data_area_mb = 1));
	CU_ASSERT_EQUAL(lay.blocks, 16);
	CU_ASSERT_EQUAL(lay.data_off, 0x800000);
}

static void test_synthetic(void)
{
	struct ringsim_layout lay;

	lay = layout(GEO(.cmdr_off = 4096, .cmdr_size = 8 * 1009, .data_blocks = 7));
	CU_ASSERT_EQUAL(lay.cmdr_off, 4096);
	CU_ASSERT_EQUAL(lay.cmdr_size, 8072);
	CU_ASSERT_EQUAL(lay.data_off, 12288);
	CU_ASSERT_EQUAL(lay.blocks, 7);
	CU_ASSERT_EQUAL(lay.region_size, 12288 + 7 * 4096);
	/* the ring ends just at a page, and one word later */
	lay = layout(GEO(.cmdr_size = 3968, .data_blocks = 1));
	CU_ASSERT_EQUAL(lay.data_off, 4096);
	lay = layout(GEO(.cmdr_size = 3976, .data_blocks = 1));
	CU_ASSERT_EQUAL(lay.data_off, 8192);
	lay = layout(
		GEO(.cmdr_size = 512, .page_size = 65536, .data_blocks = 1, .data_area_mb = 1));
	CU_ASSERT_EQUAL(lay.data_off, 65536);
	CU_ASSERT_EQUAL(lay.data_size, 65536);
	layout(GEO(.cmdr_size = 8 << 20, .cmdr_off = 1 << 20, .data_blocks = 1));
}

static void test_refused(void)
{
	refused(GEO(.page_size = 2048),
		"geometry: page_size: expected a power of two, 4096 to 65536, found 2048");
	refused(GEO(.page_size = 131072),
		"geometry: page_size: expected a power of two, 4096 to 65536, found 131072");
	refused(GEO(.page_size = 12288),
		"geometry: page_size: expected a power of two, 4096 to 65536, found 12288");
	refused(GEO(.data_area_mb = 4097),
		"geometry: data_area_mb: expected 1 to 4096, found 4097");
	refused(GEO(.page_size = 65536), "geometry: data_area_mb: expected 1 to 4096, found 16384");
	refused(GEO(.cmdr_off = 120),
		"geometry: cmdr_off: expected a multiple of 8, 128 to 1048576, found 120");
	refused(GEO(.cmdr_off = 132),
		"geometry: cmdr_off: expected a multiple of 8, 128 to 1048576, found 132");
	refused(GEO(.cmdr_off = 1048584),
		"geometry: cmdr_off: expected a multiple of 8, 128 to 1048576, found 1048584");
	refused(GEO(.cmdr_size = 504),
		"geometry: cmdr_size: expected a multiple of 8, 512 to 8388608, found 504");
	refused(GEO(.cmdr_size = 516),
		"geometry: cmdr_size: expected a multiple of 8, 512 to 8388608, found 516");
	refused(GEO(.cmdr_size = 8388616),
		"geometry: cmdr_size: expected a multiple of 8, 512 to 8388608, found 8388616");
	refused(GEO(.data_area_mb = 1, .pages_per_blk = 257),
		"geometry: pages_per_blk: expected at most the pages of the data area, and less "
		"than 4096 MiB of them, found 257");
	refused(GEO(.data_area_mb = 4096, .pages_per_blk = 1 << 20),
		"geometry: pages_per_blk: expected at most the pages of the data area, and less "
		"than 4096 MiB of them, found 1048576");
	refused(GEO(.data_blocks = (1u << 20) + 1),
		"geometry: data_blocks: expected at most 4096 MiB in all, found 1048577");
	refused(GEO(.data_blocks = UINT32_MAX, .pages_per_blk = 262144),
		"geometry: data_blocks: expected at most 4096 MiB in all, found 4294967295");
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "the default geometry", test_default },
		{ "rings of 1 to 8 MiB", test_rings },
		{ "data blocks", test_blocks },
		{ "synthetic geometries", test_synthetic },
		{ "out of range", test_refused },
		CU_TEST_INFO_NULL,
	};

	return rig_run("layout", tests);
}
