/* SPDX-License-Identifier: MIT */
/* The kernel's name and state of health; what this process may use of the machine. */
#include "system.h"

#include "../report/clean.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

/* Documentation/admin-guide/tainted-kernels.rst; the bit is the index. */
static const struct {
	char letter;
	const char *means;
} taints[] = {
	{ 'P', "a proprietary module was loaded" },
	{ 'F', "a module was loaded by force" },
	{ 'S', "the kernel runs on a system it is not made for" },
	{ 'R', "a module was unloaded by force" },
	{ 'M', "a processor reported a machine check" },
	{ 'B', "a bad page was found" },
	{ 'U', "a program asked for it" },
	{ 'D', "the kernel died before: there was an oops or a BUG" },
	{ 'A', "an ACPI table was overridden" },
	{ 'W', "the kernel gave a warning" },
	{ 'C', "a staging driver was loaded" },
	{ 'I', "a bug of the firmware is worked around" },
	{ 'O', "an out-of-tree module was loaded" },
	{ 'E', "a module without a valid signature was loaded" },
	{ 'L', "a processor was stuck: there was a soft lockup" },
	{ 'K', "the kernel was live-patched" },
	{ 'X', "the distribution's own: of SUSE, a module that others support" },
	{ 'T', "the layout of structures is randomized" },
	{ 'N', "an in-kernel test ran" },
	{ 'J', "a program used a firmware's debug interface (fwctl)" },
};

#define TAINTS (sizeof(taints) / sizeof(*taints))

json_t *taint_decode(unsigned long long bits)
{
	json_t *all = json_array();
	char letter[2] = "";
	unsigned int i;

	for (i = 0; i < 64; i++) {
		if (!(bits >> i & 1))
			continue;
		letter[0] = i < TAINTS ? taints[i].letter : '?';
		json_array_append_new(
			all, json_pack("{s:i, s:s, s:s}", "bit", (int)i, "letter", letter, "means",
				       i < TAINTS ? taints[i].means : "unknown to this program"));
	}
	return all;
}

const char *kernel_flavour(const char *release)
{
	const char *part = strchr(release, '-'), *plus;

	if (!part)
		return "";
	plus = strrchr(part, '+');
	for (; part; part = strchr(part + 1, '-')) {
		if (isalpha((unsigned char)part[1]))
			return part + 1;
	}
	return plus ? plus + 1 : "";
}

/* A number that SUSE made bit 31, as its kernels did before bit 16 was theirs, is unknown, too. */
static json_t *taint_facts(struct rootfs *t)
{
	char *text = rootfs_read(t, "/proc/sys/kernel/tainted", 64, NULL), *end = text;
	unsigned long long bits = text ? strtoull(text, &end, 10) : 0;
	json_t *taint = json_null();

	if (text && (end == text || (*end && *end != '\n')))
		rootfs_complain(t, "/proc/sys/kernel/tainted", "expected a number");
	else if (text)
		taint = json_pack("{s:I, s:o}", "value", (json_int_t)bits, "flags",
				  taint_decode(bits));
	free(text);
	return taint;
}

/* Where modules for it are built, if its headers are there; null if they are not. */
static json_t *headers(struct rootfs *t, const char *release)
{
	char dir[256], path[320];

	snprintf(dir, sizeof(dir), "/lib/modules/%.150s/build", release);
	snprintf(path, sizeof(path), "%s/include/generated/utsrelease.h", dir);
	return *release && !strchr(release, '/') && rootfs_has(t, path) ? json_string(dir)
									: json_null();
}

/* Not the command line: it may hold secrets, and results are passed on. */
json_t *kernel_facts(struct rootfs *t)
{
	json_t *release = rootfs_line(t, "/proc/sys/kernel/osrelease");
	json_t *machine = rootfs_line(t, "/proc/sys/kernel/arch");
	const char *name;
	struct utsname u;

	if (release && !*json_string_value(release)) {
		json_decref(release);
		release = NULL;
	}
	if (!machine && !uname(&u)) /* before Linux 6.1 it is not told there */
		machine = json_string(u.machine);
	name = release ? json_string_value(release) : "";
	return json_pack("{s:o*, s:s, s:o, s:o*, s:o*, s:o*, s:o}", "release", release, "flavour",
			 kernel_flavour(name), "headers", headers(t, name), "version",
			 rootfs_line(t, "/proc/sys/kernel/version"), "machine", machine, "lockdown",
			 rootfs_line(t, "/sys/kernel/security/lockdown"), "taint", taint_facts(t));
}

static json_t *one_limit(rlim_t value)
{
	return value == RLIM_INFINITY ? json_null() : json_integer((json_int_t)value);
}

json_t *limit_facts(void)
{
	static const struct {
		const char *name;
		__rlimit_resource_t what;
	} limits[] = { { "NOFILE", RLIMIT_NOFILE }, { "MEMLOCK", RLIMIT_MEMLOCK },
		       { "AS", RLIMIT_AS },	    { "NPROC", RLIMIT_NPROC },
		       { "FSIZE", RLIMIT_FSIZE },   { "CORE", RLIMIT_CORE },
		       { "STACK", RLIMIT_STACK },   { "RTPRIO", RLIMIT_RTPRIO } };
	json_t *all = json_object();
	struct rlimit lim;
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		if (getrlimit(limits[i].what, &lim))
			continue;
		json_object_set_new(all, limits[i].name,
				    json_pack("{s:o, s:o}", "soft", one_limit(lim.rlim_cur), "hard",
					      one_limit(lim.rlim_max)));
	}
	return all;
}

json_t *system_collect(struct rootfs *t)
{
	json_t *kernel = kernel_facts(t), *all;
	const char *release = json_string_value(json_object_get(kernel, "release"));

	if (!release || strchr(release, '/') || !*release || strlen(release) > 100)
		release = NULL; /* it is to be part of names of files */
	all = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "kernel", kernel, "config",
			config_facts(t, release), "modules", module_facts(t, release), "uio",
			uio_facts(t), "target", target_facts(t), "limits", limit_facts());
	if (all)
		json_object_set(all, "unread", t->unread);
	return all;
}
