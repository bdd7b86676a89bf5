/* SPDX-License-Identifier: MIT */
/*
 * Both accounts as one: a simulated device plays the kernel and tells what it does as probes would;
 * the handler's account is made beside it. What comes out must replay, and holes must be noticed.
 */
#include "../record.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <ringsim/device.h>
#include <ringsim/shm.h>
#include <stdlib.h>
#include <string.h>

#define DEV 0x1000u
#define PID 77u

struct stage {
	struct ringsim_device *dev;
	uint8_t *region;
	struct probe_event events[64];
	size_t n;
	struct clerk_log log;
	uint32_t seen_off, generation;
	struct ringsim_cmd cmds[8];
};

static struct probe_event *tell(struct stage *s, enum probe_kind kind, uint32_t pid)
{
	struct probe_event *e = &s->events[s->n++];
	struct ringsim_stats st;

	ringsim_stats(s->dev, &st);
	*e = (struct probe_event){ .kind = kind,
				   .pid = pid,
				   .order = 4 * s->n,
				   .jiffies = 1000 + s->n,
				   .dev = DEV,
				   .head = st.head,
				   .tail = st.tail,
				   .clean = st.reclaim,
				   .cmd_time_out_ms = 30000,
				   .qfull_time_out_ms = -1 };
	return e;
}

static void up(struct stage *s)
{
	struct ringsim_config cfg = RINGSIM_CONFIG_DEFAULT;

	memset(s, 0, sizeof(*s));
	cfg.geo.ring_mb = cfg.geo.data_area_mb = 1;
	cfg.sanitize = false;
	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&s->dev, &cfg, NULL, NULL, NULL, 0), 0);
	s->region = ringsim_region(s->dev);
	CU_ASSERT_EQUAL(trace_init(&s->log.seen, "seen", s->region, 2 << 20, 0), 0);
	CU_ASSERT_EQUAL(trace_init(&s->log.answers, "answers", s->region, 2 << 20, 0), 0);
	tell(s, PROBE_BELL, PID);
	tell(s, PROBE_WALK, PID);
}

static void down(struct stage *s)
{
	ringsim_device_destroy(s->dev);
	clerk_log_free(&s->log);
}

/* A READ(10) of a block through the target core, by thread 5. */
static void submit(struct stage *s, uint32_t i)
{
	static const uint8_t cdb[16] = { 0x28, [8] = 8 };
	struct probe_event *e = tell(s, PROBE_QUEUE, 5);

	e->cmd = 0x100 + i;
	e->se = 0x200 + i;
	e->dir = 2;
	e->len = 4096;
	memcpy(e->cdb, cdb, sizeof(cdb));
	s->cmds[i] = (struct ringsim_cmd){
		.cdb = cdb, .cdb_room = 10, .dir = RINGSIM_FROM_DEVICE, .data_len = 4096
	};
	ringsim_submit(s->dev, &s->cmds[i]);
	tell(s, PROBE_QUEUED, 5)->ret = s->cmds[i].state == RINGSIM_QUEUED ? 1 : 0;
}

/* The handler looks, answers what it finds, and rings. */
static void look(struct stage *s)
{
	struct trace *t = &s->log.seen;

	while (s->seen_off != shm_load32(s->region, RINGSIM_OFF_HEAD)) {
		CU_ASSERT_EQUAL_FATAL(trace_add_entry(t, s->region, s->seen_off), 0);
		t->v[t->n - 1].arg = s->generation;
		s->seen_off += t->v[t->n - 1].len;
	}
}

static void ended(struct stage *s, uint32_t i, uint32_t pid)
{
	struct probe_event *e = tell(s, PROBE_DONE, pid);

	e->se = 0x200 + i;
	e->status = s->cmds[i].status;
	e = tell(s, PROBE_REPLY, 9);
	e->se = 0x200 + i;
	e->status = s->cmds[i].status;
	e->residual = s->cmds[i].residual;
}

