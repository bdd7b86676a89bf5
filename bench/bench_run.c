/* SPDX-License-Identifier: MIT */
/*
 * A run: repeats of all rows, in turns.
 *
 * In each repeat every row is measured once, in an order drawn anew, so that what else the machine
 * does meets all alike, and none always comes behind the same other. A row that failed is not tried
 * again: what it has is kept, and marked.
 */
#include "bench.h"

#include "../harness/check/verbs.h"
#include "../harness/env/env.h"
#include "../harness/random.h"
#include "environment.h"
#include "exact.h"
#include "row.h"
#include "statistics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The peak that an open loop's rate is a share of: the median of so many closed ones. */
#define PEAK_RUNS   3u
#define CALLS_OF    2000u
#define COMMANDS_OF 5000u

static struct row_job job_of(const struct bench *b, const struct bench_row *row, uint64_t seed)
{
	return (struct row_job){ .layer = row->layer,
				 .workload = row->workload,
				 .dir = b->dir,
				 .store = b->store,
				 .program = b->o.exec,
				 .config = b->o.config,
				 .size_bytes = b->o.size_bytes,
				 .block_size = 512,
				 .seed = seed,
				 .ns = b->o.ns,
				 .rate = row->rate,
				 .cpus = { b->o.cpus[0], b->o.cpus[1] } };
}

/* One line, once for a layer. */
static void not_measured(struct bench *b, struct bench_row *row, const char *why)
{
	uint32_t i;

	for (i = 0; i < b->n_rows; i++) {
		if (b->rows[i].layer != row->layer)
			continue;
		if (&b->rows[i] == row)
			fprintf(b->text, "not measured: %s: %s\n", row->layer->name, why);
		b->rows[i].out = true;
	}
}

static void row_failed(struct bench *b, struct bench_row *row, const char *why)
{
	b->failed = true;
	row->out = true;
	fprintf(stderr, "tcmu-harness bench: %s, %s: %s\n", row->layer->name, row->workload->name,
		why);
	if (row->row)
		result_row_stop(row->row, why);
}

static int row_of(struct bench *b, struct bench_row *row)
{
	if (row->row)
		return 0;
	row->row = result_row(b->result, row->layer->name, row->workload->name);
	if (!row->row || result_row_describe(row->row, row->layer->below, row->layer->adds,
					     row->layer->fio ? "fio" : "own"))
		return -ENOMEM;
	return 0;
}

/* Put what was measured into the result. */
static int keep(struct bench_row *row, uint32_t repeat, const struct row_sample *s)
{
	int rc = result_row_repeat(row->row, repeat, s->value);

	if (!rc && s->end == ROW_DONE && s->timed)
		rc = result_row_latency(row->row, &s->latency);
	return rc;
}

/* False once nothing more is to be measured. */
static bool measure(struct bench *b, struct bench_row *row, uint32_t repeat,
		    const struct row_job *job, struct row_sample *s)
{
	row_run(job, b->stop, s);
	if (s->counters[0] && !b->counters[0])
		snprintf(b->counters, sizeof(b->counters), "%s", s->counters);
	if (s->end == ROW_ABSENT) {
		not_measured(b, row, s->why);
		return true;
	}
	if (s->end == ROW_STOPPED)
		return false;
	if (row_of(b, row) || keep(row, repeat, s)) {
		row_failed(b, row, "out of memory");
		return false;
	}
	if (s->end == ROW_FAILED)
		row_failed(b, row, s->why);
	return true;
}

/* --- before, between ----------------------------------------------------------------------------
 */

static void leave_out(struct bench *b)
{
	uint32_t i;

	if (bench_cpus(b->o.cpus))
		return;
	fprintf(b->text, "one CPU only: nothing is pinned, both sides take turns on it\n");
	for (i = 0; i < b->n_rows; i++)
		if (b->rows[i].layer->two && !b->rows[i].out)
			not_measured(b, &b->rows[i], "wants two CPUs, this process has one");
}

