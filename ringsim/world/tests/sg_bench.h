/* SPDX-License-Identifier: MIT */
/*
 * The client's side without a client: calls on a node come from this process, whose memory is the
 * caller's, and the handler is a pair of hands on the ring (rig.h). So every moment can be chosen:
 * who answers when, who is interrupted, what goes away meanwhile.
 *
 * For test_sg.c and test_sg_async.c. It defines the parts of the world around lu.c and sg.c, in
 * place of those in libworld.a: hence a header.
 */
#ifndef WORLD_TESTS_SG_BENCH_H
#define WORLD_TESTS_SG_BENCH_H

#include "../../tests/rig.h"
#include "../sg.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD_ADDR 8
#define PENDING	 12345678

/* --- the world around
 * ------------------------------------------------------------------------------
 */

static uint64_t now_ns;
static bool alive, interrupted, nonblock;
static int given;
static uint32_t caps;

uint64_t world_now_ns(void)
{
	return now_ns;
}

void world_say(struct world *w, const char *fmt, ...)
{
	(void)w;
	(void)fmt;
}

int world_watch(struct world *w, struct world_watch *watch, uint32_t events)
{
	(void)w;
	(void)watch;
	(void)events;
	return 0;
}

void world_unwatch(struct world *w, struct world_watch *watch)
{
	(void)w;
	(void)watch;
}

int world_file_add(struct world *w, struct world_file *f, enum world_file_kind kind, int fd)
{
	(void)fd;
	f->kind = kind;
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

int call_peek(const struct world_call *c, uint64_t addr, void *buf, size_t len)
{
	(void)c;
	if (addr <= 4096)
		return -EFAULT;
	memcpy(buf, (const void *)(uintptr_t)addr, len);
	return 0;
}

int call_poke(const struct world_call *c, uint64_t addr, const void *buf, size_t len)
{
	(void)c;
	if (addr <= 4096)
		return -EFAULT;
	memcpy((void *)(uintptr_t)addr, buf, len);
	return 0;
}

/* @via is where the result goes. */
void call_answer(const struct world_call *c, int64_t rc)
{
	int64_t *result = c->via;

	CU_ASSERT_EQUAL(*result, PENDING); /* once */
	*result = rc;
}

void call_proceed(const struct world_call *c)
{
	call_answer(c, -EOPNOTSUPP);
}

int call_give(const struct world_call *c, int fd, bool cloexec, int at)
{
	(void)cloexec;
	(void)at;
	given = dup(fd);
	call_answer(c, given);
	return given;
}

int call_take(const struct world_call *c, int fd)
{
	(void)c;
	return dup(fd);
}

bool call_waiting(const struct world_call *c)
{
	const int64_t *result = c->via;

	return alive && *result == PENDING;
}

bool call_interrupted(const struct world_call *c)
{
	(void)c;
	return interrupted;
}

bool call_nonblock(const struct world_call *c, int fd)
{
	(void)c;
	(void)fd;
	return nonblock;
}

uid_t call_uid(const struct world_call *c)
{
	(void)c;
	return 0;
}

bool call_privileged(const struct world_call *c)
{
	(void)c;
	return true;
}

bool call_capable(const struct world_call *c, int cap)
{
	(void)c;
	return caps >> cap & 1;
}

/* --- the bench
 * -----------------------------------------------------------------------------------------
 */

static struct {
	struct world w;
	struct world_device d;
	struct rig rig;
	uint32_t ended, violations;
} b;

static void on_event(void *ctx)
{
	(void)ctx;
}

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	lu_complete(ctx, cmd);
}

static void on_tmr_done(void *ctx, struct ringsim_tmr *tmr)
{
	lu_tmr_done(ctx, tmr);
}

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	(void)ctx;
	(void)v;
	b.violations++;
}

static void observed(void *ctx, struct world_device *d, const struct world_command *cmd)
{
	(void)ctx;
	(void)d;
	(void)cmd;
	b.ended++;
}

static const struct world_observer observer = { .ended = observed };

