/* SPDX-License-Identifier: MIT */
/* The verbs of tcmu-harness. Each takes its own argv and returns the exit status. */
#ifndef HARNESS_VERBS_H
#define HARNESS_VERBS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Exit statuses; the last one: nothing ran. */
#define EXIT_OK	     0
#define EXIT_FAILED  1
#define EXIT_USAGE   2
#define EXIT_NOTHING 77

/** usage_error() - one line on stderr, with where to find help; returns EXIT_USAGE. */
int usage_error(const char *verb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** option_error() - the same for what getopt_long() answered '?' or ':' to. */
int option_error(const char *verb, int c, char **argv);

/** parse_u64() - a whole number, decimal or 0x; false on anything else or overflow. */
bool parse_u64(const char *text, uint64_t *out);

/** glob_list_match() - whether @text matches one of the comma-separated patterns, ignoring case. */
bool glob_list_match(const char *patterns, const char *text);
/** clause_list_match() - whether a clause of the space-separated list matches. */
bool clause_list_match(const char *patterns, const char *clauses);

/** beside_program() - path of @name in the directory of this executable; owned by the caller. */
char *beside_program(const char *name);

/** workdir_make() - a private directory, under TMPDIR if that is set; NULL after printing why not.
 * Of those that killed runs have left there, what is the user's own is removed. */
char *workdir_make(const char *verb);
/** workdir_in() - the same in @parent, however little room there is. */
char *workdir_in(const char *verb, const char *parent);
/** workdir_remove() - remove it with everything in it, and free the name. */
void workdir_remove(char *dir);

int verb_fuzz(int argc, char **argv, const volatile sig_atomic_t *stop);
int verb_replay(int argc, char **argv, const volatile sig_atomic_t *stop);
int verb_check(int argc, char **argv, const volatile sig_atomic_t *stop);
int verb_run(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_explain(int argc, char **argv);
int verb_scsi(int argc, char **argv);
int verb_report(int argc, char **argv);

/** check_mutants() - build/mutants/NAME.so each against the suite; see mutants.c. */
int check_mutants(const char *dir, uint64_t seed, bool verbose, const volatile sig_atomic_t *stop);

#endif
