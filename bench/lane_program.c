/* SPDX-License-Identifier: MIT */
/* The handler's program behind a lane; see lane_program.h. */
#include "lane_program.h"

#include "../harness/check/child.h"
#include "../harness/check/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A handler that polls does so for this long before it sleeps: as good as always. */
#define POLL_US "1000000"
/* A handler under valgrind has much to write when it ends. */
#define END_MS	10000

int lane_program_command(const struct lane_config *cfg, const char *where, char *cmd, size_t len,
			 char *err, size_t err_len)
{
	unsigned long long size = cfg->size_bytes;
	char *program, store[256];

	if (cfg->program) {
		snprintf(cmd, len, "%s", cfg->program);
		return 0;
	}
	program = beside_program("tcmu-handler");
	if (!program || access(program, X_OK)) {
		snprintf(err, err_len, "there is no tcmu-handler beside this program");
		free(program);
		return -ENOENT;
	}
	if (!strcmp(cfg->engine, "memory") || !strcmp(cfg->engine, "null"))
		snprintf(store, sizeof(store), "--store %s:%llu%s", cfg->engine, size,
			 strcmp(cfg->engine, "null") ? "" : " --stale-reads");
	else
		snprintf(store, sizeof(store), "--store 'file:%s' --engine %s%s", cfg->store,
			 cfg->engine, cfg->direct ? " --direct" : "");
	snprintf(cmd, len, "exec '%s' %s --block-size %u --depth %u --poll-us %s %s", program,
		 store, cfg->block_size, LANE_DEPTH,
		 cfg->adaptive	 ? "auto"
		 : cfg->sleeping ? "0"
				 : POLL_US,
		 where);
	free(program);
	return 0;
}

static void become(const struct lane_config *cfg, const char *cmd, const char *env,
		   const char *value, const char *log)
{
	int out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (out < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	setpgid(0, 0);
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	lane_pin(0, cfg->cpu);
	setenv(env, value, 1);
	execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
	_exit(127);
}

int lane_program_start(struct lane_program *p, const struct lane_config *cfg, const char *cmd,
		       const char *env, const char *value, char *err, size_t err_len)
{
	pid_t parent = getpid(), pid;

	snprintf(p->log, sizeof(p->log), "%s/handler.log", cfg->dir);
	pid = fork();
	if (pid < 0) {
		snprintf(err, err_len, "fork: %s", strerror(errno));
		return -errno;
	}
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
		become(cfg, cmd, env, value, p->log);
	}
	setpgid(pid, pid); /* so that it is one whoever comes first */
	p->pid = pid;
	return 0;
}

/* The last line that is not empty. */
static void last_words(const char *log, char *line, size_t len)
{
	FILE *f = fopen(log, "re");
	char buf[256];

	line[0] = 0;
	while (f && fgets(buf, sizeof(buf), f)) {
		buf[strcspn(buf, "\n")] = 0;
		if (buf[0])
			snprintf(line, len, ": %s", buf);
	}
	if (f)
		fclose(f);
	for (; *line; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			*line = '?';
}

bool lane_program_gone(struct lane_program *p, char *err, size_t err_len)
{
	char words[260];
	int status;

	if (!p->pid)
		return true;
	if (waitpid(p->pid, &status, WNOHANG) != p->pid)
		return false;
	kill(-p->pid, SIGKILL);
	p->pid = 0;
	last_words(p->log, words, sizeof(words));
	if (WIFSIGNALED(status))
		snprintf(err, err_len, "the handler was ended by signal %d%s", WTERMSIG(status),
			 words);
	else
		snprintf(err, err_len, "the handler ended with status %d%s", WEXITSTATUS(status),
			 words);
	return true;
}

void lane_program_end(struct lane_program *p, void (*serve)(void *ctx), void *ctx)
{
	uint64_t end = child_now_ms() + END_MS;

	if (p->pid)
		kill(-p->pid, SIGTERM);
	while (p->pid && child_now_ms() < end) {
		if (waitpid(p->pid, NULL, WNOHANG) == p->pid) {
			kill(-p->pid, SIGKILL); /* its children */
			p->pid = 0;
		} else {
			serve(ctx);
		}
	}
	if (!p->pid)
		return;
	kill(-p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	p->pid = 0;
}
