/* SPDX-License-Identifier: MIT */
/*
 * Two accounts as one: the kernel's, which has the order, and the handler's, which has the bytes.
 *
 * All of the driver's state is behind one lock per device. So its account falls into sections, one
 * for each time the lock was held and something happened, and what a thread called before says why
 * (a doorbell, an action file, the worker, an abort). A section becomes a cause of the trace, with
 * what happened inside as its effects. The n-th entry that the kernel laid is the n-th that the
 * handler found, reset by reset; of entries that a reset took away before they were seen only the
 * place is known, from the head before and after. Whatever does not fit together is an error: a
 * recording is right or it is not made.
 */
#include "merge.h"

#include <errno.h>
#include <inttypes.h>
#include <ringsim/device.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ABORTED	    (1u << 0) /* CMD_T_ABORTED */
#define FLAG_BROKEN (1u << 1)
#define FLAG_BLOCK  (1u << 2)
#define FLAG_TMR    (1u << 3)

int merge_fail(struct merge *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->err, m->err_len, fmt, ap);
	va_end(ap);
	return -EPROTO;
}

/*
 * Names to numbers. Pointers are used again, so the newest command of a name is meant.
 */

static size_t bucket(uint64_t pointer)
{
	return (pointer >> 6 ^ pointer >> 18) % MERGE_BUCKETS;
}

static struct merge_cmd *find_se(struct merge *m, uint64_t se)
{
	uint32_t n = m->by_se[bucket(se)];

	while (n && m->cmds[n].se != se)
		n = m->cmds[n].se_chain;
	return n ? &m->cmds[n] : NULL;
}

static struct merge_cmd *find_cmd(struct merge *m, uint64_t cmd)
{
	uint32_t n = m->by_cmd[bucket(cmd)];

	while (n && m->cmds[n].cmd != cmd)
		n = m->cmds[n].cmd_chain;
	return n ? &m->cmds[n] : NULL;
}

static struct merge_cmd *find_waiting(struct merge *m, uint64_t cmd)
{
	uint32_t n = m->by_cmd[bucket(cmd)];

	while (n && !(m->cmds[n].cmd == cmd && m->cmds[n].waiting))
		n = m->cmds[n].cmd_chain;
	return n ? &m->cmds[n] : NULL;
}

/* @array is the address of a pointer to items of @size bytes, of which @n are in use. */
static int grow(void *array, size_t *cap, size_t n, size_t size)
{
	void **a = array, *more;

	if (n < *cap)
		return 0;
	*cap = *cap ? 2 * *cap : 1024;
	more = realloc(*a, *cap * size);
	if (!more)
		return -ENOMEM;
	*a = more;
	return 0;
}

static int add_cmd(struct merge *m, const struct probe_event *e, struct merge_cmd **out)
{
	int rc = grow(&m->cmds, &m->cap_cmds, m->n_cmds + 1, sizeof(*m->cmds));
	struct merge_cmd *c;

	if (rc)
		return rc;
	c = &m->cmds[++m->n_cmds];
	*c = (struct merge_cmd){ .cmd = e->cmd,
				 .se = e->se,
				 .live = true,
				 .submit = e,
				 .se_chain = m->by_se[bucket(e->se)],
				 .cmd_chain = m->by_cmd[bucket(e->cmd)] };
	m->by_se[bucket(e->se)] = m->by_cmd[bucket(e->cmd)] = (uint32_t)m->n_cmds;
	*out = c;
	return 0;
}

static uint32_t number_of(const struct merge *m, const struct merge_cmd *c)
{
	return (uint32_t)(c - m->cmds);
}

/*
 * Sections.
 */

static struct merge_outer *outer_of(struct merge *m, uint32_t pid)
{
	static const struct probe_event nothing = { .kind = PROBE_KINDS };
	static const struct merge_outer none = { .event = &nothing };
	size_t i;

	for (i = 0; i < m->n_outers; i++)
		if (m->outers[i].pid == pid)
			return &m->outers[i];
	if (grow(&m->outers, &m->cap_outers, m->n_outers, sizeof(none)))
		return NULL;
	m->outers[m->n_outers] = none;
	m->outers[m->n_outers].pid = pid;
	return &m->outers[m->n_outers++];
}

static int open_section(struct merge *m, enum trace_kind kind, const struct probe_event *e,
			struct merge_outer *o)
{
	int rc = grow(&m->sections, &m->cap_sections, m->n_sections, sizeof(*m->sections));

	if (rc)
		return rc;
	m->sections[m->n_sections++] = (struct merge_section){
		.kind = kind, .begin = e, .outer = o ? o->event : NULL, .first = m->n_effects
	};
	if (o)
		o->used = true;
	return 0;
}

/* The section that @e belongs to: the one that is open if it is of the same call, or a new one. */
static int in_section(struct merge *m, enum trace_kind kind, const struct probe_event *e,
		      struct merge_outer *o)
{
	struct merge_section *s = m->n_sections ? &m->sections[m->n_sections - 1] : NULL;

	if (s && s->outer == o->event && s->begin->pid == e->pid && s->kind == kind)
		return 0;
	return open_section(m, kind, e, o);
}

