/* SPDX-License-Identifier: MIT */
/*
 * The one mmap of a UIO node, made by its caller with another descriptor.
 *
 * What stands in for the node is a socket and cannot be mapped; the region's memfd can. A system
 * call's arguments cannot be changed by a seccomp listener, but by a tracer. So the calling thread
 * is traced for this moment only: its call is answered, it stops on its way back to user space, is
 * made to call mmap again with the memfd (a mark that the kernel ignores tells the filter to let
 * this one through) and then to close the memfd, and goes on with the result. Debuggers can trace
 * the program before and after, threads and children are never touched; one that traces the thread
 * at that moment is in the way.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/elf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* A driver's pages come when they are touched; a memfd's would all be made at once. */
#define NOT_AT_ONCE (~(uint64_t)(MAP_POPULATE | MAP_LOCKED))

#define PATIENCE_NS 10000000000ull /* the thread may have to wait for a processor */

#if defined(__x86_64__)

#define SYSCALL_LEN 2

static void set_call(struct user_regs_struct *r, const struct user_regs_struct *saved, long nr)
{
	*r = *saved;
	r->rip = saved->rip - SYSCALL_LEN;
	r->rax = r->orig_rax = (unsigned long)nr;
}

static void set_close(struct user_regs_struct *r, uint64_t fd)
{
	r->rdi = fd;
}

static void set_mmap(struct user_regs_struct *r, uint64_t fd)
{
	r->r8 = fd;
	r->r10 &= NOT_AT_ONCE;
}

static uint64_t get_result(const struct user_regs_struct *r)
{
	return r->rax;
}

static void set_result(struct user_regs_struct *r, uint64_t result)
{
	r->rax = result;
	r->orig_rax = (unsigned long)-1; /* nothing to restart */
}

static uint64_t program_counter(const struct user_regs_struct *r)
{
	return r->rip;
}

static bool is_syscall(const uint8_t *insn)
{
	return insn[0] == 0x0f && insn[1] == 0x05;
}

#elif defined(__aarch64__)

#define SYSCALL_LEN 4

static void set_call(struct user_regs_struct *r, const struct user_regs_struct *saved, long nr)
{
	*r = *saved;
	r->pc = saved->pc - SYSCALL_LEN;
	r->regs[8] = (unsigned long)nr;
}

static void set_close(struct user_regs_struct *r, uint64_t fd)
{
	r->regs[0] = fd;
}

static void set_mmap(struct user_regs_struct *r, uint64_t fd)
{
	r->regs[4] = fd;
	r->regs[3] &= NOT_AT_ONCE;
}

static uint64_t get_result(const struct user_regs_struct *r)
{
	return r->regs[0];
}

static void set_result(struct user_regs_struct *r, uint64_t result)
{
	r->regs[0] = result;
}

static uint64_t program_counter(const struct user_regs_struct *r)
{
	return r->pc;
}

static bool is_syscall(const uint8_t *insn)
{
	return insn[0] == 0x01 && insn[1] == 0 && insn[2] == 0 && insn[3] == 0xd4;
}

#endif

static int regs(pid_t tid, struct user_regs_struct *r, bool set)
{
	struct iovec iov = { r, sizeof(*r) };
	void *type = (void *)(uintptr_t)NT_PRSTATUS;

	return ptrace(set ? PTRACE_SETREGSET : PTRACE_GETREGSET, tid, type, &iov) ? -errno : 0;
}

static bool is_dead(pid_t tid)
{
	char path[64], line[256], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n <= 0)
		return true;
	line[n] = 0;
	p = strrchr(line, ')');
	return !p || p[2] == 'Z' || p[2] == 'X';
}

/* The next stop; its exit, if that comes instead, is left for whoever is its parent. */
static int await_stop(pid_t tid, int *status)
{
	uint64_t end = world_now_ns() + PATIENCE_NS;
	unsigned int turn;
	siginfo_t si;

	for (turn = 0; world_now_ns() < end; turn++) {
		si.si_pid = 0;
		if (waitid(P_PID, (id_t)tid, &si, WSTOPPED | WNOHANG | __WALL))
			return -errno;
		if (si.si_pid) {
			*status = si.si_status;
			return 0;
		}
		if (turn % 64 == 63 && is_dead(tid))
			return -ESRCH;
		usleep(turn < 64 ? 5 : 100);
	}
	return -ETIMEDOUT;
}

/* One system call in the stopped thread; a stop for anything else is passed over. */
static int make_call(pid_t tid, const struct user_regs_struct *saved, long nr, uint64_t fd,
		     uint64_t *result)
{
	struct user_regs_struct r;
	int rc, status, stops = 0;

	set_call(&r, saved, nr);
	if (nr == SYS_mmap)
		set_mmap(&r, fd);
	else
		set_close(&r, fd);
	rc = regs(tid, &r, true);
	while (!rc && stops < 2) { /* at its entry, at its exit */
		if (ptrace(PTRACE_SYSCALL, tid, NULL, NULL))
			return -errno;
		rc = await_stop(tid, &status);
		if (!rc && status == (SIGTRAP | 0x80))
			stops++;
	}
	if (!rc)
		rc = regs(tid, &r, false);
	*result = get_result(&r);
	return rc;
}

/* In the stop: a signal that came first is told in *@sig, to be sent again. */
static int stop_in_user_space(pid_t tid, int *sig, struct user_regs_struct *saved)
{
	uint8_t insn[SYSCALL_LEN];
	struct iovec mine = { insn, sizeof(insn) }, theirs;
	int status, rc = await_stop(tid, &status);

	*sig = 0;
	if (rc)
		return rc;
	if (status < 0x80 && status != SIGTRAP)
		*sig = status;
	rc = regs(tid, saved, false);
	if (rc)
		return rc;
	theirs = (struct iovec){ (void *)(uintptr_t)(program_counter(saved) - SYSCALL_LEN),
				 sizeof(insn) };
	if (process_vm_readv(tid, &mine, 1, &theirs, 1, 0) != sizeof(insn) || !is_syscall(insn))
		return -ENOSYS;
	return 0;
}

static int remap_stopped(pid_t tid, int at)
{
	uint64_t all = ~0ull, mask = 0, result = 0, closed;
	struct user_regs_struct saved;
	int sig, rc = stop_in_user_space(tid, &sig, &saved);

	if (rc)
		return rc;
	/* no signal may come between the two calls */
	ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask);
	ptrace(PTRACE_SETSIGMASK, tid, sizeof(all), &all);
	rc = make_call(tid, &saved, SYS_mmap, (uint64_t)REMAP_MARK << 32 | (uint32_t)at, &result);
	if (!rc)
		rc = make_call(tid, &saved, SYS_close, (uint64_t)at, &closed);
	set_result(&saved, rc ? (uint64_t)rc : result);
	ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
	regs(tid, &saved, true);
	if (sig)
		syscall(SYS_tkill, tid, sig);
	return rc;
}

void remap_mmap(const struct world_call *c, int at)
{
	pid_t tid = c->tid;
	int rc;

	if (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_TRACESYSGOOD)) {
		rc = -errno;
		world_say(c->w,
			  "process %d maps its UIO node, but cannot be stopped for it (%s): let "
			  "strace or gdb attach later, or use the preload mechanism",
			  (int)tid, strerror(-rc));
		call_answer(c, rc);
		return;
	}
	rc = ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) ? -errno : 0;
	call_answer(c, -EAGAIN);
	if (!rc)
		rc = remap_stopped(tid, at);
	if (rc && rc != -ESRCH)
		world_say(c->w, "process %d could not be made to map its UIO node: %s", (int)tid,
			  strerror(-rc));
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
}
