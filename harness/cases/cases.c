/* SPDX-License-Identifier: MIT */
/* The registry: every file of cases once, in the order of the contract. A new file goes here. */
#include "case.h"

#define TABLES(X)                \
	X(cases_lay)             \
	X(cases_lay_region)      \
	X(cases_krn_state)       \
	X(cases_krn_admit)       \
	X(cases_krn_lengths)     \
	X(cases_krn_mix)         \
	X(cases_krn_entry)       \
	X(cases_krn_data)        \
	X(cases_krn_ids)         \
	X(cases_krn_walk)        \
	X(cases_krn_broken)      \
	X(cases_krn_answer)      \
	X(cases_krn_queue)       \
	X(cases_krn_wait)        \
	X(cases_krn_tmr)         \
	X(cases_krn_abort)       \
	X(cases_core)            \
	X(cases_krn_recovery)    \
	X(cases_krn_uio)         \
	X(cases_krn_pool)        \
	X(cases_mailbox)         \
	X(cases_ring)            \
	X(cases_pad)             \
	X(cases_opcode)          \
	X(cases_words)           \
	X(cases_data)            \
	X(cases_iovs)            \
	X(cases_response)        \
	X(cases_wakeup)          \
	X(cases_doorbell)        \
	X(cases_order)           \
	X(cases_durability)      \
	X(cases_restart)         \
	X(cases_replay)          \
	X(cases_crash)           \
	X(cases_matrix)          \
	X(cases_timeout)         \
	X(cases_late)            \
	X(cases_scs_basic)       \
	X(cases_scs_inquiry)     \
	X(cases_scs_capacity)    \
	X(cases_scs_mode_sense)  \
	X(cases_scs_mode_select) \
	X(cases_scs_mode_effect) \
	X(cases_scs_read_write)  \
	X(cases_scs_range)       \
	X(cases_scs_verify)      \
	X(cases_scs_write_same)  \
	X(cases_scs_unmap)       \
	X(cases_scs_thick)       \
	X(cases_scs_caw)         \
	X(cases_scs_lengths)     \
	X(cases_scs_sense)       \
	X(cases_scs_alloc)       \
	X(cases_scs_opcodes)     \
	X(cases_real_uio)        \
	X(cases_real_netlink)    \
	X(cases_real_config)     \
	X(cases_real_nexus)      \
	X(cases_real_handler)    \
	X(cases_hotplug)

#define DECLARE(name) extern const struct case_table name;
#define REFER(name)   &name,

TABLES(DECLARE)

static const struct case_table *const tables[] = { TABLES(REFER) };

#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

size_t case_count(void)
{
	size_t i, n = 0;

	for (i = 0; i < N_TABLES; i++)
		n += tables[i]->count;
	return n;
}

const struct case_def *case_at(size_t at)
{
	size_t i;

	for (i = 0; i < N_TABLES; i++) {
		if (at < tables[i]->count)
			return &tables[i]->rows[at];
		at -= tables[i]->count;
	}
	return NULL;
}
