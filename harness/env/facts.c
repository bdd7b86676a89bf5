/* SPDX-License-Identifier: MIT */
/* The facts of `tcmu-harness env`: each is tried, not read off some setting, where that can be. */
#include "env.h"

#include "../../bench/machine.h"
#include "../../ringsim/world/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kvm.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Descriptors of netlink sockets in a world: internal.h of ringsim/world. */
#define FD_LAST 1007

bool env_find_tool(const char *name, char *buf, size_t len)
{
	const char *path = getenv("PATH");
	size_t n;

	for (path = path ? path : "/usr/bin:/bin"; *path; path += n + (path[n] != 0)) {
		n = strcspn(path, ":");
		snprintf(buf, len, "%.*s/%s", (int)n, path, name);
		if (n && !access(buf, X_OK))
			return true;
	}
	/* where an ordinary user's PATH does not lead to */
	snprintf(buf, len, "/usr/sbin/%s", name);
	return !access(buf, X_OK);
}

/* --- the world ---------------------------------------------------------------------------------
 */

static void add_probe(struct facts *fs, enum probe what)
{
	char why[256] = "";
	int rc = probe_try(what, NULL, why, sizeof(why));

	fact_add(fs, probe_name(what), rc ? NO : YES, "%s", why);
}

static void add_files(struct facts *fs)
{
	struct rlimit lim = { 0 };

	getrlimit(RLIMIT_NOFILE, &lim);
	if (lim.rlim_cur > FD_LAST)
		fact_add(fs, "open files", YES, "%llu", (unsigned long long)lim.rlim_cur);
	else
		fact_add(fs, "open files", NO,
			 "RLIMIT_NOFILE is %llu (at most %llu): expected %d or more, for netlink "
			 "sockets of handlers (ulimit -n)",
			 (unsigned long long)lim.rlim_cur, (unsigned long long)lim.rlim_max,
			 FD_LAST + 1);
}

const char *env_world(struct facts *fs)
{
	static const enum probe probes[] = { PROBE_NOTIFY,  PROBE_ADDFD,  PROBE_MEMORY,
					     PROBE_PTRACE,  PROBE_GETFD,  PROBE_MOUNT,
					     PROBE_MOUNTNS, PROBE_USERNS, PROBE_FUSE,
					     PROBE_PRELOAD };
	char why[256] = "", second[256] = "";
	const char *mechanism = NULL;
	size_t i;

	if (!world_probe(WORLD_SECCOMP, why, sizeof(why))) {
		fact_add(fs, "world", YES, "by seccomp: any program, static or dynamic");
		mechanism = "seccomp";
	} else if (!world_probe(WORLD_PRELOAD, second, sizeof(second))) {
		fact_add(fs, "world", YES,
			 "by a preloaded library: only dynamically linked programs; seccomp would "
			 "take any, but: %s",
			 why);
		mechanism = "preload";
	} else {
		fact_add(fs, "world", NO,
			 "not by seccomp: %.120s; not by a preloaded library: %.100s", why, second);
	}
	for (i = 0; i < sizeof(probes) / sizeof(*probes); i++)
		add_probe(fs, probes[i]);
	add_files(fs);
	return mechanism;
}

/* --- the machine -------------------------------------------------------------------------------
 */

static void add_kvm(struct facts *fs)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = -1, cpu = -1;
	const char *what = "/dev/kvm";

	if (kvm >= 0) {
		what = "/dev/kvm: KVM_CREATE_VM";
		vm = ioctl(kvm, KVM_CREATE_VM, 0);
	}
	if (vm >= 0) {
		what = "/dev/kvm: KVM_CREATE_VCPU";
		cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	}
	if (cpu >= 0)
		fact_add(fs, "KVM", YES, "%s", "");
	else
		fact_add(fs, "KVM", NO, "%s: %s", what, strerror(errno));
	if (cpu >= 0)
		close(cpu);
	if (vm >= 0)
		close(vm);
	if (kvm >= 0)
		close(kvm);
}

static void add_uring(struct facts *fs)
{
	struct io_uring_params params = { 0 };
	int fd = (int)syscall(SYS_io_uring_setup, 2, &params);

	if (fd < 0)
		fact_add(fs, "io_uring", NO, "io_uring_setup: %s", strerror(errno));
	else
		fact_add(fs, "io_uring", YES, "%s", "");
	if (fd >= 0)
		close(fd);
}

static void add_perf(struct facts *fs)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_HARDWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_HW_CPU_CYCLES,
					.exclude_kernel = 1,
					.exclude_hv = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		fact_add(fs, "performance counters", NO, "perf_event_open: %s%s", strerror(errno),
			 errno == ENOENT ? " (a virtual machine without them)" : "");
	else
		fact_add(fs, "performance counters", YES, "%s", "");
	if (fd >= 0)
		close(fd);
}

/* --- programs ----------------------------------------------------------------------------------
 */

static void add_tools(struct facts *fs)
{
	static const struct {
		const char *name, *package;
	} tools[] = { { "fio", "fio" },
		      { "sg_inq", "sg3-utils" },
		      { "tcmu-runner", "tcmu-runner" },
		      { "iscsi-test-cu", "libiscsi-bin" },
		      { "fusermount3", "fuse3" },
		      { "qemu-system-x86_64", "qemu-system-x86" } };
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(tools) / sizeof(*tools); i++)
		if (env_find_tool(tools[i].name, path, sizeof(path)))
			fact_add(fs, tools[i].name, YES, "%.200s", path);
		else
			fact_add(fs, tools[i].name, NO, "not in PATH (Debian's package %s has it)",
				 tools[i].package);
}

/* --- what benchmarks depend on -----------------------------------------------------------------
 */

static void add_cpu(struct facts *fs)
{
	char model[160];
	bool guest;

	machine_cpu(model, sizeof(model), &guest);
	fact_add(fs, "processors", SAID, "%ld of %ld, %s%s", sysconf(_SC_NPROCESSORS_ONLN),
		 sysconf(_SC_NPROCESSORS_CONF), model, guest ? ", virtual" : "");
}

static void add_governor(struct facts *fs)
{
	char line[128];

	if (*machine_governor(line, sizeof(line)))
		fact_add(fs, "frequency governor", SAID, "%s", line);
	else
		fact_add(fs, "frequency governor", SAID, "none that can be seen");
}

static void add_mitigations(struct facts *fs)
{
	json_t *known = machine_mitigations(), *says;
	char all[256] = "";
	const char *name;
	size_t n = 0;

	json_object_foreach(known, name, says)
	{
		if (strncmp(json_string_value(says), "Mitigation", 10) || n >= sizeof(all))
			continue;
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n ? " " : "", name);
	}
	fact_add(fs, "mitigations", SAID, "%s", n ? all : "none");
	json_decref(known);
}

void env_machine(struct facts *fs)
{
	add_kvm(fs);
	add_uring(fs);
	add_perf(fs);
	add_tools(fs);
	add_cpu(fs);
	add_governor(fs);
	add_mitigations(fs);
}
