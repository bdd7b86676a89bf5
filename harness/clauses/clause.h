/* SPDX-License-Identifier: MIT */
/*
 * The contract as data.
 *
 * Every clause of the TCMU contract is one row of one table: what must hold, how binding it is,
 * where it can be shown, where the knowledge comes from and what people get wrong. The list, the
 * report, `explain`, the coverage gate and the documentation are all generated from it. Ids never
 * change meaning and are never positional; a clause that is withdrawn keeps its id.
 */
#ifndef HARNESS_CLAUSE_H
#define HARNESS_CLAUSE_H

#include <stdbool.h>
#include <stddef.h>

/** enum clause_level - how binding a clause is (RFC 2119 words); CLAUSE_INFO binds nobody. */
enum clause_level { CLAUSE_MUST, CLAUSE_SHOULD, CLAUSE_MAY, CLAUSE_INFO };

/** enum clause_where - where a clause can be shown: both targets, one of them, or nowhere. */
enum clause_where { CLAUSE_BOTH, CLAUSE_SIM, CLAUSE_REAL, CLAUSE_DOC };

/**
 * struct clause - one row of the contract
 * @id:         stable id such as "HND-013"
 * @title:      one line
 * @level:      how binding it is
 * @where:      where it can be shown
 * @sim:        a clause marked CLAUSE_REAL that the simulator nevertheless models and shows, or
 *              %false for one marked CLAUSE_BOTH whose simulator half does not exist yet
 * @source:     short names of the sources (see explain's footer)
 * @text:       the requirement, in full sentences; a newline ends a paragraph or a row of a table,
 *              and rows begin with two spaces and must not be wrapped again
 * @observe:    what the harness looks at, or NULL
 * @mistake:    what implementations get wrong, or NULL
 * @see:        ids of related clauses separated by spaces, or NULL
 */
struct clause {
	const char *id;
	const char *title;
	enum clause_level level;
	enum clause_where where;
	bool sim;
	const char *source;
	const char *text;
	const char *observe;
	const char *mistake;
	const char *see;
};

/** clause_count() - number of clauses in the catalogue. */
size_t clause_count(void);
/** clause_at() - the clause at @index in catalogue order, NULL past the end. */
const struct clause *clause_at(size_t index);
/** clause_find() - the clause called @id (case-insensitive), NULL if there is none. */
const struct clause *clause_find(const char *id);
/** clause_level_name() - "MUST", "SHOULD", "MAY" or "INFO". */
const char *clause_level_name(enum clause_level level);
/** clause_where_name() - "both", "sim", "real" or "doc". */
const char *clause_where_name(enum clause_where where);
/** clause_sim_can_show() - whether a case on the simulator is owed for @clause. */
bool clause_sim_can_show(const struct clause *clause);

/** struct clause_table - the clauses of one file, in the order of their ids. */
struct clause_table {
	const struct clause *rows;
	size_t count;
};

/* The chapters of the contract; the two long ones are spread over files of one topic each. */
extern const struct clause_table clauses_lay, clauses_dis, clauses_krn_ring, clauses_krn_completion,
	clauses_krn_control, clauses_hnd_ring, clauses_hnd_response, clauses_hnd_life, clauses_scs;

#endif
