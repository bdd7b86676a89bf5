/* SPDX-License-Identifier: MIT */
/*
 * From text to a seat program; program.h has the grammar.
 *
 * Every mistake is one line that says where, what was expected and what was found.
 */
#include "program.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	const char *at, *stop; /* the rest of the line */
	uint32_t line;
	char *err;
	size_t err_len;
	char token[2 * SEAT_BYTES + 64];
	size_t token_len;
	bool quoted;
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

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of a quoted text; *p->at is behind the backslash. */
static int escape(struct parser *p, char *out)
{
	char c = p->at < p->stop ? *p->at++ : 0;
	int hi, lo;

	switch (c) {
	case 'n':
		*out = '\n';
		return 0;
	case 't':
		*out = '\t';
		return 0;
	case '\\':
	case '"':
		*out = c;
		return 0;
	case 'x':
		hi = p->at < p->stop ? hex_digit(p->at[0]) : -1;
		lo = hi >= 0 && p->at + 1 < p->stop ? hex_digit(p->at[1]) : -1;
		if (lo < 0)
			return fail(p, "expected two hexadecimal digits after \\x");
		*out = (char)(hi << 4 | lo);
		p->at += 2;
		return 0;
	default:
		return fail(p, "expected \\n, \\t, \\\\, \\\" or \\xNN in a text");
	}
}

static int put(struct parser *p, char c)
{
	if (p->token_len + 1 >= sizeof(p->token))
		return fail(p, "expected at most %zu characters in a word", sizeof(p->token) - 1);
	p->token[p->token_len++] = c;
	p->token[p->token_len] = 0;
	return 0;
}

static int quoted_token(struct parser *p)
{
	int rc = 0;
	char c;

	p->quoted = true;
	p->at++;
	while (!rc) {
		if (p->at == p->stop)
			return fail(p, "expected a closing '\"'");
		c = *p->at++;
		if (c == '"')
			return 0;
		if (c == '\\')
			rc = escape(p, &c);
		if (!rc)
			rc = put(p, c);
	}
	return rc;
}

/* The next word: 1, 0 at the end of the line or at a comment, negative after a mistake. */
static int token(struct parser *p)
{
	int rc;

	p->token_len = 0;
	p->token[0] = 0;
	p->quoted = false;
	while (p->at < p->stop && (*p->at == ' ' || *p->at == '\t' || *p->at == '\r'))
		p->at++;
	if (p->at == p->stop || *p->at == '#')
		return 0;
	while (p->at < p->stop && !strchr(" \t\r", *p->at)) {
		/* KEY="a text" is one word, too */
		rc = *p->at == '"' ? quoted_token(p) : put(p, *p->at++);
		if (rc)
			return rc;
	}
	return 1;
}

static int parse_term(struct parser *p, const char *name, const char *text, size_t len,
		      struct seat_term *t)
{
	char word[32], *end;

	if (!len || len >= sizeof(word))
		return fail(p, "%s: expected a number or a name, found '%.*s'", name, (int)len,
			    text);
	memcpy(word, text, len);
	word[len] = 0;
	for (t->name = SEAT_NUMBER + 1; t->name < SEAT_NAMES; t->name++)
		if (!strcmp(seat_names[t->name], word))
			return 0;
	t->name = SEAT_NUMBER;
	errno = 0;
	t->number = strtoull(word, &end, 0);
	if (!isdigit((unsigned char)word[0]) || *end || errno)
		return fail(p, "%s: expected a number or a name, found '%s'", name, word);
	return 0;
}

static int parse_expr(struct parser *p, const char *name, const char *text, struct seat_expr *e)
{
	const char *s = text;
	bool minus = false;
	size_t n;
	int rc;

	e->cnt = 0;
	if (*s == '-') {
		minus = true;
		s++;
	}
	for (;;) {
		n = strcspn(s, "+-");
		if (e->cnt == SEAT_TERMS)
			return fail(p, "%s: expected at most %d terms, found '%s'", name,
				    SEAT_TERMS, text);
		e->term[e->cnt].minus = minus;
		rc = parse_term(p, name, s, n, &e->term[e->cnt++]);
		if (rc || !s[n])
			return rc;
		minus = s[n] == '-';
		s += n + 1;
	}
}

static int parse_bytes(struct parser *p, const char *name, const char *text, struct seat_arg *a)
{
	size_t n = strlen(text);

	if (!n || n % 2 || n / 2 > SEAT_BYTES || strspn(text, "0123456789abcdefABCDEF") != n)
		return fail(p, "%s: expected 1 to %d bytes as hexadecimal digits, found '%.40s'",
			    name, SEAT_BYTES, text);
	a->len = n / 2;
	a->text = malloc(a->len + 1);
	if (!a->text)
		return -ENOMEM;
	for (size_t i = 0; i < a->len; i++)
		a->text[i] = (char)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	a->text[a->len] = 0;
	return 0;
}

static int parse_value(struct parser *p, const struct seat_param *param, const char *text,
		       size_t len, struct seat_arg *a)
{
	if (a->given)
		return fail(p, "%s: given twice", param->name);
	a->given = true;
	if (param->type == SEAT_T_NUM)
		return parse_expr(p, param->name, text, &a->expr);
	if (param->type == SEAT_T_BYTES)
		return parse_bytes(p, param->name, text, a);
	a->text = malloc(len + 1);
	if (!a->text)
		return -ENOMEM;
	memcpy(a->text, text, len);
	a->text[len] = 0;
	a->len = len;
	return 0;
}

