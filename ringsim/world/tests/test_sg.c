/* SPDX-License-Identifier: MIT */
/*
 * The client's side without a client: calls on a node come from this process, whose memory is the
 * caller's, and the handler is a pair of hands on the ring (rig.h). So every moment can be chosen:
 * who answers when, who is interrupted, what goes away meanwhile.
 *
 * What a node answers is compared with real kernels by harness/tests/clients.sh; here is what that
 * cannot reach: time-outs, retries, resets, death, removal, sense that is missing. This replaces
 * the parts of the world around lu.c and sg.c. Clauses: SCS-001, SCS-002, KRN-100, KRN-101,
 * KRN-103.
 */
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

static void up(void)
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

static void device_gone(void)
{
	sg_gone(&b.d);
	lu_destroy(&b.d);
	ringsim_uio_unregister(&b.rig.uio);
	ringsim_device_destroy(b.d.dev);
	b.d.dev = NULL;
}

static void down(void)
{
	if (b.d.dev)
		device_gone();
	sg_stop(&b.w);
	CU_ASSERT_PTR_NULL(b.w.files);
	CU_ASSERT_EQUAL(b.violations, 0);
}

static void pass(uint64_t ms)
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

static struct world_call *call(struct asked *a, int nr, uint64_t a0, uint64_t a1, const void *a2)
{
	a->rc = PENDING;
	a->c = (struct world_call){ .w = &b.w, .via = &a->rc, .nr = nr };
	a->c.arg[0] = a0;
	a->c.arg[1] = a1;
	a->c.arg[2] = (uintptr_t)a2;
	return &a->c;
}

static struct sg_node *open_sg(int flags, int64_t want)
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
static void node_hangup(struct sg_node *n, int fd)
{
	close(fd);
	n->watch.fn(&n->watch, EPOLLIN | EPOLLHUP);
}

static const uint8_t ready[6];
static uint8_t sense[96], data[8192];

static sg_io_hdr_t header(const uint8_t *cdb, int len, int dir, unsigned int n)
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

static void sg_io(struct sg_node *n, struct asked *a, sg_io_hdr_t *h)
{
	sg_ioctl(call(a, SYS_ioctl, 0, SG_IO, h), &n->file);
}

static int64_t sg_ask(struct sg_node *n, unsigned int request, const void *arg)
{
	struct asked a;

	sg_ioctl(call(&a, SYS_ioctl, 0, request, arg), &n->file);
	return a.rc;
}

/* --- SG_IO
 * ---------------------------------------------------------------------------------------------
 */

static void test_answered(void)
{
	sg_io_hdr_t h = header(ready, 6, SG_DXFER_NONE, 0);
	struct sg_node *n;
	struct asked a;

	up();
	n = open_sg(O_RDWR, 0);
	sg_io(n, &a, &h);
	CU_ASSERT_EQUAL(a.rc, PENDING);
	pass(5);
	rig_answer_all(&b.rig);
	CU_ASSERT_EQUAL(a.rc, 0);
	CU_ASSERT_EQUAL(h.status, 0);
	CU_ASSERT_EQUAL(h.duration, 5);
	CU_ASSERT_EQUAL(b.ended, 1);
	CU_ASSERT_EQUAL(sg_next_timer(&b.w), n->w->sg ? ((struct sg_world *)b.w.sg)->look_ns : 0);
	node_hangup(n, given);
	down();
}

static void test_busy_until_time_out(void)
{
	sg_io_hdr_t h = header(ready, 6, SG_DXFER_NONE, 0);
	struct sg_node *n;
	struct asked a;

	up();
	n = open_sg(O_RDWR, 0);
	ringsim_block(b.d.dev, true);
	sg_io(n, &a, &h);
	for (int i = 0; i < 150; i++)
		pass(10);
	CU_ASSERT_EQUAL(a.rc, PENDING);
	CU_ASSERT(b.ended > 50); /* tried again and again */
	for (int i = 0; i < 60; i++)
		pass(10);
	CU_ASSERT_EQUAL(a.rc, 0);
	CU_ASSERT_EQUAL(h.status, 0x08);
	sg_io(n, &a, &h);
	ringsim_block(b.d.dev, false);
	pass(10);
	rig_answer_all(&b.rig);
	CU_ASSERT_EQUAL(a.rc, 0);
	CU_ASSERT_EQUAL(h.status, 0);
	node_hangup(n, given);
	down();
}