/* The rate of an open loop: what the lane does at most, closed, or what was asked for. */
static bool find_rate(struct bench *b, struct bench_row *row, struct row_sample *s)
{
	double peak[PEAK_RUNS];
	struct row_job job = job_of(b, row, b->o.seed);
	uint32_t i;

	if (row->workload->rate > 0) {
		row->rate = row->workload->rate;
		return true;
	}
	for (i = 0; i < PEAK_RUNS; i++) {
		row_run(&job, b->stop, s);
		if (s->end == ROW_STOPPED)
			return false;
		if (s->end == ROW_ABSENT) {
			not_measured(b, row, s->why);
			return true;
		}
		if (s->end == ROW_FAILED || !(s->value[METRIC_IOPS] > 0)) {
			if (!row_of(b, row))
				row_failed(b, row, s->why);
			return true;
		}
		peak[i] = s->value[METRIC_IOPS];
	}
	row->rate = statistics_median(peak, PEAK_RUNS).value * row->workload->open / 100;
	return true;
}

/* A share of the peak is another load when the peak is another one: whoever compares is told. */
static int tell_rate(struct bench *b, const struct bench_row *row)
{
	json_t *rates = json_object_get(b->result->options, "rates");
	char name[128];

	if (!rates) {
		rates = json_object();
		if (json_object_set_new(b->result->options, "rates", rates))
			return -ENOMEM;
	}
	snprintf(name, sizeof(name), "%s, %s", row->layer->name, row->workload->name);
	return json_object_set_new(rates, name, json_real(row->rate));
}

static bool find_rates(struct bench *b, struct row_sample *s)
{
	struct bench_row *row;
	uint32_t i;

	for (i = 0; i < b->n_rows; i++) {
		row = &b->rows[i];
		if (row->out || !(row->workload->open || row->workload->rate > 0))
			continue;
		if (!find_rate(b, row, s) || (!row->out && tell_rate(b, row)))
			return false;
	}
	return true;
}

/* Who was stopped has rows of fewer repeats than were asked for. */
static void stop_rows(struct bench *b, const char *why)
{
	uint32_t i;

	for (i = 0; i < b->n_rows; i++)
		if (b->rows[i].row && result_row_repeats(b->rows[i].row) < b->o.repeats)
			result_row_stop(b->rows[i].row, why);
}

static void shuffle(uint32_t *order, uint32_t n, uint64_t *state)
{
	uint32_t i, j, t;

	for (i = n; i > 1; i--) {
		j = (uint32_t)(random_next(state) % i);
		t = order[i - 1];
		order[i - 1] = order[j];
		order[j] = t;
	}
}

static void progress(const struct bench *b, uint64_t repeat, uint32_t n)
{
	if (isatty(2))
		fprintf(stderr, "\rrepeat %llu of %llu, row %u of %u \r",
			(unsigned long long)repeat + 1, (unsigned long long)b->o.repeats, n + 1,
			b->n_rows);
}

static bool repeat_all(struct bench *b, struct row_sample *s)
{
	uint32_t order[BENCH_ROWS_MAX], i;
	uint64_t state = b->o.seed, r;
	struct bench_row *row;
	struct row_job job;

	for (i = 0; i < b->n_rows; i++)
		order[i] = i;
	for (r = 0; r < b->o.repeats; r++) {
		shuffle(order, b->n_rows, &state);
		for (i = 0; i < b->n_rows; i++) {
			row = &b->rows[order[i]];
			if (row->out)
				continue;
			progress(b, r, i);
			job = job_of(b, row, random_mix(b->o.seed + r));
			job.verify = r == 0;
			if (!measure(b, row, (uint32_t)r, &job, s))
				return false;
		}
	}
	return true;
}

static int describe(struct bench *b)
{
	struct bench_options *o = &b->o;
	json_t *options = json_pack("{s:I, s:I, s:I, s:I, s:[i,i], s:s*, s:s*}", "repeats",
				    (json_int_t)o->repeats, "time_ns", (json_int_t)o->ns,
				    "size_bytes", (json_int_t)o->size_bytes, "seed",
				    (json_int_t)o->seed, "cpus", o->cpus[0], o->cpus[1], "exec",
				    o->exec, "config", o->config);
	json_t *environment = environment_now();

	if (!options || !environment) {
		json_decref(options);
		json_decref(environment);
		return -ENOMEM;
	}
	json_decref(b->result->options);
	json_decref(b->result->environment);
	b->result->options = options;
	b->result->environment = environment;
	b->result->env = env_now();
	return 0;
}

static bool any_row(const struct bench *b)
{
	uint32_t i;

	for (i = 0; i < b->n_rows; i++)
		if (b->rows[i].row)
			return true;
	return false;
}

