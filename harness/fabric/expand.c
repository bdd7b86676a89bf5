/* SPDX-License-Identifier: MIT */
/*
 * Templates: text in which @name@, @NAME@ and the like stand for values, and lines that begin with
 * '@' are directives.
 *
 *	@if COND...	lines up to @else or @end only if all hold: a flag of the protocol,
 *has:MEMBER of the kernel's table, or ! and one of these. They nest.
 *	@callback SIG	a function for that member, with the lines up to @end as its body, if the
 *			kernel has that member. SIG is what the body is written for: the function
 *			gets the kernel's signature, in which SIG's parameters are found by type,
 *and what the kernel passes beyond that has names of its own. What returns something else or lacks
 *a parameter is an error.
 *	@note TEXT	right behind @callback: what is to be filled in, for the README.
 *	@require M...	members that the kernel must have.
 *	@function F...	functions that the header must declare.
 *	@prototypes, @ops, @callbacks, @others
 *			of all callbacks made so far: declarations, initializers, a table of them;
 *and a list of those that the kernel has and no template.
 */
#include "fabric.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8, LINE_MAX_WIDTH = 80 };

struct expansion {
	const struct fabric_order *order;
	const char *name; /* of the template */
	int line;
	FILE *out;
	struct fabric_use *use;
	int depth;			    /* of @if and @callback */
	bool on[DEPTH_MAX + 1];		    /* whether lines are taken, by depth */
	bool is_callback[DEPTH_MAX + 1];    /* what @end ends */
	const struct fabric_member *recent; /* for @note */
	char *error;
};