static void test_time_out(void)
{
	sg_io_hdr_t h = header(ready, 6, SG_DXFER_NONE, 0);
	struct sg_node *n;
	struct asked a;

	up();
	n = open_sg(O_RDWR, 0);
	sg_io(n, &a, &h);
	pass(1999);
	CU_ASSERT_EQUAL(n->cmds->state, SG_RUNNING);
	pass(2);
	CU_ASSERT_EQUAL(n->cmds->state, SG_ABORTING); /* and the handler still has it (KRN-103) */
	CU_ASSERT_EQUAL(a.rc, PENDING);
	rig_answer(&b.rig, 0, 2, 0, 0);
	ringsim_doorbell(b.d.dev);
	CU_ASSERT_EQUAL(a.rc, 0);
	CU_ASSERT_EQUAL(h.host_status, DID_TIME_OUT);
	CU_ASSERT_EQUAL(h.status, 0);
	CU_ASSERT_EQUAL(h.sb_len_wr, 0);
	node_hangup(n, given);
	down();
}

static void test_reset(void)
{
	sg_io_hdr_t h = header(ready, 6, SG_DXFER_NONE, 0), h2 = h, h3 = h;
	int device = SG_SCSI_RESET_DEVICE, host = SG_SCSI_RESET_HOST;
	struct asked a, r, late;
	struct sg_node *n;

	up();
	n = open_sg(O_RDWR, 0);
	sg_io(n, &a, &h);
	sg_ioctl(call(&r, SYS_ioctl, 0, SG_SCSI_RESET, &device), &n->file);
	CU_ASSERT_EQUAL(r.rc, PENDING);
	sg_io(n, &late, &h2); /* waits for the end of the reset */
	pass(4);
	CU_ASSERT_EQUAL(b.rig.dev ? rig_stats(&b.rig).inflight : 0, 1);
	rig_answer_all(&b.rig);
	CU_ASSERT_EQUAL(r.rc, 0);
	CU_ASSERT_EQUAL(a.rc, 0);
	CU_ASSERT_EQUAL(h.status, 0); /* whatever became of it */
	pass(4);
	CU_ASSERT_EQUAL(late.rc, 0);
	CU_ASSERT_EQUAL(h2.status, 2);
	CU_ASSERT_EQUAL(sense[2], 0x06);
	CU_ASSERT_EQUAL(sense[12], 0x29);
	CU_ASSERT_EQUAL(sense[13], 0x03);
	sg_io(n, &a, &h3);
	rig_answer_all(&b.rig);
	CU_ASSERT_EQUAL(h3.status, 0);
	CU_ASSERT_EQUAL(sg_ask(n, SG_SCSI_RESET, &host), -EIO);
	caps = 0;
	CU_ASSERT_EQUAL(sg_ask(n, SG_SCSI_RESET, &device), -EACCES);
	node_hangup(n, given);
	down();
}

/* A handler that says CHECK CONDITION and no more is asked for its sense. */
static void test_sense_is_asked_for(void)
{
	sg_io_hdr_t h = header(ready, 6, SG_DXFER_NONE, 0);
	struct sg_node *n;
	struct asked a;
	uint32_t tail;

	up();
	n = open_sg(O_RDWR, 0);
	sg_io(n, &a, &h);
	tail = rig_tail(&b.rig);
	memset(&rig_entry(&b.rig, tail)->rsp, 0, 8 + TCMU_SENSE_BUFFERSIZE);
	rig_entry(&b.rig, tail)->rsp.scsi_status = 2;
	rig_set_tail(&b.rig, rig_after(&b.rig, tail));
	ringsim_doorbell(b.d.dev);
	CU_ASSERT_EQUAL(a.rc, PENDING);
	pass(1);
	CU_ASSERT_EQUAL(rig_stats(&b.rig).inflight, 1);
	CU_ASSERT_EQUAL(n->cmds->io.cdb[0], 0x03);
	n->cmds->own_sense[0] = 0; /* what the handler returns is all there is */
	rig_answer_all(&b.rig);
	CU_ASSERT_EQUAL(a.rc, 0);
	CU_ASSERT_EQUAL(h.status, 2);
	CU_ASSERT_EQUAL(b.violations, 1); /* the sanitizer saw it, too */
	b.violations = 0;
	node_hangup(n, given);
	down();
}