static int add_effect(struct merge *m, enum merge_what what, uint32_t n,
		      const struct probe_event *e)
{
	int rc = grow(&m->effects, &m->cap_effects, m->n_effects, sizeof(*m->effects));

	if (rc)
		return rc;
	if (!m->n_sections)
		return merge_fail(m, "the kernel's account begins in the middle");
	m->effects[m->n_effects++] = (struct merge_effect){ .what = what, .n = n, .event = e };
	m->sections[m->n_sections - 1].n++;
	return 0;
}

/* Every event of the device shows where ring and head were left by what came before it. */
static void settle(struct merge *m, const struct probe_event *e)
{
	struct merge_section *s;

	for (; m->settled_effects < m->n_effects; m->settled_effects++)
		m->effects[m->settled_effects].head_after = e->head;
	for (; m->settled < m->n_sections; m->settled++) {
		s = &m->sections[m->settled];
		/* Inside a walk the reclaim pointer is on its way. */
		if (m->settled + 1 == m->n_sections && s->begin->pid == e->pid &&
		    outer_of(m, e->pid)->event == s->outer && s->kind != TRACE_SUBMIT)
			return;
		s->clean_after = e->clean;
		s->flags_after = e->flags;
	}
}

/* A device that is unblocked shows it in the flags of the next event only. */
static int note_unblock(struct merge *m, const struct probe_event *e)
{
	struct merge_outer o = { .event = m->unblock };

	if (!m->unblock || e->flags & FLAG_BLOCK)
		return 0;
	m->unblock = NULL;
	return open_section(m, TRACE_BLOCK, o.event, &o);
}

static int note_setting(struct merge *m, const struct probe_event *e)
{
	int rc = 0;

	if (!m->first_queue)
		m->first_queue = e;
	else if ((e->flags ^ m->first_queue->flags) & FLAG_TMR)
		return merge_fail(m, "tmr_notification was changed meanwhile");
	else if (e->qfull_time_out_ms != m->last_queue->qfull_time_out_ms)
		rc = open_section(m, TRACE_SET, e, NULL);
	m->last_queue = e;
	return rc;
}

static int on_queue(struct merge *m, const struct probe_event *e)
{
	struct merge_cmd *c = find_waiting(m, e->cmd);
	int rc = note_setting(m, e);

	if (!rc && !c) {
		rc = add_cmd(m, e, &c);
		if (!rc)
			rc = open_section(m, TRACE_SUBMIT, e, NULL);
		if (!rc)
			m->sections[m->n_sections - 1].n_cmd = number_of(m, c);
	}
	m->queueing = rc ? NULL : e;
	m->queueing_n = rc ? 0 : number_of(m, c);
	return rc;
}

static int on_queued(struct merge *m, const struct probe_event *e)
{
	const struct probe_event *begin = m->queueing;
	uint32_t n = m->queueing_n;
	struct merge_cmd *c = &m->cmds[n];

	if (!begin || begin->pid != e->pid) /* of another device */
		return 0;
	m->queueing = NULL;
	if (e->ret == 0) {
		int rc = add_effect(m, MERGE_ENTRY, n, begin);

		c->waiting = false;
		if (!rc)
			m->effects[m->n_effects - 1].end = e;
		return rc;
	}
	if (e->ret == 1) {
		c->waiting = true;
		return add_effect(m, MERGE_WAIT, n, begin);
	}
	if (c->waiting) /* refused while draining: its end comes as an event */
		return 0;
	c->live = false;
	return add_effect(m, MERGE_DONE, n, begin);
}

static int on_done(struct merge *m, const struct probe_event *e, struct merge_outer *o)
{
	static const struct {
		enum probe_kind outer;
		enum trace_kind kind;
	} kinds[] = {
		{ PROBE_BELL, TRACE_WALK },   { PROBE_BLOCK, TRACE_BLOCK },
		{ PROBE_RESET, TRACE_RESET }, { PROBE_NOTIFY, TRACE_ABORT },
		{ PROBE_FREE, TRACE_FREE },   { PROBE_RELEASE, TRACE_RELEASE },
		{ PROBE_WORK, TRACE_EXPIRE },
	};
	struct merge_cmd *c = find_se(m, e->se);
	struct merge_section *s = m->n_sections ? &m->sections[m->n_sections - 1] : NULL;
	size_t i;
	int rc = 0;

	if (!c || !c->live)
		return 0;
	/* The worker's walk, too, completes. */
	if (!s || s->outer != o->event || s->begin->pid != e->pid) {
		for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (kinds[i].outer == o->event->kind)
				break;
		if (i == sizeof(kinds) / sizeof(kinds[0]))
			return merge_fail(m, "a command ended, and nothing says why");
		rc = open_section(m, kinds[i].kind, e, o);
	}
	if (rc)
		return rc;
	c->live = c->waiting = false;
	c->aborted = e->state & ABORTED;
	c->status = (uint8_t)e->status;
	c->ended = m->n_sections - 1;
	return add_effect(m, c->aborted ? MERGE_ABORTED : MERGE_DONE, number_of(m, c), e);
}

