/* SPDX-License-Identifier: MIT */
/*
 * Reservations as the target core of Linux 6.12 keeps them, for the single nexus of the loopback
 * host: PERSISTENT RESERVE IN and OUT, RESERVE and RELEASE.
 *
 * Which check comes first, and what each answers, is what a real kernel did (results/clients).
 * Different from it on purpose: PREEMPT AND ABORT ends (a kernel's waits for itself for ever), and
 * what is to survive a loss of power is not written anywhere. Clause: SCS-001.
 */
#include "lu.h"

#include <string.h>

#define CONFLICT	0x18

#define TYPE_WRITE_ALL	0x7
#define TYPE_ACCESS_ALL 0x8

enum {
	PR_REGISTER,
	PR_RESERVE,
	PR_RELEASE,
	PR_CLEAR,
	PR_PREEMPT,
	PR_PREEMPT_ABORT,
	PR_IGNORE,
	PR_MOVE
};

/* What PERSISTENT RESERVE OUT says. */
struct out {
	uint64_t key, new_key;
	uint8_t action, scope, type;
	bool initiators, all_ports, aptpl;
};

static void bad_cdb(struct core_cmd *c)
{
	lu_sense(c->io, 0x05, 0x24, 0x00);
}

static void bad_parameter(struct core_cmd *c)
{
	lu_sense(c->io, 0x05, 0x26, 0x00);
}

static void bad_length(struct core_cmd *c)
{
	lu_sense(c->io, 0x05, 0x1a, 0x00);
}

static void not_registered(struct core_cmd *c)
{
	lu_sense(c->io, 0x02, 0x08, 0x00);
}

static void conflict(struct core_cmd *c)
{
	c->io->status = CONFLICT;
}

static bool all_registrants(uint8_t type)
{
	return type == TYPE_WRITE_ALL || type == TYPE_ACCESS_ALL;
}

static bool known_type(uint8_t type)
{
	return type == 1 || type == 3 || (type >= 5 && type <= 8);
}

/* Puts what fits of a value that is built elsewhere. */
static void put(struct core_cmd *c, const void *from, uint32_t len)
{
	if (c->io->data)
		memcpy(c->io->data, from, len < c->len ? len : c->len);
}

/* --- PERSISTENT RESERVE IN
 * ------------------------------------------------------------------------
 */

static void read_keys(struct core_cmd *c)
{
	const struct pr *pr = &c->lu->pr;
	uint8_t buf[16] = { 0 };

	if (c->len < 8) {
		bad_cdb(c);
		return;
	}
	put_be32(buf, pr->generation);
	if (pr->registered) {
		put_be32(buf + 4, 8);
		put_be64(buf + 8, pr->key);
	}
	/* a key that does not fit is left out as a whole */
	put(c, buf, pr->registered && c->len >= 16 ? 16 : 8);
	lu_returned(c, pr->registered ? 16 : 8);
}

static void read_reservation(struct core_cmd *c)
{
	const struct pr *pr = &c->lu->pr;
	uint8_t buf[24] = { 0 };

	if (c->len < 8) {
		bad_cdb(c);
		return;
	}
	put_be32(buf, pr->generation);
	if (pr->type) {
		put_be32(buf + 4, 16);
		if (c->len < 22) {
			put(c, buf, 8);
			return;
		}
		put_be64(buf + 8, all_registrants(pr->type) ? 0 : pr->key);
		buf[21] = pr->type;
	}
	put(c, buf, pr->type ? 24 : 8);
	lu_returned(c, pr->type ? 24 : 8);
}

static void report_capabilities(struct core_cmd *c)
{
	uint8_t buf[8] = { 0, 8, 0x1d, 0x90, 0xea, 0x01 };

	if (c->len < 6) {
		bad_cdb(c);
		return;
	}
	buf[3] |= c->lu->pr.aptpl;
	put(c, buf, sizeof(buf));
	lu_returned(c, sizeof(buf));
}