static void test_orphan(void)
{
	sg_io_hdr_t h = header(ready, 6, SG_DXFER_NONE, 0), r = h;
	int one = 1, waiting = 0;
	struct sg_node *n;
	struct asked a;

	up();
	n = open_sg(O_RDWR, 0);
	sg_io(n, &a, &h);
	interrupted = true;
	pass(60);
	CU_ASSERT_EQUAL(a.rc, -WORLD_RESTART);
	interrupted = false;
	rig_answer_all(&b.rig);
	CU_ASSERT_PTR_NULL(n->cmds); /* dropped */
	CU_ASSERT_EQUAL(sg_ask(n, SG_SET_KEEP_ORPHAN, &one), 0);
	sg_io(n, &a, &h);
	alive = false; /* killed */
	rig_answer_all(&b.rig);
	alive = true;
	CU_ASSERT_EQUAL(sg_ask(n, SG_GET_NUM_WAITING, &waiting), 0);
	CU_ASSERT_EQUAL(waiting, 1);
	sg_read(call(&a, SYS_read, (uint64_t)given, (uintptr_t)&r, (void *)sizeof(r)), &n->file);
	CU_ASSERT_EQUAL(a.rc, (int64_t)sizeof(r));
	node_hangup(n, given);
	down();
}

/* --- write and read
 * --------------------------------------------------------------------------------------
 */

static int64_t put(struct sg_node *n, int id)
{
	sg_io_hdr_t h = header(ready, 6, SG_DXFER_NONE, 0);
	struct asked a;

	h.pack_id = id;
	sg_write(call(&a, SYS_write, (uint64_t)given, (uintptr_t)&h, (void *)sizeof(h)), &n->file);
	return a.rc;
}

