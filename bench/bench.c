/* SPDX-License-Identifier: MIT */
/* The verb `tcmu-harness bench`: what it is asked for, what it says in the end. */
#include "bench.h"

#include "../harness/check/verbs.h"
#include "../harness/target/expand.h"
#include "fio.h"
#include "history.h"
#include "page.h"
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CHUNK (1u << 20)

static int complain(const char *line)
{
	fprintf(stderr, "tcmu-harness bench: %s\n", line);
	return EXIT_USAGE;
}

static void list_all(const struct bench_options *o)
{
	const struct layer *l;
	const char *name;
	uint32_t i;

	(void)o;
	puts("layer       below       adds");
	for (i = 0; (l = layer_at(i)); i++)
		printf("%-11s %-11s %s%s\n", l->name, l->below[0] ? l->below : "-", l->adds,
		       l->extra ? " (if asked for)" : "");
	puts("\nworkloads, with --full");
	for (i = 0; (name = workload_default(i, true)); i++)
		puts(name);
}

static bool chosen(const struct bench_options *o, const struct layer *l)
{
	if (l->program && !o->exec)
		return false;
	return o->layers ? glob_list_match(o->layers, l->name) : !l->extra;
}

/* Some workloads fio cannot send. */
static bool sendable(const struct bench *b, const struct layer *l, const struct workload *w)
{
	char path[PATH_MAX];

	if (!l->fio || !fio_job(w->name, path, sizeof(path)))
		return true;
	fprintf(b->text, "not measured: %s, %s: fio has no job of that name\n", l->name, w->name);
	return false;
}

static void choose_rows(struct bench *b)
{
	const struct layer *l;
	uint32_t i, j;

	for (j = 0; j < b->o.n_workloads; j++)
		for (i = 0; (l = layer_at(i)); i++)
			if (chosen(&b->o, l) && b->n_rows < BENCH_ROWS_MAX &&
			    sendable(b, l, &b->o.workloads[j]))
				b->rows[b->n_rows++] = (struct bench_row){
					.layer = l, .workload = &b->o.workloads[j]
				};
}

/* All of it is written, so that no layer meets a hole, or a disk that is full only then. */
static int fill(int fd, uint64_t size, const volatile sig_atomic_t *stop)
{
	uint8_t *chunk;
	struct statvfs st;
	uint64_t off;
	ssize_t n = 0;

	if (!fstatvfs(fd, &st) && st.f_bavail * (uint64_t)st.f_frsize < size)
		return -ENOSPC;
	chunk = calloc(1, CHUNK);
	if (!chunk)
		return -ENOMEM;
	for (off = 0; off < size && !*stop; off += (uint64_t)n) {
		n = pwrite(fd, chunk, size - off < CHUNK ? size - off : CHUNK, (off_t)off);
		if (n <= 0)
			break;
	}
	free(chunk);
	if (*stop)
		return -EINTR;
	if (n > 0)
		return 0;
	return n ? -errno : -ENOSPC;
}

static bool wants_file(const struct bench_options *o)
{
	return expand_uses(o->exec, "file") || (o->config && expand_uses(o->config, "file"));
}

static int make_store(struct bench *b)
{
	char err[600];
	int fd, rc;
	bool wanted = false;
	uint32_t i;

	for (i = 0; i < b->n_rows; i++)
		wanted |= b->rows[i].layer->file ||
			  (b->rows[i].layer->program && wants_file(&b->o));
	if (!wanted)
		return 0;
	b->store_home = workdir_in("bench", b->o.store_dir);
	if (!b->store_home)
		return EXIT_USAGE;
	if (asprintf(&b->store, "%s/store", b->store_home) < 0)
		return complain(strerror(ENOMEM));
	fd = open(b->store, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : fill(fd, b->o.size_bytes, b->stop);
	if (fd >= 0 && close(fd) && !rc)
		rc = -errno;
	if (!rc)
		return 0;
	if (rc == -EINTR) {
		complain("interrupted");
		return EXIT_FAILED;
	}
	snprintf(err, sizeof(err), "%s: %llu MiB for the handlers' file: %s", b->store,
		 (unsigned long long)b->o.size_bytes >> 20, strerror(-rc));
	return complain(err);
}

/* What could be known before anything is measured. */
static int check_output(const char *option, const char *path)
{
	char err[600], *dir, *slash;
	struct stat st;
	int rc = 0;

	if (!path || !strcmp(path, "-"))
		return 0;
	dir = strdup(path);
	slash = dir ? strrchr(dir, '/') : NULL;
	if (slash)
		slash[slash == dir] = 0;
	if (!dir || !*path)
		rc = dir ? ENOENT : ENOMEM;
	else if (!stat(path, &st) && S_ISDIR(st.st_mode))
		rc = EISDIR;
	else if (access(slash ? dir : ".", W_OK))
		rc = errno;
	free(dir);
	if (!rc)
		return 0;
	snprintf(err, sizeof(err), "%s '%s': %s", option, path, strerror(rc));
	return complain(err);
}

static int check_outputs(const struct bench_options *o)
{
	if (o->json && o->html && !strcmp(o->json, o->html))
		return usage_error("bench", "--json and --html: only one of them to '%s'", o->json);
	if (check_output("--json", o->json) || check_output("--html", o->html))
		return EXIT_USAGE;
	return 0;
}

static int check_history(const struct bench_options *o)
{
	char err[600];
	json_t *lines;

	if (!o->history)
		return 0;
	if (!o->html)
		return usage_error("bench", "--history: expected with --html, which shows it");
	lines = history_read(o->history, err, sizeof(err));
	if (!lines)
		return complain(err);
	json_decref(lines);
	return 0;
}

static int finish(struct bench *b, int rc)
{
	const struct result *one = b->result;
	char err[600];

	if (!b->result)
		return rc;
	bench_text(b);
	if (b->o.json && result_write(b->result, b->o.json, err, sizeof(err)))
		return complain(err);
	if (b->o.html && bench_page_write(&one, 1, b->o.history, b->o.html, err, sizeof(err)))
		return complain(err);
	return rc;
}

int verb_bench(int argc, char **argv, const volatile sig_atomic_t *stop)
{
	struct bench *b;
	bool help;
	int rc;

	if (argc > 1 && !strcmp(argv[1], "import"))
		return bench_import(argc - 1, argv + 1);
	b = calloc(1, sizeof(*b));
	if (!b)
		return complain(strerror(ENOMEM));
	b->stop = stop;
	rc = bench_options(&b->o, argc, argv, &help);
	if (rc || help)
		goto out;
	if (b->o.list) {
		list_all(&b->o);
		goto out;
	}
	b->text = (b->o.json && !strcmp(b->o.json, "-")) || (b->o.html && !strcmp(b->o.html, "-"))
			  ? stderr
			  : stdout;
	choose_rows(b);
	rc = check_outputs(&b->o);
	if (!rc)
		rc = check_history(&b->o);
	b->dir = rc ? NULL : workdir_make("bench");
	if (!b->dir) {
		rc = EXIT_USAGE;
		goto out;
	}
	rc = make_store(b);
	if (!rc)
		rc = b->o.commands ? bench_exact(b) : finish(b, bench_run(b));
out:
	free(b->store);
	workdir_remove(b->store_home);
	workdir_remove(b->dir);
	result_free(b->result);
	free(b);
	return rc;
}
