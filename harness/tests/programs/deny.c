/* SPDX-License-Identifier: MIT */
/*
 * A place that forbids something: deny ERRNO CALL[,CALL...] COMMAND...
 * The command runs under a filter that answers these system calls with ERRNO, as containers do.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned int nr;
} calls[] = {
	{ "ptrace", SYS_ptrace },
	{ "seccomp", SYS_seccomp },
	{ "process_vm_readv", SYS_process_vm_readv },
	{ "process_vm_writev", SYS_process_vm_writev },
	{ "pidfd_getfd", SYS_pidfd_getfd },
	{ "unshare", SYS_unshare },
	{ "setns", SYS_setns },
	{ "mount", SYS_mount },
	{ "io_uring_setup", SYS_io_uring_setup },
};

static int number(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (!strcmp(calls[i].name, name))
			return (int)calls[i].nr;
	return -1;
}

int main(int argc, char **argv)
{
	struct sock_filter insn[64] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr)) };
	struct sock_fprog prog = { .len = 1, .filter = insn };
	unsigned int answer;
	char *name;
	int nr;

	if (argc < 4)
		return 2;
	answer = SECCOMP_RET_ERRNO | (strcmp(argv[1], "ENOSYS") ? EPERM : ENOSYS);
	for (name = strtok(argv[2], ","); name; name = strtok(NULL, ",")) {
		nr = number(name);
		if (nr < 0 || prog.len > 60) {
			fprintf(stderr, "deny: unknown call %s\n", name);
			return 2;
		}
		insn[prog.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								(unsigned int)nr, 0, 1);
		insn[prog.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
	}
	insn[prog.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog)) {
		perror("deny");
		return 2;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 2;
}
