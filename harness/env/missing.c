/* SPDX-License-Identifier: MIT */
/*
 * What is missing here, for which command, and how to get it: made of what was found out, so that
 * it names nothing that is there.
 */
#include "env.h"

#include "../report/put.h"
#include "system.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 4, 5))) static void add(json_t *list, const char *commands,
						      const char *what, const char *fmt, ...)
{
	char get[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(get, sizeof(get), fmt, ap);
	va_end(ap);
	json_array_append_new(
		list, json_pack("{s:s, s:s, s:s}", "for", commands, "missing", what, "get", get));
}

static const json_t *module_of(const json_t *system, const char *name)
{
	const json_t *m;
	size_t i;

	json_array_foreach(json_object_get(system, "modules"), i, m)
	{
		if (!strcmp(json_string_value(json_object_get(m, "name")), name))
			return m;
	}
	return NULL;
}

static bool module_state(const json_t *system, const char *name, const char *state)
{
	const char *is = json_string_value(json_object_get(module_of(system, name), "state"));

	return is && !strcmp(is, state);
}

/* A module that is neither there nor could be loaded. */
static void add_module(json_t *list, const json_t *system, const char *name, const char *option,
		       const char *commands)
{
	const json_t *config = json_object_get(system, "config"), *value;
	const char *release =
		json_string_value(json_object_get(json_object_get(system, "kernel"), "release"));
	const json_t *m = module_of(system, name);

	if (!module_state(system, name, "missing"))
		return;
	value = json_object_get(json_object_get(config, "options"), option);
	if (json_object_get(m, "unlisted"))
		add(list, commands, name, "it is there, but not in modules.dep: depmod -a");
	else if (json_is_null(value))
		add(list, commands, name, "this kernel is built without: one with CONFIG_%s",
		    option);
	else
		add(list, commands, name,
		    "%sthe package with all modules of %.100s (Debian: linux-image, not -cloud; "
		    "Fedora: kernel-modules-extra; SUSE: kernel-default, not -base)",
		    json_is_string(value) ? "configured, but not installed: " : "",
		    release ? release : "the kernel");
}

/* A module that is there, but that modprobe would not load. */
static void add_forbidden(json_t *list, const json_t *m)
{
	const char *name = json_string_value(json_object_get(m, "name"));
	const char *instead =
		json_string_value(json_object_get(json_object_get(m, "modprobe"), "install"));
	const char *refused = json_string_value(json_object_get(m, "refused"));

	if (instead)
		add(list, "modprobe", name, "it runs something else instead: %.300s", instead);
	if (refused)
		add(list, "modprobe", name,
		    "modprobe --allow-unsupported, as the distribution does not support it: %.200s",
		    refused);
}

/* Modules that are there, but not as they should be. */
static void add_troubles(json_t *list, const json_t *system)
{
	const char *name, *state;
	bool stale = false;
	const json_t *m;
	size_t i;

	json_array_foreach(json_object_get(system, "modules"), i, m)
	{
		name = json_string_value(json_object_get(m, "name"));
		state = json_string_value(json_object_get(m, "state"));
		if (!strcmp(state, "not loaded"))
			add_forbidden(list, m);
		if (!strncmp(state, "being ", 6))
			add(list, "all that needs it", name,
			    "it is %s: wait; if that does not end, see dmesg, and boot", state);
		if (json_is_false(json_object_get(m, "same_as_loaded")))
			add(list, "the module's file to be in use", name,
			    "unload what is loaded, then modprobe, or boot");
		stale |= json_object_get(m, "stale") != NULL;
	}
	if (stale)
		add(list, "modprobe", "an up-to-date modules.dep", "depmod -a");
}

static void add_modules(json_t *list, const json_t *system)
{
	static const struct {
		const char *name, *option, *commands;
	} wanted[] = {
		{ "target_core_mod", "TARGET_CORE", "check --target kernel, seat, tcmu-export" },
		{ "target_core_user", "TCM_USER2",
		  "check --target kernel, seat, tcmu-export tcmu:..." },
		{ "uio", "UIO", "check --target kernel, seat, tcmu-export tcmu:..." },
		{ "iscsi_target_mod", "ISCSI_TARGET",
		  "check --target kernel, tcmu-export over iSCSI" },
		{ "tcm_loop", "LOOPBACK_TARGET",
		  "scenarios/run --on host, tcmu-export --loopback" },
		{ "target_core_iblock", "TCM_IBLOCK", "tcmu-export of a block device" },
		{ "target_core_file", "TCM_FILEIO", "tcmu-export of a file" },
	};
	size_t i;

	for (i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		add_module(list, system, wanted[i].name, wanted[i].option, wanted[i].commands);
	if (module_state(system, "target_core_user", "missing"))
		add(list, "all of these that are about the kernel's target", "a kernel with TCMU",
		    "in a machine of its own: make scenarios, make conformance KERNELS='6.1 6.12'");
	add_troubles(list, system);
}

static void add_ways(json_t *list, const json_t *system)
{
	const json_t *target = json_object_get(system, "target");

	if (geteuid())
		add(list, "check --target kernel, seat, tcmu-export, scenarios/run --on host",
		    "root's rights", "sudo");
	if (!json_is_true(json_object_get(target, "configfs")) &&
	    !module_state(system, "target_core_mod", "missing"))
		add(list, "check --target kernel, scenarios/run --on host", "configfs",
		    "modprobe configfs; mount -t configfs none /sys/kernel/config");
}

static void add_headers(json_t *list, const json_t *system)
{
	const json_t *kernel = json_object_get(system, "kernel");
	const char *release = json_string_value(json_object_get(kernel, "release"));

	if (release && !json_is_string(json_object_get(kernel, "headers")))
		add(list, "fabric", "this kernel's headers",
		    "Debian's package linux-headers-%.100s, if the kernel is Debian's; or others: "
		    "--headers \"$(ci/headers 6.1)\"",
		    release);
}

static void add_tools(json_t *list)
{
	static const struct {
		const char *program, *package, *commands;
	} tools[] = {
		{ "fio", "fio", "bench with fio, make scenarios" },
		{ "valgrind", "valgrind", "bench --instructions" },
		{ "gnuplot", "gnuplot-nox", "bench/plot" },
		{ "sg_inq", "sg3-utils", "make scenarios" },
		{ "iscsi-test-cu", "libiscsi-bin", "make scenarios" },
		{ "iscsiadm", "open-iscsi", "make scenarios" },
		{ "busybox", "busybox-static", "make scenarios" },
		{ "cpio", "cpio", "make scenarios" },
		{ "depmod", "kmod", "make scenarios" },
		{ "qemu-system-x86_64", "qemu-system-x86", "make scenarios, make conformance" },
	};
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
		if (!env_find_tool(tools[i].program, path, sizeof(path)))
			add(list, tools[i].commands, tools[i].program, "Debian's package %s",
			    tools[i].package);
	}
}

json_t *env_missing(const json_t *system, const struct facts *fs)
{
	json_t *list = json_array();

	if (fs) {
		if (fs->n && fs->fact[0].answer == NO)
			add(list, "run, check --attach uio, bench through uio",
			    "a way to show simulated devices", "%s", fs->fact[0].text);
		add_ways(list, system);
		add_tools(list);
	}
	add_headers(list, system);
	add_modules(list, system);
	return list;
}

void env_missing_text(const json_t *list, FILE *out)
{
	const json_t *one;
	size_t i;

	if (!json_array_size(list))
		fputs("missing: nothing\n", out);
	json_array_foreach(list, i, one)
	{
		fputs("missing for ", out);
		put(out, json_string_value(json_object_get(one, "for")), NULL, NULL);
		fputs(": ", out);
		put(out, json_string_value(json_object_get(one, "missing")), NULL, NULL);
		fputs("; ", out);
		put(out, json_string_value(json_object_get(one, "get")), NULL, NULL);
		fputc('\n', out);
	}
}
