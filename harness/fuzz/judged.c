/* SPDX-License-Identifier: MIT */
/*
 * The clauses that programs can find broken, and what must have happened for each to be at stake.
 *
 * "At stake" is all that is said: something happened at which a handler that breaks the clause may
 * be caught, not that everything about the clause was tried. The tests compare the table with the
 * clauses that the oracles name.
 */
#include "fuzz.h"

/*
 * @when: one of several facts, separated by |: the name of an operation that was done; a word of
 *        facts[] below; opcodes in hexadecimal that were sent, separated by commas
 */
struct row {
	const char *id;
	unsigned int oracle; /* 0: whoever carries the program out */
	const char *when;
};

#define SAN FUZZ_O_SANITIZER
#define EXP FUZZ_O_EXPECT
#define DSK FUZZ_O_DISK

static const struct row rows[] = {
	{ "HND-001", 0, "commands" },
	{ "HND-003", 0, "commands" },
	{ "HND-004", 0, "commands" },
	{ "HND-011", SAN, "decoy" },
	{ "HND-012", SAN, "commands" },
	{ "HND-013", SAN, "pads" },
	{ "HND-014", SAN, "wraps" },
	{ "HND-015", SAN, "raw" },
	{ "HND-016", SAN, "task management" },
	{ "HND-018", SAN, "commands" },
	{ "HND-019", 0, "commands" },
	{ "HND-022", 0, "commands" },
	{ "HND-023", SAN, "commands" },
	{ "HND-031", SAN, "commands" },
	{ "HND-032", EXP, "commands" },
	{ "HND-033", EXP, "commands" },
	{ "HND-034", EXP, "commands" },
	{ "HND-035", SAN, "12,25,28,88,1a,5a" },
	{ "HND-036", SAN, "28,88,8,a8" },
	{ "HND-037", SAN, "commands" },
	{ "HND-038", SAN, "commands" },
	{ "HND-039", SAN, "commands" },
	{ "HND-040", SAN, "commands" },
	{ "HND-041", 0, "restarts" },
	{ "HND-042", 0, "at" },
	{ "HND-043", 0, "event" },
	{ "HND-044", 0, "commands" },
	{ "HND-045", 0, "commands" },
	{ "HND-046", 0, "commands" },
	{ "HND-047", 0, "fault" },
	{ "HND-049", SAN, "commands" },
	{ "HND-050", SAN, "commands" },
	{ "HND-053", 0, "commands" },
	{ "HND-054", DSK, "35,91" },
	{ "HND-060", 0, "expired" },
	{ "HND-061", 0, "restarts" },
	{ "HND-062", DSK, "restarts" },
	{ "HND-063", 0, "restarts" },
	{ "HND-064", SAN, "restarts" },
	{ "HND-067", 0, "fault" },
	{ "HND-082", 0, "add|remove|reconfig" },
	{ "HND-084", 0, "remove" },
	{ "HND-085", 0, "reconfig" },
	{ "KRN-001", SAN, "commands" },
	{ "KRN-011", 0, "refused" },
	{ "KRN-066", 0, "commands" },
	{ "KRN-081", 0, "ring full|data full" },
	{ "KRN-090", 0, "expired" },
	{ "KRN-091", 0, "queue expired" },
	{ "KRN-095", 0, "qfull" },
	{ "KRN-101", 0, "task management" },
	{ "KRN-103", 0, "aborted" },
	{ "KRN-111", 0, "reset" },
	{ "SCS-020", DSK, "28,2a,88,8a" },
	{ "SCS-021", EXP, "8,a" },
	{ "SCS-022", EXP, "12,1a,5a,a0,a3" },
	{ "SCS-023", EXP, "15,55,42" },
	{ "SCS-030", EXP, "commands" },
	{ "SCS-031", EXP, "12,1a,5a" },
	{ "SCS-040", EXP, "commands" },
	{ "SCS-041", DSK, "2a,8a,89,42,93" },
	{ "SCS-042", EXP, "28,2a,88,8a,93" },
	{ "SCS-043", EXP, "fault" },
};

static bool fact(const struct fuzz_stats *st, const char *word)
{
	const struct {
		const char *name;
		uint64_t n;
	} facts[] = {
		{ "commands", st->commands },
		{ "pads", st->pads },
		{ "wraps", st->wraps },
		{ "ring full", st->ring_full },
		{ "data full", st->data_full },
		{ "deaths", st->kills },
		{ "restarts", st->restarts },
		{ "resets", st->resets },
		{ "task management", st->tmrs },
		{ "refused", st->ended[RINGSIM_REFUSED] },
		{ "expired", st->ended[RINGSIM_EXPIRED] },
		{ "queue expired", st->ended[RINGSIM_QUEUE_EXPIRED] },
		{ "aborted", st->ended[RINGSIM_ABORTED] },
	};
	char *end;
	unsigned long op;

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (!strcmp(word, facts[i].name))
			return facts[i].n != 0;
	for (int i = 0; i < FUZZ_VERBS; i++)
		if (!strcmp(word, fuzz_verb_name((enum fuzz_verb)i)))
			return st->verbs[i] != 0;
	for (;; word = end + 1) {
		op = strtoul(word, &end, 16);
		if (end == word || op > 255)
			return false;
		if (st->opcodes[op])
			return true;
		if (*end != ',')
			return false;
	}
}

static bool at_stake(const struct row *row, const struct fuzz_stats *st)
{
	char word[64];

	for (const char *p = row->when; *p; p += *p == '|') {
		size_t n = strcspn(p, "|");

		snprintf(word, sizeof(word), "%.*s", (int)n, p);
		if (fact(st, word))
			return true;
		p += n;
	}
	return false;
}

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool watched(const struct row *row, unsigned int oracles)
{
	return !row->oracle || row->oracle & oracles;
}

void judged_list(FILE *f)
{
	fprintf(f, "%-8s %-10s %s\n", "clause", "watched by", "at stake when there was");
	for (size_t i = 0; i < ROWS; i++)
		fprintf(f, "%-8s %-10s %s\n", rows[i].id,
			rows[i].oracle == SAN	? "sanitizer"
			: rows[i].oracle == EXP ? "expect"
			: rows[i].oracle == DSK ? "disk"
						: "always",
			rows[i].when);
}

uint32_t judged_count(const struct fuzz_stats *st, unsigned int oracles, uint32_t *of)
{
	uint32_t n = 0;

	*of = 0;
	for (size_t i = 0; i < ROWS; i++) {
		*of += watched(&rows[i], oracles);
		n += watched(&rows[i], oracles) && at_stake(&rows[i], st);
	}
	return n;
}

const char *judged_not(const struct fuzz_stats *st, unsigned int oracles, size_t *i)
{
	for (; *i < ROWS; ++*i)
		if (watched(&rows[*i], oracles) && !at_stake(&rows[*i], st))
			return rows[(*i)++].id;
	return NULL;
}
