/* SPDX-License-Identifier: MIT */
/* `tcmu-harness list` and `tcmu-harness explain`: the catalogue and the registry for people. */
#include "../cases/case.h"
#include "verbs.h"

#include <dirent.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

static const char list_help[] =
	"Usage: tcmu-harness list [--clauses|--cases|--mutants] [--json]\n"
	"List the clauses of the contract (default), the cases that prove them, or the mutants.\n"
	"\n"
	"For a clause: id, level, where it can be shown, number of cases, title. For a case: id,\n"
	"level, clauses, title. Mutants are those built beside this program by `make mutants`.\n";

static const char explain_help[] =
	"Usage: tcmu-harness explain CLAUSE...\n"
	"Print what a clause asks, what is looked at, what people get wrong, and its cases.\n"
	"\n"
	"Sources: SEED the TCMU design document; HDR <linux/target_core_user.h>; DRV, CORE, UIO the\n"
	"kernel's target_core_user.c, target core and uio.c; RUN tcmu-runner; GOT go-tcmu; T10 the\n"
	"SCSI standards SPC-4, SBC-3 and SAM-5.\n";

static size_t cases_of(const char *clause)
{
	size_t i, n = 0;

	for (i = 0; i < case_count(); i++)
		n += clause_list_match(clause, case_at(i)->clauses);
	return n;
}

static json_t *clause_json(const struct clause *c)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:i}", "id", c->id, "title", c->title, "level",
			 clause_level_name(c->level), "where", clause_where_name(c->where),
			 "simulator", clause_sim_can_show(c), "cases", (int)cases_of(c->id));
}

static void list_clauses(json_t *out)
{
	size_t i;

	for (i = 0; i < clause_count(); i++) {
		const struct clause *c = clause_at(i);

		if (out)
			json_array_append_new(out, clause_json(c));
		else
			printf("%-8s %-6s %-4s %3zu  %s\n", c->id, clause_level_name(c->level),
			       clause_where_name(c->where), cases_of(c->id), c->title);
	}
}

static void list_cases(json_t *out)
{
	size_t i;

	for (i = 0; i < case_count(); i++) {
		const struct case_def *d = case_at(i);

		if (out)
			json_array_append_new(out,
					      json_pack("{s:s, s:s, s:s, s:s}", "id", d->id,
							"level", clause_level_name(d->level),
							"clauses", d->clauses, "title", d->title));
		else
			printf("%-44s %-6s %-24s %s\n", d->id, clause_level_name(d->level),
			       d->clauses, d->title);
	}
}

static int is_mutant(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && !strcmp(dot, ".mutant");
}

static void list_one_mutant(const char *dir, char *file, json_t *out)
{
	char path[4096], line[512], clause[32] = "", why[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "clause:", 7))
			sscanf(line + 7, " %31s", clause);
		else if (!strncmp(line, "why:", 4))
			snprintf(why, sizeof(why), "%.250s", line + 4 + strspn(line + 4, " "));
	}
	if (f)
		fclose(f);
	*strrchr(file, '.') = 0;
	if (out)
		json_array_append_new(out, json_pack("{s:s, s:s, s:s}", "name", file, "clause",
						     clause, "why", why));
	else
		printf("%-34s %-8s %s\n", file, clause, why);
}

static int list_mutants(json_t *out)
{
	char *dir = beside_program("mutants");
	struct dirent **list = NULL;
	int n = dir ? scandir(dir, &list, is_mutant, alphasort) : -1, i;

	if (n <= 0) {
		usage_error("list", "no mutants in %s; `make mutants` builds them",
			    dir ? dir : "mutants");
		free(dir);
		free(list);
		return EXIT_USAGE;
	}
	for (i = 0; i < n; i++) {
		list_one_mutant(dir, list[i]->d_name, out);
		free(list[i]);
	}
	free(list);
	free(dir);
	return EXIT_OK;
}

int verb_list(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "clauses", no_argument, NULL, 'c' }, { "cases", no_argument, NULL, 'a' },
		{ "mutants", no_argument, NULL, 'm' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },    { NULL, 0, NULL, 0 },
	};
	json_t *out = NULL;
	int c, what = 'c', rc = EXIT_OK;
	bool json = false;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(list_help, stdout);
			return EXIT_OK;
		}
		if (c == '?')
			return option_error("list", c, argv);
		if (c == 'j')
			json = true;
		else
			what = c;
	}
	if (optind < argc)
		return usage_error("list", "unexpected argument '%s'", argv[optind]);
	out = json ? json_array() : NULL;
	if (what == 'c')
		list_clauses(out);
	else if (what == 'a')
		list_cases(out);
	else
		rc = list_mutants(out);
	if (out && !rc) {
		json_dumpf(out, stdout, JSON_INDENT(1));
		putchar('\n');
	}
	json_decref(out);
	return rc;
}

/* Wraps a paragraph at 78 columns behind @indent blanks; rows of tables (two blanks) stay as they
 * are. */
static void print_wrapped(const char *text, int indent)
{
	int col = 0, len;

	while (*text) {
		if (*text == '\n' || (col == 0 && text[0] == ' ' && text[1] == ' ')) {
			if (col)
				putchar('\n');
			text += *text == '\n';
			col = 0;
			if (text[0] == ' ' && text[1] == ' ') {
				len = (int)strcspn(text, "\n");
				printf("%*s%.*s\n", indent, "", len, text);
				text += len;
				text += *text == '\n';
			}
			continue;
		}
		text += strspn(text, " ");
		len = (int)strcspn(text, " \n");
		if (!len)
			continue;
		if (col && col + 1 + len > 78 - indent) {
			putchar('\n');
			col = 0;
		}
		col += col ? printf(" %.*s", len, text) : printf("%*s%.*s", indent, "", len, text);
		text += len;
	}
	if (col)
		putchar('\n');
}

static void print_part(const char *name, const char *text)
{
	if (!text)
		return;
	printf("\n%s\n", name);
	print_wrapped(text, 2);
}

static void explain(const struct clause *c)
{
	size_t i;

	printf("%s  %s\n%s; can be shown: %s%s; source: %s\n", c->id, c->title,
	       clause_level_name(c->level), clause_where_name(c->where),
	       clause_sim_can_show(c) && c->where == CLAUSE_REAL
		       ? " (and modelled by the simulator)"
		       : "",
	       c->source);
	print_part("What it asks", c->text);
	print_part("What is looked at", c->observe);
	print_part("Common mistake", c->mistake);
	print_part("See also", c->see);
	if (cases_of(c->id))
		printf("\nCases\n");
	for (i = 0; i < case_count(); i++)
		if (clause_list_match(c->id, case_at(i)->clauses))
			printf("  %-44s %s\n", case_at(i)->id, case_at(i)->title);
}

int verb_explain(int argc, char **argv)
{
	int i;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(explain_help, stdout);
		return EXIT_OK;
	}
	if (argc < 2)
		return usage_error("explain", "expected a clause such as HND-013");
	for (i = 1; i < argc; i++)
		if (!clause_find(argv[i]))
			return usage_error(
				"explain",
				"no clause '%s'; `tcmu-harness list --clauses` shows all", argv[i]);
	for (i = 1; i < argc; i++) {
		if (i > 1)
			printf("\n");
		explain(clause_find(argv[i]));
	}
	return EXIT_OK;
}
