/* SPDX-License-Identifier: MIT */
/*
 * What each command deserves, by its CDB: one row for each opcode of the contract's table.
 *
 * A rule adds refusals one by one; a CDB that is wrong in several ways may be refused for any of
 * them, since no order of checks is asked for. Reserved bits may be refused (SCS-040), but need not
 * be, unless the contract names them.
 * Clauses: SCS-003, SCS-020 to SCS-023, SCS-030, SCS-031, SCS-040, SCS-042.
 */
#include "expect_impl.h"

#define CONTROL_NACA 0x04

typedef void rule_fn(const struct fuzz_expect *e, const struct fuzz_cmd *c,
		     const struct fuzz_cdb *d, struct rule *r);

/* The opcodes with a rule are MUST unless @level says otherwise (CLAUSE_SHOULD, CLAUSE_MAY). */
struct row {
	rule_fn *fn;
	uint8_t level;
	uint8_t defined[14]; /* bits of the CDB that mean something, from byte 1 on; no control */
};

void expect_limit(const struct fuzz_expect *e, struct rule *r, enum limit limit, uint64_t count,
		  uint32_t error)
{
	/* What any handler has to take, and what ours has, whatever page B0 says; bytes for two */
	static const uint64_t least[2][LIMITS] = { { 0, 65536, 1, 65536, 1, 8 },
						   { 0, 1u << 20, 100, 1u << 20, 32, 0x8000 } };
	uint64_t max = e->limits.max[limit], amount = count;

	if (e->limits.known) {
		if (max != 0 && count > max)
			r->must |= error;
		return;
	}
	if (limit == L_TRANSFER || limit == L_SAME)
		amount *= e->facts.block_size;
	if (amount <= least[e->facts.strict][limit])
		return;
	r->limit = limit;
	r->count = count;
	r->limit_error = error;
}

/* RDPROTECT, WRPROTECT, VRPROTECT: invalid unless INQUIRY says that there is protection. */
static void protect_bits(const struct fuzz_expect *e, const uint8_t *cdb, struct rule *r)
{
	if (cdb[0] < 0x20 || cdb[1] >> 5 == 0)
		return;
	if (e->inquiry_known && e->protect)
		r->may |= E_CDB;
	else
		r->must |= E_CDB;
}

static void range(const struct fuzz_expect *e, const struct fuzz_cdb *d, struct rule *r)
{
	if (!d->whole)
		r->must |= E_LBA;
	else if (d->blocks == 0 && d->lba == e->facts.blocks)
		r->may |= E_LBA | E_CDB; /* some say that it is outside */
}

/* The buffer is not as long as the CDB says: refused, or the smaller is transferred. */
static void lengths(const struct fuzz_expect *e, const struct fuzz_cmd *c, const struct fuzz_cdb *d,
		    struct rule *r)
{
	if (c->io.len != d->data_len)
		r->may |= e->facts.strict ? E_CDB : E_ANY;
}

static void writable(const struct fuzz_expect *e, struct rule *r)
{
	if (e->facts.strict ? e->facts.read_only : e->mode.wp_known && e->mode.wp)
		r->must |= E_WP;
	else if (!e->facts.strict && !e->mode.wp_known)
		r->may |= E_WP;
}

/* DPO and FUA are accepted by whoever says DPOFUA, and by any of ours. */
static void cache_bits(const struct fuzz_expect *e, const uint8_t *cdb, struct rule *r)
{
	if (cdb[0] < 0x20 || (cdb[1] & (CDB1_DPO | CDB1_FUA)) == 0 || e->facts.strict)
		return;
	if (!e->mode.dpofua_known || !e->mode.dpofua)
		r->may |= E_CDB;
}

static void read_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
		      const struct fuzz_cdb *d, struct rule *r)
{
	protect_bits(e, c->io.cdb, r);
	cache_bits(e, c->io.cdb, r);
	range(e, d, r);
	expect_limit(e, r, L_TRANSFER, d->blocks, E_CDB);
	lengths(e, c, d, r);
}

static void write_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
		       const struct fuzz_cdb *d, struct rule *r)
{
	read_rule(e, c, d, r);
	writable(e, r);
	if (d->kind != FUZZ_K_WRITE_VERIFY)
		return;
	if (d->bytchk == 2)
		r->must |= E_CDB;
	if (d->bytchk == 3)
		r->may |= E_CDB;
	if (d->bytchk != 0)
		r->may |= E_MISCOMPARE; /* another may have written meanwhile */
}

