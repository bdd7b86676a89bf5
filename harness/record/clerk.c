/* SPDX-License-Identifier: MIT */
/*
 * The handler that records: everything it finds in the ring, byte by byte, and all that it stores.
 *
 * It is a consumer with the reference command set over memory; what an initiator asks for is done.
 * Around that it has moods: answers of all kinds, held back, late or in disorder, and recovery
 * actions, each by chance from a seed. An entry is copied before any answer can overwrite it, an
 * answer before the tail covers it, since the kernel may use the slot again at once.
 */
#include "clerk.h"

#include "../trace/trace_impl.h"

#include <errno.h>
#include <poll.h>
#include <ringsim/shm.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEPT_MAX  CLERK_KEPT_MAX
#define SENSE_LEN 18u
#define DRAIN_MS  30000u
#define IDLE_MS	  300u
#define WRONG_ID  0xfffeu

const char *const clerk_moods[CLERK_MOODS] = {
	"short", "sense", "busy",   "unknown", "keep",	 "late",
	"stall", "block", "reset1", "reset2",  "broken", "restart",
};

uint64_t clerk_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint32_t roll(struct clerk *s, uint32_t sides)
{
	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 7;
	s->rng ^= s->rng << 17;
	return (uint32_t)((s->rng >> 11) % sides);
}

static bool in_mood(struct clerk *s, enum clerk_mood mood)
{
	return s->cfg.chance[mood] && s->executed > s->cfg.after && !roll(s, s->cfg.chance[mood]);
}

int clerk_fail(struct clerk *s, int rc, const char *what)
{
	snprintf(s->err, s->err_len, "%s: %s: %s", s->cfg.uio, what, strerror(-rc));
	return rc;
}

/*
 * The log.
 */

int clerk_see_entries(struct clerk *s)
{
	uint32_t head = shm_load32_acquire(s->c.region, RINGSIM_OFF_HEAD);
	struct trace *t = &s->log.seen;
	int rc;

	while (s->seen_off != head) {
		rc = trace_add_entry(t, s->c.region, s->seen_off);
		if (rc)
			return clerk_fail(s, rc, "ring entry");
		t->v[t->n - 1].arg = s->generation;
		s->seen_off = (s->seen_off + t->v[t->n - 1].len) % s->c.cmdr_size;
	}
	return 0;
}

/* Answers between the slots copied so far and the consumer's tail, which is not published yet. */
static int see_answers(struct clerk *s)
{
	struct trace *t = &s->log.answers;

	while (s->answer_off != s->c.tail) {
		uint64_t slot = (uint64_t)s->c.cmdr_off + s->answer_off;
		uint32_t len_op = shm_load32(s->c.region, slot);
		struct trace_event *e;

		if (tcmu_hdr_get_op(len_op) == TCMU_OP_CMD) {
			e = trace_push(t);
			if (!e)
				return clerk_fail(s, -ENOMEM, "log");
			e->kind = TRACE_ANSWER;
			e->off = s->answer_off;
			e->arg = s->generation;
			e->id = shm_load16(s->c.region, slot + RINGSIM_OFF_ID);
			e->uflags = shm_load8(s->c.region, slot + RINGSIM_OFF_UFLAGS);
			e->status = shm_load8(s->c.region, slot + RINGSIM_OFF_STATUS);
			e->read_len = shm_load32(s->c.region, slot + RINGSIM_OFF_RDLEN);
			if (e->status == SAM_CHECK_CONDITION) {
				e->payload_len = SENSE_LEN;
				if (trace_push_bytes(t, s->c.region + slot + RINGSIM_OFF_SENSE,
						     SENSE_LEN))
					return clerk_fail(s, -ENOMEM, "log");
			}
		}
		s->answer_off = (s->answer_off + tcmu_hdr_get_len(len_op)) % s->c.cmdr_size;
	}
	return 0;
}

/*
 * Jobs.
 */

void clerk_on_done(struct scsi_task *t)
{
	struct clerk *s = t->lun->owner;

	s->ready[s->n_ready++] = (uint32_t)((struct job *)t - s->jobs);
}

static void free_job(struct clerk *s, struct job *j)
{
	j->used = false;
	s->n_used--;
}

/* The answer lies in its slot; what is kept can be freed as soon as the kernel has seen it. */
static void answered(struct clerk *s, const struct consumer_cmd *cmd)
{
	if (cmd->uflags & TCMU_UFLAG_KEEP_BUF && cmd->id != WRONG_ID)
		s->kept[s->n_kept++] = cmd->id;
	free_job(s, (struct job *)cmd);
}