static inline void up(void)
{
	static const struct ringsim_ops ops = { .event = on_event,
						.complete = on_complete,
						.tmr_done = on_tmr_done,
						.violation = on_violation };

	memset(&b, 0, sizeof(b));
	now_ns = 1000 * SEC;
	alive = true;
	interrupted = nonblock = false;
	caps = ~0u;
	b.w.cfg.observer = &observer;
	b.d.w = &b.w;
	b.d.sim = RIG_CONFIG;
	b.d.core = (struct ringsim_core_attrs)RINGSIM_CORE_ATTRS_DEFAULT;
	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&b.d.dev, &b.d.sim, &ops, &b.d, NULL, 0), 0);
	ringsim_advance(b.d.dev, now_ns);
	b.rig.dev = b.d.dev;
	b.rig.mem = ringsim_region(b.d.dev);
	b.rig.lay = ringsim_layout(b.d.dev);
	b.rig.uio.dev = b.d.dev;
	CU_ASSERT_EQUAL_FATAL(ringsim_uio_open(&b.rig.uio), 0);
	CU_ASSERT_EQUAL_FATAL(lu_create(&b.d), 0);
}

static inline void device_gone(void)
{
	sg_gone(&b.d);
	lu_destroy(&b.d);
	ringsim_uio_unregister(&b.rig.uio);
	ringsim_device_destroy(b.d.dev);
	b.d.dev = NULL;
}

static inline void down(void)
{
	if (b.d.dev)
		device_gone();
	sg_stop(&b.w);
	CU_ASSERT_PTR_NULL(b.w.files);
	CU_ASSERT_EQUAL(b.violations, 0);
}

static inline void pass(uint64_t ms)
{
	now_ns += ms * SG_MSEC;
	if (b.d.dev)
		ringsim_advance(b.d.dev, now_ns);
	sg_run_timers(&b.w, now_ns);
}

struct asked {
	struct world_call c;
	int64_t rc;
};

static inline struct world_call *call(struct asked *a, int nr, uint64_t a0, uint64_t a1,
				      const void *a2)
{
	a->rc = PENDING;
	a->c = (struct world_call){ .w = &b.w, .via = &a->rc, .nr = nr };
	a->c.arg[0] = a0;
	a->c.arg[1] = a1;
	a->c.arg[2] = (uintptr_t)a2;
	return &a->c;
}

static inline struct sg_node *open_sg(int flags, int64_t want)
{
	struct asked a;

	given = -1;
	sg_open(call(&a, SYS_open, 0, 0, NULL), &b.d, flags);
	if (want < 0) {
		CU_ASSERT_EQUAL(a.rc, want);
		return NULL;
	}
	CU_ASSERT_EQUAL_FATAL(a.rc, given);
	return ((struct sg_world *)b.w.sg)->nodes;
}

/* The program closes it, and the loop sees a hangup. */
static inline void node_hangup(struct sg_node *n, int fd)
{
	close(fd);
	n->watch.fn(&n->watch, EPOLLIN | EPOLLHUP);
}

static const uint8_t ready[6];
static uint8_t sense[96], data[8192];

static inline sg_io_hdr_t header(const uint8_t *cdb, int len, int dir, unsigned int n)
{
	memset(sense, 0, sizeof(sense));
	return (sg_io_hdr_t){ .interface_id = 'S',
			      .cmdp = (unsigned char *)cdb,
			      .cmd_len = (unsigned char)len,
			      .dxfer_direction = dir,
			      .dxferp = n ? data : NULL,
			      .dxfer_len = n,
			      .sbp = sense,
			      .mx_sb_len = sizeof(sense),
			      .timeout = 2000 };
}

static inline void sg_io(struct sg_node *n, struct asked *a, sg_io_hdr_t *h)
{
	sg_ioctl(call(a, SYS_ioctl, 0, SG_IO, h), &n->file);
}

static inline int64_t sg_ask(struct sg_node *n, unsigned int request, const void *arg)
{
	struct asked a;

	sg_ioctl(call(&a, SYS_ioctl, 0, request, arg), &n->file);
	return a.rc;
}

static inline int64_t put(struct sg_node *n, int id)
{
	sg_io_hdr_t h = header(ready, 6, SG_DXFER_NONE, 0);
	struct asked a;

	h.pack_id = id;
	sg_write(call(&a, SYS_write, (uint64_t)given, (uintptr_t)&h, (void *)sizeof(h)), &n->file);
	return a.rc;
}

static inline bool poll_in(void)
{
	struct pollfd p = { .fd = given, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static inline void get(struct sg_node *n, struct asked *a, sg_io_hdr_t *h, int id)
{
	*h = (sg_io_hdr_t){ .interface_id = 'S', .dxfer_direction = -1, .pack_id = id };
	sg_read(call(a, SYS_read, (uint64_t)given, (uintptr_t)h, (void *)sizeof(*h)), &n->file);
}

#endif
