/* SPDX-License-Identifier: MIT */
/*
 * The objects in configfs: made with names of our own, removed in reverse.
 *
 * Removing can block in the kernel for good (a command that never ends), where not even SIGKILL
 * helps. So it is done by a child that is given a bound and then left alone.
 */
#include "kernel.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REMOVE_MS 15000
#define LUNS	  200

uint64_t kernel_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int kernel_put(const char *dir, const char *file, const char *text)
{
	char path[2 * KERNEL_PATH_MAX];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int put_number(const char *dir, const char *file, long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", value);
	return kernel_put(dir, file, text);
}

int kernel_get(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	buf[0] = 0;
	if (fd < 0)
		return -errno;
	n = read(fd, buf, len - 1);
	close(fd);
	if (n < 0)
		return -errno;
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return 0;
}

/* Runs @fn in a child; false if it does not return in time. */
static bool bounded(void (*fn)(const void *arg), const void *arg, uint32_t ms)
{
	uint64_t end = kernel_now_ms() + ms;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return false;
	if (!pid) {
		setpgid(0, 0);
		fn(arg);
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (kernel_now_ms() > end) {
			kill(pid, SIGKILL);
			return waitpid(pid, &status, WNOHANG) == pid;
		}
		usleep(1000);
	}
	return true;
}

/* One device and its LUN, whatever state they are in. */

static uint32_t find_uio(const struct kernel *k)
{
	char path[KERNEL_PATH_MAX], name[400], want[400];
	uint32_t i;

	snprintf(want, sizeof(want), "tcm-user/%u/%s/", k->site->hba, k->name);
	for (i = 0; i < 256; i++) {
		snprintf(path, sizeof(path), "/sys/class/uio/uio%u/name", i);
		if (!kernel_get(path, name, sizeof(name)) && !strncmp(name, want, strlen(want)))
			return i;
	}
	return UINT32_MAX;
}

void kernel_unit_serial(const struct kernel *k, char *buf, size_t len)
{
	snprintf(buf, len, "harness-%u-%u", k->site->hba, k->serial);
}

/* "tcm-user/0/disk/any/x": what comes after the device's name is free. */
static const char *config_of(const char *name)
{
	int slashes = 0;

	for (; name && *name; name++)
		if (*name == '/' && ++slashes == 3)
			return name + 1;
	return "any/x";
}

static int configure(struct kernel *k, const struct target_opts *o)
{
	const struct ringsim_config *dev = &o->dev;
	char control[512], serial[80];
	int32_t qfull = dev->qfull_time_out_s;
	int rc;

	snprintf(control, sizeof(control),
		 "dev_config=%s,dev_size=%llu,hw_block_size=%u,cmd_ring_size_mb=%u,"
		 "max_data_area_mb=%u,data_pages_per_blk=%u,nl_reply_supported=-1",
		 config_of(o->name), (unsigned long long)o->size_bytes, o->handler.block_size,
		 dev->geo.ring_mb ? dev->geo.ring_mb : 8,
		 dev->geo.data_area_mb ? dev->geo.data_area_mb : 1024,
		 dev->geo.pages_per_blk ? dev->geo.pages_per_blk : 1);
	kernel_unit_serial(k, serial, sizeof(serial));
	rc = kernel_put(k->dir, "control", control);
	if (!rc)
		rc = put_number(k->dir, "attrib/cmd_time_out",
				(dev->cmd_time_out_s + k->divisor - 1) / k->divisor);
	if (!rc)
		rc = put_number(k->dir, "attrib/qfull_time_out",
				qfull > 0 ? (qfull + (int32_t)k->divisor - 1) / (int32_t)k->divisor
					  : qfull);
	if (!rc)
		rc = put_number(k->dir, "attrib/tmr_notification", dev->tmr_notification);
	if (!rc && o->handler.wce)
		rc = kernel_put(k->dir, "attrib/emulate_write_cache", "1");
	if (!rc)
		rc = kernel_put(k->dir, "wwn/vpd_unit_serial", serial);
	if (!rc)
		rc = kernel_put(k->dir, "enable", "1");
	return rc;
}

int kernel_device_make(struct kernel *k, const struct target_opts *o, char *err, size_t len)
{
	int rc;

	do {
		snprintf(k->name, sizeof(k->name), "c%u", ++k->serial);
		snprintf(k->dir, sizeof(k->dir), "%.100s/%s", k->site->hba_dir, k->name);
		rc = mkdir(k->dir, 0755) ? -errno : 0;
	} while (rc == -EEXIST);
	if (rc) {
		snprintf(err, len, "mkdir %s: %s", k->dir, strerror(-rc));
		return rc;
	}
	k->made = true;
	rc = configure(k, o);
	k->uio = rc ? UINT32_MAX : find_uio(k);
	if (!rc && k->uio == UINT32_MAX)
		rc = -ENODEV;
	if (rc)
		snprintf(err, len, "cannot configure and enable %s: %s", k->dir, strerror(-rc));
	return rc;
}

static void lun_paths(const struct kernel *k, char *dir, char *link)
{
	snprintf(dir, KERNEL_PATH_MAX, "%.150s/lun/lun_%u", k->site->tpg, k->lun);
	snprintf(link, KERNEL_PATH_MAX, "%.170s/%.16s", dir, k->name);
}

int kernel_device_export(struct kernel *k)
{
	char dir[KERNEL_PATH_MAX], link[KERNEL_PATH_MAX];
	uint32_t tries;
	int rc = -EEXIST;

	if (k->linked)
		return 0;
	for (tries = 0; rc == -EEXIST && tries < LUNS; tries++) {
		k->lun = (k->serial + tries) % LUNS;
		lun_paths(k, dir, link);
		rc = mkdir(dir, 0755) ? -errno : 0;
	}
	if (!rc && symlink(k->dir, link))
		rc = -errno;
	k->linked = !rc;
	return rc;
}

static void remove_device(const void *arg)
{
	const struct kernel *k = arg;
	char dir[KERNEL_PATH_MAX], link[KERNEL_PATH_MAX];

	/* nothing new comes in, all that is there ends: then nothing below has to wait */
	kernel_put(k->dir, "action/block_dev", "1");
	kernel_put(k->dir, "action/reset_ring", "2");
	if (k->linked) {
		lun_paths(k, dir, link);
		unlink(link);
		rmdir(dir);
	}
	rmdir(k->dir);
}

bool kernel_device_remove(struct kernel *k)
{
	struct stat st;

	if (!k->made)
		return true;
	k->wedged |= !bounded(remove_device, k, REMOVE_MS) || !stat(k->dir, &st);
	k->made = k->linked = false;
	return !k->wedged;
}

/* The site. */

static void each_entry(const char *dir, const char *prefix,
		       void (*fn)(const char *dir, const char *name, void *ctx), void *ctx)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)) != NULL)
		if (!strncmp(e->d_name, prefix, strlen(prefix)))
			fn(dir, e->d_name, ctx);
	closedir(d);
}

