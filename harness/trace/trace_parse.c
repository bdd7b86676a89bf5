/* SPDX-License-Identifier: MIT */
/*
 * Text to trace, believing nothing.
 *
 * Each line has exactly one accepted spelling (trace.h): fields in order, one space between them,
 * no leading zeros, lower-case hexadecimal, numbers that fit the field they came from. Whether the
 * values make sense is not asked here but by replaying. The first mistake ends the parse with one
 * line of file, line, what, expected, found. File and line sizes are bounded.
 */
#include "trace_impl.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct trace *t;
	const char *p, *end; /* what is left of the line */
	uint32_t line;
	char *err;
	size_t err_len;
};

/* Formats the error with what stands at the parser's position as "found". */
static int bad(struct parser *ps, const char *what, const char *expected, ...)
	__attribute__((format(printf, 3, 4)));

static int bad(struct parser *ps, const char *what, const char *expected, ...)
{
	size_t left = (size_t)(ps->end - ps->p), n = 0;
	char want[128];
	va_list ap;

	va_start(ap, expected);
	vsnprintf(want, sizeof(want), expected, ap);
	va_end(ap);
	while (n < left && n < 40 && (n == 0 || ps->p[n] != ' '))
		n++;
	snprintf(ps->err, ps->err_len, "%s:%u: %s: expected %s, found %s%.*s%s", ps->t->name,
		 ps->line, what, want, left ? "'" : "end of line", (int)n, ps->p, left ? "'" : "");
	return -EINVAL;
}

static bool skip(struct parser *ps, const char *literal)
{
	size_t len = strlen(literal);

	if ((size_t)(ps->end - ps->p) < len || memcmp(ps->p, literal, len) != 0)
		return false;
	ps->p += len;
	return true;
}

static int digit(char c, unsigned int base)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return base == 16 && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number in its only spelling, at most @max. @what is for messages. */
static int number(struct parser *ps, const char *what, unsigned int base, uint64_t max,
		  uint64_t *value)
{
	const char *p = ps->p;
	uint64_t v = 0;
	int d;

	for (; p < ps->end && (d = digit(*p, base)) >= 0; p++)
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v) || v > max)
			return base == 16 ? bad(ps, what, "at most %" PRIx64, max)
					  : bad(ps, what, "at most %" PRIu64, max);
	if (p == ps->p)
		return bad(ps, what, "a %s number", base == 16 ? "hexadecimal" : "decimal");
	if (*ps->p == '0' && p > ps->p + 1)
		return bad(ps, what, "a number without leading zeros");
	ps->p = p;
	*value = v;
	return 0;
}

/* " KEY=NUMBER" */
static int field(struct parser *ps, const char *key, unsigned int base, uint64_t max,
		 uint64_t *value)
{
	const char *start = ps->p;

	if (!skip(ps, " ") || !skip(ps, key) || !skip(ps, "=")) {
		ps->p = start;
		return bad(ps, key, "' %s='", key);
	}
	return number(ps, key, base, max, value);
}

static int field32(struct parser *ps, const char *key, uint32_t *value)
{
	uint64_t v = 0;
	int rc = field(ps, key, 10, UINT32_MAX, &v);

	*value = (uint32_t)v;
	return rc;
}

static int field8(struct parser *ps, const char *key, uint8_t *value)
{
	uint64_t v = 0;
	int rc = field(ps, key, 10, UINT8_MAX, &v);

	*value = (uint8_t)v;
	return rc;
}

/* The mailbox line: what else the file can hold is judged by its version. */
static int parse_header(struct parser *ps)
{
	struct trace_header *h = &ps->t->hdr;
	uint64_t flags = 0;
	const char *version;
	int rc;

	if (!skip(ps, "# mailbox"))
		return bad(ps, "first line", "'# mailbox ver=2 ...'");
	version = ps->p + strlen(" ver=");
	rc = field32(ps, "ver", &h->version);
	if (!rc && h->version != TCMU_MAILBOX_VERSION) {
		ps->p = version;
		return bad(ps, "ver", "%d, the only version this program knows",
			   TCMU_MAILBOX_VERSION);
	}
	if (rc || (rc = field(ps, "flags", 16, UINT16_MAX, &flags)) ||
	    (rc = field32(ps, "cmdr_off", &h->cmdr_off)) ||
	    (rc = field32(ps, "cmdr_size", &h->cmdr_size)) ||
	    (rc = field(ps, "map", 10, UINT64_MAX, &h->map_len)) ||
	    (rc = field32(ps, "head", &h->head)) || (rc = field32(ps, "tail", &h->tail)))
		return rc;
	h->flags = (uint32_t)flags;
	return ps->p < ps->end ? field32(ps, "blk", &h->blk_size) : 0;
}

