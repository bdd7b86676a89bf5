/* SPDX-License-Identifier: MIT */
/*
 * The handler that a verb is about: the options that say which, and what cases need to know of it.
 */
#ifndef HARNESS_SUBJECT_H
#define HARNESS_SUBJECT_H

#include "../../ringsim/world/world.h"
#include "../target/impl.h"
#include "../target/world_site.h"

#include <getopt.h>

/**
 * struct subject_options - what the command line says; NULL, 0 and false where nothing was said
 * @handlers: reference handlers, separated by commas
 */
struct subject_options {
	const char *handlers, *mutant, *exec, *config, *overlook;
	enum world_mechanism mechanism;
	uint64_t timeout_ms;
	bool persistent, uio, daemon, mechanism_said;
};

/* Values for getopt_long(), beyond those of the verbs' own options. */
enum {
	SUBJECT_HANDLER = 512,
	SUBJECT_MUTANT,
	SUBJECT_EXEC,
	SUBJECT_ATTACH,
	SUBJECT_CONFIG,
	SUBJECT_DAEMON,
	SUBJECT_MECHANISM,
	SUBJECT_OVERLOOK,
	SUBJECT_PERSISTENT,
	SUBJECT_TIMEOUT,
};

/* Rows of an array of struct option. */
/* clang-format off */
#define SUBJECT_LONG_OPTIONS                                         \
	{ "handler", required_argument, NULL, SUBJECT_HANDLER },     \
	{ "mutant", required_argument, NULL, SUBJECT_MUTANT },       \
	{ "exec", required_argument, NULL, SUBJECT_EXEC },           \
	{ "attach", required_argument, NULL, SUBJECT_ATTACH },       \
	{ "config", required_argument, NULL, SUBJECT_CONFIG },       \
	{ "daemon", no_argument, NULL, SUBJECT_DAEMON },             \
	{ "mechanism", required_argument, NULL, SUBJECT_MECHANISM }, \
	{ "overlook", required_argument, NULL, SUBJECT_OVERLOOK },   \
	{ "persistent", no_argument, NULL, SUBJECT_PERSISTENT },     \
	{ "timeout-ms", required_argument, NULL, SUBJECT_TIMEOUT }
/* clang-format on */

/** subject_option() - take option @c of getopt_long(); 0, or EXIT_USAGE after complaining. */
int subject_option(struct subject_options *o, const char *verb, int c);
/** subject_conflicts() - once all are read: what contradicts itself. As above. */
int subject_conflicts(const struct subject_options *o, const char *verb);
/** subject_default_timeout() - of --timeout-ms, which depends on the others. */
uint64_t subject_default_timeout(const struct subject_options *o);
/** subject_quoted() - @text for a shell, the caller's; NULL without memory. */
char *subject_quoted(const char *text);
/**
 * subject_said() - the options again, as a shell needs them for a replay. As above.
 * @label: of the handler, if it is one of several
 * @timeout_ms: which need not be said
 */
char *subject_said(const struct subject_options *o, const char *label, uint64_t timeout_ms);

/**
 * struct subject - one handler, ready to be asked; zero it
 * @spec: complete but for what only some verbs have (@spec.site)
 */
struct subject {
	struct target_spec spec;
	struct store_cache cache;
	struct world_site world;
	void *so;
	char *label, *program;
};

/**
 * subject_reference() - the reference handler @name
 * @dir: private directory, which outlives it
 */
void subject_reference(struct subject *s, const char *name, const char *dir, uint64_t timeout_ms);
/** subject_mutant() - the mutant @name that was built beside this program; complains. */
int subject_mutant(struct subject *s, const char *verb, const char *name, const char *dir);
/** subject_load() - the mutant @name in the directory @so_dir. 0, or -errno after complaining. */
int subject_load(struct subject *s, const char *verb, const char *so_dir, const char *name,
		 const char *dir);
/** subject_exec() - a program; finds out first whether there can be a world. Complains. */
int subject_exec(struct subject *s, const char *verb, const struct subject_options *o,
		 const char *dir);
void subject_close(struct subject *s);

/**
 * struct mutant_about - what NAME.mutant says of a mutant
 * @engine: the store engine in which it shows
 */
struct mutant_about {
	const char *engine;
	char clause[32], why[160];
};

/** mutant_about() - false after complaining: unreadable, or its clause is unknown. */
bool mutant_about(struct mutant_about *m, const char *verb, const char *so_dir, const char *name);

#endif
