/* SPDX-License-Identifier: MIT */
/*
 * Both halves at once on one region, with nothing between them but shm.h: no command is lost, none
 * is seen before it is whole, and the thread sanitizer, which sees every access of both, agrees.
 *
 * Events and doorbells are counters that are waited for by futex, neither of which orders anything
 * for the sanitizer: what orders is cmd_head and cmd_tail alone (HND-010, HND-038, KRN-024). So it
 * has to report a handler that stores or loads them without order, which is tried in a process of
 * its own. The model of all this is harness/model.
 */
#include <ringsim/shm.h>

enum flaw { SOUND, PLAIN_TAIL, PLAIN_HEAD, TAIL_FIRST, FLAWS };
static enum flaw flaw; /* set before there is a second thread */

static void store_tail(void *base, uint64_t off, uint32_t v)
{
	if (flaw == PLAIN_TAIL)
		shm_store32(base, off, v);
	else
		shm_store32_release(base, off, v);
}

static uint32_t load_head_word(const void *base, uint64_t off)
{
	return flaw == PLAIN_HEAD ? shm_load32(base, off) : shm_load32_acquire(base, off);
}

/* The consumer, with these two in place of what they stand for. */
#define shm_store32_release store_tail
#define shm_load32_acquire  load_head_word
#include "../ring.c"
#include "../run.c"
#undef shm_store32_release
#undef shm_load32_acquire

#include <ringsim/sanitizer.h>
#include <CUnit/Basic.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEPTH	 40
#define TURN	 6
#define BYTES	 1536
#define BOUND_S	 20
#define COMMANDS 100000u

/*
 * A kernel's and a CPU's barriers in interrupt and system call stand between index and counter;
 * the sanitizer must not learn of them.
 */
#ifdef __SANITIZE_THREAD__
#define COUNTER_ORDER __ATOMIC_RELAXED
#else
#define COUNTER_ORDER __ATOMIC_SEQ_CST
#endif

