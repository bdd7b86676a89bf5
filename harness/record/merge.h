/* SPDX-License-Identifier: MIT */
/* What merge.c makes of the kernel's account, and merge_emit.c writes down. */
#ifndef RECORD_MERGE_H
#define RECORD_MERGE_H

#include "record.h"

#define MERGE_BUCKETS 65536u

/* A command: names, what was asked, what came of it. */
struct merge_cmd {
	uint64_t cmd, se;
	uint32_t se_chain, cmd_chain;
	bool waiting, live, aborted, claimed;
	uint8_t status;
	uint16_t id;	   /* once its entry was placed */
	size_t ended;	   /* section of its end */
	uint64_t deadline; /* as the kernel had it in the end, 0 if not known */
	const struct probe_event *submit, *reply;
};

/* What a thread called last that leads to sections. */
struct merge_outer {
	uint32_t pid;
	const struct probe_event *event;
	bool used; /* it led to a section */
};

struct merge_section {
	enum trace_kind kind;
	const struct probe_event *begin;
	const struct probe_event *outer;
	uint32_t n_cmd; /* SUBMIT */
	uint32_t clean_after;
	uint64_t flags_after;
	size_t first, n;
};

enum merge_what { MERGE_ENTRY, MERGE_TMR, MERGE_WAIT, MERGE_DONE, MERGE_ABORTED };

struct merge_effect {
	enum merge_what what;
	uint32_t n;
	const struct probe_event *event, *end; /* of the function that did it */
	uint32_t head_after;
};

struct merge {
	const struct clerk_log *log;
	const struct merge_config *cfg;
	uint64_t dev;
	struct merge_cmd *cmds; /* from 1 */
	size_t n_cmds, cap_cmds;
	uint32_t by_se[MERGE_BUCKETS], by_cmd[MERGE_BUCKETS];
	struct merge_outer *outers;
	size_t n_outers, cap_outers;
	struct merge_section *sections;
	size_t n_sections, cap_sections, settled;
	struct merge_effect *effects;
	size_t n_effects, cap_effects, settled_effects;
	const struct probe_event *queueing, *tmr;
	uint32_t queueing_n;
	const struct probe_event *first_queue, *last_queue;
	const struct probe_event *unblock; /* asked for, not yet shown by the flags */
	char *err;
	size_t err_len;
};

/* Writes a line to the caller's buffer; -EPROTO. */
int merge_fail(struct merge *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* merge_emit.c */
int merge_emit(struct merge *m, struct trace *out);

#endif
