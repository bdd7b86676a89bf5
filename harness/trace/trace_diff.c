/* SPDX-License-Identifier: MIT */
/*
 * Two traces side by side: the same mailbox, entries and statuses?
 *
 * Two recordings of the same traffic never see the heads and events at the same moments, so these
 * are left out; what the kernel laid down and what was answered must be equal.
 */
#include "trace_impl.h"

#include <errno.h>

/* The next event that is compared, or NULL. */
static const struct trace_event *next(const struct trace *t, size_t *i)
{
	while (*i < t->n && t->v[*i].kind == TRACE_IRQ)
		++*i;
	return *i < t->n ? &t->v[(*i)++] : NULL;
}

static bool events_differ(const struct trace *a, const struct trace_event *e, const struct trace *b,
			  const struct trace_event *g, struct trace_finding *f)
{
	if (a->format == 2)
		return lines_differ(a, e, b, g, f);
	if (trace_is_entry(e->kind) || e->kind != g->kind)
		return trace_entry_differs(a, e, b, g, f);
	f->line = g->line;
	f->kind = trace_kind_name(g->kind);
	if (e->tail == g->tail && e->status == g->status)
		return false;
	if (e->tail != g->tail)
		finding_number(f, "tail", e->tail, g->tail);
	else
		finding_number(f, "status", e->status, g->status);
	return true;
}

static void show(const struct trace *a, uint32_t line, const struct trace *b,
		 const struct trace_finding *f, FILE *out)
{
	fprintf(out, "%s:%u %s:%u: %s: %s: %s, %s\n", a->name, line, b->name, f->line, f->kind,
		f->field, f->expected, f->found);
}

static void show_end(const struct trace *t, const struct trace *longer, const struct trace_event *e,
		     FILE *out)
{
	fprintf(out, "%s: ends before the %s of %s:%u\n", t->name, trace_kind_name(e->kind),
		longer->name, e->line);
}

long trace_diff(const struct trace *a, const struct trace *b, long max, FILE *out)
{
	const struct trace_event *e, *g;
	struct trace_finding f;
	size_t i = 0, j = 0;
	long n = 0;

	if (a->format != b->format) {
		fprintf(out, "%s %s: format: %u, %u\n", a->name, b->name, a->format, b->format);
		return fflush(out) ? -errno : 1;
	}
	if (trace_header_differs(&a->hdr, &b->hdr, &f) && ++n <= max)
		show(a, 1, b, &f, out);
	for (;;) {
		e = next(a, &i);
		g = next(b, &j);
		if (!e || !g)
			break;
		if (events_differ(a, e, b, g, &f) && ++n <= max)
			show(a, e->line, b, &f, out);
	}
	if ((e || g) && ++n <= max)
		show_end(e ? b : a, e ? a : b, e ? e : g, out);
	if (n > max)
		fprintf(out, "and %ld more\n", n - max);
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return n;
}