static void verify_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
			const struct fuzz_cdb *d, struct rule *r)
{
	protect_bits(e, c->io.cdb, r);
	cache_bits(e, c->io.cdb, r);
	range(e, d, r);
	if (d->bytchk == 2)
		r->must |= E_CDB;
	if (d->bytchk == 3)
		r->may |= E_CDB;
	if (d->bytchk != 0)
		r->may |= E_MISCOMPARE;
	if (d->bytchk != 0 || e->facts.strict)
		expect_limit(e, r, L_TRANSFER, d->blocks, E_CDB);
	else if (d->blocks > e->limits.max[L_TRANSFER])
		r->may |= E_CDB; /* nothing is transferred, but SBC-4 counts it */
	lengths(e, c, d, r);
}

static void sync_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
		      const struct fuzz_cdb *d, struct rule *r)
{
	range(e, d, r);
	/* mandatory only for who has a volatile cache */
	if (!e->facts.strict && expect_mode_may(e, c, MODE_WCE, false))
		r->may |= E_OPCODE;
}

static void caw_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
		     const struct fuzz_cdb *d, struct rule *r)
{
	protect_bits(e, c->io.cdb, r);
	cache_bits(e, c->io.cdb, r);
	range(e, d, r);
	expect_limit(e, r, L_CAW, d->blocks, E_CDB);
	writable(e, r);
	if (d->blocks != 0)
		r->may |= E_MISCOMPARE;
	if (c->io.len < d->data_len)
		r->must |= e->facts.strict ? E_CDB : E_ANY;
	lengths(e, c, d, r);
}

static void same_fields(const struct fuzz_expect *e, const uint8_t *cdb, const struct fuzz_cdb *d,
			struct rule *r)
{
	bool sixteen = cdb[0] == OP_WRITE_SAME_16;

	protect_bits(e, cdb, r);
	if (cdb[1] & 0x06) /* PBDATA, LBDATA would write something else into each block */
		r->must |= E_CDB;
	if (cdb[1] & CDB1_NDOB) {
		if (sixteen)
			r->may |= E_CDB;
		else
			r->must |= E_CDB;
	}
	if (cdb[1] & CDB1_ANCHOR) {
		if (e->b2_known && e->anchor)
			r->may |= E_CDB;
		else
			r->must |= E_CDB;
	}
	if (!d->unmap)
		return;
	if (!e->b2_known)
		r->may |= E_CDB;
	else if (!(sixteen ? e->same_16 : e->same_10))
		r->must |= E_CDB;
}

static void same_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
		      const struct fuzz_cdb *d, struct rule *r)
{
	same_fields(e, c->io.cdb, d, r);
	range(e, d, r);
	writable(e, r);
	if (d->blocks != 0)
		expect_limit(e, r, L_SAME, d->blocks, E_CDB);
	else if (e->limits.known && e->wsnz)
		r->must |= E_CDB;
	else
		r->may |= E_CDB; /* WSNZ, or more up to the end than the limit */
	if (c->io.len < d->data_len)
		r->must |= e->facts.strict ? E_CDB : E_ANY;
	lengths(e, c, d, r);
}

static void unmap_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
		       const struct fuzz_cdb *d, struct rule *r)
{
	(void)d;
	if (c->io.cdb[1] & 0x01) {
		if (e->b2_known && e->anchor)
			r->may |= E_CDB;
		else
			r->must |= E_CDB;
	}
	if (c->io.cdb[7] == 0 && c->io.cdb[8] == 0) {
		struct rule wp = { 0 };

		writable(e, &wp);
		r->may |= wp.must | wp.may;
		return;
	}
	writable(e, r);
	expect_unmap_rule(e, c, r);
}

static void select_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
			const struct fuzz_cdb *d, struct rule *r)
{
	uint8_t byte1 = c->io.cdb[1];

	if (byte1 & CDB1_SP)
		r->must |= E_CDB;
	if (!(byte1 & CDB1_PF)) {
		if (e->facts.strict)
			r->must |= E_CDB;
		else
			r->may |= E_CDB;
	}
	if (d->data_len != 0)
		expect_select_rule(e, c, r);
}

static void sense_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
		       const struct fuzz_cdb *d, struct rule *r)
{
	(void)d;
	expect_sense_rule(e, c, r);
}

static void ready_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
		       const struct fuzz_cdb *d, struct rule *r)
{
	(void)e;
	(void)c;
	(void)d;
	(void)r;
}

static void inquiry_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
			 const struct fuzz_cdb *d, struct rule *r)
{
	const uint8_t *cdb = c->io.cdb;
	uint8_t page = cdb[2];

	(void)d;
	if (cdb[1] & 0x02) { /* CMDDT, gone since SPC-2 */
		if (e->facts.strict)
			r->must |= E_CDB;
		else
			r->may |= E_CDB;
	}
	if (!(cdb[1] & 0x01)) {
		if (page != 0)
			r->must |= E_CDB;
		return;
	}
	if (page == 0 || page == 0x80 || page == 0x83)
		return;
	if (!e->vpd_known)
		r->may |= E_CDB;
	else if (!bit_is(&e->vpd_listed, page))
		r->must |= E_CDB;
}

