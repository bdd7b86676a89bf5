/* SPDX-License-Identifier: MIT */
/*
 * Rows whose commands fio sends: straight to a file, or to /dev/sg0 of a world.
 *
 * A world is made as its users make it, by `tcmu-harness run`. fio is given ten seconds more than
 * it should need, and runs in our private directory: it looks for what jobs include in the current
 * one first, and leaves files there.
 */
#include "fio.h"

#include "../harness/check/child.h"
#include "../harness/check/verbs.h"
#include "lane_program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPARE_MS  10000
#define END_MS	  7000 /* `run` gives its client five seconds */
#define STEP_US	  2000
#define ARGS	  24
#define LINE	  1200
#define COMPLAINT 160 /* bytes of a line in which a program complains */

/* The files of one run. */
struct place {
	const struct row_job *row;
	char job[PATH_MAX], json[200], log[200], report[200];
};

__attribute__((format(printf, 3, 4))) static int bad(struct row_sample *out, enum row_end end,
						     const char *fmt, ...)
{
	va_list ap;

	out->end = end;
	va_start(ap, fmt);
	vsnprintf(out->why, sizeof(out->why), fmt, ap);
	va_end(ap);
	return -1;
}

/* --- one program, with a limit -----------------------------------------------------------------
 */

static void become(const struct place *p, char *const argv[])
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int log = open(p->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 ||
	    chdir(p->row->dir))
		_exit(127);
	setpgid(0, 0);
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Its status as waitpid() gives it, or -ETIMEDOUT after ending it, or -errno. */
static int run(const struct place *p, char *const argv[], uint64_t limit_ms)
{
	uint64_t end = child_now_ms() + limit_ms;
	pid_t parent = getpid(), pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
		become(p, argv);
	}
	setpgid(pid, pid);
	for (; child_now_ms() < end; usleep(STEP_US)) {
		if (waitpid(pid, &status, WNOHANG) != pid)
			continue;
		kill(-pid, SIGKILL); /* what it has left behind */
		return status;
	}
	kill(-pid, SIGTERM);
	for (end = child_now_ms() + END_MS; child_now_ms() < end; usleep(STEP_US))
		if (waitpid(pid, NULL, WNOHANG) == pid)
			break;
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -ETIMEDOUT;
}

