/* SPDX-License-Identifier: MIT */
/*
 * Deadlines and the queue-full list.
 *
 * Two timers, one for the ring and one for the queue, each armed only when it is not running;
 * deadlines are rounded up to whole seconds of the device's clock (KRN-090, TRP-28). A timer that
 * fires looks at every command of both lists and is then set to the deadline of the first that is
 * left, which need not be the earliest, since each failed drain gives the front command a new one
 * (KRN-081, TRP-27).
 */
#include "internal.h"

#include <errno.h>

#define DEFAULT_TIME_OUT_S 30

static uint64_t deadline(const struct ringsim_device *dev, uint64_t tmo_ns)
{
	uint64_t t = dev->now_ns + dev->skew_ns + tmo_ns + RINGSIM_NSEC_PER_SEC - 1;

	return t - t % RINGSIM_NSEC_PER_SEC - dev->skew_ns;
}

static void arm(struct timer *timer, uint64_t when_ns)
{
	if (!timer->pending)
		*timer = (struct timer){ .pending = true, .when_ns = when_ns };
}

void timer_arm_cmd(struct ringsim_device *dev, uint64_t deadline_ns)
{
	if (dev->cmd_tmo_ns)
		arm(&dev->cmd_timer, deadline_ns);
}

void timer_set_time(struct ringsim_device *dev, uint64_t now_ns)
{
	dev->now_ns = now_ns;
	dev->deadline_ns = deadline(dev, dev->cmd_tmo_ns);
}

void timer_next_cmd(struct ringsim_device *dev)
{
	uint16_t first = dev->slots[0].next;

	dev->cmd_timer.pending = first != 0;
	if (first)
		dev->cmd_timer.when_ns = dev->slots[first].deadline_ns;
}

void timer_next_qfull(struct ringsim_device *dev)
{
	dev->qfull_timer.pending = dev->qfull_first != NULL;
	if (dev->qfull_first)
		dev->qfull_timer.when_ns = dev->qfull_first->deadline_ns;
}

/* KRN-080, KRN-091. Returns -ETIMEDOUT if commands may not wait at all. */
int qfull_add(struct ringsim_device *dev, struct ringsim_cmd *cmd)
{
	uint64_t tmo_ns = DEFAULT_TIME_OUT_S * RINGSIM_NSEC_PER_SEC;

	if (dev->qfull_tmo_s == 0)
		return -ETIMEDOUT;
	if (dev->qfull_tmo_s > 0)
		tmo_ns = (uint64_t)dev->qfull_tmo_s * RINGSIM_NSEC_PER_SEC;
	else if (dev->cmd_tmo_ns)
		tmo_ns = dev->cmd_tmo_ns;
	cmd->deadline_ns = deadline(dev, tmo_ns);
	arm(&dev->qfull_timer, cmd->deadline_ns);
	cmd->state = RINGSIM_QUEUED;
	cmd->next = NULL;
	cmd->prev = dev->qfull_last;
	if (dev->qfull_last)
		dev->qfull_last->next = cmd;
	else
		dev->qfull_first = cmd;
	dev->qfull_last = cmd;
	dev->qfull_count++;
	dev->n_qfull++;
	tap(dev, .kind = RINGSIM_TAP_WAIT, .cmd = cmd);
	return 0;
}

void qfull_remove(struct ringsim_device *dev, struct ringsim_cmd *cmd)
{
	if (cmd->prev)
		cmd->prev->next = cmd->next;
	else
		dev->qfull_first = cmd->next;
	if (cmd->next)
		cmd->next->prev = cmd->prev;
	else
		dev->qfull_last = cmd->prev;
	dev->qfull_count--;
}

/* Puts the chain that starts at @cmd (@n commands, ending in @last) behind what is queued. */
static void qfull_put_back(struct ringsim_device *dev, struct ringsim_cmd *cmd,
			   struct ringsim_cmd *last, uint32_t n)
{
	if (!cmd)
		return;
	cmd->prev = dev->qfull_last;
	dev->qfull_last->next = cmd;
	dev->qfull_last = last;
	dev->qfull_count += n;
}

/*
 * Takes the list off and tries every command again, in order; the first that still does not fit
 * goes back to the front with a new deadline and the rest follow it untouched (KRN-081). The reason
 * of a refusal is lost on this path: always 02/08/00 (TRP-30). @fail: all get BUSY instead
 * (KRN-110).
 */
