/* SPDX-License-Identifier: MIT */
/*
 * The lines of version 2: one table says which fields each kind has, in which order and spelling.
 *
 * Reading, writing and comparing walk the same table, so they cannot disagree. A list or a string
 * of bytes that is empty is written "-".
 */
#include "trace_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <ringsim/device.h>
#include <string.h>

/* WHEN fields say when and where something happened; two recordings never agree on them. */
enum form { END, U8, U16, U32, U64, S32, WHEN32, WHEN64, HEX, IDS, NUMBERS, IOVS, DIR };

struct field {
	const char *key;
	enum form form;
	size_t off;
};

#define F(key, form, member)                                    \
	{                                                       \
		key, form, offsetof(struct trace_event, member) \
	}
#define AT     F("at", WHEN64, at), F("cpu", WHEN32, cpu)
#define NUMBER F("n", U32, n)
#define ENTRY                                                                          \
	F("off", U32, off), F("len", U32, len), F("id", U16, id), F("kf", U8, kflags), \
		F("uf", U8, uflags)
#define MAX_FIELDS 12

static const struct field fields[TRACE_KINDS][MAX_FIELDS] = {
	[TRACE_SUBMIT] = { NUMBER, AT, F("dir", DIR, dir), F("dl", U32, data_len),
			   F("bl", U32, bidi_len), F("cdb", HEX, payload) },
	[TRACE_ANSWER] = { F("off", U32, off), F("id", U16, id), F("uf", U8, uflags),
			   F("st", U8, status), F("rl", U32, read_len), F("sense", HEX, payload) },
	[TRACE_WALK] = { AT, F("tail", U32, tail) },
	[TRACE_EXPIRE] = { AT },
	[TRACE_ABORT] = { AT, F("type", U8, tmr_type), F("cmds", NUMBERS, payload) },
	[TRACE_BLOCK] = { AT, F("on", U32, arg), F("tail", U32, tail) },
	[TRACE_RESET] = { AT, F("level", U32, arg) },
	[TRACE_FREE] = { AT, F("id", U32, arg) },
	[TRACE_RELEASE] = { AT },
	[TRACE_SET] = { F("qfull_time_out", S32, seconds) },
	[TRACE_DOOM] = { NUMBER },
	[TRACE_PAD] = { ENTRY },
	[TRACE_CMD] = { NUMBER, ENTRY, F("cdb_off", U64, cdb_off), F("cdb", HEX, payload),
			F("iov", IOVS, iov) },
	[TRACE_TMR] = { ENTRY, F("type", U8, tmr_type), F("ids", IDS, payload) },
	[TRACE_UNSEEN] = { NUMBER, F("off", U32, off), F("len", U32, len) },
	[TRACE_WAIT] = { NUMBER },
	[TRACE_DONE] = { NUMBER, F("st", U8, status), F("res", U32, residual),
			 F("sense", HEX, payload) },
	[TRACE_ABORTED] = { NUMBER },
};

static const char *const dirs[] = { "none", "out", "in", "bidi" };

_Static_assert(RINGSIM_TO_DEVICE == 1 && RINGSIM_FROM_DEVICE == 2 && RINGSIM_BIDI == 3,
	       "names of directions");

static uint64_t get(const struct trace_event *e, const struct field *f)
{
	const void *p = (const char *)e + f->off;

	switch (f->form) {
	case U8:
	case DIR:
		return *(const uint8_t *)p;
	case U16:
		return *(const uint16_t *)p;
	case U64:
	case WHEN64:
		return *(const uint64_t *)p;
	default:
		return *(const uint32_t *)p;
	}
}

static void put(struct trace_event *e, const struct field *f, uint64_t v)
{
	void *p = (char *)e + f->off;

	switch (f->form) {
	case U8:
	case DIR:
		*(uint8_t *)p = (uint8_t)v;
		break;
	case U16:
		*(uint16_t *)p = (uint16_t)v;
		break;
	case U64:
	case WHEN64:
		*(uint64_t *)p = v;
		break;
	default:
		*(uint32_t *)p = (uint32_t)v;
	}
}

static uint64_t max_of(enum form form)
{
	switch (form) {
	case U8:
		return UINT8_MAX;
	case U16:
		return UINT16_MAX;
	case U64:
	case WHEN64:
		return UINT64_MAX;
	case S32:
		return INT32_MAX;
	default:
		return UINT32_MAX;
	}
}

static int parse_list(struct parser *ps, const struct field *f, struct trace_event *e)
{
	uint32_t size = f->form == IDS ? 2 : 4;
	uint64_t v = 0;
	int rc = 0;

	if (parse_skip(ps, "-"))
		return 0;
	do {
		rc = parse_number(ps, f->key, 10, size == 2 ? RINGSIM_ID_MAX : UINT32_MAX, &v);
		if (!rc)
			rc = trace_push_bytes(ps->t, &v, size); /* little endian */
		e->payload_len += size;
	} while (!rc && parse_skip(ps, ","));
	e->tmr_cnt = e->payload_len / size;
	return rc;
}

static int parse_dir(struct parser *ps, struct trace_event *e)
{
	for (e->dir = 0; e->dir < 4; e->dir++)
		if (parse_skip(ps, dirs[e->dir]))
			return 0;
	return parse_bad(ps, "dir", "none, out, in or bidi");
}

