/* SPDX-License-Identifier: MIT */
/*
 * The handler of a real device: a process that opens /dev/uioN by itself.
 *
 * It is told which by TCMU_UIO in its environment. That it has attached shows in /proc: it has
 * mapped the device. The same mapping lets us look at the ring that it works on, as only one
 * process can have the device open (KRN-120).
 */
#include "kernel.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define UIO_ENV	       "TCMU_UIO"
#define LOOK_AROUND_MS 300

static bool maps_device(struct kernel *k, const char *pid)
{
	unsigned long long start, end, off;
	char path[64], line[512], want[32], perms[8];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.16s/maps", pid);
	snprintf(want, sizeof(want), "/dev/uio%u\n", k->uio);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		if (!strstr(line, want) ||
		    sscanf(line, "%llx-%llx %7s %llx", &start, &end, perms, &off) != 4)
			continue;
		found = perms[1] == 'w';
		k->map_at = start;
	}
	fclose(f);
	return found;
}

bool kernel_mapped_by(struct kernel *k, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return pid > 0 && maps_device(k, text);
}

bool kernel_find_mapper(struct kernel *k)
{
	char self[16];
	DIR *proc;
	struct dirent *e;

	if (kernel_mapped_by(k, k->mapper))
		return true;
	k->mapper = 0;
	snprintf(self, sizeof(self), "%d", (int)getpid());
	proc = opendir("/proc");
	while (proc && !k->mapper && (e = readdir(proc)) != NULL)
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && strcmp(e->d_name, self) &&
		    maps_device(k, e->d_name))
			k->mapper = (pid_t)atoi(e->d_name);
	if (proc)
		closedir(proc);
	return k->mapper != 0;
}

uint32_t kernel_peek(struct target *t, uint32_t off)
{
	struct kernel *k = t->kernel;
	uint32_t word = 0;
	struct iovec local = { .iov_base = &word, .iov_len = sizeof(word) };
	struct iovec remote = { .iov_len = sizeof(word) };

	if (!k->mapper)
		return 0;
	remote.iov_base = (void *)(uintptr_t)(k->map_at + off);
	if (process_vm_readv(k->mapper, &local, 1, &remote, 1, 0) != sizeof(word))
		return 0;
	return word;
}

/* CMD of --exec may name the device: "%u" is uioN. */
static void command(struct target *t, const char *uio, char *buf, size_t len)
{
	const struct handler_config *h = &t->opts.handler;
	const char *p;
	size_t used = 0;

	if (!t->spec->exec) {
		used = (size_t)snprintf(buf, len, "exec '%s' --uio %s%s%s%s", t->spec->program, uio,
					h->wce ? " --wce" : "", h->read_only ? " --read-only" : "",
					t->opts.dev.set_flags || h->in_order ? " --order in" : "");
		if (!strcmp(t->spec->engine, "memory"))
			snprintf(buf + used, len - used, " --store memory:%llu",
				 (unsigned long long)t->opts.size_bytes);
		else
			snprintf(buf + used, len - used, " --store 'file:%s' --create --engine %s",
				 t->proc.store, t->spec->engine);
		return;
	}
	for (p = t->spec->exec; *p && used + 8 < len; p++) {
		if (p[0] == '%' && p[1] == 'u') {
			used += (size_t)snprintf(buf + used, len - used, "%s", uio);
			p++;
		} else {
			buf[used++] = *p;
		}
	}
	buf[used] = 0;
}

/* It is the process that we started, as a rule; a look at all the others costs. */
static bool is_attached(struct target *t, uint64_t *looked)
{
	struct kernel *k = t->kernel;

	if (kernel_mapped_by(k, t->proc.pid)) {
		k->mapper = t->proc.pid;
		return true;
	}
	if (kernel_now_ms() - *looked < LOOK_AROUND_MS)
		return false;
	*looked = kernel_now_ms();
	return kernel_find_mapper(k);
}

static int await_attach(struct target *t)
{
	uint32_t attach_ms = t->spec->timeout_ms / 2 * 5;
	uint64_t looked = kernel_now_ms(), end = looked + attach_ms;
	char how[64], words[200];

	while (!is_attached(t, &looked)) {
		process_limit_output(t);
		if (process_dead(t, how, sizeof(how)) && strcmp(how, "exited with status 0")) {
			process_words(t, words, sizeof(words));
			tc_fail(t->tc, NULL, "the handler %s before it attached%s", how, words);
			return -ECHILD;
		}
		if (kernel_now_ms() > end) {
			process_words(t, words, sizeof(words));
			tc_fail(t->tc, NULL, "the handler did not attach within %u ms%s", attach_ms,
				words);
			return -ETIMEDOUT;
		}
		usleep(2000);
	}
	return 0;
}

int kernel_start_handler(struct target *t)
{
	char uio[16], cmd[1024];
	int rc = t->proc.output_fd > 0 ? 0 : process_output(t);

	if (rc)
		return rc;
	snprintf(uio, sizeof(uio), "uio%u", t->kernel->uio);
	command(t, uio, cmd, sizeof(cmd));
	rc = process_spawn(t, cmd, UIO_ENV, uio);
	return rc ? rc : await_attach(t);
}

void kernel_stop_handler(struct target *t)
{
	uint64_t end = kernel_now_ms() + 2000;

	process_end_all("");
	t->proc.pid = 0;
	t->proc.frozen = false;
	/* its last breath: the device is free when the mapping is gone */
	while (kernel_mapped_by(t->kernel, t->kernel->mapper) && kernel_now_ms() < end)
		usleep(1000);
	t->kernel->mapper = 0;
}

pid_t kernel_handler_pid(const struct target *t)
{
	return t->kernel->mapper;
}

bool kernel_is_node(const struct target *t, const char *link)
{
	char want[32];

	snprintf(want, sizeof(want), "/dev/uio%u", t->kernel->uio);
	return !strcmp(link, want);
}

/* By a child, which dies with us at the latest. */
void kernel_hold_node(struct target *t, uint32_t ms)
{
	char path[32];
	pid_t pid = fork();
	int fd;

	if (!pid) {
		snprintf(path, sizeof(path), "/dev/uio%u", t->kernel->uio);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = open(path, O_RDWR | O_CLOEXEC);
		usleep(ms * 1000);
		_exit(fd < 0);
	}
	usleep(20000); /* until it has it */
}
