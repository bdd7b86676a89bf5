/* SPDX-License-Identifier: MIT */
/* The loop and the life of a world; see world.h. */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH	      32
#define PAGE_LEN      4096
#define GLOBAL_MAX_MB 2048 /* KRN-132 */

uint64_t world_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void world_say(struct world *w, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (!w->cfg.say)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	w->cfg.say(w->cfg.ctx, line);
}

int world_watch(struct world *w, struct world_watch *watch, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch };

	return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, watch->fd, &ev) ? -errno : 0;
}

void world_unwatch(struct world *w, struct world_watch *watch)
{
	int i;

	epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	for (i = 0; i < w->batch_len; i++)
		if (w->batch[i].data.ptr == watch)
			w->batch[i].data.ptr = NULL;
}

int world_file_add(struct world *w, struct world_file *f, enum world_file_kind kind, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	f->kind = kind;
	f->ino = st.st_ino;
	f->next = w->files;
	w->files = f;
	return 0;
}

void world_file_drop(struct world *w, struct world_file *f)
{
	struct world_file **p = &w->files;

	while (*p && *p != f)
		p = &(*p)->next;
	if (*p)
		*p = f->next;
}

void world_set_global_max(struct world *w, uint64_t mb)
{
	w->global_max_data_area_mb = mb;
	ringsim_pool_set_max(w->pool, (mb << 20) / PAGE_LEN);
}

/* Started in this order, stopped in the other. */
static int start_parts(struct world *w, char *err, size_t err_len)
{
	int rc = 0;

	if (w->mechanism == WORLD_SECCOMP)
		rc = mounts_enter(w, err, err_len);
	if (!rc)
		rc = genl_start(w, err, err_len); /* first: the module's parameters show it */
	if (!rc)
		rc = tree_start(w, err, err_len);
	if (!rc && w->mechanism == WORLD_SECCOMP)
		rc = notify_start(w, err, err_len);
	if (!rc && w->mechanism == WORLD_PRELOAD)
		rc = preload_start(w, err, err_len);
	return rc;
}

static int choose(struct world *w, char *err, size_t err_len)
{
	char why[160], why_not[160];

	if (w->mechanism != WORLD_AUTO)
		return 0;
	w->mechanism = WORLD_SECCOMP;
	if (!world_probe(WORLD_SECCOMP, why, sizeof(why)))
		return 0;
	w->mechanism = WORLD_PRELOAD;
	if (!world_probe(WORLD_PRELOAD, why_not, sizeof(why_not))) {
		world_say(w, "only dynamically linked programs can run: %s", why);
		return 0;
	}
	snprintf(err, err_len, "no unmodified program can run here: %s; %s", why, why_not);
	return -ENOTSUP;
}

int world_create(struct world **out, const struct world_config *cfg, char *err, size_t err_len)
{
	struct world *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (!w) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	w->cfg = *cfg;
	w->mechanism = cfg->mechanism;
	w->global_max_data_area_mb = GLOBAL_MAX_MB;
	w->next_id = 1; /* 0 is the device that the target core makes for itself */
	snprintf(w->dir, sizeof(w->dir), "%s", cfg->dir);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->pool = ringsim_pool_create(((uint64_t)GLOBAL_MAX_MB << 20) / PAGE_LEN);
	if (w->epoll_fd < 0 || !w->pool) {
		rc = w->pool ? -errno : -ENOMEM;
		snprintf(err, err_len, "epoll_create1: %s", strerror(-rc));
	} else {
		rc = choose(w, err, err_len);
	}
	if (!rc)
		rc = start_parts(w, err, err_len);
	if (rc) {
		world_destroy(w);
		return rc;
	}
	*out = w;
	return 0;
}

void world_destroy(struct world *w)
{
	if (!w)
		return;
	while (w->devices)
		device_free(w->devices);
	sg_stop(w);
	preload_stop(w);
	notify_stop(w);
	tree_stop(w);
	genl_stop(w);
	ringsim_pool_destroy(w->pool);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	free(w);
}

enum world_mechanism world_mechanism(const struct world *w)
{
	return w->mechanism;
}

int world_fd(const struct world *w)
{
	return w->epoll_fd;
}

static uint64_t next_timer(const struct world *w)
{
	uint64_t next = sg_next_timer(w), t = ringsim_pool_due(w->pool);
	struct world_device *d;

	if (t < next)
		next = t;
	for (d = w->devices; d; d = d->next) {
		if (d->adopted || !d->dev)
			continue;
		t = ringsim_next_timer(d->dev);
		if (t < next)
			next = t;
	}
	return next;
}

int world_timeout_ms(const struct world *w)
{
	uint64_t next = next_timer(w), now = world_now_ns();

	if (next == UINT64_MAX)
		return -1;
	if (next <= now)
		return 0;
	next = (next - now) / 1000000 + 1;
	return next > 60000 ? 60000 : (int)next;
}

static void run_timers(struct world *w)
{
	uint64_t now = world_now_ns();
	struct world_device *d;

	for (d = w->devices; d; d = d->next)
		if (!d->adopted && d->dev)
			ringsim_advance(d->dev, now);
	if (ringsim_pool_due(w->pool) <= now)
		ringsim_pool_run(w->pool, now);
	sg_run_timers(w, now);
}

void world_service(struct world *w)
{
	struct epoll_event batch[BATCH];
	struct world_watch *watch;
	int i, n;

	run_timers(w);
	n = epoll_wait(w->epoll_fd, batch, BATCH, 0);
	w->batch = batch;
	w->batch_len = n < 0 ? 0 : n;
	for (i = 0; i < w->batch_len; i++) {
		watch = batch[i].data.ptr;
		if (watch)
			watch->fn(watch, batch[i].events);
	}
	w->batch = NULL;
	w->batch_len = 0;
}

void world_stats(const struct world *w, struct world_stats *st)
{
	*st = w->stats;
}

bool world_blocked(const struct world *w)
{
	return genl_is_blocked(w);
}
