/* SPDX-License-Identifier: MIT */
/*
 * The generator on lanes that are what they should be, and on one that is not: every command is
 * counted once, latencies count from where they should, failures are seen, nothing waits for ever.
 */
#include "../generator.h"
#include "../layers.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIZE (16u << 20)

/* A lane that does as it is told. */
struct odd {
	struct lane lane;
	struct ringsim_cmd *held[LANE_DEPTH];
	uint32_t n, batches, largest;
	uint64_t polls, fail_at, seen;
	uint32_t stall_us; /* the 50th poll takes so long */
	bool dies, forgets;
	uint8_t *disk;
	uint64_t corrupt; /* number of the read that gives back something else; 0: none */
};

static void odd_submit(struct lane *l, struct ringsim_cmd *const *cmds, uint32_t n, uint64_t now_ns)
{
	struct odd *o = (struct odd *)l;

	(void)now_ns;
	memcpy(o->held + o->n, cmds, n * sizeof(cmds[0]));
	o->n += n;
	o->batches++;
	if (n > o->largest)
		o->largest = n;
}

static void serve(struct odd *o, struct lane_cmd *c)
{
	uint64_t off = (uint64_t)(c->cdb[2] << 24 | c->cdb[3] << 16 | c->cdb[4] << 8 | c->cdb[5]) *
		       512;

	CU_ASSERT_FATAL(off + c->cmd.data_len <= SIZE);
	if (o->disk && c->cdb[0] == 0x2a)
		memcpy(o->disk + off, c->sg.iov_base, c->sg.iov_len);
	else if (o->disk)
		memcpy(c->sg.iov_base, o->disk + off, c->sg.iov_len);
	if (o->disk && c->cdb[0] == 0x28 && o->corrupt && !--o->corrupt)
		((uint8_t *)c->sg.iov_base)[c->sg.iov_len - 1] ^= 1;
}

static int odd_poll(struct lane *l, uint64_t now_ns, uint32_t wait_us)
{
	struct odd *o = (struct odd *)l;
	uint32_t i;

	(void)now_ns;
	(void)wait_us;
	if (++o->polls == 50 && o->stall_us)
		usleep(o->stall_us);
	if (o->dies && o->polls > 100) {
		snprintf(l->err, sizeof(l->err), "it died");
		return -EPIPE;
	}
	for (i = 0; i < o->n; i++) {
		serve(o, lane_cmd_of(o->held[i]));
		o->held[i]->outcome = RINGSIM_ANSWERED;
		o->held[i]->status = ++o->seen == o->fail_at ? 8 : 0;
		lane_end(l, o->held[i]);
	}
	o->n = 0;
	return 0;
}

static const struct lane_ops odd_ops = { .submit = odd_submit, .poll = odd_poll };

static struct generator *make(struct lane *l, const char *name, struct workload *w)
{
	struct generator_config cfg = { .size_bytes = SIZE, .block_size = 512, .seed = 7 };
	char err[200];

	CU_ASSERT_EQUAL_FATAL(workload_parse(w, name, err, sizeof(err)), 0);
	return generator_create(l, w, &cfg);
}

static struct generator *odd(struct odd *o, const char *name, struct workload *w)
{
	memset(o, 0, sizeof(*o));
	o->lane.ops = &odd_ops;
	return make(&o->lane, name, w);
}

/* As many as asked for, in batches as asked for. */
static void count_of(const char *name, uint64_t commands, uint32_t largest)
{
	struct generator_load load = { .commands = commands };
	struct generator_count n;
	struct workload w;
	struct odd o;
	struct generator *g = odd(&o, name, &w);

	CU_ASSERT_EQUAL(generator_run(g, &load, &n), 0);
	CU_ASSERT_EQUAL(n.done, commands);
	CU_ASSERT_EQUAL(o.seen, commands);
	CU_ASSERT_EQUAL(n.failed + n.timed_out + n.lost, 0);
	CU_ASSERT_EQUAL(o.largest, largest);
	generator_destroy(g);
}

static void test_counts(void)
{
	count_of("4k-randread-qd1", 1, 1);
	count_of("4k-randread-qd1", 1000, 1);
	count_of("4k-randread-qd32", 31, 31);
	count_of("4k-randrw-qd32", 1001, 32);
	count_of("4k-read-qd32-batch1", 100, 1);
	count_of("4k-write-qd32-batch8", 103, 8);
	count_of("512-randread-qd256", 100000, 256);
}