static void calm_one(const char *dir, const char *name, void *ctx)
{
	char path[2 * KERNEL_PATH_MAX];

	(void)ctx;
	snprintf(path, sizeof(path), "%.290s/%.90s", dir, name);
	kernel_put(path, "action/block_dev", "1");
	kernel_put(path, "action/reset_ring", "2");
}

static void unlink_one(const char *dir, const char *name, void *ctx)
{
	char path[2 * KERNEL_PATH_MAX];

	(void)ctx;
	snprintf(path, sizeof(path), "%.290s/%.90s", dir, name);
	unlink(path);
}

static void rmdir_one(const char *dir, const char *name, void *ctx)
{
	char path[2 * KERNEL_PATH_MAX];

	(void)ctx;
	snprintf(path, sizeof(path), "%.290s/%.90s", dir, name);
	each_entry(path, "c", unlink_one, NULL); /* a LUN's links are named after devices */
	rmdir(path);
}

static void sweep(const void *arg)
{
	const struct kernel_site *site = arg;
	char luns[2 * KERNEL_PATH_MAX];

	snprintf(luns, sizeof(luns), "%s/lun", site->tpg);
	each_entry(site->hba_dir, "c", calm_one, NULL);
	each_entry(luns, "lun_", rmdir_one, NULL);
	each_entry(site->hba_dir, "c", rmdir_one, NULL);
}

bool kernel_site_sweep(const struct kernel_site *site)
{
	return bounded(sweep, site, REMOVE_MS);
}

static void remove_site(const void *arg)
{
	const struct kernel_site *site = arg;
	char np[2 * KERNEL_PATH_MAX];

	sweep(site);
	snprintf(np, sizeof(np), "%s/np/" KERNEL_PORTAL, site->tpg);
	while (kernel_put(site->tpg, "enable", "0") == -EBUSY)
		usleep(10000); /* sessions of the probe that are ending */
	rmdir(np);
	rmdir(site->tpg);
	rmdir(site->target_dir);
	rmdir(site->hba_dir);
}

