/* SPDX-License-Identifier: MIT */
/*
 * Commands and task management of the kernel target.
 *
 * Over iSCSI a submitted command is on its way: whoever wants to see its effect settles first, by a
 * NOP that follows it through the target. When one session's window is full another one is opened,
 * settled in between, so that the order of submission is the order of arrival.
 */
#include "kernel.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define LOGIN_MS   10000
#define BARRIER_MS 5000
#define SOLICITED  (256u << 10) /* a larger write has to be asked for by the target */
#define TMR_MS	   150
#define ENTRY_MS   2000
#define DUE_MS	   50

void kernel_url(const struct kernel *k, char *buf, size_t len)
{
	if (k->site->fabric == KERNEL_PROBE)
		snprintf(buf, len, "probe:%s/1/%u", k->site->target, k->lun);
	else
		snprintf(buf, len, "iscsi://" KERNEL_PORTAL "/%s/%u", k->site->target, k->lun);
}

const char *kernel_other_name(const struct kernel *k)
{
	return k->site->fabric == KERNEL_PROBE ? NULL : "iqn.2026-01.org.tcmu-harness:other";
}

static int add_session(struct target *t)
{
	struct kernel *k = t->kernel;
	char url[2 * KERNEL_PATH_MAX], err[400];
	int rc;

	if (k->n_sessions == KERNEL_SESSIONS)
		return -EBUSY;
	kernel_url(k, url, sizeof(url));
	rc = initiator_open(&k->sessions[k->n_sessions], url, NULL, LOGIN_MS, err, sizeof(err));
	if (rc) {
		tc_fail(t->tc, NULL, "%s", err);
		return rc;
	}
	k->at_session = k->n_sessions++;
	return 0;
}

int kernel_login(struct target *t)
{
	return t->kernel->n_sessions ? 0 : add_session(t);
}

void kernel_logout(struct kernel *k)
{
	uint32_t i;

	for (i = 0; i < k->n_sessions; i++)
		initiator_close(k->sessions[i]);
	k->n_sessions = k->at_session = 0;
	k->unsent = 0;
}

uint32_t kernel_outstanding(const struct kernel *k)
{
	uint32_t i, n = 0;

	for (i = 0; i < k->n_sessions; i++)
		n += initiator_outstanding(k->sessions[i]);
	return n;
}

/* Commands. */

/*
 * A LUN RESET leaves a unit attention for each session, which the next command on it gets instead
 * of an answer. It is the target core's, and no case's; the command is sent once more.
 */
static bool took_attention(const struct target *t, const struct initiator_cmd *cmd)
{
	return t->kernel->attention && cmd->end == INITIATOR_STATUS && cmd->sense_len > 13 &&
	       sense_key(cmd->sense) == 6 && sense_asc(cmd->sense) >> 8 == 0x29;
}

/* A function may be answered after a command that it was about, when the case uses @io again. */
static void ended(struct target_io *io)
{
	struct kernel *k = io->target->kernel;
	uint32_t i, j;

	for (i = 0; i < TMRS; i++)
		for (j = 0; k->tmrs[i].open && j < k->tmrs[i].n; j++)
			if (k->tmrs[i].ios[j] == io)
				k->tmrs[i].ios[j] = NULL;
	target_ended(io->target, io);
}

static void take_answer(struct target_io *io, const struct initiator_cmd *cmd)
{
	io->outcome = RINGSIM_ANSWERED;
	io->status = cmd->status;
	io->sense_valid = cmd->sense_len > 0;
	memset(io->sense, 0, sizeof(io->sense));
	memcpy(io->sense, cmd->sense,
	       cmd->sense_len < sizeof(io->sense) ? cmd->sense_len : sizeof(io->sense));
	io->residual = cmd->residual > 0 ? (uint32_t)cmd->residual : 0;
	io->data_in = cmd->data_in;
	ended(io);
}

/* As an initiator that had asked for it would have seen it (TAS). */
static void give_up(struct target_io *io)
{
	io->outcome = RINGSIM_ABORTED;
	io->status = 0x40;
	io->sense_valid = false;
	ended(io);
}

static void on_ended(struct initiator_cmd *cmd)
{
	struct target_io *io = cmd->ctx;

	if (cmd->end != INITIATOR_GONE && took_attention(io->target, cmd) &&
	    !initiator_submit(cmd->owner, cmd)) {
		io->target->kernel->unsent |= 1u << io->target->kernel->at_session;
		return;
	}
	if (cmd->end == INITIATOR_STATUS)
		take_answer(io, cmd);
	else if (cmd->end == INITIATOR_ABORTED)
		give_up(io);
	else if (cmd->end == INITIATOR_LOST)
		tc_fail(io->target->tc, NULL, "the connection to the target was lost");
	free(cmd);
}