/* READ CAPACITY: an LBA means nothing without PMI, which is obsolete. */
static void capacity_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
			  const struct fuzz_cdb *d, struct rule *r)
{
	const uint8_t *cdb = c->io.cdb;
	bool ten = cdb[0] == OP_READ_CAPACITY_10;
	uint64_t lba = ten ? be_get(cdb + 2, 4) : be_get(cdb + 2, 8);

	(void)d;
	if (cdb[ten ? 8 : 14] & 1)
		r->may |= E_CDB | E_LBA;
	else if (lba != 0 && e->facts.strict)
		r->must |= E_CDB;
	else if (lba != 0)
		r->may |= E_CDB;
}

/* T10 gave 11h to 17h to commands that a handler may have. */
static void service_in_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
			    const struct fuzz_cdb *d, struct rule *r)
{
	uint8_t action = c->io.cdb[1] & 0x1f;

	if (action == 0x10)
		capacity_rule(e, c, d, r);
	else if (action > 0x10 && action <= 0x17 && !e->facts.strict)
		r->may |= E_ANY;
	else
		r->must |= E_CDB | E_OPCODE;
}

/* REPORT SUPPORTED OPERATION CODES and TARGET PORT GROUPS may be there; what nobody defined not. */
static void maintenance_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
			     const struct fuzz_cdb *d, struct rule *r)
{
	uint8_t action = c->io.cdb[1] & 0x1f, options = c->io.cdb[2] & 7;

	(void)d;
	if (c->io.cdb[0] == OP_MAINTENANCE_IN && action == 0x0c) {
		r->may |= E_OPCODE;
		if (options > 3)
			r->must |= E_CDB;
		else if (options != 0 || !e->facts.strict)
			r->may |= E_CDB;
		return;
	}
	if (action == 0x04 || action == 0x08 || action == 0x1a || action == 0x1c || action == 0x1e)
		r->must |= E_CDB | E_OPCODE;
	else if (e->facts.strict && action != 0x0a)
		r->must |= E_CDB | E_OPCODE;
	else
		r->may |= action == 0x0a ? E_CDB | E_OPCODE : E_ANY;
}

static void start_stop_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
			    const struct fuzz_cdb *d, struct rule *r)
{
	uint8_t byte4 = c->io.cdb[4];

	(void)d;
	if (byte4 >> 4 != 0)
		r->must |= E_CDB;
	if (byte4 & 0x02) { /* LOEJ: nothing can be ejected */
		if (e->facts.strict)
			r->must |= E_CDB;
		else
			r->may |= E_CDB;
	}
}

/* Nobody claims it unless he says so, and then its parameters are his affair. */
static void copy_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
		      const struct fuzz_cdb *d, struct rule *r)
{
	(void)c;
	(void)d;
	if (e->inquiry_known && e->copy)
		r->may |= E_ANY; /* and expect_agree() sees to it that it exists */
	else if (e->inquiry_known || e->facts.strict)
		r->must |= E_OPCODE;
	else
		r->may |= E_ANY;
}

static void xdwrite_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c,
			 const struct fuzz_cdb *d, struct rule *r)
{
	if (e->facts.strict)
		r->must |= E_OPCODE;
	write_rule(e, c, d, r);
}

#define LBA4 0xff, 0xff, 0xff, 0xff
#define LBA8 LBA4, LBA4

