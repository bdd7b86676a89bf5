/* SPDX-License-Identifier: MIT */
/*
 * From text to a fuzz program.
 *
 * Every mistake is one line that says where, what was expected and what was found.
 */
#include "words.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX 160u

struct parser {
	const char *at, *stop; /* the rest of the line */
	uint32_t line;
	char *err;
	size_t err_len;
	char token[TOKEN_MAX + 1];
};

static int fail(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct parser *p, const char *fmt, ...)
{
	int n = snprintf(p->err, p->err_len, "line %u: ", p->line);
	va_list ap;

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < p->err_len)
		vsnprintf(p->err + n, p->err_len - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The next word: 1, 0 at the end of the line or at a comment, negative after a mistake. */
static int token(struct parser *p)
{
	size_t n = 0;

	while (p->at < p->stop && (*p->at == ' ' || *p->at == '\t' || *p->at == '\r'))
		p->at++;
	if (p->at == p->stop || *p->at == '#')
		return 0;
	while (p->at < p->stop && *p->at != ' ' && *p->at != '\t' && *p->at != '\r') {
		if (n == TOKEN_MAX)
			return fail(p, "expected words of at most %u characters", TOKEN_MAX);
		p->token[n++] = *p->at++;
	}
	p->token[n] = 0;
	return 1;
}

static int read_number(struct parser *p, const char *name, const char *text, uint64_t max,
		       uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || errno)
		return fail(p, "%s: expected a number, found '%s'", name, text);
	if (*out > max)
		return fail(p, "%s: expected at most %llu, found %s", name, (unsigned long long)max,
			    text);
	return 0;
}

static int read_name(struct parser *p, const struct word *w, const char *text, uint64_t *out)
{
	const struct word_name *n;

	for (n = w->names; n->name; n++) {
		if (!strcmp(n->name, text)) {
			*out = n->value;
			return 0;
		}
	}
	if (isdigit((unsigned char)*text))
		return read_number(p, w->name, text, w->max, out);
	return fail(p, "%s: expected %s ... or a number, found '%s'", w->name, w->names->name,
		    text);
}

/* head+8, end-16, or a plain number from the region's start. */
static int read_place(struct parser *p, const struct word *w, const char *text, uint64_t *out)
{
	size_t len = strcspn(text, "+-");
	uint64_t base;
	int rc;

	out[1] = 0;
	if (isdigit((unsigned char)*text)) {
		out[0] = FUZZ_B_ZERO;
		return read_number(p, w->name, text, UINT64_MAX, &out[1]);
	}
	for (base = 0; base < FUZZ_BASES; base++)
		if (strlen(fuzz_bases[base]) == len && !memcmp(fuzz_bases[base], text, len))
			break;
	if (base == FUZZ_BASES)
		return fail(p,
			    "%s: expected region, ring, head, tail, old, data or end, found "
			    "'%s'",
			    w->name, text);
	out[0] = base;
	if (!text[len])
		return 0;
	rc = read_number(p, w->name, text + len + 1, INT64_MAX, &out[1]);
	if ((text[len] == '-') != (base == FUZZ_B_END))
		out[1] = -out[1];
	return rc;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return tolower((unsigned char)c) - 'a' + 10;
}