static int parse_value(struct parser *ps, const struct field *f, struct trace_event *e)
{
	uint64_t v = 0;
	int rc;

	switch (f->form) {
	case HEX:
		return e->kind != TRACE_CMD && e->kind != TRACE_SUBMIT && parse_skip(ps, "-")
			       ? 0
			       : parse_hex(ps, f->key, e);
	case IDS:
	case NUMBERS:
		return parse_list(ps, f, e);
	case DIR:
		return parse_dir(ps, e);
	case S32:
		if (parse_skip(ps, "-1")) {
			e->seconds = -1;
			return 0;
		}
	/* fall through */
	default:
		rc = parse_number(ps, f->key, 10, max_of(f->form), &v);
		put(e, f, v);
		return rc;
	}
}

int lines_parse(struct parser *ps, struct trace_event *e)
{
	const struct field *f = fields[e->kind];
	int rc = 0;

	e->op = e->kind == TRACE_CMD ? TCMU_OP_CMD : e->kind == TRACE_TMR ? TCMU_OP_TMR : 0;
	for (; !rc && f->form != END; f++) {
		if (f->form == IOVS) {
			rc = parse_iovs(ps, e);
			continue;
		}
		rc = parse_key(ps, f->key);
		if (!rc)
			rc = parse_value(ps, f, e);
	}
	return rc;
}

static void write_list(const uint8_t *bytes, uint32_t len, uint32_t size, FILE *out)
{
	uint32_t i, v = 0;

	for (i = 0; i < len; i += size) {
		memcpy(&v, bytes + i, size);
		fprintf(out, "%s%u", i ? "," : "", v);
	}
}

static void write_value(const struct trace *t, const struct trace_event *e, const struct field *f,
			FILE *out)
{
	const uint8_t *bytes = t->bytes + e->payload;

	if (f->form == HEX || f->form == IDS || f->form == NUMBERS) {
		if (!e->payload_len)
			fputc('-', out);
		else if (f->form == HEX)
			write_hex(bytes, e->payload_len, out);
		else
			write_list(bytes, e->payload_len, f->form == IDS ? 2 : 4, out);
	} else if (f->form == DIR) {
		fputs(dirs[e->dir & 3], out);
	} else if (f->form == S32) {
		fprintf(out, "%" PRId32, e->seconds);
	} else {
		fprintf(out, "%" PRIu64, get(e, f));
	}
}

void lines_write(const struct trace *t, const struct trace_event *e, FILE *out)
{
	const struct field *f = fields[e->kind];

	fputs(trace_kind_name(e->kind), out);
	for (; f->form != END; f++) {
		if (f->form == IOVS) {
			write_iovs(t, e, out);
			continue;
		}
		fprintf(out, " %s=", f->key);
		write_value(t, e, f, out);
	}
	fputc('\n', out);
}

int lines_parse_device(struct parser *ps)
{
	struct trace_header *h = &ps->t->hdr;
	struct trace_event e = { 0 };
	const struct field seconds = F("qfull_time_out", S32, seconds);
	uint64_t v[4] = { 0 };
	int rc;

	if (!parse_skip(ps, "# device"))
		return parse_bad(ps, "line", "'# device tick=...'");
	if ((rc = parse_key(ps, "tick")) ||
	    (rc = parse_number(ps, "tick", 10, 1000000000, &v[0])) ||
	    (rc = parse_key(ps, "cmd_time_out")) ||
	    (rc = parse_number(ps, "cmd_time_out", 10, INT32_MAX, &v[1])) ||
	    (rc = parse_key(ps, seconds.key)) || (rc = parse_value(ps, &seconds, &e)) ||
	    (rc = parse_key(ps, "tmr")) || (rc = parse_number(ps, "tmr", 10, 1, &v[2])) ||
	    (rc = parse_key(ps, "desc")) || (rc = parse_number(ps, "desc", 10, 1, &v[3])))
		return rc;
	if (!v[0])
		return parse_bad(ps, "tick", "more than 0");
	h->tick_ns = (uint32_t)v[0];
	h->cmd_time_out = (uint32_t)v[1];
	h->qfull_time_out = e.seconds;
	h->tmr_notification = (uint32_t)v[2];
	h->desc_sense = (uint32_t)v[3];
	return 0;
}

static void value_text(const struct trace *t, const struct trace_event *e, const struct field *f,
		       char *buf, size_t len)
{
	FILE *out = fmemopen(buf, len, "w");

	buf[0] = 0;
	if (!out)
		return;
	write_value(t, e, f, out);
	fclose(out);
	buf[len - 1] = 0;
}

bool lines_differ(const struct trace *a, const struct trace_event *e, const struct trace *b,
		  const struct trace_event *g, struct trace_finding *f)
{
	const struct field *d = fields[e->kind];
	bool bytes;

	f->line = g->line;
	f->kind = trace_kind_name(g->kind);
	if (e->kind != g->kind) {
		finding_set(f, "kind", trace_kind_name(e->kind), trace_kind_name(g->kind));
		return true;
	}
	for (; d->form != END; d++) {
		if (d->form == WHEN32 || d->form == WHEN64)
			continue;
		if (d->form == IOVS)
			return trace_entry_differs(a, e, b, g, f);
		bytes = d->form == HEX || d->form == IDS || d->form == NUMBERS;
		if (bytes ? e->payload_len == g->payload_len &&
				    !memcmp(a->bytes + e->payload, b->bytes + g->payload,
					    e->payload_len)
			  : get(e, d) == get(g, d))
			continue;
		snprintf(f->field, sizeof(f->field), "%s", d->key);
		value_text(a, e, d, f->expected, sizeof(f->expected));
		value_text(b, g, d, f->found, sizeof(f->found));
		return true;
	}
	return false;
}
