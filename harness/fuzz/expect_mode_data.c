/* SPDX-License-Identifier: MIT */
/*
 * MODE SENSE data and MODE SELECT parameter lists: headers, block descriptors, lengths that add up.
 * Clauses: SCS-020, SCS-022, SCS-023, SCS-030, SCS-031, SCS-040.
 */
#include "expect_impl.h"

void expect_sense_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c, struct rule *r)
{
	uint8_t page = c->io.cdb[2] & 0x3f, pc = c->io.cdb[2] >> 6, sub = c->io.cdb[3];

	if (pc == 3)
		r->must |= E_SAVE;
	if (sub != 0 && sub != 0xff) {
		if (e->facts.strict)
			r->must |= E_CDB;
		else
			r->may |= E_CDB;
	}
	if (sub == 0xff && !e->facts.strict)
		r->may |= E_CDB;
	if (page == 0x3f || expect_page_index(page) >= 0)
		return;
	if (!e->mode.codes_known)
		r->may |= E_CDB;
	else if (!bit_is(&e->mode.codes, page))
		r->must |= E_CDB;
}

/* The device-specific byte: the same each time, and as the unit was set up. */
static void device_byte(const struct seen *s, uint8_t byte)
{
	struct mode *m = &s->e->mode;
	bool wp = byte >> 7, dpofua = byte & 0x10;

	if (byte & 0x6f)
		expect_wrong(s, "SCS-030", "device-specific byte 0x%02x has reserved bits", byte);
	if (s->e->facts.strict ? wp != s->e->facts.read_only : m->wp_known && wp != m->wp)
		expect_wrong(s, "SCS-030", "WP: expected %d, found %d", !wp, wp);
	if (m->dpofua_known && dpofua != m->dpofua)
		expect_wrong(s, "SCS-031", "DPOFUA was %d, is %d", m->dpofua, dpofua);
	m->wp_known = m->dpofua_known = true;
	m->wp = wp;
	m->dpofua = dpofua;
	expect_agree(s);
}

static void descriptor(const struct seen *s, const uint8_t *p, uint32_t len, bool is_long)
{
	uint64_t most = is_long ? UINT64_MAX : UINT32_MAX, want = s->e->facts.blocks;
	uint64_t blocks = be_get(p, is_long ? 8 : 4);
	uint64_t size = is_long ? be_get(p + 12, 4) : be_get(p + 5, 3);

	if (len != (is_long ? 16 : 8)) {
		expect_wrong(s, "SCS-030", "block descriptor length %u", len);
		return;
	}
	if (want > most)
		want = most;
	if (blocks != want)
		expect_wrong(s, "SCS-030", "block descriptor: expected %llu blocks, found %llu",
			     (unsigned long long)want, (unsigned long long)blocks);
	if (size != s->e->facts.block_size)
		expect_wrong(s, "SCS-030", "block descriptor: expected blocks of %u, found %llu",
			     s->e->facts.block_size, (unsigned long long)size);
}

/* Header and block descriptor; returns where the pages begin, 0 if that is not to be seen. */
static uint32_t header(const struct seen *s, const uint8_t *p, uint32_t n)
{
	const uint8_t *cdb = s->c->io.cdb;
	bool ten = cdb[0] == OP_MODE_SENSE_10, is_long = ten && n > 4 && p[4] & 1;
	uint32_t len = ten ? 8 : 4, desc;

	if (n < len)
		return 0;
	device_byte(s, p[ten ? 3 : 2]);
	if (p[ten ? 2 : 1] != 0 || (ten && (p[4] & 0xfe || p[5])))
		expect_wrong(s, "SCS-030", "reserved fields of the header are not 0");
	if (is_long && !(cdb[1] & CDB1_LLBAA))
		expect_wrong(s, "SCS-030", "LONGLBA unasked for");
	desc = ten ? (uint32_t)be_get(p + 6, 2) : p[3];
	if (desc != 0 && cdb[1] & CDB1_DBD)
		expect_wrong(s, "SCS-030", "DBD, but a block descriptor of %u bytes", desc);
	else if (desc != 0 && len + desc <= n)
		descriptor(s, p + len, desc, is_long);
	return len + desc <= n ? len + desc : 0;
}

/* All pages: the set of them is always the same, and has those that must be there. */
static void all_pages(const struct seen *s, const struct bits *codes)
{
	struct mode *m = &s->e->mode;

	if (!bit_is(codes, 0x01) || !bit_is(codes, 0x08) || !bit_is(codes, 0x0a))
		expect_wrong(s, "SCS-030", "page 3F lacks one of pages 01, 08, 0A");
	if (m->codes_known && memcmp(codes, &m->codes, sizeof(*codes)) != 0)
		expect_wrong(s, "SCS-031", "page 3F has other pages than before");
	m->codes_known = true;
	m->codes = *codes;
	expect_agree(s);
}

/* One page of @len bytes, asked for by @page, @sub. */
static void one_page(const struct seen *s, const uint8_t *p, uint8_t page, uint8_t sub)
{
	bool is_sub = p[0] & 0x40;

	if (page != 0x3f && (p[0] & 0x3f) != page)
		expect_wrong(s, "SCS-030", "page %02x in the answer", p[0] & 0x3f);
	if (sub != 0xff && is_sub != (sub != 0))
		expect_wrong(s, "SCS-030", "subpage %02x was asked for, byte 0 is 0x%02x", sub,
			     p[0]);
	if (!is_sub)
		expect_mode_page(s, p, s->c->io.cdb[2] >> 6);
}

