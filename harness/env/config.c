/* SPDX-License-Identifier: MIT */
/*
 * The kernel's configuration, from the first place that has it; as far as anything here depends on
 * it. /proc/config.gz is the running kernel's for certain; the others are by name.
 */
#include "system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAX ((size_t)4 << 20)

static const char *const options[] = {
	/* the target, its backstores, fabrics and initiators */
	"TARGET_CORE", "TCM_USER2", "TCM_IBLOCK", "TCM_FILEIO", "TCM_PSCSI", "LOOPBACK_TARGET",
	"ISCSI_TARGET", "ISCSI_TCP", "UIO", "CONFIGFS_FS", "NET", "BLK_DEV_SD", "CHR_DEV_SG",
	/* which modules it takes */
	"MODULES", "MODULE_UNLOAD", "MODVERSIONS", "MODULE_SIG", "MODULE_SIG_FORCE",
	"MODULE_SRCVERSION_ALL", "SECURITY_LOCKDOWN_LSM", "SUSE_KERNEL_SUPPORTED",
	/* what finds faults */
	"KASAN", "KCSAN", "KCOV", "PROVE_LOCKING", "DEBUG_KMEMLEAK", "FAULT_INJECTION",
	"DEBUG_INFO_BTF", "FUNCTION_TRACER", "KPROBES", "BPF_SYSCALL",
	/* what a simulated world is made of */
	"SECCOMP_FILTER", "USER_NS", "FUSE_FS", "CHECKPOINT_RESTORE", "IO_URING",
	/* what times depend on */
	"PREEMPT", "PREEMPT_RT", "PREEMPT_DYNAMIC", "HZ", "NO_HZ_FULL", "LTO_CLANG", NULL
};

static char *find_config(struct rootfs *t, const char *release, char *path, size_t len)
{
	static const char *const places[] = { "/proc/config.gz", "/boot/config-%s",
					      "/lib/modules/%s/config",
					      "/usr/lib/modules/%s/config",
					      "/lib/modules/%s/build/.config" };
	char *text = NULL;
	size_t i;

	for (i = 0; !text && i < sizeof(places) / sizeof(*places); i++) {
		if (!release && strchr(places[i], '%'))
			continue;
		snprintf(path, len, "%.*s%s%s", (int)strcspn(places[i], "%"), places[i],
			 strchr(places[i], '%') ? release : "",
			 strchr(places[i], '%') ? strchr(places[i], '%') + 2 : "");
		text = rootfs_read(t, path, CONFIG_MAX, NULL);
	}
	return text;
}

/* "VALUE" of the line CONFIG_@option=VALUE, without quotes; null if it is not set. */
static json_t *value_of(const char *text, const char *option)
{
	char want[64];
	const char *p = text;
	size_t len = (size_t)snprintf(want, sizeof(want), "CONFIG_%s=", option), n;
	json_t *value;

	for (; p && *p; p = strchr(p, '\n'), p += p ? 1 : 0) {
		if (strncmp(p, want, len) != 0)
			continue;
		n = strcspn(p + len, "\n");
		value = json_stringn(p + len, n < 200 ? n : 200);
		return value ? value : json_null(); /* no UTF-8 */
	}
	return json_null();
}

json_t *config_facts(struct rootfs *t, const char *release)
{
	char path[256];
	char *text = find_config(t, release, path, sizeof(path));
	json_t *values = json_object();
	size_t i;

	if (text && !strstr(text, "CONFIG_")) {
		rootfs_complain(t, path, "expected lines CONFIG_...=..., found none");
		free(text);
		text = NULL;
	}
	for (i = 0; text && options[i]; i++)
		json_object_set_new(values, options[i], value_of(text, options[i]));
	values = json_pack("{s:s?, s:o}", "source", text ? path : NULL, "options", values);
	free(text);
	return values;
}
