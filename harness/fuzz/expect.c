/* SPDX-License-Identifier: MIT */
/*
 * The oracle of answers: one command after the other is compared with what it deserves.
 *
 * READ and WRITE that are in order, nearly all of them, are done with in a few comparisons. All
 * others get a rule. Answers that faults explain are right as often as there were faults. Nothing
 * is allocated for a command, and nothing is known from one program to the next. Clauses: HND-031
 * to HND-035, HND-067, SCS-020 to SCS-023, SCS-030 to SCS-043.
 */
#include "expect_impl.h"

#include <stdarg.h>

#define SAM_GOOD	  0x00
#define SAM_CONDITION_MET 0x04
#define SAM_BUSY	  0x08
#define SAM_TASK_FULL	  0x28
#define SAM_ABORTED	  0x40

/* No transfer up to here exceeds anybody's limit. */
#define FAST_BYTES	  65536

struct fuzz_expect *fuzz_expect_new(void)
{
	return calloc(1, sizeof(struct fuzz_expect));
}

void fuzz_expect_free(struct fuzz_expect *e)
{
	free(e);
}

void fuzz_expect_reset(struct fuzz_expect *e, const struct fuzz_disk_facts *facts)
{
	memset(e, 0, offsetof(struct fuzz_expect, said));
	for (int i = 0; i < SAIDS; i++)
		e->said[i].have = 0;
	e->facts = *facts;
	expect_mode_reset(e);
	/* a unit that was just switched on may say so */
	e->attentions = facts->strict ? 0 : 4;
}

void fuzz_expect_changed(struct fuzz_expect *e, const struct fuzz_disk_facts *facts)
{
	fuzz_expect_reset(e, facts);
	e->attentions = 4;
	/* commands that are still under way may have been answered by the old one */
	memset(e->mode.until, 0xff, sizeof(e->mode.until));
}

void fuzz_expect_restarted(struct fuzz_expect *e)
{
	expect_mode_restarted(e);
	e->flush = FLUSH_FINE;
	e->stopped = false;
	if (!e->facts.strict)
		e->attentions += 4;
}

void fuzz_expect_quiet(struct fuzz_expect *e, uint64_t now)
{
	expect_mode_quiet(e);
	expect_flush_quiet(e, now);
}

static bool is_select(const struct fuzz_cmd *c)
{
	return c->io.cdb[0] == OP_MODE_SELECT_6 || c->io.cdb[0] == OP_MODE_SELECT_10;
}

static bool is_mode_sense(const struct fuzz_cmd *c)
{
	return c->io.cdb[0] == OP_MODE_SENSE_6 || c->io.cdb[0] == OP_MODE_SENSE_10;
}

void fuzz_expect_begin(struct fuzz_expect *e, struct fuzz_cmd *c)
{
	e->in_flight++;
	expect_flush_begin(e, c);
	if (is_select(c))
		expect_select_begin(e, c);
	else if (is_mode_sense(c))
		expect_mode_sense_begin(e, c);
}

void fuzz_expect_lost(struct fuzz_expect *e, struct fuzz_cmd *c)
{
	e->in_flight--;
	expect_flush_lost(e, c);
	if (is_select(c))
		expect_select_lost(e);
}

void expect_wrong(const struct seen *s, const char *clause, const char *fmt, ...)
{
	const uint8_t *cdb = s->c->io.cdb;
	uint32_t len = ringsim_cdb_len(cdb);
	char text[300], hex[2 * RINGSIM_CDB_MAX + 1], range[64] = "";
	va_list ap;

	if (s->tc->failed || tc_overlooks(s->tc, clause))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (uint32_t i = 0; i < len && i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", cdb[i]);
	if (s->d->kind != FUZZ_K_OTHER && s->d->kind != FUZZ_K_UNMAP)
		snprintf(range, sizeof(range), " lba=%llu blocks=%llu",
			 (unsigned long long)s->d->lba, (unsigned long long)s->d->blocks);
	tc_fail(s->tc, clause, "%s%s (%s, %u bytes): %s", s->d->name, range, hex, s->c->io.len,
		text);
}

/* READ or WRITE of whole blocks inside the disk, without anything special, that was GOOD. */
static bool is_plain(const struct fuzz_expect *e, const struct fuzz_cmd *c,
		     const struct fuzz_cdb *d)
{
	const struct target_io *io = &c->io;
	uint32_t last = ringsim_cdb_len(io->cdb) - 1;

	if (io->status != SAM_GOOD || io->len != d->data_len || !d->whole)
		return false;
	if (io->len > FAST_BYTES || io->residual != 0 || io->bidi_len != 0)
		return false;
	if (io->cdb[last] != 0 || (last > 5 && (io->cdb[1] & 0xe0) != 0))
		return false;
	if (d->kind == FUZZ_K_READ)
		return io->dir == RINGSIM_FROM_DEVICE && io->data_in == io->len;
	return d->kind == FUZZ_K_WRITE && io->dir == RINGSIM_TO_DEVICE && e->facts.strict &&
	       !e->facts.read_only;
}

/* Refusals in words, for people. */
static void put_wanted(char *buf, size_t len, uint32_t set)
{
	static const char *const names[] = { "5/2000", "5/2100", "5/2400", "5/2600",
					     "5/1a00", "5/3900", "7/2700", "e/1d00",
					     "2/04xx", "3/11xx", "3/0cxx", "6/xxxx" };
	size_t used = 0;

	if (set == E_ANY)
		set = 0;
	used = (size_t)snprintf(buf, len, "CHECK CONDITION");
	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]) && used < len; i++) {
		if (set >> i & 1) {
			used += (size_t)snprintf(buf + used, len - used, " %s", names[i]);
			set &= ~(1u << i);
			if (set != 0 && used < len)
				used += (size_t)snprintf(buf + used, len - used, " or");
		}
	}
}

