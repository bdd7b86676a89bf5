/* SPDX-License-Identifier: MIT */
/*
 * The function table of a kernel, read from its header by a parser for as much C as is in there.
 *
 * It is strict: whatever it does not know is an error with its line, since a member read wrongly
 * would become a module that is subtly wrong. Comments and preprocessor directives become blanks
 * first, so that lines keep their numbers; a directive inside the structure is an error, too, as it
 * may hide members.
 */
#include "fabric.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char structure[] = "target_core_fabric_ops";

/* Where a directive was; it is no character of C. */
#define DIRECTIVE '\001'

struct scan {
	const struct fabric_table *table;
	const char *at; /* behind the current token */
	const char *token;
	size_t length; /* of the current token; 0 at the end of the file */
	int line;
	char *error;
};

/* --- tokens --------------------------------------------------------------------------------------
 */

/* A literal's end, or the end of its line: nothing of interest is in it. */
static char *skip_literal(char *p)
{
	char quote = *p++;

	while (*p && *p != quote && *p != '\n')
		p += *p == '\\' && p[1] ? 2 : 1;
	return *p == quote ? p + 1 : p;
}

static char *blank_comment(char *p)
{
	bool line = p[1] == '/';

	p[0] = p[1] = ' ';
	for (p += 2; *p; p++) {
		if (line && *p == '\n')
			return p;
		if (!line && p[0] == '*' && p[1] == '/') {
			p[0] = p[1] = ' ';
			return p + 2;
		}
		if (*p != '\n')
			*p = ' ';
	}
	return p;
}

static char *blank_directive(char *p)
{
	for (*p++ = DIRECTIVE; *p && *p != '\n'; p++) {
		if (*p == '\\' && p[1] == '\n')
			*p++ = ' ';
		else if (p[0] == '/' && p[1] == '*')
			p = blank_comment(p) - 1;
		else
			*p = ' ';
	}
	return p;
}

static void blank_comments(char *text)
{
	bool fresh = true; /* nothing but blanks in this line yet */
	char *p = text;

	while (*p) {
		if (p[0] == '/' && (p[1] == '*' || p[1] == '/')) {
			p = blank_comment(p);
		} else if (*p == '#' && fresh) {
			p = blank_directive(p);
		} else if (*p == '"' || *p == '\'') {
			p = skip_literal(p);
			fresh = false;
		} else {
			if (*p == '\n')
				fresh = true;
			else if (!isspace((unsigned char)*p))
				fresh = false;
			p++;
		}
	}
}

static bool is_word(int c)
{
	return isalnum(c) || c == '_';
}

static void next(struct scan *s)
{
	const char *p = s->at;

	for (; isspace((unsigned char)*p); p++)
		s->line += *p == '\n';
	s->token = p;
	if (is_word((unsigned char)*p)) {
		while (is_word((unsigned char)*p))
			p++;
	} else if (*p) {
		p++;
	}
	s->at = p;
	s->length = (size_t)(p - s->token);
}

static bool is(const struct scan *s, const char *word)
{
	return s->length == strlen(word) && !memcmp(s->token, word, s->length);
}

static bool is_name(const struct scan *s)
{
	return s->length && is_word((unsigned char)*s->token) && !isdigit((unsigned char)*s->token);
}

static int wrong(struct scan *s, const char *expected)
{
	const char *path = s->table->path;

	if (!s->length)
		snprintf(s->error, FABRIC_ERROR_SIZE, "%s:%d: expected %s, found the end", path,
			 s->line, expected);
	else if (*s->token == DIRECTIVE)
		snprintf(s->error, FABRIC_ERROR_SIZE,
			 "%s:%d: expected %s, found a preprocessor directive", path, s->line,
			 expected);
	else
		snprintf(s->error, FABRIC_ERROR_SIZE, "%s:%d: expected %s, found '%.*s'", path,
			 s->line, expected, (int)(s->length < 64 ? s->length : 64), s->token);
	return -EINVAL;
}

static int expect(struct scan *s, const char *word)
{
	char quoted[32];

	if (is(s, word)) {
		next(s);
		return 0;
	}
	snprintf(quoted, sizeof(quoted), "'%s'", word);
	return wrong(s, quoted);
}

/* --- declarations --------------------------------------------------------------------------------
 */

static bool one_of(const struct scan *s, const char *const *words)
{
	for (; *words; words++)
		if (is(s, *words))
			return true;
	return false;
}

/* Appends the current token to a type, as people write them, and goes on to the next. */
static int append(struct scan *s, char *type)
{
	size_t length = strlen(type);
	bool blank = length && !(*s->token == '*' && type[length - 1] == '*');

	if (length + blank + s->length >= FABRIC_TYPE_SIZE)
		return wrong(s, "a shorter type");
	if (blank)
		type[length++] = ' ';
	memcpy(type + length, s->token, s->length);
	type[length + s->length] = '\0';
	next(s);
	return 0;
}

/* What stands in front of a declarator, with its stars: "const char *". */
static int parse_type(struct scan *s, char *type)
{
	static const char *const qualifiers[] = { "const", "volatile", NULL };
	static const char *const tagged[] = { "struct", "union", "enum", NULL };
	static const char *const basic[] = { "unsigned", "signed", "long", "short",
					     "int",	 "char",   "void", NULL };
	bool seen = false, in_basic = false;
	int rc = 0;

	type[0] = '\0';
	while (!rc && is_name(s)) {
		if (one_of(s, qualifiers)) {
			rc = append(s, type);
		} else if (one_of(s, basic) && (!seen || in_basic)) {
			seen = in_basic = true;
			rc = append(s, type);
		} else if (seen) {
			break; /* the declarator's name */
		} else if (one_of(s, tagged)) {
			seen = true;
			rc = append(s, type);
			if (!rc)
				rc = is_name(s) ? append(s, type) : wrong(s, "a tag");
		} else {
			seen = true; /* the name of a type */
			rc = append(s, type);
		}
	}
	if (!rc && !seen)
		rc = wrong(s, "a type");
	while (!rc && (is(s, "*") || (strchr(type, '*') && one_of(s, qualifiers))))
		rc = append(s, type);
	return rc;
}

