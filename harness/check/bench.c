/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness bench ring`: what the ring itself costs, in one thread.
 *
 * The simulator issues 4 KiB reads that nobody copies, the consumer answers each with GOOD at once:
 * submit, entry, fetch, answer, doorbell, walk, completion. The figure is wall time over commands,
 * the best and the median of several rounds, sanitizer off and on.
 */
#include "../../bench/fio.h"
#include "../consumer/consumer.h"
#include "bench.h"
#include "verbs.h"

#include <ringsim/uio.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 11

static const char help[] =
	"Usage: tcmu-harness bench ring [--commands N] [--depth N]\n"
	"       tcmu-harness bench attach [--commands N] [--depth N] [--rounds N]\n"
	"       tcmu-harness bench import --help\n"
	"ring: the ring in one thread: simulator, consumer, null handler, 4 KiB reads without data.\n"
	"attach: tcmu-handler in this process, over the attach protocol and in a world: 4 KiB reads,\n"
	"one at once and many, in turns.\n"
	"\n"
	"  --commands N   commands per round, 1000 to 1000000000 (default: ring 1000000, attach\n"
	"                 10000, and ten times as many when many are sent at once)\n"
	"  --depth N      commands per doorbell, or at once, 1 to 256 (default 32)\n"
	"  --rounds N     of attach, 1 to 99 (default 11); ring has 11\n";

struct bench {
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	struct consumer consumer;
	struct ringsim_cmd *cmds;
	struct consumer_cmd *slots;
	uint64_t done;
	uint32_t depth;
};

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct bench *b = ctx;

	b->done += cmd->status == 0;
}

static void *bench_map(void *ctx, size_t len, off_t offset)
{
	struct bench *b = ctx;

	(void)len;
	(void)offset;
	return ringsim_region(b->dev);
}

static void bench_unmap(void *ctx, void *region, size_t len)
{
	(void)ctx;
	(void)region;
	(void)len;
}

static ssize_t bench_read(void *ctx, void *buf, size_t len)
{
	return ringsim_uio_read(&((struct bench *)ctx)->uio, buf, len);
}

static ssize_t bench_write(void *ctx, const void *buf, size_t len)
{
	return ringsim_uio_write(&((struct bench *)ctx)->uio, buf, len);
}

static int bench_open(struct bench *b, bool sanitize, uint32_t depth)
{
	static const struct ringsim_ops ops = { .complete = on_complete };
	struct ringsim_config cfg = { .geo = { .ring_mb = 1, .data_area_mb = 16 },
				      .cmd_time_out_s = 30,
				      .qfull_time_out_s = -1,
				      .sanitize = sanitize };
	struct consumer_uio uio = { bench_map, bench_unmap, bench_read, bench_write, b };
	char err[128];
	int rc;

	b->depth = depth;
	b->cmds = calloc(depth, sizeof(*b->cmds));
	b->slots = calloc(depth, sizeof(*b->slots));
	rc = b->cmds && b->slots ? 0 : -ENOMEM;
	if (!rc)
		rc = ringsim_device_create(&b->dev, &cfg, &ops, b, err, sizeof(err));
	if (rc)
		return rc;
	b->uio.dev = b->dev;
	rc = ringsim_uio_open(&b->uio);
	if (!rc)
		rc = consumer_attach(&b->consumer, &uio, ringsim_layout(b->dev)->region_size, NULL,
				     false);
	return rc;
}

static void bench_close(struct bench *b)
{
	ringsim_device_destroy(b->dev);
	free(b->cmds);
	free(b->slots);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* One batch: @depth submissions, one drain, one doorbell. */
static void batch(struct bench *b)
{
	static const uint8_t cdb[16] = { 0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0 };
	uint32_t i, n = 0;

	for (i = 0; i < b->depth; i++) {
		b->cmds[i].cdb = cdb;
		b->cmds[i].cdb_room = sizeof(cdb);
		b->cmds[i].dir = RINGSIM_FROM_DEVICE;
		b->cmds[i].data_len = 4096;
		ringsim_submit(b->dev, &b->cmds[i]);
	}
	while (n < b->depth && consumer_fetch(&b->consumer, &b->slots[n]) == CONSUMER_CMD)
		n++;
	for (i = 0; i < n; i++)
		consumer_complete(&b->consumer, &b->slots[i]);
	consumer_flush(&b->consumer);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int measure(const char *label, bool sanitize, uint64_t commands, uint32_t depth)
{
	double ns[ROUNDS];
	struct bench b = { 0 };
	uint64_t start, i, expected = 0;
	int r, rc = bench_open(&b, sanitize, depth);

	if (rc) {
		bench_close(&b);
		fprintf(stderr, "tcmu-harness bench: %s\n", strerror(-rc));
		return EXIT_USAGE;
	}
	for (r = -1; r < ROUNDS; r++) { /* the first warms up */
		start = now_ns();
		for (i = 0; i < commands; i += depth) {
			batch(&b);
			expected += depth;
		}
		if (r >= 0)
			ns[r] = (double)(now_ns() - start) / (double)i;
	}
	if (b.done != expected) {
		fprintf(stderr, "tcmu-harness bench: %llu of %llu commands ended with GOOD\n",
			(unsigned long long)b.done, (unsigned long long)expected);
		rc = EXIT_FAILED;
	}
	bench_close(&b);
	qsort(ns, ROUNDS, sizeof(ns[0]), by_value);
	if (!rc)
		printf("%-32s %8.1f ns/command median  %8.1f best  (depth %u, %d x %llu commands)\n",
		       label, ns[ROUNDS / 2], ns[0], depth, ROUNDS, (unsigned long long)commands);
	return rc;
}

int verb_bench(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "commands", required_argument, NULL, 'n' },
		{ "depth", required_argument, NULL, 'd' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t commands = 0, depth = 32, rounds = ROUNDS;
	int c, rc;

	if (argc > 1 && !strcmp(argv[1], "import"))
		return bench_import(argc - 1, argv + 1);
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (c == '?' || c == ':')
			return option_error("bench", c, argv);
		if (c == 'n' &&
		    (!parse_u64(optarg, &commands) || commands < 1000 || commands > 1000000000))
			return usage_error("bench",
					   "--commands: expected 1000 to 1000000000, found '%s'",
					   optarg);
		if (c == 'd' && (!parse_u64(optarg, &depth) || !depth || depth > 256))
			return usage_error("bench", "--depth: expected 1 to 256, found '%s'",
					   optarg);
		if (c == 'r' &&
		    (!parse_u64(optarg, &rounds) || !rounds || rounds > BENCH_ROUNDS_MAX))
			return usage_error("bench", "--rounds: expected 1 to %d, found '%s'",
					   BENCH_ROUNDS_MAX, optarg);
	}
	if (optind + 1 == argc && !strcmp(argv[optind], "attach"))
		return bench_attach(commands ? commands : 10000, (uint32_t)depth, (uint32_t)rounds);
	if (optind + 1 != argc || strcmp(argv[optind], "ring"))
		return usage_error("bench", "expected what to measure: ring or attach");
	if (!commands)
		commands = 1000000;
	rc = measure("ring, sanitizer off", false, commands, (uint32_t)depth);
	if (!rc)
		rc = measure("ring, sanitizer on", true, commands, (uint32_t)depth);
	return rc;
}
