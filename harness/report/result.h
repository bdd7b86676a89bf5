/* SPDX-License-Identifier: MIT */
/*
 * The result model: what a run found, independent of how it is printed.
 *
 * A run is a list of results, one per case and handler. Every writer (text, TAP, JUnit, JSON) reads
 * this and nothing else, so that no two reports can disagree.
 */
#ifndef HARNESS_RESULT_H
#define HARNESS_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * enum verdict - how a case ended
 * @VERDICT_PASS:  the clause was exercised and held
 * @VERDICT_FAIL:  it did not hold, or the handler died, hung or broke another clause meanwhile,
 * which then is the one that has failed
 * @VERDICT_SKIP:  it was not exercised; never counted as a pass. A reason that begins "sim only:"
 *                 or "kernel only:" says that it cannot be, on this target
 * @VERDICT_KNOWN: it failed and the baseline expects that, with a reason and a date
 */
enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_SKIP, VERDICT_KNOWN };

/**
 * struct result - one case run once against one handler
 * @handler: label of the handler ("memory", "psync", "mutant:NAME", the command); owned
 * @id:      case id, e.g. "hnd.013.short-pad"; owned
 * @title:   the case's title; owned
 * @clauses: ids that the case proves, separated by one space; owned
 * @level:   "MUST", "SHOULD" or "MAY" (static)
 * @verdict: how it ended
 * @reason:  one line: why it failed, was skipped or is known; owned, NULL for a pass
 * @detail:  many lines for a failure: sent, expected, found, ring dump; owned, may be NULL
 * @clause:  the clause that was broken, if a failure can name one; owned, may be NULL
 * @replay:  command line that repeats just this case; owned, may be NULL
 * @seed:    seed that the case ran with
 * @time_us: wall time in microseconds
 */
struct result {
	char *handler;
	char *id;
	char *title;
	char *clauses;
	const char *level;
	enum verdict verdict;
	char *reason;
	char *detail;
	char *clause;
	char *replay;
	uint64_t seed;
	uint64_t time_us;
};

/**
 * struct results - a growing list; zero-initialise, release with results_free()
 * @env:  JSON object: the machine it ran on, see env_now(); owned, NULL if that is not to be said
 * @envs: JSON object: of results that were read back, those machines by label; owned, NULL if none
 */
struct results {
	struct result *v;
	size_t n, cap;
	struct json_t *env, *envs;
};

/** struct result_counts - how many ended in each verdict. */
struct result_counts {
	size_t pass, fail, skip, known;
};

/** verdict_name() - "pass", "fail", "skip" or "known". */
const char *verdict_name(enum verdict verdict);

/**
 * results_add() - append *@r, taking ownership of its strings
 *
 * *@r is left empty either way; its strings are released on failure. Returns 0 or -ENOMEM.
 */
int results_add(struct results *rs, struct result *r);
/** results_free() - release everything in @rs. */
void results_free(struct results *rs);
/** results_count() - count the verdicts. */
struct result_counts results_count(const struct results *rs);
/** results_exit_status() - 1 with a failure, 77 if there are only skips or nothing, else 0. */
int results_exit_status(const struct results *rs);

/**
 * baseline_apply() - turn expected failures into known ones
 * @path: JSON file:
 *        {"schema":1,"known":[{"handler":GLOB,"case":GLOB,"reason":TEXT,"date":"YYYY-MM-DD"}]}
 * @err:  receives one line (what, where, expected, found) on failure
 *
 * A failing result that matches an entry becomes VERDICT_KNOWN with that reason and date; why it
 * failed moves to the top of its detail. A result that passes although an entry expects it to fail
 * becomes VERDICT_FAIL ("unexpected pass"). The first entry that matches counts; entries that match
 * no result are ignored. A bad file changes no verdict. Returns 0, -EINVAL or -ENOMEM.
 */
int baseline_apply(struct results *rs, const char *path, char *err, size_t err_len);

/*
 * Writers. All return 0 or -errno (a stream error or -ENOMEM). Whatever bytes the strings hold, the
 * output is valid UTF-8: bytes that are none and control characters appear as \xNN or \uNNNN.
 */

/** struct report_style - how text is shown to a person. @verbose lists passes case by case. */
struct report_style {
	bool colour;
	bool verbose;
};

/** report_text() - failures in full, then a grid of clauses by handlers, then one summary line. */
int report_text(const struct results *rs, FILE *out, const struct report_style *style);
/** report_tap() - TAP version 14 with YAML diagnostics. */
int report_tap(const struct results *rs, FILE *out);
/** report_junit() - JUnit XML, well-formed whatever bytes the details hold. */
int report_junit(const struct results *rs, FILE *out);
/** report_json() - {"schema":1,"summary":{...},"env":{...},"envs":{...},"cases":[...]}, without
 * what is not known of machines; equal for equal runs on one machine but time_us. */
int report_json(const struct results *rs, FILE *out);
/** report_html() - one page for a browser that needs nothing else; equal for equal verdicts. */
int report_html(const struct results *rs, FILE *out);
/**
 * report_read() - append the results of a file that report_json() wrote, as handler @label
 * @err: receives one line (what, where, expected, found) on failure
 * Returns 0, -EINVAL or -ENOMEM; what was appended before a bad entry stays.
 */
int report_read(struct results *rs, const char *path, const char *label, char *err, size_t err_len);
/** report_file() - open @path ("-" is stdout), run @writer, close; one-line error in @err. */
int report_file(const struct results *rs, const char *path,
		int (*writer)(const struct results *, FILE *), char *err, size_t err_len);

#endif
