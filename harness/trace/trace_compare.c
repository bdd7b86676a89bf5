/* SPDX-License-Identifier: MIT */
/* Two ring entries, or two mailbox lines, field by field; the first difference as text. */
#include "trace_impl.h"

#include <inttypes.h>
#include <string.h>

void finding_set(struct trace_finding *f, const char *field, const char *expected,
		 const char *found)
{
	snprintf(f->field, sizeof(f->field), "%s", field);
	snprintf(f->expected, sizeof(f->expected), "%s", expected);
	snprintf(f->found, sizeof(f->found), "%s", found);
}

void finding_number(struct trace_finding *f, const char *field, uint64_t expected, uint64_t found)
{
	snprintf(f->field, sizeof(f->field), "%s", field);
	snprintf(f->expected, sizeof(f->expected), "%" PRIu64, expected);
	snprintf(f->found, sizeof(f->found), "%" PRIu64, found);
}

int trace_finding_text(const struct trace_finding *f, const char *name, char *buf, size_t len)
{
	return snprintf(buf, len, "%s:%u: %s: %s: expected %s, found %s", name, f->line, f->kind,
			f->field, f->expected, f->found);
}

static bool number_differs(struct trace_finding *f, const char *field, uint64_t expected,
			   uint64_t found)
{
	if (expected == found)
		return false;
	finding_number(f, field, expected, found);
	return true;
}

bool trace_header_differs(const struct trace_header *expected, const struct trace_header *found,
			  struct trace_finding *f)
{
	f->line = 1;
	f->kind = "mailbox";
	if (number_differs(f, "ver", expected->version, found->version) ||
	    number_differs(f, "cmdr_off", expected->cmdr_off, found->cmdr_off) ||
	    number_differs(f, "cmdr_size", expected->cmdr_size, found->cmdr_size) ||
	    number_differs(f, "map", expected->map_len, found->map_len))
		return true;
	if (expected->flags == found->flags)
		return false;
	snprintf(f->field, sizeof(f->field), "flags");
	snprintf(f->expected, sizeof(f->expected), "%x", expected->flags);
	snprintf(f->found, sizeof(f->found), "%x", found->flags);
	return true;
}

static void hex(char *buf, size_t len, const uint8_t *bytes, uint32_t n)
{
	size_t at = 0;
	uint32_t i;

	buf[0] = 0;
	for (i = 0; i < n && at + 6 < len; i++)
		at += (size_t)snprintf(buf + at, len - at, "%02x", bytes[i]);
	if (i < n)
		snprintf(buf + at, len - at, "...");
}

static bool payload_differs(const struct trace *a, const struct trace_event *e,
			    const struct trace *b, const struct trace_event *g,
			    struct trace_finding *f)
{
	const uint8_t *p = a->bytes + e->payload, *q = b->bytes + g->payload;
	uint32_t i;

	if (e->kind == TRACE_CMD) {
		if (e->payload_len == g->payload_len && !memcmp(p, q, e->payload_len))
			return false;
		snprintf(f->field, sizeof(f->field), "cdb");
		hex(f->expected, sizeof(f->expected), p, e->payload_len);
		hex(f->found, sizeof(f->found), q, g->payload_len);
		return true;
	}
	for (i = 0; i < e->payload_len / 2; i++) {
		uint16_t x, y;
		char field[24];

		memcpy(&x, p + 2 * i, sizeof(x));
		memcpy(&y, q + 2 * i, sizeof(y));
		snprintf(field, sizeof(field), "ids[%u]", i);
		if (number_differs(f, field, x, y))
			return true;
	}
	return false;
}

static bool iovs_differ(const struct trace *a, const struct trace_event *e, const struct trace *b,
			const struct trace_event *g, struct trace_finding *f)
{
	const struct trace_iov *x = a->iovs + e->iov, *y = b->iovs + g->iov;
	uint64_t n = (uint64_t)e->iov_cnt + e->bidi_cnt, i;
	bool base;

	for (i = 0; i < n; i++, x++, y++) {
		if (x->base == y->base && x->len == y->len)
			continue;
		base = x->base != y->base;
		snprintf(f->field, sizeof(f->field), "iov[%" PRIu64 "].%s", i,
			 base ? "base" : "len");
		snprintf(f->expected, sizeof(f->expected), "%" PRIx64, base ? x->base : x->len);
		snprintf(f->found, sizeof(f->found), "%" PRIx64, base ? y->base : y->len);
		return true;
	}
	return false;
}

bool trace_entry_differs(const struct trace *a, const struct trace_event *e, const struct trace *b,
			 const struct trace_event *g, struct trace_finding *f)
{
	f->line = g->line;
	f->kind = trace_kind_name(g->kind);
	if (e->kind != g->kind) {
		finding_set(f, "kind", trace_kind_name(e->kind), trace_kind_name(g->kind));
		return true;
	}
	if (number_differs(f, "off", e->off, g->off) || number_differs(f, "op", e->op, g->op) ||
	    number_differs(f, "id", e->id, g->id) ||
	    number_differs(f, "kf", e->kflags, g->kflags) ||
	    number_differs(f, "uf", e->uflags, g->uflags))
		return true;
	if (e->kind == TRACE_TMR && (number_differs(f, "type", e->tmr_type, g->tmr_type) ||
				     number_differs(f, "cnt", e->tmr_cnt, g->tmr_cnt)))
		return true;
	if (e->kind == TRACE_CMD && (number_differs(f, "iov_cnt", e->iov_cnt, g->iov_cnt) ||
				     number_differs(f, "iov_bidi_cnt", e->bidi_cnt, g->bidi_cnt) ||
				     number_differs(f, "iov_dif_cnt", e->dif_cnt, g->dif_cnt) ||
				     iovs_differ(a, e, b, g, f)))
		return true;
	if (e->kind != TRACE_PAD && payload_differs(a, e, b, g, f))
		return true;
	return number_differs(f, "len", e->len, g->len) ||
	       (e->kind == TRACE_CMD && number_differs(f, "cdb_off", e->cdb_off, g->cdb_off));
}
