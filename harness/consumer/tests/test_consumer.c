/* SPDX-License-Identifier: MIT */
/*
 * The consumer against the simulator where cases do not go: two threads at once (for the thread
 * sanitizer and for weak orderings), and the simulator's timers in real time.
 */
#include "../consumer.h"

#include <ringsim/uio.h>
#include <CUnit/Basic.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEPTH	 48
#define COMMANDS 60000
#define BYTES	 1024

/* The kernel's half in one thread; events and doorbells go through a socket pair. */
struct kernel {
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	int fd;
	uint32_t done, wrong, submitted, violations;
	struct ringsim_cmd cmds[DEPTH];
	struct iovec sg[DEPTH];
	uint8_t cdb[DEPTH][16], data[DEPTH][BYTES];
	uint32_t free[DEPTH], n_free;
};

static void on_event(void *ctx)
{
	struct kernel *k = ctx;
	uint32_t count = 1;

	(void)!send(k->fd, &count, sizeof(count), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct kernel *k = ctx;
	uint32_t i = (uint32_t)(cmd - k->cmds), b;

	k->done++;
	k->wrong += cmd->status != 0;
	for (b = 0; b < BYTES; b++)
		k->wrong += k->data[i][b] != k->cdb[i][5];
	k->free[k->n_free++] = i;
}

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	struct kernel *k = ctx;

	(void)v;
	k->violations++;
}

static const struct ringsim_ops ops = { .event = on_event,
					.complete = on_complete,
					.violation = on_violation };

static void *map(void *ctx, size_t len, off_t off)
{
	struct kernel *k = ctx;

	return len == ringsim_layout(k->dev)->region_size && !off ? ringsim_region(k->dev) : NULL;
}

static void unmap(void *ctx, void *region, size_t len)
{
	(void)ctx;
	(void)region;
	(void)len;
}

struct handler_side {
	struct kernel *k;
	int fd;
};

static ssize_t side_read(void *ctx, void *buf, size_t len)
{
	return recv(((struct handler_side *)ctx)->fd, buf, len, MSG_DONTWAIT);
}

static ssize_t side_write(void *ctx, const void *buf, size_t len)
{
	return send(((struct handler_side *)ctx)->fd, buf, len, MSG_NOSIGNAL);
}

static void *side_map(void *ctx, size_t len, off_t off)
{
	return map(((struct handler_side *)ctx)->k, len, off);
}

/* Fills each Data-In with the byte that the CDB asks for; answers pairs in reverse order. */
static void *handler_thread(void *arg)
{
	struct handler_side *side = arg;
	struct consumer_uio uio = { side_map, unmap, side_read, side_write, side };
	struct consumer_cmd *cmds = calloc(2, sizeof(*cmds));
	struct pollfd pfd = { .fd = side->fd, .events = POLLIN };
	struct consumer c;
	uint32_t n, served = 0;

	if (!cmds ||
	    consumer_attach(&c, &uio, ringsim_layout(side->k->dev)->region_size, NULL, false))
		abort();
	while (served < COMMANDS) {
		do {
			for (n = 0; n < 2 && consumer_fetch(&c, &cmds[n]) == CONSUMER_CMD; n++) {
				uint8_t fill[BYTES];

				memset(fill, cmds[n].cdb[5], sizeof(fill));
				consumer_iov_put(&c, cmds[n].iov, cmds[n].iov_cnt, 0, fill, BYTES);
			}
			served += n;
			while (n--)
				consumer_complete(&c, &cmds[n]);
			consumer_flush(&c);
		} while (consumer_pending(&c));
		if (served < COMMANDS && poll(&pfd, 1, 20000) <= 0)
			break;
		consumer_read_event(&c);
	}
	free(cmds);
	return NULL;
}