static int fail(struct expansion *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct expansion *x, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(x->error, FABRIC_ERROR_SIZE, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* A mistake in a template, which a test would have found. */
static int fail_here(struct expansion *x, const char *what, const char *found)
{
	return fail(x, "template %s:%d: expected %s, found '%s'", x->name, x->line, what, found);
}

/* --- values --------------------------------------------------------------------------------------
 */

static void put_upper(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(toupper((unsigned char)*text), out);
}

static bool put_value(struct expansion *x, const char *key, size_t length)
{
	const struct fabric_order *o = x->order;
	const struct fabric_protocol *p = o->protocol;
	const struct {
		const char *key, *value;
	} values[] = {
		{ "name", o->name },
		{ "protocol", p->name },
		{ "title", p->title },
		{ "id", p->id },
		{ "names", p->names },
		{ "target", p->target },
		{ "initiator", p->initiator },
		{ "initiator-acl", p->initiator_acl },
		{ "transport-id", p->transport_id },
		{ "release", *o->release ? o->release : "an unknown release" },
	};

	if (length == 4 && !memcmp(key, "NAME", 4)) {
		put_upper(x->out, o->name);
		return true;
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		if (strlen(values[i].key) == length && !memcmp(values[i].key, key, length)) {
			fputs(values[i].value, x->out);
			return true;
		}
	}
	return false;
}

static int put_line(struct expansion *x, const char *line)
{
	const char *at, *end;

	for (; (at = strchr(line, '@')); line = end + 1) {
		fwrite(line, 1, (size_t)(at - line), x->out);
		end = strchr(at + 1, '@');
		if (!end || !put_value(x, at + 1, (size_t)(end - at - 1)))
			return fail_here(x, "a value", at);
	}
	fprintf(x->out, "%s\n", line);
	return 0;
}

/* --- callbacks -----------------------------------------------------------------------------------
 */

static const char *gap(const char *type)
{
	return type[strlen(type) - 1] == '*' ? "" : " ";
}

/* "int NAME_queue_status(struct se_cmd *se_cmd)"; names as in @names, all "" for none. */
static void put_signature(const struct expansion *x, FILE *out, const struct fabric_member *m,
			  char names[][FABRIC_NAME_SIZE])
{
	char *lines[2] = { NULL, NULL };
	size_t size;

	for (int broken = 0; broken < 2; broken++) {
		FILE *f = open_memstream(&lines[broken], &size);

		if (!f)
			break;
		fprintf(f, "%s%s%s_%s(", m->type, gap(m->type), x->order->name, m->name);
		for (int i = 0; i < m->params; i++) {
			const char *name = names[i];

			fprintf(f, "%s%s%s%s",
				i	 ? broken ? ",\n\t\t" : ", "
				: broken ? "\n\t\t"
					 : "",
				m->param[i], *name ? gap(m->param[i]) : "", name);
		}
		fputs(m->params ? ")" : "void)", f);
		fclose(f);
	}
	if (lines[0] && lines[1])
		fputs(lines[strlen(lines[0]) >= LINE_MAX_WIDTH], out);
	free(lines[0]);
	free(lines[1]);
}

static const char *list_params(const struct fabric_member *m, char *out, size_t size)
{
	size_t n = 0;

	snprintf(out, size, "none");
	for (int i = 0; i < m->params && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", m->param[i]);
	return out;
}

/* What the kernel's parameters are called, so that the body finds what it was written for. */
static int match_params(struct expansion *x, const struct fabric_member *theirs,
			const struct fabric_member *ours, char names[][FABRIC_NAME_SIZE])
{
	bool matched[FABRIC_MAX_PARAMS] = { false };
	char found[256];

	for (int i = 0; i < theirs->params; i++) {
		snprintf(names[i], FABRIC_NAME_SIZE, "unused%d", i);
		for (int j = 0; j < ours->params; j++) {
			if (matched[j] || strcmp(theirs->param[i], ours->param[j]) != 0)
				continue;
			snprintf(names[i], FABRIC_NAME_SIZE, "%s", ours->param_name[j]);
			matched[j] = true;
			break;
		}
	}
	for (int j = 0; j < ours->params; j++)
		if (!matched[j])
			return fail(x, "%s:%d: %s: expected a parameter '%s', found %s",
				    x->order->table->path, theirs->line, theirs->name,
				    ours->param[j], list_params(theirs, found, sizeof(found)));
	return 0;
}

static int begin_callback(struct expansion *x, const char *signature, bool *on)
{
	const struct fabric_table *table = x->order->table;
	char names[FABRIC_MAX_PARAMS][FABRIC_NAME_SIZE];
	const struct fabric_member *theirs;
	struct fabric_member ours;
	int rc = fabric_signature_parse(&ours, x->name, x->line, signature, x->error);

	if (rc)
		return rc;
	theirs = fabric_table_find(table, ours.name);
	x->recent = *on ? theirs : NULL;
	*on = x->recent;
	if (!*on)
		return 0;
	if (!theirs->callback || strcmp(theirs->type, ours.type) != 0)
		return fail(x, "%s:%d: %s: expected a callback that returns '%s', found %s'%s'",
			    table->path, theirs->line, ours.name, ours.type,
			    theirs->callback ? "" : "a field ", theirs->type);
	rc = match_params(x, theirs, &ours, names);
	if (rc)
		return rc;
	x->use[theirs - table->member].template = x->name;
	put_signature(x, x->out, theirs, names);
	fputs("\n{\n", x->out);
	return 0;
}

static int take_note(struct expansion *x, const char *text)
{
	struct fabric_use *use;

	if (!x->recent) /* of a callback that is left out */
		return 0;
	use = &x->use[x->recent - x->order->table->member];
	if (snprintf(use->note, sizeof(use->note), "%s", text) >= (int)sizeof(use->note))
		return fail_here(x, "a shorter note", text);
	return 0;
}

/* --- lists ---------------------------------------------------------------------------------------
 */

static void put_list(struct expansion *x, const char *which)
{
	char nameless[FABRIC_MAX_PARAMS][FABRIC_NAME_SIZE] = { "" };
	const struct fabric_table *table = x->order->table;

	for (int i = 0; i < table->members; i++) {
		const struct fabric_member *m = &table->member[i];
		const struct fabric_use *use = &x->use[i];
		char params[256];

		if (!m->callback || !use->template != !strcmp(which, "others"))
			continue;
		if (!strcmp(which, "prototypes")) {
			put_signature(x, x->out, m, nameless);
			fputs(";\n", x->out);
		} else if (!strcmp(which, "ops")) {
			fprintf(x->out, "\t.%s = %s_%s,\n", m->name, x->order->name, m->name);
		} else if (!strcmp(which, "callbacks")) {
			fprintf(x->out, "| `%s` | `%s_%s` | %s | %s |\n", m->name, x->order->name,
				m->name, use->template, *use->note ? use->note : "complete");
		} else {
			fprintf(x->out, "- `%s%s(*%s)(%s)`\n", m->type, gap(m->type), m->name,
				list_params(m, params, sizeof(params)));
		}
	}
}

/* --- directives ----------------------------------------------------------------------------------
 */

static bool has_flag(const char *flags, const char *flag)
{
	size_t length = strlen(flag);

	for (; *flags; flags += strspn(flags, " ")) {
		size_t n = strcspn(flags, " ");

		if (n == length && !memcmp(flags, flag, n))
			return true;
		flags += n;
	}
	return false;
}

static bool holds(const struct expansion *x, const char *condition)
{
	if (*condition == '!')
		return !holds(x, condition + 1);
	if (!strncmp(condition, "has:", 4))
		return fabric_table_find(x->order->table, condition + 4);
	return has_flag(x->order->protocol->flags, condition);
}

static int require(struct expansion *x, bool function, const char *name)
{
	const struct fabric_table *table = x->order->table;

	if (function ? fabric_table_declares(table, name) : !!fabric_table_find(table, name))
		return 0;
	return fail(x, "%s: expected %s %s, found none: this kernel's target core is another one",
		    table->path, function ? "a function" : "a member", name);
}

/* Each word of @words: all conditions together to *@all, or what is required. */
static int each_word(struct expansion *x, const char *verb, char *words, bool *all)
{
	char *save = NULL;
	int rc = 0;

	for (char *w = strtok_r(words, " ", &save); w && !rc; w = strtok_r(NULL, " ", &save)) {
		if (all)
			*all = *all && holds(x, w);
		else
			rc = require(x, !strcmp(verb, "function"), w);
	}
	return rc;
}

static int begin(struct expansion *x, const char *verb, char *rest)
{
	bool on = x->on[x->depth];
	int rc;

	if (x->depth == DEPTH_MAX)
		return fail_here(x, "fewer levels", verb);
	if (!strcmp(verb, "callback"))
		rc = begin_callback(x, rest, &on);
	else
		rc = each_word(x, verb, rest, &on);
	x->on[++x->depth] = on;
	x->is_callback[x->depth] = !strcmp(verb, "callback");
	return rc;
}

static int end(struct expansion *x, const char *verb)
{
	if (!x->depth)
		return fail_here(x, "@if before it", verb);
	if (!strcmp(verb, "else")) {
		x->on[x->depth] = x->on[x->depth - 1] && !x->on[x->depth];
		return 0;
	}
	if (x->is_callback[x->depth] && x->on[x->depth])
		fputs("}\n", x->out);
	x->depth--;
	return 0;
}

static int directive(struct expansion *x, char *line)
{
	char *rest = line + strcspn(line, " ");

	if (*rest)
		*rest++ = '\0';
	if (!strcmp(line, "if") || !strcmp(line, "callback"))
		return begin(x, line, rest);
	if (!strcmp(line, "else") || !strcmp(line, "end"))
		return end(x, line);
	if (!x->on[x->depth])
		return 0;
	if (!strcmp(line, "note"))
		return take_note(x, rest);
	if (!strcmp(line, "require") || !strcmp(line, "function"))
		return each_word(x, line, rest, NULL);
	if (!strcmp(line, "prototypes") || !strcmp(line, "ops") || !strcmp(line, "callbacks") ||
	    !strcmp(line, "others")) {
		put_list(x, line);
		return 0;
	}
	return fail_here(x, "a directive", line);
}

/* "@if ..." and not "@name@ ...". */
static bool is_directive(const char *line)
{
	return *line == '@' && line[1 + strcspn(line + 1, " @")] != '@';
}

int fabric_expand(const struct fabric_order *order, const char *name, const char *text,
		  struct fabric_use *use, char **out, char error[FABRIC_ERROR_SIZE])
{
	struct expansion x = { .order = order, .name = name, .use = use, .error = error };
	char *copy = strdup(text), *at = copy, *line;
	size_t size;
	int rc = 0;

	*out = NULL;
	x.on[0] = true;
	x.out = open_memstream(out, &size);
	if (!copy || !x.out)
		rc = fail(&x, "out of memory");
	while (!rc && *at) {
		line = strsep(&at, "\n");
		x.line++;
		if (is_directive(line))
			rc = directive(&x, line + 1);
		else if (x.on[x.depth])
			rc = put_line(&x, line);
		if (!at)
			break;
	}
	if (!rc && x.depth)
		rc = fail_here(&x, "@end", "the end");
	if (x.out && fclose(x.out) && !rc)
		rc = fail(&x, "out of memory");
	free(copy);
	if (rc) {
		free(*out);
		*out = NULL;
	}
	return rc;
}