void qfull_drain(struct ringsim_device *dev, bool fail)
{
	struct ringsim_cmd *cmd = dev->qfull_first, *last = dev->qfull_last, *next;
	uint32_t n = dev->qfull_count;
	enum admission adm;

	if (!cmd)
		return;
	dev->qfull_first = dev->qfull_last = NULL;
	dev->qfull_count = 0;
	for (; cmd; cmd = next) {
		next = cmd->next;
		n--;
		if (fail) {
			cmd_end(dev, cmd, RINGSIM_REFUSED, 0x08);
			continue;
		}
		adm = cmd_admit(dev, cmd);
		if (adm == REFUSED) {
			cmd->sense_valid = false;
			cmd_end(dev, cmd, RINGSIM_REFUSED, 0x02);
		} else if (adm == WAITS) {
			qfull_put_back(dev, next, last, n);
			break;
		}
	}
	timer_next_qfull(dev);
}

static void expire_ring(struct ringsim_device *dev)
{
	uint16_t id = dev->slots[0].next, next;
	struct slot *slot;

	for (; id; id = next) {
		slot = &dev->slots[id];
		next = slot->next;
		if (dev->now_ns < slot->deadline_ns)
			continue;
		/* Blocks, id and ring bytes stay the handler's until it answers (TRP-29). */
		slot_unlink(dev, id);
		slot->state = SLOT_EXPIRED;
		dev->expired++;
		cmd_end(dev, slot->cmd, RINGSIM_EXPIRED, 0x02);
		slot->cmd = NULL;
	}
	timer_next_cmd(dev);
}

static void expire_qfull(struct ringsim_device *dev)
{
	struct ringsim_cmd *cmd = dev->qfull_first, *next;

	for (; cmd; cmd = next) {
		next = cmd->next;
		if (dev->now_ns < cmd->deadline_ns)
			continue;
		qfull_remove(dev, cmd);
		cmd_end(dev, cmd, RINGSIM_QUEUE_EXPIRED, 0x28);
	}
	timer_next_qfull(dev);
}

static bool due(const struct timer *timer, uint64_t now_ns)
{
	return timer->pending && timer->when_ns <= now_ns;
}

/* Runs timers in the order in which they fire, so that a long step equals many short ones. */
void ringsim_advance(struct ringsim_device *dev, uint64_t now_ns)
{
	uint64_t next;

	while ((next = ringsim_next_timer(dev)) <= now_ns && next != UINT64_MAX) {
		if (next > dev->now_ns)
			timer_set_time(dev, next);
		if (dev->pool->own && dev->pool->due_ns <= dev->now_ns)
			ringsim_pool_run(dev->pool, dev->now_ns);
		if (!due(&dev->cmd_timer, dev->now_ns) && !due(&dev->qfull_timer, dev->now_ns))
			continue;
		ringsim_time_out(dev);
	}
	if (now_ns > dev->now_ns)
		timer_set_time(dev, now_ns);
}

void ringsim_set_time(struct ringsim_device *dev, uint64_t now_ns, uint32_t skew_ns)
{
	dev->skew_ns = skew_ns;
	timer_set_time(dev, now_ns > dev->now_ns ? now_ns : dev->now_ns);
}

void ringsim_time_out(struct ringsim_device *dev)
{
	tap(dev, .kind = RINGSIM_TAP_EXPIRE);
	if (dev->cmd_tmo_ns)
		expire_ring(dev);
	expire_qfull(dev);
}

uint64_t ringsim_next_timer(const struct ringsim_device *dev)
{
	uint64_t next = UINT64_MAX;

	if (dev->cmd_timer.pending)
		next = dev->cmd_timer.when_ns;
	if (dev->qfull_timer.pending && dev->qfull_timer.when_ns < next)
		next = dev->qfull_timer.when_ns;
	if (dev->pool->own && dev->pool->due_ns < next)
		next = dev->pool->due_ns;
	return next;
}

int ringsim_set_qfull_time_out(struct ringsim_device *dev, int32_t seconds)
{
	if (seconds < -1)
		return -EINVAL;
	dev->qfull_tmo_s = seconds;
	tap(dev, .kind = RINGSIM_TAP_SET, .seconds = seconds);
	return 0;
}
