/* SPDX-License-Identifier: MIT */
/* Facts about processors, from /proc and /sys: for `tcmu-harness env` and for results. */
#include "machine.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"

const char *machine_line(const char *path, char *buf, size_t len)
{
	FILE *f = fopen(path, "re");

	buf[0] = 0;
	if (f && !fgets(buf, (int)len, f))
		buf[0] = 0;
	if (f)
		fclose(f);
	buf[strcspn(buf, "\n")] = 0;
	return buf;
}

const char *machine_cpu(char *buf, size_t len, bool *guest)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];
	char *colon;

	snprintf(buf, len, "unknown");
	*guest = false;
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		colon = strchr(line, ':');
		if (colon && colon[1] && !strncmp(line, "model name", 10))
			snprintf(buf, len, "%s", colon + 2);
	}
	if (f)
		rewind(f);
	/* the line of flags is long: word by word */
	while (f && !*guest && fscanf(f, "%255s", line) == 1)
		*guest = !strcmp(line, "hypervisor");
	if (f)
		fclose(f);
	return buf;
}

const char *machine_governor(char *buf, size_t len)
{
	return machine_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", buf, len);
}

static int add_mitigation(json_t *all, const char *name)
{
	char path[sizeof(VULNERABILITIES) + 256], line[256];

	snprintf(path, sizeof(path), VULNERABILITIES "/%s", name);
	machine_line(path, line, sizeof(line));
	if (!line[0] || !strcmp(line, "Not affected"))
		return 0;
	return json_object_set_new(all, name, json_string(line));
}

json_t *machine_mitigations(void)
{
	json_t *all = json_object();
	DIR *dir = opendir(VULNERABILITIES);
	const struct dirent *entry;

	while (dir && all && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !add_mitigation(all, entry->d_name))
			continue;
		json_decref(all);
		all = NULL;
	}
	if (dir)
		closedir(dir);
	return all;
}
