/* SPDX-License-Identifier: MIT */
/* What a run did, told: while it runs, at its end, and as JSON. */
#include "fuzz.h"

#define OPCODES_TOLD 14

/* By enum ringsim_outcome. */
static const char *const outcomes[8] = { "none",	  "answered", "refused", "expired",
					 "queue expired", "reset",    "aborted", "other" };

static double per_second(uint64_t n, uint64_t ms)
{
	return ms ? 1000.0 * (double)n / (double)ms : 0;
}

/* 1234567 as "1.23M". */
static const char *brief(double n, char *buf, size_t len)
{
	if (n >= 1e6)
		snprintf(buf, len, "%.2fM", n / 1e6);
	else if (n >= 1e4)
		snprintf(buf, len, "%.1fk", n / 1e3);
	else
		snprintf(buf, len, "%.0f", n);
	return buf;
}

void totals_progress(const struct totals *t, FILE *f, bool colour)
{
	uint64_t programs = t->st->programs, commands = t->st->commands;
	bool red = colour && t->fs->n;
	char a[16], b[16], c[16], d[16];

	fprintf(f, "\r\033[K%s: %llu s, %s programs (%s/s), %s commands (%s/s), %s%zu finding%s%s",
		t->handler, (unsigned long long)t->ms / 1000, brief((double)programs, a, sizeof(a)),
		brief(per_second(programs, t->ms), b, sizeof(b)),
		brief((double)commands, c, sizeof(c)),
		brief(per_second(commands, t->ms), d, sizeof(d)), red ? "\033[31m" : "", t->fs->n,
		t->fs->n == 1 ? "" : "s", red ? "\033[0m" : "");
	fflush(f);
}

/* One line of what was more than 0. */
struct line {
	FILE *f;
	const char *title;
	unsigned int column;
};

static void item(struct line *l, const char *name, uint64_t n)
{
	char text[64];
	unsigned int len;

	if (!n)
		return;
	len = (unsigned int)snprintf(text, sizeof(text), "%s %llu", name, (unsigned long long)n);
	if (l->column && l->column + 2 + len > 98) {
		fprintf(l->f, ",\n%14s", "");
		l->column = 14;
	} else if (l->column) {
		fputs(", ", l->f);
		l->column += 2;
	} else {
		l->column = (unsigned int)fprintf(l->f, "  %-12s", l->title);
	}
	fputs(text, l->f);
	l->column += len;
}

static void end(struct line *l)
{
	if (l->column)
		fputc('\n', l->f);
}

/* Those that were sent most. */
static void tell_opcodes(const struct fuzz_stats *st, FILE *f)
{
	struct line l = { f, "opcodes", 0 };
	bool told[256] = { false };
	unsigned int i, k, top, sent = 0;
	char name[16];

	for (i = 0; i < 256; i++)
		sent += st->opcodes[i] != 0;
	for (k = 0; k < OPCODES_TOLD && k < sent; k++) {
		for (top = 0, i = 1; i < 256; i++)
			if (told[top] || (!told[i] && st->opcodes[i] > st->opcodes[top]))
				top = i;
		told[top] = true;
		snprintf(name, sizeof(name), "%02x:", top);
		item(&l, name, st->opcodes[top]);
	}
	if (sent > k)
		item(&l, "others:", sent - k);
	end(&l);
}

static void tell_ops(const struct fuzz_stats *st, FILE *f)
{
	struct line verbs = { f, "operations", 0 }, ends = { f, "ends", 0 };
	unsigned int i;

	for (i = 0; i < FUZZ_VERBS; i++)
		item(&verbs, fuzz_verb_name((enum fuzz_verb)i), st->verbs[i]);
	end(&verbs);
	tell_opcodes(st, f);
	for (i = 0; i < 8; i++)
		item(&ends, outcomes[i], st->ended[i]);
	end(&ends);
}

static void tell_states(const struct fuzz_stats *st, FILE *f)
{
	struct line l = { f, "also", 0 };

	item(&l, "PADs", st->pads);
	item(&l, "wraps", st->wraps);
	item(&l, "ring full", st->ring_full);
	item(&l, "data area full", st->data_full);
	item(&l, "deaths", st->kills);
	item(&l, "restarts", st->restarts);
	item(&l, "resets", st->resets);
	item(&l, "task management", st->tmrs);
	end(&l);
}