static int read_hex(struct parser *p, const char *name, const char *text, uint8_t *out, size_t max,
		    uint8_t *len)
{
	size_t n = strlen(text), i;

	if (!n || n % 2 || n / 2 > max || strspn(text, "0123456789abcdefABCDEF") != n)
		return fail(p, "%s: expected 1 to %zu bytes as hexadecimal digits, found '%.40s'",
			    name, max, text);
	for (i = 0; i < n / 2; i++)
		out[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	*len = (uint8_t)(n / 2);
	return 0;
}

/* The direction follows from which lengths are given: out= and bidi= together are BIDI. */
static int read_len(struct parser *p, const struct word *w, const char *text, struct fuzz_op *op,
		    unsigned int given)
{
	enum { OUT = 1 << RINGSIM_TO_DEVICE, BIDI = 1 << RINGSIM_BIDI };
	int rc = read_number(p, w->name, text, FUZZ_DATA_MAX, &op->n[w->n]);

	if (!rc && (given & (given - 1)) && given != (OUT | BIDI))
		return fail(p, "%s: expected one of none=, in=, out=, or out= with bidi=", w->name);
	op->n[FUZZ_S_DIR] = given & BIDI ? RINGSIM_BIDI : (uint64_t)w->max;
	return rc;
}

static int read_width(struct parser *p, const struct word *w, const char *text, uint64_t *out)
{
	static const char *const widths[] = { "u8", "u16", "u32", "u64" };
	size_t i;

	for (i = 0; i < 4; i++) {
		if (!strcmp(text, widths[i])) {
			*out = 1ull << i;
			return 0;
		}
	}
	return fail(p, "%s: expected u8, u16, u32 or u64, found '%s'", w->name, text);
}

static int read_less_1(struct parser *p, const struct word *w, const char *text, uint64_t *out)
{
	int rc = 0;

	*out = 0;
	if (strcmp(text, "-1"))
		rc = read_number(p, w->name, text, w->max - 1, out), ++*out;
	return rc;
}

/* @given: bits of the lengths so far, with this one. */
static int read_word(struct parser *p, const struct word *w, const char *text, struct fuzz_op *op,
		     unsigned int given)
{
	switch (w->kind) {
	case WORD_NAME:
		return read_name(p, w, text, &op->n[w->n]);
	case WORD_PLACE:
		return read_place(p, w, text, &op->n[w->n]);
	case WORD_WIDTH:
		return read_width(p, w, text, &op->n[w->n]);
	case WORD_LESS_1:
		return read_less_1(p, w, text, &op->n[w->n]);
	case WORD_LEN:
		return read_len(p, w, text, op, given);
	case WORD_CDB:
		return read_hex(p, w->name, text, op->cdb, sizeof(op->cdb), &op->cdb_len);
	case WORD_BYTES:
		if (!op->n[FUZZ_S_FILL])
			op->n[FUZZ_S_FILL] = FUZZ_FILL_BYTES;
		return read_hex(p, w->name, text, op->bytes, FUZZ_BYTES, &op->bytes_len);
	default:
		return read_number(p, w->name, text, w->max, &op->n[w->n]);
	}
}

/* The argument that the token gives, its text in *@text; NULL: none. */
static const struct word *find_word(const struct verb_word *v, const char *token, unsigned int seen,
				    const char **text)
{
	const char *eq = strchr(token, '=');
	size_t len = eq ? (size_t)(eq - token) : 0, i;

	*text = eq ? eq + 1 : token;
	for (i = 0; v->word[i].name; i++) {
		const struct word *w = &v->word[i];

		if (eq ? strlen(w->name) == len && !memcmp(w->name, token, len)
		       : w->must && !(seen >> i & 1))
			return w;
	}
	return NULL;
}

/* What one argument says about another. */
static int check_op(struct parser *p, const struct fuzz_op *op, unsigned int lengths)
{
	struct fuzz_op tidy = *op;

	if (lengths == 1u << RINGSIM_BIDI)
		return fail(p, "bidi: expected out= beside it");
	fuzz_op_tidy(&tidy);
	if (op->verb == FUZZ_SUBMIT && op->n[FUZZ_S_FLIP] > op->n[FUZZ_S_LEN])
		return fail(p, "flip: expected at most out=%llu, found %llu",
			    (unsigned long long)op->n[FUZZ_S_LEN],
			    (unsigned long long)op->n[FUZZ_S_FLIP]);
	if (op->verb == FUZZ_STORE && op->n[3] != tidy.n[3])
		return fail(p, "value: expected one of %llu bytes, found 0x%llx",
			    (unsigned long long)op->n[2], (unsigned long long)op->n[3]);
	if (memcmp(&tidy, op, sizeof(tidy)))
		return fail(p,
			    "%s: expected out= beside fill=, flip= and bytes=, which need "
			    "each other",
			    fuzz_verb_name(op->verb));
	return 0;
}

static int parse_op(struct parser *p, const struct verb_word *v, struct fuzz_op *op)
{
	unsigned int seen = 0, lengths = 0, i;
	int rc;

	while ((rc = token(p)) > 0) {
		const char *text;
		const struct word *w = find_word(v, p->token, seen, &text);

		if (!w)
			return fail(p, "%s: expected nothing more, found '%.60s'", v->name,
				    p->token);
		i = (unsigned int)(w - v->word);
		if (seen >> i & 1)
			return fail(p, "%s: given twice", w->name);
		seen |= 1u << i;
		if (w->kind == WORD_LEN)
			lengths |= 1u << w->max;
		rc = read_word(p, w, text, op, lengths);
		if (rc)
			return rc;
	}
	for (i = 0; !rc && v->word[i].name; i++)
		if (v->word[i].must && !(seen >> i & 1))
			return fail(p, "%s: expected %s", v->name, v->word[i].name);
	return rc ? rc : check_op(p, op, lengths);
}

static int parse_setup(struct parser *p, bool device, struct fuzz_setup *s)
{
	const char *line = device ? "device" : "handler";
	const struct setup_word *w;
	uint64_t value;
	size_t i, len;
	int rc;

	while ((rc = token(p)) > 0) {
		len = strcspn(p->token, "=");
		for (i = 0; i < fuzz_setup_word_cnt; i++) {
			w = &fuzz_setup_words[i];
			if (w->device == device && strlen(w->name) == len &&
			    !memcmp(w->name, p->token, len))
				break;
		}
		if (i == fuzz_setup_word_cnt || !p->token[len])
			return fail(p,
				    "%s: expected name=value with a name that it has, found "
				    "'%.60s'",
				    line, p->token);
		rc = read_number(p, w->name, p->token + len + 1, w->max, &value);
		if (rc)
			return rc;
		fuzz_setup_put(s, w, value);
	}
	return rc;
}

/* How the fields go together. */
static int check_shape(const struct fuzz_setup *s, char *err, size_t err_len)
{
	uint64_t pages = (uint64_t)s->blocks * (s->pages_per_blk ? s->pages_per_blk : 1);
	uint32_t ring = s->ring ? s->ring : (1u << 20) - RINGSIM_MAILBOX_SIZE;
	uint32_t block_size = s->block_size ? s->block_size : 512;

	if (s->ring_start >= ring)
		snprintf(err, err_len, "ring_start: expected a place in the ring, found %u",
			 s->ring_start);
	else if (pages > FUZZ_PAGES_MAX)
		snprintf(err, err_len, "blocks: expected at most %u pages, found %llu",
			 FUZZ_PAGES_MAX, (unsigned long long)pages);
	else if (s->disk * block_size > FUZZ_DISK_MAX)
		snprintf(err, err_len, "disk: expected at most %llu bytes, found %llu",
			 FUZZ_DISK_MAX, (unsigned long long)s->disk * block_size);
	else
		return 0;
	return -EINVAL;
}

int fuzz_setup_check(const struct fuzz_setup *s, char *err, size_t err_len)
{
	size_t i;

	for (i = 0; i < fuzz_setup_word_cnt; i++) {
		const struct setup_word *w = &fuzz_setup_words[i];
		uint64_t value = fuzz_setup_get(s, w);

		if (!value || (value >= w->least && value <= w->max && value % w->step == 0))
			continue;
		snprintf(err, err_len,
			 "%s: expected 0 or %llu to %llu in steps of %llu, found %llu", w->name,
			 (unsigned long long)w->least, (unsigned long long)w->max,
			 (unsigned long long)w->step, (unsigned long long)value);
		return -EINVAL;
	}
	return check_shape(s, err, err_len);
}

/* One line. */
static int parse_line(struct parser *p, struct fuzz_program *prog)
{
	struct fuzz_op *op;
	enum fuzz_verb verb;
	int rc = token(p);
	bool device;
	char why[160];

	if (rc <= 0)
		return rc;
	device = !strcmp(p->token, "device");
	if (device || !strcmp(p->token, "handler")) {
		if (prog->cnt)
			return fail(p, "%s: expected before all operations", p->token);
		rc = parse_setup(p, device, &prog->setup);
		if (!rc && fuzz_setup_check(&prog->setup, why, sizeof(why)))
			return fail(p, "%s", why);
		return rc;
	}
	for (verb = 0; verb < FUZZ_VERBS; verb++)
		if (!strcmp(fuzz_verbs[verb].name, p->token))
			break;
	if (verb == FUZZ_VERBS)
		return fail(p, "expected a verb, found '%.60s'", p->token);
	if (prog->cnt == FUZZ_OPS_MAX)
		return fail(p, "expected at most %u operations", FUZZ_OPS_MAX);
	op = fuzz_push(prog, verb);
	return op ? parse_op(p, &fuzz_verbs[verb], op) : -ENOMEM;
}

int fuzz_parse(struct fuzz_program *prog, const char *text, size_t len, char *err, size_t err_len)
{
	struct parser p = { .err = err, .err_len = err_len };
	const char *stop = text + len, *end;
	int rc = 0;

	*prog = (struct fuzz_program){ 0 };
	for (; text < stop && !rc; text = end + 1) {
		end = memchr(text, '\n', (size_t)(stop - text));
		if (!end)
			end = stop;
		p.line++;
		p.at = text;
		p.stop = end;
		rc = memchr(text, 0, (size_t)(end - text)) ? fail(&p, "expected text, found a NUL")
							   : parse_line(&p, prog);
	}
	if (rc == -ENOMEM)
		snprintf(err, err_len, "no memory");
	if (rc)
		fuzz_program_free(prog);
	return rc;
}
