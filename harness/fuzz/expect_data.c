/* SPDX-License-Identifier: MIT */
/*
 * Data-In: how much of it is an answer, that the rest is zeros, and that an answer is cut, never
 * changed, by a short allocation.
 * Clauses: HND-035, SCS-020, SCS-022.
 */
#include "expect_impl.h"

typedef void judge_fn(const struct seen *s, const uint8_t *p, uint32_t n);

/**
 * struct answer - what a command returns
 * @plus, @len_at, @len_bytes: the whole of it has @plus bytes more than this field says
 * @said:  where it is kept, if it is always the same; or NULL
 * @judge: looks at a whole answer
 */
struct answer {
	uint8_t plus, len_at, len_bytes;
	struct said *said;
	judge_fn *judge;
};

static void zeros(const struct seen *s, const char *clause, const uint8_t *p, uint32_t from,
		  uint32_t to)
{
	if (from >= to || (p[from] == 0 && memcmp(p + from, p + from + 1, to - from - 1) == 0))
		return;
	while (p[from] == 0)
		from++;
	expect_wrong(s, clause, "byte %u of %u is no part of the answer: expected 0, found 0x%02x",
		     from, to, p[from]);
}

void expect_zeros(const struct seen *s, const uint8_t *p, uint32_t from, uint32_t to)
{
	zeros(s, "HND-035", p, from, to);
}

bool expect_said(const struct seen *s, struct said *said, const uint8_t *p, uint32_t n)
{
	uint32_t both = n < said->have ? n : said->have;

	if (memcmp(said->bytes, p, both) != 0) {
		uint32_t i = 0;

		while (said->bytes[i] == p[i])
			i++;
		expect_wrong(s, "SCS-022",
			     "byte %u of %u was 0x%02x when %u were asked for, is 0x%02x", i, n,
			     said->bytes[i], said->have, p[i]);
		return false;
	}
	if (n > SAID_MAX)
		n = SAID_MAX;
	if (n > said->have) {
		memcpy(said->bytes + said->have, p + said->have, n - said->have);
		said->have = (uint16_t)n;
	}
	return true;
}

struct said *expect_said_vpd(struct fuzz_expect *e, uint8_t page)
{
	struct said *said = &e->said[SAID_VPD];
	uint32_t i;

	for (i = 0; i < e->saids; i++) {
		if (said[i].page == page)
			return &said[i];
	}
	if (i == SAIDS - SAID_VPD)
		return NULL;
	said[i].page = page;
	said[i].have = 0;
	e->saids++;
	return &said[i];
}

static bool answer_of(const struct seen *s, struct answer *a)
{
	const uint8_t *cdb = s->c->io.cdb;
	struct said *said = s->e->said;

	switch (cdb[0]) {
	case OP_REQUEST_SENSE:
		*a = (struct answer){ 8, 7, 1, NULL, expect_request_sense };
		return true;
	case OP_INQUIRY:
		if (!(cdb[1] & 1))
			*a = (struct answer){ 5, 4, 1, &said[SAID_INQUIRY], expect_inquiry };
		else
			*a = (struct answer){ 4, 2, 2, expect_said_vpd(s->e, cdb[2]), expect_vpd };
		return true;
	case OP_MODE_SENSE_6:
		*a = (struct answer){ 1, 0, 1, NULL, NULL };
		return true;
	case OP_MODE_SENSE_10:
		*a = (struct answer){ 2, 0, 2, NULL, NULL };
		return true;
	case OP_READ_CAPACITY_10:
		*a = (struct answer){ 8, 0, 0, &said[SAID_CAPACITY_10], expect_capacity };
		return !(cdb[8] & 1); /* PMI asks something else */
	case OP_SERVICE_IN_16:
		*a = (struct answer){ 32, 0, 0, &said[SAID_CAPACITY_16], expect_capacity };
		return (cdb[1] & 0x1f) == 0x10 && !(cdb[14] & 1);
	case OP_MAINTENANCE_IN:
		*a = (struct answer){ 4, 0, 4, NULL, expect_opcodes };
		if ((cdb[2] & 0x87) == 0)
			a->said = &said[SAID_OPCODES];
		if ((cdb[2] & 7) != 0)
			a->len_at = a->len_bytes = 2;
		return (cdb[1] & 0x1f) == 0x0c;
	default:
		return false;
	}
}

