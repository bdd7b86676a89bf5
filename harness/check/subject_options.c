/* SPDX-License-Identifier: MIT */
/* The options of check, fuzz and replay that say which handler they are about. */
#include "../clauses/clause.h"
#include "subject.h"
#include "verbs.h"

#include <stdio.h>

#define TIMEOUT_MS	 2000
#define WORLD_TIMEOUT_MS 1000 /* a handler that leaves commands unanswered leaves many */

static const char *const mechanisms[] = {
	[WORLD_AUTO] = "auto", [WORLD_SECCOMP] = "seccomp", [WORLD_PRELOAD] = "preload"
};

uint64_t subject_default_timeout(const struct subject_options *o)
{
	return o->uio ? WORLD_TIMEOUT_MS : TIMEOUT_MS;
}

/* What concerns handlers in a world. */
static int set_world_option(struct subject_options *o, const char *verb, int c)
{
	int i;

	switch (c) {
	case SUBJECT_ATTACH:
		o->uio = !strcmp(optarg, "uio");
		if (o->uio || !strcmp(optarg, "protocol"))
			return 0;
		return usage_error(verb, "--attach: expected protocol or uio, found '%s'", optarg);
	case SUBJECT_CONFIG:
		o->config = optarg;
		return 0;
	case SUBJECT_DAEMON:
		o->daemon = true;
		return 0;
	default: /* SUBJECT_MECHANISM */
		o->mechanism_said = true;
		for (i = 0; i < 3; i++) {
			o->mechanism = (enum world_mechanism)i;
			if (!strcmp(optarg, mechanisms[i]))
				return 0;
		}
		return usage_error(
			verb, "--mechanism: expected auto, seccomp or preload, found '%s'", optarg);
	}
}

static int set_overlook(struct subject_options *o, const char *verb, const char *text)
{
	size_t commas = 0, known = 0;
	char *copy = strdup(text), *rest = NULL, *id;

	o->overlook = text;
	for (const char *p = text; *p; p++)
		commas += *p == ',';
	for (id = copy ? strtok_r(copy, ",", &rest) : NULL; id; id = strtok_r(NULL, ",", &rest))
		known += clause_find(id) != NULL;
	free(copy);
	return known == commas + 1 ? 0
				   : usage_error(verb,
						 "--overlook: expected clauses such as HND-035, "
						 "found '%s'",
						 text);
}

static int set_timeout(struct subject_options *o, const char *verb)
{
	if (parse_u64(optarg, &o->timeout_ms) && o->timeout_ms >= 10 && o->timeout_ms <= 600000)
		return 0;
	return usage_error(verb, "--timeout-ms: expected a number from 10 to 600000, found '%s'",
			   optarg);
}

int subject_option(struct subject_options *o, const char *verb, int c)
{
	switch (c) {
	case SUBJECT_HANDLER:
		o->handlers = optarg;
		return 0;
	case SUBJECT_MUTANT:
		o->mutant = optarg;
		return 0;
	case SUBJECT_EXEC:
		o->exec = optarg;
		return 0;
	case SUBJECT_OVERLOOK:
		return set_overlook(o, verb, optarg);
	case SUBJECT_PERSISTENT:
		o->persistent = true;
		return 0;
	case SUBJECT_TIMEOUT:
		return set_timeout(o, verb);
	default:
		return set_world_option(o, verb, c);
	}
}

/* Every name of the list is one of ours; found out before anything runs. */
static int check_handlers(const char *verb, const char *list)
{
	static const char *const known[] = { "memory", "psync", "libaio", "io_uring" };
	char *copy = strdup(list), *save = NULL, *name;
	int rc = 0, n = 0, i;

	for (name = strtok_r(copy, ",", &save); name && !rc; name = strtok_r(NULL, ",", &save)) {
		for (i = 0; i < 4 && strcmp(known[i], name); i++)
			;
		n++;
		if (i == 4)
			rc = usage_error(verb,
					 "--handler: expected memory, psync, libaio or io_uring, "
					 "found '%s'",
					 name);
	}
	if (!n)
		rc = usage_error(verb, "--handler: expected a handler, found nothing");
	free(copy);
	return rc;
}

int subject_conflicts(const struct subject_options *o, const char *verb)
{
	if (!!o->handlers + !!o->exec + !!o->mutant > 1)
		return usage_error(verb, "only one of --handler, --exec and --mutant");
	if (o->exec && !o->exec[strspn(o->exec, " \t")])
		return usage_error(verb, "--exec: expected a command, found nothing");
	if (o->uio && !o->exec)
		return usage_error(verb, "--attach uio: expected --exec");
	if (!o->uio && (o->config || o->daemon || o->mechanism_said))
		return usage_error(verb,
				   "--config, --daemon and --mechanism: expected --attach uio");
	if (o->config && (!*o->config || *o->config == '/'))
		return usage_error(verb, "--config: expected SUBTYPE/PATH, found '%s'", o->config);
	return o->handlers ? check_handlers(verb, o->handlers) : 0;
}

char *subject_quoted(const char *text)
{
	char *out = malloc(strlen(text) * 4 + 3), *p = out;

	if (!out)
		return NULL;
	*p++ = '\'';
	for (; *text; text++) {
		if (*text == '\'') {
			memcpy(p, "'\\''", 4);
			p += 4;
		} else {
			*p++ = *text;
		}
	}
	*p++ = '\'';
	*p = 0;
	return out;
}

/* What must be said again for a handler in a world. */
static char *world_said(const struct subject_options *o)
{
	char *config = o->config ? subject_quoted(o->config) : NULL, *text = NULL;

	if ((o->config && !config) ||
	    asprintf(&text, "%s%s%s%s%s%s", o->uio ? " --attach uio" : "",
		     config ? " --config " : "", config ? config : "", o->daemon ? " --daemon" : "",
		     o->mechanism_said ? " --mechanism " : "",
		     o->mechanism_said ? mechanisms[o->mechanism] : "") < 0)
		text = NULL;
	free(config);
	return text;
}

char *subject_said(const struct subject_options *o, const char *label, uint64_t timeout_ms)
{
	char *exec, *world, *text = NULL, timeout[40] = "";
	int n = -1;

	if (!o->exec) {
		n = asprintf(&text, "--%s %s", o->mutant ? "mutant" : "handler",
			     o->mutant ? o->mutant : label);
		return n < 0 ? NULL : text;
	}
	if (o->timeout_ms != timeout_ms)
		snprintf(timeout, sizeof(timeout), " --timeout-ms %llu",
			 (unsigned long long)o->timeout_ms);
	exec = subject_quoted(o->exec);
	world = world_said(o);
	if (exec && world)
		n = asprintf(&text, "--exec %s%s%s%s%s%s", exec, world,
			     o->persistent ? " --persistent" : "", timeout,
			     o->overlook ? " --overlook " : "", o->overlook ? o->overlook : "");
	free(exec);
	free(world);
	return n < 0 ? NULL : text;
}
