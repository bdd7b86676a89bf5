/* SPDX-License-Identifier: MIT */
/*
 * UIO devices and who has them open, by descriptor or by mapping; and what is in the target's
 * configfs. A process that closed the descriptor after mmap() has only the mapping left.
 */
#include "system.h"

#include "../report/clean.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_MAX 512
#define MAPS_MAX    ((size_t)16 << 20)
#define MOUNTS_MAX  ((size_t)4 << 20)

/* "uioN" if the name is that of such a node, removed or not; else NULL. */
static const char *uio_of(const char *path, char *buf, size_t len)
{
	size_t n;

	if (strncmp(path, "/dev/uio", 8) != 0)
		return NULL;
	n = strspn(path + 8, "0123456789");
	if (!n || (path[8 + n] && path[8 + n] != '\n' && path[8 + n] != ' '))
		return NULL;
	snprintf(buf, len, "uio%.*s", (int)n, path + 8);
	return buf;
}

/* The process @pid has the device @name open in the way @how; told once for each way. */
static void add_holder(json_t *devices, const char *name, struct rootfs *t, long pid,
		       const char *how)
{
	json_t *d, *holders, *last;
	char path[64];
	size_t i;

	json_array_foreach(devices, i, d)
	{
		if (strcmp(json_string_value(json_object_get(d, "name")), name) != 0)
			continue;
		holders = json_object_get(d, "holders");
		last = json_array_get(holders, json_array_size(holders) - 1);
		if (!last || json_integer_value(json_object_get(last, "pid")) != pid) {
			snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
			last = json_pack("{s:I, s:o*}", "pid", (json_int_t)pid, "command",
					 rootfs_line(t, path));
			json_array_append_new(holders, last);
		}
		json_object_set_new(last, how, json_true());
		return;
	}
}

/* Whether its descriptors could be seen. */
static bool look_into(struct rootfs *t, long pid, json_t *devices)
{
	char path[PATH_MAX], link[PATH_MAX], name[32], dir[64];
	char **fds, *maps, *p;
	bool seen;
	size_t i;

	snprintf(dir, sizeof(dir), "/proc/%ld/fd", pid);
	errno = 0;
	fds = rootfs_list(t, dir);
	seen = errno != EACCES && errno != EPERM;
	for (i = 0; fds && fds[i]; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, fds[i]);
		if (!rootfs_link(t, path, link, sizeof(link)) && uio_of(link, name, sizeof(name)))
			add_holder(devices, name, t, pid, "descriptor");
	}
	rootfs_list_free(fds);
	if (!seen)
		return false;
	snprintf(path, sizeof(path), "/proc/%ld/maps", pid);
	maps = rootfs_read(t, path, MAPS_MAX, NULL);
	for (p = maps; p && (p = strstr(p, " /dev/uio")); p++) {
		if (uio_of(p + 1, name, sizeof(name)))
			add_holder(devices, name, t, pid, "mapping");
	}
	free(maps);
	return true;
}

static void set_line(struct rootfs *t, json_t *d, const char *key, const char *dir,
		     const char *file)
{
	char path[PATH_MAX + 32];
	json_t *line;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	line = rootfs_line(t, path);
	if (line)
		json_object_set_new(d, key, line);
}

static json_t *one_device(struct rootfs *t, const char *name)
{
	json_t *d = json_pack("{s:o, s:[]}", "name", clean_json(name), "holders");
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "/sys/class/uio/%s", name);
	set_line(t, d, "is", dir, "name");
	set_line(t, d, "device", dir, "dev");
	set_line(t, d, "events", dir, "event");
	set_line(t, d, "region", dir, "maps/map0/size");
	snprintf(dir, sizeof(dir), "/dev/%s", name);
	json_object_set_new(d, "node", json_boolean(rootfs_has(t, dir)));
	return d;
}

json_t *uio_facts(struct rootfs *t)
{
	json_t *devices = json_array();
	char **names = rootfs_list(t, "/sys/class/uio"), **pids = NULL;
	json_int_t unseen = 0;
	size_t i;

	for (i = 0; names && names[i] && i < DEVICES_MAX; i++)
		json_array_append_new(devices, one_device(t, names[i]));
	rootfs_list_free(names);
	if (json_array_size(devices))
		pids = rootfs_list(t, "/proc");
	for (i = 0; pids && pids[i]; i++) {
		if (isdigit((unsigned char)*pids[i]) &&
		    !look_into(t, strtol(pids[i], NULL, 10), devices))
			unseen++;
	}
	rootfs_list_free(pids);
	return json_pack("{s:o, s:I}", "devices", devices, "unseen", unseen);
}

/* --- configfs ----------------------------------------------------------------------------------
 */

#define TARGET "/sys/kernel/config/target"

/* Subdirectories of @dir; @what: of which kind. */
static json_t *subdirectories(struct rootfs *t, const char *dir)
{
	json_t *list = json_array();
	char **names = rootfs_list(t, dir), path[PATH_MAX];
	size_t i;

	for (i = 0; names && names[i] && i < 4096; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (strcmp(names[i], "discovery_auth") != 0 && rootfs_is_dir(t, path))
			json_array_append_new(list, clean_json(names[i]));
	}
	rootfs_list_free(names);
	return list;
}

/* Of core/: "user_0" and its devices, but not alua/. */
static json_t *backstores(struct rootfs *t)
{
	json_t *list = json_array(), *hbas = subdirectories(t, TARGET "/core"), *hba;
	char path[PATH_MAX];
	size_t i;

	json_array_foreach(hbas, i, hba)
	{
		if (!strcmp(json_string_value(hba), "alua"))
			continue;
		snprintf(path, sizeof(path), TARGET "/core/%s", json_string_value(hba));
		json_array_append_new(list, json_pack("{s:O, s:o}", "name", hba, "devices",
						      subdirectories(t, path)));
	}
	json_decref(hbas);
	return list;
}

/* The directory is there as soon as the file system is known, mounted or not. */
static bool configfs_mounted(struct rootfs *t)
{
	char *mounts = rootfs_read(t, "/proc/mounts", MOUNTS_MAX, NULL);
	bool yes = mounts && strstr(mounts, " /sys/kernel/config configfs ");

	free(mounts);
	return yes;
}

json_t *target_facts(struct rootfs *t)
{
	json_t *fabrics, *dirs, *dir;
	char path[PATH_MAX];
	size_t i;

	if (!rootfs_has(t, TARGET))
		return json_pack("{s:b, s:b, s:[], s:[]}", "configfs", configfs_mounted(t),
				 "loaded", 0, "fabrics", "backstores");
	fabrics = json_array();
	dirs = subdirectories(t, TARGET);
	json_array_foreach(dirs, i, dir)
	{
		if (!strcmp(json_string_value(dir), "core"))
			continue;
		snprintf(path, sizeof(path), TARGET "/%s", json_string_value(dir));
		json_array_append_new(fabrics, json_pack("{s:O, s:o}", "name", dir, "targets",
							 subdirectories(t, path)));
	}
	json_decref(dirs);
	return json_pack("{s:b, s:b, s:o, s:o}", "configfs", 1, "loaded", 1, "fabrics", fabrics,
			 "backstores", backstores(t));
}
