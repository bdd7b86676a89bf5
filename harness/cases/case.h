/* SPDX-License-Identifier: MIT */
/*
 * Cases: rows of a table. One behaviour each, readable in a minute.
 *
 *	static void short_pad(struct tc *tc)
 *	{
 *		struct target_opts o = TARGET_OPTS;
 *		...
 *		if (target_start(tc->t, &o))
 *			return;
 *		EXPECT(tc, "HND-013", target_exec(tc->t, &io) == 0, "the command after the PAD
 *ends"); EXPECT_EQ(tc, "HND-013", "status", 0, io.status);
 *	}
 *
 *	const struct case_def cases_pad[] = {
 *		{ "hnd.013.short-pad", "HND-013 DIS-03", CLAUSE_MUST, 0, "an 8-byte PAD is skipped",
 *short_pad },
 *	};
 *
 * A case fails at the first EXPECT that does not hold, at the first violation that the sanitizer
 *reports, or when the handler dies or hangs, and must return then. What it submitted is recorded by
 *the target; the report shows it.
 */
#ifndef HARNESS_CASE_H
#define HARNESS_CASE_H

#include "../clauses/clause.h"
#include "../target/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct tc - a case while it runs
 * @t:    the target; not started yet
 * @seed: what the case's random numbers come from; the same seed gives the same run
 */
struct tc {
	struct target *t;
	uint64_t seed;
	uint64_t rng;
	bool failed, skipped;
	void *priv; /* the runner's */
};

/**
 * struct case_def - one row
 * @id:      "<chapter>.<clause number>.<slug>", stable
 * @clauses: the clauses that a pass proves, separated by spaces
 * @level:   the weakest level among what is asked here
 * @needs:   enum target_needs
 */
struct case_def {
	const char *id;
	const char *clauses;
	enum clause_level level;
	unsigned int needs;
	const char *title;
	void (*run)(struct tc *tc);
};

/** tc_fail() - the case failed because of @clause; only the first call counts. */
void tc_fail(struct tc *tc, const char *clause, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/**
 * tc_advise() - a handler SHOULD have done otherwise: the case goes on, and fails of this if of
 * nothing else; only the first call counts.
 */
void tc_advise(struct tc *tc, const char *clause, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** tc_skip() - the case cannot say anything here, for this reason; never counted as a pass. */
void tc_skip(struct tc *tc, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** tc_expect_violation() - the case breaks @clause on purpose; reports of it do not fail the case.
 */
void tc_expect_violation(struct tc *tc, const char *clause);
/** tc_expect_any_violation() - the same for all clauses: it does whatever it likes. */
void tc_expect_any_violation(struct tc *tc);
/** tc_violations() - how many times a clause announced so was reported. */
uint32_t tc_violations(const struct tc *tc);
/** tc_overlooks() - the user knows that the handler breaks @clause, and the case is not about it.
 */
bool tc_overlooks(const struct tc *tc, const char *clause);
/** tc_random() - the next pseudo-random number; tc_below() one in [0, @n). */
uint64_t tc_random(struct tc *tc);
uint32_t tc_below(struct tc *tc, uint32_t n);
/** tc_fill() - fill with a pattern that differs by @salt and position. */
void tc_fill(struct tc *tc, void *buf, size_t len, uint64_t salt);
/** tc_alloc() - zeroed memory that lives as long as the case; aborts the case when there is none.
 */
void *tc_alloc(struct tc *tc, size_t len);
/** tc_equal() - compare buffers; on a difference fail, showing offset and bytes around it. */
bool tc_equal(struct tc *tc, const char *clause, const char *what, const void *want,
	      const void *got, size_t len);

/** EXPECT() - unless @cond, fail with the printf-like reason and return. */
#define EXPECT(tc, clause, cond, ...)                     \
	do {                                              \
		if ((tc)->failed)                         \
			return;                           \
		if (!(cond)) {                            \
			tc_fail(tc, clause, __VA_ARGS__); \
			return;                           \
		}                                         \
	} while (0)

/** EXPECT_EQ() - two integers. */
#define EXPECT_EQ(tc, clause, what, want, got)                                                \
	do {                                                                                  \
		unsigned long long want_ = (unsigned long long)(want);                        \
		unsigned long long got_ = (unsigned long long)(got);                          \
		EXPECT(tc, clause, want_ == got_,                                             \
		       "%s: expected %llu (0x%llx), found %llu (0x%llx)", what, want_, want_, \
		       got_, got_);                                                           \
	} while (0)

/** EXPECT_MEM() - two buffers. */
#define EXPECT_MEM(tc, clause, what, want, got, len)                             \
	do {                                                                     \
		if ((tc)->failed || !tc_equal(tc, clause, what, want, got, len)) \
			return;                                                  \
	} while (0)

/** EXPECT_GOOD() - run @io; it must end, with GOOD. */
#define EXPECT_GOOD(tc, clause, io)                                                             \
	do {                                                                                    \
		EXPECT(tc, clause, target_exec((tc)->t, io) == 0, "command 0x%02x never ended", \
		       (io)->cdb[0]);                                                           \
		EXPECT(tc, clause, (io)->status == 0,                                           \
		       "command 0x%02x: expected GOOD, found status 0x%02x sense %x/%04x",      \
		       (io)->cdb[0], (io)->status, sense_key((io)->sense),                      \
		       sense_asc((io)->sense));                                                 \
	} while (0)

/** EXPECT_SENSE() - run @io; it must end with CHECK CONDITION and this key and ASC<<8|ASCQ. */
#define EXPECT_SENSE(tc, clause, io, key, asc)                                                  \
	do {                                                                                    \
		EXPECT(tc, clause, target_exec((tc)->t, io) == 0, "command 0x%02x never ended", \
		       (io)->cdb[0]);                                                           \
		EXPECT(tc, clause,                                                              \
		       (io)->status == 2 && sense_key((io)->sense) == (key) &&                  \
			       sense_asc((io)->sense) == (asc),                                 \
		       "command 0x%02x: expected CHECK CONDITION %x/%04x, found status 0x%02x " \
		       "sense %x/%04x",                                                         \
		       (io)->cdb[0], key, asc, (io)->status, sense_key((io)->sense),            \
		       sense_asc((io)->sense));                                                 \
	} while (0)

/** CASE_TABLE() - export the rows of one file; the registry in cases.c lists the tables. */
struct case_table {
	const struct case_def *rows;
	size_t count;
};
#define CASE_TABLE(name) const struct case_table name = { rows, sizeof(rows) / sizeof(rows[0]) }

/** case_count(), case_at() - all cases in the order of the contract. */
size_t case_count(void);
const struct case_def *case_at(size_t i);

#endif
