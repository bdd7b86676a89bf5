/* SPDX-License-Identifier: MIT */
/*
 * What the unit says of itself: INQUIRY, VPD pages, READ CAPACITY, supported opcodes. Each answer
 * is judged byte by byte, and what it claims is kept for expect_agree(). Clauses: SCS-030, SCS-031.
 */
#include "expect_impl.h"

static bool is_ascii(const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	}
	return true;
}

void expect_inquiry(const struct seen *s, const uint8_t *p, uint32_t n)
{
	struct fuzz_expect *e = s->e;

	if (n < 36 || p[0] != 0 || p[1] & 0x7f || p[2] < 3 || p[2] > 7 || (p[3] & 0x0f) != 2)
		expect_wrong(s, "SCS-030",
			     "standard data: %u bytes, type 0x%02x, RMB 0x%02x, version 0x%02x, "
			     "format 0x%02x",
			     n, p[0], p[1], p[2], p[3]);
	else if (!(p[7] & 2))
		expect_wrong(s, "SCS-030", "CmdQue is 0");
	else if (!is_ascii(p + 8, 28))
		expect_wrong(s, "SCS-030", "vendor, product or revision is no ASCII");
	if (n < 8)
		return;
	e->inquiry_known = true;
	e->naca = p[3] & 0x20;
	e->protect = p[5] & 0x01;
	e->copy = p[5] & 0x08;
	e->groups = p[5] >> 4 & 3;
	expect_agree(s);
}

static void vpd_list(const struct seen *s, const uint8_t *p, uint32_t n)
{
	struct bits listed = { { 0 } };

	for (uint32_t i = 4; i < n; i++) {
		bit_set(&listed, p[i]);
		if (i > 4 && p[i] <= p[i - 1])
			expect_wrong(s, "SCS-030", "page list: %02x after %02x is not ascending",
				     p[i], p[i - 1]);
	}
	if (!bit_is(&listed, 0x00) || !bit_is(&listed, 0x80) || !bit_is(&listed, 0x83))
		expect_wrong(s, "SCS-030", "the page list lacks one of 00, 80, 83");
	s->e->vpd_known = true;
	s->e->vpd_listed = listed;
}

/* Length that an NAA designator must have, by its first four bits; 0 = no such format. */
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

/* Designator @d with @len bytes behind its header: 1 if it names the unit, -1 if it is wrong. */
static int designator(const uint8_t *d, uint32_t len)
{
	uint8_t set = d[0] & 0x0f, type = d[1] & 0x0f;

	if (set < 1 || set > 3 || len == 0 || d[2] != 0)
		return -1;
	if (type == 3 && (set != 1 || len != naa_len(d[4])))
		return -1;
	if ((type == 1 && len < 8) || (set == 2 && !is_ascii(d + 4, len)))
		return -1;
	if (d[1] >> 4 & 3)
		return 0;
	return type == 1 || (type == 3 && (d[4] >> 4 == 3 || d[4] >> 4 == 6));
}

static void vpd_identification(const struct seen *s, const uint8_t *p, uint32_t n)
{
	uint32_t at, found = 0;

	for (at = 4; at + 4 <= n && at + 4 + p[at + 3] <= n; at += 4u + p[at + 3]) {
		int kind = designator(p + at, p[at + 3]);

		if (kind < 0) {
			expect_wrong(s, "SCS-030", "designator %02x %02x %02x %02x is malformed",
				     p[at], p[at + 1], p[at + 2], p[at + 3]);
			return;
		}
		found += (uint32_t)kind;
	}
	if (at != n)
		expect_wrong(s, "SCS-030", "designators end at %u, the page at %u", at, n);
	else if (found == 0)
		expect_wrong(s, "SCS-030", "no NAA 3/6 or T10 designator of the unit");
}