int bench_run(struct bench *b)
{
	struct row_sample *s = malloc(sizeof(*s));
	bool whole;

	leave_out(b);
	b->result = result_new("tcmu-harness bench");
	if (!s || !b->result || describe(b)) {
		free(s);
		fprintf(stderr, "tcmu-harness bench: %s\n", strerror(ENOMEM));
		return EXIT_USAGE;
	}
	whole = find_rates(b, s) && repeat_all(b, s);
	free(s);
	if (whole)
		bench_exact_rows(b);
	if (*b->stop)
		whole = false;
	if (!whole) {
		result_stop(b->result, *b->stop ? "interrupted" : "out of memory");
		stop_rows(b, b->result->why);
	}
	if (b->failed)
		result_stop(b->result, "rows failed");
	if (!whole || b->failed)
		return EXIT_FAILED;
	return any_row(b) ? EXIT_OK : EXIT_NOTHING;
}

/* --- exact ---------------------------------------------------------------------------------------
 */

int bench_exact(struct bench *b)
{
	struct row_sample *s = malloc(sizeof(*s));
	struct row_job job;
	int rc = EXIT_USAGE;

	if (!s)
		return rc;
	if (!b->n_rows) {
		free(s);
		return EXIT_NOTHING; /* it was said why */
	}
	bench_cpus(b->o.cpus);
	job = job_of(b, &b->rows[0], b->o.seed);
	job.commands = b->o.commands;
	row_measure(&job, s);
	if (s->end != ROW_DONE)
		fprintf(stderr, "tcmu-harness bench: %s: %s\n", job.layer->name, s->why);
	rc = s->end == ROW_DONE ? EXIT_OK : s->end == ROW_ABSENT ? EXIT_NOTHING : EXIT_FAILED;
	free(s);
	return rc;
}

/* Spinning threads take turns under valgrind: what they execute there means nothing. */
static bool countable(const struct layer *l)
{
	return !(l->two && l->waits == LAYER_POLLS);
}

static void exact_row(struct bench *b, struct bench_row *row, enum exact_what what, char *why,
		      size_t len)
{
	char size[24], seed[24], layer[40], workload[WORKLOAD_NAME_MAX], self[512];
	const char *argv[] = { self,	 "bench", "exact",  layer, workload,  NULL,
			       "--size", size,	  "--seed", seed,  "--store", NULL,
			       NULL,	 NULL,	  NULL,	    NULL,  NULL };
	struct exact_run run = { what, argv, 5, b->dir, b->stop };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	uint32_t at = 12;
	double value;

	if (n < 0)
		return;
	self[n] = 0;
	snprintf(size, sizeof(size), "%llu", (unsigned long long)b->o.size_bytes);
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)b->o.seed);
	snprintf(layer, sizeof(layer), "%s", row->layer->name);
	snprintf(workload, sizeof(workload), "%s", row->workload->name);
	argv[11] = b->o.store_dir;
	if (b->o.exec) {
		argv[at++] = "--exec";
		argv[at++] = b->o.exec;
	}
	if (b->o.config) {
		argv[at++] = "--config";
		argv[at++] = b->o.config;
	}
	if (exact_per_command(&run, what == EXACT_CALLS ? CALLS_OF : COMMANDS_OF, &value, why, len))
		return;
	/* what happens only now and then may have happened more often in the shorter run */
	result_row_add(row->row, what == EXACT_CALLS ? METRIC_SYSCALLS : METRIC_INSTRUCTIONS,
		       value > 0 ? value : 0);
}

static void exact_all(struct bench *b, enum exact_what what)
{
	const char *name = what == EXACT_CALLS ? "system calls" : "instructions";
	struct bench_row *row;
	char why[300];
	uint32_t i;

	for (i = 0; i < b->n_rows && !*b->stop; i++) {
		row = &b->rows[i];
		if (row->out || !row->row || row->rate > 0 || row->layer->fio)
			continue;
		if (what == EXACT_INSTRUCTIONS && !countable(row->layer))
			continue;
		why[0] = 0;
		exact_row(b, row, what, why, sizeof(why));
		if (why[0])
			fprintf(b->text, "not counted: %s of %s, %s: %s\n", name, row->layer->name,
				row->workload->name, why);
	}
}

void bench_exact_rows(struct bench *b)
{
	if (b->o.calls)
		exact_all(b, EXACT_CALLS);
	if (b->o.instructions && b->counters[0])
		exact_all(b, EXACT_INSTRUCTIONS);
}
