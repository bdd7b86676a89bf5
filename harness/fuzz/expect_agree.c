/* SPDX-License-Identifier: MIT */
/*
 * Claims and deeds: what INQUIRY, VPD pages, READ CAPACITY, MODE SENSE and the list of opcodes say
 * must agree with each other, and with which commands work and which are refused, in whatever order
 * all that came to light.
 * Clauses: SCS-030, SCS-031.
 */
#include "expect_impl.h"

/* A claim, and the opcode that it is about. */
static void claims_opcode(const struct seen *s, const char *what, bool claim, uint8_t op)
{
	if (claim && bit_is(&s->e->refused, op))
		expect_wrong(s, "SCS-031", "%s is claimed, but opcode 0x%02x is refused", what, op);
	if (!claim && bit_is(&s->e->works, op))
		expect_wrong(s, "SCS-031", "%s is not claimed, but opcode 0x%02x works", what, op);
}

static void inquiry(const struct seen *s)
{
	const struct fuzz_expect *e = s->e;

	if (!e->inquiry_known)
		return;
	claims_opcode(s, "3PC", e->copy, OP_EXTENDED_COPY);
	claims_opcode(s, "3PC", e->copy, OP_RECEIVE_COPY);
	if (e->groups ? e->groups_refused : e->groups_work)
		expect_wrong(s, "SCS-031", "TPGS is %u, but REPORT TARGET PORT GROUPS is %s",
			     e->groups, e->groups ? "refused" : "answered");
}

/* Pages listed, and pages answered or refused. */
static void pages(const struct seen *s, const char *what, const struct bits *listed,
		  const struct bits *works, const struct bits *refused)
{
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t hidden = works->w[i] & ~listed->w[i], gone = refused->w[i] & listed->w[i];

		if (hidden != 0)
			expect_wrong(s, "SCS-031", "%s %02x is answered, but not listed", what,
				     64 * i + (uint32_t)__builtin_ctzll(hidden));
		if (gone != 0)
			expect_wrong(s, "SCS-031", "%s %02x is listed, but refused", what,
				     64 * i + (uint32_t)__builtin_ctzll(gone));
	}
}

/* LBPME, LBPRZ, page B2 and the commands tell one story. */
static void provisioning(const struct seen *s)
{
	const struct fuzz_expect *e = s->e;
	bool any = e->unmap || e->same_16 || e->same_10;

	if (!e->b2_known)
		return;
	claims_opcode(s, "LBPU", e->unmap, OP_UNMAP);
	if ((e->same_16 && bit_is(&e->refused, OP_WRITE_SAME_16)) ||
	    (e->same_10 && bit_is(&e->refused, OP_WRITE_SAME_10)))
		expect_wrong(s, "SCS-031", "LBPWS or LBPWS10 is claimed, but there is no opcode");
	if (any ? e->b2_type != 1 && e->b2_type != 2 : e->b2_type != 0)
		expect_wrong(s, "SCS-031", "LBPU %d, LBPWS %d, LBPWS10 %d, provisioning type %u",
			     e->unmap, e->same_16, e->same_10, e->b2_type);
	if (e->same_16 ? e->same_16_refuses : e->same_16_unmaps)
		expect_wrong(s, "SCS-031", "LBPWS is %d, but WRITE SAME(16) with UNMAP is %s",
			     e->same_16, e->same_16 ? "refused" : "carried out");
	if (e->same_10 ? e->same_10_refuses : e->same_10_unmaps)
		expect_wrong(s, "SCS-031", "LBPWS10 is %d, but WRITE SAME(10) with UNMAP is %s",
			     e->same_10, e->same_10 ? "refused" : "carried out");
	if (e->capacity_known && e->thin != any)
		expect_wrong(s, "SCS-031", "LBPME is %d, LBPU %d, LBPWS %d, LBPWS10 %d", e->thin,
			     e->unmap, e->same_16, e->same_10);
	if (e->capacity_known && e->zeros != e->b2_zeros)
		expect_wrong(s, "SCS-031", "LBPRZ is %d in READ CAPACITY(16), %d in page B2",
			     e->zeros, e->b2_zeros);
	if (e->limits.known && e->facts.strict &&
	    (e->unmap != (e->limits.max[L_UNMAP] != 0) ||
	     e->unmap != (e->limits.max[L_DESCS] != 0)))
		expect_wrong(s, "SCS-031",
			     "LBPU is %d, page B0 allows %llu blocks, %llu "
			     "descriptors",
			     e->unmap, (unsigned long long)e->limits.max[L_UNMAP],
			     (unsigned long long)e->limits.max[L_DESCS]);
}