/* The first line in which fio or `run` complains, else the last one. */
static void complaint(const char *log, char line[COMPLAINT])
{
	FILE *f = fopen(log, "re");
	char buf[COMPLAINT], *c;
	bool found = false;

	line[0] = 0;
	while (f && !found && fgets(buf, sizeof(buf), f)) {
		buf[strcspn(buf, "\n")] = 0;
		found = !strncmp(buf, "fio: ", 5) || strstr(buf, ": you need to specify");
		if (buf[0])
			snprintf(line, COMPLAINT, "%s", buf);
	}
	if (f)
		fclose(f);
	for (c = line; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
}

/* --- what it needs -----------------------------------------------------------------------------
 */

/* Beside the program as it was built, or as it was installed. */
int fio_job(const char *workload, char *path, size_t len)
{
	static const char *const dirs[] = { "../bench/jobs", "../share/tcmu-harness/jobs" };
	char *dir;
	size_t i;

	for (i = 0; i < 2; i++) {
		dir = beside_program(dirs[i]);
		snprintf(path, len, "%s/%s.fio", dir ? dir : "", workload);
		free(dir);
		if (!access(path, R_OK))
			return 0;
	}
	return -ENOENT;
}

/* fio would lay out a smaller file anew, after deleting it. */
static int check_file(const struct row_job *row, struct row_sample *out)
{
	int fd = open(row->store, O_RDONLY | O_CLOEXEC);
	off_t size;

	if (fd < 0)
		return bad(out, ROW_FAILED, "%s: %s", row->store, strerror(errno));
	size = lseek(fd, 0, SEEK_END);
	close(fd);
	if (size < 0 || (uint64_t)size < row->size_bytes)
		return bad(out, ROW_FAILED, "%s: expected at least %llu bytes, found %lld",
			   row->store, (unsigned long long)row->size_bytes, (long long)size);
	return 0;
}

static int check_fio(const struct place *p, struct row_sample *out)
{
	char name[] = "fio", option[] = "--version", *argv[] = { name, option, NULL };
	int status = run(p, argv, SPARE_MS), major = 0, minor = 0;
	char line[COMPLAINT];

	complaint(p->log, line);
	if (status == -ETIMEDOUT)
		return bad(out, ROW_FAILED, "fio --version does not end");
	if (status < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 127)
		return bad(out, ROW_ABSENT, "there is no fio: %s",
			   status < 0 ? strerror(-status) : line);
	if (sscanf(line, "fio-%d.%d", &major, &minor) != 2 || major < 3)
		return bad(out, ROW_ABSENT, "expected fio 3.0 or later, found '%s'", line);
	return 0;
}

/* --- what it is told ---------------------------------------------------------------------------
 */

static void set_number(const char *name, uint64_t n, const char *unit)
{
	char text[40];

	snprintf(text, sizeof(text), "%llu%s", (unsigned long long)n, unit);
	setenv(name, text, 1);
}

/* We are a process of our own for this one measurement: its environment is ours. */
static void set_environment(const struct row_job *row)
{
	bool world = row->layer->ops != NULL;

	setenv("FILE", world ? "/dev/sg0" : row->store, 1);
	setenv("ENGINE", world ? "sg" : row->layer->engine, 1);
	setenv("DIRECT", row->layer->direct ? "1" : "0", 1);
	set_number("SIZE", row->size_bytes, "");
	set_number("RUNTIME", row->ns / 1000000, "ms");
}

/* "tcmu-harness run ... --", or nothing. */
static int put_world(struct place *p, char **argv, char lines[3][LINE], char **program,
		     struct row_sample *out)
{
	static char run_verb[] = "run", json[] = "--json", device[] = "--device",
		    handler[] = "--handler", lax[] = "--no-strict", dashes[] = "--";
	const struct row_job *row = p->row;
	struct lane_config cfg = { .dir = row->dir,
				   .engine = row->layer->engine,
				   .store = row->store,
				   .size_bytes = row->size_bytes,
				   .block_size = row->block_size,
				   .cpu = -1,
				   .sleeping = !row->workload->poll };
	int n = 0;

	if (!row->layer->ops)
		return 0;
	*program = beside_program("tcmu-harness");
	if (!*program)
		return bad(out, ROW_FAILED, "%s", strerror(ENOMEM));
	if (lane_program_command(&cfg, "--uio {uio}", lines[0], LINE, out->why, sizeof(out->why))) {
		out->end = ROW_ABSENT;
		return -1;
	}
	snprintf(lines[1], LINE, "disk,size=%llu,block=%u", (unsigned long long)row->size_bytes,
		 row->block_size);
	argv[n++] = *program;
	argv[n++] = run_verb;
	argv[n++] = lax;
	argv[n++] = json;
	argv[n++] = p->report;
	argv[n++] = device;
	argv[n++] = lines[1];
	argv[n++] = handler;
	argv[n++] = lines[0];
	argv[n++] = dashes;
	return n;
}

/* --- what came of it ---------------------------------------------------------------------------
 */

static double per_command(const json_t *ns, double commands)
{
	return json_is_integer(ns) ? (double)json_integer_value(ns) / commands : NAN;
}

/* What the world and the handler used, from the report of `run`. */
static void add_world(const struct place *p, struct row_sample *out)
{
	json_t *all = json_load_file(p->report, 0, NULL);
	const json_t *d = json_array_get(json_object_get(all, "devices"), 0);
	double n = (double)json_integer_value(json_object_get(d, "commands"));

	if (n > 0) {
		out->value[METRIC_CPU_INITIATOR] +=
			per_command(json_object_get(all, "world_cpu_ns"), n);
		out->value[METRIC_CPU_HANDLER] = per_command(json_object_get(d, "handler_cpu_ns"),
							     n);
		out->value[METRIC_DOORBELLS] = per_command(json_object_get(d, "doorbells"), n);
		out->value[METRIC_TIMED_OUT] =
			(double)json_integer_value(json_object_get(d, "expired"));
	}
	json_decref(all);
}

static void take(const struct place *p, int status, struct row_sample *out)
{
	char err[300], line[COMPLAINT];
	struct fio_output *o;
	const struct fio_figures *f;

	complaint(p->log, line);
	if (status == -ETIMEDOUT) {
		bad(out, ROW_FAILED, "fio did not end: %s", line);
		return;
	}
	if (status < 0 || WIFSIGNALED(status)) {
		bad(out, ROW_FAILED, "fio was ended: %s",
		    status < 0 ? strerror(-status) : strsignal(WTERMSIG(status)));
		return;
	}
	if (fio_read(&o, p->json, err, sizeof(err))) {
		bad(out, ROW_FAILED, "%s", WEXITSTATUS(status) ? line : err);
		return;
	}
	f = &o->jobs[0];
	fio_values(f, out->value);
	histogram_merge(&out->latency, f->latency);
	out->timed = f->latency->count;
	if (p->row->layer->ops)
		add_world(p, out);
	else if (f->commands)
		out->value[METRIC_SWITCHES] = f->switches / (double)f->commands;
	if (WEXITSTATUS(status) || f->failed)
		bad(out, ROW_FAILED, "%llu of %llu commands of fio's failed, status %d: %s",
		    (unsigned long long)f->failed, (unsigned long long)f->commands,
		    WEXITSTATUS(status), line);
	fio_free(o);
}

void fio_measure(const struct row_job *row, struct row_sample *out)
{
	static char name[] = "fio", format[] = "--output-format=json+", eta[] = "--eta=never";
	static char cached[] = "--invalidate=0"; /* else fio begins by emptying the page cache */
	struct place p = { .row = row };
	char lines[3][LINE], output[220], *argv[ARGS], *program = NULL;
	int n;

	snprintf(p.json, sizeof(p.json), "%s/fio.json", row->dir);
	snprintf(p.log, sizeof(p.log), "%s/fio.log", row->dir);
	snprintf(p.report, sizeof(p.report), "%s/run.json", row->dir);
	if (fio_job(row->workload->name, p.job, sizeof(p.job))) {
		bad(out, ROW_ABSENT, "fio has no job %s", row->workload->name);
		return;
	}
	if (check_fio(&p, out) || (row->layer->file && check_file(row, out)))
		return;
	n = put_world(&p, argv, lines, &program, out);
	if (n >= 0) {
		snprintf(output, sizeof(output), "--output=%s", p.json);
		argv[n++] = name;
		argv[n++] = eta;
		argv[n++] = format;
		argv[n++] = output;
		if (!row->layer->direct)
			argv[n++] = cached;
		argv[n++] = p.job;
		argv[n] = NULL;
		unlink(p.json);
		set_environment(row);
		take(&p, run(&p, argv, row->ns / 1000000 + SPARE_MS), out);
	}
	free(program);
}
