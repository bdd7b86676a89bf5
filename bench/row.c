/* SPDX-License-Identifier: MIT */
/* One measurement; see row.h. */
#include "row.h"

#include "../harness/check/child.h"
#include "../ringsim/world/program.h"
#include "fio.h"
#include "generator.h"
#include "lane_device.h"
#include "meter.h"
#include "statistics.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define VERIFY_PLACES 64u
/* Warming up goes in slices; it has done its work when the last of them no longer drift. */
#define SLICES	      64u
#define WINDOW	      6u
#define STEADY	      0.1
#define SLICE_NS_MIN  2000000ull
/* Beside the time of measuring: opening, verifying, time-outs, closing. */
#define GRACE_MS      45000u

struct run {
	const struct row_job *job;
	struct row_sample *out;
	struct lane *lane;
	struct generator *generator;
};

static void failed(struct run *r, const char *why)
{
	r->out->end = ROW_FAILED;
	snprintf(r->out->why, sizeof(r->out->why), "%s", why);
}

static bool sleeps(const struct row_job *job)
{
	if (job->layer->waits == LAYER_EITHER)
		return !job->workload->poll;
	return job->layer->waits == LAYER_SLEEPS;
}

static const struct lane_ops *ops_of(const struct row_job *job)
{
	return job->layer->program && job->config ? &lane_world : job->layer->ops;
}

static int open_lane(struct run *r)
{
	const struct row_job *job = r->job;
	struct lane_config cfg = { .dir = job->dir,
				   .engine = job->layer->engine,
				   .program = job->layer->program ? job->program
								  : job->layer->command,
				   .store = job->store,
				   .config = job->layer->program ? job->config : job->layer->config,
				   .size_bytes = job->size_bytes,
				   .block_size = job->block_size,
				   .depth = job->workload->depth,
				   .bytes = job->workload->bytes,
				   .cpu = job->cpus[1],
				   .sanitize = job->layer->sanitize,
				   .direct = job->layer->direct,
				   .adaptive = job->layer->adaptive,
				   .sleeping = sleeps(job) };
	struct generator_config gen = { .size_bytes = job->size_bytes,
					.block_size = job->block_size,
					.seed = job->seed,
					.no_data = job->layer->no_data,
					.cheap = job->layer->cheap,
					.sleeping = cfg.sleeping };
	int rc = ops_of(job)->open(&r->lane, &cfg, r->out->why, sizeof(r->out->why));

	if (rc) {
		r->out->end = rc == -ENOTSUP ? ROW_ABSENT : ROW_FAILED;
		return rc;
	}
	r->generator = generator_create(r->lane, job->workload, &gen);
	if (r->generator)
		return 0;
	failed(r, "no memory for the initiator's buffers");
	return -ENOMEM;
}

/* What ended badly has no headline number, so it ends the row. */
static int judge(struct run *r, int rc, const struct generator_count *n)
{
	unsigned long long bad = n->failed + n->timed_out + n->lost;

	r->out->value[METRIC_FAILED] = (double)n->failed;
	r->out->value[METRIC_TIMED_OUT] = (double)(n->timed_out + n->lost);
	if (rc) {
		failed(r, r->lane->err);
		return rc;
	}
	if (!bad)
		return 0;
	r->out->end = ROW_FAILED;
	snprintf(r->out->why, sizeof(r->out->why),
		 "%llu of %llu commands failed, %llu timed out; the first %s with status 0x%02x",
		 (unsigned long long)n->failed, (unsigned long long)(n->done + n->lost),
		 (unsigned long long)(n->timed_out + n->lost),
		 n->outcome == RINGSIM_ANSWERED ? "was answered" : "ended", n->status);
	return -EIO;
}

static int warm_up(struct run *r)
{
	uint64_t slice = r->job->ns / 24 > SLICE_NS_MIN ? r->job->ns / 24 : SLICE_NS_MIN, spent = 0;
	struct generator_load load = { .ns = slice };
	struct generator_count n;
	double per[SLICES];
	uint32_t i;
	int rc;

	for (i = 0; i < SLICES && spent < r->job->ns / 2; i++) {
		rc = judge(r, generator_run(r->generator, &load, &n), &n);
		if (rc)
			return rc;
		spent += n.ns;
		per[i] = (double)n.ns / (double)(n.done ? n.done : 1);
		if (i + 1 >= WINDOW && statistics_steady(per, i + 1, WINDOW, STEADY))
			break;
	}
	return 0;
}