/* Index of the parameter that "KEY=..." names, or -1. */
static int key_of(const struct seat_verb *v, const char *text)
{
	for (int i = 0; i < SEAT_ARGS && v->param[i].name; i++) {
		size_t n = strlen(v->param[i].name);

		if (!strncmp(v->param[i].name, text, n) && text[n] == '=')
			return i;
	}
	return -1;
}

static int parse_args(struct parser *p, const struct seat_verb *v, struct seat_op *op)
{
	int rc, next = 0, i;
	size_t skip;

	while ((rc = token(p)) > 0) {
		i = key_of(v, p->token);
		skip = i < 0 ? 0 : strlen(v->param[i].name) + 1;
		while (i < 0 && next < SEAT_ARGS && v->param[next].name && op->arg[next].given)
			next++;
		if (i < 0)
			i = next;
		if (i >= SEAT_ARGS || !v->param[i].name)
			return fail(p, "%s: expected nothing more, found '%.40s'", v->name,
				    p->token);
		rc = parse_value(p, &v->param[i], p->token + skip, p->token_len - skip,
				 &op->arg[i]);
		if (rc)
			return rc;
	}
	for (i = 0; !rc && i < SEAT_ARGS && v->param[i].name; i++)
		if (v->param[i].required && !op->arg[i].given)
			return fail(p, "%s: expected %s", v->name, v->param[i].name);
	return rc;
}

/* One line; 1 if there was an operation in it, 0 if not. */
static int parse_line(struct parser *p, struct seat_op *op)
{
	const char *word = p->token;
	int rc = token(p);

	if (rc <= 0)
		return rc;
	op->line = p->line;
	op->want = *word == '-' ? SEAT_MAY : *word == '!' ? SEAT_MUST_NOT : SEAT_MUST;
	if (op->want != SEAT_MUST)
		word++;
	if (op->want != SEAT_MUST && !*word) {
		rc = token(p);
		word = p->token;
		if (rc < 0)
			return rc;
	}
	for (op->verb = 0; op->verb < SEAT_VERBS; op->verb++)
		if (!strcmp(seat_verbs[op->verb].name, word))
			break;
	if (op->verb == SEAT_VERBS)
		return fail(p, "expected a verb (see tcmu-harness seat --help), found '%.40s'",
			    word);
	rc = parse_args(p, &seat_verbs[op->verb], op);
	return rc ? rc : 1;
}

/* Pair loop and thread with their ends. */
static int match_blocks(struct parser *p, struct seat_program *prog)
{
	uint32_t open[SEAT_DEPTH], depth = 0;

	for (uint32_t i = 0; i < prog->cnt; i++) {
		struct seat_op *op = &prog->ops[i];

		p->line = op->line;
		if (op->verb == SEAT_LOOP || op->verb == SEAT_THREAD) {
			if (depth == SEAT_DEPTH)
				return fail(p, "expected at most %d blocks inside each other",
					    SEAT_DEPTH);
			open[depth++] = i;
		} else if (op->verb == SEAT_END) {
			if (!depth)
				return fail(p, "end: expected a loop or a thread before it");
			prog->ops[open[--depth]].end = i;
		}
	}
	if (depth) {
		p->line = prog->ops[open[depth - 1]].line;
		return fail(p, "%s: expected an end after it",
			    seat_verbs[prog->ops[open[depth - 1]].verb].name);
	}
	return 0;
}

static void op_free(struct seat_op *op)
{
	for (int i = 0; i < SEAT_ARGS; i++)
		free(op->arg[i].text);
}

void seat_program_free(struct seat_program *prog)
{
	for (uint32_t i = 0; i < prog->cnt; i++)
		op_free(&prog->ops[i]);
	free(prog->ops);
	*prog = (struct seat_program){ 0 };
}

static int append(struct seat_program *prog, const struct seat_op *op)
{
	struct seat_op *more = reallocarray(prog->ops, prog->cnt + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	prog->ops = more;
	prog->ops[prog->cnt++] = *op;
	return 0;
}

int seat_parse(struct seat_program *prog, const char *text, size_t len, char *err, size_t err_len)
{
	const char *stop = text + len, *end;
	struct parser *p = calloc(1, sizeof(*p));
	int rc = p ? 0 : -ENOMEM;

	*prog = (struct seat_program){ 0 };
	if (!p)
		goto out;
	*p = (struct parser){ .err = err, .err_len = err_len };
	for (; text < stop && rc >= 0; text = end + 1) {
		struct seat_op op = { 0 };

		end = memchr(text, '\n', (size_t)(stop - text));
		if (!end)
			end = stop;
		p->line++;
		p->at = text;
		p->stop = end;
		rc = memchr(text, 0, (size_t)(end - text)) ? fail(p, "expected text, found a NUL")
							   : parse_line(p, &op);
		if (rc == 1)
			rc = append(prog, &op);
		if (rc < 0)
			op_free(&op);
	}
	if (rc >= 0)
		rc = match_blocks(p, prog);
out:
	if (rc == -ENOMEM)
		snprintf(err, err_len, "no memory");
	if (rc < 0)
		seat_program_free(prog);
	free(p);
	return rc < 0 ? rc : 0;
}
