/* SPDX-License-Identifier: MIT */
/*
 * Expected failures, each with a reason and a date.
 *
 * The whole file is read and checked before any verdict changes, and fields that nobody reads are
 * refused: an entry that was meant to be narrower than it is would hide failures. An expected
 * failure that no longer happens is itself a failure, so that a baseline can only shrink.
 */
#include "internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASELINE_SCHEMA	   1
#define BASELINE_MAX_BYTES (16 << 20)

/* Where a complaint goes, and about which file. */
struct complaint {
	const char *path;
	char *err;
	size_t err_len;
};

static int complain(const struct complaint *to, const char *where, const char *expected,
		    const json_t *found)
{
	char *text = found ? json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII)
			   : NULL;

	error_line(to->err, to->err_len, "baseline %s: %s: expected %s, found %.60s", to->path,
		   where, expected, text ? text : "nothing");
	free(text);
	return -EINVAL;
}

/* Only a file can be opened and read in bounded time. */
static json_t *load(const struct complaint *to)
{
	json_t *root = NULL;
	json_error_t error;
	struct stat st;
	int fd = open(to->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &st)) {
		error_line(to->err, to->err_len, "baseline %s: cannot open: %s", to->path,
			   strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		error_line(to->err, to->err_len,
			   "baseline %s: expected a regular file, found another kind", to->path);
	} else if (st.st_size > BASELINE_MAX_BYTES) {
		error_line(to->err, to->err_len,
			   "baseline %s: expected at most %d bytes, found %lld", to->path,
			   BASELINE_MAX_BYTES, (long long)st.st_size);
	} else {
		root = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
		if (!root)
			error_line(to->err, to->err_len,
				   "baseline %s: line %d column %d: expected JSON, found: %s",
				   to->path, error.line, error.column, error.text);
	}
	if (fd >= 0)
		close(fd);
	return root;
}

static bool is_date(const char *s)
{
	static const char shape[] = "dddd-dd-dd";
	int month, day;

	if (strlen(s) != strlen(shape))
		return false;
	for (size_t i = 0; shape[i]; i++) {
		if (shape[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != shape[i])
			return false;
	}
	month = atoi(s + 5);
	day = atoi(s + 8);
	return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static int check_entry(const struct complaint *to, size_t index, json_t *entry)
{
	static const char *const fields[] = { "handler", "case", "reason", "date" };
	static const size_t field_count = sizeof(fields) / sizeof(*fields);
	char where[64];
	const char *key;
	json_t *value;

	snprintf(where, sizeof(where), "known[%zu]", index);
	if (!json_is_object(entry))
		return complain(to, where, "an object", entry);
	for (size_t i = 0; i < field_count; i++) {
		value = json_object_get(entry, fields[i]);
		snprintf(where, sizeof(where), "known[%zu].%s", index, fields[i]);
		if (!json_is_string(value) || !json_string_length(value))
			return complain(to, where, "a string that is not empty", value);
		if (!strcmp(fields[i], "date") && !is_date(json_string_value(value)))
			return complain(to, where, "a date YYYY-MM-DD", value);
	}
	json_object_foreach(entry, key, value)
	{
		size_t i = 0;

		while (i < field_count && strcmp(key, fields[i]))
			i++;
		if (i == field_count) {
			snprintf(where, sizeof(where), "known[%zu].%.32s", index, key);
			return complain(to, where, "no field but handler, case, reason, date",
					value);
		}
	}
	return 0;
}

/* The checked array of entries, borrowed from @root; NULL after a complaint. */
static json_t *check(const struct complaint *to, json_t *root)
{
	json_t *schema = json_object_get(root, "schema");
	json_t *known = json_object_get(root, "known");
	json_t *entry;
	size_t i;

	if (!json_is_object(root)) {
		complain(to, "top level", "an object", root);
		return NULL;
	}
	if (!json_is_integer(schema) || json_integer_value(schema) != BASELINE_SCHEMA) {
		complain(to, "schema", "1", schema);
		return NULL;
	}
	if (!json_is_array(known)) {
		complain(to, "known", "an array", known);
		return NULL;
	}
	json_array_foreach(known, i, entry)
	{
		if (check_entry(to, i, entry))
			return NULL;
	}
	return known;
}

static const char *field(const json_t *entry, const char *name)
{
	return json_string_value(json_object_get(entry, name));
}

static const json_t *find_entry(const json_t *known, const struct result *r)
{
	json_t *entry;
	size_t i;

	json_array_foreach(known, i, entry)
	{
		if (!fnmatch(field(entry, "handler"), r->handler, 0) &&
		    !fnmatch(field(entry, "case"), r->id, 0))
			return entry;
	}
	return NULL;
}

/* Why it failed this time moves into the detail: it need not be the failure expected. */
static int make_known(struct result *r, const char *why, const char *date)
{
	char *reason = NULL, *detail = NULL;

	if (asprintf(&reason, "%s (%s)", why, date) < 0)
		return -ENOMEM;
	if (asprintf(&detail, "%s\n%s", r->reason ? r->reason : "", r->detail ? r->detail : "") <
	    0) {
		free(reason);
		return -ENOMEM;
	}
	free(r->reason);
	free(r->detail);
	r->reason = reason;
	r->detail = detail;
	r->verdict = VERDICT_KNOWN;
	return 0;
}

static int make_unexpected(struct result *r, const char *why, const char *date)
{
	char *reason = NULL;

	if (asprintf(&reason, "unexpected pass: the baseline expects a failure: %s (%s)", why,
		     date) < 0)
		return -ENOMEM;
	free(r->reason);
	r->reason = reason;
	r->verdict = VERDICT_FAIL;
	return 0;
}

static int apply_entry(const json_t *known, struct result *r)
{
	const json_t *entry;
	const char *why, *date;

	if (r->verdict != VERDICT_PASS && r->verdict != VERDICT_FAIL)
		return 0;
	entry = find_entry(known, r);
	if (!entry)
		return 0;
	why = field(entry, "reason");
	date = field(entry, "date");
	return r->verdict == VERDICT_FAIL ? make_known(r, why, date)
					  : make_unexpected(r, why, date);
}

int baseline_apply(struct results *rs, const char *path, char *err, size_t err_len)
{
	const struct complaint to = { path, err, err_len };
	json_t *root = load(&to);
	json_t *known = root ? check(&to, root) : NULL;
	int ret = known ? 0 : -EINVAL;

	for (size_t i = 0; !ret && i < rs->n; i++)
		ret = apply_entry(known, &rs->v[i]);
	if (ret == -ENOMEM)
		error_line(err, err_len, "baseline %s: out of memory", path);
	json_decref(root);
	return ret;
}
