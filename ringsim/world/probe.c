/* SPDX-License-Identifier: MIT */
/* What is allowed here; see probe.h. */
#include "probe.h"

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif

#define TRAPPED                                                                          \
	SYS_getppid /* harmless, and nobody's in the few lines that run under the filter \
		     */
#define WORD	  0x54434d55
#define WHY_MAX	  240
#define OWN_LIMIT 4000 /* ms; within PROBE_MS, so that there is time to say what did not end */

static int refused(char *why, size_t len, int rc, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "WHAT: strerror"; @fmt may say more than the error does. */
static int refused(char *why, size_t len, int rc, const char *fmt, ...)
{
	char what[WHY_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(why, len, "%s: %s", what, strerror(-rc));
	return rc;
}

/* --- a child with something to say -------------------------------------------------------------
 */

struct verdict {
	int rc;
	char why[WHY_MAX];
};

static void run(int (*fn)(const void *arg, char *why, size_t len), const void *arg, int out)
{
	struct verdict v = { 0 };

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	v.rc = fn(arg, v.why, sizeof(v.why));
	(void)!write(out, &v, sizeof(v));
	_exit(0);
}

static int hear(int fd, struct verdict *v)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t end = world_now_ns() + PROBE_MS * 1000000ull, now;
	int ready = 0;

	while (ready <= 0 && (now = world_now_ns()) < end) {
		ready = poll(&pfd, 1, (int)((end - now) / 1000000) + 1);
		if (ready < 0 && errno != EINTR)
			return refused(v->why, sizeof(v->why), -errno, "poll");
	}
	if (ready <= 0)
		return refused(v->why, sizeof(v->why), -ETIMEDOUT, "no answer in %d ms", PROBE_MS);
	if (read(fd, v, sizeof(*v)) != sizeof(*v))
		return refused(v->why, sizeof(v->why), -ECHILD, "the process that tried it died");
	return v->rc;
}

int probe_child(int (*fn)(const void *arg, char *why, size_t len), const void *arg, char *why,
		size_t len)
{
	struct verdict v = { 0 };
	int fds[2], rc;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return refused(why, len, -errno, "pipe");
	pid = fork();
	if (!pid)
		run(fn, arg, fds[1]);
	rc = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (rc) {
		refused(why, len, rc, "fork");
	} else {
		setpgid(pid, pid);
		rc = hear(fds[0], &v);
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		v.why[sizeof(v.why) - 1] = 0;
		snprintf(why, len, "%s", rc ? v.why : "");
	}
	close(fds[0]);
	return rc;
}

/* --- namespaces --------------------------------------------------------------------------------
 */

static int try_userns(const void *arg, char *why, size_t len)
{
	int rc = mounts_user_namespace(why, len);

	(void)arg;
	return rc ? rc : mounts_namespace(why, len);
}

static int try_mountns(const void *arg, char *why, size_t len)
{
	(void)arg;
	return mounts_namespace(why, len);
}

/* As root, without; else within a user namespace. */
static int enter(char *why, size_t len)
{
	char first[WHY_MAX];

	return mounts_namespace(first, sizeof(first)) ? try_userns(NULL, why, len) : 0;
}

static int try_mount(const void *arg, char *why, size_t len)
{
	(void)arg;
	return enter(why, len);
}

static int try_fuse(const void *arg, char *why, size_t len)
{
	char options[128];
	int fd, rc;

	(void)arg;
	rc = enter(why, len); /* first: both must be in the same user namespace */
	if (rc)
		return rc;
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return refused(why, len, -errno, "/dev/fuse");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fd,
		 (unsigned int)geteuid(), (unsigned int)getegid());
	if (mount("probe", "/tmp", "fuse", MS_NOSUID | MS_NODEV, options))
		return refused(why, len, -errno, "mounting a FUSE file system");
	return 0;
}

/* --- seccomp -----------------------------------------------------------------------------------
 */

