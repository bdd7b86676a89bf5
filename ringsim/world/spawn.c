/* SPDX-License-Identifier: MIT */
/* Programs of the world: started under its filter or with its library preloaded. */
#include "internal.h"
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000

/* What a child says before exec: the listener with it, or why there is none. */
struct word {
	int rc;
	char what[32];
};

static void tell(int fd, int rc, const char *what, int listener)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl = { 0 };
	struct word word = { .rc = rc };
	struct iovec iov = { &word, sizeof(word) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *h;

	snprintf(word.what, sizeof(word.what), "%s", what);
	if (listener >= 0) {
		msg.msg_control = ctl.buf;
		msg.msg_controllen = sizeof(ctl.buf);
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &listener, sizeof(int));
	}
	(void)!sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static void child_signals(void)
{
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_io(const struct world_program *p)
{
	int null;

	if (p->output_fd < 0)
		return;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(null, 0);
	dup2(p->output_fd, 1);
	dup2(p->output_fd, 2);
}

static void run_child(struct world *w, const struct world_program *p, pid_t parent, int fd)
{
	char sh[] = "sh", c[] = "-c";
	char *shell[] = { sh, c, (char *)(uintptr_t)p->command, NULL };
	int listener = -1;

	if (!p->foreground)
		setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	child_signals();
	child_io(p);
	if (p->env)
		setenv(p->env, p->value, 1);
	if (w->mechanism == WORLD_PRELOAD) {
		preload_env(w);
	} else {
		int rc = mounts_join(w);

		if (rc) {
			tell(fd, rc, "mounts", -1);
			_exit(127);
		}
		listener = notify_install();
		if (listener < 0) {
			tell(fd, listener, "seccomp", -1);
			_exit(127);
		}
		tell(fd, 0, "", listener);
		close(listener);
	}
	/* Not execv(): compilers that measure coverage put opens before it, and who would answer?
	 */
	if (p->command)
		execvpe("/bin/sh", shell, environ);
	else
		execvpe(p->argv[0], p->argv, environ);
	tell(fd, -errno, p->command ? "/bin/sh" : "exec", -1);
	_exit(127);
}

/* One word; 0 at the end of file, which is what a successful exec leaves. */
static int hear(struct world *w, int fd, struct word *word, int *listener)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct iovec iov = { word, sizeof(*word) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = ctl.buf,
			      .msg_controllen = sizeof(ctl.buf) };
	struct cmsghdr *h;
	ssize_t n;

	*listener = -1;
	/* It may look for its program where we have to answer, in /dev/shm for instance. */
	if (tree_wait(w, fd, START_MS) <= 0)
		return -ETIMEDOUT;
	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && errno != ECONNRESET ? -errno : 0;
	h = CMSG_FIRSTHDR(&msg);
	if (h && h->cmsg_type == SCM_RIGHTS)
		memcpy(listener, CMSG_DATA(h), sizeof(*listener));
	word->what[sizeof(word->what) - 1] = 0;
	return n == sizeof(*word) ? 1 : -EPROTO;
}

static int follow(struct world *w, const struct world_program *p, int fd, char *err, size_t err_len)
{
	const char *name = p->command ? p->command : p->argv[0];
	struct word word;
	int listener, rc;

	while ((rc = hear(w, fd, &word, &listener)) == 1) {
		if (!word.rc) {
			rc = notify_add(w, listener);
			if (rc)
				break;
			continue;
		}
		rc = word.rc;
		if (!strcmp(word.what, "seccomp"))
			snprintf(err, err_len, "%s: cannot intercept its system calls: %s%s", name,
				 strerror(-rc),
				 rc == -EBUSY ? " (this is a world's program already)" : "");
		else if (!strcmp(word.what, "mounts"))
			snprintf(err, err_len, "%s: cannot enter the world's files: %s", name,
				 strerror(-rc));
		else
			snprintf(err, err_len, "%s: %s", name, strerror(-rc));
		return rc;
	}
	if (rc)
		snprintf(err, err_len, "%s: it did not start: %s", name, strerror(-rc));
	return rc;
}

/* A shell's commands are looked at by the library in the shell. */
static int preloadable(const struct world_program *p, char *err, size_t err_len)
{
	char path[PATH_MAX], why[80];
	const char *file = p->command ? "/bin/sh" : program_find(p->argv[0], path);

	if (!file || !program_preloadable(file, why, sizeof(why)))
		return 0;
	snprintf(
		err, err_len,
		"%s: %s; only dynamically linked programs can run here (tcmu-harness env says why)",
		file, why);
	return -ENOTSUP;
}

pid_t world_spawn(struct world *w, const struct world_program *p, char *err, size_t err_len)
{
	pid_t parent = getpid(), pid;
	int pair[2], rc = w->mechanism == WORLD_PRELOAD ? preloadable(p, err, err_len) : 0;

	if (rc)
		return rc;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		rc = -errno;
		snprintf(err, err_len, "socketpair: %s", strerror(-rc));
		return rc;
	}
	pid = fork();
	if (!pid) {
		close(pair[0]);
		run_child(w, p, parent, pair[1]);
	}
	rc = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (rc)
		snprintf(err, err_len, "fork: %s", strerror(-rc));
	else
		rc = follow(w, p, pair[0], err, err_len);
	close(pair[0]);
	if (rc && pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	if (!rc && !p->foreground)
		setpgid(pid, pid);
	return rc ? rc : pid;
}
