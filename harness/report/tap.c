/* SPDX-License-Identifier: MIT */
/*
 * TAP version 14, for harnesses and for pipes.
 *
 * A known failure is a TODO and stays "not ok". Diagnostics are YAML, kept to the part of it that
 * TAP consumers understand: double-quoted scalars and literal blocks. Every line of a block is
 * indented, also an empty one, and so is a "..." inside a detail, which would otherwise end it.
 */
#include "internal.h"

#include <inttypes.h>
#include <string.h>

static const char *escape_description(char c)
{
	return c == '#' ? "\\#" : c == '\\' ? "\\\\" : NULL;
}

static const char *escape_quoted(char c)
{
	return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : NULL;
}

static void put_scalar(FILE *out, const char *key, const char *value)
{
	if (!value)
		return;
	fprintf(out, "  %s: \"", key);
	put(out, value, NULL, escape_quoted);
	fputs("\"\n", out);
}

/* A literal block, unless the first line is blank at its start: it is what sets the indentation. */
static void put_detail(FILE *out, const char *detail)
{
	if (!detail || !*detail)
		return;
	if (strchr(" \t\n", *detail)) {
		fputs("  detail: \"", out);
		put(out, detail, "\\n", escape_quoted);
		fputs("\"\n", out);
	} else {
		fputs("  detail: |\n    ", out);
		put(out, detail, "\n    ", NULL);
		putc('\n', out);
	}
}

static void put_diagnostics(FILE *out, const struct result *r)
{
	fputs("  ---\n", out);
	put_scalar(out, "message", r->reason);
	put_scalar(out, "clause", r->clause);
	put_scalar(out, "clauses", r->clauses);
	put_scalar(out, "level", r->level);
	put_scalar(out, "handler", r->handler);
	fprintf(out, "  seed: \"0x%" PRIx64 "\"\n", r->seed);
	put_scalar(out, "replay", r->replay);
	put_detail(out, r->detail);
	fputs("  ...\n", out);
}

static void put_directive(FILE *out, const char *directive, const char *reason)
{
	fprintf(out, " # %s ", directive);
	put(out, reason, NULL, escape_description);
}

int report_tap(const struct results *rs, FILE *out)
{
	bool many_handlers = false;

	for (size_t i = 1; i < rs->n && !many_handlers; i++)
		many_handlers = strcmp(rs->v[i].handler, rs->v[0].handler);

	fprintf(out, "TAP version 14\n1..%zu%s\n", rs->n, rs->n ? "" : " # SKIP nothing ran");
	for (size_t i = 0; i < rs->n; i++) {
		const struct result *r = &rs->v[i];
		bool failed = r->verdict == VERDICT_FAIL || r->verdict == VERDICT_KNOWN;

		fprintf(out, "%s %zu - ", failed ? "not ok" : "ok", i + 1);
		put(out, r->id, NULL, escape_description);
		fputs(": ", out);
		put(out, r->title, NULL, escape_description);
		if (many_handlers) {
			fputs(" [", out);
			put(out, r->handler, NULL, escape_description);
			putc(']', out);
		}
		if (r->verdict == VERDICT_SKIP)
			put_directive(out, "SKIP", r->reason);
		else if (r->verdict == VERDICT_KNOWN)
			put_directive(out, "TODO", r->reason);
		putc('\n', out);
		if (failed)
			put_diagnostics(out, r);
	}
	return put_end(out);
}