/* The initiator port's name: a SAS address, as tcm_loop makes one up; see lu_host(). */
static void put_transport_id(const struct core_cmd *c, uint8_t *p)
{
	p[0] = 0x06;
	put_be64(p + 4, 0x6001406000000000ull + c->lu->d->minor);
}

static void read_full_status(struct core_cmd *c)
{
	const struct pr *pr = &c->lu->pr;
	uint8_t buf[8 + 48] = { 0 };
	uint32_t len = 8;

	if (c->len < 8) {
		bad_cdb(c);
		return;
	}
	put_be32(buf, pr->generation);
	/* a kernel compares with the descriptor's length alone, and writes behind a shorter buffer
	 */
	if (pr->registered && c->len >= 24) {
		put_be32(buf + 4, 48);
		put_be64(buf + 8, pr->key);
		buf[20] = (pr->all_ports ? 0x02 : 0) | (pr->type ? 0x01 : 0);
		buf[21] = pr->type;
		put_be32(buf + 28, 24);
		put_transport_id(c, buf + 32);
		len = sizeof(buf);
	}
	put(c, buf, len);
	lu_returned(c, len);
}

void pr_in(struct core_cmd *c)
{
	if (!lu_fits(c, be16(c->io->cdb + 7)))
		return;
	if (c->lu->pr.reserved) {
		conflict(c);
		return;
	}
	switch (c->io->cdb[1] & 0x1f) {
	case 0:
		read_keys(c);
		break;
	case 1:
		read_reservation(c);
		break;
	case 2:
		report_capabilities(c);
		break;
	case 3:
		read_full_status(c);
		break;
	default:
		bad_cdb(c);
	}
}

/* --- PERSISTENT RESERVE OUT ----------------------------------------------------------------------
 */

static void register_new(struct core_cmd *c, const struct out *o)
{
	struct pr *pr = &c->lu->pr;

	if (o->key) {
		conflict(c);
		return;
	}
	if (!o->new_key)
		return;
	/* the list of initiator ports that follows may be empty, but must be there */
	if (o->initiators && c->len < 28) {
		bad_parameter(c);
		return;
	}
	pr->registered = true;
	pr->key = o->new_key;
	pr->all_ports = o->all_ports;
	pr->generation++;
	pr->aptpl = o->aptpl;
}

static void register_again(struct core_cmd *c, const struct out *o)
{
	struct pr *pr = &c->lu->pr;

	if (o->action == PR_REGISTER && o->key != pr->key) {
		conflict(c);
	} else if (o->initiators) {
		bad_parameter(c);
	} else if (pr->all_ports && !o->all_ports) {
		bad_cdb(c);
	} else if (o->new_key) {
		pr->generation++;
		pr->key = o->new_key;
		pr->aptpl = o->aptpl;
	} else {
		pr->registered = false;
		pr->type = 0;
		pr->aptpl = o->aptpl;
	}
}

static void reserve(struct core_cmd *c, const struct out *o)
{
	struct pr *pr = &c->lu->pr;

	if (!known_type(o->type))
		bad_cdb(c);
	else if (!pr->registered)
		not_registered(c);
	else if (o->key != pr->key)
		conflict(c);
	else if (o->scope)
		bad_parameter(c);
	else if (pr->type && pr->type != o->type)
		conflict(c);
	else
		pr->type = o->type;
}

static void release(struct core_cmd *c, const struct out *o)
{
	struct pr *pr = &c->lu->pr;

	if (!pr->registered)
		not_registered(c);
	else if (pr->type && (o->key != pr->key || o->type != pr->type || o->scope))
		conflict(c);
	else
		pr->type = 0;
}

static void clear(struct core_cmd *c, const struct out *o)
{
	struct pr *pr = &c->lu->pr;

	if (!pr->registered) {
		not_registered(c);
		return;
	}
	if (o->key != pr->key) {
		conflict(c);
		return;
	}
	pr->registered = pr->aptpl = false;
	pr->type = 0;
	pr->generation++;
}

