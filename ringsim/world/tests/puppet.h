/* SPDX-License-Identifier: MIT */
/*
 * A world as far as the trees need one, with programs in it, for one test program each. The device
 * behind the trees is a puppet: it notes what it is told, and answers when the test says so.
 */
#ifndef RINGSIM_WORLD_PUPPET_H
#define RINGSIM_WORLD_PUPPET_H

#include "../trees.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- the world, as far as the trees need one ----------------------------------------------------
 */

static struct world world;
static char said[512];
static bool blocked;
/* Whoever waits in enable, rmdir or a reconfiguration; @hold: do not answer them at once. */
static struct {
	bool hold;
	void (*done)(void *ctx, int rc);
	void (*removed)(void *ctx);
	void *ctx;
	struct world_device *d;
} later;

uint64_t world_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int world_watch(struct world *w, struct world_watch *watch, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch };

	return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, watch->fd, &ev) ? -errno : 0;
}

void world_unwatch(struct world *w, struct world_watch *watch)
{
	epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
}

void world_say(struct world *w, const char *fmt, ...)
{
	va_list ap;

	(void)w;
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

struct world_device *device_new(struct world *w, unsigned int hba, const char *name)
{
	struct world_device *d = calloc(1, sizeof(*d));

	d->w = w;
	d->hba = hba;
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->block_size = 512;
	d->max_sectors = 128;
	d->sim = (struct ringsim_config)RINGSIM_CONFIG_DEFAULT;
	d->core = (struct ringsim_core_attrs)RINGSIM_CORE_ATTRS_DEFAULT;
	d->next = w->devices;
	w->devices = d;
	tree_device_added(d);
	return d;
}

void device_uio_name(const struct world_device *d, char *buf, size_t len)
{
	snprintf(buf, len, "tcm-user/%u/%s%s%s", d->hba, d->name, d->config[0] ? "/" : "",
		 d->config);
}

static void gone(void *ctx)
{
	(void)ctx;
}

static void finish(int rc)
{
	void (*done)(void *ctx, int rc) = later.done;
	void (*removed)(void *ctx) = later.removed;
	struct world_device *d = later.d, **p = &world.devices;

	later.done = NULL;
	later.removed = NULL;
	if (removed) {
		if (d->enabled)
			tree_device_disabled(d);
		tree_device_removed(d);
		while (*p != d)
			p = &(*p)->next;
		*p = d->next;
		ringsim_device_destroy(d->dev);
		free(d);
		removed(later.ctx);
	}
	if (done) {
		if (!d->configured && !rc) {
			d->configured = true;
			tree_device_configured(d);
		}
		done(later.ctx, rc);
	}
}

void device_enable(struct world_device *d, void (*done)(void *ctx, int rc), void *ctx)
{
	if (d->enabled) {
		done(ctx, -EEXIST);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&d->dev, &d->sim, NULL, NULL, NULL, 0), 0);
	d->minor = 3;
	d->enabled = true;
	tree_device_enabled(d);
	later.done = done;
	later.ctx = ctx;
	later.d = d;
	if (!later.hold)
		finish(0);
}

void world_device_remove(struct world_device *d, void (*done)(void *ctx), void *ctx)
{
	later.removed = done ? done : gone;
	later.ctx = ctx;
	later.d = d;
	if (!later.hold)
		finish(0);
}

void world_device_reconfig(struct world_device *d, enum world_reconfig what, const char *text,
			   uint64_t value, void (*done)(void *ctx, int rc), void *ctx)
{
	if (d->configured) {
		done(ctx, -ESRCH);
		return;
	}
	if (what == WORLD_DEV_CONFIG)
		snprintf(d->config, sizeof(d->config), "%s", text);
	else if (what == WORLD_DEV_SIZE)
		d->size_bytes = value;
	else
		d->write_cache = value;
	done(ctx, 0);
}

bool genl_is_blocked(const struct world *w)
{
	(void)w;
	return blocked;
}

int genl_block_netlink(struct world *w, bool block)
{
	(void)w;
	blocked = block;
	return 0;
}

int genl_reset_netlink(struct world *w)
{
	(void)w;
	return blocked ? 0 : -EBUSY;
}

/* --- programs -----------------------------------------------------------------------------------
 */

static char out[65536];
static pid_t child;
static int out_fd;

static void serve(int timeout_ms)
{
	struct epoll_event ev[8];
	int n = epoll_wait(world.epoll_fd, ev, 8, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct world_watch *watch = ev[i].data.ptr;

		watch->fn(watch, ev[i].events);
	}
}

static void start(const char *command)
{
	int fd[2];

	CU_ASSERT_EQUAL_FATAL(pipe2(fd, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		if (mounts_join(&world))
			_exit(126);
		execl("/bin/bash", "bash", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	out_fd = fd[0];
	out[0] = 0;
}

/* Its exit status, or -1 while it runs. */
static int ended_within(int ms)
{
	uint64_t until = world_now_ns() + (uint64_t)ms * 1000000;
	int status;

	while (world_now_ns() < until) {
		size_t len = strlen(out);
		ssize_t n = read(out_fd, out + len, sizeof(out) - 1 - len);

		if (n > 0)
			out[len + (size_t)n] = 0;
		if (n == 0 && waitpid(child, &status, 0) == child) {
			close(out_fd);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
		}
		serve(10);
	}
	return -1;
}

static int run(const char *command)
{
	int rc;

	start(command);
	rc = ended_within(30000);
	if (rc < 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		close(out_fd);
	}
	return rc;
}

static void says_(int line, const char *command, const char *expect)
{
	int rc = run(command);

	if (rc || strcmp(out, expect) != 0) {
		printf("\n  line %d: %s\n    status %d, expected:\n%s    found:\n%s\n", line,
		       command, rc, expect, out);
		CU_FAIL("a program sees something else");
	} else {
		CU_PASS("");
	}
}
#define says(command, expect) says_(__LINE__, command, expect)

#define CORE		      "/sys/kernel/config/target/core"
#define DISK		      CORE "/user_0/disk"

/* --- worlds --------------------------------------------------------------------------------------
 */

static char dir[64];

static int begin(enum world_mechanism mechanism, int (*prepare)(void))
{
	char err[200] = "";
	int rc = 0;

	world = (struct world){ .mechanism = mechanism, .global_max_data_area_mb = 2048 };
	world.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	strcpy(dir, "/tmp/test-tree-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	strcpy(world.dir, dir);
	if (mechanism == WORLD_SECCOMP)
		rc = mounts_enter(&world, err, sizeof(err));
	if (!rc && prepare)
		rc = prepare();
	if (!rc)
		rc = tree_start(&world, err, sizeof(err));
	if (rc)
		printf("%s: %s\n", strerror(-rc), err);
	return rc;
}

/* Nothing is left behind. */
static int end(void)
{
	while (world.devices)
		world_device_remove(world.devices, NULL, NULL);
	tree_stop(&world);
	close(world.epoll_fd);
	return rmdir(world.dir);
}

static int run_suites(CU_SuiteInfo *suites)
{
	unsigned int failures;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}

#endif