void kernel_site_remove(struct kernel_site *site)
{
	if (site->made)
		bounded(remove_site, site, REMOVE_MS);
	site->made = false;
}

static int make_iscsi_target(const struct kernel_site *site)
{
	static const char *const settings[][2] = {
		{ "attrib/authentication", "0" },
		{ "attrib/generate_node_acls", "1" },
		{ "attrib/demo_mode_write_protect", "0" },
		{ "attrib/cache_dynamic_acls", "1" },
		{ "attrib/default_cmdsn_depth", "512" },
		{ "param/InitialR2T", "No" },
		{ "param/FirstBurstLength", "262144" },
		{ "param/MaxRecvDataSegmentLength", "262144" },
		{ "enable", "1" },
	};
	char np[2 * KERNEL_PATH_MAX];
	size_t i;
	int rc = 0;

	snprintf(np, sizeof(np), "%s/np/" KERNEL_PORTAL, site->tpg);
	if (mkdir(site->target_dir, 0755) || mkdir(site->tpg, 0755) || mkdir(np, 0755))
		return -errno;
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]) && !rc; i++)
		rc = kernel_put(site->tpg, settings[i][0], settings[i][1]);
	return rc;
}

static int make_probe_target(const struct kernel_site *site)
{
	if (mkdir(site->target_dir, 0755) || mkdir(site->tpg, 0755))
		return -errno;
	return kernel_put(site->tpg, "enable", "1");
}

/* What is needed of the kernel is loaded, and its fabric in configfs. */
static bool is_ready(enum kernel_fabric fabric)
{
	const char *command =
		fabric == KERNEL_PROBE
			? "modprobe -qa target_core_mod target_core_user 2>/dev/null; "
			  "[ -d /sys/module/tcmu_probe ] || modprobe -q tcmu_probe"
			: "modprobe -qa target_core_mod target_core_user "
			  "iscsi_target_mod 2>/dev/null";
	struct stat st;

	if (system(command) || stat("/sys/module/target_core_user", &st) ||
	    stat(KERNEL_CONFIGFS, &st))
		return false;
	/* registers the fabric; there it may be */
	mkdir(fabric == KERNEL_PROBE ? KERNEL_CONFIGFS "/tcmu_probe" : KERNEL_CONFIGFS "/iscsi",
	      0755);
	mkdir(KERNEL_CONFIGFS "/core", 0755);
	return true;
}

static int make_hba(struct kernel_site *site)
{
	int rc;

	site->hba = 100000 + (uint32_t)getpid() % 100000 * 10;
	do {
		snprintf(site->hba_dir, sizeof(site->hba_dir), KERNEL_CONFIGFS "/core/user_%u",
			 ++site->hba);
		rc = mkdir(site->hba_dir, 0755) ? -errno : 0;
	} while (rc == -EEXIST);
	return rc;
}

int kernel_site_make(struct kernel_site *site, enum kernel_fabric fabric, char *err, size_t len)
{
	bool probe = fabric == KERNEL_PROBE;
	int rc;

	memset(site, 0, sizeof(*site));
	site->fabric = fabric;
	if (!is_ready(fabric)) {
		snprintf(err, len,
			 "no TCMU here: expected root, modules target_core_user and %s, and "
			 "configfs at /sys/kernel/config",
			 probe ? "tcmu_probe (harness/probe)" : "iscsi_target_mod");
		return -ENODEV;
	}
	rc = make_hba(site);
	if (rc) {
		snprintf(err, len, "mkdir %s: %s", site->hba_dir, strerror(-rc));
		return rc;
	}
	site->made = true;
	if (probe)
		snprintf(site->target, sizeof(site->target), "naa.5001405%09x", site->hba);
	else
		snprintf(site->target, sizeof(site->target), "iqn.2026-01.org.tcmu-harness:%u",
			 site->hba);
	snprintf(site->target_dir, sizeof(site->target_dir), KERNEL_CONFIGFS "/%s/%.100s",
		 probe ? "tcmu_probe" : "iscsi", site->target);
	snprintf(site->tpg, sizeof(site->tpg), "%.170s/tpgt_1", site->target_dir);
	rc = probe ? make_probe_target(site) : make_iscsi_target(site);
	if (rc)
		snprintf(err, len, "cannot make the target %s%s: %s", site->target,
			 probe ? "" : " at " KERNEL_PORTAL, strerror(-rc));
	return rc;
}