/* reset_ring, which ends the first @n commands. */
static void reset(struct stage *s, uint32_t n)
{
	uint32_t i;

	tell(s, PROBE_RESET, PID)->value = 1;
	tell(s, PROBE_UNUSED, PID);
	ringsim_reset(s->dev, 1);
	for (i = 0; i < n; i++)
		ended(s, i, PID);
	tell(s, PROBE_DROP_TMR, PID);
	s->generation++;
	s->seen_off = 0;
}

static int merge(struct stage *s, struct trace *out, char *err)
{
	const struct merge_config cfg = { .pid = PID, .blk_size = 4096, .tick_ns = 4000000 };

	tell(s, PROBE_BELL, PID);
	tell(s, PROBE_WALK, PID);
	return merge_accounts(out, s->events, s->n, &s->log, &cfg, err, 256);
}

static void test_replays(void)
{
	struct trace_result res;
	struct trace t;
	struct stage s;
	char err[256];

	up(&s);
	submit(&s, 0);
	look(&s);
	submit(&s, 1); /* never seen: the reset takes it */
	reset(&s, 2);
	submit(&s, 2);
	look(&s);
	CU_ASSERT_EQUAL_FATAL(merge(&s, &t, err), 0);
	CU_ASSERT_EQUAL_FATAL(trace_replay(&t, 0, &res, err, sizeof(err)), 0);
	CU_ASSERT_FALSE(res.differs);
	CU_ASSERT_EQUAL(res.submitted, 3);
	CU_ASSERT_EQUAL(res.done, 2);
	CU_ASSERT_EQUAL(res.identical, 2);
	trace_free(&t);
	down(&s);
}

static void expect_hole(struct stage *s, const char *say)
{
	struct trace t;
	char err[256] = "";

	CU_ASSERT_EQUAL(merge(s, &t, err), -EPROTO);
	if (!strstr(err, say))
		fprintf(stderr, "expected: %s\nfound: %s\n", say, err);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, say));
	trace_free(&t);
	down(s);
}

static void test_holes(void)
{
	struct stage s;

	up(&s);
	expect_hole(&s, "expected commands, found none");
	up(&s);
	s.n = 0;
	s.events[0].pid = 0;
	submit(&s, 0);
	tell(&s, PROBE_BELL, PID + 1);
	s.events[s.n - 1].dev = 0;
	{
		struct trace t;
		char err[256];
		const struct merge_config cfg = { .pid = PID };

		CU_ASSERT_EQUAL(merge_accounts(&t, s.events, s.n, &s.log, &cfg, err, sizeof(err)),
				-EPROTO);
		CU_ASSERT_PTR_NOT_NULL(strstr(err, "our doorbells, found none"));
		trace_free(&t);
	}
	down(&s);
	/* An entry of which the kernel's account knows nothing. */
	up(&s);
	submit(&s, 0);
	submit(&s, 1);
	look(&s);
	s.n -= 2;
	expect_hole(&s, "entries that the kernel did not lay");
	/* One that lies elsewhere. */
	up(&s);
	submit(&s, 0);
	look(&s);
	s.log.seen.v[0].off = 8;
	expect_hole(&s, "the kernel laid a CMD at 0, the handler saw a CMD at 8");
	/* Out of order; and no fabric that answers. */
	up(&s);
	submit(&s, 0);
	s.events[s.n - 1].order = 1;
	expect_hole(&s, "out of order");
	up(&s);
	submit(&s, 0);
	look(&s);
	reset(&s, 1);
	s.events[s.n - 2].kind = PROBE_WORK;
	expect_hole(&s, "no fabric was seen");
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "two accounts replay as one", test_replays },
		{ "holes and contradictions", test_holes },
		CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = {
		{ .pName = "merging accounts", .pTests = tests },
		CU_SUITE_INFO_NULL,
	};
	unsigned int failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