static void counter_raise(uint32_t *counter)
{
	__atomic_fetch_add(counter, 1, COUNTER_ORDER);
	syscall(SYS_futex, counter, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Sleeps until *@counter is not @seen; false if that takes too long. */
static bool counter_wait(uint32_t *counter, uint32_t seen)
{
	struct timespec bound = { .tv_sec = BOUND_S };
	long rc = 0;

	while (__atomic_load_n(counter, COUNTER_ORDER) == seen) {
		if (rc < 0 && errno == ETIMEDOUT)
			return false;
		rc = syscall(SYS_futex, counter, FUTEX_WAIT_PRIVATE, seen, &bound, NULL, 0);
	}
	return true;
}

struct slot {
	struct ringsim_cmd cmd;
	struct iovec sg;
	uint8_t cdb[16], data[BYTES];
};

/**
 * struct pair - the two halves
 * @events, @bells: counters that both see; all else belongs to one thread
 * @listener: the handler's count of events
 */
struct pair {
	struct ringsim_device *dev;
	bool in_order;
	uint32_t commands;
	uint32_t events __attribute__((aligned(64)));
	uint32_t bells __attribute__((aligned(64)));
	/* the kernel's thread */
	uint32_t submitted, done, wrong, violations, n_free;
	uint64_t rng;
	struct slot slots[DEPTH], *free[DEPTH];
	/* the handler's thread */
	struct consumer c;
	uint32_t listener, served, bad;
	bool overslept;
};

/* --- the handler's half -------------------------------------------------------------------- */

static void *node_map(void *ctx, size_t len, off_t off)
{
	struct pair *p = ctx;

	return len == ringsim_layout(p->dev)->region_size && !off ? ringsim_region(p->dev) : NULL;
}

static void node_unmap(void *ctx, void *region, size_t len)
{
	(void)ctx;
	(void)region;
	(void)len;
}

static ssize_t node_read(void *ctx, void *buf, size_t len)
{
	struct pair *p = ctx;
	uint32_t count = __atomic_load_n(&p->events, COUNTER_ORDER);

	if (count == p->listener) {
		errno = EAGAIN;
		return -1;
	}
	p->listener = count;
	memcpy(buf, &count, len);
	return (ssize_t)len;
}

static ssize_t node_write(void *ctx, const void *buf, size_t len)
{
	struct pair *p = ctx;

	(void)buf;
	counter_raise(&p->bells);
	return (ssize_t)len;
}

/* What its CDB says: fill the buffer with a byte, or look whether it is full of it. */
static void execute(struct pair *p, struct consumer_cmd *cmd)
{
	uint8_t buf[BYTES], *at;

	if (cmd->cdb[0] == 0x28) {
		memset(buf, cmd->cdb[5], BYTES);
		consumer_iov_put(&p->c, cmd->iov, cmd->iov_cnt, 0, buf, BYTES);
		return;
	}
	consumer_iov_get(cmd->iov, cmd->iov_cnt, 0, buf, BYTES);
	for (at = buf; at < buf + BYTES; at++)
		p->bad += *at != cmd->cdb[5];
}

/* A few at a time, answered in reverse. */
static void drain_node(struct pair *p, struct consumer_cmd *cmds)
{
	struct consumer_cmd *in[TURN], *out[TURN];
	uint32_t n, i;

	for (i = 0; i < TURN; i++)
		in[i] = &cmds[i];
	do {
		n = consumer_fetch_all(&p->c, in, TURN);
		while (n < TURN && consumer_fetch(&p->c, in[n]) == CONSUMER_CMD)
			n++;
		for (i = 0; i < n; i++) {
			execute(p, in[i]);
			out[n - 1 - i] = in[i];
		}
		consumer_complete_all(&p->c, out, n);
		p->served += n;
	} while (n != 0);
	consumer_flush(&p->c);
}

/* A handler that publishes when it has begun to answer, not when it has done so. */
static void on_step(void *ctx, enum consumer_step step)
{
	struct pair *p = ctx;
	uint32_t len = tcmu_hdr_get_len(len_op_at(&p->c, p->c.tail));

	if (step == CONSUMER_STEP_RSP)
		store_tail(p->c.region, RINGSIM_OFF_TAIL, ring_next(&p->c, p->c.tail, len));
}

static void *handler_thread(void *arg)
{
	struct pair *p = arg;
	struct consumer_uio uio = { node_map, node_unmap, node_read, node_write, p };
	struct consumer_probe probe = { flaw == TAIL_FIRST ? on_step : NULL, p };
	struct consumer_cmd cmds[TURN];

	p->listener = __atomic_load_n(&p->events, COUNTER_ORDER);
	if (consumer_attach(&p->c, &uio, ringsim_layout(p->dev)->region_size, &probe, p->in_order))
		return NULL;
	for (;;) {
		drain_node(p, cmds);
		if (p->served >= p->commands)
			break;
		if (!counter_wait(&p->events, p->listener)) {
			p->overslept = true;
			break;
		}
		consumer_read_event(&p->c);
	}
	consumer_detach(&p->c);
	return NULL;
}

/* --- the kernel's half --------------------------------------------------------------------- */

static void on_event(void *ctx)
{
	counter_raise(&((struct pair *)ctx)->events);
}

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct pair *p = ctx;
	struct slot *s = (struct slot *)(void *)cmd;
	uint32_t i;

	p->done++;
	p->wrong += cmd->status != 0;
	for (i = 0; i < BYTES; i++)
		p->wrong += s->data[i] != s->cdb[5];
	p->free[p->n_free++] = s;
}

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	struct pair *p = ctx;

	if (p->violations++ == 0 && flaw == SOUND)
		fprintf(stderr, "%s: %s\n", v->clause, v->what);
}

static const struct ringsim_ops device_ops = { .event = on_event,
					       .complete = on_complete,
					       .violation = on_violation };

static uint32_t pick(struct pair *p, uint32_t n)
{
	p->rng = p->rng * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(p->rng >> 33) % n;
}

static struct ringsim_cmd *next_cmd(struct pair *p)
{
	struct slot *s = p->free[--p->n_free];
	bool in = pick(p, 2) != 0;

	memset(s->cdb, 0, sizeof(s->cdb));
	s->cdb[0] = in ? 0x28 : 0x2a;
	s->cdb[5] = (uint8_t)p->submitted++;
	memset(s->data, in ? ~s->cdb[5] : s->cdb[5], BYTES);
	s->sg = (struct iovec){ s->data, BYTES };
	s->cmd = (struct ringsim_cmd){ .cdb = s->cdb,
				       .cdb_room = sizeof(s->cdb),
				       .dir = in ? RINGSIM_FROM_DEVICE : RINGSIM_TO_DEVICE,
				       .data_len = BYTES,
				       .sg = &s->sg,
				       .sg_cnt = 1 };
	return &s->cmd;
}

/* One by one or as a batch, and now and then an event for nothing. */
static void submit_some(struct pair *p)
{
	uint32_t n = pick(p, DEPTH) + 1;
	bool batch = pick(p, 2) != 0;
	struct ringsim_cmd *cmds[DEPTH];
	uint32_t i;

	for (i = 0; i < n && p->n_free && p->submitted < p->commands; i++)
		cmds[i] = next_cmd(p);
	if (batch)
		ringsim_submit_all(p->dev, cmds, i);
	for (n = i, i = 0; i < n && !batch; i++)
		ringsim_submit(p->dev, cmds[i]);
	if (pick(p, 64) == 0)
		ringsim_spurious_event(p->dev);
}

