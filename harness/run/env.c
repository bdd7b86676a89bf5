/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness env`: which mechanism makes programs see simulated devices here, and why not the
 * better one; and what else of this machine matters to us.
 */
#include "env.h"

#include "../check/verbs.h"

#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: tcmu-harness env [--json]\n"
	"What is possible on this machine, found out by trying. One fact a line, `WHAT: yes|no, WHY`;\n"
	"the first says how unmodified programs would be made to see simulated devices (`run`,\n"
	"`check --attach uio`), and why not in a better way.\n"
	"\n"
	"  --json   the same as JSON\n"
	"\n"
	"Exit status: 0 programs can be run on simulated devices, 1 they cannot, 2 usage.\n";

void fact_add(struct facts *fs, const char *what, enum answer answer, const char *fmt, ...)
{
	struct fact *f = &fs->fact[fs->n];
	va_list ap;

	if (fs->n == FACTS_MAX)
		return;
	snprintf(f->what, sizeof(f->what), "%s", what);
	f->answer = answer;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	fs->n++;
}

static void print_text(const struct facts *fs)
{
	static const char *const answers[] = { [NO] = "no", [YES] = "yes", [SAID] = "" };
	const struct fact *f;

	for (f = fs->fact; f < fs->fact + fs->n; f++)
		printf("%s: %s%s%s\n", f->what, answers[f->answer],
		       f->text[0] && f->answer != SAID ? ", " : "", f->text);
}

static int print_json(const struct facts *fs, bool works)
{
	json_t *all = json_object(), *list = json_array(), *one;
	const struct fact *f;
	int rc;

	for (f = fs->fact; f < fs->fact + fs->n; f++) {
		one = json_pack("{s:s,s:s}", "what", f->what, "why", f->text);
		if (one && f->answer != SAID)
			json_object_set_new(one, "yes", json_boolean(f->answer == YES));
		json_array_append_new(list, one);
	}
	json_object_set_new(all, "schema", json_integer(1));
	json_object_set_new(all, "works", json_boolean(works));
	json_object_set_new(all, "facts", list);
	rc = json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
	return rc;
}

int verb_env(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	struct facts fs = { .n = 0 };
	bool json = false, works;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (c != 'j')
			return option_error("env", c, argv);
		json = true;
	}
	if (optind < argc)
		return usage_error("env", "expected no argument, found '%s'", argv[optind]);
	works = env_world(&fs);
	env_machine(&fs);
	if (!json)
		print_text(&fs);
	else if (print_json(&fs, works))
		return EXIT_USAGE;
	return works ? EXIT_OK : EXIT_FAILED;
}
