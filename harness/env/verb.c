/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness env`: which mechanism makes programs see simulated devices here, and why not the
 * better one; what else of this machine matters to us; and what is missing.
 */
#include "env.h"

#include "../check/verbs.h"
#include "../report/clean.h"
#include "system.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: tcmu-harness env [OPTION]...\n"
	"What this machine lets us do, found out by trying, and what it is: one fact a line, `WHAT:\n"
	"yes|no, WHY` or `WHAT: TEXT`. The first says how unmodified programs would be made to see\n"
	"simulated devices (`run`, `check --attach uio`), and why not in a better way. Then come\n"
	"kernel, configuration, the target's modules (which file would be loaded and why, support,\n"
	"signature, parameters), UIO devices and who has them open, fabrics, limits. The last lines\n"
	"say what is missing, for which commands, and how to get it.\n"
	"\n"
	"  --json FILE  the same as JSON, as it is in results, as well; - is standard output\n"
	"  --root DIR   of the machine whose /proc, /sys, /boot, /etc and /lib are below DIR: only what\n"
	"               can be read; nothing is tried\n"
	"\n"
	"Exit status: 0 programs can be run on simulated devices (always with --root), 1 they cannot,\n"
	"2 usage.\n";

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

static json_t *facts_json(const struct facts *fs)
{
	json_t *list = json_array(), *one;
	const struct fact *f;

	for (f = fs->fact; f < fs->fact + fs->n; f++) {
		one = json_pack("{s:s,s:o}", "what", f->what, "why", clean_json(f->text));
		if (one && f->answer != SAID)
			json_object_set_new(one, "yes", json_boolean(f->answer == YES));
		json_array_append_new(list, one);
	}
	return list;
}

/* All of the machine below @t; @fs: NULL if it is not the one that we are on. */
static json_t *collect(struct rootfs *t, struct facts *fs)
{
	json_t *all = system_collect(t);
	const char *mechanism = NULL;

	json_object_set_new(all, "schema", json_integer(2));
	if (fs) {
		mechanism = env_world(fs);
		env_machine(fs);
		json_object_set_new(all, "works", json_boolean(mechanism != NULL));
		json_object_set_new(all, "mechanism",
				    mechanism ? json_string(mechanism) : json_null());
		json_object_set_new(all, "facts", facts_json(fs));
	}
	json_object_set_new(all, "missing", env_missing(all, fs));
	return all;
}

json_t *env_now(void)
{
	struct facts *fs = calloc(1, sizeof(*fs));
	json_t *all = NULL;
	struct rootfs t;

	if (fs && !rootfs_open(&t, "/")) {
		all = collect(&t, fs);
		rootfs_close(&t);
	}
	free(fs);
	return all;
}

static int write_json(const json_t *all, const char *path)
{
	bool own = strcmp(path, "-") != 0;
	FILE *f = own ? fopen(path, "we") : stdout;
	int rc = f && all ? json_dumpf(all, f, JSON_INDENT(2)) : -1;

	if (f && (fputc('\n', f) == EOF || fflush(f)))
		rc = -1;
	if (f && own && fclose(f))
		rc = -1;
	if (!rc)
		return EXIT_OK;
	return usage_error("env", "--json: cannot write '%s': %s", path, strerror(errno));
}

static int show(const char *root, const char *json)
{
	struct facts fs = { .n = 0 };
	struct rootfs t;
	json_t *all;
	int rc;

	rc = rootfs_open(&t, root ? root : "/");
	if (rc)
		return usage_error("env", "--root: cannot open '%s': %s", root ? root : "/",
				   strerror(-rc));
	all = collect(&t, root ? NULL : &fs);
	rootfs_close(&t);
	rc = json ? write_json(all, json) : EXIT_OK;
	if (!rc && (!json || strcmp(json, "-") != 0)) {
		print_text(&fs);
		system_text(all, stdout);
		env_missing_text(json_object_get(all, "missing"), stdout);
	}
	if (!rc && !root && !json_is_true(json_object_get(all, "works")))
		rc = EXIT_FAILED;
	json_decref(all);
	return rc;
}

enum { O_JSON = 256, O_ROOT };

int verb_env(int argc, char **argv)
{
	static const struct option options[] = { { "json", required_argument, NULL, O_JSON },
						 { "root", required_argument, NULL, O_ROOT },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	const char *json = NULL, *root = NULL;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (c == O_JSON)
			json = optarg;
		else if (c == O_ROOT)
			root = optarg;
		else
			return option_error("env", c, argv);
	}
	if (optind < argc)
		return usage_error("env", "expected no argument, found '%s'", argv[optind]);
	return show(root, json);
}