static int parse_cdb(struct parser *ps, struct trace_event *e)
{
	uint8_t cdb[RINGSIM_CDB_MAX];
	int hi = -1, lo = -1;

	if (!skip(ps, " cdb="))
		return bad(ps, "cdb", "' cdb='");
	for (; ps->end - ps->p >= 2; ps->p += 2) {
		hi = digit(ps->p[0], 16);
		lo = digit(ps->p[1], 16);
		if (hi < 0 || lo < 0)
			break;
		if (e->payload_len == sizeof(cdb))
			return bad(ps, "cdb", "at most %zu bytes", sizeof(cdb));
		cdb[e->payload_len++] = (uint8_t)(hi << 4 | lo);
	}
	if (!e->payload_len || (ps->p < ps->end && *ps->p != ' '))
		return bad(ps, "cdb", "pairs of hexadecimal digits");
	return trace_push_bytes(ps->t, cdb, e->payload_len);
}

static int parse_iovs(struct parser *ps, struct trace_event *e)
{
	uint64_t cnt[3], base = 0, len = 0, n, i;
	int rc = 0;

	if (!skip(ps, " iov="))
		return bad(ps, "iov", "' iov='");
	for (i = 0; !rc && i < 3; i++) {
		if (i && !skip(ps, "/"))
			return bad(ps, "iov", "'/' between the counts");
		rc = number(ps, "iov", 10, UINT32_MAX, &cnt[i]);
	}
	if (rc)
		return rc;
	e->iov_cnt = (uint32_t)cnt[0];
	e->bidi_cnt = (uint32_t)cnt[1];
	e->dif_cnt = (uint32_t)cnt[2];
	n = cnt[0] + cnt[1];
	for (i = 0; !rc && i < n; i++) {
		if (!skip(ps, " "))
			return bad(ps, "iov", "%" PRIu64 " iovs, as counted", n);
		rc = number(ps, "iov base", 16, UINT64_MAX, &base);
		if (!rc && !skip(ps, "+"))
			return bad(ps, "iov", "'+' between base and length");
		if (!rc)
			rc = number(ps, "iov length", 16, UINT64_MAX, &len);
		if (!rc)
			rc = trace_push_iov(ps->t, base, len);
	}
	return rc;
}

static int parse_tmr(struct parser *ps, struct trace_event *e)
{
	uint64_t id = 0;
	uint16_t id16;
	uint32_t i;
	int rc;

	if ((rc = field8(ps, "type", &e->tmr_type)) || (rc = field32(ps, "cnt", &e->tmr_cnt)))
		return rc;
	for (i = 0; i < e->tmr_cnt; i++) {
		if (!skip(ps, i ? "," : " ids="))
			return bad(ps, "ids", "%u ids, as counted", e->tmr_cnt);
		rc = number(ps, "ids", 10, RINGSIM_ID_MAX, &id);
		id16 = (uint16_t)id;
		if (!rc)
			rc = trace_push_bytes(ps->t, &id16, sizeof(id16));
		if (rc)
			return rc;
	}
	e->payload_len = 2 * e->tmr_cnt;
	return 0;
}

static int parse_entry(struct parser *ps, struct trace_event *e)
{
	uint64_t op = 0, id = 0;
	int rc;

	if ((rc = field32(ps, "head", &e->head)) || (rc = field32(ps, "tail", &e->tail)) ||
	    (rc = field32(ps, "off", &e->off)) || (rc = field32(ps, "len", &e->len)) ||
	    (rc = field(ps, "op", 10, TCMU_OP_MASK, &op)) ||
	    (rc = field(ps, "id", 10, RINGSIM_ID_MAX, &id)) ||
	    (rc = field8(ps, "kf", &e->kflags)) || (rc = field8(ps, "uf", &e->uflags)))
		return rc;
	e->op = (uint8_t)op;
	e->id = (uint16_t)id;
	if (e->kind == TRACE_TMR)
		return parse_tmr(ps, e);
	if (e->kind == TRACE_PAD)
		return 0;
	if ((rc = field(ps, "cdb_off", 10, UINT64_MAX, &e->cdb_off)) || (rc = parse_cdb(ps, e)))
		return rc;
	return parse_iovs(ps, e);
}

static int parse_event(struct parser *ps, enum trace_kind kind)
{
	struct trace_event *e = trace_push(ps->t);
	int rc;

	if (!e)
		return -ENOMEM;
	e->kind = kind;
	e->line = ps->line;
	if (trace_is_entry(kind))
		return parse_entry(ps, e);
	if (kind == TRACE_KICK)
		return (rc = field32(ps, "tail", &e->tail)) ? rc : field8(ps, "status", &e->status);
	if ((rc = field32(ps, "count", &e->count)) || (rc = field32(ps, "head", &e->head)))
		return rc;
	return field32(ps, "tail", &e->tail);
}

