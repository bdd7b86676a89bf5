/* SPDX-License-Identifier: MIT */
/*
 * fio: running its jobs, and reading what it says.
 *
 * The jobs are bench/jobs/NAME.fio, for any fio by itself, too (bench/jobs/README.md). Its output
 * is read as --output-format=json+ writes it, from fio 3.0 on, and is nobody's word but fio's:
 * every number is checked before it is used.
 */
#ifndef BENCH_FIO_H
#define BENCH_FIO_H

#include "result.h"
#include "row.h"

#include <stdint.h>

/**
 * struct fio_figures - what one repeat of one job came to; several of one name are one
 * @commands, @failed: that ended, and of those that are none of GOOD: errors, short ones, dropped
 * @iops, @mib_s:      reads and writes together
 * @cpu_ns, @switches: of fio, in all its jobs of this name, for all @commands
 * @whole:   latencies are from submission to completion; else they begin when that has been done
 *           (a job without lat_percentiles=1)
 * @latency: a value is at most 1/128 of itself away from what fio measured, which is how fio keeps
 *           it, and again as much by how we do; smallest and largest are exact
 */
struct fio_figures {
	char name[64];
	uint64_t commands, failed;
	double iops, mib_s, cpu_ns, switches;
	bool whole;
	struct histogram *latency;
};

/** struct fio_output - an output file; @version: "fio-3.33" */
struct fio_output {
	char version[32];
	struct fio_figures *jobs;
	size_t n_jobs;
};

/**
 * fio_read() - read what fio wrote
 * Lines before and after the JSON are passed over: fio puts its warnings there. On failure *@out is
 * NULL, @err has one line (file, what, expected, found) and -EINVAL or what reading gave is
 * returned.
 */
int fio_read(struct fio_output **out, const char *path, char *err, size_t err_len);
void fio_free(struct fio_output *o);
/** fio_empty() - whether a job has come to nothing, not even failures; fio_read() refuses a file
 * with no other jobs. */
static inline bool fio_empty(const struct fio_figures *f)
{
	return !f->failed && (!f->commands || f->iops <= 0);
}
/** fio_values() - of one repeat; NAN where nothing was measured. */
void fio_values(const struct fio_figures *f, double value[METRICS]);
/** fio_add() - one more repeat of @row. 0 or -ENOMEM. */
int fio_add(struct result_row *row, const struct fio_figures *f);

/** fio_job() - path of the job of a workload: 0, or -ENOENT if there is none. */
int fio_job(const char *workload, char *path, size_t len);
/**
 * fio_measure() - one measurement whose commands fio sends, see row.h
 * In a process of its own, whose environment it changes. Bounded.
 */
void fio_measure(const struct row_job *job, struct row_sample *out);

/**
 * fio_manifest() - add to @r all that a manifest names (fio_manifest.c says how it looks)
 * Repeats that cannot be read mark their row as incomplete. On failure @err has one line (file,
 * line, what, expected, found) and -EINVAL or what reading gave is returned.
 */
int fio_manifest(struct result *r, const char *path, char *err, size_t err_len);

/** bench_import() - `tcmu-harness bench import`; @argv[0] is "import". The exit status. */
int bench_import(int argc, char **argv);

#endif