/* --- what is told ------------------------------------------------------------------------------
 */

static void tell_latency(struct row_sample *out)
{
	static const struct {
		enum metric metric;
		double q;
	} quantiles[] = {
		{ METRIC_P50, 0.5 },	{ METRIC_P90, 0.9 },	  { METRIC_P99, 0.99 },
		{ METRIC_P999, 0.999 }, { METRIC_P9999, 0.9999 },
	};
	uint32_t i;

	if (!out->timed)
		return;
	for (i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		/* with fewer it would be another name for the largest */
		if ((double)out->timed * (1 - quantiles[i].q) >= 1)
			out->value[quantiles[i].metric] =
				(double)histogram_quantile(&out->latency, quantiles[i].q);
	out->value[METRIC_MAX] = (double)out->latency.max;
}

static void tell_throughput(struct run *r, const struct generator_count *n)
{
	double *v = r->out->value, s = (double)n->ns / 1e9;
	uint64_t good = n->done - n->failed - n->timed_out;

	if (!n->done || !n->ns)
		return;
	v[METRIC_IOPS] = (double)good / s;
	v[METRIC_BANDWIDTH] = (double)good / s * r->job->workload->bytes / 1048576;
	if (r->job->rate > 0)
		v[METRIC_LATE] = n->due ? (double)n->late / (double)n->due : 0;
	else
		v[METRIC_LATENCY] = (double)n->ns / (double)n->done;
}

static void tell_use(struct row_sample *out, const struct meter_reading *a,
		     const struct meter_reading *b, double n)
{
	struct meter_side i = meter_less(b->initiator, a->initiator);
	struct meter_side h = meter_less(b->handler, a->handler);
	double *v = out->value;

	v[METRIC_CPU_INITIATOR] = (double)i.cpu_ns / n;
	if (b->parties)
		v[METRIC_CPU_HANDLER] = (double)h.cpu_ns / n;
	v[METRIC_SWITCHES] = (double)(i.switches + h.switches) / n;
	if (!b->counters)
		return;
	v[METRIC_INSTRUCTIONS] = (double)(i.instructions + h.instructions) / n;
	v[METRIC_CYCLES] = (double)(i.cycles + h.cycles) / n;
}

static void tell_counters(struct row_sample *out, const struct lane_counters *a,
			  const struct lane_counters *b, double n)
{
	double *v = out->value;

	if (b->wakeups != UINT64_MAX) {
		v[METRIC_WAKEUPS] = (double)(b->wakeups - a->wakeups) / n;
		if (b->wakeups > a->wakeups)
			v[METRIC_ENTRIES_PER_WAKEUP] = n / (double)(b->wakeups - a->wakeups);
	}
	if (b->doorbells != UINT64_MAX)
		v[METRIC_DOORBELLS] = (double)(b->doorbells - a->doorbells) / n;
	if (b->queue_full != UINT64_MAX)
		v[METRIC_QUEUE_FULL] = (double)(b->queue_full - a->queue_full);
	if (b->ring_high != UINT64_MAX)
		v[METRIC_RING_HIGH] = (double)b->ring_high;
	if (b->data_high != UINT64_MAX)
		v[METRIC_DATA_HIGH] = (double)b->data_high;
}

static int measure(struct run *r)
{
	struct generator_load load = { .ns = r->job->commands ? 0 : r->job->ns,
				       .commands = r->job->commands,
				       .rate = r->job->rate,
				       .latency = &r->out->latency };
	struct meter_reading used[2];
	struct lane_counters did[2];
	struct generator_count n;
	struct meter meter = { .n_fds = 0 };
	int rc;

	meter_open(&meter, r->lane, r->out->counters, sizeof(r->out->counters));
	r->lane->ops->counters(r->lane, &did[0]);
	meter_read(&meter, r->lane, &used[0]);
	rc = generator_run(r->generator, &load, &n);
	meter_read(&meter, r->lane, &used[1]);
	r->lane->ops->counters(r->lane, &did[1]);
	meter_close(&meter);
	rc = judge(r, rc, &n);
	r->out->timed = n.timed;
	if (!n.done || rc)
		return rc;
	tell_latency(r->out);
	tell_throughput(r, &n);
	tell_use(r->out, &used[0], &used[1], (double)n.done);
	tell_counters(r->out, &did[0], &did[1], (double)n.done);
	return 0;
}

static bool absent(const struct row_job *job, struct row_sample *out)
{
	char path[PATH_MAX];

	if (!job->layer->needs || program_find(job->layer->needs, path))
		return false;
	out->end = ROW_ABSENT;
	snprintf(out->why, sizeof(out->why), "there is no %s here", job->layer->needs);
	return true;
}

void row_measure(const struct row_job *job, struct row_sample *out)
{
	struct run r = { .job = job, .out = out };
	int i, rc;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < METRICS; i++)
		out->value[i] = NAN;
	if (absent(job, out))
		return;
	if (job->layer->fio) {
		fio_measure(job, out); /* where it runs is the scheduler's business */
		return;
	}
	prctl(PR_SET_TIMERSLACK, 1);
	lane_pin(0, job->cpus[0]);
	rc = open_lane(&r);
	if (!rc && job->verify && job->layer->serves) {
		rc = generator_verify(r.generator, VERIFY_PLACES, out->why, sizeof(out->why));
		if (rc)
			out->end = ROW_FAILED;
	}
	if (!rc && !job->commands)
		rc = warm_up(&r);
	if (!rc)
		measure(&r);
	generator_destroy(r.generator);
	if (r.lane)
		r.lane->ops->close(r.lane);
}

