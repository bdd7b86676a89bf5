/* SPDX-License-Identifier: MIT */
/*
 * Simulator in the initiator's thread, consumer and null handler in another one.
 *
 * Polling, neither makes a system call: the handler looks at cmd_head, the initiator at cmd_tail,
 * as a kernel's reclaimer does. Sleeping, event and doorbell are what they are for a real handler:
 * a write to a descriptor that the other side polls; here eventfds. The consumer is the handlers'
 * own, so that what it does for each command is measured, too.
 *
 * The two share the region alone, and two flags; the simulator is the initiator's.
 */
#include "lane_device.h"
#include "lane_null.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* How long a sleeper may not notice that it is to end. */
#define SLEEP_MS 100

/* What one side stores to lies on no cache line that the other looks at all the time. */
struct threads {
	struct lane_device device;
	uint64_t events;
	pthread_t thread;
	bool started;

	/* the handler's thread */
	_Alignas(128) struct lane_null handler;
	_Atomic uint64_t wakeups, doorbells;

	/* both: stored to where it begins and ends */
	_Alignas(128) bool sleeping;
	int cpu, event_fd, doorbell_fd;
	_Atomic pid_t tid;
	_Atomic int rc;
	_Atomic bool stop;
};

/* --- the handler ------------------------------------------------------------------------------ */

static void *far_map(void *ctx, size_t len, off_t offset)
{
	(void)len;
	(void)offset;
	return ringsim_region(((struct threads *)ctx)->device.dev);
}

static void far_unmap(void *ctx, void *region, size_t len)
{
	(void)ctx;
	(void)region;
	(void)len;
}

static ssize_t far_read(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	(void)buf;
	(void)len;
	errno = EAGAIN; /* it has taken the event itself */
	return -1;
}

/* Called by the handler's thread; nobody listens to a polling one. */
static ssize_t far_write(void *ctx, const void *buf, size_t len)
{
	struct threads *t = ctx;
	uint64_t one = 1;

	(void)buf;
	if (!t->sleeping)
		return (ssize_t)len;
	atomic_store_explicit(&t->doorbells,
			      atomic_load_explicit(&t->doorbells, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	return write(t->doorbell_fd, &one, sizeof(one)) == sizeof(one) ? (ssize_t)len : -1;
}

static void sleep_until_event(struct threads *t)
{
	struct pollfd pfd = { .fd = t->event_fd, .events = POLLIN };
	uint64_t count;

	if (poll(&pfd, 1, SLEEP_MS) > 0 && read(t->event_fd, &count, sizeof(count)) > 0)
		atomic_store_explicit(&t->wakeups,
				      atomic_load_explicit(&t->wakeups, memory_order_relaxed) + 1,
				      memory_order_relaxed);
}

static void *handler(void *arg)
{
	struct threads *t = arg;
	struct consumer_uio uio = { far_map, far_unmap, far_read, far_write, t };
	int rc;

	lane_pin(0, t->cpu);
	rc = consumer_attach(&t->handler.consumer, &uio, ringsim_layout(t->device.dev)->region_size,
			     NULL, false);
	atomic_store(&t->rc, rc);
	atomic_store(&t->tid, gettid());
	while (!rc && !atomic_load_explicit(&t->stop, memory_order_relaxed))
		if (!lane_null_serve(&t->handler) && t->sleeping)
			sleep_until_event(t);
	return NULL;
}

/* --- the initiator -----------------------------------------------------------------------------
 */

static void on_event(void *ctx)
{
	struct threads *t = ctx;
	uint64_t one = 1;

	t->events++;
	if (t->sleeping)
		(void)!write(t->event_fd, &one, sizeof(one));
}

static void threads_close(struct lane *l)
{
	struct threads *t = (struct threads *)l;

	atomic_store(&t->stop, true);
	if (t->started) {
		on_event(t);
		pthread_join(t->thread, NULL);
	}
	if (t->event_fd >= 0)
		close(t->event_fd);
	if (t->doorbell_fd >= 0)
		close(t->doorbell_fd);
	lane_device_destroy(&t->device);
	lane_null_destroy(&t->handler);
	free(t);
}

static int start(struct threads *t, char *err, size_t err_len)
{
	int rc, fds = t->sleeping ? EFD_CLOEXEC | EFD_NONBLOCK : EFD_CLOEXEC;

	t->event_fd = eventfd(0, fds);
	t->doorbell_fd = eventfd(0, fds);
	rc = t->event_fd < 0 || t->doorbell_fd < 0 ? -errno : ringsim_uio_open(&t->device.uio);
	if (!rc)
		rc = -pthread_create(&t->thread, NULL, handler, t);
	t->started = !rc;
	while (!rc && !atomic_load(&t->tid)) /* ends: the thread attaches and says so */
		sched_yield();
	if (!rc)
		rc = atomic_load(&t->rc);
	if (rc)
		snprintf(err, err_len, "null handler in a thread: %s", strerror(-rc));
	t->device.lane.parties[0] = (struct lane_party){ getpid(), atomic_load(&t->tid) };
	t->device.lane.n_parties = 1;
	return rc;
}

static int threads_open(struct lane **out, const struct lane_config *cfg, char *err, size_t err_len)
{
	struct threads *t = aligned_alloc(128, sizeof(*t));
	int rc = -ENOMEM;

	*out = NULL;
	snprintf(err, err_len, "%s", strerror(ENOMEM));
	if (!t)
		return rc;
	memset(t, 0, sizeof(*t));
	t->device.lane.ops = &lane_threads;
	t->event_fd = t->doorbell_fd = -1;
	t->sleeping = cfg->sleeping;
	t->cpu = cfg->cpu;
	rc = lane_null_create(&t->handler, cfg->depth);
	if (!rc)
		rc = lane_device_create(&t->device, cfg, on_event, err, err_len);
	if (!rc)
		rc = start(t, err, err_len);
	if (rc)
		threads_close(&t->device.lane);
	else
		*out = &t->device.lane;
	return rc;
}

static int threads_poll(struct lane *l, uint64_t now_ns, uint32_t wait_us)
{
	struct threads *t = (struct threads *)l;
	struct pollfd pfd = { .fd = t->doorbell_fd, .events = POLLIN };
	struct timespec ts = { .tv_sec = wait_us / 1000000,
			       .tv_nsec = (long)(wait_us % 1000000) * 1000 };
	uint64_t count;

	lane_device_time(&t->device, now_ns);
	if (!t->sleeping) {
		ringsim_poll_tail(t->device.dev);
		return 0;
	}
	if (wait_us && ppoll(&pfd, 1, &ts, NULL) <= 0)
		return 0;
	if (read(t->doorbell_fd, &count, sizeof(count)) > 0)
		ringsim_doorbell(t->device.dev);
	return 0;
}

static void threads_counters(struct lane *l, struct lane_counters *out)
{
	struct threads *t = (struct threads *)l;

	lane_device_counters(l, out);
	out->events = t->events;
	out->wakeups = t->sleeping ? atomic_load(&t->wakeups) : UINT64_MAX;
	out->doorbells = t->sleeping ? atomic_load(&t->doorbells) : 0;
}

const struct lane_ops lane_threads = { threads_open, lane_device_submit, threads_poll,
				       threads_counters, threads_close };
