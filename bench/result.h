/* SPDX-License-Identifier: MIT */
/*
 * The result of a benchmark: rows of repeated measurements, and where they were made.
 *
 * A row is one workload on one layer. It has for each metric one value per repeat (see series.h),
 * so that whoever compares or draws can say what is certain; repeats of all rows of a run were
 * interleaved. Percentiles of a row's pooled latencies come from its histogram. A row whose run had
 * failures or time-outs has no headline number: compare and pictures show the failures instead.
 *
 * The same struct is written by the benchmark, made from fio's own output, read back by compare,
 * the pages and the history. Its JSON is described by results/bench/schema.json.
 */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include "histogram.h"
#include "series.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/** Version of the JSON; a reader refuses every other one. */
#define RESULT_SCHEMA 1

/** enum metric - what is measured; metric_kind() says how it is called and which way is better. */
enum metric {
	METRIC_IOPS,	  /* commands per second that ended with GOOD */
	METRIC_BANDWIDTH, /* MiB/s of their data */
	METRIC_LATENCY,	  /* ns per command: wall time over commands, one thread's view */
	METRIC_P50,	  /* ns, percentiles of the repeat */
	METRIC_P90,
	METRIC_P99,
	METRIC_P999,
	METRIC_P9999,
	METRIC_MAX,
	METRIC_CPU_INITIATOR, /* ns of processor time per command, sender and simulator */
	METRIC_CPU_HANDLER,   /* the same of the handler, all its threads */
	METRIC_INSTRUCTIONS,  /* per command, both sides */
	METRIC_CYCLES,
	METRIC_SYSCALLS,  /* per command, both sides; counted in a run of its own */
	METRIC_SWITCHES,  /* context switches per command, both sides */
	METRIC_WAKEUPS,	  /* of the handler, per command */
	METRIC_DOORBELLS, /* per command */
	METRIC_ENTRIES_PER_WAKEUP,
	METRIC_RING_HIGH,  /* most bytes of the command ring in use */
	METRIC_DATA_HIGH,  /* most blocks of the data area in use */
	METRIC_QUEUE_FULL, /* times that a command found no room, per repeat */
	METRIC_LATE,	   /* open loop: share of commands sent more than 10 us after their time */
	METRIC_FAILED,	   /* commands that ended with anything but GOOD, per repeat */
	METRIC_TIMED_OUT,  /* commands that the device's timer ended, per repeat */
	METRICS
};

/**
 * struct metric_kind - what a metric is
 * @name:   as in JSON, unit last where it has one: "latency_p99_ns"
 * @title:  for people
 * @unit:   for people; "" if none
 * @better: 1 more is better, -1 less is better, 0 it is only told
 */
struct metric_kind {
	const char *name, *title, *unit;
	int better;
};

const struct metric_kind *metric_kind(enum metric m);
/** metric_find() - by name; METRICS if there is none. */
enum metric metric_find(const char *name);

/**
 * struct result_row - one workload on one layer
 * @layer:    "simulator, null handler": see bench/layer.h
 * @below:    the layer that this one adds one thing to; "" if none
 * @adds:     what that is
 * @workload: "4k-randread-qd32"
 * @side:     what sent the commands: "own" or "fio"
 * @complete: all repeats were made; if not, @why says what came in between
 * @latency:  of all repeats; NULL if it was not measured
 */
struct result_row {
	char *layer, *below, *adds, *workload, *side;
	bool complete;
	char *why;
	struct series metric[METRICS];
	struct histogram *latency;
};

/**
 * struct result - a run
 * @environment: JSON object, see environment.h; differing ones are compared only by force
 * @env:         JSON object: more of that machine, see env_now(); of no meaning for comparing; NULL
 *               if it is not known
 * @options:     JSON object: what was asked for
 * @complete:    no row is missing; if not, @why says so
 */
struct result {
	char *title, *when;
	json_t *environment, *env, *options;
	bool complete;
	char *why;
	struct result_row **rows;
	size_t n_rows;
};

/** result_new() - empty, complete, of now; NULL if out of memory. */
struct result *result_new(const char *title);
void result_free(struct result *r);
/**
 * result_row() - find or add the row of @layer and @workload; NULL if out of memory
 * All texts are cut to what a reader accepts, and made UTF-8 on one line.
 */
struct result_row *result_row(struct result *r, const char *layer, const char *workload);
/** result_row_describe() - set @below, @adds and @side; any may be NULL: unchanged. */
int result_row_describe(struct result_row *row, const char *below, const char *adds,
			const char *side);
/** result_row_add() - the value of @m in its next repeat. 0 or -ENOMEM; -EINVAL if @value is not
 * finite or below 0. */
int result_row_add(struct result_row *row, enum metric m, double value);
/**
 * result_row_repeat() - what was measured in one repeat: METRICS values, NAN where there is none
 * @repeat: its number in the run, from 0, larger with each call; 0 or -errno as result_row_add()
 */
int result_row_repeat(struct result_row *row, uint32_t repeat, const double *value);
/**
 * result_row_cpu() - processor time of both sides in each repeat, for the caller to free
 * A handler without a thread of its own is in the initiator's.
 */
struct series result_row_cpu(const struct result_row *row);
/** result_row_repeats() - how many have been begun, as far as their values tell. */
uint32_t result_row_repeats(const struct result_row *row);
/** result_row_latency() - add the latencies of a repeat to those of the row: 0 or -ENOMEM. */
int result_row_latency(struct result_row *row, const struct histogram *h);
/** result_row_stop(), result_stop() - mark as incomplete; the first reason stays. */
void result_row_stop(struct result_row *row, const char *why);
void result_stop(struct result *r, const char *why);
/** result_row_valid() - complete, without failures and time-outs: it has a headline number. */
bool result_row_valid(const struct result_row *row);

/**
 * result_read() - read a result file
 * Checks everything: schema, types, names of metrics, finite numbers, histograms. On failure *@out
 * is NULL, @err (not empty) has one line (file, what, expected, found) and -EINVAL or what reading
 * gave is returned.
 */
int result_read(struct result **out, const char *path, char *err, size_t err_len);
/**
 * result_write() - write a result, whole or not at all; "-" is standard output
 * 0 or -errno with one line in @err (a full disk leaves the old file as it was).
 */
int result_write(const struct result *r, const char *path, char *err, size_t err_len);

/**
 * result_write_text() - write a file of @len bytes, whole or not at all; "-" is standard output
 * 0 or -errno (a full disk leaves the old file as it was).
 */
int result_write_text(const char *path, const char *text, size_t len);

#endif
