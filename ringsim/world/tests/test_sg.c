/* SPDX-License-Identifier: MIT */
/*
 * SCSI nodes at moments that no client can choose: time-outs, retries, resets, death, removal,
 * sense that is missing. What a node answers otherwise is compared with real kernels by
 * harness/tests/clients.sh. Clauses: SCS-001, SCS-002, KRN-100, KRN-101, KRN-103.
 */
#include "sg_bench.h"

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
		{ "exclusive opens", test_exclusive },
		{ "the device is removed", test_removed },
		{ "attributes move reservations", test_attributes },
		{ "who is not root", test_not_root },
		CU_TEST_INFO_NULL,
	};

	return rig_run("sg", tests);
}