/* The clause that asks for a refusal. */
static const char *clause_of(uint32_t must)
{
	if (must == E_ANY)
		return "SCS-020";
	if (must & E_LBA)
		return "SCS-042";
	if (must & E_LIST_LEN)
		return "SCS-023";
	if (must & E_OPCODE)
		return "SCS-030";
	return "SCS-040";
}

/* The clause that asks for GOOD instead of @error. */
static const char *clause_of_good(const struct seen *s, uint32_t error)
{
	uint8_t op = s->c->io.cdb[0];

	if (error == E_LBA)
		return "SCS-042";
	if (error == E_READ || error == E_WRITE)
		return "SCS-040";
	if (s->e->busy > 0)
		return "SCS-043";
	if (is_select(s->c) || s->d->kind == FUZZ_K_UNMAP)
		return s->d->data_len == 0 ? "SCS-023" : "SCS-030";
	if ((op == OP_INQUIRY || op == OP_REQUEST_SENSE || is_mode_sense(s->c)) &&
	    s->d->data_len < 8)
		return "SCS-022";
	if (s->d->kind != FUZZ_K_OTHER && s->d->kind != FUZZ_K_SYNC && s->d->blocks == 0)
		return "SCS-021";
	return "SCS-030";
}

/* GOOD: right unless the command deserved a refusal. */
static void judge_good(const struct seen *s, const struct rule *r)
{
	char wanted[120];

	if (r->must == 0) {
		expect_data(s);
		return;
	}
	put_wanted(wanted, sizeof(wanted), r->must);
	expect_wrong(s, clause_of(r->must), "expected %s, found GOOD", wanted);
}

/* CHECK CONDITION; returns which, and sets @unsure if the medium may have changed all the same. */
static uint32_t judge_check(const struct seen *s, const struct rule *r, bool *unsure)
{
	uint32_t error = expect_sense(s), limit = r->limit != L_NONE ? r->limit_error : 0;
	const uint8_t *p = s->c->io.sense;
	char wanted[120];

	if (error & (r->must | r->may | limit)) {
		*unsure = (error == E_MISCOMPARE && s->d->kind == FUZZ_K_WRITE_VERIFY) ||
			  ((error == E_LBA || error == E_LIST) && s->d->kind == FUZZ_K_UNMAP);
		return error;
	}
	if (error == E_ATTENTION && s->e->attentions > 0) {
		s->e->attentions--;
		return error;
	}
	*unsure = true;
	if (expect_fault_explains(s, error))
		return error;
	if (r->must != 0) {
		put_wanted(wanted, sizeof(wanted), r->must | r->may);
		expect_wrong(s, "SCS-040", "expected %s, found CHECK CONDITION %x/%04x", wanted,
			     sense_key(p), sense_asc(p));
	} else {
		expect_wrong(s, clause_of_good(s, error),
			     "expected GOOD, found CHECK CONDITION %x/%04x", sense_key(p),
			     sense_asc(p));
	}
	return error;
}

/* Any other status; true if the command may have had an effect. */
static bool judge_status(const struct seen *s)
{
	const struct target_io *io = &s->c->io;

	switch (io->status) {
	case SAM_BUSY:
	case SAM_TASK_FULL:
		expect_busy(s);
		return false;
	case SAM_ABORTED:
		if (!s->c->disturbed)
			expect_wrong(s, "SCS-030", "TASK ABORTED, though nobody aborted it");
		return true;
	case SAM_CONDITION_MET:
		if (io->cdb[0] != 0x34 && io->cdb[0] != 0x90)
			expect_wrong(s, "SCS-030", "CONDITION MET is for PRE-FETCH");
		return false;
	case 0x18:
	case 0x30:
		expect_wrong(s, "SCS-030", "status 0x%02x, without reservation or ACA", io->status);
		return true;
	default:
		expect_wrong(s, "HND-032", "status 0x%02x is no SAM status", io->status);
		return true;
	}
}

/* Everything that is not a plain transfer. */
static void judge(const struct seen *s, struct fuzz_effect *effect)
{
	struct fuzz_cmd *c = s->c;
	uint32_t error = 0;
	bool unsure = false;
	struct rule r;

	expect_rule(s->e, c, s->d, &r);
	if (c->io.status == SAM_GOOD) {
		judge_good(s, &r);
		effect->did = true;
	} else if (c->io.status == SAM_CHECK) {
		error = judge_check(s, &r, &unsure);
	} else {
		unsure = judge_status(s);
		error = unsure ? E_OTHER : E_STATUS;
	}
	if (is_select(c))
		expect_select_end(s, error, effect);
	if (unsure)
		c->disturbed = true;
	expect_flush_end(s, error);
	if (c->io.cdb[0] == OP_START_STOP && c->io.status == SAM_GOOD)
		s->e->stopped = !(c->io.cdb[4] & 1);
	if (c->io.status == SAM_GOOD || c->io.status == SAM_CHECK)
		expect_answered(s, &r, error);
}

void fuzz_expect_end(struct fuzz_expect *e, struct tc *tc, struct fuzz_cmd *c,
		     const struct fuzz_cdb *cdb, struct fuzz_effect *effect)
{
	struct seen s = { .e = e, .tc = tc, .c = c, .d = cdb };

	*effect = (struct fuzz_effect){ 0 };
	if (is_plain(e, c, cdb))
		effect->did = true;
	else
		judge(&s, effect);
	effect->durable = !expect_mode_may(e, c, MODE_WCE, true);
	e->in_flight--;
}
