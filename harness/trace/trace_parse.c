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

int parse_bad(struct parser *ps, const char *what, const char *expected, ...)
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

bool parse_skip(struct parser *ps, const char *literal)
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

int parse_number(struct parser *ps, const char *what, unsigned int base, uint64_t max,
		 uint64_t *value)
{
	const char *p = ps->p;
	uint64_t v = 0;
	int d;

	for (; p < ps->end && (d = digit(*p, base)) >= 0; p++)
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v) || v > max)
			return base == 16 ? parse_bad(ps, what, "at most %" PRIx64, max)
					  : parse_bad(ps, what, "at most %" PRIu64, max);
	if (p == ps->p)
		return parse_bad(ps, what, "a %s number", base == 16 ? "hexadecimal" : "decimal");
	if (*ps->p == '0' && p > ps->p + 1)
		return parse_bad(ps, what, "a number without leading zeros");
	ps->p = p;
	*value = v;
	return 0;
}

int parse_key(struct parser *ps, const char *key)
{
	const char *start = ps->p;

	if (parse_skip(ps, " ") && parse_skip(ps, key) && parse_skip(ps, "="))
		return 0;
	ps->p = start;
	return parse_bad(ps, key, "' %s='", key);
}

/* " KEY=NUMBER" */
static int field(struct parser *ps, const char *key, unsigned int base, uint64_t max,
		 uint64_t *value)
{
	int rc = parse_key(ps, key);

	return rc ? rc : parse_number(ps, key, base, max, value);
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

	if (!parse_skip(ps, "# mailbox"))
		return parse_bad(ps, ps->line == 1 ? "first line" : "line",
				 "'# mailbox ver=2 ...'");
	version = ps->p + strlen(" ver=");
	rc = field32(ps, "ver", &h->version);
	if (!rc && h->version != TCMU_MAILBOX_VERSION) {
		ps->p = version;
		return parse_bad(ps, "ver", "%d, the only version this program knows",
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

int parse_hex(struct parser *ps, const char *what, struct trace_event *e)
{
	uint8_t bytes[RINGSIM_CDB_MAX];
	int hi = -1, lo = -1;

	for (; ps->end - ps->p >= 2; ps->p += 2) {
		hi = digit(ps->p[0], 16);
		lo = digit(ps->p[1], 16);
		if (hi < 0 || lo < 0)
			break;
		if (e->payload_len == sizeof(bytes))
			return parse_bad(ps, what, "at most %zu bytes", sizeof(bytes));
		bytes[e->payload_len++] = (uint8_t)(hi << 4 | lo);
	}
	if (!e->payload_len || (ps->p < ps->end && *ps->p != ' '))
		return parse_bad(ps, what, "pairs of hexadecimal digits");
	return trace_push_bytes(ps->t, bytes, e->payload_len);
}

int parse_iovs(struct parser *ps, struct trace_event *e)
{
	uint64_t cnt[3], base = 0, len = 0, n, i;
	int rc = 0;

	if (!parse_skip(ps, " iov="))
		return parse_bad(ps, "iov", "' iov='");
	for (i = 0; !rc && i < 3; i++) {
		if (i && !parse_skip(ps, "/"))
			return parse_bad(ps, "iov", "'/' between the counts");
		rc = parse_number(ps, "iov", 10, UINT32_MAX, &cnt[i]);
	}
	if (rc)
		return rc;
	e->iov_cnt = (uint32_t)cnt[0];
	e->bidi_cnt = (uint32_t)cnt[1];
	e->dif_cnt = (uint32_t)cnt[2];
	n = cnt[0] + cnt[1];
	for (i = 0; !rc && i < n; i++) {
		if (!parse_skip(ps, " "))
			return parse_bad(ps, "iov", "%" PRIu64 " iovs, as counted", n);
		rc = parse_number(ps, "iov base", 16, UINT64_MAX, &base);
		if (!rc && !parse_skip(ps, "+"))
			return parse_bad(ps, "iov", "'+' between base and length");
		if (!rc)
			rc = parse_number(ps, "iov length", 16, UINT64_MAX, &len);
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
		if (!parse_skip(ps, i ? "," : " ids="))
			return parse_bad(ps, "ids", "%u ids, as counted", e->tmr_cnt);
		rc = parse_number(ps, "ids", 10, RINGSIM_ID_MAX, &id);
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
	if ((rc = field(ps, "cdb_off", 10, UINT64_MAX, &e->cdb_off)) ||
	    (rc = parse_key(ps, "cdb")) || (rc = parse_hex(ps, "cdb", e)))
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
	if (ps->t->format == 2)
		return lines_parse(ps, e);
	if (trace_is_entry(kind))
		return parse_entry(ps, e);
	if (kind == TRACE_KICK)
		return (rc = field32(ps, "tail", &e->tail)) ? rc : field8(ps, "status", &e->status);
	if ((rc = field32(ps, "count", &e->count)) || (rc = field32(ps, "head", &e->head)))
		return rc;
	return field32(ps, "tail", &e->tail);
}

/* The lines that come first: the mailbox alone in version 1, three in version 2. */
static bool is_header(struct parser *ps, int *rc)
{
	if (ps->line == 1 && parse_skip(ps, "# tcmu-trace")) {
		ps->t->format = 2;
		*rc = parse_skip(ps, " 2") ? 0 : parse_bad(ps, "version of the format", "' 2'");
		return true;
	}
	if (ps->line > 2 * ps->t->format - 1)
		return false;
	*rc = ps->line == ps->t->format ? parse_header(ps) : lines_parse_device(ps);
	if (!*rc && ps->t->format == 2 && !ps->t->hdr.blk_size)
		*rc = parse_bad(ps, "blk", "' blk='");
	return true;
}

static int parse_line(struct parser *ps)
{
	enum trace_kind last = ps->t->format == 1 ? TRACE_IRQ : TRACE_ABORTED, kind;
	const char *start = ps->p;
	int rc = -EINVAL;

	if (is_header(ps, &rc)) {
		;
	} else if (parse_skip(ps, "# ")) {
		return 0;
	} else {
		for (kind = TRACE_CMD; kind <= last; kind++) {
			const char *word = trace_kind_name(kind);

			if (ps->t->format == 2 && (kind == TRACE_KICK || kind == TRACE_IRQ))
				continue;
			if (parse_skip(ps, word) && ps->p < ps->end && *ps->p == ' ')
				break;
			ps->p = start;
		}
		if (kind > last)
			return parse_bad(ps, "line", "%s or '# '",
					 ps->t->format == 1 ? "CMD, PAD, TMR, KICK, IRQ"
							    : "a word of the format");
		rc = parse_event(ps, kind);
	}
	if (!rc && ps->p < ps->end)
		return parse_bad(ps, "line", "its end");
	return rc;
}

const char *trace_not_text(const char *text, size_t len)
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
	const char *end = text + len, *eol, *binary = trace_not_text(text, len);
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

	*t = (struct trace){ .name = strdup(name), .format = 1 };
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
