/* SPDX-License-Identifier: MIT */
/*
 * Programs changed a little: operations dropped, doubled, exchanged, taken from another program;
 * arguments that another operation of the same verb has; bits of CDBs.
 *
 * Only what some program has already is put together anew, so that what comes out is a program.
 */
#include "corpus.h"

#include "trial.h"

#define CHANGES 6

struct mutation {
	struct fuzz_program *p;
	const struct fuzz_program *other;
	uint64_t seed, n;
};

static uint32_t below(struct mutation *m, uint32_t n)
{
	return n ? (uint32_t)(fuzz_program_seed(m->seed, m->n++) % n) : 0;
}

static void drop(struct mutation *m)
{
	struct fuzz_program *p = m->p;
	uint32_t at = below(m, p->cnt), n = 1 + below(m, 8);

	if (n > p->cnt - at)
		n = p->cnt - at;
	memmove(p->ops + at, p->ops + at + n, (p->cnt - at - n) * sizeof(*p->ops));
	p->cnt -= n;
}

/* @n operations of @from, beginning with @begin, before operation @at. */
static void insert(struct fuzz_program *p, uint32_t at, const struct fuzz_program *from,
		   uint32_t begin, uint32_t n)
{
	struct fuzz_op few[16];

	if (n > 16)
		n = 16;
	if (n > from->cnt - begin)
		n = from->cnt - begin;
	memcpy(few, from->ops + begin, n * sizeof(*few));
	for (uint32_t i = 0; i < n; i++)
		if (!fuzz_push(p, FUZZ_SETTLE))
			n = i;
	memmove(p->ops + at + n, p->ops + at, (p->cnt - n - at) * sizeof(*few));
	memcpy(p->ops + at, few, n * sizeof(*few));
}

static void swap(struct mutation *m)
{
	struct fuzz_op *a = &m->p->ops[below(m, m->p->cnt)], *b = &m->p->ops[below(m, m->p->cnt)];
	struct fuzz_op keep = *a;

	*a = *b;
	*b = keep;
}

/* An argument of another operation of the same verb, of either program. */
static void borrow(struct mutation *m)
{
	const struct fuzz_program *from = m->other->cnt && below(m, 2) ? m->other : m->p;
	struct fuzz_op *op = &m->p->ops[below(m, m->p->cnt)];
	const struct fuzz_op *of;
	uint32_t i, k = below(m, FUZZ_ARGS), start = below(m, from->cnt);

	for (i = 0; i < from->cnt; i++) {
		of = &from->ops[(start + i) % from->cnt];
		if (of->verb != op->verb || of == op)
			continue;
		/* of a submission either all that says how much, or the CDB */
		if (op->verb != FUZZ_SUBMIT) {
			op->n[k] = of->n[k];
		} else if (k) {
			memcpy(op->n, of->n, sizeof(op->n));
			memcpy(op->bytes, of->bytes, sizeof(op->bytes));
			op->bytes_len = of->bytes_len;
		} else {
			memcpy(op->cdb, of->cdb, sizeof(op->cdb));
			op->cdb_len = of->cdb_len;
		}
		return;
	}
}

static void flip(struct mutation *m)
{
	struct fuzz_op *op = &m->p->ops[below(m, m->p->cnt)];

	if (op->verb == FUZZ_SUBMIT && op->cdb_len > 1)
		op->cdb[1 + below(m, op->cdb_len - 1u)] ^= (uint8_t)(1u << below(m, 8));
}

void mutate_program(struct fuzz_program *p, const struct fuzz_program *other, uint64_t seed)
{
	struct mutation m = { p, other, seed, 0 };
	uint32_t changes = 1 + below(&m, CHANGES);

	/* a handler's moves and a kernel's do not mix */
	if (other->setup.seat != p->setup.seat)
		m.other = other = p;
	if (below(&m, 4) == 0)
		p->setup = other->setup;
	for (; changes && p->cnt; changes--) {
		switch (below(&m, 6)) {
		case 0:
			drop(&m);
			break;
		case 1:
			insert(p, below(&m, p->cnt), p, below(&m, p->cnt), 1 + below(&m, 4));
			break;
		case 2:
			swap(&m);
			break;
		case 3:
			if (other->cnt)
				insert(p, below(&m, p->cnt), other, below(&m, other->cnt),
				       1 + below(&m, 16));
			break;
		case 4:
			borrow(&m);
			break;
		default:
			flip(&m);
		}
	}
}