static void vpd_limits(const struct seen *s, const uint8_t *p, uint32_t n)
{
	struct limits *l = &s->e->limits;
	uint32_t granularity, optimal, align;

	if (n != 4 + 0x3c) {
		expect_wrong(s, "SCS-030", "page length: expected 0x3c, found 0x%02x", n - 4);
		return;
	}
	granularity = (uint32_t)be_get(p + 6, 2);
	optimal = (uint32_t)be_get(p + 12, 4);
	align = (uint32_t)be_get(p + 32, 4);
	l->known = true;
	s->e->wsnz = p[4] & 1;
	l->max[L_CAW] = p[5];
	l->max[L_TRANSFER] = be_get(p + 8, 4);
	l->max[L_UNMAP] = be_get(p + 20, 4);
	l->max[L_DESCS] = be_get(p + 24, 4);
	l->max[L_SAME] = be_get(p + 36, 8);
	if (l->max[L_TRANSFER] != 0 &&
	    (optimal > l->max[L_TRANSFER] || granularity > l->max[L_TRANSFER] ||
	     l->max[L_CAW] > l->max[L_TRANSFER]))
		expect_wrong(s, "SCS-031",
			     "granularity %u, optimum %u or COMPARE AND WRITE %llu exceeds the "
			     "maximum transfer of %llu blocks",
			     granularity, optimal, (unsigned long long)l->max[L_CAW],
			     (unsigned long long)l->max[L_TRANSFER]);
	if (align & 0x80000000 && (align & 0x7fffffff) >= be_get(p + 28, 4))
		expect_wrong(s, "SCS-031", "unmap alignment 0x%08x is not below the granularity",
			     align);
}

static void vpd_characteristics(const struct seen *s, const uint8_t *p, uint32_t n)
{
	uint32_t rate = (uint32_t)be_get(p + 4, 2);

	if (n != 4 + 0x3c)
		expect_wrong(s, "SCS-030", "page length: expected 0x3c, found 0x%02x", n - 4);
	else if (rate > 1 && (rate < 0x401 || rate > 0xfffe))
		expect_wrong(s, "SCS-030", "medium rotation rate 0x%04x is reserved", rate);
}

static void vpd_provisioning(const struct seen *s, const uint8_t *p, uint32_t n)
{
	struct fuzz_expect *e = s->e;

	if (n < 8) {
		expect_wrong(s, "SCS-030", "page length: expected 4 or more, found %u", n - 4);
		return;
	}
	e->b2_known = true;
	e->unmap = p[5] & 0x80;
	e->same_16 = p[5] & 0x40;
	e->same_10 = p[5] & 0x20;
	e->b2_zeros = p[5] & 0x1c;
	e->anchor = p[5] & 0x02;
	e->b2_type = p[6] & 7;
}

void expect_vpd(const struct seen *s, const uint8_t *p, uint32_t n)
{
	uint8_t page = s->c->io.cdb[2];

	if (p[1] != page || p[0] != 0) {
		expect_wrong(s, "SCS-030", "VPD page %02x: found page code %02x, type 0x%02x", page,
			     p[1], p[0]);
		return;
	}
	switch (page) {
	case 0x00:
		vpd_list(s, p, n);
		break;
	case 0x80:
		if (n == 4 || !is_ascii(p + 4, n - 4))
			expect_wrong(s, "SCS-030", "the serial number is empty or no ASCII");
		break;
	case 0x83:
		vpd_identification(s, p, n);
		break;
	case 0xb0:
		vpd_limits(s, p, n);
		break;
	case 0xb1:
		vpd_characteristics(s, p, n);
		break;
	case 0xb2:
		vpd_provisioning(s, p, n);
		break;
	default:
		break;
	}
	expect_agree(s);
}

