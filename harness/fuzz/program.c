/* SPDX-License-Identifier: MIT */
/* Fuzz programs as values and as text; program_parse.c reads them. */
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *fuzz_verb_name(enum fuzz_verb verb)
{
	return (unsigned int)verb < FUZZ_VERBS ? fuzz_verbs[verb].name : "?";
}

struct fuzz_op *fuzz_push(struct fuzz_program *p, enum fuzz_verb verb)
{
	struct fuzz_op *more;
	uint32_t room;

	if (p->cnt == FUZZ_OPS_MAX)
		return NULL;
	if (p->cnt == p->room) {
		room = p->room ? 2 * p->room : 64;
		more = reallocarray(p->ops, room, sizeof(*more));
		if (!more)
			return NULL;
		p->ops = more;
		p->room = room;
	}
	p->ops[p->cnt] = (struct fuzz_op){ .verb = (uint8_t)verb };
	return &p->ops[p->cnt++];
}

int fuzz_program_copy(struct fuzz_program *to, const struct fuzz_program *from)
{
	struct fuzz_op *ops = NULL;

	if (from->cnt) {
		ops = malloc(from->cnt * sizeof(*ops));
		if (!ops)
			return -ENOMEM;
		memcpy(ops, from->ops, from->cnt * sizeof(*ops));
	}
	*to = (struct fuzz_program){
		.setup = from->setup, .ops = ops, .cnt = from->cnt, .room = from->cnt
	};
	return 0;
}

void fuzz_program_free(struct fuzz_program *p)
{
	free(p->ops);
	*p = (struct fuzz_program){ 0 };
}

/* Bringing into range. */

static void tidy_submit(struct fuzz_op *op)
{
	uint64_t *n = op->n;

	if (!op->cdb_len)
		op->cdb_len = 6;
	if (op->cdb_len > sizeof(op->cdb))
		op->cdb_len = sizeof(op->cdb);
	memset(op->cdb + op->cdb_len, 0, sizeof(op->cdb) - op->cdb_len);
	n[FUZZ_S_DIR] &= 3;
	if (n[FUZZ_S_LEN] > FUZZ_DATA_MAX)
		n[FUZZ_S_LEN] %= FUZZ_DATA_MAX + 1;
	if (n[FUZZ_S_BIDI] > FUZZ_DATA_MAX)
		n[FUZZ_S_BIDI] %= FUZZ_DATA_MAX + 1;
	if (n[FUZZ_S_DIR] != RINGSIM_BIDI)
		n[FUZZ_S_BIDI] = 0;
	n[FUZZ_S_FILL] %= FUZZ_FILL_NEXT + 1;
	if (n[FUZZ_S_FLIP] > n[FUZZ_S_LEN])
		n[FUZZ_S_FLIP] = n[FUZZ_S_LEN];
	if (n[FUZZ_S_DIR] != RINGSIM_TO_DEVICE && n[FUZZ_S_DIR] != RINGSIM_BIDI)
		n[FUZZ_S_FILL] = n[FUZZ_S_FLIP] = 0;
	if (n[FUZZ_S_FILL] != FUZZ_FILL_BYTES && n[FUZZ_S_FILL] != FUZZ_FILL_SAME)
		op->bytes_len = 0;
	if (op->bytes_len > FUZZ_BYTES)
		op->bytes_len = FUZZ_BYTES;
	memset(op->bytes + op->bytes_len, 0, FUZZ_BYTES - op->bytes_len);
}

static void tidy_width(uint64_t *n)
{
	*n = *n >= 8 ? 8 : *n >= 4 ? 4 : *n >= 2 ? 2 : 1;
}

void fuzz_op_tidy(struct fuzz_op *op)
{
	const struct word *w;
	unsigned int used = 0, i;

	op->verb %= FUZZ_VERBS;
	memset(op->zero, 0, sizeof(op->zero));
	if (op->verb == FUZZ_SUBMIT) {
		tidy_submit(op);
		return;
	}
	op->cdb_len = op->bytes_len = 0;
	memset(op->cdb, 0, sizeof(op->cdb));
	memset(op->bytes, 0, sizeof(op->bytes));
	for (w = fuzz_verbs[op->verb].word; w->name; w++) {
		used |= (w->kind == WORD_PLACE ? 3u : 1u) << w->n;
		if (w->kind == WORD_WIDTH)
			tidy_width(&op->n[w->n]);
		else if (op->n[w->n] > w->max)
			op->n[w->n] %= w->max + 1;
	}
	if (op->verb == FUZZ_STORE && op->n[2] < 8)
		op->n[3] &= (1ull << 8 * op->n[2]) - 1;
	for (i = 0; i < FUZZ_ARGS; i++)
		if (!(used >> i & 1))
			op->n[i] = 0;
}

/* Text. */

static void print_hex(FILE *f, const uint8_t *bytes, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		fprintf(f, "%02x", bytes[i]);
}