/* The limits of page B0 are what is kept to. */
static void limits(const struct seen *s)
{
	static const char *const names[LIMITS] = {
		"",	      "transfer",	   "COMPARE AND WRITE",
		"WRITE SAME", "UNMAP descriptors", "UNMAP blocks"
	};
	const struct limits *l = &s->e->limits;

	if (!l->known)
		return;
	claims_opcode(s, "COMPARE AND WRITE", l->max[L_CAW] != 0, OP_CAW);
	for (int i = L_TRANSFER; i < LIMITS; i++) {
		if (l->max[i] != 0 && l->worked[i] > l->max[i])
			expect_wrong(s, "SCS-031", "%s: %llu were taken, the limit is %llu",
				     names[i], (unsigned long long)l->worked[i],
				     (unsigned long long)l->max[i]);
		if (l->refused[i] != 0 && (l->max[i] == 0 || l->refused[i] <= l->max[i]))
			expect_wrong(s, "SCS-031", "%s: %llu were too many, the limit is %llu",
				     names[i], (unsigned long long)l->refused[i],
				     (unsigned long long)l->max[i]);
	}
}

void expect_agree(const struct seen *s)
{
	const struct fuzz_expect *e = s->e;

	inquiry(s);
	provisioning(s);
	limits(s);
	if (e->vpd_known)
		pages(s, "VPD page", &e->vpd_listed, &e->vpd_works, &e->vpd_refused);
	if (e->mode.codes_known)
		pages(s, "mode page", &e->mode.codes, &e->mode.alone, &e->mode.refused);
	if (e->op_list_known)
		pages(s, "opcode", &e->op_listed, &e->works, &e->refused);
	if (e->mode.dpofua_known && e->mode.dpofua && e->mode.dpofua_refused)
		expect_wrong(s, "SCS-031", "DPOFUA is claimed, but DPO or FUA was refused");
}

/* Pages that exist or not, by the answers to those who asked for them. */
static void answered_page(const struct seen *s, const struct rule *r, uint32_t error)
{
	struct fuzz_expect *e = s->e;
	const uint8_t *cdb = s->c->io.cdb;
	bool refused = error == E_CDB && r->must == 0 && r->may == E_CDB && !r->odd;

	if (cdb[0] == OP_INQUIRY && cdb[1] == 1) {
		if (error == 0)
			bit_set(&e->vpd_works, cdb[2]);
		else if (refused)
			bit_set(&e->vpd_refused, cdb[2]);
	}
	if ((cdb[0] == OP_MODE_SENSE_6 || cdb[0] == OP_MODE_SENSE_10) && cdb[3] == 0 && refused)
		bit_set(&e->mode.refused, cdb[2] & 0x3f);
}

/* Opcodes with several meanings, by what they say. */
static void answered_bits(const struct seen *s, const struct rule *r, uint32_t error)
{
	struct fuzz_expect *e = s->e;
	const uint8_t *cdb = s->c->io.cdb;
	bool refused = error == E_CDB && r->must == 0 && !r->odd && r->limit == L_NONE &&
		       s->c->io.len == s->d->data_len && s->d->blocks != 0;

	if (cdb[0] == OP_MAINTENANCE_IN && cdb[1] == 0x0a && cdb[11] == 0) {
		e->groups_work |= error == 0;
		e->groups_refused |= (error & (E_OPCODE | E_CDB)) != 0 && !r->odd;
	}
	if (s->d->kind == FUZZ_K_WRITE_SAME && (cdb[1] & ~CDB1_UNMAP) == 0 && s->d->unmap) {
		bool *works = cdb[0] == OP_WRITE_SAME_16 ? &e->same_16_unmaps : &e->same_10_unmaps;
		bool *not = cdb[0] == OP_WRITE_SAME_16 ? &e->same_16_refuses : &e->same_10_refuses;

		*works |= error == 0;
		*not |= refused;
	}
	if (s->d->kind == FUZZ_K_READ && cdb[0] >= 0x20 && (cdb[1] & ~(CDB1_DPO | CDB1_FUA)) == 0 &&
	    cdb[1] != 0 && refused)
		e->mode.dpofua_refused = true;
}

/* Opcodes that are one command each, so that 5/2000 is said of the opcode. */
static bool is_one_command(uint8_t op)
{
	return op != OP_SERVICE_IN_16 && op != OP_MAINTENANCE_IN && op != OP_MAINTENANCE_OUT &&
	       op != 0x7f;
}

/* Keeps the extremes of what was taken and what was too much. */
static void answered_limit(struct limits *l, const struct rule *r, uint32_t error)
{
	uint64_t *worked = &l->worked[r->limit], *refused = &l->refused[r->limit];

	if (r->limit == L_NONE)
		return;
	if (error == 0 && r->count > *worked)
		*worked = r->count;
	if (error == r->limit_error && !((r->must | r->may) & error) &&
	    (*refused == 0 || r->count < *refused))
		*refused = r->count;
}

void expect_answered(const struct seen *s, const struct rule *r, uint32_t error)
{
	struct fuzz_expect *e = s->e;
	uint8_t op = s->c->io.cdb[0];

	if (is_one_command(op) && error == E_OPCODE)
		bit_set(&e->refused, op);
	if (is_one_command(op) && error == 0)
		bit_set(&e->works, op);
	if (is_one_command(op) && bit_is(&e->refused, op) && bit_is(&e->works, op))
		expect_wrong(s, "SCS-031", "the opcode was refused as unknown, and works");
	answered_limit(&e->limits, r, error);
	answered_page(s, r, error);
	answered_bits(s, r, error);
	expect_agree(s);
}