/* What the fabric cannot carry. */
static const char *beyond_fabric(const struct target_io *io, const struct initiator_limits *limits)
{
	if (io->dir == RINGSIM_BIDI && !limits->all)
		return "sim or probe only: no fabric of a kernel but qla2xxx sends BIDI commands";
	if (io->dir == RINGSIM_BIDI && (!io->len || !io->bidi_len))
		return "sim only: a BIDI command without data one way, which is a BUG() in a kernel";
	if (ringsim_cdb_len(io->cdb) > limits->cdb_max)
		return "sim or probe only: a CDB of more than 16 bytes";
	return NULL;
}

/* A session that takes one more; there may be none. */
static void choose_session(struct target *t)
{
	struct kernel *k = t->kernel;
	uint32_t window = initiator_limits(k->sessions[0])->window;

	if (initiator_outstanding(k->sessions[k->at_session]) < window)
		return;
	kernel_settle_submits(t);
	for (k->at_session = 0; k->at_session + 1 < k->n_sessions &&
				initiator_outstanding(k->sessions[k->at_session]) >= window;)
		k->at_session++;
	if (initiator_outstanding(k->sessions[k->at_session]) >= window && add_session(t) == -EBUSY)
		tc_skip(t->tc, "sim only: more than %u commands at once", KERNEL_SESSIONS * window);
}

static void fill(struct initiator_cmd *cmd, struct target_io *io)
{
	static const enum initiator_dir dirs[] = { INITIATOR_NONE, INITIATOR_OUT, INITIATOR_IN,
						   INITIATOR_BIDI };

	cmd->cdb_len = (uint16_t)ringsim_cdb_len(io->cdb);
	memcpy(cmd->cdb, io->cdb, cmd->cdb_len);
	cmd->dir = dirs[io->dir];
	cmd->data = io->no_sg ? NULL : io->data;
	cmd->len = io->dir == RINGSIM_NONE ? 0 : io->len;
	cmd->segments = io->segments;
	cmd->n_segments = io->n_segments;
	if (io->dir == RINGSIM_BIDI) {
		cmd->bidi = io->no_sg ? NULL : io->bidi;
		cmd->bidi_len = io->bidi_len;
	}
	cmd->fn = on_ended;
	cmd->ctx = io;
	io->cmd.user = cmd;
}

void kernel_submit(struct target *t, struct target_io *io)
{
	struct kernel *k = t->kernel;
	const char *why = beyond_fabric(io, initiator_limits(k->sessions[0]));
	struct initiator_cmd *cmd;
	int rc;

	if (why) {
		tc_skip(t->tc, "%s", why);
		return;
	}
	choose_session(t);
	cmd = calloc(1, sizeof(*cmd));
	if (!cmd || t->tc->failed || t->tc->skipped) {
		free(cmd);
		return;
	}
	fill(cmd, io);
	rc = initiator_submit(k->sessions[k->at_session], cmd);
	if (rc == -EBUSY && !add_session(t)) /* more data than a session of the probe may have */
		rc = initiator_submit(k->sessions[k->at_session], cmd);
	if (rc) {
		tc_fail(t->tc, NULL, "cannot send a command: %s", strerror(-rc));
		free(cmd);
		return;
	}
	k->unsent |= 1u << k->at_session;
	if (cmd->dir == INITIATOR_OUT && cmd->len > SOLICITED)
		kernel_settle_submits(t);
}

void kernel_settle_submits(struct target *t)
{
	struct kernel *k = t->kernel;
	uint32_t i, unsent = k ? k->unsent : 0;
	int rc;

	if (!unsent)
		return;
	k->unsent = 0;
	for (i = 0; i < k->n_sessions; i++) {
		if (!(unsent & 1u << i))
			continue;
		rc = initiator_barrier(k->sessions[i], BARRIER_MS);
		if (rc && !t->tc->failed)
			tc_fail(t->tc, NULL, "the target does not answer a NOP: %s", strerror(-rc));
	}
	kernel_poll(t, 0);
}

/* Task management. */