static void tell_clauses(const struct totals *t, FILE *f)
{
	uint32_t of = 0, at_stake = judged_count(t->st, t->oracles, &of);
	struct line l = { f, "not:", 0 };
	const char *id;
	size_t i = 0;

	fprintf(f, "  %-12s%u of the %u that programs can find broken were at stake\n", "clauses",
		at_stake, of);
	while ((id = judged_not(t->st, t->oracles, &i)) != NULL) {
		if (l.column + 2 + strlen(id) > 98) {
			fputs(",\n", f);
			l.column = (unsigned int)fprintf(f, "%14s", "");
		} else if (l.column) {
			l.column += (unsigned int)fprintf(f, ", ");
		} else {
			l.column = (unsigned int)fprintf(f, "  %-12s", l.title);
		}
		l.column += (unsigned int)fprintf(f, "%s", id);
	}
	end(&l);
}

void totals_text(const struct totals *t, FILE *f)
{
	const struct fuzz_stats *st = t->st;
	char a[16], b[16];

	fprintf(f, "%s: %llu programs, %llu commands in %.1f s (%s commands/s, %s programs/s)\n",
		t->handler, (unsigned long long)st->programs, (unsigned long long)st->commands,
		(double)t->ms / 1000, brief(per_second(st->commands, t->ms), a, sizeof(a)),
		brief(per_second(st->programs, t->ms), b, sizeof(b)));
	tell_ops(st, f);
	tell_states(st, f);
	tell_clauses(t, f);
	if (t->added)
		fprintf(f, "  %-12s%zu programs added\n", "corpus", t->added);
	fprintf(f, "%s: seed %llu: %zu finding%s\n", t->handler, (unsigned long long)t->seed,
		t->fs->n, t->fs->n == 1 ? "" : "s");
	fflush(f);
}

static json_t *finding_json(const struct findings *fs, size_t i)
{
	static const char *const kinds[] = { "none", "broken", "crash", "hang" };
	const struct finding *f = &fs->v[i];
	char seed[24], *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	json_t *j;

	if (!out)
		return NULL;
	fuzz_print(&f->program, out);
	fclose(out);
	snprintf(seed, sizeof(seed), "0x%016llx", (unsigned long long)f->seed);
	j = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:I, s:I, s:I, s:s%}", "kind",
		      kinds[f->kind], "clause", f->clause, "level",
		      clause_level_name(f->advice ? CLAUSE_SHOULD : CLAUSE_MUST), "reason",
		      f->reason, "number", (json_int_t)f->number, "seed", seed, "alone", f->alone,
		      "times", (json_int_t)fs->times[i], "operations_found", (json_int_t)f->ops,
		      "operations", (json_int_t)f->program.cnt, "program", text, len);
	if (j && fs->files[i])
		json_object_set_new(j, "file", json_string(fs->files[i]));
	free(text);
	return j;
}

static json_t *numbers(const struct fuzz_stats *st)
{
	json_t *verbs = json_object(), *opcodes = json_object(), *ends = json_object();
	char name[8];
	unsigned int i;

	for (i = 0; i < FUZZ_VERBS; i++)
		if (st->verbs[i])
			json_object_set_new(verbs, fuzz_verb_name((enum fuzz_verb)i),
					    json_integer((json_int_t)st->verbs[i]));
	for (i = 0; i < 256; i++) {
		snprintf(name, sizeof(name), "%02x", i);
		if (st->opcodes[i])
			json_object_set_new(opcodes, name,
					    json_integer((json_int_t)st->opcodes[i]));
	}
	for (i = 0; i < 8; i++)
		if (st->ended[i])
			json_object_set_new(ends, outcomes[i],
					    json_integer((json_int_t)st->ended[i]));
	return json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "operations",
			 verbs, "opcodes", opcodes, "ends", ends, "pads", (json_int_t)st->pads,
			 "wraps", (json_int_t)st->wraps, "ring_full", (json_int_t)st->ring_full,
			 "data_full", (json_int_t)st->data_full, "deaths", (json_int_t)st->kills,
			 "restarts", (json_int_t)st->restarts, "resets", (json_int_t)st->resets,
			 "task_management", (json_int_t)st->tmrs);
}

json_t *totals_json(const struct totals *t)
{
	json_t *findings = json_array(), *not = json_array();
	uint32_t of = 0, at_stake = judged_count(t->st, t->oracles, &of);
	const char *id;
	char seed[24];
	size_t i;

	for (i = 0; i < t->fs->n; i++)
		json_array_append_new(findings, finding_json(t->fs, i));
	for (i = 0; (id = judged_not(t->st, t->oracles, &i)) != NULL;)
		json_array_append_new(not, json_string(id));
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)t->seed);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:o, s:{s:i, s:i, s:o}, s:o}",
			 "handler", t->handler, "seed", seed, "profile", t->profile, "ms",
			 (json_int_t)t->ms, "programs", (json_int_t)t->st->programs, "commands",
			 (json_int_t)t->st->commands, "commands_per_second",
			 per_second(t->st->commands, t->ms), "done", numbers(t->st), "clauses",
			 "of", (int)of, "at_stake", (int)at_stake, "not", not, "findings",
			 findings);
}