/* Every kind of lane that needs no other program: what is sent comes back, with GOOD. */
static void test_lanes(void)
{
	static const char *const names[] = { "floor",	  "ring",    "sim",	"data",
					     "sanitizer", "threads", "sleeping" };
	struct lane_config cfg = { .depth = 32, .bytes = 4096, .cpu = -1, .block_size = 512 };
	struct generator_load load = { .commands = 2000 };
	struct generator_count n;
	const struct layer *layer;
	struct generator *g;
	struct workload w;
	struct lane *l;
	char err[200];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		layer = layer_find(names[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(layer);
		cfg.sanitize = layer->sanitize;
		cfg.sleeping = layer->waits == LAYER_SLEEPS;
		CU_ASSERT_EQUAL_FATAL(layer->ops->open(&l, &cfg, err, sizeof(err)), 0);
		g = make(l, "4k-randrw-qd32", &w);
		CU_ASSERT_EQUAL(generator_run(g, &load, &n), 0);
		CU_ASSERT_EQUAL(n.done, load.commands);
		CU_ASSERT_EQUAL(n.failed + n.timed_out + n.lost, 0);
		generator_destroy(g);
		layer->ops->close(l);
	}
}

static void test_failures(void)
{
	struct generator_load load = { .commands = 500 };
	struct generator_count n;
	struct workload w;
	struct odd o;
	struct generator *g = odd(&o, "4k-read-qd4", &w);

	o.fail_at = 123;
	CU_ASSERT_EQUAL(generator_run(g, &load, &n), 0);
	CU_ASSERT_EQUAL(n.done, 500);
	CU_ASSERT_EQUAL(n.failed, 1);
	CU_ASSERT_EQUAL(n.status, 8);
	o.dies = true;
	CU_ASSERT_EQUAL(generator_run(g, &load, &n), -EPIPE);
	CU_ASSERT_TRUE(n.done < 500);
	CU_ASSERT_STRING_EQUAL(o.lane.err, "it died");
	generator_destroy(g);
}

/* A closed loop waits with a stalled lane and sees one slow turn; an open one sees all who came. */
static void test_open(void)
{
	struct generator_load load = { .ns = 100000000, .rate = 10000 };
	static struct histogram h;
	struct generator_count n;
	struct workload w;
	struct odd o;
	struct generator *g = odd(&o, "4k-read-qd256", &w);
	uint64_t slow = 0;
	uint32_t i;

	load.latency = &h;
	o.stall_us = 30000;
	CU_ASSERT_EQUAL(generator_run(g, &load, &n), 0);
	CU_ASSERT_EQUAL(n.done, o.seen);
	CU_ASSERT_TRUE(n.due >= n.done);
	/* 1000 are due, and the gaps are drawn: their sum scatters by 3 % */
	CU_ASSERT_TRUE(n.due > 800 && n.due < 1200);
	CU_ASSERT_TRUE(n.late > 100);
	CU_ASSERT_EQUAL(h.count, n.due);
	for (i = histogram_bucket(5000000); i < HISTOGRAM_BUCKETS; i++)
		slow += h.bucket[i];
	/* 300 came in the 30 ms, and 5 of 6 of them had to wait for more than 5 ms */
	CU_ASSERT_TRUE(slow > 150);
	generator_destroy(g);
}

/* More is due than can be sent: it ends, and the others have waited, too. */
static void test_overload(void)
{
	struct generator_load load = { .ns = 20000000, .rate = 5e8 };
	static struct histogram h;
	struct generator_count n;
	struct workload w;
	struct odd o;
	struct generator *g = odd(&o, "4k-read-qd1", &w);

	load.latency = &h;
	CU_ASSERT_EQUAL(generator_run(g, &load, &n), 0);
	CU_ASSERT_TRUE(n.due > 5000000);
	CU_ASSERT_TRUE(n.done < n.due);
	CU_ASSERT_EQUAL(h.count, n.due);
	CU_ASSERT_TRUE(n.late > n.due / 2);
	generator_destroy(g);
}

static void test_verify(void)
{
	struct workload w;
	struct odd o;
	struct generator *g = odd(&o, "64k-randread-qd8", &w);
	char err[200] = "";

	o.disk = calloc(1, SIZE);
	CU_ASSERT_EQUAL(generator_verify(g, 64, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(o.seen, 128);
	o.corrupt = 33;
	CU_ASSERT_EQUAL(generator_verify(g, 64, err, sizeof(err)), -EIO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "byte 65528"));
	free(o.disk);
	o.disk = NULL; /* answers GOOD and moves nothing */
	CU_ASSERT_EQUAL(generator_verify(g, 1, err, sizeof(err)), -EIO);
	o.fail_at = o.seen + 1;
	CU_ASSERT_EQUAL(generator_verify(g, 4, err, sizeof(err)), -EIO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "0x08"));
	generator_destroy(g);
}

/* Latencies are no longer than the whole, and there is one for each command that was timed. */
static void test_latency(void)
{
	struct generator_load load = { .commands = 3400 };
	struct generator_config cfg = { .size_bytes = SIZE, .block_size = 512, .cheap = true };
	static struct histogram h;
	struct generator_count n;
	struct workload w;
	struct odd o;
	struct generator *g = odd(&o, "4k-read-qd4", &w);

	load.latency = &h;
	CU_ASSERT_EQUAL(generator_run(g, &load, &n), 0);
	CU_ASSERT_EQUAL(n.timed, n.done);
	CU_ASSERT_EQUAL(h.count, n.done);
	CU_ASSERT_TRUE(h.max <= n.ns);
	generator_destroy(g);
	memset(&h, 0, sizeof(h));
	g = generator_create(&o.lane, &w, &cfg);
	CU_ASSERT_EQUAL(generator_run(g, &load, &n), 0);
	CU_ASSERT_EQUAL(n.done, 3400);
	CU_ASSERT_EQUAL(n.timed, 3400 / 17);
	generator_destroy(g);
}

int main(void)
{
	CU_pSuite s;

	CU_initialize_registry();
	s = CU_add_suite("generator", NULL, NULL);
	CU_add_test(s, "every command is counted once", test_counts);
	CU_add_test(s, "lanes", test_lanes);
	CU_add_test(s, "failures", test_failures);
	CU_add_test(s, "an open loop", test_open);
	CU_add_test(s, "an open loop that asks for too much", test_overload);
	CU_add_test(s, "verification", test_verify);
	CU_add_test(s, "latency", test_latency);
	CU_basic_run_tests();
	return CU_get_number_of_failures() != 0;
}
