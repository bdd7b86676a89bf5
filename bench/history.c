/* SPDX-License-Identifier: MIT */
/* The history of results: appending a line, reading all of them. */
#include "history.h"

#include "../harness/text_file.h"
#include "compare.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HISTORY_SCHEMA 1
#define LINE_MAX_BYTES (16 << 20)
#define FILE_MAX_BYTES (256 << 20)

/* What is worth a curve over months. */
static const enum metric headline[] = {
	METRIC_IOPS,	      METRIC_BANDWIDTH,	  METRIC_LATENCY,      METRIC_P50,     METRIC_P99,
	METRIC_CPU_INITIATOR, METRIC_CPU_HANDLER, METRIC_INSTRUCTIONS, METRIC_SYSCALLS
};

/* FNV-1a of all that has to be equal in what is compared; see environment_differs(). */
static int hash_environment(const json_t *environment, char *buf, size_t len)
{
	json_t *copy = json_deep_copy(environment);
	uint64_t hash = 0xcbf29ce484222325ull;
	char *text, *c;

	json_object_del(copy, "version");
	json_object_del(copy, "commit");
	text = copy ? json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(copy);
	for (c = text; c && *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3ull;
	snprintf(buf, len, "%016" PRIx64, hash);
	free(text);
	return text ? 0 : -ENOMEM;
}

static json_t *row_line(const struct result_row *row)
{
	bool valid = result_row_valid(row);
	json_t *metrics = json_object();
	char why[160] = "";
	struct median m;
	size_t i;

	if (!valid)
		compare_why(row, why, sizeof(why));
	for (i = 0; valid && i < sizeof(headline) / sizeof(*headline); i++) {
		m = statistics_median(row->metric[headline[i]].values, row->metric[headline[i]].n);
		if (m.n && json_object_set_new(metrics, metric_kind(headline[i])->name,
					       json_pack("[f,f,f,I]", m.value, m.low, m.high,
							 (json_int_t)m.n))) {
			json_decref(metrics);
			return NULL;
		}
	}
	return json_pack("{s:s, s:s, s:s, s:o}", "layer", row->layer, "workload", row->workload,
			 "why", why, "metrics", metrics);
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

json_t *history_line(const struct result *r)
{
	json_t *rows = json_array();
	char hash[20];
	size_t i;
	int rc = hash_environment(r->environment, hash, sizeof(hash));

	for (i = 0; i < r->n_rows && !rc; i++)
		rc = json_array_append_new(rows, row_line(r->rows[i]));
	if (rc) {
		json_decref(rows);
		return NULL;
	}
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:o}", "schema", HISTORY_SCHEMA, "when",
			 r->when, "commit", text_of(r->environment, "commit"), "version",
			 text_of(r->environment, "version"), "environment", hash, "title", r->title,
			 "rows", rows);
}

/* Under a lock, and taken back if there is no room for all of it. */
static int append(int fd, const char *text, size_t len)
{
	char last = '\n';
	ssize_t n = 0;
	size_t done = 0;
	struct stat st;

	if (flock(fd, LOCK_EX) || fstat(fd, &st) || lseek(fd, 0, SEEK_END) < 0)
		return -errno;
	if (st.st_size && pread(fd, &last, 1, st.st_size - 1) < 0)
		return -errno;
	if (last != '\n')
		return -EBADMSG;
	while (done < len && (n >= 0 || errno == EINTR)) {
		n = write(fd, text + done, len - done);
		done += n > 0 ? (size_t)n : 0;
	}
	if (done == len && !fsync(fd))
		return 0;
	n = -errno;
	if (S_ISREG(st.st_mode) && ftruncate(fd, st.st_size))
		return -errno;
	return (int)n;
}