static void print_name(FILE *f, const struct word_name *names, uint64_t value)
{
	for (; names->name; names++) {
		if (names->value == value) {
			fputs(names->name, f);
			return;
		}
	}
	fprintf(f, "%llu", (unsigned long long)value);
}

/* The distance from the end goes backwards. */
static void print_place(FILE *f, uint64_t base, uint64_t distance)
{
	bool minus = distance >> 63;
	unsigned long long d = minus ? -distance : distance;

	if (base >= FUZZ_BASES)
		base = FUZZ_B_ZERO;
	if (base == FUZZ_B_END)
		minus = !minus;
	fputs(fuzz_bases[base], f);
	if (d)
		fprintf(f, "%c%llu", minus ? '-' : '+', d);
}

/* A buffer whose direction is @w's; BIDI has a length in each. */
static bool has_length(const struct word *w, const struct fuzz_op *op)
{
	uint64_t dir = op->n[FUZZ_S_DIR];

	if (w->max == RINGSIM_NONE)
		return dir == RINGSIM_NONE && op->n[FUZZ_S_LEN];
	return dir == w->max || (dir == RINGSIM_BIDI && w->max == RINGSIM_TO_DEVICE);
}

static bool is_absent(const struct word *w, const struct fuzz_op *op)
{
	if (w->must)
		return false;
	if (w->kind == WORD_LEN)
		return !has_length(w, op);
	if (w->kind == WORD_BYTES)
		return !op->bytes_len;
	if (w->kind == WORD_NAME && op->n[w->n] == FUZZ_FILL_BYTES && op->bytes_len)
		return true; /* the bytes say it */
	return !op->n[w->n];
}

static void print_word(FILE *f, const struct word *w, const struct fuzz_op *op)
{
	unsigned long long n = op->n[w->n];

	switch (w->kind) {
	case WORD_NUM:
	case WORD_LEN:
		fprintf(f, "%llu", n);
		break;
	case WORD_HEX:
		fprintf(f, n < 10 ? "%llu" : "0x%llx", n);
		break;
	case WORD_LESS_1:
		fprintf(f, "%lld", (long long)n - 1);
		break;
	case WORD_NAME:
		print_name(f, w->names, n);
		break;
	case WORD_PLACE:
		print_place(f, n, op->n[w->n + 1]);
		break;
	case WORD_WIDTH:
		fprintf(f, "u%llu", 8 * n);
		break;
	case WORD_CDB:
		print_hex(f, op->cdb, op->cdb_len);
		break;
	case WORD_BYTES:
		print_hex(f, op->bytes, op->bytes_len);
		break;
	}
}

void fuzz_print_op(const struct fuzz_op *op, FILE *f)
{
	const struct word *w;

	fputs(fuzz_verb_name(op->verb), f);
	if (op->verb >= FUZZ_VERBS)
		return;
	for (w = fuzz_verbs[op->verb].word; w->name; w++) {
		if (is_absent(w, op))
			continue;
		putc(' ', f);
		if (!w->must)
			fprintf(f, "%s=", w->name);
		print_word(f, w, op);
	}
}

static void print_setup(const struct fuzz_setup *setup, bool device, FILE *f)
{
	bool any = false;
	size_t i;

	for (i = 0; i < fuzz_setup_word_cnt; i++) {
		const struct setup_word *w = &fuzz_setup_words[i];
		unsigned long long value = fuzz_setup_get(setup, w);

		if (!value || w->device != device)
			continue;
		if (!any)
			fputs(device ? "device" : "handler", f);
		any = true;
		fprintf(f, " %s=%llu", w->name, value);
	}
	if (any)
		putc('\n', f);
}

void fuzz_print(const struct fuzz_program *p, FILE *f)
{
	uint32_t i;

	print_setup(&p->setup, true, f);
	print_setup(&p->setup, false, f);
	for (i = 0; i < p->cnt; i++) {
		fuzz_print_op(&p->ops[i], f);
		putc('\n', f);
	}
}

static size_t print_usage(FILE *f, const struct verb_word *v)
{
	size_t n = (size_t)fprintf(f, "  %s", v->name);
	const struct word *w;

	for (w = v->word; w->name; w++)
		n += (size_t)fprintf(f, w->must ? " %s" : " [%s=]", w->name);
	return n;
}

void fuzz_print_verbs(FILE *f)
{
	size_t i, n;

	for (i = 0; i < FUZZ_VERBS; i++) {
		n = print_usage(f, &fuzz_verbs[i]);
		if (n > 34) {
			putc('\n', f);
			n = 0;
		}
		fprintf(f, "%*s%s\n", (int)(36 - n), "", fuzz_verbs[i].help);
	}
	for (i = 0; i < fuzz_setup_word_cnt; i++) {
		const struct setup_word *w = &fuzz_setup_words[i];

		n = (size_t)fprintf(f, "  %s %s=", w->device ? "device" : "handler", w->name);
		fprintf(f, "%*s%s\n", (int)(36 - n), "", w->help);
	}
}