/* The walk runs when rung, and at times without (KRN-060). False: nobody rang for too long. */
static bool run_kernel(struct pair *p)
{
	uint32_t rung = 0, bells;

	while (p->done < p->commands) {
		bool idle = !p->n_free || p->submitted == p->commands;

		if (!idle)
			submit_some(p);
		if (pick(p, 4) == 0)
			ringsim_poll_tail(p->dev);
		if (idle && p->done < p->commands && !counter_wait(&p->bells, rung))
			return false;
		bells = __atomic_load_n(&p->bells, COUNTER_ORDER);
		if (bells != rung) {
			rung = bells;
			ringsim_doorbell(p->dev);
		}
	}
	return true;
}

static bool run_pair(uint32_t commands, bool in_order, bool sanitize, uint32_t ring)
{
	struct ringsim_config cfg = { .geo = { .cmdr_size = ring, .data_blocks = 16 },
				      .qfull_time_out_s = -1,
				      .sanitize = sanitize };
	struct pair *p = aligned_alloc(64, (sizeof(*p) + 63) / 64 * 64);
	bool rang = false, good = false;
	pthread_t thread;

	if (!p)
		return false;
	memset(p, 0, sizeof(*p));
	p->commands = commands;
	p->in_order = in_order;
	p->rng = ring;
	while (p->n_free < DEPTH) {
		p->free[p->n_free] = &p->slots[p->n_free];
		p->n_free++;
	}
	if (ringsim_device_create(&p->dev, &cfg, &device_ops, p, NULL, 0) == 0) {
		if (pthread_create(&thread, NULL, handler_thread, p) == 0) {
			rang = run_kernel(p);
			pthread_join(thread, NULL);
		}
		good = rang && !p->overslept && p->done == commands && p->served == commands &&
		       !p->wrong && !p->bad && !p->violations;
		if (!good && flaw == SOUND)
			fprintf(stderr,
				"%u of %u commands ended, %u served, %u wrong bytes in, %u out, "
				"%u violations%s%s\n",
				p->done, commands, p->served, p->wrong, p->bad, p->violations,
				rang ? "" : ", no doorbell", p->overslept ? ", no event" : "");
		ringsim_device_destroy(p->dev);
	}
	free(p);
	return good;
}

static void test_any_order(void)
{
	CU_ASSERT(run_pair(COMMANDS, false, false, 4096));
}

static void test_in_order(void)
{
	CU_ASSERT(run_pair(COMMANDS / 2, true, false, 1024));
}

static void test_watched(void)
{
	CU_ASSERT(run_pair(COMMANDS / 5, false, true, 2048));
}

#ifdef __SANITIZE_THREAD__
/* This program again, with a flaw: reported as a data race? */
static bool race_reported(enum flaw which)
{
	static const char *const names[FLAWS] = {
		[PLAIN_TAIL] = "1", [PLAIN_HEAD] = "2", [TAIL_FIRST] = "3"
	};
	char line[512];
	bool found = false;
	int fds[2], status;
	pid_t pid;
	FILE *f;

	if (pipe(fds) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 2);
		close(fds[0]);
		setenv("TSAN_OPTIONS", "exitcode=66 halt_on_error=1", 1);
		execl("/proc/self/exe", "test_concurrent", names[which], (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	f = fdopen(fds[0], "r");
	while (f && fgets(line, sizeof(line), f))
		found |= strstr(line, "ThreadSanitizer: data race") != NULL;
	if (f)
		fclose(f);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 66 && found;
}

static void test_flaws(void)
{
	CU_ASSERT(race_reported(PLAIN_TAIL));
	CU_ASSERT(race_reported(PLAIN_HEAD));
	CU_ASSERT(race_reported(TAIL_FIRST));
}
#endif

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{ "any order, small ring", test_any_order },
		{ "in order, a ring of seven entries", test_in_order },
		{ "with the ring sanitizer", test_watched },
#ifdef __SANITIZE_THREAD__
		{ "what lacks order is reported", test_flaws },
#endif
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "concurrent", NULL, NULL, NULL, NULL, tests },
				  CU_SUITE_INFO_NULL };
	unsigned int failed;

	if (argc == 2) {
		flaw = (enum flaw)atoi(argv[1]);
		return run_pair(COMMANDS, false, false, 4096) ? 0 : 1;
	}
	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