static void submit_free(struct kernel *k)
{
	while (k->n_free && k->submitted < COMMANDS) {
		uint32_t i = k->free[--k->n_free];

		memset(k->cdb[i], 0, 16);
		k->cdb[i][0] = k->submitted % 3 ? 0x28 : 0x08;
		k->cdb[i][5] = (uint8_t)k->submitted++;
		k->sg[i] = (struct iovec){ k->data[i], BYTES };
		k->cmds[i] = (struct ringsim_cmd){ .cdb = k->cdb[i],
						   .cdb_room = 16,
						   .dir = RINGSIM_FROM_DEVICE,
						   .data_len = BYTES,
						   .sg = &k->sg[i],
						   .sg_cnt = 1 };
		ringsim_submit(k->dev, &k->cmds[i]);
	}
}

static void run_threads(void)
{
	struct ringsim_config cfg = { .geo = { .ring_mb = 1, .data_area_mb = 1 },
				      .cmd_time_out_s = 30,
				      .qfull_time_out_s = -1,
				      .sanitize = false };
	struct kernel *k = calloc(1, sizeof(*k));
	struct handler_side side = { .k = k };
	struct pollfd pfd = { .events = POLLIN };
	uint8_t buf[16];
	pthread_t thread;
	int fds[2], quiet = 0;
	ssize_t n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	k->fd = pfd.fd = fds[0];
	side.fd = fds[1];
	for (k->n_free = 0; k->n_free < DEPTH; k->n_free++)
		k->free[k->n_free] = k->n_free;
	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&k->dev, &cfg, &ops, k, NULL, 0), 0);
	k->uio.dev = k->dev;
	CU_ASSERT_EQUAL(ringsim_uio_open(&k->uio), 0);
	submit_free(k);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, handler_thread, &side), 0);
	while (k->done < COMMANDS && quiet < 20) {
		if (poll(&pfd, 1, 1000) <= 0) {
			quiet++;
			continue;
		}
		while ((n = recv(k->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
			ringsim_uio_write(&k->uio, buf, (size_t)n);
		submit_free(k);
		quiet = 0;
	}
	shutdown(fds[0], SHUT_RDWR);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(k->done, COMMANDS);
	CU_ASSERT_EQUAL(k->wrong, 0);
	CU_ASSERT_EQUAL(k->violations, 0);
	ringsim_device_destroy(k->dev);
	close(fds[0]);
	close(fds[1]);
	free(k);
}

static void test_two_threads(void)
{
	run_threads();
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * RINGSIM_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* A loop in real time sleeps until ringsim_next_timer() and the command expires: not early. */
static void test_real_time(void)
{
	struct ringsim_config cfg = { .geo = { .ring_mb = 1, .data_area_mb = 1 },
				      .cmd_time_out_s = 1,
				      .qfull_time_out_s = -1,
				      .sanitize = true };
	static const uint8_t cdb[16] = { 0 };
	struct ringsim_cmd cmd = { .cdb = cdb, .cdb_room = 16 };
	struct ringsim_device *dev;
	uint64_t start = now_ns(), next;

	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&dev, &cfg, NULL, NULL, NULL, 0), 0);
	ringsim_advance(dev, start);
	ringsim_submit(dev, &cmd);
	while (cmd.outcome == RINGSIM_PENDING) {
		next = ringsim_next_timer(dev);
		CU_ASSERT_TRUE_FATAL(next != UINT64_MAX && next > start);
		if (next > now_ns())
			usleep((unsigned int)((next - now_ns()) / 1000 + 1));
		ringsim_advance(dev, now_ns());
	}
	CU_ASSERT_EQUAL(cmd.outcome, RINGSIM_EXPIRED);
	CU_ASSERT_TRUE(now_ns() - start >= RINGSIM_NSEC_PER_SEC);
	CU_ASSERT_TRUE(now_ns() - start < 10 * RINGSIM_NSEC_PER_SEC);
	ringsim_device_destroy(dev);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{ "two threads, 60000 commands", test_two_threads },
		{ "timers in real time", test_real_time },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "consumer", NULL, NULL, NULL, NULL, tests },
				  CU_SUITE_INFO_NULL };
	unsigned int failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
