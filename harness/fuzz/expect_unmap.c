/* SPDX-License-Identifier: MIT */
/*
 * UNMAP parameter lists: what is wrong with one.
 * Clauses: SCS-020, SCS-023, SCS-030, SCS-031, SCS-040, SCS-042.
 */
#include "expect_impl.h"

#define HEADER 8
#define DESC   16

/* Ranges and counts of the first @n descriptors behind @p. */
static void descriptors(const struct fuzz_expect *e, const uint8_t *p, uint32_t n, struct rule *r)
{
	uint64_t total = 0, all = e->facts.blocks;
	struct rule blocks = { 0 };

	for (uint32_t i = 0; i < n; i++, p += DESC) {
		uint64_t lba = be_get(p, 8), count = be_get(p + 8, 4);

		total += count;
		if (count == 0 && lba >= all)
			r->may |= E_LBA; /* nothing of it lies outside */
		else if (lba > all || count > all - lba)
			r->must |= E_LBA;
		if (count == 0 && lba > all && e->facts.strict)
			r->must |= E_LBA;
	}
	expect_limit(e, r, L_DESCS, n, E_LIST);
	expect_limit(e, &blocks, L_UNMAP, total, E_LIST);
	r->must |= blocks.must;
	if (blocks.limit != L_NONE && r->limit == L_NONE) {
		r->limit = blocks.limit;
		r->count = blocks.count;
		r->limit_error = blocks.limit_error;
	}
}

void expect_unmap_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c, struct rule *r)
{
	uint32_t list = (uint32_t)be_get(c->io.cdb + 7, 2), there, desc;

	if (list < HEADER)
		r->must |= E_LIST_LEN;
	if (list > c->io.len) {
		/* what was not sent must not count; what was may or may not */
		if (e->facts.strict)
			r->must |= E_LIST_LEN;
		r->may |= E_ANY;
	}
	there = list < c->io.len ? list : c->io.len;
	if (there < HEADER)
		return;
	if (!expect_sends(c)) {
		r->may |= E_ANY; /* whatever the handler found in that buffer */
		return;
	}
	desc = (uint32_t)be_get(c->data + 2, 2);
	if (be_get(c->data, 2) != desc + 6)
		r->may |= E_LIST | E_LIST_LEN;
	if (desc % DESC != 0)
		r->may |= E_LIST | E_LIST_LEN;
	if (desc > there - HEADER) {
		if (e->facts.strict)
			r->must |= E_LIST_LEN | E_LIST;
		else
			r->may |= E_LIST_LEN | E_LIST;
		desc = there - HEADER;
	}
	descriptors(e, c->data + HEADER, desc / DESC, r);
}