void expect_capacity(const struct seen *s, const uint8_t *p, uint32_t n)
{
	bool ten = n == 8;
	uint64_t last = be_get(p, ten ? 4 : 8), want = s->e->facts.blocks - 1;
	uint64_t size = be_get(p + (ten ? 4 : 8), 4);

	if (ten && want > UINT32_MAX)
		want = UINT32_MAX;
	if (last != want)
		expect_wrong(s, "SCS-030", "last LBA: expected %llu, found %llu",
			     (unsigned long long)want, (unsigned long long)last);
	if (size != s->e->facts.block_size)
		expect_wrong(s, "SCS-030", "block length: expected %u, found %llu",
			     s->e->facts.block_size, (unsigned long long)size);
	if (ten)
		return;
	s->e->capacity_known = true;
	s->e->thin = p[14] & 0x80;
	s->e->zeros = p[14] & 0x40;
	if (p[12] & 1 && s->e->inquiry_known && !s->e->protect)
		expect_wrong(s, "SCS-031", "PROT_EN is set, PROTECT in INQUIRY is not");
	if (s->e->zeros && !s->e->thin)
		expect_wrong(s, "SCS-030", "LBPRZ without LBPME");
	for (uint32_t i = 16; i < 32; i++) {
		if (p[i] != 0)
			expect_wrong(s, "SCS-030", "reserved byte %u is 0x%02x", i, p[i]);
	}
	expect_agree(s);
}

/* A timeouts descriptor: 12 bytes, as it says itself. */
static void timeouts(const struct seen *s, const uint8_t *p)
{
	if (be_get(p, 2) != 10)
		expect_wrong(s, "SCS-030", "a timeouts descriptor of length %llu, expected 10",
			     (unsigned long long)be_get(p, 2));
}

/* One opcode: its SUPPORT, and a usage map of the right length, with the service action in it. */
static void one_opcode(const struct seen *s, const uint8_t *p, uint32_t n)
{
	const uint8_t *cdb = s->c->io.cdb;
	uint8_t op = cdb[3], probe[8] = { op }, support = p[1] & 7;
	uint32_t len = (uint32_t)be_get(p + 2, 2);
	bool supported = support == 3 || support == 5;

	if (supported && op != 0x7f && (len != ringsim_cdb_len(probe) || n < 5 || p[4] != op)) {
		expect_wrong(s, "SCS-030",
			     "opcode 0x%02x: usage data of %u bytes for opcode 0x%02x", op, len,
			     n > 4 ? p[4] : 0);
		return;
	}
	if (supported && (cdb[2] & 7) == 2 && op != 0x7f && (p[5] & 0x1f) != (cdb[5] & 0x1f))
		expect_wrong(s, "SCS-030",
			     "opcode 0x%02x: usage data of service action 0x%02x for 0x%02x", op,
			     p[5] & 0x1f, cdb[5] & 0x1f);
	if (p[1] & 0x80 && n == 4 + len + 12)
		timeouts(s, p + 4 + len);
	if (support == 1 && bit_is(&s->e->works, op) && (cdb[2] & 7) == 1)
		expect_wrong(s, "SCS-031", "opcode 0x%02x is not supported, but it works", op);
	if (supported && bit_is(&s->e->refused, op))
		expect_wrong(s, "SCS-031", "opcode 0x%02x is supported, but it was refused", op);
}

void expect_opcodes(const struct seen *s, const uint8_t *p, uint32_t n)
{
	struct bits listed = { { 0 } };
	uint32_t at, len;

	if ((s->c->io.cdb[2] & 7) != 0) {
		one_opcode(s, p, n);
		return;
	}
	for (at = 4; at + 8 <= n; at += len) {
		uint8_t probe[8] = { p[at] };

		len = p[at + 5] & 2 ? 20 : 8;
		bit_set(&listed, p[at]);
		if (len == 20 && at + len <= n)
			timeouts(s, p + at + 8);
		if (p[at] != 0x7f && be_get(p + at + 6, 2) != ringsim_cdb_len(probe))
			expect_wrong(s, "SCS-030", "opcode 0x%02x has a CDB of %llu bytes", p[at],
				     (unsigned long long)be_get(p + at + 6, 2));
	}
	if (at != n) {
		expect_wrong(s, "SCS-030", "descriptors end at %u, the data at %u", at, n);
		return;
	}
	s->e->op_list_known = true;
	s->e->op_listed = listed;
	expect_agree(s);
}