static int install(void)
{
	struct sock_filter insn[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TRAPPED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = sizeof(insn) / sizeof(*insn), .filter = insn };
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &prog);

	if (fd < 0 && errno == EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			     &prog);
	return fd < 0 ? -errno : (int)fd;
}

static const char *why_no_listener(int rc)
{
	switch (rc) {
	case -EBUSY:
		return "somebody answers our system calls already (we may be inside of a world)";
	case -ENOSYS:
		return "this kernel or its container has no seccomp filters";
	case -EINVAL:
		return "seccomp without user notification (Linux 5.0 has it)";
	default:
		return "seccomp filters are forbidden";
	}
}

/* Answers the one call of @listener: with a word, or with a descriptor. 0 or -errno. */
static int answer(int listener, bool with_fd)
{
	struct pollfd pfd = { .fd = listener, .events = POLLIN };
	struct seccomp_notif_addfd add = { .flags = SECCOMP_ADDFD_FLAG_SEND,
					   .srcfd = (uint32_t)listener };
	struct seccomp_notif_resp resp = { .val = WORD };
	struct seccomp_notif req = { 0 };

	if (poll(&pfd, 1, OWN_LIMIT) <= 0)
		return -ETIMEDOUT;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req))
		return -errno;
	add.id = resp.id = req.id;
	if (with_fd)
		return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) ? -errno : 0;
}

/*
 * The filter is inherited, so a child under it calls and we, its parent, answer; under the filter,
 * too, but without making that call.
 */
static int try_notify(const void *arg, char *why, size_t len)
{
	bool with_fd = *(const bool *)arg;
	int listener = install(), rc, status;
	pid_t pid;
	long got;

	if (listener < 0)
		return refused(why, len, listener, "%s", why_no_listener(listener));
	pid = fork();
	if (!pid) {
		close(listener);
		got = syscall(TRAPPED);
		_exit(with_fd ? got != listener : got != WORD);
	}
	if (pid < 0)
		return refused(why, len, -errno, "fork");
	rc = answer(listener, with_fd);
	if (rc)
		return refused(why, len, rc, "%s",
			       with_fd && rc == -EINVAL
				       ? "answering with a descriptor (Linux 5.14 can)"
				       : "answering a notification");
	if (waitpid(pid, &status, 0) != pid || status)
		return refused(why, len, -EPROTO, "the answer did not arrive");
	return 0;
}

/* --- another process ---------------------------------------------------------------------------
 */

/* A child that waits, in the namespace that programs of a world would be in. */
static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static int try_memory(const void *arg, char *why, size_t len)
{
	static volatile int theirs = WORD;
	pid_t pid = sleeper();
	int mine = 0;
	struct iovec from = { (void *)(uintptr_t)&theirs, sizeof(theirs) };
	struct iovec to = { &mine, sizeof(mine) };

	(void)arg;
	if (pid < 0)
		return refused(why, len, -errno, "fork");
	if (process_vm_readv(pid, &to, 1, &from, 1, 0) != sizeof(mine) || mine != WORD)
		return refused(why, len, -errno, "reading a child's memory");
	if (process_vm_writev(pid, &to, 1, &from, 1, 0) != sizeof(mine))
		return refused(why, len, -errno, "writing a child's memory");
	return 0;
}

static int try_ptrace(const void *arg, char *why, size_t len)
{
	pid_t pid = sleeper();
	int status;

	(void)arg;
	if (pid < 0)
		return refused(why, len, -errno, "fork");
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		return refused(why, len, -errno,
			       "ptrace is forbidden (a container's filter, or "
			       "kernel.yama.ptrace_scope)");
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid ||
	    !WIFSTOPPED(status))
		return refused(why, len, -errno, "stopping a child");
	if (ptrace(PTRACE_DETACH, pid, NULL, NULL))
		return refused(why, len, -errno, "letting a child go");
	return 0;
}