int history_append(const struct result *r, const char *path, char *err, size_t err_len)
{
	json_t *line = history_line(r);
	char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
	size_t len = text ? strlen(text) : 0;
	int fd = -1, rc = text ? 0 : -ENOMEM;

	json_decref(line);
	if (!rc) {
		fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
		text[len] = '\n'; /* where the end was */
		rc = fd < 0 ? -errno : append(fd, text, len + 1);
	}
	if (fd >= 0)
		close(fd);
	free(text);
	if (rc)
		snprintf(err, err_len, "%s: cannot append to the history: %s", path,
			 rc == -EBADMSG ? "expected a newline at its end, found a line cut off"
					: strerror(-rc));
	return rc;
}

/* --- reading -------------------------------------------------------------------------------------
 */

static bool is_point(const json_t *point)
{
	size_t i;

	for (i = 0; i < json_array_size(point); i++) {
		if (!json_is_number(json_array_get(point, i)))
			return false;
	}
	return json_array_size(point) == 4 && json_is_integer(json_array_get(point, 3));
}

/* What is wrong with a row: what was expected; NULL if nothing is. */
static const char *check_row(json_t *row)
{
	static const char *const texts[] = { "layer", "workload", "why" };
	const char *name;
	json_t *point;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (!json_is_string(json_object_get(row, texts[i])))
			return "rows with layer, workload and why";
	}
	if (!json_is_object(json_object_get(row, "metrics")))
		return "rows with metrics";
	json_object_foreach(json_object_get(row, "metrics"), name, point)
	{
		if (metric_find(name) == METRICS || !is_point(point))
			return "metrics by name, [median,low,high,n] of each";
	}
	return NULL;
}

static const char *check_line(json_t *line)
{
	static const char *const texts[] = { "when", "commit", "version", "environment", "title" };
	const char *wrong = NULL;
	json_t *row;
	size_t i;

	if (json_integer_value(json_object_get(line, "schema")) != HISTORY_SCHEMA)
		return "{\"schema\":1, ...}";
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (!json_is_string(json_object_get(line, texts[i])))
			return "when, commit, version, environment and title";
	}
	if (!json_is_array(json_object_get(line, "rows")))
		return "an array of rows";
	for (i = 0; !wrong && i < json_array_size(json_object_get(line, "rows")); i++) {
		row = json_array_get(json_object_get(line, "rows"), i);
		wrong = check_row(row);
	}
	return wrong;
}

/* One line of the file; false after putting into @err what is wrong with it. */
static bool add_line(json_t *all, const char *text, size_t len, const char *path, char *err,
		     size_t err_len)
{
	size_t number = json_array_size(all) + 1;
	const char *wrong;
	json_error_t error;
	json_t *line;

	if (len > LINE_MAX_BYTES) {
		snprintf(err, err_len, "%s: line %zu: expected at most %d MiB, found more", path,
			 number, LINE_MAX_BYTES >> 20);
		return false;
	}
	line = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	wrong = line ? check_line(line) : "JSON";
	if (wrong) {
		snprintf(err, err_len, "%s: line %zu: expected %s, found something else", path,
			 number, wrong);
		json_decref(line);
		return false;
	}
	if (!json_array_append_new(all, line))
		return true;
	snprintf(err, err_len, "%s: %s", path, strerror(ENOMEM));
	return false;
}

json_t *history_read(const char *path, char *err, size_t err_len)
{
	json_t *all = json_array();
	char *text = NULL, *line, *end;
	size_t len;
	int rc = all ? text_file_read(path, FILE_MAX_BYTES, &text, &len) : -ENOMEM;
	bool good = !rc;

	if (rc)
		snprintf(err, err_len, "%s: cannot read the history: %s", path,
			 rc == -EFBIG || rc == -EINVAL
				 ? "expected a regular file of at most 256 MiB"
				 : strerror(-rc));
	for (line = text; good && line < text + len; line = end) {
		end = memchr(line, '\n', (size_t)(text + len - line));
		end = end ? end + 1 : text + len;
		good = add_line(all, line, (size_t)(end - line), path, err, err_len);
	}
	if (!good) {
		json_decref(all);
		all = NULL;
	}
	free(text);
	return all;
}