static int on_tmr(struct merge *m, const struct probe_event *e, struct merge_outer *o)
{
	m->tmr = e;
	return o->event->kind == PROBE_NOTIFY ? in_section(m, TRACE_ABORT, e, o) : 0;
}

static int on_tmred(struct merge *m, const struct probe_event *e)
{
	const struct probe_event *begin = m->tmr;

	if (!begin || begin->pid != e->pid)
		return 0;
	m->tmr = NULL;
	return e->ret || begin->flags & FLAG_BROKEN ? 0 : add_effect(m, MERGE_TMR, 0, begin);
}

/* Events that only tell that a section of some kind is under way. */
static int on_mark(struct merge *m, const struct probe_event *e, struct merge_outer *o)
{
	struct merge_cmd *c = e->kind == PROBE_UNUSED ? find_cmd(m, e->cmd) : NULL;

	if (c)
		c->deadline = e->deadline;
	switch (o->event->kind) {
	case PROBE_RESET:
		return in_section(m, TRACE_RESET, e, o);
	case PROBE_FREE:
		return in_section(m, TRACE_FREE, e, o);
	case PROBE_RELEASE:
		return in_section(m, TRACE_RELEASE, e, o);
	default:
		return 0;
	}
}

static int on_walk(struct merge *m, const struct probe_event *e, struct merge_outer *o)
{
	return open_section(m, o->event->kind == PROBE_BLOCK ? TRACE_BLOCK : TRACE_WALK, e, o);
}

static void on_reply(struct merge *m, const struct probe_event *e)
{
	struct merge_cmd *c = find_se(m, e->se);

	/* Later ones go to commands that the target core itself answers, under the same name. */
	if (c && !c->live && !c->reply)
		c->reply = e;
}

static int on_outer(struct merge *m, const struct probe_event *e)
{
	struct merge_outer *o = outer_of(m, e->pid);

	if (!o)
		return -ENOMEM;
	if (e->kind == PROBE_NOTIFIED) {
		/* Nothing but the commands' fate was changed, unless there is a section already. */
		if (o->event->kind != PROBE_NOTIFY || o->event->dev != m->dev || o->used)
			return 0;
		return open_section(m, TRACE_ABORT, o->event, o);
	}
	*o = (struct merge_outer){ .pid = e->pid, .event = e };
	if (e->kind == PROBE_BLOCK && !e->value)
		m->unblock = e;
	return 0;
}

static int on_event(struct merge *m, const struct probe_event *e)
{
	struct merge_outer *o;
	int rc;

	if (e->kind == PROBE_REPLY) {
		on_reply(m, e);
		return 0;
	}
	if (e->kind == PROBE_QUEUED)
		return on_queued(m, e);
	if (e->kind == PROBE_TMRED)
		return on_tmred(m, e);
	if (e->kind >= PROBE_BELL)
		return on_outer(m, e);
	if (e->dev != m->dev)
		return 0;
	o = outer_of(m, e->pid);
	if (!o)
		return -ENOMEM;
	settle(m, e);
	rc = note_unblock(m, e);
	if (rc)
		return rc;
	switch (e->kind) {
	case PROBE_QUEUE:
		return on_queue(m, e);
	case PROBE_WALK:
		return on_walk(m, e, o);
	case PROBE_TMR:
		return on_tmr(m, e, o);
	case PROBE_DONE:
	case PROBE_DONE_LEN:
		return on_done(m, e, o);
	default:
		return on_mark(m, e, o);
	}
}

/* The device is the one that our own doorbells went to. */
static int find_device(struct merge *m, const struct probe_event *e, size_t n, uint32_t pid)
{
	for (; n; n--, e++)
		if (e->kind == PROBE_BELL && e->pid == pid) {
			m->dev = e->dev;
			return 0;
		}
	return merge_fail(m, "expected the kernel's account to show our doorbells, found none");
}

static int read_account(struct merge *m, const struct probe_event *e, size_t n)
{
	uint64_t order = 0;
	int rc = 0;

	for (; !rc && n; n--, e++) {
		if (e->order < order)
			return merge_fail(m, "the kernel's account is out of order");
		order = e->order;
		rc = on_event(m, e);
	}
	if (!rc && m->unblock) {
		struct probe_event last = { .flags = 0 };

		rc = note_unblock(m, &last);
	}
	return rc;
}

int merge_accounts(struct trace *out, const struct probe_event *events, size_t n,
		   const struct clerk_log *log, const struct merge_config *cfg, char *err,
		   size_t err_len)
{
	struct merge *m = calloc(1, sizeof(*m));
	int rc;

	*out = (struct trace){ 0 };
	if (!m) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	m->log = log;
	m->cfg = cfg;
	m->err = err;
	m->err_len = err_len;
	rc = find_device(m, events, n, cfg->pid);
	if (!rc)
		rc = read_account(m, events, n);
	if (!rc)
		rc = merge_emit(m, out);
	if (rc == -ENOMEM)
		snprintf(err, err_len, "out of memory");
	free(m->cmds);
	free(m->outers);
	free(m->sections);
	free(m->effects);
	free(m);
	return rc;
}