/* Our own registration is the only one that can be preempted. */
static void preempt(struct core_cmd *c, const struct out *o)
{
	struct pr *pr = &c->lu->pr;
	bool all = all_registrants(pr->type);

	if (!pr->registered || o->key != pr->key) {
		conflict(c);
		return;
	}
	if (!all && !o->new_key) {
		bad_parameter(c);
		return;
	}
	if (pr->type && (pr->key == o->new_key || !o->new_key)) {
		if (!known_type(o->type)) {
			bad_cdb(c);
			return;
		}
		if (o->scope) {
			bad_parameter(c);
			return;
		}
		pr->type = o->type;
	} else if (o->new_key != pr->key) {
		conflict(c);
		return;
	} else {
		pr->registered = false; /* no reservation: it removes itself */
	}
	pr->generation++;
}

/* There is no other port to move to: every destination is unknown. */
static void move(struct core_cmd *c, const struct out *o)
{
	struct pr *pr = &c->lu->pr;

	if (!pr->registered)
		not_registered(c);
	else if (o->key != pr->key)
		conflict(c);
	else
		bad_parameter(c);
}

static void carry_out(struct core_cmd *c, const struct out *o)
{
	switch (o->action) {
	case PR_REGISTER:
	case PR_IGNORE:
		if (c->lu->pr.registered)
			register_again(c, o);
		else
			register_new(c, o);
		break;
	case PR_RESERVE:
		reserve(c, o);
		break;
	case PR_RELEASE:
		release(c, o);
		break;
	case PR_CLEAR:
		clear(c, o);
		break;
	case PR_PREEMPT:
	case PR_PREEMPT_ABORT:
		preempt(c, o);
		break;
	case PR_MOVE:
		move(c, o);
		break;
	default:
		bad_cdb(c);
	}
}

void pr_out(struct core_cmd *c)
{
	const uint8_t *cdb = c->io->cdb, *p = c->io->data;
	struct out o = { .action = cdb[1] & 0x1f, .scope = cdb[2] & 0xf0, .type = cdb[2] & 0x0f };

	if (!lu_fits(c, be32(cdb + 5)))
		return;
	if (c->lu->pr.reserved) {
		conflict(c);
		return;
	}
	if (c->len < 24 || !p) {
		bad_length(c);
		return;
	}
	o.key = o.action == PR_IGNORE ? 0 : be64(p);
	o.new_key = be64(p + 8);
	if (o.action == PR_MOVE) {
		o.aptpl = p[17] & 0x01;
	} else {
		o.initiators = p[20] & 0x08;
		o.all_ports = p[20] & 0x04;
		o.aptpl = p[20] & 0x01;
	}
	if (o.initiators && o.action != PR_REGISTER)
		bad_parameter(c);
	else if (!o.initiators && o.action != PR_MOVE && c->len != 24)
		bad_length(c);
	else
		carry_out(c, &o);
}

/* --- RESERVE and RELEASE
 * ---------------------------------------------------------------------------
 */

/* 1: GOOD, and nothing else happens; -1: conflict. */
static int beside_persistent(const struct pr *pr)
{
	if (!pr->registered)
		return 0;
	return pr->type ? 1 : -1;
}

static uint32_t list_length(const struct core_cmd *c)
{
	return c->io->cdb[0] >= 0x56 ? be16(c->io->cdb + 7) : c->len;
}

void pr_reserve(struct core_cmd *c)
{
	struct pr *pr = &c->lu->pr;
	int beside = beside_persistent(pr);

	if (!lu_fits(c, list_length(c)))
		return;
	if ((c->io->cdb[1] & 0x03) == 0x03)
		lu_sense(c->io, 0x05, 0x20, 0x00);
	else if (beside < 0)
		conflict(c);
	else if (!beside)
		pr->reserved = true;
}

void pr_release(struct core_cmd *c)
{
	struct pr *pr = &c->lu->pr;
	int beside = beside_persistent(pr);

	if (!lu_fits(c, list_length(c)))
		return;
	if (beside < 0)
		conflict(c);
	else if (!beside)
		pr->reserved = false;
}
