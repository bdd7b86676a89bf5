/* SPDX-License-Identifier: MIT */
/*
 * What the administrator told modprobe(8) of a module, by modprobe.d(5): another command instead,
 * options, not to load it by alias; and, of SUSE, not to load what the distribution does not
 * support.
 */
#include "conf.h"
#include "system.h"

#include "../report/clean.h"

#include <stdio.h>
#include <string.h>

/* The object of one of system_modules[]; NULL if @name is no such module. "a-b" is a_b here. */
static json_t *rules_of(json_t *rules, const char *name)
{
	char plain[64];
	size_t i;
	char *c;

	snprintf(plain, sizeof(plain), "%s", name);
	for (c = plain; (c = strchr(c, '-'));)
		*c = '_';
	for (i = 0; system_modules[i]; i++) {
		if (strcmp(plain, system_modules[i]) != 0)
			continue;
		if (!json_object_get(rules, plain))
			json_object_set_new(rules, plain, json_object());
		return json_object_get(rules, plain);
	}
	return NULL;
}

static void add(json_t *module, const char *key, const char *value, const char *from)
{
	char line[512];

	snprintf(line, sizeof(line), "%.200s%s(%s)", value, *value ? " " : "", from);
	json_object_set_new(module, key, clean_json(line));
}

/* The latest line of a kind is told; which of several counts, modprobe does not promise either. */
static void take(struct rootfs *t, char *line, const char *from, void *ctx)
{
	char *save = NULL, *verb = strtok_r(line, " \t", &save);
	const char *name = verb ? strtok_r(NULL, " \t", &save) : NULL, *rest;
	json_t *rules = ctx, *module;

	(void)t;
	if (!name || *verb == '#')
		return;
	if (!strcmp(verb, "allow_unsupported_modules")) {
		if (!strcmp(name, "0"))
			json_object_set_new(rules, "allow_unsupported_modules", clean_json(from));
		else
			json_object_del(rules, "allow_unsupported_modules");
		return;
	}
	module = rules_of(rules, name);
	rest = save ? save + strspn(save, " \t") : "";
	if (!module)
		return;
	if (!strcmp(verb, "blacklist"))
		add(module, "blacklist", "", from);
	else if (!strcmp(verb, "install") || !strcmp(verb, "options"))
		add(module, verb, rest, from);
}

json_t *modprobe_rules(struct rootfs *t)
{
	json_t *rules = json_object();

	conf_lines(t, "modprobe.d", take, rules);
	return rules;
}
