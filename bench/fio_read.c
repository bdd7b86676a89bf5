/* SPDX-License-Identifier: MIT */
/*
 * What fio says in JSON, checked and turned into figures.
 *
 * fio keeps latencies in buckets of 1/64 of a power of two and writes the middle of each, so a
 * value is at most 1/128 of itself away from the one it measured; smallest, largest and mean it
 * writes as they are.
 */
#include "fio.h"

#include "../harness/text_file.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX    (64u << 20)
#define JOBS_MAX    1024u
#define VERSION_MIN 3
#define MIB	    1048576.0

struct reader {
	const char *path;
	char *err;
	size_t err_len;
};

__attribute__((format(printf, 2, 3))) static int bad(const struct reader *r, const char *fmt, ...)
{
	int n = snprintf(r->err, r->err_len, "%s: ", r->path);
	va_list ap;

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < r->err_len)
		vsnprintf(r->err + n, r->err_len - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* --- the file ----------------------------------------------------------------------------------
 */

static int slurp(const struct reader *r, char **text, size_t *len)
{
	int rc = text_file_read(r->path, FILE_MAX, text, len);

	if (rc == -EINVAL)
		return bad(r, "expected a file that fio wrote, found something else");
	if (rc == -EFBIG)
		return bad(r, "expected at most %u bytes, found %zu", FILE_MAX, *len);
	if (rc)
		bad(r, "%s", strerror(-rc));
	return rc;
}

/* The next line that begins with a brace, or NULL. */
static const char *find_json(const char *text, const char *end)
{
	const char *p = text;

	while (p < end && *p != '{') {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return NULL;
		p++;
	}
	return p < end ? p : NULL;
}

static int parse(const struct reader *r, json_t **out)
{
	const char *begin, *end, *p;
	json_error_t e;
	size_t len = 0;
	char *text;
	int rc = slurp(r, &text, &len), line = 1;

	if (rc)
		goto out;
	end = text + len;
	begin = find_json(text, end);
	if (!begin) {
		rc = bad(r, "expected what fio --output-format=json+ writes, found %s",
			 len ? "no JSON" : "an empty file");
		goto out;
	}
	for (p = text; p < begin; p++)
		line += *p == '\n';
	*out = json_loadb(begin, (size_t)(end - begin), JSON_DISABLE_EOF_CHECK, &e);
	if (!*out)
		rc = bad(r, "line %d: %s", line + e.line - 1, e.text);
	else if (find_json(begin + e.position, end))
		rc = bad(r, "expected the output of one run of fio, found another behind it");
out:
	free(text);
	return rc;
}

/* --- numbers -----------------------------------------------------------------------------------
 */

/* A number that is there, finite and not negative. */
static int number(const struct reader *r, const json_t *o, const char *where, const char *key,
		  double *out)
{
	const json_t *v = json_object_get(o, key);
	double d = json_number_value(v);

	if (!json_is_number(v) || !isfinite(d) || d < 0)
		return bad(r, "%s.%s: expected a number from 0 on, found %s", where, key,
			   !v		       ? "nothing"
			   : json_is_number(v) ? "a negative one"
					       : "something else");
	*out = d;
	return 0;
}

static int whole(const struct reader *r, const json_t *o, const char *where, const char *key,
		 bool must, uint64_t *out)
{
	const json_t *v = json_object_get(o, key);

	*out = 0;
	if (!v && !must)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return bad(r, "%s.%s: expected a whole number from 0 on, found %s", where, key,
			   !v			? "nothing"
			   : json_is_integer(v) ? "a negative one"
						: "something else");
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

/* --- latencies ---------------------------------------------------------------------------------
 */

static bool decimal(const char *text, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 18)
		return false;
	*out = strtoull(text, &end, 10);
	return !*end;
}

/* One of the lowest was @min, one of the highest @max, and no value is beyond them. */
static void set_ends(struct histogram *h, uint64_t min, uint64_t max)
{
	uint32_t low = 0, high = HISTOGRAM_BUCKETS - 1;

	while (!h->bucket[low])
		low++;
	h->bucket[low]--;
	h->bucket[histogram_bucket(min)]++;
	while (!h->bucket[high])
		high--;
	h->bucket[high]--;
	h->bucket[histogram_bucket(max)]++;
	h->max = max;
	h->inv_min = UINT64_MAX - min;
}

/* One histogram of fio's, with as many values as it says that it has. */
static int read_bins(const struct reader *r, const json_t *lat, const char *where,
		     struct histogram *h)
{
	json_t *bins = json_object_get(lat, "bins"), *v;
	uint64_t n, min, max, ns, sum = 0;
	const char *key;
	double mean;
	int rc = whole(r, lat, where, "N", true, &n);

	if (!rc)
		rc = whole(r, lat, where, "min", true, &min);
	if (!rc)
		rc = whole(r, lat, where, "max", true, &max);
	if (!rc)
		rc = number(r, lat, where, "mean", &mean);
	if (rc)
		return rc;
	if (min > max || mean > (double)max || mean + 1 < (double)min)
		return bad(r, "%s: expected min <= mean <= max, found %" PRIu64 ", %.0f, %" PRIu64,
			   where, min, mean, max);
	json_object_foreach(bins, key, v)
	{
		if (!decimal(key, &ns) || !json_is_integer(v) || json_integer_value(v) < 0 ||
		    (uint64_t)json_integer_value(v) > n - sum)
			return bad(r,
				   "%s.bins: '%.20s': expected nanoseconds and how often, found "
				   "something else or more than N",
				   where, key);
		/* the middle of a bucket may be beyond what was ever in it */
		ns = ns < min ? min : ns > max ? max : ns;
		histogram_put(h, ns, (uint64_t)json_integer_value(v));
		sum += (uint64_t)json_integer_value(v);
	}
	if (sum != n)
		return bad(r, "%s.bins: expected %" PRIu64 " values as N says, found %" PRIu64,
			   where, n, sum);
	if (!n)
		return 0;
	/* what it knows better than its buckets */
	set_ends(h, min, max);
	h->sum = (uint64_t)(mean * (double)n);
	return 0;
}

/* Of a job that failed at its first command, for instance. */
static bool no_values(const json_t *o, const char *const keys[2])
{
	const json_t *a = json_object_get(json_object_get(o, keys[0]), "N");
	const json_t *b = json_object_get(json_object_get(o, keys[1]), "N");

	return json_is_integer(a) && !json_integer_value(a) && json_is_integer(b) &&
	       !json_integer_value(b);
}

/* From submission on if that is there, else from where submission has ended. */
static int read_latency(const struct reader *r, const json_t *o, const char *where,
			struct fio_figures *f)
{
	static const char *const keys[] = { "lat_ns", "clat_ns" };
	struct histogram *h = calloc(1, sizeof(*h));
	const json_t *lat = NULL;
	char name[96];
	int i, rc;

	if (!h)
		return -ENOMEM;
	for (i = 0; i < 2; i++) {
		lat = json_object_get(o, keys[i]);
		if (json_is_object(json_object_get(lat, "bins")))
			break;
	}
	if (i == 2 && no_values(o, keys)) {
		free(h);
		return 0;
	}
	if (i == 2) {
		free(h);
		return bad(r,
			   "%s: expected bins in lat_ns or clat_ns, found none: was it written "
			   "by fio --output-format=json+?",
			   where);
	}
	f->whole &= i == 0;
	snprintf(name, sizeof(name), "%s.%s", where, keys[i]);
	rc = read_bins(r, lat, name, h);
	if (!rc)
		histogram_merge(f->latency, h);
	free(h);
	return rc;
}

/* --- jobs --------------------------------------------------------------------------------------
 */

/* One direction: "read", "write" or "trim". */
static int read_direction(const struct reader *r, const json_t *job, const char *where,
			  const char *which, struct fio_figures *f)
{
	const json_t *o = json_object_get(job, which);
	uint64_t ios, late, dropped, bytes;
	char name[64];
	double iops;
	int rc;

	snprintf(name, sizeof(name), "%s.%s", where, which);
	if (!o)
		return 0;
	if (!json_is_object(o))
		return bad(r, "%s: expected an object", name);
	rc = whole(r, o, name, "total_ios", true, &ios);
	if (!rc)
		rc = whole(r, o, name, "short_ios", false, &late);
	if (!rc)
		rc = whole(r, o, name, "drop_ios", false, &dropped);
	if (!rc)
		rc = whole(r, o, name, "bw_bytes", true, &bytes);
	if (!rc)
		rc = number(r, o, name, "iops", &iops);
	if (rc || !ios)
		return rc;
	f->commands += ios;
	f->failed += late + dropped;
	f->iops += iops;
	if (strcmp(which, "trim"))
		f->mib_s += (double)bytes / MIB;
	return read_latency(r, o, name, f);
}

/* What the job says of itself as a whole. */
static int read_self(const struct reader *r, const json_t *job, const char *where,
		     struct fio_figures *f)
{
	uint64_t error, errors, switches;
	double user, system, ms;
	int rc = whole(r, job, where, "error", true, &error);

	if (!rc)
		rc = whole(r, job, where, "total_err", false, &errors);
	if (!rc)
		rc = whole(r, job, where, "ctx", true, &switches);
	if (!rc)
		rc = number(r, job, where, "usr_cpu", &user);
	if (!rc)
		rc = number(r, job, where, "sys_cpu", &system);
	if (!rc)
		rc = number(r, job, where, "job_runtime", &ms);
	if (rc)
		return rc;
	f->failed += errors ? errors : error != 0;
	f->switches += (double)switches;
	f->cpu_ns += (user + system) / 100 * ms * 1e6;
	return 0;
}

static struct fio_figures *find(struct fio_output *o, const char *name)
{
	struct fio_figures *f;
	size_t i;

	for (i = 0; i < o->n_jobs; i++)
		if (!strcmp(o->jobs[i].name, name))
			return &o->jobs[i];
	f = &o->jobs[o->n_jobs];
	f->latency = calloc(1, sizeof(*f->latency));
	if (!f->latency)
		return NULL;
	o->n_jobs++;
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->whole = true;
	return f;
}

static int read_job(const struct reader *r, struct fio_output *o, const json_t *job, size_t i)
{
	static const char *const directions[] = { "read", "write", "trim" };
	const char *name = json_string_value(json_object_get(job, "jobname")), *p;
	struct fio_figures *f;
	char where[32];
	int rc, k;

	snprintf(where, sizeof(where), "jobs[%zu]", i);
	if (!json_is_object(job) || !name || !*name || strlen(name) >= sizeof(f->name))
		return bad(r, "%s.jobname: expected a name of at most %zu bytes", where,
			   sizeof(f->name) - 1);
	for (p = name; *p; p++)
		if (iscntrl((unsigned char)*p))
			return bad(r, "%s.jobname: expected no control characters", where);
	f = find(o, name);
	if (!f)
		return -ENOMEM;
	rc = read_self(r, job, where, f);
	for (k = 0; k < 3 && !rc; k++)
		rc = read_direction(r, job, where, directions[k], f);
	return rc;
}

static int read_version(const struct reader *r, const json_t *root, struct fio_output *o)
{
	const char *v = json_string_value(json_object_get(root, "fio version"));
	int major;

	if (!v || sscanf(v, "fio-%d.", &major) != 1)
		return bad(r, "expected a 'fio version', found %s", v ? "another kind" : "none");
	snprintf(o->version, sizeof(o->version), "%s", v);
	if (major < VERSION_MIN)
		return bad(r, "expected fio %d.0 or later, found %s", VERSION_MIN, o->version);
	return 0;
}

static int read_jobs(const struct reader *r, const json_t *root, struct fio_output *o)
{
	const json_t *jobs = json_object_get(root, "jobs");
	size_t i, n = json_array_size(jobs);
	int rc = 0;

	if (!n || n > JOBS_MAX)
		return bad(r, "jobs: expected 1 to %u of them, found %zu", JOBS_MAX, n);
	o->jobs = calloc(n, sizeof(*o->jobs));
	if (!o->jobs)
		return -ENOMEM;
	for (i = 0; i < n && !rc; i++)
		rc = read_job(r, o, json_array_get(jobs, i), i);
	for (i = 0; i < o->n_jobs && !rc; i++)
		if (!fio_empty(&o->jobs[i]))
			return 0;
	return rc ? rc
		  : bad(r, "job %s: expected commands that ended, found none", o->jobs[0].name);
}

int fio_read(struct fio_output **out, const char *path, char *err, size_t err_len)
{
	struct reader r = { path, err, err_len };
	struct fio_output *o = calloc(1, sizeof(*o));
	json_t *root = NULL;
	int rc = o ? parse(&r, &root) : -ENOMEM;

	*out = NULL;
	if (!rc)
		rc = read_version(&r, root, o);
	if (!rc)
		rc = read_jobs(&r, root, o);
	if (rc == -ENOMEM)
		bad(&r, "%s", strerror(ENOMEM));
	json_decref(root);
	if (rc)
		fio_free(o);
	else
		*out = o;
	return rc;
}

void fio_free(struct fio_output *o)
{
	size_t i;

	if (!o)
		return;
	for (i = 0; i < o->n_jobs; i++)
		free(o->jobs[i].latency);
	free(o->jobs);
	free(o);
}

/* --- into a result -----------------------------------------------------------------------------
 */

void fio_values(const struct fio_figures *f, double value[METRICS])
{
	static const struct {
		enum metric metric;
		double share;
	} shares[] = { { METRIC_P50, 0.5 },
		       { METRIC_P90, 0.9 },
		       { METRIC_P99, 0.99 },
		       { METRIC_P999, 0.999 },
		       { METRIC_P9999, 0.9999 } };
	size_t i;

	for (i = 0; i < METRICS; i++)
		value[i] = NAN;
	value[METRIC_FAILED] = (double)f->failed;
	if (!f->commands || f->iops <= 0)
		return;
	value[METRIC_IOPS] = f->iops;
	value[METRIC_BANDWIDTH] = f->mib_s;
	value[METRIC_LATENCY] = 1e9 / f->iops;
	value[METRIC_CPU_INITIATOR] = f->cpu_ns / (double)f->commands;
	if (f->latency->count)
		value[METRIC_MAX] = (double)f->latency->max;
	for (i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		/* with fewer values it would be another name for the largest */
		if ((double)f->latency->count * (1 - shares[i].share) >= 1)
			value[shares[i].metric] = (double)histogram_quantile(f->latency,
									     shares[i].share);
}

int fio_add(struct result_row *row, const struct fio_figures *f)
{
	double value[METRICS];
	int rc;

	fio_values(f, value);
	rc = result_row_repeat(row, result_row_repeats(row), value);
	return rc ? rc : result_row_latency(row, f->latency);
}