void clerk_on_release(void *ctx, struct consumer_cmd *cmd)
{
	answered(ctx, cmd);
}

static struct job *new_job(struct clerk *s)
{
	struct job *j = s->jobs;

	if (s->n_used == CLERK_TASKS_MAX)
		return NULL;
	while (j->used)
		j++;
	return j;
}

/* Changes an answer, or what will happen, as the moods have it. */
static void apply_moods(struct clerk *s, struct job *j)
{
	struct consumer_cmd *cmd = &j->task.cmd;
	static const uint8_t statuses[] = { SAM_BUSY, SAM_TASK_SET_FULL, SAM_RESERVATION_CONFLICT };

	if (in_mood(s, CLERK_SENSE)) {
		cmd->status = SAM_CHECK_CONDITION;
		memset(cmd->sense, 0, sizeof(cmd->sense));
		cmd->sense[0] = 0x70;
		cmd->sense[2] = 0x03;
		cmd->sense[7] = 0x0a;
		cmd->sense[12] = 0x11;
		cmd->sense[13] = (uint8_t)roll(s, 4);
	} else if (in_mood(s, CLERK_BUSY)) {
		cmd->status = statuses[roll(s, sizeof(statuses))];
	}
	if (in_mood(s, CLERK_SHORT)) {
		cmd->uflags |= TCMU_UFLAG_READ_LEN;
		cmd->read_len = roll(s, 8) ? roll(s, (uint32_t)cmd->len + 1024) : 0;
	}
	if (in_mood(s, CLERK_UNKNOWN))
		cmd->uflags |= TCMU_UFLAG_UNKNOWN_OP;
	if (in_mood(s, CLERK_KEEP))
		cmd->uflags |= TCMU_UFLAG_KEEP_BUF;
	if (in_mood(s, CLERK_LATE))
		j->due_ms = clerk_now_ms() + s->cfg.late_ms;
	s->want_broken |= in_mood(s, CLERK_BROKEN);
	s->want_restart |= in_mood(s, CLERK_RESTART);
	if (in_mood(s, CLERK_RESET1))
		s->want_reset = 1;
	if (in_mood(s, CLERK_RESET2))
		s->want_reset = 2;
}

static void exec(struct clerk *s, struct job *j)
{
	j->used = true;
	j->due_ms = 0;
	s->n_used++;
	s->executed++;
	scsi_exec(&s->lun, &j->task);
	while (scsi_run(&s->lun))
		;
	/* Memory is done at once, and nobody else may wait for an answer that is held back. */
	scsi_release(&j->task);
	apply_moods(s, j);
}

/* Commands that are aborted are answered soon, so that the target core can go on. */
static void hurry(struct clerk *s)
{
	uint32_t i, k;

	for (i = 0; i < s->c.tmr.cnt; i++)
		for (k = 0; k < s->n_ready; k++)
			if (s->jobs[s->ready[k]].task.cmd.id == consumer_tmr_id(&s->c, i))
				s->jobs[s->ready[k]].due_ms = 0;
}

/* Takes everything off the ring; returns whether there was anything, or -errno. */
static int drain(struct clerk *s)
{
	enum consumer_entry found;
	struct job *j;
	int rc, any = 0;

	while ((j = new_job(s)) != NULL) {
		found = consumer_fetch(&s->c, &j->task.cmd);
		rc = clerk_see_entries(s);
		if (rc)
			return rc;
		if (found == CONSUMER_EMPTY)
			break;
		any = 1;
		if (found == CONSUMER_TMR)
			hurry(s);
		else
			exec(s, j);
	}
	return any;
}

static int flush(struct clerk *s)
{
	int rc = see_answers(s);

	/* Progress over entries that need no answer moves the consumer's tail in flush itself. */
	if (!rc) {
		rc = consumer_flush(&s->c);
		s->answer_off = s->c.tail;
	}
	return rc < 0 ? clerk_fail(s, rc, "doorbell") : 0;
}

static int free_kept(struct clerk *s, uint32_t keep)
{
	int rc = 0;

	while (!rc && s->n_kept > keep) {
		rc = device_action(&s->dev, "free_kept_buf", s->kept[0]);
		memmove(s->kept, s->kept + 1, --s->n_kept * sizeof(s->kept[0]));
	}
	return rc ? clerk_fail(s, rc, "free_kept_buf") : 0;
}

