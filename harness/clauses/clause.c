/* SPDX-License-Identifier: MIT */
/*
 * Lookup in the clause catalogue.
 *
 * The catalogue is constant data in several tables; this file makes one sequence of them, in the
 * order of the contract's chapters. Ids are unique across all tables.
 */
#include "clause.h"

#include <strings.h>

static const struct clause_table *const tables[] = {
	&clauses_lay,	      &clauses_dis,	 &clauses_krn_ring,	&clauses_krn_completion,
	&clauses_krn_control, &clauses_hnd_ring, &clauses_hnd_response, &clauses_hnd_life,
	&clauses_scs,
};

static const size_t table_count = sizeof(tables) / sizeof(tables[0]);

size_t clause_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < table_count; i++)
		count += tables[i]->count;
	return count;
}

const struct clause *clause_at(size_t index)
{
	for (size_t i = 0; i < table_count; i++) {
		if (index < tables[i]->count)
			return &tables[i]->rows[index];
		index -= tables[i]->count;
	}
	return NULL;
}

const struct clause *clause_find(const char *id)
{
	for (size_t i = 0; i < table_count; i++) {
		for (size_t j = 0; j < tables[i]->count; j++) {
			if (strcasecmp(tables[i]->rows[j].id, id) == 0)
				return &tables[i]->rows[j];
		}
	}
	return NULL;
}

const char *clause_level_name(enum clause_level level)
{
	switch (level) {
	case CLAUSE_MUST:
		return "MUST";
	case CLAUSE_SHOULD:
		return "SHOULD";
	case CLAUSE_MAY:
		return "MAY";
	case CLAUSE_INFO:
		return "INFO";
	}
	return "?";
}

const char *clause_where_name(enum clause_where where)
{
	switch (where) {
	case CLAUSE_BOTH:
		return "both";
	case CLAUSE_SIM:
		return "sim";
	case CLAUSE_REAL:
		return "real";
	case CLAUSE_DOC:
		return "doc";
	}
	return "?";
}

bool clause_sim_can_show(const struct clause *clause)
{
	return clause->where != CLAUSE_DOC && clause->sim;
}
