/* SPDX-License-Identifier: MIT */
/*
 * write() and read() on a SCSI node: order, the message that stands for all that can be read, what
 * is left behind, and the older header.
 */
#include "sg_bench.h"

/* --- write and read
 * --------------------------------------------------------------------------------------
 */

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

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "reading by pack id", test_by_pack_id },
		{ "closed with commands on their way", test_closed_with_commands },
		{ "the queue is bounded", test_queue_is_bounded },
		{ "the older header", test_older_header },
		CU_TEST_INFO_NULL,
	};

	return rig_run("sg_async", tests);
}