/* An answer about the unit: @most bytes of it at most. */
static void judge_answer(const struct seen *s, const struct answer *a, uint32_t most)
{
	const struct target_io *io = &s->c->io;
	uint32_t total = 0, valid = most < io->data_in ? most : io->data_in;
	const uint8_t *p = s->c->data;

	if (valid >= (uint32_t)a->len_at + a->len_bytes)
		total = a->plus + (uint32_t)be_get(p + a->len_at, a->len_bytes);
	/* a single opcode may be followed by its timeouts */
	if (total != 0 && a->judge == expect_opcodes && a->len_at != 0 && p[1] & 0x80)
		total += 12;
	if (total != 0 && total < most)
		most = total;
	if (most < valid)
		valid = most;
	/* behind the answer, or behind what the allocation lets through of it */
	zeros(s, valid < total ? "SCS-022" : "HND-035", p, valid, io->data_in);
	if (io->data_in != io->len && total != 0 && io->data_in != most)
		expect_wrong(s, "HND-035", "READ_LEN: expected %u of %u bytes, found %u", most,
			     io->len, io->data_in);
	if (a->said && !expect_said(s, a->said, p, valid))
		return;
	if (a->judge == NULL)
		expect_mode_sense(s, p, valid, total != 0 ? total : UINT32_MAX);
	else if ((total != 0 && valid == total) || a->judge == expect_request_sense)
		a->judge(s, p, valid);
}

/* The second direction of a command that has only one. */
static void judge_bidi(const struct seen *s)
{
	const struct fuzz_cmd *c = s->c;
	uint32_t n = c->io.data_in < c->io.bidi_len ? c->io.data_in : c->io.bidi_len;

	if (c->bidi && s->d->kind != FUZZ_K_XDWRITE)
		expect_zeros(s, c->bidi, 0, n);
}

/* Opcodes whose answers nobody here knows. */
static bool is_strange(const struct seen *s)
{
	switch (s->c->io.cdb[0]) {
	case OP_TEST_UNIT_READY:
	case OP_START_STOP:
	case OP_PREVENT_ALLOW:
		return false;
	default:
		return s->d->kind == FUZZ_K_OTHER;
	}
}

void expect_data(const struct seen *s)
{
	const struct target_io *io = &s->c->io;
	uint64_t valid = s->d->data_len;
	struct answer a;

	if (io->dir == RINGSIM_BIDI)
		judge_bidi(s);
	if (io->dir != RINGSIM_FROM_DEVICE || s->c->data == NULL)
		return;
	if (io->data_in != io->len &&
	    (!s->e->facts.read_len || io->data_in == 0 || io->data_in + io->residual != io->len)) {
		expect_wrong(s, "HND-035", "%u of %u bytes came, with a residual of %u%s",
			     io->data_in, io->len, io->residual,
			     s->e->facts.read_len ? "" : ", though READ_LEN is not offered");
		return;
	}
	/* the wrong way round, which looks right on the ring (KRN-023) */
	if (s->d->dir == RINGSIM_TO_DEVICE)
		return;
	if (valid > io->len)
		valid = io->len;
	if (answer_of(s, &a)) {
		judge_answer(s, &a, (uint32_t)valid);
		return;
	}
	if (valid > io->data_in)
		valid = io->data_in;
	if (is_strange(s))
		return;
	if (s->d->kind != FUZZ_K_READ)
		valid = 0;
	expect_zeros(s, s->c->data, (uint32_t)valid, io->data_in);
	if (s->d->kind == FUZZ_K_READ && io->data_in < io->len && io->data_in < s->d->data_len)
		expect_wrong(s, "SCS-020", "only %u of %u bytes came", io->data_in, io->len);
}