/* Answers number @i of those that are ready. */
static int answer(struct clerk *s, uint32_t i)
{
	struct consumer_cmd *cmd = &s->jobs[s->ready[i]].task.cmd;
	bool wrong = s->want_broken && !s->c.in_order;

	s->ready[i] = s->ready[--s->n_ready];
	if (wrong)
		cmd->id = WRONG_ID;
	consumer_complete(&s->c, cmd);
	if (!s->c.in_order)
		answered(s, cmd);
	if (!wrong)
		return 0;
	s->want_broken = false;
	s->want_reset = 1 + roll(s, 2);
	return flush(s);
}

/* Answers some of what is ready and due, all of it if @all; how many, or -errno. */
static int answer_some(struct clerk *s, bool all)
{
	uint32_t hold = all || s->c.in_order ? 0 : roll(s, s->cfg.hold + 1), i, tries, n = 0;
	uint64_t now = clerk_now_ms();
	int rc = 0;

	for (tries = s->n_ready; !rc && tries && s->n_ready > hold && !s->want_reset; tries--) {
		i = roll(s, s->n_ready);
		if (s->jobs[s->ready[i]].due_ms > now)
			continue;
		rc = answer(s, i);
		n++;
		if (!rc && !roll(s, 4))
			rc = flush(s);
	}
	if (!rc)
		rc = flush(s);
	if (!rc && !s->want_reset)
		rc = free_kept(s, roll(s, KEPT_MAX));
	return rc ? rc : (int)n;
}

/*
 * The loop.
 */

static int act(struct clerk *s)
{
	int rc = 0;

	if (s->want_reset)
		rc = clerk_reset_ring(s);
	if (!rc && s->want_restart)
		rc = clerk_restart(s);
	if (!rc && s->unblock_ms && clerk_now_ms() >= s->unblock_ms)
		rc = clerk_block(s, false);
	return rc;
}

/* Moods that come over the handler itself, once for each time that it found work. */
static int sulk(struct clerk *s)
{
	if (in_mood(s, CLERK_STALL))
		poll(NULL, 0, (int)s->cfg.stall_ms);
	return !s->unblock_ms && in_mood(s, CLERK_BLOCK) ? clerk_block(s, true) : 0;
}

static int turn(struct clerk *s)
{
	int fetched, answered, rc;

	do {
		fetched = drain(s);
		if (fetched < 0)
			return fetched;
		rc = fetched ? sulk(s) : 0;
		if (rc)
			return rc;
		answered = answer_some(s, !fetched);
		if (answered < 0)
			return answered;
		rc = act(s);
	} while (!rc && (fetched || answered));
	return rc;
}

static int wait(struct clerk *s, int pidfd, bool *ended)
{
	struct pollfd p[2] = { { .fd = s->fds.io, .events = POLLIN },
			       { .fd = pidfd, .events = POLLIN } };
	int ms = s->n_ready || s->unblock_ms ? 5 : 50;
	int rc = poll(p, *ended ? 1 : 2, ms);

	if (rc < 0 && errno != EINTR)
		return clerk_fail(s, -errno, "poll");
	if (rc > 0 && p[0].revents & (POLLERR | POLLHUP))
		return clerk_fail(s, -EIO, "device");
	if (rc > 0 && p[0].revents & POLLIN && consumer_read_event(&s->c) < 0)
		return clerk_fail(s, -EIO, "device");
	if (rc > 0 && !*ended && p[1].revents)
		*ended = true;
	return 0;
}

int clerk_serve(struct clerk *s, int pidfd, char *err, size_t err_len)
{
	uint64_t end = 0, busy = clerk_now_ms();
	bool ended = false;
	int rc;

	s->err = err;
	s->err_len = err_len;
	do {
		rc = turn(s);
		if (s->n_used || consumer_pending(&s->c) || s->unblock_ms)
			busy = clerk_now_ms();
		if (!rc)
			rc = wait(s, pidfd, &ended);
		if (ended && !end) {
			end = clerk_now_ms() + DRAIN_MS;
			memset(s->cfg.chance, 0, sizeof(s->cfg.chance));
		}
		if (!rc && end && clerk_now_ms() > end)
			rc = clerk_fail(s, -ETIMEDOUT, "commands are still coming");
	} while (!rc && !(ended && clerk_now_ms() > busy + IDLE_MS));
	return rc ? rc : free_kept(s, 0);
}
