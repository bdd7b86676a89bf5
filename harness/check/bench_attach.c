/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness bench attach`: what a handler costs in a world, beside the attach protocol and
 * beside one in this process.
 *
 * The same handler, tcmu-handler over memory, reads 4 KiB at a time, with one command at once and
 * with many. Rounds of the three alternate, so that what else the machine does meets them alike.
 * System calls that the world intercepted during its rounds are counted: there must be none, as
 * nothing that a handler does for each command is trapped.
 */
#include "../../ringsim/world/world.h"
#include "../consumer/attach.h"
#include "../consumer/consumer.h"
#include "../handlers/handler.h"
#include "../target/impl.h"
#include "bench.h"
#include "verbs.h"

#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 256
#define START_MS  10000
#define SIZE_MB	  64
#define LEN	  4096

/* A device with a handler behind it, reached in one of three ways. */
struct lane {
	const char *label;
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	/* one of them */
	struct ringsim_attach *attach;
	struct world_device *seen;
	struct handler *handler;

	struct world *w;
	struct store *store;
	bool fresh;
	struct ringsim_cmd cmds[DEPTH_MAX];
	struct iovec sg[DEPTH_MAX];
	uint8_t cdbs[DEPTH_MAX][16];
	uint32_t free[DEPTH_MAX], n_free;
	uint64_t done, failed;
	double ns[2][BENCH_ROUNDS_MAX];
};

struct bench {
	const char *dir, *program;
	uint32_t depth, rounds;
	uint64_t commands;
	struct world *w;
	struct lane *lanes[3]; /* in process, attach protocol, world */
	uint64_t trapped;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* --- lanes -------------------------------------------------------------------------------------
 */

static void on_event(void *ctx)
{
	struct lane *l = ctx;

	if (l->attach)
		ringsim_attach_event(l->attach);
	else if (l->seen)
		world_device_event(l->seen);
}

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct lane *l = ctx;

	l->free[l->n_free++] = (uint32_t)(cmd - l->cmds);
	l->done++;
	l->failed += cmd->status != 0;
}

static const struct ringsim_ops ops = { .event = on_event, .complete = on_complete };

static int make_lane(struct lane **out, const char *label)
{
	struct ringsim_config cfg = { .geo = { .ring_mb = 1, .data_area_mb = 16 },
				      .cmd_time_out_s = 30,
				      .qfull_time_out_s = -1,
				      .sanitize = true };
	struct lane *l = calloc(1, sizeof(*l));
	uint32_t i;
	int rc;

	*out = l;
	if (!l)
		return -ENOMEM;
	l->label = label;
	for (i = 0; i < DEPTH_MAX; i++) {
		l->sg[i] = (struct iovec){ malloc(LEN), LEN };
		if (!l->sg[i].iov_base)
			return -ENOMEM;
	}
	rc = ringsim_device_create(&l->dev, &cfg, &ops, l, NULL, 0);
	l->uio.dev = l->dev;
	return rc;
}

static void free_lane(struct lane *l)
{
	uint32_t i;

	if (!l)
		return;
	if (l->handler) {
		tcmu_handler_api()->detach(l->handler);
		tcmu_handler_api()->destroy(l->handler);
	}
	if (l->store)
		store_close(l->store);
	ringsim_attach_destroy(l->attach);
	if (l->dev)
		ringsim_device_destroy(l->dev);
	for (i = 0; i < DEPTH_MAX; i++)
		free(l->sg[i].iov_base);
	free(l);
}

static void serve(struct lane *l, int ms)
{
	struct pollfd fds[RINGSIM_ATTACH_FDS];

	if (l->handler) {
		tcmu_handler_api()->step(l->handler, l->fresh ? 0 : HANDLER_EV_UIO);
		l->fresh = false;
	} else if (l->attach) {
		poll(fds, ringsim_attach_pollfds(l->attach, fds), ms);
		ringsim_attach_service(l->attach);
	} else {
		fds[0] = (struct pollfd){ .fd = world_fd(l->w), .events = POLLIN };
		poll(fds, 1, ms);
		world_service(l->w);
	}
}

/* --- three ways --------------------------------------------------------------------------------
 */

static void *near_map(void *ctx, size_t len, off_t offset)
{
	(void)len;
	(void)offset;
	return ringsim_region(((struct lane *)ctx)->dev);
}

static void near_unmap(void *ctx, void *region, size_t len)
{
	(void)ctx;
	(void)region;
	(void)len;
}

static ssize_t near_read(void *ctx, void *buf, size_t len)
{
	return ringsim_uio_read(&((struct lane *)ctx)->uio, buf, len);
}

static ssize_t near_write(void *ctx, const void *buf, size_t len)
{
	return ringsim_uio_write(&((struct lane *)ctx)->uio, buf, len);
}

static int open_near(struct bench *b, char *err, size_t err_len)
{
	const struct handler_api *api = tcmu_handler_api();
	struct lane *l = b->lanes[0];
	struct store_config store = { .spec = "memory:64M", .block_size = 512, .depth = 256 };
	struct handler_config cfg = { .block_size = 512,
				      .depth = 256,
				      .in_order = true,
				      .read_len = true,
				      .name = "tcm-user/0/disk/any/x" };
	struct consumer_uio uio = { near_map, near_unmap, near_read, near_write, l };
	int rc = api->open_store(&l->store, &store, err, err_len);

	if (rc)
		return rc;
	l->handler = api->create(&cfg, l->store, err, err_len);
	rc = l->handler ? ringsim_uio_open(&l->uio) : -EINVAL;
	if (!rc)
		rc = api->attach(l->handler, &uio, ringsim_layout(l->dev)->region_size);
	l->fresh = true;
	return rc;
}

static int start_program(const char *cmd, const char *path)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid < 0 ? -errno : 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	setenv(TCMU_ATTACH_ENV, path, 1);
	execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
	_exit(127);
}

static int open_attach(struct bench *b, char *err, size_t err_len)
{
	struct ringsim_attach_info info = { .name = "tcm-user/0/disk/any/x",
					    .size_bytes = (uint64_t)SIZE_MB << 20,
					    .block_size = 512 };
	struct lane *l = b->lanes[1];
	char path[200], cmd[600];
	int rc;

	snprintf(path, sizeof(path), "%s/bench.sock", b->dir);
	snprintf(cmd, sizeof(cmd), "exec '%s' --store memory:%dM", b->program, SIZE_MB);
	rc = ringsim_attach_create(&l->attach, &l->uio, path, &info, err, err_len);
	return rc ? rc : start_program(cmd, path);
}

static void on_added(void *ctx, struct world_device *d, int rc)
{
	(void)ctx;
	(void)d;
	(void)rc; /* nobody listens: nobody refuses */
}

static int open_world(struct bench *b, char *err, size_t err_len)
{
	struct world_config cfg = { .mechanism = WORLD_AUTO };
	struct world_device_config dev = WORLD_DEVICE_CONFIG;
	struct lane *l = b->lanes[2];
	char path[200], cmd[600];
	struct world_program p = { .command = cmd, .output_fd = 2 };
	int rc;

	snprintf(path, sizeof(path), "%s/world", b->dir);
	if (mkdir(path, 0700)) {
		snprintf(err, err_len, "%s: %s", path, strerror(errno));
		return -errno;
	}
	cfg.dir = path;
	rc = world_create(&b->w, &cfg, err, err_len);
	if (rc)
		return rc;
	l->w = b->w;
	dev.name = "disk";
	dev.config = "any/x";
	dev.size_bytes = (uint64_t)SIZE_MB << 20;
	rc = world_device_adopt(b->w, &l->seen, &dev, &l->uio, on_added, l, err, err_len);
	if (rc)
		return rc;
	snprintf(cmd, sizeof(cmd), "exec '%s' --uio uio%u --store memory:%dM", b->program,
		 world_device_minor(l->seen), SIZE_MB);
	rc = world_spawn(b->w, &p, err, err_len);
	return rc < 0 ? rc : 0;
}

/* --- measuring ---------------------------------------------------------------------------------
 */

static void submit(struct lane *l, uint64_t number)
{
	uint32_t i = l->free[--l->n_free], lba = (uint32_t)(number * 8 % (SIZE_MB * 2048 - 8));
	uint8_t *cdb = l->cdbs[i];

	memset(cdb, 0, 16);
	cdb[0] = 0x28;
	cdb[2] = (uint8_t)(lba >> 24);
	cdb[3] = (uint8_t)(lba >> 16);
	cdb[4] = (uint8_t)(lba >> 8);
	cdb[5] = (uint8_t)lba;
	cdb[8] = LEN / 512;
	l->cmds[i] = (struct ringsim_cmd){ .cdb = cdb,
					   .cdb_room = 16,
					   .dir = RINGSIM_FROM_DEVICE,
					   .data_len = LEN,
					   .sg = &l->sg[i],
					   .sg_cnt = 1 };
	ringsim_submit(l->dev, &l->cmds[i]);
}

/* @n commands, @depth of them at once; ns per command, or -1 if they do not end. */
static double round_of(struct lane *l, uint64_t n, uint32_t depth)
{
	uint64_t start = now_ns(), end = start + 60ull * 1000000000, sent = 0;
	uint32_t i;

	l->done = l->failed = l->n_free = 0;
	for (i = 0; i < depth; i++)
		l->free[l->n_free++] = i;
	while (l->done < n) {
		ringsim_plug(l->dev);
		while (l->n_free && sent < n)
			submit(l, sent++);
		ringsim_unplug(l->dev);
		serve(l, 100);
		if (now_ns() > end)
			return -1;
	}
	return l->failed ? -1 : (double)(now_ns() - start) / (double)n;
}

static uint64_t trapped(const struct world_stats *a, const struct world_stats *b)
{
	return b->opens - a->opens + b->maps - a->maps + b->sockets - a->sockets + b->sends -
	       a->sends + b->ioctls - a->ioctls + b->reads - a->reads + b->writes - a->writes +
	       b->stats - a->stats + b->other - a->other;
}

static int await_all(struct bench *b)
{
	uint64_t end = now_ns() + START_MS * 1000000ull;
	uint32_t i;

	for (i = 1; i < 3; i++) {
		while (!b->lanes[i]->uio.is_open && now_ns() < end)
			serve(b->lanes[i], 10);
		if (!b->lanes[i]->uio.is_open) {
			fprintf(stderr, "tcmu-harness bench: %s: the handler does not come\n",
				b->lanes[i]->label);
			return EXIT_FAILED;
		}
	}
	return 0;
}

static int measure(struct bench *b, int which, uint32_t depth, uint64_t n)
{
	struct world_stats before, after;
	uint32_t r, i;
	double ns;

	for (r = 0; r <= b->rounds; r++) { /* the first warms up */
		for (i = 0; i < 3; i++) {
			world_stats(b->w, &before);
			ns = round_of(b->lanes[i], n, depth);
			world_stats(b->w, &after);
			if (ns < 0) {
				fprintf(stderr,
					"tcmu-harness bench: %s: %llu of %llu commands ended, %llu "
					"of them not with GOOD\n",
					b->lanes[i]->label, (unsigned long long)b->lanes[i]->done,
					(unsigned long long)n,
					(unsigned long long)b->lanes[i]->failed);
				return EXIT_FAILED;
			}
			if (!r)
				continue;
			b->lanes[i]->ns[which][r - 1] = ns;
			if (i == 2)
				b->trapped += trapped(&before, &after);
		}
	}
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const struct bench *b, struct lane *l, int which)
{
	qsort(l->ns[which], b->rounds, sizeof(double), by_value);
	return l->ns[which][b->rounds / 2];
}

static void report(struct bench *b, int which, uint32_t depth, uint64_t n)
{
	double attach = median(b, b->lanes[1], which), ns;
	uint32_t i;

	printf("4 KiB reads, depth %u, %u rounds of %llu commands each:\n", depth, b->rounds,
	       (unsigned long long)n);
	for (i = 0; i < 3; i++) {
		ns = median(b, b->lanes[i], which);
		printf("  %-16s %10.0f commands/s %9.2f us/command  best %.2f us  x%.3f of the "
		       "attach protocol\n",
		       b->lanes[i]->label, 1e9 / ns, ns / 1000, b->lanes[i]->ns[which][0] / 1000,
		       ns / attach);
	}
}

static int run_bench(struct bench *b)
{
	static const char *const labels[] = { "in process", "attach protocol", "world" };
	char err[400] = "out of memory";
	int rc = 0, i;

	for (i = 0; i < 3 && !rc; i++)
		rc = make_lane(&b->lanes[i], labels[i]);
	if (!rc)
		rc = open_world(b, err, sizeof(err)); /* while we have one thread */
	if (!rc)
		rc = open_near(b, err, sizeof(err));
	if (!rc)
		rc = open_attach(b, err, sizeof(err));
	if (rc) {
		fprintf(stderr, "tcmu-harness bench: %s\n", err);
		return EXIT_USAGE;
	}
	rc = await_all(b);
	if (!rc)
		rc = measure(b, 0, 1, b->commands);
	if (!rc)
		rc = measure(b, 1, b->depth, b->commands * 10);
	if (rc)
		return rc;
	report(b, 0, 1, b->commands);
	report(b, 1, b->depth, b->commands * 10);
	printf("system calls of the world's handler that were intercepted in these rounds: %llu\n",
	       (unsigned long long)b->trapped);
	return 0;
}

/* In a child: making a world changes who makes it. */
static int in_child(struct bench *b)
{
	int status = 0, i;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		status = run_bench(b);
		process_end_all("");
		world_destroy(b->w);
		for (i = 0; i < 3; i++)
			free_lane(b->lanes[i]);
		exit(status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, "tcmu-harness bench: fork: %s\n", strerror(errno));
		return EXIT_USAGE;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "tcmu-harness bench: ended by signal %d\n", WTERMSIG(status));
	return EXIT_USAGE;
}

int bench_attach(uint64_t commands, uint32_t depth, uint32_t rounds)
{
	struct bench b = { .commands = commands, .depth = depth, .rounds = rounds };
	char *program = beside_program("tcmu-handler"), *dir = workdir_make("bench");
	int rc = EXIT_USAGE;

	b.program = program;
	b.dir = dir;
	if (!program || access(program, X_OK))
		fprintf(stderr,
			"tcmu-harness bench: there is no tcmu-handler beside this program\n");
	else if (dir)
		rc = in_child(&b);
	workdir_remove(dir);
	free(program);
	return rc;
}