static int try_getfd(const void *arg, char *why, size_t len)
{
	pid_t pid = sleeper();
	int fd;

	(void)arg;
	if (pid < 0)
		return refused(why, len, -errno, "fork");
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return refused(why, len, -errno, "pidfd_open");
	if (syscall(SYS_pidfd_getfd, fd, 1, 0) < 0 && errno != EBADF)
		return refused(why, len, -errno, "pidfd_getfd");
	return 0;
}

/* --- preloading --------------------------------------------------------------------------------
 */

/* The loader complains about what it cannot load, and goes on without. */
static int try_preload(const void *arg, char *why, size_t len)
{
	char said[WHY_MAX] = "";
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return refused(why, len, -errno, "pipe");
	pid = fork();
	if (!pid) {
		dup2(fds[1], 2);
		setenv("LD_PRELOAD", arg, 1);
		execl("/bin/sh", "sh", "-c", ":", (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		return refused(why, len, -errno, "fork");
	close(fds[1]);
	n = read(fds[0], said, sizeof(said) - 1);
	if (waitpid(pid, &status, 0) != pid || status || n) {
		said[strcspn(said, "\n")] = 0;
		snprintf(why, len, "a program with %s preloaded: %.100s", (const char *)arg,
			 said[0] ? said : "it did not run");
		return -ENOEXEC;
	}
	return 0;
}

/* --- what others ask ---------------------------------------------------------------------------
 */

const char *probe_name(enum probe what)
{
	static const char *const names[PROBES] = {
		[PROBE_NOTIFY] = "seccomp user notification",
		[PROBE_ADDFD] = "descriptors by notification",
		[PROBE_MEMORY] = "memory of children",
		[PROBE_PTRACE] = "ptrace of children",
		[PROBE_GETFD] = "descriptors of children",
		[PROBE_MOUNT] = "mounts of our own",
		[PROBE_USERNS] = "user namespaces",
		[PROBE_MOUNTNS] = "mount namespaces",
		[PROBE_FUSE] = "FUSE",
		[PROBE_PRELOAD] = "preloading",
	};

	return names[what];
}

int probe_try(enum probe what, const char *library, char *why, size_t len)
{
	static const bool word = false, with_fd = true;
	char found[PATH_MAX];
	int rc;

	switch (what) {
	case PROBE_NOTIFY:
		return probe_child(try_notify, &word, why, len);
	case PROBE_ADDFD:
		return probe_child(try_notify, &with_fd, why, len);
	case PROBE_MEMORY:
		return probe_child(try_memory, NULL, why, len);
	case PROBE_PTRACE:
		return probe_child(try_ptrace, NULL, why, len);
	case PROBE_GETFD:
		return probe_child(try_getfd, NULL, why, len);
	case PROBE_MOUNT:
		return probe_child(try_mount, NULL, why, len);
	case PROBE_USERNS:
		return probe_child(try_userns, NULL, why, len);
	case PROBE_MOUNTNS:
		return probe_child(try_mountns, NULL, why, len);
	case PROBE_FUSE:
		return probe_child(try_fuse, NULL, why, len);
	case PROBE_PRELOAD:
		rc = preload_find(library, found, why, len);
		return rc ? rc : probe_child(try_preload, found, why, len);
	default:
		snprintf(why, len, "no such probe");
		return -EINVAL;
	}
}

int world_probe(enum world_mechanism m, char *why, size_t len)
{
	static const enum probe needed[] = { PROBE_NOTIFY, PROBE_ADDFD, PROBE_MEMORY,
					     PROBE_PTRACE, PROBE_GETFD, PROBE_MOUNT };
	char reason[WHY_MAX];
	size_t i;
	int rc;

	if (m == WORLD_PRELOAD)
		return probe_try(PROBE_PRELOAD, NULL, why, len);
	for (i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		rc = probe_try(needed[i], NULL, reason, sizeof(reason));
		if (rc) {
			snprintf(why, len, "%s", reason);
			return rc;
		}
	}
	return 0;
}