static int parse_line(struct parser *ps)
{
	const char *start = ps->p;
	unsigned int kind;
	int rc = -EINVAL;

	if (ps->line == 1) {
		rc = parse_header(ps);
	} else if (skip(ps, "# ")) {
		return 0;
	} else {
		for (kind = TRACE_CMD; kind <= TRACE_IRQ; kind++) {
			const char *word = trace_kind_name(kind);

			if (skip(ps, word) && ps->p < ps->end && *ps->p == ' ')
				break;
			ps->p = start;
		}
		if (kind > TRACE_IRQ)
			return bad(ps, "line", "CMD, PAD, TMR, KICK, IRQ or '# '");
		rc = parse_event(ps, kind);
	}
	if (!rc && ps->p < ps->end)
		return bad(ps, "line", "its end");
	return rc;
}

/* Bytes that text of this kind never has. Returns the first or NULL. */
static const char *not_text(const char *text, size_t len)
{
	const char *p;

	for (p = text; p < text + len; p++)
		if (*p != '\n' && !isprint((unsigned char)*p))
			return p;
	return NULL;
}

static uint32_t lines_before(const char *text, const char *p)
{
	uint32_t n = 1;

	while ((text = memchr(text, '\n', (size_t)(p - text))) != NULL) {
		text++;
		n++;
	}
	return n;
}

static int parse_all(struct parser *ps, const char *text, size_t len)
{
	const char *end = text + len, *eol, *binary = not_text(text, len);
	int rc = 0;

	if (!len) {
		snprintf(ps->err, ps->err_len, "%s:1: file: expected a trace, found an empty file",
			 ps->t->name);
		return -EINVAL;
	}
	if (binary) {
		snprintf(ps->err, ps->err_len, "%s:%u: file: expected text, found byte 0x%02x",
			 ps->t->name, lines_before(text, binary), (unsigned char)*binary);
		return -EINVAL;
	}
	for (ps->line = 1; !rc && text < end; ps->line++, text = eol + 1) {
		eol = memchr(text, '\n', (size_t)(end - text));
		if ((size_t)((eol ? eol : end) - text) > TRACE_LINE_MAX) {
			snprintf(ps->err, ps->err_len,
				 "%s:%u: line: expected at most %u characters, found more",
				 ps->t->name, ps->line, TRACE_LINE_MAX);
			return -EINVAL;
		}
		if (!eol) {
			snprintf(ps->err, ps->err_len,
				 "%s:%u: line: expected a line break at its end, found end of "
				 "file: the trace is truncated",
				 ps->t->name, ps->line);
			return -EINVAL;
		}
		ps->p = text;
		ps->end = eol;
		rc = parse_line(ps);
	}
	if (rc == -ENOMEM)
		snprintf(ps->err, ps->err_len, "%s: out of memory", ps->t->name);
	return rc;
}

int trace_parse(struct trace *t, const char *name, const char *text, size_t len, char *err,
		size_t err_len)
{
	struct parser ps = { .t = t, .err = err, .err_len = err_len };
	int rc;

	*t = (struct trace){ .name = strdup(name) };
	if (!t->name || trace_reserve(t)) {
		snprintf(err, err_len, "%s: out of memory", name);
		trace_free(t);
		return -ENOMEM;
	}
	rc = parse_all(&ps, text, len);
	if (rc)
		trace_free(t);
	return rc;
}

/* Reads all of @in into *@text, to be freed; ends early at what no trace can hold. */
static int read_all(FILE *in, const char *name, char **text, size_t *len, char *err, size_t err_len)
{
	size_t cap = 0, n = 1;
	char *p;

	*len = 0;
	while (n) {
		if (cap - *len < 65536) {
			cap = cap ? 2 * cap : 1u << 17;
			p = realloc(*text, cap);
			if (!p) {
				snprintf(err, err_len, "%s: out of memory", name);
				return -ENOMEM;
			}
			*text = p;
		}
		n = fread(*text + *len, 1, cap - *len, in);
		if (not_text(*text + *len, n)) {
			*len += n;
			return 0;
		}
		*len += n;
		if (*len > TRACE_FILE_MAX) {
			snprintf(err, err_len, "%s: file: expected at most %u bytes, found more",
				 name, TRACE_FILE_MAX);
			return -EINVAL;
		}
	}
	if (ferror(in)) {
		n = (size_t)(errno ? errno : EIO);
		snprintf(err, err_len, "%s: expected a trace, found a read error: %s", name,
			 strerror((int)n));
		return -(int)n;
	}
	return 0;
}

int trace_load(struct trace *t, const char *path, char *err, size_t err_len)
{
	bool std = !strcmp(path, "-");
	const char *name = std ? "standard input" : path;
	FILE *in = std ? stdin : fopen(path, "r");
	char *text = NULL;
	size_t len;
	int rc;

	*t = (struct trace){ 0 };
	if (!in) {
		rc = -errno;
		snprintf(err, err_len, "%s: expected a readable file, found: %s", name,
			 strerror(errno));
		return rc;
	}
	rc = read_all(in, name, &text, &len, err, err_len);
	if (!rc)
		rc = trace_parse(t, name, text, len, err, err_len);
	free(text);
	if (!std)
		fclose(in);
	return rc;
}