/* Over iSCSI nothing else tells of commands that were aborted. */
static void drop_aborted(struct target *t, struct target_io **ios, uint32_t n)
{
	struct kernel *k = t->kernel;
	uint32_t i, s;

	for (i = 0; i < n; i++) {
		struct target_io *io = ios[i]; /* gone from there once it is dropped */
		struct initiator_cmd *cmd;

		if (!io)
			continue;
		cmd = io->cmd.user;
		for (s = 0; s < k->n_sessions; s++)
			if (cmd->owner == k->sessions[s])
				initiator_drop(k->sessions[s], cmd);
		give_up(io);
	}
}

static void look_at_tmrs(struct target *t)
{
	struct kernel *k = t->kernel;
	uint32_t i;

	for (i = 0; i < TMRS; i++) {
		struct kernel_tmr *tmr = &k->tmrs[i];

		if (!tmr->open || !tmr->tmf.done)
			continue;
		tmr->open = false;
		target_log(t, "tmr     answered %d", tmr->tmf.response);
		if (tmr->tmf.response < 0)
			continue;
		if (tmr->tmf.response == 0)
			drop_aborted(t, tmr->ios, tmr->n);
		t->tmr_done++;
	}
}

bool kernel_tmr(struct target *t, uint8_t type, struct target_io **ios, uint32_t n)
{
	struct kernel *k = t->kernel;
	struct kernel_tmr *tmr = &k->tmrs[t->tmr_next % TMRS];
	bool all = initiator_limits(k->sessions[0])->all;
	bool one = type == TCMU_TMR_ABORT_TASK && n == 1 && !ios[0]->done;
	bool none = type == TCMU_TMR_ABORT_TASK && n == 0;
	struct initiator_cmd *cmd = one ? ios[0]->cmd.user : NULL;
	uint32_t head, i;
	uint64_t end;

	if (!one && !(none && all) && type != TCMU_TMR_LUN_RESET) {
		tc_skip(t->tc,
			"sim only: of what a fabric sends only ABORT TASK of one command, of none "
			"(probe) and LUN RESET come to TCMU");
		return false;
	}
	kernel_settle_submits(t);
	if (one && ios[0]->done)
		return true;
	head = seat_head(t);
	t->tmr_next++;
	*tmr = (struct kernel_tmr){ .type = type, .n = n, .open = true };
	k->attention |= type == TCMU_TMR_LUN_RESET;
	tmr->ios = tc_alloc(t->tc, (n + 1) * sizeof(*ios));
	for (i = 0; i < n; i++)
		tmr->ios[i] = ios[i]->done ? NULL : ios[i];
	if (initiator_tmf(one ? cmd->owner : k->sessions[k->at_session],
			  one || none ? INITIATOR_ABORT_TASK : INITIATOR_LUN_RESET, cmd,
			  &tmr->tmf)) {
		tc_fail(t->tc, NULL, "cannot send the task-management request");
		tmr->open = false;
		return false;
	}
	/* commands in flight hold the answer back; then the entry says that the request has come */
	end = kernel_now_ms() +
	      (t->opts.dev.tmr_notification && head == seat_head(t) ? ENTRY_MS : TMR_MS);
	while (tmr->open && kernel_now_ms() < end &&
	       !(t->opts.dev.tmr_notification && head != seat_head(t)))
		kernel_poll(t, 5);
	if (tmr->open)
		kernel_poll(t, none ? TMR_MS : 5);
	return !tmr->open;
}

/* The probe tells of commands as they are aborted, before their function is answered. */
void kernel_await_tmrs(struct target *t)
{
	struct kernel *k = t->kernel;
	uint64_t end = kernel_now_ms() + DUE_MS;
	uint32_t i, done = t->tmr_done, open = 0;

	for (i = 0; i < TMRS; i++)
		open += k && k->tmrs[i].open;
	while (open && initiator_limits(k->sessions[0])->all && done == t->tmr_done &&
	       kernel_now_ms() < end)
		kernel_poll(t, 5);
}

void kernel_poll(struct target *t, uint32_t ms)
{
	struct kernel *k = t->kernel;
	struct pollfd fds[KERNEL_SESSIONS];
	uint32_t i;

	for (i = 0; i < k->n_sessions; i++)
		fds[i] = (struct pollfd){ .fd = initiator_fd(k->sessions[i]), .events = POLLIN };
	if (k->n_sessions > 1)
		poll(fds, k->n_sessions, (int)ms);
	for (i = 0; i < k->n_sessions; i++)
		initiator_poll(k->sessions[i], k->n_sessions > 1 ? 0 : ms);
	look_at_tmrs(t);
}
