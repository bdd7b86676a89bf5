/* SPDX-License-Identifier: MIT */
/* What this machine lets us do: `tcmu-harness env`. */
#ifndef HARNESS_RUN_ENV_H
#define HARNESS_RUN_ENV_H

#include <stdbool.h>
#include <stddef.h>

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
 * depends on; true if there is one
 */
bool env_world(struct facts *fs);
/** env_machine() - what does not matter for a world but for something else that we do. */
void env_machine(struct facts *fs);

int verb_env(int argc, char **argv);

#endif
