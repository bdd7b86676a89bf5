/* SPDX-License-Identifier: MIT */
/*
 * What this machine is and lets us do: `tcmu-harness env`, and the member "env" of every result.
 */
#ifndef HARNESS_ENV_ENV_H
#define HARNESS_ENV_ENV_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** enum answer - SAID: the text is all there is to say, it is neither yes nor no */
enum answer { NO, YES, SAID };

/** struct fact - "@what: yes, @text" */
struct fact {
	char what[40];
	enum answer answer;
	char text[280];
};

#define FACTS_MAX 48

/** struct facts - those beyond FACTS_MAX are lost, which a test would notice */
struct facts {
	struct fact fact[FACTS_MAX];
	size_t n;
};

void fact_add(struct facts *fs, const char *what, enum answer answer, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * env_world() - the mechanism that world_create() would choose, as the first fact, then all that it
 * depends on; its name, as for --mechanism, NULL if there is none
 */
const char *env_world(struct facts *fs);
/** env_machine() - what does not matter for a world but for something else that we do. */
void env_machine(struct facts *fs);
/** env_find_tool() - the path of a program in PATH or /usr/sbin; false if there is none. */
bool env_find_tool(const char *name, char *buf, size_t len);

/**
 * env_missing() - array of {for, missing, get}: for which commands what is missing
 * @system: of system_collect()
 * @fs:     what was tried; NULL if it is another machine that is described: then only
 *          modules and headers
 */
json_t *env_missing(const json_t *system, const struct facts *fs);
/** env_missing_text() - a line for each, or one that nothing is. */
void env_missing_text(const json_t *list, FILE *out);

/**
 * env_now() - all of it, for a result: what system_collect() makes, and schema, works, mechanism,
 * facts, missing. It takes some 30 ms. NULL if out of memory.
 */
json_t *env_now(void);

int verb_env(int argc, char **argv);

#endif
