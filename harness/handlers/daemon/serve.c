/* SPDX-License-Identifier: MIT */
/*
 * The loop of a unit.
 *
 * The first step drains before any wait (HND-041), and there is no sleep but in poll(2) on the node
 * itself, so looking for work in between can lose no wakeup: it only finds early what poll(2) would
 * tell, too. The event that came along with it is still unread then, and ends the next sleep at
 * once; a step that finds nothing is not followed by another look.
 * Clauses: HND-041 to HND-043, HND-047.
 */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

/* Tries between two looks at the clock. */
#define TRIES 16

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t serve_now_us(void)
{
	return now_ns() / 1000u;
}

static bool stopping(const struct unit *u)
{
	return __atomic_load_n(&u->stop, __ATOMIC_RELAXED) != 0;
}

void serve_seats(struct spin_seats *seats)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN), ours = online;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		ours = CPU_COUNT(&set);
	spin_seats_init(seats, online, ours);
}

/* Changes whenever a command is taken or answered. */
static uint64_t progress(const struct unit *u)
{
	return handler_served(u->handler) + handler_consumer(u->handler)->seen[TCMU_OP_CMD];
}

/* For the other thread of this core, and for whoever emulates it. */
static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/*
 * Whether there is work. What is in flight in the store can only be asked for by a step, which then
 * has dealt with it.
 */
static bool found(struct unit *u, uint64_t seen, int *rc)
{
	relax();
	if (handler_pending(u->handler))
		return true;
	if (store_inflight(u->store) == 0)
		return false;
	*rc = u->api->step(u->handler, 0);
	return *rc != 0 || progress(u) != seen;
}

/* The time for looks; who never looks need not know it. */
static uint64_t look_ns(const struct unit *u)
{
	return u->spin.limit_ns != 0 ? now_ns() : 0;
}

/*
 * Look for work once, for as long as pays after work that began at *@since_ns; returns whether
 * there is some, which then began now.
 */
static bool look(struct unit *u, uint64_t *since_ns, int *rc)
{
	uint64_t start_ns = look_ns(u), seen = progress(u), ns = 0;
	uint64_t budget_ns = spin_begin(&u->spin, start_ns - *since_ns);
	bool any = false;

	if (budget_ns == 0)
		return false;
	while (!any && ns < budget_ns && !stopping(u)) {
		for (int i = 0; i < TRIES && !any; i++)
			any = found(u, seen, rc);
		ns = now_ns() - start_ns;
	}
	spin_end(&u->spin, any);
	*since_ns = start_ns + ns;
	return any;
}

int serve_wait(struct unit *u, int timeout_ms)
{
	struct pollfd p[3] = {
		{ .fd = u->dev.att.io_fd, .events = POLLIN },
		{ .fd = store_fd(u->store), .events = POLLIN },
		{ .fd = u->wake_fd, .events = POLLIN },
	};
	int events = 0;

	if (poll(p, 3, timeout_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[0].revents & (POLLERR | POLLHUP | POLLNVAL))
		events |= HANDLER_EV_ERR;
	if (p[0].revents & POLLIN)
		events |= HANDLER_EV_UIO;
	if (p[1].revents != 0)
		events |= HANDLER_EV_STORE;
	return events;
}

/* Sleep until something comes, and see what that costs, unless it came before. */
static int sleep_on(struct unit *u, uint64_t *since_ns)
{
	uint64_t start_ns, used_ns;
	int events;

	if (u->spin.seats == NULL)
		return serve_wait(u, -1);
	start_ns = now_ns();
	used_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	events = serve_wait(u, -1);
	used_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - used_ns;
	*since_ns = now_ns();
	if (*since_ns - start_ns > 2 * used_ns)
		spin_slept(&u->spin, used_ns);
	return events;
}

int serve_unit(struct unit *u)
{
	uint64_t since_ns = look_ns(u);
	int events = 0, rc = 0;

	while (rc == 0 && !stopping(u)) {
		uint64_t seen = progress(u);

		rc = u->api->step(u->handler, (unsigned int)events);
		events = 0;
		if (rc == 0 && progress(u) != seen && look(u, &since_ns, &rc))
			continue;
		if (rc == 0)
			events = sleep_on(u, &since_ns);
		if (events < 0)
			rc = events;
	}
	return rc;
}