/* clang-format off */
static const struct row rows[256] = {
	[0x00] = { ready_rule, CLAUSE_MUST, { 0 } },
	[0x03] = { ready_rule, CLAUSE_MUST, { 0x01, 0, 0, 0xff } },
	[0x08] = { read_rule, CLAUSE_MUST, { 0x1f, 0xff, 0xff, 0xff } },
	[0x0a] = { write_rule, CLAUSE_MUST, { 0x1f, 0xff, 0xff, 0xff } },
	[0x12] = { inquiry_rule, CLAUSE_MUST, { 0x03, 0xff, 0xff, 0xff } },
	[0x15] = { select_rule, CLAUSE_SHOULD, { 0x11, 0, 0, 0xff } },
	[0x1a] = { sense_rule, CLAUSE_MUST, { 0x08, 0xff, 0xff, 0xff } },
	[0x1b] = { start_stop_rule, CLAUSE_SHOULD, { 0x01, 0, 0, 0xf7 } },
	[0x1e] = { ready_rule, CLAUSE_MAY, { 0, 0, 0, 0x01 } },
	[0x25] = { capacity_rule, CLAUSE_MUST, { 0, LBA4, 0, 0, 0x01 } },
	[0x28] = { read_rule, CLAUSE_MUST, { 0xf8, LBA4, 0, 0xff, 0xff } },
	[0x2a] = { write_rule, CLAUSE_MUST, { 0xf8, LBA4, 0, 0xff, 0xff } },
	[0x2e] = { write_rule, CLAUSE_SHOULD, { 0xf6, LBA4, 0, 0xff, 0xff } },
	[0x2f] = { verify_rule, CLAUSE_SHOULD, { 0xf6, LBA4, 0, 0xff, 0xff } },
	[0x35] = { sync_rule, CLAUSE_MUST, { 0x02, LBA4, 0, 0xff, 0xff } },
	[0x41] = { same_rule, CLAUSE_MAY, { 0xff, LBA4, 0, 0xff, 0xff } },
	[0x42] = { unmap_rule, CLAUSE_MAY, { 0x01, 0, 0, 0, 0, 0, 0xff, 0xff } },
	[0x53] = { xdwrite_rule, CLAUSE_MAY, { 0xf8, LBA4, 0, 0xff, 0xff } },
	[0x55] = { select_rule, CLAUSE_SHOULD, { 0x11, 0, 0, 0, 0, 0, 0xff, 0xff } },
	[0x5a] = { sense_rule, CLAUSE_MUST, { 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff } },
	[0x83] = { copy_rule, CLAUSE_MUST, { 0xff, LBA8, LBA4, 0xff } },
	[0x84] = { copy_rule, CLAUSE_MUST, { 0xff, LBA8, LBA4, 0xff } },
	[0x88] = { read_rule, CLAUSE_MUST, { 0xf8, LBA8, LBA4 } },
	[0x89] = { caw_rule, CLAUSE_MAY, { 0xf8, LBA8, 0, 0, 0, 0xff } },
	[0x8a] = { write_rule, CLAUSE_MUST, { 0xf8, LBA8, LBA4 } },
	[0x8e] = { write_rule, CLAUSE_SHOULD, { 0xf6, LBA8, LBA4 } },
	[0x8f] = { verify_rule, CLAUSE_SHOULD, { 0xf6, LBA8, LBA4 } },
	[0x91] = { sync_rule, CLAUSE_MUST, { 0x02, LBA8, LBA4 } },
	[0x93] = { same_rule, CLAUSE_MAY, { 0xff, LBA8, LBA4 } },
	[0x9e] = { service_in_rule, CLAUSE_MUST, { 0x1f, LBA8, LBA4, 0x01 } },
	[0xa3] = { maintenance_rule, CLAUSE_MUST, { 0x1f, 0x87, 0xff, 0xff, 0xff, LBA4 } },
	[0xa4] = { maintenance_rule, CLAUSE_MUST, { 0xff, LBA8, 0xff } },
	[0xa8] = { read_rule, CLAUSE_MUST, { 0xf8, LBA8 } },
	[0xaa] = { write_rule, CLAUSE_MUST, { 0xf8, LBA8 } },
	[0xae] = { write_rule, CLAUSE_SHOULD, { 0xf6, LBA8 } },
	[0xaf] = { verify_rule, CLAUSE_SHOULD, { 0xf6, LBA8 } },
};
/* clang-format on */

/* Bits that mean nothing may be refused. */
static void reserved_bits(const struct fuzz_expect *e, const uint8_t *cdb, const struct row *row,
			  struct rule *r)
{
	uint32_t len = ringsim_cdb_len(cdb);

	for (uint32_t i = 1; i + 1 < len; i++)
		r->odd |= (cdb[i] & ~row->defined[i - 1]) != 0;
	r->odd |= cdb[len - 1] != 0;
	if (r->odd)
		r->may |= E_CDB;
	/* there is no ACA to be had */
	if (cdb[len - 1] & CONTROL_NACA && e->facts.strict && !(e->inquiry_known && e->naca))
		r->must |= E_CDB;
}

void expect_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c, const struct fuzz_cdb *d,
		 struct rule *r)
{
	const uint8_t *cdb = c->io.cdb;
	const struct row *row = &rows[cdb[0]];

	*r = (struct rule){ 0 };
	if (row->fn == NULL) {
		/* the contract has no word about it, but other people's handlers may have it */
		if (cdb_may_exist(cdb[0]) && !e->facts.strict)
			r->may = E_ANY;
		else
			r->must = E_OPCODE;
		if (cdb[0] == 0x7f || cdb[ringsim_cdb_len(cdb) - 1] != 0)
			r->may |= E_CDB;
		return;
	}
	reserved_bits(e, cdb, row, r);
	row->fn(e, c, d, r);
	if (row->level == CLAUSE_MAY || (row->level == CLAUSE_SHOULD && !e->facts.strict))
		r->may |= E_OPCODE;
	if (e->stopped && !e->facts.strict)
		r->may |= E_STOPPED;
}
