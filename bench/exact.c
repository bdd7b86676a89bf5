/* SPDX-License-Identifier: MIT */
/* What can be counted exactly; see exact.h. */
#include "exact.h"

#include "../harness/check/child.h"
#include "machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_S 60u

/* What a counting process tells: @rc as exact_per_command() returns. */
struct told {
	int rc, status;
	uint64_t n;
};

static void become(const char **argv, const char *log)
{
	int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* --- system calls ------------------------------------------------------------------------------
 */

static void traced(const char **argv, const char *log)
{
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(126);
	raise(SIGSTOP);
	become(argv, log);
}

static bool is_call(pid_t tid)
{
	struct __ptrace_syscall_info info = { 0 };

	return ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

/* What a stopped tracee is to get when it goes on. */
static int signal_of(int status)
{
	int sig = WSTOPSIG(status);

	if (sig == (SIGTRAP | 0x80) || sig == SIGTRAP || status >> 16 || sig == SIGSTOP)
		return 0;
	return sig;
}

/* Count until the first process has ended; the others end with us. */
static void count_calls(pid_t first, struct told *told)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (tid <= 0)
			continue;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (tid != first)
				continue;
			told->status = status;
			return;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) && is_call(tid))
			told->n++;
		ptrace(PTRACE_SYSCALL, tid, 0, signal_of(status));
	}
	told->rc = -errno;
}

static void run_calls(const struct exact_run *run, const char *log, struct told *told)
{
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		       PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	pid_t pid = fork();
	int status;

	if (!pid)
		traced(run->argv, log);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0, options)) {
		told->rc = -ENOTSUP; /* not permitted here */
		return;
	}
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	count_calls(pid, told);
}

/* --- instructions ------------------------------------------------------------------------------
 */

#define VALGRIND_ARGS 8

static const char **under_valgrind(const struct exact_run *run, char *file, size_t len)
{
	size_t n = 0, i;
	const char **argv;

	while (run->argv[n])
		n++;
	snprintf(file, len, "--callgrind-out-file=%s/instructions.%%p", run->dir);
	argv = calloc(n + VALGRIND_ARGS, sizeof(*argv));
	if (!argv)
		return NULL;
	argv[0] = "valgrind";
	argv[1] = "--tool=callgrind";
	argv[2] = "--trace-children=yes";
	argv[3] = "-q";
	argv[4] = file;
	for (i = 0; i < n; i++)
		argv[5 + i] = run->argv[i];
	return argv;
}

/* "totals: N" of one of callgrind's files, which is removed; -ENODATA if it was never finished. */
static int add_total(const char *path, uint64_t *sum)
{
	unsigned long long n = 0;
	char line[256];
	FILE *f = fopen(path, "re");
	int rc = -ENODATA;

	while (f && rc && fgets(line, sizeof(line), f))
		if (sscanf(line, "totals: %llu", &n) == 1)
			rc = 0;
	if (f)
		fclose(f);
	unlink(path);
	*sum += n;
	return rc;
}

/* Of all processes: one that was killed before it could tell makes the sum worthless. */
static int sum_totals(const char *dir, uint64_t *sum)
{
	struct dirent *e;
	char path[512];
	DIR *d = opendir(dir);
	int rc = d ? 0 : -errno;

	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, "instructions.", 13)) {
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
			if (add_total(path, sum))
				rc = -ENODATA;
		}
	if (d)
		closedir(d);
	return rc;
}

static void run_instructions(const struct exact_run *run, const char *log, struct told *told)
{
	char file[256];
	const char **argv = under_valgrind(run, file, sizeof(file));
	pid_t pid;

	if (!argv) {
		told->rc = -ENOMEM;
		return;
	}
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		become(argv, log);
	}
	free(argv);
	if (pid < 0 || waitpid(pid, &told->status, 0) != pid) {
		told->rc = -errno;
		return;
	}
	if (WIFEXITED(told->status) && WEXITSTATUS(told->status) == 127)
		told->rc = -ENOTSUP;
	else if (!told->status)
		told->rc = sum_totals(run->dir, &told->n);
}

/* --- both ---------------------------------------------------------------------------------------
 */

/* In a process of our own: everything below it dies with it, and its waitpid() meets no other. */
static void counter(const struct exact_run *run, const char *log, int fd)
{
	struct told told = { 0 };

	setenv("TMPDIR", run->dir, 1); /* what it leaves when it is killed goes with ours */
	child_settle();
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (run->what == EXACT_CALLS)
		run_calls(run, log, &told);
	else
		run_instructions(run, log, &told);
	_exit(child_put(fd, &told, sizeof(told)) ? 0 : 1);
}

static int judge(const struct exact_run *run, const struct told *told, const char *log, char *err,
		 size_t err_len)
{
	const char *how = run->what == EXACT_CALLS ? "ptrace" : "valgrind";
	char line[200];

	if (told->rc == -ENOTSUP)
		snprintf(err, err_len, "%s cannot be used here", how);
	else if (told->rc == -ENODATA)
		snprintf(err, err_len, "a process under %s ended before it could tell", how);
	else if (told->rc)
		snprintf(err, err_len, "%s: %s", how, strerror(-told->rc));
	if (told->rc)
		return told->rc;
	if (WIFEXITED(told->status) && !WEXITSTATUS(told->status) && told->n)
		return 0;
	machine_line(log, line, sizeof(line));
	snprintf(err, err_len, "the run under %s failed%s%s", how, line[0] ? ": " : "", line);
	return -EIO;
}

static int count(const struct exact_run *run, uint64_t n, uint64_t *out, char *err, size_t err_len)
{
	char number[24], log[256];
	const char *kept = run->argv[run->number];
	struct told told = { .rc = -EIO };
	int fds[2], rc;
	pid_t pid = -1;

	snprintf(number, sizeof(number), "%llu", (unsigned long long)n);
	snprintf(log, sizeof(log), "%s/exact.log", run->dir);
	run->argv[run->number] = number;
	if (!pipe2(fds, O_CLOEXEC))
		pid = fork();
	if (!pid) {
		close(fds[0]);
		counter(run, log, fds[1]);
	}
	run->argv[run->number] = kept;
	if (pid < 0) {
		snprintf(err, err_len, "no process to count in: %s", strerror(errno));
		return -EAGAIN;
	}
	close(fds[1]);
	rc = child_get(fds[0], &told, sizeof(told), child_now_ms() + RUN_S * 1000, run->stop);
	close(fds[0]);
	if (rc != 1)
		kill(pid, SIGKILL);
	child_reap(pid);
	if (rc == 1) {
		rc = judge(run, &told, log, err, err_len);
		*out = told.n;
		return rc;
	}
	snprintf(err, err_len, "%s",
		 rc == -EINTR ? "interrupted" : "the run did not end within 60 s");
	return rc ? rc : -EIO;
}

int exact_per_command(const struct exact_run *run, uint64_t n, double *out, char *err,
		      size_t err_len)
{
	uint64_t once = 0, twice = 0;
	int rc = count(run, n, &once, err, err_len);

	if (!rc)
		rc = count(run, 2 * n, &twice, err, err_len);
	if (!rc)
		*out = ((double)twice - (double)once) / (double)n;
	return rc;
}