/* --- in a child --------------------------------------------------------------------------------
 */

static void in_child(const struct row_job *job, int fd, struct row_sample *out)
{
	child_settle();
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	row_measure(job, out);
	_exit(child_put(fd, out, sizeof(*out)) ? 0 : 1);
}

static void receive(const struct row_job *job, pid_t pid, int fd, const volatile sig_atomic_t *stop,
		    struct row_sample *out)
{
	uint64_t end = child_now_ms() + job->ns * 5 / 1000000 + GRACE_MS;
	int rc = child_get(fd, out, sizeof(*out), end, stop), status;

	if (rc == 1) {
		child_reap(pid);
		return;
	}
	if (rc < 0)
		kill(pid, SIGKILL);
	status = child_reap(pid);
	memset(out, 0, sizeof(*out));
	out->end = rc == -EINTR ? ROW_STOPPED : ROW_FAILED;
	if (rc == -EINTR)
		snprintf(out->why, sizeof(out->why), "interrupted");
	else if (rc == -ETIMEDOUT)
		snprintf(out->why, sizeof(out->why), "it did not end in time");
	else if (WIFSIGNALED(status))
		snprintf(out->why, sizeof(out->why), "the measuring process died of signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(out->why, sizeof(out->why), "the measuring process ended with status %d",
			 WEXITSTATUS(status));
	for (rc = 0; rc < METRICS; rc++)
		out->value[rc] = NAN;
}

void row_run(const struct row_job *job, const volatile sig_atomic_t *stop, struct row_sample *out)
{
	int pipe_fd[2];
	pid_t pid = -1;

	fflush(NULL);
	if (!pipe2(pipe_fd, O_CLOEXEC))
		pid = fork();
	if (pid < 0) {
		memset(out, 0, sizeof(*out));
		out->end = ROW_FAILED;
		snprintf(out->why, sizeof(out->why), "no process to measure in: %s",
			 strerror(errno));
		return;
	}
	if (!pid) {
		close(pipe_fd[0]);
		in_child(job, pipe_fd[1], out);
	}
	close(pipe_fd[1]);
	receive(job, pid, pipe_fd[0], stop, out);
	close(pipe_fd[0]);
}
