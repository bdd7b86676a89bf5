/* SPDX-License-Identifier: MIT */
/*
 * The list of results, what it adds up to, and where a report of it goes.
 *
 * A skip is never added to the passes: a run in which everything was skipped has shown nothing and
 * says so through its exit status.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_NOTHING_RAN 77

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_PASS] = "pass",
		[VERDICT_FAIL] = "fail",
		[VERDICT_SKIP] = "skip",
		[VERDICT_KNOWN] = "known",
	};

	return names[verdict];
}

static void result_free(struct result *r)
{
	free(r->handler);
	free(r->id);
	free(r->title);
	free(r->clauses);
	free(r->reason);
	free(r->detail);
	free(r->clause);
	free(r->replay);
	*r = (struct result){ 0 };
}

int results_add(struct results *rs, struct result *r)
{
	if (rs->n == rs->cap) {
		size_t cap = rs->cap ? 2 * rs->cap : 64;
		struct result *v = reallocarray(rs->v, cap, sizeof(*v));

		if (!v) {
			result_free(r);
			return -ENOMEM;
		}
		rs->v = v;
		rs->cap = cap;
	}
	rs->v[rs->n++] = *r;
	*r = (struct result){ 0 };
	return 0;
}

void results_free(struct results *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		result_free(&rs->v[i]);
	free(rs->v);
	json_decref(rs->env);
	json_decref(rs->envs);
	*rs = (struct results){ 0 };
}

void counts_add(struct result_counts *counts, enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_PASS:
		counts->pass++;
		break;
	case VERDICT_FAIL:
		counts->fail++;
		break;
	case VERDICT_SKIP:
		counts->skip++;
		break;
	case VERDICT_KNOWN:
		counts->known++;
		break;
	}
}

struct result_counts results_count(const struct results *rs)
{
	struct result_counts counts = { 0 };

	for (size_t i = 0; i < rs->n; i++)
		counts_add(&counts, rs->v[i].verdict);
	return counts;
}

int results_exit_status(const struct results *rs)
{
	struct result_counts counts = results_count(rs);

	if (counts.fail)
		return EXIT_FAILURE;
	return counts.pass || counts.known ? EXIT_SUCCESS : EXIT_NOTHING_RAN;
}

size_t handlers_index(const struct handlers *hs, const char *label)
{
	size_t i = 0;

	while (i < hs->n && strcmp(hs->v[i].label, label))
		i++;
	return i;
}

int handlers_collect(struct handlers *hs, const struct results *rs)
{
	*hs = (struct handlers){ 0 };
	for (size_t i = 0; i < rs->n; i++) {
		const struct result *r = &rs->v[i];
		size_t at = handlers_index(hs, r->handler);

		if (at == hs->n) {
			struct handler *v = reallocarray(hs->v, hs->n + 1, sizeof(*v));

			if (!v) {
				free(hs->v);
				*hs = (struct handlers){ 0 };
				return -ENOMEM;
			}
			hs->v = v;
			hs->v[hs->n++] = (struct handler){ .label = r->handler };
		}
		counts_add(&hs->v[at].counts, r->verdict);
		hs->v[at].time_us += r->time_us;
	}
	return 0;
}

/* A pipe that nobody reads is refused instead of waited for. */
static FILE *open_report(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
	int flags;
	FILE *out;

	if (fd < 0)
		return NULL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 || !(out = fdopen(fd, "w"))) {
		int saved = errno;

		close(fd);
		errno = saved;
		return NULL;
	}
	return out;
}

int report_file(const struct results *rs, const char *path,
		int (*writer)(const struct results *, FILE *), char *err, size_t err_len)
{
	bool is_stdout = !strcmp(path, "-");
	FILE *out = is_stdout ? stdout : open_report(path);
	int ret;

	if (!out) {
		ret = -errno;
		error_line(err, err_len, "report %s: cannot open for writing: %s", path,
			   strerror(-ret));
		return ret;
	}
	ret = writer(rs, out);
	if (!is_stdout && fclose(out) && !ret)
		ret = -errno;
	if (ret)
		error_line(err, err_len, "report %s: cannot write: %s", path, strerror(-ret));
	return ret;
}