void expect_mode_sense(const struct seen *s, const uint8_t *p, uint32_t n, uint32_t total)
{
	uint8_t page = s->c->io.cdb[2] & 0x3f, sub = s->c->io.cdb[3];
	uint32_t at = header(s, p, n), len;
	struct bits codes = { { 0 } };
	int last = -1;

	if (at == 0)
		return;
	for (; at + 2 <= n; at += len) {
		bool is_sub = p[at] & 0x40;

		if (is_sub && at + 4 > n)
			return;
		len = is_sub ? 4 + (uint32_t)be_get(p + at + 2, 2) : 2u + p[at + 1];
		if (at + len > total) {
			expect_wrong(s, "SCS-030", "page %02x ends at %u, the data at %u",
				     p[at] & 0x3f, at + len, total);
			return;
		}
		if (at + len > n)
			return;
		if ((p[at] & 0x3f) < last)
			expect_wrong(s, "SCS-030", "page %02x after page %02x", p[at] & 0x3f, last);
		last = p[at] & 0x3f;
		if (!is_sub)
			bit_set(&codes, p[at] & 0x3f);
		one_page(s, p + at, page, sub);
	}
	if (n < total)
		return;
	if (at != total)
		expect_wrong(s, "SCS-030", "pages end at %u, the data at %u", at, total);
	else if (last < 0)
		expect_wrong(s, "SCS-030", "no page in the answer");
	else if (page == 0x3f)
		all_pages(s, &codes);
	else if (sub == 0)
		bit_set(&s->e->mode.alone, page);
}

/* The block descriptor of a list: it may repeat what is, the medium cannot be reformatted. */
static void list_descriptor(const struct fuzz_expect *e, const uint8_t *p, uint32_t len,
			    bool is_long, struct rule *r)
{
	uint64_t blocks, size, all = is_long ? UINT64_MAX : UINT32_MAX;

	if (len != (is_long ? 16 : 8)) {
		r->must |= E_LIST | E_LIST_LEN;
		return;
	}
	blocks = be_get(p, is_long ? 8 : 4);
	size = is_long ? be_get(p + 12, 4) : be_get(p + 5, 3);
	if (size != e->facts.block_size)
		r->must |= E_LIST;
	if (blocks != 0 && blocks != all && blocks != e->facts.blocks) {
		if (blocks > e->facts.blocks || e->facts.strict)
			r->must |= E_LIST;
		else
			r->may |= E_LIST;
	}
	if (is_long ? be_get(p + 8, 4) != 0 || !e->facts.strict : p[4] != 0)
		r->may |= E_LIST;
}

/* Only changeable bits may differ from what they are. */
static void list_page(const struct fuzz_expect *e, const uint8_t *p, int i, struct rule *r)
{
	const struct mode_page *page = &e->mode.page[i];
	uint8_t differs = 0;

	for (uint32_t k = 2; k < expect_page_len(i); k++)
		differs |= (page->now[k] ^ p[k]) & (uint8_t)~page->mask[k];
	if (!page->known || !page->mask_known)
		r->may |= E_LIST;
	else if (differs != 0)
		r->must |= E_LIST;
}

/* A page that the contract does not name. */
static void strange_page(const struct fuzz_expect *e, uint8_t code, bool sub, struct rule *r)
{
	if (e->facts.strict || (!sub && e->mode.codes_known && !bit_is(&e->mode.codes, code)))
		r->must |= E_LIST;
	else
		r->may |= E_ANY;
}

/* Pages from @at on, of a list of @len bytes. */
static void list_pages(const struct fuzz_expect *e, const uint8_t *p, uint32_t at, uint32_t len,
		       struct rule *r)
{
	while (at < len) {
		uint8_t code = p[at] & 0x3f;
		bool sub = p[at] & 0x40;
		int i = sub ? -1 : expect_page_index(code);

		if (len - at < 2) {
			r->must |= E_LIST_LEN;
			return;
		}
		if (p[at] & 0x80)
			r->may |= E_LIST; /* PS is reserved here */
		if (i < 0) {
			strange_page(e, code, sub, r);
			return;
		}
		if (p[at + 1] + 2u != expect_page_len(i)) {
			r->must |= E_LIST;
			r->may |= E_LIST_LEN;
			return;
		}
		if (len - at < expect_page_len(i)) {
			r->must |= E_LIST_LEN;
			r->may |= E_LIST;
			return;
		}
		list_page(e, p + at, i, r);
		at += expect_page_len(i);
	}
}

void expect_select_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c, struct rule *r)
{
	bool ten = c->io.cdb[0] == OP_MODE_SELECT_10;
	uint32_t len = ten ? (uint32_t)be_get(c->io.cdb + 7, 2) : c->io.cdb[4];
	uint32_t at = ten ? 8 : 4, desc;
	const uint8_t *p = c->data;

	if (len < at)
		r->must |= E_LIST_LEN;
	if (len > c->io.len) {
		if (e->facts.strict)
			r->must |= E_LIST_LEN;
		r->may |= E_ANY; /* what was not sent must not count; what was may or may not */
		return;
	}
	if (len < at)
		return;
	if (!expect_sends(c)) {
		r->may |= E_ANY; /* whatever the handler found in that buffer */
		return;
	}
	for (uint32_t i = 0; i < at - (ten ? 2 : 1); i++) {
		if (p[i] & ~(ten && i == 4 ? 1 : 0))
			r->may |= E_LIST;
	}
	desc = ten ? (uint32_t)be_get(p + 6, 2) : p[3];
	if (desc > len - at) {
		r->must |= E_LIST_LEN;
		r->may |= E_LIST;
		return;
	}
	if (desc != 0)
		list_descriptor(e, p + at, desc, ten && p[4] & 1, r);
	list_pages(e, p, at + desc, len, r);
}