static bool poll_in(void)
{
	struct pollfd p = { .fd = given, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static void get(struct sg_node *n, struct asked *a, sg_io_hdr_t *h, int id)
{
	*h = (sg_io_hdr_t){ .interface_id = 'S', .dxfer_direction = -1, .pack_id = id };
	sg_read(call(a, SYS_read, (uint64_t)given, (uintptr_t)h, (void *)sizeof(*h)), &n->file);
}

static void test_by_pack_id(void)
{
	struct sg_node *n;
	sg_io_hdr_t h, w;
	struct asked a, waits;
	int one = 1;

	up();
	n = open_sg(O_RDWR, 0);
	nonblock = true;
	get(n, &a, &h, 0);
	CU_ASSERT_EQUAL(a.rc, -EAGAIN);
	nonblock = false;
	CU_ASSERT_EQUAL(sg_ask(n, SG_SET_FORCE_PACK_ID, &one), 0);
	for (int id = 1; id <= 4; id++)
		CU_ASSERT_EQUAL(put(n, id), (int64_t)sizeof(h));
	CU_ASSERT_FALSE(poll_in());
	get(n, &waits, &w, 3); /* before it is done */
	CU_ASSERT_EQUAL(waits.rc, PENDING);
	rig_answer_all(&b.rig);
	CU_ASSERT_EQUAL(waits.rc, (int64_t)sizeof(h));
	CU_ASSERT_EQUAL(w.pack_id, 3);
	CU_ASSERT_TRUE(poll_in());
	get(n, &a, &h, 4);
	CU_ASSERT_EQUAL(h.pack_id, 4);
	CU_ASSERT_TRUE(poll_in());
	get(n, &a, &h, -1);
	CU_ASSERT_EQUAL(h.pack_id, 1);
	get(n, &a, &h, 2);
	CU_ASSERT_EQUAL(h.pack_id, 2);
	CU_ASSERT_FALSE(poll_in()); /* the message went with the last */
	node_hangup(n, given);
	down();
}

/* Commands go on when the last descriptor is closed; nobody is told. */
static void test_closed_with_commands(void)
{
	struct sg_node *n;

	up();
	n = open_sg(O_RDWR, 0);
	CU_ASSERT(put(n, 1) > 0);
	CU_ASSERT(put(n, 2) > 0);
	rig_answer(&b.rig, 0, 0, 0, 0);
	ringsim_doorbell(b.d.dev);
	node_hangup(n, given);
	CU_ASSERT_PTR_NOT_NULL(((struct sg_world *)b.w.sg)->nodes);
	rig_answer_all(&b.rig);
	CU_ASSERT_PTR_NULL(((struct sg_world *)b.w.sg)->nodes);
	down();
}

static void test_queue_is_bounded(void)
{
	struct sg_node *n;
	int i;

	up();
	n = open_sg(O_RDWR, 0);
	for (i = 0; i < SG_QUEUE; i++)
		CU_ASSERT_EQUAL(put(n, i), (int64_t)sizeof(sg_io_hdr_t));
	CU_ASSERT_EQUAL(put(n, i), -EDOM);
	rig_answer_all(&b.rig);
	node_hangup(n, given);
	down();
}

static void test_older_header(void)
{
	struct {
		struct sg_header h;
		uint8_t rest[64];
	} m = { .h = { .reply_len = sizeof(struct sg_header) + 16, .pack_id = 5 } };
	struct sg_node *n;
	ssize_t len;

	up();
	n = open_sg(O_RDWR, 0);
	m.rest[0] = 0x12;
	m.rest[4] = 16;
	CU_ASSERT(write(given, &m, sizeof(m.h) + 6) > 0);
	n->watch.fn(&n->watch, EPOLLIN);
	CU_ASSERT(write(given, &m, sizeof(m.h) + 6) > 0); /* one at a time: lost */
	CU_ASSERT(write(given, &m, 10) > 0);		  /* too short */
	n->watch.fn(&n->watch, EPOLLIN);
	CU_ASSERT_EQUAL(rig_stats(&b.rig).inflight, 1);
	rig_answer_all(&b.rig);
	len = recv(given, &m, sizeof(m), MSG_DONTWAIT);
	CU_ASSERT_EQUAL(len, (ssize_t)sizeof(m.h) + 16);
	CU_ASSERT_EQUAL(m.h.pack_id, 5);
	CU_ASSERT_EQUAL(m.h.result, 0);
	CU_ASSERT_PTR_NULL(n->cmds);
	node_hangup(n, given);
	down();
}

/* --- opens and removal
 * ---------------------------------------------------------------------------------------
 */

static void test_exclusive(void)
{
	struct sg_node *n;
	struct asked a;
	int first;

	up();
	n = open_sg(O_RDWR | O_EXCL, 0);
	first = given;
	open_sg(O_RDWR | O_NONBLOCK, -EBUSY);
	open_sg(O_RDONLY | O_EXCL, -EPERM);
	open_sg(O_RDWR | O_DIRECT, -EINVAL);
	sg_open(call(&a, SYS_open, 0, 0, NULL), &b.d, O_RDWR);
	CU_ASSERT_EQUAL(a.rc, PENDING);
	node_hangup(n, first);
	CU_ASSERT_EQUAL(a.rc, given);
	n = ((struct sg_world *)b.w.sg)->nodes;
	sg_open(call(&a, SYS_open, 0, 0, NULL), &b.d, O_RDWR | O_EXCL);
	interrupted = true;
	pass(60);
	CU_ASSERT_EQUAL(a.rc, -WORLD_RESTART);
	interrupted = false;
	sg_open(call(&a, SYS_open, 0, 0, NULL), &b.d, O_RDWR | O_EXCL);
	device_gone();
	CU_ASSERT_EQUAL(a.rc, -ENODEV);
	node_hangup(n, given);
	down();
}

static void test_removed(void)
{
	sg_io_hdr_t h = header(ready, 6, SG_DXFER_NONE, 0), h2 = h, h3 = h, r;
	struct asked running, waiting, aborting, reader;
	struct sg_node *n;
	int v;

	up();
	n = open_sg(O_RDWR, 0);
	h3.timeout = 1;
	sg_io(n, &aborting, &h3);
	pass(2);
	sg_io(n, &running, &h);
	ringsim_block(b.d.dev, true);
	sg_io(n, &waiting, &h2);
	get(n, &reader, &r, 0);
	device_gone();
	CU_ASSERT_EQUAL(running.rc, 0);
	CU_ASSERT_EQUAL(h.host_status, DID_NO_CONNECT);
	CU_ASSERT_EQUAL(waiting.rc, 0);
	CU_ASSERT_EQUAL(h2.host_status, DID_NO_CONNECT);
	CU_ASSERT_EQUAL(aborting.rc, 0);
	CU_ASSERT_EQUAL(h3.host_status, DID_NO_CONNECT);
	CU_ASSERT_EQUAL(reader.rc, -ENODEV);
	CU_ASSERT_EQUAL(put(n, 1), -ENODEV);
	sg_io(n, &running, &h);
	CU_ASSERT_EQUAL(running.rc, -ENODEV);
	CU_ASSERT_EQUAL(sg_ask(n, SG_EMULATED_HOST, &v), -ENODEV);
	CU_ASSERT_EQUAL(sg_ask(n, SG_GET_VERSION_NUM, &v), 0);
	CU_ASSERT_TRUE(poll_in());
	node_hangup(n, given);
	down();
}

/* --- what the target core's attributes move
 * ---------------------------------------------------------------------
 */

static void test_attributes(void)
{
	static const uint8_t keys[10] = { 0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0 };
	sg_io_hdr_t h = header(keys, 10, SG_DXFER_FROM_DEV, 8);
	struct sg_node *n;
	struct asked a;

	up();
	n = open_sg(O_RDWR, 0);
	sg_io(n, &a, &h);
	CU_ASSERT_EQUAL(a.rc, 0);
	CU_ASSERT_EQUAL(h.status, 0);
	b.d.core.pgr_support = false;
	sg_io(n, &a, &h);
	CU_ASSERT_EQUAL(a.rc, PENDING); /* the handler's */
	rig_answer_all(&b.rig);
	CU_ASSERT_EQUAL(a.rc, 0);
	b.d.core.emulate_pr = false;
	sg_io(n, &a, &h);
	CU_ASSERT_EQUAL(h.status, 2);
	CU_ASSERT_EQUAL(sense[12], 0x20);
	b.d.sim.desc_sense = true;
	sg_io(n, &a, &h);
	CU_ASSERT_EQUAL(sense[0], 0x72);
	CU_ASSERT_EQUAL(sense[1], 0x05);
	CU_ASSERT_EQUAL(sense[2], 0x20);
	node_hangup(n, given);
	down();
}

static void test_not_root(void)
{
	static const uint8_t write_10[10] = { 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0 };
	sg_io_hdr_t h = header(write_10, 10, SG_DXFER_TO_DEV, 512);
	struct sg_node *n;
	struct asked a;

	up();
	caps = 0;
	n = open_sg(O_RDONLY, 0);
	sg_io(n, &a, &h);
	CU_ASSERT_EQUAL(a.rc, -EPERM);
	h = header(ready, 6, SG_DXFER_NONE, 0);
	sg_io(n, &a, &h);
	CU_ASSERT_EQUAL(a.rc, PENDING);
	rig_answer_all(&b.rig);
	CU_ASSERT_EQUAL(a.rc, 0);
	node_hangup(n, given);
	down();
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "a command is answered", test_answered },
		{ "BUSY is tried again until the time-out", test_busy_until_time_out },
		{ "a time-out aborts", test_time_out },
		{ "LUN reset", test_reset },
		{ "missing sense is asked for", test_sense_is_asked_for },
		{ "who is interrupted leaves an orphan", test_orphan },
		{ "reading by pack id", test_by_pack_id },
		{ "closed with commands on their way", test_closed_with_commands },
		{ "the queue is bounded", test_queue_is_bounded },
		{ "the older header", test_older_header },
		{ "exclusive opens", test_exclusive },
		{ "the device is removed", test_removed },
		{ "attributes move reservations", test_attributes },
		{ "who is not root", test_not_root },
		CU_TEST_INFO_NULL,
	};

	return rig_run("sg", tests);
}