static int parse_name(struct scan *s, char *name)
{
	if (!is_name(s))
		return wrong(s, "a name");
	if (s->length >= FABRIC_NAME_SIZE)
		return wrong(s, "a shorter name");
	memcpy(name, s->token, s->length);
	name[s->length] = '\0';
	next(s);
	return 0;
}

/* "(struct se_cmd *, u32 length)" */
static int parse_params(struct scan *s, struct fabric_member *member)
{
	int rc = expect(s, "(");

	while (!rc) {
		char *type;

		if (member->params == FABRIC_MAX_PARAMS)
			return wrong(s, "no more than 8 parameters");
		type = member->param[member->params];
		rc = parse_type(s, type);
		if (rc)
			break;
		if (!member->params && !strcmp(type, "void") && is(s, ")"))
			break;
		if (!strcmp(type, "void"))
			return wrong(s, "'*' or ')' behind void");
		if (is_name(s))
			rc = parse_name(s, member->param_name[member->params]);
		member->params++;
		if (rc || !is(s, ","))
			break;
		next(s);
	}
	return rc ? rc : expect(s, ")");
}

/* "u16 (*tpg_get_tag)(struct se_portal_group *);", "bool flag;", "unsigned int flag:1;" */
static int parse_member(struct scan *s, struct fabric_member *member)
{
	int rc;

	memset(member, 0, sizeof(*member));
	rc = parse_type(s, member->type);
	if (rc)
		return rc;
	member->callback = is(s, "(");
	if (member->callback) {
		next(s);
		rc = expect(s, "*");
	}
	member->line = s->line;
	if (!rc)
		rc = parse_name(s, member->name);
	if (!rc && member->callback) {
		rc = expect(s, ")");
		if (!rc)
			rc = parse_params(s, member);
	} else if (!rc && is(s, ":")) {
		next(s);
		if (!isdigit((unsigned char)*s->token))
			return wrong(s, "the width of a bit field");
		next(s);
	}
	return rc ? rc : expect(s, ";");
}

static int parse_members(struct scan *s, struct fabric_table *table)
{
	int rc = 0;

	while (!rc && !is(s, "}")) {
		struct fabric_member *member = &table->member[table->members];

		if (table->members == FABRIC_MAX_MEMBERS)
			return wrong(s, "'}': no more than 128 members");
		rc = parse_member(s, member);
		if (rc)
			break;
		if (fabric_table_find(table, member->name)) {
			snprintf(s->error, FABRIC_ERROR_SIZE,
				 "%s:%d: expected a new name, found '%s' once more", table->path,
				 member->line, member->name);
			return -EINVAL;
		}
		table->members++;
	}
	if (!rc)
		next(s);
	return rc ? rc : expect(s, ";");
}

/* To behind the '{' of the structure's definition, if there is one. */
static bool find_structure(struct scan *s)
{
	for (next(s); s->length; next(s)) {
		if (!is(s, "struct"))
			continue;
		next(s);
		if (!is(s, structure))
			continue;
		next(s);
		if (!is(s, "{"))
			continue;
		next(s);
		return true;
	}
	return false;
}

int fabric_table_parse(struct fabric_table *table, const char *path, const char *text,
		       char error[FABRIC_ERROR_SIZE])
{
	struct scan s = { .table = table, .line = 1, .error = error };

	memset(table, 0, sizeof(*table));
	snprintf(table->path, sizeof(table->path), "%s", path);
	table->text = strdup(text);
	if (!table->text) {
		snprintf(error, FABRIC_ERROR_SIZE, "%s: out of memory", path);
		return -ENOMEM;
	}
	blank_comments(table->text);
	s.at = table->text;
	if (!find_structure(&s)) {
		snprintf(error, FABRIC_ERROR_SIZE, "%s:%d: expected struct %s, found the end",
			 table->path, s.line, structure);
		return -EINVAL;
	}
	return parse_members(&s, table);
}

int fabric_signature_parse(struct fabric_member *member, const char *path, int line,
			   const char *text, char error[FABRIC_ERROR_SIZE])
{
	struct fabric_table nowhere = { .members = 0 };
	struct scan s = { .table = &nowhere, .at = text, .line = line, .error = error };
	int rc;

	memset(member, 0, sizeof(*member));
	snprintf(nowhere.path, sizeof(nowhere.path), "%s", path);
	member->callback = true;
	member->line = line;
	next(&s);
	rc = parse_type(&s, member->type);
	if (!rc)
		rc = parse_name(&s, member->name);
	if (!rc)
		rc = parse_params(&s, member);
	if (!rc && s.length)
		rc = wrong(&s, "nothing more");
	return rc;
}

void fabric_table_free(struct fabric_table *table)
{
	free(table->text);
	table->text = NULL;
}

const struct fabric_member *fabric_table_find(const struct fabric_table *table, const char *name)
{
	for (int i = 0; i < table->members; i++)
		if (!strcmp(table->member[i].name, name))
			return &table->member[i];
	return NULL;
}

bool fabric_table_declares(const struct fabric_table *table, const char *function)
{
	struct scan s = { .table = table, .at = table->text, .line = 1 };

	for (next(&s); s.length; next(&s)) {
		if (!is(&s, function))
			continue;
		next(&s);
		if (is(&s, "("))
			return true;
	}
	return false;
}
